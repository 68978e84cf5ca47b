//! Targets of the area `wire`: the pieces that the text protocols share.
//!
//! - `wire_head`: spans lie inside; the scanner gives the same head, index, quirks or error in
//!   any chunking; a head, its limits and its Content-Length never contradict each other.
//! - `wire_text`: what is quoted is read back; lists and parameters lose nothing; a host that
//!   is read and written is the same host.
//! - `wire_digest`: challenges and credentials of any shape are read or refused with an offset
//!   inside; a challenge that is answered gives an answer that its server can read; nobody
//!   gets in who does not know the secret.
//! - `wire_sdp`: every line is reached once, media partition them, offsets lie inside.
//! - `wire_websocket`: both ends give the same outputs in any chunking, and close once and last.

use crate::Target;
use proto_wire::digest::{
    AuthenticationInfo, Challenges, Client, Credential, Credentials, QopSet, Secret, Server,
    ServerConfig, Target as Whose, Verdict,
};
use proto_wire::head::{Index, NameTable, Profile, Scanner};
use proto_wire::length::content_length;
use proto_wire::sdp::{Crypto, Sdp};
use proto_wire::testing::chunks::{bytewise, cut, random, whole};
use proto_wire::text::host::HostPort;
use proto_wire::text::list::Items;
use proto_wire::text::params::Params;
use proto_wire::text::quoted;
use proto_wire::websocket::{ClientRequest, Config, Connection, Event, accept_key};
use proto_wire::{Instant, Limits, Output, ParseError, Rng, Seed, StreamMachine as _};

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("wire_head", wire_head),
    ("wire_text", wire_text),
    ("wire_digest", wire_digest),
    ("wire_sdp", wire_sdp),
    ("wire_websocket", wire_websocket),
];

struct Strict;
impl Profile for Strict {
    const NAMES: &'static NameTable = &NAMES;
    const BARE_CR_ENDS_LINE: bool = false;
}

struct Loose;
impl Profile for Loose {
    const NAMES: &'static NameTable = &NAMES;
    const BARE_CR_ENDS_LINE: bool = true;
}

static NAMES: NameTable = NameTable::new(&[("Content-Length", "l"), ("Via", "v"), ("CSeq", "")]);
const CONTENT_LENGTH: u8 = 1;

/// The four ways to cut `data` that are tried; the last depends on it.
fn cuts(data: &[u8]) -> [Vec<&[u8]>; 4] {
    let middle = data.iter().map(|b| usize::from(*b)).sum::<usize>() % (data.len() + 1);
    [whole(data), bytewise(data), random(data, data.len() as u64), cut(data, middle)]
}

/// The first byte chooses the limits, the rest is the message.
pub fn wire_head(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let limits = if choice & 1 == 0 {
        Limits::default()
    } else {
        let limit = 16 + usize::from(*choice);
        Limits::default().with_head_max(limit).with_line_max(limit / 2).with_header_count_max(3)
    };
    head::<Strict>(data, &limits);
    head::<Loose>(data, &limits);
}

fn head<P: Profile>(data: &[u8], limits: &Limits) {
    let scan = |chunks: &[&[u8]]| {
        let (mut scanner, mut index) = (Scanner::new(), Index::new());
        let mut buffer = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            match scanner.scan::<P>(&buffer, &mut index, limits) {
                Ok(None) => {}
                Ok(Some(len)) => return (Ok(Some(len)), Some(index), None),
                Err(error) => {
                    // What was read before the line that crossed the limit.
                    let read = (index.start(), index.entries().to_vec());
                    return (Err(error), None, Some(read));
                }
            }
        }
        (Ok(None), None, None)
    };
    let [first, rest @ ..] = cuts(data);
    let expected = scan(&first);
    for chunks in rest {
        assert_eq!(scan(&chunks), expected, "cut in {} chunks", chunks.len());
    }
    match expected {
        (Err(error), ..) => assert!(error.offset() <= data.len()),
        (Ok(Some(len)), Some(mut index), _) => {
            assert!(len <= data.len() && len <= limits.head_max);
            assert!(index.entries().len() <= limits.header_count_max);
            assert!(index.start().end() <= len);
            let mut last = index.start().end();
            for field in index.fields(data).iter() {
                assert!(last <= field.offset() && field.value_offset() <= len);
                last = field.value_offset() + field.value().len();
                assert!(last <= len);
                assert!(field.unfolded().len() <= field.value().len());
            }
            for (_, offset) in index.quirks().iter() {
                assert!(offset <= len);
            }
            let (quirks, length) =
                (index.clone(), content_length(&mut index, data, CONTENT_LENGTH));
            match length {
                Ok(None) => assert!(quirks.fields(data).first(CONTENT_LENGTH).is_none()),
                Ok(Some(_)) => assert!(quirks.fields(data).first(CONTENT_LENGTH).is_some()),
                Err(error) => assert!(error.offset() <= len),
            }
        }
        _ => {}
    }
}

/// Any bytes as a value.
pub fn wire_text(data: &[u8]) {
    let items: Vec<_> = Items::new(data).collect();
    assert!(!items.is_empty());
    let mut last = 0;
    for item in &items {
        assert!(last <= item.offset && item.offset + item.bytes.len() <= data.len());
        assert_eq!(&data[item.offset..item.offset + item.bytes.len()], item.bytes);
        last = item.offset + item.bytes.len();
    }
    for separator in *b";,&" {
        let mut last = 0;
        for param in Params::separated(data, separator) {
            assert!(last <= param.offset && param.offset <= param.value_offset);
            last = param.value_offset + param.value.map_or(0, <[u8]>::len);
            assert!(last <= data.len());
            assert!(param.unquoted().is_none_or(|text| text.len() <= data.len()));
        }
    }
    if let Some(end) = quoted::end(data) {
        assert!(end >= 2 && data[0] == b'"' && data[end - 1] == b'"');
    }
    if let Ok(text) = core::str::from_utf8(data) {
        let mut out = String::new();
        quoted::write(&mut out, text).expect("strings take all");
        assert_eq!(quoted::end(out.as_bytes()), Some(out.len()), "nothing breaks out");
        let expected = text.replace(['\r', '\n', '\0'], " ");
        assert_eq!(quoted::unquote(out.as_bytes()).as_ref(), expected.as_bytes());
    }
    match HostPort::parse(data) {
        Ok(host) => {
            let shown = host.to_string();
            assert_eq!(HostPort::parse(shown.as_bytes()), Ok(host));
        }
        Err(error) => assert!(error.offset() <= data.len()),
    }
}

/// Any bytes as a header of either side.
pub fn wire_digest(data: &[u8]) {
    const NOW: Instant = Instant::from_secs(1);
    let inside = |error: &ParseError| error.offset() <= data.len();
    let mut realms = Vec::new();
    for challenge in Challenges::new(data) {
        realms.extend(challenge.realm());
        if let Some(Err(error)) = challenge.digest() {
            assert!(inside(&error));
        }
    }
    let credential = Credential::new("ann", "s3cret").expect("plain text");
    let mut client = Client::new([credential]).with_basic(true);
    let mut rng = Rng::new(&Seed::from_u64(1));
    let answered = client.challenged(Whose::Origin, [data], &[]).is_ok();
    let answers = client.answers(&mut rng, b"PLAY", b"rtsp://h/\"x\"", b"");
    assert_eq!(answered, !answers.is_empty());
    for answer in &answers {
        assert!(realms.iter().any(|realm| realm == answer.realm()));
        assert!(!answer.value().bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)));
        let config = ServerConfig::new(answer.realm()).expect("no control characters");
        let config = config.with_basic(true).with_qop(QopSet::BOTH);
        let mut server = Server::new(config, Seed::from_u64(2));
        let claim = server.claim([answer.value()]).expect("it can be read");
        let mut claim = claim.expect("it is for this realm");
        if claim.is_hashed() {
            assert!(claim.resolve("ann", answer.realm()));
        }
        assert_eq!(claim.username(), "ann");
        let wrong = server.verify(NOW, &claim, b"PLAY", b"", Secret::Password("x"));
        assert!(matches!(wrong, Verdict::Denied(denial) if !denial.is_stale()));
        let right = server.verify(NOW, &claim, b"PLAY", b"", Secret::Password("s3cret"));
        // The nonce is not this server's, so only Basic gets in.
        assert_eq!(matches!(right, Verdict::Accepted(_)), claim.uri().is_none());
    }
    assert!(client.challenged(Whose::Origin, [data], &answers).is_err() || !answered);
    if let Ok(outcome) = client.info(Whose::Origin, data, &answers, b"") {
        assert_ne!(outcome, proto_wire::digest::InfoOutcome::Verified);
    }
    if let Err(error) = Credentials::parse(data) {
        assert!(inside(&error));
    }
    if let Err(error) = AuthenticationInfo::parse(data) {
        assert!(inside(&error));
    }
    let realm = realms.first().map_or("r", |realm| realm.as_ref());
    let config = ServerConfig::new(realm).expect("no control characters").with_basic(true);
    let mut server = Server::new(config, Seed::from_u64(3));
    match server.claim([data]) {
        Ok(Some(claim)) => {
            let verdict = server.verify(NOW, &claim, b"PLAY", b"", Secret::Password("guess me?"));
            let basic = matches!(Credentials::parse(data), Ok(Credentials::Basic(b)) if b.password() == "guess me?");
            assert_eq!(matches!(verdict, Verdict::Accepted(_)), basic);
        }
        Ok(None) => {}
        Err(error) => assert!(inside(&error)),
    }
}

/// Any bytes as a description.
pub fn wire_sdp(data: &[u8]) {
    let sdp = Sdp::new(data);
    let mut last = 0;
    for line in sdp.lines() {
        assert!(line.offset >= last && line.value.len() <= line.raw.len());
        last = line.offset + line.raw.len();
        assert_eq!(&data[line.offset..last], line.raw);
    }
    let media: usize = sdp.media().map(|media| media.lines().count()).sum();
    assert_eq!(sdp.session_lines().count() + media, sdp.lines().count());
    for (_, offset) in sdp.quirks() {
        assert!(offset <= data.len());
    }
    let mut seen = sdp.attributes().count() + sdp.timings().count() + sdp.bandwidths().count();
    seen += usize::from(sdp.origin().is_some()) + usize::from(sdp.connection().is_some());
    for media in sdp.media().take(64) {
        seen += media.formats().count() + media.rtpmaps().count() + media.bandwidths().count();
        seen += usize::from(media.connection().is_some_and(|c| c.ip().is_some()));
        seen += usize::from(media.direction() == media.direction().reversed());
        seen += media.fmtp("96").map_or(0, |fmtp| fmtp.params().count());
        seen += usize::from(media.ptime().is_some()) + usize::from(media.port().is_some());
        seen += media.cryptos().map(|c| c.keys().count() + c.params().count()).sum::<usize>();
        seen += media.key_managements().count();
        for crypto in media.cryptos() {
            let again = Crypto::parse(crypto.to_string().as_bytes()).map(|c| c.to_string());
            assert_eq!(again, Some(crypto.to_string()));
        }
    }
    assert!(seen <= 64 + data.len().saturating_mul(8));
}

/// The first byte chooses the end, and whether the upgrade is done; the rest is what the peer
/// sends.
pub fn wire_websocket(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let is_client = choice & 2 != 0;
    let make = || {
        let config = Config::default().with_message_max(1024).into();
        let seed = Seed::from_u64(1);
        if is_client {
            let request = ClientRequest::new("h", "/x");
            Connection::client(Instant::ZERO, config, seed, request).expect("a good request")
        } else {
            Connection::server(Instant::ZERO, config, seed)
        }
    };
    let mut bytes = Vec::new();
    if choice & 1 == 0 {
        bytes.extend_from_slice(&upgrade(&mut make(), is_client));
    }
    bytes.extend_from_slice(data);
    let run = |chunks: &[&[u8]]| {
        let mut end = make();
        let mut sent = Vec::new();
        let mut events = Vec::new();
        let mut in_time = true;
        let mut drain = |end: &mut Connection| {
            while let Some(output) = end.poll_output() {
                match output {
                    Output::Transmit(bytes) => sent.extend_from_slice(&bytes),
                    Output::Event(event) => {
                        let closed = matches!(event, Event::Closed(_));
                        if let Event::UpgradeRequested(_) = &event {
                            in_time &= end.accept(Instant::ZERO, None).is_ok();
                        }
                        events.push((format!("{event:?}"), closed));
                    }
                }
            }
        };
        for chunk in chunks {
            end.handle_data(Instant::ZERO, chunk);
            drain(&mut end);
        }
        end.handle_eof(Instant::ZERO);
        drain(&mut end);
        let closed = events.iter().filter(|(_, closed)| *closed).count();
        assert!(closed == 1 && events.last().is_some_and(|(_, closed)| *closed));
        // A peer that sends more than fits before the host has answered its request has lost
        // it. When that is depends on the host, so there is nothing to compare.
        in_time.then(|| {
            // What a client sends is masked at random: the number of pongs changes the rest.
            (if is_client { Vec::new() } else { without_pongs(&sent) }, events)
        })
    };
    let [first, rest @ ..] = cuts(&bytes);
    let Some(expected) = run(&first) else {
        return;
    };
    for chunks in rest {
        if let Some(outputs) = run(&chunks) {
            assert_eq!(outputs, expected, "cut in {} chunks", chunks.len());
        }
    }
}

/// What the peer of `end` sends to have the upgrade done.
fn upgrade(end: &mut Connection, is_client: bool) -> Vec<u8> {
    if !is_client {
        return b"GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .to_vec();
    }
    let Some(Output::Transmit(request)) = end.poll_output() else {
        panic!("a client begins with its request");
    };
    let request = core::str::from_utf8(&request).expect("ASCII");
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let proof = accept_key(key.expect("there is a key"));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        proof.as_str()
    )
    .into_bytes()
}

/// The frames of a server without its pongs: of several pings that wait, only the last must
/// be answered (RFC 6455 §5.5.3), so their number depends on when the host drains.
fn without_pongs(sent: &[u8]) -> Vec<u8> {
    let head = sent.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let (mut out, mut rest) = (sent[..head].to_vec(), &sent[head..]);
    while let [kind, len, ..] = rest {
        assert!(*len <= 125, "a server that only answers sends control frames only");
        let (frame, behind) = rest.split_at(2 + usize::from(*len));
        if *kind != 0x8a {
            out.extend_from_slice(frame);
        }
        rest = behind;
    }
    out
}

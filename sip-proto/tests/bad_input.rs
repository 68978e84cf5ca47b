//! What a hostile or broken peer sends, and what a careless caller builds: lengths that conflict, messages
//! that two readers could see differently, line ends in built values, floods, replays.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;

use bytes::Bytes;
use common::*;
use proptest::prelude::*;
use proto_wire::digest::Credential;
use proto_wire::{Limits, ParseErrorKind};
use sip_proto::endpoint::{Refusal, SipEvent};
use sip_proto::headers::{Authorization, WwwAuthenticate};
use sip_proto::home::HomeServer;
use sip_proto::stream::{Framed, Framer};
use sip_proto::{
    BuildError, HeaderName, Index, Message, MessageBuf, Method, RequestBuf, ResponseBuf, StatusCode,
};

const HEAD: &str = "Via: SIP/2.0/TCP h:5060;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: 1@h\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n";

/// What a stream holds: bodies, and the error that ended it.
fn framed(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<ParseErrorKind>) {
    let mut framer = Framer::new(Limits::DEFAULT);
    framer.push(bytes);
    let mut bodies = Vec::new();
    loop {
        match framer.next_item() {
            Some(Ok(Framed::Message(m))) => bodies.push(m.view().body().to_vec()),
            Some(Ok(_)) => {}
            Some(Err(e)) => return (bodies, Some(e.kind())),
            None => return (bodies, None),
        }
    }
}

/// A second request hidden in the body of the first: whoever believes another length sees it.
#[test]
fn conflicting_lengths_are_refused_by_every_reader() {
    let hidden = format!("BYE sip:b@h SIP/2.0\r\n{HEAD}Content-Length: 0\r\n\r\n");
    for rows in [
        "Content-Length: 0\r\nContent-Length: @\r\n",
        "Content-Length: @\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nl: @\r\n",
        "L: @\r\nX: y\r\ncontent-length : 0\r\n",
        "Content-Length: 0, @\r\n",
        "Content-Length:\r\n 0\r\nl:\t@\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: 0x@\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: \r\n",
        "Content-Length: @@@@@@@@@@@@@@@@@@@\r\n",
    ] {
        let rows = rows.replace('@', &hidden.len().to_string());
        let text = format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}{rows}\r\n{hidden}");
        let (bodies, error) = framed(text.as_bytes());
        assert!(bodies.is_empty() && error.is_some(), "{rows}: {bodies:?} {error:?}");
        let datagram = RequestBuf::parse(text).unwrap();
        assert_eq!(datagram.view().validate().unwrap_err().status.as_u16(), 400, "{rows}");
    }
}

/// Header names that one reader takes for Content-Length and another does not.
#[test]
fn a_length_under_an_odd_name_is_no_length_for_any_reader() {
    for name in [
        "Content-Length ",
        "\tContent-Length",
        "Content_Length",
        "Content-Length\u{0}",
        "ContentLength",
        "\u{b}l",
    ] {
        let text = format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}{name}: 2\r\n\r\nhi");
        let (bodies, error) = framed(text.as_bytes());
        let datagram = RequestBuf::parse(text).unwrap();
        if name == "Content-Length " {
            // Legal: white space before the colon.
            assert_eq!((bodies, error), (vec![b"hi".to_vec()], None));
        } else {
            assert_eq!((bodies, error), (vec![], Some(ParseErrorKind::MissingHeader)), "{name:?}");
            assert!(datagram.headers().first(HeaderName::CONTENT_LENGTH).is_none(), "{name:?}");
        }
    }
}

/// Ends of lines and of heads that one reader sees and another does not.
#[test]
fn odd_line_ends_hide_no_header_and_no_message() {
    for (what, text) in [
        ("bare CR", format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}X: a\rl: 2\r\n\r\nhi")),
        ("NUL", format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}X: a\0l: 2\r\n\r\nhi")),
        ("form feed", format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}X: a\x0cl: 2\r\n\r\nhi")),
        ("next line", format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}X: a\u{85}l: 2\r\n\r\nhi")),
        ("a folded length", format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}X: a\r\n l: 2\r\n\r\nhi")),
    ] {
        let request = RequestBuf::parse(text.clone()).unwrap();
        assert!(request.headers().first(HeaderName::CONTENT_LENGTH).is_none(), "{what}");
        let (bodies, error) = framed(text.as_bytes());
        assert_eq!((bodies.len(), error), (0, Some(ParseErrorKind::MissingHeader)), "{what}");
    }
    // An empty line of LF alone ends the head for both, and so does one of CR LF.
    for end in ["\n\n", "\r\n\n", "\n\r\n", "\r\n\r\n"] {
        let text = format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}l: 2{end}hi");
        assert_eq!(framed(text.as_bytes()), (vec![b"hi".to_vec()], None), "{end:?}");
        assert_eq!(&RequestBuf::parse(text).unwrap().body()[..], b"hi", "{end:?}");
    }
}

/// The parts of messages, put together at random: near enough to SIP that both readers get far.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"OPTIONS sip:b@h SIP/2.0\r\n"[..]),
        Just(&b"SIP/2.0 200 OK\r\n"[..]),
        Just(&b"Content-Length: 3\r\n"[..]),
        Just(&b"l: 3\r\n"[..]),
        Just(&b"L :0\r\n"[..]),
        Just(&b"Content-Length: 3, 3\r\n"[..]),
        Just(&b"Content-Length: 4\n"[..]),
        Just(&b"Via: SIP/2.0/UDP h\r\n"[..]),
        Just(&b"X-Odd: \xff\r\n"[..]),
        Just(&b"X: y\r\n folded\r\n"[..]),
        Just(&b"X: y\r"[..]),
        Just(&b"no colon\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b"\n"[..]),
        Just(&b"\r"[..]),
        Just(&b"abc"[..]),
        Just(&b" "[..]),
        Just(&b"\0"[..]),
        Just(&b":"[..]),
    ];
    let start = prop_oneof![
        6 => Just(&b"OPTIONS sip:b@h SIP/2.0\r\n"[..]),
        2 => Just(&b"SIP/2.0 200 OK\r\n"[..]),
        1 => Just(&b""[..]),
    ];
    (start, prop::collection::vec(piece, 0..12), prop::collection::vec(any::<u8>(), 0..6)).prop_map(
        |(start, pieces, tail)| {
            let mut out = start.to_vec();
            out.extend(pieces.concat());
            out.extend(tail);
            out
        },
    )
}

/// Both readers, on the same bytes: what the framer takes as the first message, the parser of datagrams
/// reads from exactly these bytes with the same headers and body; and what the parser takes with a
/// length the framer takes too, and ends at the same byte.
fn readers_agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut framer = Framer::new(Limits::DEFAULT);
    framer.push(bytes);
    let mut first = None;
    while let Some(item) = framer.next_item() {
        match item {
            Ok(Framed::Message(message)) => {
                first = Some((framer.item_offset(), message));
                break;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    if let Some((at, message)) = &first {
        let end = usize::try_from(*at).unwrap() + message.view().as_bytes().len();
        let alone =
            MessageBuf::parse(Bytes::copy_from_slice(message.view().as_bytes()), &Limits::DEFAULT);
        let alone = alone.map_err(|e| TestCaseError::fail(format!("the parser says {e}")))?;
        prop_assert_eq!(alone.view().body(), message.view().body());
        prop_assert_eq!(rows(&alone), rows(message));
        prop_assert!(end <= bytes.len());
        prop_assert!(message.view().headers().first(HeaderName::CONTENT_LENGTH).is_some());
    }
    let mut index = Index::new();
    let Ok(message) = Message::parse_datagram(bytes, &mut index, &Limits::DEFAULT) else {
        return Ok(());
    };
    let (sound, quirks) = match message {
        Message::Request(r) => (r.defect().is_none(), r.quirks()),
        Message::Response(r) => (r.defect().is_none(), r.quirks()),
    };
    let unfinished = quirks.contains(proto_wire::head::Quirk::NoEmptyLine);
    if sound && !unfinished && message.headers().first(HeaderName::CONTENT_LENGTH).is_some() {
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(message.as_bytes());
        let item = framer.next_item();
        let Some(Ok(Framed::Message(framed))) = item else {
            return Err(TestCaseError::fail(format!("the framer says {item:?}")));
        };
        prop_assert_eq!(framed.view().as_bytes(), message.as_bytes());
        prop_assert_eq!(framed.view().body(), message.body());
        prop_assert_eq!(framer.buffered(), 0);
    }
    Ok(())
}

fn rows(message: &MessageBuf) -> Vec<(String, Vec<u8>)> {
    let headers = message.view().headers();
    headers.iter().map(|f| (f.name().to_owned(), f.bytes().to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn framer_and_parser_agree_on_any_bytes(bytes in pieces()) {
        readers_agree(&bytes)?;
    }

    #[test]
    fn framer_and_parser_agree_on_changed_messages(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 0..4),
        length in 0..8_usize,
    ) {
        let text = format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}Content-Length: {length}\r\n\r\nhello");
        let mut bytes = text.into_bytes();
        for (at, byte, insert) in changes {
            let at = at.index(bytes.len());
            let byte = if byte < 128 { b"\r\n :\t,\0l0123"[usize::from(byte) % 12] } else { byte };
            if insert {
                bytes.insert(at, byte);
            } else {
                bytes[at] = byte;
            }
        }
        readers_agree(&bytes)?;
    }

    /// Wherever a stream is cut, the same items come out at the same places.
    #[test]
    fn a_stream_is_the_same_however_it_is_cut(
        parts in prop::collection::vec(pieces(), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = parts.concat();
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let run = |chunks: Vec<&[u8]>| {
            let mut framer = Framer::new(Limits::DEFAULT);
            let mut out = Vec::new();
            for chunk in chunks {
                framer.push(chunk);
                while let Some(item) = framer.next_item() {
                    out.push((framer.item_offset(), item));
                }
            }
            out
        };
        let whole = run(vec![&bytes]);
        prop_assert_eq!(&run(at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect()), &whole);
        prop_assert_eq!(&run(bytes.chunks(1).collect()), &whole);
    }

    /// No value of any kind gets a line into a message that is built.
    #[test]
    fn built_values_stay_in_their_line(
        value in "[a-z<>\"\r\n\0 ;:]{0,24}",
        which in 0..6_u8,
    ) {
        let start = || RequestBuf::build(Method::Options, "sip:a@h").header(HeaderName::SUBJECT, "one");
        let built = match which {
            0 => start().header(HeaderName::FROM, &value).build(),
            1 => start().named("X-Odd", &value).build(),
            2 => start().named(&value, "x").build(),
            3 => start().body(&value, "body").build(),
            4 => RequestBuf::build(Method::Options, &value).header(HeaderName::SUBJECT, "one").build(),
            _ => RequestBuf::build(Method::Other(&value), "sip:a@h").header(HeaderName::SUBJECT, "one").build(),
        };
        let dangerous = value.contains(['\r', '\n', '\0']);
        match built {
            Ok(request) => {
                prop_assert!(!dangerous, "{value:?} was built in");
                let lines = request.as_bytes().split(|b| *b == b'\n').count();
                prop_assert_eq!(lines, if which < 4 { 6 } else { 5 });
                if which != 2 {
                    prop_assert_eq!(request.headers().rows(HeaderName::SUBJECT).count(), 1);
                }
            }
            Err(error) => prop_assert!(!matches!(error, BuildError::Message(_)), "{value:?}: {error}"),
        }
        let tagged = ResponseBuf::build(StatusCode::OK).header(HeaderName::TO, "<sip:a@h>").tagged(&value);
        prop_assert!(tagged.build().is_err() == dangerous);
        let reason = ResponseBuf::build_with_reason(StatusCode::OK, &value).build();
        prop_assert!(reason.is_err() == dangerous);
        let request = start().build().unwrap();
        let mut edits = request.view().edit();
        prop_assert!(edits.push_via(&value).is_err() == dangerous);
        let mut edits = request.view().edit();
        let bad_uri = value.is_empty() || value.bytes().any(|b| b <= b' ');
        prop_assert!(edits.set_uri(&value).is_err() == bad_uri);
    }
}

/// The commands of the machines take texts from people.
#[test]
fn commands_refuse_values_with_line_ends() {
    let evil = "sip:bob@club.example\r\nEvil: yes";
    let mut ann = agent();
    assert!(ann.machine.send_message(ann.now, evil, "text/plain", "x").is_err());
    assert!(ann.machine.send_message(ann.now, "sip:b@h", "text/plain\r\nEvil: yes", "x").is_err());
    ann.drain();
    assert!(ann.sent.is_empty());
    let mut phone = phone();
    assert!(phone.machine.call(phone.now, evil, None).is_err());
    phone.drain();
    assert!(phone.sent.is_empty());
    assert_eq!(phone.machine.calls().count(), 0);
    assert!(Credential::new("ann\r\nEvil: yes", "x").is_err());
}

/// What a peer wrote is copied into replies and forwarded: none of it becomes a line of its own.
#[test]
fn values_of_a_peer_that_are_copied_stay_in_their_line() {
    for call_id in ["1\r\n @h", "1\r\n\tEvil: yes"] {
        let text = asks("OPTIONS", "z9hG4bK1", 1, "", "").replace("by-hand", call_id);
        let request = RequestBuf::parse(text).unwrap();
        let reply =
            ResponseBuf::reply_to(request.view(), StatusCode::OK, Some("t")).build().unwrap();
        let copied = reply.headers().get(HeaderName::CALL_ID).unwrap();
        assert!(!copied.contains(['\r', '\n']), "{copied:?}");
        assert!(reply.headers().named("Evil").next().is_none());
    }
    // A challenge whose realm would break out of the answer is not answered.
    let row = WwwAuthenticate::parse_row("Digest realm=\"a\u{1}b\", nonce=\"n\"");
    assert_eq!(row, 0);
}

trait ParseRow {
    fn parse_row(value: &'static str) -> usize;
}

impl ParseRow for WwwAuthenticate<'_> {
    /// How many challenges of the row can be answered.
    fn parse_row(value: &'static str) -> usize {
        use sip_proto::TypedHeader;
        WwwAuthenticate::parse(value.as_bytes()).map_or(0, |row| row.digests().count())
    }
}

#[test]
fn a_flood_from_one_source_is_refused_with_a_time_and_leaves_room_for_others() {
    let config = listeners(1).with_transactions_max(100).with_transactions_per_source_max(60);
    let mut below = endpoint_with(config);
    let ask = |n: u32| asks("OPTIONS", &format!("z9hG4bK{n}"), n, "", "");
    for n in 0..200 {
        below.receive(9, ask(n));
    }
    assert_eq!(below.machine.transactions(), 60, "at N");
    let refused = below.response();
    assert_eq!(refused.view().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers().get(HeaderName::RETRY_AFTER), Some("10"));
    let overloads = |below: &Hand<sip_proto::Endpoint>| {
        let told = |e: &&SipEvent| matches!(e, SipEvent::Refused { why: Refusal::Overload, .. });
        below.events.iter().filter(told).count()
    };
    assert_eq!((below.sent.len(), overloads(&below)), (140, 140), "each is told, none is kept");
    // A port does not make another source; an address does, and finds room up to the whole.
    below.receive_from("192.0.2.9:9999".parse().unwrap(), ask(1000));
    assert_eq!(below.machine.transactions(), 60);
    for n in 0..50 {
        let from_8 =
            asks("OPTIONS", &format!("z9hG4bKo{n}"), n, "", "").replace("192.0.2.9", "192.0.2.8");
        below.receive(8, from_8);
    }
    assert_eq!(below.machine.transactions(), 100);
    // A retransmission is not refused: its transaction is there.
    below.sent.clear();
    below.receive(9, ask(1));
    assert_eq!(below.words(), [""; 0]);
    // When theirs end, there is room again.
    let ids: Vec<_> = below
        .events
        .iter()
        .filter_map(|e| match e {
            SipEvent::Request { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    for id in ids {
        let reply = below.machine.reply(id, StatusCode::OK).unwrap().build().unwrap();
        below.machine.respond(below.now, id, &reply).unwrap();
    }
    below.drain();
    below.wait(32_000);
    assert_eq!(below.machine.transactions(), 0);
    below.events.clear();
    below.receive(9, ask(5000));
    assert!(matches!(&below.events[..], [SipEvent::Request { .. }]), "{:?}", below.events);
}

/// An answer that somebody overheard is worth nothing: not for the same request again, not for another
/// method or URI, not with another count.
#[test]
fn overheard_credentials_open_nothing() {
    let register = |cseq: u32, rows: &str| {
        asks("REGISTER", &format!("z9hG4bKr{cseq}"), cseq, rows, "")
            .replace("sip:u1@192.0.2.1 SIP", "sip:club.example SIP")
            .replace("sip:u1@example.com", "sip:ann@club.example")
            .replace("sip:peer@example.com", "sip:ann@club.example")
    };
    let mut home = home(true);
    home.receive(9, register(1, ""));
    let rows: String = home
        .response()
        .headers()
        .all(HeaderName::WWW_AUTHENTICATE)
        .map(|row| format!("WWW-Authenticate: {row}\r\n"))
        .collect();
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let refusal = answers(ann.request().view(), 401, "r", &rows, "");
    ann.receive(9, refusal);
    let request = ann.request();
    let row = request.headers().typed::<Authorization<'_>>().unwrap().unwrap();
    assert!(!format!("{row:?}").contains("response"), "no secrets in logs");
    let credentials = format!("Authorization: {row}\r\n");
    let send = |home: &mut Hand<HomeServer>, text: String| {
        home.sent.clear();
        home.receive(9, text);
        home.supply_secrets();
        home.status()
    };
    assert_eq!(send(&mut home, register(2, &credentials)), 200);
    for n in 3..20 {
        assert_eq!(send(&mut home, register(n, &credentials)), 401, "the same again");
    }
    let counted = credentials.replace("nc=00000001", "nc=00000002");
    assert_ne!(counted, credentials);
    assert!(matches!(send(&mut home, register(30, &counted)), 401 | 403), "another count");
    let message = asks("MESSAGE", "z9hG4bKm", 40, &counted, "hi")
        .replace("sip:u1@192.0.2.1 SIP", "sip:ann@club.example SIP")
        .replace("sip:peer@example.com", "sip:ann@club.example");
    assert!(matches!(send(&mut home, message), 401 | 403 | 407), "another method");
    assert_eq!(home.machine.bindings("ann@club.example").len(), 1);
}

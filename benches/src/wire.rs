//! Operations of the area `wire`.

use crate::inputs::{rtsp, sip};
use crate::{Op, Run};
use proto_wire::digest::{
    Challenges, Client, Credential, Credentials, DigestChallenge, Secret, Server, ServerConfig,
    Target, Verdict,
};
use proto_wire::head::{Index, NameTable, Profile, Scanner};
use proto_wire::sdp::Sdp;
use proto_wire::{Instant, Limits, Rng, Seed};

/// The operations of this area.
pub const OPS: &[Op] = &[
    Op {
        name: "wire/head/invite",
        items: 1,
        allocates: false,
        make: || heads(vec![sip::invite()], usize::MAX),
    },
    Op {
        name: "wire/head/varied",
        items: crate::inputs::VARIED as u32,
        allocates: false,
        make: || heads(sip::varied(), usize::MAX),
    },
    Op {
        name: "wire/head-bytewise/invite",
        items: 1,
        allocates: false,
        make: || heads(vec![sip::invite()], 1),
    },
    Op { name: "wire/sdp/described", items: 1, allocates: false, make: sdp },
    Op { name: "wire/sdp-quirks/described", items: 1, allocates: false, make: sdp_quirks },
    Op { name: "wire/challenge/sha-256", items: 1, allocates: false, make: challenge },
    Op { name: "wire/credentials/register", items: 1, allocates: false, make: credentials },
    Op { name: "wire/digest-answer/sha-256", items: 1, allocates: true, make: answer },
    Op { name: "wire/digest-verify/sha-256", items: 1, allocates: true, make: verify },
];

struct Names;
impl Profile for Names {
    const NAMES: &'static NameTable = &NameTable::new(&[
        ("Via", "v"),
        ("From", "f"),
        ("To", "t"),
        ("Call-ID", "i"),
        ("CSeq", ""),
        ("Contact", "m"),
        ("Content-Length", "l"),
        ("Content-Type", "c"),
    ]);
    const BARE_CR_ENDS_LINE: bool = false;
}

/// Scans each message, `chunk` bytes more at a time.
fn heads(messages: Vec<Vec<u8>>, chunk: usize) -> Run {
    let mut index = Index::new();
    Box::new(move || {
        let mut sum = 0;
        for message in &messages {
            let mut scanner = Scanner::new();
            let mut fed = 0_usize;
            let head = loop {
                fed = fed.saturating_add(chunk).min(message.len());
                let scanned = scanner.scan::<Names>(&message[..fed], &mut index, &Limits::DEFAULT);
                if let Some(head) = scanned.expect("within the limits") {
                    break head;
                }
            };
            sum += head as u64 + index.entries().len() as u64;
        }
        sum
    })
}

fn description() -> Vec<u8> {
    let reply = rtsp::described();
    let at = reply.windows(4).position(|four| four == b"\r\n\r\n").expect("a body");
    reply[at + 4..].to_vec()
}

/// What a player asks a description.
fn sdp() -> Run {
    let bytes = description();
    Box::new(move || {
        let sdp = Sdp::new(&bytes);
        let mut sum = sdp.name().map_or(0, str::len) + sdp.control().map_or(0, str::len);
        for media in sdp.media() {
            sum += media.kind().len() + media.control().map_or(0, str::len);
            for format in media.formats() {
                let payload_type = format.parse().unwrap_or(0);
                sum += media.rtpmap(payload_type).map_or(0, |map| map.clock_rate as usize);
                sum += media.fmtp(format).map_or(0, |fmtp| fmtp.params().count());
            }
        }
        sum as u64
    })
}

fn sdp_quirks() -> Run {
    let bytes = description();
    Box::new(move || {
        let mut count = bytes.len() as u64;
        Sdp::new(&bytes).visit_quirks(|_, _| count += 1);
        count
    })
}

const CHALLENGE: &[u8] = b"Digest realm=\"club.example\", nonce=\"00000000ad1f7c4b9be5b2a4f6e2\", \
    opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", algorithm=SHA-256, qop=\"auth,auth-int\"";

fn challenge() -> Run {
    Box::new(|| {
        let mut found = Challenges::new(CHALLENGE).filter_map(|c| c.digest()?.ok());
        let read = |c: DigestChallenge<'_>| c.realm.len() + c.nonce.len();
        found.next().map_or(0, read) as u64
    })
}

fn credentials() -> Run {
    let register = sip::register();
    let text = String::from_utf8(register).expect("a text message");
    let (_, value) = text.split_once("\r\nAuthorization: ").expect("it is authorized");
    let (value, _) = value.split_once("\r\n").expect("a line");
    let value = value.to_owned();
    Box::new(move || match Credentials::parse(value.as_bytes()) {
        Ok(Credentials::Digest(digest)) => (digest.uri.len() + digest.response.len()) as u64,
        _ => panic!("Digest was sent"),
    })
}

fn client() -> Client {
    let credential = Credential::new("ann", "s3cret").expect("plain text");
    Client::new([credential])
}

fn answer() -> Run {
    let mut client = client();
    client.challenged(Target::Origin, [CHALLENGE], &[]).expect("it can be answered");
    let mut rng = Rng::new(&Seed::from_u64(1));
    Box::new(move || {
        let answers = client.answers(&mut rng, b"REGISTER", b"sip:club.example", b"");
        answers.iter().map(|answer| answer.value().len() as u64).sum()
    })
}

/// Reads and judges one answer. Without `qop`, so that it may come again and again.
fn verify() -> Run {
    let config = ServerConfig::new("club.example").expect("plain text");
    let config = config.with_qop(proto_wire::digest::QopSet::default());
    let mut server = Server::new(config, Seed::from_u64(2));
    let now = Instant::from_secs(1);
    let mut client = client();
    let challenges = server.challenges(now, false);
    client.challenged(Target::Origin, challenges, &[]).expect("it can be answered");
    let mut rng = Rng::new(&Seed::from_u64(1));
    let answers = client.answers(&mut rng, b"REGISTER", b"sip:club.example", b"");
    Box::new(move || {
        let values = answers.iter().map(|answer| answer.value());
        let claim = server.claim(values).expect("it can be read").expect("for this realm");
        match server.verify(now, &claim, b"REGISTER", b"", Secret::Password("s3cret")) {
            Verdict::Accepted(accepted) => accepted.username().len() as u64,
            Verdict::Denied(denial) => panic!("{denial}"),
        }
    })
}

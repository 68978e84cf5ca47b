//! How the cost of one message grows with its size: `curves`, lines of `curve TAB series TAB size TAB
//! nanoseconds` for `benches/report`. Nanoseconds of processor time; the least of twenty batches, because what
//! disturbs only adds.

use benches::clock::thread_cpu_nanos;
use benches::live::Live;
use proto_wire::Limits;
use std::hint::black_box;
use xmpp_proto::xml::{Scanner, XmlLimits};

const HEADERS: [usize; 7] = [2, 4, 8, 16, 32, 64, 120];
const BODIES: [usize; 6] = [64, 512, 4_096, 32_768, 262_144, 1_000_000];
const DEPTHS: [usize; 5] = [1, 8, 64, 512, 4_096];
const LIVE: [u32; 5] = [1, 1_000, 10_000, 100_000, 1_000_000];

fn main() {
    for count in HEADERS {
        let extra =
            (0..count).map(|n| format!("X-Header-{n:03}: some value of usual length {n}\r\n"));
        let extra: String = extra.collect();
        tell("headers", "SIP", count, sip(&extra, 0));
        tell("headers", "RTSP", count, rtsp(&extra, 0));
    }
    for bytes in BODIES {
        tell("body", "SIP", bytes, sip("", bytes));
        tell("body", "RTSP", bytes, rtsp("", bytes));
        tell("body", "XMPP", bytes, xmpp(&"text ".repeat(bytes / 5)));
    }
    for depth in DEPTHS {
        tell(
            "nesting",
            "XMPP",
            depth,
            xmpp(&format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))),
        );
    }
    for count in LIVE {
        let mut live = Live::new(count);
        tell("live", "SIP", count as usize, least(|| live.message() as u64));
    }
}

fn tell(curve: &str, series: &str, size: usize, nanos: f64) {
    println!("{curve}\t{series}\t{size}\t{nanos:.1}");
}

/// Nanoseconds of one call of `work`.
fn least(mut work: impl FnMut() -> u64) -> f64 {
    let mut runs = 1_u32;
    let mut time = |runs| {
        let before = thread_cpu_nanos();
        for _ in 0..runs {
            black_box(work());
        }
        thread_cpu_nanos() - before
    };
    while time(runs) < 2_000_000 {
        runs *= 2;
    }
    (0..20).map(|_| time(runs) as f64 / f64::from(runs)).fold(f64::MAX, f64::min)
}

fn limits() -> Limits {
    Limits::DEFAULT.with_body_max(2_000_000)
}

fn sip(extra: &str, body: usize) -> f64 {
    let message = format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@192.0.2.1\r\n\
         CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n{extra}Content-Length: {body}\r\n\r\n{}",
        "x".repeat(body)
    );
    let (limits, mut index) = (limits(), sip_proto::Index::new());
    least(move || {
        let message = sip_proto::Message::parse_datagram(message.as_bytes(), &mut index, &limits);
        let message = message.expect("parses");
        message.headers().len() as u64 + message.body().len() as u64
    })
}

fn rtsp(extra: &str, body: usize) -> f64 {
    let message = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 47112344\r\n{extra}Content-Length: {body}\r\n\r\n{}",
        "x".repeat(body)
    );
    let (limits, mut index) = (limits(), rtsp_proto::Index::new());
    least(move || {
        let message = rtsp_proto::Message::parse(message.as_bytes(), &mut index, &limits);
        let (message, used) = message.expect("parses").expect("whole");
        message.headers().fields().len() as u64 + used as u64
    })
}

fn xmpp(inside: &str) -> f64 {
    let stanza = format!(
        "<message xmlns='jabber:client' to='bob@example.com' type='chat'><body>{inside}</body></message>"
    );
    let limits = XmlLimits::POST_AUTH
        .with_stanza_max(4_000_000)
        .with_depth_max(10_000)
        .with_value_max(4_000_000);
    let mut scanner = Scanner::fragment(limits);
    least(move || {
        let frame = scanner.scan(stanza.as_bytes()).expect("well-formed").expect("whole");
        scanner.tape().len() as u64 + frame.len as u64
    })
}

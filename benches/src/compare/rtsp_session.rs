//! A whole session of both sides in memory: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, beside
//! `rtsp-runtime`. What was answered, with which status, and the channels that were agreed on.
//!
//! The work is alike: both sides build five requests and five answers, cut and parse all ten, keep
//! the session's state, and agree on a transport. Where it differs, ours does more: it lists its
//! methods for OPTIONS, answers DESCRIBE with a base and a description, draws session ids of 128
//! bits from a cipher, sends User-Agent and keeps timers; the peer's server has no methods and no
//! description to give, and takes its ids from the caller. Our configurations are made once, as a host
//! has one for all its connections; the peer has none.

use super::{Row, Set, Side, Sink};
use crate::rtsp::{Host, session};
use crate::side;
use ::rtsp_runtime::{ClientEvent, ClientSession, ServerSession, Transport, TransportSpec};

/// The rows of this file.
#[must_use]
pub fn rows() -> Vec<Row> {
    let set = Set::one("whole", b"rtsp://camera.example.com/live/".to_vec());
    // The ten messages are not counted: each side writes its own.
    let ours = Side { bytes: 0, ..side!(&set, <[u8]>::to_vec, Host::default(), ours) };
    let theirs = Side { bytes: 0, ..side!(&set, <[u8]>::to_vec, theirs) };
    vec![Row { name: "rtsp/session/whole".into(), peer: "rtsp-runtime", items: 1, ours, theirs }]
}

fn ours(url: &[u8], host: &mut Host, sink: &mut impl Sink) {
    let url = core::str::from_utf8(url).expect("text");
    session(host, url, usize::MAX, |method, status| {
        sink.text(method.name().as_bytes());
        sink.number(u64::from(status.code()));
    });
}

fn theirs(url: &[u8], sink: &mut impl Sink) {
    let url = core::str::from_utf8(url).expect("text");
    let mut server = ServerSession::new(|| 0x0123_4567_89ab_cdef);
    let mut client = ClientSession::new();
    let offer = Transport::single(TransportSpec::rtp_avp_tcp_interleaved(0, 1));
    for step in 0..5 {
        let request = match step {
            0 => client.options(url),
            1 => client.describe(url),
            2 => client.setup("rtsp://camera.example.com/live/trackID=1", &offer),
            3 => client.play(url),
            _ => client.teardown(url),
        };
        let (response, _events) = server.handle_request(&request.expect("asks")).expect("answers");
        for event in client.handle_data_strict(&response).expect("reads") {
            if let ClientEvent::Response { method, status, .. } = event {
                sink.text(<&str>::from(&method).as_bytes());
                sink.number(u64::from(u16::from(status)));
            }
        }
    }
}

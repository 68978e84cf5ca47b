#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use super::tests::{Host, quiet};
use super::*;
use alloc::format;
use core::time::Duration;

/// Public list, what is sent as a sign of life.
#[test]
fn signs_of_life_use_what_the_server_offers() {
    for (public, method) in [
        ("", "OPTIONS"),
        ("Public: PLAY\r\n", "OPTIONS"),
        ("Public: SET_PARAMETER\r\n", "SET_PARAMETER"),
        ("Public: SET_PARAMETER, GET_PARAMETER\r\n", "GET_PARAMETER"),
    ] {
        let mut host = Host::new(quiet());
        host.client.options(host.now, "*").unwrap();
        host.sent();
        host.answer(1, 200, public);
        host.playing();
        assert_eq!(host.later(9), "");
        let sign =
            format!("{method} rtsp://h/a RTSP/1.0\\r\\nCSeq: 4\\r\\nSession: abc\\r\\n\\r\\n");
        assert_eq!(host.later(1), sign, "at half of 20 s");
        assert_eq!(host.answer(4, 200, ""), [], "nobody is told");
        assert_eq!(host.later(9), "");
        assert!(host.later(1).starts_with(method));
        // A method that fails is replaced at once and not used again, and a missing answer
        // ends nothing.
        assert_eq!(host.answer(5, 400, ""), []);
        let next = if public.contains("GET_PARAMETER") { "SET_PARAMETER" } else { "OPTIONS" };
        let replaced = host.sent();
        assert_eq!(replaced.starts_with(next), method != "OPTIONS", "{replaced}");
        assert!(host.later(10).starts_with(next));
        host.later(10);
        host.later(10);
        assert_eq!(host.events, []);
        assert_eq!(host.client.sessions().count(), 1);
    }
}

#[test]
fn requests_are_signs_of_life_and_454_to_one_ends_the_session() {
    let mut host = Host::new(quiet());
    let key = host.playing();
    host.later(9);
    host.client.pause(host.now, key).unwrap();
    host.sent();
    host.answer(3, 200, "");
    assert_eq!(host.later(9), "");
    assert!(host.later(1).starts_with("OPTIONS"));
    let events = host.answer(4, 454, "");
    assert_eq!(events, [Event::SessionEnded { session: key, reason: SessionEnd::NotFound }]);
    assert_eq!(host.client.poll_timeout(), None);
    let mut host = Host::new(quiet().with_keep_alive(KeepAlive::Off));
    host.playing();
    assert_eq!(host.later(1000), "");
    let mut host = Host::new(quiet().with_keep_alive(KeepAlive::Every(Duration::from_secs(3))));
    host.playing();
    assert!(host.later(3).starts_with("OPTIONS"));
}

//! Messages for users who are away.

use super::tests::{MESSAGE, addr, home_with, register, transmits};
use super::*;
use crate::message::HeaderName;

/// RFC 3428 §7: kept and answered with 202, sent when the user is back; never asked for when it is not
/// wanted.
#[test]
fn messages_for_users_who_are_away_are_kept_by_the_application() {
    let mut home = home_with(|c| c.without_authentication().with_stored_messages(true));
    let ask = |home: &mut HomeServer, branch: &str| {
        let text = MESSAGE.replace("z9hG4bKm", branch);
        let remote = addr(9);
        let input = SipInput::Datagram { local: addr(1), remote, data: text.as_bytes() };
        home.handle_input(Instant::ZERO, input);
        loop {
            match home.poll_output() {
                Some(Output::Event(HomeEvent::StoreWanted { id, address, request })) => {
                    break (id, address, request);
                }
                Some(_) => {}
                None => panic!("nobody is asked"),
            }
        }
    };
    let (id, address, kept) = ask(&mut home, "z9hG4bK-1");
    assert_eq!(address, "bob@club.example");
    home.stored(Instant::ZERO, id, Ok(()));
    assert!(transmits(&mut home)[0].1.starts_with("SIP/2.0 202 Accepted\r\n"));
    home.stored(Instant::ZERO, id, Ok(()));
    assert!(transmits(&mut home).is_empty());
    let (id, ..) = ask(&mut home, "z9hG4bK-2");
    home.stored(Instant::ZERO, id, Err(StatusCode::NOT_FOUND));
    assert!(transmits(&mut home)[0].1.starts_with("SIP/2.0 404 "));
    // The user is back.
    register(&mut home, 3, "");
    let date = "Sat, 13 Nov 2010 23:29:00 GMT";
    let headers = [(HeaderName::DATE, date)];
    let from = "sip:ann@club.example";
    home.send_message_with(Instant::ZERO, from, &address, "text/plain", kept.body(), &headers)
        .unwrap();
    let out = transmits(&mut home);
    assert_eq!(out[0].0, addr(3));
    let sent = RequestBuf::parse(out[0].1.clone().into_bytes()).unwrap();
    assert_eq!((sent.headers().get(HeaderName::DATE), &*sent.body()), (Some(date), &b"hi"[..]));
    assert!(sent.headers().get(HeaderName::FROM).unwrap().starts_with("<sip:ann@club.example>"));
    // An application that never answers leaves nothing behind.
    let mut home = home_with(|c| c.without_authentication().with_stored_messages(true));
    ask(&mut home, "z9hG4bK-3");
    while let Some(at) = home.poll_timeout() {
        home.handle_timeout(at);
        transmits(&mut home);
    }
    assert!(home.storing.is_empty());
}

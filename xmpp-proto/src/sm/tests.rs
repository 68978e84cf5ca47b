#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::acks::Acks;
use super::*;
use crate::xml::{Document, Ns};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use bytes::Bytes;
use proptest::prelude::*;

fn stanza(n: u64) -> StanzaXml {
    StanzaXml::spliced(format!("<message id='{n}'/>"))
}

fn text(n: u64) -> Bytes {
    Bytes::from(stanza(n).into_string())
}

/// Fact: six of ten implementations compare `h` as plain numbers and break at 2^32.
#[test]
fn counters_wrap_at_two_to_the_32() {
    let mut acks = Acks { acked: u32::MAX - 1, handled: u32::MAX, ..Acks::default() };
    let tokens: Vec<_> = (0..5).map(|n| acks.track(text(n))).collect();
    assert_eq!(acks.send_count(), 3);
    assert_eq!(acks.ack(u32::MAX), Some(vec![tokens[0]]));
    assert_eq!(acks.ack(u32::MAX), Some(vec![]));
    assert_eq!(acks.ack(4), None, "more than were sent");
    assert_eq!(acks.ack(u32::MAX - 1), None, "taken back");
    assert_eq!(acks.ack(1), Some(vec![tokens[1], tokens[2]]));
    assert_eq!(acks.ack(3), Some(vec![tokens[3], tokens[4]]));
    assert_eq!((acks.len(), acks.bytes), (0, 0));
    acks.count_handled();
    assert_eq!(acks.handled(), 0);
}

#[test]
fn elements_are_read_in_both_spellings() {
    let read = |xml: &str| {
        let xml = xml
            .replace('>', " xmlns='urn:xmpp:sm:3'>")
            .replace("/ xmlns='urn:xmpp:sm:3'>", " xmlns='urn:xmpp:sm:3'/>");
        SmElement::read(Document::parse(xml.as_bytes()).unwrap().root())
    };
    let secs = |s| Some(Duration::from_secs(s));
    let enabled =
        |resume, max| SmElement::Enabled { id: Some("x".into()), resume, max, location: None };
    for (xml, expected) in [
        ("<r/>", Some(SmElement::Request)),
        ("<a h='4294967295'/>", Some(SmElement::Ack(Some(u32::MAX)))),
        ("<a h='4294967296'/>", Some(SmElement::Ack(None))),
        ("<a h='-1'/>", Some(SmElement::Ack(None))),
        ("<a/>", Some(SmElement::Ack(None))),
        ("<enable/>", Some(SmElement::Enable { resume: false, max: None })),
        ("<enable resume='1' max='7'/>", Some(SmElement::Enable { resume: true, max: secs(7) })),
        ("<enabled id='x' resume='true'/>", Some(enabled(true, None))),
        ("<enabled id='x' resume='0' max='x'/>", Some(enabled(false, None))),
        ("<resume previd='p' h='3'/>", Some(SmElement::Resume { id: "p".into(), h: Some(3) })),
        ("<resumed/>", Some(SmElement::Resumed { id: String::new(), h: None })),
        ("<failed h='2'/>", Some(SmElement::Failed { h: Some(2), condition: None })),
        ("<other/>", None),
    ] {
        assert_eq!(read(xml), expected, "{xml}");
    }
    let failed =
        Document::parse(failed(crate::stanza::Condition::ItemNotFound, Some(1)).as_bytes())
            .unwrap();
    assert_eq!(
        SmElement::read(failed.root()),
        Some(SmElement::Failed {
            h: Some(1),
            condition: Some(crate::stanza::Condition::ItemNotFound)
        })
    );
}

#[test]
fn what_is_written_is_read() {
    let parse = |text: &str| SmElement::read(Document::parse(text.as_bytes()).unwrap().root());
    assert_eq!(parse(REQUEST), Some(SmElement::Request));
    assert_eq!(parse(&ack(9)), Some(SmElement::Ack(Some(9))));
    assert_eq!(parse(&enable(None)), Some(SmElement::Enable { resume: false, max: None }));
    let max = Duration::from_secs(60);
    assert_eq!(parse(&enable(Some(max))), Some(SmElement::Enable { resume: true, max: Some(max) }));
    let location = Some("[::1]:9222".to_string());
    assert_eq!(
        parse(&enabled(Some(("a'b", max)), location.as_deref())),
        Some(SmElement::Enabled { id: Some("a'b".into()), resume: true, max: Some(max), location })
    );
    assert_eq!(parse(&resume("<", 1)), Some(SmElement::Resume { id: "<".into(), h: Some(1) }));
    assert_eq!(parse(&resumed("&", 2)), Some(SmElement::Resumed { id: "&".into(), h: Some(2) }));
    let in_stream =
        format!("<s xmlns:stream='http://etherx.jabber.org/streams'>{}</s>", too_high(10, 8));
    let error = Document::parse(in_stream.as_bytes()).unwrap();
    let error = error.root().children().next().unwrap();
    let detail = error.child(Ns::SM, "handled-count-too-high").unwrap();
    assert_eq!(
        (detail.attr("h").as_deref(), detail.attr("send-count").as_deref()),
        (Some("10"), Some("8"))
    );
}

fn session(entries: &[(u64, bool)]) -> SmSession {
    let mut acks = Acks { handled: 7, acked: u32::MAX, ..Acks::default() };
    for (n, sent) in entries {
        acks.next = *n;
        if *sent {
            acks.track(text(*n))
        } else {
            acks.hold(text(*n))
        };
    }
    SmSession {
        id: "some-long-sm-id".into(),
        jid: "juliet@capulet.example/balcony".parse().unwrap(),
        resumable: true,
        max: Duration::from_secs(600),
        location: Some("[2001:db8::1]:9222".into()),
        acks,
    }
}

#[test]
fn a_session_survives_being_written_down() {
    for entries in [&[][..], &[(3, true)], &[(3, true), (5, true), (9, false)], &[(0, false)]] {
        let session = session(entries);
        let bytes = session.to_bytes();
        assert_eq!(SmSession::from_bytes(&bytes), Ok(session));
        // Nothing that is cut short is a session, unless a whole stanza is missing.
        for len in 0..bytes.len() {
            if let Ok(shorter) = SmSession::from_bytes(&bytes[..len]) {
                assert!(shorter.len() < entries.len());
            }
        }
    }
    let mut other = session(&[]).to_bytes();
    other[3] = b'2';
    assert_eq!(SmSession::from_bytes(&other), Err(SmStateError::Version));
    // A stanza in the file is one element and nothing else: no way to smuggle a second.
    let mut smuggled = session(&[]);
    smuggled.acks.next = 1;
    smuggled.acks.track(Bytes::from_static(b"<message/><iq/>"));
    assert_eq!(SmSession::from_bytes(&smuggled.to_bytes()), Err(SmStateError::Content));
}

#[test]
fn the_queue_holds_n_and_not_one_more() {
    let config = SmConfig::new().with_unacked_max(3);
    let mut session = session(&[]);
    for n in 0..3 {
        session.push(&config, stanza(n)).unwrap();
    }
    assert_eq!(session.push(&config, stanza(4)), Err(SmFull));
    assert_eq!(session.len(), 3);
    let mut bytes = SmConfig::new();
    bytes.unacked_bytes_max = session.acks.bytes;
    assert_eq!(session.push(&bytes, stanza(4)), Err(SmFull));
    bytes.unacked_bytes_max += 1;
    assert!(session.push(&bytes, stanza(4)).is_ok());
}

proptest! {
    /// Against a plain model with 64-bit numbers, from any start of the counter.
    #[test]
    fn acknowledgements_follow_a_model(start in any::<u32>(), steps in prop::collection::vec(0u32..12, 0..60)) {
        let mut acks = Acks { acked: start, ..Acks::default() };
        let (mut sent, mut acked) = (0_u64, 0_u64);
        for step in steps {
            if step < 6 {
                acks.track(text(sent));
                sent += 1;
                continue;
            }
            let claim = (acked + u64::from(step)).saturating_sub(7);
            let h = start.wrapping_add(u32::try_from(claim).unwrap());
            let answer = acks.ack(h);
            if claim < acked || claim > sent {
                prop_assert_eq!(answer, None);
            } else {
                let expected: Vec<_> = (acked..claim).map(StanzaToken).collect();
                prop_assert_eq!(answer, Some(expected));
                acked = claim;
            }
            prop_assert_eq!(acks.len() as u64, sent - acked);
        }
    }
}

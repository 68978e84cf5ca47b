//! The headers of calls, events and preferences: examples, refusals, round trips.

use super::*;
use crate::message::{Method, TypedHeader};
use alloc::string::{String, ToString};
use proptest::prelude::*;
use proto_wire::{ParseErrorKind, Timestamp};

fn again<'a, T: TypedHeader<'a> + core::fmt::Display>(text: &'a str) -> String {
    T::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
}

fn refused<'a, T: TypedHeader<'a>>(texts: &'a [&'a str]) {
    for text in texts {
        assert!(T::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn every_header_prints_as_it_was_read() {
    for (text, printed) in [
        ("776656 1 INVITE", again::<RAck<'_>>("776656 1 INVITE")),
        ("988789", again::<RSeq>("988789")),
        ("4000;refresher=uac", again::<SessionExpires>("4000;refresher=uac")),
        ("90", again::<MinSe>("90")),
        (
            "98732@sip.example.com;to-tag=r33th4x0r;from-tag=ff87ff;early-only",
            again::<Replaces<'_>>(
                "98732@sip.example.com;from-tag=ff87ff;to-tag=r33th4x0r;early-only",
            ),
        ),
        ("a@b;to-tag=1;from-tag=2", again::<Join<'_>>("a@b;to-tag=1;from-tag=2")),
        ("a@b;remote-tag=1;local-tag=2", again::<TargetDialog<'_>>("a@b;local-tag=2;remote-tag=1")),
        ("presence.winfo;id=7", again::<Event<'_>>("presence.winfo;id=7")),
        ("active;expires=3599", again::<SubscriptionState<'_>>("active;expires=3599")),
        (
            "Q.850;cause=16;text=\"Terminated\"",
            again::<Reason<'_>>("Q.850;cause=16;text=\"Terminated\""),
        ),
        ("*;audio;require", again::<AcceptContact<'_>>("*;audio;require")),
        ("*;actor=\"msg-taker\";video", again::<RejectContact<'_>>("*;actor=\"msg-taker\";video")),
        ("application/sdp;level=1", again::<Accept<'_>>("application/sdp;level=1")),
        ("session;handling=optional", again::<ContentDisposition<'_>>("session;handling=optional")),
        (
            "<sip:dave@denver.example.org?Replaces=12345>",
            again::<ReferTo<'_>>("<sip:dave@denver.example.org?Replaces=12345>"),
        ),
        ("<sip:A.example>;cid=\"1@A\"", again::<ReferredBy<'_>>("<sip:A.example>;cid=\"1@A\"")),
        (
            "307 isi.edu \"Session parameter 'foo' not understood\"",
            again::<Warning<'_>>("307 isi.edu \"Session parameter 'foo' not understood\""),
        ),
        ("Sat, 13 Nov 2010 23:29:00 GMT", again::<Date>("Sat, 13 Nov 2010 23:29:00 GMT")),
        ("54.21 .5", again::<SentAt<'_>>("54.21 .5")),
        ("false", again::<ReferSub<'_>>("false")),
        ("id;critical", again::<Privacy<'_>>("id;critical")),
        ("I know you're there, pick up", again::<Subject<'_>>("I know you're there, pick up")),
    ] {
        assert_eq!(printed, text);
    }
}

#[test]
fn what_does_not_follow_its_grammar_is_refused() {
    refused::<RSeq>(&["", "0", "4294967296", "-1", "1 ", "x"]);
    refused::<RAck<'_>>(&[
        "",
        "1",
        "1 2",
        "1 2 ",
        "0 1 INVITE",
        "1 2147483648 INVITE",
        "1 2 IN VITE",
        "1,2 INVITE",
    ]);
    refused::<SessionExpires>(&["", ";refresher=uac", "-5", "x", "5 6"]);
    refused::<Replaces<'_>>(&[
        "",
        "a@b",
        "a@b;to-tag=1",
        "a@b;from-tag=1",
        "a@b;to-tag=;from-tag=1",
        "a@b;to-tag=1;to-tag=2;from-tag=3",
        "a b;to-tag=1;from-tag=2",
    ]);
    refused::<Event<'_>>(&["", ";id=1", "a b", "a,b"]);
    refused::<AcceptContact<'_>>(&["", "sip:a@b;audio", "**"]);
    refused::<Accept<'_>>(&["", "text", "/plain", "text/"]);
    refused::<Warning<'_>>(&[
        "",
        "307",
        "307 a",
        "3070 a \"b\"",
        "307 a b",
        "307 a \"b",
        "307 a \"b\" c",
    ]);
    refused::<Date>(&[
        "",
        "Sat, 13 Nov 2010 23:29:00",
        "Sat, 13 Nov 2010 23:29:00 CET",
        "Sat, 31 Feb 2010 23:29:00 GMT",
        "Sat, 0 Nov 2010 23:29:00 GMT",
        "Sat, 13 Nov 2010 24:29:00 GMT",
        "Xyz, 13 Nov 2010 23:29:00 GMT",
        "Sat, 13 Nov 99999 23:29:00 GMT",
    ]);
    refused::<SentAt<'_>>(&["", ".", "x", "1 2 3", "-1"]);
}

#[test]
fn numbers_out_of_range_saturate_where_the_grammar_has_no_bound() {
    let expires = SessionExpires::parse(b"99999999999").unwrap();
    assert_eq!((expires.secs, expires.refresher), (u32::MAX, None));
    let odd = SessionExpires::parse(b"60;refresher=proxy;x=y").unwrap();
    assert_eq!((odd.secs, odd.refresher), (60, None));
}

#[test]
fn rack_may_be_folded_between_its_parts() {
    let rack = RAck::parse(b"776656\r\n 1\t INVITE").unwrap();
    assert_eq!((rack.rseq, rack.cseq, rack.method), (776_656, 1, Method::Invite));
    assert_eq!(RAck::parse(b"1 x INVITE").unwrap_err().offset(), 2);
}

#[test]
fn events_match_by_package_and_id_alone() {
    let event = |text: &'static str| Event::parse(text.as_bytes()).unwrap();
    assert!(event("presence").matches(&event("presence;x=y")));
    assert!(event("presence;id=1").matches(&event("presence;a;id=1")));
    assert!(!event("presence;id=1").matches(&event("presence")));
    assert!(!event("presence").matches(&event("Presence")));
    assert!(!event("presence").matches(&event("presence.winfo")));
}

#[test]
fn subscription_states_and_reasons_say_what_they_hold() {
    let state = SubscriptionState::parse(b"Terminated;reason=probation;retry-after=30").unwrap();
    assert!(state.is_terminated());
    assert_eq!(
        (state.reason(), state.retry_after(), state.expires()),
        (Some("probation"), Some(30), None)
    );
    let reason =
        Reason::parse(b"SIP ;cause=200 ;text=\"Call \\\"completed\\\" elsewhere\"").unwrap();
    assert_eq!((reason.word, reason.cause()), ("SIP", Some(200)));
    assert_eq!(reason.text().unwrap(), "Call \"completed\" elsewhere");
    assert!(Privacy::parse(b"user; ID").unwrap().wants("id"));
    assert!(!ReferSub::parse(b"FALSE").unwrap().is_wanted());
}

#[test]
fn dates_are_days_since_1970() {
    for (text, secs) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sat, 13 Nov 2010 23:29:00 GMT", 1_289_690_940),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Sun, 01 Jan 1900 00:00:00 GMT", -2_208_988_800),
    ] {
        let date = Date::parse(text.as_bytes()).unwrap();
        assert_eq!(date.0.as_unix_secs(), secs, "{text}");
    }
    assert_eq!(Date::parse(b"Wed, 31 Dec 1969 23:59:59 GMT").unwrap().0.as_unix_secs(), -1);
    assert_eq!(
        Date::parse(b"sat,13 nov 2010 23:29:00 gmt").unwrap().to_string(),
        "Sat, 13 Nov 2010 23:29:00 GMT"
    );
    let error = Date::parse(b"soon").unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::Time);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn built_values_are_read_again(rseq in 1u32.., cseq in 0u32..1 << 31, secs in any::<u32>(), who in 0u8..3, to in "[a-z0-9]{1,8}", from in "[a-z0-9]{1,8}", early in any::<bool>()) {
        let rack = RAck { rseq, cseq, method: Method::Invite }.to_string();
        prop_assert_eq!(RAck::parse(rack.as_bytes()), Ok(RAck { rseq, cseq, method: Method::Invite }));
        let refresher = [None, Some(Refresher::Uac), Some(Refresher::Uas)][usize::from(who)];
        let expires = SessionExpires { secs, refresher };
        prop_assert_eq!(SessionExpires::parse(expires.to_string().as_bytes()), Ok(expires));
        let mut replaces = Replaces::new("x@y", &to, &from);
        if early {
            replaces = replaces.with_early_only();
        }
        let text = replaces.to_string();
        prop_assert_eq!(Replaces::parse(text.as_bytes()), Ok(replaces));
        let secs = i64::from(secs).saturating_sub(2_000_000_000);
        let date = Date(Timestamp::from_unix_secs(secs)).to_string();
        prop_assert_eq!(Date::parse(date.as_bytes()), Ok(Date(Timestamp::from_unix_secs(secs))));
        prop_assert_eq!(Date::parse(date.as_bytes()).unwrap().to_string(), date);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[ -~]{0,40}") {
        for value in [&bytes[..], text.as_bytes()] {
            let _read = (RSeq::parse(value), RAck::parse(value), SessionExpires::parse(value), MinSe::parse(value));
            let _read = (Replaces::parse(value), Join::parse(value), TargetDialog::parse(value));
            let _read = (Event::parse(value), SubscriptionState::parse(value), Accept::parse(value));
            let _read = (AcceptContact::parse(value), Warning::parse(value), Date::parse(value), SentAt::parse(value));
            if let Ok(reason) = Reason::parse(value) {
                let _read = (reason.cause(), reason.text());
                let printed = reason.to_string();
                prop_assert_eq!(Reason::parse(printed.as_bytes()).map(|r| r.to_string()), Ok(printed));
            }
            if let Ok(refer) = ReferTo::parse(value) {
                prop_assert_eq!(refer.raw, value);
            }
        }
    }
}

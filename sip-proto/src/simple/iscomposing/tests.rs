#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;
use proto_wire::{Instant, Output};

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

fn said(composer: &mut Composer) -> Vec<(State, Option<u32>)> {
    let mut out = Vec::new();
    while let Some(Output::Transmit(s)) = composer.poll_output() {
        out.push((s.state, s.refresh_secs));
    }
    out
}

fn told(watcher: &mut Watcher) -> Vec<WatcherEvent> {
    let mut out = Vec::new();
    while let Some(Output::Event(e)) = watcher.poll_output() {
        out.push(e);
    }
    out
}

/// Figure 1 of RFC 3994, every state with every event.
#[test]
fn the_composer_follows_figure_1() {
    #[derive(Clone, Copy, Debug)]
    enum Do {
        Type,
        Send,
        Stop,
        IdleTimeout,
        Refresh,
    }
    use State::{Active, Idle};
    for (state, event, next, status) in [
        (Idle, Do::Type, Active, Some(Active)),
        (Idle, Do::Send, Idle, None),
        (Idle, Do::Stop, Idle, None),
        (Idle, Do::IdleTimeout, Idle, None),
        (Idle, Do::Refresh, Idle, None),
        (Active, Do::Type, Active, None),
        (Active, Do::Send, Idle, None),
        (Active, Do::Stop, Idle, Some(Idle)),
        (Active, Do::IdleTimeout, Idle, Some(Idle)),
        (Active, Do::Refresh, Active, Some(Active)),
    ] {
        let config = ComposerConfig::default().with_idle_after(Duration::from_secs(1000));
        let mut composer = Composer::new(at(0), config.into());
        if state == Active {
            composer.typed(at(0));
            assert_eq!(said(&mut composer).len(), 1);
        }
        match event {
            Do::Type => composer.typed(at(1)),
            Do::Send => composer.message_sent(at(1)),
            Do::Stop => composer.stopped(at(1)),
            Do::IdleTimeout => composer.handle_timeout(at(1000)),
            Do::Refresh => composer.handle_timeout(at(90)),
        }
        let said: Vec<State> = said(&mut composer).into_iter().map(|(s, _)| s).collect();
        assert_eq!(
            (composer.state(), said.first().copied()),
            (next, status),
            "{state:?} {event:?}"
        );
        assert!(said.len() <= 1);
    }
}

/// Figure 2 of RFC 3994, every state with every event.
#[test]
fn the_watcher_follows_figure_2() {
    use State::{Active, Idle};
    #[derive(Clone, Copy, Debug)]
    enum Do {
        Active,
        Idle,
        Content,
        Timeout,
    }
    for (state, event, next, event_told) in [
        (Idle, Do::Active, Active, Some(WatcherEvent::Started(None))),
        (Idle, Do::Idle, Idle, None),
        (Idle, Do::Content, Idle, None),
        (Idle, Do::Timeout, Idle, None),
        (Active, Do::Active, Active, None),
        (Active, Do::Idle, Idle, Some(WatcherEvent::Stopped)),
        (Active, Do::Content, Idle, Some(WatcherEvent::Stopped)),
        (Active, Do::Timeout, Idle, Some(WatcherEvent::Stopped)),
    ] {
        let mut watcher = Watcher::new(at(0), Default::default());
        if state == Active {
            watcher.handle_input(at(0), WatcherInput::Status(&IsComposing::new(Active)));
            assert_eq!(told(&mut watcher).len(), 1);
        }
        match event {
            Do::Active => {
                watcher.handle_input(at(1), WatcherInput::Status(&IsComposing::new(Active)));
            }
            Do::Idle => watcher.handle_input(at(1), WatcherInput::Status(&IsComposing::new(Idle))),
            Do::Content => watcher.handle_input(at(1), WatcherInput::Content),
            Do::Timeout => watcher.handle_timeout(at(120)),
        }
        assert_eq!(
            (watcher.state(), told(&mut watcher).pop()),
            (next, event_told),
            "{state:?} {event:?}"
        );
    }
}

#[test]
fn trap_29_refresh_and_idle_are_15_and_120_seconds() {
    let config = ComposerConfig::default().with_refresh(None);
    let mut composer = Composer::new(at(0), config.into());
    composer.typed(at(0));
    assert_eq!(said(&mut composer), [(State::Active, None)]);
    assert_eq!(composer.poll_timeout(), Some(at(15)));
    composer.typed(at(14));
    assert_eq!(composer.poll_timeout(), Some(at(29)));
    let mut watcher = Watcher::new(at(0), Default::default());
    watcher.handle_input(at(0), WatcherInput::Status(&IsComposing::new(State::Active)));
    watcher.handle_timeout(at(119));
    assert_eq!(watcher.state(), State::Active);
    watcher.handle_timeout(at(120));
    assert_eq!(watcher.state(), State::Idle);
}

#[test]
fn refreshes_are_no_closer_than_60_seconds_and_each_status_restarts_them() {
    let config = ComposerConfig::default()
        .with_refresh(Some(Duration::from_secs(5)))
        .with_idle_after(Duration::from_secs(500));
    let mut composer = Composer::new(at(0), config.into());
    composer.typed(at(0));
    assert_eq!(said(&mut composer), [(State::Active, Some(60))]);
    composer.handle_timeout(at(59));
    assert_eq!(said(&mut composer), []);
    composer.handle_timeout(at(61));
    assert_eq!(said(&mut composer), [(State::Active, Some(60))]);
    assert_eq!(composer.poll_timeout(), Some(at(121)));
}

#[test]
fn user_report_20_a_415_silences_the_composer_for_good() {
    let mut composer = Composer::new(at(0), Default::default());
    composer.typed(at(0));
    composer.handle_input(at(0), ComposerInput::Answered(200));
    assert_eq!(said(&mut composer).len(), 1);
    composer.handle_input(at(1), ComposerInput::Answered(415));
    for t in 2..400 {
        composer.typed(at(t));
        composer.handle_timeout(at(t));
        if t % 50 == 0 {
            composer.stopped(at(t));
        }
    }
    assert!(composer.is_silenced() && said(&mut composer).is_empty());
}

#[test]
fn a_peer_cannot_seem_to_type_for_years() {
    let config = WatcherConfig::default().with_refresh_max(Duration::from_secs(10));
    let mut watcher = Watcher::new(at(0), config.into());
    for (secs, until) in [(10, 10), (11, 10), (u32::MAX, 10)] {
        let status = IsComposing::new(State::Active).with_refresh_secs(secs);
        watcher.handle_input(at(0), WatcherInput::Status(&status));
        assert_eq!(watcher.poll_timeout(), Some(at(until)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn commands_at_any_time_leave_no_busy_loop_and_no_pile(steps in proptest::collection::vec((0u8..5, 0u64..40), 0..60)) {
        let mut composer = Composer::new(at(0), Default::default());
        let mut watcher = Watcher::new(at(0), Default::default());
        let mut now = 0;
        for (what, wait) in steps {
            now += wait;
            match what {
                0 => composer.typed(at(now)),
                1 => composer.stopped(at(now)),
                2 => composer.message_sent(at(now)),
                3 => composer.handle_timeout(at(now)),
                _ => composer.handle_input(at(now), ComposerInput::Answered(200)),
            }
            composer.handle_timeout(at(now));
            prop_assert!(composer.poll_timeout().is_none_or(|t| t > at(now)));
            let statuses = { let mut v = Vec::new(); while let Some(Output::Transmit(s)) = composer.poll_output() { v.push(s); } v };
            prop_assert!(statuses.len() <= 1);
            for status in statuses {
                watcher.handle_input(at(now), WatcherInput::Status(&status));
            }
            if what == 2 {
                watcher.handle_input(at(now), WatcherInput::Content);
            }
            watcher.handle_timeout(at(now));
            prop_assert!(watcher.poll_timeout().is_none_or(|t| t > at(now)));
            prop_assert!(told(&mut watcher).len() <= 2);
            // Nothing is lost between the two, so they agree.
            prop_assert_eq!(watcher.state(), composer.state());
        }
    }
}

#[cfg(feature = "xml")]
mod documents {
    use super::*;
    use alloc::string::String;

    /// RFC 3994 §5.
    const ACTIVE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
xsi:schemaLocation="urn:ietf:params:xml:ns:im-composing
iscomposing.xsd">
  <state>active</state>
  <contenttype>text/plain</contenttype>
  <refresh>90</refresh>
</isComposing>"#;
    const IDLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">
  <state>idle</state>
  <lastactive>2003-01-27T10:43:00Z</lastactive>
  <contenttype>audio</contenttype>
</isComposing>"#;

    fn body(inner: &str) -> Result<IsComposing, XmlError> {
        let text = alloc::format!("<isComposing xmlns='{NAMESPACE}'>{inner}</isComposing>");
        IsComposing::parse_xml(text.as_bytes())
    }

    #[test]
    fn the_examples_of_rfc_3994_5_are_read() {
        let active = IsComposing::parse_xml(ACTIVE.as_bytes()).unwrap();
        assert_eq!(
            active,
            IsComposing::new(State::Active).with_content_type("text/plain").with_refresh_secs(90)
        );
        let idle = IsComposing::parse_xml(IDLE.as_bytes()).unwrap();
        assert_eq!(
            idle,
            IsComposing::new(State::Idle)
                .with_last_active("2003-01-27T10:43:00Z")
                .with_content_type("audio")
        );
    }

    #[test]
    fn unknown_states_are_idle_and_foreign_elements_are_ignored() {
        assert_eq!(body("<state>thinking</state>").unwrap().state, State::Idle);
        let extended =
            body("<state>active</state><x:mood xmlns:x='urn:x'><state>idle</state></x:mood>");
        assert_eq!(extended.unwrap().state, State::Active);
        assert_eq!(body("<state> active\n</state>").unwrap().state, State::Active);
        assert_eq!(body("<state>&#97;ctive</state>").unwrap().state, State::Active);
        for refresh in ["0", "-5", "x", "", "99999999999"] {
            let read =
                body(&alloc::format!("<state>active</state><refresh>{refresh}</refresh>")).unwrap();
            assert_eq!(read.refresh_secs, None);
        }
    }

    #[test]
    fn what_is_no_status_is_refused() {
        assert_eq!(body(""), Err(XmlError::Missing));
        assert_eq!(body("<state>active"), Err(XmlError::Malformed));
        assert_eq!(body("<state>&bomb;</state>"), Err(XmlError::Entity));
        assert_eq!(IsComposing::parse_xml(b"<a/>"), Err(XmlError::Root));
        assert_eq!(IsComposing::parse_xml(b""), Err(XmlError::Malformed));
        assert_eq!(IsComposing::parse_xml(b"\xff"), Err(XmlError::Malformed));
        // XML has no such characters, written out or by number.
        for odd in ["\0", "\u{b}", "\u{ffff}", "&#0;", "&#11;", "&#xfffe;"] {
            let odd_type = alloc::format!("<state>active</state><contenttype>{odd}</contenttype>");
            assert_eq!(body(&odd_type), Err(XmlError::Malformed), "{odd:?}");
        }
        let doctype =
            "<!DOCTYPE isComposing [<!ENTITY a 'b'>]><isComposing><state>&a;</state></isComposing>";
        assert_eq!(IsComposing::parse_xml(doctype.as_bytes()), Err(XmlError::Entity));
        let twice = "<isComposing><state>idle</state></isComposing><isComposing/>";
        assert_eq!(IsComposing::parse_xml(twice.as_bytes()), Err(XmlError::Malformed));
        let other = "<isComposing xmlns='urn:other'><state>active</state></isComposing>";
        assert_eq!(IsComposing::parse_xml(other.as_bytes()), Err(XmlError::Root));
    }

    #[test]
    fn documents_are_bounded_at_n_and_n_plus_one() {
        let deep = |n: usize| {
            body(&alloc::format!("<state>active</state>{}{}", "<a>".repeat(n), "</a>".repeat(n)))
        };
        assert!(deep(15).is_ok());
        assert_eq!(deep(16), Err(XmlError::TooDeep));
        let long = |n: usize| {
            let mut text = String::from("<isComposing><state>active</state></isComposing>");
            while text.len() < n {
                text.push(' ');
            }
            IsComposing::parse_xml(text.as_bytes())
        };
        assert!(long(16 * 1024).is_ok());
        assert_eq!(long(16 * 1024 + 1), Err(XmlError::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_written_is_read_again(active in any::<bool>(), media in "[ -~]{0,20}", refresh in any::<u32>()) {
            let media = media.trim();
            let mut status = IsComposing::new(if active { State::Active } else { State::Idle }).with_refresh_secs(refresh);
            if !media.is_empty() {
                status = status.with_content_type(media);
            }
            prop_assert_eq!(IsComposing::parse_xml(status.to_xml().as_bytes()), Ok(status));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), at in 0..ACTIVE.len(), byte in any::<u8>()) {
            let _read = IsComposing::parse_xml(&bytes);
            let mut mutilated = ACTIVE.as_bytes().to_vec();
            mutilated[at] = byte;
            let _read = IsComposing::parse_xml(&mutilated);
            mutilated.truncate(at);
            prop_assert!(IsComposing::parse_xml(&mutilated).is_err());
        }
    }
}

//! The tables of RFC 2326 Appendix A and RFC 7826 Appendix B: every state with every event,
//! illegal ones included, and the page that is made of them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

use core::fmt::Write as _;
use proptest::prelude::*;
use rtsp_proto::session_table::{v1, v2};
use rtsp_proto::{Method, State, StatusCode};

const NOT_IN_STATE: StatusCode = StatusCode::METHOD_NOT_VALID_IN_THIS_STATE;

#[test]
fn every_state_and_event_of_version_1() {
    use State::{Init, Playing, Ready, Recording};
    #[rustfmt::skip]
    let table: [(v1::Event, [Option<State>; 4]); 10] = [
        //                        Init         Ready            Playing         Recording
        (v1::Event::Setup,       [Some(Ready), Some(Ready),     Some(Playing),  Some(Recording)]),
        (v1::Event::Play,        [None,        Some(Playing),   Some(Playing),  None]),
        (v1::Event::Record,      [None,        Some(Recording), None,           Some(Recording)]),
        (v1::Event::Pause,       [None,        None,            Some(Ready),    Some(Ready)]),
        (v1::Event::Teardown,    [Some(Init),  Some(Init),      Some(Init),     Some(Init)]),
        (v1::Event::Other,       [Some(Init),  Some(Ready),     Some(Playing),  Some(Recording)]),
        (v1::Event::Redirected,  [Some(Init),  Some(Init),      Some(Init),     Some(Init)]),
        (v1::Event::Failed,      [Some(Init),  Some(Ready),     Some(Playing),  Some(Recording)]),
        (v1::Event::EndOfRange,  [None,        None,            Some(Ready),    Some(Ready)]),
        (v1::Event::TimedOut,    [None,        Some(Init),      Some(Init),     Some(Init)]),
    ];
    assert_eq!(table.map(|(event, _)| event), v1::Event::ALL);
    for (event, row) in table {
        for (state, expected) in State::ALL.iter().zip(row) {
            assert_eq!(v1::after(*state, event), expected, "{state} {event}");
        }
    }
    for (i, row) in v1::ROWS.iter().enumerate() {
        assert_eq!(v1::find(row.from, row.event), Some(row), "row {i} is hidden by another");
    }
}

/// `State::after` is the same table, but for the one leniency that it documents.
#[test]
fn the_machines_follow_the_table_of_version_1() {
    for method in Method::KNOWN {
        let event = v1::Event::of(*method, StatusCode::OK).unwrap();
        if event == v1::Event::Redirected {
            continue;
        }
        for state in State::ALL {
            let lenient = *state == State::Ready && *method == Method::Pause;
            let expected = if lenient { Some(State::Ready) } else { v1::after(*state, event) };
            assert_eq!(state.after(*method), expected, "{state} {method}");
        }
    }
    assert_eq!(v1::Event::of(Method::Play, StatusCode::CONTINUE), None);
    assert_eq!(
        v1::Event::of(Method::Play, StatusCode::new(305).unwrap()),
        Some(v1::Event::Redirected)
    );
    assert_eq!(v1::Event::of(Method::Play, NOT_IN_STATE), Some(v1::Event::Failed));
}

fn facts(target: v2::Target) -> v2::Facts {
    v2::Facts { target, ..v2::Facts::default() }
}

/// A session of `streams` streams in `state`.
fn session(state: v2::State, streams: u32) -> v2::Session {
    let mut session = v2::Session::default();
    for n in 0..streams {
        let target = if n == 0 { v2::Target::Media } else { v2::Target::NewMedia };
        session.step(v2::Event::Setup, &facts(target)).unwrap();
    }
    if state == v2::State::Play {
        session.step(v2::Event::Play, &v2::Facts::default()).unwrap();
    }
    assert_eq!((session.state(), session.streams()), (state, streams));
    session
}

#[test]
fn every_state_event_and_target_of_version_2() {
    use v2::Event as E;
    use v2::State::{Init, Play, Ready};
    use v2::Target::{Media, NewMedia, Presentation};
    const GONE: StatusCode = StatusCode::SESSION_NOT_FOUND;
    const WHOLE: StatusCode = StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED;
    let no = Err(NOT_IN_STATE);
    type Rows<'s> = &'s [(E, Result<v2::State, StatusCode>)];
    #[rustfmt::skip]
    let table: &[(v2::State, u32, v2::Target, Rows<'_>)] = &[
        (Init, 0, Presentation, &[
            (E::Setup, Ok(Ready)), (E::Play, Err(GONE)), (E::Pause, Err(GONE)),
            (E::Teardown, Err(GONE)), (E::Other, Ok(Init)), (E::PlayNotify, Err(GONE)),
            (E::Redirect, Ok(Init)), (E::EndOfMedia, Err(GONE)), (E::EndOfRange, Err(GONE)),
            (E::RedirectPointReached, Err(GONE)), (E::TimedOut, Err(GONE)), (E::Redirected, Ok(Init)),
        ]),
        (Ready, 2, Presentation, &[
            (E::Setup, no), (E::Play, Ok(Play)), (E::Pause, Ok(Ready)), (E::Teardown, Ok(Init)),
            (E::Other, Ok(Ready)), (E::PlayNotify, no), (E::Redirect, Ok(Init)),
            (E::EndOfMedia, no), (E::EndOfRange, no), (E::RedirectPointReached, Ok(Init)),
            (E::TimedOut, Ok(Init)), (E::Redirected, Ok(Init)),
        ]),
        (Ready, 2, Media, &[
            (E::Setup, Ok(Ready)), (E::Play, Err(WHOLE)), (E::Pause, Err(WHOLE)),
            (E::Teardown, Ok(Ready)),
        ]),
        (Ready, 2, NewMedia, &[
            (E::Setup, Ok(Ready)), (E::Play, no), (E::Pause, no), (E::Teardown, no),
        ]),
        (Ready, 1, Media, &[
            (E::Setup, Ok(Ready)), (E::Play, Ok(Play)), (E::Pause, Ok(Ready)),
            (E::Teardown, Ok(Init)),
        ]),
        (Play, 2, Presentation, &[
            (E::Setup, no), (E::Play, Ok(Play)), (E::Pause, Ok(Ready)), (E::Teardown, Ok(Init)),
            (E::Other, Ok(Play)), (E::PlayNotify, Ok(Play)), (E::Redirect, Ok(Init)),
            (E::EndOfMedia, Ok(Play)), (E::EndOfRange, Ok(Play)),
            (E::RedirectPointReached, Ok(Init)), (E::TimedOut, Ok(Init)), (E::Redirected, Ok(Init)),
        ]),
        (Play, 2, Media, &[
            (E::Setup, no), (E::Play, Err(WHOLE)), (E::Pause, Err(WHOLE)), (E::Teardown, no),
        ]),
        (Play, 2, NewMedia, &[
            (E::Setup, no), (E::Play, no), (E::Pause, no), (E::Teardown, no),
        ]),
        (Play, 1, Media, &[
            (E::Setup, no), (E::Play, Ok(Play)), (E::Pause, Ok(Ready)), (E::Teardown, Ok(Init)),
        ]),
    ];
    for (state, streams, target, rows) in table {
        for (event, expected) in *rows {
            let before = session(*state, *streams);
            let mut after = before;
            let result = after.step(*event, &facts(*target));
            let at = format!("{state} {streams} {target:?} {event}");
            assert_eq!(result.map(|step| step.state), *expected, "{at}");
            if expected.is_err() {
                assert_eq!(after, before, "{at}: a refusal changes nothing");
            } else {
                assert_eq!(after.state(), expected.unwrap(), "{at}");
            }
            if after.state() == Init {
                assert_eq!(after, v2::Session::default(), "{at}: nothing is left of a session");
            }
        }
    }
    // Each row of the RFC's tables is reached by some combination.
    for (i, row) in v2::ROWS.iter().enumerate() {
        let reached = [(1, 0), (2, 1), (0, 0)].iter().any(|(streams, _)| {
            let streams = if row.from == Init { 0 } else { (*streams).max(1) };
            let base = session(row.from, streams);
            all_facts().any(|facts| base.find(row.event, &facts) == Some(row))
        });
        assert!(reached, "row {i} is hidden by others: {row:?}");
    }
}

fn all_facts() -> impl Iterator<Item = v2::Facts> {
    use v2::Target::{Media, NewMedia, Presentation};
    [Presentation, Media, NewMedia].into_iter().flat_map(|target| {
        (0..8).map(move |bits| v2::Facts {
            target,
            has_range: bits & 1 != 0,
            can_change_transport: bits & 2 != 0,
            has_terminate_time: bits & 4 != 0,
        })
    })
}

/// What RFC 7826 Appendix B says in its text, written down a second time: state and number of
/// streams behind `event`.
fn by_the_text(
    (state, streams): (v2::State, u32),
    event: v2::Event,
    facts: &v2::Facts,
) -> Result<(v2::State, u32), StatusCode> {
    use v2::Event as E;
    use v2::State::{Init, Play, Ready};
    use v2::Target::{Media, NewMedia, Presentation};
    let gone = Ok((Init, 0));
    // "Prs URI" and "md URI, NRM=1".
    let is_whole = facts.target == Presentation || facts.target == Media && streams == 1;
    let only_whole = match facts.target {
        Media => Err(StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED),
        _ => Err(NOT_IN_STATE),
    };
    match (state, event) {
        (_, E::Other) => Ok((state, streams)),
        (Init, E::Setup) => Ok((Ready, 1)),
        (Init, E::Redirect | E::Redirected) => gone,
        (Init, _) => Err(StatusCode::SESSION_NOT_FOUND),
        (_, E::TimedOut | E::RedirectPointReached | E::Redirected) => gone,
        (_, E::Redirect) if facts.has_terminate_time => Ok((state, streams)),
        (_, E::Redirect) => gone,
        (Ready, E::Setup) if facts.target == NewMedia => Ok((Ready, streams + 1)),
        (Ready, E::Setup) if facts.target == Media => Ok((Ready, streams)),
        (Play, E::Setup) if facts.target == Media && facts.can_change_transport => {
            Ok((Play, streams))
        }
        (_, E::Teardown) if is_whole => gone,
        (Ready, E::Teardown) if facts.target == Media => Ok((Ready, streams - 1)),
        (_, E::Play) => {
            if is_whole {
                Ok((Play, streams))
            } else {
                only_whole
            }
        }
        (_, E::Pause) => {
            if is_whole {
                Ok((Ready, streams))
            } else {
                only_whole
            }
        }
        (Play, E::PlayNotify | E::EndOfMedia | E::EndOfRange) => Ok((Play, streams)),
        _ => Err(NOT_IN_STATE),
    }
}

/// Every state with one and with several streams, every event, every target and every other
/// prerequisite: 1,440 combinations, of which those that the text does not know are refused.
#[test]
fn every_combination_of_version_2_is_as_the_text_says() {
    let bases = [(v2::State::Init, 0), (v2::State::Ready, 1), (v2::State::Ready, 3)];
    let bases = bases.into_iter().chain([(v2::State::Play, 1), (v2::State::Play, 3)]);
    let (mut seen, mut refused) = (0, 0);
    for base in bases {
        for event in v2::Event::ALL {
            for facts in all_facts() {
                let before = session(base.0, base.1);
                let mut after = before;
                let at = format!("{base:?} {event} {facts:?}");
                let result = after.step(*event, &facts);
                match by_the_text(base, *event, &facts) {
                    Ok(expected) => {
                        assert_eq!(result.map(|step| step.state), Ok(expected.0), "{at}");
                        assert_eq!((after.state(), after.streams()), expected, "{at}");
                    }
                    Err(status) => {
                        assert_eq!((result, after), (Err(status), before), "{at}");
                        refused += 1;
                    }
                }
                seen += 1;
            }
        }
    }
    assert_eq!((seen, refused > 300), (1_440, true), "{refused} were refused");
}

#[test]
fn the_variables_of_version_2_follow_their_actions() {
    use v2::{Event as E, Facts, ResumePoint, Target};
    let plain = Facts::default();
    let mut s = session(v2::State::Ready, 3);
    s.step(E::Teardown, &facts(Target::Media)).unwrap();
    assert_eq!(s.streams(), 2);
    assert_eq!(s.resume_point(), ResumePoint::Beginning);
    s.step(E::Play, &plain).unwrap();
    s.step(E::EndOfRange, &plain).unwrap();
    assert_eq!(s.resume_point(), ResumePoint::EndOfRange);
    s.step(E::EndOfMedia, &plain).unwrap();
    assert_eq!(s.resume_point(), ResumePoint::EndOfMedia);
    s.step(E::Pause, &plain).unwrap();
    assert_eq!(s.resume_point(), ResumePoint::PausePoint);
    let timed = Facts { has_terminate_time: true, ..plain };
    let step = s.step(E::Redirect, &timed).unwrap();
    assert_eq!(step.actions, [v2::Action::SetRedirectPoint]);
    assert!(s.has_redirect_point());
    s.step(E::RedirectPointReached, &plain).unwrap();
    assert_eq!(s, v2::Session::default());
    // "IFI": a transport that can be changed while playing.
    let mut s = session(v2::State::Play, 1);
    let change = Facts { target: Target::Media, can_change_transport: true, ..plain };
    assert_eq!(s.step(E::Setup, &change).unwrap().actions, [v2::Action::ChangeTransport]);
    let range = Facts { has_range: true, ..plain };
    assert_eq!(s.step(E::Play, &range).unwrap().actions, [v2::Action::PlayRange]);
    assert_eq!(s.step(E::Play, &plain).unwrap().actions, [v2::Action::PlayFromPresentPoint]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever happens: no streams without a session, no session without streams.
    #[test]
    fn any_events_keep_a_session_sane(
        events in prop::collection::vec((0..v2::Event::ALL.len(), 0..24_usize), 0..60),
    ) {
        let all: Vec<v2::Facts> = all_facts().collect();
        let mut session = v2::Session::default();
        for (event, fact) in events {
            let before = session;
            if session.step(v2::Event::ALL[event], &all[fact]).is_err() {
                prop_assert_eq!(session, before);
            }
            prop_assert_eq!(session.state() == v2::State::Init, session.streams() == 0);
        }
    }
}

/// The page, from the rows.
fn page() -> String {
    let mut out = String::from(
        "# Session states of RTSP\n\n\
         Made from the rows in `rtsp-proto/src/session_table/` by `rtsp-proto/tests/state_tables.rs`,\n\
         which fails when this page is stale. What has no row is illegal: a request is answered with 455\n\
         (in `Init` of 2.0 with 454), anything else is ignored.\n\n\
         ## RTSP 1.0 (RFC 2326 Appendix A)\n\n```mermaid\nstateDiagram-v2\n    [*] --> Init\n",
    );
    // One arrow for each pair of states, with all that goes along it.
    let mut arrows: Vec<(String, String, Vec<String>)> = Vec::new();
    let arrow =
        |arrows: &mut Vec<(String, String, Vec<String>)>, from: String, to: String, label| {
            match arrows.iter_mut().find(|(f, t, _)| *f == from && *t == to) {
                Some((_, _, labels)) if labels.contains(&label) => {}
                Some((_, _, labels)) => labels.push(label),
                None => arrows.push((from, to, vec![label])),
            }
        };
    for row in v1::ROWS {
        arrow(&mut arrows, row.from.to_string(), row.to.to_string(), row.event.to_string());
    }
    let draw = |out: &mut String, arrows: &[(String, String, Vec<String>)]| {
        for (from, to, labels) in arrows {
            writeln!(out, "    {from} --> {to}: {}", labels.join(", ").replace(':', "")).unwrap();
        }
        out.push_str("```\n\n");
    };
    draw(&mut out, &arrows);
    out.push_str("| State | Event | Next state | Source |\n|---|---|---|---|\n");
    for row in v1::ROWS {
        writeln!(out, "| {} | {} | {} | {} |", row.from, row.event, row.to, row.source).unwrap();
    }
    out.push_str(
        "\nThe machines of this crate also let PAUSE succeed in `Ready`, as 2.0 does and players\n\
         expect.\n\n## RTSP 2.0 (RFC 7826 Appendix B)\n\n```mermaid\nstateDiagram-v2\n    [*] --> Init\n",
    );
    arrows.clear();
    for row in v2::ROWS {
        if let v2::Outcome::Goto(to) = row.outcome {
            arrow(&mut arrows, row.from.to_string(), to.to_string(), row.event.to_string());
        }
    }
    draw(&mut out, &arrows);
    out.push_str(
        "NRM: streams in the session. RP: resume point. RedP: redirect point. The first row that\n\
         fits counts.\n\n| State | Event | Prerequisites | Outcome | With it | Source |\n|---|---|---|---|---|---|\n",
    );
    for row in v2::ROWS {
        let guards: Vec<String> = row.guards.iter().map(ToString::to_string).collect();
        let actions: Vec<String> = row.actions.iter().map(ToString::to_string).collect();
        let outcome = match row.outcome {
            v2::Outcome::Goto(state) => state.to_string(),
            v2::Outcome::Refuse(status) => format!("{status}"),
        };
        let (guards, actions) = (guards.join("; "), actions.join("; "));
        writeln!(
            out,
            "| {} | {} | {guards} | {outcome} | {actions} | {} |",
            row.from, row.event, row.source
        )
        .unwrap();
    }
    out
}

#[test]
fn the_page_of_states_is_made_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rtsp-proto-states.md");
    let expected = page();
    if std::fs::read_to_string(path).ok().as_deref() != Some(&expected) {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/rtsp-proto-states.md");
        std::fs::write(fresh, &expected).expect("the target directory can be written");
        panic!("docs/rtsp-proto-states.md is stale: copy {fresh} over it");
    }
}

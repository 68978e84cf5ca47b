//! What a response to an INVITE means, after everything that may have come before: every row of a table
//! that was written from RFC 3261 §12 and §13.2.2.4, and every sequence of up to five responses, against
//! `DialogSet`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::collections::BTreeSet;
use sip_proto::dialog::{DialogSet, Heard, State};
use sip_proto::{HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};

/// What a fork is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fork {
    /// Nothing of it was heard.
    Unheard,
    Early,
    /// The call.
    Call,
    /// Answered behind another.
    Too,
}

/// What the set is in: whether a failure was heard, and its two forks.
type Place = (bool, Fork, Fork);

/// A response: status, and of which fork (none without a tag).
type Said = (u16, Option<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Progress,
    New,
    Same,
    Answered,
    AnsweredToo,
    Again,
    Failed,
}

const SAID: [Said; 7] = [
    (100, None),
    (180, None),
    (180, Some(0)),
    (180, Some(1)),
    (200, Some(0)),
    (200, Some(1)),
    (486, Some(0)),
];

/// The table: from what, at what, to what, and what it means. Written without the code.
fn row(place: Place, said: Said) -> (Place, Meaning) {
    use Fork::{Call, Early, Too, Unheard};
    let (failed, one, two) = place;
    let forks = [one, two];
    let answered = forks.contains(&Call);
    let with = |n: usize, fork: Fork| {
        let mut forks = forks;
        forks[n] = fork;
        (failed, forks[0], forks[1])
    };
    match said {
        // §17.1.1.2, §12.1: no dialog without a tag, and none by 100.
        (100 | 180, None) => (place, Meaning::Progress),
        // §12.3: a failure ends all early dialogs; behind a 2xx there is none.
        (486, _) if answered => (place, Meaning::Progress),
        (486, _) => ((true, Unheard, Unheard), Meaning::Failed),
        (180, Some(n)) => match forks[n] {
            // Late, behind what is final: it says nothing, and makes nothing.
            Unheard if failed || answered => (place, Meaning::Progress),
            Unheard => (with(n, Early), Meaning::New),
            Early => (place, Meaning::Same),
            Call | Too => (place, Meaning::Progress),
        },
        // §13.2.2.4: each first 2xx of a fork makes or confirms a dialog, even behind a failure; one is the
        // call, and those that come again want the same ACK.
        (200, Some(n)) => match forks[n] {
            Call | Too => (place, Meaning::Again),
            Unheard | Early if answered => (with(n, Too), Meaning::AnsweredToo),
            Unheard | Early => (with(n, Call), Meaning::Answered),
        },
        other => panic!("{other:?}"),
    }
}

fn invite() -> RequestBuf {
    RequestBuf::build(Method::Invite, "sip:bob@example.com")
        .header(HeaderName::VIA, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(HeaderName::FROM, "<sip:ann@example.com>;tag=a")
        .header(HeaderName::TO, "<sip:bob@example.com>")
        .header(HeaderName::CALL_ID, "1")
        .header(HeaderName::CSEQ, "1 INVITE")
        .header(HeaderName::CONTACT, "<sip:ann@192.0.2.1>")
        .header(HeaderName::MAX_FORWARDS, 70)
        .build()
        .unwrap()
}

fn response(said: Said) -> ResponseBuf {
    let tag = said.1.map(|n| ["x", "y"][n]);
    let reply = ResponseBuf::reply_to(invite().view(), StatusCode::new(said.0).unwrap(), tag)
        .header(HeaderName::CONTACT, "<sip:bob@192.0.2.2>");
    reply.build().unwrap()
}

/// What the set said, as the table says it.
fn meaning(set: &mut DialogSet, said: Said) -> Meaning {
    let of = |set: &DialogSet, fork: usize| {
        set.forks()[fork].dialog.id().remote_tag().map(str::to_owned)
    };
    let tag = said.1.map(|n| ["x", "y"][n].to_owned());
    match set.hear(response(said).view()).unwrap() {
        Heard::Progress => Meaning::Progress,
        Heard::Early { fork, new } => {
            assert_eq!((of(set, fork), set.forks()[fork].dialog.state()), (tag, State::Early));
            if new { Meaning::New } else { Meaning::Same }
        }
        Heard::Answered { fork } => {
            assert_eq!((of(set, fork), set.answered()), (tag, Some(fork)));
            Meaning::Answered
        }
        Heard::AnsweredToo { fork } => {
            assert_eq!((of(set, fork), set.forks()[fork].dialog.state()), (tag, State::Confirmed));
            Meaning::AnsweredToo
        }
        Heard::Again { fork } => {
            assert_eq!(of(set, fork), tag);
            Meaning::Again
        }
        Heard::Failed => Meaning::Failed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_sequence_of_responses_means_what_the_table_says() {
    let mut places = BTreeSet::new();
    let mut rows = BTreeSet::new();
    let begin: Vec<(Vec<Said>, Place, DialogSet)> =
        vec![(Vec::new(), (false, Fork::Unheard, Fork::Unheard), DialogSet::new(invite(), 16))];
    let mut todo = begin;
    while let Some((before, place, set)) = todo.pop() {
        places.insert(place);
        for said in SAID {
            let mut set = set.clone();
            let (next, wanted) = row(place, said);
            assert_eq!(meaning(&mut set, said), wanted, "{said:?} behind {before:?}");
            rows.insert((place, said));
            if before.len() < 4 {
                let mut before = before.clone();
                before.push(said);
                todo.push((before, next, set));
            }
        }
    }
    // Each place that can be reached was, with each response.
    assert_eq!((places.len(), rows.len()), (15, 15 * SAID.len()), "{places:?}");
}

/// RFC 3261 §12.1.1: the same from the other side. A dialog is early with a provisional response and confirmed with
/// a 2xx, and nothing leads back.
#[test]
fn a_confirmed_dialog_stays_confirmed() {
    let mut set = DialogSet::new(invite(), 16);
    for said in [(200, Some(0)), (180, Some(0)), (200, Some(1)), (180, Some(1)), (486, Some(0))] {
        let _meaning = meaning(&mut set, said);
        assert_eq!(set.forks()[0].dialog.state(), State::Confirmed, "{said:?}");
    }
    assert_eq!((set.forks().len(), set.answered()), (2, Some(0)));
}

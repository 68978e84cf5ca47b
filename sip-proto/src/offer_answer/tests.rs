use super::*;
use By::{Peer, Us};
use Carrier::{
    Ack, Invite as Inv, InviteOk, Prack, PrackOk, Provisional, ReliableProvisional as Rel, Update,
    UpdateOk,
};
use Meaning::{Answer, Nothing, Offer, Preview};

type Play<'a> = &'a [(By, Carrier, bool, Result<Meaning, Fault>)];

fn play(start: State, messages: Play<'_>) -> State {
    let mut state = start;
    for (n, &(by, carrier, sdp, expected)) in messages.iter().enumerate() {
        let outcome = state.step(by, carrier, sdp);
        assert_eq!(outcome.map(|(_, m)| m), expected, "message {n} of {messages:?} in {state:?}");
        if let Ok((next, _)) = outcome {
            state = next;
        }
    }
    state
}

/// Table 1 of RFC 6337, from both sides.
#[test]
fn the_six_patterns_of_rfc_6337_work_from_both_sides() {
    for us in [Us, Peer] {
        let peer = us.other();
        let patterns: [Play<'_>; 6] = [
            &[
                (us, Inv, true, Ok(Offer)),
                (peer, InviteOk, true, Ok(Answer)),
                (us, Ack, false, Ok(Nothing)),
            ],
            &[
                (us, Inv, false, Ok(Nothing)),
                (peer, InviteOk, true, Ok(Offer)),
                (us, Ack, true, Ok(Answer)),
            ],
            &[
                (us, Inv, true, Ok(Offer)),
                (peer, Rel, true, Ok(Answer)),
                (us, Prack, false, Ok(Nothing)),
                (peer, PrackOk, false, Ok(Nothing)),
                (peer, InviteOk, false, Ok(Nothing)),
                (us, Ack, false, Ok(Nothing)),
            ],
            &[
                (us, Inv, false, Ok(Nothing)),
                (peer, Rel, true, Ok(Offer)),
                (us, Prack, true, Ok(Answer)),
                (peer, PrackOk, false, Ok(Nothing)),
                (peer, InviteOk, false, Ok(Nothing)),
                (us, Ack, false, Ok(Nothing)),
            ],
            &[
                (us, Inv, true, Ok(Offer)),
                (peer, Rel, true, Ok(Answer)),
                (us, Prack, true, Ok(Offer)),
                (peer, PrackOk, true, Ok(Answer)),
                (peer, InviteOk, false, Ok(Nothing)),
                (us, Ack, false, Ok(Nothing)),
            ],
            &[
                (us, Inv, true, Ok(Offer)),
                (peer, Rel, true, Ok(Answer)),
                (us, Update, true, Ok(Offer)),
                (peer, UpdateOk, true, Ok(Answer)),
                (peer, Update, true, Ok(Offer)),
                (us, UpdateOk, true, Ok(Answer)),
                (peer, InviteOk, false, Ok(Nothing)),
                (us, Ack, false, Ok(Nothing)),
            ],
        ];
        for pattern in patterns {
            assert!(play(State::new(), pattern).is_settled(), "{pattern:?}");
        }
    }
}

fn settled() -> State {
    play(State::new(), &[(Us, Inv, true, Ok(Offer)), (Peer, InviteOk, true, Ok(Answer))])
}

#[test]
fn a_description_in_a_response_that_may_get_lost_is_a_preview_and_settles_nothing() {
    let state = play(
        State::new(),
        &[
            (Us, Inv, true, Ok(Offer)),
            (Peer, Provisional, true, Ok(Preview)),
            (Peer, Provisional, true, Ok(Preview)),
        ],
    );
    assert!(!state.agreed);
    // An UPDATE before the answer: RFC 3311 §5.1 forbids ours, §5.2 refuses theirs.
    assert_eq!(state.step(Us, Update, true), Err(Fault::TooSoon));
    assert_eq!(state.step(Peer, Update, true), Err(Fault::Glare));
    assert!(play(state, &[(Peer, InviteOk, true, Ok(Answer))]).is_settled());
    // Without an offer in the INVITE it means nothing at all.
    play(
        State::new(),
        &[
            (Us, Inv, false, Ok(Nothing)),
            (Peer, Provisional, true, Ok(Nothing)),
            (Peer, InviteOk, true, Ok(Offer)),
        ],
    );
}

#[test]
fn an_answer_that_is_repeated_in_the_2xx_is_ignored() {
    play(
        State::new(),
        &[
            (Us, Inv, true, Ok(Offer)),
            (Peer, Rel, true, Ok(Answer)),
            (Peer, Rel, true, Ok(Nothing)),
            (Peer, InviteOk, true, Ok(Nothing)),
            (Peer, InviteOk, true, Ok(Nothing)),
        ],
    );
}

#[test]
fn trap_13_glare_is_491_and_an_offer_too_soon_is_500_with_retry_after() {
    for (first, second) in [(Inv, Inv), (Inv, Update), (Update, Inv), (Update, Update)] {
        let ours = play(settled(), &[(Us, first, true, Ok(Offer))]);
        let fault = ours.step(Peer, second, true).unwrap_err();
        assert_eq!(
            (fault, fault.status().as_u16(), fault.has_retry_after()),
            (Fault::Glare, 491, false)
        );
        let theirs = play(settled(), &[(Peer, first, true, Ok(Offer))]);
        let fault = theirs.step(Peer, second, true).unwrap_err();
        assert_eq!(
            (fault, fault.status().as_u16(), fault.has_retry_after()),
            (Fault::TooSoon, 500, true)
        );
        assert!(!ours.may_offer(Us, second) && !theirs.may_offer(Us, second));
    }
    // An INVITE without offer is an INVITE too.
    let asking = play(settled(), &[(Us, Inv, false, Ok(Nothing))]);
    assert_eq!(asking.step(Peer, Inv, false), Err(Fault::Glare));
    assert_eq!(asking.step(Us, Inv, false), Err(Fault::TooSoon));
}

#[test]
fn trap_27_no_2xx_while_an_offer_is_out() {
    let offered =
        play(State::new(), &[(Peer, Inv, false, Ok(Nothing)), (Us, Rel, true, Ok(Offer))]);
    assert_eq!(offered.step(Us, InviteOk, false), Err(Fault::Unanswered));
    let answered = play(offered, &[(Peer, Prack, true, Ok(Answer))]);
    assert!(play(answered, &[(Us, InviteOk, false, Ok(Nothing))]).is_settled());
    let updating = play(
        State::new(),
        &[
            (Peer, Inv, true, Ok(Offer)),
            (Us, Rel, true, Ok(Answer)),
            (Peer, Update, true, Ok(Offer)),
        ],
    );
    assert_eq!(updating.step(Us, InviteOk, false), Err(Fault::Unanswered));
}

#[test]
fn what_must_be_there_is_missed() {
    let offered = play(State::new(), &[(Peer, Inv, true, Ok(Offer))]);
    assert_eq!(offered.step(Us, InviteOk, false), Err(Fault::NoAnswer));
    let asked = play(State::new(), &[(Peer, Inv, false, Ok(Nothing))]);
    assert_eq!(asked.step(Us, InviteOk, false), Err(Fault::NoOffer));
    assert_eq!(asked.step(Us, Rel, false), Err(Fault::NoOffer));
    let late = play(asked, &[(Us, InviteOk, true, Ok(Offer))]);
    assert_eq!(late.step(Peer, Ack, false), Err(Fault::NoAnswer));
    let reliable = play(asked, &[(Us, Rel, true, Ok(Offer))]);
    assert_eq!(reliable.step(Peer, Prack, false), Err(Fault::NoAnswer));
    let updated = play(settled(), &[(Us, Update, true, Ok(Offer))]);
    assert_eq!(updated.step(Peer, UpdateOk, false), Err(Fault::NoAnswer));
}

#[test]
fn a_refused_offer_never_was_and_the_session_stays() {
    for (by, carrier) in
        [(Us, Inv), (Peer, Inv), (Us, Update), (Peer, Update), (Us, Prack), (Peer, Prack)]
    {
        let offered = play(settled(), &[(by, carrier, true, Ok(Offer))]);
        assert_eq!(offered.refused(by, carrier), settled(), "{by:?} {carrier:?}");
        // A refusal of something else changes nothing.
        assert_eq!(offered.refused(by.other(), carrier), offered);
    }
    let first = play(State::new(), &[(Us, Inv, true, Ok(Offer))]);
    assert_eq!(first.refused(Us, Inv), State::new());
    // RFC 6141 §3.4: what an UPDATE changed within a re-INVITE that fails stays.
    let within = play(
        settled(),
        &[(Us, Inv, true, Ok(Offer)), (Peer, Rel, true, Ok(Answer)), (Us, Update, true, Ok(Offer))],
    );
    let failed = within.refused(Us, Inv);
    assert_eq!(failed.phase, Phase::Offered(Us, Update));
    assert!(play(failed, &[(Peer, UpdateOk, true, Ok(Answer))]).is_settled());
    let asked = play(State::new(), &[(Us, Inv, false, Ok(Nothing)), (Peer, Rel, true, Ok(Offer))]);
    assert_eq!(asked.refused(Us, Inv), State::new());
}

#[test]
fn only_who_was_invited_responds() {
    let invited = play(settled(), &[(Us, Inv, true, Ok(Offer))]);
    for carrier in [Provisional, Rel, InviteOk] {
        assert_eq!(invited.step(Us, carrier, true), Err(Fault::Misplaced));
    }
    for carrier in [Provisional, Rel] {
        assert_eq!(settled().step(Peer, carrier, true), Err(Fault::Misplaced));
    }
    assert_eq!(settled().step(Us, InviteOk, true), Err(Fault::Misplaced));
}

/// Laws that every row of the table keeps, written without looking at the code.
#[test]
fn every_row_of_the_table_keeps_the_laws() {
    let rows = rows();
    let states = rows.len() / (2 * 9 * 2);
    assert!((10..200).contains(&states), "{states}");
    for row in &rows {
        let Ok((next, meaning)) = row.outcome else { continue };
        match meaning {
            // An offer needs a description, and silence before it.
            Offer => {
                assert!(row.sdp && row.state.phase == Phase::Quiet, "{row:?}");
                assert_eq!(next.phase, Phase::Offered(row.by, row.carrier));
                assert!(!matches!(row.carrier, Provisional | Ack | PrackOk | UpdateOk), "{row:?}");
            }
            // An answer needs an offer of the other side, and settles it.
            Answer => {
                assert!(row.sdp && next.agreed && next.phase == Phase::Quiet, "{row:?}");
                assert!(
                    matches!(row.state.phase, Phase::Offered(by, _) if by == row.by.other()),
                    "{row:?}"
                );
                assert!(!matches!(row.carrier, Inv | Provisional | Update), "{row:?}");
            }
            Preview => {
                assert!(row.sdp && next == row.state && row.carrier == Provisional, "{row:?}")
            }
            Nothing => assert_eq!(next.phase, row.state.phase, "{row:?}"),
        }
        // What was agreed is never forgotten.
        assert!(next.agreed >= row.state.agreed, "{row:?}");
        // The two sides see the same, mirrored.
        let mirror = |s: State| State {
            phase: match s.phase {
                Phase::Quiet => Phase::Quiet,
                Phase::Offered(by, c) => Phase::Offered(by.other(), c),
            },
            invite: match s.invite {
                Invite::None => Invite::None,
                Invite::Asking(by) => Invite::Asking(by.other()),
                Invite::Offering(by) => Invite::Offering(by.other()),
            },
            agreed: s.agreed,
        };
        if row.by == Us {
            // We are stricter with ourselves: whatever we may send, a peer may too.
            let seen = mirror(row.state).step(Peer, row.carrier, row.sdp);
            assert_eq!(seen, Ok((mirror(next), meaning)), "{row:?}");
        }
    }
}

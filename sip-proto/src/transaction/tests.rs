//! The tables against a second writing of them, in words of the RFCs, made independently
//! of the `match`es: one line per arrow of the figures.

use super::*;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Figure 5 of RFC 6026 and RFC 3261 Table 4. `u`: unreliable only, `r`: reliable only, `*`: both.
const INVITE_CLIENT: &str = "
Initial    Send            u Calling    Transmit Start(A) Start(B)
Initial    Send            r Calling    Transmit Start(B)
Calling    TimerA          u Calling    Retransmit Again(A)
Calling    TimerB          * Terminated TimedOut
Calling    TransportError  * Terminated TransportFailed
Calling    Receive1xx      * Proceeding Stop(A) Stop(B) Deliver
Calling    Receive2xx      * Accepted   Stop(A) Stop(B) Start(M) Deliver
Calling    Receive3xxTo6xx u Completed  Stop(A) Stop(B) Start(D) Acknowledge Deliver
Calling    Receive3xxTo6xx r Terminated Acknowledge Deliver
Proceeding Receive1xx      * Proceeding Deliver
Proceeding Receive2xx      * Accepted   Start(M) Deliver
Proceeding Receive3xxTo6xx u Completed  Start(D) Acknowledge Deliver
Proceeding Receive3xxTo6xx r Terminated Acknowledge Deliver
Completed  Receive3xxTo6xx * Completed  Acknowledge
Completed  TransportError  * Terminated TransportFailed
Completed  TimerD          * Terminated
Accepted   Receive2xx      * Accepted   Deliver
Accepted   TimerM          * Terminated
";

/// Figure 6 of RFC 3261.
const CLIENT: &str = "
Initial    Send           u Trying     Transmit Start(E) Start(F)
Initial    Send           r Trying     Transmit Start(F)
Trying     TimerE         u Trying     Retransmit Again(E)
Trying     TimerF         * Terminated TimedOut
Trying     TransportError * Terminated TransportFailed
Trying     Receive1xx     * Proceeding Deliver
Trying     ReceiveFinal   u Completed  Stop(E) Stop(F) Start(K) Deliver
Trying     ReceiveFinal   r Terminated Deliver
Proceeding TimerE         u Proceeding Retransmit Again(E)
Proceeding TimerF         * Terminated TimedOut
Proceeding TransportError * Terminated TransportFailed
Proceeding Receive1xx     * Proceeding Deliver
Proceeding ReceiveFinal   u Completed  Stop(E) Stop(F) Start(K) Deliver
Proceeding ReceiveFinal   r Terminated Deliver
Completed  TimerK         * Terminated
";

/// Figure 7 of RFC 6026; Timer H tells the user (RFC 3261 §17.2.1).
const INVITE_SERVER: &str = "
Initial    Invite         * Proceeding Start(Trying) Deliver
Proceeding Invite         * Proceeding Retransmit
Proceeding TimerTrying    * Proceeding Trying
Proceeding Send1xx        * Proceeding Stop(Trying) Transmit
Proceeding Send2xx        * Accepted   Stop(Trying) Transmit Start(L)
Proceeding Send3xxTo6xx   u Completed  Stop(Trying) Transmit Start(G) Start(H)
Proceeding Send3xxTo6xx   r Completed  Stop(Trying) Transmit Start(H)
Proceeding TransportError * Proceeding TransportFailed
Completed  Invite         * Completed  Retransmit
Completed  TimerG         u Completed  Retransmit Again(G)
Completed  TimerH         * Terminated TimedOut
Completed  Ack            u Confirmed  Stop(G) Stop(H) Start(I)
Completed  Ack            r Terminated
Completed  TransportError * Completed  TransportFailed
Confirmed  TimerI         * Terminated
Accepted   Send2xx        * Accepted   Transmit
Accepted   Ack            * Accepted   Deliver
Accepted   TimerL         * Terminated
Accepted   TransportError * Accepted   TransportFailed
";

/// Figure 8 of RFC 3261, the times of RFC 4320, the transport errors of RFC 6026 §8.8.
const SERVER: &str = "
Initial    Request         * Trying     Start(LateTrying) Start(Unanswered) Deliver
Trying     Send100         r Proceeding Stop(LateTrying) Transmit
Trying     TimerLateTrying * Proceeding Trying
Trying     SendFinal       u Completed  Stop(LateTrying) Stop(Unanswered) Transmit Start(J)
Trying     SendFinal       r Terminated Transmit
Trying     TimerUnanswered * Terminated TimedOut
Proceeding Request         * Proceeding Retransmit
Proceeding SendFinal       u Completed  Stop(LateTrying) Stop(Unanswered) Transmit Start(J)
Proceeding SendFinal       r Terminated Transmit
Proceeding TimerUnanswered * Terminated TimedOut
Proceeding TransportError  * Proceeding TransportFailed
Completed  Request         * Completed  Retransmit
Completed  TimerJ          * Terminated
Completed  TransportError  * Completed  TransportFailed
";

fn as_written(table: &str) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    for line in table.lines().filter(|l| !l.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (on, rest) = (words[2], words[3..].join(" "));
        for (letter, name) in [("u", "Unreliable"), ("r", "Reliable")] {
            if on == "*" || on == letter {
                assert!(rows.insert(format!("{} {} {name} {rest}", words[0], words[1])));
            }
        }
    }
    rows
}

fn as_built<F: Fsm>() -> BTreeSet<String> {
    rows::<F>()
        .into_iter()
        .filter_map(|row| {
            let step = row.step?;
            let mut line = format!("{:?} {:?} {:?} {:?}", row.state, row.event, row.on, step.next);
            for action in step.actions {
                line.push(' ');
                line.push_str(&format!("{action:?}"));
            }
            Some(line)
        })
        .collect()
}

/// Every state × event × reliability, the ones that do nothing included: the sets are equal,
/// so a row in one and not in the other fails.
fn compare<F: Fsm>(table: &str) {
    let (written, built) = (as_written(table), as_built::<F>());
    let missing: Vec<_> = written.difference(&built).collect();
    let extra: Vec<_> = built.difference(&written).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{}: missing {missing:#?}, extra {extra:#?}",
        F::NAME
    );
    assert_eq!(
        Some(rows::<F>().len()),
        F::STATES.len().checked_mul(F::EVENTS.len()).map(|n| n.saturating_mul(2))
    );
}

#[test]
fn invite_client_is_figure_5_of_rfc_6026() {
    compare::<InviteClient>(INVITE_CLIENT);
}

#[test]
fn client_is_figure_6() {
    compare::<Client>(CLIENT);
}

#[test]
fn invite_server_is_figure_7_of_rfc_6026() {
    compare::<InviteServer>(INVITE_SERVER);
}

#[test]
fn server_is_figure_8_with_rfc_4320() {
    compare::<Server>(SERVER);
}

/// A timer that is set is stopped or ends the state: no state is left with no way out but
/// input (the INVITE client in Proceeding and the INVITE server in Proceeding wait by design).
#[test]
fn every_waiting_state_has_a_way_out_by_time() {
    fn ends<F: Fsm>(waits_for_ever: &[&str]) {
        for &state in F::STATES {
            let name = format!("{state:?}");
            if ["Initial", "Terminated"].contains(&name.as_str())
                || waits_for_ever.contains(&name.as_str())
            {
                continue;
            }
            let by_time = F::EVENTS.iter().any(|&event| {
                format!("{event:?}").starts_with("Timer")
                    && F::step(state, event, Reliability::Unreliable)
                        .is_some_and(|s| format!("{:?}", s.next) == "Terminated")
            });
            assert!(by_time, "{}: {name}", F::NAME);
        }
    }
    ends::<InviteClient>(&["Proceeding"]);
    ends::<Client>(&[]);
    ends::<InviteServer>(&["Proceeding"]);
    ends::<Server>(&[]);
}

#[test]
fn timer_a_has_no_cap_and_e_and_g_stop_at_t2() {
    let timers = Timers::default();
    let waits = |timer| (0..7).map(|n| timers.wait(timer, n).as_millis()).collect::<Vec<_>>();
    assert_eq!(waits(Timer::A), [500, 1000, 2000, 4000, 8000, 16000, 32000]);
    assert_eq!(waits(Timer::E), [500, 1000, 2000, 4000, 4000, 4000, 4000]);
    assert_eq!(waits(Timer::G), waits(Timer::E));
}

#[test]
fn the_late_100_waits_until_timer_e_is_t2() {
    assert_eq!(Timers::default().until_t2().as_millis(), 3500);
    assert_eq!(Timers::default().wait(Timer::LateTrying, 0).as_millis(), 3500);
    assert_eq!(Timers::default().wait(Timer::Trying, 0).as_millis(), 200);
}

#[test]
fn reliable_transports_make_d_i_j_k_zero_and_no_other() {
    let zero: Vec<String> = proto_wire_all()
        .iter()
        .filter(|t| Timers::is_zero(**t, Reliability::Reliable))
        .map(|t| format!("{t:?}"))
        .collect();
    assert_eq!(zero, ["D", "I", "J", "K"]);
    assert!(proto_wire_all().iter().all(|t| !Timers::is_zero(*t, Reliability::Unreliable)));
}

fn proto_wire_all() -> &'static [Timer] {
    <Timer as proto_wire::TimerKey>::ALL
}

//! Presence subscriptions: RFC 6121 Appendix A as one table.

/// The state of subscriptions between a user and a contact, as the user's server has it
/// (RFC 6121 §A.1). "Pending out": the user has asked; "pending in": the contact has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6121 §A.1 has nine")]
pub enum State {
    /// Neither sees the other.
    #[default]
    None,
    /// ... and the user has asked.
    NonePendingOut,
    /// ... and the contact has asked.
    NonePendingIn,
    /// ... and both have asked.
    NonePendingOutIn,
    /// The user sees the contact.
    To,
    /// ... and the contact has asked.
    ToPendingIn,
    /// The contact sees the user.
    From,
    /// ... and the user has asked.
    FromPendingOut,
    /// Both see each other.
    Both,
}

/// Who sent the stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two directions")]
pub enum Direction {
    /// The user, to the contact (§A.2).
    Outbound,
    /// The contact, to the user (§A.3).
    Inbound,
}

/// The type of the presence stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6121 §3 has four")]
pub enum Request {
    /// `subscribe`
    Subscribe,
    /// `unsubscribe`
    Unsubscribe,
    /// `subscribed`
    Subscribed,
    /// `unsubscribed`
    Unsubscribed,
}

/// What the server does with the stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Routes it to the contact, or delivers it to the user.
    Pass,
    /// Passes it and answers the contact with `unsubscribed` (§A.3.2 note 1).
    PassAndReply,
    /// Drops it.
    Drop,
    /// Drops it and answers the contact with `subscribed` (§A.3.1 note 2).
    Reply,
    /// Drops it and notes the approval in advance (§3.4).
    PreApprove,
    /// Drops it and takes back an approval in advance, if there is one (§3.4).
    CancelPreApproval,
}

use Action::{CancelPreApproval, Drop, Pass, PassAndReply, PreApprove, Reply};
use State::{
    Both, From, FromPendingOut, None, NonePendingIn, NonePendingOut, NonePendingOutIn, To,
    ToPendingIn,
};

/// One row of a table of Appendix A.
type Row = (State, Action, State);

const OUT_SUBSCRIBE: [Row; 9] = [
    (None, Pass, NonePendingOut),
    (NonePendingOut, Pass, NonePendingOut),
    (NonePendingIn, Pass, NonePendingOutIn),
    (NonePendingOutIn, Pass, NonePendingOutIn),
    (To, Pass, To),
    (ToPendingIn, Pass, ToPendingIn),
    (From, Pass, FromPendingOut),
    (FromPendingOut, Pass, FromPendingOut),
    (Both, Pass, Both),
];

const OUT_UNSUBSCRIBE: [Row; 9] = [
    (None, Pass, None),
    (NonePendingOut, Pass, None),
    (NonePendingIn, Pass, NonePendingIn),
    (NonePendingOutIn, Pass, NonePendingIn),
    (To, Pass, None),
    (ToPendingIn, Pass, NonePendingIn),
    (From, Pass, From),
    (FromPendingOut, Pass, From),
    (Both, Pass, From),
];

const OUT_SUBSCRIBED: [Row; 9] = [
    (None, PreApprove, None),
    (NonePendingOut, PreApprove, NonePendingOut),
    (NonePendingIn, Pass, From),
    (NonePendingOutIn, Pass, FromPendingOut),
    (To, PreApprove, To),
    (ToPendingIn, Pass, Both),
    (From, Drop, From),
    (FromPendingOut, Drop, FromPendingOut),
    (Both, Drop, Both),
];

const OUT_UNSUBSCRIBED: [Row; 9] = [
    (None, CancelPreApproval, None),
    (NonePendingOut, CancelPreApproval, NonePendingOut),
    (NonePendingIn, Pass, None),
    (NonePendingOutIn, Pass, NonePendingOut),
    (To, CancelPreApproval, To),
    (ToPendingIn, Pass, To),
    (From, Pass, None),
    (FromPendingOut, Pass, NonePendingOut),
    (Both, Pass, To),
];

const IN_SUBSCRIBE: [Row; 9] = [
    (None, Pass, NonePendingIn),
    (NonePendingOut, Pass, NonePendingOutIn),
    (NonePendingIn, Drop, NonePendingIn),
    (NonePendingOutIn, Drop, NonePendingOutIn),
    (To, Pass, ToPendingIn),
    (ToPendingIn, Drop, ToPendingIn),
    (From, Reply, From),
    (FromPendingOut, Reply, FromPendingOut),
    (Both, Reply, Both),
];

const IN_UNSUBSCRIBE: [Row; 9] = [
    (None, Drop, None),
    (NonePendingOut, Drop, NonePendingOut),
    (NonePendingIn, PassAndReply, None),
    (NonePendingOutIn, PassAndReply, NonePendingOut),
    (To, Drop, To),
    (ToPendingIn, PassAndReply, To),
    (From, PassAndReply, None),
    (FromPendingOut, PassAndReply, NonePendingOut),
    (Both, PassAndReply, To),
];

const IN_SUBSCRIBED: [Row; 9] = [
    (None, Drop, None),
    (NonePendingOut, Pass, To),
    (NonePendingIn, Drop, NonePendingIn),
    (NonePendingOutIn, Pass, ToPendingIn),
    (To, Drop, To),
    (ToPendingIn, Drop, ToPendingIn),
    (From, Drop, From),
    (FromPendingOut, Pass, Both),
    (Both, Drop, Both),
];

const IN_UNSUBSCRIBED: [Row; 9] = [
    (None, Drop, None),
    (NonePendingOut, Pass, None),
    (NonePendingIn, Drop, NonePendingIn),
    (NonePendingOutIn, Pass, NonePendingIn),
    (To, Pass, None),
    (ToPendingIn, Pass, NonePendingIn),
    (From, Drop, From),
    (FromPendingOut, Pass, From),
    (Both, Pass, From),
];

/// What the user's server does with a subscription stanza, and the state after it.
///
/// ```
/// use xmpp_proto::subscription::{Action, Direction, Request, State, process};
///
/// let (action, state) = process(State::NonePendingOut, Direction::Inbound, Request::Subscribed);
/// assert_eq!((action, state), (Action::Pass, State::To));
/// ```
#[must_use]
pub fn process(state: State, direction: Direction, request: Request) -> (Action, State) {
    let table = match (direction, request) {
        (Direction::Outbound, Request::Subscribe) => &OUT_SUBSCRIBE,
        (Direction::Outbound, Request::Unsubscribe) => &OUT_UNSUBSCRIBE,
        (Direction::Outbound, Request::Subscribed) => &OUT_SUBSCRIBED,
        (Direction::Outbound, Request::Unsubscribed) => &OUT_UNSUBSCRIBED,
        (Direction::Inbound, Request::Subscribe) => &IN_SUBSCRIBE,
        (Direction::Inbound, Request::Unsubscribe) => &IN_UNSUBSCRIBE,
        (Direction::Inbound, Request::Subscribed) => &IN_SUBSCRIBED,
        (Direction::Inbound, Request::Unsubscribed) => &IN_UNSUBSCRIBED,
    };
    table
        .iter()
        .find(|(from, ..)| *from == state)
        .map_or((Drop, state), |(_, action, next)| (*action, *next))
}

impl State {
    /// All nine.
    pub const ALL: [Self; 9] = [
        None,
        NonePendingOut,
        NonePendingIn,
        NonePendingOutIn,
        To,
        ToPendingIn,
        From,
        FromPendingOut,
        Both,
    ];

    /// Whether the user sees the contact.
    #[must_use]
    pub const fn is_to(self) -> bool {
        matches!(self, To | ToPendingIn | Both)
    }

    /// Whether the contact sees the user.
    #[must_use]
    pub const fn is_from(self) -> bool {
        matches!(self, From | FromPendingOut | Both)
    }

    /// Whether the user has asked.
    #[must_use]
    pub const fn is_pending_out(self) -> bool {
        matches!(self, NonePendingOut | NonePendingOutIn | FromPendingOut)
    }

    /// Whether the contact has asked.
    #[must_use]
    pub const fn is_pending_in(self) -> bool {
        matches!(self, NonePendingIn | NonePendingOutIn | ToPendingIn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(to: bool, from: bool, out: bool, pending_in: bool) -> State {
        State::ALL
            .into_iter()
            .find(|s| {
                (s.is_to(), s.is_from(), s.is_pending_out(), s.is_pending_in())
                    == (to, from, out, pending_in)
            })
            .unwrap()
    }

    /// The rules of §3 in words, as a second writing of the tables.
    fn by_rule(s: State, direction: Direction, request: Request) -> (Action, State) {
        let (to, from, out, asked) =
            (s.is_to(), s.is_from(), s.is_pending_out(), s.is_pending_in());
        let pass_if = |changed: bool| if changed { Pass } else { Drop };
        match (direction, request) {
            (Direction::Outbound, Request::Subscribe) => (Pass, with(to, from, !to, asked)),
            (Direction::Outbound, Request::Unsubscribe) => (Pass, with(false, from, false, asked)),
            (Direction::Outbound, Request::Subscribed) if asked => {
                (Pass, with(to, true, out, false))
            }
            (Direction::Outbound, Request::Subscribed) => (if from { Drop } else { PreApprove }, s),
            (Direction::Outbound, Request::Unsubscribed) if asked || from => {
                (Pass, with(to, false, out, false))
            }
            (Direction::Outbound, Request::Unsubscribed) => (CancelPreApproval, s),
            (Direction::Inbound, Request::Subscribe) if from => (Reply, s),
            (Direction::Inbound, Request::Subscribe) => {
                (pass_if(!asked), with(to, from, out, true))
            }
            (Direction::Inbound, Request::Unsubscribe) if asked || from => {
                (PassAndReply, with(to, false, out, false))
            }
            (Direction::Inbound, Request::Unsubscribe) => (Drop, s),
            (Direction::Inbound, Request::Subscribed) => {
                (pass_if(out), with(to || out, from, false, asked))
            }
            (Direction::Inbound, Request::Unsubscribed) => {
                (pass_if(to || out), with(false, from, false, asked))
            }
        }
    }

    #[test]
    fn all_72_transitions_agree_with_the_rules_in_words() {
        let requests =
            [Request::Subscribe, Request::Unsubscribe, Request::Subscribed, Request::Unsubscribed];
        let mut count = 0;
        for direction in [Direction::Outbound, Direction::Inbound] {
            for request in requests {
                for state in State::ALL {
                    let got = process(state, direction, request);
                    assert_eq!(
                        got,
                        by_rule(state, direction, request),
                        "{state:?} {direction:?} {request:?}"
                    );
                    count += 1;
                }
            }
        }
        assert_eq!(count, 72);
    }

    /// Two servers that follow the tables never disagree about who sees whom.
    #[test]
    fn both_ends_agree_after_each_handshake() {
        let (mut user, mut contact) = (None, None);
        let mut send = |from_user: bool, request: Request| {
            let (near, far) =
                if from_user { (&mut user, &mut contact) } else { (&mut contact, &mut user) };
            let (action, next) = process(*near, Direction::Outbound, request);
            *near = next;
            if action == Pass {
                *far = process(*far, Direction::Inbound, request).1;
            }
            (user.is_to(), contact.is_from(), user.is_from(), contact.is_to())
        };
        assert_eq!(send(true, Request::Subscribe), (false, false, false, false));
        assert_eq!(send(false, Request::Subscribed), (true, true, false, false));
        assert_eq!(send(false, Request::Subscribe), (true, true, false, false));
        assert_eq!(send(true, Request::Subscribed), (true, true, true, true));
        assert_eq!(send(true, Request::Unsubscribed), (true, true, false, false));
        assert_eq!(send(true, Request::Unsubscribe), (false, false, false, false));
    }
}

//! Tracking of requests: which answer belongs to which question (RFC 6120 §8.2.3).

use crate::jid::{Jid, JidRef};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// Names a request that this side sent; its answer carries it. RFC 6120 §8.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IqToken(pub(crate) u64);

#[derive(Clone, Debug)]
struct Pending {
    token: IqToken,
    /// To whom, as sent; `None` for the own account.
    to: Option<Jid>,
    deadline: Instant,
}

/// Requests without an answer, by recipient and id. An answer of somebody else with the
/// right id is nobody's answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct IqTracker {
    pending: BTreeMap<String, Pending>,
    next: u64,
}

impl IqTracker {
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Notes a request; the id must be new.
    pub(crate) fn insert(&mut self, id: String, to: Option<Jid>, deadline: Instant) -> IqToken {
        let token = IqToken(self.next);
        self.next = self.next.wrapping_add(1);
        let pending = Pending { token, to, deadline };
        self.pending.insert(id, pending);
        token
    }

    /// The request that an answer with this sender and id belongs to. `own` is this side's
    /// full address: no sender means the own account (RFC 6120 §8.1.2.1).
    pub(crate) fn take(
        &mut self,
        id: &str,
        from: Option<&JidRef<'_>>,
        own: &Jid,
    ) -> Option<IqToken> {
        let pending = self.pending.get(id)?;
        let matches = match (&pending.to, from) {
            (None, None) => true,
            (None, Some(from)) => is_own(from, own),
            (Some(to), None) => to.as_str() == own.bare(),
            (Some(to), Some(from)) => {
                same(from, to) || (to.as_str() == own.bare() && is_own(from, own))
            }
        };
        if !matches {
            return None;
        }
        self.pending.remove(id).map(|pending| pending.token)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.deadline).min()
    }

    /// Takes out what is overdue, in the order of sending.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<IqToken> {
        let mut overdue = Vec::new();
        self.pending.retain(|_, pending| {
            let late = pending.deadline <= now;
            if late {
                overdue.push(pending.token);
            }
            !late
        });
        overdue.sort_unstable();
        overdue
    }

    /// Takes out everything.
    pub(crate) fn drain(&mut self) -> Vec<IqToken> {
        self.expire(Instant::FAR_FUTURE)
    }
}

/// Whether `from` is the own account or this very resource.
pub(crate) fn is_own(from: &JidRef<'_>, own: &Jid) -> bool {
    let text = from.as_str();
    if text == own.bare() || text == own.as_str() {
        return true;
    }
    from.to_jid().is_ok_and(|jid| jid.as_str() == own.bare() || jid == *own)
}

/// Whether `from` is the own account, by its bare address: what speaks for the account.
pub(crate) fn is_account(from: &JidRef<'_>, own: &Jid) -> bool {
    from.as_str() == own.bare() || from.to_jid().is_ok_and(|jid| jid.as_str() == own.bare())
}

fn same(from: &JidRef<'_>, to: &Jid) -> bool {
    from.as_str() == to.as_str() || from.to_jid().is_ok_and(|jid| jid == *to)
}

/// Ids of sent stanzas: a counter behind a random start, so that they are neither guessed
/// nor repeated.
pub(crate) fn id_of(prefix: &str, count: u64) -> String {
    let mut id = prefix.to_string();
    id.push_str(&alloc::format!("-{count:x}"));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::new(text).unwrap()
    }

    #[test]
    fn only_the_one_who_was_asked_may_answer() {
        let own = jid("me@home/desk");
        for (to, from, accepted) in [
            (None, None, true),
            (None, Some("me@home"), true),
            (None, Some("Me@HOME"), true),
            (None, Some("me@home/desk"), true),
            (None, Some("me@home/phone"), false),
            (None, Some("home"), false),
            (None, Some("eve@evil"), false),
            (Some("me@home"), None, true),
            (Some("me@home"), Some("me@home/desk"), true),
            (Some("home"), Some("home"), true),
            (Some("home"), None, false),
            (Some("you@there/x"), Some("you@there/x"), true),
            (Some("you@there/x"), Some("YOU@there/x"), true),
            (Some("you@there/x"), Some("you@there/X"), false),
            (Some("you@there/x"), Some("you@there"), false),
            (Some("you@there/x"), None, false),
        ] {
            let mut tracker = IqTracker::default();
            let token = tracker.insert("1".into(), to.map(jid), Instant::ZERO);
            let from_ref = from.map(|f| JidRef::parse(f).unwrap());
            let got = tracker.take("1", from_ref.as_ref(), &own);
            assert_eq!(got, accepted.then_some(token), "{to:?} {from:?}");
            // A wrong answer leaves the question open, a right one ends it.
            assert_eq!(tracker.len(), usize::from(!accepted));
            assert_eq!(tracker.take("2", None, &own), None);
        }
    }

    #[test]
    fn overdue_requests_come_out_once() {
        let mut tracker = IqTracker::default();
        let a = tracker.insert("a".into(), None, Instant::from_secs(2));
        let b = tracker.insert("b".into(), None, Instant::from_secs(1));
        assert_eq!(tracker.next_deadline(), Some(Instant::from_secs(1)));
        assert_eq!(tracker.expire(Instant::from_secs(1)), [b]);
        assert_eq!(tracker.expire(Instant::from_secs(1)), []);
        assert_eq!(tracker.drain(), [a]);
        assert_eq!(tracker.next_deadline(), None);
    }
}

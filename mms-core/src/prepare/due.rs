//! What time itself causes: holds that end, points that mature, lots that lapse.

use super::Prepare;
use super::package::deferred_for;
use crate::account::{Code, MONEY, POINTS, is_coupon};
use crate::ids::{At, Day};
use crate::ledger::Ledger;
use crate::receipt::Receipt;
use crate::record::{Draft, Fact, Kind, MoveKind, RecordBuf};
use crate::state::{HoldEnd, OrderEnd};
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// When time has something to do next: the answer of [`Ledger::next_due`](crate::Ledger::next_due).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// The first hold or parked order ends then.
    pub time: Option<Timestamp>,
    /// On this business day the first lot matures or has lapsed, a tier is reviewed, or a reminder is
    /// due.
    pub day: Option<Day>,
}

impl Ledger {
    /// The next thing that time has caused by `at`, or `None`. Call, commit, and call
    /// again. Nothing that a member has depends on when this is done, for a dead lot is dead, booked
    /// or not; except that a hold which has ended gives its value back only when that is booked,
    /// so book those before a command ([`Engine`](crate::Engine) does). A tier whose time is over
    /// holds until its review is booked, and nobody is closed who has a dead lot in the books.
    #[must_use]
    pub fn prepare_due(&self, at: At) -> Option<RecordBuf> {
        let mut draft = Draft::new();
        self.draft_due(at, &mut draft).then(|| draft.finish())
    }

    /// Books the next thing that time has caused by `at`, like [`apply`](Self::apply).
    pub fn apply_due(&mut self, at: At, journal: &mut Vec<u8>) -> Option<Receipt> {
        let mut draft = self.draft.take().unwrap_or_default();
        let drafted = self.draft_due(at, &mut draft);
        let receipt = drafted.then(|| self.book_draft(&mut draft, journal));
        self.draft = Some(draft);
        receipt
    }

    /// When [`prepare_due`](Self::prepare_due) will next have something, at the latest.
    #[must_use]
    pub fn next_due(&self) -> Due {
        let review = self.tier_ends.first().map(|(until, _)| until.plus(1));
        let day = match (self.lots.next_day(), review) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let term = self.terms.ends.first().map(|(until, _)| until.plus(1));
        let day = day.into_iter().chain(self.next_reminder()).chain(term).min();
        let hold = self.hold_ends.first().map(|(until, _)| *until);
        let order = self.orders.ends.first().map(|(until, _)| *until);
        Due { time: hold.into_iter().chain(order).min(), day }
    }

    /// Books the next hold that has ended by `at`; nothing else that time causes.
    pub(crate) fn apply_hold_end(&mut self, at: At, journal: &mut Vec<u8>) -> Option<Receipt> {
        self.hold_ends.first().filter(|(until, _)| *until <= at.time)?;
        let mut draft = self.draft.take().unwrap_or_default();
        let ended = Prepare::by_time(self, at, &mut draft).hold_end();
        let receipt = ended.then(|| self.book_draft(&mut draft, journal));
        self.draft = Some(draft);
        receipt
    }

    fn draft_due(&self, at: At, draft: &mut Draft) -> bool {
        let mut prepare = Prepare::by_time(self, at, draft);
        prepare.hold_end()
            || prepare.order_end()
            || prepare.reminder()
            || prepare.term_end()
            || prepare.tier_review()
            || prepare.maturity()
            || prepare.expiry()
    }
}

impl Prepare<'_, '_> {
    fn hold_end(&mut self) -> bool {
        let ledger = self.ledger;
        let ended = ledger.hold_ends.first().filter(|(until, _)| *until <= self.at.time);
        let Some((id, hold)) = ended.and_then(|(_, id)| Some((*id, ledger.hold(*id)?))) else {
            return false;
        };
        self.about(Kind::HoldEnded, Some(hold.member));
        self.draft.head.store = hold.store;
        self.resolve(hold, 0);
        self.draft.fact(Fact::HoldClosed { hold: id, end: HoldEnd::TimedOut });
        true
    }

    fn order_end(&mut self) -> bool {
        let orders = &self.ledger.orders;
        let ended = orders.ends.first().filter(|(until, _)| *until <= self.at.time);
        let Some((id, order)) = ended.and_then(|(_, id)| Some((*id, orders.open.get(id)?))) else {
            return false;
        };
        self.about(Kind::OrderEnded, order.member.map(|member| self.ledger.resolve(member)));
        self.draft.head.store = order.store;
        self.draft.fact(Fact::OrderClosed { order: id, end: OrderEnd::TimedOut, reason: 0 });
        true
    }

    fn maturity(&mut self) -> bool {
        let Some((id, lot)) = self.ledger.lots.next_matured(self.at.day) else {
            return false;
        };
        let member = self.ledger.resolve(lot.member);
        self.about(Kind::Matured, Some(member));
        let points = lot.principal;
        self.draft.member(member, Code::PointsPending, POINTS, points);
        self.draft.member(member, Code::Points, POINTS, points.saturating_neg());
        self.draft.fact(Fact::LotMoved {
            lot: id,
            how: MoveKind::Mature,
            principal: points,
            bonus: 0,
        });
        true
    }

    /// Row 10: what is left of a lot after its last day.
    fn expiry(&mut self) -> bool {
        let Some((id, lot)) = self.ledger.lots.next_expired(self.at.day) else {
            return false;
        };
        let (principal, bonus) = (lot.principal, lot.bonus);
        let member = self.ledger.resolve(lot.member);
        self.about(Kind::Expired, Some(member));
        self.draft.member(member, lot.code(), lot.asset, principal);
        if is_coupon(lot.asset) {
            self.draft.store(Code::CouponsExpired, lot.asset, principal.saturating_neg());
        } else if lot.asset != POINTS && lot.asset != MONEY {
            self.draft.store(Code::UsesExpired, lot.asset, principal.saturating_neg());
            // What a hold has set aside is still to come.
            let kept = deferred_for(&lot, lot.held_principal).unwrap_or(0);
            let lapsed = lot.deferred.saturating_sub(kept);
            self.earned(member, Code::Breakage, lapsed);
            let amount = lapsed.saturating_neg();
            self.draft.fact(Fact::Deferred { lot: id, amount });
        } else if lot.asset == POINTS {
            self.draft.store(Code::PointsExpired, POINTS, principal.saturating_neg());
        } else {
            self.draft.member(member, Code::StoredBonus, lot.asset, bonus);
            self.draft.store(Code::Breakage, MONEY, principal.saturating_neg());
            self.draft.store(Code::BonusIssued, MONEY, bonus.saturating_neg());
        }
        self.draft.fact(Fact::LotMoved { lot: id, how: MoveKind::Expire, principal, bonus });
        true
    }
}

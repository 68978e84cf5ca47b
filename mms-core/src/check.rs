//! Whether a record that comes from elsewhere can follow the state.

use crate::account::Posting;
use crate::ids::{LotId, MemberId};
use crate::ledger::Ledger;
use crate::record::{Fact, Head, Record, RecordError, RecordErrorKind};
use alloc::vec::Vec;
use core::borrow::Borrow;

impl Ledger {
    /// Whether a record that comes from a journal can follow this state: its number, its
    /// time, and that everything it speaks of exists.
    ///
    /// # Errors
    ///
    /// What does not fit; nothing has changed.
    pub fn check(&self, record: Record<'_>) -> Result<(), RecordError> {
        self.check_parts(&record.head(), record.postings(), record.facts())
    }

    #[inline]
    pub(crate) fn check_parts(
        &self,
        head: &Head,
        mut postings: impl Iterator<Item = Posting>,
        mut facts: impl Iterator<Item = impl Borrow<Fact>>,
    ) -> Result<(), RecordError> {
        let fail = |kind| Err(RecordError::new(kind, 0));
        if Some(head.seq.value()) != self.seq.value().checked_add(1) {
            return fail(RecordErrorKind::Sequence);
        }
        if head.at.time < self.at.time || head.at.day < self.at.day {
            return fail(RecordErrorKind::Time);
        }
        let mut known = Known {
            members: self.members.len(),
            cards: self.cards.len(),
            lot: None,
            lots: Vec::new(),
            opened: false,
            parked: false,
        };
        let fits = facts.all(|fact| self.fits(fact.borrow(), &mut known))
            && postings.all(|posting| {
                !posting.account.code().is_member()
                    || (posting.account.index() as usize) < known.members
            });
        if !fits || head.member.is_some_and(|member| member.value() as usize >= known.members) {
            return fail(RecordErrorKind::State);
        }
        Ok(())
    }

    /// Whether what a fact speaks of exists, counting what the record itself makes.
    fn fits(&self, fact: &Fact, known: &mut Known) -> bool {
        let member_known =
            |member: MemberId, known: &Known| (member.value() as usize) < known.members;
        let lot_known = |lot: LotId, known: &Known| self.lots.is_known(lot) || known.opens(lot);
        match *fact {
            Fact::MemberEnrolled { member, token, referrer, .. } => {
                let next = member.value() as usize == known.members
                    && referrer.is_none_or(|referrer| member_known(referrer, known))
                    && token.value() != 0
                    && self.member_by_token(token).is_none();
                known.members = known.members.saturating_add(1);
                next
            }
            Fact::MemberChanged { member, .. }
            | Fact::TierChanged { member, .. }
            | Fact::Counted { member, .. }
            | Fact::DebtPaid { member, .. }
            | Fact::DebtMade { member, .. }
            | Fact::ChangeKept { member, .. }
            | Fact::TierKept { member, .. }
            | Fact::CountedIn { member, .. }
            | Fact::SoldOnAccount { member, .. }
            | Fact::PaymentReceived { member, .. }
            | Fact::Watched { member }
            | Fact::FieldSet { member, .. }
            | Fact::AnomalyFound { member, .. }
            | Fact::Reminded { member, .. }
            | Fact::TermSet { member, .. }
            | Fact::TermEnded { member, .. }
            | Fact::TookPart { member, .. }
            | Fact::StoredRefunded { member, .. } => member_known(member, known),
            Fact::AnomalyFoundAt { member, .. } => {
                member.is_none_or(|member| member_known(member, known))
            }
            Fact::MemberMerged { from, into } => {
                member_known(from, known)
                    && member_known(into, known)
                    && self.resolve(from) == from
                    && self.resolve(into) == into
                    && from != into
            }
            Fact::CardMoved { card, member } => {
                (card.value() as usize) < known.cards && member_known(member, known)
            }
            Fact::Undiscounted { lot, .. } => lot_known(lot, known),
            Fact::CouponUsed { lot, .. }
            | Fact::BalanceOpened { lot, .. }
            | Fact::CouponsWithdrawn { lot, .. } => lot_known(lot, known),
            Fact::RewardGiven { lot, quantity, .. } => {
                quantity >= 0 && lot.is_none_or(|lot| lot_known(lot, known))
            }
            Fact::CardIssued { card, member, number, .. } => {
                let next = card.value() as usize == known.cards
                    && member_known(member, known)
                    && number.value() != 0
                    && self.card_id(number).is_none();
                known.cards = known.cards.saturating_add(1);
                next
            }
            Fact::CardChanged { card, .. } | Fact::PinReported { card, .. } => {
                (card.value() as usize) < known.cards
            }
            Fact::CardReplaced { card, by } => {
                (card.value() as usize) < known.cards && (by.value() as usize) < known.cards
            }
            Fact::LotOpened { lot, member, asset, principal, bonus, .. } => {
                let opened = known.lot.iter().chain(&known.lots);
                let beyond = opened.filter(|lot| lot.value() >= self.lots.len()).count();
                let end = self.lots.len() as usize;
                let place = lot.value() as usize;
                let free = (place < end || place == end.saturating_add(beyond))
                    && asset.value() != 0
                    && !lot_known(lot, known);
                known.open(lot);
                free && member_known(member, known) && principal >= 0 && bonus >= 0
            }
            Fact::LotMoved { lot, principal, bonus, .. } => {
                lot_known(lot, known) && principal >= 0 && bonus >= 0
            }
            Fact::HoldOpened { member, principal, bonus, .. } => {
                let first = !core::mem::replace(&mut known.opened, true);
                first && member_known(member, known) && principal >= 0 && bonus >= 0
            }
            Fact::OrderParked { member, card, .. } => {
                let first = !core::mem::replace(&mut known.opened, true);
                known.parked = true;
                first
                    && member.is_none_or(|member| member_known(member, known))
                    && card.is_none_or(|card| (card.value() as usize) < known.cards)
            }
            Fact::OrderLine { quantity, price, net, special, .. } => {
                known.parked && special <= 1 && quantity > 0 && price >= 0 && net >= 0
            }
            Fact::LineVoided { order, line, .. } => {
                self.order(order).is_some_and(|order| usize::from(line) < order.lines.len())
            }
            Fact::OrderClosed { order, .. } => self.order(order).is_some(),
            Fact::Deferred { lot, .. } => lot_known(lot, known),
            Fact::HoldClosed { hold, .. } => self.holds.contains_key(&hold),
            Fact::SaleOpened { member, earned_lot, .. } => {
                let first = !core::mem::replace(&mut known.opened, true);
                first
                    && member.is_none_or(|member| member_known(member, known))
                    && earned_lot.is_none_or(|lot| lot_known(lot, known))
            }
            Fact::SaleReturned { sale, .. }
            | Fact::LineReturned { sale, .. }
            | Fact::AccountReturned { sale, .. }
            | Fact::CommissionReversed { sale, .. }
            | Fact::SaleFieldSet { sale, .. }
            | Fact::ReferralClawed { sale, .. } => self.sales.is_known(sale),
            Fact::LotLoaded { lot, .. } => lot_known(lot, known),
            Fact::SettledAt { den, .. } => den != 0,
            Fact::ReferralRewarded { member, lot, .. } => {
                member_known(member, known) && lot.is_none_or(|lot| lot_known(lot, known))
            }
            Fact::SaleRestored { sale, lot, principal, bonus, .. } => {
                self.sales.is_known(sale) && lot_known(lot, known) && principal >= 0 && bonus >= 0
            }
            Fact::SaleLine { .. }
            | Fact::CommissionEarned { .. }
            | Fact::Settled { .. }
            | Fact::WatchedAt { .. }
            | Fact::ParameterSet { .. }
            | Fact::RemindedUntil { .. }
            | Fact::GoodsCounted { .. }
            | Fact::OtherBooked { .. }
            | Fact::StoreSet { .. }
            | Fact::TerminalSet { .. }
            | Fact::TenderedBy { .. }
            | Fact::ActorPermitted { .. }
            | Fact::RuleApplied { .. }
            | Fact::Rewarded { .. }
            | Fact::PointsAdjusted { .. } => true,
        }
    }
}

/// How many there are, counting what the record makes.
struct Known {
    members: usize,
    cards: usize,
    /// Lots that the record opens: hardly ever more than one, which asks for no memory.
    lot: Option<LotId>,
    lots: Vec<LotId>,
    /// Whether the record has opened its hold, sale or order: these are named after the record.
    opened: bool,
    /// Whether that was an order, whose lines follow.
    parked: bool,
}

impl Known {
    fn opens(&self, lot: LotId) -> bool {
        self.lot == Some(lot) || self.lots.contains(&lot)
    }

    fn open(&mut self, lot: LotId) {
        if self.lot.is_none() {
            self.lot = Some(lot);
        } else {
            self.lots.push(lot);
        }
    }
}

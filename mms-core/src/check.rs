//! Whether a record that comes from elsewhere can follow the state.

use crate::account::{MONEY, POINTS, Posting};
use crate::ids::{CardNumber, LotId, MemberId, MemberToken};
use crate::ledger::Ledger;
use crate::record::{Fact, Head, Record, RecordError, RecordErrorKind};
use alloc::collections::BTreeSet;
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
            token: None,
            number: None,
            end: self.lots.len(),
            lot: None,
            lots: BTreeSet::new(),
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
        let lot_known = |lot: LotId, known: &Known| {
            let behind = (self.lots.len()..known.end).contains(&lot.value());
            behind || self.lots.is_known(lot) || known.reopens(lot)
        };
        match *fact {
            Fact::MemberEnrolled { member, token, referrer, .. } => {
                let next = member.value() as usize == known.members
                    && referrer.is_none_or(|referrer| member_known(referrer, known))
                    && token.value() != 0
                    && self.member_by_token(token).is_none()
                    // No record enrols twice, and two of one token would not be told apart.
                    && known.token.replace(token).is_none();
                known.members = known.members.saturating_add(1);
                next
            }
            Fact::TierChanged { member, .. }
            | Fact::Counted { member, .. }
            | Fact::DebtPaid { member, .. }
            | Fact::DebtMade { member, .. }
            | Fact::ChangeKept { member, .. }
            | Fact::CountedIn { member, .. }
            | Fact::SoldOnAccount { member, .. }
            | Fact::PaymentReceived { member, .. }
            | Fact::Watched { member }
            | Fact::AnomalyFound { member, .. }
            | Fact::Reminded { member, .. }
            | Fact::TermEnded { member, .. }
            | Fact::StoredRefunded { member, .. } => member_known(member, known),
            // What is kept of a member is kept of who it is now.
            Fact::MemberChanged { member, .. }
            | Fact::TierKept { member, .. }
            | Fact::FieldSet { member, .. }
            | Fact::TermSet { member, .. }
            | Fact::TookPart { member, .. } => {
                member_known(member, known) && self.resolve(member) == member
            }
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
                    && self.card_id(number).is_none()
                    && known.number.replace(number).is_none();
                known.cards = known.cards.saturating_add(1);
                next
            }
            Fact::CardChanged { card, .. } | Fact::PinReported { card, .. } => {
                (card.value() as usize) < known.cards
            }
            Fact::CardReplaced { card, by } => {
                (card.value() as usize) < known.cards && (by.value() as usize) < known.cards
            }
            Fact::LotOpened { lot, member, asset, principal, bonus, pending, .. } => {
                let free = lot.value() <= known.end && !lot_known(lot, known);
                known.open(lot);
                // Only money has a part that was given on top, and only points wait.
                free && asset.value() != 0
                    && (bonus == 0 || asset == MONEY)
                    && (pending == 0 || (pending == 1 && asset == POINTS))
                    && member_known(member, known)
                    && principal >= 0
                    && bonus >= 0
            }
            Fact::LotMoved { lot, principal, bonus, .. } => {
                let asset = || self.lots.asset(lot).is_none_or(|asset| asset == MONEY);
                lot_known(lot, known) && principal >= 0 && bonus >= 0 && (bonus == 0 || asset())
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
            Fact::SaleOpened { member, earned, earned_lot, earn_den, .. } => {
                let first = !core::mem::replace(&mut known.opened, true);
                first
                    && (earn_den != 0 || earned == 0)
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
    /// Whom the record enrols, and which card it issues: one at most.
    token: Option<MemberToken>,
    number: Option<CardNumber>,
    /// Behind the last lot: those that a record opens there stand one behind the other.
    end: u32,
    /// Places that were free and that the record takes: hardly ever more than one, which asks for no
    /// memory.
    lot: Option<LotId>,
    lots: BTreeSet<LotId>,
    /// Whether the record has opened its hold, sale or order: these are named after the record.
    opened: bool,
    /// Whether that was an order, whose lines follow.
    parked: bool,
}

impl Known {
    fn reopens(&self, lot: LotId) -> bool {
        self.lot == Some(lot) || self.lots.contains(&lot)
    }

    fn open(&mut self, lot: LotId) {
        if lot.value() >= self.end {
            self.end = self.end.saturating_add(1);
        } else if self.lot.is_none() {
            self.lot = Some(lot);
        } else {
            self.lots.insert(lot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::MemberKind;
    use crate::ids::{AssetId, CardId, Day, PlanId, ProductId, Seq, TierId};
    use crate::record::Draft;
    use crate::state::CardStatus;
    use crate::{Limits, Program};
    use proto_wire::Seed;

    /// What a record with these facts, the next of an empty ledger, is told.
    fn refusal(facts: &[Fact]) -> Option<RecordErrorKind> {
        let ledger =
            Ledger::new(Limits::default(), Program::default().into(), Seed::from_u64(1)).unwrap();
        let mut draft = Draft::new();
        draft.head.seq = Seq::new(1);
        facts.iter().for_each(|fact| draft.fact(*fact));
        let record = draft.finish();
        let (record, _) = Record::parse(record.view().as_bytes()).unwrap();
        ledger.check(record).err().map(|error| error.kind())
    }

    const fn enrolled(member: u32, token: u128) -> Fact {
        Fact::MemberEnrolled {
            member: MemberId::new(member),
            token: MemberToken::new(token),
            kind: MemberKind::Individual,
            plan: PlanId::new(0),
            tier: TierId::new(0),
            referrer: None,
        }
    }

    const fn issued(card: u32) -> Fact {
        Fact::CardIssued {
            card: CardId::new(card),
            member: MemberId::new(0),
            number: CardNumber::new(5),
            product: ProductId::new(1),
            status: CardStatus::Active,
            expires: Day::NEVER,
        }
    }

    const fn opened(lot: u32, asset: AssetId, pending: u8, bonus: i64) -> Fact {
        Fact::LotOpened {
            lot: LotId::new(lot),
            member: MemberId::new(0),
            asset,
            pending,
            from: Day::FIRST,
            expires: Day::NEVER,
            principal: 1,
            bonus,
        }
    }

    #[test]
    fn a_record_makes_no_two_of_one_name() {
        let state = Some(RecordErrorKind::State);
        assert_eq!(refusal(&[enrolled(0, 9), issued(0)]), None);
        assert_eq!(refusal(&[enrolled(0, 9), enrolled(1, 9)]), state);
        assert_eq!(refusal(&[enrolled(0, 9), issued(0), issued(1)]), state);
    }

    #[test]
    fn only_money_has_a_bonus_and_only_points_wait() {
        let state = Some(RecordErrorKind::State);
        let uses = AssetId::new(16);
        for (asset, pending, bonus, wanted) in [
            (MONEY, 0, 1, None),
            (MONEY, 1, 0, state),
            (POINTS, 1, 0, None),
            (POINTS, 2, 0, state),
            (POINTS, 0, 1, state),
            (uses, 0, 1, state),
            (uses, 1, 0, state),
        ] {
            let facts = [enrolled(0, 9), opened(0, asset, pending, bonus)];
            assert_eq!(refusal(&facts), wanted, "{asset} {pending} {bonus}");
        }
    }

    /// Lots behind the last stand one behind the other, however many.
    #[test]
    fn a_record_opens_lots_one_behind_the_other() {
        let mut facts = alloc::vec![enrolled(0, 9)];
        facts.extend((0..3_000).map(|lot| opened(lot, POINTS, 0, 0)));
        assert_eq!(refusal(&facts), None);
        for wrong in [0, 2_999, 3_001, u32::MAX] {
            let mut facts = facts.clone();
            facts.push(opened(wrong, POINTS, 0, 0));
            assert_eq!(refusal(&facts), Some(RecordErrorKind::State), "{wrong}");
        }
    }

    /// A record from elsewhere may take more than a lot has: the laws say so, and no command panics.
    #[test]
    fn a_lot_with_less_than_nothing_is_found_and_harmless() {
        let mut ledger =
            Ledger::new(Limits::default(), Program::default().into(), Seed::from_u64(1)).unwrap();
        let (how, principal) = (crate::MoveKind::Remove, 10);
        let moved = Fact::LotMoved { lot: LotId::new(0), how, principal, bonus: 0 };
        let mut draft = Draft::new();
        draft.head.seq = Seq::new(1);
        let facts = [enrolled(0, 9), opened(0, MONEY, 0, 20), moved];
        facts.iter().for_each(|fact| draft.fact(*fact));
        let record = draft.finish();
        assert_eq!(ledger.check(record.view()), Ok(()));
        ledger.commit(record.view());
        assert!(!ledger.verify().is_sound());
        let (who, cause) = (MemberId::new(0).into(), crate::RefundCause::Member);
        let action = crate::Action::RefundCard { who, cause };
        let command =
            crate::Command::new(crate::IdempotencyKey::new(1), crate::StoreId::new(1), action);
        let booked =
            ledger.prepare(ledger.at(), &command).map(|record| record.view().postings().count());
        assert_eq!(booked, Ok(4));
    }
}

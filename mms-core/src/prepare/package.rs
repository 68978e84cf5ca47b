//! Uses sold ahead: ten swims for the price of eight.

use super::{Prepare, Use};
use crate::account::{Code, MONEY, is_uses};
use crate::amount::{Rounding, mul_div};
use crate::command::Who;
use crate::ids::{AssetId, Day, MemberId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Lot};

impl Prepare<'_, '_> {
    /// Row 12 of the postings: money now, uses to come.
    pub(super) fn sell_package(
        &mut self,
        who: Who,
        kind: AssetId,
        uses: i64,
        price: i64,
        expires: Day,
    ) -> Result<(), Rejection> {
        if uses.min(price) <= 0 {
            return Err(Rejection::AmountNotPositive);
        }
        self.not_too_large(uses.max(price))?;
        if expires < self.at.day {
            return Err(Rejection::DateInPast);
        }
        let party = self.find(who)?;
        if !is_uses(kind) {
            return Err(Rejection::AssetUnknown);
        }
        self.allow(party, Use::Credit)?;
        self.about(Kind::PackageSold, Some(party.id));
        self.draft.store(Code::Tender, MONEY, price);
        self.draft.member(party.id, Code::Deferred, MONEY, price.saturating_neg());
        self.draft.store(Code::UsesIssued, kind, uses);
        self.draft.member(party.id, Code::Uses, kind, uses.saturating_neg());
        // Each package has its own price for a use, so packages never merge.
        let lot = self.add_to_lot(party, |_| false, kind, (uses, 0), self.at.day, expires)?;
        self.draft.fact(Fact::Deferred { lot, amount: price });
        self.count(party, Counters { spend: price, visits: 1, ..Counters::default() });
        Ok(())
    }

    /// Row 13: uses taken, and what was paid for them is earned.
    pub(super) fn take_uses(
        &mut self,
        who: Who,
        kind: AssetId,
        uses: i64,
    ) -> Result<(), Rejection> {
        self.positive(uses)?;
        let party = self.find(who)?;
        if !is_uses(kind) {
            return Err(Rejection::AssetUnknown);
        }
        self.allow(party, Use::Debit)?;
        self.about(Kind::UsesTaken, Some(party.id));
        let taken = self.take(party, kind, uses, MoveKind::Use)?;
        self.debit(party.id, kind, taken);
        self.draft.store(Code::UsesTaken, kind, uses.saturating_neg());
        let earned = self.undefer()?;
        self.earned(party.id, Code::Revenue, earned);
        Ok(())
    }

    /// Uses that were not taken go back, and what was paid for them is paid out.
    pub(super) fn return_uses(
        &mut self,
        who: Who,
        kind: AssetId,
        uses: i64,
    ) -> Result<(), Rejection> {
        self.positive(uses)?;
        let party = self.find(who)?;
        if !is_uses(kind) {
            return Err(Rejection::AssetUnknown);
        }
        // A pay-out, as that of stored value is.
        self.allow(party, Use::Debit)?;
        self.about(Kind::UsesReturned, Some(party.id));
        let taken = self.take(party, kind, uses, MoveKind::Return)?;
        self.debit(party.id, kind, taken);
        self.draft.store(Code::UsesIssued, kind, uses.saturating_neg());
        let paid = self.undefer()?;
        self.earned(party.id, Code::Tender, paid);
        // Each lot in the month in which it was sold.
        for n in 0..self.draft.facts().len() {
            if let Some(Fact::Deferred { lot, amount }) = self.draft.facts().get(n).copied() {
                let day = self.ledger.lots.get(lot).map_or(self.at.day, |lot| lot.from);
                let by = Counters { spend: amount, ..Counters::default() };
                self.uncounted(party.id, by, day);
            }
        }
        Ok(())
    }

    /// What was paid for the uses that this record takes is no longer deferred.
    pub(super) fn undefer(&mut self) -> Result<i64, Rejection> {
        let mut earned: i64 = 0;
        let touched = self.draft.moves.len();
        for n in 0..touched {
            // What a hold gives back stays deferred.
            let Some((id, by, _)) = self.draft.moves.get(n).copied().filter(|row| row.1 < 0) else {
                continue;
            };
            let Some(lot) = self.ledger.lots.get(id) else {
                continue;
            };
            let left = lot.principal.saturating_add(lot.held_principal).saturating_add(by);
            let amount = lot.deferred.saturating_sub(deferred_for(&lot, left)?);
            self.draft.fact(Fact::Deferred { lot: id, amount: amount.saturating_neg() });
            earned = earned.saturating_add(amount);
        }
        Ok(earned)
    }

    /// What was deferred is earned, by uses taken or lapsed.
    pub(super) fn earned(&mut self, member: MemberId, code: Code, amount: i64) {
        self.draft.member(member, Code::Deferred, MONEY, amount);
        self.draft.store(code, MONEY, amount.saturating_neg());
    }
}

/// What is still deferred when so many uses of a lot are left: by the cumulative method, so
/// that all uses sum to the price, however they are taken.
pub(super) fn deferred_for(lot: &Lot, left: i64) -> Result<i64, Rejection> {
    let all = lot.principal_in.unsigned_abs();
    let used = lot.principal_in.saturating_sub(left).unsigned_abs();
    let earned = mul_div(lot.price, used, all, Rounding::Down).ok_or(Rejection::Overflow)?;
    Ok(lot.price.saturating_sub(earned))
}

//! What members owe for goods: sold on account, paid later.

use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY};
use crate::command::{MemberKind, Who};
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;

impl Prepare<'_, '_> {
    /// Row 26: a part of a sale that is paid later.
    pub(super) fn on_account(&mut self, party: Party<'_>, amount: i64) -> Result<(), Rejection> {
        if amount == 0 {
            return Ok(());
        }
        let program = &self.ledger.program;
        let trusted = !matches!(party.member.kind, MemberKind::Individual | MemberKind::Bearer);
        let owed = Code::Receivable.natural(party.member.balance(Code::Receivable, MONEY));
        if !trusted || owed.saturating_add(amount) > program.credit_max {
            return Err(Rejection::CreditExceeded);
        }
        let due = self.at.day.plus(program.credit_days);
        self.draft.member(party.id, Code::Receivable, MONEY, amount);
        self.draft.fact(Fact::SoldOnAccount { member: party.id, amount, due });
        Ok(())
    }

    /// Row 26: money comes in for what a member owes (回款).
    pub(super) fn receive_payment(&mut self, who: Who, amount: i64) -> Result<(), Rejection> {
        self.positive(amount)?;
        let party = self.find(who)?;
        self.allow(party, Use::Credit)?;
        let owed = Code::Receivable.natural(party.member.balance(Code::Receivable, MONEY));
        if amount > owed {
            return Err(Rejection::PaymentExceedsDebt);
        }
        self.about(Kind::PaymentReceived, Some(party.id));
        self.draft.store(Code::Tender, MONEY, amount);
        self.draft.member(party.id, Code::Receivable, MONEY, amount.saturating_neg());
        self.draft.fact(Fact::PaymentReceived { member: party.id, amount });
        Ok(())
    }
}

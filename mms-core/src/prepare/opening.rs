//! Balances that were there before this ledger.

use super::{Prepare, Use};
use crate::account::{Code, MONEY, POINTS};
use crate::command::Held;
use crate::ids::{Day, MemberId};
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;

impl Prepare<'_, '_> {
    /// Row 30: what a member brings from another system, with its own dates, against opening
    /// equity: no sale is made up for it, and nothing lapses all at once.
    pub(super) fn open_balance(
        &mut self,
        member: MemberId,
        what: Held,
        (principal, bonus): (i64, i64),
        (from, expires): (Day, Day),
    ) -> Result<(), Rejection> {
        let nothing = principal.saturating_add(bonus) == 0;
        if nothing || principal < 0 || bonus < 0 || (bonus > 0 && what == Held::Points) {
            return Err(Rejection::AmountNotPositive);
        }
        self.none_negative(&[principal, bonus])?;
        if expires < self.at.day {
            return Err(Rejection::DateInPast);
        }
        let party = self.member(member)?;
        self.allow(party, Use::Credit)?;
        self.about(Kind::BalanceOpened, Some(party.id));
        let asset = what.asset();
        if asset == MONEY {
            self.room_for_stored(party, principal.saturating_add(bonus))?;
            self.draft.store(Code::Opening, MONEY, principal);
            self.draft.store(Code::BonusIssued, MONEY, bonus);
            self.draft.member(party.id, Code::StoredPrincipal, MONEY, principal.saturating_neg());
            self.draft.member(party.id, Code::StoredBonus, MONEY, bonus.saturating_neg());
        } else {
            self.draft.store(Code::Opening, POINTS, principal);
            let code = if from > self.at.day { Code::PointsPending } else { Code::Points };
            self.draft.member(party.id, code, POINTS, principal.saturating_neg());
        }
        let lot = self.add_to_lot(party, |_| false, asset, (principal, bonus), from, expires)?;
        self.draft.fact(Fact::BalanceOpened { lot, principal, bonus });
        Ok(())
    }
}

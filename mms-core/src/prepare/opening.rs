//! Balances that were there before this ledger.

use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS, is_uses};
use crate::command::{Held, Opened};
use crate::ids::{Day, MemberId};
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;

impl<'l> Prepare<'l, '_> {
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

    /// The same for uses, coupons, change and debts.
    pub(super) fn open(&mut self, member: MemberId, what: Opened) -> Result<(), Rejection> {
        match what {
            Opened::Uses { kind, uses, price, from, expires } => {
                if uses <= 0 || price < 0 {
                    return Err(Rejection::AmountNotPositive);
                }
                self.not_too_large(uses.max(price))?;
                let party = self.brought(member, expires)?;
                if !is_uses(kind) {
                    return Err(Rejection::AssetUnknown);
                }
                let party = self.opens(party)?;
                self.draft.store(Code::Opening, MONEY, price);
                self.draft.member(party.id, Code::Deferred, MONEY, price.saturating_neg());
                self.draft.store(Code::Opening, kind, uses);
                self.draft.member(party.id, Code::Uses, kind, uses.saturating_neg());
                let lot = self.add_to_lot(party, |_| false, kind, (uses, 0), from, expires)?;
                self.draft.fact(Fact::Deferred { lot, amount: price });
                self.draft.fact(Fact::BalanceOpened { lot, principal: uses, bonus: 0 });
            }
            Opened::Coupons { kind, count, from, expires } => {
                self.positive(count)?;
                let party = self.brought(member, expires)?;
                if self.ledger.program.coupon(kind).is_none() {
                    return Err(Rejection::RuleUnknown);
                }
                let party = self.opens(party)?;
                self.draft.store(Code::Opening, kind, count);
                self.draft.member(party.id, Code::Coupons, kind, count.saturating_neg());
                let lot = self.add_to_lot(party, |_| false, kind, (count, 0), from, expires)?;
                self.draft.fact(Fact::BalanceOpened { lot, principal: count, bonus: 0 });
            }
            Opened::Change(amount) => {
                self.positive(amount)?;
                let party = self.member(member)?;
                let member = self.opens(party)?.id;
                self.draft.store(Code::Opening, MONEY, amount);
                self.draft.member(member, Code::ChangePurse, MONEY, amount.saturating_neg());
                self.draft.fact(Fact::ChangeKept { member, amount });
            }
            Opened::PointsDebt(points) => {
                self.positive(points)?;
                let party = self.member(member)?;
                let member = self.opens(party)?.id;
                self.draft.member(member, Code::PointsDebt, POINTS, points);
                self.draft.store(Code::Opening, POINTS, points.saturating_neg());
                self.draft.fact(Fact::DebtMade { member, points });
            }
            Opened::Owed(amount) => {
                self.positive(amount)?;
                let party = self.member(member)?;
                let party = self.opens(party)?;
                self.on_account(party, amount)?;
                self.draft.store(Code::Opening, MONEY, amount.saturating_neg());
            }
        }
        Ok(())
    }

    /// Whose it is, when it is not over yet.
    fn brought(&self, member: MemberId, expires: Day) -> Result<Party<'l>, Rejection> {
        if expires < self.at.day {
            return Err(Rejection::DateInPast);
        }
        self.member(member)
    }

    fn opens(&mut self, party: Party<'l>) -> Result<Party<'l>, Rejection> {
        self.allow(party, Use::Credit)?;
        self.about(Kind::BalanceOpened, Some(party.id));
        Ok(party)
    }
}

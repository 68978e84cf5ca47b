//! Returns: every tender to where it came from, value to the same lots.

use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS};
use crate::amount::{Rounding, mul_div};
use crate::command::Part;
use crate::ids::{Day, LotId, SaleId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Sale, Tenders};

impl<'l> Prepare<'l, '_> {
    /// Rows 15 and 16: the mirror of the sale, in part or in whole, and the points that
    /// were earned on it taken back.
    pub(super) fn refund(&mut self, id: SaleId, part: Part) -> Result<(), Rejection> {
        match part {
            Part::Amount(amount) => self.positive(amount)?,
            Part::Line { quantity: 0, .. } => return Err(Rejection::QuantityZero),
            _ => {}
        }
        let sale = self
            .ledger
            .sale(id)
            .filter(|sale| sale.returnable >= self.at.day)
            .ok_or(Rejection::SaleUnknown)?;
        let sale = &sale;
        let amount = self.refund_amount(sale, part)?;
        let party = sale.member.map(|member| self.member(member)).transpose()?;
        if let Some(party) = party {
            self.allow(party, Use::Credit)?;
        }
        if sale.given.quantity > 0
            && (amount.is_ok_and(|amount| amount != sale.net()) || !self.given_is_whole(sale))
        {
            return Err(Rejection::GivenAway);
        }
        let amount = amount?;
        self.about(Kind::Refunded, party.map(|party| party.id));
        if let Part::Line { line, quantity } = part {
            self.draft.fact(Fact::LineReturned { sale: id, line, quantity, net: amount });
        }
        let parts = parts_of(sale, amount).ok_or(Rejection::Overflow)?;
        let discount = discount_of(sale, amount).ok_or(Rejection::Overflow)?;
        let cash = self.mirror_money(sale, &parts, discount, amount);
        if parts.account > 0 {
            self.draft.fact(Fact::AccountReturned { sale: id, amount: parts.account, cash });
        }
        self.reverse_commission(sale, amount)?;
        if let Some(party) = party {
            self.restore(party, sale, MONEY, parts.principal, parts.bonus)?;
            self.draft.store(Code::PointsRedeemed, POINTS, parts.points);
            self.restore(party, sale, POINTS, parts.points, 0)?;
            if sale.given.quantity > 0 {
                self.take_gift_back(party, sale);
            }
            self.return_coupon(party, sale, amount)?;
            let clawed = self.take_back(party, sale, amount)?;
            self.claw_referrers(sale, amount)?;
            self.leave(party.id, sale, amount);
            self.returned(sale, amount, &parts, discount, clawed);
            let whole = sale.left() == amount && sale.asset == MONEY;
            self.uncount(party, sale.day, &parts, clawed, whole);
        } else {
            self.returned(sale, amount, &parts, discount, 0);
        }
        Ok(())
    }

    /// How much is taken back. The outer error is what is unknown, the inner one what
    /// comes after the states in the order of rejections.
    fn refund_amount(&self, sale: &Sale, part: Part) -> Result<Result<i64, Rejection>, Rejection> {
        let left = sale.left();
        let amount = match part {
            Part::Rest => left,
            Part::Amount(amount) => amount,
            Part::Line { line, quantity } => {
                let mut lines = self.ledger.sales.lines(sale);
                let (_, line) = lines.find(|(n, _)| *n == line).ok_or(Rejection::LineUnknown)?;
                let back = u64::from(line.returned).saturating_add(u64::from(quantity));
                if back > u64::from(line.quantity) {
                    return Ok(Err(Rejection::RefundExceedsPaid));
                }
                // The cumulative method: all parts of a line sum to the line.
                mul_div(line.net, back, u64::from(line.quantity), Rounding::Down)
                    .unwrap_or(line.net)
                    .saturating_sub(line.net_returned)
            }
        };
        Ok(if amount > left {
            Err(Rejection::RefundExceedsPaid)
        } else if amount == 0 && (left == 0 || !matches!(part, Part::Line { .. })) {
            // Goods that cost nothing come back as long as there is something left to give back.
            Err(Rejection::NothingToDo)
        } else {
            Ok(amount)
        })
    }

    /// Gives what went over the counter because it was no longer owed.
    fn mirror_money(&mut self, sale: &Sale, parts: &Tenders, discount: i64, amount: i64) -> i64 {
        if sale.asset != MONEY {
            return 0;
        }
        let owner = sale.member.map(|member| self.ledger.resolve(member));
        let owed = owner
            .and_then(|member| self.ledger.member(member))
            .map_or(0, |member| Code::Receivable.natural(member.balance(Code::Receivable, MONEY)));
        let back = parts.account.min(owed).max(0);
        if let Some(member) = owner {
            self.draft.member(member, Code::Receivable, MONEY, back.saturating_neg());
        }
        let paid = parts.account.saturating_sub(back);
        let off = discount.saturating_add(parts.bonus);
        self.draft.store(Code::Revenue, MONEY, amount.saturating_add(discount));
        self.draft.store(Code::BonusIssued, MONEY, parts.bonus);
        let cash = parts.cash.saturating_add(paid);
        self.draft.store(Code::Tender, MONEY, cash.saturating_neg());
        self.draft.store(Code::Discount, MONEY, off.saturating_neg());
        self.draft.store(Code::Promotion, MONEY, parts.points_value.saturating_neg());
        paid
    }

    /// Value back to the lots it came from, the last taken first. A lot that is dead by
    /// now is dead with what it gets back, unless the program grants some days.
    fn restore(
        &mut self,
        party: Party<'l>,
        sale: &Sale,
        asset: crate::AssetId,
        principal: i64,
        bonus: i64,
    ) -> Result<(), Rejection> {
        let ledger = self.ledger;
        let (mut principal, mut bonus) = (principal, bonus);
        let mut debt = match asset {
            POINTS => Code::PointsDebt.natural(party.member.balance(Code::PointsDebt, POINTS)),
            _ => 0,
        };
        for (n, alloc) in ledger.sales.allocs(sale).rev() {
            if principal == 0 && bonus == 0 {
                break;
            }
            let Some(lot) = ledger.lots.get(alloc.lot).filter(|lot| lot.asset == asset) else {
                continue;
            };
            let back = principal.min(alloc.principal.saturating_sub(alloc.restored_principal));
            let back_bonus = bonus.min(alloc.bonus.saturating_sub(alloc.restored_bonus));
            if back == 0 && back_bonus == 0 {
                continue;
            }
            principal = principal.saturating_sub(back);
            bonus = bonus.saturating_sub(back_bonus);
            let grace = ledger.program.refund_grace_days.filter(|_| lot.expires < self.at.day);
            let (to, pending) = match grace {
                None => (alloc.lot, lot.pending),
                Some(days) => {
                    let count = u32::try_from(ledger.lots(party.id).count()).unwrap_or(u32::MAX);
                    let until = self.at.day.plus(days);
                    let to = self.open_lot(party.id, count, asset, (0, 0), Day::FIRST, until)?;
                    self.loaded_at(to, lot.store);
                    (to, false)
                }
            };
            self.unsettle(sale, alloc, back)?;
            self.discounted_again(sale, n, alloc, (back, back_bonus))?;
            self.put_back(party, sale.id, n, to, asset, pending, (back, back_bonus));
            let paid = debt.min(back).max(0);
            if paid > 0 {
                self.pay_debt(party, to, pending, paid);
                debt = debt.saturating_sub(paid);
            }
        }
        Ok(())
    }

    /// Points that come back pay what the member owes, as all that come do, and before they can
    /// lapse: they are owed because they had been spent, and would have been taken from this very
    /// lot, had they been in it.
    fn pay_debt(&mut self, party: Party<'_>, lot: LotId, pending: bool, points: i64) {
        let code = if pending { Code::PointsPending } else { Code::Points };
        self.move_lot(lot, MoveKind::Claw, points, 0);
        self.draft.member(party.id, code, POINTS, points);
        self.draft.fact(Fact::DebtPaid { member: party.id, points });
        self.draft.member(party.id, Code::PointsDebt, POINTS, points.saturating_neg());
    }

    #[expect(clippy::too_many_arguments, reason = "one fact and its postings, used once")]
    fn put_back(
        &mut self,
        party: Party<'_>,
        sale: SaleId,
        alloc: u16,
        lot: LotId,
        asset: crate::AssetId,
        pending: bool,
        (principal, bonus): (i64, i64),
    ) {
        let code = match (asset, pending) {
            (POINTS, true) => Code::PointsPending,
            (POINTS, false) => Code::Points,
            (MONEY, _) => Code::StoredPrincipal,
            _ => Code::Coupons,
        };
        self.draft.member(party.id, code, asset, principal.saturating_neg());
        self.draft.member(party.id, Code::StoredBonus, asset, bonus.saturating_neg());
        self.draft.fact(Fact::SaleRestored { sale, alloc, lot, principal, bonus });
        self.draft.moves.push((lot, principal, bonus));
    }

    /// The coupon of a sale comes back with the last of it, when the program says so.
    fn return_coupon(
        &mut self,
        party: Party<'l>,
        sale: &Sale,
        amount: i64,
    ) -> Result<(), Rejection> {
        let lot = sale.coupon.and_then(|lot| self.ledger.lots.get(lot));
        match lot {
            Some(lot) if sale.left() == amount && self.ledger.program.coupon_returns => {
                self.draft.store(Code::CouponsUsed, lot.asset, 1);
                self.restore(party, sale, lot.asset, 1, 0)
            }
            _ => Ok(()),
        }
    }

    /// Earned points that the returned part no longer deserves: from their own lot, then
    /// from others; what was spent meanwhile becomes a debt, never a negative balance.
    fn take_back(&mut self, party: Party<'l>, sale: &Sale, amount: i64) -> Result<i64, Rejection> {
        let clawed = claw_of(sale, amount).ok_or(Rejection::Overflow)?;
        if clawed == 0 {
            return Ok(0);
        }
        let taken = self.claw(party, sale.earned_lot, clawed);
        self.debit(party.id, POINTS, taken);
        self.draft.store(Code::PointsExpired, POINTS, taken.lapsed);
        let debt = clawed.saturating_sub(taken.total());
        if debt > 0 {
            self.draft.member(party.id, Code::PointsDebt, POINTS, debt);
            self.draft.fact(Fact::DebtMade { member: party.id, points: debt });
        }
        self.draft.store(Code::PointsIssued, POINTS, clawed.saturating_neg());
        Ok(clawed)
    }

    fn returned(&mut self, sale: &Sale, amount: i64, parts: &Tenders, discount: i64, clawed: i64) {
        self.draft.fact(Fact::SaleReturned {
            sale: sale.id,
            amount,
            cash: parts.cash,
            principal: parts.principal,
            bonus: parts.bonus,
            points: parts.points,
            points_value: parts.points_value,
            discount,
            clawed,
        });
    }

    /// Counters go back by what the sale had added, in its own month. The tier stays.
    fn uncount(&mut self, party: Party<'_>, day: Day, parts: &Tenders, clawed: i64, whole: bool) {
        let spend = parts.cash.saturating_add(parts.principal).saturating_add(parts.account);
        let by = Counters {
            points: clawed.saturating_neg(),
            top_up: 0,
            spend: spend.saturating_neg(),
            visits: i64::from(whole).saturating_neg(),
        };
        self.uncounted(party.id, by, day);
    }
}

/// How `amount` goes back over the tenders: in proportion, by the cumulative method, each
/// within what it paid, so that any partition of returns gives each tender back exactly.
fn parts_of(sale: &Sale, amount: i64) -> Option<Tenders> {
    let mut parts = Tenders::default();
    if sale.asset == POINTS {
        parts.points = amount;
        return Some(parts);
    }
    let (paid, returned) = (&sale.paid, &sale.returned);
    let net = sale.net().unsigned_abs();
    let so_far = returned.total(MONEY).checked_add(amount)?;
    let rows = [
        (paid.cash, returned.cash),
        (paid.principal, returned.principal),
        (paid.bonus, returned.bonus),
        (paid.points_value, returned.points_value),
        (paid.account, returned.account),
    ];
    let mut given = [0_i64; 5];
    let mut left = amount;
    let mut weight: i64 = 0;
    let mut below: i64 = 0;
    // First towards the share of all that was returned so far...
    for ((paid, back), given) in rows.iter().zip(given.iter_mut()) {
        weight = weight.checked_add(*paid)?;
        let bound = mul_div(so_far, weight.unsigned_abs(), net, Rounding::Down)?;
        let target = bound.checked_sub(below)?;
        below = bound;
        let room = paid.checked_sub(*back)?;
        *given = target.checked_sub(*back)?.clamp(0, room.min(left).max(0));
        left = left.checked_sub(*given)?;
    }
    // ...then what rounding left, to whom there is room.
    for ((paid, back), given) in rows.iter().zip(given.iter_mut()) {
        let room = paid.checked_sub(*back)?.checked_sub(*given)?;
        let more = room.min(left).max(0);
        *given = given.checked_add(more)?;
        left = left.checked_sub(more)?;
    }
    [parts.cash, parts.principal, parts.bonus, parts.points_value, parts.account] = given;
    if paid.points_value > 0 {
        let value = returned.points_value.checked_add(parts.points_value)?;
        let due = mul_div(
            paid.points,
            value.unsigned_abs(),
            paid.points_value.unsigned_abs(),
            Rounding::Down,
        )?;
        parts.points = due.checked_sub(returned.points)?;
    }
    (left == 0).then_some(parts)
}

/// The discount that falls away with `amount`, by the cumulative method.
fn discount_of(sale: &Sale, amount: i64) -> Option<i64> {
    if sale.asset != MONEY {
        return Some(0);
    }
    let so_far = sale.returned.total(MONEY).checked_add(amount)?;
    mul_div(sale.discount, so_far.unsigned_abs(), sale.net().unsigned_abs(), Rounding::Down)?
        .checked_sub(sale.discount_returned)
}

/// The points to be taken back, so that what remains is what the rest of the sale earns
/// at the rate that was recorded with it.
fn claw_of(sale: &Sale, amount: i64) -> Option<i64> {
    if sale.earned == 0 {
        return Some(0);
    }
    let net = sale.net();
    let kept = net.checked_sub(sale.returned.total(sale.asset))?.checked_sub(amount)?;
    let base = mul_div(sale.earn_base, kept.unsigned_abs(), net.unsigned_abs(), Rounding::Down)?;
    let keep = mul_div(base, sale.earn_num, sale.earn_den, sale.earn_rounding)?;
    let due = sale.earned.checked_sub(keep)?.checked_sub(sale.clawed)?;
    Some(due.max(0))
}

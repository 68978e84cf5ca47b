//! How sales are kept: most in 100 bytes.

use super::sales::{Gift, Sale, Tenders};
use crate::amount::Rounding;
use crate::ids::{AssetId, Day, LotId, MemberId, RuleId, SaleId, StoreId};
use crate::record::{Fact, Head};

/// A sale as it is kept: nearly all are of small amounts and never taken back. The others are kept
/// whole elsewhere; here is what forgetting needs of them.
#[derive(Clone, Debug)]
pub(super) struct Stub {
    pub(super) returnable: Day,
    /// Where its rows begin, modulo 2³², and how many there are.
    allocs: (u32, u16),
    lines: (u32, u16),
    rewards: (u32, u16),
    asset: AssetId,
    rounding: Rounding,
    pub(super) is_wide: bool,
    pub(super) member: Option<MemberId>,
    store: StoreId,
    day: Day,
    /// Of a sale that is kept elsewhere: where.
    pub(super) list: u32,
    discount: u32,
    cash: u32,
    principal: u32,
    bonus: u32,
    points: u32,
    points_value: u32,
    earned: u32,
    earned_lot: u32,
    earn_base: u32,
    earn_num: u32,
    earn_den: u32,
    rule: u32,
}

const _: () = assert!(size_of::<Stub>() == 100, "with its id 108");

/// No lot and no rule has this number.
const NONE: u32 = u32::MAX;

impl Stub {
    /// The short form; `None` when the sale does not fit.
    #[inline]
    pub(super) fn short(sale: &Sale) -> Option<Self> {
        let paid = &sale.paid;
        let rare = paid.account != 0
            || sale.returned != Tenders::default()
            || sale.discount_returned != 0
            || sale.clawed != 0
            || sale.coupon.is_some()
            || sale.given != Gift::NONE
            || sale.commission.is_some()
            || sale.commission_back != 0
            || sale.settled.is_some();
        if rare {
            return None;
        }
        Some(Self {
            list: u32::try_from(sale.list).ok()?,
            discount: u32::try_from(sale.discount).ok()?,
            cash: u32::try_from(paid.cash).ok()?,
            principal: u32::try_from(paid.principal).ok()?,
            bonus: u32::try_from(paid.bonus).ok()?,
            points: u32::try_from(paid.points).ok()?,
            points_value: u32::try_from(paid.points_value).ok()?,
            earned: u32::try_from(sale.earned).ok()?,
            earned_lot: sale.earned_lot.map_or(NONE, LotId::value),
            earn_base: u32::try_from(sale.earn_base).ok()?,
            earn_num: u32::try_from(sale.earn_num).ok()?,
            earn_den: u32::try_from(sale.earn_den).ok()?,
            rule: sale.rule.map_or(NONE, RuleId::value),
            ..Self::frame(sale)
        })
    }

    /// The short form of a sale that was just made, and of which there is nothing beyond the fact.
    #[inline]
    pub(super) fn opened(head: &Head, fact: &Fact, rows: [(u64, u16); 3]) -> Option<Self> {
        let Fact::SaleOpened {
            member,
            asset,
            list,
            discount,
            cash,
            principal,
            bonus,
            points,
            points_value,
            earned,
            earned_lot,
            earn_base,
            earn_num,
            earn_den,
            earn_rounding,
            rule,
            returnable,
        } = *fact
        else {
            return None;
        };
        let amounts = list | discount | cash | principal | bonus | points | points_value;
        let reach = unsigned(amounts | earned | earn_base) | earn_num | earn_den;
        if reach >> 32 != 0 {
            return None;
        }
        let short = |amount: i64| low(unsigned(amount));
        let [allocs, lines, rewards] = rows.map(|(start, count)| (low(start), count));
        Some(Self {
            returnable,
            allocs,
            lines,
            rewards,
            asset,
            rounding: earn_rounding,
            is_wide: false,
            member,
            store: head.store,
            day: head.at.day,
            list: short(list),
            discount: short(discount),
            cash: short(cash),
            principal: short(principal),
            bonus: short(bonus),
            points: short(points),
            points_value: short(points_value),
            earned: short(earned),
            earned_lot: earned_lot.map_or(NONE, LotId::value),
            earn_base: short(earn_base),
            earn_num: low(earn_num),
            earn_den: low(earn_den),
            rule: rule.map_or(NONE, RuleId::value),
        })
    }

    /// What forgetting needs of a sale that is kept at `place` of those that are whole.
    pub(super) fn wide(sale: &Sale, place: u32) -> Self {
        Self { is_wide: true, list: place, ..Self::frame(sale) }
    }

    fn frame(sale: &Sale) -> Self {
        let low = |(start, count): (u64, u16)| (low(start), count);
        Self {
            returnable: sale.returnable,
            allocs: low(sale.allocs),
            lines: low(sale.lines),
            rewards: low(sale.rewards),
            asset: sale.asset,
            rounding: sale.earn_rounding,
            is_wide: false,
            member: sale.member,
            store: sale.store,
            day: sale.day,
            list: 0,
            discount: 0,
            cash: 0,
            principal: 0,
            bonus: 0,
            points: 0,
            points_value: 0,
            earned: 0,
            earned_lot: NONE,
            earn_base: 0,
            earn_num: 0,
            earn_den: 0,
            rule: NONE,
        }
    }

    /// The sale of the short form; its rows begin at or behind `bases`.
    pub(super) fn sale(&self, id: SaleId, [allocs, lines, rewards]: [u64; 3]) -> Sale {
        let some = |number: u32| (number != NONE).then_some(number);
        Sale {
            id,
            member: self.member,
            store: self.store,
            asset: self.asset,
            day: self.day,
            returnable: self.returnable,
            list: self.list.into(),
            discount: self.discount.into(),
            paid: Tenders {
                cash: self.cash.into(),
                principal: self.principal.into(),
                bonus: self.bonus.into(),
                points: self.points.into(),
                points_value: self.points_value.into(),
                account: 0,
            },
            returned: Tenders::default(),
            discount_returned: 0,
            earned: self.earned.into(),
            clawed: 0,
            earned_lot: some(self.earned_lot).map(LotId::new),
            earn_base: self.earn_base.into(),
            earn_num: self.earn_num.into(),
            earn_den: self.earn_den.into(),
            earn_rounding: self.rounding,
            rule: some(self.rule).map(RuleId::new),
            coupon: None,
            given: Gift::NONE,
            commission: None,
            commission_back: 0,
            settled: None,
            rewards: (above(rewards, self.rewards.0), self.rewards.1),
            allocs: (above(allocs, self.allocs.0), self.allocs.1),
            lines: (above(lines, self.lines.0), self.lines.1),
        }
    }

    /// Where its rows begin: takings, lines, rewards.
    #[inline]
    pub(super) fn starts(&self, [allocs, lines, rewards]: [u64; 3]) -> [u64; 3] {
        let (a, l, r) = (self.allocs.0, self.lines.0, self.rewards.0);
        [above(allocs, a), above(lines, l), above(rewards, r)]
    }

    /// The lot that was earned, of a sale that is not kept elsewhere.
    pub(super) fn earned_lot(&self) -> Option<LotId> {
        (self.earned_lot != NONE).then_some(LotId::new(self.earned_lot))
    }
}

fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0)
}

/// What is less than zero has high bits.
fn unsigned(amount: i64) -> u64 {
    u64::from_le_bytes(amount.to_le_bytes())
}

/// The first number from `base` on that ends in `low`.
fn above(base: u64, low_bits: u32) -> u64 {
    base.saturating_add(low_bits.wrapping_sub(low(base)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_their_low_half() {
        for base in [0, 5, 0xffff_fff0, 0x1_0000_0000, 0x7_ffff_ffff] {
            for more in [0, 1, 0x20, 0xffff_ffff] {
                let number = base + more;
                assert_eq!(above(base, low(number)), number);
            }
        }
    }
}

//! Whether the rows of a snapshot fit together.

use super::{Section, SnapshotError, wrong};
use crate::account::{MONEY, POINTS};
use crate::ids::{Day, FieldId, LotId, MemberId, SaleId};
use crate::ledger::Ledger;
use crate::state::{Hold, Lot, Member, MemberStatus, Order, Reward, Sale, Tenders};

impl Ledger {
    /// Whether everything that rows speak of exists, and rows stand in order.
    pub(super) fn fits_together(&self) -> Result<(), SnapshotError> {
        let member = |id: MemberId| (id.value() as usize) < self.members.len();
        let lot = |id: LotId| self.lots.is_known(id);
        let fail = |good: bool, section| if good { Ok(()) } else { Err(wrong(section)) };
        let named = |member: &Member| [member.referrer(), member.merged_into()];
        let referrers = self.members.iter().flat_map(named).flatten();
        fail(referrers.into_iter().all(member), Section::Members)?;
        let now = self.at.time.as_unix_micros();
        let sorted = |member: &Member| {
            let more = member.rest.get();
            more.months.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0))
                && more.recent.is_sorted()
                && more.recent.last().is_none_or(|time| *time <= now)
        };
        fail(self.members.iter().all(sorted), Section::Members)?;
        // What a member that became another had is the other's.
        let own = |id: MemberId| member(id) && self.resolve(id) == id;
        let left = |member: &Member| {
            let merged = member.merged_into().is_some();
            merged == (member.status == MemberStatus::Merged)
                && (!merged || member.tier_until == Day::NEVER)
        };
        fail(self.members.iter().all(left), Section::Members)?;
        // Who became another became somebody who is no other: mergers lead round in no circle.
        let ends = |id: MemberId| {
            self.member(self.resolve(id)).is_some_and(|row| row.merged_into().is_none())
        };
        let mut merged = self.members.iter().filter_map(Member::merged_into);
        fail(merged.all(ends), Section::Members)?;
        fail(self.fields.rows().keys().all(|(id, _)| own(*id)), Section::Fields)?;
        let sold = |(sale, _): &(SaleId, FieldId)| self.sales.is_known(*sale);
        fail(self.sale_fields.keys().all(sold), Section::SaleFields)?;
        fail(self.terms.by_member.keys().copied().all(own), Section::Terms)?;
        let voider = |id: &Option<MemberId>| id.is_none_or(member);
        fail(self.places.newest().is_none_or(|time| time <= now), Section::Places)?;
        fail(self.voids.newest().is_none_or(|time| time <= now), Section::Voids)?;
        fail(self.voids.keys().all(|(id, _)| voider(id)), Section::Voids)?;
        fail(self.parts.times.keys().all(|(_, id)| own(*id)), Section::Parts)?;
        let sound = |order: &Order| {
            let card = order.card.is_none_or(|card| self.card_at(card).is_some());
            order.member.is_none_or(member) && card
        };
        fail(self.orders.open.values().all(sound), Section::Orders)?;
        fail(self.cards.iter().all(|card| member(card.member)), Section::Cards)?;
        // Of a place that is free nothing is said: equal states have equal bytes.
        let sound = |(_, row): (LotId, Lot)| match row.is_vacant() {
            true => row == Lot::vacant(),
            false => member(row.member) && row.origin <= self.seq && row.is_plausible(),
        };
        fail(self.lots.places().all(sound), Section::Lots)?;
        // What is named after a record that is still to come would be taken for that one's.
        let booked = |id: u64| id <= self.seq.value();
        let known = self.holds.keys().all(|id| booked(id.value()));
        fail(known && self.holds.values().all(|hold| self.hold_ties(hold)), Section::Holds)?;
        fail(self.orders.open.keys().all(|id| booked(id.value())), Section::Orders)?;
        let sound = |sale: Sale| {
            sale.member.is_none_or(member) && sale.kept_lots().chain(sale.coupon).all(lot)
        };
        fail(self.sales.is_in_order() && self.sales.all().all(sound), Section::Sales)?;
        fail(self.sales.last().is_none_or(|id| booked(id.value())), Section::Sales)?;
        fail(self.sales.rows_are_their_own(), Section::Sales)?;
        let sound = |reward: &Reward| member(reward.member) && reward.lot.is_none_or(lot);
        fail(self.sales.rewards.items.iter().all(sound), Section::Rewards)?;
        fail(self.sales.allocs.items.iter().all(|alloc| lot(alloc.lot)), Section::Takings)?;
        fail(self.sales.all().all(|sale| self.sale_ties(&sale)), Section::Sales)
    }

    /// Whether a hold is of its member's lots, of its asset, and of as much as it says: else what is
    /// captured or given back would not balance.
    pub(crate) fn hold_ties(&self, hold: &Hold) -> bool {
        let mut sum = (0_i64, 0_i64);
        let takes = hold.allocs.iter().all(|alloc| {
            sum.0 = sum.0.saturating_add(alloc.principal);
            sum.1 = sum.1.saturating_add(alloc.bonus);
            alloc.principal >= 0
                && alloc.bonus >= 0
                && (alloc.restored_principal, alloc.restored_bonus) == (0, 0)
                && self.is_of(alloc.lot, Some(hold.member), |lot| lot.asset == hold.asset)
        });
        takes && sum == (hold.principal, hold.bonus) && self.resolve(hold.member) == hold.member
    }

    /// Whether a sale took from its member's lots what it says was paid with them, and gave back no
    /// more than that: else a return would not balance.
    pub(crate) fn sale_ties(&self, sale: &Sale) -> bool {
        let (mut paid, mut back) = (Tenders::NONE, Tenders::NONE);
        let takes = self.sales.allocs(sale).all(|(_, alloc)| {
            let rows =
                [(alloc.principal, alloc.restored_principal), (alloc.bonus, alloc.restored_bonus)];
            let own = self.is_of(alloc.lot, sale.member, |lot| {
                let (to, from) = (&mut paid, &mut back);
                match lot.asset {
                    MONEY => {
                        to.principal = to.principal.saturating_add(alloc.principal);
                        to.bonus = to.bonus.saturating_add(alloc.bonus);
                        from.principal = from.principal.saturating_add(alloc.restored_principal);
                        from.bonus = from.bonus.saturating_add(alloc.restored_bonus);
                        true
                    }
                    POINTS => {
                        to.points = to.points.saturating_add(alloc.principal);
                        from.points = from.points.saturating_add(alloc.restored_principal);
                        alloc.bonus == 0
                    }
                    _ => sale.coupon == Some(alloc.lot) && alloc.principal == 1 && alloc.bonus == 0,
                }
            });
            own && rows.iter().all(|(all, back)| 0 <= *back && back <= all)
        });
        let of = |tenders: &Tenders| (tenders.principal, tenders.bonus, tenders.points);
        let lines = self.sales.lines(sale).all(|(_, line)| {
            line.returned <= line.quantity
                && 0 <= line.net_returned
                && line.net_returned <= line.net
        });
        takes
            && of(&paid) == of(&sale.paid)
            && of(&back) == of(&sale.returned)
            && lines
            && is_within(&sale.returned, &sale.paid)
            && matches!(sale.asset, MONEY | POINTS)
            && (sale.earn_den != 0 || sale.earned == 0)
            && sale.settled.is_none_or(|(_, den)| den != 0)
    }

    /// Whether a lot is a member's, and is what it should be.
    fn is_of(&self, lot: LotId, member: Option<MemberId>, is: impl FnOnce(&Lot) -> bool) -> bool {
        let Some(row) = self.lots.get(lot) else { return false };
        let owner = member.map(|member| self.resolve(member));
        owner == Some(self.resolve(row.member)) && is(&row)
    }
}

/// Whether each tender gave back no more than it paid, and none less than nothing.
fn is_within(back: &Tenders, paid: &Tenders) -> bool {
    let rows = [
        (back.cash, paid.cash),
        (back.principal, paid.principal),
        (back.bonus, paid.bonus),
        (back.points, paid.points),
        (back.points_value, paid.points_value),
        (back.account, paid.account),
    ];
    rows.iter().all(|(back, paid)| 0 <= *back && back <= paid)
}

impl Lot {
    /// Whether a lot holds nothing less than nothing, and no bonus on top of anything but money; only points
    /// wait.
    pub(crate) fn is_plausible(&self) -> bool {
        let parts =
            [self.principal, self.bonus, self.held_principal, self.held_bonus, self.deferred];
        let all = [self.principal_in, self.bonus_in, self.lapsed, self.price];
        let bonus = [self.bonus, self.held_bonus, self.bonus_in];
        parts.iter().chain(&all).all(|part| *part >= 0)
            && (self.asset == MONEY || bonus == [0; 3])
            && (self.asset == POINTS || !self.pending)
    }
}

//! Whether the rows of a snapshot fit together.

use super::{Section, SnapshotError, wrong};
use crate::ids::{FieldId, LotId, MemberId, SaleId};
use crate::ledger::Ledger;
use crate::state::{Hold, Member, Order, Reward, Sale};

impl Ledger {
    /// Whether everything that rows speak of exists, and rows stand in order.
    pub(super) fn fits_together(&self) -> Result<(), SnapshotError> {
        let member = |id: MemberId| (id.value() as usize) < self.members.len();
        let lot = |id: LotId| self.lots.is_known(id);
        let fail = |good: bool, section| if good { Ok(()) } else { Err(wrong(section)) };
        let named = |member: &Member| [member.referrer(), member.merged_into()];
        let referrers = self.members.iter().flat_map(named).flatten();
        fail(referrers.into_iter().all(member), Section::Members)?;
        let sorted = |member: &Member| {
            member.rest.get().months.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0))
        };
        fail(self.members.iter().all(sorted), Section::Members)?;
        fail(self.fields.rows().keys().all(|(id, _)| member(*id)), Section::Fields)?;
        let sold = |(sale, _): &(SaleId, FieldId)| self.sales.is_known(*sale);
        fail(self.sale_fields.keys().all(sold), Section::SaleFields)?;
        fail(self.terms.by_member.keys().copied().all(member), Section::Terms)?;
        let voider = |id: &Option<MemberId>| id.is_none_or(member);
        fail(self.voids.keys().all(|(id, _)| voider(id)), Section::Voids)?;
        fail(self.parts.times.keys().all(|(_, id)| member(*id)), Section::Parts)?;
        let sound = |order: &Order| {
            let card = order.card.is_none_or(|card| self.card_at(card).is_some());
            order.member.is_none_or(member) && card
        };
        fail(self.orders.open.values().all(sound), Section::Orders)?;
        fail(self.cards.iter().all(|card| member(card.member)), Section::Cards)?;
        fail(self.lots.all().all(|(_, lot)| member(lot.member)), Section::Lots)?;
        let holds = self.holds.values();
        let sound =
            |hold: &Hold| member(hold.member) && hold.allocs.iter().all(|alloc| lot(alloc.lot));
        fail(holds.into_iter().all(sound), Section::Holds)?;
        let sound = |sale: Sale| {
            sale.member.is_none_or(member) && sale.kept_lots().chain(sale.coupon).all(lot)
        };
        fail(self.sales.is_in_order() && self.sales.all().all(sound), Section::Sales)?;
        let sound = |reward: &Reward| member(reward.member) && reward.lot.is_none_or(lot);
        fail(self.sales.rewards.items.iter().all(sound), Section::Rewards)?;
        let priced = |sale: Sale| sale.settled.is_none_or(|(_, den)| den != 0);
        fail(self.sales.all().all(priced), Section::Sales)?;
        fail(self.sales.allocs.items.iter().all(|alloc| lot(alloc.lot)), Section::Takings)
    }
}

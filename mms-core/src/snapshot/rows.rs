//! How each row of a snapshot is written and read: its fields one after another.

use crate::account::Account;
use crate::amount::Rounding;
use crate::command::{Extras, Line, MemberKind, Pay, PayKind};
use crate::ids::{
    ActorId, AssetId, CardNumber, Day, HoldId, IdempotencyKey, LotId, MemberId, MemberToken,
    OrderId, PlanId, ProductId, RuleId, SaleId, Seq, Sku, StoreId, TerminalId, TierId,
};
use crate::permission::Permissions;
use crate::receipt::Receipt;
use crate::record::Kind;
use crate::state::{
    Alloc, Card, CardStatus, Counters, Gift, Hold, Lot, Member, MemberStatus, More, Order,
    OrderLine, Reward, Sale, SoldLine, Tenders, TierHow,
};
use crate::wire::{Wire, append};
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// A row of a section.
pub(super) trait Row: Sized {
    /// Appends the row.
    fn put_row(&self, out: &mut Vec<u8>);

    /// Reads a row and moves on; `None` when it is malformed.
    fn take_row(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! row {
    ($name:ident { $($field:ident: $ty:ty),* $(,)? } $(or $rest:expr)?) => {
        impl Row for $name {
            fn put_row(&self, out: &mut Vec<u8>) {
                $( append::<$ty>(self.$field, out); )*
            }

            fn take_row(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: <$ty as Wire>::take(from)?,)* $(..$rest)? })
            }
        }
    };
}

/// A value of fixed size that stands inside rows.
macro_rules! fields {
    ($name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        impl Wire for $name {
            const SIZE: usize = 0 $( + <$ty as Wire>::SIZE )*;

            fn put(self, out: &mut &mut [u8]) {
                $( self.$field.put(out); )*
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: <$ty as Wire>::take(from)?,)* })
            }
        }
    };
}

impl Wire for Timestamp {
    const SIZE: usize = 8;

    fn put(self, out: &mut &mut [u8]) {
        self.as_unix_micros().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        i64::take(from).map(Self::from_unix_micros)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    const SIZE: usize = A::SIZE + B::SIZE;

    fn put(self, out: &mut &mut [u8]) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

/// One byte says whether it is there; absent, its fields are zero.
impl<A: Wire, B: Wire> Wire for Option<(A, B)>
where
    (A, B): Wire,
{
    const SIZE: usize = 1 + A::SIZE + B::SIZE;

    fn put(self, out: &mut &mut [u8]) {
        self.is_some().put(out);
        match self {
            Some(both) => both.put(out),
            None => (0..A::SIZE.saturating_add(B::SIZE)).for_each(|_| 0_u8.put(out)),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? {
            return <(A, B)>::take(from).map(Some);
        }
        let (zeros, rest) = from.split_at_checked(A::SIZE.saturating_add(B::SIZE))?;
        *from = rest;
        zeros.iter().all(|byte| *byte == 0).then_some(None)
    }
}

/// A row that is one value.
impl<A: Wire, B: Wire> Row for (A, B) {
    fn put_row(&self, out: &mut Vec<u8>) {
        append(*self, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        Self::take(from)
    }
}

fields!(Counters { points: i64, top_up: i64, spend: i64, visits: i64 });
fields!(Tenders {
    cash: i64,
    principal: i64,
    bonus: i64,
    points: i64,
    points_value: i64,
    account: i64
});
fields!(Receipt {
    seq: Seq,
    time: Timestamp,
    day: Day,
    kind: Kind,
    member: Option<MemberId>,
    tier: TierId,
    tier_changed: bool,
    amount: i64,
    bonus: i64,
    points: i64,
    stored_after: i64,
    points_after: i64,
});

fields!(Gift { asset: AssetId, quantity: i64, lot: Option<LotId> });

impl Row for Card {
    fn put_row(&self, out: &mut Vec<u8>) {
        append(self.number, out);
        append(self.member, out);
        append(self.product, out);
        append(self.status, out);
        append(self.expires, out);
        append(self.pin_tries, out);
        append(self.replaced_by(), out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let (number, member) = (CardNumber::take(from)?, MemberId::take(from)?);
        let kind = (ProductId::take(from)?, CardStatus::take(from)?, Day::take(from)?);
        let mut card = Self::new(number, member, kind);
        card.pin_tries = u8::take(from)?;
        card.set_replaced_by(Wire::take(from)?);
        Some(card)
    }
}

row!(Lot {
    member: MemberId,
    asset: AssetId,
    pending: bool,
    from: Day,
    expires: Day,
    principal: i64,
    bonus: i64,
    held_principal: i64,
    held_bonus: i64,
    principal_in: i64,
    bonus_in: i64,
    lapsed: i64,
    price: i64,
    deferred: i64,
    consumed: i64,
    store: StoreId,
    origin: Seq,
} or Lot::vacant());
row!(Alloc {
    lot: LotId,
    principal: i64,
    bonus: i64,
    restored_principal: i64,
    restored_bonus: i64,
});
row!(Reward { member: MemberId, points: i64, clawed: i64, lot: Option<LotId>, });
row!(SoldLine { sku: Sku, quantity: u32, net: i64, returned: u32, net_returned: i64 });
row!(Sale {
    id: SaleId,
    member: Option<MemberId>,
    store: StoreId,
    asset: AssetId,
    day: Day,
    returnable: Day,
    list: i64,
    discount: i64,
    paid: Tenders,
    returned: Tenders,
    discount_returned: i64,
    earned: i64,
    clawed: i64,
    earned_lot: Option<LotId>,
    earn_base: i64,
    earn_num: u64,
    earn_den: u64,
    earn_rounding: Rounding,
    rule: Option<RuleId>,
    coupon: Option<LotId>,
    given: Gift,
    commission: Option<(ActorId, i64)>,
    commission_back: i64,
    settled: Option<(u64, u64)>,
    rewards: (u64, u16),
    allocs: (u64, u16),
    lines: (u64, u16),
});

impl Row for (MemberToken, Member) {
    fn put_row(&self, out: &mut Vec<u8>) {
        put_member(self.0, &self.1, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let token = MemberToken::take(from)?;
        let kind = MemberKind::take(from)?;
        let mut member = Member::new(kind, Day::FIRST);
        member.status = MemberStatus::take(from)?;
        member.tier = TierId::take(from)?;
        member.plan = PlanId::take(from)?;
        member.set_referrer(Wire::take(from)?);
        member.depth = u8::take(from)?;
        member.since = Day::take(from)?;
        member.version = u32::take(from)?;
        member.set_counters(Counters::take(from)?);
        member.tier_until = Day::take(from)?;
        member.tier_how = TierHow::take(from)?;
        let merged_into: Option<MemberId> = Wire::take(from)?;
        let merges = u8::take(from)?;
        let months: Vec<(i32, Counters)> = take_list(from)?;
        let count = u32::take(from)?;
        let recent: Vec<i64> = (0..count).map(|_| i64::take(from)).collect::<Option<_>>()?;
        let plain = months.is_empty() && recent.is_empty() && merges == 0;
        if !plain || merged_into.is_some() {
            let more = member.rest.get_mut();
            (more.months, more.recent) = (months, recent);
            (more.merges, more.merged_into) = (merges, merged_into);
        }
        let balances: Vec<(u32, i64)> = take_list(from)?;
        // What stands on no account of a member would be seen by nobody.
        let known = |key: u32| Account::from_key(key.into()).filter(|at| at.code().is_member());
        if !balances.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0))
            || !balances.iter().all(|(key, _)| known(*key).is_some())
        {
            return None;
        }
        balances.into_iter().for_each(|(key, amount)| member.book(key, amount));
        Some((token, member))
    }
}

pub(super) fn put_member(token: MemberToken, member: &Member, out: &mut Vec<u8>) {
    append(token, out);
    append(member.kind, out);
    append(member.status, out);
    append(member.tier, out);
    append(member.plan, out);
    append(member.referrer(), out);
    append(member.depth, out);
    append(member.since, out);
    append(member.version, out);
    append(member.counters(), out);
    append(member.tier_until, out);
    append(member.tier_how, out);
    append(member.merged_into(), out);
    let More { months, recent, merges, .. } = member.rest.get();
    append(*merges, out);
    put_list(months, out);
    append(u32::try_from(recent.len()).unwrap_or(u32::MAX), out);
    recent.iter().for_each(|time| append(*time, out));
    append(u32::try_from(member.balances().count()).unwrap_or(u32::MAX), out);
    member.balances().for_each(|row| append(row, out));
}

impl Row for (HoldId, Hold) {
    fn put_row(&self, out: &mut Vec<u8>) {
        put_hold(self.0, &self.1, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let id = HoldId::take(from)?;
        let hold = Hold {
            member: MemberId::take(from)?,
            store: StoreId::take(from)?,
            asset: AssetId::take(from)?,
            principal: i64::take(from)?,
            bonus: i64::take(from)?,
            until: Timestamp::take(from)?,
            allocs: take_list(from)?,
        };
        Some((id, hold))
    }
}

pub(super) fn put_hold(id: HoldId, hold: &Hold, out: &mut Vec<u8>) {
    append(id, out);
    append(hold.member, out);
    append(hold.store, out);
    append(hold.asset, out);
    append(hold.principal, out);
    append(hold.bonus, out);
    append(hold.until, out);
    put_list(&hold.allocs, out);
}

row!(Line { sku: Sku, quantity: u32, price: i64, special: bool });

impl Row for OrderLine {
    fn put_row(&self, out: &mut Vec<u8>) {
        self.line.put_row(out);
        append(self.net, out);
        append(self.void, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let line = Line::take_row(from)?;
        Some(Self { line, net: i64::take(from)?, void: bool::take(from)? })
    }
}

impl Row for (OrderId, Order) {
    fn put_row(&self, out: &mut Vec<u8>) {
        put_order(self.0, &self.1, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let id = OrderId::take(from)?;
        let (member, card) = (Wire::take(from)?, Wire::take(from)?);
        let (store, terminal) = (StoreId::take(from)?, TerminalId::take(from)?);
        let until = Timestamp::take(from)?;
        let kind = PayKind::take(from)?;
        let parts = [i64::take(from)?, i64::take(from)?, i64::take(from)?];
        let pay = Pay::of(kind, parts);
        let (coupon, keep_change) = (Wire::take(from)?, i64::take(from)?);
        let extras = Extras { coupon, keep_change, on_account: i64::take(from)? };
        let lines = take_list(from)?;
        let order = Order { member, card, store, terminal, until, pay, extras, lines };
        // What is not of a mixed tender is zero.
        (pay.parts() == parts).then_some((id, order))
    }
}

pub(super) fn put_order(id: OrderId, order: &Order, out: &mut Vec<u8>) {
    append(id, out);
    append(order.member, out);
    append(order.card, out);
    append(order.store, out);
    append(order.terminal, out);
    append(order.until, out);
    append(order.pay.kind(), out);
    order.pay.parts().into_iter().for_each(|part| append(part, out));
    append(order.extras.coupon, out);
    append(order.extras.keep_change, out);
    append(order.extras.on_account, out);
    put_list(&order.lines, out);
}

impl<K: Wire> Row for (K, Vec<i64>) {
    fn put_row(&self, out: &mut Vec<u8>) {
        put_place((&self.0, &self.1), out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let place = K::take(from)?;
        let count = u8::take(from)?;
        let times = (0..count).map(|_| i64::take(from)).collect::<Option<_>>()?;
        Some((place, times))
    }
}

pub(super) fn put_place<K: Wire>((place, times): (&K, &Vec<i64>), out: &mut Vec<u8>) {
    append(*place, out);
    append(u8::try_from(times.len()).unwrap_or(u8::MAX), out);
    times.iter().for_each(|time| append(*time, out));
}

/// An answer: key, digest of the command, receipt.
pub(super) type Answer = (IdempotencyKey, u64, Receipt);

impl Row for Answer {
    fn put_row(&self, out: &mut Vec<u8>) {
        append(self.0, out);
        append(self.1, out);
        append(self.2, out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        Some((IdempotencyKey::take(from)?, u64::take(from)?, Receipt::take(from)?))
    }
}

/// Actors with their permissions.
pub(super) type Actor = (ActorId, Permissions);

fn put_list<T: Row>(rows: &[T], out: &mut Vec<u8>) {
    append(u32::try_from(rows.len()).unwrap_or(u32::MAX), out);
    rows.iter().for_each(|row| row.put_row(out));
}

fn take_list<T: Row>(from: &mut &[u8]) -> Option<Vec<T>> {
    let count = u32::take(from)?;
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.push(T::take_row(from)?);
    }
    Some(rows)
}

//! Taking value from lots and bringing it to lots.

use super::{Party, Prepare};
use crate::account::{Code, MONEY, POINTS, is_coupon};
use crate::amount::{Rounding, mul_div};
use crate::ids::{AssetId, Day, LotId, MemberId, StoreId};
use crate::program::Consumption;
use crate::record::{Fact, MoveKind};
use crate::rejection::Rejection;
use crate::state::{BONUS, Lot};
use alloc::vec::Vec;

/// What was taken from lots.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Paid-for money, or points.
    pub(super) principal: i64,
    /// Money given on top.
    pub(super) bonus: i64,
    /// How many of the points stand on the account of pending points, because nobody has
    /// booked their maturity yet.
    pub(super) pending: i64,
    /// How many of the points had lapsed unspent: they stand on no account of the member.
    pub(super) lapsed: i64,
}

impl Taken {
    pub(super) const fn total(&self) -> i64 {
        self.principal.saturating_add(self.bonus)
    }

    /// The same amounts the other way.
    pub(super) const fn negated(self) -> Self {
        Self {
            principal: self.principal.saturating_neg(),
            bonus: self.bonus.saturating_neg(),
            pending: self.pending.saturating_neg(),
            lapsed: self.lapsed.saturating_neg(),
        }
    }

    pub(super) const fn add(&mut self, principal: i64, bonus: i64, pending: bool) {
        self.principal = self.principal.saturating_add(principal);
        self.bonus = self.bonus.saturating_add(bonus);
        if pending {
            self.pending = self.pending.saturating_add(principal);
        }
    }
}

impl<'l> Prepare<'l, '_> {
    /// Takes `amount` from the lots that are live today, soonest expiry first.
    pub(super) fn take(
        &mut self,
        party: Party<'l>,
        asset: AssetId,
        amount: i64,
        how: MoveKind,
    ) -> Result<Taken, Rejection> {
        let mut taken = Taken::default();
        let mut left = amount;
        let ledger = self.ledger;
        // Also beyond the limit: whether there is enough comes first.
        if left == 0 {
            return Ok(taken);
        }
        for (id, lot) in ledger.lots.spendable(party.member.lots, asset, self.at.day) {
            let part = left.min(lot.principal.saturating_add(lot.bonus));
            let (principal, bonus) = self.portion(lot.principal, lot.bonus, part);
            if self.touch() {
                self.move_lot(id, how, principal, bonus);
            }
            taken.add(principal, bonus, lot.pending);
            left = left.saturating_sub(part);
            if left == 0 {
                return Ok(taken);
            }
        }
        Err(insufficient(asset))
    }

    /// Takes earned points back: from their own lot, then from the others. What cannot
    /// be taken is left to the caller, who makes it a debt.
    pub(super) fn claw(&mut self, party: Party<'l>, own: Option<LotId>, points: i64) -> Taken {
        let mut taken = Taken::default();
        let lots = &self.ledger.lots;
        let mut left = points;
        if let Some((id, lot)) = own.and_then(|id| Some((id, lots.get(id)?))) {
            // What lapsed unspent was of no use to anybody: it need not be paid back.
            if lot.expires < self.at.day {
                let part = left.min(self.points_left(id, &lot).max(0));
                if part > 0 {
                    if self.touch() {
                        self.move_lot(id, MoveKind::Claw, part, 0);
                    }
                    taken.add(part, 0, lot.pending);
                    left = left.saturating_sub(part);
                }
                let lapsed = left.min(lot.lapsed);
                if lapsed > 0 {
                    self.draft.fact(Fact::LotMoved {
                        lot: id,
                        how: MoveKind::Forgive,
                        principal: lapsed,
                        bonus: 0,
                    });
                    taken.add(lapsed, 0, false);
                    taken.lapsed = lapsed;
                    left = left.saturating_sub(lapsed);
                }
            }
        }
        if let Some(id) = own.filter(|_| left > 0) {
            left = self.claw_from(party, id, own, left, &mut taken);
        }
        if left == 0 {
            return taken;
        }
        // Lots that this record itself has filled again are in no list yet.
        let refilled = self.draft.moves.iter().map(|(id, _, _)| *id);
        let listed = lots.of(party.member.lots).map(|(id, _)| id);
        let mut others: Vec<LotId> = listed.chain(refilled).collect();
        others.sort_unstable_by_key(|id| lots.order(*id));
        others.dedup();
        for id in others {
            if left == 0 {
                break;
            }
            left = self.claw_from(party, id, own, left, &mut taken);
        }
        taken
    }

    /// Takes points back from one lot, and gives how many are left to be taken.
    fn claw_from(
        &mut self,
        party: Party<'l>,
        id: LotId,
        own: Option<LotId>,
        left: i64,
        taken: &mut Taken,
    ) -> i64 {
        let Some(lot) = self.ledger.lots.get(id) else {
            return left;
        };
        let usable = lot.expires >= self.at.day && (lot.from <= self.at.day || Some(id) == own);
        let part = left.min(self.points_left(id, &lot));
        if lot.asset != POINTS
            || self.ledger.resolve(lot.member) != party.id
            || !usable
            || part <= 0
        {
            return left;
        }
        if self.touch() {
            self.move_lot(id, MoveKind::Claw, part, 0);
        }
        taken.add(part, 0, lot.pending);
        left.saturating_sub(part)
    }

    /// Books what was taken off the member's accounts.
    pub(super) fn debit(&mut self, member: MemberId, asset: AssetId, taken: Taken) {
        if asset == POINTS {
            let booked = taken.principal.saturating_sub(taken.pending).saturating_sub(taken.lapsed);
            self.draft.member(member, Code::Points, POINTS, booked);
            self.draft.member(member, Code::PointsPending, POINTS, taken.pending);
        } else if asset != MONEY {
            let code = if is_coupon(asset) { Code::Coupons } else { Code::Uses };
            self.draft.member(member, code, asset, taken.principal);
        } else {
            self.draft.member(member, Code::StoredPrincipal, asset, taken.principal);
            self.draft.member(member, BONUS, asset, taken.bonus);
        }
    }

    /// Brings points to a member: a debt is paid first, the rest goes to the lot of that
    /// last day, or to a new one. Books the member's side; gives the lot.
    pub(super) fn credit_points(
        &mut self,
        party: Party<'l>,
        points: i64,
        from: Day,
        expires: Day,
    ) -> Result<Option<LotId>, Rejection> {
        let debt = Code::PointsDebt.natural(party.member.balance(Code::PointsDebt, POINTS));
        let paid = debt.min(points).max(0);
        if paid > 0 {
            self.draft.fact(Fact::DebtPaid { member: party.id, points: paid });
            self.draft.member(party.id, Code::PointsDebt, POINTS, paid.saturating_neg());
        }
        let rest = points.saturating_sub(paid);
        if rest == 0 {
            return Ok(None);
        }
        self.credit_lot(party, rest, from, expires, self.store_of_lots()).map(Some)
    }

    /// Brings points to the member's lot of that last day, or to a new one, and books the
    /// member's side.
    pub(super) fn credit_lot(
        &mut self,
        party: Party<'l>,
        points: i64,
        from: Day,
        expires: Day,
        store: Option<StoreId>,
    ) -> Result<LotId, Rejection> {
        let today = self.at.day;
        let store = store.filter(|_| self.ledger.program.settle);
        let alike = |lot: &Lot| {
            store.is_none_or(|store| lot.store == store)
                && from <= today
                && lot.from <= today
                && lot.asset == POINTS
                && lot.expires == expires
        };
        let id = self.add_to_lot(party, alike, POINTS, (points, 0), from, expires)?;
        // A lot whose maturity nobody has booked yet still stands among the pending ones.
        let pending = self.ledger.lots.is_pending(id).unwrap_or(from > today);
        let code = if pending { Code::PointsPending } else { Code::Points };
        self.draft.member(party.id, code, POINTS, points.saturating_neg());
        Ok(id)
    }

    /// The store that lots which take more must be of, when stores settle.
    pub(super) fn store_of_lots(&self) -> Option<StoreId> {
        self.ledger.program.settle.then_some(self.draft.head.store)
    }

    /// Adds to the first lot of that asset and last day that is `alike`, or opens one.
    pub(super) fn add_to_lot(
        &mut self,
        party: Party<'l>,
        alike: impl Fn(&Lot) -> bool,
        asset: AssetId,
        (principal, bonus): (i64, i64),
        from: Day,
        expires: Day,
    ) -> Result<LotId, Rejection> {
        match self.ledger.lots.find(party.member.lots, asset, expires, alike) {
            Ok(id) => {
                self.draft.fact(Fact::LotMoved { lot: id, how: MoveKind::Add, principal, bonus });
                Ok(id)
            }
            Err(count) => self.open_lot(party.id, count, asset, (principal, bonus), from, expires),
        }
    }

    /// Opens a lot for a member that has `count` lots with value.
    pub(super) fn open_lot(
        &mut self,
        member: MemberId,
        count: u32,
        asset: AssetId,
        (principal, bonus): (i64, i64),
        from: Day,
        expires: Day,
    ) -> Result<LotId, Rejection> {
        let next = self.ledger.lots.next_place(self.draft.lots_opened);
        if next >= self.ledger.limits.lots_max {
            self.fill(Rejection::LotsFull);
        }
        if count.saturating_add(self.draft.lots_opened) >= self.ledger.limits.member_lots_max {
            self.fill(Rejection::MemberLotsFull);
        }
        let lot = LotId::new(next);
        self.draft.lots_opened = self.draft.lots_opened.saturating_add(1);
        self.draft.fact(Fact::LotOpened {
            lot,
            member,
            asset,
            // Only points stand on an account of their own until then.
            pending: u8::from(from > self.at.day && asset == POINTS),
            from,
            expires,
            principal,
            bonus,
        });
        Ok(lot)
    }

    /// Writes the move down and remembers it for the rest of this record.
    pub(super) fn move_lot(&mut self, lot: LotId, how: MoveKind, principal: i64, bonus: i64) {
        self.draft.fact(Fact::LotMoved { lot, how, principal, bonus });
        let [principal, bonus] = match how {
            MoveKind::Add | MoveKind::Release => [principal, bonus],
            _ => [principal.saturating_neg(), bonus.saturating_neg()],
        };
        self.draft.moves.push((lot, principal, bonus));
    }

    /// Which part of `amount` is principal and which bonus, in a lot with that much of
    /// both. The last of a lot takes all, so nothing is ever left over.
    pub(super) fn portion(&self, principal: i64, bonus: i64, amount: i64) -> (i64, i64) {
        let from_principal = match self.ledger.program.consumption {
            _ if bonus == 0 => amount,
            Consumption::PrincipalFirst => amount.min(principal),
            Consumption::BonusFirst => amount.saturating_sub(amount.min(bonus)),
            Consumption::Proportional => {
                let all = principal.saturating_add(bonus).unsigned_abs();
                let share = mul_div(amount, principal.unsigned_abs(), all, Rounding::HalfUp);
                share.unwrap_or(amount).min(principal).max(amount.saturating_sub(bonus))
            }
        };
        (from_principal, amount.saturating_sub(from_principal))
    }

    /// Counts a lot that this record touches; false beyond the limit.
    fn touch(&mut self) -> bool {
        if self.draft.lots_touched >= self.ledger.limits.command_lots_max {
            self.fill(Rejection::CommandLotsFull);
            return false;
        }
        self.draft.lots_touched = self.draft.lots_touched.saturating_add(1);
        true
    }

    /// What a lot of points holds after what this record has done so far.
    fn points_left(&self, id: LotId, lot: &Lot) -> i64 {
        self.draft
            .moves
            .iter()
            .filter(|(moved, _, _)| *moved == id)
            .fold(lot.principal, |left, (_, by, _)| left.saturating_add(*by))
    }
}

fn insufficient(asset: AssetId) -> Rejection {
    match asset {
        MONEY => Rejection::InsufficientStored,
        POINTS => Rejection::InsufficientPoints,
        _ => Rejection::InsufficientUses,
    }
}

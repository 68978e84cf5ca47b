//! The model: what there is, and whether a ledger says the same.

use crate::{
    AssetId, At, Code, CouponId, Ledger, Limits, MemberId, MemberKind, Owner, Program, Qualify,
    Rejection as R, Rounding, SaleId, TierHow, Who,
};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// Day that never comes.
pub(super) const NEVER: i32 = i32::MAX;

#[derive(Clone, Debug)]
pub(super) struct MLot {
    pub(super) member: usize,
    pub(super) points: bool,
    pub(super) store: u32,
    pub(super) from: i32,
    pub(super) expires: i32,
    /// Whether somebody has booked that the wait is over.
    pub(super) waiting: bool,
    pub(super) p: i128,
    pub(super) b: i128,
    pub(super) lapsed: i128,
    pub(super) had_bonus: bool,
    /// What was paid in and not sent on, and what was consumed at list price.
    pub(super) paid: i128,
    pub(super) consumed: i128,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) points: i128,
    pub(super) top_up: i128,
    pub(super) spend: i128,
    pub(super) visits: i128,
}

#[derive(Clone, Debug)]
pub(super) struct MMember {
    pub(super) kind: MemberKind,
    pub(super) depth: u8,
    pub(super) referrer: Option<usize>,
    pub(super) merged: Option<usize>,
    pub(super) merges: u8,
    pub(super) frozen: bool,
    pub(super) closed: bool,
    pub(super) erased: bool,
    pub(super) debt: i128,
    pub(super) purse: i128,
    pub(super) owes: i128,
    pub(super) tier: usize,
    pub(super) tier_until: i32,
    pub(super) by_hand: bool,
    /// What was counted, by month.
    pub(super) months: BTreeMap<i32, Counts>,
}

/// What a sale took from a lot, and gave back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) lot: usize,
    pub(super) p: i128,
    pub(super) b: i128,
    pub(super) back_p: i128,
    pub(super) back_b: i128,
}

#[derive(Clone, Debug)]
pub(super) struct MSale {
    pub(super) member: usize,
    pub(super) store: u32,
    pub(super) day: i32,
    pub(super) points_only: bool,
    pub(super) net: i128,
    pub(super) back: i128,
    pub(super) discount: i128,
    pub(super) lines: Vec<[i128; 4]>,
    pub(super) taken: Vec<Taken>,
    pub(super) spent_back: i128,
    pub(super) account_back: i128,
    pub(super) cash_back: i128,
    pub(super) earned: i128,
    pub(super) clawed: i128,
    pub(super) base: i128,
    pub(super) rate: (i128, i128),
    pub(super) rounding: Rounding,
    pub(super) earned_lot: Option<usize>,
    pub(super) returnable: i32,
    pub(super) coupon: Option<usize>,
    pub(super) activity: Option<u32>,
    pub(super) gift: Option<super::people::MGift>,
    pub(super) seller: u32,
    pub(super) commission: i128,
    pub(super) commission_back: i128,
    /// Member, points, taken back, lot.
    pub(super) rewards: Vec<(usize, i128, i128, Option<usize>)>,
}

#[derive(Clone, Debug)]
pub(super) struct MHold {
    pub(super) member: usize,
    pub(super) what: MWhat,
    pub(super) taken: Vec<Taken>,
    pub(super) until: i64,
}

/// Where what a hold has taken goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MWhat {
    Stored,
    Points,
    Uses,
    Coupons,
}

#[derive(Clone, Debug)]
pub(super) struct MCoupon {
    pub(super) id: u64,
    pub(super) kind: AssetId,
    pub(super) member: usize,
    pub(super) left: i128,
    pub(super) held: i128,
    pub(super) from: i32,
    pub(super) expires: i32,
}

#[derive(Clone, Debug)]
pub(super) struct MPackage {
    pub(super) kind: AssetId,
    pub(super) member: usize,
    pub(super) all: i128,
    pub(super) left: i128,
    pub(super) held: i128,
    pub(super) price: i128,
    pub(super) from: i32,
    pub(super) expires: i32,
}

impl MPackage {
    /// Whether uses can be taken on a day.
    pub(super) const fn is_live(&self, day: i32) -> bool {
        self.from <= day && self.expires >= day
    }

    /// What of the price is not earned or paid out yet.
    pub(super) fn deferred(&self) -> i128 {
        self.price - self.price * (self.all - self.left - self.held) / self.all
    }
}

/// The rules once more, as simple as they can be said.
///
/// ```
/// use mms_core::testing::Model;
/// use mms_core::*;
///
/// let program = std::sync::Arc::new(Program::sample());
/// let mut ledger = Ledger::new(Limits::default(), program.clone(), Seed::from_u64(1)).unwrap();
/// let mut model = Model::new(program, Limits::default());
/// let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
/// let token = MemberToken::new(7);
/// let (kind, plan) = (MemberKind::Individual, PlanId::new(0));
/// for (key, action) in [
///     (1, Action::Enrol { token, kind, plan, referrer: None }),
///     (2, Action::TopUp { who: MemberId::new(0).into(), amount: 50_000 }),
///     (3, Action::Spend { who: MemberId::new(0).into(), amount: 60_001 }),
/// ] {
///     let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
///     let outcome = ledger.apply(at, &command, &mut Vec::new());
///     model.pass(&ledger, at);
///     match model.run(&command, &ledger) {
///         Ok(()) => assert!(matches!(outcome, Outcome::Accepted(_))),
///         Err(rejection) => assert_eq!(outcome, Outcome::Rejected(rejection)),
///     }
///     assert_eq!(model.difference(&ledger), None);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) program: Arc<Program>,
    pub(super) limits: Limits,
    pub(super) day: i32,
    pub(super) time: i64,
    pub(super) lots: Vec<MLot>,
    pub(super) members: Vec<MMember>,
    pub(super) tokens: Vec<u128>,
    pub(super) sales: BTreeMap<u64, MSale>,
    pub(super) holds: BTreeMap<u64, MHold>,
    pub(super) orders: BTreeMap<u64, super::order::MOrder>,
    /// How far each rule has reminded.
    pub(super) reminded: BTreeMap<u32, i32>,
    /// What members were reminded of.
    pub(super) told: Vec<super::remind::Told>,
    pub(super) coupons: Vec<MCoupon>,
    pub(super) packages: Vec<MPackage>,
    pub(super) cards: Vec<super::people::MCard>,
    pub(super) fields: BTreeMap<(usize, u16), i64>,
    /// How many times members take part in activities.
    pub(super) parts: BTreeMap<(u32, usize), u32>,
    pub(super) parameters: BTreeMap<u16, i64>,
    pub(super) actors: BTreeMap<u32, crate::Permissions>,
    pub(super) stores: super::store::MStores,
    /// Goods of each store.
    pub(super) stock: BTreeMap<(u32, AssetId), i128>,
    pub(super) issued: BTreeMap<AssetId, i128>,
    /// What is due to a store, and what a store owes.
    pub(super) due: BTreeMap<u32, i128>,
    pub(super) owed: BTreeMap<u32, i128>,
    pub(super) commission: BTreeMap<u32, i128>,
    /// Over the counter of each store.
    pub(super) tender: BTreeMap<u32, i128>,
    /// Lots that held value before the command, and how many lots there were.
    pub(super) valued: Vec<bool>,
}

impl Model {
    /// A shop without members.
    #[must_use]
    pub fn new(program: Arc<Program>, limits: Limits) -> Self {
        Self {
            program,
            limits,
            day: i32::MIN,
            time: i64::MIN,
            lots: Vec::new(),
            members: Vec::new(),
            tokens: Vec::new(),
            sales: BTreeMap::new(),
            holds: BTreeMap::new(),
            orders: BTreeMap::new(),
            reminded: BTreeMap::new(),
            told: Vec::new(),
            coupons: Vec::new(),
            packages: Vec::new(),
            cards: Vec::new(),
            fields: BTreeMap::new(),
            parts: BTreeMap::new(),
            parameters: BTreeMap::new(),
            actors: BTreeMap::new(),
            stores: super::store::MStores::default(),
            stock: BTreeMap::new(),
            issued: BTreeMap::new(),
            due: BTreeMap::new(),
            owed: BTreeMap::new(),
            commission: BTreeMap::new(),
            tender: BTreeMap::new(),
            valued: Vec::new(),
        }
    }

    /// The time of what comes next: the host's, or that of the newest record when it is later.
    pub fn pass(&mut self, ledger: &Ledger, at: At) {
        let last = ledger.at();
        self.day = last.day.max(at.day).value();
        self.time = last.time.max(at.time).as_unix_micros();
    }

    /// Gives back what is set aside by holds whose time is over.
    pub fn end_holds(&mut self) {
        let over = self.holds.iter().filter(|(_, hold)| hold.until <= self.time);
        let over: Vec<u64> = over.map(|(id, _)| *id).collect();
        for id in over {
            self.release(id);
        }
    }

    /// Books all that time causes.
    pub fn lapse(&mut self) {
        self.end_holds();
        self.remind();
        let today = self.day;
        self.stores.terms.retain(|_, until| *until >= today);
        let time = self.time;
        self.orders.retain(|_, order| order.until > time);
        self.review_tiers();
        let day = self.day;
        for lot in &mut self.lots {
            lot.waiting &= lot.from > day;
            if lot.expires < day {
                lot.lapsed += lot.p;
                (lot.p, lot.b) = (0, 0);
            }
        }
        self.coupons.iter_mut().filter(|c| c.expires < day).for_each(|c| c.left = 0);
        self.packages.iter_mut().filter(|p| p.expires < day).for_each(|p| p.left = 0);
    }

    /// The first thing in which a ledger differs; `None` when it is the same.
    #[must_use]
    pub fn difference(&self, ledger: &Ledger) -> Option<String> {
        if ledger.member_count() != self.members.len() {
            return Some(format!("{} members, not {}", ledger.member_count(), self.members.len()));
        }
        for id in 0..self.members.len() {
            let member = MemberId::new(id as u32);
            let (is, expected) = (self.found(ledger, member), self.expected(id));
            if is != expected {
                return Some(format!("member {id} has {is:?}, not {expected:?}"));
            }
        }
        let of = |code: Code| {
            let mut sums: BTreeMap<u32, i128> = BTreeMap::new();
            for (account, amount) in ledger.accounts().filter(|(a, _)| a.code() == code) {
                let owner = match account.owner() {
                    Owner::Store(store) => store.value(),
                    Owner::Staff(actor) => actor.value(),
                    Owner::Member(_) => continue,
                };
                *sums.entry(owner).or_default() += i128::from(amount);
            }
            sums.retain(|_, amount| *amount != 0);
            sums
        };
        let set = |sums: &BTreeMap<u32, i128>| {
            let mut sums = sums.clone();
            sums.retain(|_, amount| *amount != 0);
            sums
        };
        let minus = |mut sums: BTreeMap<u32, i128>| {
            sums.values_mut().for_each(|amount| *amount = -*amount);
            sums
        };
        for (what, is, expected) in [
            ("due to stores", of(Code::Due), set(&self.due)),
            ("owed by stores", minus(of(Code::Owed)), set(&self.owed)),
            ("commission", minus(of(Code::Commission)), set(&self.commission)),
            ("over the counter", of(Code::Tender), set(&self.tender)),
        ] {
            if is != expected {
                return Some(format!("{what}: {is:?}, not {expected:?}"));
            }
        }
        let reminded: BTreeMap<u32, i32> =
            ledger.reminded().map(|(rule, day)| (rule.value(), day.value())).collect();
        if reminded != self.reminded {
            return Some(format!("reminded until {reminded:?}, not {:?}", self.reminded));
        }
        if let Some(difference) = self.stores_differ(ledger) {
            return Some(difference);
        }
        if let Some(difference) = self.orders_differ(ledger) {
            return Some(difference);
        }
        if let Some(difference) = self.parts_differ(ledger) {
            return Some(difference);
        }
        if let Some(difference) = self.people_differ(ledger) {
            return Some(difference);
        }
        let deferred: i128 =
            self.packages.iter().filter(|p| p.left + p.held > 0).map(MPackage::deferred).sum();
        let booked = -ledger.total(Code::Deferred, crate::MONEY);
        if booked != deferred {
            return Some(format!("deferred: {booked}, not {deferred}"));
        }
        let issued = self.issued.iter();
        let mut issued =
            issued.map(|(kind, n)| (*kind, *n, i128::from(ledger.coupons_issued(*kind))));
        let wrong = issued.find(|(_, expected, is)| expected != is);
        if let Some((kind, expected, is)) = wrong {
            return Some(format!("coupons {kind:?} issued: {is}, not {expected}"));
        }
        let holds: Vec<u64> = ledger.holds().map(|(id, _)| id.value()).collect();
        let expected: Vec<u64> = self.holds.keys().copied().collect();
        (holds != expected).then(|| format!("holds {holds:?}, not {expected:?}"))
    }

    /// What a ledger says of a member, in the order of [`expected`](Self::expected).
    fn found(&self, ledger: &Ledger, id: MemberId) -> Vec<i128> {
        let day = crate::Day::new(self.day);
        let balances = ledger.balances(id, day);
        let member = ledger.member(id).unwrap();
        let place = |tier| self.program.tiers.iter().position(|known| known.id == tier);
        let uses = |kind| ledger.uses(id, kind, day);
        let held = |is: fn(AssetId) -> bool| -> i64 {
            let kinds: BTreeSet<AssetId> = member.balances().map(|(key, _)| asset(key)).collect();
            kinds.into_iter().filter(|kind| is(*kind)).map(|kind| ledger.held(id, kind)).sum()
        };
        let mut found = vec![
            balances.principal,
            balances.bonus,
            balances.points,
            balances.points_pending,
            balances.stored_held,
            balances.points_held,
            balances.points_debt,
            balances.change,
            balances.owed,
            member.counters().points,
            member.counters().top_up,
            member.counters().spend,
            member.counters().visits,
            place(member.tier).map_or(-1, |place| place as i64),
            member.tier_until.value().into(),
            i64::from(member.tier_how == TierHow::ByHand),
            member.depth.into(),
            ledger.coupons(id, day).map(|(_, _, count, _)| count).sum(),
            held(crate::is_coupon),
            held(crate::is_uses),
        ];
        found.extend(self.kinds_of_uses().into_iter().map(uses));
        found.into_iter().map(i128::from).collect()
    }

    fn expected(&self, id: usize) -> Vec<i128> {
        let row = &self.members[id];
        let live = |points: bool, part: fn(&MLot) -> i128| -> i128 {
            self.live(id, points).iter().map(|lot| part(&self.lots[*lot])).sum()
        };
        let waits = |lot: &&MLot| lot.points && lot.from > self.day && lot.expires >= self.day;
        let own = self.lots.iter().filter(|lot| lot.member == id);
        let held = |what: MWhat| -> i128 {
            let holds = self.holds.values().filter(|hold| hold.member == id);
            let holds = holds.filter(|hold| hold.what == what);
            holds.flat_map(|hold| &hold.taken).map(|taken| taken.p + taken.b).sum()
        };
        let counts = self.counts(id, None);
        let coupons = self.coupons.iter().filter(|coupon| {
            coupon.member == id && coupon.from <= self.day && coupon.expires >= self.day
        });
        let mut expected = vec![
            live(false, |lot| lot.p),
            live(false, |lot| lot.b),
            live(true, |lot| lot.p),
            own.filter(waits).map(|lot| lot.p).sum(),
            held(MWhat::Stored),
            held(MWhat::Points),
            row.debt,
            row.purse,
            row.owes,
            counts.points,
            counts.top_up,
            counts.spend,
            counts.visits,
            row.tier as i128,
            row.tier_until.into(),
            i128::from(row.by_hand),
            row.depth.into(),
            coupons.map(|coupon| coupon.left).sum(),
            held(MWhat::Coupons),
            held(MWhat::Uses),
        ];
        let uses = |kind| -> i128 {
            let own = self.packages.iter().filter(|p| p.member == id && p.kind == kind);
            own.filter(|package| package.is_live(self.day)).map(|package| package.left).sum()
        };
        expected.extend(self.kinds_of_uses().into_iter().map(uses));
        expected
    }

    fn kinds_of_uses(&self) -> Vec<AssetId> {
        let mut kinds: Vec<AssetId> = self.packages.iter().map(|package| package.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// What was counted of a member in the months up to that of `day`, or ever.
    pub(super) fn counts(&self, member: usize, window: Option<(u32, i32)>) -> Counts {
        let mut sum = Counts::default();
        for (month, counts) in &self.members[member].months {
            let counted = window.is_none_or(|(months, day)| {
                let last = crate::Day::new(day).month();
                *month <= last && i64::from(*month) > i64::from(last) - i64::from(months)
            });
            if counted {
                sum.points += counts.points;
                sum.top_up += counts.top_up;
                sum.spend += counts.spend;
                sum.visits += counts.visits;
            }
        }
        sum
    }

    pub(super) fn count(&mut self, member: usize, day: i32, by: Counts) {
        let month = crate::Day::new(day).month();
        let counts = self.members[member].months.entry(month).or_default();
        counts.points += by.points;
        counts.top_up += by.top_up;
        counts.spend += by.spend;
        counts.visits += by.visits;
    }

    /// The highest tier that is deserved on a day; the first is for all.
    pub(super) fn deserved(&self, member: usize, day: i32) -> usize {
        let window = self.program.tier_window.map(|months| (months, day));
        let counts = self.counts(member, window);
        let tiers = self.program.tiers.iter().enumerate().rev();
        let mut reached = tiers.filter(|(_, tier)| suffices(&tier.qualify, &counts));
        reached.next().map_or(0, |(place, _)| place)
    }

    pub(super) fn promote(&mut self, member: usize) {
        let deserved = self.deserved(member, self.day);
        let keep = self.program.tier_keep.from(crate::Day::new(self.day)).value();
        let row = &mut self.members[member];
        if deserved > row.tier {
            row.tier = deserved;
            if keep != NEVER || row.tier_until != NEVER {
                (row.tier_until, row.by_hand) = (keep, false);
            }
        }
    }

    fn review_tiers(&mut self) {
        for member in 0..self.members.len() {
            while self.members[member].tier_until < self.day {
                let until = self.members[member].tier_until;
                let deserved = self.deserved(member, until);
                let row = &self.members[member];
                let to = match self.program.downgrade {
                    _ if deserved >= row.tier || row.by_hand => deserved,
                    crate::Downgrade::Never => row.tier,
                    crate::Downgrade::OneDown => row.tier.saturating_sub(1),
                    crate::Downgrade::ToDeserved => deserved,
                };
                let next = self.program.tier_keep.from(crate::Day::new(until + 1)).value();
                let row = &mut self.members[member];
                (row.tier, row.by_hand) = (to, false);
                row.tier_until = if to == 0 { NEVER } else { next };
            }
        }
    }

    /// Which member this is now.
    pub(super) fn resolve(&self, member: MemberId) -> usize {
        let mut id = member.value() as usize;
        while let Some(into) = self.members.get(id).and_then(|row| row.merged) {
            id = into;
        }
        id
    }

    /// Who it is, when the states of member and card allow it.
    pub(super) fn usable(&self, who: Who, debit: bool) -> Result<usize, R> {
        let id = self.known(who)?;
        self.open_member(id)?;
        if debit && self.members[id].frozen {
            return Err(R::MemberFrozen);
        }
        match who {
            Who::Card(number) => self.card_allows(number, debit)?,
            Who::Member(_) => {}
        }
        Ok(id)
    }

    pub(super) fn open_member(&self, id: usize) -> Result<(), R> {
        if self.members[id].closed { Err(R::MemberClosed) } else { Ok(()) }
    }

    pub(super) fn known(&self, who: Who) -> Result<usize, R> {
        let member = match who {
            Who::Member(member) => member,
            Who::Card(number) => self.card(number).ok_or(R::CardUnknown)?.member,
        };
        let id = self.resolve(member);
        if id < self.members.len() { Ok(id) } else { Err(R::MemberUnknown) }
    }

    pub(super) fn coupon(&self, member: usize, id: CouponId) -> Option<usize> {
        self.coupons.iter().position(|c| c.member == member && c.id == id.value() && c.left > 0)
    }

    /// Sales that can still be returned.
    pub(super) fn returnable(&self) -> impl Iterator<Item = SaleId> {
        let open = self.sales.iter().filter(|(_, sale)| sale.returnable >= self.day);
        open.map(|(id, _)| SaleId::new(*id))
    }
}

/// Of the two halves of a member's account.
const fn asset(key: u32) -> AssetId {
    AssetId::new(key as u16)
}

fn suffices(qualify: &Qualify, counts: &Counts) -> bool {
    let reached =
        |bound: Option<i64>, value: i128| bound.is_some_and(|bound| value >= i128::from(bound));
    reached(qualify.points, counts.points)
        || reached(qualify.top_up, counts.top_up)
        || reached(qualify.spend, counts.spend)
        || reached(qualify.visits, counts.visits)
}

/// `amount × num / den`, rounded.
pub(super) fn share(amount: i128, num: i128, den: i128, rounding: Rounding) -> i128 {
    let (whole, rest) = ((amount * num).div_euclid(den), (amount * num).rem_euclid(den));
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > 0,
        Rounding::HalfUp => 2 * rest >= den,
        Rounding::HalfEven => 2 * rest > den || (2 * rest == den && whole % 2 == 1),
    };
    whole + i128::from(up)
}

/// A ratio of an amount.
pub(super) fn of(ratio: crate::Ratio, amount: i128, rounding: Rounding) -> i128 {
    share(amount, ratio.num().into(), ratio.den().into(), rounding)
}

/// In proportion, each part rounded down; the largest rests get what is left, the first first.
pub(super) fn parts(total: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<i128> = weights.iter().map(|weight| total * weight / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|n| (-(total * weights[*n] % sum), *n));
    let left = total - parts.iter().sum::<i128>();
    for n in order.into_iter().take(left as usize) {
        parts[n] += 1;
    }
    parts
}

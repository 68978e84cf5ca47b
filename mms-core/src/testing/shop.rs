//! Random actions, at the edges of what a ledger allows more often than between them.

use super::Model;
use crate::{
    Action, ActorId, Adjust, AssetId, CardChange, CardNumber, CouponId, Day, Extras, FieldId,
    Gives, Held, HoldId, Holds, Ledger, Line, MemberChange, MemberId, MemberKind, MemberToken,
    Opened, OrderId, ParameterId, Part, Pay, Permissions, PlanId, ProductId, Program, RefundCause,
    RewardId, RuleId, SaleId, Sku, StoreId, TerminalId, TierId, Timestamp, Who,
};
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Rng;

/// Kinds of actions, each with a weight of its own: a seed that never transfers finds other things
/// than one that does so all the time.
const KINDS: usize = 36;

/// A source of random actions for a ledger.
#[derive(Debug)]
pub struct Shop {
    weights: [u64; KINDS],
    members_max: u64,
}

impl Shop {
    /// A shop of at most so many members, with weights of its own.
    #[must_use]
    pub fn new(rng: &mut Rng, members_max: u32) -> Self {
        let mut weights = [0; KINDS];
        for weight in &mut weights {
            // Some kinds are left out, some are frequent.
            *weight = [0, 1, 2, 4, 8][rng.below(5) as usize];
        }
        // What few can do is tried by all.
        for rare in [10, 32, 34, 35] {
            weights[rare] = weights[rare].max(2);
        }
        // Without members, value and sales there is little to do.
        for needed in [2, 4, 5] {
            weights[needed] = weights[needed].max(8);
        }
        Self { weights, members_max: members_max.max(1).into() }
    }

    /// The next action, which the ledger may accept or refuse; the model knows it.
    pub fn action(&self, rng: &mut Rng, ledger: &Ledger, model: &Model) -> Action {
        let count = ledger.member_count() as u64;
        let unknown = u64::from(rng.below(40) == 0);
        let member = |rng: &mut Rng| MemberId::new(rng.below((count + unknown).max(1)) as u32);
        let who = member(rng);
        let by = by_card(rng, ledger, who);
        let (at, program) = (ledger.at(), ledger.program());
        let balances = ledger.balances(who, at.day);
        let stored = [0, 1, balances.stored(), balances.principal, 10_000, 50_000, 500_000];
        let points = [0, 1, balances.points, balances.points_debt];
        let of = |what: Held| if what == Held::Stored { &stored[..] } else { &points[..] };
        let what = if rng.below(2) == 0 { Held::Stored } else { Held::Points };
        let alone = count == 0 || (count < self.members_max && rng.below(12) == 0);
        if count > 0 && rng.below(12) == 0 {
            if let Some(action) = long_way(rng, ledger, model) {
                return action;
            }
        }
        let held = ledger.holds().next().is_some() && rng.below(4) == 0;
        let kind = if held { 11 } else { self.kind(rng) };
        match if alone { 0 } else { kind } {
            0 if count < self.members_max => {
                let kinds = [MemberKind::Individual, MemberKind::Corporate, MemberKind::Dealer];
                let kind = kinds[rng.below(3) as usize];
                let token =
                    MemberToken::new(u128::from(count) + 1 - u128::from(rng.below(20) == 0));
                let referrer = (rng.below(2) == 0).then_some(who);
                Action::Enrol { token, kind, plan: PlanId::new(0), referrer }
            }
            0 => Action::ChangeMember { member: who, change: MemberChange::Unfreeze },
            1 if rng.below(4) == 0 => {
                Action::ChangeMember { member: who, change: MemberChange::Freeze }
            }
            1 => Action::ChangeMember { member: who, change: MemberChange::Unfreeze },
            2 => Action::TopUp { who: by, amount: amount(rng, &stored) },
            3 => Action::Spend { who: by, amount: amount(rng, &stored) },
            4 => self.checkout(rng, ledger, model, who, by),
            5 => {
                let sales: Vec<SaleId> = model.returnable().collect();
                let Some(id) = pick(rng, &sales) else { return spend(who) };
                let left = ledger.sale(id).map_or(1, |sale| sale.left());
                let part = match rng.below(4) {
                    0 => Part::Rest,
                    1 => Part::Line { line: rng.below(3) as u16, quantity: rng.below(3) as u32 },
                    _ => Part::Amount(amount(rng, &[left, left / 2, left + 1, 1])),
                };
                Action::Refund { sale: id, part }
            }
            6 => {
                let rules: Vec<_> = program.earn_rules.iter().map(|rule| rule.id).collect();
                let rule = pick(rng, &rules).unwrap_or(RuleId::new(1));
                Action::Earn { who: by, base: amount(rng, &stored), rule }
            }
            7 => {
                let points = amount(rng, &points);
                Action::Redeem { who: by, points, reward: RewardId::new(1) }
            }
            8 => {
                let adjust = match rng.below(3) {
                    0 => Adjust::Add(amount(rng, &points)),
                    1 => Adjust::Take(amount(rng, &points)),
                    _ => Adjust::Clear,
                };
                let reason = u16::from(rng.below(20) > 0);
                Action::AdjustPoints { who: by, adjust, reason }
            }
            9 => {
                let amount = amount(rng, of(what));
                let to = member(rng);
                let to = by_card(rng, ledger, to);
                match rng.below(4) {
                    0 => {
                        let (kind, uses) = (swim(rng), rng.below(4) as i64);
                        Action::TransferUses { from: by, to, kind, uses }
                    }
                    1 => {
                        let (owner, coupon) = a_coupon(rng, model);
                        let count = rng.below(3) as i64;
                        Action::TransferCoupons { from: owner.into(), to, coupon, count }
                    }
                    _ => Action::Transfer { from: by, to, what, amount },
                }
            }
            10 => {
                // Mostly of somebody who has something.
                let has = |id: MemberId| {
                    let balances = ledger.balances(id, at.day);
                    if what == Held::Stored { balances.stored() } else { balances.points }
                };
                let first = rng.below(count.max(1));
                let all = (0..count).map(|n| MemberId::new(((first + n) % count) as u32));
                let rich = all.into_iter().find(|id| has(*id) > 0).filter(|_| rng.below(5) > 0);
                let by = rich.map_or(by, Who::Member);
                let part = 1 + rng.below(rich.map_or(1, has) as u64) as i64;
                let amount = if rng.below(4) == 0 { amount(rng, of(what)) } else { part };
                let until = at.time.saturating_add(Duration::from_secs(rng.below(9_000_000)));
                Action::Hold { who: by, what, amount, until }
            }
            11 => {
                let row = |(id, hold): (HoldId, &crate::Hold)| (id, hold.amount());
                let holds: Vec<(HoldId, i64)> = ledger.holds().map(row).collect();
                // Coupons are held by few.
                let coupons = ledger.holds().filter(|(_, hold)| crate::is_coupon(hold.asset));
                let coupons: Vec<(HoldId, i64)> = coupons.map(row).collect();
                let rare = pick(rng, &coupons).filter(|_| rng.below(2) == 0);
                let Some((hold, held)) = rare.or_else(|| pick(rng, &holds)) else {
                    return spend(who);
                };
                if rng.below(3) == 0 {
                    return Action::Void { hold };
                }
                let part = 1 + rng.below(held.max(1) as u64) as i64;
                let edge = amount(rng, &[held, held / 2, held + 1]);
                let amount = if rng.below(2) == 0 { part } else { edge };
                Action::Capture { hold, amount, reward: RewardId::new(1) }
            }
            12 => {
                let kinds: Vec<AssetId> = program.coupons.iter().map(|rule| rule.kind).collect();
                let kind = pick(rng, &kinds).filter(|_| rng.below(9) > 0);
                let count = rng.below(4) as i64;
                let kind = kind.unwrap_or(AssetId::new(16_390));
                Action::IssueCoupons { who: by, kind, count }
            }
            13 => {
                let (owner, coupon) = a_coupon(rng, model);
                let reason = u16::from(rng.below(20) > 0);
                Action::WithdrawCoupons { who: owner.into(), coupon, reason }
            }
            14 => {
                let uses = rng.below(12) as i64;
                let expires = at.day.plus(rng.below(9) as u32);
                let price = amount(rng, &[100, 999]);
                Action::SellPackage { who: by, kind: swim(rng), uses, price, expires }
            }
            15 => Action::TakeUses { who: by, kind: swim(rng), uses: rng.below(6) as i64 },
            16 => Action::ReturnUses { who: by, kind: swim(rng), uses: rng.below(6) as i64 },
            17 => Action::SweepChange { who: by },
            18 => {
                let amount = amount(rng, &[1, balances.owed, balances.owed + 1]);
                Action::ReceivePayment { who: by, amount }
            }
            19 => {
                let causes = [RefundCause::Merchant, RefundCause::Member];
                let cause = causes[rng.below(2) as usize];
                Action::RefundCard { who: by, cause }
            }
            20 if rng.below(6) == 0 => Action::MergeMembers { from: who, into: member(rng) },
            21 if rng.below(2) == 0 => {
                let days = rng.below(40) as i32 - 2;
                let until = Day::new(at.day.max(Day::new(0)).value() + days);
                let until = if days == 30 { Day::NEVER } else { until };
                let fee = [0, 500, -1][rng.below(3) as usize];
                let plan = PlanId::new(1 + who.value() as u16 % 2);
                Action::SetTerm { member: who, plan, until, fee }
            }
            21 => {
                let tiers: Vec<TierId> = program.tiers.iter().map(|tier| tier.id).collect();
                let tier = pick(rng, &tiers).filter(|_| rng.below(9) > 0);
                let until = match rng.below(9) {
                    0 => Day::NEVER,
                    days => at.day.plus(days as u32 * 5),
                };
                Action::SetTier { member: who, tier: tier.unwrap_or(TierId::new(99)), until }
            }
            22 => {
                let bonus = if what == Held::Stored { rng.below(2_000) as i64 - 1_000 } else { 0 };
                let bonus = if rng.below(20) == 0 { bonus } else { bonus.max(0) };
                let principal = amount(rng, &[0, 10_000]);
                // Now and then from a later day on, which the end may even come before.
                let from = Day::new(at.day.value().saturating_sub(rng.below(40) as i32 - 16));
                let expires = match rng.below(3) {
                    0 => Day::NEVER,
                    _ => at.day.plus(rng.below(40) as u32),
                };
                if rng.below(2) == 0 {
                    let (uses, price) = (rng.below(9) as i64, amount(rng, &[0, 999]));
                    let kinds: Vec<AssetId> = program.coupons.iter().map(|row| row.kind).collect();
                    let coupon = pick(rng, &kinds).unwrap_or(AssetId::new(16_390));
                    let what = match rng.below(5) {
                        0 => Opened::Uses { kind: swim(rng), uses, price, from, expires },
                        1 => Opened::Coupons { kind: coupon, count: uses, from, expires },
                        2 => Opened::Change(uses),
                        3 => Opened::PointsDebt(uses),
                        _ => Opened::Owed(price),
                    };
                    return Action::Open { member: who, what };
                }
                Action::OpenBalance { member: who, what, principal, bonus, from, expires }
            }
            24..=26 => a_card(rng, ledger, who),
            27 => {
                Action::StockGoods { goods: goods(rng, program), quantity: rng.below(9) as i64 - 2 }
            }
            28 => {
                let rewards: Vec<RewardId> = program.rewards.iter().map(|row| row.id).collect();
                let reward = pick(rng, &rewards).filter(|_| rng.below(12) > 0);
                let reward = reward.unwrap_or(RewardId::new(99));
                Action::Reward { who: by, reward, quantity: rng.below(3) as u32 }
            }
            29 if rng.below(2) == 0 => {
                let sales: Vec<SaleId> = model.returnable().collect();
                let sale = pick(rng, &sales).unwrap_or(SaleId::new(1));
                let field = FieldId::new(rng.below(3) as u16);
                let value = (rng.below(4) > 0).then(|| rng.below(9) as i64);
                Action::SetSaleField { sale, field, value }
            }
            29 => a_field(rng, program, who, at.day),
            30 if ledger.actors().next().is_some() || rng.below(9) == 0 => {
                // As soon as one is known, the others need something, too.
                let known = |actor: &u32| ledger.actors().any(|(id, _)| id.value() == *actor);
                let new = (0..3).find(|actor| !known(actor));
                let actor = new.unwrap_or_else(|| rng.below(3) as u32);
                let bits = Permissions::ALL.bits() & !(1 << rng.below(24));
                let permissions = Permissions::from_bits(bits).unwrap();
                Action::Permit { actor: ActorId::new(actor), permissions }
            }
            30 => {
                let parameter = ParameterId::new(rng.below(3) as u16);
                Action::SetParameter { parameter, value: amount(rng, &stored) }
            }
            31 => {
                // Mostly of those that have nothing.
                let idle = (0..count as u32).map(MemberId::new).find(|id| {
                    ledger.member(*id).is_some_and(|row| row.balances().all(|(_, sum)| sum == 0))
                });
                let member = idle.filter(|_| rng.below(4) > 0).unwrap_or(who);
                let erase = rng.below(3) == 0;
                let change = if erase { MemberChange::Erase } else { MemberChange::Close };
                Action::ChangeMember { member, change }
            }
            32 if rng.below(4) == 0 => {
                let until = at.time.saturating_add(Duration::from_secs(rng.below(9_000_000)));
                let uses = rng.below(5) as i64;
                Action::HoldUses { who: by, kind: swim(rng), uses, until }
            }
            32 => {
                let until = at.time.saturating_add(Duration::from_secs(rng.below(9_000_000)));
                // Mostly of those that can be used.
                let today = at.day.value();
                let live = model.coupons.iter().filter(|c| c.left > 0 && c.from <= today);
                let live = live.filter(|c| c.expires >= today);
                let live: Vec<(usize, u64)> = live.map(|c| (c.member, c.id)).collect();
                let kinds: Vec<AssetId> = program.coupons.iter().map(|rule| rule.kind).collect();
                if let (true, Some(kind)) = (live.is_empty(), pick(rng, &kinds)) {
                    return Action::IssueCoupons { who: by, kind, count: 3 };
                }
                let live = pick(rng, &live).filter(|_| rng.below(9) > 0);
                let (who, coupon) = match live {
                    Some((member, id)) => (MemberId::new(member as u32).into(), CouponId::new(id)),
                    None => (by, a_coupon(rng, model).1),
                };
                let count = [1, 1, 2, 0, 5][rng.below(5) as usize];
                Action::HoldCoupons { who, coupon, count, until }
            }
            34 => a_store(rng, program, ledger),
            35 => {
                let all: Vec<RuleId> = program.activities.iter().map(|rule| rule.id).collect();
                let activity = pick(rng, &all).filter(|_| rng.below(12) > 0);
                Action::TakePart { who: by, activity: activity.unwrap_or(RuleId::new(99)) }
            }
            33 => self.order(rng, ledger, model, (who, by)),
            _ => spend(who),
        }
    }

    /// Parks an order, or does something with one that is parked.
    fn order(
        &self,
        rng: &mut Rng,
        ledger: &Ledger,
        model: &Model,
        (who, by): (MemberId, Who),
    ) -> Action {
        let orders: Vec<OrderId> = ledger.orders().map(|(id, _)| id).collect();
        let reason = u16::from(rng.below(12) > 0);
        let order = pick(rng, &orders).filter(|_| rng.below(12) > 0).unwrap_or(OrderId::new(1));
        match if orders.is_empty() { 0 } else { rng.below(8) } {
            0..=2 => match self.checkout(rng, ledger, model, who, by) {
                Action::Checkout { who, lines, pay, extras } => {
                    let until = Duration::from_secs(rng.below(9_000_000));
                    let until = ledger.at().time.saturating_add(until);
                    Action::ParkOrder { who, lines, pay, extras, until }
                }
                other => other,
            },
            3 => Action::VoidLine { order, line: rng.below(3) as u16, reason },
            4 => Action::CancelOrder { order, reason },
            n => {
                let all = (Pay::Cash, Extras::NONE);
                Action::ResumeOrder { order, tender: (n == 5).then_some(all) }
            }
        }
    }

    /// A store to act in: mostly the first.
    #[must_use]
    pub fn store(rng: &mut Rng) -> StoreId {
        StoreId::new(1 + [0, 0, 1, 2][rng.below(4) as usize])
    }

    fn kind(&self, rng: &mut Rng) -> usize {
        let mut at = rng.below(self.weights.iter().sum());
        for (kind, weight) in self.weights.iter().enumerate() {
            if at < *weight {
                return kind;
            }
            at -= weight;
        }
        0
    }

    fn checkout(
        &self,
        rng: &mut Rng,
        ledger: &Ledger,
        model: &Model,
        who: MemberId,
        by: Who,
    ) -> Action {
        let mut lines: Vec<Line> = (0..=rng.below(3))
            .map(|n| {
                let price = rng.below(30_000) as i64;
                Line::new(Sku::new(n as u32), 1 + rng.below(3) as u32, price)
            })
            .collect();
        if rng.below(4) == 0 {
            lines[0] = lines[0].at_special_price();
        }
        let mut extras = Extras::NONE;
        if rng.below(6) == 0 {
            extras = extras.with_keep_change(rng.below(100) as i64);
        }
        let quote = ledger.quote(Some(who.into()), &lines);
        let mut net = quote.map_or(5, |quote| quote.net);
        if rng.below(5) == 0 {
            let account = net / (1 + rng.below(4) as i64);
            extras = extras.with_on_account(account);
            net -= account;
        }
        let (mut who, mut by) = (who, by);
        if rng.below(4) == 0 {
            let (owner, coupon) = a_coupon(rng, model);
            (who, by) = if rng.below(9) == 0 { (who, by) } else { (owner, owner.into()) };
            extras = extras.with_coupon(coupon);
        }
        let balances = ledger.balances(who, ledger.at().day);
        let pay = match rng.below(3) {
            0 => Pay::Cash,
            1 => Pay::Stored,
            _ => {
                let burn = quote.map_or(crate::Ratio::ZERO, |quote| quote.burn);
                let worth = |points| burn.of(points, crate::Rounding::Down).unwrap_or(0);
                let mut points = balances.points.min(5_000);
                if worth(points) > net {
                    points = 0;
                }
                let value = worth(points);
                let points = if value == 0 { 0 } else { points };
                let stored = balances.stored().min(net - value) / 2;
                let off = i64::from(rng.below(9) == 0);
                Pay::Mixed { cash: net - value - stored + off, stored, points }
            }
        };
        Action::Checkout { who: Some(by), lines, pay, extras }
    }
}

/// A time some while after another, and sometimes before it: clocks are wrong.
pub(super) fn skewed(rng: &mut Rng, time: Timestamp, most: i64) -> Timestamp {
    let micros = most.max(1) as u64;
    let by = rng.below(2 * micros) as i64 - micros as i64;
    Timestamp::from_unix_micros(time.as_unix_micros().saturating_add(by))
}

/// The member itself, or with one of its cards in hand, or with another's.
fn by_card(rng: &mut Rng, ledger: &Ledger, who: MemberId) -> Who {
    let own: Vec<CardNumber> = ledger.cards_of(who).map(|card| card.number).collect();
    match rng.below(8) {
        0..=2 => pick(rng, &own).map_or(Who::Member(who), Who::Card),
        3 if rng.below(6) == 0 => Who::Card(CardNumber::new(rng.below(20))),
        _ => Who::Member(who),
    }
}

/// Something about cards.
fn a_card(rng: &mut Rng, ledger: &Ledger, who: MemberId) -> Action {
    let all: Vec<CardNumber> = ledger.cards().map(|card| card.number).collect();
    let day = ledger.at().day.max(Day::new(0));
    let next = CardNumber::new(all.len() as u64 + 1 - u64::from(rng.below(20) == 0));
    let expires = Day::new(day.plus(rng.below(60) as u32).value() - i32::from(rng.below(20) == 0));
    let fee = [0, 0, 500, -1][rng.below(4) as usize];
    let card = pick(rng, &all).filter(|_| rng.below(30) > 0).unwrap_or(CardNumber::new(999));
    match if all.is_empty() { 0 } else { rng.below(9) } {
        0 | 1 => {
            let (product, active) = (ProductId::new(1), rng.below(3) > 0);
            Action::IssueCard { member: who, card: next, product, expires, active, fee: fee.max(0) }
        }
        2 => Action::ReplaceCard { card, new: next, fee },
        3 => Action::ReportPin { card, correct: rng.below(3) == 0 },
        4 => Action::RenewCard { card, expires, fee },
        5 => Action::MoveCard { card, to: who },
        _ => {
            let changes = [
                CardChange::Activate,
                CardChange::Activate,
                CardChange::Lock,
                CardChange::Unlock,
                CardChange::Unlock,
                CardChange::Freeze,
                CardChange::Unfreeze,
                CardChange::Unfreeze,
                CardChange::ReportLost,
                CardChange::WithdrawLoss,
                CardChange::WithdrawLoss,
                CardChange::Extend(expires),
                CardChange::Close,
            ];
            Action::ChangeCard { card, change: changes[rng.below(changes.len() as u64) as usize] }
        }
    }
}

fn goods(rng: &mut Rng, program: &Program) -> AssetId {
    let all = program.rewards.iter().filter_map(|reward| match reward.gives {
        Gives::Goods(goods) => Some(goods),
        _ => None,
    });
    let all: Vec<AssetId> = all.collect();
    pick(rng, &all).filter(|_| rng.below(12) > 0).unwrap_or(AssetId::new(16))
}

/// The next step of what takes several: coupons that are issued, held and captured; goods that are
/// sent and received.
fn long_way(rng: &mut Rng, ledger: &Ledger, model: &Model) -> Option<Action> {
    let (at, program) = (ledger.at(), ledger.program());
    let mut holds = ledger.holds().filter(|(_, hold)| crate::is_coupon(hold.asset));
    if let Some((hold, _)) = holds.next() {
        return Some(Action::Capture { hold, amount: 1, reward: RewardId::new(1) });
    }
    let mut accounts = ledger.accounts().filter(|(_, amount)| *amount > 0);
    let under_way = accounts.find(|(account, _)| account.code() == crate::Code::InTransit);
    if let Some((account, _)) = under_way.filter(|_| rng.below(2) == 0) {
        return Some(Action::ReceiveGoods { goods: account.asset(), quantity: 1 });
    }
    let today = at.day.value();
    let mut live = model.coupons.iter().filter(|c| c.left > 0 && c.from <= today);
    if let Some(coupon) = live.find(|c| c.expires >= today) {
        let who = MemberId::new(coupon.member as u32).into();
        let until = at.time.saturating_add(Duration::from_secs(9_000_000));
        return Some(Action::HoldCoupons {
            who,
            coupon: CouponId::new(coupon.id),
            count: 1,
            until,
        });
    }
    let kind = program.coupons.first()?.kind;
    let who = MemberId::new(rng.below(ledger.member_count() as u64) as u32).into();
    Some(Action::IssueCoupons { who, kind, count: 2 })
}

/// What a store does for itself.
fn a_store(rng: &mut Rng, program: &Program, ledger: &Ledger) -> Action {
    let (goods, quantity) = (goods(rng, program), rng.below(5) as i64);
    let to = Shop::store(rng);
    // What is shut is mostly opened again.
    let shut = ledger.stores().find(|(_, open)| !open).map(|(store, _)| store);
    let locked = ledger.terminals().find(|(_, _, open)| !open);
    match (shut, locked) {
        (Some(store), _) if rng.below(3) > 0 => return Action::SetStore { store, open: true },
        (_, Some((terminal, store, _))) if rng.below(3) > 0 => {
            return Action::SetTerminal { terminal, store, open: true };
        }
        _ => {}
    }
    let mut accounts = ledger.accounts().filter(|(_, amount)| *amount > 0);
    let under_way = accounts.find(|(account, _)| account.code() == crate::Code::InTransit);
    if let Some((account, _)) = under_way.filter(|_| rng.below(2) == 0) {
        return Action::ReceiveGoods { goods: account.asset(), quantity: 1 };
    }
    match rng.below(12) {
        0 | 1 => Action::SendGoods { goods, quantity, to },
        2 | 3 => Action::ReceiveGoods { goods, quantity },
        4 => Action::CountGoods { goods, counted: quantity },
        5 => Action::BuyMessages { count: quantity * 100, price: quantity * 7 },
        6 | 7 => Action::UseMessages { count: quantity * 30 },
        8 | 9 => {
            let amount = rng.below(2_000) as i64 - 1_000;
            Action::BookOther { amount, category: rng.below(4) as u16 }
        }
        10 => {
            // The first one locks the others out until they are known, too.
            let known = |store: &u32| ledger.stores().any(|(id, _)| id.value() == *store);
            let new = (1..4).find(|store| !known(store));
            let (store, open) = match new {
                Some(new) => (StoreId::new(new), true),
                None => (to, rng.below(3) > 0),
            };
            Action::SetStore { store, open }
        }
        // Who locks terminals does little else.
        _ if rng.below(6) > 0 => Action::UseMessages { count: 1 },
        _ => {
            let terminal = TerminalId::new(rng.below(3) as u32);
            Action::SetTerminal { terminal, store: to, open: rng.below(4) > 0 }
        }
    }
}

fn a_field(rng: &mut Rng, program: &Program, member: MemberId, today: Day) -> Action {
    let all: Vec<FieldId> = program.fields.iter().map(|field| field.id).collect();
    let field = pick(rng, &all).filter(|_| rng.below(12) > 0).unwrap_or(FieldId::new(99));
    let value = [None, Some(0), Some(1), Some(1), Some(229), Some(-1)][rng.below(6) as usize];
    let of_the_year =
        program.fields.iter().any(|row| row.id == field && row.holds == Holds::MonthDay);
    if of_the_year && rng.below(3) > 0 {
        // Mostly one that comes soon.
        let (_, month, date) = today.plus(rng.below(60) as u32).civil();
        let value = Some(i64::from(month) * 100 + i64::from(date));
        return Action::SetField { member, field, value };
    }
    Action::SetField { member, field, value }
}

fn spend(who: MemberId) -> Action {
    Action::Spend { who: who.into(), amount: 1 }
}

fn swim(rng: &mut Rng) -> AssetId {
    AssetId::new(if rng.below(20) == 0 { 2 } else { 16 })
}

fn a_coupon(rng: &mut Rng, model: &Model) -> (MemberId, CouponId) {
    let own: Vec<(usize, u64)> = model.coupons.iter().map(|c| (c.member, c.id)).collect();
    let (member, id) = pick(rng, &own).unwrap_or((0, 1));
    (MemberId::new(member as u32), CouponId::new(id))
}

fn amount(rng: &mut Rng, edges: &[i64]) -> i64 {
    match rng.below(4) {
        0 => pick(rng, edges).unwrap_or(0),
        1 => pick(rng, edges).unwrap_or(0) + rng.below(3) as i64 - 1,
        _ => 1 + rng.below(20_000) as i64,
    }
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> Option<T> {
    from.get(rng.below((from.len() as u64).max(1)) as usize).copied()
}

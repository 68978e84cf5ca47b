//! An independent, naive model of the ledger, and random shops that must agree with it.
//!
//! The model knows no postings, no lists and no calendar: members are vectors of lots, all
//! sums are taken anew in 128 bits, and what is over is found by looking at every lot.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::panic_in_result_fn,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests state what must hold"
)]

#[path = "../common/mod.rs"]
mod common;
mod model;
mod wallet;
use common::*;
use mms_core::*;
use model::*;
use proto_wire::Rng;
use std::time::Duration;
use wallet::*;

/// Edges and their neighbours are more likely than what lies between them.
fn amount(rng: &mut Rng, edges: &[i64]) -> i64 {
    match rng.below(4) {
        0 => edges[usize::try_from(rng.below(edges.len() as u64)).unwrap()],
        1 => {
            let edge = edges[usize::try_from(rng.below(edges.len() as u64)).unwrap()];
            edge + i64::try_from(rng.below(3)).unwrap() - 1
        }
        _ => 1 + i64::try_from(rng.below(20_000)).unwrap(),
    }
}

fn action(rng: &mut Rng, shop: &Shop, model: &Model) -> Action {
    let count = shop.ledger.member_count() as u64;
    let member = |rng: &mut Rng| MemberId::new(u32::try_from(rng.below(count + 1)).unwrap());
    let who = member(rng);
    let balances = shop.balances(who);
    let stored = [0, 1, balances.stored(), 10_000, 50_000, 500_000];
    let points = [0, 1, balances.points, balances.points_debt];
    match rng.below(38) {
        0 if count < 6 => {
            let kind = if count % 2 == 0 { MemberKind::Individual } else { MemberKind::Corporate };
            let token = MemberToken::new(count as u128 + 1);
            Action::Enrol { token, kind, plan: PlanId::new(0), referrer: None }
        }
        0 if rng.below(3) == 0 => {
            Action::ChangeMember { member: who, change: MemberChange::Freeze }
        }
        0..=2 => Action::ChangeMember { member: who, change: MemberChange::Unfreeze },
        3..=5 => top_up(who, amount(rng, &stored)),
        6 | 7 => spend(who, amount(rng, &stored)),
        8..=11 => {
            let lines: Vec<Line> = (0..=rng.below(3))
                .map(|n| {
                    let price = i64::try_from(rng.below(30_000)).unwrap();
                    let quantity = 1 + u32::try_from(rng.below(3)).unwrap();
                    line(u32::try_from(n).unwrap(), quantity, price)
                })
                .collect();
            let pay = match rng.below(3) {
                0 => Pay::Cash,
                1 => Pay::Stored,
                _ => {
                    let net = shop.ledger.quote(Some(who.into()), &lines).map_or(5, |q| q.net);
                    let points = balances.points.min(net);
                    let stored = balances.stored().min(net - points) / 2;
                    let off = i64::from(rng.below(9) == 0);
                    Pay::Mixed { cash: net - points - stored + off, stored, points }
                }
            };
            checkout(who, &lines, pay)
        }
        12 => Action::Earn { who: who.into(), base: amount(rng, &stored), rule: RuleId::new(10) },
        13 | 14 => redeem(who, amount(rng, &points)),
        15 => {
            let adjust = match rng.below(3) {
                0 => Adjust::Add(amount(rng, &points)),
                1 => Adjust::Take(amount(rng, &points)),
                _ => Adjust::Clear,
            };
            Action::AdjustPoints { who: who.into(), adjust, reason: 1 }
        }
        16 => {
            let what = if rng.below(2) == 0 { Held::Stored } else { Held::Points };
            let edges = if what == Held::Stored { &stored[..] } else { &points[..] };
            let amount = amount(rng, edges);
            Action::Transfer { from: who.into(), to: member(rng).into(), what, amount }
        }
        17 | 18 => {
            let what = if rng.below(2) == 0 { Held::Stored } else { Held::Points };
            let edges = if what == Held::Stored { &stored[..] } else { &points[..] };
            let until = shop.at.time.saturating_add(Duration::from_secs(1 + rng.below(200_000)));
            hold(who, what, amount(rng, edges), until)
        }
        19 | 20 => {
            let holds: Vec<(HoldId, i64)> =
                shop.ledger.holds().map(|(id, hold)| (id, hold.amount())).collect();
            let Some((hold, held)) = pick(rng, &holds) else { return spend(who, 1) };
            match rng.below(3) {
                0 => Action::Void { hold },
                _ => {
                    let amount = amount(rng, &[held, held / 2, held + 1]);
                    Action::Capture { hold, amount, reward: RewardId::new(1) }
                }
            }
        }
        24 | 25 => {
            let kind = if rng.below(9) == 0 { AssetId::new(16_390) } else { OFF };
            let count = i64::try_from(rng.below(4)).unwrap();
            Action::IssueCoupons { who: who.into(), kind, count }
        }
        26..=28 => {
            let own: Vec<(u64, usize)> =
                model.coupons.iter().map(|coupon| (coupon.id, coupon.member)).collect();
            let (id, member) = pick(rng, &own).unwrap_or((1, 0));
            let who = if rng.below(9) == 0 { who } else { MemberId::new(member as u32) };
            let coupon = CouponId::new(id);
            if rng.below(7) == 0 {
                return Action::WithdrawCoupons { who: who.into(), coupon, reason: 1 };
            }
            let price = i64::try_from(rng.below(5_000)).unwrap();
            let extras = Extras::NONE.with_coupon(coupon).with_keep_change(price % 10);
            let pay = if rng.below(3) == 0 { Pay::Stored } else { Pay::Cash };
            let lines = vec![line(1, 1, price), line(2, 2, price / 3)];
            Action::Checkout { who: Some(who.into()), lines, pay, extras }
        }
        35 => {
            let price = i64::try_from(rng.below(25_000)).unwrap();
            let on_account = price / (1 + i64::try_from(rng.below(3)).unwrap());
            let extras = Extras::NONE.with_on_account(on_account);
            let pay = if rng.below(2) == 0 { Pay::Stored } else { Pay::Cash };
            let lines = vec![line(1, 1, price)];
            Action::Checkout { who: Some(who.into()), lines, pay, extras }
        }
        36 => {
            let amount = amount(rng, &[1, 10_000]);
            Action::ReceivePayment { who: who.into(), amount }
        }
        33 if rng.below(12) == 0 => Action::MergeMembers { from: who, into: member(rng) },
        33 | 34 => Action::RefundCard { who: who.into(), cause: RefundCause::Merchant },
        29 => Action::SweepChange { who: who.into() },
        30 => {
            let uses = i64::try_from(rng.below(12)).unwrap();
            let expires = shop.at.day.plus(u32::try_from(rng.below(9)).unwrap());
            let price = amount(rng, &[100, 999]);
            Action::SellPackage { who: who.into(), kind: SWIM, uses, price, expires }
        }
        31 => {
            let uses = i64::try_from(rng.below(6)).unwrap();
            Action::TakeUses { who: who.into(), kind: SWIM, uses }
        }
        32 => {
            let uses = i64::try_from(rng.below(6)).unwrap();
            Action::ReturnUses { who: who.into(), kind: SWIM, uses }
        }
        _ => {
            let sales: Vec<u64> = model.sales.keys().copied().collect();
            let Some(id) = pick(rng, &sales) else { return spend(who, 1) };
            let left = shop.ledger.sale(SaleId::new(id)).map_or(1, |sale| sale.left());
            let part = match rng.below(2) {
                0 => Part::Rest,
                _ => Part::Amount(amount(rng, &[left, left / 2, left + 1, 1])),
            };
            Action::Refund { sale: SaleId::new(id), part }
        }
    }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> Option<T> {
    from.get(usize::try_from(rng.below(from.len() as u64)).unwrap()).copied()
}

fn compare(shop: &Shop, model: &Model, seed: u64) {
    for (id, row) in model.members.iter().enumerate() {
        let member = MemberId::new(u32::try_from(id).unwrap());
        let balances = shop.balances(member);
        let is = shop.ledger.member(member).unwrap();
        let live = |points: bool, part: fn(&MLot) -> i128| -> i128 {
            model.live(id, points).iter().map(|lot| part(&model.lots[*lot])).sum()
        };
        let pending: i128 = row
            .lots
            .iter()
            .map(|lot| &model.lots[*lot])
            .filter(|lot| lot.points && lot.from > model.day)
            .map(|lot| lot.p)
            .sum();
        let held = |points: bool| -> i128 {
            let holds = model.holds.values().filter(|hold| hold.member == id);
            let holds = holds.filter(|hold| hold.points == points);
            holds.flat_map(|hold| &hold.allocs).map(|(_, p, b)| p + b).sum()
        };
        let expected = [
            live(false, |lot| lot.p),
            live(false, |lot| lot.b),
            live(true, |lot| lot.p),
            pending,
            held(false),
            held(true),
            row.debt,
            row.points,
            row.top_up,
            row.spend,
            row.visits,
            row.tier as i128,
            row.purse,
            row.owes,
            model
                .coupons
                .iter()
                .filter(|coupon| coupon.member == id && coupon.expires >= model.day)
                .map(|coupon| coupon.left)
                .sum(),
            model
                .packages
                .iter()
                .filter(|package| package.member == id && package.expires >= model.day)
                .map(|package| package.left)
                .sum(),
        ];
        let found = [
            balances.principal,
            balances.bonus,
            balances.points,
            balances.points_pending,
            balances.stored_held,
            balances.points_held,
            balances.points_debt,
            is.counters.points,
            is.counters.top_up,
            is.counters.spend,
            is.counters.visits,
            i64::from(is.tier.value()),
            balances.change,
            balances.owed,
            shop.ledger.coupons(member, shop.at.day).map(|(_, _, count, _)| count).sum(),
            shop.ledger.uses(member, SWIM, shop.at.day),
        ]
        .map(i128::from);
        assert_eq!(found, expected, "seed {seed}, {member:?} (ledger left, model right)");
    }
}

/// One shop: random commands, days that pass, and time booked now or later.
fn storm(seed: u64, steps: u32) -> (Shop, u32) {
    let mut rng = Rng::new(&Seed::from_u64(seed));
    let pending = u32::try_from(rng.below(2) * 2).unwrap();
    let mut shop = Shop::new(program(pending));
    let mut model = Model {
        day: shop.at.day.value(),
        pending: i32::try_from(pending).unwrap(),
        ..Model::default()
    };
    let mut accepted = 0;
    let mut paid_out = 0;
    for _ in 0..steps {
        if rng.below(12) == 0 {
            shop.skip(1 + u32::try_from(rng.below(3)).unwrap());
            model.day = shop.at.day.value();
        }
        let now = shop.at.time.as_unix_micros();
        // Holds that are over are always booked; what lapses and matures only sometimes.
        let over: Vec<u64> =
            model.holds.iter().filter(|(_, h)| h.until <= now).map(|(id, _)| *id).collect();
        for id in &over {
            model.end_hold(*id);
        }
        if !over.is_empty() || rng.below(6) == 0 {
            shop.due();
            model.lapse();
        }
        model.valued =
            (0..model.lots.len()).filter(|id| model.lots[*id].p + model.lots[*id].b > 0).collect();
        let action = action(&mut rng, &shop, &model);
        let seq = shop.ledger.seq().value() + 1;
        let command = shop.command(action.clone()).by(ActorId::new(3), TerminalId::new(0));
        let outcome = shop.submit(&command);
        let expected = model.run(seq, now, &action, &shop.ledger);
        match (outcome, expected) {
            (Outcome::Accepted(receipt), Ok(())) => {
                accepted += 1;
                if receipt.kind == Kind::StoredRefunded {
                    paid_out += i128::from(receipt.amount);
                }
            }
            (Outcome::Rejected(is), Err(expected)) if is == expected => {}
            (outcome, expected) => {
                panic!("seed {seed}, {action:?}: ledger {outcome:?}, model {expected:?}")
            }
        }
        compare(&shop, &model, seed);
    }
    assert_eq!(i128::from(shop.ledger.coupons_issued(OFF)), model.issued, "seed {seed}");
    assert_eq!(paid_out, model.paid_out, "seed {seed}");
    // Every sale that was not forgotten has paid its commission and lost what was returned.
    for sale in shop.ledger.sales() {
        let (cash, stored) = (sale.paid.cash + sale.paid.account, sale.paid.principal);
        let money = sale.asset == MONEY;
        let due = if money { cash * 3 / 100 + stored / 100 } else { 0 };
        assert_eq!(sale.commission.map_or(0, |(_, amount)| amount), due, "seed {seed}: {sale:?}");
        if sale.left() == 0 && sale.net() > 0 {
            assert_eq!(sale.commission_back, due, "seed {seed}: {sale:?}");
        }
    }
    let deferred: i128 = model.packages.iter().filter(|p| p.left > 0).map(MPackage::deferred).sum();
    let booked = -shop.ledger.total(Code::Deferred, MONEY);
    assert_eq!(booked, deferred, "seed {seed}: what is deferred");
    (shop, accepted)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long to look is the caller's choice")]
fn random_shops_agree_with_the_model() {
    // AUDITOR_SEEDS=5000 looks longer.
    let seeds = std::env::var("AUDITOR_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(120);
    let mut accepted = 0;
    for seed in 0..seeds {
        let (shop, count) = storm(seed.into(), 300);
        shop.audit();
        accepted += count;
    }
    println!("{accepted} commands accepted");
    assert!(accepted > seeds * 70, "the storm must not be all rejections: {accepted}");
}

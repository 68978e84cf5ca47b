//! What managers ask, each answer tied to the ledger to the cent.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use core::time::Duration;
use mms_core::*;
use proto_wire::Rng;
use std::collections::BTreeMap;

const OFF: AssetId = AssetId::new(16_384);
const SWIM: AssetId = AssetId::new(16);
const EVER: core::ops::RangeInclusive<Day> = Day::FIRST..=Day::NEVER;

fn program() -> Program {
    Program::sample()
        .with_stored_expiry(Expiry::Days(40))
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(300)).with_expiry(Expiry::Days(9)),
        ])
        .with_referral(vec![ReferralRule::new(1, 500).with_on_spend(Ratio::percent(1))])
        .with_commissions(vec![CommissionRule::new(Ratio::percent(3))])
        .with_settlement(Ratio::percent(10))
        .with_credit(50_000, 30)
        .with_tier_review(Expiry::MonthEnd(1), Downgrade::OneDown)
        .with_return_days(20)
}

/// A quarter of business in three stores, and what the projections saw of it.
struct Quarter {
    shop: Shop,
    turnover: Turnover,
    activity: Activity,
    log: OperatorLog,
}

fn quarter(seed: u64) -> Quarter {
    let mut rng = Rng::new(&Seed::from_u64(seed));
    let mut shop = Shop::new(program());
    let mut log = OperatorLog::new();
    let mut sales: Vec<Receipt> = Vec::new();
    for n in 0..12_u32 {
        let above = n.checked_sub(3).filter(|_| n % 2 == 0).map(MemberId::new);
        let kind = if n % 4 == 0 { MemberKind::Corporate } else { MemberKind::Individual };
        let token = MemberToken::new(u128::from(n) + 1);
        shop.ok(Action::Enrol { token, kind, plan: PlanId::new(0), referrer: above });
        shop.ok(Action::IssueCard {
            member: MemberId::new(n),
            card: CardNumber::new(u64::from(n) + 100),
            product: ProductId::new(1),
            expires: shop.at.day.plus(n * 10),
            active: true,
            fee: 0,
        });
    }
    let mut refused = 0;
    for _ in 0..700 {
        let member = MemberId::new(u32::try_from(rng.below(12)).unwrap());
        let who: Who = member.into();
        let amount = 1 + i64::try_from(rng.below(30_000)).unwrap();
        shop.store = StoreId::new(1 + u32::try_from(rng.below(3)).unwrap());
        let action = match rng.below(12) {
            0..=2 => top_up(member, amount),
            3 => spend(member, amount / 3),
            4 => checkout(member, &[line(1, 1, amount)], Pay::Cash),
            5 => {
                let extras = Extras::NONE.with_on_account(amount / 2);
                let lines = vec![line(1, 1, amount)];
                Action::Checkout { who: Some(who), lines, pay: Pay::Cash, extras }
            }
            6 => redeem(member, 1 + amount / 200),
            7 => Action::IssueCoupons { who, kind: OFF, count: 1 + amount % 3 },
            8 => {
                let expires = shop.at.day.plus(20);
                Action::SellPackage { who, kind: SWIM, uses: 10, price: amount, expires }
            }
            9 => Action::TakeUses { who, kind: SWIM, uses: 1 + amount % 4 },
            10 => match sales.pop() {
                Some(sale) => refund(&sale, Part::Amount(1 + sale.amount / 2)),
                None => adjust(member, 50),
            },
            _ => {
                let coupon = shop.ledger.coupons(member, shop.at.day).next();
                let extras = coupon.map_or(Extras::NONE, |(id, ..)| Extras::NONE.with_coupon(id));
                let lines = vec![line(2, 2, amount)];
                Action::Checkout { who: Some(who), lines, pay: Pay::Cash, extras }
            }
        };
        let actor = ActorId::new(u32::try_from(rng.below(4)).unwrap());
        let command = shop.command(action).by(actor, TerminalId::new(9));
        match shop.submit(&command) {
            Outcome::Accepted(receipt) if receipt.sale().is_some() => sales.push(receipt),
            Outcome::Accepted(_) => {}
            Outcome::Rejected(rejection) => {
                refused += 1;
                log.refused(shop.at, &command.envelope, rejection);
            }
            other => panic!("{other:?}"),
        }
        if rng.below(9) == 0 {
            shop.days(1);
        }
    }
    assert!(refused < 350, "{refused}");
    shop.audit();
    let (mut turnover, mut activity) = (Turnover::new(), Activity::new());
    for bytes in &shop.records {
        let record = Record::parse(bytes).unwrap().0;
        turnover.observe(record);
        activity.observe(record);
        log.observe(record);
    }
    Quarter { shop, turnover, activity, log }
}

#[test]
fn turnover_ties_to_every_account() {
    for seed in 0..4 {
        let Quarter { shop, turnover, .. } = quarter(seed);
        let ledger = &shop.ledger;
        for code in Code::ALL {
            for asset in [MONEY, POINTS, OFF, SWIM] {
                let net = turnover.flow(EVER, None, *code, asset).net();
                assert_eq!(net, ledger.total(*code, asset), "{code:?} {asset}");
            }
        }
        // Day by day it is the same, and store by store.
        let (first, last) = (DAY, shop.at.day);
        let by_day: i128 = (first.value()..=last.value())
            .map(|day| Day::new(day)..=Day::new(day))
            .map(|day| turnover.flow(day, None, Code::Revenue, MONEY).net())
            .sum();
        assert_eq!(by_day, ledger.total(Code::Revenue, MONEY));
        for store in 0..4 {
            let account = Account::of_store(StoreId::new(store), Code::Tender, MONEY).unwrap();
            let net = turnover.flow(EVER, Some(StoreId::new(store)), Code::Tender, MONEY).net();
            assert_eq!(net, i128::from(ledger.raw_balance(account)));
        }
    }
}

#[test]
fn the_business_digest_ties_to_the_accounts() {
    let Quarter { shop, turnover, .. } = quarter(5);
    let total = |code| shop.ledger.total(code, MONEY);
    let digest = turnover.digest(EVER, None);
    assert_eq!(digest.revenue, -total(Code::Revenue));
    assert_eq!(digest.discounts, total(Code::Discount));
    assert_eq!(digest.tender, total(Code::Tender));
    let principal = total(Code::StoredPrincipal) + total(Code::HeldPrincipal);
    assert_eq!(digest.loaded - digest.stored_used, -principal);
    let top_ups: i64 = shop
        .records
        .iter()
        .map(|bytes| Record::parse(bytes).unwrap().0)
        .filter(|record| record.head().kind == Kind::ToppedUp)
        .flat_map(|record| record.postings().collect::<Vec<_>>())
        .filter(|posting| posting.account.code() == Code::Tender)
        .map(|posting| posting.amount)
        .sum();
    assert_eq!(digest.loaded, i128::from(top_ups));
    assert_eq!(digest.breakage, -total(Code::Breakage));
    assert_eq!(digest.commission, total(Code::CommissionExpense));
    assert_eq!(digest.points_issued, shop.ledger.total(Code::PointsIssued, POINTS));
    assert_eq!(digest.joined, 12);
    let kinds = |kinds: &[Kind]| {
        let heads = shop.records.iter().map(|bytes| Record::parse(bytes).unwrap().0.head().kind);
        heads.filter(|kind| kinds.contains(kind)).count() as u64
    };
    assert_eq!(digest.sales, kinds(&[Kind::Sold, Kind::Spent, Kind::Captured]));
    assert_eq!(digest.returns, kinds(&[Kind::Refunded]));
    let stores = (0..4).map(|store| turnover.digest(EVER, Some(StoreId::new(store))).revenue);
    assert_eq!(stores.sum::<i128>(), digest.revenue);
}

/// R77, R167: issue, use and lapse of points, coupons and uses, per period.
#[test]
fn what_was_issued_used_and_lapsed_ties_to_what_is_left() {
    let Quarter { shop, turnover, .. } = quarter(6);
    let ledger = &shop.ledger;
    let held = |codes: &[Code], asset| -> i128 {
        codes.iter().map(|code| -ledger.total(*code, asset)).sum()
    };
    let points = [Code::Points, Code::PointsPending, Code::PointsHeld, Code::PointsDebt];
    for (asset, left) in [
        (POINTS, held(&points, POINTS)),
        (OFF, held(&[Code::Coupons], OFF)),
        (SWIM, held(&[Code::Uses], SWIM)),
    ] {
        let [issued, used, lapsed] = turnover.issued_used_expired(EVER, asset);
        assert_eq!(issued - used - lapsed, left, "{asset}");
        assert!(issued > 0 && used > 0, "{asset}");
        let half = DAY..=DAY.plus(30);
        let rest = DAY.plus(31)..=Day::NEVER;
        let sum: Vec<i128> = turnover
            .issued_used_expired(half, asset)
            .into_iter()
            .zip(turnover.issued_used_expired(rest, asset))
            .map(|(a, b)| a + b)
            .collect();
        assert_eq!(sum, [issued, used, lapsed]);
    }
}

/// §4.14: how much do we owe, to whom, and since when.
#[test]
fn liability_by_age_ties_to_the_accounts() {
    let Quarter { mut shop, .. } = quarter(7);
    shop.skip(3); // some of it is over and not booked
    let until = shop.at.time.saturating_add(Duration::from_secs(60));
    shop.ok(hold(MemberId::new(1), Held::Stored, 1, until));
    let owed = |codes: &[Code], asset| -> i128 {
        codes.iter().map(|code| -shop.ledger.total(*code, asset)).sum()
    };
    let money = shop.ledger.liability(shop.at.day, MONEY, &[0, 7, 30]);
    let sum = |part: fn(&Aged) -> i128, of: &Liability| of.rows.iter().map(part).sum::<i128>();
    let codes = [Code::StoredPrincipal, Code::StoredBonus, Code::HeldPrincipal, Code::HeldBonus];
    let rows = sum(|row| row.principal + row.bonus, &money);
    assert_eq!(rows + money.lapsed, owed(&codes, MONEY));
    let days: Vec<Option<u32>> = money.rows.iter().map(|row| row.days).collect();
    assert_eq!(days, [Some(0), Some(7), Some(30), None]);
    let points = shop.ledger.liability(shop.at.day, POINTS, &[30]);
    let codes = [Code::Points, Code::PointsPending, Code::PointsHeld];
    assert_eq!(sum(|row| row.principal, &points) + points.lapsed, owed(&codes, POINTS));
    let uses = shop.ledger.liability(shop.at.day, SWIM, &[]);
    assert_eq!(sum(|row| row.deferred, &uses), owed(&[Code::Deferred], MONEY));
    assert_eq!(sum(|row| row.principal, &uses) + uses.lapsed, owed(&[Code::Uses], SWIM));
    assert_eq!(shop.ledger.kinds_held(), [SWIM, OFF]);
    // And the same for each member.
    let each: i64 = shop
        .ledger
        .live_members()
        .map(|(id, _)| shop.balances(id))
        .map(|b| b.stored() + b.stored_held)
        .sum();
    assert_eq!(i128::from(each), rows);
}

#[test]
fn settlement_and_commission_tie_to_the_accounts() {
    let Quarter { shop, turnover, .. } = quarter(8);
    let pairs = turnover.settlement(EVER);
    assert!(pairs.len() > 3 && pairs.keys().all(|(from, to)| from != to));
    for store in (1..4).map(StoreId::new) {
        let balance =
            |code| shop.ledger.raw_balance(Account::of_store(store, code, MONEY).unwrap());
        let due: i64 = pairs.iter().filter(|((_, to), _)| *to == store).map(|(_, n)| n).sum();
        let owed: i64 = pairs.iter().filter(|((from, _), _)| *from == store).map(|(_, n)| n).sum();
        assert_eq!((due, -owed), (balance(Code::Due), balance(Code::Owed)), "{store:?}");
    }
    let commission = turnover.commission(EVER);
    assert!(commission.len() == 3, "actor 0 is nobody");
    for (actor, amount) in commission {
        let account = Account::of_staff(actor, Code::Commission, MONEY).unwrap();
        assert_eq!(amount, -i128::from(shop.ledger.raw_balance(account)));
    }
}

#[test]
fn boards_show_tiers_lots_cards_and_who_stays_away() {
    let Quarter { shop, activity, .. } = quarter(9);
    let ledger = &shop.ledger;
    let mut tiers: BTreeMap<TierId, u64> = BTreeMap::new();
    for n in 0..12 {
        *tiers.entry(ledger.member(MemberId::new(n)).unwrap().tier).or_default() += 1;
    }
    assert_eq!(ledger.tier_board(), tiers);
    let (today, soon) = (shop.at.day, shop.at.day.plus(10));
    let due: Vec<DueLot> = ledger.lots_ending(today, soon).collect();
    let mut naive: Vec<(Day, i64)> = (0..12)
        .flat_map(|n| ledger.lots(MemberId::new(n)))
        .filter(|(_, lot)| lot.expires >= today && lot.expires <= soon)
        .map(|(_, lot)| (lot.expires, lot.left()))
        .collect();
    naive.sort_unstable();
    let mut found: Vec<(Day, i64)> = due.iter().map(|lot| (lot.expires, lot.left)).collect();
    assert!(found.windows(2).all(|two| two[0].0 <= two[1].0), "soonest first");
    found.sort_unstable();
    assert_eq!(found, naive);
    assert!(!naive.is_empty());
    let cards = ledger.cards_ending(DAY.plus(25), DAY.plus(45)).map(|card| card.number.value());
    assert_eq!(cards.collect::<Vec<_>>(), [103, 104]);
    let ending = ledger.tiers_ending(Day::NEVER).count();
    let kept =
        (0..12).filter(|n| ledger.member(MemberId::new(*n)).unwrap().tier_until != Day::NEVER);
    assert_eq!(ending, kept.count());
    let away = activity.lapsed(ledger, today.plus(0));
    let naive = (0..12)
        .map(MemberId::new)
        .filter_map(|member| activity.of(member).map(|visits| (visits.last, member)))
        .filter(|(last, _)| *last < today);
    let mut naive: Vec<(Day, MemberId)> = naive.collect();
    naive.sort_unstable();
    assert_eq!(away, naive);
}

/// R149-R152: several bounds at once, against a walk by hand.
#[test]
fn filters_find_who_fits_all_bounds() {
    let Quarter { shop, activity, .. } = quarter(10);
    let ledger = &shop.ledger;
    let day = shop.at.day;
    let count = |filter: &MemberFilter| ledger.members_where(filter, &activity, day).count();
    assert_eq!(count(&MemberFilter::new()), 12);
    for low in [0, 20_000, 60_000, 120_000, 400_000] {
        for tier in 0..3 {
            let filter = MemberFilter::new()
                .with_spend(low..=low + 99_999)
                .with_tier(TierId::new(tier))
                .with_kind(MemberKind::Individual)
                .with_points(10..=i64::MAX)
                .with_last_visit(DAY..=day);
            let found: Vec<MemberId> =
                ledger.members_where(&filter, &activity, day).map(|(id, _)| id).collect();
            let naive: Vec<MemberId> = (0..12)
                .map(MemberId::new)
                .filter(|id| {
                    let row = ledger.member(*id).unwrap();
                    (low..low + 100_000).contains(&row.counters().spend)
                        && row.tier.value() == tier
                        && row.kind == MemberKind::Individual
                        && shop.balances(*id).points >= 10
                        && activity.of(*id).is_some()
                })
                .collect();
            assert_eq!(found, naive);
        }
    }
    let owing = MemberFilter::new().with_owed(1..=i64::MAX);
    let total: i64 =
        ledger.members_where(&owing, &activity, day).map(|(id, _)| shop.balances(id).owed).sum();
    assert_eq!(i128::from(total), ledger.total(Code::Receivable, MONEY));
    let none = MemberFilter::new()
        .with_average(i64::MAX..=i64::MAX)
        .with_stored(0..=0)
        .with_visits(0..=0)
        .with_top_up(1..=2)
        .with_since(DAY.plus(1)..=DAY.plus(2))
        .with_plan(PlanId::new(9))
        .with_status(MemberStatus::Frozen);
    assert_eq!(count(&none), 0);
}

/// R121: everybody below, parents first; a merger lifts a branch.
#[test]
fn the_referral_tree_lists_everybody_below() {
    let mut shop = Shop::new(Program::default());
    let mut join = |above: Option<u32>| {
        let token = MemberToken::new(shop.ledger.member_count() as u128 + 1);
        shop.ok(enrol(token, above.map(MemberId::new)));
    };
    for above in [None, Some(0), Some(1), Some(0), None, Some(3), Some(5)] {
        join(above);
    }
    let tree = |shop: &Shop, root| {
        let tree = shop.ledger.referral_tree(MemberId::new(root));
        tree.into_iter().map(|(depth, id)| (depth, id.value())).collect::<Vec<_>>()
    };
    assert_eq!(tree(&shop, 0), [(1, 1), (1, 3), (2, 2), (2, 5), (3, 6)]);
    assert_eq!(tree(&shop, 4), []);
    shop.ok(Action::MergeMembers { from: MemberId::new(3), into: MemberId::new(4) });
    assert_eq!(tree(&shop, 0), [(1, 1), (2, 2)]);
    assert_eq!(tree(&shop, 4), [(1, 5), (2, 6)]);
    shop.audit();
}

/// R160: every act has its actor, and attempts can be noted, too.
#[test]
fn the_operator_log_has_every_act_and_every_refusal() {
    let Quarter { shop, log, .. } = quarter(11);
    let acts = log.all().iter().filter(|row| row.what.is_ok()).count();
    let with_key =
        shop.records.iter().filter(|bytes| Record::parse(bytes).unwrap().0.head().key.value() != 0);
    assert_eq!(acts, with_key.count());
    let by_actor: usize = (0..4).map(|actor| log.of(ActorId::new(actor)).count()).sum();
    assert_eq!(by_actor, log.all().len());
    assert!(log.all().iter().any(|row| row.what == Err(Rejection::InsufficientUses)));
}

#[test]
fn birthdays_fall_on_the_day_that_the_rule_says() {
    let day = |year, month, day, leap| {
        Day::birthday(year, month, day, leap).map_or_else(String::new, |day| day.to_string())
    };
    assert_eq!(day(2024, 2, 29, LeapDay::Before), "2024-02-29");
    assert_eq!(day(2025, 2, 29, LeapDay::Before), "2025-02-28");
    assert_eq!(day(2025, 2, 29, LeapDay::After), "2025-03-01");
    assert_eq!(day(1969, 12, 31, LeapDay::After), "1969-12-31");
    assert_eq!(day(2100, 1, 1, LeapDay::After), "2100-01-01");
    for (month, of) in [(2, 30), (4, 31), (0, 1), (13, 1), (1, 0), (1, 32)] {
        assert_eq!(day(2025, month, of, LeapDay::After), "", "{month}-{of}");
    }
}

/// R56, R170: only named outlets load; parameters are records.
#[test]
fn outlets_and_parameters_are_the_schemes() {
    let mut shop = Shop::new(Program::default().with_load_stores(vec![StoreId::new(2)]));
    let member = shop.enrol();
    assert_eq!(shop.no(top_up(member, 1)), Rejection::NotPermitted);
    // Nor by way of change, of which a till may keep as much as it likes.
    let extras = Extras::NONE.with_keep_change(100);
    let (who, lines, pay) = (Some(member.into()), vec![line(1, 1, 5)], Pay::Cash);
    shop.ok(Action::Checkout { who, lines, pay, extras });
    let sweep = || Action::SweepChange { who: member.into() };
    assert_eq!(shop.no(sweep()), Rejection::NotPermitted);
    shop.store = StoreId::new(2);
    shop.ok(top_up(member, 1));
    shop.ok(sweep());
    assert_eq!(shop.balances(member).stored(), 101);
    let parameter = ParameterId::new(7);
    assert_eq!(shop.ledger.parameter(parameter), None);
    shop.ok(Action::SetParameter { parameter, value: -5 });
    shop.ok(Action::SetParameter { parameter, value: 6 });
    assert_eq!(shop.ledger.parameters().collect::<Vec<_>>(), [(parameter, 6)]);
    shop.audit();
}

/// R158: the roles of a shop.
#[test]
fn roles_are_sets_of_permissions() {
    let (cashier, manager) = (Permissions::CASHIER, Permissions::MANAGER);
    assert!(cashier.contains(Permissions::SELL) && !cashier.contains(Permissions::REFUND));
    assert!(manager.contains(cashier) && !manager.contains(Permissions::ADMIN));
    assert!(!Permissions::STOCKKEEPER.contains(Permissions::SELL));
}

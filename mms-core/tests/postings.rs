//! The postings of every operation, as a table that runs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
#[path = "postings/rows.rs"]
mod rows;
use common::*;
use mms_core::*;
use rows::ROWS;

/// Bonus 10 % from 100.00; a point per 1.00 of money paid; no tiers.
fn program() -> Program {
    Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)).with_points(7),
        ])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(1))])
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(500)).with_expiry(Expiry::Days(4)),
        ])
        .with_coupon_returns(true)
        .with_credit(5_000, 30)
        .with_activities(vec![ActivityRule::new(RuleId::new(60), 40, 25)])
        .with_rewards(vec![
            Reward::new(RewardId::new(1), 40, Gives::Goods(MUG)),
            Reward::new(RewardId::new(2), 10, Gives::Coupon(OFF)),
            Reward::new(RewardId::new(3), 30, Gives::Uses(SWIM, 2, 9)),
        ])
}

const OFF: AssetId = AssetId::new(16_384);
const MUG: AssetId = AssetId::new(32_768);

fn issue_coupon(shop: &mut Shop, member: MemberId) -> CouponId {
    let issue = Action::IssueCoupons { who: member.into(), kind: OFF, count: 2 };
    shop.ok(issue).coupon().unwrap()
}

fn reward(member: MemberId, reward: u32) -> Action {
    Action::Reward { who: member.into(), reward: RewardId::new(reward), quantity: 1 }
}

/// A sale for cash with a coupon and some change that stays.
fn coupon_sale(shop: &mut Shop, member: MemberId) -> Action {
    let extras = Extras::NONE.with_coupon(issue_coupon(shop, member)).with_keep_change(7);
    let lines = vec![line(1, 1, 2_493)];
    Action::Checkout { who: Some(member.into()), lines, pay: Pay::Cash, extras }
}

fn opening(member: MemberId, what: Held, principal: i64, bonus: i64) -> Action {
    let expires = DAY.plus(50);
    Action::OpenBalance { member, what, principal, bonus, from: Day::new(19_000), expires }
}

fn company(shop: &mut Shop) -> MemberId {
    let enrol = Action::Enrol {
        token: MemberToken::new(0xc0),
        kind: MemberKind::Corporate,
        plan: PlanId::new(0),
        referrer: None,
    };
    shop.ok(enrol).member.unwrap()
}

fn package(shop: &Shop, member: MemberId, uses: i64, price: i64) -> Action {
    let expires = shop.at.day.plus(10);
    Action::SellPackage { who: member.into(), kind: SWIM, uses, price, expires }
}

fn uses(member: MemberId, uses: i64) -> Action {
    Action::TakeUses { who: member.into(), kind: SWIM, uses }
}

fn hold_uses(shop: &Shop, member: MemberId, uses: i64) -> Action {
    let until = shop.at.time.saturating_add(HOUR);
    Action::HoldUses { who: member.into(), kind: SWIM, uses, until }
}

fn hold_coupons(shop: &mut Shop, member: MemberId) -> Action {
    let coupon = issue_coupon(shop, member);
    let until = shop.at.time.saturating_add(HOUR);
    Action::HoldCoupons { who: member.into(), coupon, count: 2, until }
}

const SWIM: AssetId = AssetId::new(16);

/// Packages of different prices: each use earns its own share, all of them the whole price;
/// what lapses is breakage.
#[test]
fn every_cent_of_a_package_is_earned_once() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    for (count, price) in [(3, 1_000), (7, 999)] {
        let sell = package(&shop, member, count, price);
        let receipt = shop.ok(sell);
        assert_eq!(receipt.amount, price);
    }
    assert_eq!(shop.ledger.uses(member, SWIM, shop.at.day), 10);
    let earned = |shop: &Shop| -shop.ledger.total(Code::Revenue, MONEY);
    assert_eq!(shop.ok(uses(member, 2)).amount, 2);
    assert_eq!(earned(&shop), 666);
    shop.ok(uses(member, 2));
    assert_eq!(earned(&shop), 1_000 + 999 / 7);
    shop.audit();
    assert_eq!(shop.no(uses(member, 7)), Rejection::InsufficientUses);
    let other = Action::TakeUses { who: member.into(), kind: AssetId::new(17), uses: 1 };
    assert_eq!(shop.no(other), Rejection::InsufficientUses);
    for _ in 0..4 {
        shop.ok(uses(member, 1));
    }
    assert_eq!(earned(&shop), 1_000 + 999 * 5 / 7);
    shop.skip(11);
    assert_eq!(shop.ledger.uses(member, SWIM, shop.at.day), 0);
    assert_eq!(shop.no(uses(member, 1)), Rejection::InsufficientUses);
    assert_eq!(shop.due(), 1);
    assert_eq!(shop.postings(), "m0.CN16 +2, CNX16 -2, m0.CTR +286, BRK -286");
    assert_eq!(earned(&shop) - shop.ledger.total(Code::Breakage, MONEY), 1_999);
    assert_eq!(shop.ledger.total(Code::Deferred, MONEY), 0);
    shop.audit();
}

const HOUR: core::time::Duration = core::time::Duration::from_secs(3_600);

#[test]
fn every_operation_has_its_postings() {
    for row in ROWS {
        let mut shop = Shop::new(program());
        let member = shop.enrol();
        let action = (row.act)(&mut shop, member);
        shop.ok(action);
        assert_eq!(shop.postings(), row.postings, "{}", row.name);
        shop.audit();
    }
}

#[test]
fn time_books_what_lapses_matures_and_ends() {
    let mut shop = Shop::new(
        program()
            .with_stored_expiry(Expiry::Days(10))
            .with_points_expiry(Expiry::Days(5))
            .with_earn_rules(vec![
                EarnRule::new(RuleId::new(10), Ratio::percent(1))
                    .with_pending_days(3)
                    .with_expiry(Expiry::Days(30)),
            ]),
    );
    let member = shop.enrol();
    shop.ok(top_up(member, 10_000));
    shop.ok(spend(member, 1_100));
    assert_eq!(
        shop.postings(),
        "m0.SVP +1000, m0.SVB +100, DISC +100, REV -1100, BI -100, PTI +10, m0.PTP -10"
    );
    assert_eq!((shop.balances(member).points, shop.balances(member).points_pending), (7, 10));
    let until = shop.at.time.saturating_add(HOUR);
    shop.ok(hold(member, Held::Stored, 1_100, until));

    shop.at = At::new(until, shop.at.day);
    assert_eq!(shop.due(), 1);
    assert_eq!(shop.postings(), "m0.SVPH +1000, m0.SVBH +100, m0.SVP -1000, m0.SVB -100");
    assert_eq!(shop.days(2), 0);
    assert_eq!(shop.days(1), 1);
    assert_eq!(shop.postings(), "m0.PTP +10, m0.PT -10");
    assert_eq!(shop.days(2), 0);
    assert_eq!(shop.days(1), 1);
    assert_eq!(shop.postings(), "m0.PT +7, PTX -7");
    assert_eq!(shop.days(5), 1);
    assert_eq!(shop.postings(), "m0.SVP +9000, m0.SVB +900, BRK -9000, BI -900");
    assert_eq!(shop.balances(member).points, 10);
    assert_eq!(shop.balances(member).stored(), 0);
    shop.audit();
}

#[test]
fn receipts_say_what_a_till_prints() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let receipt = shop.ok(top_up(member, 10_000));
    assert_eq!((receipt.amount, receipt.bonus, receipt.points), (10_000, 1_000, 7));
    assert_eq!((receipt.stored_after, receipt.points_after), (11_000, 7));
    let sale = shop.ok(checkout(
        member,
        &[line(1, 1, 2_000)],
        Pay::Mixed { cash: 898, stored: 1_100, points: 2 },
    ));
    assert_eq!((sale.amount, sale.bonus, sale.points), (2_000, 0, 18 - 2));
    assert_eq!((sale.stored_after, sale.points_after), (9_900, 23));
    let back = shop.ok(refund(&sale, Part::Rest));
    assert_eq!((back.amount, back.points), (2_000, 2 - 18));
    assert_eq!((back.stored_after, back.points_after), (11_000, 7));
}

#[test]
fn a_quote_is_what_the_checkout_costs() {
    let program = program().with_tiers(vec![
        Tier::new(TierId::new(0)).with_discount(Ratio::percent(10)).with_burn(Ratio::times(2)),
    ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    let lines = [line(1, 1, 333), line(2, 3, 111), line(3, 1, 1_000).at_special_price()];
    let quote = shop.ledger.quote(Some(member.into()), &lines).unwrap();
    assert_eq!((quote.list, quote.discount, quote.net), (1_666, 67, 1_599));
    assert_eq!(quote.burn, Ratio::times(2));
    let sale = shop.ok(checkout(member, &lines, Pay::Cash));
    assert_eq!((sale.amount, sale.bonus), (1_599, 67));
    let sold = shop.ledger.sale(sale.sale().unwrap()).unwrap();
    let nets: Vec<i64> = shop.ledger.sale_lines(&sold).map(|line| line.net).collect();
    assert_eq!(nets, [299, 300, 1_000], "the cent that is left goes to the first");
    assert_eq!(shop.ledger.quote(None, &lines).unwrap().net, 1_666);
    assert_eq!(shop.ledger.quote(None, &[]), Err(Rejection::LinesMissing));
}

/// 满减: the greatest threshold that is reached, after the tier, before the coupon.
#[test]
fn a_threshold_takes_off_what_the_total_reaches() {
    let program = program()
        .with_thresholds(vec![Threshold::new(2_000, 200), Threshold::new(5_000, 700)])
        .with_tiers(vec![Tier::new(TierId::new(0)).with_discount(Ratio::percent(10))]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    for (lines, net) in [
        (vec![line(1, 1, 2_222)], 1_800),
        (vec![line(1, 1, 2_221)], 1_999),
        (vec![line(1, 2, 3_000)], 4_700),
        (vec![line(1, 1, 2_000), line(2, 1, 9_000).at_special_price()], 10_800),
    ] {
        assert_eq!(shop.ledger.quote(Some(member.into()), &lines).unwrap().net, net, "{lines:?}");
        let sale = shop.ok(checkout(member, &lines, Pay::Cash));
        assert_eq!(sale.amount, net);
        shop.ok(refund(&sale, Part::Rest));
    }
    assert_eq!(shop.ledger.total(Code::Discount, MONEY), 0);
    shop.audit();
}

/// What a top-up brings in says the receipt, also when it joins a lot that is there.
#[test]
fn a_second_top_up_is_no_points() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    for _ in 0..2 {
        let receipt = shop.ok(top_up(member, 700));
        assert_eq!((receipt.amount, receipt.bonus, receipt.points), (700, 0, 0));
    }
}

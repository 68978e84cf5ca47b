//! The postings of every operation, as a table that runs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;

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

struct Row {
    name: &'static str,
    /// Prepares the shop and gives the last action.
    act: fn(&mut Shop, MemberId) -> Action,
    postings: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        name: "1 issue a card with a fee",
        act: |_, member| Action::IssueCard {
            member,
            card: CardNumber::new(5),
            product: ProductId::new(0),
            expires: Day::NEVER,
            active: false,
            fee: 500,
        },
        postings: "T +500, FEE -500",
    },
    Row {
        name: "2 top up with bonus and points",
        act: |_, member| top_up(member, 10_000),
        postings: "T +10000, BI +1000, m0.SVP -10000, m0.SVB -1000, PTI +7, m0.PT -7",
    },
    Row {
        name: "2 top up below the bonus",
        act: |_, member| top_up(member, 9_999),
        postings: "T +9999, m0.SVP -9999",
    },
    Row {
        name: "3 quick debit, principal and bonus in proportion",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            spend(member, 1_100)
        },
        postings: "m0.SVP +1000, m0.SVB +100, DISC +100, REV -1100, BI -100, PTI +10, m0.PT -10",
    },
    Row {
        name: "4 mixed tender: cash, stored value and points",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(adjust(member, 300));
            checkout(
                member,
                &[line(1, 2, 1_000), line(2, 1, 500)],
                Pay::Mixed { cash: 1_100, stored: 1_100, points: 300 },
            )
        },
        postings: "m0.SVP +1000, m0.SVB +100, T +1100, DISC +100, PROMO +300, REV -2500, \
                   BI -100, m0.PT +300, PTR -300, PTI +21, m0.PT -21",
    },
    Row {
        name: "4 walk-in for cash",
        act: |_, _| Action::Checkout {
            who: None,
            lines: vec![line(1, 3, 333)],
            pay: Pay::Cash,
            extras: Extras::NONE,
        },
        postings: "T +999, REV -999",
    },
    Row {
        name: "4 sale with a coupon and change that stays",
        act: coupon_sale,
        postings: "m0.CP16384 +1, CPU16384 -1, m0.CHG -7, T +2000, DISC +500, REV -2493, PTI +19, \
                   m0.PT -19",
    },
    Row {
        name: "2 top up with a coupon",
        act: |shop, member| {
            let rule = TopUpRule::new(RuleId::new(1), 1).with_coupon(OFF);
            let program = program().with_top_up_rules(vec![rule]);
            shop.ledger.set_program(program.into()).unwrap();
            top_up(member, 500)
        },
        postings: "T +500, m0.SVP -500, CPI16384 +1, m0.CP16384 -1",
    },
    Row {
        name: "6 earn elsewhere",
        act: |_, member| Action::Earn { who: member.into(), base: 12_345, rule: RuleId::new(10) },
        postings: "PTI +123, m0.PT -123",
    },
    Row {
        name: "8 redeem for a reward",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            redeem(member, 120)
        },
        postings: "m0.PT +120, PTR -120",
    },
    Row {
        name: "8 redeem for goods",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            reward(member, 1)
        },
        postings: "m0.PT +40, PTR -40, GIFT32768 +1, SK32768 -1",
    },
    Row {
        name: "8 redeem for a coupon",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            reward(member, 2)
        },
        postings: "m0.PT +10, PTR -10, CPI16384 +1, m0.CP16384 -1",
    },
    Row {
        name: "8 redeem for uses",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            reward(member, 3)
        },
        postings: "m0.PT +30, PTR -30, CNI16 +2, m0.CN16 -2",
    },
    Row {
        name: "8 issue coupons",
        act: |_, member| Action::IssueCoupons { who: member.into(), kind: OFF, count: 2 },
        postings: "CPI16384 +2, m0.CP16384 -2",
    },
    Row {
        name: "11 withdraw coupons",
        act: |shop, member| {
            let coupon = issue_coupon(shop, member);
            Action::WithdrawCoupons { who: member.into(), coupon, reason: 4 }
        },
        postings: "m0.CP16384 +2, CPX16384 -2",
    },
    Row {
        name: "4 sweep change",
        act: |shop, member| {
            let sale = coupon_sale(shop, member);
            shop.ok(sale);
            Action::SweepChange { who: member.into() }
        },
        postings: "m0.CHG +7, m0.SVP -7",
    },
    Row {
        name: "28 goods come in",
        act: |_, _| Action::StockGoods { goods: MUG, quantity: 3 },
        postings: "SK32768 +3, SUP32768 -3",
    },
    Row {
        name: "30 open a balance of stored value",
        act: |_, member| opening(member, Held::Stored, 900, 90),
        postings: "OPEN +900, BI +90, m0.SVP -900, m0.SVB -90",
    },
    Row {
        name: "30 open a balance of points",
        act: |_, member| opening(member, Held::Points, 77, 0),
        postings: "OPEN +77, m0.PT -77",
    },
    Row {
        name: "26 sale on account",
        act: |shop, _| {
            let company = company(shop);
            let extras = Extras::NONE.with_on_account(400);
            let lines = vec![line(1, 1, 1_000)];
            Action::Checkout { who: Some(company.into()), lines, pay: Pay::Cash, extras }
        },
        postings: "m1.AR +400, T +600, REV -1000, PTI +10, m1.PT -10",
    },
    Row {
        name: "17 pay-out, the merchant's doing",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(spend(member, 1_100));
            Action::RefundCard { who: member.into(), cause: RefundCause::Merchant }
        },
        postings: "m0.SVP +9000, m0.SVB +900, T -9000, BI -900",
    },
    Row {
        name: "18 pay-out, the member's wish",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(spend(member, 1_100));
            Action::RefundCard { who: member.into(), cause: RefundCause::Member }
        },
        postings: "m0.SVP +9000, m0.SVB +900, T -8900, REV -100, BI -900",
    },
    Row {
        name: "21 replace a card",
        act: |shop, member| {
            let card = shop.card(member, 5);
            Action::ReplaceCard { card, new: CardNumber::new(6), fee: 300 }
        },
        postings: "T +300, FEE -300",
    },
    Row {
        name: "20 a frozen card",
        act: |shop, member| {
            let card = shop.card(member, 5);
            change(card, CardChange::Freeze)
        },
        postings: "",
    },
    Row {
        name: "22 merge members",
        act: |shop, member| {
            let other = shop.enrol();
            shop.ok(top_up(member, 10_000));
            Action::MergeMembers { from: member, into: other }
        },
        postings: "m0.SVP +10000, m1.SVP -10000, m0.SVB +1000, m1.SVB -1000, m0.PT +7, m1.PT -7",
    },
    Row {
        name: "11 adjust up",
        act: |_, member| adjust(member, 42),
        postings: "PTI +42, m0.PT -42",
    },
    Row {
        name: "11 clear",
        act: |shop, member| {
            shop.ok(adjust(member, 42));
            Action::AdjustPoints { who: member.into(), adjust: Adjust::Clear, reason: 3 }
        },
        postings: "m0.PT +42, PTI -42",
    },
    Row {
        name: "12 sell a package of uses",
        act: |shop, member| package(shop, member, 10, 1_000),
        postings: "T +1000, m0.CTR -1000, CNI16 +10, m0.CN16 -10",
    },
    Row {
        name: "13 take uses of it",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            uses(member, 2)
        },
        postings: "m0.CN16 +2, CNU16 -2, m0.CTR +666, REV -666",
    },
    Row {
        name: "12 return uses that were not taken",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            shop.ok(uses(member, 1));
            Action::ReturnUses { who: member.into(), kind: SWIM, uses: 2 }
        },
        postings: "m0.CN16 +2, CNI16 -2, m0.CTR +667, T -667",
    },
    Row {
        name: "14 hold stored value",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            hold(member, Held::Stored, 2_200, shop.at.time.saturating_add(HOUR))
        },
        postings: "m0.SVP +2000, m0.SVB +200, m0.SVPH -2000, m0.SVBH -200",
    },
    Row {
        name: "14 capture a part of it",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Stored, 2_200, until));
            capture(&held, 1_100)
        },
        postings: "m0.SVPH +2000, m0.SVBH +200, m0.SVP -1000, m0.SVB -100, DISC +100, \
                   REV -1100, BI -100, PTI +10, m0.PT -10",
    },
    Row {
        name: "14 capture points",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Points, 80, until));
            capture(&held, 50)
        },
        postings: "m0.PTH +80, m0.PT -30, PTR -50",
    },
    Row {
        name: "14 void",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Points, 80, until));
            Action::Void { hold: held.hold().unwrap() }
        },
        postings: "m0.PTH +80, m0.PT -80",
    },
    Row {
        name: "15, 16 return with the earned points",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            let sale = shop.ok(spend(member, 1_100));
            refund(&sale, Part::Rest)
        },
        postings: "REV +1100, BI +100, DISC -100, m0.SVP -1000, m0.SVB -100, m0.PT +10, PTI -10",
    },
    Row {
        name: "16 points that were spent meanwhile become a debt",
        act: |shop, member| {
            let sale = shop.ok(checkout(member, &[line(1, 1, 5_000)], Pay::Cash));
            shop.ok(redeem(member, 35));
            refund(&sale, Part::Rest)
        },
        postings: "REV +5000, T -5000, m0.PT +15, m0.PTD +35, PTI -50",
    },
    Row {
        name: "16 the next points pay the debt first",
        act: |shop, member| {
            let sale = shop.ok(checkout(member, &[line(1, 1, 5_000)], Pay::Cash));
            shop.ok(redeem(member, 35));
            shop.ok(refund(&sale, Part::Rest));
            adjust(member, 40)
        },
        postings: "PTI +40, m0.PTD -35, m0.PT -5",
    },
    Row {
        name: "15 return a sale with its coupon",
        act: |shop, member| {
            let sale = coupon_sale(shop, member);
            let sale = shop.ok(sale);
            refund(&sale, Part::Rest)
        },
        postings: "REV +2493, T -1993, DISC -500, CPU16384 +1, m0.CP16384 -1, m0.PT +19, PTI -19",
    },
    Row {
        name: "15 return a reward",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            let sale = shop.ok(reward(member, 1));
            refund(&sale, Part::Rest)
        },
        postings: "PTR +40, m0.PT -40, SK32768 +1, GIFT32768 -1",
    },
    Row {
        name: "15 return a reward of uses",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            let sale = shop.ok(reward(member, 3));
            refund(&sale, Part::Rest)
        },
        postings: "PTR +30, m0.PT -30, m0.CN16 +2, CNI16 -2",
    },
    Row {
        name: "15 return a redemption",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let sale = shop.ok(redeem(member, 60));
            refund(&sale, Part::Amount(20))
        },
        postings: "PTR +20, m0.PT -20",
    },
    Row {
        name: "19 transfer",
        act: |shop, member| {
            let other = shop.enrol();
            shop.ok(top_up(member, 10_000));
            Action::Transfer {
                from: member.into(),
                to: other.into(),
                what: Held::Stored,
                amount: 5_500,
            }
        },
        postings: "m0.SVP +5000, m0.SVB +500, m1.SVP -5000, m1.SVB -500",
    },
];

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

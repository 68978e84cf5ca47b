//! What users of other systems complained of, each as a test; and traps that no other test names.
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

fn program() -> Program {
    Program::sample()
}

/// Buy, earn, return, keep the points: for ever.
#[test]
fn buying_and_returning_gives_no_points() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    for _ in 0..50 {
        let sale = shop.ok(checkout(member, &[line(1, 1, 9_900)], Pay::Cash));
        assert_eq!(shop.balances(member).points, 99);
        shop.ok(refund(&sale, Part::Amount(3_333)));
        shop.ok(refund(&sale, Part::Rest));
        let balances = shop.balances(member);
        assert_eq!((balances.points, balances.points_debt), (0, 0));
    }
    shop.audit();
}

/// Reward lines that earn, rebates on orders paid from a balance that was a rebate.
#[test]
fn what_is_paid_with_points_or_bonus_earns_nothing() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(top_up(member, 50_000)); // 100.00 on top
    shop.ok(adjust(member, 2_000));
    let pay = Pay::Mixed { cash: 0, stored: 6_000, points: 2_000 };
    let sale = shop.ok(checkout(member, &[line(1, 1, 8_000)], pay));
    assert_eq!(sale.points, 50 - 2_000, "50.00 of the 80.00 were paid in");
    shop.audit();
}

/// Points that were spent could be spent again, because each way of earning kept its own count.
#[test]
fn points_that_were_spent_are_gone_whatever_earned_them() {
    let mut shop = Shop::new(
        program().with_top_up_rules(vec![TopUpRule::new(RuleId::new(1), 1).with_points(10)]),
    );
    let member = shop.enrol();
    shop.ok(top_up(member, 100));
    shop.ok(adjust(member, 10));
    shop.ok(Action::Earn { who: member.into(), base: 1_000, rule: RuleId::new(10) });
    shop.ok(checkout(member, &[line(1, 1, 1_000)], Pay::Cash));
    shop.ok(redeem(member, 40));
    assert_eq!(shop.no(redeem(member, 1)), Rejection::InsufficientPoints);
    shop.audit();
}

/// Store credit that was given back twice when a payment failed.
#[test]
fn a_return_that_is_asked_for_twice_pays_once() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(top_up(member, 5_000));
    let sale = shop.ok(spend(member, 5_000));
    let command = shop.command(refund(&sale, Part::Rest));
    let Outcome::Accepted(first) = shop.submit(&command) else { panic!() };
    for _ in 0..3 {
        assert_eq!(shop.submit(&command), Outcome::Duplicate(first));
        assert_eq!(shop.no(refund(&sale, Part::Rest)), Rejection::NothingToDo);
        assert_eq!(shop.no(refund(&sale, Part::Amount(1))), Rejection::RefundExceedsPaid);
    }
    assert_eq!(shop.balances(member).stored(), 5_000);
    shop.audit();
}

/// Points that were paid came back as money.
#[test]
fn points_come_back_as_points() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(adjust(member, 700));
    let pay = Pay::Mixed { cash: 300, stored: 0, points: 700 };
    let sale = shop.ok(checkout(member, &[line(1, 1, 1_000)], pay));
    shop.ok(refund(&sale, Part::Rest));
    assert_eq!(shop.ledger.total(Code::Tender, MONEY), 0, "cash in, the same cash out");
    assert_eq!(shop.balances(member).points, 700);
    shop.audit();
}

/// A return of one cent more than the order, out of rounded lines.
#[test]
fn not_a_cent_more_than_was_paid_comes_back() {
    let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(33));
    let mut shop = Shop::new(program().with_tiers(vec![tier]));
    let member = shop.enrol();
    let lines: Vec<Line> = (1..8).map(|sku| line(sku, 3, 333)).collect();
    let sale = shop.ok(checkout(member, &lines, Pay::Cash));
    let mut back = 0;
    for n in 0..7 {
        for _ in 0..3 {
            back += shop.ok(refund(&sale, Part::Line { line: n, quantity: 1 })).amount;
        }
    }
    assert_eq!(back, sale.amount);
    assert_eq!(shop.no(refund(&sale, Part::Amount(1))), Rejection::RefundExceedsPaid);
    assert_eq!(shop.ledger.total(Code::Discount, MONEY), 0);
    shop.audit();
}

/// Tiers that rose by spending points, or by returned sales.
#[test]
fn a_redemption_is_no_spend() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(adjust(member, 900_000));
    shop.ok(redeem(member, 600_000));
    let sale = shop.ok(checkout(member, &[line(1, 1, 90_000)], Pay::Cash));
    shop.ok(refund(&sale, Part::Rest));
    shop.ok(checkout(member, &[line(1, 1, 90_000)], Pay::Cash));
    let row = shop.ledger.member(member).unwrap();
    assert_eq!(
        (row.tier, row.counters().spend, row.counters().visits),
        (TierId::new(0), 90_000, 1)
    );
    shop.audit();
}

/// Lots that were found by their label never lapsed.
#[test]
fn every_lot_lapses_whatever_brought_it() {
    let expiry = Expiry::Days(10);
    let earn = EarnRule::new(RuleId::new(10), Ratio::percent(1)).with_expiry(expiry);
    let mut shop = Shop::new(
        program()
            .with_stored_expiry(expiry)
            .with_points_expiry(expiry)
            .with_top_up_rules(vec![
                TopUpRule::new(RuleId::new(1), 1).with_points(10).with_bonus(Ratio::percent(10)),
            ])
            .with_earn_rules(vec![earn]),
    );
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(a, 9_000));
    shop.ok(adjust(a, 500));
    shop.ok(Action::Earn { who: a.into(), base: 5_000, rule: RuleId::new(10) });
    let sale = shop.ok(spend(a, 900));
    shop.ok(refund(&sale, Part::Rest));
    for what in [Held::Stored, Held::Points] {
        shop.ok(Action::Transfer { from: a.into(), to: b.into(), what, amount: 50 });
    }
    let keep = Extras::NONE.with_keep_change(5);
    let lines = vec![line(1, 1, 100)];
    shop.ok(Action::Checkout { who: Some(b.into()), lines, pay: Pay::Cash, extras: keep });
    shop.ok(Action::SweepChange { who: b.into() });
    shop.days(11);
    for member in [a, b] {
        let Balances { principal, bonus, points, .. } = shop.balances(member);
        assert_eq!((principal, bonus, points), (0, 0, 0));
        assert_eq!(shop.ledger.lots(member).count(), 0);
    }
    shop.audit();
}

/// Opening points needed an invoice that nobody had written, and lapsed all at once.
#[test]
fn imported_balances_keep_their_dates() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let bring = |what, principal, bonus, expires| Action::OpenBalance {
        member,
        what,
        principal,
        bonus,
        from: Day::new(19_500),
        expires,
    };
    shop.ok(bring(Held::Points, 100, 0, DAY.plus(5)));
    shop.ok(bring(Held::Points, 200, 0, DAY.plus(50)));
    shop.ok(bring(Held::Stored, 1_000, 100, Day::NEVER));
    assert_eq!(shop.no(bring(Held::Points, 1, 1, DAY)), Rejection::AmountNotPositive);
    assert_eq!(shop.no(bring(Held::Points, 1, 0, Day::new(19_999))), Rejection::DateInPast);
    let row = shop.ledger.member(member).unwrap();
    assert_eq!(row.counters(), Counters::default(), "nothing was bought here");
    assert_eq!(shop.ledger.total(Code::Revenue, MONEY), 0);
    assert_eq!((shop.balances(member).points, shop.balances(member).stored()), (300, 1_100));
    let aged = shop.ledger.liability(DAY, POINTS, &[499, 500]);
    let ages: Vec<i128> = aged.rows.iter().map(|row| row.principal).collect();
    assert_eq!(ages, [0, 300, 0], "as old as they are");
    shop.days(6);
    assert_eq!(shop.balances(member).points, 200);
    shop.audit();
}

/// Points that are worth a fraction of a cent left a cent that nobody could pay.
#[test]
fn points_of_any_worth_leave_no_cent_due() {
    let tier = Tier::new(TierId::new(0)).with_burn(Ratio::new(1, 3).unwrap());
    let mut shop = Shop::new(Program::default().with_tiers(vec![tier]));
    let member = shop.enrol();
    shop.ok(adjust(member, 1_000));
    for points in [3, 4, 5, 100] {
        let cash = 100 - points / 3;
        let pay = Pay::Mixed { cash, stored: 0, points };
        let sale = shop.ok(checkout(member, &[line(1, 1, 100)], pay));
        shop.ok(refund(&sale, Part::Amount(1)));
        shop.ok(refund(&sale, Part::Rest));
    }
    let worthless = Pay::Mixed { cash: 100, stored: 0, points: 2 };
    assert_eq!(
        shop.no(checkout(member, &[line(1, 1, 100)], worthless)),
        Rejection::TenderMismatch,
        "two points are worth nothing, so they are not taken"
    );
    assert_eq!(shop.balances(member).points, 1_000);
    shop.audit();
}

/// A return of less than nothing would be a sale that nobody made.
#[test]
fn a_return_of_nothing_or_less_is_refused() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let sale = shop.ok(checkout(member, &[line(1, 2, 500)], Pay::Cash));
    for amount in [0, -1, i64::MIN] {
        assert_eq!(shop.no(refund(&sale, Part::Amount(amount))), Rejection::AmountNotPositive);
    }
    let much = shop.ledger.limits().amount_max + 1;
    assert_eq!(shop.no(refund(&sale, Part::Amount(much))), Rejection::AmountTooLarge);
    let none = Part::Line { line: 0, quantity: 0 };
    assert_eq!(shop.no(refund(&sale, none)), Rejection::QuantityZero);
    let beyond = Part::Line { line: 1, quantity: 0 };
    assert_eq!(
        shop.no(refund(&sale, beyond)),
        Rejection::QuantityZero,
        "before the line is looked up"
    );
    assert_eq!(shop.ledger.sale(sale.sale().unwrap()).unwrap().left(), 1_000);
    shop.audit();
}

/// Trap 13: a hold over several lots, captured in part: the rest goes back to where it was.
#[test]
fn a_hold_captured_in_part_gives_the_rest_back_to_the_same_lots() {
    let mut shop = Shop::new(Program::default().with_stored_expiry(Expiry::Days(9)));
    let member = shop.enrol();
    for _ in 0..3 {
        shop.ok(top_up(member, 1_000));
        shop.skip(1);
    }
    let lots = |shop: &Shop| -> Vec<(i64, Day)> {
        shop.ledger.lots(member).map(|(_, lot)| (lot.principal, lot.expires)).collect()
    };
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(60));
    let held = shop.ok(hold(member, Held::Stored, 2_500, until));
    assert_eq!(lots(&shop), [(500, DAY.plus(11))]);
    shop.ok(capture(&held, 1_200));
    assert_eq!(lots(&shop), [(800, DAY.plus(10)), (1_000, DAY.plus(11))]);
    shop.audit();
}

/// Trap 22: clearing takes what is there when it is booked, not what somebody saw.
#[test]
fn clearing_points_takes_what_is_there_now() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    shop.ok(adjust(member, 100));
    let clear = Action::AdjustPoints { who: member.into(), adjust: Adjust::Clear, reason: 1 };
    let clear = shop.command(clear);
    shop.ok(adjust(member, 11));
    let Outcome::Accepted(receipt) = shop.submit(&clear) else { panic!() };
    assert_eq!((receipt.points, shop.balances(member).points), (-111, 0));
    shop.audit();
}

/// N parameters and not one more.
#[test]
fn parameters_max_at_its_edge() {
    let limits = Limits::default().with_parameters_max(2);
    let mut shop = Shop::with_limits(limits, Program::default());
    let set = |n, value| Action::SetParameter { parameter: ParameterId::new(n), value };
    shop.ok(set(1, 1));
    shop.ok(set(2, 1));
    shop.ok(set(2, 9));
    assert_eq!(shop.no(set(3, 1)), Rejection::ParametersFull);
    shop.audit();
}

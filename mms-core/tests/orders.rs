//! Orders that are parked: put aside, changed, taken up again, given up.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::scheme::{OFF, later};
use common::*;
use mms_core::*;

fn program() -> Program {
    Program::default()
        .with_bundles(vec![Bundle::new(vec![(Sku::new(1), 1), (Sku::new(2), 1)], 300)])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(1))])
}

fn park(shop: &mut Shop, who: Option<Who>, lines: &[Line], pay: Pay) -> OrderId {
    let (lines, until) = (lines.to_vec(), later(shop));
    let extras = Extras::NONE;
    shop.ok(Action::ParkOrder { who, lines, pay, extras, until }).order().unwrap()
}

fn resume(order: OrderId) -> Action {
    Action::ResumeOrder { order, tender: None }
}

/// Nothing is booked while it waits; then it is a sale like others, wherever it is taken up.
#[test]
fn a_parked_order_is_sold_where_it_is_taken_up() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(top_up(member, 50_000));
    let lines = [line(1, 1, 2_000), line(3, 2, 500).at_special_price()];
    let order = park(&mut shop, Some(member.into()), &lines, Pay::Stored);
    assert_eq!(shop.last().postings().count(), 0);
    let parked = shop.ledger.order(order).unwrap();
    assert_eq!((parked.net(), parked.lines().len(), parked.pay), (3_000, 2, Pay::Stored));
    assert_eq!(shop.ledger.quote(Some(member.into()), &lines).unwrap().net, 3_000);
    assert_eq!(shop.balances(member).stored(), 50_000);
    shop.audit();
    shop.store = StoreId::new(2);
    let sale = shop.ok(resume(order));
    assert_eq!((sale.kind, sale.amount, sale.points), (Kind::Sold, 3_000, 30));
    assert_eq!(shop.postings(), "m0.SVP +3000, REV -3000, PTI +30, m0.PT -30");
    assert!(shop.ledger.orders().next().is_none());
    assert_eq!(shop.no(resume(order)), Rejection::OrderUnknown, "sold once");
    shop.ok(refund(&sale, Part::Line { line: 1, quantity: 2 }));
    assert_eq!(shop.balances(member).stored(), 48_000);
    shop.audit();
}

/// Rules may change while an order waits: it costs what they say then, or what they said.
#[test]
fn a_parked_order_is_priced_by_the_policy() {
    for (prices, net) in [(ParkedPrices::AtCheckout, 2_700), (ParkedPrices::AsParked, 3_000)] {
        let mut shop = Shop::new(program());
        let member = shop.enrol();
        let order = park(&mut shop, Some(member.into()), &[line(1, 1, 3_000)], Pay::Cash);
        let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(10));
        let later = program().with_tiers(vec![tier]).with_parked_prices(prices);
        shop.ledger.set_program(later.into()).unwrap();
        let sale = shop.ok(resume(order));
        assert_eq!((sale.amount, sale.bonus), (net, 3_000 - net));
        shop.audit();
    }
}

/// What was taken off is not sold, keeps its number, and takes with it what it had brought others,
/// whatever the policy: nobody keeps the price of a set without the set.
#[test]
fn a_line_that_was_taken_off_takes_its_set_with_it() {
    for prices in [ParkedPrices::AtCheckout, ParkedPrices::AsParked] {
        let mut shop = Shop::new(program().with_parked_prices(prices));
        let lines = [line(1, 1, 1_000), line(2, 1, 2_000), line(3, 1, 5)];
        let order = park(&mut shop, None, &lines, Pay::Cash);
        assert_eq!(shop.ledger.order(order).unwrap().net(), 2_705);
        let void = |line| Action::VoidLine { order, line, reason: 4 };
        shop.ok(void(1));
        assert_eq!(shop.no(void(1)), Rejection::LineUnknown, "it is gone already");
        assert_eq!(shop.no(void(3)), Rejection::LineUnknown);
        let voids: Vec<bool> =
            shop.ledger.order(order).unwrap().lines().iter().map(|row| row.void).collect();
        assert_eq!(voids, [false, true, false]);
        shop.audit();
        let sale = shop.ok(resume(order));
        assert_eq!(sale.amount, 1_005);
        let sold = shop.ledger.sale(sale.sale().unwrap()).unwrap();
        let skus: Vec<u32> = shop.ledger.sale_lines(&sold).map(|line| line.sku.value()).collect();
        assert_eq!(skus, [1, 3]);
        shop.audit();
    }
}

#[test]
fn an_order_without_lines_is_not_sold_and_may_be_given_up() {
    let mut shop = Shop::new(program());
    let order = park(&mut shop, None, &[line(1, 1, 1_000)], Pay::Cash);
    shop.ok(Action::VoidLine { order, line: 0, reason: 1 });
    assert_eq!(shop.no(resume(order)), Rejection::LinesMissing);
    assert_eq!(shop.no(Action::CancelOrder { order, reason: 0 }), Rejection::ReasonMissing);
    shop.ok(Action::CancelOrder { order, reason: 2 });
    assert_eq!(shop.no(Action::CancelOrder { order, reason: 2 }), Rejection::OrderUnknown);
    // What was taken off and given up, by whom and why, stays in the journal.
    let mut log = OperatorLog::new();
    let records: Vec<_> =
        shop.records.iter().map(|bytes| Record::parse(bytes).unwrap().0).collect();
    records.iter().for_each(|record| log.observe(*record));
    let kinds: Vec<Kind> = log.all().iter().map(|row| row.what.unwrap().1).collect();
    assert_eq!(kinds, [Kind::OrderParked, Kind::LineVoided, Kind::OrderCancelled]);
    let facts: Vec<Fact> = records.iter().flat_map(|record| record.facts()).collect();
    assert!(facts.contains(&Fact::LineVoided { order, line: 0, reason: 1 }));
    let end = OrderEnd::Cancelled;
    assert!(facts.contains(&Fact::OrderClosed { order, end, reason: 2 }));
    shop.audit();
}

/// Its time is over whether or not anybody has booked that.
#[test]
fn an_order_ends_by_itself() {
    let mut shop = Shop::new(program());
    let order = park(&mut shop, None, &[line(1, 1, 1_000)], Pay::Cash);
    let until = shop.ledger.order(order).unwrap().until;
    assert_eq!(shop.ledger.next_due().time, Some(until));
    shop.at = At::new(until, shop.at.day);
    assert_eq!(shop.no(resume(order)), Rejection::OrderUnknown);
    assert_eq!(shop.no(Action::VoidLine { order, line: 0, reason: 1 }), Rejection::OrderUnknown);
    assert_eq!(shop.due(), 1);
    assert_eq!(shop.last().head().kind, Kind::OrderEnded);
    assert!(shop.ledger.orders().next().is_none());
    assert_eq!(shop.ledger.next_due().time, None);
    shop.audit();
}

/// The card that was in hand is looked at again: it may be lost by now, or somebody else's.
#[test]
fn a_parked_order_is_paid_by_the_card_as_it_is_now() {
    let mut shop = Shop::new(program());
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(a, 9_000));
    shop.ok(top_up(b, 9_000));
    let card = shop.card(a, 70);
    let order = park(&mut shop, Some(card.into()), &[line(1, 1, 1_000)], Pay::Stored);
    shop.ok(change(card, CardChange::ReportLost));
    assert_eq!(shop.no(resume(order)), Rejection::CardLost);
    shop.ok(change(card, CardChange::WithdrawLoss));
    shop.ok(Action::MoveCard { card, to: b });
    assert_eq!(shop.no(resume(order)), Rejection::CardUnknown);
    shop.ok(Action::MoveCard { card, to: a });
    shop.ok(Action::MergeMembers { from: a, into: b });
    shop.audit();
    let other = Action::ResumeOrder {
        order,
        tender: Some((Pay::Mixed { cash: 400, stored: 600, points: 0 }, Extras::NONE)),
    };
    shop.ok(other);
    assert_eq!(shop.balances(b).stored(), 17_400);
    shop.audit();
}

/// A coupon is looked at when the order is parked, used when it is paid, and may be gone by then.
#[test]
fn a_coupon_of_a_parked_order_is_used_when_it_is_paid() {
    let off = OFF;
    let coupons = vec![CouponRule::new(off, CouponOff::Amount(500))];
    let mut shop = Shop::new(program().with_coupons(coupons));
    let who: Who = shop.enrol().into();
    let coupon = shop.ok(Action::IssueCoupons { who, kind: off, count: 1 }).coupon().unwrap();
    let parked = |shop: &mut Shop| {
        let (lines, until) = (vec![line(1, 1, 3_000)], later(shop));
        let extras = Extras::NONE.with_coupon(coupon).with_keep_change(3);
        let park = Action::ParkOrder { who: Some(who), lines, pay: Pay::Cash, extras, until };
        shop.ok(park).order().unwrap()
    };
    let (first, second) = (parked(&mut shop), parked(&mut shop));
    let sale = shop.ok(resume(first));
    assert_eq!((sale.amount, sale.bonus), (2_500, 500));
    assert_eq!(shop.no(resume(second)), Rejection::CouponUnknown);
    shop.ok(Action::ResumeOrder { order: second, tender: Some((Pay::Cash, Extras::NONE)) });
    shop.audit();
}

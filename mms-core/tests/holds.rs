//! Holds on everything that a member can have.
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

const SWIM: AssetId = AssetId::new(16);

fn program() -> Program {
    Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
        ])
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(500)).with_expiry(Expiry::Days(2)),
        ])
}

fn package(shop: &mut Shop, member: MemberId, uses: i64, price: i64, days: u32) {
    let expires = shop.at.day.plus(days);
    shop.ok(Action::SellPackage { who: member.into(), kind: SWIM, uses, price, expires });
}

fn hold_uses(member: MemberId, uses: i64, until: Timestamp) -> Action {
    Action::HoldUses { who: member.into(), kind: SWIM, uses, until }
}

fn take_uses(member: MemberId, uses: i64) -> Action {
    Action::TakeUses { who: member.into(), kind: SWIM, uses }
}

/// Over two packages: what is captured comes from the one that lapses first, the rest goes back
/// to where it came from, and each use earns its own share of its own price.
#[test]
fn held_uses_are_captured_in_part_and_the_rest_goes_back() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    package(&mut shop, member, 3, 1_000, 10);
    package(&mut shop, member, 7, 999, 20);
    let until = later(&shop);
    let held = shop.ok(hold_uses(member, 5, until));
    assert_eq!(held.amount, 5);
    assert_eq!(shop.ledger.uses(member, SWIM, shop.at.day), 5);
    assert_eq!(shop.ledger.held(member, SWIM), 5);
    assert_eq!(shop.no(take_uses(member, 6)), Rejection::InsufficientUses);
    shop.audit();
    let taken = shop.ok(capture(&held, 4));
    assert_eq!((taken.amount, taken.kind, taken.sale()), (4, Kind::UsesTaken, None));
    assert_eq!(-shop.ledger.total(Code::Revenue, MONEY), 1_000 + 999 / 7);
    assert_eq!(shop.ledger.uses(member, SWIM, shop.at.day), 6);
    assert_eq!(shop.ledger.held(member, SWIM), 0);
    assert_eq!(shop.no(capture(&held, 1)), Rejection::HoldUnknown);
    shop.ok(take_uses(member, 6));
    assert_eq!(-shop.ledger.total(Code::Revenue, MONEY), 1_999);
    assert_eq!(shop.ledger.total(Code::Deferred, MONEY), 0);
    shop.audit();
}

/// A package lapses while a part of it is held: that part stays deferred until the hold ends.
#[test]
fn uses_that_lapse_under_a_hold_are_earned_once() {
    for end in 0..3 {
        let mut shop = Shop::new(program());
        let member = shop.enrol();
        package(&mut shop, member, 3, 1_000, 2);
        let until = shop.at.time.saturating_add(core::time::Duration::from_secs(9 * 86_400));
        let held = shop.ok(hold_uses(member, 2, until));
        shop.skip(3);
        assert_eq!(shop.due(), 1);
        assert_eq!(shop.postings(), "m0.CN16 +1, CNX16 -1, m0.CTR +333, BRK -333");
        let liability = shop.ledger.liability(shop.at.day, SWIM, &[]);
        assert_eq!((liability.rows[0].principal, liability.rows[0].deferred), (2, 667));
        shop.audit();
        match end {
            0 => {
                shop.ok(capture(&held, 2));
                assert_eq!(shop.postings(), "m0.CNH16 +2, CNU16 -2, m0.CTR +667, REV -667");
            }
            1 => {
                shop.ok(capture(&held, 1));
                assert_eq!(
                    shop.postings(),
                    "m0.CNH16 +2, m0.CN16 -1, CNU16 -1, m0.CTR +333, REV -333"
                );
                // What came back has lapsed already.
                assert_eq!(shop.ledger.uses(member, SWIM, shop.at.day), 0);
                assert_eq!(shop.due(), 1);
                assert_eq!(shop.postings(), "m0.CN16 +1, CNX16 -1, m0.CTR +334, BRK -334");
            }
            _ => {
                assert_eq!(shop.days(9), 2, "the hold ends, then the uses lapse");
                assert_eq!(shop.postings(), "m0.CN16 +2, CNX16 -2, m0.CTR +667, BRK -667");
            }
        }
        assert_eq!(shop.ledger.total(Code::Deferred, MONEY), 0);
        let booked = shop.ledger.total(Code::Revenue, MONEY);
        assert_eq!(booked + shop.ledger.total(Code::Breakage, MONEY), -1_000);
        shop.audit();
    }
}

/// A coupon under a hold cannot be used, withdrawn or counted as had; it counts for its pool.
#[test]
fn held_coupons_are_used_or_come_back() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let issue = Action::IssueCoupons { who: member.into(), kind: OFF, count: 3 };
    let coupon = shop.ok(issue).coupon().unwrap();
    let hold = |shop: &Shop, count| {
        let until = later(shop);
        Action::HoldCoupons { who: member.into(), coupon, count, until }
    };
    let action = hold(&shop, 4);
    assert_eq!(shop.no(action), Rejection::InsufficientCoupons);
    let action = hold(&shop, 3);
    let held = shop.ok(action);
    let action = hold(&shop, 1);
    assert_eq!(shop.no(action), Rejection::CouponUnknown, "none is left to be held");
    let withdraw = Action::WithdrawCoupons { who: member.into(), coupon, reason: 1 };
    assert_eq!(shop.no(withdraw), Rejection::CouponUnknown);
    assert_eq!(shop.ledger.held(member, OFF), 3);
    assert_eq!(shop.ledger.coupons(member, shop.at.day).count(), 0);
    assert_eq!(shop.no(Action::MergeMembers { from: member, into: MemberId::new(0) }), {
        Rejection::SameMember
    });
    shop.audit();
    let used = shop.ok(capture(&held, 2));
    assert_eq!((used.kind, used.amount, used.sale()), (Kind::CouponsUsed, 2, None));
    assert_eq!(shop.ledger.held(member, OFF), 0);
    let left: Vec<i64> = shop.ledger.coupons(member, shop.at.day).map(|row| row.2).collect();
    assert_eq!(left, [1]);
    let action = hold(&shop, 1);
    shop.ok(action);
    // Time ends the hold, then the coupon.
    assert_eq!(shop.days(3), 2);
    assert_eq!(shop.ledger.total(Code::CouponsUsed, OFF), -2);
    assert_eq!(shop.ledger.total(Code::CouponsExpired, OFF), -1);
    shop.audit();
}

#[test]
fn a_coupon_that_is_not_valid_today_is_not_held() {
    let later_on = CouponRule::new(OFF, CouponOff::Amount(500)).with_wait_days(2);
    let mut shop = Shop::new(Program::default().with_coupons(vec![later_on]));
    let member = shop.enrol();
    let issue = Action::IssueCoupons { who: member.into(), kind: OFF, count: 1 };
    let coupon = shop.ok(issue).coupon().unwrap();
    let hold = |shop: &Shop| Action::HoldCoupons {
        who: member.into(),
        coupon,
        count: 1,
        until: later(shop),
    };
    let action = hold(&shop);
    assert_eq!(shop.no(action), Rejection::CouponNotValid);
    shop.skip(2);
    let action = hold(&shop);
    shop.ok(action);
    shop.audit();
}

/// Whatever is held keeps a member from being merged: a hold on bonus alone, uses, coupons.
#[test]
fn nobody_is_merged_while_anything_is_held() {
    type Open = fn(&mut Shop, MemberId, Timestamp) -> Action;
    let opens: [Open; 4] = [
        |shop, member, until| {
            shop.ok(top_up(member, 10_000));
            hold(member, Held::Stored, 900, until)
        },
        |shop, member, until| {
            shop.ok(adjust(member, 9));
            hold(member, Held::Points, 9, until)
        },
        |shop, member, until| {
            package(shop, member, 2, 10, 9);
            hold_uses(member, 2, until)
        },
        |shop, member, until| {
            let issue = Action::IssueCoupons { who: member.into(), kind: OFF, count: 1 };
            let coupon = shop.ok(issue).coupon().unwrap();
            Action::HoldCoupons { who: member.into(), coupon, count: 1, until }
        },
    ];
    for open in opens {
        let mut shop = Shop::new(program().with_consumption(Consumption::BonusFirst));
        let (from, into) = (shop.enrol(), shop.enrol());
        let until = later(&shop);
        let open = open(&mut shop, from, until);
        let held = shop.ok(open);
        let merge = Action::MergeMembers { from, into };
        assert_eq!(shop.no(merge.clone()), Rejection::HoldsOpen);
        let close = Action::ChangeMember { member: from, change: MemberChange::Close };
        assert_eq!(shop.no(close), Rejection::BalanceLeft);
        shop.ok(Action::Void { hold: held.hold().unwrap() });
        shop.ok(merge);
        shop.audit();
    }
}

/// Coupons under a hold are still the member's: setting one aside makes no room for another.
#[test]
fn held_coupons_count_among_those_that_a_member_holds() {
    let rule = CouponRule::new(OFF, CouponOff::Amount(500)).with_member_max(1);
    let mut shop = Shop::new(Program::default().with_coupons(vec![rule]));
    let (member, other) = (shop.enrol(), shop.enrol());
    let give = |who: MemberId| Action::IssueCoupons { who: who.into(), kind: OFF, count: 1 };
    let coupon = shop.ok(give(member)).coupon().unwrap();
    let until = later(&shop);
    let held = shop.ok(Action::HoldCoupons { who: member.into(), coupon, count: 1, until });
    assert_eq!(shop.no(give(member)), Rejection::CouponsHeld);
    let theirs = shop.ok(give(other)).coupon().unwrap();
    let send =
        Action::TransferCoupons { from: other.into(), to: member.into(), coupon: theirs, count: 1 };
    assert_eq!(shop.no(send), Rejection::CouponsHeld);
    shop.ok(capture(&held, 1));
    shop.ok(give(member));
    shop.audit();
}

/// Coupons that are over are not in the way of others, whether or not anybody has booked their end.
#[test]
fn coupons_that_are_over_make_room_for_others() {
    for booked in [false, true] {
        let rule = CouponRule::new(OFF, CouponOff::Amount(500)).with_member_max(1);
        let program = Program::default().with_coupons(vec![rule.with_expiry(Expiry::Days(2))]);
        let mut shop = Shop::new(program);
        let (member, other) = (shop.enrol(), shop.enrol());
        let give = |who: MemberId| Action::IssueCoupons { who: who.into(), kind: OFF, count: 1 };
        shop.ok(give(member));
        shop.skip(2);
        assert_eq!(shop.no(give(member)), Rejection::CouponsHeld, "its last day");
        shop.skip(1);
        if booked {
            assert_eq!(shop.due(), 1);
        }
        let coupon = shop.ok(give(other)).coupon().unwrap();
        let (from, to) = (other.into(), member.into());
        shop.ok(Action::TransferCoupons { from, to, coupon, count: 1 });
        assert_eq!(shop.no(give(member)), Rejection::CouponsHeld);
        shop.audit();
    }
}

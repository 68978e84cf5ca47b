//! Members that turn out to be one.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::scheme::{buy, tier, tiers};
use common::*;
use mms_core::*;

/// X17, row 22: everything goes over, with its expiry; the old id and cards lead to the new.
#[test]
fn merged_members_are_one() {
    let program = Program::default()
        .with_tiers(tiers())
        .with_stored_expiry(Expiry::Days(30))
        .with_points_expiry(Expiry::Days(9))
        .with_return_days(40);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    let child = shop.ok(enrol(MemberToken::new(77), Some(b))).member.unwrap();
    let card = shop.card(b, 5);
    shop.ok(top_up(b, 900));
    shop.skip(3);
    shop.ok(top_up(a, 100));
    shop.ok(adjust(b, 40));
    let sale = shop.ok(checkout(b, &[line(1, 1, 700)], Pay::Stored));
    let spent = shop.ok(redeem(b, 40));
    buy(&mut shop, a, 600);
    assert_eq!(tier(&shop, a), 0);
    assert_eq!(shop.no(Action::MergeMembers { from: a, into: child }), Rejection::ReferralTooDeep);
    shop.ok(Action::MergeMembers { from: b, into: a });
    assert_eq!(tier(&shop, a), 1, "6.00 and 7.00");
    assert_eq!((shop.balances(a).stored(), shop.balances(b).stored()), (300, 0));
    let lots: Vec<(i64, Day)> =
        shop.ledger.lots(a).map(|(_, lot)| (lot.principal, lot.expires)).collect();
    assert_eq!(lots, [(200, DAY.plus(30)), (100, DAY.plus(33))]);
    shop.audit();
    // The old names go on.
    shop.ok(spend(card, 10));
    shop.ok(spend(b, 10));
    assert_eq!(shop.ledger.resolve(b), a);
    assert_eq!(shop.ledger.member_by_token(MemberToken::new(2)), Some(a));
    assert_eq!(shop.no(Action::MergeMembers { from: b, into: a }), Rejection::SameMember);
    // What b bought comes back to the lots that a has now; also to one that is empty.
    shop.ok(refund(&sale, Part::Rest));
    shop.ok(refund(&spent, Part::Rest));
    assert_eq!((shop.balances(a).stored(), shop.balances(a).points), (980, 40));
    shop.audit();
    shop.days(60);
    assert_eq!((shop.balances(a).stored(), shop.balances(a).points), (0, 0));
    shop.audit();
}

/// Whoever became the same member is forgotten with it, and what they were called is free again.
#[test]
fn erasing_a_member_erases_those_that_were_merged_into_it() {
    let mut shop = Shop::new(Program::default());
    let members: Vec<MemberId> = (0..3).map(|_| shop.enrol()).collect();
    let tokens: Vec<MemberToken> =
        members.iter().map(|id| shop.ledger.token(*id).unwrap()).collect();
    shop.ok(Action::MergeMembers { from: members[0], into: members[1] });
    shop.ok(Action::MergeMembers { from: members[1], into: members[2] });
    assert!(tokens.iter().all(|token| shop.ledger.member_by_token(*token) == Some(members[2])));
    for change in [MemberChange::Close, MemberChange::Erase] {
        shop.ok(Action::ChangeMember { member: members[0], change });
    }
    for (member, token) in members.iter().zip(tokens) {
        assert_eq!(shop.ledger.member_by_token(token), None);
        assert_eq!(shop.ledger.token(*member).unwrap().value(), 0);
        shop.ok(enrol(token, None));
    }
    shop.audit();
}

/// R23: a term that was paid for is not lost when its member turns out to be another one.
#[test]
fn a_term_goes_over_when_members_are_merged() {
    let (basic, gold, other) = (PlanId::new(0), PlanId::new(7), PlanId::new(8));
    let (soon, late) = (DAY.plus(5), DAY.plus(20));
    let none = (basic, None);
    let table = [
        // The first member's, the second's, and what the second has then.
        ((gold, Some(late)), none, (gold, Some(late))),
        (none, (gold, Some(late)), (gold, Some(late))),
        ((gold, Some(late)), (gold, Some(soon)), (gold, Some(late))),
        ((gold, Some(soon)), (gold, Some(late)), (gold, Some(late))),
        ((gold, Some(soon)), (gold, None), (gold, None)),
        ((gold, Some(late)), (other, Some(soon)), (other, Some(soon))),
        ((gold, Some(late)), (other, Some(DAY)), (gold, Some(late))),
        ((gold, Some(DAY)), (other, None), (other, None)),
    ];
    for (first, second, expected) in table {
        let mut shop = Shop::new(Program::default());
        let (a, b) = (shop.enrol(), shop.enrol());
        for (member, (plan, until)) in [(a, first), (b, second)] {
            if plan != basic {
                let until = until.unwrap_or(Day::NEVER);
                shop.ok(Action::SetTerm { member, plan, until, fee: 100 });
            }
        }
        // Those that ended on the first day are over, and nobody has booked it.
        shop.skip(1);
        shop.ok(Action::MergeMembers { from: a, into: b });
        let plan = shop.ledger.member(b).unwrap().plan;
        assert_eq!((plan, shop.ledger.term(b)), expected, "{first:?} {second:?}");
        assert_eq!(shop.ledger.term(a), expected.1, "the first is the second now");
        shop.audit();
        shop.days(60);
        assert_eq!(shop.ledger.term(b), None);
        shop.audit();
    }
}

/// What becomes of a sale after a merger is booked on who the buyer is now, in the head of the
/// record, too: its version rises, and the receipt says what it has.
#[test]
fn what_time_and_returns_do_after_a_merger_is_about_who_the_member_is_now() {
    let mut shop = Shop::new(Program::default());
    let (old, new) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(old, 1_000));
    let sale = shop.ok(spend(old, 700));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(3_600));
    let lines = vec![line(1, 1, 5)];
    let (who, pay, extras) = (Some(old.into()), Pay::Cash, Extras::NONE);
    shop.ok(Action::ParkOrder { who, lines, pay, extras, until });
    shop.ok(Action::MergeMembers { from: old, into: new });
    let version = |shop: &Shop, member| shop.ledger.member(member).unwrap().version;
    let before = [old, new].map(|member| version(&shop, member));
    let receipt = shop.ok(refund(&sale, Part::Amount(200)));
    assert_eq!((receipt.member, receipt.stored_after), (Some(new), 500));
    assert_eq!([old, new].map(|member| version(&shop, member)), [before[0], before[1] + 1]);
    // Who read the member before the return does not write over it.
    let mut late = shop.command(refund(&sale, Part::Rest));
    late.envelope.expect_version = Some(before[1]);
    assert_eq!(shop.submit(&late), Outcome::Rejected(Rejection::VersionChanged));
    assert_eq!(shop.days(1), 1, "the order ends");
    assert_eq!((shop.last().head().kind, shop.last().head().member), (Kind::OrderEnded, Some(new)));
    shop.audit();
}

/// What somebody gave or a year's business earned is not lost when its member turns out to be another one:
/// of two tiers the higher is kept, with its end, and of two ends the later.
#[test]
fn the_higher_tier_of_two_members_is_kept() {
    let program = || Program::default().with_tiers(tiers());
    // What is given to the first and to the second, what both spend, and what the second has then.
    for (first, second, spend, tier, end) in [
        (Some((3, 50)), None, 0, 3, Some(50)),
        (Some((3, 50)), None, 3_000, 3, Some(50)),
        (Some((1, 50)), None, 3_000, 2, None),
        (Some((3, 50)), Some((3, 20)), 0, 3, Some(50)),
        (Some((3, 20)), Some((3, 50)), 0, 3, Some(50)),
        (Some((2, 50)), Some((3, 20)), 0, 3, Some(20)),
        (Some((0, 50)), Some((1, 20)), 0, 1, Some(20)),
        (None, Some((3, 20)), 3_000, 3, Some(20)),
        (None, Some((0, 20)), 0, 0, Some(20)),
    ] {
        let mut shop = Shop::new(program());
        let members = [shop.enrol(), shop.enrol()];
        let today = shop.at.day;
        for (member, given) in members.into_iter().zip([first, second]) {
            if spend > 0 {
                shop.ok(checkout(member, &[line(1, 1, spend)], Pay::Cash));
            }
            if let Some((tier, days)) = given {
                let (tier, until) = (TierId::new(tier), today.plus(days));
                shop.ok(Action::SetTier { member, tier, until });
            }
        }
        let [from, into] = members;
        shop.ok(Action::MergeMembers { from, into });
        let row = shop.ledger.member(into).unwrap();
        let until = end.map_or(Day::NEVER, |days| today.plus(days));
        let case = format!("{first:?} {second:?} {spend}");
        assert_eq!((row.tier, row.tier_until), (TierId::new(tier), until), "{case}");
        shop.audit();
        // It falls when its time is over, to what both deserve.
        shop.days(60);
        let deserved = if spend > 0 { 2 } else { 0 };
        assert_eq!(shop.ledger.member(into).unwrap().tier, TierId::new(deserved), "{case}");
        shop.audit();
    }
}

/// A tier that a later program no longer has is lower than all of its tiers: it takes nobody's place.
#[test]
fn a_tier_that_the_program_lacks_does_not_go_over() {
    let mut shop = Shop::new(Program::default().with_tiers(tiers()));
    let [from, into] = [shop.enrol(), shop.enrol()];
    let (tier, until) = (TierId::new(3), shop.at.day.plus(50));
    shop.ok(Action::SetTier { member: from, tier, until });
    let snapshot = shop.ledger.snapshot(JournalPosition::START);
    let mut later = tiers();
    later.truncate(3);
    shop.ledger = ledger(Limits::default(), Program::default().with_tiers(later));
    shop.ledger.restore(Snapshot::parse(&snapshot).unwrap()).unwrap();
    shop.ok(Action::MergeMembers { from, into });
    let row = shop.ledger.member(into).unwrap();
    assert_eq!((row.tier, row.tier_until), (TierId::new(0), Day::NEVER));
}

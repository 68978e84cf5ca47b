//! Tiers that are reviewed or given, cards that are renewed or change hands, stored value paid
//! out, members that are forgotten.
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

/// R25, R26, X7: the window moves on, and each policy does with a tier what it says.
#[test]
fn a_tier_is_kept_while_the_window_holds_enough_and_falls_by_the_policy() {
    for (policy, after) in
        [(Downgrade::Never, [2, 2]), (Downgrade::OneDown, [1, 0]), (Downgrade::ToDeserved, [0, 0])]
    {
        let program = Program::default()
            .with_tiers(tiers())
            .with_tier_window(3)
            .with_tier_review(Expiry::MonthEnd(2), policy);
        let mut shop = Shop::new(program); // 2024-10-04
        let member = shop.enrol();
        buy(&mut shop, member, 3_000);
        assert_eq!(tier(&shop, member), 1);
        shop.days(31); // November
        buy(&mut shop, member, 2_000);
        assert_eq!(tier(&shop, member), 2);
        let row = shop.ledger.member(member).unwrap();
        assert_eq!(
            (row.tier_until.to_string().as_str(), row.tier_how),
            ("2025-01-31", TierHow::Earned)
        );
        assert_eq!(row.counters_in(row.since.month() + 1, 3).spend, 5_000);
        assert_eq!(row.counters_in(row.since.month() + 1, 1).spend, 2_000);
        assert_eq!(shop.ledger.next_due().day, Some(row.tier_until.plus(1)));
        shop.days(88); // 2025-01-31, its last day
        assert_eq!(tier(&shop, member), 2);
        shop.days(1);
        // November to January have 20.00: enough for the first tier, not for the second.
        let expected = if policy == Downgrade::ToDeserved { 1 } else { after[0] };
        assert_eq!(tier(&shop, member), expected, "{policy:?}");
        shop.days(100);
        assert_eq!(tier(&shop, member), after[1], "{policy:?}");
        shop.audit();
    }
}

/// Trap 9: what is returned is missing in the month of the sale, and a return does not make a
/// tier flicker: it is reviewed on its day.
#[test]
fn a_return_lowers_the_window_of_the_original_sale() {
    let program = Program::default()
        .with_tiers(tiers())
        .with_tier_window(1)
        .with_tier_review(Expiry::MonthEnd(1), Downgrade::ToDeserved)
        .with_return_days(60);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    let month = shop.at.day.month();
    let sale = buy(&mut shop, member, 1_200);
    shop.days(31);
    buy(&mut shop, member, 1_000);
    shop.ok(refund(&sale, Part::Rest));
    let row = shop.ledger.member(member).unwrap();
    assert_eq!(row.counters_in(month, 1).spend, 0);
    assert_eq!(row.counters_in(month + 1, 1).spend, 1_000);
    assert_eq!(tier(&shop, member), 1);
    shop.days(27); // the end of November: that month still suffices
    assert_eq!(tier(&shop, member), 1);
    shop.audit();
}

/// When a review is booked does not matter: the counters are those of the tier's last day.
#[test]
fn a_late_review_comes_to_the_same_as_one_in_time() {
    let run = |late: bool, keep: Expiry, policy: Downgrade| {
        let program = Program::default()
            .with_tiers(tiers())
            .with_tier_window(2)
            .with_tier_review(keep, policy);
        let mut shop = Shop::new(program);
        let member = shop.enrol();
        buy(&mut shop, member, 6_000);
        for _ in 0..30 {
            shop.skip(7);
            if !late {
                shop.due();
            }
        }
        shop.due();
        shop.audit();
        let row = shop.ledger.member(member).unwrap();
        (tier(&shop, member), row.tier_until, row.tier_how)
    };
    // Many reviews are due at once: terms of months, of days that end within a month, of a day.
    for keep in [Expiry::MonthEnd(1), Expiry::MonthEnd(0), Expiry::Days(45), Expiry::Days(0)] {
        for policy in [Downgrade::OneDown, Downgrade::ToDeserved, Downgrade::Never] {
            assert_eq!(run(false, keep, policy), run(true, keep, policy), "{keep:?} {policy:?}");
        }
    }
}

#[test]
fn a_tier_by_hand_ends_on_its_day() {
    let program = Program::default()
        .with_tiers(tiers())
        .with_tier_review(Expiry::MonthEnd(12), Downgrade::Never);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    buy(&mut shop, member, 1_000);
    let until = shop.at.day.plus(10);
    shop.ok(Action::SetTier { member, tier: TierId::new(3), until });
    assert_eq!(tier(&shop, member), 3);
    buy(&mut shop, member, 4_000);
    assert_eq!(tier(&shop, member), 3, "it is the highest");
    shop.days(10);
    assert_eq!(tier(&shop, member), 3);
    shop.days(1);
    assert_eq!(tier(&shop, member), 2, "what was earned meanwhile");
    let low = Action::SetTier { member, tier: TierId::new(0), until: shop.at.day.plus(5) };
    shop.ok(low);
    assert_eq!(tier(&shop, member), 0);
    shop.days(6);
    assert_eq!(tier(&shop, member), 2);
    shop.audit();
}

#[test]
fn a_card_is_renewed_for_a_fee_and_may_change_hands() {
    let mut shop = Shop::new(Program::default());
    let (a, b) = (shop.enrol(), shop.enrol());
    let card = CardNumber::new(7);
    shop.ok(Action::IssueCard {
        member: a,
        card,
        product: ProductId::new(1),
        expires: DAY.plus(3),
        active: true,
        fee: 0,
    });
    shop.ok(top_up(card, 500));
    shop.days(4);
    assert_eq!(shop.no(spend(card, 1)), Rejection::CardExpired);
    shop.ok(Action::RenewCard { card, expires: DAY.plus(400), fee: 1_500 });
    assert_eq!(shop.postings(), "T +1500, FEE -1500");
    shop.ok(spend(card, 1));
    let earlier = Action::RenewCard { card, expires: DAY.plus(300), fee: 0 };
    assert_eq!(shop.no(earlier), Rejection::ChangeNotAllowed);
    shop.ok(Action::MoveCard { card, to: b });
    assert_eq!(shop.no(spend(card, 1)), Rejection::InsufficientStored, "value stays with members");
    assert_eq!(shop.no(Action::MoveCard { card, to: b }), Rejection::SameMember);
    assert_eq!(shop.ledger.cards_of(b).count(), 1);
    assert_eq!(shop.balances(a).stored(), 499);
    shop.audit();
}

fn generous() -> Program {
    Program::default().with_top_up_rules(vec![
        TopUpRule::new(RuleId::new(1), 1).with_bonus(Ratio::new(1, 3).unwrap()),
    ])
}

/// R48, row 17: 3,000.00 and a third on top; 3,594.00 spent is 2,695.50 of what was paid.
#[test]
fn when_the_merchant_is_the_cause_the_unspent_share_is_paid_out() {
    let mut shop = Shop::new(generous());
    let member = shop.enrol();
    shop.ok(top_up(member, 300_000));
    shop.ok(spend(member, 359_400));
    let receipt = shop.ok(Action::RefundCard { who: member.into(), cause: RefundCause::Merchant });
    assert_eq!(receipt.amount, 30_450);
    assert_eq!(shop.postings(), "m0.SVP +30450, m0.SVB +10150, T -30450, BI -10150");
    assert_eq!(shop.balances(member).stored(), 0);
    shop.ok(Action::ChangeMember { member, change: MemberChange::Close });
    shop.audit();
}

/// A pay-out is of stored value and of nothing else: points, a coupon and the commission that came with
/// a top-up stay until somebody takes them back by hand, each by its own command, with a reason.
#[test]
fn a_pay_out_leaves_what_a_top_up_brought_besides_to_who_pays_out() {
    let kind = AssetId::new(16_384);
    let rule = TopUpRule::new(RuleId::new(1), 1).with_points(50).with_coupon(kind);
    let program = Program::default()
        .with_top_up_rules(vec![rule])
        .with_coupons(vec![CouponRule::new(kind, CouponOff::Amount(500))])
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3)).with_on_top_up(Ratio::percent(1)),
        ]);
    for cause in [RefundCause::Merchant, RefundCause::Member] {
        let mut shop = Shop::new(program.clone());
        let member = shop.enrol();
        let command = shop.command(top_up(member, 10_000)).by(ActorId::new(9), TerminalId::new(1));
        let Outcome::Accepted(_) = shop.submit(&command) else { panic!() };
        let owed = shop.ledger.total(Code::Commission, MONEY);
        assert_ne!(owed, 0);
        assert_eq!(shop.ok(Action::RefundCard { who: member.into(), cause }).amount, 10_000);
        assert_eq!(shop.postings(), "m0.SVP +10000, T -10000");
        let balances = shop.balances(member);
        assert_eq!((balances.stored(), balances.points, balances.points_debt), (0, 50, 0));
        assert_eq!(shop.ledger.total(Code::Commission, MONEY), owed);
        assert_eq!(shop.ledger.member(member).unwrap().counters().top_up, 10_000);
        let coupon = shop.ledger.coupons(member, shop.at.day).next().unwrap().0;
        let who = member.into();
        shop.ok(Action::AdjustPoints { who, adjust: Adjust::Take(50), reason: 4 });
        shop.ok(Action::WithdrawCoupons { who, coupon, reason: 4 });
        assert_eq!(shop.balances(member).points, 0);
        assert_eq!(shop.ledger.coupons(member, shop.at.day).count(), 0);
        shop.audit();
    }
}

/// R48, row 18: what was paid, less what was consumed at list price, and not below zero.
#[test]
fn when_the_member_is_the_cause_list_price_counts() {
    let cash_out =
        |member: MemberId| Action::RefundCard { who: member.into(), cause: RefundCause::Member };
    let mut shop = Shop::new(generous());
    let member = shop.enrol();
    shop.ok(top_up(member, 3_000));
    shop.ok(spend(member, 1_000));
    assert_eq!(shop.ok(cash_out(member)).amount, 2_000);
    assert_eq!(shop.postings(), "m0.SVP +2250, m0.SVB +750, T -2000, REV -250, BI -750");
    shop.audit();

    // Nothing is due when more was consumed than paid.
    let mut shop = Shop::new(generous());
    let member = shop.enrol();
    shop.ok(top_up(member, 3_000));
    shop.ok(spend(member, 3_600));
    assert_eq!(shop.ok(cash_out(member)).amount, 0);
    assert_eq!(shop.postings(), "m0.SVP +300, m0.SVB +100, REV -300, BI -100");
    assert_eq!(shop.no(cash_out(member)), Rejection::NothingToDo);
    shop.audit();

    // A discount that the card gave is consumed, too; and what was returned is not.
    let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(20));
    let mut shop = Shop::new(Program::default().with_tiers(vec![tier]));
    let member = shop.enrol();
    shop.ok(top_up(member, 3_000));
    let sale = shop.ok(checkout(member, &[line(1, 4, 333)], Pay::Stored));
    assert_eq!(sale.amount, 1_066);
    let lot = |shop: &Shop| shop.ledger.lots(member).next().map(|(_, lot)| lot.consumed);
    assert_eq!(lot(&shop), Some(1_332));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    shop.ok(refund(&sale, Part::Amount(7)));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    assert!(lot(&shop).is_some_and(|consumed| (655..=668).contains(&consumed)), "{:?}", lot(&shop));
    shop.ok(refund(&sale, Part::Rest));
    assert_eq!(lot(&shop), Some(0));
    shop.ok(checkout(member, &[line(1, 1, 500)], Pay::Stored));
    assert_eq!(shop.ok(cash_out(member)).amount, 2_500);
    shop.audit();
}

/// Stored value that was sent on gives no more in a pay-out than it would have given before: what was
/// consumed of it at list price goes along, in whatever parts it is sent.
#[test]
fn what_was_consumed_at_list_price_goes_along_with_what_is_sent() {
    let cash_out =
        |member: MemberId| Action::RefundCard { who: member.into(), cause: RefundCause::Member };
    let send = |from: MemberId, to: MemberId, amount| Action::Transfer {
        from: from.into(),
        to: to.into(),
        what: Held::Stored,
        amount,
    };
    for parts in [&[3_000][..], &[1, 998, 1], &[7, 7, 7, 7, 7]] {
        let mut shop = Shop::new(generous());
        let (member, friend) = (shop.enrol(), shop.enrol());
        shop.ok(top_up(member, 3_000));
        shop.ok(spend(member, 1_000));
        for part in parts {
            shop.ok(send(member, friend, *part));
        }
        let mut paid = shop.ok(cash_out(friend)).amount;
        if parts != [3_000] {
            paid += shop.ok(cash_out(member)).amount;
        }
        assert_eq!(paid, 2_000, "sent as {parts:?}, and what was consumed was 1,000");
        shop.audit();
    }
    // Discounts count as well, and sending it back gives nothing either.
    let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(20));
    let mut shop = Shop::new(Program::default().with_tiers(vec![tier]));
    let (member, friend) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(member, 1_000));
    shop.ok(checkout(member, &[line(1, 1, 1_000)], Pay::Stored));
    shop.ok(send(member, friend, 200));
    shop.ok(send(friend, member, 50));
    for who in [member, friend] {
        assert_eq!(shop.ok(cash_out(who)).amount, 0);
    }
    // What was never touched is paid out whole, wherever it went.
    shop.ok(top_up(member, 500));
    shop.ok(send(member, friend, 500));
    assert_eq!(shop.ok(cash_out(friend)).amount, 500);
    shop.audit();
}

/// Uses that were sent on and then returned lower what their owner has spent, and not below nothing
/// what somebody spent who never bought any; the money that came back was not spent by anybody.
#[test]
fn uses_that_are_sent_on_take_what_was_spent_on_them_along() {
    for window in [false, true] {
        let program = Program::default();
        let program = if window { program.with_tier_window(12) } else { program };
        let mut shop = Shop::new(program);
        let (buyer, friend) = (shop.enrol(), shop.enrol());
        let (kind, expires) = (AssetId::new(16), shop.at.day.plus(99));
        let uses = |who: MemberId, uses| Action::ReturnUses { who: who.into(), kind, uses };
        let send =
            |uses| Action::TransferUses { from: buyer.into(), to: friend.into(), kind, uses };
        let spent = |shop: &Shop, day: Day| {
            [buyer, friend].map(|who| {
                let member = shop.ledger.member(who).unwrap();
                let month = member.counters_in(day.month(), 1).spend;
                let all = member.counters().spend;
                assert!(!window || day.month() == shop.at.day.month() || month == all);
                all
            })
        };
        let bought = shop.at.day;
        shop.ok(Action::SellPackage { who: buyer.into(), kind, uses: 10, price: 1_000, expires });
        shop.ok(Action::TakeUses { who: buyer.into(), kind, uses: 3 });
        shop.days(40);
        shop.ok(send(6));
        assert_eq!(spent(&shop, bought), [400, 600], "in months: {window}");
        assert_eq!(shop.ok(uses(friend, 6)).amount, 600);
        assert_eq!(spent(&shop, bought), [400, 0]);
        assert_eq!(shop.ok(uses(buyer, 1)).amount, 100);
        assert_eq!(spent(&shop, bought), [300, 0], "what was used stays spent");
        shop.audit();
    }
}

/// X11: who was erased cannot be found, and history stays as it was.
#[test]
fn an_erased_member_leaves_a_number_that_leads_nowhere() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let erase = Action::ChangeMember { member, change: MemberChange::Erase };
    assert_eq!(shop.no(erase.clone()), Rejection::ChangeNotAllowed, "close it first");
    shop.ok(Action::ChangeMember { member, change: MemberChange::Close });
    shop.ok(erase.clone());
    assert_eq!(shop.ledger.member_by_token(MemberToken::new(1)), None);
    assert_eq!(shop.ledger.token(member).unwrap(), MemberToken::new(0));
    assert_eq!(shop.no(erase), Rejection::MemberClosed);
    assert_eq!(shop.no(top_up(member, 1)), Rejection::MemberClosed);
    assert_eq!(shop.ledger.seq(), Seq::new(3));
    shop.audit();
}

/// The caps of the preset, at N and one more.
#[test]
fn a_law_may_cap_what_a_card_holds() {
    let limits = Limits::cn_single_purpose();
    let mut shop = Shop::with_limits(limits, Program::default());
    let member = shop.enrol();
    let bearer = Action::Enrol {
        token: MemberToken::new(9),
        kind: MemberKind::Bearer,
        plan: PlanId::new(0),
        referrer: None,
    };
    let bearer = shop.ok(bearer).member.unwrap();
    assert_eq!((limits.stored_max, limits.bearer_stored_max), (500_000, 100_000));
    shop.ok(top_up(member, limits.stored_max));
    assert_eq!(shop.no(top_up(member, 1)), Rejection::StoredFull);
    shop.ok(top_up(bearer, limits.bearer_stored_max - 1));
    assert_eq!(shop.no(top_up(bearer, 2)), Rejection::StoredFull);
    let send = |amount| Action::Transfer {
        from: member.into(),
        to: bearer.into(),
        what: Held::Stored,
        amount,
    };
    assert_eq!(shop.no(send(2)), Rejection::StoredFull);
    shop.ok(send(1));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(5));
    shop.ok(hold(bearer, Held::Stored, 100_000, until));
    assert_eq!(shop.no(top_up(bearer, 1)), Rejection::StoredFull, "what is held counts");
    shop.audit();
}

/// Law I7: a coupon that lapsed cannot be given back for the points, booked as lapsed or not.
#[test]
fn a_reward_that_has_lapsed_is_not_taken_back_whenever_that_is_booked() {
    for book in [false, true] {
        let kind = AssetId::new(16_384);
        let program = Program::default()
            .with_coupons(vec![
                CouponRule::new(kind, CouponOff::Amount(500)).with_expiry(Expiry::Days(3)),
            ])
            .with_rewards(vec![Reward::new(RewardId::new(1), 10, Gives::Coupon(kind))]);
        let mut shop = Shop::new(program);
        let member = shop.enrol();
        shop.ok(adjust(member, 10));
        let reward = Action::Reward { who: member.into(), reward: RewardId::new(1), quantity: 1 };
        let given = shop.ok(reward);
        shop.skip(4);
        if book {
            shop.due();
        }
        assert_eq!(shop.no(refund(&given, Part::Rest)), Rejection::GivenAway);
        shop.audit();
    }
}

/// R23: a term is set, renewed, ends by time and is told of; a plan without end has none.
#[test]
fn a_membership_has_a_term_that_is_renewed_or_ends() {
    let reminder = ReminderRule::new(RuleId::new(5), Remind::TermEnds, 3);
    let mut shop = Shop::new(Program::default().with_reminders(vec![reminder]));
    let (a, b) = (shop.enrol(), shop.enrol());
    let set = |member, until, fee| Action::SetTerm { member, plan: PlanId::new(7), until, fee };
    assert_eq!(shop.no(set(a, Day::new(0), 0)), Rejection::DateInPast);
    shop.ok(set(a, DAY.plus(5), 100));
    shop.ok(set(b, DAY.plus(4), 0));
    assert_eq!(shop.ledger.member(a).unwrap().plan, PlanId::new(7));
    shop.ok(set(b, Day::NEVER, 0));
    assert_eq!((shop.ledger.term(a), shop.ledger.term(b)), (Some(DAY.plus(5)), None));
    assert_eq!(shop.ledger.terms_ending(DAY, DAY.plus(9)).count(), 1);
    shop.days(2);
    let told = |shop: &Shop, wanted: Notice| {
        let records = shop.records.iter().map(|bytes| Record::parse(bytes).unwrap().0);
        let notices = records.flat_map(|record| shop.ledger.notices(record).collect::<Vec<_>>());
        notices.into_iter().filter(|notice| *notice == wanted).count()
    };
    let what = RemindKind::TermEnds;
    let rule = RuleId::new(5);
    let reminder = Notice::Reminder { member: a, rule, what, day: DAY.plus(5), amount: 0 };
    assert_eq!(told(&shop, reminder), 1);
    shop.audit();
    shop.ok(set(a, DAY.plus(6), 100));
    shop.days(4);
    assert_eq!(shop.ledger.term(a), Some(DAY.plus(6)), "its last day is a day of it");
    shop.days(1);
    assert_eq!(shop.ledger.term(a), None);
    assert_eq!(told(&shop, Notice::TermEnded { member: a, until: DAY.plus(6) }), 1);
    shop.ok(set(a, DAY.plus(20), 0));
    shop.ok(Action::MergeMembers { from: a, into: b });
    assert_eq!(shop.ledger.term(a), None, "no end is the latest");
    assert_eq!(-shop.ledger.total(Code::Fee, MONEY), 200);
    shop.audit();
}

/// I19: uses that are given back lower the counters of the month in which they were bought.
#[test]
fn a_package_that_is_given_back_counts_in_the_month_in_which_it_was_sold() {
    let program = Program::default()
        .with_tiers(tiers())
        .with_tier_window(2)
        .with_tier_review(Expiry::MonthEnd(0), Downgrade::ToDeserved);
    let mut shop = Shop::new(program); // 2024-10-04
    let member = shop.enrol();
    let (who, kind, expires) = (Who::Member(member), AssetId::new(16), Day::NEVER);
    let package = |uses, price| Action::SellPackage { who, kind, uses, price, expires };
    let october = shop.at.day.month();
    shop.ok(package(2, 1_000));
    shop.days(31);
    shop.ok(package(4, 1_200));
    buy(&mut shop, member, 900);
    let spend =
        |shop: &Shop, month| shop.ledger.member(member).unwrap().counters_in(month, 1).spend;
    assert_eq!([0, 1].map(|more| spend(&shop, october + more)), [1_000, 2_100]);
    // Both of the first, and one of the second.
    assert_eq!(shop.ok(Action::ReturnUses { who, kind, uses: 3 }).amount, 1_300);
    assert_eq!([0, 1].map(|more| spend(&shop, october + more)), [0, 1_800]);
    assert_eq!(shop.ledger.member(member).unwrap().counters().spend, 1_800);
    shop.days(40); // December: October counts no more
    assert_eq!(tier(&shop, member), 1);
    shop.audit();
}

/// What is over takes no room under a cap, whether or not anybody has booked its end.
#[test]
fn stored_value_that_is_over_takes_no_room() {
    for booked in [false, true] {
        let limits = Limits::default().with_stored_max(1_000);
        let program = Program::default().with_stored_expiry(Expiry::Days(3));
        let mut shop = Shop::with_limits(limits, program);
        let member = shop.enrol();
        shop.ok(top_up(member, 800));
        shop.skip(1);
        shop.ok(top_up(member, 200));
        shop.skip(2);
        assert_eq!(shop.no(top_up(member, 1)), Rejection::StoredFull);
        shop.skip(1);
        if booked {
            assert_eq!(shop.due(), 1);
        }
        assert_eq!(shop.no(top_up(member, 801)), Rejection::StoredFull);
        shop.ok(top_up(member, 800));
        shop.audit();
    }
}

//! What a sale means for others: referrers, sellers, other stores, and those who pay later.
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

fn chain(shop: &mut Shop, length: u128) -> Vec<MemberId> {
    let mut chain: Vec<MemberId> = Vec::new();
    for n in 0..length {
        let above = chain.last().copied();
        chain.push(shop.ok(enrol(MemberToken::new(n + 1), above)).member.unwrap());
    }
    chain
}

fn referral() -> Program {
    Program::default()
        .with_referral(vec![
            ReferralRule::new(1, 100)
                .with_on_spend(Ratio::percent(2))
                .with_on_top_up(Ratio::percent(1)),
            ReferralRule::new(2, 30).with_on_spend(Ratio::percent(1)),
        ])
        .with_points_expiry(Expiry::Days(90))
        .with_return_days(7)
}

/// R119, R120, row 23: level by level, capped, pending until the sale can no longer be returned.
#[test]
fn referrers_are_rewarded_level_by_level_once_the_sale_is_final() {
    let mut shop = Shop::new(referral());
    let line_of = chain(&mut shop, 4);
    let buyer = line_of[3];
    shop.ok(checkout(buyer, &[line(1, 1, 2_000)], Pay::Cash));
    assert_eq!(shop.postings(), "T +2000, REV -2000, PTI +40, m2.PTP -40, PTI +20, m1.PTP -20");
    shop.ok(checkout(buyer, &[line(1, 1, 9_000)], Pay::Cash));
    let pending: Vec<i64> =
        line_of.iter().map(|member| shop.balances(*member).points_pending).collect();
    assert_eq!(pending, [0, 50, 140, 0], "30 and 100 at most for one sale");
    assert_eq!(shop.ledger.lots(line_of[2]).count(), 1, "what waits for one day waits together");
    shop.ok(top_up(buyer, 700));
    assert_eq!(shop.balances(line_of[2]).points, 7, "a top-up is final");
    shop.days(7);
    assert_eq!(shop.balances(line_of[2]).points, 7);
    shop.days(1);
    assert_eq!(shop.balances(line_of[2]).points, 147);
    shop.audit();
}

/// One event rewards a referrer with `event_max` at most.
#[test]
fn one_sale_rewards_a_referrer_only_so_far() {
    let rule = ReferralRule::new(1, 100).with_on_spend(Ratio::percent(2));
    for (price, points) in [(4_950, 99), (5_000, rule.event_max), (5_050, rule.event_max)] {
        let mut shop = Shop::new(Program::default().with_referral(vec![rule]));
        let line_of = chain(&mut shop, 2);
        shop.ok(checkout(line_of[1], &[line(1, 1, price)], Pay::Cash));
        let balances = shop.balances(line_of[0]);
        assert_eq!(balances.points + balances.points_pending, points);
    }
}

/// Trap 8: reward on a sale that is returned: no partition of returns leaves a point.
#[test]
fn rewards_of_referrers_go_back_with_the_sale() {
    for parts in [vec![2_000], vec![1, 999, 500, 500], vec![333, 333, 333, 1_001]] {
        let mut shop = Shop::new(referral());
        let line_of = chain(&mut shop, 3);
        let sale = shop.ok(checkout(line_of[2], &[line(1, 1, 2_000)], Pay::Cash));
        for part in parts {
            shop.ok(refund(&sale, Part::Amount(part)));
        }
        for member in &line_of {
            let balances = shop.balances(*member);
            assert_eq!((balances.points_pending, balances.points_debt), (0, 0));
        }
        assert_eq!(shop.ledger.total(Code::PointsIssued, POINTS), 0);
        shop.audit();
    }
}

/// Trap 8: nobody stands above itself, nobody is paid for recruiting, and the line is bounded.
#[test]
fn a_line_of_referrers_has_an_end() {
    let mut shop = Shop::new(referral());
    let line_of = chain(&mut shop, 4);
    assert_eq!(shop.ledger.total(Code::PointsIssued, POINTS), 0, "nothing for recruiting");
    let fifth = enrol(MemberToken::new(50), Some(line_of[3]));
    assert_eq!(shop.no(fifth), Rejection::ReferralTooDeep);
    let unknown = enrol(MemberToken::new(50), Some(MemberId::new(4)));
    assert_eq!(shop.no(unknown), Rejection::ReferrerUnknown, "not even itself");
    // A merger cannot make a circle, and closed referrers get nothing.
    for (from, into) in [(0, 1), (0, 3), (1, 3)] {
        let merge = Action::MergeMembers { from: line_of[from], into: line_of[into] };
        assert_eq!(shop.no(merge), Rejection::ReferralTooDeep);
    }
    shop.ok(Action::MergeMembers { from: line_of[2], into: line_of[0] });
    shop.ok(checkout(line_of[3], &[line(1, 1, 2_000)], Pay::Cash));
    assert_eq!(shop.postings(), "T +2000, REV -2000, PTI +40, m0.PTP -40");
    let rule = |level| Program::default().with_referral(vec![ReferralRule::new(level, 1)]);
    assert_eq!(rule(4).validate(), Err(ProgramError::Levels));
    assert_eq!(rule(0).validate(), Err(ProgramError::Levels));
    shop.audit();
}

fn by(shop: &mut Shop, actor: u32, action: Action) -> Receipt {
    let command = shop.command(action).by(ActorId::new(actor), TerminalId::new(1));
    match shop.submit(&command) {
        Outcome::Accepted(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

/// R156, R157, row 24: by the tier of the member, on sales, top-ups and cards; given money pays
/// none; and it goes back with its sale, in whatever parts (I21).
#[test]
fn sellers_get_a_commission_that_goes_back_with_the_sale() {
    let gold = Tier::new(TierId::new(1)).with_qualify(Qualify::default().with_spend(5_000));
    let program = Program::default()
        .with_tiers(vec![Tier::new(TierId::new(0)), gold])
        .with_top_up_rules(vec![TopUpRule::new(RuleId::new(1), 1).with_bonus(Ratio::percent(50))])
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3))
                .with_on_stored(Ratio::percent(1))
                .with_on_top_up(Ratio::percent(2))
                .with_on_card(500),
            CommissionRule::new(Ratio::percent(5)).with_tier(TierId::new(1)),
        ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    by(&mut shop, 7, issue(member, CardNumber::new(5)));
    assert_eq!(shop.postings(), "COMX +500, a7.COM -500");
    by(&mut shop, 7, top_up(member, 1_000));
    assert_eq!(
        shop.postings(),
        "T +1000, BI +500, m0.SVP -1000, m0.SVB -500, COMX +20, a7.COM -20"
    );
    by(&mut shop, 7, spend(member, 300));
    assert_eq!(
        shop.postings(),
        "m0.SVP +200, m0.SVB +100, DISC +100, REV -300, BI -100, COMX +2, a7.COM -2"
    );
    let sale = by(&mut shop, 8, checkout(member, &[line(1, 3, 1_699)], Pay::Cash));
    assert_eq!(shop.postings(), "T +5097, REV -5097, COMX +152, a8.COM -152");
    by(&mut shop, 8, checkout(member, &[line(1, 1, 100)], Pay::Cash));
    assert_eq!(shop.postings(), "T +100, REV -100, COMX +5, a8.COM -5", "gold pays more");
    let commission = |shop: &Shop, actor| {
        let account = Account::of_staff(ActorId::new(actor), Code::Commission, MONEY).unwrap();
        -shop.ledger.raw_balance(account)
    };
    assert_eq!(commission(&shop, 8), 157);
    for part in [1, 33, 1_000] {
        by(&mut shop, 9, refund(&sale, Part::Amount(part)));
    }
    by(&mut shop, 9, refund(&sale, Part::Rest));
    assert_eq!((commission(&shop, 7), commission(&shop, 8), commission(&shop, 9)), (522, 5, 0));
    let walk_in = Action::Checkout {
        who: None,
        lines: vec![line(1, 1, 200)],
        pay: Pay::Cash,
        extras: Extras::NONE,
    };
    by(&mut shop, 7, walk_in);
    assert_eq!(shop.postings(), "T +200, REV -200, COMX +6, a7.COM -6");
    shop.audit();
}

fn corporate(shop: &mut Shop) -> MemberId {
    let enrol = Action::Enrol {
        token: MemberToken::new(0xc0),
        kind: MemberKind::Corporate,
        plan: PlanId::new(0),
        referrer: None,
    };
    shop.ok(enrol).member.unwrap()
}

/// R114, row 26: on account, due, paid; what is returned is no longer owed, or is paid back.
#[test]
fn a_company_pays_later_and_gets_back_what_it_paid() {
    let program = Program::default().with_credit(10_000, 30);
    let credit_max = program.credit_max;
    let mut shop = Shop::new(program);
    let (company, person) = (corporate(&mut shop), shop.enrol());
    let buy = |who: MemberId, price, on_account| {
        let extras = Extras::NONE.with_on_account(on_account);
        let lines = vec![line(1, 1, price)];
        Action::Checkout { who: Some(who.into()), lines, pay: Pay::Cash, extras }
    };
    assert_eq!(shop.no(buy(person, 500, 1)), Rejection::CreditExceeded);
    assert_eq!(shop.no(buy(company, 500, 501)), Rejection::TenderMismatch);
    let sale = shop.ok(buy(company, 9_000, 8_000));
    assert_eq!(shop.postings(), "m0.AR +8000, T +1000, REV -9000");
    assert_eq!(sale.amount, 9_000);
    let left = credit_max - 8_000;
    assert_eq!(shop.no(buy(company, 3_000, left + 1)), Rejection::CreditExceeded);
    shop.ok(buy(company, left, left));
    let pay = |amount| Action::ReceivePayment { who: company.into(), amount };
    assert_eq!(shop.no(pay(10_001)), Rejection::PaymentExceedsDebt);
    shop.ok(pay(7_000));
    assert_eq!(shop.postings(), "T +7000, m0.AR -7000");
    assert_eq!(shop.balances(company).owed, 3_000);
    shop.ok(refund(&sale, Part::Rest));
    assert_eq!(shop.postings(), "m0.AR -3000, REV +9000, T -6000");
    assert_eq!(shop.balances(company).owed, 0);
    shop.audit();
}

/// R164, row 25: loaded in one store, spent in another: the principal is due, the bonus is not,
/// points at their rate; and it goes back with the sale.
#[test]
fn stores_settle_what_was_loaded_in_one_and_spent_in_another() {
    let program = Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 1_000).with_bonus(Ratio::percent(10)),
        ])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(1))])
        .with_settlement(Ratio::percent(50));
    let mut shop = Shop::new(program);
    let (member, other) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(member, 1_000));
    shop.ok(spend(member, 110));
    assert!(!shop.postings().contains("DUE"), "at home nothing is due");
    shop.store = StoreId::new(2);
    let sale = shop.ok(spend(member, 550));
    assert_eq!(
        shop.postings(),
        "m0.SVP +500, m0.SVB +50, DISC +50, REV -550, BI -50, DUE +500, s1.OWE -500, PTI +5, \
         m0.PT -5"
    );
    let dues = |shop: &Shop, store| {
        let of = |code| Account::of_store(StoreId::new(store), code, MONEY).unwrap();
        shop.ledger.raw_balance(of(Code::Due)) + shop.ledger.raw_balance(of(Code::Owed))
    };
    shop.ok(refund(&sale, Part::Amount(111)));
    shop.store = StoreId::new(3); // wherever it comes back
    shop.ok(refund(&sale, Part::Amount(222)));
    assert_eq!((dues(&shop, 1), dues(&shop, 2), dues(&shop, 3)), (-198, 198, 0));
    shop.ok(refund(&sale, Part::Rest));
    assert_eq!((dues(&shop, 1), dues(&shop, 2)), (0, 0));
    // Points that one store gave and another takes (R31): two of them are a cent.
    shop.store = StoreId::new(1);
    shop.ok(adjust(member, 99));
    shop.store = StoreId::new(2);
    let gift = shop.ok(redeem(member, 75));
    assert_eq!((dues(&shop, 1), dues(&shop, 2)), (-37, 37));
    shop.ok(refund(&gift, Part::Amount(1)));
    shop.ok(refund(&gift, Part::Amount(40)));
    shop.ok(refund(&gift, Part::Rest));
    assert_eq!((dues(&shop, 1), dues(&shop, 2)), (0, 0));
    // A transfer takes its store along; a pay-out elsewhere is settled, too.
    let to =
        Action::Transfer { from: member.into(), to: other.into(), what: Held::Stored, amount: 220 };
    shop.ok(to);
    assert_eq!(shop.ledger.lots(other).next().unwrap().1.store, StoreId::new(1));
    shop.ok(Action::RefundCard { who: other.into(), cause: RefundCause::Merchant });
    assert_eq!(shop.postings(), "DUE +200, s1.OWE -200, m1.SVP +200, m1.SVB +20, T -200, BI -20");
    // Loads of two stores do not mix.
    shop.ok(top_up(member, 5));
    shop.ok(top_up(member, 5));
    let stores: Vec<u32> = shop.ledger.lots(member).map(|(_, lot)| lot.store.value()).collect();
    assert_eq!(stores, [1, 1, 2], "points, then stored value of two stores");
    shop.audit();
}

/// Buying on account is a debit like any other: not for who is frozen, nor with a card that is.
#[test]
fn nobody_who_is_frozen_buys_on_account() {
    let mut shop = Shop::new(Program::default().with_credit(10_000, 30));
    let company = corporate(&mut shop);
    let card = shop.card(company, 5);
    let buy = |who: Who, pay, on_account| Action::Checkout {
        who: Some(who),
        lines: vec![line(1, 1, 900)],
        pay,
        extras: Extras::NONE.with_on_account(on_account),
    };
    let mixed = Pay::Mixed { cash: 0, stored: 0, points: 0 };
    for (stop, go, rejection) in [
        (CardChange::Freeze, CardChange::Unfreeze, Rejection::CardFrozen),
        (CardChange::Lock, CardChange::Unlock, Rejection::CardLocked),
    ] {
        shop.ok(change(card, stop));
        assert_eq!(shop.no(buy(card.into(), Pay::Cash, 400)), rejection);
        assert_eq!(shop.no(buy(card.into(), mixed, 900)), rejection);
        shop.ok(buy(card.into(), Pay::Cash, 0));
        shop.ok(change(card, go));
    }
    shop.ok(Action::ChangeMember { member: company, change: MemberChange::Freeze });
    for who in [card.into(), company.into()] {
        assert_eq!(shop.no(buy(who, Pay::Cash, 1)), Rejection::MemberFrozen);
        shop.ok(buy(who, Pay::Cash, 0));
    }
    assert_eq!(shop.balances(company).owed, 0);
    shop.audit();
}

/// What referrers get, in lots that are new or not or off their debts, is not on the buyer's receipt.
#[test]
fn a_receipt_says_what_the_buyer_gained_and_nobody_else() {
    let level = |level| {
        ReferralRule::new(level, 1_000)
            .with_on_spend(Ratio::percent(1))
            .with_on_top_up(Ratio::percent(2))
    };
    let program = Program::default()
        .with_top_up_rules(vec![TopUpRule::new(RuleId::new(1), 100).with_points(7)])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(3))])
        .with_referral(vec![level(1), level(2)]);
    let mut shop = Shop::new(program);
    let top = shop.enrol();
    let join = |shop: &mut Shop, token, above| {
        shop.ok(enrol(MemberToken::new(token), Some(above))).member.unwrap()
    };
    let middle = join(&mut shop, 10, top);
    let buyer = join(&mut shop, 11, middle);
    shop.ok(Action::Open { member: top, what: Opened::PointsDebt(30) });
    for _ in 0..3 {
        assert_eq!(shop.ok(top_up(buyer, 1_000)).points, 7);
        let sale = shop.ok(checkout(buyer, &[line(1, 1, 1_000)], Pay::Cash));
        assert_eq!((sale.points, sale.amount), (30, 1_000));
        assert_eq!(shop.ok(spend(buyer, 1_000)).points, 30);
    }
    // Nor when the referrer is another by now.
    let other = shop.enrol();
    shop.ok(adjust(other, 1));
    shop.ok(Action::MergeMembers { from: middle, into: other });
    assert_eq!(shop.ok(top_up(buyer, 1_000)).points, 7);
    // Its own lots count as before, also those that were somebody else's.
    let old = shop.enrol();
    shop.ok(adjust(old, 1));
    let new = shop.enrol();
    shop.ok(Action::MergeMembers { from: old, into: new });
    assert_eq!(shop.ok(top_up(new, 1_000)).points, 7);
    assert_eq!(shop.balances(new).points, 8);
    shop.audit();
}

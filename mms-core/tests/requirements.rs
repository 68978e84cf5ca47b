//! Requirements that no other test shows by itself: a test for each.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::Rejection as R;
use mms_core::*;

fn join(shop: &mut Shop, kind: MemberKind, plan: u16) -> MemberId {
    let token = MemberToken::new(shop.ledger.member_count() as u128 + 1);
    let action = Action::Enrol { token, kind, plan: PlanId::new(plan), referrer: None };
    shop.ok(action).member.unwrap()
}

/// R16-R19: what kind somebody is stands on the member, and says who may owe.
#[test]
fn companies_dealers_and_agencies_may_owe_and_persons_may_not() {
    let mut shop = Shop::new(Program::default().with_credit(1_000, 30));
    for kind in MemberKind::ALL {
        let member = join(&mut shop, *kind, 0);
        assert_eq!(shop.ledger.member(member).unwrap().kind, *kind);
        let sale = Action::Checkout {
            who: Some(member.into()),
            lines: vec![line(1, 1, 1_000)],
            pay: Pay::Cash,
            extras: Extras::NONE.with_on_account(1_000),
        };
        let trusted = [MemberKind::Corporate, MemberKind::Dealer, MemberKind::Ota].contains(kind);
        if trusted {
            shop.ok(sale);
            assert_eq!(shop.balances(member).owed, 1_000);
        } else {
            assert_eq!(shop.no(sale), R::CreditExceeded, "{kind:?}");
        }
    }
    shop.audit();
}

/// R22: members of several plans stay apart, and a filter finds those of one.
#[test]
fn a_member_has_the_plan_that_it_joined_under() {
    let mut shop = Shop::new(Program::default());
    let plans = [1, 2, 1, 7];
    let members = plans.map(|plan| join(&mut shop, MemberKind::Individual, plan));
    let (seen, day) = (Activity::new(), shop.at.day);
    for (plan, expected) in [(1, vec![members[0], members[2]]), (7, vec![members[3]]), (9, vec![])]
    {
        let filter = MemberFilter::new().with_plan(PlanId::new(plan));
        let found = shop.ledger.members_where(&filter, &seen, day).map(|(id, _)| id);
        assert_eq!(found.collect::<Vec<_>>(), expected, "{plan}");
    }
    shop.audit();
}

/// R30: closing is for ever, and only when nothing is left.
#[test]
fn a_member_is_closed_when_nothing_is_left_and_for_ever() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let card = shop.card(member, 60);
    shop.ok(top_up(member, 100));
    let close = || Action::ChangeMember { member, change: MemberChange::Close };
    assert_eq!(shop.no(close()), R::BalanceLeft);
    shop.ok(spend(card, 100));
    shop.ok(close());
    for action in [top_up(card, 1), top_up(member, 1), issue(member, CardNumber::new(61)), close()]
    {
        assert_eq!(shop.no(action), R::MemberClosed);
    }
    let unfreeze = Action::ChangeMember { member, change: MemberChange::Unfreeze };
    assert_eq!(shop.no(unfreeze), R::MemberClosed);
    shop.audit();
}

/// R32, R33, R38: cards of several products, linked ones too, open one holder's accounts in every
/// store; a lost one stops nobody who has another.
#[test]
fn cards_of_several_products_open_the_same_accounts_everywhere() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let cards: Vec<CardNumber> = [(60, 1), (61, 2), (62, 3)]
        .into_iter()
        .map(|(number, product)| {
            let card = CardNumber::new(number);
            shop.ok(Action::IssueCard {
                member,
                card,
                product: ProductId::new(product),
                expires: Day::NEVER,
                active: true,
                fee: 0,
            });
            assert_eq!(shop.ledger.card(card).unwrap().product, ProductId::new(product));
            card
        })
        .collect();
    shop.ok(top_up(cards[0], 900));
    for (store, card) in (1..).zip(&cards) {
        shop.store = StoreId::new(store);
        shop.ok(spend(*card, 100));
    }
    assert_eq!(shop.balances(member).stored(), 600);
    shop.ok(change(cards[1], CardChange::ReportLost));
    assert_eq!(shop.no(spend(cards[1], 1)), R::CardLost);
    shop.ok(spend(cards[2], 100));
    // A new medium is of the same product.
    let new = CardNumber::new(70);
    shop.ok(Action::ReplaceCard { card: cards[1], new, fee: 0 });
    assert_eq!(shop.ledger.card(new).unwrap().product, ProductId::new(2));
    shop.ok(spend(new, 500));
    assert_eq!(shop.ledger.cards_of(member).count(), 4);
    shop.audit();
}

/// R59: the tier's own rule comes first, whatever the others ask for.
#[test]
fn a_tier_has_its_own_rules_for_loading() {
    let gold = TierId::new(1);
    let rule = |id, from, percent| {
        TopUpRule::new(RuleId::new(id), from).with_bonus(Ratio::percent(percent))
    };
    let program = Program::default()
        .with_tiers(vec![
            Tier::new(TierId::new(0)),
            Tier::new(gold).with_qualify(Qualify::default().with_spend(1_000)),
        ])
        .with_top_up_rules(vec![
            rule(1, 100, 10),
            rule(2, 1_000, 20),
            rule(3, 500, 50).with_tier(gold),
        ]);
    let mut shop = Shop::new(program);
    let (plain, golden) = (shop.enrol(), shop.enrol());
    shop.ok(checkout(golden, &[line(1, 1, 1_000)], Pay::Cash));
    assert_eq!(shop.ledger.member(golden).unwrap().tier, gold);
    for (member, amount, bonus) in [
        (plain, 99, 0),
        (plain, 100, 10),
        (plain, 600, 60),
        (plain, 1_000, 200),
        (golden, 499, 49),
        (golden, 500, 250),
        (golden, 1_000, 500),
    ] {
        assert_eq!(shop.ok(top_up(member, amount)).bonus, bonus, "{member} {amount}");
    }
    shop.audit();
}

/// R66, R70: what a unit of money earns, and what a point pays for, hangs on the tier.
#[test]
fn points_are_earned_and_worth_by_the_tier() {
    let silver = TierId::new(1);
    let program = Program::default()
        .with_tiers(vec![
            Tier::new(TierId::new(0)).with_burn(Ratio::times(1)),
            Tier::new(silver)
                .with_qualify(Qualify::default().with_spend(1_000))
                .with_earn(Ratio::times(3))
                .with_burn(Ratio::times(2)),
        ])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(1), Ratio::percent(10))]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    assert_eq!(shop.ok(checkout(member, &[line(1, 1, 999)], Pay::Cash)).points, 99);
    let pay = |points, cash| Pay::Mixed { cash, stored: 0, points };
    shop.ok(checkout(member, &[line(1, 1, 100)], pay(40, 60)));
    assert_eq!(shop.ledger.member(member).unwrap().tier, silver);
    assert_eq!(shop.ok(checkout(member, &[line(1, 1, 100)], Pay::Cash)).points, 30);
    assert_eq!(shop.no(checkout(member, &[line(1, 1, 100)], pay(40, 60))), R::TenderMismatch);
    shop.ok(checkout(member, &[line(1, 1, 100)], pay(40, 20)));
    shop.audit();
}

/// R58: loading gives money, points or a coupon, as the rule says.
#[test]
fn loading_gives_money_points_or_a_coupon() {
    let kind = AssetId::new(16_384);
    let rule = |id, from| TopUpRule::new(RuleId::new(id), from);
    let program = Program::default()
        .with_coupons(vec![CouponRule::new(kind, CouponOff::Amount(5))])
        .with_top_up_rules(vec![
            rule(1, 100).with_bonus(Ratio::percent(5)),
            rule(2, 200).with_points(7),
            rule(3, 300).with_coupon(kind),
        ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    let mut gives = |amount| {
        let receipt = shop.ok(top_up(member, amount));
        let coupons = shop.ledger.coupons(member, shop.at.day).count();
        (receipt.bonus, receipt.points, coupons)
    };
    assert_eq!([gives(100), gives(200), gives(300)], [(5, 0, 0), (0, 7, 0), (0, 0, 1)]);
    shop.audit();
}

/// R46, R146: cards of one member end on days of their own, and the board says when.
#[test]
fn cards_have_days_of_their_own() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let today = shop.at.day;
    for (number, days) in [(60, 0), (61, 30)] {
        shop.ok(Action::IssueCard {
            member,
            card: CardNumber::new(number),
            product: ProductId::new(1),
            expires: today.plus(days),
            active: true,
            fee: 0,
        });
    }
    let ending = |shop: &Shop, until| {
        let cards = shop.ledger.cards_ending(today, today.plus(until));
        cards.map(|card| card.number.value()).collect::<Vec<_>>()
    };
    assert_eq!([ending(&shop, 29), ending(&shop, 30)], [vec![60], vec![60, 61]]);
    shop.ok(top_up(CardNumber::new(60), 5));
    shop.days(1);
    assert_eq!(shop.no(top_up(CardNumber::new(60), 5)), R::CardExpired);
    shop.ok(top_up(CardNumber::new(61), 5));
    shop.audit();
}

/// R75: what taking part costs and gives, on its days, for as many as there are places; and a return
/// of a part of it or of all.
#[test]
fn taking_part_costs_and_gives_points_and_a_return_takes_both_back() {
    let activity = |id, costs, gives| ActivityRule::new(RuleId::new(id), costs, gives);
    let (run, talk) = (RuleId::new(60), RuleId::new(61));
    let program = Program::default()
        .with_tiers(vec![
            Tier::new(TierId::new(0)),
            Tier::new(TierId::new(1)).with_qualify(Qualify::default().with_points(50)),
        ])
        .with_activities(vec![
            activity(60, 30, 50).with_places_max(2).with_member_max(1),
            activity(61, 0, 7).with_days(Day::new(20_001), Day::new(20_002)),
        ]);
    let mut shop = Shop::new(program.clone());
    let (a, b, c) = (shop.enrol(), shop.enrol(), shop.enrol());
    let part = |who: MemberId, activity| Action::TakePart { who: who.into(), activity };
    for member in [a, b, c] {
        shop.ok(adjust(member, 100));
    }
    assert_eq!(shop.no(part(a, talk)), R::ActivityNotValid);
    let first = shop.ok(part(a, run));
    assert_eq!((first.points, first.points_after), (20, 120));
    assert_eq!(first.tier, TierId::new(1), "what is earned counts");
    assert_eq!(shop.no(part(a, run)), R::ActivityFull, "once each");
    shop.ok(part(b, run));
    assert_eq!(shop.no(part(c, run)), R::ActivityFull, "two in all");
    let who = |shop: &Shop| shop.ledger.participants(run).collect::<Vec<_>>();
    assert_eq!(who(&shop), [(a, 1), (b, 1)]);
    // A third of the price back takes a third of what it gave, rounded in the scheme's favour; the
    // rest takes the rest, and the place is free.
    shop.ok(refund(&first, Part::Amount(10)));
    assert_eq!(shop.balances(a).points, 120 + 10 - 17);
    assert_eq!(who(&shop), [(a, 1), (b, 1)]);
    shop.ok(refund(&first, Part::Rest));
    assert_eq!((shop.balances(a).points, who(&shop)), (100, vec![(b, 1)]));
    assert_eq!(shop.ledger.member(a).unwrap().counters().points, 0);
    let last = shop.ok(part(c, run));
    // What it gave and is spent is owed.
    shop.ok(redeem(c, 120));
    shop.ok(refund(&last, Part::Rest));
    assert_eq!((shop.balances(c).points, shop.balances(c).points_debt), (0, 20));
    shop.skip(1);
    shop.ok(part(b, talk));
    assert_eq!(shop.balances(b).points, 127);
    shop.ok(part(a, run));
    shop.ok(Action::MergeMembers { from: a, into: b });
    assert_eq!((shop.ledger.parts(run, a), who(&shop)), (2, vec![(b, 2)]));
    shop.audit();
    let twice = program.clone().with_earn_rules(vec![EarnRule::new(run, Ratio::ONE)]);
    assert_eq!(twice.validate(), Err(ProgramError::RuleTwice));
    let less = program.with_activities(vec![activity(60, -1, 0)]);
    assert_eq!(less.validate(), Err(ProgramError::Negative));
}

/// Who moves to this ledger brings all that its members have, and what a member has can go to another:
/// uses with their price, coupons with their days.
#[test]
fn every_asset_that_a_member_can_hold_is_opened_and_sent() {
    let (swim, off) = (AssetId::new(16), AssetId::new(16_384));
    let coupon = CouponRule::new(off, CouponOff::Amount(500)).with_pool_max(2).with_member_max(3);
    let program = Program::default().with_coupons(vec![coupon]).with_credit(5_000, 30);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    let kind = MemberKind::Dealer;
    let dealer = Action::Enrol {
        token: MemberToken::new(0xdea),
        kind,
        plan: PlanId::new(0),
        referrer: None,
    };
    let dealer = shop.ok(dealer).member.unwrap();
    let (from, expires) = (Day::new(19_000), shop.at.day.plus(9));
    let open = |member, what| Action::Open { member, what };
    let uses = |uses, price| Opened::Uses { kind: swim, uses, price, from, expires };
    shop.ok(open(a, uses(3, 1_000)));
    let coupons = Opened::Coupons { kind: off, count: 2, from, expires };
    let coupon = shop.ok(open(a, coupons)).coupon().unwrap();
    assert_eq!(shop.ledger.coupons_issued(off), 0, "they are none of the pool");
    shop.ok(open(a, Opened::Change(70)));
    shop.ok(open(a, Opened::PointsDebt(30)));
    shop.ok(open(dealer, Opened::Owed(4_000)));
    assert_eq!(shop.no(open(dealer, Opened::Owed(1_001))), R::CreditExceeded);
    assert_eq!(shop.no(open(a, Opened::Owed(1))), R::CreditExceeded);
    assert_eq!(shop.no(open(a, uses(0, 5))), R::AmountNotPositive);
    let balances = shop.balances(a);
    assert_eq!((balances.change, balances.points_debt), (70, 30));
    assert_eq!(shop.balances(dealer).owed, 4_000);
    assert_eq!(shop.ledger.member(a).unwrap().counters(), Counters::default());
    // They are what they would be if they had come to be here.
    shop.ok(Action::SweepChange { who: a.into() });
    shop.ok(adjust(a, 40));
    assert_eq!((shop.balances(a).points, shop.balances(a).points_debt), (10, 0));
    shop.ok(Action::ReceivePayment { who: dealer.into(), amount: 4_000 });
    // A use is taken here, the others there: each cent of the price is earned once.
    let earned = |shop: &Shop| -shop.ledger.total(Code::Revenue, MONEY);
    shop.ok(Action::TakeUses { who: a.into(), kind: swim, uses: 1 });
    let send = |uses| Action::TransferUses { from: a.into(), to: b.into(), kind: swim, uses };
    assert_eq!(shop.no(send(3)), R::InsufficientUses);
    assert_eq!(shop.ok(send(2)).amount, 2);
    assert_eq!((earned(&shop), shop.ledger.total(Code::Deferred, MONEY)), (333, -667));
    for expected in [666, 1_000] {
        shop.ok(Action::TakeUses { who: b.into(), kind: swim, uses: 1 });
        assert_eq!(earned(&shop), expected);
    }
    // A coupon has the same days there, and is used there and nowhere else.
    let send = |coupon, count| {
        let (from, to) = (a.into(), b.into());
        Action::TransferCoupons { from, to, coupon, count }
    };
    let sent = shop.ok(send(coupon, 1));
    assert_eq!(sent.amount, 1);
    let there = sent.coupon().unwrap();
    let found: Vec<_> = shop.ledger.coupons(b, shop.at.day).collect();
    assert_eq!(found, [(there, off, 1, expires)]);
    let buy = |who: MemberId, coupon| Action::Checkout {
        who: Some(who.into()),
        lines: vec![line(1, 1, 2_000)],
        pay: Pay::Cash,
        extras: Extras::NONE.with_coupon(coupon),
    };
    assert_eq!(shop.no(buy(a, there)), R::CouponUnknown);
    shop.ok(buy(b, there));
    assert_eq!(shop.no(buy(b, there)), R::CouponUnknown, "once");
    assert_eq!(shop.no(send(coupon, 2)), R::InsufficientCoupons);
    assert_eq!(shop.no(send(coupon, 4)), R::CouponsHeld);
    shop.skip(10);
    assert_eq!(shop.no(send(coupon, 1)), R::CouponNotValid);
    shop.due();
    shop.audit();
}

/// R57: what is paid in can be spent at once, whatever else waits for its day.
#[test]
fn what_is_loaded_never_waits_for_what_was_brought_along_for_later() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let bring = Action::OpenBalance {
        member,
        what: Held::Stored,
        principal: 500,
        bonus: 0,
        from: shop.at.day.plus(3),
        expires: Day::NEVER,
    };
    shop.ok(bring);
    assert_eq!(shop.balances(member).stored(), 0, "not yet");
    assert_eq!(shop.no(spend(member, 1)), Rejection::InsufficientStored);
    shop.ok(top_up(member, 100));
    assert_eq!(shop.balances(member).stored(), 100);
    shop.ok(spend(member, 60));
    let extras = Extras::NONE.with_keep_change(7);
    let lines = vec![line(1, 1, 10)];
    shop.ok(Action::Checkout { who: Some(member.into()), lines, pay: Pay::Cash, extras });
    shop.ok(spend(member, 40));
    shop.ok(Action::SweepChange { who: member.into() });
    shop.ok(spend(member, 7));
    shop.audit();
    shop.skip(3);
    assert_eq!(shop.balances(member).stored(), 500);
    shop.ok(spend(member, 500));
    shop.audit();
}

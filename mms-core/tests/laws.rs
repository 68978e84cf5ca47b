//! Laws that hold for all inputs, and traps that each cost somebody money once.
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
use proptest::prelude::*;
use proto_wire::Rng;

fn program() -> Program {
    Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::new(1, 7).unwrap()),
        ])
        .with_earn_rules(vec![
            EarnRule::new(RuleId::new(10), Ratio::percent(3)).with_expiry(Expiry::Days(20)),
        ])
        .with_stored_expiry(Expiry::Days(25))
        .with_points_expiry(Expiry::Days(15))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// I8, I9: however a sale is taken back, in the end all is as before, per tender and lot.
    #[test]
    fn any_partition_of_returns_is_one_whole_return(
        loads in proptest::collection::vec(10_000_i64..40_000, 1..4),
        price in 1_000_i64..9_999,
        (cash, points) in (0_i64..500, 0_i64..90),
        cuts in proptest::collection::vec(1_i64..3_000, 0..12),
    ) {
        let mut shop = Shop::new(program());
        let member = shop.enrol();
        for load in loads {
            shop.ok(top_up(member, load));
            shop.skip(1);
        }
        shop.ok(adjust(member, 100));
        let before = (shop.balances(member), shop.ledger.member(member).unwrap().counters());
        let lots = |shop: &Shop| -> Vec<(LotId, i64, i64)> {
            shop.ledger.lots(member).map(|(id, lot)| (id, lot.principal, lot.bonus)).collect()
        };
        let lots_before = lots(&shop);
        let accounts: Vec<_> = shop.ledger.accounts().collect();
        let stored = price - cash - points;
        let pay = Pay::Mixed { cash, stored, points };
        let sale = shop.ok(checkout(member, &[line(1, 1, price)], pay));
        for cut in cuts {
            let left = shop.ledger.sale(sale.sale().unwrap()).unwrap().left();
            if left > 0 {
                shop.ok(refund(&sale, Part::Amount(cut.min(left))));
            }
        }
        if shop.ledger.sale(sale.sale().unwrap()).unwrap().left() > 0 {
            shop.ok(refund(&sale, Part::Rest));
        }
        prop_assert_eq!(
            (shop.balances(member), shop.ledger.member(member).unwrap().counters()),
            before
        );
        prop_assert_eq!(lots(&shop), lots_before);
        for (account, balance) in accounts {
            prop_assert_eq!(shop.ledger.raw_balance(account), balance, "{:?}", account);
        }
        let sold = shop.ledger.sale(sale.sale().unwrap()).unwrap();
        prop_assert_eq!(sold.paid, sold.returned);
        prop_assert_eq!(sold.earned, sold.clawed);
        shop.audit();
    }

    /// I11: what stays earned is what the rest of the sale earns.
    #[test]
    fn points_kept_are_those_of_the_goods_kept(
        price in 100_i64..50_000,
        returned in 1_i64..50_000,
    ) {
        let returned = returned.min(price);
        let mut shop = Shop::new(program());
        let member = shop.enrol();
        let sale = shop.ok(checkout(member, &[line(1, 1, price)], Pay::Cash));
        shop.ok(refund(&sale, Part::Amount(returned)));
        prop_assert_eq!(shop.balances(member).points, (price - returned) * 3 / 100);
    }

    /// Lines come back one by one and sum to the sale.
    #[test]
    fn lines_come_back_one_by_one(
        lines in proptest::collection::vec((1_u32..5, 1_i64..5_000), 1..5),
        discount in 0_u32..40,
    ) {
        let mut shop = Shop::new(
            program().with_tiers(vec![
                Tier::new(TierId::new(0)).with_discount(Ratio::percent(discount)),
            ]),
        );
        let member = shop.enrol();
        let lines: Vec<Line> =
            lines.iter().map(|(quantity, price)| line(1, *quantity, *price)).collect();
        let sale = shop.ok(checkout(member, &lines, Pay::Cash));
        let mut back = 0;
        for (n, line) in (0..).zip(&lines) {
            for _ in 0..line.quantity {
                let part = Part::Line { line: n, quantity: 1 };
                match shop.run(refund(&sale, part)) {
                    Outcome::Accepted(receipt) => back += receipt.amount,
                    // A cent that was discounted away has nothing to give back.
                    other => prop_assert_eq!(other, Outcome::Rejected(Rejection::NothingToDo)),
                }
            }
        }
        prop_assert_eq!(back, sale.amount);
        shop.audit();
    }
}

/// Two for a cent: the first that comes back gives nothing, the second the cent.
#[test]
fn a_unit_that_costs_nothing_comes_back_too() {
    let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(25));
    let mut shop = Shop::new(program().with_tiers(vec![tier]));
    let member = shop.enrol();
    let sale = shop.ok(checkout(member, &[line(1, 2, 1)], Pay::Cash));
    let back = [(); 2].map(|()| shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 })).amount);
    assert_eq!((sale.amount, back), (1, [0, 1]));
    assert_eq!(shop.ledger.member(member).unwrap().counters().visits, 0);
    let more = refund(&sale, Part::Line { line: 0, quantity: 1 });
    assert_eq!(shop.no(more), Rejection::RefundExceedsPaid);
    shop.audit();
}

/// I7: a ledger that books at every day's end and one that never does give the same answers.
#[test]
fn it_does_not_matter_when_time_is_booked() {
    for seed in 0..60 {
        let mut rng = Rng::new(&Seed::from_u64(seed));
        let mut prompt = Shop::new(program());
        let mut lazy = Shop::new(program());
        for shop in [&mut prompt, &mut lazy] {
            shop.enrol();
            shop.enrol();
        }
        for _ in 0..120 {
            if rng.below(4) == 0 {
                let days = u32::try_from(rng.below(6)).unwrap();
                prompt.days(days);
                lazy.skip(days);
            }
            let who = MemberId::new(u32::try_from(rng.below(2)).unwrap());
            let n = 1 + i64::try_from(rng.below(15_000)).unwrap();
            let sales: Vec<SaleId> = prompt.ledger.sales().map(|sale| sale.id).collect();
            let action = match rng.below(7) {
                0 | 1 => top_up(who, n),
                2 => spend(who, n / 2 + 1),
                3 => checkout(who, &[line(1, 1, n)], Pay::Cash),
                4 => redeem(who, n / 100 + 1),
                5 => Action::Transfer {
                    from: who.into(),
                    to: MemberId::new(1 - who.value()).into(),
                    what: Held::Points,
                    amount: n / 100 + 1,
                },
                _ if sales.is_empty() => adjust(who, 5),
                _ => {
                    let pick = usize::try_from(rng.below(sales.len() as u64)).unwrap();
                    // Sales are named by their records, which have other numbers here: by age.
                    let part = Part::Amount(n / 3 + 1);
                    let others: Vec<SaleId> = lazy.ledger.sales().map(|sale| sale.id).collect();
                    let from_end = sales.len() - pick;
                    let Some(at) = others.len().checked_sub(from_end) else { continue };
                    let first = prompt.run(Action::Refund { sale: sales[pick], part });
                    let second = lazy.run(Action::Refund { sale: others[at], part });
                    same(&first, &second, seed);
                    continue;
                }
            };
            let first = prompt.run(action.clone());
            let second = lazy.run(action);
            same(&first, &second, seed);
            for member in [MemberId::new(0), MemberId::new(1)] {
                let mut late = lazy.balances(member);
                (late.stored_expired, late.points_expired) = (0, 0);
                let mut now = prompt.balances(member);
                (now.stored_expired, now.points_expired) = (0, 0);
                assert_eq!(now, late, "seed {seed}");
            }
        }
        lazy.due();
        prompt.due();
        let totals = |shop: &Shop| -> Vec<i128> {
            Code::ALL
                .iter()
                .flat_map(|code| [MONEY, POINTS].map(|asset| shop.ledger.total(*code, asset)))
                .collect()
        };
        assert_eq!(totals(&prompt), totals(&lazy), "seed {seed}");
        prompt.audit();
        lazy.audit();
    }
}

fn same(first: &Outcome, second: &Outcome, seed: u64) {
    match (first, second) {
        (Outcome::Accepted(a), Outcome::Accepted(b)) => {
            assert_eq!((a.amount, a.bonus, a.points), (b.amount, b.bonus, b.points), "{seed}");
        }
        (a, b) => assert_eq!(a, b, "seed {seed}"),
    }
}

/// I6: all commands again, in any order: the first answers, and nothing else.
#[test]
fn shuffled_retries_change_nothing() {
    let mut rng = Rng::new(&Seed::from_u64(4));
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let mut heard = Vec::new();
    for n in 1..=60 {
        let action = if n % 3 == 0 { spend(member, n * 7) } else { top_up(member, n * 500) };
        let command = shop.command(action);
        let Outcome::Accepted(receipt) = shop.submit(&command) else { panic!() };
        heard.push((command, receipt));
    }
    let seq = shop.ledger.seq();
    for _ in 0..300 {
        let (command, receipt) = &heard[usize::try_from(rng.below(60)).unwrap()];
        let command = command.clone();
        assert_eq!(shop.submit(&command), Outcome::Duplicate(*receipt));
    }
    assert_eq!(shop.ledger.seq(), seq);
    shop.audit();
}

/// Keys are remembered for N commands and not for one more.
#[test]
fn keys_are_remembered_for_as_many_commands_as_the_limit_says() {
    let mut shop = Shop::with_limits(Limits::default().with_keys_max(10), program());
    let member = shop.enrol();
    let command = shop.command(top_up(member, 100));
    let Outcome::Accepted(receipt) = shop.submit(&command) else { panic!() };
    for n in 1..10 {
        shop.ok(top_up(member, n));
        assert_eq!(shop.submit(&command), Outcome::Duplicate(receipt), "{n}");
    }
    shop.ok(top_up(member, 10));
    assert!(matches!(shop.submit(&command), Outcome::Accepted(_)), "forgotten by design");
}

/// Each limit: N is accepted, one more is refused.
#[test]
fn every_limit_at_its_edge() {
    let with = |limits: Limits| {
        let mut shop = Shop::with_limits(limits, program());
        shop.enrol();
        shop
    };
    let a = MemberId::new(0);
    let full = |shop: &mut Shop, good: Action, bad: Action, rejection: Rejection| {
        shop.ok(good);
        assert_eq!(shop.no(bad), rejection);
        shop.audit();
    };
    let base = Limits::default();
    full(
        &mut with(base.with_members_max(2)),
        enrol(MemberToken::new(2), None),
        enrol(MemberToken::new(3), None),
        Rejection::MembersFull,
    );
    let card = |number| issue(a, CardNumber::new(number));
    full(&mut with(base.with_cards_max(1)), card(1), card(2), Rejection::CardsFull);
    let load = || top_up(a, 10_000);
    full(&mut with(base.with_lots_max(1)), load(), load(), Rejection::LotsFull);
    full(&mut with(base.with_member_lots_max(1)), load(), load(), Rejection::MemberLotsFull);
    let mut shop = with(base.with_command_lots_max(2));
    for _ in 0..3 {
        shop.ok(load());
    }
    let two = shop.balances(a).stored() / 3 * 2;
    full(&mut shop, spend(a, 1), spend(a, two + 1), Rejection::CommandLotsFull);
    shop.ok(spend(a, two - 1));
    let mut shop = with(base.with_holds_max(1));
    shop.ok(adjust(a, 10));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(1));
    let one = || hold(a, Held::Points, 1, until);
    full(&mut shop, one(), one(), Rejection::HoldsFull);
    let cash = |lines: usize| checkout(a, &vec![line(1, 1, 1); lines], Pay::Cash);
    full(&mut with(base.with_sales_max(1)), cash(1), cash(1), Rejection::SalesFull);
    full(&mut with(base.with_lines_max(3)), cash(3), cash(4), Rejection::LinesTooMany);
    let mut shop = with(base.with_store_accounts_max(1));
    shop.ok(top_up(a, 1));
    full(&mut shop, top_up(a, 1), load(), Rejection::StoreAccountsFull);
    full(
        &mut with(base.with_amount_max(500)),
        top_up(a, 500),
        top_up(a, 501),
        Rejection::AmountTooLarge,
    );
    let permit =
        |actor| Action::Permit { actor: ActorId::new(actor), permissions: Permissions::ALL };
    full(&mut with(base.with_actors_max(1)), permit(0), permit(1), Rejection::ActorsFull);
    let mut shop = with(base.with_referral_depth_max(1));
    let child = shop.ok(enrol(MemberToken::new(2), Some(a))).member;
    full(
        &mut shop,
        enrol(MemberToken::new(3), Some(a)),
        enrol(MemberToken::new(4), child),
        Rejection::ReferralTooDeep,
    );
}

/// Rules change at noon: what was booked in the morning is returned as it was booked.
#[test]
fn a_change_of_rules_does_not_touch_history() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let sale = shop.ok(checkout(member, &[line(1, 1, 10_000)], Pay::Cash));
    assert_eq!(sale.points, 300);
    let generous = Program::default()
        .with_version(2)
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::times(50))]);
    shop.ledger.set_program(generous.into()).unwrap();
    shop.ok(refund(&sale, Part::Amount(5_000)));
    assert_eq!(shop.balances(member).points, 150);
    assert_eq!(shop.last().head().program, 2);
    shop.audit();
}

/// Earliest expiry goes first, whatever came first.
#[test]
fn what_lapses_first_is_spent_first() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(Action::Earn { who: member.into(), base: 10_000, rule: RuleId::new(10) });
    shop.ok(adjust(member, 100)); // lives five days less
    shop.ok(redeem(member, 120));
    let left: Vec<(i64, Day)> =
        shop.ledger.lots(member).map(|(_, lot)| (lot.principal, lot.expires)).collect();
    assert_eq!(left, [(280, DAY.plus(20))]);
    shop.audit();
}

/// Value that comes back to a dead lot is dead, or gets some days, as the program says.
#[test]
fn a_refund_to_a_lot_that_is_over() {
    for (grace, stored) in [(None, 0), (Some(7), 5_000)] {
        let mut shop = Shop::new(
            Program::default().with_stored_expiry(Expiry::Days(3)).with_refund_grace_days(grace),
        );
        let member = shop.enrol();
        shop.ok(top_up(member, 5_000));
        let sale = shop.ok(spend(member, 5_000));
        shop.days(4);
        shop.ok(refund(&sale, Part::Rest));
        shop.due();
        assert_eq!(shop.balances(member).stored(), stored);
        shop.audit();
        shop.days(8);
        assert_eq!(shop.balances(member).stored(), 0);
        assert_eq!(shop.ledger.total(Code::Breakage, MONEY), -5_000);
        shop.audit();
    }
}

/// Points that lapsed unspent are not demanded back when their sale is returned.
#[test]
fn lapsed_points_are_no_debt() {
    for book in [true, false] {
        let mut shop = Shop::new(program().with_return_days(60));
        let member = shop.enrol();
        let sale = shop.ok(checkout(member, &[line(1, 1, 10_000)], Pay::Cash));
        shop.skip(21);
        if book {
            shop.due();
        }
        shop.ok(refund(&sale, Part::Rest));
        shop.due();
        assert_eq!(shop.balances(member).points_debt, 0);
        assert_eq!(shop.ledger.total(Code::PointsIssued, POINTS), 0);
        assert_eq!(shop.ledger.total(Code::PointsExpired, POINTS), 0);
        shop.audit();
    }
}

/// A redemption that is taken back leaves what there would be if it had never been, less what lapsed
/// meanwhile: no debt for points that came back, whichever of the two is returned first, on whatever
/// day, whole or in parts, and whether or not anybody booked that the points had lapsed.
#[test]
fn a_redemption_that_is_taken_back_leaves_no_debt() {
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Sale,
        Redemption,
        Part,
        Lapse,
        Book,
    }
    use Step::{Book, Lapse, Part as Some10, Redemption, Sale};
    for grace in [None, Some(5)] {
        for steps in [
            &[Lapse, Sale, Redemption][..],
            &[Lapse, Redemption, Sale],
            &[Lapse, Redemption, Book, Sale],
            &[Lapse, Book, Sale, Redemption],
            &[Sale, Redemption, Lapse],
            &[Sale, Lapse, Redemption],
            &[Sale, Some10, Lapse, Some10, Book, Redemption],
            &[Redemption, Sale, Lapse],
            &[Redemption, Lapse, Book, Sale],
        ] {
            let mut program = program().with_return_days(60);
            program.refund_grace_days = grace;
            let mut shop = Shop::new(program);
            let member = shop.enrol();
            let sale = shop.ok(checkout(member, &[line(1, 1, 10_000)], Pay::Cash));
            let points = shop.balances(member).points;
            assert!(points > 20);
            let redemption = shop.ok(redeem(member, points));
            for step in steps {
                match step {
                    Sale => drop(shop.ok(refund(&sale, Part::Rest))),
                    Redemption => drop(shop.ok(refund(&redemption, Part::Rest))),
                    Some10 => drop(shop.ok(refund(&redemption, Part::Amount(10)))),
                    Lapse => shop.skip(21),
                    Book => drop(shop.due()),
                }
                shop.audit();
            }
            shop.skip(21);
            shop.due();
            let balances = shop.balances(member);
            assert_eq!((balances.points, balances.points_debt), (0, 0), "{steps:?} {grace:?}");
            for code in [Code::PointsRedeemed, Code::PointsIssued] {
                assert_eq!(shop.ledger.total(code, POINTS), 0, "{code:?} {steps:?}");
            }
            shop.audit();
        }
    }
    // What was had for the points and kept is owed, as ever.
    let mut shop = Shop::new(program().with_return_days(60));
    let member = shop.enrol();
    let sale = shop.ok(checkout(member, &[line(1, 1, 10_000)], Pay::Cash));
    let points = shop.balances(member).points;
    let redemption = shop.ok(redeem(member, points));
    shop.days(21);
    shop.ok(refund(&sale, Part::Rest));
    shop.ok(refund(&redemption, Part::Amount(10)));
    assert_eq!(shop.balances(member).points_debt, points - 10);
    shop.audit();
}

/// A frozen clock, and one that goes back: the ledger's time never does.
#[test]
fn time_never_goes_back() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let first = shop.ok(top_up(member, 100));
    shop.at = At::new(Timestamp::UNIX_EPOCH, Day::new(0));
    let second = shop.ok(top_up(member, 100));
    assert_eq!((second.time, second.day), (first.time, first.day));
    shop.audit();
}

/// Sales are forgotten when their window is over, and with them what they took.
#[test]
fn sales_are_forgotten_when_they_can_no_longer_be_returned() {
    let mut shop = Shop::new(program().with_return_days(2));
    let member = shop.enrol();
    let sale = shop.ok(checkout(member, &[line(1, 1, 500)], Pay::Cash));
    shop.skip(2);
    shop.ok(refund(&sale, Part::Amount(100)));
    shop.skip(1);
    assert_eq!(shop.no(refund(&sale, Part::Rest)), Rejection::SaleUnknown);
    shop.ok(top_up(member, 1));
    assert_eq!(shop.ledger.sales().count(), 0);
    let again = shop.ok(checkout(member, &[line(1, 2, 500), line(2, 1, 5)], Pay::Cash));
    shop.ok(refund(&again, Part::Line { line: 1, quantity: 1 }));
    shop.audit();
}

/// Statements: pages join without a gap and end at the ledger's balance.
#[test]
fn statements_page_and_tie_to_the_ledger() {
    let mut shop = Shop::new(program());
    let (a, b) = (shop.enrol(), shop.enrol());
    for n in 1..40 {
        shop.ok(top_up(if n % 3 == 0 { b } else { a }, n * 1_000));
        shop.ok(checkout(a, &[line(1, 1, n * 100)], Pay::Cash));
    }
    let mut statements = Statements::new();
    for bytes in &shop.records {
        statements.observe(Record::parse(bytes).unwrap().0);
    }
    let whole = statements.page(a, None, None, usize::MAX);
    assert_eq!(whole.next, None);
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let page = statements.page(a, None, from, 7);
        assert!(page.entries.len() <= 7);
        pages.extend(page.entries);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(pages, whole.entries);
    assert!(pages.windows(2).all(|two| two[0].seq >= two[1].seq), "newest first");
    let newest = |code| pages.iter().find(|entry| entry.code == code).unwrap().balance;
    assert_eq!(newest(Code::StoredPrincipal), shop.balances(a).principal);
    assert_eq!(newest(Code::StoredBonus), shop.balances(a).bonus);
    assert_eq!(newest(Code::Points), shop.balances(a).points);
    let points = statements.page(a, Some(POINTS), None, usize::MAX).entries;
    assert_eq!(points.iter().map(|entry| entry.change).sum::<i64>(), shop.balances(a).points);
    assert!(statements.page(MemberId::new(9), None, None, 5).entries.is_empty());
}

/// I15: what is sent arrives with its expiry and its share of bonus, and nothing else does.
#[test]
fn a_transfer_keeps_expiry_and_proportion() {
    let mut shop = Shop::new(program());
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(a, 14_000)); // and a seventh on top
    shop.skip(5);
    shop.ok(top_up(a, 7_000)); // below the bonus
    let send = |what, amount| Action::Transfer { from: a.into(), to: b.into(), what, amount };
    shop.ok(send(Held::Stored, 17_000));
    let lots: Vec<(i64, i64, Day)> =
        shop.ledger.lots(b).map(|(_, lot)| (lot.principal, lot.bonus, lot.expires)).collect();
    assert_eq!(lots, [(14_000, 2_000, DAY.plus(25)), (1_000, 0, DAY.plus(30))]);
    shop.ok(adjust(a, 50));
    shop.ok(adjust(b, 8));
    shop.ok(send(Held::Points, 50));
    assert_eq!(shop.balances(b).points, 58);
    assert_eq!(shop.ledger.lots(b).filter(|(_, lot)| lot.asset == POINTS).count(), 1);
    assert_eq!(shop.ledger.total(Code::StoredPrincipal, MONEY), -21_000);
    shop.audit();
}

/// Two tills with the last points: one gets them (the other hears why not).
#[test]
fn points_cannot_be_spent_twice() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    shop.ok(adjust(member, 100));
    let first = shop.command(redeem(member, 100));
    let second = shop.command(redeem(member, 100));
    // Both were prepared on the same state; the record of the second no longer fits.
    let late = shop.ledger.prepare(shop.at, &second).unwrap();
    assert!(matches!(shop.submit(&first), Outcome::Accepted(_)));
    assert_eq!(shop.ledger.check(late.view()).unwrap_err().kind(), RecordErrorKind::Sequence);
    assert_eq!(shop.submit(&second), Outcome::Rejected(Rejection::InsufficientPoints));
    shop.audit();
}

/// Sales whose time is over keep nobody from selling, also when nothing else is booked that would
/// forget them.
#[test]
fn sales_that_can_no_longer_be_returned_leave_room_for_others() {
    let limits = Limits::default().with_sales_max(3);
    let mut shop = Shop::with_limits(limits, program().with_return_days(1));
    let member = shop.enrol();
    let buy = || checkout(member, &[line(1, 1, 1)], Pay::Cash);
    for _ in 0..3 {
        shop.ok(buy());
    }
    shop.skip(1);
    assert_eq!(shop.no(buy()), Rejection::SalesFull, "they can still be returned");
    shop.skip(1);
    for _ in 0..3 {
        shop.ok(buy());
    }
    assert_eq!(shop.no(buy()), Rejection::SalesFull);
    shop.audit();
}

/// Several postings of one record to one account: their sum must fit, not only each of them.
#[test]
fn what_overflows_only_in_sum_is_refused() {
    let many = Ratio::times(350_000);
    let level = |level| ReferralRule::new(level, i64::MAX).with_on_spend(many);
    let program = Program::default()
        .with_earn_rules(vec![EarnRule::new(RuleId::new(1), many)])
        .with_referral(vec![level(1), level(2), level(3)]);
    let mut shop = Shop::new(program);
    let mut last = shop.enrol();
    for token in 10..13 {
        last = shop.ok(enrol(MemberToken::new(token), Some(last))).member.unwrap();
    }
    let buy = |price| checkout(last, &[line(1, 1, price)], Pay::Cash);
    let max = shop.ledger.limits().amount_max;
    assert_eq!(shop.no(buy(max)), Rejection::Overflow);
    shop.ok(buy(max / 4));
    shop.audit();
}

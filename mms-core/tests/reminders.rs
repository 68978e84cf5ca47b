//! Reminders: records of time, once for each day of each member, card or lot.
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

const BORN: FieldId = FieldId::new(3);

fn program(rules: Vec<ReminderRule>) -> Program {
    Program::default()
        .with_fields(vec![Field::new(BORN, Holds::MonthDay)])
        .with_points_expiry(Expiry::Days(20))
        .with_reminders(rules)
}

const fn rule(id: u32, of: Remind, days: u32) -> ReminderRule {
    ReminderRule::new(RuleId::new(id), of, days)
}

const fn birthday(leap: LeapDay) -> Remind {
    Remind::Birthday { field: BORN, leap }
}

fn born(shop: &mut Shop, month: i64, day: i64) -> MemberId {
    let member = shop.enrol();
    let value = Some(month * 100 + day);
    shop.ok(Action::SetField { member, field: BORN, value });
    member
}

/// Reminders so far: rule, member, day, amount; and that the host is told of each.
fn told(shop: &Shop) -> Vec<(u32, u32, String, i64)> {
    let records = shop.records.iter().map(|bytes| Record::parse(bytes).unwrap().0);
    let facts = records.flat_map(|record| {
        let notices: Vec<Notice> = shop.ledger.notices(record).collect();
        let facts = record.facts().filter_map(|fact| match fact {
            Fact::Reminded { rule, what, member, day, amount, .. } => Some((
                Notice::Reminder { member, rule, what, day, amount },
                rule,
                member,
                day,
                amount,
            )),
            _ => None,
        });
        facts.inspect(move |row| assert!(notices.contains(&row.0))).collect::<Vec<_>>()
    });
    let row = |(_, rule, member, day, amount): (_, RuleId, MemberId, Day, i64)| {
        (rule.value(), member.value(), day.to_string(), amount)
    };
    facts.map(row).collect()
}

fn row(rule: u32, member: u32, day: &str) -> (u32, u32, String, i64) {
    (rule, member, day.to_owned(), 0)
}

/// Ahead and on the day, and 29 February by both rules. Today is 2024-10-04.
#[test]
fn birthdays_are_reminded_ahead_and_on_the_day() {
    let mut shop = Shop::new(program(vec![
        rule(1, birthday(LeapDay::Before), 7),
        rule(2, birthday(LeapDay::After), 0),
    ]));
    born(&mut shop, 10, 4);
    born(&mut shop, 10, 11);
    born(&mut shop, 10, 12);
    born(&mut shop, 2, 29);
    assert_eq!(shop.due(), 2, "a record for each rule");
    assert_eq!(
        told(&shop),
        [row(1, 0, "2024-10-04"), row(1, 1, "2024-10-11"), row(2, 0, "2024-10-04")]
    );
    assert_eq!(shop.due(), 0, "once");
    assert_eq!(shop.ledger.next_due().day, Some(DAY.plus(1)));
    shop.days(1);
    assert_eq!(told(&shop).last(), Some(&row(1, 2, "2024-10-12")));
    // Whenever it is booked, nobody is left out and nobody reminded twice.
    shop.days(150);
    let late = told(&shop);
    assert_eq!(
        late[4..],
        [
            row(1, 3, "2025-02-28"),
            row(2, 1, "2024-10-11"),
            row(2, 2, "2024-10-12"),
            row(2, 3, "2025-03-01"),
        ]
    );
    shop.days(365);
    assert_eq!(told(&shop).len(), late.len() + 8, "every year again");
    shop.audit();
}

#[test]
fn cards_tiers_and_value_are_reminded_before_they_end() {
    let mut shop = Shop::new(program(vec![
        rule(1, Remind::CardEnds, 30),
        rule(2, Remind::CardEnds, 0),
        rule(3, Remind::ValueEnds(POINTS), 5),
        rule(4, Remind::TierEnds, 3),
    ]));
    let member = shop.enrol();
    let (card, expires) = (CardNumber::new(70), DAY.plus(40));
    let product = ProductId::new(1);
    shop.ok(Action::IssueCard { member, card, product, expires, active: true, fee: 0 });
    shop.ok(adjust(member, 77));
    shop.ok(Action::SetTier { member, tier: TierId::new(0), until: DAY.plus(8) });
    let days = |shop: &mut Shop, days: u32| {
        let before = told(shop).len();
        for _ in 0..days {
            shop.days(1);
        }
        let now = told(shop);
        now[before..].iter().map(|row| (row.0, row.2.clone(), row.3)).collect::<Vec<_>>()
    };
    shop.due();
    assert_eq!(days(&mut shop, 6), [(4, DAY.plus(8).to_string(), 0)]);
    assert_eq!(
        days(&mut shop, 9),
        [(1, expires.to_string(), 0), (3, DAY.plus(20).to_string(), 77)]
    );
    // It is renewed: its new last day is another day.
    let again = DAY.plus(60);
    shop.ok(Action::RenewCard { card, expires: again, fee: 100 });
    assert_eq!(days(&mut shop, 30), [(1, again.to_string(), 0)]);
    assert_eq!(days(&mut shop, 20), [(2, again.to_string(), 0)]);
    shop.audit();
}

/// Many on one day come in several records; a ledger that is recovered in between goes on where the
/// journal ends.
#[test]
fn many_reminders_of_a_day_come_once_each() {
    let mut shop = Shop::new(program(vec![rule(1, birthday(LeapDay::Before), 0)]));
    for _ in 0..1_100 {
        born(&mut shop, 10, 4);
    }
    let closed = MemberChange::Close;
    shop.ok(Action::ChangeMember { member: MemberId::new(9), change: closed });
    let mut counts = Vec::new();
    loop {
        let mut bytes = Vec::new();
        let Some(receipt) = shop.ledger.apply_due(shop.at, &mut bytes) else { break };
        assert_eq!((receipt.kind, receipt.member), (Kind::Reminded, None));
        let record = Record::parse(&bytes).unwrap().0;
        counts.push(record.facts().filter(|fact| matches!(fact, Fact::Reminded { .. })).count());
        shop.records.push(bytes);
        shop.audit();
        let snapshot = shop.ledger.snapshot(JournalPosition::START);
        let program = Program::clone(shop.ledger.program());
        shop.ledger = ledger(Limits::default(), program);
        shop.ledger.restore(Snapshot::parse(&snapshot).unwrap()).unwrap();
    }
    assert_eq!(counts, [512, 512, 75]);
    let mut members: Vec<u32> = told(&shop).iter().map(|row| row.1).collect();
    members.dedup();
    assert_eq!(members, (0..1_100).filter(|id| *id != 9).collect::<Vec<_>>());
    assert_eq!(shop.ledger.reminded().collect::<Vec<_>>(), [(RuleId::new(1), DAY)]);
}

#[test]
fn two_reminders_have_two_numbers() {
    let twice = vec![rule(1, Remind::CardEnds, 0), rule(1, Remind::TierEnds, 0)];
    assert_eq!(program(twice).validate(), Err(ProgramError::KindTwice));
    let early = |days| program(vec![rule(1, Remind::CardEnds, days)]).validate();
    assert_eq!((early(366), early(367)), (Ok(()), Err(ProgramError::Reminder)));
}

/// A reminder: rule, its day, the number of the member, card or lot, the member, how much.
type Reminder = (RuleId, Day, u32, MemberId, i64);

/// Everything that a rule has to remind of from a day to a day, by looking at everybody.
fn slow(ledger: &Ledger, rule: &ReminderRule, from: Day, until: Day) -> Vec<Reminder> {
    let members = || (0..ledger.member_count() as u32).map(MemberId::new);
    let mut found = Vec::new();
    let mut on = |day: Day, subject, member, amount| {
        if (from..=until).contains(&day) {
            found.push((rule.id, day, subject, member, amount));
        }
    };
    match rule.of {
        Remind::Birthday { field, leap } => members().for_each(|member| {
            let Some(value) = ledger.field(member, field) else { return };
            let (month, date) = ((value / 100) as u8, (value % 100) as u8);
            let years = from.civil().0..=until.civil().0;
            let days = years.filter_map(|year| Day::birthday(year, month, date, leap));
            days.for_each(|day| on(day, member.value(), member, 0));
        }),
        Remind::CardEnds => (0..).zip(ledger.cards()).for_each(|(n, card)| {
            if !matches!(card.status, CardStatus::Replaced | CardStatus::Closed) {
                on(card.expires, n, ledger.resolve(card.member), 0);
            }
        }),
        Remind::TierEnds => members().for_each(|member| {
            on(ledger.member(member).unwrap().tier_until, member.value(), member, 0);
        }),
        Remind::TermEnds => members().for_each(|member| {
            ledger.term(member).into_iter().for_each(|day| on(day, member.value(), member, 0));
        }),
        Remind::ValueEnds(asset) => (0..1_000).map(LotId::new).for_each(|id| {
            let lot = ledger.lot(id).filter(|lot| lot.asset == asset && lot.left() > 0);
            if let Some(lot) = lot {
                on(lot.expires, id.value(), ledger.resolve(lot.member), lot.left());
            }
        }),
        other => panic!("{other:?}"),
    }
    let live = |member| {
        let status = ledger.member(member).unwrap().status;
        matches!(status, MemberStatus::Active | MemberStatus::Frozen)
            && ledger.resolve(member) == member
    };
    found.retain(|row| live(row.3));
    found.sort_by_key(|row| (row.1, row.2));
    found
}

/// Whatever members, cards and value there are and however late it is booked: what is reminded of is
/// what a look at everybody finds, in that order.
#[test]
fn reminders_are_what_a_look_at_everybody_finds() {
    let rules = vec![
        rule(1, birthday(LeapDay::Before), 7),
        rule(2, birthday(LeapDay::After), 0),
        rule(3, Remind::CardEnds, 30),
        rule(4, Remind::CardEnds, 0),
        rule(5, Remind::TierEnds, 3),
        rule(6, Remind::TermEnds, 366),
        rule(7, Remind::ValueEnds(POINTS), 5),
        rule(8, Remind::ValueEnds(MONEY), 1),
    ];
    let mut reminded = 0;
    for seed in 0..24 {
        let mut rng = proto_wire::Rng::new(&Seed::from_u64(seed));
        let program = program(rules.clone()).with_stored_expiry(Expiry::Days(9));
        let mut shop = Shop::new(program);
        let mut until: Vec<Option<Day>> = vec![None; rules.len()];
        // One seed has more on a day than stands in a record.
        let many = if seed == 0 { 700 } else { 12 };
        for step in 0..60 {
            let new = if step == 3 { many } else { rng.below(3) };
            for _ in 0..new {
                let member = shop.enrol();
                let value = [229, 228, 301, 1_231, 101, 1_010][rng.below(6) as usize];
                let value = (rng.below(5) > 0).then_some(value);
                if value.is_some() {
                    shop.ok(Action::SetField { member, field: BORN, value });
                }
            }
            let count = shop.ledger.member_count() as u64;
            let member = MemberId::new(rng.below(count.max(1)) as u32);
            let card = CardNumber::new(1 + rng.below(20));
            let day = shop.at.day.plus(rng.below(50) as u32);
            let action = match rng.below(12) {
                0 | 1 => {
                    let product = ProductId::new(0);
                    Action::IssueCard { member, card, product, expires: day, active: true, fee: 0 }
                }
                2 => Action::RenewCard { card, expires: day, fee: 0 },
                3 => change(card, CardChange::Close),
                4 => Action::ReplaceCard { card, new: CardNumber::new(100 + step), fee: 0 },
                5 => Action::SetTier { member, tier: TierId::new(0), until: day },
                6 => Action::SetTerm { member, plan: PlanId::new(1), until: day, fee: 0 },
                7 => adjust(member, 5),
                8 => top_up(member, 700),
                9 => Action::SetField { member, field: BORN, value: Some(229) },
                10 => Action::ChangeMember { member, change: MemberChange::Close },
                _ => {
                    let into = MemberId::new(rng.below(count.max(1)) as u32);
                    Action::MergeMembers { from: member, into }
                }
            };
            shop.run(action);
            if rng.below(3) > 0 {
                continue;
            }
            shop.skip([0, 1, 2, 9, 40, 300, 500][rng.below(7) as usize]);
            let (today, mut expected) = (shop.at.day, Vec::new());
            for (rule, until) in rules.iter().zip(&mut until) {
                let from = until.map_or(today, |until| until.plus(1));
                let from = from.max(Day::new(today.value() - 365));
                let last = today.plus(rule.days);
                expected.extend(slow(&shop.ledger, rule, from, last));
                *until = Some(last);
            }
            // Reminders come before what ends on the day is booked as such.
            let before = shop.records.len();
            shop.due();
            let records =
                shop.records[before..].iter().map(|bytes| Record::parse(bytes).unwrap().0);
            let facts = records.flat_map(Record::facts);
            let found: Vec<Reminder> = facts
                .filter_map(|fact| match fact {
                    Fact::Reminded { rule, member, day, subject, amount, .. } => {
                        Some((rule, day, subject, member, amount))
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(found, expected, "seed {seed}, step {step}");
            reminded += found.len();
        }
        shop.audit();
    }
    assert!(reminded > 1_000, "{reminded}");
}

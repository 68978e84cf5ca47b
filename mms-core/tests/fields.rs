//! Fields and tags of members, kinds of tender, goods with prices of their own.
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

const WINE: FieldId = FieldId::new(1);
const SOURCE: FieldId = FieldId::new(2);
const BORN: FieldId = FieldId::new(3);
const KEEPER: FieldId = FieldId::new(4);
const CHILDREN: FieldId = FieldId::new(5);
const CHANNEL: FieldId = FieldId::new(6);
const JOINED_BY: FieldId = FieldId::new(7);

fn program() -> Program {
    Program::default().with_fields(vec![
        Field::new(WINE, Holds::Tag),
        Field::new(SOURCE, Holds::Choice(2)).special(),
        Field::new(BORN, Holds::MonthDay),
        Field::new(KEEPER, Holds::Actor).special(),
        Field::new(CHILDREN, Holds::Number(0, 30)),
        Field::new(CHANNEL, Holds::Choice(4)),
        Field::new(JOINED_BY, Holds::Date),
    ])
}

fn set(member: MemberId, field: FieldId, value: impl Into<Option<i64>>) -> Action {
    Action::SetField { member, field, value: value.into() }
}

/// R12, R13, R14, R20, R21, R141: attributes have types, tags come and go and are found again.
#[test]
fn fields_hold_what_their_type_allows() {
    let mut shop = Shop::new(program());
    let (a, b) = (shop.enrol(), shop.enrol());
    for (field, good, bad) in [
        (WINE, vec![1], vec![0, 2, -1]),
        (SOURCE, vec![0, 1], vec![-1, 2]),
        (BORN, vec![101, 1_231, 229], vec![0, 100, 132, 230, 431, 1_301, -101, i64::MAX]),
        (KEEPER, vec![0, u32::MAX.into()], vec![-1, 1 << 32]),
        (CHILDREN, vec![0, 30], vec![-1, 31]),
        (JOINED_BY, vec![i32::MIN.into(), i32::MAX.into()], vec![i64::MIN, i64::MAX]),
    ] {
        for value in good {
            shop.ok(set(a, field, value));
            assert_eq!(shop.ledger.field(a, field), Some(value));
            assert_eq!(shop.no(set(a, field, value)), R::NothingToDo);
        }
        for value in bad {
            let before = shop.ledger.field(a, field);
            assert_eq!(shop.no(set(a, field, value)), R::ValueNotAllowed, "{field} {value}");
            assert_eq!(shop.ledger.field(a, field), before);
        }
    }
    assert_eq!(shop.no(set(a, FieldId::new(99), 1)), R::FieldUnknown);
    shop.ok(set(b, CHANNEL, 3));
    shop.ok(set(a, WINE, None));
    assert_eq!(shop.no(set(a, WINE, None)), R::NothingToDo);
    let own: Vec<_> = shop.ledger.fields_of(b).collect();
    assert_eq!(own, [(CHANNEL, 3)]);
    // A filter finds members by what they hold, and by what they do not.
    let find = |filter: MemberFilter| {
        let seen = Activity::new();
        let found: Vec<MemberId> =
            shop.ledger.members_where(&filter, &seen, shop.at.day).map(|(id, _)| id).collect();
        found
    };
    assert_eq!(find(MemberFilter::new().with_field(CHILDREN, 10..=30)), [a]);
    assert_eq!(find(MemberFilter::new().with_field(CHILDREN, 0..=29)), []);
    assert_eq!(find(MemberFilter::new().without_field(CHILDREN)), [b]);
    assert_eq!(
        find(MemberFilter::new().with_field(SOURCE, 1..=1).without_field(WINE)),
        [a],
        "compound"
    );
    shop.audit();
}

/// R10, R29: a member at its own portal writes general fields, never special ones; a cashier
/// likewise; a manager all.
#[test]
fn special_fields_are_not_the_members_to_write() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let roles = [
        (1, Permissions::ALL),
        (2, Permissions::SELF_SERVICE),
        (3, Permissions::MANAGER),
        (4, Permissions::STOCKKEEPER),
    ];
    for (actor, permissions) in roles {
        let permit = Action::Permit { actor: ActorId::new(actor), permissions };
        let command = shop.command(permit).by(ActorId::new(1), TerminalId::new(0));
        assert!(matches!(shop.submit(&command), Outcome::Accepted(_)));
    }
    let mut may = |actor, field, value| {
        let command = shop.command(set(member, field, value));
        let command = command.by(ActorId::new(actor), TerminalId::new(0));
        match shop.submit(&command) {
            Outcome::Accepted(_) => true,
            outcome => {
                assert_eq!(outcome, Outcome::Rejected(R::NotPermitted));
                false
            }
        }
    };
    assert_eq!([may(2, CHILDREN, 1), may(2, SOURCE, 1)], [true, false]);
    assert_eq!([may(3, CHILDREN, 2), may(3, SOURCE, 1)], [true, true]);
    assert_eq!([may(4, CHILDREN, 3), may(4, SOURCE, 0)], [false, false]);
    let command = shop.command(top_up(member, 5)).by(ActorId::new(2), TerminalId::new(0));
    assert_eq!(shop.submit(&command), Outcome::Rejected(R::NotPermitted));
    shop.audit();
}

/// R162: what somebody looked after goes to somebody else.
#[test]
fn members_of_a_seller_who_leaves_go_to_another() {
    let mut shop = Shop::new(program());
    let members: Vec<MemberId> = (0..5).map(|_| shop.enrol()).collect();
    for (member, keeper) in members.iter().zip([7, 8, 7, 7, 8]) {
        shop.ok(set(*member, KEEPER, keeper));
    }
    let of = |shop: &Shop, keeper: i64| {
        let filter = MemberFilter::new().with_field(KEEPER, keeper..=keeper);
        let seen = Activity::new();
        let found = shop.ledger.members_where(&filter, &seen, shop.at.day);
        found.map(|(id, _)| id).collect::<Vec<_>>()
    };
    for member in of(&shop, 7) {
        shop.ok(set(member, KEEPER, 9));
    }
    assert_eq!([of(&shop, 7).len(), of(&shop, 8).len(), of(&shop, 9).len()], [0, 2, 3]);
    shop.audit();
}

/// Erasing forgets fields; of two members that become one, the one that stays knows best.
#[test]
fn fields_go_with_erasure_and_come_along_with_a_merger() {
    let mut shop = Shop::new(program());
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(set(a, CHILDREN, 1));
    shop.ok(set(a, WINE, 1));
    shop.ok(set(b, CHILDREN, 2));
    shop.ok(Action::MergeMembers { from: a, into: b });
    assert_eq!(shop.ledger.fields_of(b).collect::<Vec<_>>(), [(WINE, 1), (CHILDREN, 2)]);
    assert_eq!(shop.ledger.fields_of(a).count(), 0);
    assert_eq!(shop.ledger.field(a, WINE), Some(1), "the first id leads to the second");
    shop.audit();
    shop.ok(Action::ChangeMember { member: b, change: MemberChange::Close });
    assert_eq!(shop.no(set(b, CHILDREN, 3)), R::MemberClosed);
    shop.ok(Action::ChangeMember { member: b, change: MemberChange::Erase });
    assert_eq!(shop.ledger.fields_of(b).count(), 0);
    shop.audit();
}

/// R144, trap 5: who has a birthday, on both rules for 29 February, over the turn of the year.
#[test]
fn birthdays_are_on_the_board_of_their_day() {
    let mut shop = Shop::new(program());
    for born in [229, 1_231, 102, 1_004, 1_005] {
        let member = shop.enrol();
        shop.ok(set(member, BORN, born));
    }
    let day = |text: &str| {
        let days = (15_000..25_000).map(Day::new);
        days.into_iter().find(|day| day.to_string() == text).unwrap()
    };
    let on = |from: &str, until: &str, leap| {
        let found = shop.ledger.birthdays(BORN, day(from), day(until), leap);
        found.iter().map(|(day, id)| format!("{day} {id}")).collect::<Vec<_>>()
    };
    assert_eq!(on("2024-10-04", "2024-10-04", LeapDay::Before), ["2024-10-04 3"]);
    assert_eq!(on("2025-02-28", "2025-02-28", LeapDay::Before), ["2025-02-28 0"]);
    assert_eq!(on("2025-02-28", "2025-02-28", LeapDay::After), [] as [&str; 0]);
    assert_eq!(on("2025-03-01", "2025-03-01", LeapDay::After), ["2025-03-01 0"]);
    assert_eq!(on("2028-02-28", "2028-02-29", LeapDay::After), ["2028-02-29 0"]);
    let turn = ["2024-12-31 1", "2025-01-02 2"];
    assert_eq!(on("2024-12-30", "2025-01-05", LeapDay::Before), turn);
    assert_eq!(on("2024-10-05", "2025-10-04", LeapDay::Before).len(), 5, "each once a year");
}

#[test]
fn fields_max_at_its_edge() {
    let mut shop = Shop::with_limits(Limits::default().with_fields_max(2), program());
    let member = shop.enrol();
    shop.ok(set(member, CHILDREN, 1));
    shop.ok(set(member, WINE, 1));
    assert_eq!(shop.no(set(member, CHANNEL, 1)), R::FieldsFull);
    shop.ok(set(member, CHILDREN, 2));
    shop.ok(set(member, WINE, None));
    shop.ok(set(member, CHANNEL, 1));
    shop.audit();
}

/// Fields of members and of sales share the limit, in whichever order they are set.
#[test]
fn fields_of_sales_count_towards_fields_max() {
    let field = FieldId::new(9);
    let program = program().with_sale_fields(vec![Field::new(field, Holds::Number(0, 9))]);
    for sale_first in [true, false] {
        let limits = Limits::default().with_fields_max(1);
        let mut shop = Shop::with_limits(limits, program.clone());
        let member = shop.enrol();
        let sale = shop.ok(checkout(member, &[line(1, 1, 100)], Pay::Cash)).sale().unwrap();
        let of_sale = |value| Action::SetSaleField { sale, field, value };
        let of_member = |value: Option<i64>| Action::SetField { member, field: WINE, value };
        let (first, second, cleared) = if sale_first {
            (of_sale(Some(1)), of_member(Some(1)), of_sale(None))
        } else {
            (of_member(Some(1)), of_sale(Some(1)), of_member(None))
        };
        shop.ok(first);
        assert_eq!(shop.no(second.clone()), R::FieldsFull, "sale first: {sale_first}");
        shop.ok(cleared);
        shop.ok(second);
        shop.audit();
    }
}

/// R55, R107: cash, bank card, cheque: each store knows how much of what it took.
#[test]
fn kinds_of_tender_sum_to_what_came_over_the_counter() {
    let mut shop = Shop::new(Program::sample());
    let member = shop.enrol();
    let (cash, card, cheque) = (TenderId::new(0), TenderId::new(1), TenderId::new(2));
    let mut sale = None;
    for (store, tender, action) in [
        (1, card, top_up(member, 30_000)),
        (1, cash, top_up(member, 500)),
        (2, cheque, top_up(member, 7_000)),
        (1, card, checkout(member, &[line(1, 1, 4_000)], Pay::Cash)),
        // Nothing comes over the counter.
        (1, card, spend(member, 900)),
    ] {
        shop.store = StoreId::new(store);
        let command = shop.command(action).paid_by(tender);
        let Outcome::Accepted(receipt) = shop.submit(&command) else { panic!() };
        if receipt.kind == Kind::Sold {
            sale = Some(receipt);
        }
    }
    assert!(!shop.last().facts().any(|fact| matches!(fact, Fact::TenderedBy { .. })));
    // A part of the sale goes back to the card, the rest in cash.
    let back = shop.command(refund(&sale.unwrap(), Part::Amount(1_000))).paid_by(card);
    shop.submit(&back);
    shop.ok(refund(&sale.unwrap(), Part::Amount(200)));
    let mut turnover = Turnover::new();
    for bytes in &shop.records {
        turnover.observe(Record::parse(bytes).unwrap().0);
    }
    let tenders = |store| turnover.tenders(DAY..=DAY, store).into_iter().collect::<Vec<_>>();
    assert_eq!(tenders(Some(StoreId::new(1))), [(cash, 300), (card, 33_000)]);
    assert_eq!(tenders(Some(StoreId::new(2))), [(cheque, 7_000)]);
    let sum: i128 = tenders(None).iter().map(|(_, amount)| amount).sum();
    assert_eq!(sum, shop.ledger.total(Code::Tender, MONEY), "ties to the accounts");
    assert_eq!(sum, turnover.digest(DAY..=DAY, None).tender);
    // With another tender it is another command.
    let first = shop.command(top_up(member, 1)).paid_by(card);
    shop.submit(&first);
    let other = first.clone().paid_by(cash);
    assert!(matches!(shop.submit(&other), Outcome::Conflict(_)));
    shop.audit();
}

fn nets(shop: &mut Shop, member: MemberId, lines: &[Line]) -> Vec<i64> {
    let quote = shop.ledger.quote(Some(member.into()), lines).unwrap();
    let sale = shop.ok(checkout(member, lines, Pay::Cash));
    assert_eq!(sale.amount, quote.net);
    let sale = shop.ledger.sale(sale.sale().unwrap()).unwrap();
    shop.ledger.sale_lines(&sale).map(|line| line.net).collect()
}

/// R89, R90: an article has its own discount, the tier's comes on top, a special price is special.
#[test]
fn an_article_may_have_a_discount_of_its_own() {
    let half = ItemRule::new(Sku::new(1), Ratio::percent(50));
    let tier = Tier::new(TierId::new(0)).with_discount(Ratio::percent(10));
    let program = Program::default().with_items(vec![half]).with_tiers(vec![tier]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    let lines = [line(1, 2, 1_000), line(2, 1, 1_000), line(1, 1, 1_000).at_special_price()];
    assert_eq!(nets(&mut shop, member, &lines), [900, 900, 1_000]);
    shop.audit();
}

/// R91: as many whole sets as there are, each article in one set, whatever the lines.
#[test]
fn goods_that_are_bought_together_cost_less() {
    let (cup, plate) = (Sku::new(1), Sku::new(2));
    let program = Program::default().with_bundles(vec![
        Bundle::new(vec![(cup, 2), (plate, 1)], 300),
        Bundle::new(vec![(plate, 2)], 10),
    ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    for (lines, off) in [
        (vec![line(1, 2, 1_000)], 0),
        (vec![line(1, 2, 1_000), line(2, 1, 1_000)], 300),
        (vec![line(1, 1, 1_000), line(2, 1, 1_000), line(1, 1, 1_000), line(3, 9, 1)], 300),
        (vec![line(1, 5, 1_000), line(2, 2, 1_000)], 600),
        (vec![line(1, 5, 1_000), line(2, 5, 1_000)], 600 + 10),
        (vec![line(1, 2, 1_000), line(2, 1, 1_000).at_special_price()], 0),
        // Never more than they cost.
        (vec![line(1, 2, 50), line(2, 1, 100)], 200),
    ] {
        let list: i64 = lines.iter().map(|line| line.price * i64::from(line.quantity)).sum();
        let nets = nets(&mut shop, member, &lines);
        assert_eq!(list - nets.iter().sum::<i64>(), off, "{lines:?}");
    }
    // What comes back line by line sums to what was paid.
    let sale = shop.ok(checkout(member, &[line(1, 2, 1_000), line(2, 1, 999)], Pay::Cash));
    for line in 0..2 {
        shop.ok(refund(&sale, Part::Line { line, quantity: [2, 1][usize::from(line)] }));
    }
    assert_eq!(shop.ledger.sale(sale.sale().unwrap()).unwrap().left(), 0);
    shop.audit();
}

#[test]
fn programs_that_contradict_themselves_are_refused() {
    let wrong = |program: Program| program.validate().unwrap_err();
    let base = Program::default;
    let field = Field::new(WINE, Holds::Tag);
    assert_eq!(wrong(base().with_fields(vec![field, field])), ProgramError::KindTwice);
    let item = ItemRule::new(Sku::new(1), Ratio::percent(50));
    assert_eq!(wrong(base().with_items(vec![item, item])), ProgramError::KindTwice);
    let much = ItemRule::new(Sku::new(1), Ratio::percent(101));
    assert_eq!(wrong(base().with_items(vec![much])), ProgramError::Discount);
    let (cup, plate) = (Sku::new(1), Sku::new(2));
    for parts in [vec![], vec![(cup, 0)], vec![(cup, 1), (plate, 1), (cup, 1)]] {
        let bundle = Bundle::new(parts, 1);
        assert_eq!(wrong(base().with_bundles(vec![bundle])), ProgramError::Kind);
    }
    let bundle = Bundle::new(vec![(cup, 1)], -1);
    assert_eq!(wrong(base().with_bundles(vec![bundle])), ProgramError::Negative);
}

/// R115: number and day of a tour are kept with its sale, checked by their types, and go with it.
#[test]
fn a_sale_has_fields_as_long_as_it_can_be_returned() {
    let (tour, leaves) = (FieldId::new(1), FieldId::new(2));
    let program = Program::default().with_return_days(5).with_sale_fields(vec![
        Field::new(tour, Holds::Number(1, 9_999)),
        Field::new(leaves, Holds::Date),
    ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    let first = shop.ok(checkout(member, &[line(1, 1, 500)], Pay::Cash)).sale().unwrap();
    let set = |sale, field, value| Action::SetSaleField { sale, field, value };
    assert_eq!(shop.no(set(first, tour, Some(10_000))), Rejection::ValueNotAllowed);
    assert_eq!(shop.no(set(first, FieldId::new(3), Some(1))), Rejection::FieldUnknown);
    assert_eq!(shop.no(set(SaleId::new(1), tour, Some(7))), Rejection::SaleUnknown);
    shop.ok(set(first, tour, Some(77)));
    assert_eq!(shop.no(set(first, tour, Some(77))), Rejection::NothingToDo);
    shop.ok(set(first, leaves, Some(20_100)));
    shop.ok(set(first, tour, Some(78)));
    let fields = |shop: &Shop, sale| shop.ledger.sale_fields(sale).collect::<Vec<_>>();
    assert_eq!(fields(&shop, first), [(tour, 78), (leaves, 20_100)]);
    shop.audit();
    shop.skip(3);
    let second = shop.ok(checkout(member, &[line(1, 1, 500)], Pay::Cash)).sale().unwrap();
    shop.ok(set(second, tour, Some(5)));
    shop.ok(set(first, leaves, None));
    shop.skip(3);
    assert_eq!(shop.no(set(first, tour, Some(1))), Rejection::SaleUnknown);
    shop.ok(top_up(member, 5));
    assert_eq!((fields(&shop, first), fields(&shop, second)), (vec![], vec![(tour, 5)]));
    shop.audit();
}

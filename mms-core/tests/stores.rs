//! A store's own books: goods between stores, messages, other money; and where business is done.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::scheme::MUG;
use common::*;
use mms_core::*;

use std::collections::BTreeMap;

const ONE: StoreId = StoreId::new(1);
const TWO: StoreId = StoreId::new(2);

fn on(shop: &Shop, store: StoreId, code: Code) -> i64 {
    code.natural(shop.ledger.raw_balance(Account::of_store(store, code, MUG).unwrap()))
}

/// What went in is somewhere: in a store, on the way, given away or missing (I22).
#[test]
fn no_goods_are_lost_between_stores() {
    let mut shop = Shop::new(Program::default());
    shop.ok(Action::StockGoods { goods: MUG, quantity: 10 });
    let send = |quantity, to| Action::SendGoods { goods: MUG, quantity, to };
    assert_eq!(shop.no(send(11, TWO)), Rejection::InsufficientGoods);
    assert_eq!(shop.no(send(1, ONE)), Rejection::SameStore);
    shop.ok(send(7, TWO));
    assert_eq!((on(&shop, ONE, Code::Stock), on(&shop, TWO, Code::InTransit)), (3, 7));
    assert_eq!(shop.no(send(4, TWO)), Rejection::InsufficientGoods, "what is on the way is gone");
    shop.audit();
    shop.store = TWO;
    let receive = |quantity| Action::ReceiveGoods { goods: MUG, quantity };
    assert_eq!(shop.no(receive(8)), Rejection::InsufficientGoods);
    shop.ok(receive(5));
    shop.ok(receive(2));
    assert_eq!(shop.no(Action::CountGoods { goods: MUG, counted: 7 }), Rejection::NothingToDo);
    shop.ok(Action::CountGoods { goods: MUG, counted: 6 });
    let counted = Fact::GoodsCounted { goods: MUG, expected: 7, counted: 6 };
    assert_eq!(shop.last().facts().collect::<Vec<_>>(), [counted]);
    assert_eq!((on(&shop, TWO, Code::Stock), on(&shop, TWO, Code::Shrinkage)), (6, 1));
    let total = |code| shop.ledger.total(code, MUG);
    assert_eq!(total(Code::Stock) + total(Code::InTransit) + total(Code::Shrinkage), 10);
    shop.audit();
}

/// Other money and messages tie to the till and to the accounts, category by category.
#[test]
fn other_income_and_expenses_tie_to_the_accounts() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    shop.ok(top_up(member, 5_000));
    for (store, amount, category) in [(ONE, 900, 1), (ONE, -250, 2), (TWO, -30, 2), (TWO, 5, 3)] {
        shop.store = store;
        shop.ok(Action::BookOther { amount, category });
    }
    shop.ok(Action::BuyMessages { count: 100, price: 400 });
    shop.ok(Action::UseMessages { count: 30 });
    let mut turnover = Turnover::new();
    for bytes in &shop.records {
        turnover.observe(Record::parse(bytes).unwrap().0);
    }
    let days = DAY..=DAY;
    let all = BTreeMap::from([(1, 900), (2, -280), (3, 5)]);
    assert_eq!(turnover.other(days.clone(), None), all);
    assert_eq!(turnover.other(days.clone(), Some(TWO)), BTreeMap::from([(2, -30), (3, 5)]));
    let digest = turnover.digest(days.clone(), None);
    assert_eq!((digest.other_income, digest.expenses), (905, 680));
    assert_eq!(digest.other_income, -shop.ledger.total(Code::OtherIncome, MONEY));
    assert_eq!(digest.expenses, shop.ledger.total(Code::Expense, MONEY));
    let sum: i128 = all.values().sum();
    assert_eq!(sum - 400, digest.other_income - digest.expenses, "with the price of messages");
    assert_eq!(digest.tender, 5_000 + 625 - 400);
    assert_eq!(digest.tender, shop.ledger.total(Code::Tender, MONEY));
    let kinds = turnover.tenders(days, None);
    assert_eq!(kinds.values().sum::<i128>(), digest.tender);
    let left = Account::of_store(TWO, Code::Messages, MESSAGES).unwrap();
    assert_eq!(shop.ledger.raw_balance(left), 70);
    assert_eq!(shop.no(Action::UseMessages { count: 71 }), Rejection::InsufficientMessages);
    shop.audit();
}

/// As soon as one store is known, business is done in stores that are known and open; who may say so
/// is never locked out.
#[test]
fn business_is_done_in_stores_that_are_open() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let set = |store, open| Action::SetStore { store, open };
    shop.ok(set(TWO, true));
    assert_eq!(shop.no(top_up(member, 5)), Rejection::StoreClosed);
    shop.ok(set(ONE, true));
    assert_eq!(shop.no(set(ONE, true)), Rejection::NothingToDo);
    shop.ok(top_up(member, 5));
    shop.ok(set(ONE, false));
    assert_eq!(shop.no(spend(member, 5)), Rejection::StoreClosed);
    shop.store = TWO;
    shop.ok(spend(member, 5));
    assert_eq!(shop.ledger.stores().collect::<Vec<_>>(), [(ONE, false), (TWO, true)]);
    shop.audit();
}

#[test]
fn a_terminal_is_used_where_it_stands() {
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let till = TerminalId::new(5);
    let set = |store, open| Action::SetTerminal { terminal: till, store, open };
    shop.ok(set(ONE, true));
    assert_eq!(shop.no(top_up(member, 5)), Rejection::TerminalUnknown);
    let at = |shop: &mut Shop, action| {
        let command = shop.command(action).by(ActorId::new(0), till);
        shop.submit(&command)
    };
    assert!(matches!(at(&mut shop, top_up(member, 5)), Outcome::Accepted(_)));
    shop.store = TWO;
    let elsewhere = Outcome::Rejected(Rejection::TerminalUnknown);
    assert_eq!(at(&mut shop, top_up(member, 5)), elsewhere);
    shop.ok(set(TWO, true));
    assert!(matches!(at(&mut shop, top_up(member, 5)), Outcome::Accepted(_)));
    shop.ok(set(TWO, false));
    assert_eq!(at(&mut shop, top_up(member, 5)), elsewhere);
    assert_eq!(shop.ledger.terminals().collect::<Vec<_>>(), [(till, TWO, false)]);
    shop.audit();
}

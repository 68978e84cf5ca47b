//! `double-entry`: its ledger takes the entries; what it has not is kept in maps beside it.
#![allow(
    clippy::disallowed_types,
    reason = "the quickest maps that there are; none is walked over"
)]

use super::shop::{Asset, Part, Sold, Store, TODAY, Tables};
use double_entry::{Account, AccountType, Amount, Currency, JournalEntry, Ledger, Line};
use std::collections::{BTreeMap, HashMap};

/// The ledger, and what it has not: balances that need no sum over all entries, lots, first
/// answers, the parts of a sale.
pub(super) struct Entries {
    ledger: Ledger,
    money: Currency,
    points: Currency,
    lines: [Vec<Line>; 2],
    answers: HashMap<i64, [i64; 3]>,
    balances: HashMap<i64, i64>,
    /// By member, asset, last day and number.
    lots: BTreeMap<(i64, i64, i64, i64), (i64, i64)>,
    sales: HashMap<i64, Sold>,
}

impl Entries {
    pub(super) fn new() -> Self {
        let currency = |alpha| *double_entry::currencies::by_alpha(alpha).expect("a currency");
        Self {
            ledger: Ledger::new(),
            money: currency("EUR"),
            // An entry has one currency; any other stands for points.
            points: currency("USD"),
            lines: [Vec::new(), Vec::new()],
            answers: HashMap::new(),
            balances: HashMap::new(),
            lots: BTreeMap::new(),
            sales: HashMap::new(),
        }
    }
}

impl Store for Entries {
    fn transact(&mut self, f: &mut dyn FnMut(&mut dyn Tables)) {
        f(self);
    }
}

impl Tables for Entries {
    fn is_known(&mut self, key: i64) -> bool {
        self.answers.contains_key(&key)
    }

    fn answered(&mut self, key: i64, digest: i64, stored: i64, points: i64) {
        for (n, lines) in self.lines.iter_mut().enumerate() {
            if lines.is_empty() {
                continue;
            }
            let lines = std::mem::take(lines);
            let entry = JournalEntry::draft(format!("{key}-{n}"), "2026-09-21", "2026-09", lines);
            self.ledger.post(&entry, self.ledger.version()).expect("balanced and new");
        }
        self.answers.insert(key, [digest, stored, points]);
    }

    fn post(&mut self, _: i64, _: i64, account: i64, asset: Asset, amount: i64) -> i64 {
        let (currency, lines) = match asset {
            Asset::Money => (self.money, &mut self.lines[0]),
            Asset::Points => (self.points, &mut self.lines[1]),
        };
        let name = account.to_string();
        let balance = self.balances.entry(account).or_insert_with(|| {
            self.ledger.add_account(Account::new(&*name, "", AccountType::Asset));
            0
        });
        *balance += amount;
        let size = Amount::minor(amount.abs(), currency);
        lines.push(if amount > 0 { Line::debit(name, size) } else { Line::credit(name, size) });
        *balance
    }

    fn balance(&mut self, account: i64) -> i64 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    fn lots(&mut self, member: i64, asset: Asset, f: &mut dyn FnMut(Part) -> bool) {
        let asset = asset as i64;
        let from = (member, asset, TODAY, 0);
        let lots = self.lots.range(from..=(member, asset, i64::MAX, i64::MAX));
        for ((_, _, expires, lot), (principal, bonus)) in lots {
            let (lot, expires) = (*lot, *expires);
            if f(Part { lot, expires, principal: *principal, bonus: *bonus }) {
                return;
            }
        }
    }

    fn add(&mut self, member: i64, asset: Asset, part: Part) {
        let key = (member, asset as i64, part.expires, part.lot);
        let lot = self.lots.entry(key).or_default();
        *lot = (lot.0 + part.principal, lot.1 + part.bonus);
        if *lot == (0, 0) {
            self.lots.remove(&key);
        }
    }

    fn open_sale(&mut self, key: i64, sold: &Sold) {
        self.sales.insert(key, sold.clone());
    }

    fn return_sale(&mut self, key: i64) -> Sold {
        self.sales.remove(&key).expect("a sale that was not returned")
    }
}

//! Accounts of stores.

use crate::account::Account;
use alloc::vec::Vec;

/// Raw balances of stores' accounts, sorted by owner, code and asset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    rows: Vec<(u64, i64)>,
    /// Where a few accounts were found last, by a part of their keys: commands of one store book
    /// on the same ones again and again.
    found: [u32; 32],
}

/// Where accounts were found last does not count.
impl PartialEq for Books {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Books {}

impl Books {
    /// Books with these rows; `None` when they are out of order or of no account.
    pub(crate) fn from_rows(rows: Vec<(u64, i64)>) -> Option<Self> {
        let sorted = rows.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0));
        let known = rows.iter().all(|(key, _)| {
            Account::from_key(*key).is_some_and(|account| !account.code().is_member())
        });
        (sorted && known).then_some(Self { rows, found: [0; 32] })
    }

    /// Keys and raw balances, in order.
    pub(crate) fn rows(&self) -> &[(u64, i64)] {
        &self.rows
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    #[inline]
    pub(crate) fn balance(&self, account: Account) -> Option<i64> {
        let at = self.rows.binary_search_by_key(&account.key(), |(key, _)| *key).ok()?;
        self.rows.get(at).map(|(_, amount)| *amount)
    }

    #[inline]
    pub(crate) fn book(&mut self, account: Account, amount: i64) {
        let key = account.key();
        let hint = self.found.get(hint_of(key)).map_or(0, |at| *at as usize);
        match self.rows.get_mut(hint) {
            Some((of, balance)) if *of == key => *balance = balance.saturating_add(amount),
            _ => self.book_found(key, amount),
        }
    }

    fn book_found(&mut self, key: u64, amount: i64) {
        let at = match self.rows.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => {
                if let Some((_, balance)) = self.rows.get_mut(at) {
                    *balance = balance.saturating_add(amount);
                }
                at
            }
            Err(at) => {
                self.rows.insert(at, (key, amount));
                at
            }
        };
        if let Some(hint) = self.found.get_mut(hint_of(key)) {
            *hint = u32::try_from(at).unwrap_or(0);
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Account, i64)> {
        self.rows
            .iter()
            .filter_map(|(key, amount)| Account::from_key(*key).map(|account| (account, *amount)))
    }
}

/// Codes of one asset that come together differ in these bits.
const fn hint_of(key: u64) -> usize {
    let code = (key >> 16) & 15;
    let asset = (key & 1) << 4;
    (code | asset) as usize
}

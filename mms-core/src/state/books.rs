//! Accounts of stores.

use crate::account::Account;
use alloc::vec::Vec;

/// Raw balances of stores' accounts, sorted by owner, code and asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    rows: Vec<(u64, i64)>,
}

impl Books {
    /// Books with these rows; `None` when they are out of order or of no account.
    pub(crate) fn from_rows(rows: Vec<(u64, i64)>) -> Option<Self> {
        let sorted = rows.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0));
        let known = rows.iter().all(|(key, _)| {
            Account::from_key(*key).is_some_and(|account| !account.code().is_member())
        });
        (sorted && known).then_some(Self { rows })
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
        match self.rows.binary_search_by_key(&account.key(), |(key, _)| *key) {
            Ok(at) => {
                if let Some((_, balance)) = self.rows.get_mut(at) {
                    *balance = balance.saturating_add(amount);
                }
            }
            Err(at) => self.rows.insert(at, (account.key(), amount)),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Account, i64)> {
        self.rows
            .iter()
            .filter_map(|(key, amount)| Account::from_key(*key).map(|account| (account, *amount)))
    }
}

//! Whether postings balance.

use crate::account::{MONEY, POINTS, Posting};
use alloc::vec::Vec;

/// The sum of postings for each asset; a record has few assets, and so few postings that no sum
/// of them leaves 128 bits.
#[derive(Default)]
pub(crate) struct Sums {
    money: i128,
    points: i128,
    others: Vec<(u16, i128)>,
}

impl Sums {
    #[inline]
    pub(crate) fn add(&mut self, posting: Posting) {
        let amount = i128::from(posting.amount);
        match posting.account.asset() {
            MONEY => self.money = self.money.wrapping_add(amount),
            POINTS => self.points = self.points.wrapping_add(amount),
            other => self.add_other(other.value(), amount),
        }
    }

    #[cold]
    fn add_other(&mut self, asset: u16, amount: i128) {
        match self.others.iter_mut().find(|(of, _)| *of == asset) {
            Some((_, sum)) => *sum = sum.wrapping_add(amount),
            None => self.others.push((asset, amount)),
        }
    }

    pub(crate) fn balance(&self) -> bool {
        self.money == 0 && self.points == 0 && self.others.iter().all(|(_, sum)| *sum == 0)
    }
}

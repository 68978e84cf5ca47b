//! What is taken off for certain goods.

use crate::amount::Ratio;
use crate::ids::Sku;
use alloc::vec::Vec;

/// What is taken off an article (单独打折系数). Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemRule {
    /// Which.
    pub sku: Sku,
    /// So much of its price.
    pub off: Ratio,
}

impl ItemRule {
    /// `off` the price of `sku`.
    #[must_use]
    pub const fn new(sku: Sku, off: Ratio) -> Self {
        Self { sku, off }
    }
}

/// What is taken off for goods that are bought together (产品套餐).
/// Part of a [`Program`](super::Program).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundle {
    /// How many of what make a set.
    pub parts: Vec<(Sku, u32)>,
    /// What is taken off each whole set, in minor units.
    pub off: i64,
}

impl Bundle {
    /// `off` for each set of `parts`.
    #[must_use]
    pub const fn new(parts: Vec<(Sku, u32)>, off: i64) -> Self {
        Self { parts, off }
    }
}

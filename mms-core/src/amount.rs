//! Whole numbers only: ratios, roundings, and splits that always add up.
//!
//! Amounts are `i64` minor units of their asset (cents, points, uses). Products are taken
//! in 128 bits; what does not fit is an error, never a wrapped or a saturated number.

use crate::wire::wire_enum;

wire_enum! {
    /// What happens to the part of a unit. Every rule names its own; a value is rounded
    /// once.
    pub enum Rounding: u8 {
        /// Towards zero.
        Down = 0,
        /// Away from zero.
        Up = 1,
        /// To the nearest; a half goes away from zero.
        HalfUp = 2,
        /// To the nearest; a half goes to the even neighbour.
        HalfEven = 3,
    }
}

/// A fraction of two whole numbers.
///
/// ```
/// use mms_core::{Ratio, Rounding};
///
/// let nine_tenths = Ratio::percent(90);
/// assert_eq!(nine_tenths.of(1_005, Rounding::HalfUp), Some(905));
/// assert_eq!(Ratio::new(1, 3).unwrap().of(100, Rounding::Down), Some(33));
/// assert_eq!(Ratio::new(1, 0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: u32,
    den: u32,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { num: 0, den: 1 };
    /// All.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// `num / den`; `None` when `den` is zero.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if den == 0 { None } else { Some(Self { num, den }) }
    }

    /// `n / 100`.
    #[must_use]
    pub const fn percent(n: u32) -> Self {
        Self { num: n, den: 100 }
    }

    /// `n / 1`.
    #[must_use]
    pub const fn times(n: u32) -> Self {
        Self { num: n, den: 1 }
    }

    /// The number above the line.
    #[must_use]
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The number below the line, not zero.
    #[must_use]
    pub const fn den(self) -> u32 {
        self.den
    }

    /// This share of `amount`; `None` when the result does not fit.
    #[must_use]
    pub fn of(self, amount: i64, rounding: Rounding) -> Option<i64> {
        mul_div(amount, u64::from(self.num), u64::from(self.den), rounding)
    }

    /// The product of two ratios, unreduced: numerator and denominator.
    #[must_use]
    pub fn product(self, other: Self) -> (u64, u64) {
        (
            u64::from(self.num).saturating_mul(u64::from(other.num)),
            u64::from(self.den).saturating_mul(u64::from(other.den)),
        )
    }
}

/// `amount × num / den`, rounded once; `None` when `den` is zero or the result does not fit.
/// See [`Ratio`].
#[must_use]
pub fn mul_div(amount: i64, num: u64, den: u64, rounding: Rounding) -> Option<i64> {
    let negative = amount < 0;
    let size = amount.unsigned_abs();
    let (quotient, rest) = if let Some(product) = size.checked_mul(num) {
        (product.checked_div(den)?, product.checked_rem(den)?)
    } else {
        let product = u128::from(size).checked_mul(u128::from(num))?;
        let quotient = product.checked_div(u128::from(den))?;
        let rest = product.checked_rem(u128::from(den))?;
        (u64::try_from(quotient).ok()?, u64::try_from(rest).ok()?)
    };
    // `rest < den`, so `den - rest` is the distance to the next unit.
    let distance = den.saturating_sub(rest);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::HalfUp => rest != 0 && rest >= distance,
        Rounding::HalfEven => {
            rest != 0 && (rest > distance || (rest == distance && quotient % 2 == 1))
        }
    };
    let size = i64::try_from(quotient.checked_add(u64::from(up))?).ok()?;
    if negative { size.checked_neg() } else { Some(size) }
}

/// Splits `total` in proportion to `weights`: each part is rounded down, then the largest
/// remainders get one more, ties to the first. The parts always sum to `total`.
///
/// `None` when `total` or a weight is negative, or when all weights are zero and `total`
/// is not.
///
/// ```
/// let mut parts = [0; 3];
/// mms_core::split(100, &[1, 1, 1], &mut parts).unwrap();
/// assert_eq!(parts, [34, 33, 33]);
/// ```
#[must_use]
pub fn split(total: i64, weights: &[i64], parts: &mut [i64]) -> Option<()> {
    let total = u64::try_from(total).ok()?;
    let mut sum: u64 = 0;
    for weight in weights {
        sum = sum.checked_add(u64::try_from(*weight).ok()?)?;
    }
    if weights.len() != parts.len() || (sum == 0 && total != 0) {
        return None;
    }
    let mut given: u64 = 0;
    for (part, weight) in parts.iter_mut().zip(weights) {
        *part = if sum == 0 { 0 } else { mul_div(*weight, total, sum, Rounding::Down)? };
        given = given.checked_add(u64::try_from(*part).ok()?)?;
    }
    // Fewer units are left than there are parts: one for each of the largest remainders.
    let mut left = total.saturating_sub(given);
    let mut bound = u128::MAX;
    let mut from = 0;
    while left > 0 {
        let best = remainders(total, sum, weights)
            .enumerate()
            .filter(|(index, rest)| *rest < bound || (*rest == bound && *index >= from))
            .max_by(|(i, a), (j, b)| a.cmp(b).then(j.cmp(i)))?;
        let part = parts.get_mut(best.0)?;
        *part = part.checked_add(1)?;
        (bound, from) = (best.1, best.0.saturating_add(1));
        left = left.saturating_sub(1);
    }
    Some(())
}

fn remainders(total: u64, sum: u64, weights: &[i64]) -> impl Iterator<Item = u128> {
    weights.iter().map(move |weight| {
        u128::from(weight.unsigned_abs())
            .saturating_mul(u128::from(total))
            .checked_rem(u128::from(sum))
            .unwrap_or(0)
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ratio_keeps_what_stands_above_and_below_the_line() {
        let ratio = Ratio::new(3, 7).unwrap();
        assert_eq!((ratio.num(), ratio.den()), (3, 7));
        let other = Ratio::new(5, 11).unwrap();
        assert_eq!(ratio.product(other), (15, 77));
    }

    #[test]
    fn rounding_as_a_table() {
        // amount, num, den, down, up, half up, half even
        for (amount, num, den, expected) in [
            (10, 1, 4, [2, 3, 3, 2]),
            (14, 1, 4, [3, 4, 4, 4]),
            (-10, 1, 4, [-2, -3, -3, -2]),
            (9, 1, 3, [3, 3, 3, 3]),
            (1, 1, 3, [0, 1, 0, 0]),
            (2, 1, 3, [0, 1, 1, 1]),
            (0, 7, 3, [0, 0, 0, 0]),
        ] {
            for (rounding, expected) in Rounding::ALL.iter().zip(expected) {
                assert_eq!(
                    mul_div(amount, num, den, *rounding),
                    Some(expected),
                    "{amount} * {num} / {den} {rounding:?}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(mul_div(i64::MAX, 2, 1, Rounding::Down), None);
        assert_eq!(mul_div(1, 1, 0, Rounding::Down), None);
        assert_eq!(mul_div(i64::MIN, 1, 1, Rounding::Down), None);
        assert_eq!(mul_div(i64::MAX, u64::MAX, u64::MAX, Rounding::Up), Some(i64::MAX));
    }

    #[test]
    fn the_largest_remainder_is_served_first_and_ties_go_to_the_first() {
        let mut parts = [0; 4];
        split(10, &[3, 3, 3, 1], &mut parts).unwrap();
        assert_eq!(parts, [3, 3, 3, 1]);
        split(11, &[3, 3, 3, 1], &mut parts).unwrap();
        assert_eq!(parts, [4, 3, 3, 1]);
        split(0, &[0, 0, 0, 0], &mut parts).unwrap();
        assert_eq!(parts, [0; 4]);
        assert_eq!(split(1, &[0, 0, 0, 0], &mut parts), None);
        assert_eq!(split(-1, &[1, 1, 1, 1], &mut parts), None);
    }

    proptest! {
        #[test]
        fn splits_sum_to_the_total(
            total in 0_i64..1_000_000_000_000,
            weights in proptest::collection::vec(0_i64..1_000_000_000, 1..12),
        ) {
            let mut parts = alloc::vec![0; weights.len()];
            let done = split(total, &weights, &mut parts);
            let sum: i64 = weights.iter().sum();
            if sum == 0 && total != 0 {
                prop_assert_eq!(done, None);
            } else {
                prop_assert_eq!(parts.iter().sum::<i64>(), total);
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(total) * i128::from(*weight);
                    let low = if sum == 0 { 0 } else { exact / i128::from(sum) };
                    prop_assert!(i128::from(*part) >= low && i128::from(*part) <= low + 1);
                }
            }
        }

        #[test]
        fn rounding_agrees_with_wide_arithmetic(
            amount in -1_000_000_000_000_i64..1_000_000_000_000,
            num in 0_u64..1_000_000,
            den in 1_u64..1_000_000,
        ) {
            let exact = i128::from(amount) * i128::from(num);
            let den_wide = i128::from(den);
            prop_assert_eq!(
                mul_div(amount, num, den, Rounding::Down).map(i128::from),
                Some(exact / den_wide)
            );
            let half_up = (2 * exact.abs() + den_wide) / (2 * den_wide) * exact.signum();
            prop_assert_eq!(
                mul_div(amount, num, den, Rounding::HalfUp).map(i128::from),
                Some(half_up)
            );
        }
    }
}

//! Names of things: small numbers of explicit width, never personal data.

use crate::wire::{Packing, Wire};
use core::fmt;
use proto_wire::Timestamp;

macro_rules! id {
    (@ $default:ident) => { Packing::$default };
    (@ $default:ident $packing:ident) => { Packing::$packing };
    ($( $(#[$meta:meta])* $name:ident($int:ty) $(as $packing:ident)?; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($int);

        impl $name {
            /// The id with this number.
            #[must_use]
            pub const fn new(number: $int) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn value(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Wire for $name {
            const SIZE: usize = size_of::<$int>();
            const PACKING: Packing = id!(@ Plain $($packing)?);

            #[inline]
            fn put(self, out: &mut &mut [u8]) {
                self.0.put(out);
            }

            #[inline]
            fn take(from: &mut &[u8]) -> Option<Self> {
                <$int>::take(from).map(Self)
            }
        }

        /// Absent is the greatest number, which no id has.
        impl Wire for Option<$name> {
            const SIZE: usize = size_of::<$int>();
            const PACKING: Packing = id!(@ Optional $($packing)?);

            #[inline]
            fn put(self, out: &mut &mut [u8]) {
                self.map_or(<$int>::MAX, $name::value).put(out);
            }

            #[inline]
            fn take(from: &mut &[u8]) -> Option<Self> {
                <$int>::take(from).map(|n| (n != <$int>::MAX).then_some($name(n)))
            }
        }
    )*};
}

id! {
    /// A member: the place in the member table, given at enrolment, never used again.
    MemberId(u32) as Member;
    /// The number on a card. The host chooses it; zero is no number.
    CardNumber(u64);
    /// The place of a card in the card table.
    CardId(u32);
    /// The place of a lot: value that came in together and expires together. When nothing
    /// can come back to a lot any more, the next one takes its place.
    LotId(u32);
    /// A hold; the sequence number of the record that opened it.
    HoldId(u64);
    /// A sale or redemption; the sequence number of the record that booked it.
    SaleId(u64);
    /// A parked order; the sequence number of the record that parked it.
    OrderId(u64);
    /// Coupons that were issued together; the sequence number of the record that did.
    CouponId(u64);
    /// A field that the host keeps of members; the program lists them.
    FieldId(u16);
    /// What came over the counter: cash, bank card, cheque; the host numbers them, zero is cash.
    TenderId(u16);
    /// A parameter of the scheme; the host numbers them.
    ParameterId(u16);
    /// A rule of the program.
    RuleId(u32);
    /// A tier of the program.
    TierId(u16);
    /// A currency, a points program, or another thing that is counted.
    AssetId(u16);
    /// A shop, or the place where a command was given.
    StoreId(u32) as Store;
    /// Who gave a command: a clerk, a program.
    ActorId(u32);
    /// The device where a command was given.
    TerminalId(u32);
    /// A card product: gold, gift, supplementary.
    ProductId(u16);
    /// A membership plan.
    PlanId(u16);
    /// An article of the host's catalogue.
    Sku(u32);
    /// A reward of the host's catalogue.
    RewardId(u32);
    /// The place of a record in the journal, from 1 and without gaps.
    Seq(u64);
    /// The sender's own name for a command: the same key again is the same command again.
    /// Zero is no key.
    IdempotencyKey(u128);
    /// What the host looks a member up by: a keyed hash of a telephone number, a JID or
    /// the like, so that no personal data reaches the journal. Zero is no token.
    MemberToken(u128);
}

/// A business day: days since 1970-01-01, as the host's calendar and time zone have it.
///
/// Which day it is, is an argument of every call and stands in every record, so that a
/// replay needs neither a clock nor a zone database.
///
/// ```
/// use mms_core::Day;
///
/// let day = Day::new(19_781); // 2024-02-28
/// assert_eq!(day.end_of_month(0), Day::new(19_782));
/// assert_eq!(day.end_of_month(12).to_string(), "2025-02-28");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day that never comes.
    pub const NEVER: Self = Self(i32::MAX);
    /// Before every day.
    pub const FIRST: Self = Self(i32::MIN);

    /// The day with this number.
    #[must_use]
    pub const fn new(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn value(self) -> i32 {
        self.0
    }

    /// The UTC day of `time`. Hosts with a business day of their own compute that instead.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let days = time.as_unix_days();
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// This day plus `days`; [`Day::NEVER`] stays what it is.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add_unsigned(days))
    }

    /// The last day of the month that is `months` months after this day's.
    #[must_use]
    pub fn end_of_month(self, months: u32) -> Self {
        if self == Self::NEVER {
            return self;
        }
        let (year, month, _) = self.civil();
        let months = i64::from(months).saturating_add(i64::from(month).saturating_sub(1));
        let year = year.saturating_add(months.div_euclid(12));
        let month = u8::try_from(months.rem_euclid(12)).unwrap_or(0).saturating_add(1);
        // The day before the first of the month after.
        let next =
            if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
        let days = days_before(next.0, next.1).saturating_sub(1);
        i32::try_from(days).map_or(Self::NEVER, Self)
    }

    /// The last day of the month that is `months` months after (less than zero: before) this
    /// day's.
    pub(crate) fn end_of_month_signed(self, months: i64) -> Self {
        let (year, month, _) = self.civil();
        let months = months.saturating_add(i64::from(month).saturating_sub(1)).saturating_add(1);
        let year = year.saturating_add(months.div_euclid(12));
        let month = u8::try_from(months.rem_euclid(12)).unwrap_or(0).saturating_add(1);
        let days = days_before(year.clamp(-5_000_000, 5_000_000), month).saturating_sub(1);
        i32::try_from(days).map_or(Self::NEVER, Self)
    }

    /// The month, counted from year 0.
    #[must_use]
    pub fn month(self) -> i32 {
        let (year, month, _) = self.civil();
        let months = year.saturating_mul(12).saturating_add(i64::from(month).saturating_sub(1));
        i32::try_from(months).unwrap_or(if months < 0 { i32::MIN } else { i32::MAX })
    }

    /// Year, month and day of month.
    #[must_use]
    pub fn civil(self) -> (i64, u8, u8) {
        Timestamp::from_unix_secs(i64::from(self.0).saturating_mul(86_400)).civil_date()
    }
}

/// Days from 1970-01-01 to the first of a month, by the Gregorian calendar without end:
/// years are counted from March, so that the leap day is the last of its year.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "years come from 32-bit days and at most 2^32 months: far from the end of i64"
)]
fn days_before(year: i64, month: u8) -> i64 {
    let (year, from_march) =
        if month > 2 { (year, i64::from(month) - 3) } else { (year - 1, i64::from(month) + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * from_march + 2) / 5 - 719_468
}

impl Wire for Day {
    const SIZE: usize = 4;
    const PACKING: Packing = Packing::Day;

    #[inline]
    fn put(self, out: &mut &mut [u8]) {
        self.0.put(out);
    }

    #[inline]
    fn take(from: &mut &[u8]) -> Option<Self> {
        i32::take(from).map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("never");
        }
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// When: the time and the business day, both the host's, both recorded. [`Ledger::prepare`](crate::Ledger::prepare)
/// takes it with each command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct At {
    /// The time. Where it goes back, the ledger takes the last time it saw.
    pub time: Timestamp,
    /// The business day, likewise.
    pub day: Day,
}

impl At {
    /// This time on this business day.
    #[must_use]
    pub const fn new(time: Timestamp, day: Day) -> Self {
        Self { time, day }
    }

    /// This time on its UTC day.
    #[must_use]
    pub fn utc(time: Timestamp) -> Self {
        Self::new(time, Day::of(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    #[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
    fn months_end_where_the_calendar_says() {
        for (day, months, expected) in [
            (Day::new(0), 0, "1970-01-31"),
            (Day::new(0), 1, "1970-02-28"),
            (Day::new(11_016), 0, "2000-02-29"),
            (Day::new(11_016), 24, "2002-02-28"),
            (Day::new(19_722), 1, "2024-01-31"),
        ] {
            assert_eq!(day.end_of_month(months).to_string(), expected, "{day} {months}");
        }
        for day in (-800_000..800_000).step_by(97).map(Day::new) {
            for months in [0, 1, 11, 12, 27] {
                let end = day.end_of_month(months);
                let ((y, m, _), (y2, m2, _)) = (day.civil(), end.civil());
                let apart = (y2 - y) * 12 + i64::from(m2) - i64::from(m);
                assert_eq!(apart, i64::from(months), "{day} {end}");
                assert_eq!(end.plus(1).civil().2, 1, "{day} {end}");
            }
        }
        assert_eq!(Day::NEVER.end_of_month(3), Day::NEVER);
        assert_eq!(Day::NEVER.plus(1), Day::NEVER);
    }
}

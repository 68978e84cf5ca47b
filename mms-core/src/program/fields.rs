//! What the host keeps of members in the ledger, beside their profile: typed fields and tags.

use crate::ids::{Day, FieldId};

/// A field of members: what it holds, and who may write it.
///
/// Names, addresses and the like stay with the host, for journals are for ever. Fields are for what
/// decides: where a member comes from, which channel it likes, who looks after it, what it was asked.
///
/// ```
/// use mms_core::{Field, FieldId, Holds, Program};
///
/// let program = Program::sample().with_fields(vec![
///     Field::new(FieldId::new(1), Holds::Tag),                          // likes wine
///     Field::new(FieldId::new(2), Holds::Choice(3)).special(),          // where it came from
///     Field::new(FieldId::new(3), Holds::MonthDay),                     // birthday, without a year
/// ]);
/// assert!(program.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its number.
    pub id: FieldId,
    /// What it holds.
    pub holds: Holds,
    /// Whether only staff may write it, which needs
    /// [`Permissions::MEMBERS`](crate::Permissions::MEMBERS) besides (特殊信息).
    pub special: bool,
}

impl Field {
    /// A field that members may write themselves.
    #[must_use]
    pub const fn new(id: FieldId, holds: Holds) -> Self {
        Self { id, holds, special: false }
    }

    /// The same, for staff alone.
    #[must_use]
    pub const fn special(mut self) -> Self {
        self.special = true;
        self
    }
}

/// What a field holds. All are whole numbers. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holds {
    /// 1, or nothing: a member has the tag or has it not.
    Tag,
    /// A number from the first to the second.
    Number(i64, i64),
    /// One of so many answers, counted from 0.
    Choice(u16),
    /// A [`Day`]: the number of days since 1970-01-01.
    Date,
    /// A day of any year: month × 100 + day. 229 is 29 February.
    MonthDay,
    /// An [`ActorId`](crate::ActorId): who looks after the member.
    Actor,
}

impl Holds {
    /// Whether a field may have this value.
    #[must_use]
    pub fn allows(self, value: i64) -> bool {
        match self {
            Self::Tag => value == 1,
            Self::Number(from, to) => (from..=to).contains(&value),
            Self::Choice(count) => (0..i64::from(count)).contains(&value),
            Self::Date => i32::try_from(value).is_ok(),
            // 2000 has every day that there is.
            Self::MonthDay => month_day(value)
                .and_then(|(month, day)| Day::birthday(2000, month, day, crate::LeapDay::Before))
                .is_some(),
            Self::Actor => u32::try_from(value).is_ok(),
        }
    }
}

/// Month and day of a [`Holds::MonthDay`].
pub(crate) fn month_day(value: i64) -> Option<(u8, u8)> {
    let (month, day) = (value.checked_div(100)?, value.checked_rem(100)?);
    Some((u8::try_from(month).ok()?, u8::try_from(day).ok()?))
}

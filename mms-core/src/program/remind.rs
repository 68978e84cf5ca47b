//! What members are reminded of, and how long before.

use crate::ids::{AssetId, FieldId, RuleId};
use crate::query::LeapDay;
use crate::wire::wire_enum;

/// A reminder of [`Program::with_reminders`](super::Program::with_reminders). When its day comes it is a record of time, once for each member, card or lot and its
/// day: the host tells whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReminderRule {
    /// Its number, which stands in records; no two reminders have the same.
    pub id: RuleId,
    /// Of what.
    pub of: Remind,
    /// How many days before; zero, on the day itself. Several rules may be of one thing.
    pub days: u32,
}

/// What a reminder is of: a [`ReminderRule`]'s subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remind {
    /// A day of every year: a birthday, an anniversary (生日, 纪念日).
    Birthday {
        /// In this field, which holds a day of any year: see [`Holds::MonthDay`](crate::Holds).
        field: FieldId,
        /// When that of 29 February is in other years.
        leap: LeapDay,
    },
    /// The last day of a card: it ends, or is to be renewed (卡到期, 续费).
    CardEnds,
    /// The last day of a membership's term: it is to be renewed (会籍期限).
    TermEnds,
    /// The last day of a tier.
    TierEnds,
    /// The last day of value: points, stored value, uses or coupons of a kind.
    ValueEnds(AssetId),
}

wire_enum! {
    /// Which of the things of [`Remind`].
    pub enum RemindKind: u8 {
        /// A day of every year.
        Birthday = 1,
        /// The last day of a card.
        CardEnds = 2,
        /// The last day of a tier.
        TierEnds = 3,
        /// The last day of value.
        ValueEnds = 4,
        /// The last day of a membership's term.
        TermEnds = 5,
    }
}

impl ReminderRule {
    /// A reminder so many days before.
    #[must_use]
    pub const fn new(id: RuleId, of: Remind, days: u32) -> Self {
        Self { id, of, days }
    }
}

impl Remind {
    /// Which thing it is.
    #[must_use]
    pub const fn kind(self) -> RemindKind {
        match self {
            Self::Birthday { .. } => RemindKind::Birthday,
            Self::CardEnds => RemindKind::CardEnds,
            Self::TermEnds => RemindKind::TermEnds,
            Self::TierEnds => RemindKind::TierEnds,
            Self::ValueEnds(_) => RemindKind::ValueEnds,
        }
    }
}

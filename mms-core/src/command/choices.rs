//! What a field of a command may say.

use crate::ids::Day;
use crate::wire::wire_enum;

wire_enum! {
    /// What kind of member.
    pub enum MemberKind: u8 {
        /// A person (散客).
        Individual = 1,
        /// A company with a contact person.
        Corporate = 2,
        /// A dealer.
        Dealer = 3,
        /// An online travel agency's customer.
        Ota = 4,
        /// Whoever holds the card.
        Bearer = 5,
    }
}

wire_enum! {
    /// What can be done to a member.
    pub enum MemberChange: u8 {
        /// No debits until unfrozen; credits go on.
        Freeze = 1,
        /// Ends a freeze.
        Unfreeze = 2,
        /// For ever; only when nothing is left.
        Close = 3,
        /// Forgets the token of a closed member. What it did stays, under a number that leads
        /// nowhere.
        Erase = 4,
    }
}

wire_enum! {
    /// Why stored value is paid out. Which rule applies where is for counsel to say.
    pub enum RefundCause: u8 {
        /// The merchant's doing: what is left of what was paid, in proportion.
        Merchant = 1,
        /// The member's wish: what was paid, less what was consumed at list price.
        Member = 2,
    }
}

/// What can be done to a card. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CardChange {
    /// The first use (激活).
    Activate,
    /// No debits until unlocked, as after wrong PINs (锁定).
    Lock,
    /// Ends a lock and forgets wrong PINs.
    Unlock,
    /// No debits until unfrozen, by the scheme (冻结).
    Freeze,
    /// Ends a freeze.
    Unfreeze,
    /// Reported lost: nothing goes (挂失).
    ReportLost,
    /// It was found (取消挂失).
    WithdrawLoss,
    /// Good until a later day (延期).
    Extend(Day),
    /// For ever (注销).
    Close,
}

wire_enum! {
    /// What can be held and transferred.
    pub enum Held: u8 {
        /// Stored value.
        Stored = 1,
        /// Points.
        Points = 2,
    }
}

/// How points are adjusted by hand. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Adjust {
    /// Adds.
    Add(i64),
    /// Takes; what is not there is refused.
    Take(i64),
    /// Takes all that can be spent now.
    Clear,
}

//! Why lots change.

use crate::wire::wire_enum;

wire_enum! {
    /// Why the content of a lot changed.
    pub enum MoveKind: u8 {
        /// Spent in a sale or redemption: it can come back by a refund.
        Spend = 1,
        /// Set aside by a hold.
        Hold = 2,
        /// Given back by a hold.
        Release = 3,
        /// Taken from a hold by a sale or redemption.
        Capture = 4,
        /// Lapsed.
        Expire = 5,
        /// More of the same came in.
        Add = 6,
        /// Taken back because a sale was returned.
        Claw = 7,
        /// Taken by hand.
        Remove = 8,
        /// Sent to another member.
        Send = 9,
        /// Pending points became the member's; nothing moves.
        Mature = 10,
        /// Taken back, because a sale was returned, out of what had lapsed unspent.
        Forgive = 11,
        /// Uses taken.
        Use = 12,
        /// Uses paid out.
        Return = 13,
        /// Stored value paid out.
        PayOut = 14,
        /// Uses or coupons taken from a hold: they do not come back.
        TakeHeld = 15,
    }
}

//! Why a command is refused.

use thiserror::Error;

macro_rules! rejections {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $transient:literal, $text:literal; )*) => {
        /// A command that was refused; nothing has changed.
        ///
        /// The order is the order of precedence: where several apply, the one with the lowest
        /// code is given. The numbers never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Rejection {
            $( $(#[$doc])* #[error($text)] $name = $code, )*
        }

        impl Rejection {
            /// Every rejection, in order of precedence.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// The number, for logs and protocols.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// Whether the same command may be accepted later without being changed:
            /// after a top-up, an unlock, the end of a freeze.
            #[must_use]
            pub const fn is_transient(self) -> bool {
                match self {
                    $( Self::$name => $transient, )*
                }
            }

            /// The name, as in the source.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => stringify!($name), )*
                }
            }
        }
    };
}

rejections! {
    /// The idempotency key is zero.
    KeyMissing = 1, false, "the command has no idempotency key";
    /// The key belongs to a command that was accepted; ask for its first answer with
    /// [`Ledger::answer`](crate::Ledger::answer).
    KeyUsed = 2, false, "the key was used for this same command";
    /// The key belongs to another command.
    KeyConflict = 3, false, "the key was used for another command";

    /// The actor may not do this: see [`Permissions`](crate::Permissions).
    NotPermitted = 10, false, "the actor may not do this";

    /// The store is not known, or does no business: see [`Action::SetStore`](crate::Action).
    StoreClosed = 11, true, "the store does no business";
    /// The terminal is not known, stands elsewhere, or may not be used.
    TerminalUnknown = 12, true, "the terminal may not be used here";

    /// An amount that must be positive is zero or negative.
    AmountNotPositive = 100, false, "an amount is not positive";
    /// An amount is greater than [`Limits::amount_max`](crate::Limits::amount_max).
    AmountTooLarge = 101, false, "an amount is too large";
    /// A checkout without lines.
    LinesMissing = 102, false, "there is nothing to sell";
    /// More lines than [`Limits::lines_max`](crate::Limits::lines_max).
    LinesTooMany = 103, false, "there are too many lines";
    /// A quantity is zero.
    QuantityZero = 104, false, "a quantity is zero";
    /// The member's token is zero.
    TokenMissing = 105, false, "the member has no token";
    /// The card's number is zero.
    CardNumberMissing = 106, false, "the card has no number";
    /// An adjustment without a reason.
    ReasonMissing = 107, false, "the adjustment has no reason";
    /// A last day or an end that is already over.
    DateInPast = 108, false, "the date is in the past";
    /// A tier that is given by hand has no last day.
    EndMissing = 109, false, "a tier by hand needs a last day";

    /// A field cannot have this value: see [`Holds`](crate::Holds).
    ValueNotAllowed = 110, false, "the field cannot have this value";

    /// No such member.
    MemberUnknown = 200, false, "the member is unknown";
    /// No such card.
    CardUnknown = 201, false, "the card is unknown";
    /// The other side of a transfer is unknown.
    TargetUnknown = 202, false, "the receiver is unknown";
    /// The referrer is unknown.
    ReferrerUnknown = 203, false, "the referrer is unknown";
    /// No such hold, or it is over.
    HoldUnknown = 204, false, "the hold is unknown or over";
    /// No such sale, or it can no longer be returned.
    SaleUnknown = 205, false, "the sale is unknown or can no longer be returned";
    /// The sale has no such line.
    LineUnknown = 206, false, "the sale has no such line";
    /// No such rule.
    RuleUnknown = 207, false, "the rule is unknown";
    /// The asset is no kind of uses.
    AssetUnknown = 208, false, "the asset is no kind of uses";
    /// The member has no such coupon, or it was used.
    CouponUnknown = 209, false, "the coupon is unknown or was used";
    /// No such reward.
    RewardUnknown = 210, false, "the reward is unknown";
    /// The asset is no goods.
    GoodsUnknown = 211, false, "the asset is no goods";
    /// No such tier.
    TierUnknown = 212, false, "the tier is unknown";
    /// No such field.
    FieldUnknown = 213, false, "the field is unknown";
    /// No such parked order, or it is over.
    OrderUnknown = 214, false, "the order is unknown or over";
    /// No such activity.
    ActivityUnknown = 215, false, "the activity is unknown";
    /// The token belongs to a member.
    TokenTaken = 250, false, "the token belongs to another member";
    /// The number was used for a card before.
    CardNumberTaken = 251, false, "the card number was used before";
    /// The two sides of a transfer are one member.
    SameMember = 252, false, "sender and receiver are the same";

    /// A store cannot send goods to itself.
    SameStore = 253, false, "sender and receiver are the same store";

    /// The member has changed since the version that the command expects.
    VersionChanged = 300, true, "the member has changed in the meantime";
    /// The member is closed.
    MemberClosed = 301, false, "the member is closed";
    /// The member is frozen: no debits.
    MemberFrozen = 302, true, "the member is frozen";
    /// The card was replaced by another.
    CardReplaced = 303, false, "the card was replaced";
    /// The card is closed.
    CardClosed = 304, false, "the card is closed";
    /// The card was reported lost.
    CardLost = 305, true, "the card was reported lost";
    /// The card's last day is over.
    CardExpired = 306, true, "the card has expired";
    /// The card is frozen: no debits.
    CardFrozen = 307, true, "the card is frozen";
    /// The card is locked: no debits.
    CardLocked = 308, true, "the card is locked";
    /// The card was never activated.
    CardNotActive = 309, true, "the card is not activated";
    /// A change that the card's or the member's state does not allow.
    ChangeNotAllowed = 310, true, "the present state does not allow the change";
    /// The receiver of a transfer is closed, or its card cannot be used.
    TargetUnusable = 311, true, "the receiver cannot take value";
    /// A member that is to be closed still has value, debts or holds.
    BalanceLeft = 312, true, "the member still has a balance";
    /// The line of referrers would be too long.
    ReferralTooDeep = 313, false, "the line of referrers is too long";

    /// A coupon is not valid yet, or no longer.
    CouponNotValid = 314, true, "the coupon is not valid today";
    /// A coupon is for other stores, tiers or goods, or for a greater total.
    CouponNotForThis = 315, false, "the coupon is not for this sale";
    /// A reward is not to be had yet, or no longer.
    RewardNotValid = 316, true, "the reward is not to be had today";
    /// What was given for points can only be taken back whole and unused.
    GivenAway = 317, false, "what was given can only be taken back whole and unused";
    /// A member that is to be paid out or merged has open holds.
    HoldsOpen = 318, true, "the member has open holds";
    /// Nobody can take part in the activity yet, or any longer.
    ActivityNotValid = 319, true, "nobody can take part in the activity today";

    /// The tenders do not sum to the net total.
    TenderMismatch = 400, false, "the tenders do not sum to the total";
    /// Not enough stored value.
    InsufficientStored = 401, true, "there is not enough stored value";
    /// Not enough points.
    InsufficientPoints = 402, true, "there are not enough points";
    /// More than the hold has.
    CaptureExceedsHold = 403, false, "the capture is greater than the hold";
    /// More than is left of the sale.
    RefundExceedsPaid = 404, false, "the refund is greater than what is left of the sale";
    /// There is nothing to do: nothing left to refund, no points to clear or to earn.
    NothingToDo = 405, true, "there is nothing to do";
    /// Not enough uses.
    InsufficientUses = 406, true, "there are not enough uses";
    /// Not enough goods in the store.
    InsufficientGoods = 407, true, "there are not enough goods";
    /// As many coupons of the kind were issued as there may ever be.
    PoolEmpty = 408, false, "no more coupons of this kind may be issued";
    /// The member holds as many coupons of the kind as it may.
    CouponsHeld = 409, true, "the member has enough coupons of this kind";
    /// The member would have more stored value than
    /// [`Limits::stored_max`](crate::Limits::stored_max) or
    /// [`Limits::bearer_stored_max`](crate::Limits::bearer_stored_max).
    StoredFull = 410, true, "the member would have too much stored value";
    /// The member may not owe so much, or nothing at all.
    CreditExceeded = 411, true, "the member may not owe so much";
    /// More than the member owes.
    PaymentExceedsDebt = 412, true, "the payment is greater than what is owed";
    /// Fewer coupons of the issue are left.
    InsufficientCoupons = 413, true, "there are not enough coupons of this issue";
    /// Fewer messages are paid for.
    InsufficientMessages = 414, true, "there are not enough messages";
    /// All places of an activity are taken, or the member takes part as often as it may.
    ActivityFull = 415, true, "there is no place in the activity";

    /// [`Limits::members_max`](crate::Limits::members_max) is reached.
    MembersFull = 500, false, "there is no room for another member";
    /// [`Limits::cards_max`](crate::Limits::cards_max) is reached.
    CardsFull = 501, false, "there is no room for another card";
    /// [`Limits::lots_max`](crate::Limits::lots_max) is reached.
    LotsFull = 502, false, "there is no room for another lot";
    /// [`Limits::member_lots_max`](crate::Limits::member_lots_max) is reached.
    MemberLotsFull = 503, true, "the member has too many lots";
    /// [`Limits::command_lots_max`](crate::Limits::command_lots_max) is reached.
    CommandLotsFull = 504, false, "the command would touch too many lots";
    /// [`Limits::holds_max`](crate::Limits::holds_max) is reached.
    HoldsFull = 505, true, "there are too many open holds";
    /// [`Limits::sales_max`](crate::Limits::sales_max) is reached.
    SalesFull = 506, true, "there are too many sales that can be returned";
    /// [`Limits::store_accounts_max`](crate::Limits::store_accounts_max) is reached.
    StoreAccountsFull = 507, false, "there is no room for another store account";
    /// The record would be longer than any may be.
    RecordFull = 508, false, "the record would be too long";
    /// [`Limits::actors_max`](crate::Limits::actors_max) is reached.
    ActorsFull = 509, false, "there is no room for another actor";
    /// [`Limits::parameters_max`](crate::Limits::parameters_max) is reached.
    ParametersFull = 510, false, "there is no room for another parameter";
    /// [`Limits::fields_max`](crate::Limits::fields_max) is reached.
    FieldsFull = 511, false, "there is no room for another field";
    /// [`Limits::orders_max`](crate::Limits::orders_max) is reached.
    OrdersFull = 512, true, "there are too many parked orders";
    /// [`Limits::registry_max`](crate::Limits::registry_max) is reached.
    RegistryFull = 513, false, "there is no room for another store or terminal";
    /// A rule about unusual business stops this.
    Suspicious = 590, true, "a rule about unusual business stops this";
    /// A sum does not fit in 64 bits.
    Overflow = 600, false, "a sum is too large";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_order_of_the_codes() {
        assert!(Rejection::ALL.windows(2).all(|two| two[0].code() < two[1].code()));
        assert!(Rejection::ALL.windows(2).all(|two| two[0] < two[1]));
    }
}

//! Who may do what.

use crate::command::Action;
use crate::wire::Wire;
use core::fmt;

/// What an actor may do: a set.
///
/// A ledger without any actors is open to all, as a single till is. The first
/// [`Action::Permit`] must make an administrator; from then on every command needs its
/// permission.
///
/// ```
/// use mms_core::Permissions;
///
/// let cashier = Permissions::SELL | Permissions::TOP_UP;
/// assert!(cashier.contains(Permissions::SELL));
/// assert!(!cashier.contains(Permissions::REFUND));
/// assert_eq!(cashier.to_string(), "top-up sell");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permissions(u32);

impl Permissions {
    /// Nothing: the actor is known and locked out.
    pub const NONE: Self = Self(0);
    /// Enrols members.
    pub const ENROL: Self = Self(1);
    /// Freezes, unfreezes, closes and merges members, gives tiers by hand, sets terms.
    pub const MEMBERS: Self = Self(1 << 1);
    /// Issues, changes, renews, moves and replaces cards, reports PINs.
    pub const CARDS: Self = Self(1 << 2);
    /// Loads stored value and sells packages of uses.
    pub const TOP_UP: Self = Self(1 << 3);
    /// Sells, parks orders, debits, redeems, takes uses, holds, captures and voids.
    pub const SELL: Self = Self(1 << 4);
    /// Takes sales and uses back, pays stored value out.
    pub const REFUND: Self = Self(1 << 5);
    /// Lets members earn points for sales elsewhere.
    pub const EARN: Self = Self(1 << 6);
    /// Adds, takes and clears points by hand.
    pub const ADJUST: Self = Self(1 << 7);
    /// Moves value between members.
    pub const TRANSFER: Self = Self(1 << 8);
    /// Says who may do what, where business is done, sets parameters, brings balances from another
    /// system.
    pub const ADMIN: Self = Self(1 << 9);
    /// Gives coupons and takes them back.
    pub const COUPONS: Self = Self(1 << 10);
    /// Takes goods in, sends, receives and counts them; buys and uses messages.
    pub const STOCK: Self = Self(1 << 11);
    /// Takes in what members owe.
    pub const CREDIT: Self = Self(1 << 12);
    /// Sets fields of members that anybody may, the member itself too. Special ones need
    /// [`MEMBERS`](Self::MEMBERS), too: see [`Field`](crate::Field).
    pub const PROFILE: Self = Self(1 << 13);
    /// Books income that no sale brought, and expenses.
    pub const CASH: Self = Self(1 << 14);
    /// A member at its own portal (会员自助): its general fields, nothing else.
    pub const SELF_SERVICE: Self = Self::PROFILE;
    /// A cashier (收银员): sells, loads, enrols.
    pub const CASHIER: Self =
        Self(Self::SELL.0 | Self::TOP_UP.0 | Self::ENROL.0 | Self::CREDIT.0 | Self::PROFILE.0);
    /// A stockkeeper (仓管员): takes goods in.
    pub const STOCKKEEPER: Self = Self::STOCK;
    /// A shop manager (店长): everything but saying who may do what.
    pub const MANAGER: Self = Self(Self::ALL.0 & !Self::ADMIN.0);
    /// Everything.
    pub const ALL: Self = Self((1 << 15) - 1);

    const NAMES: [(Self, &'static str); 15] = [
        (Self::ENROL, "enrol"),
        (Self::MEMBERS, "members"),
        (Self::CARDS, "cards"),
        (Self::TOP_UP, "top-up"),
        (Self::SELL, "sell"),
        (Self::REFUND, "refund"),
        (Self::EARN, "earn"),
        (Self::ADJUST, "adjust"),
        (Self::TRANSFER, "transfer"),
        (Self::ADMIN, "admin"),
        (Self::COUPONS, "coupons"),
        (Self::STOCK, "stock"),
        (Self::CREDIT, "credit"),
        (Self::PROFILE, "profile"),
        (Self::CASH, "cash"),
    ];

    /// The set with these bits; `None` when one of them means nothing.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
    }

    /// The bits, as they stand in records.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (_, name) in Self::NAMES.iter().filter(|(one, _)| self.contains(*one)) {
            f.write_str(if first { "" } else { " " })?;
            f.write_str(name)?;
            first = false;
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

impl Wire for Permissions {
    const SIZE: usize = 4;

    fn put(self, out: &mut &mut [u8]) {
        self.0.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u32::take(from).and_then(Self::from_bits)
    }
}

impl Action {
    /// What an actor needs to do this.
    #[must_use]
    pub const fn permission(&self) -> Permissions {
        match self {
            Self::Enrol { .. } => Permissions::ENROL,
            Self::ChangeMember { .. }
            | Self::SetTier { .. }
            | Self::SetTerm { .. }
            | Self::MergeMembers { .. } => Permissions::MEMBERS,
            Self::IssueCard { .. }
            | Self::ChangeCard { .. }
            | Self::ReplaceCard { .. }
            | Self::RenewCard { .. }
            | Self::MoveCard { .. }
            | Self::ReportPin { .. } => Permissions::CARDS,
            Self::TopUp { .. } | Self::SellPackage { .. } | Self::SweepChange { .. } => {
                Permissions::TOP_UP
            }
            Self::Spend { .. }
            | Self::Checkout { .. }
            | Self::Redeem { .. }
            | Self::Hold { .. }
            | Self::HoldUses { .. }
            | Self::ParkOrder { .. }
            | Self::VoidLine { .. }
            | Self::SetSaleField { .. }
            | Self::ResumeOrder { .. }
            | Self::CancelOrder { .. }
            | Self::HoldCoupons { .. }
            | Self::Capture { .. }
            | Self::Void { .. }
            | Self::Reward { .. }
            | Self::TakePart { .. }
            | Self::TakeUses { .. } => Permissions::SELL,
            Self::Refund { .. } | Self::ReturnUses { .. } | Self::RefundCard { .. } => {
                Permissions::REFUND
            }
            Self::IssueCoupons { .. } | Self::WithdrawCoupons { .. } => Permissions::COUPONS,
            Self::ReceivePayment { .. } => Permissions::CREDIT,
            Self::SetField { .. } => Permissions::PROFILE,
            Self::StockGoods { .. }
            | Self::SendGoods { .. }
            | Self::ReceiveGoods { .. }
            | Self::CountGoods { .. }
            | Self::BuyMessages { .. }
            | Self::UseMessages { .. } => Permissions::STOCK,
            Self::BookOther { .. } => Permissions::CASH,
            Self::Earn { .. } => Permissions::EARN,
            Self::AdjustPoints { .. } => Permissions::ADJUST,
            Self::Transfer { .. } | Self::TransferUses { .. } | Self::TransferCoupons { .. } => {
                Permissions::TRANSFER
            }
            Self::Permit { .. }
            | Self::SetParameter { .. }
            | Self::SetStore { .. }
            | Self::SetTerminal { .. }
            | Self::Open { .. }
            | Self::OpenBalance { .. } => Permissions::ADMIN,
        }
    }
}

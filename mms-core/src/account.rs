//! The chart of accounts and the posting.

use crate::ids::{ActorId, AssetId, MemberId, StoreId};
use crate::wire::{Wire, wire_enum};

/// Minor units of the program's currency: 分, cents.
pub const MONEY: AssetId = AssetId::new(1);
/// Points of the program.
pub const POINTS: AssetId = AssetId::new(2);

/// Messages that are paid for before they are sent (短信).
pub const MESSAGES: AssetId = AssetId::new(3);

/// Whether an asset is a kind of uses that are sold ahead: ten swims, a month of washes. The
/// host gives them numbers from 16 to 16,383.
/// See [`is_goods`].
#[must_use]
pub const fn is_uses(asset: AssetId) -> bool {
    matches!(asset.value(), 16..=16_383)
}

/// Whether an asset is a kind of coupon: from 16,384 on, numbered by the host. See [`is_goods`].
#[must_use]
pub const fn is_coupon(asset: AssetId) -> bool {
    matches!(asset.value(), 16_384..=32_767)
}

/// Whether an asset is goods that are counted, such as gifts: from 32,768 on.
///
/// ```
/// use mms_core::{AssetId, is_coupon, is_goods, is_uses};
///
/// let kinds = |number| {
///     let asset = AssetId::new(number);
///     [is_uses(asset), is_coupon(asset), is_goods(asset)]
/// };
/// assert_eq!(kinds(16_383), [true, false, false]);
/// assert_eq!(kinds(16_384), [false, true, false]);
/// assert_eq!(kinds(32_768), [false, false, true]);
/// ```
#[must_use]
pub const fn is_goods(asset: AssetId) -> bool {
    asset.value() >= 32_768
}

wire_enum! {
    /// What an account is for. Numbers below 512 are accounts of members, those from 768 of
    /// staff, the others of stores.
    ///
    /// A posting's sign is debit plus, credit minus. Members' value is a liability of the
    /// scheme, so it stands on the credit side; [`Code::natural`] turns a raw balance to
    /// the sign that a person expects.
    pub enum Code: u16 {
        /// Stored value that the member paid for (储值本金).
        StoredPrincipal = 257,
        /// Stored value that was given on top (赠送金).
        StoredBonus = 258,
        /// Stored principal under a hold.
        HeldPrincipal = 259,
        /// Stored bonus under a hold.
        HeldBonus = 260,
        /// Cash change that the member left with the scheme (零钱存储).
        ChangePurse = 261,
        /// What the member owes for goods sold on account.
        Receivable = 262,
        /// Points that can be spent.
        Points = 273,
        /// Points that are not yet the member's to spend.
        PointsPending = 274,
        /// Points under a hold.
        PointsHeld = 275,
        /// Points that the member owes: taken back after they were spent.
        PointsDebt = 276,
        /// Uses of a service that were bought ahead (计次).
        Uses = 289,
        /// What was paid for uses that are still to come.
        Deferred = 290,
        /// Uses under a hold.
        UsesHeld = 291,
        /// Coupons that can be used (电子优惠券).
        Coupons = 305,
        /// Coupons under a hold.
        CouponsHeld = 306,
        /// What came over the counter: cash, bank card.
        Tender = 513,
        /// Sales at list price.
        Revenue = 514,
        /// Discounts given, bonus spent among them; against revenue.
        Discount = 515,
        /// Bonus issued and not yet spent; against the bonus that members hold.
        BonusIssued = 516,
        /// The money value of points taken in payment.
        Promotion = 517,
        /// Card fees.
        Fee = 518,
        /// Stored value that lapsed.
        Breakage = 519,
        /// Points issued.
        PointsIssued = 529,
        /// Points spent.
        PointsRedeemed = 530,
        /// Points that lapsed.
        PointsExpired = 531,
        /// Uses sold ahead.
        UsesIssued = 545,
        /// Uses taken.
        UsesTaken = 546,
        /// Uses that lapsed.
        UsesExpired = 547,
        /// Coupons issued.
        CouponsIssued = 561,
        /// Coupons used.
        CouponsUsed = 562,
        /// Coupons that lapsed or were withdrawn.
        CouponsExpired = 563,
        /// Goods on hand.
        Stock = 577,
        /// Goods received from suppliers.
        Supplied = 578,
        /// Goods given away.
        Given = 579,
        /// Goods on the way to the store.
        InTransit = 580,
        /// Goods that a count did not find, less those that it found on top.
        Shrinkage = 581,
        /// Commission of sellers, as an expense.
        CommissionExpense = 593,
        /// What members brought along from another system.
        Opening = 594,
        /// Income that no sale brought (其它收支).
        OtherIncome = 595,
        /// Expenses of the store.
        Expense = 596,
        /// Due from other stores, for what was loaded there and spent here.
        Due = 609,
        /// Owed to other stores, for what was loaded here and spent there.
        Owed = 610,
        /// Messages that are paid for and not sent yet (短信余量).
        Messages = 625,
        /// Messages bought.
        MessagesBought = 626,
        /// Messages sent.
        MessagesSent = 627,
        /// Commission that a seller has earned.
        Commission = 769,
    }
}

impl Code {
    /// Whether a member owns accounts of this code; a store does otherwise.
    #[must_use]
    pub const fn is_member(self) -> bool {
        self.number() < 512
    }

    /// Whether what stands there is under a hold.
    pub(crate) const fn is_held(self) -> bool {
        matches!(
            self,
            Self::HeldPrincipal
                | Self::HeldBonus
                | Self::PointsHeld
                | Self::UsesHeld
                | Self::CouponsHeld
        )
    }

    /// Whether staff owns accounts of this code.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        self.number() >= 768
    }

    /// Whether the account normally stands on the debit side.
    #[must_use]
    pub const fn is_debit_normal(self) -> bool {
        matches!(
            self,
            Self::PointsDebt
                | Self::Receivable
                | Self::CommissionExpense
                | Self::Opening
                | Self::Due
                | Self::Tender
                | Self::Discount
                | Self::BonusIssued
                | Self::Promotion
                | Self::PointsIssued
                | Self::UsesIssued
                | Self::CouponsIssued
                | Self::Stock
                | Self::Given
                | Self::InTransit
                | Self::Shrinkage
                | Self::Expense
                | Self::Messages
                | Self::MessagesSent
        )
    }

    /// Whether the account may not pass zero to the wrong side: true for all that
    /// members own (a shortfall goes to a debt account instead).
    #[must_use]
    pub const fn is_bounded(self) -> bool {
        self.is_member()
    }

    /// A raw balance with the sign that a person expects.
    #[must_use]
    pub const fn natural(self, raw: i64) -> i64 {
        if self.is_debit_normal() { raw } else { raw.saturating_neg() }
    }

    /// The short name that is used in tables of postings.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::StoredPrincipal => "SVP",
            Self::StoredBonus => "SVB",
            Self::HeldPrincipal => "SVPH",
            Self::HeldBonus => "SVBH",
            Self::ChangePurse => "CHG",
            Self::Receivable => "AR",
            Self::Points => "PT",
            Self::PointsPending => "PTP",
            Self::PointsHeld => "PTH",
            Self::PointsDebt => "PTD",
            Self::Uses => "CN",
            Self::Deferred => "CTR",
            Self::UsesHeld => "CNH",
            Self::Coupons => "CP",
            Self::CouponsHeld => "CPH",
            Self::Tender => "T",
            Self::Revenue => "REV",
            Self::Discount => "DISC",
            Self::BonusIssued => "BI",
            Self::Promotion => "PROMO",
            Self::Fee => "FEE",
            Self::Breakage => "BRK",
            Self::PointsIssued => "PTI",
            Self::PointsRedeemed => "PTR",
            Self::PointsExpired => "PTX",
            Self::UsesIssued => "CNI",
            Self::UsesTaken => "CNU",
            Self::UsesExpired => "CNX",
            Self::CouponsIssued => "CPI",
            Self::CouponsUsed => "CPU",
            Self::CouponsExpired => "CPX",
            Self::Stock => "SK",
            Self::Supplied => "SUP",
            Self::Given => "GIFT",
            Self::CommissionExpense => "COMX",
            Self::Opening => "OPEN",
            Self::Commission => "COM",
            Self::Due => "DUE",
            Self::Owed => "OWE",
            Self::InTransit => "TRS",
            Self::Shrinkage => "SHR",
            Self::OtherIncome => "INC",
            Self::Expense => "EXP",
            Self::Messages => "SMS",
            Self::MessagesBought => "SMSP",
            Self::MessagesSent => "SMSU",
        }
    }
}

/// Whose account. See [`Account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// A member's.
    Member(MemberId),
    /// A store's.
    Store(StoreId),
    /// A seller's.
    Staff(ActorId),
}

/// One account: owner, purpose, asset. See [`Posting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    owner: u32,
    code: Code,
    asset: AssetId,
}

impl Account {
    /// A member's account; `None` when members have none of this code.
    #[must_use]
    pub const fn of_member(member: MemberId, code: Code, asset: AssetId) -> Option<Self> {
        if code.is_member() { Some(Self { owner: member.value(), code, asset }) } else { None }
    }

    /// A store's account; `None` when stores have none of this code.
    #[must_use]
    pub const fn of_store(store: StoreId, code: Code, asset: AssetId) -> Option<Self> {
        let other = code.is_member() || code.is_staff();
        if other { None } else { Some(Self { owner: store.value(), code, asset }) }
    }

    /// A seller's account; `None` when sellers have none of this code.
    #[must_use]
    pub const fn of_staff(actor: ActorId, code: Code, asset: AssetId) -> Option<Self> {
        if code.is_staff() { Some(Self { owner: actor.value(), code, asset }) } else { None }
    }

    pub(crate) const fn raw(owner: u32, code: Code, asset: AssetId) -> Self {
        Self { owner, code, asset }
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(self) -> Owner {
        if self.code.is_member() {
            Owner::Member(MemberId::new(self.owner))
        } else if self.code.is_staff() {
            Owner::Staff(ActorId::new(self.owner))
        } else {
            Owner::Store(StoreId::new(self.owner))
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn code(self) -> Code {
        self.code
    }

    /// What is counted on it.
    #[must_use]
    pub const fn asset(self) -> AssetId {
        self.asset
    }

    pub(crate) const fn index(self) -> u32 {
        self.owner
    }

    /// Code and asset in one number, for looking up among one owner's accounts.
    pub(crate) const fn local_key(self) -> u32 {
        ((self.code.number() as u32) << 16) | self.asset.value() as u32
    }

    /// All three in one number, in the order owner, code, asset.
    pub(crate) const fn key(self) -> u64 {
        ((self.owner as u64) << 32) | self.local_key() as u64
    }

    pub(crate) fn from_key(key: u64) -> Option<Self> {
        let code = Code::from_number(u16::try_from((key >> 16) & 0xffff).ok()?)?;
        let asset = AssetId::new(u16::try_from(key & 0xffff).ok()?);
        Some(Self { owner: u32::try_from(key >> 32).ok()?, code, asset })
    }
}

/// One side of a booking: debit plus, credit minus. The postings of a record sum to zero
/// for each asset.
/// docs/journal.md lists its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Posting {
    /// Where.
    pub account: Account,
    /// How much, in minor units of the account's asset.
    pub amount: i64,
}

impl Posting {
    pub(crate) const fn new(account: Account, amount: i64) -> Self {
        Self { account, amount }
    }
}

impl Wire for Posting {
    const SIZE: usize = 16;

    #[inline]
    fn put(self, out: &mut &mut [u8]) {
        // The four fields in one.
        let account = u64::from(self.account.owner)
            | (u64::from(self.account.code.number()) << 32)
            | (u64::from(self.account.asset.value()) << 48);
        let amount = u64::from_le_bytes(self.amount.to_le_bytes());
        (u128::from(account) | (u128::from(amount) << 64)).put(out);
    }

    #[inline]
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk::<16>()?;
        *from = rest;
        let from = &mut bytes.as_slice();
        let owner = u32::take(from)?;
        let code = Code::take(from)?;
        let asset = AssetId::take(from)?;
        Some(Self::new(Account::raw(owner, code, asset), i64::take(from)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_their_keys_go_both_ways() {
        for code in Code::ALL {
            let account = Account::raw(7, *code, POINTS);
            assert_eq!(Account::from_key(account.key()), Some(account));
            assert_eq!(Code::from_number(code.number()), Some(*code));
            let owners = [
                Account::of_member(MemberId::new(7), *code, POINTS),
                Account::of_store(StoreId::new(7), *code, POINTS),
                Account::of_staff(ActorId::new(7), *code, POINTS),
            ];
            assert_eq!(owners.iter().flatten().count(), 1, "{code:?}");
        }
        assert_eq!(Account::from_key(0), None);
    }

    #[test]
    fn a_posting_takes_sixteen_bytes() {
        let posting = Posting::new(Account::raw(1, Code::Tender, MONEY), -5);
        let mut bytes = [0_u8; 16];
        posting.put(&mut bytes.as_mut_slice());
        assert_eq!(bytes, [1, 0, 0, 0, 1, 2, 1, 0, 251, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(Posting::take(&mut bytes.as_slice()), Some(posting));
    }
}

//! What the ledger is asked to do.

mod bill;
mod choices;

pub use bill::{Extras, Line, Opened, Part, Pay, PayKind};
pub use choices::{Adjust, CardChange, Held, MemberChange, MemberKind, RefundCause};

use crate::ids::{
    ActorId, AssetId, CardNumber, CouponId, Day, FieldId, HoldId, IdempotencyKey, MemberId,
    MemberToken, OrderId, ParameterId, PlanId, ProductId, RewardId, RuleId, SaleId, StoreId,
    TenderId, TerminalId, TierId,
};
use crate::permission::Permissions;
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// A command: who asks, under which key, and what for.
/// See [`Ledger`](crate::Ledger).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// Who, where, under which key.
    pub envelope: Envelope,
    /// What.
    pub action: Action,
}

/// What is the same for every command. Part of a [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Chosen by the sender, never used for anything else: a retry carries the same key.
    pub key: IdempotencyKey,
    /// Where. Its accounts take the other side of the postings.
    pub store: StoreId,
    /// Who.
    pub actor: ActorId,
    /// On which device.
    pub terminal: TerminalId,
    /// When it happened, as the sender saw it. Kept as data; never orders anything.
    pub occurred_at: Timestamp,
    /// Refuse the command when the member has changed since this version.
    pub expect_version: Option<u32>,
    /// How that was paid which comes over the counter (支付方式, 充值渠道).
    pub tender: TenderId,
}

impl Command {
    /// `action` under `key` at `store`, with the rest of the envelope at zero.
    #[must_use]
    pub const fn new(key: IdempotencyKey, store: StoreId, action: Action) -> Self {
        Self {
            envelope: Envelope {
                key,
                store,
                actor: ActorId::new(0),
                terminal: TerminalId::new(0),
                occurred_at: Timestamp::UNIX_EPOCH,
                expect_version: None,
                tender: TenderId::new(0),
            },
            action,
        }
    }

    /// Sets [`Envelope::actor`] and [`Envelope::terminal`].
    #[must_use]
    pub const fn by(mut self, actor: ActorId, terminal: TerminalId) -> Self {
        self.envelope.actor = actor;
        self.envelope.terminal = terminal;
        self
    }

    /// Sets [`Envelope::occurred_at`].
    #[must_use]
    pub const fn occurred_at(mut self, at: Timestamp) -> Self {
        self.envelope.occurred_at = at;
        self
    }

    /// Sets [`Envelope::tender`].
    #[must_use]
    pub const fn paid_by(mut self, tender: TenderId) -> Self {
        self.envelope.tender = tender;
        self
    }

    /// Sets [`Envelope::expect_version`].
    #[must_use]
    pub const fn expecting(mut self, version: u32) -> Self {
        self.envelope.expect_version = Some(version);
        self
    }
}

/// Who a command is about: by the card that was shown, or by the member's id.
/// Part of an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Who {
    /// The member of this card. The card must be in a state that allows the action.
    Card(CardNumber),
    /// The member itself, for what staff does without a card.
    Member(MemberId),
}

impl From<CardNumber> for Who {
    fn from(card: CardNumber) -> Self {
        Self::Card(card)
    }
}

impl From<MemberId> for Who {
    fn from(member: MemberId) -> Self {
        Self::Member(member)
    }
}

/// What the ledger can do. Amounts are minor units of their asset and must be positive
/// where nothing else is said.
/// See [`Ledger`](crate::Ledger).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A new member.
    Enrol {
        /// What the host looks the member up by; not zero, not taken.
        token: MemberToken,
        /// What kind of member.
        kind: MemberKind,
        /// Under which plan.
        plan: PlanId,
        /// Who brought the member. Set once; the line of referrers is bounded.
        referrer: Option<MemberId>,
    },
    /// Freezes, unfreezes or closes a member.
    ChangeMember {
        /// Who.
        member: MemberId,
        /// What.
        change: MemberChange,
    },
    /// A new card for a member.
    IssueCard {
        /// Whose.
        member: MemberId,
        /// The number on it; not zero, never used before.
        card: CardNumber,
        /// Which product.
        product: ProductId,
        /// The last day on which it is good.
        expires: Day,
        /// Whether it can be used at once; else it waits for activation.
        active: bool,
        /// What the member pays for it in cash; may be zero.
        fee: i64,
    },
    /// Activates, locks, freezes, extends... a card.
    ChangeCard {
        /// Which.
        card: CardNumber,
        /// What.
        change: CardChange,
    },
    /// A new medium for the same member; the old number never works again.
    ReplaceCard {
        /// The old number.
        card: CardNumber,
        /// The new number; not zero, never used before.
        new: CardNumber,
        /// What the member pays for it in cash; may be zero.
        fee: i64,
    },
    /// What came of a PIN that the host has checked. Too many wrong ones in a row lock
    /// the card.
    ReportPin {
        /// Which card.
        card: CardNumber,
        /// Whether the PIN was right.
        correct: bool,
    },
    /// Loads stored value against money over the counter; a rule may add bonus and points.
    TopUp {
        /// Who.
        who: Who,
        /// What was paid.
        amount: i64,
    },
    /// Quick debit: takes an amount from stored value, without goods or discount.
    Spend {
        /// Who.
        who: Who,
        /// How much.
        amount: i64,
    },
    /// A sale of goods, to a member or a walk-in, with any mix of tenders.
    Checkout {
        /// Who; `None` for a walk-in, who pays all in cash.
        who: Option<Who>,
        /// What is sold.
        lines: Vec<Line>,
        /// How it is paid.
        pay: Pay,
        /// What comes on top: mostly nothing.
        extras: Extras,
    },
    /// Puts an order aside with its lines and how it is to be paid (消费挂单), until it is taken up
    /// again, at any till. Nothing is booked and no value set aside.
    ParkOrder {
        /// Who; `None` for a walk-in.
        who: Option<Who>,
        /// What is to be sold.
        lines: Vec<Line>,
        /// How it is to be paid, as it looks now.
        pay: Pay,
        /// What is to come on top.
        extras: Extras,
        /// When the order ends by itself.
        until: Timestamp,
    },
    /// Takes a line off a parked order (结账产品删除); the others keep their numbers.
    VoidLine {
        /// Which order.
        order: OrderId,
        /// Which line, from 0.
        line: u16,
        /// Why: a code of the host; not zero.
        reason: u16,
    },
    /// Takes a parked order up and checks it out: its member, the lines that are left, prices as
    /// [`Program::parked_prices`](crate::Program::parked_prices) says. The answer is that of a
    /// checkout.
    ResumeOrder {
        /// Which.
        order: OrderId,
        /// How it is paid, when not as it was parked.
        tender: Option<(Pay, Extras)>,
    },
    /// Gives a parked order up (账单取消).
    CancelOrder {
        /// Which.
        order: OrderId,
        /// Why: a code of the host; not zero.
        reason: u16,
    },
    /// Points for a sale that was booked elsewhere.
    Earn {
        /// Who.
        who: Who,
        /// What was paid, in minor units.
        base: i64,
        /// By which rule.
        rule: RuleId,
    },
    /// Spends points on a reward.
    Redeem {
        /// Who.
        who: Who,
        /// How many.
        points: i64,
        /// For what.
        reward: RewardId,
    },
    /// Takes a sale or a redemption back, in whole or in part: every tender to where it
    /// came from, stored value and points to the same lots, earned points taken back.
    Refund {
        /// Which.
        sale: SaleId,
        /// How much of it.
        part: Part,
    },
    /// Sets value aside until it is captured, voided, or its time is over.
    Hold {
        /// Who.
        who: Who,
        /// Of what.
        what: Held,
        /// How much.
        amount: i64,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Sets uses aside that were sold ahead: a court that is booked, a table.
    HoldUses {
        /// Whose.
        who: Who,
        /// Of what: see [`is_uses`](crate::is_uses).
        kind: AssetId,
        /// How many.
        uses: i64,
        /// When the hold ends by itself.
        until: Timestamp,
    },
    /// Sets coupons aside: for an order that is not paid yet.
    HoldCoupons {
        /// Whose.
        who: Who,
        /// Of which issue.
        coupon: CouponId,
        /// How many.
        count: i64,
        /// When the hold ends by itself.
        until: Timestamp,
    },
    /// Takes a part of a hold or all of it; the rest goes back to the same lots. Stored value and
    /// points are taken as a sale or redemption. Uses are taken as [`TakeUses`](Self::TakeUses)
    /// takes them, and coupons are used for what was sold elsewhere: neither comes back.
    Capture {
        /// Which.
        hold: HoldId,
        /// How much, at most what is held.
        amount: i64,
        /// For what, when points are held.
        reward: RewardId,
    },
    /// Gives a hold back to the same lots.
    Void {
        /// Which.
        hold: HoldId,
    },
    /// Adds, subtracts or clears points by hand.
    AdjustPoints {
        /// Who.
        who: Who,
        /// How.
        adjust: Adjust,
        /// Why: a code of the host; not zero.
        reason: u16,
    },
    /// Sells uses of a service ahead, for money over the counter.
    SellPackage {
        /// To whom.
        who: Who,
        /// Uses of what: see [`is_uses`](crate::is_uses).
        kind: AssetId,
        /// How many.
        uses: i64,
        /// For how much.
        price: i64,
        /// The last day on which they can be taken.
        expires: Day,
    },
    /// Takes uses that were sold ahead; their share of the price is earned.
    TakeUses {
        /// Whose.
        who: Who,
        /// Of what.
        kind: AssetId,
        /// How many.
        uses: i64,
    },
    /// Takes uses back that were not taken, and pays out what was paid for them.
    ReturnUses {
        /// Whose.
        who: Who,
        /// Of what.
        kind: AssetId,
        /// How many.
        uses: i64,
    },
    /// Gives coupons of a kind that the program lists.
    IssueCoupons {
        /// To whom.
        who: Who,
        /// Of what kind.
        kind: AssetId,
        /// How many.
        count: i64,
    },
    /// Takes coupons back that were not used.
    WithdrawCoupons {
        /// From whom.
        who: Who,
        /// Of which issue.
        coupon: CouponId,
        /// Why: a code of the host; not zero.
        reason: u16,
    },
    /// Spends points on a reward that the program lists, at its price, and gives it.
    Reward {
        /// To whom.
        who: Who,
        /// Which.
        reward: RewardId,
        /// How many; not zero.
        quantity: u32,
    },
    /// Takes part in an activity that the program lists (活动积分): points at its price, and those that
    /// it gives. A return takes both back, and the place with them.
    TakePart {
        /// Who.
        who: Who,
        /// In which.
        activity: RuleId,
    },
    /// Goods came in from a supplier or, less than zero, went back. Not zero.
    StockGoods {
        /// What: see [`is_goods`](crate::is_goods).
        goods: AssetId,
        /// How many.
        quantity: i64,
    },
    /// Sends goods to another store (调拨): they are on the way until that receives them.
    SendGoods {
        /// What: see [`is_goods`](crate::is_goods).
        goods: AssetId,
        /// How many.
        quantity: i64,
        /// Where to.
        to: StoreId,
    },
    /// Takes in goods that are on the way to this store.
    ReceiveGoods {
        /// What.
        goods: AssetId,
        /// How many.
        quantity: i64,
    },
    /// Says how many there are (盘点); what is missing or was found is booked.
    CountGoods {
        /// What.
        goods: AssetId,
        /// How many were counted; may be zero.
        counted: i64,
    },
    /// Buys messages that are sent later (短信充值), for money out of the till.
    BuyMessages {
        /// How many.
        count: i64,
        /// For how much; may be zero.
        price: i64,
    },
    /// Messages were sent.
    UseMessages {
        /// How many.
        count: i64,
    },
    /// Income that no sale brought or, less than zero, an expense (其它收支, 费用). Not zero.
    BookOther {
        /// How much.
        amount: i64,
        /// What for: a code of the host; not zero.
        category: u16,
    },
    /// Says of a store whether it does business (店铺管理). As soon as one store is known, the others
    /// must be, too.
    SetStore {
        /// Which.
        store: StoreId,
        /// Whether it does.
        open: bool,
    },
    /// Says of a terminal where it stands and whether it may be used (终端管理). As soon as one is
    /// known, the others must be, too.
    SetTerminal {
        /// Which.
        terminal: TerminalId,
        /// Where.
        store: StoreId,
        /// Whether it may.
        open: bool,
    },
    /// Turns all change that a member has left with the scheme into stored value.
    SweepChange {
        /// Whose.
        who: Who,
    },
    /// Takes in money for what a member owes (回款).
    ReceivePayment {
        /// Who pays.
        who: Who,
        /// How much, at most what is owed.
        amount: i64,
    },
    /// Sets a field of a member, or clears it (自定义属性, 会员标签).
    SetField {
        /// Whose.
        member: MemberId,
        /// Which: the program lists them.
        field: FieldId,
        /// To what; cleared, when `None`.
        value: Option<i64>,
    },
    /// Sets a field of a sale that can still be returned, or clears it: number and day of a tour, a
    /// table (团号, 出发日期).
    SetSaleField {
        /// Which sale.
        sale: SaleId,
        /// Which field: the program lists them.
        field: FieldId,
        /// To what; cleared, when `None`.
        value: Option<i64>,
    },
    /// Joins a plan, or renews it, until a day, for a fee (会籍期限, 续费).
    SetTerm {
        /// Who.
        member: MemberId,
        /// Which plan.
        plan: PlanId,
        /// Its last day; [`Day::NEVER`] for no end.
        until: Day,
        /// What the member pays for it over the counter; may be zero.
        fee: i64,
    },
    /// Sets a parameter of the scheme (全局参数).
    SetParameter {
        /// Which.
        parameter: ParameterId,
        /// To what.
        value: i64,
    },
    /// Brings a balance from another system, with the dates that it had there. For each lot one.
    OpenBalance {
        /// Whose.
        member: MemberId,
        /// Of what.
        what: Held,
        /// What was paid for, or points.
        principal: i64,
        /// What was given on top; zero for points.
        bonus: i64,
        /// When it came in: the first day on which it can be spent.
        from: Day,
        /// The last one.
        expires: Day,
    },
    /// Brings what else a member had in another system: uses, coupons, change, debts.
    Open {
        /// Whose.
        member: MemberId,
        /// What.
        what: Opened,
    },
    /// Sends uses to another member, with their last day and what is still to be earned of their price.
    TransferUses {
        /// From whom.
        from: Who,
        /// To whom.
        to: Who,
        /// Of what.
        kind: AssetId,
        /// How many.
        uses: i64,
    },
    /// Sends coupons of one issue to another member, with their days; there they are of an issue of
    /// their own, which the answer names.
    TransferCoupons {
        /// From whom.
        from: Who,
        /// To whom.
        to: Who,
        /// Of which issue.
        coupon: CouponId,
        /// How many.
        count: i64,
    },
    /// Gives a tier by hand, until a day; then it is reviewed.
    SetTier {
        /// To whom.
        member: MemberId,
        /// Which.
        tier: TierId,
        /// Its last day; it must have one.
        until: Day,
    },
    /// Makes a card good until a later day, for a fee (续费).
    RenewCard {
        /// Which.
        card: CardNumber,
        /// The new last day.
        expires: Day,
        /// What the member pays for it in cash; may be zero.
        fee: i64,
    },
    /// Gives a card to another member. No value moves: members own it.
    MoveCard {
        /// Which.
        card: CardNumber,
        /// To whom.
        to: MemberId,
    },
    /// Pays out all stored value that a member has (退卡).
    RefundCard {
        /// To whom.
        who: Who,
        /// Whose doing it is: that decides how much is due.
        cause: RefundCause,
    },
    /// Makes two members one: all that the first has is the second's, and its id and cards lead
    /// to the second. A term of the first goes over when the second has none of its own; of two
    /// under the same plan the later end holds.
    MergeMembers {
        /// The first.
        from: MemberId,
        /// The second.
        into: MemberId,
    },
    /// Says what an actor may do from now on, in place of what it could do before.
    Permit {
        /// Who.
        actor: ActorId,
        /// What.
        permissions: Permissions,
    },
    /// Moves value from one member to another, with its expiry and its share of bonus.
    Transfer {
        /// From whom.
        from: Who,
        /// To whom.
        to: Who,
        /// Of what.
        what: Held,
        /// How much.
        amount: i64,
    },
}

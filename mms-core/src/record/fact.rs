//! Facts: what a record did, apart from its postings. Each is a result; none is ever
//! evaluated again.

use super::MoveKind;
use super::layout::facts;
use crate::amount::Rounding;
use crate::command::{MemberKind, PayKind, RefundCause};
use crate::ids::{
    ActorId, AssetId, CardId, CardNumber, CouponId, Day, FieldId, HoldId, LotId, MemberId,
    MemberToken, OrderId, ParameterId, PlanId, ProductId, RewardId, RuleId, SaleId, Sku, StoreId,
    TenderId, TerminalId, TierId,
};
use crate::permission::Permissions;
use crate::program::RemindKind;
use crate::state::{CardStatus, HoldEnd, MemberStatus, OrderEnd, TierHow};

facts! {
    /// A member came to be.
    MemberEnrolled = 1 {
        /// The id, the next one.
        member: MemberId,
        /// What the host looks the member up by.
        token: MemberToken,
        /// What kind.
        kind: MemberKind,
        /// Under which plan.
        plan: PlanId,
        /// Where the member starts.
        tier: TierId,
        /// Who brought the member.
        referrer: Option<MemberId>,
    }
    /// A member's status changed.
    MemberChanged = 2 {
        /// Whose.
        member: MemberId,
        /// To what.
        status: MemberStatus,
    }
    /// A member's tier changed.
    TierChanged = 3 {
        /// Whose.
        member: MemberId,
        /// From what.
        from: TierId,
        /// To what.
        to: TierId,
    }
    /// Lifetime counters moved.
    Counted = 4 {
        /// Whose.
        member: MemberId,
        /// Points earned.
        points: i64,
        /// Stored value loaded.
        top_up: i64,
        /// Spend.
        spend: i64,
        /// Sales.
        visits: i32,
    }
    /// A card came to be.
    CardIssued = 5 {
        /// The id, the next one.
        card: CardId,
        /// Whose.
        member: MemberId,
        /// The number on it.
        number: CardNumber,
        /// Which product.
        product: ProductId,
        /// Its state.
        status: CardStatus,
        /// Its last day.
        expires: Day,
    }
    /// A card's state, last day or count of wrong PINs changed.
    CardChanged = 6 {
        /// Which.
        card: CardId,
        /// The new state.
        status: CardStatus,
        /// The new last day.
        expires: Day,
        /// The new count of wrong PINs.
        pin_tries: u8,
    }
    /// A card was replaced by one that was just issued.
    CardReplaced = 7 {
        /// The old one.
        card: CardId,
        /// The new one.
        by: CardId,
    }
    /// A lot came to be.
    LotOpened = 8 {
        /// The id, the next one.
        lot: LotId,
        /// Whose.
        member: MemberId,
        /// Of what.
        asset: AssetId,
        /// Whether the member must wait for it.
        pending: u8,
        /// The first day on which it can be spent.
        from: Day,
        /// The last one.
        expires: Day,
        /// What was paid for, or points.
        principal: i64,
        /// What was given on top.
        bonus: i64,
    }
    /// A lot's content changed.
    LotMoved = 9 {
        /// Which.
        lot: LotId,
        /// Why; tells the direction, too.
        how: MoveKind,
        /// How much of what was paid for, or points.
        principal: i64,
        /// How much of what was given on top.
        bonus: i64,
    }
    /// Value was set aside; the record's number is the hold's.
    HoldOpened = 10 {
        /// Whose.
        member: MemberId,
        /// Of what.
        asset: AssetId,
        /// How much of what was paid for, or points.
        principal: i64,
        /// How much of what was given on top.
        bonus: i64,
        /// When it ends by itself, in microseconds.
        until: i64,
    }
    /// A hold is over.
    HoldClosed = 11 {
        /// Which.
        hold: HoldId,
        /// How.
        end: HoldEnd,
    }
    /// A sale or redemption; the record's number is the sale's.
    SaleOpened = 12 {
        /// To whom; `None` for a walk-in.
        member: Option<MemberId>,
        /// What the total is counted in.
        asset: AssetId,
        /// At list price.
        list: i64,
        /// Taken off.
        discount: i64,
        /// Paid over the counter.
        cash: i64,
        /// Paid with stored principal.
        principal: i64,
        /// Paid with stored bonus.
        bonus: i64,
        /// Points given in payment.
        points: i64,
        /// What they were worth.
        points_value: i64,
        /// Points earned.
        earned: i64,
        /// The lot they went to.
        earned_lot: Option<LotId>,
        /// What they were earned on.
        earn_base: i64,
        /// Above the line of the rate that gave them.
        earn_num: u64,
        /// Below the line.
        earn_den: u64,
        /// How the part of a point was rounded.
        earn_rounding: Rounding,
        /// By which rule.
        rule: Option<RuleId>,
        /// The last day on which it can be returned.
        returnable: Day,
    }
    /// One line of the sale of this record.
    SaleLine = 13 {
        /// What.
        sku: Sku,
        /// How many.
        quantity: u32,
        /// At list price.
        list: i64,
        /// After discounts.
        net: i64,
    }
    /// A part of a sale was taken back.
    SaleReturned = 14 {
        /// Which.
        sale: SaleId,
        /// How much of the total.
        amount: i64,
        /// Given back over the counter.
        cash: i64,
        /// To stored principal.
        principal: i64,
        /// To stored bonus.
        bonus: i64,
        /// To points.
        points: i64,
        /// What these were worth.
        points_value: i64,
        /// Discount that fell away with it.
        discount: i64,
        /// Earned points taken back.
        clawed: i64,
    }
    /// So many of a line came back.
    LineReturned = 15 {
        /// Which sale.
        sale: SaleId,
        /// Which line, from 0.
        line: u16,
        /// How many.
        quantity: u32,
        /// What was paid for them.
        net: i64,
    }
    /// Value came back to a lot from which a sale had taken it.
    SaleRestored = 16 {
        /// Which sale.
        sale: SaleId,
        /// Which of its takings, from 0.
        alloc: u16,
        /// To which lot: the same, or a new one when the old one is dead.
        lot: LotId,
        /// How much of what was paid for, or points.
        principal: i64,
        /// How much of what was given on top.
        bonus: i64,
    }
    /// Why an amount is what it is: a rule gave it.
    RuleApplied = 17 {
        /// Which.
        rule: RuleId,
        /// On what amount.
        base: i64,
        /// Money that it gave.
        bonus: i64,
        /// Points that it gave.
        points: i64,
    }
    /// What points were spent on.
    Rewarded = 18 {
        /// Which reward.
        reward: RewardId,
        /// For how many points.
        points: i64,
    }
    /// Points were adjusted by hand.
    PointsAdjusted = 19 {
        /// By how many, with sign.
        points: i64,
        /// Why.
        reason: u16,
    }
    /// A PIN was reported.
    PinReported = 20 {
        /// Which card.
        card: CardId,
        /// 1 when it was right.
        correct: u8,
    }
    /// Points paid a debt instead of going to a lot.
    DebtPaid = 21 {
        /// Whose.
        member: MemberId,
        /// How many.
        points: i64,
    }
    /// Points that should have been taken back were spent already.
    DebtMade = 22 {
        /// Whose.
        member: MemberId,
        /// How many.
        points: i64,
    }
    /// Money was paid for the uses in a lot, or (less than zero) is earned by uses taken or
    /// lapsed.
    Deferred = 24 {
        /// Which lot.
        lot: LotId,
        /// How much, in minor units.
        amount: i64,
    }
    /// A coupon was used in the sale of this record.
    CouponUsed = 25 {
        /// Of which lot.
        lot: LotId,
        /// Of what kind.
        kind: AssetId,
        /// How much it took off, in minor units.
        value: i64,
    }
    /// Change stayed with the scheme.
    ChangeKept = 26 {
        /// Whose.
        member: MemberId,
        /// How much.
        amount: i64,
    }
    /// Something was given for the points of this record.
    RewardGiven = 27 {
        /// What.
        asset: AssetId,
        /// How much of it.
        quantity: i64,
        /// In which lot, when it is the member's to use.
        lot: Option<LotId>,
    }
    /// Coupons were taken back.
    CouponsWithdrawn = 28 {
        /// Of which lot.
        lot: LotId,
        /// How many.
        count: i64,
        /// Why.
        reason: u16,
    }
    /// A tier is kept until a day, then reviewed.
    TierKept = 29 {
        /// Whose.
        member: MemberId,
        /// Its last day.
        until: Day,
        /// How the member came to it.
        how: TierHow,
    }
    /// Counters of a month moved.
    CountedIn = 30 {
        /// Whose.
        member: MemberId,
        /// Which month, counted from year 0.
        month: i32,
        /// Points earned.
        points: i64,
        /// Stored value loaded.
        top_up: i64,
        /// Spend.
        spend: i64,
        /// Sales.
        visits: i32,
    }
    /// A card went to another member.
    CardMoved = 31 {
        /// Which.
        card: CardId,
        /// To whom.
        member: MemberId,
    }
    /// At list price, that much more of a lot was consumed (less than zero: no longer).
    Undiscounted = 32 {
        /// Which lot.
        lot: LotId,
        /// How much, in minor units.
        amount: i64,
    }
    /// Stored value was paid out.
    StoredRefunded = 33 {
        /// To whom.
        member: MemberId,
        /// Whose doing it was.
        cause: RefundCause,
        /// How much was paid out.
        paid: i64,
        /// How much of the principal was not, because it was consumed at list price.
        kept: i64,
        /// How much bonus fell away.
        bonus: i64,
    }
    /// Two members became one.
    MemberMerged = 34 {
        /// The first, whose id leads to the second from now on.
        from: MemberId,
        /// The second.
        into: MemberId,
    }
    /// A seller earned a commission.
    CommissionEarned = 35 {
        /// Who.
        actor: ActorId,
        /// On what.
        base: i64,
        /// How much.
        amount: i64,
    }
    /// The commission of a sale fell away with what was returned.
    CommissionReversed = 36 {
        /// Of which sale.
        sale: SaleId,
        /// How much.
        amount: i64,
    }
    /// A part of the sale of this record is paid later.
    SoldOnAccount = 37 {
        /// By whom.
        member: MemberId,
        /// How much.
        amount: i64,
        /// Until when.
        due: Day,
    }
    /// What was to be paid later was returned.
    AccountReturned = 38 {
        /// Of which sale.
        sale: SaleId,
        /// How much of the total.
        amount: i64,
        /// How much of that was no longer owed, and went over the counter.
        cash: i64,
    }
    /// Money came in for what a member owed.
    PaymentReceived = 39 {
        /// From whom.
        member: MemberId,
        /// How much.
        amount: i64,
    }
    /// The value of a lot that was just opened was loaded in another store.
    LotLoaded = 40 {
        /// Which lot.
        lot: LotId,
        /// Where.
        store: StoreId,
    }
    /// What was loaded in one store was spent in another (less than zero: returned).
    Settled = 41 {
        /// Who owes.
        from: StoreId,
        /// To whom.
        to: StoreId,
        /// How much, in minor units.
        amount: i64,
    }
    /// What a point is worth between the stores of this record, in minor units.
    SettledAt = 42 {
        /// Above the line.
        num: u64,
        /// Below the line.
        den: u64,
    }
    /// A referrer got points for what somebody below it did.
    ReferralRewarded = 43 {
        /// The referrer.
        member: MemberId,
        /// How far above.
        level: u8,
        /// On what amount.
        base: i64,
        /// How many points.
        points: i64,
        /// The lot they went to; none when they all paid a debt.
        lot: Option<LotId>,
    }
    /// A referrer's points were taken back with a sale.
    ReferralClawed = 44 {
        /// Which sale.
        sale: SaleId,
        /// Which of its rewards, from 0.
        reward: u16,
        /// How many points.
        points: i64,
    }
    /// The record counts for rules about frequency.
    Watched = 45 {
        /// Whose.
        member: MemberId,
    }
    /// A rule finds the record unusual.
    AnomalyFound = 46 {
        /// Which rule.
        rule: RuleId,
        /// Whose doing it was.
        member: MemberId,
        /// How much moved, in minor units.
        amount: i64,
    }
    /// A parameter of the scheme was set.
    ParameterSet = 47 {
        /// Which.
        parameter: ParameterId,
        /// To what.
        value: i64,
    }
    /// A balance came from another system.
    BalanceOpened = 48 {
        /// In which lot.
        lot: LotId,
        /// What was paid for, or points.
        principal: i64,
        /// What was given on top.
        bonus: i64,
    }
    /// The record counts for rules about the frequency at a store or terminal.
    WatchedAt = 49 {
        /// Where.
        store: StoreId,
        /// Which device; none for the whole store.
        terminal: Option<TerminalId>,
    }
    /// A rule finds what happens at a store or terminal unusual.
    AnomalyFoundAt = 50 {
        /// Which rule.
        rule: RuleId,
        /// Where.
        store: StoreId,
        /// On which device; none for the whole store.
        terminal: Option<TerminalId>,
        /// Whose doing it was; none for a walk-in.
        member: Option<MemberId>,
        /// How much moved, in minor units.
        amount: i64,
    }
    /// A field of a member was set or cleared.
    FieldSet = 51 {
        /// Whose.
        member: MemberId,
        /// Which.
        field: FieldId,
        /// 1 when it was set, 0 when it was cleared.
        set: u8,
        /// To what; 0 when it was cleared.
        value: i64,
    }
    /// What came over the counter in this record (less than zero: went) was no cash.
    TenderedBy = 52 {
        /// What it was.
        tender: TenderId,
        /// How much, in minor units.
        amount: i64,
    }
    /// An order was parked; the record's number is the order's. Its lines follow.
    OrderParked = 53 {
        /// Whose; `None` for a walk-in.
        member: Option<MemberId>,
        /// With which card in hand.
        card: Option<CardId>,
        /// When it ends by itself, in microseconds.
        until: i64,
        /// How it is to be paid.
        pay: PayKind,
        /// Over the counter, of a mixed tender.
        cash: i64,
        /// From stored value, likewise.
        stored: i64,
        /// In points, likewise.
        points: i64,
        /// With a coupon of which issue.
        coupon: Option<CouponId>,
        /// What change is to stay.
        change: i64,
        /// What is to be paid later.
        account: i64,
    }
    /// One line of the order of this record.
    OrderLine = 54 {
        /// What.
        sku: Sku,
        /// How many.
        quantity: u32,
        /// The list price of one.
        price: i64,
        /// 1 when it is a special price.
        special: u8,
        /// After discounts, by the rules of the moment.
        net: i64,
    }
    /// A line of a parked order was taken off.
    LineVoided = 55 {
        /// Of which order.
        order: OrderId,
        /// Which line, from 0.
        line: u16,
        /// Why.
        reason: u16,
    }
    /// A parked order is over.
    OrderClosed = 56 {
        /// Which.
        order: OrderId,
        /// How.
        end: OrderEnd,
        /// Why, when it was given up; else zero.
        reason: u16,
    }
    /// A member is to be reminded of a day.
    Reminded = 57 {
        /// By which rule.
        rule: RuleId,
        /// Of what.
        what: RemindKind,
        /// Whom.
        member: MemberId,
        /// The day.
        day: Day,
        /// Which member, card or lot it is the day of, by its number.
        subject: u32,
        /// What lapses then; zero for other reminders.
        amount: i64,
    }
    /// A rule has reminded of everything up to here, in the order of days and subjects.
    RemindedUntil = 58 {
        /// Which rule.
        rule: RuleId,
        /// Up to which day.
        day: Day,
        /// Up to which subject of that day; the greatest number when it is done.
        subject: u32,
    }
    /// Goods of this record's store were counted.
    GoodsCounted = 59 {
        /// What.
        goods: AssetId,
        /// How many there should have been.
        expected: i64,
        /// How many there are.
        counted: i64,
    }
    /// Other income (less than zero: an expense) was booked.
    OtherBooked = 60 {
        /// What for.
        category: u16,
        /// How much, in minor units.
        amount: i64,
    }
    /// A store was opened or closed for business.
    StoreSet = 61 {
        /// Which.
        store: StoreId,
        /// 1 when it does business.
        open: u8,
    }
    /// A terminal was placed, allowed or locked.
    TerminalSet = 62 {
        /// Which.
        terminal: TerminalId,
        /// Where it stands.
        store: StoreId,
        /// 1 when it may be used.
        open: u8,
    }
    /// A field of a sale was set or cleared.
    SaleFieldSet = 63 {
        /// Which sale.
        sale: SaleId,
        /// Which field.
        field: FieldId,
        /// 1 when it was set, 0 when it was cleared.
        set: u8,
        /// To what; 0 when it was cleared.
        value: i64,
    }
    /// A member is under a plan until a day.
    TermSet = 64 {
        /// Whose.
        member: MemberId,
        /// Which plan.
        plan: PlanId,
        /// The last day, or never.
        until: Day,
    }
    /// A membership's term is over.
    TermEnded = 65 {
        /// Whose.
        member: MemberId,
        /// What its last day was.
        until: Day,
    }
    /// A member took part in an activity, or no longer does.
    TookPart = 66 {
        /// Which activity.
        activity: RuleId,
        /// Who.
        member: MemberId,
        /// 1 when it took part, 0 when that was taken back.
        part: u8,
        /// What it cost, in points.
        points: i64,
        /// What it gave, in points.
        earned: i64,
    }
    /// An actor's permissions were set.
    ActorPermitted = 23 {
        /// Whose.
        actor: ActorId,
        /// To what.
        permissions: Permissions,
    }
}

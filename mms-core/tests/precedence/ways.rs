//! Each command in its good form, and the ways to break it.

use super::*;

/// A way to break a command: what it is refused with, what it touches (two that touch the
/// same cannot go together), and how.
pub(crate) type Way = (R, &'static str, fn(&mut Scene));

/// Shapes that come again.
const VERSION: Way = (R::VersionChanged, "version", |s| s.expecting = Some(9_999));
const MEMBER_ID: Way = (R::MemberUnknown, "member id", |s| s.member = NOBODY);
const PAST: Way = (R::DateInPast, "date", |s| s.date = Day::new(1));
const PAST_END: Way = (R::DateInPast, "until", |s| s.until = -9 * 86_400);
const KIND: Way = (R::AssetUnknown, "kind", |s| s.kind = POINTS);
const FEE_NEGATIVE: Way = (R::AmountNotPositive, "fee", |s| s.fee = -1);
const FEE_LARGE: Way = (R::AmountTooLarge, "fee", |s| s.fee = MAX + 1);
const NO_POINTS: Way = (R::AmountNotPositive, "points", |s| s.points = 0);
const POINTS_LARGE: Way = (R::AmountTooLarge, "points", |s| s.points = MAX + 1);
const FEW_POINTS: Way = (R::InsufficientPoints, "points", |s| s.points = MAX);
const FEW_STORED: Way = (R::InsufficientStored, "amount", |s| s.amount = MAX);
const HOLDS: Way = (R::HoldsFull, "holds", |s| s.limits = s.limits.with_holds_max(0));
const NUMBER: Way = (R::CardNumberMissing, "number", |s| s.new_card = CardNumber::new(0));
const CARDS: Way = (R::CardsFull, "cards", |s| s.limits = s.limits.with_cards_max(0));

const PERMIT: &[Way] = &[(R::NotPermitted, "actor", |s| s.denied = true)];
/// Where business is not done. Things that happen before happen there, too.
const PLACE: &[Way] = &[
    (R::StoreClosed, "place store card day", |s| s.shut = true),
    (R::TerminalUnknown, "place store card day", |s| s.locked = true),
];
const AMOUNT: &[Way] = &[
    (R::AmountNotPositive, "amount", |s| s.amount = 0),
    (R::AmountTooLarge, "amount", |s| s.amount = MAX + 1),
];
const WHO: &[Way] = &[
    (R::MemberUnknown, "who", |s| s.who = NOBODY.into()),
    (R::CardUnknown, "who", |s| s.who = NO_CARD.into()),
    VERSION,
    (R::CardReplaced, "card", |s| s.replaced = true),
    (R::CardClosed, "card", |s| s.card_is = Some(CardChange::Close)),
    (R::CardLost, "card", |s| s.card_is = Some(CardChange::ReportLost)),
    (R::CardExpired, "day", |s| s.day_after = true),
    (R::CardNotActive, "who card day", |s| s.who = SLEEPING.into()),
];
const DEBIT: &[Way] = &[
    (R::MemberFrozen, "member", |s| s.frozen = true),
    (R::CardFrozen, "card", |s| s.card_is = Some(CardChange::Freeze)),
    (R::CardLocked, "card", |s| s.card_is = Some(CardChange::Lock)),
];
/// A card that is changed, not used.
const CARD_WAYS: &[Way] = &[
    (R::CardUnknown, "named", |s| s.card = NO_CARD),
    VERSION,
    (R::CardReplaced, "card", |s| s.replaced = true),
    (R::CardClosed, "card", |s| s.card_is = Some(CardChange::Close)),
];
const LOTS: &[Way] = &[
    (R::LotsFull, "lots", |s| s.limits = s.limits.with_lots_max(0)),
    (R::MemberLotsFull, "member lots", |s| s.limits = s.limits.with_member_lots_max(0)),
];
const TOUCH: &[Way] =
    &[(R::CommandLotsFull, "command lots", |s| s.limits = s.limits.with_command_lots_max(0))];
const SALES: &[Way] = &[(R::SalesFull, "sales", |s| s.limits = s.limits.with_sales_max(0))];
const STORE: &[Way] = &[(R::StoreAccountsFull, "store", |s| {
    s.store = StoreId::new(9);
    s.limits = s.limits.with_store_accounts_max(0);
})];
const WATCH: &[Way] = &[(R::Suspicious, "watch", |s| {
    s.rules.push(|program| {
        let always = Unusual::Hours { from: 0, to: 24 * 60, zone: 0 };
        program.with_watch(vec![WatchRule::new(RuleId::new(1), always).stopping()])
    });
})];
const WATCH_VOIDS: &[Way] = &[(R::Suspicious, "watch", |s| {
    s.rules.push(|program| {
        let rule = WatchRule::new(RuleId::new(1), Unusual::Amount(1)).of(Watched::Voids);
        program.with_watch(vec![rule.stopping()])
    });
})];
const ENROL: &[Way] = &[
    (R::TokenMissing, "token", |s| s.token = MemberToken::new(0)),
    (R::ReferrerUnknown, "referrer", |s| s.referrer = Some(NOBODY)),
    (R::TokenTaken, "token", |s| s.token = MemberToken::new(1)),
    (R::ReferralTooDeep, "depth", |s| s.limits = s.limits.with_referral_depth_max(0)),
    (R::MembersFull, "members", |s| s.limits = s.limits.with_members_max(0)),
];
const FEE: &[Way] = &[FEE_NEGATIVE, FEE_LARGE, PAST];
const ISSUE: &[Way] =
    &[NUMBER, MEMBER_ID, (R::CardNumberTaken, "number", |s| s.new_card = CARD), CARDS];
const REPLACE: &[Way] = &[
    NUMBER,
    (R::CardNumberTaken, "number", |s| s.new_card = OTHER_CARD),
    (R::ChangeNotAllowed, "card", |s| s.card_is = Some(CardChange::Freeze)),
    CARDS,
];
/// What can be wrong with a bill by itself.
const BILL: &[Way] = &[
    (R::AmountNotPositive, "price", |s| s.lines[0].price = -1),
    (R::AmountNotPositive, "extras", |s| s.extras.keep_change = -1),
    (R::AmountTooLarge, "extras", |s| s.extras.keep_change = MAX + 1),
    (R::AmountTooLarge, "price", |s| s.lines[0].price = MAX + 1),
    (R::AmountTooLarge, "pay", |s| {
        s.pay = Pay::Mixed { cash: MAX + 1, stored: 1, points: 1 };
    }),
    (R::LinesMissing, "price", |s| s.lines.clear()),
    (R::LinesTooMany, "line limit", |s| s.limits = s.limits.with_lines_max(0)),
    (R::QuantityZero, "price", |s| s.lines[0].quantity = 0),
    (R::CouponUnknown, "coupon", |s| s.extras.coupon = Some(CouponId::new(1))),
];
const PAYING: &[Way] = &[
    (R::TenderMismatch, "pay", |s| {
        s.pay = Pay::Mixed { cash: 1, stored: 1, points: 1 };
    }),
    (R::InsufficientStored, "pay price", |s| {
        s.lines = vec![line(1, 1, 60_000)];
        s.pay = Pay::Mixed { cash: 0, stored: 59_950, points: 50 };
    }),
    (R::InsufficientPoints, "pay", |s| {
        s.pay = Pay::Mixed { cash: 0, stored: 2_000, points: 1_000 };
    }),
    (R::CreditExceeded, "pay extras", |s| {
        s.extras.on_account = 1_000;
        s.pay = Pay::Mixed { cash: 0, stored: 1_950, points: 50 };
    }),
];
const ORDER: &[Way] = &[
    (R::ReasonMissing, "reason", |s| s.reason = 0),
    (R::OrderUnknown, "order", |s| s.order = OrderId::new(1)),
    VERSION,
];
const RECEIVER: &[Way] = &[
    (R::TargetUnknown, "target", |s| s.target = NO_CARD.into()),
    (R::SameMember, "target", |s| s.target = A.into()),
    (R::TargetUnusable, "target", |s| s.target_lost = true),
];
const TRANSFER: &[Way] = &[(R::StoredFull, "cap", |s| s.limits = s.limits.with_stored_max(0))];

pub(crate) type Kind = (&'static str, fn(&Scene) -> Action, &'static [&'static [Way]]);

fn goods(scene: &Scene) -> AssetId {
    if scene.kind == OFF { MUG } else { scene.kind }
}

const fn few(scene: &Scene) -> i64 {
    if scene.amount == 5_500 { 5 } else { scene.amount }
}

const fn end(scene: &Scene) -> Timestamp {
    Timestamp::from_unix_secs(20_002 * 86_400 + scene.until)
}

pub(crate) const KINDS: &[Kind] = &[
    (
        "enrol",
        |s| Action::Enrol {
            token: s.token,
            kind: MemberKind::Individual,
            plan: PlanId::new(0),
            referrer: s.referrer,
        },
        &[PERMIT, ENROL],
    ),
    (
        "issue a card",
        |s| Action::IssueCard {
            member: s.member,
            card: s.new_card,
            product: ProductId::new(1),
            expires: s.date,
            active: true,
            fee: s.fee,
        },
        &[PERMIT, FEE, ISSUE, STORE],
    ),
    (
        "replace a card",
        |s| Action::ReplaceCard { card: s.card, new: s.new_card, fee: s.fee },
        &[PERMIT, &[FEE_NEGATIVE, FEE_LARGE], CARD_WAYS, REPLACE],
    ),
    (
        "renew a card",
        |s| Action::RenewCard { card: s.card, expires: s.date, fee: s.fee },
        &[PERMIT, FEE, CARD_WAYS, &[(R::ChangeNotAllowed, "date", |s| s.date = DAY.plus(1))]],
    ),
    (
        "move a card",
        |s| Action::MoveCard { card: s.card, to: s.other },
        &[
            PERMIT,
            CARD_WAYS,
            &[
                (R::TargetUnknown, "target", |s| s.other = NOBODY),
                (R::SameMember, "target", |s| s.other = A),
            ],
        ],
    ),
    (
        "top up",
        |s| Action::TopUp { who: s.who, amount: s.amount * 4 },
        &[
            PERMIT,
            &[
                (R::AmountNotPositive, "amount", |s| s.amount = -1),
                (R::AmountTooLarge, "amount", |s| s.amount = MAX),
                // Nobody's rule is whose nobody is known.
                (R::AmountTooLarge, "who", |s| {
                    s.rules.push(|program| {
                        let much = Ratio::times(u32::MAX);
                        program.with_top_up_rules(vec![
                            TopUpRule::new(RuleId::new(1), 1).with_bonus(much),
                        ])
                    });
                }),
                (R::StoredFull, "cap", |s| s.limits = s.limits.with_stored_max(11_000)),
            ],
            WHO,
            LOTS,
            STORE,
            WATCH,
        ],
    ),
    (
        "spend",
        |s| Action::Spend { who: s.who, amount: s.amount },
        &[PERMIT, AMOUNT, WHO, DEBIT, &[FEW_STORED], LOTS, TOUCH, SALES, STORE, WATCH],
    ),
    (
        "check out",
        |s| Action::Checkout {
            who: Some(s.who),
            lines: s.lines.clone(),
            pay: s.pay,
            extras: s.extras,
        },
        &[PERMIT, BILL, PAYING, WHO, DEBIT, LOTS, TOUCH, SALES, STORE, WATCH],
    ),
    (
        "park an order",
        |s| Action::ParkOrder {
            who: Some(s.who),
            lines: s.lines.clone(),
            pay: s.pay,
            extras: s.extras,
            until: end(s),
        },
        &[
            PERMIT,
            BILL,
            WHO,
            &[PAST_END, (R::OrdersFull, "orders", |s| s.limits = s.limits.with_orders_max(0))],
        ],
    ),
    (
        "void a line of a parked order",
        |s| Action::VoidLine { order: s.order, line: s.reason / 100, reason: s.reason % 100 },
        &[PERMIT, ORDER, &[(R::LineUnknown, "reason order", |s| s.reason = 201)], WATCH_VOIDS],
    ),
    (
        "cancel a parked order",
        |s| Action::CancelOrder { order: s.order, reason: s.reason },
        &[PERMIT, ORDER, WATCH_VOIDS],
    ),
    (
        "resume a parked order",
        |s| Action::ResumeOrder { order: s.order, tender: Some((s.pay, s.extras)) },
        &[
            PERMIT,
            &[
                (R::AmountNotPositive, "extras", |s| s.extras.keep_change = -1),
                (R::AmountTooLarge, "extras", |s| s.extras.keep_change = MAX + 1),
                (R::LinesMissing, "order pay", |s| s.void = true),
                (R::CouponUnknown, "coupon order", |s| s.extras.coupon = Some(CouponId::new(1))),
                (R::OrderUnknown, "order", |s| s.order = OrderId::new(1)),
                (R::TenderMismatch, "pay", |s| {
                    s.pay = Pay::Mixed { cash: 1, stored: 1, points: 1 };
                }),
                (R::InsufficientPoints, "pay", |s| {
                    s.pay = Pay::Mixed { cash: 0, stored: 2_000, points: 1_000 };
                }),
                VERSION,
                (R::CardReplaced, "card", |s| s.replaced = true),
                (R::CardClosed, "card", |s| s.card_is = Some(CardChange::Close)),
                (R::CardLost, "card", |s| s.card_is = Some(CardChange::ReportLost)),
                (R::CardExpired, "day", |s| s.day_after = true),
            ],
            DEBIT,
            LOTS,
            TOUCH,
            SALES,
            STORE,
            WATCH,
        ],
    ),
    (
        "earn",
        |s| Action::Earn { who: s.who, base: s.amount, rule: s.rule },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            &[
                (R::RuleUnknown, "rule", |s| s.rule = RuleId::new(77)),
                (R::NothingToDo, "amount", |s| s.amount = 1),
            ],
            LOTS,
            STORE,
        ],
    ),
    (
        "redeem",
        |s| Action::Redeem { who: s.who, points: s.points, reward: s.reward },
        &[PERMIT, &[NO_POINTS, POINTS_LARGE, FEW_POINTS], WHO, DEBIT, TOUCH, SALES, STORE, WATCH],
    ),
    (
        "reward",
        |s| Action::Reward { who: s.who, reward: s.reward, quantity: s.quantity },
        &[
            PERMIT,
            WHO,
            DEBIT,
            &[
                (R::QuantityZero, "quantity", |s| s.quantity = 0),
                (R::RewardUnknown, "reward", |s| s.reward = RewardId::new(77)),
                (R::RewardNotValid, "reward", |s| s.reward = RewardId::new(3)),
                (R::InsufficientPoints, "quantity", |s| s.quantity = 100),
                (R::InsufficientGoods, "reward", |s| s.reward = RewardId::new(1)),
            ],
            TOUCH,
            SALES,
            STORE,
            WATCH,
        ],
    ),
    (
        "take part",
        |s| Action::TakePart { who: s.who, activity: s.activity },
        &[
            PERMIT,
            WHO,
            DEBIT,
            &[
                (R::ActivityUnknown, "activity", |s| s.activity = RuleId::new(77)),
                (R::ActivityNotValid, "activity", |s| s.activity = RuleId::new(61)),
                (R::InsufficientPoints, "activity", |s| s.activity = RuleId::new(62)),
                (R::ActivityFull, "activity", |s| s.activity = RuleId::new(63)),
            ],
            TOUCH,
            SALES,
            STORE,
            WATCH,
        ],
    ),
    (
        "refund",
        |s| Action::Refund { sale: s.sale, part: s.part },
        &[
            PERMIT,
            &[
                (R::AmountNotPositive, "part", |s| s.part = Part::Amount(0)),
                (R::AmountTooLarge, "part", |s| s.part = Part::Amount(MAX + 1)),
                (R::QuantityZero, "part", |s| s.part = Part::Line { line: 7, quantity: 0 }),
                (R::SaleUnknown, "sale", |s| s.sale = SaleId::new(1)),
                (R::LineUnknown, "part", |s| s.part = Part::Line { line: 7, quantity: 1 }),
                VERSION,
                (R::RefundExceedsPaid, "part", |s| s.part = Part::Amount(MAX)),
            ],
            TOUCH,
        ],
    ),
    (
        "hold",
        |s| Action::Hold { who: s.who, what: Held::Stored, amount: s.amount, until: end(s) },
        &[PERMIT, AMOUNT, WHO, DEBIT, &[PAST_END, FEW_STORED, HOLDS], TOUCH, WATCH],
    ),
    (
        "capture",
        |s| Action::Capture { hold: s.hold, amount: s.points, reward: s.reward },
        &[
            PERMIT,
            &[
                NO_POINTS,
                POINTS_LARGE,
                (R::HoldUnknown, "hold", |s| s.hold = HoldId::new(1)),
                VERSION,
                (R::CaptureExceedsHold, "points", |s| s.points = MAX),
            ],
            SALES,
            STORE,
        ],
    ),
    (
        "hold uses",
        |s| Action::HoldUses {
            who: s.who,
            kind: if s.kind == OFF { SWIM } else { s.kind },
            uses: few(s),
            until: end(s),
        },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            DEBIT,
            &[PAST_END, KIND, (R::InsufficientUses, "amount", |s| s.amount = MAX), HOLDS],
            TOUCH,
            WATCH,
        ],
    ),
    (
        "hold coupons",
        |s| Action::HoldCoupons {
            who: s.who,
            coupon: s.coupon,
            count: if s.amount == 5_500 { 2 } else { s.amount },
            until: end(s),
        },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            DEBIT,
            &[
                PAST_END,
                (R::CouponUnknown, "amount", |s| s.coupon = CouponId::new(1)),
                (R::InsufficientCoupons, "amount", |s| s.amount = MAX),
                HOLDS,
            ],
            WATCH,
        ],
    ),
    (
        "capture uses",
        |s| Action::Capture { hold: s.hold, amount: s.points / 11, reward: s.reward },
        &[
            PERMIT,
            &[
                NO_POINTS,
                (R::HoldUnknown, "hold", |s| s.hold = HoldId::new(1)),
                VERSION,
                (R::CaptureExceedsHold, "points", |s| s.points = MAX),
            ],
            STORE,
        ],
    ),
    (
        "take points",
        |s| Action::AdjustPoints { who: s.who, adjust: Adjust::Take(s.points), reason: s.reason },
        &[
            PERMIT,
            &[NO_POINTS, (R::ReasonMissing, "reason", |s| s.reason = 0), FEW_POINTS],
            WHO,
            DEBIT,
            TOUCH,
            STORE,
        ],
    ),
    (
        "transfer",
        |s| Action::Transfer { from: s.who, to: s.target, what: Held::Stored, amount: s.amount },
        &[PERMIT, AMOUNT, WHO, DEBIT, RECEIVER, TRANSFER, &[FEW_STORED], LOTS, TOUCH, WATCH],
    ),
    (
        "transfer uses",
        |s| Action::TransferUses {
            from: s.who,
            to: s.target,
            kind: if s.kind == OFF { SWIM } else { s.kind },
            uses: few(s),
        },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            DEBIT,
            RECEIVER,
            &[KIND, (R::InsufficientUses, "amount", |s| s.amount = MAX)],
            LOTS,
            TOUCH,
            WATCH,
        ],
    ),
    (
        "transfer coupons",
        |s| Action::TransferCoupons {
            from: s.who,
            to: s.target,
            coupon: s.coupon,
            count: if s.amount == 5_500 { 1 } else { s.amount },
        },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            DEBIT,
            RECEIVER,
            &[
                (R::CouponUnknown, "amount", |s| s.coupon = CouponId::new(1)),
                (R::CouponsHeld, "amount", |s| s.amount = 4),
                (R::InsufficientCoupons, "amount", |s| s.amount = 3),
            ],
            LOTS,
            WATCH,
        ],
    ),
    (
        "sell a package",
        |s| Action::SellPackage {
            who: s.who,
            kind: if s.kind == OFF { SWIM } else { s.kind },
            uses: s.amount,
            price: s.second + 5,
            expires: s.date,
        },
        &[
            PERMIT,
            AMOUNT,
            WHO,
            &[
                (R::AmountNotPositive, "price", |s| s.second = -5),
                (R::AmountTooLarge, "price", |s| s.second = MAX),
                PAST,
                KIND,
            ],
            LOTS,
            STORE,
        ],
    ),
    (
        "take uses",
        |s| Action::TakeUses {
            who: s.who,
            kind: if s.kind == OFF { SWIM } else { s.kind },
            uses: s.points / 11,
        },
        &[
            PERMIT,
            &[
                (R::AmountNotPositive, "uses", |s| s.points = 0),
                KIND,
                (R::InsufficientUses, "uses", |s| s.points = MAX),
            ],
            WHO,
            DEBIT,
            TOUCH,
            STORE,
        ],
    ),
    (
        "issue coupons",
        |s| Action::IssueCoupons { who: s.who, kind: s.kind, count: s.second + 1 },
        &[
            PERMIT,
            WHO,
            &[
                (R::AmountNotPositive, "count", |s| s.second = -1),
                (R::AmountTooLarge, "count", |s| s.second = MAX),
                (R::RuleUnknown, "kind", |s| s.kind = MUG),
                (R::PoolEmpty, "count", |s| s.second = 90),
                (R::CouponsHeld, "count", |s| s.second = 3),
            ],
            LOTS,
            STORE,
        ],
    ),
    (
        "stock goods",
        |s| Action::StockGoods { goods: goods(s), quantity: s.second + 1 },
        &[
            PERMIT,
            &[
                (R::AmountTooLarge, "count", |s| s.second = MAX),
                (R::QuantityZero, "count", |s| s.second = -1),
                (R::GoodsUnknown, "kind", |s| s.kind = RARE),
                (R::InsufficientGoods, "count", |s| s.second = -3),
            ],
            STORE,
        ],
    ),
    (
        "send goods",
        |s| Action::SendGoods { goods: goods(s), quantity: few(s), to: s.to },
        &[
            PERMIT,
            PLACE,
            AMOUNT,
            &[
                (R::GoodsUnknown, "kind", |s| s.kind = RARE),
                (R::SameStore, "to", |s| s.to = StoreId::new(1)),
                (R::InsufficientGoods, "amount", |s| s.amount = MAX),
                (R::StoreAccountsFull, "full", |s| {
                    s.limits = s.limits.with_store_accounts_max(0);
                }),
            ],
        ],
    ),
    (
        "receive goods",
        |s| Action::ReceiveGoods { goods: goods(s), quantity: few(s) },
        &[
            PERMIT,
            PLACE,
            AMOUNT,
            &[
                (R::GoodsUnknown, "kind", |s| s.kind = RARE),
                (R::InsufficientGoods, "amount", |s| s.amount = MAX),
                (R::StoreAccountsFull, "full", |s| {
                    s.limits = s.limits.with_store_accounts_max(0);
                }),
            ],
        ],
    ),
    (
        "count goods",
        |s| Action::CountGoods { goods: goods(s), counted: s.amount },
        &[
            PERMIT,
            PLACE,
            &[
                (R::AmountNotPositive, "amount", |s| s.amount = -1),
                (R::AmountTooLarge, "amount", |s| s.amount = MAX + 1),
                (R::GoodsUnknown, "kind", |s| s.kind = RARE),
                (R::NothingToDo, "amount kind", |s| s.amount = 9),
            ],
        ],
    ),
    (
        "buy messages",
        |s| Action::BuyMessages { count: few(s), price: s.second },
        &[
            PERMIT,
            PLACE,
            AMOUNT,
            &[
                (R::AmountNotPositive, "price", |s| s.second = -1),
                (R::AmountTooLarge, "price", |s| s.second = MAX + 1),
            ],
            STORE,
        ],
    ),
    (
        "use messages",
        |s| Action::UseMessages { count: few(s) },
        &[PERMIT, PLACE, AMOUNT, &[(R::InsufficientMessages, "amount", |s| s.amount = MAX)]],
    ),
    (
        "book other money",
        |s| Action::BookOther { amount: -s.amount, category: s.reason },
        &[PERMIT, PLACE, AMOUNT, &[(R::ReasonMissing, "reason", |s| s.reason = 0)], STORE],
    ),
    (
        "set a store",
        |s| Action::SetStore { store: s.to, open: true },
        &[PERMIT, &[(R::RegistryFull, "full", |s| s.limits = s.limits.with_registry_max(0))]],
    ),
    (
        "set a terminal",
        |s| Action::SetTerminal { terminal: TerminalId::new(0), store: s.to, open: false },
        &[PERMIT, &[(R::RegistryFull, "full", |s| s.limits = s.limits.with_registry_max(0))]],
    ),
    (
        "open a balance",
        |s| Action::OpenBalance {
            member: s.member,
            what: Held::Stored,
            principal: s.amount,
            bonus: s.second,
            from: DAY,
            expires: s.date,
        },
        &[
            PERMIT,
            &[
                (R::AmountNotPositive, "amount", |s| s.amount = -1),
                (R::AmountTooLarge, "amount", |s| s.amount = MAX + 1),
                (R::AmountNotPositive, "bonus", |s| s.second = -1),
                (R::AmountTooLarge, "bonus", |s| s.second = MAX + 1),
                PAST,
                MEMBER_ID,
                VERSION,
                (R::StoredFull, "cap", |s| s.limits = s.limits.with_stored_max(1)),
            ],
            LOTS,
            STORE,
        ],
    ),
    (
        "bring uses along",
        |s| {
            let kind = if s.kind == OFF { SWIM } else { s.kind };
            let (uses, price, expires) = (few(s), s.second, s.date);
            let what = Opened::Uses { kind, uses, price, from: DAY, expires };
            Action::Open { member: s.member, what }
        },
        &[
            PERMIT,
            AMOUNT,
            &[
                (R::AmountNotPositive, "price", |s| s.second = -1),
                (R::AmountTooLarge, "price", |s| s.second = MAX + 1),
                PAST,
                MEMBER_ID,
                KIND,
                VERSION,
            ],
            LOTS,
            STORE,
        ],
    ),
    (
        "bring coupons along",
        |s| {
            let (kind, count, expires) = (s.kind, few(s), s.date);
            let what = Opened::Coupons { kind, count, from: DAY, expires };
            Action::Open { member: s.member, what }
        },
        &[
            PERMIT,
            AMOUNT,
            &[PAST, MEMBER_ID, (R::RuleUnknown, "kind", |s| s.kind = MUG), VERSION],
            LOTS,
            STORE,
        ],
    ),
    (
        "bring change along",
        |s| Action::Open { member: s.member, what: Opened::Change(s.amount) },
        &[PERMIT, AMOUNT, &[MEMBER_ID, VERSION], STORE],
    ),
    (
        "set a tier",
        |s| Action::SetTier { member: s.member, tier: s.tier, until: s.date },
        &[
            PERMIT,
            &[
                PAST,
                (R::EndMissing, "date", |s| s.date = Day::NEVER),
                MEMBER_ID,
                (R::TierUnknown, "tier", |s| s.tier = TierId::new(9)),
                VERSION,
            ],
        ],
    ),
    (
        "set a term",
        |s| Action::SetTerm { member: s.member, plan: PlanId::new(3), until: s.date, fee: s.fee },
        &[PERMIT, PLACE, FEE, &[MEMBER_ID, VERSION], STORE],
    ),
    (
        "set a field of a sale",
        |s| Action::SetSaleField { sale: s.sale, field: s.field, value: Some(s.value) },
        &[
            PERMIT,
            &[
                (R::ValueNotAllowed, "value", |s| s.value = 61),
                (R::SaleUnknown, "sale", |s| s.sale = SaleId::new(1)),
                (R::FieldUnknown, "value", |s| s.field = FieldId::new(9)),
                VERSION,
                (R::FieldsFull, "fields", |s| s.limits = s.limits.with_fields_max(0)),
            ],
        ],
    ),
    (
        "set a field",
        |s| Action::SetField { member: s.member, field: s.field, value: Some(s.value) },
        &[
            PERMIT,
            &[
                (R::ValueNotAllowed, "value", |s| s.value = 61),
                MEMBER_ID,
                (R::FieldUnknown, "value", |s| s.field = FieldId::new(9)),
                VERSION,
                (R::FieldsFull, "fields", |s| s.limits = s.limits.with_fields_max(0)),
            ],
        ],
    ),
    (
        "pay out",
        |s| Action::RefundCard { who: s.who, cause: RefundCause::Merchant },
        &[
            PERMIT,
            WHO,
            DEBIT,
            &[(R::HoldsOpen, "open hold", |s| s.open_hold = true)],
            TOUCH,
            STORE,
            WATCH,
        ],
    ),
];

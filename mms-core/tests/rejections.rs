//! Every rejection, in order of precedence: a row each, that runs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::scheme::*;
use common::*;
use mms_core::Rejection as R;
use mms_core::*;

type Row = (R, fn() -> Limits, fn(&mut Shop) -> Action);

const DEFAULT: fn() -> Limits = Limits::default;

/// Each action breaks the row's own rule and, where it can, rules with higher codes too.
const ROWS: &[Row] = &[
    (R::NotPermitted, DEFAULT, |shop| {
        shop.ok(permit(7, Permissions::ADMIN));
        spend(NOBODY, 0)
    }),
    (R::StoreClosed, DEFAULT, |shop| {
        shop.ok(Action::SetStore { store: StoreId::new(2), open: true });
        let (terminal, store) = (TerminalId::new(9), StoreId::new(2));
        shop.ok(Action::SetTerminal { terminal, store, open: true });
        spend(NOBODY, 0)
    }),
    (R::TerminalUnknown, DEFAULT, |shop| {
        shop.ok(Action::SetStore { store: shop.store, open: true });
        let (terminal, store) = (TerminalId::new(0), StoreId::new(2));
        shop.ok(Action::SetTerminal { terminal, store, open: true });
        spend(NOBODY, 0)
    }),
    (R::AmountNotPositive, DEFAULT, |_| spend(NOBODY, 0)),
    (R::AmountTooLarge, DEFAULT, |_| spend(NOBODY, MAX + 1)),
    (R::LinesMissing, DEFAULT, |_| checkout(NOBODY, &[], Pay::Cash)),
    (
        R::LinesTooMany,
        || Limits::default().with_lines_max(2),
        |_| checkout(NOBODY, &[line(1, 1, 1), line(1, 0, 1), line(1, 1, 1)], Pay::Cash),
    ),
    (R::QuantityZero, DEFAULT, |_| checkout(NOBODY, &[line(1, 0, 1)], Pay::Cash)),
    (R::TokenMissing, DEFAULT, |_| enrol(MemberToken::new(0), Some(NOBODY))),
    (R::CardNumberMissing, DEFAULT, |_| issue(NOBODY, CardNumber::new(0))),
    (R::ReasonMissing, DEFAULT, |_| Action::AdjustPoints {
        who: NOBODY.into(),
        adjust: Adjust::Add(1),
        reason: 0,
    }),
    (R::DateInPast, DEFAULT, |shop| hold(NOBODY, Held::Points, 1, shop.at.time)),
    (R::EndMissing, DEFAULT, |_| Action::SetTier {
        member: NOBODY,
        tier: TierId::new(9),
        until: Day::NEVER,
    }),
    (R::ValueNotAllowed, DEFAULT, |_| Action::SetField {
        member: NOBODY,
        field: SIZE,
        value: Some(61),
    }),
    (R::MemberUnknown, DEFAULT, |_| spend(NOBODY, 1)),
    (R::CardUnknown, DEFAULT, |_| spend(NO_CARD, 1)),
    (R::TargetUnknown, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        transfer(CARD.into(), NO_CARD.into(), 1)
    }),
    (R::ReferrerUnknown, DEFAULT, |_| enrol(MemberToken::new(1), Some(NOBODY))),
    (R::HoldUnknown, DEFAULT, |_| Action::Void { hold: HoldId::new(1) }),
    (R::SaleUnknown, DEFAULT, |_| Action::Refund { sale: SaleId::new(1), part: Part::Rest }),
    (R::LineUnknown, DEFAULT, |shop| {
        let sale = shop.ok(checkout(A, &[line(1, 1, 100)], Pay::Cash));
        shop.ok(refund(&sale, Part::Rest));
        refund(&sale, Part::Line { line: 1, quantity: 9 })
    }),
    (R::RuleUnknown, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Close));
        Action::Earn { who: CARD.into(), base: 1, rule: RuleId::new(77) }
    }),
    (R::AssetUnknown, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        uses(CARD, POINTS, 1)
    }),
    (R::CouponUnknown, DEFAULT, |shop| {
        let coupon = coupons(shop, OFF, 1);
        shop.ok(with_coupon(A, &[line(1, 1, 3_000)], coupon));
        shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
        with_coupon(A, &[line(1, 1, 3_000)], coupon)
    }),
    (R::RewardUnknown, DEFAULT, |shop| {
        shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
        reward(77, 1)
    }),
    (R::GoodsUnknown, DEFAULT, |_| Action::StockGoods { goods: OFF, quantity: -1 }),
    (R::TierUnknown, DEFAULT, |shop| {
        shop.ok(Action::ChangeMember { member: B, change: MemberChange::Close });
        Action::SetTier { member: B, tier: TierId::new(9), until: DAY }
    }),
    (R::FieldUnknown, DEFAULT, |_| Action::SetField {
        member: A,
        field: FieldId::new(9),
        value: None,
    }),
    (R::OrderUnknown, DEFAULT, |_| Action::CancelOrder { order: OrderId::new(1), reason: 9 }),
    (R::ActivityUnknown, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Freeze));
        take_part(CARD, 99)
    }),
    (R::TokenTaken, || Limits::default().with_members_max(2), |_| enrol(MemberToken::new(1), None)),
    (R::CardNumberTaken, || Limits::default().with_cards_max(2), |_| issue(A, OTHER_CARD)),
    (R::SameMember, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        transfer(CARD.into(), A.into(), 1)
    }),
    (R::SameStore, DEFAULT, |shop| Action::SendGoods { goods: MUG, quantity: 9, to: shop.store }),
    (R::MemberClosed, DEFAULT, |shop| {
        close(shop);
        spend(OTHER_CARD, 1)
    }),
    (R::MemberFrozen, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
        spend(CARD, MAX)
    }),
    (R::CardReplaced, DEFAULT, |shop| {
        shop.ok(Action::ReplaceCard { card: CARD, new: CardNumber::new(101), fee: 0 });
        spend(CARD, MAX)
    }),
    (R::CardClosed, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Close));
        top_up(CARD, 1)
    }),
    (R::CardLost, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::ReportLost));
        top_up(CARD, 1)
    }),
    (R::CardExpired, DEFAULT, |shop| {
        let card = CardNumber::new(300);
        shop.ok(Action::IssueCard {
            member: A,
            card,
            product: ProductId::new(1),
            expires: shop.at.day,
            active: true,
            fee: 0,
        });
        shop.ok(change(card, CardChange::Freeze));
        shop.skip(1);
        spend(card, 1)
    }),
    (R::CardFrozen, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Freeze));
        spend(CARD, MAX)
    }),
    (R::CardLocked, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        redeem(CARD, MAX)
    }),
    (R::CardNotActive, DEFAULT, |shop| {
        let card = CardNumber::new(300);
        shop.ok(Action::IssueCard {
            member: A,
            card,
            product: ProductId::new(1),
            expires: Day::NEVER,
            active: false,
            fee: 0,
        });
        spend(card, MAX)
    }),
    (R::ChangeNotAllowed, DEFAULT, |_| change(CARD, CardChange::Unlock)),
    (R::TargetUnusable, DEFAULT, |shop| {
        shop.ok(change(OTHER_CARD, CardChange::ReportLost));
        transfer(A.into(), OTHER_CARD.into(), MAX)
    }),
    (R::BalanceLeft, DEFAULT, |_| Action::ChangeMember { member: A, change: MemberChange::Close }),
    (
        R::ReferralTooDeep,
        || Limits::default().with_referral_depth_max(1).with_members_max(3),
        |shop| {
            let child = shop.ok(enrol(MemberToken::new(50), Some(A))).member;
            enrol(MemberToken::new(51), child)
        },
    ),
    (R::CouponNotValid, DEFAULT, |shop| {
        let coupon = coupons(shop, BOOKS, 1);
        with_coupon(A, &[line(1, 1, 3_000)], coupon)
    }),
    (R::CouponNotForThis, DEFAULT, |shop| {
        let coupon = coupons(shop, OFF, 1);
        let extras = Extras::NONE.with_coupon(coupon);
        let lines = vec![line(1, 1, 1_999)];
        Action::Checkout {
            who: Some(A.into()),
            lines,
            pay: Pay::Mixed { cash: 1, stored: 0, points: 0 },
            extras,
        }
    }),
    (R::RewardNotValid, DEFAULT, |_| reward(3, 200)),
    (R::GivenAway, DEFAULT, |shop| {
        let sale = shop.ok(reward(4, 1));
        shop.ok(uses(A, AssetId::new(16), 1));
        refund(&sale, Part::Rest)
    }),
    (R::HoldsOpen, DEFAULT, |shop| {
        let until = later(shop);
        shop.ok(hold(A, Held::Stored, 11_000, until));
        Action::RefundCard { who: A.into(), cause: RefundCause::Merchant }
    }),
    (R::ActivityNotValid, DEFAULT, |_| take_part(B, 61)),
    (R::TenderMismatch, DEFAULT, |_| {
        checkout(A, &[line(1, 1, 100)], Pay::Mixed { cash: 0, stored: MAX, points: 0 })
    }),
    (R::InsufficientStored, || Limits::default().with_command_lots_max(0), |_| spend(A, 11_001)),
    (R::InsufficientPoints, || Limits::default().with_command_lots_max(0), |_| redeem(A, 101)),
    (R::CaptureExceedsHold, DEFAULT, |shop| {
        let until = later(shop);
        let held = shop.ok(hold(A, Held::Points, 10, until));
        capture(&held, 11)
    }),
    (R::RefundExceedsPaid, DEFAULT, |shop| {
        let sale = shop.ok(checkout(A, &[line(1, 2, 100)], Pay::Cash));
        refund(&sale, Part::Line { line: 0, quantity: 3 })
    }),
    (R::NothingToDo, DEFAULT, |shop| {
        let sale = shop.ok(checkout(A, &[line(1, 1, 100)], Pay::Cash));
        shop.ok(refund(&sale, Part::Rest));
        refund(&sale, Part::Rest)
    }),
    (
        R::InsufficientUses,
        || Limits::default().with_command_lots_max(0),
        |_| uses(A, AssetId::new(16), 1),
    ),
    (R::InsufficientGoods, DEFAULT, |shop| {
        shop.ok(Action::StockGoods { goods: MUG, quantity: 1 });
        reward(1, 2)
    }),
    (
        R::PoolEmpty,
        || Limits::default().with_lots_max(2),
        |_| Action::IssueCoupons { who: A.into(), kind: OFF, count: 6 },
    ),
    (
        R::CouponsHeld,
        || Limits::default().with_lots_max(2),
        |_| Action::IssueCoupons { who: A.into(), kind: OFF, count: 4 },
    ),
    (
        R::StoredFull,
        || Limits::default().with_stored_max(11_000).with_lots_max(2),
        |_| top_up(A, 10_000),
    ),
    (
        R::CreditExceeded,
        || Limits::default().with_sales_max(0),
        |_| {
            let extras = Extras::NONE.with_on_account(1);
            let lines = vec![line(1, 1, 5)];
            Action::Checkout { who: Some(A.into()), lines, pay: Pay::Cash, extras }
        },
    ),
    (R::PaymentExceedsDebt, DEFAULT, |_| Action::ReceivePayment { who: A.into(), amount: 1 }),
    (
        R::InsufficientCoupons,
        || Limits::default().with_holds_max(0),
        |shop| {
            let coupon = coupons(shop, OFF, 2);
            Action::HoldCoupons { who: CARD.into(), coupon, count: 3, until: later(shop) }
        },
    ),
    (R::InsufficientMessages, DEFAULT, |shop| {
        shop.ok(Action::BuyMessages { count: 5, price: 1 });
        Action::UseMessages { count: 6 }
    }),
    (
        R::ActivityFull,
        || Limits::default().with_sales_max(0),
        |shop| {
            shop.ok(take_part(B, 64));
            take_part(B, 64)
        },
    ),
    (
        R::MembersFull,
        || Limits::default().with_members_max(2),
        |_| enrol(MemberToken::new(3), None),
    ),
    (R::CardsFull, || Limits::default().with_cards_max(2), |_| issue(A, CardNumber::new(300))),
    (
        R::LotsFull,
        || Limits::default().with_lots_max(2).with_member_lots_max(2),
        |_| top_up(A, 10_000),
    ),
    (R::MemberLotsFull, || Limits::default().with_member_lots_max(2), |_| top_up(A, 10_000)),
    (R::CommandLotsFull, || Limits::default().with_command_lots_max(0), |_| spend(A, 11_000)),
    (
        R::HoldsFull,
        || Limits::default().with_holds_max(0),
        |shop| hold(A, Held::Points, 1, later(shop)),
    ),
    (R::SalesFull, || Limits::default().with_sales_max(0), |_| spend(A, 1)),
    (
        R::StoreAccountsFull,
        || Limits::default().with_store_accounts_max(3),
        |shop| {
            shop.store = StoreId::new(9);
            top_up(A, 1)
        },
    ),
    (
        R::RecordFull,
        || Limits::default().with_lines_max(u16::MAX),
        |_| checkout(A, &vec![line(1, 1, 1); 5_000], Pay::Cash),
    ),
    (R::ActorsFull, || Limits::default().with_actors_max(0), |_| permit(0, Permissions::ALL)),
    (
        R::ParametersFull,
        || Limits::default().with_parameters_max(0),
        |_| Action::SetParameter { parameter: ParameterId::new(1), value: 1 },
    ),
    (
        R::FieldsFull,
        || Limits::default().with_fields_max(0),
        |_| Action::SetField { member: A, field: SIZE, value: Some(60) },
    ),
    (
        R::OrdersFull,
        || Limits::default().with_orders_max(0),
        |shop| {
            let (lines, until) = (vec![line(1, 1, 1)], later(shop));
            let (pay, extras) = (Pay::Cash, Extras::NONE);
            Action::ParkOrder { who: None, lines, pay, extras, until }
        },
    ),
    (
        R::RegistryFull,
        || Limits::default().with_registry_max(0),
        |shop| Action::SetStore { store: shop.store, open: true },
    ),
    (R::Suspicious, DEFAULT, |shop| {
        let rule = WatchRule::new(RuleId::new(1), Unusual::Amount(5_000)).stopping();
        shop.ledger.set_program(Program::default().with_watch(vec![rule]).into()).unwrap();
        top_up(A, 5_000)
    }),
    (
        R::Overflow,
        || Limits::default().with_amount_max(i64::MAX),
        |shop| {
            shop.ok(top_up(B, i64::MAX / 4));
            top_up(A, i64::MAX / 2)
        },
    ),
];

fn close(shop: &mut Shop) {
    shop.ok(Action::ChangeMember { member: B, change: MemberChange::Close });
}

#[test]
fn every_rejection_has_its_row_in_order_of_precedence() {
    let mut seen = Vec::new();
    for (expected, limits, act) in ROWS {
        let mut shop = shop(limits());
        let action = act(&mut shop);
        let records = shop.records.len();
        assert_eq!(shop.no(action.clone()), *expected, "{action:?}");
        assert_eq!(shop.records.len(), records, "{expected:?} changed something");
        shop.audit();
        seen.push(*expected);
    }
    // Those that hang on the envelope have tests of their own below.
    seen.extend([R::KeyMissing, R::KeyUsed, R::KeyConflict, R::VersionChanged]);
    seen.sort_unstable();
    assert_eq!(seen, R::ALL, "a row for each, and each once");
    assert!(ROWS.windows(2).all(|two| two[0].0 < two[1].0), "rows stand in order");
}

#[test]
fn a_command_without_a_key_is_refused_before_all_else() {
    let mut shop = shop(Limits::default());
    let command = Command::new(IdempotencyKey::new(0), shop.store, spend(NOBODY, 0));
    assert_eq!(shop.submit(&command), Outcome::Rejected(R::KeyMissing));
}

#[test]
fn a_key_is_for_one_command() {
    let mut shop = shop(Limits::default());
    let command = shop.command(spend(A, 100));
    let Outcome::Accepted(first) = shop.submit(&command) else { panic!() };
    shop.ok(spend(A, 100));
    assert_eq!(shop.submit(&command), Outcome::Duplicate(first));
    assert_eq!(shop.ledger.prepare(shop.at, &command).unwrap_err(), R::KeyUsed);

    // Who typed it again and when does not make it another command; what and where does.
    let again = command.clone().by(ActorId::new(5), TerminalId::new(6)).occurred_at(shop.at.time);
    assert_eq!(shop.submit(&again), Outcome::Duplicate(first));
    let mut other = command.clone();
    other.action = spend(A, 101);
    assert_eq!(shop.submit(&other), Outcome::Conflict(first.seq));
    assert_eq!(shop.ledger.prepare(shop.at, &other).unwrap_err(), R::KeyConflict);
    let elsewhere = Command::new(command.envelope.key, StoreId::new(2), command.action);
    assert_eq!(shop.submit(&elsewhere), Outcome::Conflict(first.seq));
    shop.audit();
}

#[test]
fn a_command_may_insist_on_a_version() {
    let mut shop = shop(Limits::default());
    let version = shop.ledger.member(A).unwrap().version;
    shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
    let stale = shop.command(spend(CARD, MAX)).expecting(version);
    assert_eq!(shop.submit(&stale), Outcome::Rejected(R::VersionChanged));
    let fresh = shop.command(top_up(A, 5)).expecting(version + 1);
    assert!(matches!(shop.submit(&fresh), Outcome::Accepted(_)));
}

#[test]
fn transient_rejections_can_turn_into_success_with_the_same_command() {
    let mut shop = shop(Limits::default());
    let command = shop.command(spend(B, 500));
    let outcome = shop.submit(&command);
    assert_eq!(outcome, Outcome::Rejected(R::InsufficientStored));
    assert!(R::InsufficientStored.is_transient());
    shop.ok(top_up(B, 500));
    assert!(matches!(shop.submit(&command), Outcome::Accepted(_)));
    assert!(!R::AmountTooLarge.is_transient());
}

//! Every rejection, in order of precedence: a row each, that runs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::Rejection as R;
use mms_core::*;

const A: MemberId = MemberId::new(0);
const B: MemberId = MemberId::new(1);
const NOBODY: MemberId = MemberId::new(99);
const CARD: CardNumber = CardNumber::new(100);
const OTHER_CARD: CardNumber = CardNumber::new(200);
const NO_CARD: CardNumber = CardNumber::new(999);
const MAX: i64 = 10_000_000_000_000;

/// A shop with two members, a card each, 110.00 stored value and 100 points for the first.
fn shop(limits: Limits) -> Shop {
    let program = Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
        ])
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(1))])
        .with_tiers(vec![Tier::new(TierId::new(0)), Tier::new(TierId::new(1))])
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(500))
                .with_from(2_000)
                .with_expiry(Expiry::Days(6))
                .with_pool_max(5)
                .with_member_max(3),
            CouponRule::new(RARE, CouponOff::Amount(500)).with_tier(TierId::new(1)),
            CouponRule::new(AWAY, CouponOff::Amount(500)).with_stores(vec![StoreId::new(7)]),
            CouponRule::new(BOOKS, CouponOff::Share(Ratio::percent(50), 300))
                .with_skus(vec![Sku::new(9)])
                .with_wait_days(2),
        ])
        .with_rewards(vec![
            Reward::new(RewardId::new(1), 40, Gives::Goods(MUG)),
            Reward::new(RewardId::new(2), 10, Gives::Coupon(OFF)),
            Reward::new(RewardId::new(3), 1, Gives::Goods(MUG)).with_days(DAY.plus(1), DAY.plus(2)),
            Reward::new(RewardId::new(4), 30, Gives::Uses(AssetId::new(16), 2, 9)),
        ]);
    let mut shop = Shop::with_limits(limits, program);
    shop.enrol();
    shop.enrol();
    shop.card(A, 100);
    shop.card(B, 200);
    shop.ok(top_up(A, 10_000));
    shop.ok(adjust(A, 100));
    shop
}

const OFF: AssetId = AssetId::new(16_384);
const RARE: AssetId = AssetId::new(16_385);
const AWAY: AssetId = AssetId::new(16_386);
const BOOKS: AssetId = AssetId::new(16_387);
const MUG: AssetId = AssetId::new(32_768);

fn coupons(shop: &mut Shop, kind: AssetId, count: i64) -> CouponId {
    let receipt = shop.ok(Action::IssueCoupons { who: A.into(), kind, count });
    assert_eq!(receipt.amount, count);
    receipt.coupon().unwrap()
}

fn with_coupon(who: impl Into<Who>, lines: &[Line], coupon: CouponId) -> Action {
    let extras = Extras::NONE.with_coupon(coupon);
    Action::Checkout { who: Some(who.into()), lines: lines.to_vec(), pay: Pay::Cash, extras }
}

fn reward(reward: u32, quantity: u32) -> Action {
    Action::Reward { who: A.into(), reward: RewardId::new(reward), quantity }
}

fn later(shop: &Shop) -> Timestamp {
    shop.at.time.saturating_add(core::time::Duration::from_secs(60))
}

type Row = (R, fn() -> Limits, fn(&mut Shop) -> Action);

const DEFAULT: fn() -> Limits = Limits::default;

/// Each action breaks the row's own rule and, where it can, rules with higher codes too.
const ROWS: &[Row] = &[
    (R::NotPermitted, DEFAULT, |shop| {
        shop.ok(permit(7, Permissions::ADMIN));
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
    (R::TokenTaken, || Limits::default().with_members_max(2), |_| enrol(MemberToken::new(1), None)),
    (R::CardNumberTaken, || Limits::default().with_cards_max(2), |_| issue(A, OTHER_CARD)),
    (R::SameMember, DEFAULT, |shop| {
        shop.ok(change(CARD, CardChange::Lock));
        transfer(CARD.into(), A.into(), 1)
    }),
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

fn transfer(from: Who, to: Who, amount: i64) -> Action {
    Action::Transfer { from, to, what: Held::Stored, amount }
}

fn uses(who: impl Into<Who>, kind: AssetId, uses: i64) -> Action {
    Action::TakeUses { who: who.into(), kind, uses }
}

fn permit(actor: u32, permissions: Permissions) -> Action {
    Action::Permit { actor: ActorId::new(actor), permissions }
}

/// Every action and the one permission that it needs, tried with all the others.
#[test]
fn each_action_needs_its_permission() {
    let line = line(1, 1, 100);
    let until = shop(Limits::default()).at.time.saturating_add(core::time::Duration::from_secs(9));
    let one = HoldId::new(1);
    let sale = SaleId::new(1);
    let table: Vec<(Permissions, Vec<Action>)> = vec![
        (Permissions::ENROL, vec![enrol(MemberToken::new(70), None)]),
        (
            Permissions::MEMBERS,
            vec![
                Action::ChangeMember { member: A, change: MemberChange::Freeze },
                Action::SetTier { member: A, tier: TierId::new(1), until: DAY },
                Action::MergeMembers { from: B, into: A },
            ],
        ),
        (
            Permissions::CARDS,
            vec![
                issue(A, CardNumber::new(700)),
                change(CARD, CardChange::Lock),
                Action::ReplaceCard { card: CARD, new: CardNumber::new(701), fee: 0 },
                Action::ReportPin { card: CARD, correct: true },
                Action::RenewCard { card: CARD, expires: DAY, fee: 1 },
                Action::MoveCard { card: CARD, to: B },
            ],
        ),
        (
            Permissions::TOP_UP,
            vec![
                top_up(A, 5),
                Action::SweepChange { who: A.into() },
                Action::SellPackage {
                    who: A.into(),
                    kind: AssetId::new(16),
                    uses: 2,
                    price: 10,
                    expires: Day::NEVER,
                },
            ],
        ),
        (
            Permissions::SELL,
            vec![
                spend(A, 1),
                checkout(A, &[line], Pay::Cash),
                redeem(A, 1),
                hold(A, Held::Points, 1, until),
                Action::Capture { hold: one, amount: 1, reward: RewardId::new(1) },
                Action::Void { hold: one },
                reward(1, 1),
                uses(A, AssetId::new(16), 1),
            ],
        ),
        (
            Permissions::REFUND,
            vec![
                Action::Refund { sale, part: Part::Rest },
                Action::RefundCard { who: A.into(), cause: RefundCause::Member },
                Action::ReturnUses { who: A.into(), kind: AssetId::new(16), uses: 1 },
            ],
        ),
        (Permissions::EARN, vec![Action::Earn { who: A.into(), base: 500, rule: RuleId::new(10) }]),
        (Permissions::ADJUST, vec![adjust(A, 1)]),
        (Permissions::TRANSFER, vec![transfer(A.into(), B.into(), 1)]),
        (
            Permissions::ADMIN,
            vec![
                permit(9, Permissions::ALL),
                Action::SetParameter { parameter: ParameterId::new(1), value: 1 },
                Action::OpenBalance {
                    member: A,
                    what: Held::Points,
                    principal: 1,
                    bonus: 0,
                    from: DAY,
                    expires: DAY,
                },
            ],
        ),
        (
            Permissions::COUPONS,
            vec![
                Action::IssueCoupons { who: A.into(), kind: OFF, count: 1 },
                Action::WithdrawCoupons { who: A.into(), coupon: CouponId::new(9), reason: 1 },
            ],
        ),
        (Permissions::CREDIT, vec![Action::ReceivePayment { who: A.into(), amount: 1 }]),
        (Permissions::STOCK, vec![Action::StockGoods { goods: MUG, quantity: 1 }]),
    ];
    let mut covered = Permissions::NONE;
    for (needed, actions) in table {
        covered = covered | needed;
        for action in actions {
            let others = Permissions::from_bits(Permissions::ALL.bits() & !needed.bits()).unwrap();
            for (permissions, good) in [(needed, true), (others, false)] {
                let mut shop = shop(Limits::default());
                shop.ok(permit(0, Permissions::ADMIN));
                shop.ok(permit(2, permissions));
                let clerk = ActorId::new(2);
                let command = shop.command(action.clone()).by(clerk, TerminalId::new(0));
                let refused = shop.submit(&command) == Outcome::Rejected(R::NotPermitted);
                assert_eq!(refused, !good, "{action:?} with {permissions}");
                shop.audit();
            }
        }
    }
    assert_eq!(covered, Permissions::ALL);
}

#[test]
fn somebody_is_always_left_who_can_permit() {
    let mut shop = shop(Limits::default());
    assert_eq!(shop.no(permit(1, Permissions::SELL)), R::ChangeNotAllowed);
    shop.ok(permit(0, Permissions::ADMIN));
    assert_eq!(shop.no(permit(0, Permissions::SELL)), R::ChangeNotAllowed);
    shop.ok(permit(1, Permissions::ALL));
    shop.ok(permit(0, Permissions::NONE));
    assert_eq!(shop.no(permit(0, Permissions::ALL)), R::NotPermitted);
    assert_eq!(shop.ledger.permissions(ActorId::new(5)), Permissions::NONE);
    shop.audit();
}

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

#[test]
fn the_life_of_a_card_as_a_table() {
    use CardStatus as S;
    let changes = [
        CardChange::Activate,
        CardChange::Lock,
        CardChange::Unlock,
        CardChange::Freeze,
        CardChange::Unfreeze,
        CardChange::ReportLost,
        CardChange::WithdrawLoss,
        CardChange::Close,
    ];
    let no = None;
    // For each state, what each of the changes above leads to.
    let table: [(S, [Option<S>; 8]); 7] = [
        (S::Issued, [Some(S::Active), no, no, no, no, Some(S::Lost), no, Some(S::Closed)]),
        (
            S::Active,
            [no, Some(S::Locked), no, Some(S::Frozen), no, Some(S::Lost), no, Some(S::Closed)],
        ),
        (
            S::Locked,
            [no, no, Some(S::Active), Some(S::Frozen), no, Some(S::Lost), no, Some(S::Closed)],
        ),
        (S::Frozen, [no, no, no, no, Some(S::Active), Some(S::Lost), no, Some(S::Closed)]),
        (S::Lost, [no, no, no, no, no, no, Some(S::Active), Some(S::Closed)]),
        (S::Replaced, [no; 8]),
        (S::Closed, [no; 8]),
    ];
    for (from, row) in table {
        for (change_to, expected) in changes.into_iter().zip(row) {
            let mut shop = Shop::new(Program::default());
            let member = shop.enrol();
            shop.ok(Action::IssueCard {
                member,
                card: CARD,
                product: ProductId::new(0),
                expires: Day::NEVER,
                active: from != S::Issued,
                fee: 0,
            });
            match from {
                S::Issued | S::Active => {}
                S::Locked => drop(shop.ok(change(CARD, CardChange::Lock))),
                S::Frozen => drop(shop.ok(change(CARD, CardChange::Freeze))),
                S::Lost => drop(shop.ok(change(CARD, CardChange::ReportLost))),
                S::Closed => drop(shop.ok(change(CARD, CardChange::Close))),
                _ => drop(shop.ok(Action::ReplaceCard { card: CARD, new: OTHER_CARD, fee: 0 })),
            }
            assert_eq!(shop.ledger.card(CARD).unwrap().status, from);
            let outcome = shop.run(change(CARD, change_to));
            let after = shop.ledger.card(CARD).unwrap().status;
            match expected {
                Some(expected) => assert_eq!(after, expected, "{from:?} {change_to:?}"),
                None => {
                    assert!(matches!(outcome, Outcome::Rejected(_)), "{from:?} {change_to:?}");
                    assert_eq!(after, from);
                }
            }
        }
    }
}

#[test]
fn wrong_pins_lock_a_card_and_a_right_one_forgives() {
    let mut shop = shop(Limits::default());
    let pin = |correct| Action::ReportPin { card: CARD, correct };
    shop.ok(pin(false));
    shop.ok(pin(false));
    shop.ok(pin(true));
    shop.ok(pin(false));
    shop.ok(pin(false));
    assert_eq!(shop.ledger.card(CARD).unwrap().status, CardStatus::Active);
    shop.ok(pin(false));
    assert_eq!(shop.ledger.card(CARD).unwrap().status, CardStatus::Locked);
    assert_eq!(shop.no(spend(CARD, 1)), R::CardLocked);
    assert_eq!(shop.no(pin(true)), R::ChangeNotAllowed);
    shop.ok(change(CARD, CardChange::Unlock));
    shop.ok(spend(CARD, 1));
    shop.audit();
}

#[test]
fn a_replaced_card_never_works_again_and_its_successor_has_the_same_accounts() {
    let mut shop = shop(Limits::default());
    let new = CardNumber::new(101);
    shop.ok(change(CARD, CardChange::ReportLost));
    shop.ok(Action::ReplaceCard { card: CARD, new, fee: 500 });
    assert_eq!(shop.postings(), "T +500, FEE -500");
    for action in [spend(CARD, 1), top_up(CARD, 1), change(CARD, CardChange::WithdrawLoss)] {
        assert_eq!(shop.no(action), R::CardReplaced);
    }
    shop.ok(spend(new, 11_000));
    assert_eq!(shop.no(issue(A, CARD)), R::CardNumberTaken);
    shop.audit();
}

#[test]
fn a_frozen_member_still_gets_its_money_back() {
    let mut shop = shop(Limits::default());
    let sale = shop.ok(spend(A, 1_100));
    shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
    assert_eq!(shop.no(spend(A, 1)), R::MemberFrozen);
    shop.ok(refund(&sale, Part::Rest));
    shop.ok(top_up(CARD, 100));
    assert_eq!(shop.balances(A).stored(), 11_100);
    shop.audit();
}

/// R80: type, value, validity and restrictions of a coupon are read by the ledger.
#[test]
fn a_coupon_is_good_where_when_and_for_what_its_kind_says() {
    let mut shop = shop(Limits::default());
    let big = [line(1, 1, 3_000)];
    let rare = coupons(&mut shop, RARE, 1);
    assert_eq!(shop.no(with_coupon(A, &big, rare)), R::CouponNotForThis, "for a higher tier");
    let away = coupons(&mut shop, AWAY, 1);
    assert_eq!(shop.no(with_coupon(A, &big, away)), R::CouponNotForThis, "for another store");
    shop.store = StoreId::new(7);
    assert_eq!(shop.ok(with_coupon(A, &big, away)).bonus, 500);
    shop.store = StoreId::new(1);
    assert_eq!(shop.no(with_coupon(B, &big, rare)), R::CouponUnknown, "of another member");
    let books = coupons(&mut shop, BOOKS, 2);
    assert_eq!(shop.no(with_coupon(A, &[line(9, 1, 400)], books)), R::CouponNotValid);
    shop.days(2);
    assert_eq!(shop.no(with_coupon(A, &big, books)), R::CouponNotForThis, "for other goods");
    let lines = [line(9, 1, 400), line(1, 1, 5_000), line(9, 3, 100).at_special_price()];
    let store = shop.store;
    let quote = shop.ledger.quote_coupon(shop.at, store, A.into(), &lines, books);
    assert_eq!(quote, Ok(300), "half of 7.00 is more than 3.00");
    let sale = shop.ok(with_coupon(A, &lines, books));
    assert_eq!((sale.amount, sale.bonus), (5_400, 300));
    let sold = shop.ledger.sale(sale.sale().unwrap()).unwrap();
    let nets: Vec<i64> = shop.ledger.sale_lines(sold).map(|line| line.net).collect();
    assert_eq!(nets, [229, 5_000, 171], "split over the lines that it is for");
    let off = coupons(&mut shop, OFF, 1);
    shop.skip(6);
    assert_eq!(shop.ledger.coupons(A, shop.at.day).filter(|(id, ..)| *id == off).count(), 1);
    shop.skip(1);
    assert_eq!(shop.ledger.coupons(A, shop.at.day).filter(|(id, ..)| *id == off).count(), 0);
    assert_eq!(shop.no(with_coupon(A, &big, off)), R::CouponNotValid, "booked or not");
    shop.due();
    assert_eq!(shop.no(with_coupon(A, &big, off)), R::CouponUnknown);
    shop.audit();
}

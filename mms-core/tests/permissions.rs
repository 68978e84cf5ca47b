//! Who may do what.
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
                Action::SetTerm { member: A, plan: PlanId::new(1), until: DAY, fee: 1 },
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
        (Permissions::CASH, vec![Action::BookOther { amount: -5, category: 1 }]),
        (Permissions::PROFILE, vec![Action::SetField { member: A, field: SIZE, value: Some(4) }]),
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
                Action::TakePart { who: A.into(), activity: RuleId::new(60) },
                hold(A, Held::Points, 1, until),
                Action::ParkOrder {
                    who: None,
                    lines: vec![line],
                    pay: Pay::Cash,
                    extras: Extras::NONE,
                    until,
                },
                Action::VoidLine { order: OrderId::new(1), line: 0, reason: 1 },
                Action::SetSaleField { sale, field: SIZE, value: None },
                Action::ResumeOrder { order: OrderId::new(1), tender: None },
                Action::CancelOrder { order: OrderId::new(1), reason: 1 },
                Action::HoldUses { who: A.into(), kind: AssetId::new(16), uses: 1, until },
                Action::HoldCoupons { who: A.into(), coupon: CouponId::new(1), count: 1, until },
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
        (
            Permissions::TRANSFER,
            vec![
                transfer(A.into(), B.into(), 1),
                Action::TransferUses {
                    from: A.into(),
                    to: B.into(),
                    kind: AssetId::new(16),
                    uses: 1,
                },
                Action::TransferCoupons {
                    from: A.into(),
                    to: B.into(),
                    coupon: CouponId::new(1),
                    count: 1,
                },
            ],
        ),
        (
            Permissions::ADMIN,
            vec![
                permit(9, Permissions::ALL),
                Action::SetStore { store: StoreId::new(1), open: true },
                Action::SetTerminal {
                    terminal: TerminalId::new(0),
                    store: StoreId::new(1),
                    open: true,
                },
                Action::SetParameter { parameter: ParameterId::new(1), value: 1 },
                Action::Open { member: A, what: Opened::Change(5) },
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
        (
            Permissions::STOCK,
            vec![
                Action::SendGoods { goods: MUG, quantity: 1, to: StoreId::new(2) },
                Action::ReceiveGoods { goods: MUG, quantity: 1 },
                Action::CountGoods { goods: MUG, counted: 7 },
                Action::BuyMessages { count: 9, price: 1 },
                Action::UseMessages { count: 1 },
                Action::StockGoods { goods: MUG, quantity: 1 },
            ],
        ),
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

//! A shop with cards, coupons and rewards, for tests of what is refused.

use super::*;

pub const A: MemberId = MemberId::new(0);
pub const B: MemberId = MemberId::new(1);
pub const NOBODY: MemberId = MemberId::new(99);
pub const CARD: CardNumber = CardNumber::new(100);
pub const OTHER_CARD: CardNumber = CardNumber::new(200);
pub const NO_CARD: CardNumber = CardNumber::new(999);
pub const MAX: i64 = 10_000_000_000_000;

/// A shop with two members, a card each, 110.00 stored value and 100 points for the first.
pub fn shop(limits: Limits) -> Shop {
    let program = Program::default()
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
        ])
        .with_earn_rules(vec![
            EarnRule::new(RuleId::new(10), Ratio::percent(1)).with_expiry(Expiry::Days(30)),
        ])
        .with_tiers(vec![Tier::new(TierId::new(0)), Tier::new(TierId::new(1))])
        .with_fields(vec![Field::new(SIZE, Holds::Number(1, 60))])
        .with_sale_fields(vec![Field::new(SIZE, Holds::Number(1, 60))])
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
        .with_activities(vec![
            ActivityRule::new(RuleId::new(60), 30, 50).with_member_max(1),
            ActivityRule::new(RuleId::new(61), 30, 0).with_days(DAY.plus(5), DAY.plus(6)),
            ActivityRule::new(RuleId::new(62), 500, 0).with_places_max(0),
            ActivityRule::new(RuleId::new(63), 30, 9).with_places_max(0),
            ActivityRule::new(RuleId::new(64), 0, 9).with_member_max(1),
        ])
        .with_rewards(vec![
            Reward::new(RewardId::new(1), 40, Gives::Goods(MUG)),
            Reward::new(RewardId::new(2), 10, Gives::Coupon(OFF)),
            Reward::new(RewardId::new(3), 1, Gives::Goods(MUG)).with_days(DAY.plus(5), DAY.plus(6)),
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

pub const SIZE: FieldId = FieldId::new(1);
pub const OFF: AssetId = AssetId::new(16_384);
pub const RARE: AssetId = AssetId::new(16_385);
pub const AWAY: AssetId = AssetId::new(16_386);
pub const BOOKS: AssetId = AssetId::new(16_387);
pub const MUG: AssetId = AssetId::new(32_768);

pub fn coupons(shop: &mut Shop, kind: AssetId, count: i64) -> CouponId {
    let receipt = shop.ok(Action::IssueCoupons { who: A.into(), kind, count });
    assert_eq!(receipt.amount, count);
    receipt.coupon().unwrap()
}

pub fn with_coupon(who: impl Into<Who>, lines: &[Line], coupon: CouponId) -> Action {
    let extras = Extras::NONE.with_coupon(coupon);
    Action::Checkout { who: Some(who.into()), lines: lines.to_vec(), pay: Pay::Cash, extras }
}

pub fn reward(reward: u32, quantity: u32) -> Action {
    Action::Reward { who: A.into(), reward: RewardId::new(reward), quantity }
}

pub fn later(shop: &Shop) -> Timestamp {
    shop.at.time.saturating_add(core::time::Duration::from_secs(60))
}

pub fn transfer(from: Who, to: Who, amount: i64) -> Action {
    Action::Transfer { from, to, what: Held::Stored, amount }
}

pub fn uses(who: impl Into<Who>, kind: AssetId, uses: i64) -> Action {
    Action::TakeUses { who: who.into(), kind, uses }
}

pub fn take_part(who: impl Into<Who>, activity: u32) -> Action {
    Action::TakePart { who: who.into(), activity: RuleId::new(activity) }
}

pub fn permit(actor: u32, permissions: Permissions) -> Action {
    Action::Permit { actor: ActorId::new(actor), permissions }
}

/// Four tiers: for all, from 10.00 and from 50.00 of spend, and one that is only given.
pub fn tiers() -> Vec<Tier> {
    let spend = |amount| Qualify::default().with_spend(amount);
    vec![
        Tier::new(TierId::new(0)),
        Tier::new(TierId::new(1)).with_qualify(spend(1_000)),
        Tier::new(TierId::new(2)).with_qualify(spend(5_000)),
        Tier::new(TierId::new(3)),
    ]
}

pub fn tier(shop: &Shop, member: MemberId) -> u16 {
    shop.ledger.member(member).unwrap().tier.value()
}

pub fn buy(shop: &mut Shop, member: MemberId, amount: i64) -> Receipt {
    shop.ok(checkout(member, &[line(1, 1, amount)], Pay::Cash))
}

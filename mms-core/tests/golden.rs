//! Journals that were written once and must recover for ever.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;

/// What `golden/journal-1.mmsj` was written from, by the first version of the crate.
fn story() -> Shop {
    let program =
        Program::sample().with_stored_expiry(Expiry::Days(500)).with_refund_grace_days(Some(5));
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    let corporate = Action::Enrol {
        token: MemberToken::new(0xfeed),
        kind: MemberKind::Corporate,
        plan: PlanId::new(3),
        referrer: Some(a),
    };
    let c = shop.ok(corporate).member.unwrap();
    let (first, second, third) = (CardNumber::new(77), CardNumber::new(78), CardNumber::new(79));
    shop.card(a, 77);
    shop.ok(Action::IssueCard {
        member: b,
        card: second,
        product: ProductId::new(2),
        expires: shop.at.day.plus(900),
        active: false,
        fee: 500,
    });
    shop.ok(change(second, CardChange::Activate));
    shop.ok(Action::ReportPin { card: second, correct: false });
    shop.ok(Action::ReplaceCard { card: first, new: third, fee: 1_000 });
    shop.ok(top_up(a, 60_000));
    shop.ok(top_up(third, 20_000));
    let lines = [line(1, 2, 3_000), line(2, 1, 500).at_special_price()];
    let sale = shop.ok(checkout(a, &lines, Pay::Stored));
    shop.ok(adjust(a, 300));
    let pay = Pay::Mixed { cash: 900, stored: 1_000, points: 100 };
    let mixed = shop.ok(checkout(a, &[line(3, 1, 2_000)], pay));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(5));
    let held = shop.ok(hold(a, Held::Points, 20, until));
    shop.ok(capture(&held, 15));
    let held = shop.ok(hold(a, Held::Stored, 2_000, until));
    shop.ok(Action::Void { hold: held.hold().unwrap() });
    shop.ok(hold(a, Held::Stored, 700, until));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    shop.ok(refund(&mixed, Part::Amount(333)));
    shop.ok(redeem(a, 40));
    let transfer = |from: MemberId, to: MemberId, what, amount| Action::Transfer {
        from: from.into(),
        to: to.into(),
        what,
        amount,
    };
    shop.ok(transfer(a, b, Held::Stored, 7_777));
    shop.ok(transfer(a, c, Held::Points, 50));
    shop.ok(Action::Earn { who: c.into(), base: 55_555, rule: RuleId::new(10) });
    let (who, kind) = (b.into(), AssetId::new(16));
    let expires = shop.at.day.plus(90);
    shop.ok(Action::SellPackage { who, kind, uses: 10, price: 9_999, expires });
    shop.ok(Action::TakeUses { who, kind, uses: 3 });
    shop.ok(Action::ChangeMember { member: c, change: MemberChange::Freeze });
    shop.days(3);
    shop.ok(Action::Permit { actor: ActorId::new(0), permissions: Permissions::ALL });
    let walk_in = vec![line(1, 3, 333)];
    shop.ok(Action::Checkout { who: None, lines: walk_in, pay: Pay::Cash, extras: Extras::NONE });
    shop.days(120);
    shop.ok(spend(b, 5_000));
    shop.days(400);
    shop
}

/// What `golden/journal-2.mmsj` was written from: what came later.
fn second_story() -> Shop {
    let off = AssetId::new(16_384);
    let (swim, mug) = (AssetId::new(16), AssetId::new(32_768));
    let earn = EarnRule::new(RuleId::new(10), Ratio::percent(1)).with_pending_days(2);
    let program = Program::sample()
        .with_earn_rules(vec![earn])
        .with_coupons(vec![CouponRule::new(off, CouponOff::Amount(500))])
        .with_coupon_returns(true)
        .with_rewards(vec![Reward::new(RewardId::new(1), 5, Gives::Goods(mug))])
        .with_thresholds(vec![Threshold::new(9_000, 100)])
        .with_referral(vec![ReferralRule::new(1, 90).with_on_spend(Ratio::percent(1))])
        .with_commissions(vec![CommissionRule::new(Ratio::percent(3))])
        .with_credit(50_000, 30)
        .with_settlement(Ratio::percent(10))
        .with_tier_window(3)
        .with_tier_review(Expiry::MonthEnd(1), Downgrade::OneDown)
        .with_watch(vec![
            WatchRule::new(RuleId::new(70), Unusual::Amount(40_000)),
            WatchRule::new(RuleId::new(71), Unusual::Often { count: 9, secs: 60 }),
        ]);
    let mut shop = Shop::new(program);
    let a = shop.enrol();
    let corporate = Action::Enrol {
        token: MemberToken::new(0xc0),
        kind: MemberKind::Corporate,
        plan: PlanId::new(0),
        referrer: Some(a),
    };
    let b = shop.ok(corporate).member.unwrap();
    let c = shop.enrol();
    let card = shop.card(a, 60);
    shop.ok(top_up(a, 50_000));
    let issue = Action::IssueCoupons { who: b.into(), kind: off, count: 3 };
    let coupon = shop.ok(issue).coupon().unwrap();
    let extras = Extras::NONE.with_coupon(coupon).with_keep_change(7).with_on_account(4_000);
    let lines = vec![line(1, 2, 5_000)];
    let sale = Action::Checkout { who: Some(b.into()), lines, pay: Pay::Cash, extras };
    let command = shop.command(sale).by(ActorId::new(4), TerminalId::new(2));
    let Outcome::Accepted(sale) = shop.submit(&command) else { panic!() };
    shop.ok(Action::ReceivePayment { who: b.into(), amount: 1_000 });
    shop.ok(Action::SweepChange { who: b.into() });
    shop.store = StoreId::new(2);
    let elsewhere = shop.ok(spend(a, 5_500));
    shop.ok(refund(&elsewhere, Part::Amount(1_000)));
    shop.ok(refund(&sale, Part::Rest));
    shop.ok(Action::WithdrawCoupons { who: b.into(), coupon, reason: 2 });
    shop.ok(Action::StockGoods { goods: mug, quantity: 4 });
    shop.ok(adjust(a, 20));
    let reward = Action::Reward { who: a.into(), reward: RewardId::new(1), quantity: 2 };
    shop.ok(reward);
    let (who, expires) = (c.into(), shop.at.day.plus(90));
    shop.ok(Action::SellPackage { who, kind: swim, uses: 10, price: 999, expires });
    shop.ok(Action::ReturnUses { who, kind: swim, uses: 4 });
    let until = shop.at.day.plus(9);
    shop.ok(Action::SetTier { member: c, tier: TierId::new(2), until });
    shop.ok(Action::SetParameter { parameter: ParameterId::new(3), value: -9 });
    shop.ok(Action::OpenBalance {
        member: c,
        what: Held::Stored,
        principal: 700,
        bonus: 70,
        from: Day::new(19_000),
        expires,
    });
    shop.ok(Action::MoveCard { card, to: c });
    shop.days(40);
    shop.ok(Action::IssueCard {
        member: a,
        card: CardNumber::new(61),
        product: ProductId::new(1),
        expires: shop.at.day,
        active: true,
        fee: 0,
    });
    let expires = shop.at.day.plus(400);
    shop.ok(Action::RenewCard { card: CardNumber::new(61), expires, fee: 50 });
    shop.ok(Action::MergeMembers { from: c, into: a });
    shop.ok(Action::RefundCard { who: a.into(), cause: RefundCause::Member });
    shop.days(300);
    shop
}

/// What `golden/journal-3.mmsj` was written from: the facts that no story before had.
fn third_story() -> Shop {
    let often = WatchRule::new(RuleId::new(71), Unusual::Often { count: 2, secs: 60 });
    let program = Program::sample()
        .with_tiers(vec![Tier::new(TierId::new(0)).with_discount(Ratio::percent(7))])
        .with_settlement(Ratio::new(3, 10).unwrap())
        .with_watch(vec![often.per(Per::Store), often.per(Per::Terminal)]);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(top_up(a, 50_000));
    let sale = shop.ok(checkout(a, &[line(1, 1, 30_001)], Pay::Stored));
    // What was earned is spent, then the sale goes back: a debt, which the next points pay.
    let points = shop.balances(a).points;
    shop.ok(redeem(a, points));
    shop.ok(refund(&sale, Part::Rest));
    assert_eq!(shop.balances(a).points_debt, points);
    shop.ok(adjust(a, 1_000));
    // Loaded here, sent elsewhere, spent at a third place.
    shop.store = StoreId::new(2);
    for what in [Held::Stored, Held::Points] {
        shop.ok(Action::Transfer { from: a.into(), to: b.into(), what, amount: 333 });
    }
    shop.store = StoreId::new(3);
    let lines = [line(1, 1, 201)];
    shop.ok(checkout(b, &lines, Pay::Mixed { cash: 0, stored: 87, points: 100 }));
    shop
}

/// What `golden/journal-4.mmsj` was written from: fields, kinds of tender.
fn fourth_story() -> Shop {
    let (wine, source) = (FieldId::new(1), FieldId::new(2));
    let program = Program::sample().with_fields(vec![
        Field::new(wine, Holds::Tag),
        Field::new(source, Holds::Choice(3)).special(),
    ]);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    let set = |member, field, value| Action::SetField { member, field, value };
    shop.ok(set(a, wine, Some(1)));
    shop.ok(set(a, source, Some(2)));
    shop.ok(set(b, source, Some(0)));
    shop.ok(set(b, source, Some(1)));
    shop.ok(set(a, wine, None));
    let paid = shop.command(top_up(a, 20_000)).paid_by(TenderId::new(4));
    assert!(matches!(shop.submit(&paid), Outcome::Accepted(_)));
    shop.ok(Action::MergeMembers { from: b, into: a });
    shop
}

/// What `golden/journal-5.mmsj` was written from: holds on uses and coupons.
fn fifth_story() -> Shop {
    let (swim, off) = (AssetId::new(16), AssetId::new(16_384));
    let coupon = CouponRule::new(off, CouponOff::Amount(500)).with_expiry(Expiry::Days(3));
    let mut shop = Shop::new(Program::sample().with_coupons(vec![coupon]));
    let who: Who = shop.enrol().into();
    let (kind, expires) = (swim, shop.at.day.plus(2));
    shop.ok(Action::SellPackage { who, kind, uses: 7, price: 999, expires });
    let coupon = shop.ok(Action::IssueCoupons { who, kind: off, count: 4 }).coupon().unwrap();
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(4 * 86_400));
    let held = shop.ok(Action::HoldUses { who, kind, uses: 5, until });
    shop.ok(capture(&held, 2));
    shop.ok(Action::HoldUses { who, kind, uses: 3, until });
    let held = shop.ok(Action::HoldCoupons { who, coupon, count: 3, until });
    shop.ok(capture(&held, 1));
    let held = shop.ok(Action::HoldCoupons { who, coupon, count: 1, until });
    shop.ok(Action::Void { hold: held.hold().unwrap() });
    shop.ok(Action::HoldCoupons { who, coupon, count: 2, until });
    shop.days(3);
    shop.days(9);
    shop
}

/// What `golden/journal-6.mmsj` was written from: parked orders.
fn sixth_story() -> Shop {
    let off = AssetId::new(16_384);
    let coupon = CouponRule::new(off, CouponOff::Amount(500));
    let mut shop = Shop::new(Program::sample().with_coupons(vec![coupon]));
    let member = shop.enrol();
    let who: Who = member.into();
    shop.ok(top_up(who, 20_000));
    let card = shop.card(member, 70);
    let coupon = shop.ok(Action::IssueCoupons { who, kind: off, count: 1 }).coupon().unwrap();
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(86_400));
    let lines = [line(1, 2, 3_000), line(2, 1, 500).at_special_price(), line(3, 1, 40)];
    let mut park = |who, pay, extras| {
        let park = Action::ParkOrder { who, lines: lines.to_vec(), pay, extras, until };
        shop.ok(park).order().unwrap()
    };
    let pay = Pay::Mixed { cash: 1_000, stored: 5_000, points: 0 };
    let first = park(Some(card.into()), pay, Extras::NONE.with_coupon(coupon).with_keep_change(9));
    let second = park(None, Pay::Cash, Extras::NONE);
    let third = park(Some(who), Pay::Stored, Extras::NONE.with_on_account(7));
    park(None, Pay::Cash, Extras::NONE);
    shop.ok(Action::VoidLine { order: first, line: 2, reason: 3 });
    shop.ok(Action::ResumeOrder { order: first, tender: None });
    shop.store = StoreId::new(2);
    let tender = Some((Pay::Stored, Extras::NONE));
    shop.ok(Action::ResumeOrder { order: third, tender });
    shop.ok(Action::CancelOrder { order: second, reason: 5 });
    shop.days(2);
    shop
}

/// What `golden/journal-7.mmsj` was written from: reminders, a store's own books, where business is
/// done.
fn seventh_story() -> Shop {
    let (mug, born) = (AssetId::new(32_768), FieldId::new(3));
    let birthday = Remind::Birthday { field: born, leap: LeapDay::After };
    let program = Program::sample()
        .with_fields(vec![Field::new(born, Holds::MonthDay)])
        .with_points_expiry(Expiry::Days(9))
        .with_reminders(vec![
            ReminderRule::new(RuleId::new(80), birthday, 2),
            ReminderRule::new(RuleId::new(81), Remind::ValueEnds(POINTS), 3),
        ]);
    let mut shop = Shop::new(program);
    let member = shop.enrol();
    // 2024-10-04 is the first day.
    shop.ok(Action::SetField { member, field: born, value: Some(1_007) });
    shop.ok(adjust(member, 44));
    shop.ok(Action::StockGoods { goods: mug, quantity: 9 });
    shop.ok(Action::SendGoods { goods: mug, quantity: 5, to: StoreId::new(2) });
    shop.ok(Action::BuyMessages { count: 200, price: 1_500 });
    shop.ok(Action::UseMessages { count: 3 });
    shop.ok(Action::BookOther { amount: 700, category: 4 });
    shop.ok(Action::BookOther { amount: -90, category: 5 });
    shop.store = StoreId::new(2);
    shop.ok(Action::ReceiveGoods { goods: mug, quantity: 4 });
    shop.ok(Action::CountGoods { goods: mug, counted: 3 });
    for store in [1, 2] {
        shop.ok(Action::SetStore { store: StoreId::new(store), open: store == 2 });
    }
    let (terminal, store) = (TerminalId::new(0), StoreId::new(2));
    shop.ok(Action::SetTerminal { terminal, store, open: true });
    shop.due();
    shop.days(1);
    shop.days(5);
    shop.days(5);
    shop
}

/// What `golden/journal-8.mmsj` was written from: terms of memberships, fields of sales.
fn eighth_story() -> Shop {
    let tour = FieldId::new(4);
    let program = Program::sample()
        .with_sale_fields(vec![Field::new(tour, Holds::Number(1, 99))])
        .with_reminders(vec![ReminderRule::new(RuleId::new(82), Remind::TermEnds, 1)]);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    let plan = PlanId::new(2);
    let until = shop.at.day.plus(3);
    shop.ok(Action::SetTerm { member: a, plan, until, fee: 9_900 });
    shop.ok(Action::SetTerm { member: b, plan, until: until.plus(90), fee: 0 });
    shop.ok(Action::SetTerm { member: b, plan, until: Day::NEVER, fee: 50 });
    let sale = shop.ok(checkout(a, &[line(1, 1, 500)], Pay::Cash)).sale().unwrap();
    let set = |value| Action::SetSaleField { sale, field: tour, value };
    shop.ok(set(Some(7)));
    shop.ok(set(None));
    shop.ok(set(Some(8)));
    shop.days(2);
    shop.days(2);
    shop.ok(Action::SetTerm { member: a, plan, until: until.plus(90), fee: 0 });
    shop
}

/// What `golden/journal-9.mmsj` was written from: activities.
fn ninth_story() -> Shop {
    let activity = |id, costs, gives| ActivityRule::new(RuleId::new(id), costs, gives);
    let program = Program::sample().with_activities(vec![activity(60, 30, 50), activity(61, 0, 9)]);
    let mut shop = Shop::new(program);
    let (a, b) = (shop.enrol(), shop.enrol());
    shop.ok(adjust(a, 100));
    shop.ok(adjust(b, 45));
    let part = |who: MemberId, activity| {
        let activity = RuleId::new(activity);
        Action::TakePart { who: who.into(), activity }
    };
    shop.ok(part(a, 60));
    let back = shop.ok(part(b, 60));
    shop.ok(part(b, 61));
    shop.ok(refund(&back, Part::Amount(10)));
    shop.ok(refund(&back, Part::Rest));
    shop
}

fn totals(ledger: &Ledger) -> String {
    let mut rows = Vec::new();
    for code in Code::ALL {
        for asset in
            [MONEY, POINTS, MESSAGES, AssetId::new(16), AssetId::new(16_384), AssetId::new(32_768)]
        {
            match ledger.total(*code, asset) {
                0 => {}
                total => rows.push(format!("{}{asset} {total:+}", code.short())),
            }
        }
    }
    rows.join(", ")
}

/// A journal that was written once, and what it must come to.
struct Golden {
    /// As the crate wrote it then; the first eight in format 1.
    bytes: &'static [u8],
    frames: u64,
    records: u64,
    chain: &'static str,
    totals: &'static str,
    /// The same evening today.
    story: fn() -> Shop,
}

const JOURNALS: [Golden; 9] = [
    Golden {
        bytes: include_bytes!("golden/journal-1.mmsj"),
        frames: 25,
        records: 38,
        chain: "c1592d5296e0f2f95548714837736c37abd11c47640a084039917ee93b057c29",
        totals: "T1 +93249, REV1 -14165, DISC1 +1555, PROMO1 +83, FEE1 -1500, BRK1 -79222, \
                 PTI2 +939, PTR2 -138, PTX2 -801, CNI16 +10, CNU16 -3, CNX16 -7",
        story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-2.mmsj"),
        frames: 21,
        records: 31,
        chain: "7de6ff4ed40fb108c1209323362401415a334b012dc07ce2b06bc9ff47779a81",
        totals: "SVP1 -7, PT2 -47, T1 +4457, REV1 -5250, DISC1 +750, FEE1 -50, BRK1 -600, \
                 PTI2 +57, PTR2 -10, CNI16 +6, CNX16 -6, CPI16384 +3, CPX16384 -3, \
                 SK32768 +2, SUP32768 -4, GIFT32768 +2, OPEN1 +700, DUE1 +50000, OWE1 -50000",
        story: second_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-3.mmsj"),
        frames: 5,
        records: 10,
        chain: "ae7fbf92a59d4a2e4ca70088ebcb128e8ae6967567f06251802b2b296fe966b9",
        totals: "SVP1 -49927, SVB1 -9986, PT2 -668, T1 +50000, REV1 -201, DISC1 +28, BI1 +9986, \
                 PROMO1 +100, PTI2 +1000, PTR2 -332, DUE1 +103, OWE1 -103",
        story: third_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-4.mmsj"),
        frames: 3,
        records: 9,
        chain: "1091d8581619efc8edb802c7bad812787653ba07a5103733ad10d7c27628162d",
        totals: "SVP1 -20000, SVB1 -2000, T1 +20000, BI1 +2000",
        story: fourth_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-5.mmsj"),
        frames: 6,
        records: 16,
        chain: "d3154ec5995569f0a757b924217f8f6e5532941b48db7cfcc43aa1fdaa893e60",
        totals: "T1 +999, REV1 -285, BRK1 -714, CNI16 +7, CNU16 -2, CNX16 -5, CPI16384 +4, \
                 CPU16384 -1, CPX16384 -3",
        story: fifth_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-6.mmsj"),
        frames: 5,
        records: 13,
        chain: "833b88988bd6f6dbf70d1fc3ddc20c6494570161051ebbdd10cb8a4624fcd276",
        totals: "SVP1 -9509, SVB1 -951, CHG1 -9, PT2 -114, T1 +21009, REV1 -13040, DISC1 +1549, \
                 BI1 +951, PTI2 +114, CPI16384 +1, CPU16384 -1",
        story: sixth_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-7.mmsj"),
        frames: 8,
        records: 23,
        chain: "3e4fcc42a78fcc4b092e77a0a7a367f0c2c22e709f5d0f601b560b9e453433fe",
        totals: "T1 -890, PTI2 +44, PTX2 -44, SK32768 +7, SUP32768 -9, TRS32768 +1, \
                 SHR32768 +1, INC1 -700, EXP1 +1590, SMS3 +197, SMSP3 -200, SMSU3 +3",
        story: seventh_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-8.mmsj"),
        frames: 5,
        records: 13,
        chain: "299a7e869df8940174befe7623d5a719e33999f25dc596e67a76840463249083",
        totals: "PT2 -5, T1 +10450, REV1 -500, FEE1 -9950, PTI2 +5",
        story: eighth_story,
    },
    Golden {
        bytes: include_bytes!("golden/journal-9.mmsj"),
        frames: 3,
        records: 9,
        chain: "a02f487c7546618ad5b427a48499197b7301565f53a11b848cbc465d91f98897",
        totals: "PT2 -174, PTI2 +204, PTR2 -30",
        story: ninth_story,
    },
];

/// Journal `n` recovers to what it must come to, and so does its story today.
fn recovers(n: usize) -> Recovered {
    let golden = &JOURNALS[n - 1];
    let recovered = recovered(golden.bytes);
    assert_eq!((recovered.frames, recovered.records), (golden.frames, golden.records));
    assert_eq!(recovered.chain.to_string(), golden.chain);
    let verification = recovered.ledger.verify();
    assert!(verification.is_sound(), "{verification}");
    assert_eq!(totals(&recovered.ledger), golden.totals);
    let today = (golden.story)();
    today.audit();
    assert_eq!(totals(&today.ledger), golden.totals);
    recovered
}

#[test]
fn the_first_journal_recovers_for_ever() {
    recovers(1);
}

#[test]
fn the_second_journal_and_its_snapshot_recover_for_ever() {
    let recovered = recovers(2);
    // The snapshot that was taken behind it gives the same ledger.
    let snapshot = Snapshot::parse(SNAPSHOT_1).unwrap();
    assert_eq!(snapshot.position().chain, recovered.chain);
    let empty = ledger(Limits::default(), Program::default());
    let restored = Recovery::from_snapshot(empty, snapshot).unwrap().finish();
    assert!(restored.ledger == recovered.ledger);
    assert_eq!(restored.ledger.snapshot(snapshot.position()), SNAPSHOT_1);
}

#[test]
fn the_third_journal_recovers_for_ever() {
    recovers(3);
}

#[test]
fn the_fourth_journal_recovers_for_ever() {
    let fields: Vec<_> = recovers(4).ledger.fields_of(MemberId::new(0)).collect();
    assert_eq!(fields, [(FieldId::new(2), 2)]);
}

#[test]
fn the_fifth_journal_recovers_for_ever() {
    recovers(5);
}

#[test]
fn the_sixth_journal_recovers_for_ever() {
    recovers(6);
}

#[test]
fn the_seventh_journal_recovers_for_ever() {
    recovers(7);
}

#[test]
fn the_eighth_journal_recovers_for_ever() {
    recovers(8);
}

#[test]
fn the_ninth_journal_recovers_for_ever() {
    let recovered = recovers(9);
    let parts: Vec<_> = recovered.ledger.participants(RuleId::new(60)).collect();
    assert_eq!(parts, [(MemberId::new(0), 1)]);
}

const SNAPSHOT_1: &[u8] = include_bytes!("golden/snapshot-1.mmsn");

/// The journal in the format of today, frame by frame.
fn rewritten(journal: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = journal;
    let mut chain = Chain::START;
    while !left.is_empty() {
        let (frame, rest) = Frame::parse(left).unwrap();
        let mut writer = FrameWriter::new(frame.number(), chain, frame.epoch());
        for record in frame.records() {
            let current = record.to_current();
            writer.buffer().extend_from_slice(current.view().as_bytes());
            writer.added(record.head().seq, record.head().at.time);
        }
        let sealed = writer.seal().unwrap();
        chain = sealed.view().chain();
        bytes.extend_from_slice(sealed.bytes());
        left = rest;
    }
    bytes
}

/// The same records in format 2, written by the first crate that wrote it: read to the same ledger,
/// and today's crate still writes these bytes.
#[test]
fn journals_of_format_2_recover_for_ever_as_those_of_format_1() {
    let again: [&[u8]; 8] = [
        include_bytes!("golden/journal-1-format-2.mmsj"),
        include_bytes!("golden/journal-2-format-2.mmsj"),
        include_bytes!("golden/journal-3-format-2.mmsj"),
        include_bytes!("golden/journal-4-format-2.mmsj"),
        include_bytes!("golden/journal-5-format-2.mmsj"),
        include_bytes!("golden/journal-6-format-2.mmsj"),
        include_bytes!("golden/journal-7-format-2.mmsj"),
        include_bytes!("golden/journal-8-format-2.mmsj"),
    ];
    for (n, (first, second)) in (1..).zip(JOURNALS.iter().map(|row| row.bytes).zip(again)) {
        assert!(rewritten(first) == second, "journal {n}");
        let (before, today) = (recovered(first), recovered(second));
        assert!(before.ledger == today.ledger, "journal {n}");
        assert_eq!((before.frames, before.records), (today.frames, today.records));
        let (audited, again) = (audit(first), audit(second));
        assert_eq!((audited.postings, audited.turnover), (again.postings, again.turnover));
        // What a record says does not depend on how.
        let records = |journal: &'static [u8]| {
            let mut left = journal;
            let mut all = Vec::new();
            while let Ok((frame, rest)) = Frame::parse(left) {
                let version =
                    if frame.format() == 1 { RecordVersion::One } else { RecordVersion::Two };
                assert!(frame.records().all(|record| record.version() == version));
                all.extend(frame.records());
                left = rest;
            }
            all
        };
        for (before, today) in records(first).iter().zip(records(second)) {
            assert_eq!(before.head(), today.head());
            assert!(before.postings().eq(today.postings()) && before.facts().eq(today.facts()));
        }
    }
}

fn recovered(journal: &[u8]) -> Recovered {
    let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
    let end = recovery.journal(journal);
    assert!(end.is_intact(), "{end}");
    recovery.finish()
}

/// A journal that was begun by an earlier crate goes on behind it.
#[test]
fn a_journal_of_format_1_goes_on_in_format_2() {
    for journal in JOURNALS[..6].iter().map(|row| row.bytes) {
        let before = recovered(journal);
        let (frames, mut ledger, mut writer) = (before.frames, before.ledger, before.writer);
        let token = MemberToken::new(u128::MAX);
        let key = IdempotencyKey::new(u128::MAX);
        let command = Command::new(key, StoreId::new(1), enrol(token, None));
        let command = command.by(ActorId::new(0), TerminalId::new(0));
        let at = ledger.at();
        let outcome = ledger.apply(at, &command, writer.buffer());
        let Outcome::Accepted(receipt) = outcome else { panic!("{outcome:?}") };
        writer.added(receipt.seq, receipt.time);
        let mut whole = journal.to_vec();
        whole.extend_from_slice(writer.seal().unwrap().bytes());
        let again = recovered(&whole);
        assert!(again.ledger == ledger);
        assert_eq!(again.frames, frames + 1);
        assert!(audit(&whole).end.is_intact());
        // The link across the formats is one as any other.
        let mut cut = whole.clone();
        cut[journal.len() - 20] ^= 1;
        assert!(!audit(&cut).end.is_intact());
        // A record of the one format in a frame of the other is none.
        let (frame, _) = Frame::parse(journal).unwrap();
        let mut mixed = FrameWriter::new(1, Chain::START, 1);
        for record in frame.records() {
            mixed.buffer().extend_from_slice(record.as_bytes());
            mixed.added(record.head().seq, record.head().at.time);
        }
        let mixed = mixed.seal().unwrap();
        let kind = FrameErrorKind::Record(RecordErrorKind::Version);
        assert_eq!(Frame::parse(mixed.bytes()).unwrap_err().kind(), kind);
        let empty = self::ledger(Limits::default(), Program::default());
        assert_eq!(Recovery::new(empty).frame(mixed.bytes()).unwrap_err().kind(), kind);
    }
}

/// Who reads a journal of a version to come is told so, keeps what it has read, and changes nothing.
#[test]
fn a_newer_format_is_refused_by_name() {
    let mut whole = include_bytes!("golden/journal-4-format-2.mmsj").to_vec();
    let first = Frame::parse(&whole).unwrap().0.as_bytes().len();
    for (format, reserved) in [(3_u16, 0_u8), (0, 0), (u16::MAX, 0), (2, 1)] {
        let mut newer = whole.split_off(first);
        let before = newer.clone();
        newer[4..6].copy_from_slice(&format.to_le_bytes());
        newer[40] = reserved;
        let check = twox_hash::XxHash3_64::oneshot(&[&newer[..56], &newer[64..128]].concat());
        newer[56..64].copy_from_slice(&check.to_le_bytes());
        whole.extend(newer);
        let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
        let JournalEnd::Damaged { at, frame, error, .. } = recovery.journal(&whole) else {
            panic!("format {format}")
        };
        assert_eq!((at, frame, error.kind()), (first, 2, FrameErrorKind::Format));
        assert_eq!(recovery.finish().frames, 1);
        assert!(error.to_string().contains("format is not known"), "{error}");
        whole.truncate(first);
        whole.extend(before);
    }
    // A version of records that is not known, with its check right.
    let (frame, _) = Frame::parse(&whole).unwrap();
    let mut bytes = frame.records().next().unwrap().as_bytes().to_vec();
    bytes[0] |= 1;
    let end = bytes.len() - 8;
    let check = twox_hash::XxHash3_64::oneshot(&bytes[..end]);
    bytes[end..].copy_from_slice(&check.to_le_bytes());
    assert_eq!(Record::parse(&bytes).unwrap_err().kind(), RecordErrorKind::Version);
}

/// Every kind of record that there is stands in one of the journals.
#[test]
fn the_golden_journals_have_every_kind_of_record() {
    let mut kinds = std::collections::BTreeSet::new();
    for golden in &JOURNALS {
        let mut left = golden.bytes;
        while let Ok((frame, rest)) = Frame::parse(left) {
            kinds.extend(frame.records().map(|record| record.head().kind));
            left = rest;
        }
        assert!(left.is_empty());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), Kind::ALL);
}

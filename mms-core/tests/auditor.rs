//! Random shops under all kinds of rules, on a machine that stops at any byte, must agree with the
//! naive model that the crate ships.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

use core::cell::RefCell;
use mms_core::testing::{Disk, MemoryDisk, Model, Shop, Sim, SimConfig, SimReport};
use mms_core::*;
use std::collections::BTreeMap;
use std::rc::Rc;

const MUG: AssetId = AssetId::new(32_768);
const OFF: AssetId = AssetId::new(16_384);
const HALF: AssetId = AssetId::new(16_385);

fn tier(id: u16, discount: u32, earn: u32, qualify: Qualify) -> Tier {
    Tier::new(TierId::new(id))
        .with_discount(Ratio::percent(discount))
        .with_earn(Ratio::percent(earn))
        .with_qualify(qualify)
}

const fn birthday(leap: LeapDay) -> Remind {
    Remind::Birthday { field: FieldId::new(3), leap }
}

/// Three tiers, bonus, pending points, coupons, credit, commission.
fn plain(pending: u32) -> Program {
    let qualify = Qualify::default();
    Program::default()
        .with_tiers(vec![
            tier(0, 0, 100, qualify),
            tier(1, 5, 150, qualify.with_spend(100_000)),
            tier(2, 10, 200, qualify.with_top_up(500_000)),
        ])
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
            TopUpRule::new(RuleId::new(2), 50_000).with_bonus(Ratio::percent(33)).with_points(11),
            TopUpRule::new(RuleId::new(3), 20_000)
                .with_bonus(Ratio::percent(21))
                .with_tier(TierId::new(1)),
        ])
        .with_earn_rules(vec![
            EarnRule::new(RuleId::new(10), Ratio::percent(1))
                .with_expiry(Expiry::Days(6))
                .with_pending_days(pending),
        ])
        .with_stored_expiry(Expiry::Days(12))
        .with_points_expiry(Expiry::Days(6))
        .with_return_days(9)
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(500))
                .with_from(2_000)
                .with_expiry(Expiry::Days(5))
                .with_pool_max(40)
                .with_member_max(4),
        ])
        .with_coupon_returns(true)
        .with_credit(30_000, 30)
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3))
                .with_on_stored(Ratio::percent(1))
                .with_on_card(250),
        ])
        .with_rewards(vec![
            Reward::new(RewardId::new(1), 40, Gives::Goods(MUG)),
            Reward::new(RewardId::new(2), 10, Gives::Coupon(OFF)),
            Reward::new(RewardId::new(4), 30, Gives::Uses(AssetId::new(16), 2, 3)),
        ])
        .with_activities(vec![
            ActivityRule::new(RuleId::new(60), 7, 19).with_member_max(2),
            ActivityRule::new(RuleId::new(61), 0, 5).with_places_max(6),
            ActivityRule::new(RuleId::new(62), 12, 0),
        ])
        .with_sale_fields(vec![
            Field::new(FieldId::new(0), Holds::Number(0, 5)),
            Field::new(FieldId::new(1), Holds::Choice(9)),
        ])
        .with_reminders(vec![
            ReminderRule::new(RuleId::new(80), birthday(LeapDay::Before), 7),
            ReminderRule::new(RuleId::new(81), Remind::CardEnds, 0),
            ReminderRule::new(RuleId::new(82), Remind::ValueEnds(POINTS), 3),
            ReminderRule::new(RuleId::new(83), Remind::TierEnds, 1),
            ReminderRule::new(RuleId::new(84), birthday(LeapDay::After), 0),
            ReminderRule::new(RuleId::new(85), Remind::TermEnds, 5),
            ReminderRule::new(RuleId::new(86), Remind::ValueEnds(AssetId::new(16)), 2),
            ReminderRule::new(RuleId::new(87), Remind::ValueEnds(OFF), 1),
            ReminderRule::new(RuleId::new(88), Remind::ValueEnds(MONEY), 2),
        ])
        .with_fields(vec![
            Field::new(FieldId::new(1), Holds::Tag),
            Field::new(FieldId::new(2), Holds::Number(-1, 1)).special(),
            Field::new(FieldId::new(3), Holds::MonthDay),
        ])
}

/// Referrers over three levels, stores that settle, points and all.
fn network() -> Program {
    plain(2)
        .with_referral(vec![
            ReferralRule::new(1, 90)
                .with_on_spend(Ratio::percent(2))
                .with_on_top_up(Ratio::percent(1)),
            ReferralRule::new(2, 40).with_on_spend(Ratio::percent(1)),
            ReferralRule::new(3, 9).with_on_top_up(Ratio::new(1, 300).unwrap()),
        ])
        .with_settlement(Ratio::new(3, 7).unwrap())
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3)).with_on_top_up(Ratio::new(1, 250).unwrap()),
            CommissionRule::new(Ratio::percent(5)).with_tier(TierId::new(1)),
        ])
        .with_points_expiry(Expiry::MonthEnd(1))
        .with_stored_expiry(Expiry::MonthEnd(0))
}

/// Tiers that look at months, are kept for a while and fall.
fn windows(downgrade: Downgrade) -> Program {
    let qualify = Qualify::default();
    plain(0)
        .with_tiers(vec![
            tier(0, 0, 100, qualify),
            tier(1, 5, 150, qualify.with_spend(30_000).with_visits(4)),
            tier(2, 10, 200, qualify.with_points(900)),
            tier(3, 12, 250, qualify.with_top_up(200_000)),
        ])
        // Stored value of a registered card never lapses: what is loaded gathers in one lot.
        .with_stored_expiry(Expiry::Never)
        .with_tier_window(2)
        .with_tier_review(Expiry::Days(11), downgrade)
        .with_thresholds(vec![Threshold::new(10_000, 999), Threshold::new(30_000, 4_001)])
}

/// Points worth a part of a cent, coupons for some goods, bonus that is consumed first or last.
fn odd(consumption: Consumption) -> Program {
    let qualify = Qualify::default();
    plain(1)
        .with_tiers(vec![
            tier(0, 3, 77, qualify).with_burn(Ratio::new(2, 3).unwrap()),
            tier(1, 7, 133, qualify.with_spend(40_000)).with_burn(Ratio::new(7, 5).unwrap()),
        ])
        .with_consumption(consumption)
        .with_earn_rules(vec![
            EarnRule::new(RuleId::new(10), Ratio::new(3, 175).unwrap())
                .with_rounding(Rounding::HalfEven)
                .with_on_bonus_paid(true)
                .with_on_points_paid(true),
        ])
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(700)).with_stores(vec![StoreId::new(1)]),
            CouponRule::new(HALF, CouponOff::Share(Ratio::percent(50), 3_000))
                .with_skus(vec![Sku::new(1), Sku::new(2)])
                .with_wait_days(1)
                .with_expiry(Expiry::Days(7)),
        ])
        .with_items(vec![ItemRule::new(Sku::new(1), Ratio::new(1, 7).unwrap())])
        .with_bundles(vec![
            Bundle::new(vec![(Sku::new(0), 2), (Sku::new(1), 1)], 777),
            Bundle::new(vec![(Sku::new(0), 1), (Sku::new(2), 3)], 40_000),
        ])
        .with_refund_grace_days(Some(3))
        .with_settlement(Ratio::percent(1))
}

fn program(n: u64) -> (&'static str, Program, Limits) {
    let free = Limits::default();
    match n % 9 {
        0 => ("plain", plain(0), free),
        1 => ("pending", plain(2), free),
        2 => ("network", network(), free),
        3 => ("windows, kept", windows(Downgrade::Never), free),
        4 => ("windows, one down", windows(Downgrade::OneDown), free),
        5 => ("windows, to deserved", windows(Downgrade::ToDeserved), free),
        6 => ("principal first", odd(Consumption::PrincipalFirst), free),
        7 => ("bonus first", odd(Consumption::BonusFirst), free),
        _ => ("capped", odd(Consumption::Proportional), Limits::cn_single_purpose()),
    }
}

/// A disk that says what was written to it.
struct Listening {
    disk: MemoryDisk,
    kinds: Rc<RefCell<BTreeMap<Kind, u32>>>,
}

impl Disk for Listening {
    fn append(&mut self, frame: &FrameBuf) {
        for record in frame.view().records() {
            *self.kinds.borrow_mut().entry(record.head().kind).or_default() += 1;
        }
        self.disk.append(frame);
    }

    fn sync(&mut self) {
        self.disk.sync();
    }

    fn crash(&mut self, rng: &mut proto_wire::Rng) {
        self.disk.crash(rng);
    }

    fn read(&mut self) -> Vec<u8> {
        self.disk.read()
    }

    fn truncate(&mut self, length: usize) {
        self.disk.truncate(length);
    }
}

/// The simulator does all that the ledger can do, not only what is easy.
#[test]
fn random_shops_book_every_kind_of_record() {
    let kinds = Rc::new(RefCell::new(BTreeMap::new()));
    for seed in 1_000..1_036 {
        let (name, program, limits) = program(seed);
        let config = SimConfig::default().with_program(program).with_limits(limits).with_steps(600);
        let disk = Listening { disk: MemoryDisk::default(), kinds: Rc::clone(&kinds) };
        let report = Sim::on(disk, seed, config).run();
        report.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
    let kinds = kinds.borrow();
    let never: Vec<_> = Kind::ALL.iter().filter(|kind| !kinds.contains_key(kind)).collect();
    assert!(never.is_empty(), "never: {never:?} of {kinds:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long to look is the caller's choice")]
fn random_shops_agree_with_the_model() {
    // AUDITOR_SEEDS=5000 looks longer, AUDITOR_FROM=17 begins at a seed.
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (from, seeds) =
        (number("AUDITOR_FROM").unwrap_or(0), number("AUDITOR_SEEDS").unwrap_or(99));
    let mut sum = SimReport::default();
    for seed in from..from + seeds {
        let (name, program, limits) = program(seed);
        let config = SimConfig::default().with_program(program).with_limits(limits);
        let report = Sim::new(seed, config).run();
        let report = report.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        sum.accepted += report.accepted;
        sum.rejected += report.rejected;
        sum.duplicates += report.duplicates;
        sum.conflicts += report.conflicts;
        sum.crashes += report.crashes;
        sum.torn += report.torn;
        sum.from_snapshot += report.from_snapshot;
        sum.lost += report.lost;
        sum.reminded += report.reminded;
    }
    println!("{sum:?}");
    // Everything must have happened, and not all be refused.
    if seeds >= 99 {
        let least = u32::try_from(seeds).unwrap();
        assert!(sum.accepted > least * 30 && sum.rejected > least, "{sum:?}");
        assert!(sum.duplicates > least && sum.conflicts > 10 && sum.crashes > least, "{sum:?}");
        assert!(sum.reminded > least, "{sum:?}");
        assert!(sum.torn > 10 && sum.from_snapshot > 10 && sum.lost > 10, "{sum:?}");
    }
}

/// Rules may change at any time, between a sale and its return too: what was booked stays sound, and
/// replays without any of them.
#[test]
fn rules_may_change_between_any_two_commands() {
    let mut accepted = 0;
    for seed in 0..60 {
        let mut rng = proto_wire::Rng::new(&Seed::from_u64(seed));
        let shop = Shop::new(&mut rng, 6);
        let new = || Ledger::new(Limits::default(), Program::default().into(), Seed::from_u64(1));
        let mut ledger = new().unwrap();
        // It only serves the shop to choose from.
        let model = Model::new(Program::default().into(), Limits::default());
        let mut journal = Vec::new();
        let mut day = Day::new(20_000);
        for key in 1..=400 {
            if rng.below(12) == 0 {
                let (_, program, _) = program(rng.below(9));
                let program = match rng.below(4) {
                    0 => program.with_return_days(u32::try_from(rng.below(5)).unwrap()),
                    1 => program.with_refund_grace_days(Some(2)),
                    2 => program.with_tiers(vec![Tier::new(TierId::new(2))]),
                    _ => program,
                };
                ledger.set_program(program.into()).unwrap();
            }
            if rng.below(15) == 0 {
                day = day.plus(1 + u32::try_from(rng.below(4)).unwrap());
            }
            let at = At::new(Timestamp::from_unix_secs(i64::from(day.value()) * 86_400), day);
            if rng.below(4) == 0 {
                while ledger.apply_due(at, &mut journal).is_some() {}
            }
            let sales: Vec<Sale> = ledger.sales().filter(|sale| sale.left() > 0).collect();
            let action = if sales.is_empty() || rng.below(4) > 0 {
                shop.action(&mut rng, &ledger, &model)
            } else {
                let sale = &sales[usize::try_from(rng.below(sales.len() as u64)).unwrap()];
                let amount = i64::try_from(rng.below(sale.left().unsigned_abs())).unwrap() + 1;
                let parts = [Part::Rest, Part::Amount(amount), Part::Line { line: 0, quantity: 1 }];
                Action::Refund {
                    sale: sale.id,
                    part: parts[usize::try_from(rng.below(3)).unwrap()],
                }
            };
            // Somebody who may always do everything.
            let action = match action {
                Action::Permit { .. } => {
                    Action::Permit { actor: ActorId::new(0), permissions: Permissions::ALL }
                }
                Action::SetStore { .. } | Action::SetTerminal { .. } => continue,
                action => action,
            };
            let command = Command::new(IdempotencyKey::new(key), Shop::store(&mut rng), action);
            if let Outcome::Accepted(_) = ledger.apply(at, &command, &mut journal) {
                accepted += 1;
                let verification = ledger.verify();
                assert!(verification.is_sound(), "seed {seed}, {command:?}: {verification}");
            }
        }
        let mut again = new().unwrap();
        let mut left = journal.as_slice();
        while !left.is_empty() {
            let (record, rest) = Record::parse(left).unwrap();
            again.check(record).unwrap();
            again.commit(record);
            left = rest;
        }
        assert!(again == ledger, "seed {seed}");
        let bytes = ledger.snapshot(JournalPosition::START);
        let mut restored = new().unwrap();
        restored.restore(Snapshot::parse(&bytes).unwrap()).unwrap();
        assert!(restored == ledger, "seed {seed}");
    }
    println!("{accepted} accepted");
    assert!(accepted > 5_000, "{accepted}");
}

/// Amounts as great as 64 bits hold, where limits allow them: refused or booked, never bent. (What
/// time causes is never refused, so here it causes nothing.)
#[test]
fn amounts_at_the_end_of_64_bits_break_nothing() {
    let qualify = Qualify::default();
    let program = network()
        .with_tiers(vec![
            tier(0, 0, 100, qualify).with_burn(Ratio::times(3)),
            tier(1, 5, 900, qualify.with_spend(i64::MAX)).with_burn(Ratio::percent(1)),
        ])
        .with_credit(i64::MAX, 30)
        .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::times(2))])
        .with_coupons(vec![CouponRule::new(OFF, CouponOff::Amount(i64::MAX))])
        .with_referral(vec![
            ReferralRule::new(1, i64::MAX)
                .with_on_spend(Ratio::times(u32::MAX))
                .with_on_top_up(Ratio::percent(99)),
        ]);
    let limits = Limits::default().with_amount_max(i64::MAX);
    let (mut accepted, mut overflows) = (0, 0);
    for seed in 0..40 {
        let mut rng = proto_wire::Rng::new(&Seed::from_u64(seed));
        let program = if seed % 2 == 0 { program.clone() } else { odd(Consumption::Proportional) };
        let new = || Ledger::new(limits, program.clone().into(), Seed::from_u64(1)).unwrap();
        let mut ledger = new();
        let mut journal = Vec::new();
        let mut day = Day::new(20_000);
        for key in 1..=300_u64 {
            let mut some = |below: u64| usize::try_from(rng.below(below)).unwrap();
            let bits = [0, 31, 32, 61, 62, 63][some(6)];
            let amount = ((1_u64 << bits) - 1).cast_signed().saturating_sub([0, 1, -1][some(3)]);
            let small = [1, 5, 100][some(3)];
            let member = MemberId::new([0, 1, 2, 3][some(4)]);
            let (who, other) = (Who::Member(member), MemberId::new([0, 1, 2, 3][some(4)]));
            let what = [Held::Stored, Held::Points][some(2)];
            let kind = AssetId::new(16);
            let (from, expires) = (day, [Day::NEVER, day.plus(3)][some(2)]);
            let sales: Vec<Sale> = ledger.sales().collect();
            let sale = sales.get(some(sales.len().max(1) as u64));
            let hold = ledger.holds().next().map_or(HoldId::new(1), |(id, _)| id);
            let time = Timestamp::from_unix_secs(i64::from(day.value()) * 86_400);
            let until = time.saturating_add(core::time::Duration::from_secs(7));
            let lines = vec![Line::new(Sku::new(1), 1, amount), Line::new(Sku::new(2), 2, small)];
            let quote = ledger.quote(Some(who), &lines).map_or(0, |quote| quote.net);
            let coupon = ledger.coupons(member, day).next().map(|(id, ..)| id);
            let extras = Extras::NONE.with_keep_change([0, amount][some(2)]);
            let extras = extras.with_on_account([0, quote, quote / 2][some(3)]);
            let extras =
                coupon.filter(|_| some(4) == 0).map_or(extras, |one| extras.with_coupon(one));
            let action = match some(24) {
                _ if key <= 4 => Action::Enrol {
                    token: MemberToken::new(key.into()),
                    kind: MemberKind::Corporate,
                    plan: PlanId::new(0),
                    referrer: (key > 1).then_some(MemberId::new(0)),
                },
                0 | 1 => Action::TopUp { who, amount },
                2 => Action::Spend { who, amount },
                3..=6 => Action::Checkout {
                    who: Some(who),
                    lines,
                    pay: [
                        Pay::Cash,
                        Pay::Stored,
                        Pay::Mixed { cash: amount, stored: 0, points: amount },
                    ][some(3)],
                    extras,
                },
                7 => Action::Earn { who, base: amount, rule: RuleId::new(10) },
                8 => Action::AdjustPoints { who, adjust: Adjust::Add(amount), reason: 1 },
                9 => Action::Transfer { from: who, to: other.into(), what, amount },
                10 => Action::Hold { who, what, amount, until },
                11 => Action::Capture { hold, amount, reward: RewardId::new(1) },
                12 => Action::OpenBalance {
                    member,
                    what,
                    principal: amount,
                    bonus: if what == Held::Stored { amount } else { 0 },
                    from,
                    expires,
                },
                13 => Action::SellPackage { who, kind, uses: small, price: amount, expires },
                14 => Action::SellPackage { who, kind, uses: amount, price: amount, expires },
                15 => Action::TakeUses { who, kind, uses: [small, amount][some(2)] },
                16 => Action::ReturnUses { who, kind, uses: [small, amount][some(2)] },
                17 => Action::IssueCoupons { who, kind: OFF, count: amount },
                18 => Action::BookOther { amount: [amount, -amount][some(2)], category: 1 },
                19 => Action::BuyMessages { count: amount, price: amount },
                20 => Action::RefundCard { who, cause: RefundCause::Member },
                21 => Action::CountGoods { goods: MUG, counted: amount },
                _ => Action::Refund {
                    sale: sale.map_or(SaleId::new(1), |sale| sale.id),
                    part: [Part::Rest, Part::Amount(amount), Part::Line { line: 0, quantity: 1 }]
                        [some(3)],
                },
            };
            let at = At::new(time, day);
            let store = StoreId::new([1, 2][some(2)]);
            let command = Command::new(IdempotencyKey::new(key.into()), store, action)
                .by(ActorId::new(1), TerminalId::new(1));
            match ledger.apply(at, &command, &mut journal) {
                Outcome::Accepted(_) => {
                    accepted += 1;
                    let verification = ledger.verify();
                    assert!(verification.is_sound(), "seed {seed}, {command:?}: {verification}");
                }
                Outcome::Rejected(Rejection::Overflow) => overflows += 1,
                _ => {}
            }
            day = day.plus(u32::from(some(9) == 0));
        }
    }
    println!("{accepted} accepted, {overflows} overflows");
    assert!(accepted > 1_000 && overflows > 500, "{accepted} {overflows}");
}

/// I13: whatever random shops try, nothing is taken from who is frozen, and no debt made, but by what
/// is named here.
#[test]
fn nothing_is_taken_from_who_is_frozen() {
    let mut found = BTreeMap::new();
    for seed in 0..300 {
        let mut rng = proto_wire::Rng::new(&Seed::from_u64(seed));
        let shop = Shop::new(&mut rng, 4);
        let (_, program, limits) = program(seed);
        let model = Model::new(program.clone().into(), limits);
        let mut ledger = Ledger::new(limits, program.into(), Seed::from_u64(1)).unwrap();
        for key in 1..=200_u32 {
            let day = Day::new(20_000).plus(key / 40);
            let at = At::new(Timestamp::from_unix_secs(i64::from(day.value()) * 86_400), day);
            let sale = ledger.sales().find(|sale| sale.left() > 0).filter(|_| rng.below(9) == 0);
            let action = match sale {
                Some(sale) => Action::Refund { sale: sale.id, part: Part::Rest },
                None => shop.action(&mut rng, &ledger, &model),
            };
            let key = IdempotencyKey::new(key.into());
            let command = Command::new(key, StoreId::new(1), action);
            let Ok(record) = ledger.prepare(at, &command) else { continue };
            let kind = record.view().head().kind;
            for posting in record.view().postings() {
                let (Owner::Member(member), code) =
                    (posting.account.owner(), posting.account.code())
                else {
                    continue;
                };
                let less = code.natural(posting.amount) < 0;
                let owes = matches!(code, Code::Receivable | Code::PointsDebt);
                let row = ledger.member(member).unwrap();
                if row.status == MemberStatus::Frozen && less != owes {
                    *found.entry((kind, code)).or_insert(0) += 1;
                }
            }
            ledger.commit(record.view());
        }
    }
    let held = |code| {
        matches!(code, Code::PointsHeld | Code::UsesHeld | Code::CouponsHeld)
            || matches!(code, Code::HeldPrincipal | Code::HeldBonus | Code::Deferred)
    };
    let allowed = |(kind, code): &(Kind, Code)| match kind {
        // What was brought along, made another's, or taken back by the scheme.
        Kind::BalanceOpened | Kind::ChangeSwept | Kind::CouponsWithdrawn => true,
        // What a return takes back.
        Kind::Refunded => true,
        // What the member said yes to before.
        Kind::Captured | Kind::Voided | Kind::UsesTaken | Kind::CouponsUsed => held(*code),
        _ => false,
    };
    let wrong: Vec<_> = found.iter().filter(|(what, _)| !allowed(what)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(found.len() > 8, "{found:?}");
}

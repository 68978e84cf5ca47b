//! Targets of the area `ledger`.
//!
//! - `ledger_parse`: any bytes as record, frame and journal: no panic; what is accepted is
//!   canonical (it balances, its facts fill it, it reads the same again).
//! - `ledger_chunks`: a good journal damaged as the bytes say: recovery gives a prefix of
//!   whole frames and never accepts a change.
//! - `ledger_machine`: commands, time, stores that answer late or never, and crashes: the
//!   answers are the first ones, the laws hold, and a replay of what was stored is the state.
//! - `ledger_snapshot`: a good snapshot damaged as the bytes say is refused; one of any state
//!   gives that state again, byte for byte.

extern crate alloc;

use crate::Target;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use mms_core::*;
use proto_wire::{Instant, Output};
use std::sync::OnceLock;
use twox_hash::XxHash3_64;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("ledger_parse", ledger_parse),
    ("ledger_chunks", ledger_chunks),
    ("ledger_machine", ledger_machine),
    ("ledger_snapshot", ledger_snapshot),
];

/// Any bytes as record, frame and journal.
pub fn ledger_parse(data: &[u8]) {
    // With length, version and check made right: or nothing would get beyond them.
    let mut made = data.get(..data.len().min(4_096)).unwrap_or_default().to_vec();
    if let Some(end) = made.len().checked_sub(8).filter(|end| *end >= 4) {
        let length = u32::try_from(made.len()).expect("short") << 3 | 2;
        made[..3].copy_from_slice(&length.to_le_bytes()[..3]);
        let check = XxHash3_64::oneshot(&made[..end]);
        made[end..].copy_from_slice(&check.to_le_bytes());
        if let Ok((record, _)) = Record::parse(&made) {
            assert!(record.to_current().into_bytes() == made, "a second encoding was accepted");
        }
        any_record(&made);
    }
    any_record(data);
    if let Ok((frame, rest)) = Frame::parse(data) {
        assert_eq!(frame.as_bytes().len() + rest.len(), data.len());
        assert_eq!(frame.records().count(), frame.record_count() as usize);
    }
    let mut recovery = Recovery::new(empty());
    let end = recovery.journal(data);
    assert!(end.whole() <= data.len());
    assert!(!end.to_string().is_empty());
}

fn any_record(data: &[u8]) {
    if let Ok((record, rest)) = Record::parse(data) {
        assert_eq!(record.as_bytes().len() + rest.len(), data.len());
        let mut sums: BTreeMap<u16, i128> = BTreeMap::new();
        for posting in record.postings() {
            *sums.entry(posting.account.asset().value()).or_default() += i128::from(posting.amount);
        }
        assert!(sums.values().all(|sum| *sum == 0), "an unbalanced record was accepted");
        assert!(record.to_buf().view() == record);
        // A record out of nowhere may be refused; it must not break anything.
        let mut ledger = empty();
        if ledger.check(record).is_ok() {
            ledger.commit(record);
            assert!(!ledger.verify().checks.is_empty());
        }
    }
}

/// A good journal with damage: pairs of place and mask, then a length to cut to.
pub fn ledger_chunks(data: &[u8]) {
    let (good, ends) = journal();
    let mut bytes = good.clone();
    let mut chunks = data.chunks_exact(4);
    for change in chunks.by_ref().take(16) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[place] ^= change[2];
    }
    if let [low, high, ..] = chunks.remainder() {
        bytes.truncate(usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1));
    }
    let mut recovery = Recovery::new(empty());
    let end = recovery.journal(&bytes);
    let recovered = recovery.finish();
    let whole = end.whole();
    assert!(whole == 0 || ends.contains(&whole), "{end} is not the end of a frame");
    assert_eq!(bytes[..whole], good[..whole], "a change was accepted");
    let next = ends.iter().find(|end| **end > whole);
    if let (JournalEnd::Whole { .. }, Some(next)) = (end, next) {
        let rest = &bytes[whole..(*next).min(bytes.len())];
        assert!(rest.iter().all(|byte| *byte == 0), "a damaged frame was overlooked");
    }
    // The prefix by itself is a whole journal and gives the same ledger, frame by frame.
    let mut again = Recovery::new(empty());
    let mut start = 0;
    for end in ends.iter().take_while(|end| **end <= whole) {
        again.frame(&good[start..*end]).expect("a whole frame");
        start = *end;
    }
    assert!(again.finish().ledger == recovered.ledger);
}

/// Four bytes an operation: commands, days, the store's answers, crashes.
pub fn ledger_machine(data: &[u8]) {
    let config = Arc::new(
        EngineConfig::default()
            .with_program(program())
            .with_limits(limits())
            .with_group_records_max(3)
            .with_waiting_max(64),
    );
    let seed = Seed::from_u64(1);
    let mut engine =
        Engine::new(Instant::ZERO, Arc::clone(&config), seed).expect("a sound program");
    let mut disk: Vec<u8> = Vec::new();
    let mut writing = VecDeque::new();
    let mut answers: BTreeMap<IdempotencyKey, Receipt> = BTreeMap::new();
    let mut at = At::new(Timestamp::from_unix_secs(1_700_000_000), Day::new(19_675));
    let mut last = Vec::new();
    for op in data.chunks_exact(4).take(256) {
        let [kind, a, b, c] = [op[0], op[1], op[2], op[3]];
        match kind % 32 {
            0..=23 => {
                let key = IdempotencyKey::new(answers.len() as u128 + 1 + u128::from(c % 3));
                let action = action(kind % 24, a, b, c, at);
                let store = StoreId::new(1 + u32::from(kind / 32 % 3));
                let actor = ActorId::new(u32::from(kind / 128));
                let command = Command::new(key, store, action).by(actor, TerminalId::new(0));
                engine.submit(Instant::ZERO, at, &command);
                last.push(command);
            }
            24 => {
                let days = u32::from(a);
                let time = at.time.saturating_add(core::time::Duration::from_secs(86_400));
                at = At::new(time, at.day.plus(days));
                engine.handle_input(Instant::ZERO, Input::Tick { at });
            }
            25 => {
                for command in last.drain(..) {
                    engine.submit(Instant::ZERO, at, &command);
                }
            }
            26 => {
                // The power goes: of what was being written, a part is there.
                if let Some(frame) = writing.pop_front() {
                    let frame: FrameBuf = frame;
                    let length = usize::from(a) * 8 % (frame.bytes().len() + 1);
                    disk.extend_from_slice(&frame.bytes()[..length]);
                }
                writing.clear();
                let mut recovery = Recovery::new(empty());
                let end = recovery.journal(&disk);
                assert!(!matches!(end, JournalEnd::Damaged { .. }), "{end}");
                disk.truncate(end.whole());
                let recovered = recovery.finish();
                for (key, receipt) in &answers {
                    assert_eq!(recovered.ledger.answer(*key).as_ref(), Some(receipt));
                }
                engine = Engine::resume(Instant::ZERO, Arc::clone(&config), recovered);
            }
            _ => {
                if let Some(frame) = writing.pop_front() {
                    disk.extend_from_slice(frame.bytes());
                    let frame = frame.number();
                    engine.handle_input(Instant::ZERO, Input::Stored { frame });
                }
            }
        }
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Transmit(frame) => writing.push_back(frame),
                Output::Event(
                    Event::Applied { key, receipt } | Event::Duplicate { key, receipt },
                ) => {
                    let first = answers.entry(key).or_insert(receipt);
                    assert_eq!(*first, receipt, "the first answer");
                }
                Output::Event(Event::Closed(reason)) => panic!("closed: {reason:?}"),
                Output::Event(_) => {}
            }
        }
    }
    let verification = engine.ledger().verify();
    assert!(verification.is_sound(), "{verification}");
    // Store the rest: then the journal folds to the very same state.
    while !engine.is_idle() {
        match engine.poll_output() {
            Some(Output::Transmit(frame)) => writing.push_back(frame),
            Some(Output::Event(_)) => {}
            None => {
                let frame = writing.pop_front().expect("an engine that is not idle waits");
                disk.extend_from_slice(frame.bytes());
                let frame = frame.number();
                engine.handle_input(Instant::ZERO, Input::Stored { frame });
            }
        }
    }
    let mut recovery = Recovery::new(empty());
    assert!(recovery.journal(&disk).is_intact());
    assert!(recovery.finish().ledger == *engine.ledger(), "replay is state");
}

/// The bytes are a snapshot, or commands whose state is snapshot, then damage to that.
pub fn ledger_snapshot(data: &[u8]) {
    if let Ok(snapshot) = Snapshot::parse(data) {
        let mut ledger = empty();
        if ledger.restore(snapshot).is_ok() {
            assert_eq!(ledger.snapshot(snapshot.position()), data, "canonical");
        }
    }
    let (commands, damage) = data.split_at(data.len() / 8 * 4);
    let mut ledger = empty();
    let mut at = At::new(Timestamp::from_unix_secs(1_700_000_000), Day::new(19_675));
    for (key, op) in (1..).zip(commands.chunks_exact(4).take(128)) {
        let [kind, a, b, c] = [op[0], op[1], op[2], op[3]];
        if kind % 32 > 23 {
            at = At::new(at.time, at.day.plus(u32::from(a % 40)));
            for _ in 0..8 {
                if ledger.apply_due(at, &mut Vec::new()).is_none() {
                    break;
                }
            }
            continue;
        }
        let action = action(kind % 24, a, b, c, at);
        let store = StoreId::new(1 + u32::from(kind / 32 % 3));
        let command = Command::new(IdempotencyKey::new(key), store, action);
        ledger.apply(at, &command, &mut Vec::new());
    }
    let good = ledger.snapshot(JournalPosition::new(7, Chain::START, 1));
    let snapshot = Snapshot::parse(&good).expect("a snapshot");
    let mut again = empty();
    again.restore(snapshot).expect("its rows");
    assert!(again == ledger, "a snapshot is the state");
    assert!(again.verify().checks == ledger.verify().checks);
    assert_eq!(again.snapshot(snapshot.position()), good, "canonical");
    let mut bytes = good.clone();
    let mut chunks = damage.chunks_exact(4);
    for change in chunks.by_ref().take(16) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]);
        let place = usize::try_from(place).expect("24 bits") % bytes.len();
        bytes[place] ^= change[3];
    }
    if let [low, high, ..] = chunks.remainder() {
        bytes.truncate(usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1));
    }
    assert_eq!(Snapshot::parse(&bytes).is_ok(), bytes == good, "a change was accepted");
}

fn limits() -> Limits {
    // Small, so that the edges are in reach.
    Limits::default()
        .with_members_max(6)
        .with_cards_max(8)
        .with_member_lots_max(12)
        .with_command_lots_max(6)
        .with_holds_max(4)
        .with_sales_max(24)
        .with_orders_max(3)
}

fn program() -> Program {
    let coupon = |kind: u16| AssetId::new(16_384 + kind);
    Program::sample()
        .with_thresholds(vec![Threshold::new(3_000, 200)])
        .with_coupons(vec![
            CouponRule::new(coupon(0), CouponOff::Amount(500)).with_expiry(Expiry::Days(9)),
            CouponRule::new(coupon(1), CouponOff::Share(Ratio::percent(50), 900))
                .with_from(1_000)
                .with_skus(vec![Sku::new(1)])
                .with_pool_max(9)
                .with_member_max(3),
        ])
        .with_coupon_returns(true)
        .with_referral(vec![
            ReferralRule::new(1, 90)
                .with_on_spend(Ratio::percent(2))
                .with_on_top_up(Ratio::percent(1)),
            ReferralRule::new(2, 9).with_on_spend(Ratio::percent(1)),
        ])
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3)).with_on_stored(Ratio::percent(1)),
        ])
        .with_credit(20_000, 9)
        .with_settlement(Ratio::percent(30))
        .with_fields(vec![
            Field::new(FieldId::new(1), Holds::Tag),
            Field::new(FieldId::new(2), Holds::Choice(3)).special(),
            Field::new(FieldId::new(3), Holds::MonthDay),
        ])
        .with_sale_fields(vec![Field::new(FieldId::new(1), Holds::Number(0, 5))])
        .with_reminders(vec![
            ReminderRule::new(
                RuleId::new(95),
                Remind::Birthday { field: FieldId::new(3), leap: LeapDay::After },
                2,
            ),
            ReminderRule::new(RuleId::new(96), Remind::ValueEnds(POINTS), 9),
            ReminderRule::new(RuleId::new(97), Remind::CardEnds, 0),
        ])
        .with_items(vec![ItemRule::new(Sku::new(1), Ratio::percent(30))])
        .with_bundles(vec![Bundle::new(vec![(Sku::new(1), 1), (Sku::new(2), 2)], 77)])
        .with_watch(vec![
            WatchRule::new(RuleId::new(90), Unusual::Often { count: 3, secs: 99 }),
            WatchRule::new(RuleId::new(91), Unusual::Amount(90_000)).stopping(),
            WatchRule::new(RuleId::new(92), Unusual::Often { count: 2, secs: 99 })
                .of(Watched::Voids)
                .per(Per::Terminal),
        ])
        .with_activities(vec![
            ActivityRule::new(RuleId::new(60), 7, 19).with_member_max(2),
            ActivityRule::new(RuleId::new(61), 0, 5).with_places_max(3),
            ActivityRule::new(RuleId::new(62), 4, 0),
        ])
        .with_tier_window(2)
        .with_tier_review(Expiry::MonthEnd(1), Downgrade::OneDown)
        .with_rewards(vec![
            Reward::new(RewardId::new(0), 20, Gives::Goods(AssetId::new(32_768))),
            Reward::new(RewardId::new(2), 9, Gives::Coupon(coupon(1))),
            Reward::new(RewardId::new(4), 5, Gives::Uses(AssetId::new(17), 3, 20)),
        ])
}

fn empty() -> Ledger {
    Ledger::new(limits(), program().into(), Seed::from_u64(1)).expect("a sound program")
}

fn action(kind: u8, a: u8, b: u8, c: u8, at: At) -> Action {
    let member = MemberId::new(u32::from(a % 7));
    let card = CardNumber::new(u64::from(a % 10));
    let who = if a >= 128 { Who::Card(card) } else { Who::Member(member) };
    let amount = match c {
        0 => 0,
        255 => i64::MAX,
        254 => -1,
        _ => i64::from(b) * 400 + i64::from(c),
    };
    let what = if b % 2 == 0 { Held::Stored } else { Held::Points };
    match kind {
        1 if b % 2 == 0 => {
            let kind = AssetId::new(15 + u16::from(b % 4));
            let expires = at.day.plus(u32::from(c / 8));
            Action::SellPackage { who, kind, uses: i64::from(b), price: amount, expires }
        }
        3 if b % 2 == 0 => {
            let kind = AssetId::new(15 + u16::from(b % 4));
            Action::TakeUses { who, kind, uses: i64::from(c % 9) }
        }
        1 => Action::IssueCoupons {
            who,
            kind: AssetId::new(16_384 + u16::from(b % 8 / 2)),
            count: i64::from(c % 5),
        },
        3 if b % 8 == 1 => {
            Action::ReturnUses { who, kind: AssetId::new(16), uses: i64::from(c % 9) }
        }
        3 if b % 8 == 3 => Action::SweepChange { who },
        3 if b % 8 == 5 => {
            let coupon = CouponId::new(u64::from(c));
            Action::WithdrawCoupons { who, coupon, reason: u16::from(b % 16) }
        }
        17 if b % 2 == 0 => {
            let reward = RewardId::new(u32::from(b % 8));
            Action::Reward { who, reward, quantity: u32::from(c % 4) }
        }
        16 if b % 2 == 0 => Action::StockGoods {
            goods: AssetId::new(32_767 + u16::from(b % 8 / 2)),
            quantity: i64::from(c) - 64,
        },
        16 if b % 4 == 1 => {
            let (goods, quantity) = (AssetId::new(32_768), i64::from(c % 9));
            match b / 4 % 8 {
                0 => Action::SendGoods { goods, quantity, to: StoreId::new(u32::from(a % 4)) },
                1 => Action::ReceiveGoods { goods, quantity },
                2 => Action::CountGoods { goods, counted: quantity },
                3 => Action::BuyMessages { count: quantity, price: i64::from(a) },
                4 => Action::UseMessages { count: quantity },
                5 => Action::BookOther { amount, category: u16::from(a % 4) },
                6 => {
                    Action::SetStore { store: StoreId::new(1 + u32::from(a % 3)), open: c % 8 > 0 }
                }
                _ => {
                    let terminal = TerminalId::new(u32::from(c % 2));
                    let store = StoreId::new(1 + u32::from(a % 3));
                    Action::SetTerminal { terminal, store, open: c % 16 > 0 }
                }
            }
        }
        16 if b % 8 == 3 => {
            let (kind, n) = (AssetId::new(15 + u16::from(b % 3)), i64::from(c % 9));
            let (from, expires) = (at.day, at.day.plus(u32::from(a / 8)));
            let what = match b / 8 % 7 {
                0 => Opened::Uses { kind, uses: n, price: i64::from(a), from, expires },
                1 => Opened::Coupons {
                    kind: AssetId::new(16_384 + u16::from(b % 3)),
                    count: n,
                    from,
                    expires,
                },
                2 => Opened::Change(n),
                3 => Opened::PointsDebt(n),
                4 => Opened::Owed(n),
                5 => {
                    let to = MemberId::new(u32::from(c % 7)).into();
                    return Action::TransferUses { from: who, to, kind, uses: n };
                }
                _ => {
                    let (to, coupon) =
                        (MemberId::new(u32::from(c % 7)).into(), CouponId::new(c.into()));
                    return Action::TransferCoupons {
                        from: who,
                        to,
                        coupon,
                        count: i64::from(c % 3),
                    };
                }
            };
            Action::Open { member, what }
        }
        17 if b % 8 == 7 => Action::TakePart { who, activity: RuleId::new(60 + u32::from(c % 4)) },
        7 if b % 16 == 13 => {
            let until = at.day.plus(u32::from(c % 64));
            Action::SetTerm { member, plan: PlanId::new(u16::from(a)), until, fee: i64::from(b) }
        }
        18 if b % 8 == 7 => {
            let (sale, field) = (SaleId::new(u64::from(a)), FieldId::new(u16::from(c % 3)));
            Action::SetSaleField { sale, field, value: (c < 200).then_some(i64::from(c % 7)) }
        }
        7 if b % 16 == 11 => Action::SetParameter {
            parameter: ParameterId::new(u16::from(c % 4)),
            value: i64::from(a),
        },
        7 if b % 16 == 12 => {
            let value = (b < 128).then_some(i64::from(a) - 1);
            Action::SetField { member, field: FieldId::new(u16::from(c % 4)), value }
        }
        12 if b % 8 == 3 => Action::ReceivePayment { who, amount },
        7 if b % 16 == 9 => {
            let into = MemberId::new(u32::from(c % 7));
            Action::MergeMembers { from: member, into }
        }
        7 if b % 16 == 10 => {
            let tier = TierId::new(u16::from(c % 4));
            Action::SetTier { member, tier, until: at.day.plus(u32::from(c)) }
        }
        5 if b % 4 == 1 => Action::MoveCard { card, to: MemberId::new(u32::from(c % 7)) },
        5 if b % 4 == 2 => {
            Action::RenewCard { card, expires: at.day.plus(u32::from(c)), fee: i64::from(b) }
        }
        11 if b % 8 == 3 => {
            let cause = if c % 2 == 0 { RefundCause::Member } else { RefundCause::Merchant };
            Action::RefundCard { who, cause }
        }
        7 if b == 200 => {
            let permissions =
                Permissions::from_bits(u32::from(a) << 2).expect("bits within those that are");
            Action::Permit { actor: ActorId::new(u32::from(c % 2)), permissions }
        }
        0 => Action::Enrol {
            token: MemberToken::new(u128::from(b)),
            kind: if b % 2 == 0 { MemberKind::Individual } else { MemberKind::Corporate },
            plan: PlanId::new(0),
            referrer: (c > 128).then_some(member),
        },
        2 | 3 => Action::IssueCard {
            member,
            card: CardNumber::new(u64::from(b % 10)),
            product: ProductId::new(0),
            expires: at.day.plus(u32::from(c)),
            active: c % 2 == 0,
            fee: i64::from(c),
        },
        4 => {
            let changes = [
                CardChange::Activate,
                CardChange::Lock,
                CardChange::Unlock,
                CardChange::Freeze,
                CardChange::Unfreeze,
                CardChange::ReportLost,
                CardChange::WithdrawLoss,
                CardChange::Extend(at.day.plus(u32::from(c))),
                CardChange::Close,
            ];
            Action::ChangeCard { card, change: changes[usize::from(b) % changes.len()] }
        }
        5 => Action::ReplaceCard { card, new: CardNumber::new(u64::from(b % 16)), fee: 1 },
        6 => Action::ReportPin { card, correct: b % 4 == 0 },
        7 => {
            let changes = MemberChange::ALL;
            Action::ChangeMember { member, change: changes[usize::from(b) % changes.len()] }
        }
        8..=10 => Action::TopUp { who, amount },
        11 | 12 => Action::Spend { who, amount },
        13 if b % 4 == 1 && b >= 128 => {
            let order = OrderId::new(u64::from(a));
            match c % 3 {
                0 => Action::VoidLine { order, line: u16::from(c % 4), reason: u16::from(c % 8) },
                1 => Action::ResumeOrder { order, tender: None },
                _ => Action::CancelOrder { order, reason: u16::from(c % 8) },
            }
        }
        14 if b % 4 == 2 && b >= 128 => match action(13, a, b & 63, c, at) {
            Action::Checkout { who, lines, pay, extras } => {
                let until = core::time::Duration::from_secs(u64::from(c) * 9_999);
                let until = at.time.saturating_add(until);
                Action::ParkOrder { who, lines, pay, extras, until }
            }
            other => other,
        },
        13..=15 => {
            let lines = (0..b % 4)
                .map(|n| Line::new(Sku::new(n.into()), u32::from(c % 5), i64::from(b) * 100))
                .collect();
            let pay = match c % 3 {
                0 => Pay::Cash,
                1 => Pay::Stored,
                _ => Pay::Mixed { cash: amount, stored: i64::from(c), points: i64::from(b) },
            };
            let extras = match c % 16 {
                5 => Extras::NONE.with_coupon(CouponId::new(u64::from(b))),
                7 => Extras::NONE.with_keep_change(i64::from(b)),
                9 => Extras::NONE.with_on_account(i64::from(b) * 10),
                _ => Extras::NONE,
            };
            Action::Checkout { who: (a != 7).then_some(who), lines, pay, extras }
        }
        16 => Action::Earn { who, base: amount, rule: RuleId::new(10 + u32::from(b == 9)) },
        17 => Action::Redeem { who, points: amount / 100, reward: RewardId::new(1) },
        18 | 19 => {
            let part = match c % 3 {
                0 => Part::Rest,
                1 => Part::Amount(i64::from(c) * 7),
                _ => Part::Line { line: u16::from(c % 4), quantity: 1 + u32::from(c % 2) },
            };
            Action::Refund { sale: SaleId::new(b.into()), part }
        }
        20 if b % 8 == 3 || b % 8 == 5 => {
            let until = at.time.saturating_add(core::time::Duration::from_secs(u64::from(c) * 999));
            let count = i64::from(c % 5);
            if b % 8 == 3 {
                return Action::HoldUses { who, kind: AssetId::new(16), uses: count, until };
            }
            Action::HoldCoupons { who, coupon: CouponId::new(u64::from(b)), count, until }
        }
        20 => {
            let until = at.time.saturating_add(core::time::Duration::from_secs(u64::from(c) * 999));
            Action::Hold { who, what, amount: i64::from(b), until }
        }
        21 => Action::Capture {
            hold: HoldId::new(a.into()),
            amount: i64::from(c),
            reward: RewardId::new(2),
        },
        22 => {
            let adjust = match c % 3 {
                0 => Adjust::Add(amount),
                1 => Adjust::Take(amount),
                _ => Adjust::Clear,
            };
            Action::AdjustPoints { who, adjust, reason: u16::from(b) }
        }
        _ => {
            let to = Who::Member(MemberId::new(u32::from(b % 7)));
            Action::Transfer { from: who, to, what, amount }
        }
    }
}

/// A journal of some frames, and where each ends.
fn journal() -> &'static (Vec<u8>, Vec<usize>) {
    static JOURNAL: OnceLock<(Vec<u8>, Vec<usize>)> = OnceLock::new();
    JOURNAL.get_or_init(|| {
        let mut ledger = empty();
        let mut writer = FrameWriter::new(1, Chain::START, 1);
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let at = At::new(Timestamp::from_unix_secs(1_700_000_000), Day::new(19_675));
        let who = Who::Member(MemberId::new(0));
        let actions = [
            action(0, 0, 1, 0, at),
            Action::TopUp { who, amount: 20_000 },
            Action::Spend { who, amount: 700 },
            Action::Refund { sale: SaleId::new(3), part: Part::Rest },
            Action::AdjustPoints { who, adjust: Adjust::Add(50), reason: 1 },
            Action::Redeem { who, points: 20, reward: RewardId::new(1) },
        ];
        for (key, action) in (1..).zip(actions) {
            let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
            let outcome = ledger.apply(at, &command, writer.buffer());
            let Outcome::Accepted(receipt) = outcome else { panic!("{outcome:?}") };
            writer.added(receipt.seq, receipt.time);
            if key != 2 {
                bytes.extend_from_slice(writer.seal().expect("a record waits").bytes());
                ends.push(bytes.len());
            }
        }
        (bytes, ends)
    })
}

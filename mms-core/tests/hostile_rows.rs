//! Snapshots and records with any field changed and every checksum made right again: refused, or found by
//! the laws, or of a state that could have come to be and goes on as one.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;
use common::{ledger as new_ledger, *};
use mms_core::*;
use sha2::{Digest as _, Sha256};

const HEADER: usize = 128;
const SECTION: usize = 32;
const SWIM: AssetId = AssetId::new(16);
const OFF: AssetId = AssetId::new(16_384);
const MUG: AssetId = AssetId::new(32_768);

fn program() -> Program {
    Program::sample()
        .with_referral(vec![ReferralRule::new(1, 100).with_on_spend(Ratio::percent(1))])
        .with_settlement(Ratio::new(3, 7).unwrap())
        .with_commissions(vec![CommissionRule::new(Ratio::percent(3))])
        .with_credit(30_000, 30)
        .with_stored_expiry(Expiry::Days(30))
        .with_return_days(5)
        .with_coupons(vec![
            CouponRule::new(OFF, CouponOff::Amount(500)).with_expiry(Expiry::Days(9)),
        ])
        .with_rewards(vec![
            Reward::new(RewardId::new(1), 4, Gives::Goods(MUG)),
            Reward::new(RewardId::new(2), 1, Gives::Coupon(OFF)),
        ])
        .with_fields(vec![Field::new(FieldId::new(1), Holds::Tag)])
        .with_sale_fields(vec![Field::new(FieldId::new(5), Holds::Tag)])
        .with_activities(vec![ActivityRule::new(RuleId::new(60), 0, 3)])
        .with_reminders(vec![ReminderRule::new(RuleId::new(9), Remind::CardEnds, 1)])
        .with_watch(vec![
            WatchRule::new(RuleId::new(70), Unusual::Often { count: 16, secs: 1 }).per(Per::Store),
            WatchRule::new(RuleId::new(72), Unusual::Often { count: 16, secs: 1 }),
            WatchRule::new(RuleId::new(71), Unusual::Often { count: 9, secs: 1 })
                .of(Watched::Voids),
        ])
}

const A: MemberId = MemberId::new(1);
const B: MemberId = MemberId::new(0);

/// A shop with something in every section.
fn shop() -> Shop {
    let mut shop = Shop::new(program());
    let (token, plan) = (MemberToken::new(1), PlanId::new(0));
    let company = Action::Enrol { token, kind: MemberKind::Corporate, plan, referrer: None };
    let b = shop.ok(company).member.unwrap();
    let a = shop.ok(enrol(MemberToken::new(7), Some(b))).member.unwrap();
    assert_eq!((a, b), (A, B));
    let c = shop.enrol();
    shop.card(a, 77);
    shop.card(b, 78);
    let (card, new) = (CardNumber::new(78), CardNumber::new(79));
    shop.ok(Action::ReplaceCard { card, new, fee: 5 });
    for (member, amount) in [(a, 60_000), (b, 20_000), (c, 9_000)] {
        shop.ok(top_up(member, amount));
    }
    shop.ok(Action::MergeMembers { from: c, into: b });
    let sale = shop.ok(checkout(a, &[line(1, 2, 3_000), line(2, 1, 500)], Pay::Stored));
    shop.ok(adjust(a, 300));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(900_000));
    shop.ok(hold(a, Held::Points, 20, until));
    shop.ok(hold(b, Held::Stored, 2_000, until));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    shop.ok(redeem(a, 4));
    shop.ok(Action::Reward { who: a.into(), reward: RewardId::new(2), quantity: 2 });
    let who = a.into();
    shop.ok(Action::IssueCoupons { who, kind: OFF, count: 3 });
    let (uses, price, expires) = (10, 5_000, shop.at.day.plus(60));
    shop.ok(Action::SellPackage { who, kind: SWIM, uses, price, expires });
    shop.ok(Action::TakeUses { who, kind: SWIM, uses: 3 });
    shop.ok(Action::StockGoods { goods: MUG, quantity: 20 });
    let extras = Extras::NONE.with_on_account(400);
    let lines = vec![line(3, 1, 900)];
    shop.ok(Action::Checkout { who: Some(b.into()), lines, pay: Pay::Cash, extras });
    let lines = vec![line(1, 1, 700)];
    let (who, pay, extras) = (Some(a.into()), Pay::Stored, Extras::NONE);
    shop.ok(Action::ParkOrder { who, lines, pay, extras, until });
    shop.ok(Action::SetParameter { parameter: ParameterId::new(3), value: 4 });
    shop.ok(Action::SetField { member: a, field: FieldId::new(1), value: Some(1) });
    let (lines, pay, extras) = (vec![line(1, 1, 9), line(2, 1, 5)], Pay::Cash, Extras::NONE);
    let park = Action::ParkOrder { who: Some(a.into()), lines, pay, extras, until };
    let order = shop.ok(park).order().unwrap();
    shop.ok(Action::VoidLine { order, line: 1, reason: 1 });
    let sale = sale.sale().unwrap();
    shop.ok(Action::SetSaleField { sale, field: FieldId::new(5), value: Some(1) });
    let (plan, term) = (PlanId::new(1), shop.at.day.plus(30));
    shop.ok(Action::SetTerm { member: a, plan, until: term, fee: 0 });
    shop.ok(Action::SetTier { member: b, tier: TierId::new(0), until: shop.at.day.plus(9) });
    shop.ok(Action::TakePart { who: b.into(), activity: RuleId::new(60) });
    shop.ok(Action::SetStore { store: shop.store, open: true });
    let (terminal, store) = (TerminalId::new(0), shop.store);
    shop.ok(Action::SetTerminal { terminal, store, open: true });
    shop.ok(Action::Permit { actor: ActorId::new(0), permissions: Permissions::ALL });
    shop.due();
    shop.audit();
    shop
}

/// Makes every checksum right again.
fn reseal(bytes: &mut [u8]) {
    let mut at = HEADER;
    while at + SECTION <= bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 16..at + 24].try_into().unwrap());
        let start = at + SECTION;
        let end = start + usize::try_from(length).unwrap();
        let check = crc32fast::hash(&bytes[start..end]);
        bytes[at + 4..at + 8].copy_from_slice(&check.to_le_bytes());
        at = end;
    }
    let digest: [u8; 32] = Sha256::digest(&bytes[HEADER..]).into();
    bytes[96..128].copy_from_slice(&digest);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..44]);
    hasher.update(&bytes[48..HEADER]);
    let check = hasher.finalize();
    bytes[44..48].copy_from_slice(&check.to_le_bytes());
}

/// Asks everything, and gives some command of each kind that can meet what the rows say.
fn drive(ledger: &mut Ledger, at: At) {
    let at = At::new(at.time.max(ledger.at().time), at.day.max(ledger.at().day));
    for member in (0..4).map(MemberId::new) {
        let _ = (ledger.balances(member, at.day), ledger.cards_of(member).count());
        let _ = (ledger.lots(member).count(), ledger.resolve(member), ledger.token(member));
        let _ = (ledger.uses(member, SWIM, at.day), ledger.held(member, POINTS));
    }
    let mut key = 1_000_000_u128;
    let mut run = |ledger: &mut Ledger, at: At, action: Action| {
        key += 1;
        let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
        ledger.apply(at, &command, &mut Vec::new());
    };
    let next = ledger.member_count() as u128 + 90;
    let until = at.time.saturating_add(core::time::Duration::from_secs(60));
    run(ledger, at, enrol(MemberToken::new(next), Some(A)));
    for who in [A, B] {
        run(ledger, at, top_up(who, 10_000));
        run(ledger, at, spend(who, 11_000));
        run(ledger, at, checkout(who, &[line(1, 2, 50)], Pay::Cash));
        run(ledger, at, redeem(who, 4));
        run(ledger, at, hold(who, Held::Stored, 50, until));
        run(ledger, at, Action::TakeUses { who: who.into(), kind: SWIM, uses: 1 });
        run(ledger, at, Action::IssueCoupons { who: who.into(), kind: OFF, count: 1 });
        let coupons: Vec<_> = ledger.coupons(who, at.day).map(|(id, ..)| id).collect();
        for coupon in coupons {
            let extras = Extras::NONE.with_coupon(coupon);
            let (lines, pay) = (vec![line(3, 1, 9_000)], Pay::Cash);
            run(ledger, at, Action::Checkout { who: Some(who.into()), lines, pay, extras });
            run(ledger, at, Action::WithdrawCoupons { who: who.into(), coupon, reason: 1 });
        }
    }
    for id in 1..=ledger.seq().value().min(90) {
        run(ledger, at, Action::Refund { sale: SaleId::new(id), part: Part::Amount(30) });
        run(ledger, at, Action::Refund { sale: SaleId::new(id), part: Part::Rest });
        let (hold, reward) = (HoldId::new(id), RewardId::new(1));
        run(ledger, at, Action::Capture { hold, amount: 4, reward });
        run(ledger, at, Action::Void { hold });
        run(ledger, at, Action::ResumeOrder { order: OrderId::new(id), tender: None });
    }
    for card in [77, 78, 79].map(CardNumber::new) {
        run(ledger, at, Action::MoveCard { card, to: B });
        run(ledger, at, change(card, CardChange::Close));
    }
    run(ledger, at, Action::ReturnUses { who: A.into(), kind: SWIM, uses: 1 });
    run(ledger, at, Action::RefundCard { who: A.into(), cause: RefundCause::Member });
    run(ledger, at, Action::MergeMembers { from: A, into: B });
    let member = B;
    run(ledger, at, Action::ChangeMember { member, change: MemberChange::Close });
    run(ledger, at, Action::ChangeMember { member, change: MemberChange::Erase });
    let late = At::new(
        at.time.saturating_add(core::time::Duration::from_secs(9_999_999)),
        at.day.plus(100),
    );
    for _ in 0..200 {
        if ledger.apply_due(late, &mut Vec::new()).is_none() {
            break;
        }
    }
}

/// Every width with what its ends are, and what small numbers are.
fn values() -> impl Iterator<Item = (usize, u64)> {
    [1, 2, 4, 8].into_iter().flat_map(|width: usize| {
        let max = u64::MAX >> (64 - 8 * width);
        [0, 1, 2, max, max >> 1, (max >> 1) + 1, max - 1].map(|value| (width, value))
    })
}

/// Restores what has right checksums. What is taken must give the same bytes again, and when the laws hold
/// they must hold for ever: whatever comes, and for a snapshot of what came of it.
fn try_rows(bytes: &[u8], at: At) -> Result<bool, String> {
    let snapshot = Snapshot::parse(bytes).map_err(|error| error.to_string())?;
    let mut ledger = new_ledger(Limits::default(), program());
    if ledger.restore(snapshot).is_err() {
        return Ok(false);
    }
    if ledger.snapshot(JournalPosition::START) != bytes {
        return Err("other bytes".to_owned());
    }
    let sound = ledger.verify().is_sound();
    drive(&mut ledger, at);
    if sound {
        let later = ledger.verify();
        if !later.is_sound() {
            return Err(later.to_string());
        }
        let bytes = ledger.snapshot(JournalPosition::START);
        let mut again = new_ledger(Limits::default(), program());
        let restored = Snapshot::parse(&bytes).and_then(|snapshot| again.restore(snapshot));
        restored.map_err(|error| error.to_string())?;
        if again != ledger {
            return Err("another state".to_owned());
        }
    }
    Ok(true)
}

#[test]
fn a_changed_field_of_a_row_is_refused_or_found_or_could_have_been() {
    let shop = shop();
    let good = shop.ledger.snapshot(JournalPosition::START);
    assert_eq!(try_rows(&good, shop.at), Ok(true));
    // A prime, so that in time every place meets every value: here a sample of them.
    let every: usize = 397;
    let (mut count, mut taken) = (0, 0);
    let mut start = HEADER + SECTION;
    while let Some(head) = good.get(start - SECTION..start) {
        let section = Section::from_number(u16::from_le_bytes([head[0], head[1]])).unwrap();
        let length = u64::from_le_bytes(head[16..24].try_into().unwrap());
        let end = start + usize::try_from(length).unwrap();
        let all =
            (start..end).flat_map(|place| values().map(move |(width, to)| (place, width, to)));
        for (place, width, to) in all.filter(|(place, width, _)| place + width <= end) {
            count += 1;
            let mut bytes = good.clone();
            bytes[place..place + width].copy_from_slice(&to.to_le_bytes()[..width]);
            if count % every != 0 || bytes == good {
                continue;
            }
            if section == Section::Core && place < start + 8 {
                // The header says it, too.
                bytes.copy_within(start..start + 8, 16);
            }
            reseal(&mut bytes);
            match try_rows(&bytes, shop.at) {
                Ok(restored) => taken += usize::from(restored),
                Err(error) => panic!("{} + {}: {to:x}: {error}", section.name(), place - start),
            }
        }
        start = end + SECTION;
    }
    assert!(taken > 50, "amounts that nothing depends on may be any: {taken}");
}

/// Records with any field changed and the check made right again: refused, or the laws find it, or the
/// state goes on as one that could have come to be.
#[test]
fn a_changed_field_of_a_record_is_refused_or_found_or_could_have_been() {
    let shop = shop();
    let every: usize = 139;
    let mut before = new_ledger(Limits::default(), program());
    let (mut count, mut refused, mut found, mut taken) = (0, 0, 0, 0);
    for good in &shop.records {
        let snapshot = before.snapshot(JournalPosition::START);
        let end = good.len() - 8;
        let all = (4..end).flat_map(|place| values().map(move |(width, to)| (place, width, to)));
        for (place, width, to) in all.filter(|(place, width, _)| place + width <= end) {
            count += 1;
            let mut bytes = good.clone();
            bytes[place..place + width].copy_from_slice(&to.to_le_bytes()[..width]);
            if count % every != 0 || bytes == *good {
                continue;
            }
            let check = twox_hash::XxHash3_64::oneshot(&bytes[..end]);
            bytes[end..].copy_from_slice(&check.to_le_bytes());
            let fits =
                Record::parse(&bytes).ok().filter(|(record, _)| before.check(*record).is_ok());
            let Some((record, _)) = fits else {
                refused += 1;
                continue;
            };
            let mut ledger = new_ledger(Limits::default(), program());
            ledger.restore(Snapshot::parse(&snapshot).unwrap()).unwrap();
            ledger.commit(record);
            if !ledger.verify().is_sound() {
                found += 1;
                continue;
            }
            let what = |error: String| panic!("{record:?} + {place}: {to:x}: {error}");
            let after = ledger.snapshot(JournalPosition::START);
            match try_rows(&after, shop.at) {
                Ok(true) => taken += 1,
                Ok(false) => what("the laws hold, and no snapshot is taken".to_owned()),
                Err(error) => what(error),
            }
        }
        before.commit(Record::parse(good).unwrap().0);
    }
    let least = refused.min(found).min(taken);
    assert!(least > 20, "{refused} refused, {found} found, {taken} taken");
}

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]
use super::sections::SECTION;
use super::*;
use crate::{
    Action, Adjust, Card, CardNumber, Command, Held, IdempotencyKey, Limits, MemberId, MemberKind,
    MemberToken, Outcome, PlanId, ProductId, Program, RewardId, StoreId,
};
use proto_wire::{Rng, Seed};

fn ledger() -> Ledger {
    let program = Program::sample().into();
    let mut ledger = Ledger::new(Limits::default(), program, Seed::from_u64(3)).unwrap();
    let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
    let who = MemberId::new(0).into();
    let actions = [
        Action::Enrol {
            token: MemberToken::new(9),
            kind: MemberKind::Individual,
            plan: PlanId::new(0),
            referrer: None,
        },
        Action::IssueCard {
            member: MemberId::new(0),
            card: CardNumber::new(5),
            product: ProductId::new(1),
            expires: Day::NEVER,
            active: true,
            fee: 7,
        },
        Action::TopUp { who, amount: 20_000 },
        Action::Spend { who, amount: 700 },
        Action::AdjustPoints { who, adjust: Adjust::Add(90), reason: 1 },
        Action::Redeem { who, points: 20, reward: RewardId::new(1) },
        Action::Hold {
            who,
            what: Held::Points,
            amount: 5,
            until: Timestamp::from_unix_secs(1_700_000_900),
        },
    ];
    for (key, action) in (1..).zip(actions) {
        let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
        let outcome = ledger.apply(at, &command, &mut Vec::new());
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    ledger
}

/// Makes every checksum right again: what remains to be refused is refused row by row.
fn reseal(bytes: &mut [u8]) {
    let mut at = HEADER;
    while at + SECTION <= bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 16..at + 24].try_into().unwrap());
        let start = at + SECTION;
        let Some(end) = usize::try_from(length).ok().and_then(|length| start.checked_add(length))
        else {
            break;
        };
        let Some(rows) = bytes.get(start..end) else { break };
        let check = crc32fast::hash(rows);
        bytes[at + 4..at + 8].copy_from_slice(&check.to_le_bytes());
        at = end;
    }
    let digest: [u8; 32] = Sha256::digest(&bytes[HEADER..]).into();
    bytes[96..128].copy_from_slice(&digest);
    let check = check_of(bytes.first_chunk().unwrap());
    bytes[CHECK_AT..CHECK_AT + 4].copy_from_slice(&check.to_le_bytes());
}

#[test]
fn hostile_rows_under_right_checksums_are_refused_or_harmless() {
    let ledger = ledger();
    let good = ledger.snapshot(JournalPosition::START);
    let mut rng = Rng::new(&Seed::from_u64(77));
    let mut accepted = 0;
    for _ in 0..3_000 {
        let mut bytes = good.clone();
        for _ in 0..=rng.below(3) {
            let place = HEADER + usize::try_from(rng.below((good.len() - HEADER) as u64)).unwrap();
            bytes[place] = u8::try_from(rng.below(256)).unwrap();
        }
        reseal(&mut bytes);
        let Ok(snapshot) = Snapshot::parse(&bytes) else { continue };
        let mut other = self::ledger();
        let before = other.digest();
        match other.restore(snapshot) {
            Ok(()) => {
                accepted += 1;
                assert!(!other.verify().checks.is_empty());
                assert_eq!(other.snapshot(snapshot.position()), bytes, "canonical");
                while other
                    .apply_due(At::new(other.at().time, Day::NEVER), &mut Vec::new())
                    .is_some_and(|receipt| receipt.seq.value() < 99)
                {}
            }
            Err(_) => assert_eq!(other.digest(), before, "an error changes nothing"),
        }
    }
    assert!(accepted > 100, "amounts may be any: {accepted}");
}

#[test]
fn a_newer_snapshot_is_refused() {
    let mut bytes = ledger().snapshot(JournalPosition::START);
    let error = |bytes: &[u8]| Snapshot::parse(bytes).unwrap_err();
    bytes[4] = 2;
    assert_eq!(error(&bytes), SnapshotError::new(SnapshotErrorKind::Newer, 4));
    bytes[4] = 1;
    assert!(Snapshot::parse(&bytes).is_ok());
    // A section of which this version knows nothing.
    bytes[HEADER] = 200;
    reseal(&mut bytes);
    assert_eq!(error(&bytes), SnapshotError::new(SnapshotErrorKind::Newer, HEADER));
}

/// The same snapshot with the rows of one section in place of its own.
fn with_rows<T: Clone>(
    good: &[u8],
    tag: Section,
    rows: &[T],
    put: impl Fn(&T, &mut Vec<u8>),
) -> Vec<u8> {
    let mut bytes = good[..HEADER].to_vec();
    let mut left = Sections { body: &good[HEADER..] };
    loop {
        let before = left.body;
        let Some(found) = left.next_section().unwrap() else { break };
        if found.tag == tag {
            section(&mut bytes, tag, rows.iter(), &put);
        } else {
            bytes.extend_from_slice(&before[..before.len() - left.body.len()]);
        }
    }
    let body = (bytes.len() - HEADER) as u64;
    bytes[8..16].copy_from_slice(&body.to_le_bytes());
    reseal(&mut bytes);
    bytes
}

/// A hold that ends twice would never end: its first end is booked and stands there for ever, in front
/// of those of all other holds. Of two members of one token, or two cards of one number, only one would
/// ever be found.
#[test]
fn nothing_stands_in_a_snapshot_twice() {
    let ledger = ledger();
    let good = ledger.snapshot(JournalPosition::START);
    let error = |bytes: &[u8]| {
        let mut other = self::ledger();
        let before = other.digest();
        let error = other.restore(Snapshot::parse(bytes).unwrap()).unwrap_err();
        assert_eq!(other.digest(), before);
        error.kind()
    };
    let (id, hold) = ledger.holds.first_key_value().map(|(id, hold)| (*id, hold.clone())).unwrap();
    let mut later = hold.clone();
    later.until = Timestamp::from_unix_secs(1_800_000_000);
    let put = |row: &(HoldId, Hold), out: &mut Vec<u8>| put_hold(row.0, &row.1, out);
    let once = with_rows(&good, Section::Holds, &[(id, hold.clone())], put);
    assert_eq!(once, good);
    let twice = with_rows(&good, Section::Holds, &[(id, hold), (id, later)], put);
    assert_eq!(error(&twice), SnapshotErrorKind::Row(Section::Holds));
    let card = ledger.cards.first().unwrap().clone();
    let put = |row: &Card, out: &mut Vec<u8>| row.put_row(out);
    assert_eq!(with_rows(&good, Section::Cards, core::slice::from_ref(&card), put), good);
    let twice = with_rows(&good, Section::Cards, &[card.clone(), card], put);
    assert_eq!(error(&twice), SnapshotErrorKind::Row(Section::Cards));
    let member = (MemberToken::new(9), ledger.members.first().unwrap().clone());
    let nameless = (MemberToken::new(0), member.1.clone());
    let put = |(token, member): &(MemberToken, Member), out: &mut Vec<u8>| {
        put_member(*token, member, out);
    };
    assert_eq!(with_rows(&good, Section::Members, core::slice::from_ref(&member), put), good);
    let twice = with_rows(&good, Section::Members, &[member.clone(), member.clone()], put);
    assert_eq!(error(&twice), SnapshotErrorKind::Row(Section::Members));
    // Those that were erased have none.
    let erased = [member, nameless.clone(), nameless];
    let erased = with_rows(&good, Section::Members, &erased, put);
    assert!(self::ledger().restore(Snapshot::parse(&erased).unwrap()).is_ok());
    let put = |row: &(ParameterId, i64), out: &mut Vec<u8>| row.put_row(out);
    let [first, second] = [(ParameterId::new(1), 5), (ParameterId::new(2), 6)];
    let back = with_rows(&good, Section::Parameters, &[second, first], put);
    assert_eq!(error(&back), SnapshotErrorKind::Row(Section::Parameters));
    let put = |row: &Actor, out: &mut Vec<u8>| row.put_row(out);
    let actor = (crate::ActorId::new(1), crate::Permissions::ADMIN);
    let twice = with_rows(&good, Section::Actors, &[actor, actor], put);
    assert_eq!(error(&twice), SnapshotErrorKind::Row(Section::Actors));
}

type Change<'a, T> = &'a dyn Fn(&mut T);

/// What a command would make a record of that does not balance, or that is taken for something else:
/// none of it is found by the checksums, and all of it when the rows are read.
#[test]
fn rows_that_contradict_each_other_are_refused() {
    let ledger = ledger();
    let good = ledger.snapshot(JournalPosition::START);
    let refused = |bytes: &[u8]| {
        let mut other = self::ledger();
        let before = other.digest();
        let error = other.restore(Snapshot::parse(bytes).unwrap()).unwrap_err();
        assert_eq!(other.digest(), before);
        error.kind()
    };
    let (id, hold) = ledger.holds.first_key_value().map(|(id, hold)| (*id, hold.clone())).unwrap();
    let put = |row: &(HoldId, Hold), out: &mut Vec<u8>| put_hold(row.0, &row.1, out);
    let holds: [Change<'_, (HoldId, Hold)>; 7] = [
        &|row| row.0 = HoldId::new(99),
        &|row| row.1.principal += 1,
        &|row| row.1.bonus += 1,
        &|row| row.1.asset = crate::MONEY,
        &|row| row.1.allocs.clear(),
        &|row| row.1.allocs[0].restored_principal = 1,
        &|row| {
            row.1.allocs[0].principal -= 9;
            row.1.principal -= 9;
        },
    ];
    for change in holds {
        let mut row = (id, hold.clone());
        change(&mut row);
        let bytes = with_rows(&good, Section::Holds, &[row], put);
        assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Holds));
    }
    let sales: Vec<crate::Sale> = ledger.sales.all().collect();
    let put = |row: &crate::Sale, out: &mut Vec<u8>| row.put_row(out);
    assert_eq!(with_rows(&good, Section::Sales, &sales, put), good);
    let changes: [Change<'_, crate::Sale>; 9] = [
        &|sale| sale.id = SaleId::new(99),
        &|sale| sale.paid.points += 1,
        &|sale| sale.paid.bonus += 1,
        &|sale| sale.returned.cash = 1,
        &|sale| sale.returned.account = -1,
        &|sale| sale.allocs.0 += 1,
        &|sale| sale.allocs.1 += 1,
        &|sale| (sale.earned, sale.earn_den) = (1, 0),
        &|sale| sale.asset = crate::AssetId::new(20_000),
    ];
    for change in changes {
        let mut rows = sales.clone();
        change(rows.last_mut().unwrap());
        let bytes = with_rows(&good, Section::Sales, &rows, put);
        assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Sales));
    }
    let allocs: Vec<crate::state::Alloc> = ledger.sales.allocs.items.iter().copied().collect();
    let put = |row: &crate::state::Alloc, out: &mut Vec<u8>| row.put_row(out);
    for change in [(1, 0), (0, 1), (0, -1)] {
        let mut rows = allocs.clone();
        rows[0].principal += change.0;
        rows[0].restored_principal += change.1;
        let bytes = with_rows(&good, Section::Takings, &rows, put);
        assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Sales));
    }
    let lots: Vec<crate::Lot> = ledger.lots.places().map(|(_, lot)| lot).collect();
    let put = |row: &crate::Lot, out: &mut Vec<u8>| row.put_row(out);
    assert_eq!(with_rows(&good, Section::Lots, &lots, put), good);
    let changes: [Change<'_, crate::Lot>; 6] = [
        &|lot| lot.principal = -1,
        &|lot| lot.held_bonus = -1,
        &|lot| lot.price = -1,
        &|lot| lot.origin = Seq::new(99),
        &|lot| lot.member = MemberId::new(7),
        // The place is free, and yet something stands there.
        &|lot| lot.asset = crate::AssetId::new(0),
    ];
    for change in changes {
        let mut rows = lots.clone();
        change(&mut rows[0]);
        let bytes = with_rows(&good, Section::Lots, &rows, put);
        assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Lots));
    }
    let answers: Vec<Answer> = ledger.replies.rows().collect();
    let put = |row: &Answer, out: &mut Vec<u8>| row.put_row(out);
    assert_eq!(with_rows(&good, Section::Answers, &answers, put), good);
    let changes: [Change<'_, Answer>; 2] =
        [&|row| row.0 = IdempotencyKey::new(0), &|row| row.2.seq = Seq::new(99)];
    for change in changes {
        let mut rows = answers.clone();
        change(rows.last_mut().unwrap());
        let bytes = with_rows(&good, Section::Answers, &rows, put);
        assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Answers));
    }
    let mut twice = answers.clone();
    twice.last_mut().unwrap().0 = twice[0].0;
    let bytes = with_rows(&good, Section::Answers, &twice, put);
    let mut again = self::ledger();
    again.restore(Snapshot::parse(&bytes).unwrap()).unwrap();
    assert_eq!(again.snapshot(JournalPosition::START), bytes);
    let mut member = (MemberToken::new(9), ledger.members.first().unwrap().clone());
    let put = |(token, member): &(MemberToken, Member), out: &mut Vec<u8>| {
        put_member(*token, member, out);
    };
    // An account that no member has: no sum would count it.
    member.1.book(crate::Account::raw(0, Code::Tender, crate::MONEY).local_key(), 5);
    let bytes = with_rows(&good, Section::Members, core::slice::from_ref(&member), put);
    assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Members));
    // Two that each became the other.
    let twins = [1_u32, 0].map(|into| {
        let mut row = Member::new(MemberKind::Individual, Day::FIRST);
        row.status = crate::MemberStatus::Merged;
        row.rest.get_mut().merged_into = Some(MemberId::new(into));
        (MemberToken::new(u128::from(into) + 9), row)
    });
    let bytes = with_rows(&good, Section::Members, &twins, put);
    assert_eq!(refused(&bytes), SnapshotErrorKind::Row(Section::Members));
}

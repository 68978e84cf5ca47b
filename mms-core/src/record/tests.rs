#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::MoveKind;
use super::fact::*;
use crate::command::MemberKind;
use crate::ids::*;
use alloc::vec::Vec;

fn append(fact: Fact, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.resize(start + fact.size(), 0);
    let mut at = &mut bytes[start..];
    fact.put(&mut at);
    assert!(at.is_empty());
}

#[test]
fn facts_take_multiples_of_eight_and_come_back() {
    let facts = [
        Fact::TierChanged { member: MemberId::new(1), from: TierId::new(0), to: TierId::new(2) },
        Fact::LotMoved { lot: LotId::new(9), how: MoveKind::Claw, principal: -1, bonus: i64::MAX },
        Fact::MemberEnrolled {
            member: MemberId::new(3),
            token: MemberToken::new(u128::MAX - 1),
            kind: MemberKind::Dealer,
            plan: PlanId::new(4),
            tier: TierId::new(5),
            referrer: None,
        },
    ];
    let mut bytes = Vec::new();
    for fact in facts {
        append(fact, &mut bytes);
        assert_eq!(bytes.len() % 8, 0);
    }
    let mut from = bytes.as_slice();
    for fact in facts {
        assert_eq!(Fact::take(&mut from), Some(fact));
    }
    assert!(from.is_empty());
    for cut in 1..16 {
        assert_eq!(Fact::take(&mut &bytes[..cut]), None, "cut at {cut}");
    }
}

#[test]
fn padding_and_length_must_be_exact() {
    let mut bytes = Vec::new();
    append(Fact::PinReported { card: CardId::new(1), correct: 1 }, &mut bytes);
    assert_eq!(bytes.len(), 16);
    let mut bad = bytes.clone();
    bad[15] = 1;
    assert_eq!(Fact::take(&mut bad.as_slice()), None);
    let mut bad = bytes.clone();
    bad[2] = 8;
    assert_eq!(Fact::take(&mut bad.as_slice()), None);
    let mut bad = bytes;
    bad[0] = 200;
    assert_eq!(Fact::take(&mut bad.as_slice()), None);
}

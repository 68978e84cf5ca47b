//! Journals that were written once and must recover for ever.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
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

fn totals(ledger: &Ledger) -> String {
    let mut rows = Vec::new();
    for code in Code::ALL {
        for asset in [MONEY, POINTS, AssetId::new(16)] {
            match ledger.total(*code, asset) {
                0 => {}
                total => rows.push(format!("{}{asset} {total:+}", code.short())),
            }
        }
    }
    rows.join(", ")
}

const JOURNAL_1: &[u8] = include_bytes!("golden/journal-1.mmsj");

#[test]
fn the_first_journal_recovers_for_ever() {
    let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
    let end = recovery.journal(JOURNAL_1);
    assert_eq!(end, JournalEnd::Whole { length: 11_768 });
    let recovered = recovery.finish();
    assert_eq!((recovered.frames, recovered.records), (25, 38));
    let chain = "c1592d5296e0f2f95548714837736c37abd11c47640a084039917ee93b057c29";
    assert_eq!(recovered.chain.to_string(), chain);
    let verification = recovered.ledger.verify();
    assert!(verification.is_sound(), "{verification}");
    let expected = "T1 +93249, REV1 -14165, DISC1 +1555, PROMO1 +83, FEE1 -1500, BRK1 -79222, \
                    PTI2 +939, PTR2 -138, PTX2 -801, CNI16 +10, CNU16 -3, CNX16 -7";
    assert_eq!(totals(&recovered.ledger), expected);
    // The same evening today comes to the same sums.
    let today = story();
    today.audit();
    assert_eq!(totals(&today.ledger), expected);
}

//! The life of cards, and coupons that are good or not.
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
    let table: [(S, [Option<S>; 8]); 12] = [
        (S::Issued, [Some(S::Active), no, no, no, no, Some(S::LostIssued), no, Some(S::Closed)]),
        (
            S::Active,
            [no, Some(S::Locked), no, Some(S::Frozen), no, Some(S::Lost), no, Some(S::Closed)],
        ),
        (
            S::Locked,
            [
                no,
                no,
                Some(S::Active),
                Some(S::FrozenLocked),
                no,
                Some(S::LostLocked),
                no,
                Some(S::Closed),
            ],
        ),
        (S::Frozen, [no, no, no, no, Some(S::Active), Some(S::LostFrozen), no, Some(S::Closed)]),
        (
            S::FrozenLocked,
            [
                no,
                no,
                Some(S::Frozen),
                no,
                Some(S::Locked),
                Some(S::LostFrozenLocked),
                no,
                Some(S::Closed),
            ],
        ),
        (
            S::LostFrozenLocked,
            [no, no, no, no, Some(S::LostLocked), no, Some(S::FrozenLocked), Some(S::Closed)],
        ),
        (S::Lost, [no, no, no, no, no, no, Some(S::Active), Some(S::Closed)]),
        (S::LostIssued, [no, no, no, no, no, no, Some(S::Issued), Some(S::Closed)]),
        (S::LostLocked, [no, no, no, no, no, no, Some(S::Locked), Some(S::Closed)]),
        (S::LostFrozen, [no, no, no, no, Some(S::Lost), no, Some(S::Frozen), Some(S::Closed)]),
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
                active: !matches!(from, S::Issued | S::LostIssued),
                fee: 0,
            });
            match from {
                S::Issued | S::Active => {}
                S::Locked => drop(shop.ok(change(CARD, CardChange::Lock))),
                S::Frozen => drop(shop.ok(change(CARD, CardChange::Freeze))),
                S::Lost | S::LostIssued => drop(shop.ok(change(CARD, CardChange::ReportLost))),
                S::LostLocked => {
                    shop.ok(change(CARD, CardChange::Lock));
                    shop.ok(change(CARD, CardChange::ReportLost));
                }
                S::LostFrozen => {
                    shop.ok(change(CARD, CardChange::Freeze));
                    shop.ok(change(CARD, CardChange::ReportLost));
                }
                S::FrozenLocked | S::LostFrozenLocked => {
                    shop.ok(change(CARD, CardChange::Lock));
                    shop.ok(change(CARD, CardChange::Freeze));
                    if from == S::LostFrozenLocked {
                        shop.ok(change(CARD, CardChange::ReportLost));
                    }
                }
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
            shop.audit();
        }
    }
}

/// Who may report a loss and withdraw it, or have a new card made, lifts nothing that somebody else
/// had set for another reason.
#[test]
fn a_loss_lifts_no_freeze_and_a_replacement_neither() {
    let mut shop = shop(Limits::default());
    let new = CardNumber::new(101);
    let replace = Action::ReplaceCard { card: CARD, new, fee: 0 };
    shop.ok(change(CARD, CardChange::Freeze));
    assert_eq!(shop.no(replace.clone()), R::ChangeNotAllowed);
    shop.ok(change(CARD, CardChange::ReportLost));
    assert!(shop.ledger.card(CARD).unwrap().status.is_lost());
    for action in [spend(CARD, 1), top_up(CARD, 1)] {
        assert_eq!(shop.no(action), R::CardLost);
    }
    assert_eq!(shop.no(replace.clone()), R::ChangeNotAllowed, "lost, but frozen before");
    shop.ok(change(CARD, CardChange::WithdrawLoss));
    assert_eq!(shop.no(spend(CARD, 1)), R::CardFrozen, "found, and frozen as it was");
    shop.ok(change(CARD, CardChange::ReportLost));
    shop.ok(change(CARD, CardChange::Unfreeze));
    shop.ok(replace);
    shop.ok(spend(new, 1));
    shop.audit();
}

/// Three wrong PINs are not forgotten because the scheme had frozen the card for a while.
#[test]
fn a_freeze_and_its_end_do_not_unlock_a_card() {
    let mut shop = shop(Limits::default());
    shop.ok(top_up(CARD, 10));
    shop.ok(change(CARD, CardChange::Lock));
    shop.ok(change(CARD, CardChange::Freeze));
    assert_eq!(shop.no(spend(CARD, 1)), R::CardFrozen);
    shop.ok(top_up(CARD, 10));
    let replace = Action::ReplaceCard { card: CARD, new: CardNumber::new(101), fee: 0 };
    assert_eq!(shop.no(replace), R::ChangeNotAllowed);
    shop.ok(change(CARD, CardChange::Unfreeze));
    assert_eq!(shop.no(spend(CARD, 1)), R::CardLocked);
    shop.ok(change(CARD, CardChange::Unlock));
    shop.ok(spend(CARD, 1));
    shop.audit();
}

/// A card that was on its way to its owner must be activated, found again or made anew; and three
/// wrong PINs are not forgotten because the card was away for a while.
#[test]
fn a_loss_neither_activates_nor_unlocks_a_card() {
    let mut shop = shop(Limits::default());
    let (sent, new) = (CardNumber::new(101), CardNumber::new(102));
    let product = ProductId::new(1);
    let expires = Day::NEVER;
    shop.ok(Action::IssueCard { member: A, card: sent, product, expires, active: false, fee: 0 });
    shop.ok(change(sent, CardChange::ReportLost));
    shop.ok(change(sent, CardChange::WithdrawLoss));
    assert_eq!(shop.no(spend(sent, 1)), R::CardNotActive);
    shop.ok(change(sent, CardChange::ReportLost));
    shop.ok(Action::ReplaceCard { card: sent, new, fee: 0 });
    assert_eq!(shop.no(spend(new, 1)), R::CardNotActive);
    shop.ok(change(new, CardChange::Activate));
    shop.ok(spend(new, 1));
    for _ in 0..3 {
        shop.ok(Action::ReportPin { card: new, correct: false });
    }
    shop.ok(change(new, CardChange::ReportLost));
    shop.ok(change(new, CardChange::WithdrawLoss));
    assert_eq!(shop.no(spend(new, 1)), R::CardLocked);
    shop.audit();
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
    let nets: Vec<i64> = shop.ledger.sale_lines(&sold).map(|line| line.net).collect();
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

/// Uses that are turned into money are a pay-out, as that of stored value is: not to who is frozen,
/// nor to who holds a card that is.
#[test]
fn nothing_is_paid_out_on_a_card_that_is_frozen() {
    let mut shop = shop(Limits::default());
    let kind = AssetId::new(16);
    let expires = shop.at.day.plus(9);
    shop.ok(Action::SellPackage { who: A.into(), kind, uses: 4, price: 1_000, expires });
    let back = |who: Who| Action::ReturnUses { who, kind, uses: 1 };
    let all = |who: Who| Action::RefundCard { who, cause: RefundCause::Merchant };
    for (stop, go, rejection) in [
        (CardChange::Freeze, CardChange::Unfreeze, R::CardFrozen),
        (CardChange::Lock, CardChange::Unlock, R::CardLocked),
        (CardChange::ReportLost, CardChange::WithdrawLoss, R::CardLost),
    ] {
        shop.ok(change(CARD, stop));
        assert_eq!(shop.no(back(CARD.into())), rejection);
        assert_eq!(shop.no(all(CARD.into())), rejection);
        shop.ok(change(CARD, go));
    }
    shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
    assert_eq!(shop.no(back(A.into())), R::MemberFrozen);
    assert_eq!(shop.no(all(A.into())), R::MemberFrozen);
    shop.ok(Action::ChangeMember { member: A, change: MemberChange::Unfreeze });
    assert_eq!(shop.ok(back(A.into())).amount, 250);
    shop.audit();
}

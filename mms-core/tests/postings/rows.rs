//! Every operation and what it books: rows that run.

use super::*;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Prepares the shop and gives the last action.
    pub(crate) act: fn(&mut Shop, MemberId) -> Action,
    pub(crate) postings: &'static str,
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "1 issue a card with a fee",
        act: |_, member| Action::IssueCard {
            member,
            card: CardNumber::new(5),
            product: ProductId::new(0),
            expires: Day::NEVER,
            active: false,
            fee: 500,
        },
        postings: "T +500, FEE -500",
    },
    Row {
        name: "2 top up with bonus and points",
        act: |_, member| top_up(member, 10_000),
        postings: "T +10000, BI +1000, m0.SVP -10000, m0.SVB -1000, PTI +7, m0.PT -7",
    },
    Row {
        name: "2 top up below the bonus",
        act: |_, member| top_up(member, 9_999),
        postings: "T +9999, m0.SVP -9999",
    },
    Row {
        name: "3 quick debit, principal and bonus in proportion",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            spend(member, 1_100)
        },
        postings: "m0.SVP +1000, m0.SVB +100, DISC +100, REV -1100, BI -100, PTI +10, m0.PT -10",
    },
    Row {
        name: "4 mixed tender: cash, stored value and points",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(adjust(member, 300));
            checkout(
                member,
                &[line(1, 2, 1_000), line(2, 1, 500)],
                Pay::Mixed { cash: 1_100, stored: 1_100, points: 300 },
            )
        },
        postings: "m0.SVP +1000, m0.SVB +100, T +1100, DISC +100, PROMO +300, REV -2500, \
                   BI -100, m0.PT +300, PTR -300, PTI +21, m0.PT -21",
    },
    Row {
        name: "4 walk-in for cash",
        act: |_, _| Action::Checkout {
            who: None,
            lines: vec![line(1, 3, 333)],
            pay: Pay::Cash,
            extras: Extras::NONE,
        },
        postings: "T +999, REV -999",
    },
    Row {
        name: "4 sale with a coupon and change that stays",
        act: coupon_sale,
        postings: "m0.CP16384 +1, CPU16384 -1, m0.CHG -7, T +2000, DISC +500, REV -2493, PTI +19, \
                   m0.PT -19",
    },
    Row {
        name: "2 top up with a coupon",
        act: |shop, member| {
            let rule = TopUpRule::new(RuleId::new(1), 1).with_coupon(OFF);
            let program = program().with_top_up_rules(vec![rule]);
            shop.ledger.set_program(program.into()).unwrap();
            top_up(member, 500)
        },
        postings: "T +500, m0.SVP -500, CPI16384 +1, m0.CP16384 -1",
    },
    Row {
        name: "6 earn elsewhere",
        act: |_, member| Action::Earn { who: member.into(), base: 12_345, rule: RuleId::new(10) },
        postings: "PTI +123, m0.PT -123",
    },
    Row {
        name: "8 redeem for a reward",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            redeem(member, 120)
        },
        postings: "m0.PT +120, PTR -120",
    },
    Row {
        name: "8 redeem for goods",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            reward(member, 1)
        },
        postings: "m0.PT +40, PTR -40, GIFT32768 +1, SK32768 -1",
    },
    Row {
        name: "8 redeem for a coupon",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            reward(member, 2)
        },
        postings: "m0.PT +10, PTR -10, CPI16384 +1, m0.CP16384 -1",
    },
    Row {
        name: "8 redeem for uses",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            reward(member, 3)
        },
        postings: "m0.PT +30, PTR -30, CNI16 +2, m0.CN16 -2",
    },
    Row {
        name: "8 issue coupons",
        act: |_, member| Action::IssueCoupons { who: member.into(), kind: OFF, count: 2 },
        postings: "CPI16384 +2, m0.CP16384 -2",
    },
    Row {
        name: "11 withdraw coupons",
        act: |shop, member| {
            let coupon = issue_coupon(shop, member);
            Action::WithdrawCoupons { who: member.into(), coupon, reason: 4 }
        },
        postings: "m0.CP16384 +2, CPX16384 -2",
    },
    Row {
        name: "4 sweep change",
        act: |shop, member| {
            let sale = coupon_sale(shop, member);
            shop.ok(sale);
            Action::SweepChange { who: member.into() }
        },
        postings: "m0.CHG +7, m0.SVP -7",
    },
    Row {
        name: "28 goods come in",
        act: |_, _| Action::StockGoods { goods: MUG, quantity: 3 },
        postings: "SK32768 +3, SUP32768 -3",
    },
    Row {
        name: "28 goods go to another store",
        act: |shop, _| {
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            Action::SendGoods { goods: MUG, quantity: 2, to: StoreId::new(2) }
        },
        postings: "s2.TRS32768 +2, SK32768 -2",
    },
    Row {
        name: "28 ... and come in there",
        act: |shop, _| {
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            shop.ok(Action::SendGoods { goods: MUG, quantity: 2, to: StoreId::new(2) });
            shop.store = StoreId::new(2);
            Action::ReceiveGoods { goods: MUG, quantity: 2 }
        },
        postings: "SK32768 +2, TRS32768 -2",
    },
    Row {
        name: "28 a count finds less",
        act: |shop, _| {
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            Action::CountGoods { goods: MUG, counted: 1 }
        },
        postings: "SK32768 -2, SHR32768 +2",
    },
    Row {
        name: "28 a count finds more",
        act: |_, _| Action::CountGoods { goods: MUG, counted: 4 },
        postings: "SK32768 +4, SHR32768 -4",
    },
    Row {
        name: "28 goods go back to the supplier",
        act: |shop, _| {
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            Action::StockGoods { goods: MUG, quantity: -1 }
        },
        postings: "SK32768 -1, SUP32768 +1",
    },
    Row {
        name: "29 messages bought",
        act: |_, _| Action::BuyMessages { count: 500, price: 2_000 },
        postings: "SMS3 +500, SMSP3 -500, EXP +2000, T -2000",
    },
    Row {
        name: "29 messages used",
        act: |shop, _| {
            shop.ok(Action::BuyMessages { count: 500, price: 0 });
            Action::UseMessages { count: 3 }
        },
        postings: "SMSU3 +3, SMS3 -3",
    },
    Row {
        name: "other income",
        act: |_, _| Action::BookOther { amount: 900, category: 1 },
        postings: "T +900, INC -900",
    },
    Row {
        name: "an expense",
        act: |_, _| Action::BookOther { amount: -900, category: 2 },
        postings: "T -900, EXP +900",
    },
    Row {
        name: "30 open a balance of stored value",
        act: |_, member| opening(member, Held::Stored, 900, 90),
        postings: "OPEN +900, BI +90, m0.SVP -900, m0.SVB -90",
    },
    Row {
        name: "30 open a balance of points",
        act: |_, member| opening(member, Held::Points, 77, 0),
        postings: "OPEN +77, m0.PT -77",
    },
    Row {
        name: "26 sale on account",
        act: |shop, _| {
            let company = company(shop);
            let extras = Extras::NONE.with_on_account(400);
            let lines = vec![line(1, 1, 1_000)];
            Action::Checkout { who: Some(company.into()), lines, pay: Pay::Cash, extras }
        },
        postings: "m1.AR +400, T +600, REV -1000, PTI +10, m1.PT -10",
    },
    Row {
        name: "17 pay-out, the merchant's doing",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(spend(member, 1_100));
            Action::RefundCard { who: member.into(), cause: RefundCause::Merchant }
        },
        postings: "m0.SVP +9000, m0.SVB +900, T -9000, BI -900",
    },
    Row {
        name: "18 pay-out, the member's wish",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            shop.ok(spend(member, 1_100));
            Action::RefundCard { who: member.into(), cause: RefundCause::Member }
        },
        postings: "m0.SVP +9000, m0.SVB +900, T -8900, REV -100, BI -900",
    },
    Row {
        name: "21 replace a card",
        act: |shop, member| {
            let card = shop.card(member, 5);
            Action::ReplaceCard { card, new: CardNumber::new(6), fee: 300 }
        },
        postings: "T +300, FEE -300",
    },
    Row {
        name: "1 a plan is renewed for a fee",
        act: |shop, member| {
            let until = shop.at.day.plus(365);
            Action::SetTerm { member, plan: PlanId::new(2), until, fee: 9_900 }
        },
        postings: "T +9900, FEE -9900",
    },
    Row {
        name: "20 a frozen card",
        act: |shop, member| {
            let card = shop.card(member, 5);
            change(card, CardChange::Freeze)
        },
        postings: "",
    },
    Row {
        name: "22 merge members",
        act: |shop, member| {
            let other = shop.enrol();
            shop.ok(top_up(member, 10_000));
            Action::MergeMembers { from: member, into: other }
        },
        postings: "m0.SVP +10000, m1.SVP -10000, m0.SVB +1000, m1.SVB -1000, m0.PT +7, m1.PT -7",
    },
    Row {
        name: "11 adjust up",
        act: |_, member| adjust(member, 42),
        postings: "PTI +42, m0.PT -42",
    },
    Row {
        name: "11 clear",
        act: |shop, member| {
            shop.ok(adjust(member, 42));
            Action::AdjustPoints { who: member.into(), adjust: Adjust::Clear, reason: 3 }
        },
        postings: "m0.PT +42, PTI -42",
    },
    Row {
        name: "12 sell a package of uses",
        act: |shop, member| package(shop, member, 10, 1_000),
        postings: "T +1000, m0.CTR -1000, CNI16 +10, m0.CN16 -10",
    },
    Row {
        name: "13 take uses of it",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            uses(member, 2)
        },
        postings: "m0.CN16 +2, CNU16 -2, m0.CTR +666, REV -666",
    },
    Row {
        name: "12 return uses that were not taken",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            shop.ok(uses(member, 1));
            Action::ReturnUses { who: member.into(), kind: SWIM, uses: 2 }
        },
        postings: "m0.CN16 +2, CNI16 -2, m0.CTR +667, T -667",
    },
    Row {
        name: "14 hold stored value",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            hold(member, Held::Stored, 2_200, shop.at.time.saturating_add(HOUR))
        },
        postings: "m0.SVP +2000, m0.SVB +200, m0.SVPH -2000, m0.SVBH -200",
    },
    Row {
        name: "14 capture a part of it",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Stored, 2_200, until));
            capture(&held, 1_100)
        },
        postings: "m0.SVPH +2000, m0.SVBH +200, m0.SVP -1000, m0.SVB -100, DISC +100, \
                   REV -1100, BI -100, PTI +10, m0.PT -10",
    },
    Row {
        name: "14 capture points",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Points, 80, until));
            capture(&held, 50)
        },
        postings: "m0.PTH +80, m0.PT -30, PTR -50",
    },
    Row {
        name: "14 void",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let until = shop.at.time.saturating_add(HOUR);
            let held = shop.ok(hold(member, Held::Points, 80, until));
            Action::Void { hold: held.hold().unwrap() }
        },
        postings: "m0.PTH +80, m0.PT -80",
    },
    Row {
        name: "taking part in an activity",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            Action::TakePart { who: member.into(), activity: RuleId::new(60) }
        },
        postings: "m0.PT +40, PTR -40, PTI +25, m0.PT -25",
    },
    Row {
        name: "a part of that taken back",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let part = Action::TakePart { who: member.into(), activity: RuleId::new(60) };
            let part = shop.ok(part);
            refund(&part, Part::Amount(10))
        },
        postings: "PTR +10, m0.PT -10, m0.PT +7, PTI -7",
    },
    Row {
        name: "14 hold uses",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            hold_uses(shop, member, 2)
        },
        postings: "m0.CN16 +2, m0.CNH16 -2",
    },
    Row {
        name: "14 capture a use of them, the price by the cumulative method",
        act: |shop, member| {
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            let held = hold_uses(shop, member, 2);
            let held = shop.ok(held);
            capture(&held, 1)
        },
        postings: "m0.CNH16 +2, m0.CN16 -1, CNU16 -1, m0.CTR +333, REV -333",
    },
    Row { name: "14 hold coupons", act: hold_coupons, postings: "m0.CP16384 +2, m0.CPH16384 -2" },
    Row {
        name: "14 capture a coupon of them",
        act: |shop, member| {
            let held = hold_coupons(shop, member);
            let held = shop.ok(held);
            capture(&held, 1)
        },
        postings: "m0.CPH16384 +2, m0.CP16384 -1, CPU16384 -1",
    },
    Row {
        name: "14 void held coupons",
        act: |shop, member| {
            let held = hold_coupons(shop, member);
            Action::Void { hold: shop.ok(held).hold().unwrap() }
        },
        postings: "m0.CPH16384 +2, m0.CP16384 -2",
    },
    Row {
        name: "15, 16 return with the earned points",
        act: |shop, member| {
            shop.ok(top_up(member, 10_000));
            let sale = shop.ok(spend(member, 1_100));
            refund(&sale, Part::Rest)
        },
        postings: "REV +1100, BI +100, DISC -100, m0.SVP -1000, m0.SVB -100, m0.PT +10, PTI -10",
    },
    Row {
        name: "16 points that were spent meanwhile become a debt",
        act: |shop, member| {
            let sale = shop.ok(checkout(member, &[line(1, 1, 5_000)], Pay::Cash));
            shop.ok(redeem(member, 35));
            refund(&sale, Part::Rest)
        },
        postings: "REV +5000, T -5000, m0.PT +15, m0.PTD +35, PTI -50",
    },
    Row {
        name: "16 the next points pay the debt first",
        act: |shop, member| {
            let sale = shop.ok(checkout(member, &[line(1, 1, 5_000)], Pay::Cash));
            shop.ok(redeem(member, 35));
            shop.ok(refund(&sale, Part::Rest));
            adjust(member, 40)
        },
        postings: "PTI +40, m0.PTD -35, m0.PT -5",
    },
    Row {
        name: "15 return a sale with its coupon",
        act: |shop, member| {
            let sale = coupon_sale(shop, member);
            let sale = shop.ok(sale);
            refund(&sale, Part::Rest)
        },
        postings: "REV +2493, T -1993, DISC -500, CPU16384 +1, m0.CP16384 -1, m0.PT +19, PTI -19",
    },
    Row {
        name: "15 return a reward",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            shop.ok(Action::StockGoods { goods: MUG, quantity: 3 });
            let sale = shop.ok(reward(member, 1));
            refund(&sale, Part::Rest)
        },
        postings: "PTR +40, m0.PT -40, SK32768 +1, GIFT32768 -1",
    },
    Row {
        name: "15 return a reward of uses",
        act: |shop, member| {
            shop.ok(adjust(member, 300));
            let sale = shop.ok(reward(member, 3));
            refund(&sale, Part::Rest)
        },
        postings: "PTR +30, m0.PT -30, m0.CN16 +2, CNI16 -2",
    },
    Row {
        name: "15 return a redemption",
        act: |shop, member| {
            shop.ok(adjust(member, 100));
            let sale = shop.ok(redeem(member, 60));
            refund(&sale, Part::Amount(20))
        },
        postings: "PTR +20, m0.PT -20",
    },
    Row {
        name: "19 transfer uses, with what is still to be earned of their price",
        act: |shop, member| {
            let other = shop.enrol();
            let sell = package(shop, member, 3, 1_000);
            shop.ok(sell);
            shop.ok(uses(member, 1));
            let (from, to) = (member.into(), other.into());
            Action::TransferUses { from, to, kind: SWIM, uses: 1 }
        },
        postings: "m0.CN16 +1, m1.CN16 -1, m0.CTR +333, m1.CTR -333",
    },
    Row {
        name: "19 transfer coupons",
        act: |shop, member| {
            let other = shop.enrol();
            let coupon = issue_coupon(shop, member);
            let (from, to) = (member.into(), other.into());
            Action::TransferCoupons { from, to, coupon, count: 1 }
        },
        postings: "m0.CP16384 +1, m1.CP16384 -1",
    },
    Row {
        name: "30 uses of another system",
        act: |_, member| {
            let (from, expires) = (Day::new(19_000), DAY.plus(50));
            let what = Opened::Uses { kind: SWIM, uses: 7, price: 999, from, expires };
            Action::Open { member, what }
        },
        postings: "OPEN +999, m0.CTR -999, OPEN16 +7, m0.CN16 -7",
    },
    Row {
        name: "30 coupons of another system",
        act: |_, member| {
            let (from, expires) = (Day::new(19_000), DAY.plus(50));
            Action::Open { member, what: Opened::Coupons { kind: OFF, count: 2, from, expires } }
        },
        postings: "OPEN16384 +2, m0.CP16384 -2",
    },
    Row {
        name: "30 change of another system",
        act: |_, member| Action::Open { member, what: Opened::Change(70) },
        postings: "OPEN +70, m0.CHG -70",
    },
    Row {
        name: "30 points owed in another system",
        act: |_, member| Action::Open { member, what: Opened::PointsDebt(30) },
        postings: "m0.PTD +30, OPEN -30",
    },
    Row {
        name: "30 goods owed for in another system",
        act: |shop, _| Action::Open { member: company(shop), what: Opened::Owed(4_000) },
        postings: "m1.AR +4000, OPEN -4000",
    },
    Row {
        name: "19 transfer",
        act: |shop, member| {
            let other = shop.enrol();
            shop.ok(top_up(member, 10_000));
            Action::Transfer {
                from: member.into(),
                to: other.into(),
                what: Held::Stored,
                amount: 5_500,
            }
        },
        postings: "m0.SVP +5000, m0.SVB +500, m1.SVP -5000, m1.SVB -500",
    },
];

//! What tells a retry from another command under the same key.

use crate::command::{Action, Adjust, CardChange, Command, Extras, Line, Opened, Part, Pay, Who};

impl Command {
    /// A 64-bit digest of store and action, to tell a retry from another command under the
    /// same key. The same in every build, for it stands in records.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(u64::from(self.envelope.store.value()));
        self.action.feed(&mut digest);
        // Cash is what commands meant before there was anything else.
        if self.envelope.tender.value() != 0 {
            digest.word(u64::MAX);
            digest.word(u64::from(self.envelope.tender.value()));
        }
        digest.0
    }
}

/// A small hash over words: each is mixed in by a 64 × 64 → 128 bit product.
struct Digest(u64);

impl Digest {
    const fn new() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }

    #[inline]
    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let high = u64::try_from(product >> 64).unwrap_or(0);
        let low = u64::try_from(product & u128::from(u64::MAX)).unwrap_or(0);
        self.0 = (high ^ low).rotate_left(23) ^ word;
    }

    fn signed(&mut self, word: i64) {
        self.word(u64::from_le_bytes(word.to_le_bytes()));
    }

    #[inline]
    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            self.word(u64::from(line.sku.value()));
            self.word(u64::from(line.quantity));
            self.signed(line.price);
            self.word(u64::from(line.special));
        }
    }

    #[inline]
    fn pay(&mut self, pay: &Pay) {
        match pay {
            Pay::Cash => self.word(1),
            Pay::Stored => self.word(2),
            Pay::Mixed { cash, stored, points } => {
                self.word(3);
                self.signed(*cash);
                self.signed(*stored);
                self.signed(*points);
            }
        }
    }

    /// Only what is there, each behind its number: a checkout without extras has the digest
    /// that it had before there were any.
    fn extras(&mut self, extras: &Extras) {
        if let Some(coupon) = extras.coupon {
            self.word(1);
            self.word(coupon.value());
        }
        if extras.keep_change != 0 {
            self.word(2);
            self.signed(extras.keep_change);
        }
        if extras.on_account != 0 {
            self.word(3);
            self.signed(extras.on_account);
        }
    }

    fn opened(&mut self, what: &Opened) {
        match *what {
            Opened::Uses { kind, uses, price, from, expires } => {
                self.word(1);
                self.word(u64::from(kind.value()));
                let days = [from, expires].map(|day| i64::from(day.value()));
                [uses, price].into_iter().chain(days).for_each(|word| self.signed(word));
            }
            Opened::Coupons { kind, count, from, expires } => {
                self.word(2);
                self.word(u64::from(kind.value()));
                let days = [from, expires].map(|day| i64::from(day.value()));
                [count].into_iter().chain(days).for_each(|word| self.signed(word));
            }
            Opened::Change(amount) => {
                self.word(3);
                self.signed(amount);
            }
            Opened::PointsDebt(points) => {
                self.word(4);
                self.signed(points);
            }
            Opened::Owed(amount) => {
                self.word(5);
                self.signed(amount);
            }
        }
    }

    fn who(&mut self, who: Who) {
        match who {
            Who::Card(card) => {
                self.word(1);
                self.word(card.value());
            }
            Who::Member(member) => {
                self.word(2);
                self.word(u64::from(member.value()));
            }
        }
    }
}

impl Action {
    /// Feeds every field, with a number for every choice.
    fn feed(&self, to: &mut Digest) {
        match self {
            Self::Enrol { token, kind, plan, referrer } => {
                to.word(1);
                let [high, low] = halves(token.value());
                to.word(high);
                to.word(low);
                to.word(u64::from(kind.number()));
                to.word(u64::from(plan.value()));
                to.word(referrer.map_or(u64::MAX, |member| u64::from(member.value())));
            }
            Self::ChangeMember { member, change } => {
                to.word(2);
                to.word(u64::from(member.value()));
                to.word(u64::from(change.number()));
            }
            Self::IssueCard { member, card, product, expires, active, fee } => {
                to.word(3);
                to.word(u64::from(member.value()));
                to.word(card.value());
                to.word(u64::from(product.value()));
                to.signed(i64::from(expires.value()));
                to.word(u64::from(*active));
                to.signed(*fee);
            }
            Self::ChangeCard { card, change } => {
                to.word(4);
                to.word(card.value());
                let (number, day) = match change {
                    CardChange::Activate => (1, 0),
                    CardChange::Lock => (2, 0),
                    CardChange::Unlock => (3, 0),
                    CardChange::Freeze => (4, 0),
                    CardChange::Unfreeze => (5, 0),
                    CardChange::ReportLost => (6, 0),
                    CardChange::WithdrawLoss => (7, 0),
                    CardChange::Extend(day) => (8, day.value()),
                    CardChange::Close => (9, 0),
                };
                to.word(number);
                to.signed(i64::from(day));
            }
            Self::ReplaceCard { card, new, fee } => {
                to.word(5);
                to.word(card.value());
                to.word(new.value());
                to.signed(*fee);
            }
            Self::ReportPin { card, correct } => {
                to.word(6);
                to.word(card.value());
                to.word(u64::from(*correct));
            }
            Self::TopUp { who, amount } => {
                to.word(7);
                to.who(*who);
                to.signed(*amount);
            }
            Self::Spend { who, amount } => {
                to.word(8);
                to.who(*who);
                to.signed(*amount);
            }
            Self::Checkout { who, lines, pay, extras } => {
                to.word(9);
                match who {
                    Some(who) => to.who(*who),
                    None => to.word(0),
                }
                to.lines(lines);
                to.pay(pay);
                to.extras(extras);
            }
            Self::ParkOrder { who, lines, pay, extras, until } => {
                to.word(38);
                match who {
                    Some(who) => to.who(*who),
                    None => to.word(0),
                }
                to.signed(until.as_unix_micros());
                to.lines(lines);
                to.pay(pay);
                to.extras(extras);
            }
            Self::VoidLine { order, line, reason } => {
                to.word(39);
                to.word(order.value());
                to.word(u64::from(*line));
                to.word(u64::from(*reason));
            }
            Self::ResumeOrder { order, tender } => {
                to.word(40);
                to.word(order.value());
                if let Some((pay, extras)) = tender {
                    to.pay(pay);
                    to.extras(extras);
                }
            }
            Self::CancelOrder { order, reason } => {
                to.word(41);
                to.word(order.value());
                to.word(u64::from(*reason));
            }
            Self::Earn { who, base, rule } => {
                to.word(10);
                to.who(*who);
                to.signed(*base);
                to.word(u64::from(rule.value()));
            }
            Self::Redeem { who, points, reward } => {
                to.word(11);
                to.who(*who);
                to.signed(*points);
                to.word(u64::from(reward.value()));
            }
            Self::Refund { sale, part } => {
                to.word(12);
                to.word(sale.value());
                match part {
                    Part::Rest => to.word(1),
                    Part::Amount(amount) => {
                        to.word(2);
                        to.signed(*amount);
                    }
                    Part::Line { line, quantity } => {
                        to.word(3);
                        to.word(u64::from(*line));
                        to.word(u64::from(*quantity));
                    }
                }
            }
            Self::Hold { who, what, amount, until } => {
                to.word(13);
                to.who(*who);
                to.word(u64::from(what.number()));
                to.signed(*amount);
                to.signed(until.as_unix_micros());
            }
            Self::Capture { hold, amount, reward } => {
                to.word(14);
                to.word(hold.value());
                to.signed(*amount);
                to.word(u64::from(reward.value()));
            }
            Self::Void { hold } => {
                to.word(15);
                to.word(hold.value());
            }
            Self::AdjustPoints { who, adjust, reason } => {
                to.word(16);
                to.who(*who);
                match adjust {
                    Adjust::Add(points) => {
                        to.word(1);
                        to.signed(*points);
                    }
                    Adjust::Take(points) => {
                        to.word(2);
                        to.signed(*points);
                    }
                    Adjust::Clear => to.word(3),
                }
                to.word(u64::from(*reason));
            }
            Self::SellPackage { who, kind, uses, price, expires } => {
                to.word(19);
                to.who(*who);
                to.word(u64::from(kind.value()));
                to.signed(*uses);
                to.signed(*price);
                to.signed(i64::from(expires.value()));
            }
            Self::TakeUses { who, kind, uses } => {
                to.word(20);
                to.who(*who);
                to.word(u64::from(kind.value()));
                to.signed(*uses);
            }
            Self::ReturnUses { who, kind, uses } => {
                to.word(21);
                to.who(*who);
                to.word(u64::from(kind.value()));
                to.signed(*uses);
            }
            Self::IssueCoupons { who, kind, count } => {
                to.word(22);
                to.who(*who);
                to.word(u64::from(kind.value()));
                to.signed(*count);
            }
            Self::WithdrawCoupons { who, coupon, reason } => {
                to.word(23);
                to.who(*who);
                to.word(coupon.value());
                to.word(u64::from(*reason));
            }
            Self::Reward { who, reward, quantity } => {
                to.word(24);
                to.who(*who);
                to.word(u64::from(reward.value()));
                to.word(u64::from(*quantity));
            }
            Self::StockGoods { goods, quantity } => {
                to.word(25);
                to.word(u64::from(goods.value()));
                to.signed(*quantity);
            }
            Self::SendGoods { goods, quantity, to: store } => {
                to.word(42);
                to.word(u64::from(goods.value()));
                to.signed(*quantity);
                to.word(u64::from(store.value()));
            }
            Self::ReceiveGoods { goods, quantity } => {
                to.word(43);
                to.word(u64::from(goods.value()));
                to.signed(*quantity);
            }
            Self::CountGoods { goods, counted } => {
                to.word(44);
                to.word(u64::from(goods.value()));
                to.signed(*counted);
            }
            Self::BuyMessages { count, price } => {
                to.word(45);
                to.signed(*count);
                to.signed(*price);
            }
            Self::UseMessages { count } => {
                to.word(46);
                to.signed(*count);
            }
            Self::BookOther { amount, category } => {
                to.word(47);
                to.signed(*amount);
                to.word(u64::from(*category));
            }
            Self::SetStore { store, open } => {
                to.word(48);
                to.word(u64::from(store.value()));
                to.word(u64::from(*open));
            }
            Self::SetTerminal { terminal, store, open } => {
                to.word(49);
                to.word(u64::from(terminal.value()));
                to.word(u64::from(store.value()));
                to.word(u64::from(*open));
            }
            Self::SweepChange { who } => {
                to.word(26);
                to.who(*who);
            }
            Self::SetTier { member, tier, until } => {
                to.word(27);
                to.word(u64::from(member.value()));
                to.word(u64::from(tier.value()));
                to.signed(i64::from(until.value()));
            }
            Self::RenewCard { card, expires, fee } => {
                to.word(28);
                to.word(card.value());
                to.signed(i64::from(expires.value()));
                to.signed(*fee);
            }
            Self::MoveCard { card, to: member } => {
                to.word(29);
                to.word(card.value());
                to.word(u64::from(member.value()));
            }
            Self::RefundCard { who, cause } => {
                to.word(30);
                to.who(*who);
                to.word(u64::from(cause.number()));
            }
            Self::MergeMembers { from, into } => {
                to.word(31);
                to.word(u64::from(from.value()));
                to.word(u64::from(into.value()));
            }
            Self::ReceivePayment { who, amount } => {
                to.word(32);
                to.who(*who);
                to.signed(*amount);
            }
            Self::SetField { member, field, value } => {
                to.word(35);
                to.word(u64::from(member.value()));
                to.word(u64::from(field.value()));
                to.word(u64::from(value.is_some()));
                to.signed(value.unwrap_or(0));
            }
            Self::SetSaleField { sale, field, value } => {
                to.word(50);
                to.word(sale.value());
                to.word(u64::from(field.value()));
                to.word(u64::from(value.is_some()));
                to.signed(value.unwrap_or(0));
            }
            Self::SetTerm { member, plan, until, fee } => {
                to.word(51);
                to.word(u64::from(member.value()));
                to.word(u64::from(plan.value()));
                to.signed(i64::from(until.value()));
                to.signed(*fee);
            }
            Self::TakePart { who, activity } => {
                to.word(52);
                to.who(*who);
                to.word(u64::from(activity.value()));
            }
            Self::SetParameter { parameter, value } => {
                to.word(33);
                to.word(u64::from(parameter.value()));
                to.signed(*value);
            }
            Self::OpenBalance { member, what, principal, bonus, from, expires } => {
                to.word(34);
                to.word(u64::from(member.value()));
                to.word(u64::from(what.number()));
                to.signed(*principal);
                to.signed(*bonus);
                to.signed(i64::from(from.value()));
                to.signed(i64::from(expires.value()));
            }
            Self::Open { member, what } => {
                to.word(53);
                to.word(u64::from(member.value()));
                to.opened(what);
            }
            Self::TransferUses { from, to: target, kind, uses } => {
                to.word(54);
                to.who(*from);
                to.who(*target);
                to.word(u64::from(kind.value()));
                to.signed(*uses);
            }
            Self::TransferCoupons { from, to: target, coupon, count } => {
                to.word(55);
                to.who(*from);
                to.who(*target);
                to.word(coupon.value());
                to.signed(*count);
            }
            Self::Permit { actor, permissions } => {
                to.word(18);
                to.word(u64::from(actor.value()));
                to.word(u64::from(permissions.bits()));
            }
            Self::HoldUses { who, kind, uses, until } => {
                to.word(36);
                to.who(*who);
                to.word(u64::from(kind.value()));
                to.signed(*uses);
                to.signed(until.as_unix_micros());
            }
            Self::HoldCoupons { who, coupon, count, until } => {
                to.word(37);
                to.who(*who);
                to.word(coupon.value());
                to.signed(*count);
                to.signed(until.as_unix_micros());
            }
            Self::Transfer { from, to: target, what, amount } => {
                to.word(17);
                to.who(*from);
                to.who(*target);
                to.word(u64::from(what.number()));
                to.signed(*amount);
            }
        }
    }
}

fn halves(wide: u128) -> [u64; 2] {
    [
        u64::try_from(wide >> 64).unwrap_or(0),
        u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(0),
    ]
}

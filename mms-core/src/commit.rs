//! The only thing that changes the state: a record is folded in.

mod member;
mod note;

use crate::account::{Code, MONEY, POINTS, Posting};
use crate::command::{Extras, Line, Pay};
use crate::ids::{ActorId, CardId, HoldId, LotId, MemberId, OrderId, SaleId, Seq};
use crate::ledger::Ledger;
use crate::program::{WATCH_MAX, WINDOW_MAX};
use crate::receipt::Receipt;
use crate::record::{Fact, Head, Kind, MoveKind, Record};
use crate::state::{
    Alloc, Card, Counters, Gift, Head as ListHead, Hold, Lot, Member, MemberStatus, NOWHERE, Order,
    OrderLine, Reward, Sale, SoldLine, Starts, Tenders, append,
};
use alloc::vec::Vec;
use core::borrow::Borrow;
use proto_wire::Timestamp;

impl Ledger {
    /// Books a record: what [`prepare`](Self::prepare) made of this very state, or what
    /// [`check`](Self::check) has accepted. Never fails and never asks a rule.
    ///
    /// A record from elsewhere does no harm to memory safety and cannot panic, but the
    /// state is then whatever the record says.
    pub fn commit(&mut self, record: Record<'_>) -> Receipt {
        self.commit_parts(&record.head(), record.postings(), record.facts())
    }

    #[inline]
    pub(crate) fn commit_parts(
        &mut self,
        head: &Head,
        postings: impl Iterator<Item = Posting>,
        facts: impl Iterator<Item = impl Borrow<Fact>>,
    ) -> Receipt {
        self.seq = head.seq;
        self.at = head.at;
        let mut volume = self.volume;
        for posting in postings {
            volume = volume.saturating_add(posting.amount.unsigned_abs());
            self.book(posting);
        }
        self.volume = volume;
        let starts = self.sales.ends();
        let mut fold = Fold {
            starts,
            held: Vec::new(),
            coupon: None,
            given: Gift::NONE,
            account: 0,
            commission: None,
            settled: None,
        };
        let mut receipt = Receipt {
            seq: head.seq,
            time: head.at.time,
            day: head.at.day,
            kind: head.kind,
            member: head.member,
            ..Receipt::default()
        };
        for fact in facts {
            match fact.borrow() {
                Fact::LotMoved { lot, how, principal, bonus } => {
                    let (how, amounts) = (*how, (*principal, *bonus));
                    self.note_move(head, *lot, how, amounts, &mut receipt);
                    self.move_lot(*lot, how, amounts, &mut fold);
                }
                fact => {
                    note::fact(head, fact, &mut receipt);
                    self.fold(head, fact, &mut fold);
                }
            }
        }
        if let Some(id) = head.member {
            if let Some(member) = self.member_mut(id) {
                member.version = member.version.wrapping_add(1);
                receipt.tier = member.tier;
                let stored = member
                    .balance(Code::StoredPrincipal, MONEY)
                    .saturating_add(member.balance(Code::StoredBonus, MONEY));
                receipt.stored_after = stored.saturating_neg();
                receipt.points_after = member.balance(Code::Points, POINTS).saturating_neg();
            }
        }
        let lots = &mut self.lots;
        self.sales.forget(head.at.day, |lot| lots.unrefer(lot));
        lots.reclaim();
        if !self.sale_fields.is_empty() {
            self.forget_sale_fields();
        }
        if head.key.value() != 0 {
            self.replies.push(head.key, head.digest, &receipt);
        }
        receipt
    }

    #[inline]
    fn book(&mut self, posting: Posting) {
        let account = posting.account;
        if account.code().is_member() {
            if let Some(member) = self.members.get_mut(account.index() as usize) {
                member.book(account.local_key(), posting.amount);
            }
        } else {
            self.books.book(account, posting.amount);
            if account.code() == Code::CouponsIssued {
                let issued = self.issued.entry(account.asset()).or_default();
                *issued = issued.saturating_add(posting.amount);
            }
        }
    }

    #[inline]
    fn fold(&mut self, head: &Head, fact: &Fact, fold: &mut Fold) {
        match *fact {
            Fact::MemberEnrolled { member, token, kind, plan, tier, referrer } => {
                let depth = referrer
                    .and_then(|referrer| self.member(referrer))
                    .map_or(0, |referrer| referrer.depth.saturating_add(1));
                self.tokens.insert(token.value(), member.value());
                append(&mut self.names, token);
                let mut member = Member::new(kind, head.at.day);
                (member.tier, member.plan, member.depth) = (tier, plan, depth);
                member.set_referrer(referrer);
                append(&mut self.members, member);
            }
            Fact::MemberChanged { member, status } => {
                if status == MemberStatus::Erased {
                    self.erase(member);
                }
                if let Some(member) = self.member_mut(member) {
                    member.status = status;
                }
            }
            Fact::TierChanged { member, to, .. } => {
                if let Some(member) = self.member_mut(member) {
                    member.tier = to;
                }
            }
            Fact::Counted { member, points, top_up, spend, visits } => {
                if let Some(member) = self.member_mut(member) {
                    let by = Counters { points, top_up, spend, visits: visits.into() };
                    member.set_counters(member.counters().plus(by));
                }
            }
            Fact::CountedIn { member, month, points, top_up, spend, visits } => {
                let oldest = head.at.day.month().saturating_sub_unsigned(WINDOW_MAX);
                if let Some(member) = self.member_mut(member) {
                    let by = Counters { points, top_up, spend, visits: visits.into() };
                    member.count_in(month, by, oldest);
                }
            }
            Fact::TierKept { member, until, how } => {
                self.end_tier(member, until);
                if let Some(member) = self.member_mut(member) {
                    member.tier_how = how;
                }
            }
            Fact::MemberMerged { from, into } => self.merge(from, into),
            Fact::CardMoved { card, member } => {
                if let Some(card) = self.card_mut(card) {
                    card.member = member;
                }
            }
            Fact::Undiscounted { lot, amount } => self.lots.undiscount(lot, amount),
            Fact::CardIssued { card: id, member, number, product, status, expires } => {
                self.numbers.insert(u128::from(number.value()), id.value());
                let card = Card::new(number, member, (product, status, expires));
                append(&mut self.cards, card);
                self.note_card_end(id);
            }
            Fact::CardChanged { card: id, status, expires, pin_tries } => {
                self.forget_card_end(id);
                if let Some(card) = self.card_mut(id) {
                    card.status = status;
                    card.expires = expires;
                    card.pin_tries = pin_tries;
                }
                self.note_card_end(id);
            }
            Fact::CardReplaced { card, by } => {
                if let Some(card) = self.card_mut(card) {
                    card.set_replaced_by(Some(by));
                }
            }
            Fact::LotOpened {
                lot: id,
                member,
                asset,
                pending,
                from,
                expires,
                principal,
                bonus,
            } => {
                let mut lot = Lot::new(member, asset, head.seq);
                lot.store = head.store;
                lot.pending = pending != 0;
                lot.from = from;
                lot.expires = expires;
                (lot.principal, lot.principal_in) = (principal, principal);
                (lot.bonus, lot.bonus_in) = (bonus, bonus);
                if let Some(member) = self.members.get_mut(member.value() as usize) {
                    self.lots.open(id, lot, &mut member.lots);
                }
            }
            Fact::LotMoved { lot, how, principal, bonus } => {
                self.move_lot(lot, how, (principal, bonus), fold);
            }
            Fact::HoldOpened { member, asset, principal, bonus, until } => {
                let id = HoldId::new(head.seq.value());
                let until = Timestamp::from_unix_micros(until);
                let allocs = core::mem::take(&mut fold.held);
                let store = head.store;
                self.hold_ends.insert((until, id));
                self.holds
                    .insert(id, Hold { member, store, asset, principal, bonus, until, allocs });
            }
            Fact::HoldClosed { hold, .. } => {
                if let Some(closed) = self.holds.remove(&hold) {
                    self.hold_ends.remove(&(closed.until, hold));
                }
            }
            Fact::OrderParked { .. } => self.park(head, fact),
            Fact::OrderLine { sku, quantity, price, special, net } => {
                let line = Line { sku, quantity, price, special: special != 0 };
                let row = OrderLine { line, net, void: false };
                self.orders.push_line(OrderId::new(head.seq.value()), row);
            }
            Fact::LineVoided { order, line, .. } => self.orders.void(order, line),
            Fact::OrderClosed { order, .. } => self.orders.close(order),
            Fact::SaleLine { sku, quantity, net, .. } => {
                self.sales.push_line(SoldLine { sku, quantity, net, returned: 0, net_returned: 0 });
            }
            Fact::SaleOpened { .. } => self.open_sale(head, fact, fold),
            Fact::SaleReturned {
                sale,
                cash,
                principal,
                bonus,
                points,
                points_value,
                discount,
                clawed,
                ..
            } => {
                let tenders = Tenders { cash, principal, bonus, points, points_value, account: 0 };
                self.sales.returned(sale, &tenders, discount, clawed);
            }
            Fact::LineReturned { sale, line, quantity, net } => {
                self.sales.line_returned(sale, line, quantity, net);
            }
            Fact::SaleRestored { sale, alloc, lot, principal, bonus } => {
                self.with_list(lot, |lots, list| lots.restore(lot, principal, bonus, list));
                self.sales.restored(sale, alloc, principal, bonus);
            }
            Fact::Deferred { lot, amount } => self.lots.defer(lot, amount),
            Fact::ActorPermitted { actor, permissions } => {
                self.actors.insert(actor, permissions);
            }
            Fact::CouponUsed { lot, .. } => fold.coupon = Some(lot),
            Fact::RewardGiven { asset, quantity, lot } => {
                fold.given = Gift { asset, quantity, lot };
            }
            Fact::SoldOnAccount { amount, .. } => fold.account = amount,
            Fact::AccountReturned { sale, amount, .. } => {
                let tenders = Tenders { account: amount, ..Tenders::default() };
                self.sales.returned(sale, &tenders, 0, 0);
            }
            Fact::CommissionEarned { actor, amount, .. } => {
                let before = fold.commission.map_or(0, |(_, before)| before);
                fold.commission = Some((actor, amount.saturating_add(before)));
            }
            Fact::CommissionReversed { sale, amount } => {
                self.sales.edit(sale, |sale| {
                    sale.commission_back = sale.commission_back.saturating_add(amount);
                });
            }
            Fact::LotLoaded { lot, store } => self.lots.load(lot, store),
            Fact::Settled { .. } => fold.settled = Some(fold.settled.unwrap_or((0, 1))),
            Fact::SettledAt { num, den } => fold.settled = Some((num, den)),
            Fact::ReferralRewarded { member, points, lot, .. } if is_sale(head.kind) => {
                if let Some(lot) = lot {
                    self.lots.refer(lot);
                }
                self.sales.push_reward(Reward { member, points, clawed: 0, lot });
            }
            Fact::ReferralClawed { sale, reward, points } => {
                self.sales.reward_clawed(sale, reward, points);
            }
            Fact::Watched { member } if is_void(head.kind) => {
                self.voids.note((Some(member), NOWHERE), head.at);
            }
            Fact::WatchedAt { store, terminal } if is_void(head.kind) => {
                self.voids.note((None, (store, terminal)), head.at);
            }
            Fact::Watched { member } => {
                if let Some(member) = self.member_mut(member) {
                    member.seen(head.at.time.as_unix_micros(), WATCH_MAX);
                }
            }
            Fact::WatchedAt { store, terminal } => self.places.note((store, terminal), head.at),
            Fact::ParameterSet { parameter, value } => {
                self.parameters.insert(parameter, value);
            }
            Fact::FieldSet { member, field, set, value } => {
                if set == 0 {
                    self.fields.remove(member, field);
                } else {
                    self.fields.insert(member, field, value);
                }
            }
            Fact::SaleFieldSet { sale, field, set, value } => {
                if set == 0 {
                    self.sale_fields.remove(&(sale, field));
                } else {
                    self.sale_fields.insert((sale, field), value);
                }
            }
            Fact::TermSet { member, plan, until } => {
                self.terms.set(member, until);
                if let Some(member) = self.member_mut(member) {
                    member.plan = plan;
                }
            }
            Fact::TermEnded { member, .. } => self.terms.end(member),
            Fact::TookPart { activity, member, part, .. } => {
                self.parts.count(activity, member, part != 0);
            }
            Fact::StoreSet { store, open } => {
                self.registry.stores.insert(store, open != 0);
            }
            Fact::TerminalSet { terminal, store, open } => {
                self.registry.terminals.insert(terminal, (store, open != 0));
            }
            Fact::RemindedUntil { rule, day, subject } => {
                self.reminded.insert(rule, (day, subject));
            }
            Fact::AnomalyFound { .. }
            | Fact::Reminded { .. }
            | Fact::GoodsCounted { .. }
            | Fact::OtherBooked { .. }
            | Fact::TenderedBy { .. }
            | Fact::AnomalyFoundAt { .. }
            | Fact::BalanceOpened { .. }
            | Fact::ReferralRewarded { .. }
            | Fact::PaymentReceived { .. }
            | Fact::ChangeKept { .. }
            | Fact::CouponsWithdrawn { .. }
            | Fact::StoredRefunded { .. }
            | Fact::RuleApplied { .. }
            | Fact::Rewarded { .. }
            | Fact::PointsAdjusted { .. }
            | Fact::PinReported { .. }
            | Fact::DebtPaid { .. }
            | Fact::DebtMade { .. } => {}
        }
    }

    fn park(&mut self, head: &Head, fact: &Fact) {
        let Fact::OrderParked {
            member,
            card,
            until,
            pay,
            cash,
            stored,
            points,
            coupon,
            change,
            account,
        } = *fact
        else {
            return;
        };
        let order = Order {
            member,
            card,
            store: head.store,
            terminal: head.terminal,
            until: Timestamp::from_unix_micros(until),
            pay: Pay::of(pay, [cash, stored, points]),
            extras: Extras { coupon, keep_change: change, on_account: account },
            lines: Vec::new(),
        };
        self.orders.park(OrderId::new(head.seq.value()), order);
    }

    /// Moves value in, out of, or within a lot.
    #[inline]
    fn move_lot(&mut self, lot: LotId, how: MoveKind, by: (i64, i64), fold: &mut Fold) {
        let (principal, bonus) = by;
        // Nearly always some value stays, and the lot where it is in its owner's list.
        if !self.lots.shift(lot, how, principal, bonus) {
            self.with_list(lot, |lots, list| lots.apply(lot, how, principal, bonus, list));
            if matches!(how, MoveKind::Spend | MoveKind::Capture) {
                self.lots.refer(lot);
            }
        }
        match how {
            MoveKind::Spend | MoveKind::Capture => {
                self.sales.push_alloc(Alloc::new(lot, principal, bonus));
            }
            MoveKind::Hold => fold.held.push(Alloc::new(lot, principal, bonus)),
            _ => {}
        }
    }

    fn open_sale(&mut self, head: &Head, fact: &Fact, fold: &Fold) {
        if fold.is_plain() && self.sales.push_plain(head, fact, fold.starts) {
            if let Fact::SaleOpened { earned_lot: Some(lot), .. } = *fact {
                self.lots.refer(lot);
            }
            return;
        }
        let Fact::SaleOpened {
            member,
            asset,
            list,
            discount,
            cash,
            principal,
            bonus,
            points,
            points_value,
            earned,
            earned_lot,
            earn_base,
            earn_num,
            earn_den,
            earn_rounding,
            rule,
            returnable,
        } = *fact
        else {
            return;
        };
        let mut sale = Sale {
            id: SaleId::new(head.seq.value()),
            member,
            store: head.store,
            asset,
            day: head.at.day,
            returnable,
            list,
            discount,
            paid: Tenders { cash, principal, bonus, points, points_value, account: fold.account },
            returned: Tenders::default(),
            discount_returned: 0,
            earned,
            clawed: 0,
            earned_lot,
            earn_base,
            earn_num,
            earn_den,
            earn_rounding,
            rule,
            coupon: fold.coupon,
            given: fold.given,
            commission: fold.commission,
            commission_back: 0,
            settled: fold.settled,
            rewards: (0, 0),
            allocs: (0, 0),
            lines: (0, 0),
        };
        for lot in sale.kept_lots() {
            self.lots.refer(lot);
        }
        self.sales.push(&mut sale, fold.starts);
    }

    /// Fields of sales go with their sales, the oldest first.
    #[cold]
    fn forget_sale_fields(&mut self) {
        let first = self.sales.first().unwrap_or(SaleId::new(u64::MAX));
        while self.sale_fields.first_key_value().is_some_and(|((sale, _), _)| *sale < first) {
            self.sale_fields.pop_first();
        }
    }

    /// Runs `change` with the list of the lot's owner.
    #[inline]
    fn with_list(
        &mut self,
        lot: LotId,
        change: impl FnOnce(&mut crate::state::Lots, &mut ListHead),
    ) {
        let Some(member) = self.lots.owner(lot).map(|owner| self.resolve(owner)) else {
            return;
        };
        if let Some(member) = self.members.get_mut(member.value() as usize) {
            change(&mut self.lots, &mut member.lots);
        }
    }

    #[inline]
    fn member_mut(&mut self, member: MemberId) -> Option<&mut Member> {
        self.members.get_mut(member.value() as usize)
    }

    fn card_mut(&mut self, card: CardId) -> Option<&mut Card> {
        self.cards.get_mut(card.value() as usize)
    }
}

/// What the facts of one record share.
struct Fold {
    /// Where the takings and the lines of a sale of this record begin.
    starts: Starts,
    /// What a hold of this record took.
    held: Vec<Alloc>,
    /// The lot of the coupon that a sale of this record uses, and what it gives for points.
    coupon: Option<LotId>,
    given: Gift,
    /// What of the sale is paid later, its commission, what a point is worth between stores.
    account: i64,
    commission: Option<(ActorId, i64)>,
    settled: Option<(u64, u64)>,
}

impl Fold {
    /// Whether all of a sale stands in the fact that opens it.
    fn is_plain(&self) -> bool {
        let nothing = self.coupon.is_none() && self.given == Gift::NONE && self.account == 0;
        nothing && self.commission.is_none() && self.settled.is_none()
    }
}

/// Whether a record of this kind takes goods off a parked order.
const fn is_void(kind: Kind) -> bool {
    matches!(kind, Kind::LineVoided | Kind::OrderCancelled)
}

/// Whether a record of this kind opens a sale.
const fn is_sale(kind: Kind) -> bool {
    matches!(kind, Kind::Spent | Kind::Sold | Kind::Redeemed | Kind::Captured)
}

impl Seq {
    /// The number after this one; the last one stays.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.value().saturating_add(1))
    }
}

//! What a command would do: pure, and the only place where rules are read.
//!
//! Every action checks in the order of [`Rejection`]'s codes: shape, what is unknown, what
//! exists already, states, money, limits.

mod activity;
mod cardholder;
mod coupon;
mod credit;
mod due;
mod field;
mod hold;
mod member;
mod network;
mod opening;
mod order;
mod package;
mod points;
mod pricing;
mod refund;
mod remind;
mod sale;
mod store;
mod tier;
mod transfer;
mod value;
mod watch;

pub use due::Due;
pub use pricing::Quote;

use crate::account::Account;
use crate::command::{Action, Command, Envelope, Who};
use crate::ids::{ActorId, At, IdempotencyKey, MemberId, StoreId, TenderId, TerminalId};
use crate::ledger::Ledger;
use crate::permission::Permissions;
use crate::record::{Draft, Head, Kind, RecordBuf};
use crate::rejection::Rejection;
use crate::state::{Card, CardStatus, Member, MemberStatus};
use proto_wire::Timestamp;

impl Ledger {
    /// What `command` would do at `at`: the record that [`commit`](Self::commit) takes.
    /// Pure: the same state, time and command give the same bytes.
    ///
    /// # Errors
    ///
    /// The first rejection that applies, in the order of [`Rejection`].
    pub fn prepare(&self, at: At, command: &Command) -> Result<RecordBuf, Rejection> {
        let mut draft = Draft::new();
        self.draft_command(at, command, &mut draft)?;
        Ok(draft.finish())
    }

    pub(crate) fn draft_command(
        &self,
        at: At,
        command: &Command,
        draft: &mut Draft,
    ) -> Result<(), Rejection> {
        let envelope = command.envelope;
        if envelope.key.value() == 0 {
            return Err(Rejection::KeyMissing);
        }
        let digest = command.digest();
        match self.replies.digest(envelope.key) {
            Some(first) if first == digest => return Err(Rejection::KeyUsed),
            Some(_) => return Err(Rejection::KeyConflict),
            None => {}
        }
        if !self.permissions(envelope.actor).contains(command.action.permission()) {
            return Err(Rejection::NotPermitted);
        }
        // R56: only named outlets load.
        let stores = &self.program.load_stores;
        if !stores.is_empty()
            && matches!(command.action, Action::TopUp { .. } | Action::SweepChange { .. })
            && !stores.contains(&envelope.store)
        {
            return Err(Rejection::NotPermitted);
        }
        // R10: special fields are not the member's to write.
        if let Action::SetField { field, .. } = command.action {
            let special = self.program.field(field).is_some_and(|field| field.special);
            if special && !self.permissions(envelope.actor).contains(Permissions::MEMBERS) {
                return Err(Rejection::NotPermitted);
            }
        }
        if !self.registry.is_empty() {
            self.check_place(command)?;
        }
        let mut prepare = Prepare::begin(self, at, envelope, digest, draft);
        prepare.action(&command.action)?;
        prepare.finish()
    }
}

/// No account stands further from zero: half of the range is kept free.
const BALANCE_MAX: u64 = u64::MAX / 4;

/// One command on its way to a record.
struct Prepare<'l, 'd> {
    ledger: &'l Ledger,
    /// Never before the last record.
    at: At,
    expect_version: Option<u32>,
    tender: TenderId,
    /// The first in order of what is full or too large: it is given only when nothing that
    /// comes before it in the order of rejections applies, so the rest is looked at first.
    full: Option<Rejection>,
    draft: &'d mut Draft,
}

/// Who a command is about.
#[derive(Clone, Copy)]
struct Party<'l> {
    id: MemberId,
    member: &'l Member,
    card: Option<&'l Card>,
}

/// What is to be done with a party's value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Credit,
    Debit,
}

impl<'l, 'd> Prepare<'l, 'd> {
    fn begin(
        ledger: &'l Ledger,
        at: At,
        envelope: Envelope,
        digest: u64,
        draft: &'d mut Draft,
    ) -> Self {
        let at = At::new(at.time.max(ledger.at.time), at.day.max(ledger.at.day));
        draft.begin(Head {
            kind: Kind::Enrolled,
            store: envelope.store,
            seq: ledger.seq.next(),
            at,
            key: envelope.key,
            digest,
            actor: envelope.actor,
            terminal: envelope.terminal,
            occurred_at: envelope.occurred_at,
            member: None,
            program: ledger.program.version,
            postings: 0,
            facts: 0,
        });
        let Envelope { expect_version, tender, .. } = envelope;
        Self { ledger, at, expect_version, tender, full: None, draft }
    }

    /// For what time itself causes: no key, no sender.
    fn by_time(ledger: &'l Ledger, at: At, draft: &'d mut Draft) -> Self {
        let envelope = Envelope {
            key: IdempotencyKey::new(0),
            store: StoreId::new(0),
            actor: ActorId::new(0),
            terminal: TerminalId::new(0),
            occurred_at: Timestamp::UNIX_EPOCH,
            expect_version: None,
            tender: TenderId::new(0),
        };
        Self::begin(ledger, at, envelope, 0, draft)
    }

    fn action(&mut self, action: &Action) -> Result<(), Rejection> {
        match *action {
            Action::Enrol { token, kind, plan, referrer } => {
                self.enrol(token, kind, plan, referrer)
            }
            Action::ChangeMember { member, change } => self.change_member(member, change),
            Action::IssueCard { member, card, product, expires, active, fee } => {
                self.issue_card(member, card, product, expires, active, fee)
            }
            Action::ChangeCard { card, change } => self.change_card(card, change),
            Action::ReplaceCard { card, new, fee } => self.replace_card(card, new, fee),
            Action::ReportPin { card, correct } => self.report_pin(card, correct),
            Action::TopUp { who, amount } => self.top_up(who, amount),
            Action::Spend { who, amount } => self.spend(who, amount),
            Action::Checkout { who, ref lines, pay, extras } => {
                self.checkout(who, lines, pay, extras)
            }
            Action::ParkOrder { who, ref lines, pay, extras, until } => {
                self.park_order(who, lines, pay, extras, until)
            }
            Action::VoidLine { order, line, reason } => self.void_line(order, line, reason),
            Action::ResumeOrder { order, tender } => self.resume_order(order, tender),
            Action::CancelOrder { order, reason } => self.cancel_order(order, reason),
            Action::Earn { who, base, rule } => self.earn(who, base, rule),
            Action::Redeem { who, points, reward } => self.redeem(who, points, reward),
            Action::Refund { sale, part } => self.refund(sale, part),
            Action::Hold { who, what, amount, until } => self.hold(who, what, amount, until),
            Action::HoldUses { who, kind, uses, until } => self.hold_uses(who, kind, uses, until),
            Action::HoldCoupons { who, coupon, count, until } => {
                self.hold_coupons(who, coupon, count, until)
            }
            Action::Capture { hold, amount, reward } => self.capture(hold, amount, reward),
            Action::Void { hold } => self.void(hold),
            Action::AdjustPoints { who, adjust, reason } => self.adjust(who, adjust, reason),
            Action::SellPackage { who, kind, uses, price, expires } => {
                self.sell_package(who, kind, uses, price, expires)
            }
            Action::TakeUses { who, kind, uses } => self.take_uses(who, kind, uses),
            Action::ReturnUses { who, kind, uses } => self.return_uses(who, kind, uses),
            Action::IssueCoupons { who, kind, count } => self.issue_coupons(who, kind, count),
            Action::WithdrawCoupons { who, coupon, reason } => {
                self.withdraw_coupons(who, coupon, reason)
            }
            Action::Reward { who, reward, quantity } => self.reward(who, reward, quantity),
            Action::TakePart { who, activity } => self.take_part(who, activity),
            Action::StockGoods { goods, quantity } => self.stock_goods(goods, quantity),
            Action::SendGoods { goods, quantity, to } => self.send_goods(goods, quantity, to),
            Action::ReceiveGoods { goods, quantity } => self.receive_goods(goods, quantity),
            Action::CountGoods { goods, counted } => self.count_goods(goods, counted),
            Action::BuyMessages { count, price } => self.buy_messages(count, price),
            Action::UseMessages { count } => self.use_messages(count),
            Action::BookOther { amount, category } => self.book_other(amount, category),
            Action::SetStore { store, open } => self.set_store(store, open),
            Action::SetTerminal { terminal, store, open } => {
                self.set_terminal(terminal, store, open)
            }
            Action::SweepChange { who } => self.sweep_change(who),
            Action::ReceivePayment { who, amount } => self.receive_payment(who, amount),
            Action::SetField { member, field, value } => self.set_field(member, field, value),
            Action::SetSaleField { sale, field, value } => self.set_sale_field(sale, field, value),
            Action::SetTerm { member, plan, until, fee } => self.set_term(member, plan, until, fee),
            Action::SetParameter { parameter, value } => self.set_parameter(parameter, value),
            Action::OpenBalance { member, what, principal, bonus, from, expires } => {
                self.open_balance(member, what, (principal, bonus), (from, expires))
            }
            Action::Open { member, what } => self.open(member, what),
            Action::TransferUses { from, to, kind, uses } => {
                self.transfer_uses(from, to, kind, uses)
            }
            Action::TransferCoupons { from, to, coupon, count } => {
                self.transfer_coupons(from, to, coupon, count)
            }
            Action::SetTier { member, tier, until } => self.set_tier(member, tier, until),
            Action::RenewCard { card, expires, fee } => self.renew_card(card, expires, fee),
            Action::MoveCard { card, to } => self.move_card(card, to),
            Action::RefundCard { who, cause } => self.refund_card(who, cause),
            Action::MergeMembers { from, into } => self.merge_members(from, into),
            Action::Permit { actor, permissions } => self.permit(actor, permissions),
            Action::Transfer { from, to, what, amount } => self.transfer(from, to, what, amount),
        }
    }

    /// What holds for every record: sums fit, and there is room for new store accounts.
    fn finish(&mut self) -> Result<(), Rejection> {
        // Those of members, cards, lots, holds and sales come before all that follows.
        if let Some(full) = self.full.filter(|full| *full < Rejection::StoreAccountsFull) {
            return Err(full);
        }
        self.name_tender();
        let watched = self.watch();
        if !self.draft.fits() {
            // Room for accounts comes first in the order of rejections.
            return Err(self.no_room().unwrap_or(Rejection::RecordFull));
        }
        if let Some(stopped) = watched.err().or(self.full) {
            return Err(self.no_room().unwrap_or(stopped));
        }
        // Most ledgers have never moved so much, in all, that one account could overflow.
        let volume = self.ledger.volume.saturating_add(self.draft.volume());
        let postings = self.draft.postings().len();
        let accounts = self.ledger.books.len().saturating_add(postings);
        if volume > BALANCE_MAX || accounts > self.ledger.limits.store_accounts_max as usize {
            if let Some(rejection) = self.no_room() {
                return Err(rejection);
            }
            // A sum that did not fit stands at the end of 64 bits, and is found here.
            if self.overflows() {
                return Err(Rejection::Overflow);
            }
        }
        debug_assert!(self.draft.is_balanced(), "postings must balance: {:?}", self.draft);
        Ok(())
    }

    fn no_room(&self) -> Option<Rejection> {
        let books = &self.ledger.books;
        let accounts = self.draft.postings().iter().map(|posting| posting.account);
        let is_new =
            |account: &Account| !account.code().is_member() && books.balance(*account).is_none();
        let new_accounts = accounts.filter(is_new).count();
        let max = self.ledger.limits.store_accounts_max as usize;
        let full = new_accounts > 0 && books.len().saturating_add(new_accounts) > max;
        full.then_some(Rejection::StoreAccountsFull)
    }

    /// Whether an account would stand too far from zero after any of the postings.
    fn overflows(&self) -> bool {
        let postings = self.draft.postings();
        (1_usize..).zip(postings).any(|(count, last)| {
            let same =
                postings.iter().take(count).filter(|posting| posting.account == last.account);
            let balance = i128::from(self.ledger.raw_balance(last.account));
            let after = same.fold(balance, |sum, by| sum.saturating_add(by.amount.into()));
            after.unsigned_abs() > u128::from(BALANCE_MAX)
        })
    }

    /// Something is full or too large; the command goes on, only to find what else applies.
    fn fill(&mut self, rejection: Rejection) {
        self.full = Some(self.full.map_or(rejection, |before| before.min(rejection)));
    }

    /// A product that does not fit counts as nothing from here on, and stops the command.
    fn fitting(&mut self, amount: Option<i64>) -> i64 {
        amount.unwrap_or_else(|| {
            self.fill(Rejection::Overflow);
            0
        })
    }

    fn about(&mut self, kind: Kind, member: Option<MemberId>) {
        debug_assert!(
            member.is_none_or(|member| self.ledger.resolve(member) == member),
            "{kind:?} is about who the member is now"
        );
        self.draft.head.kind = kind;
        self.draft.head.member = member;
    }

    fn positive(&self, amount: i64) -> Result<(), Rejection> {
        if amount <= 0 {
            return Err(Rejection::AmountNotPositive);
        }
        self.not_too_large(amount)
    }

    fn not_negative(&self, amount: i64) -> Result<(), Rejection> {
        self.none_negative(&[amount])
    }

    /// All signs come before all sizes.
    fn none_negative(&self, amounts: &[i64]) -> Result<(), Rejection> {
        if amounts.iter().any(|amount| *amount < 0) {
            return Err(Rejection::AmountNotPositive);
        }
        amounts.iter().try_for_each(|amount| self.not_too_large(*amount))
    }

    const fn not_too_large(&self, amount: i64) -> Result<(), Rejection> {
        if amount > self.ledger.limits.amount_max {
            return Err(Rejection::AmountTooLarge);
        }
        Ok(())
    }

    fn member(&self, id: MemberId) -> Result<Party<'l>, Rejection> {
        let id = self.ledger.resolve(id);
        let member = self.ledger.member(id).ok_or(Rejection::MemberUnknown)?;
        Ok(Party { id, member, card: None })
    }

    /// Whether a member is as the command expects, when nothing else is asked of it.
    fn unchanged(&self, member: Option<MemberId>) -> Result<(), Rejection> {
        let row = member.and_then(|id| self.ledger.member(self.ledger.resolve(id)));
        match (self.expect_version, row) {
            (Some(version), Some(row)) if row.version != version => Err(Rejection::VersionChanged),
            _ => Ok(()),
        }
    }

    fn find(&self, who: Who) -> Result<Party<'l>, Rejection> {
        match who {
            Who::Member(member) => self.member(member),
            Who::Card(number) => {
                let card = self.ledger.card(number).ok_or(Rejection::CardUnknown)?;
                let party = self.member(card.member)?;
                Ok(Party { card: Some(card), ..party })
            }
        }
    }

    /// Whether the states of member and card allow a use. Frozen and locked ones still
    /// take credits: a refund must reach its owner.
    fn allow(&self, party: Party<'_>, purpose: Use) -> Result<(), Rejection> {
        if self.expect_version.is_some_and(|version| version != party.member.version) {
            return Err(Rejection::VersionChanged);
        }
        match party.member.status {
            MemberStatus::Closed | MemberStatus::Merged | MemberStatus::Erased => {
                return Err(Rejection::MemberClosed);
            }
            MemberStatus::Frozen if purpose == Use::Debit => return Err(Rejection::MemberFrozen),
            MemberStatus::Frozen | MemberStatus::Active => {}
        }
        let Some(card) = party.card else {
            return Ok(());
        };
        match card.status {
            CardStatus::Replaced => return Err(Rejection::CardReplaced),
            CardStatus::Closed => return Err(Rejection::CardClosed),
            status if status.is_lost() => return Err(Rejection::CardLost),
            _ => {}
        }
        if card.expires < self.at.day {
            return Err(Rejection::CardExpired);
        }
        match card.status {
            CardStatus::Frozen | CardStatus::FrozenLocked if purpose == Use::Debit => {
                Err(Rejection::CardFrozen)
            }
            CardStatus::Locked if purpose == Use::Debit => Err(Rejection::CardLocked),
            CardStatus::Issued => Err(Rejection::CardNotActive),
            _ => Ok(()),
        }
    }
}

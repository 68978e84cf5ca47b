//! The ledger: the state, and the questions that can be asked of it.

use crate::account::{Account, Code, MONEY, POINTS, is_coupon};
use crate::command::Command;
use crate::ids::{
    ActorId, AssetId, At, CardId, CardNumber, CouponId, Day, FieldId, HoldId, IdempotencyKey,
    LotId, MemberId, MemberToken, OrderId, ParameterId, RuleId, SaleId, Seq, StoreId, TerminalId,
};
use crate::limits::Limits;
use crate::permission::Permissions;
use crate::program::{Program, ProgramError};
use crate::receipt::Receipt;
use crate::record::Draft;
use crate::rejection::Rejection;
use crate::state::{
    Books, Calendar, Card, Fields, Head, Hold, Index, Lot, Lots, Member, Order, Orders, Parts,
    Places, Registry, Replies, Sale, Sales, SoldLine, Terms, Voider, held_codes,
};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::{Rng, Seed, Timestamp};

/// An event-sourced, double-entry state machine.
///
/// [`prepare`](Self::prepare) says what a command would do and changes nothing;
/// [`commit`](Self::commit) is the only thing that changes the state, and does so from a
/// record alone; [`apply`](Self::apply) is both. Replaying the records of one ledger into
/// another makes an equal one.
///
/// ```
/// use mms_core::*;
///
/// let mut ledger = Ledger::new(Limits::default(), Program::sample().into(), Seed::from_u64(1)).unwrap();
/// let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
/// let shop = StoreId::new(1);
/// let enrol = Action::Enrol {
///     token: MemberToken::new(0xfeed),
///     kind: MemberKind::Individual,
///     plan: PlanId::new(0),
///     referrer: None,
/// };
/// let enrol = Command::new(IdempotencyKey::new(1), shop, enrol);
/// let record = ledger.prepare(at, &enrol).unwrap();
/// let member = ledger.commit(record.view()).member.unwrap();
///
/// let top_up = Action::TopUp { who: member.into(), amount: 10_000 };
/// let top_up = Command::new(IdempotencyKey::new(2), shop, top_up);
/// let Outcome::Accepted(receipt) = ledger.apply(at, &top_up, &mut Vec::new()) else { panic!() };
/// assert_eq!((receipt.amount, receipt.bonus, receipt.stored_after), (10_000, 1_000, 11_000));
///
/// // The same key again: the first answer again, and nothing else.
/// assert_eq!(ledger.apply(at, &top_up, &mut Vec::new()), Outcome::Duplicate(receipt));
/// assert!(ledger.verify().is_sound());
/// ```
#[derive(Debug)]
pub struct Ledger {
    pub(crate) limits: Limits,
    pub(crate) program: Arc<Program>,
    pub(crate) seq: Seq,
    pub(crate) at: At,
    pub(crate) members: Vec<Member>,
    /// What the host looks them up by, in the same order.
    pub(crate) names: Vec<MemberToken>,
    pub(crate) tokens: Index,
    pub(crate) cards: Vec<Card>,
    pub(crate) numbers: Index,
    pub(crate) lots: Lots,
    pub(crate) holds: BTreeMap<HoldId, Hold>,
    /// When tiers are reviewed.
    pub(crate) tier_ends: BTreeSet<(Day, MemberId)>,
    pub(crate) hold_ends: BTreeSet<(Timestamp, HoldId)>,
    pub(crate) orders: Orders,
    /// Fields of sales that are set.
    pub(crate) sale_fields: BTreeMap<(SaleId, FieldId), i64>,
    /// Until when members are under their plans.
    pub(crate) terms: Terms,
    /// Who took part in which activities.
    pub(crate) parts: Parts,
    /// Which stores and terminals do business, when somebody has said.
    pub(crate) registry: Registry,
    /// Up to which day and subject each rule has reminded.
    pub(crate) reminded: BTreeMap<RuleId, (Day, u32)>,
    pub(crate) sales: Sales,
    pub(crate) books: Books,
    pub(crate) replies: Replies,
    pub(crate) actors: BTreeMap<ActorId, Permissions>,
    /// Fields of members that are set.
    pub(crate) fields: Fields,
    /// When cards end, while rules remind of that.
    pub(crate) card_ends: Option<Calendar<CardId>>,
    /// Parameters of the scheme.
    pub(crate) parameters: BTreeMap<ParameterId, i64>,
    /// When business was done at each store and terminal, when rules look at that.
    pub(crate) places: Places,
    /// When members and places took goods off orders, likewise.
    pub(crate) voids: Places<Voider>,
    /// Coupons ever issued, by kind: the sum over the stores' accounts.
    pub(crate) issued: BTreeMap<AssetId, i64>,
    /// The sum of all amounts ever posted, without sign: no account can stand further
    /// from zero.
    pub(crate) volume: u64,
    pub(crate) draft: Option<Box<Draft>>,
}

/// What became of a command. See [`Ledger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was booked.
    Accepted(Receipt),
    /// It had been booked before; this is the first answer.
    Duplicate(Receipt),
    /// Its key belongs to another command, which has this place in the journal.
    Conflict(Seq),
    /// It was refused; nothing changed.
    Rejected(Rejection),
}

/// What a member has, in the sign that a person expects, as of one business day.
/// See [`Ledger::balances`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Balances {
    /// Stored value that was paid for and can be spent.
    pub principal: i64,
    /// Stored value that was given and can be spent.
    pub bonus: i64,
    /// Points that can be spent.
    pub points: i64,
    /// Points that are not yet the member's to spend.
    pub points_pending: i64,
    /// Stored value under holds.
    pub stored_held: i64,
    /// Points under holds.
    pub points_held: i64,
    /// Points that the member owes.
    pub points_debt: i64,
    /// Change that the member left with the scheme.
    pub change: i64,
    /// What the member owes for goods sold on account.
    pub owed: i64,
    /// Stored value that was brought along and is not yet the member's to spend.
    pub stored_pending: i64,
    /// Stored value that is over but not yet booked as such.
    pub stored_expired: i64,
    /// Points that are over but not yet booked as such.
    pub points_expired: i64,
}

impl Balances {
    /// All stored value that can be spent.
    #[must_use]
    pub const fn stored(&self) -> i64 {
        self.principal.saturating_add(self.bonus)
    }
}

impl Ledger {
    /// An empty ledger. The seed only protects the look-up tables against chosen keys; it
    /// reaches no record and no answer.
    ///
    /// # Errors
    ///
    /// When the program contradicts itself.
    pub fn new(limits: Limits, program: Arc<Program>, seed: Seed) -> Result<Self, ProgramError> {
        program.validate()?;
        let mut rng = Rng::new(&seed);
        let mut ledger = Self {
            limits,
            program,
            seq: Seq::new(0),
            at: At::new(Timestamp::from_unix_micros(i64::MIN), Day::FIRST),
            members: Vec::new(),
            names: Vec::new(),
            tokens: Index::new(rng.next_u64()),
            cards: Vec::new(),
            numbers: Index::new(rng.next_u64()),
            lots: Lots::default(),
            holds: BTreeMap::new(),
            tier_ends: BTreeSet::new(),
            hold_ends: BTreeSet::new(),
            orders: Orders::default(),
            sale_fields: BTreeMap::new(),
            terms: Terms::default(),
            parts: Parts::default(),
            registry: Registry::default(),
            reminded: BTreeMap::new(),
            sales: Sales::new(),
            books: Books::default(),
            replies: Replies::new(limits.keys_max, rng.next_u64()),
            actors: BTreeMap::new(),
            fields: Fields::default(),
            card_ends: None,
            parameters: BTreeMap::new(),
            places: Places::default(),
            voids: Places::default(),
            issued: BTreeMap::new(),
            volume: 0,
            draft: None,
        };
        ledger.look_ahead();
        Ok(ledger)
    }

    /// Prepares, encodes to the end of `journal`, and commits. Nothing is appended unless
    /// the outcome is [`Outcome::Accepted`]. The answer must not leave the house before
    /// the bytes are durable: [`Engine`](crate::Engine) sees to that.
    pub fn apply(&mut self, at: At, command: &Command, journal: &mut Vec<u8>) -> Outcome {
        let mut draft = self.draft.take().unwrap_or_default();
        let outcome = match self.draft_command(at, command, &mut draft) {
            Ok(()) => Outcome::Accepted(self.book_draft(&mut draft, journal)),
            Err(rejection) => self.refused(command, rejection),
        };
        self.draft = Some(draft);
        outcome
    }

    /// Encodes to the end of `journal` what was drafted of this very state, and commits it.
    #[inline]
    pub(crate) fn book_draft(&mut self, draft: &mut Draft, journal: &mut Vec<u8>) -> Receipt {
        let record = draft.encode(journal);
        debug_assert!(
            record.postings().eq(draft.postings().iter().copied())
                && record.facts().eq(draft.facts().iter().copied()),
            "what is written is what is booked: {record:?}"
        );
        let postings = draft.postings().iter().copied();
        self.commit_parts(&draft.head, postings, draft.facts().iter())
    }

    /// Takes other rules. What was booked stays booked.
    ///
    /// # Errors
    ///
    /// When the program contradicts itself; the old one stays.
    pub fn set_program(&mut self, program: Arc<Program>) -> Result<(), ProgramError> {
        program.validate()?;
        self.program = program;
        self.look_ahead();
        Ok(())
    }

    /// The rules in force.
    #[must_use]
    pub const fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The number of the newest record; zero before the first.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// The time and day of the newest record.
    #[must_use]
    pub const fn at(&self) -> At {
        self.at
    }

    /// The first answer to a command with this key, while the key is remembered.
    #[must_use]
    pub fn answer(&self, key: IdempotencyKey) -> Option<Receipt> {
        self.replies.find(key)
    }

    /// How many members were ever enrolled; their ids run from zero.
    #[must_use]
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// How many lots are kept: those with value, and those to which a sale can still be
    /// returned. Places of others are used again.
    #[must_use]
    pub fn lot_count(&self) -> u32 {
        self.lots.kept()
    }

    /// A member.
    #[must_use]
    pub fn member(&self, member: MemberId) -> Option<&Member> {
        self.members.get(member.value() as usize)
    }

    /// Which member this is: another, when it was merged.
    #[must_use]
    pub fn resolve(&self, member: MemberId) -> MemberId {
        let mut at = member;
        for _ in 0..64 {
            match self.member(at).and_then(|member| member.merged_into()) {
                Some(into) => at = into,
                None => break,
            }
        }
        at
    }

    /// What the host looks a member up by; zero when it was erased.
    #[must_use]
    pub fn token(&self, member: MemberId) -> Option<MemberToken> {
        self.names.get(member.value() as usize).copied()
    }

    /// The member with this token, or the one that it was merged into.
    #[must_use]
    pub fn member_by_token(&self, token: MemberToken) -> Option<MemberId> {
        self.tokens
            .find(token.value(), |place| self.token(MemberId::new(place)) == Some(token))
            .map(|place| self.resolve(MemberId::new(place)))
    }

    /// A card by its number.
    #[must_use]
    pub fn card(&self, number: CardNumber) -> Option<&Card> {
        self.card_id(number).and_then(|id| self.card_at(id))
    }

    /// Every card ever issued, in that order.
    pub fn cards(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter()
    }

    /// The cards of a member, in the order of issue. Looks at every card: for reports.
    pub fn cards_of(&self, member: MemberId) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(move |card| self.resolve(card.member) == member)
    }

    /// What a member has on `day`; all zero for a member that does not exist.
    #[must_use]
    pub fn balances(&self, member: MemberId, day: Day) -> Balances {
        let Some(row) = self.member(member) else {
            return Balances::default();
        };
        let mut balances = Balances {
            stored_held: Code::HeldPrincipal
                .natural(row.balance(Code::HeldPrincipal, MONEY))
                .saturating_add(Code::HeldBonus.natural(row.balance(Code::HeldBonus, MONEY))),
            points_held: Code::PointsHeld.natural(row.balance(Code::PointsHeld, POINTS)),
            owed: Code::Receivable.natural(row.balance(Code::Receivable, MONEY)),
            change: Code::ChangePurse.natural(row.balance(Code::ChangePurse, MONEY)),
            points_debt: Code::PointsDebt.natural(row.balance(Code::PointsDebt, POINTS)),
            ..Balances::default()
        };
        let add = |to: &mut i64, amount: i64| *to = to.saturating_add(amount);
        for (_, lot) in self.lots.of(row.lots) {
            if lot.asset != POINTS && lot.asset != MONEY {
                continue;
            }
            match (lot.asset == POINTS, lot.expires < day, lot.from > day) {
                (false, true, _) => add(&mut balances.stored_expired, lot.left()),
                (true, true, _) => add(&mut balances.points_expired, lot.left()),
                (true, false, true) => add(&mut balances.points_pending, lot.left()),
                (true, false, false) => add(&mut balances.points, lot.left()),
                (false, false, true) => add(&mut balances.stored_pending, lot.left()),
                (false, false, false) => {
                    add(&mut balances.principal, lot.principal);
                    add(&mut balances.bonus, lot.bonus);
                }
            }
        }
        balances
    }

    /// How many uses of a kind a member can take on `day`.
    #[must_use]
    pub fn uses(&self, member: MemberId, kind: AssetId, day: Day) -> i64 {
        let lots = self.lots(member).filter(|(_, lot)| lot.asset == kind && lot.is_live(day));
        lots.fold(0, |sum, (_, lot)| sum.saturating_add(lot.left()))
    }

    /// How much of an asset a member has under holds: of stored value, what was paid for and what
    /// was given on top.
    #[must_use]
    pub fn held(&self, member: MemberId, asset: AssetId) -> i64 {
        let Some(row) = self.member(member) else {
            return 0;
        };
        let (principal, bonus) = held_codes(asset);
        let natural = |code: Code| code.natural(row.balance(code, asset));
        natural(principal).saturating_add(natural(bonus))
    }

    /// How many coupons of a kind were ever issued, in all stores, less those that were taken
    /// back with the points that had bought them.
    #[must_use]
    pub fn coupons_issued(&self, kind: AssetId) -> i64 {
        self.issued.get(&kind).copied().unwrap_or(0)
    }

    /// The coupons that a member can use on `day`, those that lapse first first: which issue, of
    /// what kind, how many, until when.
    pub fn coupons(
        &self,
        member: MemberId,
        day: Day,
    ) -> impl Iterator<Item = (CouponId, AssetId, i64, Day)> {
        let lots = self.lots(member);
        let live = lots.filter(move |(_, lot)| is_coupon(lot.asset) && lot.is_live(day));
        live.map(|(_, lot)| {
            (CouponId::new(lot.origin.value()), lot.asset, lot.principal, lot.expires)
        })
    }

    /// A member's lots with value left: points, then stored value, then the rest, each in the order
    /// in which they are spent.
    pub fn lots(&self, member: MemberId) -> impl Iterator<Item = (LotId, Lot)> + '_ {
        self.lots.of(self.member(member).map_or(Head::NONE, |member| member.lots))
    }

    /// A lot, also one without value as long as something can come back to it.
    #[must_use]
    pub fn lot(&self, lot: LotId) -> Option<Lot> {
        self.lots.get(lot)
    }

    /// A hold that is open.
    #[must_use]
    pub fn hold(&self, hold: HoldId) -> Option<&Hold> {
        self.holds.get(&hold)
    }

    /// The open holds, oldest first.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        self.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// An order that is parked.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<&Order> {
        self.orders.open.get(&order)
    }

    /// The parked orders, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = (OrderId, &Order)> {
        self.orders.open.iter().map(|(id, order)| (*id, order))
    }

    /// A sale or redemption that can still be taken back.
    #[must_use]
    pub fn sale(&self, sale: SaleId) -> Option<Sale> {
        self.sales.get(sale)
    }

    /// The sales and redemptions that can still be taken back, oldest first.
    pub fn sales(&self) -> impl Iterator<Item = Sale> + '_ {
        self.sales.all()
    }

    /// The lines of a sale.
    pub fn sale_lines(&self, sale: &Sale) -> impl Iterator<Item = &SoldLine> {
        self.sales.lines(sale).map(|(_, line)| line)
    }

    /// The raw balance of an account: debit plus, credit minus.
    #[must_use]
    pub fn raw_balance(&self, account: Account) -> i64 {
        if account.code().is_member() {
            self.member(MemberId::new(account.index()))
                .map_or(0, |member| member.balance(account.code(), account.asset()))
        } else {
            self.books.balance(account).unwrap_or(0)
        }
    }

    /// Every account that was ever booked on, with its raw balance: members' first, by
    /// id; then stores', by number.
    pub fn accounts(&self) -> impl Iterator<Item = (Account, i64)> {
        let members = self.members.iter().zip(0_u32..).flat_map(|(member, id)| {
            member.balances().filter_map(move |(key, amount)| {
                let key = (u64::from(id) << 32) | u64::from(key);
                Account::from_key(key).map(|account| (account, amount))
            })
        });
        members.chain(self.books.all())
    }

    /// The raw balances of all accounts of one code and asset, summed.
    #[must_use]
    pub fn total(&self, code: Code, asset: AssetId) -> i128 {
        self.accounts()
            .filter(|(account, _)| account.code() == code && account.asset() == asset)
            .fold(0, |sum, (_, amount)| sum.saturating_add(i128::from(amount)))
    }

    /// What an actor may do: everything, while the ledger knows no actors at all.
    #[must_use]
    pub fn permissions(&self, actor: ActorId) -> Permissions {
        if self.actors.is_empty() {
            return Permissions::ALL;
        }
        self.actors.get(&actor).copied().unwrap_or(Permissions::NONE)
    }

    /// The actors and what they may do, by id.
    pub fn actors(&self) -> impl Iterator<Item = (ActorId, Permissions)> {
        self.actors.iter().map(|(actor, permissions)| (*actor, *permissions))
    }

    /// What a field of a member holds, if it is set.
    #[must_use]
    pub fn field(&self, member: MemberId, field: FieldId) -> Option<i64> {
        self.fields.rows().get(&(self.resolve(member), field)).copied()
    }

    /// The fields of a member that are set, by number.
    pub fn fields_of(&self, member: MemberId) -> impl Iterator<Item = (FieldId, i64)> {
        let all = (member, FieldId::new(0))..=(member, FieldId::new(u16::MAX));
        self.fields.rows().range(all).map(|((_, field), value)| (*field, *value))
    }

    /// The fields of a sale that are set, by number; they go when it can no longer be returned.
    pub fn sale_fields(&self, sale: SaleId) -> impl Iterator<Item = (FieldId, i64)> {
        let all = (sale, FieldId::new(0))..=(sale, FieldId::new(u16::MAX));
        self.sale_fields.range(all).map(|((_, field), value)| (*field, *value))
    }

    /// The last day of a member's term; `None` when it has no end, or is over.
    #[must_use]
    pub fn term(&self, member: MemberId) -> Option<Day> {
        self.terms.by_member.get(&self.resolve(member)).copied()
    }

    /// Terms whose last day is from `from` to `until`, soonest first.
    pub fn terms_ending(&self, from: Day, until: Day) -> impl Iterator<Item = (Day, MemberId)> {
        let rows = self.terms.ends.range((from, MemberId::new(0))..);
        rows.copied().take_while(move |(day, _)| *day <= until)
    }

    /// How many times a member takes part in an activity.
    #[must_use]
    pub fn parts(&self, activity: RuleId, member: MemberId) -> u32 {
        self.parts.of(activity, self.resolve(member))
    }

    /// Who takes part in an activity how many times, by id.
    pub fn participants(&self, activity: RuleId) -> impl Iterator<Item = (MemberId, u32)> {
        self.parts.all(activity)
    }

    /// A parameter of the scheme, if it was ever set.
    #[must_use]
    pub fn parameter(&self, parameter: ParameterId) -> Option<i64> {
        self.parameters.get(&parameter).copied()
    }

    /// All parameters that were ever set, by number.
    pub fn parameters(&self) -> impl Iterator<Item = (ParameterId, i64)> {
        self.parameters.iter().map(|(parameter, value)| (*parameter, *value))
    }

    /// The stores that somebody registered, and whether they do business.
    pub fn stores(&self) -> impl Iterator<Item = (StoreId, bool)> {
        self.registry.stores.iter().map(|(store, open)| (*store, *open))
    }

    /// The terminals that somebody registered: where they stand, and whether they may be used.
    pub fn terminals(&self) -> impl Iterator<Item = (TerminalId, StoreId, bool)> {
        let rows = self.registry.terminals.iter();
        rows.map(|(terminal, (store, open))| (*terminal, *store, *open))
    }

    pub(crate) fn card_id(&self, number: CardNumber) -> Option<CardId> {
        self.numbers
            .find(u128::from(number.value()), |place| {
                self.card_at(CardId::new(place)).is_some_and(|card| card.number == number)
            })
            .map(CardId::new)
    }

    #[inline]
    pub(crate) fn card_at(&self, card: CardId) -> Option<&Card> {
        self.cards.get(card.value() as usize)
    }

    pub(crate) fn refused(&self, command: &Command, rejection: Rejection) -> Outcome {
        match (rejection, self.replies.find(command.envelope.key)) {
            (Rejection::KeyUsed, Some(receipt)) => Outcome::Duplicate(receipt),
            (Rejection::KeyConflict, Some(receipt)) => Outcome::Conflict(receipt.seq),
            _ => Outcome::Rejected(rejection),
        }
    }
}

/// Two ledgers are equal when all that was folded from records is equal; rules, limits
/// and look-up tables do not count.
impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
            && self.at == other.at
            && self.members == other.members
            && self.names == other.names
            && self.cards == other.cards
            && self.lots == other.lots
            && self.holds == other.holds
            && self.hold_ends == other.hold_ends
            && self.tier_ends == other.tier_ends
            && self.orders == other.orders
            && self.sale_fields == other.sale_fields
            && self.terms == other.terms
            && self.parts == other.parts
            && self.registry == other.registry
            && self.reminded == other.reminded
            && self.sales == other.sales
            && self.books == other.books
            && self.actors == other.actors
            && self.parameters == other.parameters
            && self.fields == other.fields
            && self.places == other.places
            && self.voids == other.voids
            && self.volume == other.volume
            && self.replies == other.replies
    }
}

impl Eq for Ledger {}

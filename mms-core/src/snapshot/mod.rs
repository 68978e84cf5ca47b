//! Snapshots: the whole state as bytes, so that a recovery need not begin at the first frame.
//!
//! Equal states give equal bytes: rows stand in the order of their ids, what can be made anew
//! (lists, calendars, look-up tables) is left out. The layout stands in `docs/journal.md`.

mod fits;
mod rows;
mod sections;
#[cfg(test)]
mod tests;

use crate::account::Code;
use crate::ids::{
    At, Day, FieldId, HoldId, MemberId, MemberToken, OrderId, ParameterId, RuleId, SaleId, Seq,
    StoreId, TerminalId,
};
use crate::journal::{Chain, JournalPosition};
use crate::ledger::Ledger;
use crate::state::{Books, Hold, Index, Lots, Member, Order, Places, Replies, Sales};
use crate::wire::{Wire, append, wire_enum};
use alloc::vec::Vec;
use proto_wire::{ParseError, Timestamp};
use rows::{Actor, Answer, Row, put_hold, put_member, put_order};
use sections::{Sections, check_sections, put_pair, rare, section};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// `MMSN`.
const MAGIC: u32 = u32::from_le_bytes(*b"MMSN");
const FORMAT: u16 = 1;
const HEADER: usize = 128;
/// Where the header's own checksum stands; it covers all other bytes of the header.
const CHECK_AT: usize = 44;

wire_enum! {
    /// A part of a snapshot.
    pub enum Section: u16 {
        /// Time, sums and what else there is one of.
        Core = 1,
        /// Members, by id.
        Members = 2,
        /// Cards, by id.
        Cards = 3,
        /// Lots, by place; places that are free are empty.
        Lots = 4,
        /// Open holds, by id.
        Holds = 5,
        /// Sales that can still be returned, by id.
        Sales = 6,
        /// What these took from lots.
        Takings = 7,
        /// Lines of these.
        Lines = 8,
        /// What referrers got for these.
        Rewards = 9,
        /// Accounts of stores, by owner, code and asset.
        Accounts = 10,
        /// Actors and what they may do, by id.
        Actors = 11,
        /// Keys with their first answers, oldest first.
        Answers = 12,
        /// Parameters of the scheme, by number.
        Parameters = 13,
        /// Times of business at stores and terminals, by place; left out when there are none.
        Places = 14,
        /// Fields of members, by member and number; left out when there are none.
        Fields = 15,
        /// Parked orders, by id; left out when there are none.
        Orders = 16,
        /// How far each rule has reminded, by rule; left out when there are none.
        Reminders = 17,
        /// Stores that somebody registered, by id; left out when there are none.
        Stores = 18,
        /// Terminals, likewise.
        Terminals = 19,
        /// Fields of sales, by sale and number; left out when there are none.
        SaleFields = 20,
        /// Last days of terms, by member; left out when there are none.
        Terms = 21,
        /// Who took part in which activities, by activity and member; left out when there is nobody.
        Parts = 22,
        /// Times at which members, stores and terminals took goods off orders; left out when there are none.
        Voids = 23,
    }
}

/// What is wrong with a snapshot. The offset counts from its start.
pub type SnapshotError = ParseError<SnapshotErrorKind>;

/// What can be wrong with a snapshot. docs/journal.md lists the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum SnapshotErrorKind {
    /// The snapshot ends too early.
    #[error("the snapshot ends too early")]
    Truncated,
    /// There is more than the snapshot.
    #[error("something lies behind the snapshot")]
    Trailing,
    /// This is no snapshot.
    #[error("no snapshot begins here")]
    Magic,
    /// A newer crate wrote it. Nothing of it is read.
    #[error("the snapshot was written by a newer version")]
    Newer,
    /// The header's checksum does not match.
    #[error("the snapshot's header does not match its checksum")]
    HeaderCheck,
    /// A section is not where it should be, or its length is impossible.
    #[error("the snapshot's sections are out of order")]
    Order,
    /// A section's checksum does not match.
    #[error("the section {} of the snapshot does not match its checksum", .0.name())]
    Check(Section),
    /// The hash of the whole does not match.
    #[error("the snapshot does not match its hash")]
    Hash,
    /// A row is malformed, or speaks of something that does not exist.
    #[error("a row of the section {} makes no sense", .0.name())]
    Row(Section),
}

/// A snapshot whose checksums are right, read where it lies. docs/journal.md lists the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    header: Header,
    body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    body: u64,
    seq: Seq,
    position: JournalPosition,
    digest: Chain,
}

impl Ledger {
    /// The whole state as bytes, with the place in the journal behind which it was taken: every
    /// record of the ledger must be in a frame up to there.
    #[must_use]
    pub fn snapshot(&self, position: JournalPosition) -> Vec<u8> {
        let mut out = alloc::vec![0; HEADER];
        self.write_sections(&mut out);
        let body = out.get(HEADER..).unwrap_or_default();
        let header =
            Header { body: body.len() as u64, seq: self.seq, position, digest: digest_of(body) };
        header.write(&mut out);
        out
    }

    /// The SHA-256 of the state: two ledgers with the same one are equal. Linear in the size of
    /// the ledger.
    #[must_use]
    pub fn digest(&self) -> Chain {
        let mut out = Vec::new();
        self.write_sections(&mut out);
        digest_of(&out)
    }

    /// Takes the state of a snapshot in place of its own; limits and rules stay, except that
    /// the number of keys that are remembered is part of the state.
    ///
    /// # Errors
    ///
    /// The first row that makes no sense; nothing has changed.
    pub fn restore(&mut self, snapshot: Snapshot<'_>) -> Result<(), SnapshotError> {
        let mut from = Sections { body: snapshot.body };
        let core: Vec<Core> = from.all(Section::Core)?;
        let [core] = core.as_slice() else {
            return Err(wrong(Section::Core));
        };
        if core.seq != snapshot.header.seq {
            return Err(wrong(Section::Core));
        }
        let members: Vec<(MemberToken, Member)> = from.all(Section::Members)?;
        let cards = from.all(Section::Cards)?;
        let arena = from.all(Section::Lots)?;
        let holds: Vec<(HoldId, Hold)> = from.rising(Section::Holds)?;
        let mut sales = Sales::new();
        (sales.allocs.base, sales.lines.base) = (core.takings, core.lines);
        sales.rewards.base = core.rewards;
        sales.restore_rows(from.all(Section::Sales)?);
        sales.allocs.items = from.all(Section::Takings)?.into();
        sales.lines.items = from.all(Section::Lines)?.into();
        sales.rewards.items = from.all(Section::Rewards)?.into();
        let books = Books::from_rows(from.all(Section::Accounts)?);
        let actors: Vec<Actor> = from.rising(Section::Actors)?;
        let answers: Vec<Answer> = from.all(Section::Answers)?;
        let parameters: Vec<(ParameterId, i64)> = from.rising(Section::Parameters)?;
        let places =
            if from.next_is(Section::Places) { from.all(Section::Places)? } else { Vec::new() };
        let places = Places::from_rows(places).ok_or_else(|| wrong(Section::Places))?;
        let fields: Vec<((MemberId, FieldId), i64)> = from.keyed(Section::Fields)?;
        let orders: Vec<(OrderId, Order)> = from.keyed(Section::Orders)?;
        let reminded: Vec<(RuleId, (Day, u32))> = from.keyed(Section::Reminders)?;
        let stores: Vec<(StoreId, bool)> = from.keyed(Section::Stores)?;
        let terminals: Vec<(TerminalId, (StoreId, bool))> = from.keyed(Section::Terminals)?;
        let sale_fields: Vec<((SaleId, FieldId), i64)> = from.keyed(Section::SaleFields)?;
        let terms: Vec<(MemberId, Day)> = from.keyed(Section::Terms)?;
        if terms.iter().any(|(_, until)| *until == Day::NEVER) {
            return Err(wrong(Section::Terms));
        }
        let parts: Vec<((RuleId, MemberId), u32)> = from.keyed(Section::Parts)?;
        let voids =
            if from.next_is(Section::Voids) { from.all(Section::Voids)? } else { Vec::new() };
        let voids = Places::from_rows(voids).ok_or_else(|| wrong(Section::Voids))?;
        if parts.iter().any(|(_, times)| *times == 0) {
            return Err(wrong(Section::Parts));
        }
        if !from.body.is_empty() {
            return Err(SnapshotError::new(SnapshotErrorKind::Order, HEADER));
        }
        let mut ledger = self.emptied(core.keys_max);
        ledger.names = members.iter().map(|(token, _)| *token).collect();
        ledger.members.reserve_exact(members.len());
        ledger.members.extend(members.into_iter().map(|(_, member)| member));
        let (lots, heads) = Lots::rebuild(arena, |member| ledger.resolve(member));
        (ledger.seq, ledger.volume) = (core.seq, core.volume);
        ledger.at = At::new(core.time, core.day);
        (ledger.cards, ledger.lots) = (cards, lots);
        for (member, head) in heads {
            let row = ledger.members.get_mut(member.value() as usize);
            row.ok_or_else(|| wrong(Section::Lots))?.lots = Some(head).into();
        }
        // Of two with one name only the first would ever be found.
        for (token, id) in ledger.names.iter().zip(0_u32..) {
            if token.value() != 0 {
                let same = |place| ledger.token(MemberId::new(place)) == Some(*token);
                if ledger.tokens.find(token.value(), same).is_some() {
                    return Err(wrong(Section::Members));
                }
                ledger.tokens.insert(token.value(), id);
            }
        }
        for (member, id) in ledger.members.iter().zip(0_u32..) {
            if member.tier_until != Day::NEVER {
                ledger.tier_ends.insert((member.tier_until, MemberId::new(id)));
            }
        }
        for (card, id) in ledger.cards.iter().zip(0_u32..) {
            if ledger.card_id(card.number).is_some() {
                return Err(wrong(Section::Cards));
            }
            ledger.numbers.insert(u128::from(card.number.value()), id);
        }
        for (id, hold) in holds {
            ledger.hold_ends.insert((hold.until, id));
            ledger.holds.insert(id, hold);
        }
        for (id, order) in orders {
            ledger.orders.park(id, order);
        }
        ledger.reminded.extend(reminded);
        ledger.sale_fields.extend(sale_fields);
        terms.into_iter().for_each(|(member, until)| ledger.terms.set(member, until));
        parts.into_iter().for_each(|((of, member), times)| ledger.parts.set(of, member, times));
        ledger.registry.stores.extend(stores);
        ledger.registry.terminals.extend(terminals);
        ledger.sales = sales;
        ledger.books = books.ok_or_else(|| wrong(Section::Accounts))?;
        for (account, amount) in ledger.books.all() {
            if account.code() == Code::CouponsIssued {
                let issued = ledger.issued.entry(account.asset()).or_insert(0_i64);
                *issued = issued.saturating_add(amount);
            }
        }
        ledger.actors.extend(actors);
        ledger.parameters.extend(parameters);
        for ((member, field), value) in fields {
            ledger.fields.insert(member, field, value);
        }
        (ledger.places, ledger.voids) = (places, voids);
        if answers.len() > core.keys_max as usize {
            return Err(wrong(Section::Answers));
        }
        for (key, digest, receipt) in answers {
            // A key may stand there twice: whoever wrote the journal may have forgotten it sooner.
            if key.value() == 0 || receipt.seq > core.seq {
                return Err(wrong(Section::Answers));
            }
            ledger.replies.push(key, digest, &receipt);
        }
        ledger.refer_lots();
        ledger.look_ahead();
        ledger.fits_together()?;
        *self = ledger;
        Ok(())
    }

    fn write_sections(&self, out: &mut Vec<u8>) {
        let core = Core {
            seq: self.seq,
            time: self.at.time,
            day: self.at.day,
            keys_max: self.replies.max(),
            volume: self.volume,
            takings: self.sales.allocs.base,
            lines: self.sales.lines.base,
            rewards: self.sales.rewards.base,
        };
        section(out, Section::Core, [core].iter(), Row::put_row);
        let members = self.names.iter().zip(&self.members);
        section(out, Section::Members, members, |(token, row), out| put_member(*token, row, out));
        section(out, Section::Cards, self.cards.iter(), Row::put_row);
        section(out, Section::Lots, self.lots.places(), |(_, lot), out| lot.put_row(out));
        section(out, Section::Holds, self.holds.iter(), |(id, hold), out| put_hold(*id, hold, out));
        section(out, Section::Sales, self.sales.all(), |sale, out| sale.put_row(out));
        section(out, Section::Takings, self.sales.allocs.items.iter(), Row::put_row);
        section(out, Section::Lines, self.sales.lines.items.iter(), Row::put_row);
        section(out, Section::Rewards, self.sales.rewards.items.iter(), Row::put_row);
        section(out, Section::Accounts, self.books.rows().iter(), Row::put_row);
        let actors = self.actors.iter().map(|(actor, may)| (*actor, *may));
        section(out, Section::Actors, actors, |actor: Actor, out| actor.put_row(out));
        section(out, Section::Answers, self.replies.rows(), |answer: Answer, out| {
            answer.put_row(out);
        });
        let parameters = self.parameters.iter().map(|(parameter, value)| (*parameter, *value));
        section(out, Section::Parameters, parameters, |row: (ParameterId, i64), out| {
            row.put_row(out);
        });
        // These are left out when there are none.
        rare(out, Section::Places, self.places.rows(), rows::put_place);
        rare(out, Section::Fields, self.fields.rows().iter(), put_pair);
        let orders = self.orders.open.iter();
        rare(out, Section::Orders, orders, |(id, order), out| put_order(*id, order, out));
        rare(out, Section::Reminders, self.reminded.iter(), put_pair);
        rare(out, Section::Stores, self.registry.stores.iter(), put_pair);
        rare(out, Section::Terminals, self.registry.terminals.iter(), put_pair);
        rare(out, Section::SaleFields, self.sale_fields.iter(), put_pair);
        rare(out, Section::Terms, self.terms.by_member.iter(), put_pair);
        rare(out, Section::Parts, self.parts.times.iter(), put_pair);
        rare(out, Section::Voids, self.voids.rows(), rows::put_place);
    }

    /// Without any state, remembering so many keys.
    fn emptied(&self, keys_max: u32) -> Self {
        Self {
            limits: self.limits,
            program: self.program.clone(),
            seq: Seq::new(0),
            at: At::new(Timestamp::from_unix_micros(i64::MIN), Day::FIRST),
            members: Vec::new(),
            names: Vec::new(),
            tokens: Index::new(self.tokens.secret()),
            cards: Vec::new(),
            numbers: Index::new(self.numbers.secret()),
            lots: Lots::default(),
            holds: Default::default(),
            tier_ends: Default::default(),
            hold_ends: Default::default(),
            orders: Default::default(),
            reminded: Default::default(),
            sale_fields: Default::default(),
            terms: Default::default(),
            parts: Default::default(),
            registry: Default::default(),
            sales: Sales::new(),
            books: Books::default(),
            replies: Replies::new(keys_max, self.replies.secret()),
            actors: Default::default(),
            parameters: Default::default(),
            fields: Default::default(),
            card_ends: None,
            places: Places::default(),
            voids: Places::default(),
            issued: Default::default(),
            volume: 0,
            draft: None,
        }
    }

    /// Counts for each lot the sales that can be returned to it.
    fn refer_lots(&mut self) {
        for alloc in &self.sales.allocs.items {
            self.lots.refer(alloc.lot);
        }
        for lot in self.sales.rewards.items.iter().filter_map(|reward| reward.lot) {
            self.lots.refer(lot);
        }
        for sale in self.sales.all() {
            sale.kept_lots().for_each(|lot| self.lots.refer(lot));
        }
    }
}

impl<'a> Snapshot<'a> {
    /// Checks a snapshot from end to end.
    ///
    /// # Errors
    ///
    /// What is wrong first: with the header, with a section (which is named), with the whole.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SnapshotError> {
        let header = Header::parse(bytes)?;
        let body = bytes.get(HEADER..).unwrap_or_default();
        let fail = |kind| Err(SnapshotError::new(kind, bytes.len()));
        match header.body.cmp(&(body.len() as u64)) {
            core::cmp::Ordering::Greater => return fail(SnapshotErrorKind::Truncated),
            core::cmp::Ordering::Less => return fail(SnapshotErrorKind::Trailing),
            core::cmp::Ordering::Equal => {}
        }
        check_sections(body)?;
        if digest_of(body) != header.digest {
            return Err(SnapshotError::new(SnapshotErrorKind::Hash, 96));
        }
        Ok(Self { header, body })
    }

    /// The number of the newest record in it.
    #[must_use]
    pub const fn seq(self) -> Seq {
        self.header.seq
    }

    /// The frame behind which it was taken.
    #[must_use]
    pub const fn position(self) -> JournalPosition {
        self.header.position
    }

    /// The SHA-256 of the state: what [`Ledger::digest`] gives.
    #[must_use]
    pub const fn digest(self) -> Chain {
        self.header.digest
    }

    /// The sections: which, how many rows, how many bytes.
    pub fn sections(self) -> impl Iterator<Item = (Section, u64, usize)> + 'a {
        let mut left = Sections { body: self.body };
        core::iter::from_fn(move || {
            let found = left.next_section().ok()??;
            Some((found.tag, found.count, found.rows.len()))
        })
    }
}

/// What there is one of.
#[derive(Clone, Copy)]
struct Core {
    seq: Seq,
    time: Timestamp,
    day: Day,
    keys_max: u32,
    volume: u64,
    /// The numbers of the first taking and the first line that are kept.
    takings: u64,
    lines: u64,
    rewards: u64,
}

impl Row for Core {
    fn put_row(&self, out: &mut Vec<u8>) {
        append((self.seq, self.time), out);
        append((self.day, self.keys_max), out);
        append((self.volume, (self.takings, (self.lines, self.rewards))), out);
    }

    fn take_row(from: &mut &[u8]) -> Option<Self> {
        let (seq, time) = Wire::take(from)?;
        let (day, keys_max) = Wire::take(from)?;
        let (volume, (takings, (lines, rewards))) = Wire::take(from)?;
        Some(Self { seq, time, day, keys_max, volume, takings, lines, rewards })
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let fail = |kind, offset| Err(SnapshotError::new(kind, offset));
        if !MAGIC.to_le_bytes().starts_with(bytes.get(..bytes.len().min(4)).unwrap_or_default()) {
            return fail(SnapshotErrorKind::Magic, 0);
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return fail(SnapshotErrorKind::Truncated, bytes.len());
        };
        let mut format = header.get(4..).unwrap_or_default();
        // The layout behind the format is the format's own.
        if u16::take(&mut format).is_some_and(|format| format > FORMAT) {
            return fail(SnapshotErrorKind::Newer, 4);
        }
        let mut check = header.get(CHECK_AT..).unwrap_or_default();
        if Some(check_of(header)) != u32::take(&mut check) {
            return fail(SnapshotErrorKind::HeaderCheck, CHECK_AT);
        }
        Self::fields(header).ok_or_else(|| SnapshotError::new(SnapshotErrorKind::Newer, 4))
    }

    fn fields(header: &[u8]) -> Option<Self> {
        let from = &mut { header };
        let _magic = u32::take(from)?;
        let format = u16::take(from)?;
        let reserved = u16::take(from)?;
        let body = u64::take(from)?;
        let seq = Seq::take(from)?;
        let frame = u64::take(from)?;
        let epoch = u32::take(from)?;
        let padding = u64::take(from)?;
        let _check = u32::take(from)?;
        let rest = u128::take(from)?;
        let chain = Chain::take(from)?;
        let digest = Chain::take(from)?;
        let sound = format == FORMAT && reserved == 0 && padding == 0 && rest == 0;
        let position = JournalPosition::new(frame, chain, epoch);
        sound.then_some(Self { body, seq, position, digest })
    }

    fn write(&self, bytes: &mut [u8]) {
        let Some(header) = bytes.first_chunk_mut::<HEADER>() else {
            return;
        };
        let at = &mut header.as_mut_slice();
        MAGIC.put(at);
        FORMAT.put(at);
        0_u16.put(at);
        self.body.put(at);
        self.seq.put(at);
        self.position.frame.put(at);
        self.position.epoch.put(at);
        0_u64.put(at);
        0_u32.put(at);
        0_u128.put(at);
        self.position.chain.put(at);
        self.digest.put(at);
        let check = check_of(header);
        check.put(&mut header.get_mut(CHECK_AT..).unwrap_or_default());
    }
}

fn wrong(section: Section) -> SnapshotError {
    SnapshotError::new(SnapshotErrorKind::Row(section), HEADER)
}

fn digest_of(body: &[u8]) -> Chain {
    Chain::new(Sha256::digest(body).into())
}

/// The CRC-32 of the header without the four bytes that hold it.
fn check_of(header: &[u8; HEADER]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header.get(..CHECK_AT).unwrap_or_default());
    hasher.update(header.get(CHECK_AT.saturating_add(4)..).unwrap_or_default());
    hasher.finalize()
}

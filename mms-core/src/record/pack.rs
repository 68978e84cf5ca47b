//! Numbers in as many bytes as they need: how records of version 2 are written and read.
//!
//! A field is made a number that is small when it says little ([`Packing`]); the number stands in
//! its lowest bytes, none for zero. How many, stands in front: half a byte for each of up to
//! [`BLOCK`] fields. Since the sizes are known before the fields, a reader does not go from byte to
//! byte, and since a record's check stands behind everything, it can always take eight bytes and
//! leave those that are too many. Every number has one encoding: its highest byte is not zero.

use super::Head;
use crate::account::{Account, Code, MONEY, POINTS, Posting};
use crate::ids::AssetId;
use crate::wire::{Packing, Wire};
use alloc::vec::Vec;

/// So many fields share the sizes in front of them; the rest have theirs behind these.
pub(super) const BLOCK: usize = 14;

/// The bits of so many bytes, and the least number that needs them; no number has more than eight.
const SIZES: [(u64, u64); 16] = [
    (0, 0),
    (0xff, 1),
    (0xffff, 0x100),
    (0xff_ffff, 0x1_0000),
    (0xffff_ffff, 0x100_0000),
    (0xff_ffff_ffff, 0x1_0000_0000),
    (0xffff_ffff_ffff, 0x100_0000_0000),
    (0xff_ffff_ffff_ffff, 0x1_0000_0000_0000),
    (u64::MAX, 0x100_0000_0000_0000),
    (0, u64::MAX),
    (0, u64::MAX),
    (0, u64::MAX),
    (0, u64::MAX),
    (0, u64::MAX),
    (0, u64::MAX),
    (0, u64::MAX),
];

/// What fields of a record are told apart from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usual {
    member: u32,
    store: u32,
    actor: u32,
}

impl Usual {
    #[inline]
    pub(super) fn of(head: &Head) -> Self {
        let member = head.member.map_or(u32::MAX, crate::ids::MemberId::value);
        Self { member, store: head.store.value(), actor: head.actor.value() }
    }

    /// Nothing is usual in a head.
    pub(super) const NONE: Self = Self { member: 0, store: 0, actor: 0 };

    const fn owner(self, code: Code) -> u32 {
        if code.is_member() {
            self.member
        } else if code.is_staff() {
            self.actor
        } else {
            self.store
        }
    }
}

/// How many numbers a field is.
pub(super) const fn words<T: Wire>() -> usize {
    if T::SIZE > 8 { 2 } else { 1 }
}

/// How many bytes hold the sizes of the first of so many fields.
const fn sizes_of_block(fields: usize) -> usize {
    let block = if fields < BLOCK { fields } else { BLOCK };
    block.div_ceil(2)
}

#[inline]
const fn bytes_of(word: u64) -> usize {
    (71_u32.wrapping_sub(word.leading_zeros()) >> 3) as usize
}

#[inline]
fn zigzag(value: i64) -> u64 {
    u64::from_le_bytes(((value << 1) ^ (value >> 63)).to_le_bytes())
}

#[inline]
pub(super) fn unzigzag(word: u64) -> i64 {
    i64::from_le_bytes(((word >> 1) ^ (word & 1).wrapping_neg()).to_le_bytes())
}

/// The bits that a value of this type has in a record of version 1.
#[inline]
fn raw<T: Wire>(value: T) -> u64 {
    let mut bytes = [0_u8; 8];
    value.put(&mut bytes.as_mut_slice());
    u64::from_le_bytes(bytes)
}

/// The value with these bits.
#[inline(always)]
fn value<T: Wire>(raw: u64) -> Option<T> {
    let (mask, _) = SIZES.get(T::SIZE).copied()?;
    if raw & !mask != 0 {
        return None;
    }
    let bytes = raw.to_le_bytes();
    T::take(&mut bytes.get(..T::SIZE)?)
}

/// Bits of a number with a sign, of four or eight bytes.
#[inline(always)]
fn extend<T: Wire>(raw: u64) -> i64 {
    let value = i64::from_le_bytes(raw.to_le_bytes());
    if T::SIZE == 4 { (value << 32) >> 32 } else { value }
}

#[inline]
pub(super) fn pack<T: Wire>(field: T, usual: &Usual) -> u64 {
    let bits = raw(field);
    let (mask, _) = SIZES.get(T::SIZE).copied().unwrap_or_default();
    match T::PACKING {
        Packing::Plain => bits,
        Packing::Signed => zigzag(extend::<T>(bits)),
        Packing::Optional => bits.wrapping_add(1) & mask,
        Packing::Member => bits ^ u64::from(usual.member),
        Packing::Store => bits ^ u64::from(usual.store),
        Packing::Day => match extend::<T>(bits) {
            NEVER => 0,
            day => zigzag(day).saturating_add(1),
        },
    }
}

const NEVER: i64 = i32::MAX as i64;

#[inline(always)]
pub(super) fn unpack<T: Wire>(word: u64, usual: &Usual) -> Option<T> {
    let (mask, _) = SIZES.get(T::SIZE).copied().unwrap_or_default();
    let signed = |number: i64| {
        // As many bits as the type has, and the number is within it.
        let bits = u64::from_le_bytes(number.to_le_bytes()) & mask;
        (extend::<T>(bits) == number).then_some(bits)
    };
    let bits = match T::PACKING {
        Packing::Plain => word,
        Packing::Signed => signed(unzigzag(word))?,
        Packing::Optional if word > mask => return None,
        Packing::Optional => word.wrapping_sub(1) & mask,
        Packing::Member => word ^ u64::from(usual.member),
        Packing::Store => word ^ u64::from(usual.store),
        Packing::Day => match word.checked_sub(1).map(unzigzag) {
            None => NEVER.unsigned_abs(),
            Some(NEVER) => return None,
            Some(day) => signed(day)?,
        },
    };
    value(bits)
}

/// Eight bytes from `at`; zeros where there are no eight.
#[inline]
pub(super) fn load(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Reads packed numbers. `bytes` has eight more behind `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unpack<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
}

/// The fields of one tuple of `COUNT` numbers.
pub(super) struct Fields<'a, const COUNT: usize> {
    bytes: &'a [u8],
    at: usize,
    sizes: u64,
    read: usize,
    strange: bool,
}

impl<'a> Unpack<'a> {
    #[inline]
    pub(super) fn fields<const COUNT: usize>(&self, at: usize) -> Fields<'a, COUNT> {
        let mut fields = Fields { bytes: self.bytes, at, sizes: 0, read: 0, strange: false };
        fields.block();
        fields
    }

    /// Goes on behind these fields, when they are as they must be.
    #[inline]
    pub(super) fn behind<const COUNT: usize>(&mut self, fields: &Fields<'a, COUNT>) -> Option<()> {
        self.at = fields.at;
        (!fields.strange && fields.at <= self.end).then_some(())
    }

    /// One posting.
    #[inline]
    pub(super) fn posting(&mut self, usual: &Usual) -> Option<Posting> {
        let first = load(self.bytes, self.at);
        let size = ((first & 7) as usize).saturating_add(1);
        let code = u16::try_from((first >> 8) & 0xff | (first << 2) & 0x300).ok()?;
        let code = Code::from_number(code)?;
        let mut at = self.at.wrapping_add(2);
        let mut owner = usual.owner(code);
        if first & 8 != 0 {
            let other = u32::try_from(load(self.bytes, at) & 0xffff_ffff).ok()?;
            if core::mem::replace(&mut owner, other) == other {
                return None;
            }
            at = at.wrapping_add(4);
        }
        let asset = match (first >> 4) & 3 {
            1 => MONEY,
            2 => POINTS,
            0 => {
                let asset = u16::try_from(load(self.bytes, at) & 0xffff).ok()?;
                at = at.wrapping_add(2);
                match AssetId::new(asset) {
                    MONEY | POINTS => return None,
                    other => other,
                }
            }
            _ => return None,
        };
        let (mask, least) = SIZES.get(size).copied().unwrap_or_default();
        let amount = load(self.bytes, at) & mask;
        self.at = at.wrapping_add(size);
        if (amount < least && size > 1) || self.at > self.end {
            return None;
        }
        Some(Posting::new(Account::raw(owner, code, asset), unzigzag(amount)))
    }
}

impl<const COUNT: usize> Fields<'_, COUNT> {
    /// Reads the sizes of the fields that come next.
    #[inline]
    fn block(&mut self) {
        let fields = COUNT.saturating_sub(self.read);
        let size = sizes_of_block(fields);
        let (mask, _) = SIZES.get(size).copied().unwrap_or_default();
        self.sizes = load(self.bytes, self.at) & mask;
        self.at = self.at.wrapping_add(size);
        // Half a byte is left when their number is odd.
        if fields < BLOCK && fields % 2 != 0 {
            self.strange |= self.sizes >> (fields & 15).wrapping_mul(4) != 0;
        }
    }

    #[inline(always)]
    pub(super) fn word(&mut self) -> u64 {
        if self.read != 0 && self.read % BLOCK == 0 {
            self.block();
        }
        self.read = self.read.wrapping_add(1);
        let size = (self.sizes & 15) as usize;
        self.sizes >>= 4;
        let (mask, least) = SIZES.get(size).copied().unwrap_or_default();
        let word = load(self.bytes, self.at) & mask;
        self.strange |= word < least;
        self.at = self.at.wrapping_add(size);
        word
    }

    #[inline(always)]
    pub(super) fn take<T: Wire>(&mut self, usual: &Usual) -> Option<T> {
        if words::<T>() == 1 {
            return unpack(self.word(), usual);
        }
        let (low, high) = (self.word(), self.word());
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        T::take(&mut bytes.as_slice())
    }
}

/// Bytes that are put together at a time: a power of two, so that a mask keeps every place within.
const ROOM: usize = 1024;
/// No posting and no fact takes more.
const STEP: usize = 256;

/// Where records are put together; used again and again.
#[derive(Debug)]
pub(crate) struct Room {
    /// Eight bytes more than are ever used: numbers are stored whole, and what is too much is
    /// written over.
    bytes: [u8; ROOM + 8],
    /// What of a long record did not fit.
    spilled: Vec<u8>,
}

impl Room {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ROOM + 8], spilled: Vec::new() }
    }
}

/// A place between what was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    at: usize,
    /// Bytes before it in all.
    pub(super) before: usize,
}

/// Writes packed numbers.
pub(super) struct Pack<'a> {
    room: &'a mut Room,
    at: usize,
}

/// Puts the numbers of a field into the tuple from place `n` on, and gives the place behind them.
#[inline]
pub(super) fn spread<T: Wire, const COUNT: usize>(
    field: T,
    usual: &Usual,
    tuple: &mut [u64; COUNT],
    n: usize,
) -> usize {
    let mut set = |n: usize, word| {
        if let Some(to) = tuple.get_mut(n) {
            *to = word;
        }
        n.wrapping_add(1)
    };
    if words::<T>() == 1 {
        return set(n, pack(field, usual));
    }
    let mut bytes = [0_u8; 16];
    field.put(&mut bytes.as_mut_slice());
    let n = set(n, load(&bytes, 0));
    set(n, load(&bytes, 8))
}

impl<'a> Pack<'a> {
    #[inline]
    pub(super) fn new(room: &'a mut Room) -> Self {
        room.spilled.clear();
        Self { room, at: 0 }
    }

    /// How many bytes were written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.room.spilled.len().wrapping_add(self.at)
    }

    /// A place to tell what was written before from what comes behind, which is one step.
    #[inline]
    pub(super) fn mark(&mut self) -> Mark {
        self.step();
        Mark { at: self.at, before: self.len() }
    }

    /// Appends what was written behind a mark, with these first four bytes, then what was written
    /// before it.
    #[inline]
    pub(super) fn append(&self, mark: Mark, first: u32, out: &mut Vec<u8>) {
        let (before, behind) = self.room.bytes.split_at(mark.at & (ROOM - 1));
        let behind = behind.get(..self.at.saturating_sub(mark.at)).unwrap_or_default();
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(behind.get(4..).unwrap_or_default());
        if !self.room.spilled.is_empty() {
            out.extend_from_slice(&self.room.spilled);
        }
        out.extend_from_slice(before);
    }

    /// Makes sure that there is room for a fact or a posting.
    #[inline]
    pub(super) fn step(&mut self) {
        if self.at > ROOM - STEP {
            self.spill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        let bytes = self.room.bytes.get(..self.at).unwrap_or_default();
        self.room.spilled.extend_from_slice(bytes);
        self.at = 0;
    }

    /// The lowest bytes of a number.
    #[inline]
    pub(super) fn store(&mut self, word: u64, size: usize) {
        let at = self.at & (ROOM - 1);
        if let Some(eight) = self.room.bytes.get_mut(at..).and_then(|bytes| bytes.first_chunk_mut())
        {
            *eight = word.to_le_bytes();
        }
        self.at = self.at.wrapping_add(size);
    }

    /// Numbers with their sizes in front.
    #[inline]
    pub(super) fn tuple<const COUNT: usize>(&mut self, words: &[u64; COUNT]) {
        for block in words.chunks(BLOCK) {
            let mut sizes: u64 = 0;
            for word in block.iter().rev() {
                sizes = (sizes << 4) | bytes_of(*word) as u64;
            }
            self.store(sizes, block.len().div_ceil(2));
            for word in block {
                self.store(*word, (sizes & 15) as usize);
                sizes >>= 4;
            }
        }
    }

    #[inline]
    pub(super) fn posting(&mut self, posting: Posting, usual: &Usual) {
        self.step();
        let (code, asset) = (posting.account.code(), posting.account.asset());
        let amount = zigzag(posting.amount);
        let size = bytes_of(amount).max(1);
        let number = u64::from(code.number());
        let kind = match asset {
            MONEY => 0x10,
            POINTS => 0x20,
            _ => 0,
        };
        let owner = posting.account.index();
        let other = owner != usual.owner(code);
        let first = size.wrapping_sub(1) as u64 | u64::from(other) << 3 | kind | (number >> 8) << 6;
        self.store(first | (number & 0xff) << 8, 2);
        if other {
            self.store(owner.into(), 4);
        }
        if kind == 0 {
            self.store(asset.value().into(), 2);
        }
        self.store(amount, size);
    }
}

//! How the numbers of a record of version 2 are written and read.
//!
//! Every fact and every posting has one of three shapes, in which numbers of eight bytes take two,
//! four or all eight: the shortest that they all fit into. Within a shape every field has its place,
//! so that writing and reading go by places that the compiler knows, and look once whether there is
//! room. Every fact and every posting has one encoding.

use super::Head;
use crate::account::{Account, Code, MONEY, POINTS, Posting};
use crate::ids::AssetId;
use crate::wire::{Packing, Wire};

/// So far apart stand the numbers of a fact's three shapes: no tag is as great.
pub(super) const SHAPE: u8 = 80;
/// No posting takes more bytes.
pub(super) const POSTING_MAX: usize = 16;

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

    #[inline]
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

/// Bytes of a field in the shape in which those of eight take `wide`.
#[inline(always)]
pub(super) const fn width<T: Wire>(wide: usize) -> usize {
    if T::SIZE == 8 { wide } else { T::SIZE }
}

/// How far a number that is packed reaches: what fits into two bytes has no bit from the 17th on.
/// Only fields of eight bytes reach anywhere.
#[inline(always)]
pub(super) fn reach<T: Wire>(field: T, usual: &Usual) -> u64 {
    if T::SIZE == 8 { above::<T>(pack(field, usual), 1 << 15) } else { 0 }
}

/// The same for four bytes: then there is no bit from the 33rd on.
#[inline(always)]
pub(super) fn far_reach<T: Wire>(field: T, usual: &Usual) -> u64 {
    if T::SIZE == 8 { above::<T>(pack(field, usual), 1 << 31) } else { 0 }
}

/// A number without a sign for one that has a sign: as great as their half is zero.
#[inline(always)]
fn above<T: Wire>(word: u64, half: u64) -> u64 {
    match T::PACKING {
        _ if T::SIZE != 8 => 0,
        Packing::Signed => word.wrapping_add(half),
        _ => word,
    }
}

/// All bits that a field of no more than eight bytes can have.
const fn mask<T: Wire>() -> u64 {
    match T::SIZE {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    }
}

/// The number that a field becomes.
#[inline(always)]
fn pack<T: Wire>(field: T, usual: &Usual) -> u64 {
    let mut bytes = [0_u8; 8];
    field.put(&mut bytes.as_mut_slice());
    let bits = u64::from_le_bytes(bytes);
    match T::PACKING {
        Packing::Plain | Packing::Signed | Packing::Day => bits,
        Packing::Optional => bits.wrapping_add(1) & mask::<T>(),
        Packing::Member => bits ^ u64::from(usual.member),
        Packing::Store => bits ^ u64::from(usual.store),
    }
}

/// Writes a field in the shape of width `W`.
#[inline(always)]
pub(super) fn put<T: Wire, const W: usize>(field: T, usual: &Usual, out: &mut &mut [u8]) {
    if T::SIZE > 8 {
        field.put(out);
        return;
    }
    let bytes = pack(field, usual).to_le_bytes();
    let bytes = bytes.get(..width::<T>(W)).unwrap_or_default();
    if let Some((to, rest)) = core::mem::take(out).split_at_mut_checked(bytes.len()) {
        to.copy_from_slice(bytes);
        *out = rest;
    }
}

/// Reads a field in the shape of width `W`, and adds to `reach` how far it would in the shape before.
#[inline(always)]
pub(super) fn take<T: Wire, const W: usize>(
    from: &mut &[u8],
    usual: &Usual,
    reach: &mut u64,
) -> Option<T> {
    if T::SIZE > 8 {
        return T::take(from);
    }
    let (head, rest) = from.split_at_checked(width::<T>(W))?;
    *from = rest;
    let mut bytes = [0_u8; 8];
    bytes.get_mut(..head.len())?.copy_from_slice(head);
    let mut word = u64::from_le_bytes(bytes);
    if T::SIZE == 8 && T::PACKING == Packing::Signed {
        word = extend(word, W);
    }
    *reach |= above::<T>(word, if W == 8 { 1 << 31 } else { 1 << 15 });
    let bits = match T::PACKING {
        Packing::Plain | Packing::Signed | Packing::Day => word,
        Packing::Optional => word.wrapping_sub(1) & mask::<T>(),
        Packing::Member => word ^ u64::from(usual.member),
        Packing::Store => word ^ u64::from(usual.store),
    };
    T::take(&mut bits.to_le_bytes().get(..T::SIZE)?)
}

/// What the lowest bytes of a number with a sign say.
#[inline(always)]
fn extend(word: u64, size: usize) -> u64 {
    let above = 64_u32.wrapping_sub((size as u32).wrapping_mul(8));
    let value = i64::from_le_bytes(word.wrapping_shl(above).to_le_bytes());
    u64::from_le_bytes(value.wrapping_shr(above).to_le_bytes())
}

/// Reads facts and postings. Behind `end` stand the eight bytes of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unpack<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
}

const OTHER_OWNER: u16 = 1 << 12;

impl<'a> Unpack<'a> {
    /// The shape and the tag of the fact that comes next, and what stands behind them.
    #[inline(always)]
    pub(super) fn fact(&self) -> Option<(u8, u8, &'a [u8])> {
        let (first, rest) = self.bytes.get(self.at..self.end)?.split_first()?;
        let shape = u8::from(*first >= SHAPE).wrapping_add(u8::from(*first >= 2 * SHAPE));
        Some((shape, first.wrapping_sub(shape.wrapping_mul(SHAPE)), rest))
    }

    /// Goes on behind a fact whose fields have so many bytes.
    #[inline(always)]
    pub(super) const fn behind(&mut self, size: usize) {
        self.at = self.at.wrapping_add(size).wrapping_add(1);
    }

    /// One posting.
    #[inline]
    pub(super) fn posting(&mut self, usual: &Usual) -> Option<Posting> {
        let bytes = self.bytes.get(self.at..self.end)?.first_chunk::<4>()?;
        let [low, high, amount @ ..] = *bytes;
        let first = u16::from_le_bytes([low, high]);
        let code = Code::from_number(first & 0x3ff)?;
        let asset = match first >> 10 {
            1 => MONEY,
            2 => POINTS,
            _ => return self.long_posting(first, code, usual),
        };
        // Most say no more than this.
        self.at = self.at.wrapping_add(4);
        let account = Account::raw(usual.owner(code), code, asset);
        Some(Posting::new(account, i16::from_le_bytes(amount).into()))
    }

    /// One with an amount of more than two bytes, or with owner or asset.
    fn long_posting(&mut self, first: u16, code: Code, usual: &Usual) -> Option<Posting> {
        let shape = first >> 13;
        let size = 2_usize.wrapping_shl(shape.into());
        let (_, left) = self.bytes.get(self.at..self.end)?.split_at_checked(2)?;
        let (amount, mut left) = left.split_at_checked(size)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..size)?.copy_from_slice(amount);
        let word = extend(u64::from_le_bytes(bytes), size);
        let narrower = match shape {
            0 => 1,
            1 => word.wrapping_add(1 << 15) >> 16,
            _ => word.wrapping_add(1 << 31) >> 32,
        };
        if narrower == 0 {
            return None;
        }
        let mut owner = usual.owner(code);
        if first & OTHER_OWNER != 0 {
            let other = u32::take(&mut left)?;
            if core::mem::replace(&mut owner, other) == other {
                return None;
            }
        }
        let asset = match first >> 10 & 3 {
            1 => MONEY,
            2 => POINTS,
            0 => AssetId::take(&mut left).filter(|asset| !matches!(*asset, MONEY | POINTS))?,
            _ => return None,
        };
        self.at = self.end.wrapping_sub(left.len());
        let amount = i64::from_le_bytes(word.to_le_bytes());
        Some(Posting::new(Account::raw(owner, code, asset), amount))
    }
}

/// Writes facts and postings where there is room for the widest of each.
pub(super) struct Pack<'a> {
    pub(super) out: &'a mut [u8],
    pub(super) at: usize,
}

impl Pack<'_> {
    /// Room for `N` bytes; `None` when whoever made the room was wrong.
    #[inline(always)]
    pub(super) fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.out.get_mut(self.at..)?.first_chunk_mut()
    }

    /// So many of them were used.
    #[inline(always)]
    pub(super) const fn used(&mut self, size: usize) {
        self.at = self.at.wrapping_add(size);
    }

    #[inline]
    pub(super) fn posting(&mut self, posting: Posting, usual: &Usual) {
        let (code, asset) = (posting.account.code(), posting.account.asset());
        let word = u64::from_le_bytes(posting.amount.to_le_bytes());
        let kind = match asset {
            MONEY => 1,
            POINTS => 2,
            _ => 0,
        };
        let owner = posting.account.index();
        let other = owner != usual.owner(code);
        let first = code.number() | kind << 10;
        let Some(room) = self.room::<POSTING_MAX>() else {
            return;
        };
        if other || kind == 0 || word.wrapping_add(1 << 15) >> 16 != 0 {
            let used = put_long(room, first, word, other.then_some(owner), asset);
            self.used(used);
            return;
        }
        // Most say no more than this.
        let [a, b, ..] = word.to_le_bytes();
        let [c, d] = first.to_le_bytes();
        if let Some(room) = room.first_chunk_mut() {
            *room = [c, d, a, b];
        }
        self.used(4);
    }
}

/// A posting with an amount of more than two bytes, or with owner or asset.
fn put_long(
    room: &mut [u8; POSTING_MAX],
    first: u16,
    word: u64,
    owner: Option<u32>,
    asset: AssetId,
) -> usize {
    let shape: u16 = if word.wrapping_add(1 << 15) >> 16 == 0 {
        0
    } else if word.wrapping_add(1 << 31) >> 32 == 0 {
        1
    } else {
        2
    };
    let first = first | u16::from(owner.is_some()) << 12 | shape << 13;
    let mut out = room.as_mut_slice();
    first.put(&mut out);
    let bytes = word.to_le_bytes();
    let bytes = bytes.get(..2_usize.wrapping_shl(shape.into())).unwrap_or_default();
    for byte in bytes {
        byte.put(&mut out);
    }
    if let Some(owner) = owner {
        owner.put(&mut out);
    }
    if !matches!(asset, MONEY | POINTS) {
        asset.put(&mut out);
    }
    let left = out.len();
    POSTING_MAX.saturating_sub(left)
}

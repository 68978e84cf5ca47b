//! The newest keys and the first answers to them.

use super::index::{Index, SWEEP_EVERY};
use crate::ids::{Day, IdempotencyKey, MemberId, Seq, TierId};
use crate::receipt::Receipt;
use crate::record::Kind;
use alloc::collections::{BTreeMap, VecDeque};
use proto_wire::Timestamp;

/// The newest commands: key, digest, first answer.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry, modulo [`PLACES`].
    base: u32,
    /// Numbers of entries. Those that were forgotten are left in it until it is swept: to look each
    /// up for that would cost a wait for memory.
    index: Index,
    /// How far it is swept.
    swept: usize,
    max: u32,
    /// Answers that do not fit into their entry, by its number.
    whole: BTreeMap<u32, Receipt>,
    /// No answer that fits is of a record before the first of these, or after the second.
    seqs: (u64, u64),
}

/// A key and nearly every answer in one line of memory.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Entry {
    key: IdempotencyKey,
    digest: u64,
    time: i64,
    /// The low half.
    seq: u32,
    member: u32,
    amount: u32,
    bonus: u32,
    points: i32,
    stored_after: u32,
    points_after: u32,
    tier: u16,
    kind: u8,
    flags: u8,
}

const _: () = assert!(size_of::<Entry>() == 64, "a million keys are 64 MB");

const TIER_CHANGED: u8 = 1;
/// The answer is kept elsewhere.
const WHOLE: u8 = 2;
/// Above these flags stands how far the business day is from the day of the time, by this less.
const DAYS: u8 = 2;
const NEAR: i32 = 32;
/// No member has this number.
const NOBODY: u32 = u32::MAX;

impl Entry {
    /// The answer in short; when it does not fit, or is not `near`, it is kept elsewhere.
    #[inline]
    fn new(key: IdempotencyKey, digest: u64, receipt: &Receipt, near: bool) -> Self {
        let Receipt { amount, bonus, points, stored_after, points_after, .. } = *receipt;
        // What is less than zero has high bits, too.
        let wide = (amount | bonus | stored_after | points_after) >> 32;
        let away = receipt.day.value().wrapping_sub(Day::of(receipt.time).value());
        let days = u8::try_from(away.saturating_add(NEAR)).unwrap_or(u8::MAX);
        let fits = near
            && wide == 0
            && days < 64
            && receipt.kind.number() < 256
            && i32::try_from(points).is_ok();
        Self {
            key,
            digest,
            time: receipt.time.as_unix_micros(),
            seq: low(receipt.seq.value()),
            member: receipt.member.map_or(NOBODY, MemberId::value),
            amount: u32::try_from(amount).unwrap_or(0),
            bonus: u32::try_from(bonus).unwrap_or(0),
            points: i32::try_from(points).unwrap_or(0),
            stored_after: u32::try_from(stored_after).unwrap_or(0),
            points_after: u32::try_from(points_after).unwrap_or(0),
            tier: receipt.tier.value(),
            kind: u8::try_from(receipt.kind.number()).unwrap_or(0),
            flags: if fits { u8::from(receipt.tier_changed) | (days << DAYS) } else { WHOLE },
        }
    }

    const fn is_whole(&self) -> bool {
        self.flags & WHOLE != 0
    }

    /// The answer of the short form; no record that fits is before `first`.
    fn receipt(&self, first: u64) -> Receipt {
        let time = Timestamp::from_unix_micros(self.time);
        let away = i32::from(self.flags >> DAYS).saturating_sub(NEAR);
        Receipt {
            seq: Seq::new(self.seq(first)),
            time,
            day: Day::new(Day::of(time).value().wrapping_add(away)),
            kind: Kind::from_number(self.kind.into()).unwrap_or(Kind::Enrolled),
            member: (self.member != NOBODY).then_some(MemberId::new(self.member)),
            tier: TierId::new(self.tier),
            tier_changed: self.flags & TIER_CHANGED != 0,
            amount: self.amount.into(),
            bonus: self.bonus.into(),
            points: self.points.into(),
            stored_after: self.stored_after.into(),
            points_after: self.points_after.into(),
        }
    }

    /// The first number from `first` on that ends in the half that is kept.
    #[inline]
    fn seq(&self, first: u64) -> u64 {
        first.saturating_add(self.seq.wrapping_sub(low(first)).into())
    }
}

#[inline]
fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0)
}

impl Replies {
    pub(crate) fn new(max: u32, secret: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            base: 0,
            index: Index::roomy(secret),
            swept: 0,
            max,
            whole: BTreeMap::new(),
            seqs: (0, 0),
        }
    }

    /// How many are remembered.
    pub(crate) const fn max(&self) -> u32 {
        self.max
    }

    /// What protects the index.
    pub(crate) const fn secret(&self) -> u64 {
        self.index.secret()
    }

    /// Keys, digests and answers, oldest first.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (IdempotencyKey, u64, Receipt)> {
        self.entries.iter().enumerate().map(|(n, entry)| {
            let place = wrap(self.base, u32::try_from(n).unwrap_or(u32::MAX));
            (entry.key, entry.digest, self.receipt(entry, place))
        })
    }

    /// The digest that belongs to a key.
    #[inline]
    pub(crate) fn digest(&self, key: IdempotencyKey) -> Option<u64> {
        let place = self.place(key)?;
        self.entry(place).map(|entry| entry.digest)
    }

    /// The first answer that belongs to a key.
    pub(crate) fn find(&self, key: IdempotencyKey) -> Option<Receipt> {
        let place = self.place(key)?;
        self.entry(place).map(|entry| self.receipt(entry, place))
    }

    /// Where the search for a key begins.
    #[inline]
    pub(crate) fn spot(&self, key: IdempotencyKey) -> usize {
        self.index.spot(key.value())
    }

    /// Reads such a place, for nothing but to have it at hand soon.
    #[inline]
    pub(crate) fn touch(&self, spot: usize) -> u64 {
        self.index.touch(spot)
    }

    /// Reads the entries that go next, and in whose places new ones come.
    pub(crate) fn touch_oldest(&self, count: usize) -> u64 {
        let full = self.entries.len() >= self.max as usize;
        let oldest = self.entries.iter().take(if full { count } else { 0 });
        oldest.fold(0, |sum: u64, entry| sum.wrapping_add(entry.seq.into()))
    }

    #[inline]
    pub(crate) fn push(&mut self, key: IdempotencyKey, digest: u64, receipt: &Receipt) {
        if self.max == 0 {
            return;
        }
        let full = self.entries.len() >= self.max as usize;
        if full {
            self.forget();
        }
        let (base, count) = (self.base, self.entries.len());
        let lives = |place| (offset(place, base) as usize) < count;
        let place = wrap(base, u32::try_from(count).unwrap_or(u32::MAX));
        if full && place % SWEEP_EVERY == 0 {
            self.swept = self.index.sweep(self.swept, lives);
        }
        self.index.insert_over(key.value(), place, lives);
        let seq = receipt.seq.value();
        if self.whole.len() == count {
            self.seqs = (seq, seq);
        }
        let (first, last) = self.seqs;
        let near = last <= seq && seq.saturating_sub(first) <= u64::from(u32::MAX);
        self.entries.push_back(Entry::new(key, digest, receipt, near));
        if self.entries.back().is_some_and(Entry::is_whole) {
            self.whole.insert(place, *receipt);
        } else {
            self.seqs.1 = seq;
        }
    }

    /// The oldest goes.
    #[inline]
    fn forget(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            if entry.is_whole() {
                self.whole.remove(&self.base);
            } else {
                self.seqs.0 = entry.seq(self.seqs.0);
            }
            self.base = wrap(self.base, 1);
        }
    }

    #[inline]
    fn place(&self, key: IdempotencyKey) -> Option<u32> {
        let is_it = |place| self.entry(place).is_some_and(|entry| entry.key == key);
        self.index.find(key.value(), is_it)
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(offset(place, self.base) as usize)
    }

    fn receipt(&self, entry: &Entry, place: u32) -> Receipt {
        if entry.is_whole() {
            self.whole.get(&place).copied().unwrap_or_default()
        } else {
            entry.receipt(self.seqs.0)
        }
    }
}

/// Numbers of entries run up to here and then from 0 again: more than any memory holds, and a power
/// of two, so that they wrap by a mask.
const PLACES: u32 = 1 << 31;

/// How far behind the oldest an entry stands.
#[inline]
const fn offset(place: u32, base: u32) -> u32 {
    place.wrapping_sub(base) & (PLACES - 1)
}

/// The entry that stands so far behind another.
#[inline]
const fn wrap(place: u32, count: u32) -> u32 {
    place.wrapping_add(count) & (PLACES - 1)
}

/// The index is a way to find, not a part of what is remembered.
impl PartialEq for Replies {
    fn eq(&self, other: &Self) -> bool {
        self.max == other.max
            && self.entries.len() == other.entries.len()
            && self.rows().eq(other.rows())
    }
}

impl Eq for Replies {}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proto_wire::{Rng, Seed};

    /// Answers to all kinds of commands, some of which do not fit into an entry.
    fn answer(n: u64) -> Receipt {
        let mut rng = Rng::new(&Seed::from_u64(n));
        let mut some = |most: i64| match rng.below(40) {
            0 => -1,
            1 => i64::MAX,
            2 => 1 << 32,
            _ => i64::try_from(rng.below(most.unsigned_abs())).unwrap(),
        };
        let time = Timestamp::from_unix_micros(some(1 << 50));
        let kind = usize::try_from(some(1 << 30)).unwrap_or(0) % Kind::ALL.len();
        let days = i32::try_from(some(70)).unwrap_or(i32::MAX);
        Receipt {
            // Now and then many records without a key come between.
            seq: Seq::new(n + ((n / 100) << 31)),
            time,
            day: Day::new(Day::of(time).value().saturating_add(days).saturating_sub(35)),
            kind: Kind::ALL[kind],
            member: u32::try_from(some(1 << 32)).ok().map(MemberId::new),
            tier: TierId::new(u16::try_from(some(9)).unwrap_or(u16::MAX)),
            tier_changed: some(2) == 1,
            amount: some(1 << 31),
            bonus: some(1 << 31),
            points: some(1 << 30) - (1 << 29),
            stored_after: some(1 << 31),
            points_after: some(1 << 31),
        }
    }

    /// However many are forgotten, the index stays of one size and finds what is there.
    #[test]
    fn what_is_forgotten_leaves_the_index_in_time() {
        let max = 600;
        let mut replies = Replies::new(max, 9);
        let mut rng = Rng::new(&Seed::from_u64(12));
        let mut keys = Vec::new();
        for n in 0..20_000_u64 {
            let key = IdempotencyKey::new((u128::from(rng.next_u64()) << 64) | u128::from(n));
            assert_eq!(replies.find(key), None);
            replies.push(key, n, &answer(n));
            keys.push(key);
            let back = rng.below(2 * u64::from(max)).min(n);
            let wanted = (back < u64::from(max)).then_some(n - back);
            assert_eq!(replies.digest(keys[(n - back) as usize]), wanted);
            assert_eq!(replies.find(keys[(n - back) as usize]), wanted.map(answer));
        }
        assert!(replies.index.size() < 1_100, "{}", replies.index.size());
        assert!(replies.whole.len() < max as usize);
    }

    #[test]
    fn the_oldest_keys_go_first_and_places_wrap() {
        let mut replies = Replies::new(3, 1);
        replies.base = PLACES - 2;
        for n in 1..=10_u64 {
            replies.push(IdempotencyKey::new(n.into()), n, &answer(n));
            for m in 1..=10 {
                let key = IdempotencyKey::new(m.into());
                let wanted = (m <= n && m + 3 > n).then_some(m);
                assert_eq!(replies.digest(key), wanted, "{m} after {n}");
                assert_eq!(replies.find(key), wanted.map(answer), "{m} after {n}");
            }
        }
    }
}

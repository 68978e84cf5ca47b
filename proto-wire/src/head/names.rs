//! From a header name to a small number, without comparing strings one by one.

use crate::text::window::short_word;

/// Rows that a table can hold; ids are 1 to this.
const ROWS_MAX: usize = 200;
/// One key for each id that a byte can hold: looking one up then needs no check.
const KEYS: usize = 256;
/// Slots of the hash table: a power of two, more than twice the rows.
const SLOTS: usize = 512;
const SLOT_BITS: u32 = 9;
/// Leaves out the one bit in which the letters of both cases differ.
const CASELESS: u64 = 0xdfdf_dfdf_dfdf_dfdf;

/// A name by its first and its last eight bytes and its length. Below sixteen the two overlap; of a
/// name shorter than eight there are zeros behind the first and before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: u32,
    /// The length again, if the two words are all of the name.
    exact_len: u16,
    /// By how many bits a word is longer than the name.
    surplus: u8,
}

impl Key {
    const EMPTY: Self = Self { first: 0, last: 0, len: u32::MAX, exact_len: u16::MAX, surplus: 0 };

    /// Where a name is looked for that is sent as nearly always, on a line of its own: by its first four
    /// bytes, `: ` of what is behind it included, and its last four, the line end before it
    /// included. The same for both cases of a letter.
    #[inline(always)]
    const fn slot(first: u64, last: u64) -> usize {
        const LOW: u64 = u32::MAX as u64;
        // This factor lets no two names of SIP nor of RTSP meet; other tables find their names all
        // the same.
        let both = (first & (CASELESS & LOW)) | (last & (CASELESS & !LOW));
        (both.wrapping_mul(0x5fc0_df73_dfd5_71a9) >> (64 - SLOT_BITS)) as usize
    }

    /// The slot of this name wherever it stands.
    const fn slot_of(&self) -> usize {
        const LINE_END: u64 = 0x0a0d_0000_0000_0000;
        const BEHIND: u64 = 0x203a;
        let name_bits = 64_u32.wrapping_sub(self.surplus as u32);
        let first = self.first | BEHIND.wrapping_shl(name_bits);
        let last = self.last | LINE_END.wrapping_shr(name_bits);
        if name_bits < 32 { Self::slot(first, last) } else { Self::slot(self.first, self.last) }
    }

    /// The key of the name of `len` bytes that begins with `first` and ends with `last`, in which what
    /// does not belong to it may be anything. The name is not empty.
    #[inline]
    const fn of(first: u64, last: u64, len: usize) -> Self {
        let within = if len < 8 { len as u32 } else { 8 };
        let surplus = 64_u32.wrapping_sub(within.wrapping_mul(8));
        Self {
            first: first & u64::MAX.wrapping_shr(surplus),
            last: last & u64::MAX.wrapping_shl(surplus),
            len: len as u32,
            exact_len: if len <= 16 { len as u16 } else { u16::MAX },
            surplus: surplus as u8,
        }
    }
}

/// The header names of a protocol, made at compile time.
///
/// Row `n` (counted from 0) has the id `n + 1`; 0 means "not in the table". Names match
/// in any case; a one-letter compact form (RFC 3261 §7.3.3) has the id of its row.
///
/// ```
/// use proto_wire::head::NameTable;
///
/// static NAMES: NameTable = NameTable::new(&[("Via", "v"), ("Content-Length", "l")]);
/// assert_eq!(NAMES.lookup(b"VIA"), 1);
/// assert_eq!(NAMES.lookup(b"L"), 2);
/// assert_eq!(NAMES.lookup(b"Subject"), 0);
/// assert_eq!(NAMES.canonical(2), Some("Content-Length"));
/// ```
#[derive(Debug)]
pub struct NameTable {
    rows: &'static [(&'static str, &'static str)],
    /// By id; those that no row has match nothing.
    keys: [Key; KEYS],
    slots: [u8; SLOTS],
    compact: [u8; 26],
}

impl NameTable {
    /// A table of `(canonical name, compact form or "")` rows.
    ///
    /// # Panics
    ///
    /// When it is evaluated: with more than 200 rows, a compact form that is not one
    /// letter, or a name twice. In a `static` or `const` that is a compile error.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::manual_assert,
        reason = "runs at compile time on constants, where a panic is a compile error"
    )]
    pub const fn new(rows: &'static [(&'static str, &'static str)]) -> Self {
        let mut table =
            Self { rows, keys: [Key::EMPTY; KEYS], slots: [0; SLOTS], compact: [0; 26] };
        if rows.len() > ROWS_MAX {
            panic!("too many names");
        }
        let mut row = 0;
        while row < rows.len() {
            let name = rows[row].0.as_bytes();
            let key = const_key(name);
            let id = (row + 1) as u8;
            table.keys[id as usize] = key;
            let mut slot = key.slot_of();
            while table.slots[slot] != 0 {
                let other = rows[table.slots[slot] as usize - 1].0.as_bytes();
                if const_eq(name, other) {
                    panic!("a name stands twice");
                }
                slot = (slot + 1) % SLOTS;
            }
            table.slots[slot] = id;
            let compact = rows[row].1.as_bytes();
            if compact.len() > 1 {
                panic!("a compact form is one letter");
            }
            if compact.len() == 1 {
                let letter = (compact[0] | 0x20).wrapping_sub(b'a') as usize;
                if table.compact[letter] != 0 {
                    panic!("a compact form stands twice");
                }
                table.compact[letter] = id;
            }
            row += 1;
        }
        table
    }

    /// The id of `name`, or 0.
    #[must_use]
    pub fn lookup(&self, name: &[u8]) -> u8 {
        let key = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => {
                Key::of(u64::from_le_bytes(*first), u64::from_le_bytes(*last), name.len())
            }
            _ => match name {
                [] => return 0,
                [letter] => return self.lookup_letter(*letter),
                _ => {
                    let word = short_word(name);
                    let missing = 8_u32.wrapping_sub(name.len() as u32);
                    Key::of(word, word.wrapping_shl(missing.wrapping_mul(8)), name.len())
                }
            },
        };
        let mut slot = key.slot_of();
        loop {
            let id = self.slots.get(slot).copied().unwrap_or(0);
            if id == 0 {
                return 0;
            }
            let found = self.key(id);
            let differs = (key.first ^ found.first) | (key.last ^ found.last);
            if key.len == found.len && differs & CASELESS == 0 {
                // The spelling of the table is the rule; any other is compared in full.
                let exact = differs == 0 && key.exact_len == found.exact_len;
                if (exact && key.exact_len != u16::MAX) || self.is_named(id, name) {
                    return id;
                }
            }
            slot = slot.wrapping_add(1) & (SLOTS - 1);
        }
    }

    fn lookup_letter(&self, letter: u8) -> u8 {
        let place = usize::from((letter | 0x20).wrapping_sub(b'a'));
        match self.compact.get(place) {
            Some(id) if *id != 0 => *id,
            _ => self
                .rows
                .iter()
                .position(|row| row.0.as_bytes().eq_ignore_ascii_case(&[letter]))
                .map_or(0, |row| (row as u8).wrapping_add(1)),
        }
    }

    /// The id of the name of `len` bytes that begins with `first` and ends with `last` (words in which
    /// what does not belong to it may be anything), when it is spelled as in the table, stands on a
    /// line with `: ` behind it and is found at once; `None` says nothing.
    #[inline(always)]
    pub(super) fn lookup_exact(&self, first: u64, last: u64, len: usize) -> Option<u8> {
        let id = self.slots.get(Key::slot(first, last)).copied().unwrap_or(0);
        let key = self.key(id);
        let surplus = u32::from(key.surplus);
        let (first, last) = (first ^ key.first, last ^ key.last);
        // Beyond sixteen bytes there is a middle that the key does not have.
        let other_len = len as u64 ^ u64::from(key.exact_len);
        let differs = first.wrapping_shl(surplus) | last.wrapping_shr(surplus) | other_len;
        (differs == 0).then_some(id)
    }

    /// Whether no name can have these words, by a look at one slot; the arguments are those of
    /// [`NameTable::lookup_exact`].
    #[inline]
    pub(super) fn surely_lacks(&self, first: u64, last: u64, len: usize) -> bool {
        // In less than four bytes there is something else than the name.
        len >= 4 && self.slots.get(Key::slot(first, last)) == Some(&0)
    }

    #[inline(always)]
    fn key(&self, id: u8) -> Key {
        self.keys.get(usize::from(id)).copied().unwrap_or(Key::EMPTY)
    }

    #[cold]
    fn is_named(&self, id: u8, name: &[u8]) -> bool {
        let row = usize::from(id).wrapping_sub(1);
        self.rows.get(row).is_some_and(|row| row.0.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name of `id` in the spelling to send.
    #[must_use]
    pub fn canonical(&self, id: u8) -> Option<&'static str> {
        self.rows.get(usize::from(id).checked_sub(1)?).map(|row| row.0)
    }

    /// The compact form of `id`, where there is one.
    #[must_use]
    pub fn compact(&self, id: u8) -> Option<&'static str> {
        let row = self.rows.get(usize::from(id).checked_sub(1)?)?;
        (!row.1.is_empty()).then_some(row.1)
    }

    /// How many names there are; ids run from 1 to this.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no names.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time on constants"
)]
const fn const_key(name: &[u8]) -> Key {
    let (mut first, mut last) = (0_u64, 0_u64);
    let mut i = 0;
    while i < 8 && i < name.len() {
        first |= (name[i] as u64) << (8 * i);
        last |= (name[name.len() - 1 - i] as u64) << (8 * (7 - i));
        i += 1;
    }
    Key::of(first, last, name.len())
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time on constants"
)]
const fn const_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if !a[i].eq_ignore_ascii_case(&b[i]) {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: NameTable = NameTable::new(&[
        ("Via", "v"),
        ("To", "t"),
        ("Max-Forwards", ""),
        ("WWW-Authenticate", ""),
        ("Proxy-Authenticate", ""),
        ("Proxy-Authentication-Info", ""),
    ]);

    #[test]
    fn names_are_found_in_any_case_wherever_they_stand() {
        for (name, id) in [
            ("Via", 1),
            ("vIA", 1),
            ("v", 1),
            ("V", 1),
            ("t", 2),
            ("TO", 2),
            ("max-forwards", 3),
            ("WWW-AUTHENTICATE", 4),
            ("proxy-authenticate", 5),
            ("Proxy-Authentication-Info", 6),
        ] {
            assert_eq!(TABLE.lookup(name.as_bytes()), id, "{name}");
            let line = alloc::format!("......\r\n{name}: value");
            let start = &line.as_bytes()[8..16];
            let (first, last) = (word(start), word(&line.as_bytes()[name.len()..][..8]));
            let exact = TABLE.canonical(id) == Some(name) && name.len() <= 16;
            let found = TABLE.lookup_exact(first, last, name.len());
            assert_eq!(found, exact.then_some(id), "{name}");
        }
    }

    fn word(bytes: &[u8]) -> u64 {
        u64::from_le_bytes(bytes.try_into().unwrap())
    }

    #[test]
    fn near_misses_are_not_found() {
        for name in [
            "",
            "x",
            "Vi",
            "Vias",
            "Max\rForwards",
            "Max Forwards",
            "Max-Forward",
            "1",
            "Proxy-XXXXXXXXXXXXXXX-Info",
            "Proxy-Authenticati0n-Info",
            "[",
            "{",
            "T\u{e9}",
        ] {
            assert_eq!(TABLE.lookup(name.as_bytes()), 0, "{name}");
        }
    }
}

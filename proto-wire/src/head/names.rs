//! From a header name to a small number, without comparing strings one by one.

use super::words::load;

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
/// name shorter than eight both are the name, with zeros behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: usize,
}

impl Key {
    const EMPTY: Self = Self { first: 0, last: 0, len: usize::MAX };

    /// The same for both cases of a letter.
    const fn slot(first: u64, last: u64) -> usize {
        // This factor lets no two names of SIP nor of RTSP meet; other tables find their names all
        // the same.
        let both = (first & CASELESS).wrapping_add((last & CASELESS).wrapping_mul(3));
        let mixed = both.wrapping_mul(0x7574_d10d_2bed_7bdf);
        (mixed >> (64 - SLOT_BITS)) as usize
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
            let mut slot = Key::slot(key.first, key.last);
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
        self.lookup_at(name, 0, name.len())
    }

    /// The id of the name of `len` bytes at `start` in `buf`, or 0. Reading words beyond
    /// the name (its colon, its value) spares a copy.
    #[inline]
    pub(super) fn lookup_at(&self, buf: &[u8], start: usize, len: usize) -> u8 {
        let first = load(buf, start);
        let (first, last) = if len < 8 {
            key_words(first, first.wrapping_shl(64_u32.wrapping_sub(bits(len))), len)
        } else {
            (first, load(buf, start.wrapping_add(len).wrapping_sub(8)))
        };
        self.lookup_words(first, last, buf.get(start..start.wrapping_add(len)).unwrap_or(&[]))
    }

    /// The id of `name`, or 0; `first` and `last` are its first and its last eight bytes, as
    /// a [`Key`] has them.
    #[inline]
    pub(super) fn lookup_words(&self, first: u64, last: u64, name: &[u8]) -> u8 {
        if let [letter] = name {
            let letter = usize::from((letter | 0x20).wrapping_sub(b'a'));
            if let Some(id) = self.compact.get(letter).filter(|id| **id != 0) {
                return *id;
            }
        }
        let len = name.len();
        let mut slot = Key::slot(first, last);
        loop {
            let id = self.slots.get(slot).copied().unwrap_or(0);
            if id == 0 {
                return 0;
            }
            let row = usize::from(id).wrapping_sub(1);
            let key = self.key(id);
            let (first_differs, last_differs) = (first ^ key.first, last ^ key.last);
            if len == key.len && (first_differs | last_differs) & CASELESS == 0 {
                // The spelling of the table is the rule; any other is compared in full.
                let exact = (first_differs | last_differs) == 0 && len <= 16;
                if exact || self.is_named(row, name) {
                    return id;
                }
            }
            slot = slot.wrapping_add(1) & (SLOTS - 1);
        }
    }

    /// The id of a name that is spelled as in the table, when it is found at once; `None` says
    /// nothing. The arguments are those of a [`Key`].
    #[inline(always)]
    pub(super) fn lookup_exact(&self, first: u64, last: u64, len: usize) -> Option<u8> {
        let id = self.slots.get(Key::slot(first, last)).copied().unwrap_or(0);
        let key = self.key(id);
        // Beyond sixteen bytes there is a middle that the key does not have.
        let differs = (first ^ key.first) | (last ^ key.last) | (len ^ key.len) as u64;
        (differs == 0 && len <= 16).then_some(id)
    }

    /// Whether no name can have this key, by a look at one slot.
    #[inline]
    pub(super) fn surely_lacks(&self, first: u64, last: u64, len: usize) -> bool {
        len > 1 && self.slots.get(Key::slot(first, last)) == Some(&0)
    }

    #[inline(always)]
    fn key(&self, id: u8) -> Key {
        self.keys.get(usize::from(id)).copied().unwrap_or(Key::EMPTY)
    }

    #[cold]
    fn is_named(&self, row: usize, name: &[u8]) -> bool {
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

/// The words of a [`Key`] out of the eight bytes from the start of a name and the eight before its
/// end, where what does not belong to the name may be anything. The name is not empty.
#[inline(always)]
pub(super) fn key_words(first: u64, last: u64, len: usize) -> (u64, u64) {
    let surplus = 64_u32.wrapping_sub(bits(len.min(8)));
    (first & u64::MAX.wrapping_shr(surplus), last.wrapping_shr(surplus))
}

#[inline]
fn bits(bytes: usize) -> u32 {
    (bytes as u32).wrapping_mul(8)
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time on constants"
)]
const fn const_key(name: &[u8]) -> Key {
    let (mut first, mut last) = (0_u64, 0_u64);
    let mut i = 0;
    while i < 8 {
        if i < name.len() {
            first |= (name[i] as u64) << (8 * i);
        }
        if name.len() >= 8 {
            last |= (name[name.len() - 8 + i] as u64) << (8 * i);
        }
        i += 1;
    }
    if name.len() < 8 {
        last = first;
    }
    Key { first, last, len: name.len() }
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
            let padded = alloc::format!("##{name}:");
            assert_eq!(TABLE.lookup_at(padded.as_bytes(), 2, name.len()), id, "{name}");
        }
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

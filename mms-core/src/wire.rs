//! Little-endian fields, one after another, without padding and without copies.

/// A value with a fixed place in a record.
pub(crate) trait Wire: Copy {
    /// Bytes that the value takes.
    const SIZE: usize;
    /// How it becomes a number in a record of version 2.
    const PACKING: Packing = Packing::Plain;

    /// Writes the value and moves on; writes nothing when there is no room.
    fn put(self, out: &mut &mut [u8]);

    /// Reads a value and moves on; `None` when too short, or when no value has these bytes.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

/// How a field becomes a number that is small when the field says little: records of version 2 have
/// fewer bytes for small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As it is.
    Plain,
    /// As it is, with a sign: small for both.
    Signed,
    /// One more; zero for none.
    Optional,
    /// Another than the record's member: the bits in which the two differ.
    Member,
    /// Another than the record's store, likewise.
    Store,
    /// A day, as it is.
    Day,
}

macro_rules! wire_int {
    ($packing:ident: $($int:ty),*) => {$(
        impl Wire for $int {
            const SIZE: usize = size_of::<$int>();
            const PACKING: Packing = Packing::$packing;

            #[inline]
            fn put(self, out: &mut &mut [u8]) {
                if let Some((head, rest)) = core::mem::take(out).split_first_chunk_mut() {
                    *head = self.to_le_bytes();
                    *out = rest;
                }
            }

            #[inline]
            fn take(from: &mut &[u8]) -> Option<Self> {
                let (head, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*head))
            }
        }
    )*};
}

wire_int!(Plain: u8, u16, u32, u64, u128);
wire_int!(Signed: i32, i64);

impl Wire for bool {
    const SIZE: usize = 1;

    #[inline]
    fn put(self, out: &mut &mut [u8]) {
        u8::from(self).put(out);
    }

    #[inline]
    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Appends a value.
pub(crate) fn append<T: Wire>(value: T, out: &mut alloc::vec::Vec<u8>) {
    let start = out.len();
    out.resize(start.saturating_add(T::SIZE), 0);
    value.put(&mut out.get_mut(start..).unwrap_or_default());
}

/// An enumeration whose values have numbers for ever.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $int:ty {
            $( $(#[$doc:meta])* $variant:ident = $number:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($int)]
        #[non_exhaustive]
        $vis enum $name {
            $( $(#[$doc])* $variant = $number, )*
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The number that stands in records.
            #[must_use]
            pub const fn number(self) -> $int {
                self as $int
            }

            /// The value with this number.
            #[must_use]
            pub const fn from_number(number: $int) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The name, as it stands in the source and in listings.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => stringify!($variant), )*
                }
            }
        }

        impl $crate::wire::Wire for $name {
            const SIZE: usize = size_of::<$int>();

            #[inline]
            fn put(self, out: &mut &mut [u8]) {
                $crate::wire::Wire::put(self.number(), out);
            }

            #[inline]
            fn take(from: &mut &[u8]) -> Option<Self> {
                <$int as $crate::wire::Wire>::take(from).and_then(Self::from_number)
            }
        }
    };
}

pub(crate) use wire_enum;

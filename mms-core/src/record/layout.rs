//! How facts lie in records: in version 1 each field in its full width, from version 2 on in one of
//! three shapes. All from the one list of facts.

/// What the page about the journal says of a fact.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    pub(crate) tag: u16,
    pub(crate) name: &'static str,
    /// Name, bytes in version 1, packing.
    pub(crate) fields: &'static [(&'static str, usize, crate::wire::Packing)],
}

/// Bytes of a fact in version 1.
pub(super) const fn padded(size: usize) -> usize {
    size.next_multiple_of(8)
}

macro_rules! facts {
    ($(
        $(#[$doc:meta])*
        $name:ident = $tag:literal {
            $( $(#[$fdoc:meta])* $field:ident: $ty:ty, )*
        }
    )*) => {
        /// What a record did, apart from its postings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fact {
            $( $(#[$doc])* $name { $( $(#[$fdoc])* $field: $ty, )* }, )*
        }

        impl Fact {
            /// The name, as in the source and in listings.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$name { .. } => stringify!($name), )*
                }
            }

            /// How many bytes the fact takes in a record of version 1, and at most in any.
            #[inline]
            pub(crate) const fn size(&self) -> usize {
                match self {
                    $( Self::$name { .. } => {
                        $crate::record::layout::padded(
                            4 $( + <$ty as $crate::wire::Wire>::SIZE )*
                        )
                    } )*
                }
            }

            /// Writes the fact as version 2 has it: tag with shape, and the fields in their places.
            #[inline]
            pub(super) fn pack(
                &self,
                to: &mut $crate::record::pack::Pack<'_>,
                usual: &$crate::record::pack::Usual,
            ) {
                use $crate::record::pack::{Pack, SHAPE, Usual, far_reach, put, reach, width};
                match *self {
                    $( Self::$name { $( $field, )* } => {
                        const { assert!($tag < SHAPE, "a tag leaves room for the shapes") };
                        #[inline(always)]
                        fn write<const W: usize>(
                            first: u8,
                            to: &mut Pack<'_>,
                            usual: &Usual,
                            ($( $field, )*): ($( $ty, )*),
                        ) {
                            const MOST: usize = 1 $( + <$ty as $crate::wire::Wire>::SIZE )*;
                            let size = const { 1 $( + width::<$ty>(W) )* };
                            if let Some(room) = to.room::<MOST>() {
                                let mut out = room.as_mut_slice();
                                put::<u8, 1>(first, usual, &mut out);
                                $( put::<$ty, W>($field, usual, &mut out); )*
                                to.used(size);
                            }
                        }
                        const FACT: u8 = $tag;
                        let fields = ($( $field, )*);
                        if (0 $( | reach($field, usual) )*) >> 16 == 0 {
                            write::<2>(FACT, to, usual, fields);
                        } else if (0 $( | far_reach($field, usual) )*) >> 32 == 0 {
                            write::<4>(FACT + SHAPE, to, usual, fields);
                        } else {
                            write::<8>(FACT + 2 * SHAPE, to, usual, fields);
                        }
                    } )*
                }
            }

            /// Reads the fact that comes next in a record of version 2 and hands it on from where it
            /// is read, so that it need not be copied; `None` when it is malformed or not known.
            #[inline]
            pub(super) fn unpack<R>(
                from: &mut $crate::record::pack::Unpack<'_>,
                usual: &$crate::record::pack::Usual,
                see: impl FnOnce(Self) -> R,
            ) -> Option<R> {
                use $crate::record::pack::{Unpack, Usual, take, width};
                let (shape, tag, rest) = from.fact()?;
                match tag {
                    $( $tag => {
                        #[inline(always)]
                        fn read<const W: usize, R>(
                            from: &mut Unpack<'_>,
                            rest: &[u8],
                            usual: &Usual,
                            see: impl FnOnce(Fact) -> R,
                        ) -> Option<R> {
                            let size = const { 0 $( + width::<$ty>(W) )* };
                            let (mut rest, _) = rest.split_at_checked(size)?;
                            let mut reach = 0;
                            $( let $field = take::<$ty, W>(&mut rest, usual, &mut reach)?; )*
                            // What fits into the shape before stands in that.
                            if (W == 4 && reach >> 16 == 0) || (W == 8 && reach >> 32 == 0) {
                                return None;
                            }
                            from.behind(size);
                            Some(see(Fact::$name { $( $field, )* }))
                        }
                        match shape {
                            0 => read::<2, R>(from, rest, usual, see),
                            1 => read::<4, R>(from, rest, usual, see),
                            _ => read::<8, R>(from, rest, usual, see),
                        }
                    } )*
                    _ => None,
                }
            }

            /// Reads the fact at the start as version 1 has it: tag, length in bytes, fields, and
            /// zeros to a multiple of eight; `None` when it is malformed or not known.
            #[inline]
            pub(super) fn take(from: &mut &[u8]) -> Option<Self> {
                use $crate::wire::Wire;
                let (mut tag, mut length) = (from.get(..2)?, from.get(2..4)?);
                let tag = u16::take(&mut tag)?;
                let length = u16::take(&mut length)?;
                match tag {
                    $( $tag => {
                        const SIZE: usize =
                            $crate::record::layout::padded(4 $( + <$ty as Wire>::SIZE )*);
                        let (bytes, rest) = from.split_first_chunk::<SIZE>()?;
                        if usize::from(length) != SIZE {
                            return None;
                        }
                        let mut body = bytes.get(4..)?;
                        $( let $field = <$ty as Wire>::take(&mut body)?; )*
                        if body.iter().any(|padding| *padding != 0) {
                            return None;
                        }
                        *from = rest;
                        Some(Self::$name { $( $field, )* })
                    } )*
                    _ => None,
                }
            }

            /// What the page about the journal says.
            #[cfg(test)]
            pub(crate) const DESCRIBED: &'static [$crate::record::layout::Described] = &[
                $( $crate::record::layout::Described {
                    tag: $tag,
                    name: stringify!($name),
                    fields: &[ $( (
                        stringify!($field),
                        <$ty as $crate::wire::Wire>::SIZE,
                        <$ty as $crate::wire::Wire>::PACKING,
                    ), )* ],
                }, )*
            ];
        }
    };
}

pub(super) use facts;

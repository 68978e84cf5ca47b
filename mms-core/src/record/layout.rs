//! How facts lie in records: in version 1 each field in its full width, from version 2 on in as many
//! bytes as it needs. Both from the one list of facts.

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

            /// Writes the fact as version 2 has it: tag, and the fields in as many bytes as they
            /// need.
            #[inline]
            pub(super) fn pack(
                &self,
                to: &mut $crate::record::pack::Pack<'_>,
                usual: &$crate::record::pack::Usual,
            ) {
                match self {
                    $( Self::$name { $( $field, )* } => {
                        const COUNT: usize = 0 $( + $crate::record::pack::words::<$ty>() )*;
                        let mut tuple = [0; COUNT];
                        let n = 0;
                        $( let n = $crate::record::pack::spread(*$field, usual, &mut tuple, n); )*
                        debug_assert_eq!(n, COUNT);
                        const { assert!(COUNT <= 24, "a fact fits in a step") };
                        to.step();
                        to.store($tag, 1);
                        to.tuple(&tuple);
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
                let at = from.at.checked_add(1)?;
                match $crate::record::pack::load(from.bytes, from.at) & 0xff {
                    $( $tag => {
                        const COUNT: usize = 0 $( + $crate::record::pack::words::<$ty>() )*;
                        let mut fields = from.fields::<COUNT>(at);
                        $( let $field = fields.take::<$ty>(usual)?; )*
                        from.behind(&fields)?;
                        Some(see(Self::$name { $( $field, )* }))
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

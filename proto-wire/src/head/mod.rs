//! The head of a text message: start line and header lines, found and indexed in one
//! resumable pass (RFC 3261 §7, RFC 2326 §4, RFC 7826 §5).
//!
//! [`Scanner`] looks at the bytes once, wherever the chunks are cut, and fills an
//! [`Index`] of offsets. Nothing is copied and, once the index has grown to its working
//! size, nothing is allocated. The scanner never judges: whatever deviates from the
//! grammar is noted as a [`Quirk`] with its offset, so that framing goes on and each
//! protocol (and its strict profile) decides what it tolerates. Only [`Limits`] end it.
//!
//! ```
//! use proto_wire::Limits;
//! use proto_wire::head::{Index, NameTable, Profile, Scanner};
//!
//! struct Toy;
//! impl Profile for Toy {
//!     const NAMES: &'static NameTable =
//!         &NameTable::new(&[("Content-Length", "l"), ("Subject", "s")]);
//!     const BARE_CR_ENDS_LINE: bool = false;
//! }
//! const SUBJECT: u8 = 2;
//!
//! let bytes = b"HELLO TOY/1.0\r\ns: one\r\n two\r\nX-Odd:\xff\r\n\r\nbody";
//! let mut index = Index::new();
//! let head = Scanner::new().scan::<Toy>(bytes, &mut index, &Limits::default())?;
//! assert_eq!(head, Some(bytes.len() - 4));
//! assert_eq!(index.start().of(bytes), b"HELLO TOY/1.0");
//! let subject = index.fields(bytes).first(SUBJECT).unwrap();
//! assert_eq!(subject.unfolded().as_ref(), b"one two");
//! # Ok::<(), proto_wire::ParseError>(())
//! ```

mod fold;
mod index;
mod names;
mod quirk;
mod scan;
mod words;

pub use fold::unfold;
pub use index::{Entry, Field, Fields, Index};
pub use names::NameTable;
pub use quirk::{Quirk, Quirks};
pub use scan::{Scanner, leading_blank};

#[cfg(doc)]
use crate::Limits;

/// What a protocol tells the scanner about its headers.
pub trait Profile {
    /// The header names that get an id.
    const NAMES: &'static NameTable;
    /// Whether a CR without LF ends a line (RFC 2326 §4 asks receivers to accept it) or is
    /// a control byte in a value.
    const BARE_CR_ENDS_LINE: bool;
}

#[cfg(test)]
mod tests;

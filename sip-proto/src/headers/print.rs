//! Typed values as they are sent: on one line, whatever folds they were read from.

use super::{
    Allow, CallId, Contact, ContentType, Expires, MaxForwards, MinExpires, NameAddr, RetryAfter,
    Via,
};
use alloc::string::String;
use core::fmt::{self, Display, Formatter};
use proto_wire::head::unfold;

/// Prints a value as it was read, each fold as one space and what is not UTF-8 as U+FFFD: text cannot
/// hold such bytes. To forward them as they are, use [`Edits`](crate::message::Edits) or
/// [`Builder::copy`](crate::message::Builder::copy).
pub(super) fn unfolded(f: &mut Formatter<'_>, value: &[u8]) -> fmt::Result {
    f.write_str(&String::from_utf8_lossy(&unfold(value)))
}

impl Display for NameAddr<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        unfolded(f, self.raw)
    }
}

impl Display for Via<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        unfolded(f, self.raw)
    }
}

impl Display for Contact<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Star => f.write_str("*"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Display for CallId<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Display for ContentType<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        unfolded(f, self.essence.as_bytes())?;
        unfolded(f, self.params().as_bytes())
    }
}

impl Display for Allow<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {$(
        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
numbers!(MaxForwards Expires MinExpires RetryAfter);

//! What the strict profile refuses.

use crate::headers::Headers;
use proto_wire::head::{Quirk, Quirks};

/// Whether a strict peer refuses the quirk: everything that neither grammar allows. Of those in
/// values ([`ValueQuirk`](crate::headers::ValueQuirk)) it refuses all.
///
/// Allowed are folded values (RFC 2326 §4.2; RFC 7826 §20.1 reads them too), CR and LF as
/// line ends (RFC 2326 §4), empty lines before a message (§4.1), empty values, and bytes
/// beyond ASCII that are not UTF-8 (RFC 2326 §15.1 `TEXT` is any octet).
#[must_use]
pub const fn refused_when_strict(quirk: Quirk) -> bool {
    !matches!(
        quirk,
        Quirk::Folded
            | Quirk::BareLf
            | Quirk::BareCr
            | Quirk::LeadingEmptyLine
            | Quirk::EmptyValue
            | Quirk::NonUtf8
    )
}

/// Whether a strict peer refuses a message.
pub(crate) fn is_odd(quirks: &Quirks, headers: Headers<'_>) -> bool {
    quirks.first_of(refused_when_strict).is_some() || headers.value_quirks().next().is_some()
}

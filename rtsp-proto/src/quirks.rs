//! What the strict profile refuses.

use proto_wire::head::Quirk;

/// Whether a strict peer refuses the quirk: everything that neither grammar allows.
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

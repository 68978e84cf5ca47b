//! Preparation: nodeprep, IDNA, resourceprep (RFC 6122), `SASLprep` (RFC 4013).
//! ASCII, which is nearly all of the traffic, needs no tables.

use super::{JidError, Profile};
use alloc::borrow::Cow;
use alloc::string::String;

/// RFC 6122 appendix A.5: not allowed in a local part beyond the tables of stringprep.
const fn is_barred_in_local(byte: u8) -> bool {
    matches!(byte, b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@' | 0..=0x20 | 0x7f)
}

const fn is_domain_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')
}

/// Whether all parts are ASCII and already what preparation would make of them.
pub(super) fn is_prepared(local: Option<&str>, domain: &str, resource: Option<&str>) -> bool {
    local
        .unwrap_or("")
        .bytes()
        .all(|b| b < 0x7f && !is_barred_in_local(b) && !b.is_ascii_uppercase())
        && is_plain_domain(domain)
        && resource.unwrap_or("").bytes().all(|b| matches!(b, 0x20..=0x7e))
}

/// Lower-case ASCII labels, none empty, none an A-label.
fn is_plain_domain(domain: &str) -> bool {
    let mut before = b'.';
    for byte in domain.bytes() {
        if !is_domain_byte(byte) || (byte == b'.' && before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.' && !domain.contains("xn--")
}

pub(super) fn local(text: &str, profile: Profile) -> Result<Cow<'_, str>, JidError> {
    let prepared = match profile {
        _ if text.is_ascii() => lowered(text),
        Profile::Stringprep => nodeprep(text)?,
        #[cfg(feature = "precis")]
        Profile::Precis => precis::local(text)?,
    };
    if prepared.bytes().any(is_barred_in_local) {
        return Err(JidError::Local);
    }
    if prepared.is_empty() {
        return Err(JidError::EmptyLocal);
    }
    Ok(prepared)
}

pub(super) fn domain(text: &str) -> Result<Cow<'_, str>, JidError> {
    if let Some(literal) = text.strip_prefix('[') {
        let inner = literal.strip_suffix(']').ok_or(JidError::Domain)?;
        let address: core::net::Ipv6Addr = inner.parse().map_err(|_| JidError::Domain)?;
        return Ok(Cow::Owned(alloc::format!("[{address}]")));
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    // RFC 7622 §3.2 leaves names to IDNA 2008, for both profiles: nameprep (RFC 6122 §2.2) would
    // make another name of what an A-label says, since IDNA 2003 has no sharp s.
    let lower = if text.is_ascii() { lowered(text) } else { Cow::Borrowed(text) };
    if is_plain_domain(&lower) {
        return Ok(lower);
    }
    if lower.is_ascii() && !lower.contains("xn--") {
        return Err(JidError::Domain);
    }
    let (unicode, checked) = idna::domain_to_unicode(&lower);
    match checked {
        Ok(()) if is_name(&unicode) => Ok(Cow::Owned(unicode)),
        _ => Err(JidError::Domain),
    }
}

/// What IDNA leaves open: no empty label, and of ASCII only what names are made of.
fn is_name(unicode: &str) -> bool {
    let plain = |b: u8| !b.is_ascii() || is_domain_byte(b);
    unicode.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
}

pub(super) fn resource(text: &str, profile: Profile) -> Result<Cow<'_, str>, JidError> {
    if text.is_ascii() {
        return if text.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
            Ok(Cow::Borrowed(text))
        } else {
            Err(JidError::Resource)
        };
    }
    match profile {
        Profile::Stringprep => resourceprep(text),
        #[cfg(feature = "precis")]
        Profile::Precis => precis::resource(text),
    }
}

fn lowered(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        let mut owned = String::from(text);
        owned.make_ascii_lowercase();
        Cow::Owned(owned)
    } else {
        Cow::Borrowed(text)
    }
}

/// RFC 7622 §3.3 and §3.4, with the profiles of RFC 8265.
#[cfg(feature = "precis")]
mod precis {
    use super::{Cow, JidError};
    use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
    use precis_profiles::{OpaqueString, UsernameCaseMapped};

    pub(super) fn local(text: &str) -> Result<Cow<'_, str>, JidError> {
        stable(text, |text| UsernameCaseMapped::enforce(text).ok()).ok_or(JidError::Local)
    }

    pub(super) fn resource(text: &str) -> Result<Cow<'_, str>, JidError> {
        stable(text, |text| OpaqueString::enforce(text).ok()).ok_or(JidError::Resource)
    }

    /// RFC 8264 §7: what a second application changes is refused.
    fn stable<'a>(
        text: &'a str,
        prepare: impl Fn(&str) -> Option<Cow<'_, str>>,
    ) -> Option<Cow<'a, str>> {
        let once = prepare(text)?.into_owned();
        let same = prepare(&once)? == once;
        same.then_some(Cow::Owned(once))
    }
}

#[cfg(feature = "stringprep")]
mod tables {
    use super::{Cow, JidError};

    pub(super) fn nodeprep(text: &str) -> Result<Cow<'_, str>, JidError> {
        stable(text, |text| stringprep::nodeprep(text).ok()).ok_or(JidError::Local)
    }

    pub(super) fn resourceprep(text: &str) -> Result<Cow<'_, str>, JidError> {
        stable(text, |text| stringprep::resourceprep(text).ok()).ok_or(JidError::Resource)
    }

    /// What is prepared must stay as it is when it is prepared again, or two spellings of one
    /// address would be two addresses. Characters that are younger than the tables of RFC 3454
    /// do not: case is folded before normalisation, which may bring capitals back. Those are
    /// what RFC 3454 §7 wants refused in stored strings.
    fn stable(text: &str, prepare: impl Fn(&str) -> Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
        let once = prepare(text)?;
        let same = prepare(&once)? == once;
        same.then_some(once)
    }

    pub(crate) fn saslprep(text: &str) -> Option<Cow<'_, str>> {
        stringprep::saslprep(text).ok()
    }
}

#[cfg(not(feature = "stringprep"))]
mod tables {
    use super::{Cow, JidError};

    pub(super) fn nodeprep(_: &str) -> Result<Cow<'_, str>, JidError> {
        Err(JidError::Unprepared)
    }

    pub(super) fn resourceprep(_: &str) -> Result<Cow<'_, str>, JidError> {
        Err(JidError::Unprepared)
    }

    pub(crate) fn saslprep(text: &str) -> Option<Cow<'_, str>> {
        (text.bytes().all(|b| matches!(b, 0x20..=0x7e))).then_some(Cow::Borrowed(text))
    }
}

pub(crate) use tables::saslprep;
use tables::{nodeprep, resourceprep};

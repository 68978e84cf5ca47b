//! Addresses (RFC 7622, RFC 6122): borrowed as received, owned as prepared.

mod escape;
mod prep;
#[cfg(test)]
mod tests;

pub use escape::{escape_local, unescape_local};
pub(crate) use prep::saslprep;

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// Longest part of an address, in octets after preparation (RFC 7622 §3.1).
const PART_MAX: usize = 1023;

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum JidError {
    /// No domain.
    #[error("the address has no domain")]
    NoDomain,
    /// `@` with nothing before it.
    #[error("the local part is empty")]
    EmptyLocal,
    /// `/` with nothing behind it.
    #[error("the resource is empty")]
    EmptyResource,
    /// A part of more than 1023 octets.
    #[error("a part of the address is longer than 1023 octets")]
    TooLong,
    /// The local part has a character that is not allowed (RFC 7622 §3.3.1, RFC 6122 app. A).
    #[error("a character is not allowed in the local part")]
    Local,
    /// The domain is not a name, nor an IP literal (RFC 7622 §3.2).
    #[error("the domain is malformed")]
    Domain,
    /// The resource has a character that is not allowed (RFC 6122 app. B).
    #[error("a character is not allowed in the resource")]
    Resource,
    /// Not ASCII, and the crate was built without its feature `stringprep`.
    #[error("addresses outside of ASCII need the feature `stringprep`")]
    Unprepared,
}

/// By which rules an address is prepared. They agree on ASCII and differ beyond it: PRECIS
/// knows today's Unicode, stringprep that of 2002.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 6122 and 3920: what nearly all servers do, and so the default (XEP-0479 leaves
    /// RFC 7622 out for that reason).
    #[default]
    Stringprep,
    /// RFC 7622.
    #[cfg(feature = "precis")]
    Precis,
}

/// Where the parts of an address end: the split rules of RFC 7622 §3.1-3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Split {
    /// Offset of `@`.
    at: Option<u16>,
    /// Offset of `/`.
    slash: Option<u16>,
}

impl Split {
    /// The first `/` begins the resource; before it, the first `@` ends the local part. Both
    /// may stand in a resource.
    #[inline]
    fn of(text: &str) -> Result<Self, JidError> {
        let slash = memchr::memchr(b'/', text.as_bytes());
        let bare = slash.map_or(text, |slash| text.get(..slash).unwrap_or(""));
        let at = memchr::memchr(b'@', bare.as_bytes());
        let domain = bare.len().saturating_sub(at.map_or(0, |at| at.saturating_add(1)));
        let resource = slash.map_or(1, |s| text.len().saturating_sub(s).saturating_sub(1));
        match (at, domain, resource) {
            (Some(0), _, _) => Err(JidError::EmptyLocal),
            (_, 0, _) => Err(JidError::NoDomain),
            (_, _, 0) => Err(JidError::EmptyResource),
            _ if domain > PART_MAX || resource > PART_MAX || at.is_some_and(|at| at > PART_MAX) => {
                Err(JidError::TooLong)
            }
            _ => Ok(Self {
                at: at.and_then(|at| u16::try_from(at).ok()),
                slash: slash.and_then(|slash| u16::try_from(slash).ok()),
            }),
        }
    }

    fn local(self, text: &str) -> Option<&str> {
        text.get(..usize::from(self.at?))
    }

    fn domain(self, text: &str) -> &str {
        let start = self.at.map_or(0, |at| usize::from(at).saturating_add(1));
        text.get(start..self.bare_len(text)).unwrap_or("")
    }

    fn resource(self, text: &str) -> Option<&str> {
        text.get(usize::from(self.slash?).saturating_add(1)..)
    }

    fn bare_len(self, text: &str) -> usize {
        self.slash.map_or(text.len(), usize::from)
    }
}

/// An address as it was received: split, its lengths checked, nothing prepared. This is the
/// lenient inbound form: a peer's odd resource must not end a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JidRef<'a> {
    text: Cow<'a, str>,
    split: Split,
}

impl<'a> JidRef<'a> {
    /// Splits `text`.
    ///
    /// # Errors
    /// An empty part or one that is too long.
    #[inline]
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, JidError> {
        let text = text.into();
        let split = Split::of(&text)?;
        Ok(Self { text, split })
    }

    /// The part before `@`.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.split.local(&self.text)
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.split.domain(&self.text)
    }

    /// The part behind the first `/`.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.split.resource(&self.text)
    }

    /// Everything before the resource.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.text.get(..self.split.bare_len(&self.text)).unwrap_or("")
    }

    /// The whole address as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The prepared address.
    ///
    /// # Errors
    /// A part has a character that its profile does not allow.
    pub fn to_jid(&self) -> Result<Jid, JidError> {
        Jid::new(&self.text)
    }
}

impl fmt::Display for JidRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A prepared address: equal ones are equal as text.
///
/// ```
/// use xmpp_proto::jid::Jid;
///
/// let jid = Jid::new("Juliet@Example.ORG./Balcony/@1")?;
/// assert_eq!(jid.as_str(), "juliet@example.org/Balcony/@1");
/// assert_eq!((jid.local(), jid.domain(), jid.resource()), (Some("juliet"), "example.org", Some("Balcony/@1")));
/// assert_eq!(jid.to_bare().as_str(), jid.bare());
/// # Ok::<(), xmpp_proto::jid::JidError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    text: String,
    split: Split,
}

impl Jid {
    /// Splits and prepares `text` by the stringprep profiles of RFC 6122: the case of local
    /// part and domain is folded, the domain's trailing dot goes, A-labels become U-labels.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, JidError> {
        Self::with_profile(text, Profile::Stringprep)
    }

    /// The same by the rules of `profile`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn with_profile(text: &str, profile: Profile) -> Result<Self, JidError> {
        let split = Split::of(text)?;
        if prep::is_prepared(split.local(text), split.domain(text), split.resource(text)) {
            return Ok(Self { text: text.into(), split });
        }
        let mut out = String::with_capacity(text.len());
        if let Some(local) = split.local(text) {
            out.push_str(&prep::local(local, profile)?);
            out.push('@');
        }
        out.push_str(&prep::domain(split.domain(text))?);
        if let Some(resource) = split.resource(text) {
            out.push('/');
            out.push_str(&prep::resource(resource, profile)?);
        }
        // Lengths are those after preparation.
        let split = Split::of(&out)?;
        Ok(Self { text: out, split })
    }

    /// The part before `@`.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.split.local(&self.text)
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.split.domain(&self.text)
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.split.resource(&self.text)
    }

    /// The address without resource, as text.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.text.get(..self.split.bare_len(&self.text)).unwrap_or("")
    }

    /// Whether there is no resource.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.split.slash.is_none()
    }

    /// The address without resource.
    #[must_use]
    pub fn to_bare(&self) -> Self {
        Self { text: self.bare().into(), split: Split { at: self.split.at, slash: None } }
    }

    /// The same account or domain with `resource`.
    ///
    /// # Errors
    /// The resource is empty, too long or not allowed.
    pub fn with_resource(&self, resource: &str) -> Result<Self, JidError> {
        let mut text = String::from(self.bare());
        text.push('/');
        text.push_str(resource);
        Self::new(&text)
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The borrowed form.
    #[must_use]
    pub fn view(&self) -> JidRef<'_> {
        JidRef { text: Cow::Borrowed(&self.text), split: self.split }
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::new(text)
    }
}

impl AsRef<str> for Jid {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({:?})", self.text)
    }
}

//! URIs: sip and sips (RFC 3261 §19.1), tel (RFC 3966), and any other, which is kept.

mod compare;
mod parse;

use core::fmt;
use proto_wire::text::host::Host;
use proto_wire::text::params::Params;

/// A URI of any scheme.
///
/// ```
/// use sip_proto::Uri;
///
/// let uri = Uri::parse(b"sip:alice:secret@example.com:5070;transport=tcp?subject=hi")?;
/// let sip = uri.as_sip().unwrap();
/// assert_eq!((sip.user, sip.host.name(), sip.port), (Some("alice"), Some("example.com"), Some(5070)));
/// assert_eq!(sip.param("Transport"), Some("tcp"));
/// // RFC 3261 §19.1.4: escapes and the case of the host do not matter, an explicit port does.
/// assert!(Uri::parse(b"sip:%61lice@A.com")?.equivalent(&Uri::parse(b"sip:alice@a.COM")?));
/// assert!(!Uri::parse(b"sip:a.com:5060")?.equivalent(&Uri::parse(b"sip:a.com")?));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Uri<'a> {
    /// `sip:` or `sips:`.
    Sip(SipUri<'a>),
    /// `tel:`.
    Tel(TelUri<'a>),
    /// Any other scheme.
    Other(OtherUri<'a>),
}

/// A `sip:` or `sips:` URI.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SipUri<'a> {
    /// The whole URI as it stands.
    pub raw: &'a str,
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// The user part as it stands, escapes included.
    pub user: Option<&'a str>,
    /// The password as it stands; RFC 3261 §19.1.1 advises against it.
    pub password: Option<&'a str>,
    /// The host.
    pub host: Host<'a>,
    /// The port when one is given: absent is not the same as the default.
    pub port: Option<u16>,
    params: &'a str,
    headers: &'a str,
}

/// A `tel:` URI.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TelUri<'a> {
    /// The whole URI as it stands.
    pub raw: &'a str,
    /// The number as it stands, visual separators and a leading `+` included.
    pub number: &'a str,
    params: &'a str,
}

/// A URI of another scheme.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OtherUri<'a> {
    /// The whole URI as it stands.
    pub raw: &'a str,
    /// The scheme as it stands.
    pub scheme: &'a str,
    /// What follows the colon.
    pub rest: &'a str,
}

impl<'a> Uri<'a> {
    /// The whole URI as it stands.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            Self::Sip(uri) => uri.raw,
            Self::Tel(uri) => uri.raw,
            Self::Other(uri) => uri.raw,
        }
    }

    /// The scheme, in lower case where it is known.
    #[must_use]
    pub const fn scheme(&self) -> &'a str {
        match self {
            Self::Sip(uri) if uri.secure => "sips",
            Self::Sip(_) => "sip",
            Self::Tel(_) => "tel",
            Self::Other(uri) => uri.scheme,
        }
    }

    /// The URI when it is `sip:` or `sips:`.
    #[must_use]
    pub const fn as_sip(&self) -> Option<&SipUri<'a>> {
        match self {
            Self::Sip(uri) => Some(uri),
            _ => None,
        }
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> SipUri<'a> {
    /// The parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params.as_bytes())
    }

    /// The value of a parameter; empty for a parameter without a value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let param = self.params().param(name.as_bytes())?;
        match param.value {
            Some(value) => core::str::from_utf8(value).ok(),
            None => Some(""),
        }
    }

    /// Whether the parameter `lr` is there, with whatever value (`lr=on` is seen).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.params().contains(b"lr")
    }

    /// The headers, `?name=value&name=value`, in order.
    #[must_use]
    pub const fn headers(&self) -> Params<'a> {
        Params::separated(self.headers.as_bytes(), b'&')
    }

    /// Whether there are headers, which a request URI may not have.
    #[must_use]
    pub const fn has_headers(&self) -> bool {
        !self.headers.is_empty()
    }
}

impl<'a> TelUri<'a> {
    /// The parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params.as_bytes())
    }

    /// Whether the number is global: begins with `+`.
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.number.starts_with('+')
    }
}

#[cfg(test)]
mod tests;

//! Headers that are a word with parameters: events, reasons, preferences.

use super::contact::delta_seconds;
use crate::message::{HeaderName, TypedHeader};
use alloc::borrow::Cow;
use core::fmt;
use proto_wire::text::chars;
use proto_wire::text::params::Params;
use proto_wire::{ParseError, ParseErrorKind};

/// A word and the parameters behind it: `word *(SEMI generic-param)`. RFC 3261 §25.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worded<'a> {
    /// The word as it stands.
    pub word: &'a str,
    params: &'a str,
}

impl<'a> Worded<'a> {
    /// The word without parameters; it must be a token to be sent.
    #[must_use]
    pub const fn new(word: &'a str) -> Self {
        Self { word, params: "" }
    }

    /// The same with these parameters, each with its semicolon: `;id=7`.
    #[must_use]
    pub const fn with_params(mut self, params: &'a str) -> Self {
        self.params = params;
        self
    }

    /// All parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params.as_bytes())
    }

    /// The value of a parameter as it stands; empty for one without a value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let param = self.params().param(name.as_bytes())?;
        Some(param.text().unwrap_or(""))
    }

    /// Whether the word is `word`, in any case.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.word.eq_ignore_ascii_case(word)
    }

    fn unquoted(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.params().param(name.as_bytes())?.unquoted()? {
            Cow::Borrowed(bytes) => core::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => alloc::string::String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        self.param(name).and_then(|v| delta_seconds(v.as_bytes()))
    }

    /// Reads a word for which `legal` holds, and parameters.
    pub(super) fn parse_with(
        value: &'a [u8],
        legal: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, ParseError> {
        let text = core::str::from_utf8(value)
            .map_err(|e| ParseError::new(ParseErrorKind::Utf8, e.valid_up_to()))?;
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (word, params) = text.split_at_checked(end).unwrap_or((text, ""));
        let word = trim_end(word);
        if word.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, 0));
        }
        if !legal(word.as_bytes()) {
            return Err(ParseError::new(ParseErrorKind::Token, 0));
        }
        Ok(Self { word, params })
    }
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\r', '\n'])
}

impl fmt::Display for Worded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)?;
        super::print::unfolded(f, self.params.as_bytes())
    }
}

/// `type/subtype`, `*/*` included.
fn is_media_range(word: &[u8]) -> bool {
    let Some(slash) = memchr::memchr(b'/', word) else { return false };
    let (kind, subtype) = word.split_at_checked(slash).unwrap_or((word, &[]));
    chars::is_sip_token(chars::trim(kind))
        && chars::is_sip_token(chars::trim(subtype.get(1..).unwrap_or(&[])))
}

macro_rules! worded_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident $legal:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name<'a>(pub Worded<'a>);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                Worded::parse_with(value, $legal).map(Self)
            }
        }

        impl<'a> core::ops::Deref for $name<'a> {
            type Target = Worded<'a>;
            fn deref(&self) -> &Worded<'a> {
                &self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

worded_headers! {
    /// `Event` (RFC 6665 §8.2.1): the package, templates with dots included, and its `id`.
    Event EVENT chars::is_sip_token;
    /// One value of `Allow-Events` (RFC 6665 §8.2.2).
    AllowEvents ALLOW_EVENTS chars::is_sip_token;
    /// `Subscription-State` (RFC 6665 §8.2.3).
    SubscriptionState SUBSCRIPTION_STATE chars::is_sip_token;
    /// One value of `Reason` (RFC 3326).
    Reason REASON chars::is_sip_token;
    /// `Content-Disposition` (RFC 3261 §20.11).
    ContentDisposition CONTENT_DISPOSITION chars::is_sip_token;
    /// One value of `Accept` (RFC 3261 §20.1).
    Accept ACCEPT is_media_range;
    /// One value of `Accept-Encoding` (RFC 3261 §20.2).
    AcceptEncoding ACCEPT_ENCODING chars::is_sip_token;
    /// One value of `Accept-Language` (RFC 3261 §20.3).
    AcceptLanguage ACCEPT_LANGUAGE chars::is_sip_token;
    /// One value of `Content-Encoding` (RFC 3261 §20.12).
    ContentEncoding CONTENT_ENCODING chars::is_sip_token;
    /// One value of `Content-Language` (RFC 3261 §20.13).
    ContentLanguage CONTENT_LANGUAGE chars::is_sip_token;
    /// One value of `Accept-Contact` (RFC 3841 §9.2): `*` and features.
    AcceptContact ACCEPT_CONTACT is_star;
    /// One value of `Reject-Contact` (RFC 3841 §9.2): `*` and features.
    RejectContact REJECT_CONTACT is_star;
    /// One value of `Request-Disposition` (RFC 3841 §9.1).
    RequestDisposition REQUEST_DISPOSITION chars::is_sip_token;
    /// `Priority` (RFC 3261 §20.26).
    Priority PRIORITY chars::is_sip_token;
    /// `Info-Package` (RFC 6086 §12.2).
    InfoPackage INFO_PACKAGE chars::is_sip_token;
    /// One value of `Recv-Info` (RFC 6086 §12.3).
    RecvInfo RECV_INFO chars::is_sip_token;
    /// `SIP-ETag` (RFC 3903 §11.3.1).
    SipEtag SIP_ETAG chars::is_sip_token;
    /// `SIP-If-Match` (RFC 3903 §11.3.2).
    SipIfMatch SIP_IF_MATCH chars::is_sip_token;
    /// `Refer-Sub` (RFC 4488 §3): `true` or `false`.
    ReferSub REFER_SUB chars::is_sip_token;
}

fn is_star(word: &[u8]) -> bool {
    word == b"*"
}

impl<'a> Event<'a> {
    /// The `id` that tells subscriptions of one package apart.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.param("id")
    }

    /// Whether both name the same subscription (RFC 6665 §8.2.1): packages and ids compare
    /// byte by byte, other parameters do not count.
    #[must_use]
    pub fn matches(&self, other: &Event<'_>) -> bool {
        self.word == other.word && self.id() == other.id()
    }
}

impl<'a> SubscriptionState<'a> {
    /// Seconds that are left.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.seconds("expires")
    }

    /// Why it ended (RFC 6665 §4.1.3): decides whether to subscribe again.
    #[must_use]
    pub fn reason(&self) -> Option<&'a str> {
        self.param("reason")
    }

    /// Seconds to wait before subscribing again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds("retry-after")
    }

    /// Whether the subscription has ended.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.is("terminated")
    }
}

impl<'a> Reason<'a> {
    /// The protocol's cause: for `SIP` a status code.
    #[must_use]
    pub fn cause(&self) -> Option<u32> {
        self.param("cause").and_then(|v| chars::parse_u32(v.as_bytes()))
    }

    /// The text, without quotes.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.unquoted("text")
    }
}

impl ReferSub<'_> {
    /// Whether a subscription is wanted; anything but `false` wants one.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.is("false")
    }
}

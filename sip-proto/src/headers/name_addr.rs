//! `From`, `To`, `Route` and all that have a URI with a name and parameters
//! (RFC 3261 §20.10, §25.1 `name-addr`, RFC 8217).

use crate::message::{HeaderName, TypedHeader};
use crate::uri::Uri;
use alloc::borrow::Cow;
use core::ops::Deref;
use proto_wire::text::params::Params;
use proto_wire::text::window::{self, Window};
use proto_wire::text::{chars, list, quoted};
use proto_wire::{ParseError, ParseErrorKind};

/// A URI with a display name before it and parameters behind it.
///
/// ```
/// use sip_proto::headers::NameAddr;
///
/// let from = NameAddr::parse(br#""A. \"B\"" <sip:a@h;lr>;tag=7"#)?;
/// assert_eq!(from.display().unwrap(), r#"A. "B""#);
/// assert_eq!((from.uri()?.as_str(), from.tag()), ("sip:a@h;lr", Some("7")));
/// // Without brackets the parameters are the header's, not the URI's (RFC 3261 §20.10).
/// let from = NameAddr::parse(b"sip:a@h;tag=7")?;
/// assert_eq!((from.uri()?.as_str(), from.tag()), ("sip:a@h", Some("7")));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NameAddr<'a> {
    /// The value as it stands.
    pub raw: &'a [u8],
    display: &'a [u8],
    uri: &'a [u8],
    uri_at: usize,
    bracketed: bool,
    params: &'a [u8],
    /// The same as `raw`, when it is known to be text, and what follows it.
    text: Option<&'a str>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. The URI is only delimited here; [`NameAddr::uri`] reads it.
    ///
    /// # Errors
    /// [`ParseErrorKind::QuotedString`] and [`ParseErrorKind::AngleBracket`] without their end,
    /// [`ParseErrorKind::Uri`] for a bare URI with `?` or `,` (RFC 8217) or none,
    /// [`ParseErrorKind::TrailingData`] for text behind `>`.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Result<Self, ParseError> {
        match Self::usual(raw, raw.len()) {
            Some(address) => Ok(address),
            None => Self::any(raw),
        }
    }

    /// [`NameAddr::parse`] of what is known to be text: then neither is its URI nor its tag looked at
    /// for that.
    ///
    /// # Errors
    /// As [`NameAddr::parse`].
    #[inline]
    pub fn parse_text(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_leading(text, text.len())
    }

    /// The same of the first `len` bytes of a text that goes on; see [`TypedHeader::parse_leading`].
    pub(super) fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
        let read = match Self::usual(text.as_bytes(), len) {
            Some(address) => Ok(address),
            None => Self::any(text.as_bytes().get(..len).unwrap_or(text.as_bytes())),
        };
        match read {
            Ok(read) => Ok(Self { text: Some(text), ..read }),
            error => error,
        }
    }

    /// The value as it is written nearly always: perhaps a name, a URI in brackets with no
    /// white space at its ends, and parameters right behind it. It is the first `len` of `bytes`.
    #[inline(always)]
    pub(super) fn usual(bytes: &'a [u8], len: usize) -> Option<Self> {
        let raw = bytes.get(..len)?;
        let window = Window::at(bytes, 0);
        let (display, open) = if raw.first() == Some(&b'"') {
            // All quotes but the first.
            let quotes = window.equal(b'"') & !1;
            let end = quotes.trailing_zeros() as usize;
            if quotes == 0 || window.equal(b'\\') & window::first(end) != 0 {
                return None;
            }
            let name_end = end.wrapping_add(1);
            let space = usize::from(raw.get(name_end) == Some(&b' '));
            (raw.get(..name_end)?, name_end.wrapping_add(space))
        } else {
            let open = window.equal(b'<').trailing_zeros() as usize;
            (chars::trim(raw.get(..open)?), open)
        };
        // A quote behind what a head would have trimmed is not seen here.
        if raw.first().is_some_and(|first| chars::is_lws(*first)) {
            return None;
        }
        let uri_at = open.wrapping_add(1);
        let close = (window.equal(b'>') & !window::first(uri_at)).trailing_zeros() as usize;
        let close = match close {
            Window::LEN => uri_at.wrapping_add(chars::find(raw.get(uri_at..)?, b'>')?),
            close => close,
        };
        let (uri, params) = (raw.get(uri_at..close)?, raw.get(close.wrapping_add(1)..)?);
        let ends = [uri.first()?, uri.last()?];
        let odd = raw.get(open) != Some(&b'<') || ends.iter().any(|b| chars::is_lws(**b));
        if odd || !matches!(params.first(), None | Some(b';')) {
            return None;
        }
        Some(Self { raw, display, uri, uri_at, bracketed: true, params, text: None })
    }

    /// The same in any form, or what is wrong.
    #[cold]
    pub(super) fn any(raw: &'a [u8]) -> Result<Self, ParseError> {
        // A value on its own may begin with what a head has trimmed.
        match chars::lws_len(raw) {
            0 => Self::trimmed(raw),
            lead => match Self::trimmed(raw.get(lead..).unwrap_or(&[])) {
                Ok(read) => Ok(Self { raw, uri_at: read.uri_at.saturating_add(lead), ..read }),
                Err(error) => Err(error.at(lead)),
            },
        }
    }

    fn trimmed(raw: &'a [u8]) -> Result<Self, ParseError> {
        let error = |kind, at| Err(ParseError::new(kind, at));
        let name_end = if raw.first() == Some(&b'"') {
            match quoted::end(raw) {
                Some(end) => end,
                None => return error(ParseErrorKind::QuotedString, 0),
            }
        } else {
            0
        };
        let behind_name = raw.get(name_end..).unwrap_or(&[]);
        let Some(open) = memchr::memchr(b'<', behind_name) else {
            return if name_end == 0 {
                Self::bare(raw)
            } else {
                error(ParseErrorKind::AngleBracket, name_end)
            };
        };
        let open = name_end.saturating_add(open);
        let uri_at = open.saturating_add(1);
        let inside = raw.get(uri_at..).unwrap_or(&[]);
        let Some(close) = memchr::memchr(b'>', inside) else {
            return error(ParseErrorKind::AngleBracket, open);
        };
        let lead = chars::lws_len(inside);
        let uri = chars::trim(inside.get(..close).unwrap_or(&[]));
        let behind_at = uri_at.saturating_add(close).saturating_add(1);
        let behind = raw.get(behind_at..).unwrap_or(&[]);
        let space = chars::lws_len(behind);
        let params = behind.get(space..).unwrap_or(&[]);
        if !matches!(params.first(), None | Some(b';')) {
            return error(ParseErrorKind::TrailingData, behind_at.saturating_add(space));
        }
        let display = if name_end == 0 {
            raw.get(..open).map_or(&[][..], chars::trim)
        } else {
            let between = raw.get(name_end..open).unwrap_or(&[]);
            if chars::lws_len(between) != between.len() {
                return error(ParseErrorKind::TrailingData, name_end);
            }
            raw.get(..name_end).unwrap_or(&[])
        };
        let uri_at = uri_at.saturating_add(lead);
        Ok(Self { raw, display, uri, uri_at, bracketed: true, params, text: None })
    }

    /// `addr-spec` without brackets: it ends at the first `;`, and may not hold `?` or `,`.
    fn bare(raw: &'a [u8]) -> Result<Self, ParseError> {
        let end = memchr::memchr(b';', raw).unwrap_or(raw.len());
        let (uri, params) = raw.split_at_checked(end).unwrap_or((raw, &[]));
        let uri = chars::trim_end(uri);
        if let Some(at) = memchr::memchr3(b'?', b',', b'>', uri) {
            return Err(ParseError::new(ParseErrorKind::Uri, at));
        }
        if uri.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, 0));
        }
        Ok(Self { raw, display: &[], uri, uri_at: 0, bracketed: false, params, text: None })
    }

    /// The display name without quotes and escapes; `None` when there is none, and with
    /// replacement characters where it is not UTF-8.
    #[must_use]
    pub fn display(&self) -> Option<Cow<'a, str>> {
        if self.display.is_empty() {
            return None;
        }
        Some(match quoted::unquote(self.display) {
            Cow::Borrowed(bytes) => alloc::string::String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => {
                Cow::Owned(alloc::string::String::from_utf8_lossy(&bytes).into_owned())
            }
        })
    }

    /// The display name as it stands, quotes included.
    #[must_use]
    pub const fn display_bytes(&self) -> &'a [u8] {
        self.display
    }

    /// The URI.
    ///
    /// # Errors
    /// When it is malformed; the offset is in the header's value.
    #[inline]
    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        let read = match self.text.and_then(|text| text.get(self.uri_at..)) {
            Some(text) => Uri::parse_leading(text, self.uri.len()),
            None => Uri::parse(self.uri),
        };
        match read {
            Err(error) => Err(error.at(self.uri_at)),
            uri => uri,
        }
    }

    /// The URI as it stands.
    #[must_use]
    pub const fn uri_bytes(&self) -> &'a [u8] {
        self.uri
    }

    /// Whether the URI stands in angle brackets.
    #[must_use]
    pub const fn is_bracketed(&self) -> bool {
        self.bracketed
    }

    /// The first byte that the grammar does not have: white space within the brackets, a
    /// display name that is neither quoted nor made of tokens. Tolerated; the strict profile
    /// refuses it.
    #[must_use]
    pub fn first_oddity(&self) -> Option<usize> {
        if self.bracketed {
            let open = self.raw.get(..self.uri_at).unwrap_or(&[]);
            if open.last() != Some(&b'<') {
                return Some(self.uri_at);
            }
            let end = self.uri_at.saturating_add(self.uri.len());
            if self.raw.get(end) != Some(&b'>') {
                return Some(end);
            }
        }
        if self.display.first() == Some(&b'"') {
            return None;
        }
        self.display.iter().position(|b| !chars::is_sip_token_byte(*b) && !chars::is_lws(*b))
    }

    /// The parameters of the header, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params)
    }

    /// The tag, when there is one that is not empty (RFC 3261 §19.3).
    #[must_use]
    #[inline]
    pub fn tag(&self) -> Option<&'a str> {
        // The parameters are the end of the value.
        let params_at = self.raw.len().saturating_sub(self.params.len());
        let tag = match self.text.and_then(|text| text.get(params_at..self.raw.len())) {
            Some(params) => super::quick::text(params, b"tag")?,
            None => chars::utf8(super::quick::value(self.params, b"tag")?)?,
        };
        if tag.is_empty() { None } else { Some(tag) }
    }
}

macro_rules! name_addr_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name<'a>(pub NameAddr<'a>);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            #[inline]
            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                NameAddr::parse(value).map(Self)
            }

            #[inline]
            fn parse_text(value: &'a str) -> Result<Self, ParseError> {
                NameAddr::parse_text(value).map(Self)
            }

            #[inline]
            fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
                NameAddr::parse_leading(text, len).map(Self)
            }
        }

        impl<'a> Deref for $name<'a> {
            type Target = NameAddr<'a>;
            fn deref(&self) -> &NameAddr<'a> {
                &self.0
            }
        }

        impl core::fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

pub(super) use name_addr_headers;

name_addr_headers! {
    /// `From` (RFC 3261 §20.20).
    From FROM;
    /// `To` (RFC 3261 §20.39).
    To TO;
    /// One value of `Route` (RFC 3261 §20.34).
    Route ROUTE;
    /// One value of `Record-Route` (RFC 3261 §20.30).
    RecordRoute RECORD_ROUTE;
    /// One value of `Path` (RFC 3327).
    Path PATH;
    /// One value of `Service-Route` (RFC 3608).
    ServiceRoute SERVICE_ROUTE;
}

/// The end of the first value in a row of `Route` or `Via`, its comma and the white space
/// behind it included: what popping removes.
pub(crate) fn first_value_end(row: &[u8]) -> usize {
    let mut items = list::Items::new(row);
    let _first = items.next();
    match items.next() {
        Some(second) => second.offset,
        None => row.len(),
    }
}

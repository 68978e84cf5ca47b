//! Who speaks, and by which way: Server, User-Agent, Via, From, Referrer, Conference.

use super::bytes::{is_lws, offset_in, text, trim};
use super::parts::{Params, Quoted, unquoted, with_params};
use super::{HeaderName, TypedHeader};
use alloc::borrow::Cow;
use core::fmt;
use proto_wire::text::chars::is_token_byte;
use proto_wire::text::host::HostPort;
use proto_wire::text::list::{Items, comment_end};
use proto_wire::{ParseError, ParseErrorKind};

/// A part of [`UserAgent`] or [`Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
pub enum Product<'a> {
    /// `name/version`, or a name alone.
    Product {
        /// What it is.
        name: &'a str,
        /// Which one.
        version: Option<&'a str>,
    },
    /// A comment, without its parentheses; it may hold others.
    Comment(&'a str),
}

impl fmt::Display for Product<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product { name, version: None } => f.write_str(name),
            Self::Product { name, version: Some(version) } => write!(f, "{name}/{version}"),
            Self::Comment(comment) => write!(f, "({comment})"),
        }
    }
}

/// The parts of `text`, in order: words and comments that white space separates. A comment
/// that does not end goes to the end.
fn products(text: &str) -> impl Iterator<Item = Product<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('(') {
            let end = comment_end(rest.as_bytes());
            let len = end.map_or(inner.len(), |end| end.saturating_sub(2));
            let comment = inner.get(..len).unwrap_or(inner);
            rest = end.and_then(|end| rest.get(end..)).unwrap_or("");
            return Some(Product::Comment(comment));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '(').unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(match word.split_once('/') {
            Some((name, version)) => Product::Product { name, version: Some(version) },
            None => Product::Product { name: word, version: None },
        })
    })
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident,)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "one text")]
        pub struct $name<'a>(
            /// The value as written, without white space around it.
            pub &'a str,
        );

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                text(trim(value)).map(Self)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    )* };
}

texts! {
    /// `User-Agent` (RFC 2326 §12.41, RFC 7826 §18.56): what asks.
    UserAgent,
    /// `Server` (RFC 2326 §12.36, RFC 7826 §18.48): what answers.
    Server,
    /// `Referrer` (RFC 7826 §18.41): where the client found the URI.
    Referrer,
    /// `Referer`, as RTSP 1.0 spells it (RFC 2326 §12.30).
    Referer,
    /// `Conference` (RFC 2326 §12.9): the conference that the stream belongs to.
    Conference,
    /// `Host` (RFC 2326 §12.21): RTSP does not need it, and whoever receives it ignores it.
    Host,
}

impl<'a> UserAgent<'a> {
    /// Products and comments, in order.
    pub fn products(self) -> impl Iterator<Item = Product<'a>> {
        products(self.0)
    }
}

impl<'a> Server<'a> {
    /// Products and comments, in order.
    pub fn products(self) -> impl Iterator<Item = Product<'a>> {
        products(self.0)
    }
}

/// `From` (RFC 2326 §12.20, RFC 7826 §18.23): who is responsible for the client. A mail
/// address in 1.0, a URI in 2.0, with or without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FromHeader<'a> {
    /// The name, without quotes.
    pub display_name: Option<Cow<'a, str>>,
    /// The address.
    pub address: &'a str,
    /// Parameters, `tag` among them.
    pub params: Params<'a>,
}

impl<'a> FromHeader<'a> {
    /// An address.
    #[must_use]
    pub const fn new(address: &'a str) -> Self {
        Self { display_name: None, address, params: Params::NONE }
    }

    /// With this name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.display_name = Some(name.into());
        self
    }
}

/// White space of the grammar; Unicode has more, which belongs to names and addresses.
fn is_lws_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_lws)
}

impl<'a> TypedHeader<'a> for FromHeader<'a> {
    const NAME: HeaderName = HeaderName::From;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let whole = trim(value);
        // Behind a quoted name, so that a `<` in it is not taken for the address.
        let quoted = proto_wire::text::quoted::end(whole).unwrap_or(0);
        let (_, behind) = whole.split_at_checked(quoted).unwrap_or((&[], whole));
        let Some(open) = memchr::memchr(b'<', behind).map(|at| at.saturating_add(quoted)) else {
            let (address, params) = with_params(whole)?;
            if address.is_empty() {
                return Err(ParseError::new(ParseErrorKind::Empty, 0));
            }
            if let Some(at) = memchr::memchr(b'>', address) {
                let at = offset_in(value, address).saturating_add(at);
                return Err(ParseError::new(ParseErrorKind::AngleBracket, at));
            }
            return Ok(Self { display_name: None, address: text(address)?, params });
        };
        let close = whole
            .get(open..)
            .and_then(|rest| memchr::memchr(b'>', rest))
            .map(|at| at.saturating_add(open))
            .ok_or_else(|| {
                ParseError::new(ParseErrorKind::AngleBracket, offset_in(value, whole))
            })?;
        let part = |from: usize, to: usize| text(whole.get(from..to).unwrap_or(&[]));
        let name = part(0, open)?.trim_matches(is_lws_char);
        let params = part(close.saturating_add(1), whole.len())?;
        Ok(Self {
            display_name: (!name.is_empty()).then(|| unquoted(name)),
            address: part(open.saturating_add(1), close)?.trim_matches(is_lws_char),
            params: Params::new(params.trim_start_matches(|c: char| c != ';')),
        })
    }
}

impl fmt::Display for FromHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.display_name {
            None => write!(f, "<{}>{}", self.address, self.params),
            Some(name) => write!(f, "{} <{}>{}", Quoted(name), self.address, self.params),
        }
    }
}

/// One entry of [`Via`]: a proxy on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViaHop<'a> {
    /// `RTSP/2.0/TCP`, or, as HTTP and many examples have it, `RTSP/2.0` or `2.0`.
    pub protocol: &'a str,
    /// Host and port, or a pseudonym.
    pub sent_by: &'a str,
    /// `received`, `maddr`, `ttl` and others.
    pub params: Params<'a>,
    /// A comment, without its parentheses (RFC 2326, by way of HTTP).
    pub comment: Option<&'a str>,
}

impl<'a> ViaHop<'a> {
    /// An entry.
    #[must_use]
    pub const fn new(protocol: &'a str, sent_by: &'a str) -> Self {
        Self { protocol, sent_by, params: Params::NONE, comment: None }
    }

    /// The version, `2.0` for one.
    #[must_use]
    pub fn version(&self) -> &'a str {
        let mut parts = self.protocol.split('/');
        match (parts.next(), parts.next()) {
            (_, Some(version)) => version.trim(),
            (first, None) => first.unwrap_or(""),
        }
    }

    /// The transport, `TCP` for one, when it is said.
    #[must_use]
    pub fn transport(&self) -> Option<&'a str> {
        self.protocol.split('/').nth(2).map(str::trim)
    }

    /// Host and port.
    ///
    /// # Errors
    /// It is a pseudonym that is no host.
    pub fn host_port(&self) -> Result<HostPort<'a>, ParseError> {
        HostPort::parse(self.sent_by.as_bytes())
    }

    fn parse(item: &'a [u8]) -> Result<Self, ParseError> {
        // White space stands around slashes (`RTSP / 2.0 / TCP`); the first one that does
        // not is the end of the protocol.
        let mut end = 0;
        let mut is_joined = false;
        for (i, byte) in item.iter().enumerate() {
            if *byte == b'/' {
                is_joined = true;
            } else if !is_lws(*byte) {
                let is_new_word = i > 0 && item.get(i.wrapping_sub(1)).is_some_and(|b| is_lws(*b));
                if is_new_word && !is_joined {
                    break;
                }
                is_joined = false;
            }
            end = i.saturating_add(1);
        }
        let (protocol, rest) = item.split_at_checked(end).unwrap_or((item, &[]));
        let is_protocol = |b: &u8| is_token_byte(*b) || *b == b'/' || is_lws(*b);
        if let Some(at) = protocol.iter().position(|b| !is_protocol(b)) {
            return Err(ParseError::new(ParseErrorKind::Token, at));
        }
        let protocol = text(trim(protocol))?;
        if rest.is_empty() {
            return Err(ParseError::new(ParseErrorKind::MissingParameter, item.len()));
        }
        let open = comment_start(rest).map_err(|error| error.at(offset_in(item, rest)))?;
        let (rest, behind) = rest.split_at_checked(open).unwrap_or((rest, &[]));
        let comment = match behind {
            [] => None,
            all => {
                let at = offset_in(item, all);
                let end =
                    comment_end(all).ok_or_else(|| ParseError::new(ParseErrorKind::Comment, at))?;
                let inner = all.get(1..end.saturating_sub(1)).unwrap_or(&[]);
                Some(text(inner).map_err(|error| error.at(at))?)
            }
        };
        let at = offset_in(item, rest);
        let (sent_by, params) = with_params(rest).map_err(|error| error.at(at))?;
        let sent_by = text(sent_by).map_err(|error| error.at(at))?;
        let is_odd = |c: char| c.is_ascii_whitespace() || matches!(c, '"' | '<' | '>' | '\\');
        if sent_by.is_empty() || sent_by.contains(is_odd) {
            return Err(ParseError::new(ParseErrorKind::Host, at));
        }
        Ok(Self { protocol, sent_by, params, comment })
    }
}

/// Where a comment begins, outside of quotes, or the end. What would swallow the commas
/// behind it is refused.
fn comment_start(bytes: &[u8]) -> Result<usize, ParseError> {
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        let step = match byte {
            b'(' => return Ok(at),
            b'<' | b'>' => return Err(ParseError::new(ParseErrorKind::AngleBracket, at)),
            b'"' => proto_wire::text::quoted::end(bytes.get(at..).unwrap_or(&[]))
                .ok_or_else(|| ParseError::new(ParseErrorKind::QuotedString, at))?,
            _ => 1,
        };
        at = at.saturating_add(step);
    }
    Ok(at)
}

impl fmt::Display for ViaHop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.protocol, self.sent_by, self.params)?;
        self.comment.map_or(Ok(()), |comment| write!(f, " ({comment})"))
    }
}

/// `Via` (RFC 2326 §12.43, RFC 7826 §18.57): the proxies on the way, in the order passed.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a>(&'a [u8]);

impl<'a> Via<'a> {
    /// The entries; commas in comments do not separate.
    pub fn iter(&self) -> impl Iterator<Item = Result<ViaHop<'a>, ParseError>> + use<'a> {
        Items::new(self.0)
            .filter(|item| !item.bytes.is_empty())
            .map(|item| ViaHop::parse(item.bytes).map_err(|error| error.at(item.offset)))
    }

    /// Whether `sent_by` is among them, in any case: the message went in a circle.
    #[must_use]
    pub fn has_passed(&self, sent_by: &str) -> bool {
        self.iter().any(|hop| hop.is_ok_and(|hop| hop.sent_by.eq_ignore_ascii_case(sent_by)))
    }
}

impl<'a> TypedHeader<'a> for Via<'a> {
    const NAME: HeaderName = HeaderName::Via;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self(value))
    }
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, hop) in self.iter().filter_map(Result::ok).enumerate() {
            write!(f, "{}{hop}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::join;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn products_and_comments_are_told_apart() {
        let agent = UserAgent::parse(b"LibVLC/3.0.18 (LIVE555 (a) v1) PhonyClient x/y/z").unwrap();
        let product = |name, version| Product::Product { name, version };
        assert_eq!(
            agent.products().collect::<Vec<_>>(),
            [
                product("LibVLC", Some("3.0.18")),
                Product::Comment("LIVE555 (a) v1"),
                product("PhonyClient", None),
                product("x", Some("y/z")),
            ]
        );
        let server = Server::parse(b"GStreamer RTSP server").unwrap();
        assert_eq!(server.products().count(), 3);
        let open: Vec<_> = Server("a(b c").products().collect();
        assert_eq!(open, [product("a", None), Product::Comment("b c")]);
        assert!(Server::parse(b"caf\xe9").is_err(), "this value alone is lost");
    }

    #[test]
    fn from_is_an_address_or_a_uri_with_or_without_a_name() {
        for (text, name, address, tag) in [
            ("webmaster@w3.org", None, "webmaster@w3.org", None),
            ("<rtsp://a/b,c;d>;tag=7", None, "rtsp://a/b,c;d", Some("7")),
            ("Ann B <sip:ann@h> ; Tag=x", Some("Ann B"), "sip:ann@h", Some("x")),
            ("\"B <c> \\\"d\\\"\" <sip:b@h>", Some("B <c> \"d\""), "sip:b@h", None),
            ("rtsp://a/b;tag=1", None, "rtsp://a/b", Some("1")),
            // White space of Unicode, not of the grammar.
            ("\u{85}", None, "\u{85}", None),
        ] {
            let from = FromHeader::parse(text.as_bytes()).unwrap();
            assert_eq!(from.display_name.as_deref(), name, "{text}");
            assert_eq!((from.address, from.params.get("tag").as_deref()), (address, tag), "{text}");
            let written = from.to_string();
            assert_eq!(FromHeader::parse(written.as_bytes()), Ok(from), "{written}");
        }
        assert!(FromHeader::parse(b"").is_err());
        assert!(FromHeader::parse(b"a <b").is_err());
    }

    /// RFC 7826 §18.38 and §19.3 (without the transport), §20.2.3, and RFC 2616 §14.45.
    #[test]
    fn hops_are_read_as_all_write_them() {
        let via = Via::parse(
            b"2.0 pro.example.com, RTSP/2.0 proxy.example.org, RTSP / 2.0 / TCP \
              [::1]:554;received=192.0.2.1;x=\"a,b\", 1.0 fred (Apache/1.1, b)",
        )
        .unwrap();
        let hops: Vec<_> = via.iter().map(Result::unwrap).collect();
        assert_eq!(hops.len(), 4);
        assert_eq!((hops[0].version(), hops[0].transport()), ("2.0", None));
        assert_eq!((hops[1].version(), hops[1].sent_by), ("2.0", "proxy.example.org"));
        assert_eq!((hops[2].version(), hops[2].transport()), ("2.0", Some("TCP")));
        assert_eq!(hops[2].host_port().unwrap().port, Some(554));
        assert_eq!(hops[2].params.get("received").as_deref(), Some("192.0.2.1"));
        assert_eq!(hops[3].comment, Some("Apache/1.1, b"));
        assert!(via.has_passed("PRO.example.com") && !via.has_passed("pro"));
        let odd: Vec<_> = Via(b"2.0, a b, 2.0 a b, 2.0 (c").iter().map(|h| h.is_ok()).collect();
        assert_eq!(odd, [false, true, false, false]);
        let quotes: Vec<_> = Via(b"2.0\" / x y, 2.0 \"a\"").iter().map(|h| h.is_ok()).collect();
        assert_eq!(quotes, [false]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn hops_and_senders_are_read_as_written(
            hosts in prop::collection::vec("[a-z][a-z0-9.]{0,10}", 0..4),
            name in prop::option::of("[ -~]{0,10}"),
            comment in prop::option::of("[a-z, ]{0,8}"),
        ) {
            let hops: Vec<_> = hosts
                .iter()
                .map(|host| ViaHop {
                    comment: comment.as_deref(),
                    params: Params::new("received=\"a,b\";x"),
                    ..ViaHop::new("RTSP/2.0/TLS", host)
                })
                .collect();
            let text = join(&hops).to_string();
            let read: Vec<_> = Via::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert_eq!(read, hops.into_iter().map(Ok).collect::<Vec<_>>());
            let mut from = FromHeader::new("rtsp://h/a");
            from.display_name = name.map(Into::into);
            let text = from.to_string();
            prop_assert_eq!(FromHeader::parse(text.as_bytes()), Ok(from));
        }
    }
}

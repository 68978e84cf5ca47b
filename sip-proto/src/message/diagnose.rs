//! What was tolerated in the values of a message, by name and place: for logs, tools and tests that
//! want to know what a peer is like. Nothing on the way of a message asks for it.

use super::{HeaderName, Headers, Message, Method};
use crate::headers::{Contact, NameAddr, Via};
use crate::message::TypedHeader;
use crate::uri::{SipUri, Uri};
use alloc::vec::Vec;
use core::fmt;
use proto_wire::head::Quirk;
use proto_wire::text::host::Host;
use proto_wire::text::list::Items;
use proto_wire::text::params::Params;

/// A deviation from the grammar, or something unknown, that was read all the same.
/// RFC 3261 §25.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Oddity {
    /// A deviation in the head that the scanner or the framer noticed.
    Head(Quirk),
    /// A datagram without Content-Length: legal, but all should send it (RFC 3261 §20.14).
    NoContentLength,
    /// A request without Max-Forwards, as in RFC 2543.
    NoMaxForwards,
    /// A method that has no name here.
    UnknownMethod,
    /// A URI whose scheme is none of sip, sips and tel.
    UnknownScheme,
    /// A Via whose transport has no name here.
    UnknownTransport,
    /// A From or a response's To without a tag, as in RFC 2543.
    NoTag,
    /// A display name that is neither quoted nor made of tokens, or white space in the brackets.
    DisplayName,
    /// A URI that stands without angle brackets although it is followed by parameters: they are the
    /// header's (RFC 3261 §20.10).
    NoBrackets,
    /// A raw byte in a URI that should be escaped, such as `#`, or a broken escape.
    RawUriByte,
    /// A host with an underscore, or whose last label begins with a digit.
    HostName,
    /// An IPv6 address in Via without its brackets, or `received` with them (RFC 5118 §4.5).
    Brackets,
    /// A parameter with `=` and nothing behind it, such as `;ob=`.
    EmptyParameter,
    /// A parameter that stands twice, such as `;lr;lr=on`.
    RepeatedParameter,
    /// `expires` in a Contact that is not a number, such as the dates of RFC 2543.
    ExpiresDate,
    /// An empty item in a list: `a,,b`.
    EmptyItem,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Head(quirk) => return quirk.fmt(f),
            Self::NoContentLength => "no-content-length",
            Self::NoMaxForwards => "no-max-forwards",
            Self::UnknownMethod => "unknown-method",
            Self::UnknownScheme => "unknown-scheme",
            Self::UnknownTransport => "unknown-transport",
            Self::NoTag => "no-tag",
            Self::DisplayName => "display-name",
            Self::NoBrackets => "no-brackets",
            Self::RawUriByte => "raw-uri-byte",
            Self::HostName => "host-name",
            Self::Brackets => "brackets",
            Self::EmptyParameter => "empty-parameter",
            Self::RepeatedParameter => "repeated-parameter",
            Self::ExpiresDate => "expires-date",
            Self::EmptyItem => "empty-item",
        };
        f.write_str(text)
    }
}

/// One deviation and where it is. See [`Oddity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What it is.
    pub oddity: Oddity,
    /// In which header; `None` for the start line and the head as a whole.
    pub header: Option<HeaderName>,
    /// Where, in bytes from the start of the message; for what is missing, where its row begins or 0.
    pub offset: usize,
}

impl Message<'_> {
    /// What was tolerated, in order of appearance. Reads all addresses and Vias, and allocates: for
    /// logs, not for the way of every message. What [`validate`](Message::validate) refuses is not
    /// repeated here.
    ///
    /// ```
    /// use sip_proto::message::Oddity;
    /// use sip_proto::{Index, Message};
    ///
    /// let mut index = Index::new();
    /// let bytes = b"MESSAGE sip:*72#9@h SIP/2.0\r\nFrom: caf\xe9 <sip:a@my_box>\r\nl: 0\r\n\r\n";
    /// let message = Message::parse_datagram(bytes, &mut index, &Default::default())?;
    /// let odd: Vec<String> = message.diagnostics().iter().map(|d| d.oddity.to_string()).collect();
    /// assert_eq!(
    ///     odd,
    ///     ["no-max-forwards", "raw-uri-byte", "no-tag", "display-name", "host-name", "non-utf8"],
    /// );
    /// # Ok::<(), proto_wire::ParseError>(())
    /// ```
    #[must_use]
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        let mut found = Found(Vec::new());
        let quirks = match self {
            Self::Request(request) => {
                if matches!(request.method(), Method::Other(_)) {
                    found.add(Oddity::UnknownMethod, None, request.index().first().start());
                }
                if request.headers().first(HeaderName::MAX_FORWARDS).is_none() {
                    found.add(Oddity::NoMaxForwards, None, 0);
                }
                found.uri(request.uri_bytes(), None, request.index().second().start());
                request.quirks()
            }
            Self::Response(response) => response.quirks(),
        };
        for (quirk, at) in quirks.iter() {
            found.add(Oddity::Head(quirk), None, at);
        }
        let headers = self.headers();
        if headers.first(HeaderName::CONTENT_LENGTH).is_none() {
            found.add(Oddity::NoContentLength, None, 0);
        }
        found.headers(headers, matches!(self, Self::Response(_)));
        found.0.sort_by_key(|d| d.offset);
        found.0
    }
}

struct Found(Vec<Diagnostic>);

impl Found {
    fn add(&mut self, oddity: Oddity, header: Option<HeaderName>, offset: usize) {
        self.0.push(Diagnostic { oddity, header, offset });
    }

    fn headers(&mut self, headers: Headers<'_>, response: bool) {
        for field in headers.iter() {
            let Some(name) = field.id() else { continue };
            let (addresses, vias) = (has_address(name), name == HeaderName::VIA);
            if !addresses && !vias {
                continue;
            }
            let items: Vec<(usize, &[u8])> = if name.is_list() {
                Items::new(field.bytes()).map(|item| (item.offset, item.bytes)).collect()
            } else {
                [(0, field.bytes())].into()
            };
            for (offset, bytes) in items {
                let at = field.offset().saturating_add(offset);
                if bytes.is_empty() && name.is_list() {
                    self.add(Oddity::EmptyItem, Some(name), at);
                } else if vias {
                    self.via(bytes, at);
                } else {
                    let tagged = name == HeaderName::FROM || (response && name == HeaderName::TO);
                    self.address(bytes, name, at, tagged);
                }
            }
        }
    }

    fn via(&mut self, bytes: &[u8], at: usize) {
        let header = Some(HeaderName::VIA);
        let Ok(via) = Via::parse(bytes) else { return };
        if via.transport().is_none() {
            self.add(Oddity::UnknownTransport, header, at);
        }
        self.host(&via.sent_by.host, header, at);
        let bare = matches!(via.sent_by.host, Host::V6(_)) && {
            let head = bytes.get(..bytes.len().saturating_sub(via.params().as_bytes().len()));
            !head.is_some_and(|h| h.contains(&b'['))
        };
        let bracketed =
            via.params().value(b"received").is_some_and(|value| value.first() == Some(&b'['));
        if bare || bracketed {
            self.add(Oddity::Brackets, header, at);
        }
        self.params(via.params(), header, at);
    }

    fn address(&mut self, bytes: &[u8], name: HeaderName, at: usize, tagged: bool) {
        let header = Some(name);
        if name == HeaderName::CONTACT && bytes == b"*" {
            return;
        }
        let Ok(value) = NameAddr::parse(bytes) else { return };
        if tagged && value.tag().is_none() {
            self.add(Oddity::NoTag, header, at);
        }
        if value.first_oddity().is_some() {
            self.add(Oddity::DisplayName, header, at);
        }
        if !value.is_bracketed() && value.params().next().is_some() {
            self.add(Oddity::NoBrackets, header, at);
        }
        if name == HeaderName::CONTACT {
            let date = |v: &[u8]| !v.iter().all(u8::is_ascii_digit);
            if Contact::Address(value).expires().is_some()
                && value.params().value(b"expires").is_some_and(date)
            {
                self.add(Oddity::ExpiresDate, header, at);
            }
        }
        self.uri(value.uri_bytes(), header, at);
        self.params(value.params(), header, at);
    }

    fn uri(&mut self, bytes: &[u8], header: Option<HeaderName>, at: usize) {
        let Ok(uri) = Uri::parse(bytes) else { return };
        if uri.first_oddity().is_some() {
            self.add(Oddity::RawUriByte, header, at);
        }
        match uri {
            Uri::Sip(uri) => self.sip(&uri, header, at),
            Uri::Other(_) => self.add(Oddity::UnknownScheme, header, at),
            Uri::Tel(_) => {}
        }
    }

    fn sip(&mut self, uri: &SipUri<'_>, header: Option<HeaderName>, at: usize) {
        self.host(&uri.host, header, at);
        self.params(uri.params(), header, at);
    }

    fn host(&mut self, host: &Host<'_>, header: Option<HeaderName>, at: usize) {
        let Host::Name(name) = host else { return };
        let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or("");
        // RFC 3261 §25.1: `toplabel` begins with a letter.
        if name.contains('_') || last.starts_with(|c: char| c.is_ascii_digit()) {
            self.add(Oddity::HostName, header, at);
        }
    }

    fn params(&mut self, params: Params<'_>, header: Option<HeaderName>, at: usize) {
        let repeated = |(n, p): (usize, proto_wire::text::params::Param<'_>)| {
            params.take(n).any(|earlier| earlier.is(p.name))
        };
        if params.into_iter().any(|p| p.value.is_some_and(<[u8]>::is_empty)) {
            self.add(Oddity::EmptyParameter, header, at);
        }
        // Bounded: a value with more parameters than this is read no further.
        if params.take(32).enumerate().any(repeated) {
            self.add(Oddity::RepeatedParameter, header, at);
        }
    }
}

const fn has_address(name: HeaderName) -> bool {
    matches!(
        name,
        HeaderName::FROM
            | HeaderName::TO
            | HeaderName::CONTACT
            | HeaderName::ROUTE
            | HeaderName::RECORD_ROUTE
            | HeaderName::PATH
            | HeaderName::SERVICE_ROUTE
            | HeaderName::REPLY_TO
            | HeaderName::REFER_TO
            | HeaderName::REFERRED_BY
            | HeaderName::P_ASSERTED_IDENTITY
            | HeaderName::P_PREFERRED_IDENTITY
            | HeaderName::P_ASSOCIATED_URI
    )
}

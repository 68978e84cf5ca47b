//! Which rule a message breaks, which layer says so, and what to answer.

use super::name::SINGLE_BITS;
use super::{HeaderName, Method, Request, Response, StatusCode, TypedHeader};
use crate::headers::{
    CSeq, CallId, Contact, ContentType, Date, From, MaxForwards, NameAddr, RecordRoute, Route, To,
    Via,
};
use crate::uri::Uri;
use core::fmt;
use proto_wire::head::Quirk;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};
use thiserror::Error;

/// The layer that objects, from the wire upwards (RFC 3261 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Start line, length, quirks that the strict profile refuses.
    Framing,
    /// A header's grammar, or one missing or doubled (§8.1.1).
    Syntax,
    /// Method, CSeq and Via agree (§17).
    Transaction,
    /// What a user agent must refuse: scheme, version (§8.2).
    User,
}

/// How much is tolerated. RFC 3261 §8.1.1, RFC 4475.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are these two profiles")]
pub enum Strictness {
    /// What real devices send is accepted; the quirks tell what it was.
    #[default]
    Lenient,
    /// Only what the grammar has.
    Strict,
}

/// What is wrong with a message. RFC 3261 §8.1.1, §8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct Objection {
    /// Which layer objects.
    pub layer: Layer,
    /// The header that is wrong, when one is.
    pub header: Option<HeaderName>,
    /// The status to answer, when a request is objected to (and it is not an ACK).
    pub status: StatusCode,
    /// What is wrong, and where from the start of the message.
    pub error: ParseError,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Some(header) => write!(f, "{header}: {}", self.error),
            None => write!(f, "{}", self.error),
        }
    }
}

impl Objection {
    const fn new(layer: Layer, header: Option<HeaderName>, error: ParseError) -> Self {
        Self { layer, header, status: StatusCode::BAD_REQUEST, error }
    }

    const fn answer(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl Request<'_> {
    /// Checks what every element needs before it works on the request: the frame, the
    /// start line, and the headers that RFC 3261 §8.1.1 demands. Max-Forwards may be missing
    /// (RFC 2543; a proxy adds it).
    ///
    /// # Errors
    /// The first objection, with the status to answer.
    pub fn validate(self) -> Result<(), Objection> {
        self.validate_as(Strictness::Lenient)
    }

    /// The same in a profile.
    ///
    /// # Errors
    /// The first objection, with the status to answer.
    pub fn validate_as(self, strictness: Strictness) -> Result<(), Objection> {
        self.validate_with(strictness, false, self.method())
    }

    /// [`Request::validate`] where the method has been read, and it is known whether the topmost Via
    /// can be.
    pub(crate) fn validate_below(self, via: bool, method: Method<'_>) -> Result<(), Objection> {
        self.validate_with(Strictness::Lenient, via, method)
    }

    fn validate_with(
        self,
        strictness: Strictness,
        via: bool,
        method: Method<'_>,
    ) -> Result<(), Objection> {
        let framing = |error| Objection::new(Layer::Framing, None, error);
        if let Some(defect) = self.defect() {
            return Err(match defect.kind() {
                ParseErrorKind::Version => Objection::new(Layer::User, None, defect)
                    .answer(StatusCode::VERSION_NOT_SUPPORTED),
                ParseErrorKind::Limit(_) => {
                    framing(defect).answer(StatusCode::REQUEST_ENTITY_TOO_LARGE)
                }
                _ => framing(defect),
            });
        }
        let headers = self.headers().as_text();
        common(headers, self.index(), strictness, via)?;
        let cseq = required::<CSeq<'_>>(headers)?;
        if cseq.method != method {
            let at = self.headers().first(HeaderName::CSEQ).map_or(0, |f| f.offset());
            let error = ParseError::new(ParseErrorKind::Method, at);
            return Err(Objection::new(Layer::Transaction, Some(HeaderName::CSEQ), error));
        }
        optional::<MaxForwards>(headers)?;
        if strictness == Strictness::Strict
            && self.headers().first(HeaderName::MAX_FORWARDS).is_none()
        {
            return Err(missing(HeaderName::MAX_FORWARDS));
        }
        if strictness == Strictness::Strict && !chars::is_sip_token(method.as_str().as_bytes()) {
            let error = ParseError::new(ParseErrorKind::Method, self.index().first().start());
            return Err(Objection::new(Layer::Framing, None, error));
        }
        self.validate_uri(headers, strictness)?;
        self.validate_contacts(headers)?;
        all::<Route<'_>>(headers)?;
        all::<RecordRoute<'_>>(headers)
    }

    fn validate_uri(
        self,
        headers: super::Headers<'_>,
        strictness: Strictness,
    ) -> Result<(), Objection> {
        let base = self.index().second().start();
        let uri = match headers.text_at(self.index().second()) {
            Some(text) => Uri::parse_text(text).map_err(|error| error.at(base)),
            None => self.uri(),
        };
        let uri = uri.map_err(|error| Objection::new(Layer::Syntax, None, error))?;
        if strictness == Strictness::Strict {
            let odd = match uri {
                Uri::Sip(sip) if sip.has_headers() => Some(0),
                Uri::Sip(sip) => sip.first_oddity().or_else(|| sip.repeated_param()),
                other => other.first_oddity(),
            };
            if let Some(at) = odd {
                let error = ParseError::new(ParseErrorKind::Strict, base.saturating_add(at));
                return Err(Objection::new(Layer::Syntax, None, error));
            }
        }
        Ok(())
    }

    fn validate_contacts(self, headers: super::Headers<'_>) -> Result<(), Objection> {
        let mut contacts = 0_usize;
        let mut star = None;
        for contact in headers.values::<Contact<'_>>() {
            let contact = contact.map_err(|e| syntax(HeaderName::CONTACT, e))?;
            contacts = contacts.saturating_add(1);
            match contact {
                Contact::Star => star = self.headers().first(HeaderName::CONTACT),
                Contact::Address(address) => {
                    address.uri().map_err(|e| {
                        let at =
                            self.headers().first(HeaderName::CONTACT).map_or(0, |f| f.offset());
                        syntax(HeaderName::CONTACT, e.at(at))
                    })?;
                }
            }
        }
        // RFC 3261 §10.3 item 6.
        match star {
            Some(field) if contacts > 1 || self.method() != Method::Register => Err(syntax(
                HeaderName::CONTACT,
                ParseError::new(ParseErrorKind::Syntax, field.offset()),
            )),
            _ => Ok(()),
        }
    }
}

impl Response<'_> {
    /// Checks what a client needs before it works on the response. A response that is
    /// objected to is dropped; nothing is answered.
    ///
    /// # Errors
    /// The first objection.
    pub fn validate(self) -> Result<(), Objection> {
        self.validate_as(Strictness::Lenient)
    }

    /// The same in a profile.
    ///
    /// # Errors
    /// The first objection.
    pub fn validate_as(self, strictness: Strictness) -> Result<(), Objection> {
        if let Some(defect) = self.defect() {
            return Err(Objection::new(Layer::Framing, None, defect));
        }
        let headers = self.headers().as_text();
        common(headers, self.index(), strictness, false)?;
        required::<CSeq<'_>>(headers).map(|_| ())
    }
}

/// What requests and responses have in common.
fn common(
    headers: super::Headers<'_>,
    index: &super::Index,
    strictness: Strictness,
    via: bool,
) -> Result<(), Objection> {
    if !index.quirks().is_empty() {
        tolerable(headers, index, strictness)?;
    }
    // Names that are not of the RFCs have 0, which is not single.
    let (mut seen, mut again) = (0_u128, 0_u128);
    for entry in index.entries() {
        let bit = bit_of(entry.id());
        again |= seen & bit;
        seen |= bit;
    }
    // One Via that is known to be readable is read once.
    let row = headers.bytes(HeaderName::VIA).ok_or_else(|| missing(HeaderName::VIA))?;
    if !via || again & bit_of(HeaderName::VIA.id()) != 0 || chars::contains(row, b',') {
        all::<Via<'_>>(headers)?;
    }
    let from = required::<From<'_>>(headers)?;
    uri_of(headers, HeaderName::FROM, &from)?;
    let to = required::<To<'_>>(headers)?;
    uri_of(headers, HeaderName::TO, &to)?;
    if strictness == Strictness::Strict {
        strict(headers, &from, &to)?;
    }
    required::<CallId<'_>>(headers)?;
    optional::<ContentType<'_>>(headers)?;
    if again & SINGLE_BITS == 0 { Ok(()) } else { Err(doubled(index)) }
}

fn bit_of(id: u8) -> u128 {
    1_u128.wrapping_shl(u32::from(id))
}

/// The first row of a header that may stand once and has been seen before.
#[cold]
fn doubled(index: &super::Index) -> Objection {
    let mut seen = 0_u128;
    let again = index.entries().iter().find(|entry| {
        let again = seen & bit_of(entry.id()) & SINGLE_BITS != 0;
        seen |= bit_of(entry.id());
        again
    });
    let name = again.and_then(|entry| HeaderName::from_id(entry.id())).unwrap_or(HeaderName::VIA);
    let at = again.map_or(0, |entry| entry.value().start());
    syntax(name, ParseError::new(ParseErrorKind::DuplicateHeader, at))
}

/// Whether all that was odd about the head may be tolerated.
#[cold]
fn tolerable(
    headers: super::Headers<'_>,
    index: &super::Index,
    strictness: Strictness,
) -> Result<(), Objection> {
    let refused = |quirk: Quirk| match strictness {
        // A header that cannot be read spoils the message whoever reads it.
        Strictness::Lenient => {
            matches!(quirk, Quirk::NoColon | Quirk::BadName | Quirk::ControlByte | Quirk::BareCr)
        }
        // Folds and space before the colon are legal; so is what is not UTF-8 (RFC 3261 §25.1 TEXT-UTF8
        // is broken by many, and spoils nothing).
        Strictness::Strict => !matches!(
            quirk,
            Quirk::Folded
                | Quirk::SpaceBeforeColon
                | Quirk::LeadingEmptyLine
                | Quirk::EmptyValue
                | Quirk::OddVersion
        ),
    };
    let legal_controls = escaped_controls_only(headers, index);
    let refused = |quirk| !(quirk == Quirk::ControlByte && legal_controls) && refused(quirk);
    if let Some((quirk, at)) = index.quirks().first_of(refused) {
        let kind = match quirk {
            Quirk::NoColon => ParseErrorKind::MissingColon,
            Quirk::BadName => ParseErrorKind::HeaderName,
            Quirk::ControlByte | Quirk::BareCr => ParseErrorKind::ControlByte,
            _ => ParseErrorKind::Strict,
        };
        return Err(Objection::new(Layer::Framing, None, ParseError::new(kind, at)));
    }
    Ok(())
}

/// What the strict profile asks of the headers beyond that they can be read.
fn strict(
    headers: super::Headers<'_>,
    from: &NameAddr<'_>,
    to: &NameAddr<'_>,
) -> Result<(), Objection> {
    for (name, value) in [(HeaderName::FROM, from), (HeaderName::TO, to)] {
        if let Some(at) = value.first_oddity() {
            let base = headers.first(name).map_or(0, |f| f.offset());
            return Err(syntax(
                name,
                ParseError::new(ParseErrorKind::Strict, base.saturating_add(at)),
            ));
        }
    }
    optional::<Date>(headers)?;
    // Names that HTTP has and SIP has not, such as `X#Y` (RFC 3261 §25.1 `token`).
    let foreign = |f: &super::Field<'_>| !chars::is_sip_token(f.raw().name());
    if let Some(field) = headers.iter().find(foreign) {
        let error = ParseError::new(ParseErrorKind::HeaderName, field.raw().offset());
        return Err(Objection::new(Layer::Framing, field.id(), error));
    }
    Ok(())
}

/// A quoted string may hold any control byte but CR and LF behind a backslash (RFC 3261 §25.1
/// `quoted-pair`, RFC 4475 §3.1.1.2); everywhere else it is refused.
fn escaped_controls_only(headers: super::Headers<'_>, index: &super::Index) -> bool {
    let Some(first) = index.quirks().offset_of(Quirk::ControlByte) else { return true };
    let mut in_a_value = false;
    for field in headers.iter() {
        let end = field.offset().saturating_add(field.bytes().len());
        in_a_value |= (field.offset()..end).contains(&first);
        let (mut quoted, mut escaped) = (false, false);
        for byte in field.bytes() {
            let control = matches!(byte, 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f);
            if control && !(quoted && escaped) {
                return false;
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
    }
    in_a_value
}

fn uri_of(
    headers: super::Headers<'_>,
    name: HeaderName,
    value: &NameAddr<'_>,
) -> Result<(), Objection> {
    let at = headers.first(name).map_or(0, |f| f.offset());
    value.uri().map(|_| ()).map_err(|e| syntax(name, e.at(at)))
}

fn syntax(name: HeaderName, error: ParseError) -> Objection {
    Objection::new(Layer::Syntax, Some(name), error)
}

fn missing(name: HeaderName) -> Objection {
    syntax(name, ParseError::new(ParseErrorKind::MissingHeader, 0))
}

fn required<'a, T: TypedHeader<'a>>(headers: super::Headers<'a>) -> Result<T, Objection> {
    match headers.typed::<T>() {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(missing(T::NAME)),
        Err(error) => Err(syntax(T::NAME, error)),
    }
}

fn optional<'a, T: TypedHeader<'a>>(headers: super::Headers<'a>) -> Result<(), Objection> {
    headers.typed::<T>().map(|_| ()).map_err(|e| syntax(T::NAME, e))
}

fn all<'a, T: TypedHeader<'a>>(headers: super::Headers<'a>) -> Result<(), Objection> {
    for value in headers.values::<T>() {
        value.map_err(|e| syntax(T::NAME, e))?;
    }
    Ok(())
}

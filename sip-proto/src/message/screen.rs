//! Checks that depend on who looks: what an element can do decides what it must refuse
//! (RFC 3261 §8.2 for user agents, §16.3 for proxies).

use super::validate::{Layer, Objection, Strictness};
use super::{HeaderName, Method, Request, StatusCode};
use crate::headers::{ContentDisposition, ContentType, MaxForwards, To};
use proto_wire::text::list::Items;
use proto_wire::{LimitKind, ParseError, ParseErrorKind};

/// Who looks at a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §6 has these two that look at requests")]
pub enum Role {
    /// The request ends here (RFC 3261 §8.2).
    #[default]
    UserAgent,
    /// The request is passed on (RFC 3261 §16.3).
    Proxy,
}

/// What an element can do and what it knows, for [`Request::validate_for`].
///
/// ```
/// use sip_proto::RequestBuf;
/// use sip_proto::message::Screen;
///
/// let request = RequestBuf::parse(
///     &b"OPTIONS urn:x:y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
///        To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nRequire: 100rel\r\n\r\n"[..],
/// )?;
/// let objection = request.view().validate_for(&Screen::default()).unwrap_err();
/// assert_eq!(objection.status.as_u16(), 416);
/// let screen = Screen::default().with_schemes(&["sip", "urn"]);
/// assert_eq!(request.view().validate_for(&screen).unwrap_err().status.as_u16(), 420);
/// assert!(request.view().validate_for(&screen.with_extensions(&["100rel"])).is_ok());
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Screen<'s> {
    /// Who looks.
    pub role: Role,
    /// How much is tolerated.
    pub strictness: Strictness,
    /// The URI schemes that are understood, in lower case; others are answered with 416.
    pub schemes: &'s [&'s str],
    /// The option-tags that are understood; others in Require (Proxy-Require for a proxy) are
    /// answered with 420.
    pub extensions: &'s [&'s str],
    /// The longest request URI, in bytes (2,048); longer ones are answered with 414.
    pub uri_max: usize,
    /// The longest body, in bytes (65,536); longer ones are answered with 413.
    pub body_max: usize,
    /// The longest message, in bytes (131,072); longer ones are answered with 513.
    pub message_max: usize,
    /// Whether encrypted bodies (`application/pkcs7-mime`) can be read; else they are answered with
    /// 493, unless they are marked as optional.
    pub decrypts: bool,
    /// Whether the dialog that the request names is known; `None` when it names none or nobody
    /// looked. `Some(false)` is answered with 481 (RFC 3261 §12.2.2).
    pub dialog: Option<bool>,
    /// Whether this request came already on another way: the same From tag, Call-ID and CSeq with
    /// another branch (RFC 3261 §8.2.2.2), or with our own Via in it (§16.3). Answered with 482.
    pub seen: bool,
}

impl Default for Screen<'_> {
    fn default() -> Self {
        Self {
            role: Role::UserAgent,
            strictness: Strictness::Lenient,
            schemes: &["sip", "sips", "tel"],
            extensions: &[],
            uri_max: 2048,
            body_max: 65_536,
            message_max: 131_072,
            decrypts: false,
            dialog: None,
            seen: false,
        }
    }
}

impl<'s> Screen<'s> {
    /// For a proxy.
    #[must_use]
    pub fn proxy() -> Self {
        Self { role: Role::Proxy, ..Self::default() }
    }

    /// Sets [`Screen::strictness`].
    #[must_use]
    pub const fn with_strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Sets [`Screen::schemes`].
    #[must_use]
    pub const fn with_schemes(mut self, schemes: &'s [&'s str]) -> Self {
        self.schemes = schemes;
        self
    }

    /// Sets [`Screen::extensions`].
    #[must_use]
    pub const fn with_extensions(mut self, extensions: &'s [&'s str]) -> Self {
        self.extensions = extensions;
        self
    }

    /// Sets the longest request URI, body and message, in bytes.
    #[must_use]
    pub const fn with_sizes(mut self, uri: usize, body: usize, message: usize) -> Self {
        self.uri_max = uri;
        self.body_max = body;
        self.message_max = message;
        self
    }

    /// Sets [`Screen::decrypts`].
    #[must_use]
    pub const fn with_decryption(mut self, possible: bool) -> Self {
        self.decrypts = possible;
        self
    }

    /// Sets [`Screen::dialog`].
    #[must_use]
    pub const fn with_dialog(mut self, known: Option<bool>) -> Self {
        self.dialog = known;
        self
    }

    /// Sets [`Screen::seen`].
    #[must_use]
    pub const fn with_seen(mut self, seen: bool) -> Self {
        self.seen = seen;
        self
    }
}

impl Request<'_> {
    /// [`Request::validate_as`], and then what this element must refuse, in the order of RFC 3261
    /// §8.2 or §16.3. Objections of the message itself come first.
    ///
    /// # Errors
    /// The first objection, with the status to answer: 400, 413, 414, 416, 420, 481, 482, 483, 493,
    /// 505 or 513.
    pub fn validate_for(self, screen: &Screen<'_>) -> Result<(), Objection> {
        self.fits(screen)?;
        self.validate_as(screen.strictness)?;
        match screen.role {
            Role::UserAgent => {
                self.scheme(screen)?;
                self.not_seen(screen)?;
                self.extensions(HeaderName::REQUIRE, screen)?;
                self.readable(screen)?;
                // An ACK of a dialog that is not there is dropped by the caller like every ACK that
                // is objected to.
                match screen.dialog {
                    Some(false) => {
                        Err(self.at_header(HeaderName::TO, StatusCode::CALL_DOES_NOT_EXIST))
                    }
                    _ => Ok(()),
                }
            }
            Role::Proxy => {
                self.scheme(screen)?;
                let hops = self.headers().typed::<MaxForwards>().ok().flatten();
                // §16.3 item 3: OPTIONS may be answered by whoever gets it last.
                if hops == Some(MaxForwards(0)) && self.method() != Method::Options {
                    return Err(self.at_header(HeaderName::MAX_FORWARDS, StatusCode::TOO_MANY_HOPS));
                }
                self.not_seen(screen)?;
                self.extensions(HeaderName::PROXY_REQUIRE, screen)
            }
        }
    }

    fn fits(self, screen: &Screen<'_>) -> Result<(), Objection> {
        let uri = self.uri_bytes();
        let (kind, at, status) = if self.as_bytes().len() > screen.message_max {
            (LimitKind::Head, 0, StatusCode::MESSAGE_TOO_LARGE)
        } else if uri.len() > screen.uri_max {
            (LimitKind::Line, self.index().second().start(), StatusCode::REQUEST_URI_TOO_LONG)
        } else if self.body().len() > screen.body_max {
            (LimitKind::Body, self.index().head_len(), StatusCode::REQUEST_ENTITY_TOO_LARGE)
        } else {
            return Ok(());
        };
        let error = ParseError::new(ParseErrorKind::Limit(kind), at);
        Err(Objection { layer: Layer::Framing, header: None, status, error })
    }

    fn scheme(self, screen: &Screen<'_>) -> Result<(), Objection> {
        let at = self.index().second().start();
        let known = self
            .uri()
            .is_ok_and(|uri| screen.schemes.iter().any(|s| uri.scheme().eq_ignore_ascii_case(s)));
        if known {
            return Ok(());
        }
        let error = ParseError::new(ParseErrorKind::Uri, at);
        let status = StatusCode::UNSUPPORTED_URI_SCHEME;
        Err(Objection { layer: Layer::User, header: None, status, error })
    }

    fn not_seen(self, screen: &Screen<'_>) -> Result<(), Objection> {
        // §8.2.2.2 is about requests without a To tag; a proxy's own Via is a loop in any.
        let tagged = self
            .headers()
            .typed::<To<'_>>()
            .is_ok_and(|to| to.is_some_and(|to| to.tag().is_some()));
        if screen.seen && !(screen.role == Role::UserAgent && tagged) {
            return Err(self.at_header(HeaderName::VIA, StatusCode::LOOP_DETECTED));
        }
        Ok(())
    }

    /// Each option-tag must be understood. Requests that cannot be answered, and CANCEL, are not asked
    /// (§8.2.2.3).
    fn extensions(self, name: HeaderName, screen: &Screen<'_>) -> Result<(), Objection> {
        if matches!(self.method(), Method::Cancel | Method::Ack) {
            return Ok(());
        }
        for field in self.headers().rows(name) {
            for item in Items::new(field.bytes()).filter(|item| !item.bytes.is_empty()) {
                let known = |e: &&str| e.as_bytes().eq_ignore_ascii_case(item.bytes);
                if !screen.extensions.iter().any(known) {
                    let at = field.offset().saturating_add(item.offset);
                    let error = ParseError::new(ParseErrorKind::Token, at);
                    let status = StatusCode::BAD_EXTENSION;
                    return Err(Objection {
                        layer: Layer::User,
                        header: Some(name),
                        status,
                        error,
                    });
                }
            }
        }
        Ok(())
    }

    fn readable(self, screen: &Screen<'_>) -> Result<(), Objection> {
        let Ok(Some(kind)) = self.headers().typed::<ContentType<'_>>() else { return Ok(()) };
        let optional = self
            .headers()
            .typed::<ContentDisposition<'_>>()
            .ok()
            .flatten()
            .and_then(|d| d.param("handling"))
            .is_some_and(|handling| handling.eq_ignore_ascii_case("optional"));
        let signed_only = kind
            .params()
            .value(b"smime-type")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"signed-data"));
        if !screen.decrypts && kind.is("application/pkcs7-mime") && !optional && !signed_only {
            return Err(self.at_header(HeaderName::CONTENT_TYPE, StatusCode::UNDECIPHERABLE));
        }
        Ok(())
    }

    fn at_header(self, name: HeaderName, status: StatusCode) -> Objection {
        let at = self.headers().first(name).map_or(0, |f| f.offset());
        let error = ParseError::new(ParseErrorKind::Syntax, at);
        Objection { layer: Layer::User, header: Some(name), status, error }
    }
}

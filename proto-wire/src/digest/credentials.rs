//! Credentials: `Authorization` and `Proxy-Authorization`.

use super::algorithm::{Algorithm, Qop};
use super::secret::BadCredential;
use super::value;
use crate::text::params::Param;
use crate::{ParseError, ParseErrorKind};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use core::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// Base64 that takes padding or not: devices leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials of one header value.
///
/// ```
/// use proto_wire::digest::Credentials;
///
/// let Credentials::Basic(basic) = Credentials::parse(b"Basic YW5uOnMzY3JldA==")? else {
///     panic!("this is Basic");
/// };
/// assert_eq!((basic.username(), basic.password()), ("ann", "s3cret"));
/// assert_eq!(format!("{basic:?}"), r#"BasicCredentials { username: "ann", .. }"#);
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "lives on the stack for the length of one call")]
pub enum Credentials<'a> {
    /// User name and password.
    Basic(BasicCredentials),
    /// The answer to a Digest challenge.
    Digest(DigestCredentials<'a>),
    /// Of another scheme.
    Other {
        /// The scheme as it was sent.
        scheme: &'a str,
        /// What follows it.
        rest: &'a [u8],
    },
}

impl<'a> Credentials<'a> {
    /// Reads a header value.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::Syntax`] without a scheme, and what
    /// [`BasicCredentials::parse`] and [`DigestCredentials::parse`] say.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (scheme, rest, at) =
            value::split_scheme(value).ok_or_else(|| ParseError::new(ParseErrorKind::Syntax, 0))?;
        if scheme.eq_ignore_ascii_case("Digest") {
            let digest = DigestCredentials::parse(rest).map_err(|e| e.at(at))?;
            Ok(Self::Digest(digest))
        } else if scheme.eq_ignore_ascii_case("Basic") {
            let basic = BasicCredentials::parse(rest).map_err(|e| e.at(at))?;
            Ok(Self::Basic(basic))
        } else {
            Ok(Self::Other { scheme, rest })
        }
    }
}

/// As the header is written. Whoever reads what Basic credentials say so knows the password:
/// it belongs on the wire, not into a log, for which `Debug` is.
impl fmt::Display for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(basic) => {
                f.write_str(&BasicCredentials::write(basic.username(), basic.password()))
            }
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
            Self::Other { scheme, rest } => {
                f.write_str(scheme)?;
                for (number, chunk) in rest.utf8_chunks().enumerate() {
                    f.write_str(if number == 0 { " " } else { "" })?;
                    for c in chunk.valid().chars() {
                        f.write_char(if c.is_ascii_control() { ' ' } else { c })?;
                    }
                    if !chunk.invalid().is_empty() {
                        f.write_char(char::REPLACEMENT_CHARACTER)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// User name and password in the clear (RFC 2617 §2). Overwritten when dropped.
#[derive(Clone)]
pub struct BasicCredentials {
    text: Zeroizing<String>,
    colon: usize,
}

impl BasicCredentials {
    /// Of a user name and a password.
    ///
    /// # Errors
    ///
    /// [`BadCredential::Colon`] when the user name holds one: it would end there.
    pub fn new(username: &str, password: &str) -> Result<Self, BadCredential> {
        if username.contains(':') {
            return Err(BadCredential::Colon);
        }
        let room = username.len().saturating_add(password.len()).saturating_add(1);
        let mut text = Zeroizing::new(String::with_capacity(room));
        [username, ":", password].iter().for_each(|part| text.push_str(part));
        Ok(Self { text, colon: username.len() })
    }

    /// Reads what follows `Basic `.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::Base64`], [`ParseErrorKind::Utf8`], or [`ParseErrorKind::Syntax`]
    /// without a colon.
    pub fn parse(token: &[u8]) -> Result<Self, ParseError> {
        let bytes = BASE64.decode(token).map_err(|_| ParseError::new(ParseErrorKind::Base64, 0))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            ParseError::new(ParseErrorKind::Utf8, 0)
        })?;
        let text = Zeroizing::new(text);
        let colon = text.find(':').ok_or_else(|| ParseError::new(ParseErrorKind::Syntax, 0))?;
        Ok(Self { text, colon })
    }

    /// The user name: what stands before the first colon.
    #[must_use]
    pub fn username(&self) -> &str {
        self.text.get(..self.colon).unwrap_or("")
    }

    /// The password: what stands behind it, colons included.
    #[must_use]
    pub fn password(&self) -> &str {
        self.text.get(self.colon.saturating_add(1)..).unwrap_or("")
    }

    /// `Basic ...` of a user name and a password.
    pub(super) fn write(username: &str, password: &str) -> Zeroizing<String> {
        let len = username.len().saturating_add(password.len());
        let mut pair = Zeroizing::new(Vec::with_capacity(len.saturating_add(1)));
        pair.extend_from_slice(username.as_bytes());
        pair.push(b':');
        pair.extend_from_slice(password.as_bytes());
        // Large enough that it never moves and leaves a copy behind.
        let room = pair.len().saturating_mul(2).saturating_add(16);
        let mut out = Zeroizing::new(String::with_capacity(room));
        out.push_str("Basic ");
        BASE64.encode_string(&*pair, &mut out);
        out
    }
}

/// Shows the user name only.
impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials")
            .field("username", &self.username())
            .finish_non_exhaustive()
    }
}

/// The answer to a Digest challenge (RFC 7616 §3.4), quotes and escapes removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestCredentials<'a> {
    /// The user name, or its hash when [`DigestCredentials::userhash`] is set.
    pub username: Cow<'a, str>,
    /// The realm.
    pub realm: Cow<'a, str>,
    /// The nonce.
    pub nonce: Cow<'a, str>,
    /// The URI, literally: this is what was hashed. Whether it fits the request is for the
    /// server's host to say, as devices send paths, base URLs and aggregate URLs.
    pub uri: Cow<'a, str>,
    /// The proof, in hexadecimal as it was sent.
    pub response: Cow<'a, str>,
    /// The name of the algorithm, known or not.
    pub algorithm_name: Option<Cow<'a, str>>,
    /// The client's nonce.
    pub cnonce: Option<Cow<'a, str>>,
    /// Echo of what the challenge said.
    pub opaque: Option<Cow<'a, str>>,
    /// The name of the quality of protection, known or not; `None` is the RFC 2069 form.
    pub qop_name: Option<Cow<'a, str>>,
    /// The count as it was written.
    pub nc_text: Option<Cow<'a, str>>,
    /// The user name is a hash (RFC 7616 §3.4.4).
    pub userhash: bool,
}

impl<'a> DigestCredentials<'a> {
    /// What every answer has; the rest is set field by field. [`Response`](super::Response)
    /// computes the proof.
    ///
    /// ```
    /// use proto_wire::digest::DigestCredentials;
    ///
    /// let mut digest = DigestCredentials::new("ann", "club", "n0", "rtsp://h/", "00ff");
    /// digest.algorithm_name = Some("MD5".into());
    /// let text = digest.to_string();
    /// assert!(text.starts_with(r#"Digest username="ann", realm="club", nonce="n0""#));
    /// assert_eq!(DigestCredentials::parse(&text.as_bytes()[7..]), Ok(digest));
    /// ```
    #[must_use]
    pub fn new(
        username: impl Into<Cow<'a, str>>,
        realm: impl Into<Cow<'a, str>>,
        nonce: impl Into<Cow<'a, str>>,
        uri: impl Into<Cow<'a, str>>,
        response: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            username: username.into(),
            realm: realm.into(),
            nonce: nonce.into(),
            uri: uri.into(),
            response: response.into(),
            algorithm_name: None,
            cnonce: None,
            opaque: None,
            qop_name: None,
            nc_text: None,
            userhash: false,
        }
    }

    /// Reads what follows `Digest `.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::MissingParameter`] without user name, realm, nonce, URI or
    /// response, or with `qop` but without `nc` or `cnonce`; [`ParseErrorKind::Parameter`]
    /// when one stands twice (both `username` and `username*` included, RFC 7616 §3.4);
    /// [`ParseErrorKind::Number`] when `nc` is not 1 to 8 hexadecimal digits; a quoted
    /// string without end, control bytes, or bytes that are not UTF-8.
    pub fn parse(params: &'a [u8]) -> Result<Self, ParseError> {
        let mut seen: [Option<Cow<'a, str>>; Name::COUNT] = Default::default();
        let mut userhash = false;
        for param in value::params(params) {
            if param.is(b"userhash") {
                userhash = value::is_true(&param);
                continue;
            }
            let Some((name, text)) = read(&param)? else {
                continue;
            };
            if let Some(slot) = seen.get_mut(name as usize) {
                if slot.is_some() {
                    return Err(ParseError::new(ParseErrorKind::Parameter, param.offset));
                }
                *slot = Some(text);
            }
        }
        let missing = || ParseError::new(ParseErrorKind::MissingParameter, params.len());
        let mut take = |name: Name| seen.get_mut(name as usize).and_then(Option::take);
        let out = Self {
            username: take(Name::Username).ok_or_else(missing)?,
            realm: take(Name::Realm).ok_or_else(missing)?,
            nonce: take(Name::Nonce).ok_or_else(missing)?,
            uri: take(Name::Uri).ok_or_else(missing)?,
            response: take(Name::Response).ok_or_else(missing)?,
            algorithm_name: take(Name::Algorithm),
            cnonce: take(Name::Cnonce),
            opaque: take(Name::Opaque),
            qop_name: take(Name::Qop),
            nc_text: take(Name::Nc),
            userhash,
        };
        if out.qop_name.is_some() && (out.cnonce.is_none() || out.nc_text.is_none()) {
            return Err(missing());
        }
        Ok(out)
    }

    /// The algorithm: MD5 when none is named, `None` when the name is unknown.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.algorithm_name {
            None => Some(Algorithm::Md5),
            Some(name) => Algorithm::from_name(name),
        }
    }

    /// The quality of protection: `Some(None)` when none is named (the RFC 2069 form),
    /// `None` when the name is unknown.
    #[must_use]
    pub fn qop(&self) -> Option<Option<Qop>> {
        match &self.qop_name {
            None => Some(None),
            Some(name) => Qop::from_name(name).map(Some),
        }
    }

    /// The count.
    #[must_use]
    pub fn nc(&self) -> Option<u32> {
        u32::from_str_radix(self.nc_text.as_deref()?, 16).ok()
    }
}

impl DigestCredentials<'_> {
    /// As the header is written (RFC 7616 §3.4 says which values are quoted); `extended`
    /// allows `username*`.
    pub(super) fn write(&self, extended: bool) -> String {
        let mut out = String::with_capacity(256);
        out.push_str("Digest");
        if extended && !self.userhash && !self.username.is_ascii() {
            value::push_extended(&mut out, "username*", &self.username);
        } else {
            value::push_quoted(&mut out, "username", &self.username);
        }
        value::push_quoted(&mut out, "realm", &self.realm);
        value::push_quoted(&mut out, "nonce", &self.nonce);
        value::push_quoted(&mut out, "uri", &self.uri);
        value::push_quoted(&mut out, "response", &self.response);
        if let Some(name) = &self.algorithm_name {
            value::push_text(&mut out, "algorithm", name);
        }
        if let Some(cnonce) = &self.cnonce {
            value::push_quoted(&mut out, "cnonce", cnonce);
        }
        if let Some(qop) = &self.qop_name {
            value::push_text(&mut out, "qop", qop);
        }
        if let Some(nc) = &self.nc_text {
            value::push_text(&mut out, "nc", nc);
        }
        if let Some(opaque) = &self.opaque {
            value::push_quoted(&mut out, "opaque", opaque);
        }
        if self.userhash {
            value::push_token(&mut out, "userhash", true);
        }
        out
    }
}

/// As the header is written. A user name that is not ASCII goes out as `username*`.
impl fmt::Display for DigestCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(true))
    }
}

#[derive(Clone, Copy)]
enum Name {
    Username,
    Realm,
    Nonce,
    Uri,
    Response,
    Algorithm,
    Cnonce,
    Opaque,
    Qop,
    Nc,
}

impl Name {
    const COUNT: usize = 10;
    const ALL: [(Self, &'static [u8]); Self::COUNT] = [
        (Self::Username, b"username"),
        (Self::Realm, b"realm"),
        (Self::Nonce, b"nonce"),
        (Self::Uri, b"uri"),
        (Self::Response, b"response"),
        (Self::Algorithm, b"algorithm"),
        (Self::Cnonce, b"cnonce"),
        (Self::Opaque, b"opaque"),
        (Self::Qop, b"qop"),
        (Self::Nc, b"nc"),
    ];
}

fn read<'a>(param: &Param<'a>) -> Result<Option<(Name, Cow<'a, str>)>, ParseError> {
    if param.is(b"username*") {
        let name = value::extended(param.value.unwrap_or_default())
            .ok_or_else(|| ParseError::new(ParseErrorKind::Escape, param.value_offset))?;
        return Ok(Some((Name::Username, Cow::Owned(name))));
    }
    let Some((name, _)) = Name::ALL.iter().find(|(_, name)| param.is(name)) else {
        return Ok(None);
    };
    let text = value::text(param)?;
    let is_count = || (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if matches!(name, Name::Nc) && !is_count() {
        return Err(ParseError::new(ParseErrorKind::Number, param.value_offset));
    }
    Ok(Some((*name, text)))
}

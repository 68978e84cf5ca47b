//! Challenges: `WWW-Authenticate` and `Proxy-Authenticate`.

use super::algorithm::{Algorithm, QopSet};
use super::value;
use crate::text::chars;
use crate::text::params::{Param, Params};
use crate::{ParseError, ParseErrorKind};
use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// The challenges of one header value, in order: most servers send one per header, but
/// several may stand in one (RFC 9110 §11.6.1).
///
/// ```
/// use proto_wire::digest::Challenges;
///
/// let value = br#"Digest realm="a, \"b\"", nonce=xyz, Negotiate, Basic realm="c""#;
/// let schemes: Vec<&str> = Challenges::new(value).map(|c| c.scheme()).collect();
/// assert_eq!(schemes, ["Digest", "Negotiate", "Basic"]);
/// let digest = Challenges::new(value).next().unwrap().digest().unwrap()?;
/// assert_eq!(digest.realm, "a, \"b\"");
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Challenges<'a> {
    value: &'a [u8],
    at: usize,
}

/// One challenge: a scheme and what it says, unknown schemes and parameters included.
/// RFC 9110 §11.6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    scheme: &'a str,
    params: &'a [u8],
    at: usize,
}

impl<'a> Challenges<'a> {
    /// The challenges of a header value. What stands before the first scheme is skipped.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { value, at: 0 }
    }
}

impl<'a> Iterator for Challenges<'a> {
    type Item = Challenge<'a>;

    fn next(&mut self) -> Option<Challenge<'a>> {
        let start = self.at;
        let rest = self.value.get(start..)?;
        let mut found: Option<(&'a str, usize)> = None;
        for param in value::params(rest) {
            let Some(next) = scheme_of(&param) else {
                continue;
            };
            if let Some((scheme, params_at)) = found {
                self.at = start.saturating_add(param.offset);
                return Some(Challenge {
                    scheme,
                    params: rest.get(params_at..param.offset).unwrap_or_default(),
                    at: start.saturating_add(params_at),
                });
            }
            found = Some(next);
        }
        self.at = self.value.len();
        found.map(|(scheme, params_at)| Challenge {
            scheme,
            params: rest.get(params_at..).unwrap_or_default(),
            at: start.saturating_add(params_at),
        })
    }
}

/// An element that begins a challenge is a scheme alone or a scheme, white space and the
/// first parameter (`Params` takes all before `=` as the name). Returns the scheme and
/// where its parameters begin.
fn scheme_of<'a>(param: &Param<'a>) -> Option<(&'a str, usize)> {
    let (token, rest) = chars::split_token(param.name);
    let alone = rest.is_empty() && param.value.is_none();
    if token.is_empty() || !(alone || rest.first().is_some_and(|b| chars::is_lws(*b))) {
        return None;
    }
    let scheme = core::str::from_utf8(token).ok()?;
    let behind = token.len().saturating_add(chars::lws_len(rest));
    Some((scheme, param.offset.saturating_add(behind)))
}

impl<'a> Challenge<'a> {
    /// The scheme as it was sent; compare without regard to case.
    #[must_use]
    pub const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Whether the scheme is `name`, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(name)
    }

    /// The parameters in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        value::params(self.params)
    }

    /// The realm, when it is given and readable.
    #[must_use]
    pub fn realm(&self) -> Option<Cow<'a, str>> {
        self.params().param(b"realm").and_then(|p| value::text(&p).ok())
    }

    /// What a Digest challenge says; `None` for other schemes.
    ///
    /// # Errors
    ///
    /// As [`DigestChallenge::parse`], with offsets in the header value. Such a challenge is
    /// best ignored: another one may be readable.
    pub fn digest(&self) -> Option<Result<DigestChallenge<'a>, ParseError>> {
        self.is("Digest").then(|| DigestChallenge::parse(self.params).map_err(|e| e.at(self.at)))
    }
}

/// What a Digest challenge says (RFC 7616 §3.3), quotes and escapes removed. Of a
/// parameter that stands twice the first counts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DigestChallenge<'a> {
    /// The realm, to be shown to people and part of the hash.
    pub realm: Cow<'a, str>,
    /// The nonce.
    pub nonce: Cow<'a, str>,
    /// To be sent back as it is.
    pub opaque: Option<Cow<'a, str>>,
    /// Space-separated URIs that the credentials are for.
    pub domain: Option<Cow<'a, str>>,
    /// The name of the algorithm, known or not.
    pub algorithm_name: Option<Cow<'a, str>>,
    /// The qualities offered; `None` when the parameter is missing (RFC 2069).
    pub qop: Option<QopSet>,
    /// The last nonce was too old, not the credentials wrong: anything but `true` is false.
    pub stale: bool,
    /// The server would rather get the hash of the user name (RFC 7616 §3.4.4).
    pub userhash: bool,
    /// `charset=UTF-8` was given (RFC 7616 §4).
    pub utf8: bool,
}

/// As the header is written, the scheme in front (RFC 7616 §3.3 says which values are quoted).
///
/// ```
/// use proto_wire::digest::{Challenges, DigestChallenge, QopSet};
///
/// let mut digest = DigestChallenge::new("club", "n0");
/// digest.qop = Some(QopSet::AUTH);
/// let text = digest.to_string();
/// assert_eq!(text, r#"Digest realm="club", nonce="n0", qop="auth""#);
/// let again = Challenges::new(text.as_bytes()).next().and_then(|one| one.digest());
/// assert_eq!(again, Some(Ok(digest)));
/// ```
impl fmt::Display for DigestChallenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::with_capacity(192);
        out.push_str("Digest");
        value::push_quoted(&mut out, "realm", &self.realm);
        value::push_quoted(&mut out, "nonce", &self.nonce);
        if let Some(opaque) = &self.opaque {
            value::push_quoted(&mut out, "opaque", opaque);
        }
        if let Some(domain) = &self.domain {
            value::push_quoted(&mut out, "domain", domain);
        }
        if let Some(name) = &self.algorithm_name {
            value::push_text(&mut out, "algorithm", name);
        }
        if let Some(qop) = self.qop {
            value::push_token(&mut out, "qop", format_args!("\"{qop}\""));
        }
        if self.stale {
            value::push_token(&mut out, "stale", true);
        }
        if self.utf8 {
            value::push_token(&mut out, "charset", "UTF-8");
        }
        if self.userhash {
            value::push_token(&mut out, "userhash", true);
        }
        f.write_str(&out)
    }
}

impl<'a> DigestChallenge<'a> {
    /// What every challenge has; the rest is set field by field.
    #[must_use]
    pub fn new(realm: impl Into<Cow<'a, str>>, nonce: impl Into<Cow<'a, str>>) -> Self {
        Self { realm: realm.into(), nonce: nonce.into(), ..Self::default() }
    }

    /// Reads what follows `Digest `.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::MissingParameter`] without realm or nonce; a quoted string without
    /// its end, control bytes or bytes that are not UTF-8 in a value.
    pub fn parse(params: &'a [u8]) -> Result<Self, ParseError> {
        let mut out = Self::default();
        let (mut realm, mut nonce) = (None, None);
        let set = |slot: &mut Option<Cow<'a, str>>, param: &Param<'a>| {
            if slot.is_none() {
                *slot = Some(value::text(param)?);
            }
            Ok(())
        };
        for param in value::params(params) {
            if param.is(b"realm") {
                set(&mut realm, &param)?;
            } else if param.is(b"nonce") {
                set(&mut nonce, &param)?;
            } else if param.is(b"opaque") {
                set(&mut out.opaque, &param)?;
            } else if param.is(b"domain") {
                set(&mut out.domain, &param)?;
            } else if param.is(b"algorithm") {
                set(&mut out.algorithm_name, &param)?;
            } else if param.is(b"qop") && out.qop.is_none() {
                out.qop = Some(QopSet::parse(&value::text(&param)?));
            } else if param.is(b"stale") {
                out.stale = value::is_true(&param);
            } else if param.is(b"userhash") {
                out.userhash = value::is_true(&param);
            } else if param.is(b"charset") {
                out.utf8 = value::text(&param)?.eq_ignore_ascii_case("UTF-8");
            }
        }
        let missing = || ParseError::new(ParseErrorKind::MissingParameter, params.len());
        out.realm = realm.ok_or_else(missing)?;
        out.nonce = nonce.ok_or_else(missing)?;
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
}

//! The upgrade from HTTP (RFC 6455 §4), both sides.

use crate::http::{HeadWriter, RequestHead, ResponseHead, is_field_value, is_token};
use crate::{LimitKind, ParseErrorKind, Rng};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use core::fmt;
use sha1::{Digest as _, Sha1};
use thiserror::Error;

/// §1.3: what a key is joined with before hashing.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The RFC's own example of a key (§4.1) has bits set behind its last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A `Sec-WebSocket-Accept` value: 28 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcceptKey([u8; 28]);

impl AcceptKey {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ever made of base64 characters, so the empty fallback is never taken.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What proves that a server understood the `Sec-WebSocket-Key` of its client (§4.2.2).
///
/// ```
/// use proto_wire::websocket::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ==").as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> AcceptKey {
    let mut sha = Sha1::new();
    sha.update(key.trim().as_bytes());
    sha.update(GUID);
    let mut out = [0; 28];
    // 20 bytes always give 28 characters.
    let written = BASE64.encode_slice(sha.finalize(), &mut out);
    debug_assert_eq!(written, Ok(28), "base64 of a SHA-1");
    AcceptKey(out)
}

/// Why an upgrade failed, at either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The head is no HTTP.
    #[error("the head is malformed: {0}")]
    Head(ParseErrorKind),
    /// The head is longer than the limit.
    #[error(transparent)]
    Limit(LimitKind),
    /// The method is not GET, or the version is HTTP/1.0.
    #[error("not a GET of HTTP/1.1")]
    RequestLine,
    /// `Upgrade: websocket`, `Connection: Upgrade` or `Host` is missing.
    #[error("not a request for an upgrade to WebSocket")]
    NoUpgrade,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("the version of WebSocket is not 13")]
    Version,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64, or stands twice.
    #[error("the key is not 16 bytes in base64")]
    Key,
    /// `Sec-WebSocket-Accept` is missing or wrong.
    #[error("the server did not prove that it speaks WebSocket")]
    Accept,
    /// The server chose an extension or a subprotocol that was not offered, or none where
    /// one was demanded.
    #[error("the server chose what was not offered")]
    NotOffered,
    /// The server refused, with this status code.
    #[error("the server answered {0}")]
    Status(u16),
}

impl HandshakeError {
    /// The whole response that a server refuses with: the one place that maps faults of a
    /// client to HTTP.
    #[must_use]
    pub fn reply(self) -> Bytes {
        let (line, extra) = match self {
            Self::Limit(_) | Self::Head(ParseErrorKind::Limit(_)) => {
                ("431 Request Header Fields Too Large", None)
            }
            // §4.4: which version would do.
            Self::Version => ("426 Upgrade Required", Some(("Sec-WebSocket-Version", "13"))),
            Self::NoUpgrade => ("426 Upgrade Required", Some(("Upgrade", "websocket"))),
            _ => ("400 Bad Request", None),
        };
        HeadWriter::new(&alloc::format!("HTTP/1.1 {line}"))
            .headers(extra)
            .header("Connection", "close")
            .header("Content-Length", "0")
            .finish()
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    host: String,
    target: String,
    subprotocols: Vec<String>,
    subprotocol_required: bool,
    headers: Vec<(String, String)>,
}

impl ClientRequest {
    /// A request for `target` (`/chat`, with its query) at `host` (with `:port` when it is
    /// not the default).
    #[must_use]
    pub fn new(host: &str, target: &str) -> Self {
        Self {
            host: host.into(),
            target: target.into(),
            subprotocols: Vec::new(),
            subprotocol_required: true,
            headers: Vec::new(),
        }
    }

    /// Offers a subprotocol; the first one offered is preferred. Once one is offered, a
    /// server that chooses none is refused (so do RFC 7118 §4.1 and RFC 7395 §3.1), unless
    /// [`ClientRequest::allow_no_subprotocol`] is called.
    #[must_use]
    pub fn subprotocol(mut self, name: &str) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// Goes on with a server that chooses no subprotocol.
    #[must_use]
    pub const fn allow_no_subprotocol(mut self) -> Self {
        self.subprotocol_required = false;
        self
    }

    /// Adds a header: `Origin`, `Authorization`, `Cookie`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether nothing in it could break out of its line.
    pub(super) fn is_sound(&self) -> bool {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b > b' ' && b != 0x7F);
        word(&self.host)
            && word(&self.target)
            && self.target.starts_with('/')
            && self.subprotocols.iter().all(|name| is_token(name))
            && self.headers.iter().all(|(name, value)| is_token(name) && is_field_value(value))
    }

    /// The request, and the key that its answer must prove.
    pub(super) fn write(&self, rng: &mut Rng) -> (Bytes, AcceptKey) {
        let mut nonce = [0; 16];
        rng.fill(&mut nonce);
        let key = BASE64.encode(nonce);
        let protocols = self.subprotocols.join(", ");
        let head = HeadWriter::new(&alloc::format!("GET {} HTTP/1.1", self.target))
            .header("Host", &self.host)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", &key)
            .header("Sec-WebSocket-Version", "13")
            .headers((!protocols.is_empty()).then_some(("Sec-WebSocket-Protocol", &*protocols)))
            .headers(self.headers.iter().map(|(name, value)| (&**name, &**value)));
        (head.finish(), accept_key(&key))
    }
}

/// Whether `response` grants `request` (§4.1): the subprotocol that the server chose.
///
/// `proof` is [`accept_key`] of the key that was sent.
///
/// # Errors
/// Why the connection must be failed.
pub fn check_response(
    response: &ResponseHead<'_>,
    request: &ClientRequest,
    proof: AcceptKey,
) -> Result<Option<String>, HandshakeError> {
    if response.status != 101 {
        return Err(HandshakeError::Status(response.status));
    }
    let headers = &response.headers;
    if !headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "Upgrade") {
        return Err(HandshakeError::NoUpgrade);
    }
    let mut accepts = headers.all("Sec-WebSocket-Accept");
    if accepts.next().map(<[u8]>::trim_ascii) != Some(proof.as_str().as_bytes())
        || accepts.next().is_some()
    {
        return Err(HandshakeError::Accept);
    }
    if headers.items("Sec-WebSocket-Extensions").next().is_some() {
        return Err(HandshakeError::NotOffered);
    }
    let mut chosen = headers.items("Sec-WebSocket-Protocol");
    match (chosen.next(), chosen.next()) {
        (None, _) if request.subprotocols.is_empty() || !request.subprotocol_required => Ok(None),
        // Exactly as it was offered (§11.3.4); some servers change its case.
        (Some(name), None) => request
            .subprotocols
            .iter()
            .find(|offered| offered.eq_ignore_ascii_case(name))
            .map(|offered| Some(offered.clone()))
            .ok_or(HandshakeError::NotOffered),
        _ => Err(HandshakeError::NotOffered),
    }
}

/// What a client asked a server for, after the checks of §4.2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeRequest {
    /// The request target: which service.
    pub target: String,
    /// `Host`.
    pub host: String,
    /// `Origin`, which every browser sends: a server decides whom it serves (§10.2).
    pub origin: Option<String>,
    /// The subprotocols offered, the preferred one first.
    pub subprotocols: Vec<String>,
    headers: Vec<(String, Vec<u8>)>,
    proof: AcceptKey,
}

impl UpgradeRequest {
    /// Checks the head of a request.
    ///
    /// # Errors
    /// Why it must be refused; [`HandshakeError::reply`] says with what.
    pub fn new(head: &RequestHead<'_>) -> Result<Self, HandshakeError> {
        let headers = &head.headers;
        if head.method != "GET" || head.minor_version < 1 {
            return Err(HandshakeError::RequestLine);
        }
        let (true, true, Some(host)) = (
            headers.has_token("Upgrade", "websocket"),
            headers.has_token("Connection", "Upgrade"),
            headers.text("Host"),
        ) else {
            return Err(HandshakeError::NoUpgrade);
        };
        if !headers.has_token("Sec-WebSocket-Version", "13") {
            return Err(HandshakeError::Version);
        }
        let mut keys = headers.all("Sec-WebSocket-Key");
        let key = keys
            .next()
            .and_then(|key| core::str::from_utf8(key).ok())
            .map(str::trim)
            .filter(|key| key.len() == 24 && BASE64.decode(key).is_ok_and(|k| k.len() == 16));
        let (Some(key), None) = (key, keys.next()) else {
            return Err(HandshakeError::Key);
        };
        Ok(Self {
            target: head.target.to_string(),
            host: host.to_string(),
            origin: headers.text("Origin").map(ToString::to_string),
            subprotocols: headers
                .items("Sec-WebSocket-Protocol")
                .map(ToString::to_string)
                .collect(),
            headers: headers.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            proof: accept_key(key),
        })
    }

    /// The value of the first header with this name, in any case: `Authorization`, `Cookie`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The offered subprotocol that is `name`, in any case.
    #[must_use]
    pub fn offered(&self, name: &str) -> Option<&str> {
        self.subprotocols.iter().map(String::as_str).find(|p| p.eq_ignore_ascii_case(name))
    }

    /// The response that grants it (§4.2.2), with an offered `subprotocol` or none.
    #[must_use]
    pub fn response(&self, subprotocol: Option<&str>) -> Bytes {
        let chosen = subprotocol.and_then(|name| self.offered(name));
        HeadWriter::new("HTTP/1.1 101 Switching Protocols")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Accept", self.proof.as_str())
            .headers(chosen.map(|name| ("Sec-WebSocket-Protocol", name)))
            .finish()
    }
}

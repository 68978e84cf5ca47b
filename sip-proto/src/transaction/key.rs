//! What makes two messages one transaction (RFC 3261 §17.1.3, §17.2.3).

use crate::headers::{CSeq, CallId, From, To, Via};
use crate::message::{HeaderName, Headers, Method, Request, Response, TypedHeader};
use alloc::vec::Vec;
use proto_wire::ParseError;
use proto_wire::text::host::Host;
use thiserror::Error;

/// The magic cookie that a branch of RFC 3261 begins with (§8.1.1.7).
pub const COOKIE: &[u8] = b"z9hG4bK";

/// The name of a transaction: bytes to compare and to look up, nothing to read.
///
/// ```
/// use sip_proto::RequestBuf;
/// use sip_proto::transaction::Key;
///
/// let invite = RequestBuf::parse(&b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP A:5060;branch=z9hG4bKx\r\n\
///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"[..])?;
/// let ack = RequestBuf::parse(&b"ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a:5060;branch=z9hG4bKx\r\n\
///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 ACK\r\n\r\n"[..])?;
/// // ACK belongs to the INVITE; the host of sent-by has no case.
/// assert_eq!(Key::of_server(invite.view())?, Key::of_server(ack.view())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// Why a message names no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A header that is needed is missing.
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header that is needed is malformed.
    #[error("{0}: {1}")]
    Malformed(HeaderName, ParseError),
}

const CLIENT: u8 = b'c';
const SERVER: u8 = b's';
const SERVER_2543: u8 = b'o';

impl Key {
    /// An empty key, to be filled by [`Key::set_server`] again and again without allocating.
    #[must_use]
    pub const fn scratch() -> Self {
        Self(Vec::new())
    }

    /// The key of the server transaction that `request` belongs to; of an ACK that of its
    /// INVITE. A CANCEL has a transaction of its own.
    ///
    /// # Errors
    /// When a header that it needs is missing or malformed.
    pub fn of_server(request: Request<'_>) -> Result<Self, KeyError> {
        let mut key = Self::scratch();
        key.set_server(request, request.method())?;
        Ok(key)
    }

    /// Makes this the key of the server transaction of `method` with the identity of
    /// `request`: with INVITE and a CANCEL, that of the INVITE to cancel (§9.2).
    ///
    /// # Errors
    /// When a header that it needs is missing or malformed.
    pub fn set_server(&mut self, request: Request<'_>, method: Method<'_>) -> Result<(), KeyError> {
        self.0.clear();
        self.set_server_by(request, &header(request.headers())?, method)
    }

    /// The same where the topmost Via has been read.
    pub(crate) fn set_server_by(
        &mut self,
        request: Request<'_>,
        via: &Via<'_>,
        method: Method<'_>,
    ) -> Result<(), KeyError> {
        self.0.clear();
        let method = if method == Method::Ack { Method::Invite } else { method };
        match via.branch().and_then(cookie_rest) {
            Some(rest) => {
                self.0.reserve(rest.len().saturating_add(64));
                let [a, b, c, d] = len_of(rest);
                self.0.extend_from_slice(&[SERVER, a, b, c, d]);
                self.0.extend_from_slice(rest);
                self.sent_by(via);
                self.part(method.as_str().as_bytes());
            }
            None => self.set_2543(request, via, method)?,
        }
        Ok(())
    }

    /// RFC 3261 §17.2.3, for peers without the cookie: request URI, From tag, Call-ID, CSeq
    /// number and top Via; of other requests than INVITE and ACK the To tag too.
    fn set_2543(
        &mut self,
        request: Request<'_>,
        via: &Via<'_>,
        method: Method<'_>,
    ) -> Result<(), KeyError> {
        let headers = request.headers();
        let cseq: CSeq<'_> = header(headers)?;
        let from: From<'_> = header(headers)?;
        let call_id: CallId<'_> = header(headers)?;
        self.0.push(SERVER_2543);
        self.part(request.uri_bytes());
        self.part(from.tag().unwrap_or("").as_bytes());
        self.part(call_id.0.as_bytes());
        self.0.extend_from_slice(&cseq.number.to_be_bytes());
        self.part(via.raw);
        self.part(method.as_str().as_bytes());
        // The To tag of an ACK is the server's own; INVITE and ACK must give one key.
        if method != Method::Invite {
            let to: To<'_> = header(headers)?;
            self.part(to.tag().unwrap_or("").as_bytes());
        }
        Ok(())
    }

    /// The key of a client transaction: the branch that was put on its request, and its method
    /// (§17.1.3; the CSeq method tells a CANCEL's response from its INVITE's).
    #[must_use]
    pub fn of_client(branch: &[u8], method: Method<'_>) -> Self {
        let mut key = Self::scratch();
        key.set_client(branch, method);
        key
    }

    /// Makes this the key of the client transaction that `response` answers.
    ///
    /// # Errors
    /// When Via or CSeq is missing or malformed.
    pub fn set_response(&mut self, response: Response<'_>) -> Result<(), KeyError> {
        let via: Via<'_> = header(response.headers())?;
        let cseq: CSeq<'_> = header(response.headers())?;
        self.set_client(via.branch().unwrap_or(&[]), cseq.method);
        Ok(())
    }

    fn set_client(&mut self, branch: &[u8], method: Method<'_>) {
        self.0.clear();
        self.0.push(CLIENT);
        self.part(branch);
        self.part(method.as_str().as_bytes());
    }

    /// Host in lower case and port; an explicit default port and none are two things, since
    /// a sender writes it the same way each time (§17.2.3 compares sent-by as it stands).
    fn sent_by(&mut self, via: &Via<'_>) {
        match via.sent_by.host {
            Host::Name(name) => {
                let at = self.0.len();
                self.0.extend_from_slice(name.as_bytes());
                self.0.get_mut(at..).unwrap_or(&mut []).make_ascii_lowercase();
            }
            Host::V4(v4) => self.0.extend_from_slice(&v4.octets()),
            Host::V6(v6) => self.0.extend_from_slice(&v6.octets()),
        }
        match via.sent_by.port.map(u16::to_be_bytes) {
            Some([high, low]) => self.0.extend_from_slice(&[0, high, low, 0]),
            None => self.0.extend_from_slice(&[0, 0]),
        }
    }

    /// Bytes with their length before them, so that no two lists of parts run together.
    fn part(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&len_of(bytes));
        self.0.extend_from_slice(bytes);
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A copy without spare memory.
    #[must_use]
    pub fn to_exact(&self) -> Self {
        Self(self.0.clone())
    }
}

fn len_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// What follows the cookie, when something does: a bare cookie names nothing (RFC 4475
/// §3.1.2.19 `badbranch`). The cookie is compared without regard to case, the rest exactly.
fn cookie_rest(branch: &[u8]) -> Option<&[u8]> {
    let (cookie, rest) = branch.split_at_checked(COOKIE.len())?;
    (cookie.eq_ignore_ascii_case(COOKIE) && !rest.is_empty()).then_some(rest)
}

fn header<'a, T: TypedHeader<'a>>(headers: Headers<'a>) -> Result<T, KeyError> {
    match headers.typed::<T>() {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(KeyError::Missing(T::NAME)),
        Err(error) => Err(KeyError::Malformed(T::NAME, error)),
    }
}

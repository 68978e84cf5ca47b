//! What a `response` must be (RFC 7616 §3.4.1, RFC 2069 §2.1.2).

use super::algorithm::{Algorithm, HexDigest, Qop};
use super::secret::Ha1;

/// Everything that goes into a `response` or `rspauth`.
///
/// All values are without quotes and escapes, `uri` literally as in the header.
///
/// ```
/// use proto_wire::digest::{Algorithm, Ha1, Qop, Response};
///
/// // RFC 2617 §3.5.
/// let response = Response {
///     algorithm: Algorithm::Md5,
///     ha1: &Ha1::new(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life"),
///     nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
///     cnonce: "0a4f113b",
///     nc: "00000001",
///     qop: Some(Qop::Auth),
///     method: b"GET",
///     uri: b"/dir/index.html",
///     body: b"",
/// };
/// assert_eq!(response.compute().as_str(), "6629fae49393a05397450978507c4ef1");
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "these are the inputs of RFC 7616 §3.4.1; a struct names them where a call would not"
)]
pub struct Response<'a> {
    /// The algorithm, session variants included.
    pub algorithm: Algorithm,
    /// H(user:realm:password), before any session key is made of it.
    pub ha1: &'a Ha1,
    /// The nonce.
    pub nonce: &'a str,
    /// The client's nonce; used with `qop` and by session variants.
    pub cnonce: &'a str,
    /// The count as it is written; used with `qop`.
    pub nc: &'a str,
    /// The quality of protection; `None` computes the RFC 2069 form.
    pub qop: Option<Qop>,
    /// The method; empty for `rspauth` (RFC 7616 §3.5).
    pub method: &'a [u8],
    /// The URI as it stands in the header.
    pub uri: &'a [u8],
    /// The body; used with [`Qop::AuthInt`].
    pub body: &'a [u8],
}

impl Response<'_> {
    /// The value, in lower-case hexadecimal.
    #[must_use]
    pub fn compute(&self) -> HexDigest {
        if self.algorithm.is_session() {
            let mut key = session_key(self.algorithm, self.ha1, self.nonce, self.cnonce);
            let out = self.with_key(&key);
            key.wipe();
            out
        } else {
            self.with_key(&self.ha1.digest())
        }
    }

    /// The value for an H(A1) that may be a session key.
    pub(super) fn with_key(&self, ha1: &HexDigest) -> HexDigest {
        let hash = |parts: &[&[u8]]| self.algorithm.hash_joined(parts);
        let ha2 = match self.qop {
            Some(Qop::AuthInt) => {
                let body = self.algorithm.hash(self.body);
                hash(&[self.method, self.uri, body.as_bytes()])
            }
            _ => hash(&[self.method, self.uri]),
        };
        let (ha1, nonce, ha2) = (ha1.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes());
        match self.qop {
            None => hash(&[ha1, nonce, ha2]),
            Some(qop) => hash(&[
                ha1,
                nonce,
                self.nc.as_bytes(),
                self.cnonce.as_bytes(),
                qop.name().as_bytes(),
                ha2,
            ]),
        }
    }
}

/// H(A1) of a session (RFC 7616 §3.4.2).
pub(super) fn session_key(algorithm: Algorithm, ha1: &Ha1, nonce: &str, cnonce: &str) -> HexDigest {
    let ha1 = ha1.digest();
    algorithm.hash_joined(&[ha1.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()])
}

/// The hash of a user name that is sent with `userhash=true` (RFC 7616 §3.4.4). A server
/// that offers `userhash` keeps these to find its users by.
#[must_use]
pub fn username_hash(algorithm: Algorithm, username: &str, realm: &str) -> HexDigest {
    algorithm.hash_joined(&[username.as_bytes(), realm.as_bytes()])
}

//! Who may use an RTSP server: one user, asked for by Basic or Digest.

use crate::entropy::seed;
use proto_wire::Instant;
use proto_wire::digest::{self, Algorithm, Secret, Verdict};
use rtsp_proto::server::Authentication;
use rtsp_proto::{HeaderName, Request, ResponseBuilder, StatusCode};
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

/// How clients must say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the schemes of RTSP")]
pub enum Scheme {
    /// Basic only.
    Basic,
    /// Digest only, with MD5: the one that every player has.
    Digest,
}

impl Scheme {
    /// What a server machine is to ask for, so that it does all of this by itself.
    ///
    /// # Errors
    ///
    /// When `realm` holds control characters.
    pub fn asks(self, realm: &str) -> io::Result<Authentication> {
        let asks = match self {
            Self::Basic => Authentication::basic(realm),
            Self::Digest => Authentication::digest(realm),
        };
        asks.map_err(io::Error::other)
    }
}

/// Checks the requests of all connections.
pub struct Guard {
    auth: Mutex<digest::Server>,
    user: String,
    password: String,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Guard {
    /// Lets `user` in.
    ///
    /// # Errors
    ///
    /// When `realm` holds control characters.
    pub fn new(realm: &str, scheme: Scheme, user: &str, password: &str) -> io::Result<Self> {
        let config = digest::ServerConfig::new(realm).map_err(io::Error::other)?;
        let config = match scheme {
            Scheme::Basic => config.with_algorithms([]).with_basic(true),
            // Players without `qop` (GStreamer) send the form of RFC 2069.
            Scheme::Digest => config.with_algorithms([Algorithm::Md5]).with_legacy(true),
        };
        let auth = Mutex::new(digest::Server::new(config, seed()));
        Ok(Self { auth, user: user.to_owned(), password: password.to_owned() })
    }

    /// The name of whoever sent `request`.
    ///
    /// # Errors
    ///
    /// The answer to those who do not say it or do not know the password.
    pub fn check(&self, now: Instant, request: Request<'_>) -> Result<String, ResponseBuilder> {
        let mut auth = self.auth.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(claim) = auth.claim(request.headers().all_bytes(HeaderName::Authorization)) else {
            return Err(ResponseBuilder::new(StatusCode::BAD_REQUEST));
        };
        let mut stale = false;
        if let Some(claim) = claim {
            let known = claim.username() == self.user;
            let secret = if known { Secret::Password(&self.password) } else { Secret::Unknown };
            // The `uri` that was signed may be the one of the whole presentation.
            let method = request.method_name().as_bytes();
            match auth.verify(now, &claim, method, request.body(), secret) {
                Verdict::Accepted(accepted) => return Ok(accepted.username().to_owned()),
                Verdict::Denied(denial) => stale = denial.is_stale(),
            }
        }
        let mut refusal = ResponseBuilder::new(StatusCode::UNAUTHORIZED);
        for challenge in auth.challenges(now, stale) {
            refusal = refusal.header(HeaderName::WwwAuthenticate, challenge);
        }
        Err(refusal)
    }
}

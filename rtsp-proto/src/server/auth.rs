//! Who asks: challenges and proofs (RFC 7616, RFC 7617; RFC 2326 §12.5, RFC 7826 §19.1).
//!
//! Nonces belong to one connection, so a proof that was overheard is worth nothing on
//! another. What the host is asked is only what it knows: the secret of a user.

use super::judge::Refusal;
use super::{Current, Event, Phase, Server};
use crate::HeaderName;
use crate::error::{CloseReason, CommandError, RequestId};
use crate::message::{Method, Methods, ResponseBuilder, StatusCode};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;
use proto_wire::digest::{self, Accepted, Claim, Secret, Verdict};
use proto_wire::{Instant, LimitKind};

/// What must be proved, and how, for [`Config::authentication`](super::Config).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authentication {
    /// Realm, schemes, algorithms, life of nonces.
    pub challenge: digest::ServerConfig,
    /// Methods that must be proved: all but OPTIONS unless set otherwise.
    pub methods: Methods,
    /// Which URIs in a proof fit a request ([`UriPolicy::Tolerant`]).
    pub uris: UriPolicy,
    /// Wrong proofs in a row (8); one more ends the connection. Stops guessing.
    pub attempts_max: u32,
}

impl Authentication {
    /// Asks for a proof of everything but OPTIONS.
    #[must_use]
    pub const fn new(challenge: digest::ServerConfig) -> Self {
        let mut all = Methods::NONE;
        let mut rest = Method::KNOWN;
        while let [first, tail @ ..] = rest {
            if !matches!(first, Method::Options) {
                all = all.with(*first);
            }
            rest = tail;
        }
        let methods = all.with(Method::Extension);
        Self { challenge, methods, uris: UriPolicy::Tolerant, attempts_max: 8 }
    }

    /// Asks by Digest in the forms that every player has: MD5, with and without `qop` (GStreamer
    /// sends the form of RFC 2069; `FFmpeg` stumbles over an offer of SHA-256).
    ///
    /// # Errors
    /// A realm with control characters.
    pub fn digest(realm: &str) -> Result<Self, digest::BadCredential> {
        let challenge = digest::ServerConfig::new(realm)?;
        Ok(Self::new(challenge.with_algorithms([digest::Algorithm::Md5]).with_legacy(true)))
    }

    /// Asks by Basic: the password goes over the wire as it is, which only TLS hides.
    ///
    /// # Errors
    /// A realm with control characters.
    pub fn basic(realm: &str) -> Result<Self, digest::BadCredential> {
        let challenge = digest::ServerConfig::new(realm)?;
        Ok(Self::new(challenge.with_algorithms([]).with_basic(true)))
    }

    /// Asks for a proof of these methods only.
    #[must_use]
    pub const fn for_methods(mut self, methods: Methods) -> Self {
        self.methods = methods;
        self
    }

    /// Sets [`Authentication::uris`].
    #[must_use]
    pub const fn with_uris(mut self, uris: UriPolicy) -> Self {
        self.uris = uris;
        self
    }

    /// Sets [`Authentication::attempts_max`].
    #[must_use]
    pub const fn with_attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }
}

/// Which URIs in a proof are taken to name what the request line names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriPolicy {
    /// Exactly the same only (RFC 7616 §3.4.6).
    Exact,
    /// Also what devices write: see [`UriMatch`].
    #[default]
    Tolerant,
}

/// How the URI in a proof fits that of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriMatch {
    /// It is the same.
    Exact,
    /// It has a slash at its end and the other has not.
    Slash,
    /// It is the path only.
    PathOnly,
    /// It is the URL of the whole, in a SETUP of one stream.
    BaseUrl,
}

/// How `claimed`, the URI in a proof, fits the URI of the request; `None` when it does not.
///
/// ```
/// use rtsp_proto::Method;
/// use rtsp_proto::server::{UriMatch, uri_match};
///
/// let request = "rtsp://h/cam/trackID=1";
/// assert_eq!(uri_match("/cam/trackID=1", request, Method::Play), Some(UriMatch::PathOnly));
/// assert_eq!(uri_match("rtsp://h/cam/", request, Method::Setup), Some(UriMatch::BaseUrl));
/// assert_eq!(uri_match("rtsp://h/cam/", request, Method::Play), None);
/// ```
#[must_use]
pub fn uri_match(claimed: &str, request: &str, method: Method) -> Option<UriMatch> {
    if claimed == request {
        return Some(UriMatch::Exact);
    }
    let (bare, wanted) = (bare(claimed), bare(request));
    if bare.is_empty() {
        return None;
    }
    let path = path_of(wanted);
    if bare == wanted {
        Some(UriMatch::Slash)
    } else if !path.is_empty() && bare == path {
        Some(UriMatch::PathOnly)
    } else if method == Method::Setup
        && (base_of(wanted) == Some(bare) || base_of(path) == Some(bare))
    {
        Some(UriMatch::BaseUrl)
    } else {
        None
    }
}

fn bare(uri: &str) -> &str {
    uri.strip_suffix('/').unwrap_or(uri)
}

/// The path of an absolute URL; a path is its own.
fn path_of(uri: &str) -> &str {
    match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""),
        None => uri,
    }
}

/// The URL without its last part.
fn base_of(uri: &str) -> Option<&str> {
    let (base, _) = uri.rsplit_once('/')?;
    // Not less than a host, and not less than a path.
    let is_short = base.is_empty() || base.ends_with('/') || base.ends_with(':');
    (!is_short).then_some(bare(base))
}

/// What a connection knows of proofs; made when the first is asked for.
pub(super) struct Door {
    server: digest::Server,
    wrong: u32,
}

/// Nonces and their key are not shown.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

/// A proof that was right.
pub(super) struct Proof {
    accepted: Box<Accepted>,
    pub(super) uri_match: UriMatchOrBasic,
}

/// `None` for Basic, which proves no URI.
pub(super) type UriMatchOrBasic = Option<UriMatch>;

/// Who it was is shown elsewhere.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("uri_match", &self.uri_match).finish_non_exhaustive()
    }
}

impl Server {
    /// Asks for a proof where one is needed; then the request goes on.
    pub(super) fn authorize(&mut self, now: Instant, mut current: Current) {
        if self.config.authentication.is_none() {
            return self.find_session(now, current);
        }
        let config = self.config.clone();
        let Some(wanted) =
            config.authentication.as_ref().filter(|a| a.methods.contains(current.method))
        else {
            return self.find_session(now, current);
        };
        let rng = &mut self.rng;
        let door = self.auth.get_or_insert_with(|| {
            let server = digest::Server::new(wanted.challenge.clone(), rng.seed());
            Box::new(Door { server, wrong: 0 })
        });
        let view = current.view();
        match door.server.claim(view.headers().all_bytes(HeaderName::Authorization)) {
            Err(_) => self.refuse_early(now, &current, StatusCode::BAD_REQUEST.into()),
            Ok(None) => self.challenge(now, &current, false),
            Ok(Some(claim)) => {
                let (id, is_hashed) = (current.id, claim.is_hashed());
                let (username, algorithm) = (claim.username().to_string(), claim.algorithm());
                current.phase = Phase::WantsSecret(Box::new(claim));
                self.current = Some(current);
                self.out.event(Event::SecretWanted { id, username, is_hashed, algorithm });
            }
        }
    }

    /// Says whose the hashed name of an [`Event::SecretWanted`] is; `false`, and nothing
    /// changed, when it is not that of this user.
    ///
    /// # Errors
    /// Closed, or no such request waits for a secret.
    pub fn resolve_user(&mut self, id: RequestId, username: &str) -> Result<bool, CommandError> {
        self.check_open()?;
        let realm = self.auth.as_ref().map_or("", |door| door.server.realm()).to_string();
        match self.current.as_mut().filter(|current| current.id == id).map(|c| &mut c.phase) {
            Some(Phase::WantsSecret(claim)) => Ok(claim.resolve(username, &realm)),
            _ => Err(CommandError::UnknownRequest),
        }
    }

    /// Answers [`Event::SecretWanted`] with what is known of the user. When the proof is
    /// right the request goes on; otherwise it is answered with 401 and new challenges, or
    /// with 400 when it is right but for another URI (RFC 7616 §3.4.6).
    ///
    /// # Errors
    /// Closed, or no such request waits for a secret.
    pub fn authenticate(
        &mut self,
        now: Instant,
        id: RequestId,
        secret: Secret<'_>,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        let waits =
            |current: &Current| current.id == id && matches!(current.phase, Phase::WantsSecret(_));
        let Some(mut current) = self.current.take_if(|current| waits(current)) else {
            return Err(CommandError::UnknownRequest);
        };
        let phase = core::mem::replace(&mut current.phase, Phase::Asked);
        if let (Phase::WantsSecret(claim), Some(door)) = (phase, &mut self.auth) {
            let view = current.view();
            let method = view.method_name().as_bytes();
            let verdict = door.server.verify(now, &claim, method, view.body(), secret);
            match verdict {
                Verdict::Accepted(accepted) => {
                    door.wrong = 0;
                    self.admit(now, current, &claim, accepted);
                }
                Verdict::Denied(denial) => {
                    if !denial.is_stale() {
                        door.wrong = door.wrong.saturating_add(1);
                    }
                    let wrong = door.wrong;
                    self.challenge(now, &current, denial.is_stale());
                    let attempts = &self.config.authentication;
                    let most = attempts.as_ref().map_or(u32::MAX, |a| a.attempts_max);
                    if wrong > most && !self.closed {
                        self.finish(now, CloseReason::Limit(LimitKind::AuthAttempts));
                    }
                }
            }
        }
        self.work(now);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn admit(&mut self, now: Instant, mut current: Current, claim: &Claim, accepted: Accepted) {
        let view = current.view();
        let matched = claim.uri().map(|uri| uri_match(uri, view.uri(), view.method()));
        let exact = self.config.authentication.as_ref().is_some_and(|a| a.uris == UriPolicy::Exact);
        let uri_match = match matched {
            None => None,
            Some(Some(found)) if !exact || found == UriMatch::Exact => Some(found),
            Some(_) => return self.refuse_early(now, &current, StatusCode::BAD_REQUEST.into()),
        };
        current.user = Some(claim.username().to_string());
        current.proof = Some(Proof { accepted: Box::new(accepted), uri_match });
        self.find_session(now, current);
    }

    #[cold]
    #[inline(never)]
    fn challenge(&mut self, now: Instant, current: &Current, stale: bool) {
        let mut response = ResponseBuilder::new(StatusCode::UNAUTHORIZED);
        if let Some(door) = &mut self.auth {
            for challenge in door.server.challenges(now, stale) {
                response = response.header(HeaderName::WwwAuthenticate, challenge);
            }
        }
        self.refuse_early(now, current, Refusal::With(response));
    }

    /// `Authentication-Info` of an answer to a proved request (RFC 7616 §3.5).
    pub(super) fn authentication_info(
        &mut self,
        now: Instant,
        current: &Current,
        response: &ResponseBuilder,
    ) -> Option<String> {
        let (door, proof) = (self.auth.as_mut()?, current.proof.as_ref()?);
        door.server.authentication_info(now, &proof.accepted, response.body_ref())
    }
}

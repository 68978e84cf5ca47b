//! The server's side: makes challenges, judges answers.

use super::algorithm::{Algorithm, HexDigest, Qop, QopSet};
use super::challenge::DigestChallenge;
use super::credentials::{BasicCredentials, Credentials, DigestCredentials};
use super::info::AuthenticationInfo;
use super::nonce::{Nonces, Unusable};
use super::response::{Response, username_hash};
use super::secret::{BadCredential, Ha1, Secret};
use super::value;
use crate::{Instant, ParseError, Seed};
use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use subtle::ConstantTimeEq;

/// What a [`Server`] offers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    realm: String,
    algorithms: Vec<Algorithm>,
    qop: QopSet,
    legacy: bool,
    basic: bool,
    userhash: bool,
    opaque: Option<String>,
    domain: Option<String>,
    nonce_life: Duration,
    nonce_count_max: usize,
}

impl ServerConfig {
    /// Offers Digest with SHA-256 and MD5, `qop=auth`.
    ///
    /// # Errors
    ///
    /// [`BadCredential::Control`] when the realm has control characters.
    pub fn new(realm: impl Into<String>) -> Result<Self, BadCredential> {
        let realm = realm.into();
        if realm.bytes().any(value::is_control) {
            return Err(BadCredential::Control);
        }
        Ok(Self {
            realm,
            algorithms: alloc::vec![Algorithm::Sha256, Algorithm::Md5],
            qop: QopSet::AUTH,
            legacy: true,
            basic: false,
            userhash: false,
            opaque: None,
            domain: None,
            nonce_life: Duration::from_secs(300),
            nonce_count_max: 4096,
        })
    }

    /// The algorithms, one challenge each, the preferred one first. Leave MD5 the last where
    /// it is offered: `FFmpeg` looks at the last challenge only and knows no other. No
    /// algorithm at all leaves Basic.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The qualities of protection; the empty set makes challenges as of RFC 2069.
    #[must_use]
    pub fn with_qop(mut self, qop: QopSet) -> Self {
        self.qop = qop;
        self
    }

    /// Whether answers without `qop` are taken although it was offered (yes). Such answers
    /// can be replayed while the nonce lives; old devices know no other.
    #[must_use]
    pub fn with_legacy(mut self, taken: bool) -> Self {
        self.legacy = taken;
        self
    }

    /// Whether Basic is offered too (no), behind Digest.
    #[must_use]
    pub fn with_basic(mut self, offered: bool) -> Self {
        self.basic = offered;
        self
    }

    /// Whether user names may come as hashes (no). The host then finds its users by
    /// [`username_hash`].
    #[must_use]
    pub fn with_userhash(mut self, offered: bool) -> Self {
        self.userhash = offered;
        self
    }

    /// A string that clients send back.
    #[must_use]
    pub fn with_opaque(mut self, opaque: impl Into<String>) -> Self {
        self.opaque = Some(opaque.into());
        self
    }

    /// The URIs that the credentials are for, separated by spaces.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long a nonce is good (5 minutes). Bounds how long an answer that was overheard
    /// is worth something.
    #[must_use]
    pub fn with_nonce_life(mut self, life: Duration) -> Self {
        self.nonce_life = life;
        self
    }

    /// How many nonces are remembered with their counts (4096). Bounds memory; only
    /// nonces used with the right secret count. When there are more, the oldest become
    /// stale before their time.
    #[must_use]
    pub fn with_nonce_count_max(mut self, count: usize) -> Self {
        self.nonce_count_max = count;
        self
    }
}

/// Makes challenges and judges answers for one realm.
///
/// Nonces are not stored when they are made: each carries its time and a tag keyed with
/// the seed. Stored is, in bounded memory, which counts of a nonce were used.
///
/// The flow: [`Server::claim`] reads the headers of a request. Without a claim, refuse with
/// [`Server::challenges`]. With one, look up the user's secret (that may take its time: a
/// claim is owned), decide whether [`Claim::uri`] fits the request, and
/// [`Server::verify`].
pub struct Server {
    config: ServerConfig,
    nonces: Nonces,
}

/// Who a request says it is from, and its proof. Owned, so that it can wait for a look-up.
/// RFC 7616 §3.4.
#[derive(Clone)]
pub struct Claim {
    username: String,
    proof: Proof,
}

#[derive(Clone)]
enum Proof {
    Basic(BasicCredentials),
    Digest(DigestProof),
}

#[derive(Clone)]
struct DigestProof {
    hashed: bool,
    resolved: bool,
    algorithm: Option<Algorithm>,
    qop: Option<Option<Qop>>,
    nonce: String,
    uri: String,
    response: String,
    cnonce: String,
    nc_text: String,
    nc: u32,
}

/// How a claim was judged. RFC 7616 §3.4.6.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request is let in or not")]
pub enum Verdict {
    /// The request is from this user.
    Accepted(Accepted),
    /// It is not, or cannot be known to be.
    Denied(Denial),
}

/// A claim that was true. RFC 7616 §3.4.6.
pub struct Accepted {
    username: String,
    digest: Option<AcceptedDigest>,
}

struct AcceptedDigest {
    ha1: Ha1,
    algorithm: Algorithm,
    qop: Option<Qop>,
    nonce: String,
    cnonce: String,
    nc_text: String,
    uri: String,
}

/// Why a claim was denied. Challenge again, with `stale` as [`Denial::is_stale`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The proof does not fit the secret, or the user is not known.
    #[error("wrong user name or password")]
    WrongSecret,
    /// The proof fits, but the nonce is too old or of another server.
    #[error("the nonce is too old")]
    Stale,
    /// The proof fits, but this count of the nonce was used before.
    #[error("the answer was used before")]
    Replayed,
    /// An algorithm, quality of protection or scheme that was not offered.
    #[error("the answer is of a kind that was not offered")]
    NotOffered,
    /// The stored secret is of another algorithm.
    #[error("the stored hash is of another algorithm")]
    OtherAlgorithm,
}

impl Denial {
    /// Whether the client knows the secret and only needs a new nonce.
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Replayed)
    }
}

impl Server {
    /// A server with its own key for nonces, from the seed. With a new seed after a
    /// restart, old nonces are answered with `stale=true`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given away, not shared")]
    pub fn new(config: ServerConfig, seed: Seed) -> Self {
        let nonces = Nonces::new(&seed, config.nonce_life, config.nonce_count_max);
        Self { config, nonces }
    }

    /// The values of the challenge headers for a 401 or 407, in this order, one header
    /// each. All Digest challenges share one new nonce.
    pub fn challenges(&mut self, now: Instant, stale: bool) -> Vec<String> {
        let nonce = self.nonces.make(now);
        let config = &self.config;
        let mut out: Vec<String> = config
            .algorithms
            .iter()
            .map(|algorithm| config.digest_challenge(*algorithm, &nonce, stale))
            .collect();
        if config.basic {
            let mut basic = "Basic".to_owned();
            value::push_quoted(&mut basic, "realm", &config.realm);
            value::push_quoted(&mut basic, "charset", "UTF-8");
            out.push(basic);
        }
        out
    }

    /// The claim of a request: the first of its `Authorization` (or `Proxy-Authorization`)
    /// values that is for this realm. `None` means that there is none: challenge.
    ///
    /// # Errors
    ///
    /// A Basic or Digest value that cannot be read; answer 400 (RFC 7616 §3.4).
    pub fn claim<T: AsRef<[u8]>>(
        &self,
        headers: impl IntoIterator<Item = T>,
    ) -> Result<Option<Claim>, ParseError> {
        for header in headers {
            match Credentials::parse(header.as_ref())? {
                Credentials::Digest(digest) if digest.realm == self.config.realm => {
                    return Ok(Some(Claim::digest(digest)));
                }
                Credentials::Basic(basic) if self.config.basic => {
                    return Ok(Some(Claim {
                        username: basic.username().to_owned(),
                        proof: Proof::Basic(basic),
                    }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Judges a claim with what the host knows of the user: `method` and `body` are those
    /// of the request, [`Secret::Unknown`] is for a user that does not exist.
    ///
    /// Does the same work whether the user exists or not, give or take one hash. The count of a nonce is used up
    /// only by a right answer, so nobody else can use up the counts of a user.
    pub fn verify(
        &mut self,
        now: Instant,
        claim: &Claim,
        method: &[u8],
        body: &[u8],
        secret: Secret<'_>,
    ) -> Verdict {
        let judged = match &claim.proof {
            Proof::Basic(basic) => self.verify_basic(claim, basic, secret).map(|()| None),
            Proof::Digest(digest) => {
                self.verify_digest(now, claim, digest, method, body, secret).map(Some)
            }
        };
        match judged {
            Ok(digest) => Verdict::Accepted(Accepted { username: claim.username.clone(), digest }),
            Err(denial) => Verdict::Denied(denial),
        }
    }

    /// The value of `Authentication-Info` for the reply to an accepted request, or `None`
    /// when there is nothing to say (Basic, the RFC 2069 form). `body` is that of the
    /// reply. It proves that this server knows the secret too and, when the nonce has
    /// lived half its life, names the next one (not for session variants, whose key hangs
    /// on the first nonce).
    pub fn authentication_info(
        &mut self,
        now: Instant,
        accepted: &Accepted,
        body: &[u8],
    ) -> Option<String> {
        let digest = accepted.digest.as_ref()?;
        let qop = digest.qop?;
        let proof = Response {
            algorithm: digest.algorithm,
            ha1: &digest.ha1,
            nonce: &digest.nonce,
            cnonce: &digest.cnonce,
            nc: &digest.nc_text,
            qop: Some(qop),
            method: b"",
            uri: digest.uri.as_bytes(),
            body,
        };
        let proof = proof.compute();
        let mut out = AuthenticationInfo {
            rspauth: Some(proof.as_str().into()),
            cnonce: Some(digest.cnonce.as_str().into()),
            nc: Some(digest.nc_text.as_str().into()),
            qop: Some(qop.name().into()),
            nextnonce: None,
        };
        let ageing =
            self.nonces.identify(&digest.nonce).is_some_and(|id| self.nonces.is_ageing(now, id));
        if ageing && !digest.algorithm.is_session() {
            out.nextnonce = Some(self.nonces.make(now).into());
        }
        Some(out.to_string())
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.config.realm
    }

    fn verify_basic(
        &self,
        claim: &Claim,
        basic: &BasicCredentials,
        secret: Secret<'_>,
    ) -> Result<(), Denial> {
        // Hashes of equal length are compared, so the time says nothing of the password.
        let algorithm = match secret {
            Secret::Ha1(ha1) => ha1.algorithm(),
            _ => Algorithm::Sha256,
        };
        let realm = &self.config.realm;
        let given = Ha1::new(algorithm, &claim.username, realm, basic.password());
        let expected =
            secret.ha1(algorithm, &claim.username, realm).ok_or(Denial::OtherAlgorithm)?;
        if given == expected && secret.is_known() { Ok(()) } else { Err(Denial::WrongSecret) }
    }

    fn verify_digest(
        &mut self,
        now: Instant,
        claim: &Claim,
        proof: &DigestProof,
        method: &[u8],
        body: &[u8],
        secret: Secret<'_>,
    ) -> Result<AcceptedDigest, Denial> {
        let algorithm = proof
            .algorithm
            .filter(|a| self.config.algorithms.contains(a))
            .ok_or(Denial::NotOffered)?;
        let qop = proof
            .qop
            .filter(|qop| match qop {
                Some(qop) => self.config.qop.contains(*qop),
                None => self.config.legacy || self.config.qop.is_empty(),
            })
            .ok_or(Denial::NotOffered)?;
        if proof.hashed && !self.config.userhash {
            return Err(Denial::NotOffered);
        }
        let ha1 = secret
            .ha1(algorithm, &claim.username, &self.config.realm)
            .ok_or(Denial::OtherAlgorithm)?;
        let expected = Response {
            algorithm,
            ha1: &ha1,
            nonce: &proof.nonce,
            cnonce: &proof.cnonce,
            nc: &proof.nc_text,
            qop,
            method,
            uri: proof.uri.as_bytes(),
            body,
        }
        .compute();
        let given = HexDigest::parse(algorithm, &proof.response);
        if given != Some(expected) || !secret.is_known() || (proof.hashed && !proof.resolved) {
            return Err(Denial::WrongSecret);
        }
        // RFC 7616 §3.3: stale means that the client knows the secret.
        let id = self.nonces.identify(&proof.nonce).ok_or(Denial::Stale)?;
        self.nonces.use_up(now, id, qop.map(|_| proof.nc)).map_err(|unusable| match unusable {
            Unusable::Old => Denial::Stale,
            Unusable::Replayed => Denial::Replayed,
        })?;
        Ok(AcceptedDigest {
            ha1,
            algorithm,
            qop,
            nonce: proof.nonce.clone(),
            cnonce: proof.cnonce.clone(),
            nc_text: proof.nc_text.clone(),
            uri: proof.uri.clone(),
        })
    }
}

impl ServerConfig {
    fn digest_challenge(&self, algorithm: Algorithm, nonce: &str, stale: bool) -> String {
        let mut out = DigestChallenge::new(&*self.realm, nonce);
        out.opaque = self.opaque.as_deref().map(Cow::Borrowed);
        out.domain = self.domain.as_deref().map(Cow::Borrowed);
        out.algorithm_name = Some(algorithm.name().into());
        out.qop = Some(self.qop).filter(|qop| !qop.is_empty());
        (out.stale, out.utf8, out.userhash) = (stale, self.userhash, self.userhash);
        out.to_string()
    }
}

impl Claim {
    fn digest(digest: DigestCredentials<'_>) -> Self {
        let (algorithm, qop) = (digest.algorithm(), digest.qop());
        let nc = digest.nc().unwrap_or(0);
        Self {
            username: digest.username.into_owned(),
            proof: Proof::Digest(DigestProof {
                hashed: digest.userhash,
                resolved: false,
                algorithm,
                qop,
                nonce: digest.nonce.into_owned(),
                uri: digest.uri.into_owned(),
                response: digest.response.into_owned(),
                cnonce: digest.cnonce.unwrap_or_default().into_owned(),
                nc_text: digest.nc_text.unwrap_or_default().into_owned(),
                nc,
            }),
        }
    }

    /// The user name, or its hash when [`Claim::is_hashed`].
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether the user name is a hash: find the user by [`username_hash`] and tell the
    /// name with [`Claim::resolve`].
    #[must_use]
    pub const fn is_hashed(&self) -> bool {
        matches!(&self.proof, Proof::Digest(d) if d.hashed && !d.resolved)
    }

    /// Says which user a hashed name is; `false`, and nothing changed, when the hash is
    /// not that of this name.
    pub fn resolve(&mut self, username: &str, realm: &str) -> bool {
        let Proof::Digest(digest) = &mut self.proof else {
            return false;
        };
        let Some(algorithm) = digest.algorithm else {
            return false;
        };
        let hash = username_hash(algorithm, username, realm);
        let sent = self.username.to_ascii_lowercase();
        if !digest.hashed || !bool::from(hash.as_bytes().ct_eq(sent.as_bytes())) {
            return false;
        }
        digest.resolved = true;
        username.clone_into(&mut self.username);
        true
    }

    /// The URI that was hashed, as it was sent; `None` for Basic. The host must decide
    /// whether it names the same thing as the request line (RFC 7616 §3.4.6): some devices
    /// send a path or the base URL.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        match &self.proof {
            Proof::Basic(_) => None,
            Proof::Digest(digest) => Some(&digest.uri),
        }
    }

    /// The algorithm, for a host that stores one hash per algorithm; `None` for Basic and
    /// for unknown ones.
    #[must_use]
    pub const fn algorithm(&self) -> Option<Algorithm> {
        match &self.proof {
            Proof::Basic(_) => None,
            Proof::Digest(digest) => digest.algorithm,
        }
    }

    /// Whether it is a Digest claim in the RFC 2069 form, without `qop`.
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        matches!(&self.proof, Proof::Digest(d) if matches!(d.qop, Some(None)))
    }
}

impl Accepted {
    /// Who it is.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The quality of protection; `None` for Basic and the RFC 2069 form.
    #[must_use]
    pub fn qop(&self) -> Option<Qop> {
        self.digest.as_ref().and_then(|digest| digest.qop)
    }

    /// The algorithm; `None` for Basic.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.digest.as_ref().map(|digest| digest.algorithm)
    }
}

/// Shows the configuration, not the key.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Shows who it says it is, not the proof.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Shows who it is, not the secret.
impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("username", &self.username).finish_non_exhaustive()
    }
}

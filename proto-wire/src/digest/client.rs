//! The client's side: answers challenges.

use super::Target;
use super::algorithm::{Algorithm, HexDigest, Qop};
use super::challenge::{Challenge, Challenges, DigestChallenge};
use super::credentials::{BasicCredentials, DigestCredentials};
use super::info::{AuthenticationInfo, InfoOutcome};
use super::response::{Response, session_key, username_hash};
use super::secret::{Credential, Ha1};
use super::value;
use crate::{ParseError, Rng};
use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Realms at one time (16). Stops a server that invents realms from filling memory.
const SESSIONS_MAX: usize = 16;
/// Challenges looked at in one reply (32). Stops work per reply from growing.
const CHALLENGES_MAX: usize = 32;
/// Answers to one request before giving up (5), each to a new nonce that a server called
/// stale, or to a new realm. Stops a loop that no rule on one nonce would see.
const ROUNDS_MAX: u8 = 5;

/// Answers the challenges of one server, or of the proxies on the way to it.
///
/// Use one client per server: what it knows is sent with every request
/// ([`Client::answers`]).
///
/// The flow: send a request with [`Client::answers`] (at first there are none) and keep
/// them. A 401 or 407 goes to [`Client::challenged`] with those answers; when it is `Ok`,
/// send the request again with new answers, otherwise give the reply to the application.
/// Any other reply goes to [`Client::accepted`].
#[derive(Debug)]
pub struct Client {
    credentials: Vec<Credential>,
    preference: Preference,
    basic: bool,
    prefer_auth_int: bool,
    weakest: Algorithm,
    sessions: Vec<Session>,
}

/// Which of several challenges of one realm is answered. RFC 7616 §3.7, RFC 8760 §2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Preference {
    /// The one with the strongest algorithm, of equal ones the first. Whoever removes
    /// nothing but the order of the headers gains nothing.
    #[default]
    Strongest,
    /// The first that can be answered, as RFC 8760 §2.4 has it.
    ServerOrder,
}

/// Why a challenge is not answered, the most telling reason first. RFC 7616 §3.3, §3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The server has refused these very credentials.
    #[error("the server refused the credentials")]
    Rejected,
    /// Too many challenges in a row for one request.
    #[error("the server challenges again and again")]
    TooManyRounds,
    /// There is no credential for the realm.
    #[error("there is no user name and password for this realm")]
    NoCredential,
    /// Only schemes, algorithms or qualities that are unknown or not allowed.
    #[error("no challenge can be answered")]
    Unsupported,
}

/// One header to send: the answer to the challenge of one realm.
///
/// Keep it until the reply is there: [`Client::challenged`], [`Client::accepted`] and
/// [`Client::info`] want to know what was sent.
#[derive(Clone)]
pub struct Answer {
    target: Target,
    value: Zeroizing<String>,
    realm: String,
    rounds: u8,
    proof: Option<Proof>,
}

/// What a Digest answer was made of, to check `rspauth`.
#[derive(Clone)]
struct Proof {
    algorithm: Algorithm,
    key: Key,
    nonce: String,
    cnonce: String,
    nc: String,
    qop: Option<Qop>,
    uri: Vec<u8>,
}

/// H(A1), perhaps of a session; overwritten when dropped.
#[derive(Clone)]
struct Key(HexDigest);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

/// What is known of one realm.
struct Session {
    target: Target,
    realm: String,
    credential: usize,
    rounds: u8,
    digest: Option<DigestSession>,
}

struct DigestSession {
    algorithm: Algorithm,
    algorithm_name: Option<String>,
    ha1: Ha1,
    nonce: String,
    /// The newest nonce that the server has accepted: this one or, when it changed since, one
    /// that requests on their way may still carry.
    accepted: Option<String>,
    opaque: Option<String>,
    qop: Option<Qop>,
    nc: u32,
    userhash: bool,
    utf8: bool,
    /// Of a session variant: made with the first nonce (RFC 7616 §3.4.2), and kept.
    session: Option<(String, Key)>,
}

impl Client {
    /// A client with these credentials; the first that fits a realm is used. It answers
    /// Digest only, with any algorithm, and prefers the strongest.
    #[must_use]
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        Self {
            credentials: credentials.into_iter().collect(),
            preference: Preference::default(),
            basic: false,
            prefer_auth_int: false,
            weakest: Algorithm::Md5,
            sessions: Vec::new(),
        }
    }

    /// Answers Basic too, when there is no Digest challenge, of any realm, that can be answered.
    /// It sends the password in the clear, and SIP forbids it (RFC 8760 §2.6).
    #[must_use]
    pub fn with_basic(mut self, allowed: bool) -> Self {
        self.basic = allowed;
        self
    }

    /// Which of several challenges is answered.
    #[must_use]
    pub fn with_preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// Chooses `auth-int` where both are offered.
    #[must_use]
    pub fn with_auth_int(mut self, preferred: bool) -> Self {
        self.prefer_auth_int = preferred;
        self
    }

    /// Ignores challenges with a weaker algorithm, against a downgrade (RFC 8760 §3).
    #[must_use]
    pub fn with_weakest(mut self, weakest: Algorithm) -> Self {
        self.weakest = weakest;
        self
    }

    /// Takes the challenge headers of a 401 or 407, and the answers that the refused
    /// request had carried. `Ok` means: send the request again with new
    /// [`Client::answers`].
    ///
    /// # Errors
    ///
    /// [`Refused`], the most telling reason; nothing has changed then. The same
    /// credentials are never sent for the same nonce again. A new nonce is answered when
    /// the server says `stale=true`, or when it had accepted the old one before (some
    /// rotate nonces without saying so).
    pub fn challenged<T: AsRef<[u8]>>(
        &mut self,
        target: Target,
        headers: impl IntoIterator<Item = T>,
        sent: &[Answer],
    ) -> Result<(), Refused> {
        let headers: Vec<T> = headers.into_iter().collect();
        let challenges: Vec<Challenge<'_>> = headers
            .iter()
            .flat_map(|header| Challenges::new(header.as_ref()))
            .take(CHALLENGES_MAX)
            .collect();
        let mut realms: Vec<String> = Vec::new();
        for realm in challenges.iter().filter_map(Challenge::realm) {
            if realms.len() < SESSIONS_MAX && !realms.iter().any(|known| *known == realm) {
                realms.push(realm.into_owned());
            }
        }
        let rounds = sent
            .iter()
            .filter(|answer| answer.target == target)
            .map(|answer| answer.rounds)
            .max()
            .unwrap_or(0);
        // Basic may have another realm than Digest: the password is not given away beside a proof.
        let basic = self.basic && !self.has_proof_for(&challenges);
        let mut refused = Refused::Unsupported;
        let mut sessions = Vec::new();
        for realm in realms {
            match self.choose(target, &realm, &challenges, basic, sent) {
                Ok(session) => sessions.push(session),
                Err(reason) => refused = refused.min(reason),
            }
        }
        if sessions.is_empty() {
            return Err(refused);
        }
        if rounds >= ROUNDS_MAX {
            return Err(Refused::TooManyRounds);
        }
        for mut session in sessions {
            session.rounds = rounds.saturating_add(1);
            self.keep(session);
        }
        Ok(())
    }

    /// The headers to send with a request: one per realm that has challenged. `uri` is the
    /// URI exactly as in the request line. Empty before the first challenge, and for a URI
    /// that is not text or has control characters.
    #[must_use]
    pub fn answers(
        &mut self,
        rng: &mut Rng,
        method: &[u8],
        uri: &[u8],
        body: &[u8],
    ) -> Vec<Answer> {
        if self.sessions.is_empty() {
            return Vec::new();
        }
        let Ok(uri) = core::str::from_utf8(uri) else {
            return Vec::new();
        };
        if uri.bytes().any(value::is_control) {
            return Vec::new();
        }
        let credentials = &self.credentials;
        self.sessions
            .iter_mut()
            .filter_map(|session| {
                let credential = credentials.get(session.credential)?;
                Some(session.answer(credential, rng, method, uri, body))
            })
            .collect()
    }

    /// The server has accepted these answers: any reply but a challenge.
    pub fn accepted(&mut self, sent: &[Answer]) {
        for answer in sent {
            let Some(session) = self.session(answer.target, &answer.realm) else {
                continue;
            };
            session.rounds = 0;
            if let (Some(digest), Some(proof)) = (&mut session.digest, &answer.proof) {
                if digest.nonce == proof.nonce && digest.accepted.as_ref() != Some(&proof.nonce) {
                    digest.accepted = Some(proof.nonce.clone());
                }
            }
        }
    }

    /// Takes the `Authentication-Info` of a reply with its body: checks `rspauth` when it
    /// is there, and uses `nextnonce` from now on.
    ///
    /// # Errors
    ///
    /// As [`AuthenticationInfo::parse`].
    pub fn info(
        &mut self,
        target: Target,
        header: &[u8],
        sent: &[Answer],
        body: &[u8],
    ) -> Result<InfoOutcome, ParseError> {
        let info = AuthenticationInfo::parse(header)?;
        let mut answers = sent.iter().filter(|a| a.target == target);
        let answer = match &info.cnonce {
            None => answers.next(),
            Some(cnonce) => {
                answers.find(|a| a.proof.as_ref().is_some_and(|proof| proof.cnonce == *cnonce))
            }
        };
        let Some((answer, proof)) = answer.and_then(|a| Some((a, a.proof.as_ref()?))) else {
            let proves = info.rspauth.is_some() || info.cnonce.is_some();
            return Ok(if proves { InfoOutcome::Forged } else { InfoOutcome::Unproven });
        };
        let outcome = match &info.rspauth {
            None => InfoOutcome::Unproven,
            Some(rspauth) if proof.proves(&info, rspauth, body) => InfoOutcome::Verified,
            Some(_) => return Ok(InfoOutcome::Forged),
        };
        if let Some(next) = info.nextnonce {
            let session = self.session(target, &answer.realm);
            if let Some(digest) = session.and_then(|s| s.digest.as_mut()) {
                if digest.nonce != next {
                    digest.nonce = next.into_owned();
                    digest.nc = 0;
                }
            }
        }
        Ok(outcome)
    }

    /// Forgets all challenges, as before the first request.
    pub fn reset(&mut self) {
        self.sessions.clear();
    }

    /// Whether a server has challenged for `realm` and is being answered.
    #[must_use]
    pub fn knows(&self, target: Target, realm: &str) -> bool {
        self.sessions.iter().any(|s| s.target == target && s.realm == realm)
    }

    fn session(&mut self, target: Target, realm: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|s| s.target == target && s.realm == realm)
    }

    fn keep(&mut self, mut session: Session) {
        let known = self
            .sessions
            .iter_mut()
            .find(|known| known.target == session.target && known.realm == session.realm);
        if let (Some(old), Some(new)) =
            (known.and_then(|known| known.digest.as_mut()), &mut session.digest)
        {
            // Several requests were challenged alike: a nonce is counted once (RFC 7616
            // §3.4), or the server takes the second answer for a replay of the first.
            if old.nonce == new.nonce && old.algorithm == new.algorithm {
                new.nc = old.nc;
                new.session = old.session.take();
            }
            new.accepted = old.accepted.take();
        }
        self.sessions.retain(|s| s.target != session.target || s.realm != session.realm);
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
    }

    /// A session for the best challenge of a realm.
    fn choose(
        &self,
        target: Target,
        realm: &str,
        challenges: &[Challenge<'_>],
        allows_basic: bool,
        sent: &[Answer],
    ) -> Result<Session, Refused> {
        let of_realm = challenges.iter().filter(|c| c.realm().is_some_and(|r| r == realm));
        let mut best: Option<(Algorithm, DigestChallenge<'_>)> = None;
        let mut basic = false;
        for challenge in of_realm {
            if let Some(Ok(digest)) = challenge.digest() {
                let Some(algorithm) = self.can_answer(&digest) else {
                    continue;
                };
                let better = match (&best, self.preference) {
                    (None, _) => true,
                    (Some((known, _)), Preference::Strongest) => algorithm > *known,
                    (Some(_), Preference::ServerOrder) => false,
                };
                if better {
                    best = Some((algorithm, digest));
                }
            } else {
                basic |= challenge.is("Basic") && allows_basic;
            }
        }
        if best.is_none() && !basic {
            return Err(Refused::Unsupported);
        }
        let credential =
            self.credentials.iter().position(|c| c.fits(realm)).ok_or(Refused::NoCredential)?;
        let sent = sent.iter().find(|a| a.target == target && a.realm == realm);
        match (&best, sent) {
            (None, Some(Answer { proof: None, .. })) => return Err(Refused::Rejected),
            (Some((_, digest)), Some(Answer { proof: Some(proof), .. })) => {
                let rotated = self.had_accepted(target, realm, &proof.nonce);
                if proof.nonce == digest.nonce || !(digest.stale || rotated) {
                    return Err(Refused::Rejected);
                }
            }
            _ => {}
        }
        let digest = best.and_then(|(algorithm, challenge)| {
            let known = self.credentials.get(credential)?;
            Some(self.digest_session(algorithm, &challenge, known))
        });
        Ok(Session { target, realm: realm.to_owned(), credential, rounds: 0, digest })
    }

    /// Whether any of the challenges is one of Digest that can be answered, rightly or not.
    fn has_proof_for(&self, challenges: &[Challenge<'_>]) -> bool {
        challenges.iter().filter_map(|challenge| challenge.digest()?.ok()).any(|digest| {
            self.can_answer(&digest).is_some()
                && self.credentials.iter().any(|credential| credential.fits(&digest.realm))
        })
    }

    fn can_answer(&self, challenge: &DigestChallenge<'_>) -> Option<Algorithm> {
        let algorithm = challenge.algorithm()?;
        let offers_known_qop = challenge.qop.is_none_or(|qop| !qop.is_empty());
        (algorithm >= self.weakest && offers_known_qop).then_some(algorithm)
    }

    fn had_accepted(&self, target: Target, realm: &str, nonce: &str) -> bool {
        self.sessions
            .iter()
            .filter(|s| s.target == target && s.realm == realm)
            .filter_map(|s| s.digest.as_ref())
            .any(|digest| digest.accepted.as_deref() == Some(nonce))
    }

    fn digest_session(
        &self,
        algorithm: Algorithm,
        challenge: &DigestChallenge<'_>,
        credential: &Credential,
    ) -> DigestSession {
        let qop = challenge.qop.map(|offered| {
            let auth_int = offered.auth_int && (self.prefer_auth_int || !offered.auth);
            if auth_int { Qop::AuthInt } else { Qop::Auth }
        });
        DigestSession {
            algorithm,
            algorithm_name: challenge.algorithm_name.as_deref().map(str::to_owned),
            ha1: Ha1::new(
                algorithm,
                credential.username(),
                &challenge.realm,
                credential.password(),
            ),
            nonce: challenge.nonce.clone().into_owned(),
            accepted: None,
            opaque: challenge.opaque.as_deref().map(str::to_owned),
            qop,
            nc: 0,
            userhash: challenge.userhash,
            utf8: challenge.utf8,
            session: None,
        }
    }
}

impl Session {
    fn answer(
        &mut self,
        credential: &Credential,
        rng: &mut Rng,
        method: &[u8],
        uri: &str,
        body: &[u8],
    ) -> Answer {
        let (value, proof) = match &mut self.digest {
            None => {
                let value = BasicCredentials::write(credential.username(), credential.password());
                (value, None)
            }
            Some(digest) => {
                let proof = digest.proof(rng, uri);
                let response = proof.compute(method, body);
                let value = digest.write(credential.username(), &self.realm, &proof, &response);
                (Zeroizing::new(value), Some(proof))
            }
        };
        Answer { target: self.target, value, realm: self.realm.clone(), rounds: self.rounds, proof }
    }
}

impl DigestSession {
    /// Counts the nonce and chooses a client nonce.
    fn proof(&mut self, rng: &mut Rng, uri: &str) -> Proof {
        self.nc = self.nc.saturating_add(1);
        let (cnonce, key) = if self.algorithm.is_session() {
            let (algorithm, ha1, nonce) = (self.algorithm, &self.ha1, &self.nonce);
            let (cnonce, key) = self.session.get_or_insert_with(|| {
                let cnonce = rng.hex::<32>().to_string();
                let key = Key(session_key(algorithm, ha1, nonce, &cnonce));
                (cnonce, key)
            });
            (cnonce.clone(), key.clone())
        } else {
            (rng.hex::<32>().to_string(), Key(self.ha1.digest()))
        };
        Proof {
            algorithm: self.algorithm,
            key,
            nonce: self.nonce.clone(),
            cnonce,
            nc: format!("{:08x}", self.nc),
            qop: self.qop,
            uri: uri.as_bytes().to_vec(),
        }
    }

    fn write(&self, username: &str, realm: &str, proof: &Proof, response: &HexDigest) -> String {
        let hash = self.userhash.then(|| username_hash(self.algorithm, username, realm));
        let username = hash.as_ref().map_or(username, HexDigest::as_str);
        let uri = core::str::from_utf8(&proof.uri).unwrap_or("");
        let mut out =
            DigestCredentials::new(username, realm, &*proof.nonce, uri, response.as_str());
        out.algorithm_name = self.algorithm_name.as_deref().map(Cow::Borrowed);
        let counts = proof.qop.is_some();
        out.cnonce = (counts || self.algorithm.is_session()).then_some((&*proof.cnonce).into());
        out.qop_name = proof.qop.map(|qop| qop.name().into());
        out.nc_text = counts.then_some((&*proof.nc).into());
        out.opaque = self.opaque.as_deref().map(Cow::Borrowed);
        out.userhash = self.userhash;
        out.write(self.utf8)
    }
}

impl Proof {
    fn compute(&self, method: &[u8], body: &[u8]) -> HexDigest {
        // `with_key` does not look at `ha1`: the key is made already.
        let placeholder = Ha1::new(self.algorithm, "", "", "");
        Response {
            algorithm: self.algorithm,
            ha1: &placeholder,
            nonce: &self.nonce,
            cnonce: &self.cnonce,
            nc: &self.nc,
            qop: self.qop,
            method,
            uri: &self.uri,
            body,
        }
        .with_key(&self.key.0)
    }

    /// RFC 7616 §3.5: the method is empty, count and client nonce are the request's.
    fn proves(&self, info: &AuthenticationInfo<'_>, rspauth: &str, body: &[u8]) -> bool {
        let same_count = info.nc.as_deref().is_none_or(|nc| nc.eq_ignore_ascii_case(&self.nc));
        let proved = HexDigest::parse(self.algorithm, rspauth);
        same_count && proved.is_some_and(|proved| proved == self.compute(b"", body))
    }
}

impl Answer {
    /// Whose challenge it answers.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The name of the header to send.
    #[must_use]
    pub const fn header_name(&self) -> &'static str {
        self.target.answer_header()
    }

    /// The value of the header to send.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The realm whose challenge it answers.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }
}

/// Shows whose challenge it answers, not the answer.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("target", &self.target)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Shows which realm it is of, nothing that helps to log in.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("target", &self.target)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

//! The registrar (RFC 3261 §10.3), in stages, so that any store can stand behind it.
//!
//! ```text
//! begin --> Secret --> Authorise --> Fetch --> Commit --> Reply
//!   |         |            |           |         |
//!   +---------+------------+-----------+---------+--> Reply (400, 401, 403, 404, 420, 423, 500)
//! ```
//!
//! Each stage hands out a token that holds the request; whoever has looked up what is asked gives
//! the token back with the answer, now or later. The update is all or nothing: [`CommitWanted`] names
//! the new bindings of the address, all of them. [`Location`] is a store in memory.

mod gruu;
mod location;
mod rules;

pub use gruu::{TemporaryGruu, instance_of_gruu, public_gruu};
pub use location::{Binding, Location};

use crate::endpoint::Path;
use crate::headers::To;
use crate::message::{Builder, HeaderName, RequestBuf, ResponseBuf, StatusCode};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::digest::{Accepted, Claim, Sealer, Secret, Server, ServerConfig, Verdict};
use proto_wire::{Instant, Rng, Seed};
use rules::Update;

/// What a registrar is told when it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegistrarConfig {
    /// The domains whose addresses may be registered, in lower case; none means any.
    pub domains: Vec<String>,
    /// Digest; `None` lets everybody register.
    pub digest: Option<ServerConfig>,
    /// The shortest registration, in seconds (60). A shorter one is answered with 423; stops a
    /// client from registering many times a second.
    pub expires_min: u32,
    /// How long a registration lasts when the client does not say, in seconds (3,600).
    pub expires_default: u32,
    /// The longest registration, in seconds (7,200); longer ones are shortened.
    pub expires_max: u32,
    /// Bindings of one address (10). Stops one user from filling the store, and a MESSAGE from
    /// being multiplied.
    pub bindings_max: usize,
    /// Option-tags that `Require` may name.
    pub supported: Vec<String>,
    /// Whether devices with an instance get a public and a temporary GRUU (RFC 5627; yes).
    pub gruu: bool,
    /// What the temporary ones are sealed with; `None` makes a key of the seed of the registrar, so
    /// that they end with it.
    pub gruu_key: Option<Sealer>,
    /// What requests of registered users shall go through (RFC 3608): values of `Service-Route`.
    pub service_route: Vec<String>,
}

impl Default for RegistrarConfig {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            digest: None,
            expires_min: 60,
            expires_default: 3600,
            expires_max: 7200,
            bindings_max: 10,
            supported: ["path", "gruu", "outbound", "pref"].map(String::from).into(),
            gruu: true,
            gruu_key: None,
            service_route: Vec::new(),
        }
    }
}

impl RegistrarConfig {
    /// For one domain, with Digest for its realm.
    #[must_use]
    pub fn new(domain: &str, digest: Option<ServerConfig>) -> Self {
        Self { domains: alloc::vec![domain.to_ascii_lowercase()], digest, ..Self::default() }
    }

    /// Adds a domain (or an address by which the domain is called).
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        self.domains.push(domain.to_ascii_lowercase());
        self
    }

    /// Sets the shortest, the default and the longest registration, in seconds.
    #[must_use]
    pub const fn with_expires(mut self, min: u32, default: u32, max: u32) -> Self {
        self.expires_min = min;
        self.expires_default = default;
        self.expires_max = max;
        self
    }

    /// Sets [`RegistrarConfig::bindings_max`].
    #[must_use]
    pub const fn with_bindings_max(mut self, count: usize) -> Self {
        self.bindings_max = count;
        self
    }

    /// Sets [`RegistrarConfig::gruu`].
    #[must_use]
    pub const fn with_gruu(mut self, given: bool) -> Self {
        self.gruu = given;
        self
    }

    /// Sets [`RegistrarConfig::gruu_key`].
    #[must_use]
    pub fn with_gruu_key(mut self, key: Sealer) -> Self {
        self.gruu_key = Some(key);
        self
    }

    /// Sets [`RegistrarConfig::service_route`], the first hop first.
    #[must_use]
    pub fn with_service_route<T: Into<String>>(
        mut self,
        route: impl IntoIterator<Item = T>,
    ) -> Self {
        self.service_route = route.into_iter().map(Into::into).collect();
        self
    }

    /// Whether `host` is one of the domains.
    #[must_use]
    pub fn is_ours(&self, host: &str) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|d| d.eq_ignore_ascii_case(host))
    }
}

/// What to do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Send this response (the To tag is still to be put on it). The end.
    Reply(Builder<ResponseBuf>),
    /// Look up the secret of [`SecretWanted::username`]; give it to [`Registrar::secret`].
    Secret(SecretWanted),
    /// May [`AuthoriseWanted::username`] register [`AuthoriseWanted::address`]? Answer
    /// [`Registrar::authorised`].
    Authorise(AuthoriseWanted),
    /// Fetch the bindings of [`FetchWanted::address`]; give them to [`Registrar::fetched`].
    Fetch(FetchWanted),
    /// Replace the bindings of [`CommitWanted::address`] by [`CommitWanted::bindings`]; say
    /// [`Registrar::committed`] when it is done.
    Commit(CommitWanted),
}

/// A REGISTER on its way, as all stages need it.
#[derive(Debug)]
struct Job {
    request: RequestBuf,
    path: Path,
    address: String,
    update: Update,
    info: Option<String>,
}

/// A request that waits for a secret.
#[derive(Debug)]
pub struct SecretWanted {
    job: Job,
    claim: Claim,
}

impl SecretWanted {
    /// Whose secret.
    #[must_use]
    pub fn username(&self) -> &str {
        self.claim.username()
    }
}

/// A request that waits for permission.
#[derive(Debug)]
pub struct AuthoriseWanted {
    job: Job,
    username: String,
}

impl AuthoriseWanted {
    /// Who registers.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The address of record, as [`crate::SipUri::address_key`] writes it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.job.address
    }
}

/// A request that waits for the bindings there are.
#[derive(Debug)]
pub struct FetchWanted {
    job: Job,
}

impl FetchWanted {
    /// The address of record.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.job.address
    }
}

/// A request that waits for its bindings to be stored.
#[derive(Debug)]
pub struct CommitWanted {
    job: Job,
    before: Vec<Binding>,
    bindings: Vec<Binding>,
}

impl CommitWanted {
    /// The address of record.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.job.address
    }

    /// All bindings that it has from now on.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Those that it had when they were fetched, without the ones that had expired. A store with several
    /// writers replaces these only; when it finds others, [`Registrar::overtaken`] goes on.
    #[must_use]
    pub fn before(&self) -> &[Binding] {
        &self.before
    }
}

/// Judges REGISTER requests.
pub struct Registrar {
    config: RegistrarConfig,
    digest: Option<Server>,
    rng: Rng,
    sealer: Sealer,
}

impl core::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Registrar").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Registrar {
    /// A registrar; the seed makes its nonces.
    #[must_use]
    pub fn new(config: RegistrarConfig, seed: Seed) -> Self {
        let mut rng = Rng::new(&seed);
        let digest = config.digest.clone().map(|c| Server::new(c, seed));
        let sealer = config.gruu_key.clone().unwrap_or_else(|| Sealer::new(&rng.seed()));
        Self { config, digest, rng, sealer }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &RegistrarConfig {
        &self.config
    }

    /// Whose temporary GRUU this is; `None` for what is none of ours. It is stateless: look for the
    /// binding that [`TemporaryGruu::is_of`] knows.
    #[must_use]
    pub fn temporary_gruu(&self, uri: &crate::SipUri<'_>) -> Option<TemporaryGruu> {
        TemporaryGruu::open(&self.sealer, uri)
    }

    /// The Digest server, for other requests of the same realm.
    pub(crate) const fn digest_mut(&mut self) -> Option<&mut Server> {
        self.digest.as_mut()
    }

    /// Takes a REGISTER that was found valid and came over `path`.
    #[must_use]
    pub fn begin(&mut self, now: Instant, request: RequestBuf, path: Path) -> Step {
        let (address, update) = match rules::read(&self.config, request.view()) {
            Ok(read) => read,
            Err(refusal) => return Step::Reply(refusal.into_reply(request.view())),
        };
        let job = Job { request, path, address, update, info: None };
        let Some(digest) = &self.digest else { return Step::Fetch(FetchWanted { job }) };
        let headers = job.request.headers();
        let claim = digest.claim(headers.rows(HeaderName::AUTHORIZATION).map(|f| f.bytes()));
        match claim {
            Ok(Some(claim)) => Step::Secret(SecretWanted { job, claim }),
            Ok(None) => Step::Reply(self.challenge(now, &job.request, false)),
            Err(_) => Step::Reply(reply(&job.request, StatusCode::BAD_REQUEST)),
        }
    }

    /// Goes on with the secret of the user.
    #[must_use]
    pub fn secret(&mut self, now: Instant, wanted: SecretWanted, secret: Secret<'_>) -> Step {
        let SecretWanted { mut job, claim } = wanted;
        let Some(digest) = &mut self.digest else { return Step::Fetch(FetchWanted { job }) };
        let body = job.request.body();
        match digest.verify(now, &claim, b"REGISTER", &body, secret) {
            Verdict::Accepted(accepted) => {
                job.info = info(digest, now, &accepted);
                Step::Authorise(AuthoriseWanted {
                    job,
                    username: String::from(accepted.username()),
                })
            }
            Verdict::Denied(denial) => {
                Step::Reply(self.challenge(now, &job.request, denial.is_stale()))
            }
        }
    }

    /// Goes on when the user may register the address, ends with 403 when not.
    #[must_use]
    pub fn authorised(&mut self, wanted: AuthoriseWanted, allowed: bool) -> Step {
        if allowed {
            Step::Fetch(FetchWanted { job: wanted.job })
        } else {
            Step::Reply(reply(&wanted.job.request, StatusCode::FORBIDDEN))
        }
    }

    /// Goes on with the bindings there are; those that have expired do not count.
    #[must_use]
    pub fn fetched(
        &mut self,
        now: Instant,
        wanted: FetchWanted,
        mut bindings: Vec<Binding>,
    ) -> Step {
        let job = wanted.job;
        bindings.retain(|b| b.expires > now);
        if job.update == Update::Query {
            return Step::Reply(self.success(now, &job, &bindings));
        }
        let request = job.request.view();
        let before = bindings.clone();
        match rules::apply(&self.config, now, request, job.path, &job.update, bindings) {
            Ok(bindings) => Step::Commit(CommitWanted { job, before, bindings }),
            Err(refusal) => Step::Reply(refusal.into_reply(request)),
        }
    }

    /// Ends: with 200 and all bindings when they were stored, with 500 when not.
    #[must_use]
    pub fn committed(&mut self, now: Instant, wanted: CommitWanted, stored: bool) -> Step {
        if !stored {
            return Step::Reply(reply(&wanted.job.request, StatusCode::SERVER_INTERNAL_ERROR));
        }
        Step::Reply(self.success(now, &wanted.job, &wanted.bindings))
    }

    /// Another REGISTER was committed between the fetch and the commit of this one: it begins again with the
    /// bindings there are now, so that neither is lost (RFC 3261 §10.3 item 7).
    #[must_use]
    pub fn overtaken(&mut self, wanted: CommitWanted) -> Step {
        Step::Fetch(FetchWanted { job: wanted.job })
    }

    /// RFC 3261 §10.3 item 8: all bindings, each with how long it lasts.
    fn success(&mut self, now: Instant, job: &Job, bindings: &[Binding]) -> Builder<ResponseBuf> {
        let mut reply = reply(&job.request, StatusCode::OK);
        let wants = |tag| rules::supports(job.request.view(), tag);
        let with_gruu = self.config.gruu && wants("gruu");
        let to = job.request.headers().typed::<To<'_>>().ok().flatten();
        let secure = to
            .and_then(|to| to.uri().ok())
            .is_some_and(|uri| uri.as_sip().is_some_and(|sip| sip.secure));
        for binding in bindings {
            let mut contact = binding.contact(now);
            if let (true, Some(instance)) = (with_gruu, &binding.instance) {
                let public = gruu::like_address(public_gruu(&job.address, instance), secure);
                contact.push_str(&alloc::format!(";pub-gruu=\"{public}\""));
                // RFC 5627 §5.2: another one with each registration.
                let random = self.rng.next_u64();
                if let Some(other) = gruu::temporary(&self.sealer, random, &job.address, binding) {
                    let other = gruu::like_address(other, secure);
                    contact.push_str(&alloc::format!(";temp-gruu=\"{other}\""));
                }
            }
            reply = reply.header(HeaderName::CONTACT, contact);
        }
        // RFC 5626 §6: the client knows that its flow counts.
        if wants("outbound") && job.update.has_flow() {
            reply = reply.header(HeaderName::REQUIRE, "outbound");
        }
        for route in &self.config.service_route {
            reply = reply.header(HeaderName::SERVICE_ROUTE, route);
        }
        let with_path = bindings.iter().any(|b| !b.path.is_empty());
        if with_path {
            // RFC 3327 §5.3: the values that were stored are told.
            for row in job.request.headers().rows(HeaderName::PATH) {
                reply = reply.copy(HeaderName::PATH, row.bytes());
            }
        }
        reply.header_if(HeaderName::AUTHENTICATION_INFO, job.info.as_ref())
    }

    fn challenge(
        &mut self,
        now: Instant,
        request: &RequestBuf,
        stale: bool,
    ) -> Builder<ResponseBuf> {
        let mut reply = reply(request, StatusCode::UNAUTHORIZED);
        let challenges = self.digest.as_mut().map(|d| d.challenges(now, stale)).unwrap_or_default();
        for challenge in challenges {
            reply = reply.header(HeaderName::WWW_AUTHENTICATE, challenge);
        }
        reply
    }
}

fn info(digest: &mut Server, now: Instant, accepted: &Accepted) -> Option<String> {
    digest.authentication_info(now, accepted, b"")
}

/// Without a tag: the transaction puts its own on.
fn reply(request: &RequestBuf, status: StatusCode) -> Builder<ResponseBuf> {
    ResponseBuf::reply_to(request.view(), status, None)
}

/// The address of record that To names, as a key.
pub(crate) fn address_of(request: crate::Request<'_>) -> Option<(String, String)> {
    let to: To<'_> = request.headers().typed().ok()??;
    let uri = to.uri().ok()?;
    let sip = uri.as_sip()?;
    Some((sip.address_key(), alloc::format!("{}", sip.host)))
}

/// Seconds as a duration.
pub(crate) const fn seconds(n: u32) -> Duration {
    Duration::from_secs(n as u64)
}

#[cfg(test)]
mod tests;

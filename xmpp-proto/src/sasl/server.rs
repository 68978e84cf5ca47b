//! The server's side of an exchange.

#[cfg(feature = "scram")]
use super::BindingType;
#[cfg(feature = "scram")]
use super::scram::{self, Hash, ScramKeys};
use super::{ChannelBinding, Mechanism, PlainMessage, SaslFailure, Secret};
use crate::jid::{Jid, escape_local, saslprep};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use subtle::ConstantTimeEq;

/// What the server does next. RFC 6120 §6.4, RFC 4422 §5.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send this challenge.
    Challenge(Vec<u8>),
    /// Look up the credentials of this user and give them to [`SaslServer::credentials`].
    LookUp {
        /// The user name, as the client wrote it.
        user: String,
        /// The password, when the mechanism shows it (PLAIN).
        password: Option<Secret>,
    },
    /// The user is who he says; send this with the success.
    Success {
        /// The user name.
        user: String,
        /// Data that goes with it; empty for none.
        data: Vec<u8>,
    },
}

/// What a host knows of an account. RFC 5802 §3.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// The password itself.
    Password(Secret),
    /// SCRAM keys: they verify SCRAM of the same hash, and PLAIN.
    #[cfg(feature = "scram")]
    Keys(ScramKeys),
    /// The host knows who this is: from the certificate (EXTERNAL), or because it gives the
    /// name itself (ANONYMOUS). The name of the account.
    Identity(String),
    /// Tokens of FAST that are valid for this client and mechanism (XEP-0484 §5.1). The event
    /// that follows says which of them it was.
    #[cfg(feature = "scram")]
    Tokens(Vec<Secret>),
    /// The host has checked the password that PLAIN showed, elsewhere: it is right.
    Accepted,
    /// There is no such account, or it may not log in. The client is not told which, and
    /// SCRAM goes on to its end with made-up keys.
    Refused,
}

/// One exchange of a server. RFC 6120 §6.4, RFC 4422 §5.
pub struct SaslServer {
    mechanism: Mechanism,
    user: String,
    password: Option<Secret>,
    #[cfg(feature = "scram")]
    scram: Scram,
}

/// What a server brings into an exchange. RFC 5802 §6, §7.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ServerContext<'a> {
    /// Random, printable ASCII without comma; for SCRAM.
    pub nonce: &'a str,
    /// What can be bound to. When it is not empty, mechanisms with channel binding were
    /// offered, and a client that says that they were not is the victim of a downgrade.
    pub bindings: &'a [ChannelBinding],
    /// The domain of the account: whom a client may act as is itself, in this domain
    /// (RFC 6120 §6.3.8). Empty when it is not known; the domain is not looked at then.
    pub domain: &'a str,
}

impl<'a> ServerContext<'a> {
    /// Without channel binding.
    #[must_use]
    pub const fn new(nonce: &'a str) -> Self {
        Self { nonce, bindings: &[], domain: "" }
    }

    /// Sets what can be bound to.
    #[must_use]
    pub const fn with_bindings(mut self, bindings: &'a [ChannelBinding]) -> Self {
        self.bindings = bindings;
        self
    }

    /// Sets the domain of the account.
    #[must_use]
    pub const fn with_domain(mut self, domain: &'a str) -> Self {
        self.domain = domain;
        self
    }

    /// Whether `user` acts as itself.
    fn is_own(self, authzid: &str, user: &str) -> bool {
        if authzid == user {
            return true;
        }
        if self.domain.is_empty() {
            return authzid.split('@').next() == Some(user);
        }
        account(user, self.domain).is_some_and(|own| Jid::new(authzid).is_ok_and(|id| id == own))
    }
}

/// The account of a user name; names that cannot be a local part are escaped (XEP-0106).
pub(crate) fn account(user: &str, domain: &str) -> Option<Jid> {
    let name = escape_local(user)?;
    Jid::new(&alloc::format!("{name}@{domain}")).ok()
}

/// Whether two passwords are one: as they are written, or as RFC 4616 §2 prepares them. SCRAM
/// knows them prepared only.
fn is_same(known: &str, shown: &str) -> bool {
    let same = |a: &str, b: &str| bool::from(a.as_bytes().ct_eq(b.as_bytes()));
    let prepared = || match (saslprep(known), saslprep(shown)) {
        (Some(known), Some(shown)) => same(&known, &shown),
        _ => false,
    };
    same(known, shown) || prepared()
}

#[cfg(feature = "scram")]
#[derive(Default)]
struct Scram {
    /// The GS2 header with the data that it binds to.
    bound: Vec<u8>,
    first_bare: String,
    nonce: String,
    server_first: String,
    /// Of FAST: the client's proof, and what it is bound to.
    hashed: Vec<u8>,
    with: Option<ChannelBinding>,
    used: Option<usize>,
    keys: Option<ScramKeys>,
    /// The keys are made up: no proof is right.
    refused: bool,
}

impl SaslServer {
    /// Begins with the client's initial response.
    ///
    /// # Errors
    /// The failure to send.
    pub fn start(
        mechanism: Mechanism,
        message: &[u8],
        context: ServerContext<'_>,
    ) -> Result<(Self, ServerStep), SaslFailure> {
        match mechanism {
            Mechanism::External | Mechanism::Anonymous => {
                let text = core::str::from_utf8(message);
                let text = text.ok().filter(|text| !text.contains('\0'));
                let user = String::from(text.ok_or(SaslFailure::MalformedRequest)?);
                let server = Self {
                    mechanism,
                    user: user.clone(),
                    password: None,
                    #[cfg(feature = "scram")]
                    scram: Scram::default(),
                };
                Ok((server, ServerStep::LookUp { user, password: None }))
            }
            Mechanism::Plain => {
                let plain = PlainMessage::parse(message).ok_or(SaslFailure::MalformedRequest)?;
                let server = Self {
                    mechanism,
                    user: plain.authcid.clone(),
                    password: Some(plain.password.clone()),
                    #[cfg(feature = "scram")]
                    scram: Scram::default(),
                };
                if !plain.authzid.is_empty() && !context.is_own(&plain.authzid, &plain.authcid) {
                    return Err(SaslFailure::InvalidAuthzid);
                }
                let step =
                    ServerStep::LookUp { user: plain.authcid, password: Some(plain.password) };
                Ok((server, step))
            }
            #[cfg(feature = "scram")]
            _ if mechanism.is_fast() => Self::start_ht(mechanism, message, context),
            #[cfg(feature = "scram")]
            _ => Self::start_scram(mechanism, message, context),
        }
    }

    /// The mechanism.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Who it is said to be.
    #[cfg(feature = "scram")]
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Takes what the host knows. `salt` and `iterations` are for keys that are made here.
    ///
    /// # Errors
    /// The failure to send.
    pub fn credentials(
        &mut self,
        credentials: &Credentials,
        salt: &[u8],
        iterations: u32,
    ) -> Result<ServerStep, SaslFailure> {
        match self.mechanism {
            Mechanism::External | Mechanism::Anonymous => match credentials {
                Credentials::Identity(name) if !name.is_empty() => {
                    self.user.clone_from(name);
                    Ok(self.succeed(Vec::new()))
                }
                _ => Err(SaslFailure::NotAuthorized),
            },
            Mechanism::Plain => {
                let _ = (salt, iterations);
                let password = self.password.take().ok_or(SaslFailure::MalformedRequest)?;
                let right = match credentials {
                    Credentials::Password(known) => is_same(known.expose(), password.expose()),
                    #[cfg(feature = "scram")]
                    Credentials::Keys(keys) => keys.matches(password.expose()),
                    Credentials::Accepted => true,
                    #[cfg(feature = "scram")]
                    Credentials::Tokens(_) => false,
                    Credentials::Refused | Credentials::Identity(_) => false,
                };
                if right { Ok(self.succeed(Vec::new())) } else { Err(SaslFailure::NotAuthorized) }
            }
            #[cfg(feature = "scram")]
            _ if self.mechanism.is_fast() => self.ht_tokens(credentials),
            #[cfg(feature = "scram")]
            _ => self.scram_keys(credentials, salt, iterations),
        }
    }

    /// Takes a response.
    ///
    /// # Errors
    /// The failure to send.
    pub fn response(&mut self, message: &[u8]) -> Result<ServerStep, SaslFailure> {
        match self.mechanism {
            Mechanism::Plain | Mechanism::External | Mechanism::Anonymous => {
                let _ = message;
                Err(SaslFailure::MalformedRequest)
            }
            #[cfg(feature = "scram")]
            _ if self.mechanism.is_fast() => Err(SaslFailure::MalformedRequest),
            #[cfg(feature = "scram")]
            _ => self.client_final(message),
        }
    }

    fn succeed(&self, data: Vec<u8>) -> ServerStep {
        ServerStep::Success { user: self.user.clone(), data }
    }
}

#[cfg(feature = "scram")]
impl SaslServer {
    /// Which of [`Credentials::Tokens`] the client has shown.
    #[must_use]
    pub const fn used_token(&self) -> Option<usize> {
        self.scram.used
    }

    fn start_ht(
        mechanism: Mechanism,
        message: &[u8],
        context: ServerContext<'_>,
    ) -> Result<(Self, ServerStep), SaslFailure> {
        let malformed = SaslFailure::MalformedRequest;
        let end = message.iter().position(|b| *b == 0).ok_or(malformed)?;
        let (user, hashed) = message.split_at_checked(end).ok_or(malformed)?;
        let user = core::str::from_utf8(user).ok().filter(|user| !user.is_empty());
        let user = String::from(user.ok_or(malformed)?);
        let kind = mechanism.fast_binding();
        let with = context.bindings.iter().find(|with| Some(with.kind) == kind).cloned();
        if with.is_some() != kind.is_some() {
            return Err(malformed);
        }
        let hashed = hashed.get(1..).unwrap_or(&[]).to_vec();
        let scram = Scram { hashed, with, ..Scram::default() };
        let server = Self { mechanism, user: user.clone(), password: None, scram };
        Ok((server, ServerStep::LookUp { user, password: None }))
    }

    fn ht_tokens(&mut self, credentials: &Credentials) -> Result<ServerStep, SaslFailure> {
        let Credentials::Tokens(tokens) = credentials else {
            return Err(SaslFailure::NotAuthorized);
        };
        let with = self.scram.with.as_ref();
        let used = tokens.iter().position(|token| {
            super::ht::initiator(token.expose(), with).equals(&self.scram.hashed)
        });
        self.scram.used = used;
        let token = used.and_then(|at| tokens.get(at)).ok_or(SaslFailure::CredentialsExpired)?;
        let data = super::ht::responder(token.expose(), with).as_slice().to_vec();
        Ok(self.succeed(data))
    }

    fn start_scram(
        mechanism: Mechanism,
        message: &[u8],
        context: ServerContext<'_>,
    ) -> Result<(Self, ServerStep), SaslFailure> {
        let nonce = context.nonce;
        let malformed = SaslFailure::MalformedRequest;
        let text = core::str::from_utf8(message).map_err(|_| malformed)?;
        // RFC 5802 §7: gs2-cbind-flag "," [authzid] "," client-first-message-bare
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        let mut bound = alloc::format!("{flag},{authzid},").into_bytes();
        match (flag, flag.strip_prefix("p=")) {
            ("n", _) if !mechanism.binds_channel() => {}
            // `y` says that the client would bind and sees no -PLUS offered. If there was
            // one, somebody took it away (RFC 5802 §6).
            ("y", _) if !mechanism.binds_channel() => {
                if !context.bindings.is_empty() {
                    return Err(SaslFailure::NotAuthorized);
                }
            }
            (_, Some(kind)) if mechanism.binds_channel() => {
                let kind = BindingType::of(kind);
                let data = context.bindings.iter().find(|with| Some(with.kind) == kind);
                bound.extend_from_slice(&data.ok_or(malformed)?.data);
            }
            _ => return Err(malformed),
        }
        let mut parts = bare.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let user = part("n=").and_then(scram::unescape_name).ok_or(malformed)?;
        let client_nonce = part("r=").filter(|r| scram::is_nonce(r)).ok_or(malformed)?;
        let user = saslprep(&user).filter(|user| !user.is_empty()).ok_or(malformed)?.into_owned();
        if !authzid.is_empty() {
            let id = authzid.strip_prefix("a=").and_then(scram::unescape_name);
            let id = id.ok_or(malformed)?;
            if !context.is_own(&id, &user) {
                return Err(SaslFailure::InvalidAuthzid);
            }
        }
        let server = Self {
            mechanism,
            user: user.clone(),
            password: None,
            scram: Scram {
                bound,
                first_bare: bare.into(),
                nonce: alloc::format!("{client_nonce}{nonce}"),
                ..Scram::default()
            },
        };
        let step = ServerStep::LookUp { user, password: None };
        Ok((server, step))
    }

    fn scram_keys(
        &mut self,
        credentials: &Credentials,
        salt: &[u8],
        iterations: u32,
    ) -> Result<ServerStep, SaslFailure> {
        if self.scram.keys.is_some() {
            return Err(SaslFailure::MalformedRequest);
        }
        let hash = self.mechanism.hash().unwrap_or(Hash::Sha256);
        let keys = match credentials {
            Credentials::Password(password) => {
                ScramKeys::derive(hash, password.expose(), salt, iterations)
            }
            Credentials::Keys(keys) if keys.hash == hash => Some(keys.clone()),
            // Keys of another hash cannot serve this mechanism.
            Credentials::Keys(_) => return Err(SaslFailure::MechanismTooWeak),
            Credentials::Accepted
            | Credentials::Refused
            | Credentials::Identity(_)
            | Credentials::Tokens(_) => None,
        };
        self.scram.refused = keys.is_none();
        let keys = keys.unwrap_or_else(|| ScramKeys::new(hash, salt, iterations, &[], &[]));
        self.scram.server_first = alloc::format!(
            "r={},s={},i={}",
            self.scram.nonce,
            super::encode(&keys.salt),
            keys.iterations
        );
        self.scram.keys = Some(keys);
        Ok(ServerStep::Challenge(self.scram.server_first.clone().into_bytes()))
    }

    fn client_final(&self, message: &[u8]) -> Result<ServerStep, SaslFailure> {
        let malformed = SaslFailure::MalformedRequest;
        let text = core::str::from_utf8(message).map_err(|_| malformed)?;
        let keys = self.scram.keys.as_ref().ok_or(malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(malformed)?;
        let mut parts = without_proof.split(',');
        let binding = parts.next().and_then(|part| part.strip_prefix("c="));
        let binding = binding.and_then(super::decode).ok_or(malformed)?;
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        let same: bool = binding.ct_eq(&self.scram.bound).into();
        if !same || nonce != Some(self.scram.nonce.as_str()) {
            return Err(SaslFailure::NotAuthorized);
        }
        let proof = super::decode(proof).ok_or(malformed)?;
        let auth =
            alloc::format!("{},{},{without_proof}", self.scram.first_bare, self.scram.server_first);
        match keys.verify(&auth, &proof) {
            Some(signature) if !self.scram.refused => {
                let data = alloc::format!("v={}", super::encode(signature.as_slice()));
                Ok(self.succeed(data.into_bytes()))
            }
            _ => Err(SaslFailure::NotAuthorized),
        }
    }
}

impl fmt::Debug for SaslServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslServer")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

//! The server's side of an exchange.

#[cfg(feature = "scram")]
use super::scram::{self, Hash, ScramKeys};
use super::{Mechanism, PlainMessage, SaslFailure, Secret};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use subtle::ConstantTimeEq;

/// What the server does next.
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

/// What a host knows of an account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// The password itself.
    Password(Secret),
    /// SCRAM keys: they verify SCRAM of the same hash, and PLAIN.
    #[cfg(feature = "scram")]
    Keys(ScramKeys),
    /// The host has checked the password that PLAIN showed, elsewhere: it is right.
    Accepted,
    /// There is no such account, or it may not log in. The client is not told which, and
    /// SCRAM goes on to its end with made-up keys.
    Refused,
}

/// One exchange of a server.
pub struct SaslServer {
    mechanism: Mechanism,
    user: String,
    password: Option<Secret>,
    #[cfg(feature = "scram")]
    scram: Scram,
}

#[cfg(feature = "scram")]
#[derive(Default)]
struct Scram {
    gs2: String,
    first_bare: String,
    nonce: String,
    server_first: String,
    keys: Option<ScramKeys>,
    /// The keys are made up: no proof is right.
    refused: bool,
}

impl SaslServer {
    /// Begins with the client's initial response. `nonce` and `salt` are used by SCRAM and
    /// must be random; `iterations` when keys are made from a password.
    ///
    /// # Errors
    /// The failure to send.
    pub fn start(
        mechanism: Mechanism,
        message: &[u8],
        nonce: &str,
    ) -> Result<(Self, ServerStep), SaslFailure> {
        match mechanism {
            Mechanism::Plain => {
                let _ = nonce;
                let plain = PlainMessage::parse(message).ok_or(SaslFailure::MalformedRequest)?;
                let server = Self {
                    mechanism,
                    user: plain.authcid.clone(),
                    password: Some(plain.password.clone()),
                    #[cfg(feature = "scram")]
                    scram: Scram::default(),
                };
                if !plain.authzid.is_empty()
                    && plain.authzid != plain.authcid
                    && plain.authzid.split('@').next() != Some(plain.authcid.as_str())
                {
                    return Err(SaslFailure::InvalidAuthzid);
                }
                let step =
                    ServerStep::LookUp { user: plain.authcid, password: Some(plain.password) };
                Ok((server, step))
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                Self::start_scram(mechanism, message, nonce)
            }
        }
    }

    /// The mechanism.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
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
            Mechanism::Plain => {
                let _ = (salt, iterations);
                let password = self.password.take().ok_or(SaslFailure::MalformedRequest)?;
                let right = match credentials {
                    Credentials::Password(known) => {
                        known.expose().as_bytes().ct_eq(password.expose().as_bytes()).into()
                    }
                    #[cfg(feature = "scram")]
                    Credentials::Keys(keys) => keys.matches(password.expose()),
                    Credentials::Accepted => true,
                    Credentials::Refused => false,
                };
                if right { Ok(self.succeed(Vec::new())) } else { Err(SaslFailure::NotAuthorized) }
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                self.scram_keys(credentials, salt, iterations)
            }
        }
    }

    /// Takes a response.
    ///
    /// # Errors
    /// The failure to send.
    pub fn response(&mut self, message: &[u8]) -> Result<ServerStep, SaslFailure> {
        match self.mechanism {
            Mechanism::Plain => {
                let _ = message;
                Err(SaslFailure::MalformedRequest)
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => self.client_final(message),
        }
    }

    fn succeed(&self, data: Vec<u8>) -> ServerStep {
        ServerStep::Success { user: self.user.clone(), data }
    }
}

#[cfg(feature = "scram")]
impl SaslServer {
    fn start_scram(
        mechanism: Mechanism,
        message: &[u8],
        nonce: &str,
    ) -> Result<(Self, ServerStep), SaslFailure> {
        let malformed = SaslFailure::MalformedRequest;
        let text = core::str::from_utf8(message).map_err(|_| malformed)?;
        // RFC 5802 §7: gs2-cbind-flag "," [authzid] "," client-first-message-bare
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        // `y` says that the client would bind and sees no -PLUS offered, which is true here.
        if flag != "n" && flag != "y" {
            return Err(malformed);
        }
        let mut parts = bare.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let user = part("n=").and_then(scram::unescape_name).ok_or(malformed)?;
        let client_nonce = part("r=").filter(|r| scram::is_nonce(r)).ok_or(malformed)?;
        let user = crate::jid::saslprep(&user)
            .filter(|user| !user.is_empty())
            .ok_or(malformed)?
            .into_owned();
        if !authzid.is_empty() {
            let id = authzid.strip_prefix("a=").and_then(scram::unescape_name);
            let id = id.ok_or(malformed)?;
            if id != user && id.split('@').next() != Some(user.as_str()) {
                return Err(SaslFailure::InvalidAuthzid);
            }
        }
        let server = Self {
            mechanism,
            user: user.clone(),
            password: None,
            scram: Scram {
                gs2: alloc::format!("{flag},{authzid},"),
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
        let hash = match self.mechanism {
            Mechanism::ScramSha1 => Hash::Sha1,
            _ => Hash::Sha256,
        };
        let keys = match credentials {
            Credentials::Password(password) => {
                ScramKeys::derive(hash, password.expose(), salt, iterations)
            }
            Credentials::Keys(keys) if keys.hash == hash => Some(keys.clone()),
            // Keys of another hash cannot serve this mechanism.
            Credentials::Keys(_) => return Err(SaslFailure::MechanismTooWeak),
            Credentials::Accepted | Credentials::Refused => None,
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
        if binding != self.scram.gs2.as_bytes() || nonce != Some(self.scram.nonce.as_str()) {
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

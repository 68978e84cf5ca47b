//! The client's side of an exchange.

#[cfg(feature = "scram")]
use super::scram::{self, Hash, Octets, SaltedPassword};
use super::{Mechanism, PlainMessage, SaslError, Secret};
#[cfg(feature = "scram")]
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What the client does next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientStep {
    /// Send this (in `<auth/>` the first time, in `<response/>` then).
    Send(Vec<u8>),
    /// Derive the salted password and give it to [`SaslClient::derived`].
    #[cfg(feature = "scram")]
    Derive {
        /// The hash.
        hash: Hash,
        /// The salt.
        salt: Vec<u8>,
        /// The number of rounds, within the bounds of the configuration.
        iterations: u32,
    },
}

/// One exchange of a client.
pub struct SaslClient {
    mechanism: Mechanism,
    #[cfg(feature = "scram")]
    scram: Scram,
    /// PLAIN has nothing to prove; SCRAM's server has.
    proved: bool,
}

#[cfg(feature = "scram")]
#[derive(Default)]
struct Scram {
    first_bare: String,
    nonce: String,
    /// The server's first message and the full nonce.
    server_first: Option<(String, String)>,
    signature: Option<Octets>,
}

/// GS2 header: no channel binding, no other identity (RFC 5802 §7).
#[cfg(feature = "scram")]
const GS2: &str = "n,,";

impl SaslClient {
    /// Begins; `nonce` is used by SCRAM and must be printable ASCII without comma.
    ///
    /// # Errors
    /// The user name or password cannot be prepared.
    pub fn start(
        mechanism: Mechanism,
        user: &str,
        password: Option<&Secret>,
        nonce: &str,
    ) -> Result<(Self, ClientStep), SaslError> {
        let user = crate::jid::saslprep(user).ok_or(SaslError::Credentials)?;
        match mechanism {
            Mechanism::Plain => {
                let password = password.ok_or(SaslError::Credentials)?;
                let step = ClientStep::Send(PlainMessage::write(&user, password));
                let client = Self {
                    mechanism,
                    #[cfg(feature = "scram")]
                    scram: Scram::default(),
                    proved: true,
                };
                let _ = nonce;
                Ok((client, step))
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                let first_bare = alloc::format!("n={},r={nonce}", scram::escape_name(&user));
                let message = alloc::format!("{GS2}{first_bare}");
                let client = Self {
                    mechanism,
                    scram: Scram { first_bare, nonce: nonce.into(), ..Scram::default() },
                    proved: false,
                };
                Ok((client, ClientStep::Send(message.into_bytes())))
            }
        }
    }

    /// The mechanism.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes a challenge.
    ///
    /// # Errors
    /// What makes the server untrustworthy; the exchange must be aborted.
    pub fn challenge(
        &mut self,
        message: &[u8],
        iterations: core::ops::RangeInclusive<u32>,
    ) -> Result<ClientStep, SaslError> {
        match self.mechanism {
            Mechanism::Plain => {
                let _ = (message, iterations);
                Err(SaslError::Malformed)
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                let text = core::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
                if self.scram.signature.is_some() {
                    // Server-final as a challenge: the answer is empty (RFC 4422 §5).
                    self.server_final(text)?;
                    return Ok(ClientStep::Send(Vec::new()));
                }
                if self.scram.server_first.is_some() {
                    return Err(SaslError::Malformed);
                }
                let first = scram::parse_server_first(text, &self.scram.nonce)?;
                if !iterations.contains(&first.iterations) {
                    return Err(SaslError::Iterations);
                }
                self.scram.server_first = Some((text.into(), first.nonce.into()));
                Ok(ClientStep::Derive {
                    hash: self.hash(),
                    salt: first.salt,
                    iterations: first.iterations,
                })
            }
        }
    }

    /// Takes the salted password that [`ClientStep::Derive`] asked for; gives the final
    /// message. `None` when nothing was asked for.
    #[cfg(feature = "scram")]
    pub fn derived(&mut self, salted: &SaltedPassword) -> Option<ClientStep> {
        if self.scram.signature.is_some() {
            return None;
        }
        let (server_first, nonce) = self.scram.server_first.as_ref()?;
        let binding = super::encode(GS2.as_bytes());
        let without_proof = alloc::format!("c={binding},r={nonce}");
        let auth = alloc::format!("{},{server_first},{without_proof}", self.scram.first_bare);
        let (proof, signature) = scram::prove(self.hash(), salted, &auth);
        let message = alloc::format!("{without_proof},p={}", super::encode(proof.as_slice()));
        self.scram.signature = Some(signature);
        Some(ClientStep::Send(message.into_bytes()))
    }

    /// Takes `<success/>` with its data, if any.
    ///
    /// # Errors
    /// The server has not proved that it knows the password.
    pub fn success(&mut self, message: &[u8]) -> Result<(), SaslError> {
        #[cfg(feature = "scram")]
        if !self.proved && !message.is_empty() {
            let text = core::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
            self.server_final(text)?;
        }
        let _ = message;
        if self.proved { Ok(()) } else { Err(SaslError::Unproved) }
    }

    #[cfg(feature = "scram")]
    fn server_final(&mut self, text: &str) -> Result<(), SaslError> {
        let value = text.split(',').next().and_then(|part| part.strip_prefix("v="));
        let value = value.and_then(super::decode).ok_or(SaslError::Malformed)?;
        match &self.scram.signature {
            Some(signature) if signature.equals(&value) => {
                self.proved = true;
                Ok(())
            }
            Some(_) => Err(SaslError::Signature),
            None => Err(SaslError::Unproved),
        }
    }

    #[cfg(feature = "scram")]
    const fn hash(&self) -> Hash {
        match self.mechanism {
            Mechanism::ScramSha1 => Hash::Sha1,
            _ => Hash::Sha256,
        }
    }
}

impl fmt::Debug for SaslClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslClient")
            .field("mechanism", &self.mechanism)
            .field("proved", &self.proved)
            .finish_non_exhaustive()
    }
}

//! The client's side of an exchange.

#[cfg(feature = "scram")]
use super::scram::{self, Hash, Octets, SaltedPassword};
use super::{ChannelBinding, Mechanism, PlainMessage, SaslError, Secret};
#[cfg(feature = "scram")]
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What the client does next. RFC 6120 §6.4, RFC 4422 §5.
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

/// One exchange of a client. RFC 6120 §6.4, RFC 4422 §5.
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
    /// The GS2 header with the data that it binds to.
    bound: Vec<u8>,
    first_bare: String,
    nonce: String,
    /// The server's first message and the full nonce.
    server_first: Option<(String, String)>,
    signature: Option<Octets>,
}

/// What a client says about channel binding (RFC 5802 §6).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5802 §7 has three flags")]
pub enum ClientBinding<'a> {
    /// `n`: it has nothing to bind to, or nothing that the server takes.
    Unsupported,
    /// `y`: it could, and the server does not offer it. A server that does knows then that
    /// somebody took the offer away.
    NotOffered,
    /// `p=`: bound to this.
    Bound(&'a ChannelBinding),
}

impl SaslClient {
    /// Begins; `nonce` is used by SCRAM and must be printable ASCII without comma. For
    /// EXTERNAL `user` is the identity to act as, empty for that of the certificate; for
    /// ANONYMOUS a trace, or empty.
    ///
    /// # Errors
    /// The user name or password cannot be prepared, or a mechanism with channel binding
    /// has nothing to bind to.
    pub fn start(
        mechanism: Mechanism,
        user: &str,
        password: Option<&Secret>,
        nonce: &str,
        binding: ClientBinding<'_>,
    ) -> Result<(Self, ClientStep), SaslError> {
        let user = crate::jid::saslprep(user).ok_or(SaslError::Credentials)?;
        if matches!(binding, ClientBinding::Bound(_)) != mechanism.binds_channel() {
            return Err(SaslError::Binding);
        }
        match mechanism {
            Mechanism::External | Mechanism::Anonymous => {
                let client = Self {
                    mechanism,
                    #[cfg(feature = "scram")]
                    scram: Scram::default(),
                    proved: true,
                };
                Ok((client, ClientStep::Send(user.as_bytes().to_vec())))
            }
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
            Mechanism::HtNone
            | Mechanism::HtEndPoint
            | Mechanism::HtUnique
            | Mechanism::HtExporter => {
                let token = password.ok_or(SaslError::Credentials)?.expose();
                let with = match binding {
                    ClientBinding::Bound(with) => Some(with),
                    _ => None,
                };
                if with.map(|with| with.kind) != mechanism.fast_binding() {
                    return Err(SaslError::Binding);
                }
                let message = super::ht::initiate(&user, token, with);
                let signature = Some(super::ht::responder(token, with));
                let scram = Scram { signature, ..Scram::default() };
                Ok((Self { mechanism, scram, proved: false }, ClientStep::Send(message)))
            }
            #[cfg(feature = "scram")]
            _ => {
                let first_bare = alloc::format!("n={},r={nonce}", scram::escape_name(&user));
                let gs2 = match binding {
                    ClientBinding::Unsupported => String::from("n,,"),
                    ClientBinding::NotOffered => String::from("y,,"),
                    ClientBinding::Bound(with) => alloc::format!("p={},,", with.kind.name()),
                };
                let mut bound = gs2.clone().into_bytes();
                if let ClientBinding::Bound(with) = binding {
                    bound.extend_from_slice(&with.data);
                }
                let message = alloc::format!("{gs2}{first_bare}");
                let nonce = nonce.into();
                let client = Self {
                    mechanism,
                    scram: Scram { bound, first_bare, nonce, ..Scram::default() },
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
            // A server that did not take the initial response asks for it (RFC 6120 §6.4.2);
            // what was sent was never empty, or was and has been said.
            Mechanism::Plain | Mechanism::External | Mechanism::Anonymous => {
                let _ = (message, iterations);
                Err(SaslError::Malformed)
            }
            #[cfg(feature = "scram")]
            _ if self.mechanism.is_fast() => Err(SaslError::Malformed),
            #[cfg(feature = "scram")]
            _ => {
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
        let binding = super::encode(&self.scram.bound);
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
        if self.mechanism.is_fast() && !message.is_empty() {
            let right = self.scram.signature.as_ref().is_some_and(|s| s.equals(message));
            self.proved = right;
            return if right { Ok(()) } else { Err(SaslError::Signature) };
        }
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
        match self.mechanism.hash() {
            Some(hash) => hash,
            None => Hash::Sha256,
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

//! SASL (RFC 6120 §6, RFC 4422), both sides: PLAIN (RFC 4616), SCRAM (RFC 5802, 7677) with
//! and without channel binding, EXTERNAL (RFC 4422 app. A, XEP-0178), ANONYMOUS (RFC 4505).

mod binding;
mod client;
#[cfg(feature = "scram")]
mod ht;
mod plain;
#[cfg(feature = "scram")]
mod scram;
mod server;
#[cfg(test)]
mod tests;

pub use binding::{BindingType, ChannelBinding};
pub use client::{ClientBinding, ClientStep, SaslClient};
pub use plain::PlainMessage;
#[cfg(feature = "scram")]
pub(crate) use scram::hmac_sha256;
#[cfg(feature = "scram")]
pub use scram::{Hash, SaltedPassword, ScramKeys, derive};
pub(crate) use server::account;
pub use server::{Credentials, SaslServer, ServerContext, ServerStep};

use alloc::string::String;
use core::fmt;
use thiserror::Error;
use zeroize::Zeroize;

/// A password or another secret: cleared when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the moment of its use.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A mechanism, weakest first in the order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// Nobody in particular (RFC 4505).
    Anonymous,
    /// The password itself (RFC 4616): only under TLS, unless the configuration says so.
    Plain,
    /// RFC 5802.
    #[cfg(feature = "scram")]
    ScramSha1,
    /// RFC 7677.
    #[cfg(feature = "scram")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[cfg(feature = "scram")]
    ScramSha512,
    /// RFC 5802, bound to the TLS connection.
    #[cfg(feature = "scram")]
    ScramSha1Plus,
    /// RFC 7677, bound to the TLS connection.
    #[cfg(feature = "scram")]
    ScramSha256Plus,
    /// SCRAM with SHA-512, bound to the TLS connection.
    #[cfg(feature = "scram")]
    ScramSha512Plus,
    /// Who the certificate of the TLS connection says (RFC 4422 app. A).
    External,
    /// A token of FAST (XEP-0484), not bound to anything.
    #[cfg(feature = "scram")]
    HtNone,
    /// A token of FAST, bound to the server's certificate.
    #[cfg(feature = "scram")]
    HtEndPoint,
    /// A token of FAST, bound to the TLS connection up to 1.2.
    #[cfg(feature = "scram")]
    HtUnique,
    /// A token of FAST, bound to the TLS connection.
    #[cfg(feature = "scram")]
    HtExporter,
}

impl Mechanism {
    /// Those of FAST (draft-schmaus-kitten-sasl-ht), strongest first: one step, with a token
    /// that the server gave. They are offered and used in SASL 2 only.
    pub const FAST: &'static [Self] = &[
        #[cfg(feature = "scram")]
        Self::HtExporter,
        #[cfg(feature = "scram")]
        Self::HtUnique,
        #[cfg(feature = "scram")]
        Self::HtEndPoint,
        #[cfg(feature = "scram")]
        Self::HtNone,
    ];

    /// All that this build has, strongest first, but for those of FAST.
    pub const ALL: &'static [Self] = &[
        Self::External,
        #[cfg(feature = "scram")]
        Self::ScramSha512Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha256Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha1Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha512,
        #[cfg(feature = "scram")]
        Self::ScramSha256,
        #[cfg(feature = "scram")]
        Self::ScramSha1,
        Self::Plain,
        Self::Anonymous,
    ];

    /// Those with a password, strongest first: what is used when nothing else is said.
    pub const PASSWORD: &'static [Self] = &[
        #[cfg(feature = "scram")]
        Self::ScramSha512Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha256Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha1Plus,
        #[cfg(feature = "scram")]
        Self::ScramSha512,
        #[cfg(feature = "scram")]
        Self::ScramSha256,
        #[cfg(feature = "scram")]
        Self::ScramSha1,
        Self::Plain,
    ];

    /// Whether a password is needed.
    #[must_use]
    pub const fn needs_password(self) -> bool {
        !matches!(self, Self::External | Self::Anonymous)
    }

    /// Whether it proves that both sides see the same TLS connection.
    #[must_use]
    pub const fn binds_channel(self) -> bool {
        #[cfg(feature = "scram")]
        {
            matches!(
                self,
                Self::ScramSha1Plus
                    | Self::ScramSha256Plus
                    | Self::ScramSha512Plus
                    | Self::HtEndPoint
                    | Self::HtUnique
                    | Self::HtExporter
            )
        }
        #[cfg(not(feature = "scram"))]
        {
            false
        }
    }

    /// The only type of channel binding that a mechanism of FAST can have.
    #[must_use]
    pub const fn fast_binding(self) -> Option<BindingType> {
        match self {
            #[cfg(feature = "scram")]
            Self::HtExporter => Some(BindingType::TlsExporter),
            #[cfg(feature = "scram")]
            Self::HtUnique => Some(BindingType::TlsUnique),
            #[cfg(feature = "scram")]
            Self::HtEndPoint => Some(BindingType::TlsServerEndPoint),
            _ => None,
        }
    }

    /// Whether it is one of FAST.
    #[must_use]
    pub fn is_fast(self) -> bool {
        Self::FAST.contains(&self)
    }

    /// The hash of a SCRAM mechanism.
    #[cfg(feature = "scram")]
    #[must_use]
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha1 | Self::ScramSha1Plus => Some(Hash::Sha1),
            Self::ScramSha256 | Self::ScramSha256Plus => Some(Hash::Sha256),
            Self::ScramSha512 | Self::ScramSha512Plus => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
            #[cfg(feature = "scram")]
            Self::HtNone => "HT-SHA-256-NONE",
            #[cfg(feature = "scram")]
            Self::HtEndPoint => "HT-SHA-256-ENDP",
            #[cfg(feature = "scram")]
            Self::HtUnique => "HT-SHA-256-UNIQ",
            #[cfg(feature = "scram")]
            Self::HtExporter => "HT-SHA-256-EXPR",
            Self::Plain => "PLAIN",
            #[cfg(feature = "scram")]
            Self::ScramSha512 => "SCRAM-SHA-512",
            #[cfg(feature = "scram")]
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            #[cfg(feature = "scram")]
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            #[cfg(feature = "scram")]
            Self::ScramSha512Plus => "SCRAM-SHA-512-PLUS",
            #[cfg(feature = "scram")]
            Self::ScramSha1 => "SCRAM-SHA-1",
            #[cfg(feature = "scram")]
            Self::ScramSha256 => "SCRAM-SHA-256",
        }
    }

    /// The mechanism of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().chain(Self::FAST).copied().find(|m| m.name() == name)
    }
}

/// The conditions of RFC 6120 §6.5, as sent in `<failure/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum SaslFailure {
    /// The client gave up.
    #[error("aborted")]
    Aborted,
    /// The account may not log in.
    #[error("account-disabled")]
    AccountDisabled,
    /// The password has expired.
    #[error("credentials-expired")]
    CredentialsExpired,
    /// The mechanism needs TLS.
    #[error("encryption-required")]
    EncryptionRequired,
    /// Not base64.
    #[error("incorrect-encoding")]
    IncorrectEncoding,
    /// The authorization identity is not allowed or malformed.
    #[error("invalid-authzid")]
    InvalidAuthzid,
    /// The mechanism is not offered.
    #[error("invalid-mechanism")]
    InvalidMechanism,
    /// A message of the mechanism is malformed.
    #[error("malformed-request")]
    MalformedRequest,
    /// The mechanism is too weak for this account.
    #[error("mechanism-too-weak")]
    MechanismTooWeak,
    /// Wrong name or password.
    #[error("not-authorized")]
    NotAuthorized,
    /// The server cannot tell now.
    #[error("temporary-auth-failure")]
    TemporaryAuthFailure,
}

impl SaslFailure {
    const ALL: &'static [Self] = &[
        Self::Aborted,
        Self::AccountDisabled,
        Self::CredentialsExpired,
        Self::EncryptionRequired,
        Self::IncorrectEncoding,
        Self::InvalidAuthzid,
        Self::InvalidMechanism,
        Self::MalformedRequest,
        Self::MechanismTooWeak,
        Self::NotAuthorized,
        Self::TemporaryAuthFailure,
    ];

    /// The name of the element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }

    /// The condition of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

/// Why a client does not trust what the server says in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum SaslError {
    /// Not base64 or not in the form of the mechanism.
    #[error("the server's message is malformed")]
    Malformed,
    /// The server's nonce does not begin with the client's (RFC 5802 §5.1).
    #[error("the server's nonce does not continue the client's")]
    Nonce,
    /// Fewer or more rounds than the configuration allows.
    #[error("the number of iterations is out of bounds")]
    Iterations,
    /// An extension that the client must understand and does not.
    #[error("the server asks for an extension")]
    Extension,
    /// The server does not know the password either.
    #[error("the server's signature is wrong")]
    Signature,
    /// The server says success before it has proved itself.
    #[error("the server skips its proof")]
    Unproved,
    /// The user name or password has characters that are not allowed (RFC 4013).
    #[error("the credentials cannot be prepared")]
    Credentials,
    /// The server wants more than a proof of the password (XEP-0388 §2.6.3).
    #[error("the server asks for a task that is not known")]
    Task,
    /// The mechanism binds to the TLS connection, and there are no data to bind with.
    #[error("there is nothing to bind to")]
    Binding,
}

/// `text` as base64 inside of an element: `=` stands for an empty message
/// (RFC 6120 §6.4.2).
pub(crate) fn encode(message: &[u8]) -> String {
    use base64::Engine as _;
    if message.is_empty() {
        return String::from("=");
    }
    base64::engine::general_purpose::STANDARD.encode(message)
}

pub(crate) fn decode(text: &str) -> Option<alloc::vec::Vec<u8>> {
    use base64::Engine as _;
    if text == "=" {
        return Some(alloc::vec::Vec::new());
    }
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

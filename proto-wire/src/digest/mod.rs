//! Basic and Digest authentication for both sides, and for any protocol that carries the
//! HTTP headers: RTSP and SIP do (RFC 2617, RFC 7616, RFC 8760; RFC 2069 on reading).
//!
//! A request has a method and a URI, both as they stand in the start line; the protocol
//! decides whether a challenge comes in a 401 or a 407 ([`Target`]). Nothing here knows
//! more about it.
//!
//! - [`Client`] answers challenges: it chooses the strongest one that it can answer, keeps
//!   count (`nc`) per nonce, follows `stale` and `nextnonce`, checks `rspauth`, and never
//!   sends the same credentials for the same nonce again once they were refused.
//! - [`Server`] makes challenges and judges answers: its nonces carry their own time and
//!   a keyed tag, and a replay window per nonce in bounded memory.
//! - [`Challenges`], [`Credentials`] and [`AuthenticationInfo`] read the headers;
//!   [`Response`] computes what a `response` must be. A proxy or a test needs only these.
//!
//! ```
//! use proto_wire::digest::{Client, Credential, Secret, Server, ServerConfig, Target, Verdict};
//! use proto_wire::{Instant, Rng, Seed};
//!
//! let now = Instant::ZERO;
//! let mut server = Server::new(ServerConfig::new("club.example")?, Seed::from_u64(1));
//! let mut client = Client::new([Credential::new("ann", "s3cret")?]);
//! let mut rng = Rng::new(&Seed::from_u64(2));
//!
//! // The server refuses with a challenge, the client answers it.
//! let challenges = server.challenges(now, false);
//! client.challenged(Target::Origin, &challenges, &[])?;
//! let answers = client.answers(&mut rng, b"DESCRIBE", b"rtsp://club.example/tv", b"");
//! assert_eq!(answers[0].header_name(), "Authorization");
//!
//! // The server asks its host for ann's password (here it is at hand) and judges.
//! let claim = server.claim(answers.iter().map(|a| a.value()))?.expect("of this realm");
//! assert_eq!((claim.username(), claim.uri()), ("ann", Some("rtsp://club.example/tv")));
//! let verdict = server.verify(now, &claim, b"DESCRIBE", b"", Secret::Password("s3cret"));
//! assert!(matches!(verdict, Verdict::Accepted(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//!
//! User names and passwords are taken as they are: they should be in Unicode NFC (RFC 7616
//! §4). Passwords are not stretched; a password that people can remember can be guessed
//! from one exchange that was overheard (RFC 7616 §5.1), so use TLS.

mod algorithm;
mod challenge;
mod client;
mod credentials;
mod info;
mod nonce;
mod response;
mod seal;
mod secret;
mod server;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_both;
mod value;

pub use algorithm::{Algorithm, HexDigest, Qop, QopSet};
pub use challenge::{Challenge, Challenges, DigestChallenge};
pub use client::{Answer, Client, Preference, Refused};
pub use credentials::{BasicCredentials, Credentials, DigestCredentials};
pub use info::{AuthenticationInfo, InfoOutcome};
pub use response::{Response, username_hash};
pub use seal::Sealer;
pub use secret::{BadCredential, Credential, Ha1, Secret};
pub use server::{Accepted, Claim, Denial, Server, ServerConfig, Verdict};

/// Whose challenge it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7616 has these two")]
pub enum Target {
    /// The server itself: 401, `WWW-Authenticate`, `Authorization`.
    Origin,
    /// A proxy: 407, `Proxy-Authenticate`, `Proxy-Authorization`.
    Proxy,
}

impl Target {
    /// The header that carries the challenge.
    #[must_use]
    pub const fn challenge_header(self) -> &'static str {
        match self {
            Self::Origin => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    /// The header that carries the answer.
    #[must_use]
    pub const fn answer_header(self) -> &'static str {
        match self {
            Self::Origin => "Authorization",
            Self::Proxy => "Proxy-Authorization",
        }
    }

    /// The header of a successful reply that may carry the next nonce and `rspauth`.
    #[must_use]
    pub const fn info_header(self) -> &'static str {
        match self {
            Self::Origin => "Authentication-Info",
            Self::Proxy => "Proxy-Authentication-Info",
        }
    }
}

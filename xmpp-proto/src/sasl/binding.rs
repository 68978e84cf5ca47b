//! Channel binding: proof that nobody sits between the two ends of TLS (RFC 5056).

use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroize;

/// What of the TLS connection is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BindingType {
    /// Keying material (RFC 9266): label `EXPORTER-Channel-Binding`, an empty context, 32
    /// bytes. For TLS 1.3, and for 1.2 with extended master secrets.
    TlsExporter,
    /// The hash of the server's certificate (RFC 5929 §4): with the hash of the certificate's
    /// signature, SHA-256 in place of MD5 and SHA-1.
    TlsServerEndPoint,
    /// The first `Finished` message (RFC 5929 §3): not in TLS 1.3.
    TlsUnique,
}

impl BindingType {
    /// All of them, best first.
    pub const ALL: &'static [Self] = &[Self::TlsExporter, Self::TlsUnique, Self::TlsServerEndPoint];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
            Self::TlsUnique => "tls-unique",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What one end of TLS says to bind to. Comes from the host, which has the TLS connection.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelBinding {
    /// Of what type.
    pub kind: BindingType,
    pub(super) data: Vec<u8>,
}

impl ChannelBinding {
    /// Data of a type.
    #[must_use]
    pub fn new(kind: BindingType, data: &[u8]) -> Self {
        Self { kind, data: data.to_vec() }
    }
}

impl Drop for ChannelBinding {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({}, ..)", self.kind.name())
    }
}

//! What a tunnel's client asks for.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
#[cfg(feature = "digest")]
use proto_wire::digest::Credential;
use proto_wire::http::{is_field_value, is_token};

/// Which connection is made first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Order {
    /// GET, and POST when the server agreed: what all known clients do.
    #[default]
    GetFirst,
    /// Both at once, POST first: saves a round trip with servers that allow it.
    PostFirst,
}

/// What a [`Client`](super::Client) asks for and how long it waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The `Host` header: name, and `:port` when it is not 80.
    pub host: String,
    /// The request target: the path of the RTSP URL, with its query.
    pub target: String,
    /// More headers for both requests: `User-Agent`.
    pub headers: Vec<(String, String)>,
    /// Who we are, for servers and proxies that answer 401 or 407: the request is made again,
    /// on a new connection. Such a server usually asks for RTSP's own authentication too.
    #[cfg(feature = "digest")]
    pub credentials: Vec<Credential>,
    /// Send the password as good as in the clear when nothing but Basic is asked for (yes, as
    /// the RTSP client does).
    pub basic: bool,
    /// HTTP/1.0 instead of 1.1; some video management systems insist on it (default).
    pub is_http10: bool,
    /// Which connection comes first.
    pub order: Order,
    /// Bytes of the head of a reply (8 KiB). Stops a head that never ends.
    pub head_max: usize,
    /// Header lines of a reply (64).
    pub header_count_max: usize,
    /// How often in a row a connection is made again (8): a POST that was lost, or a request
    /// that needs credentials. Anything from the server begins the count anew. Stops a server
    /// that ends every POST from being called without end.
    pub retries_max: u32,
    /// Time for the server to agree (10 s).
    pub open_timeout: Duration,
}

impl ClientConfig {
    /// A tunnel to `target` at `host`.
    #[must_use]
    pub fn new(host: &str, target: &str) -> Self {
        Self {
            host: host.into(),
            target: target.into(),
            headers: Vec::new(),
            #[cfg(feature = "digest")]
            credentials: Vec::new(),
            basic: true,
            is_http10: true,
            order: Order::GetFirst,
            head_max: 8 * 1024,
            header_count_max: 64,
            retries_max: 8,
            open_timeout: Duration::from_secs(10),
        }
    }

    /// Adds to [`ClientConfig::headers`].
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a user name and password.
    #[cfg(feature = "digest")]
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// Sets [`ClientConfig::basic`].
    #[must_use]
    pub const fn with_basic(mut self, basic: bool) -> Self {
        self.basic = basic;
        self
    }

    /// Sets [`ClientConfig::retries_max`].
    #[must_use]
    pub const fn with_retries_max(mut self, retries_max: u32) -> Self {
        self.retries_max = retries_max;
        self
    }

    /// Sets [`ClientConfig::is_http10`].
    #[must_use]
    pub const fn with_http10(mut self, is_http10: bool) -> Self {
        self.is_http10 = is_http10;
        self
    }

    /// Sets [`ClientConfig::order`].
    #[must_use]
    pub const fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets [`ClientConfig::head_max`], in bytes.
    #[must_use]
    pub const fn with_head_max(mut self, bytes: usize) -> Self {
        self.head_max = bytes;
        self
    }

    /// Whether nothing in it could break out of its line.
    pub(super) fn is_sound(&self) -> bool {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b > b' ' && b != 0x7F);
        word(&self.host)
            && word(&self.target)
            && self.headers.iter().all(|(name, value)| is_token(name) && is_field_value(value))
    }
}

//! How to run the server.

use crate::observed::Observer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Finds the servers of a domain.
pub type Resolver = Arc<dyn Fn(&str) -> Vec<SocketAddr> + Send + Sync>;

/// How to run the server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The domain that is served.
    pub domain: String,
    /// More of them.
    pub other_domains: Vec<String>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to listen for TLS from the first byte. Needs a certificate.
    pub direct_tls: Option<SocketAddr>,
    /// Where to listen for `WebSocket`s: `wss` when clients must use TLS, else `ws`.
    pub websocket: Option<SocketAddr>,
    /// Where to listen for HTTP (BOSH): `https` when clients must use TLS.
    pub bosh: Option<SocketAddr>,
    /// Where to listen for other servers; without it there are none.
    pub servers: Option<SocketAddr>,
    /// Where the servers of domains are that are not to be looked up.
    pub routes: Vec<(String, SocketAddr)>,
    /// Looks up where the server of a domain is: all addresses, best first. The standard library
    /// finds no SRV records (RFC 6120 §3.2.1); without this, or where it finds nothing, the
    /// domain's own address counts.
    pub resolver: Option<Resolver>,
    /// Whose certificates other servers may have, as a PEM file: without it streams to them are in
    /// clear, and dialback alone proves who they are.
    pub server_roots: Option<PathBuf>,
    /// Strangers may make accounts, users change their passwords and remove their accounts.
    pub registration: bool,
    /// The certificate for TLS. Without one the streams are in clear: loopback only.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Clients must use TLS.
    pub tls_required: bool,
    /// The file that keeps accounts, rosters and archives; without one they end with the server.
    pub file: Option<PathBuf>,
    /// Sees what goes over the wires.
    pub observer: Option<Observer>,
}

impl Options {
    /// A server of `domain` on a free loopback port, without TLS.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_string(),
            other_domains: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            direct_tls: None,
            websocket: None,
            bosh: None,
            servers: None,
            routes: Vec::new(),
            resolver: None,
            server_roots: None,
            registration: false,
            tls: None,
            tls_required: false,
            file: None,
            observer: None,
        }
    }

    /// Serves another domain, too.
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        self.other_domains.push(domain.to_string());
        self
    }

    /// Sets where to listen.
    #[must_use]
    pub const fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Listens for TLS from the first byte, too.
    #[must_use]
    pub const fn with_direct_tls(mut self, listen: SocketAddr) -> Self {
        self.direct_tls = Some(listen);
        self
    }

    /// Listens for `WebSocket`s, too.
    #[must_use]
    pub const fn with_websocket(mut self, listen: SocketAddr) -> Self {
        self.websocket = Some(listen);
        self
    }

    /// Listens for HTTP, too.
    #[must_use]
    pub const fn with_bosh(mut self, listen: SocketAddr) -> Self {
        self.bosh = Some(listen);
        self
    }

    /// Talks to other servers, and listens for them.
    #[must_use]
    pub const fn with_servers(mut self, listen: SocketAddr) -> Self {
        self.servers = Some(listen);
        self
    }

    /// Says where the server of a domain is.
    #[must_use]
    pub fn with_route(mut self, domain: &str, server: SocketAddr) -> Self {
        self.routes.push((domain.to_string(), server));
        self
    }

    /// Sets who looks up where the server of a domain is, such as by SRV records.
    #[must_use]
    pub fn with_resolver(
        mut self,
        look_up: impl Fn(&str) -> Vec<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.resolver = Some(Arc::new(look_up));
        self
    }

    /// Uses TLS on streams to other servers whose certificates are of these authorities.
    #[must_use]
    pub fn with_server_roots(mut self, file: impl Into<PathBuf>) -> Self {
        self.server_roots = Some(file.into());
        self
    }

    /// Lets strangers make accounts, and users remove theirs.
    #[must_use]
    pub const fn with_registration(mut self) -> Self {
        self.registration = true;
        self
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<rustls::ServerConfig>, required: bool) -> Self {
        self.tls = Some(tls);
        self.tls_required = required;
        self
    }

    /// Keeps accounts, rosters and archives in a file.
    #[must_use]
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Sets who sees what goes over the wires.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }
}

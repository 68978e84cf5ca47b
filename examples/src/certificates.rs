//! TLS from PEM files: for servers a chain and a key, for clients whom to trust.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::Path;
use std::sync::Arc;
use xmpp_proto::sasl::{BindingType, ChannelBinding};

/// What a server shows.
///
/// # Errors
/// A file cannot be read, or key and certificate do not fit.
pub fn server(chain: &Path, key: &Path) -> io::Result<Arc<rustls::ServerConfig>> {
    let chain = read(chain)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

/// A client that trusts the certificates in `roots` and nobody else.
///
/// # Errors
/// The file cannot be read or holds no certificate that can be trusted.
pub fn client(roots: &Path) -> io::Result<Arc<rustls::ClientConfig>> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in read(roots)? {
        store.add(certificate).map_err(io::Error::other)?;
    }
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(io::Error::other)?.collect();
    let certificates = certificates.map_err(io::Error::other)?;
    if certificates.is_empty() {
        return Err(io::Error::other(format!("{}: no certificate", path.display())));
    }
    Ok(certificates)
}

/// What XMPP's SCRAM binds to (RFC 9266 §2); `None` before the end of the handshake.
#[must_use]
pub fn channel_binding(tls: &rustls::Connection) -> Option<ChannelBinding> {
    let label = b"EXPORTER-Channel-Binding";
    let data = [0; 32];
    let data = tls.export_keying_material(data, label, Some(b""));
    data.ok().map(|data| ChannelBinding::new(BindingType::TlsExporter, &data))
}

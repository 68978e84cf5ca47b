//! Both drivers with TLS between socket and machine, upgraded in the middle of a stream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::drive::doc::{Event, Toy};
use examples::drive::{blocking, tokio};
use proto_wire::Clock;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const MUCH: usize = 1024 * 1024;

/// A certificate for `localhost` that trusts itself, made now; `None` without openssl.
fn certificate(test: &str) -> Option<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&dir).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "7", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(&dir)
        .output();
    match made {
        Ok(made) => {
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let chain = CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
            Some((chain, key))
        }
        Err(_) => None,
    }
}

fn configs(test: &str) -> Option<(Arc<rustls::ClientConfig>, Arc<rustls::ServerConfig>)> {
    let (certificate, key) = certificate(test)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Some((Arc::new(client), Arc::new(server)))
}

/// Says `tls?`, gets `tls!`, upgrades, sends much, gets it back, closes.
fn client(socket: TcpStream, config: Arc<rustls::ClientConfig>) -> (usize, usize) {
    let mut conn = blocking::Connection::new(socket, Toy::default(), Clock::start()).unwrap();
    let now = conn.now();
    conn.machine.say(now, b"tls?");
    assert_eq!(conn.next_event().unwrap(), Some(Event::Got("tls!".into())));
    let name = "localhost".try_into().unwrap();
    conn.start_tls(rustls::ClientConnection::new(config, name).unwrap()).unwrap();
    assert!(conn.tls().is_some_and(|tls| tls.peer_certificates().is_some()));
    let now = conn.now();
    conn.machine.say(now, &vec![7; MUCH]);
    let (mut got, mut closed) = (0, 0);
    while let Some(event) = conn.next_event().unwrap() {
        match event {
            Event::Got(bytes) => got += bytes.len(),
            Event::Closed => closed += 1,
        }
        if got == MUCH && closed == 0 {
            let now = conn.now();
            conn.machine.close(now);
        }
    }
    (got, closed)
}

async fn server(socket: TcpStream, config: Arc<rustls::ServerConfig>) -> (usize, usize) {
    socket.set_nonblocking(true).unwrap();
    let socket = ::tokio::net::TcpStream::from_std(socket).unwrap();
    let mut conn = tokio::Connection::new(socket, Toy::default(), Clock::start()).unwrap();
    let (mut got, mut closed) = (0, 0);
    while let Some(event) = conn.next_event().await.unwrap() {
        let now = conn.now();
        match event {
            Event::Got(bytes) if conn.tls().is_none() => {
                assert_eq!(bytes, "tls?");
                conn.machine.say(now, b"tls!");
                let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                conn.start_tls(tls).await.unwrap();
            }
            Event::Got(bytes) => {
                got += bytes.len();
                conn.machine.say(now, &bytes);
            }
            Event::Closed => closed += 1,
        }
    }
    (got, closed)
}

#[test]
fn a_stream_is_upgraded_to_tls_and_closed_properly_at_both_ends() {
    let Some((client_config, server_config)) = configs("upgrade") else {
        println!("skipped: no such program: openssl");
        return;
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let client = thread::spawn(move || client(socket, client_config));
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let served = runtime.block_on(async {
        let served = server(accepted, server_config);
        ::tokio::time::timeout(Duration::from_secs(30), served).await.unwrap()
    });
    assert_eq!(served, (MUCH, 1));
    assert_eq!(client.join().unwrap(), (MUCH, 1));
}

#[test]
fn a_client_that_does_not_trust_the_certificate_says_so() {
    let Some((_, server_config)) = configs("stranger") else {
        println!("skipped: no such program: openssl");
        return;
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let stranger = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let server = thread::spawn(move || {
        let mut conn = blocking::Connection::new(accepted, Toy::default(), Clock::start()).unwrap();
        let tls = rustls::ServerConnection::new(server_config).unwrap();
        let error = conn.start_tls(tls).unwrap_err();
        assert_eq!(conn.next_event().unwrap(), Some(Event::Closed));
        error
    });
    let mut conn = blocking::Connection::new(socket, Toy::default(), Clock::start()).unwrap();
    let name = "localhost".try_into().unwrap();
    let tls = rustls::ClientConnection::new(Arc::new(stranger), name).unwrap();
    let error = conn.start_tls(tls).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    assert_eq!(conn.next_event().unwrap(), Some(Event::Closed), "the machine knows too");
    drop(conn);
    let told = server.join().unwrap();
    assert!(told.to_string().contains("UnknownCA"), "the alert says why: {told}");
}

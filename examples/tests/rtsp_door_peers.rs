//! Real players before a server that asks who they are by itself (`Config::authentication`), and
//! that picks what they offer (`choose`). A program that is not there is said to be skipped.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "tests state what must hold"
)]

use examples::drive::blocking::Connection;
use examples::entropy::seed;
use proto_wire::Clock;
use proto_wire::digest::{Algorithm, Secret, ServerConfig};
use rtsp_proto::client::{self, Client};
use rtsp_proto::headers::{NptRange, Range, Transport};
use rtsp_proto::server::{
    Authentication, Carrier, Config, Event, Incoming, Server, SetupReply, UriMatch,
};
use rtsp_proto::{Method, StatusCode, Version};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=door\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:t0\r\n";

/// What a server shows, when it speaks TLS.
type Tls = Option<Arc<rustls::ServerConfig>>;

/// What was let in: method, user, how the URI fitted, version.
type Seen = Arc<Mutex<Vec<(Method, Option<String>, Option<UriMatch>, Version)>>>;

/// A server that lets alice in, sees her play, says so, and hangs up.
fn door(challenge: ServerConfig) -> (SocketAddr, Seen, Receiver<()>) {
    door_behind(None, challenge)
}

/// The same behind TLS.
fn door_behind(tls: Tls, challenge: ServerConfig) -> (SocketAddr, Seen, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let config = Config::default().with_authentication(Authentication::new(challenge));
    let (config, seen) = (Arc::new(config), Seen::default());
    let log = seen.clone();
    let (played, plays) = mpsc::channel();
    // It ends with the process.
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (config, log, played) = (config.clone(), log.clone(), played.clone());
            let tls = tls.clone();
            thread::spawn(move || serve(socket, tls, config, &log, &played));
        }
    });
    (addr, seen, plays)
}

fn serve(
    socket: TcpStream,
    tls: Tls,
    config: Arc<Config>,
    seen: &Seen,
    played: &Sender<()>,
) -> std::io::Result<()> {
    let clock = Clock::start();
    let mut server = Server::new(clock.now(), config, seed());
    server.set_peer(socket.peer_addr()?.ip());
    server.set_wall_clock(clock.now(), clock.timestamp());
    let mut conn = Connection::new(socket, server, clock)?;
    if let Some(tls) = tls {
        conn.start_tls(rustls::ServerConnection::new(tls).map_err(std::io::Error::other)?)?;
    }
    while let Some(event) = conn.next_event()? {
        let now = conn.now();
        match event {
            Event::SecretWanted { id, username, .. } => {
                let known = username == "alice";
                let secret = if known { Secret::Password("secret") } else { Secret::Unknown };
                conn.machine.authenticate(now, id, secret).unwrap();
            }
            Event::Request(asked) => {
                let request = asked.request.view();
                let entry = (asked.method, asked.user.clone(), asked.uri_match, request.version());
                seen.lock().unwrap().push(entry);
                answer(&mut conn, &asked);
                if asked.method == Method::Play {
                    conn.machine.close(now).unwrap();
                    let _ = played.send(());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn answer(conn: &mut Connection<Server>, asked: &Incoming) {
    let now = conn.now();
    let server = &mut conn.machine;
    match asked.method {
        Method::Describe => {
            let base = format!("{}/", asked.request.view().uri().trim_end_matches('/'));
            server.describe(now, asked.id, &base, SDP).unwrap();
        }
        Method::Setup => match server.choose(asked, &[Carrier::Interleaved]) {
            Ok(offer) => {
                let reply = SetupReply::new(offer).without_seeking();
                server.accept_setup_with(now, asked.id, reply).unwrap();
            }
            Err(status) => server.refuse(now, asked.id, status).unwrap(),
        },
        Method::Play => {
            let range = Range::npt(NptRange::live());
            server.accept_play(now, asked.id, Some(&range), &[]).unwrap();
        }
        Method::Teardown => server.accept(now, asked.id).unwrap(),
        _ => server.refuse(now, asked.id, StatusCode::NOT_FOUND).unwrap(),
    }
}

/// Starts a player; `None` when it is not there.
fn start(program: &str, line: &str) -> Option<Child> {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).stdin(Stdio::null());
    match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(child) => Some(child),
        Err(_) => {
            let _ = writeln!(std::io::stderr(), "skipped: no such program: {program}");
            None
        }
    }
}

/// Lets a player play, and ends it then: some go on without a server. `false` when it is not
/// there.
fn play(program: &str, line: &str, plays: &Receiver<()>) -> bool {
    let Some(mut child) = start(program, line) else { return false };
    let _late = plays.recv_timeout(Duration::from_secs(30));
    let _gone = child.kill();
    child.wait().unwrap();
    true
}

fn digest(algorithms: &[Algorithm]) -> ServerConfig {
    ServerConfig::new("door").unwrap().with_algorithms(algorithms.iter().copied())
}

/// Everything that alice did before the server hung up.
fn assert_played(seen: &Seen, version: Version, what: &str) {
    let seen = seen.lock().unwrap();
    for method in [Method::Describe, Method::Setup, Method::Play] {
        let entry = seen.iter().find(|(found, ..)| *found == method);
        let Some((_, user, _, found)) = entry else { panic!("{what}: no {method}: {seen:?}") };
        assert_eq!((user.as_deref(), *found), (Some("alice"), version), "{what}: {seen:?}");
    }
}

#[test]
fn ffmpeg_is_let_in_by_the_machine_itself() {
    let both = [Algorithm::Sha256, Algorithm::Md5];
    for (what, challenge) in [
        ("MD5", digest(&[Algorithm::Md5])),
        ("SHA-256 and MD5", digest(&both)),
        ("Basic", digest(&[]).with_basic(true)),
    ] {
        let (addr, seen, plays) = door(challenge);
        let line = format!("-v quiet -rtsp_transport tcp rtsp://alice:secret@{addr}/a");
        if !play("ffprobe", &line, &plays) {
            return;
        }
        assert_played(&seen, Version::V1_0, what);
    }
}

#[test]
fn gstreamer_is_let_in_by_the_machine_itself_in_both_versions() {
    for (version, option) in [(Version::V1_0, ""), (Version::V2_0, "default-rtsp-version=2-0")] {
        for (what, challenge) in
            [("MD5", digest(&[Algorithm::Md5])), ("Basic", digest(&[]).with_basic(true))]
        {
            let (addr, seen, plays) = door(challenge);
            let line = format!(
                "-q rtspsrc location=rtsp://{addr}/a user-id=alice user-pw=secret protocols=tcp \
                 {option} ! fakesink"
            );
            if !play("gst-launch-1.0", &line, &plays) {
                return;
            }
            assert_played(&seen, version, what);
        }
    }
}

#[test]
fn a_wrong_password_is_not_let_in() {
    let (addr, seen, _plays) = door(digest(&[Algorithm::Md5]));
    let line = format!("-v quiet -rtsp_transport tcp rtsp://alice:wrong@{addr}/a");
    if let Some(mut child) = start("ffprobe", &line) {
        assert!(!child.wait().unwrap().success());
        assert!(seen.lock().unwrap().is_empty(), "{:?}", seen.lock().unwrap());
    }
}

/// A certificate for this address that trusts itself, made now: what a server shows, and what its
/// clients trust. `None` without openssl.
fn certificate(test: &str) -> Option<(Tls, Arc<rustls::ClientConfig>)> {
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&dir).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "7", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(&dir)
        .output();
    let Ok(made) = made else {
        let _ = writeln!(std::io::stderr(), "skipped: no such program: openssl");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let chain = dir.join("cert.pem");
    let server = examples::certificates::server(&chain, &dir.join("key.pem")).unwrap();
    Some((Some(server), examples::certificates::client(&chain).unwrap()))
}

/// `rtsps`: TLS from the first byte on, between the socket and the same machine.
#[test]
fn players_are_let_in_through_tls() {
    let Some((tls, _)) = certificate("rtsps") else { return };
    for (program, line) in [
        ("ffprobe", "-v quiet -rtsp_transport tcp rtsps://alice:secret@ADDR/a"),
        (
            "gst-launch-1.0",
            "-q rtspsrc location=rtsps://ADDR/a user-id=alice user-pw=secret protocols=tcp \
             tls-validation-flags=0 ! fakesink",
        ),
    ] {
        let (addr, seen, plays) = door_behind(tls.clone(), digest(&[Algorithm::Md5]));
        if play(program, &line.replace("ADDR", &addr.to_string()), &plays) {
            assert_played(&seen, Version::V1_0, program);
        }
    }
}

#[test]
fn our_client_is_let_in_through_tls() {
    let Some((tls, trusted)) = certificate("rtsps-ours") else { return };
    let (addr, seen, _plays) = door_behind(tls, digest(&[Algorithm::Sha256]));
    let url = format!("rtsps://{addr}/a");
    assert!(rtsp_proto::Url::parse(&url).unwrap().is_secure());
    let clock = Clock::start();
    let alice = proto_wire::digest::Credential::new("alice", "secret").unwrap();
    let config = client::Config::default().with_credential(alice);
    let client = Client::new(clock.now(), Arc::new(config), seed());
    let mut conn = Connection::new(TcpStream::connect(addr).unwrap(), client, clock).unwrap();
    let name = rustls::pki_types::ServerName::from(addr.ip());
    conn.start_tls(rustls::ClientConnection::new(trusted, name).unwrap()).unwrap();
    let now = conn.now();
    conn.machine.describe(now, &url).unwrap();
    let session = conn.machine.open_session(now, &url).unwrap();
    conn.machine
        .setup(now, session, &format!("{url}/t0"), &[Transport::interleaved(None)])
        .unwrap();
    while let Some(event) = conn.next_event().unwrap() {
        let now = conn.now();
        match event {
            client::Event::StreamReady { .. } => {
                conn.machine.play(now, session, None).unwrap();
            }
            client::Event::Closed(_) => break,
            _ => {}
        }
    }
    assert_played(&seen, Version::V1_0, "our client");
}

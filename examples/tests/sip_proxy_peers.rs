//! Our agents with each other through Kamailio over UDP, TCP and TLS, and with PJSIP over UDP and TCP:
//! calls, messages, typing notices. Each test finds its program, or says loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

mod sip_ours;

use examples::sip_server::{SipServer, SipServerConfig};
use sip_ours::{
    Ours, Running, certificate, directory, find, free_port, peers, python_with, skipped,
};
use sip_proto::Transport;
use sip_proto::endpoint::Target;
use sip_proto::simple::iscomposing::{IsComposing, MEDIA_TYPE, State};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

struct Kamailio {
    _program: Running,
    plain: SocketAddr,
    tls: SocketAddr,
    certificate: PathBuf,
}

impl Kamailio {
    /// With this configuration, in which these words stand for something.
    fn start(file: &str, words: &[(&str, &str)]) -> Result<Self, &'static str> {
        let kamailio = find("kamailio").ok_or("kamailio")?;
        let (directory, plain, tls) = (directory(file), free_port(), free_port());
        let (certificate, _) = certificate(&directory).ok_or("openssl")?;
        let mut config = std::fs::read_to_string(peers(file)).unwrap();
        let (port, tls_port) = (plain.port().to_string(), tls.port().to_string());
        let own =
            [("@PORT@", &*port), ("@TLSPORT@", &tls_port), ("@DIR@", directory.to_str().unwrap())];
        for (word, meaning) in own.iter().chain(words) {
            config = config.replace(word, meaning);
        }
        std::fs::write(directory.join("kamailio.cfg"), config).unwrap();
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let child = Command::new(kamailio)
            .args(["-DD", "-E", "-m", "64", "-M", "8"])
            .arg("-f")
            .arg(directory.join("kamailio.cfg"))
            .arg("-Y")
            .arg(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let program = Running(child);
        let end = Instant::now() + Duration::from_secs(20);
        for address in [plain, tls] {
            while TcpStream::connect(address).is_err() {
                let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
                assert!(Instant::now() < end, "kamailio does not listen: {log}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(Self { _program: program, plain, tls, certificate })
    }
}

/// Both register, one calls the other through the proxy, who stays on the way; each side hangs up once;
/// they write to each other.
#[test]
fn our_agents_call_and_write_to_each_other_through_kamailio() {
    let kamailio = match Kamailio::start("sip_kamailio_calls.cfg", &[]) {
        Ok(kamailio) => kamailio,
        Err(program) => return skipped(program),
    };
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let at = if transport == Transport::Tls { kamailio.tls } else { kamailio.plain };
        let start = |user: &str| {
            let via = Some(Target::Address(transport, at));
            let mut ours = Ours::start(&format!("sip:{user}@example.org"), via, Some("secret"));
            ours.host.trust(examples::certificates::client(&kamailio.certificate).unwrap());
            ours.register();
            ours
        };
        let (mut ann, bob) = (start("ann"), start("bob"));
        let bob = std::thread::spawn(move || {
            let mut bob = bob;
            bob.take_call();
            bob.ended();
            let call = bob.take_call();
            bob.idle(Duration::from_millis(100));
            bob.hang_up(call);
            let text = bob.message("text/plain");
            let status = bob.send("sip:ann@example.org", "text/plain", "hello ann");
            (text, status)
        });
        let call = ann.call("sip:bob@example.org");
        ann.idle(Duration::from_millis(200));
        ann.hang_up(call);
        ann.call("sip:bob@example.org");
        ann.ended();
        assert_eq!(ann.send("sip:bob@example.org", "text/plain", "hello bob"), 200, "{transport}");
        assert_eq!(ann.message("text/plain"), "hello ann", "{transport}");
        // Until his own answer came; ours may have to go out again.
        while !bob.is_finished() {
            ann.idle(Duration::from_millis(50));
        }
        assert_eq!(bob.join().unwrap(), ("hello bob".to_owned(), 200), "{transport}");
    }
}

/// Kamailio as an edge: our agents speak UDP with it, it speaks TLS with our server, and the server, for
/// what comes back within calls, with it. Each checks the certificate of the other.
#[test]
fn kamailio_speaks_tls_with_our_server_and_it_with_kamailio() {
    let own = directory("sip-edge");
    let Some((chain, key)) = certificate(&own) else { return skipped("openssl") };
    let home = free_port();
    let words = [("@HOME@", &*home.port().to_string()), ("@CA@", chain.to_str().unwrap())];
    let kamailio = match Kamailio::start("sip_kamailio_edge.cfg", &words) {
        Ok(kamailio) => kamailio,
        Err(program) => return skipped(program),
    };
    let mut config = SipServerConfig::new("example.org", "127.0.0.1:0".parse().unwrap())
        .with_tls(home, examples::certificates::server(&chain, &key).unwrap())
        .with_trust(examples::certificates::client(&kamailio.certificate).unwrap());
    for user in ["ann", "bob"] {
        config = config.with_user(user, "secret");
    }
    let _server = SipServer::start(config).unwrap();
    let start = |user: &str| {
        let via = Some(Target::Address(Transport::Udp, kamailio.plain));
        let mut ours = Ours::start(&format!("sip:{user}@example.org"), via, Some("secret"));
        ours.register();
        ours
    };
    let (mut ann, mut bob) = (start("ann"), start("bob"));
    let bob = std::thread::spawn(move || {
        bob.take_call();
        bob.ended();
        bob.message("text/plain")
    });
    let call = ann.call("sip:bob@example.org");
    ann.idle(Duration::from_millis(200));
    ann.hang_up(call);
    assert_eq!(ann.send("sip:bob@example.org", "text/plain", "hello bob"), 200);
    assert_eq!(bob.join().unwrap(), "hello bob");
}

#[test]
fn pjsip_calls_types_and_writes_and_so_do_we() {
    let Some(python) = python_with("pjsua2") else { return skipped("python with pjsua2") };
    for transport in ["udp", "tcp"] {
        let mut ann = Ours::start("sip:ann@127.0.0.1", None, None);
        let mut child = Command::new(&python)
            .arg(peers("sip_pjsua2_call.py"))
            .args([&ann.address().to_string(), transport])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut program = Running(child);
        // It says other things first.
        let first = lines.by_ref().map_while(Result::ok).find(|l| l.starts_with("listening "));
        let bob = first.expect("its address").replace("listening ", "");
        let bob = format!("sip:bob@{bob};transport={transport}");
        ann.take_call();
        ann.ended();
        let call = ann.call(&bob);
        ann.idle(Duration::from_millis(300));
        ann.hang_up(call);
        let typing = ann.message(MEDIA_TYPE);
        assert!(typing.contains("<state>active</state>"), "{typing}");
        for state in [State::Active, State::Idle] {
            let notice = IsComposing::new(state).to_xml();
            assert_eq!(ann.send(&bob, MEDIA_TYPE, &notice), 200);
        }
        assert_eq!(ann.send(&bob, "text/plain", "hello bob"), 200);
        assert_eq!(ann.message("text/plain"), "hello ann");
        ann.idle(Duration::from_millis(500));
        let ended = program.ends(Duration::from_secs(20));
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        assert!(ended, "{transport}: {rest:#?}");
    }
}

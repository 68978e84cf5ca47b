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

use sip_ours::{Ours, Running, directory, find, free_port, peers, python_with, skipped};
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
    fn start() -> Result<Self, &'static str> {
        let kamailio = find("kamailio").ok_or("kamailio")?;
        let openssl = find("openssl").ok_or("openssl")?;
        let (directory, plain, tls) = (directory("kamailio"), free_port(), free_port());
        let made = Command::new(openssl)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=example.org"])
            .args(["-addext", "subjectAltName=DNS:example.org,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let config = std::fs::read_to_string(peers("sip_kamailio_calls.cfg")).unwrap();
        let config = config
            .replace("@PORT@", &plain.port().to_string())
            .replace("@TLSPORT@", &tls.port().to_string())
            .replace("@DIR@", directory.to_str().unwrap());
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
        let certificate = directory.join("certificate.pem");
        Ok(Self { _program: program, plain, tls, certificate })
    }
}

/// Both register, one calls the other through the proxy, who stays on the way; each side hangs up once;
/// they write to each other.
#[test]
fn our_agents_call_and_write_to_each_other_through_kamailio() {
    let kamailio = match Kamailio::start() {
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

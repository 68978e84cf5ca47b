//! Our agent with baresip and linphonec: calls and messages both ways, and their registrations at our
//! server. Each test finds its program, or says loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

mod sip_ours;

use examples::sip_server::{ServerEvent, SipServer, SipServerConfig};
use proto_wire::digest::Algorithm;
use sip_ours::{Ours, Running, directory, find, free_port, peers, skipped};
use sip_proto::Transport;
use sip_proto::endpoint::Target;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// baresip, and its control port.
struct Baresip {
    _program: Running,
    control: TcpStream,
    address: SocketAddr,
}

impl Baresip {
    fn start(name: &str, account: &str, contact: &str) -> Option<Self> {
        let program = find("baresip")?;
        let modules = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
        let modules = modules.into_iter().find(|m| Path::new(m).is_dir())?;
        let (directory, address, control) = (directory(name), free_port(), free_port());
        let config = std::fs::read_to_string(peers("baresip.config")).unwrap();
        let config = config
            .replace("@PORT@", &address.port().to_string())
            .replace("@CONTROL@", &control.port().to_string())
            .replace("@MODULES@", modules);
        std::fs::write(directory.join("config"), config).unwrap();
        let account = account.replace("@PORT@", &address.port().to_string());
        std::fs::write(directory.join("accounts"), format!("{account}\n")).unwrap();
        std::fs::write(directory.join("contacts"), format!("{contact}\n")).unwrap();
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let child = Command::new(program)
            .args(["-4", "-s", "-f"])
            .arg(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let program = Running(child);
        let end = Instant::now() + Duration::from_secs(20);
        let control = loop {
            match TcpStream::connect(control) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "baresip does not listen: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        control.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Some(Self { _program: program, control, address })
    }

    /// A command as a netstring of JSON. The reply and events come back, and are not looked at.
    fn command(&mut self, command: &str, parameters: &str) {
        let json = format!("{{\"command\":\"{command}\",\"params\":\"{parameters}\"}}");
        self.control.write_all(format!("{}:{json},", json.len()).as_bytes()).unwrap();
        let mut reply = [0; 4096];
        let read = self.control.read(&mut reply).unwrap();
        assert!(read > 0, "{command}");
    }
}

#[test]
fn baresip_calls_our_agent_and_is_called() {
    let mut ann = Ours::start("sip:ann@127.0.0.1", None, None);
    let account = "<sip:bob@127.0.0.1:@PORT@>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1";
    let contact = format!("\"Ann\" <sip:ann@{}>", ann.address());
    let Some(mut baresip) = Baresip::start("baresip-calls", account, &contact) else {
        return skipped("baresip");
    };
    for transport in ["udp", "tcp"] {
        baresip.command("dial", &format!("sip:ann@{};transport={transport}", ann.address()));
        ann.take_call();
        baresip.command("hangup", "");
        ann.ended();
        let call = ann.call(&format!("sip:bob@{};transport={transport}", baresip.address));
        ann.idle(Duration::from_millis(300));
        ann.hang_up(call);
    }
    baresip.command("message", "hello from baresip");
    assert_eq!(ann.message("text/plain"), "hello from baresip");
    let bob = format!("sip:bob@{}", baresip.address);
    assert_eq!(ann.send(&bob, "text/plain", "hello baresip"), 200);
}

fn server(algorithms: &[Algorithm]) -> SipServer {
    let mut config = SipServerConfig::new("club.example", "127.0.0.1:0".parse().unwrap());
    for user in ["ann", "bob"] {
        config = config.with_user(user, "secret");
    }
    SipServer::start(config.with_algorithms(algorithms.iter().copied())).unwrap()
}

fn registered(server: &SipServer, user: &str) {
    let wanted = ServerEvent::Registered { user: format!("{user}@club.example"), bindings: 1 };
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match server.events().recv_timeout(left) {
            Ok(event) if event == wanted => return,
            Ok(_) => {}
            Err(_) => panic!("{user} did not register"),
        }
    }
}

#[test]
fn baresip_registers_at_our_server_writes_and_calls_through_it() {
    // Version 1 gives up when there is any challenge but one of MD5.
    let server = server(&[Algorithm::Md5]);
    let at = server.address();
    let account = format!(
        "<sip:bob@club.example>;auth_user=bob;auth_pass=secret;outbound=\"sip:{at};transport=udp\";\
         regint=60;answermode=auto;audio_codecs=PCMU/8000/1"
    );
    let contact = "\"Ann\" <sip:ann@club.example>";
    let Some(mut baresip) = Baresip::start("baresip-registers", &account, contact) else {
        return skipped("baresip");
    };
    registered(&server, "bob");
    let via = Some(Target::Address(Transport::Udp, at));
    let mut ann = Ours::start("sip:ann@club.example", via, Some("secret"));
    ann.register();
    baresip.command("message", "hello from baresip");
    assert_eq!(ann.message("text/plain"), "hello from baresip");
    assert_eq!(ann.send("sip:bob@club.example", "text/plain", "hello bob"), 200);
    // Each calls the other, and each hangs up once: the BYE goes both ways.
    baresip.command("dial", "sip:ann@club.example");
    ann.take_call();
    baresip.command("hangup", "");
    ann.ended();
    let call = ann.call("sip:bob@club.example");
    ann.idle(Duration::from_millis(300));
    ann.hang_up(call);
    let _call = ann.call("sip:bob@club.example");
    ann.idle(Duration::from_millis(300));
    baresip.command("hangup", "");
    ann.ended();
    server.stop();
}

/// linphonec, and the words that are typed to it.
struct Linphone {
    _program: Running,
    typed: ChildStdin,
    log: PathBuf,
    address: SocketAddr,
}

impl Linphone {
    fn start(name: &str, account: &str) -> Option<Self> {
        let program = find("linphonec")?;
        let (home, address) = (directory(name), free_port());
        // It breaks down when this is not there.
        std::fs::create_dir_all(home.join(".local/share/linphone")).unwrap();
        let config = std::fs::read_to_string(peers("linphonerc")).unwrap();
        let config = config.replace("@PORT@", &address.port().to_string());
        let config = config.replace("@HOME@", home.to_str().unwrap()).replace("@ACCOUNT@", account);
        std::fs::write(home.join("linphonerc"), config).unwrap();
        let log = home.join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut child = Command::new(program)
            .args(["-a", "-c"])
            .arg(home.join("linphonerc"))
            .args(["-d", "0"])
            .env("HOME", &home)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let typed = child.stdin.take().unwrap();
        let linphone = Self { _program: Running(child), typed, log, address };
        let end = Instant::now() + Duration::from_secs(20);
        // It is there when its TCP port is.
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "linphonec does not listen: {}", linphone.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(linphone)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn type_line(&mut self, line: &str) {
        self.typed.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.typed.flush().unwrap();
    }
}

#[test]
fn linphone_calls_our_agent_and_is_called() {
    let mut ann = Ours::start("sip:ann@127.0.0.1", None, None);
    let Some(mut linphone) = Linphone::start("linphone-calls", "") else {
        return skipped("linphonec");
    };
    linphone.type_line(&format!("call sip:ann@{}", ann.address()));
    ann.take_call();
    linphone.type_line("terminate");
    ann.ended();
    for transport in ["udp", "tcp"] {
        let bob = format!("sip:bob@{};transport={transport}", linphone.address);
        let call = ann.call(&bob);
        ann.idle(Duration::from_millis(500));
        ann.hang_up(call);
    }
    // It drops the port of whom it writes to, so its own messages need a proxy: see below.
    let bob = format!("sip:bob@{}", linphone.address);
    assert!(matches!(ann.send(&bob, "text/plain", "hello linphone"), 200 | 202));
    linphone.type_line("quit");
}

#[test]
fn linphone_registers_at_our_server_writes_and_calls_through_it() {
    let server = server(&[Algorithm::Sha256, Algorithm::Md5]);
    let at = server.address();
    let account = format!(
        "[proxy_0]\nreg_proxy=<sip:{at};transport=udp>\nreg_route=<sip:{at};transport=udp;lr>\n\
         reg_identity=sip:bob@club.example\nreg_expires=60\nreg_sendregister=1\npublish=0\n\n\
         [auth_info_0]\nusername=bob\npasswd=secret\n"
    );
    let Some(mut linphone) = Linphone::start("linphone-registers", &account) else {
        return skipped("linphonec");
    };
    registered(&server, "bob");
    let via = Some(Target::Address(Transport::Udp, at));
    let mut ann = Ours::start("sip:ann@club.example", via, Some("secret"));
    ann.register();
    linphone.type_line("chat sip:ann@club.example hello from linphone");
    assert_eq!(ann.message("text/plain"), "hello from linphone");
    assert!(matches!(ann.send("sip:bob@club.example", "text/plain", "hello bob"), 200 | 202));
    linphone.type_line("call sip:ann@club.example");
    ann.take_call();
    linphone.type_line("terminate");
    ann.ended();
    let call = ann.call("sip:bob@club.example");
    ann.idle(Duration::from_millis(500));
    ann.hang_up(call);
    linphone.type_line("quit");
    server.stop();
}

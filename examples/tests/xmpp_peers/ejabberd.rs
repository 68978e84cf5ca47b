//! Our client on ejabberd.

use crate::common::{
    Dir, PATIENCE, User, certificate, extensions, find, free_port, resumes_after_a_cut,
};
use crate::prosody::talks_over_a_websocket;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xmpp_proto::client::Event;
use xmpp_proto::sasl::Mechanism;

/// ejabberd on free ports, with two accounts. It stops by its own command: what was started is
/// a script, and the server its grandchild.
struct Ejabberd {
    addr: SocketAddr,
    http: SocketAddr,
    ca: PathBuf,
    ctl: PathBuf,
    child: Child,
    dir: Dir,
}

fn command(ctl: &Path, dir: &Path) -> Command {
    let mut command = Command::new(ctl);
    command
        .arg("--config-dir")
        .arg(dir)
        .arg("--logs")
        .arg(dir.join("logs"))
        .arg("--spool")
        .arg(dir.join("spool"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Drop for Ejabberd {
    fn drop(&mut self) {
        drop(command(&self.ctl, &self.dir.0).arg("stop").status());
        drop(self.child.wait());
    }
}

fn ejabberd(name: &str) -> Option<Ejabberd> {
    let ctl = find("ejabberdctl")?;
    // Debian's runs as a user of its own, and only that user or root may start it.
    let root = Command::new("id").arg("-u").output().unwrap();
    if root.stdout.trim_ascii() != b"0" {
        println!("skipped: no such program: ejabberd for anybody but root");
        return None;
    }
    let dir = Dir::new(name);
    let (chain, key) = certificate(&dir)?;
    let pem = [std::fs::read(&chain).unwrap(), std::fs::read(&key).unwrap()].concat();
    std::fs::write(dir.0.join("both.pem"), pem).unwrap();
    for sub in ["logs", "spool"] {
        std::fs::create_dir_all(dir.0.join(sub)).unwrap();
    }
    let (port, http, dist) = (free_port(), free_port(), free_port());
    dir.file(
        "ejabberdctl.cfg",
        &format!("ERLANG_NODE=peer{dist}@localhost\nERL_DIST_PORT={dist}\n"),
    );
    dir.file("inetrc", "{lookup, [file, native]}.\n");
    dir.file(
        "ejabberd.yml",
        &format!(
            r#"hosts: [ "localhost" ]
loglevel: info
certfiles: [ "{dir}/both.pem" ]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
listen:
  - {{ port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, starttls_required: false, access: all, shaper: none }}
  - {{ port: {http}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {{ /ws: ejabberd_http_ws }} }}
modules:
  mod_disco: {{}}
  mod_carboncopy: {{}}
  mod_mam: {{ default: always, db_type: mnesia }}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_roster: {{ versioning: true }}
  mod_blocking: {{}}
  mod_privacy: {{}}
  mod_stream_mgmt: {{ resend_on_timeout: if_offline }}
  mod_version: {{}}
"#,
            dir = dir.0.display(),
        ),
    );
    let owned = Command::new("chown").arg("-R").arg("ejabberd:").arg(&dir.0).status().unwrap();
    assert!(owned.success());
    let child = command(&ctl, &dir.0).arg("foreground").spawn().unwrap();
    let ip = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let server = Ejabberd { addr: ip(port), http: ip(http), ca: chain, ctl, child, dir };
    let start = Instant::now();
    while [server.addr, server.http].iter().any(|addr| TcpStream::connect(addr).is_err()) {
        assert!(start.elapsed() < PATIENCE, "ejabberd does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    for user in ["alice", "bob"] {
        let mut register = command(&server.ctl, &server.dir.0);
        let made = register.args(["register", user, "localhost", "secret"]).status().unwrap();
        assert!(made.success(), "{user} is not registered");
    }
    Some(server)
}

/// One server for all of it: it takes seconds to start.
#[test]
fn our_client_on_ejabberd() {
    let Some(server) = ejabberd("ejabberd") else { return };
    for (mechanism, tls) in [
        (Mechanism::ScramSha256, false),
        (Mechanism::ScramSha256, true),
        // It offers -PLUS over TLS 1.3, too, and then binds to something else than RFC 9266.
        (Mechanism::Plain, true),
    ] {
        println!("{} tls={tls}", mechanism.name());
        let ca = tls.then_some(server.ca.as_path());
        let mut alice = User::connect(server.addr, "alice", mechanism, ca);
        let mut bob = User::connect(server.addr, "bob", mechanism, ca);
        alice.log_in();
        bob.log_in();
        alice.say("bob@localhost", "is <this> & that there?");
        let heard = bob.hear();
        assert_eq!(heard, ("alice@localhost/ours".into(), "is <this> & that there?".into()));
        bob.say(&heard.0, "yes \u{1f984}");
        assert_eq!(alice.hear(), ("bob@localhost/ours".into(), "yes \u{1f984}".into()));
        let now = alice.connection.now();
        alice.connection.machine.request_roster(now, None).unwrap();
        alice.until("roster", |event| matches!(event, Event::Roster { .. }).then_some(()));
        alice.close();
        bob.close();
    }
    println!("resumption");
    resumes_after_a_cut(server.addr);
    println!("websocket");
    talks_over_a_websocket(server.addr, server.http, "/ws");
    println!("extensions");
    // The archive remembers what was said above.
    extensions_of_fresh_users(&server);
}

fn extensions_of_fresh_users(server: &Ejabberd) {
    for user in ["alice", "bob"] {
        for verb in
            [&["unregister", user, "localhost"][..], &["register", user, "localhost", "secret"]]
        {
            assert!(command(&server.ctl, &server.dir.0).args(verb).status().unwrap().success());
        }
    }
    extensions(server.addr);
}

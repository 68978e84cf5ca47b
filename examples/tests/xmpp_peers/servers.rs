//! Servers of others, set up for one test each: all that these tests want of them is in one
//! configuration. What is not installed is said loudly.

use crate::common::{Dir, PATIENCE, Running, certificate, find, free_port};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What one test wants beyond the rest.
#[derive(Default)]
pub struct Setup<'a> {
    /// More modules, as in its configuration.
    pub modules: &'a str,
    /// More settings of TLS, from a semicolon on.
    pub tls: &'a str,
    /// Streams to and from other servers, with dialback.
    pub servers: bool,
    /// No TLS at all.
    pub in_clear: bool,
}

/// Prosody on free ports, with two accounts.
pub struct Prosody {
    pub addr: SocketAddr,
    pub direct_tls: SocketAddr,
    pub component: SocketAddr,
    pub http: SocketAddr,
    /// Where other servers come in, if they do.
    pub s2s: SocketAddr,
    pub ca: PathBuf,
    pub dir: Dir,
    _running: Running,
}

/// Starts one; `None` when it is not installed.
pub fn prosody(name: &str, setup: &Setup<'_>) -> Option<Prosody> {
    let (prosody, ctl) = (find("prosody")?, find("prosodyctl")?);
    let dir = Dir::new(name);
    let (chain, key) = certificate(&dir)?;
    let (port, component, http) = (free_port(), free_port(), free_port());
    let (direct, s2s) = (free_port(), free_port());
    let mut modules = setup.modules.to_string();
    let mut off = Vec::new();
    match setup.servers {
        true => modules.push_str(r#", "s2s", "dialback""#),
        false => off.push(r#""s2s""#),
    }
    if setup.in_clear {
        off.push(r#""tls""#);
    }
    let config = format!(
        r#"daemonize = false
run_as_root = true
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
certificates = "{dir}"
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ {direct} }}
s2s_ports = {{ {s2s} }}
s2s_direct_tls_ports = {{}}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {http} }}
http_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
https_ports = {{}}
consider_websocket_secure = true
consider_bosh_secure = true
bosh_max_inactivity = 20
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "offline", "posix", "smacks", "websocket", "bosh", {modules} }}
modules_disabled = {{ {off} }}
c2s_require_encryption = false
s2s_require_encryption = false
s2s_secure_auth = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
ssl = {{ key = "{key}"; certificate = "{chain}"{tls} }}
log = {{ debug = "{dir}/prosody.log" }}
VirtualHost "localhost"
Component "echo.localhost"
component_secret = "shared"
"#,
        dir = dir.0.display(),
        modules = modules.trim_start_matches(", "),
        off = off.join(", "),
        key = key.display(),
        chain = chain.display(),
        tls = setup.tls,
    );
    let config = dir.file("prosody.cfg.lua", &config);
    for user in ["alice", "bob"] {
        let made = Command::new(&ctl)
            .arg("--config")
            .arg(&config)
            .args(["register", user, "localhost", "secret"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    }
    let child = Command::new(prosody)
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let server = Prosody {
        addr: at(port),
        direct_tls: at(direct),
        component: at(component),
        http: at(http),
        s2s: at(s2s),
        ca: chain,
        dir,
        _running: Running(child),
    };
    let mut ports = vec![server.addr, server.direct_tls, server.component, server.http];
    ports.extend(setup.servers.then_some(server.s2s));
    let start = Instant::now();
    // They open one after the other.
    while ports.iter().any(|addr| TcpStream::connect(addr).is_err()) {
        assert!(start.elapsed() < PATIENCE, "Prosody does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

/// ejabberd on free ports, with two accounts. It stops by its own command: what was started is
/// a script, and the server its grandchild.
pub struct Ejabberd {
    pub addr: SocketAddr,
    /// TLS 1.2 from the first byte.
    pub direct_tls: SocketAddr,
    pub http: SocketAddr,
    pub component: SocketAddr,
    pub ca: PathBuf,
    ctl: PathBuf,
    child: Child,
    pub dir: Dir,
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

impl Ejabberd {
    /// Runs a command of its control program, which must succeed.
    pub fn control(&self, arguments: &[&str]) {
        let done = command(&self.ctl, &self.dir.0).args(arguments).status().unwrap();
        assert!(done.success(), "{arguments:?}");
    }
}

impl Drop for Ejabberd {
    fn drop(&mut self) {
        drop(command(&self.ctl, &self.dir.0).arg("stop").status());
        drop(self.child.wait());
    }
}

pub fn ejabberd(name: &str) -> Option<Ejabberd> {
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
    let (direct, component) = (free_port(), free_port());
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
  - {{ port: {direct}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, protocol_options: ["no_tlsv1_3"], access: all, shaper: none }}
  - {{ port: {http}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {{ /ws: ejabberd_http_ws, /bosh: mod_bosh }} }}
  - {{ port: {component}, ip: "127.0.0.1", module: ejabberd_service, access: all, hosts: {{ "echo.localhost": {{ password: "shared" }} }} }}
modules:
  mod_disco: {{}}
  mod_bosh: {{}}
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
    let server = Ejabberd {
        addr: ip(port),
        direct_tls: ip(direct),
        http: ip(http),
        component: ip(component),
        ca: chain,
        ctl,
        child,
        dir,
    };
    let start = Instant::now();
    while [server.addr, server.direct_tls, server.http, server.component]
        .iter()
        .any(|addr| TcpStream::connect(addr).is_err())
    {
        assert!(start.elapsed() < PATIENCE, "ejabberd does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    for user in ["alice", "bob"] {
        server.control(&["register", user, "localhost", "secret"]);
    }
    Some(server)
}

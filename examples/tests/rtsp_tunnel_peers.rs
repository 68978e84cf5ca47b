//! RTSP through HTTP with real programs at the other end, over loopback. A program that is not
//! there is said to be skipped, loudly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::rtsp_probe::{Options as ProbeOptions, Report, probe};
use examples::rtsp_server::{Options, RtspServer};
use examples::rtsp_tunnel::Relay;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Says what is skipped where the test harness does not hide it.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Runs a program to its end; `None` when it is not there.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped(&format!("no such program: {program}"));
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Our server behind our gate.
fn server() -> (RtspServer, Relay) {
    let server = RtspServer::start("127.0.0.1:0", Options::default()).unwrap();
    let relay = Relay::before_server("127.0.0.1:0", server.addr()).unwrap();
    (server, relay)
}

/// About 880 crossings of zero a second, as the tone has them.
fn assert_is_tone(pcm: &[u8]) {
    let samples: Vec<i16> =
        pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    assert!(samples.len() > 6_000, "{} samples", samples.len());
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let per_second = crossings * 8_000 / samples.len();
    assert!((800..=900).contains(&per_second), "{per_second} crossings a second");
}

#[test]
fn ffmpeg_plays_through_http() {
    let (_server, relay) = server();
    let url = format!("rtsp://{}/tone", relay.addr());
    let args = [
        "-nostdin",
        "-loglevel",
        "error",
        "-rtsp_transport",
        "http",
        "-i",
        &url,
        "-t",
        "1",
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        "8000",
        "-",
    ];
    let Some(output) = run("ffmpeg", &args) else { return };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg: {errors}");
    assert_is_tone(&output.stdout);
}

#[test]
fn ffmpeg_plays_plain_rtsp_on_the_same_port() {
    let (_server, relay) = server();
    let url = format!("rtsp://{}/tone", relay.addr());
    let args = [
        "-nostdin",
        "-loglevel",
        "error",
        "-rtsp_transport",
        "tcp",
        "-i",
        &url,
        "-t",
        "1",
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        "8000",
        "-",
    ];
    let Some(output) = run("ffmpeg", &args) else { return };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg: {errors}");
    assert_is_tone(&output.stdout);
}

/// What `rtspsrc` with these properties receives in about a second.
fn rtspsrc(name: &str, properties: &[&str]) -> Option<Vec<u8>> {
    run("gst-launch-1.0", &["--version"])?;
    let file = format!("rtsp-tunnel-peers-{}-{name}", std::process::id());
    let path = std::env::temp_dir().join(file);
    let sink = format!("location={}", path.display());
    let mut args = vec!["-s", "INT", "20", "gst-launch-1.0", "-q", "rtspsrc"];
    args.extend(properties);
    args.extend(["latency=0", "!", "rtppcmudepay", "!", "mulawdec", "!", "identity"]);
    args.extend(["eos-after=51", "!", "filesink", &sink]);
    let output = run("timeout", &args).unwrap();
    let pcm = std::fs::read(&path).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(pcm.len() >= 2 * 160 * 45, "{name}: {} bytes, {errors}", pcm.len());
    Some(pcm)
}

#[test]
fn gstreamer_plays_through_http() {
    let (_server, relay) = server();
    let location = format!("location=rtsph://{}/tone", relay.addr());
    if let Some(pcm) = rtspsrc("http", &[&location]) {
        assert_is_tone(&pcm);
    }
}

/// It pipelines SETUP and PLAY, and names the session by number.
#[test]
fn gstreamer_plays_version_2_with_pipelining() {
    let (server, _relay) = server();
    let location = format!("location=rtsp://{}/tone", server.addr());
    let properties = [&*location, "default-rtsp-version=2-0", "protocols=tcp"];
    if let Some(pcm) = rtspsrc("version-2", &properties) {
        assert_is_tone(&pcm);
    }
}

/// A gst-rtsp-server that ends with the test.
struct GstServer {
    child: Child,
    port: u16,
}

impl GstServer {
    /// `None` when Python or the library is not there.
    fn start() -> Option<Self> {
        // The library is bound to the system's Python.
        let python = "/usr/bin/python3";
        let check = "import gi; gi.require_version('GstRtspServer', '1.0')";
        if !run(python, &["-c", check])?.status.success() {
            skipped("no such program: gst-rtsp-server (gir1.2-gst-rtsp-server-1.0)");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/gst_rtsp_server.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Self { child, port })
    }
}

impl Drop for GstServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Our probe through our end of a tunnel to `server`.
fn probe_through(server: SocketAddr) -> Report {
    let relay = Relay::before_client("127.0.0.1:0", server).unwrap();
    let mut options = ProbeOptions::new(format!("rtsp://{}/tone", relay.addr()));
    options.udp = false;
    options.duration = Duration::from_secs(1);
    probe(&options).unwrap_or_else(|error| panic!("{error}"))
}

fn assert_played(report: &Report) {
    assert!(report.sdp.contains("PCMU/8000"), "{report}");
    let [stream] = &report.streams[..] else { panic!("{report}") };
    assert!(stream.bytes > 4_000 && stream.lost == 0, "{report}");
}

#[test]
fn our_client_plays_from_gstreamer_through_http() {
    let Some(server) = GstServer::start() else { return };
    assert_played(&probe_through(SocketAddr::from(([127, 0, 0, 1], server.port))));
}

#[test]
fn our_client_plays_from_our_server_through_http() {
    let (_server, relay) = server();
    assert_played(&probe_through(relay.addr()));
}

#[test]
fn our_client_plays_from_our_server_through_websocket() {
    let (_server, relay) = server();
    assert_played(&probe_websocket(relay.addr()));
}

/// Our probe through our end of a WebSocket connection to `server`.
fn probe_websocket(server: SocketAddr) -> Report {
    let relay = Relay::before_websocket("127.0.0.1:0", server).unwrap();
    let mut options = ProbeOptions::new(format!("rtsp://{}/tone", relay.addr()));
    options.udp = false;
    options.duration = Duration::from_secs(1);
    probe(&options).unwrap_or_else(|error| panic!("{error}"))
}

/// The Python in whose environment the peers are installed, with a script that uses the library
/// `websockets`.
fn websockets(args: &[&str]) -> Command {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers-venv/bin/python");
    let python = if std::path::Path::new(venv).exists() { venv } else { "python3" };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/rtsp_websockets.py");
    let mut command = Command::new(python);
    command.arg(script).args(args);
    command
}

/// It looks into each WebSocket message for exactly one RTSP message or one frame, and sends its own
/// in fragments.
#[test]
fn a_player_over_websockets_plays_from_our_server() {
    let (_server, relay) = server();
    let url = format!("ws://{}/rtsp-over-websocket", relay.addr());
    let output = websockets(&["play", &url, &format!("rtsp://{}/tone", relay.addr())]).output();
    let Ok(output) = output else { return skipped("no such program: python3") };
    if output.status.code() == Some(77) {
        return skipped("no such program: websockets (PyPI)");
    }
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    assert_eq!(said.trim(), "OPTIONS 200, DESCRIBE 200, SETUP 200, PLAY 200, TEARDOWN 200; tone");
}

/// WebSocket on one side of it, plain RTSP on the other.
#[test]
fn our_client_plays_through_a_server_over_websockets() {
    let rtsp = RtspServer::start("127.0.0.1:0", Options::default()).unwrap();
    let spawned = websockets(&["serve", &rtsp.addr().port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else { return skipped("no such program: python3") };
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let played = line
        .trim()
        .parse()
        .ok()
        .map(|port: u16| probe_websocket(SocketAddr::from(([127, 0, 0, 1], port))));
    drop(child.stdin.take());
    let status = child.wait().unwrap();
    if status.code() == Some(77) {
        return skipped("no such program: websockets (PyPI)");
    }
    assert_played(&played.unwrap());
    assert!(status.success(), "each message was one message or frame: {status}");
}

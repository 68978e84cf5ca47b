//! Real players on our server, and our probe on a real server, over loopback. A program that
//! is not there is said to be skipped, loudly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::rtsp_probe::{Options as ProbeOptions, ProbeError, Report, probe};
use examples::rtsp_server::{Gate, Options, RtspServer, Scheme, Viewer};
use rtsp_proto::StatusCode;
use rtsp_proto::client::Settled;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
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

fn server(options: Options) -> RtspServer {
    RtspServer::start("127.0.0.1:0", options).unwrap()
}

fn with_auth(scheme: Scheme) -> Options {
    let mut options = Options::default();
    options.path = "/tone".into();
    options.auth = Some((scheme, "alice".into(), "secret".into()));
    options
}

/// One second of sound as signed 16-bit samples, decoded by ffmpeg.
fn ffmpeg(url: &str, transport: &str) -> Option<Vec<u8>> {
    let args = [
        "-nostdin",
        "-loglevel",
        "error",
        "-rtsp_transport",
        transport,
        "-i",
        url,
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
    let output = run("ffmpeg", &args)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg {transport}: {errors}");
    Some(output.stdout)
}

/// The tone: 8,000 samples a second of a sine with a peak near 8,000 and 880 crossings of zero.
fn assert_is_tone(pcm: &[u8]) {
    let samples: Vec<i16> =
        pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    assert!((7_000..=9_000).contains(&samples.len()), "{} samples", samples.len());
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!((7_000..9_000).contains(&peak), "peak {peak}");
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let per_second = crossings * 8_000 / samples.len();
    assert!((800..=900).contains(&per_second), "{per_second} crossings a second");
}

#[test]
fn ffmpeg_plays_over_tcp_and_udp() {
    let server = server(Options::default());
    let url = format!("rtsp://{}/tone", server.addr());
    for transport in ["tcp", "udp"] {
        let Some(pcm) = ffmpeg(&url, transport) else { return };
        assert_is_tone(&pcm);
    }
    server.stop();
}

#[test]
fn ffmpeg_says_who_it_is() {
    for scheme in [Scheme::Basic, Scheme::Digest] {
        let server = server(with_auth(scheme));
        let addr = server.addr();
        let Some(pcm) = ffmpeg(&format!("rtsp://alice:secret@{addr}/tone"), "tcp") else { return };
        assert_is_tone(&pcm);
        let wrong = format!("rtsp://alice:wrong@{addr}/tone");
        let output = run("ffmpeg", &["-nostdin", "-i", &wrong, "-f", "null", "-"]).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains("401"), "{scheme:?}: {errors}");
    }
}

#[test]
fn gstreamer_plays_over_tcp_and_udp() {
    let plain = server(Options::default());
    let guarded = server(with_auth(Scheme::Digest));
    let plain_url = format!("location=rtsp://{}/tone", plain.addr());
    let guarded_url = format!("location=rtsp://alice:secret@{}/tone", guarded.addr());
    for (name, url, protocols) in [
        ("tcp", &plain_url, "protocols=tcp"),
        ("udp", &plain_url, "protocols=udp"),
        ("digest", &guarded_url, "protocols=tcp"),
    ] {
        let path = std::env::temp_dir().join(format!("rtsp-peers-{}-{name}", std::process::id()));
        let sink = format!("location={}", path.display());
        let args = [
            "-q",
            "rtspsrc",
            url,
            protocols,
            "latency=0",
            "!",
            "rtppcmudepay",
            "!",
            "mulawdec",
            "!",
            "identity",
            "eos-after=51",
            "!",
            "filesink",
            &sink,
        ];
        let mut timeout = vec!["-s", "INT", "60", "gst-launch-1.0"];
        timeout.extend(args);
        if run("gst-launch-1.0", &["--version"]).is_none() {
            return;
        }
        let output = run("timeout", &timeout).unwrap();
        let pcm = std::fs::read(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(pcm.len() >= 2 * 160 * 45, "{name}: {} bytes, {errors}", pcm.len());
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
    fn start(auth: Option<&str>) -> Option<Self> {
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
            .args(auth)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Self { child, port })
    }

    fn probe(&self, user: Option<&str>, udp: bool) -> Result<Report, ProbeError> {
        let mut options = ProbeOptions::new(format!("rtsp://127.0.0.1:{}/tone", self.port));
        options.user = user.map(|user| (user.to_owned(), "secret".to_owned()));
        options.udp = udp;
        options.duration = Duration::from_secs(1);
        probe(&options)
    }
}

impl Drop for GstServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn assert_played(report: &Report, udp: bool) {
    assert!(report.public.contains("DESCRIBE"), "{report}");
    assert!(report.sdp.contains("PCMU/8000"), "{report}");
    let [stream] = &report.streams[..] else { panic!("{report}") };
    assert_eq!(matches!(stream.settled, Settled::Udp { .. }), udp, "{report}");
    assert!(stream.packets >= 3 && stream.lost == 0, "{report}");
    // A second of PCMU is 8,000 bytes; servers start late, none sends twice as much.
    assert!((2_000..20_000).contains(&stream.bytes), "{report}");
}

#[test]
fn the_probe_plays_from_gst_rtsp_server() {
    let Some(server) = GstServer::start(None) else { return };
    for udp in [false, true] {
        assert_played(&server.probe(None, udp).unwrap(), udp);
    }
}

#[test]
fn the_probe_says_who_it_is() {
    for scheme in ["basic", "digest"] {
        let Some(server) = GstServer::start(Some(scheme)) else { return };
        assert_played(&server.probe(Some("alice"), false).unwrap(), false);
        for nobody in [None, Some("mallory")] {
            let refused = server.probe(nobody, false);
            let Err(ProbeError::Status(_, status)) = refused else { panic!("{refused:?}") };
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{scheme}");
        }
    }
}

/// A gate that lets one viewer in, and writes down what happens.
#[derive(Default)]
struct Door(Mutex<Vec<String>>);

impl Gate for Door {
    fn may_play(&self, viewer: &Viewer) -> Result<(), StatusCode> {
        let mut log = self.0.lock().unwrap();
        log.push(format!("may {}?", viewer.user.as_deref().unwrap()));
        if viewer.url.contains("broke") { Err(StatusCode::PAYMENT_REQUIRED) } else { Ok(()) }
    }

    fn ended(&self, viewer: &Viewer, played: Duration) {
        let mut log = self.0.lock().unwrap();
        let enough = played >= Duration::from_millis(500);
        log.push(format!("{} ended, {enough}", viewer.user.as_deref().unwrap()));
    }
}

/// No other program: our probe on our server, with the hooks that the club uses.
#[test]
fn the_probe_plays_from_the_server_when_the_gate_lets_it() {
    let door = Arc::new(Door::default());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let mut options = with_auth(Scheme::Digest);
    options.gate = Some(door.clone());
    let seen = lines.clone();
    options.observer = Some(Arc::new(move |way, _who, message| {
        let line = message.lines().next().unwrap_or_default();
        seen.lock().unwrap().push(format!("{way:?} {line}"));
    }));
    let server = server(options);
    for udp in [false, true] {
        let url = format!("rtsp://alice:secret@{}/tone", server.addr());
        let mut options = ProbeOptions::new(url);
        options.udp = udp;
        options.duration = Duration::from_millis(700);
        assert_played(&probe(&options).unwrap(), udp);
    }
    let url = format!("rtsp://alice:secret@{}/tone?broke", server.addr());
    let refused = probe(&ProbeOptions::new(url));
    let Err(ProbeError::Status("PLAY", status)) = refused else { panic!("{refused:?}") };
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
    let nowhere = probe(&ProbeOptions::new(format!("rtsp://{}/other", server.addr())));
    let Err(ProbeError::Status("DESCRIBE", status)) = nowhere else { panic!("{nowhere:?}") };
    assert_eq!(status, StatusCode::NOT_FOUND);
    server.stop();
    let log = door.0.lock().unwrap().join(", ");
    assert_eq!(
        log,
        "may alice?, alice ended, true, may alice?, alice ended, true, may alice?, alice ended, false"
    );
    let lines = lines.lock().unwrap();
    for expected in ["ToClub PLAY rtsp://", "FromClub RTSP/1.0 200 OK", "FromClub $ channel 0"] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:?}");
    }
}

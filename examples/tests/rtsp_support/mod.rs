//! What the tests of RTSP hosts share: media made here, our file server, real programs.

#![allow(dead_code, reason = "each test uses a part")]

use examples::media::{Track, wav::Wav};
use examples::rtsp_serve::{Options, serve};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Says what is skipped where the test harness does not hide it.
pub fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Runs a program to its end; `None` when it is not there.
pub fn run(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped(&format!("no such program: {program}"));
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// A program that runs beside the test until its input ends.
pub struct Peer {
    child: Child,
    /// The first line that it wrote.
    pub said: String,
}

impl Peer {
    /// `None` when the program, or what it says it needs (exit status 77), is not there.
    pub fn start(command: &mut Command) -> Option<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                skipped(&format!("no such program: {program}"));
                return None;
            }
            Err(error) => panic!("{program}: {error}"),
        };
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said = said.trim().to_owned();
        if let Some(missing) = said.strip_prefix("no ") {
            skipped(&format!("no such program: {missing}"));
            let _ = child.wait();
            return None;
        }
        Some(Self { child, said })
    }

    /// gst-rtsp-server; `None` when Python or the library is not there.
    pub fn gst_server(args: &[&str]) -> Option<Self> {
        // The library is bound to the system's Python.
        let python = "/usr/bin/python3";
        let check = "import gi; gi.require_version('GstRtspServer', '1.0')";
        if !run(python, &["-c", check])?.status.success() {
            skipped("no such program: gst-rtsp-server (gir1.2-gst-rtsp-server-1.0)");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/gst_rtsp_server.py");
        Self::start(Command::new(python).arg(script).args(args))
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python in whose environment the peers are installed.
pub fn python() -> Command {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers-venv/bin/python");
    Command::new(if std::path::Path::new(venv).exists() { venv } else { "python3" })
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A directory that goes with the test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rtsp-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A second of a tone of 440 Hz: WAV, 8,000 samples of 16 bits.
pub fn sound() -> Vec<u8> {
    sound_of(1)
}

/// So many seconds of it.
pub fn sound_of(seconds: u32) -> Vec<u8> {
    let mut file = Wav::header(examples::media::Encoding::L16, 8_000, 1, seconds * 16_000);
    for n in 0..seconds * 8_000 {
        let angle = f64::from(n) * 440.0 / 8_000.0 * std::f64::consts::TAU;
        file.extend_from_slice(&((angle.sin() * 8_000.0) as i16).to_le_bytes());
    }
    file
}

/// The same as µ-law.
pub fn speech() -> Vec<u8> {
    let wav = sound();
    let mut file = Wav::header(examples::media::Encoding::Pcmu, 8_000, 1, 8_000);
    file.extend(
        wav[44..]
            .chunks_exact(2)
            .map(|s| examples::rtsp_media::mu_law(i16::from_le_bytes([s[0], s[1]]))),
    );
    file
}

/// About 880 crossings of zero a second, as the tone has them, in samples of 16 bits.
pub fn assert_is_tone(pcm: &[u8], seconds: std::ops::Range<f64>) {
    let samples: Vec<i16> =
        pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let length = samples.len() as f64 / 8_000.0;
    assert!(seconds.contains(&length), "{length} s");
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let per_second = crossings as f64 / length;
    assert!((790.0..=900.0).contains(&per_second), "{per_second} crossings a second");
}

/// So many pictures, the first and each tenth a key: no decoder would show them, but they
/// have the shape of H.264. Keys need several packets.
pub fn film(pictures: u8) -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..pictures {
        let is_key = number % 10 == 0;
        if is_key {
            stream.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0a, 0xb4]);
            stream.extend_from_slice(&[0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80 | number]);
        }
        stream.extend_from_slice(&[0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }, 0x88]);
        let len = if is_key { 5_000 } else { 300 };
        stream.extend((1..=251).cycle().skip(usize::from(number)).take(len));
    }
    stream
}

/// Our file server, with a runtime of its own; ends with the test.
pub struct FileServer {
    pub addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl FileServer {
    pub fn start(files: &[(&str, &[u8])], change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::default();
        for (path, file) in files {
            options.files.insert((*path).to_owned(), Arc::new(Self::track(file)));
        }
        change(&mut options);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, options));
        Self { addr, runtime: Some(runtime) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("rtsp://{}{path}", self.addr)
    }

    pub fn tracks(files: &[&[u8]]) -> Vec<Track> {
        files.iter().map(|file| Self::track(file)).collect()
    }

    fn track(file: &[u8]) -> Track {
        if file.starts_with(b"RIFF") {
            Track::sound(&Wav::parse(file).unwrap())
        } else {
            Track::video(file, 25)
        }
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

//! What the tests of RTSP hosts share: media made here, our file server, real programs.

#![allow(dead_code, reason = "each test uses a part")]

use examples::media::{Track, wav::Wav};
use examples::rtsp_serve::{Options, serve};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
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
    let mut file = Wav::header(examples::media::Encoding::L16, 8_000, 1, 16_000);
    for n in 0..8_000_u32 {
        let angle = f64::from(n) * 440.0 / 8_000.0 * std::f64::consts::TAU;
        file.extend_from_slice(&((angle.sin() * 8_000.0) as i16).to_le_bytes());
    }
    file
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

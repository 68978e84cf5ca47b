//! Real programs as players and publishers of the file server, and our publisher at real
//! servers, over loopback. A program that is not there is said to be skipped, loudly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod rtsp_support;

use examples::media::{Sink, h264};
use examples::rtsp_guard::Scheme;
use examples::rtsp_probe::{Options as PlayOptions, ProbeError, Report, Use, play};
use examples::rtsp_publish::{Options as PublishOptions, publish};
use rtsp_proto::{StatusCode, Version};
use rtsp_support::{
    FileServer, Peer, Scratch, assert_is_tone, free_port, run, skipped, sound, sound_of, speech,
};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Two seconds of H.264 that decoders take, ten pictures each, and what of it is pictures.
fn film(scratch: &Scratch) -> Option<Vec<u8>> {
    let path = scratch.path("film.h264");
    let to = path.to_str().unwrap();
    let made = run(
        "ffmpeg",
        &args(
            "-nostdin -loglevel error -f lavfi -i testsrc=size=160x120:rate=10 -t 2 -c:v libx264 \
               -preset ultrafast -g 10 -pix_fmt yuv420p -f h264",
            &[to],
        ),
    )?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(std::fs::read(path).unwrap())
}

/// Arguments as in a shell, without its quotes.
fn args<'a>(words: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    words.split_whitespace().chain(more.iter().copied()).collect()
}

/// The slices of a stream of Annex B.
fn slices(stream: &[u8]) -> Vec<Vec<u8>> {
    let is_slice = |unit: &&[u8]| matches!(h264::kind(unit), 1..=5);
    h264::units(stream).filter(is_slice).map(<[u8]>::to_vec).collect()
}

/// Plays `url` until it ends, as soon as it is there, and records every stream.
fn record(scratch: &Scratch, url: &str, udp: bool) -> (Report, Vec<Vec<u8>>) {
    let mut options = PlayOptions::new(url);
    options.udp = udp;
    options.duration = Duration::from_secs(10);
    for _ in 0..200 {
        let mut paths = Vec::new();
        let played = play(&options, &mut |media| {
            paths.push(scratch.path(&format!("recorded-{}", media.kind())));
            Ok(Use::Record(Sink::create(media, paths.last().unwrap())?))
        });
        match played {
            Ok(report) => {
                let files = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
                return (report, files);
            }
            Err(ProbeError::Status("DESCRIBE", StatusCode::NOT_FOUND)) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => panic!("{url}: {error}"),
        }
    }
    panic!("{url}: nobody publishes there");
}

/// Ends a program with the test.
struct Running(Child);

impl Running {
    fn start(program: &str, args: &[&str]) -> Option<Self> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => Some(Self(child)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                skipped(&format!("no such program: {program}"));
                None
            }
            Err(error) => panic!("{program}: {error}"),
        }
    }

    /// What it complained about, when it failed.
    fn end(mut self) -> Result<(), String> {
        let mut errors = String::new();
        let mut pipe = self.0.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut pipe, &mut errors).unwrap();
        if self.0.wait().unwrap().success() { Ok(()) } else { Err(errors) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ffmpeg_plays_files_to_their_end() {
    let scratch = Scratch::new("ffmpeg-plays");
    let Some(film) = film(&scratch) else { return };
    let speech = speech();
    let sound = sound();
    let files = [("/film.h264", &film[..]), ("/a.wav", &speech), ("/b.wav", &sound)];
    let server = FileServer::start(&files, |_| {});
    let to = scratch.path("got");
    let to = to.to_str().unwrap();
    for transport in ["tcp", "udp"] {
        let get = |path: &str, format: &str| {
            let url = server.url(path);
            let before = format!(
                "-nostdin -y -loglevel error -rtsp_transport {transport} -i {url} {format}"
            );
            let output = run("timeout", &args(&format!("20 ffmpeg {before}"), &[to])).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{transport} {path}: {errors}");
            std::fs::read(to).unwrap()
        };
        assert!(slices(&get("/film.h264", "-c copy -f h264")) == slices(&film), "{transport}");
        assert_is_tone(&get("/a.wav", "-f s16le"), 0.95..1.05);
        assert_is_tone(&get("/b.wav", "-f s16le"), 0.95..1.05);
    }
}

#[test]
fn gstreamer_plays_files_to_their_end() {
    let scratch = Scratch::new("gst-plays");
    if run("gst-launch-1.0", &["--version"]).is_none() {
        return;
    }
    let Some(film) = film(&scratch) else { return };
    let sound = sound();
    let server = FileServer::start(&[("/film.h264", &film), ("/b.wav", &sound)], |_| {});
    let to = scratch.path("got");
    let to = to.to_str().unwrap();
    for transport in ["tcp", "udp", "tcp default-rtsp-version=2-0"] {
        let get = |path: &str, pipeline: &str| {
            let url = server.url(path);
            let before = format!(
                "20 gst-launch-1.0 -q rtspsrc location={url} latency=0 protocols={transport}"
            );
            let line = format!("{before} ! {pipeline} ! filesink location={to}");
            let output = run("timeout", &args(&line, &[])).unwrap();
            // Sometimes it complains that it cannot pause what has ended: what counts is
            // what it got.
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            (std::fs::read(to).unwrap_or_default(), errors)
        };
        let (got, errors) =
            get("/film.h264", "rtph264depay ! video/x-h264,stream-format=byte-stream");
        // Its jitter buffer drops what comes late on a busy machine.
        let (all, got) = (slices(&film), slices(&got));
        let known = got.iter().filter(|slice| all.contains(slice)).count();
        assert!(known == got.len() && known >= 15, "{transport}: {known}, {errors}");
        let (got, errors) = get("/b.wav", "rtpL16depay ! audioconvert ! audio/x-raw,format=S16LE");
        assert!(got.len() > 14_000, "{transport}: {} bytes, {errors}", got.len());
        assert_is_tone(&got, 0.9..1.05);
    }
}

#[test]
fn ffmpeg_publishes() {
    let scratch = Scratch::new("ffmpeg-pushes");
    let Some(film) = film(&scratch) else { return };
    let server = FileServer::start(&[], |options| options.publish = true);
    let path = scratch.path("film.h264");
    for (transport, udp) in [("tcp", false), ("udp", true)] {
        let url = server.url(&format!("/live/{transport}"));
        let line = format!(
            "-nostdin -loglevel error -re -r 10 -i {} -f lavfi -re -i sine=frequency=440:sample_rate=8000 \
             -t 2 -c:v copy -c:a pcm_mulaw -f rtsp -rtsp_transport {transport} {url}",
            path.display()
        );
        let Some(pusher) = Running::start("ffmpeg", &args(&line, &[])) else { return };
        let (report, files) = record(&scratch, &url, udp);
        pusher.end().unwrap();
        let [video, audio] = &report.streams[..] else { panic!("{report}") };
        assert!(video.ended && video.lost == 0 && audio.lost == 0, "{transport}: {report}");
        let (all, got) = (slices(&film), slices(&files[0]));
        // Nobody was there at the beginning; from a key on all is there.
        assert!(got.len() >= 5 && all.ends_with(&got), "{transport}: {} slices", got.len());
        let decoded = decode(&scratch, &files[1]);
        assert_is_tone(&decoded, 0.5..2.1);
    }
}

/// µ-law in a WAV file as samples of 16 bits, by ffmpeg.
fn decode(scratch: &Scratch, wav: &[u8]) -> Vec<u8> {
    let from = scratch.write("decode.wav", wav);
    let line = format!("-nostdin -loglevel error -i {from} -f s16le -");
    run("ffmpeg", &args(&line, &[])).unwrap().stdout
}

#[test]
fn gstreamer_publishes() {
    let scratch = Scratch::new("gst-pushes");
    let has = run("gst-inspect-1.0", &["rtspclientsink"]);
    if has.is_none_or(|has| !has.status.success()) {
        return skipped("no such program: rtspclientsink (gstreamer1.0-rtsp)");
    }
    let server = FileServer::start(&[], |options| {
        options.publish = true;
        options.user = Some((Scheme::Digest, "alice".into(), "secret".into()));
    });
    for (transport, udp) in [("tcp", false), ("udp", true)] {
        let url = format!("rtsp://alice:secret@{}/live/{transport}", server.addr);
        let line = format!(
            "20 gst-launch-1.0 -q audiotestsrc is-live=true num-buffers=100 samplesperbuffer=160 freq=440 ! \
             audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtspclientsink location={url} protocols={transport}"
        );
        let Some(_pusher) = Running::start("timeout", &args(&line, &[])) else { return };
        let (report, files) = record(&scratch, &url, udp);
        let [stream] = &report.streams[..] else { panic!("{report}") };
        assert!(stream.ended && stream.lost == 0, "{transport}: {report}");
        assert_is_tone(&decode(&scratch, &files[0]), 0.5..2.1);
    }
}

#[test]
fn our_publisher_records_into_gst_rtsp_server() {
    let scratch = Scratch::new("gst-record");
    let to = scratch.path("got.raw");
    let speech = speech();
    for udp in [false, true] {
        let Some(server) = Peer::gst_server(&["none", to.to_str().unwrap()]) else { return };
        let url = format!("rtsp://127.0.0.1:{}/record", server.said);
        let mut options = PublishOptions::new(url, FileServer::tracks(&[&speech]));
        options.udp = udp;
        let sent = publish(&options).unwrap_or_else(|error| panic!("udp {udp}: {error}"));
        assert_eq!(sent, 50);
        drop(server);
        // It may leave out what came while it got ready.
        assert_is_tone(&std::fs::read(&to).unwrap(), 0.6..1.1);
    }
}

/// The description goes out again with the credentials, as Basic and as Digest.
#[test]
fn our_publisher_says_who_it_is_to_gst_rtsp_server() {
    let scratch = Scratch::new("gst-record-auth");
    let to = scratch.path("got.raw");
    let speech = speech();
    for scheme in ["basic", "digest"] {
        let Some(server) = Peer::gst_server(&[scheme, to.to_str().unwrap()]) else { return };
        let url = format!("rtsp://127.0.0.1:{}/record", server.said);
        let mut options = PublishOptions::new(url, FileServer::tracks(&[&speech]));
        let refused = publish(&options);
        let Err(ProbeError::Status("ANNOUNCE", StatusCode::UNAUTHORIZED)) = refused else {
            panic!("{scheme}: {refused:?}")
        };
        options.user = Some(("alice".into(), "secret".into()));
        let sent = publish(&options).unwrap_or_else(|error| panic!("{scheme}: {error}"));
        assert_eq!(sent, 50);
        drop(server);
        assert_is_tone(&std::fs::read(&to).unwrap(), 0.6..1.1);
    }
}

/// On the control connection: it knows nothing of `dest_addr`, by which 2.0 asks for UDP.
#[test]
fn our_client_plays_version_2_from_gst_rtsp_server() {
    let Some(server) = Peer::gst_server(&[]) else { return };
    let mut options = PlayOptions::new(format!("rtsp://127.0.0.1:{}/tone", server.said));
    options.version = Version::V2_0;
    options.duration = Duration::from_secs(1);
    let report = examples::rtsp_probe::probe(&options).unwrap_or_else(|error| panic!("{error}"));
    let [stream] = &report.streams[..] else { panic!("{report}") };
    assert!(stream.bytes > 2_000 && stream.lost == 0, "{report}");
}

/// And from our own file server, with the same file as in 1.0.
#[test]
fn our_client_plays_version_2_from_our_server() {
    let speech = speech();
    let server = FileServer::start(&[("/a.wav", &speech)], |_| {});
    let mut options = PlayOptions::new(server.url("/a.wav"));
    options.version = Version::V2_0;
    let report = examples::rtsp_probe::probe(&options).unwrap();
    assert!(report.streams[0].ended && report.streams[0].packets == 50, "{report}");
}

#[test]
fn our_publisher_records_into_ffmpeg() {
    let scratch = Scratch::new("ffmpeg-listens");
    let to = scratch.path("got.raw");
    let speech = speech();
    for udp in [false, true] {
        let url = format!("rtsp://127.0.0.1:{}/live", free_port());
        let line =
            format!("20 ffmpeg -nostdin -y -loglevel error -rtsp_flags listen -i {url} -f s16le");
        let Some(listener) = Running::start("timeout", &args(&line, &[to.to_str().unwrap()]))
        else {
            return;
        };
        let mut options = PublishOptions::new(&url, FileServer::tracks(&[&speech]));
        options.udp = udp;
        // It takes a moment until it listens.
        let sent = (0..200).find_map(|_| match publish(&options) {
            Err(ProbeError::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                std::thread::sleep(Duration::from_millis(25));
                None
            }
            other => Some(other),
        });
        assert_eq!(sent.unwrap().unwrap_or_else(|error| panic!("udp {udp}: {error}")), 50);
        listener.end().unwrap_or_else(|error| panic!("udp {udp}: {error}"));
        assert_is_tone(&std::fs::read(&to).unwrap(), 0.5..1.1);
    }
}

/// live555 asks our server, and our client asks live555: both in one.
#[test]
fn live555_relays() {
    let server =
        examples::rtsp_server::RtspServer::start("127.0.0.1:0", Default::default()).unwrap();
    let url = format!("rtsp://{}/tone", server.addr());
    let port = free_port().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/rtsp_live555.py");
    let mut python = rtsp_support::python();
    let Some(peer) = Peer::start(python.args([script, &url, &port])) else { return };
    for udp in [false, true] {
        let mut options = PlayOptions::new(&peer.said);
        options.udp = udp;
        options.duration = Duration::from_secs(1);
        // It describes nothing before it has asked itself.
        let report = (0..100).find_map(|_| match examples::rtsp_probe::probe(&options) {
            Ok(report) => Some(report),
            Err(_) => {
                std::thread::sleep(Duration::from_millis(100));
                None
            }
        });
        let report = report.expect("live555 serves");
        let [stream] = &report.streams[..] else { panic!("{report}") };
        assert!(report.sdp.contains("LIVE555") && report.sdp.contains("PCMU/8000"), "{report}");
        // It puts more than one of our packets into one of its own.
        assert!(stream.bytes > 4_000 && stream.lost == 0, "udp {udp}: {report}");
    }
}

#[test]
fn aiortsp_plays_with_digest() {
    let speech = speech();
    let server = FileServer::start(&[("/a.wav", &speech)], |options| {
        options.user = Some((Scheme::Digest, "alice".into(), "secret".into()));
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/rtsp_aiortsp.py");
    let url = format!("rtsp://alice:secret@{}/a.wav", server.addr);
    let output = match rtsp_support::python().args([script, &url]).output() {
        Ok(output) => output,
        Err(error) => return skipped(&format!("no such program: python3 ({error})")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        return skipped("no such program: aiortsp (PyPI)");
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said} {errors}");
    assert_eq!(said.trim(), format!("sizes{}", " 160".repeat(20)), "{errors}");
}

/// VLC runs as anybody but root, serves over UDP only, and says `Cseq:`.
#[test]
fn our_client_plays_from_vlc() {
    let scratch = Scratch::new("vlc");
    let file = scratch.write("a.wav", &sound_of(20));
    let url = format!("rtsp://127.0.0.1:{}/test", free_port());
    let sout = format!("#transcode{{acodec=ulaw,samplerate=8000,channels=1}}:rtp{{sdp={url}}}");
    // No `timeout` or shell before it: what is ended must be VLC itself, not its parent.
    let mut line = Vec::new();
    let is_root = run("id", &["-u"]).is_some_and(|id| id.stdout.starts_with(b"0"));
    if is_root {
        line.extend(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    if run("cvlc", &["--version"]).is_none() {
        return;
    }
    line.extend(["cvlc", "-I", "dummy", "-q", "--loop", &file, "--sout", &sout, "--sout-keep"]);
    let Some(_vlc) = Running::start(line[0], &line[1..]) else { return };
    let mut options = PlayOptions::new(url);
    options.udp = true;
    options.duration = Duration::from_secs(1);
    let mut last = None;
    for _ in 0..100 {
        match examples::rtsp_probe::probe(&options) {
            Ok(report) => {
                let [stream] = &report.streams[..] else { panic!("{report}") };
                assert!(report.server.as_deref().unwrap().contains("VLC"), "{report}");
                if stream.packets >= 10 {
                    return;
                }
                // It describes before it has something to send.
                last = Some(report.to_string());
            }
            Err(error) => last = Some(error.to_string()),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{}", last.unwrap());
}

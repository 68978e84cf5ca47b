//! The file server with our own recorder and publisher, over loopback. Other programs are in
//! `rtsp_serve_peers.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod rtsp_support;

use examples::rtsp_guard::Scheme;
use examples::rtsp_probe::{Options as PlayOptions, ProbeError, Report, Use, play, probe};
use examples::rtsp_publish::{Options as PublishOptions, publish};
use rtsp_proto::StatusCode;
use rtsp_support::{FileServer, Scratch, film, sound};
use std::process::Command;
use std::time::Duration;

/// Plays a stream for five seconds at most and records it.
fn record(scratch: &Scratch, url: &str, udp: bool, from: Duration) -> (Report, Vec<u8>) {
    let path = scratch.path(if udp { "udp" } else { "tcp" });
    let mut options = PlayOptions::new(url);
    options.udp = udp;
    options.from = from;
    options.duration = Duration::from_secs(5);
    let report =
        play(&options, &mut |media| Ok(Use::Record(examples::media::Sink::create(media, &path)?)));
    (report.unwrap_or_else(|error| panic!("{url}: {error}")), std::fs::read(&path).unwrap())
}

#[test]
fn files_arrive_as_they_are() {
    let scratch = Scratch::new("files");
    let (sound, film) = (sound(), film(10));
    let server = FileServer::start(&[("/a.wav", &sound), ("/b.h264", &film)], |_| {});
    for udp in [false, true] {
        let (report, got) = record(&scratch, &server.url("/a.wav"), udp, Duration::ZERO);
        assert!(got == sound, "udp {udp}: {} bytes of {}\n{report}", got.len(), sound.len());
        let [stream] = &report.streams[..] else { panic!("{report}") };
        assert!(stream.ended && stream.lost == 0 && stream.reports >= 2, "{report}");
        let (report, got) = record(&scratch, &server.url("/b.h264"), udp, Duration::ZERO);
        // The parameters of the description stand before those of the stream.
        assert!(got.ends_with(&film), "udp {udp}: {} of {}\n{report}", got.len(), film.len());
    }
}

#[test]
fn playing_begins_where_it_is_asked_to() {
    let scratch = Scratch::new("seek");
    let sound = sound();
    let server = FileServer::start(&[("/a.wav", &sound)], |_| {});
    let (report, got) = record(&scratch, &server.url("/a.wav"), false, Duration::from_millis(600));
    // 8,000 samples of two bytes a second.
    assert!(got[44..] == sound[44 + 9_600..], "{} bytes\n{report}", got.len());
    let mut options = PlayOptions::new(server.url("/a.wav"));
    options.from = Duration::from_secs(77);
    let Err(ProbeError::Status("PLAY", status)) = probe(&options) else { panic!("no such time") };
    assert_eq!(status, StatusCode::INVALID_RANGE);
}

#[test]
fn what_one_client_publishes_others_play() {
    let scratch = Scratch::new("publish");
    let (sound, film) = (sound(), film(25));
    let server = FileServer::start(&[("/a.wav", &sound)], |options| options.publish = true);
    for udp in [false, true] {
        let url = server.url("/live/one");
        let mut options = PublishOptions::new(&url, FileServer::tracks(&[&film, &sound]));
        options.udp = udp;
        let publisher = std::thread::spawn(move || publish(&options));
        // Until it is there; then the rest of it.
        let mut options = PlayOptions::new(&url);
        options.udp = udp;
        options.duration = Duration::from_secs(5);
        let (report, files) = loop {
            let mut files = Vec::new();
            let played = play(&options, &mut |media| {
                files.push(scratch.path(media.kind()));
                let sink = examples::media::Sink::create(media, files.last().unwrap())?;
                Ok(Use::Record(sink))
            });
            match played {
                Ok(report) => break (report, files),
                Err(ProbeError::Status("DESCRIBE", StatusCode::NOT_FOUND)) => {
                    assert!(!publisher.is_finished(), "{:?}", publisher.join());
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert!(publisher.join().unwrap().unwrap() > 50);
        let [video, audio] = &report.streams[..] else { panic!("{report}") };
        assert!(video.ended && audio.ended, "{report}");
        assert!((video.lost, audio.lost) == (0, 0) && audio.packets > 10, "{report}");
        let got = std::fs::read(&files[1]).unwrap();
        assert!(sound.ends_with(&got[44..]), "{} bytes of {}", got.len(), sound.len());
        let got = std::fs::read(&files[0]).unwrap();
        assert!(film.ends_with(&got[got.len() - 100..]), "{} bytes of {}", got.len(), film.len());
    }
}

#[test]
fn a_path_belongs_to_whoever_has_it() {
    let sound = sound();
    let server = FileServer::start(&[("/a.wav", &sound)], |options| options.publish = true);
    let tracks = FileServer::tracks(&[&sound]);
    let refused = publish(&PublishOptions::new(server.url("/a.wav"), tracks.clone()));
    let Err(ProbeError::Status("ANNOUNCE", StatusCode::FORBIDDEN)) = refused else {
        panic!("{refused:?}")
    };
    let closed = FileServer::start(&[("/a.wav", &sound)], |_| {});
    let refused = publish(&PublishOptions::new(closed.url("/live"), tracks));
    let Err(ProbeError::Status("ANNOUNCE", StatusCode::METHOD_NOT_ALLOWED)) = refused else {
        panic!("{refused:?}")
    };
    let nowhere = probe(&PlayOptions::new(server.url("/live")));
    let Err(ProbeError::Status("DESCRIBE", StatusCode::NOT_FOUND)) = nowhere else {
        panic!("{nowhere:?}")
    };
}

#[test]
fn publishers_and_viewers_say_who_they_are() {
    let sound = sound();
    let server = FileServer::start(&[("/a.wav", &sound)], |options| {
        options.publish = true;
        options.user = Some((Scheme::Digest, "alice".into(), "secret".into()));
    });
    let tracks = FileServer::tracks(&[&sound]);
    let mut options = PublishOptions::new(server.url("/live"), tracks);
    let refused = publish(&options);
    let Err(ProbeError::Status("ANNOUNCE", StatusCode::UNAUTHORIZED)) = refused else {
        panic!("{refused:?}")
    };
    // The description goes out again with the credentials.
    options.user = Some(("alice".into(), "secret".into()));
    assert!(publish(&options).unwrap() >= 50);
    let mut options = PlayOptions::new(server.url("/a.wav"));
    options.user = Some(("alice".into(), "wrong".into()));
    options.duration = Duration::from_millis(300);
    let Err(ProbeError::Status(_, StatusCode::UNAUTHORIZED)) = probe(&options) else {
        panic!("a wrong password")
    };
    options.user = Some(("alice".into(), "secret".into()));
    assert!(probe(&options).unwrap().streams[0].packets > 5);
}

/// The programs themselves: help, wrong usage, files that are none, and one whole recording.
#[test]
fn the_programs_say_what_they_want() {
    let scratch = Scratch::new("programs");
    let programs = [
        env!("CARGO_BIN_EXE_rtsp_serve"),
        env!("CARGO_BIN_EXE_rtsp_record"),
        env!("CARGO_BIN_EXE_rtsp_publish"),
    ];
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    for program in programs {
        let (code, text) = run(program, &["--help"]);
        assert!(code == 0 && text.contains("usage: rtsp_"), "{text}");
        for wrong in [&["--nonsense"][..], &["--user", "nopassword", "x", "y"], &["--user"]] {
            let (code, text) = run(program, wrong);
            assert!(code == 2 && text.contains("usage: rtsp_"), "{program} {wrong:?}: {text}");
        }
    }
    let text = scratch.write("text.txt", b"no media");
    for args in [&["no/such/file"][..], &[&text]] {
        let (code, said) = run(programs[0], args);
        assert!(code == 1 && said.contains(args[0]), "{said}");
    }
    let (code, said) = run(programs[0], &["--listen", "nowhere:1"]);
    assert!(code == 1 && said.contains("cannot listen on nowhere:1"), "{said}");
    let sound = sound();
    let server = FileServer::start(&[("/a.wav", &sound)], |options| options.publish = true);
    let recording = scratch.path("recording");
    let (code, said) = run(programs[1], &[&server.url("/a.wav"), recording.to_str().unwrap()]);
    assert!(code == 0 && said.contains("recording.wav: 50 packets, 0 lost"), "{said}");
    assert!(std::fs::read(recording.with_extension("wav")).unwrap() == sound);
    let (code, said) = run(programs[1], &[&server.url("/none"), "x"]);
    assert!(code == 1 && said.contains("404"), "{said}");
    let wav = scratch.write("sound.wav", &sound);
    let (code, said) = run(programs[2], &["--udp", &server.url("/live"), &wav]);
    assert!(code == 0 && said.contains("50 packets"), "{said}");
}

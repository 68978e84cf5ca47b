//! The club as a visitor sees it: the program itself, its exit status and what it prints.
#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn club() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_club"));
    command.stdin(Stdio::null());
    command
}

/// A directory of this test run, empty.
fn data(name: &str) -> PathBuf {
    let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if data.exists() {
        std::fs::remove_dir_all(&data).unwrap();
    }
    data
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_evening_goes_well_and_so_does_the_next() {
    let data = data("club-evenings");
    for evening in 1..=2 {
        let output = club().arg("--data").arg(&data).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "evening {evening}: {text}");
        for rung in [
            "──▶ club  REGISTER sip:club.example SIP/2.0",
            "◀── club  RTSP/1.0 401 Unauthorized",
            "◀── club  $ channel 0",
            "mechanism='SCRAM-SHA-512'",
            "ok     I1   postings sum to zero for each asset",
            "reopened: the same balances",
            "killed by SIGKILL after 20 acknowledgements",
            "All went well.",
        ] {
            assert!(text.contains(rung), "evening {evening} lacks {rung}: {text}");
        }
        assert!(!text.contains("BROKEN"), "{text}");
        assert!(!text.contains("white-rabbit"), "a password was shown: {text}");
    }
}

#[test]
fn wrong_usage_says_so() {
    for arguments in [&["--frobnicate"][..], &["--rtsp"], &["--sip", "nowhere"]] {
        let output = club().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output).contains("usage: club"), "{arguments:?}");
    }
    let help = club().arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn a_data_directory_that_cannot_be_made_is_an_error_not_a_panic() {
    let output = club().args(["--data", "/dev/null/club"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output).contains("panicked"), "{}", text(&output));
}

#[test]
fn an_open_house_can_be_watched() {
    let any = "127.0.0.1:0";
    let mut house = club()
        .args(["--serve", "--rtsp", any, "--xmpp", any, "--sip", any, "--data"])
        .arg(data("club-open"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(house.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.trim().strip_prefix("RTSP  ").map(str::to_owned));
    let probe = Command::new(env!("CARGO_BIN_EXE_rtsp_probe"))
        .args([&url.unwrap(), "--user", "ann:white-rabbit", "--seconds", "1"])
        .output()
        .unwrap();
    house.kill().unwrap();
    house.wait().unwrap();
    assert_eq!(probe.status.code(), Some(0), "{}", text(&probe));
    assert!(text(&probe).contains("PCMU"), "{}", text(&probe));
}

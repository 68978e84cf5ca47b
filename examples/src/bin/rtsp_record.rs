//! `rtsp_record URL FILE`: writes what a stream sends to files.

use examples::media::{Encoding, Sink};
use examples::rtsp_probe::{Options, Use, play};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
Plays an RTSP stream and writes what comes to files: H.264 as Annex B, sound as WAV.

usage: rtsp_record [OPTIONS] URL [FILE]

  FILE              where to write to (recording): video gets the extension .h264 and sound
                    .wav; a FILE that has one of them takes only that
  --udp             media over UDP instead of the control connection
  --user NAME:PASS  for servers that ask (or put it into the URL); Digest and Basic
  --from SECONDS    where to begin (0)
  --seconds N       how long to record (3600); a stream that ends earlier ends it
  --help            this text

exit status: 0 something was recorded, 1 it was not, 2 wrong usage
";

fn main() -> ExitCode {
    let (options, file) = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("rtsp_record: {wrong}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    let recorded = play(&options, &mut |media| {
        let Some((_, encoding)) = Sink::encoding(media) else {
            eprintln!("rtsp_record: {}: neither H264, L16, PCMU nor PCMA; skipped", media.kind());
            return Ok(Use::Skip);
        };
        let path = path_for(&file, encoding);
        // A second stream of a kind has no file of its own.
        if path.as_ref().is_none_or(|path| paths.contains(path)) {
            return Ok(Use::Skip);
        }
        let path = path.unwrap_or_default();
        let sink = Sink::create(media, &path)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        paths.push(path);
        Ok(Use::Record(sink))
    });
    match recorded {
        Ok(report) => {
            for (path, stream) in paths.iter().zip(&report.streams) {
                let (packets, lost) = (stream.packets, stream.lost);
                println!("{}: {packets} packets, {lost} lost", path.display());
            }
            if report.streams.iter().any(|stream| stream.packets > 0) {
                return ExitCode::SUCCESS;
            }
            eprintln!("rtsp_record: nothing came");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("rtsp_record: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The file for a stream of `encoding`; `None` when `file` is for the other kind.
fn path_for(file: &Path, encoding: Encoding) -> Option<PathBuf> {
    let given = file.extension().and_then(|extension| extension.to_str());
    match given {
        Some("wav" | "h264" | "264") => {
            (given == Some("wav")).eq(&(encoding.extension() == "wav")).then(|| file.to_path_buf())
        }
        _ => {
            let mut path = file.as_os_str().to_owned();
            path.push(".");
            path.push(encoding.extension());
            Some(path.into())
        }
    }
}

fn arguments() -> Result<Option<(Options, PathBuf)>, String> {
    let mut args = std::env::args().skip(1);
    let (mut options, mut file) = (Options::new(""), None);
    options.duration = Duration::from_secs(3_600);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let seconds = |value: Result<String, String>| {
            let number = value?.parse().ok().and_then(|n| Duration::try_from_secs_f64(n).ok());
            number.ok_or(format!("{arg} needs a number"))
        };
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--udp" => options.udp = true,
            "--user" => {
                let value = value()?;
                let (user, password) = value.split_once(':').ok_or("--user needs NAME:PASS")?;
                options.user = Some((user.to_owned(), password.to_owned()));
            }
            "--from" => options.from = seconds(value())?,
            "--seconds" => options.duration = seconds(value())?,
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
            _ if options.url.is_empty() => options.url = arg,
            _ if file.is_none() => file = Some(PathBuf::from(arg)),
            _ => return Err("more than one URL and one FILE".to_owned()),
        }
    }
    let file = file.unwrap_or_else(|| PathBuf::from("recording"));
    if options.url.is_empty() { Err("no URL".to_owned()) } else { Ok(Some((options, file))) }
}

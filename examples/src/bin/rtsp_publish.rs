//! `rtsp_publish URL FILE..`: sends files to an RTSP server.

use examples::media::Track;
use examples::rtsp_publish::{Options, publish};
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Publishes files at an RTSP server, with ANNOUNCE and RECORD, in real time, once.

usage: rtsp_publish [OPTIONS] URL FILE..

  FILE              WAV (16-bit PCM, mu-law, A-law) or H.264 (Annex B): one stream each
  --fps N           pictures per second of the H.264 files that follow (25)
  --udp             media over UDP instead of the control connection
  --user NAME:PASS  for servers that ask (or put it into the URL); Digest and Basic
  --help            this text

exit status: 0 all was sent, 1 it was not, 2 wrong usage
";

fn main() -> ExitCode {
    let options = match arguments() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err((code, wrong)) => {
            eprintln!("rtsp_publish: {wrong}");
            if code == 2 {
                eprintln!("\n{HELP}");
            }
            return ExitCode::from(code);
        }
    };
    match publish(&options) {
        Ok(packets) => {
            println!("{packets} packets");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rtsp_publish: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Option<Options>, (u8, String)> {
    let wrong = |what: &str| (2, what.to_owned());
    let mut args = std::env::args().skip(1);
    let (mut options, mut pictures, mut files) = (Options::new("", Vec::new()), 25, Vec::new());
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or((2, format!("{arg} needs a value")));
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--udp" => options.udp = true,
            "--fps" => {
                let number = value()?.parse().ok().filter(|n| (1..=1_000).contains(n));
                pictures = number.ok_or(wrong("--fps needs a number from 1 to 1000"))?;
            }
            "--user" => {
                let value = value()?;
                let pair = value.split_once(':').ok_or(wrong("--user needs NAME:PASS"))?;
                options.user = Some((pair.0.to_owned(), pair.1.to_owned()));
            }
            _ if arg.starts_with('-') => return Err((2, format!("unknown option {arg}"))),
            _ if options.url.is_empty() => options.url = arg,
            _ => files.push((arg, pictures)),
        }
    }
    if files.is_empty() {
        return Err(wrong("a URL and a FILE are needed"));
    }
    for (file, pictures) in files {
        let track = Track::open(Path::new(&file), pictures);
        options.tracks.push(track.map_err(|error| (1, format!("{file}: {error}")))?);
    }
    Ok(Some(options))
}

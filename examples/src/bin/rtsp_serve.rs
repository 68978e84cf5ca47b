//! `rtsp_serve FILE..`: serves files by RTSP, and lets others publish.

use examples::media::Track;
use examples::rtsp_guard::Scheme;
use examples::rtsp_serve::{Options, serve};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

const HELP: &str = "\
Serves files by RTSP 1.0 and 2.0, over TCP and UDP, and lets clients publish what others play.

usage: rtsp_serve [OPTIONS] [FILE..]

  FILE              WAV (16-bit PCM, mu-law, A-law) or H.264 (Annex B, as ffmpeg writes it to
                    x.h264); played at rtsp://ADDRESS/NAME, where NAME is the file's name
  --listen ADDRESS  where to listen (127.0.0.1:8554); 0.0.0.0:8554 for the whole network
  --fps N           pictures per second of the H.264 files that follow (25)
  --loop            begin files again at their end
  --user NAME:PASS  ask everybody for this name and password
  --auth SCHEME     by `digest` (unless said otherwise) or by `basic`
  --no-publish      refuse ANNOUNCE and RECORD
  --help            this text

Publish: ffmpeg -re -i x.mp4 -c copy -f rtsp rtsp://127.0.0.1:8554/live
Play:    ffplay rtsp://127.0.0.1:8554/live

exit status: 1 a file cannot be read or the address not be bound, 2 wrong usage
";

struct Arguments {
    listen: String,
    options: Options,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err((code, wrong)) => {
            eprintln!("rtsp_serve: {wrong}");
            if code == 2 {
                eprintln!("\n{HELP}");
            }
            return ExitCode::from(code);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtsp_serve: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(Arguments { listen, options }: Arguments) -> std::io::Result<()> {
    let listener = TcpListener::bind(&listen).await;
    let listener = listener
        .map_err(|error| std::io::Error::other(format!("cannot listen on {listen}: {error}")))?;
    let addr = listener.local_addr()?;
    for (path, track) in &options.files {
        println!(
            "rtsp://{addr}{path}  {}, {:.1} s",
            track.encoding,
            track.duration().as_secs_f64()
        );
    }
    if options.publish {
        println!("rtsp://{addr}/..  for whoever publishes there first");
    }
    serve(listener, options).await
}

fn arguments() -> Result<Option<Arguments>, (u8, String)> {
    let wrong = |what: &str| (2, what.to_owned());
    let mut args = std::env::args().skip(1);
    let (mut listen, mut options) = ("127.0.0.1:8554".to_owned(), Options::default());
    let (mut pictures, mut files) = (25, Vec::new());
    let mut scheme = Scheme::Digest;
    options.publish = true;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or((2, format!("{arg} needs a value")));
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => listen = value()?,
            "--fps" => {
                let number = value()?.parse().ok().filter(|n| (1..=1_000).contains(n));
                pictures = number.ok_or(wrong("--fps needs a number from 1 to 1000"))?;
            }
            "--loop" => options.repeat = true,
            "--no-publish" => options.publish = false,
            "--user" => {
                let value = value()?;
                let pair = value.split_once(':').ok_or(wrong("--user needs NAME:PASS"))?;
                options.user = Some((scheme, pair.0.to_owned(), pair.1.to_owned()));
            }
            "--auth" => {
                scheme = match value()?.as_str() {
                    "basic" => Scheme::Basic,
                    "digest" => Scheme::Digest,
                    _ => return Err(wrong("--auth needs basic or digest")),
                };
            }
            _ if arg.starts_with('-') => return Err((2, format!("unknown option {arg}"))),
            _ => files.push((arg, pictures)),
        }
    }
    options.user.iter_mut().for_each(|user| user.0 = scheme);
    // Only now: what is wrong with the usage comes before what is wrong with a file.
    for (file, pictures) in files {
        let path = Path::new(&file);
        let track = Track::open(path, pictures).map_err(|error| (1, format!("{file}: {error}")))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What cannot stand in a URL is percent-encoded by players too.
        let name: String = name.bytes().map(encoded).collect();
        if options.files.insert(format!("/{name}"), Arc::new(track)).is_some() {
            return Err((2, format!("two files with the name {name}")));
        }
    }
    if options.files.is_empty() && !options.publish {
        return Err(wrong("no file, and nobody may publish"));
    }
    Ok(Some(Arguments { listen, options }))
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

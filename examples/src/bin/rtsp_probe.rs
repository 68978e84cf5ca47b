//! `rtsp_probe URL`: plays a stream for a while and says what came.

use examples::rtsp_probe::{Options, probe};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
Plays an RTSP stream for a while and says what came: description and packet counts.

usage: rtsp_probe [OPTIONS] URL

  --udp             media over UDP instead of the control connection
  --v2              try RTSP 2.0; servers that know only 1.0 are asked again
  --user NAME:PASS  for servers that ask (or put it into the URL); Digest and Basic
  --seconds N       how long to play (3)
  --help            this text

Follows redirections, to other servers too; those get no name and password.

exit status: 0 packets of every stream came, 1 they did not, 2 wrong usage
";

fn main() -> ExitCode {
    let options = match arguments() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("rtsp_probe: {wrong}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match probe(&options) {
        Ok(report) => {
            print!("{report}");
            if report.streams.iter().all(|stream| stream.packets > 0) {
                ExitCode::SUCCESS
            } else {
                eprintln!("rtsp_probe: a stream without packets");
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("rtsp_probe: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Option<Options>, String> {
    let mut args = std::env::args().skip(1);
    let mut options = Options::new("");
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--udp" => options.udp = true,
            "--v2" => options.version = rtsp_proto::Version::V2_0,
            "--user" => {
                let value = value()?;
                let (user, password) = value.split_once(':').ok_or("--user needs NAME:PASS")?;
                options.user = Some((user.to_owned(), password.to_owned()));
            }
            "--seconds" => {
                let seconds = value()?.parse().map_err(|_| "--seconds needs a number")?;
                options.duration = Duration::from_secs(seconds);
            }
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
            _ if options.url.is_empty() => options.url = arg,
            _ => return Err("more than one URL".to_owned()),
        }
    }
    if options.url.is_empty() { Err("no URL".to_owned()) } else { Ok(Some(options)) }
}

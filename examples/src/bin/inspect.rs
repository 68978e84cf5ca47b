//! `inspect rtsp|sip|xmpp|journal FILE...`: what a parser sees in a file.

use examples::inspect::{Line, Options, journal, rtsp, sip, xmpp};
use std::io::{self, Read, Write};
use std::process::ExitCode;

const HELP: &str = "\
What a parser sees in a file: one line per message, stanza or record.

usage: inspect rtsp|sip|xmpp|journal [OPTIONS] FILE...     (FILE - is standard input)

  --strict       refuse what is tolerated by default
  --json         one JSON object per line instead of text
  --stream       the file is a byte stream (default)
  --datagram     each file is one datagram (sip)
  --chunk N      feed N bytes at a time; the lines stay the same
  --help         this text

An RTSP file may be one direction of an HTTP tunnel or of a WebSocket: what it carries is shown,
with offsets of the file.

Text shows offset, kind and start line; then a line per header or attribute with the value
as its type has it (=>), quirks in parentheses, errors behind an exclamation mark.

JSON objects have these members:
  file     the name that was given
  offset   where it begins, in bytes
  kind     request response frame keep-alive stream message presence iq element record error;
           http websocket garbage: around RTSP
  start    start line, or element name
  fields   [{name, value, typed?, error?}] in order; typed is the value as its type has it
  quirks   [name] what was tolerated
  body     bytes of body or payload, or null
  error    {kind, offset} or null

exit status: 0 all was accepted, 1 something was refused, 2 wrong usage or unreadable file
";

type Inspect = fn(&[u8], &Options, &mut dyn FnMut(Line));

struct Arguments {
    inspect: Inspect,
    options: Options,
    json: bool,
    files: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse(&arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("inspect: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::from(1),
        Ok(false) => ExitCode::SUCCESS,
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inspect: {error}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let (mut options, mut json, mut files, mut inspect) =
        (Options::default(), false, Vec::new(), None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--strict" => options.strict = true,
            "--json" => json = true,
            "--stream" => options.datagram = false,
            "--datagram" => options.datagram = true,
            "--chunk" => {
                let n = arguments.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                options.chunk = Some(n.ok_or("--chunk takes a number of bytes, at least 1")?);
            }
            option if option.len() > 1 && option.starts_with('-') => {
                return Err(format!("unknown option {option}"));
            }
            protocol if inspect.is_none() => {
                inspect = Some(match protocol {
                    "rtsp" => rtsp::inspect as Inspect,
                    "sip" => sip::inspect,
                    "xmpp" => xmpp::inspect,
                    "journal" => journal::inspect,
                    _ => return Err(format!("unknown protocol {protocol}")),
                });
            }
            file => files.push(file.to_owned()),
        }
    }
    let inspect = inspect.ok_or("which protocol?")?;
    if files.is_empty() {
        return Err("which file?".to_owned());
    }
    Ok(Arguments { inspect, options, json, files })
}

/// Whether something was refused.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let mut refused = false;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in &arguments.files {
        let input = read(file).map_err(|e| io::Error::new(e.kind(), format!("{file}: {e}")))?;
        let mut written = Ok(());
        (arguments.inspect)(&input, &arguments.options, &mut |line| {
            refused |= line.is_refused();
            if written.is_ok() {
                written = if arguments.json {
                    let mut object = line.to_json();
                    object["file"] = file.as_str().into();
                    writeln!(out, "{object}")
                } else {
                    writeln!(out, "{}", line.to_text())
                };
            }
        });
        written?;
    }
    out.flush()?;
    Ok(refused)
}

fn read(file: &str) -> io::Result<Vec<u8>> {
    if file == "-" {
        let mut input = Vec::new();
        io::stdin().lock().read_to_end(&mut input)?;
        return Ok(input);
    }
    std::fs::read(file)
}

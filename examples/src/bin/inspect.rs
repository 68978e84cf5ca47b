//! `inspect rtsp|sip|xmpp|journal|pcap FILE...`: what a parser sees in a file.

use examples::inspect::pcap::{self, Capture};
use examples::inspect::{Line, Options, journal, rtsp, sip, xmpp};
use std::io::{self, IsTerminal as _, Read, Write};
use std::process::ExitCode;

const HELP: &str = "\
What a parser sees in a file: one line per message, stanza or record.

usage: inspect rtsp|sip|xmpp|journal [OPTIONS] FILE...     (FILE - is standard input)
       inspect pcap [--html PAGE] [OPTIONS] FILE           the dialogues in a capture

  --strict       refuse what is tolerated by default
  --json         one JSON object per line instead of text
  --stream       the file is a byte stream (default)
  --datagram     each file is one datagram (sip)
  --chunk N      feed N bytes at a time; the lines stay the same
  --html PAGE    write the dialogues of a capture to this file, as a page for a browser
  --help         this text

A capture is pcap or pcapng: the dialogues of RTSP, SIP and XMPP in it are found by what they
look like, over UDP and TCP, and shown as ladders with times.

An RTSP file may be one direction of an HTTP tunnel or of a WebSocket, a SIP file one of a
WebSocket: what it carries is shown, with offsets of the file. A body of SIP that can be read is a
field with the name (body): session descriptions, CPIM, typing notices, receipts.

Text shows offset, kind and start line; then a line per header or attribute with the value
as its type has it (=>), quirks in parentheses, errors behind an exclamation mark.

JSON objects have these members:
  file     the name that was given
  offset   where it begins, in bytes
  kind     request response frame keep-alive stream message presence iq sasl sm bosh element record error;
           http websocket garbage: around RTSP and SIP; stun: between messages of SIP;
           tls: what follows is encrypted
  start    start line, or element name
  fields   [{name, value, typed?, error?}] in order; typed is the value as its type has it
  quirks   [name] what was tolerated
  body     bytes of body or payload, or null
  error    {kind, offset} or null
of a capture also: dialogue (a number), protocol, time (nanoseconds since 1970), from, to

exit status: 0 all was accepted, 1 something was refused, 2 wrong usage or unreadable file
";

/// Captures that are larger show how far they are read.
const PROGRESS_MIN: u64 = 16 << 20;

type Inspect = fn(&[u8], &Options, &mut dyn FnMut(Line));

struct Arguments {
    /// `None`: the files are captures.
    inspect: Option<Inspect>,
    options: Options,
    json: bool,
    html: Option<String>,
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
    let mut html = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--strict" => options.strict = true,
            "--json" => json = true,
            "--stream" => options.datagram = false,
            "--datagram" => options.datagram = true,
            "--html" => html = Some(arguments.next().ok_or("--html takes a file")?.to_owned()),
            "--chunk" => {
                let n = arguments.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                options.chunk = Some(n.ok_or("--chunk takes a number of bytes, at least 1")?);
            }
            option if option.len() > 1 && option.starts_with('-') => {
                return Err(format!("unknown option {option}"));
            }
            protocol if inspect.is_none() => {
                let known: Option<Inspect> = match protocol {
                    "rtsp" => Some(rtsp::inspect),
                    "sip" => Some(sip::inspect),
                    "xmpp" => Some(xmpp::inspect),
                    "journal" => Some(journal::inspect),
                    "pcap" => None,
                    _ => return Err(format!("unknown protocol {protocol}")),
                };
                inspect = Some(known);
            }
            file => files.push(file.to_owned()),
        }
    }
    let inspect = inspect.ok_or("which protocol?")?;
    if files.is_empty() {
        return Err("which file?".to_owned());
    }
    if html.is_some() && (inspect.is_some() || files.len() > 1) {
        return Err("--html is for one capture".to_owned());
    }
    Ok(Arguments { inspect, options, json, html, files })
}

/// Whether something was refused.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let mut refused = false;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in &arguments.files {
        let Some(inspect) = arguments.inspect else {
            let capture = capture(file, &arguments.options)?;
            refused |= capture.is_refused();
            if let Some(page) = &arguments.html {
                let name = std::path::Path::new(file).file_name().unwrap_or_default();
                std::fs::write(page, pcap::page::of(&name.to_string_lossy(), &capture))?;
                writeln!(out, "{}", pcap::text::summary(&capture))?;
            } else if arguments.json {
                write_json(&mut out, file, &capture)?;
            } else {
                write!(out, "{}", pcap::text::of(&capture))?;
            }
            continue;
        };
        let input = read(file).map_err(|e| io::Error::new(e.kind(), format!("{file}: {e}")))?;
        let mut written = Ok(());
        inspect(&input, &arguments.options, &mut |line| {
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

/// Reads a capture; how far it is stands on the terminal meanwhile, if that takes a while.
fn capture(file: &str, options: &Options) -> io::Result<Capture> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{file}: {e}"));
    let limits = pcap::Limits::default();
    if file == "-" {
        return pcap::read(io::stdin(), options, &limits, &mut |_| {}).map_err(named);
    }
    let input = std::fs::File::open(file).map_err(named)?;
    let len = input.metadata().map_err(named)?.len().max(1);
    let is_shown = io::stderr().is_terminal() && len > PROGRESS_MIN;
    let mut shown = 0;
    let capture = pcap::read(input, options, &limits, &mut |position| {
        let percent = position.saturating_mul(100) / len;
        if is_shown && percent > shown {
            shown = percent;
            let bar = "#".repeat(usize::try_from(percent / 2).unwrap_or(50));
            eprint!("\r[{bar:<50}] {percent:>3} %");
        }
    });
    if shown > 0 {
        eprint!("\r{:60}\r", "");
    }
    capture.map_err(named)
}

fn write_json(out: &mut impl Write, file: &str, capture: &Capture) -> io::Result<()> {
    for (number, dialogue) in capture.dialogues.iter().enumerate() {
        for step in &dialogue.steps {
            let (client, server) = (dialogue.client, dialogue.server);
            let (from, to) = if step.forth { (client, server) } else { (server, client) };
            let mut object = step.line.to_json();
            object["file"] = file.into();
            object["dialogue"] = number.into();
            object["protocol"] = dialogue.protocol.to_string().into();
            object["time"] = step.time.into();
            object["from"] = from.to_string().into();
            object["to"] = to.to_string().into();
            writeln!(out, "{object}")?;
        }
    }
    Ok(())
}

fn read(file: &str) -> io::Result<Vec<u8>> {
    if file == "-" {
        let mut input = Vec::new();
        io::stdin().lock().read_to_end(&mut input)?;
        return Ok(input);
    }
    std::fs::read(file)
}

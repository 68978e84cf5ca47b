//! `xmpp_chat`: logs in, prints what arrives, sends each line of standard input.

use examples::certificates;
use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use proto_wire::Clock;
use std::io::BufRead as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;
use xmpp_proto::client::{Client, ClientConfig, CloseReason, Event, Input, TlsPolicy};
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder, StanzaBuf};

const HELP: &str = "\
Logs in to an XMPP server, prints what arrives and sends each line of standard input.

usage: xmpp_chat [OPTIONS] ACCOUNT[/RESOURCE] [RECIPIENT]

  --password TEXT   the password (or the variable XMPP_PASSWORD)
  --server ADDR     host:port to connect to (default: the account's domain, port 5222)
  --ca FILE         STARTTLS, trusting the certificates in this PEM file
  --plaintext       no TLS: for a server on this machine
  --for SECONDS     stay so long after the end of the input (default 1)
  --help            this text

Lines that begin with `/to ADDRESS` change the recipient. Ends with the input.
exit status: 0 all went well, 1 the server or the connection did not, 2 wrong usage
";

struct Arguments {
    jid: Jid,
    to: Option<Jid>,
    password: String,
    server: String,
    ca: Option<PathBuf>,
    stay: Duration,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse(&arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("xmpp_chat: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(CloseReason::Local) => ExitCode::SUCCESS,
        Ok(why) => {
            eprintln!("xmpp_chat: {why}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xmpp_chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<CloseReason, Failure> {
    let tls = match &arguments.ca {
        Some(_) => TlsPolicy::Required,
        None => TlsPolicy::Never,
    };
    let config = ClientConfig::new(arguments.jid.clone())
        .with_password(Secret::new(arguments.password.as_str()))
        .with_tls(tls);
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(config), seed());
    let socket = TcpStream::connect(&arguments.server)?;
    let mut connection = Connection::new(socket, client, clock)?;
    let lines = read_lines();
    let mut to = arguments.to.clone();
    let mut leave_at = None;
    loop {
        let now = connection.now();
        if connection.machine.is_ready() && leave_at.is_none() {
            if !send_lines(&mut connection, &lines, &mut to)? {
                leave_at = Some(now.saturating_add(arguments.stay));
            }
        } else if leave_at.is_some_and(|at| at <= now) && connection.machine.is_ready() {
            connection.machine.close(now)?;
        }
        let until = now.saturating_add(Duration::from_millis(10));
        let event = match connection.next_event_until(until)? {
            Next::Event(event) => event,
            Next::TimedOut => continue,
            Next::Finished => return Err("the connection ended without a word".into()),
        };
        match event {
            Event::StartTls => {
                let Some(ca) = &arguments.ca else { return Err("unexpected TLS".into()) };
                // The certificate must be the domain's, wherever the server is.
                let name = arguments.jid.domain().to_string().try_into()?;
                let tls = rustls::ClientConnection::new(certificates::client(ca)?, name)?;
                connection.start_tls(tls)?;
                let now = connection.now();
                connection.machine.handle_input(now, Input::TlsEstablished);
            }
            Event::Ready { jid, .. } => {
                println!("* logged in as {jid}");
                let now = connection.now();
                connection.machine.request_roster(now, None)?;
                connection.machine.send(now, PresenceBuilder::new().build()?)?;
            }
            Event::Roster { items, .. } => {
                for item in items {
                    println!("* contact {} ({})", item.jid, item.subscription.name());
                }
            }
            Event::Message(stanza) => print_message(&stanza),
            Event::Presence(stanza) => print_presence(&stanza),
            Event::Closed(why) => return Ok(why),
            _ => {}
        }
    }
}

/// Sends what was typed; `false` at the end of the input.
fn send_lines(
    connection: &mut Connection<Client>,
    lines: &Receiver<String>,
    to: &mut Option<Jid>,
) -> Result<bool, Failure> {
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => return Ok(true),
            Err(TryRecvError::Disconnected) => return Ok(false),
        };
        if let Some(address) = line.strip_prefix("/to ") {
            *to = Some(address.trim().parse()?);
            continue;
        }
        let Some(to) = &*to else {
            eprintln!("xmpp_chat: to whom? (/to ADDRESS)");
            continue;
        };
        let message = MessageBuilder::new().to(to).kind(MessageKind::Chat).body(&line).build();
        match message {
            Ok(message) => {
                let now = connection.now();
                connection.machine.send(now, message)?;
            }
            Err(error) => eprintln!("xmpp_chat: not sent: {error}"),
        }
    }
}

fn print_message(stanza: &StanzaBuf) {
    let Some(message) = stanza.as_message() else { return };
    let from = message.header().from().map_or("?", |from| from.as_str()).to_string();
    if let Some(error) = message.error() {
        println!("! {from}: {}", error.condition.name());
    } else if let Some(body) = message.body() {
        println!("{from}: {body}");
    }
}

fn print_presence(stanza: &StanzaBuf) {
    let Some(presence) = stanza.as_presence() else { return };
    let from = presence.header().from().map_or("?", |from| from.as_str()).to_string();
    let kind = presence.kind().and_then(|kind| kind.name()).unwrap_or("available");
    println!("* {from} is {kind}");
}

fn read_lines() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let mut positional = Vec::new();
    let (mut password, mut server, mut ca) = (None, None, None);
    let (mut plaintext, mut stay) = (false, Duration::from_secs(1));
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--password" => password = Some(value()?),
            "--server" => server = Some(value()?),
            "--ca" => ca = Some(PathBuf::from(value()?)),
            "--plaintext" => plaintext = true,
            "--for" => {
                let seconds = value()?.parse().map_err(|_| "--for needs a number".to_string())?;
                stay = Duration::from_secs(seconds);
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            other => positional.push(other.to_string()),
        }
    }
    let mut positional = positional.iter();
    let jid = positional.next().ok_or("whose account?")?;
    let jid = Jid::new(jid).map_err(|e| format!("{jid}: {e}"))?;
    let to = positional.next().map(|to| Jid::new(to).map_err(|e| format!("{to}: {e}")));
    if positional.next().is_some() {
        return Err("too many arguments".into());
    }
    if ca.is_none() && !plaintext {
        return Err("--ca FILE or --plaintext".into());
    }
    let password = password.or_else(|| std::env::var("XMPP_PASSWORD").ok());
    Ok(Arguments {
        to: to.transpose()?,
        password: password.ok_or("--password TEXT")?,
        server: server.unwrap_or_else(|| format!("{}:5222", jid.domain())),
        ca,
        stay,
        jid,
    })
}

//! `xmpp_chat`: logs in, prints what arrives, sends each line of standard input.
//! `xmpp_chat_tokio` is the same on tokio.

use examples::certificates;
use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use examples::xmpp_chat::{Arguments, HELP, parse, show};
use proto_wire::Clock;
use std::io::BufRead as _;
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;
use xmpp_proto::client::{Client, CloseReason, Event, Input};
use xmpp_proto::stanza::PresenceBuilder;

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
    match run(arguments) {
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

fn run(mut arguments: Arguments) -> Result<CloseReason, Failure> {
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(arguments.config()), seed());
    let socket = TcpStream::connect(&arguments.server)?;
    let mut connection = Connection::new(socket, client, clock)?;
    let lines = read_lines();
    let mut leave_at = None;
    loop {
        let now = connection.now();
        if connection.machine.is_ready() && leave_at.is_none() {
            if !send_lines(&mut connection, &lines, &mut arguments)? {
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
        show(&event);
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
            Event::Ready { .. } => {
                let now = connection.now();
                connection.machine.request_roster(now, None)?;
                connection.machine.send(now, PresenceBuilder::new().build()?)?;
            }
            Event::Closed(why) => return Ok(why),
            _ => {}
        }
    }
}

/// Sends what was typed; `false` at the end of the input.
fn send_lines(
    connection: &mut Connection<Client>,
    lines: &Receiver<String>,
    arguments: &mut Arguments,
) -> Result<bool, Failure> {
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => return Ok(true),
            Err(TryRecvError::Disconnected) => return Ok(false),
        };
        match arguments.line(&line) {
            Ok(Some(message)) => {
                let now = connection.now();
                connection.machine.send(now, message)?;
            }
            Ok(None) => {}
            Err(message) => eprintln!("xmpp_chat: {message}"),
        }
    }
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

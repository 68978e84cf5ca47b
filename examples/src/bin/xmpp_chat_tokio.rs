//! `xmpp_chat_tokio`: what `xmpp_chat` does, as a tokio task. Compare the two run loops.

use examples::certificates;
use examples::drive::tokio::Connection;
use examples::entropy::seed;
use examples::xmpp_chat::{Arguments, HELP, parse, show};
use proto_wire::Clock;
use std::io::BufRead as _;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};
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
            eprintln!("xmpp_chat_tokio: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(CloseReason::Local) => ExitCode::SUCCESS,
        Ok(why) => {
            eprintln!("xmpp_chat_tokio: {why}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xmpp_chat_tokio: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(mut arguments: Arguments) -> Result<CloseReason, Failure> {
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(arguments.config()), seed());
    let socket = TcpStream::connect(&arguments.server).await?;
    let mut connection = Connection::new(socket, client, clock)?;
    let mut lines = read_lines();
    let mut leave_at = None;
    loop {
        let ready = connection.machine.is_ready();
        let event = tokio::select! {
            event = connection.next_event() => event?,
            line = lines.recv(), if ready && leave_at.is_none() => {
                match line {
                    Some(line) => say(&mut connection, &mut arguments, &line)?,
                    None => leave_at = Some(Instant::now() + arguments.stay),
                }
                continue;
            }
            // The end of the input is not the end of what others have to say.
            () = sleep_until(leave_at.unwrap_or_else(Instant::now)), if ready && leave_at.is_some() => {
                let now = connection.now();
                connection.machine.close(now)?;
                continue;
            }
        };
        let Some(event) = event else { return Err("the connection ended without a word".into()) };
        show(&event);
        match event {
            Event::StartTls => {
                let Some(ca) = &arguments.ca else { return Err("unexpected TLS".into()) };
                // The certificate must be the domain's, wherever the server is.
                let name = arguments.jid.domain().to_string().try_into()?;
                let tls = rustls::ClientConnection::new(certificates::client(ca)?, name)?;
                connection.start_tls(tls).await?;
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

fn say(
    connection: &mut Connection<Client>,
    arguments: &mut Arguments,
    line: &str,
) -> Result<(), Failure> {
    match arguments.line(line) {
        Ok(Some(message)) => {
            let now = connection.now();
            connection.machine.send(now, message)?;
        }
        Ok(None) => {}
        Err(message) => eprintln!("xmpp_chat_tokio: {message}"),
    }
    Ok(())
}

fn read_lines() -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
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

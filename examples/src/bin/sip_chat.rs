//! A conversation by MESSAGE in a terminal, with typing notices and receipts.

use examples::sip_chat::{Chat, ChatConfig, ChatEvent, Secure};
use examples::sip_host::Listen;
use sip_proto::Transport;
use sip_proto::endpoint::Target;
use std::error::Error;
use std::io::BufRead as _;
use std::net::ToSocketAddrs as _;
use std::process::ExitCode;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::{Duration, Instant};

const HELP: &str = "\
A conversation by MESSAGE, with typing notices and receipts.

usage: sip_chat --as sip:ann@club.example --via HOST:PORT [OPTIONS] URI

  --as URI         who we are
  --via HOST:PORT  the server that we register with and everything goes through
  --tcp            over TCP instead of UDP
  --tls PEM        over TLS; PEM holds whom to trust
  --ws             over WebSocket
  --password WORD  answers challenges with the user of --as and this password
  --listen ADDR    where we listen (127.0.0.1:0)
  --help           this text

  URI              with whom

Each line of the standard input is sent. A line with nothing but a dot tells that we are typing. At
its end we wait for the answers and leave. Prints `registered`, `URI: text`, `(typing)`, `(not
typing)` and `message N: sent 200`, `delivered`, `displayed`. Exit status: 0, 1 when the registration
failed, 2 wrong usage.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|w| w == "--help" || w == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let config = match parse(words) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("sip_chat: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sip_chat: {error}");
            ExitCode::from(1)
        }
    }
}

fn parse(words: Vec<String>) -> Result<ChatConfig, Box<dyn Error>> {
    let mut words = words.into_iter();
    let (mut identity, mut via, mut peer, mut password) = (None, None, None, None);
    let (mut transport, mut listen) = (Transport::Udp, "127.0.0.1:0".parse()?);
    let mut secure = Listen::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--as" => identity = Some(value()?),
            "--via" => via = value()?.to_socket_addrs()?.next(),
            "--tcp" => transport = Transport::Tcp,
            "--ws" => transport = Transport::Ws,
            "--tls" => {
                transport = Transport::Tls;
                secure.trust = Some(examples::certificates::client(value()?.as_ref())?);
            }
            "--password" => password = Some(value()?),
            "--listen" => listen = value()?.parse()?,
            other if other.starts_with("--") => {
                return Err(format!("unknown option {other}").into());
            }
            _ => peer = Some(word),
        }
    }
    Ok(ChatConfig {
        identity: identity.ok_or("--as is missing")?,
        peer: peer.ok_or("with whom?")?,
        via: Target::Address(transport, via.ok_or("--via is missing")?),
        password,
        listen,
        secure: Secure(secure),
    })
}

fn run(config: ChatConfig) -> Result<(), Box<dyn Error>> {
    let mut chat = Chat::start(config)?;
    loop {
        match chat.next_event(Duration::from_secs(40)) {
            Some(ChatEvent::Registered) => break println!("registered"),
            Some(ChatEvent::NotRegistered(_)) | None => return Err("not registered".into()),
            Some(event) => println!("{event}"),
        }
    }
    let (sender, lines) = channel();
    let waker = chat.waker();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
            waker.wake();
        }
        drop(sender);
        waker.wake();
    });
    // Behind the last line a moment for receipts.
    let mut leave_at: Option<Instant> = None;
    loop {
        match lines.try_recv() {
            Ok(line) if line == "." => chat.typed(),
            Ok(line) if line.is_empty() => {}
            Ok(line) => {
                chat.say(&line)?;
            }
            Err(TryRecvError::Disconnected) if leave_at.is_none() => {
                leave_at = Some(Instant::now() + Duration::from_secs(2));
            }
            Err(_) => {
                let left = leave_at.map_or(Duration::from_secs(3600), |at| {
                    at.saturating_duration_since(Instant::now())
                });
                match chat.next_event(left) {
                    Some(event) => println!("{event}"),
                    None if left.is_zero() && chat.is_idle() => break,
                    None if left.is_zero() => {
                        leave_at = Some(Instant::now() + Duration::from_secs(1))
                    }
                    None => {}
                }
            }
        }
    }
    chat.leave();
    Ok(())
}

//! Sends a MESSAGE over SIP, waits for one, or both; registers first when asked to.

use examples::entropy::seed;
use examples::sip_host::{Host, Listen, Next};
use proto_wire::digest::Credential;
use sip_proto::Transport;
use sip_proto::endpoint::{self, Target};
use sip_proto::ua::{Config, Event, UserAgent};
use std::error::Error;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HELP: &str = "\
Sends a MESSAGE over SIP, waits for one, or both.

usage: sip_message --as sip:ann@club.example --via HOST:PORT [OPTIONS] [TO TEXT]

  --as URI         who we are
  --via HOST:PORT  the server that all requests go to
  --tcp            over TCP instead of UDP
  --tls PEM        over TLS; PEM holds whom to trust
  --ws             over WebSocket
  --wss PEM        over WebSocket under TLS
  --text-only      refuses everything but text/plain
  --password WORD  answers challenges with the user of --as and this password
  --register       registers first, and unregisters at the end
  --wait SECONDS   waits so long for a message (0: does not wait)
  --listen ADDR    where we listen (127.0.0.1:0)
  --help           this text

  TO TEXT          the URI to write to, and what

Prints `registered`, `sent 200`, `from URI: text`. Exit status: 0 all that was asked for
happened, 1 something did not, 2 wrong usage.
";

struct Arguments {
    own: String,
    via: SocketAddr,
    transport: Transport,
    trust: Option<Arc<rustls::ClientConfig>>,
    password: Option<String>,
    register: bool,
    text_only: bool,
    wait: u64,
    listen: SocketAddr,
    message: Option<(String, String)>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|w| w == "--help" || w == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("sip_message: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("sip_message: {error}");
            ExitCode::from(1)
        }
    }
}

fn parse(words: Vec<String>) -> Result<Arguments, Box<dyn Error>> {
    let mut words = words.into_iter();
    let (mut own, mut via, mut password, mut register, mut wait) = (None, None, None, false, 0);
    let (mut transport, mut trust, mut text_only) = (Transport::Udp, None, false);
    let mut listen: SocketAddr = "127.0.0.1:0".parse()?;
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--as" => own = Some(value()?),
            "--via" => via = value()?.to_socket_addrs()?.next(),
            "--tcp" => transport = Transport::Tcp,
            "--ws" => transport = Transport::Ws,
            "--tls" | "--wss" => {
                transport = match word.as_str() {
                    "--tls" => Transport::Tls,
                    _ => Transport::Wss,
                };
                trust = Some(examples::certificates::client(value()?.as_ref())?);
            }
            "--password" => password = Some(value()?),
            "--register" => register = true,
            "--text-only" => text_only = true,
            "--wait" => wait = value()?.parse()?,
            "--listen" => listen = value()?.parse()?,
            other if other.starts_with("--") => {
                return Err(format!("unknown option {other}").into());
            }
            _ => rest.push(word),
        }
    }
    let message = match rest.as_slice() {
        [] => None,
        [to, text] => Some((to.clone(), text.clone())),
        _ => return Err("TO and TEXT go together".into()),
    };
    Ok(Arguments {
        own: own.ok_or("--as is missing")?,
        via: via.ok_or("--via is missing")?,
        transport,
        trust,
        password,
        register,
        text_only,
        wait,
        listen,
        message,
    })
}

/// Whether everything that was asked for happened.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let target = Target::Address(arguments.transport, arguments.via);
    let mut config =
        Config::new(&arguments.own, endpoint::Config::default())?.with_outbound(target);
    if arguments.text_only {
        config = config.with_accept(["text/plain"]);
    }
    if let Some(password) = &arguments.password {
        let credential = Credential::new(config.user.clone(), password.clone())?;
        config = config.with_credential(credential);
    }
    let secure = Listen { trust: arguments.trust.clone(), ..Listen::default() };
    let mut host = Host::bind_more(arguments.listen, secure, |now, listeners| {
        config.endpoint = endpoint::Config::new(listeners).with_product("sip_message").into();
        UserAgent::new(now, config, seed())
    })?;
    if arguments.register {
        let now = host.now();
        host.machine.register(now)?;
        if !wait_for(&mut host, Duration::from_secs(40), registered)? {
            return Ok(false);
        }
    }
    let mut good = true;
    let mut got = false;
    if let Some((to, text)) = &arguments.message {
        let now = host.now();
        host.machine.send_message(now, to, "text/plain", text.clone())?;
        good &= wait_for(&mut host, Duration::from_secs(40), |event| {
            // One may come while ours is on its way.
            got |= matches!(event, Event::Message { .. });
            sent(event)
        })?;
    }
    if arguments.wait > 0 && !got {
        good &= wait_for(&mut host, Duration::from_secs(arguments.wait), received)?;
    }
    if arguments.register {
        let now = host.now();
        host.machine.unregister(now)?;
        good &= wait_for(&mut host, Duration::from_secs(40), unregistered)?;
    }
    Ok(good)
}

/// Shows events until one decides; `false` when the time is up.
fn wait_for(
    host: &mut Host<UserAgent>,
    wait: Duration,
    mut decide: impl FnMut(&Event) -> Option<bool>,
) -> Result<bool, Box<dyn Error>> {
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match host.next_event(left) {
            Next::Event(event) => {
                show(&event);
                if let Some(good) = decide(&event) {
                    return Ok(good);
                }
            }
            _ if left.is_zero() => return Ok(false),
            Next::TimedOut | Next::Finished => {}
        }
    }
}

fn show(event: &Event) {
    match event {
        Event::Registered { expires, bindings, .. } => {
            println!("registered for {expires} s, {bindings} bindings")
        }
        Event::RegistrationFailed { status, .. } => match status {
            Some(status) => println!("not registered: {status:?}"),
            None => println!("not registered: no answer"),
        },
        Event::Unregistered => println!("unregistered"),
        Event::Message { from, body, .. } => {
            println!("from {from}: {}", String::from_utf8_lossy(body))
        }
        Event::Delivered { status, .. } => println!("sent {status}"),
        Event::Refused { status, .. } => println!("refused {status:?}"),
        Event::Undelivered { .. } => println!("no answer"),
        _ => {}
    }
}

fn registered(event: &Event) -> Option<bool> {
    match event {
        Event::Registered { .. } => Some(true),
        Event::RegistrationFailed { .. } => Some(false),
        _ => None,
    }
}

fn unregistered(event: &Event) -> Option<bool> {
    match event {
        Event::Unregistered => Some(true),
        Event::RegistrationFailed { .. } => Some(false),
        _ => None,
    }
}

fn sent(event: &Event) -> Option<bool> {
    match event {
        Event::Delivered { .. } => Some(true),
        Event::Refused { .. } | Event::Undelivered { .. } => Some(false),
        _ => None,
    }
}

fn received(event: &Event) -> Option<bool> {
    matches!(event, Event::Message { .. }).then_some(true)
}

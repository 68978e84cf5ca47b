//! Makes a call over SIP, or takes them; agrees on media and plays none.

use examples::sip_phone::{Phone, PhoneConfig, PhoneEvent};
use sip_proto::Transport;
use sip_proto::endpoint::Target;
use sip_proto::ua::Ending;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Makes a call over SIP, or takes calls. Agrees on media and plays none.

usage: sip_phone --as sip:ann@club.example [OPTIONS] [URI]

  --as URI         who we are
  --via HOST:PORT  the proxy that calls go through
  --tcp            to the proxy over TCP instead of UDP
  --tls PEM        to the proxy over TLS; PEM holds whom to trust
  --ws             to the proxy over WebSocket
  --wss PEM        to the proxy over WebSocket under TLS
  --register       registers there first
  --password WORD  answers challenges with the user of --as and this password
  --listen ADDR    where we listen (127.0.0.1:0)
  --answer SECONDS how long it rings here before we answer (1)
  --talk SECONDS   how long a call of ours lasts (5)
  --calls N        how many calls are taken before the end (1)
  --stay SECONDS   how long we stay behind the last call, to answer what comes late (0)
  --help           this text

  URI              whom to call; without it calls are taken

Prints `listening ADDR`, `registered for N s`, `from URI: text`, `ringing`, `up: CODEC ADDRESS PORT DIRECTION`, `ended: WHY`. Exit status: 0 the calls
were up and ended by hanging up, 1 they were not, 2 wrong usage.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|w| w == "--help" || w == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::parse(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("sip_phone: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("sip_phone: {error}");
            ExitCode::from(1)
        }
    }
}

struct Arguments {
    phone: PhoneConfig,
    talk: Duration,
    calls: u32,
    stay: Duration,
    uri: Option<String>,
}

impl Arguments {
    fn parse(words: Vec<String>) -> Result<Self, Box<dyn Error>> {
        let mut words = words.into_iter();
        let (mut identity, mut via, mut password) = (None, None, None);
        let (mut transport, mut trust, mut register) = (Transport::Udp, None, false);
        let (mut answer, mut talk, mut stay, mut calls, mut uri) = (1.0, 5.0, 0.0, 1, None);
        let mut listen = "127.0.0.1:0".parse()?;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                "--as" => identity = Some(value()?),
                "--via" => via = Some(value()?.parse()?),
                "--tcp" => transport = Transport::Tcp,
                "--ws" => transport = Transport::Ws,
                "--tls" | "--wss" => {
                    transport = match word.as_str() {
                        "--tls" => Transport::Tls,
                        _ => Transport::Wss,
                    };
                    trust = Some(examples::certificates::client(value()?.as_ref())?);
                }
                "--register" => register = true,
                "--password" => password = Some(value()?),
                "--listen" => listen = value()?.parse()?,
                "--answer" => answer = value()?.parse()?,
                "--talk" => talk = value()?.parse()?,
                "--stay" => stay = value()?.parse()?,
                "--calls" => calls = value()?.parse()?,
                _ if word.starts_with("--") => return Err(format!("unknown option {word}").into()),
                _ => uri = Some(word),
            }
        }
        let phone = PhoneConfig {
            identity: identity.ok_or("--as is missing")?,
            listen,
            via: via.map(|address| Target::Address(transport, address)),
            trust,
            register,
            password,
            answer_after: Some(Duration::try_from_secs_f64(answer)?),
        };
        let (talk, stay) = (Duration::try_from_secs_f64(talk)?, Duration::try_from_secs_f64(stay)?);
        Ok(Self { phone, talk, calls, stay, uri })
    }
}

/// Whether every call was up and ended as it should.
fn run(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    let mut phone = Phone::start(arguments.phone.clone())?;
    println!("listening {}", phone.address());
    if arguments.phone.register && !registered(&mut phone) {
        return Ok(false);
    }
    let ours = match &arguments.uri {
        Some(uri) => Some(phone.call(uri)?),
        None => None,
    };
    let (mut up, mut ended) = (0, 0);
    let mut over_at: Option<Instant> = None;
    loop {
        let left = over_at
            .map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        let event = phone.next_event(left);
        if let Some(event) = &event {
            println!("{event}");
        }
        match event {
            Some(PhoneEvent::Up(..)) => {
                up += 1;
                over_at = ours.map(|_| Instant::now() + arguments.talk);
            }
            Some(PhoneEvent::Ended(_, why)) => {
                if !matches!(why, Ending::Local | Ending::Remote) {
                    return Ok(false);
                }
                ended += 1;
                if ours.is_some() || ended >= arguments.calls {
                    let _late = phone.next_event(arguments.stay);
                    return Ok(up == ended);
                }
            }
            None => match (ours, over_at.take()) {
                (Some(call), Some(_)) => phone.hang_up(call)?,
                _ => return Ok(false),
            },
            _ => {}
        }
    }
}

/// Waits until the phone is registered, and says whether it is.
fn registered(phone: &mut Phone) -> bool {
    loop {
        let event = phone.next_event(Duration::from_secs(40));
        if let Some(event) = &event {
            println!("{event}");
        }
        match event {
            Some(PhoneEvent::Registered(_)) => return true,
            Some(PhoneEvent::NotRegistered(_)) | None => return false,
            Some(_) => {}
        }
    }
}

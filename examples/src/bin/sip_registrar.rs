//! A SIP registrar for one domain, through which its users call and write to each other.

use examples::sip_server::{ServerEvent, SipServer, SipServerConfig};
use std::error::Error;
use std::process::ExitCode;

const HELP: &str = "\
A registrar for one domain, through which its users call and write to each other.

usage: sip_registrar --domain club.example --user NAME:WORD [--user ..] [OPTIONS]

  --domain NAME      the domain, and the realm of the challenges
  --user NAME:WORD   a user and the password; may be repeated
  --listen ADDR      UDP and TCP (127.0.0.1:5060)
  --tls ADDR         TLS too; needs --chain and --key
  --chain PEM        the certificates that are shown
  --key PEM          the key of the first of them
  --ws ADDR          WebSocket too
  --wss ADDR         WebSocket under TLS too; needs --tls
  --help             this text

Prints `listening ADDR ..`, `USER has N bindings`, `routed to USER: STATUS`. Runs until it is ended. Exit
status: 1 when it cannot listen, 2 wrong usage.
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
            eprintln!("sip_registrar: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match SipServer::start(config) {
        Ok(server) => serve(&server),
        Err(error) => {
            eprintln!("sip_registrar: {error}");
            ExitCode::from(1)
        }
    }
}

fn parse(words: Vec<String>) -> Result<SipServerConfig, Box<dyn Error>> {
    let mut words = words.into_iter();
    let (mut domain, mut listen, mut users) = (None, "127.0.0.1:5060".parse()?, Vec::new());
    let (mut tls, mut chain, mut key, mut web) = (None, None, None, None);
    let mut secure_web = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--domain" => domain = Some(value()?),
            "--user" => users.push(value()?),
            "--listen" => listen = value()?.parse()?,
            "--tls" => tls = Some(value()?.parse()?),
            "--chain" => chain = Some(value()?),
            "--key" => key = Some(value()?),
            "--ws" => web = Some(value()?.parse()?),
            "--wss" => secure_web = Some(value()?.parse()?),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let mut config = SipServerConfig::new(&domain.ok_or("--domain is missing")?, listen);
    for user in users {
        let (name, password) = user.split_once(':').ok_or("--user wants NAME:WORD")?;
        config = config.with_user(name, password);
    }
    match (tls, chain, key) {
        (None, None, None) => {}
        (Some(at), Some(chain), Some(key)) => {
            let tls = examples::certificates::server(chain.as_ref(), key.as_ref())?;
            config = config.with_tls(at, tls);
        }
        _ => return Err("--tls, --chain and --key go together".into()),
    }
    if let Some(at) = web {
        config = config.with_web(at);
    }
    if let Some(at) = secure_web {
        config = config.with_secure_web(at);
    }
    Ok(config)
}

fn serve(server: &SipServer) -> ExitCode {
    let mut listening = format!("listening {}", server.address());
    for at in server.addresses().iter().skip(1) {
        listening.push_str(&format!(" {at}"));
    }
    println!("{listening}");
    while let Ok(event) = server.events().recv() {
        match event {
            ServerEvent::Registered { user, bindings } => {
                println!("{user} has {bindings} bindings")
            }
            ServerEvent::Routed { user, status } => println!("routed to {user}: {status}"),
            _ => {}
        }
    }
    ExitCode::SUCCESS
}

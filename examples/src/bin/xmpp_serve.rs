//! A chat server for a handful of people: what `xmpp_server` is, as a program.

use examples::certificates;
use examples::xmpp_server::{Options, XmppServer};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Serves a domain to XMPP clients until standard input ends.

usage: xmpp_serve [OPTION].. DOMAIN [NAME:PASSWORD]..

NAME:PASSWORD adds an account, or changes its password; NAME may be a whole address.

options:
  --listen ADDR         where to listen (127.0.0.1:5222)
  --websocket ADDR      listen for WebSockets, too
  --bosh ADDR           listen for HTTP (BOSH), too
  --direct-tls ADDR     listen for TLS from the first byte, too
  --tls CHAIN KEY       the certificate, as PEM files; clients must use TLS then
  --file FILE           keep accounts, rosters and archives there
  --domain DOMAIN       serve another domain, too
  --register            let strangers make accounts, and users remove theirs
  --servers ADDR        talk to other servers, and listen for them (usually on port 5269)
  --route DOMAIN ADDR   where the server of a domain is; else its address is looked up
  --server-roots FILE   use TLS to other servers whose certificates are of these authorities

exit status: 0 it was ended, 1 it could not run, 2 wrong usage
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let Some((options, accounts)) = parse(&arguments) else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    match XmppServer::start(options) {
        Ok(server) => {
            for (name, password) in accounts {
                server.add_account(&name, &password);
            }
            println!("* listening on {}", server.addr());
            if let Some(addr) = server.websocket_addr() {
                println!("* WebSockets on {addr}");
            }
            if let Some(addr) = server.bosh_addr() {
                println!("* BOSH on {addr}");
            }
            if let Some(addr) = server.servers_addr() {
                println!("* other servers on {addr}");
            }
            if let Some(addr) = server.direct_tls_addr() {
                println!("* TLS from the first byte on {addr}");
            }
            // An end of the input, or an error on it, is the wish to end.
            let _end = std::io::stdin().read_to_end(&mut Vec::new());
            server.stop();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xmpp_serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(Options, Vec<(String, String)>)> {
    let mut options = Options::new("");
    options.listen = SocketAddr::from(([127, 0, 0, 1], 5222));
    let (mut tls, mut domains, mut accounts) = (None, Vec::new(), Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--listen" => options.listen = rest.next()?.parse().ok()?,
            "--websocket" => options.websocket = Some(rest.next()?.parse().ok()?),
            "--bosh" => options.bosh = Some(rest.next()?.parse().ok()?),
            "--direct-tls" => options.direct_tls = Some(rest.next()?.parse().ok()?),
            "--servers" => options.servers = Some(rest.next()?.parse().ok()?),
            "--route" => {
                options.routes.push((rest.next()?.clone(), rest.next()?.parse().ok()?));
            }
            "--server-roots" => options.server_roots = Some(rest.next()?.into()),
            "--register" => options.registration = true,
            "--tls" => tls = Some((rest.next()?, rest.next()?)),
            "--file" => options.file = Some(rest.next()?.into()),
            "--domain" => domains.push(rest.next()?.clone()),
            other if other.starts_with("--") => return None,
            other => match other.split_once(':') {
                Some((name, password)) => accounts.push((name.to_string(), password.to_string())),
                None => domains.insert(0, other.to_string()),
            },
        }
    }
    if domains.is_empty() {
        return None;
    }
    options.domain = domains.remove(0);
    options.other_domains = domains;
    if let Some((chain, key)) = tls {
        let tls = certificates::server(Path::new(chain), Path::new(key));
        match tls {
            Ok(tls) => options = options.with_tls(tls, true),
            Err(error) => {
                eprintln!("xmpp_serve: {error}");
                return None;
            }
        }
    }
    Some((options, accounts))
}

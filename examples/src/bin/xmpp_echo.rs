//! An external component that sends every message back (XEP-0114).

use examples::drive::blocking::Connection;
use proto_wire::Clock;
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use xmpp_proto::component::{CloseReason, Component, ComponentConfig, Event};
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{
    Condition, IqKind, Message, MessageBuilder, MessageKind, Stanza, StanzaXml, error_reply,
};

const HELP: &str = "\
Serves a domain of an XMPP server as an external component: messages come back as they went.

usage: xmpp_echo DOMAIN SECRET HOST:PORT

exit status: 0 the stream ended properly, 1 it did not, 2 wrong usage
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [domain, secret, server] = &arguments[..] else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    match run(domain, secret, server) {
        Ok(why @ (CloseReason::Local | CloseReason::Peer)) => {
            println!("* {why}");
            ExitCode::SUCCESS
        }
        Ok(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    domain: &str,
    secret: &str,
    server: &str,
) -> Result<CloseReason, Box<dyn std::error::Error>> {
    let clock = Clock::start();
    let config = ComponentConfig::new(domain, Secret::new(secret));
    let component = Component::new(clock.now(), Arc::new(config));
    let mut connection = Connection::new(TcpStream::connect(server)?, component, clock)?;
    while let Some(event) = connection.next_event()? {
        match event {
            Event::Ready => println!("* serving {domain}"),
            Event::Stanza(stanza) => {
                if let Some(answer) = answer(&stanza.view()) {
                    let now = connection.now();
                    connection.machine.send(now, answer)?;
                }
            }
            Event::Closed(why) => return Ok(why),
            _ => {}
        }
    }
    Err("the connection ended without a word".into())
}

fn answer(stanza: &Stanza<'_>) -> Option<StanzaXml> {
    match stanza {
        Stanza::Message(message) => echo(message),
        // Every request is answered, once (RFC 6120 §8.2.3).
        Stanza::Iq(iq) if iq.kind().is_some_and(IqKind::is_request) => {
            error_reply(iq.header().element(), &Condition::ServiceUnavailable.into())
        }
        _ => None,
    }
}

/// Errors never come back, or two echoes would play for ever.
fn echo(message: &Message<'_>) -> Option<StanzaXml> {
    let header = message.header();
    let (from, to) = (header.from()?.to_jid().ok()?, header.to()?.to_jid().ok()?);
    if message.kind() == MessageKind::Error || to.bare() == from.bare() {
        return None;
    }
    let body = message.body()?;
    let reply = MessageBuilder::new().from(&to).to(&from).kind(message.kind());
    reply.body(&body).build().ok()
}

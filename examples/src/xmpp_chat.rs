//! What `xmpp_chat` and `xmpp_chat_tokio` share: arguments, configuration, and how things
//! are shown. The programs themselves are the two run loops.

use std::path::PathBuf;
use std::time::Duration;
use xmpp_proto::client::{ClientConfig, Event, TlsPolicy};
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{MessageBuilder, MessageKind, StanzaBuf, StanzaXml};

/// The text of `--help`.
pub const HELP: &str = "\
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

/// What the command line says.
pub struct Arguments {
    /// The account.
    pub jid: Jid,
    /// To whom lines go.
    pub to: Option<Jid>,
    /// The password.
    pub password: String,
    /// Where to connect to.
    pub server: String,
    /// Whom to trust; without it there is no TLS.
    pub ca: Option<PathBuf>,
    /// How long to stay after the end of the input.
    pub stay: Duration,
}

impl Arguments {
    /// The client that they ask for.
    #[must_use]
    pub fn config(&self) -> ClientConfig {
        let tls = match &self.ca {
            Some(_) => TlsPolicy::Required,
            None => TlsPolicy::Never,
        };
        ClientConfig::new(self.jid.clone())
            .with_password(Secret::new(self.password.as_str()))
            .with_tls(tls)
    }

    /// What a typed line means: a message to send, or nothing but a new recipient.
    ///
    /// # Errors
    /// No recipient, or a text that cannot be sent.
    pub fn line(&mut self, line: &str) -> Result<Option<StanzaXml>, String> {
        if let Some(address) = line.strip_prefix("/to ") {
            let to = address.trim().parse().map_err(|e| format!("{address}: {e}"))?;
            self.to = Some(to);
            return Ok(None);
        }
        let to = self.to.as_ref().ok_or("to whom? (/to ADDRESS)")?;
        let message = MessageBuilder::new().to(to).kind(MessageKind::Chat).body(line).build();
        message.map(Some).map_err(|e| format!("not sent: {e}"))
    }
}

/// Shows what a person wants to know of an event.
pub fn show(event: &Event) {
    match event {
        Event::Ready { jid, .. } => println!("* logged in as {jid}"),
        Event::Roster { items, .. } => {
            for item in items {
                println!("* contact {} ({})", item.jid, item.subscription.name());
            }
        }
        Event::Message(stanza) => print_message(stanza),
        Event::Presence(stanza) => print_presence(stanza),
        _ => {}
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

/// Reads the command line.
///
/// # Errors
/// What is wrong with it.
pub fn parse(arguments: &[String]) -> Result<Arguments, String> {
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

//! What the members bring: a chat client and a phone, driven by this family's own machines.

use super::{DOMAIN, Failure};
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::sip_host::{self, Host, Waker};
use proto_wire::Clock;
use proto_wire::digest::Credential;
use sip_proto::Transport;
use sip_proto::endpoint::{Config, Target};
use sip_proto::ua::{self, UserAgent};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use xmpp_proto::client::{Client, ClientConfig, Event, TlsPolicy};
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder};

/// How long anything may take in a healthy club.
const PATIENCE: Duration = Duration::from_secs(20);

/// A member's chat client.
pub(super) struct Chat {
    name: &'static str,
    connection: Connection<Client>,
    /// What came while nobody was waiting for it.
    inbox: VecDeque<Event>,
}

impl Chat {
    /// Logs in over SCRAM, asks for the roster and says hello to the server.
    pub(super) fn log_in(
        name: &'static str,
        password: &str,
        server: SocketAddr,
    ) -> Result<Self, Failure> {
        let jid = Jid::new(&format!("{name}@{DOMAIN}/phone"))?;
        let config = ClientConfig::new(jid)
            .with_password(Secret::new(password))
            // Loopback: there is nobody between.
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), crate::entropy::seed());
        let connection = Connection::new(TcpStream::connect(server)?, client, clock)?;
        let mut chat = Self { name, connection, inbox: VecDeque::new() };
        chat.until("a session", |event| matches!(event, Event::Ready { .. }).then_some(()))?;
        let now = chat.connection.now();
        chat.connection.machine.request_roster(now, None)?;
        chat.connection.machine.send(now, PresenceBuilder::new().build()?)?;
        chat.until("the roster", |event| matches!(event, Event::Roster { .. }).then_some(()))?;
        Ok(chat)
    }

    /// Sends a chat message.
    pub(super) fn say(&mut self, to: &str, text: &str) -> Result<(), Failure> {
        let to = Jid::new(&format!("{to}@{DOMAIN}"))?;
        let message = MessageBuilder::new().to(&to).kind(MessageKind::Chat).body(text).build()?;
        let now = self.connection.now();
        self.connection.machine.send(now, message)?;
        // What is queued is written while waiting, even if for no time at all.
        while let Next::Event(event) = self.connection.next_event_until(now)? {
            self.inbox.push_back(event);
        }
        Ok(())
    }

    /// Waits for a message that holds `text`; gives who sent it.
    pub(super) fn hear(&mut self, text: &str) -> Result<String, Failure> {
        self.until(&format!("a message with \"{text}\""), |event| {
            let Event::Message(stanza) = event else { return None };
            let message = stanza.as_message()?;
            let body = message.body()?;
            body.contains(text).then(|| message.header().from().map_or("", |j| j.as_str()).into())
        })
    }

    /// Logs out.
    pub(super) fn log_out(mut self) -> Result<(), Failure> {
        let now = self.connection.now();
        self.connection.machine.close(now)?;
        self.until("the end", |event| matches!(event, Event::Closed(_)).then_some(()))
    }

    fn until<T>(
        &mut self,
        what: &str,
        mut seen: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T, Failure> {
        let end = self.connection.now().saturating_add(PATIENCE);
        loop {
            let next = match self.inbox.pop_front() {
                Some(event) => Next::Event(event),
                None => self.connection.next_event_until(end)?,
            };
            match next {
                Next::Event(event) => {
                    if let Some(found) = seen(&event) {
                        return Ok(found);
                    }
                    if let Event::Closed(why) = event {
                        return Err(format!("{}'s chat ended: {why}", self.name).into());
                    }
                }
                Next::TimedOut => return Err(format!("{} waited for {what}", self.name).into()),
                Next::Finished => return Err(format!("{}'s chat is over", self.name).into()),
            }
        }
    }
}

/// A member's SIP phone, which rings whether or not its owner looks at it: it runs in a
/// thread of its own, until it is dropped.
pub(super) struct Phone {
    name: &'static str,
    address: SocketAddr,
    commands: Sender<Press>,
    events: Receiver<ua::Event>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// What an owner does with a phone.
enum Press {
    Register,
    Unregister,
    Say { to: String, text: String },
    Off,
}

impl Phone {
    /// A phone on a free port; it knows where the club is and its owner's password.
    pub(super) fn new(
        name: &'static str,
        password: &str,
        server: SocketAddr,
    ) -> Result<Self, Failure> {
        let own = format!("sip:{name}@{DOMAIN}");
        let outbound = Target::Address(Transport::Udp, server);
        let mut config = ua::Config::new(&own, Config::default())?
            .with_outbound(outbound)
            .with_outbound_stream(Target::Address(Transport::Tcp, server))
            .with_credential(Credential::new(name.to_owned(), password.to_owned())?);
        let host = Host::bind(SocketAddr::from(([127, 0, 0, 1], 0)), |now, listeners| {
            config.endpoint = Config::new(listeners).with_product("club-phone").into();
            UserAgent::new(now, config, crate::entropy::seed())
        })?;
        let (address, waker) = (host.address(), host.waker());
        let (commands, presses) = channel();
        let (sender, events) = channel();
        let thread = std::thread::spawn(move || operate(host, &presses, &sender));
        Ok(Self { name, address, commands, events, waker, thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Registers, and answers the challenge.
    pub(super) fn register(&self) -> Result<(), Failure> {
        self.press(Press::Register);
        self.until("a registration", |event| match event {
            ua::Event::Registered { .. } => Some(Ok(())),
            ua::Event::RegistrationFailed { status, retrying: false, .. } => {
                Some(Err(format!("not registered: {status:?}").into()))
            }
            _ => None,
        })
    }

    /// Sends a MESSAGE, and waits until it has arrived at the other side.
    pub(super) fn say(&self, to: &str, text: &str) -> Result<(), Failure> {
        self.press(Press::Say { to: format!("sip:{to}@{DOMAIN}"), text: text.to_owned() });
        self.until("a 200", |event| match event {
            ua::Event::Delivered { .. } => Some(Ok(())),
            ua::Event::Refused { status, .. } => Some(Err(format!("refused: {status:?}").into())),
            ua::Event::Undelivered { .. } => Some(Err("no answer".into())),
            _ => None,
        })
    }

    /// Waits for a message that holds `text`.
    pub(super) fn hear(&self, text: &str) -> Result<(), Failure> {
        self.until(&format!("a message with \"{text}\""), |event| match event {
            ua::Event::Message { body, .. } => {
                String::from_utf8_lossy(body).contains(text).then_some(Ok(()))
            }
            _ => None,
        })
    }

    /// Takes the registration back.
    pub(super) fn unregister(&self) -> Result<(), Failure> {
        self.press(Press::Unregister);
        self.until("the end of the registration", |event| match event {
            ua::Event::Unregistered => Some(Ok(())),
            ua::Event::RegistrationFailed { status, retrying: false, .. } => {
                Some(Err(format!("still registered: {status:?}").into()))
            }
            _ => None,
        })
    }

    fn press(&self, press: Press) {
        // A phone that is broken does nothing, and its owner waits in vain.
        let _broken = self.commands.send(press).is_err();
        self.waker.wake();
    }

    fn until<T>(
        &self,
        what: &str,
        mut seen: impl FnMut(&ua::Event) -> Option<Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                return Err(format!("{}'s phone waited for {what}", self.name).into());
            };
            if let Some(found) = seen(&event) {
                return found;
            }
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.press(Press::Off);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join().is_err();
        }
    }
}

fn operate(mut host: Host<UserAgent>, presses: &Receiver<Press>, events: &Sender<ua::Event>) {
    loop {
        while let Ok(press) = presses.try_recv() {
            let now = host.now();
            let done = match press {
                Press::Register => host.machine.register(now),
                Press::Unregister => host.machine.unregister(now),
                Press::Say { to, text } => {
                    host.machine.send_message(now, &to, "text/plain", text).map(|_| ())
                }
                Press::Off => return,
            };
            if done.is_err() {
                return;
            }
        }
        if let sip_host::Next::Event(event) = host.next_event(PATIENCE) {
            // An owner who has left hears nothing.
            let _left = events.send(event).is_err();
        }
    }
}

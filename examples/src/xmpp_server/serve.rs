//! One connection from its first byte to its end, whatever carries it.

use super::house::Mail;
use super::{Door, Kind, Shared, TICK, tokens};
use crate::certificates;
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::Observed;
use proto_wire::{Instant, StreamMachine};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use xmpp_proto::ext::register::Form;
use xmpp_proto::jid::Jid;
use xmpp_proto::server::{CommandError, Event, Input, ServerConnection};
use xmpp_proto::sm::SmSession;
use xmpp_proto::stanza::{Condition, StanzaXml};
use xmpp_proto::stream::StreamCondition;
use xmpp_proto::transport::OverWebSocket;

/// How long a thread may take to give up its session to another.
const HAND_OVER: Duration = Duration::from_millis(500);
/// How long a stream may take to end when the server does.
const FAREWELL: Duration = Duration::from_secs(6);

/// A machine that has a [`ServerConnection`] in it.
pub(super) trait Carrier: StreamMachine<Event = Event, Transmit = bytes::Bytes> {
    fn observed(&mut self) -> &mut Observed<ServerConnection>;
}

impl Carrier for Observed<ServerConnection> {
    fn observed(&mut self) -> &mut Observed<ServerConnection> {
        self
    }
}

impl Carrier for OverWebSocket<Observed<ServerConnection>> {
    fn observed(&mut self) -> &mut Observed<ServerConnection> {
        &mut self.machine
    }
}

/// Whatever brings a client's stream.
pub(super) trait Line {
    fn observed(&mut self) -> &mut Observed<ServerConnection>;

    fn server(&mut self) -> &mut ServerConnection {
        &mut self.observed().inner
    }

    fn now(&self) -> Instant;

    fn next_event_until(&mut self, until: Instant) -> io::Result<Next<Event>>;

    /// The handshake, and what can be bound to then.
    fn start_tls(&mut self, shared: &Shared) -> io::Result<()>;
}

impl<M: Carrier> Line for Connection<M> {
    fn observed(&mut self) -> &mut Observed<ServerConnection> {
        self.machine.observed()
    }

    fn now(&self) -> Instant {
        self.now()
    }

    fn next_event_until(&mut self, until: Instant) -> io::Result<Next<Event>> {
        self.next_event_until(until)
    }

    fn start_tls(&mut self, shared: &Shared) -> io::Result<()> {
        let tls = around(shared)?;
        self.start_tls(tls)?;
        let now = self.now();
        let binding = self.tls().and_then(certificates::channel_binding);
        let machine = self.machine.observed();
        let _ended = machine.inner.set_channel_bindings(now, binding.into_iter().collect());
        Ok(())
    }
}

/// The server's end of TLS.
pub(super) fn around(shared: &Shared) -> io::Result<rustls::ServerConnection> {
    let Some(tls) = shared.options.tls.clone() else {
        return Err(io::Error::other("there is no certificate"));
    };
    rustls::ServerConnection::new(tls).map_err(io::Error::other)
}

/// Serves a connection that came in through `door`.
pub(super) fn serve(
    socket: TcpStream,
    shared: &Arc<Shared>,
    door: &Door,
    key: u64,
    inbox: &Receiver<Mail>,
    session: &mut Option<SmSession>,
) -> io::Result<()> {
    let (now, seed) = (shared.clock.now(), crate::entropy::seed());
    let machine = ServerConnection::new(now, Arc::clone(&door.config), seed);
    let machine = Observed::new(machine, &format!("#{key}"), shared.options.observer.clone());
    let clock = shared.clock;
    match door.kind {
        Kind::WebSocket => {
            let config = Arc::new(proto_wire::websocket::Config::default());
            let machine = OverWebSocket::server(now, config, crate::entropy::seed(), machine);
            let mut line = Connection::new(socket, machine, clock)?;
            if door.tls {
                Line::start_tls(&mut line, shared)?;
            }
            drive(&mut line, shared, key, inbox, session)
        }
        _ => {
            let mut line = Connection::new(socket, machine, clock)?;
            if door.tls {
                Line::start_tls(&mut line, shared)?;
            }
            drive(&mut line, shared, key, inbox, session)
        }
    }
}

/// Drives one stream to its end.
pub(super) fn drive<L: Line>(
    line: &mut L,
    shared: &Arc<Shared>,
    key: u64,
    inbox: &Receiver<Mail>,
    session: &mut Option<SmSession>,
) -> io::Result<()> {
    let mut stopping = None;
    loop {
        if shared.stops() {
            let now = line.now();
            if stopping.is_none() {
                // A stream that has ended by itself needs no second end.
                let _ended = line.server().expel(now, StreamCondition::SystemShutdown);
            }
            let since = *stopping.get_or_insert(now);
            if now.saturating_since(since) > FAREWELL {
                return Ok(());
            }
        }
        let left = read_mail(line, inbox);
        let now = line.now();
        let mut house = shared.house();
        house.expire(now);
        left.into_iter().for_each(|stanza| house.redeliver(stanza));
        drop(house);
        let until = now.saturating_add(TICK);
        let event = match line.next_event_until(until)? {
            Next::Event(event) => event,
            Next::TimedOut => continue,
            Next::Finished => return Ok(()),
        };
        let now = line.now();
        match event {
            Event::StartTls => {
                line.start_tls(shared)?;
                let now = line.now();
                line.server().handle_input(now, Input::TlsEstablished);
            }
            Event::CredentialsNeeded { user, mechanism, .. } => {
                let machine = line.server();
                let known = shared.house().credentials(&user, machine.domain(), mechanism);
                let _ended = machine.credentials(now, &known);
            }
            Event::TokenRequested { account, mechanism } => {
                let expiry = tokens::expiry(shared.clock.timestamp());
                let machine = line.server();
                let agent = machine.user_agent().and_then(|agent| agent.id.clone());
                if let Ok(token) = machine.issue_token(now, &expiry.to_string()) {
                    shared.house().change_tokens(&account, |tokens| {
                        tokens.issued(&account, mechanism, token, expiry, agent);
                    });
                }
            }
            Event::ClientState { active } => {
                let mut house = shared.house();
                house.router.set_active(&key, active);
                house.deliver();
            }
            Event::TokenUsed { account, index, invalidate } => {
                shared.house().change_tokens(&account, |tokens| {
                    tokens.used(&account, index, invalidate);
                });
            }
            Event::RegistrationFormNeeded => {
                let form = Form::asking(&["username", "password"]);
                let form = form.with_instructions("Choose a name and a password.");
                let _ended = line.server().registration_form(now, &form);
            }
            Event::RegistrationSubmitted(submission) => {
                let machine = line.server();
                let made = shared.house().register(&submission, machine.domain());
                let _ended = match made {
                    Ok(()) => machine.registered(now),
                    Err(condition) => machine.refuse_registration(now, condition),
                };
            }
            Event::Authenticated { jid } => {
                line.observed().who = jid.local().unwrap_or("").to_string();
            }
            Event::BindRequested { account, resource, tag, carbons } => {
                // SASL 2 leaves the name to the server, but for its beginning (XEP-0386 §3.2.1).
                let tagged = tag.map(|tag| format!("{tag}/{key:x}"));
                let wanted = resource.or(tagged);
                bind(line, shared, key, &account, wanted.as_deref(), carbons);
            }
            Event::ResumeRequested { account, id } => {
                resume(line, shared, key, &account, &id);
            }
            Event::Closed(_) => *session = line.server().take_session(),
            Event::Stanza(stanza) => {
                let mut house = shared.house();
                house.router.handle(&key, &stanza);
                house.deliver();
            }
            _ => {}
        }
    }
}

/// Does what other threads say; gives what could not be sent.
fn read_mail<L: Line>(line: &mut L, inbox: &Receiver<Mail>) -> Vec<StanzaXml> {
    let now = line.now();
    let mut left = Vec::new();
    while let Ok(mail) = inbox.try_recv() {
        let machine = line.server();
        // The connection may be ending; what it was to get is lost with it.
        let _ended: Result<(), CommandError> = match mail {
            Mail::Stanza(stanza) => {
                if machine.send(now, stanza.clone()).is_err() {
                    left.push(stanza);
                }
                Ok(())
            }
            Mail::Expel(condition) => machine.expel(now, condition),
            Mail::Displace(account, id, answer) => {
                let own = machine.jid().is_some_and(|jid| jid.bare() == account.bare());
                let right = own && machine.sm_id() == Some(&*id);
                if let Some(session) = right.then(|| machine.displace(now)).flatten() {
                    drop(answer.send(session));
                }
                Ok(())
            }
        };
    }
    left
}

/// Goes on with a session that sleeps, or that another thread has not yet seen breaking.
fn resume<L: Line>(line: &mut L, shared: &Shared, key: u64, account: &Jid, id: &str) {
    let now = line.now();
    let mut found = shared.house().asleep.take(account.bare(), id);
    if found.is_none() {
        let others: Vec<(u64, Sender<Mail>)> = {
            let house = shared.house();
            let mail = house.mail.iter().filter(|(other, _)| **other != key);
            mail.map(|(other, mail)| (*other, mail.clone())).collect()
        };
        let (answer, answered) = channel();
        for (_, mail) in &others {
            drop(mail.send(Mail::Displace(account.clone(), id.to_string(), answer.clone())));
        }
        drop(answer);
        found = answered.recv_timeout(HAND_OVER).ok().and_then(|session| {
            let own = session.jid().bare() == account.bare();
            let house = shared.house();
            let old = house.router.key_of(session.jid().as_str()).filter(|_| own)?;
            Some((old, session))
        });
    }
    let machine = line.server();
    let mut house = shared.house();
    let Some((old, session)) = found else {
        let handled = house.asleep.handled(account.bare(), id);
        let _ended = machine.refuse_resume(now, handled);
        return;
    };
    let mut session = Some(session);
    let resumed = machine.resume(now, &mut session).is_ok();
    match session {
        None if resumed && house.router.rename(&old, key) => {}
        None => house.router.disconnect(&old),
        Some(session) => house.leave(now, old, Some(session)),
    }
    house.deliver();
}

fn bind<L: Line>(
    line: &mut L,
    shared: &Shared,
    key: u64,
    account: &Jid,
    wanted: Option<&str>,
    carbons: bool,
) {
    let now = line.now();
    let made_up = format!("club-{key}");
    let machine = line.server();
    let name = wanted.unwrap_or(&made_up);
    let full = account.with_resource(name).or_else(|_| account.with_resource(&made_up));
    if full.is_ok_and(|full| !shared.house().router.has_room(&full)) {
        let _ended = machine.refuse_bind(now, Condition::ResourceConstraint);
        return;
    }
    let bound = machine.bind(now, name).or_else(|error| match error {
        // A resource that cannot be prepared is replaced (RFC 6120 §7.7.2.1).
        CommandError::Resource(_) => machine.bind(now, &made_up),
        other => Err(other),
    });
    if let Ok(jid) = bound {
        let mut house = shared.house();
        let replaced = house.router.connect(key, &jid);
        house.router.set_lang(&key, line.server().stream_lang());
        if carbons {
            house.router.enable_carbons(&key);
        }
        let slept = replaced.and_then(|old| house.asleep.take_by_key(&old));
        for unacked in slept.into_iter().flat_map(SmSession::into_unacked) {
            house.router.redeliver(&jid, unacked.stanza);
        }
        if let Some(mail) = replaced.and_then(|old| house.mail.get(&old)) {
            drop(mail.send(Mail::Expel(StreamCondition::Conflict)));
        }
        house.deliver();
    }
}

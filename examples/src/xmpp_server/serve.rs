//! One connection from its first byte to its end, whatever carries it.

use super::house::Mail;
use super::{Door, Shared, TICK};
use crate::certificates;
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::Observed;
use proto_wire::StreamMachine;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use xmpp_proto::jid::Jid;
use xmpp_proto::server::{CommandError, Event, Input, ServerConnection};
use xmpp_proto::sm::SmSession;
use xmpp_proto::stanza::{Condition, StanzaXml};
use xmpp_proto::stream::StreamCondition;
use xmpp_proto::transport::OverWebSocket;

/// How long a thread may take to give up its session to another.
const HAND_OVER: Duration = Duration::from_millis(500);

/// A machine that has a [`ServerConnection`] in it.
pub(super) trait Carrier: StreamMachine<Event = Event, Transmit = bytes::Bytes> {
    fn observed(&mut self) -> &mut Observed<ServerConnection>;

    fn server(&mut self) -> &mut ServerConnection {
        &mut self.observed().inner
    }
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
    match door.websocket {
        false => drive(
            Connection::new(socket, machine, shared.clock)?,
            shared,
            door,
            key,
            inbox,
            session,
        ),
        true => {
            let config = Arc::new(proto_wire::websocket::Config::default());
            let machine = OverWebSocket::server(now, config, crate::entropy::seed(), machine);
            drive(
                Connection::new(socket, machine, shared.clock)?,
                shared,
                door,
                key,
                inbox,
                session,
            )
        }
    }
}

/// Drives one connection to its end.
fn drive<M: Carrier>(
    mut connection: Connection<M>,
    shared: &Arc<Shared>,
    door: &Door,
    key: u64,
    inbox: &Receiver<Mail>,
    session: &mut Option<SmSession>,
) -> io::Result<()> {
    if door.tls {
        start_tls(&mut connection, shared)?;
    }
    let mut stopping = false;
    loop {
        if shared.stop.load(Ordering::SeqCst) && !stopping {
            stopping = true;
            let now = connection.now();
            // A stream that has ended by itself needs no second end.
            let _ended = connection.machine.server().expel(now, StreamCondition::SystemShutdown);
        }
        let left = read_mail(&mut connection, inbox);
        let now = connection.now();
        let mut house = shared.house();
        house.expire(now);
        left.into_iter().for_each(|stanza| house.redeliver(stanza));
        drop(house);
        let until = now.saturating_add(TICK);
        let event = match connection.next_event_until(until)? {
            Next::Event(event) => event,
            Next::TimedOut => continue,
            Next::Finished => return Ok(()),
        };
        let now = connection.now();
        match event {
            Event::StartTls => {
                start_tls(&mut connection, shared)?;
                let now = connection.now();
                connection.machine.server().handle_input(now, Input::TlsEstablished);
            }
            Event::CredentialsNeeded { user, mechanism, .. } => {
                let machine = connection.machine.server();
                let known = shared.house().credentials(&user, machine.domain(), mechanism);
                let _ended = machine.credentials(now, &known);
            }
            Event::Authenticated { jid } => {
                connection.machine.observed().who = jid.local().unwrap_or("").to_string();
            }
            Event::BindRequested { account, resource, tag, carbons } => {
                // SASL 2 leaves the name to the server, but for its beginning (XEP-0386 §3.2.1).
                let tagged = tag.map(|tag| format!("{tag}/{key:x}"));
                let wanted = resource.or(tagged);
                bind(&mut connection, shared, key, &account, wanted.as_deref(), carbons);
            }
            Event::ResumeRequested { account, id } => {
                resume(&mut connection, shared, key, &account, &id);
            }
            Event::Closed(_) => *session = connection.machine.server().take_session(),
            Event::Stanza(stanza) => {
                let mut house = shared.house();
                house.router.handle(&key, &stanza);
                house.deliver();
            }
            _ => {}
        }
    }
}

/// The handshake, and what can be bound to then.
fn start_tls<M: Carrier>(connection: &mut Connection<M>, shared: &Shared) -> io::Result<()> {
    let Some(tls) = shared.options.tls.clone() else {
        return Err(io::Error::other("there is no certificate"));
    };
    let tls = rustls::ServerConnection::new(tls).map_err(io::Error::other)?;
    connection.start_tls(tls)?;
    let now = connection.now();
    let binding = connection.tls().and_then(certificates::channel_binding);
    let machine = connection.machine.server();
    let _ended = machine.set_channel_bindings(now, binding.into_iter().collect());
    Ok(())
}

/// Does what other threads say; gives what could not be sent.
fn read_mail<M: Carrier>(connection: &mut Connection<M>, inbox: &Receiver<Mail>) -> Vec<StanzaXml> {
    let now = connection.now();
    let mut left = Vec::new();
    while let Ok(mail) = inbox.try_recv() {
        let machine = connection.machine.server();
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
fn resume<M: Carrier>(
    connection: &mut Connection<M>,
    shared: &Shared,
    key: u64,
    account: &Jid,
    id: &str,
) {
    let now = connection.now();
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
    let machine = connection.machine.server();
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

fn bind<M: Carrier>(
    connection: &mut Connection<M>,
    shared: &Shared,
    key: u64,
    account: &Jid,
    wanted: Option<&str>,
    carbons: bool,
) {
    let now = connection.now();
    let made_up = format!("club-{key}");
    let machine = connection.machine.server();
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

//! A telephone without a loudspeaker: makes and takes calls and agrees on media, but plays
//! none. [`Phone`] is the host of one [`UserAgent`].

use crate::entropy::seed;
use crate::sip_host::{Host, Listen, Next};
use proto_wire::digest::Credential;
use proto_wire::sdp::Sdp;
use sip_proto::endpoint::{self, Target};
use sip_proto::offer_answer::{Ability, Codec, Meaning, Session, SessionError};
use sip_proto::ua::{CallRef, CommandError, Config, Ending, Event, UserAgent};
use sip_proto::{StatusCode, Transport};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a phone is told.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Who we are: a SIP URI.
    pub identity: String,
    /// Where to listen, UDP and TCP.
    pub listen: SocketAddr,
    /// The proxy that calls go through.
    pub via: Option<Target>,
    /// Who the proxy must be for TLS.
    pub trust: Option<Arc<rustls::ClientConfig>>,
    /// Whether to register there.
    pub register: bool,
    /// The password of the identity's user.
    pub password: Option<String>,
    /// How long it rings before it answers; `None` never answers.
    pub answer_after: Option<Duration>,
}

/// What happened at a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneEvent {
    /// Registered for so many seconds.
    Registered(u32),
    /// Not registered: the status, if there was an answer.
    NotRegistered(Option<StatusCode>),
    /// Somebody wrote: who, and what.
    Message(String, String),
    /// It rings, here or at the other end.
    Ringing(CallRef),
    /// The call is up; with the encoding and the peer's address that media would go to.
    Up(CallRef, String),
    /// The media changed.
    Changed(CallRef, String),
    /// The call is over.
    Ended(CallRef, Ending),
}

impl fmt::Display for PhoneEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(secs) => write!(f, "registered for {secs} s"),
            Self::NotRegistered(Some(status)) => write!(f, "not registered: {status}"),
            Self::NotRegistered(None) => write!(f, "not registered: no answer"),
            Self::Message(from, text) => write!(f, "from {from}: {text}"),
            Self::Ringing(_) => write!(f, "ringing"),
            Self::Up(_, media) => write!(f, "up: {media}"),
            Self::Changed(_, media) => write!(f, "changed: {media}"),
            Self::Ended(_, why) => write!(f, "ended: {why:?}"),
        }
    }
}

/// What is remembered of one call.
struct Line {
    session: Session,
    media: String,
    answer_at: Option<Instant>,
    /// Ours to answer, and not answered yet.
    waits: bool,
}

/// An agent with its sockets and its lines.
pub struct Phone {
    host: Host<UserAgent>,
    config: PhoneConfig,
    lines: BTreeMap<CallRef, Line>,
    /// Answers that were made and wait until the call is answered.
    answers: BTreeMap<CallRef, String>,
}

impl Phone {
    /// Binds the sockets.
    ///
    /// # Errors
    ///
    /// When an address is taken, or the identity has no user or password that can be used.
    pub fn start(config: PhoneConfig) -> Result<Self, Box<dyn Error>> {
        let mut agent = Config::new(&config.identity, endpoint::Config::default())?;
        agent.outbound = config.via;
        if let Some(word) = &config.password {
            let credential = Credential::new(agent.user.as_str(), word.as_str())?;
            agent = agent.with_credential(credential);
        }
        let secure = Listen { trust: config.trust.clone(), ..Listen::default() };
        let host = Host::bind_more(config.listen, secure, move |now, listeners| {
            agent.endpoint = endpoint::Config::new(listeners).with_product("sip_phone").into();
            UserAgent::new(now, agent, seed())
        })?;
        let mut phone = Self { host, config, lines: BTreeMap::new(), answers: BTreeMap::new() };
        if phone.config.register {
            phone.host.machine.register(phone.host.now())?;
        }
        Ok(phone)
    }

    /// The address that it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Calls a URI.
    ///
    /// # Errors
    ///
    /// When the call cannot be made.
    pub fn call(&mut self, uri: &str) -> Result<CallRef, Box<dyn Error>> {
        let mut line = self.new_line();
        let offer = line.session.offer()?;
        let call = self.host.machine.call(self.host.now(), uri, Some(offer.into()))?;
        self.lines.insert(call, line);
        Ok(call)
    }

    /// Hangs up.
    ///
    /// # Errors
    ///
    /// When the call is over.
    pub fn hang_up(&mut self, call: CallRef) -> Result<(), CommandError> {
        self.host.machine.hang_up(self.host.now(), call)
    }

    /// The next event, if one comes in time.
    pub fn next_event(&mut self, wait: Duration) -> Option<PhoneEvent> {
        let until = Instant::now() + wait;
        loop {
            self.answer_due();
            let due = self.lines.values().filter_map(|l| l.answer_at).min();
            let wake = due.map_or(until, |due| due.min(until));
            let wait = wake.saturating_duration_since(Instant::now());
            match self.host.next_event(wait) {
                Next::Event(event) => {
                    if let Some(event) = self.take(event) {
                        return Some(event);
                    }
                }
                _ if Instant::now() >= until => return None,
                Next::TimedOut | Next::Finished => {}
            }
        }
    }

    fn new_line(&self) -> Line {
        let address = self.host.address();
        let codecs = [
            Codec::new(0, "PCMU", 8000),
            Codec::new(8, "PCMA", 8000),
            Codec::new(101, "telephone-event", 8000).with_fmtp("0-16"),
        ];
        // Nobody listens at this port: there is no loudspeaker.
        let session = Session::new(1, address.ip()).with(Ability::new("audio", 40_000, codecs));
        Line { session, media: String::new(), answer_at: None, waits: false }
    }

    fn take(&mut self, event: Event) -> Option<PhoneEvent> {
        let now = self.host.now();
        match event {
            Event::Registered { expires, .. } => Some(PhoneEvent::Registered(expires)),
            Event::RegistrationFailed { status, .. } => Some(PhoneEvent::NotRegistered(status)),
            Event::Message { from, body, .. } => {
                Some(PhoneEvent::Message(from, String::from_utf8_lossy(&body).into_owned()))
            }
            Event::Incoming { call, .. } => {
                let mut line = self.new_line();
                line.waits = true;
                line.answer_at = self.config.answer_after.map(|after| Instant::now() + after);
                self.lines.insert(call, line);
                // A call that cannot ring has its own end.
                let _over = self.host.machine.ring(now, call, StatusCode::RINGING, None);
                Some(PhoneEvent::Ringing(call))
            }
            Event::Progress { call, response } => (response.view().status() == StatusCode::RINGING)
                .then_some(PhoneEvent::Ringing(call)),
            Event::Description { call, meaning, sdp } => self.describe(call, meaning, &sdp),
            Event::OfferWanted { call } => {
                let offer = self.lines.get_mut(&call).and_then(|l| l.session.offer().ok());
                let _over = self.host.machine.accept(now, call, offer.map(Into::into));
                None
            }
            Event::Confirmed { call } => {
                let media = self.lines.get(&call).map(|l| l.media.clone()).unwrap_or_default();
                Some(PhoneEvent::Up(call, media))
            }
            Event::Ended { call, why } => {
                self.lines.remove(&call);
                self.answers.remove(&call);
                Some(PhoneEvent::Ended(call, why))
            }
            Event::LookupWanted { lookup, uri } => {
                self.host.machine.looked_up(now, lookup, look_up(&uri));
                None
            }
            Event::Request { id, .. } => {
                let _gone = self.host.machine.respond(now, id, StatusCode::OK);
                None
            }
            Event::Referred { id, .. } => {
                let _gone = self.host.machine.respond(now, id, StatusCode::DECLINE);
                None
            }
            _ => None,
        }
    }

    /// A session description: an offer is answered, of an answer the media are told.
    fn describe(&mut self, call: CallRef, meaning: Meaning, sdp: &[u8]) -> Option<PhoneEvent> {
        let now = self.host.now();
        let line = self.lines.get_mut(&call)?;
        if meaning == Meaning::Preview {
            return None;
        }
        // An answer is read as an offer is: what of it can we have?
        let read = line.session.clone().answer(Sdp::new(sdp));
        let agreed = match &read {
            Ok(answer) => answer.streams.iter().flatten().next(),
            Err(_) => None,
        };
        line.media = agreed.map_or_else(String::new, |stream| {
            let remote =
                stream.remote.map_or_else(String::new, |(ip, port)| format!(" {ip} {port}"));
            format!("{}{remote} {}", stream.codec.encoding, stream.direction.name())
        });
        let media = line.media.clone();
        if meaning == Meaning::Answer {
            return Some(PhoneEvent::Up(call, media));
        }
        match (line.session.answer(Sdp::new(sdp)), line.waits) {
            (Ok(answer), true) => {
                // Given when the call is answered.
                self.answers.insert(call, answer.sdp);
                None
            }
            (Ok(answer), false) => {
                let _over = self.host.machine.accept(now, call, Some(answer.sdp.into()));
                Some(PhoneEvent::Changed(call, media))
            }
            (Err(error), waiting) => {
                let status = match error {
                    SessionError::NotSdp => StatusCode::BAD_REQUEST,
                    _ => StatusCode::NOT_ACCEPTABLE_HERE,
                };
                let agent = &mut self.host.machine;
                let _over = if waiting {
                    agent.reject(now, call, status)
                } else {
                    agent.refuse(now, call, status)
                };
                None
            }
        }
    }

    fn answer_due(&mut self) {
        let now = Instant::now();
        let due: Vec<CallRef> = self
            .lines
            .iter()
            .filter(|(_, l)| l.answer_at.is_some_and(|at| at <= now))
            .map(|(c, _)| *c)
            .collect();
        for call in due {
            let Some(line) = self.lines.get_mut(&call) else { continue };
            line.answer_at = None;
            line.waits = false;
            let sdp = match self.answers.remove(&call) {
                Some(answer) => Some(answer),
                None => line.session.offer().ok(),
            };
            let _over = self.host.machine.answer(self.host.now(), call, sdp.map(Into::into));
        }
    }
}

/// RFC 3263 in one line: the address of the host, without SRV.
fn look_up(uri: &str) -> Option<Target> {
    let parsed = sip_proto::Uri::parse(uri.as_bytes()).ok()?;
    let sip = parsed.as_sip()?;
    let transport = match sip.param("transport") {
        Some(name) => Transport::from_bytes(name.as_bytes())?,
        None => Transport::Udp,
    };
    let port = sip.port.unwrap_or_else(|| transport.default_port());
    let address = (sip.host.name()?, port).to_socket_addrs().ok()?.next()?;
    Some(Target::Address(transport, address))
}

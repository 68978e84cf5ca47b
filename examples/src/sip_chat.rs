//! A conversation by MESSAGE: with typing notices (RFC 3994) and receipts (RFC 5438) in CPIM
//! envelopes (RFC 3862), and without them for who does not take them. [`Chat`] is the host of one
//! [`UserAgent`].

use crate::entropy::seed;
use crate::sip_host::{Host, Listen, Next};
use proto_wire::digest::Credential;
use proto_wire::{Clock, Instant, Output, Rng};
use sip_proto::StatusCode;
use sip_proto::endpoint::{self, Target};
use sip_proto::simple::cpim::{self, Builder};
use sip_proto::simple::imdn::{self, Disposition, Receipts, Report, Requested, Status};
use sip_proto::simple::iscomposing::{
    self, Composer, ComposerInput, IsComposing, Watcher, WatcherEvent, WatcherInput,
};
use sip_proto::ua::{Config, Event, MessageId, UserAgent};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The media type of envelopes.
const CPIM: &str = "message/cpim";

/// What a chat is told.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// Who we are: a SIP URI.
    pub identity: String,
    /// With whom: a SIP URI.
    pub peer: String,
    /// The server that everything goes through.
    pub via: Target,
    /// The password of the identity's user.
    pub password: Option<String>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// TLS and the like.
    pub secure: Secure,
}

/// How connections are made.
#[derive(Clone, Default)]
pub struct Secure(pub Listen);

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secure(..)")
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// Registered.
    Registered,
    /// Not registered; the status, if there was an answer.
    NotRegistered(Option<StatusCode>),
    /// Somebody wrote: who, and what.
    Text(String, String),
    /// The peer began to type, or stopped.
    Typing(bool),
    /// What became of our message with this number: `sent 200`, `delivered`, `displayed`.
    Outcome(u32, String),
    /// The peer does not take this type of body: none of it is sent any more.
    NotTaken(&'static str),
}

impl fmt::Display for ChatEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered => write!(f, "registered"),
            Self::NotRegistered(Some(status)) => write!(f, "not registered: {status}"),
            Self::NotRegistered(None) => write!(f, "not registered: no answer"),
            Self::Text(from, text) => write!(f, "{from}: {text}"),
            Self::Typing(true) => write!(f, "(typing)"),
            Self::Typing(false) => write!(f, "(not typing)"),
            Self::Outcome(number, what) => write!(f, "message {number}: {what}"),
            Self::NotTaken(kind) => write!(f, "(the peer takes no {kind})"),
        }
    }
}

/// What a MESSAGE of ours was.
enum Sent {
    Typing,
    Receipt,
    /// With its number and text, to send it again plainly.
    Text(u32, String),
    Plain(u32),
}

/// One side of a conversation.
pub struct Chat {
    host: Host<UserAgent>,
    config: ChatConfig,
    clock: Clock,
    rng: Rng,
    composer: Composer,
    watcher: Watcher,
    sent: BTreeMap<MessageId, Sent>,
    /// Our messages by their IMDN id.
    ids: BTreeMap<String, u32>,
    next: u32,
    envelopes: bool,
    told: Vec<ChatEvent>,
}

impl Chat {
    /// Binds the sockets and registers.
    ///
    /// # Errors
    ///
    /// When an address is taken, or the identity or password cannot be used.
    pub fn start(config: ChatConfig) -> Result<Self, Box<dyn Error>> {
        let mut agent =
            Config::new(&config.identity, endpoint::Config::default())?.with_outbound(config.via);
        if let Some(word) = &config.password {
            let credential = Credential::new(agent.user.clone(), word.clone())?;
            agent = agent.with_credential(credential);
        }
        let kinds = ["text/plain", CPIM, iscomposing::MEDIA_TYPE, imdn::MEDIA_TYPE];
        agent = agent.with_accept(kinds);
        let mut host =
            Host::bind_more(config.listen, config.secure.0.clone(), |now, listeners| {
                agent.endpoint = endpoint::Config::new(listeners).with_product("sip_chat").into();
                UserAgent::new(now, agent, seed())
            })?;
        let now = host.now();
        host.machine.register(now)?;
        Ok(Self {
            host,
            config,
            clock: Clock::start(),
            rng: Rng::new(&seed()),
            composer: Composer::new(now, iscomposing::ComposerConfig::default().into()),
            watcher: Watcher::new(now, iscomposing::WatcherConfig::default().into()),
            sent: BTreeMap::new(),
            ids: BTreeMap::new(),
            next: 1,
            envelopes: true,
            told: Vec::new(),
        })
    }

    /// To wake [`Chat::next_event`] from another thread.
    #[must_use]
    pub fn waker(&self) -> crate::sip_host::Waker {
        self.host.waker()
    }

    /// The user typed a key.
    pub fn typed(&mut self) {
        self.composer.typed(self.host.now());
        self.tell_composing();
    }

    /// Sends a text, and asks for receipts; its number.
    ///
    /// # Errors
    ///
    /// When it cannot be sent.
    pub fn say(&mut self, text: &str) -> Result<u32, Box<dyn Error>> {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.composer.message_sent(self.host.now());
        if self.envelopes {
            let id = self.rng.hex::<24>().as_str().to_owned();
            let wanted = Requested::NONE.with_positive_delivery().with_display();
            let envelope =
                Builder::new().from(None, &self.config.identity).to(None, &self.config.peer);
            let envelope = wanted.write(envelope, &id, self.clock.timestamp());
            let body = envelope.content("text/plain; charset=utf-8", text.as_bytes())?;
            self.ids.insert(id, number);
            self.send(CPIM, body, Sent::Text(number, text.to_owned()))?;
        } else {
            self.send("text/plain;charset=utf-8", text.into(), Sent::Plain(number))?;
        }
        Ok(number)
    }

    fn send(&mut self, kind: &str, body: Vec<u8>, what: Sent) -> Result<(), Box<dyn Error>> {
        let to = self.config.peer.clone();
        self.send_to(&to, kind, body, what)
    }

    fn send_to(
        &mut self,
        to: &str,
        kind: &str,
        body: Vec<u8>,
        what: Sent,
    ) -> Result<(), Box<dyn Error>> {
        let now = self.host.now();
        let id = self.host.machine.send_message(now, to, kind, body)?;
        self.sent.insert(id, what);
        Ok(())
    }

    /// Whether nothing of ours is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.host.machine.is_idle()
    }

    /// Takes the registration back; tells when that is done.
    pub fn leave(&mut self) {
        let now = self.host.now();
        if self.host.machine.unregister(now).is_err() {
            return;
        }
        while let Next::Event(event) = self.host.next_event(Duration::from_secs(5)) {
            if matches!(event, Event::Unregistered | Event::RegistrationFailed { .. }) {
                return;
            }
        }
    }

    /// The next event, if one comes in time, or somebody wakes us.
    pub fn next_event(&mut self, wait: Duration) -> Option<ChatEvent> {
        let until = self.host.now().saturating_add(wait);
        loop {
            if !self.told.is_empty() {
                return Some(self.told.remove(0));
            }
            let now = self.host.now();
            self.composer.handle_timeout(now);
            self.watcher.handle_timeout(now);
            self.tell_composing();
            self.watched();
            if !self.told.is_empty() {
                continue;
            }
            let due = self.composer.poll_timeout().into_iter().chain(self.watcher.poll_timeout());
            let wake = due.min().map_or(until, |at| at.min(until));
            match self.host.next_event(wake.saturating_since(now)) {
                Next::Event(event) => self.take(event),
                Next::TimedOut if self.host.now() >= wake && wake < until => {}
                Next::TimedOut | Next::Finished => return None,
            }
        }
    }

    fn tell_composing(&mut self) {
        while let Some(Output::Transmit(status)) = self.composer.poll_output() {
            let xml = status.to_xml().into_bytes();
            // A notice that cannot be sent is no loss.
            let _lost = self.send(iscomposing::MEDIA_TYPE, xml, Sent::Typing).is_err();
        }
    }

    fn watched(&mut self) {
        while let Some(Output::Event(event)) = self.watcher.poll_output() {
            self.told.push(ChatEvent::Typing(matches!(event, WatcherEvent::Started(_))));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Registered { .. } => self.told.push(ChatEvent::Registered),
            Event::RegistrationFailed { status, .. } => {
                self.told.push(ChatEvent::NotRegistered(status));
            }
            Event::Message { from, content_type, body, .. } => {
                let now = self.host.now();
                let kind = content_type.split(';').next().unwrap_or_default().trim().to_owned();
                self.read(now, &from, &kind, &body);
            }
            Event::Delivered { id, status } => {
                if let Some(Sent::Text(number, _) | Sent::Plain(number)) = self.sent.remove(&id) {
                    self.told.push(ChatEvent::Outcome(number, format!("sent {status}")));
                }
            }
            Event::Refused { id, status } => self.refused(id, status),
            Event::Undelivered { id } => {
                if let Some(Sent::Text(number, _) | Sent::Plain(number)) = self.sent.remove(&id) {
                    self.told.push(ChatEvent::Outcome(number, "no answer".to_owned()));
                }
            }
            _ => {}
        }
    }

    /// 415: send no more of that type, and say it another way if there is one.
    fn refused(&mut self, id: MessageId, status: StatusCode) {
        let not_taken = status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
        match self.sent.remove(&id) {
            Some(Sent::Typing) if not_taken => {
                let now = self.host.now();
                self.composer.handle_input(now, ComposerInput::Answered(status.as_u16()));
                self.told.push(ChatEvent::NotTaken(iscomposing::MEDIA_TYPE));
            }
            Some(Sent::Text(number, text)) if not_taken => {
                self.envelopes = false;
                self.told.push(ChatEvent::NotTaken(CPIM));
                let plain = text.into_bytes();
                if self.send("text/plain;charset=utf-8", plain, Sent::Plain(number)).is_err() {
                    self.told.push(ChatEvent::Outcome(number, "not sent".to_owned()));
                }
            }
            Some(Sent::Text(number, _) | Sent::Plain(number)) => {
                self.told.push(ChatEvent::Outcome(number, format!("refused {status}")));
            }
            _ => {}
        }
    }

    fn read(&mut self, now: Instant, from: &str, kind: &str, body: &[u8]) {
        if kind.eq_ignore_ascii_case(iscomposing::MEDIA_TYPE) {
            if let Ok(status) = IsComposing::parse_xml(body) {
                self.watcher.handle_input(now, WatcherInput::Status(&status));
            }
            return self.watched();
        }
        if !kind.eq_ignore_ascii_case(CPIM) {
            return self.text(now, from, body);
        }
        let Ok(envelope) = cpim::Message::parse(body, &cpim::Limits::DEFAULT) else { return };
        if imdn::is_notification(&envelope) {
            return self.receipt(envelope.content());
        }
        self.text(now, from, envelope.content());
        // A terminal shows at once what comes, so both receipts are due.
        let Some(mut receipts) = Receipts::of(&envelope) else { return };
        let to = receipts.destination().to_owned();
        for (disposition, status) in
            [(Disposition::Delivery, Status::Delivered), (Disposition::Display, Status::Displayed)]
        {
            let own = self.rng.hex::<24>();
            if let Ok(receipt) = receipts.give(disposition, status, own.as_str()) {
                // A receipt that cannot be sent is the sender's loss.
                let _lost = self.send_to(&to, CPIM, receipt, Sent::Receipt).is_err();
            }
        }
    }

    fn text(&mut self, now: Instant, from: &str, body: &[u8]) {
        self.watcher.handle_input(now, WatcherInput::Content);
        self.watched();
        let text = String::from_utf8_lossy(body).into_owned();
        self.told.push(ChatEvent::Text(from.to_owned(), text));
    }

    fn receipt(&mut self, xml: &[u8]) {
        let Ok(report) = Report::parse_xml(xml) else { return };
        let Some(number) = self.ids.get(&report.message_id).copied() else { return };
        let what = report.status().as_str().to_owned();
        self.told.push(ChatEvent::Outcome(number, what));
    }
}

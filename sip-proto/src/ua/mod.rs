//! The user agent: stays registered, sends and receives MESSAGE, answers OPTIONS.

mod config;
mod incoming;
mod pager;
mod registration;

pub use config::{MessageId, UaConfig, UaEvent};

use crate::endpoint::{
    CommandError, Endpoint, FlowId, SipEvent, SipInput, SipTransmit, TransactionId,
};
use crate::headers::CSeq;
use crate::message::{Builder, HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use pager::Pager;
use proto_wire::digest::{Answer, Client, Target};
use proto_wire::{DatagramMachine, Instant, Machine, Output, Rng, Seed};
use registration::Registration;

/// One user's agent (RFC 3261 §10.2, RFC 3428): keeps the user registered with one registrar,
/// sends messages one after the other to each target, and hands over those that come.
///
/// | kind | methods |
/// |---|---|
/// | A: getters | [`endpoint`](Self::endpoint), [`is_registered`](Self::is_registered) |
/// | B: input | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) |
/// | C: commands | [`register`](Self::register), [`unregister`](Self::unregister), [`send_message`](Self::send_message), [`close_flow`](Self::close_flow) |
/// | D: output | [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout) |
///
/// The run loop is that of [`Endpoint`].
///
/// ```
/// use std::sync::Arc;
/// use proto_wire::digest::Credential;
/// use proto_wire::{Instant, Output, Seed};
/// use sip_proto::endpoint::{Config, Listener, Target};
/// use sip_proto::ua::{UaConfig, UserAgent};
/// use sip_proto::Transport;
///
/// let here = Config::new([Listener::new(Transport::Udp, "192.0.2.7:5060".parse()?)]);
/// let registrar = Target::Address(Transport::Udp, "192.0.2.1:5060".parse()?);
/// let config = UaConfig::new("sip:ann@club.example", registrar, here)?
///     .with_credential(Credential::new("ann", "s3cret")?);
/// let mut ann = UserAgent::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
///
/// ann.register(Instant::ZERO)?;
/// ann.send_message(Instant::ZERO, "sip:bob@club.example", "text/plain", "hello")?;
/// let Some(Output::Transmit(register)) = ann.poll_output() else { panic!("a request") };
/// assert!(register.payload.starts_with(b"REGISTER sip:club.example SIP/2.0\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UserAgent {
    config: Arc<UaConfig>,
    endpoint: Endpoint,
    auth: Client,
    rng: Rng,
    now: Instant,
    output: VecDeque<Output<SipTransmit, UaEvent>>,
    registration: Registration,
    pager: Pager,
    sent: BTreeMap<TransactionId, Purpose>,
}

/// What a client transaction is for, and the credentials that it carried.
#[derive(Debug)]
enum Purpose {
    Register(Vec<Answer>),
    Message(MessageId, Vec<Answer>),
}

impl UserAgent {
    /// An agent that is not registered yet.
    #[must_use]
    pub fn new(now: Instant, config: Arc<UaConfig>, seed: Seed) -> Self {
        let mut rng = Rng::new(&seed);
        let endpoint = Endpoint::new(now, Arc::new(config.endpoint.clone()), rng.seed());
        let auth = Client::new(config.credentials.iter().cloned());
        let registration = Registration::new(&config, &mut rng);
        Self {
            config,
            endpoint,
            auth,
            rng,
            now,
            output: VecDeque::new(),
            registration,
            pager: Pager::default(),
            sent: BTreeMap::new(),
        }
    }

    /// The transactions and streams.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the registrar has confirmed the registration, and it has not ended.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.registration.is_alive(self.now)
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: SipInput<'_>) {
        self.now = self.now.max(now);
        self.endpoint.handle_input(self.now, input);
        self.pump();
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.endpoint.handle_timeout(self.now);
        self.registration_timeout();
        self.pump();
    }

    /// The next thing to send or to tell.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<SipTransmit, UaEvent>> {
        self.output.pop_front()
    }

    /// When [`UserAgent::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.endpoint.poll_timeout(), self.registration.next_timeout()].into_iter().flatten().min()
    }

    /// Ends a stream.
    ///
    /// # Errors
    /// [`CommandError::NoFlow`] when it is not open.
    pub fn close_flow(&mut self, now: Instant, flow: FlowId) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        self.endpoint.close_flow(self.now, flow)?;
        self.pump();
        Ok(())
    }

    fn pump(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            let event = match output {
                Output::Transmit(transmit) => {
                    self.output.push_back(Output::Transmit(transmit));
                    continue;
                }
                Output::Event(event) => event,
            };
            match event {
                SipEvent::Request { id, request, .. } => self.receive(id, request),
                SipEvent::Response { id, response } => self.response(id, &response),
                SipEvent::TimedOut { id } | SipEvent::TransportFailed { id } => self.failed(id),
                SipEvent::Terminated { id } => {
                    self.sent.remove(&id);
                }
                SipEvent::Ack { .. } | SipEvent::Cancelled { .. } => {}
                other => {
                    if matches!(other, SipEvent::FlowClosed { .. }) {
                        self.registration_lost_flow();
                    }
                    self.tell(UaEvent::Endpoint(other));
                }
            }
        }
    }

    fn response(&mut self, id: TransactionId, response: &ResponseBuf) {
        let status = response.view().status();
        if status.is_provisional() {
            return;
        }
        let Some(purpose) = self.sent.remove(&id) else { return };
        let answers = match &purpose {
            Purpose::Register(answers) | Purpose::Message(_, answers) => answers,
        };
        let again = match status {
            StatusCode::UNAUTHORIZED => self.challenged(response, Target::Origin, answers),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.challenged(response, Target::Proxy, answers)
            }
            _ => {
                self.auth.accepted(answers);
                self.next_nonces(response, answers);
                false
            }
        };
        match purpose {
            Purpose::Register(_) => self.registration_answered(response, again),
            Purpose::Message(message, _) => self.message_answered(message, status, again),
        }
    }

    /// Whether the challenge can be met by sending again.
    fn challenged(&mut self, response: &ResponseBuf, target: Target, answers: &[Answer]) -> bool {
        let name = match target {
            Target::Origin => HeaderName::WWW_AUTHENTICATE,
            Target::Proxy => HeaderName::PROXY_AUTHENTICATE,
        };
        let rows = response.headers().rows(name).map(|f| f.raw().unfolded());
        self.auth.challenged(target, rows, answers).is_ok()
    }

    fn next_nonces(&mut self, response: &ResponseBuf, answers: &[Answer]) {
        for (target, name) in [
            (Target::Origin, HeaderName::AUTHENTICATION_INFO),
            (Target::Proxy, HeaderName::PROXY_AUTHENTICATION_INFO),
        ] {
            if let Some(value) = response.headers().bytes(name) {
                // What cannot be read changes nothing.
                let _unread = self.auth.info(target, value, answers, &response.body()).is_err();
            }
        }
    }

    fn failed(&mut self, id: TransactionId) {
        match self.sent.remove(&id) {
            Some(Purpose::Register(_)) => self.registration_failed(None),
            Some(Purpose::Message(message, _)) => self.message_failed(message),
            None => {}
        }
    }

    /// The headers that every request of ours has, and the credentials that the realms know.
    fn start(
        &mut self,
        method: Method<'_>,
        uri: &str,
        to: &str,
        call_id: &str,
        cseq: u32,
        body: &[u8],
    ) -> (Builder<RequestBuf>, Vec<Answer>) {
        let answers =
            self.auth.answers(&mut self.rng, method.as_str().as_bytes(), uri.as_bytes(), body);
        let mut request = RequestBuf::build(method, uri)
            .header(HeaderName::MAX_FORWARDS, 70)
            .header(
                HeaderName::FROM,
                format_args!("<{}>;tag={}", self.config.address, self.registration.tag()),
            )
            .header(HeaderName::TO, format_args!("<{to}>"))
            .header(HeaderName::CALL_ID, call_id)
            .header(HeaderName::CSEQ, CSeq { number: cseq, method });
        for answer in &answers {
            let name = match answer.target() {
                Target::Origin => HeaderName::AUTHORIZATION,
                Target::Proxy => HeaderName::PROXY_AUTHORIZATION,
            };
            request = request.header(name, answer.value());
        }
        let product = &self.config.endpoint.product;
        (
            request.header_if(HeaderName::USER_AGENT, (!product.is_empty()).then_some(product)),
            answers,
        )
    }

    fn new_call_id(&mut self) -> String {
        alloc::format!("{}", self.rng.hex::<32>())
    }

    fn tell(&mut self, event: UaEvent) {
        self.output.push_back(Output::Event(event));
    }
}

impl Machine for UserAgent {
    type Input<'a> = SipInput<'a>;
    type Transmit = SipTransmit;
    type Event = UaEvent;

    fn handle_input(&mut self, now: Instant, input: SipInput<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<SipTransmit, UaEvent>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

impl DatagramMachine for UserAgent {
    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.handle_input(now, SipInput::Datagram { local, remote, data });
    }

    fn into_datagram(transmit: SipTransmit) -> Option<(SocketAddr, bytes::Bytes)> {
        transmit.into_datagram()
    }
}

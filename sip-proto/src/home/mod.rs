//! The home server of a domain: registrar and proxy in one machine.

mod config;
mod forward;
mod requests;
mod send;

pub use config::{HomeConfig, HomeEvent, MessageId, SecretId, StoreId};

use crate::endpoint::{Endpoint, Path, SipEvent, SipInput, SipTransmit, TransactionId};
use crate::message::{RequestBuf, ResponseBuf, StatusCode};
use crate::proxy::Relay;
use crate::registrar::{Binding, Location, Registrar, SecretWanted};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::digest::{Claim, Sealer, Secret};
use proto_wire::{Instant, Output, Rng, Seed};

/// Registrar, location service and stateful proxy of calls and messages (RFC 3261 §10, §16; RFC 3428)
/// for the users of one domain. It stays in the dialogs that begin here.
///
/// | kind | methods |
/// |---|---|
/// | A: getters | [`endpoint`](Self::endpoint), [`bindings`](Self::bindings) |
/// | B: input | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) |
/// | C: commands | [`supply_secret`](Self::supply_secret), [`stored`](Self::stored), [`send_message`](Self::send_message), [`send_message_with`](Self::send_message_with), [`close_flow`](Self::close_flow) |
/// | D: output | [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout) |
///
/// The run loop is that of [`Endpoint`]; the program answers [`HomeEvent::SecretWanted`].
///
/// ```
/// use std::sync::Arc;
/// use proto_wire::{Instant, Output, Seed};
/// use sip_proto::endpoint::{Config, Listener, SipInput};
/// use sip_proto::home::{HomeConfig, HomeEvent, HomeServer};
/// use sip_proto::Transport;
///
/// let here = "192.0.2.1:5060".parse()?;
/// let endpoint = Config::new([Listener::new(Transport::Udp, here)]);
/// let config = HomeConfig::new("club.example", endpoint)?;
/// let mut home = HomeServer::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
///
/// let data = b"REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
///     From: <sip:ann@club.example>;tag=1\r\nTo: <sip:ann@club.example>\r\nCall-ID: 1\r\n\
///     CSeq: 1 REGISTER\r\nContact: <sip:ann@192.0.2.7>\r\n\r\n";
/// let input = SipInput::Datagram { local: here, remote: "192.0.2.7:5060".parse()?, data };
/// home.handle_input(Instant::ZERO, input);
/// let Some(Output::Transmit(reply)) = home.poll_output() else { panic!("a reply") };
/// assert!(reply.payload.starts_with(b"SIP/2.0 401 Unauthorized\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HomeServer {
    config: Arc<HomeConfig>,
    endpoint: Endpoint,
    registrar: Registrar,
    location: Location,
    rng: Rng,
    now: Instant,
    output: VecDeque<Output<SipTransmit, HomeEvent>>,
    /// Requests whose user's secret is being looked up.
    waiting: BTreeMap<SecretId, Waiting>,
    next_id: u64,
    /// Forwarded requests, and whom those from outside of dialogs are for.
    relay: Relay,
    routed: BTreeMap<TransactionId, String>,
    /// Messages for those who are not there, which the application may keep.
    storing: BTreeMap<StoreId, (TransactionId, String)>,
    /// Seals the routes back over streams.
    sealer: Sealer,
    /// Messages of our own, by client transaction, and those that wait for an earlier one.
    own: BTreeMap<TransactionId, send::Sent>,
    queued: BTreeMap<String, VecDeque<send::Draft>>,
}

#[derive(Debug)]
enum Waiting {
    Register { id: TransactionId, wanted: SecretWanted },
    Forward { id: TransactionId, request: RequestBuf, path: Path, claim: Claim },
}

impl Waiting {
    const fn id(&self) -> TransactionId {
        match self {
            Self::Register { id, .. } | Self::Forward { id, .. } => *id,
        }
    }
}

impl HomeServer {
    /// A server without bindings.
    #[must_use]
    pub fn new(now: Instant, config: Arc<HomeConfig>, seed: Seed) -> Self {
        let mut rng = Rng::new(&seed);
        let endpoint = Endpoint::new(now, Arc::new(config.endpoint.clone()), rng.seed());
        let registrar = Registrar::new(config.registrar.clone(), rng.seed());
        let location = Location::new(config.bindings_max);
        let sealer = Sealer::new(&rng.seed());
        Self {
            config,
            endpoint,
            registrar,
            location,
            rng,
            now,
            output: VecDeque::new(),
            waiting: BTreeMap::new(),
            next_id: 0,
            relay: Relay::new(),
            routed: BTreeMap::new(),
            storing: BTreeMap::new(),
            sealer,
            own: BTreeMap::new(),
            queued: BTreeMap::new(),
        }
    }

    /// The transactions and streams.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where the user with this address (`user@host`) is now, the most preferred first.
    #[must_use]
    pub fn bindings(&self, address: &str) -> Vec<Binding> {
        self.location.fetch(self.now, address)
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
        while let Some(address) = self.location.expire(self.now) {
            let bindings = self.location.fetch(self.now, &address).len();
            self.tell(HomeEvent::Registered { address, bindings });
        }
        self.pump();
        while let Some(done) = self.relay.expire(&mut self.endpoint, self.now) {
            self.done(done);
            self.pump();
        }
    }

    /// The next thing to send or to tell.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<SipTransmit, HomeEvent>> {
        self.output.pop_front()
    }

    /// When [`HomeServer::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = [self.location.next_expiry(), self.relay.poll_timeout()];
        own.into_iter().flatten().chain(self.endpoint.poll_timeout()).min()
    }

    /// Answers [`HomeEvent::SecretWanted`]; [`Secret::Unknown`] when there is no such user. An
    /// id that is no longer waited for is ignored.
    pub fn supply_secret(&mut self, now: Instant, id: SecretId, secret: Secret<'_>) {
        self.now = self.now.max(now);
        match self.waiting.remove(&id) {
            Some(Waiting::Register { id, wanted }) => {
                let step = self.registrar.secret(self.now, wanted, secret);
                self.register_step(id, step);
            }
            Some(Waiting::Forward { id, request, path, claim }) => {
                self.judge(id, request, path, &claim, secret);
            }
            None => {}
        }
        self.pump();
    }

    /// Answers [`HomeEvent::StoreWanted`]: 202 when the message is kept (RFC 3428 §7), else this
    /// status, which should be 480 for a user who is away and 404 for none. An id that is no longer
    /// waited for is ignored.
    pub fn stored(&mut self, now: Instant, id: StoreId, outcome: Result<(), StatusCode>) {
        self.now = self.now.max(now);
        if let Some((transaction, address)) = self.storing.remove(&id) {
            let status = match outcome {
                Ok(()) => StatusCode::ACCEPTED,
                Err(status) if status.as_u16() >= 300 => status,
                Err(_) => StatusCode::TEMPORARILY_UNAVAILABLE,
            };
            self.answer(transaction, status);
            self.tell(HomeEvent::Routed { address, status });
        }
        self.pump();
    }

    /// Ends a stream.
    ///
    /// # Errors
    /// [`CommandError::NoFlow`](crate::endpoint::CommandError::NoFlow) when it is not open.
    pub fn close_flow(
        &mut self,
        now: Instant,
        flow: crate::endpoint::FlowId,
    ) -> Result<(), crate::endpoint::CommandError> {
        self.now = self.now.max(now);
        self.endpoint.close_flow(self.now, flow)?;
        self.pump();
        Ok(())
    }

    /// Takes the endpoint's output, in order, and acts on its events.
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
                SipEvent::Request { id, request, path } => self.receive(id, request, path),
                SipEvent::Response { id, response } => self.response(id, &response),
                SipEvent::TimedOut { id } => self.branch_failed(id, true),
                SipEvent::TransportFailed { id } => self.branch_failed(id, false),
                SipEvent::Terminated { id } => self.terminated(id),
                SipEvent::Ack { request, path, .. } => self.acknowledge(&request, path),
                SipEvent::Cancelled { id } => self.cancelled(id),
                other => self.tell(HomeEvent::Endpoint(other)),
            }
        }
    }

    fn response(&mut self, id: TransactionId, response: &ResponseBuf) {
        if !self.own_response(id, response.view().status()) {
            let done = self.relay.response(&mut self.endpoint, self.now, id, response);
            self.done(done);
        }
    }

    fn branch_failed(&mut self, id: TransactionId, timed_out: bool) {
        if !self.own_failed(id) {
            let done = self.relay.failed(&mut self.endpoint, self.now, id, timed_out);
            self.done(done);
        }
    }

    fn cancelled(&mut self, id: TransactionId) {
        if !self.relay.cancelled(&mut self.endpoint, self.now, id) {
            // Its user's secret is still being looked up.
            self.waiting.retain(|_, w| w.id() != id);
            self.answer(id, StatusCode::REQUEST_TERMINATED);
        }
    }

    fn terminated(&mut self, id: TransactionId) {
        self.relay.terminated(id);
        self.routed.remove(&id);
        self.storing.retain(|_, (own, _)| *own != id);
        self.waiting.retain(|_, w| w.id() != id);
    }

    fn tell(&mut self, event: HomeEvent) {
        self.output.push_back(Output::Event(event));
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

crate::endpoint::drive_by_traits!(HomeServer, HomeEvent);

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_calls;
#[cfg(test)]
mod tests_store;

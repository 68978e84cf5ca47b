//! The endpoint: the transactions with all peers, over datagrams and streams.

mod checks;
mod config;
mod deadlines;
mod event;
mod flows;
mod machine;
mod merge;
mod receive;
mod send;
mod store;

pub use config::{Config, Listener};
pub use event::{
    CommandError, ConnectId, FlowEnd, FlowId, Path, Refusal, SipEvent, SipInput, SipTransmit,
    Target, TransactionId, TransmitId,
};

pub(crate) use machine::drive_by_traits;

use crate::message::{Index, RequestBuf};
use crate::transaction::{Key, Timer};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;
use flows::Flows;
use proto_wire::{Instant, Output, Rng, Seed, TimerKey};
use store::{Keyed, Store};

/// All transactions of one element, client and server, with all its peers.
///
/// | kind | methods |
/// |---|---|
/// | A: getters | [`transactions`](Self::transactions), [`flows`](Self::flows), [`flow_to`](Self::flow_to), [`is_merged`](Self::is_merged), [`request_of`](Self::request_of), [`path_of`](Self::path_of), [`next_timer`](Self::next_timer) |
/// | B: input | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) |
/// | C: commands | [`request`](Self::request), [`request_oversize`](Self::request_oversize), [`respond`](Self::respond), [`cancel`](Self::cancel), [`abandon`](Self::abandon), [`send_ack`](Self::send_ack), [`ping`](Self::ping), [`check`](Self::check), [`close_flow`](Self::close_flow) |
/// | D: output | [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout) |
///
/// ```
/// use core::net::SocketAddr;
/// use std::sync::Arc;
/// use proto_wire::{Instant, Output, Seed};
/// use sip_proto::endpoint::{Config, Endpoint, Listener, Path, SipEvent, SipInput};
/// use sip_proto::{ResponseBuf, StatusCode, Transport};
///
/// let here: SocketAddr = "192.0.2.1:5060".parse()?;
/// let peer: SocketAddr = "192.0.2.7:5060".parse()?;
/// let config = Config::new([Listener::new(Transport::Udp, here)]);
/// let mut endpoint = Endpoint::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
///
/// // Report input, then drain: each output in turn.
/// let now = Instant::ZERO;
/// let data = b"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
///     From: <sip:a@h>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// endpoint.handle_input(now, SipInput::Datagram { local: here, remote: peer, data });
/// let mut sent = Vec::new();
/// while let Some(output) = endpoint.poll_output() {
///     match output {
///         Output::Transmit(transmit) => sent.push(transmit), // socket.send_to(..)
///         Output::Event(SipEvent::Request { id, request, .. }) => {
///             let reply = ResponseBuf::reply_to(request.view(), StatusCode::OK, Some("x")).build()?;
///             endpoint.respond(now, id, &reply)?;
///         }
///         Output::Event(_) => {}
///     }
/// }
/// assert_eq!(sent[0].path, Path::Datagram { local: here, remote: peer });
/// assert!(sent[0].payload.starts_with(b"SIP/2.0 200 OK\r\n"));
/// // Then sleep until input, or until this time: handle_timeout.
/// assert_eq!(endpoint.poll_timeout(), Some(Instant::from_secs(32)));
/// endpoint.handle_timeout(Instant::from_secs(32));
/// assert_eq!(endpoint.transactions(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Endpoint {
    config: Arc<Config>,
    /// The lengths of the timers when they are set for the first time.
    waits: [Duration; Timer::ALL.len()],
    rng: Rng,
    /// Makes the branches of ACKs: the same request gets the same one again.
    ack_key: u64,
    now: Instant,
    store: Store,
    flows: Flows,
    merges: merge::Merges,
    checks: checks::Checks,
    /// The request that is being sent may be longer than a datagram should be.
    oversize: bool,
    output: VecDeque<Output<SipTransmit, SipEvent>>,
    scratch_index: Index,
    scratch_key: Key,
}

impl Endpoint {
    /// An endpoint without transactions or streams.
    #[must_use]
    pub fn new(now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        let mut rng = Rng::new(&seed);
        let ack_key = rng.next_u64();
        let hasher = Keyed::new(&mut rng);
        let mut waits = [Duration::ZERO; Timer::ALL.len()];
        for (wait, timer) in waits.iter_mut().zip(Timer::ALL) {
            *wait = config.timers.wait(*timer, 0);
        }
        Self {
            config,
            waits,
            rng,
            ack_key,
            now,
            store: Store::new(hasher),
            flows: Flows::default(),
            merges: merge::Merges::new(hasher),
            checks: checks::Checks::new(),
            oversize: false,
            output: VecDeque::new(),
            scratch_index: Index::new(),
            scratch_key: Key::scratch(),
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many transactions there are.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.store.len()
    }

    /// How many streams are open.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows.len()
    }

    /// The request of a transaction: as it was sent, or as it came with its source noted. Once a
    /// request other than INVITE has got its final response over datagrams, nobody needs it and it is
    /// not kept.
    #[must_use]
    pub fn request_of(&self, id: TransactionId) -> Option<&RequestBuf> {
        self.store.get(id)?.request.as_ref()
    }

    /// The path of a transaction, unless its stream is still being opened.
    #[must_use]
    pub fn path_of(&self, id: TransactionId) -> Option<Path> {
        match self.store.get(id)?.dest {
            store::Dest::Path(path) => Some(path),
            store::Dest::Waiting(_) => None,
        }
    }

    /// The To tag that this server transaction puts on its own responses (100 has none).
    #[must_use]
    pub fn tag_of(&self, id: TransactionId) -> Option<proto_wire::HexToken<12>> {
        self.store.get(id).map(|t| t.tag)
    }

    /// The peer's address on a path, while the stream is open.
    #[must_use]
    pub fn remote_of(&self, path: Path) -> Option<SocketAddr> {
        match path {
            Path::Datagram { remote, .. } => Some(remote),
            Path::Stream(flow) => self.flows.get(flow).map(|f| f.remote),
        }
    }

    /// The transport of a path, while the stream is open.
    #[must_use]
    pub fn transport_of(&self, path: Path) -> Option<crate::headers::Transport> {
        match path {
            Path::Datagram { .. } => Some(crate::headers::Transport::Udp),
            Path::Stream(flow) => self.flows.get(flow).map(|f| f.transport),
        }
    }

    /// The stream to an address, if one is open.
    #[must_use]
    pub fn flow_to(
        &self,
        transport: crate::headers::Transport,
        remote: SocketAddr,
    ) -> Option<FlowId> {
        self.flows.find(transport, remote)
    }

    /// When the next timer of a transaction fires, and which. [`Endpoint::check`] has a time of its own.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.store.next_timer()
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: SipInput<'_>) {
        self.advance(now);
        match input {
            SipInput::Datagram { local, remote, data } => {
                self.receive_datagram(Path::Datagram { local, remote }, data)
            }
            SipInput::Stream { flow, data } => self.receive_stream(flow, data),
            SipInput::FlowOpened { flow, transport, local, remote, connect } => {
                self.open_flow(flow, transport, (local, remote), connect);
            }
            SipInput::FlowClosed { flow } => self.end_flow(flow, FlowEnd::Eof),
            SipInput::ConnectFailed { connect } => self.connect_failed(connect),
            SipInput::SendFailed { id } => {
                if let Some(id) = id.0 {
                    self.apply(id, store::Happening::TransportError, None, None);
                }
            }
        }
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some((id, timer)) = self.store.expire(self.now) {
            self.apply(id, store::Happening::Timer(timer), None, None);
        }
        self.expire_checks();
    }

    /// The next thing to send or to tell.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<SipTransmit, SipEvent>> {
        self.output.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first = self.store.next_timer().map(|(at, _)| at);
        first.into_iter().chain(self.checks.poll_timeout()).min()
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn tell(&mut self, event: SipEvent) {
        self.output.push_back(Output::Event(event));
    }
}

drive_by_traits!(Endpoint, SipEvent);

impl SipTransmit {
    /// The destination and the payload, when this is a datagram.
    #[must_use]
    pub fn into_datagram(self) -> Option<(SocketAddr, Bytes)> {
        match self.path {
            Path::Datagram { remote, .. } => Some((remote, self.payload)),
            Path::Stream(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;

//! What arrives: to its transaction, to a new one, or refused.

use super::Endpoint;
use super::event::{
    ConnectId, FlowEnd, FlowId, Path, Refusal, SipEvent, TransactionId, TransmitId,
};
use super::flows::Flow;
use super::store::{Dest, Happening, Kind, Transaction};
use crate::headers::{Routing, Transport, Via};
use crate::message::{
    HeaderName, Message, MessageBuf, Method, Request, RequestBuf, Response, ResponseBuf, StatusCode,
};
use crate::stream::{Framed, Framer};
use crate::transaction::{Key, Reliability, invite_server, server};
use bytes::Bytes;
use core::mem;
use core::net::SocketAddr;
use proto_wire::LimitKind;
use proto_wire::text::host::Host;

impl Endpoint {
    pub(super) fn receive_datagram(&mut self, path: Path, data: &[u8]) {
        // RFC 5626 §8: STUN is on the same port. Empty lines are what most phones send instead.
        if crate::stun::is_stun(data) {
            return self.receive_stun(path, data);
        }
        if data.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
            self.tell(SipEvent::Ping { path });
            return;
        }
        self.receive_whole(path, data);
    }

    /// A message that came alone: a datagram, or a message of a `WebSocket` (RFC 7118 §5).
    fn receive_whole(&mut self, path: Path, data: &[u8]) {
        let mut index = mem::take(&mut self.scratch_index);
        let limits = self.config.limits;
        match Message::parse_datagram(data, &mut index, &limits) {
            Ok(Message::Request(request)) => self.receive_request(path, request),
            Ok(Message::Response(response)) => self.receive_response(path, response),
            Err(error) => self.refuse(path, Refusal::NotSip(error)),
        }
        self.scratch_index = index;
    }

    pub(super) fn receive_stream(&mut self, id: FlowId, data: &[u8]) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        if matches!(flow.transport, Transport::Ws | Transport::Wss) {
            return self.receive_web(id, data);
        }
        flow.framer.push(data);
        loop {
            // A message may end its own stream.
            let Some(item) = self.flows.get_mut(id).and_then(|f| f.framer.next_item()) else {
                return;
            };
            let path = Path::Stream(id);
            match item {
                Ok(Framed::Message(MessageBuf::Request(request))) => {
                    self.receive_request(path, request.view())
                }
                Ok(Framed::Message(MessageBuf::Response(response))) => {
                    self.receive_response(path, response.view())
                }
                Ok(Framed::Ping) => {
                    self.transmit(path, TransmitId(None), Bytes::from_static(b"\r\n"));
                    self.tell(SipEvent::Ping { path });
                }
                Ok(Framed::Pong) => self.tell(SipEvent::Pong { flow: id }),
                Err(error) => {
                    let failed = self
                        .flows
                        .get(id)
                        .and_then(|f| f.framer.failed_request().map(Request::to_buf));
                    if let Some(request) = failed {
                        let status = match error.kind() {
                            proto_wire::ParseErrorKind::Limit(_) => {
                                StatusCode::REQUEST_ENTITY_TOO_LARGE
                            }
                            _ => StatusCode::BAD_REQUEST,
                        };
                        self.reply_stateless(
                            path,
                            request.view(),
                            status,
                            &alloc::format!("{}", error.kind()),
                            None,
                        );
                    }
                    self.refuse(path, Refusal::NotSip(error));
                    self.end_flow(id, FlowEnd::Protocol(error));
                    return;
                }
            }
        }
    }

    /// RFC 7118 §6: keep-alives are as in other streams.
    fn receive_web(&mut self, id: FlowId, data: &[u8]) {
        let path = Path::Stream(id);
        match data {
            b"\r\n" => self.tell(SipEvent::Pong { flow: id }),
            _ if data.iter().all(|b| matches!(b, b'\r' | b'\n')) => {
                self.transmit(path, TransmitId(None), Bytes::from_static(b"\r\n"));
                self.tell(SipEvent::Ping { path });
            }
            _ => self.receive_whole(path, data),
        }
    }

    pub(super) fn refuse(&mut self, path: Path, why: Refusal) {
        self.tell(SipEvent::Refused { path, why });
    }

    fn receive_request(&mut self, path: Path, request: Request<'_>) {
        let mut key = mem::replace(&mut self.scratch_key, Key::scratch());
        // What cannot be read is objected to by validation.
        let method = request.method();
        let via = request.headers().typed::<Via<'_>>().ok().flatten();
        let known = via.as_ref().is_some_and(|via| key.set_server_by(request, via, method).is_ok());
        let hash = self.store.hash(&key);
        let found = if known { self.store.find(&key, hash) } else { None };
        match found {
            Some(id) => self.receive_again(id, path, request),
            None => self.receive_new((&key, hash), path, (request, method), via.as_ref()),
        }
        self.scratch_key = key;
    }

    /// A request whose transaction is known: sent again, or the ACK of an INVITE.
    fn receive_again(&mut self, id: TransactionId, path: Path, request: Request<'_>) {
        if request.method() == Method::Ack {
            let event = SipEvent::Ack { id: Some(id), request: request.to_buf(), path };
            self.apply(id, Happening::Ack, None, Some(event));
        } else {
            self.apply(id, Happening::Request, None, None);
        }
    }

    fn receive_new(
        &mut self,
        (key, hash): (&Key, u64),
        path: Path,
        (request, method): (Request<'_>, Method<'_>),
        via: Option<&Via<'_>>,
    ) {
        if let Err(objection) = request.validate_below(via.is_some(), method) {
            // An ACK is never answered (RFC 3261 §17).
            if method != Method::Ack {
                let reason = alloc::format!("{}", objection.error.kind());
                self.reply_stateless(path, request, objection.status, &reason, None);
            }
            self.refuse(path, Refusal::Invalid(objection));
            return;
        }
        let remote = self.remote_of(path);
        let source = via.zip(remote).map(|(via, remote)| Source::new(via, remote));
        if method == Method::Ack {
            let request = with_source(request, source.as_ref());
            self.tell(SipEvent::Ack { id: None, request, path });
            return;
        }
        // With few transactions no source can have too many.
        let crowded = self.store.len() >= self.config.transactions_per_source_max;
        let crowded = crowded
            && remote.is_some_and(|remote| {
                let source = remote.ip();
                self.store.of_source(source) >= self.config.transactions_per_source_max
            });
        let crowded = crowded || self.store.len() >= self.config.transactions_max;
        // What ends work is let in over the limit, once for each INVITE.
        if crowded && !(method == Method::Cancel && self.cancelled_by(request).is_some()) {
            let retry = self.config.retry_after.as_secs();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.reply_stateless(path, request, status, status.reason(), Some(retry));
            self.refuse(path, Refusal::Overload);
            return;
        }
        let owned = with_source(request, source.as_ref());
        let dest = response_dest(path, source.as_ref());
        let kind = if method == Method::Invite {
            Kind::InviteServer(invite_server::State::Initial)
        } else {
            Kind::Server(server::State::Initial)
        };
        let on = self.reliability(path);
        let tag = self.rng.hex();
        let mut transaction = Transaction::new(key.to_exact(), kind, on, dest, owned.clone(), tag);
        transaction.source = remote.map(|remote| remote.ip());
        let id = self.store.insert(transaction, hash);
        if method == Method::Cancel {
            self.apply(id, Happening::Request, None, None);
            self.cancelled(id, &owned);
            return;
        }
        self.apply(
            id,
            Happening::Request,
            None,
            Some(SipEvent::Request { id, request: owned, path }),
        );
    }

    /// RFC 3261 §9.2: a CANCEL is answered at once, late or not; what it cancels is the user's.
    fn cancelled(&mut self, cancel: TransactionId, request: &RequestBuf) {
        let invite = self.cancelled_by(request.view());
        let status =
            if invite.is_some() { StatusCode::OK } else { StatusCode::CALL_DOES_NOT_EXIST };
        // The To tag is the one that the INVITE's responses have.
        let tag = invite.and_then(|id| self.tag_of(id)).or_else(|| self.tag_of(cancel));
        let reply = ResponseBuf::reply_to(request.view(), status, tag.as_ref().map(|t| t.as_str()));
        if let Ok(reply) = self.signed_response(reply).build() {
            self.apply(cancel, Happening::Answer(status), Some(reply.into_bytes()), None);
        }
        let proceeding = Kind::InviteServer(invite_server::State::Proceeding);
        if let Some(id) =
            invite.filter(|id| self.store.get(*id).is_some_and(|t| t.kind == proceeding))
        {
            self.tell(SipEvent::Cancelled { id });
        }
    }

    /// The INVITE that a CANCEL is for (RFC 3261 §9.2).
    fn cancelled_by(&mut self, cancel: Request<'_>) -> Option<TransactionId> {
        let mut key = mem::replace(&mut self.scratch_key, Key::scratch());
        let known = key.set_server(cancel, Method::Invite).is_ok();
        let hash = self.store.hash(&key);
        let invite = if known { self.store.find(&key, hash) } else { None };
        self.scratch_key = key;
        invite
    }

    fn receive_response(&mut self, path: Path, response: Response<'_>) {
        let mut key = mem::replace(&mut self.scratch_key, Key::scratch());
        let known = key.set_response(response).is_ok();
        let hash = self.store.hash(&key);
        let found = if known { self.store.find(&key, hash) } else { None };
        self.scratch_key = key;
        let Some(id) = found else {
            // RFC 6026 §7.2: dropped.
            self.refuse(path, Refusal::Stray);
            return;
        };
        if let Err(objection) = response.validate() {
            self.refuse(path, Refusal::Invalid(objection));
            return;
        }
        let status = response.status();
        self.keep_ack(id, response, status);
        let event = SipEvent::Response { id, response: response.to_buf() };
        self.apply(id, Happening::Response(status), None, Some(event));
    }

    /// Answers without a transaction. The tag is made of the request, so that an answer to the
    /// same request sent again has the same one (RFC 3261 §8.2.7).
    fn reply_stateless(
        &mut self,
        path: Path,
        request: Request<'_>,
        status: StatusCode,
        reason: &str,
        retry_after: Option<u64>,
    ) {
        if request.headers().first(HeaderName::VIA).is_none() {
            return;
        }
        let tag = alloc::format!("{:08x}", fingerprint(request));
        let via = request.headers().typed::<Via<'_>>().ok().flatten();
        let source =
            via.as_ref().zip(self.remote_of(path)).map(|(via, from)| Source::new(via, from));
        let noted = with_source(request, source.as_ref());
        let reply = ResponseBuf::reply_with_reason(noted.view(), status, reason, Some(&tag))
            .header_if(HeaderName::RETRY_AFTER, retry_after);
        let Ok(reply) = self.signed_response(reply).build() else { return };
        if let Dest::Path(to) = response_dest(path, source.as_ref()) {
            self.transmit(to, TransmitId(None), reply.into_bytes());
        }
    }

    pub(super) fn reliability(&self, path: Path) -> Reliability {
        match path {
            Path::Datagram { .. } => Reliability::Unreliable,
            Path::Stream(_) => Reliability::Reliable,
        }
    }

    pub(super) fn open_flow(
        &mut self,
        id: FlowId,
        transport: Transport,
        (local, remote): (SocketAddr, SocketAddr),
        connect: Option<ConnectId>,
    ) {
        if self.flows.get(id).is_some() {
            return;
        }
        if self.flows.len() >= self.config.flows_max {
            self.tell(SipEvent::FlowClosed {
                flow: id,
                reason: FlowEnd::Limit(LimitKind::Connections),
            });
            if let Some(connect) = connect {
                self.connect_failed(connect);
            }
            return;
        }
        let framer = Framer::new(self.config.limits);
        let mut flow =
            Flow { transport, local, remote, framer, users: alloc::collections::BTreeSet::new() };
        let pending = connect.and_then(|c| self.flows.take_pending(c));
        let (queue, users) = pending.map(|p| (p.queue, p.users)).unwrap_or_default();
        flow.users.clone_from(&users);
        self.flows.insert(id, flow);
        for user in users {
            if let Some(transaction) = self.store.get_mut(user) {
                transaction.dest = Dest::Path(Path::Stream(id));
            }
        }
        for (transmit, payload) in queue {
            self.transmit(Path::Stream(id), transmit, payload);
        }
    }

    pub(super) fn end_flow(&mut self, id: FlowId, reason: FlowEnd) {
        let Some(flow) = self.flows.remove(id) else { return };
        self.tell(SipEvent::FlowClosed { flow: id, reason });
        for user in flow.users {
            self.apply(user, Happening::TransportError, None, None);
        }
    }

    pub(super) fn connect_failed(&mut self, connect: ConnectId) {
        let Some(pending) = self.flows.take_pending(connect) else { return };
        for user in pending.users {
            self.apply(user, Happening::TransportError, None, None);
        }
    }
}

/// Where a request came from, and what its topmost Via says about that.
struct Source<'a> {
    remote: SocketAddr,
    port: u16,
    routing: Routing<'a>,
    /// Whether it must be noted in the Via.
    note: bool,
}

impl<'a> Source<'a> {
    fn new(via: &Via<'a>, remote: SocketAddr) -> Self {
        let routing = via.routing();
        let differs = via.sent_by.host.ip() != Some(remote.ip());
        // What is there already is forged. RFC 3581 §4: with rport, received is set even when the
        // address is the same.
        let note = differs || routing.rport.is_some() || routing.received.is_some();
        let port = via.sent_by.port.unwrap_or_else(|| Transport::Udp.default_port());
        Self { remote, port, routing, note }
    }
}

/// The request as it goes to the user: with its source noted (RFC 3261 §18.2.1, RFC 3581 §4).
fn with_source(request: Request<'_>, source: Option<&Source<'_>>) -> RequestBuf {
    let Some(source) = source.filter(|source| source.note) else { return request.to_buf() };
    let port = source.routing.rport.map(|_| source.remote.port());
    let forged = source.routing.received.is_some() || port.is_some();
    let noted = request.with_source(source.remote.ip(), port, forged);
    noted.unwrap_or_else(|_| request.to_buf())
}

/// Where responses go (RFC 3261 §18.2.2, RFC 3581 §4): the stream that the request came
/// from, or the source address with the port that Via asks for.
fn response_dest(path: Path, source: Option<&Source<'_>>) -> Dest {
    let (Path::Datagram { local, remote }, Some(source)) = (path, source) else {
        return Dest::Path(path);
    };
    let remote = match source.routing.maddr.flatten().and_then(Host::ip) {
        Some(group) => SocketAddr::new(group, source.port),
        None if source.routing.rport.is_some() => remote,
        None => SocketAddr::new(remote.ip(), source.port),
    };
    Dest::Path(Path::Datagram { local, remote })
}

/// FNV-1a over what names a request.
fn fingerprint(request: Request<'_>) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for name in [HeaderName::VIA, HeaderName::CALL_ID, HeaderName::FROM, HeaderName::CSEQ] {
        for byte in request.headers().bytes(name).unwrap_or(&[]) {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
}

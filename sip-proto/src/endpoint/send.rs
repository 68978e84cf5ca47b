//! What goes out: the commands, and the actions of the transactions' rows.

use super::Endpoint;
use super::event::{
    CommandError, ConnectId, FlowEnd, FlowId, Path, SipEvent, SipTransmit, Target, TransactionId,
    TransmitId,
};
use super::store::{Dest, Happening, Kind, Transaction};
use crate::headers::{CSeq, Transport, Via};
use crate::message::{
    Builder, HeaderName, Method, Request, RequestBuf, Response, ResponseBuf, StatusCode,
};
use crate::transaction::{Action, Key, Reliability, Timer, client, invite_client, server};
use alloc::format;
use alloc::string::ToString;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, LimitKind, Output, TimerKey};

impl Endpoint {
    /// Sends a request in a transaction of its own. A Via with a new branch is put on top; all
    /// other bytes go out as they are.
    ///
    /// # Errors
    /// [`CommandError::State`] for an ACK (see [`Endpoint::send_ack`]) and a CANCEL (see
    /// [`Endpoint::cancel`]), [`CommandError::TooLong`] for a datagram over the limit, and what
    /// the target or the request lack. Nothing has been sent then.
    pub fn request(
        &mut self,
        now: Instant,
        request: Request<'_>,
        target: Target,
    ) -> Result<TransactionId, CommandError> {
        self.advance(now);
        let method = request.method();
        if matches!(method, Method::Ack | Method::Cancel) {
            return Err(CommandError::State("request"));
        }
        if self.store.len() >= self.config.transactions_max {
            return Err(LimitKind::Transactions.into());
        }
        let branch = format!("z9hG4bK{}", self.rng.hex::<20>());
        let (sent, dest) = self.with_via(request, target, &branch)?;
        let kind = if method == Method::Invite {
            Kind::InviteClient(invite_client::State::Initial)
        } else {
            Kind::Client(client::State::Initial)
        };
        let key = Key::of_client(branch.as_bytes(), method);
        Ok(self.start_client(key, kind, dest, sent))
    }

    /// The same over [`Config::datagram_max`](super::Config::datagram_max): for a request that was
    /// sent over a stream because of its length, when no stream can be opened to the peer (RFC 3261
    /// §18.1.1).
    ///
    /// # Errors
    /// As [`Endpoint::request`], but for [`CommandError::TooLong`].
    pub fn request_oversize(
        &mut self,
        now: Instant,
        request: Request<'_>,
        target: Target,
    ) -> Result<TransactionId, CommandError> {
        self.oversize = true;
        let sent = self.request(now, request, target);
        self.oversize = false;
        sent
    }

    /// Sends the ACK of a 2xx, or any request that needs no transaction, with a Via of its own. The
    /// same ACK goes out as the same bytes each time: a 2xx that comes again does not get another one
    /// (RFC 3261 §13.2.2.4).
    ///
    /// # Errors
    /// As [`Endpoint::request`].
    pub fn send_ack(
        &mut self,
        now: Instant,
        request: Request<'_>,
        target: Target,
    ) -> Result<(), CommandError> {
        self.advance(now);
        // Unique since Call-ID and tags are; the key keeps those apart that two of us may send.
        let half = |from: u64| request.as_bytes().iter().fold(from, fnv1a);
        let (a, b) = (half(self.ack_key), half(self.ack_key.rotate_left(32) ^ FNV_OFFSET));
        let branch = format!("z9hG4bK{a:016x}{b:016x}");
        let (sent, dest) = self.with_via(request, target, &branch)?;
        self.send_to(dest, TransmitId(None), sent.into_bytes());
        Ok(())
    }

    /// Sends a response in a server transaction.
    ///
    /// # Errors
    /// [`CommandError::NoTransaction`] when it has ended, [`CommandError::State`] when its state
    /// has no such response: a second final one, a 1xx other than 100 or a 408 to a non-INVITE,
    /// an early 100 over datagrams (RFC 4320).
    pub fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        response: &ResponseBuf,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let transaction = self.store.get(id).ok_or(CommandError::NoTransaction("respond"))?;
        if transaction.kind.is_client() {
            return Err(CommandError::State("respond"));
        }
        // What was built for a request that was validated is not looked at again.
        if !response.view().index().is_sound() {
            response.view().validate()?;
        }
        debug_assert_eq!(response.view().validate(), Ok(()));
        let status = response.view().status();
        let bytes = response.clone().into_bytes();
        if self.apply(id, Happening::Answer(status), Some(bytes), None) {
            Ok(())
        } else {
            Err(CommandError::State("respond"))
        }
    }

    /// Begins the response to a server transaction's request, with its tag.
    ///
    /// # Errors
    /// [`CommandError::NoTransaction`] when it has ended, [`CommandError::State`] when it is not an
    /// INVITE and has been answered finally.
    pub fn reply(
        &self,
        id: TransactionId,
        status: StatusCode,
    ) -> Result<Builder<ResponseBuf>, CommandError> {
        let transaction = self.store.get(id).ok_or(CommandError::NoTransaction("reply"))?;
        let request = transaction.request.as_ref().ok_or(CommandError::State("reply"))?;
        let (view, tag) = (request.view(), Some(&transaction.tag.as_bytes()[..]));
        let reply = ResponseBuf::reply_tagged(view, status, status.reason(), tag);
        let valid = !transaction.kind.is_client();
        let reply = if valid { reply.of_validated() } else { reply };
        Ok(self.signed_response(reply))
    }

    /// Cancels an INVITE that has been answered with 1xx (RFC 3261 §9.1); the CANCEL is a
    /// transaction of its own, to the same place, and is sent over
    /// [`Config::transactions_max`](super::Config::transactions_max) too: it ends work. Before a 1xx
    /// nothing may be cancelled: wait for it.
    ///
    /// # Errors
    /// [`CommandError::NoTransaction`] when it has ended, [`CommandError::State`] when it is not
    /// an INVITE client transaction that is proceeding.
    pub fn cancel(
        &mut self,
        now: Instant,
        id: TransactionId,
    ) -> Result<TransactionId, CommandError> {
        self.advance(now);
        let transaction = self.store.get(id).ok_or(CommandError::NoTransaction("cancel"))?;
        if transaction.kind != Kind::InviteClient(invite_client::State::Proceeding) {
            return Err(CommandError::State("cancel"));
        }
        let invite = transaction.request.as_ref().ok_or(CommandError::State("cancel"))?.view();
        let to = invite.headers().bytes(HeaderName::TO).unwrap_or(&[]);
        let cancel = hop_request(invite, Method::Cancel, to).build()?;
        let branch = branch_of(invite);
        let key = Key::of_client(&branch, Method::Cancel);
        if self.store.find(&key, self.store.hash(&key)).is_some() {
            return Err(CommandError::State("cancel"));
        }
        let dest = transaction.dest;
        Ok(self.start_client(key, Kind::Client(client::State::Initial), dest, cancel))
    }

    /// Ends a client transaction without an answer: the user does not want one any more. What
    /// still comes for it is a stray response. An INVITE that was cancelled without effect is
    /// ended like this (RFC 3261 §9.1).
    ///
    /// # Errors
    /// [`CommandError::NoTransaction`] when it has ended, [`CommandError::State`] for a server
    /// transaction, whose request is owed an answer.
    pub fn abandon(&mut self, now: Instant, id: TransactionId) -> Result<(), CommandError> {
        self.advance(now);
        let transaction = self.store.get(id).ok_or(CommandError::NoTransaction("abandon"))?;
        if !transaction.kind.is_client() {
            return Err(CommandError::State("abandon"));
        }
        self.end_transaction(id);
        Ok(())
    }

    /// Sends a keep-alive over a stream (RFC 5626 §3.5.1); the answer is
    /// [`SipEvent::Pong`].
    ///
    /// # Errors
    /// [`CommandError::NoFlow`] when the stream is not open.
    pub fn ping(&mut self, now: Instant, flow: FlowId) -> Result<(), CommandError> {
        self.advance(now);
        self.flows.get_mut(flow).ok_or(CommandError::NoFlow("ping"))?.framer.expect_pong();
        self.transmit(Path::Stream(flow), TransmitId(None), Bytes::from_static(b"\r\n\r\n"));
        Ok(())
    }

    /// Ends a stream; its client transactions fail.
    ///
    /// # Errors
    /// [`CommandError::NoFlow`] when the stream is not open.
    pub fn close_flow(&mut self, now: Instant, flow: FlowId) -> Result<(), CommandError> {
        self.advance(now);
        self.flows.get(flow).ok_or(CommandError::NoFlow("close_flow"))?;
        self.end_flow(flow, FlowEnd::Local);
        Ok(())
    }

    fn start_client(
        &mut self,
        key: Key,
        kind: Kind,
        dest: Dest,
        sent: RequestBuf,
    ) -> TransactionId {
        let on = match dest {
            Dest::Path(path) => self.reliability(path),
            Dest::Waiting(_) => Reliability::Reliable,
        };
        let tag = self.rng.hex();
        let bytes = sent.clone().into_bytes();
        let hash = self.store.hash(&key);
        let id = self.store.insert(Transaction::new(key, kind, on, dest, sent, tag), hash);
        match dest {
            Dest::Path(Path::Stream(flow)) => {
                if let Some(flow) = self.flows.get_mut(flow) {
                    flow.users.insert(id);
                }
            }
            Dest::Waiting(connect) => {
                if let Some(pending) = self.flows.pending_mut(connect) {
                    pending.users.insert(id);
                }
            }
            Dest::Path(_) => {}
        }
        self.apply(id, Happening::Send, Some(bytes), None);
        id
    }

    /// The request with our Via on top, and where it goes.
    fn with_via(
        &mut self,
        request: Request<'_>,
        target: Target,
        branch: &str,
    ) -> Result<(RequestBuf, Dest), CommandError> {
        let (transport, open) = match target {
            Target::Address(transport, remote) if transport.is_reliable() => {
                (transport, self.flows.find(transport, remote))
            }
            Target::Address(transport, _) => (transport, None),
            Target::Flow(flow) => {
                let open = self.flows.get(flow).ok_or(CommandError::NoFlow("request"))?;
                (open.transport, Some(flow))
            }
        };
        let listener = self.config.listener(transport);
        let own = open.and_then(|f| self.flows.get(f)).map(|f| f.local.to_string());
        let sent_by = listener
            .map(|l| l.sent_by.clone())
            .or(own)
            .ok_or(CommandError::NoListener(transport))?;
        let rport = if transport == Transport::Udp { ";rport" } else { "" };
        let via = format!("SIP/2.0/{transport} {sent_by};branch={branch}{rport}");
        let mut edits = request.edit();
        edits.push_via(&via)?;
        let sent = edits.to_request()?;
        let len = sent.as_bytes().len();
        let long = len > self.config.datagram_max && !self.oversize;
        if transport == Transport::Udp && long {
            return Err(CommandError::TooLong(len));
        }
        sent.view().validate()?;
        let dest = match (target, open, listener) {
            (_, Some(flow), _) => Dest::Path(Path::Stream(flow)),
            (Target::Address(Transport::Udp, remote), _, Some(listener)) => {
                Dest::Path(Path::Datagram { local: listener.address, remote })
            }
            (Target::Address(transport, remote), ..) => {
                Dest::Waiting(self.want_flow(transport, remote)?)
            }
            (Target::Flow(_), ..) => return Err(CommandError::NoFlow("request")),
        };
        Ok((sent, dest))
    }

    fn want_flow(
        &mut self,
        transport: Transport,
        remote: core::net::SocketAddr,
    ) -> Result<ConnectId, LimitKind> {
        let (connect, new) = self.flows.want(transport, remote, self.config.flows_max)?;
        if new {
            self.tell(SipEvent::ConnectWanted { connect, transport, remote });
        }
        Ok(connect)
    }

    /// Does what the row of the transaction's table says; whether there is one.
    pub(super) fn apply(
        &mut self,
        id: TransactionId,
        what: Happening,
        message: Option<Bytes>,
        deliver: Option<SipEvent>,
    ) -> bool {
        let Some(transaction) = self.store.get_mut(id) else { return false };
        let Some((next, actions)) = transaction.kind.step(what, transaction.on) else {
            return false;
        };
        transaction.kind = next;
        if let Some(message) = message {
            transaction.kept = Some(message);
        }
        let mut deliver = deliver;
        for action in actions {
            self.act(id, *action, &mut deliver);
        }
        if next.is_terminated() {
            self.end_transaction(id);
        } else if next == Kind::Server(server::State::Completed) {
            if let Some(transaction) = self.store.get_mut(id) {
                transaction.request = None;
            }
        }
        true
    }

    fn act(&mut self, id: TransactionId, action: Action, deliver: &mut Option<SipEvent>) {
        match action {
            Action::Transmit | Action::Retransmit => {
                let Some(transaction) = self.store.get(id) else { return };
                if let Some(kept) = transaction.kept.clone() {
                    self.send_to(transaction.dest, TransmitId(Some(id)), kept);
                }
            }
            Action::Acknowledge => {
                let Some(transaction) = self.store.get(id) else { return };
                if let Some(ack) = transaction.ack.clone() {
                    self.send_to(transaction.dest, TransmitId(Some(id)), ack);
                }
            }
            Action::Trying => {
                let Some(transaction) = self.store.get_mut(id) else { return };
                let Some(request) = &transaction.request else { return };
                let reply = ResponseBuf::reply_to(request.view(), StatusCode::TRYING, None);
                let Ok(reply) = reply.build() else { return };
                let bytes = reply.into_bytes();
                transaction.kept = Some(bytes.clone());
                let dest = transaction.dest;
                self.send_to(dest, TransmitId(Some(id)), bytes);
            }
            Action::Deliver => {
                if let Some(event) = deliver.take() {
                    self.tell(event);
                }
            }
            Action::TimedOut => self.tell(SipEvent::TimedOut { id }),
            Action::TransportFailed => self.tell(SipEvent::TransportFailed { id }),
            Action::Start(timer) => {
                let wait = self.waits.get(timer.index()).copied().unwrap_or(Duration::MAX);
                self.store.start_timer(self.now, id, timer, (0, wait));
            }
            Action::Again(timer) => {
                let Some(transaction) = self.store.get(id) else { return };
                let next = transaction.nth.saturating_add(1);
                // RFC 3261 §17.1.2.2: in Proceeding, Timer E is T2 at once.
                let settled = timer == Timer::E
                    && transaction.kind == Kind::Client(client::State::Proceeding);
                let wait = self.config.timers.wait(timer, if settled { u32::MAX } else { next });
                self.store.start_timer(self.now, id, timer, (next, wait));
            }
            Action::Stop(timer) => self.store.stop_timer(id, timer),
        }
    }

    fn end_transaction(&mut self, id: TransactionId) {
        let Some(transaction) = self.store.remove(id) else { return };
        self.merges.forget(id);
        match transaction.dest {
            Dest::Path(Path::Stream(flow)) => {
                if let Some(flow) = self.flows.get_mut(flow) {
                    flow.users.remove(&id);
                }
            }
            Dest::Waiting(connect) => {
                if let Some(pending) = self.flows.pending_mut(connect) {
                    pending.users.remove(&id);
                }
            }
            Dest::Path(_) => {}
        }
        self.tell(SipEvent::Terminated { id });
    }

    fn send_to(&mut self, dest: Dest, id: TransmitId, payload: Bytes) {
        match dest {
            Dest::Path(Path::Stream(flow)) if self.flows.get(flow).is_none() => {
                self.send_over_new_flow(id, payload)
            }
            Dest::Path(path) => self.transmit(path, id, payload),
            Dest::Waiting(connect) => {
                if self.flows.queue(connect, (id, payload), self.config.queue_max).is_err() {
                    if let Some(id) = id.0 {
                        self.apply(id, Happening::TransportError, None, None);
                    }
                }
            }
        }
    }

    /// RFC 3261 §18.2.2: the stream of a request is gone, so the response goes over a new one to
    /// `received` and the port of sent-by.
    fn send_over_new_flow(&mut self, id: TransmitId, payload: Bytes) {
        let to =
            id.0.and_then(|id| self.store.get(id)).filter(|t| !t.kind.is_client()).and_then(|t| {
                let via: Via<'_> = t.request.as_ref()?.headers().typed().ok()??;
                let transport = via.transport()?;
                // RFC 7118 §5.3: nobody can connect to who came over a `WebSocket`.
                if matches!(transport, Transport::Ws | Transport::Wss) {
                    return None;
                }
                let ip = via.received().or_else(|| via.sent_by.host.ip())?;
                let port = via.sent_by.port.unwrap_or_else(|| transport.default_port());
                Some((transport, core::net::SocketAddr::new(ip, port)))
            });
        let Some((transport, remote)) = to else {
            if let Some(id) = id.0 {
                self.apply(id, Happening::TransportError, None, None);
            }
            return;
        };
        let dest = match self.flows.find(transport, remote) {
            Some(flow) => Dest::Path(Path::Stream(flow)),
            None => match self.want_flow(transport, remote) {
                Ok(connect) => Dest::Waiting(connect),
                Err(_) => {
                    if let Some(id) = id.0 {
                        self.apply(id, Happening::TransportError, None, None);
                    }
                    return;
                }
            },
        };
        if let Some(transaction) = id.0.and_then(|id| self.store.get_mut(id)) {
            transaction.dest = dest;
        }
        if let (Dest::Waiting(connect), Some(id)) = (dest, id.0) {
            if let Some(pending) = self.flows.pending_mut(connect) {
                pending.users.insert(id);
            }
        }
        self.send_to(dest, id, payload);
    }

    pub(super) fn transmit(&mut self, path: Path, id: TransmitId, payload: Bytes) {
        self.output.push_back(Output::Transmit(SipTransmit { id, path, payload }));
    }

    /// Makes the ACK of a final response that is not 2xx, once (RFC 3261 §17.1.1.3).
    pub(super) fn keep_ack(
        &mut self,
        id: TransactionId,
        response: Response<'_>,
        status: StatusCode,
    ) {
        let Some(transaction) = self.store.get_mut(id) else { return };
        let wanted = status.class() >= 3 && matches!(transaction.kind, Kind::InviteClient(_));
        if !wanted || transaction.ack.is_some() {
            return;
        }
        let to = response.headers().bytes(HeaderName::TO).unwrap_or(&[]);
        let Some(invite) = &transaction.request else { return };
        let ack = hop_request(invite.view(), Method::Ack, to).build();
        transaction.ack = ack.ok().map(RequestBuf::into_bytes);
    }

    pub(super) fn signed_response(&self, reply: Builder<ResponseBuf>) -> Builder<ResponseBuf> {
        let product = &self.config.product;
        reply.header_if(HeaderName::SERVER, (!product.is_empty()).then_some(product))
    }
}

/// ACK and CANCEL of an INVITE: same request URI, top Via, From, Call-ID, CSeq number and
/// Route; nothing else (RFC 3261 §9.1, §17.1.1.3).
fn hop_request(invite: Request<'_>, method: Method<'_>, to: &[u8]) -> Builder<RequestBuf> {
    let headers = invite.headers();
    let uri = core::str::from_utf8(invite.uri_bytes()).unwrap_or("");
    let number = headers.typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
    let via = headers.typed::<Via<'_>>().ok().flatten();
    let mut request = RequestBuf::build(method, uri)
        .copy(HeaderName::VIA, via.as_ref().map_or(&[][..], |v| v.raw))
        .header(HeaderName::MAX_FORWARDS, 70);
    for route in headers.rows(HeaderName::ROUTE) {
        request = request.copy(HeaderName::ROUTE, route.bytes());
    }
    request
        .copy(HeaderName::FROM, headers.bytes(HeaderName::FROM).unwrap_or(&[]))
        .copy(HeaderName::TO, to)
        .copy(HeaderName::CALL_ID, headers.bytes(HeaderName::CALL_ID).unwrap_or(&[]))
        .header(HeaderName::CSEQ, CSeq { number, method })
}

fn branch_of(request: Request<'_>) -> alloc::vec::Vec<u8> {
    let via = request.headers().typed::<Via<'_>>().ok().flatten();
    via.and_then(|v| v.branch()).unwrap_or(&[]).to_vec()
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// One step of FNV-1a.
fn fnv1a(hash: u64, byte: &u8) -> u64 {
    (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

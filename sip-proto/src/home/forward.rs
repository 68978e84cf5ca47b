//! Routing to the bindings of a user and within the dialogs that begin here: forked, stateful, one
//! answer back (RFC 3261 §16.5-16.7), with routes that lead back over streams (RFC 5626 §5.3).

use super::{HomeEvent, HomeServer, StoreId};
use crate::dialog::request_uri;
use crate::endpoint::{FlowId, Path, Target, TransactionId};
use crate::headers::{NameAddr, Transport};
use crate::message::{RequestBuf, StatusCode};
use crate::proxy::{self, Done, Hop, numeric_target};
use crate::registrar::{Binding, instance_of_gruu};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;

/// The streams that a dialog goes over, as our Record-Route says: of who began it, and of the other
/// side. `None` for one that its own URI leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    caller: Option<FlowId>,
    callee: Option<FlowId>,
}

/// What a Record-Route of ours begins with, sealed: other tokens are no routes.
const MARK: u8 = b'R';

impl HomeServer {
    /// To the users that are registered here.
    pub(super) fn forward(&mut self, id: TransactionId, request: &RequestBuf, path: Path) {
        let Some((address, mut bindings)) = self.bindings_for(request) else {
            return self.answer(id, StatusCode::NOT_FOUND);
        };
        self.one_flow_each(&mut bindings);
        let message = request.view().method() == crate::Method::Message;
        if bindings.is_empty() && message && self.config.store_messages {
            let store = StoreId(self.fresh_id());
            self.storing.insert(store, (id, address.clone()));
            let request = request.clone();
            return self.tell(HomeEvent::StoreWanted { id: store, address, request });
        }
        if bindings.is_empty() {
            let status = if self.location.knows(&address) {
                StatusCode::TEMPORARILY_UNAVAILABLE
            } else {
                StatusCode::NOT_FOUND
            };
            self.answer(id, status);
            return self.tell(HomeEvent::Routed { address, status });
        }
        let stays = proxy::begins_dialog(request);
        let hops: Vec<Hop> = bindings
            .iter()
            .map(|binding| {
                let mut hop = Hop::new(self.target_of(binding))
                    .with_uri(request_uri(&binding.uri))
                    .with_route(binding.path.iter().cloned());
                if stays {
                    hop.record = self.record(request, path, hop.target, binding.path.is_empty());
                }
                hop
            })
            .collect();
        match self.relay.start(&mut self.endpoint, self.now, id, request, &hops) {
            Ok(()) => {
                self.routed.insert(id, address);
            }
            Err(status) => {
                self.answer(id, status);
                self.tell(HomeEvent::Routed { address, status });
            }
        }
    }

    /// Whom a request is for, and where that is. A GRUU leads to the contacts of its device alone
    /// (RFC 5627 §6.1).
    fn bindings_for(&self, request: &RequestBuf) -> Option<(String, Vec<Binding>)> {
        let uri = request.view().uri().ok()?;
        let sip = uri.as_sip()?;
        if let Some(gruu) = self.registrar.temporary_gruu(sip) {
            let mut bindings = self.location.fetch(self.now, &gruu.address);
            bindings.retain(|b| gruu.is_of(b));
            return Some((gruu.address, bindings));
        }
        let address = sip.address_key();
        let mut bindings = self.location.fetch(self.now, &address);
        if let Some(instance) = instance_of_gruu(sip) {
            bindings.retain(|b| b.is_of(&instance));
        }
        Some((address, bindings))
    }

    /// The way to the most preferred binding of the user that a request is for.
    pub(super) fn first_hop(&self, request: &RequestBuf) -> Option<Hop> {
        let (_, bindings) = self.bindings_for(request)?;
        let binding = bindings.first()?;
        let hop = Hop::new(self.target_of(binding)).with_uri(request_uri(&binding.uri));
        Some(hop.with_route(binding.path.iter().cloned()))
    }

    /// Our place in the route set of a dialog: with the streams of those who are next to us.
    fn record(
        &self,
        request: &RequestBuf,
        path: Path,
        target: Target,
        direct: bool,
    ) -> Vec<String> {
        let vias = request.headers().values::<crate::headers::Via<'_>>().count();
        let caller = match path {
            Path::Stream(flow) if vias == 1 => Some(flow),
            _ => None,
        };
        let (callee, goes) = match target {
            Target::Flow(flow) => {
                (Some(flow).filter(|_| direct), self.endpoint.transport_of(Path::Stream(flow)))
            }
            Target::Address(transport, _) => (None, Some(transport)),
        };
        self.record_as(Ends { caller, callee }, request, path, goes)
    }

    /// The same for one of a dialog that we are in already: a NOTIFY, whose routes are its subscriber's
    /// (RFC 6665 §4.3).
    fn record_again(
        &self,
        ends: Ends,
        request: &RequestBuf,
        path: Path,
        target: Target,
    ) -> Vec<String> {
        if !proxy::begins_dialog(request) {
            return Vec::new();
        }
        let goes = match target {
            Target::Flow(flow) => self.endpoint.transport_of(Path::Stream(flow)),
            Target::Address(transport, _) => Some(transport),
        };
        self.record_as(ends, request, path, goes)
    }

    fn record_as(
        &self,
        ends: Ends,
        request: &RequestBuf,
        path: Path,
        goes: Option<Transport>,
    ) -> Vec<String> {
        let token = self.sealer.seal(&ends.to_bytes());
        let came = self.endpoint.transport_of(path);
        let secure = proxy::is_secure(request);
        proxy::record_routes(&self.config.endpoint, came, goes, Some(&token), secure)
    }

    /// The ends that a route of ours names; what nobody here wrote names none.
    pub(super) fn ends_of(&self, marks: &[String]) -> Option<Ends> {
        marks.iter().find_map(|mark| Ends::from_bytes(&self.sealer.open(mark)?))
    }

    /// Where a request in a dialog goes: over the stream of the other side, else where its route and
    /// its URI say. `Err` is what it is refused with.
    pub(super) fn within(
        &self,
        request: RequestBuf,
        ends: Ends,
        path: Path,
    ) -> Result<Within, StatusCode> {
        let last = request.headers().first(crate::HeaderName::ROUTE).is_none();
        let (request, uri) = proxy::leave(request).map_err(|_| StatusCode::BAD_REQUEST)?;
        if let Some(flow) = ends.other(path).filter(|_| last) {
            // RFC 5626 §5.3.1.
            let there = self.endpoint.transport_of(Path::Stream(flow)).is_some();
            let hop = Hop::new(Target::Flow(flow));
            if !there {
                return Err(StatusCode::FLOW_FAILED);
            }
            return Ok(self.hop_within(ends, request, path, hop));
        }
        let next = Uri::parse(uri.as_bytes()).ok();
        let sip = next.as_ref().and_then(Uri::as_sip).ok_or(StatusCode::UNSUPPORTED_URI_SCHEME)?;
        // A GRUU of ours, or an address of record: who that is now.
        if last && sip.user.is_some() && self.is_exactly_ours(sip) {
            return Ok(Within::User(request));
        }
        match numeric_target(sip) {
            Some(target) => Ok(self.hop_within(ends, request, path, Hop::new(target))),
            // A name: nobody here asks DNS.
            None => Err(StatusCode::BAD_GATEWAY),
        }
    }

    fn hop_within(&self, ends: Ends, request: RequestBuf, path: Path, mut hop: Hop) -> Within {
        hop.record = self.record_again(ends, &request, path, hop.target);
        Within::Hop(request, hop)
    }

    /// RFC 5626 §7: of several flows of a device the one that was registered last, of those that
    /// are still there.
    fn one_flow_each(&self, bindings: &mut Vec<Binding>) {
        let alive =
            |b: &Binding| b.reg_id.is_none() || self.endpoint.transport_of(b.source).is_some();
        let mut devices: Vec<String> = Vec::new();
        let mut kept: Vec<Binding> = Vec::new();
        for binding in bindings.drain(..).rev().filter(alive) {
            let device = binding.instance.clone().filter(|_| binding.reg_id.is_some());
            if let Some(device) = device {
                if devices.contains(&device) {
                    continue;
                }
                devices.push(device);
            }
            kept.push(binding);
        }
        kept.reverse();
        *bindings = kept;
    }

    /// The first hop of Path (RFC 3327 §5.4); without one the stream that the client registered
    /// over, while it is open; else the address in the contact; else where the REGISTER came from.
    pub(super) fn target_of(&self, binding: &Binding) -> Target {
        let first = binding.path.first().and_then(|p| NameAddr::parse(p.as_bytes()).ok());
        let first = first.and_then(|hop| hop.uri().ok()?.as_sip().and_then(numeric_target));
        if let Some(hop) = first {
            return hop;
        }
        if let Path::Stream(flow) = binding.source {
            if self.endpoint.remote_of(binding.source).is_some() {
                return Target::Flow(flow);
            }
        }
        let uri = Uri::parse(binding.uri.as_bytes()).ok();
        let address = uri.as_ref().and_then(Uri::as_sip).and_then(numeric_target);
        match (address, binding.source) {
            (Some(target), _) => target,
            (None, Path::Datagram { remote, .. }) => Target::Address(Transport::Udp, remote),
            (None, Path::Stream(flow)) => Target::Flow(flow),
        }
    }

    /// The answer to a request went back.
    pub(super) fn done(&mut self, done: Option<Done>) {
        let Some(Done { id, status, .. }) = done else { return };
        let address = self.routed.remove(&id);
        if let Some((address, status)) = address.zip(status) {
            self.tell(HomeEvent::Routed { address, status });
        }
    }
}

/// Where a request in a dialog goes.
#[derive(Debug)]
pub(super) enum Within {
    Hop(RequestBuf, Hop),
    /// To a user of ours.
    User(RequestBuf),
}

impl Ends {
    /// The stream to the other side of who is at `path`.
    fn other(self, path: Path) -> Option<FlowId> {
        let came = match path {
            Path::Stream(flow) => Some(flow),
            Path::Datagram { .. } => None,
        };
        match came {
            _ if came == self.caller => self.callee,
            _ if came == self.callee => self.caller,
            // Over a new stream: then only who has none is known.
            _ => None,
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut out = alloc::vec![MARK];
        for end in [self.caller, self.callee] {
            out.push(u8::from(end.is_some()));
            out.extend_from_slice(&end.map_or(0, |flow| flow.0).to_be_bytes());
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[MARK])?;
        let (caller, callee) = rest.split_at_checked(9)?;
        let end = |bytes: &[u8]| {
            let (there, number) = bytes.split_first()?;
            let number = u64::from_be_bytes(number.try_into().ok()?);
            Some((*there == 1).then_some(FlowId(number)))
        };
        Some(Self { caller: end(caller)?, callee: end(callee)? })
    }
}

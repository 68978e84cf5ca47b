//! Routing to the bindings of a user: forked, stateful, one answer back (RFC 3261 §16.5-16.7).

use super::{HomeEvent, HomeServer};
use crate::endpoint::{CommandError, Path, Target, TransactionId};
use crate::headers::{NameAddr, Transport};
use crate::message::{HeaderName, RequestBuf, ResponseBuf, StatusCode};
use crate::registrar::{Binding, instance_of_gruu};
use crate::uri::{SipUri, Uri};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// A request that was forwarded and is not yet answered.
#[derive(Debug)]
pub(super) struct Forward {
    address: String,
    /// Branches without a final response.
    open: usize,
    /// The best final response so far, with our Via popped.
    best: Option<ResponseBuf>,
}

impl HomeServer {
    pub(super) fn forward(&mut self, id: TransactionId, request: &RequestBuf) {
        let Some(address) = address_of(request) else {
            return self.answer(id, StatusCode::NOT_FOUND);
        };
        let mut bindings = self.location.fetch(self.now, &address);
        // RFC 5627 §6.1: a GRUU leads to the contacts of its device alone.
        let uri = request.view().uri().ok();
        let device = uri.as_ref().and_then(Uri::as_sip).and_then(instance_of_gruu);
        if let Some(instance) = device {
            bindings.retain(|b| b.is_of(&instance));
        }
        self.one_flow_each(&mut bindings);
        if bindings.is_empty() {
            let status = if self.location.knows(&address) {
                StatusCode::TEMPORARILY_UNAVAILABLE
            } else {
                StatusCode::NOT_FOUND
            };
            self.answer(id, status);
            return self.tell(HomeEvent::Routed { address, status });
        }
        let mut failure = StatusCode::SERVER_INTERNAL_ERROR;
        let mut open = 0_usize;
        for binding in &bindings {
            match self.forward_to(request, binding) {
                Ok(branch) => {
                    self.branches.insert(branch, id);
                    open = open.saturating_add(1);
                }
                Err(CommandError::TooLong(_)) => failure = StatusCode::MESSAGE_TOO_LARGE,
                Err(_) => {}
            }
        }
        if open == 0 {
            self.answer(id, failure);
            return self.tell(HomeEvent::Routed { address, status: failure });
        }
        self.forwards.insert(id, Forward { address, open, best: None });
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

    /// RFC 3261 §16.6: request URI, Max-Forwards, Via; all other bytes as they came.
    fn forward_to(
        &mut self,
        request: &RequestBuf,
        binding: &Binding,
    ) -> Result<TransactionId, CommandError> {
        let target = self.target_of(binding);
        let uri = request_uri(&binding.uri);
        let mut edits = request.view().edit();
        edits.set_uri(&uri)?.decrement_max_forwards()?;
        let route = binding.path.join(", ");
        if !route.is_empty() {
            edits.push(HeaderName::ROUTE, &route)?;
        }
        if self.config.authenticate_messages {
            // The credentials were for us (§22.3).
            edits.remove(HeaderName::PROXY_AUTHORIZATION)?;
        }
        let forwarded = RequestBuf::parse(edits.to_bytes()?).map_err(crate::BuildError::Message)?;
        match self.endpoint.request(self.now, forwarded.view(), target) {
            // RFC 3261 §18.1.1: what is too long for a datagram goes over a stream.
            Err(CommandError::TooLong(_)) => {
                let stream = match target {
                    Target::Address(_, remote) => Target::Address(Transport::Tcp, remote),
                    flow @ Target::Flow(_) => flow,
                };
                self.endpoint.request(self.now, forwarded.view(), stream)
            }
            sent => sent,
        }
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

    pub(super) fn response(&mut self, branch: TransactionId, response: ResponseBuf) {
        let status = response.view().status();
        if self.own_response(branch, status) || status.is_provisional() {
            return;
        }
        let mut edits = response.view().edit();
        let popped = match edits.pop_via() {
            Ok(edits) => edits.to_bytes().ok(),
            Err(_) => None,
        };
        let popped = popped.and_then(|bytes| ResponseBuf::parse(bytes).ok());
        self.branch_done(branch, popped);
    }

    /// A branch that got no response; `status` is what that counts as.
    pub(super) fn branch_failed(&mut self, branch: TransactionId, status: Option<StatusCode>) {
        if self.own_failed(branch) {
            return;
        }
        let server = self.branches.get(&branch).copied();
        let reply = status
            .zip(server)
            .and_then(|(status, id)| self.endpoint.reply(id, status).ok()?.build().ok());
        self.branch_done(branch, reply);
    }

    fn branch_done(&mut self, branch: TransactionId, response: Option<ResponseBuf>) {
        let Some(id) = self.branches.remove(&branch) else { return };
        let Some(forward) = self.forwards.get_mut(&id) else { return };
        forward.open = forward.open.saturating_sub(1);
        if let Some(response) = response {
            let better = forward.best.as_ref().is_none_or(|best| rank(&response) < rank(best));
            if better {
                forward.best = Some(response);
            }
        }
        let success = forward.best.as_ref().is_some_and(|b| b.view().status().is_success());
        if !success && forward.open > 0 {
            return;
        }
        let Some(forward) = self.forwards.remove(&id) else { return };
        // RFC 4320 §4.2: when nothing came from any branch, nothing is answered.
        let Some(best) = forward.best else { return };
        let status = best.view().status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // §16.7 item 6: a 503 would be about us.
            self.answer(id, StatusCode::SERVER_INTERNAL_ERROR);
        } else if self.endpoint.respond(self.now, id, &best).is_err() {
            self.answer(id, StatusCode::BAD_GATEWAY);
        }
        self.tell(HomeEvent::Routed { address: forward.address, status });
    }
}

/// §16.7 item 6: 2xx, then 6xx, then the lowest class; within 4xx those that help the client.
fn rank(response: &ResponseBuf) -> (u8, u16) {
    let status = response.view().status();
    let class = match status.class() {
        2 => 0,
        6 => 1,
        3 => 2,
        4 => 3,
        _ => 4,
    };
    let helps = [401, 407, 415, 420, 484].contains(&status.as_u16());
    (class, if helps { 0 } else { status.as_u16() })
}

fn address_of(request: &RequestBuf) -> Option<String> {
    let uri = request.view().uri().ok()?;
    uri.as_sip().map(SipUri::address_key)
}

/// A contact as a request URI: without headers and `method` (RFC 3261 §19.1.1 Table 1).
pub(super) fn request_uri(contact: &str) -> String {
    let plain = contact.split_once('?').map_or(contact, |(uri, _)| uri);
    let mut out = String::with_capacity(plain.len());
    for (n, part) in plain.split(';').enumerate() {
        let name = part.split_once('=').map_or(part, |(name, _)| name);
        if n > 0 && name.trim().eq_ignore_ascii_case("method") {
            continue;
        }
        if n > 0 {
            out.push(';');
        }
        out.push_str(part);
    }
    out
}

/// Where a URI leads without DNS.
pub(crate) fn numeric_target(uri: &SipUri<'_>) -> Option<Target> {
    let transport = match uri.param("transport") {
        Some(name) => Transport::from_bytes(name.as_bytes())?,
        None if uri.secure => Transport::Tls,
        None => Transport::Udp,
    };
    let port = uri.port.unwrap_or_else(|| transport.default_port());
    Some(Target::Address(transport, SocketAddr::new(uri.host.ip()?, port)))
}

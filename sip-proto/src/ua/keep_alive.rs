//! Keeping the flows of registrations alive: ping and pong on streams, STUN on datagrams (RFC 5626
//! §4.4), and what a flow that failed leads to (§4.5).

use super::{Timer, UserAgent};
use crate::endpoint::{FlowId, Path, Target};
use crate::headers::{self, FlowTimer, Require, Transport};
use crate::message::Headers;
use core::net::SocketAddr;
use core::time::Duration;

/// The keep-alive of what a registration goes over.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    path: Option<Path>,
    longest: Duration,
    /// Whether the peer answers: a silent one that never did may know nothing of it.
    answers: bool,
    /// Where the peer saw us last.
    mapped: Option<SocketAddr>,
}

/// How long a pong may take (RFC 5626 §4.4.1).
const PONG: Duration = Duration::from_secs(10);
/// §4.4.2: below what NATs give datagrams.
const DATAGRAM_MAX: Duration = Duration::from_secs(29);
/// How soon a flow that was there is replaced.
const SOON: Duration = Duration::from_secs(1);

impl UserAgent {
    /// A stream ended: the binding that leads over it is worth nothing, so it is made anew
    /// (RFC 5626 §4.5).
    pub(super) fn registration_lost_flow(&mut self, flow: FlowId) {
        self.lost_path(Path::Stream(flow));
    }

    fn lost_path(&mut self, path: Path) {
        for n in 0..self.registrations.len() {
            if self.registrations.get(n).is_none_or(|r| r.keep_alive.path != Some(path)) {
                continue;
            }
            self.end_keep_alive(n);
            if self.registrations.get(n).is_some_and(super::registration::Registration::is_idle) {
                self.timers.set(Timer::Register(n), self.now.saturating_add(SOON));
            }
        }
    }

    pub(super) fn begin_keep_alive(&mut self, flow: usize, headers: Headers<'_>) {
        let flow_timer = headers.typed::<FlowTimer>().ok().flatten().map(|t| t.0);
        // §8: datagrams get STUN only when it is said that it is understood.
        let required = headers.values::<Require<'_>>().flatten();
        let knows = flow_timer.is_some()
            || required.into_iter().any(|tag| tag.0.eq_ignore_ascii_case("outbound"))
            || headers.values::<headers::Path<'_>>().flatten().any(|hop| {
                hop.uri().is_ok_and(|u| u.as_sip().is_some_and(|s| s.params().contains(b"ob")))
            });
        let target = self.registrations.get(flow).and_then(|r| r.target);
        let path = match target {
            Some(Target::Flow(stream)) => Some(Path::Stream(stream)),
            Some(Target::Address(Transport::Udp, remote)) => {
                let listener = self.config.endpoint.listener(Transport::Udp);
                listener.filter(|_| knows).map(|l| Path::Datagram { local: l.address, remote })
            }
            Some(Target::Address(transport, to)) => {
                self.endpoint.flow_to(transport, to).map(Path::Stream)
            }
            None => None,
        };
        let most = match path {
            Some(Path::Datagram { .. }) => self.config.keep_alive.min(DATAGRAM_MAX),
            _ => self.config.keep_alive,
        };
        let Some(own) = self.registrations.get_mut(flow) else { return };
        let alive = &mut own.keep_alive;
        if alive.path != path {
            *alive = KeepAlive { path, ..KeepAlive::default() };
        }
        // Who names a time knows what keep-alives are.
        alive.answers |= flow_timer.is_some();
        alive.longest = flow_timer
            .filter(|secs| *secs > 0)
            .map_or(most, |secs| Duration::from_secs(u64::from(secs)));
        if path.is_none() || alive.longest.is_zero() || self.config.keep_alive.is_zero() {
            return self.end_keep_alive(flow);
        }
        self.set_ping(flow);
    }

    fn set_ping(&mut self, flow: usize) {
        let Some(longest) = self.registrations.get(flow).map(|r| r.keep_alive.longest) else {
            return;
        };
        // §4.4.1: between 80 and 100 % of the time; 24 of 29 s is the same for datagrams.
        let least = longest.saturating_mul(4).checked_div(5).unwrap_or_default();
        let least = if longest == DATAGRAM_MAX { Duration::from_secs(24) } else { least };
        let wait = self.between(least, longest);
        self.timers.set(Timer::KeepAlive(flow), self.now.saturating_add(wait));
    }

    pub(super) fn end_keep_alive(&mut self, flow: usize) {
        if let Some(own) = self.registrations.get_mut(flow) {
            own.keep_alive.path = None;
            own.keep_alive.mapped = None;
        }
        self.timers.stop(&Timer::KeepAlive(flow));
        self.timers.stop(&Timer::Pong(flow));
    }

    pub(super) fn keep_alive_due(&mut self, flow: usize) {
        let Some(own) = self.registrations.get(flow) else { return };
        let (path, answers) = (own.keep_alive.path, own.keep_alive.answers);
        match path {
            None => return,
            Some(Path::Stream(stream)) => {
                if self.endpoint.ping(self.now, stream).is_err() {
                    return self.end_keep_alive(flow);
                }
                if answers {
                    self.timers.set(Timer::Pong(flow), self.now.saturating_add(PONG));
                }
            }
            // Its own time says when it has failed.
            Some(path) => {
                if self.endpoint.check(self.now, path).is_err() {
                    return self.end_keep_alive(flow);
                }
            }
        }
        self.set_ping(flow);
    }

    pub(super) fn pong(&mut self, stream: FlowId) {
        for n in 0..self.registrations.len() {
            let own = self.registrations.get_mut(n);
            if let Some(own) = own.filter(|r| r.keep_alive.path == Some(Path::Stream(stream))) {
                own.keep_alive.answers = true;
                self.timers.stop(&Timer::Pong(n));
            }
        }
    }

    /// No pong: the stream is dead, whatever TCP thinks (RFC 5626 §4.4.1).
    pub(super) fn pong_missed(&mut self, flow: usize) {
        let path = self.registrations.get(flow).and_then(|r| r.keep_alive.path);
        if let Some(Path::Stream(stream)) = path {
            // A stream that is gone has its own event.
            let _gone = self.endpoint.close_flow(self.now, stream);
        }
    }

    /// Where a peer sees us: another address than before is another flow, which nobody knows of
    /// (§4.4.2).
    pub(super) fn mapped(&mut self, path: Path, address: SocketAddr) {
        let own = self.registrations.iter_mut().find(|r| r.keep_alive.path == Some(path));
        let Some(own) = own else { return };
        let before = own.keep_alive.mapped.replace(address);
        if before.is_some_and(|before| before != address) {
            self.lost_path(path);
        }
    }

    /// A peer that takes STUN did not answer: the flow has failed.
    pub(super) fn unmapped(&mut self, path: Path) {
        self.lost_path(path);
    }
}

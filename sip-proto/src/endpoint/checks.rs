//! STUN on the ports of datagrams: answers to the Binding requests of peers, and our own, which show
//! whether a flow is still there and whether it is still the same (RFC 5626 §4.4.2, §8).

use super::Endpoint;
use super::event::{CommandError, Path, SipEvent, TransmitId};
use crate::stun::{self, Binding, StunId};
use alloc::collections::BTreeMap;
use core::time::Duration;
use proto_wire::{Instant, LimitKind, TimerQueue};

/// Our requests without an answer.
#[derive(Debug)]
pub(super) struct Checks {
    open: BTreeMap<StunId, Check>,
    timers: TimerQueue<StunId>,
}

#[derive(Debug)]
struct Check {
    path: Path,
    sent: u32,
}

/// RFC 5389 §7.2.1: the first wait, and how often it is sent.
const RTO: Duration = Duration::from_millis(500);
const SENDS: u32 = 7;
/// The last wait, in first waits.
const LAST: u32 = 16;
/// Checks at one time. Stops a host from collecting them.
const CHECKS_MAX: usize = 1024;

impl Checks {
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), timers: TimerQueue::new() }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }
}

impl Endpoint {
    /// Asks the peer of a datagram path where it sees us (a STUN Binding request). The answer is
    /// [`SipEvent::Mapped`], or [`SipEvent::Unmapped`] after 39.5 s. Only for peers that are known to
    /// take STUN on their SIP port (RFC 5626 §8).
    ///
    /// # Errors
    /// [`CommandError::State`] for a stream, [`CommandError::Limit`] when too many are open.
    pub fn check(&mut self, now: Instant, path: Path) -> Result<(), CommandError> {
        self.advance(now);
        if matches!(path, Path::Stream(_)) {
            return Err(CommandError::State("check"));
        }
        if self.checks.open.len() >= CHECKS_MAX {
            return Err(LimitKind::Pending.into());
        }
        let mut id = [0; 12];
        self.rng.fill(&mut id);
        self.checks.open.insert(id, Check { path, sent: 0 });
        self.send_check(id);
        Ok(())
    }

    /// A datagram that is STUN.
    pub(super) fn receive_stun(&mut self, path: Path, data: &[u8]) {
        let Path::Datagram { remote, .. } = path else { return };
        match stun::parse(data) {
            Some(Binding::Request { id, unknown }) => {
                let answer = match unknown.is_empty() {
                    true => stun::success(id, remote),
                    false => stun::unknown_attributes(id, &unknown),
                };
                self.transmit(path, TransmitId(None), answer);
                self.tell(SipEvent::Ping { path });
            }
            Some(Binding::Success { id, mapped }) => {
                let mapped = mapped.map(|address| SipEvent::Mapped { path, address });
                self.end_check(id, path, mapped);
            }
            Some(Binding::Error { id, .. }) => self.end_check(id, path, None),
            None => {}
        }
    }

    pub(super) fn expire_checks(&mut self) {
        while let Some(id) = self.checks.timers.expire(self.now) {
            let Some(check) = self.checks.open.get(&id) else { continue };
            if check.sent < SENDS {
                self.send_check(id);
            } else {
                let path = check.path;
                self.checks.open.remove(&id);
                self.tell(SipEvent::Unmapped { path });
            }
        }
    }

    fn send_check(&mut self, id: StunId) {
        let Some(check) = self.checks.open.get_mut(&id) else { return };
        let wait = match check.sent.saturating_add(1) {
            SENDS => RTO.saturating_mul(LAST),
            _ => RTO.saturating_mul(1_u32.wrapping_shl(check.sent)),
        };
        check.sent = check.sent.saturating_add(1);
        let path = check.path;
        self.checks.timers.set(id, self.now.saturating_add(wait));
        self.transmit(path, TransmitId(None), stun::request(id));
    }

    /// An answer, if it is to a request of ours and from whom that was sent to.
    fn end_check(&mut self, id: StunId, from: Path, mapped: Option<SipEvent>) {
        if self.checks.open.get(&id).is_none_or(|check| check.path != from) {
            return;
        }
        self.checks.timers.stop(&id);
        self.checks.open.remove(&id);
        self.tell(mapped.unwrap_or(SipEvent::Unmapped { path: from }));
    }
}

//! Answers to the challenges of HTTP servers and proxies, for both requests of a tunnel.

use super::{Channel, ClientConfig};
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Rng;
use proto_wire::http::ResponseHead;

/// What the client knows of the server's challenges.
#[cfg(feature = "digest")]
#[derive(Debug)]
pub(super) struct Login {
    client: proto_wire::digest::Client,
    /// What was sent with the last GET and the last POST.
    sent: [Vec<proto_wire::digest::Answer>; 2],
}

#[cfg(feature = "digest")]
impl Login {
    pub(super) fn new(config: &ClientConfig) -> Self {
        let client = proto_wire::digest::Client::new(config.credentials.iter().cloned())
            .with_basic(config.basic);
        Self { client, sent: [Vec::new(), Vec::new()] }
    }

    /// Header lines for a request on `channel`.
    pub(super) fn lines(
        &mut self,
        rng: &mut Rng,
        channel: Channel,
        target: &str,
    ) -> Vec<(&'static str, String)> {
        let method: &[u8] = if channel == Channel::Get { b"GET" } else { b"POST" };
        // The body of a POST has no end: what wants to sign it cannot be answered.
        let sent = self.client.answers(rng, method, target.as_bytes(), b"");
        let lines = sent.iter().map(|a| (a.header_name(), String::from(a.value()))).collect();
        if let Some(slot) = self.slot(channel) {
            *slot = sent;
        }
        lines
    }

    /// Whether the request is to be made again, with new answers.
    pub(super) fn wants_retry(&mut self, channel: Channel, reply: &ResponseHead<'_>) -> bool {
        use proto_wire::digest::Target;
        let sent = self.slot(channel).map(core::mem::take).unwrap_or_default();
        let (target, header) = match reply.status {
            401 => (Target::Origin, "WWW-Authenticate"),
            407 => (Target::Proxy, "Proxy-Authenticate"),
            _ => {
                self.client.accepted(&sent);
                return false;
            }
        };
        self.client.challenged(target, reply.headers.all(header), &sent).is_ok()
    }

    fn slot(&mut self, channel: Channel) -> Option<&mut Vec<proto_wire::digest::Answer>> {
        self.sent.get_mut(channel as usize)
    }
}

/// Without the feature `digest` nothing is answered.
#[cfg(not(feature = "digest"))]
#[derive(Debug)]
pub(super) struct Login;

#[cfg(not(feature = "digest"))]
#[expect(
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "the same shape as with the feature"
)]
impl Login {
    pub(super) const fn new(_config: &ClientConfig) -> Self {
        Self
    }

    pub(super) const fn lines(
        &mut self,
        _rng: &mut Rng,
        _channel: Channel,
        _target: &str,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    pub(super) const fn wants_retry(&mut self, _: Channel, _: &ResponseHead<'_>) -> bool {
        false
    }
}

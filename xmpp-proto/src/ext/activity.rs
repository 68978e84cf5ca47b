//! Last activity (XEP-0012) and idle since (XEP-0319).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::ToString;

/// How long ago somebody was active, or left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastActivity<'a> {
    /// Seconds since then; of a server, since its start.
    pub seconds: u64,
    /// The status of the last unavailable presence.
    pub status: Cow<'a, str>,
}

impl<'a> LastActivity<'a> {
    /// So many seconds, without a status.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self { seconds, status: Cow::Borrowed("") }
    }

    /// Reads the `<query/>` of a result.
    #[must_use]
    pub fn read(query: Element<'a>) -> Option<Self> {
        if !query.is(Ns::LAST, "query") {
            return None;
        }
        let seconds = query.attr("seconds")?.trim().parse().ok()?;
        Some(Self { seconds, status: query.text() })
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::LAST, "query").attr("seconds", &self.seconds.to_string());
        if !self.status.is_empty() {
            w.text(&self.status);
        }
        w.end();
    }
}

/// Writes the payload of a request.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::LAST, "query", "");
}

/// Since when the user is idle, as in presence (XEP-0319 §3): a time of XEP-0082.
#[must_use]
pub fn idle_since(presence: Element<'_>) -> Option<Cow<'_, str>> {
    let mut idle = presence.children().filter(|child| child.name() == "idle");
    idle.find(|child| child.namespace() == IDLE)?.attr("since")
}

/// Writes that the user is idle since then.
pub fn write_idle(w: &mut Writer, since: &str) {
    w.start_uri(IDLE, "idle").attr("since", since).end();
}

const IDLE: &str = "urn:xmpp:idle:1";

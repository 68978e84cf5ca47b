//! Clients that nobody looks at (XEP-0352): what can wait does, until they are looked at, or
//! something comes that cannot, or there is too much of it.
//!
//! What can wait: presence of others, of which only the newest of each matters, and chat states.
//! What waits goes out before whatever follows it, so that the order stays.

use super::Router;
use crate::ext::chat::ChatState;
use crate::stanza::{PresenceKind, Stanza, StanzaBuf, StanzaXml};
use crate::xml::Ns;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What waits for one connection.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// Nobody looks at the client.
    inactive: bool,
    /// From whom and of which kind, and the stanza; oldest first.
    waiting: Vec<((bool, String), StanzaXml)>,
}

impl<K: Ord + Clone> Router<K> {
    /// Whether somebody looks at the client of this connection, as
    /// [`Event::ClientState`](super::super::Event::ClientState) tells. `false` when there is no
    /// such connection.
    pub fn set_active(&mut self, key: &K, active: bool) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        session.idle.inactive = !active;
        if active {
            self.wake(key);
        }
        true
    }

    /// Keeps a stanza if it can wait. `None` when it does; whatever goes out at once goes
    /// behind what waited.
    pub(super) fn hold_back(&mut self, key: &K, stanza: StanzaXml) -> Option<StanzaXml> {
        let max = self.config.limits.idle_max;
        let Some(session) = self.sessions.get_mut(key) else { return Some(stanza) };
        if !session.idle.inactive {
            return Some(stanza);
        }
        if let Some(about) = can_wait(&stanza) {
            let waiting = &mut session.idle.waiting;
            waiting.retain(|(older, _)| *older != about);
            if waiting.len() < max {
                waiting.push((about, stanza));
                return None;
            }
        }
        self.wake(key);
        Some(stanza)
    }

    /// Sends what waited.
    fn wake(&mut self, key: &K) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        for (_, stanza) in core::mem::take(&mut session.idle.waiting) {
            self.send(key, stanza);
        }
    }
}

/// What a stanza that can wait is about: presence or not, and of whom. Only the newest matters.
fn can_wait(stanza: &StanzaXml) -> Option<(bool, String)> {
    let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
    let buf = StanzaBuf::parse(Ns::CLIENT, text).ok()?;
    let view = buf.view();
    let presence = match &view {
        Stanza::Presence(presence) => {
            let shown = [Some(PresenceKind::Available), Some(PresenceKind::Unavailable)];
            // Rooms say in it what happens to oneself.
            let mut children = presence.header().element().children();
            let plain = !children.any(|child| child.namespace().contains("/protocol/muc"));
            (plain && shown.contains(&presence.kind())).then_some(true)?
        }
        Stanza::Message(message) => {
            let element = message.header().element();
            let more = element.children().any(|child| {
                !matches!(child.ns(), Ns::CHAT_STATES | Ns::HINTS) && child.name() != "thread"
            });
            (ChatState::read(element).is_some() && !more).then_some(false)?
        }
        Stanza::Iq(_) => return None,
    };
    Some((presence, view.header().from()?.as_str().to_string()))
}

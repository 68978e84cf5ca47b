//! Stanzas of and for other domains.

use super::{Origin, Router, RouterEvent};
use crate::jid::Jid;
use crate::stanza::{Presence, PresenceKind, Stanza, StanzaBuf, StanzaXml, in_namespace};
use crate::xml::Ns;
use alloc::string::ToString;

impl<K: Ord + Clone> Router<K> {
    /// Takes a stanza of another domain, as [`s2s::Incoming`](crate::s2s::Incoming) or a
    /// component gave it: its `from` is proved to be of that domain. `false` when it is not
    /// for a domain that is served here, or claims to come from one.
    pub fn handle_remote(&mut self, stanza: &StanzaBuf) -> bool {
        // RFC 6120 §4.8.3: the content namespace is that of the stream.
        let Ok(text) = in_namespace(stanza.element(), Ns::CLIENT) else { return false };
        let Ok(stanza) = StanzaBuf::parse(Ns::CLIENT, text.into_string().into()) else {
            return false;
        };
        let view = stanza.view();
        let (from, to) = (view.header().from(), view.header().to());
        let (Some(Ok(from)), Some(Ok(to))) = (from.map(|j| j.to_jid()), to.map(|j| j.to_jid()))
        else {
            return false;
        };
        if !self.is_local(&to) || self.is_local(&from) {
            return false;
        }
        match view {
            Stanza::Message(message) => self.message(Origin::Remote, &from, &message),
            Stanza::Presence(presence) => self.remote_presence(&from, &to, &presence),
            Stanza::Iq(iq) => self.iq(Origin::Remote, &from, &iq),
        }
        true
    }

    fn remote_presence(&mut self, from: &Jid, to: &Jid, presence: &Presence<'_>) {
        let Some(kind) = presence.kind() else { return };
        if to.local().is_none() || self.blocks(to.bare(), from) {
            return;
        }
        let element = presence.header().element();
        match super::presence::request_of(kind) {
            Some(request) => {
                let (from, to) = (from.to_bare(), to.to_bare());
                let stamped = super::stamp(element, &from, &to);
                self.inbound(&from, &to, request, stamped);
            }
            None if kind == PresenceKind::Probe => {
                let id = presence.header().id().map(ToString::to_string);
                self.probe(from, to, id.as_deref());
            }
            None => self.directed(from, to, element),
        }
    }

    /// Gives a stanza for another domain to the host, if it wants such.
    pub(super) fn outgoing(&mut self, to: &Jid, stanza: StanzaXml) {
        if !self.config.remote || self.is_local(to) {
            return;
        }
        let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let from = buf.view().header().from().and_then(|from| from.to_jid().ok());
        let from = from.map_or_else(|| self.domain.clone(), |from| from.domain().to_string());
        // A stream between servers has another content namespace: nothing may name ours.
        let Ok(stanza) = in_namespace(buf.element(), Ns::CLIENT) else { return };
        self.event(RouterEvent::Outgoing { from, to: to.domain().to_string(), stanza });
    }
}

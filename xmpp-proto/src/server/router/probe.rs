//! Presence probes (RFC 6121 §4.3).

use super::{Router, stamp_to};
use crate::ext::delay::Delay;
use crate::jid::Jid;
use crate::stanza::{PresenceBuilder, PresenceKind, StanzaXml};
use alloc::string::ToString;
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    /// §4.3.1: what the server of a user asks those of his contacts elsewhere.
    pub(super) fn send_probes(&mut self, from: &Jid) {
        let Some(account) = self.accounts.get(from.bare()) else { return };
        let contacts = account.roster.contacts().filter(|contact| contact.state.is_to());
        let elsewhere: Vec<Jid> =
            contacts.map(|c| c.jid().clone()).filter(|jid| !self.is_local(jid)).collect();
        for contact in elsewhere {
            let probe = PresenceBuilder::new().from(from).to(&contact).kind(PresenceKind::Probe);
            if let Ok(probe) = probe.build() {
                self.outgoing(&contact, probe);
            }
        }
    }

    /// §4.3.2: tells `from` of the presence of `to`, if it may know.
    pub(super) fn probe(&mut self, from: &Jid, to: &Jid, id: Option<&str>) {
        let account = self.accounts.get(to.bare());
        let sees = account.is_some_and(|account| {
            from.bare() == to.bare() || account.roster.state(from.bare()).is_from()
        });
        let bare = to.to_bare();
        if !sees || self.blocks(to.bare(), from) {
            let refusal = answer(&bare, from, PresenceKind::Unsubscribed, id);
            return self.show(from, refusal);
        }
        if !to.is_bare() {
            // Only that the resource is there, and nothing of the others.
            let there = self.key_of(to.as_str()).and_then(|key| self.sessions.get(&key));
            let present = there.is_some_and(|session| session.presence.is_some());
            let kind = if present { PresenceKind::Available } else { PresenceKind::Unavailable };
            return self.show(from, answer(to, from, kind, id));
        }
        let present: Vec<StanzaXml> =
            self.of_account(bare.as_str()).filter_map(|(_, s)| s.presence.clone()).collect();
        if present.is_empty() {
            let left = account.and_then(|account| account.last.clone());
            let gone =
                answer_with(&bare, from, PresenceKind::Unavailable, id, |builder| match &left {
                    Some((left, _)) => {
                        let stamp = left.to_string();
                        builder.with(|w| Delay::new(&stamp).write(w))
                    }
                    None => builder,
                });
            return self.show(from, gone);
        }
        for stanza in present {
            self.show(from, Some(stamp_to(&stanza, from)));
        }
    }

    /// Sends presence to somebody here or elsewhere: to the resource when it is there (§8.5.3.2.2), or
    /// to all of the account.
    pub(super) fn show(&mut self, to: &Jid, stanza: Option<StanzaXml>) {
        let Some(stanza) = stanza else { return };
        if !self.is_local(to) {
            return self.outgoing(to, stanza);
        }
        if let Some(key) = self.key_of(to.as_str()) {
            return self.deliver(&key, stanza);
        }
        if !to.is_bare() {
            return;
        }
        for (key, _) in self.available(to.bare()) {
            self.deliver(&key, stanza.clone());
        }
    }
}

fn answer(from: &Jid, to: &Jid, kind: PresenceKind, id: Option<&str>) -> Option<StanzaXml> {
    answer_with(from, to, kind, id, |builder| builder)
}

/// §4.3.2.1: answers that are not a presence of the contact mirror the id of the probe.
fn answer_with(
    from: &Jid,
    to: &Jid,
    kind: PresenceKind,
    id: Option<&str>,
    more: impl FnOnce(PresenceBuilder) -> PresenceBuilder,
) -> Option<StanzaXml> {
    let mut builder = PresenceBuilder::new().from(from).to(to).kind(kind);
    if let Some(id) = id {
        builder = builder.id(id);
    }
    more(builder).build().ok()
}

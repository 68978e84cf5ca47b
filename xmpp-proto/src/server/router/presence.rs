//! Presence and subscriptions of local accounts (RFC 6121 §3, §4).

use super::{Router, stamp, stamp_from, stamp_to};
use crate::jid::Jid;
use crate::stanza::{Condition, Presence, PresenceBuilder, PresenceKind, StanzaXml};
use crate::subscription::{Action, Direction, Request};
use crate::xml::Element;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    pub(super) fn presence(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
        let element = presence.header().element();
        let Some(kind) = presence.kind() else { return };
        let Some(to) = presence.header().to() else {
            match kind {
                PresenceKind::Available => self.now_available(key, from, presence),
                PresenceKind::Unavailable => {
                    let gone = stamp_from(element, from);
                    if let Some(session) = self.sessions.get_mut(key) {
                        session.presence = None;
                    }
                    self.broadcast(from, &gone);
                }
                _ => self.bounce(key, from, element, Condition::BadRequest),
            }
            return;
        };
        let Ok(to) = to.to_jid() else {
            return self.bounce(key, from, element, Condition::JidMalformed);
        };
        if let Some(request) = request_of(kind) {
            return self.outbound(key, from, &to.to_bare(), request, element);
        }
        if kind == PresenceKind::Probe || !self.is_local(&to) {
            return;
        }
        // Directed presence (§4.6).
        let stamped = stamp(element, from, &to);
        if to.is_bare() {
            for (there, _) in self.available(to.bare()) {
                self.deliver(&there, stamped.clone());
            }
        } else if let Some(there) = self.key_of(to.as_str()) {
            self.deliver(&there, stamped);
        }
    }

    /// RFC 6121 §4.2: initial presence, §4.4: later presence.
    pub(super) fn now_available(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
        let stamped = stamp_from(presence.header().element(), from);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let initial = session.presence.is_none();
        session.presence = Some(stamped.clone());
        session.priority = presence.priority();
        let takes_messages = session.priority >= 0;
        self.broadcast(from, &stamped);
        if initial {
            self.show_contacts(key, from);
        }
        let account = self.accounts.get_mut(from.bare()).filter(|_| takes_messages);
        if let Some(account) = account {
            for stanza in core::mem::take(&mut account.offline) {
                self.deliver(key, stanza);
            }
        }
    }

    /// Sends a presence to all who may see it: contacts and the account's own resources.
    pub(super) fn broadcast(&mut self, from: &Jid, stanza: &StanzaXml) {
        let mut seers: Vec<String> = alloc::vec![from.bare().to_string()];
        if let Some(account) = self.accounts.get(from.bare()) {
            let contacts = account.roster.contacts().filter(|c| c.state.is_from());
            seers.extend(contacts.map(|contact| contact.jid().as_str().to_string()));
        }
        for seer in seers {
            for (key, _) in self.available(&seer) {
                if let Some(to) = self.sessions.get(&key).map(|s| s.jid.clone()) {
                    self.deliver(&key, stamp_to(stanza, &to));
                }
            }
        }
    }

    /// Tells a resource that became available who else is, and who waits for an answer.
    pub(super) fn show_contacts(&mut self, key: &K, from: &Jid) {
        let mut waiting = Vec::new();
        let mut seen: Vec<String> = alloc::vec![from.bare().to_string()];
        if let Some(account) = self.accounts.get(from.bare()) {
            for contact in account.roster.contacts() {
                waiting.extend(contact.asked.clone());
                if contact.state.is_to() {
                    seen.push(contact.jid().as_str().to_string());
                }
            }
        }
        let presences: Vec<StanzaXml> = seen
            .iter()
            .flat_map(|bare| self.of_account(bare))
            .filter(|(_, s)| s.jid != *from)
            .filter_map(|(_, s)| s.presence.clone())
            .collect();
        for stanza in presences {
            self.deliver(key, stamp_to(&stanza, from));
        }
        for stanza in waiting {
            self.deliver(key, stanza);
        }
    }

    /// A subscription stanza of a user (§A.2).
    pub(super) fn outbound(
        &mut self,
        key: &K,
        from: &Jid,
        to: &Jid,
        request: Request,
        element: Element<'_>,
    ) {
        let own = from.to_bare();
        if *to == own || to.local().is_none() {
            return;
        }
        let stamped = stamp(element, &own, to);
        let account = self.accounts.entry(own.as_str().to_string()).or_default();
        let saw_us = account.roster.state(to.as_str()).is_from();
        let (action, changed) = account.roster.apply(to, Direction::Outbound, request, None);
        if let Some(item) = changed {
            self.push(&own, &item);
        }
        if !matches!(action, Action::Pass | Action::PassAndReply) {
            return;
        }
        if !self.is_local(to) {
            return self.bounce(key, from, element, Condition::RemoteServerNotFound);
        }
        self.inbound(&own, to, request, stamped);
        match request {
            // §3.1.5: whoever may see us now does.
            Request::Subscribed => self.show_present(&own, to),
            Request::Unsubscribed if saw_us => self.show_gone(&own, to),
            _ => {}
        }
    }

    /// A subscription stanza for a local account (§A.3).
    pub(super) fn inbound(&mut self, from: &Jid, to: &Jid, request: Request, stanza: StanzaXml) {
        let Some(account) = self.accounts.get_mut(to.as_str()) else {
            // §8.5.1: no such user; a request is answered, the rest is silence.
            if request == Request::Subscribe {
                self.reply(to, from, PresenceKind::Unsubscribed, Request::Unsubscribed);
            }
            return;
        };
        let saw_us = account.roster.state(from.as_str()).is_from();
        let kept = Some(stanza.clone());
        let (action, changed) = account.roster.apply(from, Direction::Inbound, request, kept);
        if matches!(action, Action::Pass | Action::PassAndReply) {
            for (key, _) in self.available(to.as_str()) {
                self.deliver(&key, stanza.clone());
            }
        }
        if let Some(item) = changed {
            self.push(to, &item);
        }
        match action {
            Action::PassAndReply => {
                self.reply(to, from, PresenceKind::Unsubscribed, Request::Unsubscribed);
                if saw_us {
                    self.show_gone(to, from);
                }
            }
            Action::Reply => {
                self.reply(to, from, PresenceKind::Subscribed, Request::Subscribed);
                self.show_present(to, from);
            }
            _ => {}
        }
    }

    /// The server answers a subscription stanza on behalf of `from`.
    pub(super) fn reply(&mut self, from: &Jid, to: &Jid, kind: PresenceKind, request: Request) {
        let known = self.accounts.contains_key(to.as_str());
        if let Some(stanza) = subscription(kind, from, to).filter(|_| known) {
            self.inbound(from, to, request, stanza);
        }
    }

    /// Shows `to` the presence of all resources of `of`.
    pub(super) fn show_present(&mut self, of: &Jid, to: &Jid) {
        let presences: Vec<StanzaXml> =
            self.of_account(of.as_str()).filter_map(|(_, s)| s.presence.clone()).collect();
        for (key, _) in self.available(to.as_str()) {
            for stanza in &presences {
                self.deliver(&key, stamp_to(stanza, to));
            }
        }
    }

    /// Shows `to` that all resources of `of` are gone.
    pub(super) fn show_gone(&mut self, of: &Jid, to: &Jid) {
        let gone: Vec<Jid> = self
            .of_account(of.as_str())
            .filter(|(_, s)| s.presence.is_some())
            .map(|(_, s)| s.jid.clone())
            .collect();
        for jid in gone {
            let stanza =
                PresenceBuilder::new().from(&jid).to(to).kind(PresenceKind::Unavailable).build();
            if let Ok(stanza) = stanza {
                for (key, _) in self.available(to.as_str()) {
                    self.deliver(&key, stanza.clone());
                }
            }
        }
    }
}

const fn request_of(kind: PresenceKind) -> Option<Request> {
    match kind {
        PresenceKind::Subscribe => Some(Request::Subscribe),
        PresenceKind::Unsubscribe => Some(Request::Unsubscribe),
        PresenceKind::Subscribed => Some(Request::Subscribed),
        PresenceKind::Unsubscribed => Some(Request::Unsubscribed),
        _ => None,
    }
}

pub(super) fn subscription(kind: PresenceKind, from: &Jid, to: &Jid) -> Option<StanzaXml> {
    PresenceBuilder::new().from(from).to(to).kind(kind).build().ok()
}

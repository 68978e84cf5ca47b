//! Presence and subscriptions of local accounts (RFC 6121 §3, §4).

use super::{Origin, Part, Router, stamp, stamp_from, stamp_to};
use crate::jid::Jid;
use crate::stanza::{Condition, Presence, PresenceBuilder, PresenceKind, StanzaXml};
use crate::subscription::{Action, Direction, Request};
use crate::xml::Element;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    pub(super) fn presence(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
        let origin = Origin::Local(key);
        let element = presence.header().element();
        let Some(kind) = presence.kind() else { return };
        let Some(to) = presence.header().to() else {
            match kind {
                PresenceKind::Available => self.now_available(key, from, presence),
                PresenceKind::Unavailable => {
                    let gone = stamp_from(element, from);
                    let status = presence.status().unwrap_or_default();
                    self.leave(key, from, &gone, &status);
                }
                PresenceKind::Error => {}
                _ => self.bounce(origin, from, element, Condition::BadRequest),
            }
            return;
        };
        let Ok(to) = to.to_jid() else {
            return self.bounce(origin, from, element, Condition::JidMalformed);
        };
        if self.blocks(from.bare(), &to) {
            return self.bounce_blocked(origin, from, element);
        }
        if let Some(request) = request_of(kind) {
            return self.outbound(key, from, &to.to_bare(), request, element);
        }
        if kind == PresenceKind::Probe {
            let id = presence.header().id().map(ToString::to_string);
            // Ours to answer, or nobody's: probes are what servers send (§4.3).
            if self.is_local(&to) {
                self.probe(from, &to, id.as_deref());
            }
            return;
        }
        // Directed presence (§4.6): remembered, so that the end of it can be told.
        let max = self.config.limits.directed_max;
        if let Some(session) = self.sessions.get_mut(key) {
            match kind {
                PresenceKind::Available if session.directed.contains(to.as_str()) => {}
                // Who is not remembered would see the resource as there for ever.
                PresenceKind::Available if session.directed.len() >= max => {
                    return self.bounce(origin, from, element, Condition::ResourceConstraint);
                }
                PresenceKind::Available => {
                    session.directed.insert(to.to_string());
                }
                PresenceKind::Unavailable => {
                    session.directed.remove(to.as_str());
                }
                _ => {}
            }
        }
        self.directed(from, &to, element);
    }

    /// §8.5.2.1.2, §8.5.3: presence for one recipient.
    pub(super) fn directed(&mut self, from: &Jid, to: &Jid, element: Element<'_>) {
        let stamped = stamp(element, from, to);
        if !self.is_local(to) {
            return self.outgoing(to, stamped);
        }
        if self.blocks(to.bare(), from) {
            return;
        }
        if to.is_bare() {
            for (there, _) in self.available(to.bare()) {
                self.deliver(&there, stamped.clone());
            }
        } else if let Some(there) = self.key_of(to.as_str()) {
            self.deliver(&there, stamped);
        }
    }

    /// RFC 6121 §4.2: initial presence, §4.4: later presence.
    fn now_available(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
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
            self.send_probes(from);
            self.show_contacts(key, from);
        }
        let account = self.accounts.get_mut(from.bare()).filter(|_| takes_messages);
        let kept = account.map(|account| core::mem::take(&mut account.offline));
        if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
            for stanza in kept {
                self.deliver(key, stanza);
            }
            // Behind the deliveries: what is lost on the way to the disk comes twice, not never.
            self.changed(from.bare(), Part::Offline);
        }
    }

    /// §4.5: a resource is not available any more.
    pub(super) fn leave(&mut self, key: &K, from: &Jid, gone: &StanzaXml, status: &str) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let was = session.presence.take().is_some();
        session.priority = 0;
        let directed = core::mem::take(&mut session.directed);
        if was {
            self.broadcast(from, gone);
        }
        // §4.6.3: those who got directed presence and no broadcast.
        for to in directed {
            let Ok(to) = Jid::new(&to) else { continue };
            let seen = was
                && (to.bare() == from.bare()
                    || self
                        .accounts
                        .get(from.bare())
                        .is_some_and(|account| account.roster.state(to.bare()).is_from()));
            if !seen && !self.blocks(from.bare(), &to) && !self.blocks(to.bare(), from) {
                self.show(&to, Some(stamp_to(gone, &to)));
            }
        }
        if let Some(now) = self.time.filter(|_| was) {
            if self.available(from.bare()).is_empty() {
                if let Some(account) = self.accounts.get_mut(from.bare()) {
                    account.last = Some((now, status.to_string()));
                    self.changed(from.bare(), Part::Last);
                }
            }
        }
    }

    /// The contacts that may see an account.
    pub(super) fn seers(&self, bare: &str) -> Vec<Jid> {
        let Some(account) = self.accounts.get(bare) else { return Vec::new() };
        let contacts = account.roster.contacts().filter(|c| c.state.is_from());
        contacts.map(|contact| contact.jid().clone()).collect()
    }

    /// Sends a presence to all who may see it: contacts and the account's own resources.
    fn broadcast(&mut self, from: &Jid, stanza: &StanzaXml) {
        let mut seers: Vec<Jid> = alloc::vec![from.to_bare()];
        seers.extend(self.seers(from.bare()));
        for seer in seers {
            if self.blocks(from.bare(), &seer) || self.blocks(seer.bare(), from) {
                continue;
            }
            if seer.as_str() != from.bare() {
                self.show(&seer, Some(stamp_to(stanza, &seer)));
                continue;
            }
            // §4.4.2: each of the own resources by its name.
            for (key, _) in self.available(seer.as_str()) {
                if let Some(to) = self.sessions.get(&key).map(|s| s.jid.clone()) {
                    self.deliver(&key, stamp_to(stanza, &to));
                }
            }
        }
    }

    /// Tells a resource that became available who else is, and who waits for an answer.
    fn show_contacts(&mut self, key: &K, from: &Jid) {
        let mut waiting = Vec::new();
        let mut seen: Vec<String> = alloc::vec![from.bare().to_string()];
        if let Some(account) = self.accounts.get(from.bare()) {
            for contact in account.roster.contacts() {
                if self.blocks(from.bare(), contact.jid()) {
                    continue;
                }
                waiting.extend(contact.asked.clone());
                // The contact's own server decides whether he is shown (§4.3.2).
                let shows = self
                    .accounts
                    .get(contact.jid().as_str())
                    .is_some_and(|other| other.roster.state(from.bare()).is_from());
                if contact.state.is_to() && shows && !self.blocks(contact.jid().as_str(), from) {
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
    fn outbound(&mut self, key: &K, from: &Jid, to: &Jid, request: Request, element: Element<'_>) {
        let own = from.to_bare();
        if *to == own {
            return;
        }
        let stamped = stamp(element, &own, to);
        let roster = &mut self.open_account(own.as_str()).roster;
        let saw_us = roster.state(to.as_str()).is_from();
        let applied = roster.apply(to, Direction::Outbound, request, None);
        if applied.touched {
            self.changed(own.as_str(), Part::Roster);
        }
        if let Some(change) = &applied.change {
            self.push(&own, change);
        }
        if !matches!(applied.action, Action::Pass | Action::PassAndReply) {
            return;
        }
        if !self.is_local(to) && !self.config.remote {
            let element = Origin::Local(key);
            return self.bounce_stamped(element, from, &stamped, Condition::RemoteServerNotFound);
        }
        // §3.2.2: first they go, then it is told why.
        if request == Request::Unsubscribed && saw_us {
            self.show_gone(&own, to);
        }
        self.pass(&own, to, request, stamped);
        // §3.1.5: whoever may see us now does.
        if request == Request::Subscribed {
            self.show_present(&own, to);
        }
    }

    fn bounce_stamped(
        &mut self,
        origin: Origin<'_, K>,
        from: &Jid,
        stanza: &StanzaXml,
        condition: Condition,
    ) {
        let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
        if let Ok(buf) = crate::stanza::StanzaBuf::parse(crate::xml::Ns::CLIENT, text) {
            self.bounce(origin, from, buf.element(), condition);
        }
    }

    /// Takes a subscription stanza to the contact's server, which may be this one.
    pub(super) fn pass(&mut self, from: &Jid, to: &Jid, request: Request, stanza: StanzaXml) {
        match self.is_local(to) {
            true => self.inbound(from, to, request, stanza),
            false => self.outgoing(to, stanza),
        }
    }

    /// A subscription stanza for a local account (§A.3).
    pub(super) fn inbound(&mut self, from: &Jid, to: &Jid, request: Request, stanza: StanzaXml) {
        // §8.5.1: for an account that does not exist there is silence. XEP-0191: likewise.
        if self.blocks(to.as_str(), from) {
            return;
        }
        let Some(account) = self.accounts.get_mut(to.as_str()) else { return };
        let saw_us = account.roster.state(from.as_str()).is_from();
        let kept = Some(stanza.clone());
        let applied = account.roster.apply(from, Direction::Inbound, request, kept);
        if applied.touched {
            self.changed(to.as_str(), Part::Roster);
        }
        if matches!(applied.action, Action::Pass | Action::PassAndReply) {
            for (key, _) in self.available(to.as_str()) {
                self.deliver(&key, stanza.clone());
            }
        }
        if let Some(change) = &applied.change {
            self.push(to, change);
        }
        match applied.action {
            Action::PassAndReply => {
                self.answer(to, from, PresenceKind::Unsubscribed, Request::Unsubscribed);
                if saw_us {
                    self.show_gone(to, from);
                }
            }
            Action::Reply => {
                self.answer(to, from, PresenceKind::Subscribed, Request::Subscribed);
                self.show_present(to, from);
            }
            _ => {}
        }
    }

    /// The server answers a subscription stanza on behalf of `from`.
    fn answer(&mut self, from: &Jid, to: &Jid, kind: PresenceKind, request: Request) {
        if let Some(stanza) = subscription(kind, from, to) {
            self.pass(from, to, request, stanza);
        }
    }

    /// Shows `to` the presence of all resources of `of`.
    pub(super) fn show_present(&mut self, of: &Jid, to: &Jid) {
        if self.blocks(of.bare(), to) || self.blocks(to.bare(), of) {
            return;
        }
        let presences: Vec<StanzaXml> =
            self.of_account(of.as_str()).filter_map(|(_, s)| s.presence.clone()).collect();
        for stanza in &presences {
            self.show(to, Some(stamp_to(stanza, to)));
        }
    }

    /// Shows `to` that all resources of `of` are gone.
    pub(super) fn show_gone(&mut self, of: &Jid, to: &Jid) {
        if self.blocks(to.bare(), of) {
            return;
        }
        let gone: Vec<Jid> = self
            .of_account(of.as_str())
            .filter(|(_, s)| s.presence.is_some())
            .map(|(_, s)| s.jid.clone())
            .collect();
        for jid in gone {
            let stanza =
                PresenceBuilder::new().from(&jid).to(to).kind(PresenceKind::Unavailable).build();
            self.show(to, stanza.ok());
        }
    }
}

pub(super) const fn request_of(kind: PresenceKind) -> Option<Request> {
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

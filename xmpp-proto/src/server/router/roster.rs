//! Rosters: asking for one, changing it, pushes, versions (RFC 6121 §2).

use super::super::roster::Change;
use super::presence::subscription;
use super::{Origin, Part, Router};
use crate::jid::Jid;
use crate::roster::{RosterItem, Subscription};
use crate::stanza::{Condition, Iq, PresenceKind, StanzaXml, result_reply};
use crate::subscription::{Request, State};
use crate::xml::{Element, Ns, Writer};
use alloc::string::String;
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    /// §2.1.3, §2.2; with a version that is known only what has changed since (§2.6).
    pub(super) fn give_roster(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let asked = iq.payload().and_then(|query| query.attr("ver"));
        if let Some(session) = self.sessions.get_mut(key) {
            session.interested = true;
        }
        let roster = &self.open_account(from.bare()).roster;
        let changes = asked.and_then(|version| roster.changes_since(&version));
        let (items, version) = (roster.items(), roster.version());
        let whole = changes.is_none();
        let reply = result_reply(iq.header(), |w| {
            if whole {
                w.start(Ns::ROSTER, "query").attr("ver", &version);
                for item in &items {
                    item.write(w);
                }
                w.end();
            }
        });
        if let Ok(reply) = reply {
            self.reply(Origin::Local(key), from, &reply);
        }
        for change in changes.into_iter().flatten() {
            if let Some(push) = self.push_of(from, &change) {
                self.deliver(key, push);
            }
        }
    }

    /// §2.3, §2.4, §2.5
    pub(super) fn change_roster(&mut self, key: &K, from: &Jid, iq: &Iq<'_>, query: Element<'_>) {
        match self.set_roster(from, query) {
            Ok(change) => {
                self.changed(from.bare(), Part::Roster);
                if let Ok(reply) = result_reply(iq.header(), |_| {}) {
                    self.reply(Origin::Local(key), from, &reply);
                }
                self.push(from, &change);
            }
            Err(condition) => {
                self.bounce(Origin::Local(key), from, iq.header().element(), condition);
            }
        }
    }

    fn set_roster(&mut self, from: &Jid, query: Element<'_>) -> Result<Change, Condition> {
        let mut items = query.children();
        let item = items.next().and_then(RosterItem::read);
        let (Some(mut item), None) = (item, items.next()) else {
            return Err(Condition::BadRequest);
        };
        item.jid = item.jid.to_bare();
        if item.jid.as_str() == from.bare() {
            return Err(Condition::NotAllowed);
        }
        if item.subscription != Subscription::Remove {
            self.check_labels(&item)?;
            let roster = &mut self.open_account(from.bare()).roster;
            return roster.set(&item).ok_or(Condition::PolicyViolation);
        }
        let roster = &mut self.open_account(from.bare()).roster;
        let (state, change) = roster.remove(&item.jid).ok_or(Condition::ItemNotFound)?;
        self.sever(&from.to_bare(), &item.jid, state);
        Ok(change)
    }

    /// Who is removed loses both subscriptions (§2.5.2).
    pub(super) fn sever(&mut self, own: &Jid, contact: &Jid, state: State) {
        for (held, kind, request) in [
            (
                state.is_to() || state.is_pending_out(),
                PresenceKind::Unsubscribe,
                Request::Unsubscribe,
            ),
            (
                state.is_from() || state.is_pending_in(),
                PresenceKind::Unsubscribed,
                Request::Unsubscribed,
            ),
        ] {
            let stanza = subscription(kind, own, contact).filter(|_| held);
            if let Some(stanza) = stanza {
                self.pass(own, contact, request, stanza);
            }
        }
        if state.is_from() {
            self.show_gone(own, contact);
        }
    }

    /// §2.3.3
    fn check_labels(&self, item: &RosterItem) -> Result<(), Condition> {
        let limits = self.config.limits;
        let long = |text: &String| text.len() > limits.label_max;
        if item.name.as_ref().is_some_and(long) || item.groups.len() > limits.groups_max {
            return Err(Condition::NotAcceptable);
        }
        let mut seen: Vec<&str> = Vec::new();
        for group in &item.groups {
            if group.is_empty() || long(group) {
                return Err(Condition::NotAcceptable);
            }
            if seen.contains(&group.as_str()) {
                return Err(Condition::BadRequest);
            }
            seen.push(group);
        }
        Ok(())
    }

    /// §2.1.6: every interested resource is told.
    pub(super) fn push(&mut self, account: &Jid, change: &Change) {
        let interested: Vec<(K, Jid)> = self
            .of_account(account.bare())
            .filter(|(_, s)| s.interested)
            .map(|(key, s)| (key.clone(), s.jid.clone()))
            .collect();
        for (key, jid) in interested {
            if let Some(stanza) = self.push_of(&jid, change) {
                self.deliver(&key, stanza);
            }
        }
    }

    fn push_of(&mut self, to: &Jid, change: &Change) -> Option<StanzaXml> {
        let id = self.push_id();
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "set").attr("id", &id);
        w.attr("to", to.as_str()).start(Ns::ROSTER, "query").attr("ver", &change.version);
        change.item.write(&mut w);
        w.end().end();
        StanzaXml::new(w).ok()
    }

    pub(super) fn push_id(&mut self) -> String {
        self.pushes = self.pushes.wrapping_add(1);
        alloc::format!("push-{:x}", self.pushes)
    }
}

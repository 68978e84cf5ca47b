//! Users who are logged in change their passwords and remove their accounts (XEP-0077 §3.2,
//! §3.3). Passwords are the host's.

use super::archive::Pending;
use super::{Origin, QueryId, Router, RouterEvent};
use crate::ext::register::{Form, Request};
use crate::jid::{Jid, JidRef};
use crate::stanza::{Condition, Iq, StanzaBuf, result_reply};
use crate::xml::{Ns, Writer};
use alloc::string::String;
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    /// A request of a local user, to the server or to nobody.
    pub(super) fn registration(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let origin = Origin::Local(key);
        let element = iq.header().element();
        if !self.config.registration {
            return self.bounce(origin, from, element, Condition::ServiceUnavailable);
        }
        match Request::read(iq) {
            // §3.1: what is known of those who have registered.
            Some(Ok(Request::Form)) => {
                let local = from.local().unwrap_or("");
                let fields = [("username", local), ("password", "")];
                let form = Form {
                    registered: true,
                    fields: fields.map(|(name, value)| (name.into(), value.into())).to_vec(),
                    ..Form::default()
                };
                if let Ok(reply) = result_reply(iq.header(), |w| form.write(w)) {
                    self.reply(origin, from, &reply);
                }
            }
            Some(Ok(Request::Submit(submission))) => {
                let named = alloc::format!("{}@{}", submission.username, from.domain());
                if Jid::new(&named).map_or(true, |named| named.as_str() != from.bare()) {
                    return self.bounce(origin, from, element, Condition::NotAllowed);
                }
                let password = submission.password;
                self.ask_host(key, from, iq, |query, account| {
                    RouterEvent::PasswordChangeRequested { query, account, password }
                });
            }
            Some(Ok(Request::Remove)) => self.ask_host(key, from, iq, |query, account| {
                RouterEvent::RemovalRequested { query, account }
            }),
            Some(Err(condition)) => self.bounce(origin, from, element, condition),
            None => self.bounce(origin, from, element, Condition::BadRequest),
        }
    }

    fn ask_host(
        &mut self,
        key: &K,
        from: &Jid,
        iq: &Iq<'_>,
        event: impl FnOnce(QueryId, Jid) -> RouterEvent,
    ) {
        let element = iq.header().element();
        if self.registrations.len() >= self.config.limits.queries_max {
            let origin = Origin::Local(key);
            return self.bounce(origin, from, element, Condition::ResourceConstraint);
        }
        // Only its address and its id are needed for the answer: no password is kept.
        let header = iq.header();
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "set").attr_opt("id", header.id());
        w.attr("from", from.as_str()).attr_opt("to", header.to().map(JidRef::as_str));
        w.leaf(Ns::REGISTER, "query", "").end();
        let Ok(text) = w.finish() else { return };
        let Ok(request) = StanzaBuf::parse(Ns::CLIENT, text.into()) else { return };
        self.asked = self.asked.wrapping_add(1);
        let id = QueryId(self.asked);
        let query = String::new();
        self.registrations.insert(id, Pending { asker: from.clone(), request, query });
        self.event(event(id, from.to_bare()));
    }

    /// Answers [`RouterEvent::PasswordChangeRequested`] or [`RouterEvent::RemovalRequested`]:
    /// it is so now. `false` when nothing like this was asked for.
    pub fn accept_registration(&mut self, query: QueryId) -> bool {
        let Some(pending) = self.registrations.remove(&query) else { return false };
        let reply = pending.request.as_iq().and_then(|iq| result_reply(iq.header(), |_| {}).ok());
        // The session may have moved to another connection, or be over.
        if let Some((key, reply)) = self.key_of(pending.asker.as_str()).zip(reply) {
            self.reply(Origin::Local(&key), &pending.asker, &reply);
        }
        true
    }

    /// Answers one of them with an error, such as `not-acceptable` for a password that is too
    /// weak, or `not-allowed`. `false` when nothing like this was asked for.
    pub fn refuse_registration(&mut self, query: QueryId, condition: Condition) -> bool {
        let Some(pending) = self.registrations.remove(&query) else { return false };
        if let Some(key) = self.key_of(pending.asker.as_str()) {
            let (asker, request) = (&pending.asker, pending.request.element());
            self.bounce(Origin::Local(&key), asker, request, condition);
        }
        true
    }

    /// Removes an account with all that belongs to it: its contacts are told, its
    /// subscriptions end, and [`RouterEvent::Removed`] follows. Gives its connections: once
    /// the queue is worked off, the host ends them with `not-authorized` (XEP-0077 §3.2).
    pub fn remove_account(&mut self, account: &Jid) -> Vec<K> {
        let own = account.to_bare();
        if !self.accounts.contains_key(own.as_str()) {
            return Vec::new();
        }
        let connections: Vec<K> =
            self.of_account(own.as_str()).map(|(key, _)| key.clone()).collect();
        for key in &connections {
            self.disconnect(key);
        }
        let contacts = self.accounts.get(own.as_str()).map_or(Vec::new(), |account| {
            account.roster.contacts().map(|c| (c.jid().clone(), c.state)).collect()
        });
        for (contact, state) in contacts {
            self.sever(&own, &contact, state);
        }
        self.accounts.remove(own.as_str());
        self.event(RouterEvent::Removed { account: own });
        connections
    }
}

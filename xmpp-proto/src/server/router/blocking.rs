//! The block list of an account, and what it keeps out (XEP-0191).

use super::{Origin, Part, Router};
use crate::ext::blocking::{Blocking, Name, write};
use crate::jid::{Jid, JidRef};
use crate::stanza::{Condition, Iq, IqKind, StanzaError, StanzaXml, result_reply};
use crate::xml::{Document, Element, Ns, Writer};
use alloc::string::ToString;
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    /// Whether the account `bare` has blocked `other`: by its whole address, its account, its
    /// resource at a domain, or its domain (§5).
    pub(super) fn blocks(&self, bare: &str, other: &Jid) -> bool {
        let Some(account) = self.accounts.get(bare) else { return false };
        if account.blocked.is_empty() {
            return false;
        }
        let at_domain = || {
            let resource = other.resource()?;
            Some(alloc::format!("{}/{resource}", other.domain()))
        };
        account.blocked.contains(other.as_str())
            || account.blocked.contains(other.bare())
            || account.blocked.contains(other.domain())
            || at_domain().is_some_and(|jid| account.blocked.contains(&jid))
    }

    /// §3.3: whoever writes to somebody whom he has blocked is told.
    pub(super) fn bounce_blocked(
        &mut self,
        origin: Origin<'_, K>,
        from: &Jid,
        stanza: Element<'_>,
    ) {
        let mut error = StanzaError::new(Condition::NotAcceptable);
        error.kind = crate::stanza::ErrorKind::Cancel;
        let blocked = Document::parse(b"<blocked xmlns='urn:xmpp:blocking:errors'/>");
        error.application = blocked.as_ref().ok().map(Document::root);
        self.bounce_with(origin, from, stanza, &error);
    }

    pub(super) fn blocking(&mut self, key: &K, from: &Jid, iq: &Iq<'_>, payload: Element<'_>) {
        let origin = Origin::Local(key);
        let element = iq.header().element();
        if iq.kind() == Some(IqKind::Get) && payload.name() == "blocklist" {
            if let Some(session) = self.sessions.get_mut(key) {
                session.watches_blocks = true;
            }
            let list = self.block_list(from.bare());
            let reply = result_reply(iq.header(), |w| write(w, Name::List, &list));
            return match reply {
                Ok(reply) => self.reply(origin, from, &reply),
                Err(_) => self.bounce(origin, from, element, Condition::InternalServerError),
            };
        }
        let command = Blocking::read(payload).filter(|_| iq.kind() == Some(IqKind::Set));
        let read = |list: &[JidRef<'_>]| -> Result<Vec<Jid>, Condition> {
            // An address that cannot be one would be blocked in vain.
            let all = payload.children().filter(|item| item.is(Ns::BLOCKING, "item")).count();
            let jids: Result<Vec<Jid>, _> = list.iter().map(JidRef::to_jid).collect();
            match jids {
                Ok(jids) if jids.len() == all => Ok(jids),
                _ => Err(Condition::JidMalformed),
            }
        };
        let done = match &command {
            Some(Blocking::Block(list)) => read(list).and_then(|jids| self.block(from, jids)),
            Some(Blocking::Unblock(list)) => read(list).map(|jids| self.unblock(from, jids)),
            None => Err(Condition::BadRequest),
        };
        match done {
            Err(condition) => self.bounce(origin, from, element, condition),
            Ok(jids) => {
                self.changed(from.bare(), Part::Blocked);
                if let Ok(reply) = result_reply(iq.header(), |_| {}) {
                    self.reply(origin, from, &reply);
                }
                let name = match command {
                    Some(Blocking::Block(_)) => Name::Block,
                    _ => Name::Unblock,
                };
                self.push_blocks(from, name, &jids);
            }
        }
    }

    pub(super) fn block_list(&self, bare: &str) -> Vec<Jid> {
        let blocked = self.accounts.get(bare).map(|account| account.blocked.iter());
        blocked.into_iter().flatten().filter_map(|jid| Jid::new(jid).ok()).collect()
    }

    /// Gives the addresses that the push is to name.
    fn block(&mut self, from: &Jid, jids: Vec<Jid>) -> Result<Vec<Jid>, Condition> {
        let max = self.config.limits.blocked_max;
        let account = self.open_account(from.bare());
        let new = jids.iter().filter(|jid| !account.blocked.contains(jid.as_str())).count();
        if account.blocked.len().saturating_add(new) > max {
            return Err(Condition::PolicyViolation);
        }
        // §3.3: whom it concerns sees the user go, before he is out of reach.
        for contact in self.seers(from.bare()) {
            let hit = jids.iter().any(|jid| {
                jid.as_str() == contact.as_str() || {
                    jid.local().is_none() && jid.domain() == contact.domain()
                }
            });
            if hit && !self.blocks(from.bare(), &contact) {
                self.show_gone(&from.to_bare(), &contact);
            }
        }
        let account = self.open_account(from.bare());
        account.blocked.extend(jids.iter().map(|jid| jid.as_str().to_string()));
        Ok(jids)
    }

    fn unblock(&mut self, from: &Jid, jids: Vec<Jid>) -> Vec<Jid> {
        let hidden: Vec<Jid> = self
            .seers(from.bare())
            .into_iter()
            .filter(|contact| self.blocks(from.bare(), contact))
            .collect();
        let account = self.open_account(from.bare());
        match jids.is_empty() {
            true => account.blocked.clear(),
            false => account.blocked.retain(|b| !jids.iter().any(|jid| jid.as_str() == b)),
        }
        // §3.4: who sees the user again, sees him now.
        for contact in hidden {
            if !self.blocks(from.bare(), &contact) {
                self.show_present(&from.to_bare(), &contact);
            }
        }
        jids
    }

    fn push_blocks(&mut self, account: &Jid, name: Name, jids: &[Jid]) {
        let watching: Vec<(K, Jid)> = self
            .of_account(account.bare())
            .filter(|(_, s)| s.watches_blocks)
            .map(|(key, s)| (key.clone(), s.jid.clone()))
            .collect();
        for (key, jid) in watching {
            let id = self.push_id();
            let mut w = Writer::in_stream(Ns::CLIENT);
            w.start(Ns::CLIENT, "iq").attr("type", "set").attr("id", &id).attr("to", jid.as_str());
            write(&mut w, name, jids);
            w.end();
            if let Ok(stanza) = StanzaXml::new(w) {
                self.deliver(&key, stanza);
            }
        }
    }
}

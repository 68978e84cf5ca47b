//! What is archived, and looking it up (XEP-0313, XEP-0441). The archive itself is the
//! host's.

use super::super::archive::{ArchiveEntry, ArchivePage, ArchiveQuery};
use super::{Origin, Part, QueryId, Router, RouterEvent};
use crate::ext::archive::Fin;
use crate::ext::chat::Hint;
use crate::ext::delay::Delay;
use crate::ext::forward;
use crate::jid::Jid;
use crate::stanza::{
    Condition, Iq, IqKind, Message, MessageBuilder, MessageKind, StanzaBuf, StanzaXml, result_reply,
};
use crate::xml::{Element, Ns, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// XEP-0441 §2.1: what a user wants to have archived.
#[derive(Clone, Debug, Default)]
pub(super) struct Archiving {
    default: Default_,
    always: Vec<Jid>,
    never: Vec<Jid>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Default_ {
    #[default]
    Always,
    Never,
    Roster,
}

impl Default_ {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Always, "always"), (Self::Never, "never"), (Self::Roster, "roster")];
}

impl Archiving {
    /// `None` when it is malformed.
    pub(super) fn read(prefs: Element<'_>) -> Option<Self> {
        if !prefs.is(Ns::MAM, "prefs") {
            return None;
        }
        let default = prefs.attr("default")?;
        let (default, _) = Default_::ALL.into_iter().find(|(_, name)| *name == default)?;
        let list = |name: &str| -> Option<Vec<Jid>> {
            let jids = prefs.child(Ns::MAM, name).into_iter().flat_map(Element::children);
            jids.filter(|jid| jid.is(Ns::MAM, "jid"))
                .map(|jid| Jid::new(jid.text().trim()).ok())
                .collect()
        };
        Some(Self { default, always: list("always")?, never: list("never")? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let name = Default_::ALL.iter().find(|(default, _)| *default == self.default);
        w.start(Ns::MAM, "prefs").attr("default", name.map_or("always", |(_, name)| name));
        for (name, list) in [("always", &self.always), ("never", &self.never)] {
            w.start(Ns::MAM, name);
            for jid in list {
                w.leaf(Ns::MAM, "jid", jid.as_str());
            }
            w.end();
        }
        w.end();
    }

    /// §2.3: a whole address before an account, `never` before `always`.
    fn wants(&self, with: &Jid, in_roster: bool) -> bool {
        let has = |list: &[Jid], jid: &str| list.iter().any(|listed| listed.as_str() == jid);
        for jid in [with.as_str(), with.bare()] {
            if has(&self.never, jid) {
                return false;
            }
            if has(&self.always, jid) {
                return true;
            }
        }
        match self.default {
            Default_::Always => true,
            Default_::Never => false,
            Default_::Roster => in_roster,
        }
    }
}

/// A question that waits for the host.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) asker: Jid,
    /// The request, to be answered.
    pub(super) request: StanzaBuf,
    pub(super) query: String,
}

impl<K: Ord + Clone> Router<K> {
    /// Puts a message into the archive of `bare`, if it belongs there; gives its id.
    pub(super) fn archive(
        &mut self,
        bare: &str,
        with: &Jid,
        message: &Message<'_>,
        stanza: &StanzaXml,
    ) -> Option<String> {
        let at = self.time.filter(|_| self.config.archive && belongs(message))?;
        let account = self.accounts.get(bare)?;
        let listed = account.roster.lists(with.bare());
        if !account.archiving.wants(with, listed) {
            return None;
        }
        let id = self.rng.hex::<32>().as_str().to_string();
        // The archive keeps what was received, without what others claim in its name.
        let owner = Jid::new(bare).ok()?;
        let stanza = super::message::with_stanza_id(stanza, message, &owner, None);
        let entry = ArchiveEntry { id: id.clone(), at, with: with.clone(), stanza };
        self.event(RouterEvent::Archived { account: owner, entry });
        Some(id)
    }

    pub(super) fn archive_iq(&mut self, key: &K, from: &Jid, iq: &Iq<'_>, payload: Element<'_>) {
        let origin = Origin::Local(key);
        let element = iq.header().element();
        let reply = match (iq.kind(), payload.name()) {
            (Some(IqKind::Set), "query") => match ArchiveQuery::read(payload) {
                Ok(wanted) => return self.ask(key, from, iq, payload, wanted),
                Err(condition) => return self.bounce(origin, from, element, condition),
            },
            (Some(IqKind::Get), "query") => result_reply(iq.header(), write_fields),
            (Some(IqKind::Get), "metadata") => {
                let wanted = ArchiveQuery { metadata: true, ..ArchiveQuery::default() };
                return self.ask(key, from, iq, payload, wanted);
            }
            (Some(kind @ (IqKind::Get | IqKind::Set)), "prefs") => {
                if kind == IqKind::Set {
                    let max = self.config.limits.blocked_max;
                    let fits = |p: &Archiving| p.always.len() <= max && p.never.len() <= max;
                    let Some(prefs) = Archiving::read(payload) else {
                        return self.bounce(origin, from, element, Condition::BadRequest);
                    };
                    if !fits(&prefs) {
                        return self.bounce(origin, from, element, Condition::PolicyViolation);
                    }
                    self.open_account(from.bare()).archiving = prefs;
                    self.changed(from.bare(), Part::Archiving);
                }
                let prefs = self.open_account(from.bare()).archiving.clone();
                result_reply(iq.header(), |w| prefs.write(w))
            }
            _ => return self.bounce(origin, from, element, Condition::FeatureNotImplemented),
        };
        if let Ok(reply) = reply {
            self.reply(origin, from, &reply);
        }
    }

    fn ask(
        &mut self,
        key: &K,
        from: &Jid,
        iq: &Iq<'_>,
        payload: Element<'_>,
        wanted: ArchiveQuery,
    ) {
        let element = iq.header().element();
        if self.queries.len() >= self.config.limits.queries_max {
            let origin = Origin::Local(key);
            return self.bounce(origin, from, element, Condition::ResourceConstraint);
        }
        let text = super::stamp_from(element, from).into_string();
        let Ok(request) = StanzaBuf::parse(Ns::CLIENT, text.into()) else { return };
        self.asked = self.asked.wrapping_add(1);
        let id = QueryId(self.asked);
        let query = payload.attr("queryid").unwrap_or_default().into_owned();
        self.queries.insert(id, Pending { asker: from.clone(), request, query });
        self.event(RouterEvent::ArchiveQueried { query: id, account: from.to_bare(), wanted });
    }

    /// Answers [`RouterEvent::ArchiveQueried`]. `false` when nothing like this was asked for.
    pub fn answer_archive(&mut self, query: QueryId, page: &ArchivePage) -> bool {
        let Some(pending) = self.queries.remove(&query) else { return false };
        // The session may have moved to another connection, or be over.
        let Some(key) = self.key_of(pending.asker.as_str()) else { return true };
        let own = pending.asker.to_bare();
        for entry in page.in_order() {
            if let Some(stanza) = result(&pending, &own, entry) {
                self.deliver(&key, stanza);
            }
        }
        let Some(iq) = pending.request.as_iq() else { return true };
        let reply = match page.metadata {
            true => result_reply(iq.header(), |w| write_metadata(w, page)),
            false => result_reply(iq.header(), |w| fin(page).write(w)),
        };
        if let Ok(reply) = reply {
            self.reply(Origin::Local(&key), &pending.asker, &reply);
        }
        true
    }

    /// Answers [`RouterEvent::ArchiveQueried`] with an error, such as `item-not-found` for an
    /// id that is not in the archive (XEP-0313 §4.3.1). `false` when nothing like this was
    /// asked for.
    pub fn refuse_archive(&mut self, query: QueryId, condition: Condition) -> bool {
        let Some(pending) = self.queries.remove(&query) else { return false };
        if let Some(key) = self.key_of(pending.asker.as_str()) {
            let (asker, request) = (&pending.asker, pending.request.element());
            self.bounce(Origin::Local(&key), asker, request, condition);
        }
        true
    }
}

/// XEP-0313 §6.1: messages with a body, as far as their senders allow it (XEP-0334 §4).
fn belongs(message: &Message<'_>) -> bool {
    let element = message.header().element();
    let hidden = Hint::NoStore.is_in(element) || Hint::NoPermanentStore.is_in(element);
    let kind = matches!(message.kind(), MessageKind::Chat | MessageKind::Normal);
    !hidden && kind && (message.body().is_some() || Hint::Store.is_in(element))
}

fn result(pending: &Pending, own: &Jid, entry: &ArchiveEntry) -> Option<StanzaXml> {
    let text = bytes::Bytes::copy_from_slice(entry.stanza.as_str().as_bytes());
    let stanza = StanzaBuf::parse(Ns::CLIENT, text).ok()?;
    let stamp = entry.at.to_string();
    let message = MessageBuilder::new().from(own).to(&pending.asker).with(|w| {
        let query = Some(pending.query.as_str()).filter(|query| !query.is_empty());
        w.start(Ns::MAM, "result").attr_opt("queryid", query).attr("id", &entry.id);
        forward::write(w, Some(&Delay::new(&stamp)), stanza.element());
        w.end();
    });
    message.build().ok()
}

fn fin(page: &ArchivePage) -> Fin<'_> {
    let mut fin = Fin { complete: page.complete, ..Fin::default() };
    fin.first = page.entries.first().map(|entry| entry.id.as_str().into());
    fin.last = page.entries.last().map(|entry| entry.id.as_str().into());
    fin.index = page.index.and_then(|index| u64::try_from(index).ok());
    fin.count = page.count.and_then(|count| u64::try_from(count).ok());
    fin
}

/// XEP-0313 §5: where the archive begins and ends.
fn write_metadata(w: &mut Writer, page: &ArchivePage) {
    w.start(Ns::MAM, "metadata");
    let ends = [("start", page.entries.first()), ("end", page.entries.last())];
    for (name, entry) in ends {
        if let Some(entry) = entry {
            w.start(Ns::MAM, name).attr("id", &entry.id);
            w.attr("timestamp", &entry.at.to_string()).end();
        }
    }
    w.end();
}

/// XEP-0313 §4.1.5
fn write_fields(w: &mut Writer) {
    w.start(Ns::MAM, "query").start(Ns::DATA_FORMS, "x").attr("type", "form");
    w.start(Ns::DATA_FORMS, "field").attr("type", "hidden").attr("var", "FORM_TYPE");
    w.leaf(Ns::DATA_FORMS, "value", "urn:xmpp:mam:2").end();
    for (kind, name) in [
        ("jid-single", "with"),
        ("text-single", "start"),
        ("text-single", "end"),
        ("text-single", "before-id"),
        ("text-single", "after-id"),
    ] {
        w.start(Ns::DATA_FORMS, "field").attr("type", kind).attr("var", name).end();
    }
    w.start(Ns::DATA_FORMS, "field").attr("type", "list-multi").attr("var", "ids");
    w.start_uri("http://jabber.org/protocol/xdata-validate", "validate");
    w.attr("datatype", "xs:string");
    w.start_uri("http://jabber.org/protocol/xdata-validate", "open").end().end().end();
    w.end().end();
}

//! What clients keep on the server: private data, which only they see (XEP-0049), and vCards,
//! which everybody sees (XEP-0054).

use super::{Origin, Part, Router};
use crate::ext::{private, vcard};
use crate::jid::Jid;
use crate::stanza::{Condition, Iq, result_reply};
use crate::xml::{Document, Element, Ns, Writer};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

/// Both, as the elements that were sent.
#[derive(Debug, Default)]
pub(super) struct Personal {
    /// By namespace and name.
    private: BTreeMap<(String, String), String>,
    vcard: Option<String>,
}

impl Personal {
    pub(super) fn write_private(&self, w: &mut Writer) {
        w.start(Ns::NONE, "private");
        self.private.values().for_each(|text| put(w, text));
        w.end();
    }

    pub(super) fn read_private(&mut self, root: Element<'_>) {
        self.private =
            root.children().map(|piece| (name_of(piece), piece.to_standalone())).collect();
    }

    pub(super) fn write_vcard(&self, w: &mut Writer) {
        w.start(Ns::NONE, "vcard");
        self.vcard.iter().for_each(|text| put(w, text));
        w.end();
    }

    pub(super) fn read_vcard(&mut self, root: Element<'_>) {
        self.vcard = root.child(Ns::VCARD, "vCard").map(Element::to_standalone);
    }
}

fn name_of(element: Element<'_>) -> (String, String) {
    (element.namespace().into_owned(), element.name().to_string())
}

/// Writes what was kept, which is one element.
fn put(w: &mut Writer, text: &str) {
    if let Ok(kept) = Document::parse(text.as_bytes()) {
        w.element(kept.root());
    }
}

impl<K: Ord + Clone> Router<K> {
    /// XEP-0049: a request of the owner.
    pub(super) fn private(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let done = match private::Request::read(iq, from) {
            None => Err(Condition::BadRequest),
            Some(Err(condition)) => Err(condition),
            Some(Ok(private::Request::Get(asked))) => {
                let kept = self.accounts.get(from.bare());
                let kept = kept.and_then(|account| account.personal.private.get(&name_of(asked)));
                let reply = result_reply(iq.header(), |w| {
                    private::write(w, |w| match kept {
                        Some(text) => put(w, text),
                        // §2.2: what is not there is empty.
                        None => _ = w.element(asked),
                    });
                });
                reply.map_err(|_| Condition::InternalServerError)
            }
            Some(Ok(private::Request::Set(pieces))) => {
                self.keep_private(from, &pieces).and_then(|()| {
                    let reply = result_reply(iq.header(), |_| {});
                    reply.map_err(|_| Condition::InternalServerError)
                })
            }
        };
        match done {
            Ok(reply) => self.reply(Origin::Local(key), from, &reply),
            Err(refused) => {
                self.bounce(Origin::Local(key), from, iq.header().element(), refused);
            }
        }
    }

    fn keep_private(&mut self, from: &Jid, pieces: &[Element<'_>]) -> Result<(), Condition> {
        let max = self.config.limits.private_max;
        let private = &mut self.open_account(from.bare()).personal.private;
        let new: BTreeMap<_, _> =
            pieces.iter().map(|piece| (name_of(*piece), piece.to_standalone())).collect();
        let old = private.iter().filter(|(name, _)| !new.contains_key(*name));
        // What an element takes along from outside can make it too large to be read again.
        if new.values().any(|text| Document::parse(text.as_bytes()).is_err()) {
            return Err(Condition::NotAcceptable);
        }
        let bytes = old.chain(&new).fold(0_usize, |sum, (_, text)| sum.saturating_add(text.len()));
        if bytes > max {
            return Err(Condition::PolicyViolation);
        }
        private.extend(new);
        self.changed(from.bare(), Part::Private);
        Ok(())
    }

    /// XEP-0054: a request about the vCard of the account `of`.
    pub(super) fn vcard(&mut self, origin: Origin<'_, K>, from: &Jid, of: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let own = of.bare() == from.bare();
        match vcard::Request::read(iq, from) {
            Some(Ok(vcard::Request::Get)) => {
                let account = self.accounts.get(of.bare());
                let kept = account.and_then(|account| account.personal.vcard.as_deref());
                let reply = match kept {
                    Some(text) => result_reply(iq.header(), |w| put(w, text)),
                    // §3.1: the own one that does not exist is empty.
                    None if own => result_reply(iq.header(), vcard::write_request),
                    // §3.3: who has none and who does not exist look the same.
                    None => {
                        return self.bounce(origin, from, element, Condition::ServiceUnavailable);
                    }
                };
                if let Ok(reply) = reply {
                    self.reply(origin, from, &reply);
                }
            }
            Some(Ok(vcard::Request::Set(card))) => {
                let text = card.element().to_standalone();
                let fits = text.len() <= self.config.limits.vcard_max;
                if !fits || Document::parse(text.as_bytes()).is_err() {
                    return self.bounce(origin, from, element, Condition::PolicyViolation);
                }
                let kept = Some(text).filter(|_| !card.is_empty());
                self.open_account(from.bare()).personal.vcard = kept;
                self.changed(from.bare(), Part::VCard);
                if let Ok(reply) = result_reply(iq.header(), |_| {}) {
                    self.reply(origin, from, &reply);
                }
            }
            Some(Err(condition)) => self.bounce(origin, from, element, condition),
            None => self.bounce(origin, from, element, Condition::BadRequest),
        }
    }
}

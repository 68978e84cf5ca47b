//! Where messages go (RFC 6121 §8.5).

use super::{Origin, Part, Router, stamp};
use crate::ext::chat::{ChatState, Hint};
use crate::ext::delay::Delay;
use crate::jid::Jid;
use crate::stanza::{Condition, Message, MessageKind, StanzaXml};
use crate::xml::{Ns, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl<K: Ord + Clone> Router<K> {
    pub(super) fn message(&mut self, origin: Origin<'_, K>, from: &Jid, message: &Message<'_>) {
        let element = message.header().element();
        let to = match message.header().to() {
            // RFC 6120 §10.3.1: to the own account.
            None => Ok(from.to_bare()),
            Some(to) => to.to_jid(),
        };
        let Ok(to) = to else {
            return self.bounce(origin, from, element, Condition::JidMalformed);
        };
        if matches!(origin, Origin::Local(_)) && self.blocks(from.bare(), &to) {
            return self.bounce_blocked(origin, from, element);
        }
        let stamped = stamp(element, from, &to);
        if let Origin::Local(key) = origin {
            let id = self.archive(from.bare(), &to, message, &stamped);
            self.copy_sent(key, from, &to, message, &stamped, id.as_deref());
        }
        if !self.is_local(&to) {
            return match self.config.remote {
                true => self.outgoing(&to, stamped),
                false => self.bounce(origin, from, element, Condition::RemoteServerNotFound),
            };
        }
        if to.local().is_none() {
            return self.bounce(origin, from, element, Condition::ServiceUnavailable);
        }
        if self.blocks(to.bare(), from) {
            return self.bounce(origin, from, element, Condition::ServiceUnavailable);
        }
        if !to.is_bare() {
            if let Some(there) = self.key_of(to.as_str()) {
                // A message to an own resource is in the archive already.
                let known = matches!(origin, Origin::Local(_)) && to.bare() == from.bare();
                let id = match known {
                    true => None,
                    false => self.archive(to.bare(), from, message, &stamped),
                };
                let stamped = with_stanza_id(&stamped, message, &to, id.as_deref());
                self.copy_received(core::slice::from_ref(&there), from, &to, message, &stamped);
                return self.deliver(&there, stamped);
            }
            // §8.5.3.2.1, the rows "full (no match)" of §8.5.4: only chats go to the account.
            match message.kind() {
                MessageKind::Chat => {}
                MessageKind::Error | MessageKind::Headline => return,
                _ => return self.bounce(origin, from, element, Condition::ServiceUnavailable),
            }
        }
        if !self.message_account(&to, message, &stamped) {
            self.bounce(origin, from, element, Condition::ServiceUnavailable);
        }
    }

    /// RFC 6121 §8.5.2, the rows "bare" of §8.5.4. `false` when the sender is to be told that
    /// nobody gets it.
    pub(super) fn message_account(
        &mut self,
        to: &Jid,
        message: &Message<'_>,
        stanza: &StanzaXml,
    ) -> bool {
        let kind = message.kind();
        match kind {
            MessageKind::Error => return true,
            MessageKind::Groupchat => return false,
            _ => {}
        }
        if !self.accounts.contains_key(to.bare()) {
            return kind == MessageKind::Headline;
        }
        let mut there = self.available(to.bare());
        there.retain(|(_, priority)| *priority >= 0);
        if let Some(best) = there.iter().map(|(_, priority)| *priority).max() {
            there.retain(|(_, priority)| kind == MessageKind::Headline || *priority == best);
            let keys: Vec<K> = there.into_iter().map(|(key, _)| key).collect();
            let from = message.header().from().and_then(|from| from.to_jid().ok());
            let from = sender(stanza).or(from).unwrap_or_else(|| to.clone());
            let own = from.bare() == to.bare();
            let id = match own {
                true => None,
                false => self.archive(to.bare(), &from, message, stanza),
            };
            let stanza = with_stanza_id(stanza, message, to, id.as_deref());
            self.copy_received(&keys, &from, to, message, &stanza);
            for key in keys {
                self.deliver(&key, stanza.clone());
            }
            return true;
        }
        if kind == MessageKind::Headline || !is_kept(message) {
            return true;
        }
        self.keep(to, message, stanza)
    }

    /// Keeps a message until the account has a resource that takes it (XEP-0160).
    fn keep(&mut self, to: &Jid, message: &Message<'_>, stanza: &StanzaXml) -> bool {
        let max = self.config.limits.offline_max;
        let full = self.accounts.get(to.bare()).is_none_or(|a| a.offline.len() >= max);
        if full {
            return false;
        }
        let from = sender(stanza).unwrap_or_else(|| to.clone());
        let id = match from.bare() == to.bare() {
            true => None,
            false => self.archive(to.bare(), &from, message, stanza),
        };
        let mut stanza = with_stanza_id(stanza, message, to, id.as_deref());
        // XEP-0160 §3: it says when it came.
        if let (Some(now), None) = (self.time, Delay::read(message.header().element())) {
            let (mut w, stamp) = (Writer::in_stream(Ns::CLIENT), now.to_string());
            let mut delay = Delay::new(&stamp);
            delay.from = crate::jid::JidRef::parse(to.domain()).ok();
            delay.write(&mut w);
            if let Ok(text) = w.finish() {
                stanza = with_child(&stanza, &text);
            }
        }
        if let Some(account) = self.accounts.get_mut(to.bare()) {
            account.offline.push(stanza);
        }
        self.changed(to.bare(), Part::Offline);
        true
    }
}

/// Whether a message is worth waiting (XEP-0160 §3, XEP-0334 §4.2).
fn is_kept(message: &Message<'_>) -> bool {
    let element = message.header().element();
    if Hint::NoStore.is_in(element) {
        return false;
    }
    let bare = message.body().is_none() && message.subject().is_none();
    !(bare && ChatState::read(element).is_some())
}

/// The sender of a stanza that was stamped here.
fn sender(stanza: &StanzaXml) -> Option<Jid> {
    let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
    let buf = crate::stanza::StanzaBuf::parse(Ns::CLIENT, text).ok()?;
    buf.view().header().from()?.to_jid().ok()
}

/// The stanza with the id that the archive of `to` gave it, and without those that somebody
/// else claims in its name (XEP-0359 §6).
pub(super) fn with_stanza_id(
    stanza: &StanzaXml,
    message: &Message<'_>,
    to: &Jid,
    id: Option<&str>,
) -> StanzaXml {
    let claimed = crate::ext::chat::stanza_id(message.header().element(), to.bare()).is_some();
    let mut clean = match claimed {
        true => without_stanza_ids(stanza, to.bare()).unwrap_or_else(|| stanza.clone()),
        false => stanza.clone(),
    };
    if let Some(id) = id {
        let mut w = Writer::in_stream(Ns::CLIENT);
        crate::ext::chat::write_stanza_id(&mut w, id, to.bare());
        if let Ok(text) = w.finish() {
            clean = with_child(&clean, &text);
        }
    }
    clean
}

fn without_stanza_ids(stanza: &StanzaXml, by: &str) -> Option<StanzaXml> {
    let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
    let buf = crate::stanza::StanzaBuf::parse(Ns::CLIENT, text).ok()?;
    let element = buf.element();
    let mut w = Writer::in_stream(Ns::CLIENT);
    w.start(Ns::CLIENT, element.name());
    for attr in element.attrs() {
        match attr.ns() {
            Ns::NONE => w.attr(attr.name(), &attr.value()),
            Ns::XML if attr.name() == "lang" => w.lang(&attr.value()),
            _ => &mut w,
        };
    }
    for child in element.children() {
        let says = child.attr("by").and_then(|by| Jid::new(&by).ok());
        let claims =
            child.is(Ns::STANZA_ID, "stanza-id") && says.is_some_and(|says| says.as_str() == by);
        if !claims {
            w.element(child);
        }
    }
    w.end();
    StanzaXml::new(w).ok()
}

/// The stanza with one more child at its end, which declares its own namespace.
pub(super) fn with_child(stanza: &StanzaXml, child: &str) -> StanzaXml {
    let text = stanza.as_str();
    let mut out = String::with_capacity(text.len().saturating_add(child.len()).saturating_add(16));
    match text.strip_suffix("/>") {
        // `<message ../>`; what ends like this and has children ends with `</message>`.
        Some(open) => {
            let name = open.split([' ', '\t', '\r', '\n']).next().unwrap_or("");
            out.push_str(open);
            out.push('>');
            out.push_str(child);
            out.push_str("</");
            out.push_str(name.trim_start_matches('<'));
            out.push('>');
        }
        None => {
            let end = text.rfind("</").unwrap_or(text.len());
            let (head, tail) = text.split_at_checked(end).unwrap_or((text, ""));
            out.push_str(head);
            out.push_str(child);
            out.push_str(tail);
        }
    }
    StanzaXml::spliced(out)
}

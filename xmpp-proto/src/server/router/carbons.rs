//! Copies of messages for the other resources of an account (XEP-0280).

use super::message::with_stanza_id;
use super::{Router, stamp_to};
use crate::ext::chat::{ChatState, Hint};
use crate::ext::receipts::{self, Marker};
use crate::jid::Jid;
use crate::stanza::{Message, MessageBuilder, MessageKind, StanzaBuf, StanzaXml};
use crate::xml::{Element, Ns};
use alloc::string::ToString;
use alloc::vec::Vec;

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
const INVITATION: &str = "jabber:x:conference";

impl<K: Ord + Clone> Router<K> {
    /// §8: what `sender` sends is copied to the other resources of its account.
    pub(super) fn copy_sent(
        &mut self,
        sender: &K,
        from: &Jid,
        to: &Jid,
        message: &Message<'_>,
        stanza: &StanzaXml,
        id: Option<&str>,
    ) {
        self.remember_eligible(sender, to, message);
        // A resource of the own account that is the recipient gets the message itself.
        let got = [Some(sender.clone()), self.key_of(to.as_str())];
        let got: Vec<K> = got.into_iter().flatten().collect();
        let keys = self.copied(from.bare(), &got);
        if keys.is_empty() || !is_eligible(message) {
            return;
        }
        // The copy says where it stands in the archive; the message itself must not.
        let stanza = with_stanza_id(stanza, message, from, id);
        self.copy(&keys, from, "sent", message.kind(), &stanza);
    }

    /// §7: what an account receives is copied to those of its resources that do not get it.
    pub(super) fn copy_received(
        &mut self,
        got: &[K],
        from: &Jid,
        to: &Jid,
        message: &Message<'_>,
        stanza: &StanzaXml,
    ) {
        let mut keys = self.copied(to.bare(), got);
        // A message to the own account was copied when it was sent.
        if from.bare() == to.bare() {
            keys.clear();
        }
        // §6.1: what comes from the participant of a room goes to all who are in it anyway.
        let private = !from.is_bare() && has(message, MUC_USER) && !is_invitation(message);
        let eligible = match message.kind() {
            MessageKind::Error => self.answers_eligible(got, from, message),
            _ => is_eligible(message),
        };
        if !keys.is_empty() && eligible && !private {
            self.copy(&keys, to, "received", message.kind(), stanza);
        }
    }

    /// Ids of what was copied when it was sent: an error that answers it is, too (§6.1).
    fn remember_eligible(&mut self, sender: &K, to: &Jid, message: &Message<'_>) {
        let max = self.config.limits.answerable_max;
        let Some(id) = message.header().id().filter(|id| is_eligible(message) && id.len() <= 128)
        else {
            return;
        };
        let Some(session) = self.sessions.get_mut(sender) else { return };
        while session.answerable.len() >= max.max(1) {
            session.answerable.pop_front();
        }
        if max > 0 {
            session.answerable.push_back((id.to_string(), to.bare().to_string()));
        }
    }

    /// Whether an error for these resources answers what was copied when it was sent. It does so
    /// once.
    fn answers_eligible(&mut self, got: &[K], from: &Jid, message: &Message<'_>) -> bool {
        let Some(id) = message.header().id() else { return false };
        let element = message.header().element();
        if element.children().any(|child| child.ns() == Ns::CARBONS) {
            return false;
        }
        got.iter().any(|key| {
            let Some(session) = self.sessions.get_mut(key) else { return false };
            let sent = &mut session.answerable;
            let at = sent.iter().position(|(sent, to)| sent == id && to == from.bare());
            at.and_then(|at| sent.remove(at)).is_some()
        })
    }

    /// An error of this server for what `sender` sent.
    pub(super) fn copy_bounce(&mut self, sender: &K, to: &Jid, error: &StanzaXml) {
        let text = bytes::Bytes::copy_from_slice(error.as_str().as_bytes());
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let Some(message) = buf.as_message() else { return };
        let Some(Ok(from)) = message.header().from().map(|from| from.to_jid()) else { return };
        self.copy_received(core::slice::from_ref(sender), &from, to, &message, error);
    }

    /// Resources of an account that want copies, without those in `but`.
    fn copied(&self, bare: &str, but: &[K]) -> Vec<(K, Jid)> {
        let wanting = self.of_account(bare).filter(|(key, s)| s.carbons && !but.contains(key));
        wanting.map(|(key, s)| (key.clone(), s.jid.clone())).collect()
    }

    fn copy(
        &mut self,
        keys: &[(K, Jid)],
        account: &Jid,
        name: &str,
        kind: MessageKind,
        stanza: &StanzaXml,
    ) {
        let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
        let Ok(inner) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let copy = MessageBuilder::new().from(&account.to_bare()).kind(kind).with(|w| {
            w.start(Ns::CARBONS, name);
            crate::ext::forward::write(w, None, inner.element());
            w.end();
        });
        let Ok(copy) = copy.build() else { return };
        for (key, jid) in keys {
            self.deliver(key, stamp_to(&copy, jid));
        }
    }
}

/// §6.1, but for errors.
fn is_eligible(message: &Message<'_>) -> bool {
    let element = message.header().element();
    let hidden = element.child(Ns::CARBONS, "private").is_some() || Hint::NoCopy.is_in(element);
    // A copy of a copy would be a loop.
    let copy = element.children().any(|child| child.ns() == Ns::CARBONS);
    if hidden || copy {
        return false;
    }
    let im = receipts::is_requested(element)
        || receipts::received(element).is_some()
        || ChatState::read(element).is_some()
        || Marker::read(element).is_some()
        || is_invitation(message);
    match message.kind() {
        MessageKind::Groupchat | MessageKind::Error => false,
        MessageKind::Chat => true,
        MessageKind::Normal => message.body().is_some() || im,
        MessageKind::Headline => im,
    }
}

fn has(message: &Message<'_>, namespace: &str) -> bool {
    message.payloads().any(|child| child.name() == "x" && child.namespace() == namespace)
}

fn is_invitation(message: &Message<'_>) -> bool {
    let mediated = |x: Element<'_>| x.children().any(|child| child.name() == "invite");
    has(message, INVITATION) || message.payloads().any(|x| x.namespace() == MUC_USER && mediated(x))
}

//! One account's contacts, as the in-memory router keeps them.

use crate::jid::Jid;
use crate::roster::{RosterItem, Subscription};
use crate::stanza::StanzaXml;
use crate::subscription::{Action, Direction, Request, State, process};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What an account knows of a contact.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    jid: Jid,
    name: Option<String>,
    groups: Vec<String>,
    pub(super) state: State,
    approved: bool,
    /// It is shown in the roster; a mere request of a stranger is not (RFC 6121 §A.1).
    listed: bool,
    /// The request that waits for the user's answer.
    pub(super) asked: Option<StanzaXml>,
}

impl Contact {
    fn new(jid: &Jid) -> Self {
        Self {
            jid: jid.to_bare(),
            name: None,
            groups: Vec::new(),
            state: State::None,
            approved: false,
            listed: false,
            asked: None,
        }
    }

    pub(super) const fn jid(&self) -> &Jid {
        &self.jid
    }

    fn item(&self) -> RosterItem {
        let mut item = RosterItem::new(&self.jid);
        item.name.clone_from(&self.name);
        item.groups.clone_from(&self.groups);
        item.subscription = match (self.state.is_to(), self.state.is_from()) {
            (false, false) => Subscription::None,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (true, true) => Subscription::Both,
        };
        item.ask = self.state.is_pending_out();
        item.approved = self.approved;
        item
    }
}

/// The contacts of one account. At most [`CONTACTS_MAX`].
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    contacts: BTreeMap<String, Contact>,
}

/// Contacts of one account. Stops one user, or strangers who ask, from filling memory.
pub(super) const CONTACTS_MAX: usize = 10_000;

impl Roster {
    pub(super) fn items(&self) -> Vec<RosterItem> {
        let listed = self.contacts.values().filter(|contact| contact.listed);
        listed.map(Contact::item).collect()
    }

    pub(super) fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.values()
    }

    pub(super) fn state(&self, jid: &str) -> State {
        self.contacts.get(jid).map_or(State::None, |contact| contact.state)
    }

    /// Adds or renames; `None` when there are too many.
    pub(super) fn set(&mut self, wanted: &RosterItem) -> Option<RosterItem> {
        let contact = self.contact(&wanted.jid)?;
        contact.name.clone_from(&wanted.name);
        contact.groups.clone_from(&wanted.groups);
        contact.listed = true;
        Some(contact.item())
    }

    pub(super) fn remove(&mut self, jid: &Jid) -> Option<State> {
        self.contacts
            .remove(jid.as_str())
            .filter(|contact| contact.listed)
            .map(|contact| contact.state)
    }

    /// Applies a subscription stanza; the item is given when it changed or appeared.
    pub(super) fn apply(
        &mut self,
        jid: &Jid,
        direction: Direction,
        request: Request,
        stanza: Option<StanzaXml>,
    ) -> (Action, Option<RosterItem>) {
        let Some(contact) = self.contact(jid) else {
            return (Action::Drop, None);
        };
        let before = contact.clone();
        let (mut action, state) = process(contact.state, direction, request);
        contact.state = state;
        match action {
            Action::PreApprove => contact.approved = true,
            Action::CancelPreApproval => contact.approved = false,
            _ => {}
        }
        if direction == Direction::Inbound && request == Request::Subscribe && contact.approved {
            // RFC 6121 §3.4: approved in advance.
            if let Action::Pass = action {
                contact.approved = false;
                contact.state = process(state, Direction::Outbound, Request::Subscribed).1;
                action = Action::Reply;
            }
        }
        contact.asked =
            if contact.state.is_pending_in() { contact.asked.take().or(stanza) } else { None };
        // A stranger's request lists nobody; whatever the user does about him does.
        contact.listed |= direction == Direction::Outbound
            && matches!(request, Request::Subscribe | Request::Subscribed);
        let after = contact.clone();
        let idle = !after.listed && after.state == State::None && !after.approved;
        if idle {
            self.contacts.remove(after.jid.as_str());
        }
        let changed = after.listed && (after.item() != before.item() || !before.listed);
        (action, changed.then(|| after.item()))
    }

    fn contact(&mut self, jid: &Jid) -> Option<&mut Contact> {
        let bare = jid.bare();
        if !self.contacts.contains_key(bare) && self.contacts.len() >= CONTACTS_MAX {
            return None;
        }
        Some(self.contacts.entry(bare.to_string()).or_insert_with(|| Contact::new(jid)))
    }
}

//! One account's contacts, as the in-memory router keeps them, with versions (RFC 6121 §2.6).

use super::router::RouterLimits;
use crate::jid::Jid;
use crate::roster::{RosterItem, Subscription};
use crate::stanza::StanzaXml;
use crate::subscription::{Action, Direction, Request, State, process};
use crate::xml::{Document, Element, Ns, Writer};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What an account knows of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The version of the roster in which it last changed.
    version: u64,
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
            version: 0,
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

/// One item as it is pushed, and the version of the roster with it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) item: RosterItem,
    pub(super) version: String,
}

/// What a subscription stanza did.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) action: Action,
    /// The item changed or appeared.
    pub(super) change: Option<Change>,
    /// Something changed, be it shown or not.
    pub(super) touched: bool,
}

/// The contacts of one account.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    contacts: BTreeMap<String, Contact>,
    /// Of this roster alone: a version of another one that had the same name means nothing.
    epoch: String,
    version: u64,
    /// Who was removed in which version.
    gone: BTreeMap<u64, Jid>,
    /// From this version on every removal is known.
    known_since: u64,
    limits: RouterLimits,
}

impl Roster {
    pub(super) fn new(epoch: &str, limits: RouterLimits) -> Self {
        Self {
            contacts: BTreeMap::new(),
            epoch: epoch.to_string(),
            version: 0,
            gone: BTreeMap::new(),
            known_since: 0,
            limits,
        }
    }

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

    /// Whether it is shown in the roster.
    pub(super) fn lists(&self, jid: &str) -> bool {
        self.contacts.get(jid).is_some_and(|contact| contact.listed)
    }

    /// The version as it is now.
    pub(super) fn version(&self) -> String {
        self.named(self.version)
    }

    fn named(&self, version: u64) -> String {
        alloc::format!("{}-{version:x}", self.epoch)
    }

    /// What a client that has `version` must be told, in the order in which it happened
    /// (§2.6.3); `None` when it is to get the whole roster.
    pub(super) fn changes_since(&self, version: &str) -> Option<Vec<Change>> {
        let (epoch, number) = version.rsplit_once('-')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        if epoch != self.epoch || number > self.version || number < self.known_since {
            return None;
        }
        let mut changes: Vec<(u64, RosterItem)> = self
            .contacts
            .values()
            .filter(|contact| contact.listed && contact.version > number)
            .map(|contact| (contact.version, contact.item()))
            .collect();
        let gone = self.gone.range(number.saturating_add(1)..);
        changes.extend(gone.map(|(version, jid)| (*version, removed(jid))));
        changes.sort_by_key(|(version, _)| *version);
        let changes = changes.into_iter();
        Some(changes.map(|(v, item)| Change { item, version: self.named(v) }).collect())
    }

    /// Adds or renames; `None` when there are too many.
    pub(super) fn set(&mut self, wanted: &RosterItem) -> Option<Change> {
        let version = self.version.saturating_add(1);
        let contact = self.contact(&wanted.jid)?;
        contact.name.clone_from(&wanted.name);
        contact.groups.clone_from(&wanted.groups);
        contact.listed = true;
        contact.version = version;
        let item = contact.item();
        Some(self.bumped(item))
    }

    pub(super) fn remove(&mut self, jid: &Jid) -> Option<(State, Change)> {
        if !self.lists(jid.as_str()) {
            return None;
        }
        let state = self.contacts.remove(jid.as_str())?.state;
        let change = self.bumped(removed(jid));
        self.gone.insert(self.version, jid.clone());
        while self.gone.len() > self.limits.removed_max {
            if let Some((version, _)) = self.gone.pop_first() {
                self.known_since = version;
            }
        }
        Some((state, change))
    }

    /// Counts a change that is told.
    fn bumped(&mut self, item: RosterItem) -> Change {
        self.version = self.version.saturating_add(1);
        // Who is back is not gone.
        self.gone.retain(|_, jid| *jid != item.jid);
        Change { item, version: self.named(self.version) }
    }

    /// Applies a subscription stanza.
    pub(super) fn apply(
        &mut self,
        jid: &Jid,
        direction: Direction,
        request: Request,
        stanza: Option<StanzaXml>,
    ) -> Applied {
        let next = self.version.saturating_add(1);
        let Some(contact) = self.contact(jid) else {
            return Applied { action: Action::Drop, change: None, touched: false };
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
        let changed = contact.listed && (contact.item() != before.item() || !before.listed);
        if changed {
            contact.version = next;
        }
        let after = contact.clone();
        let idle = !after.listed && after.state == State::None && !after.approved;
        if idle {
            self.contacts.remove(after.jid.as_str());
        }
        // What was there for this stanza alone, and is gone again, is no change.
        let touched = before != after && !(idle && before == Contact::new(jid));
        let change = changed.then(|| self.bumped(after.item()));
        Applied { action, change, touched }
    }

    fn contact(&mut self, jid: &Jid) -> Option<&mut Contact> {
        let bare = jid.bare();
        if !self.contacts.contains_key(bare) && self.contacts.len() >= self.limits.contacts_max {
            return None;
        }
        Some(self.contacts.entry(bare.to_string()).or_insert_with(|| Contact::new(jid)))
    }

    /// Writes everything, to be kept.
    pub(super) fn write(&self, w: &mut Writer) {
        w.start(Ns::NONE, "roster").attr("epoch", &self.epoch);
        w.attr("version", &self.version.to_string());
        w.attr("known-since", &self.known_since.to_string());
        for contact in self.contacts.values() {
            w.start(Ns::NONE, "contact").attr("jid", contact.jid.as_str());
            w.attr_opt("name", contact.name.as_deref());
            let state = State::ALL.iter().position(|state| *state == contact.state);
            w.attr("state", STATES.get(state.unwrap_or(0)).unwrap_or(&"none"));
            w.attr("version", &contact.version.to_string());
            for (name, set) in [("approved", contact.approved), ("listed", contact.listed)] {
                w.attr_opt(name, set.then_some("true"));
            }
            for group in &contact.groups {
                w.leaf(Ns::NONE, "group", group);
            }
            let asked = contact.asked.as_ref();
            let asked =
                asked.and_then(|a| Document::parse_in(Ns::CLIENT, a.as_str().as_bytes()).ok());
            if let Some(asked) = asked {
                w.element(asked.root());
            }
            w.end();
        }
        for (version, jid) in &self.gone {
            w.start(Ns::NONE, "gone").attr("jid", jid.as_str());
            w.attr("version", &version.to_string()).end();
        }
        w.end();
    }

    /// Reads what was kept; `None` when it is damaged.
    pub(super) fn read(element: Element<'_>, limits: RouterLimits) -> Option<Self> {
        if !element.is(Ns::NONE, "roster") {
            return None;
        }
        let number = |of: Element<'_>, name: &str| of.attr(name)?.parse::<u64>().ok();
        let mut roster = Self::new(&element.attr("epoch")?, limits);
        roster.version = number(element, "version")?;
        roster.known_since = number(element, "known-since")?;
        for child in element.children() {
            let jid = Jid::new(&child.attr("jid")?).ok()?;
            let version = number(child, "version")?;
            if child.name() == "gone" {
                roster.gone.insert(version, jid);
                continue;
            }
            let mut contact = Contact::new(&jid);
            let state = child.attr("state")?;
            let state = STATES.iter().position(|name| *name == state)?;
            contact.state = *State::ALL.get(state)?;
            contact.name = child.attr("name").map(alloc::borrow::Cow::into_owned);
            contact.approved = child.attr("approved").is_some();
            contact.listed = child.attr("listed").is_some();
            contact.version = version;
            for part in child.children() {
                match (part.ns(), part.name()) {
                    (Ns::NONE, "group") => contact.groups.push(part.text().into_owned()),
                    (Ns::CLIENT, "presence") => {
                        let text = crate::xml::restamped(part, Ns::CLIENT, &[]);
                        contact.asked = StanzaXml::parse(&text);
                    }
                    _ => {}
                }
            }
            roster.contacts.insert(jid.to_string(), contact);
        }
        Some(roster)
    }
}

/// Names of the states, in the order of [`State::ALL`].
const STATES: [&str; 9] = [
    "none",
    "none-pending-out",
    "none-pending-in",
    "none-pending-out-in",
    "to",
    "to-pending-in",
    "from",
    "from-pending-out",
    "both",
];

fn removed(jid: &Jid) -> RosterItem {
    let mut item = RosterItem::new(jid);
    item.subscription = Subscription::Remove;
    item
}

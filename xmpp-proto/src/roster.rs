//! The roster on the wire (RFC 6121 §2).

use crate::jid::Jid;
use crate::xml::{Element, Ns, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Who sees whose presence (RFC 6121 §2.1.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subscription {
    /// Nobody.
    #[default]
    None,
    /// The owner sees the contact.
    To,
    /// The contact sees the owner.
    From,
    /// Both.
    Both,
    /// The item is to be removed, or was.
    Remove,
}

impl Subscription {
    /// The value of the attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::To => "to",
            Self::From => "from",
            Self::Both => "both",
            Self::Remove => "remove",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let all = [Self::None, Self::To, Self::From, Self::Both, Self::Remove];
        all.into_iter().find(|s| s.name() == name)
    }

    /// Whether the owner sees the contact's presence.
    #[must_use]
    pub const fn is_to(self) -> bool {
        matches!(self, Self::To | Self::Both)
    }

    /// Whether the contact sees the owner's presence.
    #[must_use]
    pub const fn is_from(self) -> bool {
        matches!(self, Self::From | Self::Both)
    }
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RosterItem {
    /// The bare address.
    pub jid: Jid,
    /// The owner's name for the contact.
    pub name: Option<String>,
    /// The state of the subscriptions.
    pub subscription: Subscription,
    /// The owner has asked to see the contact and waits for an answer.
    pub ask: bool,
    /// The owner has approved in advance (RFC 6121 §3.4).
    pub approved: bool,
    /// The owner's groups.
    pub groups: Vec<String>,
}

impl RosterItem {
    /// A contact with nothing else known.
    #[must_use]
    pub fn new(jid: &Jid) -> Self {
        Self {
            jid: jid.to_bare(),
            name: None,
            subscription: Subscription::None,
            ask: false,
            approved: false,
            groups: Vec::new(),
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn with_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_string());
        self
    }

    /// Reads `<item/>`; `None` when it has no valid address.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is(Ns::ROSTER, "item") {
            return None;
        }
        let jid = Jid::new(&element.attr("jid")?).ok()?;
        let subscription = element.attr("subscription");
        Some(Self {
            jid,
            name: element.attr("name").map(alloc::borrow::Cow::into_owned),
            subscription: subscription.and_then(|s| Subscription::of(&s)).unwrap_or_default(),
            ask: element.attr("ask").as_deref() == Some("subscribe"),
            approved: matches!(element.attr("approved").as_deref(), Some("true" | "1")),
            groups: element
                .children()
                .filter(|child| child.is(Ns::ROSTER, "group"))
                .map(|group| group.text().into_owned())
                .collect(),
        })
    }

    /// Writes `<item/>`, with the state that only a server may set.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::ROSTER, "item").attr("jid", self.jid.as_str());
        w.attr_opt("name", self.name.as_deref());
        w.attr("subscription", self.subscription.name());
        if self.ask {
            w.attr("ask", "subscribe");
        }
        if self.approved {
            w.attr("approved", "true");
        }
        for group in &self.groups {
            w.leaf(Ns::ROSTER, "group", group);
        }
        w.end();
    }

    /// Writes `<item/>` as a client sets it: address, name, groups.
    pub fn write_set(&self, w: &mut Writer) {
        w.start(Ns::ROSTER, "item").attr("jid", self.jid.as_str());
        w.attr_opt("name", self.name.as_deref());
        if self.subscription == Subscription::Remove {
            w.attr("subscription", "remove");
        }
        for group in &self.groups {
            w.leaf(Ns::ROSTER, "group", group);
        }
        w.end();
    }
}

/// The items of a roster `<query/>`; those without a valid address are left out.
#[must_use]
pub fn read_items(query: Element<'_>) -> Vec<RosterItem> {
    query.children().filter_map(RosterItem::read).collect()
}

//! The blocking command (XEP-0191).

use crate::iq::is_account;
use crate::jid::{Jid, JidRef};
use crate::stanza::Iq;
use crate::xml::{Element, Ns, Writer};

/// What is asked for, or was done on another resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocking<'a> {
    /// These are blocked.
    Block(alloc::vec::Vec<JidRef<'a>>),
    /// These are not any more; all when the list is empty.
    Unblock(alloc::vec::Vec<JidRef<'a>>),
}

impl<'a> Blocking<'a> {
    /// Reads the payload of a request.
    #[must_use]
    pub fn read(payload: Element<'a>) -> Option<Self> {
        match (payload.ns(), payload.name()) {
            // A block of nobody is a mistake (§3.3).
            (Ns::BLOCKING, "block") => Some(Self::Block(items(payload)))
                .filter(|block| matches!(block, Self::Block(list) if !list.is_empty())),
            (Ns::BLOCKING, "unblock") => Some(Self::Unblock(items(payload))),
            _ => None,
        }
    }

    /// A push to `own`: only from the own account, or it is a stranger who hides others.
    #[must_use]
    pub fn read_push(iq: &Iq<'a>, own: &Jid) -> Option<Self> {
        let trusted = iq.header().from().is_none_or(|from| is_account(from, own));
        trusted.then(|| Self::read(iq.payload()?)).flatten()
    }
}

/// The list of a result.
#[must_use]
pub fn read_list(list: Element<'_>) -> Option<alloc::vec::Vec<JidRef<'_>>> {
    list.is(Ns::BLOCKING, "blocklist").then(|| items(list))
}

/// Writes the request for the list.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::BLOCKING, "blocklist", "");
}

/// Writes `block` or `unblock`, or the list itself.
pub fn write<'a>(w: &mut Writer, name: Name, jids: impl IntoIterator<Item = &'a Jid>) {
    w.start(
        Ns::BLOCKING,
        match name {
            Name::Block => "block",
            Name::Unblock => "unblock",
            Name::List => "blocklist",
        },
    );
    for jid in jids {
        w.start(Ns::BLOCKING, "item").attr("jid", jid.as_str()).end();
    }
    w.end();
}

/// What [`write()`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Name {
    /// A request to block.
    Block,
    /// A request to unblock.
    Unblock,
    /// The answer to a request for the list.
    List,
}

fn items(parent: Element<'_>) -> alloc::vec::Vec<JidRef<'_>> {
    let items = parent.children().filter(|item| item.is(Ns::BLOCKING, "item"));
    items.filter_map(|item| JidRef::parse(item.attr("jid")?).ok()).collect()
}

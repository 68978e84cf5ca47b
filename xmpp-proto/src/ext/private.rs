//! Private storage (XEP-0049): XML that only its owner sees, one piece for each namespace.

use crate::iq::is_account;
use crate::jid::Jid;
use crate::stanza::{Condition, Iq, IqKind};
use crate::xml::{Element, Ns, Writer};
use alloc::vec::Vec;

/// What an owner asks of the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// What is kept under the name and namespace of this empty element. When there is
    /// nothing, the element itself is the answer.
    Get(Element<'a>),
    /// Keep these, in place of what was there under their names and namespaces.
    Set(Vec<Element<'a>>),
}

impl<'a> Request<'a> {
    /// Reads a request of `from`, the account that sent it; `None` when it is another one.
    ///
    /// # Errors
    /// What it is refused with: it is addressed to somebody else, or has not the elements
    /// that it must (§2.3).
    pub fn read(iq: &Iq<'a>, from: &Jid) -> Option<Result<Self, Condition>> {
        let query = iq.payload().filter(|query| query.is(Ns::PRIVATE, "query"))?;
        let own = iq.header().to().is_none_or(|to| is_account(to, from));
        let mut children = query.children();
        Some(match (iq.kind(), children.next()) {
            _ if !own => Err(Condition::Forbidden),
            (Some(IqKind::Get | IqKind::Set), None) => Err(Condition::BadRequest),
            // An element without a namespace of its own takes that of the query.
            _ if query.children().any(|child| is_reserved(child.ns())) => {
                Err(Condition::NotAcceptable)
            }
            (Some(IqKind::Get), Some(one)) if children.next().is_none() => Ok(Self::Get(one)),
            (Some(IqKind::Get), _) => Err(Condition::NotAcceptable),
            (Some(IqKind::Set), Some(_)) => Ok(Self::Set(query.children().collect())),
            _ => return None,
        })
    }
}

const fn is_reserved(ns: Ns) -> bool {
    matches!(ns, Ns::PRIVATE | Ns::NONE)
}

/// What a result brings.
pub fn read(query: Element<'_>) -> Option<impl Iterator<Item = Element<'_>>> {
    query.is(Ns::PRIVATE, "query").then(|| query.children())
}

/// Writes the payload of a request for what is kept under this namespace and name.
pub fn write_request(w: &mut Writer, namespace: &str, name: &str) {
    w.start(Ns::PRIVATE, "query").start_uri(namespace, name).end().end();
}

/// Writes the payload that keeps what `write` writes, or that brings it.
pub fn write(w: &mut Writer, write: impl FnOnce(&mut Writer)) {
    w.start(Ns::PRIVATE, "query");
    write(w);
    w.end();
}

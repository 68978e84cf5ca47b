//! Requests that come several times by different ways (RFC 3261 §8.2.2.2).

use super::Endpoint;
use super::event::TransactionId;
use super::store::Keyed;
use crate::headers::{CSeq, NameAddr};
use crate::message::{HeaderName, RequestBuf};
use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

/// From tag, Call-ID and `CSeq` of the requests that an element serves itself, while their
/// transactions live.
#[derive(Debug)]
pub(super) struct Merges {
    first: HashMap<Vec<u8>, TransactionId, Keyed>,
    keys: HashMap<TransactionId, Vec<u8>, Keyed>,
}

impl Merges {
    pub(super) const fn new(hasher: Keyed) -> Self {
        Self { first: HashMap::with_hasher(hasher), keys: HashMap::with_hasher(hasher) }
    }

    pub(super) fn forget(&mut self, id: TransactionId) {
        if self.keys.is_empty() {
            return;
        }
        if let Some(key) = self.keys.remove(&id) {
            self.first.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.first.len().saturating_add(self.keys.len())
    }
}

impl Endpoint {
    /// Whether the request of this server transaction is a copy of one that came by another way
    /// and is still being served: outside of dialogs, with the same From tag, Call-ID and `CSeq`,
    /// but another branch (RFC 3261 §8.2.2.2). A user agent answers it with 482. An element that
    /// forwards requests must not ask: a spiral is no merge.
    ///
    /// Only requests that were asked for are known, so who never asks pays nothing.
    pub fn is_merged(&mut self, id: TransactionId) -> bool {
        let Some(key) = self.store.get(id).and_then(|t| key_of(t.request.as_ref()?)) else {
            return false;
        };
        if let Some(first) = self.merges.first.get(&key) {
            return *first != id;
        }
        self.merges.first.insert(key.clone(), id);
        self.merges.keys.insert(id, key);
        false
    }
}

/// `None` in a dialog, where a To tag tells.
fn key_of(request: &RequestBuf) -> Option<Vec<u8>> {
    let headers = request.headers();
    let to = headers.bytes(HeaderName::TO).and_then(|t| NameAddr::parse(t).ok());
    if to.is_some_and(|to| to.tag().is_some()) {
        return None;
    }
    let from = headers.bytes(HeaderName::FROM).and_then(|f| NameAddr::parse(f).ok());
    let tag = from.and_then(|f| f.tag()).unwrap_or("");
    let call_id = headers.get(HeaderName::CALL_ID).unwrap_or("");
    let cseq = headers.typed::<CSeq<'_>>().ok().flatten()?;
    // No byte of a tag or of a method is a space.
    let key: String = alloc::format!("{tag} {} {} {call_id}", cseq.number, cseq.method);
    Some(key.into_bytes())
}

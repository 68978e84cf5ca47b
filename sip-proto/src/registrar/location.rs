//! Where users are: bindings, and a store for them in memory.

use crate::endpoint::Path;
use crate::headers::{Features, QValue};
use crate::uri::Uri;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use proto_wire::{Instant, TimerQueue};

/// A contact at which a user can be reached for some time. RFC 3261 §10, RFC 5626 §6.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binding {
    /// The contact's URI.
    pub uri: String,
    /// Its preference; contacts without one come last.
    pub q: Option<QValue>,
    /// When it ends.
    pub expires: Instant,
    /// The Call-ID of the REGISTER that set it.
    pub call_id: String,
    /// The CSeq number of that REGISTER.
    pub cseq: u32,
    /// The values of `Path` (RFC 3327), the first hop first.
    pub path: Vec<String>,
    /// `+sip.instance` without quotes and angle brackets (RFC 5626).
    pub instance: Option<String>,
    /// `reg-id` (RFC 5626).
    pub reg_id: Option<u32>,
    /// What the device can do (RFC 3840), but for `+sip.instance`.
    pub features: Features,
    /// Where the REGISTER came from: the stream to reuse, or the address behind a NAT.
    pub source: Path,
}

impl Binding {
    /// A binding of this contact, as a store makes it of what it wrote down; all else is set by its fields.
    #[must_use]
    pub fn new(
        uri: impl Into<String>,
        expires: Instant,
        call_id: impl Into<String>,
        cseq: u32,
        source: Path,
    ) -> Self {
        Self {
            uri: uri.into(),
            q: None,
            expires,
            call_id: call_id.into(),
            cseq,
            path: Vec::new(),
            instance: None,
            reg_id: None,
            features: Features::new(),
            source,
        }
    }

    /// The value of `Contact` in a reply.
    #[must_use]
    pub fn contact(&self, now: Instant) -> String {
        // Rounded up, so that a fresh binding shows what was asked.
        let left = self.expires.saturating_since(now).as_nanos().div_ceil(1_000_000_000);
        let mut out = alloc::format!("<{}>;expires={left}", self.uri);
        if let Some(q) = self.q {
            write!(out, ";q={q}").unwrap_or_default();
        }
        if let Some(instance) = &self.instance {
            write!(out, ";+sip.instance=\"<{instance}>\"").unwrap_or_default();
        }
        if let Some(reg_id) = self.reg_id {
            write!(out, ";reg-id={reg_id}").unwrap_or_default();
        }
        // RFC 3840 §6: all of them are told.
        out.push_str(self.features.as_str());
        out
    }

    /// Whether this is of the device with this instance (RFC 5626 §4.1: URNs, without case).
    #[must_use]
    pub fn is_of(&self, instance: &str) -> bool {
        self.instance.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(instance))
    }

    /// Whether this is the binding that a contact means: the same instance and reg-id
    /// (RFC 5626 §6), or an equivalent URI (RFC 3261 §10.3 item 7).
    #[must_use]
    pub fn is_for(&self, uri: &Uri<'_>, instance: Option<&str>, reg_id: Option<u32>) -> bool {
        if reg_id.is_some() || self.reg_id.is_some() {
            return self.reg_id == reg_id && self.is_of(instance.unwrap_or(""));
        }
        Uri::parse(self.uri.as_bytes()).is_ok_and(|own| own.equivalent(uri))
    }
}

/// Bindings in memory, by address of record.
///
/// ```
/// use proto_wire::Instant;
/// use sip_proto::registrar::Location;
///
/// let location = Location::new(1000);
/// assert!(location.fetch(Instant::ZERO, "alice@example.com").is_empty());
/// ```
#[derive(Debug)]
pub struct Location {
    addresses: BTreeMap<String, Vec<Binding>>,
    expiry: TimerQueue<String>,
    bindings: usize,
    bindings_max: usize,
}

impl Location {
    /// An empty store for at most this many bindings, so that registrations cannot fill memory.
    #[must_use]
    pub const fn new(bindings_max: usize) -> Self {
        Self { addresses: BTreeMap::new(), expiry: TimerQueue::new(), bindings: 0, bindings_max }
    }

    /// The bindings of an address that have not expired, the most preferred first.
    #[must_use]
    pub fn fetch(&self, now: Instant, address: &str) -> Vec<Binding> {
        let mut found: Vec<Binding> = self
            .addresses
            .get(address)
            .into_iter()
            .flatten()
            .filter(|b| b.expires > now)
            .cloned()
            .collect();
        found.sort_by_key(|b| core::cmp::Reverse(b.q));
        found
    }

    /// Whether the address was ever registered here.
    #[must_use]
    pub fn knows(&self, address: &str) -> bool {
        self.addresses.contains_key(address)
    }

    /// Replaces the bindings of an address, all at once; `false` when the store is full.
    pub fn replace(&mut self, address: &str, bindings: Vec<Binding>) -> bool {
        let before = self.addresses.get(address).map_or(0, Vec::len);
        let after = self.bindings.saturating_sub(before).saturating_add(bindings.len());
        if after > self.bindings_max && bindings.len() > before {
            return false;
        }
        self.bindings = after;
        match bindings.iter().map(|b| b.expires).min() {
            Some(first) => self.expiry.set(String::from(address), first),
            None => self.expiry.stop(&String::from(address)),
        }
        // An address without bindings is remembered, unless that would be the way to fill memory.
        if bindings.is_empty() && self.addresses.len() >= self.bindings_max {
            self.addresses.remove(address);
        } else {
            self.addresses.insert(String::from(address), bindings);
        }
        true
    }

    /// When the next binding ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry.next().map(|(at, _)| at)
    }

    /// Removes the bindings of one address that have ended; its name, while there are any.
    pub fn expire(&mut self, now: Instant) -> Option<String> {
        let address = self.expiry.expire(now)?;
        let mut left = self.addresses.get(&address).cloned().unwrap_or_default();
        left.retain(|b| b.expires > now);
        // What shrinks always fits.
        let _fits = self.replace(&address, left);
        Some(address)
    }

    /// How many bindings there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bindings
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bindings == 0
    }
}

//! Entity capabilities (XEP-0115): what somebody can, by a hash, so that it is asked for once.

use super::disco::Info;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha1::{Digest, Sha1};

/// `<c/>` in a presence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caps<'a> {
    /// The name of the hash function.
    pub hash: Cow<'a, str>,
    /// The program.
    pub node: Cow<'a, str>,
    /// The hash.
    pub ver: Cow<'a, str>,
}

impl<'a> Caps<'a> {
    /// The capabilities of `info`, of the program called `node`.
    #[must_use]
    pub fn new(node: &'a str, info: &Info<'_>) -> Option<Self> {
        let ver = Cow::Owned(verification(info)?);
        Some(Self { hash: Cow::Borrowed("sha-1"), node: Cow::Borrowed(node), ver })
    }

    /// Reads those of a presence. Without a hash function they are of the time before hashes,
    /// and say nothing (§4).
    #[must_use]
    pub fn read(presence: Element<'a>) -> Option<Self> {
        let caps = presence.child(Ns::CAPS, "c")?;
        Some(Self { hash: caps.attr("hash")?, node: caps.attr("node")?, ver: caps.attr("ver")? })
    }

    /// The node to ask for (§6.2).
    #[must_use]
    pub fn query_node(&self) -> String {
        alloc::format!("{}#{}", self.node, self.ver)
    }

    /// Writes them into a presence.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::CAPS, "c").attr("hash", &self.hash).attr("node", &self.node);
        w.attr("ver", &self.ver).end();
    }
}

/// The hash of §5.1. `None` when §5.4 makes `info` ill-formed: an identity, a feature or a form
/// type twice, or a form type with several values. Nor is there one when a field is twice in a form: it would be
/// the same hash as without the first of them.
#[must_use]
pub fn verification(info: &Info<'_>) -> Option<String> {
    use base64::Engine as _;
    let text = verification_string(info)?;
    let hash = Sha1::digest(text.as_bytes());
    Some(base64::engine::general_purpose::STANDARD.encode(hash))
}

fn verification_string(info: &Info<'_>) -> Option<String> {
    // A `<` in a value would let two different answers have one string (§5.4, §7).
    let clean = |text: &str| !text.contains('<');
    let mut text = String::new();
    let mut push = |part: &str| {
        text.push_str(part);
        text.push('<');
    };
    let mut identities: Vec<String> = Vec::new();
    for id in &info.identities {
        let parts = [&id.category, &id.kind, &id.lang, &id.name];
        if !parts.iter().all(|part| clean(part)) {
            return None;
        }
        identities.push(parts.map(|part| part.as_ref()).join("/"));
    }
    let mut features: Vec<&str> = info.features.iter().map(AsRef::as_ref).collect();
    identities.sort_unstable();
    features.sort_unstable();
    let unclean = features.iter().any(|feature| !clean(feature));
    // They are sorted: what is there twice stands together.
    let twice = identities.iter().zip(identities.iter().skip(1)).any(|(a, b)| a == b)
        || features.iter().zip(features.iter().skip(1)).any(|(a, b)| a == b);
    if twice || unclean {
        return None;
    }
    identities.iter().for_each(|identity| push(identity));
    features.iter().for_each(|feature| push(feature));
    let mut forms: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    // A form without a type does not count.
    for form in info.forms.iter().filter(|form| form.iter().any(|(name, _)| name == "FORM_TYPE")) {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, values) in form {
            if !clean(name) || !values.iter().all(|value| clean(value)) {
                return None;
            }
            let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
            values.sort_unstable();
            if fields.insert(name, values).is_some() {
                return None;
            }
        }
        let mut kinds = fields.remove("FORM_TYPE")?;
        kinds.dedup();
        let [kind] = *kinds else { return None };
        if !clean(kind) || forms.insert(kind, fields).is_some() {
            return None;
        }
    }
    for (kind, fields) in forms {
        push(kind);
        for (name, values) in fields {
            push(name);
            values.into_iter().for_each(&mut push);
        }
    }
    Some(text)
}

/// What is known of whom, by hash. Only what its hash proves gets in (§5.4): otherwise one
/// entity could tell everybody what all others can.
#[derive(Clone, Debug)]
pub struct CapsCache {
    max: usize,
    features: BTreeMap<String, Vec<String>>,
    order: VecDeque<String>,
}

impl CapsCache {
    /// A cache of at most `max` hashes; the oldest goes first.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, features: BTreeMap::new(), order: VecDeque::new() }
    }

    /// The features behind these capabilities; `None` when they must be asked for, at
    /// [`Caps::query_node`].
    #[must_use]
    pub fn get(&self, caps: &Caps<'_>) -> Option<&[String]> {
        self.known(&caps.ver).filter(|_| caps.hash == "sha-1")
    }

    /// Takes an answer; `false` when the hash does not prove it.
    pub fn insert(&mut self, caps: &Caps<'_>, info: &Info<'_>) -> bool {
        let right = caps.hash == "sha-1" && verification(info).as_deref() == Some(&*caps.ver);
        if !right {
            return false;
        }
        self.remember(caps.ver.to_string(), info)
    }

    /// What is known under this hash, or this node of XEP-0390.
    pub(super) fn known(&self, key: &str) -> Option<&[String]> {
        self.features.get(key).map(Vec::as_slice)
    }

    /// Keeps what was proved.
    pub(super) fn remember(&mut self, key: String, info: &Info<'_>) -> bool {
        if self.max == 0 {
            return false;
        }
        let features = info.features.iter().map(ToString::to_string).collect();
        if self.features.insert(key.clone(), features).is_none() {
            self.order.push_back(key);
            if self.order.len() > self.max {
                let oldest = self.order.pop_front().unwrap_or_default();
                self.features.remove(&oldest);
            }
        }
        true
    }
}

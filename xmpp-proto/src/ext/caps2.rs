//! Entity capabilities 2 (XEP-0390): the same purpose as [`caps`](super::caps), with hash
//! functions by name and an input that cannot be made to mean two things.

use super::caps::CapsCache;
use super::disco::{Form, Info, has_open_type};
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

/// What every node of a hash begins with (§4.3).
const NODE: &str = "urn:xmpp:caps#";

/// A set of hashes: one piece of information, by several functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapsHashes<'a> {
    /// The name of each function (XEP-0300) and the hash in base64. Those that are not known
    /// here are kept.
    pub hashes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> CapsHashes<'a> {
    /// The hash by SHA-256 of `info`; `None` when it is not fit to be hashed (§4.1).
    #[must_use]
    pub fn new(info: &Info<'_>) -> Option<Self> {
        let hash = hash(info, "sha-256")?;
        Some(Self { hashes: [(Cow::Borrowed("sha-256"), Cow::Owned(hash))].into() })
    }

    /// Reads those of a presence, or of the features of a stream (§5.2).
    #[must_use]
    pub fn read(element: Element<'a>) -> Option<Self> {
        let caps = element.child(Ns::CAPS2, "c")?;
        let hashes = caps.children().filter(|hash| hash.is(Ns::HASHES, "hash"));
        let hashes = hashes.filter_map(|hash| Some((hash.attr("algo")?, trimmed(hash.text()))));
        Some(Self { hashes: hashes.collect() })
    }

    /// Writes them into a presence.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::CAPS2, "c");
        for (function, hash) in &self.hashes {
            w.start(Ns::HASHES, "hash").attr("algo", function).text(hash).end();
        }
        w.end();
    }

    /// The node to ask for (§5.5): of the first function that is known here.
    #[must_use]
    pub fn query_node(&self) -> Option<String> {
        self.known().map(|(function, hash)| alloc::format!("{NODE}{function}.{hash}"))
    }

    fn known(&self) -> Option<(&str, &str)> {
        let mut hashes = self.hashes.iter().map(|(function, hash)| (&**function, &**hash));
        hashes.find(|(function, _)| matches!(*function, "sha-256" | "sha-512"))
    }
}

/// Function and hash of a node that was asked for (§4.3).
#[must_use]
pub fn read_node(node: &str) -> Option<(&str, &str)> {
    // Base64 has no full stop.
    node.strip_prefix(NODE)?.rsplit_once('.')
}

/// The hash in base64 by this function; `None` for functions that are not known (those that are:
/// `sha-256`, `sha-512`), and when `info` is not fit to be hashed (§4.1).
#[must_use]
pub fn hash(info: &Info<'_>, function: &str) -> Option<String> {
    let input = input(info)?;
    Some(match function {
        "sha-256" => STANDARD.encode(Sha256::digest(&input)),
        "sha-512" => STANDARD.encode(Sha512::digest(&input)),
        _ => return None,
    })
}

/// Whether the `<query/>` of an answer has nothing in it that the hash would not see (§4.1).
#[must_use]
pub fn is_hashable(query: Element<'_>) -> bool {
    query.children().all(|child| match (child.ns(), child.name()) {
        (Ns::DISCO_INFO, "identity" | "feature") => true,
        (Ns::DATA_FORMS, "x") => {
            let unseen = |part: Element<'_>| {
                part.is(Ns::DATA_FORMS, "reported") || part.is(Ns::DATA_FORMS, "item")
            };
            !has_open_type(child) && !child.children().any(unseen)
        }
        _ => false,
    })
}

impl CapsCache {
    /// The features behind these hashes; `None` when they must be asked for, at
    /// [`CapsHashes::query_node`].
    #[must_use]
    pub fn get2(&self, caps: &CapsHashes<'_>) -> Option<&[String]> {
        self.known(&caps.query_node()?)
    }

    /// Takes the `<query/>` of an answer; `false` when no hash of a function that is known
    /// here proves it.
    pub fn insert2(&mut self, caps: &CapsHashes<'_>, query: Element<'_>) -> bool {
        let proved = |info: &Info<'_>| {
            let (function, right) = caps.known()?;
            (hash(info, function)? == right).then(|| caps.query_node())?
        };
        let info = is_hashable(query).then(|| Info::read(query)).flatten();
        let node = info.as_ref().and_then(proved);
        match (info, node) {
            (Some(info), Some(node)) => self.remember(node, &info),
            _ => false,
        }
    }
}

/// §4.1: each kind sorted by its bytes, with separators that XML cannot carry.
fn input(info: &Info<'_>) -> Option<Vec<u8>> {
    let features = info.features.iter().map(|var| unit(var)).collect::<Option<Vec<_>>>()?;
    let mut identities = Vec::new();
    for id in &info.identities {
        let parts = [&id.category, &id.kind, &id.lang, &id.name];
        let parts = parts.iter().map(|part| unit(part)).collect::<Option<Vec<_>>>()?;
        identities.push(ended(parts.concat(), 0x1e));
    }
    let forms = info.forms.iter().map(form).collect::<Option<Vec<_>>>()?;
    let parts = [features, identities, forms].map(|parts| ended(sorted(parts), 0x1c));
    Some(parts.concat())
}

fn form(form: &Form<'_>) -> Option<Vec<u8>> {
    // XEP-0068: exactly one type with one value.
    let mut types = form.iter().filter(|(name, _)| name == "FORM_TYPE");
    let (Some((_, kind)), None) = (types.next(), types.next()) else { return None };
    if kind.len() != 1 {
        return None;
    }
    let mut fields = Vec::new();
    for (name, values) in form {
        let values = values.iter().map(|value| unit(value)).collect::<Option<Vec<_>>>()?;
        let mut field = unit(name)?;
        field.extend(sorted(values));
        fields.push(ended(field, 0x1e));
    }
    Some(ended(sorted(fields), 0x1d))
}

fn unit(text: &str) -> Option<Vec<u8>> {
    let clean = !text.bytes().any(|b| (0x1c..=0x1f).contains(&b));
    clean.then(|| ended(text.as_bytes().to_vec(), 0x1f))
}

fn ended(mut bytes: Vec<u8>, end: u8) -> Vec<u8> {
    bytes.push(end);
    bytes
}

fn sorted(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort_unstable();
    parts.concat()
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.trim().len() == text.len() {
        true => text,
        false => Cow::Owned(text.trim().to_string()),
    }
}

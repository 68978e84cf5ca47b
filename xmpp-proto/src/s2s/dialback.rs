//! The elements and keys of dialback (XEP-0220, XEP-0185).

use crate::jid::Jid;
use crate::sasl::hmac_sha256;
use crate::stanza::Condition;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt::Write as _;
use sha2::{Digest, Sha256};

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The key is right.
    Valid,
    /// The key is wrong: somebody pretends to be that domain.
    Invalid,
    /// It cannot be told (XEP-0220 §2.4).
    Error(Condition),
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Error(_) => "error",
        }
    }
}

/// The key for stanzas of `originating` to `receiving` on the stream `id`:
/// `HMAC-SHA256(hex(SHA256(secret)), "receiving originating id")` in hexadecimal
/// (XEP-0185 §3).
#[must_use]
pub fn dialback_key(secret: &str, receiving: &str, originating: &str, id: &str) -> String {
    let key = hex(&Sha256::digest(secret.as_bytes()));
    let text = alloc::format!("{receiving} {originating} {id}");
    hex(&hmac_sha256(key.as_bytes(), text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _infallible = write!(out, "{byte:02x}");
    }
    out
}

/// A `<db:result/>` or `<db:verify/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialback {
    pub(super) verify: bool,
    pub(super) from: String,
    pub(super) to: String,
    /// Of the stream whose key is verified.
    pub(super) id: Option<String>,
    /// A key, or what came of it.
    pub(super) content: Result<String, Verdict>,
}

impl Dialback {
    /// Reads one; `None` when `element` is something else, an inner `None` when its addresses
    /// are no domains.
    #[expect(clippy::option_option, reason = "outer: another element; inner: malformed")]
    pub(super) fn read(element: Element<'_>) -> Option<Option<Self>> {
        let verify = match (element.ns(), element.name()) {
            (Ns::DIALBACK, "result") => false,
            (Ns::DIALBACK, "verify") => true,
            _ => return None,
        };
        let domain = |name| {
            let jid = Jid::new(&element.attr(name)?).ok()?;
            (jid.is_bare() && jid.local().is_none()).then(|| jid.as_str().to_string())
        };
        let (Some(from), Some(to)) = (domain("from"), domain("to")) else {
            return Some(None);
        };
        let content = match element.attr("type").as_deref() {
            None => Ok(element.text().trim().to_string()),
            Some("valid") => Err(Verdict::Valid),
            Some("invalid") => Err(Verdict::Invalid),
            Some(_) => {
                let error = element.children().find(|child| child.name() == "error");
                let condition = error
                    .into_iter()
                    .flat_map(Element::children)
                    .find_map(|child| Condition::of(child.name()));
                Err(Verdict::Error(condition.unwrap_or(Condition::UndefinedCondition)))
            }
        };
        let id = element.attr("id").map(Cow::into_owned);
        Some(Some(Self { verify, from, to, id, content }))
    }

    /// Writes it, with the prefix that old servers look for.
    pub(super) fn write(&self) -> String {
        let name = if self.verify { "verify" } else { "result" };
        let mut w = Writer::in_stream(Ns::SERVER);
        w.start(Ns::DIALBACK, name).attr("from", &self.from).attr("to", &self.to);
        w.attr_opt("id", self.id.as_deref());
        match &self.content {
            Ok(key) => {
                w.text(key);
            }
            Err(verdict) => {
                w.attr("type", verdict.name());
                if let Verdict::Error(condition) = verdict {
                    crate::stanza::StanzaError::new(*condition).write(&mut w, Ns::SERVER);
                }
            }
        }
        w.end();
        let text = w.finish().unwrap_or_default();
        let declared = alloc::format!("<{name} xmlns='jabber:server:dialback'");
        let end = alloc::format!("</{name}>");
        match text.strip_prefix(&declared) {
            Some(rest) => match rest.strip_suffix(&end) {
                Some(inner) => alloc::format!("<db:{name}{inner}</db:{name}>"),
                None => alloc::format!("<db:{name}{rest}"),
            },
            None => text,
        }
    }

    /// The answer to it.
    pub(super) fn answer(&self, verdict: Verdict) -> Self {
        Self {
            verify: self.verify,
            from: self.to.clone(),
            to: self.from.clone(),
            id: self.id.clone(),
            content: Err(verdict),
        }
    }
}

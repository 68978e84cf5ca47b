//! Taking an element out of its frame and putting it elsewhere, byte for byte but for the
//! namespace declarations that it takes along and the addresses that change.

use super::escape::{Out, escape};
use super::ns::Ns;
use super::tape::{Element, Kind};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// `element` with its attributes of the names in `replace` taken off and those with a value
/// put on, to stand where `default` is the default namespace.
///
/// This is how a server stamps `from` on what it forwards (RFC 6120 §8.1.2.1): everything
/// else stays byte for byte, so that no reader sees another stanza than the one that was
/// checked.
///
/// ```
/// use xmpp_proto::xml::{Document, Ns, restamped};
///
/// let doc = Document::parse_in(Ns::CLIENT, b"<message from='evil' to='b@x'  ><body/></message>")?;
/// assert_eq!(
///     restamped(doc.root(), Ns::CLIENT, &[("from", Some("a@x/r"))]),
///     "<message to='b@x' from='a@x/r'  ><body/></message>"
/// );
/// # Ok::<(), xmpp_proto::xml::XmlError>(())
/// ```
#[must_use]
pub fn restamped(element: Element<'_>, default: Ns, replace: &[(&str, Option<&str>)]) -> String {
    let mut out = String::with_capacity(element.raw().len().saturating_add(64));
    element.splice(&mut out, Some(default), replace);
    out
}

impl<'a> Element<'a> {
    /// The element as a text that stands alone: as received, plus declarations of the
    /// namespaces that it used from outside.
    #[must_use]
    pub fn to_standalone(self) -> String {
        restamped(self, Ns::NONE, &[])
    }

    /// Appends the element for a place where `default` (if known) is the default namespace.
    pub(super) fn splice(
        self,
        out: &mut impl Out,
        default: Option<Ns>,
        replace: &[(&str, Option<&str>)],
    ) {
        let (Some(node), raw) = (self.node(), self.raw()) else {
            return;
        };
        let mut declares_default = false;
        let mut declared: Vec<&str> = Vec::new();
        for attr in self.declarations() {
            match attr.qualified().strip_prefix("xmlns:") {
                Some(prefix) => declared.push(prefix),
                None => declares_default = true,
            }
        }
        let mut context = self.context();
        let inherits = context.known && default == Some(context.default_ns);
        context.prefixes.retain(|(prefix, _)| !declared.contains(prefix) && self.uses(prefix));
        if replace.is_empty() && (declares_default || inherits) && context.prefixes.is_empty() {
            out.put(raw);
            return;
        }

        let name_end = node.name_at().saturating_add(usize::from(node.name_len));
        let mut end = name_end;
        out.put(self.text.get(node.a as usize..name_end).unwrap_or(""));
        for attr in self.declarations() {
            end = end.max(attr.end());
            out.put(" ");
            out.put(attr.raw());
        }
        for attr in self.attrs() {
            end = end.max(attr.end());
            let replaced =
                attr.prefix().is_empty() && replace.iter().any(|(name, _)| *name == attr.name());
            if !replaced {
                out.put(" ");
                out.put(attr.raw());
            }
        }
        if !declares_default && !inherits {
            declare(out, "xmlns", "", &context.default);
        }
        for (prefix, uri) in &context.prefixes {
            declare(out, "xmlns:", prefix, uri);
        }
        for (name, value) in replace {
            if let Some(value) = value {
                declare(out, name, "", value);
            }
        }
        let in_raw = end.saturating_sub(node.a as usize);
        out.put(raw.get(in_raw..).unwrap_or(""));
    }

    /// Whether a name in this element has `prefix`.
    fn uses(self, prefix: &str) -> bool {
        let end = self.node().map_or(0, |node| node.c as usize);
        let nodes = self.tape.nodes.get(self.index..end).unwrap_or(&[]);
        nodes.iter().any(|node| {
            let at = node.name_at();
            let len = usize::from(node.local_at).saturating_sub(1);
            matches!(node.kind, Kind::Element | Kind::Attribute)
                && node.local_at != 0
                && self.text.get(at..at.saturating_add(len)) == Some(prefix)
        })
    }

    /// What is declared around this element.
    fn context(self) -> Context<'a> {
        let scope = &self.tape.scope;
        let mut context = Context {
            default: Cow::Borrowed(scope.uri(scope.default)),
            default_ns: scope.default,
            known: scope.default.known_name().is_some(),
            prefixes: Vec::new(),
        };
        for (prefix, ns) in &scope.prefixes {
            context.bind(prefix, Cow::Borrowed(scope.uri(*ns)));
        }
        // The ancestors are the elements before it whose subtrees reach over it.
        let mut index = 0;
        while index < self.index {
            let Some(node) = self.tape.nodes.get(index) else {
                break;
            };
            if node.kind != Kind::Element {
                index = index.saturating_add(1);
                continue;
            }
            if node.c as usize <= self.index {
                index = (node.c as usize).max(index.saturating_add(1));
                continue;
            }
            let ancestor = Self { index, ..self };
            for attr in ancestor.declarations() {
                match attr.qualified().strip_prefix("xmlns:") {
                    Some(prefix) => context.bind(prefix, attr.value()),
                    None => {
                        let name = attr.value();
                        context.known = Ns::of(&name).is_some();
                        context.default_ns = Ns::of(&name).unwrap_or(Ns::NONE);
                        context.default = name;
                    }
                }
            }
            index = index.saturating_add(1);
        }
        context
    }
}

struct Context<'a> {
    default: Cow<'a, str>,
    default_ns: Ns,
    known: bool,
    prefixes: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Context<'a> {
    fn bind(&mut self, prefix: &'a str, uri: Cow<'a, str>) {
        match self.prefixes.iter_mut().find(|(p, _)| *p == prefix) {
            Some((_, bound)) => *bound = uri,
            None => self.prefixes.push((prefix, uri)),
        }
    }
}

fn declare(out: &mut impl Out, name: &str, rest: &str, value: &str) {
    out.put(" ");
    out.put(name);
    out.put(rest);
    out.put("='");
    escape(out, value, true);
    out.put("'");
}

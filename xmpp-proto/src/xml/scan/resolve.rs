//! The end of a start tag: namespaces (Namespaces in XML 1.0) and duplicate attributes.

use super::{Scanner, Step, fail, offset};
use crate::xml::chars::name_bit;
use crate::xml::error::XmlErrorKind;
use crate::xml::escape::unescape_value;
use crate::xml::ns::{Ns, Place, Scope, known};
use crate::xml::scan::{FrameKind, State};
use crate::xml::tape::{DECLARES, ESCAPED, FrameUri, Kind, Node};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use proto_wire::LimitKind;

impl Scanner {
    /// Declares what the tag declares, then gives its names their namespaces. Returns the
    /// default namespace inside and the number of bindings outside.
    pub(super) fn resolve(&mut self, b: &[u8]) -> Step<(Ns, u32)> {
        let outside = offset(self.bindings.len());
        let mut default = self.open.last().map_or(self.tape.scope.default, |open| open.default);
        if self.declarations > 0 {
            default = self.declare(b)?.unwrap_or(default);
        }

        let prefixed = self.tape.nodes.get(self.tag).filter(|node| node.local_at != 0);
        let ns = match prefixed {
            None => default,
            Some(node) => self.lookup(b, node)?,
        };
        if let Some(node) = self.tape.nodes.get_mut(self.tag) {
            node.ns = ns;
            // An element has no flags of its own: how many attributes follow it.
            node.flags = u8::try_from(self.attributes).unwrap_or(u8::MAX);
        }
        let first = self.tag.saturating_add(1);
        if self.prefixed {
            for at in first..self.tape.nodes.len() {
                let Some(node) = self.tape.nodes.get(at).copied() else {
                    break;
                };
                if node.local_at != 0 && node.ns == Ns::NONE {
                    let ns = self.lookup(b, &node)?;
                    if let Some(node) = self.tape.nodes.get_mut(at) {
                        node.ns = ns;
                    }
                }
            }
        }
        if self.attributes > 1 && self.doubtful {
            unique(b, self.tape.nodes.get(first..).unwrap_or(&[]))?;
        }
        Ok((default, outside))
    }

    /// Binds the prefixes that the tag declares; returns its default namespace, if any.
    fn declare(&mut self, b: &[u8]) -> Step<Option<Ns>> {
        let mut default = None;
        for at in self.tag.saturating_add(1)..self.tape.nodes.len() {
            let Some(node) = self.tape.nodes.get(at).copied() else {
                break;
            };
            if node.flags & DECLARES == 0 {
                continue;
            }
            let in_scope = self.bindings.len().saturating_add(self.tape.uris.len());
            if in_scope >= self.limits.namespaces_max {
                return fail(XmlErrorKind::Limit(LimitKind::Namespaces), node.name_at());
            }
            let ns = self.intern(b, &node)?;
            let prefix = match node.local_at {
                0 => &[][..],
                _ => local(b, &node),
            };
            // Namespaces in XML 1.0 §3: `xml` and `xmlns` mean what they mean.
            let forbidden = match prefix {
                b"xmlns" => true,
                b"xml" => ns != Ns::XML,
                b"" => ns == Ns::XML,
                _ => ns == Ns::NONE || ns == Ns::XML,
            };
            if forbidden || ns == Ns::XMLNS {
                return fail(XmlErrorKind::Declared, node.name_at());
            }
            if prefix.is_empty() {
                // One attribute `xmlns` per tag: a second one is a duplicate, found later.
                default = Some(ns);
            } else {
                let start = node.name_at().saturating_add(usize::from(node.local_at));
                let len = u16::try_from(prefix.len()).unwrap_or(u16::MAX);
                self.bindings.push((offset(start), len, ns));
            }
        }
        Ok(default)
    }

    /// The number of the namespace that the value of `node` names.
    fn intern(&mut self, b: &[u8], node: &Node) -> Step<Ns> {
        let raw = b.get(node.b as usize..node.c as usize).unwrap_or(&[]);
        let escaped = node.flags & ESCAPED != 0;
        let name = if escaped {
            let Ok(raw) = core::str::from_utf8(raw) else {
                return fail(XmlErrorKind::Utf8, node.b as usize);
            };
            Cow::Owned(unescape_value(raw).into_owned().into_bytes())
        } else {
            Cow::Borrowed(raw)
        };
        if let Some(ns) = known(&name) {
            return Ok(ns);
        }
        let in_header = |uri: &String| uri.as_bytes() == &*name;
        if let Some(index) = self.tape.scope.uris.iter().position(in_header) {
            return Ok(Ns::in_header(index));
        }
        for (index, uri) in self.tape.uris.iter().enumerate() {
            let other = b.get(uri.start as usize..uri.end as usize).unwrap_or(&[]);
            let same = if uri.escaped {
                core::str::from_utf8(other)
                    .is_ok_and(|other| unescape_value(other).as_bytes() == &*name)
            } else {
                other == &*name
            };
            if same {
                return Ok(Ns::in_frame(index));
            }
        }
        self.tape.uris.push(FrameUri { start: node.b, end: node.c, escaped });
        Ok(Ns::in_frame(self.tape.uris.len().saturating_sub(1)))
    }

    /// What the prefix of `node` means here.
    fn lookup(&self, b: &[u8], node: &Node) -> Step<Ns> {
        let start = node.name_at();
        let len = usize::from(node.local_at).saturating_sub(1);
        let prefix = b.get(start..start.saturating_add(len)).unwrap_or(&[]);
        let inner = self.bindings.iter().rev().find(|(at, len, _)| {
            let at = *at as usize;
            b.get(at..at.saturating_add(usize::from(*len))) == Some(prefix)
        });
        if let Some((_, _, ns)) = inner {
            return Ok(*ns);
        }
        let header = self.tape.scope.prefixes.iter().rev();
        if let Some((_, ns)) = header.clone().find(|(name, _)| name.as_bytes() == prefix) {
            return Ok(*ns);
        }
        match prefix {
            b"xml" => Ok(Ns::XML),
            _ => fail(XmlErrorKind::UnboundPrefix, start),
        }
    }

    pub(super) fn is_root_tag(&self) -> bool {
        self.open.is_empty() && self.tape.scope.root.is_empty()
    }

    /// The header is complete: keeps what it declared for the stanzas to come.
    pub(super) fn open_root(&mut self, b: &[u8], pos: usize, empty: bool) -> FrameKind {
        let len = offset(self.tape.nodes.len());
        let text = |start: usize, len: usize| {
            let bytes = b.get(start..start.saturating_add(len)).unwrap_or(&[]);
            core::str::from_utf8(bytes).unwrap_or("")
        };
        let mut scope = Scope::default();
        for uri in &self.tape.uris {
            let (start, end) = (uri.start as usize, uri.end as usize);
            let raw = text(start, end.saturating_sub(start));
            scope.uris.push(if uri.escaped {
                unescape_value(raw).into_owned()
            } else {
                raw.to_string()
            });
        }
        let lasting = |ns: Ns| match ns.place() {
            Place::Frame(index) => Ns::in_header(index),
            Place::Known(_) | Place::Header(_) => ns,
        };
        for (start, len, ns) in &self.bindings {
            let prefix = text(*start as usize, usize::from(*len));
            scope.prefixes.push((prefix.to_string(), lasting(*ns)));
        }
        let attributes = self.tape.nodes.iter().filter(|n| n.kind == Kind::Attribute);
        let declarations = attributes.filter(|n| n.flags & DECLARES != 0);
        for node in declarations.filter(|n| n.local_at == 0) {
            let raw = text(node.b as usize, (node.c as usize).saturating_sub(node.b as usize));
            let name = unescape_value(raw);
            scope.default = known(name.as_bytes()).unwrap_or_else(|| {
                let index = scope.uris.iter().position(|uri| *uri == *name);
                index.map_or(Ns::NONE, Ns::in_header)
            });
        }
        if let Some(root) = self.tape.nodes.get_mut(self.tag) {
            scope.root = String::from(text(root.name_at(), usize::from(root.name_len)));
            root.b = offset(pos);
            root.c = len;
        }
        // From here on the frame's own names are the header's.
        for node in &mut self.tape.nodes {
            node.ns = lasting(node.ns);
        }
        self.tape.scope = Arc::new(scope);
        self.state = if empty { State::Closed } else { State::Between };
        FrameKind::StreamOpen
    }
}

fn local<'a>(b: &'a [u8], node: &Node) -> &'a [u8] {
    let start = node.name_at();
    let from = start.saturating_add(usize::from(node.local_at));
    b.get(from..start.saturating_add(usize::from(node.name_len))).unwrap_or(&[])
}

/// No two attributes have the same expanded name. At most `attributes_max` are compared,
/// and only with those that share a bit of a small hash.
fn unique(b: &[u8], attributes: &[Node]) -> Step<()> {
    let mut seen = 0_u64;
    for (count, node) in attributes.iter().enumerate() {
        let name = local(b, node);
        let bit = name_bit(name);
        if seen & bit == 0 {
            seen |= bit;
            continue;
        }
        for other in attributes.get(..count).unwrap_or(attributes) {
            if other.ns == node.ns && local(b, other) == name {
                return fail(XmlErrorKind::DuplicateAttribute, node.name_at());
            }
        }
    }
    Ok(())
}

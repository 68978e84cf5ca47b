//! The parts that the scanner's states share: names, tags, values, text.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets are at most the length of the frame, which `stanza_max` bounds, plus a few"
)]

use super::{FrameKind, Open, Scanner, State, Step, fail, offset};
use crate::xml::chars;
use crate::xml::error::XmlErrorKind;
use crate::xml::ns::Ns;
use crate::xml::prolog;
use crate::xml::tape::{DECLARES, ESCAPED, Kind, Node};
use proto_wire::LimitKind;

impl Scanner {
    /// A byte that ended a run: a reference, a control or a wide character. `None` when its
    /// end is not there yet.
    #[inline(never)]
    pub(super) fn special(&mut self, b: &[u8], pos: usize) -> Step<Option<usize>> {
        match b.get(pos) {
            Some(b'&') => {
                self.escaped = true;
                prolog::reference(b, pos)
            }
            Some(b'\n' | b'\t') => Ok(Some(pos + 1)),
            Some(b'\r') => {
                self.escaped = true;
                Ok(Some(pos + 1))
            }
            Some(0x80..) => {
                let mut next = pos;
                // Wide characters come in runs.
                while b.get(next).is_some_and(|&byte| byte >= 0x80) {
                    match chars::wide_char(b, next) {
                        Ok(Some((_, len))) => next += len,
                        Ok(None) => break,
                        Err(kind) => return fail(kind, next),
                    }
                }
                Ok((next > pos).then_some(next))
            }
            _ => fail(XmlErrorKind::Char, pos),
        }
    }

    /// Something other than a tag where only tags may stand.
    pub(super) fn outside(&self, b: &[u8], pos: usize) -> Step<Option<FrameKind>> {
        match b.get(pos) {
            Some(0..0x20) => fail(XmlErrorKind::Char, pos),
            _ => fail(XmlErrorKind::TextOutside, pos),
        }
    }

    pub(super) fn begin_value(&mut self, pos: usize) {
        self.token = pos;
        self.escaped = false;
        self.state = State::Value;
    }

    pub(super) fn begin_text(&mut self, pos: usize) {
        self.token = pos;
        self.escaped = false;
        self.state = State::Text;
    }

    pub(super) fn push_text(&mut self, kind: Kind, end: usize) {
        if end > self.token {
            self.tape.nodes.push(Node {
                kind,
                flags: if self.escaped { ESCAPED } else { 0 },
                ns: Ns::NONE,
                name_len: 0,
                local_at: 0,
                a: offset(self.token),
                b: offset(end),
                c: 0,
            });
        }
    }

    pub(super) fn open_tag(&mut self, pos: usize) -> Step<()> {
        self.count_element();
        self.doubtful = true;
        if self.elements > self.limits.elements_max {
            return fail(XmlErrorKind::Limit(LimitKind::Elements), pos);
        }
        if self.open.len() >= self.limits.depth_max {
            return fail(XmlErrorKind::Limit(LimitKind::Depth), pos);
        }
        self.begin_name(pos);
        Ok(())
    }

    /// A start tag begins: nothing is known of it.
    #[inline]
    pub(super) fn count_element(&mut self) {
        self.elements += 1;
        self.tag = self.tape.nodes.len();
        self.attributes = 0;
        self.declarations = 0;
        self.prefixed = false;
        self.seen = 0;
        self.doubtful = false;
    }

    pub(super) fn open_attribute(&mut self, pos: usize) -> Step<()> {
        if !self.spaced {
            // What cannot begin a name is a fault of the tag, not of the spacing.
            return fail(XmlErrorKind::MissingSpace, pos);
        }
        self.attributes += 1;
        self.doubtful = true;
        if self.attributes > self.limits.attributes_max {
            return fail(XmlErrorKind::Limit(LimitKind::Attributes), pos);
        }
        self.begin_name(pos);
        Ok(())
    }

    pub(super) fn begin_name(&mut self, pos: usize) {
        self.token = pos;
        self.colon = 0;
    }

    /// Runs over a qualified name; `Some` at its end, `None` when more may come.
    #[inline(always)]
    pub(super) fn name(&mut self, b: &[u8], at: &mut usize) -> Step<Option<()>> {
        // Nearly all names are ASCII, whole, and without prefix.
        if *at == self.token && b.get(*at).is_some_and(|&byte| chars::is_ascii_name_start(byte)) {
            let end = chars::skip_ascii_name(b, *at);
            *at = end;
            if b.get(end).is_some_and(|&byte| byte != b':' && byte < 0x80) {
                return Ok(Some(()));
            }
        }
        self.rare_name(b, at)
    }

    #[inline(never)]
    pub(super) fn rare_name(&mut self, b: &[u8], at: &mut usize) -> Step<Option<()>> {
        let mut pos = *at;
        loop {
            let starts = pos == self.token || (self.colon != 0 && pos == self.colon + 1);
            match b.get(pos) {
                Some(&byte) if !starts || chars::is_ascii_name_start(byte) => {
                    pos = chars::skip_ascii_name(b, pos);
                }
                _ => {}
            }
            let starts = pos == self.token || (self.colon != 0 && pos == self.colon + 1);
            match b.get(pos) {
                None => {
                    *at = pos;
                    return Ok(None);
                }
                Some(b':') => {
                    if starts || self.colon != 0 {
                        return fail(XmlErrorKind::QName, pos);
                    }
                    self.colon = pos;
                    pos += 1;
                }
                Some(0x80..) => match chars::wide_char(b, pos) {
                    Ok(Some((code, len))) => {
                        let good = if starts {
                            chars::is_wide_name_start(code)
                        } else {
                            chars::is_wide_name(code)
                        };
                        if !good {
                            return fail(XmlErrorKind::Name, pos);
                        }
                        pos += len;
                    }
                    Ok(None) => {
                        *at = pos;
                        return Ok(None);
                    }
                    Err(kind) => return fail(kind, pos),
                },
                Some(_) if pos == self.token => return fail(XmlErrorKind::Name, pos),
                Some(_) if starts => return fail(XmlErrorKind::QName, pos),
                Some(_) => {
                    *at = pos;
                    return Ok(Some(()));
                }
            }
        }
    }

    /// Notes the name that ends at `pos`.
    pub(super) fn end_name(&mut self, pos: usize) -> Step<()> {
        let len = pos - self.token;
        if len > self.limits.name_max {
            return fail(XmlErrorKind::Limit(LimitKind::Name), self.token);
        }
        let local_at = match self.colon {
            0 => 0,
            colon => colon + 1 - self.token,
        };
        let (Ok(name_len), Ok(local_at)) = (u16::try_from(len), u16::try_from(local_at)) else {
            return fail(XmlErrorKind::Limit(LimitKind::Name), self.token);
        };
        self.node.a = offset(self.token);
        self.node.name_len = name_len;
        self.node.local_at = local_at;
        Ok(())
    }

    /// The name of a start tag ends at `pos`.
    pub(super) fn end_tag_name(&mut self, pos: usize) -> Step<()> {
        self.end_name(pos)?;
        let a = offset(self.token - 1);
        let node = Node { kind: Kind::Element, flags: 0, ns: Ns::NONE, a, ..self.node };
        self.tape.nodes.push(node);
        Ok(())
    }

    pub(super) fn end_attribute_name(&mut self, b: &[u8], pos: usize) -> Step<()> {
        self.end_name(pos)?;
        let name = b.get(self.token..pos).unwrap_or(&[]);
        let declares = match self.colon {
            0 => name == b"xmlns",
            _ => {
                self.prefixed = true;
                name.starts_with(b"xmlns:")
            }
        };
        if declares {
            self.declarations += 1;
            (self.node.flags, self.node.ns) = (DECLARES, Ns::XMLNS);
        } else {
            (self.node.flags, self.node.ns) = (0, Ns::NONE);
        }
        Ok(())
    }

    pub(super) fn end_value(&mut self, pos: usize) -> Step<()> {
        if pos - self.token > self.limits.value_max {
            return fail(XmlErrorKind::Limit(LimitKind::Value), self.token);
        }
        let flags = self.node.flags | if self.escaped { ESCAPED } else { 0 };
        let (b, c) = (offset(self.token), offset(pos));
        let node = Node { kind: Kind::Attribute, flags, b, c, ..self.node };
        self.tape.nodes.push(node);
        Ok(())
    }

    /// The `>` of a start tag was read; `pos` is behind it.
    pub(super) fn end_start_tag(
        &mut self,
        b: &[u8],
        pos: usize,
        empty: bool,
    ) -> Step<Option<FrameKind>> {
        let (default, bindings) = self.resolve(b)?;
        let next = offset(self.tape.nodes.len());
        if self.rooted && self.is_root_tag() {
            return Ok(Some(self.open_root(b, pos, empty)));
        }
        if empty {
            if let Some(node) = self.tape.nodes.get_mut(self.tag) {
                node.b = offset(pos);
                node.c = next;
            }
            self.bindings.truncate(bindings as usize);
            if self.open.is_empty() {
                return Ok(Some(self.end_frame()));
            }
        } else {
            self.open.push(Open { node: offset(self.tag), default, bindings });
        }
        self.begin_text(pos);
        Ok(None)
    }

    /// An end tag was read; `pos` is behind it.
    pub(super) fn close(&mut self, pos: usize) -> Option<FrameKind> {
        let Some(open) = self.open.pop() else {
            self.state = State::Closed;
            return Some(FrameKind::StreamClose);
        };
        let next = offset(self.tape.nodes.len());
        if let Some(node) = self.tape.nodes.get_mut(open.node as usize) {
            node.b = offset(pos);
            node.c = next;
        }
        self.bindings.truncate(open.bindings as usize);
        if self.open.is_empty() {
            return Some(self.end_frame());
        }
        self.begin_text(pos);
        None
    }

    /// The last element that was open is closed.
    pub(super) fn end_frame(&mut self) -> FrameKind {
        self.state = State::Between;
        FrameKind::Element
    }

    /// Compares on with the name of the element that must end here.
    pub(super) fn match_end_name(&self, b: &[u8], at: &mut usize) -> Step<bool> {
        let expected: &[u8] = match self.open.last() {
            Some(open) => {
                let node = self.tape.nodes.get(open.node as usize);
                let name = node.map(|n| n.name_at()..n.name_at() + usize::from(n.name_len));
                name.and_then(|name| b.get(name)).unwrap_or(&[])
            }
            None if self.rooted => self.tape.scope.root.as_bytes(),
            None => &[],
        };
        let matched = *at - self.token;
        let wanted = expected.get(matched..).unwrap_or(&[]);
        let rest = b.get(*at..).unwrap_or(&[]);
        let there = rest.get(..wanted.len()).unwrap_or(rest);
        if expected.is_empty() || wanted.get(..there.len()) != Some(there) {
            return fail(XmlErrorKind::EndTag, self.token);
        }
        *at += there.len();
        Ok(there.len() == wanted.len())
    }
}

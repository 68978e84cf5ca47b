//! The way of nearly all bytes: tags, attributes and texts as programs write them, each taken in
//! one go when it is there whole.
//!
//! Names are ASCII and short, without prefix but for `xml:`; one space stands before an attribute
//! and none elsewhere in a tag; values and texts have nothing to replace and nothing to judge.
//! Whatever else stands there, or is not there yet, is left to the states: they alone say what is
//! wrong, so this way can neither accept nor refuse anything that they would not.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets are at most the length of the frame, which `stanza_max` bounds, plus a few"
)]

use super::{FrameKind, Open, Scanner, State, Step, offset};
use crate::xml::chars;
use crate::xml::ns::{Ns, known};
use crate::xml::tape::{DECLARES, Kind, Node};

/// Where the plain way stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In an element, behind a tag.
    Text,
    /// Behind `<`.
    Tag,
    /// In a start tag, behind a name or a value.
    InTag,
    /// In a start tag, behind the space that ends a name or a value.
    Attribute,
}

impl Scanner {
    /// Where the plain way may begin from here, if it may.
    #[inline(always)]
    pub(super) fn place(&self, pos: usize) -> Option<Place> {
        match self.state {
            State::Text if pos == self.token => Some(Place::Text),
            State::TagOpen => Some(Place::Tag),
            State::InTag if self.spaced => Some(Place::Attribute),
            State::InTag => Some(Place::InTag),
            _ => None,
        }
    }

    /// Goes the plain way as far as it leads: to the end of the frame, or to where the states
    /// must look.
    #[inline(always)]
    pub(super) fn plain(
        &mut self,
        b: &[u8],
        at: &mut usize,
        from: Place,
    ) -> Step<Option<FrameKind>> {
        let mut pos = *at;
        let mut behind_text = matches!(from, Place::Tag);
        let mut in_tag = matches!(from, Place::InTag | Place::Attribute);
        let mut spaced = matches!(from, Place::Attribute);
        loop {
            if !in_tag {
                if !behind_text {
                    let Some(next) = self.plain_text(b, pos) else {
                        self.begin_text(pos);
                        break;
                    };
                    pos = next;
                }
                behind_text = false;
                if b.get(pos) == Some(&b'/') {
                    let Some(next) = self.plain_end_tag(b, pos + 1) else {
                        self.state = State::TagOpen;
                        break;
                    };
                    pos = next;
                    if self.open.is_empty() {
                        *at = pos;
                        return Ok(Some(self.end_frame()));
                    }
                    continue;
                }
                let Some(next) = self.plain_tag_name(b, pos) else {
                    self.state = State::TagOpen;
                    break;
                };
                pos = next;
            }
            loop {
                if !spaced && b.get(pos) == Some(&b' ') {
                    pos += 1;
                    spaced = true;
                }
                if !spaced {
                    break;
                }
                let Some(next) = self.plain_attribute(b, pos) else { break };
                pos = next;
                spaced = false;
            }
            let behind = b.get(pos..).unwrap_or(&[]);
            let len = match behind {
                [b'>', ..] => 1,
                [b'/', b'>', ..] => 2,
                _ => 0,
            };
            if spaced || len == 0 {
                self.spaced = spaced;
                self.state = State::InTag;
                break;
            }
            pos += len;
            in_tag = false;
            if !self.plain_start_tag(b, pos, len == 2) {
                if let Some(kind) = self.end_start_tag(b, pos, len == 2)? {
                    *at = pos;
                    return Ok(Some(kind));
                }
            }
        }
        *at = pos;
        Ok(None)
    }

    /// Text up to a tag, if there is any: where it is behind the tag's `<`.
    #[inline(always)]
    fn plain_text(&mut self, b: &[u8], pos: usize) -> Option<usize> {
        let mut end = pos;
        if b.get(pos) != Some(&b'<') {
            end = chars::text_run(b, pos);
            if b.get(end) != Some(&b'<') {
                return None;
            }
            let (a, b) = (offset(pos), offset(end));
            self.tape.nodes.push(Node { kind: Kind::Text, a, b, ..Node::EMPTY });
        }
        Some(end + 1)
    }

    /// The name of a start tag: where it ends.
    #[inline(always)]
    fn plain_tag_name(&mut self, b: &[u8], pos: usize) -> Option<usize> {
        let end = chars::plain_name(b, pos)?;
        let limits = &self.limits;
        if b.get(end) == Some(&b':')
            || self.elements >= limits.elements_max
            || self.open.len() >= limits.depth_max
            || end - pos > limits.name_max
        {
            return None;
        }
        self.count_element();
        self.tape.nodes.push(Node {
            kind: Kind::Element,
            name_len: short(end - pos),
            a: offset(pos - 1),
            ..Node::EMPTY
        });
        Some(end)
    }

    /// An attribute with its value: where it ends, behind the quote.
    #[inline(always)]
    fn plain_attribute(&mut self, b: &[u8], pos: usize) -> Option<usize> {
        let mut end = chars::plain_name(b, pos)?;
        let (mut local_at, mut flags, mut ns) = (0, 0, Ns::NONE);
        if b.get(pos) == Some(&b'x') {
            if b.get(pos..end) == Some(b"xmlns") {
                (flags, ns) = (DECLARES, Ns::XMLNS);
            } else if b.get(pos..end + 1) == Some(b"xml:") {
                // No declaration can give this prefix another meaning.
                (local_at, ns) = (4, Ns::XML);
                end = chars::plain_name(b, pos + 4)?;
            }
        }
        let [b'=', quote @ (b'"' | b'\'')] = *b.get(end..)?.first_chunk::<2>()? else {
            return None;
        };
        let value = end + 2;
        let value_end = chars::value_run(b, value, quote);
        let limits = &self.limits;
        if b.get(value_end) != Some(&quote)
            || self.attributes >= limits.attributes_max
            || end - pos > limits.name_max
            || value_end - value > limits.value_max
        {
            return None;
        }
        self.attributes += 1;
        if flags != 0 {
            self.declarations += 1;
            self.declaration = self.tape.nodes.len();
        }
        let local = pos + usize::from(local_at);
        let bit = chars::name_bit(b.get(local..end)?);
        if self.seen & bit != 0 {
            self.doubtful = true;
        }
        self.seen |= bit;
        self.tape.nodes.push(Node {
            kind: Kind::Attribute,
            flags,
            ns,
            name_len: short(end - pos),
            local_at,
            a: offset(pos),
            b: offset(value),
            c: offset(value_end),
        });
        Some(value_end + 1)
    }

    /// A start tag ends at `pos`. `false` leaves it to the states: one that is a whole frame, has
    /// prefixes, names an unknown namespace, or two attributes that might be the same.
    #[inline(always)]
    fn plain_start_tag(&mut self, b: &[u8], pos: usize, empty: bool) -> bool {
        let default = match self.open.last() {
            Some(open) => open.default,
            None if empty || (self.rooted && self.is_root_tag()) => return false,
            None => self.tape.scope.default,
        };
        if self.doubtful {
            return false;
        }
        // Of plain attributes, one at most declares a namespace: the default.
        let declared = match self.declarations {
            0 => Some(default),
            _ => self.plain_namespace(b),
        };
        let Some(default) = declared else { return false };
        let next = offset(self.tape.nodes.len());
        let Some(node) = self.tape.nodes.get_mut(self.tag) else { return false };
        node.ns = default;
        node.flags = u8::try_from(self.attributes).unwrap_or(u8::MAX);
        if empty {
            (node.b, node.c) = (offset(pos), next);
        } else {
            let bindings = offset(self.bindings.len());
            self.open.push(Open { node: offset(self.tag), default, bindings });
        }
        true
    }

    /// The known namespace that the attribute `xmlns` of this tag names.
    #[inline(always)]
    fn plain_namespace(&self, b: &[u8]) -> Option<Ns> {
        let node = self.tape.nodes.get(self.declaration)?;
        if self.bindings.len() + self.tape.uris.len() >= self.limits.namespaces_max {
            return None;
        }
        let ns = known(b.get(node.b as usize..node.c as usize)?)?;
        (ns != Ns::XML && ns != Ns::XMLNS).then_some(ns)
    }

    /// The name of an end tag and its `>`: where they end.
    #[inline(always)]
    fn plain_end_tag(&mut self, b: &[u8], pos: usize) -> Option<usize> {
        let open = self.open.last()?;
        let next = offset(self.tape.nodes.len());
        let node = self.tape.nodes.get_mut(open.node as usize)?;
        let len = usize::from(node.name_len);
        let end = pos + len;
        if b.get(end) != Some(&b'>') || !chars::is_same(b, node.name_at(), pos, len) {
            return None;
        }
        (node.b, node.c) = (offset(end + 1), next);
        self.bindings.truncate(open.bindings as usize);
        self.open.pop();
        Some(end + 1)
    }
}

/// Plain names are short.
#[expect(clippy::cast_possible_truncation, reason = "at most 20")]
#[inline]
const fn short(n: usize) -> u16 {
    n as u16
}

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

use super::{FrameKind, Open, Scanner, State, offset};
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
            _ if self.limits.name_max < chars::PLAIN_NAME_MAX => None,
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
    pub(super) fn plain(&mut self, b: &[u8], at: &mut usize, from: Place) -> Option<FrameKind> {
        let mut pos = match from {
            Place::Text => *at,
            // There is no text before this `<`.
            Place::Tag => at.saturating_sub(1),
            Place::InTag | Place::Attribute => {
                *at = match self.within(b, *at, matches!(from, Place::Attribute)) {
                    Ok(behind) => behind,
                    Err(left) => {
                        *at = left;
                        return None;
                    }
                };
                *at
            }
        };
        loop {
            let Some(markup) = self.plain_text(b, pos) else {
                self.begin_text(pos);
                break;
            };
            pos = markup;
            if b.get(pos) == Some(&b'/') {
                let Some(behind) = self.plain_end_tag(b, pos + 1) else {
                    self.state = State::TagOpen;
                    break;
                };
                pos = behind;
                if self.open.is_empty() {
                    *at = pos;
                    return Some(self.end_frame());
                }
                continue;
            }
            let Some(behind) = self.plain_tag_name(b, pos) else {
                self.state = State::TagOpen;
                break;
            };
            pos = match self.plain_rest(b, behind) {
                Ok(behind) => behind,
                Err(left) => {
                    pos = left;
                    break;
                }
            };
        }
        *at = pos;
        None
    }

    /// Goes on in a start tag that was left to the states, up to its end.
    #[inline(never)]
    fn within(&mut self, b: &[u8], mut pos: usize, spaced: bool) -> Result<usize, usize> {
        if spaced {
            pos = self.plain_attribute(b, pos).ok_or(pos)?;
            self.spaced = false;
        }
        self.plain_rest(b, pos)
    }

    /// The attributes of a start tag and its end: where it is behind that, or from where on it
    /// is left to the states.
    #[inline(always)]
    fn plain_rest(&mut self, b: &[u8], mut pos: usize) -> Result<usize, usize> {
        loop {
            match b.get(pos) {
                Some(b' ') => {
                    pos += 1;
                    let Some(behind) = self.plain_attribute(b, pos) else {
                        return Err(self.leave(pos, true));
                    };
                    pos = behind;
                }
                Some(b'>') if self.plain_start_tag(b, pos + 1, false) => return Ok(pos + 1),
                Some(b'/')
                    if b.get(pos + 1) == Some(&b'>') && self.plain_start_tag(b, pos + 2, true) =>
                {
                    return Ok(pos + 2);
                }
                _ => return Err(self.leave(pos, false)),
            }
        }
    }

    /// Leaves the start tag to the states from `pos` on.
    #[inline(never)]
    fn leave(&mut self, pos: usize, spaced: bool) -> usize {
        self.spaced = spaced;
        self.state = State::InTag;
        pos
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
        let name = chars::plain_name(b, pos)?;
        let limits = &self.limits;
        if name.behind == b':'
            || self.elements >= limits.elements_max
            || self.open.len() >= limits.depth_max
        {
            return None;
        }
        self.count_element();
        self.tape.nodes.push(Node {
            kind: Kind::Element,
            name_len: short(name.len),
            a: offset(pos - 1),
            ..Node::EMPTY
        });
        Some(pos + name.len)
    }

    /// An attribute with its value: where it ends, behind the quote.
    #[inline(always)]
    fn plain_attribute(&mut self, b: &[u8], pos: usize) -> Option<usize> {
        let mut name = chars::plain_name(b, pos)?;
        let (mut local_at, mut flags, mut ns) = (0, 0, Ns::NONE);
        if name.starts_with_x {
            let (written, behind) = b.get(pos..)?.split_at_checked(name.len)?;
            if written == b"xmlns" {
                (flags, ns) = (DECLARES, Ns::XMLNS);
            } else if written == b"xml" && behind.first() == Some(&b':') {
                // No declaration can give this prefix another meaning.
                (local_at, ns) = (4, Ns::XML);
                name = chars::plain_name(b, pos + 4)?;
            }
        }
        let end = pos + usize::from(local_at) + name.len;
        let quote = *b.get(end + 1)?;
        if name.behind != b'=' || (quote != b'"' && quote != b'\'') {
            return None;
        }
        let value = end + 2;
        let value_end = chars::value_run(b, value, quote);
        let limits = &self.limits;
        if b.get(value_end) != Some(&quote)
            || self.attributes >= limits.attributes_max
            || value_end - value > limits.value_max
        {
            return None;
        }
        self.attributes += 1;
        if flags != 0 {
            self.declarations += 1;
            self.declaration = self.tape.nodes.len();
        }
        if self.seen & name.bit != 0 {
            self.doubtful = true;
        }
        self.seen |= name.bit;
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

//! The index of one frame and the views on it.

use super::chars::is_space;
use super::escape::{unescape_cdata, unescape_text, unescape_value};
use super::ns::{Ns, Place, Scope};
use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Element,
    Attribute,
    Text,
    Cdata,
}

/// The text has references or line ends that reading must replace.
pub(super) const ESCAPED: u8 = 1;
/// The attribute declares a namespace.
pub(super) const DECLARES: u8 = 2;

/// One entry of the index; 20 bytes. Offsets count from the start of the frame.
///
/// The flags of an element say how many attributes follow it, 255 for "count them".
///
/// | kind | `a` | `b` | `c` |
/// |---|---|---|---|
/// | element | of `<` | behind the last `>` | index behind the subtree |
/// | attribute | of the name | of the value | behind the value |
/// | text, CDATA | of the content | behind the content | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) ns: Ns,
    /// Length of the qualified name.
    pub(super) name_len: u16,
    /// Where the local part begins in the qualified name; 0 without prefix.
    pub(super) local_at: u16,
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) c: u32,
}

impl Node {
    pub(super) const EMPTY: Self = Self {
        kind: Kind::Text,
        flags: 0,
        ns: Ns::NONE,
        name_len: 0,
        local_at: 0,
        a: 0,
        b: 0,
        c: 0,
    };

    /// Offset of the qualified name.
    pub(super) const fn name_at(&self) -> usize {
        match self.kind {
            Kind::Element => (self.a as usize).saturating_add(1),
            _ => self.a as usize,
        }
    }

    fn part<'a>(&self, text: &'a str, from: usize, to: usize) -> &'a str {
        let start = self.name_at();
        text.get(start.saturating_add(from)..start.saturating_add(to)).unwrap_or("")
    }

    fn local<'a>(&self, text: &'a str) -> &'a str {
        self.part(text, usize::from(self.local_at), usize::from(self.name_len))
    }

    /// Whether the local name is `name`.
    #[inline]
    fn is_named(&self, text: &str, name: &str) -> bool {
        let (from, to) = (usize::from(self.local_at), usize::from(self.name_len));
        let start = self.name_at().saturating_add(from);
        to.wrapping_sub(from) == name.len()
            && text.as_bytes().get(start..).is_some_and(|rest| rest.starts_with(name.as_bytes()))
    }

    fn prefix<'a>(&self, text: &'a str) -> &'a str {
        self.part(text, 0, usize::from(self.local_at).saturating_sub(1))
    }
}

/// Where a namespace name that is not known stands in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameUri {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) escaped: bool,
}

/// The index of one frame: a flat list of elements, attributes and texts in document order.
///
/// A [`Scanner`](super::Scanner) fills one and reuses its memory; a clone belongs to an
/// owned stanza.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    pub(super) nodes: Vec<Node>,
    pub(super) uris: Vec<FrameUri>,
    pub(super) scope: Arc<Scope>,
}

impl Tape {
    /// The root element of `text`, which must be the frame that this is the index of.
    #[must_use]
    pub fn root<'a>(&'a self, text: &'a str) -> Option<Element<'a>> {
        let first = self.nodes.first()?;
        (first.kind == Kind::Element).then_some(Element { text, tape: self, index: 0 })
    }

    /// Entries: elements, attributes and texts together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing is indexed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    pub(super) fn uri<'a>(&'a self, text: &'a str, ns: Ns) -> Cow<'a, str> {
        match ns.place() {
            Place::Known(name) => Cow::Borrowed(name),
            Place::Header(_) => Cow::Borrowed(self.scope.uri(ns)),
            Place::Frame(index) => self.uris.get(index).map_or(Cow::Borrowed(""), |at| {
                let raw = text.get(at.start as usize..at.end as usize).unwrap_or("");
                if at.escaped { unescape_value(raw) } else { Cow::Borrowed(raw) }
            }),
        }
    }
}

/// An element of a frame: a view, as cheap to copy as a slice.
///
/// ```
/// use xmpp_proto::xml::{Document, Ns};
///
/// let doc = Document::parse(b"<a xmlns='urn:x' n='1 &lt; 2'>text<b xmlns='jabber:client'/></a>")?;
/// let root = doc.root();
/// assert_eq!((root.name(), &*root.namespace()), ("a", "urn:x"));
/// assert_eq!(root.attr("n").as_deref(), Some("1 < 2"));
/// assert_eq!(root.text(), "text");
/// assert!(root.children().next().is_some_and(|b| b.is(Ns::CLIENT, "b")));
/// # Ok::<(), xmpp_proto::xml::XmlError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub(super) text: &'a str,
    pub(super) tape: &'a Tape,
    pub(super) index: usize,
}

impl<'a> Element<'a> {
    /// An element without name, for owners whose frame had none.
    pub(crate) const fn none(tape: &'a Tape) -> Self {
        Self { text: "", tape, index: usize::MAX }
    }

    pub(super) fn node(self) -> Option<&'a Node> {
        self.tape.node(self.index)
    }

    /// The local name.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'a str {
        self.node().map_or("", |node| node.local(self.text))
    }

    /// The prefix as written; empty without one.
    #[must_use]
    pub fn prefix(self) -> &'a str {
        self.node().map_or("", |node| node.prefix(self.text))
    }

    /// The namespace as a number.
    #[must_use]
    #[inline]
    pub fn ns(self) -> Ns {
        self.node().map_or(Ns::NONE, |node| node.ns)
    }

    /// The name of the namespace.
    #[must_use]
    pub fn namespace(self) -> Cow<'a, str> {
        self.tape.uri(self.text, self.ns())
    }

    /// Whether this is the element `name` of the known namespace `ns`.
    #[must_use]
    #[inline]
    pub fn is(self, ns: Ns, name: &str) -> bool {
        self.node().is_some_and(|node| node.ns == ns && node.is_named(self.text, name))
    }

    /// The attributes as written, without namespace declarations.
    #[must_use]
    #[inline]
    pub fn attrs(self) -> Attrs<'a> {
        Attrs {
            text: self.text,
            tape: self.tape,
            nodes: self.tape.nodes.get(self.index.saturating_add(1)..).unwrap_or(&[]).iter(),
            declarations: false,
        }
    }

    /// The namespace declarations of this element.
    #[must_use]
    pub fn declarations(self) -> Attrs<'a> {
        Attrs { declarations: true, ..self.attrs() }
    }

    /// The value of the attribute `name` without namespace, unescaped.
    #[must_use]
    #[inline]
    pub fn attr(self, name: &str) -> Option<Cow<'a, str>> {
        self.attr_ns(Ns::NONE, name)
    }

    /// The value of the attribute `name` of the namespace `ns`, unescaped.
    #[must_use]
    #[inline]
    pub fn attr_ns(self, ns: Ns, name: &str) -> Option<Cow<'a, str>> {
        let text = self.text;
        let nodes = self.tape.nodes.get(self.index.saturating_add(1)..)?;
        for node in nodes {
            if node.kind != Kind::Attribute {
                return None;
            }
            if node.ns == ns && node.is_named(text, name) && node.flags & DECLARES == 0 {
                return Some(Attr { text, tape: self.tape, node }.value());
            }
        }
        None
    }

    /// The `xml:lang` of this very element (nothing is inherited here).
    #[must_use]
    pub fn lang(self) -> Option<Cow<'a, str>> {
        self.attr_ns(Ns::XML, "lang")
    }

    /// The child elements in order.
    #[must_use]
    #[inline]
    pub fn children(self) -> Children<'a> {
        Children(self.contents())
    }

    /// The first child element `name` of the known namespace `ns`.
    #[must_use]
    #[inline]
    pub fn child(self, ns: Ns, name: &str) -> Option<Self> {
        self.children().find(|child| child.is(ns, name))
    }

    /// Child elements and texts in order.
    #[must_use]
    #[inline]
    pub fn contents(self) -> Contents<'a> {
        let node = self.node();
        let attributes = match node.map_or(0, |node| node.flags) {
            u8::MAX => self.count_attributes(),
            count => usize::from(count),
        };
        Contents {
            text: self.text,
            tape: self.tape,
            index: self.index.saturating_add(attributes).saturating_add(1),
            end: node.map_or(0, |node| node.c as usize),
        }
    }

    /// For the rare element with more attributes than its node can count.
    #[cold]
    fn count_attributes(self) -> usize {
        let behind = self.tape.nodes.get(self.index.saturating_add(1)..);
        let nodes = behind.unwrap_or(&[]).iter();
        nodes.take_while(|node| node.kind == Kind::Attribute).count()
    }

    /// The text of this element without that of its children; borrowed unless it is in
    /// pieces or has something to unescape.
    #[must_use]
    #[inline]
    pub fn text(self) -> Cow<'a, str> {
        let contents = self.contents();
        // Nearly always there is one text and nothing else.
        if contents.index.saturating_add(1) == contents.end {
            if let Some(node) = self.tape.node(contents.index) {
                if node.kind == Kind::Text && node.flags & ESCAPED == 0 {
                    let raw = self.text.get(node.a as usize..node.b as usize);
                    return Cow::Borrowed(raw.unwrap_or(""));
                }
            }
        }
        Self::join(contents)
    }

    /// The texts of `contents` in one.
    fn join(contents: Contents<'a>) -> Cow<'a, str> {
        let mut texts = contents.filter_map(|content| match content {
            Content::Text(text) => Some(text),
            Content::Element(_) => None,
        });
        let Some(mut all) = texts.next() else {
            return Cow::Borrowed("");
        };
        for more in texts {
            all.to_mut().push_str(&more);
        }
        all
    }

    /// Whether there is neither a child nor text other than white space.
    #[must_use]
    pub fn is_blank(self) -> bool {
        self.contents().all(|content| match content {
            Content::Text(text) => text.bytes().all(is_space),
            Content::Element(_) => false,
        })
    }

    /// The element as it was received, from `<` to `>`, byte for byte.
    ///
    /// It may depend on namespaces that are declared outside of it;
    /// [`Element::to_standalone`] adds what is missing.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.node().map_or("", |node| self.text.get(node.a as usize..node.b as usize).unwrap_or(""))
    }
}

impl core::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Element({:?} {})", self.ns(), self.raw())
    }
}

/// An attribute. RFC 6120 §11.
#[derive(Clone, Copy)]
pub struct Attr<'a> {
    text: &'a str,
    tape: &'a Tape,
    node: &'a Node,
}

impl<'a> Attr<'a> {
    /// The local name.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'a str {
        self.node.local(self.text)
    }

    /// The prefix as written; empty without one.
    #[must_use]
    pub fn prefix(self) -> &'a str {
        self.node.prefix(self.text)
    }

    /// The namespace; [`Ns::NONE`] without prefix.
    #[must_use]
    #[inline]
    pub fn ns(self) -> Ns {
        self.node.ns
    }

    /// The name of the namespace.
    #[must_use]
    pub fn namespace(self) -> Cow<'a, str> {
        self.tape.uri(self.text, self.node.ns)
    }

    /// The value, unescaped.
    #[must_use]
    #[inline]
    pub fn value(self) -> Cow<'a, str> {
        if self.node.flags & ESCAPED == 0 {
            Cow::Borrowed(self.raw_value())
        } else {
            unescape_value(self.raw_value())
        }
    }

    /// The value as written between the quotes.
    #[must_use]
    #[inline]
    pub fn raw_value(self) -> &'a str {
        self.text.get(self.node.b as usize..self.node.c as usize).unwrap_or("")
    }

    /// Name and value as written, quotes included: `a="1"`.
    pub(super) fn raw(self) -> &'a str {
        self.text.get(self.node.a as usize..(self.node.c as usize).saturating_add(1)).unwrap_or("")
    }

    pub(super) fn end(self) -> usize {
        (self.node.c as usize).saturating_add(1)
    }

    pub(super) fn qualified(self) -> &'a str {
        self.node.part(self.text, 0, usize::from(self.node.name_len))
    }
}

impl core::fmt::Debug for Attr<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Attr({:?} {})", self.ns(), self.raw())
    }
}

/// Attributes of one element, from [`Element::attrs`].
#[derive(Clone, Debug)]
pub struct Attrs<'a> {
    text: &'a str,
    tape: &'a Tape,
    nodes: core::slice::Iter<'a, Node>,
    declarations: bool,
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Attr<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attr<'a>> {
        loop {
            let node = self.nodes.next()?;
            if node.kind != Kind::Attribute {
                self.nodes = [].iter();
                return None;
            }
            if (node.flags & DECLARES != 0) == self.declarations {
                return Some(Attr { text: self.text, tape: self.tape, node });
            }
        }
    }
}

/// A child element or a piece of text. RFC 6120 §11.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "elements and text are all that the restricted XML of a stream has"
)]
pub enum Content<'a> {
    /// An element.
    Element(Element<'a>),
    /// Text, unescaped.
    Text(Cow<'a, str>),
}

/// What stands in an element, from [`Element::contents`].
#[derive(Clone, Debug)]
pub struct Contents<'a> {
    text: &'a str,
    tape: &'a Tape,
    index: usize,
    end: usize,
}

impl<'a> Contents<'a> {
    #[inline]
    fn next_node(&mut self) -> Option<(usize, &'a Node)> {
        if self.index >= self.end {
            return None;
        }
        let index = self.index;
        let node = self.tape.node(index)?;
        self.index = match node.kind {
            Kind::Element => (node.c as usize).max(index.saturating_add(1)),
            _ => index.saturating_add(1),
        };
        Some((index, node))
    }
}

impl<'a> Iterator for Contents<'a> {
    type Item = Content<'a>;

    #[inline]
    fn next(&mut self) -> Option<Content<'a>> {
        let (index, node) = self.next_node()?;
        if node.kind == Kind::Element {
            return Some(Content::Element(Element { text: self.text, tape: self.tape, index }));
        }
        let raw = self.text.get(node.a as usize..node.b as usize).unwrap_or("");
        Some(Content::Text(match node.kind {
            _ if node.flags & ESCAPED == 0 => Cow::Borrowed(raw),
            Kind::Cdata => unescape_cdata(raw),
            _ => unescape_text(raw),
        }))
    }
}

/// Child elements, from [`Element::children`].
#[derive(Clone, Debug)]
pub struct Children<'a>(Contents<'a>);

impl<'a> Iterator for Children<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (index, node) = self.0.next_node()?;
            if node.kind == Kind::Element {
                return Some(Element { text: self.0.text, tape: self.0.tape, index });
            }
        }
    }
}

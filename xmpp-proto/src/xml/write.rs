//! A writer whose output is always well-formed, or an error.

use super::chars::is_ncname;
use super::escape::escape;
use super::ns::Ns;
use super::tape::Element;
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// Why a [`Writer`] gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// An element or attribute name that is no name.
    #[error("not an XML name")]
    Name,
    /// A text or value contains a character that XML does not have (such as NUL).
    #[error("a character that XML does not allow")]
    Char,
    /// The same attribute twice on one element.
    #[error("the attribute was written before")]
    DuplicateAttribute,
    /// An attribute after the content of the element began, or without an element.
    #[error("an attribute outside of a start tag")]
    Attribute,
    /// Text, an end or a second root outside of the root element.
    #[error("content outside of the root element")]
    Outside,
    /// The end of an element is missing.
    #[error("an element is not ended")]
    Unclosed,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    name_at: usize,
    name_end: usize,
    /// Default namespace inside, when it is a known one.
    default: Option<Ns>,
}

/// Writes one element. The first mistake sticks and comes out of [`Writer::finish`], so
/// nothing ill-formed ever leaves.
///
/// Namespaces are written as defaults where they change; the namespace of streams takes
/// the prefix `stream` inside of a stream.
///
/// ```
/// use xmpp_proto::xml::{Ns, Writer};
///
/// let mut w = Writer::in_stream(Ns::CLIENT);
/// w.start(Ns::CLIENT, "message").attr("to", "o'neil@example.org");
/// w.start(Ns::CLIENT, "body").text("1 < 2").end();
/// w.start(Ns::CHAT_STATES, "active").end();
/// w.end();
/// assert_eq!(
///     w.finish()?,
///     "<message to='o&apos;neil@example.org'><body>1 &lt; 2</body>\
///      <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
/// );
/// # Ok::<(), xmpp_proto::xml::WriteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Writer {
    out: String,
    open: Vec<Open>,
    attributes: Vec<(usize, usize)>,
    in_tag: bool,
    default: Ns,
    in_stream: bool,
    error: Option<WriteError>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// For an element that stands alone.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: String::new(),
            open: Vec::new(),
            attributes: Vec::new(),
            in_tag: false,
            default: Ns::NONE,
            in_stream: false,
            error: None,
        }
    }

    /// For a child of a stream whose header declares `content` as default namespace and
    /// the prefix `stream`.
    #[must_use]
    pub fn in_stream(content: Ns) -> Self {
        Self {
            default: content,
            in_stream: true,
            out: String::with_capacity(256),
            open: Vec::with_capacity(4),
            attributes: Vec::with_capacity(8),
            ..Self::new()
        }
    }

    /// Begins the element `name` of the known namespace `ns`.
    pub fn start(&mut self, ns: Ns, name: &str) -> &mut Self {
        if self.in_stream && ns == Ns::STREAM {
            return self.begin("stream:", name, None);
        }
        let inherited = self.inherited();
        self.begin("", name, (inherited != Some(ns)).then_some(Some(ns)));
        if inherited != Some(ns) {
            self.declare(ns.known_name().unwrap_or(""));
        }
        self
    }

    /// Begins the element `name` of the namespace called `uri`.
    pub fn start_uri(&mut self, uri: &str, name: &str) -> &mut Self {
        if let Some(ns) = Ns::of(uri) {
            return self.start(ns, name);
        }
        self.begin("", name, Some(None));
        self.declare(uri);
        self
    }

    /// Adds the attribute `name` to the element just begun.
    pub fn attr(&mut self, name: &str, value: &str) -> &mut Self {
        if name == "xmlns" || !is_ncname(name) {
            return self.fail(WriteError::Name);
        }
        self.attribute("", name, value)
    }

    /// Adds the attribute when there is a value.
    pub fn attr_opt(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds `xml:lang`.
    pub fn lang(&mut self, lang: &str) -> &mut Self {
        self.attribute("xml:", "lang", lang)
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.end_tag();
        if self.open.is_empty() {
            return self.fail(WriteError::Outside);
        }
        if !escape(&mut self.out, text, false) {
            self.fail(WriteError::Char);
        }
        self
    }

    /// An element that has nothing but text.
    pub fn leaf(&mut self, ns: Ns, name: &str, text: &str) -> &mut Self {
        self.start(ns, name);
        if !text.is_empty() {
            self.text(text);
        }
        self.end()
    }

    /// Adds a received element byte for byte, with the namespace declarations that it
    /// needs here.
    pub fn element(&mut self, element: Element<'_>) -> &mut Self {
        self.end_tag();
        if self.open.is_empty() && !self.out.is_empty() {
            return self.fail(WriteError::Outside);
        }
        let default = self.inherited();
        element.splice(&mut self.out, default, &[]);
        self
    }

    /// Ends the element begun last.
    pub fn end(&mut self) -> &mut Self {
        let Some(open) = self.open.pop() else {
            return self.fail(WriteError::Outside);
        };
        if self.in_tag {
            self.out.push_str("/>");
            self.in_tag = false;
            return self;
        }
        self.out.push_str("</");
        self.out.extend_from_within_str(open.name_at, open.name_end);
        self.out.push('>');
        self
    }

    /// What was written.
    ///
    /// # Errors
    /// The first mistake of the caller.
    pub fn finish(mut self) -> Result<String, WriteError> {
        self.end_tag();
        match self.error {
            Some(error) => Err(error),
            None if !self.open.is_empty() => Err(WriteError::Unclosed),
            None => Ok(self.out),
        }
    }

    fn inherited(&self) -> Option<Ns> {
        self.open.last().map_or(Some(self.default), |o| o.default)
    }

    #[expect(clippy::option_option, reason = "outer: changes; inner: to a known one")]
    fn begin(&mut self, prefix: &str, name: &str, default: Option<Option<Ns>>) -> &mut Self {
        self.end_tag();
        if !is_ncname(name) {
            self.fail(WriteError::Name);
        }
        if self.open.is_empty() && !self.out.is_empty() {
            self.fail(WriteError::Outside);
        }
        let default = default.unwrap_or_else(|| self.inherited());
        self.out.push('<');
        let name_at = self.out.len();
        self.out.push_str(prefix);
        self.out.push_str(name);
        self.open.push(Open { name_at, name_end: self.out.len(), default });
        self.in_tag = true;
        self.attributes.clear();
        self
    }

    fn declare(&mut self, uri: &str) {
        self.attribute("", "xmlns", uri);
    }

    fn attribute(&mut self, prefix: &str, name: &str, value: &str) -> &mut Self {
        if !self.in_tag {
            return self.fail(WriteError::Attribute);
        }
        self.out.push(' ');
        let start = self.out.len();
        self.out.push_str(prefix);
        self.out.push_str(name);
        let end = self.out.len();
        let (written, new) = (self.out.as_str(), self.out.get(start..end));
        if self.attributes.iter().any(|&(s, e)| written.get(s..e) == new) {
            return self.fail(WriteError::DuplicateAttribute);
        }
        self.attributes.push((start, end));
        self.out.push_str("='");
        if !escape(&mut self.out, value, true) {
            self.fail(WriteError::Char);
        }
        self.out.push('\'');
        self
    }

    fn end_tag(&mut self) {
        if self.in_tag {
            self.out.push('>');
            self.in_tag = false;
        }
    }

    #[cold]
    fn fail(&mut self, error: WriteError) -> &mut Self {
        self.error.get_or_insert(error);
        self
    }
}

/// `String::extend_from_within` is not stable for strings.
trait ExtendFromWithin {
    fn extend_from_within_str(&mut self, start: usize, end: usize);
}

impl ExtendFromWithin for String {
    fn extend_from_within_str(&mut self, start: usize, end: usize) {
        let mut buf = [0; 64];
        let mut from = start;
        // In pieces that a small buffer holds, cut between characters.
        while from < end {
            let mut to = end.min(from.saturating_add(buf.len()));
            while to > from && !self.is_char_boundary(to) {
                to = to.saturating_sub(1);
            }
            let Some(piece) = self.get(from..to).filter(|p| !p.is_empty()) else {
                return;
            };
            let len = piece.len();
            if let Some(copy) = buf.get_mut(..len) {
                copy.copy_from_slice(piece.as_bytes());
                if let Ok(piece) = core::str::from_utf8(copy) {
                    self.push_str(piece);
                }
            }
            from = to;
        }
    }
}

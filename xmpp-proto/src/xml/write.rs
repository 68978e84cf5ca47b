//! A writer whose output is always well-formed, or an error.

use super::chars::is_ncname;
use super::escape::{Out, escape};
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
    name_at: u32,
    name_end: u32,
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
    /// Texts, one after the other, so it is UTF-8.
    out: Vec<u8>,
    open: Vec<Open>,
    /// The attributes of the open tag, each as one of 64 bits: only where a bit is set already
    /// must names be compared.
    attributes: u64,
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
            out: Vec::new(),
            open: Vec::new(),
            attributes: 0,
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
            out: Vec::with_capacity(384),
            open: Vec::with_capacity(4),
            ..Self::new()
        }
    }

    /// Begins the element `name` of the known namespace `ns`.
    pub fn start(&mut self, ns: Ns, name: &str) -> &mut Self {
        if self.in_stream && ns == Ns::STREAM {
            return self.begin("stream:", name, None);
        }
        let inherited = self.inherited();
        if inherited == Some(ns) {
            return self.begin("", name, None);
        }
        self.begin("", name, Some(Some(ns)));
        // The names that are known need no escaping.
        self.attributes |= bit_of("", "xmlns");
        self.out.extend_from_slice(b" xmlns='");
        self.out.put(ns.known_name().unwrap_or(""));
        self.out.push(b'\'');
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
            self.out.extend_from_slice(b"/>");
            self.in_tag = false;
            return self;
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_within(open.name_at as usize..open.name_end as usize);
        self.out.push(b'>');
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
            // Nothing but texts was put in.
            None => String::from_utf8(self.out).map_err(|_| WriteError::Char),
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
        self.out.push(b'<');
        let name_at = self.here();
        if !prefix.is_empty() {
            self.out.put(prefix);
        }
        self.out.put(name);
        let name_end = self.here();
        self.open.push(Open { name_at, name_end, default });
        self.in_tag = true;
        self.attributes = 0;
        self
    }

    fn declare(&mut self, uri: &str) {
        self.attribute("", "xmlns", uri);
    }

    fn attribute(&mut self, prefix: &str, name: &str, value: &str) -> &mut Self {
        if !self.in_tag {
            return self.fail(WriteError::Attribute);
        }
        let bit = bit_of(prefix, name);
        if self.attributes & bit != 0 && self.has_attribute(prefix, name) {
            return self.fail(WriteError::DuplicateAttribute);
        }
        self.attributes |= bit;
        self.out.push(b' ');
        if !prefix.is_empty() {
            self.out.put(prefix);
        }
        self.out.put(name);
        self.out.extend_from_slice(b"='");
        if !escape(&mut self.out, value, true) {
            self.fail(WriteError::Char);
        }
        self.out.push(b'\'');
        self
    }

    /// Whether the open tag has an attribute of this name. What stands behind the name of the
    /// element are names and values in single quotes, which have none inside.
    #[cold]
    fn has_attribute(&self, prefix: &str, name: &str) -> bool {
        let start = self.open.last().map_or(0, |open| open.name_end as usize);
        let tag = self.out.get(start..).unwrap_or(&[]);
        let mut parts = tag.split(|b| *b == b'\'');
        core::iter::from_fn(|| {
            let name = parts.next()?.strip_prefix(b" ")?.strip_suffix(b"=")?;
            parts.next().map(|_value| name)
        })
        .any(|written| written.strip_prefix(prefix.as_bytes()) == Some(name.as_bytes()))
    }

    /// Offsets of names; what is so long that they do not fit is refused by every reader.
    fn here(&self) -> u32 {
        u32::try_from(self.out.len()).unwrap_or(u32::MAX)
    }

    fn end_tag(&mut self) {
        if self.in_tag {
            self.out.push(b'>');
            self.in_tag = false;
        }
    }

    #[cold]
    fn fail(&mut self, error: WriteError) -> &mut Self {
        self.error.get_or_insert(error);
        self
    }
}

/// One of 64 bits for a name, by its ends and its length.
#[inline]
fn bit_of(prefix: &str, name: &str) -> u64 {
    let name = name.as_bytes();
    let (first, last) = (name.first().copied(), name.last().copied());
    let mixed = usize::from(first.unwrap_or(0))
        .wrapping_mul(7)
        .wrapping_add(usize::from(last.unwrap_or(0)).wrapping_mul(3))
        .wrapping_add(name.len())
        .wrapping_add(prefix.len());
    1_u64.wrapping_shl(u32::try_from(mixed & 63).unwrap_or(0))
}

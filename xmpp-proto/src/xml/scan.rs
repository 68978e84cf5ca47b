//! The scanner: framing, strictness and index in one resumable pass.
//!
//! It looks at each byte once, wherever the chunks are cut: the state says what the next
//! byte may be, and `token` where the current name, value or text began. (After a cut, up
//! to three bytes of a character, or the bytes of one reference, are looked at again.)

#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets are at most the length of the frame, which `stanza_max` bounds, plus a few"
)]

use super::chars;
use super::error::{XmlError, XmlErrorKind};
use super::limits::XmlLimits;
use super::ns::Ns;
use super::prolog;
use super::tape::{Element, Kind, Node, Tape};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::LimitKind;

/// One complete part of a stream. RFC 6120 §4, §11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// Its length: the next frame begins so many bytes further.
    pub len: usize,
}

/// The parts of which a stream is made (RFC 6120 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream has no other parts")]
pub enum FrameKind {
    /// The start tag of the root, with the XML declaration if there is one.
    StreamOpen,
    /// A child of the root: a stanza, features, a SASL step.
    Element,
    /// The end tag of the root.
    StreamClose,
    /// White space between elements: a keep-alive (RFC 6120 §4.6.1).
    Whitespace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the root.
    Prolog,
    /// Inside the XML declaration.
    Declaration,
    /// In the root, between its children.
    Between,
    /// Behind `<`.
    TagOpen,
    /// Behind `<!`.
    Bang,
    /// In the name of a start tag.
    StartName,
    /// In a start tag, where white space, an attribute or the end may stand.
    InTag,
    /// In the name of an attribute.
    AttrName,
    /// Behind the name of an attribute.
    BeforeEquals,
    /// Behind `=`.
    BeforeValue,
    /// In a value.
    Value,
    /// Behind `/` in a start tag.
    Slash,
    /// Behind `</`.
    EndName,
    /// Behind the name of an end tag.
    EndTail,
    Text,
    Cdata,
    /// Behind the end of the root.
    Closed,
}

/// What one element left open.
#[derive(Clone, Copy, Debug)]
struct Open {
    node: u32,
    default: Ns,
    bindings: u32,
}

/// Turns bytes into frames and indexes them. One per stream and direction.
///
/// Give it the bytes from the start of the frame, each time with more of them behind; it
/// goes on where it stopped. After a frame, give it the bytes behind that frame.
///
/// ```
/// use xmpp_proto::xml::{FrameKind, Ns, Scanner, XmlLimits};
///
/// let bytes = b"<stream:stream xmlns='jabber:client' \
///     xmlns:stream='http://etherx.jabber.org/streams'><message><body>hi</body></message>";
/// let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
/// let open = scanner.scan(bytes)?.ok_or("more")?;
/// assert_eq!(open.kind, FrameKind::StreamOpen);
///
/// let rest = &bytes[open.len..];
/// assert_eq!(scanner.scan(&rest[..20])?, None);
/// let frame = scanner.scan(rest)?.ok_or("more")?;
/// let message = scanner.element(&rest[..frame.len]).ok_or("no element")?;
/// assert!(message.is(Ns::CLIENT, "message"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scanner {
    limits: XmlLimits,
    state: State,
    /// The stream has a root around the elements; a fragment has not.
    rooted: bool,
    /// The frame is complete; the next call begins another.
    complete: bool,
    pos: usize,
    token: usize,
    /// Offset of the colon in the current name; 0 without one (no name begins at 0).
    colon: usize,
    quote: u8,
    escaped: bool,
    spaced: bool,
    /// What is known of the tag or attribute that is being read.
    node: Node,
    /// Index of the start tag that is being read.
    tag: usize,
    attributes: usize,
    declarations: usize,
    /// Index of the declaration that the plain way met.
    declaration: usize,
    prefixed: bool,
    /// Bits of the names of the tag's attributes, and whether two have the same.
    seen: u64,
    doubtful: bool,
    elements: usize,
    open: Vec<Open>,
    /// Prefix (offset, length) and meaning, innermost last.
    bindings: Vec<(u32, u16, Ns)>,
    tape: Tape,
    failed: Option<XmlError>,
}

type Step<T> = Result<T, XmlError>;

#[cold]
fn fail<T>(kind: XmlErrorKind, offset: usize) -> Step<T> {
    Err(XmlError::new(kind, offset))
}

impl Scanner {
    /// A scanner for a stream that begins with its header.
    #[must_use]
    pub fn stream(limits: XmlLimits) -> Self {
        Self::new(limits, true)
    }

    /// Gives back the memory that the last frame took, between two frames.
    pub(crate) fn release(&mut self) {
        if self.is_in_frame() || self.tape.nodes.capacity() == 0 {
            return;
        }
        (self.tape.nodes, self.tape.uris) = (Vec::new(), Vec::new());
        self.open.shrink_to_fit();
        self.bindings.shrink_to_fit();
    }

    /// A scanner for elements without a root around them (WebSocket messages, files).
    #[must_use]
    pub fn fragment(limits: XmlLimits) -> Self {
        Self::new(limits, false)
    }

    fn new(limits: XmlLimits, rooted: bool) -> Self {
        Self {
            limits: limits.clamped(),
            state: State::Prolog,
            rooted,
            complete: true,
            pos: 0,
            token: 0,
            colon: 0,
            quote: b'"',
            escaped: false,
            spaced: false,
            node: Node::EMPTY,
            tag: 0,
            attributes: 0,
            declarations: 0,
            declaration: 0,
            prefixed: false,
            seen: 0,
            doubtful: false,
            elements: 0,
            open: Vec::new(),
            bindings: Vec::new(),
            tape: Tape::default(),
            failed: None,
        }
    }

    /// Forgets everything but the limits: a stream restart (RFC 6120 §4.3.3).
    pub fn restart(&mut self) {
        let rooted = self.rooted;
        self.state = State::Prolog;
        self.failed = None;
        self.begin();
        self.tape.scope = Arc::default();
        self.rooted = rooted;
    }

    /// Other limits from here on, as after authentication.
    pub fn set_limits(&mut self, limits: XmlLimits) {
        self.limits = limits.clamped();
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> &XmlLimits {
        &self.limits
    }

    /// Whether bytes of an unfinished frame were seen.
    #[must_use]
    pub const fn is_in_frame(&self) -> bool {
        !self.complete && self.pos > 0
    }

    /// Scans on. `bytes` begins with the current frame.
    ///
    /// `Ok(None)` needs more bytes.
    ///
    /// # Errors
    /// What is wrong first, and where; the same however the bytes were cut. The scanner
    /// then repeats the error until [`Scanner::restart`].
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<Frame>, XmlError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.complete {
            self.begin();
        }
        let max = self.limits.stanza_max;
        let window = bytes.get(..max).unwrap_or(bytes);
        let result = match self.run(window) {
            Ok(None) if bytes.len() > window.len() => {
                fail(XmlErrorKind::Limit(LimitKind::Stanza), max)
            }
            other => other,
        };
        match result {
            Ok(Some(kind)) => {
                self.complete = true;
                Ok(Some(Frame { kind, len: self.pos }))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// The root element of the frame that [`Scanner::scan`] returned last; `frame` must be
    /// the bytes of that frame. `None` for white space and for the end of the stream.
    #[must_use]
    pub fn element<'a>(&'a self, frame: &'a [u8]) -> Option<Element<'a>> {
        self.tape.root(bstr::ByteSlice::to_str(frame).ok()?)
    }

    /// The index of the frame that [`Scanner::scan`] returned last.
    #[must_use]
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    pub(super) fn tape_mut(&mut self) -> &mut Tape {
        &mut self.tape
    }

    /// What is wrong when the input ends here: something, unless the root was closed (or,
    /// for a fragment, the last element is complete).
    ///
    /// # Errors
    /// [`XmlErrorKind::Truncated`], or the error of an earlier scan.
    pub fn finish(&self) -> Result<(), XmlError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let ended = match self.state {
            State::Closed => true,
            State::Between | State::Prolog => !self.rooted,
            _ => false,
        };
        if ended {
            Ok(())
        } else {
            fail(XmlErrorKind::Truncated, if self.complete { 0 } else { self.pos })
        }
    }

    fn begin(&mut self) {
        self.complete = false;
        self.pos = 0;
        self.token = 0;
        self.elements = 0;
        self.open.clear();
        self.bindings.clear();
        self.tape.nodes.clear();
        self.tape.uris.clear();
    }

    fn run(&mut self, b: &[u8]) -> Step<Option<FrameKind>> {
        let mut pos = self.pos;
        let result = self.steps(b, &mut pos);
        self.pos = pos;
        result
    }

    fn steps(&mut self, b: &[u8], at: &mut usize) -> Step<Option<FrameKind>> {
        let mut pos = *at;
        macro_rules! wait {
            () => {{
                *at = pos;
                return Ok(None);
            }};
        }
        macro_rules! byte {
            () => {
                match b.get(pos) {
                    Some(&byte) => byte,
                    None => wait!(),
                }
            };
        }
        loop {
            if let Some(place) = self.place(pos) {
                if let Some(kind) = self.plain(b, &mut pos, place) {
                    *at = pos;
                    return Ok(Some(kind));
                }
            }
            match self.state {
                State::Text => {
                    pos = chars::text_run(b, pos);
                    match byte!() {
                        b'<' => {
                            self.push_text(Kind::Text, pos);
                            pos += 1;
                            self.state = State::TagOpen;
                        }
                        b'>' => {
                            let before = b.get(self.token..pos).unwrap_or(&[]);
                            if before.ends_with(b"]]") {
                                return fail(XmlErrorKind::CdataEnd, pos - 2);
                            }
                            pos += 1;
                        }
                        _ => match self.special(b, pos)? {
                            Some(next) => pos = next,
                            None => wait!(),
                        },
                    }
                }
                State::Value => {
                    pos = chars::value_run(b, pos, self.quote);
                    match byte!() {
                        byte if byte == self.quote => {
                            self.end_value(pos)?;
                            pos += 1;
                            self.spaced = b.get(pos) == Some(&b' ');
                            pos += usize::from(self.spaced);
                            self.state = State::InTag;
                        }
                        b'<' => return fail(XmlErrorKind::LessThan, pos),
                        byte => {
                            if byte < 0x20 {
                                self.escaped = true;
                            }
                            match self.special(b, pos)? {
                                Some(next) => pos = next,
                                None => wait!(),
                            }
                        }
                    }
                }
                State::TagOpen => match byte!() {
                    b'/' => {
                        pos += 1;
                        self.token = pos;
                        self.state = State::EndName;
                    }
                    b'!' => {
                        self.token = pos;
                        pos += 1;
                        self.state = State::Bang;
                    }
                    b'?' => return fail(XmlErrorKind::ProcessingInstruction, pos - 1),
                    _ => {
                        self.open_tag(pos)?;
                        self.state = State::StartName;
                    }
                },
                State::StartName => match self.name(b, &mut pos)? {
                    Some(()) => {
                        self.end_tag_name(pos)?;
                        self.spaced = b.get(pos) == Some(&b' ');
                        pos += usize::from(self.spaced);
                        self.state = State::InTag;
                    }
                    None => wait!(),
                },
                State::InTag => match byte!() {
                    b' ' | b'\t' | b'\n' | b'\r' => {
                        pos = chars::skip_space(b, pos);
                        self.spaced = true;
                    }
                    b'>' => {
                        pos += 1;
                        if let Some(kind) = self.end_start_tag(b, pos, false)? {
                            *at = pos;
                            return Ok(Some(kind));
                        }
                    }
                    b'/' => {
                        pos += 1;
                        self.state = State::Slash;
                    }
                    _ => {
                        self.open_attribute(pos)?;
                        self.state = State::AttrName;
                    }
                },
                State::AttrName => match self.name(b, &mut pos)? {
                    Some(()) => {
                        self.end_attribute_name(b, pos)?;
                        if let Some([b'=', quote @ (b'"' | b'\'')]) = b.get(pos..pos + 2) {
                            self.quote = *quote;
                            pos += 2;
                            self.begin_value(pos);
                        } else {
                            self.state = State::BeforeEquals;
                        }
                    }
                    None => wait!(),
                },
                State::BeforeEquals => {
                    pos = chars::skip_space(b, pos);
                    if byte!() != b'=' {
                        return fail(XmlErrorKind::Attribute, pos);
                    }
                    pos += 1;
                    self.state = State::BeforeValue;
                }
                State::BeforeValue => {
                    pos = chars::skip_space(b, pos);
                    let quote = byte!();
                    if quote != b'"' && quote != b'\'' {
                        return fail(XmlErrorKind::Attribute, pos);
                    }
                    self.quote = quote;
                    pos += 1;
                    self.begin_value(pos);
                }
                State::Slash => {
                    if byte!() != b'>' {
                        return fail(XmlErrorKind::Tag, pos);
                    }
                    pos += 1;
                    if let Some(kind) = self.end_start_tag(b, pos, true)? {
                        *at = pos;
                        return Ok(Some(kind));
                    }
                }
                State::EndName => {
                    if !self.match_end_name(b, &mut pos)? {
                        wait!();
                    }
                    self.state = State::EndTail;
                }
                State::EndTail => {
                    let tight = pos;
                    pos = chars::skip_space(b, pos);
                    if byte!() != b'>' {
                        // A longer name than the start tag's, or something behind it.
                        let kind = if tight == pos && !chars::is_space(previous(b, pos)) {
                            return fail(XmlErrorKind::EndTag, self.token);
                        } else {
                            XmlErrorKind::Tag
                        };
                        return fail(kind, pos);
                    }
                    pos += 1;
                    if let Some(kind) = self.close(pos) {
                        *at = pos;
                        return Ok(Some(kind));
                    }
                }
                State::Cdata => {
                    pos = chars::cdata_run(b, pos);
                    if byte!() == b']' {
                        match (b.get(pos + 1), b.get(pos + 2)) {
                            (Some(b']'), Some(b'>')) => {
                                self.push_text(Kind::Cdata, pos);
                                pos += 3;
                                self.begin_text(pos);
                            }
                            (None, _) | (Some(b']'), None) => wait!(),
                            _ => pos += 1,
                        }
                    } else {
                        match self.special(b, pos)? {
                            Some(next) => pos = next,
                            None => wait!(),
                        }
                    }
                }
                State::Bang => match prolog::bang(b, self.token)? {
                    Some(_) if self.open.is_empty() => {
                        return fail(XmlErrorKind::TextOutside, self.token - 1);
                    }
                    Some(next) => {
                        pos = next;
                        self.token = pos;
                        self.escaped = false;
                        self.state = State::Cdata;
                    }
                    None => wait!(),
                },
                State::Between | State::Closed => match byte!() {
                    b'<' if self.state == State::Between => {
                        pos += 1;
                        self.state = State::TagOpen;
                    }
                    byte if chars::is_space(byte) => {
                        pos = chars::skip_space(b, pos);
                        *at = pos;
                        return Ok(Some(FrameKind::Whitespace));
                    }
                    _ if self.state == State::Closed => {
                        return fail(XmlErrorKind::AfterEnd, pos);
                    }
                    _ => return self.outside(b, pos),
                },
                State::Prolog => match prolog::prolog(b, &mut pos)? {
                    Some(prolog::Next::Root) => {
                        pos += 1;
                        self.state = State::TagOpen;
                    }
                    Some(prolog::Next::Declaration) => {
                        self.token = pos;
                        self.state = State::Declaration;
                    }
                    Some(prolog::Next::Outside) => return self.outside(b, pos),
                    None => wait!(),
                },
                State::Declaration => match prolog::declaration(b, self.token)? {
                    Some(next) => {
                        pos = next;
                        self.state = State::Prolog;
                    }
                    None => wait!(),
                },
            }
        }
    }
}

fn previous(b: &[u8], pos: usize) -> u8 {
    pos.checked_sub(1).and_then(|p| b.get(p)).copied().unwrap_or(0)
}

/// Offsets fit: frames are shorter than 4 GiB or end in an error.
#[expect(clippy::cast_possible_truncation, reason = "`stanza_max` is checked to fit below")]
#[inline]
fn offset(n: usize) -> u32 {
    n as u32
}

mod parts;
mod plain;
mod resolve;

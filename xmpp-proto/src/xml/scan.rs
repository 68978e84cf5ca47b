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
use super::tape::{DECLARES, ESCAPED, Element, Kind, Node, Tape};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::LimitKind;

/// One complete part of a stream.
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
    /// Index of the start tag that is being read.
    tag: usize,
    attributes: usize,
    declarations: usize,
    prefixed: bool,
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
            tag: 0,
            attributes: 0,
            declarations: 0,
            prefixed: false,
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
        self.tape.root(core::str::from_utf8(frame).ok()?)
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
                        self.end_name(pos)?;
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

    /// A byte that ended a run: a reference, a control or a wide character. `None` when its
    /// end is not there yet.
    fn special(&mut self, b: &[u8], pos: usize) -> Step<Option<usize>> {
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
    fn outside(&self, b: &[u8], pos: usize) -> Step<Option<FrameKind>> {
        match b.get(pos) {
            Some(0..0x20) => fail(XmlErrorKind::Char, pos),
            _ => fail(XmlErrorKind::TextOutside, pos),
        }
    }

    fn begin_value(&mut self, pos: usize) {
        self.token = pos;
        self.escaped = false;
        self.state = State::Value;
    }

    fn begin_text(&mut self, pos: usize) {
        self.token = pos;
        self.escaped = false;
        self.state = State::Text;
    }

    fn push_text(&mut self, kind: Kind, end: usize) {
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

    fn open_tag(&mut self, pos: usize) -> Step<()> {
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return fail(XmlErrorKind::Limit(LimitKind::Elements), pos);
        }
        if self.open.len() >= self.limits.depth_max {
            return fail(XmlErrorKind::Limit(LimitKind::Depth), pos);
        }
        self.tag = self.tape.nodes.len();
        self.attributes = 0;
        self.declarations = 0;
        self.prefixed = false;
        self.begin_name(pos);
        self.tape.nodes.push(Node {
            kind: Kind::Element,
            flags: 0,
            ns: Ns::NONE,
            name_len: 0,
            local_at: 0,
            a: offset(pos - 1),
            b: 0,
            c: 0,
        });
        Ok(())
    }

    fn open_attribute(&mut self, pos: usize) -> Step<()> {
        if !self.spaced {
            // What cannot begin a name is a fault of the tag, not of the spacing.
            return fail(XmlErrorKind::MissingSpace, pos);
        }
        self.attributes += 1;
        if self.attributes > self.limits.attributes_max {
            return fail(XmlErrorKind::Limit(LimitKind::Attributes), pos);
        }
        self.begin_name(pos);
        self.tape.nodes.push(Node {
            kind: Kind::Attribute,
            flags: 0,
            ns: Ns::NONE,
            name_len: 0,
            local_at: 0,
            a: offset(pos),
            b: 0,
            c: 0,
        });
        Ok(())
    }

    fn begin_name(&mut self, pos: usize) {
        self.token = pos;
        self.colon = 0;
    }

    /// Runs over a qualified name; `Some` at its end, `None` when more may come.
    #[inline]
    fn name(&mut self, b: &[u8], at: &mut usize) -> Step<Option<()>> {
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

    fn rare_name(&mut self, b: &[u8], at: &mut usize) -> Step<Option<()>> {
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

    /// Notes the name that ends at `pos` in the last node.
    fn end_name(&mut self, pos: usize) -> Step<()> {
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
        if let Some(node) = self.tape.nodes.last_mut() {
            node.name_len = name_len;
            node.local_at = local_at;
        }
        Ok(())
    }

    fn end_attribute_name(&mut self, b: &[u8], pos: usize) -> Step<()> {
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
            if let Some(node) = self.tape.nodes.last_mut() {
                node.flags = DECLARES;
                node.ns = Ns::XMLNS;
            }
        }
        Ok(())
    }

    fn end_value(&mut self, pos: usize) -> Step<()> {
        if pos - self.token > self.limits.value_max {
            return fail(XmlErrorKind::Limit(LimitKind::Value), self.token);
        }
        if let Some(node) = self.tape.nodes.last_mut() {
            node.b = offset(self.token);
            node.c = offset(pos);
            if self.escaped {
                node.flags |= ESCAPED;
            }
        }
        Ok(())
    }

    /// The `>` of a start tag was read; `pos` is behind it.
    fn end_start_tag(&mut self, b: &[u8], pos: usize, empty: bool) -> Step<Option<FrameKind>> {
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
                self.state = State::Between;
                return Ok(Some(FrameKind::Element));
            }
        } else {
            self.open.push(Open { node: offset(self.tag), default, bindings });
        }
        self.begin_text(pos);
        Ok(None)
    }

    /// An end tag was read; `pos` is behind it.
    fn close(&mut self, pos: usize) -> Option<FrameKind> {
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
            self.state = State::Between;
            return Some(FrameKind::Element);
        }
        self.begin_text(pos);
        None
    }

    /// Compares on with the name of the element that must end here.
    fn match_end_name(&self, b: &[u8], at: &mut usize) -> Step<bool> {
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

fn previous(b: &[u8], pos: usize) -> u8 {
    pos.checked_sub(1).and_then(|p| b.get(p)).copied().unwrap_or(0)
}

/// Offsets fit: frames are shorter than 4 GiB or end in an error.
#[expect(clippy::cast_possible_truncation, reason = "`stanza_max` is checked to fit below")]
#[inline]
fn offset(n: usize) -> u32 {
    n as u32
}

mod resolve;

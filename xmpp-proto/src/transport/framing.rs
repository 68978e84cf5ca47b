//! RFC 7395 §3: each message is one element that stands alone; `<open/>` and `<close/>` are
//! the ends of a stream.

use crate::stream::{STREAM_CLOSE, StreamError, StreamOpen};
use crate::xml::{
    Document, Element, FrameKind, Ns, Scanner, Writer, XmlError, XmlLimits, restamped,
};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use thiserror::Error;

/// Why a message is not one of RFC 7395.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FramingError {
    /// Not one well-formed element and nothing else (§3.3).
    #[error("the message is not one element: {0}")]
    Xml(#[from] XmlError),
    /// An element without a namespace, or a piece of the framing of TCP (§3.3.3).
    #[error("the element does not stand alone")]
    NotAlone,
}

/// Translates between the bytes of a machine and the messages of a WebSocket.
///
/// ```
/// use xmpp_proto::transport::WebSocketFraming;
/// use xmpp_proto::xml::XmlLimits;
///
/// let mut framing = WebSocketFraming::new(XmlLimits::POST_AUTH);
/// let messages = framing.outgoing(b"<stream:stream xmlns='jabber:client' version='1.0' \
///     xmlns:stream='http://etherx.jabber.org/streams' to='example.org'><presence/>");
/// assert_eq!(messages, [
///     "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>",
///     "<presence xmlns='jabber:client'/>",
/// ]);
/// assert_eq!(framing.incoming(&messages[1])?, messages[1]);
/// # Ok::<(), xmpp_proto::transport::FramingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketFraming {
    limits: XmlLimits,
    cutter: Cutter,
}

impl WebSocketFraming {
    /// For messages of the peer within `limits`.
    #[must_use]
    pub fn new(limits: XmlLimits) -> Self {
        Self { limits, cutter: Cutter::new() }
    }

    /// The messages that the machine's bytes mean. A keep-alive space means none: a WebSocket
    /// has pings (§3.8).
    pub fn outgoing(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        self.cutter.cut(bytes, |said| match said {
            Said::Close => messages.push(CLOSE.to_string()),
            Said::Open(header) => {
                let mut w = Writer::new();
                w.start(Ns::FRAMING, "open");
                for name in ["to", "from", "id", "version"] {
                    w.attr_opt(name, header.attr(name).as_deref());
                }
                if let Some(lang) = header.lang() {
                    w.lang(&lang);
                }
                w.end();
                messages.extend(w.finish());
            }
            Said::Element(element) => messages.push(element.to_standalone()),
        });
        messages
    }

    /// The bytes for the machine that a message of the peer means.
    ///
    /// # Errors
    /// It is not a message of RFC 7395.
    pub fn incoming(&self, message: &str) -> Result<String, FramingError> {
        let doc = Document::parse_with(message.as_bytes(), self.limits)?;
        let root = doc.root();
        match (root.ns(), root.name()) {
            (Ns::FRAMING, "open") => {
                let attr = |name| root.attr(name).unwrap_or_default();
                let (to, from, id) = (attr("to"), attr("from"), attr("id"));
                let lang = root.lang().unwrap_or_default();
                let open = StreamOpen::new().with_to(&to).with_from(&from).with_id(&id);
                let header = open.with_lang(&lang).write(Ns::CLIENT).unwrap_or_default();
                // RFC 6120 §4.7.5 is for the machine to judge.
                Ok(match root.attr("version").as_deref() {
                    Some("1.0") => header,
                    Some(_) | None => header.replacen(" version='1.0'", "", 2),
                })
            }
            (Ns::FRAMING, "close") => Ok(match root.attr("see-other-uri").as_deref() {
                // §3.6.1: what RFC 6120 §4.9.3.19 says with an error.
                Some(uri) if !uri.is_empty() => {
                    let mut error = StreamError::see_other_host(uri).write();
                    error.push_str(STREAM_CLOSE);
                    error
                }
                _ => STREAM_CLOSE.to_string(),
            }),
            (Ns::NONE | Ns::FRAMING, _) | (Ns::STREAM, "stream") => Err(FramingError::NotAlone),
            // What has no namespace alone must not take that of the stream.
            _ => Ok(restamped(root, Ns::CLIENT, &[])),
        }
    }
}

const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/// What a machine says, piece by piece.
pub(super) enum Said<'a> {
    /// Its stream begins, or begins again.
    Open(Element<'a>),
    /// A stanza, or a step of the negotiation.
    Element(Element<'a>),
    /// Its stream ends.
    Close,
}

/// Cuts the bytes of the own machine into pieces.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    scanner: Scanner,
    /// What the machine has begun and not ended.
    rest: Vec<u8>,
}

impl Cutter {
    pub(super) fn new() -> Self {
        // What comes from the own machine needs no limits.
        let own = XmlLimits::POST_AUTH.with_stanza_max(usize::MAX);
        Self { scanner: Scanner::stream(own), rest: Vec::new() }
    }

    /// White space means nothing.
    pub(super) fn cut(&mut self, bytes: &[u8], mut said: impl FnMut(Said<'_>)) {
        self.rest.extend_from_slice(bytes);
        loop {
            let opens = [&b"<?xml"[..], b"<stream:stream"];
            let restarts = opens.iter().any(|open| self.rest.starts_with(open));
            if restarts && !self.scanner.is_in_frame() {
                self.scanner.restart();
            }
            // A machine writes nothing that a scanner refuses.
            let Ok(Some(frame)) = self.scanner.scan(&self.rest) else { return };
            let part = self.rest.get(..frame.len).unwrap_or_default();
            match (frame.kind, self.scanner.element(part)) {
                (FrameKind::StreamOpen, Some(header)) => said(Said::Open(header)),
                (FrameKind::Element, Some(element)) => said(Said::Element(element)),
                (FrameKind::StreamClose, _) => said(Said::Close),
                _ => {}
            }
            self.rest.drain(..frame.len);
        }
    }
}

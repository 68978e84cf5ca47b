//! RFC 7395 §3: each message is one element that stands alone; `<open/>` and `<close/>` are
//! the ends of a stream.

use crate::stream::{STREAM_CLOSE, StreamOpen};
use crate::xml::{Document, FrameKind, Ns, Scanner, Writer, XmlError, XmlLimits, restamped};
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
    scanner: Scanner,
    /// What the machine has begun and not ended.
    rest: Vec<u8>,
}

impl WebSocketFraming {
    /// For messages of the peer within `limits`.
    #[must_use]
    pub fn new(limits: XmlLimits) -> Self {
        // What comes from the own machine needs no limits.
        let own = XmlLimits::POST_AUTH.with_stanza_max(usize::MAX);
        Self { limits, scanner: Scanner::stream(own), rest: Vec::new() }
    }

    /// The messages that the machine's bytes mean. A keep-alive space means none: a WebSocket
    /// has pings (§3.8).
    pub fn outgoing(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut messages = Vec::new();
        loop {
            let opens = [&b"<?xml"[..], b"<stream:stream"];
            let restarts = opens.iter().any(|open| self.rest.starts_with(open));
            if restarts && !self.scanner.is_in_frame() {
                self.scanner.restart();
            }
            // A machine writes nothing that a scanner refuses.
            let Ok(Some(frame)) = self.scanner.scan(&self.rest) else { return messages };
            let message = self.rest.get(..frame.len).and_then(|part| match frame.kind {
                FrameKind::Whitespace => None,
                FrameKind::StreamClose => Some(CLOSE.to_string()),
                FrameKind::StreamOpen => self.scanner.element(part).and_then(|header| {
                    let mut w = Writer::new();
                    w.start(Ns::FRAMING, "open");
                    for name in ["to", "from", "id", "version"] {
                        w.attr_opt(name, header.attr(name).as_deref());
                    }
                    if let Some(lang) = header.lang() {
                        w.lang(&lang);
                    }
                    w.end();
                    w.finish().ok()
                }),
                FrameKind::Element => {
                    self.scanner.element(part).map(|element| element.to_standalone())
                }
            });
            messages.extend(message);
            self.rest.drain(..frame.len);
        }
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
            (Ns::FRAMING, "close") => Ok(STREAM_CLOSE.to_string()),
            (Ns::NONE | Ns::FRAMING, _) | (Ns::STREAM, "stream") => Err(FramingError::NotAlone),
            // What has no namespace alone must not take that of the stream.
            _ => Ok(restamped(root, Ns::CLIENT, &[])),
        }
    }
}

const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

//! What a parser sees in a file: one [`Line`] per message, stanza or record, as text or
//! as JSON. The program `inspect` is a thin shell around this.

pub mod journal;
pub mod pcap;
pub mod rtsp;
mod rtsp_typed;
pub mod sip;
mod sip_body;
mod sip_typed;
mod tunnel;
pub mod xmpp;
mod xmpp_words;

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// How to read the input.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Refuse what is tolerated by default.
    pub strict: bool,
    /// The input is one datagram (SIP); otherwise it is a stream.
    pub datagram: bool,
    /// Feed this many bytes at a time; all at once by default.
    pub chunk: Option<usize>,
}

impl Options {
    /// The input cut as the options say.
    pub fn chunks<'a>(&self, input: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        input.chunks(self.chunk.unwrap_or(input.len()).max(1))
    }
}

/// One message, stanza, frame or record, or an error in its place.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Where it begins, in bytes from the start of the input.
    pub offset: u64,
    /// What it is: `request`, `response`, `frame`, `keep-alive`, `http`, `websocket`, `garbage`, `stun`,
    /// `stream`, `message`, `tls`,
    /// `presence`, `iq`, `sasl`, `sm`, `bosh`, `element`, `record`, or `error`.
    pub kind: &'static str,
    /// The start line, or the name with its namespace.
    pub start: String,
    /// The headers, attributes or fields, in order.
    pub fields: Vec<Field>,
    /// What was tolerated, by name.
    pub quirks: Vec<String>,
    /// Bytes of the body or payload.
    pub body: Option<u64>,
    /// What was refused.
    pub error: Option<Refusal>,
}

/// One header, attribute or field.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// The name, as it was sent.
    pub name: String,
    /// The value, as it was sent (bytes that are not UTF-8 are replaced).
    pub value: String,
    /// The value as its type has it, where a type exists.
    pub typed: Option<Value>,
    /// What its type objects to.
    pub error: Option<Refusal>,
}

/// What was refused, and where.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The kind of error, in words.
    pub kind: String,
    /// Bytes from the start of the input.
    pub offset: u64,
}

impl Field {
    /// A field without a type.
    pub fn raw(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), ..Self::default() }
    }
}

impl Line {
    /// Whether something in it was refused: the line itself or one of its fields.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.error.is_some() || self.fields.iter().any(|field| field.error.is_some())
    }

    /// The same line, with its places moved.
    pub(crate) fn placed(mut self, place: impl Fn(u64) -> u64) -> Self {
        self.offset = place(self.offset);
        let fields = self.fields.iter_mut().filter_map(|field| field.error.as_mut());
        for error in self.error.iter_mut().chain(fields) {
            error.offset = place(error.offset);
        }
        self
    }

    /// For people: one line, fields behind it, indented.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{:>8} {:<10} {}", self.offset, self.kind, self.start.escape_debug());
        if let Some(body) = self.body {
            let _ = write!(out, " [{body} bytes]");
        }
        if !self.quirks.is_empty() {
            let _ = write!(out, " ({})", self.quirks.join(", "));
        }
        if let Some(error) = &self.error {
            let _ = write!(out, " ! {} at byte {}", error.kind, error.offset);
        }
        for field in &self.fields {
            let value = field.value.escape_debug();
            let _ = write!(out, "\n         | {}: {value}", field.name.escape_debug());
            if let Some(typed) = &field.typed {
                let _ = write!(out, "  => {typed}");
            }
            if let Some(error) = &field.error {
                let _ = write!(out, "  ! {} at byte {}", error.kind, error.offset);
            }
        }
        out
    }

    /// For programs: one JSON object with the names that `inspect --help` documents.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().map(Field::to_json).collect();
        let mut object = Map::new();
        object.insert("offset".into(), json!(self.offset));
        object.insert("kind".into(), json!(self.kind));
        object.insert("start".into(), json!(self.start));
        object.insert("fields".into(), Value::Array(fields));
        object.insert("quirks".into(), json!(self.quirks));
        object.insert("body".into(), json!(self.body));
        object.insert("error".into(), json!(self.error.as_ref().map(Refusal::to_json)));
        Value::Object(object)
    }
}

impl Field {
    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".into(), json!(self.name));
        object.insert("value".into(), json!(self.value));
        if let Some(typed) = &self.typed {
            object.insert("typed".into(), typed.clone());
        }
        if let Some(error) = &self.error {
            object.insert("error".into(), error.to_json());
        }
        Value::Object(object)
    }
}

impl Refusal {
    fn to_json(&self) -> Value {
        json!({ "kind": self.kind, "offset": self.offset })
    }
}

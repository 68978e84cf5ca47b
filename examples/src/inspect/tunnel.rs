//! What an HTTP tunnel or a WebSocket carries: RTSP or SIP, and where its bytes stand in the file.

use super::rtsp::{lossy, refusal};
use super::{Field, Line, Refusal};
use proto_wire::http::{HeadBuffer, Headers};
use proto_wire::websocket::FrameHeader;
use rtsp_proto::tunnel::Base64Decoder;

/// The most bytes of an HTTP head that are looked at, and header lines.
const HEAD_MAX: usize = 64 * 1024;
const HEADER_COUNT_MAX: usize = 128;

/// What was carried.
pub(super) struct Carried {
    /// The HTTP head, and what was wrong.
    pub(super) lines: Vec<Line>,
    /// What is inside.
    pub(super) bytes: Vec<u8>,
    /// For each of `bytes`, which byte of the file said it.
    origin: Vec<usize>,
    /// Where in `bytes` the messages of a WebSocket end.
    pub(super) ends: Vec<usize>,
    is_websocket: bool,
}

/// Looks into one direction of a tunnel; `None` when `input` is none.
pub(super) fn open(input: &[u8]) -> Option<Carried> {
    let first = input.split(|b| *b == b'\n').next()?.trim_ascii_end();
    let is_request = (first.starts_with(b"GET ") || first.starts_with(b"POST "))
        && first.rsplit(|b| *b == b' ').next()?.starts_with(b"HTTP/1.");
    if !is_request && !first.starts_with(b"HTTP/1.") {
        return None;
    }
    let mut head = HeadBuffer::new(HEAD_MAX);
    let used = head.feed(input).ok()??;
    let mut line = Line { kind: "http", start: lossy(first), ..Line::default() };
    let fields = |headers: &Headers<'_>| {
        headers.iter().map(|(name, value)| Field::raw(name, lossy(value))).collect::<Vec<_>>()
    };
    let mut is_websocket = false;
    let parsed = if is_request {
        head.request(HEADER_COUNT_MAX).map(|head| {
            is_websocket = head.headers.has_token("Upgrade", "websocket");
            fields(&head.headers)
        })
    } else {
        head.response(HEADER_COUNT_MAX).map(|head| {
            is_websocket = head.status == 101;
            fields(&head.headers)
        })
    };
    match parsed {
        Ok(fields) => line.fields = fields,
        Err(kind) => line.error = Some(Refusal { kind: kind.to_string(), offset: 0 }),
    }
    let mut carried = Carried {
        lines: vec![line],
        bytes: Vec::new(),
        origin: Vec::new(),
        ends: Vec::new(),
        is_websocket,
    };
    if is_websocket {
        carried.frames(input, used);
    } else if first.starts_with(b"POST ") {
        carried.base64(input, used);
    } else {
        // What the server sends stands there as it is.
        carried.bytes.extend_from_slice(input.get(used..).unwrap_or_default());
        carried.origin.extend(used..input.len());
    }
    Some(carried)
}

impl Carried {
    /// Whether the head asks for a WebSocket, or grants one.
    pub(super) const fn is_websocket(&self) -> bool {
        self.is_websocket
    }

    /// Where in the file of `len` bytes this byte of what was carried stands.
    pub(super) fn place(&self, at: u64, len: usize) -> u64 {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.origin.get(at).copied().unwrap_or(len) as u64
    }

    fn base64(&mut self, input: &[u8], from: usize) {
        let mut decoder = Base64Decoder::new();
        // Byte by byte, to know which group says what; `group` is where that begins.
        let mut group = from;
        for (at, byte) in input.iter().enumerate().skip(from) {
            let known = self.bytes.len();
            if let Err(error) = decoder.feed(&[*byte], &mut self.bytes) {
                let error = Some(refusal(error, from));
                let line = Line { offset: at as u64, kind: "error", error, ..Line::default() };
                return self.lines.push(line);
            }
            let said = self.bytes.len() - known;
            self.origin.extend((0..said).map(|place| (group + place).min(at)));
            // Line breaks before the first group are not of it.
            if said > 0 || (self.origin.is_empty() && byte.is_ascii_whitespace()) {
                group = at + 1;
            }
        }
    }

    fn frames(&mut self, input: &[u8], from: usize) {
        let mut at = from;
        while at < input.len() {
            let refused = |kind: String| Line {
                offset: at as u64,
                kind: "error",
                error: Some(Refusal { kind, offset: at as u64 }),
                ..Line::default()
            };
            let (header, used) = match FrameHeader::parse(input.get(at..).unwrap_or_default()) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => return self.lines.push(refused("ends in the middle".into())),
                Err(error) => return self.lines.push(refused(error.to_string())),
            };
            let begin = at + used;
            let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
            let Some(payload) = input.get(begin..begin.saturating_add(len)) else {
                return self.lines.push(refused("ends in the middle".into()));
            };
            if header.opcode.is_control() {
                let start = format!("{:?}", header.opcode);
                let (offset, body) = (at as u64, Some(header.payload_len));
                self.lines.push(Line { offset, kind: "websocket", start, body, ..Line::default() });
            } else {
                let mask = header.mask.unwrap_or_default();
                self.bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
                self.origin.extend(begin..begin + len);
                if header.is_final {
                    self.ends.push(self.bytes.len());
                }
            }
            at = begin + len;
        }
    }
}

//! Messages out of frames, cut anywhere.

use super::frame::apply_mask;
use super::{CloseFrame, FrameHeader, Opcode, ProtocolError, Role};
use crate::LimitKind;
use alloc::vec::Vec;
use bytes::Bytes;

/// A whole message or control frame. RFC 6455 §5.4, §5.5.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 has these five")]
pub enum Message {
    /// Text; the bytes are UTF-8.
    Text(Bytes),
    /// Binary data.
    Binary(Bytes),
    /// A ping that wants a pong with the same payload.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The peer closes.
    Close(Option<CloseFrame>),
}

impl Message {
    /// The text of a text message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The payload of a text or binary message.
    #[must_use]
    pub const fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Puts messages together from what the peer sends, in any chunks.
///
/// Memory is bounded by the limit on a message; a frame that promises more is refused at
/// its header. An error is final.
///
/// ```
/// use proto_wire::websocket::{Decoder, Message, Role};
///
/// let mut decoder = Decoder::new(Role::Client, 1024);
/// let mut bytes = &[0x01, 0x03, b'H', b'e', b'l', 0x80, 0x02, b'l', b'o'][..];
/// let message = decoder.feed(&mut bytes).unwrap().unwrap();
/// assert_eq!(message.text(), Some("Hello"));
/// assert!(bytes.is_empty());
/// ```
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    message_max: usize,
    header: [u8; FrameHeader::LEN_MAX],
    header_len: usize,
    /// The frame whose payload is being read, and how much of it was.
    frame: Option<(FrameHeader, u64)>,
    control: Vec<u8>,
    message: Vec<u8>,
    /// Text or binary, while a message is incomplete.
    kind: Option<Opcode>,
    failed: Option<ProtocolError>,
}

impl Decoder {
    /// A decoder for the end `role` (it reads what the other end sends), for messages of
    /// at most `message_max` bytes, all fragments together.
    #[must_use]
    pub const fn new(role: Role, message_max: usize) -> Self {
        Self {
            role,
            message_max,
            header: [0; FrameHeader::LEN_MAX],
            header_len: 0,
            frame: None,
            control: Vec::new(),
            message: Vec::new(),
            kind: None,
            failed: None,
        }
    }

    /// Takes bytes from the front of `data` up to the end of one message, and returns it;
    /// `None` when all of `data` was taken and more is needed.
    ///
    /// # Errors
    /// What the peer did wrong; the same on every later call.
    pub fn feed(&mut self, data: &mut &[u8]) -> Result<Option<Message>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.advance(data);
        if let Err(error) = result {
            self.failed = Some(error);
            (self.message, self.control) = (Vec::new(), Vec::new());
        }
        result
    }

    fn advance(&mut self, data: &mut &[u8]) -> Result<Option<Message>, ProtocolError> {
        loop {
            let (header, done) = match self.frame {
                Some(frame) => frame,
                None => match self.read_header(data)? {
                    Some(header) => (header, 0),
                    None => return Ok(None),
                },
            };
            let left = header.payload_len.saturating_sub(done);
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
            let (part, rest) = data.split_at_checked(take).unwrap_or((data, &[]));
            *data = rest;
            let into =
                if header.opcode.is_control() { &mut self.control } else { &mut self.message };
            let start = into.len();
            into.extend_from_slice(part);
            if let (Some(mask), Some(added)) = (header.mask, into.get_mut(start..)) {
                apply_mask(added, mask, done);
            }
            let done = done.saturating_add(u64::try_from(take).unwrap_or(u64::MAX));
            if done < header.payload_len {
                self.frame = Some((header, done));
                return Ok(None);
            }
            self.frame = None;
            if let Some(message) = self.end_of_frame(header)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes bytes of a header, one at a time: at most 14 of them.
    fn read_header(&mut self, data: &mut &[u8]) -> Result<Option<FrameHeader>, ProtocolError> {
        while let Some((&byte, rest)) = data.split_first() {
            *data = rest;
            if let Some(slot) = self.header.get_mut(self.header_len) {
                *slot = byte;
                self.header_len = self.header_len.saturating_add(1);
            }
            let so_far = self.header.get(..self.header_len).unwrap_or(&[]);
            if let Some((header, _)) = FrameHeader::parse(so_far)? {
                self.header_len = 0;
                self.check(header)?;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    fn check(&mut self, header: FrameHeader) -> Result<(), ProtocolError> {
        // §5.1: a client masks all frames, a server none.
        if header.mask.is_some() != (self.role == Role::Server) {
            return Err(ProtocolError::Masking);
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        // §5.4: a message begins once and goes on in continuations.
        match (header.opcode, self.kind) {
            (Opcode::Continuation, None) => return Err(ProtocolError::Fragmentation),
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(ProtocolError::Fragmentation),
            (opcode, None) => self.kind = Some(opcode),
        }
        let room = self.message_max.saturating_sub(self.message.len());
        if header.payload_len > u64::try_from(room).unwrap_or(u64::MAX) {
            return Err(ProtocolError::Limit(LimitKind::Body));
        }
        Ok(())
    }

    fn end_of_frame(&mut self, header: FrameHeader) -> Result<Option<Message>, ProtocolError> {
        if header.opcode.is_control() {
            let body = core::mem::take(&mut self.control);
            return Ok(Some(match header.opcode {
                Opcode::Ping => Message::Ping(body.into()),
                Opcode::Pong => Message::Pong(body.into()),
                _ => Message::Close(CloseFrame::parse(&body)?),
            }));
        }
        if !header.is_final {
            return Ok(None);
        }
        let payload = core::mem::take(&mut self.message);
        match self.kind.take() {
            Some(Opcode::Text) if core::str::from_utf8(&payload).is_err() => {
                Err(ProtocolError::Utf8)
            }
            Some(Opcode::Text) => Ok(Some(Message::Text(payload.into()))),
            _ => Ok(Some(Message::Binary(payload.into()))),
        }
    }
}

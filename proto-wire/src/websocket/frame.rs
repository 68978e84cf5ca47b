//! Frames (RFC 6455 §5): header, mask, close body, and the writing of messages.

use super::{ProtocolError, Role};
use crate::Rng;
use alloc::string::String;
use bytes::{BufMut, Bytes, BytesMut};
use core::fmt;

/// What a frame carries (§5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "§5.2 has these; others need an extension")]
#[repr(u8)]
pub enum Opcode {
    /// More of the message that began before.
    Continuation = 0x0,
    /// The beginning of a text message.
    Text = 0x1,
    /// The beginning of a binary message.
    Binary = 0x2,
    /// The beginning of the end.
    Close = 0x8,
    /// Are you there?
    Ping = 0x9,
    /// Yes.
    Pong = 0xA,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it is a control frame, which may stand between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The 2 to 14 bytes before the payload of a frame (§5.2).
///
/// ```
/// use proto_wire::websocket::{FrameHeader, Opcode};
///
/// let (header, len) = FrameHeader::parse(&[0x81, 0x05, b'H']).unwrap().unwrap();
/// assert_eq!((header.opcode, header.payload_len, len), (Opcode::Text, 5, 2));
/// assert_eq!(FrameHeader::parse(&[0x82, 0x7e, 1]), Ok(None), "more bytes are needed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire has these and no more")]
pub struct FrameHeader {
    /// Whether the message ends with this frame.
    pub is_final: bool,
    /// What the frame carries.
    pub opcode: Opcode,
    /// The mask of the payload, from a client.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload that follow.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The most bytes that a header has.
    pub const LEN_MAX: usize = 14;

    /// Reads a header and says how long it is; `None` when it is not all there.
    ///
    /// # Errors
    /// A header that no peer may send, as soon as its bytes show that.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBit);
        }
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(ProtocolError::Opcode(first & 0x0F))?;
        let is_final = first & 0x80 != 0;
        if opcode.is_control() && !is_final {
            return Err(ProtocolError::ControlFrame);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let short = second & 0x7F;
        if opcode.is_control() && short > 125 {
            return Err(ProtocolError::ControlFrame);
        }
        let (payload_len, rest) = match short {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*len)), rest)
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
                (u64::from_be_bytes(*len), rest)
            }
            len => (u64::from(len), rest),
        };
        // The shortest form must be used, and the highest bit is zero (§5.2).
        let shortest: u64 = match short {
            126 => 126,
            127 => 0x1_0000,
            _ => 0,
        };
        if payload_len < shortest || payload_len > i64::MAX as u64 {
            return Err(ProtocolError::Length);
        }
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (Some(*mask), rest)
        };
        let used = bytes.len().saturating_sub(rest.len());
        Ok(Some((Self { is_final, opcode, mask, payload_len }, used)))
    }

    /// Writes the header, its length in the shortest form.
    pub fn write(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(self.is_final) << 7 | self.opcode as u8);
        let masked = u8::from(self.mask.is_some()) << 7;
        let short = u8::try_from(self.payload_len).ok().filter(|short| *short < 126);
        if let Some(short) = short {
            out.put_u8(masked | short);
        } else if let Ok(medium) = u16::try_from(self.payload_len) {
            out.put_u8(masked | 126);
            out.put_u16(medium);
        } else {
            out.put_u8(masked | 127);
            out.put_u64(self.payload_len);
        }
        if let Some(mask) = self.mask {
            out.put_slice(&mask);
        }
    }
}

/// Masks or unmasks `payload`, whose first byte is byte number `at` of its frame (§5.3).
pub(super) fn apply_mask(payload: &mut [u8], mask: [u8; 4], at: u64) {
    let mut turned = mask;
    turned.rotate_left(usize::try_from(at & 3).unwrap_or(0));
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(turned) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(turned) {
        *byte ^= key;
    }
}

/// Writes messages and control frames for one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    role: Role,
    frame_max: usize,
}

impl Encoder {
    /// An encoder that sends each message in one frame.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self { role, frame_max: usize::MAX }
    }

    /// Sets how many bytes of payload a frame has at most; longer messages are fragmented
    /// (§5.4). 0 counts as 1.
    #[must_use]
    pub const fn with_frame_max(mut self, bytes: usize) -> Self {
        self.frame_max = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// One message. The mask of a client comes from `rng` (§5.3: not to be guessed).
    #[must_use]
    pub fn message(&self, is_text: bool, payload: &[u8], rng: &mut Rng) -> Bytes {
        let first = if is_text { Opcode::Text } else { Opcode::Binary };
        let mut out = BytesMut::with_capacity(payload.len().saturating_add(FrameHeader::LEN_MAX));
        let mut rest = payload;
        let mut opcode = first;
        loop {
            let (part, behind) = rest.split_at_checked(self.frame_max).unwrap_or((rest, &[]));
            self.frame(opcode, behind.is_empty(), part, rng, &mut out);
            if behind.is_empty() {
                return out.freeze();
            }
            (rest, opcode) = (behind, Opcode::Continuation);
        }
    }

    /// A ping or pong with up to 125 bytes of `payload`; what is longer is cut.
    #[must_use]
    pub fn control(&self, opcode: Opcode, payload: &[u8], rng: &mut Rng) -> Bytes {
        let payload = payload.get(..payload.len().min(125)).unwrap_or(&[]);
        let mut out = BytesMut::with_capacity(payload.len().saturating_add(6));
        self.frame(opcode, true, payload, rng, &mut out);
        out.freeze()
    }

    /// A close frame. A reason that is too long is cut at a character.
    #[must_use]
    pub fn close(&self, close: Option<&CloseFrame>, rng: &mut Rng) -> Bytes {
        let mut body = BytesMut::new();
        if let Some(close) = close {
            body.put_u16(close.code.0);
            let mut end = close.reason.len().min(123);
            while !close.reason.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            body.put_slice(close.reason.as_bytes().get(..end).unwrap_or(&[]));
        }
        self.control(Opcode::Close, &body, rng)
    }

    fn frame(
        &self,
        opcode: Opcode,
        is_final: bool,
        payload: &[u8],
        rng: &mut Rng,
        out: &mut BytesMut,
    ) {
        let mask = (self.role == Role::Client).then(|| rng.next_u32().to_be_bytes());
        let payload_len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        FrameHeader { is_final, opcode, mask, payload_len }.write(out);
        let start = out.len();
        out.put_slice(payload);
        if let (Some(mask), Some(written)) = (mask, out.get_mut(start..)) {
            apply_mask(written, mask, 0);
        }
    }
}

/// Why an end closes (§7.4): a code, and a text for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire has these two and no more")]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// A text, not for end users.
    pub reason: String,
}

impl CloseFrame {
    /// Reads the body of a close frame; `None` when it is empty.
    ///
    /// # Errors
    /// One byte, a code that may not be sent, or a reason that is not UTF-8.
    pub fn parse(body: &[u8]) -> Result<Option<Self>, ProtocolError> {
        let Some((code, reason)) = body.split_first_chunk::<2>() else {
            return if body.is_empty() { Ok(None) } else { Err(ProtocolError::Close) };
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.may_be_sent() {
            return Err(ProtocolError::Close);
        }
        let reason = core::str::from_utf8(reason).map_err(|_| ProtocolError::Utf8)?;
        Ok(Some(Self { code, reason: reason.into() }))
    }
}

/// A code in a close frame (§7.4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one number")]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server goes down, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke RFC 6455.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of data that this end cannot accept, text instead of binary for one.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A message against a policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message that is too long.
    pub const TOO_BIG: Self = Self(1009);
    /// The server ran into something unexpected.
    pub const INTERNAL_ERROR: Self = Self(1011);

    /// Whether a close frame may carry it: not 1005, 1006 and 1015, which mean the absence
    /// of a frame, and nothing that is undefined (§7.4.2; 1012 to 1014 were registered later).
    #[must_use]
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

//! What goes into one WebSocket message.

use crate::{Framer, Index, Limits, Unit};
use alloc::vec::Vec;
use core::mem::take;

/// Cuts the bytes of an RTSP connection into what goes into one WebSocket message each: an RTSP
/// message or a `$` frame.
///
/// A peer that reads WebSocket messages one by one expects no less and no more in each. Bytes
/// that cannot be cut (nobody can tell where their body ends, or they pass [`Limits::DEFAULT`])
/// go through as they come, and so does all behind them: it is not for a tunnel to judge them.
///
/// ```
/// use rtsp_proto::tunnel::Units;
///
/// let mut units = Units::new();
/// let mut messages = Vec::new();
/// units.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\0\0", |unit| messages.push(unit.to_vec()));
/// units.feed(b"\x02hi$\x01\0\0", |unit| messages.push(unit.to_vec()));
/// assert_eq!(messages, [&b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"[..], b"$\0\0\x02hi", b"$\x01\0\0"]);
/// ```
#[derive(Debug, Default)]
pub struct Units {
    framer: Framer,
    index: Index,
    /// The start of a unit whose end has not come.
    kept: Vec<u8>,
    is_lost: bool,
}

impl Units {
    /// At the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what is to be sent, and gives each unit that is whole to `each`.
    pub fn feed(&mut self, data: &[u8], mut each: impl FnMut(&[u8])) {
        if self.kept.is_empty() {
            let used = self.cut(data, &mut each);
            self.kept = data.get(used..).unwrap_or_default().to_vec();
        } else {
            let mut kept = take(&mut self.kept);
            kept.extend_from_slice(data);
            let used = self.cut(&kept, &mut each);
            drop(kept.drain(..used));
            self.kept = kept;
        }
    }

    /// How many bytes were used.
    fn cut(&mut self, data: &[u8], each: &mut impl FnMut(&[u8])) -> usize {
        let mut rest = data;
        while !rest.is_empty() && !self.is_lost {
            let unit = match self.framer.next(rest, &mut self.index, &Limits::DEFAULT) {
                Ok(Some(unit)) => unit,
                Ok(None) => return data.len().saturating_sub(rest.len()),
                Err(_) => {
                    self.is_lost = true;
                    break;
                }
            };
            let (Unit::Blank { len } | Unit::Frame { len, .. } | Unit::Message { len }) = unit;
            let (whole, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            // Empty lines mean nothing.
            if !matches!(unit, Unit::Blank { .. }) {
                each(whole);
            }
            rest = behind;
        }
        if !rest.is_empty() {
            each(rest);
        }
        data.len()
    }
}

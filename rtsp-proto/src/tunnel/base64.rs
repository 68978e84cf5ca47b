//! Base64 as it comes on a POST: cut anywhere, in lines, with padding in the middle.

use alloc::vec::Vec;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use proto_wire::{ParseError, ParseErrorKind};

/// Bits behind the last byte may be set: some devices do.
const DECODE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client writes to its POST connection for `data`: base64 with its padding, as all
/// clients do for each message.
#[must_use]
pub fn encode(data: &[u8]) -> Bytes {
    DECODE.encode(data).into()
}

/// Takes base64 in any chunks. White space is skipped wherever it stands; padding ends a
/// group of four, after which another begins (a client pads each message by itself).
///
/// ```
/// use rtsp_proto::tunnel::Base64Decoder;
///
/// let mut decoder = Base64Decoder::new();
/// let mut out = Vec::new();
/// for chunk in ["T1B", "U\r\nSQ=", "=Kg=="] {
///     decoder.feed(chunk.as_bytes(), &mut out).unwrap();
/// }
/// assert_eq!(out, b"OPTI*");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Base64Decoder {
    /// The characters of the group that is not complete, padding included.
    group: [u8; 4],
    len: usize,
    /// Bytes taken before this one.
    offset: usize,
    failed: Option<ParseError>,
}

impl Base64Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `data`, and puts what it says behind what is in `out`: at most three bytes for
    /// four of `data`.
    ///
    /// # Errors
    /// A character that is none of base64, or padding where none belongs; the offset counts
    /// from the start of the stream. What was said before it is in `out`. The same on every
    /// later call.
    pub fn feed(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), ParseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut rest = data;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.len == 0 {
                // Whole groups at once: what arrives is mostly these.
                let run = rest.iter().position(|b| !is_base64(*b)).unwrap_or(rest.len());
                let (groups, behind) = rest.split_at_checked(run & !3).unwrap_or((&[], rest));
                if !groups.is_empty() {
                    // Of valid characters in fours, so it never fails.
                    if DECODE.decode_vec(groups, out).is_err() {
                        return Err(self.fail());
                    }
                    self.offset = self.offset.saturating_add(groups.len());
                    rest = behind;
                    continue;
                }
            }
            self.take(byte, out)?;
            self.offset = self.offset.saturating_add(1);
            rest = behind;
        }
        Ok(())
    }

    /// Whether a group is incomplete: a stream should not end like this.
    #[must_use]
    pub const fn is_within_group(&self) -> bool {
        self.len != 0
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), ParseError> {
        if byte.is_ascii_whitespace() {
            return Ok(());
        }
        let is_padded = self.group.get(..self.len).is_some_and(|g| g.contains(&b'='));
        // Padding is the third and fourth character, or the fourth; nothing but padding
        // follows it in a group.
        let fits = if byte == b'=' { self.len >= 2 } else { is_base64(byte) && !is_padded };
        let Some(slot) = self.group.get_mut(self.len).filter(|_| fits) else {
            return Err(self.fail());
        };
        *slot = byte;
        self.len = self.len.saturating_add(1);
        if self.len == 4 {
            self.len = 0;
            if DECODE.decode_vec(self.group, out).is_err() {
                return Err(self.fail());
            }
        }
        Ok(())
    }

    fn fail(&mut self) -> ParseError {
        let error = ParseError::new(ParseErrorKind::Base64, self.offset);
        self.failed = Some(error);
        error
    }
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proto_wire::testing::chunks::assert_chunk_invariant;

    fn decode(data: &[u8]) -> (Vec<u8>, Result<(), ParseError>) {
        assert_chunk_invariant(data, |chunks| {
            let mut decoder = Base64Decoder::new();
            let mut out = Vec::new();
            for chunk in chunks {
                let result = decoder.feed(chunk, &mut out);
                if result.is_err() {
                    assert_eq!(decoder.feed(b"AAAA", &mut out), result, "errors stay");
                    return (out, result);
                }
            }
            (out, Ok(()))
        })
    }

    #[test]
    fn padding_line_breaks_and_cuts_stand_anywhere() {
        for (text, expected) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zg==Zm8=Zm9v", "ffofoo"),
            ("Z g\r\n=\n= Z m\t8 = ", "ffo"),
            ("Zm9vYg==\r\nYXI=", "foobar"),
            ("Zm9", ""),
            // Bits behind the last byte.
            ("Zh==", "f"),
        ] {
            assert_eq!(decode(text.as_bytes()), (expected.into(), Ok(())), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused_where_it_stands() {
        for (text, before, at) in [
            ("Zm9v$", "foo", 4),
            ("=", "", 0),
            ("Z===", "", 1),
            ("Zg=v", "", 3),
            ("Zg==\r\n=", "f", 6),
            ("Zm-v", "", 2),
            ("Zm9vGET / HTTP/1.0", "foo", 16),
        ] {
            let (out, result) = decode(text.as_bytes());
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.offset()), (ParseErrorKind::Base64, at), "{text:?}");
            assert!(out.starts_with(before.as_bytes()), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..5),
        ) {
            let text: Vec<u8> = parts.iter().flat_map(|part| encode(part)).collect();
            prop_assert_eq!(decode(&text), (parts.concat(), Ok(())));
        }
    }
}

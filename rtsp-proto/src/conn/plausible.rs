//! What can begin a message or a frame, told by as few bytes as possible.

use crate::interleaved::{HEADER_LEN, MARKER};
use crate::message::Method;
use proto_wire::text::chars;

/// Longer tokens are no methods.
const METHOD_MAX: usize = 32;
/// Longer URIs are not believed among garbage.
const URI_MAX: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// More bytes are needed to tell.
    NotYet,
}

/// Whether `buf`, which stands where a message or a frame ends, begins another one. Anything
/// that could be a method is believed.
pub(super) fn continues(buf: &[u8], frame_max: u16) -> Verdict {
    match buf {
        [] => Verdict::NotYet,
        [MARKER, _, high, low, ..] => yes_if(u16::from_be_bytes([*high, *low]) <= frame_max),
        [MARKER, ..] => Verdict::NotYet,
        [b'\r' | b'\n', ..] => Verdict::Yes,
        _ => {
            let token = buf.iter().take(METHOD_MAX).take_while(|b| chars::is_token(&[**b]));
            let len = token.count();
            match buf.get(len) {
                None => Verdict::NotYet,
                Some(b'/') => {
                    yes_if(buf.get(..len).is_some_and(|w| w.eq_ignore_ascii_case(b"RTSP")))
                }
                Some(b' ' | b'\t') => yes_if(len > 0),
                _ => Verdict::No,
            }
        }
    }
}

/// Whether `buf`, which stands among garbage, begins a message or a frame. Only what is hardly
/// ever there by chance is believed: a request line of a known method, a status line, or a
/// frame on a known channel with something at its end that goes on.
///
/// Each byte is looked at a few times at most: a URI ends at the first space, and no two
/// candidates have a URI in common.
pub(super) fn begins(buf: &[u8], frame_max: u16, known: impl Fn(u8) -> bool) -> Verdict {
    match buf {
        [] => Verdict::NotYet,
        [MARKER] => Verdict::NotYet,
        [MARKER, channel, ..] if !known(*channel) => Verdict::No,
        [MARKER, _, high, low, rest @ ..] => {
            let len = u16::from_be_bytes([*high, *low]);
            if len > frame_max {
                return Verdict::No;
            }
            match rest.get(usize::from(len)) {
                None => Verdict::NotYet,
                Some(&(MARKER | b'\r' | b'\n' | b'A'..=b'Z')) => Verdict::Yes,
                Some(_) => Verdict::No,
            }
        }
        [MARKER, ..] => Verdict::NotYet,
        [b'R', b'T', ..] => {
            matches(buf, &[Is(b"RTSP/"), Digit, Is(b"."), Digit, Is(b" "), Digit, Digit, Digit])
        }
        _ => request_line(buf),
    }
}

/// The first place in `buf` where [`begins`] could say anything but no.
pub(super) fn candidate(buf: &[u8]) -> Option<usize> {
    buf.iter()
        .position(|b| matches!(b, b'$' | b'A' | b'D' | b'G' | b'O' | b'P' | b'R' | b'S' | b'T'))
}

/// How long a frame is that begins here, when it is on a known channel; `Err` when more bytes
/// are needed to tell.
pub(super) fn frame(
    buf: &[u8],
    frame_max: u16,
    known: impl Fn(u8) -> bool,
) -> Result<Option<usize>, ()> {
    match buf {
        [MARKER, channel, ..] if !known(*channel) => Ok(None),
        [MARKER, _, high, low, ..] => {
            let len = u16::from_be_bytes([*high, *low]);
            let whole = usize::from(len).saturating_add(HEADER_LEN);
            match (len <= frame_max, buf.len() >= whole) {
                (false, _) => Ok(None),
                (true, true) => Ok(Some(whole)),
                (true, false) => Err(()),
            }
        }
        [MARKER, ..] => Err(()),
        _ => Ok(None),
    }
}

fn request_line(buf: &[u8]) -> Verdict {
    let mut verdict = Verdict::No;
    for method in Method::KNOWN {
        let name = method.name().as_bytes();
        match matches(buf, &[Is(name), Is(b" ")]) {
            Verdict::No => {}
            Verdict::NotYet => verdict = Verdict::NotYet,
            Verdict::Yes => {
                let rest = buf.get(name.len().saturating_add(1)..).unwrap_or(&[]);
                return uri_and_version(rest);
            }
        }
    }
    verdict
}

fn uri_and_version(rest: &[u8]) -> Verdict {
    let window = rest.get(..URI_MAX).unwrap_or(rest);
    match window.iter().position(|b| *b <= b' ') {
        None if rest.len() >= URI_MAX => Verdict::No,
        None => Verdict::NotYet,
        Some(0) => Verdict::No,
        Some(end) => {
            let behind = rest.get(end..).unwrap_or(&[]);
            matches(behind, &[Is(b" RTSP/"), Digit, Is(b"."), Digit])
        }
    }
}

enum Part<'a> {
    Is(&'a [u8]),
    Digit,
}
use Part::{Digit, Is};

fn matches(mut buf: &[u8], parts: &[Part<'_>]) -> Verdict {
    for part in parts {
        let len = match part {
            Is(text) => text.len(),
            Digit => 1,
        };
        let here = buf.get(..len).unwrap_or(buf);
        let fits = match part {
            Is(text) => text.starts_with(here),
            Digit => here.iter().all(u8::is_ascii_digit),
        };
        if !fits {
            return Verdict::No;
        }
        if here.len() < len {
            return Verdict::NotYet;
        }
        buf = buf.get(len..).unwrap_or(&[]);
    }
    Verdict::Yes
}

const fn yes_if(condition: bool) -> Verdict {
    if condition { Verdict::Yes } else { Verdict::No }
}

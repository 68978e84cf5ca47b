//! Deviations from RFC 8866 that are tolerated, by name.

use super::line::{Line, LineEnd, fields};
use super::session::{Bandwidth, Connection, Origin, Sdp};
use super::times::{Repeat, Timing, is_zone};
use crate::text::chars;
use thiserror::Error;

/// A deviation from RFC 8866.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum Quirk {
    /// A line ends with LF alone.
    #[error("a line ends without CR")]
    BareLf,
    /// A line ends with CR alone.
    #[error("a line ends without LF")]
    BareCr,
    /// The last line has no end.
    #[error("the last line has no end")]
    NoFinalLineEnd,
    /// White space at an end of a line or of its value.
    #[error("white space at the end of a line or beside its `=`")]
    OuterSpace,
    /// A line that is not a letter, `=` and a value.
    #[error("not a letter, `=` and a value")]
    NotALine,
    /// A letter that RFC 8866 does not know, or not here.
    #[error("a line of a kind that does not belong here")]
    UnknownKind,
    /// Lines in another order than RFC 8866 §5 has.
    #[error("lines are out of order")]
    Order,
    /// A line that may stand once stands again.
    #[error("a line that may stand once stands again")]
    Repeated,
    /// A value without text where some must be.
    #[error("the value is empty")]
    EmptyValue,
    /// A value that is not UTF-8.
    #[error("the value is not UTF-8")]
    NotUtf8,
    /// A value that does not follow the grammar of its line.
    #[error("the value does not follow its grammar")]
    Malformed,
    /// An address type other than `IP4` and `IP6`.
    #[error("the address type is neither IP4 nor IP6")]
    AddressType,
    /// No `v=` line.
    #[error("there is no v= line")]
    NoVersion,
    /// No `o=` line.
    #[error("there is no o= line")]
    NoOrigin,
    /// No `s=` line.
    #[error("there is no s= line")]
    NoName,
    /// No `t=` line.
    #[error("there is no t= line")]
    NoTiming,
    /// A medium without an address, nor one of the session.
    #[error("a medium has no c= line, nor has the session")]
    NoConnection,
}

/// The order of lines in the session part and in a medium (RFC 8866 §5).
const SESSION_ORDER: &[u8] = b"vosiuepcbtrzka";
const MEDIA_ORDER: &[u8] = b"micbka";

pub(super) fn visit(sdp: Sdp<'_>, mut visit: impl FnMut(Quirk, usize)) {
    let mut place = 0_usize;
    let mut in_media = false;
    let mut seen = [false; 128];
    for line in sdp.lines() {
        let mut note = |quirk| visit(quirk, line.offset);
        whole_line(&line, &mut note);
        if line.kind == 0 {
            note(Quirk::NotALine);
            continue;
        }
        if line.kind == b'm' {
            in_media = true;
            place = 0;
            seen = [false; 128];
        }
        let order = if in_media { MEDIA_ORDER } else { SESSION_ORDER };
        match order.iter().position(|kind| *kind == line.kind) {
            None => note(Quirk::UnknownKind),
            // Each time description (t= with its r=) may stand again.
            Some(at) if at < place && !(line.kind == b't' && is_timing(order, place)) => {
                note(Quirk::Order);
            }
            Some(at) => place = place.max(at),
        }
        let slot = seen.get_mut(usize::from(line.kind));
        if let Some(slot) = slot {
            let once = b"vosiuzk".contains(&line.kind) || (line.kind == b'c' && !in_media);
            if *slot && once {
                note(Quirk::Repeated);
            }
            *slot = true;
        }
        if let Some(quirk) = value_quirk(&line) {
            note(quirk);
        }
    }
    missing(sdp, visit);
}

fn is_timing(order: &[u8], place: usize) -> bool {
    matches!(order.get(place), Some(b't' | b'r'))
}

fn whole_line(line: &Line<'_>, note: &mut impl FnMut(Quirk)) {
    match line.end {
        LineEnd::CrLf => {}
        LineEnd::Lf => note(Quirk::BareLf),
        LineEnd::Cr => note(Quirk::BareCr),
        LineEnd::None => note(Quirk::NoFinalLineEnd),
    }
    let prefix = if line.kind == 0 { 0 } else { 2_usize };
    if line.raw.len() != line.value.len().saturating_add(prefix) {
        note(Quirk::OuterSpace);
    }
    if core::str::from_utf8(line.value).is_err() {
        note(Quirk::NotUtf8);
    }
}

fn value_quirk(line: &Line<'_>) -> Option<Quirk> {
    let value = line.value;
    if value.is_empty() {
        return Some(Quirk::EmptyValue);
    }
    let good = match line.kind {
        b'v' => value == b"0",
        b'o' => {
            let origin = Origin::parse(value);
            if origin.is_some_and(|o| !is_address_type(o.addr_type)) {
                return Some(Quirk::AddressType);
            }
            origin.is_some_and(|o| {
                let number = |text: &str| chars::parse_u64(text.as_bytes()).is_some();
                !o.username.is_empty()
                    && !o.username.contains(' ')
                    && number(o.session_id)
                    && number(o.session_version)
            })
        }
        b'c' => {
            let connection = Connection::parse(value);
            if connection.is_some_and(|c| !is_address_type(c.addr_type)) {
                return Some(Quirk::AddressType);
            }
            connection.is_some() && fields(value).count() == 3
        }
        b'b' => Bandwidth::parse(value).is_some(),
        b't' => Timing::parse(value).is_some() && fields(value).count() == 2,
        b'r' => Repeat::parse(value).is_some(),
        b'z' => is_zone(value),
        b'm' => is_media(value),
        b'a' => value.first() != Some(&b':'),
        _ => true,
    };
    (!good).then_some(Quirk::Malformed)
}

fn is_address_type(text: &str) -> bool {
    matches!(text, "IP4" | "IP6")
}

fn is_media(value: &[u8]) -> bool {
    let mut parts = fields(value);
    let (kind, port, protocol) = (parts.next(), parts.next(), parts.next());
    let port = port.is_some_and(|port| {
        port.split('/').count() <= 2
            && port.split('/').all(|n| chars::parse_u16(n.as_bytes()).is_some())
    });
    kind.is_some_and(|kind| chars::is_token(kind.as_bytes()))
        && port
        && protocol.is_some()
        && parts.next().is_some()
}

fn missing(sdp: Sdp<'_>, mut visit: impl FnMut(Quirk, usize)) {
    for (kind, quirk) in [
        (b'v', Quirk::NoVersion),
        (b'o', Quirk::NoOrigin),
        (b's', Quirk::NoName),
        (b't', Quirk::NoTiming),
    ] {
        if !sdp.session_lines().any(|line| line.kind == kind) {
            visit(quirk, 0);
        }
    }
    let session = sdp.session_lines().any(|line| line.kind == b'c');
    for media in sdp.media() {
        if !session && !media.lines().any(|line| line.kind == b'c') {
            visit(Quirk::NoConnection, media.line().offset);
        }
    }
}

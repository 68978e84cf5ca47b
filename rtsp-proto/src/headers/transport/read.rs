//! Reading transports: one pass over each, in any order, whatever devices write.

use super::{
    ChannelPair, ConnectionReuse, ConnectionSetup, Delivery, LowerTransport, Mode, PortPair,
    RtpProfile, Transport,
};
use crate::headers::bytes::{
    closed_quote, is_in, leading_number, number, offset_in, quoted_end, table, trim, unquote,
};
use proto_wire::{ParseError, ParseErrorKind};

/// Where a parameter, its name or a specification may end.
static STOPS: [bool; 256] = table(b";,=\"");

impl<'a> Transport<'a> {
    /// Reads one specification into this, up to a comma when it is one of a `list`; where
    /// it ends, and what was wrong.
    #[inline]
    pub(super) fn read(&mut self, bytes: &'a [u8], list: bool) -> (usize, Result<(), ParseError>) {
        let mut wrong = None;
        let (mut at, mut has_id, mut lower_given) = self.read_usual(bytes);
        // At the end already, unless the usual has no place in it.
        let mut more = !has_id || at < bytes.len();
        while more {
            let start = at;
            let mut equals = None;
            let last = loop {
                match bytes.get(at) {
                    Some(b) if !is_in(&STOPS, *b) => {}
                    None => break true,
                    Some(b';') => break false,
                    Some(b',') if list => break true,
                    Some(b'"') => {
                        at = quoted_end(bytes, at);
                        continue;
                    }
                    Some(b'=') => {
                        equals.get_or_insert(at);
                    }
                    Some(_) => {}
                }
                at = at.wrapping_add(1);
            };
            let name = trim(bytes.get(start..equals.unwrap_or(at)).unwrap_or(&[]));
            if let Some(equals) = equals {
                let value = trim(bytes.get(equals.wrapping_add(1)..at).unwrap_or(&[]));
                if let Err(kind) = self.param(name, value) {
                    wrong.get_or_insert_with(|| ParseError::new(kind, offset_in(bytes, value)));
                }
            } else if !has_id && name.contains(&b'/') {
                has_id = true;
                lower_given = self.set_id(name);
                let is_other =
                    self.profile == RtpProfile::Other || self.lower == LowerTransport::Other;
                if is_other && !super::is_plain_id(name) {
                    // It is written back as it was read, and would be read as something else.
                    let kind = ParseErrorKind::Syntax;
                    wrong.get_or_insert_with(|| ParseError::new(kind, offset_in(bytes, name)));
                }
            } else {
                self.flag(name);
            }
            if last {
                break;
            }
            at = at.wrapping_add(1);
            more = true;
        }
        self.raw = trim(bytes.get(..at).unwrap_or(&[]));
        if !lower_given && self.interleaved.is_some() {
            // `RTP/AVP;interleaved=0-1`: only TCP can be meant.
            self.lower = LowerTransport::Tcp;
        }
        let result = match wrong {
            Some(wrong) => Err(wrong),
            None if !has_id => Err(ParseError::new(ParseErrorKind::Syntax, 0)),
            None => Ok(()),
        };
        (at, result)
    }

    /// Takes what a specification begins with nearly always: the id, `unicast`, the ports or
    /// channels. Says where it stopped, before the semicolon-separated part that comes next
    /// or at the end; whether it took the id; and whether that named a lower transport.
    #[inline]
    fn read_usual(&mut self, bytes: &'a [u8]) -> (usize, bool, bool) {
        let Some(rest) = bytes.strip_prefix(b"RTP/AVP") else { return (0, false, false) };
        let (rest, lower, lower_given) = match rest {
            [b'/', b'T', b'C', b'P', rest @ ..] => (rest, LowerTransport::Tcp, true),
            [b'/', b'U', b'D', b'P', rest @ ..] => (rest, LowerTransport::Udp, true),
            rest => (rest, LowerTransport::Udp, false),
        };
        let Some(mut rest) = next_part(rest) else { return (0, false, false) };
        self.lower = lower;
        if let Some(behind) = rest.strip_prefix(b"unicast").and_then(next_part) {
            self.delivery = Some(Delivery::Unicast);
            rest = behind;
        }
        if let Some(value) = rest.strip_prefix(b"client_port=") {
            if let Some((first, second, behind)) = usual_pair::<u16>(value) {
                self.client_port = Some(PortPair::new(first, Some(second)));
                rest = behind;
            }
        } else if let Some(value) = rest.strip_prefix(b"interleaved=") {
            if let Some((rtp, rtcp, behind)) = usual_pair::<u8>(value) {
                self.interleaved = Some(ChannelPair { rtp, rtcp: Some(rtcp) });
                rest = behind;
            }
        }
        (bytes.len().wrapping_sub(rest.len()), true, lower_given)
    }

    /// Takes the transport id apart; says whether a lower transport was given.
    fn set_id(&mut self, id: &[u8]) -> bool {
        match id {
            // What a fresh value is already.
            b"RTP/AVP" => return false,
            b"RTP/AVP/UDP" => return true,
            b"RTP/AVP/TCP" => {
                self.lower = LowerTransport::Tcp;
                return true;
            }
            _ => {}
        }
        let mut parts = id.split(|b| *b == b'/');
        let first = parts.next().unwrap_or(&[]);
        // One device puts garbage before `RTP`.
        let rtp = first
            .len()
            .checked_sub(3)
            .and_then(|at| first.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(b"RTP"));
        self.profile = match parts.next() {
            Some(p) if rtp && p.eq_ignore_ascii_case(b"AVP") => RtpProfile::Avp,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"AVPF") => RtpProfile::Avpf,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"SAVP") => RtpProfile::Savp,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"SAVPF") => RtpProfile::Savpf,
            _ => RtpProfile::Other,
        };
        let lower = parts.next();
        self.lower = match lower {
            None | Some(b"") => LowerTransport::Udp,
            Some(l) if l.eq_ignore_ascii_case(b"UDP") => LowerTransport::Udp,
            Some(l) if l.eq_ignore_ascii_case(b"TCP") => LowerTransport::Tcp,
            Some(_) => LowerTransport::Other,
        };
        lower.is_some()
    }

    fn flag(&mut self, name: &[u8]) {
        if name == b"unicast" || name.eq_ignore_ascii_case(b"unicast") {
            self.delivery = Some(Delivery::Unicast);
        } else if name.eq_ignore_ascii_case(b"multicast") {
            self.delivery = Some(Delivery::Multicast);
        } else if name.eq_ignore_ascii_case(b"append") {
            self.append = true;
        } else if name.eq_ignore_ascii_case(b"RTCP-mux") {
            self.rtcp_mux = true;
        }
    }

    /// Takes a parameter; only a number that decides where media goes can be wrong.
    #[inline]
    fn param(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ParseErrorKind> {
        // As it is spelled nearly always; then in any case.
        if name == b"client_port" {
            self.client_port = Some(ports(value).ok_or(ParseErrorKind::Port)?);
        } else if name == b"interleaved" {
            self.interleaved = Some(channels(value).ok_or(ParseErrorKind::Number)?);
        } else {
            return self.other_param(name, value);
        }
        Ok(())
    }

    fn other_param(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ParseErrorKind> {
        let port = || ports(value).ok_or(ParseErrorKind::Port);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        // By length first: most names then need one comparison.
        match name.len() {
            3 if is(b"ttl") => self.ttl = number(value).and_then(|n| u8::try_from(n).ok()),
            4 if is(b"mode") => self.mode = mode(value),
            4 if is(b"port") => self.port = Some(port()?),
            4 if is(b"ssrc") => self.ssrc = ssrc(value),
            5 if is(b"setup") => self.setup = connection_setup(value),
            5 if is(b"MIKEY") => self.mikey = Some(said(value)),
            6 if is(b"layers") => {
                self.layers = number(value).and_then(|n| u32::try_from(n).ok());
            }
            6 if is(b"source") => self.source = Some(said(value)),
            8 if is(b"src_addr") => self.src_addr = Some(value),
            9 if is(b"dest_addr") => self.dest_addr = Some(value),
            10 if is(b"connection") => self.connection = connection_reuse(value),
            11 if is(b"client_port") => self.client_port = Some(port()?),
            11 if is(b"server_port") => self.server_port = Some(port()?),
            11 if is(b"destination") => self.destination = Some(said(value)),
            11 if is(b"interleaved") => {
                self.interleaved = Some(channels(value).ok_or(ParseErrorKind::Number)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The specifications of one Transport line, in order of preference.
///
/// ```
/// use rtsp_proto::headers::{Delivery, Transports};
///
/// let mut offers = Transports::new(b"RTP/AVP;multicast;ttl=127, RTP/AVP/TCP;interleaved=0-1");
/// assert_eq!(offers.next().unwrap().unwrap().delivery, Some(Delivery::Multicast));
/// assert!(offers.next().unwrap().unwrap().is_interleaved());
/// assert!(offers.next().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transports<'a> {
    whole: &'a [u8],
    rest: Option<&'a [u8]>,
}

impl<'a> Transports<'a> {
    /// The specifications in `value`.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { whole: value, rest: Some(value) }
    }
}

impl<'a> Iterator for Transports<'a> {
    type Item = Result<Transport<'a>, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let mut transport = Transport::default();
            let (end, result) = transport.read(rest, true);
            self.rest = rest.get(end.wrapping_add(1)..);
            match result {
                Ok(()) => return Some(Ok(transport)),
                // Nothing between two commas.
                Err(_) if transport.raw.is_empty() => {}
                Err(error) => return Some(Err(error.at(offset_in(self.whole, rest)))),
            }
        }
    }
}

/// What follows a part that ends here: nothing, or what stands behind the semicolon.
#[inline]
fn next_part(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        // An empty part at the end is for the long way.
        [b';', rest @ ..] if !rest.is_empty() => Some(rest),
        _ => None,
    }
}

/// `8000-8001` and what follows the part.
#[inline]
fn usual_pair<T: TryFrom<u64>>(value: &[u8]) -> Option<(T, T, &[u8])> {
    let (first, rest) = leading_number(value)?;
    let (second, rest) = leading_number(rest.strip_prefix(b"-")?)?;
    Some((T::try_from(first).ok()?, T::try_from(second).ok()?, next_part(rest)?))
}

fn split_dash(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match value.iter().position(|b| *b == b'-') {
        Some(i) => (
            trim(value.get(..i).unwrap_or(&[])),
            Some(trim(value.get(i.wrapping_add(1)..).unwrap_or(&[]))),
        ),
        None => (value, None),
    }
}

#[inline]
fn ports(value: &[u8]) -> Option<PortPair> {
    // As it is written nearly always: `8000-8001`.
    if let Some((rtp, [b'-', rest @ ..])) = leading_number(value) {
        if let Some((rtcp, [])) = leading_number(rest) {
            let rtcp = u16::try_from(rtcp).ok()?;
            return Some(PortPair::new(u16::try_from(rtp).ok()?, Some(rtcp)));
        }
    }
    other_ports(value)
}

/// What a value says that is one quoted string, even if a device forgot one of its quotes, or the value as it
/// is: quotes taken from around several strings would leave others at the ends, and what is written would be
/// read as something else each time.
fn said(value: &[u8]) -> &[u8] {
    let inner = unquote(value);
    if !inner.contains(&b'"') || closed_quote(value, 0) == Some(value.len()) {
        return inner;
    }
    value
}

fn other_ports(value: &[u8]) -> Option<PortPair> {
    let (first, second) = split_dash(unquote(value));
    let port = |digits| number(digits).and_then(|n| u16::try_from(n).ok());
    let second = match second {
        None | Some(b"") => None,
        Some(digits) => Some(port(digits)?),
    };
    Some(PortPair::new(port(first)?, second))
}

fn channels(value: &[u8]) -> Option<ChannelPair> {
    let (first, second) = split_dash(unquote(value));
    let channel = |digits| number(digits).and_then(|n| u8::try_from(n).ok());
    let rtcp = match second {
        None | Some(b"") => None,
        Some(digits) => Some(channel(digits)?),
    };
    Some(ChannelPair { rtp: channel(first)?, rtcp })
}

/// Eight hexadecimal digits by the grammar. Devices write spaces before, `0x`, five to
/// seven digits; four or fewer and more than eight are junk that means "learn it from the
/// first packet".
fn ssrc(value: &[u8]) -> Option<u32> {
    let value = unquote(value);
    // 2.0 lists several, separated by slashes; the first is RTP's.
    let first = value.split(|b| *b == b'/').next().unwrap_or(value);
    let digits = trim(first);
    let digits =
        digits.strip_prefix(b"0x").or_else(|| digits.strip_prefix(b"0X")).unwrap_or(digits);
    if !(5..=8).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, b| {
        let digit = char::from(*b).to_digit(16)?;
        Some(sum.wrapping_shl(4) | digit)
    })
}

fn mode(value: &[u8]) -> Mode {
    let mut mode = Mode::default();
    for name in unquote(value).split(|b| matches!(b, b',' | b' ')) {
        let name = unquote(trim(name));
        mode.play |= name.eq_ignore_ascii_case(b"PLAY");
        mode.record |=
            name.eq_ignore_ascii_case(b"RECORD") || name.eq_ignore_ascii_case(b"receive");
    }
    mode
}

fn connection_setup(value: &[u8]) -> Option<ConnectionSetup> {
    [
        (&b"active"[..], ConnectionSetup::Active),
        (b"passive", ConnectionSetup::Passive),
        (b"actpass", ConnectionSetup::ActPass),
    ]
    .iter()
    .find(|(name, _)| value.eq_ignore_ascii_case(name))
    .map(|(_, setup)| *setup)
}

fn connection_reuse(value: &[u8]) -> Option<ConnectionReuse> {
    [(&b"new"[..], ConnectionReuse::New), (b"existing", ConnectionReuse::Existing)]
        .iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name))
        .map(|(_, reuse)| *reuse)
}

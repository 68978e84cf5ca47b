//! Where a request came from, noted in its topmost Via (RFC 3261 §18.2.1, RFC 3581 §4).

use super::build::write_number;
use super::edit::{EditError, digits};
use super::{HeaderName, Request, RequestBuf};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use proto_wire::Span;
use proto_wire::head::Entry;
use proto_wire::text::chars;

impl Request<'_> {
    /// The request with its source noted as [`Edits::note_source`] does it. `forged` says whether there
    /// may be something to replace: without that all that changes is the end of the topmost Via, which
    /// a server does to each request, so it has a short way.
    pub(crate) fn with_source(
        self,
        received: IpAddr,
        rport: Option<u16>,
        forged: bool,
    ) -> Result<RequestBuf, EditError> {
        let by_edits = || {
            let mut edits = self.edit();
            edits.note_source(Some(received), rport)?.to_request()
        };
        let noted = if forged { None } else { self.with_source_at_end(received, rport) };
        let Some(noted) = noted else { return by_edits() };
        debug_assert_eq!(by_edits().as_ref(), Ok(&noted));
        Ok(noted)
    }

    fn with_source_at_end(self, received: IpAddr, rport: Option<u16>) -> Option<RequestBuf> {
        let old = self.index;
        let place = old.place(HeaderName::VIA.id()).filter(|_| old.is_plain())?;
        let (before, from_via) = old.entries().split_at_checked(place)?;
        let (via, behind) = from_via.split_first()?;
        let value = via.value().of(self.bytes);
        if value.is_empty() || chars::contains(value, b',') {
            return None;
        }
        let (end, by) = (via.value().end(), source_len(Some(received), rport));
        let (head, rest) = self.bytes.get(..old.message().end())?.split_at_checked(end)?;
        let mut out = Vec::with_capacity(old.message().end().checked_add(by)?);
        out.extend_from_slice(head);
        write_source(&mut out, Some(received), rport);
        out.extend_from_slice(rest);
        let mut entries = Vec::with_capacity(old.entries().len());
        entries.extend_from_slice(before);
        let value = Span::new(via.value().start(), end.checked_add(by)?);
        entries.push(Entry::of_written(via.name(), value, via.id()));
        let by = i32::try_from(by).ok()?;
        entries.extend(behind.iter().map(|entry| entry.moved(by)));
        let index = old.with_rows(entries, by, out.len(), old.places);
        Some(RequestBuf::from_parts(Bytes::from(out), index))
    }
}

/// How long `;received=a;rport=n` is.
pub(super) fn source_len(received: Option<IpAddr>, rport: Option<u16>) -> usize {
    let count = |n: u16| {
        [10, 100, 1_000, 10_000]
            .iter()
            .fold(1_usize, |len, least| len.wrapping_add(usize::from(n >= *least)))
    };
    let address = match received {
        None => 0,
        Some(IpAddr::V4(v4)) => v4.octets().iter().fold(b";received=...".len(), |len, octet| {
            len.saturating_add(count(u16::from(*octet)))
        }),
        Some(IpAddr::V6(v6)) => alloc::format!(";received=[{v6}]").len(),
    };
    address.saturating_add(rport.map_or(0, |port| count(port).saturating_add(b";rport=".len())))
}

fn write_octet(out: &mut Vec<u8>, octet: u8) {
    match digits(octet) {
        ([a, b, c], 3) => out.extend_from_slice(&[a, b, c]),
        ([a, b, _], 2) => out.extend_from_slice(&[a, b]),
        ([a, ..], _) => out.push(a),
    }
}

pub(super) fn write_source(out: &mut Vec<u8>, received: Option<IpAddr>, rport: Option<u16>) {
    match received {
        None => {}
        Some(IpAddr::V6(v6)) => {
            out.extend_from_slice(alloc::format!(";received=[{v6}]").as_bytes());
        }
        Some(IpAddr::V4(v4)) => {
            out.extend_from_slice(b";received=");
            let [a, b, c, d] = v4.octets();
            write_octet(out, a);
            for octet in [b, c, d] {
                out.push(b'.');
                write_octet(out, octet);
            }
        }
    }
    if let Some(port) = rport {
        out.extend_from_slice(b";rport=");
        write_number(out, usize::from(port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for number in (0..=usize::from(u16::MAX)).chain([usize::MAX]) {
            let mut out = Vec::new();
            write_number(&mut out, number);
            assert_eq!(out, format!("{number}").into_bytes());
        }
    }

    /// The short way of a server and the list of edits write the same.
    #[test]
    fn a_source_is_noted_in_the_short_way_as_by_edits() {
        let vias = [
            "Via: SIP/2.0/UDP a;branch=z9hG4bK1",
            "v:SIP/2.0/UDP a;branch=z9hG4bK1",
            "Via: SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b;branch=z9hG4bK2",
            "Via: SIP/2.0/UDP a\r\n ;branch=z9hG4bK1",
            "X-One: 1\r\nVia: SIP/2.0/UDP a \r\nVia: SIP/2.0/UDP b",
            "Via: ",
            "X-None: 1",
        ];
        let sources = ["9.10.255.0", "192.0.2.100", "2001:db8::1"].map(|a| a.parse().unwrap());
        for via in vias {
            let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{via}\r\nX-Last: 1\r\nl: 2\r\n\r\nhi");
            let request = RequestBuf::parse(text.into_bytes()).unwrap();
            for source in sources {
                for rport in [None, Some(9), Some(5060), Some(u16::MAX)] {
                    let mut edits = request.view().edit();
                    let noted = edits.note_source(Some(source), rport);
                    let expected = noted.and_then(|edits| edits.to_request());
                    let short = request.view().with_source(source, rport, false);
                    assert_eq!(short, expected, "{via}");
                    if let Ok(short) = short {
                        let again = RequestBuf::parse(short.as_bytes().to_vec()).unwrap();
                        assert_eq!(short, again, "{via}");
                    }
                }
            }
        }
    }
}

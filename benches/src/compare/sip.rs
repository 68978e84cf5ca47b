//! SIP: the index of a message, and the view that a proxy needs on top of it.
//!
//! *Index*: how many headers, the Call-ID, how long the body is.
//! *Proxy view*: of every Via the host, port and branch; From host and tag; To host; the CSeq
//! number; the Call-ID; the Contact host.

use super::{Row, Set, Sink};
use crate::inputs::sip as inputs;
use crate::side;
use proto_wire::Limits;
use proto_wire::text::host::Host;
use sip_proto::headers::{CSeq, CallId, Contact, From, NameAddr, To, Via};
use sip_proto::{HeaderName, Index, Message, Uri};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &sets() {
        let name = format!("sip/index/{}", set.name);
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), index);
            rows.push(Row { name: name.clone(), peer, items: set.messages.len(), ours, theirs });
        };
        row("httparse", side!(set, httparse::as_http, httparse::index));
        row("rsip", side!(set, <[u8]>::to_vec, rsip::index));
        row("rsipstack", side!(set, <[u8]>::to_vec, rsipstack::index));
        row("sipx-sip", side!(set, sipx::as_bytes, sipx::index));
    }
    for set in &sets() {
        let name = format!("sip/proxy/{}", set.name);
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), proxy);
            rows.push(Row { name: name.clone(), peer, items: set.messages.len(), ours, theirs });
        };
        row("rsip", side!(set, <[u8]>::to_vec, rsip::proxy));
        row("rsipstack", side!(set, <[u8]>::to_vec, rsipstack::proxy));
        row("sipx-sip", side!(set, sipx::as_bytes, sipx::proxy));
    }
    rows
}

pub(super) fn index(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let message = Message::parse_datagram(message, index, &Limits::DEFAULT).expect("parses");
    let headers = message.headers();
    sink.number(headers.len() as u64);
    sink.text(headers.bytes(HeaderName::CALL_ID).expect("a Call-ID"));
    sink.number(message.body().len() as u64);
}

pub(super) fn proxy(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let message = Message::parse_datagram(message, index, &Limits::DEFAULT).expect("parses");
    let headers = message.headers().as_text();
    for via in headers.values::<Via<'_>>() {
        let via = via.expect("a Via");
        sink.value(&via.sent_by.host);
        sink.number(via.sent_by.port.map_or(0, u64::from));
        sink.text(via.branch().expect("a branch"));
    }
    let from = headers.typed::<From<'_>>().expect("a From").expect("a From");
    sink.value(&host(&from));
    sink.text(from.tag().expect("a tag").as_bytes());
    let to = headers.typed::<To<'_>>().expect("a To").expect("a To");
    sink.value(&host(&to));
    let cseq = headers.typed::<CSeq<'_>>().expect("a CSeq").expect("a CSeq");
    sink.number(u64::from(cseq.number));
    let call_id = headers.typed::<CallId<'_>>().expect("a Call-ID").expect("a Call-ID");
    sink.text(call_id.0.as_bytes());
    let contact = headers.typed::<Contact<'_>>().expect("a Contact").expect("a Contact");
    sink.value(&host(contact.address().expect("an address")));
}

fn host<'a>(address: &NameAddr<'a>) -> Host<'a> {
    match address.uri() {
        Ok(Uri::Sip(uri)) => uri.host,
        other => panic!("a SIP URI, not {other:?}"),
    }
}

/// `httparse`, as a yardstick: it knows no SIP, so it gets the same message with an HTTP start line.
pub mod httparse {
    use super::Sink;

    /// The same message with `HTTP/1.1` for `SIP/2.0`: one byte longer.
    #[must_use]
    pub fn as_http(message: &[u8]) -> Vec<u8> {
        let end = message.iter().position(|byte| *byte == b'\r').expect("a start line");
        let start = std::str::from_utf8(&message[..end]).expect("ASCII");
        let mut http =
            start.replace("SIP/2.0", "HTTP/1.1").replace("RTSP/1.0", "HTTP/1.1").into_bytes();
        http.extend_from_slice(&message[end..]);
        http
    }

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let mut headers = [::httparse::EMPTY_HEADER; 32];
        let (end, found): (_, &[::httparse::Header<'_>]) = if message.starts_with(b"HTTP/") {
            let mut response = ::httparse::Response::new(&mut headers);
            (response.parse(message).expect("parses").unwrap(), response.headers)
        } else {
            let mut request = ::httparse::Request::new(&mut headers);
            (request.parse(message).expect("parses").unwrap(), request.headers)
        };
        sink.number(found.len() as u64);
        let call_id = found.iter().find(|header| header.name.eq_ignore_ascii_case("call-id"));
        sink.text(call_id.expect("a Call-ID").value);
        sink.number((message.len() - end) as u64);
    }
}

/// `rsip` 0.4.
pub mod rsip {
    use super::Sink;
    use ::rsip::headers::ToTypedHeader as _;
    use ::rsip::message::{HasHeaders as _, HeadersExt as _};
    use ::rsip::prelude::UntypedHeader as _;
    use ::rsip::{Header, SipMessage};

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let message = SipMessage::try_from(message).expect("parses");
        sink.number(message.headers().iter().count() as u64);
        sink.text(message.call_id_header().expect("a Call-ID").value().as_bytes());
        sink.number(message.body().len() as u64);
    }

    /// Proxy view.
    pub fn proxy(message: &[u8], sink: &mut impl Sink) {
        let message = SipMessage::try_from(message).expect("parses");
        for header in message.headers().iter() {
            if let Header::Via(via) = header {
                let via = via.typed().expect("a Via");
                let at = &via.uri.host_with_port;
                sink.value(&at.host);
                sink.number(at.port.as_ref().map_or(0, |port| u64::from(*port.value())));
                sink.text(via.branch().expect("a branch").value().as_bytes());
            }
        }
        let from = message.from_header().expect("a From").typed().expect("a From");
        sink.value(&from.uri.host_with_port.host);
        sink.text(from.tag().expect("a tag").value().as_bytes());
        let to = message.to_header().expect("a To").typed().expect("a To");
        sink.value(&to.uri.host_with_port.host);
        let cseq = message.cseq_header().expect("a CSeq").typed().expect("a CSeq");
        sink.number(u64::from(cseq.seq));
        sink.text(message.call_id_header().expect("a Call-ID").value().as_bytes());
        let contact = message.contact_header().expect("a Contact").typed().expect("a Contact");
        sink.value(&contact.uri.host_with_port.host);
    }
}

/// `rsipstack` 0.7, its own parser.
pub mod rsipstack {
    use super::Sink;
    use ::rsipstack::sip::prelude::{HasHeaders as _, HeadersExt as _, ToTypedHeader as _};
    use ::rsipstack::sip::{Header, SipMessage};

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let message = SipMessage::try_from(message).expect("parses");
        sink.number(message.headers().len() as u64);
        sink.text(message.call_id_header().expect("a Call-ID").value().as_bytes());
        let body = match &message {
            SipMessage::Request(request) => request.body(),
            SipMessage::Response(response) => response.body(),
        };
        sink.number(body.len() as u64);
    }

    /// Proxy view.
    pub fn proxy(message: &[u8], sink: &mut impl Sink) {
        let message = SipMessage::try_from(message).expect("parses");
        for header in message.headers().iter() {
            if let Header::Via(via) = header {
                let via = via.typed().expect("a Via");
                let at = &via.uri.host_with_port;
                sink.value(&at.host);
                sink.number(at.port.as_ref().map_or(0, |port| u64::from(port.value())));
                sink.text(via.branch().expect("a branch").value().as_bytes());
            }
        }
        let from = message.from_header().expect("a From").typed().expect("a From");
        sink.value(&from.uri.host_with_port.host);
        sink.text(from.tag().expect("a tag").value().as_bytes());
        let to = message.to_header().expect("a To").typed().expect("a To");
        sink.value(&to.uri.host_with_port.host);
        let cseq = message.cseq_header().expect("a CSeq").typed().expect("a CSeq");
        sink.number(u64::from(cseq.seq));
        sink.text(message.call_id_header().expect("a Call-ID").value().as_bytes());
        let contact = message.contact_header().expect("a Contact").typed().expect("a Contact");
        sink.value(&contact.uri.host_with_port.host);
    }
}

/// `sipx-sip` 1.0.
pub mod sipx {
    use super::Sink;
    use bytes::Bytes;
    use core::fmt;
    use sipx_sip::headers::{CSeq, CallId, Contact, From, To, Via};
    use sipx_sip::uri::Host;
    use sipx_sip::{Limits, Message, parse_datagram};

    /// As a transport would hold it.
    #[must_use]
    pub fn as_bytes(message: &[u8]) -> Bytes {
        Bytes::copy_from_slice(message)
    }

    /// Index.
    pub fn index(message: &Bytes, sink: &mut impl Sink) {
        let message = parse(message);
        sink.number(message.headers().len() as u64);
        sink.text(&message.headers().typed::<CallId>().expect("a Call-ID").expect("a Call-ID").0);
        sink.number(message.body().len() as u64);
    }

    /// Proxy view.
    pub fn proxy(message: &Bytes, sink: &mut impl Sink) {
        let message = parse(message);
        let headers = message.headers();
        for via in headers.typed_all::<Via>() {
            let via = via.expect("a Via");
            sink.value(&Shown(&via.host));
            sink.number(via.port.map_or(0, u64::from));
            sink.text(via.branch().expect("a branch"));
        }
        let from = headers.typed::<From>().expect("a From").expect("a From");
        sink.value(&Shown(from.uri.host().expect("a host")));
        sink.text(from.tag().expect("a tag"));
        let to = headers.typed::<To>().expect("a To").expect("a To");
        sink.value(&Shown(to.uri.host().expect("a host")));
        sink.number(u64::from(headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq").sequence));
        sink.text(&headers.typed::<CallId>().expect("a Call-ID").expect("a Call-ID").0);
        let contact = headers.typed::<Contact>().expect("a Contact").expect("a Contact");
        sink.value(&Shown(contact.uri.host().expect("a host")));
    }

    fn parse(message: &Bytes) -> Message {
        parse_datagram(message.clone(), &Limits::datagram()).expect("parses")
    }

    struct Shown<'a>(&'a Host);

    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&String::from_utf8_lossy(&self.0.to_bytes()))
        }
    }
}

pub(super) fn sets() -> [Set; 5] {
    [
        Set::one("invite", inputs::invite()),
        Set::one("message", inputs::message()),
        Set::one("200ok", inputs::ok()),
        Set::one("register", inputs::register()),
        Set::varied(inputs::varied()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The peers among themselves: whoever differs is not doing like work.
    #[test]
    fn peers_agree() {
        for set in sets() {
            let index = side!(set, <[u8]>::to_vec, rsip::index).found;
            assert_eq!(index, side!(set, httparse::as_http, httparse::index).found);
            assert_eq!(index, side!(set, <[u8]>::to_vec, rsipstack::index).found);
            assert_eq!(index, side!(set, sipx::as_bytes, sipx::index).found);
            let proxy = side!(set, <[u8]>::to_vec, rsip::proxy).found;
            assert_eq!(proxy, side!(set, <[u8]>::to_vec, rsipstack::proxy).found);
            assert_eq!(proxy, side!(set, sipx::as_bytes, sipx::proxy).found);
        }
    }
}

//! SIP beside more peers; the rows are those of [`super::sip`].

use super::sip::{index, proxy, sets};
use super::{Row, Sink};
use crate::side;
use sip_proto::Index;

/// The rows of this file.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &sets() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), index);
            let name = format!("sip/index/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("rsiprtp", side!(set, <[u8]>::to_vec, rsiprtp::index));
        row("ezk-sip-types", side!(set, <[u8]>::to_vec, ezk::index));
        row("parsip", side!(set, <[u8]>::to_vec, parsip::index));
    }
    for set in &sets() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), proxy);
            let name = format!("sip/proxy/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("rsiprtp", side!(set, <[u8]>::to_vec, rsiprtp::proxy));
        row("ezk-sip-types", side!(set, <[u8]>::to_vec, ezk::proxy));
    }
    rows
}

/// `rsiprtp` 0.4: the parser under its stack, which is not part of its documented interface.
pub mod rsiprtp {
    use super::Sink;
    use ::rsiprtp::sip::parser::typed::Contact;
    use ::rsiprtp::sip::parser::{Headers, Message};

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let message = Message::parse(message).expect("parses");
        let (headers, body) = parts(&message);
        sink.number(headers.len() as u64);
        sink.text(headers.get_first_value("Call-ID").expect("a Call-ID").as_bytes());
        sink.number(body.len() as u64);
    }

    /// Proxy view.
    pub fn proxy(message: &[u8], sink: &mut impl Sink) {
        let message = Message::parse(message).expect("parses");
        let (headers, _) = parts(&message);
        for via in headers.get_all("Via") {
            let via = via.typed_via().expect("a Via").expect("a Via");
            // It keeps host and port together.
            let (host, port) = via.sent_by.rsplit_once(':').unwrap_or((&via.sent_by, "0"));
            sink.value(&host);
            sink.number(port.parse().expect("a port"));
            sink.text(via.branch().expect("a branch").as_bytes());
        }
        let from = headers.get_first("From").expect("a From").typed_from();
        let from = from.expect("a From").expect("a From");
        sink.value(&from.uri.host());
        sink.text(from.tag().expect("a tag").as_bytes());
        let to = headers.get_first("To").expect("a To").typed_to().expect("a To").expect("a To");
        sink.value(&to.uri.host());
        let cseq = headers.get_first("CSeq").expect("a CSeq").typed_cseq();
        sink.number(u64::from(cseq.expect("a CSeq").expect("a CSeq").seq));
        sink.text(headers.get_first_value("Call-ID").expect("a Call-ID").as_bytes());
        let contact = headers.get_first("Contact").expect("a Contact").typed_contact();
        let Contact::Addr(contact) = contact.expect("a Contact").expect("a Contact") else {
            panic!("an address")
        };
        sink.value(&contact.uri.host());
    }

    fn parts(message: &Message) -> (&Headers, &[u8]) {
        match message {
            Message::Request(request) => (&request.headers, &request.body),
            Message::Response(response) => (&response.headers, &response.body),
        }
    }
}

/// `ezk-sip-types` 0.6, line by line as `ezk-sip-core` takes a datagram.
pub mod ezk {
    use super::Sink;
    use bytes::Bytes;
    use ezk_sip_types::header::typed::{CSeq, CallID, Contact, FromTo, Via};
    use ezk_sip_types::msg::{Line, MessageLine, PullParser};
    use ezk_sip_types::parse::Parse as _;
    use ezk_sip_types::{Headers, Name};

    fn parse(message: &[u8]) -> (Headers, usize) {
        let message = Bytes::copy_from_slice(message);
        let mut parser = PullParser::new(&message, 0);
        let mut lines = parser.by_ref().map(|line| {
            core::str::from_utf8(line.unwrap_or_else(|_| panic!("whole"))).expect("text")
        });
        let start = lines.next().expect("a start line");
        let (_, _start) = MessageLine::parse(&message)(start).expect("a start line");
        let mut headers = Headers::new();
        for line in lines {
            let (_, line) = Line::parse(&message, line).expect("a header");
            headers.insert(line.name, line.value);
        }
        let body = message.len() - parser.head_end();
        (headers, body)
    }

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let (headers, body) = parse(message);
        sink.number(headers.iter().count() as u64);
        let call_id = headers.get_raw(&Name::CALL_ID).next().expect("a Call-ID");
        sink.text(call_id.as_bytes());
        sink.number(body as u64);
    }

    /// Proxy view.
    pub fn proxy(message: &[u8], sink: &mut impl Sink) {
        let (headers, _) = parse(message);
        for via in headers.get_named::<Vec<Via>>().expect("a Via") {
            sink.value(&via.sent_by.host);
            sink.number(via.sent_by.port.map_or(0, u64::from));
            sink.text(via.params.get_val("branch").expect("a branch").as_bytes());
        }
        let from = headers.get::<FromTo>(Name::FROM).expect("a From");
        sink.value(&from.uri.uri.host_port.host);
        sink.text(from.tag.as_ref().expect("a tag").as_bytes());
        let to = headers.get::<FromTo>(Name::TO).expect("a To");
        sink.value(&to.uri.uri.host_port.host);
        sink.number(u64::from(headers.get_named::<CSeq>().expect("a CSeq").cseq));
        sink.text(headers.get_named::<CallID>().expect("a Call-ID").0.as_bytes());
        let contact = headers.get_named::<Contact>().expect("a Contact");
        sink.value(&contact.uri.uri.host_port.host);
    }
}

/// `parsip` 0.1: names and values only.
pub mod parsip {
    use super::Sink;
    use ::parsip::{EMPTY_HEADER, IResult, Request, Response};

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let mut headers = [EMPTY_HEADER; 32];
        let (rest, headers) = if message.starts_with(b"SIP/") {
            let mut response = Response::new(&mut headers);
            let IResult::Done(rest, _) = response.parse(message) else { panic!("parses") };
            (rest, response.headers)
        } else {
            let mut request = Request::new(&mut headers);
            let IResult::Done(rest, _) = request.parse(message) else { panic!("parses") };
            (rest, request.headers)
        };
        sink.number(headers.len() as u64);
        let call_id = headers.iter().find(|header| header.name.eq_ignore_ascii_case("call-id"));
        sink.text(call_id.expect("a Call-ID").value);
        sink.number(rest.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_agree() {
        for set in sets() {
            let index = side!(set, <[u8]>::to_vec, rsiprtp::index).found;
            assert_eq!(index, side!(set, <[u8]>::to_vec, ezk::index).found);
            assert_eq!(index, side!(set, <[u8]>::to_vec, parsip::index).found);
            let proxy = side!(set, <[u8]>::to_vec, rsiprtp::proxy).found;
            assert_eq!(proxy, side!(set, <[u8]>::to_vec, ezk::proxy).found);
        }
    }
}

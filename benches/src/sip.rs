//! Operations of the area `sip`.

use crate::Op;
use crate::inputs::sip as inputs;
use proto_wire::text::host::Host;
use proto_wire::{Instant, Limits, Output, Seed};
use sip_proto::endpoint::{Config, Endpoint, Listener, SipEvent, SipInput};
use sip_proto::headers::{CSeq, CallId, Contact, From, NameAddr, To, Via};
use sip_proto::stream::{Framed, Framer};
use sip_proto::{HeaderName, Index, Message, StatusCode, Transport, Uri};
use std::hint::black_box;
use std::net::SocketAddr;

/// The operations of this area.
pub const OPS: &[Op] = &[
    Op {
        name: "sip/index/invite",
        items: 1,
        allocates: false,
        make: || one(inputs::invite, index),
    },
    Op {
        name: "sip/index/message",
        items: 1,
        allocates: false,
        make: || one(inputs::message, index),
    },
    Op { name: "sip/index/200ok", items: 1, allocates: false, make: || one(inputs::ok, index) },
    Op {
        name: "sip/index/register",
        items: 1,
        allocates: false,
        make: || one(inputs::register, index),
    },
    Op { name: "sip/index/varied", items: 1_024, allocates: false, make: || varied(index) },
    Op {
        name: "sip/proxy/invite",
        items: 1,
        allocates: false,
        make: || one(inputs::invite, proxy),
    },
    Op { name: "sip/proxy/varied", items: 1_024, allocates: false, make: || varied(proxy) },
    Op {
        name: "sip/validate/invite",
        items: 1,
        allocates: false,
        make: || one(inputs::invite, validate),
    },
    Op { name: "sip/own/invite", items: 1, allocates: true, make: || one(inputs::invite, own) },
    Op { name: "sip/forward/invite", items: 1, allocates: false, make: forward },
    Op { name: "sip/frame/varied", items: 1_024, allocates: true, make: frame },
    Op { name: "sip/transaction/message", items: 1, allocates: true, make: || transaction(false) },
    Op { name: "sip/again/message", items: 1, allocates: true, make: || transaction(true) },
];

type Work = fn(&[u8], &mut Index) -> u64;

fn one(message: fn() -> Vec<u8>, work: Work) -> crate::Run {
    let (message, mut scratch) = (message(), Index::new());
    Box::new(move || work(&message, &mut scratch))
}

fn varied(work: Work) -> crate::Run {
    let (messages, mut scratch) = (inputs::varied(), Index::new());
    Box::new(move || messages.iter().map(|message| work(message, &mut scratch)).sum())
}

fn parse<'a>(message: &'a [u8], scratch: &'a mut Index) -> Message<'a> {
    Message::parse_datagram(message, scratch, &Limits::DEFAULT).expect("parses")
}

fn index(message: &[u8], scratch: &mut Index) -> u64 {
    let message = parse(message, scratch);
    message.headers().len() as u64 + message.body().len() as u64
}

/// What a proxy reads: all Via, From, To, CSeq, Call-ID, Contact.
fn proxy(message: &[u8], scratch: &mut Index) -> u64 {
    let headers = parse(message, scratch).headers().as_text();
    let mut sum = 0;
    for via in headers.values::<Via<'_>>() {
        let via = via.expect("a Via");
        black_box(via.sent_by.host);
        sum += via.sent_by.port.map_or(0, u64::from);
        sum += via.branch().expect("a branch").len() as u64;
    }
    let from = headers.typed::<From<'_>>().expect("a From").expect("a From");
    black_box(host(&from));
    sum += from.tag().expect("a tag").len() as u64;
    black_box(host(&headers.typed::<To<'_>>().expect("a To").expect("a To")));
    sum += u64::from(headers.typed::<CSeq<'_>>().expect("a CSeq").expect("a CSeq").number);
    sum += headers.typed::<CallId<'_>>().expect("a Call-ID").expect("a Call-ID").0.len() as u64;
    let contact = headers.typed::<Contact<'_>>().expect("a Contact").expect("a Contact");
    black_box(host(contact.address().expect("an address")));
    sum
}

fn host<'a>(address: &NameAddr<'a>) -> Host<'a> {
    match address.uri() {
        Ok(Uri::Sip(uri)) => uri.host,
        other => panic!("a SIP URI, not {other:?}"),
    }
}

fn validate(message: &[u8], scratch: &mut Index) -> u64 {
    let message = parse(message, scratch);
    message.validate().expect("valid");
    message.headers().len() as u64
}

fn own(message: &[u8], scratch: &mut Index) -> u64 {
    let owned = parse(message, scratch).to_buf();
    owned.view().headers().bytes(HeaderName::CALL_ID).expect("a Call-ID").len() as u64
}

/// What a proxy writes: a Via on top, Max-Forwards less one, into memory that is kept.
fn forward() -> crate::Run {
    let (message, mut scratch, mut out) = (inputs::invite(), Index::new(), Vec::new());
    Box::new(move || {
        let Message::Request(request) = parse(&message, &mut scratch) else { panic!("a request") };
        out.clear();
        let mut edits = request.edit();
        edits
            .push_via("SIP/2.0/UDP proxy.example.com;branch=z9hG4bK87asdks7.1")
            .and_then(|edits| edits.decrement_max_forwards())
            .and_then(|edits| edits.write_to(&mut out))
            .expect("can be edited");
        out.len() as u64
    })
}

/// The varied messages as one stream, in pieces of 1,400 bytes.
fn frame() -> crate::Run {
    let stream: Vec<u8> = inputs::varied().concat();
    Box::new(move || {
        let mut framer = Framer::new(Limits::DEFAULT);
        let mut sum = 0;
        for piece in stream.chunks(1400) {
            framer.push(piece);
            while let Some(item) = framer.next_item() {
                if let Framed::Message(message) = item.expect("frames") {
                    sum += message.view().body().len() as u64;
                }
            }
        }
        sum
    })
}

/// A server transaction from its datagram to its end, or (`again`) one retransmission within it.
fn transaction(again: bool) -> crate::Run {
    let local: SocketAddr = ([192, 0, 2, 1], 5060).into();
    let remote: SocketAddr = ([192, 0, 2, 7], 5060).into();
    let config = Config::new([Listener::new(Transport::Udp, local)]);
    let mut endpoint = Endpoint::new(Instant::ZERO, config.into(), Seed::from_u64(1));
    let data = inputs::message();
    let mut at = 0_u64;
    let mut started = false;
    Box::new(move || {
        if !again {
            at += 33;
        }
        let now = Instant::from_secs(at);
        // The transaction before this one has ended by now.
        endpoint.handle_timeout(now);
        endpoint.handle_input(now, SipInput::Datagram { local, remote, data: &data });
        let mut sent = 0;
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => sent += transmit.payload.len() as u64,
                Output::Event(SipEvent::Request { id, .. }) => {
                    let reply = endpoint.reply(id, StatusCode::OK).expect("a reply");
                    endpoint.respond(now, id, &reply.build().expect("a reply")).expect("is sent");
                }
                Output::Event(_) => {}
            }
        }
        // The first run makes the transaction and tells more; count what each run has in common.
        started |= sent > 0;
        sent + u64::from(started)
    })
}

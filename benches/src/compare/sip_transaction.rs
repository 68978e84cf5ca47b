//! SIP machines beside `sipx-sip`: a MESSAGE from its datagram to its 200 and the end of its
//! transaction, a retransmission absorbed, and a request built from its fields.
//!
//! What is found: the start line of what is sent, and how often the user was told of a request.

use super::{Row, Set, Sink};
use crate::inputs::sip as inputs;
use crate::side;
use core::net::SocketAddr;
use proto_wire::{Instant, Output, Seed};
use sip_proto::endpoint::{Config, Endpoint, Listener, SipEvent, SipInput};
use sip_proto::{HeaderName, Method, RequestBuf, StatusCode, Transport};

/// The rows of this file.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &[Set::one("message", inputs::message()), Set::varied(inputs::varied_messages())] {
        let mut row = |what, ours, theirs| {
            let name = format!("{what}/{}", set.name);
            rows.push(Row { name, peer: "sipx-sip", items: set.messages.len(), ours, theirs });
        };
        row(
            "sip/transaction",
            side!(set, <[u8]>::to_vec, Ours::new(), whole),
            side!(set, sipx::as_bytes, sipx::Theirs::new(), sipx::whole),
        );
        row(
            "sip/again",
            side!(set, <[u8]>::to_vec, Ours::new(), again),
            side!(set, sipx::as_bytes, sipx::Theirs::new(), sipx::again),
        );
        row(
            "sip/build",
            side!(set, inputs::fields, build),
            side!(set, inputs::fields, sipx::build),
        );
    }
    rows
}

/// An endpoint and its time.
struct Ours {
    endpoint: Endpoint,
    now: u64,
}

const LOCAL: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);
const REMOTE: ([u8; 4], u16) = ([192, 0, 2, 7], 5060);

impl Ours {
    fn new() -> Self {
        let config = Config::new([Listener::new(Transport::Udp, LOCAL.into())]);
        Self { endpoint: Endpoint::new(Instant::ZERO, config.into(), Seed::from_u64(1)), now: 0 }
    }

    fn take(&mut self, data: &[u8], sink: &mut impl Sink) {
        let now = Instant::from_secs(self.now);
        let (local, remote): (SocketAddr, SocketAddr) = (LOCAL.into(), REMOTE.into());
        self.endpoint.handle_input(now, SipInput::Datagram { local, remote, data });
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(sent) => sink.text(&sent.payload[..16]),
                Output::Event(SipEvent::Request { id, .. }) => {
                    let reply = self.endpoint.reply(id, StatusCode::OK).expect("a reply");
                    let reply = reply.build().expect("a reply");
                    self.endpoint.respond(now, id, &reply).expect("is sent");
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// 33 seconds for each message: the transaction before it ends then (timer J, 32 s).
fn whole(message: &[u8], kept: &mut Ours, sink: &mut impl Sink) {
    kept.now += 33;
    kept.endpoint.handle_timeout(Instant::from_secs(kept.now));
    kept.take(message, sink);
}

/// Time stands still: what comes a second time is a retransmission. Each message comes twice at
/// first, so that what is measured is only that.
fn again(message: &[u8], kept: &mut Ours, sink: &mut impl Sink) {
    kept.take(message, sink);
}

/// A request out of its fields.
fn build(fields: &inputs::Fields, sink: &mut impl Sink) {
    let mut builder = RequestBuf::build(Method::Message, &fields.uri);
    for (name, value) in &fields.headers {
        builder = builder.header(HeaderName::from_bytes(name.as_bytes()).expect("a name"), value);
    }
    let built = builder.body(&fields.content_type, fields.body.clone()).build().expect("a message");
    sink.text(&built.as_bytes()[..8]);
    sink.number(built.as_bytes().len() as u64);
}

/// `sipx-sip` 1.0: parser, transaction layer, builders.
pub mod sipx {
    use super::{Sink, inputs};
    pub use crate::compare::sip::sipx::as_bytes;
    use bytes::Bytes;
    use sipx_sip::transaction::{Dispatch, Output, Reliability, Timer, Timers, TransactionLayer};
    use sipx_sip::{
        HeaderName, Limits, Message, Method, RequestBuilder, ResponseBuilder, StatusCode, Uri,
        parse_datagram,
    };

    /// A layer of transactions.
    #[derive(Debug)]
    pub struct Theirs {
        layer: TransactionLayer,
    }

    impl Theirs {
        /// An empty one.
        #[must_use]
        pub fn new() -> Self {
            Self { layer: TransactionLayer::new(Timers::default()) }
        }
    }

    impl Default for Theirs {
        fn default() -> Self {
            Self::new()
        }
    }

    /// A transaction from beginning to end.
    pub fn whole(datagram: &Bytes, kept: &mut Theirs, sink: &mut impl Sink) {
        if let Some(key) = take(datagram, kept, sink) {
            // Timer J fires.
            let _ended = kept.layer.on_timer(&key, Timer::J);
        }
    }

    /// A retransmission.
    pub fn again(datagram: &Bytes, kept: &mut Theirs, sink: &mut impl Sink) {
        take(datagram, kept, sink);
    }

    fn take(
        datagram: &Bytes,
        kept: &mut Theirs,
        sink: &mut impl Sink,
    ) -> Option<sipx_sip::transaction::TransactionKey> {
        let message = parse_datagram(datagram.clone(), &Limits::datagram()).expect("parses");
        match kept.layer.receive(message, Reliability::Unreliable) {
            Dispatch::Created { key, .. } => {
                let request = kept.layer.server_request(&key).expect("a request");
                let ok = StatusCode::new(200).expect("a code");
                let reply = ResponseBuilder::to_request(request, ok, &b"OK"[..]).expect("a reply");
                let outputs = kept.layer.send_response(&key, reply.build());
                sent(&outputs, sink);
                Some(key)
            }
            Dispatch::Matched { outputs, .. } => {
                sent(&outputs, sink);
                None
            }
            Dispatch::Unmatched(_) => panic!("a transaction"),
        }
    }

    fn sent(outputs: &[Output], sink: &mut impl Sink) {
        for output in outputs {
            if let Output::Send(message) = output {
                sink.text(&message.to_bytes()[..16]);
            }
        }
    }

    /// A request out of its fields.
    pub fn build(fields: &inputs::Fields, sink: &mut impl Sink) {
        let uri = Uri::parse(Bytes::copy_from_slice(fields.uri.as_bytes())).expect("a URI");
        let mut builder = RequestBuilder::new(Method::Message, uri);
        for (name, value) in &fields.headers {
            let name = HeaderName::parse(&Bytes::copy_from_slice(name.as_bytes()));
            let value = Bytes::copy_from_slice(value.as_bytes());
            builder = builder.header(name, value).expect("a value");
        }
        let content_type = Bytes::copy_from_slice(fields.content_type.as_bytes());
        let builder = builder.header(HeaderName::ContentType, content_type).expect("a value");
        let built = Message::Request(builder.body(fields.body.clone()).build()).to_bytes();
        sink.text(&built[..8]);
        sink.number(built.len() as u64);
    }
}

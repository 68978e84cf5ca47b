//! Targets of the area `sip`.
//!
//! - `sip_parse`: any datagram is read or refused; spans lie inside, every typed header is read
//!   or refused with an offset inside, forwarding by splices gives a message again, and what the
//!   framer says about its length the parser says too.
//! - `sip_uri`: a URI that is read is equivalent to itself, and so is what it prints.
//! - `sip_chunks`: a stream gives the same items, errors and offsets in any chunking, and buffers
//!   no more than its limits.
//! - `sip_differential`: what other crates read of a message (feature `peers-sip`) this one reads too.
//! - `sip_via`, `sip_addresses`, .. in `sip_headers.rs`: one for each family of headers.
//! - `sip_home` in `sip_home.rs`: registrar and proxy of one domain.
//! - `sip_proxy`, `sip_stun` in `sip_proxy.rs`: a stateful proxy, and STUN on its port.
//! - `sip_machine`: an endpoint survives any bytes and any order of operations, keeps its
//!   limits, never spins, and ends every transaction in time.

use crate::Target;
pub use crate::sip_dialog::{sip_call, sip_offers, sip_simple, sip_typed};
pub use crate::sip_headers::{
    sip_addresses, sip_auth, sip_dialogs, sip_features, sip_numbers, sip_texts, sip_tokens,
    sip_via, sip_words,
};
pub use crate::sip_home::sip_home;
pub use crate::sip_peers::sip_differential;
pub use crate::sip_proxy::{sip_proxy, sip_stun};
use core::net::SocketAddr;
use proto_wire::testing::chunks::{bytewise, cut, random, whole};
use proto_wire::{Instant, Limits, Output, Seed};
use sip_proto::endpoint::{Config, Endpoint, FlowId, Listener, SipEvent, SipInput, Target as To};
use sip_proto::headers::{
    Allow, CSeq, CallId, Contact, ContentType, Expires, From, MaxForwards, RecordRoute, Require,
    RetryAfter, Route, Supported, Via,
};
use sip_proto::message::{Screen, Strictness};
use sip_proto::stream::{Framed, Framer};
use sip_proto::{
    HeaderName, Index, Message, Request, RequestBuf, StatusCode, Transport, TypedHeader, Uri,
};

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("sip_parse", sip_parse),
    ("sip_uri", sip_uri),
    ("sip_chunks", sip_chunks),
    ("sip_machine", sip_machine),
    ("sip_call", sip_call),
    ("sip_offers", sip_offers),
    ("sip_typed", sip_typed),
    ("sip_simple", sip_simple),
    ("sip_differential", sip_differential),
    ("sip_via", sip_via),
    ("sip_addresses", sip_addresses),
    ("sip_numbers", sip_numbers),
    ("sip_tokens", sip_tokens),
    ("sip_words", sip_words),
    ("sip_texts", sip_texts),
    ("sip_dialogs", sip_dialogs),
    ("sip_auth", sip_auth),
    ("sip_features", sip_features),
    ("sip_home", sip_home),
    ("sip_proxy", sip_proxy),
    ("sip_stun", sip_stun),
];

const LIMITS: Limits = Limits::DEFAULT
    .with_head_max(2048)
    .with_line_max(512)
    .with_header_count_max(24)
    .with_body_max(1024);

/// The bytes are one datagram.
pub fn sip_parse(data: &[u8]) {
    let mut index = Index::new();
    let message = match Message::parse_datagram(data, &mut index, &LIMITS) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error}");
            return;
        }
    };
    let bytes = message.as_bytes();
    assert!(bytes.len() <= data.len() && message.body().len() <= LIMITS.body_max);
    for field in message.headers().iter() {
        assert!(field.offset() + field.bytes().len() <= data.len());
    }
    typed::<Via<'_>>(message, data.len());
    typed::<From<'_>>(message, data.len());
    typed::<sip_proto::headers::To<'_>>(message, data.len());
    typed::<CSeq<'_>>(message, data.len());
    typed::<CallId<'_>>(message, data.len());
    typed::<Contact<'_>>(message, data.len());
    typed::<MaxForwards>(message, data.len());
    typed::<Expires>(message, data.len());
    typed::<RetryAfter>(message, data.len());
    typed::<ContentType<'_>>(message, data.len());
    typed::<Route<'_>>(message, data.len());
    typed::<RecordRoute<'_>>(message, data.len());
    typed::<Allow<'_>>(message, data.len());
    typed::<Supported<'_>>(message, data.len());
    typed::<Require<'_>>(message, data.len());
    if let Err(objection) = message.validate() {
        assert!(objection.error.offset() <= data.len(), "{objection}");
        assert!((400..700).contains(&objection.status.as_u16()));
    }
    for diagnostic in message.diagnostics() {
        assert!(diagnostic.offset <= data.len(), "{diagnostic:?}");
    }
    if let Message::Request(request) = message {
        for screen in [Screen::proxy(), Screen::default().with_strictness(Strictness::Strict)] {
            if let Err(objection) = request.validate_for(&screen) {
                assert!(objection.error.offset() <= data.len(), "{objection}");
            }
        }
        // What strictness accepts, tolerance accepts.
        assert!(request.validate_as(Strictness::Strict).is_err() || request.validate().is_ok());
        forward(request);
    }
    agree(message, bytes);
}

fn typed<'a, T: TypedHeader<'a>>(message: Message<'a>, len: usize) {
    let rows = message.headers().rows(T::NAME).count();
    let mut good = 0;
    for value in message.headers().values::<T>() {
        match value {
            Ok(_) => good += 1,
            Err(error) => assert!(error.offset() <= len, "{}: {error}", T::NAME),
        }
    }
    assert!(T::NAME.is_list() || good <= rows);
    if let Ok(Some(_)) = message.headers().typed::<T>() {
        assert!(rows > 0);
    }
}

/// A push and a count-down change nothing else.
fn forward(request: Request<'_>) {
    let before: Vec<(String, Vec<u8>)> = rows(request);
    let mut edits = request.edit();
    edits.push_via("SIP/2.0/UDP h;branch=z9hG4bKfuzz").expect("legal");
    let counted = edits.decrement_max_forwards().is_ok();
    let Ok(bytes) = edits.to_bytes() else { panic!("two edits of different places") };
    let Ok(after) = RequestBuf::parse(bytes) else {
        // Only a message at its limits may be beyond the default ones now.
        return;
    };
    let after = rows(after.view());
    let pushed = before.len()
        + 1
        + usize::from(counted && request.headers().first(HeaderName::MAX_FORWARDS).is_none());
    assert_eq!(after.len(), pushed);
    assert_eq!(
        request.body().len(),
        request.edit().to_bytes().map_or(0, |b| b.len())
            - (request.as_bytes().len() - request.body().len())
    );
}

fn rows(request: Request<'_>) -> Vec<(String, Vec<u8>)> {
    request.headers().iter().map(|f| (f.name().to_owned(), f.bytes().to_vec())).collect()
}

/// What the datagram parser accepts with a Content-Length, the framer ends at the same byte.
fn agree(message: Message<'_>, bytes: &[u8]) {
    let sound = match message {
        Message::Request(r) => r.defect().is_none(),
        Message::Response(r) => r.defect().is_none(),
    };
    let quirks = match message {
        Message::Request(r) => r.quirks(),
        Message::Response(r) => r.quirks(),
    };
    // A CR alone ends a head only when something follows it, which `bytes` has no more.
    let whole_head = !quirks.contains(proto_wire::head::Quirk::NoEmptyLine)
        && !quirks.contains(proto_wire::head::Quirk::BareCr);
    if !(sound && whole_head && message.headers().first(HeaderName::CONTENT_LENGTH).is_some()) {
        return;
    }
    let mut framer = Framer::new(LIMITS);
    framer.push(bytes);
    match framer.next_item() {
        Some(Ok(Framed::Message(framed))) => assert_eq!(framed.view().as_bytes(), bytes),
        other => panic!("the framer says {other:?}"),
    }
    assert_eq!(framer.buffered(), 0);
}

/// The bytes are a URI, or two with a line end between them.
pub fn sip_uri(data: &[u8]) {
    let mut parts = data.splitn(2, |b| *b == b'\n');
    let (a, b) = (parts.next().unwrap_or(&[]), parts.next().unwrap_or(&[]));
    let Ok(a) = Uri::parse(a) else { return };
    assert!(a.equivalent(&a), "{a}");
    let printed = a.to_string();
    assert!(Uri::parse(printed.as_bytes()).is_ok_and(|again| again.equivalent(&a)));
    if let Some(sip) = a.as_sip() {
        assert_eq!(sip.address_key(), sip.address_key());
        let _odd = sip.first_oddity();
    }
    if let Ok(b) = Uri::parse(b) {
        assert_eq!(a.equivalent(&b), b.equivalent(&a), "{a} {b}");
        // Equivalent addresses have one key, unless their scheme or port tells them apart.
        if let (true, Some(x), Some(y)) = (a.equivalent(&b), a.as_sip(), b.as_sip()) {
            assert_eq!(x.address_key(), y.address_key(), "{a} {b}");
        }
    }
}

/// The bytes are a stream.
pub fn sip_chunks(data: &[u8]) {
    let middle = data.iter().map(|b| usize::from(*b)).sum::<usize>() % (data.len() + 1);
    let all = [whole(data), bytewise(data), random(data, data.len() as u64), cut(data, middle)];
    let mut first = None;
    for chunks in all {
        let mut framer = Framer::new(LIMITS);
        let mut seen = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(item) = framer.next_item() {
                seen.push((framer.item_offset(), item));
            }
            if framer.is_open() {
                assert!(
                    framer.buffered() <= LIMITS.head_max + LIMITS.body_max,
                    "{}",
                    framer.buffered()
                );
            }
        }
        let errors = seen.iter().filter(|(_, item)| item.is_err()).count();
        assert!(errors <= 1 && (errors == 0 || seen.last().is_some_and(|(_, item)| item.is_err())));
        match &first {
            None => first = Some(seen),
            Some(first) => assert_eq!(*first, seen),
        }
    }
}

/// Each operation is a byte and what it needs; the rest of the bytes are messages.
pub fn sip_machine(data: &[u8]) {
    let local: SocketAddr = ([192, 0, 2, 1], 5060).into();
    let remote: SocketAddr = ([192, 0, 2, 7], 5060).into();
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, local));
    let config = Config::new(listeners)
        .with_limits(LIMITS)
        .with_transactions_max(8)
        .with_flows_max(2)
        .with_queue_max(4);
    let mut endpoint = Endpoint::new(Instant::ZERO, config.into(), Seed::from_u64(1));
    let own = RequestBuf::build(sip_proto::Method::Invite, "sip:b@h")
        .header(HeaderName::FROM, "<sip:a@h>;tag=1")
        .header(HeaderName::TO, "<sip:b@h>")
        .header(HeaderName::CALL_ID, "1")
        .header(HeaderName::CSEQ, "1 INVITE")
        .build()
        .expect("legal");
    let mut now = Instant::ZERO;
    let mut known = Vec::new();
    let mut closed = 0_usize;
    let mut opened = 0_usize;
    for part in data.split(|b| *b == 0xff).take(64) {
        let Some((operation, rest)) = part.split_first() else { continue };
        match operation % 12 {
            0..=3 => endpoint.handle_input(now, SipInput::Datagram { local, remote, data: rest }),
            4 => endpoint.handle_input(now, SipInput::Stream { flow: FlowId(1), data: rest }),
            5 => {
                let flow = FlowId(u64::from(*operation) / 12);
                opened += 1;
                endpoint.handle_input(
                    now,
                    SipInput::FlowOpened {
                        flow,
                        transport: Transport::Tcp,
                        local,
                        remote,
                        connect: None,
                    },
                );
            }
            6 => endpoint.handle_input(
                now,
                SipInput::FlowClosed { flow: FlowId(u64::from(*operation) / 12) },
            ),
            7 => {
                let target = if rest.is_empty() {
                    To::Flow(FlowId(1))
                } else {
                    To::Address(Transport::Udp, remote)
                };
                // Refusals are legal at any time.
                let _refused = endpoint.request(now, own.view(), target).is_err();
            }
            8 => {
                now = now
                    .saturating_add(core::time::Duration::from_millis(u64::from(*operation) * 40));
                endpoint.handle_timeout(now);
            }
            9 => {
                if let Some(id) = known.pop() {
                    let status =
                        StatusCode::new(100 + u16::from(*operation) * 2).unwrap_or(StatusCode::OK);
                    if let Ok(Ok(reply)) = endpoint.reply(id, status).map(|r| r.build()) {
                        let _refused = endpoint.respond(now, id, &reply).is_err();
                    }
                }
            }
            10 => {
                if let Some(id) = known.pop() {
                    let _refused = endpoint.cancel(now, id).is_err();
                }
            }
            _ => {
                let _refused = endpoint.ping(now, FlowId(1)).is_err();
            }
        }
        // 8, and a CANCEL for each of them.
        assert!(endpoint.transactions() <= 2 * 8 && endpoint.flows() <= 2);
        closed += drain(&mut endpoint, &mut known);
    }
    assert!(closed <= opened, "a stream is closed once");
    // What waits for a user ends when the user answers; all else ends by itself.
    for id in core::mem::take(&mut known) {
        if let Ok(Ok(reply)) = endpoint.reply(id, StatusCode::OK).map(|r| r.build()) {
            let _ended = endpoint.respond(now, id, &reply).is_err();
        }
    }
    for _ in 0..10_000 {
        let _more = drain(&mut endpoint, &mut known);
        let Some(at) = endpoint.poll_timeout() else { break };
        endpoint.handle_timeout(at);
        assert!(endpoint.poll_timeout().is_none_or(|next| next > at), "spins");
    }
    assert_eq!(endpoint.poll_timeout(), None, "timers without end");
}

fn drain(endpoint: &mut Endpoint, known: &mut Vec<sip_proto::endpoint::TransactionId>) -> usize {
    let mut closed = 0;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit(transmit) => assert!(!transmit.payload.is_empty()),
            Output::Event(SipEvent::Request { id, request, .. }) => {
                assert_eq!(request.view().validate(), Ok(()));
                known.push(id);
            }
            Output::Event(SipEvent::Response { id, .. }) => known.push(id),
            Output::Event(SipEvent::FlowClosed { .. }) => closed += 1,
            Output::Event(_) => {}
        }
    }
    closed
}

//! Beside parsers in C, through `c/*.c`: libosip2 and Sofia-SIP read what a proxy reads, libexpat counts
//! elements. They allocate with `malloc`, which the column of allocations does not see.
//!
//! GStreamer's RTSP messages have no row: its parser reads from a connection only, byte by byte. Kamailio's and
//! PJSIP's parsers come without a library of their own in Debian. `c/` holds a program for each of the three.
#![allow(unsafe_code, reason = "calls into C")]

use super::{Row, Set, Sink};
use crate::inputs::xmpp as inputs;
use crate::side;
use core::ffi::{c_char, c_int, c_void};
use proto_wire::Limits;
use sip_proto::headers::{CSeq, CallId, Contact, From, NameAddr, To, Via};
use sip_proto::{Index, Message, Uri};
use xmpp_proto::xml::{Scanner, XmlLimits};

/// `struct sink` of `c/peers.h`.
#[repr(C)]
struct CSink {
    context: *mut c_void,
    text: unsafe extern "C" fn(*mut c_void, *const c_char, usize),
    number: unsafe extern "C" fn(*mut c_void, u64),
}

type Peer = unsafe extern "C" fn(*const c_char, usize, *const CSink) -> c_int;

unsafe extern "C" {
    fn peer_osip_proxy(bytes: *const c_char, length: usize, sink: *const CSink) -> c_int;
    fn peer_sofia_proxy(bytes: *const c_char, length: usize, sink: *const CSink) -> c_int;
    fn peer_expat_count(bytes: *const c_char, length: usize, sink: *const CSink) -> c_int;
}

/// The rows of this file.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &super::sip::sets() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), super::sip::proxy);
            let name = format!("sip/proxy/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("Sofia-SIP", side!(set, <[u8]>::to_vec, sofia));
    }
    for set in &super::sip::sets() {
        let ours = side!(set, <[u8]>::to_vec, Index::new(), halves);
        let (name, items) = (format!("sip/proxy/{}", set.name), set.messages.len());
        let theirs = side!(set, <[u8]>::to_vec, osip);
        rows.push(Row { name, peer: "libosip2", items, ours, theirs });
    }
    let sets =
        [Set::one("message", inputs::message()), Set::one("220kB", super::xmpp_more::large())];
    for set in &sets {
        let scanner = Scanner::fragment(XmlLimits::POST_AUTH);
        let ours = side!(set, <[u8]>::to_vec, scanner, super::xmpp_more::count);
        let theirs = side!(set, <[u8]>::to_vec, expat);
        rows.push(Row {
            name: format!("xmpp/count/{}", set.name),
            peer: "libexpat",
            items: 1,
            ours,
            theirs,
        });
    }
    rows
}

/// The proxy view with the Call-ID in two halves, as libosip2 has it.
fn halves(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let message = Message::parse_datagram(message, index, &Limits::DEFAULT).expect("parses");
    let headers = message.headers();
    for via in headers.values::<Via<'_>>() {
        let via = via.expect("a Via");
        sink.value(&via.sent_by.host);
        sink.number(via.sent_by.port.map_or(0, u64::from));
        sink.text(via.branch().expect("a branch"));
    }
    let from = headers.typed::<From<'_>>().expect("a From").expect("a From");
    host(&from, sink);
    sink.text(from.tag().expect("a tag").as_bytes());
    host(&headers.typed::<To<'_>>().expect("a To").expect("a To"), sink);
    let cseq = headers.typed::<CSeq<'_>>().expect("a CSeq").expect("a CSeq");
    sink.number(u64::from(cseq.number));
    let call_id = headers.typed::<CallId<'_>>().expect("a Call-ID").expect("a Call-ID").0;
    let (number, at) = call_id.split_once('@').unwrap_or((call_id, ""));
    sink.text(number.as_bytes());
    sink.text(at.as_bytes());
    let contact = headers.typed::<Contact<'_>>().expect("a Contact").expect("a Contact");
    host(contact.address().expect("an address"), sink);
}

fn host(address: &NameAddr<'_>, sink: &mut impl Sink) {
    match address.uri() {
        Ok(Uri::Sip(uri)) => sink.value(&uri.host),
        other => panic!("a SIP URI, not {other:?}"),
    }
}

fn osip<S: Sink>(message: &[u8], sink: &mut S) {
    call(peer_osip_proxy, message, sink);
}

fn sofia<S: Sink>(message: &[u8], sink: &mut S) {
    call(peer_sofia_proxy, message, sink);
}

fn expat<S: Sink>(message: &[u8], sink: &mut S) {
    call(peer_expat_count, message, sink);
}

fn call<S: Sink>(peer: Peer, message: &[u8], sink: &mut S) {
    unsafe extern "C" fn text<S: Sink>(context: *mut c_void, bytes: *const c_char, length: usize) {
        // SAFETY: `context` is the sink of the call below; `bytes` holds `length` bytes until we return.
        let (sink, text) = unsafe {
            let text: &[u8] =
                if length == 0 { &[] } else { core::slice::from_raw_parts(bytes.cast(), length) };
            (&mut *context.cast::<S>(), text)
        };
        sink.text(text);
    }
    unsafe extern "C" fn number<S: Sink>(context: *mut c_void, number: u64) {
        // SAFETY: as above.
        unsafe { &mut *context.cast::<S>() }.number(number);
    }
    let with =
        CSink { context: core::ptr::from_mut(sink).cast(), text: text::<S>, number: number::<S> };
    // SAFETY: the peer reads `message` and calls the two functions before it returns, on this thread.
    let status = unsafe { peer(message.as_ptr().cast(), message.len(), &raw const with) };
    assert_eq!(status, 0, "the peer reads it");
}

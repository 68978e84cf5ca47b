//! `sip_proxy`: a stateful proxy survives any bytes, answers and times, keeps its limits, never spins,
//! and forgets everything in the end. `sip_stun`: what is read of STUN is what was written.

use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::{Instant, Limits, Output, Seed};
use sip_proto::endpoint::{self, Listener, SipEvent, SipInput, Target};
use sip_proto::proxy::{Config, Event, Hop, Proxy};
use sip_proto::stun::{self, Binding};
use sip_proto::{MessageBuf, Method, RequestBuf, ResponseBuf, StatusCode, Transport};

fn at(n: u8) -> SocketAddr {
    ([192, 0, 2, n], 5060).into()
}

/// How many steps an input is: what its limits hold is full long before.
const STEPS: usize = 256;
/// The longest datagram: the rest of an input is one at each step that sends it.
const DATAGRAM: usize = 2_048;

/// Each step is two bytes: what happens, and with what.
pub fn sip_proxy(data: &[u8]) {
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, at(1)));
    let below = endpoint::Config::new(listeners).with_transactions_max(24).with_queue_max(4);
    let mut proxy = Proxy::new(Instant::ZERO, Config::new(below), Seed::from_u64(1));
    let (mut now, mut sent, mut asked) = (Instant::ZERO, Vec::new(), Vec::new());
    let mut connects = Vec::new();
    for (n, step) in data.chunks(2).enumerate().take(STEPS) {
        let (op, arg) = (step[0], step.get(1).copied().unwrap_or(0));
        let input = |proxy: &mut Proxy, from: u8, data: &[u8]| {
            proxy.handle_input(now, SipInput::Datagram { local: at(1), remote: at(from), data });
        };
        match op % 9 {
            0 => {
                let methods = ["INVITE", "MESSAGE", "CANCEL", "ACK", "BYE", "SUBSCRIBE", "x"];
                let method = methods[usize::from(arg) % methods.len()];
                let route = ["", "Route: <sip:192.0.2.1;lr>\r\n", "Route: <sip:192.0.2.7>\r\n"];
                let route = route[usize::from(arg >> 4) % route.len()];
                let text = format!(
                    "{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{}\r\n\
                     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {}\r\nCSeq: 1 {method}\r\n\
                     Max-Forwards: {}\r\n{route}Content-Length: 0\r\n\r\n",
                    arg & 3,
                    arg & 3,
                    arg & 7
                );
                input(&mut proxy, 9, text.as_bytes());
            }
            // The rest of the bytes are a datagram.
            1 => {
                let rest = &data[(n * 2).min(data.len())..];
                input(&mut proxy, 9, &rest[..rest.len().min(DATAGRAM)]);
            }
            2 | 3 => {
                if let Some(id) = asked.pop() {
                    let hops: Vec<Hop> = (0..=arg % 3)
                        .map(|n| Hop::new(Target::Address(Transport::Udp, at(n + 1))))
                        .collect();
                    proxy.forward(now, id, &hops).expect("two hops");
                }
            }
            4 => {
                if let Some(id) = asked.pop() {
                    proxy.refuse(now, id, StatusCode::NOT_FOUND).expect("a refusal");
                }
            }
            // Somebody answers what was forwarded.
            5 | 6 => {
                let requests: Vec<&RequestBuf> = sent.iter().rev().take(8).collect();
                let Some(request) = requests.get(usize::from(arg) % 8) else { continue };
                let codes = [100, 180, 200, 302, 401, 407, 486, 503, 603];
                let status = StatusCode::new(codes[usize::from(op) % codes.len()]);
                let tag = Some("t").filter(|_| op & 64 == 0);
                let reply =
                    ResponseBuf::reply_to(request.view(), status.expect("one"), tag).build();
                let Ok(reply) = reply else { continue };
                input(&mut proxy, arg % 4, &reply.into_bytes());
            }
            // What was forwarded comes back.
            7 => {
                let looped = sent.last().map(|r: &RequestBuf| r.as_bytes().to_vec());
                if let Some(looped) = looped {
                    input(&mut proxy, 1, &looped);
                }
                if let Some(connect) = connects.pop() {
                    proxy.handle_input(now, SipInput::ConnectFailed { connect });
                }
            }
            _ => {
                now = now.saturating_add(Duration::from_millis(u64::from(arg) * 300));
                proxy.handle_timeout(now);
                assert!(proxy.poll_timeout().is_none_or(|next| next > now), "it spins");
            }
        }
        drain(&mut proxy, &mut sent, &mut asked, &mut connects);
        // 24, and a CANCEL for each of them.
        assert!(proxy.endpoint().transactions() <= 2 * 24 && proxy.forwarding() <= 24);
    }
    for id in asked.drain(..) {
        proxy.refuse(now, id, StatusCode::NOT_FOUND).expect("a refusal");
    }
    for connect in connects.drain(..) {
        proxy.handle_input(now, SipInput::ConnectFailed { connect });
    }
    // Whatever happened, it is over some time: Timer C, then 64 times T1 twice.
    let mut turns = 0;
    while let Some(at) = proxy.poll_timeout() {
        turns += 1;
        assert!(turns < 10_000 && at < now.saturating_add(Duration::from_secs(600)), "no end");
        proxy.handle_timeout(at);
        drain(&mut proxy, &mut sent, &mut asked, &mut connects);
    }
    assert_eq!((proxy.endpoint().transactions(), proxy.forwarding()), (0, 0));
}

type Asked = Vec<sip_proto::proxy::RouteId>;

fn drain(
    proxy: &mut Proxy,
    sent: &mut Vec<RequestBuf>,
    asked: &mut Asked,
    connects: &mut Vec<endpoint::ConnectId>,
) {
    while let Some(output) = proxy.poll_output() {
        match output {
            Output::Transmit(t) => {
                if stun::is_stun(&t.payload) {
                    continue;
                }
                // What goes out is a message, whatever came in.
                match MessageBuf::parse(t.payload, &Limits::DEFAULT).expect("a message") {
                    MessageBuf::Request(r) if r.view().method() != Method::Ack => sent.push(r),
                    _ => {}
                }
            }
            Output::Event(Event::RouteWanted { id, .. }) => asked.push(id),
            Output::Event(Event::Endpoint(SipEvent::ConnectWanted { connect, .. })) => {
                connects.push(connect);
            }
            // One that ended waits no more.
            Output::Event(_) => {}
        }
    }
}

/// The bytes are a datagram, or what is in an attribute.
pub fn sip_stun(data: &[u8]) {
    let whole = stun::parse(data);
    assert!(whole.is_none() || stun::is_stun(data));
    if let Some(Binding::Success { id, mapped: Some(address) }) = whole {
        let again = stun::success(id, address);
        assert_eq!(stun::parse(&again), Some(Binding::Success { id, mapped: Some(address) }));
    }
    if let Some(Binding::Request { id, unknown }) = whole {
        let answer = stun::unknown_attributes(id, &unknown);
        assert_eq!(stun::parse(&answer), Some(Binding::Error { id, code: Some(420) }));
    }
    // As attributes behind a sound head.
    let mut framed = stun::request([7; 12]).to_vec();
    let body = &data[..data.len().min(1024) & !3];
    framed.extend_from_slice(body);
    framed[2..4].copy_from_slice(&u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    let _read = stun::parse(&framed);
}

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_in_result,
    reason = "tests state what must hold"
)]
use super::*;
use crate::headers::{CSeq, Transport, Via};
use crate::message::{HeaderName, Method, ResponseBuf, StatusCode};
use crate::transaction::Timer;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;
use proto_wire::testing::netem::{Loss, Profile};
use proto_wire::testing::sim::{DatagramSim, NodeId, run_seeds};

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

fn endpoint(n: u8) -> Endpoint {
    endpoint_with(n, |c| c)
}

fn endpoint_with(n: u8, change: impl FnOnce(Config) -> Config) -> Endpoint {
    let config = Config::new([
        Listener::new(Transport::Udp, addr(n)),
        Listener::new(Transport::Tcp, addr(n)),
    ]);
    Endpoint::new(Instant::ZERO, Arc::new(change(config)), Seed::from_u64(u64::from(n)))
}

fn request(method: Method<'_>, cseq: u32) -> RequestBuf {
    RequestBuf::build(method, "sip:bob@192.0.2.2")
        .header(HeaderName::FROM, "<sip:alice@example.com>;tag=1")
        .header(HeaderName::TO, "<sip:bob@example.com>")
        .header(HeaderName::CALL_ID, "call@h")
        .header(HeaderName::CSEQ, CSeq { number: cseq, method })
        .header(HeaderName::MAX_FORWARDS, 70)
        .build()
        .unwrap()
}

fn bytes_of(method: &str, via: &str) -> Vec<u8> {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: 7@h\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// Everything that is in the output queue, in words; payloads by their first line.
fn drain(endpoint: &mut Endpoint) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(output) = endpoint.poll_output() {
        out.push(match output {
            Output::Transmit(t) => {
                let text = String::from_utf8_lossy(&t.payload).into_owned();
                let line = text.lines().next().unwrap_or("").to_string();
                match t.path {
                    Path::Datagram { remote, .. } => format!("> {remote} {line}"),
                    Path::Stream(flow) => format!("> flow {} {line}", flow.0),
                }
            }
            Output::Event(event) => match event {
                SipEvent::Request { request, .. } => format!("request {}", request.view().method()),
                SipEvent::Ack { id, .. } => format!("ack {}", id.is_some()),
                SipEvent::Response { response, .. } => {
                    format!("response {}", response.view().status())
                }
                SipEvent::Refused { why: Refusal::Invalid(o), .. } => {
                    format!("invalid {}", o.status)
                }
                SipEvent::Refused { why: Refusal::NotSip(_), .. } => "not sip".into(),
                SipEvent::Refused { why, .. } => format!("{why:?}"),
                SipEvent::FlowClosed { flow, reason } => format!(
                    "closed {} {}",
                    flow.0,
                    match reason {
                        FlowEnd::Eof => "eof",
                        FlowEnd::Local => "local",
                        FlowEnd::Limit(_) => "limit",
                        FlowEnd::Protocol(_) => "protocol",
                    }
                ),
                SipEvent::ConnectWanted { transport, remote, .. } => {
                    format!("connect {transport} {remote}")
                }
                SipEvent::Cancelled { .. } => "cancelled".into(),
                SipEvent::TimedOut { .. } => "timed out".into(),
                SipEvent::TransportFailed { .. } => "transport failed".into(),
                SipEvent::Terminated { .. } => "terminated".into(),
                SipEvent::Ping { .. } => "ping".into(),
                SipEvent::Pong { .. } => "pong".into(),
                SipEvent::Mapped { address, .. } => format!("mapped {address}"),
                SipEvent::Unmapped { .. } => "unmapped".into(),
            },
        });
    }
    out
}

fn receive(endpoint: &mut Endpoint, at: u64, from: SocketAddr, data: &[u8]) -> Vec<String> {
    let now = Instant::from_millis(at);
    endpoint.handle_input(now, SipInput::Datagram { local: addr(2), remote: from, data });
    drain(endpoint)
}

fn request_id(
    endpoint: &mut Endpoint,
    from: SocketAddr,
    data: &[u8],
) -> (TransactionId, RequestBuf) {
    endpoint.handle_input(Instant::ZERO, SipInput::Datagram { local: addr(2), remote: from, data });
    loop {
        let output = endpoint.poll_output().expect("a request");
        if let Output::Event(SipEvent::Request { id, request, .. }) = output {
            return (id, request);
        }
    }
}

fn answer(
    endpoint: &mut Endpoint,
    id: TransactionId,
    status: StatusCode,
) -> Result<(), CommandError> {
    let reply = endpoint.reply(id, status)?.build()?;
    endpoint.respond(Instant::ZERO, id, &reply)
}

/// Runs the timers until nothing is left; each output with its time in milliseconds.
fn run_out(endpoint: &mut Endpoint) -> Vec<(u128, String)> {
    let mut out: Vec<_> = drain(endpoint).into_iter().map(|o| (0, o)).collect();
    while let Some(at) = endpoint.poll_timeout() {
        endpoint.handle_timeout(at);
        assert!(endpoint.poll_timeout().is_none_or(|next| next > at), "busy loop");
        let ms = u128::from(at.as_nanos() / 1_000_000);
        out.extend(drain(endpoint).into_iter().map(|o| (ms, o)));
    }
    out
}

#[test]
fn an_invite_without_answer_is_sent_seven_times_and_ends_at_timer_b() {
    let mut alice = endpoint(1);
    alice
        .request(
            Instant::ZERO,
            request(Method::Invite, 1).view(),
            Target::Address(Transport::Udp, addr(2)),
        )
        .unwrap();
    let out = run_out(&mut alice);
    let sent: Vec<u128> = out.iter().filter(|(_, o)| o.starts_with('>')).map(|(t, _)| *t).collect();
    // Timer A doubles without a cap: 0.5, 1, 2, 4, 8, 16 s apart.
    assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(
        out[out.len() - 2..],
        [(32000, "timed out".to_string()), (32000, "terminated".to_string())]
    );
}

#[test]
fn another_request_without_answer_is_sent_eleven_times_and_ends_at_timer_f() {
    let mut alice = endpoint(1);
    alice
        .request(
            Instant::ZERO,
            request(Method::Message, 1).view(),
            Target::Address(Transport::Udp, addr(2)),
        )
        .unwrap();
    let out = run_out(&mut alice);
    let sent: Vec<u128> = out.iter().filter(|(_, o)| o.starts_with('>')).map(|(t, _)| *t).collect();
    assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(out.last().unwrap(), &(32000, "terminated".to_string()));
}

#[test]
fn over_a_stream_nothing_is_sent_twice_and_timer_f_still_runs() {
    let mut alice = endpoint(1);
    open(&mut alice, 5, 2);
    alice
        .request(Instant::ZERO, request(Method::Message, 1).view(), Target::Flow(FlowId(5)))
        .unwrap();
    let out = run_out(&mut alice);
    assert_eq!(out.iter().filter(|(_, o)| o.starts_with('>')).count(), 1);
    assert_eq!(out.last().unwrap(), &(32000, "terminated".to_string()));
}

fn open(endpoint: &mut Endpoint, flow: u64, peer: u8) {
    endpoint.handle_input(
        Instant::ZERO,
        SipInput::FlowOpened {
            flow: FlowId(flow),
            transport: Transport::Tcp,
            local: addr(1),
            remote: addr(peer),
            connect: None,
        },
    );
}

#[test]
fn in_proceeding_timer_e_is_t2() {
    let mut alice = endpoint(1);
    alice
        .request(
            Instant::ZERO,
            request(Method::Options, 1).view(),
            Target::Address(Transport::Udp, addr(2)),
        )
        .unwrap();
    let Some(Output::Transmit(sent)) = alice.poll_output() else { panic!() };
    let sent = RequestBuf::parse(sent.payload).unwrap();
    let trying = ResponseBuf::reply_to(sent.view(), StatusCode::TRYING, None).build().unwrap();
    assert_eq!(receive(&mut alice, 100, addr(2), trying.as_bytes()), ["response 100"]);
    let sent: Vec<u128> = run_out(&mut alice)
        .into_iter()
        .filter(|(_, o)| o.starts_with('>'))
        .map(|(t, _)| t)
        .collect();
    assert_eq!(sent, [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]);
}

#[test]
fn a_retransmission_gets_the_same_bytes_again_until_timer_j() {
    let mut bob = endpoint(2);
    let data = bytes_of("MESSAGE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let (id, request) = request_id(&mut bob, addr(1), &data);
    // Still working: nothing is sent, the user hears nothing.
    assert_eq!(receive(&mut bob, 1, addr(1), &data), Vec::<String>::new());
    answer(&mut bob, id, StatusCode::OK).unwrap();
    let Some(Output::Transmit(first)) = bob.poll_output() else { panic!() };
    bob.handle_input(
        Instant::from_secs(1),
        SipInput::Datagram { local: addr(2), remote: addr(1), data: &data },
    );
    let Some(Output::Transmit(second)) = bob.poll_output() else { panic!() };
    assert_eq!(first.payload, second.payload);
    assert_eq!(first.payload.as_ptr(), second.payload.as_ptr(), "not a copy");
    // One final response, whoever built it; and what nobody needs any more is not kept.
    assert_eq!(answer(&mut bob, id, StatusCode::OK), Err(CommandError::State("reply")));
    let second = ResponseBuf::reply_to(request.view(), StatusCode::OK, Some("x")).build().unwrap();
    assert_eq!(bob.respond(Instant::ZERO, id, &second), Err(CommandError::State("respond")));
    assert!(bob.request_of(id).is_none());
    assert_eq!(run_out(&mut bob), [(32001, "terminated".to_string())]);
    assert!(bob.reply(id, StatusCode::OK).is_err());
    // A handle never means another transaction.
    let (other, _) = request_id(&mut bob, addr(1), &data);
    assert_ne!(other, id);
}

/// RFC 4320.
#[test]
fn to_a_message_no_early_100_no_180_and_no_408() {
    let mut bob = endpoint(2);
    let data = bytes_of("MESSAGE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let (id, _) = request_id(&mut bob, addr(1), &data);
    for status in [StatusCode::TRYING, StatusCode::RINGING, StatusCode::REQUEST_TIMEOUT] {
        assert_eq!(answer(&mut bob, id, status), Err(CommandError::State("respond")), "{status}");
    }
    let out = run_out(&mut bob);
    assert_eq!(
        out,
        [
            (3500, "> 192.0.2.1:5060 SIP/2.0 100 Trying".to_string()),
            (32000, "timed out".to_string()),
            (32000, "terminated".to_string()),
        ]
    );
}

#[test]
fn an_invite_is_answered_trying_after_200_ms_and_each_2xx_goes_to_the_user() {
    let mut bob = endpoint(2);
    let data = bytes_of("INVITE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let (id, _) = request_id(&mut bob, addr(1), &data);
    bob.handle_timeout(Instant::from_millis(200));
    assert_eq!(drain(&mut bob), ["> 192.0.2.1:5060 SIP/2.0 100 Trying"]);
    assert_eq!(receive(&mut bob, 300, addr(1), &data), ["> 192.0.2.1:5060 SIP/2.0 100 Trying"]);
    let ok = bob.reply(id, StatusCode::OK).unwrap().build().unwrap();
    bob.respond(Instant::from_millis(400), id, &ok).unwrap();
    assert_eq!(drain(&mut bob), ["> 192.0.2.1:5060 SIP/2.0 200 OK"]);
    // RFC 6026: INVITEs are absorbed, ACK (with the branch reused) passes.
    assert_eq!(receive(&mut bob, 500, addr(1), &data), Vec::<String>::new());
    let ack = bytes_of("ACK", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    assert_eq!(receive(&mut bob, 600, addr(1), &ack), ["ack true"]);
    let ack = bytes_of("ACK", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother");
    assert_eq!(receive(&mut bob, 700, addr(1), &ack), ["ack false"]);
    assert_eq!(run_out(&mut bob), [(32400, "terminated".to_string())]);
}

#[test]
fn a_refused_invite_is_repeated_until_its_ack_or_timer_h() {
    let mut bob = endpoint(2);
    let data = bytes_of("INVITE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let (id, _) = request_id(&mut bob, addr(1), &data);
    answer(&mut bob, id, StatusCode::BUSY_HERE).unwrap();
    let out = run_out(&mut bob);
    let sent: Vec<u128> = out.iter().filter(|(_, o)| o.starts_with('>')).map(|(t, _)| *t).collect();
    assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(out[out.len() - 2].1, "timed out");

    let (id, _) = request_id(&mut bob, addr(1), &data);
    answer(&mut bob, id, StatusCode::BUSY_HERE).unwrap();
    let ack = bytes_of("ACK", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    drain(&mut bob);
    assert_eq!(receive(&mut bob, 33000, addr(1), &ack), Vec::<String>::new());
    assert_eq!(run_out(&mut bob), [(38000, "terminated".to_string())]);
}

#[test]
fn the_ack_of_a_refusal_has_one_via_the_tag_and_the_route() {
    let mut alice = endpoint(1);
    let invite = RequestBuf::build(Method::Invite, "sip:bob@192.0.2.2")
        .header(HeaderName::VIA, "SIP/2.0/UDP downstream;branch=z9hG4bKd")
        .header(HeaderName::ROUTE, "<sip:p1;lr>, <sip:p2;lr>")
        .header(HeaderName::FROM, "<sip:a@h>;tag=1")
        .header(HeaderName::TO, "<sip:b@h>")
        .header(HeaderName::CALL_ID, "c")
        .header(HeaderName::CSEQ, "9 INVITE")
        .build()
        .unwrap();
    alice.request(Instant::ZERO, invite.view(), Target::Address(Transport::Udp, addr(2))).unwrap();
    let Some(Output::Transmit(sent)) = alice.poll_output() else { panic!() };
    let sent = RequestBuf::parse(sent.payload).unwrap();
    let busy =
        ResponseBuf::reply_to(sent.view(), StatusCode::BUSY_HERE, Some("t")).build().unwrap();
    alice.handle_input(
        Instant::ZERO,
        SipInput::Datagram { local: addr(1), remote: addr(2), data: busy.as_bytes() },
    );
    let Some(Output::Transmit(ack)) = alice.poll_output() else { panic!() };
    let ack = RequestBuf::parse(ack.payload).unwrap();
    assert_eq!(ack.view().validate(), Ok(()));
    assert_eq!(ack.view().method(), Method::Ack);
    assert_eq!(ack.headers().values::<Via<'_>>().count(), 1);
    assert_eq!(ack.headers().get(HeaderName::VIA), sent.headers().get(HeaderName::VIA));
    assert_eq!(ack.headers().get(HeaderName::TO), Some("<sip:b@h>;tag=t"));
    assert_eq!(ack.headers().get(HeaderName::CSEQ), Some("9 ACK"));
    assert_eq!(ack.headers().get(HeaderName::ROUTE), Some("<sip:p1;lr>, <sip:p2;lr>"));
    // Each copy of the refusal gets the ACK again, the user hears of it once.
    assert_eq!(drain(&mut alice), ["response 486"]);
    assert_eq!(
        receive(&mut alice, 10, addr(2), busy.as_bytes()),
        ["> 192.0.2.2:5060 ACK sip:bob@192.0.2.2 SIP/2.0"]
    );
}

#[test]
fn a_cancel_is_its_own_transaction_and_is_always_answered() {
    let mut bob = endpoint(2);
    let invite = bytes_of("INVITE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let cancel = bytes_of("CANCEL", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    assert_eq!(
        receive(&mut bob, 0, addr(1), &cancel),
        ["> 192.0.2.1:5060 SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
    let cancel = bytes_of("CANCEL", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb");
    let invite_b = bytes_of("INVITE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb");
    let (_other, _) = request_id(&mut bob, addr(1), &invite);
    let (id, _) = request_id(&mut bob, addr(1), &invite_b);
    assert_eq!(
        receive(&mut bob, 1, addr(1), &cancel),
        ["> 192.0.2.1:5060 SIP/2.0 200 OK", "cancelled"]
    );
    assert_eq!(receive(&mut bob, 2, addr(1), &cancel), ["> 192.0.2.1:5060 SIP/2.0 200 OK"]);
    answer(&mut bob, id, StatusCode::REQUEST_TERMINATED).unwrap();
    drain(&mut bob);
    // Late, but answered.
    let late = bytes_of("CANCEL", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb").to_vec();
    assert_eq!(receive(&mut bob, 3, addr(1), &late), ["> 192.0.2.1:5060 SIP/2.0 200 OK"]);
}

#[test]
fn our_cancel_waits_for_a_1xx_and_copies_what_it_must() {
    let mut alice = endpoint(1);
    let id = alice
        .request(
            Instant::ZERO,
            request(Method::Invite, 4).view(),
            Target::Address(Transport::Udp, addr(2)),
        )
        .unwrap();
    assert_eq!(alice.cancel(Instant::ZERO, id), Err(CommandError::State("cancel")));
    let Some(Output::Transmit(sent)) = alice.poll_output() else { panic!() };
    let sent = RequestBuf::parse(sent.payload).unwrap();
    let ringing =
        ResponseBuf::reply_to(sent.view(), StatusCode::RINGING, Some("t")).build().unwrap();
    receive(&mut alice, 10, addr(2), ringing.as_bytes());
    let cancel_id = alice.cancel(Instant::from_millis(20), id).unwrap();
    assert_ne!(cancel_id, id);
    let Some(Output::Transmit(cancel)) = alice.poll_output() else { panic!() };
    let cancel = RequestBuf::parse(cancel.payload).unwrap();
    assert_eq!(cancel.view().validate(), Ok(()));
    for name in [HeaderName::VIA, HeaderName::TO, HeaderName::FROM, HeaderName::CALL_ID] {
        assert_eq!(cancel.headers().get(name), sent.headers().get(name), "{name}");
    }
    assert_eq!(cancel.headers().get(HeaderName::CSEQ), Some("4 CANCEL"));
    assert_eq!(cancel.view().uri_bytes(), sent.view().uri_bytes());
    assert!(alice.cancel(Instant::from_millis(30), id).is_err());
    // The 200 to the CANCEL is not one to the INVITE.
    let ok = ResponseBuf::reply_to(cancel.view(), StatusCode::OK, None).build().unwrap();
    assert_eq!(receive(&mut alice, 40, addr(2), ok.as_bytes()), ["response 200"]);
    assert_eq!(alice.transactions(), 2);
}

#[test]
fn server_keys() {
    let mut bob = endpoint(2);
    let keys = |bob: &mut Endpoint, via: &str| receive(bob, 0, addr(1), &bytes_of("OPTIONS", via));
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h;branch=z9hG4bKa"), ["request OPTIONS"]);
    // The same branch from another sent-by is another transaction; the host has no case.
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h:5060;branch=z9hG4bKa"), ["request OPTIONS"]);
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP H;branch=Z9HG4BKa"), Vec::<String>::new());
    // A bare cookie and a branch without one are matched as RFC 2543 does.
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h;branch=z9hG4bK"), ["request OPTIONS"]);
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h;branch=z9hG4bK"), Vec::<String>::new());
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h;branch=1"), ["request OPTIONS"]);
    assert_eq!(keys(&mut bob, "SIP/2.0/UDP h"), ["request OPTIONS"]);
    let other_call =
        String::from_utf8(bytes_of("OPTIONS", "SIP/2.0/UDP h")).unwrap().replace("7@h", "8@h");
    assert_eq!(receive(&mut bob, 0, addr(1), other_call.as_bytes()), ["request OPTIONS"]);
}

#[test]
fn rfc_2543_ack_matches_its_invite() {
    let mut bob = endpoint(2);
    let (id, _) = request_id(&mut bob, addr(1), &bytes_of("INVITE", "SIP/2.0/UDP h;branch=1"));
    answer(&mut bob, id, StatusCode::BUSY_HERE).unwrap();
    drain(&mut bob);
    let ack = String::from_utf8(bytes_of("ACK", "SIP/2.0/UDP h;branch=1"))
        .unwrap()
        .replace("To: <sip:b@h>", "To: <sip:b@h>;tag=x");
    assert_eq!(receive(&mut bob, 0, addr(1), ack.as_bytes()), Vec::<String>::new());
    assert_eq!(run_out(&mut bob), [(5000, "terminated".to_string())]);
}

#[test]
fn responses_go_where_via_says() {
    let source: SocketAddr = "198.51.100.9:4242".parse().unwrap();
    for (via, noted, to) in [
        ("SIP/2.0/UDP h:7000;branch=z9hG4bK1", ";received=198.51.100.9", "198.51.100.9:7000"),
        ("SIP/2.0/UDP h;branch=z9hG4bK2", ";received=198.51.100.9", "198.51.100.9:5060"),
        (
            "SIP/2.0/UDP h:7000;rport;branch=z9hG4bK3",
            ";received=198.51.100.9;rport=4242",
            "198.51.100.9:4242",
        ),
        ("SIP/2.0/UDP 198.51.100.9:7000;branch=z9hG4bK4", "", "198.51.100.9:7000"),
        (
            "SIP/2.0/UDP h;maddr=224.2.0.1;branch=z9hG4bK5",
            ";received=198.51.100.9",
            "224.2.0.1:5060",
        ),
        (
            "SIP/2.0/UDP 198.51.100.9;received=10.0.0.1;branch=z9hG4bK6",
            ";received=198.51.100.9",
            "198.51.100.9:5060",
        ),
    ] {
        let mut bob = endpoint(2);
        let (id, request) = request_id(&mut bob, source, &bytes_of("OPTIONS", via));
        let found = request.headers().get(HeaderName::VIA).unwrap();
        let noted_well = if noted.is_empty() { found == via } else { found.ends_with(noted) };
        assert!(noted_well, "{via}: {found}");
        answer(&mut bob, id, StatusCode::OK).unwrap();
        assert_eq!(drain(&mut bob), [format!("> {to} SIP/2.0 200 OK")], "{via}");
    }
}

mod storms;
mod streams;

/// RFC 3261 §8.2.2.2: asked of requests that this element serves itself.
#[test]
fn trap_12_merged_requests_are_known_while_the_first_is_served() {
    let mut endpoint = endpoint(2);
    let serve = |endpoint: &mut Endpoint, branch: &str, cseq: &str, to: &str| {
        let via = format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}");
        let text = String::from_utf8(bytes_of("MESSAGE", &via)).unwrap();
        let text = text.replace("CSeq: 1", &format!("CSeq: {cseq}")).replace("<sip:b@h>", to);
        let (local, remote, data) = (addr(2), addr(1), text.as_bytes());
        endpoint.handle_input(Instant::ZERO, SipInput::Datagram { local, remote, data });
        let mut id = None;
        while let Some(output) = endpoint.poll_output() {
            if let Output::Event(SipEvent::Request { id: new, .. }) = output {
                id = Some(new);
            }
        }
        id.unwrap()
    };
    let first = serve(&mut endpoint, "1", "1", "<sip:b@h>");
    let second = serve(&mut endpoint, "2", "1", "<sip:b@h>");
    assert!(!endpoint.is_merged(first) && endpoint.is_merged(second));
    // However often it is asked.
    assert!(!endpoint.is_merged(first) && endpoint.is_merged(second));
    // Credentials make another number, a dialog a To tag.
    let with_credentials = serve(&mut endpoint, "3", "2", "<sip:b@h>");
    let in_dialog = serve(&mut endpoint, "4", "1", "<sip:b@h>;tag=2");
    assert!(!endpoint.is_merged(with_credentials) && !endpoint.is_merged(in_dialog));
    assert_eq!(endpoint.merges.len(), 4);
    while let Some(at) = endpoint.poll_timeout() {
        endpoint.handle_timeout(at);
    }
    assert_eq!((endpoint.transactions(), endpoint.merges.len()), (0, 0));
    assert!(!endpoint.is_merged(first));
}

//! Streams, refusals, limits.

use super::*;

#[test]
fn a_response_over_a_stream_uses_it_or_a_new_one() {
    let mut bob = endpoint(2);
    open(&mut bob, 5, 9);
    let data = bytes_of("OPTIONS", "SIP/2.0/TCP 192.0.2.9:7000;branch=z9hG4bK1");
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: &data });
    let Some(Output::Event(SipEvent::Request { id, .. })) = bob.poll_output() else { panic!() };
    bob.handle_input(Instant::ZERO, SipInput::FlowClosed { flow: FlowId(5) });
    assert_eq!(drain(&mut bob), ["closed 5 eof"]);
    answer(&mut bob, id, StatusCode::OK).unwrap();
    let Some(Output::Event(SipEvent::ConnectWanted { connect, remote, .. })) = bob.poll_output()
    else {
        panic!()
    };
    assert_eq!(remote, "192.0.2.9:7000".parse().unwrap());
    bob.handle_input(
        Instant::ZERO,
        SipInput::FlowOpened {
            flow: FlowId(6),
            transport: Transport::Tcp,
            local: addr(2),
            remote,
            connect: Some(connect),
        },
    );
    assert!(drain(&mut bob).contains(&"> flow 6 SIP/2.0 200 OK".to_string()));
}

#[test]
fn requests_reuse_a_stream_wait_for_one_and_fail_with_it() {
    let mut alice = endpoint(1);
    let target = Target::Address(Transport::Tcp, addr(2));
    alice.request(Instant::ZERO, request(Method::Options, 1).view(), target).unwrap();
    alice.request(Instant::ZERO, request(Method::Options, 2).view(), target).unwrap();
    let Some(Output::Event(SipEvent::ConnectWanted { connect, .. })) = alice.poll_output() else {
        panic!()
    };
    assert_eq!(
        drain(&mut alice),
        Vec::<String>::new(),
        "one stream is wanted, nothing is sent before it is there"
    );
    alice.handle_input(
        Instant::ZERO,
        SipInput::FlowOpened {
            flow: FlowId(3),
            transport: Transport::Tcp,
            local: addr(1),
            remote: addr(2),
            connect: Some(connect),
        },
    );
    assert_eq!(drain(&mut alice).len(), 2);
    alice.request(Instant::ZERO, request(Method::Options, 3).view(), target).unwrap();
    assert_eq!(drain(&mut alice), ["> flow 3 OPTIONS sip:bob@192.0.2.2 SIP/2.0"]);
    alice.handle_input(Instant::ZERO, SipInput::FlowClosed { flow: FlowId(3) });
    let out = drain(&mut alice);
    assert_eq!(out.iter().filter(|o| *o == "transport failed").count(), 3);
    assert_eq!(alice.transactions(), 0);

    alice.request(Instant::ZERO, request(Method::Options, 4).view(), target).unwrap();
    let Some(Output::Event(SipEvent::ConnectWanted { connect, .. })) = alice.poll_output() else {
        panic!()
    };
    alice.handle_input(Instant::ZERO, SipInput::ConnectFailed { connect });
    assert_eq!(drain(&mut alice), ["transport failed", "terminated"]);
}

#[test]
fn a_failed_send_is_told_to_the_user() {
    let mut alice = endpoint(1);
    alice
        .request(
            Instant::ZERO,
            request(Method::Options, 1).view(),
            Target::Address(Transport::Udp, addr(2)),
        )
        .unwrap();
    let Some(Output::Transmit(sent)) = alice.poll_output() else { panic!() };
    alice.handle_input(Instant::ZERO, SipInput::SendFailed { id: sent.id });
    assert_eq!(drain(&mut alice), ["transport failed", "terminated"]);
    alice.handle_input(Instant::ZERO, SipInput::SendFailed { id: sent.id });
    assert_eq!(drain(&mut alice), Vec::<String>::new());
}

#[test]
fn keep_alives() {
    let mut bob = endpoint(2);
    assert_eq!(receive(&mut bob, 0, addr(1), b"\r\n\r\n"), ["ping"]);
    open(&mut bob, 5, 9);
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: b"\r\n\r" });
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: b"\n" });
    assert_eq!(drain(&mut bob), ["> flow 5 ", "ping"]);
    bob.ping(Instant::ZERO, FlowId(5)).unwrap();
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: b"\r\n" });
    assert_eq!(drain(&mut bob), ["> flow 5 ", "pong"]);
    assert!(bob.ping(Instant::ZERO, FlowId(6)).is_err());
}

#[test]
fn what_is_refused_is_answered_when_it_can_be() {
    let mut bob = endpoint(2);
    let good =
        String::from_utf8(bytes_of("OPTIONS", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa")).unwrap();
    for (text, expected) in [
        (
            good.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
            vec![
                "> 192.0.2.1:5060 SIP/2.0 505 the version is not one that is known",
                "invalid 505",
            ],
        ),
        (
            good.replace("1 OPTIONS", "1 INVITE"),
            vec!["> 192.0.2.1:5060 SIP/2.0 400 the method is not a token", "invalid 400"],
        ),
        (
            good.replace("Length: 0", "Length: 50"),
            vec![
                "> 192.0.2.1:5060 SIP/2.0 400 the body is shorter than Content-Length says",
                "invalid 400",
            ],
        ),
        (good.replace("Via: ", "X: "), vec!["invalid 400"]),
        (good.replace("OPTIONS", "ACK").replace("To: <", "To: \"<"), vec!["invalid 400"]),
        ("garbage\r\n\r\n".into(), vec!["not sip"]),
        (
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKnobody\r\nCSeq: 1 OPTIONS\r\n\r\n"
                .into(),
            vec!["Stray"],
        ),
    ] {
        assert_eq!(receive(&mut bob, 0, addr(1), text.as_bytes()), expected, "{text}");
    }
    assert_eq!(bob.transactions(), 0);
}

#[test]
fn a_stream_that_cannot_be_framed_is_answered_and_closed_once() {
    let mut bob = endpoint(2);
    open(&mut bob, 5, 9);
    let mut data = bytes_of("OPTIONS", "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1");
    data.extend(
        String::from_utf8(bytes_of("OPTIONS", "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK2"))
            .unwrap()
            .replace("Length: 0", "Length: x")
            .bytes(),
    );
    data.extend(bytes_of("OPTIONS", "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK3"));
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: &data });
    assert_eq!(
        drain(&mut bob),
        [
            "request OPTIONS",
            "> flow 5 SIP/2.0 400 Content-Length is not a number",
            "not sip",
            "closed 5 protocol"
        ]
    );
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(5), data: &data });
    bob.handle_input(Instant::ZERO, SipInput::FlowClosed { flow: FlowId(5) });
    assert_eq!(drain(&mut bob), Vec::<String>::new());
}

#[test]
fn limits_at_n_and_one_more() {
    let mut bob = endpoint_with(2, |c| {
        c.with_transactions_max(2).with_flows_max(1).with_queue_max(1).with_datagram_max(400)
    });
    for (n, expected) in [
        (1, "request OPTIONS"),
        (2, "request OPTIONS"),
        (3, "> 192.0.2.1:5060 SIP/2.0 503 Service Unavailable"),
    ] {
        let out = receive(
            &mut bob,
            0,
            addr(1),
            &bytes_of("OPTIONS", &format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}")),
        );
        assert_eq!(out[0], expected);
    }
    assert_eq!(
        bob.request(
            Instant::ZERO,
            request(Method::Options, 1).view(),
            Target::Address(Transport::Udp, addr(1))
        ),
        Err(CommandError::Limit(proto_wire::LimitKind::Transactions))
    );
    open(&mut bob, 1, 7);
    open(&mut bob, 2, 8);
    assert_eq!(drain(&mut bob), ["closed 2 limit"]);
    bob.handle_timeout(Instant::from_secs(40));
    drain(&mut bob);
    let long = |n: usize| {
        RequestBuf::build(Method::Options, "sip:b@h")
            .header(HeaderName::FROM, "<sip:a@h>;tag=1")
            .header(HeaderName::TO, "<sip:b@h>")
            .header(HeaderName::CALL_ID, "c")
            .header(HeaderName::CSEQ, "1 OPTIONS")
            .named("X", "x".repeat(n))
            .build()
            .unwrap()
    };
    let target = Target::Address(Transport::Udp, addr(1));
    let probe = endpoint(2).request(Instant::ZERO, long(100).view(), target);
    assert!(probe.is_ok());
    let overhead = {
        let mut e = endpoint(2);
        e.request(Instant::ZERO, long(100).view(), target).unwrap();
        let Some(Output::Transmit(t)) = e.poll_output() else { panic!() };
        t.payload.len() - 100
    };
    assert!(bob.request(Instant::from_secs(40), long(400 - overhead).view(), target).is_ok());
    assert_eq!(
        bob.request(Instant::from_secs(40), long(401 - overhead).view(), target),
        Err(CommandError::TooLong(401))
    );
    // One message may wait for a stream; the next fails at once.
    let mut bob = endpoint_with(2, |c| c.with_queue_max(1));
    let tcp = Target::Address(Transport::Tcp, addr(3));
    bob.request(Instant::ZERO, request(Method::Options, 1).view(), tcp).unwrap();
    assert_eq!(drain(&mut bob), ["connect TCP 192.0.2.3:5060"]);
    bob.request(Instant::ZERO, request(Method::Options, 2).view(), tcp).unwrap();
    assert_eq!(drain(&mut bob), ["transport failed", "terminated"]);
    assert_eq!(bob.transactions(), 1);
}

/// A CANCEL ends work, so it passes the limit on transactions in both directions; one of each
/// INVITE, so that the limit still is one.
#[test]
fn only_the_cancel_of_an_invite_passes_the_limit() {
    let via = |n: u8| format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}");
    let mut bob = endpoint_with(2, |c| c.with_transactions_max(2));
    for n in [1, 2] {
        request_id(&mut bob, addr(1), &bytes_of("INVITE", &via(n)));
    }
    for (method, n, expected) in [
        ("CANCEL", 3, "> 192.0.2.1:5060 SIP/2.0 503 Service Unavailable"),
        ("CANCEL", 1, "> 192.0.2.1:5060 SIP/2.0 200 OK"),
        ("CANCEL", 1, "> 192.0.2.1:5060 SIP/2.0 200 OK"),
        ("CANCEL", 2, "> 192.0.2.1:5060 SIP/2.0 200 OK"),
        ("OPTIONS", 4, "> 192.0.2.1:5060 SIP/2.0 503 Service Unavailable"),
    ] {
        let out = receive(&mut bob, 0, addr(1), &bytes_of(method, &via(n)));
        assert_eq!(out[0], expected, "{method} {n}");
    }
    assert_eq!(bob.transactions(), 4);

    let mut alice = endpoint_with(1, |c| c.with_transactions_max(1));
    let target = Target::Address(Transport::Udp, addr(2));
    let id = alice.request(Instant::ZERO, request(Method::Invite, 4).view(), target).unwrap();
    let Some(Output::Transmit(sent)) = alice.poll_output() else { panic!() };
    let sent = RequestBuf::parse(sent.payload).unwrap();
    let ringing =
        ResponseBuf::reply_to(sent.view(), StatusCode::RINGING, Some("t")).build().unwrap();
    receive(&mut alice, 10, addr(2), ringing.as_bytes());
    alice.cancel(Instant::ZERO, id).unwrap();
    assert_eq!(alice.transactions(), 2);
    assert_eq!(alice.cancel(Instant::ZERO, id), Err(CommandError::State("cancel")));
    assert_eq!(
        alice.request(Instant::ZERO, request(Method::Options, 5).view(), target),
        Err(CommandError::Limit(proto_wire::LimitKind::Transactions))
    );
}

/// A peer may name any port in Via and hang up; the streams that its answers want are bounded.
#[test]
fn wanted_streams_count_as_streams() {
    let mut bob = endpoint_with(2, |c| c.with_flows_max(2));
    let target = |n| Target::Address(Transport::Tcp, addr(n));
    let send = |bob: &mut Endpoint, n| {
        let sent =
            bob.request(Instant::ZERO, request(Method::Options, u32::from(n)).view(), target(n));
        sent.map(|_| ())
    };
    assert_eq!((send(&mut bob, 3), send(&mut bob, 4)), (Ok(()), Ok(())));
    assert_eq!(send(&mut bob, 5), Err(CommandError::Limit(proto_wire::LimitKind::Connections)));
    assert_eq!(send(&mut bob, 4), Ok(()), "the same stream");
    let Some(Output::Event(SipEvent::ConnectWanted { connect, .. })) = bob.poll_output() else {
        panic!()
    };
    bob.handle_input(Instant::ZERO, SipInput::ConnectFailed { connect });
    assert_eq!(send(&mut bob, 5), Ok(()));
}

/// RFC 7118 §5, §6: each message of a `WebSocket` is one of SIP, and may lack Content-Length.
#[test]
fn user_report_19_a_web_socket_carries_one_message_in_each_of_its_own() {
    let mut bob = endpoint(2);
    let (transport, local, remote) = (Transport::Ws, addr(2), addr(9));
    let flow = FlowId(4);
    let opened = SipInput::FlowOpened { flow, transport, local, remote, connect: None };
    bob.handle_input(Instant::ZERO, opened);
    let via = "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1";
    let text = String::from_utf8(bytes_of("OPTIONS", via)).unwrap();
    let data = text.replace("Content-Length: 0\r\n", "");
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow, data: data.as_bytes() });
    let Some(Output::Event(SipEvent::Request { id, request, .. })) = bob.poll_output() else {
        panic!()
    };
    // A name as sent-by: the source is noted (RFC 3261 §18.2.1).
    let via: Via<'_> = request.headers().typed().unwrap().unwrap();
    assert_eq!(via.received(), Some(remote.ip()));
    answer(&mut bob, id, StatusCode::OK).unwrap();
    assert!(drain(&mut bob).contains(&"> flow 4 SIP/2.0 200 OK".to_string()));
    // Half a message is not one, and spoils nothing.
    for data in ["OPTIONS sip:a", "hello"] {
        bob.handle_input(Instant::ZERO, SipInput::Stream { flow, data: data.as_bytes() });
        assert_eq!(drain(&mut bob), ["not sip"]);
    }
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow, data: b"\r\n\r\n" });
    assert_eq!(drain(&mut bob)[0], "> flow 4 ");
    // Our own requests go the same way, and nobody connects to who is gone.
    let target = Target::Flow(flow);
    bob.request(Instant::ZERO, request_of("MESSAGE").view(), target).unwrap();
    assert_eq!(drain(&mut bob), ["> flow 4 MESSAGE sip:bob@192.0.2.2 SIP/2.0"]);
    let text = text.replace("branch=z9hG4bK1", "branch=z9hG4bK2");
    bob.handle_input(Instant::ZERO, SipInput::Stream { flow, data: text.as_bytes() });
    let Some(Output::Event(SipEvent::Request { id, .. })) = bob.poll_output() else { panic!() };
    bob.handle_input(Instant::ZERO, SipInput::FlowClosed { flow });
    drain(&mut bob);
    answer(&mut bob, id, StatusCode::OK).unwrap();
    let out = drain(&mut bob);
    assert!(!out.iter().any(|o| o.contains("connect")), "{out:?}");
}

fn request_of(method: &str) -> RequestBuf {
    request(Method::parse(method.as_bytes()).unwrap(), 1)
}

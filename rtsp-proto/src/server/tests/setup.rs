//! Transports and channels.

use super::*;

#[test]
fn channels_are_given_and_never_given_twice() {
    let mut host = Host::new(Config::default().with_streams_max(200));
    let session = host.set_up();
    let with = |transport: &str| format!("{session}Transport: {transport}\r\n");
    let channels = |host: &Host| {
        let (_, session) = host.server.sessions().next().unwrap();
        session.streams().last().unwrap().channels.unwrap()
    };
    assert_eq!(channels(&host), ChannelPair::starting_at(0));
    for (wanted, given) in [
        ("RTP/AVP/TCP;interleaved=0-1", 2),
        ("RTP/AVP/TCP;interleaved=10-11", 10),
        ("RTP/AVP/TCP;interleaved=1-2", 4),
        ("RTP/AVP/TCP", 6),
    ] {
        let url = format!("rtsp://h/a/{given}");
        assert_eq!(host.ask("SETUP", &url, &with(wanted)), 200);
        assert_eq!(channels(&host), ChannelPair::starting_at(given), "{wanted}");
    }
    assert_eq!(host.ask("SETUP", "rtsp://h/a/single", &with("RTP/AVP/TCP;interleaved=30")), 200);
    assert_eq!(channels(&host), ChannelPair { rtp: 30, rtcp: None });
    // Set up again: the same channels, also when the client does not name them.
    assert_eq!(host.ask("SETUP", "rtsp://h/a/single", &with("RTP/AVP/TCP;interleaved=30")), 200);
    assert_eq!(channels(&host), ChannelPair { rtp: 30, rtcp: None });
    while host.server.channels_for(None).is_some() {
        let url = format!("rtsp://h/a/x{}", host.cseq);
        assert_eq!(host.ask("SETUP", &url, &with("RTP/AVP/TCP")), 200);
    }
    host.answers = false;
    let last = format!("SETUP rtsp://h/a/last RTSP/1.0\r\nCSeq: 1\r\n{}\r\n", with("RTP/AVP/TCP"));
    host.feed(last.as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let offer = Transport::interleaved(None);
    let refused = host.server.accept_setup(host.now, asked.id, &offer);
    assert_eq!(refused, Err(CommandError::NoChannel));
    host.server.refuse(host.now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT).unwrap();
}

#[test]
fn the_application_completes_a_udp_transport() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: FOO/BAR, RTP/AVP/UDP;unicast;client_port=5000-5001\r\n\r\n",
    );
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let headers = asked.request.view().headers();
    let mut transport = headers.transports().flatten().find(|t| t.client_port.is_some()).unwrap();
    transport.server_port = Some(PortPair::new(6000, Some(6001)));
    transport.ssrc = Some(0xabc);
    let done = host.server.accept_setup(host.now, asked.id, &transport).unwrap();
    assert_eq!(done.channels, None);
    let answer = host.sent();
    let expected = "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=00000ABC\\r\\n";
    assert!(answer.contains(expected), "{answer}");
}

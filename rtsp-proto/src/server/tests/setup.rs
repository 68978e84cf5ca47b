//! Transports and channels.

use super::*;
use crate::headers;

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

const PEER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));

/// RFC 2326 §16, RFC 7826 §21.2.1: a client must not aim media at others.
#[test]
fn media_goes_where_the_client_is_unless_told_otherwise() {
    use Destinations::{Any, Peer, PeerOrGroup};
    for (transport, [peer, group, any]) in [
        ("RTP/AVP;unicast;client_port=5000-5001", [200, 200, 200]),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=", [200, 200, 200]),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=192.0.2.1", [200, 200, 200]),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=::ffff:192.0.2.1", [200, 200, 200]),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=192.0.2.66", [403, 403, 200]),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=victim.example", [403, 403, 200]),
        ("RTP/AVP;multicast;destination=224.2.0.1;port=5000-5001;ttl=16", [403, 200, 200]),
        ("RTP/AVP;unicast;destination=224.2.0.1;client_port=5000-5001", [403, 403, 200]),
        ("RTP/AVP;multicast;destination=192.0.2.66;port=5000-5001", [403, 403, 200]),
        ("RTP/AVP;multicast", [200, 200, 200]),
        (
            "RTP/AVP;unicast;client_port=1-2;destination=192.0.2.66,RTP/AVP;unicast;client_port=1-2",
            [200, 200, 200],
        ),
    ] {
        for (policy, expected) in [(Peer, peer), (PeerOrGroup, group), (Any, any)] {
            let mut host = Host::new(Config::default().with_destinations(policy));
            host.server.set_peer(PEER);
            host.answers = false;
            let headers = format!("Transport: {transport}\r\n");
            let answer = host.answer_to("SETUP", "rtsp://h/a", &headers);
            if expected != 200 {
                assert_eq!(status(&answer), expected, "{policy:?} {transport}");
                continue;
            }
            let asked = host.asked();
            let chosen = host.server.choose(&asked, &[Carrier::Udp, Carrier::Multicast]).unwrap();
            host.server.accept_setup(host.now, asked.id, &chosen).unwrap();
            assert_eq!(status(&host.sent()), 200);
        }
    }
    // Nobody said where the client is: then nothing that it names is allowed.
    let mut host = Host::new(Config::default());
    let headers = "Transport: RTP/AVP;unicast;client_port=5000-5001;destination=192.0.2.1\r\n";
    assert_eq!(host.ask("SETUP", "rtsp://h/a", headers), 403);
}

/// RFC 7826 §17.4.27: 2.0 has its own status, and addresses with ports, all of which count.
#[test]
fn destinations_of_version_2_are_looked_at_one_by_one() {
    for (addresses, expected) in [
        ("\":5000\"/\":5001\"", 200),
        ("\"192.0.2.1:5000\"/\"192.0.2.1:5001\"", 200),
        ("\"192.0.2.66:5000\"/\"192.0.2.1:5001\"", 463),
        ("\"192.0.2.1:5000\"/\"192.0.2.66:5001\"", 463),
        ("\"[2001:db8::1]:5000\"", 463),
        ("\"victim.example:5000\"", 463),
    ] {
        let mut host = Host::new_v2(Config::default());
        host.server.set_peer(PEER);
        let headers = format!("Transport: RTP/AVP;unicast;dest_addr={addresses}\r\n");
        assert_eq!(host.ask("SETUP", "rtsp://h/a", &headers), expected, "{addresses}");
    }
    let mut host = Host::new_v2(Config::default());
    host.server.set_peer("2001:db8::1".parse().unwrap());
    let headers = "Transport: RTP/AVP;unicast;dest_addr=\"[2001:db8::1]:5000\"\r\n";
    assert_eq!(host.ask("SETUP", "rtsp://h/a", headers), 200);
}

/// An application that picks a prohibited offer by itself is stopped; what it chooses itself is
/// its own affair.
#[test]
fn the_server_chooses_a_group_and_no_prohibited_offer_slips_through() {
    let mut host = Host::passive(Config::default());
    host.server.set_peer(PEER);
    let headers =
        "Transport: RTP/AVP;multicast;destination=224.2.0.9;port=1-2,RTP/AVP;multicast\r\n";
    host.answer_to("SETUP", "rtsp://h/a", headers);
    let asked = host.asked();
    let offers: Vec<_> = asked.request.view().headers().transports().flatten().collect();
    let refused = host.server.accept_setup(host.now, asked.id, &offers[0]);
    assert_eq!(refused, Err(CommandError::Destination));
    assert_eq!(host.server.sessions().count(), 0);
    let mut chosen = host.server.choose(&asked, &[Carrier::Multicast]).unwrap();
    chosen = chosen.with_destination("239.1.2.3");
    (chosen.port, chosen.ttl) = (Some(PortPair::new(6000, Some(6001))), Some(16));
    host.server.accept_setup(host.now, asked.id, &chosen).unwrap();
    let answer = host.sent();
    let expected = "Transport: RTP/AVP;multicast;destination=239.1.2.3;port=6000-6001;ttl=16\\r\\n";
    assert!(answer.contains(expected), "{answer}");
    let stream = &host.session().streams()[0];
    assert_eq!(stream.delivery, Some(headers::Delivery::Multicast));
}

#[test]
fn the_clients_order_decides_among_what_the_server_carries() {
    use Carrier::{Interleaved, Multicast, Tcp, Udp};
    let offers = "FOO/BAR;unicast, RTP/SAVP;unicast;client_port=1-2, RTP/AVP;multicast, \
        RTP/AVP;unicast, RTP/AVP/UDP;unicast;client_port=3-4, RTP/AVP/TCP;interleaved=0-1";
    let mut host = Host::passive(Config::default());
    host.answer_to("SETUP", "rtsp://h/a", &format!("Transport: {offers}\r\n"));
    let asked = host.asked();
    let choose = |carriers: &[Carrier]| {
        host.server.choose(&asked, carriers).map(|chosen| Carrier::of(&chosen).unwrap())
    };
    assert_eq!(choose(&[Interleaved, Udp, Multicast]), Ok(Multicast));
    assert_eq!(choose(&[Interleaved, Udp]), Ok(Udp));
    assert_eq!(choose(&[Interleaved]), Ok(Interleaved));
    assert_eq!(choose(&[Tcp]), Err(StatusCode::UNSUPPORTED_TRANSPORT));
    assert_eq!(choose(&[]), Err(StatusCode::UNSUPPORTED_TRANSPORT));
    let udp = host.server.choose(&asked, &[Udp]).unwrap();
    assert_eq!(udp.client_port, Some(PortPair::new(3, Some(4))), "the one without ports is none");
    let mut host = Host { version: "2.0", ..Host::passive(Config::default()) };
    let tcp = "Transport: RTP/AVP/TCP;unicast;dest_addr=\":9\";setup=active;connection=new\r\n";
    host.answer_to("SETUP", "rtsp://h/a", tcp);
    let asked = host.asked();
    let chosen = host.server.choose(&asked, &[Interleaved, Udp, Tcp]).unwrap();
    assert_eq!(Carrier::of(&chosen), Some(Tcp));
    let mut host = Host::passive(Config::default().with_destinations(Destinations::Peer));
    host.server.set_peer(PEER);
    let both = "Transport: RTP/AVP;unicast;client_port=1-2;destination=192.0.2.66, RTP/AVP/TCP\r\n";
    host.answer_to("SETUP", "rtsp://h/a", both);
    let refused = host.server.choose(&host.asked(), &[Udp]).map(drop);
    assert_eq!(refused, Err(StatusCode::FORBIDDEN), "it would fit but for that");
}

/// The server's order, other profiles, and refusing by looking at the offer.
#[test]
fn an_application_ranks_offers_as_it_likes() {
    let mut host = Host::passive(Config::default());
    let offers = "RTP/AVP;unicast;client_port=3-4, RTP/SAVP;unicast;client_port=5-6, RTP/AVP/TCP";
    host.answer_to("SETUP", "rtsp://h/a", &format!("Transport: {offers}\r\n"));
    let asked = host.asked();
    let secure = host
        .server
        .choose_by(&asked, |_, offer| Some(u32::from(offer.profile != headers::RtpProfile::Savp)));
    assert_eq!(secure.unwrap().client_port, Some(PortPair::new(5, Some(6))));
    let own_order = host.server.choose_by(&asked, |carrier, _| match carrier {
        Carrier::Interleaved => Some(0),
        Carrier::Udp => Some(1),
        _ => None,
    });
    assert!(own_order.unwrap().is_interleaved());
    let none = host.server.choose_by(&asked, |_, _| None);
    assert_eq!(none, Err(StatusCode::UNSUPPORTED_TRANSPORT));
}

/// RFC 7826 §18.54: an answer has the full destination, the other side of `setup`, and not the
/// `ssrc` that the client must not choose.
#[test]
fn an_answer_of_version_2_completes_the_offer() {
    for (peer, offer, answer) in [
        (
            "192.0.2.1",
            "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";ssrc=12345678",
            "RTP/AVP;unicast;dest_addr=\\\"192.0.2.1:5000\\\"/\\\"192.0.2.1:5001\\\"",
        ),
        (
            "2001:db8::1",
            "RTP/AVP;unicast;dest_addr=\":5000\"",
            "RTP/AVP;unicast;dest_addr=\\\"[2001:db8::1]:5000\\\"",
        ),
        (
            "192.0.2.1",
            "RTP/AVP;unicast;dest_addr=\"192.0.2.1:5000\"/\":5001\"",
            "RTP/AVP;unicast;dest_addr=\\\"192.0.2.1:5000\\\"/\\\"192.0.2.1:5001\\\"",
        ),
        (
            "192.0.2.1",
            "RTP/AVP/TCP;unicast;dest_addr=\":9\";setup=active;connection=new",
            "RTP/AVP/TCP;unicast;dest_addr=\\\"192.0.2.1:9\\\";setup=passive;connection=new",
        ),
        (
            "192.0.2.1",
            "RTP/AVP/TCP;unicast;dest_addr=\":7\";setup=passive;connection=existing",
            "RTP/AVP/TCP;unicast;dest_addr=\\\"192.0.2.1:7\\\";setup=active;connection=existing",
        ),
        (
            "192.0.2.1",
            "RTP/AVP/TCP;unicast;interleaved=0-1;setup=active;connection=new",
            "RTP/AVP/TCP;unicast;interleaved=0-1",
        ),
    ] {
        let mut host = Host { version: "2.0", ..Host::passive(Config::default()) };
        host.server.set_peer(peer.parse().unwrap());
        host.answer_to("SETUP", "rtsp://h/a", &format!("Transport: {offer}\r\n"));
        let asked = host.asked();
        let all = [Carrier::Interleaved, Carrier::Udp, Carrier::Tcp];
        let chosen = host.server.choose(&asked, &all).unwrap();
        host.server.accept_setup(host.now, asked.id, &chosen).unwrap();
        let wire = host.sent();
        assert!(wire.contains(&format!("\\r\\nTransport: {answer}\\r\\n")), "{wire}");
    }
}

/// RFC 7826 §13.3: what the media can do is said per presentation; Media-Range must be there
/// when it progresses with time.
#[test]
fn a_setup_says_what_this_media_can_do() {
    let transport = "Transport: RTP/AVP/TCP;unicast\r\n";
    let mut host = Host::new_v2(Config::default());
    let answer = host.answer_to("SETUP", "rtsp://h/a", transport);
    assert!(answer.contains("\\r\\nMedia-Range: npt=now-\\r\\n"), "it is live: {answer}");
    for version in ["2.0", "1.0"] {
        let mut host = Host { version, ..Host::passive(Config::default()) };
        host.answer_to("SETUP", "rtsp://h/a", transport);
        let reply = SetupReply::new(Transport::interleaved(None))
            .media_properties("Random-Access=2.5, Immutable")
            .accept_ranges("npt, smpte")
            .header(HeaderName::CacheControl, "no-cache");
        host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
        let answer = host.sent();
        for header in
            ["Media-Properties: Random-Access=2.5, Immutable", "Accept-Ranges: npt, smpte"]
        {
            let line = format!("\\r\\n{header}\\r\\n");
            assert_eq!(answer.contains(&line), version == "2.0", "{answer}");
        }
        assert!(answer.contains("\\r\\nCache-Control: no-cache\\r\\n"), "{answer}");
        assert!(!answer.contains("Media-Range"), "its end is known: {answer}");
        assert!(answer.matches("Accept-Ranges").count() <= 1, "{answer}");
    }
    let mut host = Host { version: "2.0", ..Host::passive(Config::default()) };
    host.answer_to("SETUP", "rtsp://h/a", transport);
    let evil = SetupReply::new(Transport::interleaved(None)).media_range("npt=0-\r\nX: y");
    let refused = host.server.accept_setup_with(host.now, host.asked().id, evil);
    assert_eq!(refused, Err(CommandError::Build(crate::BuildError::Value)));
    assert_eq!(host.server.sessions().count(), 0);
}

/// RFC 7826 §13.3: a client that knows none of the server's units of Range is told them.
#[test]
fn a_setup_without_a_common_unit_is_456() {
    let transport = "Transport: RTP/AVP/TCP;unicast\r\n";
    for (theirs, expected) in [
        ("", 200),
        ("Accept-Ranges: npt\r\n", 200),
        ("Accept-Ranges: smpte, NPT\r\n", 200),
        ("Accept-Ranges: \r\n", 200),
        ("Accept-Ranges: smpte, clock\r\n", 456),
    ] {
        let mut host = Host::new_v2(Config::default());
        let answer = host.answer_to("SETUP", "rtsp://h/a", &format!("{transport}{theirs}"));
        assert_eq!(status(&answer), expected, "{theirs}");
        assert!(answer.contains("Accept-Ranges: npt\\r\\n"), "{answer}");
        let mut old = Host::new(Config::default());
        assert_eq!(old.ask("SETUP", "rtsp://h/a", &format!("{transport}{theirs}")), 200);
    }
}

/// RFC 2326 §10.4: "A client can issue a SETUP request for a stream that is already playing to
/// change transport parameters, which a server MAY allow. If it does not allow this, it MUST
/// respond with error 455". RFC 7826 §13.3.1: the answer says from when on.
#[test]
fn a_transport_changes_while_it_plays_if_the_server_can() {
    for version in ["1.0", "2.0"] {
        for (can, expected) in [(true, 200), (false, 455)] {
            let config = Config::default().with_transport_changes(can);
            let mut host = Host { version, ..Host::new(config) };
            let session = host.set_up();
            let udp = format!("{session}Transport: RTP/AVP;unicast;client_port=5000-5001\r\n");
            let udp = if version == "2.0" {
                format!("{session}Transport: RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"\r\n")
            } else {
                udp
            };
            assert_eq!(host.ask("SETUP", "rtsp://h/a/t0", &udp), 200, "nothing plays yet");
            assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
            let tcp = format!("{session}Transport: RTP/AVP/TCP;unicast\r\n");
            host.answers = expected != 200;
            let answer = host.answer_to("SETUP", "rtsp://h/a/t0", &tcp);
            if expected != 200 {
                assert_eq!(status(&answer), expected);
                continue;
            }
            let range = Range::parse(b"npt=12.5-").unwrap();
            let infos = [RtpInfo::new("rtsp://h/a/t0")];
            let reply = SetupReply::new(Transport::interleaved(None)).effective(&range, &infos);
            host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
            let answer = host.sent();
            assert!(answer.contains("\\r\\nRange: npt=12.5-\\r\\n"), "{answer}");
            assert!(answer.contains("\\r\\nRTP-Info: url="), "{answer}");
            assert_eq!(host.state(), Some(State::Playing));
            assert_eq!(host.session().streams()[0].channels, Some(ChannelPair::starting_at(0)));
        }
    }
}

/// RFC 7826 §C.1.6.4: who multiplexes uses the first address only, for RTP and RTCP.
#[test]
fn rtcp_goes_where_rtp_goes_when_they_share_a_flow() {
    for (offer, rtcp) in [
        ("RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"", 5001),
        ("RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";RTCP-mux", 5000),
        ("RTP/AVP;unicast;dest_addr=\":5000\";RTCP-mux", 5000),
    ] {
        let mut host = Host::new_v2(Config::default());
        host.server.set_peer(PEER);
        assert_eq!(host.ask("SETUP", "rtsp://h/a", &format!("Transport: {offer}\r\n")), 200);
        let stream = &host.session().streams()[0];
        let receivers = [5000, rtcp].map(|port| core::net::SocketAddr::new(PEER, port));
        assert_eq!(stream.receivers, Some(receivers), "{offer}");
        assert_eq!(stream.rtcp_mux, rtcp == 5000);
    }
}

/// A slash at the end makes no other stream: what is set up again changes its transport.
#[test]
fn a_stream_that_is_set_up_with_a_slash_is_the_same_stream() {
    for mut host in [Host::new(Config::default()), Host::new_v2(Config::default())] {
        let session = host.set_up();
        let again = format!("{session}Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
        let answer = host.answer_to("SETUP", "rtsp://h/a/t0/", &again);
        assert!(answer.contains(";interleaved=0-1\\r\\n"), "{answer}");
        assert_eq!(host.session().streams().len(), 1);
        assert_eq!(host.ask("PLAY", "rtsp://h/a/", &session), 200);
        assert_eq!(host.ask("SETUP", "rtsp://h/a/t0/", &again), 200);
        assert_eq!(host.session().streams().len(), 1);
        assert_eq!(host.session().streams()[0].state, State::Playing);
    }
}

/// A client that asks for a group and names none is not the group.
#[test]
fn a_group_that_nobody_named_is_not_at_the_address_of_the_client() {
    let (v1, v2) = (Host::new(Config::default()), Host::new_v2(Config::default()));
    for (mut host, offer) in [
        (v1, "RTP/AVP;multicast;port=5000-5001;ttl=16"),
        (v2, "RTP/AVP;multicast;dest_addr=\":5000\"/\":5001\";ttl=16"),
    ] {
        host.server.set_peer(PEER);
        let answer = host.answer_to("SETUP", "rtsp://h/a", &format!("Transport: {offer}\r\n"));
        assert!(!answer.contains("192.0.2.1"), "{answer}");
        assert_eq!(host.session().streams()[0].receivers, None, "{offer}");
    }
}

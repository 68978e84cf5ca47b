use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;
use proto_wire::ParseErrorKind;

fn parse(value: &str) -> Transport<'_> {
    Transport::parse(value.as_bytes()).unwrap()
}

#[test]
fn the_examples_of_rfc_2326() {
    let mut offers = Transports::new(
        b"RTP/AVP;multicast;ttl=127;mode=\"PLAY\",\r\n RTP/AVP;unicast;client_port=3456-3457;mode=\"PLAY\"",
    );
    let first = offers.next().unwrap().unwrap();
    assert_eq!(first.delivery, Some(Delivery::Multicast));
    assert_eq!((first.ttl, first.mode), (Some(127), Mode::PLAY));
    let second = offers.next().unwrap().unwrap();
    assert_eq!(second.client_port, Some(PortPair::new(3456, Some(3457))));
    assert_eq!(offers.next(), None);
}

#[test]
fn the_addresses_of_rfc_7826() {
    let t = parse(
        "RTP/AVP/UDP;unicast;dest_addr=\"[2001:db8::1]:3456\"/\":3457\";src_addr=\"192.0.2.5:6256\"/\"192.0.2.5:6257\";ssrc=93CB001E/0A13C760;setup=passive;connection=new;RTCP-mux;mode=\"PLAY\"",
    );
    let mut addresses = t.dest_addr();
    assert_eq!(addresses.next(), Some("[2001:db8::1]:3456"));
    assert_eq!(addresses.next(), Some(":3457"));
    assert_eq!(t.dest_addr().host(), Some("2001:db8::1"));
    assert_eq!(t.dest_addr().ports(), Some(PortPair::new(3456, Some(3457))));
    assert_eq!(t.src_addr().host(), Some("192.0.2.5"));
    assert_eq!(t.ssrc, Some(0x93CB_001E));
    assert_eq!(t.setup, Some(ConnectionSetup::Passive));
    assert_eq!(t.connection, Some(ConnectionReuse::New));
    assert!(t.rtcp_mux);
    let again = t.for_version(Version::V2_0).to_string();
    let read = parse(&again);
    assert_eq!(read.dest_addr().ports(), t.dest_addr().ports());
    assert_eq!(read.src_addr().host(), t.src_addr().host());
}

#[test]
fn quoted_addresses_that_crash_others() {
    for value in [
        "RTP/AVP;dest_addr=\"",
        "RTP/AVP;dest_addr=\"/\"",
        "RTP/AVP;mode=\"",
        "RTP/AVP;dest_addr=\"\\\"/\\\"x\"",
    ] {
        let t = parse(value);
        assert!(t.dest_addr().count() <= 2, "{value}");
        assert!(!t.to_string().is_empty());
    }
}

#[test]
fn an_address_in_many_quotes_is_written_as_it_is_read() {
    for address in ["\"\"\"\"x\"\"\"\"", "\"a\"b\"c\"", "\"\"x\"\""] {
        let given =
            alloc::format!("RTP/AVP;destination={address};source={address};MIKEY={address}");
        let once = parse(&given).to_string();
        assert_eq!(once, given);
        assert_eq!(parse(&once).destination(), Some(address));
    }
    for one in ["\"x y\"", "x y\"", "x y"] {
        assert_eq!(parse(&alloc::format!("RTP/AVP;destination={one}")).destination(), Some("x y"));
    }
}

/// Each row is a report about a device: what it sends, and what must come out.
#[test]
fn junk_ssrc_never_spoils_the_setup() {
    for (value, expected) in [
        ("6f7c12ab", Some(0x6f7c_12ab)),
        (" d6d6627", Some(0x0d6d_6627)),
        ("0x6f7c12ab", Some(0x6f7c_12ab)),
        ("12345", Some(0x12345)),
        ("0x6f7c", None),
        ("30A0", None),
        ("0", None),
        ("1234567890", None),
        ("zzzzzzzz", None),
        ("", None),
    ] {
        let text = alloc::format!("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc={value}");
        let t = parse(&text);
        assert_eq!(t.ssrc, expected, "{value}");
        assert_eq!(t.interleaved, Some(ChannelPair::starting_at(0)));
    }
}

#[test]
fn parameters_come_in_any_order_even_before_the_id() {
    let t = parse("client_port=8000-8001;RTP/AVP;ssrc=01020304;unicast");
    assert_eq!(t.client_port, Some(PortPair::new(8000, Some(8001))));
    assert_eq!(t.profile, RtpProfile::Avp);
    let t = parse("RTP/AVP/TCP;ssrc=01020304;interleaved=4-5");
    assert_eq!(t.interleaved, Some(ChannelPair::starting_at(4)));
}

#[test]
fn interleaved_without_tcp_is_tcp() {
    let t = parse("RTP/AVP;unicast;interleaved=0-1");
    assert_eq!(t.lower, LowerTransport::Tcp);
    assert!(t.is_interleaved());
}

#[test]
fn one_channel_one_port_and_no_number() {
    let t = parse("RTP/AVP/TCP;interleaved=6");
    let single = ChannelPair { rtp: 6, rtcp: None };
    assert_eq!(t.interleaved, Some(single));
    let t = parse("RTP/AVP;client_port=5000");
    assert_eq!(t.client_port.map(PortPair::rtcp), Some(5001));
    assert_eq!(t.to_string(), "RTP/AVP;client_port=5000");
    let t = parse("RTP/AVP/TCP;unicast");
    assert!(t.is_interleaved(), "a server must be able to choose the channels");
}

#[test]
fn empty_source_and_port_zero_are_no_errors() {
    let t = parse("RTP/AVP;unicast;client_port=1-2;server_port=0-0;source=");
    assert_eq!(t.source(), None);
    assert_eq!(t.server_port, Some(PortPair::new(0, Some(0))));
}

#[test]
fn garbage_before_rtp_is_tolerated() {
    let t = Transport::parse(b"\x01\x02RTP/AVP/UDP;unicast;client_port=10-11").unwrap();
    assert_eq!(t.profile, RtpProfile::Avp);
    assert_eq!(t.lower, LowerTransport::Udp);
}

#[test]
fn other_transports_keep_their_spelling() {
    let t = parse("FOO/BAR;unicast;x-thing=\"a;b\";flag");
    assert_eq!(t.profile, RtpProfile::Other);
    assert_eq!(t.id(), b"FOO/BAR");
    let text = t.to_string();
    assert_eq!(text, "FOO/BAR;unicast;x-thing=\"a;b\";flag");
    let t = parse("rtp/avp/tcp;INTERLEAVED=0-1;Unicast");
    assert_eq!((t.profile, t.lower), (RtpProfile::Avp, LowerTransport::Tcp));
    assert_eq!(t.delivery, Some(Delivery::Unicast));
}

#[test]
fn secure_profiles_are_read_and_written_over_everything() {
    for (profile, name) in
        [(RtpProfile::Avpf, "AVPF"), (RtpProfile::Savp, "SAVP"), (RtpProfile::Savpf, "SAVPF")]
    {
        for (tail, lower) in [
            (";unicast;client_port=1-2", LowerTransport::Udp),
            ("/TCP;unicast;interleaved=0-1", LowerTransport::Tcp),
        ] {
            let text = alloc::format!("RTP/{name}{tail}");
            let read = parse(&text);
            assert_eq!((read.profile, read.lower), (profile, lower), "{text}");
            assert_eq!(read.to_string(), text);
        }
        let odd = alloc::format!("rtp/{}/udp", name.to_ascii_lowercase());
        assert_eq!((parse(&odd).profile, parse(&odd).lower), (profile, LowerTransport::Udp));
    }
    let keyed = parse("RTP/SAVP/UDP;unicast;dest_addr=\":1\"/\":2\";MIKEY=\"AQAF\"");
    assert_eq!((keyed.profile, keyed.mikey()), (RtpProfile::Savp, Some("AQAF")));
}

#[test]
fn modes_in_every_spelling() {
    for (value, play, record) in [
        ("PLAY", true, false),
        ("\"PLAY\"", true, false),
        ("play", true, false),
        ("\"PLAY,RECORD\"", true, true),
        ("record", false, true),
        ("receive", false, true),
        ("\"", false, false),
    ] {
        let text = alloc::format!("RTP/AVP;mode={value}");
        let mode = parse(&text).mode;
        assert_eq!((mode.play, mode.record), (play, record), "{value}");
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused_with_their_place() {
    for (value, kind, offset) in [
        ("RTP/AVP;client_port=65536", ParseErrorKind::Port, 20),
        ("RTP/AVP;client_port=x", ParseErrorKind::Port, 20),
        ("RTP/AVP;interleaved=256", ParseErrorKind::Number, 20),
        ("RTP/AVP;interleaved=-1", ParseErrorKind::Number, 20),
        ("unicast", ParseErrorKind::Syntax, 0),
        ("", ParseErrorKind::Syntax, 0),
    ] {
        let error = Transport::parse(value.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (kind, offset), "{value}");
    }
    let mut list = Transports::new(b"RTP/AVP;unicast, RTP/AVP;port=99999");
    assert!(list.next().unwrap().is_ok());
    assert_eq!(list.next().unwrap().unwrap_err().offset(), 30);
}

#[test]
fn version_2_writes_addresses() {
    let t = Transport::udp(PortPair::new(3456, None)).with_destination("2001:db8::9");
    assert_eq!(
        t.for_version(Version::V2_0).to_string(),
        "RTP/AVP;unicast;dest_addr=\"[2001:db8::9]:3456\"/\"[2001:db8::9]:3457\""
    );
    assert_eq!(t.to_string(), "RTP/AVP;unicast;destination=2001:db8::9;client_port=3456");
}

/// Found by fuzzing: such an id, written back, read as something else.
#[test]
fn an_unknown_id_is_made_of_tokens() {
    assert!(Transport::parse(b"FOO/BAR-1;unicast").is_ok());
    for id in [&b"RTP/s\x82"[..], b"ssr\x7f/ AY", b"A/B\0"] {
        let error = Transport::parse(id).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ParseErrorKind::Syntax, 0), "{id:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read(
        tcp: bool,
        channels in proptest::option::of((any::<u8>(), proptest::option::of(any::<u8>()))),
        ports in proptest::option::of((any::<u16>(), proptest::option::of(any::<u16>()))),
        ttl: Option<u8>,
        ssrc in proptest::option::of(any::<u32>()),
        record: bool,
        append: bool,
    ) {
        let mut t = Transport {
            delivery: Some(Delivery::Unicast),
            ttl,
            ssrc,
            append,
            ..Transport::default()
        };
        if tcp {
            t.lower = LowerTransport::Tcp;
            t.interleaved = channels.map(|(rtp, rtcp)| ChannelPair { rtp, rtcp });
        } else {
            t.client_port = ports.map(|(rtp, rtcp)| PortPair::new(rtp, rtcp));
        }
        if record {
            t.mode = Mode::RECORD;
        }
        let text = t.to_string();
        let read = Transport::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(Transport { raw: &[], ..read }, t);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn no_text_panics(value in proptest::collection::vec(any::<u8>(), 0..80)) {
        for transport in Transports::new(&value).flatten() {
            let _text = transport.to_string();
            let _addresses = transport.dest_addr().count();
        }
    }

    #[test]
    fn no_likely_text_panics(value in "(RTP/AVP|/TCP|;|,|=|\"|-|[0-9]|interleaved|dest_addr|mode|ssrc| |\\\\){0,30}") {
        for transport in Transports::new(value.as_bytes()).flatten() {
            let _text = transport.for_version(Version::V2_0).to_string();
            let _ports = transport.dest_addr().ports();
        }
    }
}

/// A value with an open quote, or with a separator of its own, is not written back in a way
/// that swallows or adds parameters.
#[test]
fn a_value_never_runs_into_the_next_parameter() {
    for given in [
        "RTP/AVP;unicast;ssrc=00d6d500;dest_addr=\"[::0]:5\"x\"",
        "RTP/AVP;unicast;ssrc=00d6d500;x=a\"",
        "RTP/AVP;unicast;ssrc=00d6d500;MIKEY=\"a;ssrc=11111111\"",
        "RTP/AVP;unicast;ssrc=00d6d500;destination=\"a;ssrc=11111111,b\"",
        "RTP/AVP;unicast;ssrc=00d6d500;source=a\"b;client_port=1-2",
    ] {
        let read = Transport::parse(given.as_bytes()).unwrap();
        assert_eq!(read.ssrc, Some(0x00d6_d500), "{given}");
        for version in [Version::V1_0, Version::V2_0] {
            let written = read.for_version(version).to_string();
            let again = Transports::new(written.as_bytes());
            let again: Vec<_> = again.map(Result::unwrap).collect();
            assert_eq!(again.len(), 1, "{given} became {written}");
            assert_eq!(again[0].ssrc, read.ssrc, "{given} became {written}");
            assert_eq!(again[0].delivery, read.delivery, "{given} became {written}");
        }
    }
}

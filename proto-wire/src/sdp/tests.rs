//! Descriptions of the RFC, of real devices, and of our own.
#![allow(clippy::arithmetic_side_effects, reason = "small numbers, counted by tests")]

use super::*;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::net::IpAddr;
use proptest::prelude::*;

/// RFC 8866 §5.
const RFC: &[u8] = b"v=0\r\n\
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n\
s=Call to John Smith\r\n\
i=SDP Offer #1\r\n\
u=http://www.jdoe.example.com/home.html\r\n\
e=Jane Doe <jane@jdoe.example.com>\r\n\
p=+1 617 555-6011\r\n\
c=IN IP4 198.51.100.1\r\n\
t=0 0\r\n\
m=audio 49170 RTP/AVP 0\r\n\
m=audio 49180 RTP/AVP 0\r\n\
m=video 51372 RTP/AVP 99\r\n\
c=IN IP6 2001:db8::2\r\n\
a=rtpmap:99 h263-1998/90000\r\n";

fn quirks(bytes: &[u8]) -> Vec<Quirk> {
    Sdp::new(bytes).quirks().into_iter().map(|(quirk, _)| quirk).collect()
}

#[test]
fn the_example_of_rfc_8866_is_read_whole_and_without_quirks() {
    let sdp = Sdp::new(RFC);
    assert_eq!(sdp.quirks(), []);
    assert_eq!(sdp.version(), Some(0));
    let origin = sdp.origin().unwrap();
    assert_eq!((origin.username, origin.session_id), ("jdoe", "3724394400"));
    assert_eq!((origin.session_version, origin.address), ("3724394405", "198.51.100.1"));
    assert_eq!(sdp.name(), Some("Call to John Smith"));
    assert_eq!(sdp.information(), Some("SDP Offer #1"));
    assert_eq!(sdp.uri(), Some("http://www.jdoe.example.com/home.html"));
    assert_eq!(sdp.timings().map(|t| (t.start, t.stop)).collect::<Vec<_>>(), [(0, 0)]);
    let media: Vec<_> = sdp
        .media()
        .map(|m| (m.kind(), m.port().unwrap(), m.protocol(), m.formats().collect::<Vec<_>>()))
        .collect();
    assert_eq!(
        media,
        [
            ("audio", 49170, "RTP/AVP", alloc::vec!["0"]),
            ("audio", 49180, "RTP/AVP", alloc::vec!["0"]),
            ("video", 51372, "RTP/AVP", alloc::vec!["99"]),
        ]
    );
    let addresses: Vec<_> = sdp.media().map(|m| m.connection().unwrap().ip().unwrap()).collect();
    let session: IpAddr = [198, 51, 100, 1].into();
    assert_eq!(addresses, [session, session, "2001:db8::2".parse().unwrap()]);
    let video = sdp.media().nth(2).unwrap();
    let map = video.rtpmap(99).unwrap();
    assert_eq!((map.encoding, map.clock_rate, map.channels), ("h263-1998", 90_000, 1));
    let audio = sdp.media().next().unwrap();
    assert_eq!(audio.rtpmap(0), RtpMap::of_static(0));
    assert_eq!(audio.rtpmap(0).unwrap().encoding, "PCMU");
    assert_eq!(audio.rtpmap(99), None);
    assert_eq!(audio.direction(), Direction::SendRecv);
}

#[test]
fn what_devices_send_is_read_and_named() {
    for (bytes, expected) in [
        (&b""[..], &[Quirk::NoVersion, Quirk::NoOrigin, Quirk::NoName, Quirk::NoTiming][..]),
        (
            b"v=0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n",
            &[Quirk::NoOrigin, Quirk::NoName],
        ),
        (b"v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\n", &[Quirk::BareLf; 4]),
        (b"v=0\ro=- 1 1 IN IP4 h\rs=-\rt=0 0\r", &[Quirk::BareCr; 4]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0", &[Quirk::NoFinalLineEnd]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\ns=again\r\nt=0 0\r\n", &[Quirk::Repeated]),
        (b"v=0\r\no=- 1 1 IN IPV4 h\r\ns=-\r\nt=0 0\r\n", &[Quirk::AddressType]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=\r\nt=0 0\r\n", &[Quirk::EmptyValue]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IPV4 1.2.3.4\r\nt=0 0\r\n", &[Quirk::AddressType]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=\r\nt=0 0\r\n", &[Quirk::EmptyValue]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nnonsense\r\n", &[Quirk::NotALine]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nx=y\r\n", &[Quirk::UnknownKind]),
        (b"v=0\r\ns=-\r\no=- 1 1 IN IP4 h\r\nt=0 0\r\n", &[Quirk::Order]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nt=1 2\r\nr=1 2 0\r\nt=3 4\r\n", &[]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=now\r\n", &[Quirk::Malformed]),
        (b"v=0\r\no=a b 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n", &[Quirk::Malformed]),
        (b"v=0\r\no=- x 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n", &[Quirk::Malformed]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=\xff\r\nt=0 0\r\n", &[Quirk::NotUtf8]),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=- \r\nt=0 0\r\n", &[Quirk::OuterSpace]),
        (
            b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n",
            &[Quirk::Malformed, Quirk::NoConnection],
        ),
        (
            b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\nm=video\r\nm=audio x RTP/AVP 0\r\n",
            &[Quirk::Malformed, Quirk::Malformed],
        ),
    ] {
        assert_eq!(quirks(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn odd_lines_spoil_nothing_else() {
    let sdp = Sdp::new(
        b"\r\n v=0\n\ngarbage\ns=\ns=Second \nc=\na=control:rtsp://h/\xff\na=range:npt=0- 634.6\n\
          m=application/TP-LINK 0/2 RTP/AVP smart/1/90000\nm=\nm=video 0 RTP/AVP 96 97\n\
          c=IN IPV4 192.0.2.1/127/3\n\na=rtpmap:96 H264/90000 \na=rtpmap:97\na=rtpmap:999 x/1\n\
          a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IA,aM4=\na=Control:track1\n\
          a=ptime:20.5\nb=AS:500\nb=nonsense\na=SendOnly\n",
    );
    assert_eq!(sdp.name(), Some("Second"));
    assert_eq!(sdp.connection(), None);
    assert_eq!(sdp.control(), None, "not text");
    assert_eq!(sdp.attributes().get(b"control").unwrap().value, Some(&b"rtsp://h/\xff"[..]));
    assert_eq!(sdp.range(), Some("npt=0- 634.6"));
    let media: Vec<_> = sdp.media().collect();
    assert_eq!(media.len(), 3);
    assert_eq!(media[0].kind(), "application/TP-LINK");
    assert_eq!((media[0].port(), media[0].port_count()), (Some(0), 2));
    assert_eq!((media[1].kind(), media[1].port(), media[1].protocol()), ("", None, ""));
    let video = media[2];
    let connection = video.connection().unwrap();
    assert_eq!(connection.ip(), Some([192, 0, 2, 1].into()));
    assert_eq!((connection.ttl, connection.count), (Some(127), Some(3)));
    assert_eq!(video.rtpmap(96).unwrap().encoding, "H264");
    assert_eq!(video.rtpmaps().count(), 1);
    let fmtp = video.fmtp("96").unwrap();
    assert_eq!(fmtp.params().value(b"sprop-parameter-sets"), Some(&b"Z0IA,aM4="[..]));
    assert_eq!((video.control(), video.ptime()), (Some("track1"), Some(20)));
    assert_eq!(video.range(), Some("npt=0- 634.6"), "the session's");
    assert_eq!(video.bandwidths().map(|b| b.value).collect::<Vec<_>>(), [500]);
    assert_eq!(video.direction(), Direction::SendOnly);
    assert_eq!(video.direction().reversed(), Direction::RecvOnly);
    assert_eq!(media[0].connection(), None);
}

#[test]
fn ipv6_connections_count_addresses_and_have_no_ttl() {
    let connection = Connection::parse(b"IN IP6 ff15::101/3").unwrap();
    assert_eq!(
        (connection.address, connection.ttl, connection.count),
        ("ff15::101", None, Some(3))
    );
    assert_eq!(Connection::parse(b"IN IP4"), None);
    assert_eq!(Connection::parse(b"IN IP4 /3"), None);
}

#[test]
fn everything_the_builder_writes_is_read_back_without_quirks() {
    let text = SdpBuilder::new("")
        .origin(7, 8, "2001:db8::1".parse().unwrap())
        .information("all of it")
        .uri("http://example.com/")
        .connection([192, 0, 2, 1].into())
        .bandwidth("AS", 64)
        .timing(1, 2)
        .flag("recvonly")
        .attribute("range", "npt=0-7")
        .media(
            MediaBuilder::new("audio", 5004, "RTP/SAVPF")
                .port_count(2)
                .rtp(111, "opus", 48_000, 2)
                .format("0")
                .fmtp(111, "useinbandfec=1")
                .information("sound")
                .connection("2001:db8::2".parse().unwrap())
                .bandwidth("TIAS", 5)
                .direction(Direction::Inactive),
        )
        .media(MediaBuilder::new("video", 0, "RTP/AVP").rtp(26, "JPEG", 90_000, 1))
        .build()
        .unwrap();
    let sdp = Sdp::new(text.as_bytes());
    assert_eq!(sdp.quirks(), [], "{text}");
    assert_eq!(sdp.name(), Some("-"));
    assert_eq!(sdp.origin().unwrap().addr_type, "IP6");
    let [audio, video]: [Media<'_>; 2] = sdp.media().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((audio.port(), audio.port_count()), (Some(5004), 2));
    assert_eq!(audio.formats().collect::<Vec<_>>(), ["111", "0"]);
    assert_eq!(audio.rtpmap(111).unwrap().channels, 2);
    assert_eq!(audio.direction(), Direction::Inactive);
    assert_eq!(video.direction(), Direction::RecvOnly, "the session's");
    assert_eq!(audio.information(), Some("sound"));
}

#[test]
fn the_builder_refuses_what_would_be_malformed() {
    let base = || SdpBuilder::new("s").connection([0, 0, 0, 0].into());
    let media = || MediaBuilder::new("audio", 0, "RTP/AVP").format("0");
    for (builder, line, problem) in [
        (SdpBuilder::new("a\nb"), b's', BuildProblem::LineEnd),
        (SdpBuilder::new("a\0"), b's', BuildProblem::LineEnd),
        (SdpBuilder::new(" "), b's', BuildProblem::OuterSpace),
        (base().information("x\r"), b'i', BuildProblem::LineEnd),
        (base().uri(""), b'u', BuildProblem::Empty),
        (base().bandwidth("A S", 1), b'b', BuildProblem::Token),
        (base().attribute("a:b", "c"), b'a', BuildProblem::Token),
        (base().attribute("a", "c\r\nm=x"), b'a', BuildProblem::LineEnd),
        (base().attribute("a", ""), b'a', BuildProblem::Empty),
        (base().flag(""), b'a', BuildProblem::Empty),
        (base().media(MediaBuilder::new("audio", 0, "RTP/AVP")), b'm', BuildProblem::NoFormat),
        (base().media(media().format("0 1")), b'm', BuildProblem::Token),
        (base().media(MediaBuilder::new("a b", 0, "x").format("0")), b'm', BuildProblem::Token),
        (base().media(MediaBuilder::new("a", 0, "x//y").format("0")), b'm', BuildProblem::Empty),
        (SdpBuilder::new("s").media(media()), b'c', BuildProblem::NoConnection),
    ] {
        assert_eq!(builder.build(), Err(BuildError { line, problem }));
    }
    let error = base().flag("x y").build().unwrap_err();
    assert_eq!(error.to_string(), "a name that is not a token in a a= line");
}

/// RFC 8866 §5.9-5.11, with the example of a session on Monday and Tuesday.
#[test]
fn times_and_people_both_ways() {
    let text = SdpBuilder::new("s")
        .email("Ann <ann@example.com>")
        .email("ben@example.com (Ben)")
        .phone("+44 20 7946 0000")
        .connection([0, 0, 0, 0].into())
        .timing(3_724_394_400, 3_724_398_000)
        .timing(3_724_484_400, 0)
        .repeat(604_800, 3_600, &[0, 90_000])
        .repeat(60, 1, &[5])
        .zone_adjustment(3_730_928_400, -3_600)
        .zone_adjustment(3_749_680_800, 0)
        .key("prompt")
        .media(MediaBuilder::new("audio", 0, "RTP/AVP").format("0").key("clear:x"))
        .build()
        .unwrap();
    let sdp = Sdp::new(text.as_bytes());
    assert_eq!(sdp.quirks(), [], "{text}");
    assert_eq!(
        sdp.emails().collect::<Vec<_>>(),
        ["Ann <ann@example.com>", "ben@example.com (Ben)"]
    );
    assert_eq!(sdp.phones().collect::<Vec<_>>(), ["+44 20 7946 0000"]);
    let [first, second]: [Period<'_>; 2] = sdp.periods().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((first.timing().stop, first.repeats().count()), (3_724_398_000, 0));
    assert_eq!((second.timing().start, second.timing().stop), (3_724_484_400, 0));
    let repeats: Vec<_> = second
        .repeats()
        .map(|r| (r.interval, r.duration, r.offsets().collect::<Vec<_>>()))
        .collect();
    assert_eq!(repeats, [(604_800, 3_600, vec![0, 90_000]), (60, 1, vec![5])]);
    let zones: Vec<_> = sdp.zone_adjustments().map(|zone| (zone.at, zone.offset)).collect();
    assert_eq!(zones, [(3_730_928_400, -3_600), (3_749_680_800, 0)]);
    assert_eq!(sdp.key(), Some("prompt"));
    assert_eq!(sdp.media().next().unwrap().key(), Some("clear:x"));
    assert!(SdpBuilder::new("s").repeat(1, 1, &[]).build().is_err(), "no offset");
    assert!(SdpBuilder::new("s").email("a\nb").build().is_err());
}

#[test]
fn times_are_read_with_units_and_refused_as_quirks() {
    let zones = |text: &str| {
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=s\r\nt=0 0\r\n{text}\r\n");
        let sdp = Sdp::new(sdp.as_bytes());
        let zones: Vec<_> = sdp.zone_adjustments().map(|zone| (zone.at, zone.offset)).collect();
        (zones, sdp.quirks().first().map(|(quirk, _)| *quirk))
    };
    assert_eq!(zones("z=10 -1h 20 0"), (vec![(10, -3_600), (20, 0)], None));
    assert_eq!(zones("z=10 2m 20"), (vec![(10, 120)], Some(Quirk::Malformed)));
    assert_eq!(zones("z=x"), (vec![], Some(Quirk::Malformed)));
    for wrong in [
        "r=1 1",
        "r=7d 1h x",
        "r=-7d 1h 0",
        "r=99999999999999999999 1 0",
        "r=9223372036854775807d 1 0",
    ] {
        assert_eq!(zones(wrong), (vec![], Some(Quirk::Malformed)), "{wrong}");
    }
    assert_eq!(zones("r=7d 1h 0 25h"), (vec![], None));
}

#[test]
fn a_payload_type_is_listed_once_and_means_what_its_first_line_says() {
    let sdp = Sdp::new(
        b"m=audio 6000 RTP/AVP 97 0 97 128 96 x 18 8\r\na=rtpmap:96 opus/48000/2\r\n\
          a=rtpmap:96 other/8000\r\na=rtpmap:8 L16/16000\r\na=rtpmap:5 DVI4/8000\r\n",
    );
    let maps: Vec<_> = sdp.media().next().unwrap().payload_types().collect();
    let said: Vec<_> =
        maps.iter().map(|m| (m.payload_type, m.encoding, m.clock_rate, m.channels)).collect();
    // 97 means nothing, 5 is not listed, 128 and x are no payload types.
    assert_eq!(
        said,
        [
            (0, "PCMU", 8_000, 1),
            (96, "opus", 48_000, 2),
            (18, "G729", 8_000, 1),
            (8, "L16", 16_000, 1)
        ]
    );
}

#[test]
fn media_have_of_the_session_what_they_do_not_say_themselves() {
    let sdp = Sdp::new(
        b"c=IN IP4\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\na=range:npt=0-9\r\n\
          m=audio 1 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\na=sendonly\r\n\
          a=range:npt=1-2\r\nm=audio 3 RTP/AVP 0\r\nc=x\r\n",
    );
    let said: Vec<_> = sdp
        .media()
        .map(|m| (m.connection().map(|c| c.address), m.direction(), m.range()))
        .collect();
    let inherited = (Some("192.0.2.1"), Direction::RecvOnly, Some("npt=0-9"));
    let own = (Some("192.0.2.2"), Direction::SendOnly, Some("npt=1-2"));
    assert_eq!(said, [inherited, own, inherited]);
}

fn read_everything(sdp: Sdp<'_>) -> usize {
    let mut seen = sdp.lines().map(|l| l.raw.len()).sum::<usize>();
    seen += sdp.attributes().filter(|a| a.text().is_some()).count();
    seen += sdp.timings().count() + sdp.bandwidths().count();
    seen += sdp
        .periods()
        .flat_map(|period| period.repeats())
        .map(|r| r.offsets().count())
        .sum::<usize>();
    seen += sdp.zone_adjustments().count() + sdp.emails().count() + sdp.phones().count();
    seen += usize::from(sdp.origin().is_some()) + usize::from(sdp.connection().is_some());
    for media in sdp.media() {
        seen += media.formats().count() + media.rtpmaps().count() + media.lines().count();
        seen += usize::from(media.port().is_some()) + usize::from(media.ptime().is_some());
        seen += media.kind().len() + media.protocol().len() + media.payload_types().count();
        seen += media.range().map_or(0, str::len) + media.direction().name().len();
        seen += usize::from(media.connection().is_some_and(|c| c.ip().is_some()));
        seen += media.fmtp("96").map_or(0, |fmtp| fmtp.params().count());
    }
    seen
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_no_byte_is_lost(
        text in "([vosticbamrzepk]=[ -~]{0,12}[\r\n]{0,2}|[ -~\r\n]{0,5}){0,12}",
        noise: Vec<u8>,
    ) {
        for bytes in [text.as_bytes(), &noise] {
            let sdp = Sdp::new(bytes);
            let lines: usize = sdp.lines().map(|l| l.raw.len()).sum();
            let blank = |b: &&[u8]| b.iter().all(|b| matches!(b, b' ' | b'\t'));
            let expected: usize = bytes
                .split(|b| matches!(b, b'\r' | b'\n'))
                .filter(|line| !blank(line))
                .map(<[u8]>::len)
                .sum();
            prop_assert_eq!(lines, expected);
            prop_assert!(read_everything(sdp) >= lines);
            for (_, offset) in sdp.quirks() {
                prop_assert!(offset <= bytes.len());
            }
            let media: usize = sdp.media().map(|m| m.lines().count()).sum();
            prop_assert_eq!(media + sdp.session_lines().count(), sdp.lines().count());
        }
    }

    #[test]
    fn whatever_goes_into_the_builder_comes_out_well_formed_or_not_at_all(
        name in "[ -~\r\n]{0,8}",
        attribute in "[ -~\r\n]{0,6}",
        value in "[ -~\r\n\u{e9}]{0,8}",
        kind in "[ -~]{0,6}",
        format in "[ -~\n]{0,4}",
    ) {
        let built = SdpBuilder::new(name)
            .connection([192, 0, 2, 1].into())
            .attribute(attribute, value.as_str())
            .media(MediaBuilder::new(kind, 9, "RTP/AVP").format(format))
            .build();
        if let Ok(text) = built {
            let sdp = Sdp::new(text.as_bytes());
            prop_assert_eq!(sdp.quirks(), []);
            prop_assert_eq!(sdp.media().count(), 1);
            prop_assert_eq!(sdp.attributes().next().unwrap().text(), Some(value.as_str()));
        }
    }
}

//! Properties of every header that has a type: no text makes one panic, what is read is written
//! and read again as the same in both versions, and one odd byte in one header loses neither
//! the message nor any other header.
#![cfg(feature = "digest")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

use proptest::prelude::*;
use rtsp_proto::headers::*;
use rtsp_proto::{HeaderName, Index, Limits, Message, Method, StatusCode, TypedHeader, Version};
extern crate alloc;

use alloc::collections::BTreeSet;

/// A value of each header as the RFCs and devices write it; several where the forms differ.
const SAMPLES: &[(HeaderName, &[&str])] = &[
    (HeaderName::Accept, &["application/rtsl, application/sdp;level=-2;q=0.5", "*/*"]),
    (
        HeaderName::AcceptCredentials,
        &["User", "Proxy \"rtsps://proxy2.example/\";sha-256;exaIl9VMbQMOFGClx5rXnPJKVNI="],
    ),
    (HeaderName::AcceptEncoding, &["gzip;q=1.0, identity; q=0.5, *;q=0", ""]),
    (HeaderName::AcceptLanguage, &["da, en-gb;q=0.8, en;q=0.7"]),
    (HeaderName::AcceptRanges, &["npt, smpte, clock, npt"]),
    (HeaderName::Allow, &["SETUP, PLAY, RECORD, SET_PARAMETER"]),
    (
        HeaderName::AuthenticationInfo,
        &["nextnonce=\"n\", qop=auth, rspauth=\"00\", cnonce=\"c\", nc=00000001"],
    ),
    (
        HeaderName::Authorization,
        &[
            "Digest username=\"u\", realm=\"r, \\\"s\\\"\", nonce=\"n\", uri=\"rtsp://h/\", response=\"00112233445566778899aabbccddeeff\"",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ],
    ),
    (HeaderName::Bandwidth, &["62360"]),
    (HeaderName::Blocksize, &["1400"]),
    (
        HeaderName::CacheControl,
        &["public, max-stale=60, must-revalidate", "no-transform, x=\"a,b\""],
    ),
    (HeaderName::Conference, &["199702170042.SAA08642@obiwan.example.org%20Starr"]),
    (HeaderName::Connection, &["close, Keep-Alive"]),
    (HeaderName::ConnectionCredentials, &["\"rtsps://test.example.com\";MIIDNTCC,MIIDNTCC"]),
    (HeaderName::ContentBase, &["rtsp://media.example.com/movie/twister/"]),
    (HeaderName::ContentEncoding, &["gzip, deflate"]),
    (HeaderName::ContentLanguage, &["mi, en"]),
    (HeaderName::ContentLength, &["0", "367"]),
    (HeaderName::ContentLocation, &["rtsp://h/a.sdp", "/a.sdp"]),
    (HeaderName::ContentType, &["application/sdp", "text/parameters; charset=\"utf-8\";x"]),
    (HeaderName::CSeq, &["312", "4294967295"]),
    (HeaderName::Date, &["Tue, 15 Nov 1995 08:12:31 GMT", "Sun, Nov 22 2026 04:52:31 GMT"]),
    (HeaderName::Expires, &["Thu, 01 Dec 1994 16:00:00 GMT"]),
    (HeaderName::Frames, &["intra", "intra/4000", "predicted", "all"]),
    (HeaderName::From, &["webmaster@example.org", "sip:a@b.example"]),
    (HeaderName::Host, &["media.example.com:554"]),
    (HeaderName::IfMatch, &["\"b\", W/\"c\"", "*"]),
    (HeaderName::IfModifiedSince, &["Sat, 29 Oct 1994 19:43:31 GMT"]),
    (HeaderName::IfNoneMatch, &["\"xyzzy\"", "*"]),
    (HeaderName::Immediate, &["yes", "no"]),
    (HeaderName::KeyMgmt, &["prot=mikey; uri=\"rtsp://h/a\"; data=\"AQAFgM0XflABAAA=\""]),
    (HeaderName::LastModified, &["Tue, 15 Nov 1994 12:45:26 GMT"]),
    (HeaderName::Location, &["rtsp://example.com:8001"]),
    (
        HeaderName::MediaProperties,
        &[
            "Random-Access=3.0, Time-Progressing, Time-Duration=30.0, Scales=\"-20, -10, 0.5:1.5, 4\"",
        ],
    ),
    (HeaderName::MediaRange, &["npt=0-213.5", "clock=19960213T143205Z-;time=19970123T143720Z"]),
    (HeaderName::MTag, &["\"23423A13\"", "W/\"x\""]),
    (HeaderName::NotifyReason, &["end-of-stream", "media-properties-update"]),
    (HeaderName::PipelinedRequests, &["7654"]),
    (HeaderName::ProxyAuthenticate, &["Basic realm=\"p\", Digest realm=\"p\", nonce=\"n\""]),
    (HeaderName::ProxyAuthenticationInfo, &["nextnonce=\"n\""]),
    (HeaderName::ProxyAuthorization, &["Basic dTpw"]),
    (HeaderName::ProxyRequire, &["play.basic, gzipped-messages"]),
    (HeaderName::ProxySupported, &["com.example.foo"]),
    (HeaderName::Public, &["OPTIONS, DESCRIBE SETUP;PLAY,,X-EXT"]),
    (
        HeaderName::Range,
        &[
            "npt=10-20",
            "npt=1.-",
            "npt=now-",
            "npt=-20",
            "smpte=10:12:33:20.5-;time=19970123T153600Z",
            "smpte-30-drop=10:07:00-10:07:33:05.01",
            "smpte-25=0:10:20-",
            "clock=19961108T142300.25Z-19961108T143520Z",
            "furlong=1-2",
        ],
    ),
    (HeaderName::RateControl, &["yes", "no"]),
    (HeaderName::Referer, &["rtsp://h/a", "/b"]),
    (HeaderName::Referrer, &["rtsp://h/a"]),
    (HeaderName::RequestStatus, &["cseq=5 status=200 reason=\"OK\""]),
    (HeaderName::Require, &["com.vendor.abc, www.onvif.org/ver20/backchannel"]),
    (HeaderName::RetryAfter, &["120", "Fri, 31 Dec 1999 23:59:59 GMT"]),
    (
        HeaderName::RtpInfo,
        &[
            "url=rtsp://h/a,b;c;seq=7;rtptime=99, url=t2;seq=8",
            "url=\"rtsp://h/a\" ssrc=0A13C760:seq=45102;rtptime=12345678",
        ],
    ),
    (HeaderName::Scale, &["-3.5", "1"]),
    (HeaderName::SeekStyle, &["RAP", "CoRAP", "First-Prior", "X-Odd"]),
    (HeaderName::Server, &["PhonyServer/1.0 (Linux; (x)) other"]),
    (HeaderName::Session, &["12345678;timeout=60", "a-Z_0.+"]),
    (HeaderName::Speed, &["2.5", "1.0-2.5"]),
    (HeaderName::Supported, &["play.basic, setup.rtp.rtcp.mux"]),
    (
        HeaderName::TerminateReason,
        &["Server-Admin ;time=npt=33", "Session-Timeout", "Internal-Error;user-msg=\"a; b\""],
    ),
    (HeaderName::Timestamp, &["17.5 0.25", "12."]),
    (
        HeaderName::Transport,
        &[
            "RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;ssrc=2A3F93ED;mode=\"PLAY\"",
            "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record;append",
            "RTP/AVP;multicast;destination=224.2.0.1;port=3456-3457;ttl=127;layers=2",
            "RTP/SAVPF/UDP;unicast;dest_addr=\"[::1]:5000\"/\"[::1]:5001\";src_addr=\":6000\"/\":6001\";RTCP-mux;setup=active;connection=new;MIKEY=\"AQAF\";x-odd=\"a,b;c\"",
            "MP2T/H2221/UDP;unicast;source=10.0.0.1;port=9",
        ],
    ),
    (HeaderName::Unsupported, &["funky-feature"]),
    (HeaderName::UserAgent, &["PhonyClient/1.2 (a) x/y"]),
    (HeaderName::Vary, &["Accept-Language, User-Agent", "*"]),
    (HeaderName::Via, &["2.0 proxy.example.com, 1.0 [::1]:554 (x), RTSP/2.0 fred"]),
    (
        HeaderName::WwwAuthenticate,
        &["Digest realm=\"a, b\", nonce=\"n\", qop=\"auth,auth-int\", Basic realm=\"c\""],
    ),
];

/// Hands every type to a macro, by what can be asked of it: plain ones are compared whole, lists
/// element by element, the rest by what they show.
macro_rules! for_each {
    ($do:ident) => {
        $do! {
            plain: Bandwidth, Blocksize, CSeq, Conference, ConnectionCredentials,
                ContentBase, ContentLength, ContentLocation, Date, Expires, Frames, Host,
                IfModifiedSince, Immediate, LastModified, Location, MTag, NotifyReason,
                PipelinedRequests, Range, RateControl, Referer,
                Referrer, RetryAfter, Scale, SeekStyle, Server, Session, TerminateReason,
                UserAgent;
            lists: Accept, AcceptEncoding, AcceptLanguage, AcceptRanges, CacheControl,
                Connection, ContentEncoding, ContentLanguage, KeyMgmt, MediaProperties,
                MediaRange, ProxyRequire, ProxySupported, Require, Supported, Unsupported, Vary, Via;
            shown: AcceptCredentials, AuthenticationInfo, Authorization, ContentType, FromHeader, IfMatch, IfNoneMatch, ProxyAuthenticate,
                ProxyAuthenticationInfo, ProxyAuthorization, RequestStatus, Timestamp, WwwAuthenticate;
            read: Allow, Public, Speed
        }
    };
}

/// Each header name has a type that reads it, and a sample.
#[test]
fn no_header_is_without_a_type_and_a_sample() {
    macro_rules! names {
        ($($kind:ident: $($type:ident),*);*) => { [$($($type::NAME),*),*] };
    }
    let mut typed: BTreeSet<&str> = for_each!(names).iter().map(|name| name.as_str()).collect();
    // Their entries are read one by one, by `RtpInfos` and `Transports`.
    typed.extend([HeaderName::RtpInfo.as_str(), HeaderName::Transport.as_str()]);
    let all: BTreeSet<&str> = HeaderName::ALL.iter().map(|name| name.as_str()).collect();
    assert_eq!(typed, all);
    let sampled: BTreeSet<&str> = SAMPLES.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(sampled, all);
}

/// The headers of RFC 2326 §12, RFC 7826 §18, RFC 4567 §3.1 and ONVIF's streaming specification,
/// by the names in their texts: a name that is missing here would be missing in `ALL` unseen.
#[test]
fn every_header_of_the_specifications_has_a_name() {
    const SPECIFIED: &str = "Accept Accept-Encoding Accept-Language Allow Authorization Bandwidth \
        Blocksize Cache-Control Conference Connection Content-Base Content-Encoding \
        Content-Language Content-Length Content-Location Content-Type CSeq Date Expires From Host \
        If-Match If-Modified-Since Last-Modified Location Proxy-Authenticate Proxy-Require Public \
        Range Referer Retry-After Require RTP-Info Scale Speed Server Session Timestamp Transport \
        Unsupported User-Agent Vary Via WWW-Authenticate \
        Accept-Credentials Accept-Ranges Authentication-Info Connection-Credentials If-None-Match \
        Media-Properties Media-Range MTag Notify-Reason Pipelined-Requests \
        Proxy-Authentication-Info Proxy-Authorization Proxy-Supported Referrer Request-Status \
        Seek-Style Supported Terminate-Reason KeyMgmt Frames Rate-Control Immediate";
    let specified: BTreeSet<&str> = SPECIFIED.split_whitespace().collect();
    let all: BTreeSet<&str> = HeaderName::ALL.iter().map(|name| name.as_str()).collect();
    assert_eq!(specified, all);
}

/// The status codes of RFC 2326 §7.1.1, RFC 7826 §17, RFC 4567 §4.2 and RFC 7825 §4.5, and the
/// methods of both RFCs.
#[test]
fn every_status_and_method_of_the_specifications_has_a_name() {
    const CODES: &[u16] = &[
        100, 150, 200, 201, 250, 300, 301, 302, 303, 304, 305, 400, 401, 402, 403, 404, 405, 406,
        407, 408, 410, 411, 412, 413, 414, 415, 451, 452, 453, 454, 455, 456, 457, 458, 459, 460,
        461, 462, 463, 464, 465, 466, 470, 471, 472, 480, 500, 501, 502, 503, 504, 505, 551, 553,
    ];
    for code in 100..1_000 {
        let reason = StatusCode::new(code).unwrap().reason(Version::V2_0);
        assert_eq!(!reason.is_empty(), CODES.contains(&code), "{code} {reason:?}");
    }
    let methods = "DESCRIBE ANNOUNCE GET_PARAMETER OPTIONS PAUSE PLAY PLAY_NOTIFY RECORD REDIRECT \
        SETUP SET_PARAMETER TEARDOWN";
    let specified: BTreeSet<&str> = methods.split_whitespace().collect();
    assert_eq!(
        Method::KNOWN.iter().map(|method| method.name()).collect::<BTreeSet<_>>(),
        specified
    );
}

/// Every sample is read by its own type.
#[test]
fn every_sample_is_read() {
    macro_rules! reads {
        ($name:ident, $value:ident, $($kind:ident: $($type:ident),*);*) => {
            $($( if $name == $type::NAME {
                let read = $type::parse($value);
                assert!(read.is_ok(), "{}: {} {read:?}", $name.as_str(), $value.escape_ascii());
            } )*)*
        };
    }
    for (name, values) in SAMPLES {
        for value in *values {
            let (name, value) = (*name, value.as_bytes());
            macro_rules! here {
                ($($all:tt)*) => { reads!(name, value, $($all)*) };
            }
            for_each!(here);
            check(value);
        }
    }
    for value in SAMPLES.iter().find(|(name, _)| *name == HeaderName::RtpInfo).unwrap().1 {
        assert!(RtpInfos::new(value.as_bytes()).all(|info| info.seq.is_some()), "{value}");
    }
    for value in SAMPLES.iter().find(|(name, _)| *name == HeaderName::Transport).unwrap().1 {
        assert!(Transport::parse(value.as_bytes()).is_ok(), "{value}");
    }
}

/// Reads `value` as every header; what can be read is written and read again as the same.
fn check(value: &[u8]) {
    // Control bytes do not get through the head scanner, nor out of a writer.
    let is_plain = value.iter().all(|b| *b >= b' ' && *b != 0x7f) && value.trim_ascii() == value;
    macro_rules! check_all {
        (plain: $($plain:ident),*; lists: $($list:ident),*; shown: $($shown:ident),*; read: $($read:ident),*) => {
            $( match $plain::parse(value) {
                Ok(header) if is_plain => {
                    let text = header.to_string();
                    assert_eq!($plain::parse(text.as_bytes()).as_ref(), Ok(&header), "{}: {text:?}", stringify!($plain));
                }
                Ok(header) => assert!(!format!("{header:?}").is_empty()),
                Err(error) => assert!(error.offset() <= value.len(), "{}", stringify!($plain)),
            } )*
            $( match $list::parse(value) {
                Ok(header) => {
                    let good: Vec<_> = header.iter().filter(Result::is_ok).collect();
                    let text = header.to_string();
                    let again = $list::parse(text.as_bytes()).map(|again| again.iter().collect::<Vec<_>>());
                    if is_plain {
                        assert_eq!(again, Ok(good), "{}: {text:?}", stringify!($list));
                    }
                }
                Err(error) => assert!(error.offset() <= value.len(), "{}", stringify!($list)),
            } )*
            $( match $shown::parse(value) {
                Ok(header) => {
                    let text = header.to_string();
                    let again = $shown::parse(text.as_bytes()).map(|again| again.to_string());
                    if is_plain {
                        assert_eq!(again.as_deref(), Ok(&*text), "{}", stringify!($shown));
                    }
                }
                Err(error) => assert!(error.offset() <= value.len(), "{}", stringify!($shown)),
            } )*
            $( if let Err(error) = $read::parse(value) {
                assert!(error.offset() <= value.len(), "{}", stringify!($read));
            } )*
        };
    }
    for_each!(check_all);
    // The known methods; that there are others is known too, but not which.
    if let (Ok(Allow(methods)), Ok(Public(same))) = (Allow::parse(value), Public::parse(value)) {
        assert_eq!(methods, same);
        let Allow(again) = Allow::parse(methods.to_string().as_bytes()).unwrap();
        assert!(again.iter().eq(methods.iter()), "{methods}");
    }
    for version in [Version::V1_0, Version::V2_0] {
        versioned(value, version);
    }
}

/// What is written otherwise in the other version: it means the same.
fn versioned(value: &[u8], version: Version) {
    if let Ok(speed) = Speed::parse(value) {
        // 1.0 has no ranges: it says the lower end, which is read as both.
        let text = speed.for_version(version).to_string();
        let again = Speed::parse(text.as_bytes()).unwrap();
        assert_eq!(again.for_version(version).to_string(), text);
        assert!(version == Version::V1_0 || again == speed, "{text}");
    }
    if let Ok(Date(date)) = Date::parse(value) {
        let text = date.for_version(version).to_string();
        assert_eq!(Date::parse(text.as_bytes()), Ok(Date(date)), "{text}");
    }
    for info in RtpInfos::new(value) {
        if info.url.is_empty() || info.url.contains(['"', ' ', ',', ';', '\t', '\r', '\n']) {
            continue;
        }
        let text = info.for_version(version).to_string();
        let again: Vec<_> = RtpInfos::new(text.as_bytes()).collect();
        let [again] = &again[..] else { panic!("{text}: {again:?}") };
        assert_eq!((again.seq, again.rtptime), (info.seq, info.rtptime), "{text}");
    }
    for transport in Transports::new(value).flatten() {
        // An id that is no text is not written, only kept.
        if !transport.id().is_ascii() {
            continue;
        }
        let text = transport.for_version(version).to_string();
        let again: Vec<_> = Transports::new(text.as_bytes()).collect();
        let [Ok(again)] = &again[..] else { panic!("{text}: {again:?}") };
        // Where interleaved UDP contradicted itself, it is read as TCP; then the form is stable.
        let settled = again.for_version(version).to_string();
        let last = Transport::parse(settled.as_bytes()).unwrap();
        assert_eq!(last.for_version(version).to_string(), settled, "{}", value.escape_ascii());
        assert_eq!(again.profile, transport.profile, "{text}");
        assert_eq!(again.interleaved, transport.interleaved, "{text}");
        assert_eq!(again.ssrc, transport.ssrc, "{text}");
    }
}

/// A sample with some bytes changed, left out or put in.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let values: Vec<&'static str> =
        SAMPLES.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let change = (any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), any::<prop::sample::Index>());
    let values = prop::sample::select(values);
    (values, prop::collection::vec(change, 0..4)).prop_map(|(value, changes)| {
        const LIKELY: &[u8] = b"\",;=-/:.*()<> \\0123456789aZ%[]";
        let mut bytes = value.as_bytes().to_vec();
        for (at, kind, byte, likely) in changes {
            let at = at.index(bytes.len() + 1);
            let byte = if byte < 160 { LIKELY[likely.index(LIKELY.len())] } else { byte };
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
    })
}

/// A request with one line of every header; the line of `odd` has `byte` at `at`.
fn whole_message(odd: Option<(usize, usize, u8)>) -> (Vec<u8>, Vec<(HeaderName, String)>) {
    let mut bytes = b"PLAY rtsp://h/a RTSP/1.0\r\n".to_vec();
    let mut lines = Vec::new();
    for (number, (name, values)) in SAMPLES.iter().enumerate() {
        let value = if *name == HeaderName::ContentLength { "0" } else { values[0] };
        let mut line = value.as_bytes().to_vec();
        match odd {
            Some((odd, at, byte)) if odd == number && !line.is_empty() => {
                let at = at % line.len();
                line[at] = byte;
            }
            _ => lines.push((*name, value.to_owned())),
        }
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(&line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    (bytes, lines)
}

#[test]
fn a_message_with_every_header_is_read_and_kept() {
    let (bytes, lines) = whole_message(None);
    assert_eq!(lines.len(), HeaderName::ALL.len());
    let mut index = Index::new();
    let (message, _) = Message::parse(&bytes, &mut index, &Limits::default()).unwrap().unwrap();
    let Message::Request(request) = message else { panic!("a request") };
    let headers = request.headers();
    for (name, value) in lines {
        assert_eq!(headers.get(name), Some(value.as_str()), "{}", name.as_str());
    }
    assert_eq!(request.to_buf().into_bytes(), bytes, "byte for byte");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics_and_what_is_read_is_written_again(value in mutated()) {
        check(&value);
    }

    #[test]
    fn random_bytes_panic_nowhere(value in prop::collection::vec(any::<u8>(), 0..48)) {
        check(&value);
    }

    /// Any byte at all but a line end, anywhere in the value of any header.
    #[test]
    fn one_odd_byte_in_one_header_loses_nothing_else(
        number in 0..SAMPLES.len(),
        at in 0..200_usize,
        byte in any::<u8>().prop_filter("a line end", |b| !matches!(b, b'\r' | b'\n')),
    ) {
        let odd = SAMPLES[number].0;
        // What its length says, decides where the message ends.
        prop_assume!(odd != HeaderName::ContentLength);
        let (bytes, lines) = whole_message(Some((number, at, byte)));
        let mut index = Index::new();
        let (message, used) = Message::parse(&bytes, &mut index, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        let Message::Request(request) = message else { panic!("a request") };
        prop_assert_eq!((request.method_name(), request.uri()), ("PLAY", "rtsp://h/a"));
        for (name, value) in &lines {
            prop_assert_eq!(request.headers().get(*name), Some(value.as_str()));
        }
        prop_assert!(request.headers().bytes(odd).is_some(), "the line itself is there too");
    }
}

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;
use crate::headers::{Delivery, NptTime, PortPair, Range, Session};
use crate::{Framer, HeaderName, Method, Unit};
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::head::Quirk;
use proto_wire::testing::chunks::assert_chunk_invariant;
use proto_wire::{LimitKind, ParseErrorKind};

/// What a message is, in one line per fact: to compare two readings of it.
fn described(message: Message<'_>) -> Vec<String> {
    let mut facts = match message {
        Message::Request(request) => {
            let (method, uri) = (request.method_name(), request.uri());
            vec![format!("{method} {uri} {}", request.version())]
        }
        Message::Response(response) => {
            let (version, status) = (response.version(), response.status());
            vec![format!("{version} {status} {}", response.reason())]
        }
    };
    for (name, value) in message.headers().iter() {
        facts.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
    }
    let body = match message {
        Message::Request(request) => request.body(),
        Message::Response(response) => response.body(),
    };
    facts.push(format!("{}", body.escape_ascii()));
    facts
}

fn parsed(bytes: &[u8]) -> Result<Vec<String>, (ParseErrorKind, usize)> {
    let mut index = Index::new();
    match Message::parse(bytes, &mut index, &Limits::default()) {
        Ok(Some((message, used))) => {
            assert_eq!(used, bytes.len(), "the whole of it is one message");
            Ok(described(message))
        }
        Ok(None) => Err((ParseErrorKind::Truncated, bytes.len())),
        Err(error) => Err((error.kind(), error.offset())),
    }
}

/// Writes a message again with the builders.
fn rebuilt(message: Message<'_>) -> Bytes {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let length = |name: &&[u8]| !name.eq_ignore_ascii_case(b"Content-Length");
    match message {
        Message::Request(request) => {
            let mut builder = match request.method() {
                Method::Extension => {
                    RequestBuilder::extension(request.method_name(), request.uri())
                }
                method => RequestBuilder::new(method, request.uri()),
            };
            for (name, value) in request.headers().iter().filter(|(name, _)| length(name)) {
                builder = builder.header_named(&text(name), unfolded(value));
            }
            let mut bytes =
                bytes::BytesMut::from(&builder.version(request.version()).to_bytes().unwrap()[..]);
            append_body(&mut bytes, request.body());
            bytes.freeze()
        }
        Message::Response(response) => {
            let mut builder = ResponseBuilder::new(response.status()).reason(response.reason());
            for (name, value) in response.headers().iter().filter(|(name, _)| length(name)) {
                builder = builder.header_named(&text(name), unfolded(value));
            }
            let mut bytes =
                bytes::BytesMut::from(&builder.version(response.version()).to_bytes().unwrap()[..]);
            append_body(&mut bytes, response.body());
            bytes.freeze()
        }
    }
}

fn unfolded(value: &[u8]) -> String {
    String::from_utf8_lossy(&proto_wire::head::unfold(value)).into_owned()
}

fn append_body(bytes: &mut bytes::BytesMut, body: &[u8]) {
    if !body.is_empty() {
        bytes.truncate(bytes.len() - 2);
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
    }
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// Example messages of RFC 2326 (§10, §14) and RFC 7826 (§13, appendix A), with the
/// lengths of bodies set right where the RFC only hints at the body.
const EXAMPLES: &[&str] = &[
    "OPTIONS * RTSP/1.0\nCSeq: 1\nRequire: implicit-play\nProxy-Require: gzipped-messages\n\n",
    "RTSP/1.0 200 OK\nCSeq: 1\nPublic: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE\n\n",
    "DESCRIBE rtsp://server.example.com/fizzle/foo RTSP/1.0\nCSeq: 312\nAccept: application/sdp, application/rtsl, application/mheg\n\n",
    "RTSP/1.0 200 OK\nCSeq: 312\nDate: 23 Jan 1997 15:35:06 GMT\nContent-Type: application/sdp\nContent-Length: 36\n\nv=0\no=mhandley 1 1 IN IP4 1.2.3.4\n",
    "ANNOUNCE rtsp://server.example.com/fizzle/foo RTSP/1.0\nCSeq: 312\nDate: 23 Jan 1997 15:35:06 GMT\nSession: 47112344\nContent-Type: application/sdp\nContent-Length: 5\n\nv=0\n",
    "SETUP rtsp://example.com/foo/bar/baz.rm RTSP/1.0\nCSeq: 302\nTransport: RTP/AVP;unicast;client_port=4588-4589\n\n",
    "RTSP/1.0 200 OK\nCSeq: 302\nDate: 23 Jan 1997 15:35:06 GMT\nSession: 47112344\nTransport: RTP/AVP;unicast;\n  client_port=4588-4589;server_port=6256-6257\n\n",
    "PLAY rtsp://audio.example.com/audio RTSP/1.0\nCSeq: 835\nSession: 12345678\nRange: npt=10-15\n\n",
    "PLAY rtsp://audio.example.com/twister.en RTSP/1.0\nCSeq: 833\nSession: 12345678\nRange: smpte=0:10:20-;time=19970123T153600Z\n\n",
    "RTSP/1.0 200 OK\nCSeq: 835\nDate: 23 Jan 1997 15:35:06 GMT\nRange: clock=19961108T142300Z-19961108T143520Z\n\n",
    "PAUSE rtsp://example.com/fizzle/foo RTSP/1.0\nCSeq: 834\nSession: 12345678\n\n",
    "TEARDOWN rtsp://example.com/fizzle/foo RTSP/1.0\nCSeq: 892\nSession: 12345678\n\n",
    "GET_PARAMETER rtsp://example.com/fizzle/foo RTSP/1.0\nCSeq: 431\nContent-Type: text/parameters\nSession: 12345678\nContent-Length: 26\n\npackets_received\njitter\n",
    "SET_PARAMETER rtsp://example.com/fizzle/foo RTSP/1.0\nCSeq: 421\nContent-length: 20\nContent-type: text/parameters\n\nbarparam: barstuff\n",
    "RTSP/1.0 451 Invalid Parameter\nCSeq: 421\nContent-length: 10\nContent-type: text/parameters\n\nbarparam\n",
    "REDIRECT rtsp://example.com/fizzle/foo RTSP/1.0\nCSeq: 732\nLocation: rtsp://bigserver.com:8001\nRange: clock=19960213T143205Z-\n\n",
    "RECORD rtsp://example.com/meeting/audio.en RTSP/1.0\nCSeq: 954\nSession: 12345678\nConference: 128.16.64.19/32492374\n\n",
    "RTSP/1.0 200 OK\nCSeq: 3\nSession: 12345678\nRTP-Info: url=rtsp://foo.com/bar.avi/streamid=0;seq=45102,\n  url=rtsp://foo.com/bar.avi/streamid=1;seq=30211\n\n",
    "OPTIONS rtsp://server.example.com RTSP/2.0\nCSeq: 1\nUser-Agent: PhonyClient/1.2\nProxy-Require: gzipped-messages\nSupported: play.basic\n\n",
    "RTSP/2.0 200 OK\nCSeq: 1\nPublic: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE, OPTIONS\nServer: PhonyServer/1.1\nSupported: play.basic, implicit-play, gzipped-messages\n\n",
    "SETUP rtsp://example.com/foo/bar/baz.rm RTSP/2.0\nCSeq: 302\nTransport: RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\",\n        RTP/AVP/TCP;unicast;interleaved=0-1\nAccept-Ranges: npt, clock\nUser-Agent: PhonyClient/1.2\n\n",
    "RTSP/2.0 200 OK\nCSeq: 302\nDate: Fri, 20 Dec 2013 10:20:32 +0000\nServer: PhonyServer/1.1\nSession: QKyjN8nt2WqbWw4tIYof52;timeout=60\nTransport: RTP/AVP;unicast;dest_addr=\"192.0.2.53:4588\"/\n           \"192.0.2.53:4589\"; src_addr=\"198.51.100.241:6256\"/\n           \"198.51.100.241:6257\"; ssrc=2A3F93ED\nAccept-Ranges: npt\nMedia-Properties: Random-Access=3.2, Time-Progressing,\n                  Time-Duration=3600.0\nMedia-Range: npt=0-2893.23\n\n",
    "PLAY rtsp://example.com/audio RTSP/2.0\nCSeq: 836\nSession: ULExwZCXh2pd0xuFgkgZJW\nRange: npt=25-\nUser-Agent: PhonyClient/1.2\n\n",
    "RTSP/2.0 200 OK\nCSeq: 836\nDate: Fri, 20 Dec 2013 10:20:32 +0000\nServer: PhonyServer/1.0\nRange: npt=25-\nSeek-Style: Next\nRTP-Info: url=\"rtsp://example.com/fizzle/audiotrack\"\n    ssrc=0D12F123:seq=5712;rtptime=934207921,\n    url=\"rtsp://example.com/fizzle/videotrack\"\n    ssrc=4FAD8726:seq=57654;rtptime=2792482193\n\n",
    "PLAY_NOTIFY rtsp://example.com/fizzle/foo RTSP/2.0\nCSeq: 854\nNotify-Reason: end-of-stream\nRequest-Status: cseq=853 status=200 reason=\"OK\"\nRange: npt=-145\nRTP-Info:url=\"rtsp://example.com/fizzle/foo/audio\"\n   ssrc=0D12F123:seq=14783;rtptime=2345962545\nSession: CDtUJfDQXJWtJ7Iqua2xOi\nDate: Mon, 08 Mar 2010 13:37:16 GMT\n\n",
    "REDIRECT rtsp://example.com/fizzle/foo RTSP/2.0\nCSeq: 732\nLocation: rtsp://s2.example.com:8001/fizzle/foo\nTerminate-Reason: Server-Admin ;time=19960213T143205Z\nSession: uZ3ci0K+Ld-M\n\n",
    "GET_PARAMETER rtsp://example.com/fizzle/foo RTSP/2.0\nCSeq: 431\nUser-Agent: PhonyClient/1.2\nSession: OccldOFFq23KwjYpAnBbUr\nDate: Mon, 08 Mar 2010 13:43:23 GMT\nRange:\nScale:\nSpeed:\n\n",
    "RTSP/2.0 551 Option Not Supported\nCSeq: 302\nUnsupported: nsa-trapdoor\n\n",
];

#[test]
fn the_examples_of_the_rfcs_parse_print_and_parse_again() {
    for example in EXAMPLES {
        let bytes = crlf(example);
        let mut index = Index::new();
        let parsed = Message::parse(&bytes, &mut index, &Limits::default());
        let (message, used) = parsed.unwrap().unwrap();
        assert_eq!(used, bytes.len(), "{example}");
        assert!(index_is_clean(message), "{example}");
        let again = rebuilt(message);
        let mut second = Index::new();
        let (read, _) = Message::parse(&again, &mut second, &Limits::default()).unwrap().unwrap();
        let normal = |message| -> Vec<String> {
            let mut facts: Vec<_> = described(message)
                .into_iter()
                .map(|fact| fact.split("\\r\\n").map(str::trim).collect::<Vec<_>>().join(" "))
                .filter(|fact| !fact.to_ascii_lowercase().starts_with("content-length"))
                .collect();
            // The body keeps its line ends.
            facts.pop();
            facts
        };
        assert_eq!(normal(read), normal(message), "{example}");
        assert_eq!(rebuilt(read), again);
    }
}

/// Only what the examples themselves contain: folds and empty values.
fn index_is_clean(message: Message<'_>) -> bool {
    let quirks = match message {
        Message::Request(request) => request.quirks(),
        Message::Response(response) => response.quirks(),
    };
    quirks.iter().all(|(quirk, _)| matches!(quirk, Quirk::Folded | Quirk::EmptyValue))
}

#[test]
fn typed_headers_of_a_setup() {
    let bytes = crlf(
        "SETUP rtsp://h/a/t RTSP/1.0\nCSeq: 3\nTransport: RTP/AVP;unicast;client_port=4588-4589\nSession: 12;timeout=9\nRange: npt=1.5-\n\n",
    );
    let mut index = Index::new();
    let parsed = Message::parse(&bytes, &mut index, &Limits::default());
    let Some((Message::Request(request), _)) = parsed.unwrap() else { panic!("it is a request") };
    let headers = request.headers();
    assert_eq!(request.cseq(), Some(3));
    let transport = headers.transports().next().unwrap().unwrap();
    assert_eq!(transport.delivery, Some(Delivery::Unicast));
    assert_eq!(transport.client_port, Some(PortPair::new(4588, Some(4589))));
    let session: Session<'_> = headers.typed().unwrap().unwrap();
    assert_eq!((session.id, session.timeout_secs), ("12", Some(9)));
    let range: Range<'_> = headers.typed().unwrap().unwrap();
    assert_eq!(range.as_npt().unwrap().start, Some(NptTime::At(Duration::from_millis(1500))));
    assert_eq!(request.to_buf().view().uri(), request.uri());
}

#[test]
fn errors_of_typed_headers_count_from_the_start_of_the_message() {
    let bytes = b"PLAY * RTSP/1.0\r\nRange: npt=x-\r\n\r\n";
    let mut index = Index::new();
    let (message, _) = Message::parse(bytes, &mut index, &Limits::default()).unwrap().unwrap();
    let error = message.headers().typed::<Range<'_>>().unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ParseErrorKind::Range, 28));
}

/// Each row: bytes, what comes out, and the quirk that says what was tolerated.
#[test]
fn start_lines_that_devices_send() {
    for (line, first, quirk) in [
        ("RTSP/1.0 200", "RTSP/1.0 200 ", Some(Quirk::NoReason)),
        ("RTSP/1.0 200 ", "RTSP/1.0 200 ", Some(Quirk::NoReason)),
        ("RTSP/1.0 786 Odd Code", "RTSP/1.0 786 Odd Code", None),
        ("RTSP/1.0  200 OK", "RTSP/1.0 200 OK", Some(Quirk::StartLineSpace)),
        ("rtsp/1.0 200 OK", "RTSP/1.0 200 OK", Some(Quirk::OddVersion)),
        ("PLAY  rtsp://h/  RTSP/1.0", "PLAY rtsp://h/ RTSP/1.0", Some(Quirk::StartLineSpace)),
        ("PLAY rtsp://h/ RTSP/1.0 ", "PLAY rtsp://h/ RTSP/1.0", Some(Quirk::StartLineSpace)),
        ("PLAY /abs/path RTSP/1.0", "PLAY /abs/path RTSP/1.0", None),
        ("PLAY rtsp://h/\u{e9} RTSP/2.0", "PLAY rtsp://h/\u{e9} RTSP/2.0", None),
        ("OPTIONS * RTSP/9.9", "OPTIONS * RTSP/9.9", Some(Quirk::OddVersion)),
        ("X-DIALECT * RTSP/1.0", "X-DIALECT * RTSP/1.0", None),
    ] {
        let bytes = format!("{line}\r\nCSeq: 1\r\n\r\n").into_bytes();
        assert_eq!(parsed(&bytes).unwrap()[0], first, "{line}");
        let mut index = Index::new();
        let read = Message::parse(&bytes, &mut index, &Limits::default());
        assert!(read.is_ok());
        let found = index.head().quirks().iter().next().map(|(quirk, _)| quirk);
        assert_eq!(found, quirk, "{line}");
    }
}

#[test]
fn start_lines_that_make_no_sense() {
    for (line, kind, offset) in [
        ("GARBAGE", ParseErrorKind::StartLine, 0),
        ("PLAY rtsp://h/", ParseErrorKind::StartLine, 4),
        ("PL@Y * RTSP/1.0", ParseErrorKind::Method, 0),
        ("PLAY a b RTSP/1.0", ParseErrorKind::Uri, 6),
        ("PLAY * HTTP/1.1", ParseErrorKind::Version, 7),
        ("PLAY * RTSP/1", ParseErrorKind::Version, 7),
        ("PLAY * RTSP/300.0", ParseErrorKind::Version, 7),
        ("RTSP/1.0 20 OK", ParseErrorKind::StatusCode, 9),
        ("RTSP/1.0 2000 OK", ParseErrorKind::StatusCode, 9),
        ("RTSP/1.0 abc", ParseErrorKind::StatusCode, 9),
        ("RTSP/1.0", ParseErrorKind::StatusCode, 8),
        ("RTSP/x 200 OK", ParseErrorKind::Version, 0),
    ] {
        let bytes = format!("{line}\r\nCSeq: 1\r\n\r\n").into_bytes();
        assert_eq!(parsed(&bytes), Err((kind, offset)), "{line}");
    }
}

/// One odd byte in one header never loses the message.
#[test]
fn odd_header_lines_lose_nothing_else() {
    let bytes = b"RTSP/1.0 200 OK\r\nServer: caf\xe9\r\nContent-Base:\r\nX Y: 1\r\nno colon\r\nCseq : 7\r\n\r\n";
    let mut index = Index::new();
    let parsed = Message::parse(bytes, &mut index, &Limits::default());
    let Some((Message::Response(response), _)) = parsed.unwrap() else {
        panic!("it is a response")
    };
    assert_eq!(response.cseq(), Some(7));
    assert_eq!(response.headers().get(HeaderName::Server), None);
    let server = response.headers().bytes(HeaderName::Server);
    assert_eq!(server, Some(&b"caf\xe9"[..]));
    assert_eq!(response.headers().get(HeaderName::ContentBase), Some(""));
    let names: Vec<_> = response.quirks().iter().map(|(q, _)| q.as_str()).collect();
    assert_eq!(names, ["non-utf8", "empty-value", "bad-name", "no-colon", "space-before-colon"]);
}

#[test]
fn content_length_has_one_rule() {
    let with = |length: &str| parsed(format!("PLAY * RTSP/1.0\r\n{length}\r\nabcde").as_bytes());
    assert_eq!(with("Content-Length: 5\r\n").unwrap().last().unwrap(), "abcde");
    for (length, kind, offset) in [
        ("Content-Length: +5\r\n", ParseErrorKind::ContentLength, 33),
        ("Content-Length: -1\r\n", ParseErrorKind::ContentLength, 33),
        ("Content-Length: 5\r\nContent-Length: 3\r\n", ParseErrorKind::ContentLengthConflict, 52),
        ("Content-Length: 18446744073709551616\r\n", ParseErrorKind::ContentLength, 33),
        ("Content-Length: 18446744073709551615\r\n", ParseErrorKind::Limit(LimitKind::Body), 33),
    ] {
        assert_eq!(with(length), Err((kind, offset)), "{length}");
    }
}

#[test]
fn the_body_limit_holds_at_n_and_not_at_n_plus_1() {
    let limits = Limits::default().with_body_max(4);
    let message = |n| format!("PLAY * RTSP/1.0\r\nContent-Length: {n}\r\n\r\nabcde");
    let mut index = Index::new();
    assert!(Message::parse(message(4).as_bytes(), &mut index, &limits).unwrap().is_some());
    let error = Message::parse(message(5).as_bytes(), &mut index, &limits).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::Limit(LimitKind::Body));
}

#[test]
fn head_limits_hold_at_n_and_not_at_n_plus_1() {
    let head = b"PLAY * RTSP/1.0\r\nA: 1\r\nB: 2\r\n\r\n";
    let mut index = Index::new();
    let ok = Limits::default().with_head_max(head.len()).with_header_count_max(2).with_line_max(15);
    assert!(Message::parse(head, &mut index, &ok).unwrap().is_some());
    for (limits, kind) in [
        (ok.with_head_max(head.len() - 1), LimitKind::Head),
        (ok.with_header_count_max(1), LimitKind::HeaderCount),
        (ok.with_line_max(14), LimitKind::Line),
    ] {
        let error = Message::parse(head, &mut index, &limits).unwrap_err();
        assert_eq!(error.kind(), ParseErrorKind::Limit(kind));
    }
}

#[test]
fn the_frame_limit_holds_at_n_and_not_at_n_plus_1() {
    let mut index = Index::new();
    let mut framer = Framer::new().with_payload_max(3);
    let limits = Limits::default();
    let unit = framer.next(b"$\x01\0\x03abc", &mut index, &limits).unwrap();
    assert_eq!(unit, Some(Unit::Frame { channel: 1, len: 7 }));
    let error = framer.next(b"$\x01\0\x04", &mut index, &limits).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::Limit(LimitKind::Interleaved));
}

/// What a framer makes of a stream: units, then the error.
fn framed(chunks: &[&[u8]]) -> Vec<String> {
    let (mut framer, mut index, limits) = (Framer::new(), Index::new(), Limits::default());
    let mut out = Vec::new();
    let mut buf: Vec<u8> = Vec::new();
    for chunk in chunks {
        buf.extend_from_slice(chunk);
        loop {
            match framer.next(&buf, &mut index, &limits) {
                Ok(None) => break,
                Ok(Some(Unit::Blank { len })) => drop(buf.drain(..len)),
                Ok(Some(Unit::Frame { channel, len })) => {
                    let frame: Vec<u8> = buf.drain(..len).collect();
                    out.push(format!("${channel} {}", frame[4..].escape_ascii()));
                }
                Ok(Some(Unit::Message { len })) => {
                    let bytes: Vec<u8> = buf.drain(..len).collect();
                    let quirks: Vec<_> = index.head().quirks().iter().collect();
                    out.push(format!("{:?} {quirks:?}", index.defect()));
                    out.extend(described(Message::new(&bytes, &index)));
                }
                Err(error) => {
                    out.push(format!("{error}"));
                    return out;
                }
            }
        }
    }
    out
}

#[test]
fn frames_and_messages_in_any_chunks() {
    let mut stream = Vec::new();
    stream.extend_from_slice(b"\r\n\r\n$\x00\x00\x03abc\r\n");
    for example in EXAMPLES {
        stream.extend(crlf(example));
        stream.extend_from_slice(b"$\x01\x00\x00$\xff\x00\x05RTSP/");
    }
    let units = assert_chunk_invariant(&stream, framed);
    let frames = units.iter().filter(|unit| unit.starts_with('$')).count();
    assert_eq!(frames, 1 + 2 * EXAMPLES.len());
}

/// A body may begin with the byte that begins a frame, and a frame may follow a head.
#[test]
fn a_dollar_in_a_body_is_no_frame() {
    let stream = b"RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n$\x00\x00\x01$\x02\x00\x01x";
    let units = assert_chunk_invariant(stream, framed);
    assert_eq!(units.last().unwrap(), "$2 x");
    assert_eq!(units[units.len() - 2], "$\\x00\\x00\\x01");
}

#[test]
fn line_ends_of_every_kind_in_any_chunks() {
    for end in ["\r\n", "\n"] {
        let stream = ["", "OPTIONS * RTSP/1.0", "CSeq: 1", "", "$", ""].join(end);
        let units = assert_chunk_invariant(stream.as_bytes(), framed);
        assert_eq!(units[1], "OPTIONS * RTSP/1.0");
    }
    let units = assert_chunk_invariant(b"OPTIONS * RTSP/1.0\rCSeq: 1\r\r$\x00\x00\x01x", framed);
    assert_eq!(units.last().unwrap(), "$0 x");
}

#[test]
fn errors_come_at_the_same_place_in_any_chunks() {
    for stream in [
        &b"OPTIONS * RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"[..],
        b"$\x00\x00\x01aPLAY\r\n\r\nOPTIONS * RTSP/1.0\r\nContent-Length: x\r\n\r\n",
    ] {
        let units = assert_chunk_invariant(stream, framed);
        assert!(units.last().unwrap().contains("at byte"));
    }
}

#[test]
fn builders_refuse_what_would_be_another_message() {
    let request = || RequestBuilder::new(Method::Play, "rtsp://h/");
    for (builder, error) in [
        (RequestBuilder::new(Method::Play, ""), BuildError::Uri),
        (RequestBuilder::new(Method::Play, "a b"), BuildError::Uri),
        (RequestBuilder::new(Method::Play, "a\r\nX: 1"), BuildError::Uri),
        (RequestBuilder::new(Method::Extension, "*"), BuildError::Name),
        (RequestBuilder::extension("A B", "*"), BuildError::Name),
        (request().header(HeaderName::Scale, "1\r\n\r\n"), BuildError::Value),
        (request().header(HeaderName::Scale, "\0"), BuildError::Value),
        (request().header_named("a:b", 1), BuildError::Name),
        (request().body("text/x\n", "b"), BuildError::Value),
    ] {
        assert_eq!(builder.to_bytes(), Err(error));
    }
    let response = ResponseBuilder::new(StatusCode::OK).reason("a\nb");
    assert_eq!(response.to_bytes(), Err(BuildError::Value));
    let bytes = RequestBuilder::extension("X-Do", "*").to_bytes().unwrap();
    assert_eq!(bytes, "X-Do * RTSP/1.0\r\n\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_builders_write_is_read(
        method in "[A-Z_]{1,12}",
        uri in "[!-~]{1,30}",
        names in proptest::collection::vec(("[A-Za-z-]{1,20}", "[ -~]{0,40}"), 0..10),
        body in proptest::collection::vec(any::<u8>(), 0..50),
        version in prop_oneof![Just(Version::V1_0), Just(Version::V2_0)],
    ) {
        prop_assume!(!method.starts_with("RTSP"));
        let mut builder = RequestBuilder::extension(&method, &uri).version(version);
        for (name, value) in &names {
            prop_assume!(!name.eq_ignore_ascii_case("content-length"));
            builder = builder.header_named(name, value);
        }
        let bytes = builder.body("a/b", body.clone()).to_bytes().unwrap();
        let mut index = Index::new();
        let (message, used) = Message::parse(&bytes, &mut index, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        let Message::Request(request) = message else { panic!("it is a request") };
        prop_assert_eq!(request.method_name(), method);
        prop_assert_eq!(request.uri(), uri);
        prop_assert_eq!(request.version(), version);
        prop_assert_eq!(request.body(), body);
        for ((name, value), (read_name, read)) in names.iter().zip(request.headers().iter()) {
            prop_assert_eq!(name.as_bytes(), read_name);
            prop_assert_eq!(value.trim().as_bytes(), read);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut index = Index::new();
        let _result = Message::parse(&bytes, &mut index, &Limits::default());
        let _units = framed(&[&bytes]);
    }
}

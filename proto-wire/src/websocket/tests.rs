#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;
use crate::testing::chunks::assert_chunk_invariant;
use crate::{Instant, Output, Rng, Seed};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proptest::prelude::*;

const T0: Instant = Instant::ZERO;

fn decode(role: Role, message_max: usize, bytes: &[u8]) -> Result<Vec<Message>, ProtocolError> {
    let mut decoder = Decoder::new(role, message_max);
    let mut rest = bytes;
    let mut messages = Vec::new();
    while let Some(message) = decoder.feed(&mut rest)? {
        messages.push(message);
    }
    assert!(rest.is_empty());
    Ok(messages)
}

fn text(text: &'static str) -> Message {
    Message::Text(Bytes::from_static(text.as_bytes()))
}

fn hello() -> Bytes {
    Bytes::from_static(b"Hello")
}

/// RFC 6455 §5.7.
#[test]
fn the_examples_of_the_rfc_decode() {
    let masked = [0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let from_client = |first: u8| {
        let mut bytes = alloc::vec![first, 0x85];
        bytes.extend_from_slice(&masked);
        bytes
    };
    let mut medium = alloc::vec![0x82, 0x7E, 0x01, 0x00];
    medium.extend_from_slice(&[7; 256]);
    let mut long = alloc::vec![0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
    long.extend_from_slice(&[8; 65536]);
    for (name, role, bytes, message) in [
        ("unmasked text", Role::Client, b"\x81\x05Hello".to_vec(), text("Hello")),
        ("masked text", Role::Server, from_client(0x81), text("Hello")),
        ("fragments", Role::Client, b"\x01\x03Hel\x80\x02lo".to_vec(), text("Hello")),
        ("ping", Role::Client, b"\x89\x05Hello".to_vec(), Message::Ping(hello())),
        ("masked pong", Role::Server, from_client(0x8a), Message::Pong(hello())),
        ("256 bytes", Role::Client, medium, Message::Binary(alloc::vec![7; 256].into())),
        ("64 KiB", Role::Client, long, Message::Binary(alloc::vec![8; 65536].into())),
    ] {
        assert_eq!(decode(role, 65536, &bytes), Ok(alloc::vec![message]), "{name}");
    }
}

/// RFC 6455 §5.7, written by a server (no mask).
#[test]
fn the_examples_of_the_rfc_encode() {
    let mut rng = Rng::new(&Seed::from_u64(1));
    let encoder = Encoder::new(Role::Server);
    assert_eq!(encoder.message(true, b"Hello", &mut rng), &b"\x81\x05Hello"[..]);
    assert_eq!(encoder.control(Opcode::Ping, b"Hello", &mut rng), &b"\x89\x05Hello"[..]);
    let parts = encoder.with_frame_max(3).message(true, b"Hello", &mut rng);
    assert_eq!(parts, &b"\x01\x03Hel\x80\x02lo"[..]);
    assert!(encoder.message(false, &[0; 256], &mut rng).starts_with(&[0x82, 0x7E, 1, 0]));
    let long = encoder.message(false, &[0; 65536], &mut rng);
    assert!(long.starts_with(&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]));
    assert_eq!(encoder.message(true, b"", &mut rng), &b"\x81\x00"[..]);
}

#[test]
fn what_no_peer_may_send_is_refused() {
    use ProtocolError as E;
    for (name, role, bytes, error) in [
        ("reserved bit", Role::Client, &b"\xC1\x00"[..], E::ReservedBit),
        ("opcode 3", Role::Client, b"\x83\x00", E::Opcode(3)),
        ("opcode 11", Role::Client, b"\x8B\x00", E::Opcode(11)),
        ("ping in parts", Role::Client, b"\x09\x00", E::ControlFrame),
        ("ping of 126", Role::Client, b"\x89\x7E\x00\x7E", E::ControlFrame),
        ("long form of 125", Role::Client, b"\x82\x7E\x00\x7D", E::Length),
        ("longest form of 65535", Role::Client, b"\x82\x7F\0\0\0\0\0\0\xFF\xFF", E::Length),
        ("highest bit", Role::Client, b"\x82\x7F\x80\0\0\0\0\0\0\0", E::Length),
        ("masked by a server", Role::Client, b"\x81\x80abcd", E::Masking),
        ("not masked by a client", Role::Server, b"\x81\x01a", E::Masking),
        ("continuation of nothing", Role::Client, b"\x80\x00", E::Fragmentation),
        ("text within text", Role::Client, b"\x01\x01a\x01\x01b", E::Fragmentation),
        ("text that is none", Role::Client, b"\x81\x02\xC3\x28", E::Utf8),
        ("close of one byte", Role::Client, b"\x88\x01\x03", E::Close),
        ("close with 1005", Role::Client, b"\x88\x02\x03\xED", E::Close),
        ("close with bad reason", Role::Client, b"\x88\x03\x03\xE8\xFF", E::Utf8),
    ] {
        assert_eq!(decode(role, 1000, bytes), Err(error), "{name}");
    }
}

#[test]
fn a_message_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let mut rng = Rng::new(&Seed::from_u64(1));
    for frame_max in [3, 10, 100] {
        let bytes =
            Encoder::new(Role::Client).with_frame_max(frame_max).message(false, &[9; 10], &mut rng);
        assert!(decode(Role::Server, 10, &bytes).is_ok());
        let error = ProtocolError::Limit(LimitKind::Body);
        assert_eq!(decode(Role::Server, 9, &bytes), Err(error));
    }
    // A promise is refused at the header, before any of it is kept.
    let promise = b"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    let error = ProtocolError::Limit(LimitKind::Body);
    assert_eq!(decode(Role::Client, usize::MAX / 4, promise).err(), Some(error));
}

#[test]
fn control_frames_stand_between_fragments() {
    let bytes = b"\x01\x03Hel\x89\x01p\x00\x00\x80\x02lo\x88\x05\x03\xE8bye";
    let messages = assert_chunk_invariant(bytes, |chunks| {
        let mut decoder = Decoder::new(Role::Client, 100);
        let mut out = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            loop {
                match decoder.feed(&mut rest) {
                    Ok(Some(message)) => out.push(Ok(message)),
                    Ok(None) => break,
                    Err(error) => {
                        out.push(Err(error));
                        return out;
                    }
                }
            }
        }
        out
    });
    let close = CloseFrame { code: CloseCode::NORMAL, reason: "bye".into() };
    assert_eq!(
        messages,
        [
            Ok(Message::Ping(Bytes::from_static(b"p"))),
            Ok(text("Hello")),
            Ok(Message::Close(Some(close))),
        ]
    );
}

fn config() -> Arc<Config> {
    Arc::new(Config::default())
}

fn client_request() -> ClientRequest {
    ClientRequest::new("example.com:8080", "/x?y").subprotocol("sip").subprotocol("xmpp")
}

fn drain(connection: &mut Connection) -> (Vec<u8>, Vec<Event>) {
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = connection.poll_output() {
        match output {
            Output::Transmit(part) => bytes.extend_from_slice(&part),
            Output::Event(event) => events.push(event),
        }
    }
    (bytes, events)
}

/// A client and a server with the upgrade behind them.
fn pair() -> (Connection, Connection) {
    let mut client = Connection::client(T0, config(), Seed::from_u64(1), client_request()).unwrap();
    let mut server = Connection::server(T0, config(), Seed::from_u64(2));
    server.handle_input(T0, Input::Data(&drain(&mut client).0));
    let (_, events) = drain(&mut server);
    let [Event::UpgradeRequested(request)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((request.target.as_str(), request.host.as_str()), ("/x?y", "example.com:8080"));
    assert_eq!(request.subprotocols, ["sip", "xmpp"]);
    server.accept(T0, Some("xmpp")).unwrap();
    client.handle_input(T0, Input::Data(&drain(&mut server).0));
    let opened = Event::Opened { subprotocol: Some("xmpp".into()) };
    assert_eq!(drain(&mut client).1, [opened]);
    assert!(client.is_open() && server.is_open());
    (client, server)
}

/// RFC 6455 §1.2 and §1.3.
const RFC_REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn the_upgrade_of_the_rfc_is_granted() {
    let response = assert_chunk_invariant(RFC_REQUEST.as_bytes(), |chunks| {
        let mut server = Connection::server(T0, config(), Seed::from_u64(2));
        for chunk in chunks {
            server.handle_input(T0, Input::Data(chunk));
        }
        let (_, events) = drain(&mut server);
        let [Event::UpgradeRequested(request)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(request.origin.as_deref(), Some("http://example.com"));
        assert_eq!(request.header("origin"), Some(&b"http://example.com"[..]));
        assert_eq!(server.accept(T0, Some("sip")), Err(CommandError::Argument));
        server.accept(T0, Some("chat")).unwrap();
        drain(&mut server).0
    });
    assert_eq!(
        core::str::from_utf8(&response).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: chat\r\n\r\n"
    );
}

#[test]
fn upgrades_that_are_none_are_answered() {
    use HandshakeError as E;
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (from, to, error, status) in [
        ("GET", "POST", E::RequestLine, "400"),
        ("HTTP/1.1", "HTTP/1.0", E::RequestLine, "400"),
        ("Host", "Hose", E::NoUpgrade, "426"),
        ("websocket", "h2c", E::NoUpgrade, "426"),
        ("Connection: Upgrade", "Connection: close", E::NoUpgrade, "426"),
        ("Version: 13", "Version: 8", E::Version, "426"),
        (key, "c2hvcnQ=", E::Key, "400"),
        (key, "????????????????????????", E::Key, "400"),
        (" HTTP/1.1", " RTSP/1.0", E::Head(crate::ParseErrorKind::Version), "400"),
    ] {
        let mut server = Connection::server(T0, config(), Seed::from_u64(2));
        let request = RFC_REQUEST.replace(from, to);
        server.handle_input(T0, Input::Data(request.as_bytes()));
        let (bytes, events) = drain(&mut server);
        assert_eq!(events, [Event::Closed(CloseReason::Handshake(error))], "{to}");
        let reply = core::str::from_utf8(&bytes).unwrap();
        assert!(reply.starts_with(&alloc::format!("HTTP/1.1 {status} ")), "{to}: {reply}");
        assert_eq!(reply.contains("Sec-WebSocket-Version: 13"), error == E::Version);
        assert_eq!(server.poll_timeout(), None);
    }
    // The key of §4.1's note, with bits set behind its end, is taken.
    let mut server = Connection::server(T0, config(), Seed::from_u64(2));
    let request = RFC_REQUEST.replace(key, "AQIDBAUGBwgJCgsMDQ4PEC==");
    server.handle_input(T0, Input::Data(request.as_bytes()));
    assert!(matches!(&drain(&mut server).1[..], [Event::UpgradeRequested(_)]));
}

#[test]
fn an_upgrade_head_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let len = RFC_REQUEST.len();
    for (head_max, count_max, is_taken) in
        [(len, 64, true), (len - 1, 64, false), (len, 7, true), (len, 6, false)]
    {
        let config = Config::default().with_head_max(head_max).with_header_count_max(count_max);
        let mut server = Connection::server(T0, Arc::new(config), Seed::from_u64(2));
        server.handle_input(T0, Input::Data(RFC_REQUEST.as_bytes()));
        let (bytes, events) = drain(&mut server);
        assert_eq!(matches!(&events[..], [Event::UpgradeRequested(_)]), is_taken);
        assert_eq!(bytes.starts_with(b"HTTP/1.1 431 "), !is_taken);
    }
}

#[test]
fn a_client_checks_what_the_server_proves() {
    use HandshakeError as E;
    let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
        connection: keep-alive, upgrade\r\nSec-WebSocket-Accept: PROOF\r\n\
        Sec-WebSocket-Protocol: xmpp\r\n\r\n";
    for (from, to, error) in [
        ("", "", None),
        ("101 Switching Protocols", "403 No", Some(E::Status(403))),
        ("101 Switching Protocols", "200 OK", Some(E::Status(200))),
        ("Upgrade: WebSocket", "Upgrade: h2c", Some(E::NoUpgrade)),
        ("keep-alive, upgrade", "keep-alive", Some(E::NoUpgrade)),
        ("PROOF", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Some(E::Accept)),
        ("Protocol: xmpp", "Protocol: chat", Some(E::NotOffered)),
        ("Protocol: xmpp", "Protocol: xmpp, sip", Some(E::NotOffered)),
        ("Sec-WebSocket-Protocol: xmpp", "A: b", Some(E::NotOffered)),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: foo\r\n\r\n", Some(E::NotOffered)),
    ] {
        let mut client =
            Connection::client(T0, config(), Seed::from_u64(1), client_request()).unwrap();
        let request = drain(&mut client).0;
        let head = crate::http::RequestHead::parse(&request, 64).unwrap();
        let proof = accept_key(head.headers.text("Sec-WebSocket-Key").unwrap());
        let response = if from.is_empty() { good.into() } else { good.replace(from, to) };
        let response = response.replace("PROOF", proof.as_str());
        client.handle_input(T0, Input::Data(response.as_bytes()));
        let (bytes, events) = drain(&mut client);
        assert!(bytes.is_empty());
        match error {
            None => assert!(client.is_open()),
            Some(error) => {
                assert_eq!(events, [Event::Closed(CloseReason::Handshake(error))], "{to}");
            }
        }
    }
}

#[test]
fn texts_that_would_break_out_of_their_lines_are_not_sent() {
    for request in [
        ClientRequest::new("a\r\nB: c", "/"),
        ClientRequest::new("a", "/ HTTP/1.1\r\n"),
        ClientRequest::new("a", "no-slash"),
        ClientRequest::new("a", "/").subprotocol("a,b"),
        ClientRequest::new("a", "/").header("A", "b\r\nC: d"),
        ClientRequest::new("a", "/").header("A:", "b"),
    ] {
        let result = Connection::client(T0, config(), Seed::from_u64(1), request);
        assert_eq!(result.err(), Some(CommandError::Argument));
    }
    let mut server = Connection::server(T0, config(), Seed::from_u64(2));
    server.handle_input(T0, Input::Data(RFC_REQUEST.as_bytes()));
    assert_eq!(server.reject(T0, "403\r\nA: b", &[]), Err(CommandError::Argument));
    server.reject(T0, "403 Forbidden", &[("Retry-After", "5")]).unwrap();
    let (bytes, events) = drain(&mut server);
    assert!(bytes.starts_with(b"HTTP/1.1 403 Forbidden\r\nRetry-After: 5\r\n"));
    assert_eq!(events.last(), Some(&Event::Closed(CloseReason::Local)));
    assert_eq!(server.reject(T0, "403 Forbidden", &[]), Err(CommandError::NoRequest));
}

#[test]
fn messages_go_both_ways_and_pings_are_answered() {
    let (mut client, mut server) = pair();
    client.text(T0, "caf\u{e9}").unwrap();
    client.binary(T0, &[0, 255]).unwrap();
    client.ping(T0, b"p").unwrap();
    assert_eq!(client.ping(T0, &[0; 126]), Err(CommandError::TooLong));
    let (bytes, _) = drain(&mut client);
    let (replies, events) = assert_chunk_invariant(&bytes, |chunks| {
        let mut server = pair().1;
        for chunk in chunks {
            server.handle_input(T0, Input::Data(chunk));
        }
        drain(&mut server)
    });
    assert_eq!(
        events,
        [Event::Text("caf\u{e9}".into()), Event::Binary(Bytes::from_static(&[0, 255])),]
    );
    client.handle_input(T0, Input::Data(&replies));
    assert_eq!(drain(&mut client).1, [Event::Pong(Bytes::from_static(b"p"))]);
    server.text(T0, "back").unwrap();
    client.handle_input(T0, Input::Data(&drain(&mut server).0));
    assert_eq!(drain(&mut client).1, [Event::Text("back".into())]);
}

#[test]
fn a_flood_of_pings_leaves_one_pong_in_the_queue() {
    let (mut client, mut server) = pair();
    for n in 0..100_u8 {
        client.ping(T0, &[n]).unwrap();
    }
    server.handle_input(T0, Input::Data(&drain(&mut client).0));
    assert_eq!(drain(&mut server).0, [0x8A, 1, 99]);
    client.ping(T0, b"again").unwrap();
    server.handle_input(T0, Input::Data(&drain(&mut client).0));
    assert_eq!(drain(&mut server).0, b"\x8A\x05again");
}

#[test]
fn closing_is_agreed_on_by_both_ends() {
    let (mut client, mut server) = pair();
    assert_eq!(client.close(T0, CloseCode(1005), ""), Err(CommandError::Argument));
    client.close(T0, CloseCode::NORMAL, "done").unwrap();
    assert_eq!(client.text(T0, "late"), Err(CommandError::NotOpen));
    server.text(T0, "still on its way").unwrap();
    server.handle_input(T0, Input::Data(&drain(&mut client).0));
    let (bytes, events) = drain(&mut server);
    let frame = CloseFrame { code: CloseCode::NORMAL, reason: "done".into() };
    assert_eq!(events, [Event::Closed(CloseReason::Peer(Some(frame)))]);
    client.handle_input(T0, Input::Data(&bytes));
    assert_eq!(drain(&mut client).1, [Event::Closed(CloseReason::Local)]);
    for connection in [&mut client, &mut server] {
        connection.handle_input(T0, Input::Data(b"more"));
        connection.handle_input(T0, Input::Eof);
        connection.handle_timeout(Instant::FAR_FUTURE);
        assert_eq!(connection.poll_output(), None);
        assert_eq!(connection.poll_timeout(), None);
        assert_eq!(connection.close(T0, CloseCode::NORMAL, ""), Err(CommandError::NotOpen));
    }
}

#[test]
fn a_peer_that_breaks_the_rules_is_told_the_code() {
    for (bytes, code) in [
        (&b"\x81\x01a"[..], CloseCode::PROTOCOL_ERROR),
        (b"\x81\x82\0\0\0\0\xC3\x28", CloseCode::INVALID_PAYLOAD),
        (b"\x82\xFF\0\0\0\0\0\x20\0\0\0\0\0\0", CloseCode::TOO_BIG),
    ] {
        let mut server = pair().1;
        server.handle_input(T0, Input::Data(bytes));
        let (reply, events) = drain(&mut server);
        let [high, low] = code.0.to_be_bytes();
        assert_eq!(reply, [0x88, 2, high, low]);
        assert!(matches!(&events[..], [Event::Closed(CloseReason::Protocol(_))]));
    }
}

#[test]
fn deadlines_end_what_does_not_move() {
    let after = |seconds| T0.saturating_add(Duration::from_secs(seconds));
    let timed_out = |timer| [Event::Closed(CloseReason::TimedOut(timer))];
    let mut server = Connection::server(T0, config(), Seed::from_u64(2));
    assert_eq!(server.next_timer(), Some((after(10), Timer::Handshake)));
    server.handle_timeout(after(9));
    assert_eq!(server.poll_output(), None);
    server.handle_timeout(after(10));
    assert_eq!(drain(&mut server).1, timed_out(Timer::Handshake));

    let (mut client, _) = pair();
    assert_eq!(client.poll_timeout(), None);
    client.close(T0, CloseCode::NORMAL, "").unwrap();
    client.handle_timeout(after(5));
    assert_eq!(drain(&mut client).1, timed_out(Timer::Closing));

    let config = Config::default().with_ping_interval(Some(Duration::from_secs(30)));
    let mut server = Connection::server(T0, Arc::new(config), Seed::from_u64(2));
    server.handle_input(T0, Input::Data(RFC_REQUEST.as_bytes()));
    server.accept(T0, None).unwrap();
    let _ = drain(&mut server);
    server.handle_timeout(after(30));
    assert_eq!(drain(&mut server).0, b"\x89\x00");
    assert_eq!(server.next_timer(), Some((after(60), Timer::Pong)));
    server.handle_input(after(40), Input::Data(b"\x8A\x80\0\0\0\0"));
    assert_eq!(server.next_timer(), Some((after(70), Timer::Ping)));
    server.handle_timeout(after(70));
    server.handle_timeout(after(100));
    assert_eq!(drain(&mut server).1.last(), Some(&timed_out(Timer::Pong)[0]));
}

#[test]
fn the_end_of_the_stream_is_an_end_in_every_state() {
    let (client, server) = pair();
    let listening = Connection::server(T0, config(), Seed::from_u64(2));
    for mut connection in [client, server, listening] {
        connection.handle_input(T0, Input::Eof);
        assert_eq!(drain(&mut connection).1, [Event::Closed(CloseReason::Eof)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        payloads in prop::collection::vec((any::<bool>(), ".{0,300}"), 0..6),
        frame_max in 1_usize..400,
        is_client: bool,
        seed: u64,
    ) {
        let (writer, reader) =
            if is_client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let encoder = Encoder::new(writer).with_frame_max(frame_max);
        let mut rng = Rng::new(&Seed::from_u64(seed));
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (is_text, payload) in payloads {
            bytes.extend_from_slice(&encoder.message(is_text, payload.as_bytes(), &mut rng));
            let payload = Bytes::from(payload);
            expected.push(if is_text { Message::Text(payload) } else { Message::Binary(payload) });
        }
        prop_assert_eq!(decode(reader, 2000, &bytes), Ok(expected));
    }

    #[test]
    fn no_bytes_panic_and_the_end_comes_once(
        data in prop::collection::vec(any::<u8>(), 0..300),
        is_open: bool,
        seed: u64,
    ) {
        let outputs = assert_chunk_invariant(&data, |chunks| {
            let mut server = if is_open {
                pair().1
            } else {
                Connection::server(T0, config(), Seed::from_u64(seed))
            };
            for chunk in chunks {
                server.handle_input(T0, Input::Data(chunk));
            }
            server.handle_input(T0, Input::Eof);
            drain(&mut server)
        });
        let is_end = |event: &&Event| matches!(event, Event::Closed(_));
        prop_assert_eq!(outputs.1.iter().filter(is_end).count(), 1);
        prop_assert!(outputs.1.last().as_ref().is_some_and(is_end));
    }
}

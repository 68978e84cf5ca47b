#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use ::alloc::string::{String, ToString};
use ::alloc::sync::Arc;
use ::alloc::vec::Vec;
use ::alloc::{format, vec};
use bytes::Bytes;
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::testing::chunks::assert_chunk_invariant;
use proto_wire::websocket::{Config, Connection, Event, Input};
use proto_wire::{Instant, LimitKind, Output, ParseErrorKind, Seed};

const T0: Instant = Instant::ZERO;
const OPTIONS: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

fn gate_with(config: GateConfig) -> Gate<u32> {
    Gate::new(T0, Arc::new(config), Seed::from_u64(1))
}

fn gate() -> Gate<u32> {
    gate_with(GateConfig::default())
}

fn head(method: &str, version: &str, cookie: &str) -> Vec<u8> {
    format!("{method} /cam?x HTTP/{version}\r\nHost: a\r\nX-SessionCookie: {cookie}\r\n\r\n").into()
}

/// What a gate says, in words: `1> 200`, `1 opened Http`, `1 data ..`, `1 closed ..`,
/// `1 hangup`. Data that follow data are joined, as where they are cut means nothing.
fn said(gate: &mut Gate<u32>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while let Some(output) = gate.poll_output() {
        match output {
            Output::Transmit(To { connection, bytes }) => {
                let text = String::from_utf8_lossy(&bytes);
                let word = text.split(' ').nth(1).unwrap_or("").to_string();
                let word = if text.starts_with("HTTP/") { word } else { text.to_string() };
                lines.push(format!("{connection}> {word}"));
            }
            Output::Event(GateEvent::Opened { connection, kind, target }) => {
                assert_eq!(target.is_none(), kind == Kind::Plain);
                lines.push(format!("{connection} opened {kind:?}"));
            }
            Output::Event(GateEvent::Data { connection, data }) => {
                let start = format!("{connection} data ");
                let text = String::from_utf8_lossy(&data);
                match lines.last_mut() {
                    Some(last) if last.starts_with(&start) => last.push_str(&text),
                    _ => lines.push(start + &text),
                }
            }
            Output::Event(GateEvent::Closed { connection, reason }) => {
                lines.push(format!("{connection} closed {reason:?}"));
            }
            Output::Event(GateEvent::Hangup(k)) => lines.push(format!("{k} hangup")),
        }
    }
    lines
}

/// Feeds each connection's bytes in turn, cut in all ways.
fn run(inputs: &[(u32, &[u8])]) -> Vec<String> {
    let longest = inputs.iter().map(|(_, data)| data.len()).max().unwrap_or(0);
    let mut results: Vec<Vec<String>> = Vec::new();
    for size in [usize::MAX, 1, 2, 3, 7, 19, longest.max(2) - 1] {
        let mut gate = gate();
        for (k, data) in inputs {
            for chunk in data.chunks(size) {
                gate.handle_input(T0, GateInput::Data(*k, chunk));
            }
        }
        let mut lines: Vec<String> = Vec::new();
        for line in said(&mut gate) {
            lines.push(line);
        }
        results.push(lines);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
    results.swap_remove(0)
}

fn posted(data: &[u8]) -> Vec<u8> {
    let mut bytes = head("POST", "1.0", "c");
    bytes.extend_from_slice(data);
    bytes
}

#[test]
fn a_get_and_a_post_are_one_connection_in_either_order() {
    let get = head("GET", "1.0", "c");
    let post = posted(&encode(OPTIONS));
    let options = format!("1 data {}", String::from_utf8_lossy(OPTIONS));
    let opened = "1 opened Http".to_string();
    let granted = "1> 200".to_string();
    let expected = [granted, opened, options];
    assert_eq!(run(&[(1, &get), (2, &post)]), expected);
    assert_eq!(run(&[(2, &post), (1, &get)]), expected);
}

#[test]
fn the_reply_to_a_get_is_in_its_version_and_names_the_tunnel() {
    for version in ["1.0", "1.1"] {
        let mut gate = gate();
        gate.handle_input(T0, GateInput::Data(1, &head("GET", version, "c")));
        let Some(Output::Transmit(to)) = gate.poll_output() else { panic!() };
        let text = String::from_utf8_lossy(&to.bytes).to_string();
        assert!(text.starts_with(&format!("HTTP/{version} 200 OK\r\n")), "{text}");
        assert!(text.contains("\r\nContent-Type: application/x-rtsp-tunnelled\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
    }
}

#[test]
fn the_content_length_of_a_post_means_nothing() {
    for length in ["0", "1", "32767", "-5", "x"] {
        let post = format!(
            "POST / HTTP/1.0\r\nx-sessioncookie: c\r\nContent-Length: {length}\r\n\r\nT1BU\r\nSU9OUw=="
        );
        let lines = run(&[(1, &head("GET", "1.0", "c")), (2, post.as_bytes())]);
        assert_eq!(lines.last().map(String::as_str), Some("1 data OPTIONS"), "{length}");
    }
}

#[test]
fn a_post_is_never_answered_and_each_message_has_its_own_padding() {
    let mut body = Vec::new();
    for message in [&b"a"[..], b"bc", b"def", b"g"] {
        body.extend_from_slice(&encode(message));
    }
    let lines = run(&[(1, &head("GET", "1.0", "c")), (2, &posted(&body))]);
    assert_eq!(lines, ["1> 200", "1 opened Http", "1 data abcdefg"]);
}

#[test]
fn plain_rtsp_passes_and_get_parameter_is_no_get() {
    for text in ["OPTIONS * RTSP/1.0\r\n\r\n", "GET_PARAMETER * RTSP/1.0\r\n\r\n", "$\0\0\x01x"] {
        let with_lines = format!("\r\n\r\n{text}");
        let expected = ["7 opened Plain".to_string(), format!("7 data {text}")];
        assert_eq!(run(&[(7, with_lines.as_bytes())]), expected);
    }
}

#[test]
fn a_get_and_a_post_on_one_connection_are_refused_and_others_go_on() {
    let mut both = head("GET", "1.1", "c");
    both.extend_from_slice(&posted(&encode(OPTIONS)));
    let lines = run(&[(5, b"OPTIONS"), (1, &both), (2, &head("GET", "1.0", "d")), (5, b" *")]);
    let expected =
        ["5 opened Plain", "5 data OPTIONS", "1> 200", "1 hangup", "2> 200", "5 data  *"];
    assert_eq!(lines, expected);
    // The other way round the GET is no base64.
    let mut both = posted(&encode(OPTIONS));
    both.extend_from_slice(&head("GET", "1.1", "c"));
    assert_eq!(run(&[(1, &both)]), ["1> 400", "1 hangup"]);
}

#[test]
fn faults_are_answered() {
    let (get, post) = (head("GET", "1.0", "c"), posted(b""));
    for (name, inputs, expected) in [
        ("no cookie", vec![(1, &b"GET / HTTP/1.1\r\n\r\n"[..])], vec!["1> 400", "1 hangup"]),
        ("no http", vec![(1, &b"GET / RTSP/1.0\r\n\r\n"[..])], vec!["1> 400", "1 hangup"]),
        ("cookie in use", vec![(1, &get[..]), (2, &get)], vec!["1> 200", "2> 400", "2 hangup"]),
        (
            "no base64",
            vec![(1, &get), (2, &post), (2, b"T1BU-")],
            vec![
                "1> 200",
                "1 opened Http",
                "1 data OPT",
                "2> 400",
                "1 closed Protocol(Base64(ParseError { kind: Base64, offset: 4 }))",
                "1 hangup",
                "2 hangup",
            ],
        ),
        (
            "data on the get",
            vec![(1, &get), (2, &post), (1, b"\r\nx")],
            vec!["1> 200", "1 opened Http", "1 closed Protocol(DataOnGet)", "1 hangup", "2 hangup"],
        ),
        (
            "another post takes over",
            vec![(1, &get), (2, &post), (2, b"T1B"), (3, &post), (3, b"T1BU"), (2, b"VVVV")],
            vec!["1> 200", "1 opened Http", "2 hangup", "1 data OPT"],
        ),
    ] {
        assert_eq!(run(&inputs), expected, "{name}");
    }
}

#[test]
fn ends_are_told_once() {
    let mut gate = gate();
    gate.handle_input(T0, GateInput::Data(1, &head("GET", "1.0", "c")));
    gate.handle_input(T0, GateInput::Data(2, &posted(b"")));
    let _ = said(&mut gate);
    gate.handle_input(T0, GateInput::Eof(2));
    assert_eq!(said(&mut gate), [""; 0], "another POST may come");
    gate.handle_input(T0, GateInput::Data(3, &posted(b"T1BU")));
    assert_eq!(said(&mut gate), ["1 data OPT"]);
    gate.send(T0, 1, Bytes::from_static(b"RTSP/1.0")).unwrap();
    assert_eq!(said(&mut gate), ["1> RTSP/1.0"]);
    assert_eq!(gate.send(T0, 3, Bytes::new()), Err(CommandError::NotOpen));
    gate.handle_input(T0, GateInput::Eof(1));
    assert_eq!(said(&mut gate), ["1 closed Eof", "3 hangup"]);
    gate.handle_input(T0, GateInput::Data(3, b"T1BU"));
    gate.handle_input(T0, GateInput::Eof(3));
    gate.handle_input(T0, GateInput::Eof(9));
    assert_eq!(said(&mut gate), [""; 0]);
    assert_eq!(gate.close(T0, 1), Err(CommandError::NotOpen));
    assert_eq!(gate.poll_timeout(), None);

    gate.handle_input(T0, GateInput::Data(1, &head("GET", "1.0", "c")));
    assert_eq!(gate.send(T0, 1, Bytes::new()), Err(CommandError::NotOpen), "no POST yet");
    gate.handle_input(T0, GateInput::Data(2, &posted(b"")));
    gate.close(T0, 1).unwrap();
    let lines = said(&mut gate);
    assert_eq!(lines, ["1> 200", "1 opened Http", "1 closed Local", "1 hangup", "2 hangup"]);
}

#[test]
fn halves_that_stay_alone_are_given_up() {
    let after = |seconds| T0.saturating_add(Duration::from_secs(seconds));
    let mut gate = gate();
    gate.handle_input(T0, GateInput::Data(1, b"GET / HTTP/1.0\r\n"));
    gate.handle_input(T0, GateInput::Data(2, b"P"));
    gate.handle_input(T0, GateInput::Data(3, &head("GET", "1.0", "three")));
    gate.handle_input(T0, GateInput::Data(4, &head("POST", "1.0", "four")));
    gate.handle_input(T0, GateInput::Data(5, OPTIONS));
    let _ = said(&mut gate);
    assert_eq!(gate.poll_timeout(), Some(after(30)));
    gate.handle_timeout(after(29));
    assert_eq!(said(&mut gate), [""; 0]);
    gate.handle_timeout(after(30));
    assert_eq!(said(&mut gate), ["1> 408", "1 hangup", "2 hangup", "3 hangup", "4 hangup"]);
    assert_eq!(gate.poll_timeout(), None);
}

#[test]
fn limits_hold_at_n_and_not_at_n_plus_one() {
    let get = head("GET", "1.0", "c");
    for (config, is_taken) in [
        (GateConfig::default().with_head_max(get.len()), true),
        (GateConfig::default().with_head_max(get.len() - 1), false),
        (GateConfig::default().with_header_count_max(2), true),
        (GateConfig::default().with_header_count_max(1), false),
    ] {
        let mut gate = gate_with(config);
        gate.handle_input(T0, GateInput::Data(1, &get));
        assert_eq!(said(&mut gate)[0], if is_taken { "1> 200" } else { "1> 431" });
    }
    let mut gate = gate_with(GateConfig::default().with_waiting_max(2));
    for k in 1..=3_u32 {
        gate.handle_input(T0, GateInput::Data(k, &head("GET", "1.0", &k.to_string())));
    }
    assert_eq!(said(&mut gate), ["1> 200", "2> 200", "3> 503", "3 hangup"]);
    // A pair that is whole makes room.
    gate.handle_input(T0, GateInput::Data(4, &head("POST", "1.0", "1")));
    gate.handle_input(T0, GateInput::Data(5, &head("GET", "1.0", "5")));
    assert_eq!(said(&mut gate), ["1 opened Http", "5> 200"]);
    for (len, is_taken) in [(9, true), (10, false)] {
        let mut gate = gate_with(GateConfig::default().with_pending_max(9));
        gate.handle_input(T0, GateInput::Data(2, &posted(&encode(&vec![b'x'; len]))));
        gate.handle_input(T0, GateInput::Data(1, &get));
        let lines = said(&mut gate);
        assert_eq!(lines[0], if is_taken { "1> 200" } else { "2> 413" }, "{lines:?}");
    }
}

#[test]
fn websocket_carries_rtsp_both_ways() {
    for (offer, opens) in [(Some(WEBSOCKET_PROTOCOL), true), (None, true), (Some("chat"), false)] {
        let mut request = websocket::ClientRequest::new("a", "/ws");
        if let Some(offer) = offer {
            request = request.subprotocol(offer);
        }
        let config = Arc::new(Config::default());
        let mut client = Connection::client(T0, config, Seed::from_u64(3), request).unwrap();
        let mut gate = gate();
        let mut heard = Vec::new();
        for _ in 0..10 {
            while let Some(output) = client.poll_output() {
                match output {
                    Output::Transmit(bytes) => {
                        for byte in bytes.chunks(1) {
                            gate.handle_input(T0, GateInput::Data(1, byte));
                        }
                    }
                    Output::Event(Event::Opened { .. }) => client.binary(T0, OPTIONS).unwrap(),
                    Output::Event(Event::Binary(data)) => {
                        assert_eq!(data, &b"RTSP/1.0 200 OK\r\n\r\n"[..]);
                        client.close(T0, websocket::CloseCode::NORMAL, "").unwrap();
                    }
                    Output::Event(_) => {}
                }
            }
            while let Some(output) = gate.poll_output() {
                match output {
                    Output::Transmit(to) => {
                        client.handle_input(T0, Input::Data(&to.bytes));
                    }
                    Output::Event(GateEvent::Data { connection, data }) => {
                        assert_eq!(data, OPTIONS);
                        let reply = Bytes::from_static(b"RTSP/1.0 200 OK\r\n\r\n");
                        gate.send(T0, connection, reply).unwrap();
                    }
                    Output::Event(event) => heard.push(event),
                }
            }
        }
        let target = Some("/ws".into());
        let opened = GateEvent::Opened { connection: 1, kind: Kind::WebSocket, target };
        assert_eq!(heard.first() == Some(&opened), opens, "{heard:?}");
        assert_eq!(heard.last(), Some(&GateEvent::Hangup(1)));
        assert_eq!(heard.len(), if opens { 3 } else { 1 }, "{heard:?}");
        assert_eq!(gate.poll_timeout(), None);
    }
}

/// However the host cuts what it sends: one message or frame in each message.
#[test]
fn over_websocket_each_message_and_frame_goes_alone() {
    let units: [&[u8]; 5] = [
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nhi",
        b"$\0\0\x05hello",
        b"$\x01\0\0",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        b"$\0\0\x01$",
    ];
    let stream = units.join(&b"\r\n"[..]);
    for size in [1, 2, 3, 4, 7, 50, stream.len()] {
        let mut cut = Units::new();
        let mut heard: Vec<Vec<u8>> = Vec::new();
        for piece in stream.chunks(size) {
            cut.feed(piece, |unit| heard.push(unit.to_vec()));
        }
        assert_eq!(heard, units, "{size}");
    }
    // What cannot be cut passes as it is.
    let odd = b"A B RTSP/1.0\r\nContent-Length: -5\r\n\r\nx";
    let mut heard = Vec::new();
    let mut cut = Units::new();
    for piece in [&odd[..20], &odd[20..], b"$\0\0\x01"] {
        cut.feed(piece, |unit| heard.push(unit.to_vec()));
    }
    assert_eq!(heard.concat(), [&odd[..], b"$\0\0\x01"].concat());
}

/// The heads with which rtspsrc and gst-rtsp-server open a tunnel, header for header.
#[test]
fn the_tunnel_of_gstreamer() {
    let get = b"GET /tone HTTP/1.0\r\nx-sessioncookie: qngelhgalupyktnq\r\nAccept: application/x-rtsp-tunnelled\r\nCache-Control: no-cache\r\nPragma: no-cache\r\nHost: gst.example:8554\r\nDate: Mon, 02 Mar 2026 10:11:12 GMT\r\n\r\n";
    let mut post = b"POST /tone HTTP/1.0\r\nx-sessioncookie: qngelhgalupyktnq\r\nAccept: application/x-rtsp-tunnelled\r\nCache-Control: no-cache\r\nPragma: no-cache\r\nContent-Length: 32767\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\nHost: gst.example:8554\r\n\r\n".to_vec();
    post.extend_from_slice(&encode(OPTIONS));
    let options = format!("1 data {}", String::from_utf8_lossy(OPTIONS));
    assert_eq!(run(&[(1, get), (2, &post)]), ["1> 200", "1 opened Http", &*options]);
    let granted = b"HTTP/1.0 200 OK\r\nServer: GStreamer RTSP Server\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\nX-Server-IP-Address: 192.0.2.8\r\nContent-Type: application/x-rtsp-tunnelled\r\nDate: Mon, 02 Mar 2026 10:11:12 GMT\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
    let config = Arc::new(ClientConfig::new("gst.example:8554", "/tone"));
    for size in [1, 5, granted.len()] {
        let mut client = Client::new(T0, config.clone(), Seed::from_u64(5)).unwrap();
        let (mut heard, mut opened) = (Vec::new(), false);
        for chunk in granted.chunks(size) {
            client.handle_input(T0, ClientInput::Data(Channel::Get, chunk));
            while let Some(output) = client.poll_output() {
                match output {
                    Output::Event(ClientEvent::Data(data)) => heard.extend_from_slice(&data),
                    Output::Event(ClientEvent::Opened) => opened = true,
                    Output::Event(ClientEvent::Closed(reason)) => panic!("{reason:?}"),
                    _ => {}
                }
            }
        }
        assert!(opened);
        assert_eq!(heard, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", "{size}");
    }
}

/// A client through a gate; `sizes` cut everything that is sent.
fn through(config: ClientConfig, messages: &[&[u8]], size: usize) -> (Vec<u8>, Vec<u8>) {
    let mut client = Client::new(T0, Arc::new(config), Seed::from_u64(5)).unwrap();
    let mut gate = gate();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit((channel, bytes)) => {
                    for chunk in bytes.chunks(size) {
                        gate.handle_input(T0, GateInput::Data(channel as u32, chunk));
                    }
                }
                Output::Event(ClientEvent::Opened) => {
                    for message in messages {
                        client.send(T0, message).unwrap();
                    }
                }
                Output::Event(ClientEvent::Data(data)) => down.extend_from_slice(&data),
                Output::Event(ClientEvent::Connect(_)) => {}
                Output::Event(event) => panic!("{event:?}"),
            }
        }
        while let Some(output) = gate.poll_output() {
            match output {
                Output::Transmit(to) => {
                    assert_eq!(to.connection, Channel::Get as u32, "a POST is never answered");
                    for chunk in to.bytes.chunks(size) {
                        client.handle_input(T0, ClientInput::Data(Channel::Get, chunk));
                    }
                }
                Output::Event(GateEvent::Data { connection, data }) => {
                    up.extend_from_slice(&data);
                    gate.send(T0, connection, data).unwrap();
                }
                Output::Event(GateEvent::Opened { target, .. }) => {
                    assert_eq!(target.as_deref(), Some("/cam"));
                }
                Output::Event(event) => panic!("{event:?}"),
            }
        }
    }
    (up, down)
}

#[test]
fn our_client_passes_our_gate() {
    for order in [Order::GetFirst, Order::PostFirst] {
        for is_http10 in [true, false] {
            for size in [1, 3, 1000] {
                let config = ClientConfig::new("a:8554", "/cam")
                    .with_order(order)
                    .with_http10(is_http10)
                    .with_header("User-Agent", "test");
                let (up, down) = through(config, &[OPTIONS, b"$\0\0\x02ab"], size);
                assert_eq!(up, [OPTIONS, b"$\0\0\x02ab"].concat());
                assert_eq!(down, up);
            }
        }
    }
}

#[test]
fn a_client_says_why_it_ended() {
    let closed = |channel: Channel, reply: &[u8], config: ClientConfig| {
        let (reason, outputs) = assert_chunk_invariant(reply, |chunks| {
            let config = Arc::new(config.clone());
            let mut client = Client::new(T0, config, Seed::from_u64(5)).unwrap();
            for chunk in chunks {
                client.handle_input(T0, ClientInput::Data(channel, chunk));
            }
            let mut outputs = 0;
            let mut reason = None;
            while let Some(output) = client.poll_output() {
                outputs += 1;
                if let Output::Event(ClientEvent::Closed(why)) = output {
                    assert_eq!(reason.replace(why), None);
                }
            }
            assert_eq!(client.send(T0, b"x"), Err(CommandError::NotOpen));
            (reason, outputs)
        });
        assert!(outputs >= 2);
        reason
    };
    let config = || ClientConfig::new("a", "/");
    let short = b"HTTP/1.0 200 OK\r\n\r\n";
    for (channel, reply, config, reason) in [
        (
            Channel::Get,
            &b"HTTP/1.0 401 No\r\n\r\n"[..],
            config(),
            ClientClosed::Refused(Channel::Get, 401),
        ),
        (
            Channel::Get,
            b"HTTP/1.1 204 No\r\n\r\n",
            config(),
            ClientClosed::Refused(Channel::Get, 204),
        ),
        (
            Channel::Get,
            b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n",
            config(),
            ClientClosed::NoTunnel,
        ),
        (
            Channel::Get,
            b"RTSP/1.0 200 OK\r\n\r\n",
            config(),
            ClientClosed::Malformed(ParseErrorKind::Version),
        ),
        (
            Channel::Get,
            short,
            config().with_head_max(short.len() - 1),
            ClientClosed::Limit(LimitKind::Head),
        ),
        (
            Channel::Post,
            b"HTTP/1.0 400 Bad\r\n\r\n",
            config(),
            ClientClosed::Refused(Channel::Post, 400),
        ),
    ] {
        assert_eq!(closed(channel, reply, config), Some(reason));
    }
    let is_open = |reply: &[u8], config: ClientConfig| {
        let mut client = Client::new(T0, Arc::new(config), Seed::from_u64(5)).unwrap();
        client.handle_input(T0, ClientInput::Data(Channel::Post, b"HTTP/1.0 200 OK\r\n\r\n"));
        client.handle_input(T0, ClientInput::Data(Channel::Get, reply));
        client.is_open() && client.poll_timeout().is_none()
    };
    assert!(is_open(short, config().with_head_max(short.len())));
    let named = b"HTTP/1.1 200 OK\r\ncontent-type: Application/X-RTSP-Tunnelled; a=b\r\n\r\n";
    assert!(is_open(named, config()));
}

/// What a client tells and sends, one line each; heads as their first line and credentials.
fn told(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(output) = client.poll_output() {
        lines.push(match output {
            Output::Transmit((channel, bytes)) => {
                let text = String::from_utf8_lossy(&bytes).to_string();
                let scheme = text.lines().find_map(|line| line.strip_prefix("Authorization: "));
                let scheme = scheme.and_then(|value| value.split(' ').next());
                let first = text.lines().next().unwrap_or_default();
                format!(
                    "{channel:?}> {first}{}",
                    scheme.map_or(String::new(), |s| format!(" ({s})"))
                )
            }
            Output::Event(ClientEvent::Data(data)) => {
                format!("data {}", String::from_utf8_lossy(&data))
            }
            Output::Event(event) => format!("{event:?}"),
        });
    }
    lines
}

#[test]
fn a_lost_post_is_made_again_and_the_tunnel_goes_on() {
    let config = Arc::new(ClientConfig::new("a", "/cam").with_retries_max(2));
    let mut client = Client::new(T0, config, Seed::from_u64(5)).unwrap();
    client.handle_input(T0, ClientInput::Data(Channel::Get, b"HTTP/1.0 200 OK\r\n\r\n"));
    client.send(T0, b"one").unwrap();
    assert_eq!(told(&mut client).last().unwrap(), "Post> b25l");
    client.handle_input(T0, ClientInput::Eof(Channel::Post));
    // The end of the old one, told twice, is not the end of the new one.
    client.handle_input(T0, ClientInput::Eof(Channel::Post));
    client.handle_input(T0, ClientInput::Data(Channel::Post, b"HTTP/1.0 500 No\r\n\r\n"));
    client.send(T0, b"two").unwrap();
    let again = ["Connect(Post)", "Post> POST /cam HTTP/1.0"];
    assert_eq!(told(&mut client), [again[0], again[1], "Post> dHdv"], "nothing is sent twice");
    client.handle_input(T0, ClientInput::Data(Channel::Get, b"yes"));
    assert_eq!(told(&mut client), ["data yes"]);
    // Two in a row are made again, the third is the end.
    for _ in 0..2 {
        client.handle_input(T0, ClientInput::Eof(Channel::Post));
        assert_eq!(told(&mut client), again);
    }
    client.handle_input(T0, ClientInput::Eof(Channel::Post));
    assert_eq!(told(&mut client), ["Closed(Eof(Post))"]);
    client.handle_input(T0, ClientInput::Eof(Channel::Post));
    assert_eq!(told(&mut client), [""; 0]);
}

/// Our gate goes on with the new POST where the old one ended.
#[test]
fn our_gate_takes_the_post_that_is_made_again() {
    let mut client =
        Client::new(T0, Arc::new(ClientConfig::new("a", "/")), Seed::from_u64(5)).unwrap();
    let mut gate = gate();
    let (mut up, mut post, mut sent) = (Vec::new(), 1_u32, 0);
    for round in 0..12 {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit((Channel::Get, bytes)) => {
                    gate.handle_input(T0, GateInput::Data(1, &bytes));
                }
                Output::Transmit((Channel::Post, bytes)) => {
                    gate.handle_input(T0, GateInput::Data(post, &bytes));
                }
                Output::Event(ClientEvent::Connect(Channel::Post)) => post += 1,
                Output::Event(_) => {}
            }
        }
        while let Some(output) = gate.poll_output() {
            match output {
                Output::Transmit(to) => {
                    client.handle_input(T0, ClientInput::Data(Channel::Get, &to.bytes));
                }
                Output::Event(GateEvent::Data { connection, data }) => {
                    up.extend_from_slice(&data);
                    gate.send(T0, connection, Bytes::from_static(b"ok")).unwrap();
                }
                Output::Event(_) => {}
            }
        }
        if client.is_open() && round % 2 == 0 {
            client.send(T0, b"message;").unwrap();
            sent += 1;
        } else if client.is_open() {
            gate.handle_input(T0, GateInput::Eof(post));
            client.handle_input(T0, ClientInput::Eof(Channel::Post));
        }
    }
    assert!(sent >= 5);
    assert_eq!(up, b"message;".repeat(sent));
}

#[cfg(feature = "digest")]
#[test]
fn a_client_says_who_it_is() {
    use proto_wire::digest::Credential;
    let config = || {
        let alice = Credential::new("alice", "secret").unwrap();
        Arc::new(ClientConfig::new("a", "/cam").with_credential(alice))
    };
    let no = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 4\r\n\r\nbody";
    // The strongest one, on a new connection; what is left of the old one means nothing.
    let mut client = Client::new(T0, config(), Seed::from_u64(5)).unwrap();
    assert_eq!(told(&mut client), ["Connect(Get)", "Get> GET /cam HTTP/1.0"]);
    for chunk in no.chunks(7) {
        client.handle_input(T0, ClientInput::Data(Channel::Get, chunk));
    }
    client.handle_input(T0, ClientInput::Eof(Channel::Get));
    assert_eq!(told(&mut client), ["Connect(Get)", "Get> GET /cam HTTP/1.0 (Digest)"]);
    client.handle_input(T0, ClientInput::Data(Channel::Get, b"HTTP/1.0 200 OK\r\n\r\n"));
    let opened = ["Connect(Post)", "Post> POST /cam HTTP/1.0 (Digest)", "Opened"];
    assert_eq!(told(&mut client), opened);
    // Refused again: the password is wrong.
    let mut client = Client::new(T0, config(), Seed::from_u64(5)).unwrap();
    for _ in 0..2 {
        let _ = told(&mut client);
        client.handle_input(T0, ClientInput::Data(Channel::Get, no));
    }
    assert_eq!(told(&mut client), ["Closed(Refused(Get, 401))"]);
    // Only the POST is asked: what it carried goes out again.
    let mut client = Client::new(T0, config(), Seed::from_u64(5)).unwrap();
    client.handle_input(T0, ClientInput::Data(Channel::Get, b"HTTP/1.0 200 OK\r\n\r\n"));
    client.send(T0, b"one").unwrap();
    client.send(T0, b"two").unwrap();
    let _ = told(&mut client);
    client.handle_input(T0, ClientInput::Data(Channel::Post, no));
    let again = ["Connect(Post)", "Post> POST /cam HTTP/1.0 (Digest)", "Post> b25ldHdv"];
    assert_eq!(told(&mut client), again);
    // A proxy may ask as well.
    let mut client = Client::new(T0, config(), Seed::from_u64(5)).unwrap();
    let _ = told(&mut client);
    let proxy = b"HTTP/1.0 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n";
    client.handle_input(T0, ClientInput::Data(Channel::Get, proxy));
    let mut sent = Vec::new();
    while let Some(output) = client.poll_output() {
        if let Output::Transmit((_, bytes)) = output {
            sent.extend_from_slice(&bytes);
        }
    }
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains("\r\nProxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n"), "{sent}");
}

#[test]
fn a_client_waits_only_so_long_and_ends_once() {
    let config = Arc::new(ClientConfig::new("a", "/"));
    let mut client = Client::new(T0, config, Seed::from_u64(5)).unwrap();
    let at = client.poll_timeout().unwrap();
    client.handle_timeout(at);
    client.handle_timeout(at);
    client.handle_input(at, ClientInput::Eof(Channel::Get));
    assert_eq!(client.close(at), Err(CommandError::NotOpen));
    let mut events = Vec::new();
    while let Some(output) = client.poll_output() {
        events.push(output);
    }
    let end = Output::Event(ClientEvent::Closed(ClientClosed::TimedOut));
    assert_eq!(events.iter().filter(|e| **e == end).count(), 1);
    assert_eq!(events.last(), Some(&end));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn a_client_sends_nothing_that_breaks_its_lines() {
    for config in [
        ClientConfig::new("a\r\nb: c", "/"),
        ClientConfig::new("a", "/ HTTP/1.0\r\n"),
        ClientConfig::new("a", "/").with_header("A", "b\nc"),
    ] {
        let result = Client::new(T0, Arc::new(config), Seed::from_u64(5));
        assert_eq!(result.err(), Some(CommandError::Argument));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_input_leaves_the_gate_sane(
        inputs in prop::collection::vec(
            (0..4_u32, 0..8_usize, prop::collection::vec(any::<u8>(), 0..40)),
            0..40,
        ),
    ) {
        let mut gate = gate();
        let mut open = Vec::new();
        for (k, what, data) in inputs {
            match what {
                0 => gate.handle_input(T0, GateInput::Data(k, &head("GET", "1.0", "c"))),
                1 => gate.handle_input(T0, GateInput::Data(k, &posted(b"T1BU"))),
                2 => gate.handle_input(T0, GateInput::Data(k, b"T1BUSU9OUw==\r\n")),
                3 => gate.handle_input(T0, GateInput::Eof(k)),
                4 => drop(gate.send(T0, k, Bytes::from(data))),
                5 => drop(gate.close(T0, k)),
                6 => if let Some(at) = gate.poll_timeout() {
                    gate.handle_timeout(at);
                    prop_assert!(gate.poll_timeout().is_none_or(|next| next > at));
                },
                _ => gate.handle_input(T0, GateInput::Data(k, &data)),
            }
            while let Some(output) = gate.poll_output() {
                match output {
                    Output::Event(GateEvent::Opened { connection, .. }) => {
                        prop_assert!(!open.contains(&connection));
                        open.push(connection);
                    }
                    Output::Event(GateEvent::Data { connection, .. }) => {
                        prop_assert!(open.contains(&connection));
                    }
                    Output::Event(GateEvent::Closed { connection, .. }) => {
                        prop_assert!(open.contains(&connection));
                        open.retain(|k| *k != connection);
                    }
                    _ => {}
                }
            }
        }
    }
}

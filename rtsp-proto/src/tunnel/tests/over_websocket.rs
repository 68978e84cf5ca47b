//! The gate where a tunnel is a WebSocket.

use super::*;

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

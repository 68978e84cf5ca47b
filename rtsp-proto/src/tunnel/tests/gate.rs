//! Two halves become one connection: pairs, faults, ends, limits, any input.

use super::*;

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

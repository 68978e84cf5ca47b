//! The client, alone and through our gate: how it opens, goes on, is asked who it is and ends.

use super::*;

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

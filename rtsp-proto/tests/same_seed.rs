//! One seed, one input, one time line: the same bytes. Another seed: ids that nobody guesses.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc, reason = "tests state what must hold")]

use proto_wire::{Instant, Output, Seed};
use rtsp_proto::server::{Event, Input, Server};
use rtsp_proto::{Method, client, headers::ChannelPair, headers::Transport};
use std::sync::Arc;

/// All that goes over the wire, from OPTIONS to TEARDOWN, of two sessions.
fn dialogue(seed: u64) -> Vec<u8> {
    let mut now = Instant::ZERO;
    let mut client = client::Client::new(now, Arc::default(), Seed::from_u64(seed));
    let mut server = Server::new(now, Arc::default(), Seed::from_u64(!seed));
    for url in ["rtsp://h/a", "rtsp://h/b"] {
        let session = client.open_session(now, url).unwrap();
        let offer = Transport::interleaved(Some(ChannelPair::starting_at(0)));
        client.setup(now, session, url, &[offer]).unwrap();
    }
    let mut wire = Vec::new();
    for _ in 0..20 {
        now = now.saturating_add(core::time::Duration::from_secs(7));
        client.handle_timeout(now);
        server.handle_timeout(now);
        while let Some(output) = client.poll_output() {
            if let Output::Transmit(bytes) = output {
                wire.extend_from_slice(&bytes);
                server.handle_input(now, Input::Data(&bytes));
            }
        }
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    wire.extend_from_slice(&bytes);
                    client.handle_input(now, client::Input::Data(&bytes));
                }
                Output::Event(Event::Request(asked)) if asked.method == Method::Setup => {
                    let offer =
                        asked.request.view().headers().transports().next().unwrap().unwrap();
                    server.accept_setup(now, asked.id, &offer).unwrap();
                }
                Output::Event(Event::Request(asked)) => server.accept(now, asked.id).unwrap(),
                Output::Event(_) => {}
            }
        }
    }
    wire
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_other_ids() {
    let one = dialogue(1);
    assert!(String::from_utf8_lossy(&one).contains("\r\nSession: "));
    assert_eq!(one, dialogue(1));
    assert_ne!(one, dialogue(2));
}

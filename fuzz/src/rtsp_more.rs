//! More targets of the area `rtsp`: ranges, tunnels, session tables.
//!
//! - `rtsp_range`: conversions between units do not panic and agree with each other.
//! - `rtsp_gate`: the gate before a server gives the same outputs in any chunking, tells each
//!   end once and gives out no data before a beginning or behind an end.
//! - `rtsp_tunnel`: the client's end of a tunnel, likewise.
//! - `rtsp_states`: no events bring a session of RTSP 2.0 into a state that makes no sense.

extern crate alloc;

use alloc::sync::Arc;
use proto_wire::testing::chunks::{bytewise, cut, random, whole};
use rtsp_proto::headers::{Range, TypedHeader};
use rtsp_proto::range::{Extent, Position, Reference, SmpteUnit, UtcTime};
use rtsp_proto::session_table::v2;
use rtsp_proto::tunnel::{
    Base64Decoder, Channel, Client, ClientConfig, ClientEvent, ClientInput, Gate, GateConfig,
    GateEvent, GateInput, Units, encode,
};
use rtsp_proto::{Instant, Output, Seed};

/// The ways to cut `data` that are tried.
fn cuts(data: &[u8]) -> [Vec<&[u8]>; 4] {
    [whole(data), bytewise(data), random(data, data.len() as u64), cut(data, data.len() / 2)]
}

/// Any bytes as a Range, in all units.
pub fn rtsp_range(data: &[u8]) {
    let Ok(range) = Range::parse(data) else { return };
    let _time = range.effective_at();
    let Ok(extent) = Extent::of(&range) else { return };
    let reference = Reference {
        origin: UtcTime::from_unix(0, 0),
        now: Some(Position::from_thirds(data.len() as u128)),
    };
    let text = extent.to_string();
    let again = Range::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(Extent::of(&again), Ok(extent));
    assert_eq!(extent.is_same(&extent, &reference), Some(true));
    let Some(places) = extent.positions(&reference) else { return };
    for unit in [SmpteUnit::Smpte, SmpteUnit::Smpte25] {
        let Some(smpte) = extent.to_smpte(unit, &reference) else { continue };
        let rounded = Extent::Smpte(smpte).positions(&reference).expect("needs no reference");
        for (exact, rounded) in [(places.start, rounded.start), (places.end, rounded.end)] {
            // Rounded down, by less than a hundredth of a frame.
            assert!(exact >= rounded);
            if let (Some(exact), Some(rounded)) = (exact, rounded) {
                assert!(exact.abs_diff(rounded) < Position::from_thirds(1_200_000));
            }
        }
        // A second conversion changes nothing.
        assert_eq!(Extent::Smpte(smpte).to_smpte(unit, &reference), Some(smpte));
    }
    if let Some(npt) = extent.to_npt(&reference) {
        assert_eq!(Extent::Npt(npt).to_npt(&reference), Some(npt));
    }
}

/// What a gate said, chunking taken out.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// Outputs by connection, data joined.
    lines: Vec<String>,
}

/// A script: each line is for one of four connections (its first byte), `!` ends it.
pub fn rtsp_gate(data: &[u8]) {
    let mut results: Vec<Said> = Vec::new();
    for way in 0..4 {
        let mut gate = Gate::new(Instant::ZERO, Arc::new(GateConfig::default()), Seed::from_u64(1));
        let mut said = Said::default();
        let mut open: Vec<u8> = Vec::new();
        for step in data.split(|b| *b == 0) {
            let Some((first, rest)) = step.split_first() else { continue };
            let k = first % 4;
            if rest == b"!" {
                gate.handle_input(Instant::ZERO, GateInput::Eof(k));
            } else {
                for chunk in &cuts(rest)[way] {
                    gate.handle_input(Instant::ZERO, GateInput::Data(k, chunk));
                }
            }
            drain(&mut gate, &mut said, &mut open);
        }
        if let Some(at) = gate.poll_timeout() {
            gate.handle_timeout(at);
            assert!(gate.poll_timeout().is_none_or(|next| next > at), "a busy loop");
            drain(&mut gate, &mut said, &mut open);
        }
        results.push(said);
    }
    for (way, result) in results.iter().enumerate() {
        assert_eq!(*result, results[0], "cut {way}");
    }
    // The decoder by itself: what is encoded comes back.
    let mut decoder = Base64Decoder::new();
    let mut out = Vec::new();
    let (one, two) = data.split_at(data.len() / 3);
    for part in [one, two] {
        decoder.feed(&encode(part), &mut out).expect("its own base64");
    }
    assert_eq!(out, data);
    let mut decoder = Base64Decoder::new();
    let mut out = Vec::new();
    if let Err(error) = decoder.feed(data, &mut out) {
        assert!(error.offset() < data.len());
    }
    assert!(out.len() <= data.len() / 4 * 3 + 3);
}

fn drain(gate: &mut Gate<u8>, said: &mut Said, open: &mut Vec<u8>) {
    let mut data_of = None;
    while let Some(output) = gate.poll_output() {
        let mut next_data_of = None;
        match output {
            Output::Transmit(to) => {
                let pong = format!("{}> b\"\\x8a", to.connection);
                let line = format!("{}> {:?}", to.connection, to.bytes);
                match said.lines.last_mut() {
                    // A pong that nobody has taken gives way to the next one (RFC 6455 §5.5.3).
                    Some(last) if last.starts_with(&pong) && line.starts_with(&pong) => {
                        *last = line
                    }
                    _ => said.lines.push(line),
                }
            }
            Output::Event(GateEvent::Opened { connection, kind, .. }) => {
                assert!(!open.contains(&connection), "opened twice");
                open.push(connection);
                said.lines.push(format!("{connection} opened {kind:?}"));
            }
            Output::Event(GateEvent::Data { connection, data }) => {
                assert!(open.contains(&connection), "data of what is not open");
                let hex: String = data.iter().map(|b| format!("{b:02x}")).collect();
                match said.lines.last_mut() {
                    Some(last) if data_of == Some(connection) => last.push_str(&hex),
                    _ => said.lines.push(format!("{connection} data {hex}")),
                }
                next_data_of = Some(connection);
            }
            Output::Event(GateEvent::Closed { connection, reason }) => {
                assert!(open.contains(&connection), "closed without a beginning");
                open.retain(|k| *k != connection);
                said.lines.push(format!("{connection} closed {reason:?}"));
            }
            Output::Event(event) => said.lines.push(format!("{event:?}")),
        }
        data_of = next_data_of;
    }
}

/// Any bytes as what a server says to the client's end of a tunnel.
pub fn rtsp_tunnel(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let channel = if first % 2 == 0 { Channel::Get } else { Channel::Post };
    let mut results = Vec::new();
    let is_end = |event: &ClientEvent| matches!(event, ClientEvent::Closed(_));
    for way in 0..4 {
        let config = Arc::new(ClientConfig::new("h", "/"));
        let retries_max = config.retries_max;
        let mut client =
            Client::new(Instant::ZERO, config, Seed::from_u64(1)).expect("a sound request");
        let (mut events, mut received) = (Vec::new(), Vec::new());
        for chunk in &cuts(rest)[way] {
            client.handle_input(Instant::ZERO, ClientInput::Data(channel, chunk));
        }
        // A connection that is lost is made again, so often and no more.
        let mut ends = 0;
        while ends <= 2 * retries_max && !events.iter().any(is_end) {
            client.handle_input(Instant::ZERO, ClientInput::Eof(channel));
            ends += 1;
            while let Some(output) = client.poll_output() {
                match output {
                    Output::Event(ClientEvent::Data(data)) => received.extend_from_slice(&data),
                    Output::Event(event) => events.push(event),
                    Output::Transmit(_) => {}
                }
            }
        }
        assert_eq!(events.iter().filter(|event| is_end(event)).count(), 1);
        assert!(events.last().is_some_and(is_end));
        assert!(received.len() <= rest.len());
        results.push((events, received));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "chunking matters");
    // What is sent over WebSocket: nothing but empty lines is left out, however it is cut.
    let sent = cuts(rest).map(|pieces| {
        let (mut units, mut sent) = (Units::new(), Vec::new());
        pieces.iter().for_each(|piece| units.feed(piece, |unit| sent.extend_from_slice(unit)));
        assert!(sent.len() <= rest.len());
        sent
    });
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "chunking matters");
}

/// Any bytes as events of a session.
pub fn rtsp_states(data: &[u8]) {
    let mut session = v2::Session::default();
    for pair in data.chunks_exact(2) {
        let event = v2::Event::ALL[usize::from(pair[0]) % v2::Event::ALL.len()];
        let facts = v2::Facts {
            target: match pair[1] % 3 {
                0 => v2::Target::Presentation,
                1 => v2::Target::Media,
                _ => v2::Target::NewMedia,
            },
            has_range: pair[1] & 0x10 != 0,
            can_change_transport: pair[1] & 0x20 != 0,
            has_terminate_time: pair[1] & 0x40 != 0,
        };
        let before = session;
        let expected = session.check(event, &facts);
        assert_eq!(session.step(event, &facts), expected);
        if expected.is_err() {
            assert_eq!(session, before, "a refusal changes nothing");
        }
        assert_eq!(session.state() == v2::State::Init, session.streams() == 0);
    }
}

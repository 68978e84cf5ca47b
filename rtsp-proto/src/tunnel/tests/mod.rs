//! What the tests of this module share.
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

mod client;
mod gate;
mod over_websocket;

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

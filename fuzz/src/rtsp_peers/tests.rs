//! Replays the RTSP corpora, dialogues of the test suite and seeded damages of both through
//! the comparison with other parsers. Needs the feature `peers`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold, and say what they did"
)]

use super::rtsp_peers;
use proto_wire::{Rng, Seed};
use std::path::Path;

/// Damaged inputs.
const MUTANTS: u64 = 40_000;

#[test]
fn what_others_read_is_read_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for target in ["rtsp_parse", "rtsp_chunks", "rtsp_peers", "rtsp_client", "rtsp_server"] {
        for entry in std::fs::read_dir(root.join("corpus").join(target)).expect("a corpus") {
            seeds.push(std::fs::read(entry.expect("an entry").path()).expect("readable"));
        }
    }
    for entry in std::fs::read_dir(root.join("../rtsp-proto/tests/dialogues")).expect("dialogues") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        for block in text.split("-->\n").flat_map(|part| part.split("<--\n")).skip(1) {
            let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
            let body: String = body
                .lines()
                .take_while(|line| !line.starts_with(['!', '@', '-', '<']))
                .map(|line| format!("{line}\r\n"))
                .collect();
            let head = head.replace('\n', "\r\n");
            seeds.push(
                format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
            );
        }
    }
    seeds.push(b"$\x01\x00\x05hello".to_vec());
    assert!(seeds.len() > 80, "{} seeds", seeds.len());
    for seed in &seeds {
        check(seed);
    }
    let mut rng = Rng::new(&Seed::from_u64(1));
    let below = |rng: &mut Rng, n: usize| (rng.next_u64() % n as u64) as usize;
    const LIKELY: &[u8] = b"\r\n\t :;,=$0123456789RTSP/.\"\\\xe9\xc3\xa9+-";
    for _ in 0..MUTANTS {
        let mut bytes = seeds[below(&mut rng, seeds.len())].clone();
        for _ in 0..=below(&mut rng, 3) {
            let at = below(&mut rng, bytes.len() + 1);
            let byte = LIKELY[below(&mut rng, LIKELY.len())];
            match below(&mut rng, 4) {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 if at < bytes.len() => bytes[at] = byte,
                _ => {
                    let other = &seeds[below(&mut rng, seeds.len())];
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[below(&mut rng, other.len())..]);
                }
            }
        }
        check(&bytes);
    }
    println!("{} inputs and {MUTANTS} damaged ones", seeds.len());
}

/// Says with which bytes it fails.
fn check(bytes: &[u8]) {
    struct Tell<'a>(&'a [u8]);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("input: b\"{}\"", self.0.escape_ascii());
            }
        }
    }
    let _tell = Tell(bytes);
    rtsp_peers(bytes);
}

//! Replays corpora and past crashes on stable, then seeded mutations of them; and checks that
//! the target list, `fuzz_targets/`, `Cargo.toml` and `corpus/` agree.
//!
//! Beside the targets and not in `tests/`, because Cargo builds every bin for an integration test.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    reason = "tests state what must hold, and say what they did"
)]

use crate::{AREAS, Target, targets};
use proto_wire::{Rng, Seed};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Mutants per target: enough to notice a careless change, few enough for every test run.
const MUTANTS: u64 = 2_000;
/// Longest mutant in bytes. Long inputs are libFuzzer's job.
const MUTANT_MAX: usize = 4_096;

#[test]
fn wire() {
    replay_area("wire");
}

#[test]
fn rtsp() {
    replay_area("rtsp");
}

#[test]
fn sip() {
    replay_area("sip");
}

#[test]
fn xmpp() {
    replay_area("xmpp");
}

#[test]
fn ledger() {
    replay_area("ledger");
}

#[test]
fn every_target_is_wired_once() {
    let listed: BTreeSet<String> = targets().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed.len(), targets().count(), "a target is listed twice");
    for (area, targets) in AREAS {
        for (name, _) in *targets {
            assert!(name.starts_with(&format!("{area}_")), "{name} is not named after {area}");
        }
    }
    let files: BTreeSet<String> = names(&root().join("fuzz_targets"))
        .into_iter()
        .map(|file| file.strip_suffix(".rs").expect("only .rs in fuzz_targets").to_owned())
        .collect();
    assert_eq!(listed, files, "TARGETS (left) and fuzz_targets/*.rs (right); see fuzz/new");

    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("readable");
    let bins: BTreeSet<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.lines().find_map(|line| line.strip_prefix("name = ")))
        .map(|name| name.trim_matches('"').to_owned())
        .collect();
    assert_eq!(listed, bins, "TARGETS (left) and [[bin]] in Cargo.toml (right); see fuzz/new");

    for name in &listed {
        assert!(!inputs("corpus", name).is_empty(), "corpus/{name} has no seeds");
    }
    for kind in ["corpus", "crashes"] {
        for name in names(&root().join(kind)) {
            assert!(listed.contains(&name), "{kind}/{name} belongs to no target");
        }
    }
}

fn replay_area(area: &str) {
    let (_, targets) = AREAS.iter().find(|(name, _)| *name == area).expect("an area");
    for target in *targets {
        replay(*target);
    }
}

fn replay((name, run): Target) {
    let mut seeds = vec![("(nothing)".to_owned(), Vec::new())];
    seeds.extend(inputs("corpus", name));
    seeds.extend(inputs("crashes", name));
    for (from, bytes) in &seeds {
        guarded(name, from, run, bytes);
    }
    let mut rng = Rng::new(&Seed::from_u64(fnv(name)));
    for n in 0..MUTANTS {
        let at = index(&mut rng, seeds.len());
        let other = index(&mut rng, seeds.len());
        let (from, bytes) = &seeds[at];
        let mutant = mutate(&mut rng, bytes, &seeds[other].1);
        guarded(name, &format!("mutant {n} of {from}"), run, &mutant);
    }
    println!("{name}: {} inputs and {MUTANTS} mutants", seeds.len());
}

/// Runs a target and, if it panics, says with which bytes.
fn guarded(name: &str, from: &str, run: fn(&[u8]), bytes: &[u8]) {
    struct Tell<'a>(&'a str, &'a str, &'a [u8]);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let Self(name, from, bytes) = self;
                eprintln!(
                    "target {name}, {from}, {} bytes: b\"{}\"",
                    bytes.len(),
                    bytes.escape_ascii()
                );
            }
        }
    }
    let _tell = Tell(name, from, bytes);
    run(bytes);
}

/// One to eight small damages: the kinds that protocols meet, and splices of another seed.
fn mutate(rng: &mut Rng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    const TOKENS: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\r\n ",
        b":",
        b";",
        b",",
        b"=",
        b"\"",
        b"\\",
        b"<",
        b">",
        b"/>",
        b"</",
        b"&",
        b"'",
        b"$",
        b"\0",
        b"\x7f",
        b"\xff",
        b"\xc3\x28",
        b"-1",
        b"0",
        b"4294967296",
        b"18446744073709551616",
        b"Content-Length: 5\r\n",
        b"l: 1\r\n",
        b"%",
        b"@",
        b"[::1]",
        b"(",
        b")",
    ];
    let mut out = bytes.to_vec();
    for _ in 0..=rng.below(8) {
        let at = index(rng, out.len() + 1);
        match rng.below(9) {
            0 => out.truncate(at),
            1 if at < out.len() => out[at] ^= 1 << rng.below(8),
            2 if at < out.len() => out[at] = rng.next_u32().to_le_bytes()[0],
            3 => {
                let token = TOKENS[index(rng, TOKENS.len())];
                out.splice(at..at, token.iter().copied());
            }
            4 if at < out.len() => {
                out.remove(at);
            }
            5 => {
                let end = at + index(rng, (out.len() - at).min(64) + 1);
                out.drain(at..end);
            }
            6 => {
                let end = at + index(rng, (out.len() - at).min(256) + 1);
                let again = out[at..end].to_vec();
                out.splice(at..at, again);
            }
            7 if !other.is_empty() => {
                let start = index(rng, other.len());
                let end = start + index(rng, (other.len() - start).min(256) + 1);
                out.splice(at..at, other[start..end].iter().copied());
            }
            _ => {
                let end = (at + 8).min(out.len());
                rng.fill(&mut out[at..end]);
            }
        }
        out.truncate(MUTANT_MAX);
    }
    out
}

fn index(rng: &mut Rng, len: usize) -> usize {
    usize::try_from(rng.below(len as u64)).expect("below a usize")
}

fn inputs(kind: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = root().join(kind).join(target);
    let mut inputs = Vec::new();
    for name in names(&dir) {
        let bytes = fs::read(dir.join(&name)).expect("readable");
        inputs.push((format!("{kind}/{target}/{name}"), bytes));
    }
    inputs
}

/// The entries of a directory, sorted; none if it does not exist.
fn names(dir: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return BTreeSet::new();
    };
    entries
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8 names"))
        .filter(|name| !name.starts_with('.'))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// FNV-1a: each target gets its own mutants, the same in every run.
fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

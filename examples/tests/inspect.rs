//! `inspect` reads any file: it never panics, and how the bytes are cut changes nothing.
#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use examples::inspect::{Line, Options, journal, rtsp, sip, xmpp};
use examples::store::DurableLedger;
use mms_core::{
    Action, At, Command, EngineConfig, IdempotencyKey, MemberId, MemberKind, MemberToken, PlanId,
    Program, StoreId, Timestamp, Who,
};
use proto_wire::{Rng, Seed};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

type Inspect = fn(&[u8], &Options, &mut dyn FnMut(Line));

const AREAS: [(&str, &str, Inspect); 4] = [
    ("rtsp", "rtsp", rtsp::inspect),
    ("sip", "sip", sip::inspect),
    ("xmpp", "xmpp", xmpp::inspect),
    ("journal", "ledger", journal::inspect),
];

fn lines(inspect: Inspect, input: &[u8], options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    inspect(input, options, &mut |line| lines.push(line.to_json().to_string()));
    lines
}

/// A stream of two SIP messages with a keep-alive between them.
const SIP: &[u8] =
    b"OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\n\
    t: \"B, b\" <sip:b@h>\r\ni: 1\r\nCSeq: 1\r\n OPTIONS\r\nl: 0\r\n\r\n\r\n\r\n\
    SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nX-Odd: \xff\r\nl: 2\r\n\r\nhi";

/// A journal of a few frames.
fn journal() -> Vec<u8> {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect-journal");
    drop(std::fs::remove_dir_all(&data));
    std::fs::create_dir_all(&data).unwrap();
    let config = EngineConfig::default().with_program(Program::sample());
    let store = data.join("ledger.redb");
    let (mut ledger, _) = DurableLedger::open(store, config.into(), Seed::from_u64(1)).unwrap();
    let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
    let who = Who::Member(MemberId::new(0));
    let (token, kind, plan) = (MemberToken::new(7), MemberKind::Individual, PlanId::new(1));
    let actions = [
        Action::Enrol { token, kind, plan, referrer: None },
        Action::TopUp { who, amount: 10_000 },
        Action::Spend { who, amount: 500 },
    ];
    for (key, action) in (1..).zip(actions) {
        let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
        ledger.execute(at, &[command]).unwrap();
    }
    ledger.export(data.join("journal")).unwrap();
    std::fs::read(data.join("journal")).unwrap()
}

/// Seeds of our own, and the committed fuzz seeds whose target names begin with `area`.
fn seeds(area: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut seeds = match area {
        "sip" => vec![("two messages".into(), SIP.to_vec())],
        "ledger" => vec![("three records".into(), journal())],
        _ => Vec::new(),
    };
    for target in std::fs::read_dir(corpus).unwrap().flatten() {
        if !target.file_name().to_string_lossy().starts_with(area) {
            continue;
        }
        for file in std::fs::read_dir(target.path()).unwrap().flatten() {
            seeds.push((file.path(), std::fs::read(file.path()).unwrap()));
        }
    }
    seeds.sort();
    assert!(!seeds.is_empty(), "no seeds for {area}");
    seeds
}

/// A few bytes changed, cut out, or doubled.
fn mutated(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.below(4) {
        let at = usize::try_from(rng.below(bytes.len() as u64 + 1)).unwrap();
        match rng.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u64().to_le_bytes()[0]),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            _ => bytes.extend_from_slice(&seed[..at.min(seed.len())]),
        }
    }
    bytes
}

#[test]
fn chunks_change_no_line() {
    let mut rng = Rng::new(&Seed::from_u64(11));
    for (name, area, inspect) in AREAS {
        for (path, seed) in seeds(area) {
            for round in 0..12 {
                let input = if round == 0 { seed.clone() } else { mutated(&seed, &mut rng) };
                for strict in [false, true] {
                    let mut options = Options::default();
                    options.strict = strict;
                    let whole = lines(inspect, &input, &options);
                    for chunk in [1, 2, 7, 64] {
                        options.chunk = Some(chunk);
                        let cut = lines(inspect, &input, &options);
                        let place = format!("{name} {} round {round} by {chunk}", path.display());
                        assert_eq!(cut, whole, "{place}: {}", input.escape_ascii());
                    }
                }
            }
        }
    }
}

#[test]
fn a_journal_is_told_record_by_record_and_damage_is_told_too() {
    let mut input = journal();
    let told = lines(journal::inspect, &input, &Options::default());
    assert!(told.len() >= 3 && told.iter().all(|line| line.contains("\"error\":null")), "{told:?}");
    let last = input.len() - 1;
    input[last] ^= 1;
    let told = lines(journal::inspect, &input, &Options::default());
    let [.., damaged, audit] = told.as_slice() else { panic!("{told:?}") };
    assert!(!damaged.contains("\"error\":null"), "{told:?}");
    assert!(audit.contains("\"audit\"") && audit.contains("1 faults"), "{told:?}");
}

#[test]
fn what_is_read_as_a_datagram_never_panics() {
    let mut rng = Rng::new(&Seed::from_u64(12));
    let mut options = Options::default();
    options.datagram = true;
    for (_, seed) in seeds("sip") {
        for _ in 0..40 {
            let read = lines(sip::inspect, &mutated(&seed, &mut rng), &options);
            assert!(read.len() <= 1, "one datagram, one line");
        }
    }
}

fn run(arguments: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut child = process::Command::new(env!("CARGO_BIN_EXE_inspect"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8(output.stderr).unwrap());
    (output.status.code(), text)
}

#[test]
fn the_exit_status_tells() {
    let good = b"OPTIONS rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    assert_eq!(run(&["rtsp", "-"], good).0, Some(0));
    assert_eq!(run(&["rtsp", "-"], b"nonsense\r\n\r\n").0, Some(1));
    assert_eq!(run(&["rtsp"], b"").0, Some(2));
    assert_eq!(run(&["gopher", "-"], b"").0, Some(2));
    assert_eq!(run(&["rtsp", "--chunk", "0", "-"], b"").0, Some(2));
    assert_eq!(run(&["rtsp", "/no/such/file"], b"").0, Some(2));
    let (status, help) = run(&["--help"], b"");
    assert_eq!(status, Some(0));
    assert!(help.contains("exit status: 0 all was accepted"));
}

#[test]
fn json_has_the_documented_names() {
    let input = b"MESSAGE sip:bob@example.org SIP/2.0\r\nCSeq : 7 MESSAGE\r\n\
        v: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\ni: 1\r\n\
        Max-Forwards: 70\r\nl: 5\r\n\r\nhello";
    let (_, out) = run(&["sip", "--json", "-"], input);
    let line: serde_json::Value = serde_json::from_str(out.trim_end()).unwrap();
    assert_eq!(line["file"], "-");
    assert_eq!(line["kind"], "request");
    assert_eq!(line["start"], "MESSAGE sip:bob@example.org SIP/2.0");
    assert_eq!(line["body"], 5);
    assert_eq!(line["fields"][0]["name"], "CSeq");
    assert_eq!(line["fields"][0]["typed"]["number"], 7);
    assert_eq!(line["quirks"][0], "space-before-colon");
    let names: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(names, ["body", "error", "fields", "file", "kind", "offset", "quirks", "start"]);
    assert!(line["error"].is_null());
}

//! A ledger that is killed while it works: what was acknowledged is there again, to the cent.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold"
)]

use examples::store::{DurableLedger, StoreError};
use mms_core::*;
use proto_wire::Rng;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;

const DIRECTORY: &str = "LEDGER_KILL_CHILD_IN";
const MEMBERS: u32 = 8;

/// Each round kills a child after some acknowledgements and goes on with what it left.
#[test]
fn every_acknowledged_command_survives_a_kill() {
    let directory = Scratch::new("kill");
    let mut rng = Rng::new(&Seed::from_u64(0x6b11));
    let mut acknowledged: Vec<(u128, u64)> = Vec::new();
    for round in 0..8 {
        let enough = 1 + usize::try_from(rng.below(60)).unwrap();
        let before = acknowledged.len();
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(DIRECTORY, &directory.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut killed = false;
        for line in lines {
            // A line that the kill cut short was not heard.
            let Some(ack) = line.ok().as_deref().and_then(parse_ack) else { continue };
            acknowledged.push(ack);
            if acknowledged.len() - before >= enough && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "round {round}: the child ended by itself");

        let (ledger, opened) = open(&directory.file()).unwrap();
        let verification = ledger.ledger().verify();
        assert!(verification.is_sound(), "round {round}, {opened}: {verification}");
        for (key, seq) in &acknowledged {
            let answer = ledger.ledger().answer(IdempotencyKey::new(*key));
            let found = answer.map(|receipt| receipt.seq.value());
            assert_eq!(found, Some(*seq), "round {round}: key {key} was acknowledged");
        }
        // Statements are built from the same frames and end at the same balances.
        let statements = ledger.engine().statements().unwrap();
        for (account, balance) in ledger.ledger().accounts() {
            if matches!(account.owner(), Owner::Member(_)) {
                assert_eq!(statements.raw_balance(account), balance);
            }
        }
    }
    println!("{} acknowledged commands survived 8 kills", acknowledged.len());
}

/// Not a test of its own: the program that the test above starts and kills. Without its
/// directory there is nothing for it to do.
#[test]
fn child_that_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let (mut ledger, _) = open(&PathBuf::from(directory).join("ledger.redb")).unwrap();
    let mut rng = Rng::new(&Seed::from_u64(ledger.ledger().seq().value()));
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    for _ in 0..10_000 {
        let group = 1 + rng.below(5);
        let first = u128::from(ledger.ledger().seq().value()) + 1;
        let commands: Vec<Command> = (0..u128::from(group))
            .map(|n| {
                // Keys follow the journal, so a group that was lost is sent again.
                let key = IdempotencyKey::new(first + n);
                let enrolled = u32::try_from(ledger.ledger().member_count()).unwrap();
                let action = if enrolled < MEMBERS {
                    enrol(enrolled + u32::try_from(n).unwrap())
                } else {
                    action(&mut rng)
                };
                Command::new(key, StoreId::new(1), action)
            })
            .collect();
        for event in ledger.execute(at(), &commands).unwrap() {
            if let Event::Applied { key, receipt } = event {
                writeln!(out, "ack {} {} .", key.value(), receipt.seq).unwrap();
            }
        }
        out.flush().unwrap();
    }
}

#[test]
fn a_damaged_store_is_found_and_named() {
    let directory = Scratch::new("damage");
    let file = directory.file();
    {
        let (mut ledger, _) = open(&file).unwrap();
        for key in 1..=4_u32 {
            let command =
                Command::new(IdempotencyKey::new(key.into()), StoreId::new(1), enrol(key));
            ledger.execute(at(), &[command]).unwrap();
        }
    }
    let (ledger, opened) = open(&file).unwrap();
    assert_eq!((opened.frames, opened.records), (4, 4));
    let flat = directory.0.join("flat.journal");
    let length = ledger.export(&flat).unwrap();
    assert_eq!(length, std::fs::metadata(&flat).unwrap().len());
    drop(ledger);

    // One bit in the token of the newest member, wherever the database keeps it.
    let mut bytes = std::fs::read(&file).unwrap();
    let needle = token(4).value().to_le_bytes();
    let places: Vec<usize> = bytes
        .windows(16)
        .enumerate()
        .filter_map(|(place, window)| (window == needle).then_some(place))
        .collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] ^= 0x10;
    }
    std::fs::write(&file, &bytes).unwrap();
    match open(&file) {
        Err(StoreError::Journal { first_seq, error }) => {
            assert_eq!(first_seq, 4);
            assert_eq!(error.kind(), FrameErrorKind::Record(RecordErrorKind::Check));
        }
        Err(StoreError::Database(error)) => println!("the database found it first: {error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_goes_on_where_it_was_closed_and_answers_as_before() {
    let directory = Scratch::new("reopen");
    let mut commands = vec![Command::new(IdempotencyKey::new(1), StoreId::new(1), enrol(0))];
    let who = Who::Member(MemberId::new(0));
    for key in 2..=20_u32 {
        let action = Action::TopUp { who, amount: i64::from(key) * 1_000 };
        commands.push(Command::new(IdempotencyKey::new(key.into()), StoreId::new(1), action));
    }
    let first = {
        let (mut ledger, opened) = open(&directory.file()).unwrap();
        assert_eq!(opened.records, 0);
        ledger.execute(at(), &commands).unwrap()
    };
    let (mut ledger, opened) = open(&directory.file()).unwrap();
    assert_eq!((opened.records, opened.frames), (20, 1), "one group, one frame");
    let again = ledger.execute(at(), &commands).unwrap();
    let receipts = |events: &[Event]| -> Vec<Receipt> {
        events
            .iter()
            .filter_map(|event| match event {
                Event::Applied { receipt, .. } | Event::Duplicate { receipt, .. } => Some(*receipt),
                _ => None,
            })
            .collect()
    };
    assert_eq!(receipts(&first), receipts(&again));
    assert!(again.iter().all(|event| matches!(event, Event::Duplicate { .. })));
}

fn open(file: &Path) -> Result<(DurableLedger, examples::store::Opened), StoreError> {
    let config = EngineConfig::default().with_program(Program::sample());
    DurableLedger::open(file, Arc::new(config), Seed::from_u64(9))
}

fn at() -> At {
    At::utc(Timestamp::from_unix_secs(1_700_000_000))
}

fn token(n: u32) -> MemberToken {
    MemberToken::new(0x1234_5678_9abc_def0_0fed_cba9_8765_0000 + u128::from(n))
}

fn enrol(n: u32) -> Action {
    Action::Enrol {
        token: token(n),
        kind: MemberKind::Individual,
        plan: PlanId::new(0),
        referrer: None,
    }
}

fn action(rng: &mut Rng) -> Action {
    let who = Who::Member(MemberId::new(u32::try_from(rng.below(MEMBERS.into())).unwrap()));
    let amount = 1 + i64::try_from(rng.below(20_000)).unwrap();
    match rng.below(5) {
        0 | 1 => Action::TopUp { who, amount },
        2 => Action::Spend { who, amount: amount / 4 + 1 },
        3 => Action::Redeem { who, points: amount / 100 + 1, reward: RewardId::new(1) },
        _ => Action::Checkout {
            who: Some(who),
            lines: vec![Line::new(Sku::new(1), 1, amount)],
            pay: Pay::Cash,
            extras: Extras::NONE,
        },
    }
}

fn parse_ack(line: &str) -> Option<(u128, u64)> {
    let mut words = line.strip_prefix("ack ")?.strip_suffix(" .")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ledger-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("ledger.redb")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

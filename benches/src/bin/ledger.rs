//! What a command costs as the ledger grows: `ledger [--commands N] [MEMBERS]..`.
//!
//! Each member has a card, a lot of stored value with bonus and a lot of points. The mix: 40 % sales
//! for cash that earn, 25 % quick debits, 15 % top-ups, 10 % redemptions, 10 % returns; every command
//! with a key of its own, every record encoded with its check, frames of 1,024 sealed with SHA-256.
//! Times are processor time of the one thread that does it all; commands are made beforehand.

use benches::alloc::growth;
use benches::clock::thread_cpu_nanos;
use mms_core::*;
use proto_wire::Rng;
use std::env::args;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: benches::alloc::Counting = benches::alloc::Counting;

const FRAME: usize = 1024;
/// A business day passes after so many commands; sales can be returned for a week.
const DAY: u64 = 100_000;
/// Before anything is measured: the window of keys and that of sales are full then, and memory has
/// been touched once.
const SETTLE: u64 = 1_200_000;
/// Beyond so many members nothing is replayed.
const REPLAY_MAX: u32 = 2_000_000;
/// Keys that are remembered.
const KEYS: u32 = 1 << 20;

fn main() -> ExitCode {
    let mut commands: u64 = 1_000_000;
    let mut sizes = Vec::new();
    let mut rest = args().skip(1);
    while let Some(arg) = rest.next() {
        let number =
            |text: Option<String>| text.and_then(|text| text.replace('_', "").parse().ok());
        match arg.as_str() {
            "--commands" => match number(rest.next()) {
                Some(count) => commands = count,
                None => return usage(),
            },
            _ => match number(Some(arg)) {
                Some(size) => sizes.push(u32::try_from(size).unwrap_or(u32::MAX)),
                None => return usage(),
            },
        }
    }
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    println!(
        "{:>10} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "members",
        "B/member",
        "enrol/s",
        "apply ns",
        "apply/s",
        "calm/s",
        "sealed/s",
        "replay/s",
        "again/s",
        "snap MB"
    );
    for members in sizes {
        measure(members, commands);
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: ledger [--commands N] [MEMBERS]..");
    ExitCode::from(2)
}

fn ledger() -> Ledger {
    with_keys(KEYS)
}

fn with_keys(keys: u32) -> Ledger {
    let limits = Limits::default().with_keys_max(keys);
    let program = Program::sample().with_return_days(7);
    Ledger::new(limits, program.into(), Seed::from_u64(1)).expect("a program")
}

fn measure(members: u32, commands: u64) {
    // The window of keys is of one size whatever the number of members: here it is as good as none.
    let mut shop = Shop::new(with_keys(16));
    let ((), own) = growth(|| shop.populate(members));
    drop(shop);
    let mut shop = Shop::new(ledger());
    let start = thread_cpu_nanos();
    shop.populate(members);
    let enrolled = per_second(u64::from(members) * 4, thread_cpu_nanos() - start);
    let mut unread = Vec::new();
    for _ in 0..SETTLE {
        unread.clear();
        let command = shop.next();
        shop.apply(&command, &mut unread);
    }

    let mut writer = FrameWriter::new(1, Chain::START, 1);
    // A replay needs a second ledger and the snapshot beside the first.
    let base = (members <= REPLAY_MAX).then(|| shop.ledger.snapshot(writer.position()));
    // A store would write each frame out and free it.
    let (mut journal, mut apply, mut seal) = (Vec::new(), 0, 0);
    let mut duplicates = Vec::new();
    let mut groups = Vec::new();
    let mut done = 0;
    while done < commands {
        let batch: Vec<Command> = (0..FRAME).map(|_| shop.next()).collect();
        let start = thread_cpu_nanos();
        let mut accepted = 0;
        for group in batch.chunks(64) {
            shop.ledger.warm(group);
            for command in group {
                if let Some((seq, time)) = shop.apply(command, writer.buffer()) {
                    writer.added(seq, time);
                    accepted += 1;
                }
            }
        }
        let middle = thread_cpu_nanos();
        let frame = writer.seal().expect("records");
        apply += middle - start;
        groups.push((middle - start) / accepted.max(1));
        seal += thread_cpu_nanos() - middle;
        journal.extend_from_slice(frame.bytes());
        done += accepted;
        duplicates = batch;
    }
    // What other work on the machine disturbed least: the fastest tenth of the frames.
    groups.sort_unstable();
    let calm = per_second(1, groups[groups.len() / 10]);
    let start = thread_cpu_nanos();
    let mut out = Vec::new();
    for _ in 0..64 {
        for command in &duplicates {
            std::hint::black_box(shop.ledger.apply(shop.at, command, &mut out));
        }
    }
    let again = per_second(64 * FRAME as u64, thread_cpu_nanos() - start);

    let replay = base.as_ref().map_or(0, |base| {
        let snapshot = Snapshot::parse(base).expect("a snapshot");
        let mut recovery = Recovery::from_snapshot(ledger(), snapshot).expect("its rows");
        let start = thread_cpu_nanos();
        assert!(recovery.journal(&journal).is_intact());
        let replay = per_second(recovery.records(), thread_cpu_nanos() - start);
        assert!(recovery.finish().ledger == shop.ledger, "replay is state");
        replay
    });
    assert!(members > 20_000 || shop.ledger.verify().is_sound());
    println!(
        "{members:>10} {:>8} {enrolled:>10} {:>10} {:>10} {calm:>10} {:>10} {replay:>10} {again:>10} {:>10}",
        own / i64::from(members),
        apply / done,
        per_second(done, apply),
        per_second(done, apply + seal),
        base.map_or(0, |base| base.len() / 1_000_000),
    );
}

fn per_second(count: u64, nanos: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / u128::from(nanos.max(1))).unwrap_or(0)
}

struct Shop {
    ledger: Ledger,
    rng: Rng,
    at: At,
    key: u128,
    sales: Vec<SaleId>,
}

impl Shop {
    fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            rng: Rng::new(&Seed::from_u64(0x1ed6)),
            at: At::utc(Timestamp::from_unix_secs(1_790_000_000)),
            key: 0,
            sales: Vec::new(),
        }
    }

    fn populate(&mut self, members: u32) {
        let mut journal = Vec::new();
        for n in 0..members {
            journal.clear();
            let member = MemberId::new(n);
            let card = CardNumber::new(6_000_000 + u64::from(n));
            let actions = [
                Action::Enrol {
                    token: MemberToken::new(u128::from(n) + 1),
                    kind: MemberKind::Individual,
                    plan: PlanId::new(0),
                    referrer: None,
                },
                Action::IssueCard {
                    member,
                    card,
                    product: ProductId::new(1),
                    expires: Day::NEVER,
                    active: true,
                    fee: 0,
                },
                Action::TopUp { who: member.into(), amount: 1_000_000 },
                Action::AdjustPoints {
                    who: member.into(),
                    adjust: Adjust::Add(100_000),
                    reason: 1,
                },
            ];
            for action in actions {
                let command = self.command(action);
                assert!(self.apply(&command, &mut journal).is_some());
            }
        }
        self.sales.clear();
    }

    fn next(&mut self) -> Command {
        let count = self.ledger.member_count() as u64;
        let who = Who::Card(CardNumber::new(6_000_000 + self.rng.below(count)));
        let amount = 1 + i64::try_from(self.rng.below(5_000)).expect("small");
        let action = match self.rng.below(20) {
            0..=7 => {
                let lines = vec![Line::new(Sku::new(1), 1, amount)];
                Action::Checkout { who: Some(who), lines, pay: Pay::Cash, extras: Extras::NONE }
            }
            8..=12 => Action::Spend { who, amount },
            13..=15 => Action::TopUp { who, amount },
            16 | 17 => Action::Redeem { who, points: 1 + amount / 100, reward: RewardId::new(1) },
            _ => match self.sales.pop() {
                Some(sale) => Action::Refund { sale, part: Part::Rest },
                None => Action::Spend { who, amount },
            },
        };
        if self.key % u128::from(DAY) == 0 {
            let time = self.at.time.saturating_add(core::time::Duration::from_secs(86_400));
            self.at = At::utc(time);
        }
        self.command(action)
    }

    fn apply(&mut self, command: &Command, journal: &mut Vec<u8>) -> Option<(Seq, Timestamp)> {
        let Outcome::Accepted(receipt) = self.ledger.apply(self.at, command, journal) else {
            return None;
        };
        if let (Some(sale), true) = (receipt.sale(), self.sales.len() < 4_096) {
            self.sales.push(sale);
        }
        Some((receipt.seq, receipt.time))
    }

    fn command(&mut self, action: Action) -> Command {
        self.key += 1;
        Command::new(IdempotencyKey::new(self.key), StoreId::new(1), action)
    }
}

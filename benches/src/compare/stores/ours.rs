//! The ledger itself: in memory, on a plain file, on redb.

use super::{Books, Job, Kind, Place};
use mms_core::{
    Action, Adjust, At, Chain, Command, EarnRule, Extras, FrameWriter, IdempotencyKey, Ledger,
    Limits, Line, MemberId, MemberKind, MemberToken, Outcome, Part, Pay, PlanId, Program, Ratio,
    Receipt, RewardId, RuleId, SaleId, Seed, Sku, StoreId, Timestamp, TopUpRule,
};
use std::fs::File;
use std::io::Write as _;

pub(super) fn memory() -> Box<dyn Books> {
    Box::new(Ours::new(|_: &[u8]| {}, false))
}

/// Each batch is a frame, appended and synced.
pub(super) fn on_a_file() -> Box<dyn Books> {
    let place = Place::new("journal");
    let mut file = File::create(place.file("journal.mmsj")).expect("a file");
    let store = move |frame: &[u8]| {
        let _kept = &place;
        file.write_all(frame).expect("written");
        file.sync_data().expect("synced");
    };
    Box::new(Ours::new(store, true))
}

/// Each batch is a frame, put into a table and committed durably.
pub(super) fn on_redb() -> Box<dyn Books> {
    const FRAMES: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("frames");
    let place = Place::new("frames");
    let database = redb::Database::create(place.file("frames.redb")).expect("a database");
    let mut number = 0;
    let store = move |frame: &[u8]| {
        let _kept = &place;
        let mut transaction = database.begin_write().expect("a transaction");
        transaction.set_durability(redb::Durability::Immediate).expect("durable");
        {
            let mut frames = transaction.open_table(FRAMES).expect("a table");
            number += 1;
            frames.insert(number, frame).expect("inserted");
        }
        transaction.commit().expect("committed");
    };
    Box::new(Ours::new(store, true))
}

struct Ours<S> {
    ledger: Ledger,
    at: At,
    /// Records before the first job.
    before: u64,
    writer: FrameWriter,
    store: S,
    sealed: bool,
    /// Where records go that nobody keeps.
    unsealed: Vec<u8>,
    /// The commands of a batch.
    batch: Vec<Command>,
}

impl<S: FnMut(&[u8])> Ours<S> {
    fn new(store: S, sealed: bool) -> Self {
        let program = Program::default()
            .with_top_up_rules(vec![
                TopUpRule::new(RuleId::new(1), 1).with_bonus(Ratio::percent(10)),
            ])
            .with_earn_rules(vec![EarnRule::new(RuleId::new(10), Ratio::percent(1))]);
        let ledger = Ledger::new(Limits::default(), program.into(), Seed::from_u64(1));
        let at = At::utc(Timestamp::from_unix_secs(1_790_000_000));
        let writer = FrameWriter::new(1, Chain::START, 1);
        let ledger = ledger.expect("a program");
        let (unsealed, batch) = (Vec::new(), Vec::new());
        let mut ours = Self { ledger, at, before: 0, writer, store, sealed, unsealed, batch };
        for number in 1..=super::MEMBERS {
            let enrol = Action::Enrol {
                token: MemberToken::new(u128::from(number.unsigned_abs())),
                kind: MemberKind::Individual,
                plan: PlanId::new(0),
                referrer: None,
            };
            ours.book(&command(-number, enrol));
            ours.before += 1;
        }
        ours.end();
        ours
    }

    fn book(&mut self, command: &Command) -> Receipt {
        let buffer = if self.sealed { self.writer.buffer() } else { &mut self.unsealed };
        match self.ledger.apply(self.at, command, buffer) {
            Outcome::Accepted(receipt) => {
                self.writer.added(receipt.seq, receipt.time);
                receipt
            }
            other => panic!("{command:?} is not accepted: {other:?}"),
        }
    }

    fn end(&mut self) {
        if self.sealed {
            let frame = self.writer.seal().expect("records");
            (self.store)(frame.bytes());
        } else {
            // Records are made, checked, and thrown away.
            self.unsealed.clear();
        }
    }
}

fn command(key: i64, action: Action) -> Command {
    // Keys of members are less than zero, those of jobs greater.
    let key = IdempotencyKey::new(u128::from(u64::from_le_bytes(key.to_le_bytes())));
    Command::new(key, StoreId::new(1), action)
}

impl<S: FnMut(&[u8])> Books for Ours<S> {
    fn run(&mut self, jobs: &[Job], answer: &mut dyn FnMut(i64, i64)) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.extend(jobs.iter().map(|job| command(job.key, self.action(job))));
        for group in batch.chunks(64) {
            if group.len() > 1 {
                self.ledger.warm(group);
            }
            for command in group {
                let receipt = self.book(command);
                answer(receipt.stored_after, receipt.points_after);
            }
        }
        batch.clear();
        self.batch = batch;
        self.end();
    }
}

impl<S> Ours<S> {
    fn action(&self, job: &Job) -> Action {
        let member = MemberId::new(u32::try_from(job.member).expect("small"));
        let (who, amount) = (member.into(), job.amount);
        match job.kind {
            Kind::Grant => Action::AdjustPoints { who, adjust: Adjust::Add(amount), reason: 1 },
            Kind::TopUp => Action::TopUp { who, amount },
            Kind::Spend => Action::Spend { who, amount },
            Kind::Sell => Action::Checkout {
                who: Some(who),
                lines: vec![Line::new(Sku::new(1), 1, amount)],
                pay: Pay::Cash,
                extras: Extras::NONE,
            },
            Kind::Redeem => Action::Redeem { who, points: amount, reward: RewardId::new(1) },
            Kind::Return => {
                // A sale has the number of its record, and each job is one record.
                let sale = SaleId::new(self.before + amount.unsigned_abs());
                Action::Refund { sale, part: Part::Rest }
            }
        }
    }
}

//! A shop for tests: runs commands one after another and keeps every record.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "shared by several test binaries, which state what must hold"
)]

use mms_core::*;

pub mod scheme;

pub struct Shop {
    pub ledger: Ledger,
    pub records: Vec<Vec<u8>>,
    pub at: At,
    pub store: StoreId,
    keys: u128,
}

pub const DAY: Day = Day::new(20_000);

pub fn ledger(limits: Limits, program: Program) -> Ledger {
    Ledger::new(limits, program.into(), Seed::from_u64(1)).unwrap()
}

impl Shop {
    pub fn new(program: Program) -> Self {
        Self::with_limits(Limits::default(), program)
    }

    pub fn with_limits(limits: Limits, program: Program) -> Self {
        Self {
            ledger: ledger(limits, program),
            records: Vec::new(),
            at: At::new(Timestamp::from_unix_secs(20_000 * 86_400), DAY),
            store: StoreId::new(1),
            keys: 0,
        }
    }

    pub fn command(&mut self, action: Action) -> Command {
        self.keys += 1;
        Command::new(IdempotencyKey::new(self.keys), self.store, action)
    }

    pub fn submit(&mut self, command: &Command) -> Outcome {
        let before = self.ledger.seq();
        let mut bytes = Vec::new();
        let prepared = self.ledger.prepare(self.at, command);
        let outcome = self.ledger.apply(self.at, command, &mut bytes);
        match outcome {
            Outcome::Accepted(_) => {
                assert_eq!(prepared.unwrap().into_bytes(), bytes, "prepare is a function");
                let (record, rest) = Record::parse(&bytes).unwrap();
                assert!(rest.is_empty());
                assert_eq!(record.head().seq.value(), before.value() + 1);
                self.records.push(bytes);
            }
            _ => {
                assert!(bytes.is_empty(), "only what is accepted is written");
                assert_eq!(self.ledger.seq(), before);
            }
        }
        outcome
    }

    pub fn run(&mut self, action: Action) -> Outcome {
        let command = self.command(action);
        self.submit(&command)
    }

    pub fn ok(&mut self, action: Action) -> Receipt {
        match self.run(action.clone()) {
            Outcome::Accepted(receipt) => receipt,
            other => panic!("{action:?}: {other:?}"),
        }
    }

    pub fn no(&mut self, action: Action) -> Rejection {
        match self.run(action.clone()) {
            Outcome::Rejected(rejection) => rejection,
            other => panic!("{action:?}: {other:?}"),
        }
    }

    pub fn enrol(&mut self) -> MemberId {
        let token = MemberToken::new(self.ledger.member_count() as u128 + 1);
        self.ok(enrol(token, None)).member.unwrap()
    }

    pub fn card(&mut self, member: MemberId, number: u64) -> CardNumber {
        let card = CardNumber::new(number);
        self.ok(issue(member, card));
        card
    }

    /// Moves on by days and books what time causes.
    pub fn days(&mut self, days: u32) -> usize {
        self.skip(days);
        self.due()
    }

    /// Moves on by days and books nothing.
    pub fn skip(&mut self, days: u32) {
        let secs = i64::from(days) * 86_400;
        self.at = At::new(
            Timestamp::from_unix_micros(self.at.time.as_unix_micros() + secs * 1_000_000),
            self.at.day.plus(days),
        );
    }

    pub fn due(&mut self) -> usize {
        let mut count = 0;
        loop {
            let mut bytes = Vec::new();
            let prepared = self.ledger.prepare_due(self.at);
            match self.ledger.apply_due(self.at, &mut bytes) {
                Some(_) => {
                    assert_eq!(prepared.unwrap().into_bytes(), bytes);
                    Record::parse(&bytes).unwrap();
                    self.records.push(bytes);
                    count += 1;
                }
                None => {
                    assert!(prepared.is_none());
                    return count;
                }
            }
        }
    }

    pub fn balances(&self, member: MemberId) -> Balances {
        self.ledger.balances(member, self.at.day)
    }

    pub fn last(&self) -> Record<'_> {
        Record::parse(self.records.last().unwrap()).unwrap().0
    }

    /// The laws hold, and a replay of the records makes the same ledger.
    pub fn audit(&self) {
        let verification = self.ledger.verify();
        assert!(verification.is_sound(), "{verification}");
        let mut again = ledger(self.ledger.limits(), Program::default());
        for bytes in &self.records {
            let (record, _) = Record::parse(bytes).unwrap();
            again.check(record).unwrap();
            again.commit(record);
        }
        assert!(again == self.ledger, "replay is state");
        // A snapshot is the state, and equal states have equal snapshots.
        let bytes = self.ledger.snapshot(JournalPosition::START);
        assert_eq!(again.snapshot(JournalPosition::START), bytes);
        let mut restored = ledger(self.ledger.limits(), Program::default());
        restored.restore(Snapshot::parse(&bytes).unwrap()).unwrap();
        assert!(restored == self.ledger, "a snapshot is the state");
        assert_eq!(restored.snapshot(JournalPosition::START), bytes);
    }

    /// The postings of the last record: `owner.CODE amount`, members as `m0`.
    pub fn postings(&self) -> String {
        let shown: Vec<String> = self
            .last()
            .postings()
            .map(|posting| {
                let mut code = posting.account.code().short().to_owned();
                let asset = posting.account.asset();
                if asset != MONEY && asset != POINTS {
                    code += &asset.to_string();
                }
                match posting.account.owner() {
                    Owner::Member(member) => format!("m{member}.{code} {:+}", posting.amount),
                    Owner::Staff(actor) => format!("a{actor}.{code} {:+}", posting.amount),
                    // What time causes is booked on store 0.
                    Owner::Store(store) if store != self.store && store.value() != 0 => {
                        format!("s{store}.{code} {:+}", posting.amount)
                    }
                    _ => format!("{code} {:+}", posting.amount),
                }
            })
            .collect();
        shown.join(", ")
    }
}

pub fn enrol(token: MemberToken, referrer: Option<MemberId>) -> Action {
    Action::Enrol { token, kind: MemberKind::Individual, plan: PlanId::new(0), referrer }
}

pub fn issue(member: MemberId, card: CardNumber) -> Action {
    Action::IssueCard {
        member,
        card,
        product: ProductId::new(1),
        expires: Day::NEVER,
        active: true,
        fee: 0,
    }
}

pub fn top_up(who: impl Into<Who>, amount: i64) -> Action {
    Action::TopUp { who: who.into(), amount }
}

pub fn spend(who: impl Into<Who>, amount: i64) -> Action {
    Action::Spend { who: who.into(), amount }
}

pub fn adjust(who: impl Into<Who>, points: i64) -> Action {
    Action::AdjustPoints { who: who.into(), adjust: Adjust::Add(points), reason: 1 }
}

pub fn redeem(who: impl Into<Who>, points: i64) -> Action {
    Action::Redeem { who: who.into(), points, reward: RewardId::new(1) }
}

pub fn hold(who: impl Into<Who>, what: Held, amount: i64, until: Timestamp) -> Action {
    Action::Hold { who: who.into(), what, amount, until }
}

pub fn capture(receipt: &Receipt, amount: i64) -> Action {
    Action::Capture { hold: receipt.hold().unwrap(), amount, reward: RewardId::new(9) }
}

pub fn refund(receipt: &Receipt, part: Part) -> Action {
    Action::Refund { sale: receipt.sale().unwrap(), part }
}

pub fn line(sku: u32, quantity: u32, price: i64) -> Line {
    Line::new(Sku::new(sku), quantity, price)
}

pub fn checkout(who: impl Into<Who>, lines: &[Line], pay: Pay) -> Action {
    Action::Checkout { who: Some(who.into()), lines: lines.to_vec(), pay, extras: Extras::NONE }
}

pub fn change(card: CardNumber, change: CardChange) -> Action {
    Action::ChangeCard { card, change }
}

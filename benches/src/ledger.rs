//! Operations of the area `ledger`: 10,000 members with a card each, in memory.
//!
//! *apply* is all of a command: the key looked up, the rules read, the record encoded with its
//! check, the state changed, the answer kept under the key. *sealed* also hashes the group into a
//! frame of the chain. *duplicate* is the same commands again.

use crate::{Op, Run};
use mms_core::{
    Action, Adjust, At, CardNumber, Chain, Command, Day, Extras, Frame, FrameWriter, Held,
    IdempotencyKey, Ledger, Limits, Line, MemberId, MemberKind, MemberToken, Outcome, Part, Pay,
    PlanId, ProductId, Program, Record, Recovery, RewardId, SaleId, Seed, Sku, StoreId, Who,
};
use proto_wire::{Rng, Timestamp};

/// Commands of one run.
pub const GROUP: u32 = 1024;
/// Members of the ledger.
pub const MEMBERS: u32 = 10_000;

/// The operations of this area.
pub const OPS: &[Op] = &[
    op("ledger/apply/spend", true, || applying(Mix::Spend, false)),
    op("ledger/apply/varied", true, || applying(Mix::Varied, false)),
    op("ledger/sealed/varied", true, || applying(Mix::Varied, true)),
    op("ledger/prepare/varied", true, preparing),
    op("ledger/duplicate/varied", false, duplicates),
    op("ledger/parse/varied", false, parsing),
    op("ledger/recover/varied", true, recovering),
];

const fn op(name: &'static str, allocates: bool, make: fn() -> Run) -> Op {
    Op { name, items: GROUP, allocates, make }
}

/// What the commands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Quick debits only.
    Spend,
    /// 30 % debits, 20 % sales of one to three lines, 15 % top-ups, 10 % points by hand, 8 %
    /// redemptions, 7 % holds and as many captures, 3 % returns.
    Varied,
}

/// A ledger and a source of commands that it accepts.
#[derive(Debug)]
pub struct Shop {
    /// The ledger.
    pub ledger: Ledger,
    rng: Rng,
    at: At,
    key: u128,
    mix: Mix,
    /// Sales and holds that the next commands may refer to.
    sales: Vec<SaleId>,
    holds: Vec<(mms_core::HoldId, i64)>,
}

impl Shop {
    /// Members with a card, 1,000,000.00 of stored value and as many points.
    #[must_use]
    pub fn new(members: u32, mix: Mix) -> Self {
        let limits = Limits::default();
        let ledger = Ledger::new(limits, Program::sample().into(), Seed::from_u64(1));
        let mut shop = Self {
            ledger: ledger.expect("a program"),
            rng: Rng::new(&Seed::from_u64(0x1ed6)),
            at: At::utc(Timestamp::from_unix_secs(1_790_000_000)),
            key: 0,
            mix,
            sales: Vec::new(),
            holds: Vec::new(),
        };
        let mut journal = Vec::new();
        for n in 0..members {
            journal.clear();
            let member = MemberId::new(n);
            for action in [
                Action::Enrol {
                    token: MemberToken::new(u128::from(n) + 1),
                    kind: MemberKind::Individual,
                    plan: PlanId::new(0),
                    referrer: None,
                },
                Action::IssueCard {
                    member,
                    card: CardNumber::new(6_000_000 + u64::from(n)),
                    product: ProductId::new(1),
                    expires: Day::NEVER,
                    active: true,
                    fee: 0,
                },
                Action::TopUp { who: member.into(), amount: 100_000_000 },
                Action::AdjustPoints {
                    who: member.into(),
                    adjust: Adjust::Add(1_000_000),
                    reason: 1,
                },
            ] {
                let command = shop.command(action);
                let outcome = shop.ledger.apply(shop.at, &command, &mut journal);
                assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
            }
        }
        shop
    }

    /// The next command of the mix.
    pub fn next_command(&mut self) -> Command {
        let below = |rng: &mut Rng, n: u64| rng.below(n);
        let member = below(&mut self.rng, self.ledger.member_count() as u64);
        let who = Who::Card(CardNumber::new(6_000_000 + member));
        let amount = 1 + i64::try_from(below(&mut self.rng, 5_000)).expect("small");
        let kind = if self.mix == Mix::Spend { 0 } else { below(&mut self.rng, 100) };
        let action = match kind {
            0..=29 => Action::Spend { who, amount },
            30..=49 => {
                let lines = (0..=below(&mut self.rng, 3))
                    .map(|n| Line::new(Sku::new(u32::try_from(n).expect("small")), 2, amount))
                    .collect();
                Action::Checkout { who: Some(who), lines, pay: Pay::Stored, extras: Extras::NONE }
            }
            50..=64 => Action::TopUp { who, amount },
            65..=74 => {
                let adjust = Adjust::Add(amount);
                Action::AdjustPoints { who, adjust, reason: 1 }
            }
            75..=82 => Action::Redeem { who, points: 1 + amount / 100, reward: RewardId::new(1) },
            83..=89 => {
                let until = self.at.time.saturating_add(core::time::Duration::from_secs(3_600));
                Action::Hold { who, what: Held::Stored, amount, until }
            }
            90..=96 => match self.holds.pop() {
                Some((hold, held)) => {
                    let amount = 1 + held / 2;
                    Action::Capture { hold, amount, reward: RewardId::new(0) }
                }
                None => Action::Spend { who, amount },
            },
            _ => match self.sales.pop() {
                Some(sale) => Action::Refund { sale, part: Part::Rest },
                None => Action::Spend { who, amount },
            },
        };
        self.command(action)
    }

    /// Books a command at the end of `journal`; true when it was accepted.
    pub fn apply(&mut self, command: &Command, journal: &mut Vec<u8>) -> bool {
        let Outcome::Accepted(receipt) = self.ledger.apply(self.at, command, journal) else {
            return false;
        };
        if let (Some(sale), true) = (receipt.sale(), self.sales.len() < 64) {
            self.sales.push(sale);
        }
        if let (Some(hold), true) = (receipt.hold(), self.holds.len() < 64) {
            self.holds.push((hold, receipt.amount));
        }
        true
    }

    fn command(&mut self, action: Action) -> Command {
        self.key += 1;
        Command::new(IdempotencyKey::new(self.key), StoreId::new(1), action)
    }
}

/// Commands are made outside of what is measured, a group ahead; holds and sales that they
/// refer to are from the group before.
fn applying(mix: Mix, sealed: bool) -> Run {
    let mut shop = Shop::new(MEMBERS, mix);
    let mut writer = FrameWriter::new(1, Chain::START, 1);
    let mut journal = Vec::new();
    let mut booked = 0;
    Box::new(move || {
        // A ledger keeps a month of sales: start over in time.
        booked += GROUP;
        if booked > 4_000_000 {
            (shop, booked) = (Shop::new(MEMBERS, mix), 0);
        }
        let mut accepted = 0;
        journal.clear();
        for _ in 0..GROUP {
            let command = shop.next_command();
            if sealed {
                if shop.apply(&command, writer.buffer()) {
                    writer.added(shop.ledger.seq(), shop.ledger.at().time);
                    accepted += 1;
                }
            } else {
                accepted += u64::from(shop.apply(&command, &mut journal));
            }
        }
        if sealed {
            accepted += writer.seal().map_or(0, |frame| u64::from(frame.view().record_count()));
        }
        accepted
    })
}

fn group() -> (Shop, Vec<Command>, Vec<u8>) {
    let mut shop = Shop::new(MEMBERS, Mix::Varied);
    let (mut commands, mut journal) = (Vec::new(), Vec::new());
    for _ in 0..GROUP {
        let command = shop.next_command();
        assert!(shop.apply(&command, &mut journal));
        commands.push(command);
    }
    (shop, commands, journal)
}

fn preparing() -> Run {
    let mut shop = Shop::new(MEMBERS, Mix::Varied);
    let commands: Vec<Command> = (0..GROUP).map(|_| shop.next_command()).collect();
    Box::new(move || {
        let prepared = |command| shop.ledger.prepare(shop.at, command).is_ok();
        commands.iter().filter(|command| prepared(command)).count() as u64
    })
}

fn duplicates() -> Run {
    let (mut shop, commands, _) = group();
    let mut journal = Vec::new();
    Box::new(move || {
        let mut found = 0;
        for command in &commands {
            let outcome = shop.ledger.apply(shop.at, command, &mut journal);
            found += u64::from(matches!(outcome, Outcome::Duplicate(_)));
        }
        found
    })
}

fn parsing() -> Run {
    let (_, _, journal) = group();
    Box::new(move || {
        let mut left = journal.as_slice();
        let mut sum = 0;
        while let Ok((record, rest)) = Record::parse(left) {
            sum += record.head().seq.value() + record.facts().count() as u64;
            left = rest;
        }
        sum
    })
}

/// A journal of one frame for each member and one more for the group, replayed whole.
fn recovering() -> Run {
    let mut shop = Shop::new(0, Mix::Varied);
    let mut writer = FrameWriter::new(1, Chain::START, 1);
    for n in 0..GROUP {
        let action = if n < 32 {
            Action::Enrol {
                token: MemberToken::new(u128::from(n) + 1),
                kind: MemberKind::Individual,
                plan: PlanId::new(0),
                referrer: None,
            }
        } else {
            Action::TopUp { who: MemberId::new(n % 32).into(), amount: 1_000 }
        };
        let command = shop.command(action);
        assert!(shop.apply(&command, writer.buffer()));
        writer.added(shop.ledger.seq(), shop.ledger.at().time);
    }
    let frame = writer.seal().expect("records");
    assert!(Frame::parse(frame.bytes()).is_ok());
    Box::new(move || {
        let program = Program::sample().into();
        let ledger = Ledger::new(Limits::default(), program, Seed::from_u64(1));
        let mut recovery = Recovery::new(ledger.expect("a program"));
        recovery.frame(frame.bytes()).expect("whole");
        recovery.records()
    })
}

//! The desk where the ledger is kept: one command at a time, durable before it is told.

use super::Failure;
use crate::ladder::{Ladder, Wire};
use crate::store::DurableLedger;
use mms_core::{
    Action, At, Balances, Command, EngineConfig, Event, IdempotencyKey, MemberId, MemberToken,
    Notice, Program, Qualify, Ratio, Receipt, Rejection, Sku, StoreId, Tier, TierId, Verification,
};
use proto_wire::Clock;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

/// The one shop of this club.
const STORE: StoreId = StoreId::new(1);
/// What a dinner is to the ledger.
pub const DINNER: Sku = Sku::new(100);
/// What a bottle is to the ledger.
pub const BOTTLE: Sku = Sku::new(200);
/// The file of the embedded store, in the data directory.
const FILE: &str = "ledger.redb";

/// A ledger that is open.
#[derive(Debug)]
pub struct Desk {
    ledger: DurableLedger,
    clock: Clock,
    ladder: Option<Ladder>,
    /// Keys are never used twice: the records so far, and a count.
    session: u64,
    next_key: u64,
    notices: VecDeque<Notice>,
}

/// Why a command was not booked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refused {
    /// The ledger says no.
    Rejected(Rejection),
    /// The store failed, or the engine gave another answer than a desk expects.
    Broken(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rejected(rejection) => write!(f, "the ledger refuses: {rejection}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Refused {}

impl Desk {
    /// Opens the ledger in `data`, or makes it; replays and checks every law.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened, its journal is damaged, or a law is broken.
    pub fn open(data: &Path, ladder: Option<Ladder>) -> Result<Self, Failure> {
        std::fs::create_dir_all(data)?;
        let config = EngineConfig::default().with_program(program());
        let seed = crate::entropy::seed();
        let (ledger, opened) = DurableLedger::open(data.join(FILE), config.into(), seed)?;
        if let Some(ladder) = &ladder {
            ladder.note(Wire::Ledger, &format!("opened {}: {opened}", data.display()));
        }
        let desk = Self {
            ledger,
            clock: Clock::start(),
            ladder,
            session: opened.records,
            next_key: 0,
            notices: VecDeque::new(),
        };
        let verification = desk.verify();
        if verification.is_sound() { Ok(desk) } else { Err(verification.to_string().into()) }
    }

    /// Books one action.
    ///
    /// # Errors
    ///
    /// When the ledger refuses it, or the store fails.
    pub fn book(&mut self, action: Action) -> Result<Receipt, Refused> {
        self.next_key += 1;
        let key = u128::from(self.session) << 64 | u128::from(self.next_key);
        let command = Command::new(IdempotencyKey::new(key), STORE, action);
        let at = self.at();
        let events = self.ledger.execute(at, &[command]);
        let mut answer = None;
        for event in events.map_err(|e| Refused::Broken(e.to_string()))? {
            match event {
                Event::Applied { receipt, .. } => answer = Some(Ok(receipt)),
                Event::Rejected { rejection, .. } => {
                    answer = Some(Err(Refused::Rejected(rejection)));
                }
                Event::Notice(notice) => self.notices.push_back(notice),
                Event::Caused { receipt } => self.tell(&receipt),
                other => answer = Some(Err(Refused::Broken(format!("unexpected: {other:?}")))),
            }
        }
        let answer = answer.unwrap_or_else(|| Err(Refused::Broken("no answer".to_owned())));
        if let Ok(receipt) = &answer {
            self.tell(receipt);
        }
        answer
    }

    /// Books what time has caused.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn tick(&mut self) -> Result<(), Failure> {
        let at = self.at();
        for event in self.ledger.tick(at)? {
            match event {
                Event::Notice(notice) => self.notices.push_back(notice),
                Event::Caused { receipt } => self.tell(&receipt),
                _ => {}
            }
        }
        Ok(())
    }

    /// What members are to be told, oldest first.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The member whom the club knows by this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<MemberId> {
        self.ledger.ledger().member_by_token(token(name))
    }

    /// The name of a member, among `names`.
    #[must_use]
    pub fn name_of<'a>(&self, member: MemberId, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.member(name) == Some(member))
    }

    /// What a member has, today.
    #[must_use]
    pub fn balances(&self, member: MemberId) -> Balances {
        self.ledger.ledger().balances(member, self.at().day)
    }

    /// The ledger, for questions.
    #[must_use]
    pub fn ledger(&self) -> &mms_core::Ledger {
        self.ledger.ledger()
    }

    /// Checks every law of the ledger.
    #[must_use]
    pub fn verify(&self) -> Verification {
        self.ledger.ledger().verify()
    }

    /// The time and the business day, which here is that of UTC.
    #[must_use]
    pub fn at(&self) -> At {
        At::utc(self.clock.timestamp())
    }

    /// A member's statement as a table, oldest entry first.
    #[must_use]
    pub fn statement(&self, member: MemberId) -> String {
        let page = self.ledger.engine().statement(member, 100);
        let mut out = format!(
            "{:>5}  {:<12} {:<16} {:>12} {:>12}\n",
            "#", "what", "account", "change", "balance"
        );
        for entry in page.entries.iter().rev() {
            let money = !matches!(entry.asset, mms_core::POINTS);
            let _ = writeln!(
                out,
                "{:>5}  {:<12} {:<16} {:>12} {:>12}",
                entry.seq.value(),
                entry.kind.name(),
                entry.code.name(),
                shown(entry.change, money),
                shown(entry.balance, money),
            );
        }
        out
    }

    fn tell(&self, receipt: &Receipt) {
        let Some(ladder) = &self.ladder else { return };
        let who = receipt.member.map_or(String::new(), |m| format!(" member {}", m.value()));
        let mut text = format!("#{} {}{who}", receipt.seq.value(), receipt.kind.name());
        let _ = write!(
            text,
            ": stored {}, points {}",
            shown(receipt.stored_after, true),
            receipt.points_after
        );
        if receipt.tier_changed {
            let _ = write!(text, ", now {}", tier_name(receipt.tier));
        }
        ladder.note(Wire::Ledger, &text);
    }
}

/// What the host knows a member by. A real host would use a keyed hash of a phone number.
#[must_use]
pub fn token(name: &str) -> MemberToken {
    let bytes = name.bytes().fold(0_u128, |token, byte| token << 8 | u128::from(byte));
    MemberToken::new(bytes)
}

/// The rules of this club: those of the sample, and silver for a thousand spent.
fn program() -> Program {
    Program::sample().with_tiers(vec![
        Tier::new(TierId::new(0)),
        Tier::new(TierId::new(1))
            .with_qualify(Qualify::default().with_spend(100_000))
            .with_discount(Ratio::percent(5))
            .with_earn(Ratio::percent(150)),
        Tier::new(TierId::new(2))
            .with_qualify(Qualify::default().with_spend(10_000_000))
            .with_discount(Ratio::percent(10))
            .with_earn(Ratio::times(2)),
    ])
}

/// A tier in words.
#[must_use]
pub fn tier_name(tier: TierId) -> &'static str {
    match tier.value() {
        0 => "base",
        1 => "silver",
        _ => "gold",
    }
}

/// Minor units as money with two places, or points.
#[must_use]
pub fn shown(amount: i64, money: bool) -> String {
    if !money {
        return amount.to_string();
    }
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}

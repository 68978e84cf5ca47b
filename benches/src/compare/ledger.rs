//! The ledger beside SQLite in memory: a member spends an amount, 10,000 members, every command with
//! a key of its own that must not have been used before.
//!
//! Ours prepares the command, appends the journal record (checksummed, hash-chained), commits it and
//! answers. SQLite inserts an entry under a unique key and updates both balances, with prepared
//! statements, journal in memory and no syncing: the same booking, without tiers, lots or a hash
//! chain. *One* is a transaction for each command, *varied* one for 1,024.
//!
//! What is found is the member's balance afterwards.

use super::{Adding, Row, Side, Sink, Telling};
use crate::inputs::{VARIED, Vary};
use mms_core::{
    Action, At, Command, IdempotencyKey, Ledger, Limits, MemberId, MemberKind, MemberToken,
    Outcome, PlanId, Program, StoreId,
};
use proto_wire::{Seed, Timestamp};
use rusqlite::{CachedStatement, Connection, params};
use std::sync::Arc;

const MEMBERS: i64 = 10_000;
const START: i64 = 1_000_000_000;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    let row = |name: &str, batch: usize| Row {
        name: format!("ledger/spend/{name}"),
        peer: "rusqlite",
        items: batch,
        ours: side(batch, Books::new(), Books::run),
        theirs: side(batch, Sqlite::new(), Sqlite::run),
    };
    vec![row("one", 1), row("varied", VARIED)]
}

/// A member's number from 0, and an amount.
type Spend = (i64, i64);

fn spends() -> Vec<Spend> {
    let mut vary = Vary::new(0x1ed);
    let mut upto = |high: i64| i64::try_from(vary.number(1, high.unsigned_abs())).unwrap_or(1);
    (0..VARIED).map(|_| (upto(MEMBERS) - 1, upto(5_000))).collect()
}

/// `run` books a batch and reports each balance.
fn side<T: 'static>(
    batch: usize,
    mut books: T,
    run: fn(&mut T, &[Spend], &mut dyn FnMut(i64)),
) -> Side {
    let spends = spends();
    let mut found = Vec::new();
    run(&mut books, &spends[..batch], &mut |balance| {
        let mut telling = Telling::default();
        telling.number(balance.unsigned_abs());
        found.push(telling.0);
    });
    let mut next = 0;
    Side {
        found,
        bytes: 0,
        run: Box::new(move || {
            let mut adding = Adding::default();
            run(&mut books, &spends[next..next + batch], &mut |balance| {
                adding.number(balance.unsigned_abs())
            });
            next = (next + batch) % VARIED;
            adding.0
        }),
    }
}

struct Books {
    ledger: Ledger,
    members: Vec<MemberId>,
    journal: Vec<u8>,
    at: At,
    key: u128,
}

impl Books {
    fn new() -> Self {
        let program = Arc::new(Program::sample());
        let ledger = Ledger::new(Limits::default(), program, Seed::from_u64(1)).expect("a program");
        let at = At::utc(Timestamp::from_unix_secs(1_790_000_000));
        let mut books = Self { ledger, members: Vec::new(), journal: Vec::new(), at, key: 0 };
        for number in 0..MEMBERS {
            let enrol = Action::Enrol {
                token: MemberToken::new(u128::from(number.unsigned_abs()) + 1),
                kind: MemberKind::Individual,
                plan: PlanId::new(0),
                referrer: None,
            };
            let member = books.book(enrol).member.expect("a member");
            books.members.push(member);
            // The program gives a bonus; what is above START is spent again.
            let loaded =
                books.book(Action::TopUp { who: member.into(), amount: START }).stored_after;
            if loaded > START {
                books.book(Action::Spend { who: member.into(), amount: loaded - START });
            }
        }
        books
    }

    fn book(&mut self, action: Action) -> mms_core::Receipt {
        self.key += 1;
        let command = Command::new(IdempotencyKey::new(self.key), StoreId::new(1), action);
        match self.ledger.apply(self.at, &command, &mut self.journal) {
            Outcome::Accepted(receipt) => receipt,
            other => panic!("{command:?} is not accepted: {other:?}"),
        }
    }

    fn run(&mut self, spends: &[Spend], balance: &mut dyn FnMut(i64)) {
        self.journal.clear();
        for (member, amount) in spends {
            let who = self.members[usize::try_from(*member).expect("small")].into();
            balance(self.book(Action::Spend { who, amount: *amount }).stored_after);
        }
    }
}

struct Sqlite {
    connection: Connection,
    key: i64,
}

impl Sqlite {
    fn new() -> Self {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection
            .execute_batch(
                "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;
                 CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
                 CREATE TABLE entry (
                     id INTEGER PRIMARY KEY, key INTEGER NOT NULL UNIQUE,
                     debit INTEGER NOT NULL, credit INTEGER NOT NULL, amount INTEGER NOT NULL
                 );
                 BEGIN;",
            )
            .expect("a schema");
        for id in 0..=MEMBERS {
            let balance = if id == MEMBERS { 0 } else { START };
            connection
                .execute("INSERT INTO account VALUES (?, ?)", params![id, balance])
                .expect("an account");
        }
        connection.execute_batch("COMMIT").expect("committed");
        Self { connection, key: 0 }
    }

    fn prepare(&self, sql: &str) -> CachedStatement<'_> {
        self.connection.prepare_cached(sql).expect("a statement")
    }

    fn run(&mut self, spends: &[Spend], balance: &mut dyn FnMut(i64)) {
        self.prepare("BEGIN IMMEDIATE").execute([]).expect("begun");
        let mut enter =
            self.prepare("INSERT INTO entry (key, debit, credit, amount) VALUES (?, ?, ?, ?)");
        // The store's account has the number behind those of the members.
        let mut take = self
            .prepare("UPDATE account SET balance = balance - ?2 WHERE id = ?1 RETURNING balance");
        let mut give = self.prepare("UPDATE account SET balance = balance + ?2 WHERE id = ?1");
        let store = MEMBERS;
        for (key, (member, amount)) in (self.key + 1..).zip(spends) {
            enter.execute(params![key, member, store, amount]).expect("an entry");
            balance(take.query_row(params![member, amount], |row| row.get(0)).expect("a balance"));
            give.execute(params![store, amount]).expect("an update");
        }
        drop((enter, take, give));
        self.prepare("COMMIT").execute([]).expect("committed");
        self.key += i64::try_from(spends.len()).expect("small");
    }
}

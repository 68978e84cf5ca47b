//! The ledger beside stores that one would build it on: the same shop with the same guarantees.
//!
//! 10,000 members with stored value (principal and bonus, in lots) and points. The mix: 40 % quick
//! debits that earn points, 20 % sales for cash that earn, 10 % top-ups with bonus, 15 % redemptions,
//! 15 % returns of any of these to the lots they came from. Every command has a key that must not
//! have been used before and whose first answer is kept; every command is a set of postings that
//! sum to zero for each asset, each written down, and moves the balances.
//!
//! Ours is `Ledger::apply` with a journal record for each command (encoded, checked; in durable rows
//! hashed into frames). The others get the same from one plain shop ([`shop`]) over their tables,
//! with prepared statements and one transaction for a batch. What is found is the member's stored
//! value and points after each command.
//!
//! Every side keeps the first answer to a key, and knows a key whatever member it was used for; keeps
//! lots by their last day and spends what ends soonest first, nothing that has lapsed; takes points
//! from lots, too, and no more than are there; writes postings down that balance for each asset; and
//! moves the balances of the member's accounts and of the store's. What others lack of it is added as
//! a user of theirs would: `double-entry` has unique ids and balanced entries, but no lots, no tables
//! and no balance that does not sum all entries: maps beside it keep these. `cqrs-es` has events of
//! an aggregate (a member); its own memory store prints every command and folds all events anew, so
//! a map of aggregates stands in, beside a log of events as JSON, which is how that crate keeps them,
//! and what no aggregate can have goes with each event under the same lock: keys with their answers,
//! and the store's balances. (Before, its side knew keys by member only, kept no answers and no
//! balances of the store, took points without a look at how many there are, and lost the member
//! when a command was refused.)
//!
//! What others have less of still: neither of these two takes a command back that fails half way
//! (what can fail is checked first), and neither writes anything that could be read after a crash
//! but the JSON, which has no checks. Nothing of theirs is forgotten, while we forget keys beyond the
//! window. Ours also counts for tiers and looks for what is unusual, at every command. fjall has no memory: its files are not
//! synced in the rows of memory, and its threads are not counted. `PostgreSQL` is another process, with 200 members
//! and some 16 statements a command: its rows are timed on the wall, as the durable ones are.

mod cqrs;
mod entries;
mod keys;
mod ours;
mod shop;
mod sql;

use super::{Adding, Later, Row, Side, Sink, Telling};
use crate::inputs::Vary;
use std::path::PathBuf;

/// Members of the shop. A build that is not made for measuring only shows that all find the same.
const MEMBERS: i64 = if cfg!(debug_assertions) { 500 } else { 10_000 };
/// What each member loads at first, and its points.
const LOADED: i64 = 200_000;
const POINTS: i64 = 1_000_000;

/// The rows of this module; nothing is set up for them yet.
#[must_use]
pub fn rows() -> Vec<Later> {
    type Make = fn() -> Box<dyn Books>;
    let memory: [(&'static str, Make); 5] = [
        ("rusqlite", || Box::new(shop::Plain(sql::Sqlite::memory()))),
        ("redb", || Box::new(shop::Plain(keys::Redb::memory()))),
        ("fjall", || Box::new(shop::Plain(keys::Fjall::unsynced()))),
        ("double-entry", || Box::new(shop::Plain(entries::Entries::new()))),
        ("cqrs-es", || Box::new(cqrs::Members::new())),
    ];
    let mut rows = Vec::new();
    for batch in [1, 1_000] {
        for (peer, make) in memory {
            rows.push(later(format!("ledger/mix/{batch}"), peer, batch, move |batch| {
                Some((side(batch, ours::memory()), side(batch, make())))
            }));
        }
    }
    // Each statement is a message to the server and back: fewer members, smaller batches.
    for batch in [1, 10] {
        rows.push(later(format!("ledger/mix/{batch}"), "postgres (wall)", batch, |batch| {
            let server = sql::Postgres::start()?;
            let theirs = small_side(batch, Box::new(shop::Plain(server)));
            Some((small_side(batch, ours::memory()), theirs))
        }));
    }
    for batch in [1, 64, 1_024] {
        let durable: [(&str, Make); 2] =
            [("file", || ours::on_a_file()), ("redb", || ours::on_redb())];
        for (on, make) in durable {
            let name = format!("ledger/durable/{on}/{batch}");
            rows.push(later(name, "sqlite WAL FULL", batch, move |batch| {
                let theirs = side(batch, Box::new(shop::Plain(sql::Sqlite::durable())));
                Some((side(batch, make()), theirs))
            }));
        }
    }
    rows
}

/// `sides` makes both sides, ours first, for batches of that size.
fn later(
    name: String,
    peer: &'static str,
    items: usize,
    sides: impl Fn(usize) -> Option<(Side, Side)> + 'static,
) -> Later {
    let row = name.clone();
    let set_up = Box::new(move || {
        let (ours, theirs) = sides(items)?;
        Some(Row { name: row.clone(), peer, items, ours, theirs })
    });
    Later { name, peer, items, set_up }
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Points by hand.
    Grant,
    /// Money becomes stored value with a tenth on top.
    TopUp,
    /// Stored value pays; a hundredth of its principal is earned in points.
    Spend,
    /// Cash pays; a hundredth of it is earned in points.
    Sell,
    /// Points are spent.
    Redeem,
    /// The command with the key `amount` is taken back whole.
    Return,
}

/// A command.
#[derive(Clone, Copy, Debug)]
struct Job {
    key: i64,
    kind: Kind,
    member: i64,
    amount: i64,
}

/// Keeps the shop's books. One call is one batch: all of it is kept, or nothing.
trait Books {
    /// Does the jobs; reports stored value and points of the member after each.
    fn run(&mut self, jobs: &[Job], answer: &mut dyn FnMut(i64, i64));
}

/// An endless list of commands that are all accepted: the same from the same seed.
struct Jobs {
    vary: Vary,
    members: i64,
    key: i64,
    /// Sales that were not returned yet.
    open: Vec<(i64, i64)>,
}

impl Jobs {
    fn new(members: i64) -> Self {
        Self { vary: Vary::new(0x1ed9), members, key: 0, open: Vec::new() }
    }

    /// What every member begins with.
    fn first(&mut self) -> Vec<Job> {
        let members = (0..self.members).map(|member| (Kind::TopUp, member, LOADED));
        let points = (0..self.members).map(|member| (Kind::Grant, member, POINTS));
        let jobs = members.chain(points);
        jobs.map(|(kind, member, amount)| self.job(kind, member, amount)).collect()
    }

    fn next(&mut self) -> Job {
        let member = self.upto(self.members) - 1;
        match self.upto(100) {
            1..=40 => self.sale(Kind::Spend, member, 5_000),
            41..=60 => self.sale(Kind::Sell, member, 5_000),
            61..=70 => {
                let amount = 5_000 + self.upto(10_000);
                self.job(Kind::TopUp, member, amount)
            }
            86..=100 if !self.open.is_empty() => {
                let place = usize::try_from(self.upto(self.open.len() as i64) - 1).unwrap_or(0);
                let (key, member) = self.open.swap_remove(place);
                self.job(Kind::Return, member, key)
            }
            _ => self.sale(Kind::Redeem, member, 50),
        }
    }

    fn sale(&mut self, kind: Kind, member: i64, most: i64) -> Job {
        let amount = self.upto(most);
        let job = self.job(kind, member, amount);
        // As many as a till could have in mind.
        if self.open.len() < 1_000 {
            self.open.push((job.key, member));
        }
        job
    }

    fn job(&mut self, kind: Kind, member: i64, amount: i64) -> Job {
        self.key += 1;
        Job { key: self.key, kind, member, amount }
    }

    fn upto(&mut self, high: i64) -> i64 {
        i64::try_from(self.vary.number(1, high.unsigned_abs())).unwrap_or(1)
    }
}

fn side(batch: usize, books: Box<dyn Books>) -> Side {
    side_with(MEMBERS, batch, books)
}

fn small_side(batch: usize, books: Box<dyn Books>) -> Side {
    side_with(MEMBERS / 50, batch, books)
}

/// Sets the books up and makes them a side of a row.
fn side_with(members: i64, batch: usize, mut books: Box<dyn Books>) -> Side {
    let mut jobs = Jobs::new(members);
    for first in jobs.first().chunks(1_000) {
        books.run(first, &mut |_, _| {});
    }
    let mut found = Vec::new();
    let group: Vec<Job> = (0..batch).map(|_| jobs.next()).collect();
    books.run(&group, &mut |stored, points| {
        let mut telling = Telling::default();
        telling.number(stored.unsigned_abs());
        telling.number(points.unsigned_abs());
        found.push(telling.0);
    });
    let mut group = group;
    let run = Box::new(move || {
        group.clear();
        group.extend((0..batch).map(|_| jobs.next()));
        let mut adding = Adding::default();
        books.run(&group, &mut |stored, points| adding.number((stored ^ points).unsigned_abs()));
        adding.0
    });
    Side { found, run, bytes: 0 }
}

/// A directory for files, beside the program: on a disk, whatever the temporary directory is.
/// Removed with the value.
#[derive(Debug)]
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = std::env::current_exe().expect("the program's own path");
        let beside = program.parent().expect("a directory");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = beside.join(format!("compare-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for files");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is left behind; the figures stand.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

//! `cqrs-es`: a member is an aggregate, each command an event with its postings.
#![allow(
    clippy::disallowed_types,
    reason = "as users of that crate would, and nothing is walked over"
)]

use super::shop::{NEVER, TODAY};
use super::{Books, Job, Kind};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{
    Aggregate, AggregateContext, AggregateError, CqrsFramework, DomainEvent, EventEnvelope,
    EventStore,
};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// A lot: what it is of (0 money, 1 points), its last day, its number. What ends soonest is spent
/// first, then the oldest.
type Lot = (i64, i64, i64);
/// Lot, principal, bonus.
type Parts = Vec<(Lot, i64, i64)>;

const MONEY: i64 = 0;
const POINTS: i64 = 1;
/// The points of one last day are one lot.
const OWN_POINTS: Lot = (POINTS, NEVER, 0);
/// Accounts from this one on are the store's, not the member's.
const STORE: i64 = 3;

/// What happened to a member: the amounts, and the lots that they came from or went to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Happened {
    key: i64,
    /// What says whether a command that comes again is the same.
    digest: i64,
    kind: i64,
    amount: i64,
    earned: i64,
    /// What comes in is greater than zero.
    parts: Parts,
    /// Account and amount; they sum to zero.
    postings: Vec<(i64, i64)>,
}

impl DomainEvent for Happened {
    fn event_type(&self) -> String {
        self.kind.to_string()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Member {
    lots: BTreeMap<Lot, (i64, i64)>,
    /// Kind, amount, points earned and parts.
    sales: HashMap<i64, (i64, i64, i64, Parts)>,
    balances: BTreeMap<i64, i64>,
}

impl Member {
    fn stored(&self) -> i64 {
        -self.balances.get(&0).copied().unwrap_or(0) - self.balances.get(&1).copied().unwrap_or(0)
    }

    fn points(&self) -> i64 {
        -self.balances.get(&2).copied().unwrap_or(0)
    }

    fn decide(&self, job: Job) -> Result<Happened, std::fmt::Error> {
        let Job { key, kind, amount, .. } = job;
        let mut event = Happened {
            key,
            digest: digest(job),
            kind: kind as i64,
            amount,
            earned: 0,
            parts: Vec::new(),
            postings: Vec::new(),
        };
        match kind {
            Kind::Grant => event.earned = amount,
            Kind::TopUp => {
                let bonus = amount / 10;
                event.parts.push(((MONEY, NEVER, key), amount, bonus));
                event.postings = vec![(3, amount), (6, bonus), (0, -amount), (1, -bonus)];
            }
            Kind::Spend => {
                event.parts = self.take(MONEY, amount)?;
                let principal: i64 = event.parts.iter().map(|(_, part, _)| -part).sum();
                event.earned = principal / 100;
                event.postings = paid(principal, amount - principal);
            }
            Kind::Sell => {
                event.earned = amount / 100;
                event.postings = vec![(3, amount), (4, -amount)];
            }
            Kind::Redeem => {
                event.parts = self.take(POINTS, amount)?;
                event.postings = vec![(2, amount), (8, -amount)];
            }
            Kind::Return => {
                let (kind, amount, earned, parts) =
                    self.sales.get(&amount).ok_or(std::fmt::Error)?;
                event.earned = -earned;
                event.parts = parts.iter().map(|(lot, p, b)| (*lot, -p, -b)).collect();
                let money = event.parts.iter().filter(|((asset, ..), ..)| *asset == MONEY);
                let principal: i64 = money.map(|(_, part, _)| part).sum();
                event.postings = if *kind == Kind::Spend as i64 {
                    paid(-principal, principal - amount)
                } else if *kind == Kind::Sell as i64 {
                    vec![(3, -amount), (4, *amount)]
                } else {
                    vec![(2, -amount), (8, *amount)]
                };
            }
        }
        if event.earned != 0 {
            event.postings.extend([(7, event.earned), (2, -event.earned)]);
            // What was earned is taken back from where it is: it may have been spent.
            let (have, _) = self.lots.get(&OWN_POINTS).copied().unwrap_or_default();
            if have + event.earned < 0 {
                return Err(std::fmt::Error);
            }
            event.parts.push((OWN_POINTS, event.earned, 0));
        }
        assert_eq!(event.postings.iter().map(|(_, amount)| amount).sum::<i64>(), 0, "{event:?}");
        Ok(event)
    }

    fn take(&self, asset: i64, amount: i64) -> Result<Parts, std::fmt::Error> {
        let (mut left, mut parts) = (amount, Vec::new());
        let live = self.lots.range((asset, TODAY, 0)..=(asset, i64::MAX, i64::MAX));
        for (lot, (principal, bonus)) in live {
            if left == 0 {
                break;
            }
            let part = left.min(principal + bonus);
            let all = i128::from(principal + bonus);
            let share = (2 * i128::from(part) * i128::from(*principal) + all) / (2 * all);
            let share = i64::try_from(share).map_err(|_| std::fmt::Error)?;
            let from = share.min(*principal).max(part - bonus);
            parts.push((*lot, -from, from - part));
            left -= part;
        }
        if left == 0 { Ok(parts) } else { Err(std::fmt::Error) }
    }
}

fn digest(job: Job) -> i64 {
    (job.kind as i64) ^ (job.member << 8) ^ (job.amount << 24)
}

fn paid(principal: i64, bonus: i64) -> Vec<(i64, i64)> {
    vec![(0, principal), (1, bonus), (5, bonus), (4, -principal - bonus), (6, -bonus)]
}

impl Aggregate for Member {
    type Command = Job;
    type Event = Happened;
    type Error = std::fmt::Error;
    type Services = ();

    const TYPE: &'static str = "member";

    async fn handle(
        &mut self,
        command: Job,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), std::fmt::Error> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Happened) {
        for (lot, principal, bonus) in &event.parts {
            let row = self.lots.entry(*lot).or_default();
            *row = (row.0 + principal, row.1 + bonus);
            if *row == (0, 0) {
                self.lots.remove(lot);
            }
        }
        for (account, amount) in event.postings.iter().filter(|(account, _)| *account < STORE) {
            *self.balances.entry(*account).or_default() += amount;
        }
        if event.kind == Kind::Return as i64 {
            self.sales.remove(&event.amount);
        } else if event.kind >= Kind::Spend as i64 {
            let mut taken = event.parts;
            if event.earned != 0 {
                // What was earned stands by itself.
                taken.pop();
            }
            self.sales.insert(event.key, (event.kind, event.amount, event.earned, taken));
        }
    }
}

/// A memory store that keeps events and aggregates: nothing is copied or folded again. With an event
/// go what no aggregate can have: keys of all members with their first answers, and the balances of
/// the store's accounts.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    aggregates: HashMap<String, Member>,
    /// Member, number and event, a line each.
    events: Vec<u8>,
    counts: HashMap<String, usize>,
    /// Digest and first answer (stored value, points) by key.
    answers: HashMap<i64, [i64; 3]>,
    /// Balances of the store's accounts.
    store: HashMap<i64, i64>,
}

/// A member while a command is decided. When it is refused, the member goes back as it was.
struct Loaded {
    id: String,
    member: Member,
    kept: Option<Memory>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Some(memory) = self.kept.take() {
            let (id, member) = (std::mem::take(&mut self.id), std::mem::take(&mut self.member));
            memory.0.lock().expect("whole").aggregates.insert(id, member);
        }
    }
}

impl AggregateContext<Member> for Loaded {
    fn aggregate(&mut self) -> &mut Member {
        &mut self.member
    }
}

type Failed = AggregateError<std::fmt::Error>;

impl EventStore<Member> for Memory {
    type AC = Loaded;

    async fn load_events(&self, _: &str) -> Result<Vec<EventEnvelope<Member>>, Failed> {
        // Nobody asks: aggregates are kept.
        Ok(Vec::new())
    }

    async fn load_aggregate(&self, id: &str) -> Result<Loaded, Failed> {
        let member = self.0.lock().expect("whole").aggregates.remove(id).unwrap_or_default();
        Ok(Loaded { id: id.to_owned(), member, kept: Some(self.clone()) })
    }

    async fn commit(
        &self,
        events: Vec<Happened>,
        mut context: Loaded,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Member>>, Failed> {
        let mut kept = self.0.lock().expect("whole");
        context.kept = None;
        let (id, member) = (std::mem::take(&mut context.id), std::mem::take(&mut context.member));
        let (stored, points) = (member.stored(), member.points());
        kept.aggregates.insert(id.clone(), member);
        // The log is not what is measured: it starts over before it is too long.
        if kept.events.len() > 64 << 20 {
            kept.events.clear();
        }
        for payload in events {
            let count = kept.counts.entry(id.clone()).or_default();
            *count += 1;
            let row = (&id, *count, &payload, &metadata);
            serde_json::to_writer(&mut kept.events, &row).expect("written");
            kept.events.push(b'\n');
            kept.answers.insert(payload.key, [payload.digest, stored, points]);
            for (account, amount) in payload.postings.iter().filter(|(of, _)| *of >= STORE) {
                *kept.store.entry(*account).or_default() += amount;
            }
        }
        // Nobody listens.
        Ok(Vec::new())
    }
}

/// All members.
pub(super) struct Members {
    framework: CqrsFramework<Member, Memory>,
    memory: Memory,
}

impl Members {
    pub(super) fn new() -> Self {
        let memory = Memory::default();
        Self { framework: CqrsFramework::new(memory.clone(), Vec::new(), ()), memory }
    }
}

impl Books for Members {
    fn run(&mut self, jobs: &[Job], answer: &mut dyn FnMut(i64, i64)) {
        for job in jobs {
            let known = self.memory.0.lock().expect("whole").answers.contains_key(&job.key);
            assert!(!known, "the key {} was used", job.key);
            let id = job.member.to_string();
            block_on(self.framework.execute(&id, *job)).expect("accepted");
            let kept = self.memory.0.lock().expect("whole");
            let [_, stored, points] = kept.answers[&job.key];
            answer(stored, points);
        }
    }
}

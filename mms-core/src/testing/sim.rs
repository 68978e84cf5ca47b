//! The simulator: tills, a bad network, an engine on a disk, crashes; the model looks on.

use super::disk::{Disk, MemoryDisk};
use super::remind::Told;
use super::shop::{pick, skewed};
use super::{Model, Shop};
use crate::{
    ActorId, At, Command, Day, Engine, EngineConfig, Event, Frame, IdempotencyKey, Input,
    JournalEnd, JournalPosition, Ledger, Limits, Program, Receipt, Recovery, Rejection, Seed,
    Snapshot, TerminalId, Timestamp,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use proto_wire::{Instant, Output, Rng};

/// What a [`Sim`] does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimConfig {
    /// The rules under test. What is unusual must not be stopped by them: the model knows no alarms.
    pub program: Arc<Program>,
    /// Limits of the ledger. Those of lots, sales and holds should be out of reach.
    pub limits: Limits,
    /// How many things happen (300).
    pub steps: u32,
    /// How many members there may be (8).
    pub members_max: u32,
    /// In how many of a hundred steps the machine stops (1).
    pub crash_percent: u8,
    /// How many of a hundred messages arrive twice or more (20).
    pub duplicate_percent: u8,
    /// How far clocks may be wrong, in microseconds (two hours).
    pub skew_micros: i64,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            program: Arc::new(Program::sample()),
            limits: Limits::DEFAULT,
            steps: 300,
            members_max: 8,
            crash_percent: 1,
            duplicate_percent: 20,
            skew_micros: 7_200_000_000,
        }
    }
}

impl SimConfig {
    /// Sets [`SimConfig::program`].
    #[must_use]
    pub fn with_program(mut self, program: Program) -> Self {
        self.program = Arc::new(program);
        self
    }

    /// Sets [`SimConfig::limits`].
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`SimConfig::steps`].
    #[must_use]
    pub const fn with_steps(mut self, steps: u32) -> Self {
        self.steps = steps;
        self
    }

    /// Sets [`SimConfig::crash_percent`].
    #[must_use]
    pub const fn with_crash_percent(mut self, percent: u8) -> Self {
        self.crash_percent = percent;
        self
    }

    /// Sets [`SimConfig::duplicate_percent`].
    #[must_use]
    pub const fn with_duplicate_percent(mut self, percent: u8) -> Self {
        self.duplicate_percent = percent;
        self
    }
}

/// What a run that went well has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimReport {
    /// Commands that were booked.
    pub accepted: u32,
    /// Commands that were refused as the model expected.
    pub rejected: u32,
    /// Commands that came again and got their first answer.
    pub duplicates: u32,
    /// Commands that came with the key of another one.
    pub conflicts: u32,
    /// Times the machine stopped.
    pub crashes: u32,
    /// ... of which so many left a frame half written.
    pub torn: u32,
    /// Recoveries that began at a snapshot.
    pub from_snapshot: u32,
    /// Commands that were booked, but lost by a crash before anybody was told, and sent again.
    pub lost: u32,
    /// How many reminders there were.
    pub reminded: u32,
}

/// What went wrong, and the seed that repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimFailure {
    /// The seed of the run.
    pub seed: u64,
    /// In which step.
    pub step: u32,
    /// What was done last.
    pub doing: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for SimFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, doing, what } = self;
        write!(f, "seed {seed}, step {step}: {what}\nafter {doing}")
    }
}

impl core::error::Error for SimFailure {}

/// A random shop on a bad network, with a machine that stops.
///
/// See [the module](super) for an example.
#[derive(Debug)]
pub struct Sim<D: Disk = MemoryDisk> {
    seed: u64,
    config: SimConfig,
    engine_config: Arc<EngineConfig>,
    rng: Rng,
    shop: Shop,
    disk: D,
    engine: Engine,
    now: Instant,
    /// The true time and day; clocks of tills and host differ.
    time: Timestamp,
    day: Day,
    model: Model,
    /// The model after each record that may still be lost, by the number of the newest record.
    history: BTreeMap<u64, Model>,
    keys: u128,
    /// Messages on the way, in no order.
    network: Vec<Command>,
    /// Commands that tills wait for.
    waiting: BTreeMap<u128, Command>,
    /// What each booked key was, and in which record.
    booked: BTreeMap<u128, (Command, u64)>,
    /// What the model expects for answers that are not given yet, in order.
    expected: BTreeMap<u128, VecDeque<Expected>>,
    /// First answers that were given.
    answered: BTreeMap<u128, Receipt>,
    /// What records remind of, by the record.
    told: BTreeMap<u64, Vec<Told>>,
    /// Frames that were appended, and the newest record of each.
    unsynced: VecDeque<(u64, u64)>,
    /// Synced, but the engine was not told.
    unreported: VecDeque<(u64, u64)>,
    durable: u64,
    snapshot: Option<Vec<u8>>,
    report: SimReport,
    doing: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Applied,
    Duplicate,
    Conflict(u64),
    Rejected(Rejection),
}

impl Sim {
    /// A run on a disk in memory.
    #[must_use]
    pub fn new(seed: u64, config: SimConfig) -> Self {
        Self::on(MemoryDisk::default(), seed, config)
    }
}

impl<D: Disk> Sim<D> {
    /// A run on a disk of yours, which must be empty.
    ///
    /// # Panics
    ///
    /// When the program contradicts itself.
    #[must_use]
    pub fn on(disk: D, seed: u64, config: SimConfig) -> Self {
        let mut rng = Rng::new(&Seed::from_u64(seed));
        let shop = Shop::new(&mut rng, config.members_max);
        // Frames of any size, one or some at a time.
        let engine_config = EngineConfig::default()
            .with_limits(config.limits)
            .with_group_records_max([1, 3, 1_024][rng.below(3) as usize])
            .with_frames_in_flight_max(1 + rng.below(3) as u32)
            .with_program(Program::clone(&config.program));
        let engine_config = Arc::new(engine_config);
        let engine = Engine::new(Instant::ZERO, Arc::clone(&engine_config), Seed::from_u64(seed));
        let model = Model::new(Arc::clone(&config.program), config.limits);
        let time = Timestamp::from_unix_secs(1_700_000_000);
        Self {
            seed,
            engine_config,
            rng,
            shop,
            disk,
            engine: engine.unwrap_or_else(|error| panic!("{error}")),
            now: Instant::ZERO,
            time,
            day: Day::of(time),
            history: BTreeMap::from([(0, model.clone())]),
            model,
            keys: 0,
            network: Vec::new(),
            waiting: BTreeMap::new(),
            booked: BTreeMap::new(),
            expected: BTreeMap::new(),
            answered: BTreeMap::new(),
            told: BTreeMap::new(),
            unsynced: VecDeque::new(),
            unreported: VecDeque::new(),
            durable: 0,
            snapshot: None,
            report: SimReport::default(),
            doing: String::new(),
            config,
        }
    }

    /// The ledger as it is now.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.engine.ledger()
    }

    /// Runs all steps, then waits until everybody has an answer.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it must be.
    pub fn run(mut self) -> Result<SimReport, SimFailure> {
        for step in 0..self.config.steps {
            self.step().map_err(|what| self.failure(step, what))?;
        }
        let end = self.config.steps;
        self.finish().map_err(|what| self.failure(end, what))?;
        Ok(self.report)
    }

    fn failure(&self, step: u32, what: String) -> SimFailure {
        SimFailure { seed: self.seed, step, doing: self.doing.clone(), what }
    }

    fn step(&mut self) -> Result<(), String> {
        self.now = self.now.saturating_add(core::time::Duration::from_millis(1));
        if self.rng.below(100) < self.config.crash_percent.into() {
            return self.crash();
        }
        match self.rng.below(20) {
            0 => {
                let days = 1 + self.rng.below(4) as u32;
                self.day = self.day.plus(days);
                let span = core::time::Duration::from_secs(u64::from(days) * 86_400);
                self.time = self.time.saturating_add(span);
            }
            1 | 2 => self.tick()?,
            3 => self.new_command(),
            4..=14 => {
                self.new_command();
                self.deliver()?;
            }
            15 => self.sync(),
            16 | 17 => self.report_stored(),
            18 => self.snapshot = self.engine.snapshot().or_else(|| self.snapshot.take()),
            _ => self.send_again(),
        }
        self.outputs()
    }

    /// What the host's clock and calendar say.
    fn at(&mut self) -> At {
        let time = skewed(&mut self.rng, self.time, self.config.skew_micros);
        // The day goes back when somebody mends the calendar.
        let back = i32::from(self.rng.below(30) == 0);
        At::new(time, Day::new(self.day.value() - back))
    }

    fn new_command(&mut self) {
        // A till sees the time of its own clock, and what the shop was a while ago.
        let ledger = self.engine.ledger();
        let action = self.shop.action(&mut self.rng, ledger, &self.model);
        assert!(Model::knows(&action), "{action:?}");
        self.keys += 1;
        let mut key = self.keys;
        // A till that is broken uses a key twice.
        let used: Vec<u128> = self.booked.keys().copied().collect();
        if self.rng.below(60) == 0 {
            key = pick(&mut self.rng, &used).unwrap_or(key);
        }
        let store = Shop::store(&mut self.rng);
        let (actor, till) = (self.rng.below(3) as u32, self.rng.below(4) as u32);
        let seen = skewed(&mut self.rng, self.time, self.config.skew_micros);
        let command = Command::new(IdempotencyKey::new(key), store, action)
            .by(ActorId::new(actor), TerminalId::new(till))
            .occurred_at(seen);
        self.network.push(command.clone());
        if key == self.keys {
            self.waiting.insert(key, command);
        }
    }

    /// Any message arrives; some stay on the way, to arrive again.
    fn deliver(&mut self) -> Result<(), String> {
        if self.network.is_empty() {
            self.new_command();
        }
        let place = self.rng.below(self.network.len() as u64) as usize;
        let twice = self.rng.below(100) < self.config.duplicate_percent.into();
        let command =
            if twice { self.network[place].clone() } else { self.network.swap_remove(place) };
        self.submit(&command)
    }

    /// A till that waits too long sends again.
    fn send_again(&mut self) {
        let waiting: Vec<u128> = self.waiting.keys().copied().collect();
        if let Some(key) = pick(&mut self.rng, &waiting) {
            self.network.push(self.waiting[&key].clone());
        }
    }

    fn submit(&mut self, command: &Command) -> Result<(), String> {
        self.doing = format!("{command:?}");
        let at = self.at();
        let key = command.envelope.key.value();
        self.model.pass(self.engine.ledger(), at);
        self.engine.submit(self.now, at, command);
        self.model.end_holds();
        let expected = match self.booked.get(&key) {
            // Who sends it again and when does not matter; what and where does.
            Some((first, _))
                if first.action == command.action
                    && first.envelope.store == command.envelope.store
                    && first.envelope.expect_version == command.envelope.expect_version =>
            {
                Expected::Duplicate
            }
            Some((_, seq)) => Expected::Conflict(*seq),
            None => match self.model.run(command, self.engine.ledger()) {
                Ok(()) => {
                    let seq = self.engine.ledger().seq().value();
                    self.booked.insert(key, (command.clone(), seq));
                    Expected::Applied
                }
                Err(rejection) => Expected::Rejected(rejection),
            },
        };
        self.expected.entry(key).or_default().push_back(expected);
        self.remember();
        self.same()
    }

    fn tick(&mut self) -> Result<(), String> {
        self.doing = "a tick".into();
        let at = self.at();
        self.model.pass(self.engine.ledger(), at);
        self.engine.handle_input(self.now, Input::Tick { at });
        self.model.lapse();
        self.remember();
        self.same()
    }

    fn remember(&mut self) {
        self.history.insert(self.engine.ledger().seq().value(), self.model.clone());
    }

    fn same(&self) -> Result<(), String> {
        match self.model.difference(self.engine.ledger()) {
            Some(difference) => Err(format!("the model differs (ledger first): {difference}")),
            None => Ok(()),
        }
    }

    /// Notes whom records remind of what.
    fn listen(&mut self, frame: Frame<'_>) {
        for record in frame.records() {
            let told = record.facts().filter_map(|fact| match fact {
                crate::Fact::Reminded { rule, member, day, amount, .. } => {
                    Some((rule.value(), day.value(), member.value(), amount.into()))
                }
                _ => None,
            });
            let told: Vec<Told> = told.collect();
            if !told.is_empty() {
                self.told.insert(record.head().seq.value(), told);
            }
        }
    }

    /// Everybody was reminded of what the model says, once, whatever was lost in between.
    fn all_told(&mut self) -> Result<(), String> {
        let mut found: Vec<Told> = self.told.values().flatten().copied().collect();
        let mut expected = self.model.told.clone();
        found.sort_unstable();
        expected.sort_unstable();
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        if found == expected {
            self.report.reminded = found.len() as u32;
            return Ok(());
        }
        Err(format!("{} reminders, not {}: {differs:?}", found.len(), expected.len()))
    }

    /// Takes what the engine gives.
    fn outputs(&mut self) -> Result<(), String> {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(frame) => {
                    self.disk.append(&frame);
                    self.listen(frame.view());
                    let last = frame.view().records().last();
                    let last = last.ok_or("a frame without records")?;
                    self.unsynced.push_back((frame.number(), last.head().seq.value()));
                    // A busy disk takes its time; a quick one is done at once.
                    if self.rng.below(3) == 0 {
                        self.sync();
                    }
                    if self.rng.below(3) == 0 {
                        self.report_stored();
                    }
                }
                Output::Event(event) => self.event(event)?,
            }
        }
        Ok(())
    }

    fn sync(&mut self) {
        self.disk.sync();
        self.unreported.append(&mut self.unsynced);
    }

    fn report_stored(&mut self) {
        if let Some((frame, seq)) = self.unreported.pop_front() {
            self.durable = seq;
            self.engine.handle_input(self.now, Input::Stored { frame });
            // What is durable cannot be lost: older states are not needed.
            let kept = self.history.range(..=seq).next_back().map_or(0, |(seq, _)| *seq);
            self.history = self.history.split_off(&kept);
        }
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        let (key, given) = match event {
            Event::Applied { key, receipt } => {
                self.durable_is(receipt.seq.value(), "a command was answered")?;
                self.report.accepted += 1;
                self.answered.insert(key.value(), receipt);
                (key, Expected::Applied)
            }
            Event::Duplicate { key, receipt } => {
                self.durable_is(receipt.seq.value(), "a duplicate was answered")?;
                self.report.duplicates += 1;
                let first = *self.answered.entry(key.value()).or_insert(receipt);
                if first != receipt {
                    return Err(format!("{key}: first {first:?}, then {receipt:?}"));
                }
                (key, Expected::Duplicate)
            }
            Event::Conflict { key, seq } => {
                self.report.conflicts += 1;
                (key, Expected::Conflict(seq.value()))
            }
            Event::Rejected { key, rejection } => {
                self.report.rejected += 1;
                (key, Expected::Rejected(rejection))
            }
            Event::Caused { receipt } => {
                return self.durable_is(receipt.seq.value(), "what time caused was told");
            }
            Event::Notice(_) => return Ok(()),
            other => return Err(format!("the engine says {other:?}")),
        };
        self.waiting.remove(&key.value());
        let expected = self.expected.get_mut(&key.value()).and_then(VecDeque::pop_front);
        if expected != Some(given) {
            return Err(format!("{key}: {given:?}, but the model expects {expected:?}"));
        }
        Ok(())
    }

    fn durable_is(&self, seq: u64, what: &str) -> Result<(), String> {
        if seq > self.durable {
            return Err(format!("{what} from record {seq}; durable is {}", self.durable));
        }
        Ok(())
    }

    /// The machine stops, and starts again with what the disk kept.
    fn crash(&mut self) -> Result<(), String> {
        self.doing = "a crash".into();
        self.report.crashes += 1;
        self.disk.crash(&mut self.rng);
        let bytes = self.disk.read();
        let mut recovery = self.recovery();
        let end = recovery.journal(&bytes);
        match end {
            JournalEnd::Whole { .. } => {}
            JournalEnd::Torn { .. } => self.report.torn += 1,
            JournalEnd::Damaged { .. } => return Err(format!("a crash damages nothing: {end}")),
        }
        self.disk.truncate(end.whole());
        let mut recovered = recovery.finish();
        if self.rng.below(2) == 0 {
            if let Some(from) = self.recover_from_snapshot(&bytes[..end.whole()])? {
                if from.ledger != recovered.ledger {
                    return Err("the snapshot leads to another ledger".into());
                }
                self.report.from_snapshot += 1;
                recovered = from;
            }
        }
        let seq = recovered.ledger.seq().value();
        if seq < self.durable {
            return Err(format!("record {} was durable, now {seq} is the last", self.durable));
        }
        let before = self.booked.len();
        self.booked.retain(|_, (_, booked)| *booked <= seq);
        self.told.retain(|record, _| *record <= seq);
        self.report.lost += (before - self.booked.len()) as u32;
        let verification = recovered.ledger.verify();
        if !verification.is_sound() {
            return Err(format!("after a recovery: {verification}"));
        }
        // All that is there is durable now; nobody waits for an answer of the old engine.
        self.durable = seq;
        self.expected.clear();
        self.unsynced.clear();
        self.unreported.clear();
        let (_, model) = self.history.range(..=seq).next_back().ok_or("no model")?;
        self.model = model.clone();
        self.history = BTreeMap::from([(seq, self.model.clone())]);
        self.disk.sync();
        let at = recovered.ledger.at();
        self.engine = Engine::resume(self.now, Arc::clone(&self.engine_config), recovered);
        // Of what time causes, a crash may have kept a part.
        self.engine.handle_input(self.now, Input::Tick { at });
        if at.time.as_unix_micros() > i64::MIN {
            self.model.pass(self.engine.ledger(), at);
            self.model.lapse();
        }
        self.remember();
        for command in self.waiting.values() {
            self.network.push(command.clone());
        }
        // Whoever has an answer gets the same again.
        let keys: Vec<u128> = self.answered.keys().copied().collect();
        for _ in 0..3 {
            let Some(key) = pick(&mut self.rng, &keys) else { break };
            let receipt = self.engine.ledger().answer(IdempotencyKey::new(key));
            if receipt != self.answered.get(&key).copied() {
                return Err(format!("{key} had an answer, and now {receipt:?}"));
            }
        }
        self.same()?;
        self.outputs()
    }

    fn recovery(&self) -> Recovery {
        let program = Arc::clone(&self.config.program);
        let seed = Seed::from_u64(self.seed ^ u64::from(self.report.crashes));
        let ledger = Ledger::new(self.config.limits, program, seed);
        Recovery::new(ledger.unwrap_or_else(|error| panic!("{error}")))
    }

    /// The same from the newest snapshot and the frames behind it.
    fn recover_from_snapshot(&self, journal: &[u8]) -> Result<Option<crate::Recovered>, String> {
        let Some(bytes) = &self.snapshot else { return Ok(None) };
        let snapshot = Snapshot::parse(bytes).map_err(|error| format!("{error}"))?;
        let JournalPosition { frame: behind, .. } = snapshot.position();
        let program = Arc::clone(&self.config.program);
        let ledger = Ledger::new(self.config.limits, program, Seed::from_u64(7));
        let ledger = ledger.unwrap_or_else(|error| panic!("{error}"));
        let recovery = Recovery::from_snapshot(ledger, snapshot);
        let mut recovery = recovery.map_err(|error| format!("{error}"))?;
        let mut left = journal;
        while !left.is_empty() {
            let (frame, rest) = Frame::parse(left).map_err(|error| format!("{error}"))?;
            if frame.number() > behind {
                let bytes = &left[..left.len() - rest.len()];
                recovery.frame(bytes).map_err(|error| {
                    let number = frame.number();
                    format!("frame {number} behind the snapshot of frame {behind}: {error}")
                })?;
            }
            left = rest;
        }
        Ok(Some(recovery.finish()))
    }

    /// Everybody gets an answer in the end, and all laws hold.
    fn finish(&mut self) -> Result<(), String> {
        for _ in 0..10_000 {
            self.sync();
            self.report_stored();
            self.outputs()?;
            if self.waiting.is_empty() && self.engine.is_idle() {
                let verification = self.engine.ledger().verify();
                if !verification.is_sound() {
                    return Err(format!("in the end: {verification}"));
                }
                return self.all_told();
            }
            self.send_again();
            if !self.network.is_empty() {
                self.deliver()?;
            }
        }
        Err(format!("{} commands never got an answer", self.waiting.len()))
    }
}

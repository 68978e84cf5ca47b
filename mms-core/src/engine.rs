//! The ledger as a machine: commands in, frames to store out, answers when they are safe.

use crate::command::Command;
use crate::ids::{At, IdempotencyKey, MemberId, Seq};
use crate::journal::{FrameBuf, FrameHash, FrameWriter, Recovered, Sha256Hash};
use crate::ledger::{Ledger, Outcome};
use crate::limits::Limits;
use crate::notice::Notice;
use crate::program::{Program, ProgramError};
use crate::receipt::Receipt;
use crate::record::Record;
use crate::rejection::Rejection;
use crate::statement::{Page, Statements};
use crate::warm::WINDOW;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{Instant, Machine, Output, Seed};

/// However large a group may be, a frame's records stay within what a reader accepts.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How an [`Engine`] works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Limits of the ledger.
    pub limits: Limits,
    /// The rules.
    pub program: Arc<Program>,
    /// Records of one frame (1,024).
    pub group_records_max: u32,
    /// Bytes of the records of one frame (1 MiB); one record may go over it.
    pub group_bytes_max: usize,
    /// How long a frame waits for more records (not at all). While a frame is being
    /// stored, records gather anyway.
    pub group_delay: Duration,
    /// Frames that are being stored at one time (1).
    pub frames_in_flight_max: u32,
    /// Answers that wait for the store (65,536). Stops commands from filling memory while
    /// the store hangs.
    pub waiting_max: usize,
    /// Records that time causes in one go (1,024); the rest follows in the next.
    pub due_batch_max: u32,
    /// Whether statements are kept.
    pub statements: bool,
    /// The hash of frames (SHA-256), for an engine that begins; one that is resumed goes on as
    /// [`Recovery::with_hash`](crate::Recovery::with_hash) says.
    pub hash: &'static dyn FrameHash,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            program: Arc::new(Program::default()),
            group_records_max: 1024,
            group_bytes_max: 1024 * 1024,
            group_delay: Duration::ZERO,
            frames_in_flight_max: 1,
            waiting_max: 65_536,
            due_batch_max: 1024,
            statements: true,
            hash: &Sha256Hash,
        }
    }
}

impl EngineConfig {
    /// Sets [`EngineConfig::program`].
    #[must_use]
    pub fn with_program(mut self, program: Program) -> Self {
        self.program = Arc::new(program);
        self
    }

    /// Sets [`EngineConfig::limits`].
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`EngineConfig::group_records_max`].
    #[must_use]
    pub const fn with_group_records_max(mut self, max: u32) -> Self {
        self.group_records_max = max;
        self
    }

    /// Sets [`EngineConfig::group_bytes_max`].
    #[must_use]
    pub const fn with_group_bytes_max(mut self, max: usize) -> Self {
        self.group_bytes_max = max;
        self
    }

    /// Sets [`EngineConfig::group_delay`].
    #[must_use]
    pub const fn with_group_delay(mut self, delay: Duration) -> Self {
        self.group_delay = delay;
        self
    }

    /// Sets [`EngineConfig::frames_in_flight_max`].
    #[must_use]
    pub const fn with_frames_in_flight_max(mut self, max: u32) -> Self {
        self.frames_in_flight_max = max;
        self
    }

    /// Sets [`EngineConfig::waiting_max`].
    #[must_use]
    pub const fn with_waiting_max(mut self, max: usize) -> Self {
        self.waiting_max = max;
        self
    }

    /// Sets [`EngineConfig::due_batch_max`].
    #[must_use]
    pub const fn with_due_batch_max(mut self, max: u32) -> Self {
        self.due_batch_max = max;
        self
    }

    /// Sets [`EngineConfig::statements`].
    #[must_use]
    pub const fn with_statements(mut self, keep: bool) -> Self {
        self.statements = keep;
        self
    }

    /// Sets [`EngineConfig::hash`].
    #[must_use]
    pub const fn with_hash(mut self, hash: &'static dyn FrameHash) -> Self {
        self.hash = hash;
        self
    }
}

/// What the host reports to an [`Engine`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A command came in.
    Command {
        /// The time and business day, for the record.
        at: At,
        /// The command.
        command: &'a Command,
    },
    /// Business time has moved on: holds may have ended, lots may have lapsed. When in
    /// doubt, report it: once a day, and when [`Ledger::next_due`] says so.
    Tick {
        /// The time and business day.
        at: At,
    },
    /// The frame with this number, and all before it, are durable.
    Stored {
        /// The number.
        frame: u64,
    },
    /// A frame could not be stored. The state is ahead of the journal from then on, so
    /// the engine stops; recover from the journal.
    StoreFailed,
}

/// What an [`Engine`] tells. What says that something was booked comes only after its
/// frame is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A command was booked.
    Applied {
        /// Its key.
        key: IdempotencyKey,
        /// The answer.
        receipt: Receipt,
    },
    /// A command had been booked before.
    Duplicate {
        /// Its key.
        key: IdempotencyKey,
        /// The first answer.
        receipt: Receipt,
    },
    /// A command came with the key of another one.
    Conflict {
        /// The key.
        key: IdempotencyKey,
        /// The record of the other one.
        seq: Seq,
    },
    /// A command was refused; nothing changed.
    Rejected {
        /// Its key.
        key: IdempotencyKey,
        /// Why.
        rejection: Rejection,
    },
    /// A command was not looked at, because too many answers wait for the store. Try
    /// again later with the same key.
    Busy {
        /// Its key.
        key: IdempotencyKey,
    },
    /// Time caused something, and it was booked.
    Caused {
        /// What.
        receipt: Receipt,
    },
    /// Somebody wants to hear of this.
    Notice(Notice),
    /// The engine has ended; this is the last event. Commands whose answer is missing may
    /// or may not be in the journal: after a recovery, send them again with their keys.
    Closed(CloseReason),
}

/// Why an engine ended. See [`Engine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// A frame could not be stored.
    StoreFailed,
    /// The host acknowledged a frame that was never sent.
    StoreConfused,
}

/// A [`Ledger`] that answers only what is durable.
///
/// - A, questions: [`ledger`](Self::ledger), [`statements`](Self::statements),
///   [`wants_input`](Self::wants_input), [`next_timer`](Self::next_timer)
/// - B, reports: [`handle_input`](Self::handle_input) with a command, a tick, or the
///   store's answer; [`handle_timeout`](Self::handle_timeout)
/// - C, commands: [`submit`](Self::submit), [`set_program`](Self::set_program)
/// - D, outputs: [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout)
///
/// `Transmit(frame)` means: append the frame's bytes durably, then report
/// [`Input::Stored`]. Many commands may be reported before that; they share a frame.
///
/// ```
/// use mms_core::*;
/// use proto_wire::{Instant, Output};
///
/// let config = EngineConfig::default().with_program(Program::sample());
/// let mut engine = Engine::new(Instant::ZERO, config.into(), Seed::from_u64(1)).unwrap();
/// let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
/// let enrol = Action::Enrol {
///     token: MemberToken::new(7),
///     kind: MemberKind::Individual,
///     plan: PlanId::new(0),
///     referrer: None,
/// };
/// engine.submit(Instant::ZERO, at, &Command::new(IdempotencyKey::new(1), StoreId::new(1), enrol));
///
/// let mut journal: Vec<u8> = Vec::new();
/// let mut applied = 0;
/// while let Some(output) = engine.poll_output() {
///     match output {
///         Output::Transmit(frame) => {
///             journal.extend_from_slice(frame.bytes()); // and fsync
///             engine.handle_input(Instant::ZERO, Input::Stored { frame: frame.number() });
///         }
///         Output::Event(Event::Applied { receipt, .. }) => {
///             assert_eq!(receipt.member, Some(MemberId::new(0)));
///             applied += 1;
///         }
///         Output::Event(_) => {}
///     }
/// }
/// assert_eq!(applied, 1);
/// ```
#[derive(Debug)]
pub struct Engine {
    config: Arc<EngineConfig>,
    ledger: Ledger,
    statements: Option<Statements>,
    writer: FrameWriter,
    now: Instant,
    /// When the first record of the open frame came.
    open_since: Option<Instant>,
    /// Full frames that wait for room on the way to the store.
    sealed: VecDeque<FrameBuf>,
    /// The last frame that went out, and the last that is durable.
    sent: u64,
    stored: u64,
    /// Answers that wait for a frame, in order.
    waiting: VecDeque<(u64, Event)>,
    ready: VecDeque<Event>,
    due: Option<At>,
    closed: bool,
}

impl Engine {
    /// An engine with an empty ledger.
    ///
    /// # Errors
    ///
    /// When the program contradicts itself.
    pub fn new(now: Instant, config: Arc<EngineConfig>, seed: Seed) -> Result<Self, ProgramError> {
        let ledger = Ledger::new(config.limits, Arc::clone(&config.program), seed)?;
        let recovery = crate::journal::Recovery::new(ledger).with_hash(config.hash);
        let recovery = if config.statements { recovery.with_statements() } else { recovery };
        Ok(Self::resume(now, config, recovery.finish()))
    }

    /// An engine that goes on where a recovery ended. Statements are kept only if the
    /// recovery built them.
    #[must_use]
    pub fn resume(now: Instant, config: Arc<EngineConfig>, recovered: Recovered) -> Self {
        let stored = recovered.writer.next_number().saturating_sub(1);
        Self {
            config,
            ledger: recovered.ledger,
            statements: recovered.statements,
            writer: recovered.writer,
            now,
            open_since: None,
            sealed: VecDeque::new(),
            sent: stored,
            stored,
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            due: None,
            closed: false,
        }
    }

    /// Reports a command. The answer comes from [`poll_output`](Self::poll_output), under
    /// the command's key.
    pub fn submit(&mut self, now: Instant, at: At, command: &Command) {
        self.pass(now);
        if self.closed {
            return;
        }
        let key = command.envelope.key;
        if !self.wants_input() {
            self.ready.push_back(Event::Busy { key });
            return;
        }
        self.end_holds(at);
        let start = self.writer.buffer().len();
        let outcome = self.ledger.apply(at, command, self.writer.buffer());
        match outcome {
            Outcome::Accepted(receipt) => {
                self.booked(start, receipt, Event::Applied { key, receipt });
            }
            Outcome::Duplicate(receipt) => self.answer(Event::Duplicate { key, receipt }),
            Outcome::Conflict(seq) => self.answer(Event::Conflict { key, seq }),
            Outcome::Rejected(rejection) => self.answer(Event::Rejected { key, rejection }),
        }
    }

    /// Reports commands that came together, in order. The same as one
    /// [`submit`](Self::submit) after the other, and faster for a large ledger: what they
    /// need is [read side by side](Ledger::warm).
    pub fn submit_all(&mut self, now: Instant, at: At, commands: &[Command]) {
        for group in commands.chunks(WINDOW) {
            self.ledger.warm(group);
            for command in group {
                self.submit(now, at, command);
            }
        }
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Command { at, command } => self.submit(now, at, command),
            Input::Tick { at } => {
                self.pass(now);
                if !self.closed {
                    self.due = Some(self.due.map_or(at, |due| due.max(at)));
                    self.work_off_due();
                }
            }
            Input::Stored { frame } => {
                self.pass(now);
                self.acknowledged(frame);
            }
            Input::StoreFailed => {
                self.pass(now);
                self.close(CloseReason::StoreFailed);
            }
        }
    }

    /// Lets time pass: a frame that has waited long enough for more records goes out.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.pass(now);
    }

    /// Takes other rules from here on.
    ///
    /// # Errors
    ///
    /// When the program contradicts itself; the old one stays.
    pub fn set_program(&mut self, program: Arc<Program>) -> Result<(), ProgramError> {
        self.ledger.set_program(program)
    }

    /// The next thing to do: store a frame, or tell somebody.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<FrameBuf, Event>> {
        if let Some(event) = self.ready.pop_front() {
            return Some(Output::Event(event));
        }
        if self.closed || !self.has_flight_room() {
            return None;
        }
        if self.sealed.is_empty() && self.group_is_over() {
            self.seal();
        }
        let frame = self.sealed.pop_front()?;
        self.sent = frame.number();
        self.work_off_due();
        Some(Output::Transmit(frame))
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do: a frame that
    /// waits for more records.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let idle = !self.closed && self.sealed.is_empty() && self.has_flight_room();
        let since = self.open_since.filter(|_| idle)?;
        let at = since.saturating_add(self.config.group_delay);
        (at > self.now).then_some(at)
    }

    /// The timer, and what it is for.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.poll_timeout().map(|at| (at, Timer::Group))
    }

    /// Whether another command would be looked at now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.closed && self.waiting.len() < self.config.waiting_max
    }

    /// Whether every record is durable and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let durable = self.writer.is_empty() && self.sealed.is_empty() && self.stored == self.sent;
        durable && self.ready.is_empty()
    }

    /// A [`snapshot`](Ledger::snapshot) of the ledger; `None` while a record is not durable.
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        let durable = self.writer.is_empty() && self.sealed.is_empty() && self.stored == self.sent;
        durable.then(|| self.ledger.snapshot(self.writer.position()))
    }

    /// The ledger, with everything that was booked; some of it may not be durable yet.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The statements, when they are kept.
    #[must_use]
    pub const fn statements(&self) -> Option<&Statements> {
        self.statements.as_ref()
    }

    /// The newest `max` entries of a member's statement; none when statements are not
    /// kept.
    #[must_use]
    pub fn statement(&self, member: MemberId, max: usize) -> Page {
        self.statements
            .as_ref()
            .map(|statements| statements.page(member, None, None, max))
            .unwrap_or_default()
    }

    fn pass(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// A record stands at `start` in the open frame: tells who wants to know, when the
    /// frame is durable.
    fn booked(&mut self, start: usize, receipt: Receipt, event: Event) {
        self.writer.added(receipt.seq, receipt.time);
        self.open_since.get_or_insert(self.now);
        let frame = self.writer.next_number();
        self.waiting.push_back((frame, event));
        let bytes = self.writer.buffer().get(start..).unwrap_or_default();
        if let Ok((record, _)) = Record::reread(bytes) {
            let notices = self.ledger.notices(record);
            self.waiting.extend(notices.map(|notice| (frame, Event::Notice(notice))));
            if let Some(statements) = &mut self.statements {
                statements.observe(record);
            }
        }
        let bytes_max = self.config.group_bytes_max.min(GROUP_BYTES_MAX);
        if self.writer.count() >= self.config.group_records_max || self.writer.len() >= bytes_max {
            self.seal();
        }
    }

    fn seal(&mut self) {
        self.sealed.extend(self.writer.seal());
        self.open_since = None;
    }

    /// An answer that books nothing still waits for what it may rest on.
    fn answer(&mut self, event: Event) {
        let next = self.writer.next_number();
        let frame = if self.writer.is_empty() { next.saturating_sub(1) } else { next };
        if frame <= self.stored && self.waiting.is_empty() {
            self.ready.push_back(event);
        } else {
            self.waiting.push_back((frame, event));
        }
    }

    fn acknowledged(&mut self, frame: u64) {
        if self.closed {
            return;
        }
        if frame > self.sent {
            self.close(CloseReason::StoreConfused);
            return;
        }
        self.stored = self.stored.max(frame);
        while self.waiting.front().is_some_and(|(needs, _)| *needs <= self.stored) {
            self.ready.extend(self.waiting.pop_front().map(|(_, event)| event));
        }
    }

    fn work_off_due(&mut self) {
        let Some(at) = self.due else {
            return;
        };
        for _ in 0..self.config.due_batch_max {
            let start = self.writer.buffer().len();
            let Some(receipt) = self.ledger.apply_due(at, self.writer.buffer()) else {
                self.due = None;
                return;
            };
            self.booked(start, receipt, Event::Caused { receipt });
        }
    }

    /// Value of holds that have ended is free for the command that comes next.
    fn end_holds(&mut self, at: At) {
        for _ in 0..self.config.due_batch_max {
            let start = self.writer.buffer().len();
            let Some(receipt) = self.ledger.apply_hold_end(at, self.writer.buffer()) else {
                return;
            };
            self.booked(start, receipt, Event::Caused { receipt });
        }
    }

    fn has_flight_room(&self) -> bool {
        self.sent.saturating_sub(self.stored) < u64::from(self.config.frames_in_flight_max)
    }

    /// Whether the open frame has waited long enough for more records.
    fn group_is_over(&self) -> bool {
        self.open_since
            .is_some_and(|since| since.saturating_add(self.config.group_delay) <= self.now)
    }

    fn close(&mut self, reason: CloseReason) {
        if !self.closed {
            self.closed = true;
            self.waiting.clear();
            self.ready.push_back(Event::Closed(reason));
        }
    }
}

/// Why an engine wants to be woken. See [`Engine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// The open frame has waited long enough for more records.
    Group,
}

impl Machine for Engine {
    type Input<'a> = Input<'a>;
    type Transmit = FrameBuf;
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<FrameBuf, Event>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

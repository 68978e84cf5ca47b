//! The ledger on an embedded store: frames in a `redb` table, one write transaction and one
//! fsync for each group of commands; to open is to replay, from the newest snapshot that is sound
//! (or from the first frame, when statements are kept: they need every record).
//!
//! ```no_run
//! use examples::store::DurableLedger;
//! use mms_core::{EngineConfig, Seed};
//!
//! let config = EngineConfig::default();
//! let (mut ledger, opened) = DurableLedger::open("club.redb", config.into(), Seed::from_u64(1))?;
//! println!("{opened}");
//! # Ok::<(), examples::store::StoreError>(())
//! ```

use mms_core::{
    At, Command, Engine, EngineConfig, Event, Frame, FrameBuf, FrameError, Input, Ledger,
    ProgramError, Record, Recovery, Seed, Seq, Snapshot,
};
use proto_wire::{Clock, Output};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The number of a frame's first record, and the frame.
const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");

/// The number of the last record in a snapshot, and the snapshot.
const SNAPSHOTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("snapshots");
/// How many snapshots are kept: the newest may be the one that the power cut.
const SNAPSHOTS_KEPT: usize = 2;

/// A ledger whose answers are on the disk before anybody hears them.
#[derive(Debug)]
pub struct DurableLedger {
    engine: Engine,
    store: Store,
    clock: Clock,
}

/// What was found when a ledger was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How many frames were replayed.
    pub frames: u64,
    /// How many records were in them.
    pub records: u64,
    /// The hash of the last one: the fingerprint of the whole journal.
    pub chain: mms_core::Chain,
    /// The record behind which a snapshot made replay unnecessary.
    pub snapshot: Option<Seq>,
}

/// Frames in a file.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

/// Why a store cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// The database refuses.
    Database(redb::Error),
    /// A frame is not as it was written, or is missing.
    Journal {
        /// The first record of the frame.
        first_seq: u64,
        /// What is wrong.
        error: FrameError,
    },
    /// The rules contradict themselves.
    Program(ProgramError),
    /// A file could not be written.
    File(std::io::Error),
}

impl DurableLedger {
    /// Opens a store, or makes it, and replays what is in it.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened, a frame in it is damaged or missing, or the
    /// program contradicts itself. Nothing is repaired silently.
    pub fn open(
        path: impl AsRef<Path>,
        config: Arc<EngineConfig>,
        seed: Seed,
    ) -> Result<(Self, Opened), StoreError> {
        let store = Store::open(path)?;
        let ledger = Ledger::new(config.limits, Arc::clone(&config.program), seed.clone())
            .map_err(StoreError::Program)?;
        let snapshot = if config.statements { None } else { store.newest_snapshot()? };
        let sound = snapshot.as_deref().and_then(|bytes| Snapshot::parse(bytes).ok());
        let recovery = sound.map(|snapshot| {
            let empty = Ledger::new(config.limits, Arc::clone(&config.program), seed.clone());
            let empty = empty.map_err(StoreError::Program)?;
            Ok(Recovery::from_snapshot(empty, snapshot).ok().map(|begun| (begun, snapshot.seq())))
        });
        let (recovery, snapshot) = match recovery.transpose()?.flatten() {
            Some((mut recovery, seq)) => {
                store.replay_after(seq, &mut recovery)?;
                (recovery, Some(seq))
            }
            None => {
                let mut recovery = Recovery::new(ledger);
                if config.statements {
                    recovery = recovery.with_statements();
                }
                store.replay(&mut recovery)?;
                (recovery, None)
            }
        };
        let recovered = recovery.finish();
        let (frames, records) = (recovered.frames, recovered.records);
        let opened = Opened { frames, records, chain: recovered.chain, snapshot };
        let clock = Clock::start();
        let engine = Engine::resume(clock.now(), config, recovered);
        Ok((Self { engine, store, clock }, opened))
    }

    /// Books commands as one group: one write transaction, unless they are too many. Gives
    /// what came of them, all of it durable, in order.
    ///
    /// # Errors
    ///
    /// When the store fails. The ledger is closed then: open it again, and send the
    /// commands again with their keys.
    pub fn execute(&mut self, at: At, commands: &[Command]) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        for command in commands {
            // An engine that waits for the store takes no more until it is served.
            if !self.engine.wants_input() {
                self.drain(&mut events)?;
            }
            self.engine.submit(self.clock.now(), at, command);
        }
        self.drain(&mut events)?;
        Ok(events)
    }

    /// Books what time has caused by `at`.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn tick(&mut self, at: At) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        self.engine.handle_input(self.clock.now(), Input::Tick { at });
        self.drain(&mut events)?;
        Ok(events)
    }

    /// Keeps a snapshot, so that the next [`open`](Self::open) without statements need not begin
    /// at the first frame. Gives its size.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn keep_snapshot(&self) -> Result<usize, StoreError> {
        // Between calls everything is durable, so there always is one.
        let Some(bytes) = self.engine.snapshot() else {
            return Ok(0);
        };
        self.store.keep_snapshot(self.ledger().seq(), &bytes)?;
        Ok(bytes.len())
    }

    /// The engine, for questions.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The ledger, for questions.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.engine.ledger()
    }

    /// Writes all frames to a flat file, which `inspect journal` reads.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or the file cannot be written.
    pub fn export(&self, path: impl AsRef<Path>) -> Result<u64, StoreError> {
        self.store.export(path)
    }

    /// Reads every record after `seen`, and says which was the last: for projections that look from
    /// time to time.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or a frame in it is damaged.
    pub fn records_after(
        &self,
        seen: Seq,
        mut visit: impl FnMut(Record<'_>),
    ) -> Result<Seq, StoreError> {
        let mut last = seen;
        self.store.each_from(seen, |first_seq, bytes| {
            let error = |error| StoreError::Journal { first_seq, error };
            let (frame, _) = Frame::parse(bytes).map_err(error)?;
            for record in frame.records().filter(|record| record.head().seq > seen) {
                visit(record);
                last = record.head().seq;
            }
            Ok(())
        })?;
        Ok(last)
    }

    fn drain(&mut self, events: &mut Vec<Event>) -> Result<(), StoreError> {
        loop {
            match self.engine.poll_output() {
                Some(Output::Transmit(frame)) => {
                    let input = match self.store.append(&frame) {
                        Ok(()) => Input::Stored { frame: frame.number() },
                        Err(error) => {
                            self.engine.handle_input(self.clock.now(), Input::StoreFailed);
                            return Err(error);
                        }
                    };
                    self.engine.handle_input(self.clock.now(), input);
                }
                Some(Output::Event(event)) => events.push(event),
                // A group may wait a little for company; here there is none to wait for.
                None => match self.engine.poll_timeout() {
                    Some(at) => self.engine.handle_timeout(at),
                    None => return Ok(()),
                },
            }
        }
    }
}

impl Store {
    /// Opens a store, or makes it.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Database::create(path).map_err(database)?;
        let transaction = database.begin_write().map_err(self::database)?;
        transaction.open_table(FRAMES).map_err(self::database)?;
        transaction.open_table(SNAPSHOTS).map_err(self::database)?;
        transaction.commit().map_err(self::database)?;
        Ok(Self { database })
    }

    /// Appends a frame durably.
    ///
    /// # Errors
    ///
    /// When the database refuses; whether the frame is there is then not known.
    pub fn append(&self, frame: &FrameBuf) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(database)?;
        transaction.set_durability(Durability::Immediate).map_err(database)?;
        {
            let mut table = transaction.open_table(FRAMES).map_err(database)?;
            let first = frame.view().first_seq().value();
            table.insert(first, frame.bytes().as_ref()).map_err(database)?;
        }
        transaction.commit().map_err(database)
    }

    /// Replays every frame.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or a frame is damaged or missing.
    pub fn replay(&self, recovery: &mut Recovery) -> Result<(), StoreError> {
        self.each(|first_seq, bytes| {
            recovery.frame(bytes).map_err(|error| StoreError::Journal { first_seq, error })
        })
    }

    /// Replays the frames behind a record.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or a frame is damaged or missing.
    pub fn replay_after(&self, seq: Seq, recovery: &mut Recovery) -> Result<(), StoreError> {
        self.each_from(seq, |first_seq, bytes| {
            if first_seq <= seq.value() {
                return Ok(());
            }
            recovery.frame(bytes).map_err(|error| StoreError::Journal { first_seq, error })
        })
    }

    /// Keeps a snapshot and forgets all but the newest.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn keep_snapshot(&self, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(database)?;
        {
            let mut table = transaction.open_table(SNAPSHOTS).map_err(database)?;
            table.insert(seq.value(), bytes).map_err(database)?;
            let kept = table.iter().map_err(database)?.rev().nth(SNAPSHOTS_KEPT - 1);
            let kept = kept.transpose().map_err(database)?.map(|(seq, _)| seq.value());
            if let Some(kept) = kept {
                table.retain(|seq, _| seq >= kept).map_err(database)?;
            }
        }
        transaction.commit().map_err(database)
    }

    /// The newest snapshot that is sound from end to end.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn newest_snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(database)?;
        let table = transaction.open_table(SNAPSHOTS).map_err(database)?;
        for row in table.iter().map_err(database)?.rev() {
            let (_, bytes) = row.map_err(database)?;
            if Snapshot::parse(bytes.value()).is_ok() {
                return Ok(Some(bytes.value().to_vec()));
            }
        }
        Ok(None)
    }

    /// Writes all frames to a flat file; gives its length.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or the file cannot be written.
    pub fn export(&self, path: impl AsRef<Path>) -> Result<u64, StoreError> {
        let file = std::fs::File::create(path).map_err(StoreError::File)?;
        let mut file = std::io::BufWriter::new(file);
        let mut length = 0_u64;
        self.each(|_, bytes| {
            length = length.saturating_add(bytes.len() as u64);
            file.write_all(bytes).map_err(StoreError::File)
        })?;
        file.flush().map_err(StoreError::File)?;
        Ok(length)
    }

    /// Frames from the one that holds the record after `seen`.
    fn each_from(
        &self,
        seen: Seq,
        mut visit: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_read().map_err(database)?;
        let table = transaction.open_table(FRAMES).map_err(database)?;
        // The last frame that begins at or before the next record may hold it.
        let next = seen.value().saturating_add(1);
        let before = table.range(..=next).map_err(database)?.next_back();
        let start = before.transpose().map_err(database)?.map_or(0, |(first, _)| first.value());
        for row in table.range(start..).map_err(database)? {
            let (first_seq, bytes) = row.map_err(database)?;
            visit(first_seq.value(), bytes.value())?;
        }
        Ok(())
    }

    fn each(
        &self,
        mut visit: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_read().map_err(database)?;
        let table = transaction.open_table(FRAMES).map_err(database)?;
        for row in table.iter().map_err(database)? {
            let (first_seq, bytes) = row.map_err(database)?;
            visit(first_seq.value(), bytes.value())?;
        }
        Ok(())
    }
}

fn database(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(error.into())
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, records, chain, snapshot } = self;
        match snapshot {
            None => write!(f, "{records} records in {frames} frames, chain {chain}"),
            Some(seq) => {
                write!(
                    f,
                    "{records} records behind a snapshot at {seq}, {frames} frames, chain {chain}"
                )
            }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the database: {error}"),
            Self::Journal { first_seq, error } => {
                write!(f, "the journal is damaged in the frame of record {first_seq}: {error}")
            }
            Self::Program(error) => write!(f, "the program: {error}"),
            Self::File(error) => write!(f, "the file: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use super::*;
    use mms_core::*;

    fn run(ledger: &mut DurableLedger, key: u128, action: Action) {
        let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
        let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
        let events = ledger.execute(at, &[command]).expect("stored");
        assert!(events.iter().any(|event| matches!(event, Event::Applied { .. })), "{events:?}");
    }

    /// With snapshots, without, and with one that was damaged: always the same ledger.
    #[test]
    fn a_snapshot_spares_the_replay_and_is_never_needed() {
        let directory = std::env::temp_dir().join(format!("store-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("snapshots.redb");
        let config = Arc::new(EngineConfig::default().with_statements(false));
        let open =
            || DurableLedger::open(&path, Arc::clone(&config), Seed::from_u64(1)).expect("opened");
        let (mut ledger, opened) = open();
        assert_eq!((opened.records, opened.snapshot), (0, None));
        let who = MemberId::new(0);
        let enrol = Action::Enrol {
            token: MemberToken::new(9),
            kind: MemberKind::Individual,
            plan: PlanId::new(0),
            referrer: None,
        };
        run(&mut ledger, 1, enrol);
        for key in 2..8 {
            run(&mut ledger, key, Action::TopUp { who: who.into(), amount: 100 });
            if key % 2 == 0 {
                assert!(ledger.keep_snapshot().expect("kept") > 0);
            }
        }
        let digest = ledger.ledger().digest();
        drop(ledger);
        let (ledger, opened) = open();
        assert_eq!((opened.records, opened.snapshot), (1, Some(Seq::new(6))));
        assert_eq!((opened.frames, ledger.ledger().digest()), (7, digest));
        // The newest is not as it was written: the one before it serves.
        let mut bytes = ledger.store.newest_snapshot().expect("read").expect("one");
        bytes[200] ^= 1;
        ledger.store.keep_snapshot(Seq::new(6), &bytes).expect("kept");
        drop(ledger);
        let (ledger, opened) = open();
        assert_eq!((opened.records, opened.snapshot), (3, Some(Seq::new(4))));
        assert_eq!(ledger.ledger().digest(), digest);
        ledger.store.keep_snapshot(Seq::new(4), &bytes).expect("kept");
        drop(ledger);
        let (ledger, opened) = open();
        assert_eq!((opened.records, opened.snapshot), (7, None), "none is sound: all frames");
        assert_eq!(ledger.ledger().digest(), digest);
        drop(ledger);
        std::fs::remove_dir_all(directory).expect("removed");
    }
}

//! Where a simulated journal is kept.

use crate::FrameBuf;
use alloc::vec::Vec;
use proto_wire::Rng;

/// A store under test: what is appended and synced must survive a crash, what is not may.
pub trait Disk {
    /// Appends a frame. It need not be durable yet.
    fn append(&mut self, frame: &FrameBuf);

    /// Makes all that was appended durable.
    fn sync(&mut self);

    /// The machine stops. All that was synced stays; of the rest, any part of the beginning may be
    /// there. Draws from `rng` whatever it needs, so that a seed repeats the run.
    fn crash(&mut self, rng: &mut Rng);

    /// Reads the whole journal back.
    fn read(&mut self) -> Vec<u8>;

    /// Cuts the journal to so many bytes: what lies behind was torn by a crash.
    fn truncate(&mut self, length: usize);
}

/// A disk in memory, which loses what it may lose: a crash cuts at any byte that was not synced.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    bytes: Vec<u8>,
    synced: usize,
}

impl MemoryDisk {
    /// How many bytes are durable.
    #[must_use]
    pub const fn synced(&self) -> usize {
        self.synced
    }
}

impl Disk for MemoryDisk {
    fn append(&mut self, frame: &FrameBuf) {
        self.bytes.extend_from_slice(frame.bytes());
    }

    fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    fn crash(&mut self, rng: &mut Rng) {
        let full = self.bytes.len();
        let loose = (full - self.synced) as u64;
        self.bytes.truncate(self.synced + rng.below(loose + 1) as usize);
        // Some file systems leave zeros where nothing was written yet.
        if rng.below(4) == 0 {
            self.bytes.resize(full + 1 + rng.below(200) as usize, 0);
        }
    }

    fn read(&mut self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.synced = self.synced.min(length);
    }
}

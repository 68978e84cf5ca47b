//! The embedded store under the ledger's own simulator: random shops, crashes, retries.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

use examples::store::Store;
use mms_core::FrameBuf;
use mms_core::testing::{Disk, Sim, SimConfig};
use proto_wire::Rng;
use std::fs;
use std::path::PathBuf;

/// A store in a file of its own; every frame is durable when it is appended.
struct OnRedb {
    path: PathBuf,
    store: Option<Store>,
}

impl OnRedb {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        if path.exists() {
            fs::remove_file(&path).expect("the old store goes");
        }
        let store = Some(Store::open(&path).expect("a new store"));
        Self { path, store }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }
}

impl Disk for OnRedb {
    fn append(&mut self, frame: &FrameBuf) {
        self.store().append(frame).expect("appended");
    }

    fn sync(&mut self) {}

    fn crash(&mut self, _: &mut Rng) {
        // The process is gone, and what it had in memory; the file is opened anew.
        self.store = None;
        self.store = Some(Store::open(&self.path).expect("the store opens again"));
    }

    fn read(&mut self) -> Vec<u8> {
        let flat = self.path.with_extension("mmsj");
        self.store().export(&flat).expect("exported");
        fs::read(flat).expect("read")
    }

    fn truncate(&mut self, length: usize) {
        assert_eq!(self.read().len(), length, "this store never keeps a part of a frame");
    }
}

#[test]
fn the_embedded_store_keeps_what_was_answered() {
    let (mut accepted, mut crashes) = (0, 0);
    for seed in 0..3 {
        let disk = OnRedb::new(&format!("sim-{seed}.redb"));
        let config = SimConfig::default().with_steps(80).with_crash_percent(6);
        let report = Sim::on(disk, seed, config).run();
        let report = report.unwrap_or_else(|failure| panic!("{failure}"));
        accepted += report.accepted;
        crashes += report.crashes;
    }
    assert!(accepted > 20 && crashes > 5, "{accepted} accepted, {crashes} crashes");
}

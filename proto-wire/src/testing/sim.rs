//! Machines joined by a bad network, in virtual time.

pub use super::datagram_sim::{DatagramSim, Either, NodeId};
pub use super::stream_sim::{Side, StreamSim};

/// Work at one instant (inputs, timeouts and outputs together) beyond which the
/// simulators say that the machines talk without end: 1,000,000.
pub const STEPS_AT_ONE_INSTANT_MAX: u32 = 1_000_000;

/// The seeds of `n` runs: 1 to `n`.
///
/// ```
/// assert!(proto_wire::testing::sim::seeds(3).eq([1, 2, 3]));
/// ```
pub fn seeds(n: u64) -> impl Iterator<Item = u64> {
    1..=n
}

/// Runs `test` with each of [`seeds`]`(n)` and names the seed of a run that panics (on
/// standard error, with feature `std`). To repeat one run, call the test with that seed.
///
/// ```
/// use proto_wire::testing::sim::run_seeds;
///
/// let mut sum = 0;
/// run_seeds(4, |seed| sum += seed);
/// assert_eq!(sum, 10);
/// ```
pub fn run_seeds(n: u64, mut test: impl FnMut(u64)) {
    for seed in seeds(n) {
        #[cfg(feature = "std")]
        let _names_it = NamesSeed(seed);
        test(seed);
    }
}

/// Says which seed it was when it is dropped by a panic.
#[cfg(feature = "std")]
struct NamesSeed(u64);

#[cfg(feature = "std")]
impl Drop for NamesSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::eprintln!("this was the run with seed {}", self.0);
        }
    }
}

/// Watches that time moves: panics when too much happens at one instant.
#[derive(Debug, Default)]
pub(super) struct Progress {
    at: crate::Instant,
    steps: u32,
}

impl Progress {
    pub(super) fn step(&mut self, now: crate::Instant, seed: u64) {
        if self.at != now {
            *self = Self { at: now, steps: 0 };
        }
        self.steps = self.steps.saturating_add(1);
        assert!(
            self.steps <= STEPS_AT_ONE_INSTANT_MAX,
            "seed {seed}: more than {STEPS_AT_ONE_INSTANT_MAX} steps at {now:?}"
        );
    }
}

/// Lets time act on a machine when its deadline has come, and checks the rule that no
/// machine may break: the next deadline is later than now.
pub(super) fn fire<M: crate::Machine>(
    machine: &mut M,
    now: crate::Instant,
    seed: u64,
    who: &dyn core::fmt::Debug,
) -> bool {
    if machine.poll_timeout().is_none_or(|at| at > now) {
        return false;
    }
    machine.handle_timeout(now);
    let next = machine.poll_timeout();
    assert!(
        next.is_none_or(|at| at > now),
        "seed {seed}: busy loop: after handle_timeout({now:?}) of {who:?} the next is {next:?}"
    );
    true
}

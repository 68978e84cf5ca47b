//! Paired timing: ours and theirs alternate in short batches, so that whatever else the machine
//! does meets both alike; the ratio is the median over the pairs.

use super::{Clock, Row};
use crate::alloc;
use crate::clock::{thread_cpu_nanos, wall_nanos};
use core::hint::black_box;

/// What a row came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Our nanoseconds per item: the median over the batches.
    pub ours: f64,
    /// Theirs.
    pub theirs: f64,
    /// How many times as long the peer takes: the median over the pairs. Above 1, ours is faster.
    pub ratio: f64,
    /// Our allocations per item.
    pub our_allocations: f64,
    /// Theirs.
    pub their_allocations: f64,
}

/// Asserts that both sides of `row` find the same, then measures each for about `nanos`.
///
/// # Errors
///
/// The first difference in what they find, as text.
pub fn measure(row: &mut Row, nanos: u64) -> Result<Figures, String> {
    agree(row)?;
    let items = row.items as f64;
    let our_allocations = allocations(&mut row.ours.run) / items;
    let their_allocations = allocations(&mut row.theirs.run) / items;

    // A batch is long beside the clock's own cost and short beside what disturbs a machine.
    let batch = (nanos / 100).clamp(50_000, 2_000_000);
    let clock = match Clock::of(&row.name, row.peer) {
        Clock::Processor => thread_cpu_nanos,
        Clock::Wall => wall_nanos,
    };
    let time = |run: &mut crate::Run, runs| time(run, runs, clock);
    let our_runs = runs_for(&mut row.ours.run, batch, time);
    let their_runs = runs_for(&mut row.theirs.run, batch, time);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_total, mut their_total) = (0, 0);
    while our_total.max(their_total) < nanos || ours.len() < 4 {
        // Ours first in one pair, theirs first in the next.
        let (one, two) = if ours.len() % 2 == 0 {
            let one = time(&mut row.ours.run, our_runs);
            (one, time(&mut row.theirs.run, their_runs))
        } else {
            let two = time(&mut row.theirs.run, their_runs);
            (time(&mut row.ours.run, our_runs), two)
        };
        our_total += one;
        their_total += two;
        let one = one as f64 / our_runs as f64 / items;
        let two = two as f64 / their_runs as f64 / items;
        ours.push(one);
        theirs.push(two);
        ratios.push(two / one);
    }
    Ok(Figures {
        ours: median(&mut ours),
        theirs: median(&mut theirs),
        ratio: median(&mut ratios),
        our_allocations,
        their_allocations,
    })
}

/// Whether both sides found the same in each message.
///
/// # Errors
///
/// The first message in which they differ, and what each found.
pub fn agree(row: &Row) -> Result<(), String> {
    if row.ours.found.len() != row.items || row.theirs.found.len() != row.items {
        return Err(format!("{row:?}: not every message was looked at"));
    }
    for (number, (ours, theirs)) in row.ours.found.iter().zip(&row.theirs.found).enumerate() {
        if ours != theirs {
            return Err(format!("{row:?}, message {number}\n--- ours\n{ours}--- theirs\n{theirs}"));
        }
        if ours.is_empty() {
            return Err(format!("{row:?}, message {number}: nothing found"));
        }
    }
    Ok(())
}

fn allocations(run: &mut crate::Run) -> f64 {
    black_box(run());
    alloc::count(|| black_box(run())).1 as f64
}

fn runs_for(run: &mut crate::Run, batch: u64, time: impl Fn(&mut crate::Run, u64) -> u64) -> u64 {
    let mut runs = 1;
    loop {
        let took = time(run, runs).max(1);
        if took >= batch / 2 {
            return (runs * batch / took).max(1);
        }
        runs *= 2;
    }
}

fn time(run: &mut crate::Run, runs: u64, clock: fn() -> u64) -> u64 {
    let start = clock();
    for _ in 0..runs {
        black_box(run());
    }
    clock() - start
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

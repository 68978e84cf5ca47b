//! Processor time of this thread. On a shared machine it moves far less than the time on the wall.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of processor time that this thread has used.
#[must_use]
pub fn thread_cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

/// Nanoseconds on the wall, from some moment on: for what waits for a disk or another process.
#[must_use]
pub fn wall_nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

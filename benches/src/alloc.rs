//! A counting allocator. A binary or test that wants counts installs it:
//!
//! ```
//! #[global_allocator]
//! static ALLOC: benches::alloc::Counting = benches::alloc::Counting;
//!
//! let ((), allocations) = benches::alloc::count(|| drop(vec![1_u8; 100]));
//! assert_eq!(allocations, 1);
//! ```
#![allow(
    unsafe_code,
    reason = "the trait GlobalAlloc is unsafe; each method forwards to the system allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// The system allocator, which counts allocations and reallocations of each thread.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// Runs `work` and says how often this thread allocated or reallocated meanwhile: always 0 when
/// [`Counting`] is not the global allocator (see [`is_counting`]).
pub fn count<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = COUNT.get();
    let result = work();
    (result, COUNT.get() - before)
}

/// Runs `work` and says by how many bytes the memory that this thread holds has grown meanwhile, as
/// they were asked for: what the allocator adds to each piece is not in it.
pub fn growth<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = LIVE.get();
    let result = work();
    (result, LIVE.get() - before)
}

/// Whether this binary installed [`Counting`].
#[must_use]
pub fn is_counting() -> bool {
    count(|| drop(std::hint::black_box(Box::new(1_u8)))).1 > 0
}

fn tick(grown: usize) {
    // A thread that is ending has no counter any more; it need not be counted.
    COUNT.try_with(|count| count.set(count.get() + 1)).unwrap_or(());
    LIVE.try_with(|live| live.set(live.get() + grown as i64)).unwrap_or(());
}

fn freed(size: usize) {
    LIVE.try_with(|live| live.set(live.get() - size as i64)).unwrap_or(());
}

// SAFETY: every method forwards its arguments unchanged to `System`, which upholds the contract;
// counting touches a thread-local without a destructor and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tick(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: the caller's promise that `ptr` came from here with `layout` is passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        tick(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        freed(layout.size());
        tick(size);
        // SAFETY: the caller's promises about `ptr`, `layout` and `size` are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

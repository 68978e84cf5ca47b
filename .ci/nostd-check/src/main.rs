//! A process without std and without libc: the no_std crates have to do with what is here, an
//! allocator and a panic handler. Exit status: 0, or the number of the check that failed; 101 after a
//! panic.
#![no_std]
#![no_main]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bare;
mod checks;

/// Called by the entry point in `bare` on an aligned stack.
#[unsafe(no_mangle)]
extern "C" fn nostd_main() -> ! {
    for (number, check) in (1..).zip(checks::ALL) {
        if !check() {
            bare::exit(number);
        }
    }
    bare::exit(0)
}

//! `wire_head` for libFuzzer; the body is in `src/wire.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(wire::wire_head);

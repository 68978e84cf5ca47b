//! `ledger_snapshot` for libFuzzer; the body is in `src/ledger.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(ledger::ledger_snapshot);

//! `sip_home` for libFuzzer; the body is in `src/sip.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(sip::sip_home);

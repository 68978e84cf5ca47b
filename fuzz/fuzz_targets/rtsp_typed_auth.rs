//! `rtsp_typed_auth` for libFuzzer; the body is in `src/rtsp_typed.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(rtsp_typed::rtsp_typed_auth);

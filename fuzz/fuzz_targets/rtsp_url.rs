//! `rtsp_url` for libFuzzer; the body is in `src/rtsp.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(rtsp::rtsp_url);

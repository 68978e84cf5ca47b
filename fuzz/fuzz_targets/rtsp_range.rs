//! `rtsp_range` for libFuzzer; the body is in `src/rtsp_more.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(rtsp_more::rtsp_range);

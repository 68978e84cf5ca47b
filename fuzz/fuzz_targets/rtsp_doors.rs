//! `rtsp_doors` for libFuzzer; the body is in `src/rtsp_doors.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(rtsp_doors::rtsp_doors);

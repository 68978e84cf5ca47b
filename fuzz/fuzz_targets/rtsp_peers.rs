//! `rtsp_peers` for libFuzzer; the body is in `src/rtsp_peers.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(rtsp_peers::rtsp_peers);

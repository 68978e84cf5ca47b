//! `xmpp_bosh` for libFuzzer; the body is in `src/xmpp.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(xmpp::xmpp_bosh);

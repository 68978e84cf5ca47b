//! `xmpp_router` for libFuzzer; the body is in `src/xmpp_router.rs`.
#![cfg_attr(fuzzing, no_main)]
fuzz::fuzz_main!(xmpp::xmpp_router);

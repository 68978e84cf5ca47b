//! Fuzz targets as plain functions: libFuzzer runs them by way of `fuzz_targets/*.rs`,
//! `cargo test` replays corpora, past crashes and seeded mutations through them on stable.
//!
//! A target takes any bytes, returns when a property holds and panics when it does not.
//! The properties are those of the crates: no panic, the same outputs in any chunking, memory
//! and work bounded, what was parsed can be written and parsed again.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a target states what must hold, and panics when it does not"
)]

pub mod ledger;
#[cfg(test)]
mod replay;
pub mod rtsp;
pub mod rtsp_doors;
pub mod rtsp_more;
pub mod rtsp_peers;
pub mod rtsp_typed;
pub mod sip;
pub mod sip_dialog;
pub mod sip_headers;
pub mod sip_home;
pub mod sip_peers;
pub mod sip_proxy;
pub mod wire;
pub mod xmpp;
pub mod xmpp_more;
pub mod xmpp_router;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// A name and the function behind it.
pub type Target = (&'static str, fn(&[u8]));

/// The areas, in the order of the house from the ground up, each with its targets.
pub const AREAS: &[(&str, &[Target])] = &[
    ("wire", wire::TARGETS),
    ("rtsp", rtsp::TARGETS),
    ("sip", sip::TARGETS),
    ("xmpp", xmpp::TARGETS),
    ("ledger", ledger::TARGETS),
];

/// Every target of every area.
pub fn targets() -> impl Iterator<Item = Target> {
    AREAS.iter().flat_map(|(_, targets)| targets.iter().copied())
}

/// The whole of a file in `fuzz_targets/`: libFuzzer's entry under `--cfg fuzzing` (which
/// `cargo fuzz` sets), an empty `main` otherwise, so that the workspace builds on stable
/// without libFuzzer.
#[macro_export]
macro_rules! fuzz_main {
    ($area:ident :: $target:ident) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$area::$target(data));

        #[cfg(not(fuzzing))]
        fn main() {
            // Says what it is rather than ending in silence; the function is named so that
            // a target that does not exist is refused on stable too.
            let _target: fn(&[u8]) = $crate::$area::$target;
            std::eprintln!(
                "built without --cfg fuzzing: use `cargo fuzz run {}`",
                stringify!($target)
            );
        }
    };
}

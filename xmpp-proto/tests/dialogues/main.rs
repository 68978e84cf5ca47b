//! The dialogues that RFC 6120 and RFC 6121 print, word for word.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::get_unwrap,
    clippy::indexing_slicing,
    clippy::redundant_pub_crate,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests state what must hold"
)]

#[path = "../dialogue/mod.rs"]
mod dialogue;
#[cfg(feature = "scram")]
mod rfc6120;
mod rfc6121;

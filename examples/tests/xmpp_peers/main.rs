//! Real programs over loopback: clients log in to our server, our client to other servers.
//! What is not installed is said loudly and skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod bosh;
mod common;
mod ejabberd;
mod foreign;
mod own;
mod prosody;
mod s2s;
mod servers;
mod slixmpp;
mod strophe;
mod terminal;
mod xmpp_js;

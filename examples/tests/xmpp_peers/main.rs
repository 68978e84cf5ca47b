//! Real programs over loopback: clients log in to our server, our client to other servers.
//! What is not installed is said loudly and skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod common;
mod ejabberd;
mod own;
mod prosody;
mod slixmpp;
mod terminal;
mod xmpp_js;

//! The session state machines of both RFCs as data: every row of RFC 2326 Appendix A
//! ([`v1`]) and RFC 7826 Appendix B ([`v2`]), with a machine that looks nothing up but them.
//!
//! A machine here knows no messages and no media: it says for an event what the next state
//! is and what goes with it, or with which status the request is to be refused. The rows are
//! public, so that they can be shown: `docs/rtsp-proto-states.md` is made of them.

pub mod v1;
pub mod v2;

//! A simulator for programs, hosts and stores, and the naive model that it trusts. Unstable: it is
//! for tests, and may change in any release.
//!
//! - [`Sim`]: a random shop on an [`Engine`](crate::Engine) and a [`Disk`], with tills whose messages
//!   are lost, doubled and overtaken, whose clocks are wrong, and a machine that stops at any byte of
//!   the journal. Everything that is answered must be in the journal, every answer must be the one
//!   that the model expects, and after every step the ledger must be what the model says.
//! - [`Model`]: the same rules once more, without postings, lists or calendars: members are vectors
//!   of lots, all sums are taken anew in 128 bits. It shares no code with the ledger but the names
//!   of things and the calendar of months.
//! - [`Shop`]: random actions that a program of yours knows.
//!
//! One seed, one run: a failure names its seed and step.
//!
//! ```
//! use mms_core::testing::{Sim, SimConfig};
//! use mms_core::{Program, Ratio, RuleId, TopUpRule};
//!
//! // Your own rules.
//! let program = Program::sample()
//!     .with_top_up_rules(vec![TopUpRule::new(RuleId::new(7), 2_000).with_bonus(Ratio::percent(3))]);
//! let config = SimConfig::default().with_program(program).with_steps(200);
//! let report = Sim::new(43, config).run().unwrap_or_else(|failure| panic!("{failure}"));
//! assert!(report.accepted > 20 && report.crashes > 0);
//! ```
//!
//! Your own store is a [`Disk`]: [`Sim::on`] runs on it.
//!
//! What the model does not know, a [`Shop`] does not do: sales to walk-ins, and rules that stop what is
//! unusual.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a model that is wrong must fail loudly, and its sums are of 128 bits"
)]

mod activity;
mod disk;
mod hold;
mod lots;
mod model;
mod moving;
mod order;
mod people;
mod remind;
mod run;
mod sale;
mod shop;
mod sim;
mod store;

pub use disk::{Disk, MemoryDisk};
pub use model::Model;
pub use shop::Shop;
pub use sim::{Sim, SimConfig, SimFailure, SimReport};

//! Questions that managers ask. Those about now are answered by the [`Ledger`](crate::Ledger);
//! those about a time are answered by projections, which read records and nothing else and can be
//! thrown away and built again. Each ties to the ledger to the cent.

mod activity;
mod board;
mod filter;
mod log;
mod turnover;

pub use activity::{Activity, Visits};
pub use board::{Aged, DueCard, DueLot, LeapDay, Liability};
pub use filter::MemberFilter;
pub use log::{Logged, OperatorLog};
pub use turnover::{BusinessDigest, Flow, Turnover};

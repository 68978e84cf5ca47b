//! A membership ledger without I/O. The README, with an example, follows.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod account;
mod ahead;
mod amount;
mod check;
mod command;
mod commit;
mod digest;
mod engine;
mod ids;
mod journal;
mod ledger;
mod limits;
mod notice;
mod permission;
mod prepare;
mod program;
mod query;
mod receipt;
mod record;
mod rejection;
mod snapshot;
mod state;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod verify;
mod warm;
mod wire;

pub use account::{
    Account, Code, MESSAGES, MONEY, Owner, POINTS, Posting, is_coupon, is_goods, is_uses,
};
pub use amount::{Ratio, Rounding, mul_div, split};
pub use command::{
    Action, Adjust, CardChange, Command, Envelope, Extras, Held, Line, MemberChange, MemberKind,
    Opened, Part, Pay, PayKind, RefundCause, Who,
};
pub use engine::{CloseReason, Engine, EngineConfig, Event, Input, Timer};
pub use ids::{
    ActorId, AssetId, At, CardId, CardNumber, CouponId, Day, FieldId, HoldId, IdempotencyKey,
    LotId, MemberId, MemberToken, OrderId, ParameterId, PlanId, ProductId, RewardId, RuleId,
    SaleId, Seq, Sku, StoreId, TenderId, TerminalId, TierId,
};
pub use journal::{
    Audit, Chain, Frame, FrameBuf, FrameError, FrameErrorKind, FrameHash, FrameWriter, JournalEnd,
    JournalPosition, Records, Recovered, Recovery, Sha256Hash, audit, audit_with,
};
pub use ledger::{Balances, Ledger, Outcome};
pub use limits::Limits;
pub use notice::Notice;
pub use permission::Permissions;
pub use prepare::{Due, Quote};
pub use program::{
    ActivityRule, Alarm, Bundle, CommissionRule, Consumption, CouponOff, CouponRule, Downgrade,
    EarnRule, Expiry, Field, Gives, Holds, ItemRule, ParkedPrices, Per, Program, ProgramError,
    Qualify, ReferralRule, Remind, RemindKind, ReminderRule, Reward, Threshold, Tier, TopUpRule,
    Unusual, WatchRule, Watched,
};
pub use proto_wire::{Seed, Timestamp};
pub use query::{
    Activity, Aged, BusinessDigest, DueCard, DueLot, Flow, LeapDay, Liability, Logged,
    MemberFilter, OperatorLog, Turnover, Visits,
};
pub use receipt::Receipt;
pub use record::{
    Fact, Facts, Head, Kind, MoveKind, Record, RecordBuf, RecordError, RecordErrorKind,
    RecordVersion,
};
pub use rejection::Rejection;
pub use snapshot::{Section, Snapshot, SnapshotError, SnapshotErrorKind};
pub use state::{
    Card, CardStatus, Counters, Hold, HoldEnd, Lot, Member, MemberStatus, Order, OrderEnd,
    OrderLine, Sale, SoldLine, Tenders, TierHow,
};
pub use statement::{Cursor, Entry, Page, Statements};
pub use verify::{Check, Verification};

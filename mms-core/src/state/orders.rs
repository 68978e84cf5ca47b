//! Orders that are parked.

use crate::command::{Extras, Line, Pay};
use crate::ids::{CardId, MemberId, OrderId, StoreId, TerminalId};
use crate::wire::wire_enum;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use proto_wire::Timestamp;

wire_enum! {
    /// How a parked order ended.
    pub enum OrderEnd: u8 {
        /// It was checked out.
        Sold = 1,
        /// It was given up.
        Cancelled = 2,
        /// Its time was over.
        TimedOut = 3,
    }
}

/// An order that is put aside. Nothing of it is booked. See [`Action`](crate::Action).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// Whose; `None` for a walk-in.
    pub member: Option<MemberId>,
    /// With which card in hand.
    pub card: Option<CardId>,
    /// Where it was parked.
    pub store: StoreId,
    /// On which device.
    pub terminal: TerminalId,
    /// When it ends by itself.
    pub until: Timestamp,
    /// How it is to be paid.
    pub pay: Pay,
    /// What is to come on top.
    pub extras: Extras,
    pub(crate) lines: Vec<OrderLine>,
}

/// One line of a parked order. See [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderLine {
    /// What, how many, at which price.
    pub line: Line,
    /// After discounts, by the rules when the order was parked.
    pub net: i64,
    /// Whether it was taken off since.
    pub void: bool,
}

impl Order {
    /// Its lines, those that were taken off too: a line keeps its number.
    #[must_use]
    pub fn lines(&self) -> &[OrderLine] {
        &self.lines
    }

    /// What is left of it comes to so much, by the rules when it was parked and without a coupon.
    #[must_use]
    pub fn net(&self) -> i64 {
        let left = self.lines.iter().filter(|row| !row.void);
        left.fold(0, |sum, row| sum.saturating_add(row.net))
    }
}

/// The open orders, and when they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) open: BTreeMap<OrderId, Order>,
    pub(crate) ends: BTreeSet<(Timestamp, OrderId)>,
}

impl Orders {
    pub(crate) fn park(&mut self, id: OrderId, order: Order) {
        self.ends.insert((order.until, id));
        self.open.insert(id, order);
    }

    pub(crate) fn push_line(&mut self, id: OrderId, row: OrderLine) {
        if let Some(order) = self.open.get_mut(&id) {
            order.lines.push(row);
        }
    }

    pub(crate) fn void(&mut self, id: OrderId, line: u16) {
        let order = self.open.get_mut(&id);
        if let Some(row) = order.and_then(|order| order.lines.get_mut(usize::from(line))) {
            row.void = true;
        }
    }

    pub(crate) fn close(&mut self, id: OrderId) {
        if let Some(closed) = self.open.remove(&id) {
            self.ends.remove(&(closed.until, id));
        }
    }
}

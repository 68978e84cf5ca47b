//! The model's parked orders.

use super::model::Model;
use crate::{
    Action, CardNumber, Extras, Ledger, Line, MemberId, OrderId, ParkedPrices, Pay, Rejection as R,
    Who,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[derive(Clone, Debug)]
pub(super) struct MOrder {
    member: MemberId,
    card: Option<CardNumber>,
    pub(super) until: i64,
    pay: Pay,
    extras: Extras,
    /// With its price then, and whether it was taken off.
    lines: Vec<(Line, i128, bool)>,
}

impl Model {
    pub(super) fn run_order(&mut self, seq: u64, action: &Action, by: (u32, u32)) -> Result<(), R> {
        match action {
            Action::ParkOrder { who: Some(who), lines, pay, extras, until } => {
                self.bill(lines, *pay, *extras)?;
                let until = until.as_unix_micros();
                if until <= self.time {
                    return Err(R::DateInPast);
                }
                let member = self.known(*who)?;
                if let Some(coupon) = extras.coupon {
                    self.coupon(member, coupon).ok_or(R::CouponUnknown)?;
                }
                self.usable(*who, false)?;
                let nets = self.price(member, lines);
                let rows = lines.iter().zip(nets).map(|(line, net)| (*line, net, false));
                let card = match who {
                    Who::Card(number) => Some(*number),
                    Who::Member(_) => None,
                };
                let member = MemberId::new(member as u32);
                let (pay, extras, lines) = (*pay, *extras, rows.collect());
                self.orders.insert(seq, MOrder { member, card, until, pay, extras, lines });
            }
            Action::VoidLine { order, line, reason } => {
                self.parked(*order, Some(*reason))?;
                let lines = &mut self.orders.get_mut(&order.value()).unwrap().lines;
                let row = lines.get_mut(usize::from(*line)).filter(|row| !row.2);
                row.ok_or(R::LineUnknown)?.2 = true;
            }
            Action::CancelOrder { order, reason } => {
                self.parked(*order, Some(*reason))?;
                self.orders.remove(&order.value());
            }
            Action::ResumeOrder { order, tender } => {
                if let Some((pay, extras)) = tender {
                    self.tenders(*pay, *extras, &[])?;
                }
                let parked = self.parked(*order, None)?;
                let (pay, extras) = tender.unwrap_or((parked.pay, parked.extras));
                let left = parked.lines.iter().filter(|row| !row.2);
                let lines: Vec<Line> = left.map(|row| row.0).collect();
                self.bill(&lines, pay, extras)?;
                let member = self.resolve(parked.member);
                let who = parked.card.map_or(Who::Member(parked.member), Who::Card);
                if self.known(who)? != member {
                    return Err(R::CardUnknown);
                }
                let kept = self.program.parked_prices == ParkedPrices::AsParked
                    && lines.len() == parked.lines.len();
                let kept = kept.then(|| parked.lines.iter().map(|row| row.1).collect());
                self.check_out(seq, who, &lines, (pay, extras), by, kept)?;
                self.orders.remove(&order.value());
            }
            other => panic!("no order: {other:?}"),
        }
        Ok(())
    }

    fn parked(&self, order: OrderId, reason: Option<u16>) -> Result<MOrder, R> {
        if reason == Some(0) {
            return Err(R::ReasonMissing);
        }
        let parked = self.orders.get(&order.value()).filter(|order| order.until > self.time);
        parked.cloned().ok_or(R::OrderUnknown)
    }

    /// The first thing in which the parked orders of a ledger differ.
    pub(super) fn orders_differ(&self, ledger: &Ledger) -> Option<String> {
        let row = |row: &crate::OrderLine| (row.line, i128::from(row.net), row.void);
        let found: Vec<_> = ledger
            .orders()
            .map(|(id, order)| {
                let lines: Vec<_> = order.lines().iter().map(row).collect();
                (id.value(), order.member, order.until.as_unix_micros(), order.pay, lines)
            })
            .collect();
        let expected: Vec<_> = self
            .orders
            .iter()
            .map(|(id, order)| {
                (*id, Some(order.member), order.until, order.pay, order.lines.clone())
            })
            .collect();
        (found != expected).then(|| format!("orders {found:?}, not {expected:?}"))
    }
}

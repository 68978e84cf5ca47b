//! Orders that are parked: put aside, lines taken off, taken up again, given up.

use super::{Party, Prepare, Use};
use crate::command::{Extras, Line, Pay, Who};
use crate::ids::OrderId;
use crate::program::ParkedPrices;
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;
use crate::state::{Order, OrderEnd};
use alloc::vec::Vec;
use proto_wire::Timestamp;

impl<'l> Prepare<'l, '_> {
    /// R106: nothing is booked and nothing set aside; what it would cost now is noted.
    pub(super) fn park_order(
        &mut self,
        who: Option<Who>,
        lines: &[Line],
        pay: Pay,
        extras: Extras,
        until: Timestamp,
    ) -> Result<(), Rejection> {
        self.bill(lines, pay, extras)?;
        if until <= self.at.time {
            return Err(Rejection::DateInPast);
        }
        let party = who.map(|who| self.find(who)).transpose()?;
        self.coupon_of(party, extras)?;
        if let Some(party) = party {
            self.allow(party, Use::Credit)?;
        }
        let tier = party.map(|party| self.ledger.program.tier(party.member.tier));
        let priced = self.ledger.price(tier, lines, core::mem::take(&mut self.draft.nets))?;
        if self.ledger.orders.open.len() >= self.ledger.limits.orders_max as usize {
            self.fill(Rejection::OrdersFull);
        }
        let member = party.map(|party| party.id);
        let card = party.and_then(|party| self.ledger.card_id(party.card?.number));
        self.about(Kind::OrderParked, member);
        let [cash, stored, points] = pay.parts();
        self.draft.fact(Fact::OrderParked {
            member,
            card,
            until: until.as_unix_micros(),
            pay: pay.kind(),
            cash,
            stored,
            points,
            coupon: extras.coupon,
            change: extras.keep_change,
            account: extras.on_account,
        });
        for (line, net) in lines.iter().zip(&priced.nets) {
            let Line { sku, quantity, price, special } = *line;
            let special = u8::from(special);
            self.draft.fact(Fact::OrderLine { sku, quantity, price, special, net: *net });
        }
        self.draft.nets = priced.nets;
        Ok(())
    }

    /// R108: who did it, where and why stands in the record.
    pub(super) fn void_line(
        &mut self,
        id: OrderId,
        line: u16,
        reason: u16,
    ) -> Result<(), Rejection> {
        let order = self.changed_order(id, reason)?;
        let row = order.lines.get(usize::from(line)).filter(|row| !row.void);
        row.ok_or(Rejection::LineUnknown)?;
        self.unchanged(order.member)?;
        self.about(Kind::LineVoided, order.member.map(|member| self.ledger.resolve(member)));
        self.draft.fact(Fact::LineVoided { order: id, line, reason });
        Ok(())
    }

    /// R109, for an order that was not paid yet.
    pub(super) fn cancel_order(&mut self, id: OrderId, reason: u16) -> Result<(), Rejection> {
        let order = self.changed_order(id, reason)?;
        self.unchanged(order.member)?;
        self.about(Kind::OrderCancelled, order.member.map(|member| self.ledger.resolve(member)));
        self.draft.fact(Fact::OrderClosed { order: id, end: OrderEnd::Cancelled, reason });
        Ok(())
    }

    /// A checkout of what is left of the order.
    pub(super) fn resume_order(
        &mut self,
        id: OrderId,
        tender: Option<(Pay, Extras)>,
    ) -> Result<(), Rejection> {
        if let Some((pay, extras)) = tender {
            self.tenders(pay, extras)?;
        }
        let order = self.open_order(id)?;
        let (pay, extras) = tender.unwrap_or((order.pay, order.extras));
        let left = order.lines.iter().filter(|row| !row.void);
        let lines: Vec<Line> = left.map(|row| row.line).collect();
        self.bill(&lines, pay, extras)?;
        let party = self.orderer(order)?;
        // What a line that is gone had brought the others is gone with it.
        let whole = lines.len() == order.lines.len();
        let keep = whole && self.ledger.program.parked_prices == ParkedPrices::AsParked;
        let nets = keep.then(|| order.lines.iter().map(|row| row.net).collect());
        self.draft.fact(Fact::OrderClosed { order: id, end: OrderEnd::Sold, reason: 0 });
        self.check_out(party, &lines, pay, extras, nets)
    }

    /// The member of an order, with the card that was in hand as it is now.
    fn orderer(&self, order: &Order) -> Result<Option<Party<'l>>, Rejection> {
        let Some(member) = order.member else {
            return Ok(None);
        };
        let party = self.member(member)?;
        let card = order.card.and_then(|card| self.ledger.card_at(card));
        // It may have gone to somebody else since.
        if card.is_some_and(|card| self.ledger.resolve(card.member) != party.id) {
            return Err(Rejection::CardUnknown);
        }
        Ok(Some(Party { card, ..party }))
    }

    /// An order that is changed by somebody who says why.
    fn changed_order(&self, id: OrderId, reason: u16) -> Result<&'l Order, Rejection> {
        if reason == 0 {
            return Err(Rejection::ReasonMissing);
        }
        self.open_order(id)
    }

    fn open_order(&self, id: OrderId) -> Result<&'l Order, Rejection> {
        // Its time may be over, whether or not anybody has booked that.
        let open = self.ledger.order(id).filter(|order| order.until > self.at.time);
        open.ok_or(Rejection::OrderUnknown)
    }
}

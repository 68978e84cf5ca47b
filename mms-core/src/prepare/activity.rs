//! Activities: what taking part costs and gives, in points.

use super::sale::{EarnedBy, Sold};
use super::{Prepare, Use};
use crate::account::{Code, POINTS};
use crate::amount::Rounding;
use crate::command::Who;
use crate::ids::{MemberId, RuleId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Sale};

impl Prepare<'_, '_> {
    /// R75: points at the activity's price, as a redemption, and those that it gives, as earned on
    /// that: so a return takes both back by one method.
    pub(super) fn take_part(&mut self, who: Who, activity: RuleId) -> Result<(), Rejection> {
        let party = self.find(who)?;
        let ledger = self.ledger;
        let rule = ledger.program.activity(activity).ok_or(Rejection::ActivityUnknown)?;
        self.allow(party, if rule.costs > 0 { Use::Debit } else { Use::Credit })?;
        if rule.from > self.at.day || rule.until < self.at.day {
            return Err(Rejection::ActivityNotValid);
        }
        self.about(Kind::TookPart, Some(party.id));
        let (points, earned) = (rule.costs, rule.gives);
        let taken = self.take(party, POINTS, points, MoveKind::Spend)?;
        let full = |max: Option<u32>, times: u32| max.is_some_and(|max| times >= max);
        if full(rule.places_max, ledger.parts.sum(activity))
            || full(rule.member_max, ledger.parts.of(activity, party.id))
        {
            return Err(Rejection::ActivityFull);
        }
        self.debit(party.id, POINTS, taken);
        self.draft.store(Code::PointsRedeemed, POINTS, points.saturating_neg());
        self.settle()?;
        let mut lot = None;
        if earned > 0 {
            self.draft.store(Code::PointsIssued, POINTS, earned);
            let today = self.at.day;
            let expires = self.draft.expiry(ledger.program.points_expiry, today);
            lot = self.credit_points(party, earned, today, expires)?;
        }
        let (member, part) = (party.id, 1);
        self.draft.fact(Fact::TookPart { activity, member, part, points, earned });
        if points > 0 {
            let rate = (earned.unsigned_abs(), points.unsigned_abs());
            let rounding = Rounding::Down;
            let by = EarnedBy { rule: activity, base: points, rate, rounding, points: earned, lot };
            let sold = Sold { list: points, points, ..Sold::default() };
            self.open_sale(Some(member), POINTS, &sold, Some(by))?;
        }
        self.count(party, Counters { points: earned, ..Counters::default() });
        Ok(())
    }

    /// The place of who gets the last of its points back is free again.
    pub(super) fn leave(&mut self, member: MemberId, sale: &Sale, amount: i64) {
        let Some(activity) = sale.rule.filter(|_| sale.asset == POINTS && sale.left() == amount)
        else {
            return;
        };
        let (points, earned) = (sale.paid.points, sale.earned);
        self.draft.fact(Fact::TookPart { activity, member, part: 0, points, earned });
    }
}

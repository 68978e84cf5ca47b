//! Sales: quick debit and checkout.

use super::network::Paid;
use super::pricing::Priced;
use super::value::Taken;
use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS};
use crate::amount::{Ratio, Rounding, mul_div};
use crate::command::{Extras, Line, Pay, Who};
use crate::ids::{AssetId, Day, LotId, MemberId, RuleId};
use crate::program::EarnRule;
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Lot};
use alloc::vec::Vec;

/// The amounts of a sale.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sold {
    pub(super) list: i64,
    pub(super) discount: i64,
    pub(super) cash: i64,
    /// Cash on top of that, which stays in the member's change purse.
    pub(super) change: i64,
    pub(super) stored: Taken,
    /// Paid later.
    pub(super) account: i64,
    pub(super) points: i64,
    pub(super) points_value: i64,
}

/// How a sale's points were earned.
#[derive(Clone, Copy, Debug)]
pub(super) struct EarnedBy {
    pub(super) rule: RuleId,
    pub(super) base: i64,
    pub(super) rate: (u64, u64),
    pub(super) rounding: Rounding,
    pub(super) points: i64,
    pub(super) lot: Option<LotId>,
}

pub(super) use crate::state::Gift;

impl<'l> Prepare<'l, '_> {
    /// Row 3 of the postings: a quick debit.
    pub(super) fn spend(&mut self, who: Who, amount: i64) -> Result<(), Rejection> {
        self.positive(amount)?;
        let party = self.find(who)?;
        self.allow(party, Use::Debit)?;
        self.about(Kind::Spent, Some(party.id));
        let stored = self.take(party, MONEY, amount, MoveKind::Spend)?;
        self.debit(party.id, MONEY, stored);
        self.sell(Some(party), &Sold { list: amount, stored, ..Sold::default() })
    }

    /// Row 4: a sale of goods with any mix of tenders.
    pub(super) fn checkout(
        &mut self,
        who: Option<Who>,
        lines: &[Line],
        pay: Pay,
        extras: Extras,
    ) -> Result<(), Rejection> {
        self.bill(lines, pay, extras)?;
        let party = who.map(|who| self.find(who)).transpose()?;
        self.check_out(party, lines, pay, extras, None)
    }

    /// What can be said of a bill without knowing anybody.
    #[inline]
    pub(super) fn bill(&self, lines: &[Line], pay: Pay, extras: Extras) -> Result<(), Rejection> {
        if lines.iter().any(|line| line.price < 0) {
            return Err(Rejection::AmountNotPositive);
        }
        self.tenders(pay, extras)?;
        self.ledger.check_lines(lines)
    }

    #[inline]
    pub(super) fn tenders(&self, pay: Pay, extras: Extras) -> Result<(), Rejection> {
        let Extras { keep_change, on_account, .. } = extras;
        match pay {
            Pay::Cash | Pay::Stored => self.none_negative(&[keep_change, on_account]),
            Pay::Mixed { cash, stored, points } => {
                self.none_negative(&[keep_change, on_account, cash, stored, points])
            }
        }
    }

    /// The coupon that is to be used.
    #[inline]
    pub(super) fn coupon_of(
        &self,
        party: Option<Party<'l>>,
        extras: Extras,
    ) -> Result<Option<(LotId, Lot)>, Rejection> {
        match (extras.coupon, party) {
            (None, _) => Ok(None),
            (Some(coupon), Some(party)) => {
                let found = self.ledger.coupon_lot(party.member, coupon);
                Ok(Some(found.ok_or(Rejection::CouponUnknown)?))
            }
            (Some(_), None) => Err(Rejection::CouponUnknown),
        }
    }

    /// Checks out a bill that is in shape; prices are worked out, when they are not given.
    #[inline]
    pub(super) fn check_out(
        &mut self,
        party: Option<Party<'l>>,
        lines: &[Line],
        pay: Pay,
        extras: Extras,
        nets: Option<Vec<i64>>,
    ) -> Result<(), Rejection> {
        let coupon = self.coupon_of(party, extras)?;
        if let Some(party) = party {
            // A sale for cash alone takes nothing from the member, now or later.
            let cash_only = matches!(pay, Pay::Cash | Pay::Mixed { stored: 0, points: 0, .. });
            let credit = cash_only && coupon.is_none() && extras.on_account == 0;
            self.allow(party, if credit { Use::Credit } else { Use::Debit })?;
        }
        if coupon.as_ref().is_some_and(|(_, lot)| !lot.is_live(self.at.day)) {
            return Err(Rejection::CouponNotValid);
        }
        let tier = party.map(|party| self.ledger.program.tier(party.member.tier));
        let mut priced = match nets {
            Some(nets) => Priced::of(nets, lines)?,
            None => self.ledger.price(tier, lines, core::mem::take(&mut self.draft.nets))?,
        };
        let mut coupon_value = 0;
        if let (Some((_, lot)), Some(party)) = (&coupon, party) {
            let (store, tier) = (self.draft.head.store, party.member.tier);
            coupon_value = self.ledger.take_coupon_off(&mut priced, store, tier, lot, lines)?;
        }
        let (list, net) = (priced.list, priced.net());
        let account = extras.on_account;
        let now = net.saturating_sub(account);
        let (cash, stored, points) = match pay {
            _ if now < 0 => return Err(Rejection::TenderMismatch),
            Pay::Cash => (now, 0, 0),
            Pay::Stored => (0, now, 0),
            Pay::Mixed { cash, stored, points } => (cash, stored, points),
        };
        let burn = tier.map_or(Ratio::ZERO, |tier| tier.burn);
        // What does not fit is not what is due.
        let points_value = burn.of(points, Rounding::Down).ok_or(Rejection::TenderMismatch)?;
        let paid = cash.checked_add(stored).and_then(|sum| sum.checked_add(points_value));
        if paid != Some(now) || (points > 0 && points_value == 0) {
            return Err(Rejection::TenderMismatch);
        }
        self.about(Kind::Sold, party.map(|party| party.id));
        let mut sold = Sold {
            list,
            discount: list.saturating_sub(net),
            cash,
            change: extras.keep_change,
            account,
            points,
            points_value,
            ..Sold::default()
        };
        match party {
            Some(party) => {
                sold.stored = self.take(party, MONEY, stored, MoveKind::Spend)?;
                let burnt = self.take(party, POINTS, points, MoveKind::Spend)?;
                self.debit(party.id, MONEY, sold.stored);
                if sold.discount > 0 && stored > 0 {
                    self.undiscounted(sold.discount, net)?;
                }
                self.lines(lines, priced.nets);
                self.on_account(party, account)?;
                if let Some(coupon) = coupon {
                    self.use_coupon(party, coupon, coupon_value);
                }
                if sold.change > 0 {
                    let (member, amount) = (party.id, sold.change);
                    self.draft.fact(Fact::ChangeKept { member, amount });
                    self.draft.member(member, Code::ChangePurse, MONEY, amount.saturating_neg());
                }
                self.debit_points_after(party, &sold, burnt)
            }
            None if stored != 0 || points != 0 || sold.change != 0 || account != 0 => {
                Err(Rejection::TenderMismatch)
            }
            None => {
                self.lines(lines, priced.nets);
                self.sell(None, &sold)
            }
        }
    }

    /// Money first, then points, so that the postings of an asset stand together.
    fn debit_points_after(
        &mut self,
        party: Party<'l>,
        sold: &Sold,
        burnt: Taken,
    ) -> Result<(), Rejection> {
        self.money(sold);
        self.debit(party.id, POINTS, burnt);
        self.draft.store(Code::PointsRedeemed, POINTS, sold.points.saturating_neg());
        self.close(Some(party), sold)
    }

    /// Books the store's side of a sale that takes no points, lets the member earn, and
    /// opens the sale. What the member paid from its own accounts is booked already.
    pub(super) fn sell(&mut self, party: Option<Party<'l>>, sold: &Sold) -> Result<(), Rejection> {
        self.money(sold);
        self.close(party, sold)
    }

    fn money(&mut self, sold: &Sold) {
        let off = sold.discount.saturating_add(sold.stored.bonus);
        self.draft.store(Code::Tender, MONEY, sold.cash.saturating_add(sold.change));
        self.draft.store(Code::Discount, MONEY, off);
        self.draft.store(Code::Promotion, MONEY, sold.points_value);
        self.draft.store(Code::Revenue, MONEY, sold.list.saturating_neg());
        self.draft.store(Code::BonusIssued, MONEY, sold.stored.bonus.saturating_neg());
    }

    fn close(&mut self, party: Option<Party<'l>>, sold: &Sold) -> Result<(), Rejection> {
        let now = sold.cash.saturating_add(sold.account);
        self.settle()?;
        self.commission(party, |rule| (rule.on_sale, 0), now)?;
        self.commission(party, |rule| (rule.on_stored, 0), sold.stored.principal)?;
        let Some(party) = party else {
            return self.open_sale(None, MONEY, sold, None);
        };
        let spent = now.saturating_add(sold.stored.principal);
        self.reward_referrers(party, spent, Paid::Sale)?;
        let ledger = self.ledger;
        let earned = match ledger.program.earn_rules.first() {
            Some(rule) => self.earn_on(party, sold, rule)?,
            None => None,
        };
        self.open_sale(Some(party.id), MONEY, sold, earned)?;
        self.count(
            party,
            Counters {
                points: earned.map_or(0, |earned| earned.points),
                top_up: 0,
                spend: spent,
                visits: 1,
            },
        );
        Ok(())
    }

    fn earn_on(
        &mut self,
        party: Party<'l>,
        sold: &Sold,
        rule: &EarnRule,
    ) -> Result<Option<EarnedBy>, Rejection> {
        let mut base = sold.cash.saturating_add(sold.stored.principal).saturating_add(sold.account);
        if rule.on_bonus_paid {
            base = base.saturating_add(sold.stored.bonus);
        }
        if rule.on_points_paid {
            base = base.saturating_add(sold.points_value);
        }
        let rate = self.earn_rate(rule, party.member.tier);
        let points = self.fitting(mul_div(base, rate.0, rate.1, rule.rounding));
        if points == 0 {
            return Ok(None);
        }
        self.draft.store(Code::PointsIssued, POINTS, points);
        let from = self.at.day.plus(rule.pending_days);
        let expires = self.draft.expiry(rule.expiry, from);
        let lot = self.credit_points(party, points, from, expires)?;
        Ok(Some(EarnedBy { rule: rule.id, base, rate, rounding: rule.rounding, points, lot }))
    }

    fn lines(&mut self, lines: &[Line], nets: Vec<i64>) {
        for (line, net) in lines.iter().zip(&nets) {
            let list = line.price.saturating_mul(i64::from(line.quantity));
            let (sku, quantity) = (line.sku, line.quantity);
            self.draft.fact(Fact::SaleLine { sku, quantity, list, net: *net });
        }
        // The next sale works in the same room.
        self.draft.nets = nets;
    }

    pub(super) fn open_sale(
        &mut self,
        member: Option<MemberId>,
        asset: AssetId,
        sold: &Sold,
        earned: Option<EarnedBy>,
    ) -> Result<(), Rejection> {
        let sales = &self.ledger.sales;
        let max = self.ledger.limits.sales_max as usize;
        // Those that this record makes forgotten leave their places to it, or nothing else might
        // ever do so.
        if sales.len() >= max && sales.len().saturating_sub(sales.overdue(self.at.day)) >= max {
            self.fill(Rejection::SalesFull);
        }
        let days = self.ledger.program.return_days;
        let returnable: Day = self.at.day.plus(days);
        self.draft.fact(Fact::SaleOpened {
            member,
            asset,
            list: sold.list,
            discount: sold.discount,
            cash: sold.cash,
            principal: sold.stored.principal,
            bonus: sold.stored.bonus,
            points: sold.points,
            points_value: sold.points_value,
            earned: earned.map_or(0, |earned| earned.points),
            earned_lot: earned.and_then(|earned| earned.lot),
            earn_base: earned.map_or(0, |earned| earned.base),
            earn_num: earned.map_or(0, |earned| earned.rate.0),
            earn_den: earned.map_or(1, |earned| earned.rate.1),
            earn_rounding: earned.map_or(Rounding::Down, |earned| earned.rounding),
            rule: earned.map(|earned| earned.rule),
            returnable,
        });
        Ok(())
    }
}

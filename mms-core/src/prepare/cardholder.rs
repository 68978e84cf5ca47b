//! What changes the owner: cards that are renewed or change hands, stored value paid out, members
//! that turn out to be one.

use super::{Party, Prepare, Use};
use crate::account::{Account, Code, MONEY};
use crate::amount::{Rounding, mul_div, split};
use crate::command::{CardChange, RefundCause, Who};
use crate::ids::{CardNumber, Day, LotId, MemberId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Alloc, MemberStatus, Sale};
use alloc::vec;
use alloc::vec::Vec;

/// Members that were merged into one, one after another, that a look-up walks at most.
const MERGES_MAX: u8 = 16;

impl<'l> Prepare<'l, '_> {
    /// R45: a later last day, for a fee.
    pub(super) fn renew_card(
        &mut self,
        number: CardNumber,
        expires: Day,
        fee: i64,
    ) -> Result<(), Rejection> {
        self.not_negative(fee)?;
        if expires < self.at.day {
            return Err(Rejection::DateInPast);
        }
        let (id, card, party) = self.managed_card(number)?;
        let renewed = super::member::card_after(card, CardChange::Extend(expires));
        let (status, expires) = renewed.ok_or(Rejection::ChangeNotAllowed)?;
        self.about(Kind::CardRenewed, Some(party.id));
        let pin_tries = card.pin_tries;
        self.draft.fact(Fact::CardChanged { card: id, status, expires, pin_tries });
        self.fee(fee);
        Ok(())
    }

    /// The card opens the accounts of another member from now on; no value moves.
    pub(super) fn move_card(&mut self, number: CardNumber, to: MemberId) -> Result<(), Rejection> {
        if self.ledger.card(number).is_none() {
            return Err(Rejection::CardUnknown);
        }
        let target = self.member(to).map_err(|_| Rejection::TargetUnknown)?;
        let owner = self.ledger.card(number).map(|card| self.ledger.resolve(card.member));
        if owner == Some(target.id) {
            return Err(Rejection::SameMember);
        }
        let (id, _, party) = self.managed_card(number)?;
        if target.member.status != MemberStatus::Active {
            return Err(Rejection::TargetUnusable);
        }
        self.about(Kind::CardMoved, Some(party.id));
        self.draft.fact(Fact::CardMoved { card: id, member: target.id });
        Ok(())
    }

    /// Rows 17 and 18: all stored value is paid out, by the rule that the cause calls for.
    ///
    /// When the merchant is the cause, what is left of the principal: what was paid times the
    /// share that was not spent. When the member is, what was paid less what was consumed at
    /// list price, and not below zero.
    ///
    /// What the top-ups had brought besides stays, on purpose. A pay-out ends no sale: it comes
    /// months later, of what is left of many top-ups that share lots with transfers, returns and
    /// change, and no lot says which points, coupons or commission came with which part of it; what
    /// was earned by loading was earned, and may be spent and paid long since. A debt for it would be
    /// made by guess. Who pays out sees all of it, and takes back by hand what the terms say.
    pub(super) fn refund_card(&mut self, who: Who, cause: RefundCause) -> Result<(), Rejection> {
        let party = self.find(who)?;
        self.allow(party, Use::Debit)?;
        let held = Code::HeldPrincipal.natural(party.member.balance(Code::HeldPrincipal, MONEY));
        let bonus = Code::HeldBonus.natural(party.member.balance(Code::HeldBonus, MONEY));
        if held != 0 || bonus != 0 {
            return Err(Rejection::HoldsOpen);
        }
        let ledger = self.ledger;
        let (mut principal, mut bonus, mut paid) = (0_i64, 0_i64, 0_i64);
        let mut lots: u16 = 0;
        for (id, lot) in ledger.lots.of(party.member.lots) {
            if lot.asset != MONEY || !lot.is_live(self.at.day) {
                continue;
            }
            if lots >= ledger.limits.command_lots_max {
                self.fill(Rejection::CommandLotsFull);
                break;
            }
            lots = lots.saturating_add(1);
            principal = principal.saturating_add(lot.principal);
            bonus = bonus.saturating_add(lot.bonus);
            paid = paid.saturating_add(match cause {
                RefundCause::Merchant => lot.principal,
                RefundCause::Member => {
                    lot.principal_in.saturating_sub(lot.consumed).min(lot.principal).max(0)
                }
            });
            self.move_lot(id, MoveKind::PayOut, lot.principal, lot.bonus);
        }
        if lots == 0 && self.full.is_none() {
            return Err(Rejection::NothingToDo);
        }
        self.about(Kind::StoredRefunded, Some(party.id));
        self.settle()?;
        self.draft.member(party.id, Code::StoredPrincipal, MONEY, principal);
        self.draft.member(party.id, Code::StoredBonus, MONEY, bonus);
        self.draft.store(Code::Tender, MONEY, paid.saturating_neg());
        let kept = principal.saturating_sub(paid);
        self.draft.store(Code::Revenue, MONEY, kept.saturating_neg());
        self.draft.store(Code::BonusIssued, MONEY, bonus.saturating_neg());
        self.draft.fact(Fact::StoredRefunded { member: party.id, cause, paid, kept, bonus });
        Ok(())
    }

    /// Row 22: all that one member has is another's from now on; the first id stays as a name
    /// for the second.
    pub(super) fn merge_members(
        &mut self,
        from: MemberId,
        into: MemberId,
    ) -> Result<(), Rejection> {
        let source = self.member(from)?;
        let target = self.member(into).map_err(|_| Rejection::TargetUnknown)?;
        if source.id == target.id {
            return Err(Rejection::SameMember);
        }
        self.allow(source, Use::Debit)?;
        let [from, into] = [source, target].map(|party| party.member.rest.get().merges);
        let merges = into.max(from.saturating_add(1));
        if merges > MERGES_MAX {
            return Err(Rejection::ChangeNotAllowed);
        }
        if target.member.status != MemberStatus::Active {
            return Err(Rejection::TargetUnusable);
        }
        // Those that the first one brought must not get deeper, and nobody may come to stand
        // above itself: whoever stands below another is deeper than it.
        if target.member.depth > source.member.depth {
            return Err(Rejection::ReferralTooDeep);
        }
        let is_held = |key: u32| {
            let account = Account::from_key(u64::from(key));
            account.is_some_and(|account| account.code().is_held())
        };
        if source.member.balances().any(|(key, amount)| amount != 0 && is_held(key)) {
            return Err(Rejection::HoldsOpen);
        }
        let lots = self.ledger.lots(source.id).chain(self.ledger.lots(target.id)).count();
        if lots > self.ledger.limits.member_lots_max as usize {
            self.fill(Rejection::MemberLotsFull);
        }
        self.about(Kind::MembersMerged, Some(target.id));
        for (key, amount) in source.member.balances() {
            let Some(account) = Account::from_key(u64::from(key)) else {
                continue;
            };
            let (code, asset) = (account.code(), account.asset());
            self.draft.member(source.id, code, asset, amount.saturating_neg());
            self.draft.member(target.id, code, asset, amount);
        }
        self.draft.fact(Fact::MemberMerged { from: source.id, into: target.id });
        self.join_terms(source, target);
        let day = self.at.day;
        let both = self.standing(source.member, day).plus(self.standing(target.member, day));
        self.join_tiers(source, target, &both);
        Ok(())
    }

    /// A term that the first member has is worth a fee: it goes over, unless the second has one of
    /// its own. Of two under the same plan the later end holds, and none at all is the latest; of two
    /// under different plans the one of the member that stays.
    fn join_terms(&mut self, source: Party<'_>, target: Party<'_>) {
        let ledger = self.ledger;
        let runs = |party: Party<'_>| ledger.term(party.id).filter(|until| *until >= self.at.day);
        let Some(until) = runs(source) else {
            return;
        };
        let plan = source.member.plan;
        let same = target.member.plan == plan;
        let takes = match ledger.term(target.id) {
            // Under way without an end.
            None => !same,
            Some(own) if own < self.at.day => true,
            Some(own) => same && own < until,
        };
        if takes {
            self.draft.fact(Fact::TermSet { member: target.id, plan, until });
        }
    }

    /// What discounts were worth on what a sale took from stored value: at list price, the
    /// member consumed that much more of the lots.
    pub(super) fn undiscounted(&mut self, discount: i64, net: i64) -> Result<(), Rejection> {
        let is_money = |id| self.ledger.lots.asset(id) == Some(MONEY);
        let amount = |principal: i64, bonus: i64| principal.saturating_add(bonus).saturating_neg();
        // Nearly always all came from one lot.
        if let [(lot, principal, bonus)] = *self.draft.moves.as_slice() {
            let stored = if is_money(lot) { amount(principal, bonus) } else { 0 };
            let all = all_extra(discount, net, stored).ok_or(Rejection::Overflow)?;
            if all > 0 {
                self.draft.fact(Fact::Undiscounted { lot, amount: all });
            }
            return Ok(());
        }
        let taken: Vec<(LotId, i64)> = self
            .draft
            .moves
            .iter()
            .filter(|(id, ..)| is_money(*id))
            .map(|(id, principal, bonus)| (*id, amount(*principal, *bonus)))
            .collect();
        let extras = extras_of(discount, net, taken.iter().map(|(_, amount)| *amount));
        for ((lot, _), amount) in taken.iter().zip(extras.ok_or(Rejection::Overflow)?) {
            if amount != 0 {
                self.draft.fact(Fact::Undiscounted { lot: *lot, amount });
            }
        }
        Ok(())
    }

    /// The same taken back with a part of what one of the sale's takings had: by the cumulative
    /// method, so that nothing is left when all came back.
    pub(super) fn discounted_again(
        &mut self,
        sale: &Sale,
        n: u16,
        alloc: &Alloc,
        (principal, bonus): (i64, i64),
    ) -> Result<(), Rejection> {
        if sale.discount == 0 || sale.asset != MONEY {
            return Ok(());
        }
        let takings = || {
            let all = self.ledger.sales.allocs(sale);
            all.filter(|(_, alloc)| {
                self.ledger.lots.get(alloc.lot).is_some_and(|lot| lot.asset == MONEY)
            })
        };
        let amounts = takings().map(|(_, alloc)| alloc.principal.saturating_add(alloc.bonus));
        let extras = extras_of(sale.discount, sale.net(), amounts).ok_or(Rejection::Overflow)?;
        let place = takings().position(|(m, _)| m == n);
        let extra = place.and_then(|place| extras.get(place)).copied().unwrap_or(0);
        let all = alloc.principal.saturating_add(alloc.bonus).unsigned_abs();
        let before = alloc.restored_principal.saturating_add(alloc.restored_bonus);
        let after = before.saturating_add(principal).saturating_add(bonus);
        let share = |part: i64| mul_div(extra, part.unsigned_abs(), all, Rounding::Down);
        let back = share(after).zip(share(before)).and_then(|(a, b)| a.checked_sub(b));
        let back = back.ok_or(Rejection::Overflow)?;
        if back != 0 {
            let lot = alloc.lot;
            self.draft.fact(Fact::Undiscounted { lot, amount: back.saturating_neg() });
        }
        Ok(())
    }

    /// Whether a member may have `more` stored value.
    pub(super) fn room_for_stored(&self, party: Party<'_>, more: i64) -> Result<(), Rejection> {
        let limits = &self.ledger.limits;
        let max = match party.member.kind {
            crate::MemberKind::Bearer => limits.bearer_stored_max,
            _ => limits.stored_max,
        };
        let codes =
            [Code::StoredPrincipal, Code::StoredBonus, Code::HeldPrincipal, Code::HeldBonus];
        let stands = codes.iter().fold(0_i64, |sum, code| {
            sum.saturating_add(code.natural(party.member.balance(*code, MONEY)))
        });
        if stands.saturating_add(more) <= max {
            return Ok(());
        }
        // What is over is over, whether or not anybody has booked that.
        let lots = self.ledger.lots.of(party.member.lots);
        let over = lots.filter(|(_, lot)| lot.asset == MONEY && lot.expires < self.at.day);
        let stands = over.fold(stands, |sum, (_, lot)| sum.saturating_sub(lot.left()));
        if stands.saturating_add(more) > max { Err(Rejection::StoredFull) } else { Ok(()) }
    }
}

/// The discount's share of each amount that stored value paid of a net total.
fn extras_of(discount: i64, net: i64, amounts: impl Iterator<Item = i64>) -> Option<Vec<i64>> {
    let weights: Vec<i64> = amounts.collect();
    let stored = weights.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount))?;
    let mut parts = vec![0; weights.len()];
    let all = all_extra(discount, net, stored)?;
    if all > 0 {
        split(all, &weights, &mut parts)?;
    }
    Some(parts)
}

/// The share of a discount that belongs to what was paid with stored value.
fn all_extra(discount: i64, net: i64, stored: i64) -> Option<i64> {
    if stored > 0 && net > 0 {
        mul_div(discount, stored.unsigned_abs(), net.unsigned_abs(), Rounding::HalfUp)
    } else {
        Some(0)
    }
}

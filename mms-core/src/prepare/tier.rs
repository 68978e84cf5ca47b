//! Tiers: reached by counters, kept for a while, reviewed, given by hand.

use super::{Party, Prepare, Use};
use crate::ids::{Day, MemberId, PlanId, TierId};
use crate::program::Downgrade;
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;
use crate::state::{Counters, Member, TierHow};

impl Prepare<'_, '_> {
    /// Moves counters, and the tier with them when they now suffice for a higher one. Here a tier
    /// never falls.
    pub(super) fn count(&mut self, party: Party<'_>, by: Counters) {
        if by == Counters::default() {
            return;
        }
        self.counted(party.id, by, self.at.day);
        let now = self.standing(party.member, self.at.day).plus(by);
        self.promote(party, &now);
    }

    /// Lifts a member to the tier for which the counters suffice, if that is a higher one.
    pub(super) fn promote(&mut self, party: Party<'_>, counters: &Counters) {
        let from = party.member.tier;
        if let Some(to) = self.tier_above(from, counters) {
            self.draft.fact(Fact::TierChanged { member: party.id, from, to });
            let until = self.ledger.program.tier_keep.from(self.at.day);
            if until != Day::NEVER || party.member.tier_until != Day::NEVER {
                self.keep(party.id, until, TierHow::Earned);
            }
        }
    }

    /// The tier of one that two members become, with counters of both: what these suffice for, or what the
    /// first one has, with its end, when that is higher. Of two ends the later holds.
    pub(super) fn join_tiers(&mut self, source: Party<'_>, target: Party<'_>, both: &Counters) {
        let program = &self.ledger.program;
        let (first, second) = (source.member, target.member);
        let (reached, until) = match self.tier_above(second.tier, both) {
            Some(to) => (to, program.tier_keep.from(self.at.day)),
            None => (second.tier, second.tier_until),
        };
        let brings = if first.tier == reached {
            first.tier_until > until && reached != program.first_tier()
        } else {
            // A tier of another program's is lower than all.
            let known = program.tiers.iter().any(|tier| tier.id == first.tier);
            known && program.is_at_least(first.tier, reached)
        };
        if !brings {
            return self.promote(target, both);
        }
        if first.tier != second.tier {
            let (member, from, to) = (target.id, second.tier, first.tier);
            self.draft.fact(Fact::TierChanged { member, from, to });
        }
        if (first.tier_until, first.tier_how) != (second.tier_until, second.tier_how) {
            self.keep(target.id, first.tier_until, first.tier_how);
        }
    }

    /// Books counters for life, and for the month of `day` when tiers look at months.
    pub(super) fn counted(&mut self, member: MemberId, by: Counters, day: Day) {
        let Counters { points, top_up, spend, visits } = by;
        let visits = i32::try_from(visits).unwrap_or(0);
        self.draft.fact(Fact::Counted { member, points, top_up, spend, visits });
        if self.ledger.program.tier_window.is_some() {
            let month = day.month();
            self.draft.fact(Fact::CountedIn { member, month, points, top_up, spend, visits });
        }
    }

    /// Counters by what a return takes, or what goes to another member, in the month of the sale.
    /// The tier stays.
    pub(super) fn uncounted(&mut self, member: MemberId, by: Counters, day: Day) {
        if by != Counters::default() {
            self.counted(member, by, day);
        }
    }

    /// What tiers look at: counters for life, or those of the months up to that of `day`.
    pub(super) fn standing(&self, member: &Member, day: Day) -> Counters {
        match self.ledger.program.tier_window {
            None => member.counters(),
            Some(months) => member.counters_in(day.month(), months),
        }
    }

    /// The highest tier above `from` for which the counters suffice.
    fn tier_above(&self, from: TierId, counters: &Counters) -> Option<TierId> {
        let tiers = self.ledger.program.tiers.iter().rev();
        let above = tiers.take_while(|tier| tier.id != from);
        above.filter(|tier| tier.qualify.suffices(counters)).map(|tier| tier.id).next()
    }

    /// The highest tier for which the counters suffice; the first is for all.
    fn tier_of(&self, counters: &Counters) -> TierId {
        let mut tiers = self.ledger.program.tiers.iter().rev();
        let found = tiers.find(|tier| tier.qualify.suffices(counters));
        found.map_or_else(|| self.ledger.program.first_tier(), |tier| tier.id)
    }

    fn keep(&mut self, member: MemberId, until: Day, how: TierHow) {
        self.draft.fact(Fact::TierKept { member, until, how });
    }

    /// A tier by hand, for as long as somebody says: it must end.
    pub(super) fn set_tier(
        &mut self,
        member: MemberId,
        tier: TierId,
        until: Day,
    ) -> Result<(), Rejection> {
        if until < self.at.day {
            return Err(Rejection::DateInPast);
        }
        if until == Day::NEVER {
            return Err(Rejection::EndMissing);
        }
        let party = self.member(member)?;
        if !self.ledger.program.tiers.iter().any(|known| known.id == tier) {
            return Err(Rejection::TierUnknown);
        }
        self.allow(party, Use::Credit)?;
        self.about(Kind::TierSet, Some(party.id));
        let from = party.member.tier;
        if from != tier {
            self.draft.fact(Fact::TierChanged { member: party.id, from, to: tier });
        }
        self.keep(party.id, until, TierHow::ByHand);
        Ok(())
    }

    /// A tier whose time is over is kept when the counters still suffice, or falls as the
    /// program says. The counters are those up to the last day of the tier, whenever this is
    /// booked.
    pub(super) fn tier_review(&mut self) -> bool {
        let ledger = self.ledger;
        let over = ledger.tier_ends.first().filter(|(until, _)| *until < self.at.day);
        let Some((until, id)) = over.copied() else {
            return false;
        };
        let Some(member) = ledger.member(id) else {
            return false;
        };
        let program = &ledger.program;
        let deserved = self.tier_of(&self.standing(member, until));
        let from = member.tier;
        let to = if program.is_at_least(deserved, from) || member.tier_how == TierHow::ByHand {
            deserved
        } else {
            match program.downgrade {
                Downgrade::Never => from,
                Downgrade::OneDown => program.tier_below(from),
                Downgrade::ToDeserved => deserved,
            }
        };
        self.about(Kind::TierReviewed, Some(id));
        if from != to {
            self.draft.fact(Fact::TierChanged { member: id, from, to });
        }
        // There is nothing below the first tier to fall to.
        let lowest = to == program.first_tier();
        let next = if lowest { Day::NEVER } else { program.tier_keep.from(until.plus(1)) };
        self.keep(id, next, TierHow::Earned);
        true
    }
}

impl Prepare<'_, '_> {
    /// R23, R45: a plan until a day, for a fee.
    pub(super) fn set_term(
        &mut self,
        member: MemberId,
        plan: PlanId,
        until: Day,
        fee: i64,
    ) -> Result<(), Rejection> {
        self.not_negative(fee)?;
        if until < self.at.day {
            return Err(Rejection::DateInPast);
        }
        let party = self.member(member)?;
        self.allow(party, Use::Credit)?;
        let member = party.id;
        self.about(Kind::TermSet, Some(member));
        self.draft.fact(Fact::TermSet { member, plan, until });
        self.fee(fee);
        Ok(())
    }

    /// The next term that is over.
    pub(super) fn term_end(&mut self) -> bool {
        let ends = &self.ledger.terms.ends;
        let Some((until, member)) = ends.first().filter(|(until, _)| *until < self.at.day) else {
            return false;
        };
        self.about(Kind::TermEnded, Some(*member));
        self.draft.fact(Fact::TermEnded { member: *member, until: *until });
        true
    }
}

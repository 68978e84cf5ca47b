//! Members whose tier ends, that are erased, or that become another.

use crate::ids::{Day, MemberId, MemberToken};
use crate::ledger::Ledger;
use crate::state::{Counters, Head as ListHead, MemberStatus};
use alloc::vec::Vec;

impl Ledger {
    /// Sets the day of the next review of a tier.
    pub(super) fn end_tier(&mut self, id: MemberId, until: Day) {
        let Some(member) = self.member_mut(id) else {
            return;
        };
        let before = core::mem::replace(&mut member.tier_until, until);
        self.tier_ends.remove(&(before, id));
        if until != Day::NEVER {
            self.tier_ends.insert((until, id));
        }
    }

    /// Nobody finds the member by its tokens any more, and its fields are gone. Looks at every
    /// member.
    pub(super) fn erase(&mut self, id: MemberId) {
        let own: Vec<_> = self.fields_of(id).map(|(field, _)| field).collect();
        for field in own {
            self.fields.remove(id, field);
        }
        // Those that became this member were the same person.
        for place in (0_u32..).zip(0..self.members.len()).map(|(place, _)| MemberId::new(place)) {
            if self.resolve(place) != id {
                continue;
            }
            let Some(token) = self.names.get_mut(place.value() as usize) else { continue };
            let token = core::mem::replace(token, MemberToken::new(0));
            if token.value() != 0 {
                self.tokens.remove(token.value(), place.value());
            }
        }
    }

    /// What is not booked by postings goes over to the other member, too.
    pub(super) fn merge(&mut self, from: MemberId, into: MemberId) {
        self.end_tier(from, Day::NEVER);
        self.terms.end(from);
        self.parts.join(from, into);
        // Of two values the one of the member that stays is kept.
        let fields: Vec<_> = self.fields_of(from).collect();
        for (field, value) in fields {
            self.fields.remove(from, field);
            if !self.fields.rows().contains_key(&(into, field)) {
                self.fields.insert(into, field, value);
            }
        }
        let Some(source) = self.member_mut(from) else {
            return;
        };
        source.status = MemberStatus::Merged;
        source.version = source.version.wrapping_add(1);
        let counters = source.counters();
        source.set_counters(Counters::default());
        let more = source.rest.get_mut();
        more.merged_into = Some(into);
        let (months, merges) = (core::mem::take(&mut more.months), more.merges);
        let lots = core::mem::replace(&mut source.lots, ListHead::NONE);
        let before = self.member(into).map_or(ListHead::NONE, |member| member.lots);
        let joined = self.lots.join(before, lots);
        if let Some(target) = self.member_mut(into) {
            target.lots = joined;
            let more = target.rest.get_mut();
            more.merges = more.merges.max(merges.saturating_add(1));
            target.set_counters(target.counters().plus(counters));
            for (month, by) in months {
                target.count_in(month, by, i32::MIN);
            }
        }
    }
}

//! The model's activities.

use super::model::{Counts, Model};
use crate::{Ledger, MemberId, Rejection as R, Rounding, RuleId, Who};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

impl Model {
    pub(super) fn take_part(
        &mut self,
        seq: u64,
        who: Who,
        activity: RuleId,
        store: u32,
    ) -> Result<(), R> {
        self.known(who)?;
        let rule = self.program.activities.iter().find(|rule| rule.id == activity);
        let rule = *rule.ok_or(R::ActivityUnknown)?;
        let member = self.usable(who, rule.costs > 0)?;
        if !(rule.from.value()..=rule.until.value()).contains(&self.day) {
            return Err(R::ActivityNotValid);
        }
        let (costs, gives) = (i128::from(rule.costs), i128::from(rule.gives));
        if self.sum(member, true) < costs {
            return Err(R::InsufficientPoints);
        }
        let of = |row: &(&(u32, usize), &u32)| row.0.0 == activity.value();
        let all: u32 = self.parts.iter().filter(of).map(|(_, times)| *times).sum();
        let own = self.parts.get(&(activity.value(), member)).copied().unwrap_or(0);
        if rule.places_max.is_some_and(|max| all >= max)
            || rule.member_max.is_some_and(|max| own >= max)
        {
            return Err(R::ActivityFull);
        }
        let taken = self.take(member, true, costs)?;
        let days = (self.day, self.points_until(self.day));
        if costs > 0 {
            self.redemption(seq, member, costs, taken, store, None);
        }
        let lot = self.credit(member, gives, days, store);
        if let Some(sale) = self.sales.get_mut(&seq) {
            (sale.base, sale.rate, sale.rounding) = (costs, (gives, costs), Rounding::Down);
            (sale.earned, sale.earned_lot) = (gives, lot);
            sale.activity = Some(activity.value());
        }
        self.part(activity.value(), member, 1);
        if gives > 0 {
            self.count(member, self.day, Counts { points: gives, ..Counts::default() });
            self.promote(member);
        }
        Ok(())
    }

    /// So many times more.
    pub(super) fn part(&mut self, activity: u32, member: usize, more: i64) {
        let times = self.parts.entry((activity, member)).or_default();
        *times = times.saturating_add_signed(more as i32);
        self.parts.retain(|_, times| *times > 0);
    }

    pub(super) fn merge_parts(&mut self, source: usize, target: usize) {
        for ((activity, member), times) in self.parts.clone() {
            if member == source {
                self.parts.remove(&(activity, source));
                self.part(activity, target, times.into());
            }
        }
    }

    /// The first thing in which a ledger's activities differ.
    pub(super) fn parts_differ(&self, ledger: &Ledger) -> Option<String> {
        let mut found = BTreeMap::new();
        for rule in &self.program.activities {
            for (member, times) in ledger.participants(rule.id) {
                assert_eq!(ledger.parts(rule.id, member), times, "one and all");
                found.insert((rule.id.value(), MemberId::value(member) as usize), times);
            }
        }
        (found != self.parts).then(|| format!("parts {found:?}, not {:?}", self.parts))
    }
}

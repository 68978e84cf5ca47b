//! The model's reminders: everybody looked at on each day.

use super::model::Model;
use crate::{CardStatus, Day, LeapDay, MONEY, POINTS, Remind, ReminderRule};
use alloc::vec::Vec;

/// A reminder: rule, day, member, how much.
pub(super) type Told = (u32, i32, u32, i128);

impl Model {
    /// What has to be told by today, once.
    pub(super) fn remind(&mut self) {
        let program = alloc::sync::Arc::clone(&self.program);
        for rule in &program.reminders {
            let until = self.day + rule.days as i32;
            let before = self.reminded.get(&rule.id.value()).copied();
            let from = before.map_or(self.day, |before| before + 1).max(self.day - 365);
            for day in from..=until {
                self.remind_of(rule, day);
            }
            let before = before.unwrap_or(until);
            self.reminded.insert(rule.id.value(), before.max(until));
        }
    }

    fn remind_of(&mut self, rule: &ReminderRule, day: i32) {
        let mut found: Vec<(usize, i128)> = Vec::new();
        match rule.of {
            Remind::Birthday { field, leap } => {
                let born = self.fields.iter().filter(|((_, known), _)| *known == field.value());
                let today = born.filter(|(_, value)| is_birthday(**value, day, leap));
                found.extend(today.map(|((member, _), _)| (*member, 0)));
            }
            Remind::CardEnds => {
                let over = |status| matches!(status, CardStatus::Replaced | CardStatus::Closed);
                let ends =
                    self.cards.iter().filter(|card| card.expires == day && !over(card.status));
                found.extend(ends.map(|card| (self.resolve(card.member), 0)));
            }
            Remind::TierEnds => {
                let members = self.members.iter().enumerate();
                let ends = members.filter(|(_, member)| member.tier_until == day);
                found.extend(ends.map(|(id, _)| (id, 0)));
            }
            Remind::TermEnds => {
                let ends = self.stores.terms.iter().filter(|(_, until)| **until == day);
                found.extend(ends.map(|(member, _)| (*member, 0)));
            }
            Remind::ValueEnds(asset @ (MONEY | POINTS)) => {
                let own = self.lots.iter().filter(|lot| lot.points == (asset == POINTS));
                let ends = own.filter(|lot| lot.expires == day);
                found.extend(ends.map(|lot| (lot.member, lot.p + lot.b)));
            }
            Remind::ValueEnds(kind) => {
                let uses = self.packages.iter().filter(|p| p.kind == kind && p.expires == day);
                found.extend(uses.map(|p| (p.member, p.left)));
                let coupons = self.coupons.iter().filter(|c| c.kind == kind && c.expires == day);
                found.extend(coupons.map(|c| (c.member, c.left)));
            }
        }
        if matches!(rule.of, Remind::ValueEnds(_)) {
            found.retain(|(_, left)| *left > 0);
        }
        let gone = |id: usize| {
            let row = &self.members[id];
            row.merged.is_some() || row.closed || row.erased
        };
        found.retain(|(member, _)| !gone(*member));
        let rule = rule.id.value();
        self.told.extend(found.into_iter().map(|(member, left)| (rule, day, member as u32, left)));
    }
}

/// Whether a day of the year is this day, 29 February by its rule.
fn is_birthday(value: i64, day: i32, leap: LeapDay) -> bool {
    let (year, month, date) = Day::new(day).civil();
    let today = i64::from(month) * 100 + i64::from(date);
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let stands = if leap == LeapDay::Before { 228 } else { 301 };
    value == today || (value == 229 && !leap_year && today == stands)
}

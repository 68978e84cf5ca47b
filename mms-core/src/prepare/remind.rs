//! What members are reminded of: records of time, so that each reminder is there once.

use super::Prepare;
use crate::ids::{CardId, Day, MemberId};
use crate::ledger::Ledger;
use crate::program::{Remind, ReminderRule};
use crate::record::{Fact, Kind};
use crate::state::{CardStatus, MemberStatus};
use alloc::vec::Vec;

/// So many reminders stand in one record at most. Each record looks at all members, cards or lots
/// again, so there should be few.
const BATCH: usize = 512;
/// All of a day.
const DONE: u32 = u32::MAX;

/// Somebody's day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    day: Day,
    /// The number of the member, card or lot whose day it is.
    subject: u32,
    member: MemberId,
    amount: i64,
}

impl Ledger {
    /// Up to which day the rule has reminded of everything that was known when the day was looked
    /// at.
    pub fn reminded(&self) -> impl Iterator<Item = (crate::RuleId, Day)> {
        self.reminded.iter().map(|(rule, (day, _))| (*rule, *day))
    }

    /// On which day the next rule has something to look at.
    pub(crate) fn next_reminder(&self) -> Option<Day> {
        if self.at.day == Day::FIRST {
            return None;
        }
        let next = |rule: &ReminderRule| match self.reminded.get(&rule.id) {
            Some((day, DONE)) => {
                let days = i32::try_from(rule.days).unwrap_or(i32::MAX);
                Day::new(day.plus(1).value().saturating_sub(days))
            }
            _ => self.at.day,
        };
        self.program.reminders.iter().map(next).min()
    }

    fn is_live(&self, member: MemberId) -> bool {
        self.member(member)
            .is_some_and(|row| matches!(row.status, MemberStatus::Active | MemberStatus::Frozen))
    }

    /// Everybody's days of a rule, in order.
    fn events(&self, rule: &ReminderRule, from: Day, until: Day) -> Vec<Event> {
        let event = |day, subject, member, amount| Event { day, subject, member, amount };
        let mut events: Vec<Event> = match rule.of {
            Remind::Birthday { field, leap } => {
                // The board looks at a year at most.
                let half = from.plus(300);
                let mut born = self.birthdays(field, from, until.min(half), leap);
                for start in [1, 302].map(|days| half.plus(days)) {
                    if start <= until {
                        born.extend(self.birthdays(field, start, until.min(start.plus(300)), leap));
                    }
                }
                let of = |(day, member): (Day, MemberId)| event(day, member.value(), member, 0);
                born.into_iter().map(of).collect()
            }
            Remind::CardEnds => {
                let cards = (0..).map(CardId::new).zip(&self.cards);
                let used = cards.filter(|(_, card)| {
                    !matches!(card.status, CardStatus::Replaced | CardStatus::Closed)
                        && (from..=until).contains(&card.expires)
                });
                let of = |(id, card): (CardId, &crate::Card)| {
                    event(card.expires, id.value(), self.resolve(card.member), 0)
                };
                used.map(of).collect()
            }
            Remind::TierEnds => {
                let ends = self.tiers_ending(until).filter(|(day, _)| *day >= from);
                ends.map(|(day, member)| event(day, member.value(), member, 0)).collect()
            }
            Remind::TermEnds => {
                let ends = self.terms_ending(from, until);
                ends.map(|(day, member)| event(day, member.value(), member, 0)).collect()
            }
            Remind::ValueEnds(asset) => {
                let lots = self.lots_ending(from, until).filter(|lot| lot.asset == asset);
                lots.map(|lot| event(lot.expires, lot.lot.value(), lot.member, lot.left)).collect()
            }
        };
        events.retain(|event| self.is_live(event.member));
        events.sort_unstable();
        events
    }
}

impl Prepare<'_, '_> {
    /// R144-R146: the next rule that has not looked at all days up to its own yet. A record for each
    /// rule and day, also when nobody is to be reminded: so nobody need look twice.
    pub(super) fn reminder(&mut self) -> bool {
        let ledger = self.ledger;
        if self.at.day == Day::FIRST {
            // No day is known yet.
            return false;
        }
        for rule in &ledger.program.reminders {
            let until = self.at.day.plus(rule.days);
            let (from, after) = match ledger.reminded.get(&rule.id) {
                None => (self.at.day, None),
                Some((day, DONE)) => (day.plus(1), None),
                Some((day, subject)) => (*day, Some((*day, *subject))),
            };
            // Who was not reminded for a year need not be any more.
            let from = from.max(Day::new(self.at.day.value().saturating_sub(365)));
            if from > until {
                continue;
            }
            self.about(Kind::Reminded, None);
            let mut events = ledger.events(rule, from, until);
            events.retain(|event| after.is_none_or(|after| (event.day, event.subject) > after));
            for Event { day, subject, member, amount } in events.iter().take(BATCH).copied() {
                let what = rule.of.kind();
                self.draft.fact(Fact::Reminded {
                    rule: rule.id,
                    what,
                    member,
                    day,
                    subject,
                    amount,
                });
            }
            let last = events.get(BATCH.saturating_sub(1)).filter(|_| events.len() > BATCH);
            let (day, subject) = last.map_or((until, DONE), |last| (last.day, last.subject));
            self.draft.fact(Fact::RemindedUntil { rule: rule.id, day, subject });
            return true;
        }
        false
    }
}

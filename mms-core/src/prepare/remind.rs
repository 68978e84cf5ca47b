//! What members are reminded of: records of time, so that each reminder is there once.

use super::Prepare;
use crate::ids::{CardId, Day, LotId, MemberId};
use crate::ledger::Ledger;
use crate::program::{Remind, ReminderRule};
use crate::query::LeapDay;
use crate::record::{Fact, Kind};
use crate::state::MemberStatus;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use core::ops::Bound;

/// So many reminders stand in one record at most.
const BATCH: usize = 512;
/// All of a day.
const DONE: u32 = u32::MAX;

/// Somebody's day.
#[derive(Clone, Copy)]
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

    /// Everybody's days of a rule in order, behind a subject of the first day. What is looked at and
    /// not to be reminded of is a `None`: only what is of these days is looked at.
    fn events(
        &self,
        rule: &ReminderRule,
        from: (Day, Option<u32>),
        until: Day,
    ) -> Box<dyn Iterator<Item = Option<Event>> + '_> {
        let event = move |day, subject, member, amount| {
            self.is_live(member).then_some(Event { day, subject, member, amount })
        };
        let (first, after) = from;
        let of_member = move |(day, member): (Day, MemberId)| event(day, member.value(), member, 0);
        match rule.of {
            Remind::Birthday { field, leap } => {
                let days = (first.value()..=until.value()).map(Day::new);
                Box::new(days.flat_map(move |day| {
                    let after = after.filter(|_| day == first).map(MemberId::new);
                    let (value, leapling) = born_on(day, leap);
                    let born = self.fields.with(field, value, after);
                    let others = leapling.map(|value| self.fields.with(field, value, after));
                    in_order(born, others.into_iter().flatten())
                        .map(move |member| of_member((day, member)))
                }))
            }
            Remind::CardEnds => {
                let Some(ends) = &self.card_ends else {
                    return Box::new(core::iter::empty());
                };
                let ends: Box<dyn Iterator<Item = _>> = match after {
                    Some(after) => Box::new(ends.after(first, CardId::new(after))),
                    None => Box::new(ends.from(first)),
                };
                let ends = ends.take_while(move |(day, _)| *day <= until);
                Box::new(ends.map(move |(day, id)| {
                    let card = self.card_at(id)?;
                    event(day, id.value(), self.resolve(card.member), 0)
                }))
            }
            Remind::TierEnds => {
                Box::new(members_ending(&self.tier_ends, from, until).map(of_member))
            }
            Remind::TermEnds => {
                Box::new(members_ending(&self.terms.ends, from, until).map(of_member))
            }
            Remind::ValueEnds(asset) => {
                let lots: Box<dyn Iterator<Item = _>> = match after {
                    Some(after) => {
                        Box::new(self.lots.ending_after((first, LotId::new(after)), until))
                    }
                    None => Box::new(self.lots.ending(first, until)),
                };
                Box::new(lots.map(move |(id, lot)| {
                    let member = self.resolve(lot.member);
                    let wanted = event(lot.expires, id.value(), member, lot.left());
                    wanted.filter(|_| lot.asset == asset)
                }))
            }
        }
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
            let (begun, after) = match ledger.reminded.get(&rule.id) {
                None => (self.at.day, None),
                Some((day, DONE)) => (day.plus(1), None),
                Some((day, subject)) => (*day, Some(*subject)),
            };
            // Who was not reminded for a year need not be any more.
            let from = begun.max(Day::new(self.at.day.value().saturating_sub(365)));
            let after = after.filter(|_| from == begun);
            if from > until {
                continue;
            }
            self.about(Kind::Reminded, None);
            let mut events = ledger.events(rule, (from, after), until).flatten();
            let mut last = (until, DONE);
            for Event { day, subject, member, amount } in events.by_ref().take(BATCH) {
                let what = rule.of.kind();
                self.draft.fact(Fact::Reminded {
                    rule: rule.id,
                    what,
                    member,
                    day,
                    subject,
                    amount,
                });
                last = (day, subject);
            }
            // Whether there is anybody else.
            let (day, subject) = events.next().map_or((until, DONE), |_| last);
            self.draft.fact(Fact::RemindedUntil { rule: rule.id, day, subject });
            return true;
        }
        false
    }
}

/// What fields hold of those whose day of the year this is: the day itself, and 29 February on the day
/// that stands for it in years that have none.
fn born_on(day: Day, leap: LeapDay) -> (i64, Option<i64>) {
    let (year, month, day_of_month) = day.civil();
    let value = i64::from(month).saturating_mul(100).saturating_add(day_of_month.into());
    let stands = Day::birthday(year, 2, 29, leap) == Some(day) && value != 229;
    (value, stands.then_some(229))
}

/// The members of both, by id; nobody is in both.
fn in_order(
    one: impl Iterator<Item = MemberId>,
    other: impl Iterator<Item = MemberId>,
) -> impl Iterator<Item = MemberId> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    core::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(a), Some(b)) if b < a => other.next(),
        (None, _) => other.next(),
        _ => one.next(),
    })
}

/// Members with their last days, behind a member of the first day.
fn members_ending(
    rows: &BTreeSet<(Day, MemberId)>,
    (from, after): (Day, Option<u32>),
    until: Day,
) -> impl Iterator<Item = (Day, MemberId)> + '_ {
    let after = after.map(MemberId::new);
    let first = Bound::Included((from, MemberId::new(0)));
    let from = after.map_or(first, |after| Bound::Excluded((from, after)));
    // A set has no range that ends before it begins.
    let rows = rows.range((from, Bound::Unbounded)).copied();
    rows.take_while(move |(day, _)| *day <= until)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]
mod tests {
    use super::*;
    use crate::account::POINTS;
    use crate::{
        Action, Adjust, At, CardNumber, Command, Expiry, Field, FieldId, Holds, IdempotencyKey,
        Limits, MemberKind, MemberToken, Outcome, PlanId, ProductId, Program, RuleId, Seed,
        StoreId, Timestamp,
    };
    use alloc::vec;
    use alloc::vec::Vec;

    /// Whom nobody reminds is not looked at, and of who is due each is looked at once, however many
    /// records a day takes: but for the one that tells a full record whether there is more.
    #[test]
    fn what_a_run_looks_at_is_what_is_due() {
        const DUE: u32 = 1_100;
        const OTHERS: u32 = 1_200;
        let born = FieldId::new(1);
        let rules = [
            Remind::Birthday { field: born, leap: LeapDay::After },
            Remind::CardEnds,
            Remind::TermEnds,
            Remind::ValueEnds(POINTS),
        ];
        let rules: Vec<ReminderRule> =
            (1..).zip(rules).map(|(id, of)| ReminderRule::new(RuleId::new(id), of, 2)).collect();
        let program = Program::default()
            .with_fields(vec![Field::new(born, Holds::MonthDay)])
            .with_points_expiry(Expiry::Days(2))
            .with_reminders(rules.clone());
        let at = |day: i32| {
            let day = 20_000 + day;
            At::new(Timestamp::from_unix_secs(i64::from(day) * 86_400), Day::new(day))
        };
        let mut ledger =
            Ledger::new(Limits::default(), program.clone().into(), Seed::from_u64(1)).unwrap();
        // Those of the day are spread among the others.
        let mut key = 0;
        for n in 0..DUE + OTHERS {
            let today = n % 2 == 0 && n / 2 < DUE;
            let member = MemberId::new(n);
            // 2024-10-06 is the day in question.
            let later = at(if today { 2 } else { 90 }).day;
            let value = Some(if today { 1_006 } else { 1_106 });
            let mut actions = vec![
                Action::Enrol {
                    token: MemberToken::new(u128::from(n) + 1),
                    kind: MemberKind::Individual,
                    plan: PlanId::new(0),
                    referrer: None,
                },
                Action::SetField { member, field: born, value },
                Action::IssueCard {
                    member,
                    card: CardNumber::new(u64::from(n) + 1),
                    product: ProductId::new(0),
                    expires: later,
                    active: true,
                    fee: 0,
                },
                Action::SetTerm { member, plan: PlanId::new(1), until: later, fee: 0 },
            ];
            if today {
                let adjust = Adjust::Add(9);
                actions.push(Action::AdjustPoints { who: member.into(), adjust, reason: 1 });
            }
            for action in actions {
                key += 1;
                let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
                let outcome = ledger.apply(at(0), &command, &mut Vec::new());
                assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
            }
        }
        let due = DUE as usize;
        let batches = due.div_ceil(BATCH);
        for rule in &rules {
            let (mut records, mut looked) = (0, 0);
            loop {
                let (from, after) = match ledger.reminded.get(&rule.id) {
                    None => (at(0).day, None),
                    Some((_, DONE)) => break,
                    Some((day, subject)) => (*day, Some(*subject)),
                };
                let rows = ledger.events(rule, (from, after), at(2).day);
                looked += rows.inspect(|row| assert!(row.is_some())).take(BATCH + 1).count();
                assert!(ledger.apply_due(at(0), &mut Vec::new()).is_some());
                records += 1;
            }
            assert_eq!((records, looked), (batches, due + batches - 1), "{rule:?}");
        }
        assert!(ledger.apply_due(at(0), &mut Vec::new()).is_none());
        // Tables that are made when a program asks for them are those that grew with the ledger.
        let mut again =
            Ledger::new(Limits::default(), Program::default().into(), Seed::from_u64(1));
        let again = again.as_mut().unwrap();
        let bytes = ledger.snapshot(crate::JournalPosition::START);
        again.restore(crate::Snapshot::parse(&bytes).unwrap()).unwrap();
        assert!(again.card_ends.is_none());
        again.set_program(program.into()).unwrap();
        assert_eq!(again.card_ends, ledger.card_ends);
        for value in [1_006, 1_106] {
            assert!(again.fields.with(born, value, None).eq(ledger.fields.with(born, value, None)));
        }
    }
}

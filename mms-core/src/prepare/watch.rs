//! R154: what looks unusual of a member, a store or a terminal, by time of day, amount and
//! frequency; and parameters of the scheme.

use super::Prepare;
use crate::account::{Code, MONEY};
use crate::ids::ParameterId;
use crate::program::{Alarm, Per, Unusual, Watched};
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;
use crate::state::NOWHERE;

impl Prepare<'_, '_> {
    /// Looks at a record that is otherwise ready: an alarm is noted on it, or it is stopped.
    pub(super) fn watch(&mut self) -> Result<(), Rejection> {
        let rules = &self.ledger.program.watch;
        let watched = match self.draft.head.kind {
            Kind::ToppedUp
            | Kind::Spent
            | Kind::Sold
            | Kind::Redeemed
            | Kind::TookPart
            | Kind::Held
            | Kind::Transferred
            | Kind::StoredRefunded => Watched::Value,
            Kind::LineVoided | Kind::OrderCancelled => Watched::Voids,
            _ => return Ok(()),
        };
        if rules.iter().all(|rule| rule.of != watched) {
            return Ok(());
        }
        let head = self.draft.head;
        let member = head.member.and_then(|id| Some((id, self.ledger.member(id)?)));
        let amount = match watched {
            Watched::Value => self.moved(),
            Watched::Voids => self.voided(),
        };
        let (ledger, voids) = (self.ledger, watched == Watched::Voids);
        let at_place = |place| {
            if voids { ledger.voids.recent((None, place)) } else { ledger.places.recent(place) }
        };
        let now = self.at.time.as_unix_micros();
        let (mut members, mut stores, mut terminals) = (false, false, false);
        for rule in rules.iter().filter(|rule| rule.of == watched) {
            let terminal = (rule.per == Per::Terminal).then_some(head.terminal);
            let (recent, counts) = match (rule.per, member) {
                (Per::Member, None) => continue,
                (Per::Member, Some((id, _))) if voids => {
                    (ledger.voids.recent((Some(id), NOWHERE)), &mut members)
                }
                (Per::Member, Some((_, member))) => {
                    (member.rest.get().recent.as_slice(), &mut members)
                }
                (Per::Store, _) => (at_place((head.store, None)), &mut stores),
                (Per::Terminal, _) => (at_place((head.store, terminal)), &mut terminals),
            };
            let found = match rule.unusual {
                Unusual::Amount(from) => amount >= from,
                Unusual::Often { count, secs } => {
                    *counts = true;
                    let since = now.saturating_sub(i64::from(secs).saturating_mul(1_000_000));
                    let recent = recent.iter().filter(|time| **time > since).count();
                    recent.saturating_add(1) >= usize::from(count)
                }
                Unusual::Hours { from, to, zone } => {
                    let minutes = now.div_euclid(60_000_000).saturating_add(i64::from(zone));
                    let minute = minutes.rem_euclid(24 * 60);
                    let (from, to) = (i64::from(from), i64::from(to));
                    if from <= to {
                        (from..to).contains(&minute)
                    } else {
                        minute >= from || minute < to
                    }
                }
            };
            if !found {
                continue;
            }
            if rule.alarm == Alarm::Stop {
                return Err(Rejection::Suspicious);
            }
            self.draft.fact(match (rule.per, member) {
                (Per::Member, Some((member, _))) => {
                    Fact::AnomalyFound { rule: rule.id, member, amount }
                }
                _ => Fact::AnomalyFoundAt {
                    rule: rule.id,
                    store: head.store,
                    terminal,
                    member: head.member,
                    amount,
                },
            });
        }
        if let (true, Some((member, _))) = (members, member) {
            self.draft.fact(Fact::Watched { member });
        }
        if stores {
            self.draft.fact(Fact::WatchedAt { store: head.store, terminal: None });
        }
        if terminals {
            let terminal = Some(head.terminal);
            self.draft.fact(Fact::WatchedAt { store: head.store, terminal });
        }
        Ok(())
    }

    /// How much money the record moves.
    fn moved(&self) -> i64 {
        let moved = |code| matches!(code, Code::Tender | Code::StoredPrincipal | Code::StoredBonus);
        let debits = self.draft.postings().iter().filter(|posting| {
            let account = posting.account;
            account.asset() == MONEY && moved(account.code()) && posting.amount > 0
        });
        debits.fold(0_i64, |sum, posting| sum.saturating_add(posting.amount))
    }

    /// What the lines that the record takes off would have cost when they were parked.
    fn voided(&self) -> i64 {
        let nets = |order, line: Option<u16>| {
            let rows = self.ledger.order(order).map_or(&[][..], |order| order.lines());
            let rows = (0_u16..)
                .zip(rows)
                .filter(move |(n, row)| line.map_or(!row.void, |line| line == *n));
            rows.fold(0_i64, |sum, (_, row)| sum.saturating_add(row.net))
        };
        let amount = |fact: &Fact| match *fact {
            Fact::LineVoided { order, line, .. } => nets(order, Some(line)),
            Fact::OrderClosed { order, .. } => nets(order, None),
            _ => 0,
        };
        self.draft.facts().iter().fold(0_i64, |sum, fact| sum.saturating_add(amount(fact)))
    }

    /// R170: a parameter of the scheme, so that the journal says who set it when.
    pub(super) fn set_parameter(
        &mut self,
        parameter: ParameterId,
        value: i64,
    ) -> Result<(), Rejection> {
        let parameters = &self.ledger.parameters;
        let room = parameters.len() < self.ledger.limits.parameters_max as usize;
        if !room && !parameters.contains_key(&parameter) {
            return Err(Rejection::ParametersFull);
        }
        self.about(Kind::ParameterSet, None);
        self.draft.fact(Fact::ParameterSet { parameter, value });
        Ok(())
    }
}

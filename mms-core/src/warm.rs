//! Memory that is needed soon is asked for all at once.
//!
//! In a ledger of a million members most of a command's time goes by waiting for memory: the card,
//! then its member, then the member's lots. Here the same is read for many commands side by side,
//! step by step, so that the waits overlap. Nothing changes, and no answer depends on it.

use crate::command::{Action, Command, Who};
use crate::ids::{CardId, LotId, MemberId};
use crate::ledger::Ledger;
use crate::record::Record;
use crate::state::FORGET_MAX;
use core::hint::black_box;

/// So many side by side: more than a processor has waits for.
pub(crate) const WINDOW: usize = 64;
/// Of a member's lots, so many.
const LOTS: usize = 3;

impl Ledger {
    /// Reads what these commands will need, so that [`apply`](Self::apply) does not wait for memory
    /// one by one. Worth it for groups of commands to a large ledger, right before they are applied;
    /// beyond some hundred the first ones may be forgotten again.
    pub fn warm(&self, commands: &[Command]) {
        for window in commands.chunks(WINDOW) {
            let mut members = [None; WINDOW];
            let mut sum: u64 = 0;
            for (n, command) in window.iter().enumerate() {
                sum = sum.wrapping_add(self.replies.touch(command.envelope.key, n));
                sum = sum.wrapping_add(self.warm_forgotten(n));
                if let Some(Who::Card(number)) = who(&command.action) {
                    sum = sum.wrapping_add(self.numbers.touch(number.value().into()));
                }
            }
            let mut cards = [None; WINDOW];
            for (command, (card, member)) in window.iter().zip(cards.iter_mut().zip(&mut members)) {
                match who(&command.action) {
                    Some(Who::Card(number)) => {
                        *card = Some(CardId::new(self.numbers.guess(number.value().into())));
                    }
                    Some(Who::Member(id)) => *member = Some(id),
                    None => {
                        if let Action::Refund { sale, .. } = command.action {
                            *member = self.sales.touch(sale);
                        }
                    }
                }
            }
            for (card, member) in cards.iter().zip(&mut members) {
                if let Some(card) = card.and_then(|card| self.card_at(card)) {
                    *member = Some(card.member);
                }
            }
            sum = sum.wrapping_add(self.warm_members(&members));
            black_box(sum);
        }
    }

    /// Each record forgets some of the oldest sales, and looks at their lots.
    fn warm_forgotten(&self, ahead: usize) -> u64 {
        let mut sum: u64 = 0;
        let first = ahead.saturating_mul(FORGET_MAX);
        for ahead in first..first.saturating_add(FORGET_MAX) {
            let lots = self.sales.forgotten_soon(ahead, self.at.day);
            for lot in lots.into_iter().flatten() {
                sum = sum.wrapping_add(self.lots.touch(lot).0);
            }
        }
        sum
    }

    fn warm_members(&self, members: &[Option<MemberId>; WINDOW]) -> u64 {
        let mut sum: u64 = 0;
        let mut lots = [None; WINDOW];
        for (member, lot) in members.iter().zip(&mut lots) {
            if let Some(member) = member.and_then(|member| self.member(member)) {
                sum = sum.wrapping_add(member.touch());
                *lot = member.lots.get();
            }
        }
        for _ in 0..LOTS {
            for lot in &mut lots {
                if let Some(id) = *lot {
                    let (read, next) = self.lots.touch(id);
                    sum = sum.wrapping_add(read);
                    *lot = next;
                }
            }
        }
        sum
    }

    /// The same for records that are about to be replayed: so many lie ahead of the last.
    pub(crate) fn warm_for(&self, record: Record<'_>, ahead: usize) -> u64 {
        let head = record.head();
        let mut sum = self.replies.touch(head.key, ahead);
        sum = sum.wrapping_add(self.warm_forgotten(ahead));
        if let Some(member) = head.member.and_then(|member| self.member(member)) {
            sum = sum.wrapping_add(member.touch());
        }
        for lot in record.lots_moved() {
            sum = sum.wrapping_add(self.lots.touch(LotId::new(lot)).0);
        }
        sum
    }
}

/// Whom a command that comes often is about.
const fn who(action: &Action) -> Option<Who> {
    match action {
        Action::TopUp { who, .. }
        | Action::Spend { who, .. }
        | Action::Checkout { who: Some(who), .. }
        | Action::Earn { who, .. }
        | Action::Redeem { who, .. }
        | Action::Hold { who, .. }
        | Action::AdjustPoints { who, .. }
        | Action::TakeUses { who, .. }
        | Action::IssueCoupons { who, .. }
        | Action::Reward { who, .. } => Some(*who),
        _ => None,
    }
}

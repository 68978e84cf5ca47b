//! Memory that is needed soon is asked for all at once.
//!
//! In a ledger of a million members most of a command's time goes by waiting for memory: the card,
//! then its member, then the member's lots. Here the same is read for many commands side by side,
//! step by step, so that the waits overlap. Nothing changes, and no answer depends on it.
//!
//! Each step is a loop of its own that does next to nothing but read: a processor looks only some
//! hundred instructions ahead, and that must be many reads.

use crate::command::{Action, Command, Who};
use crate::ids::{CardId, LotId, MemberId};
use crate::ledger::Ledger;
use crate::record::{Fact, Head};
use crate::state::FORGET_MAX;
use core::hint::black_box;

/// So many side by side: more than a processor has waits for.
pub(crate) const WINDOW: usize = 64;
/// Of a member's lots, so many.
const LOTS: usize = 4;
/// Of the lots that a record names, so many.
const NAMED: usize = 3;
/// Of the lots of a member to whom a record brings another, so many.
const LISTED: usize = 4;
/// No table has this place.
const NOWHERE: usize = usize::MAX;

impl Ledger {
    /// Reads what these commands will need, so that [`apply`](Self::apply) does not wait for memory
    /// one by one. Worth it for groups of commands to a large ledger, right before they are applied;
    /// beyond some hundred the first ones may be forgotten again.
    pub fn warm(&self, commands: &[Command]) {
        for window in commands.chunks(WINDOW) {
            let (mut keys, mut numbers) = ([NOWHERE; WINDOW], [NOWHERE; WINDOW]);
            let mut members = [None; WINDOW];
            for (n, command) in window.iter().enumerate() {
                set(&mut keys, n, self.replies.spot(command.envelope.key));
                match who(&command.action) {
                    Some(Who::Card(number)) => {
                        set(&mut numbers, n, self.numbers.spot(number.value().into()));
                    }
                    Some(Who::Member(id)) => set(&mut members, n, Some(id)),
                    None => {}
                }
            }
            let mut sum = self.warm_keys(&keys);
            for spot in &numbers {
                sum = sum.wrapping_add(self.numbers.touch(*spot));
            }
            let mut cards = [None; WINDOW];
            for (n, command) in window.iter().enumerate() {
                if let Some(Who::Card(number)) = who(&command.action) {
                    let card = CardId::new(self.numbers.guess(number.value().into()));
                    set(&mut cards, n, Some(card));
                } else if let Action::Refund { sale, .. } = command.action {
                    set(&mut members, n, self.sales.touch(sale));
                }
            }
            for (card, member) in cards.iter().zip(&mut members) {
                if let Some(card) = card.and_then(|card| self.card_at(card)) {
                    // Both may lie on either side of the end of a line.
                    sum = sum.wrapping_add(card.number.value());
                    *member = Some(card.member);
                }
            }
            sum = sum.wrapping_add(self.warm_members(&members));
            let mut lots = [None; WINDOW];
            for (member, lot) in members.iter().zip(&mut lots) {
                *lot = member.and_then(|member| self.member(member)?.lots.get());
            }
            for _ in 0..LOTS {
                sum = sum.wrapping_add(self.warm_lots(&mut lots));
            }
            sum = sum.wrapping_add(self.warm_forgotten(window.len()));
            black_box(sum);
        }
    }

    fn warm_keys(&self, spots: &[usize; WINDOW]) -> u64 {
        let oldest = self.replies.touch_oldest(WINDOW);
        spots.iter().fold(oldest, |sum: u64, spot| sum.wrapping_add(self.replies.touch(*spot)))
    }

    fn warm_members(&self, members: &[Option<MemberId>; WINDOW]) -> u64 {
        let mut sum: u64 = 0;
        for member in members {
            if let Some(member) = member.and_then(|member| self.member(member)) {
                sum = sum.wrapping_add(member.touch());
            }
        }
        sum
    }

    /// Goes on to the lots behind these.
    fn warm_lots(&self, lots: &mut [Option<LotId>; WINDOW]) -> u64 {
        let mut sum: u64 = 0;
        for lot in lots {
            if let Some(id) = *lot {
                let (read, next) = self.lots.touch(id);
                sum = sum.wrapping_add(read);
                *lot = next;
            }
        }
        sum
    }

    /// Each of so many records forgets some of the oldest sales, and looks at their lots.
    fn warm_forgotten(&self, records: usize) -> u64 {
        let mut sum: u64 = 0;
        for ahead in 0..records.saturating_mul(FORGET_MAX) {
            let Some(lots) = self.sales.forgotten_soon(ahead, self.at.day) else {
                break;
            };
            for lot in lots.into_iter().flatten() {
                sum = sum.wrapping_add(self.lots.touch(lot).0);
            }
        }
        sum
    }

    /// The same for records that are about to be replayed: their heads, and the facts of each.
    pub(crate) fn warm_for<'a>(&self, records: impl Iterator<Item = (Head, &'a [Fact])>) {
        let mut keys = [NOWHERE; WINDOW];
        let mut members = [None; WINDOW];
        let mut owners = [None; WINDOW];
        let mut lots = [[None; WINDOW]; NAMED];
        let mut count: usize = 0;
        for (n, (head, facts)) in records.enumerate().take(WINDOW) {
            set(&mut keys, n, self.replies.spot(head.key));
            set(&mut members, n, head.member);
            let mut named = lots.iter_mut();
            for fact in facts {
                match fact {
                    Fact::LotMoved { lot, .. } | Fact::SaleRestored { lot, .. } => {
                        if let Some(lots) = named.next() {
                            set(lots, n, Some(*lot));
                        }
                    }
                    // It is put into the list, so that is walked.
                    Fact::LotOpened { member, .. } => set(&mut owners, n, Some(*member)),
                    _ => {}
                }
            }
            count = count.saturating_add(1);
        }
        let mut sum = self.warm_keys(&keys);
        sum = sum.wrapping_add(self.warm_members(&members));
        for lots in &mut lots {
            sum = sum.wrapping_add(self.warm_lots(lots));
        }
        let mut listed = [None; WINDOW];
        for (owner, lot) in owners.iter().zip(&mut listed) {
            *lot = owner.and_then(|owner| self.member(owner)?.lots.get());
        }
        for _ in 0..LISTED {
            sum = sum.wrapping_add(self.warm_lots(&mut listed));
        }
        black_box(sum.wrapping_add(self.warm_forgotten(count)));
    }
}

#[inline]
fn set<T>(rows: &mut [T; WINDOW], n: usize, to: T) {
    if let Some(row) = rows.get_mut(n) {
        *row = to;
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

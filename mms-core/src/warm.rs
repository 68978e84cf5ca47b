//! Memory that is needed soon is asked for all at once.
//!
//! In a ledger of a million members most of a command's time goes by waiting for memory: the card,
//! then its member, then the member's lots. Here the same is read for many commands side by side,
//! step by step, so that the waits overlap. Nothing changes, and no answer depends on it.
//!
//! Each step is a loop of its own that does next to nothing but read: a processor looks only some
//! hundred instructions ahead, and that must be many reads.

use crate::command::{Action, Command, Who};
use crate::ids::{CardId, CardNumber, LotId, MemberId};
use crate::ledger::Ledger;
use crate::record::{Fact, Head};
use crate::state::FORGET_MAX;
use core::hint::black_box;

/// So many side by side: more than a processor has waits for.
pub(crate) const WINDOW: usize = 64;
/// Of a member's lots, so many.
const LOTS: usize = 4;
/// Of the lots that so many records name, so many: more than most have.
const NAMED: usize = 3 * WINDOW;
/// Of the lots of a member to whom a record brings another, so many.
const LISTED: usize = 4;
/// No table has this place.
const NOWHERE: usize = usize::MAX;
/// No member has this number.
const NOBODY: MemberId = MemberId::new(u32::MAX);

impl Ledger {
    /// Reads what these commands will need, so that [`apply`](Self::apply) does not wait for memory
    /// one by one. Worth it for groups of commands to a large ledger, right before they are applied;
    /// beyond some hundred the first ones may be forgotten again.
    pub fn warm(&self, commands: &[Command]) {
        for window in commands.chunks(WINDOW) {
            let mut keys = List::<_, WINDOW>::new(NOWHERE);
            let mut numbers = List::<_, WINDOW>::new(CardNumber::new(0));
            let mut members = List::<_, WINDOW>::new(NOBODY);
            for command in window {
                keys.push(self.replies.spot(command.envelope.key));
                match who(&command.action) {
                    Some(Who::Card(number)) => numbers.push(number),
                    Some(Who::Member(id)) => members.push(id),
                    None => {}
                }
            }
            let mut sum = self.warm_keys(&keys);
            for number in numbers.rows() {
                let spot = self.numbers.spot(number.value().into());
                sum = sum.wrapping_add(self.numbers.touch(spot));
            }
            for command in window {
                if let Action::Refund { sale, .. } = command.action {
                    self.sales.touch(sale).into_iter().for_each(|member| members.push(member));
                }
            }
            let mut cards = List::<_, WINDOW>::new(CardId::new(0));
            for number in numbers.rows() {
                cards.push(CardId::new(self.numbers.guess(number.value().into())));
            }
            for card in cards.rows() {
                if let Some(card) = self.card_at(*card) {
                    // Both may lie on either side of the end of a line.
                    sum = sum.wrapping_add(card.number.value());
                    members.push(card.member);
                }
            }
            sum = sum.wrapping_add(self.warm_members(&members));
            sum = sum.wrapping_add(self.warm_lists(&members, LOTS));
            sum = sum.wrapping_add(self.warm_forgotten(window.len()));
            black_box(sum);
        }
    }

    fn warm_keys(&self, spots: &List<usize, WINDOW>) -> u64 {
        let oldest = self.replies.touch_oldest(WINDOW);
        let spots = spots.rows().iter();
        spots.fold(oldest, |sum: u64, spot| sum.wrapping_add(self.replies.touch(*spot)))
    }

    fn warm_members(&self, members: &List<MemberId, WINDOW>) -> u64 {
        let mut sum: u64 = 0;
        for member in members.rows() {
            if let Some(member) = self.member(*member) {
                sum = sum.wrapping_add(member.touch());
            }
        }
        sum
    }

    /// The first so many lots of each member's list.
    fn warm_lists(&self, members: &List<MemberId, WINDOW>, steps: usize) -> u64 {
        let mut lots = List::<_, WINDOW>::new(LotId::new(0));
        for member in members.rows() {
            let first = self.member(*member).and_then(|member| member.lots.get());
            first.into_iter().for_each(|lot| lots.push(lot));
        }
        (0..steps).fold(0, |sum: u64, _| sum.wrapping_add(self.warm_lots(&mut lots)))
    }

    /// Goes on to the lots behind these.
    fn warm_lots<const N: usize>(&self, lots: &mut List<LotId, N>) -> u64 {
        let mut sum: u64 = 0;
        let mut behind = List::new(LotId::new(0));
        for lot in lots.rows() {
            let (read, next) = self.lots.touch(*lot);
            sum = sum.wrapping_add(read);
            next.into_iter().for_each(|lot| behind.push(lot));
        }
        *lots = behind;
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
    pub(crate) fn warm_for<'a>(&self, records: impl Iterator<Item = (&'a Head, &'a [Fact])>) {
        let mut keys = List::<_, WINDOW>::new(NOWHERE);
        let mut members = List::<_, WINDOW>::new(NOBODY);
        let mut owners = List::<_, WINDOW>::new(NOBODY);
        let mut lots = List::<_, NAMED>::new(LotId::new(0));
        let mut count: usize = 0;
        for (head, facts) in records.take(WINDOW) {
            keys.push(self.replies.spot(head.key));
            head.member.into_iter().for_each(|member| members.push(member));
            for fact in facts {
                match fact {
                    Fact::LotMoved { lot, .. } | Fact::SaleRestored { lot, .. } => lots.push(*lot),
                    // It is put into the list, so that is walked.
                    Fact::LotOpened { member, .. } => owners.push(*member),
                    _ => {}
                }
            }
            count = count.saturating_add(1);
        }
        let mut sum = self.warm_keys(&keys);
        sum = sum.wrapping_add(self.warm_members(&members));
        sum = sum.wrapping_add(self.warm_lots(&mut lots));
        sum = sum.wrapping_add(self.warm_lists(&owners, LISTED));
        black_box(sum.wrapping_add(self.warm_forgotten(count)));
    }
}

/// As many as there are, and no more than there is room for.
struct List<T, const N: usize> {
    rows: [T; N],
    count: usize,
}

impl<T: Copy, const N: usize> List<T, N> {
    const fn new(nothing: T) -> Self {
        Self { rows: [nothing; N], count: 0 }
    }

    #[inline]
    fn push(&mut self, row: T) {
        if let Some(to) = self.rows.get_mut(self.count) {
            *to = row;
            self.count = self.count.saturating_add(1);
        }
    }

    #[inline]
    fn rows(&self) -> &[T] {
        self.rows.get(..self.count).unwrap_or_default()
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

//! Tables by which what rules remind of is found by its day. No part of the state: they are made from
//! it, and only while a rule asks for them.

use crate::ids::{CardId, Day};
use crate::ledger::Ledger;
use crate::program::Remind;
use crate::state::Calendar;

impl Ledger {
    /// Makes the tables by which what rules remind of is found by its day: when rules are new, or the
    /// state is. Looks at all fields and cards, when they need other tables than before.
    pub(crate) fn look_ahead(&mut self) {
        let program = alloc::sync::Arc::clone(&self.program);
        self.fields.index(program.reminders.iter().filter_map(|rule| match rule.of {
            Remind::Birthday { field, .. } => Some(field),
            _ => None,
        }));
        let wanted = program.reminders.iter().any(|rule| rule.of == Remind::CardEnds);
        if !wanted {
            self.card_ends = None;
        } else if self.card_ends.is_none() {
            self.card_ends = Some(Calendar::default());
            let all = (0..).map(CardId::new).zip(0..self.cards.len());
            all.for_each(|(id, _)| self.note_card_end(id));
        }
    }

    /// A card that is in use ends on its last day, if rules remind of that.
    pub(crate) fn note_card_end(&mut self, id: CardId) {
        if let (Some(ends), Some(card)) = (&mut self.card_ends, self.cards.get(id.value() as usize))
        {
            if card.expires != Day::NEVER && !card.is_over() {
                ends.insert(card.expires, id);
            }
        }
    }

    /// Before it changes.
    pub(crate) fn forget_card_end(&mut self, id: CardId) {
        if let (Some(ends), Some(card)) = (&mut self.card_ends, self.cards.get(id.value() as usize))
        {
            ends.remove(card.expires, id);
        }
    }
}

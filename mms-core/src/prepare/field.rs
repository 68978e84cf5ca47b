//! Fields of members, and what came over the counter.

use super::{Prepare, Use};
use crate::account::Code;
use crate::ids::{FieldId, MemberId, SaleId};
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;

impl Prepare<'_, '_> {
    /// R13, R14: a typed attribute, or a tag. Values are checked when they are set and never again:
    /// a change of the program leaves those that stand.
    pub(super) fn set_field(
        &mut self,
        member: MemberId,
        field: FieldId,
        value: Option<i64>,
    ) -> Result<(), Rejection> {
        let known = self.ledger.program.field(field);
        if let (Some(known), Some(value)) = (known, value) {
            if !known.holds.allows(value) {
                return Err(Rejection::ValueNotAllowed);
            }
        }
        let party = self.member(member)?;
        if known.is_none() {
            return Err(Rejection::FieldUnknown);
        }
        self.allow(party, Use::Credit)?;
        let before = self.ledger.field(party.id, field);
        if before == value {
            return Err(Rejection::NothingToDo);
        }
        if before.is_none() && self.fields_are_full() {
            self.fill(Rejection::FieldsFull);
        }
        self.about(Kind::FieldSet, Some(party.id));
        let (set, value) = (u8::from(value.is_some()), value.unwrap_or(0));
        self.draft.fact(Fact::FieldSet { member: party.id, field, set, value });
        Ok(())
    }

    /// R55, R107: says what came over the counter, unless it was cash.
    pub(super) fn name_tender(&mut self) {
        if self.tender.value() == 0 {
            return;
        }
        let postings = self.draft.postings().iter();
        let over = postings.filter(|posting| posting.account.code() == Code::Tender);
        let amount = over.fold(0_i64, |sum, posting| sum.saturating_add(posting.amount));
        if amount != 0 {
            self.draft.fact(Fact::TenderedBy { tender: self.tender, amount });
        }
    }
}

impl Prepare<'_, '_> {
    /// R115: what the host wants to know of a sale besides its lines.
    pub(super) fn set_sale_field(
        &mut self,
        sale: SaleId,
        field: FieldId,
        value: Option<i64>,
    ) -> Result<(), Rejection> {
        let rule = self.ledger.program.sale_field(field);
        if let (Some(rule), Some(value)) = (rule, value) {
            if !rule.holds.allows(value) {
                return Err(Rejection::ValueNotAllowed);
            }
        }
        let known = self.ledger.sale(sale).filter(|sale| sale.returnable >= self.at.day);
        let known = known.ok_or(Rejection::SaleUnknown)?;
        rule.ok_or(Rejection::FieldUnknown)?;
        let ledger = self.ledger;
        self.unchanged(known.member)?;
        let before = ledger.sale_fields.get(&(sale, field)).copied();
        if before == value {
            return Err(Rejection::NothingToDo);
        }
        if before.is_none() && self.fields_are_full() {
            return Err(Rejection::FieldsFull);
        }
        self.about(Kind::SaleFieldSet, known.member.map(|member| ledger.resolve(member)));
        let (set, value) = (u8::from(value.is_some()), value.unwrap_or(0));
        self.draft.fact(Fact::SaleFieldSet { sale, field, set, value });
        Ok(())
    }

    /// Fields of members and of sales share one limit, whichever came first.
    fn fields_are_full(&self) -> bool {
        let ledger = self.ledger;
        let count = ledger.fields.rows().len().saturating_add(ledger.sale_fields.len());
        count >= ledger.limits.fields_max as usize
    }
}

//! A store's own books: goods between stores, counts, messages, other income and expenses; and which
//! stores and terminals there are.

use super::Prepare;
use crate::account::{Account, Code, MESSAGES, MONEY, is_goods};
use crate::command::Command;
use crate::ids::{AssetId, StoreId, TerminalId};
use crate::ledger::Ledger;
use crate::permission::Permissions;
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;

impl Ledger {
    /// R53, R165: whether business is done here. Who may say so is never locked out.
    #[cold]
    pub(super) fn check_place(&self, command: &Command) -> Result<(), Rejection> {
        if command.action.permission() == Permissions::ADMIN {
            return Ok(());
        }
        let (store, terminal) = (command.envelope.store, command.envelope.terminal);
        let stores = &self.registry.stores;
        if !stores.is_empty() && stores.get(&store) != Some(&true) {
            return Err(Rejection::StoreClosed);
        }
        let terminals = &self.registry.terminals;
        if !terminals.is_empty() && terminals.get(&terminal) != Some(&(store, true)) {
            return Err(Rejection::TerminalUnknown);
        }
        Ok(())
    }
}

impl Prepare<'_, '_> {
    /// Row 28: from one store, on the way to another.
    pub(super) fn send_goods(
        &mut self,
        goods: AssetId,
        quantity: i64,
        to: StoreId,
    ) -> Result<(), Rejection> {
        self.counted_goods(goods, quantity)?;
        if to == self.draft.head.store {
            return Err(Rejection::SameStore);
        }
        self.need(Code::Stock, goods, quantity, Rejection::InsufficientGoods)?;
        self.about(Kind::GoodsSent, None);
        self.draft.post(Account::raw(to.value(), Code::InTransit, goods), quantity);
        self.draft.store(Code::Stock, goods, quantity.saturating_neg());
        Ok(())
    }

    /// ... and there.
    pub(super) fn receive_goods(&mut self, goods: AssetId, quantity: i64) -> Result<(), Rejection> {
        self.counted_goods(goods, quantity)?;
        self.need(Code::InTransit, goods, quantity, Rejection::InsufficientGoods)?;
        self.about(Kind::GoodsReceived, None);
        self.draft.store(Code::Stock, goods, quantity);
        self.draft.store(Code::InTransit, goods, quantity.saturating_neg());
        Ok(())
    }

    /// Row 28: what a count finds is what there is.
    pub(super) fn count_goods(&mut self, goods: AssetId, counted: i64) -> Result<(), Rejection> {
        self.not_negative(counted)?;
        if !is_goods(goods) {
            return Err(Rejection::GoodsUnknown);
        }
        let expected = self.here(Code::Stock, goods);
        let more = counted.checked_sub(expected).ok_or(Rejection::Overflow)?;
        if more == 0 {
            return Err(Rejection::NothingToDo);
        }
        self.about(Kind::GoodsCounted, None);
        self.draft.store(Code::Stock, goods, more);
        self.draft.store(Code::Shrinkage, goods, more.saturating_neg());
        self.draft.fact(Fact::GoodsCounted { goods, expected, counted });
        Ok(())
    }

    /// Row 29: messages are an asset that is bought ahead.
    pub(super) fn buy_messages(&mut self, count: i64, price: i64) -> Result<(), Rejection> {
        if count <= 0 {
            return Err(Rejection::AmountNotPositive);
        }
        self.none_negative(&[count, price])?;
        self.about(Kind::MessagesBought, None);
        self.draft.store(Code::Messages, MESSAGES, count);
        self.draft.store(Code::MessagesBought, MESSAGES, count.saturating_neg());
        self.draft.store(Code::Expense, MONEY, price);
        self.draft.store(Code::Tender, MONEY, price.saturating_neg());
        Ok(())
    }

    /// ... and used.
    pub(super) fn use_messages(&mut self, count: i64) -> Result<(), Rejection> {
        self.positive(count)?;
        self.need(Code::Messages, MESSAGES, count, Rejection::InsufficientMessages)?;
        self.about(Kind::MessagesUsed, None);
        self.draft.store(Code::MessagesSent, MESSAGES, count);
        self.draft.store(Code::Messages, MESSAGES, count.saturating_neg());
        Ok(())
    }

    /// R166: money that came or went for something else than sales.
    pub(super) fn book_other(&mut self, amount: i64, category: u16) -> Result<(), Rejection> {
        if amount == 0 {
            return Err(Rejection::AmountNotPositive);
        }
        self.not_too_large(amount.checked_abs().unwrap_or(i64::MAX))?;
        if category == 0 {
            return Err(Rejection::ReasonMissing);
        }
        self.about(Kind::OtherBooked, None);
        let code = if amount > 0 { Code::OtherIncome } else { Code::Expense };
        self.draft.store(Code::Tender, MONEY, amount);
        self.draft.store(code, MONEY, amount.saturating_neg());
        self.draft.fact(Fact::OtherBooked { category, amount });
        Ok(())
    }

    pub(super) fn set_store(&mut self, store: StoreId, open: bool) -> Result<(), Rejection> {
        let stores = &self.ledger.registry.stores;
        let known = stores.get(&store);
        if known == Some(&open) {
            return Err(Rejection::NothingToDo);
        }
        self.room_in_registry(known.is_some(), stores.len())?;
        self.about(Kind::StoreSet, None);
        self.draft.fact(Fact::StoreSet { store, open: u8::from(open) });
        Ok(())
    }

    pub(super) fn set_terminal(
        &mut self,
        terminal: TerminalId,
        store: StoreId,
        open: bool,
    ) -> Result<(), Rejection> {
        let terminals = &self.ledger.registry.terminals;
        let known = terminals.get(&terminal);
        if known == Some(&(store, open)) {
            return Err(Rejection::NothingToDo);
        }
        self.room_in_registry(known.is_some(), terminals.len())?;
        self.about(Kind::TerminalSet, None);
        self.draft.fact(Fact::TerminalSet { terminal, store, open: u8::from(open) });
        Ok(())
    }

    const fn room_in_registry(&self, known: bool, count: usize) -> Result<(), Rejection> {
        if !known && count >= self.ledger.limits.registry_max as usize {
            return Err(Rejection::RegistryFull);
        }
        Ok(())
    }

    fn counted_goods(&self, goods: AssetId, quantity: i64) -> Result<(), Rejection> {
        self.positive(quantity)?;
        if is_goods(goods) { Ok(()) } else { Err(Rejection::GoodsUnknown) }
    }

    /// A store cannot give what it does not have.
    fn need(
        &self,
        code: Code,
        asset: AssetId,
        amount: i64,
        otherwise: Rejection,
    ) -> Result<(), Rejection> {
        if self.here(code, asset) < amount { Err(otherwise) } else { Ok(()) }
    }

    /// What stands on an account of this store.
    fn here(&self, code: Code, asset: AssetId) -> i64 {
        self.ledger.raw_balance(Account::raw(self.draft.head.store.value(), code, asset))
    }
}

//! The model's stores: goods on the way, counts, messages, other money; where business is done.

use super::model::Model;
use crate::{
    Action, AssetId, Code, Command, FieldId, Ledger, Owner, Permissions, PlanId, Rejection as R,
    SaleId,
};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// What only stores have.
#[derive(Clone, Debug, Default)]
pub(super) struct MStores {
    transit: BTreeMap<(u32, AssetId), i128>,
    missing: BTreeMap<(u32, AssetId), i128>,
    messages: BTreeMap<(u32, AssetId), i128>,
    income: BTreeMap<(u32, AssetId), i128>,
    expense: BTreeMap<(u32, AssetId), i128>,
    open: BTreeMap<u32, bool>,
    terminals: BTreeMap<u32, (u32, bool)>,
    /// Last days of members' terms, and fields of sales.
    pub(super) terms: BTreeMap<usize, i32>,
    pub(super) plans: BTreeMap<usize, PlanId>,
    pub(super) sale_fields: BTreeMap<(u64, u16), i64>,
}

impl Model {
    /// What is left of a term that was paid for goes over, unless there is one already.
    pub(super) fn merge_terms(&mut self, source: usize, target: usize) {
        let MStores { terms, plans, .. } = &mut self.stores;
        let Some(until) = terms.remove(&source).filter(|until| *until >= self.day) else {
            return;
        };
        let same = plans[&source] == plans[&target];
        let own = terms.get(&target).copied();
        let over = own.is_some_and(|own| own < self.day);
        if over || (own.is_none() && !same) || (same && own.is_some_and(|own| own < until)) {
            terms.insert(target, until);
            plans.insert(target, plans[&source]);
        }
    }

    /// Whether business is done here.
    pub(super) fn at_work(&self, command: &Command) -> Result<(), R> {
        let (store, terminal) = (command.envelope.store.value(), command.envelope.terminal.value());
        let MStores { open, terminals, .. } = &self.stores;
        if command.action.permission() == Permissions::ADMIN {
            return Ok(());
        }
        if !open.is_empty() && !open.get(&store).copied().unwrap_or(false) {
            return Err(R::StoreClosed);
        }
        if !terminals.is_empty() && terminals.get(&terminal) != Some(&(store, true)) {
            return Err(R::TerminalUnknown);
        }
        Ok(())
    }

    pub(super) fn run_store(&mut self, action: &Action, store: u32) -> Result<(), R> {
        let money = crate::MONEY;
        match *action {
            Action::SendGoods { goods, quantity, to } => {
                self.goods(goods, quantity)?;
                if to.value() == store {
                    return Err(R::SameStore);
                }
                take(&mut self.stock, (store, goods), quantity, R::InsufficientGoods)?;
                *self.stores.transit.entry((to.value(), goods)).or_default() +=
                    i128::from(quantity);
            }
            Action::ReceiveGoods { goods, quantity } => {
                self.goods(goods, quantity)?;
                let transit = &mut self.stores.transit;
                take(transit, (store, goods), quantity, R::InsufficientGoods)?;
                *self.stock.entry((store, goods)).or_default() += i128::from(quantity);
            }
            Action::CountGoods { goods, counted } => {
                if counted != 0 {
                    self.positive(counted)?;
                }
                if !crate::is_goods(goods) {
                    return Err(R::GoodsUnknown);
                }
                let stock = self.stock.entry((store, goods)).or_default();
                if *stock == i128::from(counted) {
                    return Err(R::NothingToDo);
                }
                *self.stores.missing.entry((store, goods)).or_default() +=
                    *stock - i128::from(counted);
                *stock = counted.into();
            }
            Action::BuyMessages { count, price } => {
                if count <= 0 || price < 0 {
                    return Err(R::AmountNotPositive);
                }
                self.positive(count.max(price))?;
                let key = (store, crate::MESSAGES);
                *self.stores.messages.entry(key).or_default() += i128::from(count);
                *self.stores.expense.entry((store, money)).or_default() += i128::from(price);
                self.over_the_counter(store, -i128::from(price));
            }
            Action::UseMessages { count } => {
                self.positive(count)?;
                let key = (store, crate::MESSAGES);
                take(&mut self.stores.messages, key, count, R::InsufficientMessages)?;
            }
            Action::BookOther { amount, category } => {
                self.positive(amount.saturating_abs())?;
                if category == 0 {
                    return Err(R::ReasonMissing);
                }
                let MStores { income, expense, .. } = &mut self.stores;
                let side = if amount > 0 { income } else { expense };
                *side.entry((store, money)).or_default() += i128::from(amount).abs();
                self.over_the_counter(store, amount.into());
            }
            Action::SetStore { store, open } => {
                if self.stores.open.insert(store.value(), open) == Some(open) {
                    return Err(R::NothingToDo);
                }
            }
            Action::SetTerminal { terminal, store, open } => {
                let row = (store.value(), open);
                if self.stores.terminals.insert(terminal.value(), row) == Some(row) {
                    return Err(R::NothingToDo);
                }
            }
            Action::SetTerm { member, plan, until, fee } => {
                if fee != 0 {
                    self.positive(fee)?;
                }
                if until.value() < self.day {
                    return Err(R::DateInPast);
                }
                let id = self.known(member.into())?;
                self.open_member(id)?;
                self.stores.plans.insert(id, plan);
                self.stores.terms.remove(&id);
                if until != crate::Day::NEVER {
                    self.stores.terms.insert(id, until.value());
                }
                self.over_the_counter(store, fee.into());
            }
            Action::SetSaleField { sale, field, value } => {
                let rule = self.program.sale_fields.iter().find(|rule| rule.id == field);
                if let (Some(rule), Some(value)) = (rule, value) {
                    if !rule.holds.allows(value) {
                        return Err(R::ValueNotAllowed);
                    }
                }
                let known = self.sales.get(&sale.value());
                known.filter(|sale| sale.returnable >= self.day).ok_or(R::SaleUnknown)?;
                rule.ok_or(R::FieldUnknown)?;
                let key = (sale.value(), field.value());
                let fields = &mut self.stores.sale_fields;
                if fields.get(&key).copied() == value {
                    return Err(R::NothingToDo);
                }
                match value {
                    Some(value) => fields.insert(key, value),
                    None => fields.remove(&key),
                };
            }
            ref other => panic!("the model does not know {other:?}"),
        }
        Ok(())
    }

    fn goods(&self, goods: AssetId, quantity: i64) -> Result<(), R> {
        self.positive(quantity)?;
        if crate::is_goods(goods) { Ok(()) } else { Err(R::GoodsUnknown) }
    }

    /// The first thing in which the stores of a ledger differ.
    pub(super) fn stores_differ(&self, ledger: &Ledger) -> Option<String> {
        let own = &self.stores;
        for (code, expected) in [
            (Code::Stock, &self.stock),
            (Code::InTransit, &own.transit),
            (Code::Shrinkage, &own.missing),
            (Code::Messages, &own.messages),
            (Code::OtherIncome, &own.income),
            (Code::Expense, &own.expense),
        ] {
            let rows = ledger.accounts().filter(|(account, _)| account.code() == code);
            let mut found: BTreeMap<(u32, AssetId), i128> = BTreeMap::new();
            for (account, amount) in rows {
                let Owner::Store(store) = account.owner() else { continue };
                let amount = code.natural(amount).into();
                found.insert((store.value(), account.asset()), amount);
            }
            let mut expected = expected.clone();
            found.retain(|_, amount| *amount != 0);
            expected.retain(|_, amount| *amount != 0);
            if found != expected {
                return Some(format!("{}: {found:?}, not {expected:?}", code.name()));
            }
        }
        for ((sale, field), value) in &own.sale_fields {
            // Of a sale that was forgotten nobody knows anything.
            let sale = SaleId::new(*sale);
            let there = ledger.sale_fields(sale).any(|row| row == (FieldId::new(*field), *value));
            if ledger.sale(sale).is_some() && !there {
                return Some(format!("sale {sale} has not {value} in field {field}"));
            }
        }
        let count: usize = ledger.sales().map(|sale| ledger.sale_fields(sale.id).count()).sum();
        let known = |sale: &u64| ledger.sale(SaleId::new(*sale)).is_some();
        let expected = own.sale_fields.keys().filter(|(sale, _)| known(sale)).count();
        if count != expected {
            return Some(format!("{count} fields of sales, not {expected}"));
        }
        let ends = ledger.terms_ending(crate::Day::FIRST, crate::Day::NEVER);
        let terms: BTreeMap<usize, i32> =
            ends.map(|(day, member)| (member.value() as usize, day.value())).collect();
        if terms != own.terms {
            return Some(format!("terms {terms:?}, not {:?}", own.terms));
        }
        let stores: BTreeMap<u32, bool> =
            ledger.stores().map(|(store, open)| (store.value(), open)).collect();
        let terminals: BTreeMap<u32, (u32, bool)> = ledger
            .terminals()
            .map(|(terminal, store, open)| (terminal.value(), (store.value(), open)))
            .collect();
        ((&stores, &terminals) != (&own.open, &own.terminals))
            .then(|| format!("stores {stores:?}, terminals {terminals:?}, not {own:?}"))
    }
}

fn take(
    from: &mut BTreeMap<(u32, AssetId), i128>,
    key: (u32, AssetId),
    amount: i64,
    otherwise: R,
) -> Result<(), R> {
    let there = from.entry(key).or_default();
    if *there < i128::from(amount) {
        return Err(otherwise);
    }
    *there -= i128::from(amount);
    Ok(())
}

//! The model's cards, its members' ends, fields, goods, permissions.

use super::model::{MPackage, Model};
use crate::{
    Action, AssetId, CardChange, CardNumber, CardStatus, Day, Gives, Ledger, MemberChange,
    MemberId, MemberStatus, Permissions, Rejection as R, Who,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[derive(Clone, Debug)]
pub(super) struct MCard {
    number: u64,
    pub(super) member: MemberId,
    pub(super) status: CardStatus,
    pub(super) expires: i32,
    tries: u8,
    replaced_by: Option<usize>,
}

/// What was given for points.
#[derive(Clone, Copy, Debug)]
pub(super) enum MGift {
    Goods(AssetId, i128),
    /// Which of the coupons, and how many.
    Coupon(usize, i128),
    /// Which of the packages, and how many uses.
    Uses(usize, i128),
}

/// What may become of a card. Whatever is not here is not allowed.
const LIFE: &[(CardStatus, CardChange, CardStatus)] = {
    use {CardChange as C, CardStatus as S};
    &[
        (S::Issued, C::Activate, S::Active),
        (S::Issued, C::ReportLost, S::LostIssued),
        (S::Issued, C::Close, S::Closed),
        (S::Active, C::Lock, S::Locked),
        (S::Active, C::Freeze, S::Frozen),
        (S::Active, C::ReportLost, S::Lost),
        (S::Active, C::Close, S::Closed),
        (S::Locked, C::Unlock, S::Active),
        (S::Locked, C::Freeze, S::FrozenLocked),
        (S::Locked, C::ReportLost, S::LostLocked),
        (S::Locked, C::Close, S::Closed),
        (S::Frozen, C::Unfreeze, S::Active),
        (S::Frozen, C::ReportLost, S::LostFrozen),
        (S::Frozen, C::Close, S::Closed),
        (S::Lost, C::WithdrawLoss, S::Active),
        (S::Lost, C::Close, S::Closed),
        (S::LostIssued, C::WithdrawLoss, S::Issued),
        (S::LostIssued, C::Close, S::Closed),
        (S::LostLocked, C::WithdrawLoss, S::Locked),
        (S::LostLocked, C::Close, S::Closed),
        (S::LostFrozen, C::WithdrawLoss, S::Frozen),
        (S::LostFrozen, C::Unfreeze, S::Lost),
        (S::LostFrozen, C::Close, S::Closed),
        (S::FrozenLocked, C::Unfreeze, S::Locked),
        (S::FrozenLocked, C::Unlock, S::Frozen),
        (S::FrozenLocked, C::ReportLost, S::LostFrozenLocked),
        (S::FrozenLocked, C::Close, S::Closed),
        (S::LostFrozenLocked, C::WithdrawLoss, S::FrozenLocked),
        (S::LostFrozenLocked, C::Unfreeze, S::LostLocked),
        (S::LostFrozenLocked, C::Close, S::Closed),
    ]
};

impl Model {
    pub(super) fn card(&self, number: CardNumber) -> Option<&MCard> {
        self.cards.iter().find(|card| card.number == number.value())
    }

    pub(super) fn card_allows(&self, number: CardNumber, debit: bool) -> Result<(), R> {
        let card = self.card(number).unwrap();
        let over = card.expires < self.day;
        match card.status {
            CardStatus::Replaced => Err(R::CardReplaced),
            CardStatus::Closed => Err(R::CardClosed),
            CardStatus::Lost
            | CardStatus::LostIssued
            | CardStatus::LostLocked
            | CardStatus::LostFrozen
            | CardStatus::LostFrozenLocked => Err(R::CardLost),
            _ if over => Err(R::CardExpired),
            CardStatus::Frozen | CardStatus::FrozenLocked if debit => Err(R::CardFrozen),
            CardStatus::Locked if debit => Err(R::CardLocked),
            CardStatus::Issued => Err(R::CardNotActive),
            _ => Ok(()),
        }
    }

    /// A card that is to be changed: its place.
    fn managed(&self, number: CardNumber) -> Result<usize, R> {
        let place = self.cards.iter().position(|card| card.number == number.value());
        let place = place.ok_or(R::CardUnknown)?;
        self.open_member(self.known(Who::Card(number))?)?;
        match self.cards[place].status {
            CardStatus::Replaced => Err(R::CardReplaced),
            CardStatus::Closed => Err(R::CardClosed),
            _ => Ok(place),
        }
    }

    pub(super) fn permitted(&self, actor: u32, action: &Action) -> Result<(), R> {
        let may = |what| {
            let own = self.actors.get(&actor).copied().unwrap_or(Permissions::NONE);
            self.actors.is_empty() || own.contains(what)
        };
        let special = match action {
            Action::SetField { field, .. } => {
                self.program.fields.iter().any(|known| known.id == *field && known.special)
            }
            _ => false,
        };
        if may(action.permission()) && (!special || may(Permissions::MEMBERS)) {
            Ok(())
        } else {
            Err(R::NotPermitted)
        }
    }

    pub(super) fn change_member(&mut self, member: MemberId, by: MemberChange) -> Result<(), R> {
        let id = self.known(member.into())?;
        if by == MemberChange::Erase && self.members[id].closed && !self.members[id].erased {
            self.members[id].erased = true;
            for place in 0..self.tokens.len() {
                if self.resolve(MemberId::new(place as u32)) == id {
                    self.tokens[place] = 0;
                }
            }
            self.fields.retain(|(owner, _), _| *owner != id);
            return Ok(());
        }
        self.open_member(id)?;
        match (self.members[id].frozen, by) {
            (false, MemberChange::Freeze) => self.members[id].frozen = true,
            (true, MemberChange::Unfreeze) => self.members[id].frozen = false,
            (false, MemberChange::Close) if self.has_anything(id) => return Err(R::BalanceLeft),
            (false, MemberChange::Close) => self.members[id].closed = true,
            _ => return Err(R::ChangeNotAllowed),
        }
        Ok(())
    }

    fn has_anything(&self, id: usize) -> bool {
        let row = &self.members[id];
        row.debt + row.purse + row.owes > 0
            || self.lots.iter().any(|lot| lot.member == id && lot.p + lot.b > 0)
            || self.holds.values().any(|hold| hold.member == id)
            || self.coupons.iter().any(|coupon| coupon.member == id && coupon.left > 0)
            || self.packages.iter().any(|package| package.member == id && package.left > 0)
    }

    pub(super) fn merge_fields(&mut self, source: usize, target: usize) {
        let moved: Vec<_> = self.fields.iter().filter(|((id, _), _)| *id == source).collect();
        let moved: Vec<(u16, i64)> = moved.into_iter().map(|((_, f), v)| (*f, *v)).collect();
        for (field, value) in moved {
            self.fields.remove(&(source, field));
            self.fields.entry((target, field)).or_insert(value);
        }
    }

    fn fee(&self, fee: i64) -> Result<(), R> {
        if fee == 0 { Ok(()) } else { self.positive(fee) }
    }

    /// Actions about cards, goods, fields, parameters and actors.
    pub(super) fn run_people(
        &mut self,
        seq: u64,
        action: &Action,
        (store, actor): (u32, u32),
    ) -> Result<(), R> {
        match *action {
            Action::IssueCard { member, card, expires, active, fee, .. } => {
                self.fee(fee)?;
                if card.value() == 0 {
                    return Err(R::CardNumberMissing);
                }
                if expires.value() < self.day {
                    return Err(R::DateInPast);
                }
                let id = self.known(member.into())?;
                if self.card(card).is_some() {
                    return Err(R::CardNumberTaken);
                }
                self.open_member(id)?;
                let status = if active { CardStatus::Active } else { CardStatus::Issued };
                self.new_card(card, MemberId::new(id as u32), status, expires.value());
                self.over_the_counter(store, fee.into());
                let on_card = self.commission_rule(id).map_or(0, |rule| rule.on_card);
                if actor != 0 {
                    *self.commission.entry(actor).or_default() += i128::from(on_card);
                }
            }
            Action::ChangeCard { card, change } => {
                if matches!(change, CardChange::Extend(day) if day.value() < self.day) {
                    return Err(R::DateInPast);
                }
                let place = self.managed(card)?;
                let row = &mut self.cards[place];
                if let CardChange::Extend(day) = change {
                    if day.value() <= row.expires {
                        return Err(R::ChangeNotAllowed);
                    }
                    row.expires = day.value();
                    return Ok(());
                }
                let step = LIFE.iter().find(|(from, by, _)| (*from, *by) == (row.status, change));
                row.status = step.ok_or(R::ChangeNotAllowed)?.2;
                if matches!(change, CardChange::Activate | CardChange::Unlock) {
                    row.tries = 0;
                }
            }
            Action::ReplaceCard { card, new, fee } => {
                self.fee(fee)?;
                if new.value() == 0 {
                    return Err(R::CardNumberMissing);
                }
                if self.card(card).is_none() {
                    return Err(R::CardUnknown);
                }
                if self.card(new).is_some() {
                    return Err(R::CardNumberTaken);
                }
                let place = self.managed(card)?;
                let old = self.cards[place].clone();
                if matches!(
                    old.status,
                    CardStatus::Issued
                        | CardStatus::Frozen
                        | CardStatus::FrozenLocked
                        | CardStatus::LostFrozen
                        | CardStatus::LostFrozenLocked
                ) {
                    return Err(R::ChangeNotAllowed);
                }
                let waits = old.status == CardStatus::LostIssued;
                let status = if waits { CardStatus::Issued } else { CardStatus::Active };
                let owner = MemberId::new(self.resolve(old.member) as u32);
                self.new_card(new, owner, status, old.expires);
                self.cards[place].status = CardStatus::Replaced;
                self.cards[place].replaced_by = Some(self.cards.len() - 1);
                self.over_the_counter(store, fee.into());
            }
            Action::ReportPin { card, correct } => {
                let place = self.managed(card)?;
                let row = &mut self.cards[place];
                if row.status != CardStatus::Active {
                    return Err(R::ChangeNotAllowed);
                }
                row.tries = if correct { 0 } else { row.tries + 1 };
                if row.tries >= self.program.pin_tries_max && !correct {
                    row.status = CardStatus::Locked;
                }
            }
            Action::RenewCard { card, expires, fee } => {
                self.fee(fee)?;
                if expires.value() < self.day {
                    return Err(R::DateInPast);
                }
                let place = self.managed(card)?;
                if expires.value() <= self.cards[place].expires {
                    return Err(R::ChangeNotAllowed);
                }
                self.cards[place].expires = expires.value();
                self.over_the_counter(store, fee.into());
            }
            Action::MoveCard { card, to } => {
                if self.card(card).is_none() {
                    return Err(R::CardUnknown);
                }
                let target = self.known(to.into()).map_err(|_| R::TargetUnknown)?;
                if self.known(Who::Card(card)) == Ok(target) {
                    return Err(R::SameMember);
                }
                let place = self.managed(card)?;
                if self.members[target].frozen || self.members[target].closed {
                    return Err(R::TargetUnusable);
                }
                self.cards[place].member = MemberId::new(target as u32);
            }
            Action::StockGoods { goods, quantity } => {
                if quantity == 0 {
                    return Err(R::QuantityZero);
                }
                if i128::from(quantity).abs() > i128::from(self.limits.amount_max) {
                    return Err(R::AmountTooLarge);
                }
                if !crate::is_goods(goods) {
                    return Err(R::GoodsUnknown);
                }
                let stock = self.stock.entry((store, goods)).or_default();
                if *stock + i128::from(quantity) < 0 {
                    return Err(R::InsufficientGoods);
                }
                *stock += i128::from(quantity);
            }
            Action::Reward { who, reward, quantity } => {
                self.give_reward(seq, who, reward.value(), quantity, store)?;
            }
            Action::SetField { member, field, value } => {
                let rule = self.program.fields.iter().find(|known| known.id == field).copied();
                if let (Some(rule), Some(value)) = (rule, value) {
                    if !rule.holds.allows(value) {
                        return Err(R::ValueNotAllowed);
                    }
                }
                let id = self.known(member.into())?;
                rule.ok_or(R::FieldUnknown)?;
                self.open_member(id)?;
                let key = (id, field.value());
                if self.fields.get(&key).copied() == value {
                    return Err(R::NothingToDo);
                }
                match value {
                    Some(value) => self.fields.insert(key, value),
                    None => self.fields.remove(&key),
                };
            }
            Action::SetParameter { parameter, value } => {
                self.parameters.insert(parameter.value(), value);
            }
            Action::Permit { actor, permissions } => {
                let mut after = self.actors.clone();
                after.insert(actor.value(), permissions);
                if !after.values().any(|may| may.contains(Permissions::ADMIN)) {
                    return Err(R::ChangeNotAllowed);
                }
                self.actors = after;
            }
            ref other => self.run_store(other, store)?,
        }
        Ok(())
    }

    fn new_card(&mut self, number: CardNumber, member: MemberId, status: CardStatus, expires: i32) {
        let number = number.value();
        self.cards.push(MCard { number, member, status, expires, tries: 0, replaced_by: None });
    }

    fn give_reward(
        &mut self,
        seq: u64,
        who: Who,
        reward: u32,
        quantity: u32,
        store: u32,
    ) -> Result<(), R> {
        if quantity == 0 {
            return Err(R::QuantityZero);
        }
        self.known(who)?;
        let rule = self.program.rewards.iter().find(|known| known.id.value() == reward).copied();
        let rule = rule.ok_or(R::RewardUnknown)?;
        let member = self.usable(who, true)?;
        if rule.from.value() > self.day || rule.until.value() < self.day {
            return Err(R::RewardNotValid);
        }
        let count = i128::from(quantity);
        let points = i128::from(rule.points) * count;
        if self.sum(member, true) < points {
            return Err(R::InsufficientPoints);
        }
        let gift = match rule.gives {
            Gives::Goods(goods) => {
                let stock = self.stock.entry((store, goods)).or_default();
                if *stock < count {
                    return Err(R::InsufficientGoods);
                }
                *stock -= count;
                MGift::Goods(goods, count)
            }
            Gives::Coupon(kind) => {
                if !self.program.coupons.iter().any(|rule| rule.kind == kind) {
                    return Err(R::RuleUnknown);
                }
                self.give(seq, member, kind, count)?;
                MGift::Coupon(self.coupons.len() - 1, count)
            }
            Gives::Uses(kind, uses, days) => {
                let all = i128::from(uses) * count;
                let expires = Day::new(self.day).plus(days).value();
                self.packages.push(MPackage {
                    kind,
                    member,
                    all,
                    left: all,
                    held: 0,
                    price: 0,
                    from: self.day,
                    expires,
                });
                MGift::Uses(self.packages.len() - 1, all)
            }
        };
        let taken = self.take(member, true, points)?;
        self.redemption(seq, member, points, taken, store, Some(gift));
        Ok(())
    }

    pub(super) fn is_whole(&self, gift: MGift) -> bool {
        match gift {
            MGift::Goods(..) => true,
            MGift::Coupon(n, count) => {
                self.coupons[n].left == count && self.coupons[n].expires >= self.day
            }
            MGift::Uses(n, count) => {
                self.packages[n].left == count && self.packages[n].expires >= self.day
            }
        }
    }

    pub(super) fn take_gift_back(&mut self, gift: MGift, store: u32) {
        match gift {
            MGift::Goods(goods, count) => {
                *self.stock.entry((store, goods)).or_default() += count;
            }
            MGift::Coupon(n, count) => {
                self.coupons[n].left = 0;
                *self.issued.entry(self.coupons[n].kind).or_default() -= count;
            }
            MGift::Uses(n, _) => self.packages[n].left = 0,
        }
    }

    /// The first thing in which a ledger differs.
    pub(super) fn people_differ(&self, ledger: &Ledger) -> Option<String> {
        for (id, row) in self.members.iter().enumerate() {
            let member = MemberId::new(id as u32);
            let is = ledger.member(member)?;
            let expected = match row {
                _ if row.merged.is_some() => MemberStatus::Merged,
                _ if row.erased => MemberStatus::Erased,
                _ if row.closed => MemberStatus::Closed,
                _ if row.frozen => MemberStatus::Frozen,
                _ => MemberStatus::Active,
            };
            if (is.status, ledger.token(member).map(|token| token.value()))
                != (expected, Some(self.tokens[id]))
            {
                return Some(format!("member {id} is {:?}, not {expected:?}", is.status));
            }
            let own = self.fields.iter().filter(|((owner, _), _)| *owner == id);
            let own: Vec<(u16, i64)> = own.map(|((_, field), value)| (*field, *value)).collect();
            let found = ledger.fields_of(member);
            let found: Vec<_> = found.map(|(field, value)| (field.value(), value)).collect();
            if found != own {
                return Some(format!("member {id} has the fields {found:?}, not {own:?}"));
            }
        }
        let rows = |card: &crate::Card| {
            let member = ledger.resolve(card.member).value();
            let by = card.replaced_by().map(|by| by.value() as usize);
            (card.number.value(), member, card.status, card.expires.value(), card.pin_tries, by)
        };
        let found: Vec<_> = ledger.cards().map(rows).collect();
        let rows = |card: &MCard| {
            let member = self.resolve(card.member) as u32;
            (card.number, member, card.status, card.expires, card.tries, card.replaced_by)
        };
        let expected: Vec<_> = self.cards.iter().map(rows).collect();
        if found != expected {
            return Some(format!("cards {found:?}, not {expected:?}"));
        }
        let found: Vec<_> = ledger.actors().map(|(actor, may)| (actor.value(), may)).collect();
        let expected: Vec<_> = self.actors.iter().map(|(actor, may)| (*actor, *may)).collect();
        if found != expected {
            return Some(format!("actors {found:?}, not {expected:?}"));
        }
        let found: Vec<_> =
            ledger.parameters().map(|(which, value)| (which.value(), value)).collect();
        let expected: Vec<_> = self.parameters.iter().map(|(n, value)| (*n, *value)).collect();
        (found != expected).then(|| format!("parameters {found:?}, not {expected:?}"))
    }
}

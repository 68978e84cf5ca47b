//! Members and cards.

use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY};
use crate::command::{CardChange, MemberChange, MemberKind};
use crate::ids::{ActorId, CardId, CardNumber, Day, MemberId, MemberToken, PlanId, ProductId};
use crate::permission::Permissions;
use crate::record::{Fact, Kind};
use crate::rejection::Rejection;
use crate::state::{Card, CardStatus, MemberStatus};

impl<'l> Prepare<'l, '_> {
    pub(super) fn enrol(
        &mut self,
        token: MemberToken,
        kind: MemberKind,
        plan: PlanId,
        referrer: Option<MemberId>,
    ) -> Result<(), Rejection> {
        if token.value() == 0 {
            return Err(Rejection::TokenMissing);
        }
        let above = referrer
            .map(|id| self.ledger.resolve(id))
            .map(|id| self.ledger.member(id).ok_or(Rejection::ReferrerUnknown))
            .transpose()?;
        let referrer = referrer.map(|id| self.ledger.resolve(id));
        if self.ledger.member_by_token(token).is_some() {
            return Err(Rejection::TokenTaken);
        }
        let depth_max = self.ledger.limits.referral_depth_max;
        match above {
            Some(above) if matches!(above.status, MemberStatus::Closed | MemberStatus::Erased) => {
                return Err(Rejection::MemberClosed);
            }
            Some(above) if above.depth >= depth_max => return Err(Rejection::ReferralTooDeep),
            _ => {}
        }
        let count = self.ledger.member_count();
        if count >= self.ledger.limits.members_max as usize {
            return Err(Rejection::MembersFull);
        }
        let member = MemberId::new(u32::try_from(count).map_err(|_| Rejection::MembersFull)?);
        self.about(Kind::Enrolled, Some(member));
        let tier = self.ledger.program.first_tier();
        self.draft.fact(Fact::MemberEnrolled { member, token, kind, plan, tier, referrer });
        Ok(())
    }

    pub(super) fn change_member(
        &mut self,
        member: MemberId,
        change: MemberChange,
    ) -> Result<(), Rejection> {
        let party = self.member(member)?;
        let member = party.id;
        if change == MemberChange::Erase && party.member.status == MemberStatus::Closed {
            self.about(Kind::MemberChanged, Some(member));
            let status = MemberStatus::Erased;
            self.draft.fact(Fact::MemberChanged { member, status });
            return Ok(());
        }
        self.allow(party, Use::Credit)?;
        let status = match (party.member.status, change) {
            (MemberStatus::Active, MemberChange::Freeze) => MemberStatus::Frozen,
            (MemberStatus::Frozen, MemberChange::Unfreeze) => MemberStatus::Active,
            (MemberStatus::Active, MemberChange::Close) => {
                if party.member.balances().any(|(_, amount)| amount != 0) {
                    return Err(Rejection::BalanceLeft);
                }
                MemberStatus::Closed
            }
            _ => return Err(Rejection::ChangeNotAllowed),
        };
        self.about(Kind::MemberChanged, Some(member));
        self.draft.fact(Fact::MemberChanged { member, status });
        Ok(())
    }

    pub(super) fn issue_card(
        &mut self,
        member: MemberId,
        number: CardNumber,
        product: ProductId,
        expires: Day,
        active: bool,
        fee: i64,
    ) -> Result<(), Rejection> {
        self.not_negative(fee)?;
        if number.value() == 0 {
            return Err(Rejection::CardNumberMissing);
        }
        if expires < self.at.day {
            return Err(Rejection::DateInPast);
        }
        let party = self.member(member)?;
        let member = party.id;
        if self.ledger.card(number).is_some() {
            return Err(Rejection::CardNumberTaken);
        }
        self.allow(party, Use::Credit)?;
        let card = self.next_card();
        let status = if active { CardStatus::Active } else { CardStatus::Issued };
        self.about(Kind::CardIssued, Some(member));
        self.draft.fact(Fact::CardIssued { card, member, number, product, status, expires });
        self.fee(fee);
        self.commission(Some(party), |rule| (crate::Ratio::ZERO, rule.on_card), 0)
    }

    pub(super) fn change_card(
        &mut self,
        number: CardNumber,
        change: CardChange,
    ) -> Result<(), Rejection> {
        if matches!(change, CardChange::Extend(day) if day < self.at.day) {
            return Err(Rejection::DateInPast);
        }
        let (id, card, party) = self.managed_card(number)?;
        let (status, expires) = card_after(card, change).ok_or(Rejection::ChangeNotAllowed)?;
        let pin_tries = match change {
            CardChange::Activate | CardChange::Unlock => 0,
            _ => card.pin_tries,
        };
        self.about(Kind::CardChanged, Some(party.id));
        self.draft.fact(Fact::CardChanged { card: id, status, expires, pin_tries });
        Ok(())
    }

    pub(super) fn replace_card(
        &mut self,
        number: CardNumber,
        new: CardNumber,
        fee: i64,
    ) -> Result<(), Rejection> {
        self.not_negative(fee)?;
        if new.value() == 0 {
            return Err(Rejection::CardNumberMissing);
        }
        if self.ledger.card(number).is_none() {
            return Err(Rejection::CardUnknown);
        }
        if self.ledger.card(new).is_some() {
            return Err(Rejection::CardNumberTaken);
        }
        let (id, card, party) = self.managed_card(number)?;
        // A frozen card stays with the scheme until it is unfrozen, lost or not. One that nobody
        // has activated has a successor that waits for the same; a lock goes with the medium, for
        // the new one has a PIN of its own.
        let status = match card.status {
            CardStatus::LostIssued => CardStatus::Issued,
            CardStatus::Active | CardStatus::Locked => CardStatus::Active,
            CardStatus::Lost | CardStatus::LostLocked => CardStatus::Active,
            _ => return Err(Rejection::ChangeNotAllowed),
        };
        let by = self.next_card();
        self.about(Kind::CardReplaced, Some(party.id));
        self.draft.fact(Fact::CardChanged {
            card: id,
            status: CardStatus::Replaced,
            expires: card.expires,
            pin_tries: card.pin_tries,
        });
        self.draft.fact(Fact::CardIssued {
            card: by,
            member: party.id,
            number: new,
            product: card.product,
            status,
            expires: card.expires,
        });
        self.draft.fact(Fact::CardReplaced { card: id, by });
        self.fee(fee);
        Ok(())
    }

    pub(super) fn report_pin(
        &mut self,
        number: CardNumber,
        correct: bool,
    ) -> Result<(), Rejection> {
        let (id, card, party) = self.managed_card(number)?;
        if card.status != CardStatus::Active {
            return Err(Rejection::ChangeNotAllowed);
        }
        let pin_tries = if correct { 0 } else { card.pin_tries.saturating_add(1) };
        let locked = !correct && pin_tries >= self.ledger.program.pin_tries_max;
        let status = if locked { CardStatus::Locked } else { card.status };
        self.about(Kind::PinReported, Some(party.id));
        self.draft.fact(Fact::PinReported { card: id, correct: u8::from(correct) });
        self.draft.fact(Fact::CardChanged { card: id, status, expires: card.expires, pin_tries });
        Ok(())
    }

    /// Someone must always be left who can permit.
    pub(super) fn permit(
        &mut self,
        actor: ActorId,
        permissions: Permissions,
    ) -> Result<(), Rejection> {
        let actors = &self.ledger.actors;
        let mut others = actors.iter().filter(|(other, _)| **other != actor);
        let admin = Permissions::ADMIN;
        if !permissions.contains(admin) && !others.any(|(_, may)| may.contains(admin)) {
            return Err(Rejection::ChangeNotAllowed);
        }
        let room = actors.len() < self.ledger.limits.actors_max as usize;
        if !room && !actors.contains_key(&actor) {
            return Err(Rejection::ActorsFull);
        }
        self.about(Kind::Permitted, None);
        self.draft.fact(Fact::ActorPermitted { actor, permissions });
        Ok(())
    }

    /// A card that is to be changed, not used: only dead ones are refused.
    pub(super) fn managed_card(
        &self,
        number: CardNumber,
    ) -> Result<(CardId, &'l Card, Party<'l>), Rejection> {
        let id = self.ledger.card_id(number).ok_or(Rejection::CardUnknown)?;
        let card = self.ledger.card_at(id).ok_or(Rejection::CardUnknown)?;
        let party = self.member(card.member)?;
        self.allow(party, Use::Credit)?;
        match card.status {
            CardStatus::Replaced => Err(Rejection::CardReplaced),
            CardStatus::Closed => Err(Rejection::CardClosed),
            _ => Ok((id, card, party)),
        }
    }

    fn next_card(&mut self) -> CardId {
        let count = self.ledger.cards.len();
        if count >= self.ledger.limits.cards_max as usize {
            self.fill(Rejection::CardsFull);
        }
        CardId::new(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(super) fn fee(&mut self, fee: i64) {
        self.draft.store(Code::Tender, MONEY, fee);
        self.draft.store(Code::Fee, MONEY, fee.saturating_neg());
    }
}

/// The state machine of a card; `None` is a change that the state does not allow.
pub(crate) fn card_after(card: &Card, change: CardChange) -> Option<(CardStatus, Day)> {
    use CardStatus as S;
    let status = match (card.status, change) {
        (S::Issued, CardChange::Activate) => S::Active,
        (S::Active, CardChange::Lock) => S::Locked,
        (S::Locked, CardChange::Unlock) => S::Active,
        (S::Active, CardChange::Freeze) => S::Frozen,
        (S::Frozen, CardChange::Unfreeze) => S::Active,
        (S::LostFrozen, CardChange::Unfreeze) => S::Lost,
        // The scheme freezes, wrong PINs and the holder lock: neither lifts what the other did.
        (S::Locked, CardChange::Freeze) => S::FrozenLocked,
        (S::FrozenLocked, CardChange::Unfreeze) => S::Locked,
        (S::FrozenLocked, CardChange::Unlock) => S::Frozen,
        (S::LostFrozenLocked, CardChange::Unfreeze) => S::LostLocked,
        // A loss covers what held before and does not lift it.
        (status, CardChange::ReportLost) => status.lost()?,
        (status, CardChange::WithdrawLoss) => status.found()?,
        (S::Replaced | S::Closed, _) => return None,
        (_, CardChange::Close) => S::Closed,
        (status, CardChange::Extend(day)) if day > card.expires => return Some((status, day)),
        _ => return None,
    };
    Some((status, card.expires))
}

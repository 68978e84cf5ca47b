//! What a receipt says of what was booked.

use crate::account::{MONEY, POINTS};
use crate::ids::LotId;
use crate::ledger::Ledger;
use crate::receipt::Receipt;
use crate::record::{Fact, Head, Kind, MoveKind};
use crate::state::Tenders;

impl Ledger {
    /// Notes on the receipt what a move says to the sender.
    #[inline]
    pub(super) fn note_move(
        &self,
        head: &Head,
        lot: LotId,
        how: MoveKind,
        (principal, bonus): (i64, i64),
        receipt: &mut Receipt,
    ) {
        let add = |to: &mut i64, amount: i64| *to = to.saturating_add(amount);
        match how {
            MoveKind::Add if self.lots.asset(lot) == Some(MONEY) => {
                add(&mut receipt.amount, principal);
                add(&mut receipt.bonus, bonus);
            }
            // What a referrer gets is not for this receipt.
            MoveKind::Add if head.kind != Kind::Transferred && self.is_own(head, lot) => {
                add(&mut receipt.points, principal);
            }
            MoveKind::Send | MoveKind::Expire => {
                add(&mut receipt.amount, principal.saturating_add(bonus));
            }
            MoveKind::Use | MoveKind::TakeHeld => add(&mut receipt.amount, principal),
            _ => {}
        }
    }

    /// Whether a lot is of the member that the record is about.
    fn is_own(&self, head: &Head, lot: LotId) -> bool {
        let owner = self.lots.owner(lot);
        owner == head.member || owner.map(|owner| self.resolve(owner)) == head.member
    }
}

/// Notes on the receipt what a fact says to the sender.
#[inline]
pub(super) fn fact(head: &Head, fact: &Fact, receipt: &mut Receipt) {
    let add = |to: &mut i64, amount: i64| *to = to.saturating_add(amount);
    match *fact {
        Fact::TierChanged { .. } => receipt.tier_changed = true,
        Fact::LotOpened { member, asset, principal, bonus, .. } => match head.kind {
            Kind::ToppedUp | Kind::ChangeSwept | Kind::BalanceOpened if asset == MONEY => {
                add(&mut receipt.amount, principal);
                add(&mut receipt.bonus, bonus);
            }
            Kind::Transferred if asset == MONEY || asset == POINTS => {}
            Kind::Refunded => {}
            Kind::CouponsIssued | Kind::Transferred => add(&mut receipt.amount, principal),
            _ if asset == POINTS && Some(member) == head.member => {
                add(&mut receipt.points, principal);
            }
            _ => {}
        },
        Fact::OrderLine { net, .. } => add(&mut receipt.amount, net),
        Fact::CouponsWithdrawn { count, .. } => receipt.amount = count,
        Fact::SoldOnAccount { amount, .. } | Fact::PaymentReceived { amount, .. } => {
            receipt.amount = amount;
        }
        Fact::StoredRefunded { paid, .. } => receipt.amount = paid,
        Fact::Deferred { amount, .. } if head.kind == Kind::UsesReturned => {
            receipt.amount = receipt.amount.saturating_sub(amount);
        }
        Fact::Deferred { amount, .. } if head.kind == Kind::PackageSold => receipt.amount = amount,
        Fact::DebtPaid { member, points } if Some(member) == head.member => {
            add(&mut receipt.points, points);
        }
        Fact::HoldOpened { principal, bonus, .. } => {
            receipt.amount = principal.saturating_add(bonus);
        }
        Fact::SaleOpened {
            asset, discount, cash, principal, bonus, points, points_value, ..
        } => {
            let tenders = Tenders { cash, principal, bonus, points, points_value, account: 0 };
            receipt.amount = receipt.amount.saturating_add(tenders.total(asset));
            receipt.bonus = discount;
            receipt.points = receipt.points.saturating_sub(points);
        }
        Fact::SaleReturned { amount, points, clawed, .. } => {
            receipt.amount = amount;
            receipt.points = points.saturating_sub(clawed);
        }
        Fact::OtherBooked { amount, .. } => receipt.amount = amount,
        Fact::PointsAdjusted { points, .. } => receipt.points = points,
        _ => {}
    }
}

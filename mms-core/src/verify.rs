//! The laws of the ledger, checked on the state as it is.

use crate::account::{Code, MONEY, Owner};
use crate::ids::{AssetId, LotId, MemberId};
use crate::ledger::Ledger;
use crate::state::{CardStatus, MemberStatus, held_codes};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What [`Ledger::verify`] found, law by law.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// One entry for each law.
    pub checks: Vec<Check>,
}

/// One law. See [`Verification`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Its number in `docs/mms-core.md`.
    pub id: &'static str,
    /// What it says.
    pub law: &'static str,
    /// How many things were looked at.
    pub seen: u64,
    /// The first thing that breaks it.
    pub fault: Option<String>,
}

impl Verification {
    /// Whether every law holds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.fault.is_none())
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let Check { id, law, seen, .. } = check;
            match &check.fault {
                None => writeln!(f, "ok     {id:<4} {law} ({seen} seen)")?,
                Some(fault) => writeln!(f, "BROKEN {id:<4} {law}: {fault}")?,
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// Looks at everything and says which laws hold. Linear in the size of the ledger:
    /// for audits, tests and the moment after a recovery.
    #[must_use]
    pub fn verify(&self) -> Verification {
        let checks = alloc::vec![
            law("I1", "postings sum to zero for each asset", |check| self.sums(check)),
            law("I2", "balances are what the lots hold", |check| self.lots_tie(check)),
            law("I3", "no account of a member is overdrawn", |check| self.bounds(check)),
            law("I10", "no tender was refunded beyond what it paid", |check| {
                self.refunds(check)
            }),
            law("I11", "no more points were taken back than earned", |check| self.claws(check)),
            law("I12", "lots are in the order in which they are spent", |check| {
                self.spending_order(check)
            }),
            law("I14", "a replaced card points to its successor", |check| self
                .replaced_cards(check)),
            law("I16", "holds are what lots have set aside", |check| self.holds_tie(check)),
            law("I31", "parked orders end when they say", |check| {
                let orders = &self.orders;
                for (id, order) in &orders.open {
                    let sound =
                        orders.ends.contains(&(order.until, *id)) && !order.lines.is_empty();
                    check.saw(sound, || format!("order {id}: {order:?}"));
                }
                check.saw(orders.ends.len() == orders.open.len(), || {
                    format!("{} orders, {} ends", orders.open.len(), orders.ends.len())
                });
            }),
            law("I17", "pools count what the stores issued", |check| self.pools(check)),
            law("I18", "referrers come before those they brought", |check| {
                self.referrals(check)
            }),
            law("I19", "tiers are reviewed on their day", |check| self.tiers(check)),
            law("I20", "what stores owe each other nets to zero", |check| {
                let net =
                    self.total(Code::Due, MONEY).saturating_add(self.total(Code::Owed, MONEY));
                check.saw(net == 0, || format!("it nets to {net}"));
            }),
            law("I30", "closed and merged members have nothing", |check| self.closed(check)),
        ];
        Verification { checks }
    }

    fn sums(&self, check: &mut Check) {
        let mut sums: BTreeMap<AssetId, i128> = BTreeMap::new();
        for (account, amount) in self.accounts() {
            check.saw(true, String::new);
            let sum = sums.entry(account.asset()).or_default();
            *sum = sum.saturating_add(i128::from(amount));
        }
        for (asset, sum) in sums {
            check.saw(sum == 0, || format!("asset {asset} sums to {sum}"));
        }
    }

    fn lots_tie(&self, check: &mut Check) {
        let mut sums: BTreeMap<(MemberId, Code, AssetId), i128> = BTreeMap::new();
        let mut add = |member, code, asset, amount: i64| {
            let sum = sums.entry((member, code, asset)).or_default();
            *sum = sum.saturating_add(i128::from(amount));
        };
        for (_, lot) in self.lots.all() {
            let member = self.resolve(lot.member);
            add(member, lot.code(), lot.asset, lot.principal);
            add(member, Code::Deferred, MONEY, lot.deferred);
            match lot.asset {
                MONEY => {
                    add(member, Code::StoredBonus, MONEY, lot.bonus);
                    add(member, Code::HeldPrincipal, MONEY, lot.held_principal);
                    add(member, Code::HeldBonus, MONEY, lot.held_bonus);
                }
                asset => add(member, held_codes(asset).0, asset, lot.held_principal),
            }
        }
        for (account, amount) in self.accounts() {
            let (code, asset) = (account.code(), account.asset());
            let Owner::Member(member) = account.owner() else {
                continue;
            };
            // What has no lots: debts, and change.
            if matches!(code, Code::PointsDebt | Code::ChangePurse | Code::Receivable) {
                continue;
            }
            let booked = i128::from(code.natural(amount));
            let held = sums.remove(&(member, code, asset)).unwrap_or(0);
            check.saw(booked == held, || {
                format!("member {member} {}: booked {booked}, in lots {held}", code.short())
            });
        }
        for ((member, code, _), held) in sums {
            check.saw(held == 0, || {
                format!("member {member} {}: nothing booked, in lots {held}", code.short())
            });
        }
    }

    fn bounds(&self, check: &mut Check) {
        for (account, amount) in self.accounts() {
            let code = account.code();
            check.saw(!code.is_bounded() || code.natural(amount) >= 0, || {
                format!("{account:?} stands at {amount}")
            });
        }
        for (id, lot) in self.lots.all() {
            check.saw(lot.is_plausible(), || format!("{id:?} holds {lot:?}"));
        }
    }

    fn refunds(&self, check: &mut Check) {
        for sale in self.sales.all() {
            let (paid, back) = (&sale.paid, &sale.returned);
            let fits = back.cash <= paid.cash
                && back.principal <= paid.principal
                && back.bonus <= paid.bonus
                && back.points <= paid.points
                && back.points_value <= paid.points_value
                && back.account <= paid.account
                && sale.commission_back <= sale.commission.map_or(0, |(_, amount)| amount)
                && sale.discount_returned <= sale.discount;
            check.saw(fits, || format!("sale {}: paid {paid:?}, returned {back:?}", sale.id));
            check.saw(self.sale_ties(&sale), || {
                format!("sale {}: lots did not give and get back what it says", sale.id)
            });
        }
    }

    fn claws(&self, check: &mut Check) {
        for sale in self.sales.all() {
            check.saw(sale.clawed <= sale.earned, || {
                format!("sale {}: earned {}, taken back {}", sale.id, sale.earned, sale.clawed)
            });
            for (_, reward) in self.sales.rewards(&sale) {
                check.saw(reward.clawed <= reward.points, || {
                    format!("sale {}: a referrer lost more than it got", sale.id)
                });
            }
        }
    }

    fn spending_order(&self, check: &mut Check) {
        let mut listed: u64 = 0;
        for (member, id) in self.members.iter().zip(0_u32..) {
            let mut last = None;
            for (lot_id, lot) in self.lots.of(member.lots) {
                let key = self.lots.order(lot_id);
                let in_order = last.is_none_or(|last| last < key);
                let own = self.resolve(lot.member) == MemberId::new(id) && lot.left() > 0;
                check.saw(in_order && own, || format!("member {id}: {lot_id:?} is out of order"));
                last = Some(key);
                listed = listed.saturating_add(1);
            }
        }
        self.references(check);
        let with_value = self.lots.all().filter(|(_, lot)| lot.left() > 0).count() as u64;
        check.saw(listed == with_value, || {
            format!("{with_value} lots hold value, {listed} are listed")
        });
    }

    /// A lot is kept as long as a sale can be returned to it.
    fn references(&self, check: &mut Check) {
        let mut refs: BTreeMap<LotId, u32> = BTreeMap::new();
        let allocs = self.sales.allocs.items.iter().map(|alloc| alloc.lot);
        let rewards = self.sales.rewards.items.iter().filter_map(|reward| reward.lot);
        let kept = self.sales.all().flat_map(|sale| sale.kept_lots().collect::<Vec<_>>());
        for id in allocs.chain(kept).chain(rewards) {
            let count = refs.entry(id).or_default();
            *count = count.saturating_add(1);
        }
        for (id, lot) in self.lots.all() {
            let wanted = refs.remove(&id).unwrap_or(0);
            check.saw(lot.refs == wanted, || {
                format!("{id:?} counts {} sales, {wanted} refer to it", lot.refs)
            });
        }
        check.saw(refs.is_empty(), || format!("sales refer to lots that are gone: {refs:?}"));
    }

    fn replaced_cards(&self, check: &mut Check) {
        for card in &self.cards {
            let successor = card.replaced_by().and_then(|by| self.card_at(by));
            let ties = match card.status {
                CardStatus::Replaced => {
                    // The successor may have gone to another member since.
                    successor.is_some()
                }
                _ => card.replaced_by().is_none(),
            };
            check.saw(ties, || format!("card {} is {:?}", card.number, card.status));
        }
    }

    fn holds_tie(&self, check: &mut Check) {
        let mut held: BTreeMap<LotId, (i64, i64)> = BTreeMap::new();
        for (id, hold) in &self.holds {
            for alloc in &hold.allocs {
                let of_lot = held.entry(alloc.lot).or_default();
                of_lot.0 = of_lot.0.saturating_add(alloc.principal);
                of_lot.1 = of_lot.1.saturating_add(alloc.bonus);
            }
            let listed = self.hold_ends.contains(&(hold.until, *id));
            check.saw(self.hold_ties(hold) && listed, || format!("hold {id}: {hold:?}"));
        }
        for (id, lot) in self.lots.all() {
            let wanted = held.remove(&id).unwrap_or_default();
            let there = (lot.held_principal, lot.held_bonus);
            check.saw(there == wanted, || {
                format!("{id:?} has {there:?} set aside, holds say {wanted:?}")
            });
        }
    }

    fn pools(&self, check: &mut Check) {
        let mut issued: BTreeMap<AssetId, i64> = BTreeMap::new();
        for (account, amount) in self.accounts() {
            if account.code() == Code::CouponsIssued {
                let sum = issued.entry(account.asset()).or_default();
                *sum = sum.saturating_add(amount);
            }
            // I22: no store gives what it does not have.
            let here = matches!(account.code(), Code::Stock | Code::InTransit | Code::Messages);
            check.saw(!here || amount >= 0, || format!("{account:?} stands at {amount}"));
        }
        check.saw(issued == self.issued, || {
            format!("stores issued {issued:?}, pools say {:?}", self.issued)
        });
    }

    fn referrals(&self, check: &mut Check) {
        for (member, id) in self.members.iter().zip(0_u32..) {
            let above = member.referrer().map(|above| self.resolve(above));
            let sound = match (above, above.and_then(|above| self.member(above))) {
                (None, _) => member.depth == 0,
                // Whoever stands above is less deep, so nobody stands above itself. A merger may
                // have brought the one above higher up.
                (Some(_), Some(row)) => row.depth < member.depth,
                (Some(_), None) => false,
            };
            check.saw(sound && member.depth <= self.limits.referral_depth_max, || {
                format!("member {id} was brought by {:?}", member.referrer())
            });
        }
    }

    fn tiers(&self, check: &mut Check) {
        let mut ends = self.tier_ends.iter();
        for (member, id) in self
            .members
            .iter()
            .zip(0_u32..)
            .filter(|(member, _)| member.tier_until != crate::Day::NEVER)
        {
            check.saw(self.tier_ends.contains(&(member.tier_until, MemberId::new(id))), || {
                format!("member {id} is not reviewed after {}", member.tier_until)
            });
            ends.next();
        }
        check.saw(ends.next().is_none(), || String::from("a tier is reviewed that has no end"));
    }

    fn closed(&self, check: &mut Check) {
        for (member, id) in self.members.iter().zip(0_u32..) {
            let live = matches!(member.status, MemberStatus::Active | MemberStatus::Frozen);
            if !live {
                let empty = member.balances().all(|(_, amount)| amount == 0);
                check.saw(empty, || format!("member {id} is closed and has a balance"));
            }
            let merged = member.status == MemberStatus::Merged;
            let sound = merged == member.merged_into().is_some()
                && self
                    .member(self.resolve(MemberId::new(id)))
                    .is_some_and(|row| row.merged_into().is_none());
            check.saw(sound, || format!("member {id} became {:?}", member.merged_into()));
        }
    }
}

fn law(id: &'static str, law: &'static str, look: impl FnOnce(&mut Check)) -> Check {
    let mut check = Check { id, law, seen: 0, fault: None };
    look(&mut check);
    check
}

impl Check {
    fn saw(&mut self, good: bool, fault: impl FnOnce() -> String) {
        self.seen = self.seen.saturating_add(1);
        if !good && self.fault.is_none() {
            self.fault = Some(fault());
        }
    }
}

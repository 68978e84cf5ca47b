//! The shop over tables: what a program does that keeps such books in a store.

use super::{Books, Job, Kind};

/// An account: of a member (stored principal, stored bonus, points), or of the store.
pub(super) const PRINCIPAL: i64 = 0;
pub(super) const BONUS: i64 = 1;
pub(super) const MEMBER_POINTS: i64 = 2;
const TENDER: i64 = 3;
const REVENUE: i64 = 4;
const DISCOUNT: i64 = 5;
const BONUS_ISSUED: i64 = 6;
const POINTS_ISSUED: i64 = 7;
const POINTS_REDEEMED: i64 = 8;
const CODES: i64 = 16;
/// The business day of all commands.
pub(super) const TODAY: i64 = 20_717;
/// The last day of lots that never lapse: here all of them, as in the program of our side.
pub(super) const NEVER: i64 = i32::MAX as i64;
const STORE: i64 = super::MEMBERS;

/// What a lot or an account counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    Money,
    Points,
}

/// Value taken from a lot, or the lot itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) lot: i64,
    /// The last day of the lot: what ends soonest is spent first.
    pub(super) expires: i64,
    pub(super) principal: i64,
    pub(super) bonus: i64,
}

/// A sale that can be returned.
#[derive(Clone, Debug, Default)]
pub(super) struct Sold {
    pub(super) kind: i64,
    pub(super) member: i64,
    pub(super) amount: i64,
    pub(super) earned: i64,
    pub(super) parts: Vec<Part>,
}

/// What runs transactions: all of one is kept, or nothing.
pub(super) trait Store {
    fn transact(&mut self, f: &mut dyn FnMut(&mut dyn Tables));
}

/// The tables, within a transaction.
pub(super) trait Tables {
    /// Whether a command with this key was answered.
    fn is_known(&mut self, key: i64) -> bool;
    /// Keeps the first answer; a key must be new.
    fn answered(&mut self, key: i64, digest: i64, stored: i64, points: i64);
    /// Writes a posting down and moves the balance; gives the balance.
    fn post(&mut self, key: i64, n: i64, account: i64, asset: Asset, amount: i64) -> i64;
    fn balance(&mut self, account: i64) -> i64;
    /// The lots of a member that hold value and have not lapsed [`TODAY`], soonest expiry first, then
    /// the oldest, until `f` says that it has enough.
    fn lots(&mut self, member: i64, asset: Asset, f: &mut dyn FnMut(Part) -> bool);
    /// Adds to a lot, or opens it.
    fn add(&mut self, member: i64, asset: Asset, part: Part);
    fn open_sale(&mut self, key: i64, sold: &Sold);
    /// Marks a sale as returned; each is returned once.
    fn return_sale(&mut self, key: i64) -> Sold;
}

/// The shop over some store.
pub(super) struct Plain<S>(pub(super) S);

pub(super) const fn account(owner: i64, code: i64) -> i64 {
    owner * CODES + code
}

impl<S: Store> Books for Plain<S> {
    fn run(&mut self, jobs: &[Job], answer: &mut dyn FnMut(i64, i64)) {
        self.0.transact(&mut |tables| {
            for job in jobs {
                let (stored, points) = Open(tables).job(job);
                answer(stored, points);
            }
        });
    }
}

/// The shop within a transaction.
struct Open<'t>(&'t mut dyn Tables);

impl Open<'_> {
    fn job(&mut self, job: &Job) -> (i64, i64) {
        let Job { key, kind, member, amount } = *job;
        assert!(!self.0.is_known(key), "the key {key} was used");
        let digest = (kind as i64) ^ (member << 8) ^ (amount << 24);
        let mut postings = Postings { key, count: 0, money: 0, points: 0 };
        match kind {
            Kind::Grant => {
                self.points(&mut postings, member, amount);
                self.0.add(member, Asset::Points, points_of(amount));
            }
            Kind::TopUp => {
                let bonus = amount / 10;
                self.money(&mut postings, STORE, TENDER, amount);
                self.money(&mut postings, STORE, BONUS_ISSUED, bonus);
                self.money(&mut postings, member, PRINCIPAL, -amount);
                self.money(&mut postings, member, BONUS, -bonus);
                self.0.add(
                    member,
                    Asset::Money,
                    Part { lot: key, expires: NEVER, principal: amount, bonus },
                );
            }
            Kind::Spend => {
                let parts = self.take(member, Asset::Money, amount);
                let principal: i64 = parts.iter().map(|part| part.principal).sum();
                self.paid(&mut postings, member, principal, amount - principal);
                self.sold(&mut postings, job, principal / 100, parts);
            }
            Kind::Sell => {
                self.money(&mut postings, STORE, TENDER, amount);
                self.money(&mut postings, STORE, REVENUE, -amount);
                self.sold(&mut postings, job, amount / 100, Vec::new());
            }
            Kind::Redeem => {
                let parts = self.take(member, Asset::Points, amount);
                self.count(&mut postings, member, MEMBER_POINTS, amount);
                self.count(&mut postings, STORE, POINTS_REDEEMED, -amount);
                self.sold(&mut postings, job, 0, parts);
            }
            Kind::Return => self.back(&mut postings, amount),
        }
        assert_eq!((postings.money, postings.points), (0, 0), "postings balance: {job:?}");
        let stored =
            -self.0.balance(account(member, PRINCIPAL)) - self.0.balance(account(member, BONUS));
        let points = -self.0.balance(account(member, MEMBER_POINTS));
        assert!(stored >= 0 && points >= 0, "{job:?} takes more than there is");
        self.0.answered(key, digest, stored, points);
        (stored, points)
    }

    /// Takes from lots, the first first; bonus goes with its principal in proportion.
    fn take(&mut self, member: i64, asset: Asset, amount: i64) -> Vec<Part> {
        let (mut left, mut parts) = (amount, Vec::new());
        self.0.lots(member, asset, &mut |lot| {
            let part = left.min(lot.principal + lot.bonus);
            let all = i128::from(lot.principal + lot.bonus);
            let share = (2 * i128::from(part) * i128::from(lot.principal) + all) / (2 * all);
            let share = i64::try_from(share).expect("a part");
            let principal = share.min(lot.principal).max(part - lot.bonus);
            parts.push(Part { principal, bonus: part - principal, ..lot });
            left -= part;
            left == 0
        });
        assert_eq!(left, 0, "there is enough");
        for part in &parts {
            let back = Part { principal: -part.principal, bonus: -part.bonus, ..*part };
            self.0.add(member, asset, back);
        }
        parts
    }

    fn paid(&mut self, postings: &mut Postings, member: i64, principal: i64, bonus: i64) {
        self.money(postings, member, PRINCIPAL, principal);
        self.money(postings, member, BONUS, bonus);
        self.money(postings, STORE, DISCOUNT, bonus);
        self.money(postings, STORE, REVENUE, -principal - bonus);
        self.money(postings, STORE, BONUS_ISSUED, -bonus);
    }

    fn sold(&mut self, postings: &mut Postings, job: &Job, earned: i64, parts: Vec<Part>) {
        let Job { key, kind, member, amount } = *job;
        if earned > 0 {
            self.points(postings, member, earned);
            self.0.add(member, Asset::Points, points_of(earned));
        }
        self.0.open_sale(key, &Sold { kind: kind as i64, member, amount, earned, parts });
    }

    /// The mirror of a sale: to the same lots, and the points that it earned are taken back.
    fn back(&mut self, postings: &mut Postings, sale: i64) {
        let Sold { kind, member, amount, earned, parts } = self.0.return_sale(sale);
        let asset = if kind == Kind::Redeem as i64 { Asset::Points } else { Asset::Money };
        for part in &parts {
            self.0.add(member, asset, *part);
        }
        if kind == Kind::Spend as i64 {
            let principal: i64 = parts.iter().map(|part| part.principal).sum();
            self.paid(postings, member, -principal, principal - amount);
        } else if kind == Kind::Sell as i64 {
            self.money(postings, STORE, TENDER, -amount);
            self.money(postings, STORE, REVENUE, amount);
        } else {
            self.count(postings, member, MEMBER_POINTS, -amount);
            self.count(postings, STORE, POINTS_REDEEMED, amount);
        }
        if earned > 0 {
            self.points(postings, member, -earned);
            self.0.add(member, Asset::Points, points_of(-earned));
        }
    }

    fn points(&mut self, postings: &mut Postings, member: i64, points: i64) {
        self.count(postings, STORE, POINTS_ISSUED, points);
        self.count(postings, member, MEMBER_POINTS, -points);
    }

    fn money(&mut self, postings: &mut Postings, owner: i64, code: i64, amount: i64) {
        if amount != 0 {
            postings.money += amount;
            self.0.post(postings.key, postings.count, account(owner, code), Asset::Money, amount);
            postings.count += 1;
        }
    }

    fn count(&mut self, postings: &mut Postings, owner: i64, code: i64, amount: i64) {
        postings.points += amount;
        self.0.post(postings.key, postings.count, account(owner, code), Asset::Points, amount);
        postings.count += 1;
    }
}

/// Points that came in, or went: those of one last day are one lot.
const fn points_of(principal: i64) -> Part {
    Part { lot: 0, expires: NEVER, principal, bonus: 0 }
}

/// The postings of one command, and what they sum to.
struct Postings {
    key: i64,
    count: i64,
    money: i64,
    points: i64,
}

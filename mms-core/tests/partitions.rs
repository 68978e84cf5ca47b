//! I25: members spread over several ledgers, by messages that come twice and overtake each other,
//! come to the same as all of them in one.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;
use proto_wire::Rng;
use std::collections::{BTreeMap, VecDeque};

const MEMBERS: u64 = 9;
const PARTS: u64 = 3;

/// What is asked of a member, wherever it lives.
#[derive(Clone, Copy, Debug)]
enum Wish {
    TopUp(i64),
    Spend(i64),
    Sell(i64),
    Redeem(i64),
    /// The sale that this wish made.
    Return(usize),
    /// So many points to another member: two legs, the second once the first is booked.
    Send(u64, i64),
}

fn program() -> Program {
    Program::sample()
        .with_stored_expiry(Expiry::Never)
        .with_points_expiry(Expiry::Never)
        .with_commissions(vec![CommissionRule::new(Ratio::percent(3))])
}

fn card(member: u64) -> CardNumber {
    CardNumber::new(1_000 + member)
}

/// One ledger with some of the members, who are known by their cards everywhere.
struct Part {
    ledger: Ledger,
    journal: Vec<u8>,
}

impl Part {
    fn new(members: impl Iterator<Item = u64>) -> Self {
        let mut part = Self { ledger: ledger(Limits::default(), program()), journal: Vec::new() };
        for (at, member) in members.enumerate() {
            let token = MemberToken::new(u128::from(member) + 1);
            let id = MemberId::new(u32::try_from(at).unwrap());
            for (leg, action) in [(0, enrol(token, None)), (1, issue(id, card(member)))] {
                part.run(1 + u128::from(member) * 2 + leg, action).unwrap();
            }
        }
        part
    }

    fn run(&mut self, key: u128, action: Action) -> Result<Receipt, Rejection> {
        let at = At::new(Timestamp::from_unix_secs(20_000 * 86_400), DAY);
        let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action)
            .by(ActorId::new(4), TerminalId::new(1));
        match self.ledger.apply(at, &command, &mut self.journal) {
            Outcome::Accepted(receipt) | Outcome::Duplicate(receipt) => Ok(receipt),
            Outcome::Rejected(rejection) => Err(rejection),
            other => panic!("{other:?}"),
        }
    }
}

/// A key for each leg of each wish: the same however often it is sent.
fn key(wish: usize, leg: u128) -> u128 {
    (1 << 64) | (u128::try_from(wish).unwrap() << 1) | leg
}

fn wishes(rng: &mut Rng) -> Vec<(u64, Wish)> {
    let mut sales: Vec<(u64, usize)> = Vec::new();
    (0..160)
        .map(|n| {
            let member = rng.below(MEMBERS);
            let amount = 1 + i64::try_from(rng.below(12_000)).unwrap();
            match rng.below(12) {
                0..=2 => (member, Wish::TopUp(amount)),
                3 | 4 => {
                    sales.push((member, n));
                    (member, Wish::Spend(amount / 2))
                }
                5 | 6 => {
                    sales.push((member, n));
                    (member, Wish::Sell(amount))
                }
                7 => (member, Wish::Redeem(1 + amount / 900)),
                8 | 9 if !sales.is_empty() => {
                    let at = usize::try_from(rng.below(sales.len() as u64)).unwrap();
                    let (member, sale) = sales.swap_remove(at);
                    (member, Wish::Return(sale))
                }
                _ => (member, Wish::Send(rng.below(MEMBERS), 1 + amount / 700)),
            }
        })
        .collect()
}

/// What a wish asks of its own member's ledger.
fn action(member: u64, wish: Wish, receipts: &BTreeMap<usize, Receipt>) -> Option<Action> {
    let who: Who = card(member).into();
    Some(match wish {
        Wish::TopUp(amount) => top_up(who, amount),
        Wish::Spend(amount) => spend(who, amount),
        Wish::Sell(amount) => checkout(who, &[line(1, 1, amount)], Pay::Cash),
        Wish::Redeem(points) => redeem(who, points),
        // What was refused cannot be returned.
        Wish::Return(sale) => refund(receipts.get(&sale)?, mms_core::Part::Rest),
        Wish::Send(_, points) => {
            Action::AdjustPoints { who, adjust: Adjust::Take(points), reason: 9 }
        }
    })
}

fn arrival(to: u64, points: i64) -> Action {
    Action::AdjustPoints { who: card(to).into(), adjust: Adjust::Add(points), reason: 9 }
}

fn totals(parts: &[&Ledger]) -> BTreeMap<(u16, u16), i128> {
    let mut totals: BTreeMap<_, i128> = BTreeMap::new();
    for ledger in parts {
        for (account, amount) in ledger.accounts() {
            let key = (account.code().number(), account.asset().value());
            *totals.entry(key).or_default() += i128::from(amount);
        }
    }
    totals.retain(|_, sum| *sum != 0);
    totals
}

#[test]
fn members_over_several_ledgers_come_to_the_same_as_in_one() {
    let mut crossed = 0;
    for seed in 0..40 {
        let mut rng = Rng::new(&Seed::from_u64(seed));
        let wishes = wishes(&mut rng);

        // All in one ledger, one after another; what is sent arrives at once.
        let mut one = Part::new(0..MEMBERS);
        let mut receipts = BTreeMap::new();
        let mut went_well = BTreeMap::new();
        for (n, (member, wish)) in wishes.iter().enumerate() {
            let Some(action) = action(*member, *wish, &receipts) else { continue };
            let outcome = one.run(key(n, 0), action);
            went_well.insert(n, outcome.is_ok());
            if let Ok(receipt) = outcome {
                receipts.insert(n, receipt);
                if let Wish::Send(to, points) = *wish {
                    one.run(key(n, 1), arrival(to, points)).unwrap();
                }
            }
        }

        // Each member at home: what one is asked keeps its order, all else does not, and points
        // that are sent arrive before the receiver is asked what it was asked after that.
        let mut parts: Vec<Part> = (0..PARTS)
            .map(|part| Part::new((0..MEMBERS).filter(|member| member % PARTS == part)))
            .collect();
        let home = |member: u64| usize::try_from(member % PARTS).unwrap();
        let mut queues: Vec<VecDeque<usize>> = (0..MEMBERS).map(|_| VecDeque::new()).collect();
        for (n, (member, wish)) in wishes.iter().enumerate() {
            queues[usize::try_from(*member).unwrap()].push_back(n);
            if let Wish::Send(to, _) = wish {
                if to != member {
                    queues[usize::try_from(*to).unwrap()].push_back(n);
                }
            }
        }
        let mut receipts: BTreeMap<usize, Receipt> = BTreeMap::new();
        let mut asked: BTreeMap<usize, bool> = BTreeMap::new();
        let mut in_transit: i64 = 0;
        let mut sent: Vec<(usize, u128, Action)> = Vec::new();
        while queues.iter().any(|queue| !queue.is_empty()) {
            // An old message comes again: nothing must come of it.
            if let Some((part, key, action)) =
                sent.get(usize::try_from(rng.below(sent.len() as u64 * 2 + 1)).unwrap())
            {
                let before = parts[*part].ledger.seq();
                assert!(parts[*part].run(*key, action.clone()).is_ok());
                assert_eq!(parts[*part].ledger.seq(), before, "seed {seed}: a duplicate counted");
            }
            let at = rng.below(MEMBERS);
            let Some(n) = queues[usize::try_from(at).unwrap()].front().copied() else { continue };
            let (member, wish) = wishes[n];
            let (part, key, action, first) = if at == member && !asked.contains_key(&n) {
                let Some(action) = action(member, wish, &receipts) else {
                    queues[usize::try_from(at).unwrap()].pop_front();
                    continue;
                };
                (home(member), key(n, 0), action, true)
            } else {
                // The second leg: only once the first is known.
                let Wish::Send(to, points) = wish else { panic!() };
                match asked.get(&n) {
                    None => continue,
                    Some(false) => {
                        queues[usize::try_from(at).unwrap()].pop_front();
                        continue;
                    }
                    Some(true) => (home(to), key(n, 1), arrival(to, points), false),
                }
            };
            let outcome = parts[part].run(key, action.clone());
            assert_eq!(outcome.is_ok(), went_well[&n], "seed {seed}: {wish:?}");
            if let Ok(receipt) = outcome {
                sent.push((part, key, action));
                if first {
                    receipts.insert(n, receipt);
                }
                if let Wish::Send(to, points) = wish {
                    in_transit += if first { points } else { -points };
                    crossed += u32::from(!first && home(to) != home(member));
                }
            }
            asked.entry(n).or_insert_with(|| outcome.is_ok());
            // To oneself, both legs stand in one queue.
            let to_self = matches!(wish, Wish::Send(to, _) if to == member);
            if !(first && to_self && outcome.is_ok()) {
                queues[usize::try_from(at).unwrap()].pop_front();
            }
        }
        assert_eq!(in_transit, 0, "seed {seed}: something is still on its way");
        let ledgers: Vec<&Ledger> = parts.iter().map(|part| &part.ledger).collect();
        assert_eq!(totals(&ledgers), totals(&[&one.ledger]), "seed {seed}");
        for member in 0..MEMBERS {
            let of = |ledger: &Ledger| {
                let id = ledger.card(card(member)).unwrap().member;
                let counters = ledger.member(id).unwrap().counters();
                (ledger.balances(id, DAY), counters)
            };
            assert_eq!(of(ledgers[home(member)]), of(&one.ledger), "seed {seed}: member {member}");
        }
        for ledger in ledgers.into_iter().chain([&one.ledger]) {
            assert!(ledger.verify().is_sound(), "seed {seed}");
        }
    }
    assert!(crossed > 100, "{crossed} transfers crossed");
}

//! What looks unusual of a member, a store or a terminal.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use core::time::Duration;
use mms_core::*;

fn watched(rules: Vec<WatchRule>) -> (Shop, MemberId) {
    let mut shop = Shop::new(Program::default().with_watch(rules));
    let member = shop.enrol();
    shop.ok(top_up(member, 400));
    (shop, member)
}

fn alarms(shop: &Shop) -> Vec<Notice> {
    let unusual =
        |notice: &Notice| matches!(notice, Notice::Unusual { .. } | Notice::UnusualAt { .. });
    shop.ledger.notices(shop.last()).filter(unusual).collect()
}

/// R154: by amount, by frequency, by the hour; noted, or stopped.
#[test]
fn what_is_unusual_is_noted_or_stopped() {
    let rule = RuleId::new(70);
    let (mut shop, member) = watched(vec![WatchRule::new(rule, Unusual::Amount(500))]);
    shop.ok(checkout(member, &[line(1, 1, 499)], Pay::Cash));
    assert_eq!(alarms(&shop), []);
    shop.ok(checkout(member, &[line(1, 1, 500)], Pay::Cash));
    assert_eq!(alarms(&shop), [Notice::Unusual { member, rule, amount: 500 }]);
    shop.audit();

    let often = Unusual::Often { count: 3, secs: 60 };
    let (mut shop, member) = watched(vec![WatchRule::new(rule, often).stopping()]);
    shop.ok(spend(member, 1));
    assert_eq!(shop.no(spend(member, 1)), Rejection::Suspicious, "the third in a minute");
    shop.at = At::new(shop.at.time.saturating_add(Duration::from_secs(60)), shop.at.day);
    shop.ok(spend(member, 1));
    shop.ok(spend(member, 1));
    assert_eq!(shop.no(spend(member, 1)), Rejection::Suspicious);
    let other = shop.enrol();
    shop.ok(top_up(other, 1));
    shop.audit();

    // From 22:00 to 06:00 in a zone eight hours ahead; the clock says 00:00 UTC.
    let hours = Unusual::Hours { from: 22 * 60, to: 6 * 60, zone: 8 * 60 };
    let (mut shop, member) = watched(vec![WatchRule::new(rule, hours)]);
    for (hour, count) in [(13, 0), (14, 1), (21, 1), (22, 0)] {
        let time = Timestamp::from_unix_secs(20_000 * 86_400 + hour * 3_600);
        shop.at = At::new(time, shop.at.day);
        shop.ok(spend(member, 1));
        assert_eq!(alarms(&shop).len(), count, "at {hour}");
    }
    shop.audit();
    let far = Program::default()
        .with_watch(vec![WatchRule::new(rule, Unusual::Often { count: 17, secs: 1 })]);
    assert_eq!(far.validate(), Err(ProgramError::Watch));
}

/// Trap 23: what is remembered for a rule is bounded, whatever happens.
#[test]
fn counters_of_frequency_are_a_ring() {
    let often = Unusual::Often { count: 16, secs: 3_600 };
    let (mut shop, member) = watched(vec![WatchRule::new(RuleId::new(1), often)]);
    for _ in 0..100 {
        shop.ok(spend(member, 1));
    }
    let size = shop.ledger.snapshot(JournalPosition::START);
    let members = |bytes: &[u8]| {
        let found =
            Snapshot::parse(bytes).unwrap().sections().find(|(s, ..)| *s == Section::Members);
        found.unwrap().2
    };
    let before = members(&size);
    for _ in 0..100 {
        shop.ok(spend(member, 1));
    }
    assert_eq!(members(&shop.ledger.snapshot(JournalPosition::START)), before);
    assert_eq!(alarms(&shop).len(), 1);
    shop.audit();
}

const RULE: RuleId = RuleId::new(70);

/// Runs an action in a store at a terminal, some seconds after the one before.
fn at(shop: &mut Shop, store: u32, terminal: u32, secs: u64, action: Action) -> Outcome {
    shop.store = StoreId::new(store);
    shop.at = At::new(shop.at.time.saturating_add(Duration::from_secs(secs)), shop.at.day);
    let command = shop.command(action).by(ActorId::new(1), TerminalId::new(terminal));
    shop.submit(&command)
}

fn walk_in(price: i64) -> Action {
    let lines = vec![line(1, 1, price)];
    Action::Checkout { who: None, lines, pay: Pay::Cash, extras: Extras::NONE }
}

/// R154: a till at which too much happens in too short a time, whoever the members are.
#[test]
fn a_terminal_is_watched_whoever_stands_at_it() {
    let often = WatchRule::new(RULE, Unusual::Often { count: 3, secs: 60 }).per(Per::Terminal);
    let (mut shop, member) = watched(vec![often]);
    let other = shop.enrol();
    shop.skip(1);
    let refused = Outcome::Rejected(Rejection::Suspicious);
    at(&mut shop, 1, 5, 0, spend(member, 1));
    assert_eq!(alarms(&shop), []);
    at(&mut shop, 1, 5, 10, walk_in(3));
    // Other tills, also with the same number elsewhere, have counts of their own.
    at(&mut shop, 1, 6, 0, walk_in(3));
    at(&mut shop, 2, 5, 0, walk_in(3));
    assert_eq!(alarms(&shop), []);
    at(&mut shop, 1, 5, 10, top_up(other, 900));
    let (store, terminal) = (StoreId::new(1), Some(TerminalId::new(5)));
    let notice = |member, amount| Notice::UnusualAt { store, terminal, member, rule: RULE, amount };
    assert_eq!(alarms(&shop), [notice(Some(other), 900)]);
    at(&mut shop, 1, 5, 9, walk_in(7));
    assert_eq!(alarms(&shop), [notice(None, 7)]);
    at(&mut shop, 1, 5, 60, walk_in(7));
    assert_eq!(alarms(&shop), [], "a minute later all is calm");
    shop.audit();

    // The same rule, stopping.
    let (mut shop, member) = watched(vec![often.stopping()]);
    shop.skip(1);
    at(&mut shop, 1, 5, 0, spend(member, 1));
    at(&mut shop, 1, 5, 0, spend(member, 1));
    assert_eq!(at(&mut shop, 1, 5, 59, walk_in(1)), refused);
    assert!(matches!(at(&mut shop, 1, 6, 0, walk_in(1)), Outcome::Accepted(_)));
    assert!(matches!(at(&mut shop, 1, 5, 1, walk_in(1)), Outcome::Accepted(_)));
    shop.audit();
}

/// R154: a store by amount, by frequency and by the hour, walk-ins among them.
#[test]
fn a_store_is_watched_with_all_its_terminals() {
    let rule = |unusual| WatchRule::new(RULE, unusual).per(Per::Store);
    let (mut shop, _) = watched(vec![rule(Unusual::Amount(500))]);
    at(&mut shop, 3, 1, 0, walk_in(499));
    assert_eq!(alarms(&shop), []);
    at(&mut shop, 3, 1, 0, walk_in(500));
    let (store, terminal) = (StoreId::new(3), None);
    let notice = |amount| Notice::UnusualAt { store, terminal, member: None, rule: RULE, amount };
    assert_eq!(alarms(&shop), [notice(500)]);
    shop.audit();

    let (mut shop, member) = watched(vec![rule(Unusual::Often { count: 2, secs: 60 })]);
    shop.skip(1);
    at(&mut shop, 3, 1, 0, walk_in(1));
    at(&mut shop, 4, 1, 0, spend(member, 1));
    assert_eq!(alarms(&shop), []);
    at(&mut shop, 3, 2, 0, walk_in(2));
    assert_eq!(alarms(&shop), [notice(2)], "two tills of one store");
    shop.audit();

    let (mut shop, _) = watched(vec![rule(Unusual::Hours { from: 0, to: 60, zone: 0 })]);
    at(&mut shop, 3, 1, 0, walk_in(1));
    assert_eq!(alarms(&shop), [notice(1)]);
    at(&mut shop, 3, 1, 3_600, walk_in(1));
    assert_eq!(alarms(&shop), []);
    shop.audit();
}

/// What was counted at places is in a snapshot, so that a recovery from it finds the same.
#[test]
fn a_snapshot_keeps_what_was_counted_at_places() {
    let often = WatchRule::new(RULE, Unusual::Often { count: 3, secs: 60 });
    let rules = vec![often.per(Per::Terminal), often.per(Per::Store)];
    let (mut shop, member) = watched(rules.clone());
    shop.skip(1);
    at(&mut shop, 1, 5, 0, spend(member, 1));
    at(&mut shop, 1, 5, 0, spend(member, 1));
    let bytes = shop.ledger.snapshot(JournalPosition::START);
    let snapshot = Snapshot::parse(&bytes).unwrap();
    let places = snapshot.sections().find(|(section, ..)| *section == Section::Places);
    assert_eq!(places.unwrap().1, 3, "a store and two terminals");
    let mut restored = ledger(Limits::default(), Program::default().with_watch(rules));
    restored.restore(snapshot).unwrap();
    let command = shop.command(walk_in(9)).by(ActorId::new(1), TerminalId::new(5));
    let mut out = Vec::new();
    assert!(matches!(restored.apply(shop.at, &command, &mut out), Outcome::Accepted(_)));
    let (record, _) = Record::parse(&out).unwrap();
    let found = |fact: &Fact| matches!(fact, Fact::AnomalyFoundAt { .. });
    assert_eq!(record.facts().filter(found).count(), 2);
    // No rule, no section: snapshots of old are as they were.
    let (plain, _) = watched(Vec::new());
    let bytes = plain.ledger.snapshot(JournalPosition::START);
    let mut sections = Snapshot::parse(&bytes).unwrap().sections();
    assert!(sections.all(|(section, ..)| section != Section::Places));
}

fn park(shop: &mut Shop, who: Option<MemberId>, prices: &[i64]) -> OrderId {
    let lines = prices.iter().map(|price| line(1, 1, *price)).collect();
    let until = shop.at.time.saturating_add(Duration::from_secs(90_000));
    let (who, pay, extras) = (who.map(Who::Member), Pay::Cash, Extras::NONE);
    shop.ok(Action::ParkOrder { who, lines, pay, extras, until }).order().unwrap()
}

const fn off(order: OrderId, line: u16) -> Action {
    Action::VoidLine { order, line, reason: 1 }
}

/// R154, R108: lines that are taken off parked orders, and orders that are given up: by amount, by
/// frequency, by the hour, of members, stores and terminals; apart from what is sold.
#[test]
fn what_is_taken_off_orders_is_watched() {
    let rule = |unusual| WatchRule::new(RULE, unusual).of(Watched::Voids);
    let (store, at_5) = (StoreId::new(1), Some(TerminalId::new(5)));
    let at_till =
        |member, amount| Notice::UnusualAt { store, terminal: at_5, member, rule: RULE, amount };
    // By amount: the line's price as it was parked; of an order, that of what is left of it.
    let (mut shop, member) = watched(vec![rule(Unusual::Amount(500)).per(Per::Terminal)]);
    let order = park(&mut shop, Some(member), &[499, 500, 300, 200]);
    at(&mut shop, 1, 5, 0, off(order, 0));
    assert_eq!(alarms(&shop), []);
    at(&mut shop, 1, 5, 0, off(order, 1));
    assert_eq!(alarms(&shop), [at_till(Some(member), 500)]);
    at(&mut shop, 1, 5, 0, Action::CancelOrder { order, reason: 2 });
    assert_eq!(alarms(&shop), [at_till(Some(member), 500)]);
    shop.ok(checkout(member, &[line(1, 1, 9_000)], Pay::Cash));
    assert_eq!(alarms(&shop), [], "a sale is none");
    shop.audit();

    // By frequency at a till, with sales in between that do not count; noted first, then stopped.
    let often = rule(Unusual::Often { count: 3, secs: 60 });
    let (mut shop, member) = watched(vec![often.per(Per::Terminal)]);
    let order = park(&mut shop, None, &[1; 9]);
    for (n, found) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        at(&mut shop, 1, 5, 5, walk_in(3));
        assert_eq!(alarms(&shop), []);
        at(&mut shop, 1, 5, 5, off(order, n));
        assert_eq!(alarms(&shop).len(), found, "line {n}");
    }
    at(&mut shop, 1, 6, 0, off(order, 4));
    assert_eq!(alarms(&shop), [], "another till");
    // Who stops does not take the line off.
    shop.ledger.set_program(Program::default().with_watch(vec![often.stopping()]).into()).unwrap();
    let own = park(&mut shop, Some(member), &[1; 9]);
    for n in 0..2 {
        assert!(matches!(at(&mut shop, 1, 7 + u32::from(n), 0, off(own, n)), Outcome::Accepted(_)));
    }
    let refused = Outcome::Rejected(Rejection::Suspicious);
    assert_eq!(at(&mut shop, 1, 9, 0, off(own, 2)), refused, "a member, at whatever till");
    assert_eq!(at(&mut shop, 1, 9, 0, Action::CancelOrder { order: own, reason: 1 }), refused);
    assert!(!shop.ledger.order(own).unwrap().lines()[2].void);
    at(&mut shop, 1, 9, 0, spend(member, 1));
    assert!(matches!(at(&mut shop, 1, 9, 61, off(own, 2)), Outcome::Accepted(_)));
    shop.audit();
    let bytes = shop.ledger.snapshot(JournalPosition::START);
    let snapshot = Snapshot::parse(&bytes).unwrap();
    let voids = snapshot.sections().find(|(section, ..)| *section == Section::Voids);
    assert_eq!(voids.unwrap().1, 3, "two tills and a member");

    // By the hour, of a store, walk-ins among its orders.
    let hours = rule(Unusual::Hours { from: 0, to: 60, zone: 0 });
    let (mut shop, _) = watched(vec![hours.per(Per::Store), hours]);
    let order = park(&mut shop, None, &[7, 8]);
    at(&mut shop, 1, 5, 0, off(order, 1));
    let (terminal, member) = (None, None);
    assert_eq!(
        alarms(&shop),
        [Notice::UnusualAt { store, terminal, member, rule: RULE, amount: 8 }]
    );
    at(&mut shop, 1, 5, 3_600, off(order, 0));
    assert_eq!(alarms(&shop), []);
    shop.audit();
}

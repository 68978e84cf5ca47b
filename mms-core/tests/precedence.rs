//! The order of rejections, pair by pair: a command that is good by itself is broken in every two
//! ways that go together, and the one with the lower code must be given.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
#[path = "precedence/ways.rs"]
mod ways;
use common::scheme::*;
use common::*;
use mms_core::Rejection as R;
use mms_core::*;
use ways::{KINDS, Kind, Way};

/// What a command is made of, and where it meets the ledger.
#[derive(Clone)]
struct Scene {
    limits: Limits,
    rules: Vec<fn(Program) -> Program>,
    who: Who,
    target: Who,
    member: MemberId,
    other: MemberId,
    card: CardNumber,
    new_card: CardNumber,
    amount: i64,
    second: i64,
    points: i64,
    fee: i64,
    open_hold: bool,
    lines: Vec<Line>,
    pay: Pay,
    extras: Extras,
    quantity: u32,
    reason: u16,
    date: Day,
    until: i64,
    rule: RuleId,
    activity: RuleId,
    kind: AssetId,
    coupon: CouponId,
    reward: RewardId,
    tier: TierId,
    field: FieldId,
    value: i64,
    token: MemberToken,
    referrer: Option<MemberId>,
    shut: bool,
    locked: bool,
    order: OrderId,
    void: bool,
    hold: HoldId,
    sale: SaleId,
    part: Part,
    store: StoreId,
    to: StoreId,
    expecting: Option<u32>,
    denied: bool,
    /// What happens before.
    frozen: bool,
    card_is: Option<CardChange>,
    replaced: bool,
    target_lost: bool,
    day_after: bool,
}

/// The card in hand is good for today.
const HAND: CardNumber = CardNumber::new(300);
const SLEEPING: CardNumber = CardNumber::new(301);
const SWIM: AssetId = AssetId::new(16);

fn scene() -> Scene {
    Scene {
        limits: Limits::default(),
        rules: Vec::new(),
        who: HAND.into(),
        target: OTHER_CARD.into(),
        member: A,
        other: B,
        card: HAND,
        new_card: CardNumber::new(900),
        amount: 5_500,
        second: 0,
        points: 55,
        fee: 1,
        open_hold: false,
        lines: vec![line(1, 1, 3_000)],
        pay: Pay::Mixed { cash: 1_000, stored: 1_950, points: 50 },
        extras: Extras::NONE,
        quantity: 1,
        reason: 1,
        date: DAY.plus(9),
        until: 60,
        rule: RuleId::new(10),
        activity: RuleId::new(60),
        kind: OFF,
        coupon: CouponId::new(0),
        reward: RewardId::new(4),
        tier: TierId::new(1),
        field: SIZE,
        value: 3,
        token: MemberToken::new(77),
        referrer: Some(A),
        shut: false,
        locked: false,
        order: OrderId::new(0),
        void: false,
        hold: HoldId::new(0),
        sale: SaleId::new(0),
        part: Part::Rest,
        store: StoreId::new(1),
        to: StoreId::new(2),
        expecting: None,
        denied: false,
        frozen: false,
        card_is: None,
        replaced: false,
        target_lost: false,
        day_after: false,
    }
}

/// Plays what comes before, then the command, in a ledger with the scene's own limits and rules.
fn play(kind: &Kind, scene: &Scene) -> Outcome {
    let (name, action, _) = kind;
    let mut shop = shop(Limits::default());
    let mut scene = scene.clone();
    let issue = |card, active| Action::IssueCard {
        member: A,
        card,
        product: ProductId::new(1),
        expires: DAY.plus(1),
        active,
        fee: 0,
    };
    shop.ok(issue(HAND, true));
    shop.ok(Action::IssueCard {
        member: A,
        card: SLEEPING,
        product: ProductId::new(1),
        expires: Day::NEVER,
        active: false,
        fee: 0,
    });
    shop.ok(Action::SellPackage {
        who: A.into(),
        kind: SWIM,
        uses: 9,
        price: 90,
        expires: Day::NEVER,
    });
    let sale = shop.ok(checkout(A, &[line(1, 2, 5_000)], Pay::Cash));
    shop.ok(adjust(A, 100));
    // What a sale earns today has a lot of its own.
    shop.skip(1);
    if scene.sale == SaleId::new(0) {
        scene.sale = sale.sale().unwrap();
    }
    if scene.open_hold || *name == "capture" {
        let until = later(&shop);
        let held = shop.ok(hold(A, Held::Stored, 100, until));
        if scene.hold == HoldId::new(0) {
            scene.hold = held.hold().unwrap();
        }
    }
    if scene.coupon == CouponId::new(0) {
        match *name {
            "hold coupons" => scene.coupon = coupons(&mut shop, OFF, 3),
            "transfer coupons" => scene.coupon = coupons(&mut shop, OFF, 2),
            _ => {}
        }
    }
    if name.ends_with("parked order") {
        let (lines, pay) = (vec![line(1, 1, 3_000), line(2, 1, 5)], scene.pay);
        let until = Timestamp::from_unix_secs(20_009 * 86_400);
        let (who, extras) = (Some(HAND.into()), Extras::NONE);
        let parked = shop.ok(Action::ParkOrder { who, lines, pay, extras, until }).order();
        let order = parked.unwrap();
        for line in 0..2 {
            if line == 1 || scene.void {
                shop.ok(Action::VoidLine { order, line, reason: 1 });
            }
        }
        if scene.order == OrderId::new(0) {
            scene.order = order;
        }
    }
    match *name {
        "send goods" | "count goods" => {
            shop.ok(Action::StockGoods { goods: MUG, quantity: 9 });
        }
        "receive goods" => {
            shop.store = StoreId::new(3);
            shop.ok(Action::StockGoods { goods: MUG, quantity: 9 });
            shop.ok(Action::SendGoods { goods: MUG, quantity: 9, to: StoreId::new(1) });
            shop.store = StoreId::new(1);
        }
        "use messages" => {
            shop.ok(Action::BuyMessages { count: 9, price: 1 });
        }
        _ => {}
    }
    if *name == "capture uses" {
        let (who, until) = (A.into(), later(&shop));
        let held = shop.ok(Action::HoldUses { who, kind: SWIM, uses: 6, until });
        if scene.hold == HoldId::new(0) {
            scene.hold = held.hold().unwrap();
        }
    }
    if let Some(by) = scene.card_is {
        shop.ok(change(HAND, by));
    }
    if scene.replaced {
        shop.ok(Action::ReplaceCard { card: HAND, new: CardNumber::new(800), fee: 0 });
    }
    if scene.target_lost {
        shop.ok(change(OTHER_CARD, CardChange::ReportLost));
    }
    if scene.frozen {
        shop.ok(Action::ChangeMember { member: A, change: MemberChange::Freeze });
    }
    if scene.shut {
        shop.ok(Action::SetStore { store: StoreId::new(1), open: false });
    }
    if scene.locked {
        let (terminal, store) = (TerminalId::new(7), StoreId::new(1));
        shop.ok(Action::SetTerminal { terminal, store, open: true });
    }
    if scene.denied {
        shop.ok(permit(0, Permissions::ALL));
    }
    if scene.day_after {
        shop.skip(1);
    }
    let mut program = Program::clone(shop.ledger.program());
    for change in &scene.rules {
        program = change(program);
    }
    let mut strict = ledger(scene.limits, program);
    for bytes in &shop.records {
        strict.commit(Record::parse(bytes).unwrap().0);
    }
    let mut command = shop.command(action(&scene));
    command.envelope.store = scene.store;
    command.envelope.actor = ActorId::new(u32::from(scene.denied));
    command.envelope.expect_version = scene.expecting;
    let before = strict.digest();
    let outcome = strict.apply(shop.at, &command, &mut Vec::new());
    if !matches!(outcome, Outcome::Accepted(_)) {
        assert_eq!(strict.digest(), before, "{name}: a refused command changed something");
    }
    outcome
}

#[test]
fn of_two_rejections_the_one_with_the_lower_code_is_given() {
    let mut pairs = 0;
    for kind in KINDS {
        let (name, _, groups) = kind;
        let good = scene();
        assert!(
            matches!(play(kind, &good), Outcome::Accepted(_)),
            "{name}: {:?}",
            play(kind, &good)
        );
        let ways: Vec<Way> = groups.iter().flat_map(|ways| ways.iter().copied()).collect();
        for (n, (first, touches, break_it)) in ways.iter().enumerate() {
            let mut scene = good.clone();
            break_it(&mut scene);
            assert_eq!(play(kind, &scene), Outcome::Rejected(*first), "{name}");
            for (second, also, break_also) in ways.iter().skip(n + 1) {
                if touches.split(' ').any(|what| also.split(' ').any(|other| what == other)) {
                    continue;
                }
                let mut scene = scene.clone();
                break_also(&mut scene);
                let expected = *first.min(second);
                let outcome = play(kind, &scene);
                assert_eq!(
                    outcome,
                    Outcome::Rejected(expected),
                    "{name}: {first:?} ({touches}) and {second:?} ({also})"
                );
                pairs += 1;
            }
        }
    }
    println!("{pairs} pairs");
    assert!(pairs > 900, "{pairs}");
}

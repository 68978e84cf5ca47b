//! A short evening: members come, chat, dine, watch, send something back, and leave.

use super::desk::{BOTTLE, DINNER, Desk, shown, token};
use super::members::{Chat, Phone};
use super::{Failure, House, MEMBERS};
use crate::ladder::{Ladder, Wire};
use crate::rtsp_probe;
use mms_core::{
    Action, Adjust, Balances, CardNumber, Day, Extras, Line, MemberId, MemberKind, Part, Pay,
    PlanId, ProductId, Receipt, Who,
};
use std::time::Duration;

/// What a top-up of the evening brings, in minor units.
const TOP_UP: i64 = 200_000;
/// The bill: one dinner and two bottles make somebody silver.
const DINNER_PRICE: i64 = 90_000;
const BOTTLE_PRICE: i64 = 20_000;
/// The fee for a card.
const CARD_FEE: i64 = 500;
/// Points that ann has at least when the doors are open for everybody.
const TREAT: i64 = 1_000;
/// How long a card is good.
const CARD_DAYS: u32 = 730;

/// Members and cards that are not there yet.
///
/// # Errors
///
/// When the ledger refuses.
pub fn welcome(house: &House) -> Result<(), Failure> {
    for (number, (name, _)) in (1_u64..).zip(MEMBERS) {
        let mut desk = house.desk();
        let member = match desk.member(name) {
            Some(member) => member,
            None => enrol(&mut desk, name)?,
        };
        let card = CardNumber::new(8_800_000 + number);
        if desk.ledger().card(card).is_none() {
            issue(&mut desk, member, card)?;
        }
    }
    Ok(())
}

/// Sees to it that ann can watch for a while.
///
/// # Errors
///
/// When the ledger refuses.
pub fn treat(house: &House) -> Result<(), Failure> {
    let mut desk = house.desk();
    let ann = desk.member(MEMBERS[0].0).ok_or("ann is no member")?;
    let missing = TREAT.saturating_sub(desk.balances(ann).points);
    if missing > 0 {
        let adjust = Adjust::Add(missing);
        desk.book(Action::AdjustPoints { who: Who::Member(ann), adjust, reason: 1 })?;
    }
    Ok(())
}

fn enrol(desk: &mut Desk, name: &str) -> Result<MemberId, Failure> {
    let enrolled = desk.book(Action::Enrol {
        token: token(name),
        kind: MemberKind::Individual,
        plan: PlanId::new(1),
        referrer: None,
    })?;
    enrolled.member.ok_or_else(|| "an enrolment without a member".into())
}

fn issue(desk: &mut Desk, member: MemberId, card: CardNumber) -> Result<Receipt, Failure> {
    let expires: Day = desk.at().day.plus(CARD_DAYS);
    let product = ProductId::new(1);
    Ok(desk.book(Action::IssueCard {
        member,
        card,
        product,
        expires,
        active: true,
        fee: CARD_FEE,
    })?)
}

/// The evening itself.
///
/// # Errors
///
/// When something does not happen that should.
pub fn play(house: &House, ladder: &Ladder) -> Result<(), Failure> {
    let [(ann, anns), (ben, bens)] = MEMBERS;

    ladder.heading("members join and load their cards");
    welcome(house)?;
    let annie = Who::Card(CardNumber::new(8_800_001));
    let top_up = house.desk().book(Action::TopUp { who: annie, amount: TOP_UP })?;
    ladder.text(&format!(
        "  ann pays {} and has {} on her card",
        shown(TOP_UP, true),
        shown(top_up.stored_after, true)
    ));

    ladder.heading("they log in and chat over XMPP");
    let mut anns_chat = Chat::log_in(ann, anns, house.xmpp())?;
    let mut bens_chat = Chat::log_in(ben, bens, house.xmpp())?;
    house.deliver_notices();
    anns_chat.say(ben, "Dinner at eight?")?;
    bens_chat.hear("Dinner at eight?")?;
    bens_chat.say(ann, "With pleasure. You pay <again>?")?;
    let from = anns_chat.hear("You pay <again>?")?;
    if !from.starts_with(ben) {
        return Err(format!("ben's answer came from {from}").into());
    }

    ladder.heading("their phones register, and exchange a MESSAGE over SIP");
    let anns_phone = Phone::new(ann, anns, house.sip())?;
    let bens_phone = Phone::new(ben, bens, house.sip())?;
    for (phone, name) in [(&anns_phone, ann), (&bens_phone, ben)] {
        house.name_phone(phone.address(), name);
        phone.register()?;
    }
    bens_phone.say(ann, "I am at the door")?;
    anns_phone.hear("I am at the door")?;

    ladder.heading("ann pays for dinner, and is told that she rises");
    let lines = vec![Line::new(DINNER, 1, DINNER_PRICE), Line::new(BOTTLE, 2, BOTTLE_PRICE)];
    let action =
        Action::Checkout { who: Some(annie), lines, pay: Pay::Stored, extras: Extras::NONE };
    let dinner = house.desk().book(action)?;
    house.deliver_notices();
    if dinner.tier_changed {
        anns_phone.hear("now. Thank you!")?;
        anns_chat.hear("now. Thank you!")?;
    }
    ladder.text(&format!("  ann has earned {} points", dinner.points));

    ladder.heading("she watches the stage for points: over TCP, then over UDP");
    watch(house, ladder, false)?;
    watch(house, ladder, true)?;

    ladder.heading("one bottle goes back");
    let sale = dinner.sale().ok_or("a dinner that is no sale")?;
    let part = Part::Line { line: 1, quantity: 1 };
    let refund = house.desk().book(Action::Refund { sale, part })?;
    house.deliver_notices();
    ladder.text(&format!(
        "  {} and {} points go back to where they came from",
        shown(refund.amount, true),
        -refund.points
    ));

    ladder.heading("good night");
    anns_chat.log_out()?;
    bens_chat.log_out()?;
    anns_phone.unregister()?;
    bens_phone.unregister()?;
    for wire in [Wire::Rtsp, Wire::Sip, Wire::Xmpp, Wire::Ledger] {
        if ladder.count(wire) == 0 {
            return Err(format!("nothing was seen on {wire}").into());
        }
    }
    Ok(())
}

/// Plays the stream as ann for a while; it must sound, and cost what it costs.
fn watch(house: &House, ladder: &Ladder, udp: bool) -> Result<(), Failure> {
    let ann = house.desk().member(MEMBERS[0].0).ok_or("ann is no member")?;
    let before = house.desk().balances(ann).points;
    let mut options = rtsp_probe::Options::new(house.stream_url());
    options.user = Some((MEMBERS[0].0.to_owned(), MEMBERS[0].1.to_owned()));
    options.udp = udp;
    options.duration = Duration::from_millis(1_300);
    let report = rtsp_probe::probe(&options)?;
    let packets: u64 = report.streams.iter().map(|stream| stream.packets).sum();
    if packets == 0 {
        return Err("the stage was silent".into());
    }
    // The price is booked when the server has seen the end of the session.
    let paid = (0..100).find_map(|_| {
        let balances = house.desk().balances(ann);
        let paid = before - balances.points;
        if balances.points_held == 0 && paid > 0 {
            return Some(paid);
        }
        std::thread::sleep(Duration::from_millis(50));
        None
    });
    let paid = paid.ok_or("the stream was free")?;
    let over = if udp { "UDP" } else { "TCP" };
    ladder.text(&format!("  {packets} packets over {over} for {paid} points"));
    Ok(())
}

/// Shows ann's statement and the laws of the ledger; gives what both members have.
///
/// # Errors
///
/// When a law is broken.
pub fn close_books(house: &House, ladder: &Ladder) -> Result<Vec<Balances>, Failure> {
    let desk = house.desk();
    let members: Option<Vec<MemberId>> =
        MEMBERS.iter().map(|(name, _)| desk.member(name)).collect();
    let members = members.ok_or("a member is missing")?;
    ladder.text("  ann's statement\n");
    ladder.text(&desk.statement(members[0]));
    let verification = desk.verify();
    ladder.text(&verification.to_string());
    if !verification.is_sound() {
        return Err("a law of the ledger is broken".into());
    }
    let balances: Vec<Balances> = members.iter().map(|m| desk.balances(*m)).collect();
    for ((name, _), balances) in MEMBERS.iter().zip(&balances) {
        ladder.text(&line_of(name, balances));
    }
    Ok(balances)
}

/// What a member has, in one line.
#[must_use]
pub fn line_of(name: &str, balances: &Balances) -> String {
    format!(
        "  {name}: paid {}, bonus {}, points {}",
        shown(balances.principal, true),
        shown(balances.bonus, true),
        balances.points
    )
}

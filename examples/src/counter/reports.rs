//! Tables for a terminal.

use mms_core::*;
use std::io::{self, Write};

/// Minor units as a person writes them.
pub(super) fn money(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}

fn wide(amount: i128) -> String {
    i64::try_from(amount).map_or_else(|_| amount.to_string(), money)
}

pub(super) fn receipt(receipt: &Receipt, out: &mut dyn Write) -> io::Result<()> {
    let points_only = receipt.kind == Kind::Redeemed;
    let amount = if points_only { receipt.amount.to_string() } else { money(receipt.amount) };
    write!(out, "no {}  {}  {amount}", receipt.seq, receipt.kind.name())?;
    match receipt.kind {
        Kind::ToppedUp if receipt.bonus != 0 => write!(out, "  bonus {}", money(receipt.bonus))?,
        Kind::Sold if receipt.bonus != 0 => write!(out, "  saved {}", money(receipt.bonus))?,
        _ => {}
    }
    if receipt.points != 0 {
        write!(out, "  points {:+}", receipt.points)?;
    }
    if receipt.member.is_some() {
        let (stored, points) = (money(receipt.stored_after), receipt.points_after);
        write!(out, "  | stored {stored}, points {points}")?;
    }
    if receipt.tier_changed {
        write!(out, "  | now tier {}", receipt.tier)?;
    }
    writeln!(out)
}

pub(super) fn member(
    ledger: &Ledger,
    member: MemberId,
    day: Day,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(row) = ledger.member(member) else {
        return Ok(());
    };
    let balances = ledger.balances(member, day);
    writeln!(out, "member #{member}  {:?}  tier {}  since {}", row.status, row.tier, row.since)?;
    let cards: Vec<String> = ledger
        .cards_of(member)
        .map(|card| format!("{} ({:?}, {})", card.number, card.status, card.expires))
        .collect();
    writeln!(out, "  cards    {}", cards.join(", "))?;
    let (principal, bonus) = (money(balances.principal), money(balances.bonus));
    writeln!(out, "  stored   {:>12}  paid {principal}, given {bonus}", money(balances.stored()))?;
    let pending = balances.points_pending;
    writeln!(
        out,
        "  points   {:>12}  pending {pending}, owed {}",
        balances.points, balances.points_debt
    )?;
    for (label, amount) in [("change", balances.change), ("owes", balances.owed)] {
        if amount != 0 {
            writeln!(out, "  {label:<8} {:>12}", money(amount))?;
        }
    }
    for (_, lot) in ledger.lots(member) {
        let left = if lot.asset == MONEY { money(lot.left()) } else { lot.left().to_string() };
        writeln!(
            out,
            "  lot      {left:>12}  of {}, good until {}",
            asset(lot.asset),
            lot.expires
        )?;
    }
    for (coupon, kind, count, until) in ledger.coupons(member, day) {
        writeln!(out, "  coupon   {count:>12}  number {coupon}, kind {kind}, good until {until}")?;
    }
    Ok(())
}

fn asset(asset: AssetId) -> String {
    match asset {
        MONEY => "stored value".to_owned(),
        POINTS => "points".to_owned(),
        kind if is_coupon(kind) => format!("coupons {kind}"),
        kind => format!("uses {kind}"),
    }
}

pub(super) fn statement(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<10} {:>6} {:<14} {:<6} {:>12} {:>12}",
        "day", "no", "what", "acct", "change", "balance"
    )?;
    for entry in &page.entries {
        let shown = |amount| if entry.asset == MONEY { money(amount) } else { amount.to_string() };
        writeln!(
            out,
            "{:<10} {:>6} {:<14} {:<6} {:>12} {:>12}",
            entry.day.to_string(),
            entry.seq.value(),
            entry.kind.name(),
            entry.code.short(),
            shown(entry.change),
            shown(entry.balance),
        )?;
    }
    Ok(())
}

pub(super) fn digest(turnover: &Turnover, day: Day, out: &mut dyn Write) -> io::Result<()> {
    let (first, _) = (day.value() - 29, ());
    let today = turnover.digest(day..=day, None);
    let month = turnover.digest(Day::new(first)..=day, None);
    writeln!(out, "{:<22} {:>14} {:>14}", "", "today", "30 days")?;
    let rows = [
        ("sales at list price", today.revenue, month.revenue),
        ("discounts and bonus", today.discounts, month.discounts),
        ("over the counter", today.tender, month.tender),
        ("loaded", today.loaded, month.loaded),
        ("stored value used", today.stored_used, month.stored_used),
        ("lapsed", today.breakage, month.breakage),
        ("commission", today.commission, month.commission),
    ];
    for (label, today, month) in rows {
        writeln!(out, "{label:<22} {:>14} {:>14}", wide(today), wide(month))?;
    }
    let counts = [
        ("points issued", today.points_issued, month.points_issued),
        ("points spent", today.points_redeemed, month.points_redeemed),
        ("points lapsed", today.points_expired, month.points_expired),
        ("members joined", today.joined.into(), month.joined.into()),
        ("sales", today.sales.into(), month.sales.into()),
        ("returns", today.returns.into(), month.returns.into()),
    ];
    for (label, today, month) in counts {
        writeln!(out, "{label:<22} {today:>14} {month:>14}")?;
    }
    Ok(())
}

pub(super) fn board(
    ledger: &Ledger,
    activity: &Activity,
    day: Day,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (tier, count) in ledger.tier_board() {
        writeln!(out, "tier {tier:<4} {count:>8} members")?;
    }
    let soon = day.plus(30);
    for lot in ledger.lots_ending(day, soon).take(20) {
        let left = if lot.asset == MONEY { money(lot.left) } else { lot.left.to_string() };
        let (expires, member) = (lot.expires, lot.member);
        writeln!(out, "{expires}  {left:>10} of {} of member #{member} lapse", asset(lot.asset))?;
    }
    for card in ledger.cards_ending(day, soon).take(20) {
        writeln!(out, "{}  card {} of member #{} ends", card.expires, card.number, card.member)?;
    }
    let away = activity.lapsed(ledger, Day::new(day.value() - 90));
    for (last, member) in away.into_iter().take(20) {
        writeln!(out, "{last}  last visit of member #{member}")?;
    }
    Ok(())
}

pub(super) fn liability(ledger: &Ledger, day: Day, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<14} {:>14} {:>14} {:>14}", "age in days", "stored", "of it bonus", "points")?;
    let bounds = [30, 90, 180, 365];
    let stored = ledger.liability(day, MONEY, &bounds);
    let points = ledger.liability(day, POINTS, &bounds);
    for (stored, points) in stored.rows.iter().zip(&points.rows) {
        let label = stored.days.map_or("older".to_owned(), |days| format!("up to {days}"));
        let all = stored.principal + stored.bonus;
        let (all, bonus) = (wide(all), wide(stored.bonus));
        writeln!(out, "{label:<14} {all:>14} {bonus:>14} {:>14}", points.principal)?;
    }
    Ok(())
}

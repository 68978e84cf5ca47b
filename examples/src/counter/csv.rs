//! Members from and to CSV (RFC 4180: quotes doubled inside quotes).

use super::{Counter, Trouble, enrol, issue, money, number};
use mms_core::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

/// How many rows share a write to the disk.
const BATCH: usize = 250;

/// What an import came to.
#[derive(Debug, Default)]
pub struct Imported {
    /// Rows that became members.
    pub taken: usize,
    /// Rows that did not: line number, the row as it stood, why.
    pub refused: Vec<(usize, String, String)>,
}

impl Imported {
    /// The refused rows with their reasons, as CSV.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = String::from("line,reason,row\n");
        for (line, row, reason) in &self.refused {
            writeln!(text, "{line},{},{}", quoted(reason), quoted(row)).unwrap_or(());
        }
        text
    }
}

/// One row of an import.
struct Row {
    phone: String,
    card: Option<CardNumber>,
    stored: i64,
    bonus: i64,
    points: i64,
    expires: Day,
}

/// The fields of a row; `None` when its quotes do not match.
#[must_use]
pub fn fields(row: &str) -> Option<Vec<String>> {
    let (mut fields, mut field, mut inside) = (Vec::new(), String::new(), false);
    let mut chars = row.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if inside && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if inside || field.is_empty() => inside = !inside,
            ',' if !inside => fields.push(std::mem::take(&mut field)),
            _ => field.push(char),
        }
    }
    fields.push(field);
    (!inside).then_some(fields)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

pub(super) fn import(
    counter: &mut Counter,
    text: &str,
    out: &mut dyn Write,
) -> Result<Imported, Trouble> {
    let mut imported = Imported::default();
    let all = text.lines().count().saturating_sub(1);
    let rows: Vec<(usize, &str)> =
        text.lines().enumerate().skip(1).filter(|(_, row)| !row.trim().is_empty()).collect();
    for batch in rows.chunks(BATCH) {
        let mut group = Group::new(counter.ledger());
        for (line, row) in batch {
            match read(row).and_then(|row| group.add(counter, *line, &row)) {
                Ok(()) => {}
                Err(reason) => imported.refused.push((line + 1, (*row).to_owned(), reason)),
            }
        }
        let refused = counter.execute(&group.commands)?;
        let mut late: BTreeMap<usize, Rejection> = BTreeMap::new();
        for (key, rejection) in refused {
            if let Some(line) = group.lines.get(&key) {
                late.entry(*line).or_insert(rejection);
            }
        }
        imported.taken += group.members as usize - late.len();
        for (line, row) in batch {
            if let Some(rejection) = late.get(line) {
                imported.refused.push((line + 1, (*row).to_owned(), rejection.to_string()));
            }
        }
        let done = imported.taken + imported.refused.len();
        writeln!(out, "{done} of {all}: {} refused", imported.refused.len())?;
    }
    writeln!(out, "{} members joined, {} rows refused", imported.taken, imported.refused.len())?;
    Ok(imported)
}

/// Everything of a row is looked at before anything of it is booked.
fn read(row: &str) -> Result<Row, String> {
    let fields = fields(row).ok_or("a quote is not closed")?;
    let [phone, card, stored, bonus, points, expires] = fields.as_slice() else {
        return Err(format!("{} fields instead of 6", fields.len()));
    };
    if phone.is_empty() {
        return Err("the telephone number is missing".to_owned());
    }
    if phone.chars().filter(char::is_ascii_digit).count() < 5 {
        return Err(format!("{phone} is no telephone number"));
    }
    let amount = |text: &str, read: fn(&str) -> Result<i64, Trouble>| match text.trim() {
        "" => Ok(0),
        text => read(text).map_err(|trouble| trouble.to_string()),
    };
    let card = match card.trim() {
        "" => None,
        card => Some(CardNumber::new(number(card).map_err(|e| e.to_string())?.unsigned_abs())),
    };
    let (stored, bonus) = (amount(stored, money)?, amount(bonus, money)?);
    let points = amount(points, number)?;
    let expires = if expires.trim().is_empty() { Day::NEVER } else { date(expires.trim())? };
    Ok(Row { phone: phone.clone(), card, stored, bonus, points, expires })
}

fn date(text: &str) -> Result<Day, String> {
    let mut parts = text.splitn(3, '-').map(str::parse::<i64>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(format!("{text} is no date; write 2026-12-31"));
    };
    let (month, day) = (u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0));
    Day::birthday(year, month, day, LeapDay::Before).ok_or(format!("{text} is no date"))
}

/// Commands that go to the disk together. What could be refused is looked at before, so that the
/// numbers of new members are known.
struct Group {
    commands: Vec<Command>,
    /// The line that a key belongs to.
    lines: BTreeMap<IdempotencyKey, usize>,
    first: u32,
    members: u32,
    tokens: BTreeSet<MemberToken>,
    cards: BTreeSet<CardNumber>,
}

impl Group {
    fn new(ledger: &Ledger) -> Self {
        Self {
            commands: Vec::new(),
            lines: BTreeMap::new(),
            first: u32::try_from(ledger.member_count()).unwrap_or(u32::MAX),
            members: 0,
            tokens: BTreeSet::new(),
            cards: BTreeSet::new(),
        }
    }

    fn add(&mut self, counter: &mut Counter, line: usize, row: &Row) -> Result<(), String> {
        let token = counter.token(&row.phone);
        let ledger = counter.ledger();
        if ledger.member_by_token(token).is_some() || self.tokens.contains(&token) {
            return Err(Rejection::TokenTaken.to_string());
        }
        let taken = |card| ledger.card(card).is_some() || self.cards.contains(&card);
        if row.card.is_some_and(taken) {
            return Err(Rejection::CardNumberTaken.to_string());
        }
        if row.expires < counter.at.day {
            return Err(Rejection::DateInPast.to_string());
        }
        if row.stored < 0 || row.bonus < 0 || row.points < 0 {
            return Err(Rejection::AmountNotPositive.to_string());
        }
        let member = MemberId::new(self.first.saturating_add(self.members));
        self.members += 1;
        self.tokens.insert(token);
        self.cards.extend(row.card);
        let mut actions = vec![enrol(token)];
        actions.extend(row.card.map(|card| issue(member, card)));
        let (from, expires) = (counter.at.day, row.expires);
        for (what, principal, bonus) in
            [(Held::Stored, row.stored, row.bonus), (Held::Points, row.points, 0)]
        {
            if principal + bonus > 0 {
                let lot = Action::OpenBalance { member, what, principal, bonus, from, expires };
                actions.push(lot);
            }
        }
        for action in actions {
            let command = counter.command(action);
            self.lines.insert(command.envelope.key, line);
            self.commands.push(command);
        }
        Ok(())
    }
}

pub(super) fn export(
    ledger: &Ledger,
    activity: &Activity,
    day: Day,
    out: &mut dyn Write,
) -> io::Result<usize> {
    writeln!(out, "member,cards,tier,stored,points,owed,spend,visits,joined,last_visit")?;
    let mut rows = 0;
    let mut cards: BTreeMap<MemberId, Vec<String>> = BTreeMap::new();
    for card in ledger.cards() {
        let owner = ledger.resolve(card.member);
        cards.entry(owner).or_default().push(card.number.to_string());
    }
    for (id, member) in ledger.live_members() {
        let balances = ledger.balances(id, day);
        let cards = cards.get(&id).map_or(String::new(), |cards| cards.join(" "));
        let last = activity.of(id).map_or(String::new(), |visits| visits.last.to_string());
        let shown = super::reports::money;
        writeln!(
            out,
            "{id},{cards},{},{},{},{},{},{},{},{last}",
            member.tier,
            shown(balances.stored()),
            balances.points,
            shown(balances.owed),
            shown(member.counters().spend),
            member.counters().visits,
            member.since,
        )?;
        rows += 1;
    }
    Ok(rows)
}

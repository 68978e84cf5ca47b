//! A shop counter: lines of text in, tables out, every answer durable before it is shown.
//!
//! Who is meant by a card number (`6001`), a member (`#3`) or a telephone number (`+8613...`, also
//! without the plus when it does not name a card). Telephone numbers never reach the ledger: only a
//! keyed hash does, whose key lies beside the ledger in a file of its own.

mod chart;
mod csv;
mod reports;

pub use chart::svg;
pub use csv::{Imported, fields};

use crate::store::{DurableLedger, StoreError};
use hmac::{Hmac, Mac as _};
use mms_core::*;
use sha2::Sha256;
use std::io::{self, Write};
use std::path::Path;

/// What a line can say; `help` prints it.
pub const HELP: &str = "\
enrol PHONE [CARD]              a new member, with a card at once
card WHO CARD                   another card
lost CARD, found CARD           nothing goes with a card that was reported lost
replace CARD NEW                a new card for the same accounts; the old one never works again
topup WHO AMOUNT                load stored value, e.g. topup 6001 200
sell WHO|- LINE.. [stored] [coupon N]   a line is SKU x QUANTITY @ PRICE: 7x2@19.90 ('-': a walk-in)
spend WHO AMOUNT                take from stored value, without goods
redeem WHO POINTS               points for a reward
return SALE [AMOUNT]            the number is on the receipt; all that is left, when no amount is given
show WHO                        balances, lots and coupons
statement WHO [COUNT]           the newest bookings
today                           the figures of the day
board                           tiers, what lapses within 30 days, who stays away
owe                             what is owed to members, by age
import FILE                     members from CSV: phone,card,stored,bonus,points,expires
export FILE                     members to CSV
chart FILE                      points and stored value of a year, as SVG
journal FILE                    all that was booked, for inspect journal FILE to list and to audit
check                           the laws of the ledger, looked at one by one
help, quit";

/// A counter on a durable ledger.
#[derive(Debug)]
pub struct Counter {
    ledger: DurableLedger,
    /// What token hashes are keyed with.
    key: [u8; 32],
    store: StoreId,
    at: At,
    keys: u128,
    seen: Seq,
    turnover: Turnover,
    activity: Activity,
}

/// Whether the counter stays open after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More lines, please.
    Stay,
    /// It was the last.
    Quit,
}

/// Why a line did nothing.
#[derive(Debug)]
pub enum Trouble {
    /// It makes no sense.
    Usage(String),
    /// The ledger refuses.
    Refused(Rejection),
    /// The store fails; open the ledger again.
    Store(StoreError),
    /// A file cannot be read or written.
    File(String, io::Error),
    /// What came of a line cannot be shown.
    Out(io::Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Out(error)
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            Self::Refused(rejection) => write!(f, "refused: {rejection} ({})", rejection.code()),
            Self::Store(error) => write!(f, "the store: {error}"),
            Self::File(name, error) => write!(f, "{name}: {error}"),
            Self::Out(error) => write!(f, "this cannot be shown: {error}"),
        }
    }
}

/// Says which file it was.
fn of_file(name: &str) -> impl Fn(io::Error) -> Trouble + '_ {
    |error| Trouble::File(name.to_owned(), error)
}

/// A number greater than zero.
fn card_number(text: &str) -> Result<CardNumber, Trouble> {
    match number(text)? {
        number if number > 0 => Ok(CardNumber::new(number.unsigned_abs())),
        _ => usage(format!("{text} is no card number")),
    }
}

fn usage<T>(text: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Usage(text.into()))
}

impl Counter {
    /// A counter on the ledger in a file; `keys` must be a number that no counter before it began
    /// with, such as the time.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened or is damaged.
    pub fn open(
        path: impl AsRef<Path>,
        program: Program,
        key: [u8; 32],
        at: At,
        keys: u64,
    ) -> Result<Self, StoreError> {
        let config = EngineConfig::default().with_program(program);
        let (ledger, _) = DurableLedger::open(path, config.into(), crate::entropy::seed())?;
        let mut counter = Self {
            ledger,
            key,
            store: StoreId::new(1),
            at,
            keys: u128::from(keys) << 32,
            seen: Seq::new(0),
            turnover: Turnover::new(),
            activity: Activity::new(),
        };
        counter.set_time(at)?;
        Ok(counter)
    }

    /// What time it is, and what that causes is booked.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn set_time(&mut self, at: At) -> Result<(), StoreError> {
        self.at = at;
        self.ledger.tick(at)?;
        Ok(())
    }

    /// The ledger, for questions.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.ledger.ledger()
    }

    /// Does what a line says and writes what came of it.
    ///
    /// # Errors
    ///
    /// Why it did nothing.
    pub fn line(&mut self, line: &str, out: &mut dyn Write) -> Result<Next, Trouble> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit" | "exit"] => return Ok(Next::Quit),
            ["help" | "?"] => writeln!(out, "{HELP}")?,
            ["enrol", phone, card @ ..] => self.enrol(phone, card.first().copied(), out)?,
            ["card", who, card] => {
                let member = self.member(who)?;
                self.issue(member, card, out)?;
            }
            ["lost", card] => self.change(card, CardChange::ReportLost, out)?,
            ["found", card] => self.change(card, CardChange::WithdrawLoss, out)?,
            ["replace", card, new] => {
                let (card, new) = (card_number(card)?, card_number(new)?);
                let receipt = self.run(Action::ReplaceCard { card, new, fee: 0 })?;
                reports::receipt(&receipt, out)?;
            }
            ["topup", who, amount] => {
                let (who, amount) = (self.who(who)?, money(amount)?);
                let receipt = self.run(Action::TopUp { who, amount })?;
                reports::receipt(&receipt, out)?;
            }
            ["spend", who, amount] => {
                let (who, amount) = (self.who(who)?, money(amount)?);
                let receipt = self.run(Action::Spend { who, amount })?;
                reports::receipt(&receipt, out)?;
            }
            ["redeem", who, points] => {
                let who = self.who(who)?;
                let points = number(points)?;
                let reward = RewardId::new(0);
                let receipt = self.run(Action::Redeem { who, points, reward })?;
                reports::receipt(&receipt, out)?;
            }
            ["sell", who, rest @ ..] if !rest.is_empty() => {
                let action = self.sale(who, rest)?;
                let receipt = self.run(action)?;
                reports::receipt(&receipt, out)?;
            }
            ["return", sale, amount @ ..] if amount.len() < 2 => {
                let sale = SaleId::new(number(sale)?.unsigned_abs());
                let of_points = self.ledger().sale(sale).is_some_and(|sale| sale.asset == POINTS);
                let part = match amount.first() {
                    None => Part::Rest,
                    // What was redeemed comes back in points.
                    Some(amount) if of_points => Part::Amount(number(amount)?),
                    Some(amount) => Part::Amount(money(amount)?),
                };
                let receipt = self.run(Action::Refund { sale, part })?;
                reports::receipt(&receipt, out)?;
            }
            ["show", who] => {
                let member = self.member(who)?;
                reports::member(self.ledger(), member, self.at.day, out)?;
            }
            ["statement", who, count @ ..] => {
                let member = self.member(who)?;
                let count = count.first().map_or(Ok(20), |count| number(count))?;
                let count = usize::try_from(count).unwrap_or(20);
                let page = self.ledger.engine().statement(member, count);
                reports::statement(&page, out)?;
            }
            ["today"] => {
                self.look()?;
                reports::digest(&self.turnover, self.at.day, out)?;
            }
            ["board"] => {
                self.look()?;
                reports::board(self.ledger.ledger(), &self.activity, self.at.day, out)?;
            }
            ["owe"] => reports::liability(self.ledger(), self.at.day, out)?,
            ["check"] => write!(out, "{}", self.ledger().verify())?,
            ["import", file] => {
                let text = std::fs::read_to_string(file).map_err(of_file(file))?;
                let imported = self.import(&text, out)?;
                if !imported.refused.is_empty() {
                    let report = format!("{file}.refused.csv");
                    std::fs::write(&report, imported.report()).map_err(of_file(&report))?;
                    writeln!(out, "what was refused stands in {report}")?;
                }
            }
            ["export", file] => {
                self.look()?;
                let mut text = Vec::new();
                let rows = csv::export(self.ledger(), &self.activity, self.at.day, &mut text)?;
                std::fs::write(file, text).map_err(of_file(file))?;
                writeln!(out, "{rows} members in {file}")?;
            }
            ["chart", file] => {
                self.look()?;
                let year = chart::year(&self.turnover, self.at.day);
                std::fs::write(file, svg(&year)).map_err(of_file(file))?;
                writeln!(out, "{} days in {file}", year.len())?;
            }
            ["journal", file] => {
                let bytes = self.ledger.export(file)?;
                writeln!(out, "{bytes} bytes in {file}")?;
            }
            [word, ..] => {
                let how = HELP.lines().find(|line| line.split_whitespace().next() == Some(*word));
                return match how {
                    Some(how) => usage(format!("say: {how}")),
                    None => usage(format!("I do not know \"{word}\"; try: help")),
                };
            }
        }
        Ok(Next::Stay)
    }

    /// Members from CSV, with what they had in another system; see [`HELP`]. Each row is a member or
    /// nothing; a row that was imported before is not imported again.
    ///
    /// # Errors
    ///
    /// When the store fails or the output cannot be written.
    pub fn import(&mut self, text: &str, out: &mut dyn Write) -> Result<Imported, Trouble> {
        csv::import(self, text, out)
    }

    fn enrol(
        &mut self,
        phone: &str,
        card: Option<&str>,
        out: &mut dyn Write,
    ) -> Result<(), Trouble> {
        // With its card or not at all.
        let number = card.map(card_number).transpose()?;
        if number.is_some_and(|number| self.ledger().card(number).is_some()) {
            return Err(Trouble::Refused(Rejection::CardNumberTaken));
        }
        let token = self.token(phone);
        let receipt = self.run(enrol(token))?;
        let Some(member) = receipt.member else {
            return usage("nobody was enrolled");
        };
        writeln!(out, "member #{member} joined")?;
        card.map_or(Ok(()), |card| self.issue(member, card, out))
    }

    fn change(&mut self, card: &str, by: CardChange, out: &mut dyn Write) -> Result<(), Trouble> {
        let receipt = self.run(Action::ChangeCard { card: card_number(card)?, change: by })?;
        Ok(reports::receipt(&receipt, out)?)
    }

    fn issue(&mut self, member: MemberId, card: &str, out: &mut dyn Write) -> Result<(), Trouble> {
        let number = card_number(card)?;
        self.run(issue(member, number))?;
        writeln!(out, "card {number} opens the accounts of member #{member}")?;
        Ok(())
    }

    fn sale(&self, who: &str, words: &[&str]) -> Result<Action, Trouble> {
        let who = if who == "-" { None } else { Some(self.who(who)?) };
        let (mut lines, mut pay, mut extras) = (Vec::new(), Pay::Cash, Extras::NONE);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "stored" => pay = Pay::Stored,
                "cash" => pay = Pay::Cash,
                "coupon" => {
                    let coupon = words.next().map_or(Ok(0), |word| number(word))?;
                    extras = extras.with_coupon(CouponId::new(coupon.unsigned_abs()));
                }
                line => lines.push(article(line)?),
            }
        }
        Ok(Action::Checkout { who, lines, pay, extras })
    }

    /// Books a command; the answer is durable.
    fn run(&mut self, action: Action) -> Result<Receipt, Trouble> {
        let command = self.command(action);
        let mut answer = None;
        for event in self.ledger.execute(self.at, &[command])? {
            match event {
                Event::Applied { receipt, .. } | Event::Duplicate { receipt, .. } => {
                    answer = Some(Ok(receipt));
                }
                Event::Rejected { rejection, .. } => answer = Some(Err(rejection)),
                _ => {}
            }
        }
        match answer {
            Some(Ok(receipt)) => Ok(receipt),
            Some(Err(rejection)) => Err(Trouble::Refused(rejection)),
            None => usage("the ledger did not answer"),
        }
    }

    /// Books commands as one group; gives those that were refused.
    fn execute(
        &mut self,
        commands: &[Command],
    ) -> Result<Vec<(IdempotencyKey, Rejection)>, StoreError> {
        let events = self.ledger.execute(self.at, commands)?;
        let refused = events.into_iter().filter_map(|event| match event {
            Event::Rejected { key, rejection } => Some((key, rejection)),
            _ => None,
        });
        Ok(refused.collect())
    }

    fn command(&mut self, action: Action) -> Command {
        self.keys += 1;
        Command::new(IdempotencyKey::new(self.keys), self.store, action)
            .by(ActorId::new(1), TerminalId::new(1))
    }

    /// Lets the projections read what is new.
    fn look(&mut self) -> Result<(), StoreError> {
        let (turnover, activity) = (&mut self.turnover, &mut self.activity);
        self.seen = self.ledger.records_after(self.seen, |record| {
            turnover.observe(record);
            activity.observe(record);
        })?;
        Ok(())
    }

    fn who(&self, word: &str) -> Result<Who, Trouble> {
        if let Ok(number) = word.parse() {
            let card = CardNumber::new(number);
            if self.ledger().card(card).is_some() {
                return Ok(card.into());
            }
        }
        self.member(word).map(Who::from)
    }

    fn member(&self, word: &str) -> Result<MemberId, Trouble> {
        let ledger = self.ledger();
        let by_id = word.strip_prefix('#').and_then(|id| id.parse().ok()).map(MemberId::new);
        let by_card = word.parse().ok().and_then(|card| ledger.card(CardNumber::new(card)));
        by_id
            .filter(|id| ledger.member(*id).is_some())
            .or_else(|| by_card.map(|card| ledger.resolve(card.member)))
            .or_else(|| ledger.member_by_token(self.token(word)))
            .ok_or_else(|| Trouble::Usage(format!("nobody has the card or number {word}")))
    }

    /// A keyed hash of the digits: who has the ledger but not the key cannot try numbers.
    fn token(&self, phone: &str) -> MemberToken {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        token(&self.key, digits.trim_start_matches('0'))
    }
}

fn enrol(token: MemberToken) -> Action {
    Action::Enrol { token, kind: MemberKind::Individual, plan: PlanId::new(0), referrer: None }
}

fn issue(member: MemberId, card: CardNumber) -> Action {
    Action::IssueCard {
        member,
        card,
        product: ProductId::new(1),
        expires: Day::NEVER,
        active: true,
        fee: 0,
    }
}

/// `7x2@19.90`: two of article 7 at 19.90 each.
fn article(word: &str) -> Result<Line, Trouble> {
    let parsed = word.split_once('@').and_then(|(what, price)| {
        let (sku, quantity) = what.split_once('x').unwrap_or((what, "1"));
        Some((sku.parse().ok()?, quantity.parse().ok()?, money(price).ok()?))
    });
    match parsed {
        Some((sku, quantity, price)) => Ok(Line::new(Sku::new(sku), quantity, price)),
        None => usage(format!("{word} is no line; write SKUxQUANTITY@PRICE, as in 7x2@19.90")),
    }
}

/// `12.5` is 1,250 minor units.
fn money(word: &str) -> Result<i64, Trouble> {
    let (whole, part) = word.split_once('.').unwrap_or((word, ""));
    let parsed = (part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("{part:0<2}"))
        .and_then(|cents| {
            let whole: i64 = whole.parse().ok().filter(|_| !whole.starts_with(['-', '+']))?;
            whole.checked_mul(100)?.checked_add(cents.parse().ok()?)
        });
    parsed.ok_or_else(|| Trouble::Usage(format!("{word} is no amount; write it as in 12.50")))
}

fn number(word: &str) -> Result<i64, Trouble> {
    word.parse().map_err(|_| Trouble::Usage(format!("{word} is no number")))
}

/// What time it is now, on the UTC day.
#[must_use]
pub fn now() -> At {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    At::utc(Timestamp::from_unix_micros(micros))
}

/// HMAC-SHA-256 of the digits, its first half.
fn token(key: &[u8; 32], digits: &str) -> MemberToken {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(digits.as_bytes());
    let code: [u8; 32] = mac.finalize().into_bytes().into();
    let (half, _) = code.split_first_chunk().unwrap_or((&[1; 16], &[]));
    MemberToken::new(u128::from_be_bytes(*half).max(1))
}

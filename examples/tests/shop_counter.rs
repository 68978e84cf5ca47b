//! The shop counter: lines in, tables out; CSV both ways; a chart; all of it there after a restart.
#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use examples::counter::{Counter, Next, fields};
use mms_core::*;
use std::path::PathBuf;

const KEY: [u8; 32] = [7; 32];

fn at(day: i32) -> At {
    let time = Timestamp::from_unix_secs(i64::from(day) * 86_400 + 36_000);
    At::new(time, Day::new(day))
}

struct Desk {
    counter: Counter,
}

impl Desk {
    fn open(path: &PathBuf, keys: u64) -> Self {
        Self { counter: Counter::open(path, Program::sample(), KEY, at(20_000), keys).unwrap() }
    }

    fn say(&mut self, line: &str) -> String {
        let mut out = Vec::new();
        match self.counter.line(line, &mut out) {
            Ok(Next::Stay) => String::from_utf8(out).unwrap(),
            Ok(Next::Quit) => "quit".to_owned(),
            Err(trouble) => format!("! {trouble}"),
        }
    }
}

fn directory(name: &str) -> PathBuf {
    let directory =
        std::env::temp_dir().join(format!("shop-counter-{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&directory).unwrap_or(());
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn a_day_at_the_counter() {
    let directory = directory("day");
    let path = directory.join("shop.redb");
    let mut desk = Desk::open(&path, 1);
    assert!(
        desk.say("enrol +8613800000001 6001").contains("card 6001 opens the accounts of member #0")
    );
    assert_eq!(
        desk.say("topup 6001 200"),
        "no 3  ToppedUp  200.00  bonus 20.00  | stored 220.00, points 0\n"
    );
    assert_eq!(
        desk.say("sell 6001 7x2@19.90 8@0.20 stored"),
        "no 4  Sold  40.00  points +36  | stored 180.00, points 36\n"
    );
    assert_eq!(
        desk.say("return 4 10"),
        "no 5  Refunded  10.00  points -9  | stored 190.00, points 27\n"
    );
    assert_eq!(desk.say("sell - 7x1@19.90"), "no 6  Sold  19.90\n");
    assert!(
        desk.say("redeem 6001 500").starts_with("! refused: there are not enough points (402)")
    );
    assert!(desk.say("spend 6001 12,5").starts_with("! 12,5 is no amount"));
    assert!(desk.say("spend 6001 -5").starts_with("! -5 is no amount"));
    assert!(desk.say("topup 9999 5").starts_with("! nobody has the card or number 9999"));
    assert!(desk.say("dance").contains("try: help"));
    assert!(desk.say("help").contains("chart FILE"));
    assert_eq!(desk.say(""), "");
    // By telephone, however it is written, and by number.
    for who in ["+8613800000001", "8613800000001", "#0"] {
        assert!(desk.say(&format!("show {who}")).contains("stored         190.00"), "{who}");
    }
    let statement = desk.say("statement 6001");
    assert!(statement.contains("Refunded") && statement.lines().count() > 5, "{statement}");
    assert!(desk.say("today").contains("over the counter               219.90"));
    assert!(desk.say("board").contains("tier 0"));
    assert!(desk.say("owe").contains("190.00"));
    assert!(desk.say("check").lines().all(|line| line.starts_with("ok ")));
    assert_eq!(desk.say("quit"), "quit");
    let digest = desk.counter.ledger().digest();
    drop(desk);
    let mut again = Desk::open(&path, 2);
    assert_eq!(again.counter.ledger().digest(), digest);
    assert!(again.say("topup 6001 1").contains("stored 191.00"));
    assert!(again.say("today").contains("loaded                         201.00"));
    drop(again);
    std::fs::remove_dir_all(directory).unwrap();
}

/// What a clerk trips over: half-done enrolments, lost cards, words without the rest.
#[test]
fn mistakes_at_the_counter_change_nothing_and_say_what_to_do() {
    let directory = directory("mistakes");
    let mut desk = Desk::open(&directory.join("shop.redb"), 1);
    desk.say("enrol +8613800000001 6001");
    for card in ["6001", "x", "0", "-5"] {
        assert!(desk.say(&format!("enrol +8613800000002 {card}")).starts_with("! "), "{card}");
        assert_eq!(desk.counter.ledger().member_count(), 1, "with the card or not at all");
    }
    assert!(desk.say("topup 6001").starts_with("! say: topup WHO AMOUNT"));
    assert!(desk.say("return").starts_with("! say: return SALE"));
    desk.say("topup 6001 200");
    desk.say("lost 6001");
    assert_eq!(desk.say("spend 6001 1"), "! refused: the card was reported lost (305)");
    desk.say("found 6001");
    desk.say("lost 6001");
    desk.say("replace 6001 6002");
    assert_eq!(desk.say("found 6001"), "! refused: the card was replaced (303)");
    assert!(desk.say("sell 6002 7x1@90 stored").contains("points +81"));
    // Points come back as points, not as hundredths.
    let redeemed = desk.say("redeem 6002 50");
    assert!(redeemed.contains("points 31"), "{redeemed}");
    let number: u64 = redeemed.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(desk.say(&format!("return {number} 20")).contains("points 51"));
    let missing = desk.say("import /nowhere/members.csv");
    assert!(missing.starts_with("! /nowhere/members.csv: "), "{missing}");
    // What was booked can be listed and audited elsewhere.
    let journal = directory.join("shop.mmsj");
    assert!(desk.say(&format!("journal {}", journal.display())).contains("bytes in"));
    let audit = audit(&std::fs::read(&journal).unwrap());
    assert!(audit.end.is_intact() && audit.records == desk.counter.ledger().seq().value());
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn members_come_from_csv_and_go_to_csv() {
    let directory = directory("csv");
    let mut desk = Desk::open(&directory.join("shop.redb"), 1);
    let mut text = String::from("phone,card,stored,bonus,points,expires\n");
    for n in 0..600 {
        text += &format!("+86139{n:08},{},{}.50,1,{n},2030-06-30\n", 7_000 + n, n);
    }
    text += "\"+86 138, office\",1,x,,,\n";
    text += "123,8000,1,,,\n";
    text += "+8613900000003,9000,1,,,\n";
    text += "+8613977777777,7005,1,,,\n";
    text += "+8613977777778,,1,,5,2020-01-01\n";
    text += "+8613977777779,,1,,5\n";
    text += "\"+8613977777780,,1,,5,\n";
    let file = directory.join("members.csv");
    std::fs::write(&file, &text).unwrap();
    let said = desk.say(&format!("import {}", file.display()));
    assert!(said.contains("250 of 607: 0 refused"), "{said}");
    assert!(said.contains("600 members joined, 7 rows refused"), "{said}");
    let report = std::fs::read_to_string(directory.join("members.csv.refused.csv")).unwrap();
    let reasons: Vec<String> =
        report.lines().skip(1).map(|row| fields(row).unwrap().swap_remove(1)).collect();
    let expected = [
        "x is no amount",
        "123 is no telephone number",
        "the token belongs to another member",
        "the card number was used before",
        "the date is in the past",
        "5 fields instead of 6",
        "a quote is not closed",
    ];
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason}: {expected}");
    }
    assert_eq!(reasons.len(), expected.len());
    assert_eq!(desk.counter.ledger().member_count(), 600);
    let stored = -desk.counter.ledger().total(Code::StoredPrincipal, MONEY);
    assert_eq!(stored, (0..600).map(|n| n * 100 + 50).sum::<i128>());
    assert_eq!(desk.counter.ledger().total(Code::Revenue, MONEY), 0, "nothing was sold for it");
    // The same file again: everybody is known already.
    let again = desk.say(&format!("import {}", file.display()));
    assert!(again.contains("0 members joined, 607 rows refused"), "{again}");
    desk.say("spend 7001 1.50");
    let export = directory.join("out.csv");
    assert!(desk.say(&format!("export {}", export.display())).starts_with("600 members"));
    let export = std::fs::read_to_string(export).unwrap();
    assert_eq!(export.lines().count(), 601);
    let row = "1,7001,0,1.00,1,0.00,0.90,1,2024-10-04,2024-10-04";
    assert_eq!(export.lines().nth(2), Some(row));
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_year_becomes_a_chart_that_ends_at_the_balances() {
    let directory = directory("chart");
    let mut desk = Desk::open(&directory.join("shop.redb"), 1);
    desk.say("enrol +8613800000001 6001");
    for month in 0..14 {
        desk.counter.set_time(at(20_000 + month * 30)).unwrap();
        desk.say("topup 6001 500");
        desk.say("sell 6001 1x1@321.00 cash");
    }
    let file = directory.join("year.svg");
    assert!(desk.say(&format!("chart {}", file.display())).starts_with("365 days"));
    let chart = std::fs::read_to_string(&file).unwrap();
    let stored = -desk.counter.ledger().total(Code::StoredPrincipal, MONEY)
        - desk.counter.ledger().total(Code::StoredBonus, MONEY);
    let most = format!("{}.{:02}", stored / 100, stored % 100);
    assert!(chart.contains(&format!(">{most}</text>")), "the last day is the highest: {most}");
    assert_eq!(chart.matches("<polyline").count(), 2);
    assert!(
        chart.contains(">2025-01</text>")
            && chart.starts_with("<svg ")
            && chart.ends_with("</svg>\n")
    );
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn rows_are_split_as_rfc_4180_says() {
    let split = |row| fields(row).map(|fields| fields.join("|"));
    assert_eq!(split("a,b,,c"), Some("a|b||c".to_owned()));
    assert_eq!(split("\"a,b\",\"say \"\"hi\"\"\",c"), Some("a,b|say \"hi\"|c".to_owned()));
    assert_eq!(split("\"a"), None);
    assert_eq!(split(""), Some(String::new()));
}

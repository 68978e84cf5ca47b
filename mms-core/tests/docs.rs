//! The page says what the code says.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests state what must hold")]

use mms_core::{Code, Kind, Rejection, Section};

const PAGE: &str = include_str!("../../docs/mms-core.md");
const JOURNAL: &str = include_str!("../../docs/journal.md");

#[test]
fn every_rejection_stands_in_the_page_in_order() {
    let mut from = 0;
    for rejection in Rejection::ALL {
        let transient = if rejection.is_transient() { "yes" } else { "" };
        let row = format!(
            "| {} | `{}` | {rejection} | {transient} |",
            rejection.code(),
            rejection.name()
        );
        let at = PAGE.get(from..).unwrap().find(&row);
        from += at.unwrap_or_else(|| panic!("missing or out of order: {row}"));
    }
}

#[test]
fn every_account_kind_and_section_stands_in_the_pages() {
    for code in Code::ALL {
        let owner = match (code.is_member(), code.is_staff()) {
            (true, _) => "member",
            (_, true) => "staff",
            _ => "store",
        };
        let normal = if code.is_debit_normal() { "debit" } else { "credit" };
        let (number, short, name) = (code.number(), code.short(), code.name());
        let row = format!("| {number} | {short} | `{name}` | {owner} | {normal} |");
        assert!(PAGE.contains(&row), "{row}");
    }
    for kind in Kind::ALL {
        let entry = format!("{} {}", kind.number(), kind.name());
        assert!(JOURNAL.contains(&entry), "{entry}");
    }
    for section in Section::ALL {
        let row = format!("| {} | `{}` |", section.number(), section.name());
        assert!(JOURNAL.contains(&row), "{row}");
    }
}

const SOURCES: &[&str] = &[
    include_str!("auditor.rs"),
    include_str!("cards.rs"),
    include_str!("complaints.rs"),
    include_str!("engine.rs"),
    include_str!("engine_limits.rs"),
    include_str!("fields.rs"),
    include_str!("golden.rs"),
    include_str!("holds.rs"),
    include_str!("hostile_rows.rs"),
    include_str!("journal.rs"),
    include_str!("journal_page.rs"),
    include_str!("laws.rs"),
    include_str!("members.rs"),
    include_str!("mergers.rs"),
    include_str!("network.rs"),
    include_str!("orders.rs"),
    include_str!("partitions.rs"),
    include_str!("permissions.rs"),
    include_str!("postings.rs"),
    include_str!("precedence.rs"),
    include_str!("queries.rs"),
    include_str!("rejections.rs"),
    include_str!("reminders.rs"),
    include_str!("requirements.rs"),
    include_str!("snapshot.rs"),
    include_str!("stores.rs"),
    include_str!("watch.rs"),
    include_str!("../src/snapshot/tests.rs"),
];

/// Every requirement has its row, a yes has a test, and every test that the page names exists.
#[test]
fn every_requirement_stands_in_the_page_and_every_named_test_exists() {
    let (start, end) = (PAGE.find("## Requirements").unwrap(), PAGE.find("## Limits").unwrap());
    let mut requirements = 0;
    let mut named = 0;
    for row in PAGE.get(start..end).unwrap().lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let test = cells.last().unwrap().trim_matches('`');
        if let Some(number) = cells.first().and_then(|cell| cell.strip_prefix('R')) {
            requirements += 1;
            assert_eq!(number, requirements.to_string(), "{row}");
            let answer = cells.iter().copied().nth(2).unwrap();
            let known = ["yes", "in part", "no:"].iter().any(|word| answer.starts_with(word));
            assert!(known, "{row}");
            assert!(answer.starts_with("no:") || !test.is_empty(), "{row}");
        }
        if row.ends_with("` |") {
            named += 1;
            assert!(is_test(test), "{row}");
        }
    }
    assert_eq!(requirements, 170);
    assert!(named > 150, "{named}");
}

/// Every yes of the README names tests, and these exist.
#[test]
fn every_yes_of_the_readme_names_its_tests() {
    let readme = include_str!("../README.md");
    let from = readme.find("| shown by |").unwrap();
    let rows = readme.get(from..).unwrap().lines().skip(2).take_while(|row| row.starts_with('|'));
    let mut yes = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, answer, tests] = cells.as_slice() else { panic!("{row}") };
        if *answer != "yes" {
            assert!(["not yet", "no"].contains(answer) && tests.is_empty(), "{row}");
            continue;
        }
        yes += 1;
        for test in tests.split(", ") {
            assert!(is_test(test.trim_matches('`')), "{test} of {row}");
        }
    }
    assert!(yes > 20, "{yes}");
}

/// Whether a test has this name: alone, or inside a module or a macro.
fn is_test(name: &str) -> bool {
    SOURCES.iter().any(|source| {
        let Some((before, _)) = source.split_once(&format!("fn {name}(")) else {
            return false;
        };
        // Attributes and comments may stand between.
        let above = before.lines().rev().take(6).take_while(|line| line.trim() != "}");
        above.into_iter().any(|line| line.trim() == "#[test]")
            || source.contains("proptest! {") && before.ends_with("    ")
    })
}

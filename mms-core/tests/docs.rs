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

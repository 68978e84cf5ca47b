//! The pages that say which report of users and which trap of a specification has which test: what
//! they name exists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use std::collections::BTreeSet;
use std::path::Path;

/// The text of every source file below `dir`.
fn sources(dir: &Path, out: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, out);
        } else if name.ends_with(".rs") {
            out.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// What stands between backquotes and looks like the name of a test.
fn named(page: &str) -> BTreeSet<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        text.matches('_').count() >= 2
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !text.ends_with("_max")
    };
    quoted.filter(is_name).collect()
}

#[test]
fn tests_that_are_named_exist() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut all = String::new();
    for member in ["proto-wire", "rtsp-proto", "examples", "fuzz"] {
        sources(&root.join(member), &mut all);
    }
    let page = std::fs::read_to_string(root.join("docs/rtsp-proto-reports.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 90, "{} names: the page is read wrongly", named.len());
    let dialogues = root.join("rtsp-proto/tests/dialogues");
    let is_there = |name: &&str| {
        all.contains(&format!("fn {name}(")) || dialogues.join(format!("{name}.txt")).exists()
    };
    // The other way round: no dialogue is forgotten there.
    for file in std::fs::read_dir(&dialogues).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(page.contains(&format!("`{name}`")), "{name} is in no table");
    }
    let missing: Vec<_> = named.into_iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "these tests do not exist: {missing:#?}");
}

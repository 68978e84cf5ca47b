//! What no lint checks: the tree is tidy, limits are tested, links lead somewhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a Rust file at most; one idea fits in less.
const LINES_MAX: usize = 700;
/// Lines of a file of tests at most: tables are long.
const TEST_LINES_MAX: usize = 900;
/// Files that are longer, and why.
const LONG: &[(&str, &str)] =
    &[("rtsp-proto/src/tunnel/gate.rs", "pairs two connections; its states are one match")];

/// Limits that are tested by their default or through a constructor, and the test that does.
const TESTED_AS: &[(&str, &str)] = &[
    ("attempts_max", "failures_can_be_tried_again_a_few_times"),
    ("expires_max", "too_brief_is_423_and_too_long_is_shortened"),
    ("forks_max", "forks_are_bounded_at_n_and_not_at_n_plus_one"),
    ("pin_tries_max", "wrong_pins_lock_a_card_and_a_right_one_forgives"),
];

const CRATES: [&str; 5] = ["proto-wire", "rtsp-proto", "sip-proto", "xmpp-proto", "mms-core"];

#[test]
fn files_are_one_idea_long() {
    let mut bad = Vec::new();
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        let listed = LONG.iter().any(|(long, _)| *long == path);
        let max = if is_test(&path) { TEST_LINES_MAX } else { LINES_MAX };
        if lines > max && !listed {
            bad.push(format!("{path}: {lines} lines"));
        }
    }
    none(&bad, "split these, or list them with a reason");
}

#[test]
fn every_page_is_in_the_book() {
    let docs = root().join("docs");
    let book = fs::read_to_string(docs.join("SUMMARY.md")).expect("a table of contents");
    let mut bad = Vec::new();
    let mut pages = Vec::new();
    for directory in [docs.clone(), docs.join("recipes")] {
        for entry in fs::read_dir(directory).expect("pages") {
            let path = entry.expect("a page").path();
            if path.extension().is_some_and(|kind| kind == "md") {
                let name = path.strip_prefix(&docs).expect("below").display().to_string();
                pages.push(name);
            }
        }
    }
    assert!(pages.len() > 10, "where are the pages?");
    for page in pages {
        if page != "SUMMARY.md" && !book.contains(&format!("]({page})")) {
            bad.push(page);
        }
    }
    none(&bad, "name these in docs/SUMMARY.md");
}

#[test]
fn nothing_pretends_or_lies_about() {
    // In pieces, so that this file does not find itself.
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("d", "bg!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
        concat!("pub fn g", "et_"),
    ];
    let mut bad = Vec::new();
    for (path, text) in rust_files() {
        for (number, line) in (1..).zip(text.lines()) {
            // An RTSP method has that name.
            let line = line.replace("get_parameter(", "");
            bad.extend(
                words
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{path}:{number}: {word}")),
            );
        }
    }
    none(&bad, "finish these or take them out");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/tmp/", "wt"),
        concat!("../sh", "ared"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut bad = Vec::new();
    for (path, text) in text_files() {
        for (number, line) in (1..).zip(text.lines()) {
            bad.extend(
                words
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{path}:{number}: {word}")),
            );
        }
    }
    none(&bad, "these paths exist on one machine only");
}

/// Conditions that chain `let` need Rust 1.88; clippy does not hold them against the declared
/// `rust-version`.
#[test]
fn no_condition_needs_a_newer_compiler_than_declared() {
    let mut bad = Vec::new();
    for (path, text) in rust_files() {
        let mut open = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let starts = ["if let ", "while let ", "} else if let "];
            let begins = starts.iter().any(|start| line.starts_with(start));
            let chained =
                line.starts_with(concat!("&& ", "let ")) || (open && line.starts_with("&&"));
            if chained || (begins && and_outside_parentheses(line)) {
                bad.push(format!("{path}:{}: {line}", number + 1));
            }
            open = (begins || (open && !line.starts_with("&&"))) && !line.ends_with('{');
        }
    }
    none(&bad, "these conditions chain `let`");
}

fn and_outside_parentheses(line: &str) -> bool {
    let mut depth = 0_i32;
    let mut before = ' ';
    for c in line.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '&' if before == '&' && depth == 0 => return true,
            '|' if depth == 0 => return false,
            _ => {}
        }
        before = c;
    }
    false
}

#[test]
fn text_ends_in_a_newline_and_lines_do_not_end_in_spaces() {
    let mut bad = Vec::new();
    for (path, text) in text_files() {
        if !text.is_empty() && !text.ends_with('\n') {
            bad.push(format!("{path}: no newline at the end"));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if line.ends_with(' ') || line.ends_with('\t') {
                bad.push(format!("{path}:{number}: space at the end"));
            }
        }
    }
    none(&bad, "tidy these");
}

/// A limit nobody tests is a limit nobody has: each public `*_max` field is named in a test.
#[test]
fn every_limit_has_a_test() {
    let files = rust_files();
    let tests: String = files.iter().map(|(path, text)| test_part(path, text)).collect();
    let mut bad = Vec::new();
    for (path, text) in &files {
        if !CRATES.iter().any(|krate| path.starts_with(&format!("{krate}/src/"))) {
            continue;
        }
        for line in text.lines() {
            let Some((name, kind)) =
                line.trim().strip_prefix("pub ").and_then(|field| field.split_once(':'))
            else {
                continue;
            };
            // How long something may take is no limit on what a peer can pile up.
            if !name.ends_with("_max") || name.contains(' ') || kind.contains("Duration") {
                continue;
            }
            let other = TESTED_AS.iter().find(|(limit, _)| *limit == name).map(|(_, test)| *test);
            if !tests.contains(name) && !other.is_some_and(|test| tests.contains(test)) {
                bad.push(format!("{path}: {name}"));
            }
        }
    }
    none(&bad, "test these limits at N and N+1");
}

/// A Rust file that no `mod` names is not compiled, and rots.
#[test]
fn every_source_file_is_compiled() {
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    let files = rust_files();
    for (path, text) in &files {
        if let Some((krate, _)) = path.split_once("/src/") {
            modules.entry(krate.to_owned()).or_default().push_str(text);
        }
    }
    let mut bad = Vec::new();
    for (path, _) in &files {
        let Some((krate, inside)) = path.split_once("/src/") else { continue };
        if inside == "lib.rs" || inside == "main.rs" || inside.starts_with("bin/") {
            continue;
        }
        let inside =
            inside.strip_suffix("/mod.rs").or(inside.strip_suffix(".rs")).expect("a Rust file");
        let name = inside.rsplit('/').next().expect("a name");
        let named = [format!("mod {name};"), format!("#[path = \"{name}.rs\"]")];
        if !named.iter().any(|named| modules[krate].contains(named)) {
            bad.push(path.clone());
        }
    }
    none(&bad, "no `mod` names these files");
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut bad = Vec::new();
    for (path, text) in text_files() {
        if Path::new(&path).extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let dir = root().join(&path).parent().expect("a directory").to_path_buf();
        for (number, line) in (1..).zip(text.lines()) {
            for link in line.split("](").skip(1) {
                let Some((target, _)) = link.split_once(')') else { continue };
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                if file.contains("://") || file.starts_with("mailto:") || file.contains("::") {
                    continue;
                }
                let file = if file.is_empty() { root().join(&path) } else { dir.join(file) };
                if !file.exists() {
                    bad.push(format!("{path}:{number}: {target}"));
                } else if !anchor.is_empty() && file.is_file() && !has_heading(&file, anchor) {
                    bad.push(format!("{path}:{number}: {target}: no such heading"));
                }
            }
        }
    }
    none(&bad, "these links lead nowhere");
}

#[test]
fn the_top_level_and_the_crates_have_what_readers_look_for() {
    for file in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs/README.md",
    ] {
        assert!(root().join(file).is_file(), "{file} is missing");
    }
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).expect("readable");
    for krate in CRATES {
        assert!(root().join(krate).join("README.md").is_file(), "{krate} has no README");
        assert!(
            changelog.contains(&format!("### {krate}")),
            "{krate} has no part in the changelog"
        );
        assert!(
            root().join("docs").join(format!("{krate}.md")).is_file(),
            "docs/{krate}.md is missing"
        );
        let lib = fs::read_to_string(root().join(krate).join("src/lib.rs")).expect("readable");
        for attribute in ["#![no_std]", "#![forbid(unsafe_code)]", "include_str!(\"../README.md\")"]
        {
            assert!(lib.contains(attribute), "{krate}/src/lib.rs lacks {attribute}");
        }
    }
}

/// A heading whose anchor, as forges make it, is `anchor`.
fn has_heading(file: &Path, anchor: &str) -> bool {
    fs::read_to_string(file).expect("readable").lines().filter(|line| line.starts_with('#')).any(
        |heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let slug: String = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            slug == anchor
        },
    )
}

/// The part of a file that is compiled for tests only.
fn test_part<'a>(path: &str, text: &'a str) -> &'a str {
    if is_test(path) {
        return text;
    }
    text.find("#[cfg(test)]").map_or("", |at| &text[at..])
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("fuzz/")
}

fn rust_files() -> Vec<(String, String)> {
    text_files().into_iter().filter(|(path, _)| path.ends_with(".rs")).collect()
}

/// Every text file of the repository: its path from the root with `/`, and what is in it.
fn text_files() -> Vec<(String, String)> {
    const TEXT: [&str; 9] = ["rs", "md", "toml", "sh", "yml", "py", "lua", "cfg", "xml"];
    let mut files = Vec::new();
    let mut dirs = vec![root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("readable") {
            let path = entry.expect("readable").path();
            let name =
                path.file_name().and_then(|name| name.to_str()).expect("UTF-8 names").to_owned();
            if path.is_dir() {
                let skipped =
                    matches!(name.as_str(), "target" | "corpus" | "crashes" | "artifacts")
                        || (name.starts_with('.') && name != ".ci" && name != ".github");
                if !skipped {
                    dirs.push(path);
                }
            } else if path
                .extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|e| TEXT.contains(&e))
            {
                let shown = path
                    .strip_prefix(root())
                    .expect("inside")
                    .display()
                    .to_string()
                    .replace('\\', "/");
                files.push((shown, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    files.sort();
    assert!(files.len() > 20, "found only {} files under {}", files.len(), root().display());
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_path_buf()
}

fn none(bad: &[String], what: &str) {
    assert!(bad.is_empty(), "{what}:\n{}", bad.join("\n"));
}

//! The pages that say which feature, which report of users and which trap of a specification has
//! which test: what they name exists.

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

/// The names of all tests, of all fuzz targets and of all dialogues.
fn tests(root: &Path) -> BTreeSet<String> {
    let mut all = String::new();
    for member in ["proto-wire", "rtsp-proto", "sip-proto", "examples", "fuzz", "benches"] {
        sources(&root.join(member), &mut all);
    }
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in all.lines().map(str::trim) {
        let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        match name {
            Some((name, rest)) if is_test || rest.starts_with("data: &[u8])") => {
                names.insert(name.to_owned());
                is_test = false;
            }
            _ => is_test |= line == "#[test]",
        }
    }
    for file in std::fs::read_dir(root.join("rtsp-proto/tests/dialogues")).unwrap() {
        names.insert(file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
    }
    assert!(names.len() > 500, "{} names: the sources are read wrongly", names.len());
    names
}

/// Each row of a crate's README is a row of the page of features, under the same name, and has a
/// test there: "yes" is shown, not said.
#[test]
fn every_feature_has_a_test() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let tests = tests(root);
    let rows = |text: &str| -> Vec<(String, String)> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        let rows = rows.filter_map(|row| row.split_once(" | "));
        rows.map(|(first, rest)| (first.to_owned(), rest.to_owned())).collect()
    };
    let mut bad = Vec::new();
    for (name, shown_min, rows_min) in [("rtsp-proto", 80, 25), ("sip-proto", 65, 30)] {
        let page = std::fs::read_to_string(root.join(format!("docs/{name}-matrix.md"))).unwrap();
        let shown = rows(&page);
        assert!(shown.len() > shown_min, "{} rows: the page is read wrongly", shown.len());
        for (feature, cell) in shown.iter().filter(|(_, cell)| cell != "tests") {
            let named = named(cell);
            if named.is_empty() {
                bad.push(format!("{name}: {feature}: no test"));
            }
            let missing = named.iter().filter(|name| !tests.contains(**name));
            bad.extend(missing.map(|test| format!("{name}: {feature}: {test}")));
        }
        let readme = std::fs::read_to_string(root.join(name).join("README.md")).unwrap();
        let supported = readme.split("## What is supported").nth(1).unwrap();
        let supported = supported.split("\n## ").next().unwrap();
        let mut seen = 0;
        for (row, rest) in rows(supported) {
            seen += 1;
            if !rest.starts_with("no ") && !shown.iter().any(|(feature, _)| *feature == row) {
                bad.push(format!("{name}: {row}: not on the page"));
            }
        }
        assert!(seen > rows_min, "{seen} rows: the README is read wrongly");
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The file server is a whole host, in less code than the README and the docs say.
#[test]
fn the_file_server_is_short() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rtsp_serve.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    let lines = text.lines().map(str::trim).filter(is_code).count();
    assert!((100..300).contains(&lines), "{lines} lines of code");
}

#[test]
fn tests_that_are_named_exist() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let tests = tests(root);
    let page = std::fs::read_to_string(root.join("docs/rtsp-proto-reports.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 90, "{} names: the page is read wrongly", named.len());
    let dialogues = root.join("rtsp-proto/tests/dialogues");
    // The other way round: no dialogue is forgotten there.
    for file in std::fs::read_dir(&dialogues).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(page.contains(&format!("`{name}`")), "{name} is in no table");
    }
    let sip = std::fs::read_to_string(root.join("docs/sip-proto-reports.md")).unwrap();
    let of_sip = self::named(&sip);
    assert!(of_sip.len() > 200, "{} names: the page is read wrongly", of_sip.len());
    // No report and no trap is forgotten.
    for (heading, last) in [("## Reports", 20), ("## Traps", 32)] {
        let part = sip.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
        for number in 1..=last {
            assert!(part.contains(&format!("\n| {number} | ")), "{heading}: {number}");
        }
    }
    let all = named.into_iter().chain(of_sip);
    let missing: Vec<_> = all.filter(|name| !tests.contains(*name)).collect();
    assert!(missing.is_empty(), "these tests do not exist: {missing:#?}");
}

/// The rows of the tables in a page: their first cell and their second.
fn rows(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.lines().filter_map(|line| {
        let (first, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        let (second, _) = rest.split_once(" |")?;
        (second != "test").then_some((first, second))
    })
}

/// Every row of the page has a test or more, all of which exist, and every row of the README that
/// says yes is in the page.
#[test]
fn what_xmpp_proto_can_has_tests() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut all = String::new();
    for member in ["proto-wire", "xmpp-proto", "examples", "fuzz", "benches"] {
        sources(&root.join(member), &mut all);
    }
    let page = std::fs::read_to_string(root.join("docs/xmpp-proto-reports.md")).unwrap();
    let (mut bad, mut tested) = (Vec::new(), BTreeSet::new());
    for (what, tests) in rows(&page) {
        let mut found = 0;
        for name in tests.split('`').skip(1).step_by(2) {
            let is_name =
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            let there = match is_name {
                true => all.contains(&format!("fn {name}(")),
                false => [root.join(name), root.join("xmpp-proto").join(name)]
                    .iter()
                    .any(|path| path.exists()),
            };
            match there {
                true => found += 1,
                // What is quoted beside a test: an attribute, a key of a header.
                false if !is_name && !name.contains('/') => {}
                false => bad.push(format!("{what}: {name} does not exist")),
            }
        }
        match found {
            0 => bad.push(format!("{what}: no test")),
            _ => _ = tested.insert(what),
        }
    }
    assert!(tested.len() > 80, "{} rows: the page is read wrongly", tested.len());
    let readme = std::fs::read_to_string(root.join("xmpp-proto/README.md")).unwrap();
    let (_, matrix) = readme.split_once("## What is supported").unwrap();
    let (matrix, _) = matrix.split_once("## Features").unwrap();
    let supported: Vec<&str> =
        rows(matrix).filter(|(_, says)| *says == "yes").map(|(what, _)| what).collect();
    assert!(supported.len() > 25, "{} rows: the README is read wrongly", supported.len());
    bad.extend(
        supported
            .iter()
            .filter(|what| !tested.contains(*what))
            .map(|what| format!("{what}: in the README and not in the page")),
    );
    assert!(bad.is_empty(), "{bad:#?}");
}

//! What the READMEs of the crates say in figures is so.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATES: [&str; 5] = ["proto-wire", "rtsp-proto", "sip-proto", "xmpp-proto", "mms-core"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Crates below `name` that users build, itself not counted.
fn tree(name: &str, arguments: &[&str]) -> usize {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", name, "-e", "normal", "--prefix", "none", "--locked", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names");
    let crates: BTreeSet<&str> =
        text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|l| !l.is_empty()).collect();
    crates.len().checked_sub(1).expect("at least itself")
}

#[test]
fn each_readme_says_what_it_takes_to_build_the_crate() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let msrv = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .expect("an MSRV")
        .trim_matches('"')
        .to_owned();
    for name in CRATES {
        let (all, bare) = (tree(name, &[]), tree(name, &["--no-default-features"]));
        let line = format!(
            "MSRV {msrv}, edition 2024. {all} crates below this one, {bare} without default features."
        );
        let readme = fs::read_to_string(root().join(name).join("README.md")).expect("a README");
        assert!(readme.contains(&line), "{name}/README.md should say: {line}");
    }
}

#[test]
fn each_readme_names_every_feature() {
    for name in CRATES {
        let manifest =
            fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        let features = manifest.split("[features]").nth(1).expect("features");
        let features = features.split("\n[").next().expect("the section");
        let readme = fs::read_to_string(root().join(name).join("README.md")).expect("a README");
        for line in features.lines() {
            let Some((feature, _)) = line.split_once(" = ") else { continue };
            let named = readme.contains(&format!("`{feature}`"));
            assert!(feature == "default" || named, "{name}/README.md lacks the feature {feature}");
        }
    }
}

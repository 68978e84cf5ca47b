//! Programs of others that use our server: a script of ours around a library of theirs, which
//! says line by line what it sees.

use crate::common::{Dir, Running};
use examples::xmpp_server::{Options, XmppServer};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

/// Where `npm install` has put these packages.
pub fn modules(packages: &[&str]) -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-npm/node_modules");
    for package in packages {
        if !modules.join(package).is_dir() {
            println!("skipped: no such program: {package}");
            return None;
        }
    }
    Some(modules)
}

/// Our server with the accounts of alice and bob.
pub fn server(options: Options) -> XmppServer {
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    server
}

/// A script that runs.
pub struct Script {
    child: Running,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Writes it into the directory and starts it.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        dir: &Dir,
        (file, script): (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut child = Command::new(program)
            .arg(dir.file(file, script))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child: Running(child), lines }
    }

    /// The next line that it says.
    pub fn said(&mut self) -> String {
        self.lines.next().map_or_else(|| "(ended)".to_string(), Result::unwrap)
    }

    /// It says these lines, with others between them, and ends well.
    pub fn says(mut self, expected: &[&str]) {
        let said: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        for line in expected {
            assert!(said.iter().any(|said| said == line), "{line}: {said:?}");
        }
        self.ends();
    }

    /// It ends well.
    pub fn ends(mut self) {
        assert!(self.child.0.wait().unwrap().success());
    }
}

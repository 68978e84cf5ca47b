//! A shop counter in a terminal: `shop_counter [FILE]`, then lines; `help` says which.
//!
//! ```text
//! $ cargo run --bin shop_counter -- /tmp/shop.redb
//! counter> enrol +8613800000001 6001
//! member #0 joined
//! card 6001 opens the accounts of member #0
//! counter> topup 6001 200
//! no 3  ToppedUp  200.00  bonus 20.00  | stored 220.00, points 0
//! ```

use examples::counter::{Counter, Next, now};
use mms_core::Program;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "shop.redb".to_owned());
    if path == "--help" || path == "-h" {
        println!("usage: shop_counter [FILE]\n\n{}", examples::counter::HELP);
        return ExitCode::SUCCESS;
    }
    let key = match key(&format!("{path}.key")) {
        Ok(key) => key,
        Err(error) => return fail(&format!("{path}.key: {error}")),
    };
    let at = now();
    let keys = at.time.as_unix_micros().unsigned_abs() / 1_000;
    let mut counter = match Counter::open(&path, Program::sample(), key, at, keys) {
        Ok(counter) => counter,
        Err(error) => return fail(&error.to_string()),
    };
    let mut out = io::stdout();
    let talks = io::stdin().is_terminal();
    if talks {
        println!("{} members; help says what to say", counter.ledger().member_count());
    }
    let mut troubles = 0;
    let mut line = String::new();
    loop {
        if talks {
            print!("counter> ");
            out.flush().unwrap_or(());
        }
        line.clear();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let result = counter
            .set_time(now())
            .map_err(Into::into)
            .and_then(|()| counter.line(line.trim(), &mut out));
        match result {
            Ok(Next::Stay) => {}
            Ok(Next::Quit) => break,
            Err(trouble) => {
                troubles += 1;
                println!("{trouble}");
            }
        }
    }
    // A script wants to know.
    if troubles > 0 && !talks { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("shop_counter: {text}");
    ExitCode::from(2)
}

/// The key for token hashes: made once, kept beside the ledger.
fn key(path: &str) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    match std::fs::File::open(path) {
        Ok(mut file) => file.read_exact(&mut key)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
            std::fs::write(path, key)?;
        }
        Err(error) => return Err(error),
    }
    Ok(key)
}

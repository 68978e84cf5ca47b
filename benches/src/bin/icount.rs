//! Runs one operation a fixed number of times, for callgrind: `icount --list`,
//! `icount sip/index/invite 1000`. `benches/icount.sh` turns that into instructions per item.

use std::env::args;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--list"] => {
            let mut out = io::stdout().lock();
            for op in benches::ops() {
                // Whoever reads this may stop when it has seen enough (`icount --list | head`).
                if writeln!(out, "{} {}", op.name, op.items).is_err() {
                    break;
                }
            }
            ExitCode::SUCCESS
        }
        [name, runs] => {
            let (Some(op), Ok(runs)) = (benches::ops().find(|op| op.name == *name), runs.parse())
            else {
                eprintln!("no operation {name} (see --list), or {runs} is not a number");
                return ExitCode::from(2);
            };
            let mut run = (op.make)();
            black_box(run());
            icount_measured(&mut run, runs);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: icount --list | icount OPERATION RUNS");
            ExitCode::from(2)
        }
    }
}

/// What callgrind counts (`--toggle-collect=*icount_measured*`): a symbol of its own.
#[inline(never)]
fn icount_measured(run: &mut benches::Run, runs: u32) {
    for _ in 0..runs {
        black_box(run());
    }
}

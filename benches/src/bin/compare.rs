//! Our crates beside those that users would pick instead: `compare [--json] [--quick] [FILTER]`.
//! Each row takes about a second a side (`--quick`: a hundredth, to see that all still agree), in
//! processor time; durable rows and those beside a server are timed on the wall.

use benches::compare::pair::{Figures, measure};
use benches::compare::{Row, rows};
use std::env::args;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: benches::alloc::Counting = benches::alloc::Counting;

fn main() -> ExitCode {
    let (mut json, mut nanos, mut filter) = (false, 1_000_000_000, String::new());
    for arg in args().skip(1) {
        match arg.as_str() {
            "--json" => json = true,
            "--quick" => nanos = 10_000_000,
            "--help" | "-h" => {
                println!("usage: compare [--json] [--quick] [FILTER]");
                println!(
                    "columns: row, our ns, peer, its ns, ratio (above 1: ours is faster), allocations of each"
                );
                return ExitCode::SUCCESS;
            }
            _ if arg.starts_with('-') => {
                eprintln!("unknown option {arg}; see --help");
                return ExitCode::from(2);
            }
            _ => filter = arg,
        }
    }
    if !json {
        println!(
            "{:<28} {:>10}  {:<16} {:>10} {:>7} {:>8} {:>8}",
            "row", "ours ns", "peer", "peer ns", "ratio", "allocs", "theirs"
        );
    }
    let mut status = ExitCode::SUCCESS;
    let mut measured = 0;
    for mut row in rows(&filter) {
        measured += 1;
        match measure(&mut row, nanos) {
            Ok(figures) if json => print_json(&row, &figures),
            Ok(figures) => print_line(&row, &figures),
            Err(difference) => {
                eprintln!("DIFFERENT RESULTS: {difference}");
                status = ExitCode::FAILURE;
            }
        }
    }
    if measured == 0 {
        eprintln!("no row or peer contains {filter:?}");
        status = ExitCode::from(2);
    }
    status
}

fn print_line(row: &Row, figures: &Figures) {
    println!(
        "{:<28} {:>10.1}  {:<16} {:>10.1} {:>6.2}x {:>8.2} {:>8.2}",
        row.name,
        figures.ours,
        row.peer,
        figures.theirs,
        figures.ratio,
        figures.our_allocations,
        figures.their_allocations,
    );
}

/// One object per line. Names of rows and peers are ours and need no escaping.
fn print_json(row: &Row, figures: &Figures) {
    println!(
        "{{\"row\":\"{}\",\"ours_ns\":{:.1},\"peer\":\"{}\",\"peer_ns\":{:.1},\"ratio\":{:.3},\
         \"our_allocations\":{:.2},\"peer_allocations\":{:.2}}}",
        row.name,
        figures.ours,
        row.peer,
        figures.theirs,
        figures.ratio,
        figures.our_allocations,
        figures.their_allocations,
    );
}

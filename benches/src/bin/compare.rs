//! Our crates beside those that users would pick instead: `compare [--json] [FILTER]`.
//! Each row takes about a second a side, in processor time; durable rows and those beside a server
//! are timed on the wall. Whether both sides of a row find the same is a test of its own, which measures nothing.

use benches::compare::pair::{Figures, measure};
use benches::compare::{Row, rows};
use std::env::args;
use std::process::ExitCode;

/// What a row takes for each side, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

#[global_allocator]
static ALLOC: benches::alloc::Counting = benches::alloc::Counting;

fn main() -> ExitCode {
    let (mut json, mut filter) = (false, String::new());
    for arg in args().skip(1) {
        match arg.as_str() {
            "--json" => json = true,
            "--help" | "-h" => {
                println!("usage: compare [--json] [FILTER]");
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
        match measure(&mut row, SECOND) {
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

/// Two tests, for two processors.
#[cfg(test)]
mod tests {
    use benches::compare::pair::agree;
    use benches::compare::{Row, at_hand, in_stores};
    use std::hint::black_box;

    #[test]
    fn both_sides_find_the_same_in_every_row_at_hand() {
        assert!(check(at_hand()) > 100);
    }

    #[test]
    fn both_sides_find_the_same_in_every_row_of_stores() {
        assert!(check(in_stores("")) > 5);
    }

    /// And each side can do its work more than once.
    fn check(rows: impl IntoIterator<Item = Row>) -> usize {
        let mut count = 0;
        for mut row in rows {
            if let Err(difference) = agree(&row) {
                panic!("{difference}");
            }
            for run in [&mut row.ours.run, &mut row.theirs.run] {
                black_box(run());
                black_box(run());
            }
            count += 1;
        }
        println!("{count} rows");
        count
    }
}

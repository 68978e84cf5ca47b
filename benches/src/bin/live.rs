//! What one more MESSAGE transaction costs while so many are live: `live [COUNT..]`, nanoseconds of
//! processor time of one, a thousand, up to a million by default. For instructions, under callgrind with
//! `--collect-atstart=no --toggle-collect='*icount_measured*'`: `live --once COUNT MESSAGES`.

use benches::clock::thread_cpu_nanos;
use benches::live::Live;
use std::env::args;
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = args().skip(1).collect();
    let (once, numbers) = match args.split_first() {
        Some((first, rest)) if first == "--once" => (true, rest),
        _ => (false, &args[..]),
    };
    let Ok(numbers) = numbers.iter().map(|n| n.parse()).collect::<Result<Vec<u32>, _>>() else {
        eprintln!("usage: live [COUNT..] | live --once COUNT MESSAGES");
        return ExitCode::from(2);
    };
    match (once, &numbers[..]) {
        (true, [count, messages]) => {
            let mut live = Live::new(*count);
            icount_measured(&mut live, *messages);
        }
        (true, _) => return ExitCode::from(2),
        (false, []) => curve(&[1, 1_000, 10_000, 100_000, 1_000_000]),
        (false, counts) => curve(counts),
    }
    ExitCode::SUCCESS
}

/// Each size is measured several times and the least is told: what disturbs only adds.
fn curve(counts: &[u32]) {
    println!("{:>10} {:>12}", "live", "ns/message");
    for count in counts {
        let mut live = Live::new(*count);
        let mut least = f64::MAX;
        for _ in 0..20 {
            let before = thread_cpu_nanos();
            icount_measured(&mut live, 5_000);
            least = least.min((thread_cpu_nanos() - before) as f64 / 5_000.0);
        }
        assert_eq!(live.transactions(), *count as usize);
        println!("{count:>10} {least:>12.0}");
    }
}

/// What callgrind counts: a symbol of its own.
#[inline(never)]
fn icount_measured(live: &mut Live, messages: u32) {
    for _ in 0..messages {
        black_box(live.message());
    }
}

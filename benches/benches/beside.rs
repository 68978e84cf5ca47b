//! The rows of `compare` under criterion: `cargo bench -p benches --features peers -- sip/index`.
//!
//! A group for each operation and in it, on the same input, ours and each peer. Both sides of a row
//! must find the same before either is timed. Criterion times on the wall and one after the other;
//! ratios are better taken from `compare`, which alternates.

use benches::Run;
use benches::compare::pair::agree;
use benches::compare::{Clock, Later, Row, Side, at_hand, stores};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// One side of a row, in the group of its operation.
struct Bench {
    id: BenchmarkId,
    throughput: Throughput,
    make: Box<dyn FnOnce() -> Run>,
}

/// Operations in the order of `compare`.
#[derive(Default)]
struct Groups {
    groups: Vec<(String, Vec<Bench>)>,
    /// What ours does under which name: rows with several peers share it.
    ours: Vec<(String, Clock, Vec<String>)>,
}

impl Groups {
    fn row(&mut self, row: Row) {
        agree(&row).unwrap_or_else(|difference| panic!("DIFFERENT RESULTS: {difference}"));
        let clock = Clock::of(&row.name, row.peer);
        let Row { name, peer, items, ours, theirs } = row;
        if let Some(who) = self.new_of_ours(&name, peer, clock, &ours.found) {
            self.side(&name, &who, items, ours);
        }
        self.side(&name, peer, items, theirs);
    }

    fn later(&mut self, row: Later) {
        let clock = Clock::of(&row.name, row.peer);
        let Later { name, peer, items, set_up } = row;
        let set_up = std::rc::Rc::new(set_up);
        let make = |ours: bool| {
            let set_up = std::rc::Rc::clone(&set_up);
            Box::new(move || -> Run {
                let row = set_up().expect("the peer starts");
                agree(&row).unwrap_or_else(|difference| panic!("DIFFERENT RESULTS: {difference}"));
                if ours { row.ours.run } else { row.theirs.run }
            })
        };
        let throughput = Throughput::Elements(items as u64);
        if let Some(who) = self.new_of_ours(&name, peer, clock, &[]) {
            self.add(&name, &who, throughput.clone(), make(true));
        }
        self.add(&name, peer, throughput, make(false));
    }

    /// How ours is called if it does what it did for no peer before.
    fn new_of_ours(
        &mut self,
        name: &str,
        peer: &str,
        clock: Clock,
        found: &[String],
    ) -> Option<String> {
        let same = |with: &&(String, Clock, Vec<String>)| with.0 == name;
        let mut others = self.ours.iter().filter(same);
        if others.clone().any(|(_, with, what)| *with == clock && what == found) {
            return None;
        }
        let who = if others.next().is_none() { "ours".into() } else { format!("ours as {peer}") };
        self.ours.push((name.to_owned(), clock, found.to_vec()));
        Some(who)
    }

    fn side(&mut self, name: &str, who: &str, items: usize, side: Side) {
        let elements = items as u64;
        let throughput = match side.bytes as u64 {
            0 => Throughput::Elements(elements),
            bytes => Throughput::ElementsAndBytes { elements, bytes },
        };
        let run = side.run;
        self.add(name, who, throughput, Box::new(|| run));
    }

    fn add(
        &mut self,
        name: &str,
        who: &str,
        throughput: Throughput,
        make: Box<dyn FnOnce() -> Run>,
    ) {
        let (operation, input) = name.rsplit_once('/').expect("a name has parts");
        let bench = Bench { id: BenchmarkId::new(who, input), throughput, make };
        match self.groups.iter_mut().find(|(name, _)| name == operation) {
            Some((_, benches)) => benches.push(bench),
            None => self.groups.push((operation.to_owned(), vec![bench])),
        }
    }
}

fn beside(criterion: &mut Criterion) {
    let mut groups = Groups::default();
    for row in at_hand() {
        groups.row(row);
    }
    // A server that does not start would be a bench without a figure: `compare` says so instead.
    for row in stores::rows().into_iter().filter(|row| !row.peer.contains("(wall)")) {
        groups.later(row);
    }
    for (operation, benches) in groups.groups {
        let mut group = criterion.benchmark_group(operation);
        for Bench { id, throughput, make } in benches {
            group.throughput(throughput);
            // What a filter leaves out is never set up.
            let (mut make, mut run) = (Some(make), None);
            group.bench_function(id, |bencher| {
                let run = run.get_or_insert_with(|| make.take().expect("once")());
                bencher.iter(run);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, beside);
criterion_main!(benches);

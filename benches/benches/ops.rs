//! Every operation under criterion: `cargo bench -p benches -- sip`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for (area, ops) in benches::AREAS {
        let mut group = criterion.benchmark_group(*area);
        for op in *ops {
            let name = op.name.strip_prefix(&format!("{area}/")).unwrap_or(op.name);
            group.throughput(Throughput::Elements(u64::from(op.items)));
            let mut run = (op.make)();
            group.bench_function(name, |bencher| bencher.iter(&mut run));
        }
        group.finish();
    }
}

criterion_group!(benches, all);
criterion_main!(benches);

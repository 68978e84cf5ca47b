//! Operations that say they do not allocate, do not.

#[global_allocator]
static ALLOC: benches::alloc::Counting = benches::alloc::Counting;

#[test]
fn operations_keep_their_word_about_allocations() {
    assert!(benches::alloc::is_counting());
    for protocol in ["rtsp/index/", "sip/index/", "xmpp/scan/"] {
        let borrowed = benches::ops().find(|op| op.name.starts_with(protocol) && !op.allocates);
        assert!(borrowed.is_some(), "nothing parses {protocol} without allocating");
    }
    for op in benches::ops().filter(|op| !op.allocates) {
        let mut run = (op.make)();
        // Scratch memory that is reused (an index of headers) may grow in the first run.
        let first = run();
        let (second, allocations) = benches::alloc::count(&mut run);
        assert_eq!(first, second, "{} gives another result when it runs again", op.name);
        assert_eq!(allocations, 0, "{} allocates", op.name);
    }
}

#[test]
fn names_are_unique_and_carry_their_area() {
    let mut names = Vec::new();
    for (area, ops) in benches::AREAS {
        for op in *ops {
            assert!(op.name.starts_with(&format!("{area}/")), "{} in {area}", op.name);
            assert!(op.items > 0, "{}", op.name);
            assert!(!names.contains(&op.name), "{} stands twice", op.name);
            names.push(op.name);
        }
    }
}

//! The simulator itself, tried with small machines.
#![allow(clippy::arithmetic_side_effects, reason = "small numbers, counted by tests")]

use super::netem::{Chunking, Loss, Netem, Pipe, Profile, Received};
use super::sim::{DatagramSim, Side, StreamSim, run_seeds};
use crate::{DatagramMachine, Instant, Machine, Output, StreamMachine};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;

const HOUR: Instant = Instant::from_secs(3600);

fn arrivals(profile: &Profile, seed: u64, count: u32) -> Vec<(Instant, u32)> {
    let mut link = Netem::new(profile, seed);
    for n in 0..count {
        link.send(Instant::from_millis(u64::from(n)), n);
    }
    let mut out = Vec::new();
    while let Some(at) = link.next_arrival() {
        let packet = link.recv(at).unwrap();
        out.push((at, packet));
    }
    out
}

#[test]
fn a_perfect_network_changes_nothing() {
    let out = arrivals(&Profile::perfect(), 1, 50);
    let expected: Vec<_> = (0..50).map(|n| (Instant::from_millis(u64::from(n)), n)).collect();
    assert_eq!(out, expected);
}

#[test]
fn the_same_seed_gives_the_same_network() {
    for profile in [Profile::wifi(), Profile::cellular(), Profile::lossy()] {
        assert_eq!(arrivals(&profile, 5, 300), arrivals(&profile, 5, 300));
        assert_ne!(arrivals(&profile, 5, 300), arrivals(&profile, 6, 300));
    }
}

#[test]
fn chances_come_out_about_right() {
    let loss = Profile::perfect().with_loss(Loss::Random(300));
    let got = arrivals(&loss, 1, 10_000).len();
    assert!((6_700..7_300).contains(&got), "{got}");
    let twice = Profile::perfect().with_duplicate(100);
    let got = arrivals(&twice, 1, 10_000).len();
    assert!((10_800..11_200).contains(&got), "{got}");
    let all = Profile::perfect().with_loss(Loss::Random(1000));
    assert!(arrivals(&all, 1, 100).is_empty());
}

#[test]
fn bursts_are_longer_than_random_loss() {
    // The same mean loss of about 10 %, alone and in bursts of five.
    let burst = Profile::perfect().with_loss(Loss::GilbertElliott {
        to_bad: 22,
        to_good: 200,
        good: 0,
        bad: 1000,
    });
    let alone = Profile::perfect().with_loss(Loss::Random(100));
    let gaps = |profile| {
        let out = arrivals(profile, 9, 20_000);
        out.windows(2).filter(|w| w[1].1 - w[0].1 > 3).count()
    };
    assert!(gaps(&burst) > 5 * gaps(&alone));
}

#[test]
fn packets_overtake_each_other_only_when_told_to() {
    let reorder = Profile::perfect().with_reorder(200, Duration::from_millis(30));
    let out = arrivals(&reorder, 2, 200);
    assert!(out.windows(2).any(|w| w[0].1 > w[1].1));
    assert_eq!(out.len(), 200);
}

#[test]
fn nothing_gets_through_an_outage() {
    let profile = Profile::partition(Instant::from_millis(10)..Instant::from_millis(20));
    let out = arrivals(&profile, 1, 30);
    let missing: Vec<_> = (0..30).filter(|n| out.iter().all(|(_, m)| m != n)).collect();
    assert_eq!(missing, (10..20).collect::<Vec<_>>());
}

fn read_all(pipe: &mut Pipe) -> (Vec<u8>, u32, usize) {
    let (mut data, mut eofs, mut chunks) = (Vec::new(), 0, 0);
    while let Some(at) = pipe.next_arrival() {
        match pipe.read(at).unwrap() {
            Received::Data(piece) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
                chunks += 1;
            }
            Received::Eof => eofs += 1,
        }
    }
    (data, eofs, chunks)
}

#[test]
fn a_stream_keeps_its_bytes_in_order_whatever_the_network() {
    run_seeds(50, |seed| {
        let profile = Profile::lossy().with_reorder(500, Duration::from_secs(1));
        let mut pipe = Pipe::new(&profile, seed);
        let mut sent = Vec::new();
        for n in 0..100_u8 {
            sent.extend_from_slice(&[n; 37]);
            pipe.write(Instant::from_millis(u64::from(n)), Bytes::from([n; 37].to_vec()));
        }
        pipe.close(Instant::from_secs(1));
        pipe.write(Instant::from_secs(1), Bytes::from_static(b"after the end"));
        let (data, eofs, chunks) = read_all(&mut pipe);
        assert_eq!(data, sent);
        assert_eq!(eofs, 1);
        assert!(chunks > 100, "cut in other chunks");
    });
}

#[test]
fn a_bytewise_stream_is_read_byte_by_byte() {
    let mut pipe = Pipe::new(&Profile::perfect().with_chunking(Chunking::Bytewise), 1);
    pipe.write(Instant::ZERO, Bytes::from_static(b"hello"));
    assert_eq!(read_all(&mut pipe), (b"hello".to_vec(), 0, 5));
}

#[test]
fn a_cut_stream_gives_a_prefix_and_one_end() {
    let mut prefixes = Vec::new();
    run_seeds(50, |seed| {
        let mut pipe = Pipe::new(&Profile::perfect().with_cut(1000), seed);
        pipe.write(Instant::ZERO, Bytes::from_static(b"0123456789"));
        assert!(pipe.is_broken());
        pipe.cut(Instant::ZERO);
        pipe.cut(Instant::ZERO);
        let (data, eofs, _) = read_all(&mut pipe);
        assert!(data.is_empty(), "what was flying is lost");
        assert_eq!(eofs, 1);

        let mut pipe = Pipe::new(&Profile::perfect().with_cut(1000), seed);
        pipe.write(Instant::ZERO, Bytes::from_static(b"0123456789"));
        let (data, eofs, _) = read_all(&mut pipe);
        assert!(b"0123456789".starts_with(&data));
        assert!(data.len() < 10);
        assert_eq!(eofs, 1);
        prefixes.push(data.len());
    });
    prefixes.sort_unstable();
    prefixes.dedup();
    assert_eq!(prefixes, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_stream_waits_while_it_stalls_and_while_the_network_is_away() {
    let mut pipe = Pipe::new(&Profile::perfect(), 1);
    pipe.write(Instant::ZERO, Bytes::from_static(b"a"));
    pipe.stall(Instant::from_secs(9));
    pipe.write(Instant::ZERO, Bytes::from_static(b"b"));
    assert_eq!(pipe.read(Instant::from_secs(8)), None);
    assert_eq!(pipe.next_arrival(), Some(Instant::from_secs(9)));

    let outage = Instant::from_secs(1)..Instant::from_secs(5);
    let mut pipe = Pipe::new(&Profile::partition(outage), 1);
    pipe.write(Instant::from_secs(2), Bytes::from_static(b"a"));
    assert_eq!(pipe.next_arrival(), Some(Instant::from_millis(5005)));
}

/// Counts down: answers a byte with one less, and pings every ten seconds.
#[derive(Debug, Default)]
struct Toy {
    out: VecDeque<Output<Bytes, ToyEvent>>,
    ping: Option<Instant>,
    busy: bool,
    closed: bool,
    full: bool,
}

#[derive(Debug, PartialEq)]
enum ToyEvent {
    Got(u8),
    Pinged,
    Closed,
}

enum ToyInput<'a> {
    Data(&'a [u8]),
    Eof,
}

impl Toy {
    fn say(&mut self, bytes: &[u8]) {
        self.out.push_back(Output::Transmit(Bytes::copy_from_slice(bytes)));
    }
}

impl Machine for Toy {
    type Input<'a> = ToyInput<'a>;
    type Transmit = Bytes;
    type Event = ToyEvent;

    fn handle_input(&mut self, _now: Instant, input: ToyInput<'_>) {
        match input {
            ToyInput::Data(data) => {
                for byte in data {
                    self.out.push_back(Output::Event(ToyEvent::Got(*byte)));
                    if *byte > 0 {
                        self.say(&[byte - 1]);
                    }
                }
            }
            ToyInput::Eof if !self.closed => {
                self.closed = true;
                self.ping = None;
                self.out.push_back(Output::Event(ToyEvent::Closed));
            }
            ToyInput::Eof => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.ping.is_some_and(|at| at <= now) && !self.busy {
            self.ping = Some(now.saturating_add(Duration::from_secs(10)));
            self.out.push_back(Output::Event(ToyEvent::Pinged));
        }
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, ToyEvent>> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.ping
    }
}

impl StreamMachine for Toy {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, ToyInput::Data(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, ToyInput::Eof);
    }

    fn is_closed(event: &ToyEvent) -> bool {
        *event == ToyEvent::Closed
    }

    fn wants_input(&self) -> bool {
        !self.full
    }
}

#[test]
fn two_machines_talk_over_a_bad_stream_and_the_end_reaches_both() {
    run_seeds(100, |seed| {
        let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::lossy(), seed);
        sim.left.say(&[9]);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        sim.run(HOUR, |sim, event| match event {
            Side::Left(event) => left.push(event),
            Side::Right(event) => {
                if event == ToyEvent::Got(1) {
                    sim.half_close_right();
                }
                right.push(event);
            }
        });
        let got = |n: u8| ToyEvent::Got(n);
        assert_eq!(left, [got(8), got(6), got(4), got(2), ToyEvent::Closed]);
        assert_eq!(right, [got(9), got(7), got(5), got(3), got(1), ToyEvent::Closed]);
        assert!(sim.left_gone() && sim.right_gone());
    });
}

#[test]
fn time_jumps_from_deadline_to_deadline() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    sim.left.ping = Some(Instant::from_secs(10));
    let mut pings = 0;
    sim.run(HOUR, |_, event| pings += u32::from(event == Side::Left(ToyEvent::Pinged)));
    assert_eq!(pings, 360);
    assert_eq!(sim.now(), HOUR);
}

#[test]
fn a_cut_reaches_both_ends_even_of_a_stream_that_breaks_by_itself() {
    run_seeds(100, |seed| {
        let profile = Profile::breaking().with_cut(200);
        let mut sim = StreamSim::new(Toy::default(), Toy::default(), &profile, seed);
        sim.left.say(&[255; 40]);
        let mut closed = 0;
        sim.run(HOUR, |_, event| {
            closed += u32::from(matches!(
                event,
                Side::Left(ToyEvent::Closed) | Side::Right(ToyEvent::Closed)
            ));
        });
        assert_eq!(closed, 2);
    });
}

#[test]
fn a_test_can_cut_stall_and_oversleep() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    sim.left.say(&[0]);
    sim.stall(Duration::from_secs(5));
    assert_eq!(sim.next_event(HOUR), Some(Side::Right(ToyEvent::Got(0))));
    assert_eq!(sim.now(), Instant::from_secs(5));

    sim.right.ping = Some(Instant::from_secs(6));
    sim.sleep(Duration::from_secs(60));
    assert_eq!(sim.next_event(HOUR), Some(Side::Right(ToyEvent::Pinged)));
    assert_eq!(sim.now(), Instant::from_secs(65), "late, and once");
    assert_eq!(sim.right.ping, Some(Instant::from_secs(75)));

    sim.left.say(&[9]);
    sim.cut();
    let mut closed = 0;
    sim.run(HOUR, |_, event| {
        assert!(matches!(event, Side::Left(ToyEvent::Closed) | Side::Right(ToyEvent::Closed)));
        closed += 1;
    });
    assert_eq!((closed, sim.now()), (2, Instant::from_secs(65)));
}

#[test]
fn a_machine_that_wants_no_input_gets_none_until_it_does() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    sim.right.full = true;
    sim.right.ping = Some(Instant::from_secs(7));
    sim.left.say(&[0]);
    assert_eq!(sim.next_event(HOUR), Some(Side::Right(ToyEvent::Pinged)), "time goes on");
    sim.right.ping = None;
    assert_eq!(sim.next_event(HOUR), None);
    sim.right.full = false;
    assert_eq!(sim.next_event(HOUR), Some(Side::Right(ToyEvent::Got(0))));
}

#[test]
#[should_panic(expected = "busy loop")]
fn a_busy_loop_is_found() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    sim.right.ping = Some(Instant::from_secs(1));
    sim.right.busy = true;
    assert_eq!(sim.next_event(HOUR), None);
}

#[test]
#[should_panic(expected = "right has an event after its last")]
fn an_event_after_the_last_is_found() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    for event in [ToyEvent::Closed, ToyEvent::Pinged] {
        sim.right.out.push_back(Output::Event(event));
    }
    sim.run(HOUR, |_, _| {});
}

#[test]
#[should_panic(expected = "a deadline after the last event")]
fn a_deadline_after_the_last_event_is_found() {
    let mut sim = StreamSim::new(Toy::default(), Toy::default(), &Profile::perfect(), 1);
    sim.left.ping = Some(Instant::from_secs(1));
    sim.left.out.push_back(Output::Event(ToyEvent::Closed));
    sim.run(HOUR, |_, _| {});
}

#[cfg(feature = "std")]
#[test]
fn a_million_steps_at_one_instant_are_allowed_and_one_more_is_not() {
    let now = Instant::from_secs(1);
    let mut progress = super::sim::Progress::default();
    for _ in 0..super::sim::STEPS_AT_ONE_INSTANT_MAX {
        progress.step(now, 7);
    }
    let over = std::panic::catch_unwind(move || progress.step(now, 7));
    let message = *over.unwrap_err().downcast::<alloc::string::String>().unwrap();
    assert!(message.starts_with("seed 7: more than 1000000 steps"), "{message}");
}

/// One [`Toy`] behind an address, answering whoever wrote.
#[derive(Debug, Default)]
struct Node(VecDeque<Output<(SocketAddr, Bytes), u8>>);

impl Node {
    fn say(&mut self, to: SocketAddr, byte: u8) {
        let payload = Bytes::copy_from_slice(&[byte]);
        self.0.push_back(Output::Transmit((to, payload)));
    }
}

impl Machine for Node {
    type Input<'a> = (SocketAddr, &'a [u8]);
    type Transmit = (SocketAddr, Bytes);
    type Event = u8;

    fn handle_input(&mut self, _now: Instant, (from, data): Self::Input<'_>) {
        for byte in data {
            self.0.push_back(Output::Event(*byte));
            if *byte > 0 {
                self.say(from, byte - 1);
            }
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_output(&mut self) -> Option<Output<Self::Transmit, u8>> {
        self.0.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

impl DatagramMachine for Node {
    fn handle_datagram(&mut self, now: Instant, _: SocketAddr, from: SocketAddr, data: &[u8]) {
        self.handle_input(now, (from, data));
    }

    fn into_datagram(transmit: Self::Transmit) -> Option<(SocketAddr, Bytes)> {
        Some(transmit)
    }
}

#[test]
fn machines_of_two_types_share_a_network() {
    use super::sim::Either;

    /// Says nothing and answers nothing.
    #[derive(Default)]
    struct Sink(Node);

    impl Machine for Sink {
        type Input<'a> = ();
        type Transmit = ();
        type Event = Instant;

        fn handle_input(&mut self, _now: Instant, (): ()) {}

        fn handle_timeout(&mut self, _now: Instant) {}

        fn poll_output(&mut self) -> Option<Output<(), Instant>> {
            match self.0.poll_output()? {
                Output::Transmit(_) => Some(Output::Transmit(())),
                Output::Event(n) => Some(Output::Event(Instant::from_secs(n.into()))),
            }
        }

        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
    }

    impl DatagramMachine for Sink {
        fn handle_datagram(&mut self, now: Instant, a: SocketAddr, b: SocketAddr, data: &[u8]) {
            self.0.handle_datagram(now, a, b, data);
        }

        fn into_datagram((): ()) -> Option<(SocketAddr, Bytes)> {
            None
        }
    }

    let mut sim = DatagramSim::new(&Profile::perfect(), 1);
    let node = sim.add(SocketAddr::from(([192, 0, 2, 1], 1)), Either::A(Node::default()));
    let sink = sim.add(SocketAddr::from(([192, 0, 2, 2], 2)), Either::B(Sink::default()));
    let to = sim.addr(sink);
    if let Either::A(node) = sim.node_mut(node) {
        node.say(to, 3);
    }
    let first = sim.next_event(HOUR);
    assert_eq!(first, Some((sink, Either::B(Instant::from_secs(3)))));
    assert_eq!(sim.next_event(HOUR), None, "what is no datagram goes nowhere");
}

#[test]
fn datagrams_go_where_they_are_sent_and_links_can_differ() {
    let mut sim = DatagramSim::new(&Profile::perfect(), 3);
    let [one, two, three] =
        [1, 2, 3].map(|n| sim.add(SocketAddr::from(([192, 0, 2, n], 5060)), Node::default()));
    let (to_two, to_three) = (sim.addr(two), sim.addr(three));
    sim.set_link(one, three, &Profile::perfect().with_loss(Loss::Random(1000)));
    let nobody = SocketAddr::from(([192, 0, 2, 99], 5060));
    for (to, byte) in [(to_two, 1), (to_three, 1), (nobody, 1)] {
        sim.node_mut(one).say(to, byte);
    }
    sim.inject(nobody, to_three, Bytes::from_static(&[7]));
    let mut seen = Vec::new();
    while let Some(event) = sim.next_event(HOUR) {
        seen.push(event);
    }
    seen.sort_unstable();
    assert_eq!(seen, [(one, 0), (two, 1), (three, 7)]);
    assert_eq!((sim.lost(), sim.unroutable()), (1, 2));
}

//! Two machines joined by a byte stream.

use super::netem::{Pipe, Profile, Received};
use super::sim::{Progress, fire};
use crate::{Instant, Output, StreamMachine};
use core::time::Duration;

/// Two machines joined by a byte stream on a bad network, in virtual time.
///
/// The test pulls events out, as a host would, and calls commands on either machine
/// between two pulls:
///
/// ```
/// # use bytes::Bytes;
/// # use proto_wire::{Instant, Machine, Output, StreamMachine};
/// # #[derive(Default)]
/// # struct Echo { out: std::collections::VecDeque<Output<Bytes, Event>> }
/// # enum Input<'a> { Data(&'a [u8]), Eof }
/// # #[derive(Debug, PartialEq)]
/// # enum Event { Got(u8), Closed }
/// # impl Echo { fn say(&mut self, _now: Instant, byte: u8) {
/// #     self.out.push_back(Output::Transmit(Bytes::copy_from_slice(&[byte]))); } }
/// # impl Machine for Echo {
/// #     type Input<'a> = Input<'a>; type Transmit = Bytes; type Event = Event;
/// #     fn handle_input(&mut self, _now: Instant, input: Input<'_>) {
/// #         match input {
/// #             Input::Data(d) => for b in d { self.out.push_back(Output::Event(Event::Got(*b))) },
/// #             Input::Eof => self.out.push_back(Output::Event(Event::Closed)),
/// #         } }
/// #     fn handle_timeout(&mut self, _now: Instant) {}
/// #     fn poll_output(&mut self) -> Option<Output<Bytes, Event>> { self.out.pop_front() }
/// #     fn poll_timeout(&self) -> Option<Instant> { None }
/// # }
/// # impl StreamMachine for Echo {
/// #     fn handle_data(&mut self, now: Instant, d: &[u8]) { self.handle_input(now, Input::Data(d)); }
/// #     fn handle_eof(&mut self, now: Instant) { self.handle_input(now, Input::Eof); }
/// #     fn is_closed(event: &Event) -> bool { *event == Event::Closed }
/// # }
/// use proto_wire::testing::netem::Profile;
/// use proto_wire::testing::sim::{Side, StreamSim};
///
/// let mut sim = StreamSim::new(Echo::default(), Echo::default(), &Profile::cellular(), 7);
/// let now = sim.now();
/// sim.left.say(now, 5);
/// let mut got = 0;
/// while let Some(event) = sim.next_event(Instant::from_secs(3600)) {
///     match event {
///         Side::Right(Event::Got(n)) if n > 0 => {
///             let now = sim.now();
///             sim.right.say(now, n - 1);      // a command in answer to an event
///         }
///         Side::Left(Event::Got(n)) => got = n,
///         _ => {}
///     }
/// }
/// assert_eq!(got, 4);
/// ```
#[derive(Debug)]
pub struct StreamSim<L, R> {
    /// The machine on the left, by habit the client.
    pub left: L,
    /// The machine on the right, by habit the server.
    pub right: R,
    now: Instant,
    seed: u64,
    to_left: Pipe,
    to_right: Pipe,
    left_gone: bool,
    right_gone: bool,
    progress: Progress,
}

/// Something of the left or of the right machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream has two ends")]
pub enum Side<L, R> {
    /// Of the left machine.
    Left(L),
    /// Of the right machine.
    Right(R),
}

impl<L: StreamMachine, R: StreamMachine> StreamSim<L, R> {
    /// Two machines, joined at [`Instant::ZERO`]; the network follows from `profile` and
    /// `seed`.
    #[must_use]
    pub fn new(left: L, right: R, profile: &Profile, seed: u64) -> Self {
        Self {
            left,
            right,
            now: Instant::ZERO,
            seed,
            to_left: Pipe::new(profile, seed.rotate_left(32)),
            to_right: Pipe::new(profile, !seed),
            left_gone: false,
            right_gone: false,
            progress: Progress::default(),
        }
    }

    /// Runs until the next event, and returns it; `None` when nothing more will happen
    /// before `until`, or at all. [`StreamSim::now`] then is `until`, or earlier when both
    /// machines and the network are at rest.
    ///
    /// A machine whose last event this was ([`StreamMachine::is_closed`]) has closed its
    /// connection, as a host would: its peer gets the end, and it gets no more input.
    ///
    /// # Panics
    ///
    /// With the seed, when a machine breaks a rule: a busy loop of `poll_timeout`, an event
    /// or a deadline after its last event, or no end of work at one instant
    /// ([`STEPS_AT_ONE_INSTANT_MAX`](super::sim::STEPS_AT_ONE_INSTANT_MAX)).
    pub fn next_event(&mut self, until: Instant) -> Option<Side<L::Event, R::Event>> {
        loop {
            self.progress.step(self.now, self.seed);
            if let Some(event) = self.drain() {
                return Some(event);
            }
            if self.deliver() || self.fire() {
                continue;
            }
            let next = self.next_wakeup()?;
            if next > until {
                self.now = self.now.max(until);
                return None;
            }
            self.now = self.now.max(next);
        }
    }

    /// Runs until `until` or rest, and hands each event to `app`, with the simulator, so
    /// that it can call commands.
    pub fn run(
        &mut self,
        until: Instant,
        mut app: impl FnMut(&mut Self, Side<L::Event, R::Event>),
    ) {
        while let Some(event) = self.next_event(until) {
            app(self, event);
        }
    }

    /// Breaks the connection: what is on its way is lost, both ends see the end.
    pub fn cut(&mut self) {
        self.to_left.cut(self.now);
        self.to_right.cut(self.now);
    }

    /// Nothing arrives on either side for `duration`.
    pub fn stall(&mut self, duration: Duration) {
        let until = self.now.saturating_add(duration);
        self.to_left.stall(until);
        self.to_right.stall(until);
    }

    /// The left host closes its writing side; it still reads.
    pub fn half_close_left(&mut self) {
        self.to_right.close(self.now);
    }

    /// The right host closes its writing side; it still reads.
    pub fn half_close_right(&mut self) {
        self.to_left.close(self.now);
    }

    /// Lets time pass without letting anything happen: the host was not scheduled.
    pub fn sleep(&mut self, duration: Duration) {
        self.now = self.now.saturating_add(duration);
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Whether the left host has closed its connection.
    #[must_use]
    pub const fn left_gone(&self) -> bool {
        self.left_gone
    }

    /// Whether the right host has closed its connection.
    #[must_use]
    pub const fn right_gone(&self) -> bool {
        self.right_gone
    }

    fn drain(&mut self) -> Option<Side<L::Event, R::Event>> {
        while let Some(output) = self.left.poll_output() {
            self.progress.step(self.now, self.seed);
            match output {
                Output::Transmit(bytes) => self.to_right.write(self.now, bytes),
                Output::Event(event) => {
                    assert!(
                        !self.left_gone,
                        "seed {}: left has an event after its last",
                        self.seed
                    );
                    if L::is_closed(&event) {
                        self.left_gone = true;
                        self.to_right.close(self.now);
                    }
                    return Some(Side::Left(event));
                }
            }
        }
        while let Some(output) = self.right.poll_output() {
            self.progress.step(self.now, self.seed);
            match output {
                Output::Transmit(bytes) => self.to_left.write(self.now, bytes),
                Output::Event(event) => {
                    assert!(
                        !self.right_gone,
                        "seed {}: right has an event after its last",
                        self.seed
                    );
                    if R::is_closed(&event) {
                        self.right_gone = true;
                        self.to_left.close(self.now);
                    }
                    return Some(Side::Right(event));
                }
            }
        }
        let idle = [
            (self.left_gone, self.left.poll_timeout()),
            (self.right_gone, self.right.poll_timeout()),
        ];
        for (gone, deadline) in idle {
            assert!(
                !gone || deadline.is_none(),
                "seed {}: a deadline after the last event: {deadline:?}",
                self.seed
            );
        }
        if self.to_left.is_broken() != self.to_right.is_broken() {
            self.cut_after_break();
        }
        None
    }

    /// One direction broke: the other breaks too. The bytes before the break still arrive.
    fn cut_after_break(&mut self) {
        if self.to_left.is_broken() {
            self.to_right.cut(self.now);
        } else {
            self.to_left.cut(self.now);
        }
    }

    fn deliver(&mut self) -> bool {
        let mut any = false;
        if self.left_gone || self.left.wants_input() {
            match self.to_left.read(self.now) {
                Some(_) if self.left_gone => any = true,
                Some(Received::Data(data)) => {
                    self.left.handle_data(self.now, &data);
                    any = true;
                }
                Some(Received::Eof) => {
                    self.left.handle_eof(self.now);
                    any = true;
                }
                None => {}
            }
        }
        if self.right_gone || self.right.wants_input() {
            match self.to_right.read(self.now) {
                Some(_) if self.right_gone => any = true,
                Some(Received::Data(data)) => {
                    self.right.handle_data(self.now, &data);
                    any = true;
                }
                Some(Received::Eof) => {
                    self.right.handle_eof(self.now);
                    any = true;
                }
                None => {}
            }
        }
        any
    }

    fn fire(&mut self) -> bool {
        let left = fire(&mut self.left, self.now, self.seed, &"left");
        fire(&mut self.right, self.now, self.seed, &"right") || left
    }

    fn next_wakeup(&self) -> Option<Instant> {
        let to_left = (self.left_gone || self.left.wants_input())
            .then(|| self.to_left.next_arrival())
            .flatten();
        let to_right = (self.right_gone || self.right.wants_input())
            .then(|| self.to_right.next_arrival())
            .flatten();
        [to_left, to_right, self.left.poll_timeout(), self.right.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}

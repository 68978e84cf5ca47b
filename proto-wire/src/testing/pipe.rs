//! One direction of a byte stream on a bad network.

use super::chunks::random_len;
use super::netem::{Chunking, Dice, Profile};
use crate::Instant;
use alloc::collections::VecDeque;
use bytes::Bytes;

/// One direction of a byte stream: ordered and without loss while it lasts, but late,
/// cut in other chunks, stalled, closed by the writer or broken.
///
/// ```
/// use proto_wire::Instant;
/// use proto_wire::testing::netem::{Pipe, Profile, Received};
///
/// let mut pipe = Pipe::new(&Profile::perfect(), 1);
/// pipe.write(Instant::ZERO, "hello".into());
/// pipe.close(Instant::ZERO);
/// assert_eq!(pipe.read(Instant::ZERO), Some(Received::Data("hello".into())));
/// assert_eq!(pipe.read(Instant::ZERO), Some(Received::Eof));
/// assert_eq!(pipe.read(Instant::ZERO), None);
/// ```
#[derive(Debug)]
pub struct Pipe {
    dice: Dice,
    flying: VecDeque<(Instant, Received)>,
    /// Nothing arrives before this, as the order is kept.
    not_before: Instant,
    closed: bool,
    broken: bool,
}

/// What the reading end of a [`Pipe`] gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream has bytes and an end, nothing else")]
pub enum Received {
    /// Bytes, never empty.
    Data(Bytes),
    /// The end, once: the writer closed, or the connection broke.
    Eof,
}

impl Pipe {
    /// An open stream on a network of this profile.
    #[must_use]
    pub fn new(profile: &Profile, seed: u64) -> Self {
        Self {
            dice: Dice::new(profile, seed),
            flying: VecDeque::new(),
            not_before: Instant::ZERO,
            closed: false,
            broken: false,
        }
    }

    /// Writes a piece. After [`Pipe::close`] or a break it goes nowhere, as with a socket
    /// whose peer has gone.
    pub fn write(&mut self, now: Instant, mut piece: Bytes) {
        if self.closed || piece.is_empty() {
            return;
        }
        let breaks = self.dice.chance(self.dice.profile.cut);
        if breaks {
            let kept = self.dice.rng.below(crate::testing::len64(piece.len()));
            piece.truncate(usize::try_from(kept).unwrap_or(0));
        }
        let at = self.arrival(now);
        if !piece.is_empty() {
            self.flying.push_back((at, Received::Data(piece)));
        }
        if breaks {
            self.broken = true;
            self.close(now);
        }
    }

    /// The writer closes its side (half-close); what was written before still arrives.
    pub fn close(&mut self, now: Instant) {
        if !self.closed {
            self.closed = true;
            let at = self.arrival(now);
            self.flying.push_back((at, Received::Eof));
        }
    }

    /// Breaks the connection: what is on its way is lost, the reader sees the end.
    pub fn cut(&mut self, now: Instant) {
        let ended = self.closed && self.flying.is_empty();
        self.broken = true;
        self.closed = true;
        self.flying.clear();
        if !ended {
            self.flying.push_back((now, Received::Eof));
        }
    }

    /// Nothing more arrives before `until`.
    pub fn stall(&mut self, until: Instant) {
        self.not_before = self.not_before.max(until);
        for (at, _) in &mut self.flying {
            *at = (*at).max(until);
        }
    }

    /// The next bytes that have arrived at `now`, or the end.
    pub fn read(&mut self, now: Instant) -> Option<Received> {
        let (at, front) = self.flying.front_mut()?;
        if *at > now {
            return None;
        }
        if let Received::Data(piece) = front {
            let len = match self.dice.profile.chunking {
                Chunking::AsWritten => piece.len(),
                Chunking::Bytewise => 1,
                Chunking::Random if self.dice.rng.below(8) == 0 => piece.len(),
                Chunking::Random => random_len(&mut self.dice.rng, piece.len()),
            };
            if len < piece.len() {
                return Some(Received::Data(piece.split_to(len)));
            }
        }
        self.flying.pop_front().map(|(_, received)| received)
    }

    /// When the next bytes, or the end, arrive.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.front().map(|(at, _)| *at)
    }

    /// Whether the connection broke in this direction (the other one must be cut too).
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether nothing can be written any more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    fn arrival(&mut self, now: Instant) -> Instant {
        let now = self.dice.profile.outage_end(now).unwrap_or(now);
        let mut at = self.dice.delayed(now);
        if self.dice.is_lost() {
            at = at.saturating_add(self.dice.profile.retransmit);
        }
        if self.dice.chance(self.dice.profile.stall) {
            at = at.saturating_add(self.dice.profile.stall_for);
        }
        self.not_before = self.not_before.max(at);
        self.not_before
    }
}

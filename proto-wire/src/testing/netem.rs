//! The network emulator: one direction of a link, for packets and for a stream.

use crate::{Instant, Rng, Seed};
use alloc::collections::BTreeMap;
use core::time::Duration;

pub use super::pipe::{Pipe, Received};
pub use super::profile::{Chunking, Loss, Profile};

/// One direction of a packet network: packets go in at [`Netem::send`] and come out of
/// [`Netem::recv`] later, in another order, twice or never.
///
/// Everything follows from the profile and the seed; packets that arrive at one instant
/// come out in the order in which they were sent.
#[derive(Debug)]
pub struct Netem<T> {
    dice: Dice,
    flying: BTreeMap<(Instant, u64), T>,
    sent: u64,
    lost: u64,
}

impl<T: Clone> Netem<T> {
    /// A network of this profile.
    #[must_use]
    pub fn new(profile: &Profile, seed: u64) -> Self {
        Self { dice: Dice::new(profile, seed), flying: BTreeMap::new(), sent: 0, lost: 0 }
    }

    /// Puts a packet in.
    pub fn send(&mut self, now: Instant, packet: T) {
        if self.dice.is_lost() || self.dice.profile.outage_end(now).is_some() {
            self.sent = self.sent.saturating_add(1);
            self.lost = self.lost.saturating_add(1);
            return;
        }
        if self.dice.chance(self.dice.profile.duplicate) {
            let at = self.dice.arrival(now);
            self.fly(at, packet.clone());
        }
        let at = self.dice.arrival(now);
        self.fly(at, packet);
    }

    /// Takes out the next packet that has arrived at `now`.
    pub fn recv(&mut self, now: Instant) -> Option<T> {
        if self.next_arrival()? > now {
            return None;
        }
        self.flying.pop_first().map(|(_, packet)| packet)
    }

    /// When the next packet arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.first_key_value().map(|((at, _), _)| *at)
    }

    /// Changes the profile for the packets that follow.
    pub fn set_profile(&mut self, profile: &Profile) {
        self.dice.profile = profile.clone();
    }

    /// How many packets are on their way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flying.len()
    }

    /// Whether no packet is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    /// How many packets were lost.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn fly(&mut self, at: Instant, packet: T) {
        self.flying.insert((at, self.sent), packet);
        self.sent = self.sent.saturating_add(1);
    }
}

/// The random choices of one direction of a link.
#[derive(Debug)]
pub(super) struct Dice {
    pub(super) profile: Profile,
    pub(super) rng: Rng,
    bad: bool,
}

impl Dice {
    pub(super) fn new(profile: &Profile, seed: u64) -> Self {
        Self { profile: profile.clone(), rng: Rng::new(&Seed::from_u64(seed)), bad: false }
    }

    pub(super) fn chance(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.rng.below(1000) < u64::from(per_mille)
    }

    pub(super) fn is_lost(&mut self) -> bool {
        match self.profile.loss {
            Loss::Random(per_mille) => self.chance(per_mille),
            Loss::GilbertElliott { to_bad, to_good, good, bad } => {
                let change = if self.bad { to_good } else { to_bad };
                self.bad ^= self.chance(change);
                self.chance(if self.bad { bad } else { good })
            }
        }
    }

    pub(super) fn delayed(&mut self, now: Instant) -> Instant {
        let jitter = u64::try_from(self.profile.jitter.as_nanos()).unwrap_or(u64::MAX);
        let jitter = Duration::from_nanos(self.rng.below(jitter.saturating_add(1)));
        now.saturating_add(self.profile.latency).saturating_add(jitter)
    }

    fn arrival(&mut self, now: Instant) -> Instant {
        let at = self.delayed(now);
        if self.chance(self.profile.reorder) {
            at.saturating_add(self.profile.reorder_by)
        } else {
            at
        }
    }
}

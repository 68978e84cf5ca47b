//! The deadlines of all transactions, at a cost that does not depend on how many there are.

use crate::transaction::Timer;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Instant;

/// How many timers a transaction has at one time, at most.
const TIMERS: usize = 2;
/// More different lengths than a configuration makes: A, E and G double from T1, and the others have
/// a length each.
const LANES_MAX: usize = 64;
const NONE: u32 = u32::MAX;

/// Since time does not go back, timers of one length fire in the order in which they were set. So
/// each length has a lane, a list in that order, and the next timer of all is the first of some lane.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    lanes: Vec<Lane>,
    /// `TIMERS` for each slot of a transaction.
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Lane {
    wait: Duration,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    at: Instant,
    before: u32,
    behind: u32,
    timer: Option<Timer>,
    lane: u8,
}

const FREE: Node = Node { at: Instant::ZERO, before: NONE, behind: NONE, timer: None, lane: 0 };

impl Deadlines {
    /// Sets the timer of the transaction in `slot` to fire at `at`, which is `wait` from now.
    pub(super) fn set(&mut self, slot: u32, timer: Timer, wait: Duration, at: Instant) {
        let first = first_of(slot);
        if self.nodes.len() < first.saturating_add(TIMERS) {
            self.nodes.resize(first.saturating_add(TIMERS), FREE);
        }
        let Some(node) = self.place_for(first, timer) else {
            debug_assert!(false, "a transaction has at most {TIMERS} timers");
            return;
        };
        let lane = self.lane(wait);
        // The place is the end, unless two lengths had to share the lane.
        let mut before = self.lanes.get(usize::from(lane)).map_or(NONE, |lane| lane.last);
        let mut behind = NONE;
        while let Some(other) = self.node(before).filter(|other| other.at > at) {
            behind = before;
            before = other.before;
        }
        if let Some(place) = self.node_mut(node) {
            *place = Node { at, before, behind, timer: Some(timer), lane };
        }
        self.link(lane, before, behind, (node, node));
    }

    /// Stops a timer, when it is set.
    pub(super) fn stop(&mut self, slot: u32, timer: Timer) {
        self.clear(slot, |set| set == timer);
    }

    /// Stops all timers of a transaction.
    pub(super) fn forget(&mut self, slot: u32) {
        self.clear(slot, |_| true);
    }

    /// The earliest deadline: when, in which slot, which timer.
    pub(super) fn next(&self) -> Option<(Instant, u32, Timer)> {
        let firsts = self.lanes.iter().filter_map(|lane| {
            let node = self.node(lane.first)?;
            Some((node.at, lane.first, node.timer?))
        });
        let (at, node, timer) = firsts.min_by_key(|(at, ..)| *at)?;
        let slot = usize::try_from(node).ok()?.checked_div(TIMERS)?;
        Some((at, u32::try_from(slot).ok()?, timer))
    }

    /// Takes out the earliest timer that is due.
    pub(super) fn expire(&mut self, now: Instant) -> Option<(u32, Timer)> {
        let (_, slot, timer) = self.next().filter(|(at, ..)| *at <= now)?;
        self.stop(slot, timer);
        Some((slot, timer))
    }

    /// The node of a transaction for this timer: its own, stopped, or a free one.
    fn place_for(&mut self, first: usize, timer: Timer) -> Option<u32> {
        let own: &[Node; TIMERS] = self.nodes.get(first..)?.first_chunk()?;
        let [one, other] = own.each_ref().map(|node| node.timer);
        let behind = match (one, other) {
            (set, _) if set == Some(timer) => 0,
            (_, set) if set == Some(timer) => 1,
            (None, _) => 0,
            (_, None) => 1,
            _ => return None,
        };
        let node = first.wrapping_add(behind);
        if [one, other].contains(&Some(timer)) {
            self.unlink(node);
        }
        u32::try_from(node).ok()
    }

    fn lane(&mut self, wait: Duration) -> u8 {
        let place = self.lanes.iter().position(|lane| lane.wait == wait).unwrap_or_else(|| {
            if self.lanes.len() < LANES_MAX {
                self.lanes.push(Lane { wait, first: NONE, last: NONE });
            }
            self.lanes.len().saturating_sub(1)
        });
        u8::try_from(place).unwrap_or(0)
    }

    fn clear(&mut self, slot: u32, which: impl Fn(Timer) -> bool) {
        let first = first_of(slot);
        let own = self.nodes.get(first..).and_then(<[Node]>::first_chunk::<TIMERS>);
        let Some(set) = own.map(|own| own.each_ref().map(|node| node.timer)) else { return };
        for (behind, timer) in set.into_iter().enumerate() {
            if timer.is_some_and(&which) {
                self.unlink(first.wrapping_add(behind));
            }
        }
    }

    /// Frees a node that is in a lane.
    fn unlink(&mut self, node: usize) {
        let Some(node) = self.nodes.get_mut(node) else { return };
        let Node { before, behind, lane, .. } = *node;
        *node = FREE;
        self.link(lane, before, behind, (behind, before));
    }

    /// Makes what is between two nodes of a lane begin and end with these.
    fn link(&mut self, lane: u8, before: u32, behind: u32, (first, last): (u32, u32)) {
        let lane = usize::from(lane);
        match self.node_mut(before) {
            Some(node) => node.behind = first,
            None => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.first = first;
                }
            }
        }
        match self.node_mut(behind) {
            Some(node) => node.before = last,
            None => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.last = last;
                }
            }
        }
    }

    fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(node).ok()?)
    }

    fn node_mut(&mut self, node: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(node).ok()?)
    }
}

fn first_of(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX).saturating_mul(TIMERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_wire::{Rng, Seed, TimerKey};

    #[test]
    fn equal_deadlines_fire_in_the_order_in_which_they_were_set() {
        let (mut deadlines, wait) = (Deadlines::default(), Duration::from_secs(1));
        let at = Instant::ZERO.saturating_add(wait);
        for slot in [3, 0, 4, 1] {
            deadlines.set(slot, Timer::J, wait, at);
        }
        let fired: Vec<_> = core::iter::from_fn(|| deadlines.expire(at)).collect();
        assert_eq!(fired, [3, 0, 4, 1].map(|slot| (slot, Timer::J)));
    }

    /// Beside a plain list of deadlines: the same one is next at any time, also when lengths have to
    /// share a lane.
    #[test]
    fn lanes_fire_what_a_sorted_list_fires() {
        for (seed, lengths) in [(1, 4), (2, 20), (3, 300)] {
            let mut rng = Rng::new(&Seed::from_u64(seed));
            let mut deadlines = Deadlines::default();
            let mut model: Vec<(Instant, u32, Timer)> = Vec::new();
            let mut now = Instant::ZERO;
            for _ in 0..20_000 {
                let slot = rng.below(40) as u32;
                let timer = Timer::ALL[rng.below(2) as usize];
                match rng.below(8) {
                    0..4 => {
                        let wait = Duration::from_millis(1 + rng.below(lengths) * 37);
                        let at = now.saturating_add(wait);
                        deadlines.set(slot, timer, wait, at);
                        model.retain(|(_, s, t)| (*s, *t) != (slot, timer));
                        model.push((at, slot, timer));
                    }
                    4 => {
                        deadlines.stop(slot, timer);
                        model.retain(|(_, s, t)| (*s, *t) != (slot, timer));
                    }
                    5 => {
                        deadlines.forget(slot);
                        model.retain(|(_, s, _)| *s != slot);
                    }
                    _ => {
                        now = now.saturating_add(Duration::from_millis(rng.below(60)));
                        while let Some((slot, timer)) = deadlines.expire(now) {
                            let fired =
                                model.iter().position(|(_, s, t)| (*s, *t) == (slot, timer));
                            let (at, ..) = model.swap_remove(fired.expect("was set"));
                            assert!(at <= now && model.iter().all(|(other, ..)| *other >= at));
                        }
                        assert!(model.iter().all(|(at, ..)| *at > now), "seed {seed}");
                    }
                }
                let next = model.iter().map(|(at, ..)| *at).min();
                assert_eq!(deadlines.next().map(|(at, ..)| at), next, "seed {seed}");
            }
        }
    }
}

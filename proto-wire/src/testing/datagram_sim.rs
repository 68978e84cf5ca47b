//! Any number of machines joined by a packet network.

use super::netem::{Netem, Profile};
use super::sim::{Progress, fire};
use crate::{DatagramMachine, Instant, Machine, Output};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;

/// Any number of machines, each at an address of its own, joined by a packet network.
///
/// All are of one type; machines of two types go into [`Either`]. Each pair of addresses
/// has a link of its own, both ways with the profile of the simulator or with one that
/// [`DatagramSim::set_link`] gave it. A datagram to an address where nobody is vanishes
/// ([`DatagramSim::unroutable`] counts them).
///
/// ```
/// # use bytes::Bytes;
/// # use core::net::SocketAddr;
/// # use proto_wire::{DatagramMachine, Instant, Machine, Output};
/// # #[derive(Default)]
/// # struct Node { out: std::collections::VecDeque<Output<(SocketAddr, Bytes), u8>> }
/// # struct Input<'a>(SocketAddr, &'a [u8]);
/// # impl Node { fn say(&mut self, to: SocketAddr, byte: u8) {
/// #     self.out.push_back(Output::Transmit((to, Bytes::copy_from_slice(&[byte])))); } }
/// # impl Machine for Node {
/// #     type Input<'a> = Input<'a>; type Transmit = (SocketAddr, Bytes); type Event = u8;
/// #     fn handle_input(&mut self, _now: Instant, Input(from, data): Input<'_>) {
/// #         for b in data {
/// #             self.out.push_back(Output::Event(*b));
/// #             if *b > 0 { self.say(from, b - 1); }
/// #         } }
/// #     fn handle_timeout(&mut self, _now: Instant) {}
/// #     fn poll_output(&mut self) -> Option<Output<Self::Transmit, u8>> { self.out.pop_front() }
/// #     fn poll_timeout(&self) -> Option<Instant> { None }
/// # }
/// # impl DatagramMachine for Node {
/// #     fn handle_datagram(&mut self, now: Instant, _local: SocketAddr, from: SocketAddr, data: &[u8]) {
/// #         self.handle_input(now, Input(from, data)); }
/// #     fn into_datagram(t: Self::Transmit) -> Option<(SocketAddr, Bytes)> { Some(t) }
/// # }
/// use proto_wire::testing::netem::Profile;
/// use proto_wire::testing::sim::DatagramSim;
///
/// let mut sim = DatagramSim::new(&Profile::perfect(), 7);
/// let alice = sim.add("192.0.2.1:5060".parse().unwrap(), Node::default());
/// let bob = sim.add("192.0.2.2:5060".parse().unwrap(), Node::default());
/// let to = sim.addr(bob);
/// sim.node_mut(alice).say(to, 2);
/// let mut seen = Vec::new();
/// while let Some((node, event)) = sim.next_event(Instant::from_secs(60)) {
///     seen.push((node == bob, event));
/// }
/// assert_eq!(seen, [(true, 2), (false, 1), (true, 0)]);
/// ```
#[derive(Debug)]
pub struct DatagramSim<M> {
    nodes: Vec<(SocketAddr, M)>,
    links: BTreeMap<(SocketAddr, SocketAddr), Netem<Bytes>>,
    profile: Profile,
    now: Instant,
    seed: u64,
    unroutable: u64,
    progress: Progress,
}

/// Which machine of a [`DatagramSim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(usize);

impl<M: DatagramMachine> DatagramSim<M> {
    /// A network without machines, at [`Instant::ZERO`].
    #[must_use]
    pub fn new(profile: &Profile, seed: u64) -> Self {
        Self {
            nodes: Vec::new(),
            links: BTreeMap::new(),
            profile: profile.clone(),
            now: Instant::ZERO,
            seed,
            unroutable: 0,
            progress: Progress::default(),
        }
    }

    /// Puts a machine at an address.
    ///
    /// # Panics
    ///
    /// When the address is taken.
    pub fn add(&mut self, addr: SocketAddr, machine: M) -> NodeId {
        assert!(self.nodes.iter().all(|(at, _)| *at != addr), "{addr} is taken");
        self.nodes.push((addr, machine));
        NodeId(self.nodes.len().saturating_sub(1))
    }

    /// Gives the way from one machine to another (this direction only) its own profile,
    /// from now on.
    pub fn set_link(&mut self, from: NodeId, to: NodeId, profile: &Profile) {
        let (from, to) = (self.addr(from), self.addr(to));
        self.link(from, to).set_profile(profile);
    }

    /// Puts a packet into the network, as if one of its addresses had sent it: garbage, a
    /// forged packet, a replay.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, payload: Bytes) {
        if self.nodes.iter().any(|(addr, _)| *addr == to) {
            let now = self.now;
            self.link(from, to).send(now, payload);
        } else {
            self.unroutable = self.unroutable.saturating_add(1);
        }
    }

    /// Runs until the next event, and says whose it is; `None` when nothing more will
    /// happen before `until`, or at all.
    ///
    /// # Panics
    ///
    /// With the seed, when a machine breaks the rule of `poll_timeout` (a busy loop), or
    /// there is no end of work at one instant
    /// ([`STEPS_AT_ONE_INSTANT_MAX`](super::sim::STEPS_AT_ONE_INSTANT_MAX)).
    pub fn next_event(&mut self, until: Instant) -> Option<(NodeId, M::Event)> {
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

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The address of a machine.
    ///
    /// # Panics
    ///
    /// When `node` is of another simulator.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `add` only")]
    pub fn addr(&self, node: NodeId) -> SocketAddr {
        self.nodes[node.0].0
    }

    /// A machine.
    ///
    /// # Panics
    ///
    /// When `node` is of another simulator.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `add` only")]
    pub fn node(&self, node: NodeId) -> &M {
        &self.nodes[node.0].1
    }

    /// A machine, to call commands.
    ///
    /// # Panics
    ///
    /// When `node` is of another simulator.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `add` only")]
    pub fn node_mut(&mut self, node: NodeId) -> &mut M {
        &mut self.nodes[node.0].1
    }

    /// How many datagrams went to addresses where nobody is.
    #[must_use]
    pub const fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// How many datagrams the network lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.links.values().map(Netem::lost).sum()
    }

    fn link(&mut self, from: SocketAddr, to: SocketAddr) -> &mut Netem<Bytes> {
        // Each direction of each pair has its own dice, in the order of first use.
        let count = super::len64(self.links.len());
        let seed = self.seed.rotate_left(32) ^ count;
        let profile = &self.profile;
        self.links.entry((from, to)).or_insert_with(|| Netem::new(profile, seed))
    }

    fn drain(&mut self) -> Option<(NodeId, M::Event)> {
        for id in 0..self.nodes.len() {
            while let Some((from, output)) = self
                .nodes
                .get_mut(id)
                .and_then(|(addr, machine)| machine.poll_output().map(|output| (*addr, output)))
            {
                self.progress.step(self.now, self.seed);
                match output {
                    Output::Transmit(transmit) => {
                        if let Some((to, payload)) = M::into_datagram(transmit) {
                            self.inject(from, to, payload);
                        }
                    }
                    Output::Event(event) => return Some((NodeId(id), event)),
                }
            }
        }
        None
    }

    fn deliver(&mut self) -> bool {
        let mut any = false;
        for ((from, to), link) in &mut self.links {
            let Some(payload) = link.recv(self.now) else {
                continue;
            };
            if let Some((_, machine)) = self.nodes.iter_mut().find(|(addr, _)| addr == to) {
                machine.handle_datagram(self.now, *to, *from, &payload);
                any = true;
            }
        }
        any
    }

    fn fire(&mut self) -> bool {
        let mut any = false;
        for (addr, machine) in &mut self.nodes {
            any |= fire(machine, self.now, self.seed, addr);
        }
        any
    }

    fn next_wakeup(&self) -> Option<Instant> {
        let arrivals = self.links.values().filter_map(Netem::next_arrival);
        let deadlines = self.nodes.iter().filter_map(|(_, m)| m.poll_timeout());
        arrivals.chain(deadlines).min()
    }
}

/// A machine of one type or of another, so that both fit into one [`DatagramSim`]. The
/// transmits and events are `Either` too; three types nest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one or the other")]
pub enum Either<A, B> {
    /// The one.
    A(A),
    /// The other.
    B(B),
}

impl<A: DatagramMachine, B: DatagramMachine> Machine for Either<A, B> {
    /// Local address, remote address, payload.
    type Input<'a> = (SocketAddr, SocketAddr, &'a [u8]);
    type Transmit = Either<A::Transmit, B::Transmit>;
    type Event = Either<A::Event, B::Event>;

    fn handle_input(&mut self, now: Instant, (local, remote, data): Self::Input<'_>) {
        self.handle_datagram(now, local, remote, data);
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::A(machine) => machine.handle_timeout(now),
            Self::B(machine) => machine.handle_timeout(now),
        }
    }

    fn poll_output(&mut self) -> Option<Output<Self::Transmit, Self::Event>> {
        Some(match self {
            Self::A(machine) => match machine.poll_output()? {
                Output::Transmit(transmit) => Output::Transmit(Either::A(transmit)),
                Output::Event(event) => Output::Event(Either::A(event)),
            },
            Self::B(machine) => match machine.poll_output()? {
                Output::Transmit(transmit) => Output::Transmit(Either::B(transmit)),
                Output::Event(event) => Output::Event(Either::B(event)),
            },
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::A(machine) => machine.poll_timeout(),
            Self::B(machine) => machine.poll_timeout(),
        }
    }
}

impl<A: DatagramMachine, B: DatagramMachine> DatagramMachine for Either<A, B> {
    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        match self {
            Self::A(machine) => machine.handle_datagram(now, local, remote, data),
            Self::B(machine) => machine.handle_datagram(now, local, remote, data),
        }
    }

    fn into_datagram(transmit: Self::Transmit) -> Option<(SocketAddr, Bytes)> {
        match transmit {
            Either::A(transmit) => A::into_datagram(transmit),
            Either::B(transmit) => B::into_datagram(transmit),
        }
    }
}

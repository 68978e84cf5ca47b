//! What a network does to packets and streams.

use crate::Instant;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

/// What a network does to packets and streams. Chances are in per mille (0-1000).
///
/// A packet is delayed by `latency` plus up to `jitter`, and may be lost, doubled or held
/// back. A stream keeps its order and loses nothing: there, a loss costs the time of a
/// retransmission, and a stream may stall or be cut.
///
/// ```
/// use core::time::Duration;
/// use proto_wire::testing::netem::Profile;
///
/// let profile = Profile::wifi().with_duplicate(20).with_latency(Duration::from_millis(3));
/// assert_eq!(profile.duplicate, 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The shortest way through the network.
    pub latency: Duration,
    /// Added to the latency, uniformly from zero to this. Packets overtake each other
    /// when it is longer than the time between them.
    pub jitter: Duration,
    /// How packets are lost.
    pub loss: Loss,
    /// Chance that a packet arrives twice.
    pub duplicate: u16,
    /// Chance that a packet is held back by [`Profile::reorder_by`].
    pub reorder: u16,
    /// How long a packet that is held back waits.
    pub reorder_by: Duration,
    /// How long a lost packet of a stream delays what follows it.
    pub retransmit: Duration,
    /// Chance, per piece written, that a stream stands still for [`Profile::stall_for`].
    pub stall: u16,
    /// How long a stream that stalls stands still.
    pub stall_for: Duration,
    /// Chance, per piece written, that the connection breaks inside the piece.
    pub cut: u16,
    /// How the bytes of a stream are cut when they are read.
    pub chunking: Chunking,
    /// Times without network: packets are lost, streams wait.
    pub outages: Vec<Range<Instant>>,
}

/// How packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Each packet for itself, with this chance in per mille.
    Random(u16),
    /// In bursts: a good and a bad state, each with its own loss (Gilbert-Elliott).
    GilbertElliott {
        /// Chance per packet to go from good to bad, in per mille.
        to_bad: u16,
        /// Chance per packet to go from bad to good, in per mille.
        to_good: u16,
        /// Loss in the good state, in per mille.
        good: u16,
        /// Loss in the bad state, in per mille.
        bad: u16,
    },
}

/// How the bytes of a stream are cut when they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chunking {
    /// As they were written.
    AsWritten,
    /// In pieces of 1 to 64 bytes; now and then all that is there.
    Random,
    /// Byte by byte.
    Bytewise,
}

impl Profile {
    /// No delay, no loss, chunks as written.
    #[must_use]
    pub fn perfect() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::Random(0),
            duplicate: 0,
            reorder: 0,
            reorder_by: Duration::ZERO,
            retransmit: Duration::from_millis(200),
            stall: 0,
            stall_for: Duration::from_secs(2),
            cut: 0,
            chunking: Chunking::AsWritten,
            outages: Vec::new(),
        }
    }

    /// A home network: 2-10 ms, 1 % loss, some reordering.
    #[must_use]
    pub fn wifi() -> Self {
        Self {
            latency: Duration::from_millis(2),
            jitter: Duration::from_millis(8),
            loss: Loss::Random(10),
            duplicate: 2,
            reorder: 5,
            reorder_by: Duration::from_millis(20),
            chunking: Chunking::Random,
            ..Self::perfect()
        }
    }

    /// A mobile network: 50-130 ms, loss in bursts, stalls.
    #[must_use]
    pub fn cellular() -> Self {
        Self {
            latency: Duration::from_millis(50),
            jitter: Duration::from_millis(80),
            loss: Loss::GilbertElliott { to_bad: 20, to_good: 250, good: 5, bad: 500 },
            duplicate: 5,
            reorder: 20,
            reorder_by: Duration::from_millis(150),
            stall: 20,
            chunking: Chunking::Random,
            ..Self::perfect()
        }
    }

    /// A very bad network: 30 % loss, duplicates, reordering.
    #[must_use]
    pub fn lossy() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(60),
            loss: Loss::Random(300),
            duplicate: 50,
            reorder: 100,
            reorder_by: Duration::from_millis(300),
            stall: 50,
            chunking: Chunking::Random,
            ..Self::perfect()
        }
    }

    /// A wired network (5 ms) that is away during `outage`.
    #[must_use]
    pub fn partition(outage: Range<Instant>) -> Self {
        Self::perfect().with_latency(Duration::from_millis(5)).with_outage(outage)
    }

    /// A stream that breaks now and then: [`Profile::wifi`], and 20 ‰ of the pieces written
    /// meet a cut.
    #[must_use]
    pub fn breaking() -> Self {
        Self { cut: 20, ..Self::wifi() }
    }

    /// Sets [`Profile::latency`].
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets [`Profile::jitter`].
    #[must_use]
    pub fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets [`Profile::loss`].
    #[must_use]
    pub fn with_loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets [`Profile::duplicate`], in per mille.
    #[must_use]
    pub fn with_duplicate(mut self, per_mille: u16) -> Self {
        self.duplicate = per_mille;
        self
    }

    /// Sets [`Profile::reorder`], in per mille, and [`Profile::reorder_by`].
    #[must_use]
    pub fn with_reorder(mut self, per_mille: u16, by: Duration) -> Self {
        self.reorder = per_mille;
        self.reorder_by = by;
        self
    }

    /// Sets [`Profile::stall`], in per mille, and [`Profile::stall_for`].
    #[must_use]
    pub fn with_stall(mut self, per_mille: u16, stall_for: Duration) -> Self {
        self.stall = per_mille;
        self.stall_for = stall_for;
        self
    }

    /// Sets [`Profile::cut`], in per mille.
    #[must_use]
    pub fn with_cut(mut self, per_mille: u16) -> Self {
        self.cut = per_mille;
        self
    }

    /// Sets [`Profile::chunking`].
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Adds a time without network.
    #[must_use]
    pub fn with_outage(mut self, outage: Range<Instant>) -> Self {
        self.outages.push(outage);
        self
    }

    /// When the outage ends that covers `now`.
    pub(super) fn outage_end(&self, now: Instant) -> Option<Instant> {
        let covering = self.outages.iter().filter(|o| o.contains(&now));
        covering.map(|o| o.end).max()
    }
}

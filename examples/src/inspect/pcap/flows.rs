//! From packets to what each side of a flow said: TCP is put together again, UDP stays as it was.

use super::{Kind, Limits, Packet};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Two ends that talk.
#[derive(Debug)]
pub(super) struct Flow {
    /// Who began.
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub tcp: bool,
    /// What the client said, and what the server did.
    pub said: [Direction; 2],
}

/// What one side said.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Bytes without a gap: all of a TCP stream, unless segments are missing; or one datagram.
    pub runs: Vec<Run>,
    /// Bytes that were sent and are not in the capture.
    pub lost: u64,
    /// Bytes of the stream until here, lost ones included.
    position: u64,
    /// The sequence number at `position`.
    next: Option<u32>,
    /// Segments behind a missing one, by position.
    waiting: BTreeMap<u64, (u64, Vec<u8>)>,
    bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Run {
    pub bytes: Vec<u8>,
    /// When the bytes from each offset on came.
    pub marks: Vec<(usize, u64)>,
}

impl Run {
    /// When the byte at `offset` came.
    pub(super) fn time(&self, offset: usize) -> u64 {
        let after = self.marks.partition_point(|(mark, _)| *mark <= offset);
        self.marks.get(after.saturating_sub(1)).map_or(0, |(_, time)| *time)
    }
}

/// All flows, as they grow.
pub(super) struct Flows {
    limits: Limits,
    all: Vec<Flow>,
    /// The newest flow between two ends, the smaller address first.
    newest: BTreeMap<(SocketAddr, SocketAddr, bool), usize>,
    bytes: usize,
    beyond: u64,
}

impl Flows {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, all: Vec::new(), newest: BTreeMap::new(), bytes: 0, beyond: 0 }
    }

    pub(super) fn take(&mut self, packet: Packet<'_>) {
        let tcp = matches!(packet.kind, Kind::Tcp { .. });
        let ends = (packet.from.min(packet.to), packet.from.max(packet.to), tcp);
        let opens = matches!(packet.kind, Kind::Tcp { syn: true, ack: false, .. });
        let known = self.newest.get(&ends).copied();
        // The same ports again are another connection.
        let known = known.filter(|at| {
            !opens || self.all.get(*at).is_none_or(|flow| flow.said.iter().all(|d| d.bytes == 0))
        });
        let at = match known {
            Some(at) => at,
            None if self.all.len() >= self.limits.flows_max => {
                self.beyond += 1;
                return;
            }
            None => {
                // Who answers a SYN did not begin.
                let answers = matches!(packet.kind, Kind::Tcp { syn: true, ack: true, .. });
                let (client, server) =
                    if answers { (packet.to, packet.from) } else { (packet.from, packet.to) };
                self.all.push(Flow { client, server, tcp, said: Default::default() });
                self.newest.insert(ends, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let Some(flow) = self.all.get_mut(at) else { return };
        let [client, server] = &mut flow.said;
        let direction = if packet.from == flow.client { client } else { server };
        let room = self.limits.total_bytes_max.saturating_sub(self.bytes);
        let room = room.min(self.limits.direction_bytes_max.saturating_sub(direction.bytes));
        let payload = packet.payload.get(..room.min(packet.payload.len())).unwrap_or_default();
        self.beyond += (packet.payload.len() - payload.len()) as u64;
        self.bytes += payload.len();
        direction.bytes += payload.len();
        match packet.kind {
            Kind::Udp if payload.is_empty() => {}
            Kind::Udp => {
                let marks = vec![(0, packet.time)];
                direction.runs.push(Run { bytes: payload.to_vec(), marks });
            }
            Kind::Tcp { seq, syn, .. } => {
                let seq = if syn { seq.wrapping_add(1) } else { seq };
                direction.segment(packet.time, seq, payload, self.limits.waiting_max);
            }
        }
    }

    /// The flows with bytes in them, and what was beyond the limits.
    pub(super) fn finish(mut self) -> (Vec<Flow>, u64) {
        for flow in &mut self.all {
            flow.said.iter_mut().for_each(Direction::give_up);
        }
        self.all.retain(|flow| flow.said.iter().any(|said| !said.runs.is_empty()));
        (self.all, self.beyond)
    }
}

impl Direction {
    fn segment(&mut self, time: u64, seq: u32, payload: &[u8], waiting_max: usize) {
        let next = *self.next.get_or_insert(seq);
        let ahead = i64::from(seq.wrapping_sub(next) as i32);
        let Some(at) = self.position.checked_add_signed(ahead) else {
            // Before the first byte that is known: sent again, as far as anybody can tell.
            return;
        };
        if payload.is_empty() {
            return;
        }
        if at > self.position {
            // The longest of those that begin here: a retransmission may hold more.
            let waiting = self.waiting.entry(at).or_insert_with(|| (time, Vec::new()));
            if waiting.1.len() < payload.len() {
                *waiting = (time, payload.to_vec());
            }
            if self.waiting.len() > waiting_max {
                self.skip_gap();
            }
        } else {
            self.append(time, at, payload);
        }
        self.append_waiting();
    }

    /// Bytes that begin at `at`, not behind the end of what is there: only new ones count.
    fn append(&mut self, time: u64, at: u64, payload: &[u8]) {
        let old = usize::try_from(self.position - at).unwrap_or(usize::MAX);
        let Some(new) = payload.get(old..).filter(|new| !new.is_empty()) else { return };
        if self.runs.is_empty() {
            self.runs.push(Run::default());
        }
        let Some(run) = self.runs.last_mut() else { return };
        run.marks.push((run.bytes.len(), time));
        run.bytes.extend_from_slice(new);
        self.position += new.len() as u64;
        self.next = self.next.map(|next| next.wrapping_add(new.len() as u32));
    }

    fn append_waiting(&mut self) {
        while let Some(first) = self.waiting.first_entry().filter(|e| *e.key() <= self.position) {
            let (at, (time, payload)) = first.remove_entry();
            self.append(time, at, &payload);
        }
    }

    /// The missing bytes do not come any more.
    fn skip_gap(&mut self) {
        let Some((at, _)) = self.waiting.first_key_value() else { return };
        let gap = at - self.position;
        self.lost += gap;
        self.position = *at;
        self.next = self.next.map(|next| next.wrapping_add(gap as u32));
        self.runs.push(Run::default());
    }

    fn give_up(&mut self) {
        while !self.waiting.is_empty() {
            self.skip_gap();
            self.append_waiting();
        }
    }
}

//! The streams of an endpoint, those that are open and those that are wanted.

use super::event::{ConnectId, FlowId, TransactionId, TransmitId};
use crate::headers::Transport;
use crate::stream::Framer;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;
use proto_wire::LimitKind;

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) framer: Framer,
    /// Client transactions that fail with it.
    pub(super) users: BTreeSet<TransactionId>,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) queue: Vec<(TransmitId, Bytes)>,
    pub(super) users: BTreeSet<TransactionId>,
}

#[derive(Debug, Default)]
pub(super) struct Flows {
    open: BTreeMap<FlowId, Flow>,
    by_remote: BTreeMap<(Transport, SocketAddr), FlowId>,
    pending: BTreeMap<ConnectId, Pending>,
    pending_by_remote: BTreeMap<(Transport, SocketAddr), ConnectId>,
    next_connect: u64,
}

impl Flows {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&self, id: FlowId) -> Option<&Flow> {
        self.open.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.open.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: FlowId, flow: Flow) {
        // The newest wins: an older one to the same peer may be half dead.
        self.by_remote.insert((flow.transport, flow.remote), id);
        self.open.insert(id, flow);
    }

    pub(super) fn remove(&mut self, id: FlowId) -> Option<Flow> {
        let flow = self.open.remove(&id)?;
        let key = (flow.transport, flow.remote);
        if self.by_remote.get(&key) == Some(&id) {
            self.by_remote.remove(&key);
        }
        Some(flow)
    }

    pub(super) fn find(&self, transport: Transport, remote: SocketAddr) -> Option<FlowId> {
        self.by_remote.get(&(transport, remote)).copied()
    }

    pub(super) fn pending_mut(&mut self, id: ConnectId) -> Option<&mut Pending> {
        self.pending.get_mut(&id)
    }

    pub(super) fn take_pending(&mut self, id: ConnectId) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.pending_by_remote.remove(&(pending.transport, pending.remote));
        Some(pending)
    }

    /// The stream to `remote` that is being opened; the flag says whether it is new. Those that
    /// are open and those that are wanted count together.
    pub(super) fn want(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        flows_max: usize,
    ) -> Result<(ConnectId, bool), LimitKind> {
        if let Some(id) = self.pending_by_remote.get(&(transport, remote)) {
            return Ok((*id, false));
        }
        if self.open.len().saturating_add(self.pending.len()) >= flows_max {
            return Err(LimitKind::Connections);
        }
        let id = ConnectId(self.next_connect);
        self.next_connect = self.next_connect.wrapping_add(1);
        let (queue, users) = (Vec::new(), BTreeSet::new());
        self.pending.insert(id, Pending { transport, remote, queue, users });
        self.pending_by_remote.insert((transport, remote), id);
        Ok((id, true))
    }

    pub(super) fn queue(
        &mut self,
        id: ConnectId,
        what: (TransmitId, Bytes),
        queue_max: usize,
    ) -> Result<(), LimitKind> {
        let Some(pending) = self.pending.get_mut(&id) else { return Ok(()) };
        if pending.queue.len() >= queue_max {
            return Err(LimitKind::Queue);
        }
        pending.queue.push(what);
        Ok(())
    }
}

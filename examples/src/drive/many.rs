//! Many TCP connections in one task: for machines that are all of them at once, as
//! [`rtsp_proto::server::Hub`] is.
//!
//! Each connection has a task that reads and one that writes; what happens on any of them comes
//! out of [`Connections::next`], one thing at a time. After a piece of data a connection is not read
//! again before [`Connections::read_where`] says so.

use super::READ_SIZE;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long a peer may take to read what was sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Things that happened and wait to be asked for.
const HAPPENED_MAX: usize = 256;
/// Bytes that wait for one peer: above this, what it asks has to wait too.
const QUEUE_MAX: usize = 1024 * 1024;

/// What happened on a connection.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "nothing else happens on a connection")]
pub enum Happened {
    /// It is new, and comes from there.
    Opened(SocketAddr),
    /// Bytes came.
    Data(Bytes),
    /// All that waited was written.
    Written,
    /// The peer closed its side, or it broke.
    Ended,
}

/// A listener and its connections, by number.
#[derive(Debug)]
pub struct Connections {
    listener: TcpListener,
    open: BTreeMap<u64, Open>,
    /// Those that are not read.
    paused: BTreeSet<u64>,
    happened: (mpsc::Sender<Told>, mpsc::Receiver<Told>),
    next: u64,
}

/// Which connection, and what.
type Told = (u64, Happened);

#[derive(Debug)]
struct Open {
    peer: SocketAddr,
    out: mpsc::UnboundedSender<Bytes>,
    queued: Arc<AtomicUsize>,
    reads: Arc<Semaphore>,
    reader: AbortHandle,
}

impl Drop for Open {
    /// The writer writes what waits, then closes.
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Connections {
    /// Those that will be made to `listener`.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        let (open, paused) = (BTreeMap::new(), BTreeSet::new());
        Self { listener, open, paused, happened: mpsc::channel(HAPPENED_MAX), next: 0 }
    }

    /// Waits for something to happen. May be dropped and called again.
    pub async fn next(&mut self) -> (u64, Happened) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, peer)) => return (self.open(socket, peer), Happened::Opened(peer)),
                    // One client less, no more; when there are too many, some will go.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                Some((connection, happened)) = self.happened.1.recv() => {
                    if matches!(happened, Happened::Data(_)) {
                        self.paused.insert(connection);
                    }
                    return (connection, happened);
                }
            }
        }
    }

    /// Reads on where `wants` says so and not too much waits to be written.
    pub fn read_where(&mut self, wants: impl Fn(u64) -> bool) {
        let open = &self.open;
        self.paused.retain(|connection| {
            let Some(open) = open.get(connection) else { return false };
            let waits = open.queued.load(Ordering::Relaxed) > QUEUE_MAX || !wants(*connection);
            if !waits {
                open.reads.add_permits(1);
            }
            waits
        });
    }

    /// Where a connection comes from.
    #[must_use]
    pub fn peer(&self, connection: u64) -> Option<SocketAddr> {
        self.open.get(&connection).map(|open| open.peer)
    }

    /// Whether a connection has room for media: its peer reads.
    #[must_use]
    pub fn has_room(&self, connection: u64) -> bool {
        let open = self.open.get(&connection);
        open.is_some_and(|open| open.queued.load(Ordering::Relaxed) < QUEUE_MAX)
    }

    /// Writes, behind what was given before.
    pub fn send(&self, connection: u64, bytes: Bytes) {
        if let Some(open) = self.open.get(&connection) {
            open.queued.fetch_add(bytes.len(), Ordering::Relaxed);
            // When the writer gave up, the reader says so.
            let _gone = open.out.send(bytes);
        }
    }

    /// Writes what waits, then closes.
    pub fn close(&mut self, connection: u64) {
        self.open.remove(&connection);
    }

    fn open(&mut self, socket: TcpStream, peer: SocketAddr) -> u64 {
        let connection = self.next;
        self.next += 1;
        // Without it only latency is lost.
        let _slower = socket.set_nodelay(true);
        let (reader, writer) = socket.into_split();
        let (out, waiting) = mpsc::unbounded_channel();
        let (queued, reads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1)));
        let happened = &self.happened.0;
        let reader = tokio::spawn(read(connection, reader, reads.clone(), happened.clone()));
        tokio::spawn(write(connection, writer, waiting, queued.clone(), happened.clone()));
        let reader = reader.abort_handle();
        self.open.insert(connection, Open { peer, out, queued, reads, reader });
        connection
    }
}

async fn read(
    connection: u64,
    mut socket: OwnedReadHalf,
    reads: Arc<Semaphore>,
    happened: mpsc::Sender<Told>,
) {
    let mut buffer = BytesMut::new();
    while let Ok(permit) = reads.acquire().await {
        permit.forget();
        buffer.reserve(READ_SIZE);
        let what = match socket.read_buf(&mut buffer).await {
            Ok(1..) => Happened::Data(buffer.split().freeze()),
            Ok(0) | Err(_) => Happened::Ended,
        };
        let is_end = matches!(what, Happened::Ended);
        if happened.send((connection, what)).await.is_err() || is_end {
            return;
        }
    }
}

async fn write(
    connection: u64,
    mut socket: OwnedWriteHalf,
    mut waiting: mpsc::UnboundedReceiver<Bytes>,
    queued: Arc<AtomicUsize>,
    happened: mpsc::Sender<Told>,
) {
    let mut was_full = false;
    while let Some(bytes) = waiting.recv().await {
        let written = timeout(WRITE_TIMEOUT, socket.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            let _over = happened.send((connection, Happened::Ended)).await;
            return;
        }
        let before = queued.fetch_sub(bytes.len(), Ordering::Relaxed);
        was_full |= before > QUEUE_MAX;
        if was_full && before == bytes.len() {
            was_full = false;
            let _over = happened.send((connection, Happened::Written)).await;
        }
    }
    let _broken: io::Result<()> = socket.shutdown().await;
}

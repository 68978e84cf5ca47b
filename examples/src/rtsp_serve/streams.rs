//! The streams of the server: where their packets come from and go to, each a task.

use super::lock;
use crate::media::{Playhead, Track, rtp};
use bytes::Bytes;
use rtsp_proto::SessionKey;
use rtsp_proto::headers::ChannelPair;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::UdpSocket;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Packets that wait for a viewer; whoever is further behind misses some.
pub(super) const BEHIND_MAX: usize = 512;
/// How often a viewer hears what time it is (RFC 3550 §6.2).
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What a client publishes.
pub(super) struct Published {
    pub(super) sdp: Bytes,
    pub(super) controls: Vec<String>,
    /// Number of the stream, whether it is RTCP, the packet.
    pub(super) packets: broadcast::Sender<(usize, bool, Bytes)>,
}

/// Where a session's media comes from or goes to.
#[derive(Clone)]
pub(super) enum Source {
    File(Arc<Track>, Arc<Mutex<Playhead>>),
    Live(Weak<Published>),
    Publisher(Weak<Published>),
}

/// One session.
pub(super) struct Show {
    pub(super) source: Source,
    pub(super) outs: BTreeMap<usize, Out>,
    /// Stop what plays; what receives ends with the session.
    pub(super) playing: Vec<AbortHandle>,
    pub(super) tasks: JoinSet<()>,
}

/// Where the packets of a stream go.
#[derive(Clone)]
pub(super) enum Out {
    Channels(ChannelPair, mpsc::Sender<News>),
    Udp { rtp: Arc<UdpSocket>, rtcp: Arc<UdpSocket>, to: (SocketAddr, SocketAddr) },
}

/// What the tasks of streams tell their connection.
pub(super) enum News {
    Packet(u8, Bytes),
    Alive(SessionKey),
    Over(SessionKey),
}

impl Show {
    pub(super) fn new(source: Source) -> Self {
        let (outs, playing, tasks) = (BTreeMap::new(), Vec::new(), JoinSet::new());
        Self { source, outs, playing, tasks }
    }

    pub(super) fn pause(&mut self) {
        self.playing.drain(..).for_each(|task| task.abort());
        if let Source::File(_, head) = &self.source {
            lock(head).mark();
        }
    }

    /// Takes an interleaved packet of a publisher.
    pub(super) fn received(&self, channel: u8, packet: &Bytes) {
        let Source::Publisher(to) = &self.source else { return };
        for (stream, out) in &self.outs {
            if let (Out::Channels(pair, _), Some(to)) = (out, to.upgrade()) {
                if pair.contains(channel) {
                    drop(to.packets.send((*stream, channel != pair.rtp, packet.clone())));
                }
            }
        }
    }

    /// Listens to the UDP sockets of a stream: RTCP says that the client lives, and a
    /// publisher's packets are for the viewers.
    pub(super) fn listen(
        &mut self,
        out: &Out,
        stream: usize,
        from: IpAddr,
        key: SessionKey,
        news: &mpsc::Sender<News>,
    ) {
        let Out::Udp { rtp, rtcp, .. } = out else { return };
        for (socket, is_rtcp) in [(rtp.clone(), false), (rtcp.clone(), true)] {
            let (source, news) = (self.source.clone(), news.clone());
            self.tasks.spawn(async move {
                let mut buffer = vec![0; 65_536];
                loop {
                    let Ok((len, sender)) = socket.recv_from(&mut buffer).await else { continue };
                    if sender.ip() != from {
                        continue;
                    }
                    if let Source::Publisher(to) = &source {
                        let Some(to) = to.upgrade() else { return };
                        let packet = Bytes::copy_from_slice(buffer.get(..len).unwrap_or_default());
                        drop(to.packets.send((stream, is_rtcp, packet)));
                    }
                    // Packets to the other port of a viewer only open firewalls.
                    if is_rtcp && news.send(News::Alive(key)).await.is_err() {
                        return;
                    }
                }
            });
        }
    }
}

impl Out {
    /// Sends a packet; one that cannot be sent is lost, as on any network.
    async fn send(&self, is_rtcp: bool, packet: Bytes) {
        match self {
            Self::Channels(pair, news) => {
                if let Some(channel) = if is_rtcp { pair.rtcp } else { Some(pair.rtp) } {
                    drop(news.send(News::Packet(channel, packet)).await);
                }
            }
            Self::Udp { rtcp, to, .. } if is_rtcp => drop(rtcp.send_to(&packet, to.1).await),
            Self::Udp { rtp, to, .. } => drop(rtp.send_to(&packet, to.0).await),
        }
    }
}

pub(super) async fn play_file(
    track: Arc<Track>,
    head: Arc<Mutex<Playhead>>,
    out: Out,
    end: Duration,
    repeat: bool,
) {
    let mut report_at = Instant::now();
    loop {
        let (begin, first) = (Instant::now(), lock(&head).time(&track));
        loop {
            let at = lock(&head).time(&track);
            if at >= end {
                break;
            }
            sleep_until(begin + at.saturating_sub(first)).await;
            if report_at <= Instant::now() {
                report_at = Instant::now() + REPORT_INTERVAL;
                let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let report = lock(&head).report(&track, unix);
                out.send(true, report).await;
            }
            let packets = lock(&head).packets(&track);
            for packet in packets.unwrap_or_default() {
                out.send(false, packet).await;
            }
        }
        // The last unit is played to its end too.
        sleep_until(begin + end.saturating_sub(first)).await;
        if !repeat || end < track.duration() {
            break;
        }
        lock(&head).rewind(&track);
    }
    let goodbye = lock(&head).goodbye();
    out.send(true, goodbye).await;
}

pub(super) async fn play_live(
    mut packets: broadcast::Receiver<(usize, bool, Bytes)>,
    outs: BTreeMap<usize, Out>,
    key: SessionKey,
    news: mpsc::Sender<News>,
) {
    let mut sources = BTreeMap::new();
    loop {
        match packets.recv().await {
            Ok((stream, is_rtcp, packet)) => {
                if let (Some(packet), false) = (rtp::Packet::parse(&packet), is_rtcp) {
                    sources.insert(stream, packet.ssrc);
                }
                if let Some(out) = outs.get(&stream) {
                    out.send(is_rtcp, packet).await;
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => break,
        }
    }
    // Whatever the publisher managed to say before it went.
    for (stream, out) in &outs {
        if let Some(ssrc) = sources.get(stream) {
            out.send(true, rtp::goodbye(*ssrc)).await;
        }
    }
    drop(news.send(News::Over(key)).await);
}

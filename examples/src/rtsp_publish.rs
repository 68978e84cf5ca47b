//! Publishes files at an RTSP server with ANNOUNCE and RECORD: the logic of the program
//! `rtsp_publish`.

use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::media::{Player, Track};
use crate::rtsp_probe::{ProbeError, connect};
use crate::rtsp_server::udp_pair;
use bytes::Bytes;
use proto_wire::sdp::SdpBuilder;
use proto_wire::{Instant, Rng};
use rtsp_proto::client::{Client, Event, Settled};
use rtsp_proto::headers::{ChannelPair, NptRange, PortPair, Range, Transport};
use rtsp_proto::{
    CloseReason, HeaderName, Method, RequestBuilder, RequestFailure, RequestId, SessionKey, Version,
};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What to publish, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The URL; user and password in it are used and not sent.
    pub url: String,
    /// One stream each.
    pub tracks: Vec<Track>,
    /// User name and password; those of the URL when `None`.
    pub user: Option<(String, String)>,
    /// Media over UDP instead of the control connection.
    pub udp: bool,
}

impl Options {
    /// Publishes `tracks` at `url`, over the control connection.
    #[must_use]
    pub fn new(url: impl Into<String>, tracks: Vec<Track>) -> Self {
        Self { url: url.into(), tracks, user: None, udp: false }
    }
}

/// Sends the tracks in real time to their ends; returns how many packets that were.
///
/// # Errors
///
/// See [`ProbeError`].
pub fn publish(options: &Options) -> Result<u64, ProbeError> {
    let (conn, url) =
        connect(&options.url, options.user.clone(), Version::V1_0, "rtsp_publish/0.1")?;
    let mut publisher = Publisher { conn, streams: Vec::new(), sent: 0 };
    publisher.run(&url, options)?;
    Ok(publisher.sent)
}

struct Publisher<'a> {
    conn: Connection<Client>,
    /// What is sent, and where to.
    streams: Vec<(Player<&'a Track>, To)>,
    sent: u64,
}

enum To {
    Channels(ChannelPair),
    Udp { rtp: UdpSocket, rtcp: UdpSocket, addrs: [SocketAddr; 2] },
}

impl<'a> Publisher<'a> {
    fn run(&mut self, url: &str, options: &'a Options) -> Result<(), ProbeError> {
        let local = self.conn.socket().local_addr()?.ip();
        let mut sdp = SdpBuilder::new("A file").origin(1, 1, local).connection([0, 0, 0, 0].into());
        for (number, track) in options.tracks.iter().enumerate() {
            sdp = sdp.media(track.describe(&format!("streamid={number}")));
        }
        let sdp = sdp.build().map_err(std::io::Error::other)?;
        let session = self.conn.machine.open_session(self.conn.now(), url)?;
        let id = self.conn.machine.announce(self.conn.now(), session, sdp)?;
        self.answer("ANNOUNCE", id)?;

        let mut rng = Rng::new(&crate::entropy::seed());
        for (number, track) in options.tracks.iter().enumerate() {
            let to = self.set_up(session, &format!("{url}/streamid={number}"), options.udp)?;
            self.streams.push((Player::new(track, rng.next_u64()), to));
        }
        let range = Range::npt(NptRange::from(Duration::ZERO));
        let record = RequestBuilder::new(Method::Record, url).header(HeaderName::Range, range);
        let id = self.conn.machine.request(self.conn.now(), Some(session), record)?;
        self.answer("RECORD", id)?;
        self.send_all()?;
        let id = self.conn.machine.teardown(self.conn.now(), session)?;
        match self.answer("TEARDOWN", id) {
            // Some servers close, or answer without knowing the method.
            Ok(())
            | Err(ProbeError::NoAnswer(..) | ProbeError::Closed(_) | ProbeError::Status(..)) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn set_up(&mut self, session: SessionKey, url: &str, udp: bool) -> Result<To, ProbeError> {
        let local = self.conn.socket().local_addr()?;
        let sockets = if udp { Some(udp_pair(Ok(local))?) } else { None };
        let offer = match &sockets {
            Some((_, _, port)) => {
                Transport::udp(PortPair::new(*port, Some(port.saturating_add(1))))
            }
            None => {
                let channel = u8::try_from(self.streams.len() * 2).unwrap_or(u8::MAX - 1);
                Transport::interleaved(Some(ChannelPair::starting_at(channel)))
            }
        };
        let id = self.conn.machine.setup_record(self.conn.now(), session, url, &[offer])?;
        self.answer("SETUP", id)?;
        let known = self.conn.machine.session(session).and_then(|known| known.streams().last());
        match (known.map(|stream| stream.settled.clone()), sockets) {
            (Some(Settled::Interleaved(channels)), _) => Ok(To::Channels(channels)),
            (Some(Settled::Udp { server_port: Some(ports), source, .. }), Some((rtp, rtcp, _))) => {
                let peer = self.conn.socket().peer_addr()?.ip();
                let ip = source.and_then(|source| source.parse::<IpAddr>().ok()).unwrap_or(peer);
                let addrs = [ports.rtp, ports.rtcp()].map(|port| SocketAddr::new(ip, port));
                Ok(To::Udp { rtp, rtcp, addrs })
            }
            _ => Err(ProbeError::NoStream),
        }
    }

    /// Sends each packet at its time, and listens meanwhile, until all players are at their end.
    fn send_all(&mut self) -> Result<(), ProbeError> {
        let begin = self.conn.now();
        for (player, _) in &mut self.streams {
            player.start(begin, NptRange::default());
        }
        while let Some(due) = self.streams.iter().filter_map(|(player, _)| player.due()).min() {
            self.wait(due)?;
            let now = self.conn.now();
            for number in 0..self.streams.len() {
                for (is_rtcp, packet) in self.streams[number].0.packets(now) {
                    self.send(number, is_rtcp, packet);
                    self.sent += u64::from(!is_rtcp);
                }
            }
        }
        Ok(())
    }

    /// Sends one packet; one that cannot be sent is lost, as on any network.
    fn send(&mut self, number: usize, is_rtcp: bool, packet: Bytes) {
        match &self.streams[number].1 {
            To::Channels(pair) => {
                let channel = if is_rtcp { pair.rtcp } else { Some(pair.rtp) };
                if let Some(channel) = channel {
                    let _ = self.conn.machine.send_media(self.conn.now(), channel, packet);
                }
            }
            To::Udp { rtcp, addrs, .. } if is_rtcp => drop(rtcp.send_to(&packet, addrs[1])),
            To::Udp { rtp, addrs, .. } => drop(rtp.send_to(&packet, addrs[0])),
        }
    }

    fn wait(&mut self, until: Instant) -> Result<(), ProbeError> {
        loop {
            match self.conn.next_event_until(until)? {
                Next::TimedOut => return Ok(()),
                Next::Event(Event::Closed(reason)) => return Err(ProbeError::Closed(reason)),
                Next::Finished => return Err(ProbeError::Closed(CloseReason::Eof)),
                Next::Event(_) => {}
            }
        }
    }

    fn answer(&mut self, method: &'static str, asked: RequestId) -> Result<(), ProbeError> {
        loop {
            match self.conn.next_event()? {
                Some(Event::Response { id, response, .. }) if id == asked => {
                    let status = response.view().status();
                    let refused = Err(ProbeError::Status(method, status));
                    return if status.is_success() { Ok(()) } else { refused };
                }
                Some(Event::RequestFailed { id, reason, .. }) if id == asked => {
                    return Err(ProbeError::NoAnswer(method, reason));
                }
                Some(Event::Closed(reason)) => return Err(ProbeError::Closed(reason)),
                None => return Err(ProbeError::NoAnswer(method, RequestFailure::Closed)),
                Some(_) => {}
            }
        }
    }
}

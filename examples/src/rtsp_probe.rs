//! Plays a stream for a while and says what came, or writes it to files: the logic of the
//! programs `rtsp_probe` and `rtsp_record`.

use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::media::{Sink, rtp};
use proto_wire::digest::Credential;
use proto_wire::sdp::{Media, Sdp};
use proto_wire::{Clock, Instant};
use rtsp_proto::client::{Client, Config, Event, Follow, Settled, When};
use rtsp_proto::control_url::{self, Join};
use rtsp_proto::headers::{ChannelPair, NptRange, PortPair, Range, Transport};
use rtsp_proto::{
    CloseReason, CommandError, HeaderName, RequestFailure, RequestId, ResponseBuf, StatusCode, Url,
    Version,
};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Servers that are asked after the first, when each sends us to another.
pub const REDIRECTS_MAX: usize = 5;
/// How long a redirection may take behind the response that it explains.
const REDIRECT_WAIT: Duration = Duration::from_millis(200);
/// How often UDP sockets are looked at.
const UDP_INTERVAL: Duration = Duration::from_millis(5);

/// What to play, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The URL; user and password in it are used and not sent.
    pub url: String,
    /// User name and password; those of the URL when `None`.
    pub user: Option<(String, String)>,
    /// Media over UDP instead of the control connection.
    pub udp: bool,
    /// The version of RTSP that is tried (1.0).
    pub version: Version,
    /// Where to begin.
    pub from: Duration,
    /// How long to play; streams that end by themselves end it earlier.
    pub duration: Duration,
}

impl Options {
    /// Three seconds of `url`, over the control connection.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let (from, duration) = (Duration::ZERO, Duration::from_secs(3));
        let (user, version) = (None, Version::V1_0);
        Self { url: url.into(), user, udp: false, version, from, duration }
    }
}

/// What came.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// `Server:` of the description.
    pub server: Option<String>,
    /// `Public:` of the answer to OPTIONS.
    pub public: String,
    /// The description.
    pub sdp: String,
    /// One entry per stream.
    pub streams: Vec<Stream>,
    /// Where servers sent us (3xx, REDIRECT), in order.
    pub redirects: Vec<String>,
}

/// What came of one stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stream {
    /// Its control URL.
    pub url: String,
    /// `audio`, `video`, ...
    pub kind: String,
    /// How it was sent.
    pub settled: Settled,
    /// RTP packets.
    pub packets: u64,
    /// Bytes of RTP, headers included.
    pub bytes: u64,
    /// RTCP packets.
    pub reports: u64,
    /// RTP packets that are missing between the first and the last.
    pub lost: u64,
    /// The server said that nothing more comes.
    pub ended: bool,
    last: Option<u16>,
    /// Which stream of the description it is.
    number: usize,
}

/// What becomes of a stream.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever chooses has these")]
pub enum Use {
    /// It is not set up.
    Skip,
    /// Its packets are counted.
    Count,
    /// They are counted and written to a file.
    Record(Sink),
}

/// Why a stream could not be played.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProbeError {
    /// The URL cannot be read.
    Url(rtsp_proto::ParseError),
    /// User name or password hold control characters.
    Credentials,
    /// The network.
    Io(io::Error),
    /// The server's answer to a request.
    Status(&'static str, StatusCode),
    /// No answer.
    NoAnswer(&'static str, RequestFailure),
    /// The server closed the connection, or what it sent is no RTSP.
    Closed(CloseReason),
    /// The description names no stream.
    NoStream,
    /// One server sent us to the next, more than [`REDIRECTS_MAX`] times.
    Redirects,
    /// A request could not be made.
    Command(CommandError),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "the URL cannot be read: {error}"),
            Self::Credentials => f.write_str("user name or password hold control characters"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Status(method, status) => write!(f, "{method}: {status:?}"),
            Self::NoAnswer(method, reason) => write!(f, "{method}: {reason}"),
            Self::Closed(reason) => write!(f, "{reason}"),
            Self::Redirects => f.write_str("sent from server to server without an end"),
            Self::NoStream => f.write_str("the description names no stream"),
            Self::Command(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ProbeError {}

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<CommandError> for ProbeError {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

/// OPTIONS, DESCRIBE, SETUP of each stream, PLAY, TEARDOWN.
///
/// # Errors
///
/// See [`ProbeError`].
pub fn probe(options: &Options) -> Result<Report, ProbeError> {
    play(options, &mut |_media| Ok(Use::Count))
}

/// The same; `choose` says what becomes of each stream.
///
/// # Errors
///
/// See [`ProbeError`].
pub fn play(options: &Options, choose: &mut Choose<'_>) -> Result<Report, ProbeError> {
    let (mut url, mut user) = (options.url.clone(), options.user.clone());
    let (mut report, mut kept) = (Report::default(), BTreeMap::new());
    let mut left = options.duration;
    loop {
        let (conn, target) = connect(&url, user.clone(), options.version, "rtsp_probe/0.1")?;
        let (sinks, sockets) = (Vec::new(), Vec::new());
        let mut player = Player { conn, report, sinks, sockets, kept, left, moved: None };
        let played = player.play(&target, options, choose);
        let Some(moved) = player.moved.take().filter(|moved| moved.at <= player.conn.now()) else {
            // What came is kept, however it ended.
            let rest = player.kept.into_values().filter_map(|(_, sink)| sink);
            for mut sink in player.sinks.into_iter().flatten().chain(rest) {
                sink.finish()?;
            }
            return played.map(|()| player.report);
        };
        if player.report.redirects.len() >= REDIRECTS_MAX {
            return Err(ProbeError::Redirects);
        }
        // Name and password are for the server that they were given for.
        user = user.filter(|_| moved.same_server);
        kept = player.kept;
        for (stream, sink) in player.report.streams.drain(..).zip(player.sinks) {
            kept.insert(stream.number, (stream, sink));
        }
        (report, left) = (player.report, player.left);
        report.redirects.push(moved.target.clone());
        url = moved.target;
    }
}

/// Chooses what becomes of a stream.
pub type Choose<'a> = dyn FnMut(Media<'_>) -> io::Result<Use> + 'a;

/// A client on a connection to the server of `url`, and the URL as it goes on the wire.
/// Without `user`, name and password are those of the URL.
pub(crate) fn connect(
    url: &str,
    user: Option<(String, String)>,
    version: Version,
    agent: &str,
) -> Result<(Connection<Client>, String), ProbeError> {
    let url = Url::parse(url).map_err(ProbeError::Url)?;
    let from_url = url.credentials().map(|(user, password)| (user.into(), password.into()));
    let mut config = Config::default().with_user_agent(agent).with_version(version);
    if let Some((user, password)) = user.or(from_url) {
        let credential = Credential::new(user, password).map_err(|_| ProbeError::Credentials)?;
        config = config.with_credential(credential);
    }
    let addr = (url.host(), url.port()).to_socket_addrs()?.next();
    let addr = addr.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let socket = TcpStream::connect(addr)?;
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(config), crate::entropy::seed());
    Ok((Connection::new(socket, client, clock)?, url.without_credentials().to_string()))
}

/// A connection, and what has come so far.
struct Player {
    conn: Connection<Client>,
    report: Report,
    /// One per stream, as in the report.
    sinks: Vec<Option<Sink>>,
    /// RTP and RTCP of each stream, over UDP.
    sockets: Vec<(UdpSocket, UdpSocket)>,
    /// What came of each stream from the server before.
    kept: BTreeMap<usize, (Stream, Option<Sink>)>,
    /// How long it is still to be played.
    left: Duration,
    moved: Option<Moved>,
}

/// Where the server wants us to be, and from when on.
struct Moved {
    target: String,
    same_server: bool,
    at: Instant,
}

impl Player {
    fn play(
        &mut self,
        target: &str,
        options: &Options,
        choose: &mut Choose<'_>,
    ) -> Result<(), ProbeError> {
        let now = self.conn.now();
        let id = self.conn.machine.options(now, target)?;
        let response = self.answer("OPTIONS", id)?;
        let public = response.view().headers().get(HeaderName::Public);
        self.report.public = public.unwrap_or_default().to_owned();

        let now = self.conn.now();
        let id = self.conn.machine.describe(now, target)?;
        let response = self.answer("DESCRIBE", id)?;
        let headers = response.view().headers();
        self.report.server = headers.get(HeaderName::Server).map(str::to_owned);
        self.report.sdp = String::from_utf8_lossy(response.view().body()).into_owned();
        let base = control_url::base(
            headers.get(HeaderName::ContentBase),
            headers.get(HeaderName::ContentLocation),
            target,
        );
        let body = response.body_bytes();
        let sdp = Sdp::new(&body);
        let whole = sdp.attributes().text(b"control").unwrap_or("*");
        let whole = control_url::resolve(&base, whole, Join::Append);
        let now = self.conn.now();
        let session = self.conn.machine.open_session(now, &whole)?;
        for (number, (media, channel)) in sdp.media().zip((0..=254_u8).step_by(2)).enumerate() {
            let (before, sink) = match self.kept.remove(&number) {
                Some((stream, sink)) => (Some(stream), sink),
                None => match choose(media)? {
                    Use::Skip => continue,
                    Use::Count => (None, None),
                    Use::Record(sink) => (None, Some(sink)),
                },
            };
            let url = control_url::resolve(&base, media.control().unwrap_or("*"), Join::Append);
            let offer = if options.udp {
                let (rtp, rtcp, port) =
                    crate::rtsp_server::udp_pair(self.conn.socket().local_addr())?;
                self.sockets.push((rtp, rtcp));
                Transport::udp(PortPair::new(port, Some(port.saturating_add(1))))
            } else {
                Transport::interleaved(Some(ChannelPair::starting_at(channel)))
            };
            let now = self.conn.now();
            let id = self.conn.machine.setup(now, session, &url, &[offer])?;
            self.answer("SETUP", id)?;
            let known = self.conn.machine.session(session).map(|known| known.streams());
            if let Some(stream) = known.and_then(|streams| streams.last()) {
                let (settled, kind) = (stream.settled.clone(), media.kind().to_owned());
                self.punch(&settled);
                let new = Stream::new(number, url, kind, settled);
                self.report.streams.push(new.following(before));
                self.sinks.push(sink);
            }
        }
        if self.report.streams.is_empty() {
            return Err(ProbeError::NoStream);
        }
        let now = self.conn.now();
        let range = Range::npt(NptRange::from(options.from));
        let id = self.conn.machine.play(now, session, Some(&range))?;
        self.answer("PLAY", id)?;
        let begun = self.conn.now();
        let until = begun.saturating_add(self.left);
        while self.conn.now() < until && !self.report.streams.iter().all(|stream| stream.ended) {
            let move_at = self.moved.as_ref().map_or(until, |moved| moved.at);
            if move_at <= self.conn.now() {
                self.left = self.left.saturating_sub(self.conn.now().saturating_since(begun));
                break;
            }
            match self.step(until.min(move_at)) {
                Ok(_) => {}
                // The server goes when there is nothing more: so do we.
                Err(ProbeError::Closed(CloseReason::Eof)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // The end may have overtaken the last packets.
        self.read_udp()?;
        let now = self.conn.now();
        let Ok(id) = self.conn.machine.teardown(now, session) else { return Ok(()) };
        match self.answer("TEARDOWN", id) {
            // Some servers close instead of answering, or have ended the session themselves.
            Ok(_)
            | Err(
                ProbeError::NoAnswer(..)
                | ProbeError::Closed(_)
                | ProbeError::Status(_, StatusCode::SESSION_NOT_FOUND),
            ) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The successful response to a request; media that comes meanwhile counts.
    fn answer(
        &mut self,
        method: &'static str,
        asked: RequestId,
    ) -> Result<ResponseBuf, ProbeError> {
        loop {
            match self.step(Instant::FAR_FUTURE)? {
                Some(Event::Response { id, response, .. }) if id == asked => {
                    let status = response.view().status();
                    if status.is_success() {
                        return Ok(response);
                    }
                    // Where to go instead is told behind it.
                    let soon = self.conn.now().saturating_add(REDIRECT_WAIT);
                    while status.is_redirection() && self.moved.is_none() {
                        if self.conn.now() >= soon || self.step(soon).is_err() {
                            break;
                        }
                    }
                    return Err(ProbeError::Status(method, status));
                }
                Some(Event::RequestFailed { id, reason, .. }) if id == asked => {
                    return Err(ProbeError::NoAnswer(method, reason));
                }
                _ => {}
            }
        }
    }

    /// Waits for one event, or for packets, no longer than until `until`.
    fn step(&mut self, until: Instant) -> Result<Option<Event>, ProbeError> {
        let until = if self.sockets.is_empty() {
            until
        } else {
            self.read_udp()?;
            until.min(self.conn.now().saturating_add(UDP_INTERVAL))
        };
        match self.conn.next_event_until(until)? {
            Next::Event(Event::Media { channel, payload, .. }) => {
                for (stream, sink) in self.report.streams.iter_mut().zip(&mut self.sinks) {
                    if let Settled::Interleaved(pair) = stream.settled {
                        if pair.rtp == channel {
                            stream.packet(&payload, sink.as_mut())?;
                        } else if pair.rtcp == Some(channel) {
                            stream.report(&payload);
                        }
                    }
                }
                Ok(None)
            }
            Next::Event(Event::Redirected { redirection, .. }) => {
                if let (Follow::Host, Some(target)) = (redirection.follow, redirection.target) {
                    let wait = match redirection.when {
                        When::After(wait) => wait,
                        _ => Duration::ZERO,
                    };
                    let at = self.conn.now().saturating_add(wait);
                    self.moved = Some(Moved { target, same_server: redirection.same_server, at });
                }
                Ok(None)
            }
            Next::Event(Event::Closed(reason)) => Err(ProbeError::Closed(reason)),
            Next::Event(event) => Ok(Some(event)),
            Next::TimedOut => Ok(None),
            Next::Finished => Err(ProbeError::Closed(CloseReason::Eof)),
        }
    }

    fn read_udp(&mut self) -> io::Result<()> {
        let mut buffer = [0; 65_536];
        let streams = self.report.streams.iter_mut().zip(&mut self.sinks);
        for ((rtp, rtcp), (stream, sink)) in self.sockets.iter().zip(streams) {
            while let Ok(len) = rtp.recv(&mut buffer) {
                stream.packet(buffer.get(..len).unwrap_or_default(), sink.as_mut())?;
            }
            while let Ok(len) = rtcp.recv(&mut buffer) {
                stream.report(buffer.get(..len).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Sends something to the server's ports, so that firewalls on the way let its packets
    /// in: an empty RTP packet, an empty receiver report.
    fn punch(&self, settled: &Settled) {
        let Settled::Udp { server_port: Some(ports), source, .. } = settled else { return };
        let Some((rtp, rtcp)) = self.sockets.last() else { return };
        let peer = self.conn.socket().peer_addr().map(|addr| addr.ip());
        let source = source.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok());
        let Some(ip) = source.or(peer.ok()) else { return };
        if ports.rtp != 0 {
            let version_2: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            drop(rtp.send_to(&version_2, SocketAddr::new(ip, ports.rtp)));
            let report: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 0];
            drop(rtcp.send_to(&report, SocketAddr::new(ip, ports.rtcp())));
        }
    }
}

impl Stream {
    const fn new(number: usize, url: String, kind: String, settled: Settled) -> Self {
        let (packets, bytes, reports, lost, ended, last) = (0, 0, 0, 0, false, None);
        Self { url, kind, settled, packets, bytes, reports, lost, ended, last, number }
    }

    /// Counts on from what came of it from another server.
    fn following(mut self, before: Option<Self>) -> Self {
        if let Some(before) = before {
            (self.packets, self.bytes) = (before.packets, before.bytes);
            (self.reports, self.lost) = (before.reports, before.lost);
        }
        self
    }

    fn packet(&mut self, packet: &[u8], sink: Option<&mut Sink>) -> io::Result<()> {
        self.packets += 1;
        self.bytes += packet.len() as u64;
        if let Some(sequence) = rtp::Packet::parse(packet).map(|packet| packet.sequence) {
            if let Some(last) = self.last {
                let gap = sequence.wrapping_sub(last);
                // Behind the last one it is late, not lost.
                if (1..0x8000).contains(&gap) {
                    self.lost += u64::from(gap - 1);
                }
            }
            self.last = Some(sequence);
        }
        sink.map_or(Ok(()), |sink| sink.packet(packet))
    }

    fn report(&mut self, report: &[u8]) {
        self.reports += 1;
        self.ended |= rtp::is_goodbye(report);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for target in &self.redirects {
            writeln!(f, "sent to: {target}")?;
        }
        writeln!(f, "server: {}", self.server.as_deref().unwrap_or("(does not say)"))?;
        writeln!(f, "public: {}", self.public)?;
        writeln!(f, "description:")?;
        for line in self.sdp.lines() {
            writeln!(f, "    {line}")?;
        }
        for stream in &self.streams {
            writeln!(f, "{} {}", stream.kind, stream.url)?;
            match &stream.settled {
                Settled::Interleaved(channels) => writeln!(f, "    on channels {channels}")?,
                Settled::Udp { client_port, server_port, .. } => {
                    let show = |ports: &Option<PortPair>| {
                        ports.map_or_else(|| "?".to_owned(), |ports| ports.to_string())
                    };
                    let (from, to) = (show(server_port), show(client_port));
                    writeln!(f, "    over UDP from ports {from} to ports {to}")?;
                }
                other => writeln!(f, "    {other:?}")?,
            }
            writeln!(
                f,
                "    {} packets, {} bytes, {} lost, {} RTCP packets",
                stream.packets, stream.bytes, stream.lost, stream.reports
            )?;
        }
        Ok(())
    }
}

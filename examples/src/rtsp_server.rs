//! An RTSP server on std threads: a tone as PCMU, over the control connection and over UDP.
//!
//! The machine ([`rtsp_proto::server::Server`]) knows the protocol; what is here are sockets,
//! time and decisions: what the description says, which transport is taken, who may play.

use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::Observer;
pub use crate::rtsp_guard::Scheme;

use crate::rtsp_guard::Guard;
use crate::rtsp_media::{CLOCK_RATE, PACKET_TIME, Tone};
use crate::rtsp_tap::Tapped;
use proto_wire::sdp::{MediaBuilder, SdpBuilder};
use proto_wire::{Clock, Instant, Rng, Seed};
use rtsp_proto::headers::{ChannelPair, NptRange, PortPair, Range, RtpInfo, Transport};
use rtsp_proto::server::{Config, Event, Incoming, Server};
use rtsp_proto::{CommandError, Method, ResponseBuilder, SessionKey, StatusCode, Url};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a connection may not notice that the server stops.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
/// How long a connection is listened to at least, between packets.
const LISTEN_INTERVAL: Duration = Duration::from_millis(1);
/// How often RTCP sockets are looked at.
const RTCP_INTERVAL: Duration = Duration::from_millis(500);

/// Somebody who plays or wants to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Viewer {
    /// From where.
    pub peer: SocketAddr,
    /// As whom, when the server asks for that.
    pub user: Option<String>,
    /// The URL of the request, with its query.
    pub url: String,
    /// The session's id on the wire: the same from the first PLAY to the end.
    pub session: String,
}

/// Is asked before anything is played, and told when it ends.
pub trait Gate: Send + Sync {
    /// Whether `viewer` may play (again, after a pause).
    ///
    /// # Errors
    ///
    /// The status that the viewer gets instead.
    fn may_play(&self, viewer: &Viewer) -> Result<(), StatusCode>;

    /// The session of `viewer` is over, after so much playing.
    fn ended(&self, viewer: &Viewer, played: Duration);
}

/// What a server is to do.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// The path that is served; any when it is empty.
    pub path: String,
    /// User name, password and how to ask for them.
    pub auth: Option<(Scheme, String, String)>,
    /// Who is asked before playing.
    pub gate: Option<Arc<dyn Gate>>,
    /// Who watches the wire.
    pub observer: Option<Observer>,
}

/// A server that runs in its own threads until it is stopped or dropped.
#[derive(Debug)]
pub struct RtspServer {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RtspServer {
    /// Listens on `addr` (port 0: any) and serves.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn start(addr: impl ToSocketAddrs, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared::new(options)?);
        let flag = stop.clone();
        let thread = thread::spawn(move || accept(&listener, &shared, &flag));
        Ok(Self { addr, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes all connections and waits for their threads.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for RtspServer {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What all connections share.
struct Shared {
    options: Options,
    config: Arc<Config>,
    clock: Clock,
    rng: Mutex<Rng>,
    guard: Option<Guard>,
}

impl Shared {
    fn new(options: Options) -> io::Result<Self> {
        let clock = Clock::start();
        let rng = Rng::new(&crate::entropy::seed());
        let guard = match &options.auth {
            None => None,
            Some((scheme, user, password)) => {
                Some(Guard::new("rtsp-proto", *scheme, user, password)?)
            }
        };
        Ok(Self {
            options,
            config: Arc::new(Config::default()),
            clock,
            rng: Mutex::new(rng),
            guard,
        })
    }

    fn random(&self) -> (Seed, u64) {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        (rng.seed(), rng.next_u64())
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, stop: &Arc<AtomicBool>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((socket, peer)) => {
                let (shared, stop) = (shared.clone(), stop.clone());
                threads.push(thread::spawn(move || {
                    // A connection that cannot be served is one viewer less, no more.
                    let _ = socket
                        .set_nonblocking(false)
                        .and_then(|()| Host::new(socket, peer, shared, stop)?.run());
                }));
                threads.retain(|thread| !thread.is_finished());
            }
            Err(_) => thread::sleep(STOP_INTERVAL / 5),
        }
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// One connection.
struct Host {
    conn: Connection<Tapped<Server>>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    shows: BTreeMap<SessionKey, Show>,
    user: Option<String>,
    rtcp_at: Instant,
}

/// What one session plays.
struct Show {
    viewer: Viewer,
    tone: Tone,
    out: Out,
    /// When the next packet is due, while it plays.
    due: Option<Instant>,
    played: Duration,
}

/// Where packets go.
enum Out {
    Channels(ChannelPair),
    Udp { rtp: UdpSocket, rtcp: UdpSocket, to: SocketAddr },
}

impl Host {
    fn new(
        socket: std::net::TcpStream,
        peer: SocketAddr,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let now = shared.clock.now();
        let mut server = Server::new(now, shared.config.clone(), shared.random().0);
        server.set_peer(peer.ip());
        let machine = Tapped::server(server, shared.options.observer.as_ref());
        let conn = Connection::new(socket, machine, shared.clock)?;
        let (shows, user) = (BTreeMap::new(), None);
        Ok(Self { conn, peer, shared, stop, shows, user, rtcp_at: now })
    }

    fn run(mut self) -> io::Result<()> {
        let served = self.serve();
        // Sessions that are left end with the connection, however that ended.
        let keys: Vec<_> = self.shows.keys().copied().collect();
        for key in keys {
            self.ended(key);
        }
        served
    }

    fn serve(&mut self) -> io::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.conn.now();
            self.send_due(now);
            self.read_rtcp(now);
            let due = self.shows.values().filter_map(|show| show.due).min();
            let until = now.saturating_add(STOP_INTERVAL);
            let until = due.map_or(until, |due| due.min(until));
            // However late packets are, the viewer is listened to.
            let until = until.max(self.conn.now().saturating_add(LISTEN_INTERVAL));
            match self.conn.next_event_until(until)? {
                Next::Event(Event::Request(asked)) => self.answer(&asked),
                Next::Event(Event::SessionEnded { session, .. }) => self.ended(session),
                Next::Event(_) | Next::TimedOut => {}
                Next::Finished => break,
            }
        }
        Ok(())
    }

    fn server(&mut self) -> &mut Server {
        &mut self.conn.machine.inner
    }

    fn answer(&mut self, asked: &Incoming) {
        let now = self.conn.now();
        let answered = self.judge(now, asked).and_then(|()| match asked.method {
            Method::Describe => self.describe(now, asked),
            Method::Setup => self.set_up(now, asked),
            Method::Play => self.play(now, asked),
            Method::Pause => {
                if let Some(show) = asked.session.and_then(|key| self.shows.get_mut(&key)) {
                    show.due = None;
                }
                Ok(self.server().accept(now, asked.id))
            }
            _ => Ok(self.server().accept(now, asked.id)),
        });
        let done = match answered {
            Ok(done) => done,
            Err(refusal) => self.server().respond(now, asked.id, refusal),
        };
        debug_assert!(done.is_ok(), "{done:?}");
    }

    /// Who asks, and for something that is here?
    fn judge(&mut self, now: Instant, asked: &Incoming) -> Result<(), ResponseBuilder> {
        let request = asked.request.view();
        let path = &self.shared.options.path;
        let here = match Url::parse(request.uri()) {
            Ok(url) => path.is_empty() || url.path().starts_with(path.as_str()),
            Err(_) => false,
        };
        if !here {
            return Err(ResponseBuilder::new(StatusCode::NOT_FOUND));
        }
        if let Some(guard) = &self.shared.guard {
            self.user = Some(guard.check(now, request)?);
        }
        Ok(())
    }

    fn describe(
        &mut self,
        now: Instant,
        asked: &Incoming,
    ) -> Result<Result<(), CommandError>, ResponseBuilder> {
        let wrong = |_| ResponseBuilder::new(StatusCode::INTERNAL_SERVER_ERROR);
        let anywhere = IpAddr::from([0, 0, 0, 0]);
        let sdp = SdpBuilder::new("A tone")
            .origin(1, 1, anywhere)
            .connection(anywhere)
            .attribute("control", "*")
            .attribute("range", "npt=now-")
            .media(
                MediaBuilder::new("audio", 0, "RTP/AVP")
                    .rtp(0, "PCMU", CLOCK_RATE, 1)
                    .attribute("ptime", PACKET_TIME.as_millis().to_string())
                    .attribute("control", "trackID=0"),
            )
            .build()
            .map_err(wrong)?;
        let url = asked.request.view().uri();
        let base = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
        Ok(self.server().describe(now, asked.id, &base, sdp))
    }

    /// Takes the first offer that this host can serve.
    fn set_up(
        &mut self,
        now: Instant,
        asked: &Incoming,
    ) -> Result<Result<(), CommandError>, ResponseBuilder> {
        let request = asked.request.view();
        let unsupported = || ResponseBuilder::new(StatusCode::UNSUPPORTED_TRANSPORT);
        let tone = match asked.session.and_then(|key| self.shows.get(&key)) {
            Some(show) => show.tone.clone(),
            None => Tone::new(self.shared.random().1),
        };
        let offers: Vec<Transport<'_>> = request.headers().transports().flatten().collect();
        let multicast = |t: &Transport<'_>| {
            t.delivery == Some(rtsp_proto::headers::Delivery::Multicast) || t.mode.record
        };
        for mut offer in offers.into_iter().filter(|offer| !multicast(offer)) {
            offer.ssrc = Some(tone.ssrc());
            offer.mode = rtsp_proto::headers::Mode::default();
            let mut udp = None;
            if !offer.is_interleaved() {
                // Never to another address than the one that asks (RFC 2326 §12.39).
                let Some(ports) = offer.client_port.or_else(|| offer.dest_addr().ports()) else {
                    continue;
                };
                let Ok((rtp, rtcp, port)) = udp_pair(self.conn.socket().local_addr()) else {
                    continue;
                };
                offer.server_port = Some(PortPair::new(port, Some(port.saturating_add(1))));
                udp = Some((rtp, rtcp, SocketAddr::new(self.peer.ip(), ports.rtp)));
            }
            let set_up = match self.server().accept_setup(now, asked.id, &offer) {
                Ok(set_up) => set_up,
                Err(CommandError::NoChannel) => continue,
                Err(error) => return Ok(Err(error)),
            };
            let out = match (udp, set_up.channels) {
                (Some((rtp, rtcp, to)), _) => Out::Udp { rtp, rtcp, to },
                (None, Some(channels)) => Out::Channels(channels),
                (None, None) => return Ok(Ok(())),
            };
            let session = self.server().session(set_up.session);
            let session = session.map(|s| s.id().to_owned()).unwrap_or_default();
            let url = request.uri().to_owned();
            let viewer = Viewer { peer: self.peer, user: self.user.clone(), url, session };
            let (due, played) = match self.shows.remove(&set_up.session) {
                Some(show) => (show.due, show.played),
                None => (None, Duration::ZERO),
            };
            self.shows.insert(set_up.session, Show { viewer, tone, out, due, played });
            return Ok(Ok(()));
        }
        Err(unsupported())
    }

    fn play(
        &mut self,
        now: Instant,
        asked: &Incoming,
    ) -> Result<Result<(), CommandError>, ResponseBuilder> {
        let Some(show) = asked.session.and_then(|key| self.shows.get_mut(&key)) else {
            return Err(ResponseBuilder::new(StatusCode::SESSION_NOT_FOUND));
        };
        if let Some(gate) = &self.shared.options.gate {
            gate.may_play(&show.viewer).map_err(ResponseBuilder::new)?;
        }
        let url = show.viewer.url.clone();
        let mut info = RtpInfo::new(&url);
        info.seq = Some(show.tone.sequence());
        info.rtptime = Some(show.tone.timestamp());
        info.ssrc = Some(show.tone.ssrc());
        if show.due.is_none() {
            show.tone.mark();
            show.due = Some(now);
        }
        let range = Range::npt(NptRange::live());
        Ok(self.server().accept_play(now, asked.id, Some(&range), &[info]))
    }

    fn ended(&mut self, session: SessionKey) {
        if let (Some(show), Some(gate)) = (self.shows.remove(&session), &self.shared.options.gate) {
            gate.ended(&show.viewer, show.played);
        }
    }

    fn send_due(&mut self, now: Instant) {
        for show in self.shows.values_mut() {
            while let Some(due) = show.due.filter(|due| *due <= now) {
                let packet = show.tone.packet();
                // A packet that cannot be sent is lost, as on any network.
                match &show.out {
                    Out::Channels(channels) => {
                        let server = &mut self.conn.machine.inner;
                        let _ = server.send_media(now, channels.rtp, packet);
                    }
                    Out::Udp { rtp, to, .. } => drop(rtp.send_to(&packet, to)),
                }
                show.played = show.played.saturating_add(PACKET_TIME);
                show.due = Some(due.saturating_add(PACKET_TIME));
            }
        }
    }

    /// RTCP over UDP says that the viewer lives.
    fn read_rtcp(&mut self, now: Instant) {
        if now < self.rtcp_at {
            return;
        }
        self.rtcp_at = now.saturating_add(RTCP_INTERVAL);
        let mut buffer = [0; 1_500];
        for (key, show) in &self.shows {
            let Out::Udp { rtp, rtcp, .. } = &show.out else { continue };
            let mut lives = false;
            while rtcp.recv(&mut buffer).is_ok() {
                lives = true;
            }
            // Packets to the other port only open firewalls.
            while rtp.recv(&mut buffer).is_ok() {}
            if lives {
                let _ = self.conn.machine.inner.touch(now, *key);
            }
        }
    }
}

/// Two UDP sockets on neighbouring ports, the first even (RFC 3550 §11).
pub(crate) fn udp_pair(local: io::Result<SocketAddr>) -> io::Result<(UdpSocket, UdpSocket, u16)> {
    let ip = local?.ip();
    for _ in 0..64 {
        let rtp = UdpSocket::bind((ip, 0))?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0 {
            if let Ok(rtcp) = UdpSocket::bind((ip, port.saturating_add(1))) {
                rtp.set_nonblocking(true)?;
                rtcp.set_nonblocking(true)?;
                return Ok((rtp, rtcp, port));
            }
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

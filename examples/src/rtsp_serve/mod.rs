//! An RTSP server on tokio that serves files, and lets clients publish what others play.
//!
//! A connection is a task with a machine ([`rtsp_proto::server::Server`]); each stream that
//! is played or received is a task beside it that talks to the connection through a channel.

mod streams;

use crate::drive::tokio::Connection;
use crate::entropy::seed;
use crate::media::{Playhead, Track};
use crate::rtsp_guard::{Guard, Scheme};
use crate::rtsp_server::udp_pair;
use proto_wire::sdp::{Sdp, SdpBuilder};
use proto_wire::{Clock, Rng};
use rtsp_proto::control_url::same_stream;
use rtsp_proto::headers::{Delivery, Mode, NptRange, NptTime, PortPair, Range, RtpInfo};
use rtsp_proto::server::{Config, Event, Incoming, Server};
use rtsp_proto::{CommandError, Method, Methods, ResponseBuilder, SessionKey, StatusCode, Url};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use streams::{BEHIND_MAX, News, Out, Published, Show, Source, play_file, play_live};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{broadcast, mpsc};

/// What a server has to offer.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Files, and under which paths (with the slash in front).
    pub files: BTreeMap<String, Arc<Track>>,
    /// Begin files again at their end.
    pub repeat: bool,
    /// Clients may publish, under paths that no file has.
    pub publish: bool,
    /// User name and password that everybody has to know.
    pub user: Option<(String, String)>,
}

/// Accepts connections for ever.
///
/// # Errors
///
/// Of the listener.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let shared = Arc::new(Shared::new(options)?);
    loop {
        let (socket, peer) = listener.accept().await?;
        let host = Host::new(socket, peer, shared.clone());
        // A connection that cannot be served is one client less, no more.
        tokio::spawn(async move { host?.run().await });
    }
}

/// What all connections share.
struct Shared {
    options: Options,
    config: Arc<Config>,
    clock: Clock,
    guard: Option<Guard>,
    published: Mutex<BTreeMap<String, Arc<Published>>>,
}

/// One connection.
struct Host {
    conn: Connection<Server>,
    local: SocketAddr,
    peer: SocketAddr,
    shared: Arc<Shared>,
    shows: BTreeMap<SessionKey, Show>,
    announced: BTreeMap<String, Arc<Published>>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
}

type Answer = Result<Result<(), CommandError>, ResponseBuilder>;

fn status(status: StatusCode) -> ResponseBuilder {
    ResponseBuilder::new(status)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(options: Options) -> io::Result<Self> {
        let mut methods = Config::default().methods;
        if options.publish {
            methods = methods.union(Methods::of(&[Method::Announce, Method::Record]));
        }
        let config = Arc::new(Config::default().with_methods(methods));
        let guard = options.user.as_ref();
        let guard =
            guard.map(|(user, password)| Guard::new("rtsp_serve", Scheme::Digest, user, password));
        let guard = guard.transpose()?;
        Ok(Self { options, config, clock: Clock::start(), guard, published: Mutex::default() })
    }

    /// What a URL names, and which stream of it.
    fn find(&self, url: &str) -> Option<(Source, usize)> {
        let path = Url::parse(url).ok()?.path().split('?').next()?.to_owned();
        let under = |name: &str| {
            path.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        if let Some((_, track)) = self.options.files.iter().rev().find(|(name, _)| under(name)) {
            let head = Playhead::new(track, Rng::new(&seed()).next_u64());
            return Some((Source::File(track.clone(), Arc::new(Mutex::new(head))), 0));
        }
        let published = lock(&self.published);
        let (_, live) = published.iter().rev().find(|(name, _)| under(name))?;
        let stream = live.controls.iter().position(|control| same_stream(url, control));
        Some((Source::Live(Arc::downgrade(live)), stream.unwrap_or(0)))
    }
}

impl Host {
    fn new(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let server = Server::new(shared.clock.now(), shared.config.clone(), seed());
        let conn = Connection::new(socket, server, shared.clock)?;
        let (shows, announced, news) = (BTreeMap::new(), BTreeMap::new(), mpsc::channel(64));
        Ok(Self { conn, local, peer, shared, shows, announced, news })
    }

    async fn run(mut self) -> io::Result<()> {
        loop {
            let now = self.conn.now();
            tokio::select! {
                event = self.conn.next_event() => match event? {
                    Some(Event::Request(asked)) => self.answer(&asked),
                    Some(Event::Media { session: Some(key), channel, payload }) => {
                        self.shows.get(&key).into_iter().for_each(|show| show.received(channel, &payload));
                    }
                    Some(Event::SessionEnded { session, .. }) => drop(self.shows.remove(&session)),
                    Some(_) => {}
                    None => return Ok(()),
                },
                // Media that a client does not read in time is lost to it.
                Some(news) = self.news.1.recv() => drop(match news {
                    News::Packet(channel, packet) => self.conn.machine.send_media(now, channel, packet),
                    News::Alive(session) => self.conn.machine.touch(now, session),
                    News::Over(session) => self.conn.machine.end_session(now, session),
                }),
            }
        }
    }

    fn answer(&mut self, asked: &Incoming) {
        let now = self.conn.now();
        let guard = self.shared.guard.as_ref();
        let known = guard.map(|guard| guard.check(now, asked.request.view())).transpose();
        let answered = known.and_then(|_user| match asked.method {
            Method::Describe => self.describe(asked),
            Method::Announce => self.announce(asked),
            Method::Setup => self.set_up(asked),
            Method::Play => self.play(asked),
            Method::Pause => {
                let show = asked.session.and_then(|key| self.shows.get_mut(&key));
                show.into_iter().for_each(Show::pause);
                Ok(self.conn.machine.accept(now, asked.id))
            }
            method => {
                let show = asked.session.and_then(|key| self.shows.get(&key));
                let is_publisher = show.is_some_and(|s| matches!(s.source, Source::Publisher(_)));
                if method == Method::Teardown && is_publisher {
                    self.release();
                }
                Ok(self.conn.machine.accept(now, asked.id))
            }
        });
        let done = answered.unwrap_or_else(|no| self.conn.machine.respond(now, asked.id, no));
        debug_assert!(done.is_ok(), "{done:?}");
    }

    fn describe(&mut self, asked: &Incoming) -> Answer {
        let url = asked.request.view().uri();
        let sdp = match self.shared.find(url).ok_or_else(|| status(StatusCode::NOT_FOUND))?.0 {
            Source::File(track, _) => {
                let anywhere = IpAddr::from([0, 0, 0, 0]);
                let sdp = SdpBuilder::new("A file").connection(anywhere).attribute("control", "*");
                let range = NptRange::between(Duration::ZERO, track.duration());
                let sdp = sdp.attribute("range", Range::npt(range).to_string());
                let sdp = sdp.media(track.describe("trackID=0")).build();
                sdp.map_err(|_| status(StatusCode::INTERNAL_SERVER_ERROR))?.into()
            }
            Source::Live(live) | Source::Publisher(live) => {
                live.upgrade().ok_or_else(|| status(StatusCode::NOT_FOUND))?.sdp.clone()
            }
        };
        let base = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
        Ok(self.conn.machine.describe(self.conn.now(), asked.id, &base, sdp))
    }

    /// Takes a path for this connection.
    fn announce(&mut self, asked: &Incoming) -> Answer {
        let (url, sdp) = (asked.request.view().uri(), asked.request.body_bytes());
        let path = Url::parse(url).map_err(|_| status(StatusCode::BAD_REQUEST))?.path().to_owned();
        let controls =
            Sdp::new(&sdp).media().map(|media| media.control().unwrap_or("*").to_owned());
        let controls: Vec<String> = controls.collect();
        let is_ours = self.announced.contains_key(&path);
        if controls.is_empty() || (!is_ours && self.shared.find(url).is_some()) {
            return Err(status(StatusCode::FORBIDDEN));
        }
        let published =
            Arc::new(Published { sdp, controls, packets: broadcast::channel(BEHIND_MAX).0 });
        lock(&self.shared.published).insert(path.clone(), published.clone());
        self.announced.insert(path, published);
        Ok(self.conn.machine.accept(self.conn.now(), asked.id))
    }

    /// Takes the first offer that this host can serve.
    fn set_up(&mut self, asked: &Incoming) -> Answer {
        let (now, request) = (self.conn.now(), asked.request.view());
        let found = self.shared.find(request.uri());
        let (mut source, stream) = found.ok_or_else(|| status(StatusCode::NOT_FOUND))?;
        for mut offer in request.headers().transports().flatten() {
            if offer.delivery == Some(Delivery::Multicast) {
                continue;
            }
            let is_record = offer.mode.record;
            if let (true, Source::Live(live)) = (is_record, &source) {
                let is_ours =
                    self.announced.values().any(|own| Weak::ptr_eq(&Arc::downgrade(own), live));
                source = if is_ours { Source::Publisher(live.clone()) } else { continue };
            } else if is_record {
                continue;
            } else {
                offer.mode = Mode::default();
            }
            let mut udp = None;
            if !offer.is_interleaved() {
                // Never to another address than the one that asks (RFC 2326 §12.39).
                let ports = offer.client_port.or_else(|| offer.dest_addr().ports());
                let (Some(ports), Ok((rtp, rtcp, port))) = (ports, udp_pair(Ok(self.local))) else {
                    continue;
                };
                let sockets = (UdpSocket::from_std(rtp), UdpSocket::from_std(rtcp));
                let (Ok(rtp), Ok(rtcp)) = sockets else { continue };
                offer.server_port = Some(PortPair::new(port, Some(port.saturating_add(1))));
                let to =
                    [ports.rtp, ports.rtcp()].map(|port| SocketAddr::new(self.peer.ip(), port));
                udp = Some(Out::Udp { rtp: rtp.into(), rtcp: rtcp.into(), to: to.into() });
            }
            let set_up = match self.conn.machine.accept_setup(now, asked.id, &offer) {
                Ok(set_up) => set_up,
                Err(CommandError::NoChannel) => continue,
                Err(error) => return Ok(Err(error)),
            };
            let channels = set_up.channels.map(|pair| Out::Channels(pair, self.news.0.clone()));
            let Some(out) = udp.or(channels) else { return Ok(Ok(())) };
            let show = self.shows.entry(set_up.session).or_insert_with(|| Show::new(source));
            show.listen(&out, stream, self.peer.ip(), set_up.session, &self.news.0);
            show.outs.insert(stream, out);
            return Ok(Ok(()));
        }
        Err(status(StatusCode::UNSUPPORTED_TRANSPORT))
    }

    /// The paths of this connection are free again.
    fn release(&mut self) {
        let ours = std::mem::take(&mut self.announced);
        lock(&self.shared.published)
            .retain(|path, now| ours.get(path).is_none_or(|own| !Arc::ptr_eq(own, now)));
    }

    fn play(&mut self, asked: &Incoming) -> Answer {
        let (now, gone) = (self.conn.now(), || status(StatusCode::SESSION_NOT_FOUND));
        let Some((key, show)) =
            asked.session.and_then(|key| Some((key, self.shows.get_mut(&key)?)))
        else {
            return Err(gone());
        };
        let range = asked.request.view().headers().typed::<Range<'_>>().ok().flatten();
        let url = show.outs.keys().next().map(|_| asked.request.view().uri()).unwrap_or_default();
        let (range, infos) = match show.source.clone() {
            Source::File(track, head) => {
                let wanted = range
                    .as_ref()
                    .map(|range| range.as_npt().ok_or_else(|| status(StatusCode::INVALID_RANGE)));
                let wanted = wanted.transpose()?;
                let end = match wanted.and_then(|range| range.end) {
                    Some(NptTime::At(end)) => end.min(track.duration()),
                    _ => track.duration(),
                };
                show.pause();
                let mut at = lock(&head);
                match wanted.and_then(|range| range.start) {
                    Some(NptTime::At(start)) if start > end => {
                        return Err(status(StatusCode::INVALID_RANGE));
                    }
                    Some(NptTime::At(start)) => drop(at.seek(&track, start)),
                    _ if at.time(&track) >= end => drop(at.seek(&track, Duration::ZERO)),
                    _ => {}
                }
                let mut info = RtpInfo::new(url);
                let (seq, rtptime, ssrc) = at.start(&track);
                (info.seq, info.rtptime, info.ssrc) = (Some(seq), Some(rtptime), Some(ssrc));
                let range = Range::npt(NptRange::between(at.time(&track), end));
                drop(at);
                let repeat = self.shared.options.repeat;
                for out in show.outs.values().cloned() {
                    let player = play_file(track.clone(), head.clone(), out, end, repeat);
                    show.playing.push(show.tasks.spawn(player));
                }
                (range, vec![info])
            }
            Source::Live(live) | Source::Publisher(live) => {
                let packets = live.upgrade().ok_or_else(gone)?.packets.subscribe();
                show.pause();
                let player = play_live(packets, show.outs.clone(), key, self.news.0.clone());
                show.playing.push(show.tasks.spawn(player));
                (Range::npt(NptRange::live()), Vec::new())
            }
        };
        Ok(self.conn.machine.accept_play(now, asked.id, Some(&range), &infos))
    }
}

impl Drop for Host {
    /// What a connection published ends with it.
    fn drop(&mut self) {
        self.release();
    }
}

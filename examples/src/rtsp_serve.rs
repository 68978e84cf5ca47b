//! An RTSP server on tokio that serves files, and lets clients publish what others play.
//!
//! All of it is one task. The [`Service`] has the sockets, the connections and their sessions; the
//! host has the media: what a session plays or publishes (`Show`), and what is published where
//! (`Live`).

use crate::drive::rtsp::Service;
use crate::entropy::seed;
use crate::media::{Player, Track, rtp};
use crate::rtsp_guard::Scheme;
use bytes::Bytes;
use proto_wire::digest::Secret;
use proto_wire::sdp::Sdp;
use proto_wire::{Instant, Rng};
use rtsp_proto::control_url::same_stream;
use rtsp_proto::headers::{NptRange, Range, RtpInfo, RtpProfile};
use rtsp_proto::server::{Carrier, Config, Event, HubEvent, Incoming, SessionId};
use rtsp_proto::{Method, Methods, StatusCode, Url};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;

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
    /// How to ask who it is, and the user name and password that everybody has to know.
    pub user: Option<(Scheme, String, String)>,
}

/// Serves for ever.
///
/// # Errors
///
/// When there are no UDP ports.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let mut config = Config::default();
    if options.publish {
        let methods = config.methods.union(Methods::of(&[Method::Announce, Method::Record]));
        config = config.with_methods(methods);
    }
    if let Some((scheme, ..)) = &options.user {
        config = config.with_authentication(scheme.asks("rtsp_serve")?);
    }
    let service = Service::new(listener, config)?;
    let (shows, live) = (BTreeMap::new(), BTreeMap::new());
    let mut host = Host { options, service, shows, live };
    loop {
        let due = host.shows.values().filter_map(Show::due).min();
        if let Some(event) = host.service.next_event(due).await {
            host.happened(event);
        }
        host.play_files();
    }
}

struct Host {
    options: Options,
    service: Service,
    shows: BTreeMap<SessionId, Show>,
    /// By their paths.
    live: BTreeMap<String, Live>,
}

/// What one session plays or publishes, and which stream of that each of its streams is.
struct Show {
    source: Source,
    streams: Vec<usize>,
    plays: bool,
}

enum Source {
    File(Box<Player<Arc<Track>>>),
    /// What is published under a path.
    Viewer(String),
    Publisher(String),
}

/// What a client publishes: from which connection, and in which session once there is one.
struct Live {
    connection: u64,
    session: Option<SessionId>,
    sdp: Bytes,
    controls: Vec<String>,
    /// Who sends in each stream.
    sources: BTreeMap<usize, u32>,
}

impl Host {
    fn happened(&mut self, event: HubEvent<u64>) {
        let now = self.service.now();
        match event {
            HubEvent::Request { connection, session, asked } => {
                let answered = self.answer(now, connection, session, &asked);
                if let (Err(status), Ok(server)) = (answered, self.service.server(connection)) {
                    let _gone = server.refuse(now, asked.id, status);
                }
            }
            HubEvent::Server { connection, event: Event::SecretWanted { id, username, .. } } => {
                let user = self.options.user.as_ref().filter(|(_, name, _)| *name == username);
                let secret = user.map_or(Secret::Unknown, |(.., word)| Secret::Password(word));
                let server = self.service.hub.server(connection);
                let _gone = server.map(|server| server.authenticate(now, id, secret));
            }
            HubEvent::Media { session, stream, is_rtcp, payload } => {
                self.forward(session, stream, is_rtcp, payload);
            }
            HubEvent::SessionEnded { session, .. } => {
                self.shows.remove(&session);
                self.release(|live| live.session == Some(session));
            }
            HubEvent::Closed { connection, .. } => {
                self.release(|live| live.connection == connection && live.session.is_none());
            }
            _ => {}
        }
    }

    fn answer(
        &mut self,
        now: Instant,
        from: u64,
        session: Option<SessionId>,
        asked: &Incoming,
    ) -> Result<(), StatusCode> {
        let url = asked.request.view().uri();
        match (asked.method, session) {
            (Method::Describe, _) => {
                let (base, sdp) = (format!("{}/", url.trim_end_matches('/')), self.describe(url)?);
                self.service.server(from)?.describe(now, asked.id, &base, sdp)?;
            }
            (Method::Announce, _) => {
                self.announce(from, url, asked.request.body_bytes())?;
                self.service.server(from)?.accept(now, asked.id)?;
            }
            (Method::Setup, _) => self.set_up(now, from, session, asked)?,
            (Method::Play, Some(session)) => self.play(now, from, session, asked)?,
            (_, session) => {
                self.service.server(from)?.accept(now, asked.id)?;
                let show = session.and_then(|session| self.shows.get_mut(&session));
                if let (Method::Pause, Some(show)) = (asked.method, show) {
                    show.pause();
                }
            }
        }
        Ok(())
    }

    fn describe(&self, url: &str) -> Result<Bytes, StatusCode> {
        match self.find(url)? {
            (Found::Live(path), _) => Ok(self.live[&path].sdp.clone()),
            (Found::File(track), _) => {
                let sdp = track.description("trackID=0");
                Ok(sdp.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.into())
            }
        }
    }

    /// Takes a path for this connection.
    fn announce(&mut self, from: u64, url: &str, sdp: Bytes) -> Result<(), StatusCode> {
        let path = path_of(url)?;
        let controls = Sdp::new(&sdp).media().map(|m| m.control().unwrap_or("*").to_owned());
        let controls: Vec<String> = controls.collect();
        let is_free = match self.find(url) {
            Ok((Found::Live(taken), _)) => taken == path && self.live[&path].connection == from,
            found => found.is_err(),
        };
        if controls.is_empty() || !is_free {
            return Err(StatusCode::FORBIDDEN);
        }
        let (session, sources) = (None, BTreeMap::new());
        self.live.insert(path, Live { connection: from, session, sdp, controls, sources });
        Ok(())
    }

    /// Takes the first offer that this host can serve.
    fn set_up(
        &mut self,
        now: Instant,
        from: u64,
        session: Option<SessionId>,
        asked: &Incoming,
    ) -> Result<(), StatusCode> {
        let (found, _) = self.find(asked.request.view().uri())?;
        // Only who announced it may record it.
        let live = if let Found::Live(path) = &found { self.live.get(path) } else { None };
        let may_record = live.is_some_and(|live| match live.session {
            Some(publisher) => session == Some(publisher),
            None => live.connection == from,
        });
        let ports = self.service.ports;
        let server = self.service.server(from)?;
        let mut offer = server.choose_by(asked, |carrier, offer| {
            let carried = matches!(carrier, Carrier::Interleaved | Carrier::Udp);
            let wanted = carried && offer.profile == RtpProfile::Avp;
            (wanted && (may_record || !offer.mode.record)).then_some(0)
        })?;
        offer.server_port = (!offer.is_interleaved()).then_some(ports);
        let key = server.accept_setup(now, asked.id, &offer)?.session;
        let id = self.service.hub.id_of(from, key).ok_or(StatusCode::SESSION_NOT_FOUND)?;
        let source = match found {
            Found::File(track) => {
                let mut player = Player::new(track, Rng::new(&seed()).next_u64());
                player.repeat = self.options.repeat;
                Source::File(Box::new(player))
            }
            Found::Live(path) if offer.mode.record => {
                self.live.entry(path.clone()).and_modify(|live| live.session = Some(id));
                Source::Publisher(path)
            }
            Found::Live(path) => Source::Viewer(path),
        };
        let streams = self.service.hub.session(id).map(|session| session.streams());
        let streams = streams.into_iter().flatten().map(|stream| self.find(&stream.url));
        let streams = streams.map(|found| found.map_or(0, |(_, stream)| stream)).collect();
        self.shows
            .entry(id)
            .or_insert(Show { source, streams: Vec::new(), plays: false })
            .streams = streams;
        Ok(())
    }

    fn play(
        &mut self,
        now: Instant,
        from: u64,
        session: SessionId,
        asked: &Incoming,
    ) -> Result<(), StatusCode> {
        let show = self.shows.get_mut(&session).ok_or(StatusCode::SESSION_NOT_FOUND)?;
        let first = self.service.hub.session(session).and_then(|session| session.streams().first());
        let url = first.map(|stream| stream.url.clone()).unwrap_or_default();
        let (mut range, mut info) = (Range::npt(NptRange::live()), None);
        if let Source::File(player) = &mut show.source {
            let played = player.start(now, asked.npt_range()?);
            range = Range::npt(played.ok_or(StatusCode::INVALID_RANGE)?);
            let (seq, rtptime, ssrc) = player.next();
            info = Some(RtpInfo::new(&url).begins(seq, rtptime, ssrc));
        }
        show.plays = true;
        Ok(self.service.server(from)?.accept_play(now, asked.id, Some(&range), info.as_slice())?)
    }

    /// What a URL names, and which stream of it.
    fn find(&self, url: &str) -> Result<(Found, usize), StatusCode> {
        let path = path_of(url)?;
        let under = |name: &str| {
            path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if let Some((_, track)) = self.options.files.iter().rev().find(|(name, _)| under(name)) {
            return Ok((Found::File(track.clone()), 0));
        }
        let live = self.live.iter().rev().find(|(name, _)| under(name));
        let (name, live) = live.ok_or(StatusCode::NOT_FOUND)?;
        let stream = live.controls.iter().position(|control| same_stream(url, control));
        Ok((Found::Live(name.clone()), stream.unwrap_or(0)))
    }

    /// A packet of a publisher, to all that play it.
    fn forward(&mut self, from: SessionId, stream: usize, is_rtcp: bool, packet: Bytes) {
        let Some(Show { source: Source::Publisher(path), streams, .. }) = self.shows.get(&from)
        else {
            return;
        };
        let (Some(stream), Some(live)) = (streams.get(stream), self.live.get_mut(path)) else {
            return;
        };
        if let (Some(packet), false) = (rtp::Packet::parse(&packet), is_rtcp) {
            live.sources.insert(*stream, packet.ssrc);
        }
        for (id, show) in self.shows.iter().filter(|(_, show)| show.plays && show.views(path)) {
            if let Some(at) = show.streams.iter().position(|own| own == stream) {
                self.service.send(*id, at, is_rtcp, packet.clone());
            }
        }
    }

    /// What is published no more is over for all that play it.
    fn release(&mut self, is_over: impl Fn(&Live) -> bool) {
        let mut over = BTreeMap::new();
        self.live.retain(|path, live| {
            let stays = !is_over(live);
            if !stays {
                over.insert(path.clone(), std::mem::take(&mut live.sources));
            }
            stays
        });
        for (path, sources) in over {
            for (id, show) in self.shows.iter().filter(|(_, show)| show.views(&path)) {
                for (at, stream) in show.streams.iter().enumerate() {
                    if let Some(ssrc) = sources.get(stream) {
                        self.service.send(*id, at, true, rtp::goodbye(*ssrc));
                    }
                }
                let _gone = self.service.hub.end_session(self.service.now(), *id);
            }
        }
    }

    fn play_files(&mut self) {
        let now = self.service.now();
        for (id, show) in &mut self.shows {
            let Source::File(player) = &mut show.source else { continue };
            for (is_rtcp, packet) in player.packets(now) {
                self.service.send(*id, 0, is_rtcp, packet);
            }
            if show.plays && player.due().is_none() {
                show.plays = false;
                let _gone = self.service.hub.range_ended(now, *id);
            }
        }
    }
}

impl Show {
    fn views(&self, path: &str) -> bool {
        matches!(&self.source, Source::Viewer(viewed) if viewed == path)
    }

    fn due(&self) -> Option<Instant> {
        if let Source::File(player) = &self.source { player.due() } else { None }
    }

    fn pause(&mut self) {
        self.plays = false;
        if let Source::File(player) = &mut self.source {
            player.stop();
        }
    }
}

/// What a URL names.
enum Found {
    File(Arc<Track>),
    Live(String),
}

fn path_of(url: &str) -> Result<String, StatusCode> {
    let url = Url::parse(url).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(url.path().split('?').next().unwrap_or_default().to_owned())
}

//! The sessions of one connection.

use crate::error::SessionKey;
use crate::headers::{ChannelPair, Delivery, Mode};
use crate::message::Version;
use crate::session_table::v2::ResumePoint;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use proto_wire::{HexToken, Rng};

/// A session id: 128 bits that nobody guesses (RFC 2326 §3.4 asks for at least eight
/// characters); letters and digits only, since dashes confuse some clients.
pub(super) type Id = HexToken<32>;

/// The id of a session that a server made, as a value: small, comparable, and the same wherever the
/// session goes. It is as good as a password, so it does not show itself.
/// RFC 2326 §3.4, RFC 7826 §4.3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Id);

impl SessionId {
    /// As it is on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// One session. RFC 7826 §4.3.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) id: Id,
    /// The version that the client speaks in it.
    pub(super) version: Version,
    pub(super) state: State,
    pub(super) streams: Vec<Stream>,
    /// The number by which pipelined requests name it (RFC 7826 §18.33).
    pub(super) pipeline: Option<u32>,
    /// Whose it is, when its SETUP proved that.
    pub(super) user: Option<String>,
    /// The URL of the whole, once a request named it.
    pub(super) control: Option<String>,
    pub(super) resume_point: ResumePoint,
    pub(super) has_redirect_point: bool,
    pub(super) seekable: bool,
    /// The configured Media-Range is that of its media.
    pub(super) has_live_range: bool,
}

/// One stream of a session. RFC 7826 §13.3.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stream {
    /// The URL that SETUP named.
    pub url: String,
    /// Its channels, when it is interleaved.
    pub channels: Option<ChannelPair>,
    /// Where its RTP and its RTCP go over UDP: the client's address and the ports that it named, or
    /// the group. `None` when it is interleaved, or nobody said.
    pub receivers: Option<[SocketAddr; 2]>,
    /// Whether RTCP goes where RTP goes: to one port, or on the first channel (RFC 7826 §C.1.6.4).
    pub rtcp_mux: bool,
    /// To one or to many; `None` when neither side said.
    pub delivery: Option<Delivery>,
    /// What it is for.
    pub mode: Mode,
    /// Where it stands. RTSP 1.0 has a state per URL (RFC 2326 appendix A); in 2.0 it is
    /// that of the session.
    pub state: State,
}

impl Session {
    /// The id as a value.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        SessionId(self.id)
    }

    /// The id as it is on the wire.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Where it stands: where its streams stand, when they differ that of those that flow.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The version that its client speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whose it is, when that had to be proved.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What is set up in it, in order.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Where it resumes (RFC 7826 §B.2), in RTSP 2.0.
    #[must_use]
    pub const fn resume_point(&self) -> ResumePoint {
        self.resume_point
    }

    /// The URL of the whole: the one that a request named, else that of the only stream,
    /// else what the streams have in common; `*` when there is none.
    #[must_use]
    pub fn url(&self) -> &str {
        if let Some(url) = &self.control {
            return url;
        }
        let mut urls = self.streams.iter().map(|stream| stream.url.as_str());
        let Some(first) = urls.next() else { return "*" };
        let common = urls.fold(first, |common, url| {
            let same = common.bytes().zip(url.bytes()).take_while(|(a, b)| a == b).count();
            let end = common.get(..same).and_then(|part| part.rfind('/'));
            end.and_then(|end| common.get(..=end)).unwrap_or("*")
        });
        // No less than `rtsp://host/`.
        if common.matches('/').count() < 3 && self.streams.len() > 1 { "*" } else { common }
    }

    /// Whether any stream is on the control connection.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        self.streams.iter().any(|stream| stream.channels.is_some())
    }

    /// Which stream a URL names: exactly, else with or without a slash at its end.
    pub(super) fn stream_at(&self, url: &[u8]) -> Option<usize> {
        let exact = self.streams.iter().position(|stream| stream.url.as_bytes() == url);
        let alike = |stream: &Stream| bare(stream.url.as_bytes()) == bare(url);
        exact.or_else(|| self.streams.iter().position(alike))
    }

    /// The state of the stream at `at`, or of the whole.
    pub(super) fn state_at(&self, at: Option<usize>) -> State {
        at.and_then(|at| self.streams.get(at)).map_or(self.state, |stream| stream.state)
    }

    /// Moves one stream, or all of them.
    pub(super) fn set_state(&mut self, at: Option<usize>, state: State) {
        match at.and_then(|at| self.streams.get_mut(at)) {
            Some(stream) => stream.state = state,
            None => self.streams.iter_mut().for_each(|stream| stream.state = state),
        }
        // `Playing` and `Recording` lie behind `Ready`.
        self.state = self.streams.iter().map(|stream| stream.state).max().unwrap_or(state);
    }
}

/// Without slashes at its end.
fn bare(mut url: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = url {
        url = rest;
    }
    url
}

/// All sessions of one connection, by key. Few: a search is as good as a tree.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    list: Vec<(SessionKey, Session)>,
    next: u32,
}

impl Sessions {
    pub(super) fn create(&mut self, rng: &mut Rng, version: Version) -> SessionKey {
        self.insert(Session {
            id: rng.hex(),
            version,
            state: State::Init,
            streams: Vec::new(),
            pipeline: None,
            user: None,
            control: None,
            resume_point: ResumePoint::Beginning,
            has_redirect_point: false,
            seekable: true,
            has_live_range: false,
        })
    }

    pub(super) fn insert(&mut self, session: Session) -> SessionKey {
        let key = SessionKey(self.next);
        self.next = self.next.wrapping_add(1);
        if self.list.capacity() == 0 {
            // Most connections have one.
            self.list.reserve_exact(1);
        }
        self.list.push((key, session));
        key
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<SessionKey> {
        // Looks at every byte of every id, so that the time tells nothing about them.
        let mut found = None;
        for (key, session) in &self.list {
            if is_same_id(session.id.as_bytes(), id) {
                found = Some(*key);
            }
        }
        found
    }

    /// The session that pipelined requests with this number belong to: the latest, since a
    /// number may be used again.
    pub(super) fn of_pipeline(&self, number: u32) -> Option<SessionKey> {
        let has = |session: &Session| session.pipeline == Some(number);
        self.list.iter().rev().find(|(_, session)| has(session)).map(|(key, _)| *key)
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.list.iter().find(|(k, _)| *k == key).map(|(_, session)| session)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.list.iter_mut().find(|(k, _)| *k == key).map(|(_, session)| session)
    }

    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let at = self.list.iter().position(|(k, _)| *k == key)?;
        Some(self.list.remove(at).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.list.iter().map(|(key, session)| (*key, session))
    }

    /// Whose channel it is.
    pub(super) fn of_channel(&self, channel: u8) -> Option<SessionKey> {
        let has = |stream: &Stream| stream.channels.is_some_and(|pair| pair.contains(channel));
        self.list.iter().find(|(_, session)| session.streams.iter().any(has)).map(|(key, _)| *key)
    }

    /// Two neighbouring channels that nobody uses, the first even.
    pub(super) fn free_channels(&self) -> Option<ChannelPair> {
        (0..=254_u8).step_by(2).map(ChannelPair::starting_at).find(|pair| self.are_free(*pair))
    }

    pub(super) fn are_free(&self, pair: ChannelPair) -> bool {
        self.of_channel(pair.rtp).is_none()
            && pair.rtcp.is_none_or(|rtcp| self.of_channel(rtcp).is_none())
    }
}

/// Compares to the end, whatever differs: the time tells nothing about the id.
pub(super) fn is_same_id(ours: &[u8], theirs: &[u8]) -> bool {
    if let (Ok(ours), Ok(theirs)) = (<&[u8; 32]>::try_from(ours), <&[u8; 32]>::try_from(theirs)) {
        // The compiler makes vector instructions of a length that it knows.
        return ours.iter().zip(theirs).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
    }
    let mut difference = u8::from(ours.len() != theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        difference |= a ^ b;
    }
    difference == 0
}

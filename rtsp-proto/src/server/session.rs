//! The sessions of one connection.

use crate::error::SessionKey;
use crate::headers::ChannelPair;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::{HexToken, Rng};

/// A session id: 128 bits that nobody guesses (RFC 2326 §3.4 asks for at least eight
/// characters); letters and digits only, since dashes confuse some clients.
pub(super) type Id = HexToken<32>;

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) id: Id,
    pub(super) state: State,
    pub(super) streams: Vec<Stream>,
    /// The number by which pipelined requests name it (RFC 7826 §18.33).
    pub(super) pipeline: Option<u32>,
}

/// One stream of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stream {
    /// The URL that SETUP named.
    pub url: String,
    /// Its channels, when it is interleaved.
    pub channels: Option<ChannelPair>,
}

impl Session {
    /// The id as it is on the wire.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What is set up in it, in order.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }
}

/// All sessions of one connection, by key. Few: a search is as good as a tree.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    list: Vec<(SessionKey, Session)>,
    next: u32,
}

impl Sessions {
    pub(super) fn create(&mut self, rng: &mut Rng) -> SessionKey {
        let key = SessionKey(self.next);
        self.next = self.next.wrapping_add(1);
        let session =
            Session { id: rng.hex(), state: State::Init, streams: Vec::new(), pipeline: None };
        self.list.push((key, session));
        key
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn find(&self, id: &str) -> Option<SessionKey> {
        // Looks at every byte of every id, so that the time tells nothing about them.
        let mut found = None;
        for (key, session) in &self.list {
            let ours = session.id.as_str().as_bytes();
            let mut difference = u8::from(ours.len() != id.len());
            for (a, b) in ours.iter().zip(id.as_bytes()) {
                difference |= a ^ b;
            }
            if difference == 0 {
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

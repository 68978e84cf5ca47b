#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

mod archive;
mod basics;
mod blocking;
mod carbons;
mod delivery;
mod domains;
mod idle;
mod personal;
mod presence;
mod register;
mod store;
mod versions;

use super::{Router, RouterConfig, RouterEvent, RouterLimits};
use crate::stanza::StanzaBuf;
use crate::xml::Ns;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Output, Seed, Timestamp};

/// A router with a few users, and what it says.
pub(super) struct World {
    pub(super) router: Router<u32>,
    pub(super) events: Vec<RouterEvent>,
}

impl World {
    /// Connections 1 and 2 of `a` (priority 5 and 1), 3 of `b`, all available; `c` is away.
    pub(super) fn new() -> Self {
        Self::with(RouterConfig::new())
    }

    pub(super) fn with(config: RouterConfig) -> Self {
        let mut world = Self::empty(config);
        for (key, jid) in [(1, "a@h/one"), (2, "a@h/two"), (3, "b@h/x")] {
            world.connect(key, jid);
        }
        world.say(1, "<presence><priority>5</priority></presence>");
        world.say(2, "<presence><priority>1</priority></presence>");
        world.say(3, "<presence/>");
        world
    }

    /// Three accounts of the domain `h`, and nobody there.
    pub(super) fn empty(config: RouterConfig) -> Self {
        let router = Router::with_config("h", config, &Seed::from_u64(7));
        let mut world = Self { router, events: Vec::new() };
        for local in ["a", "b", "c"] {
            world.router.add_account(local);
        }
        world
    }

    pub(super) fn limited(change: impl FnOnce(&mut RouterLimits)) -> Self {
        let mut limits = RouterLimits::default();
        change(&mut limits);
        Self::with(RouterConfig::new().with_limits(limits))
    }

    pub(super) fn connect(&mut self, key: u32, jid: &str) {
        assert_eq!(self.router.connect(key, &jid.parse().unwrap()), None);
    }

    pub(super) fn at(&mut self, secs: i64) {
        self.router.set_time(Timestamp::from_unix_secs(secs));
    }

    /// What is delivered to whom when connection `key` says this.
    pub(super) fn say(&mut self, key: u32, text: &str) -> Vec<(u32, String)> {
        self.router.handle(&key, &stanza(Ns::CLIENT, text));
        self.take()
    }

    pub(super) fn take(&mut self) -> Vec<(u32, String)> {
        let mut all = Vec::new();
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Transmit(delivery) => {
                    let text = delivery.stanza.into_string();
                    // Whatever is delivered is a valid stanza.
                    stanza(Ns::CLIENT, &text);
                    all.push((delivery.to, text));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        all
    }

    /// `user` sees `contact`, and the other way round; the bare addresses of connections.
    pub(super) fn befriend(&mut self, (key, jid): (u32, &str), (other, other_jid): (u32, &str)) {
        for ((me, _), (them, theirs)) in
            [((key, jid), (other, other_jid)), ((other, other_jid), (key, jid))]
        {
            self.say(me, &format!("<presence type='subscribe' to='{theirs}'/>"));
            let mine = if them == other { jid } else { other_jid };
            self.say(them, &format!("<presence type='subscribed' to='{mine}'/>"));
        }
    }
}

pub(super) fn stanza(content: Ns, text: &str) -> StanzaBuf {
    let parsed = StanzaBuf::parse(content, Bytes::copy_from_slice(text.as_bytes()));
    parsed.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether somebody got something with all of these parts.
pub(super) fn got(all: &[(u32, String)], key: u32, parts: &[&str]) -> bool {
    all.iter().any(|(to, sent)| *to == key && parts.iter().all(|part| sent.contains(part)))
}

pub(super) fn keys(all: &[(u32, String)]) -> Vec<u32> {
    all.iter().map(|(key, _)| *key).collect()
}

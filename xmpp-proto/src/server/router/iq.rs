//! Requests: which a resource gets, and which the server answers for the account or itself
//! (RFC 6121 §8.5).

use super::{Origin, Router, stamp};
use crate::ext::activity::LastActivity;
use crate::ext::disco::{Identity, Info};
use crate::ext::software::Software;
use crate::ext::time::EntityTime;
use crate::jid::Jid;
use crate::stanza::{Condition, Iq, IqKind, result_reply};
use crate::xml::{Ns, Writer};
use alloc::string::ToString;

/// What the server says that it can.
const SERVER_FEATURES: [Ns; 12] = [
    Ns::DISCO_INFO,
    Ns::DISCO_ITEMS,
    Ns::PING,
    Ns::VERSION,
    Ns::TIME,
    Ns::LAST,
    Ns::ROSTER,
    Ns::CARBONS,
    Ns::BLOCKING,
    Ns::STANZA_ID,
    Ns::PRIVATE,
    Ns::VCARD,
];

impl<K: Ord + Clone> Router<K> {
    pub(super) fn iq(&mut self, origin: Origin<'_, K>, from: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let request = iq.kind().is_some_and(IqKind::is_request);
        let to = match (iq.header().to(), origin) {
            (Some(to), _) => to.to_jid(),
            (None, Origin::Local(key)) => return self.own_iq(key, from, iq),
            (None, Origin::Remote) => return,
        };
        let Ok(to) = to else {
            return self.bounce(origin, from, element, Condition::JidMalformed);
        };
        if self.serves(to.as_str()) {
            return self.server_iq(origin, from, &to, iq);
        }
        match origin {
            Origin::Local(key) if to.as_str() == from.bare() => {
                return self.own_iq(key, from, iq);
            }
            Origin::Local(_) if self.blocks(from.bare(), &to) => {
                return self.bounce_blocked(origin, from, element);
            }
            _ => {}
        }
        if !self.is_local(&to) {
            return match self.config.remote {
                true => self.outgoing(&to, stamp(element, from, &to)),
                false => self.bounce(origin, from, element, Condition::RemoteServerNotFound),
            };
        }
        // XEP-0191 §3.3: results from the blocked are dropped, requests are answered.
        if self.blocks(to.bare(), from) {
            return self.bounce(origin, from, element, Condition::ServiceUnavailable);
        }
        if to.is_bare() {
            return self.account_iq(origin, from, &to, iq);
        }
        match self.key_of(to.as_str()) {
            Some(there) if !request || self.may_ask(from, &to, &there) => {
                let stamped = stamp(element, from, &to);
                self.deliver(&there, stamped);
            }
            _ => self.bounce(origin, from, element, Condition::ServiceUnavailable),
        }
    }

    /// RFC 6121 §8.5.3.1: whether `from` may know anyway that `to` is there.
    fn may_ask(&self, from: &Jid, to: &Jid, there: &K) -> bool {
        let sees = self.accounts.get(to.bare()).is_some_and(|account| {
            from.bare() == to.bare() || account.roster.state(from.bare()).is_from()
        });
        let shown = self.sessions.get(there).is_some_and(|session| {
            session.directed.contains(from.as_str()) || session.directed.contains(from.bare())
        });
        // Servers and components are no strangers: whoever talks to them has asked them to.
        !self.config.guard_requests || sees || shown || from.local().is_none()
    }

    /// A request to the server itself.
    fn server_iq(&mut self, origin: Origin<'_, K>, from: &Jid, to: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let Some(payload) = iq.payload() else { return };
        let name = (payload.ns(), payload.name());
        let answer = |write: &dyn Fn(&mut Writer)| result_reply(iq.header(), write).ok();
        let reply = match (iq.kind(), name) {
            (Some(IqKind::Get), (Ns::DISCO_INFO, "query")) => match payload.attr("node") {
                Some(_) => return self.bounce(origin, from, element, Condition::ItemNotFound),
                None => answer(&|w| server_info(self.config.registration).write(w)),
            },
            (Some(IqKind::Get), (Ns::DISCO_ITEMS, "query")) => {
                answer(&|w| _ = w.leaf(Ns::DISCO_ITEMS, "query", ""))
            }
            (Some(IqKind::Get), (Ns::PING, "ping")) => answer(&|_| {}),
            (Some(IqKind::Get), (Ns::VERSION, "query")) if !self.config.software.is_empty() => {
                let software = Software::new(&self.config.software, &self.config.version);
                answer(&|w| software.write(w))
            }
            (Some(IqKind::Get), (Ns::TIME, "time")) => self.time.and_then(|now| {
                let utc = now.to_string();
                answer(&|w| EntityTime::new("+00:00", &utc).write(w))
            }),
            // XEP-0012 §4: since when it runs.
            (Some(IqKind::Get), (Ns::LAST, "query")) => {
                self.time.zip(self.started).and_then(|(now, started)| {
                    let seconds = now.saturating_since(started).as_secs();
                    answer(&|w| LastActivity::new(seconds).write(w))
                })
            }
            (Some(IqKind::Get | IqKind::Set), (Ns::REGISTER, "query")) => {
                // Of another domain there is nothing to be registered with.
                let Origin::Local(key) = origin else {
                    return self.bounce(origin, from, element, Condition::NotAllowed);
                };
                if from.domain() != to.domain() {
                    return self.bounce(origin, from, element, Condition::NotAllowed);
                }
                return self.registration(key, from, iq);
            }
            _ => None,
        };
        match reply {
            Some(reply) => self.reply(origin, from, &reply),
            None => self.bounce(origin, from, element, Condition::ServiceUnavailable),
        }
    }

    /// A request of somebody else to an account: the server answers for it (§8.5.2.1.3). Whether there is such
    /// an account at all shows in no answer to a stranger (RFC 6120 §13.11).
    fn account_iq(&mut self, origin: Origin<'_, K>, from: &Jid, to: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let Some(payload) = iq.payload() else { return };
        let account = self.accounts.get(to.as_str());
        let sees = account.is_some_and(|a| a.roster.state(from.bare()).is_from());
        let reply = match (iq.kind(), payload.ns(), payload.name()) {
            // XEP-0030 §8: only who may see the presence learns that there is an account.
            (Some(IqKind::Get), Ns::DISCO_INFO, "query")
                if sees && payload.attr("node").is_none() =>
            {
                result_reply(iq.header(), |w| account_info(false).write(w)).ok()
            }
            (Some(IqKind::Get), Ns::LAST, "query") => {
                // XEP-0012 §2.2: the same.
                if !sees {
                    return self.bounce(origin, from, element, Condition::Forbidden);
                }
                let here = !self.available(to.as_str()).is_empty();
                let last = account.and_then(|account| account.last.as_ref()).zip(self.time);
                let activity = match (here, last) {
                    (true, _) => Some(LastActivity::new(0)),
                    (false, Some(((left, status), now))) => {
                        let mut activity = LastActivity::new(now.saturating_since(*left).as_secs());
                        activity.status = status.as_str().into();
                        Some(activity)
                    }
                    (false, None) => None,
                };
                activity.and_then(|a| result_reply(iq.header(), |w| a.write(w)).ok())
            }
            (Some(IqKind::Get | IqKind::Set), Ns::VCARD, "vCard") => {
                return self.vcard(origin, from, to, iq);
            }
            // Nobody else's private data (XEP-0049 §2.4), archive (XEP-0313 §8) or roster (RFC 6121 §2.1.5).
            (Some(IqKind::Get | IqKind::Set), Ns::PRIVATE | Ns::ROSTER, "query")
            | (Some(_), Ns::MAM, _) => {
                return self.bounce(origin, from, element, Condition::Forbidden);
            }
            _ => None,
        };
        match reply {
            Some(reply) => self.reply(origin, from, &reply),
            None => self.bounce(origin, from, element, Condition::ServiceUnavailable),
        }
    }

    /// A request to the own account: the server answers for it.
    fn own_iq(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let origin = Origin::Local(key);
        let element = iq.header().element();
        let Some(payload) = iq.payload() else { return };
        let done = match (iq.kind(), payload.ns(), payload.name()) {
            (Some(IqKind::Get), Ns::ROSTER, "query") => return self.give_roster(key, from, iq),
            (Some(IqKind::Set), Ns::ROSTER, "query") => {
                return self.change_roster(key, from, iq, payload);
            }
            (Some(IqKind::Get | IqKind::Set), Ns::BLOCKING, _) => {
                return self.blocking(key, from, iq, payload);
            }
            (Some(IqKind::Get | IqKind::Set), Ns::MAM, _) if self.config.archive => {
                return self.archive_iq(key, from, iq, payload);
            }
            (Some(IqKind::Get | IqKind::Set), Ns::PRIVATE, "query") => {
                return self.private(key, from, iq);
            }
            (Some(IqKind::Get | IqKind::Set), Ns::VCARD, "vCard") => {
                return self.vcard(origin, from, &from.to_bare(), iq);
            }
            (Some(IqKind::Get | IqKind::Set), Ns::REGISTER, "query") => {
                return self.registration(key, from, iq);
            }
            (Some(IqKind::Set), Ns::CARBONS, name @ ("enable" | "disable")) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session.carbons = name == "enable";
                }
                result_reply(iq.header(), |_| {}).ok()
            }
            (Some(IqKind::Get), Ns::PING, "ping") => result_reply(iq.header(), |_| {}).ok(),
            (Some(IqKind::Get), Ns::DISCO_INFO, "query") if payload.attr("node").is_none() => {
                let archive = self.config.archive;
                result_reply(iq.header(), |w| account_info(archive).write(w)).ok()
            }
            (Some(IqKind::Get), Ns::DISCO_ITEMS, "query") => {
                result_reply(iq.header(), |w| _ = w.leaf(Ns::DISCO_ITEMS, "query", "")).ok()
            }
            (Some(IqKind::Get), Ns::LAST, "query") => {
                result_reply(iq.header(), |w| LastActivity::new(0).write(w)).ok()
            }
            _ => None,
        };
        match done {
            Some(reply) => self.reply(origin, from, &reply),
            None => self.bounce(origin, from, element, Condition::ServiceUnavailable),
        }
    }
}

fn server_info(registration: bool) -> Info<'static> {
    let info = Info::new().with_identity(Identity::new("server", "im"));
    let info = info.with_feature("urn:xmpp:carbons:rules:0");
    let registers = registration.then_some(Ns::REGISTER);
    let features = SERVER_FEATURES.iter().copied().chain(registers);
    features.fold(info, |info, ns| info.with_feature(ns.known_name().unwrap_or("")))
}

fn account_info(archive: bool) -> Info<'static> {
    let info = Info::new().with_identity(Identity::new("account", "registered"));
    let info = info.with_feature("http://jabber.org/protocol/disco#info");
    let info = info.with_feature("vcard-temp");
    match archive {
        true => info
            .with_feature("urn:xmpp:mam:2")
            .with_feature("urn:xmpp:mam:2#extended")
            .with_feature("urn:xmpp:sid:0"),
        false => info,
    }
}

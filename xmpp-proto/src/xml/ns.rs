//! Namespaces as small integers, and what a stream header leaves in scope.

use alloc::string::String;
use alloc::vec::Vec;

/// A namespace name, interned: known ones are constants, others are numbered per frame.
///
/// Two of one frame are equal exactly when their names are. Numbers of unknown namespaces
/// mean nothing outside of their frame; compare [`Element::namespace`](super::Element::namespace)
/// there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ns(pub(super) u16);

macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only numbers the constants")]
        #[repr(u16)]
        enum Number { $($name,)* }

        impl Ns {
            $($(#[$doc])* pub const $name: Self = Self(Number::$name as u16);)*
        }

        const NAMES: &[&str] = &[$($uri,)*];
    };
}

namespaces! {
    /// No namespace.
    NONE = "";
    /// Stanzas between client and server (RFC 6120 §4.8.2).
    CLIENT = "jabber:client";
    /// XEP-0085 chat states.
    CHAT_STATES = "http://jabber.org/protocol/chatstates";
    /// XEP-0115 entity capabilities.
    CAPS = "http://jabber.org/protocol/caps";
    /// XEP-0203 delayed delivery.
    DELAY = "urn:xmpp:delay";
    /// RFC 6121 roster.
    ROSTER = "jabber:iq:roster";
    /// XEP-0030 service discovery, features.
    DISCO_INFO = "http://jabber.org/protocol/disco#info";
    /// XEP-0030 service discovery, items.
    DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
    /// XEP-0153 avatars in presence.
    VCARD_UPDATE = "vcard-temp:x:update";
    /// XEP-0198 stream management.
    SM = "urn:xmpp:sm:3";
    /// Streams (RFC 6120 §4.8.1).
    STREAM = "http://etherx.jabber.org/streams";
    /// Stanza error conditions (RFC 6120 §8.3).
    STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";
    /// Stream error conditions (RFC 6120 §4.9).
    STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams";
    /// STARTTLS (RFC 6120 §5).
    TLS = "urn:ietf:params:xml:ns:xmpp-tls";
    /// SASL (RFC 6120 §6).
    SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
    /// Resource binding (RFC 6120 §7).
    BIND = "urn:ietf:params:xml:ns:xmpp-bind";
    /// Session establishment (RFC 3921 §3), a no-op since RFC 6121.
    SESSION = "urn:ietf:params:xml:ns:xmpp-session";
    /// Stanzas between servers (RFC 6120 §4.8.2).
    SERVER = "jabber:server";
    /// Stanzas between a component and its server (XEP-0114).
    COMPONENT = "jabber:component:accept";
    /// Prefix `xml` (XML Namespaces 1.0 §3).
    XML = "http://www.w3.org/XML/1998/namespace";
    /// Declarations (XML Namespaces 1.0 §3).
    XMLNS = "http://www.w3.org/2000/xmlns/";
    /// XEP-0199 ping.
    PING = "urn:xmpp:ping";
    /// XEP-0092 software version.
    VERSION = "jabber:iq:version";
    /// XEP-0202 entity time.
    TIME = "urn:xmpp:time";
    /// XEP-0012 last activity.
    LAST = "jabber:iq:last";
    /// XEP-0237 roster versioning, the stream feature.
    ROSTER_VERSIONING = "urn:xmpp:features:rosterver";
    /// RFC 6121 §3.4 subscription pre-approval, the stream feature.
    PRE_APPROVAL = "urn:xmpp:features:pre-approval";
    /// XEP-0115 and others use this for extended data (XEP-0004).
    DATA_FORMS = "jabber:x:data";
    /// XEP-0184 message receipts.
    RECEIPTS = "urn:xmpp:receipts";
    /// XEP-0333 chat markers.
    MARKERS = "urn:xmpp:chat-markers:0";
    /// XEP-0334 processing hints.
    HINTS = "urn:xmpp:hints";
    /// XEP-0308 last message correction.
    CORRECTION = "urn:xmpp:message-correct:0";
    /// XEP-0359 stanza ids.
    STANZA_ID = "urn:xmpp:sid:0";
    /// XEP-0280 carbons.
    CARBONS = "urn:xmpp:carbons:2";
    /// XEP-0297 forwarding.
    FORWARD = "urn:xmpp:forward:0";
    /// XEP-0313 archive.
    MAM = "urn:xmpp:mam:2";
    /// XEP-0059 result sets.
    RSM = "http://jabber.org/protocol/rsm";
    /// XEP-0352 client state.
    CSI = "urn:xmpp:csi:0";
    /// XEP-0191 blocking.
    BLOCKING = "urn:xmpp:blocking";
    /// XEP-0388 SASL 2.
    SASL2 = "urn:xmpp:sasl:2";
    /// XEP-0386 Bind 2.
    BIND2 = "urn:xmpp:bind:0";
    /// XEP-0484 FAST.
    FAST = "urn:xmpp:fast:0";
    /// XEP-0440 channel-binding types.
    CHANNEL_BINDING = "urn:xmpp:sasl-cb:0";
    /// XEP-0478 stream limits.
    STREAM_LIMITS = "urn:xmpp:stream-limits:0";
    /// XEP-0138 compression, the stream feature (refused).
    COMPRESSION = "http://jabber.org/features/compress";
    /// XEP-0220 dialback.
    DIALBACK = "jabber:server:dialback";
    /// XEP-0077 registration.
    REGISTER = "jabber:iq:register";
    /// XEP-0049 private storage.
    PRIVATE = "jabber:iq:private";
    /// XEP-0054 vCard.
    VCARD = "vcard-temp";
    /// RFC 7395 framing over WebSocket.
    FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
    /// XEP-0124 BOSH.
    HTTP_BIND = "http://jabber.org/protocol/httpbind";
    /// XEP-0206 XMPP over BOSH.
    XBOSH = "urn:xmpp:xbosh";
    /// XEP-0390 entity capabilities 2.
    CAPS2 = "urn:xmpp:caps";
    /// XEP-0300 hashes.
    HASHES = "urn:xmpp:hashes:2";
    /// XEP-0077 registration, the stream feature.
    REGISTER_FEATURE = "http://jabber.org/features/iq-register";
    /// XEP-0066 out-of-band data.
    OOB = "jabber:x:oob";
    /// XEP-0045 group chat.
    MUC = "http://jabber.org/protocol/muc";
    /// XEP-0060 publish-subscribe.
    PUBSUB = "http://jabber.org/protocol/pubsub";
}

/// Longest known name.
const LEN_MAX: usize = 63;

/// The numbers of the known names in the order of their lengths, and where each length
/// begins: finding one compares it with the few that are as long.
struct ByLength {
    numbers: [u16; NAMES.len()],
    starts: [u8; LEN_MAX + 2],
}

static BY_LENGTH: ByLength = by_length();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, where a mistake is a compile error"
)]
const fn by_length() -> ByLength {
    let mut table = ByLength { numbers: [0; NAMES.len()], starts: [0; LEN_MAX + 2] };
    let (mut len, mut filled) = (0, 0);
    while len <= LEN_MAX {
        table.starts[len] = filled as u8;
        let mut number = 0;
        while number < NAMES.len() {
            if NAMES[number].len() == len {
                table.numbers[filled] = number as u16;
                filled += 1;
            }
            number += 1;
        }
        len += 1;
    }
    assert!(filled == NAMES.len(), "a name is longer than `LEN_MAX`");
    table.starts[LEN_MAX + 1] = filled as u8;
    table
}

/// The known namespace of this name.
pub(super) fn known(uri: &[u8]) -> Option<Ns> {
    let len = uri.len();
    let start = usize::from(*BY_LENGTH.starts.get(len)?);
    let end = usize::from(*BY_LENGTH.starts.get(len.wrapping_add(1))?);
    let candidates = BY_LENGTH.numbers.get(start..end)?;
    let found = candidates
        .iter()
        .find(|number| NAMES.get(usize::from(**number)).is_some_and(|name| name.as_bytes() == uri));
    found.map(|number| Ns(*number))
}

/// Numbers from here name what the stream header declared.
const HEADER: u16 = 0x8000;
/// Numbers from here name what the frame itself declared.
const FRAME: u16 = 0xc000;

/// Where the name of a namespace is kept.
pub(super) enum Place {
    Known(&'static str),
    Header(usize),
    Frame(usize),
}

impl Ns {
    pub(super) fn in_header(index: usize) -> Self {
        Self(HEADER.saturating_add(u16::try_from(index).unwrap_or(0x3fff)))
    }

    pub(super) fn in_frame(index: usize) -> Self {
        Self(FRAME.saturating_add(u16::try_from(index).unwrap_or(0x3fff)))
    }

    pub(super) fn place(self) -> Place {
        match self.0 {
            n @ FRAME.. => Place::Frame(usize::from(n.wrapping_sub(FRAME))),
            n @ HEADER.. => Place::Header(usize::from(n.wrapping_sub(HEADER))),
            n => Place::Known(NAMES.get(usize::from(n)).copied().unwrap_or("")),
        }
    }

    /// The known namespace called `uri`.
    #[must_use]
    pub fn of(uri: &str) -> Option<Self> {
        known(uri.as_bytes())
    }

    /// The name, when the namespace is a known one.
    #[must_use]
    pub fn known_name(self) -> Option<&'static str> {
        match self.place() {
            Place::Known(name) => Some(name),
            Place::Header(_) | Place::Frame(_) => None,
        }
    }

    /// Whether stanzas live in this namespace: client, server or component.
    #[must_use]
    pub const fn is_content(self) -> bool {
        self.0 == Self::CLIENT.0 || self.0 == Self::SERVER.0 || self.0 == Self::COMPONENT.0
    }
}

impl core::fmt::Debug for Ns {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.known_name() {
            Some(name) => write!(f, "Ns({name:?})"),
            None => write!(f, "Ns(#{})", self.0),
        }
    }
}

/// What the stream header declared: in scope in every stanza of the stream
/// (RFC 6120 §4.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// The default namespace.
    pub(super) default: Ns,
    /// Prefixes and what they mean.
    pub(super) prefixes: Vec<(String, Ns)>,
    /// Names of unknown namespaces.
    pub(super) uris: Vec<String>,
    /// Qualified name of the root, for its end tag.
    pub(super) root: String,
}

impl Default for Ns {
    fn default() -> Self {
        Self::NONE
    }
}

impl Scope {
    pub(super) fn uri(&self, ns: Ns) -> &str {
        match ns.place() {
            Place::Known(name) => name,
            Place::Header(index) => self.uris.get(index).map_or("", String::as_str),
            Place::Frame(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_finds_its_own_number() {
        for (number, name) in NAMES.iter().enumerate() {
            let ns = known(name.as_bytes()).unwrap();
            assert_eq!(usize::from(ns.0), number, "{name}");
            assert_eq!(ns.known_name(), Some(*name));
        }
        assert_eq!(known(b"urn:nobody"), None);
    }
}

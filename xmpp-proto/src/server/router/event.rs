//! What a router gives to its host, and how it is set up.

use super::super::archive::{ArchiveEntry, ArchiveQuery};
use crate::jid::Jid;
use crate::sasl::Secret;
use crate::stanza::StanzaXml;
use alloc::string::{String, ToString};

/// A stanza for one connection. RFC 6121 §8.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery<K> {
    /// The connection, by the key that the host gave.
    pub to: K,
    /// The stanza.
    pub stanza: StanzaXml,
}

/// What a router needs its host for. A host that keeps nothing and talks to no other server
/// may leave all of it alone.
/// RFC 6121 §8.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterEvent {
    /// A part of what belongs to an account has changed: [`Router::stored`](super::Router::stored)
    /// gives the text to keep, [`Router::restore`](super::Router::restore) takes it back after
    /// a restart. It stands in the queue before what the change causes.
    Changed {
        /// The account.
        account: Jid,
        /// What of it.
        part: Part,
    },
    /// A message is to be put at the end of an account's archive (XEP-0313). It stands in the
    /// queue before the delivery that tells its id.
    Archived {
        /// The account.
        account: Jid,
        /// What to keep.
        entry: ArchiveEntry,
    },
    /// Somebody looks into his archive: answer with
    /// [`Router::answer_archive`](super::Router::answer_archive) or
    /// [`Router::refuse_archive`](super::Router::refuse_archive).
    ArchiveQueried {
        /// Names the question.
        query: QueryId,
        /// The account.
        account: Jid,
        /// What is looked for.
        wanted: ArchiveQuery,
    },
    /// A user wants another password (XEP-0077 §3.3): only with
    /// [`RouterConfig::with_registration`]. Answer with
    /// [`Router::accept_registration`](super::Router::accept_registration) once it is kept, or
    /// [`Router::refuse_registration`](super::Router::refuse_registration).
    PasswordChangeRequested {
        /// Names the question.
        query: QueryId,
        /// The account.
        account: Jid,
        /// The new password.
        password: Secret,
    },
    /// A user wants his account to be removed (XEP-0077 §3.2): only with
    /// [`RouterConfig::with_registration`]. Answer with
    /// [`Router::accept_registration`](super::Router::accept_registration) and then
    /// [`Router::remove_account`](super::Router::remove_account), or with
    /// [`Router::refuse_registration`](super::Router::refuse_registration).
    RemovalRequested {
        /// Names the question.
        query: QueryId,
        /// The account.
        account: Jid,
    },
    /// An account was removed: whatever is kept of it, its archive and its password are to be
    /// forgotten.
    Removed {
        /// The account.
        account: Jid,
    },
    /// A stanza for another domain: only with [`RouterConfig::with_remote`].
    Outgoing {
        /// The own domain.
        from: String,
        /// The other domain.
        to: String,
        /// The stanza, with both addresses.
        stanza: StanzaXml,
    },
}

/// A question that waits for the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(super) u64);

/// What an account has that outlives its connections. RFC 6121 §2, §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Contacts, subscriptions, requests that wait for an answer, the roster's version.
    Roster,
    /// Messages that wait for a resource (RFC 6121 §8.5.2.2.1).
    Offline,
    /// Who is blocked (XEP-0191).
    Blocked,
    /// What is archived (XEP-0441).
    Archiving,
    /// When it was last seen (XEP-0012).
    Last,
    /// What its clients keep on the server for themselves (XEP-0049).
    Private,
    /// What everybody may know (XEP-0054).
    VCard,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Roster,
        Self::Offline,
        Self::Blocked,
        Self::Archiving,
        Self::Last,
        Self::Private,
        Self::VCard,
    ];

    /// A short name, such as that of a file or a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roster => "roster",
            Self::Offline => "offline",
            Self::Blocked => "blocked",
            Self::Archiving => "archiving",
            Self::Last => "last",
            Self::Private => "private",
            Self::VCard => "vcard",
        }
    }
}

/// Limits on what one account may hold. Each is tested at N and N + 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterLimits {
    /// Connections of one account (32). Stops one password from taking all of them.
    pub sessions_max: usize,
    /// Contacts of one account (10,000), strangers who ask included. Stops users and
    /// strangers from filling memory.
    pub contacts_max: usize,
    /// Bytes of a contact's name, and of the name of a group (1,023).
    pub label_max: usize,
    /// Groups of one contact (64).
    pub groups_max: usize,
    /// Messages kept for an account that has no resource to take them (100).
    pub offline_max: usize,
    /// Addresses on a block list, and on each list of what is archived (1,000).
    pub blocked_max: usize,
    /// Recipients of directed presence that one connection is remembered to have (1,000), to be told when
    /// it goes: presence for another one is refused.
    pub directed_max: usize,
    /// Questions that wait for the host: archives and registrations, each (256).
    pub queries_max: usize,
    /// Bytes of all private data of an account (256 KiB).
    pub private_max: usize,
    /// Bytes of a vCard, with its picture (128 KiB).
    pub vcard_max: usize,
    /// Messages of one connection that are remembered so that errors which answer them are
    /// copied as they were (32; XEP-0280 §6.1).
    pub answerable_max: usize,
    /// Stanzas that wait for a client that nobody looks at (256; XEP-0352): one more, and all of
    /// them go out.
    pub idle_max: usize,
    /// Removed contacts that a roster remembers (100): a client that missed more gets the
    /// whole roster.
    pub removed_max: usize,
}

impl Default for RouterLimits {
    fn default() -> Self {
        Self {
            sessions_max: 32,
            contacts_max: 10_000,
            label_max: 1023,
            groups_max: 64,
            offline_max: 100,
            blocked_max: 1_000,
            directed_max: 1_000,
            queries_max: 256,
            private_max: 256 * 1024,
            vcard_max: 128 * 1024,
            answerable_max: 32,
            idle_max: 256,
            removed_max: 100,
        }
    }
}

/// How a router behaves. RFC 6121 §8.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouterConfig {
    /// The name of the software (XEP-0092); empty for no answer.
    pub software: String,
    /// Its version.
    pub version: String,
    /// Messages are archived (XEP-0313): the host answers [`RouterEvent::ArchiveQueried`].
    pub archive: bool,
    /// Stanzas for other domains come out as [`RouterEvent::Outgoing`]; else they are
    /// answered with `remote-server-not-found`.
    pub remote: bool,
    /// Users change their passwords and remove their accounts in band (XEP-0077): the host
    /// answers [`RouterEvent::PasswordChangeRequested`] and [`RouterEvent::RemovalRequested`].
    pub registration: bool,
    /// Requests reach a resource only from those who may see its presence (RFC 6121
    /// §8.5.3.1). On; without it anybody finds out who is there.
    pub guard_requests: bool,
    /// Limits.
    pub limits: RouterLimits,
}

impl RouterConfig {
    /// The defaults: no archive, no other domains.
    #[must_use]
    pub fn new() -> Self {
        Self {
            software: "xmpp-proto".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            archive: false,
            remote: false,
            registration: false,
            guard_requests: true,
            limits: RouterLimits::default(),
        }
    }

    /// Archives messages.
    #[must_use]
    pub const fn with_archive(mut self) -> Self {
        self.archive = true;
        self
    }

    /// Gives stanzas for other domains to the host.
    #[must_use]
    pub const fn with_remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Lets users change their passwords and remove their accounts.
    #[must_use]
    pub const fn with_registration(mut self) -> Self {
        self.registration = true;
        self
    }

    /// Sets name and version of the software.
    #[must_use]
    pub fn with_software(mut self, name: &str, version: &str) -> Self {
        (self.software, self.version) = (name.to_string(), version.to_string());
        self
    }

    /// Sets limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: RouterLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self::new()
    }
}

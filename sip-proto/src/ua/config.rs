//! What a user agent is told when it is made.

use super::session_timer::Wish;
use crate::endpoint::{self, Target};
use crate::headers::Features;
use crate::uri::SipUri;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::ParseError;

/// When provisional responses are acknowledged (RFC 3262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these are all there can be")]
pub enum Reliable {
    /// Never offered, and refused with 420 when it is required.
    Never,
    /// When the caller requires it.
    #[default]
    WhenRequired,
    /// When the caller supports it.
    WhenSupported,
    /// Always: a caller that does not support it gets 421, and our own INVITEs require it.
    Always,
}

/// The configuration of a [`UserAgent`](super::UserAgent).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Listeners, timers and limits of the transactions below.
    pub endpoint: Arc<endpoint::Config>,
    /// Our address of record, the URI of From: `sip:ann@club.example`.
    pub identity: String,
    /// Our name, if it is to be said.
    pub display: Option<String>,
    /// The user part of our contacts: that of the identity.
    pub user: String,
    /// The URI where requests reach us; `None` makes it of the user part and the listener of the
    /// transport in use. A GRUU that the registrar gave stands before it (RFC 5627).
    pub contact: Option<String>,
    /// The request URI of REGISTER: the domain of the identity alone.
    pub registrar: String,
    /// Where requests outside of dialogs go; `None` asks for each URI that has a name.
    pub outbound: Option<Target>,
    /// Where they go when [`Config::outbound`] does not answer, cannot be reached or says 503: one
    /// after the other (RFC 3263 §4.3). One that answered is kept to.
    pub outbound_spare: Vec<Target>,
    /// Where those go that are too long for a datagram (RFC 3261 §18.1.1); `None`: to the same
    /// address over TCP.
    pub outbound_stream: Option<Target>,
    /// How long a registration is asked to last, in seconds (3,600).
    pub expires: u32,
    /// The instance of the device, `urn:uuid:..`, the same over restarts: asks for a GRUU
    /// (RFC 5627), and names our binding among others.
    pub instance: Option<String>,
    /// The number of our flow when the instance registers over several (RFC 5626 §4.2); needs
    /// [`Config::instance`].
    pub reg_id: Option<u32>,
    /// What we can do, as REGISTER, calls and answers to OPTIONS tell it in Contact (RFC 3840; nothing).
    pub features: Features,
    /// More edge proxies that the instance registers through, each over a flow with a number of its own:
    /// that of [`Config::outbound`] has [`Config::reg_id`], or 1, these the next ones (RFC 5626 §4.2).
    /// Requests go over the first that is registered.
    pub flows: Vec<Target>,
    /// Whether peers shall not learn who we are from our contact: it is a temporary GRUU then, when the
    /// registrar gave one (RFC 5627 §3.1.2; no). The identity in From is another matter.
    pub anonymous: bool,
    /// The longest time between two keep-alives on the stream of the registration (120 s;
    /// RFC 5626 §4.4.1), or on datagrams, 29 s at most, when the peer says that it takes STUN
    /// (§4.4.2). `Flow-Timer` of the registrar stands before it, zero sends none.
    pub keep_alive: Duration,
    /// The media types that a MESSAGE may have; empty takes all. Others are answered with 415.
    pub accept: Vec<String>,
    /// The content codings that a MESSAGE may have, since the application undoes them; others than these
    /// and `identity` are answered with 415 (none).
    pub codings: Vec<String>,
    /// Messages that wait for one target (32); one more is refused.
    pub queue_max: usize,
    /// Methods outside of calls that the application answers, such as SUBSCRIBE; others that
    /// the agent does not know get 405.
    pub methods: Vec<String>,
    /// Calls at one time (100). One more is answered with 486.
    pub calls_max: usize,
    /// Dialogs that one INVITE of ours may make by being forked (16); who answers first has one beyond.
    pub forks_max: usize,
    /// Places that redirections of one call may lead to (5); none follows none.
    pub redirects_max: usize,
    /// How long a call may ring (3 min): then our INVITE is cancelled, and the peer's gets
    /// 480. RFC 3261 has no limit of its own once a provisional response has come, and a
    /// caller that is gone never cancels.
    pub ring_max: Duration,
    /// When provisional responses are acknowledged.
    pub reliable: Reliable,
    /// What is wanted of session timers.
    pub session: Wish,
    /// Whether the application can mix what others say into a call, for Join (RFC 3911; no).
    pub join: bool,
    /// Whether we want to hear what becomes of our REFERs (yes). Else they ask that there is no
    /// subscription (RFC 4488); a peer may tell all the same.
    pub refer_sub: bool,
    /// Whether OPTIONS is answered here (true) or by the application.
    pub answer_options: bool,
    /// Answers to challenges.
    #[cfg(feature = "digest")]
    pub credentials: Vec<proto_wire::digest::Credential>,
}

impl Config {
    /// The defaults, for somebody with this address of record.
    ///
    /// # Errors
    /// When the address is not a sip or sips URI.
    pub fn new(
        identity: &str,
        endpoint: impl Into<Arc<endpoint::Config>>,
    ) -> Result<Self, ParseError> {
        let uri = SipUri::parse(identity.as_bytes())?;
        let scheme = if uri.secure { "sips" } else { "sip" };
        Ok(Self {
            endpoint: endpoint.into(),
            identity: String::from(identity),
            display: None,
            user: String::from(uri.user.unwrap_or("me")),
            contact: None,
            registrar: alloc::format!("{scheme}:{}", uri.host),
            outbound: None,
            outbound_spare: Vec::new(),
            outbound_stream: None,
            expires: 3600,
            instance: None,
            reg_id: None,
            features: Features::new(),
            flows: Vec::new(),
            anonymous: false,
            keep_alive: Duration::from_secs(120),
            accept: Vec::new(),
            codings: Vec::new(),
            queue_max: 32,
            methods: Vec::new(),
            calls_max: 100,
            forks_max: 16,
            redirects_max: 5,
            ring_max: Duration::from_secs(180),
            reliable: Reliable::default(),
            session: Wish::default(),
            join: false,
            refer_sub: true,
            answer_options: true,
            #[cfg(feature = "digest")]
            credentials: Vec::new(),
        })
    }

    /// Sets [`Config::display`].
    #[must_use]
    pub fn with_display(mut self, name: impl Into<String>) -> Self {
        self.display = Some(name.into());
        self
    }

    /// Sets [`Config::contact`].
    #[must_use]
    pub fn with_contact(mut self, uri: impl Into<String>) -> Self {
        self.contact = Some(uri.into());
        self
    }

    /// Sets [`Config::registrar`].
    #[must_use]
    pub fn with_registrar(mut self, uri: impl Into<String>) -> Self {
        self.registrar = uri.into();
        self
    }

    /// Sets [`Config::outbound`].
    #[must_use]
    pub const fn with_outbound(mut self, target: Target) -> Self {
        self.outbound = Some(target);
        self
    }

    /// Adds one to [`Config::outbound_spare`].
    #[must_use]
    pub fn with_outbound_spare(mut self, target: Target) -> Self {
        self.outbound_spare.push(target);
        self
    }

    /// Sets [`Config::outbound_stream`].
    #[must_use]
    pub const fn with_outbound_stream(mut self, target: Target) -> Self {
        self.outbound_stream = Some(target);
        self
    }

    /// Sets [`Config::expires`], in seconds.
    #[must_use]
    pub const fn with_expires(mut self, seconds: u32) -> Self {
        self.expires = seconds;
        self
    }

    /// Sets [`Config::instance`].
    #[must_use]
    pub fn with_instance(mut self, urn: impl Into<String>) -> Self {
        self.instance = Some(urn.into());
        self
    }

    /// Sets [`Config::features`].
    #[must_use]
    pub fn with_features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Sets [`Config::reg_id`].
    #[must_use]
    pub const fn with_reg_id(mut self, number: u32) -> Self {
        self.reg_id = Some(number);
        self
    }

    /// Adds one to [`Config::flows`].
    #[must_use]
    pub fn with_flow(mut self, edge: Target) -> Self {
        self.flows.push(edge);
        self
    }

    /// Sets [`Config::anonymous`].
    #[must_use]
    pub const fn with_anonymous(mut self, anonymous: bool) -> Self {
        self.anonymous = anonymous;
        self
    }

    /// Sets [`Config::keep_alive`].
    #[must_use]
    pub const fn with_keep_alive(mut self, longest: Duration) -> Self {
        self.keep_alive = longest;
        self
    }

    /// Sets [`Config::accept`].
    #[must_use]
    pub fn with_accept<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.accept = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::codings`].
    #[must_use]
    pub fn with_codings<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.codings = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::queue_max`].
    #[must_use]
    pub const fn with_queue_max(mut self, count: usize) -> Self {
        self.queue_max = count;
        self
    }

    /// Sets [`Config::methods`].
    #[must_use]
    pub fn with_methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::calls_max`].
    #[must_use]
    pub const fn with_calls_max(mut self, count: usize) -> Self {
        self.calls_max = count;
        self
    }

    /// Sets [`Config::forks_max`].
    #[must_use]
    pub const fn with_forks_max(mut self, count: usize) -> Self {
        self.forks_max = count;
        self
    }

    /// Sets [`Config::redirects_max`].
    #[must_use]
    pub const fn with_redirects_max(mut self, count: usize) -> Self {
        self.redirects_max = count;
        self
    }

    /// Sets [`Config::ring_max`].
    #[must_use]
    pub const fn with_ring_max(mut self, ring_max: Duration) -> Self {
        self.ring_max = ring_max;
        self
    }

    /// Sets [`Config::reliable`].
    #[must_use]
    pub const fn with_reliable(mut self, reliable: Reliable) -> Self {
        self.reliable = reliable;
        self
    }

    /// Sets [`Config::session`].
    #[must_use]
    pub const fn with_session(mut self, wish: Wish) -> Self {
        self.session = wish;
        self
    }

    /// Sets [`Config::join`].
    #[must_use]
    pub const fn with_join(mut self, able: bool) -> Self {
        self.join = able;
        self
    }

    /// Sets [`Config::refer_sub`].
    #[must_use]
    pub const fn with_refer_sub(mut self, wanted: bool) -> Self {
        self.refer_sub = wanted;
        self
    }

    /// Sets [`Config::answer_options`].
    #[must_use]
    pub const fn with_answer_options(mut self, answer: bool) -> Self {
        self.answer_options = answer;
        self
    }

    /// Adds a user name and password.
    #[cfg(feature = "digest")]
    #[must_use]
    pub fn with_credential(mut self, credential: proto_wire::digest::Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// The option-tags that we support, for Supported.
    pub(super) fn supported(&self) -> String {
        let mut tags = String::from(match self.reliable {
            Reliable::Never => "timer, replaces, norefersub",
            _ => "100rel, timer, replaces, norefersub",
        });
        if self.join {
            tags.push_str(", join");
        }
        if self.instance.is_some() {
            tags.push_str(", gruu");
        }
        tags
    }

    /// The methods that we take, for Allow.
    pub(super) fn allow(&self) -> String {
        let mut methods = String::from(
            "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE",
        );
        for more in &self.methods {
            methods.push_str(", ");
            methods.push_str(more);
        }
        methods
    }

    /// The types of bodies that we take, for Accept.
    pub(super) fn accepted(&self) -> String {
        if self.accept.is_empty() {
            String::from("application/sdp, */*")
        } else {
            alloc::format!("application/sdp, {}", self.accept.join(", "))
        }
    }

    /// The content codings that we take, for Accept-Encoding.
    pub(super) fn coded(&self) -> String {
        let own = self.codings.iter().map(String::as_str);
        own.chain(["identity"]).collect::<Vec<_>>().join(", ")
    }

    /// Whether a required option-tag is one of ours.
    pub(super) fn knows(&self, tag: &str) -> bool {
        let known = ["timer", "replaces", "norefersub", "nosub"]
            .iter()
            .any(|k| k.eq_ignore_ascii_case(tag))
            || (tag.eq_ignore_ascii_case("join") && self.join)
            || (tag.eq_ignore_ascii_case("gruu") && self.instance.is_some());
        known || (tag.eq_ignore_ascii_case("100rel") && self.reliable != Reliable::Never)
    }
}

//! How a client behaves, and how much it lets a server use.

use super::Requirement;
use crate::Resync;
use crate::message::{Methods, Version};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Limits;
#[cfg(feature = "digest")]
use proto_wire::digest::{Algorithm, Credential};

/// Configuration of [`Client`](super::Client)s.
///
/// ```
/// use rtsp_proto::client::{Config, KeepAlive};
///
/// let config = Config::default().with_user_agent("probe/1.0").with_keep_alive(KeepAlive::Off);
/// assert_eq!(config.user_agent, "probe/1.0");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The version that requests and sessions begin with (1.0). Each session follows the
    /// state table of its own version.
    pub version: Version,
    /// Speak 1.0 to a server that answers 2.0 with 505 or in 1.0 (yes); what it refused is
    /// sent again. A session that the server has keeps its version.
    pub version_fallback: bool,
    /// Let requests of 2.0 follow the first SETUP of a session before its answer (yes): they
    /// are bound to it by `Pipelined-Requests` (RFC 7826 §18.33).
    pub pipelining: bool,
    /// `Accept-Ranges` of SETUP in 2.0, where it must stand (`npt, smpte, clock`; RFC 7826
    /// §13.3).
    pub accept_ranges: Cow<'static, str>,
    /// How many 3xx in a row one request follows by itself on the same connection (5). With 0
    /// they are only reported. What would need another connection is always only reported.
    pub redirects_max: u8,
    /// Features that the server must have (none).
    pub requirements: Vec<Requirement>,
    /// Refuse messages that deviate from the grammar (no): see
    /// [`refused_when_strict`](crate::refused_when_strict) and all
    /// [`ValueQuirk`](crate::headers::ValueQuirk)s. Responses must have their CSeq,
    /// notifications must be legal in the state.
    pub strict: bool,
    /// [Over datagrams](super::Client::over_datagrams), the round-trip time before it is measured (500 ms; RFC
    /// 2326 §9.1): how long until a request is sent again.
    pub round_trip: Duration,
    /// [Over datagrams](super::Client::over_datagrams), the longest time until a request is sent again (8 s).
    pub retransmit_max: Duration,
    /// What stands in `User-Agent:` (`rtsp-proto`); nothing when it is empty. Some servers
    /// answer 401 to those who do not say who they are.
    pub user_agent: Cow<'static, str>,
    /// Whether and when signs of life are sent (automatically).
    pub keep_alive: KeepAlive,
    /// How long a request waits for its response (10 s).
    pub request_timeout: Duration,
    /// Requests of the server that the application answers (none). OPTIONS, REDIRECT,
    /// `PLAY_NOTIFY`, TEARDOWN and pings are answered here when they are not in it, all others
    /// with 501, so that none stays without an answer.
    pub accepted_methods: Methods,
    /// Who we are, for servers that ask. The first that fits a realm is used, for the
    /// strongest challenge.
    #[cfg(feature = "digest")]
    pub credentials: Vec<Credential>,
    /// Send the password as good as in the clear when nothing but Basic is asked for
    /// (yes: without TLS the media is in the clear too).
    pub basic: bool,
    /// Do not answer Digest challenges with a weaker algorithm (MD5, the weakest).
    #[cfg(feature = "digest")]
    pub weakest: Algorithm,
    /// When the connection ends, give out the sessions that the server has named
    /// ([`Event::SessionDetached`](super::Event::SessionDetached)) instead of ending them (no).
    pub sessions_outlive: bool,
    /// Limits of one message.
    pub limits: Limits,
    /// Bytes of one interleaved payload (65,535).
    pub interleaved_max: u16,
    /// Go on behind garbage instead of closing the connection (no).
    pub resync: Option<Resync>,
    /// Take frames out of heads (no): some peers send them between two header lines. Only
    /// those at the start of a line and on a channel that is set up.
    pub frames_in_heads: bool,
    /// Requests that wait for a response (64), and requests of the server that wait for
    /// the application.
    pub pending_max: usize,
    /// Sessions at one time (64).
    pub sessions_max: usize,
    /// Messages in a row that make no sense (8); one more ends the connection.
    pub malformed_max: u32,
    /// Bytes that wait to be sent before media is refused (4 MiB).
    pub queue_max: usize,
}

/// When a client shows that it lives. RFC 2326 §12.37, RFC 7826 §10.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepAlive {
    /// At half of the timeout that the server gave, by the method that it offers:
    /// `GET_PARAMETER`, else `SET_PARAMETER`, else OPTIONS, which is also used when nothing
    /// is known. A method that is refused is replaced by the next one at once and not used
    /// again; nobody waits for the answers.
    #[default]
    Auto,
    /// The same at a fixed interval.
    Every(Duration),
    /// Never: the host does it.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::V1_0,
            version_fallback: true,
            pipelining: true,
            accept_ranges: Cow::Borrowed("npt, smpte, clock"),
            redirects_max: 5,
            requirements: Vec::new(),
            strict: false,
            round_trip: Duration::from_millis(500),
            retransmit_max: Duration::from_secs(8),
            user_agent: Cow::Borrowed("rtsp-proto"),
            keep_alive: KeepAlive::Auto,
            request_timeout: Duration::from_secs(10),
            accepted_methods: Methods::NONE,
            #[cfg(feature = "digest")]
            credentials: Vec::new(),
            basic: true,
            #[cfg(feature = "digest")]
            weakest: Algorithm::Md5,
            sessions_outlive: false,
            limits: Limits::DEFAULT,
            interleaved_max: u16::MAX,
            resync: None,
            frames_in_heads: false,
            pending_max: 64,
            sessions_max: 64,
            malformed_max: 8,
            queue_max: 4 * 1024 * 1024,
        }
    }
}

macro_rules! setters {
    ($($(#[$attr:meta])* $setter:ident $field:ident: $kind:ty),* $(,)?) => {
        impl Config { $(
            #[doc = concat!("Sets [`Config::", stringify!($field), "`].")]
            $(#[$attr])*
            #[must_use]
            pub fn $setter(mut self, $field: $kind) -> Self {
                self.$field = $field.into();
                self
            }
        )* }
    };
}

macro_rules! text_setters {
    ($($setter:ident $field:ident),* $(,)?) => {
        impl Config { $(
            #[doc = concat!("Sets [`Config::", stringify!($field), "`].")]
            #[must_use]
            pub fn $setter(mut self, $field: &str) -> Self {
                self.$field = Cow::Owned(String::from($field));
                self
            }
        )* }
    };
}

text_setters! {
    with_accept_ranges accept_ranges,
    with_user_agent user_agent,
}

setters! {
    with_version version: Version,
    with_version_fallback version_fallback: bool,
    with_pipelining pipelining: bool,
    with_redirects_max redirects_max: u8,
    with_requirements requirements: Vec<Requirement>,
    with_strict strict: bool,
    with_round_trip round_trip: Duration,
    with_retransmit_max retransmit_max: Duration,
    with_keep_alive keep_alive: KeepAlive,
    with_request_timeout request_timeout: Duration,
    with_accepted_methods accepted_methods: Methods,
    with_basic basic: bool,
    #[cfg(feature = "digest")]
    with_weakest weakest: Algorithm,
    with_sessions_outlive sessions_outlive: bool,
    with_limits limits: Limits,
    with_interleaved_max interleaved_max: u16,
    with_resync resync: Option<Resync>,
    with_frames_in_heads frames_in_heads: bool,
    with_pending_max pending_max: usize,
    with_sessions_max sessions_max: usize,
    with_malformed_max malformed_max: u32,
    with_queue_max queue_max: usize,
}

#[cfg(feature = "digest")]
impl Config {
    /// Adds a user name and password.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }
}

//! How a client behaves, and how much it lets a server use.

use crate::message::{Methods, Version};
use alloc::string::String;
#[cfg(feature = "digest")]
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
    /// The version that requests claim (1.0). A server that speaks another one answers as
    /// it can.
    pub version: Version,
    /// What stands in `User-Agent:` (`rtsp-proto`); nothing when it is empty. Some servers
    /// answer 401 to those who do not say who they are.
    pub user_agent: String,
    /// Whether and when signs of life are sent (automatically).
    pub keep_alive: KeepAlive,
    /// How long a request waits for its response (10 s).
    pub request_timeout: Duration,
    /// Requests of the server that the application answers (none). OPTIONS is answered
    /// here, all others with 501, so that none stays without an answer.
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
    /// Limits of one message.
    pub limits: Limits,
    /// Bytes of one interleaved payload (65,535).
    pub interleaved_max: u16,
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

/// When a client shows that it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepAlive {
    /// At half of the timeout that the server gave, by the method that it offers:
    /// `GET_PARAMETER`, else `SET_PARAMETER`, else OPTIONS, which is also used when nothing
    /// is known. A method that fails is not used again.
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
            user_agent: String::from("rtsp-proto"),
            keep_alive: KeepAlive::Auto,
            request_timeout: Duration::from_secs(10),
            accepted_methods: Methods::NONE,
            #[cfg(feature = "digest")]
            credentials: Vec::new(),
            basic: true,
            #[cfg(feature = "digest")]
            weakest: Algorithm::Md5,
            limits: Limits::DEFAULT,
            interleaved_max: u16::MAX,
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

setters! {
    with_version version: Version,
    with_user_agent user_agent: &str,
    with_keep_alive keep_alive: KeepAlive,
    with_request_timeout request_timeout: Duration,
    with_accepted_methods accepted_methods: Methods,
    #[cfg(feature = "digest")]
    with_credentials credentials: Vec<Credential>,
    with_basic basic: bool,
    #[cfg(feature = "digest")]
    with_weakest weakest: Algorithm,
    with_limits limits: Limits,
    with_interleaved_max interleaved_max: u16,
    with_pending_max pending_max: usize,
    with_sessions_max sessions_max: usize,
    with_malformed_max malformed_max: u32,
    with_queue_max queue_max: usize,
}

//! What a server offers, and how much it lets a client use.

#[cfg(feature = "digest")]
use super::auth::Authentication;
use super::{Control, Destinations};
use crate::Resync;
use crate::message::Methods;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Limits;

/// Configuration of [`Server`](super::Server)s; one is shared by all connections.
///
/// ```
/// use rtsp_proto::server::Config;
/// use std::time::Duration;
///
/// let config = Config::default()
///     .with_server_name("cameras/1.0")
///     .with_session_timeout(Duration::from_secs(30));
/// assert_eq!(config.session_timeout, Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What stands in `Server:` (`rtsp-proto`); nothing when it is empty.
    pub server_name: Cow<'static, str>,
    /// Methods that are offered: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN,
    /// `GET_PARAMETER` and `SET_PARAMETER` unless set otherwise. Known methods that are
    /// not here are answered with 405, unknown ones with 501.
    pub methods: Methods,
    /// Hand requests with unknown methods to the application instead (no).
    pub extension_methods: bool,
    /// Option tags that `Require` may name (none; in RTSP 2.0 `play.basic` is always one of
    /// them). Others are answered with 551.
    pub features: Vec<String>,
    /// `Media-Properties` of the answer to a SETUP of 2.0, which must have it (RFC 7826
    /// §13.3): what every media of this server can do. By default what a live one can:
    /// `No-Seeking, Time-Progressing, Time-Duration=0.0`. Left out when it is empty.
    pub media_properties: Cow<'static, str>,
    /// `Accept-Ranges` of the same answer (`npt`).
    pub accept_ranges: Cow<'static, str>,
    /// `Media-Range` of the same answer, which media that progresses with time must have
    /// (RFC 7826 §18.30; `npt=now-`). Left out when it is empty.
    pub media_range: Cow<'static, str>,
    /// Which URLs PLAY, PAUSE and RECORD may name ([`Control::Either`]).
    pub control: Control,
    /// Whether a SETUP may change the transport of a stream that flows (yes). Otherwise it
    /// is answered with 455 (RFC 2326 §10.4, RFC 7826 §13.3.1).
    pub transport_changes: bool,
    /// Where a client may send media to ([`Destinations::Peer`]). Stops a client from
    /// aiming media at others (RFC 2326 §16, RFC 7826 §21.2.1).
    pub destinations: Destinations,
    /// Whether a request that names a session which is not on this connection becomes an
    /// [`Event::SessionWanted`](super::Event::SessionWanted), and a new session an
    /// [`Event::SessionBegan`](super::Event::SessionBegan) (no: it is answered with 454).
    pub sessions_elsewhere: bool,
    /// Whether sessions without interleaved streams outlive the connection, as
    /// [`Event::SessionDetached`](super::Event::SessionDetached) (no: they end with it).
    pub sessions_outlive: bool,
    /// Who may ask (`None`: everybody).
    #[cfg(feature = "digest")]
    pub authentication: Option<Authentication>,
    /// How long a session lives without a sign of life (60 s, which RFC 2326 §12.37 takes
    /// for granted). Whole seconds, at least one.
    pub session_timeout: Duration,
    /// How long a request of this side waits for its response (10 s).
    pub request_timeout: Duration,
    /// How long a message or a frame may take from its first byte to its last (60 s); then the answer
    /// is 408 and the connection ends. Stops clients that begin and never finish.
    pub receive_timeout: Duration,
    /// Limits of one message.
    pub limits: Limits,
    /// Bytes of one interleaved payload (65,535). Stops a lying length from stalling.
    pub interleaved_max: u16,
    /// Go on behind garbage instead of closing the connection (no). What was asked in a
    /// message that makes no sense is then garbage too, and not answered with 400.
    pub resync: Option<Resync>,
    /// Take frames out of heads (no): some peers send them between two header lines. Only
    /// those at the start of a line and on a channel that is set up.
    pub frames_in_heads: bool,
    /// Requests that wait for an answer while one is answered (16), and requests of this
    /// side that wait for theirs. Stops a client that asks faster than the application
    /// answers from filling memory.
    pub pending_max: usize,
    /// Sessions on one connection (16). Stops a client from making them without end.
    pub sessions_max: usize,
    /// Streams in one session (32). The same.
    pub streams_max: usize,
    /// Messages in a row that make no sense (8); one more ends the connection. Stops a
    /// peer that does not speak RTSP.
    pub malformed_max: u32,
    /// Answers that are remembered for requests that come again (16), on a server over
    /// datagrams. Stops repeated requests from being done twice, and from filling memory.
    pub replays_max: usize,
    /// Bytes that wait to be sent before media is refused (4 MiB). Stops a client that
    /// does not read.
    pub queue_max: usize,
    /// Refuse what is tolerated otherwise: any quirk that the grammar does not allow (no).
    pub strict: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_name: Cow::Borrowed("rtsp-proto"),
            methods: Methods::USUAL,
            extension_methods: false,
            features: Vec::new(),
            media_properties: Cow::Borrowed("No-Seeking, Time-Progressing, Time-Duration=0.0"),
            accept_ranges: Cow::Borrowed("npt"),
            media_range: Cow::Borrowed("npt=now-"),
            control: Control::Either,
            transport_changes: true,
            destinations: Destinations::Peer,
            sessions_elsewhere: false,
            sessions_outlive: false,
            #[cfg(feature = "digest")]
            authentication: None,
            session_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(10),
            receive_timeout: Duration::from_secs(60),
            limits: Limits::DEFAULT,
            interleaved_max: u16::MAX,
            resync: None,
            frames_in_heads: false,
            pending_max: 16,
            sessions_max: 16,
            streams_max: 32,
            malformed_max: 8,
            replays_max: 16,
            queue_max: 4 * 1024 * 1024,
            strict: false,
        }
    }
}

macro_rules! setters {
    ($($setter:ident $field:ident: $kind:ty),* $(,)?) => {
        impl Config { $(
            #[doc = concat!("Sets [`Config::", stringify!($field), "`].")]
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
    with_server_name server_name,
    with_media_properties media_properties,
    with_accept_ranges accept_ranges,
    with_media_range media_range,
}

setters! {
    with_methods methods: Methods,
    with_extension_methods extension_methods: bool,
    with_features features: Vec<String>,
    with_control control: Control,
    with_transport_changes transport_changes: bool,
    with_destinations destinations: Destinations,
    with_sessions_elsewhere sessions_elsewhere: bool,
    with_sessions_outlive sessions_outlive: bool,
    with_session_timeout session_timeout: Duration,
    with_request_timeout request_timeout: Duration,
    with_receive_timeout receive_timeout: Duration,
    with_limits limits: Limits,
    with_interleaved_max interleaved_max: u16,
    with_resync resync: Option<Resync>,
    with_frames_in_heads frames_in_heads: bool,
    with_pending_max pending_max: usize,
    with_sessions_max sessions_max: usize,
    with_streams_max streams_max: usize,
    with_malformed_max malformed_max: u32,
    with_replays_max replays_max: usize,
    with_queue_max queue_max: usize,
    with_strict strict: bool,
}

#[cfg(feature = "digest")]
impl Config {
    /// Sets [`Config::authentication`].
    #[must_use]
    pub fn with_authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = Some(authentication);
        self
    }
}

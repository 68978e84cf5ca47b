//! What a client knows of a session.

use super::Settled;
use super::standing::Standing;
use crate::HeaderName;
use crate::control_url::same_stream;
use crate::error::CommandError;
use crate::headers::{
    AcceptRanges, DEFAULT_SESSION_TIMEOUT, Headers, MediaProperties, MediaRange, Range, Scale,
    TypedHeader,
};
use crate::message::{Method, Methods, Version};
use crate::session_table::v2::{Facts, ResumePoint, Target};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A session, from [`Client::open_session`](super::Client::open_session) to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(super) url: String,
    pub(super) id: Option<String>,
    pub(super) version: Version,
    pub(super) timeout: Duration,
    pub(super) standing: Standing,
    pub(super) streams: Vec<Stream>,
    /// `Pipelined-Requests` while there is no id yet (RFC 7826 §18.33).
    pub(super) pipeline: Option<u32>,
    /// Methods of signs of life that have failed.
    pub(super) failed_signs: Methods,
    media: Media,
}

/// The headers that say something about the media.
const ABOUT_MEDIA: u64 = HeaderName::MediaProperties.bit()
    | HeaderName::MediaRange.bit()
    | HeaderName::AcceptRanges.bit()
    | HeaderName::Range.bit()
    | HeaderName::Scale.bit();

/// What the server said about the media, as it wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Media {
    properties: Option<String>,
    range: Option<String>,
    accept_ranges: Option<String>,
    playing: Option<String>,
    scale: Option<Scale>,
}

/// One stream of a session. RFC 7826 §13.3.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stream {
    /// The URL that was set up.
    pub url: String,
    /// How its media comes.
    pub settled: Settled,
    /// Channels are those of the connection on which they were agreed.
    pub(super) is_here: bool,
}

impl Session {
    pub(super) fn new(url: String, version: Version) -> Self {
        Self {
            url,
            id: None,
            version,
            timeout: DEFAULT_SESSION_TIMEOUT,
            standing: Standing::new(version),
            streams: Vec::new(),
            pipeline: None,
            failed_signs: Methods::NONE,
            media: Media::default(),
        }
    }

    /// The URL of the whole: what PLAY, PAUSE and TEARDOWN name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's name for it, once the first SETUP is answered.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The version that it is spoken in; it does not change once the session is set up.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How long the server lets it live without a sign of life.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Where it stands. In RTSP 2.0 the end of the media leaves it in [`State::Playing`]
    /// (RFC 7826 §B.4).
    #[must_use]
    pub const fn state(&self) -> State {
        self.standing.state()
    }

    /// What is set up in it, in order.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Where PLAY without a Range goes on (RP, RFC 7826 §B.2); `None` in RTSP 1.0.
    #[must_use]
    pub fn resume_point(&self) -> Option<ResumePoint> {
        self.standing.table().map(|table| table.resume_point())
    }

    /// Whether the server said when the session will end (`RedP`, RFC 7826 §B.2).
    #[must_use]
    pub fn has_redirect_point(&self) -> bool {
        self.standing.table().is_some_and(|table| table.has_redirect_point())
    }

    /// The newest `Media-Properties` (RFC 7826 §18.29): of SETUP, PLAY or `PLAY_NOTIFY`.
    #[must_use]
    pub fn media_properties(&self) -> Option<MediaProperties<'_>> {
        read(self.media.properties.as_deref())
    }

    /// The newest `Media-Range` (RFC 7826 §18.30): what can be played.
    #[must_use]
    pub fn media_range(&self) -> Option<MediaRange<'_>> {
        read(self.media.range.as_deref())
    }

    /// The units that the server takes in Range (RFC 7826 §18.5).
    #[must_use]
    pub fn accept_ranges(&self) -> Option<AcceptRanges<'_>> {
        read(self.media.accept_ranges.as_deref())
    }

    /// The newest Range that the server said: what it plays, where it paused, or where the
    /// media ended.
    #[must_use]
    pub fn range(&self) -> Option<Range<'_>> {
        read(self.media.playing.as_deref())
    }

    /// The newest Scale that the server said: what it plays with, not what was asked for.
    #[must_use]
    pub const fn scale(&self) -> Option<Scale> {
        self.media.scale
    }

    pub(super) fn has_channel(&self, channel: u8) -> bool {
        self.streams.iter().any(|stream| match &stream.settled {
            Settled::Interleaved(pair) => stream.is_here && pair.contains(channel),
            _ => false,
        })
    }

    /// Whether `uri` names it or one of its streams.
    pub(super) fn is_named_by(&self, uri: &str) -> bool {
        same_stream(&self.url, uri) || self.streams.iter().any(|s| same_stream(&s.url, uri))
    }

    /// Keeps what a message says about the media.
    pub(super) fn learn(&mut self, headers: Headers<'_>) {
        if !headers.may_have(ABOUT_MEDIA) {
            return;
        }
        let media = &mut self.media;
        for (place, name) in [
            (&mut media.properties, MediaProperties::NAME),
            (&mut media.range, MediaRange::NAME),
            (&mut media.accept_ranges, AcceptRanges::NAME),
            (&mut media.playing, Range::NAME),
        ] {
            if let Some(value) = headers.get(name) {
                *place = Some(String::from(value));
            }
        }
        if let Ok(Some(scale)) = headers.typed::<Scale>() {
            media.scale = Some(scale);
        }
    }

    /// It could not be set up in its version, or not at all: as if it were new.
    pub(super) fn restart(&mut self, version: Version) {
        self.version = version;
        self.pipeline = None;
        self.standing = Standing::new(version);
    }

    /// Whether `next` may be sent, when all of `before` succeed; where the session stands
    /// until then.
    pub(super) fn judge<'r>(
        &'r self,
        before: impl Iterator<Item = (Method, &'r str)>,
        next: (Method, &str),
    ) -> Result<State, CommandError> {
        let mut standing = self.standing;
        let mut urls: Vec<&str> = Vec::new();
        for (method, uri) in before {
            if let Ok(after) = self.step(standing, &urls, method, uri) {
                standing = after;
            }
            if method == Method::Setup {
                urls.push(uri);
            }
        }
        let (method, uri) = next;
        self.step(standing, &urls, method, uri)?;
        Ok(standing.state())
    }

    /// `method` succeeded.
    pub(super) fn succeeded(&mut self, method: Method, uri: &str) {
        if let Ok(after) = self.step(self.standing, &[], method, uri) {
            self.standing = after;
        }
    }

    fn step(
        &self,
        standing: Standing,
        also: &[&str],
        method: Method,
        uri: &str,
    ) -> Result<Standing, CommandError> {
        let facts = self.facts(also, method, uri);
        let count = self.streams.len().saturating_add(also.len());
        let one_of_several = facts.target == Target::Media && count > 1;
        if matches!(standing, Standing::V1(_)) && method == Method::Teardown && one_of_several {
            // RFC 2326 §10.7: the session goes on without this stream.
            return Ok(standing);
        }
        standing.after(method, &facts)
    }

    fn facts(&self, also: &[&str], method: Method, uri: &str) -> Facts {
        let uri = bare(uri);
        let named = |url: &str| bare(url) == uri;
        let is_stream =
            self.streams.iter().any(|s| named(&s.url)) || also.iter().any(|url| named(url));
        let target = match (is_stream, method) {
            (_, Method::Setup) if !is_stream => Target::NewMedia,
            // A stream with the URL of the whole.
            (true, _) if method == Method::Setup || !named(&self.url) => Target::Media,
            _ => Target::Presentation,
        };
        // Whether a transport can be changed while playing is for the server to say.
        Facts { target, can_change_transport: true, ..Facts::default() }
    }
}

/// Without slashes at its end.
pub(super) fn bare(url: &str) -> &[u8] {
    let mut url = url.as_bytes();
    while let [rest @ .., b'/'] = url {
        url = rest;
    }
    url
}

fn read<'a, T: TypedHeader<'a>>(text: Option<&'a str>) -> Option<T> {
    text.and_then(|text| T::parse(text.as_bytes()).ok())
}

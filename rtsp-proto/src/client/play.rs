//! What PLAY can be asked for (RFC 2326 §10.5, RFC 7826 §13.4, ONVIF Streaming §6.4).

use crate::HeaderName;
use crate::headers::{Decimal, Frames, Immediate, Range, RateControl, Scale, SeekStyle, Speed};
use crate::message::{RequestBuilder, Version};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

/// How to play: everything is optional, and nothing is sent for what is not said.
///
/// ```
/// use rtsp_proto::client::PlayOptions;
/// use rtsp_proto::headers::{Decimal, Frames, Range, TypedHeader};
///
/// // A recording backwards, intra frames only, as fast as it can be sent.
/// let range = Range::parse(b"clock=20260101T000000Z-").unwrap();
/// let options = PlayOptions::new()
///     .with_range(&range)
///     .with_scale(Decimal::from_integer(-1))
///     .with_rate_control(false)
///     .with_frames(&Frames::intra_every(4000));
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PlayOptions {
    range: Option<String>,
    scale: Option<Decimal>,
    speed: Option<Speed>,
    fields: Vec<(HeaderName, String)>,
    named: Vec<(String, String)>,
}

impl PlayOptions {
    /// From where it stands, at the usual pace.
    pub const fn new() -> Self {
        Self { range: None, scale: None, speed: None, fields: Vec::new(), named: Vec::new() }
    }

    /// Which part.
    pub fn with_range(mut self, range: &Range<'_>) -> Self {
        self.range = Some(range.to_string());
        self
    }

    /// At which pace; negative is backwards.
    pub const fn with_scale(mut self, scale: Decimal) -> Self {
        self.scale = Some(scale);
        self
    }

    /// How fast it is delivered.
    pub const fn with_speed(mut self, speed: Speed) -> Self {
        self.speed = Some(speed);
        self
    }

    /// From where exactly (RFC 7826 §18.47).
    pub fn with_seek_style(self, style: &SeekStyle<'_>) -> Self {
        self.with_header(HeaderName::SeekStyle, style)
    }

    /// ONVIF: whether the server keeps the pace.
    pub fn with_rate_control(self, server: bool) -> Self {
        self.with_header(HeaderName::RateControl, RateControl(server))
    }

    /// ONVIF: whether what is in the queue is thrown away.
    pub fn with_immediate(self, immediate: bool) -> Self {
        self.with_header(HeaderName::Immediate, Immediate(immediate))
    }

    /// ONVIF: which frames.
    pub fn with_frames(self, frames: &Frames<'_>) -> Self {
        self.with_header(HeaderName::Frames, frames)
    }

    /// Any header line.
    pub fn with_header(mut self, name: HeaderName, value: impl Display) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Any header line with a name that has no [`HeaderName`].
    pub fn with_header_named(mut self, name: &str, value: impl Display) -> Self {
        self.named.push((String::from(name), value.to_string()));
        self
    }

    pub(super) fn put(&self, mut request: RequestBuilder, version: Version) -> RequestBuilder {
        if let Some(range) = &self.range {
            request = request.header(HeaderName::Range, range);
        }
        if let Some(scale) = self.scale {
            request = request.header(HeaderName::Scale, Scale(scale));
        }
        if let Some(speed) = self.speed {
            request = request.header(HeaderName::Speed, speed.for_version(version));
        }
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        for (name, value) in &self.named {
            request = request.header_named(name, value);
        }
        request
    }
}

//! Headers that are lists of words: features, units, codings, preferences.

use super::ListItem;
use super::parts::{Params, Token, list_headers, token, with_params};
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// Feature tags: what `Require`, `Supported` and their kin list.
pub mod tags {
    /// All of RFC 7826's minimal playback (§11.1).
    pub const PLAY_BASIC: &str = "play.basic";
    /// Scale (RFC 7826 §22.1).
    pub const PLAY_SCALE: &str = "play.scale";
    /// Speed (RFC 7826 §22.1).
    pub const PLAY_SPEED: &str = "play.speed";
    /// RTP and RTCP on one port (RFC 7826 §22.1).
    pub const RTCP_MUX: &str = "setup.rtp.rtcp.mux";
    /// ICE for media over datagrams (RFC 7825 §4.4).
    pub const ICE: &str = "setup.ice-d-m";
    /// ONVIF: playback of recordings, with `Rate-Control`, `Immediate` and `Frames`. To be
    /// required on SETUP and PLAY.
    pub const ONVIF_REPLAY: &str = "onvif-replay";
    /// ONVIF: the client sends audio to the camera. To be required on DESCRIBE, SETUP, PLAY
    /// and TEARDOWN.
    pub const ONVIF_BACKCHANNEL: &str = "www.onvif.org/ver20/backchannel";
}

/// A feature tag (RFC 7826 §4.5). ONVIF's hold slashes, so any text without white space and
/// commas is one. Compare by [`Tag::is`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one word")]
pub struct Tag<'a>(
    /// The tag as written.
    pub &'a str,
);

impl Tag<'_> {
    /// Whether it is `tag`, in any case.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        self.0.eq_ignore_ascii_case(tag)
    }
}

impl<'a> ListItem<'a> for Tag<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        if let Some(at) = item.iter().position(|b| *b <= b' ' || *b == 0x7f) {
            return Err(ParseError::new(ParseErrorKind::Token, at));
        }
        super::bytes::text(item).map(Self)
    }
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How much something is preferred, in thousandths (RFC 7826 §20.2.3, `qvalue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one number")]
pub struct Quality(
    /// 0 (not at all) to 1000.
    pub u16,
);

/// One element of `Accept` and its kin: a media range, coding or language, and how much it
/// is preferred.
/// RFC 7826 §18.1, RFC 9110 §12.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preference<'a> {
    /// What: `application/sdp`, `text/*`, `gzip`, `en-gb`, `*`.
    pub value: &'a str,
    /// `q` and all others, in order.
    pub params: Params<'a>,
}

impl<'a> Preference<'a> {
    /// `value`, with no parameters.
    #[must_use]
    pub const fn new(value: &'a str) -> Self {
        Self { value, params: Params::NONE }
    }

    /// With these parameters: `q=0.5`.
    #[must_use]
    pub const fn with_params(mut self, params: Params<'a>) -> Self {
        self.params = params;
        self
    }

    /// `q`; 1 when it is missing or no number from 0 to 1.
    #[must_use]
    pub fn quality(&self) -> Quality {
        let q = self.params.raw("q").and_then(|q| super::Decimal::parse(q.as_bytes()).ok());
        let thousandths = q.and_then(|q| u16::try_from(q.billionths() / 1_000_000).ok());
        Quality(thousandths.filter(|q| *q <= 1000).unwrap_or(1000))
    }

    /// Whether it takes `value`: equal in any case, or by `*`, `*/*`, `type/*`, or, for
    /// languages, as a prefix that ends before a `-` (RFC 7826 §18.4).
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        let stem = match self.value {
            "*" | "*/*" => return true,
            all => all.strip_suffix('*').filter(|stem| stem.ends_with('/')).unwrap_or(all),
        };
        let Some((head, tail)) = value.split_at_checked(stem.len()) else { return false };
        head.eq_ignore_ascii_case(stem)
            && (tail.is_empty() || stem.ends_with('/') || tail.starts_with('-'))
    }
}

impl<'a> ListItem<'a> for Preference<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        let (value, params) = with_params(item)?;
        let Tag(value) = Tag::parse_item(value)?;
        if value.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, 0));
        }
        Ok(Self { value, params })
    }
}

impl fmt::Display for Preference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.params)
    }
}

list_headers! {
    /// `Accept` (RFC 2326 §12.1, RFC 7826 §18.1): which descriptions the client reads.
    Accept(Preference),
    /// `Accept-Encoding` (RFC 2326 §12.2, RFC 7826 §18.3).
    AcceptEncoding(Preference),
    /// `Accept-Language` (RFC 2326 §12.3, RFC 7826 §18.4).
    AcceptLanguage(Preference),
    /// `Accept-Ranges` (RFC 7826 §18.5): the units that Range may have: `npt`, `smpte`,
    /// `smpte-30-drop`, `smpte-25`, `clock`.
    AcceptRanges(Token),
    /// `Connection` (RFC 2326 §12.10, RFC 7826 §18.12).
    Connection(Token),
    /// `Content-Encoding` (RFC 2326 §12.12, RFC 7826 §18.15), in the order applied.
    ContentEncoding(Token),
    /// `Content-Language` (RFC 2326 §12.13, RFC 7826 §18.16).
    ContentLanguage(Token),
    /// `Require` (RFC 2326 §12.32, RFC 7826 §18.43): features without which the request
    /// must be refused with 551.
    Require(Tag),
    /// `Proxy-Require` (RFC 2326 §12.27, RFC 7826 §18.37): the same for proxies.
    ProxyRequire(Tag),
    /// `Supported` (RFC 7826 §18.51): what the sender can do.
    Supported(Tag),
    /// `Proxy-Supported` (RFC 7826 §18.38): what every proxy on the way can do.
    ProxySupported(Tag),
    /// `Unsupported` (RFC 2326 §12.40, RFC 7826 §18.55): the tags of `Require` that are not.
    Unsupported(Tag),
    /// `Vary` (RFC 2326 §12.42, RFC 9110 §12.5.5): the request headers that the answer depends
    /// on; `*` for more than headers.
    Vary(Token),
}

impl Accept<'_> {
    /// How much the media type `essence` is wanted: the most specific element decides, none
    /// means not at all. An empty list takes everything (RFC 9110 §12.5.1: so does a
    /// missing header).
    #[must_use]
    pub fn quality(&self, essence: &str) -> Quality {
        let mut best: Option<(usize, Quality)> = None;
        let mut is_empty = true;
        for preference in self.iter().filter_map(Result::ok) {
            is_empty = false;
            // `type/subtype` is longer than `type/*`, and that than `*/*` without its stars.
            let weight = preference.value.trim_end_matches('*').len();
            if preference.takes(essence) && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, preference.quality()));
            }
        }
        best.map_or(Quality(if is_empty { 1000 } else { 0 }), |(_, quality)| quality)
    }
}

impl Connection<'_> {
    /// Whether the connection ends behind this message.
    #[must_use]
    pub fn is_close(&self) -> bool {
        self.iter().any(|token| token.is_ok_and(|token| token.is("close")))
    }
}

/// One directive of [`CacheControl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheDirective<'a> {
    /// Its name.
    pub name: &'a str,
    /// What stands behind `=`, quotes included.
    pub value: Option<&'a str>,
}

impl<'a> CacheDirective<'a> {
    /// `name` or `name=value`; a value that is no token needs its quotes.
    #[must_use]
    pub const fn new(name: &'a str, value: Option<&'a str>) -> Self {
        Self { name, value }
    }
}

impl<'a> ListItem<'a> for CacheDirective<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        let (name, value) = super::bytes::pair(item);
        let read = |value: &'a [u8]| {
            let at = super::bytes::offset_in(item, value);
            super::bytes::text(value).map_err(|error| error.at(at))
        };
        let value = value.map(read).transpose()?;
        Ok(Self { name: token(name)?, value })
    }
}

impl fmt::Display for CacheDirective<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.value.map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

list_headers! {
    /// `Cache-Control` (RFC 2326 §12.8, RFC 7826 §18.11).
    CacheControl(CacheDirective),
}

impl<'a> CacheControl<'a> {
    /// The directive `name`, in any case.
    #[must_use]
    pub fn directive(&self, name: &str) -> Option<CacheDirective<'a>> {
        self.iter().filter_map(Result::ok).find(|found| found.name.eq_ignore_ascii_case(name))
    }

    /// The seconds of `max-age`, `max-stale` or `min-fresh`; `None` when it is missing or no
    /// number.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<u64> {
        let value = self.directive(name)?.value?;
        super::bytes::number(super::parts::unquoted(value).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::{List, TypedHeader, join};
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn words<'a, T: ListItem<'a> + fmt::Display>(list: List<'a, T>) -> Vec<String> {
        list.map(|item| item.unwrap().to_string()).collect()
    }

    /// The examples of RFC 2326 §12 and RFC 7826 §18.
    #[test]
    fn the_examples_of_the_rfcs() {
        let accept = Accept::parse(b"application/rtsl q=1.0, application/sdp").unwrap();
        // RFC 2326 forgot a semicolon; the odd element does not spoil the other.
        let items: Vec<_> = accept.iter().map(|item| item.is_ok()).collect();
        assert_eq!(items, [false, true]);
        let accept = Accept::parse(b"application/example ;q=0.7, application/sdp").unwrap();
        assert_eq!(accept.quality("application/example"), Quality(700));
        assert_eq!(accept.quality("Application/SDP"), Quality(1000));
        assert_eq!(accept.quality("text/plain"), Quality(0));
        let language = AcceptLanguage::parse(b"da, en-gb;q=0.8, en;q=0.7").unwrap();
        assert_eq!(words(language.iter()), ["da", "en-gb;q=0.8", "en;q=0.7"]);
        let ranges = AcceptRanges::parse(b"npt, smpte, clock").unwrap();
        assert_eq!(words(ranges.iter()), ["npt", "smpte", "clock"]);
        let control = CacheControl::parse(b"private, max-age=3600, x=\"a, b\"").unwrap();
        assert_eq!(control.seconds("Max-Age"), Some(3600));
        assert_eq!(control.directive("x").unwrap().value, Some("\"a, b\""));
        assert_eq!(control.to_string(), "private, max-age=3600, x=\"a, b\"");
        let supported = Supported::parse(b"play.basic, setup.rtp.rtcp.mux, play.scale").unwrap();
        assert_eq!(words(supported.iter()), [tags::PLAY_BASIC, tags::RTCP_MUX, tags::PLAY_SCALE]);
        assert!(Connection::parse(b"keep-alive, CLOSE").unwrap().is_close());
        assert!(!Connection::parse(b"closed").unwrap().is_close());
    }

    #[test]
    fn errors_in_directives_lie_where_they_are() {
        let control = CacheControl::parse(b"private, x=a\xff").unwrap();
        let offsets: Vec<_> = control.iter().map(|item| item.map_err(|e| e.offset())).collect();
        assert_eq!(offsets, [Ok(CacheDirective::new("private", None)), Err(12)]);
    }

    #[test]
    fn onvif_tags_hold_slashes() {
        let require = Require::parse(b"onvif-replay, www.onvif.org/ver20/BackChannel").unwrap();
        let tags: Vec<_> = require.iter().map(Result::unwrap).collect();
        assert!(tags[0].is(tags::ONVIF_REPLAY) && tags[1].is(tags::ONVIF_BACKCHANNEL));
        assert_eq!(require.to_string(), "onvif-replay, www.onvif.org/ver20/BackChannel");
        assert_eq!(Require::parse(b"a b, c").unwrap().to_string(), "c");
    }

    #[test]
    fn the_most_specific_range_decides() {
        let accept = Accept::parse(b"*/*;q=0.1, text/*;q=0.2, text/plain;q=0, a/b;q=7").unwrap();
        for (essence, quality) in
            [("image/x", 100), ("text/x", 200), ("text/plain", 0), ("a/b", 1000)]
        {
            assert_eq!(accept.quality(essence), Quality(quality), "{essence}");
        }
        assert_eq!(Accept::parse(b"").unwrap().quality("a/b"), Quality(1000));
        let english = Preference::new("en");
        assert!(english.takes("en-GB") && english.takes("EN") && !english.takes("enx"));
        assert!(!Preference::new("text/plain").takes("text/plainer"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn lists_are_read_as_written(
            names in prop::collection::vec("[a-z][a-z0-9.-]{0,8}", 0..6),
            q in 0..=1000_u16,
        ) {
            let tags: Vec<Tag<'_>> = names.iter().map(|name| Tag(name)).collect();
            let text = join(&tags).to_string();
            let read: Vec<_> = Supported::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert_eq!(read, tags.into_iter().map(Ok).collect::<Vec<_>>());

            let params = alloc::format!("q=0.{:03};x=\"a,b;c\"", q % 1000);
            let preferences: Vec<_> = names
                .iter()
                .map(|name| Preference::new(name).with_params(Params::new(&params)))
                .collect();
            let text = join(&preferences).to_string();
            let read: Vec<_> = Accept::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert!(read.iter().all(|p| p.is_ok_and(|p| p.quality() == Quality(q % 1000))));
            prop_assert_eq!(read, preferences.into_iter().map(Ok).collect::<Vec<_>>());

            let directives: Vec<_> =
                names.iter().map(|name| CacheDirective::new(name, Some("1"))).collect();
            let text = join(&directives).to_string();
            let read: Vec<_> = CacheControl::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert_eq!(read, directives.into_iter().map(Ok).collect::<Vec<_>>());
        }
    }
}

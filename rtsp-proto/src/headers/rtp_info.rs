//! RTP-Info (RFC 2326 §12.33, RFC 7826 §18.45): where in RTP the playing begins.

use super::bytes::{is_in, leading_number, number, table, text, trim, unquote};
use crate::Version;
use core::fmt;
use proto_wire::text::chars;

/// What RTP-Info says about one stream (in 2.0: about one SSRC of a stream).
///
/// Missing and unreadable numbers are `None`: devices leave them out, send 64-bit
/// timestamps, or write what is not a number. The URL is often not the one that was set
/// up; compare it by [`crate::control_url::same_stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RtpInfo<'a> {
    /// The stream's URL as it is written, without quotes; empty when it is not UTF-8.
    pub url: &'a str,
    /// Sequence number of the first packet.
    pub seq: Option<u16>,
    /// RTP timestamp that belongs to the start of the Range.
    pub rtptime: Option<u32>,
    /// Which source (2.0; some 1.0 devices too).
    pub ssrc: Option<u32>,
}

impl<'a> RtpInfo<'a> {
    /// The stream at `url`, with nothing known yet.
    #[must_use]
    pub const fn new(url: &'a str) -> Self {
        Self { url, seq: None, rtptime: None, ssrc: None }
    }

    /// With the first packet: its sequence number, its timestamp and its source.
    #[must_use]
    pub const fn begins(mut self, seq: u16, rtptime: u32, ssrc: u32) -> Self {
        (self.seq, self.rtptime, self.ssrc) = (Some(seq), Some(rtptime), Some(ssrc));
        self
    }

    /// The entry as a message of `version` spells it.
    #[must_use]
    pub const fn for_version(self, version: Version) -> VersionedRtpInfo<'a> {
        VersionedRtpInfo(self, version)
    }
}

/// An [`RtpInfo`] as one version spells it. Several are joined by a comma.
#[derive(Clone, Copy, Debug)]
pub struct VersionedRtpInfo<'a>(RtpInfo<'a>, Version);

impl fmt::Display for VersionedRtpInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info, version) = self;
        let mut separator = ";";
        if *version == Version::V2_0 {
            write!(f, "url=\"{}\"", info.url)?;
            // 2.0 hangs everything on an SSRC.
            write!(f, " ssrc={:08X}", info.ssrc.unwrap_or(0))?;
            separator = ":";
        } else {
            write!(f, "url={}", info.url)?;
        }
        if let Some(seq) = info.seq {
            write!(f, "{separator}seq={seq}")?;
            separator = ";";
        }
        if let Some(rtptime) = info.rtptime {
            write!(f, "{separator}rtptime={rtptime}")?;
        }
        Ok(())
    }
}

/// The entries of one RTP-Info line, 1.0 and 2.0 forms alike.
///
/// Unquoted URLs may hold `,` and `;` (1.0), so an entry ends only where a comma is
/// followed by `url=`, and a URL only where `;seq=`, `;rtptime=` or `;ssrc=` follows.
///
/// ```
/// use rtsp_proto::headers::RtpInfos;
///
/// let mut infos = RtpInfos::new(b"url=rtsp://h/a,b;c;seq=7;rtptime=99, url=t2;seq=8");
/// let first = infos.next().unwrap();
/// assert_eq!((first.url, first.seq, first.rtptime), ("rtsp://h/a,b;c", Some(7), Some(99)));
/// assert_eq!(infos.next().unwrap().url, "t2");
/// assert!(infos.next().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RtpInfos<'a> {
    rest: &'a [u8],
    /// All of it, when it is text; what is left is at its end.
    whole: &'a str,
    /// 2.0: the URL that the SSRCs which follow belong to.
    url: &'a str,
}

impl<'a> RtpInfos<'a> {
    /// The entries in `value`.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value, whole: chars::utf8(value).unwrap_or(""), url: "" }
    }

    /// An entry as it is written nearly always: `url=...;seq=1;rtptime=2`.
    #[inline]
    fn plain(&mut self) -> Option<RtpInfo<'a>> {
        let text = self.whole.get(self.whole.len().checked_sub(self.rest.len())?..)?;
        let text = text.strip_prefix("url=")?;
        let end = chars::find_any(text.as_bytes(), *b";, \"")?;
        let (url, rest) = text.split_at_checked(end)?;
        let (seq, rest) = leading_number(rest.as_bytes().strip_prefix(b";seq=")?)?;
        let (rtptime, rest) = leading_number(rest.strip_prefix(b";rtptime=")?)?;
        self.rest = match rest {
            [] => rest,
            [b',', next @ ..] => next,
            _ => return None,
        };
        self.url = url;
        let mut info = RtpInfo::new(url);
        info.seq = u16::try_from(seq).ok();
        info.rtptime = u32::try_from(rtptime).ok();
        Some(info)
    }
}

impl<'a> Iterator for RtpInfos<'a> {
    type Item = RtpInfo<'a>;

    #[inline]
    fn next(&mut self) -> Option<RtpInfo<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        self.plain().or_else(|| self.any())
    }
}

impl<'a> RtpInfos<'a> {
    /// An entry however it is written.
    #[inline(never)]
    fn any(&mut self) -> Option<RtpInfo<'a>> {
        self.rest = skip(self.rest);
        if let Some(info) = self.plain() {
            return Some(info);
        }
        let mut info = RtpInfo::new(self.url);
        let mut any = false;
        loop {
            self.rest = skip(self.rest);
            let (name, value) = match split_name(self.rest) {
                Some(split) => split,
                None if self.rest.is_empty() => return any.then_some(info),
                // A parameter without `=`: step over it.
                None => {
                    let end = self.rest.iter().position(|b| is_end(*b));
                    self.rest = end.and_then(|at| self.rest.get(at..)).unwrap_or(&[]);
                    continue;
                }
            };
            let is_url = name.eq_ignore_ascii_case(b"url");
            let is_ssrc = name.eq_ignore_ascii_case(b"ssrc");
            if any && (is_url || (is_ssrc && info.ssrc.is_some())) {
                // The next entry begins here.
                return Some(info);
            }
            any = true;
            let end = if is_url {
                url_end(value)
            } else {
                value.iter().position(|b| is_end(*b)).unwrap_or(value.len())
            };
            let (value, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
            self.rest = rest;
            let value = trim(value);
            if is_url {
                self.url = text(unquote(value)).unwrap_or("");
                info.url = self.url;
            } else if is_ssrc {
                info.ssrc = ssrc(value);
            } else if name.eq_ignore_ascii_case(b"seq") {
                info.seq = number(value).and_then(|n| u16::try_from(n).ok());
            } else if name.eq_ignore_ascii_case(b"rtptime") {
                info.rtptime = number(value).and_then(|n| u32::try_from(n).ok());
            }
        }
    }
}

/// What ends a parameter's value; the colon is 2.0's, behind the SSRC.
static ENDS: [bool; 256] = table(b";,: \t\r\n");

/// What ends a parameter's name, besides.
static ENDS_OR_EQUALS: [bool; 256] = table(b";,: \t\r\n=");

#[inline]
fn is_end(b: u8) -> bool {
    is_in(&ENDS, b)
}

/// Without separators at the start.
fn skip(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !is_end(*b));
    start.and_then(|at| bytes.get(at..)).unwrap_or(&[])
}

/// `name` and what stands behind its `=`.
fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|b| is_in(&ENDS_OR_EQUALS, *b))?;
    let (name, rest) = bytes.split_at_checked(at)?;
    Some((name, rest.strip_prefix(b"=")?))
}

/// Where a URL ends: at its closing quote, or before the next parameter or entry.
fn url_end(value: &[u8]) -> usize {
    if let [b'"', rest @ ..] = value {
        let close = rest.iter().position(|b| *b == b'"');
        return close.map_or(value.len(), |at| at.saturating_add(2));
    }
    let mut from = 0;
    while let Some(at) = value.get(from..).and_then(|rest| memchr::memchr3(b';', b',', b' ', rest))
    {
        let stop = at.saturating_add(from);
        let rest = skip(value.get(stop..).unwrap_or(&[]));
        // At the end, or before a name that RTP-Info knows.
        let ends = rest.is_empty()
            || split_name(rest).is_some_and(|(name, _)| {
                [&b"url"[..], b"seq", b"rtptime", b"ssrc"]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known))
            });
        if ends {
            return stop;
        }
        // Behind all separators of the run: each of them would lead to the same place.
        from = value.len().saturating_sub(rest.len());
    }
    value.len()
}

/// Eight hexadecimal digits by the grammar; some devices write decimal, which is read as
/// such only when it cannot be hexadecimal of that size.
fn ssrc(value: &[u8]) -> Option<u32> {
    let text = chars::utf8(value)?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if digits.len() <= 8 { u32::from_str_radix(digits, 16).ok() } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn infos(value: &str) -> Vec<RtpInfo<'_>> {
        RtpInfos::new(value.as_bytes()).collect()
    }

    fn info(url: &str, seq: Option<u16>, rtptime: Option<u32>, ssrc: Option<u32>) -> RtpInfo<'_> {
        RtpInfo { url, seq, rtptime, ssrc }
    }

    #[test]
    fn the_example_of_rfc_2326() {
        let value = "url=rtsp://foo.com/bar.avi/streamid=0;seq=45102,\r\n    url=rtsp://foo.com/bar.avi/streamid=1;seq=30211";
        let expected = [
            info("rtsp://foo.com/bar.avi/streamid=0", Some(45102), None, None),
            info("rtsp://foo.com/bar.avi/streamid=1", Some(30211), None, None),
        ];
        assert_eq!(infos(value), expected);
    }

    #[test]
    fn the_example_of_rfc_7826() {
        let value = "url=\"rtsp://example.com/foo/audio\" ssrc=0A13C760:seq=45102;rtptime=12345678, url=\"rtsp://example.com/foo/video\" ssrc=9A9DE123:seq=30211;rtptime=29567112 ssrc=01020304:seq=1";
        let video = "rtsp://example.com/foo/video";
        let expected = [
            info("rtsp://example.com/foo/audio", Some(45102), Some(12_345_678), Some(0x0A13_C760)),
            info(video, Some(30211), Some(29_567_112), Some(0x9A9D_E123)),
            info(video, Some(1), None, Some(0x0102_0304)),
        ];
        assert_eq!(infos(value), expected);
    }

    #[test]
    fn what_devices_write() {
        for (value, expected) in [
            // A separator at the end.
            ("url=rtsp://h/t;seq=1;rtptime=2;", info("rtsp://h/t", Some(1), Some(2), None)),
            // Relative, and quoted although it is 1.0.
            ("url=trackID=1;seq=1", info("trackID=1", Some(1), None, None)),
            ("url=\"rtsp://h/t\";seq=1;rtptime=2", info("rtsp://h/t", Some(1), Some(2), None)),
            // Numbers that do not fit, or are none.
            ("url=u;seq=70000;rtptime=99999999999", info("u", None, None, None)),
            ("url=u;seq=;rtptime=x", info("u", None, None, None)),
            // The source, hexadecimal or decimal; order is free.
            ("url=u;ssrc=0a13c760;seq=3", info("u", Some(3), None, Some(0x0a13_c760))),
            ("url=u;ssrc=4294967295;rtptime=3", info("u", None, Some(3), Some(u32::MAX))),
            ("rtptime=5;seq=6", info("", Some(6), Some(5), None)),
            ("url=rtsp://h/a?x=1,2;y=3;seq=6", info("rtsp://h/a?x=1,2;y=3", Some(6), None, None)),
            ("url=u", info("u", None, None, None)),
        ] {
            assert_eq!(infos(value), [expected], "{value}");
        }
        assert_eq!(infos("").len(), 0);
        assert_eq!(infos(" ; , ").len(), 0);
        assert_eq!(infos("url=a;seq=1,   url=b;seq=2").len(), 2);
    }

    /// Separators that separate nothing, in a URL, cost no more than their length. (To look at all
    /// that follow each of them would take minutes.)
    #[test]
    fn a_run_of_separators_costs_linear_time() {
        for separators in [";", ",", " ", ":", "; ,"] {
            let run = separators.repeat(500_000);
            let value = alloc::format!("url=rtsp://h/a{run}b;seq=1, url=c");
            let infos = infos(&value);
            assert_eq!(infos.len(), 2, "{separators}");
            assert_eq!((infos[0].url.len(), infos[0].seq), (run.len() + 11, Some(1)));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            entries in proptest::collection::vec(
                ("rtsp://[a-z.]{1,9}/[a-z0-9/=,;?]{0,12}[a-z]", any::<Option<u16>>(), any::<Option<u32>>(), any::<u32>()),
                1..4,
            ),
            second: bool,
        ) {
            let version = if second { Version::V2_0 } else { Version::V1_0 };
            let expected: Vec<_> = entries
                .iter()
                .map(|(url, seq, rtptime, ssrc)| info(url, *seq, *rtptime, second.then_some(*ssrc)))
                .collect();
            // A URL that spells a parameter cannot be told apart when it is not quoted.
            prop_assume!(second || entries.iter().all(|(url, ..)| {
                !["url=", "seq=", "rtptime=", "ssrc="].iter().any(|name| url.contains(name))
            }));
            let text = expected
                .iter()
                .map(|entry| entry.for_version(version).to_string())
                .collect::<Vec<_>>()
                .join(",");
            prop_assert_eq!(infos(&text), expected);
        }

        #[test]
        fn no_text_panics_and_work_ends(value in "(url=|seq=|ssrc=|rtptime=|[a-z]|;|,|:| |\"|[0-9]){0,40}") {
            prop_assert!(infos(&value).len() <= value.len());
        }
    }
}

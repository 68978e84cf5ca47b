//! What values deviate in and are read all the same.

use super::bytes::{next_piece, number, pair, trim, unquote};
use super::{HeaderName, Headers, RtspDate};
use crate::control_url;
use crate::message::Version;
use alloc::string::ToString;
use core::fmt;

macro_rules! quirks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Something in a header's value that the grammars do not have and that is tolerated.
        ///
        /// What deviates in the lines themselves is a [`Quirk`](crate::Quirk). These are found when
        /// they are asked for: reading a value does not look for them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum ValueQuirk {
            $( $(#[$doc])* $variant, )*
        }

        impl ValueQuirk {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in lower case with hyphens, for logs and tools.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

quirks! {
    /// Transport: parameters before the id.
    IdNotFirst = "id-not-first",
    /// Transport: bytes before `RTP`; they are left out.
    JunkBeforeId = "junk-before-id",
    /// Transport: channels without `/TCP`; TCP is meant.
    TcpUnsaid = "tcp-unsaid",
    /// Transport, RTP-Info: a source that is not eight hexadecimal digits. Five to seven are read
    /// as such, what makes no sense as none.
    BadSsrc = "bad-ssrc",
    /// Transport: a parameter with nothing behind its `=`; it is as good as none.
    EmptyParameter = "empty-parameter",
    /// Session, Transport, RTP-Info: a number that is none or does not fit, where none is good
    /// enough (`timeout`, `ttl`, `layers`, `seq`, `rtptime`); a `timeout` in quotes or with more
    /// than digits.
    BadNumber = "bad-number",
    /// Lists and parameters: a separator with nothing beside it.
    StraySeparator = "stray-separator",
    /// Public, Allow: methods that spaces or semicolons separate.
    OddSeparator = "odd-separator",
    /// Content-Base: a URL without scheme or host, with two schemes, or with IPv6 without brackets;
    /// [`control_url::base`] repairs it.
    BrokenUrl = "broken-url",
    /// Content-Base, Content-Location, Location: user and password in a URL; they are left out.
    Credentials = "credentials",
    /// Date and its kin: another order, zone or weekday.
    OddDate = "odd-date",
}

impl fmt::Display for ValueQuirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one value deviates in. See [`ValueQuirk`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueQuirks(u16);

impl ValueQuirks {
    /// What `value`, that of a line named `name`, deviates in.
    ///
    /// ```
    /// use rtsp_proto::HeaderName;
    /// use rtsp_proto::headers::{ValueQuirk, ValueQuirks};
    ///
    /// let found = ValueQuirks::of(HeaderName::Transport, b"RTP/AVP;interleaved=0-1;ssrc=d6d66");
    /// assert!(found.iter().eq([ValueQuirk::TcpUnsaid, ValueQuirk::BadSsrc]));
    /// ```
    #[must_use]
    pub fn of(name: HeaderName, value: &[u8]) -> Self {
        let mut found = Self::default();
        match name {
            HeaderName::Transport => pieces(value, b',').for_each(|one| found.transport(one)),
            HeaderName::Session => found.session(value),
            HeaderName::RtpInfo => found.rtp_info(value),
            HeaderName::Public | HeaderName::Allow => found.methods(value),
            HeaderName::ContentBase => found.base(value),
            HeaderName::ContentLocation | HeaderName::Location => {
                found.add(ValueQuirk::Credentials, has_credentials(value));
            }
            HeaderName::Date
            | HeaderName::Expires
            | HeaderName::IfModifiedSince
            | HeaderName::LastModified => found.date(value),
            _ => {}
        }
        found
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `quirk` is among them.
    #[must_use]
    pub const fn contains(self, quirk: ValueQuirk) -> bool {
        self.0 & bit(quirk) != 0
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = ValueQuirk> {
        ValueQuirk::ALL.iter().copied().filter(move |quirk| self.contains(*quirk))
    }

    const fn add(&mut self, quirk: ValueQuirk, is_there: bool) {
        if is_there {
            self.0 |= bit(quirk);
        }
    }

    fn transport(&mut self, spec: &[u8]) {
        let (mut has_id, mut is_tcp, mut has_channels, mut has_params) =
            (false, false, false, false);
        for piece in pieces(spec, b';') {
            self.add(ValueQuirk::StraySeparator, trim(piece).is_empty());
            let (name, value) = pair(piece);
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            let Some(value) = value else {
                if !has_id && name.contains(&b'/') {
                    has_id = true;
                    let mut parts = name.split(|b| *b == b'/');
                    let first = parts.next().unwrap_or_default();
                    let tail = first.len().checked_sub(3).and_then(|at| first.get(at..));
                    let is_rtp = tail.is_some_and(|tail| tail.eq_ignore_ascii_case(b"RTP"));
                    self.add(ValueQuirk::JunkBeforeId, is_rtp && first.len() > 3);
                    self.add(ValueQuirk::IdNotFirst, has_params);
                    is_tcp = parts.nth(1).is_some_and(|lower| !lower.is_empty());
                }
                continue;
            };
            has_params = true;
            has_channels |= is("interleaved");
            if value.is_empty() {
                self.add(ValueQuirk::EmptyParameter, true);
            } else if is("ssrc") {
                self.add(ValueQuirk::BadSsrc, unquote(value).split(|b| *b == b'/').any(bad_ssrc));
            } else if is("ttl") || is("layers") {
                let most = if is("ttl") { u64::from(u8::MAX) } else { u64::from(u32::MAX) };
                self.number(value, most);
            }
        }
        self.add(ValueQuirk::TcpUnsaid, has_channels && !is_tcp);
    }

    fn session(&mut self, value: &[u8]) {
        for piece in pieces(value, b';') {
            self.add(ValueQuirk::StraySeparator, trim(piece).is_empty());
            let (name, value) = pair(piece);
            if name.eq_ignore_ascii_case(b"timeout") {
                let value = value.unwrap_or_default();
                self.number(value, u64::from(u32::MAX));
                self.add(ValueQuirk::BadNumber, number(value) == Some(0));
            }
        }
    }

    fn rtp_info(&mut self, value: &[u8]) {
        let ends = trim(value).last().is_some_and(|b| matches!(b, b';' | b','));
        self.add(ValueQuirk::StraySeparator, ends);
        for piece in value.split(|b| matches!(b, b';' | b',' | b' ' | b':')) {
            let (name, Some(value)) = pair(piece) else { continue };
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            if is("seq") {
                self.number(value, u64::from(u16::MAX));
            } else if is("rtptime") {
                self.number(value, u64::from(u32::MAX));
            } else if is("ssrc") {
                self.add(ValueQuirk::BadSsrc, bad_ssrc(value));
            }
        }
    }

    fn number(&mut self, value: &[u8], most: u64) {
        self.add(ValueQuirk::BadNumber, number(value).is_none_or(|n| n > most));
    }

    fn methods(&mut self, value: &[u8]) {
        for piece in pieces(value, b',') {
            let name = trim(piece);
            // A list of nothing is a list.
            self.add(ValueQuirk::StraySeparator, name.is_empty() && !value.is_empty());
            let is_odd = name.iter().any(|b| matches!(b, b' ' | b'\t' | b';'));
            self.add(ValueQuirk::OddSeparator, is_odd);
        }
    }

    fn base(&mut self, value: &[u8]) {
        let Ok(text) = core::str::from_utf8(value) else { return };
        self.add(ValueQuirk::Credentials, has_credentials(value));
        let mut same = text.trim().to_string();
        if let (true, Some((scheme, rest))) = (has_credentials(value), text.split_once("://")) {
            let host = rest.split_once('@').map_or(rest, |(_, host)| host);
            same = [scheme, "://", host].concat();
        }
        let is_whole = same.is_empty() || control_url::base(Some(&same), None, "rtsp://h/") == same;
        self.add(ValueQuirk::BrokenUrl, !is_whole);
    }

    fn date(&mut self, value: &[u8]) {
        let Ok(date) = RtspDate::parse(value) else { return };
        let versions = [Version::V1_0, Version::V2_0];
        let is_usual = versions
            .iter()
            .any(|version| date.for_version(*version).to_string().as_bytes() == trim(value));
        // The two old forms of HTTP, which RFC 2326 has too.
        let is_old = value.contains(&b'-') || !value.contains(&b',');
        self.add(ValueQuirk::OddDate, !is_usual && !is_old);
    }
}

impl<'a> Headers<'a> {
    /// What the values deviate in, line by line.
    pub fn value_quirks(self) -> impl Iterator<Item = (HeaderName, ValueQuirk)> {
        self.iter().flat_map(|(name, value)| {
            let name = HeaderName::from_bytes(name);
            let found = name.map_or_else(ValueQuirks::default, |name| ValueQuirks::of(name, value));
            found.iter().filter_map(move |quirk| Some((name?, quirk)))
        })
    }
}

const fn bit(quirk: ValueQuirk) -> u16 {
    1_u16.wrapping_shl(quirk as u32)
}

fn pieces(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    core::iter::from_fn(move || next_piece(&mut rest, separator))
}

fn bad_ssrc(digits: &[u8]) -> bool {
    digits.len() != 8 || !digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a URL names a user (RFC 2326 §3.2 has no place for one).
fn has_credentials(value: &[u8]) -> bool {
    let text = core::str::from_utf8(value).unwrap_or_default();
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn names(name: HeaderName, value: &str) -> Vec<&'static str> {
        ValueQuirks::of(name, value.as_bytes()).iter().map(ValueQuirk::as_str).collect()
    }

    /// One row for each way in which devices deviate, and beside it what is right.
    #[test]
    fn every_deviation_has_its_name() {
        use HeaderName::{ContentBase, Date, Location, Public, RtpInfo, Session, Transport};
        let rows: &[(HeaderName, &str, &[&str])] = &[
            (Transport, "RTP/AVP;unicast;client_port=5000-5001;mode=\"PLAY\"", &[]),
            (Transport, "RTP/AVP/TCP;interleaved=0-1; ssrc=0A13C760, RTP/AVP;unicast", &[]),
            (Transport, "client_port=5000-5001;RTP/AVP;unicast", &["id-not-first"]),
            (Transport, "\u{1}xRTP/AVP/UDP;unicast", &["junk-before-id"]),
            (Transport, "RTP/AVP;interleaved=0-1", &["tcp-unsaid"]),
            (Transport, "RTP/AVP;ssrc= d6d6627", &["bad-ssrc"]),
            (Transport, "RTP/AVP;ssrc=0x6f7c", &["bad-ssrc"]),
            (Transport, "RTP/AVP;ssrc=1234567890", &["bad-ssrc"]),
            (Transport, "RTP/AVP;source=;ssrc=", &["empty-parameter"]),
            (Transport, "RTP/AVP;ttl=256", &["bad-number"]),
            (Transport, "RTP/AVP;unicast;", &["stray-separator"]),
            (Transport, "RTP/AVP;x=\"a;b,c\"", &[]),
            (Session, "12345678;timeout=60", &[]),
            (Session, "12345678 ; timeout=60", &[]),
            (Session, "12345678;timeout=0", &["bad-number"]),
            (Session, "12345678;timeout=soon", &["bad-number"]),
            (Session, "12345678;", &["stray-separator"]),
            (RtpInfo, "url=rtsp://h/a;seq=1;rtptime=2, url=rtsp://h/b;seq=3", &[]),
            (RtpInfo, "url=\"rtsp://h/a\" ssrc=0A13C760:seq=45102;rtptime=12345678", &[]),
            (RtpInfo, "url=rtsp://h/a;seq=1;rtptime=2;", &["stray-separator"]),
            (RtpInfo, "url=u;seq=70000;rtptime=99999999999", &["bad-number"]),
            (RtpInfo, "url=u;seq=1;ssrc=4294967295", &["bad-ssrc"]),
            (Public, "OPTIONS, DESCRIBE,PLAY", &[]),
            (Public, "OPTIONS DESCRIBE;PLAY", &["odd-separator"]),
            (Public, "OPTIONS,,PLAY", &["stray-separator"]),
            (Public, "", &[]),
            (ContentBase, "rtsp://h/cam/", &[]),
            (ContentBase, "rtsp://[::1]:554/cam/", &[]),
            (ContentBase, "rtsp://rtsp://10.0.0.1/cam/", &["broken-url"]),
            (ContentBase, "10.0.0.1/cam/", &["broken-url"]),
            (ContentBase, "/cam/", &["broken-url"]),
            (ContentBase, "rtsp://::ffff:1.2.3.4/cam/", &["broken-url"]),
            (ContentBase, "rtsp://admin:pass@10.0.0.1/cam/", &["credentials"]),
            (Location, "rtsp://u@h/cam", &["credentials"]),
            (Location, "rtsp://h/cam@2", &[]),
            (Date, "Wed, 15 Nov 1995 08:12:31 GMT", &[]),
            (Date, "Wednesday, 15-Nov-95 08:12:31 GMT", &[]),
            (Date, "Wed Nov 15 08:12:31 1995", &[]),
            (Date, "Sun, Nov 22 2026 04:52:31 GMT", &["odd-date"]),
            (Date, "Mon, 15 Nov 1995 08:12:31 GMT", &["odd-date"]),
            (HeaderName::Server, "whatever;,", &[]),
        ];
        for (name, value, expected) in rows {
            assert_eq!(names(*name, value), *expected, "{name}: {value}");
        }
        // None without a row.
        let shown: Vec<_> = rows.iter().flat_map(|row| row.2.iter().copied()).collect();
        for quirk in ValueQuirk::ALL {
            assert!(shown.contains(&quirk.as_str()), "{quirk}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(
            name in prop::sample::select(HeaderName::ALL),
            value in "[ -~]{0,60}|(RTP/AVP|ssrc=|;|,|timeout=|0x|rtsp://|@|\\[|:){0,9}",
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let _found = ValueQuirks::of(name, value.as_bytes());
            prop_assert!(ValueQuirks::of(name, &bytes).iter().count() <= ValueQuirk::ALL.len());
        }
    }
}

//! The names of headers.

use core::fmt;
use proto_wire::head::{NameTable, Profile};

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// A header that an RFC names: 2326, 7826, 4567, or the ONVIF streaming specification.
        /// Compared in any case, written in the spelling of its RFC.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum HeaderName {
            $( #[doc = concat!("`", $name, "`")] $(#[$doc])* $variant, )*
        }

        impl HeaderName {
            /// All of them; their ids follow this order, from 1.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// How a line of it begins.
            pub(crate) const fn with_colon(self) -> &'static str {
                match self { $(Self::$variant => concat!($name, ": ")),* }
            }
        }

        static TABLE: NameTable = NameTable::new(&[$(($name, "")),*]);
    };
}

names! {
    Accept = "Accept",
    AcceptCredentials = "Accept-Credentials",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    AcceptRanges = "Accept-Ranges",
    Allow = "Allow",
    AuthenticationInfo = "Authentication-Info",
    Authorization = "Authorization",
    Bandwidth = "Bandwidth",
    Blocksize = "Blocksize",
    CacheControl = "Cache-Control",
    Conference = "Conference",
    Connection = "Connection",
    ConnectionCredentials = "Connection-Credentials",
    ContentBase = "Content-Base",
    ContentEncoding = "Content-Encoding",
    ContentLanguage = "Content-Language",
    ContentLength = "Content-Length",
    ContentLocation = "Content-Location",
    ContentType = "Content-Type",
    CSeq = "CSeq",
    Date = "Date",
    Expires = "Expires",
    Frames = "Frames",
    From = "From",
    Host = "Host",
    IfMatch = "If-Match",
    IfModifiedSince = "If-Modified-Since",
    IfNoneMatch = "If-None-Match",
    Immediate = "Immediate",
    KeyMgmt = "KeyMgmt",
    LastModified = "Last-Modified",
    Location = "Location",
    MediaProperties = "Media-Properties",
    MediaRange = "Media-Range",
    MTag = "MTag",
    NotifyReason = "Notify-Reason",
    PipelinedRequests = "Pipelined-Requests",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthenticationInfo = "Proxy-Authentication-Info",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyRequire = "Proxy-Require",
    ProxySupported = "Proxy-Supported",
    Public = "Public",
    Range = "Range",
    RateControl = "Rate-Control",
    Referer = "Referer",
    Referrer = "Referrer",
    RequestStatus = "Request-Status",
    Require = "Require",
    RetryAfter = "Retry-After",
    RtpInfo = "RTP-Info",
    Scale = "Scale",
    SeekStyle = "Seek-Style",
    Server = "Server",
    Session = "Session",
    Speed = "Speed",
    Supported = "Supported",
    TerminateReason = "Terminate-Reason",
    Timestamp = "Timestamp",
    Transport = "Transport",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Vary = "Vary",
    Via = "Via",
    WwwAuthenticate = "WWW-Authenticate",
}

impl HeaderName {
    /// The number that an index stores; 0 is for names that are not here.
    #[inline]
    pub(crate) const fn id(self) -> u8 {
        (self as u8).wrapping_add(1)
    }

    /// Its bit in a set that tells what is surely not there: more than 64 names share.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        bit_of(self.id())
    }

    /// The header that `name` spells, in any case.
    ///
    /// ```
    /// use rtsp_proto::HeaderName;
    ///
    /// assert_eq!(HeaderName::from_bytes(b"Cseq"), Some(HeaderName::CSeq));
    /// assert_eq!(HeaderName::from_bytes(b"X-Unknown"), None);
    /// ```
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        let at = usize::from(TABLE.lookup(name).checked_sub(1)?);
        Self::ALL.get(at).copied()
    }
}

/// The bit of an id, which may be that of no name.
#[inline]
pub(crate) const fn bit_of(id: u8) -> u64 {
    1_u64.wrapping_shl(id as u32)
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the head scanner needs to know about RTSP.
pub(crate) struct Rtsp;

impl Profile for Rtsp {
    const NAMES: &'static NameTable = &TABLE;
    // RFC 2326 §4: receivers should also take CR and LF by themselves as line ends.
    const BARE_CR_ENDS_LINE: bool = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_under_its_id() {
        for (i, name) in HeaderName::ALL.iter().enumerate() {
            assert_eq!(usize::from(name.id()), i + 1);
            let text = name.as_str();
            for spelled in [text.to_ascii_lowercase(), text.to_ascii_uppercase(), text.into()] {
                assert_eq!(HeaderName::from_bytes(spelled.as_bytes()), Some(*name));
            }
        }
    }
}

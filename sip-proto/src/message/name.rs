//! Header names: those of the RFCs have a number, all others are kept as they came.

use core::fmt;
use proto_wire::head::{NameTable, Profile};

/// What the shared head scanner needs to know about SIP. RFC 3261 §7.3.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sip;

impl Profile for Sip {
    const NAMES: &'static NameTable = &NAMES;
    const BARE_CR_ENDS_LINE: bool = false;
}

/// A header name of the RFCs. Names match in any case and in their compact form.
///
/// ```
/// use sip_proto::HeaderName;
///
/// assert_eq!(HeaderName::from_bytes(b"v"), Some(HeaderName::VIA));
/// assert_eq!(HeaderName::from_bytes(b"call-id"), Some(HeaderName::CALL_ID));
/// assert_eq!((HeaderName::CALL_ID.as_str(), HeaderName::CALL_ID.compact()), ("Call-ID", Some("i")));
/// assert_eq!(HeaderName::from_bytes(b"X-Odd"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(u8);

impl HeaderName {
    /// The name with these letters, in any case, or in compact form.
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        match NAMES.lookup(name) {
            0 => None,
            id => Some(Self(id)),
        }
    }

    /// The name with this number in the scanner's index; 0 is for unknown names.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        ROWS.get(usize::from(id).checked_sub(1)?).map(|_| Self(id))
    }

    /// The number in the scanner's index.
    #[must_use]
    pub const fn id(self) -> u8 {
        self.0
    }

    /// The name as the RFC spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The compact form (RFC 3261 §7.3.3), when there is one.
    #[must_use]
    pub fn compact(self) -> Option<&'static str> {
        Some(self.row().1).filter(|c| !c.is_empty())
    }

    /// Whether one row may hold several values divided by commas, and rows may be joined
    /// (RFC 3261 §7.3.1). Never true of To, From, Call-ID, Date, Subject and the headers of
    /// authentication, whose values have commas of their own.
    #[must_use]
    pub const fn is_list(self) -> bool {
        LIST_BITS.wrapping_shr(self.0 as u32) & 1 == 1
    }

    /// Whether at most one row may stand in a message.
    #[must_use]
    pub const fn is_single(self) -> bool {
        SINGLE_BITS.wrapping_shr(self.0 as u32) & 1 == 1
    }

    fn row(self) -> (&'static str, &'static str) {
        let row = usize::from(self.0).saturating_sub(1);
        ROWS.get(row).copied().unwrap_or(("", ""))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! header_names {
    ($($constant:ident = $name:literal $compact:literal;)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only counts the rows")]
        #[repr(u8)]
        enum Row { $($constant),* }

        impl HeaderName {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Self = Self(Row::$constant as u8 + 1);)*
        }

        const ROWS: &[(&str, &str)] = &[$(($name, $compact)),*];
    };
}

header_names! {
    VIA = "Via" "v";
    FROM = "From" "f";
    TO = "To" "t";
    CALL_ID = "Call-ID" "i";
    CSEQ = "CSeq" "";
    CONTACT = "Contact" "m";
    MAX_FORWARDS = "Max-Forwards" "";
    ROUTE = "Route" "";
    RECORD_ROUTE = "Record-Route" "";
    CONTENT_LENGTH = "Content-Length" "l";
    CONTENT_TYPE = "Content-Type" "c";
    CONTENT_ENCODING = "Content-Encoding" "e";
    CONTENT_DISPOSITION = "Content-Disposition" "";
    CONTENT_LANGUAGE = "Content-Language" "";
    CONTENT_ID = "Content-ID" "";
    EXPIRES = "Expires" "";
    MIN_EXPIRES = "Min-Expires" "";
    AUTHORIZATION = "Authorization" "";
    PROXY_AUTHORIZATION = "Proxy-Authorization" "";
    WWW_AUTHENTICATE = "WWW-Authenticate" "";
    PROXY_AUTHENTICATE = "Proxy-Authenticate" "";
    AUTHENTICATION_INFO = "Authentication-Info" "";
    PROXY_AUTHENTICATION_INFO = "Proxy-Authentication-Info" "";
    ALLOW = "Allow" "";
    SUPPORTED = "Supported" "k";
    REQUIRE = "Require" "";
    PROXY_REQUIRE = "Proxy-Require" "";
    UNSUPPORTED = "Unsupported" "";
    ACCEPT = "Accept" "";
    ACCEPT_ENCODING = "Accept-Encoding" "";
    ACCEPT_LANGUAGE = "Accept-Language" "";
    USER_AGENT = "User-Agent" "";
    SERVER = "Server" "";
    SUBJECT = "Subject" "s";
    DATE = "Date" "";
    TIMESTAMP = "Timestamp" "";
    RETRY_AFTER = "Retry-After" "";
    WARNING = "Warning" "";
    REASON = "Reason" "";
    ORGANIZATION = "Organization" "";
    PRIORITY = "Priority" "";
    IN_REPLY_TO = "In-Reply-To" "";
    REPLY_TO = "Reply-To" "";
    MIME_VERSION = "MIME-Version" "";
    ALERT_INFO = "Alert-Info" "";
    CALL_INFO = "Call-Info" "";
    ERROR_INFO = "Error-Info" "";
    EVENT = "Event" "o";
    ALLOW_EVENTS = "Allow-Events" "u";
    SUBSCRIPTION_STATE = "Subscription-State" "";
    SIP_ETAG = "SIP-ETag" "";
    SIP_IF_MATCH = "SIP-If-Match" "";
    REFER_TO = "Refer-To" "r";
    REFERRED_BY = "Referred-By" "b";
    REPLACES = "Replaces" "";
    REFER_SUB = "Refer-Sub" "";
    TARGET_DIALOG = "Target-Dialog" "";
    JOIN = "Join" "";
    RSEQ = "RSeq" "";
    RACK = "RAck" "";
    SESSION_EXPIRES = "Session-Expires" "x";
    MIN_SE = "Min-SE" "";
    PATH = "Path" "";
    SERVICE_ROUTE = "Service-Route" "";
    ACCEPT_CONTACT = "Accept-Contact" "a";
    REJECT_CONTACT = "Reject-Contact" "j";
    REQUEST_DISPOSITION = "Request-Disposition" "d";
    IDENTITY = "Identity" "y";
    IDENTITY_INFO = "Identity-Info" "n";
    PRIVACY = "Privacy" "";
    P_ASSERTED_IDENTITY = "P-Asserted-Identity" "";
    P_PREFERRED_IDENTITY = "P-Preferred-Identity" "";
    P_ASSOCIATED_URI = "P-Associated-URI" "";
    MAX_BREADTH = "Max-Breadth" "";
    FLOW_TIMER = "Flow-Timer" "";
    HISTORY_INFO = "History-Info" "";
    DIVERSION = "Diversion" "";
    INFO_PACKAGE = "Info-Package" "";
    RECV_INFO = "Recv-Info" "";
}

static NAMES: NameTable = NameTable::new(ROWS);

/// RFC 3261 §20 Table 2 and the grammars of §25: `*( COMMA ...)`.
const LISTS: &[HeaderName] = &[
    HeaderName::VIA,
    HeaderName::CONTACT,
    HeaderName::ROUTE,
    HeaderName::RECORD_ROUTE,
    HeaderName::PATH,
    HeaderName::SERVICE_ROUTE,
    HeaderName::CONTENT_ENCODING,
    HeaderName::CONTENT_LANGUAGE,
    HeaderName::ALLOW,
    HeaderName::SUPPORTED,
    HeaderName::REQUIRE,
    HeaderName::PROXY_REQUIRE,
    HeaderName::UNSUPPORTED,
    HeaderName::ACCEPT,
    HeaderName::ACCEPT_ENCODING,
    HeaderName::ACCEPT_LANGUAGE,
    HeaderName::WARNING,
    HeaderName::REASON,
    HeaderName::IN_REPLY_TO,
    HeaderName::ALERT_INFO,
    HeaderName::CALL_INFO,
    HeaderName::ERROR_INFO,
    HeaderName::ALLOW_EVENTS,
    HeaderName::ACCEPT_CONTACT,
    HeaderName::REJECT_CONTACT,
    HeaderName::REQUEST_DISPOSITION,
    HeaderName::P_ASSERTED_IDENTITY,
    HeaderName::P_PREFERRED_IDENTITY,
    HeaderName::P_ASSOCIATED_URI,
    HeaderName::HISTORY_INFO,
    HeaderName::DIVERSION,
    HeaderName::RECV_INFO,
];

/// Headers that may stand once.
const SINGLES: &[HeaderName] = &[
    HeaderName::FROM,
    HeaderName::TO,
    HeaderName::CALL_ID,
    HeaderName::CSEQ,
    HeaderName::MAX_FORWARDS,
    HeaderName::CONTENT_TYPE,
    HeaderName::EXPIRES,
    HeaderName::MIN_EXPIRES,
    HeaderName::DATE,
    HeaderName::EVENT,
    HeaderName::SUBSCRIPTION_STATE,
    HeaderName::REFER_TO,
    HeaderName::RSEQ,
    HeaderName::RACK,
    HeaderName::SESSION_EXPIRES,
    HeaderName::MIN_SE,
];

/// Both lists as sets of bits, so that asking costs nothing on the hot path.
const LIST_BITS: u128 = bits(LISTS);
pub(super) const SINGLE_BITS: u128 = bits(SINGLES);

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time on constants"
)]
const fn bits(names: &[HeaderName]) -> u128 {
    assert!(ROWS.len() < 128, "one bit for each name");
    let mut set = 0;
    let mut n = 0;
    while n < names.len() {
        set |= 1 << names[n].0;
        n += 1;
    }
    set
}

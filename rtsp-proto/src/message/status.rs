//! Status codes (RFC 2326 §7.1.1, RFC 7826 §17).

use crate::Version;
use core::fmt;

/// A three-digit status code. Codes that no RFC names are kept; they act as the x00 of
/// their class ([`StatusCode::class`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

/// The first digit of a status code. RFC 7826 §8.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StatusClass {
    /// 1xx: the answer is still to come.
    Informational,
    /// 2xx: done.
    Success,
    /// 3xx: ask elsewhere.
    Redirection,
    /// 4xx: the request is at fault.
    ClientError,
    /// 5xx: the server is at fault.
    ServerError,
    /// 6xx to 9xx: no RFC says what these mean; treated as failures.
    Unknown,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $reason:literal),* $(,)?) => {
        impl StatusCode {
            $( #[doc = concat!("`", $code, " ", $reason, "`")] $(#[$doc])*
               pub const $name: Self = Self($code); )*

            /// Every code that an RFC names, in order.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// The reason phrase that the RFC gives; empty for an unknown code.
            ///
            /// 463 means `Key Management Failure` in RTSP 1.0 (RFC 4567 §4.3) and
            /// `Destination Prohibited` in 2.0 (RFC 7826 §17.4.23).
            #[must_use]
            pub const fn reason(self, version: Version) -> &'static str {
                match (self.0, version) {
                    (463, Version::V1_0) => "Key Management Failure",
                    $(($code, _) => $reason,)*
                    _ => "",
                }
            }
        }
    };
}

codes! {
    CONTINUE = 100 "Continue",
    /// RFC 7825 §4.5.1: interim, of PLAY.
    STILL_CHECKING_CONNECTIVITY = 150 "Server still working on ICE connectivity checks",
    OK = 200 "OK",
    CREATED = 201 "Created",
    LOW_ON_STORAGE_SPACE = 250 "Low on Storage Space",
    MULTIPLE_CHOICES = 300 "Multiple Choices",
    MOVED_PERMANENTLY = 301 "Moved Permanently",
    FOUND = 302 "Found",
    SEE_OTHER = 303 "See Other",
    NOT_MODIFIED = 304 "Not Modified",
    USE_PROXY = 305 "Use Proxy",
    BAD_REQUEST = 400 "Bad Request",
    UNAUTHORIZED = 401 "Unauthorized",
    PAYMENT_REQUIRED = 402 "Payment Required",
    FORBIDDEN = 403 "Forbidden",
    NOT_FOUND = 404 "Not Found",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed",
    NOT_ACCEPTABLE = 406 "Not Acceptable",
    PROXY_AUTHENTICATION_REQUIRED = 407 "Proxy Authentication Required",
    REQUEST_TIMEOUT = 408 "Request Timeout",
    GONE = 410 "Gone",
    LENGTH_REQUIRED = 411 "Length Required",
    PRECONDITION_FAILED = 412 "Precondition Failed",
    REQUEST_MESSAGE_BODY_TOO_LARGE = 413 "Request Message Body Too Large",
    REQUEST_URI_TOO_LONG = 414 "Request-URI Too Long",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type",
    PARAMETER_NOT_UNDERSTOOD = 451 "Parameter Not Understood",
    CONFERENCE_NOT_FOUND = 452 "Conference Not Found",
    NOT_ENOUGH_BANDWIDTH = 453 "Not Enough Bandwidth",
    SESSION_NOT_FOUND = 454 "Session Not Found",
    METHOD_NOT_VALID_IN_THIS_STATE = 455 "Method Not Valid in This State",
    HEADER_FIELD_NOT_VALID_FOR_RESOURCE = 456 "Header Field Not Valid for Resource",
    INVALID_RANGE = 457 "Invalid Range",
    PARAMETER_IS_READ_ONLY = 458 "Parameter Is Read-Only",
    AGGREGATE_OPERATION_NOT_ALLOWED = 459 "Aggregate Operation Not Allowed",
    ONLY_AGGREGATE_OPERATION_ALLOWED = 460 "Only Aggregate Operation Allowed",
    UNSUPPORTED_TRANSPORT = 461 "Unsupported Transport",
    DESTINATION_UNREACHABLE = 462 "Destination Unreachable",
    DESTINATION_PROHIBITED = 463 "Destination Prohibited",
    DATA_TRANSPORT_NOT_READY_YET = 464 "Data Transport Not Ready Yet",
    NOTIFICATION_REASON_UNKNOWN = 465 "Notification Reason Unknown",
    KEY_MANAGEMENT_ERROR = 466 "Key Management Error",
    CONNECTION_AUTHORIZATION_REQUIRED = 470 "Connection Authorization Required",
    CONNECTION_CREDENTIALS_NOT_ACCEPTED = 471 "Connection Credentials Not Accepted",
    FAILURE_TO_ESTABLISH_SECURE_CONNECTION = 472 "Failure to Establish Secure Connection",
    /// RFC 7825 §4.5.2.
    CONNECTIVITY_CHECK_FAILURE = 480 "ICE Connectivity check failure",
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error",
    NOT_IMPLEMENTED = 501 "Not Implemented",
    BAD_GATEWAY = 502 "Bad Gateway",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable",
    GATEWAY_TIMEOUT = 504 "Gateway Timeout",
    RTSP_VERSION_NOT_SUPPORTED = 505 "RTSP Version Not Supported",
    OPTION_NOT_SUPPORTED = 551 "Option Not Supported",
    PROXY_UNAVAILABLE = 553 "Proxy Unavailable",
}

impl StatusCode {
    /// The code, when it has three digits (100 to 999).
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 999 { Some(Self(code)) } else { None }
    }

    /// The code that three ASCII digits spell.
    #[must_use]
    #[inline]
    pub(crate) fn from_digits(digits: [u8; 3]) -> Option<Self> {
        let mut code: u16 = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            code = code.wrapping_mul(10).wrapping_add(u16::from(digit.wrapping_sub(b'0')));
        }
        Self::new(code)
    }

    /// Its three digits.
    pub(crate) fn digits(self) -> [u8; 3] {
        let digit = |n: u16| b'0'.wrapping_add((n % 10) as u8);
        [digit(self.0 / 100), digit(self.0 / 10), digit(self.0)]
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// What kind of answer it is.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 {
            100..=199 => StatusClass::Informational,
            200..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirection,
            400..=499 => StatusClass::ClientError,
            500..=599 => StatusClass::ServerError,
            _ => StatusClass::Unknown,
        }
    }

    /// Whether it is a 1xx.
    #[must_use]
    pub const fn is_informational(self) -> bool {
        matches!(self.class(), StatusClass::Informational)
    }

    /// Whether it is a 2xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.class(), StatusClass::Success)
    }

    /// Whether it is a 3xx.
    #[must_use]
    pub const fn is_redirection(self) -> bool {
        matches!(self.class(), StatusClass::Redirection)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason(Version::V2_0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_has_a_reason_and_reads_back() {
        for status in StatusCode::KNOWN {
            assert!(!status.reason(Version::V1_0).is_empty());
            let text = alloc::format!("{status}");
            let digits: [u8; 3] = text.as_bytes().try_into().unwrap();
            assert_eq!(StatusCode::from_digits(digits), Some(*status));
        }
    }

    #[test]
    fn code_463_means_two_things() {
        let status = StatusCode::DESTINATION_PROHIBITED;
        assert_eq!(status.reason(Version::V1_0), "Key Management Failure");
        assert_eq!(status.reason(Version::V2_0), "Destination Prohibited");
    }

    #[test]
    fn odd_codes_are_surfaced_and_short_ones_refused() {
        assert_eq!(
            StatusCode::from_digits(*b"786").map(StatusCode::class),
            Some(StatusClass::Unknown)
        );
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(1000), None);
        assert_eq!(StatusCode::from_digits(*b"2x0"), None);
    }
}

//! Methods: RFC 3261 §7.1 and the extensions. Case-sensitive; unknown ones are kept.

use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// A request method.
///
/// ```
/// use sip_proto::Method;
///
/// assert_eq!(Method::parse(b"INVITE")?, Method::Invite);
/// // Methods are case-sensitive (RFC 3261 §7.1): this is another one.
/// assert_eq!(Method::parse(b"invite")?, Method::Other("invite"));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method<'a> {
    /// RFC 3261.
    Invite,
    /// RFC 3261.
    Ack,
    /// RFC 3261.
    Bye,
    /// RFC 3261.
    Cancel,
    /// RFC 3261.
    Options,
    /// RFC 3261.
    Register,
    /// RFC 3428.
    Message,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3903.
    Publish,
    /// RFC 3515.
    Refer,
    /// RFC 6086.
    Info,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// Any other token.
    Other(&'a str),
}

impl<'a> Method<'a> {
    /// The methods with a name here, for `Allow`.
    pub const KNOWN: [Method<'static>; 14] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Message,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
        Method::Refer,
        Method::Info,
        Method::Prack,
        Method::Update,
    ];

    /// Reads a method, which may be any token.
    ///
    /// # Errors
    /// [`ParseErrorKind::Method`] when it is not a token.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Ok(match bytes {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            b"REGISTER" => Self::Register,
            b"MESSAGE" => Self::Message,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"PUBLISH" => Self::Publish,
            b"REFER" => Self::Refer,
            b"INFO" => Self::Info,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            other => {
                let bad = || ParseError::new(ParseErrorKind::Method, 0);
                if !chars::is_token(other) {
                    return Err(bad());
                }
                Self::Other(core::str::from_utf8(other).map_err(|_| bad())?)
            }
        })
    }

    /// The method as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Message => "MESSAGE",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Publish => "PUBLISH",
            Self::Refer => "REFER",
            Self::Info => "INFO",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Other(name) => name,
        }
    }

    /// Whether a transaction of this method is an INVITE transaction: INVITE itself, and ACK,
    /// which has none of its own (RFC 3261 §17.2.3).
    #[must_use]
    pub const fn is_invite_or_ack(self) -> bool {
        matches!(self, Self::Invite | Self::Ack)
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

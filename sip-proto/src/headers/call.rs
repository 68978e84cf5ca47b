//! Headers of calls: reliable provisional responses, session timers, replacing.

use super::contact::delta_seconds;
use super::numbers::CallId;
use super::worded::Worded;
use crate::message::{HeaderName, Method, TypedHeader};
use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// `RSeq` (RFC 3262 §7.1): 1 to 2³² - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct RSeq(pub u32);

impl<'a> TypedHeader<'a> for RSeq {
    const NAME: HeaderName = HeaderName::RSEQ;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        chars::parse_u32(value)
            .filter(|n| *n != 0)
            .map(Self)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
    }
}

impl fmt::Display for RSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `RAck` (RFC 3262 §7.2): which provisional response of which request is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 3262 §7.2 has these three")]
pub struct RAck<'a> {
    /// The `RSeq` of the response.
    pub rseq: u32,
    /// The number in its CSeq.
    pub cseq: u32,
    /// The method in its CSeq.
    pub method: Method<'a>,
}

impl<'a> TypedHeader<'a> for RAck<'a> {
    const NAME: HeaderName = HeaderName::RACK;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (rseq, rest, at) = number(value, 0)?;
        let (cseq, rest, at) = number(rest, at)?;
        let method = Method::parse(rest).map_err(|e| e.at(at))?;
        if rseq == 0 || cseq >= 1 << 31 {
            return Err(ParseError::new(ParseErrorKind::Number, 0));
        }
        Ok(Self { rseq, cseq, method })
    }
}

/// A number and what follows its white space, which may be a fold.
fn number(value: &[u8], at: usize) -> Result<(u32, &[u8], usize), ParseError> {
    let digits = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
    let (number, rest) = value.split_at_checked(digits).unwrap_or((value, &[]));
    let number =
        chars::parse_u32(number).ok_or_else(|| ParseError::new(ParseErrorKind::Number, at))?;
    let behind = at.saturating_add(digits);
    let space = chars::lws_len(rest);
    if space == 0 {
        return Err(ParseError::new(ParseErrorKind::Syntax, behind));
    }
    Ok((number, rest.get(space..).unwrap_or(&[]), behind.saturating_add(space)))
}

impl fmt::Display for RAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 4028 §4 has these two")]
pub enum Refresher {
    /// The side that sent the request which set the timer.
    Uac,
    /// The side that answered it.
    Uas,
}

/// `Session-Expires` (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 4028 §4 has these two")]
pub struct SessionExpires {
    /// The interval in seconds.
    pub secs: u32,
    /// Who refreshes; in a request it may be left open.
    pub refresher: Option<Refresher>,
}

impl<'a> TypedHeader<'a> for SessionExpires {
    const NAME: HeaderName = HeaderName::SESSION_EXPIRES;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let worded = Worded::parse_with(value, |w| delta_seconds(w).is_some())?;
        let refresher = match worded.param("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        let secs = delta_seconds(worded.word.as_bytes()).unwrap_or(u32::MAX);
        Ok(Self { secs, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.secs)?;
        f.write_str(match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        })
    }
}

/// `Min-SE` in seconds (RFC 4028 §5); parameters may follow and mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct MinSe(pub u32);

impl<'a> TypedHeader<'a> for MinSe {
    const NAME: HeaderName = HeaderName::MIN_SE;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let worded = Worded::parse_with(value, |w| delta_seconds(w).is_some())?;
        Ok(Self(delta_seconds(worded.word.as_bytes()).unwrap_or(u32::MAX)))
    }
}

impl fmt::Display for MinSe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! dialog_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident $to:literal $from:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name<'a> {
            /// The Call-ID of the dialog.
            pub call_id: &'a str,
            /// The tag on the side of who receives this header; `0` may stand for none.
            pub to_tag: &'a str,
            /// The tag on the other side; `0` may stand for none.
            pub from_tag: &'a str,
            /// Whether only an early dialog is meant.
            pub early_only: bool,
        }

        impl<'a> $name<'a> {
            /// The dialog with these three.
            #[must_use]
            pub const fn new(call_id: &'a str, to_tag: &'a str, from_tag: &'a str) -> Self {
                Self { call_id, to_tag, from_tag, early_only: false }
            }

            /// Sets [`Self::early_only`].
            #[must_use]
            pub const fn with_early_only(mut self) -> Self {
                self.early_only = true;
                self
            }
        }

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            /// Both tags must be there, each once (RFC 3891 §6.1).
            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                let worded = Worded::parse_with(value, |w| CallId::parse(w).is_ok())?;
                let once = |name: &str| {
                    let mut all = worded.params().filter(|p| p.is(name.as_bytes()));
                    let first = all.next().and_then(|p| p.text());
                    let first = first.filter(|v| chars::is_sip_token(v.as_bytes()));
                    let at = worded.word.len();
                    match (first, all.next()) {
                        (Some(value), None) => Ok(value),
                        (Some(_), Some(_)) => Err(ParseError::new(ParseErrorKind::Parameter, at)),
                        _ => Err(ParseError::new(ParseErrorKind::MissingParameter, at)),
                    }
                };
                Ok(Self {
                    call_id: worded.word,
                    to_tag: once($to)?,
                    from_tag: once($from)?,
                    early_only: worded.params().contains(b"early-only"),
                })
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{};", $to, "={};", $from, "={}"), self.call_id, self.to_tag, self.from_tag)?;
                f.write_str(if self.early_only { ";early-only" } else { "" })
            }
        }
    )*};
}

dialog_headers! {
    /// `Replaces` (RFC 3891 §6.1): the dialog that this INVITE takes the place of.
    Replaces REPLACES "to-tag" "from-tag";
    /// `Join` (RFC 3911 §7.1): the dialog that this INVITE joins.
    Join JOIN "to-tag" "from-tag";
    /// `Target-Dialog` (RFC 4538 §7): a dialog that the sender knows of.
    TargetDialog TARGET_DIALOG "remote-tag" "local-tag";
}

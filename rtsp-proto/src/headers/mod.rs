//! Headers: names, typed values, and the view of a message's header lines.
//!
//! A header is raw first and typed on demand: [`Headers::typed`] reads one when somebody
//! asks. Each type reads from bytes alone ([`TypedHeader::parse`]), so a value from a log
//! or an SDP file needs no message around it, and each writes itself back.

mod agents;
#[cfg(feature = "digest")]
mod auth;
pub(crate) mod bytes;
mod dates;
mod endings;
#[cfg(test)]
mod every_tests;
mod lists;
mod media;
mod message_tags;
mod name;
mod parts;
mod playing;
mod range;
mod rtp_info;
mod session;
mod simple;
mod transport;
mod trust;
mod value_quirks;

pub use agents::{
    Conference, FromHeader, Host, Product, Referer, Referrer, Server, UserAgent, Via, ViaHop,
};
#[cfg(feature = "digest")]
pub use auth::{
    AuthenticationInfo, Authorization, ProxyAuthenticate, ProxyAuthenticationInfo,
    ProxyAuthorization, WwwAuthenticate,
};
pub use dates::{
    Date, Expires, IfModifiedSince, LastModified, RetryAfter, RtspDate, VersionedDate,
};
pub use endings::{RequestStatus, TerminateReason};
pub use lists::{
    Accept, AcceptEncoding, AcceptLanguage, AcceptRanges, CacheControl, CacheDirective, Connection,
    ContentEncoding, ContentLanguage, Preference, ProxyRequire, ProxySupported, Quality, Require,
    Supported, Tag, Unsupported, Vary, tags,
};
pub use media::{MediaProperties, MediaProperty, MediaRange, Scales};
pub use message_tags::{IfMatch, IfNoneMatch, MTag};
pub use name::HeaderName;
pub(crate) use name::{Rtsp, bit_of};
pub use parts::{Decimal, Joined, List, ListItem, Params, Token, join};
pub use playing::{
    Bandwidth, Blocksize, ContentLength, Frames, Immediate, NotifyReason, PipelinedRequests,
    RateControl, Scale, SeekStyle, Speed, Timestamp, VersionedSpeed,
};
pub use range::{NptRange, NptTime, Range, RangeSpec};
pub use rtp_info::{RtpInfo, RtpInfos, VersionedRtpInfo};
pub use session::{DEFAULT_SESSION_TIMEOUT, Session};
pub use simple::{
    Allow, CSeq, ContentBase, ContentLocation, ContentType, Location, Public, Tokens,
};
pub use transport::{
    AddrList, ChannelPair, ConnectionReuse, ConnectionSetup, Delivery, LowerTransport, Mode,
    PortPair, RtpProfile, Transport, Transports, VersionedTransport,
};
pub use trust::{
    AcceptCredentials, Approval, ConnectionCredentials, CredentialHash, KeyMessage, KeyMgmt,
};
pub use value_quirks::{ValueQuirk, ValueQuirks};

use crate::Methods;
use proto_wire::ParseError;
use proto_wire::head::{Field, Fields};
use proto_wire::text::chars;

/// A header value that has a type.
pub trait TypedHeader<'a>: Sized {
    /// Whose value it is.
    const NAME: HeaderName;

    /// Reads the value of one header line, without white space around it.
    ///
    /// # Errors
    /// What is wrong and where, counted from the start of `value`.
    fn parse(value: &'a [u8]) -> Result<Self, ParseError>;
}

/// The header lines of a message, in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    fields: Fields<'a>,
    /// The bits of their names: without a bit there is no line of that name.
    names: u64,
    /// The ids of the names of the first lines, a byte each: there a name is found at one look.
    ids: u64,
}

/// So many lines are found at one look.
const IDS: usize = 8;

impl<'a> Headers<'a> {
    pub(crate) const fn new(fields: Fields<'a>, names: u64, ids: u64) -> Self {
        Self { fields, names, ids }
    }

    #[inline]
    fn first(self, name: HeaderName) -> Option<Field<'a>> {
        if self.names & name.bit() == 0 {
            return None;
        }
        match places_of(self.ids, name.id()).trailing_zeros() {
            64 => self.fields.first(name.id()),
            bits => self.fields.at((bits / 8) as usize),
        }
    }

    /// The lines named `name`.
    #[inline]
    fn lines(self, name: HeaderName) -> impl Iterator<Item = Field<'a>> {
        let mut places = places_of(self.ids, name.id());
        let among_first = core::iter::from_fn(move || {
            let place = (places.trailing_zeros() / 8) as usize;
            places &= places.wrapping_sub(1);
            if place < IDS { self.fields.at(place) } else { None }
        });
        let behind = self.fields.iter().skip(IDS);
        among_first.chain(behind.filter(move |field| field.id() == name.id()))
    }

    /// Whether there may be a line with one of these names.
    pub(crate) const fn may_have(self, names: u64) -> bool {
        self.names & names != 0
    }

    /// The value of the first line named `name`; `None` when there is none, or it is not
    /// UTF-8 (see [`Headers::bytes`]).
    #[must_use]
    pub fn get(self, name: HeaderName) -> Option<&'a str> {
        chars::utf8(self.bytes(name)?)
    }

    /// The value of the first line named `name`, as bytes.
    #[must_use]
    #[inline]
    pub fn bytes(self, name: HeaderName) -> Option<&'a [u8]> {
        self.first(name).map(Field::value)
    }

    /// The values of all lines named `name`, those that are UTF-8.
    pub fn all(self, name: HeaderName) -> impl Iterator<Item = &'a str> {
        self.all_bytes(name).filter_map(chars::utf8)
    }

    /// The values of all lines named `name`, as bytes.
    pub fn all_bytes(self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.lines(name).map(Field::value)
    }

    /// The value of the first line with a name that has no [`HeaderName`], in any case.
    #[must_use]
    pub fn named(self, name: &str) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|field| field.name().eq_ignore_ascii_case(name.as_bytes()))
            .map(Field::value)
    }

    /// Whether there is a line named `name`.
    #[must_use]
    pub fn contains(self, name: HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// The first line of `T`'s name, read as `T`.
    ///
    /// # Errors
    /// What is wrong and where, counted from the start of the message.
    #[inline]
    pub fn typed<T: TypedHeader<'a>>(self) -> Result<Option<T>, ParseError> {
        let Some(field) = self.first(T::NAME) else {
            return Ok(None);
        };
        T::parse(field.value()).map(Some).map_err(|error| error.at(field.value_offset()))
    }

    /// The elements of the comma lists in all lines named `name`: `Require`, `Supported`, ...
    pub fn tokens(self, name: HeaderName) -> impl Iterator<Item = &'a str> {
        self.all_bytes(name).flat_map(Tokens::new)
    }

    /// The methods that all lines of `name` (`Public` or `Allow`) list; `None` without one.
    #[must_use]
    pub fn methods(self, name: HeaderName) -> Option<Methods> {
        self.first(name)?;
        self.all_bytes(name).map(Methods::from_text).reduce(Methods::union)
    }

    /// The transports of all Transport lines, in order of preference.
    pub fn transports(self) -> impl Iterator<Item = Result<Transport<'a>, ParseError>> {
        let mut fields = self.lines(HeaderName::Transport);
        let mut line: Option<(Transports<'a>, usize)> = None;
        // Not `flat_map`: a transport is large, and that moves it from hand to hand.
        core::iter::from_fn(move || {
            loop {
                if let Some((transports, offset)) = &mut line {
                    match transports.next() {
                        Some(Err(error)) => return Some(Err(error.at(*offset))),
                        Some(transport) => return Some(transport),
                        None => {}
                    }
                }
                let field = fields.next()?;
                line = Some((Transports::new(field.value()), field.value_offset()));
            }
        })
    }

    /// The entries of all RTP-Info lines.
    pub fn rtp_infos(self) -> impl Iterator<Item = RtpInfo<'a>> {
        let mut lines = self.lines(HeaderName::RtpInfo);
        let mut line = RtpInfos::new(&[]);
        core::iter::from_fn(move || {
            loop {
                if let Some(info) = line.next() {
                    return Some(info);
                }
                line = RtpInfos::new(lines.next()?.value());
            }
        })
    }

    /// What RTP-Info says about the stream at `url`: the entry that names it
    /// ([`same_stream`](crate::control_url::same_stream)), or the only one there is when
    /// `is_only_stream`, as devices with one stream name it in any way.
    ///
    /// ```
    /// use rtsp_proto::{Index, Limits, Message};
    ///
    /// let bytes = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nRTP-Info: url=rtsp://10.0.0.9/other;seq=7\r\n\r\n";
    /// let mut index = Index::new();
    /// let (message, _) = Message::parse(bytes, &mut index, &Limits::default())?.unwrap();
    /// let headers = message.headers();
    /// assert!(headers.rtp_info_of("rtsp://h/cam/t1", false).is_none());
    /// assert_eq!(headers.rtp_info_of("rtsp://h/cam/t1", true).unwrap().seq, Some(7));
    /// # Ok::<(), rtsp_proto::ParseError>(())
    /// ```
    #[must_use]
    pub fn rtp_info_of(self, url: &str, is_only_stream: bool) -> Option<RtpInfo<'a>> {
        let named = self.rtp_infos().find(|info| crate::control_url::same_stream(url, info.url));
        named.or_else(|| {
            let mut infos = self.rtp_infos();
            infos.next().filter(|_| is_only_stream && infos.next().is_none())
        })
    }

    /// Every line: name as written, and value.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields.iter().map(|field| (field.name(), field.value()))
    }

    /// Every line with its offsets, for tools that need more than name and value.
    #[must_use]
    pub const fn fields(self) -> Fields<'a> {
        self.fields
    }
}

/// Bit 7 of each byte of `ids` that is `id`.
#[inline]
const fn places_of(ids: u64, id: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; IDS]);
    let other = ids ^ u64::from_le_bytes([id; IDS]);
    !((other & LOW).wrapping_add(LOW) | other | LOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Index, Limits, Message};
    use alloc::{format, vec::Vec};

    #[test]
    fn lines_are_found_wherever_they_stand() {
        for before in 0..40 {
            for between in 0..20 {
                let other = |count| "Accept: a/b\r\n".repeat(count);
                let text = format!(
                    "RTSP/1.0 200 OK\r\n{}CSeq: 1\r\n{}CSeq: 2\r\n\r\n",
                    other(before),
                    other(between)
                );
                let mut index = Index::new();
                let message = Message::parse(text.as_bytes(), &mut index, &Limits::DEFAULT);
                let headers = message.unwrap().unwrap().0.headers();
                assert_eq!(headers.get(HeaderName::CSeq), Some("1"));
                assert_eq!(headers.all(HeaderName::CSeq).collect::<Vec<_>>(), ["1", "2"]);
                assert_eq!(headers.all(HeaderName::Accept).count(), before + between);
                assert_eq!(headers.contains(HeaderName::Accept), before + between > 0);
                assert!(!headers.contains(HeaderName::Session));
            }
        }
    }
}

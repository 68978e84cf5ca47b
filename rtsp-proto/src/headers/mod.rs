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
}

impl<'a> Headers<'a> {
    pub(crate) const fn new(fields: Fields<'a>, names: u64) -> Self {
        Self { fields, names }
    }

    #[inline]
    fn first(self, name: HeaderName) -> Option<Field<'a>> {
        if self.names & name.bit() == 0 { None } else { self.fields.first(name.id()) }
    }

    /// Whether there may be a line with one of these names.
    pub(crate) const fn may_have(self, names: u64) -> bool {
        self.names & names != 0
    }

    /// The value of the first line named `name`; `None` when there is none, or it is not
    /// UTF-8 (see [`Headers::bytes`]).
    #[must_use]
    pub fn get(self, name: HeaderName) -> Option<&'a str> {
        core::str::from_utf8(self.bytes(name)?).ok()
    }

    /// The value of the first line named `name`, as bytes.
    #[must_use]
    #[inline]
    pub fn bytes(self, name: HeaderName) -> Option<&'a [u8]> {
        self.first(name).map(Field::value)
    }

    /// The values of all lines named `name`, those that are UTF-8.
    pub fn all(self, name: HeaderName) -> impl Iterator<Item = &'a str> {
        self.all_bytes(name).filter_map(|value| core::str::from_utf8(value).ok())
    }

    /// The values of all lines named `name`, as bytes.
    pub fn all_bytes(self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        // Nothing is looked for where there is nothing to find.
        let fields = if self.names & name.bit() == 0 { Fields::NONE } else { self.fields };
        fields.all(name.id()).map(Field::value)
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
        self.all_bytes(name).map(Methods::from_text).reduce(Methods::union)
    }

    /// The transports of all Transport lines, in order of preference.
    pub fn transports(self) -> impl Iterator<Item = Result<Transport<'a>, ParseError>> {
        let mut fields = self.fields.all(HeaderName::Transport.id());
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
        self.all_bytes(HeaderName::RtpInfo).flat_map(RtpInfos::new)
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

//! Typed headers. They borrow, are parsed on demand, and print as they are sent.

mod address;
#[cfg(feature = "digest")]
mod auth;
mod call;
mod contact;
mod features;
mod name_addr;
mod numbers;
mod plain;
mod print;
mod quick;
mod rest;
mod tokens;
mod via;
mod worded;

pub use address::Address;
#[cfg(feature = "digest")]
pub use auth::{
    AuthenticationInfo, Authorization, ProxyAuthenticate, ProxyAuthenticationInfo,
    ProxyAuthorization, WwwAuthenticate,
};
pub use call::{Join, MinSe, RAck, RSeq, Refresher, Replaces, SessionExpires, TargetDialog};
pub use contact::{Contact, QValue};
pub use features::{Feature, FeatureValue, Features};
pub(crate) use name_addr::first_value_end;
pub use name_addr::{From, NameAddr, Path, RecordRoute, Route, ServiceRoute, To};
pub use numbers::{CSeq, CallId, ContentType, Expires, MaxForwards, MinExpires, RetryAfter};
pub use plain::{
    AlertInfo, CallInfo, ContentId, Date, Diversion, ErrorInfo, FlowTimer, HistoryInfo, InReplyTo,
    MaxBreadth, MimeVersion, Organization, PAssertedIdentity, PAssociatedUri, PPreferredIdentity,
    Privacy, ReferTo, ReferredBy, ReplyTo, SentAt, Server, Subject, UserAgent, Warning,
};
pub use rest::{ContentLength, Identity, IdentityInfo, RetryWhen};
pub use tokens::{Allow, ProxyRequire, Require, Supported, Unsupported};
pub(crate) use via::Routing;
pub use via::{Transport, Via};

pub use worded::{
    Accept, AcceptContact, AcceptEncoding, AcceptLanguage, AllowEvents, ContentDisposition,
    ContentEncoding, ContentLanguage, Event, InfoPackage, Priority, Reason, RecvInfo, ReferSub,
    RejectContact, RequestDisposition, SipEtag, SipIfMatch, SubscriptionState, Worded,
};

#[cfg(test)]
mod leading_tests;
#[cfg(test)]
mod more_tests;
#[cfg(test)]
mod tests;

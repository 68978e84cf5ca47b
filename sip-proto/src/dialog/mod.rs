//! Dialogs (RFC 3261 §12): what two user agents remember of each other between requests.
//!
//! [`Dialog`] builds the requests of its side and judges those of the other; a
//! [`DialogSet`] holds the dialogs that one INVITE made, and says which responses make new
//! ones; [`Usages`] knows what a dialog is still needed for (RFC 5057). None of them sends
//! anything.

mod id;
mod route;
mod set;
mod usage;

pub use id::DialogId;
pub(crate) use route::request_uri;
pub use route::{Hop, RouteSet};
pub use set::{DialogSet, Fork, Heard, Unheard};
pub use usage::{Scope, Usage, Usages, failure_scope};

use crate::headers::{CSeq, Contact, NameAddr};
use crate::message::{
    HeaderName, Method, Request, RequestBuf, RequestBuilder, Response, StatusCode,
};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// The largest sequence number (RFC 3261 §8.1.1.5).
pub const CSEQ_MAX: u32 = (1 << 31) - 1;

/// Which side of the request that made the dialog we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §12 has these two")]
pub enum Role {
    /// We sent it.
    Uac,
    /// We answered it.
    Uas,
}

/// How far a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 3261 §12 has these two; one that ended is dropped"
)]
pub enum State {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// Why no dialog can be made, or no request of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DialogError {
    /// Call-ID, CSeq, From or To is missing or cannot be read.
    #[error("{0} is missing or cannot be read")]
    Header(HeaderName),
    /// A request that makes a dialog has no Contact, or one that is no SIP URI
    /// (RFC 3261 §12.1.1): answer it with 400.
    #[error("there is no Contact to send requests to")]
    Contact,
    /// A value of Record-Route cannot be read.
    #[error("Record-Route cannot be read")]
    RecordRoute,
    /// The response makes no dialog: 100, or no tag where RFC 3261 wants one.
    #[error("the response makes no dialog")]
    NoDialog,
    /// The sequence numbers are used up (RFC 3261 §8.1.1.5).
    #[error("the sequence numbers of the dialog are used up")]
    Exhausted,
}

/// What is wrong with a request in a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutOfOrder {
    /// Its sequence number is below an earlier one (RFC 3261 §12.2.2): 500.
    #[error("the sequence number is below an earlier one")]
    Lower,
    /// It has no readable sequence number: 400.
    #[error("there is no readable CSeq")]
    Unreadable,
}

impl OutOfOrder {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Lower => StatusCode::SERVER_INTERNAL_ERROR,
            Self::Unreadable => StatusCode::BAD_REQUEST,
        }
    }
}

/// One dialog, from our side.
///
/// ```
/// use sip_proto::dialog::{Dialog, State};
/// use sip_proto::{Method, RequestBuf};
///
/// let invite = RequestBuf::parse("INVITE sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1\r\n\
///     Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nFrom: <sip:alice@a>;tag=1\r\nTo: <sip:bob@b>\r\n\
///     Call-ID: 7@a\r\nCSeq: 4711 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\n\r\n")?;
/// let mut dialog = Dialog::uas(invite.view(), "99", State::Confirmed)?;
/// let bye = dialog.request(Method::Bye)?.build()?;
/// assert!(bye.as_bytes().starts_with(b"BYE sip:alice@192.0.2.1 SIP/2.0\r\n\
///     Route: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    id: DialogId,
    role: Role,
    state: State,
    /// The value of From in our requests, tag included, as it stands.
    local: Vec<u8>,
    /// The value of To in our requests.
    remote: Vec<u8>,
    local_cseq: Option<u32>,
    remote_cseq: Option<u32>,
    routes: RouteSet,
    target: String,
    secure: bool,
}

impl Dialog {
    /// The dialog that our response to `request` makes, with our tag (RFC 3261 §12.1.1).
    ///
    /// A caller of RFC 2543 without Contact is reached at the URI of its From.
    ///
    /// # Errors
    /// When the request cannot make one.
    pub fn uas(request: Request<'_>, local_tag: &str, state: State) -> Result<Self, DialogError> {
        let headers = request.headers();
        let (from, to) = ends(headers)?;
        let mut local = plain(to.raw);
        if to.tag().is_none() {
            local.extend_from_slice(b";tag=");
            local.extend_from_slice(local_tag.as_bytes());
        }
        let id = DialogId::new(call_id(headers)?, to.tag().unwrap_or(local_tag), from.tag());
        Ok(Self {
            id,
            role: Role::Uas,
            state,
            local,
            remote: plain(from.raw),
            local_cseq: None,
            remote_cseq: Some(cseq(headers)?.number),
            routes: RouteSet::of_request(headers).map_err(|_| DialogError::RecordRoute)?,
            target: contact(headers)
                .or_else(|| without_contact(&from))
                .ok_or(DialogError::Contact)?,
            secure: request.uri_bytes().get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"sips:")),
        })
    }

    /// The dialog that `response` to our `request` makes (RFC 3261 §12.1.2). A peer of
    /// RFC 2543 may answer 2xx without a tag; a missing Contact is replaced with the request
    /// URI, since calls from such peers would be lost otherwise.
    ///
    /// # Errors
    /// [`DialogError::NoDialog`] for 100, 3xx to 6xx, and a provisional response without tag.
    pub fn uac(request: Request<'_>, response: Response<'_>) -> Result<Self, DialogError> {
        let status = response.status();
        let headers = response.headers();
        let (from, to) = ends(headers)?;
        let early = status.is_provisional();
        let makes_one = match (early, to.tag()) {
            (true, tag) => status.as_u16() > 100 && tag.is_some(),
            (false, _) => status.is_success(),
        };
        if !makes_one {
            return Err(DialogError::NoDialog);
        }
        let local_tag = from.tag().ok_or(DialogError::Header(HeaderName::FROM))?;
        let target = match contact(headers) {
            Some(target) => target,
            None => String::from_utf8_lossy(request.uri_bytes()).into_owned(),
        };
        Ok(Self {
            id: DialogId::new(call_id(headers)?, local_tag, to.tag()),
            role: Role::Uac,
            state: if early { State::Early } else { State::Confirmed },
            local: plain(from.raw),
            remote: plain(to.raw),
            local_cseq: Some(cseq(request.headers())?.number),
            remote_cseq: None,
            routes: RouteSet::of_response(headers).map_err(|_| DialogError::RecordRoute)?,
            target,
            secure: request.uri_bytes().get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"sips:")),
        })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// Which side we are.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The URI that our requests go to in the end (RFC 3261 §12: remote target).
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The route set.
    #[must_use]
    pub const fn routes(&self) -> &RouteSet {
        &self.routes
    }

    /// Whether it was made with a `sips` request URI, so that all of it must be secure.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The sequence number of our last request, once there is one.
    #[must_use]
    pub const fn local_cseq(&self) -> Option<u32> {
        self.local_cseq
    }

    /// The highest sequence number of the peer's requests, once there is one.
    #[must_use]
    pub const fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// Where the next request goes first: the top route, else the target.
    #[must_use]
    pub fn next_hop(&self) -> &str {
        self.routes.next_hop().unwrap_or(&self.target)
    }

    /// A 2xx to the INVITE that made the dialog: it is confirmed now. The caller's side
    /// computes the route set and the target anew from it (RFC 3261 §13.2.2.4); this is the
    /// only time that a route set changes.
    ///
    /// # Errors
    /// [`DialogError::RecordRoute`]; then nothing has changed.
    pub fn confirm(&mut self, response: Response<'_>) -> Result<(), DialogError> {
        if self.role == Role::Uac && self.state == State::Early {
            let headers = response.headers();
            self.routes = RouteSet::of_response(headers).map_err(|_| DialogError::RecordRoute)?;
            self.refresh_target(headers);
        }
        self.state = State::Confirmed;
        Ok(())
    }

    /// Our 2xx was sent.
    pub const fn confirm_local(&mut self) {
        self.state = State::Confirmed;
    }

    /// Takes the Contact of a target refresh request, or of the 2xx to one (RFC 3261 §12.2):
    /// re-INVITE, UPDATE, SUBSCRIBE, NOTIFY, REFER. Only the target changes, never the routes.
    pub fn refresh_target(&mut self, headers: crate::message::Headers<'_>) {
        if let Some(target) = contact(headers) {
            self.target = target;
        }
    }

    /// Begins our next request: request URI, routes, From, To, Call-ID, CSeq and Max-Forwards
    /// are in it; Via is the transaction's.
    ///
    /// # Errors
    /// [`DialogError::Exhausted`] after 2³¹ - 1.
    pub fn request(&mut self, method: Method<'_>) -> Result<RequestBuilder, DialogError> {
        let number = self.next_cseq()?;
        Ok(self.request_with(method, number))
    }

    /// Takes the next of our sequence numbers, for a request that is sent again after a
    /// challenge.
    ///
    /// # Errors
    /// [`DialogError::Exhausted`] after 2³¹ - 1.
    pub fn next_cseq(&mut self) -> Result<u32, DialogError> {
        let number = self.local_cseq.map_or(Some(1), |n| n.checked_add(1));
        let number = number.filter(|n| *n <= CSEQ_MAX).ok_or(DialogError::Exhausted)?;
        self.local_cseq = Some(number);
        Ok(number)
    }

    /// Begins the ACK of a 2xx to our INVITE with this sequence number (RFC 3261 §13.2.2.4):
    /// the number is the INVITE's, whatever was sent since.
    #[must_use]
    pub fn ack(&self, invite_cseq: u32) -> RequestBuilder {
        self.request_with(Method::Ack, invite_cseq)
    }

    fn request_with(&self, method: Method<'_>, cseq: u32) -> RequestBuilder {
        let hop = self.routes.plan(&self.target);
        let mut builder = RequestBuf::build(method, &hop.uri);
        for route in &hop.routes {
            builder = builder.header(HeaderName::ROUTE, route);
        }
        builder
            .copy(HeaderName::FROM, &self.local)
            .copy(HeaderName::TO, &self.remote)
            .header(HeaderName::CALL_ID, self.id.call_id())
            .header(HeaderName::CSEQ, CSeq { number: cseq, method })
            .header(HeaderName::MAX_FORWARDS, 70)
    }

    /// Judges a request of the peer in this dialog and keeps its sequence number
    /// (RFC 3261 §12.2.2): gaps are legal, lower numbers are not. ACK and CANCEL repeat the
    /// number of their INVITE and are not judged.
    ///
    /// # Errors
    /// When it must be refused; then nothing has changed.
    pub fn receive(&mut self, request: Request<'_>) -> Result<(), OutOfOrder> {
        let number = cseq(request.headers()).map_err(|_| OutOfOrder::Unreadable)?.number;
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(OutOfOrder::Lower);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }
}

fn ends<'a>(
    headers: crate::message::Headers<'a>,
) -> Result<(NameAddr<'a>, NameAddr<'a>), DialogError> {
    let end = |name| {
        let value = headers.bytes(name).ok_or(DialogError::Header(name))?;
        NameAddr::parse(value).map_err(|_| DialogError::Header(name))
    };
    Ok((end(HeaderName::FROM)?, end(HeaderName::TO)?))
}

fn call_id(headers: crate::message::Headers<'_>) -> Result<&str, DialogError> {
    headers.get(HeaderName::CALL_ID).ok_or(DialogError::Header(HeaderName::CALL_ID))
}

fn cseq(headers: crate::message::Headers<'_>) -> Result<CSeq<'_>, DialogError> {
    headers.typed::<CSeq<'_>>().ok().flatten().ok_or(DialogError::Header(HeaderName::CSEQ))
}

/// The first Contact, when it is a SIP or SIPS URI.
fn contact(headers: crate::message::Headers<'_>) -> Option<String> {
    match headers.typed::<Contact<'_>>().ok().flatten()? {
        Contact::Address(address) => match address.uri().ok()? {
            Uri::Sip(uri) => Some(String::from(uri.raw)),
            _ => None,
        },
        Contact::Star => None,
    }
}

/// Where a caller of RFC 2543, which has no tag and need have no Contact, is reached: at its From (RFC 2543
/// §6.13, RFC 4475 §3.4.1). All others must have one.
fn without_contact(from: &NameAddr<'_>) -> Option<String> {
    match (from.tag(), from.uri().ok()?) {
        (None, Uri::Sip(uri)) => Some(String::from(uri.raw)),
        _ => None,
    }
}

/// A header value on one line.
fn plain(value: &[u8]) -> Vec<u8> {
    proto_wire::head::unfold(value).into_owned()
}

#[cfg(test)]
mod tests;

//! What a request may carry to us, and what it lets us carry back (RFC 3261 §8.2.3, §21.4.7, §21.4.13).

use super::UserAgent;
use super::outgoing::SDP;
use crate::endpoint::TransactionId;
use crate::headers::{Accept, ContentDisposition, ContentEncoding, ContentType};
use crate::message::{HeaderName, Headers, RequestBuf, StatusCode};
use alloc::string::String;
use bytes::Bytes;

impl UserAgent {
    /// Refuses a request of a call whose body is no session description that can be read (415), or that
    /// takes none back (406). Whether it did.
    pub(super) fn refuses_session(&mut self, id: TransactionId, request: &RequestBuf) -> bool {
        if self.refuses_coding(id, request, &[]) {
            return true;
        }
        let (headers, body) = (request.headers(), request.body());
        let odd = !body.is_empty() && sdp_of(headers, body).is_none() && !is_optional(headers);
        if odd {
            self.refuse_body(id, HeaderName::ACCEPT, SDP);
        } else if !takes_sdp(headers) {
            self.answer_with(id, StatusCode::NOT_ACCEPTABLE);
        } else {
            return false;
        }
        true
    }

    /// Refuses a MESSAGE of a type or a coding that is not wanted. Whether it did.
    pub(super) fn refuses_message(&mut self, id: TransactionId, request: &RequestBuf) -> bool {
        let config = alloc::sync::Arc::clone(&self.config);
        if self.refuses_coding(id, request, &config.codings) {
            return true;
        }
        let essence = essence(request.headers());
        let wanted = |accept: &String| accept.eq_ignore_ascii_case(essence);
        if config.accept.is_empty() || config.accept.iter().any(wanted) {
            return false;
        }
        self.refuse_body(id, HeaderName::ACCEPT, &config.accept.join(", "));
        true
    }

    fn refuses_coding(
        &mut self,
        id: TransactionId,
        request: &RequestBuf,
        known: &[String],
    ) -> bool {
        let headers = request.headers();
        if !is_coded(headers, known) || request.body().is_empty() || is_optional(headers) {
            return false;
        }
        let coded = if known.is_empty() { String::from("identity") } else { self.config.coded() };
        self.refuse_body(id, HeaderName::ACCEPT_ENCODING, &coded);
        true
    }

    fn refuse_body(&mut self, id: TransactionId, name: HeaderName, accepted: &str) {
        if let Some(reply) = self.reply(id, StatusCode::UNSUPPORTED_MEDIA_TYPE) {
            self.respond_built(id, reply.header(name, accepted).build());
        }
    }
}

/// The session description that a message carries.
pub(super) fn sdp_of(headers: Headers<'_>, body: Bytes) -> Option<Bytes> {
    if body.is_empty() || is_coded(headers, &[]) {
        return None;
    }
    let kind = headers.typed::<ContentType<'_>>().ok().flatten()?;
    kind.is(SDP).then_some(body)
}

/// The type of a MESSAGE; text when it does not say (RFC 3428 §5).
pub(super) fn essence(headers: Headers<'_>) -> &str {
    let kind = headers.typed::<ContentType<'_>>().ok().flatten();
    kind.map_or("text/plain", |k| k.essence)
}

/// Whether the body has a coding that is not among these.
fn is_coded(headers: Headers<'_>, known: &[String]) -> bool {
    let codings = headers.values::<ContentEncoding<'_>>().filter_map(Result::ok);
    codings.into_iter().any(|coding| !coding.is("identity") && !known.iter().any(|k| coding.is(k)))
}

/// Whether a body may be ignored (RFC 3261 §20.11).
fn is_optional(headers: Headers<'_>) -> bool {
    let disposition = headers.typed::<ContentDisposition<'_>>();
    let handling = disposition.ok().flatten().and_then(|d| d.param("handling"));
    handling.is_some_and(|h| h.eq_ignore_ascii_case("optional"))
}

/// Whether the answer may have a session description: `Accept` is not there (RFC 3261 §20.1), or names
/// the type, or all.
fn takes_sdp(headers: Headers<'_>) -> bool {
    if headers.first(HeaderName::ACCEPT).is_none() {
        return true;
    }
    let mut all = headers.values::<Accept<'_>>().filter_map(Result::ok);
    all.any(|accept| {
        let named = [SDP, "application/*", "*/*"].iter().any(|range| accept.is(range));
        let refused = accept.param("q").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        named && !refused
    })
}

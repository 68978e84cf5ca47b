//! Requests from others (RFC 3261 §8.2, §11.2; RFC 3428 §7).

use super::{UaEvent, UserAgent};
use crate::endpoint::TransactionId;
use crate::headers::{ContentType, From, Require, To};
use crate::message::{Builder, HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use alloc::string::String;
use alloc::vec::Vec;

/// The methods that the agent takes.
const ALLOW: &str = "MESSAGE, OPTIONS";

impl UserAgent {
    pub(super) fn receive(&mut self, id: TransactionId, request: RequestBuf) {
        let headers = request.headers();
        let method = request.view().method();
        let Ok(reply) = self.endpoint.reply(id, StatusCode::OK) else { return };
        let refuse = |ua: &Self, status| ua.endpoint.reply(id, status).ok();
        if !matches!(method, Method::Message | Method::Options) {
            // RFC 3261 §8.2.1.
            let reply = refuse(self, StatusCode::METHOD_NOT_ALLOWED);
            return self.send_reply(id, reply.map(|r| r.header(HeaderName::ALLOW, ALLOW)));
        }
        let tags: Vec<&str> = headers.values::<Require<'_>>().flatten().map(|t| t.0).collect();
        if !tags.is_empty() {
            let reply = refuse(self, StatusCode::BAD_EXTENSION);
            let tags = tags.join(", ");
            return self.send_reply(id, reply.map(|r| r.header(HeaderName::UNSUPPORTED, tags)));
        }
        if method == Method::Options {
            let reply =
                reply.header(HeaderName::ALLOW, ALLOW).header(HeaderName::ACCEPT, self.accepted());
            return self.send_reply(id, Some(reply));
        }
        // There are no dialogs here, so a To tag means one that has ended.
        let to: Option<To<'_>> = headers.typed().ok().flatten();
        if to.is_some_and(|t| t.tag().is_some()) {
            let reply = refuse(self, StatusCode::CALL_DOES_NOT_EXIST);
            return self.send_reply(id, reply);
        }
        let kind = headers.typed::<ContentType<'_>>().ok().flatten();
        let essence = kind.map_or("text/plain", |k| k.essence);
        let takes = |accept: &[String]| {
            accept.is_empty() || accept.iter().any(|a| a.eq_ignore_ascii_case(essence))
        };
        if !takes(&self.config.accept) {
            let reply = refuse(self, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            let accept = self.accepted();
            return self.send_reply(id, reply.map(|r| r.header(HeaderName::ACCEPT, accept)));
        }
        let from: Option<From<'_>> = headers.typed().ok().flatten();
        let from =
            from.and_then(|f| f.uri().ok().map(|u| String::from(u.as_str()))).unwrap_or_default();
        let content_type = headers
            .get(HeaderName::CONTENT_TYPE)
            .map_or_else(|| String::from(essence), String::from);
        let body = request.body();
        // RFC 3428 §7: 200 without a body and without Contact.
        self.send_reply(id, Some(reply));
        self.tell(UaEvent::Message { from, content_type, body, request });
    }

    fn accepted(&self) -> String {
        if self.config.accept.is_empty() {
            String::from("*/*")
        } else {
            self.config.accept.join(", ")
        }
    }

    fn send_reply(&mut self, id: TransactionId, reply: Option<Builder<ResponseBuf>>) {
        let Some(Ok(reply)) = reply.map(Builder::<ResponseBuf>::build) else { return };
        // A transaction that has ended needs no answer.
        let _ended = self.endpoint.respond(self.now, id, &reply).is_err();
    }
}

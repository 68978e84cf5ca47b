//! What a REGISTER asks for, and what comes of it (RFC 3261 §10.3 items 2 to 7).

use super::{Binding, RegistrarConfig, address_of, seconds};
use crate::endpoint::Path;
use crate::headers::{CSeq, CallId, Contact, Expires, QValue, Require};
use crate::message::{Builder, HeaderName, Request, ResponseBuf, StatusCode};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Instant;
use proto_wire::text::chars;

/// What a REGISTER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Update {
    /// No Contact: which bindings are there?
    Query,
    /// `*`: remove all.
    RemoveAll,
    /// Set or remove these.
    Contacts(Vec<Wish>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    uri: String,
    expires: u32,
    q: Option<QValue>,
    instance: Option<String>,
    reg_id: Option<u32>,
}

/// Why a REGISTER fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Status(StatusCode),
    Unsupported(Vec<String>),
    TooBrief(u32),
}

impl Refusal {
    pub(super) fn into_reply(self, request: Request<'_>) -> Builder<ResponseBuf> {
        let reply = |status| ResponseBuf::reply_to(request, status, None);
        match self {
            Self::Status(status) => reply(status),
            Self::Unsupported(tags) => {
                reply(StatusCode::BAD_EXTENSION).header(HeaderName::UNSUPPORTED, tags.join(", "))
            }
            Self::TooBrief(min) => {
                reply(StatusCode::INTERVAL_TOO_BRIEF).header(HeaderName::MIN_EXPIRES, min)
            }
        }
    }
}

const BAD_REQUEST: Refusal = Refusal::Status(StatusCode::BAD_REQUEST);

/// Reads the request, before anything is looked up: the address of record and the update.
pub(super) fn read(
    config: &RegistrarConfig,
    request: Request<'_>,
) -> Result<(String, Update), Refusal> {
    let headers = request.headers();
    let unsupported: Vec<String> = headers
        .values::<Require<'_>>()
        .flatten()
        .filter(|tag| !config.supported.iter().any(|s| s.eq_ignore_ascii_case(tag.0)))
        .map(|tag| String::from(tag.0))
        .collect();
    if !unsupported.is_empty() {
        return Err(Refusal::Unsupported(unsupported));
    }
    let (address, host) = address_of(request).ok_or(Refusal::Status(StatusCode::NOT_FOUND))?;
    if !config.is_ours(&host) {
        return Err(Refusal::Status(StatusCode::NOT_FOUND));
    }
    let header_expires = headers.typed::<Expires>().ok().flatten().map(|e| e.0);
    let mut wishes = Vec::new();
    let mut star = false;
    for contact in headers.values::<Contact<'_>>() {
        let contact = contact.map_err(|_| BAD_REQUEST)?;
        let Contact::Address(contact_address) = contact else {
            star = true;
            continue;
        };
        let asked = contact.expires().or(header_expires).unwrap_or(config.expires_default);
        // Item 7: only what is below one hour can be too brief.
        if asked > 0 && asked < 3600 && asked < config.expires_min {
            return Err(Refusal::TooBrief(config.expires_min));
        }
        let uri = contact_address.uri().map_err(|_| BAD_REQUEST)?;
        let text = |name: &[u8]| contact_address.params().value(name);
        let instance = text(b"+sip.instance").and_then(|v| core::str::from_utf8(v).ok());
        wishes.push(Wish {
            uri: String::from(uri.as_str()),
            expires: asked.min(config.expires_max),
            q: contact.q().map_err(|_| BAD_REQUEST)?,
            instance: instance.map(String::from),
            // RFC 5626 §6: reg-id without an instance means nothing.
            reg_id: instance.and_then(|_| text(b"reg-id")).and_then(chars::parse_u32),
        });
    }
    let update = match (star, wishes.is_empty()) {
        // Item 6: alone, and with Expires: 0.
        (true, true) if header_expires == Some(0) => Update::RemoveAll,
        (true, _) => return Err(BAD_REQUEST),
        (false, true) => Update::Query,
        (false, false) => Update::Contacts(wishes),
    };
    Ok((address, update))
}

/// The bindings after the update: all of it, or none.
pub(super) fn apply(
    config: &RegistrarConfig,
    now: Instant,
    request: Request<'_>,
    source: Path,
    update: &Update,
    mut bindings: Vec<Binding>,
) -> Result<Vec<Binding>, Refusal> {
    let headers = request.headers();
    let call_id = headers.typed::<CallId<'_>>().ok().flatten().map_or("", |c| c.0);
    let cseq = headers.typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
    // Items 6 and 7: an older request of the same client must not undo a newer one.
    let out_of_order = |b: &Binding| b.call_id == call_id && cseq <= b.cseq;
    let wishes = match update {
        Update::Query => return Ok(bindings),
        Update::RemoveAll => {
            if bindings.iter().any(out_of_order) {
                return Err(Refusal::Status(StatusCode::SERVER_INTERNAL_ERROR));
            }
            return Ok(Vec::new());
        }
        Update::Contacts(wishes) => wishes,
    };
    let path: Vec<String> = headers.all(HeaderName::PATH).map(String::from).collect();
    // Bindings that this very request has set may be set again by it.
    let before = bindings.clone();
    for wish in wishes {
        let uri = Uri::parse(wish.uri.as_bytes()).map_err(|_| BAD_REQUEST)?;
        let same = |b: &Binding| b.is_for(&uri, wish.instance.as_deref(), wish.reg_id);
        if before.iter().any(|b| same(b) && out_of_order(b)) {
            return Err(Refusal::Status(StatusCode::SERVER_INTERNAL_ERROR));
        }
        bindings.retain(|b| !same(b));
        if wish.expires == 0 {
            continue;
        }
        bindings.push(Binding {
            uri: wish.uri.clone(),
            q: wish.q,
            expires: now.saturating_add(seconds(wish.expires)),
            call_id: String::from(call_id),
            cseq,
            path: path.clone(),
            instance: wish.instance.clone(),
            reg_id: wish.reg_id,
            source,
        });
    }
    if bindings.len() > config.bindings_max {
        return Err(Refusal::Status(StatusCode::FORBIDDEN));
    }
    Ok(bindings)
}

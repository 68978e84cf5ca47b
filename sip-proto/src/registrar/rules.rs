//! What a REGISTER asks for, and what comes of it (RFC 3261 §10.3 items 2 to 7).

use super::{Binding, RegistrarConfig, address_of, seconds};
use crate::endpoint::Path;
use crate::headers::{CSeq, CallId, Contact, Expires, Features, QValue, Require, Supported, Via};
use crate::message::{Builder, HeaderName, Request, ResponseBuf, StatusCode};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Instant;

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

impl Update {
    /// Whether a flow was registered (RFC 5626).
    pub(super) fn has_flow(&self) -> bool {
        matches!(self, Self::Contacts(wishes) if wishes.iter().any(|w| w.reg_id.is_some() && w.expires > 0))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    uri: String,
    expires: u32,
    q: Option<QValue>,
    instance: Option<String>,
    reg_id: Option<u32>,
    features: Features,
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
const FORBIDDEN: Refusal = Refusal::Status(StatusCode::FORBIDDEN);

/// Whether the client says that it supports an option-tag.
pub(super) fn supports(request: Request<'_>, tag: &str) -> bool {
    let tags = request.headers().values::<Supported<'_>>();
    tags.flatten().any(|t| t.0.eq_ignore_ascii_case(tag))
}

/// RFC 5626 §6: flows are for direct clients, and those behind an edge proxy that says `ob`.
fn outbound(request: Request<'_>, wishes: &mut [Wish]) -> Result<(), Refusal> {
    if wishes.iter().all(|w| w.reg_id.is_none()) {
        return Ok(());
    }
    if wishes.iter().filter(|w| w.expires > 0).count() > 1 {
        return Err(BAD_REQUEST);
    }
    let headers = request.headers();
    let direct = headers.values::<Via<'_>>().count() == 1;
    let ob = |path: &crate::headers::Path<'_>| {
        path.uri().is_ok_and(|u| u.as_sip().is_some_and(|s| s.params().contains(b"ob")))
    };
    // The edge proxy is the one that wrote its Path first, so it stands last.
    let edge = headers.values::<crate::headers::Path<'_>>().flatten().last();
    if direct || edge.as_ref().is_some_and(ob) {
        return Ok(());
    }
    if supports(request, "outbound") {
        return Err(Refusal::Status(StatusCode::FIRST_HOP_LACKS_OUTBOUND));
    }
    for wish in wishes {
        wish.reg_id = None;
    }
    Ok(())
}

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
    // RFC 3327 §5.3: a Path that the client knows nothing of is refused.
    if headers.first(HeaderName::PATH).is_some() && !supports(request, "path") {
        return Err(Refusal::Unsupported(alloc::vec![String::from("path")]));
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
        let instance = contact.instance();
        if instance.is_some() && asked > 0 {
            // RFC 5627 §5.1: a contact that leads back here would be a loop.
            let sip = uri.as_sip().ok_or(FORBIDDEN)?;
            if sip.address_key() == address {
                return Err(FORBIDDEN);
            }
        }
        wishes.push(Wish {
            uri: String::from(uri.as_str()),
            expires: asked.min(config.expires_max),
            q: contact.q().map_err(|_| BAD_REQUEST)?,
            instance: instance.map(String::from),
            // RFC 5626 §6: reg-id without an instance means nothing.
            reg_id: instance.and_then(|_| contact.reg_id()),
            features: Features::of(&contact),
        });
    }
    outbound(request, &mut wishes)?;
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
    let hops = headers.values::<crate::headers::Path<'_>>();
    let hops = hops.map(|hop| hop.map(|h| String::from_utf8_lossy(h.raw).into_owned()));
    let path = hops.collect::<Result<Vec<String>, _>>().map_err(|_| BAD_REQUEST)?;
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
        let expires = now.saturating_add(seconds(wish.expires));
        let mut binding = Binding::new(wish.uri.as_str(), expires, call_id, cseq, source);
        binding.q = wish.q;
        binding.path.clone_from(&path);
        binding.instance.clone_from(&wish.instance);
        binding.reg_id = wish.reg_id;
        binding.features.clone_from(&wish.features);
        bindings.push(binding);
        // Even if all that were there before are removed by the rest: looked at here, so that a long
        // list is not compared with itself.
        if bindings.len() > config.bindings_max.saturating_add(before.len()) {
            return Err(Refusal::Status(StatusCode::FORBIDDEN));
        }
    }
    if bindings.len() > config.bindings_max {
        return Err(Refusal::Status(StatusCode::FORBIDDEN));
    }
    Ok(bindings)
}

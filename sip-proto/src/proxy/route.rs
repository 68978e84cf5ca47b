//! Where a request goes next: routes that are ours, strict routers, what URIs lead to without DNS
//! (RFC 3261 §16.4, §16.6 items 6 and 7).

use crate::endpoint::Target;
use crate::headers::{Route, Transport};
use crate::message::{BuildError, EditError, HeaderName, RequestBuf};
use crate::uri::{SipUri, Uri};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use proto_wire::text::host::Host;

/// A request without the routes that led here.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) request: RequestBuf,
    /// The user parts of the routes of ours, the first first: what our Record-Route said.
    #[cfg_attr(
        not(feature = "digest"),
        expect(dead_code, reason = "only the home server seals something into them")
    )]
    pub(crate) marks: Vec<String>,
    /// Whether a route of ours was there.
    pub(crate) routed: bool,
}

/// Why a request cannot be routed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unroutable;

impl From<EditError> for Unroutable {
    fn from(_: EditError) -> Self {
        Self
    }
}

impl From<BuildError> for Unroutable {
    fn from(_: BuildError) -> Self {
        Self
    }
}

/// §16.4: takes away what is ours of the route, and undoes what a strict router did.
pub(crate) fn arrive(
    request: &RequestBuf,
    is_ours: impl Fn(&SipUri<'_>) -> bool,
) -> Result<Arrived, Unroutable> {
    let (mut request, mut marks, mut routed) = (request.clone(), Vec::new(), false);
    let routes = routes_of(&request)?;
    if let (Ok(Uri::Sip(uri)), Some((last, others))) = (request.view().uri(), routes.split_last()) {
        // Only a Record-Route of ours has `lr`: a strict router put it here.
        if uri.params().contains(b"lr") && is_ours(&uri) {
            marks.extend(uri.user.map(String::from));
            routed = true;
            let target = uri_of(last).ok_or(Unroutable)?;
            request = rerouted(&request, Some(target), others)?;
        }
    }
    loop {
        let first = request.headers().typed::<Route<'_>>().map_err(|_| Unroutable)?;
        let Some(first) = first else { break };
        let Ok(Uri::Sip(uri)) = first.uri() else { break };
        if !is_ours(&uri) {
            break;
        }
        marks.extend(uri.user.map(String::from));
        routed = true;
        let bytes = request.view().edit().pop_route()?.to_bytes()?;
        request = RequestBuf::parse(bytes).map_err(|_| Unroutable)?;
    }
    Ok(Arrived { request, marks, routed })
}

/// The URI that a request goes to next: the first of its route, else its request URI. A strict
/// router gets the form that it wants (§16.6 item 6).
pub(crate) fn leave(request: RequestBuf) -> Result<(RequestBuf, String), Unroutable> {
    let routes = routes_of(&request)?;
    let own = String::from_utf8_lossy(request.view().uri_bytes()).into_owned();
    let Some((first, others)) = routes.split_first() else { return Ok((request, own)) };
    let hop = String::from(uri_of(first).ok_or(Unroutable)?);
    let loose = Uri::parse(hop.as_bytes())
        .is_ok_and(|uri| uri.as_sip().is_none_or(SipUri::is_loose_router));
    if loose {
        return Ok((request, hop));
    }
    let mut route: Vec<String> = others.to_vec();
    route.push(alloc::format!("<{own}>"));
    Ok((rerouted(&request, Some(&hop), &route)?, hop))
}

fn rerouted(
    request: &RequestBuf,
    uri: Option<&str>,
    routes: &[String],
) -> Result<RequestBuf, Unroutable> {
    let joined = routes.join(", ");
    let mut edits = request.view().edit();
    if let Some(uri) = uri {
        edits.set_uri(uri)?;
    }
    if !joined.is_empty() {
        edits.push(HeaderName::ROUTE, &joined)?;
    }
    edits.remove(HeaderName::ROUTE)?;
    RequestBuf::parse(edits.to_bytes()?).map_err(|_| Unroutable)
}

fn routes_of(request: &RequestBuf) -> Result<Vec<String>, Unroutable> {
    let routes = request.headers().values::<Route<'_>>();
    let text = |route: Route<'_>| {
        String::from_utf8_lossy(&proto_wire::head::unfold(route.raw)).into_owned()
    };
    routes.map(|route| route.map(text).map_err(|_| Unroutable)).collect()
}

fn uri_of(route: &str) -> Option<&str> {
    let parsed = crate::headers::NameAddr::parse(route.as_bytes()).ok()?;
    core::str::from_utf8(parsed.uri_bytes()).ok()
}

/// Where a URI leads without DNS (RFC 3263 §4): to its `maddr` when it has one, and over TLS when it is
/// `sips`, whatever else is said (RFC 3261 §26.2.2). `None` when only DNS knows.
#[must_use]
pub fn numeric_target(uri: &SipUri<'_>) -> Option<Target> {
    let named = match uri.param("transport") {
        Some(name) => Some(Transport::from_bytes(name.as_bytes())?),
        None => None,
    };
    let transport = match (uri.secure, named) {
        (false, named) => named.unwrap_or(Transport::Udp),
        (true, Some(Transport::Ws | Transport::Wss)) => Transport::Wss,
        (true, _) => Transport::Tls,
    };
    let ip = match uri.param("maddr") {
        Some(address) => Host::parse(address.as_bytes()).ok()?.ip(),
        None => uri.host.ip(),
    };
    let port = uri.port.unwrap_or_else(|| transport.default_port());
    Some(Target::Address(transport, SocketAddr::new(ip?, port)))
}

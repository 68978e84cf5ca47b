//! Route sets, loose and strict (RFC 3261 §12.1, §12.2.1.1).

use crate::headers::{NameAddr, RecordRoute};
use crate::message::Headers;
use crate::uri::{SipUri, Uri};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::ParseError;

/// The proxies that the requests of a dialog pass, nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSet(Vec<String>);

/// What a request with a route set is sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop<'a> {
    /// The request URI.
    pub uri: Cow<'a, str>,
    /// The values of Route, in order, one header each.
    pub routes: Vec<Cow<'a, str>>,
}

impl RouteSet {
    /// The route set of the side that answers: every Record-Route value of the request, in
    /// their order (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn of_request(headers: Headers<'_>) -> Result<Self, ParseError> {
        let mut routes = Vec::new();
        for route in headers.values::<RecordRoute<'_>>() {
            let route = route?;
            route.uri()?;
            let plain = proto_wire::head::unfold(route.raw);
            routes.push(String::from_utf8_lossy(&plain).into_owned());
        }
        Ok(Self(routes))
    }

    /// The route set of the side that asked: every Record-Route value of the response, in
    /// reverse (RFC 3261 §12.1.2).
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn of_response(headers: Headers<'_>) -> Result<Self, ParseError> {
        let mut set = Self::of_request(headers)?;
        set.0.reverse();
        Ok(set)
    }

    /// A route set of these values of Route, for example a Service-Route (RFC 3608).
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(routes.into_iter().map(Into::into).collect())
    }

    /// The values, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether requests go straight to the peer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The URI of the nearest proxy.
    #[must_use]
    pub fn next_hop(&self) -> Option<&str> {
        self.0.first().and_then(|route| uri_of(route))
    }

    /// The request URI and the routes of a request to `target` (RFC 3261 §12.2.1.1). A
    /// nearest proxy without `lr` is a strict router: it wants itself as the request URI and
    /// the target as the last route.
    ///
    /// ```
    /// use sip_proto::dialog::RouteSet;
    ///
    /// let loose = RouteSet::new(["<sip:p1;lr>", "<sip:p2;lr>"]);
    /// assert_eq!(loose.plan("sip:bob@h").uri, "sip:bob@h");
    /// assert_eq!(loose.plan("sip:bob@h").routes, ["<sip:p1;lr>", "<sip:p2;lr>"]);
    /// let strict = RouteSet::new(["<sip:p1>", "<sip:p2>"]);
    /// assert_eq!(strict.plan("sip:bob@h").uri, "sip:p1");
    /// assert_eq!(strict.plan("sip:bob@h").routes, ["<sip:p2>", "<sip:bob@h>"]);
    /// ```
    #[must_use]
    pub fn plan<'a>(&'a self, target: &'a str) -> Hop<'a> {
        let all = || self.0.iter().map(|r| Cow::Borrowed(r.as_str()));
        let first = self.next_hop();
        match first.and_then(sip) {
            Some(uri) if !uri.is_loose_router() => {
                let routes = all().skip(1);
                let last = Cow::Owned(alloc::format!("<{target}>"));
                Hop { uri: request_uri(uri.raw), routes: routes.chain([last]).collect() }
            }
            _ => Hop { uri: request_uri(target), routes: all().collect() },
        }
    }
}

fn uri_of(route: &str) -> Option<&str> {
    let address = NameAddr::parse(route.as_bytes()).ok()?;
    core::str::from_utf8(address.uri_bytes()).ok()
}

fn sip(uri: &str) -> Option<SipUri<'_>> {
    match Uri::parse(uri.as_bytes()).ok()? {
        Uri::Sip(uri) => Some(uri),
        _ => None,
    }
}

/// `uri` without what a request URI may not have (RFC 3261 §19.1.1, table 1): headers and the
/// parameter `method`.
pub(crate) fn request_uri(uri: &str) -> Cow<'_, str> {
    let Some(parsed) = sip(uri) else { return Cow::Borrowed(uri) };
    let method = parsed.params().param(b"method");
    if !parsed.has_headers() && method.is_none() && !uri.ends_with('?') {
        return Cow::Borrowed(uri);
    }
    // Parameters and headers stand behind the last `@`; a `?` before it is of the user part.
    let host_at = uri.find('@').map_or(0, |at| at.saturating_add(1));
    let question = uri.get(host_at..).and_then(|t| t.find('?'));
    let end = question.map_or(uri.len(), |at| host_at.saturating_add(at));
    let without_headers = uri.get(..end).unwrap_or(uri);
    let params = parsed.params().as_bytes().len();
    let (base, params) = without_headers
        .split_at_checked(without_headers.len().saturating_sub(params))
        .unwrap_or((without_headers, ""));
    let mut out = String::from(base);
    for param in params.split(';').filter(|p| !p.is_empty()) {
        let name = param.split('=').next().unwrap_or("");
        if !name.eq_ignore_ascii_case("method") {
            out.push(';');
            out.push_str(param);
        }
    }
    Cow::Owned(out)
}

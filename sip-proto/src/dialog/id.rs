//! What names a dialog.

use crate::headers::NameAddr;
use crate::message::{HeaderName, Headers, Request, Response};
use alloc::boxed::Box;

/// Call-ID and both tags (RFC 3261 §12). Compared byte by byte. A peer of RFC 2543 may have no
/// tag, which is another thing than any tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    call_id: Box<str>,
    local_tag: Box<str>,
    remote_tag: Option<Box<str>>,
}

impl DialogId {
    /// The name of these parts.
    #[must_use]
    pub fn new(call_id: &str, local_tag: &str, remote_tag: Option<&str>) -> Self {
        Self {
            call_id: call_id.into(),
            local_tag: local_tag.into(),
            remote_tag: remote_tag.map(Into::into),
        }
    }

    /// The dialog that a request from the peer is in: our tag is the one in To. `None`
    /// without a tag there, which is how requests begin that are in no dialog.
    #[must_use]
    pub fn of_request(request: Request<'_>) -> Option<Self> {
        let (call_id, from, to) = parts(request.headers())?;
        Some(Self::new(call_id, to.tag()?, from.tag()))
    }

    /// The dialog that a response to our request is in or makes: our tag is the one in From.
    #[must_use]
    pub fn of_response(response: Response<'_>) -> Option<Self> {
        let (call_id, from, to) = parts(response.headers())?;
        Some(Self::new(call_id, from.tag()?, to.tag()))
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The peer's tag.
    #[must_use]
    pub fn remote_tag(&self) -> Option<&str> {
        self.remote_tag.as_deref()
    }
}

fn parts(headers: Headers<'_>) -> Option<(&str, NameAddr<'_>, NameAddr<'_>)> {
    let end = |name| NameAddr::parse(headers.bytes(name)?).ok();
    Some((headers.get(HeaderName::CALL_ID)?, end(HeaderName::FROM)?, end(HeaderName::TO)?))
}

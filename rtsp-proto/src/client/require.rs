//! Features that a client requires of the server (RFC 2326 §12.32, RFC 7826 §18.43).

use super::{Client, Event};
use crate::HeaderName;
use crate::message::{Method, Methods, Response, StatusCode};
use alloc::string::String;
use alloc::vec::Vec;

/// A feature that a server must have for some requests: a tag in `Require`.
///
/// ```
/// use rtsp_proto::client::{Config, Requirement};
///
/// // Talk to the camera's loudspeaker when it has one.
/// let config = Config::default().with_requirements(vec![Requirement::backchannel()]);
/// assert_eq!(config.requirements[0].tag, "www.onvif.org/ver20/backchannel");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirement {
    /// The tag.
    pub tag: String,
    /// With which methods it is sent.
    pub methods: Methods,
    /// Whether we go on without it when the server answers 551.
    pub optional: bool,
}

impl Requirement {
    /// `tag` with all methods but OPTIONS; a server without it is of no use.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        let mut methods = Methods::NONE;
        for method in Method::KNOWN {
            methods = methods.with(*method);
        }
        Self { tag: String::from(tag), methods: methods.without(Method::Options), optional: false }
    }

    /// The ONVIF backchannel (ONVIF Streaming Specification §5.3): audio to the device. It
    /// is required on every request of a session, and devices without it are used without.
    #[must_use]
    pub fn backchannel() -> Self {
        Self { optional: true, ..Self::new("www.onvif.org/ver20/backchannel") }
    }

    /// ONVIF replay (ONVIF Streaming Specification §6.3): on SETUP and PLAY of recordings.
    #[must_use]
    pub fn onvif_replay() -> Self {
        let methods = Methods::of(&[Method::Setup, Method::Play]);
        Self { methods, ..Self::new("onvif-replay") }
    }

    /// The same with these methods only.
    #[must_use]
    pub const fn with_methods(mut self, methods: Methods) -> Self {
        self.methods = methods;
        self
    }

    /// The same, dropped (or not) when the server does not know it.
    #[must_use]
    pub const fn with_optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }
}

impl Client {
    /// The tags for a request, in order.
    pub(super) fn tags_for(&self, method: Method) -> Vec<String> {
        let wanted = self.requirements.iter().filter(|r| r.methods.contains(method));
        wanted.map(|r| r.tag.clone()).collect()
    }

    /// Takes a response; whether the request is to be sent again with fewer tags.
    #[cold]
    #[inline(never)]
    pub(super) fn drops_requirements(&mut self, sent: &[String], response: Response<'_>) -> bool {
        if response.status() != StatusCode::OPTION_NOT_SUPPORTED || sent.is_empty() {
            return false;
        }
        // Some devices do not say which.
        let headers = response.headers();
        let says_which = headers.contains(HeaderName::Unsupported);
        let is_unsupported = |tag: &str| {
            !says_which
                || headers
                    .tokens(HeaderName::Unsupported)
                    .any(|unsupported| unsupported.eq_ignore_ascii_case(tag))
        };
        let refused = |tag: &String| sent.contains(tag) && is_unsupported(tag);
        if self.requirements.iter().any(|r| refused(&r.tag) && !r.optional) {
            return false;
        }
        let mut fewer = !sent.iter().all(|tag| self.requirements.iter().any(|r| r.tag == *tag));
        let (dropped, kept) =
            core::mem::take(&mut self.requirements).into_iter().partition(|r| refused(&r.tag));
        self.requirements = kept;
        let dropped: Vec<Requirement> = dropped;
        for requirement in dropped {
            fewer = true;
            self.out.event(Event::RequirementDropped { tag: requirement.tag });
        }
        fewer
    }
}

//! Answering 401 and 407.

use super::Config;
use crate::message::{RequestBuilder, Response};
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Rng;

/// Headers that answer challenges, as sent with one request.
#[cfg(feature = "digest")]
pub(super) type Answers = Vec<proto_wire::digest::Answer>;
/// Headers that answer challenges, as sent with one request.
#[cfg(not(feature = "digest"))]
pub(super) type Answers = Vec<core::convert::Infallible>;

/// Knows the challenges of the server.
#[derive(Debug)]
pub(super) struct Auth {
    #[cfg(feature = "digest")]
    client: proto_wire::digest::Client,
}

#[cfg(feature = "digest")]
impl Auth {
    pub(super) fn new(config: &Config) -> Self {
        let client = proto_wire::digest::Client::new(config.credentials.iter().cloned())
            .with_basic(config.basic)
            .with_weakest(config.weakest);
        Self { client }
    }

    pub(super) fn answers(&mut self, rng: &mut Rng, request: &RequestBuilder) -> Answers {
        let (method, uri) = (request.method_name().as_bytes(), request.uri().as_bytes());
        self.client.answers(rng, method, uri, request.body_ref())
    }

    /// Header names and values to send.
    pub(super) fn lines(answers: &Answers) -> Vec<(crate::HeaderName, String)> {
        use crate::HeaderName;
        use proto_wire::digest::Target;
        answers
            .iter()
            .map(|answer| {
                let name = match answer.target() {
                    Target::Origin => HeaderName::Authorization,
                    Target::Proxy => HeaderName::ProxyAuthorization,
                };
                (name, String::from(answer.value()))
            })
            .collect()
    }

    /// Takes a response; whether the request is to be sent again, with new answers.
    pub(super) fn wants_retry(&mut self, response: Response<'_>, sent: &Answers) -> bool {
        use crate::{HeaderName, StatusCode};
        use proto_wire::digest::Target;
        let (target, challenges) = match response.status() {
            StatusCode::UNAUTHORIZED => (Target::Origin, HeaderName::WwwAuthenticate),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                (Target::Proxy, HeaderName::ProxyAuthenticate)
            }
            _ => {
                self.client.accepted(sent);
                for (target, name) in [
                    (Target::Origin, HeaderName::AuthenticationInfo),
                    (Target::Proxy, HeaderName::ProxyAuthenticationInfo),
                ] {
                    if let Some(info) = response.headers().bytes(name) {
                        // What cannot be read or proves nothing changes nothing.
                        let _outcome = self.client.info(target, info, sent, response.body());
                    }
                }
                return false;
            }
        };
        let challenges = response.headers().all_bytes(challenges);
        self.client.challenged(target, challenges, sent).is_ok()
    }
}

#[cfg(not(feature = "digest"))]
#[expect(clippy::needless_pass_by_ref_mut, reason = "the same shape as with the feature")]
impl Auth {
    pub(super) const fn new(_config: &Config) -> Self {
        Self {}
    }

    #[expect(clippy::unused_self, reason = "the same shape as with the feature")]
    pub(super) const fn answers(&mut self, _rng: &mut Rng, _request: &RequestBuilder) -> Answers {
        Vec::new()
    }

    pub(super) const fn lines(_answers: &Answers) -> Vec<(crate::HeaderName, String)> {
        Vec::new()
    }

    #[expect(clippy::unused_self, reason = "the same shape as with the feature")]
    pub(super) const fn wants_retry(&mut self, _: Response<'_>, _: &Answers) -> bool {
        false
    }
}

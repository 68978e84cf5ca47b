//! Authentication headers, by way of [`proto_wire::digest`].

use super::bytes::show;
use super::{HeaderName, TypedHeader};
use core::fmt;
use proto_wire::digest::{AuthenticationInfo as Info, Challenges, Credentials};
use proto_wire::{ParseError, ParseErrorKind};

macro_rules! challenges {
    ($($(#[$doc:meta])* $name:ident,)*) => { $(
        $(#[$doc])*
        ///
        /// Shown as it was read; a server writes its own by [`proto_wire::digest::Server`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// The challenges, in order: several schemes may stand in one line.
            #[must_use]
            pub const fn challenges(&self) -> Challenges<'a> {
                Challenges::new(self.0)
            }
        }

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                match Challenges::new(value).next() {
                    Some(_) => Ok(Self(value)),
                    None => Err(ParseError::new(ParseErrorKind::Empty, 0)),
                }
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(f, self.0)
            }
        }
    )* };
}

challenges! {
    /// `WWW-Authenticate` (RFC 2326 §12.44, RFC 7826 §18.58), of a 401.
    WwwAuthenticate,
    /// `Proxy-Authenticate` (RFC 2326 §12.26, RFC 7826 §18.34), of a 407.
    ProxyAuthenticate,
}

macro_rules! wrapped {
    ($($(#[$doc:meta])* $name:ident($type:ident),)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[expect(clippy::exhaustive_structs, reason = "one value")]
        pub struct $name<'a>(
            /// What it says.
            pub $type<'a>,
        );

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                $type::parse(value).map(Self)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

wrapped! {
    /// `Authorization` (RFC 2326 §12.5, RFC 7826 §18.8).
    Authorization(Credentials),
    /// `Proxy-Authorization` (RFC 7826 §18.36).
    ProxyAuthorization(Credentials),
    /// `Authentication-Info` (RFC 7826 §18.7).
    AuthenticationInfo(Info),
    /// `Proxy-Authentication-Info` (RFC 7826 §18.35).
    ProxyAuthenticationInfo(Info),
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    #[test]
    fn challenges_and_answers_are_read() {
        let value = b"Digest realm=\"a, b\", nonce=\"n\", Basic realm=\"c\"";
        let header = WwwAuthenticate::parse(value).unwrap();
        let schemes: Vec<_> = header.challenges().map(|c| c.scheme()).collect();
        assert_eq!(schemes, ["Digest", "Basic"]);
        assert!(ProxyAuthenticate::parse(b"").is_err());
        let value = b"Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"*\", response=\"0\"";
        let Authorization(Credentials::Digest(digest)) = Authorization::parse(value).unwrap()
        else {
            panic!("digest");
        };
        assert_eq!(digest.uri, "*");
        let ProxyAuthorization(basic) = ProxyAuthorization::parse(b"Basic dTpw").unwrap();
        assert!(matches!(basic, Credentials::Basic(b) if b.username() == "u"));
        let AuthenticationInfo(info) =
            AuthenticationInfo::parse(b"nextnonce=\"m\", qop=auth").unwrap();
        assert_eq!(info.nextnonce.as_deref(), Some("m"));
        let mut info = Info::default();
        info.nextnonce = Some("a \"b\"".into());
        let text = ProxyAuthenticationInfo(info.clone()).to_string();
        assert_eq!(text, r#"nextnonce="a \"b\"""#);
        assert_eq!(ProxyAuthenticationInfo::parse(text.as_bytes()).unwrap().0, info);
    }
}

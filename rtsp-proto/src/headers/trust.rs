//! Whom to trust on the way and with which keys: Accept-Credentials, Connection-Credentials
//! (RFC 7826 §18.2, §18.13, §19) and `KeyMgmt` (RFC 4567).

use super::bytes::{is_lws, next_piece, offset_in, text, trim};
use super::parts::{Quoted, join, list_headers, token, unquoted};
use super::playing::assigned;
use super::{HeaderName, List, ListItem, TypedHeader};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// Devices leave padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who approves the certificates of the next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Approval<'a> {
    /// The client: it lists those that it accepts.
    User,
    /// The proxy.
    Proxy,
    /// All are accepted.
    Any,
    /// Another method, as written.
    Other(&'a str),
}

impl<'a> Approval<'a> {
    /// How it is written.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            Self::User => "User",
            Self::Proxy => "Proxy",
            Self::Any => "Any",
            Self::Other(word) => word,
        }
    }
}

/// `Accept-Credentials` (RFC 7826 §18.2).
///
/// ```
/// use rtsp_proto::headers::{AcceptCredentials, Approval, CredentialHash, TypedHeader};
///
/// let hash = CredentialHash::new("rtsps://proxy/", "sha-256", "exaIl9VMbQMOFGClx5rXnPJKVNI=");
/// let value = AcceptCredentials::write(Approval::User, &[hash]);
/// let read = AcceptCredentials::parse(value.as_bytes()).unwrap();
/// assert_eq!(read.approval, Approval::User);
/// assert_eq!(read.credentials().next(), Some(Ok(hash)));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AcceptCredentials<'a> {
    /// Who approves.
    pub approval: Approval<'a>,
    rest: &'a [u8],
}

impl<'a> AcceptCredentials<'a> {
    /// The certificates that the client accepts.
    #[must_use]
    pub const fn credentials(&self) -> List<'a, CredentialHash<'a>> {
        List::new(self.rest)
    }

    /// A value.
    #[must_use]
    pub fn write(approval: Approval<'_>, credentials: &[CredentialHash<'_>]) -> String {
        let space = if credentials.is_empty() { "" } else { " " };
        alloc::format!("{}{space}{}", approval.as_str(), join(credentials))
    }
}

impl<'a> TypedHeader<'a> for AcceptCredentials<'a> {
    const NAME: HeaderName = HeaderName::AcceptCredentials;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let whole = trim(value);
        let end = whole.iter().position(|b| is_lws(*b)).unwrap_or(whole.len());
        let (word, rest) = whole.split_at_checked(end).unwrap_or((whole, &[]));
        let word = token(word)?;
        let approval = [Approval::User, Approval::Proxy, Approval::Any]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(word))
            .unwrap_or(Approval::Other(word));
        Ok(Self { approval, rest })
    }
}

impl fmt::Display for AcceptCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.approval.as_str())?;
        // Nothing, when none of them can be read.
        if self.credentials().all(|credential| credential.is_err()) {
            return Ok(());
        }
        write!(f, " {}", self.credentials())
    }
}

/// A certificate that a client accepts, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CredentialHash<'a> {
    /// The proxy or server whose certificate it is.
    pub uri: &'a str,
    /// `sha-256`, the only algorithm that is defined.
    pub algorithm: &'a str,
    /// The hash of the certificate (DER), in base64.
    pub hash: &'a str,
}

impl<'a> CredentialHash<'a> {
    /// An accepted certificate.
    #[must_use]
    pub const fn new(uri: &'a str, algorithm: &'a str, hash: &'a str) -> Self {
        Self { uri, algorithm, hash }
    }

    /// The bytes of the hash; `None` when it is no base64.
    #[must_use]
    pub fn decoded(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.hash).ok()
    }
}

impl<'a> ListItem<'a> for CredentialHash<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        let mut rest = Some(item);
        let mut piece = || {
            let piece = next_piece(&mut rest, b';').map(trim).filter(|piece| !piece.is_empty());
            let missing = ParseError::new(ParseErrorKind::MissingParameter, item.len());
            let piece = piece.ok_or(missing)?;
            text(piece).map_err(|error| error.at(offset_in(item, piece)))
        };
        let (uri, algorithm, hash) = (quoted_uri(piece()?)?, piece()?, piece()?);
        Ok(Self { uri, algorithm, hash })
    }
}

impl fmt::Display for CredentialHash<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\";{};{}", self.uri, self.algorithm, self.hash)
    }
}

/// A URI in quotes, in which nothing is escaped.
fn quoted_uri(text: &str) -> Result<&str, ParseError> {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .ok_or_else(|| ParseError::new(ParseErrorKind::QuotedString, 0))
}

/// `Connection-Credentials` (RFC 7826 §18.13): the certificates of a next hop that wants to
/// be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCredentials<'a> {
    /// The next hop.
    pub uri: &'a str,
    /// The chain of certificates, in base64.
    pub chain: &'a str,
}

impl<'a> ConnectionCredentials<'a> {
    /// The chain of `uri`, encoded by [`ConnectionCredentials::encode`].
    #[must_use]
    pub const fn new(uri: &'a str, chain: &'a str) -> Self {
        Self { uri, chain }
    }

    /// The certificates (DER), the hop's own first; `None` when the structure is malformed.
    #[must_use]
    pub fn certificates(&self) -> Option<Vec<Vec<u8>>> {
        let bytes = BASE64.decode(self.chain).ok()?;
        let (count, mut rest) = bytes.split_first_chunk::<2>()?;
        let mut sizes = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (size, behind) = rest.split_first_chunk::<2>()?;
            sizes.push(usize::from(u16::from_be_bytes(*size)));
            rest = behind;
        }
        let mut certificates = Vec::new();
        for size in sizes {
            let (certificate, behind) = rest.split_at_checked(size)?;
            certificates.push(certificate.to_vec());
            rest = behind;
        }
        rest.is_empty().then_some(certificates)
    }

    /// The chain in base64; `None` beyond 65535 certificates or bytes in one.
    #[must_use]
    pub fn encode(certificates: &[impl AsRef<[u8]>]) -> Option<String> {
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(certificates.len()).ok()?.to_be_bytes());
        for certificate in certificates {
            bytes.extend(u16::try_from(certificate.as_ref().len()).ok()?.to_be_bytes());
        }
        for certificate in certificates {
            bytes.extend_from_slice(certificate.as_ref());
        }
        Some(BASE64.encode(bytes))
    }
}

impl<'a> TypedHeader<'a> for ConnectionCredentials<'a> {
    const NAME: HeaderName = HeaderName::ConnectionCredentials;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut rest = Some(value);
        let mut piece = || next_piece(&mut rest, b';').map(trim).unwrap_or(&[]);
        let (uri, chain) = (text(piece())?, piece());
        if chain.is_empty() {
            return Err(ParseError::new(ParseErrorKind::MissingParameter, value.len()));
        }
        let chain = text(chain).map_err(|error| error.at(offset_in(value, chain)))?;
        Ok(Self { uri: quoted_uri(uri)?, chain })
    }
}

impl fmt::Display for ConnectionCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\";{}", self.uri, self.chain)
    }
}

/// One element of [`KeyMgmt`]: a message of a key management protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyMessage<'a> {
    /// The protocol: `mikey`.
    pub protocol: &'a str,
    /// Which session or stream it is for; `None`: the one of the request.
    pub uri: Option<Cow<'a, str>>,
    /// The message, in base64.
    pub data: Cow<'a, str>,
}

impl<'a> KeyMessage<'a> {
    /// A MIKEY message (RFC 3830) for what the request is about.
    #[must_use]
    pub fn mikey(message: &[u8]) -> Self {
        Self { protocol: "mikey", uri: None, data: BASE64.encode(message).into() }
    }

    /// For this session or stream.
    #[must_use]
    pub fn for_uri(mut self, uri: impl Into<Cow<'a, str>>) -> Self {
        self.uri = Some(uri.into());
        self
    }

    /// The message; `None` when it is no base64.
    #[must_use]
    pub fn message(&self) -> Option<Vec<u8>> {
        BASE64.decode(&*self.data).ok()
    }
}

impl<'a> ListItem<'a> for KeyMessage<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        let (mut protocol, mut uri, mut data) = (None, None, None);
        let mut rest = Some(item);
        while let Some(piece) = next_piece(&mut rest, b';') {
            let read =
                |value: &'a [u8]| text(value).map_err(|error| error.at(offset_in(item, value)));
            if let Some(value) = assigned(piece, "prot") {
                protocol = Some(token(value).map_err(|e| e.at(offset_in(item, value)))?);
            } else if let Some(value) = assigned(piece, "uri") {
                uri = Some(unquoted(read(value)?));
            } else if let Some(value) = assigned(piece, "data") {
                data = Some(unquoted(read(value)?));
            }
        }
        let missing = || ParseError::new(ParseErrorKind::MissingParameter, item.len());
        Ok(Self { protocol: protocol.ok_or_else(missing)?, uri, data: data.ok_or_else(missing)? })
    }
}

impl fmt::Display for KeyMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prot={}", self.protocol)?;
        if let Some(uri) = &self.uri {
            write!(f, ";uri={}", Quoted(uri))?;
        }
        write!(f, ";data={}", Quoted(&self.data))
    }
}

list_headers! {
    /// `KeyMgmt` (RFC 4567 §3.2): key management messages.
    KeyMgmt(KeyMessage),
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// RFC 7826 §18.2, folded as there.
    #[test]
    fn accepted_credentials_of_the_rfc() {
        let value =
            b"User \r\n \"rtsps://proxy2.example.com/\";sha-256;exaIl9VMbQMOFGClx5rXnPJKVNI=,\r\n \
            \"rtsps://server.example.com/\";sha-256;lurbjj5khhB0NhIuOXtt4bBRH1M=";
        let read = AcceptCredentials::parse(value).unwrap();
        let list: Vec<_> = read.credentials().map(Result::unwrap).collect();
        assert_eq!((read.approval, list.len()), (Approval::User, 2));
        assert_eq!((list[1].uri, list[1].algorithm), ("rtsps://server.example.com/", "sha-256"));
        assert_eq!(list[0].decoded().unwrap().len(), 20);
        assert_eq!(AcceptCredentials::write(Approval::User, &list), read.to_string());
        for (text, approval) in
            [("any", Approval::Any), ("PROXY", Approval::Proxy), ("x", Approval::Other("x"))]
        {
            let read = AcceptCredentials::parse(text.as_bytes()).unwrap();
            assert_eq!((read.approval, read.credentials().count()), (approval, 0));
        }
        assert!(AcceptCredentials::parse(b"").is_err());
        let odd = AcceptCredentials::parse(b"User rtsps://a;sha-256;x, \"b\";c").unwrap();
        assert!(odd.credentials().all(|item| item.is_err()));
    }

    /// RFC 4567 §5.3 and §5.4 (the data is cut off with dots there).
    #[test]
    fn key_messages_of_the_rfc() {
        let value =
            b"prot=mikey; uri=\"rtsp://movie.example.com/action\";\r\n data=\"AQEFgM0XflABAAAA\"";
        let read = KeyMgmt::parse(value).unwrap().iter().next().unwrap().unwrap();
        assert_eq!(read.protocol, "mikey");
        assert_eq!(read.uri.as_deref(), Some("rtsp://movie.example.com/action"));
        assert_eq!(read.message().unwrap()[..4], [1, 1, 5, 0x80]);
        for wrong in ["prot=mikey", "data=\"AA==\"", "prot=;data=x", "mikey AAAA"] {
            assert!(KeyMgmt::parse(wrong.as_bytes()).unwrap().iter().all(|m| m.is_err()));
        }
    }

    #[test]
    fn malformed_chains_are_none() {
        for (bytes, good) in [
            (&[0, 0][..], true),
            (&[0, 1, 0, 2, 7, 7], true),
            (&[0, 1, 0, 2, 7], false),
            (&[0, 1, 0, 2, 7, 7, 7], false),
            (&[0xFF, 0xFF, 0], false),
            (&[0], false),
        ] {
            let chain = BASE64.encode(bytes);
            assert_eq!(ConnectionCredentials::new("", &chain).certificates().is_some(), good);
        }
        assert!(ConnectionCredentials::parse(b"rtsps://a/;AAAA").is_err());
        assert!(ConnectionCredentials::parse(b"\"rtsps://a/\"").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn keys_and_certificates_are_read_as_written(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4),
            uri in prop::option::of("[!-~]{0,20}"),
        ) {
            let messages: Vec<_> = parts
                .iter()
                .map(|part| KeyMessage { uri: uri.as_deref().map(Into::into), ..KeyMessage::mikey(part) })
                .collect();
            prop_assert_eq!(messages[0].message(), Some(parts[0].clone()));
            let text = join(&messages).to_string();
            let read: Vec<_> = KeyMgmt::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert_eq!(read, messages.into_iter().map(Ok).collect::<Vec<_>>());

            let chain = ConnectionCredentials::encode(&parts).unwrap();
            let credentials = ConnectionCredentials::new("rtsps://a;b/", &chain);
            let text = credentials.to_string();
            let read = ConnectionCredentials::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(read, credentials);
            prop_assert_eq!(read.certificates(), Some(parts));
        }
    }
}

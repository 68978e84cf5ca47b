//! Keys of SRTP in a description: SDES (`a=crypto`, RFC 4568) and key management (`a=key-mgmt`,
//! RFC 4567). The keys are carried, not used.

use super::attribute::Attributes;
use super::line::fields;
use super::{Media, Sdp};
use crate::text::chars;
use core::fmt;

/// One way to protect a medium (`a=crypto`, RFC 4568 §4).
///
/// ```
/// use proto_wire::sdp::Crypto;
///
/// let value = b"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4";
/// let crypto = Crypto::parse(value).unwrap();
/// assert_eq!((crypto.tag, crypto.suite), (1, "AES_CM_128_HMAC_SHA1_80"));
/// let key = crypto.keys().next().unwrap();
/// assert_eq!((key.lifetime, key.mki), (Some(1 << 20), Some(("1", 4))));
/// assert!(!format!("{crypto:?}").contains("WVNf"), "keys are not for logs");
/// assert_eq!(crypto.to_string().as_bytes(), value);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crypto<'a> {
    /// Which of several; an answer repeats it.
    pub tag: u32,
    /// Cipher and authentication.
    pub suite: &'a str,
    keys: &'a str,
    params: &'a str,
}

impl<'a> Crypto<'a> {
    /// A value with one key, `inline:..` (RFC 4568 §6.1).
    #[must_use]
    pub const fn new(tag: u32, suite: &'a str, keys: &'a str) -> Self {
        Self { tag, suite, keys, params: "" }
    }

    /// Reads the value of `a=crypto`; `None` without tag, suite and key.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = core::str::from_utf8(chars::trim(value)).ok()?;
        let ((tag, rest), is_word) = (word(text), |word: &&str| !word.is_empty());
        let (suite, rest) = word(rest);
        let (keys, params) = word(rest);
        let tag = chars::parse_u32(tag.as_bytes())?;
        Some(Self {
            tag,
            suite: Some(suite).filter(is_word)?,
            keys: Some(keys).filter(is_word)?,
            params,
        })
    }

    /// The keys; several are told apart by their MKI.
    pub fn keys(self) -> impl Iterator<Item = CryptoKey<'a>> {
        self.keys.split(';').filter_map(CryptoKey::parse)
    }

    /// Session parameters such as `KDR=1` and `UNENCRYPTED_SRTCP` (RFC 4568 §6.3).
    pub fn params(self) -> impl Iterator<Item = &'a str> {
        self.params.split([' ', '\t']).filter(|param| !param.is_empty())
    }
}

impl fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto")
            .field("tag", &self.tag)
            .field("suite", &self.suite)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// The value as it stands in a description, with the keys.
impl fmt::Display for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tag, self.suite, self.keys)?;
        if self.params.is_empty() { Ok(()) } else { write!(f, " {}", self.params) }
    }
}

/// One key of a [`Crypto`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CryptoKey<'a> {
    /// `inline`, the only method that is defined.
    pub method: &'a str,
    /// Master key and salt in base64.
    pub key: &'a str,
    /// Packets that it is good for; `None` for the most that the cipher allows.
    pub lifetime: Option<u64>,
    /// Its identifier in packets, and how many bytes that takes.
    pub mki: Option<(&'a str, u8)>,
}

impl<'a> CryptoKey<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (method, info) = text.split_once(':')?;
        let mut parts = info.split('|');
        let key = parts.next().filter(|key| !key.is_empty())?;
        let (mut lifetime, mut mki) = (None, None);
        for part in parts {
            match part.split_once(':') {
                Some((value, len)) => mki = len.parse().ok().map(|len| (value, len)),
                None => {
                    lifetime = match part.strip_prefix("2^") {
                        Some(power) => power.parse().ok().and_then(|n| 1_u64.checked_shl(n)),
                        None => part.parse().ok(),
                    };
                }
            }
        }
        Some(Self { method, key, lifetime, mki })
    }
}

impl fmt::Debug for CryptoKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoKey")
            .field("method", &self.method)
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

/// A message of a key management protocol (`a=key-mgmt`, RFC 4567 §3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyManagement<'a> {
    /// `mikey`, for one.
    pub protocol: &'a str,
    /// The message in base64.
    pub data: &'a str,
}

impl<'a> KeyManagement<'a> {
    /// Reads the value of `a=key-mgmt`; `None` without protocol and message.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = fields(value);
        Some(Self { protocol: parts.next()?, data: parts.next()? })
    }
}

impl fmt::Debug for KeyManagement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyManagement").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl<'a> Media<'a> {
    /// The ways to protect it, in order of preference (`a=crypto`).
    pub fn cryptos(self) -> impl Iterator<Item = Crypto<'a>> {
        self.attributes().all(b"crypto").filter_map(|attribute| Crypto::parse(attribute.value?))
    }

    /// Its own key management messages, one for each protocol (`a=key-mgmt`).
    pub fn key_managements(self) -> impl Iterator<Item = KeyManagement<'a>> {
        managements(self.attributes())
    }
}

impl<'a> Sdp<'a> {
    /// The key management messages of the whole session (`a=key-mgmt`).
    pub fn key_managements(self) -> impl Iterator<Item = KeyManagement<'a>> {
        managements(self.attributes())
    }
}

/// The first word, and what follows it without spaces before.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

fn managements(attributes: Attributes<'_>) -> impl Iterator<Item = KeyManagement<'_>> {
    attributes.all(b"key-mgmt").filter_map(|attribute| KeyManagement::parse(attribute.value?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::{format, vec::Vec};
    use proptest::prelude::*;

    /// The example of RFC 4568 §4.1 in shape, keys made here, and one of RFC 4567.
    #[test]
    fn keys_of_a_description_are_read() {
        let sdp = Sdp::new(
            b"v=0\r\na=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO==\r\n\
            m=video 51372 RTP/SAVP 31\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJDREVGR0hJSktMTU5P|2^20|1:32;inline:MTIz|1000|2:4 KDR=1 FEC_ORDER=SRTP_FEC\r\n\
            a=crypto:2 F8_128_HMAC_SHA1_80 inline:QUJD\r\na=crypto:x\r\na=crypto:3 ONLY\r\n\
            m=audio 49170 RTP/SAVP 32\r\na=key-mgmt:mikey BBBB\r\na=key-mgmt:odd\r\n",
        );
        let media: Vec<_> = sdp.media().collect();
        let cryptos: Vec<_> = media[0].cryptos().collect();
        let [first, second] = &cryptos[..] else { panic!("{cryptos:?}") };
        assert_eq!((first.tag, first.suite), (1, "AES_CM_128_HMAC_SHA1_80"));
        let keys: Vec<_> = first.keys().collect();
        assert_eq!((keys[0].method, keys[0].key), ("inline", "QUJDREVGR0hJSktMTU5P"));
        assert_eq!((keys[0].lifetime, keys[0].mki), (Some(1 << 20), Some(("1", 32))));
        assert_eq!((keys[1].lifetime, keys[1].mki), (Some(1000), Some(("2", 4))));
        assert!(first.params().eq(["KDR=1", "FEC_ORDER=SRTP_FEC"]));
        assert_eq!((second.tag, second.params().count()), (2, 0));
        assert_eq!(*second, Crypto::new(2, "F8_128_HMAC_SHA1_80", "inline:QUJD"));
        let whole: Vec<_> = sdp.key_managements().collect();
        assert_eq!((whole.len(), whole[0].protocol), (1, "mikey"));
        assert!(media[1].key_managements().map(|key| key.data).eq(["BBBB"]));
        assert!(!format!("{first:?} {:?} {:?}", keys[0], whole[0]).contains("QUJD"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_nothing_panics(
            text in "[0-9]{0,3} ?[A-Z_0-9]{0,9} ?(inline:[A-z0-9=|^:;]{0,20})?( [A-Z=0-9]{1,5}){0,3}",
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let _read = (Crypto::parse(&bytes), KeyManagement::parse(&bytes));
            if let Some(crypto) = Crypto::parse(text.as_bytes()) {
                let _keys = crypto.keys().count();
                let written = crypto.to_string();
                prop_assert_eq!(Crypto::parse(written.as_bytes()), Some(crypto));
            }
        }
    }
}

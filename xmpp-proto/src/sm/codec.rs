//! A session as bytes, so that it survives the process.
//!
//! `"XSM1"`, flags, the counters, then id, address, location and the stanzas, each with its
//! length; all numbers little-endian. There is no checksum: a host that keeps files has one.

use super::acks::Entry;
use super::{Acks, SmSession};
use crate::jid::Jid;
use crate::xml::{Ns, Scanner, XmlLimits};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use thiserror::Error;

const MAGIC: &[u8] = b"XSM1";
const RESUMABLE: u8 = 1;
const LOCATION: u8 = 2;

/// Why bytes are not a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SmStateError {
    /// Not written by this version.
    #[error("not a session of this version")]
    Version,
    /// Cut short, or more than a session.
    #[error("the length is wrong")]
    Length,
    /// A text is no text, the address is none, or a stanza is not one element.
    #[error("the content is damaged")]
    Content,
}

impl SmSession {
    /// The session as bytes. They hold messages of the user: keep them as such.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.acks.bytes.saturating_add(256));
        out.extend_from_slice(MAGIC);
        let resumable = if self.resumable { RESUMABLE } else { 0 };
        let location = if self.location.is_some() { LOCATION } else { 0 };
        out.push(resumable | location);
        out.extend_from_slice(&self.max.as_secs().to_le_bytes());
        out.extend_from_slice(&self.acks.handled.to_le_bytes());
        out.extend_from_slice(&self.acks.acked.to_le_bytes());
        out.extend_from_slice(&self.acks.next.to_le_bytes());
        put(&mut out, self.id.as_bytes());
        put(&mut out, self.jid.as_str().as_bytes());
        put(&mut out, self.location.as_deref().unwrap_or("").as_bytes());
        for entry in &self.acks.queue {
            out.push(u8::from(entry.sent));
            out.extend_from_slice(&entry.token.to_le_bytes());
            put(&mut out, &entry.text);
        }
        out
    }

    /// A session of bytes that [`SmSession::to_bytes`] gave.
    ///
    /// # Errors
    /// They are not that.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SmStateError> {
        let mut rest = Reader(bytes.strip_prefix(MAGIC).ok_or(SmStateError::Version)?);
        let flags = rest.byte()?;
        if flags & !(RESUMABLE | LOCATION) != 0 {
            return Err(SmStateError::Version);
        }
        let max = Duration::from_secs(u64::from_le_bytes(rest.array()?));
        let mut acks = Acks {
            handled: u32::from_le_bytes(rest.array()?),
            acked: u32::from_le_bytes(rest.array()?),
            next: u64::from_le_bytes(rest.array()?),
            ..Acks::default()
        };
        let id = rest.text()?;
        let jid = rest.text()?;
        let jid = Jid::new(&jid).ok().filter(|parsed| !parsed.is_bare());
        let location = rest.text()?;
        while !rest.0.is_empty() {
            let sent = match rest.byte()? {
                0 => false,
                // What waits stands behind what was sent.
                1 if acks.queue.len() == acks.sent as usize => true,
                _ => return Err(SmStateError::Content),
            };
            let token = u64::from_le_bytes(rest.array()?);
            let last = acks.queue.back().map(|entry| entry.token);
            let text = rest.bytes()?;
            let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
            scanner.set_default(Ns::CLIENT);
            let whole = scanner.scan(text).ok().flatten().map(|frame| frame.len);
            if token >= acks.next
                || last.is_some_and(|last| last >= token)
                || whole != Some(text.len())
            {
                return Err(SmStateError::Content);
            }
            acks.sent = acks.sent.saturating_add(u32::from(sent));
            acks.bytes = acks.bytes.saturating_add(text.len());
            acks.queue.push_back(Entry { token, text: Bytes::copy_from_slice(text), sent });
        }
        Ok(Self {
            id,
            jid: jid.ok_or(SmStateError::Content)?,
            resumable: flags & RESUMABLE != 0,
            max,
            location: (flags & LOCATION != 0).then_some(location),
            acks,
        })
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(part);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], SmStateError> {
        let (part, rest) = self.0.split_at_checked(len).ok_or(SmStateError::Length)?;
        self.0 = rest;
        Ok(part)
    }

    fn byte(&mut self) -> Result<u8, SmStateError> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SmStateError> {
        self.take(N)?.try_into().map_err(|_| SmStateError::Length)
    }

    fn bytes(&mut self) -> Result<&'a [u8], SmStateError> {
        let len = u32::from_le_bytes(self.array()?);
        self.take(usize::try_from(len).map_err(|_| SmStateError::Length)?)
    }

    fn text(&mut self) -> Result<String, SmStateError> {
        let text = core::str::from_utf8(self.bytes()?).map_err(|_| SmStateError::Content)?;
        Ok(text.to_string())
    }
}

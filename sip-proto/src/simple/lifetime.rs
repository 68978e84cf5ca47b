//! How long a MESSAGE is worth showing (RFC 3428 §4, §7).

use crate::headers::{Date, Expires};
use crate::message::Headers;
use core::time::Duration;
use proto_wire::Timestamp;

/// What a MESSAGE says of its own end. What to do with one that is over is the application's: to drop
/// it, or to show it as what it is (RFC 3428 §7).
///
/// ```
/// use proto_wire::Timestamp;
/// use sip_proto::simple::Lifetime;
/// use sip_proto::RequestBuf;
///
/// let message = RequestBuf::parse("MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\
///     Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nExpires: 60\r\n\r\n")?;
/// let life = Lifetime::of(message.headers()).expect("it ends");
/// let received = Timestamp::from_unix_secs(1_289_691_000);
/// assert!(life.is_over(received, received));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// When it was sent, if it says so.
    pub sent: Option<Timestamp>,
    /// How long it is of use, from then, or from when it came.
    pub lasts: Duration,
}

impl Lifetime {
    /// That of a message; `None` for one that does not end.
    #[must_use]
    pub fn of(headers: Headers<'_>) -> Option<Self> {
        let expires = headers.typed::<Expires>().ok().flatten()?;
        let date = headers.typed::<Date>().ok().flatten();
        let lasts = Duration::from_secs(u64::from(expires.0));
        Some(Self { sent: date.map(|date| date.0), lasts })
    }

    /// When it ends, for one that came at `received`.
    #[must_use]
    pub fn end(&self, received: Timestamp) -> Timestamp {
        self.sent.unwrap_or(received).saturating_add(self.lasts)
    }

    /// Whether it is over, for one that came at `received`.
    #[must_use]
    pub fn is_over(&self, received: Timestamp, now: Timestamp) -> bool {
        now >= self.end(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RequestBuf;
    use alloc::format;

    #[test]
    fn trap_29_expires_counts_from_date_else_from_the_arrival() {
        let came = Timestamp::from_unix_secs(1_000_000_000);
        for (lines, end) in [
            ("", None),
            ("Expires: 30\r\n", Some(1_000_000_030)),
            ("Expires: 0\r\n", Some(1_000_000_000)),
            // 2001-09-09T01:46:40Z is when it came; it was sent ten seconds before.
            ("Date: Sun, 09 Sep 2001 01:46:30 GMT\r\nExpires: 30\r\n", Some(1_000_000_020)),
            ("Date: soon\r\nExpires: 30\r\n", Some(1_000_000_030)),
            ("Date: Sun, 09 Sep 2001 01:46:30 GMT\r\n", None),
        ] {
            let text = format!(
                "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
                 From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n{lines}\r\n"
            );
            let message = RequestBuf::parse(text.into_bytes()).unwrap();
            let life = Lifetime::of(message.headers());
            assert_eq!(life.map(|l| l.end(came).as_unix_secs()), end, "{lines}");
            if let (Some(life), Some(end)) = (life, end) {
                assert!(!life.is_over(came, Timestamp::from_unix_secs(end - 1)), "{lines}");
                assert!(life.is_over(came, Timestamp::from_unix_secs(end)), "{lines}");
            }
        }
    }
}

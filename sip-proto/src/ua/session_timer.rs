//! Session timers (RFC 4028) as rules without state: what to answer, what an answer means,
//! when to refresh and when to give up.

use crate::headers::{MinSe, Refresher, SessionExpires, Supported};
use crate::message::{HeaderName, Headers};
use core::time::Duration;

/// The smallest interval that anybody may ask for, in seconds (RFC 4028 §4).
pub const MIN_SE: u32 = 90;

/// What one side wants of session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wish {
    /// The interval to ask for in seconds; `None` asks for none, but goes along with a peer
    /// that wants one.
    pub interval: Option<u32>,
    /// The smallest interval to accept in seconds, [`MIN_SE`] at least.
    pub min: u32,
    /// Who should refresh, when it is ours to say.
    pub refresher: Refresher,
}

impl Default for Wish {
    fn default() -> Self {
        Self { interval: Some(1800), min: MIN_SE, refresher: Refresher::Uac }
    }
}

impl Wish {
    /// Asks for no session timer.
    pub const NONE: Self = Self { interval: None, min: MIN_SE, refresher: Refresher::Uac };

    /// Sets [`Wish::interval`].
    #[must_use]
    pub const fn with_interval(mut self, secs: Option<u32>) -> Self {
        self.interval = secs;
        self
    }

    /// Sets [`Wish::min`].
    #[must_use]
    pub const fn with_min(mut self, secs: u32) -> Self {
        self.min = if secs < MIN_SE { MIN_SE } else { secs };
        self
    }

    /// Sets [`Wish::refresher`].
    #[must_use]
    pub const fn with_refresher(mut self, refresher: Refresher) -> Self {
        self.refresher = refresher;
        self
    }
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The interval in seconds.
    pub interval: u32,
    /// Who refreshes, in the terms of the request that agreed it.
    pub refresher: Refresher,
}

impl Agreed {
    /// When the refresher refreshes: after half of the interval (§7.2).
    #[must_use]
    pub fn refresh_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.interval / 2))
    }

    /// When the other side says BYE: the smaller of 32 seconds and a third of the interval
    /// before its end (§10).
    #[must_use]
    pub fn bye_after(&self) -> Duration {
        let before = (self.interval / 3).min(32);
        Duration::from_secs(u64::from(self.interval.saturating_sub(before)))
    }
}

/// What the callee answers to an INVITE or UPDATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No session timer.
    Off,
    /// This, in the 2xx; with `Require: timer` when the caller refreshes (§9).
    On(Agreed),
    /// Too small an interval: 422 with this Min-SE in seconds.
    TooSmall(u32),
}

fn supports_timer(headers: Headers<'_>) -> bool {
    let lists = |s: Result<Supported<'_>, _>| s.is_ok_and(|s| s.0.eq_ignore_ascii_case("timer"));
    headers.values::<Supported<'_>>().any(lists)
}

fn session_expires(headers: Headers<'_>) -> Option<SessionExpires> {
    headers.typed().ok().flatten()
}

fn min_se(headers: Headers<'_>) -> u32 {
    headers.typed::<MinSe>().ok().flatten().map_or(MIN_SE, |m| m.0.max(MIN_SE))
}

/// The callee's side (§9 with its Table 2): `request` is the INVITE or UPDATE.
#[must_use]
pub fn answer(request: Headers<'_>, wish: &Wish) -> Verdict {
    let supported = supports_timer(request);
    let asked = session_expires(request);
    if let Some(asked) = asked {
        // Only who knows timers can understand 422. Nobody may go below 90 seconds (§5).
        if supported && asked.secs < wish.min {
            return Verdict::TooSmall(wish.min);
        }
    }
    let interval = match (asked, wish.interval) {
        // §9: the answer may be smaller, but not below the request's Min-SE.
        (Some(asked), Some(wanted)) => wanted.min(asked.secs).max(min_se(request)).min(asked.secs),
        (Some(asked), None) => asked.secs,
        // §9: one that was not asked for must respect Min-SE.
        (None, Some(wanted)) => wanted.max(min_se(request)),
        (None, None) => return Verdict::Off,
    };
    let refresher = match (supported, asked.and_then(|a| a.refresher)) {
        // A caller without timers cannot refresh.
        (false, _) => Refresher::Uas,
        (true, Some(given)) => given,
        (true, None) => wish.refresher,
    };
    Verdict::On(Agreed { interval: interval.max(1), refresher })
}

/// The caller's side (§7.2): what the 2xx means. Without `Session-Expires` in it there is no
/// session timer, unless we asked for one: then we refresh alone.
#[must_use]
pub fn agreed(asked: Option<u32>, response: Headers<'_>) -> Option<Agreed> {
    match (session_expires(response), asked) {
        (Some(given), _) => {
            // An interval below what anybody may ask for would make us flood the peer.
            let interval = given.secs.max(MIN_SE);
            // §7.2: it must be there; who forgot it leaves the work to us.
            let refresher = given.refresher.unwrap_or(Refresher::Uac);
            Some(Agreed { interval, refresher })
        }
        (None, Some(interval)) => Some(Agreed { interval, refresher: Refresher::Uac }),
        (None, None) => None,
    }
}

/// The interval to ask for after 422 (§7.3): its Min-SE, never below what was asked for.
/// `None` when the 422 names none, so that there is no use in trying again.
#[must_use]
pub fn after_422(asked: u32, response: Headers<'_>) -> Option<u32> {
    let min = response.get(HeaderName::MIN_SE).is_some().then(|| min_se(response))?;
    (min > asked).then_some(min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{RequestBuf, ResponseBuf};
    use alloc::format;

    fn invite(extra: &str) -> RequestBuf {
        RequestBuf::parse(format!("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n{extra}\r\n")).unwrap()
    }

    fn ok(extra: &str) -> ResponseBuf {
        ResponseBuf::parse(format!("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n{extra}\r\n")).unwrap()
    }

    const TIMER: &str = "Supported: timer\r\n";

    /// RFC 4028 §9, Table 2 and the rules around it.
    #[test]
    fn trap_28_the_callee_decides_as_table_2_says() {
        let on = |interval, refresher| Verdict::On(Agreed { interval, refresher });
        let wish = Wish::default();
        use Refresher::{Uac, Uas};
        for (extra, wish, verdict) in [
            ("", Wish::NONE, Verdict::Off),
            (TIMER, Wish::NONE, Verdict::Off),
            // The caller knows no timers: the callee refreshes, whatever is said.
            ("", wish, on(1800, Uas)),
            ("Session-Expires: 600\r\n", wish, on(600, Uas)),
            ("Session-Expires: 600;refresher=uac\r\n", Wish::NONE, on(600, Uas)),
            // It does: what it says holds, else we choose.
            ("Supported: timer\r\nSession-Expires: 600\r\n", wish, on(600, Uac)),
            (
                "Supported: timer\r\nSession-Expires: 600\r\n",
                wish.with_refresher(Uas),
                on(600, Uas),
            ),
            ("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", wish, on(600, Uas)),
            (
                "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n",
                wish.with_refresher(Uas),
                on(600, Uac),
            ),
            ("k: x, timer\r\nx: 5000;refresher=uac\r\n", wish, on(1800, Uac)),
            // Never below Min-SE, never above what was asked.
            ("Supported: timer\r\nSession-Expires: 5000\r\nMin-SE: 3000\r\n", wish, on(3000, Uac)),
            ("Min-SE: 3000\r\n", wish, on(3000, Uas)),
            // Too small: 422, but only to who can understand it.
            ("Supported: timer\r\nSession-Expires: 89\r\n", wish, Verdict::TooSmall(90)),
            ("Supported: timer\r\nSession-Expires: 90\r\n", wish, on(90, Uac)),
            (
                "Supported: timer\r\nSession-Expires: 90\r\n",
                wish.with_min(120),
                Verdict::TooSmall(120),
            ),
            ("Session-Expires: 50\r\n", wish, on(50, Uas)),
            ("Supported: timer\r\nSession-Expires: x\r\n", wish, on(1800, Uac)),
        ] {
            assert_eq!(answer(invite(extra).headers(), &wish), verdict, "{extra}");
        }
        assert_eq!(Wish::default().with_min(1).min, 90);
    }

    #[test]
    fn trap_28_the_2xx_says_who_refreshes() {
        for (asked, extra, expected) in [
            (Some(600), "Session-Expires: 500;refresher=uas\r\n", Some((500, Refresher::Uas))),
            (Some(600), "Session-Expires: 500;refresher=uac\r\n", Some((500, Refresher::Uac))),
            (None, "Session-Expires: 500;refresher=uas\r\n", Some((500, Refresher::Uas))),
            (Some(600), "Session-Expires: 500\r\n", Some((500, Refresher::Uac))),
            (Some(600), "", Some((600, Refresher::Uac))),
            (None, "", None),
            (None, "Session-Expires: 1;refresher=uac\r\n", Some((90, Refresher::Uac))),
        ] {
            let read = agreed(asked, ok(extra).headers()).map(|a| (a.interval, a.refresher));
            assert_eq!(read, expected, "{extra}");
        }
    }

    #[test]
    fn trap_28_bye_comes_the_smaller_of_32_seconds_and_a_third_before_the_end() {
        for (interval, refresh, bye) in
            [(90, 45, 60), (96, 48, 64), (300, 150, 268), (1800, 900, 1768)]
        {
            let agreed = Agreed { interval, refresher: Refresher::Uac };
            assert_eq!(agreed.refresh_after(), Duration::from_secs(refresh));
            assert_eq!(agreed.bye_after(), Duration::from_secs(bye));
        }
    }

    #[test]
    fn trap_28_a_422_is_followed_by_a_larger_interval_or_by_nothing() {
        assert_eq!(after_422(100, ok("Min-SE: 500\r\n").headers()), Some(500));
        assert_eq!(after_422(500, ok("Min-SE: 500\r\n").headers()), None);
        assert_eq!(after_422(100, ok("").headers()), None);
        assert_eq!(after_422(80, ok("Min-SE: 1\r\n").headers()), Some(90));
    }
}

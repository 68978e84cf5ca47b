//! What went over each wire, as a ladder that a person can read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Which wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// RTSP.
    Rtsp,
    /// SIP.
    Sip,
    /// XMPP.
    Xmpp,
    /// The ledger and its store.
    Ledger,
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rtsp => "RTSP",
            Self::Sip => "SIP",
            Self::Xmpp => "XMPP",
            Self::Ledger => "LEDGER",
        })
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ways")]
pub enum Way {
    /// From a member's program to the club.
    ToClub,
    /// From the club to a member's program.
    FromClub,
}

/// A ladder that several threads write. Clones write the same ladder.
#[derive(Clone)]
pub struct Ladder {
    shared: Arc<Mutex<Shared>>,
    start: Instant,
}

struct Shared {
    out: Box<dyn std::io::Write + Send>,
    rungs: [u64; 4],
    repeat: Option<(String, u64)>,
}

/// How long a rung may get before it is cut.
const WIDTH: usize = 76;

impl Ladder {
    /// A ladder that is written to `out`.
    #[must_use]
    pub fn new(out: Box<dyn std::io::Write + Send>) -> Self {
        let shared = Shared { out, rungs: [0; 4], repeat: None };
        Self { shared: Arc::new(Mutex::new(shared)), start: Instant::now() }
    }

    /// A message between the club and `who`: its first line, or as much of it as fits.
    pub fn rung(&self, wire: Wire, way: Way, who: &str, message: &str) {
        let arrow = match way {
            Way::ToClub => format!("{who:>9} ──▶ club"),
            Way::FromClub => format!("{who:>9} ◀── club"),
        };
        self.line(wire, &arrow, message);
    }

    /// Something that the club did without a wire.
    pub fn note(&self, wire: Wire, text: &str) {
        self.line(wire, &format!("{:>9}     club", ""), text);
    }

    /// A heading, between two scenes of the evening.
    pub fn heading(&self, text: &str) {
        let mut shared = self.lock();
        shared.settle();
        shared.write(&format!("\n── {text} {}\n", "─".repeat(WIDTH.saturating_sub(text.len()))));
    }

    /// Free text.
    pub fn text(&self, text: &str) {
        let mut shared = self.lock();
        shared.settle();
        shared.write(&format!("{text}\n"));
    }

    /// How many rungs there are for `wire`.
    #[must_use]
    pub fn count(&self, wire: Wire) -> u64 {
        self.lock().rungs[wire as usize]
    }

    fn line(&self, wire: Wire, arrow: &str, message: &str) {
        let first = first_line(message);
        let elapsed = self.start.elapsed().as_secs_f64();
        let mut shared = self.lock();
        shared.rungs[wire as usize] += 1;
        // Media frames and keep-alives come in runs: the first stands for all of them.
        let body = format!("{wire:<6} {arrow}  {first}");
        if let Some((last, again)) = &mut shared.repeat {
            if *last == body {
                *again += 1;
                return;
            }
        }
        shared.settle();
        shared.write(&format!("{elapsed:8.3}  {body}\n"));
        shared.repeat = Some((body, 0));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        // A writer that panicked left whole lines behind.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ladder").field("rungs", &self.lock().rungs).finish_non_exhaustive()
    }
}

impl Shared {
    /// Says how often the last rung was repeated.
    fn settle(&mut self) {
        if let Some((_, again @ 1..)) = self.repeat.take() {
            self.write(&format!("{:8}  … and {again} more like it\n", ""));
        }
    }

    fn write(&mut self, text: &str) {
        // Nobody is left to tell when the terminal is gone.
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

/// The first line of a message, cut to fit, without what would upset a terminal.
fn first_line(message: &str) -> String {
    let line = message.trim_start().lines().next().unwrap_or("");
    let mut out: String = line.chars().filter(|c| !c.is_control()).take(WIDTH).collect();
    if line.chars().count() > WIDTH {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn runs_of_equal_rungs_are_counted_not_repeated() {
        let page = Page::default();
        let ladder = Ladder::new(Box::new(page.clone()));
        for _ in 0..3 {
            ladder.rung(Wire::Rtsp, Way::FromClub, "alice", "$ channel 0");
        }
        ladder.rung(Wire::Sip, Way::ToClub, "bob", "\x1b[2JMESSAGE sip:a SIP/2.0\r\nVia: x");
        let text = String::from_utf8(page.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        assert_eq!(text.matches("$ channel 0").count(), 1);
        assert!(text.contains("… and 2 more like it"));
        assert!(text.contains("bob ──▶ club  [2JMESSAGE sip:a SIP/2.0\n"), "{text}");
        assert_eq!((ladder.count(Wire::Rtsp), ladder.count(Wire::Sip)), (3, 1));
    }
}

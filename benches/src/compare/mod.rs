//! Ours beside a peer: the same bytes, like work, results asserted equal, timed in pairs.
//!
//! A side (ours or a peer's) is one function over a message that reports what it found to a
//! [`Sink`]. Before timing, the [`Telling`] sink writes everything down and both sides must have
//! found the same; while timing, the [`Adding`] sink only adds up, so that nothing can be
//! optimised away and neither side pays for formatting.

#[cfg(feature = "peers-c")]
pub mod in_c;
pub mod ledger;
pub mod pair;
pub mod rtsp;
pub mod rtsp_more;
pub mod rtsp_session;
pub mod sip;
pub mod sip_more;
pub mod sip_transaction;
pub mod stores;
pub mod wire;
pub mod xmpp;
pub mod xmpp_more;

use crate::Run;
use core::fmt::{self, Display, Write as _};

/// One comparison.
pub struct Row {
    /// `<area>/<what>/<input>`.
    pub name: String,
    /// The crate that we are measured against.
    pub peer: &'static str,
    /// Messages in one run; results are divided by it.
    pub items: usize,
    /// What we do.
    pub ours: Side,
    /// What the peer does.
    pub theirs: Side,
}

/// One side of a row.
pub struct Side {
    /// Does the work once, on all messages.
    pub run: Run,
    /// What was found in each message.
    pub found: Vec<String>,
    /// Bytes of all messages of one run; 0 where what is read is no message, such as a command.
    pub bytes: usize,
}

/// A row that is set up when it is wanted, since its stores have to be filled.
pub struct Later {
    /// As that of the row.
    pub name: String,
    /// As that of the row.
    pub peer: &'static str,
    /// As those of the row.
    pub items: usize,
    /// Makes the row; none where the peer's program does not start.
    pub set_up: Box<dyn Fn() -> Option<Row>>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} beside {}", self.name, self.peer)
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} beside {}", self.name, self.peer)
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.found).finish()
    }
}

/// What a row is timed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Processor time of the one thread: it moves little when the machine is busy.
    Processor,
    /// The clock on the wall, where a disk or another process is waited for.
    Wall,
}

impl Clock {
    /// What the row of that name beside that peer is timed with.
    #[must_use]
    pub fn of(name: &str, peer: &str) -> Self {
        if name.contains("/durable/") || peer.contains("(wall)") {
            Self::Wall
        } else {
            Self::Processor
        }
    }
}

/// The rows whose name or peer contains `filter`, in the order of the areas.
#[must_use]
pub fn rows(filter: &str) -> Vec<Row> {
    let mut rows = at_hand();
    rows.retain(|row| wanted(filter, &row.name, row.peer));
    rows.extend(in_stores(filter));
    rows
}

fn wanted(filter: &str, name: &str, peer: &str) -> bool {
    name.contains(filter) || peer.contains(filter)
}

/// Those of [`stores`] whose name or peer contains `filter`, each filled when it is its turn.
pub fn in_stores(filter: &str) -> impl Iterator<Item = Row> + '_ {
    let rows = stores::rows().into_iter().filter(move |row| wanted(filter, &row.name, row.peer));
    rows.filter_map(|row| (row.set_up)())
}

/// All rows but those of [`stores`].
#[must_use]
pub fn at_hand() -> Vec<Row> {
    let mut rows = wire::rows();
    rows.extend(rtsp::rows());
    rows.extend(rtsp_more::rows());
    rows.extend(rtsp_session::rows());
    rows.extend(sip::rows());
    rows.extend(sip_more::rows());
    rows.extend(sip_transaction::rows());
    rows.extend(xmpp::rows());
    rows.extend(xmpp_more::rows());
    #[cfg(feature = "peers-c")]
    rows.extend(in_c::rows());
    rows.extend(ledger::rows());
    rows
}

/// Takes what a parser found.
pub trait Sink {
    /// A piece of text that was read.
    fn text(&mut self, text: &[u8]);
    /// A number that was read.
    fn number(&mut self, number: u64);
    /// A typed value that has a text form: a host, an address, a URL.
    fn value(&mut self, value: &impl Display);
}

/// Writes everything down, a line each.
#[derive(Debug, Default)]
pub struct Telling(pub String);

impl Sink for Telling {
    fn text(&mut self, text: &[u8]) {
        writeln!(self.0, "{}", text.escape_ascii()).unwrap_or(());
    }

    fn number(&mut self, number: u64) {
        writeln!(self.0, "{number}").unwrap_or(());
    }

    fn value(&mut self, value: &impl Display) {
        writeln!(self.0, "{value}").unwrap_or(());
    }
}

/// Adds up lengths and numbers; looks at values without formatting them.
#[derive(Debug, Default)]
pub struct Adding(pub u64);

impl Sink for Adding {
    fn text(&mut self, text: &[u8]) {
        self.0 = self.0.wrapping_add(core::hint::black_box(text).len() as u64);
    }

    fn number(&mut self, number: u64) {
        self.0 = self.0.wrapping_add(number);
    }

    fn value(&mut self, value: &impl Display) {
        core::hint::black_box(value);
    }
}

/// A set of messages and its name.
#[derive(Clone, Debug)]
pub struct Set {
    /// `invite`, `varied`, ..
    pub name: &'static str,
    /// The messages.
    pub messages: Vec<Vec<u8>>,
}

impl Set {
    /// One message.
    #[must_use]
    pub fn one(name: &'static str, message: Vec<u8>) -> Self {
        Self { name, messages: vec![message] }
    }

    /// Many messages, called `varied`.
    #[must_use]
    pub const fn varied(messages: Vec<Vec<u8>>) -> Self {
        Self { name: "varied", messages }
    }
}

/// Makes a [`Side`]: `side!(set, prepare, work)` or, with memory that is kept from one message to
/// the next as a caller would keep it, `side!(set, prepare, scratch, work)`. The function `work` is
/// named twice, so that it is compiled for each sink.
#[macro_export]
#[doc(hidden)]
macro_rules! side {
    ($set:expr, $prepare:expr, $work:expr) => {
        $crate::side!($set, $prepare, (), |message, (), sink| $work(message, sink))
    };
    ($set:expr, $prepare:expr, $scratch:expr, |$message:ident, $kept:pat_param, $sink:ident| $work:expr) => {{
        let prepare = $prepare;
        let messages: Vec<_> = $set.messages.iter().map(|message| prepare(message)).collect();
        let mut scratch = $scratch;
        let mut found = Vec::new();
        for $message in &messages {
            let mut telling = $crate::compare::Telling::default();
            let ($kept, $sink) = (&mut scratch, &mut telling);
            $work;
            found.push(telling.0);
        }
        let run: $crate::Run = Box::new(move || {
            let mut adding = $crate::compare::Adding::default();
            for $message in &messages {
                let ($kept, $sink) = (&mut scratch, &mut adding);
                $work;
            }
            adding.0
        });
        let bytes = $set.messages.iter().map(Vec::len).sum();
        $crate::compare::Side { run, found, bytes }
    }};
    ($set:expr, $prepare:expr, $scratch:expr, $work:expr) => {
        $crate::side!($set, $prepare, $scratch, |message, kept, sink| $work(message, kept, sink))
    };
}

//! The negotiation of a stream as data: which steps there are, in which order an initiator takes
//! them, and what must be, or must not be yet, for each (RFC 6120 §4.3.2).
//!
//! Both sides go by this one table: a receiver offers and accepts the steps that are open, an
//! initiator takes the first of them that is offered and that it wants. What is offered and wanted
//! is left to each of them; what may follow what is said here alone.

/// A step of the negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// TLS on the same connection (RFC 6120 §5).
    StartTls,
    /// A new account (XEP-0077).
    Registration,
    /// Authentication with everything that follows it in one go (XEP-0388).
    Sasl2,
    /// Authentication (RFC 6120 §6).
    Sasl,
    /// An earlier session goes on (XEP-0198 §5).
    Resumption,
    /// A resource is bound (RFC 6120 §7).
    Bind,
    /// The session of RFC 3921 §3, which old servers want behind the binding.
    Session,
}

/// What a stream has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what the columns of the table ask for")]
pub struct Reached {
    /// Nobody else reads it: TLS, or a transport that the host vouches for.
    pub secure: bool,
    /// The initiator is who it says.
    pub authenticated: bool,
    /// It has a resource.
    pub bound: bool,
}

/// One row: a step is open where each column that says something says what was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table has these columns")]
pub struct Prerequisites {
    /// The step.
    pub step: Step,
    /// Whether the stream must be secure, must not be, or may be (`None`).
    pub secure: Option<bool>,
    /// Likewise authenticated.
    pub authenticated: Option<bool>,
    /// Likewise bound to a resource.
    pub bound: Option<bool>,
    /// Where it is written.
    pub source: &'static str,
}

const fn row(
    step: Step,
    [secure, authenticated, bound]: [Option<bool>; 3],
    source: &'static str,
) -> Prerequisites {
    Prerequisites { step, secure, authenticated, bound, source }
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const ANY: Option<bool> = None;

/// The steps in the order in which an initiator takes them.
#[rustfmt::skip]
pub const STEPS: &[Prerequisites] = &[
    //                       secure  authenticated  bound
    row(Step::StartTls,     [NO,     NO,            NO ], "RFC 6120 §5.3.1"),
    row(Step::Registration, [ANY,    NO,            NO ], "XEP-0077 §3.1"),
    row(Step::Sasl2,        [ANY,    NO,            NO ], "XEP-0388 §2"),
    row(Step::Sasl,         [ANY,    NO,            NO ], "RFC 6120 §6.3.1"),
    row(Step::Resumption,   [ANY,    YES,           NO ], "XEP-0198 §5"),
    row(Step::Bind,         [ANY,    YES,           NO ], "RFC 6120 §7.3.1"),
    row(Step::Session,      [ANY,    YES,           YES], "RFC 3921 §3"),
];

impl Prerequisites {
    /// Whether the step may come now.
    #[must_use]
    pub const fn met(&self, reached: Reached) -> bool {
        is(self.secure, reached.secure)
            && is(self.authenticated, reached.authenticated)
            && is(self.bound, reached.bound)
    }
}

const fn is(wanted: Option<bool>, reached: bool) -> bool {
    match wanted {
        Some(wanted) => wanted == reached,
        None => true,
    }
}

impl Reached {
    /// The steps that may come now, in the order of [`STEPS`].
    ///
    /// ```
    /// use xmpp_proto::stream::{Reached, Step};
    ///
    /// let fresh = Reached::default();
    /// assert_eq!(fresh.open_steps().next(), Some(Step::StartTls));
    /// let logged_in = Reached { secure: true, authenticated: true, bound: false };
    /// assert!(logged_in.open_steps().eq([Step::Resumption, Step::Bind]));
    /// ```
    pub fn open_steps(self) -> impl Iterator<Item = Step> {
        STEPS.iter().filter(move |row| row.met(self)).map(|row| row.step)
    }

    /// Whether `step` may come now.
    #[must_use]
    pub fn allows(self, step: Step) -> bool {
        self.open_steps().any(|open| open == step)
    }
}

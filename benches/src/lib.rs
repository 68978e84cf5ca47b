//! Measurements: what is measured (one module per area), on which bytes ([`inputs`]), and how
//! ([`alloc`] counts allocations, [`clock`] reads processor time).
//!
//! An area lists its operations in `OPS`; criterion (`cargo bench -p benches`), the instruction
//! counter (`icount.sh`) and the no-allocation test all run that one list. The paired comparison
//! with other crates is `--features peers --bin compare`.

pub mod alloc;
pub mod clock;
#[cfg(feature = "peers")]
pub mod compare;
pub mod inputs;
pub mod ledger;
pub mod live;
pub mod rtsp;
pub mod sip;
pub mod wire;
pub mod xmpp;

/// One measured operation.
///
/// ```
/// use benches::Op;
///
/// const OP: Op = Op {
///     name: "wire/find-head-end/invite",
///     items: 1,
///     allocates: false,
///     make: || {
///         let message = benches::inputs::sip::invite();
///         Box::new(move || message.windows(4).position(|four| four == b"\r\n\r\n").unwrap() as u64)
///     },
/// };
/// assert!((OP.make)()() > 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// `<area>/<what>/<input>`, such as `sip/index/invite`.
    pub name: &'static str,
    /// Messages (frames, stanzas, commands) that one run handles; results are divided by it.
    pub items: u32,
    /// Whether a run may allocate once it is warm. `tests/no_alloc.rs` holds the others to it.
    pub allocates: bool,
    /// Prepares the input and returns the operation. What that returns depends on the work
    /// done, so that none of it can be optimised away, and is the same in every run.
    pub make: fn() -> Run,
}

/// An operation that is ready to run, again and again.
pub type Run = Box<dyn FnMut() -> u64>;

/// The areas, each with its operations.
pub const AREAS: &[(&str, &[Op])] = &[
    ("wire", wire::OPS),
    ("rtsp", rtsp::OPS),
    ("sip", sip::OPS),
    ("xmpp", xmpp::OPS),
    ("ledger", ledger::OPS),
];

/// Every operation of every area.
pub fn ops() -> impl Iterator<Item = &'static Op> {
    AREAS.iter().flat_map(|(_, ops)| ops.iter())
}

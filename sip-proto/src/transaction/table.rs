//! A machine written out as rows, for tests, documentation and drawing.

use super::{Action, Fsm, Reliability, Step};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// One row of a machine's table. RFC 3261 §17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row has these columns")]
pub struct Row<S: 'static, E> {
    /// The state before.
    pub state: S,
    /// What happens.
    pub event: E,
    /// On which kind of transport.
    pub on: Reliability,
    /// What it does; `None` for nothing.
    pub step: Option<Step<S>>,
}

/// Every combination of state, event and reliability, illegal ones included. RFC 3261 §17.
#[must_use]
pub fn rows<F: Fsm>() -> Vec<Row<F::State, F::Event>> {
    let mut rows = Vec::new();
    for &state in F::STATES {
        for &event in F::EVENTS {
            for on in [Reliability::Unreliable, Reliability::Reliable] {
                let step = F::step(state, event, on);
                rows.push(Row { state, event, on, step });
            }
        }
    }
    rows
}

/// Writes the table in Markdown, one line per row that does something; rows that do not
/// depend on the transport are written once.
/// RFC 3261 §17.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_table<F: Fsm>(out: &mut impl Write) -> fmt::Result {
    writeln!(out, "| {} | event | transport | next | actions |", F::NAME)?;
    writeln!(out, "|---|---|---|---|---|")?;
    for &state in F::STATES {
        for &event in F::EVENTS {
            let lossy = F::step(state, event, Reliability::Unreliable);
            let sure = F::step(state, event, Reliability::Reliable);
            if lossy == sure {
                write_row(out, state, event, "any", lossy)?;
            } else {
                write_row(out, state, event, "unreliable", lossy)?;
                write_row(out, state, event, "reliable", sure)?;
            }
        }
    }
    Ok(())
}

fn write_row<S: fmt::Debug>(
    out: &mut impl Write,
    state: S,
    event: impl fmt::Debug,
    on: &str,
    step: Option<Step<S>>,
) -> fmt::Result {
    let Some(step) = step else { return Ok(()) };
    let mut actions = String::new();
    for action in step.actions {
        if !actions.is_empty() {
            actions.push_str(", ");
        }
        match action {
            Action::Start(t) => write!(actions, "start {t:?}")?,
            Action::Again(t) => write!(actions, "again {t:?}")?,
            Action::Stop(t) => write!(actions, "stop {t:?}")?,
            Action::TimedOut => actions.push_str("timed out"),
            Action::TransportFailed => actions.push_str("transport failed"),
            other => actions.push_str(&alloc::format!("{other:?}").to_ascii_lowercase()),
        }
    }
    writeln!(out, "| {state:?} | {event:?} | {on} | {:?} | {actions} |", step.next)
}

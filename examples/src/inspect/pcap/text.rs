//! A capture as ladders of text.

use super::{Capture, Dialogue, Step};
use std::fmt::Write as _;

/// All dialogues, one after the other, and what else was there.
#[must_use]
pub fn of(capture: &Capture) -> String {
    let mut out = String::new();
    for dialogue in &capture.dialogues {
        // Writing to a String does not fail.
        let _ = write(&mut out, dialogue);
    }
    let _ = writeln!(out, "{}", summary(capture));
    out
}

/// What was there, in one line.
#[must_use]
pub fn summary(capture: &Capture) -> String {
    let Capture { packets, others, unknown, beyond, .. } = capture;
    let dialogues = capture.dialogues.len();
    let s = if dialogues == 1 { "" } else { "s" };
    let mut out = format!("{dialogues} dialogue{s} in {packets} packets");
    let rest = [
        (*others, "packets without UDP or TCP"),
        (*unknown as u64, "flows of other protocols"),
        (*beyond, "bytes or flows beyond the limits"),
    ];
    for (count, what) in rest.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(out, "; {count} {what}");
    }
    if let Some(broken) = &capture.broken {
        let _ = write!(out, "; {broken}");
    }
    out
}

/// Who talks with whom, how, and for how long.
#[must_use]
pub fn title(dialogue: &Dialogue) -> String {
    let Dialogue { protocol, client, server, tcp, lost, steps } = dialogue;
    let transport = if *tcp { "TCP" } else { "UDP" };
    let mut out = format!(
        "{protocol} {client} -> {server}, {transport}, {} steps in {} s",
        steps.len(),
        seconds(dialogue.took())
    );
    if *lost > 0 {
        let _ = write!(out, ", {lost} bytes missing");
    }
    out
}

/// Seconds with three decimals.
#[must_use]
pub fn seconds(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000_000)
}

/// What was said, in a few words.
#[must_use]
pub fn words(step: &Step) -> String {
    let Step { line, .. } = step;
    let mut out = match (line.kind, line.start.as_str()) {
        ("error", "") => "what cannot be read".to_owned(),
        (kind, "") => kind.to_owned(),
        (_, start) => start.escape_debug().to_string(),
    };
    if line.body.is_some_and(|body| body > 0) {
        let _ = write!(out, " [{} bytes]", line.body.unwrap_or(0));
    }
    if step.until > step.time {
        let _ = write!(out, ", for {} s", seconds(step.until.saturating_sub(step.time)));
    }
    out
}

fn write(out: &mut String, dialogue: &Dialogue) -> std::fmt::Result {
    writeln!(out, "{}", title(dialogue))?;
    for step in &dialogue.steps {
        let at = seconds(step.time.saturating_sub(dialogue.began()));
        let arrow = if step.forth { "-->" } else { "<--" };
        write!(out, "{at:>10}  {arrow}  {}", words(step))?;
        if !step.line.quirks.is_empty() {
            write!(out, "  ({})", step.line.quirks.join(", "))?;
        }
        if let Some(error) = &step.line.error {
            write!(out, "  ! {}", error.kind)?;
        }
        for field in &step.line.fields {
            if let Some(error) = &field.error {
                write!(out, "  ! {}: {}", field.name.escape_debug(), error.kind)?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out)
}

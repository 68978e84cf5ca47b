//! A machine whose wire somebody watches.

use crate::ladder::Way;
use proto_wire::{Instant, Machine, Output, StreamMachine};
use std::sync::Arc;

/// Sees what goes over a wire: which way, whose, and the text, without what SASL sends.
pub type Observer = Arc<dyn Fn(Way, &str, &str) + Send + Sync>;

/// A server's machine that tells an [`Observer`] what it reads and writes. Commands are
/// called on `inner`.
pub struct Observed<M> {
    /// The machine.
    pub inner: M,
    /// Whose wire it is, as the observer is told.
    pub who: String,
    observer: Option<Observer>,
}

impl<M> Observed<M> {
    /// Watches `inner`.
    pub fn new(inner: M, who: &str, observer: Option<Observer>) -> Self {
        Self { inner, who: who.to_string(), observer }
    }

    fn tell(&self, way: Way, bytes: &[u8]) {
        if let Some(observer) = &self.observer {
            observer(way, &self.who, &masked(&String::from_utf8_lossy(bytes)));
        }
    }
}

impl<M: StreamMachine<Transmit = bytes::Bytes>> Machine for Observed<M> {
    type Input<'a> = M::Input<'a>;
    type Transmit = M::Transmit;
    type Event = M::Event;

    fn handle_input(&mut self, now: Instant, input: M::Input<'_>) {
        self.inner.handle_input(now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<M::Transmit, M::Event>> {
        let output = self.inner.poll_output();
        if let Some(Output::Transmit(bytes)) = &output {
            self.tell(Way::FromClub, bytes);
        }
        output
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}

impl<M: StreamMachine<Transmit = bytes::Bytes>> StreamMachine for Observed<M> {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.tell(Way::ToClub, data);
        self.inner.handle_data(now, data);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.inner.handle_eof(now);
    }

    fn is_closed(event: &M::Event) -> bool {
        M::is_closed(event)
    }

    fn wants_input(&self) -> bool {
        self.inner.wants_input()
    }
}

/// The text with the contents of SASL elements left out: base64 is no secret's hiding place.
fn masked(text: &str) -> String {
    let mut out = text.to_string();
    for name in ["auth", "response"] {
        let (open, close) = (format!("<{name} "), format!("</{name}>"));
        let Some(start) = out.find(&open) else { continue };
        let Some(from) = out[start..].find('>').map(|at| start + at + 1) else { continue };
        let to = out[from..].find(&close).map_or(out.len(), |at| from + at);
        if from < to {
            out.replace_range(from..to, "…");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn what_sasl_sends_is_left_out() {
        for (text, expected) in [
            (
                "<auth xmlns='u' mechanism='PLAIN'>AHUAcA==</auth>",
                "<auth xmlns='u' mechanism='PLAIN'>…</auth>",
            ),
            ("<response xmlns='u'>eA==", "<response xmlns='u'>…"),
            ("<auth xmlns='u'/>", "<auth xmlns='u'/>"),
            ("<message><body>auth</body></message>", "<message><body>auth</body></message>"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}

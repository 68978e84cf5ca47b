//! The side that is told (RFC 3994 §3.3, Figure 2).

use super::{IsComposing, State};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::time::Duration;
use proto_wire::{Instant, Machine, Output};

/// What a [`Watcher`] does when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatcherConfig {
    /// The longest `<refresh>` that is believed (10 min). Stops a peer from seeming to type
    /// for years.
    pub refresh_max: Duration,
}

impl Default for WatcherConfig {
    fn default() -> Self {
        Self { refresh_max: Duration::from_secs(600) }
    }
}

impl WatcherConfig {
    /// Sets [`WatcherConfig::refresh_max`].
    #[must_use]
    pub const fn with_refresh_max(mut self, refresh_max: Duration) -> Self {
        self.refresh_max = refresh_max;
        self
    }
}

/// What a [`Watcher`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatcherInput<'a> {
    /// A status came.
    Status(&'a IsComposing),
    /// A message with content came, from the same peer.
    Content,
}

/// What a [`Watcher`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatcherEvent {
    /// The peer began to compose something, of this type if it was said.
    Started(Option<String>),
    /// The peer stopped, sent it, or was not heard of in time.
    Stopped,
}

/// Knows whether a peer is composing. One for each conversation.
///
/// A: [`state`](Self::state). B: [`handle_input`](Self::handle_input),
/// [`handle_timeout`](Self::handle_timeout). D: [`poll_output`](Self::poll_output),
/// [`poll_timeout`](Self::poll_timeout). It has no commands.
///
/// ```
/// use proto_wire::Instant;
/// use sip_proto::simple::iscomposing::{IsComposing, State, Watcher, WatcherInput};
///
/// let mut watcher = Watcher::new(Instant::ZERO, Default::default());
/// watcher.handle_input(Instant::ZERO, WatcherInput::Status(&IsComposing::new(State::Active)));
/// assert_eq!(watcher.poll_timeout(), Some(Instant::from_secs(120)));
/// watcher.handle_input(Instant::from_secs(9), WatcherInput::Content);
/// assert_eq!((watcher.state(), watcher.poll_timeout()), (State::Idle, None));
/// ```
#[derive(Clone, Debug)]
pub struct Watcher {
    config: Arc<WatcherConfig>,
    idle_at: Option<Instant>,
    outputs: VecDeque<Output<Infallible, WatcherEvent>>,
}

impl Watcher {
    /// A watcher of a peer that is idle. There is nothing random in it.
    #[must_use]
    pub const fn new(_now: Instant, config: Arc<WatcherConfig>) -> Self {
        Self { config, idle_at: None, outputs: VecDeque::new() }
    }

    /// The state of the peer.
    #[must_use]
    pub const fn state(&self) -> State {
        if self.idle_at.is_some() { State::Active } else { State::Idle }
    }

    /// Takes what came from the peer.
    pub fn handle_input(&mut self, now: Instant, input: WatcherInput<'_>) {
        self.handle_timeout(now);
        match input {
            WatcherInput::Status(status) if status.state == State::Active => {
                let holds = status.refresh().min(self.config.refresh_max);
                let was_idle = self.idle_at.replace(now.saturating_add(holds)).is_none();
                if was_idle {
                    let event = WatcherEvent::Started(status.content_type.clone());
                    self.outputs.push_back(Output::Event(event));
                }
            }
            WatcherInput::Status(_) | WatcherInput::Content => self.stop(),
        }
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.idle_at.is_some_and(|at| at <= now) {
            self.stop();
        }
    }

    /// What happened next.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Infallible, WatcherEvent>> {
        self.outputs.pop_front()
    }

    /// When [`Watcher::handle_timeout`] must be called at the latest.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.idle_at
    }

    fn stop(&mut self) {
        if self.idle_at.take().is_none() {
            return;
        }
        // A start that nobody took yet and its stop cancel out: nothing piles up.
        if matches!(self.outputs.back(), Some(Output::Event(WatcherEvent::Started(_)))) {
            self.outputs.pop_back();
        } else {
            self.outputs.push_back(Output::Event(WatcherEvent::Stopped));
        }
    }
}

impl Machine for Watcher {
    type Input<'a> = WatcherInput<'a>;
    type Transmit = Infallible;
    type Event = WatcherEvent;

    fn handle_input(&mut self, now: Instant, input: WatcherInput<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<Infallible, WatcherEvent>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

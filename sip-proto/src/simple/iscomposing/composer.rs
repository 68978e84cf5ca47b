//! The side that types (RFC 3994 §3.2, Figure 1).

use super::{IsComposing, State};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::time::Duration;
use proto_wire::{Instant, Machine, Output};

/// What a [`Composer`] does when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComposerConfig {
    /// Without typing for this long the user is idle (15 s).
    pub idle_after: Duration,
    /// "active" is said again after this long (90 s); `None` never, and the peer falls back to
    /// 120 s. Taken as 60 s at least, in whole seconds.
    pub refresh: Option<Duration>,
    /// What is composed, said in every status.
    pub content_type: Option<String>,
}

impl Default for ComposerConfig {
    fn default() -> Self {
        Self {
            idle_after: Duration::from_secs(15),
            refresh: Some(Duration::from_secs(90)),
            content_type: None,
        }
    }
}

impl ComposerConfig {
    /// Sets [`ComposerConfig::idle_after`].
    #[must_use]
    pub const fn with_idle_after(mut self, idle_after: Duration) -> Self {
        self.idle_after = idle_after;
        self
    }

    /// Sets [`ComposerConfig::refresh`].
    #[must_use]
    pub const fn with_refresh(mut self, refresh: Option<Duration>) -> Self {
        self.refresh = refresh;
        self
    }

    /// Sets [`ComposerConfig::content_type`].
    #[must_use]
    pub fn with_content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    fn refresh_in_force(&self) -> Option<Duration> {
        // §3.2: SHOULD be no shorter than 60 seconds.
        self.refresh.map(|r| Duration::from_secs(r.as_secs().max(60)))
    }
}

/// What happens to a [`Composer`] from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComposerInput {
    /// A status that was sent was answered with this SIP status code. 415 (Unsupported Media
    /// Type) silences the composer for good (§4).
    Answered(u16),
}

/// Says when the user begins and stops to type, and no more often than allowed.
///
/// A: [`state`](Self::state), [`is_silenced`](Self::is_silenced). B:
/// [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout). C:
/// [`typed`](Self::typed), [`message_sent`](Self::message_sent), [`stopped`](Self::stopped).
/// D: [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use proto_wire::{Instant, Output};
/// use sip_proto::simple::iscomposing::{Composer, State};
///
/// let mut composer = Composer::new(Instant::ZERO, Default::default());
/// composer.typed(Instant::ZERO);
/// composer.typed(Instant::from_secs(1));
/// let Some(Output::Transmit(status)) = composer.poll_output() else { panic!("one status") };
/// assert_eq!((status.state, status.refresh_secs), (State::Active, Some(90)));
/// assert_eq!(composer.poll_output(), None);
/// assert_eq!(composer.poll_timeout(), Some(Instant::from_secs(16)));
/// composer.handle_timeout(Instant::from_secs(16));
/// assert!(matches!(composer.poll_output(), Some(Output::Transmit(s)) if s.state == State::Idle));
/// ```
#[derive(Clone, Debug)]
pub struct Composer {
    config: Arc<ComposerConfig>,
    state: State,
    idle_at: Option<Instant>,
    refresh_at: Option<Instant>,
    silenced: bool,
    outputs: VecDeque<Output<IsComposing, Infallible>>,
}

impl Composer {
    /// An idle composer. There is nothing random in it.
    #[must_use]
    pub const fn new(_now: Instant, config: Arc<ComposerConfig>) -> Self {
        Self {
            config,
            state: State::Idle,
            idle_at: None,
            refresh_at: None,
            silenced: false,
            outputs: VecDeque::new(),
        }
    }

    /// The state of the user.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the peer refused the media type, so that nothing is said any more.
    #[must_use]
    pub const fn is_silenced(&self) -> bool {
        self.silenced
    }

    /// Takes what happened outside.
    pub fn handle_input(&mut self, _now: Instant, input: ComposerInput) {
        match input {
            ComposerInput::Answered(415) => {
                self.silenced = true;
                self.outputs.clear();
                self.refresh_at = None;
            }
            ComposerInput::Answered(_) => {}
        }
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.idle_at.is_some_and(|at| at <= now) {
            self.stopped(now);
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.say(now);
        }
    }

    /// The user typed: once per key is fine.
    pub fn typed(&mut self, now: Instant) {
        self.handle_timeout(now);
        self.idle_at = Some(now.saturating_add(self.config.idle_after));
        if self.state == State::Idle {
            self.state = State::Active;
            self.say(now);
        }
    }

    /// The message was sent, which says that its composer is idle: no status goes out.
    pub fn message_sent(&mut self, _now: Instant) {
        self.state = State::Idle;
        self.idle_at = None;
        self.refresh_at = None;
        // A status that still waits here would arrive behind the message.
        self.outputs.clear();
    }

    /// The user stopped without sending: cleared the text, closed the window.
    pub fn stopped(&mut self, now: Instant) {
        if self.state == State::Active {
            self.state = State::Idle;
            self.idle_at = None;
            self.say(now);
        }
    }

    /// The next status to send.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<IsComposing, Infallible>> {
        self.outputs.pop_front()
    }

    /// When [`Composer::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.idle_at.into_iter().chain(self.refresh_at).min()
    }

    fn say(&mut self, now: Instant) {
        if self.silenced {
            return;
        }
        let mut status = IsComposing::new(self.state);
        status.content_type.clone_from(&self.config.content_type);
        // §3.2: no refreshes in idle state; each "active" starts the interval anew.
        let refresh = self.config.refresh_in_force().filter(|_| self.state == State::Active);
        self.refresh_at = refresh.map(|r| now.saturating_add(r));
        if let Some(refresh) = refresh {
            status.refresh_secs = Some(u32::try_from(refresh.as_secs()).unwrap_or(u32::MAX));
        }
        // Only the newest state is of interest to the peer.
        self.outputs.clear();
        self.outputs.push_back(Output::Transmit(status));
    }
}

impl Machine for Composer {
    type Input<'a> = ComposerInput;
    type Transmit = IsComposing;
    type Event = Infallible;

    fn handle_input(&mut self, now: Instant, input: ComposerInput) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<IsComposing, Infallible>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

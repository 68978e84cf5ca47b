//! RTSP 2.0: RFC 7826 Appendix B.
//!
//! What 1.0 has not: the number of streams (NRM), a resume point (RP) and a redirect point
//! (`RedP`); no state changes by itself, so that the end of the media leaves a session in
//! `Play`; PLAY in `Play` replaces instead of queueing.

use crate::{Method, StatusCode};
use core::fmt;

/// Where a session stands (B.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "B.1 has these three")]
pub enum State {
    /// There is no session.
    #[default]
    Init,
    /// Ready to play.
    Ready,
    /// The server sends media, or sent all of it.
    Play,
}

impl State {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Init, Self::Ready, Self::Play];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Init => "Init",
            Self::Ready => "Ready",
            Self::Play => "Play",
        })
    }
}

/// What happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A client sets up a stream.
    Setup,
    /// A client wants media.
    Play,
    /// A client wants no media for a while.
    Pause,
    /// A client ends the session or one stream.
    Teardown,
    /// DESCRIBE, OPTIONS, `GET_PARAMETER`, `SET_PARAMETER` (table 9), and extensions.
    Other,
    /// The server notifies about the playing.
    PlayNotify,
    /// The server redirects.
    Redirect,
    /// All media came to its end.
    EndOfMedia,
    /// The end of the requested range is reached.
    EndOfRange,
    /// The time of a redirect has come.
    RedirectPointReached,
    /// The client showed no sign of life for too long.
    TimedOut,
    /// A request was answered with 3rr, but not 304 (B.4).
    Redirected,
}

impl Event {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Setup,
        Self::Play,
        Self::Pause,
        Self::Teardown,
        Self::Other,
        Self::PlayNotify,
        Self::Redirect,
        Self::EndOfMedia,
        Self::EndOfRange,
        Self::RedirectPointReached,
        Self::TimedOut,
        Self::Redirected,
    ];

    /// The event that a request of `method` is.
    #[must_use]
    pub const fn of(method: Method) -> Self {
        match method {
            Method::Setup => Self::Setup,
            Method::Play => Self::Play,
            Method::Pause => Self::Pause,
            Method::Teardown => Self::Teardown,
            Method::PlayNotify => Self::PlayNotify,
            Method::Redirect => Self::Redirect,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::Other => "other method",
            Self::PlayNotify => "S->C: PLAY_NOTIFY",
            Self::Redirect => "S->C: REDIRECT",
            Self::EndOfMedia => "end of media",
            Self::EndOfRange => "end of range",
            Self::RedirectPointReached => "RedP reached",
            Self::TimedOut => "timeout",
            Self::Redirected => "3rr",
        })
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "B.4 has these three")]
pub enum Target {
    /// The presentation: all streams of the session.
    #[default]
    Presentation,
    /// A stream of the session. Of a session with one stream this is the presentation too
    /// (B.4).
    Media,
    /// A stream that is not of the session yet.
    NewMedia,
}

/// What the prerequisites of the tables ask about an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by hosts, with `..Default::default()`")]
pub struct Facts {
    /// What the request URI names.
    pub target: Target,
    /// Whether there is a Range header.
    pub has_range: bool,
    /// Whether this server can change a transport while it plays ("IFI").
    pub can_change_transport: bool,
    /// Whether a REDIRECT has a `Terminate-Reason` with a time.
    pub has_terminate_time: bool,
}

/// One prerequisite; a row applies when all of its own hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guard {
    /// The URI names the presentation, or the only stream.
    Presentation,
    /// The URI names a stream of the session, of which there are several.
    OneOfSeveral,
    /// The URI names a stream of the session.
    SetUpBefore,
    /// The URI names a stream that is not of the session.
    New,
    /// There is a Range.
    Range,
    /// There is no Range.
    NoRange,
    /// The transport can be changed while playing.
    CanChangeTransport,
    /// `Terminate-Reason` has a time.
    TerminateTime,
}

impl Guard {
    const fn holds(self, facts: &Facts, streams: u32) -> bool {
        match self {
            Self::Presentation => match facts.target {
                Target::Presentation => true,
                Target::Media => streams == 1,
                Target::NewMedia => false,
            },
            Self::OneOfSeveral => matches!(facts.target, Target::Media) && streams > 1,
            Self::SetUpBefore => matches!(facts.target, Target::Media),
            Self::New => matches!(facts.target, Target::NewMedia),
            Self::Range => facts.has_range,
            Self::NoRange => !facts.has_range,
            Self::CanChangeTransport => facts.can_change_transport,
            Self::TerminateTime => facts.has_terminate_time,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Presentation => "presentation URI, or media URI with NRM=1",
            Self::OneOfSeveral => "media URI, NRM>1",
            Self::SetUpBefore => "media URI",
            Self::New => "new URI",
            Self::Range => "Range",
            Self::NoRange => "no Range",
            Self::CanChangeTransport => "if implemented",
            Self::TerminateTime => "Terminate-Reason with time",
        })
    }
}

/// What goes with a step: the response column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// NRM=1, RP=0: the session begins.
    Begin,
    /// NRM += 1.
    AddStream,
    /// NRM -= 1; the response has a Session header.
    RemoveStream,
    /// The session is gone: NRM=0, and the response to a TEARDOWN has no Session header.
    End,
    /// The transport of a stream is changed.
    ChangeTransport,
    /// Play from RP.
    PlayFromResumePoint,
    /// Play from where it is, what was asked for before replaced.
    PlayFromPresentPoint,
    /// Play what Range says, what was asked for before replaced.
    PlayRange,
    /// Return the pause point; it stays RP.
    ReturnPausePoint,
    /// RP = where it is now; return it.
    ResumeAtPresentPoint,
    /// RP = the end of the media.
    ResumeAtEndOfMedia,
    /// RP = the end of the range.
    ResumeAtEndOfRange,
    /// `RedP` = the time of `Terminate-Reason`.
    SetRedirectPoint,
    /// No more media is sent.
    StopMedia,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Begin => "NRM=1, RP=0",
            Self::AddStream => "NRM+=1",
            Self::RemoveStream => "Session header, NRM-=1",
            Self::End => "no Session header, NRM=0",
            Self::ChangeTransport => "change transport",
            Self::PlayFromResumePoint => "play from RP",
            Self::PlayFromPresentPoint => "play from present point",
            Self::PlayRange => "play according to Range",
            Self::ReturnPausePoint => "return pause point",
            Self::ResumeAtPresentPoint => "RP=present point",
            Self::ResumeAtEndOfMedia => "RP=end of media",
            Self::ResumeAtEndOfRange => "RP=end of range",
            Self::SetRedirectPoint => "set RedP",
            Self::StopMedia => "stop media",
        })
    }
}

/// Where a row leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a request succeeds or fails")]
pub enum Outcome {
    /// To this state.
    Goto(State),
    /// Nowhere: the request is refused.
    Refuse(StatusCode),
}

/// One row of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The state before.
    pub from: State,
    /// What happens.
    pub event: Event,
    /// What must hold.
    pub guards: &'static [Guard],
    /// Where it leads.
    pub outcome: Outcome,
    /// What goes with it, in order.
    pub actions: &'static [Action],
    /// The table or section that says so.
    pub source: &'static str,
}

const fn go(
    from: State,
    event: Event,
    guards: &'static [Guard],
    to: State,
    actions: &'static [Action],
    source: &'static str,
) -> Row {
    Row { from, event, guards, outcome: Outcome::Goto(to), actions, source }
}

const fn no(
    from: State,
    event: Event,
    guards: &'static [Guard],
    status: StatusCode,
    source: &'static str,
) -> Row {
    Row { from, event, guards, outcome: Outcome::Refuse(status), actions: &[], source }
}

/// Tables 9 to 12, row by row, and what the text demands beside them. The first row that
/// fits counts; where none fits, the event is illegal.
#[rustfmt::skip]
pub const ROWS: &[Row] = {
    use Action::{
        AddStream, Begin, ChangeTransport, End, PlayFromPresentPoint, PlayFromResumePoint,
        PlayRange, RemoveStream, ResumeAtEndOfMedia, ResumeAtEndOfRange, ResumeAtPresentPoint,
        ReturnPausePoint, SetRedirectPoint, StopMedia,
    };
    use Guard::{
        CanChangeTransport, New, NoRange, OneOfSeveral, Presentation, Range, SetUpBefore,
        TerminateTime,
    };
    use State::{Init, Play, Ready};
    const NOT_IN_STATE: StatusCode = StatusCode::METHOD_NOT_VALID_IN_THIS_STATE;
    const ONLY_AGGREGATE: StatusCode = StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED;
    &[
        go(Init, Event::Other, &[], Init, &[], "table 9"),
        go(Ready, Event::Other, &[], Ready, &[], "table 9"),
        go(Play, Event::Other, &[], Play, &[], "table 9"),

        go(Init, Event::Setup, &[], Ready, &[Begin], "table 10"),
        go(Init, Event::Redirected, &[], Init, &[], "table 10"),
        go(Init, Event::Redirect, &[], Init, &[End], "table 10"),

        go(Ready, Event::Setup, &[New], Ready, &[AddStream], "table 11"),
        go(Ready, Event::Setup, &[SetUpBefore], Ready, &[ChangeTransport], "table 11"),
        go(Ready, Event::Teardown, &[Presentation], Init, &[End], "table 11"),
        go(Ready, Event::Teardown, &[OneOfSeveral], Ready, &[RemoveStream], "table 11"),
        go(Ready, Event::Play, &[Presentation, NoRange], Play, &[PlayFromResumePoint], "table 11"),
        go(Ready, Event::Play, &[Presentation, Range], Play, &[PlayRange], "table 11"),
        no(Ready, Event::Play, &[OneOfSeveral], ONLY_AGGREGATE, "section 13.4"),
        go(Ready, Event::Pause, &[Presentation], Ready, &[ReturnPausePoint], "table 11"),
        no(Ready, Event::Pause, &[OneOfSeveral], ONLY_AGGREGATE, "section 13.6"),
        go(Ready, Event::Redirect, &[TerminateTime], Ready, &[SetRedirectPoint], "table 11"),
        go(Ready, Event::Redirect, &[], Init, &[End], "table 11"),
        go(Ready, Event::TimedOut, &[], Init, &[End], "table 11"),
        go(Ready, Event::RedirectPointReached, &[], Init, &[End], "table 11"),
        go(Ready, Event::Redirected, &[], Init, &[End], "section B.4"),

        go(Play, Event::Pause, &[Presentation], Ready, &[ResumeAtPresentPoint], "table 12"),
        no(Play, Event::Pause, &[OneOfSeveral], ONLY_AGGREGATE, "section 13.6"),
        go(Play, Event::EndOfMedia, &[], Play, &[ResumeAtEndOfMedia], "table 12"),
        go(Play, Event::EndOfRange, &[], Play, &[ResumeAtEndOfRange], "table 12"),
        go(Play, Event::Play, &[Presentation, NoRange], Play, &[PlayFromPresentPoint], "table 12"),
        go(Play, Event::Play, &[Presentation, Range], Play, &[PlayRange], "table 12"),
        no(Play, Event::Play, &[OneOfSeveral], ONLY_AGGREGATE, "section 13.4"),
        go(Play, Event::PlayNotify, &[], Play, &[], "table 12"),
        no(Play, Event::Setup, &[New], NOT_IN_STATE, "table 12"),
        go(Play, Event::Setup, &[SetUpBefore, CanChangeTransport], Play, &[ChangeTransport], "table 12"),
        no(Play, Event::Setup, &[SetUpBefore], NOT_IN_STATE, "table 12"),
        go(Play, Event::Teardown, &[Presentation], Init, &[StopMedia, End], "table 12"),
        no(Play, Event::Teardown, &[OneOfSeveral], NOT_IN_STATE, "table 12"),
        go(Play, Event::Redirect, &[TerminateTime], Play, &[SetRedirectPoint], "table 12"),
        go(Play, Event::Redirect, &[], Init, &[StopMedia, End], "table 12"),
        go(Play, Event::RedirectPointReached, &[], Init, &[StopMedia, End], "table 12"),
        go(Play, Event::TimedOut, &[], Init, &[StopMedia, End], "table 12"),
        go(Play, Event::Redirected, &[], Init, &[StopMedia, End], "section B.4"),
    ]
};

/// Where a session resumes (RP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "B.4 has these four")]
pub enum ResumePoint {
    /// At the beginning.
    #[default]
    Beginning,
    /// Where it was paused; the host knows where that is.
    PausePoint,
    /// At the end of the media.
    EndOfMedia,
    /// At the end of the range that was played.
    EndOfRange,
}

/// The step that an event makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The state after it.
    pub state: State,
    /// What goes with it, in order.
    pub actions: &'static [Action],
}

/// The state and the variables of one session (B.1, B.2).
///
/// ```
/// use rtsp_proto::StatusCode;
/// use rtsp_proto::session_table::v2::{Event, Facts, Session, State, Target};
///
/// let mut session = Session::default();
/// session.step(Event::Setup, &Facts::default()).unwrap();
/// session.step(Event::Play, &Facts::default()).unwrap();
/// // The end of the media changes the resume point, not the state.
/// session.step(Event::EndOfMedia, &Facts::default()).unwrap();
/// assert_eq!(session.state(), State::Play);
/// let new = Facts { target: Target::NewMedia, ..Facts::default() };
/// assert_eq!(
///     session.step(Event::Setup, &new),
///     Err(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE)
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    state: State,
    streams: u32,
    resume_point: ResumePoint,
    has_redirect_point: bool,
}

impl Session {
    /// A session in `state` with so many streams, as somebody else keeps it; without streams
    /// there is no session.
    #[must_use]
    pub fn new(state: State, streams: u32) -> Self {
        if streams == 0 || state == State::Init {
            return Self::default();
        }
        Self { state, streams, ..Self::default() }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// How many streams it has (NRM).
    #[must_use]
    pub const fn streams(&self) -> u32 {
        self.streams
    }

    /// Where it resumes (RP).
    #[must_use]
    pub const fn resume_point(&self) -> ResumePoint {
        self.resume_point
    }

    /// Whether a time is set at which it ends (`RedP`).
    #[must_use]
    pub const fn has_redirect_point(&self) -> bool {
        self.has_redirect_point
    }

    /// The row that applies.
    #[must_use]
    pub fn find(&self, event: Event, facts: &Facts) -> Option<&'static Row> {
        ROWS.iter().find(|row| {
            row.from == self.state
                && row.event == event
                && row.guards.iter().all(|guard| guard.holds(facts, self.streams))
        })
    }

    /// Whether [`Session::step`] would succeed, without doing it.
    ///
    /// # Errors
    /// As [`Session::step`].
    pub fn check(&self, event: Event, facts: &Facts) -> Result<Step, StatusCode> {
        match self.find(event, facts).map(|row| (row.outcome, row.actions)) {
            Some((Outcome::Goto(state), actions)) => Ok(Step { state, actions }),
            Some((Outcome::Refuse(status), _)) => Err(status),
            // In Init there is no session that the request could mean.
            None if self.state == State::Init => Err(StatusCode::SESSION_NOT_FOUND),
            None => Err(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE),
        }
    }

    /// An event happens: a request succeeds, or something comes to its end.
    ///
    /// # Errors
    /// The status that a request is refused with. An event that is no request and gets an
    /// error means nothing here. Nothing has changed.
    pub fn step(&mut self, event: Event, facts: &Facts) -> Result<Step, StatusCode> {
        let step = self.check(event, facts)?;
        self.state = step.state;
        for action in step.actions {
            match action {
                Action::Begin => *self = Self { streams: 1, state: step.state, ..Self::default() },
                Action::AddStream => self.streams = self.streams.saturating_add(1),
                Action::RemoveStream => self.streams = self.streams.saturating_sub(1),
                Action::End => *self = Self { state: step.state, ..Self::default() },
                Action::ResumeAtPresentPoint => self.resume_point = ResumePoint::PausePoint,
                Action::ResumeAtEndOfMedia => self.resume_point = ResumePoint::EndOfMedia,
                Action::ResumeAtEndOfRange => self.resume_point = ResumePoint::EndOfRange,
                Action::SetRedirectPoint => self.has_redirect_point = true,
                Action::ChangeTransport
                | Action::PlayFromResumePoint
                | Action::PlayFromPresentPoint
                | Action::PlayRange
                | Action::ReturnPausePoint
                | Action::StopMedia => {}
            }
        }
        Ok(step)
    }
}

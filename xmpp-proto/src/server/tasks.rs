//! Tasks behind the authentication, such as a second factor (XEP-0388 §2.6.3).

use super::{CommandError, Event, Phase, ServerConnection, Timer};
use crate::jid::Jid;
use crate::sasl::{SaslFailure, SaslServer, Secret, encode};
use crate::xml::{Element, Ns, Writer};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// An authentication that is over, but for what the host wants beyond it.
#[derive(Debug)]
pub(super) struct Held {
    sasl: SaslServer,
    account: Jid,
    /// What the mechanism says last, until it is said.
    data: Vec<u8>,
    offered: Vec<String>,
    /// The client does one of them.
    chosen: bool,
}

/// What the client says in a task.
pub(super) enum Move {
    Next(String, Secret),
    Data(Secret),
}

impl ServerConnection {
    /// The mechanism is satisfied: the host, if it wants to be asked, may not be.
    pub(super) fn hold(&mut self, sasl: SaslServer, account: Jid, data: Vec<u8>) {
        let asked = account.clone();
        let held = Held { sasl, account, data, offered: Vec::new(), chosen: false };
        self.phase = Phase::Tasks(Box::new(held));
        self.link.event(Event::TasksNeeded { account: asked });
    }

    /// `<next/>` and `<task-data/>`, where they make sense.
    pub(super) fn read_task(held: &Held, element: Element<'_>) -> Option<Move> {
        let text = || Secret::new(element.to_standalone());
        match (element.name(), held.chosen) {
            ("next", false) => {
                let task = element.attr("task")?.into_owned();
                Some(Move::Next(task, text()))
            }
            ("task-data", true) => Some(Move::Data(text())),
            _ => None,
        }
    }

    pub(super) fn take_move(&mut self, step: Move) {
        let Phase::Task(mut held) = core::mem::replace(&mut self.phase, Phase::Features) else {
            return;
        };
        let event = match step {
            Move::Next(task, _) if !held.offered.contains(&task) => {
                return self.auth_failed(SaslFailure::MalformedRequest);
            }
            Move::Next(task, data) => {
                held.chosen = true;
                Event::TaskChosen { task, data }
            }
            Move::Data(data) => Event::TaskData { data },
        };
        self.phase = Phase::Tasks(held);
        self.link.event(event);
    }

    /// Answers [`Event::TasksNeeded`], or what the client has done for another task: one of these
    /// must be done before it is logged in. `text` is for people.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn require_tasks(
        &mut self,
        now: Instant,
        tasks: &[&str],
        text: &str,
    ) -> Result<(), CommandError> {
        let mut held = self.take_held()?;
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::SASL2, "continue");
        let data = core::mem::take(&mut held.data);
        if !data.is_empty() {
            w.leaf(Ns::SASL2, "additional-data", &encode(&data));
        }
        w.start(Ns::SASL2, "tasks");
        for task in tasks {
            w.leaf(Ns::SASL2, "task", task);
        }
        w.end();
        if !text.is_empty() {
            w.leaf(Ns::SASL2, "text", text);
        }
        w.end();
        held.offered = tasks.iter().map(ToString::to_string).collect();
        held.chosen = false;
        self.say_in_task(now, w, held);
        Ok(())
    }

    /// Answers [`Event::TaskChosen`] or [`Event::TaskData`] with what the task wants to know next.
    ///
    /// # Errors
    /// Nothing was asked for, or no task was chosen.
    pub fn send_task_data(
        &mut self,
        now: Instant,
        write: impl FnOnce(&mut Writer),
    ) -> Result<(), CommandError> {
        if !matches!(&self.phase, Phase::Tasks(held) if held.chosen) {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        }
        let held = self.take_held()?;
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::SASL2, "task-data");
        write(&mut w);
        w.end();
        self.say_in_task(now, w, held);
        Ok(())
    }

    /// Answers [`Event::TasksNeeded`], [`Event::TaskChosen`] or [`Event::TaskData`]: it is enough,
    /// the client is logged in.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn accept_tasks(&mut self, now: Instant) -> Result<(), CommandError> {
        let Held { sasl, account, data, .. } = *self.take_held()?;
        let deadline = now.saturating_add(self.config.negotiation_timeout);
        self.timers.set(Timer::Negotiation, deadline);
        self.succeed_inline(&sasl, account, data);
        self.run(now);
        Ok(())
    }

    /// Answers any of them with a failure, such as `not-authorized` for a wrong code. It counts as
    /// a failed login.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn refuse_tasks(&mut self, now: Instant, failure: SaslFailure) -> Result<(), CommandError> {
        self.take_held()?;
        self.auth_failed(failure);
        self.run(now);
        Ok(())
    }

    fn take_held(&mut self) -> Result<Box<Held>, CommandError> {
        match core::mem::replace(&mut self.phase, Phase::Features) {
            Phase::Tasks(held) => Ok(held),
            other => {
                self.phase = other;
                Err(self.not_asked().err().unwrap_or(CommandError::NotAsked))
            }
        }
    }

    /// The client's turn: it has longer than for the rest, as somebody may have to look for a code.
    fn say_in_task(&mut self, now: Instant, w: Writer, held: Box<Held>) {
        // A payload that is no XML is the host's mistake, and no answer.
        self.link.send(w.finish().unwrap_or_default());
        self.timers.set(Timer::Negotiation, now.saturating_add(self.config.task_timeout));
        self.phase = Phase::Task(held);
        self.run(now);
    }
}

//! Tasks behind the authentication, such as a second factor (XEP-0388 §2.6.3).

use super::{Client, CommandError, Event, Phase, Timer};
use crate::link::ProtocolError;
use crate::sasl::{SaslClient, SaslError, Secret, decode};
use crate::stream::StreamCondition;
use crate::xml::{Element, Ns, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// Whose turn it is.
#[derive(Debug)]
pub(super) enum Turn {
    /// The host chooses one of these.
    Choose(Vec<String>),
    /// The server has something to say.
    Server,
    /// The host answers.
    Answer,
}

/// `<continue/>`, as read.
pub(super) struct Offer {
    data: Option<Vec<u8>>,
    tasks: Vec<String>,
    text: Option<String>,
}

impl Offer {
    pub(super) fn read(element: Element<'_>) -> Self {
        let data = element.child(Ns::SASL2, "additional-data");
        let tasks = element.child(Ns::SASL2, "tasks").into_iter().flat_map(Element::children);
        Self {
            data: data.map_or(Some(Vec::new()), |data| decode(data.text().trim())),
            tasks: tasks
                .filter(|task| task.is(Ns::SASL2, "task"))
                .map(|task| task.text().trim().to_string())
                .collect(),
            text: element.child(Ns::SASL2, "text").map(|text| text.text().into_owned()),
        }
    }
}

impl Client {
    /// The server wants more than a proof of the password. It must have proved itself by now.
    pub(super) fn take_offer(&mut self, offer: Offer) {
        let wanted = self.config.sasl2.as_ref().is_some_and(|sasl2| sasl2.tasks);
        if !wanted {
            return self.distrust(SaslError::Task);
        }
        let sasl = match core::mem::replace(&mut self.phase, Phase::Features) {
            Phase::Auth(mut sasl) => {
                let proved = offer.data.ok_or(SaslError::Malformed);
                match proved.and_then(|data| sasl.success(&data)) {
                    Ok(()) => sasl,
                    Err(error) => return self.distrust(error),
                }
            }
            Phase::Tasks(sasl, _) => sasl,
            _ => return,
        };
        if offer.tasks.is_empty() {
            return self.fail(ProtocolError::Stream(StreamCondition::BadFormat));
        }
        let (tasks, text) = (offer.tasks.clone(), offer.text);
        self.wait_for_host(sasl, Turn::Choose(offer.tasks));
        self.link.event(Event::TasksOffered { tasks, text });
    }

    pub(super) fn take_task_data(&mut self, data: Secret) {
        if let Phase::Tasks(sasl, _) = core::mem::replace(&mut self.phase, Phase::Features) {
            self.wait_for_host(sasl, Turn::Answer);
            self.link.event(Event::TaskData { data });
        }
    }

    /// Somebody may have to look for a code: the server says how long that may take.
    fn wait_for_host(&mut self, sasl: SaslClient, turn: Turn) {
        self.timers.clear();
        self.phase = Phase::Tasks(sasl, turn);
    }

    /// Answers [`Event::TasksOffered`]: does this one; `write` writes what it begins with, if
    /// anything.
    ///
    /// # Errors
    /// Nothing was offered, or not this.
    pub fn choose_task(
        &mut self,
        now: Instant,
        task: &str,
        write: impl FnOnce(&mut Writer),
    ) -> Result<(), CommandError> {
        match &self.phase {
            Phase::Tasks(_, Turn::Choose(tasks)) if tasks.iter().any(|t| t == task) => {}
            Phase::Closing | Phase::Closed => return Err(CommandError::Closed),
            _ => return Err(CommandError::NotAsked),
        }
        self.say_in_task(now, "next", Some(task), write);
        Ok(())
    }

    /// Answers [`Event::TaskData`] with what `write` writes.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn answer_task(
        &mut self,
        now: Instant,
        write: impl FnOnce(&mut Writer),
    ) -> Result<(), CommandError> {
        match &self.phase {
            Phase::Tasks(_, Turn::Answer) => {}
            Phase::Closing | Phase::Closed => return Err(CommandError::Closed),
            _ => return Err(CommandError::NotAsked),
        }
        self.say_in_task(now, "task-data", None, write);
        Ok(())
    }

    fn say_in_task(
        &mut self,
        now: Instant,
        name: &str,
        task: Option<&str>,
        write: impl FnOnce(&mut Writer),
    ) {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::SASL2, name).attr_opt("task", task);
        write(&mut w);
        w.end();
        // A payload that is no XML is the host's mistake, and no answer.
        self.link.send(w.finish().unwrap_or_default());
        if let Phase::Tasks(_, turn) = &mut self.phase {
            *turn = Turn::Server;
        }
        let deadline = now.saturating_add(self.config.negotiation_timeout);
        self.timers.set(Timer::Negotiation, deadline);
    }
}

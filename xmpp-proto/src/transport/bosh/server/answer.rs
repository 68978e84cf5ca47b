//! The responses of a session: when, in what order, and with what in them.

use super::{BoshSession, End, Inbound, Response, Sent};
use crate::transport::bosh::body::{Condition, RESTARTS, Wrapper, seconds};
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{Output, StreamMachine};

impl<M: StreamMachine> BoshSession<M> {
    /// Answers what is due, oldest request first (§14.2).
    pub(super) fn settle(&mut self, nothing_more: bool) {
        let (hold, due) = match &self.terms {
            Some(terms) => (terms.hold, terms.due),
            None => return,
        };
        if due.is_some() && nothing_more {
            self.answer(None);
        }
        if matches!(self.end, End::Said { .. }) {
            return self.tell_end(nothing_more);
        }
        while !self.held.is_empty() && !self.payloads.is_empty() {
            self.answer(None);
        }
        while nothing_more && self.held.len() > hold {
            self.answer(None);
        }
    }

    /// The client learns of the end in the response to its oldest request (§13).
    fn tell_end(&mut self, nothing_more: bool) {
        let ended = matches!(self.end, End::Said { event: Some(_), .. });
        if !self.held.is_empty() && (nothing_more || ended) {
            let End::Said { condition, event } = core::mem::replace(&mut self.end, End::Told)
            else {
                return;
            };
            self.answer(Some(condition));
            while !self.held.is_empty() {
                self.answer(None);
            }
            match event {
                Some(event) => self.finish(event),
                None => self.inbox.push_back(Inbound::Eof),
            }
            if matches!(self.end, End::Told) {
                // The machine still has its last word.
                self.drain();
            }
        }
    }

    /// After the client was told: everything up to the machine's last event.
    pub(super) fn drain(&mut self) {
        let mut gone = false;
        loop {
            match self.machine.poll_output() {
                Some(Output::Transmit(_)) => {}
                Some(Output::Event(event)) if M::is_closed(&event) => return self.finish(event),
                Some(Output::Event(event)) => self.queue.push_back(Output::Event(event)),
                None => match self.inbox.pop_front() {
                    Some(Inbound::Text(text)) if self.machine.wants_input() => {
                        self.machine.handle_data(self.now, text.as_bytes());
                    }
                    _ if gone => return,
                    _ => {
                        gone = true;
                        self.inbox.clear();
                        self.machine.handle_eof(self.now);
                    }
                },
            }
        }
    }

    pub(super) fn finish(&mut self, event: M::Event) {
        self.silent_at = None;
        // What came before its turn has none any more, and must not wait for ever.
        for (id, _) in core::mem::take(&mut self.early).into_values() {
            self.refuse(id, Condition::ItemNotFound);
        }
        self.end = End::Done;
        self.queue.push_back(Output::Event(event));
    }

    /// Responds to the oldest request, with what there is to say.
    pub(super) fn answer(&mut self, end: Option<Option<Condition>>) {
        let Some(held) = self.held.pop_front() else { return };
        let mut body = Wrapper::new();
        let mut payloads = Vec::new();
        let legacy = self.terms.as_ref().is_some_and(|terms| terms.legacy);
        self.write_terms(&mut body, held.rid);
        let condition = end.flatten();
        if end.is_some() {
            body.attr("type", "terminate");
            if let Some(condition) = condition {
                body.attr("condition", condition.name());
            }
        }
        let mut bytes = 0_usize;
        while let Some(next) = self.payloads.front().filter(|_| self.pace.pause.is_none()) {
            bytes = bytes.saturating_add(next.len());
            if !payloads.is_empty() && bytes > self.config.payloads_max && end.is_none() {
                break;
            }
            self.backlog = self.backlog.saturating_sub(next.len());
            payloads.extend(self.payloads.pop_front());
        }
        if let Some((rid, at)) = self.report.take() {
            let since = self.now.saturating_since(at).as_millis();
            body.number("report", rid);
            body.number("time", u64::try_from(since).unwrap_or(u64::MAX));
        }
        self.pace.last_answer_empty = payloads.is_empty();
        let body = body.finish(&payloads);
        let status = condition.filter(|_| legacy).map_or(200, Condition::status);
        if let Some(id) = held.id {
            let response = Response { id, status, body: body.clone() };
            self.queue.push_back(Output::Transmit(response));
        }
        let (rid, at, repeats, key) = (held.rid, self.now, held.repeats, held.key);
        self.sent.push_back(Sent { rid, body, at, repeats, key });
        let kept = self.terms.as_ref().map_or(1, |terms| terms.requests);
        while self.sent.len() > kept.saturating_add(1) {
            self.sent.pop_front();
        }
        self.watch();
    }

    /// What the first response says (§7.2), and what each may.
    fn write_terms(&mut self, body: &mut Wrapper, rid: u64) {
        let Some(terms) = &mut self.terms else { return };
        if terms.due == Some(rid) {
            terms.due = None;
            let config = &self.config;
            let polls = terms.hold == 0;
            let inactivity = if polls { config.inactivity_polling } else { config.inactivity };
            body.attr("sid", self.sid.as_str()).number("wait", seconds(terms.wait));
            body.number("hold", terms.hold as u64).number("requests", terms.requests as u64);
            body.number("inactivity", seconds(inactivity));
            body.number("polling", seconds(config.polling));
            body.number("maxpause", seconds(config.pause_max));
            if !terms.legacy {
                body.attr("ver", "1.6");
            }
            if terms.acks {
                body.number("ack", rid);
            }
            let from = if terms.from.is_empty() { &terms.wanted } else { &terms.from };
            body.text("from", from).text("authid", &terms.authid).xmpp(RESTARTS);
        } else if terms.acks && self.last != rid {
            body.number("ack", self.last);
        }
    }

    /// Without a request that waits, the client may be gone (§10).
    pub(super) fn watch(&mut self) {
        let polls = self.terms.as_ref().is_some_and(|terms| terms.hold == 0);
        let usual = if polls { self.config.inactivity_polling } else { self.config.inactivity };
        let silence = self.pace.pause.unwrap_or(usual).max(Duration::from_millis(1));
        let waits = self.held.iter().any(|held| held.id.is_some());
        self.silent_at = (!waits).then(|| self.now.saturating_add(silence));
    }
}

//! The elements of XEP-0198.

use crate::stanza::Condition;
use crate::stream::StreamCondition;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::time::Duration;

/// `<r/>`
pub(crate) const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// An element of stream management, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SmElement {
    Request,
    /// `h`, if it is a number of 32 bits.
    Ack(Option<u32>),
    Enable {
        resume: bool,
        max: Option<Duration>,
    },
    Enabled {
        id: Option<String>,
        resume: bool,
        max: Option<Duration>,
        location: Option<String>,
    },
    Resume {
        id: String,
        h: Option<u32>,
    },
    Resumed {
        id: String,
        h: Option<u32>,
    },
    Failed {
        h: Option<u32>,
        condition: Option<Condition>,
    },
}

impl SmElement {
    pub(crate) fn read(element: Element<'_>) -> Option<Self> {
        if element.ns() != Ns::SM {
            return None;
        }
        let h = || element.attr("h").and_then(|h| h.trim().parse().ok());
        let text = |name| element.attr(name).map(Cow::into_owned);
        // xs:boolean has two spellings of each value (§3).
        let resume =
            || matches!(element.attr("resume").as_deref().map(str::trim), Some("true" | "1"));
        let max = || {
            let seconds = element.attr("max").and_then(|max| max.trim().parse().ok());
            seconds.map(|seconds: u32| Duration::from_secs(seconds.into()))
        };
        Some(match element.name() {
            "r" => Self::Request,
            "a" => Self::Ack(h()),
            "enable" => Self::Enable { resume: resume(), max: max() },
            "enabled" => Self::Enabled {
                id: text("id"),
                resume: resume(),
                max: max(),
                location: text("location"),
            },
            "resume" => Self::Resume { id: text("previd").unwrap_or_default(), h: h() },
            "resumed" => Self::Resumed { id: text("previd").unwrap_or_default(), h: h() },
            "failed" => Self::Failed {
                h: h(),
                condition: element
                    .children()
                    .filter(|child| child.ns() == Ns::STANZA_ERRORS)
                    .find_map(|child| Condition::of(child.name())),
            },
            _ => return None,
        })
    }
}

pub(crate) fn ack(h: u32) -> String {
    alloc::format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
}

pub(crate) fn enable(resume: Option<Duration>) -> String {
    match resume {
        Some(max) => {
            alloc::format!("<enable xmlns='urn:xmpp:sm:3' resume='true' max='{}'/>", max.as_secs())
        }
        None => String::from("<enable xmlns='urn:xmpp:sm:3'/>"),
    }
}

/// The answer to `<enable/>`; `id` and `max` when the stream can be resumed.
pub(crate) fn enabled(resume: Option<(&str, Duration)>, location: Option<&str>) -> String {
    write("enabled", |w| {
        if let Some((id, max)) = resume {
            w.attr("id", id).attr("resume", "true").attr("max", &max.as_secs().to_string());
            w.attr_opt("location", location);
        }
    })
}

pub(crate) fn resume(id: &str, h: u32) -> String {
    write("resume", |w| {
        w.attr("h", &h.to_string()).attr("previd", id);
    })
}

pub(crate) fn resumed(id: &str, h: u32) -> String {
    write("resumed", |w| {
        w.attr("h", &h.to_string()).attr("previd", id);
    })
}

pub(crate) fn failed(condition: Condition, h: Option<u32>) -> String {
    write("failed", |w| {
        w.attr_opt("h", h.map(|h| h.to_string()).as_deref());
        w.leaf(Ns::STANZA_ERRORS, condition.name(), "");
    })
}

/// The stream error for an `h` of more stanzas than were sent (§6).
pub(crate) fn too_high(h: u32, sent: u32) -> String {
    let condition = StreamCondition::UndefinedCondition.name();
    alloc::format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <handled-count-too-high xmlns='urn:xmpp:sm:3' h='{h}' send-count='{sent}'/></stream:error>"
    )
}

fn write(name: &str, attributes: impl FnOnce(&mut Writer)) -> String {
    let mut w = Writer::in_stream(Ns::CLIENT);
    w.start(Ns::SM, name);
    attributes(&mut w);
    w.end();
    // An id that came over the wire is made of characters that XML has.
    w.finish().unwrap_or_default()
}

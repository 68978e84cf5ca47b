//! What goes along with messages of a chat: states (XEP-0085), corrections (0308), hints
//! (0334), ids (0359); and whether the user looks at the client at all (0352).

use crate::jid::JidRef;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident in $ns:ident { $($(#[$item:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$item])* $name,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the element.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The first one in a message.
            #[must_use]
            pub fn read(message: Element<'_>) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.is_in(message))
            }

            /// Whether it is in a message.
            #[must_use]
            pub fn is_in(self, message: Element<'_>) -> bool {
                message.child(Ns::$ns, self.name()).is_some()
            }

            /// Writes it into a message.
            pub fn write(self, w: &mut Writer) {
                w.leaf(Ns::$ns, self.name(), "");
            }
        }
    };
}

names! {
    /// What the other does in the chat (XEP-0085).
    ChatState in CHAT_STATES {
        /// Pays attention.
        Active = "active",
        /// Writes.
        Composing = "composing",
        /// Has written and stopped.
        Paused = "paused",
        /// Does not pay attention.
        Inactive = "inactive",
        /// Has left the chat.
        Gone = "gone",
    }
}

names! {
    /// What shall not, or shall, be done with a message (XEP-0334).
    Hint in HINTS {
        /// Not archived for good.
        NoPermanentStore = "no-permanent-store",
        /// Not stored at all.
        NoStore = "no-store",
        /// Not copied to other resources.
        NoCopy = "no-copy",
        /// Stored although it has no body.
        Store = "store",
    }
}

/// The id of the message that this one takes the place of (XEP-0308). It counts only from the
/// same full address (§4).
#[must_use]
pub fn replaces(message: Element<'_>) -> Option<Cow<'_, str>> {
    message.child(Ns::CORRECTION, "replace")?.attr("id")
}

/// Writes that this message takes the place of the message `id`.
pub fn write_replace(w: &mut Writer, id: &str) {
    w.start(Ns::CORRECTION, "replace").attr("id", id).end();
}

/// The id that `by` has given to a message (XEP-0359 §3). Whether `by` strips what others
/// claim in its name must be known (§4).
#[must_use]
pub fn stanza_id<'a>(message: Element<'a>, by: &str) -> Option<Cow<'a, str>> {
    let mut ids = message.children().filter(|child| child.is(Ns::STANZA_ID, "stanza-id"));
    let own = |id: &Element<'a>| {
        let said = id.attr("by").and_then(|by| JidRef::parse(by).ok());
        said.is_some_and(|said| {
            said.as_str() == by || said.to_jid().is_ok_and(|j| j.as_str() == by)
        })
    };
    ids.find(own)?.attr("id")
}

/// Writes an id given by `by`.
pub fn write_stanza_id(w: &mut Writer, id: &str, by: &str) {
    w.start(Ns::STANZA_ID, "stanza-id").attr("id", id).attr("by", by).end();
}

/// The id that the sender has given, for itself (XEP-0359 §3.2).
#[must_use]
pub fn origin_id(message: Element<'_>) -> Option<Cow<'_, str>> {
    message.child(Ns::STANZA_ID, "origin-id")?.attr("id")
}

/// Writes the sender's id.
pub fn write_origin_id(w: &mut Writer, id: &str) {
    w.start(Ns::STANZA_ID, "origin-id").attr("id", id).end();
}

/// Reads whether the user looks at the client (XEP-0352).
#[must_use]
pub fn read_client_state(element: Element<'_>) -> Option<bool> {
    match element.name() {
        "active" if element.ns() == Ns::CSI => Some(true),
        "inactive" if element.ns() == Ns::CSI => Some(false),
        _ => None,
    }
}

/// Whether the user looks at the client (XEP-0352): an element of the stream, no stanza.
#[must_use]
pub const fn client_state(active: bool) -> &'static str {
    if active { "<active xmlns='urn:xmpp:csi:0'/>" } else { "<inactive xmlns='urn:xmpp:csi:0'/>" }
}

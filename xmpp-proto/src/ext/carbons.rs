//! Carbon copies (XEP-0280).

use super::forward::Forwarded;
use crate::iq::is_account;
use crate::jid::Jid;
use crate::stanza::Message;
use crate::xml::{Ns, Writer};

/// A copy of what another resource of the account has sent or received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Carbon<'a> {
    /// The account has sent it; else it has received it.
    pub sent: bool,
    /// The message.
    pub forwarded: Forwarded<'a>,
}

impl<'a> Carbon<'a> {
    /// The copy in a message for `own`. It is one only when it comes from the own account, by
    /// its bare address (§11): anybody else who sends such a thing puts words into others'
    /// mouths (CVE-2017-5589).
    #[must_use]
    pub fn read(message: &Message<'a>, own: &Jid) -> Option<Self> {
        let element = message.header().element();
        let from = message.header().from();
        let trusted = from.is_some_and(|from| is_account(from, own));
        let (sent, wrapper) = match element.child(Ns::CARBONS, "sent") {
            Some(sent) => (true, sent),
            None => (false, element.child(Ns::CARBONS, "received")?),
        };
        let forwarded = Forwarded::read(wrapper.child(Ns::FORWARD, "forwarded")?)?;
        trusted.then_some(Self { sent, forwarded })
    }
}

/// Writes the payload of the request that switches copies on or off (§4, §5).
pub fn write_switch(w: &mut Writer, on: bool) {
    w.leaf(Ns::CARBONS, if on { "enable" } else { "disable" }, "");
}

/// Keeps one message from being copied (§9).
pub fn write_private(w: &mut Writer) {
    w.leaf(Ns::CARBONS, "private", "");
}

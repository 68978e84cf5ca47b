//! What outlives the process: parts of accounts as texts that the host keeps.

use super::{Archiving, Part, Router};
use crate::jid::Jid;
use crate::server::roster::Roster;
use crate::stanza::{StanzaBuf, StanzaXml};
use crate::xml::{Document, Element, Ns, Writer, XmlLimits, restamped};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use proto_wire::Timestamp;
use thiserror::Error;

/// A text is not what [`Router::stored`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No such account can be here.
    #[error("not an account of a domain that is served")]
    NotLocal,
    /// The text is damaged.
    #[error("what was kept is damaged")]
    Damaged,
}

impl<K: Ord + Clone> Router<K> {
    /// A part of an account, to be kept; `None` when there is no such account. The text is
    /// one XML element whose form is the crate's own.
    #[must_use]
    pub fn stored(&self, account: &Jid, part: Part) -> Option<String> {
        let account = self.accounts.get(account.bare())?;
        let mut w = Writer::new();
        match part {
            Part::Roster => account.roster.write(&mut w),
            Part::Offline => {
                w.start(Ns::NONE, "offline");
                for stanza in &account.offline {
                    let text = stanza.as_str().as_bytes();
                    if let Ok(stanza) = Document::parse_in(Ns::CLIENT, text) {
                        w.element(stanza.root());
                    }
                }
                w.end();
            }
            Part::Blocked => {
                w.start(Ns::NONE, "blocked");
                for jid in &account.blocked {
                    w.leaf(Ns::NONE, "jid", jid);
                }
                w.end();
            }
            Part::Archiving => account.archiving.write(&mut w),
            Part::Last => {
                w.start(Ns::NONE, "last");
                if let Some((at, status)) = &account.last {
                    w.attr("at", &at.as_unix_micros().to_string()).text(status);
                }
                w.end();
            }
            Part::Private => account.personal.write_private(&mut w),
            Part::VCard => account.personal.write_vcard(&mut w),
        }
        w.finish().ok()
    }

    /// Takes back a part of an account, which is added when it is not there. Before its
    /// connections: nobody is told.
    ///
    /// # Errors
    /// The account is not local, or the text is damaged; nothing was changed then.
    pub fn restore(&mut self, account: &Jid, part: Part, text: &str) -> Result<(), RestoreError> {
        if !self.is_local(account) || account.local().is_none() || !account.is_bare() {
            return Err(RestoreError::NotLocal);
        }
        // It was within limits when it was written, however long it has become.
        let limits = XmlLimits::POST_AUTH
            .with_stanza_max(usize::MAX)
            .with_elements_max(usize::MAX)
            .with_depth_max(XmlLimits::POST_AUTH.depth_max.saturating_add(2));
        let document = Document::parse_with(text.as_bytes(), limits);
        let document = document.map_err(|_| RestoreError::Damaged)?;
        let (root, max) = (document.root(), self.config.limits);
        let is = |name| root.is(Ns::NONE, name).then_some(()).ok_or(RestoreError::Damaged);
        match part {
            Part::Roster => {
                let roster = Roster::read(root, max).ok_or(RestoreError::Damaged)?;
                self.open_account(account.as_str()).roster = roster;
            }
            Part::Offline => {
                is("offline")?;
                let kept = root.children().map(read_message).collect::<Option<_>>();
                let kept = kept.ok_or(RestoreError::Damaged)?;
                self.open_account(account.as_str()).offline = kept;
            }
            Part::Blocked => {
                is("blocked")?;
                let jids: Option<BTreeSet<String>> = root
                    .children()
                    .map(|jid| Jid::new(&jid.text()).ok().map(|jid| jid.to_string()))
                    .collect();
                let jids = jids.ok_or(RestoreError::Damaged)?;
                self.open_account(account.as_str()).blocked = jids;
            }
            Part::Archiving => {
                let prefs = Archiving::read(root).ok_or(RestoreError::Damaged)?;
                self.open_account(account.as_str()).archiving = prefs;
            }
            Part::Last => {
                is("last")?;
                let at = root.attr("at").map(|at| at.parse::<i64>()).transpose();
                let at = at.map_err(|_| RestoreError::Damaged)?;
                let last = at.map(|at| (Timestamp::from_unix_micros(at), root.text().into_owned()));
                self.open_account(account.as_str()).last = last;
            }
            Part::Private => {
                is("private")?;
                self.open_account(account.as_str()).personal.read_private(root);
            }
            Part::VCard => {
                is("vcard")?;
                self.open_account(account.as_str()).personal.read_vcard(root);
            }
        }
        Ok(())
    }
}

fn read_message(element: Element<'_>) -> Option<StanzaXml> {
    let text = restamped(element, Ns::CLIENT, &[]);
    let buf = StanzaBuf::parse(Ns::CLIENT, text.clone().into()).ok()?;
    buf.as_message().is_some().then(|| StanzaXml::spliced(text))
}

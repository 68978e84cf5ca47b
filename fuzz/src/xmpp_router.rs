//! The router of a server, with everything that its host can ask of it.
//!
//! - `xmpp_router`: whatever users and other servers say, what comes out is valid stanzas, each
//!   question to an archive has one answer, and what is kept comes back as it was.

use proto_wire::{Output, Seed, Timestamp};
use std::collections::BTreeMap;
use xmpp_proto::jid::Jid;
use xmpp_proto::server::{ArchiveEntry, Part, Router, RouterConfig, RouterEvent, RouterLimits};
use xmpp_proto::stanza::{StanzaBuf, StanzaXml};
use xmpp_proto::xml::Ns;

/// Each line is a stanza; its first byte says who sends it: a connection, or another server.
pub fn xmpp_router(data: &[u8]) {
    let config = || {
        let mut limits = RouterLimits::default();
        (limits.contacts_max, limits.offline_max, limits.removed_max) = (4, 3, 2);
        let config = RouterConfig::new().with_archive().with_remote().with_registration();
        Router::<u8>::with_config("h", config.with_limits(limits), &Seed::from_u64(1))
    };
    let mut router = config();
    let jid = |text: &str| text.parse::<Jid>().expect("an address");
    for (key, text) in [(b'1', "u@h/r"), (b'2', "u@h/s"), (b'3', "v@h/r")] {
        router.connect(key, &jid(text));
    }
    router.add_account("w");
    let mut archives: BTreeMap<String, Vec<ArchiveEntry>> = BTreeMap::new();
    for (second, line) in (1..).zip(data.split(|b| *b == b'\n').take(64)) {
        router.set_time(Timestamp::from_unix_secs(second));
        let Some((who, stanza)) = line.split_first() else { continue };
        let content = if *who == b'9' { Ns::SERVER } else { Ns::CLIENT };
        let Ok(stanza) = StanzaBuf::parse(content, stanza.to_vec().into()) else { continue };
        match who {
            b'9' => _ = router.handle_remote(&stanza),
            key => router.handle(key, &stanza),
        }
        let mut outputs = 0;
        while let Some(output) = router.poll_output() {
            outputs += 1;
            assert!(outputs < 4096, "one stanza causes no end of them");
            match output {
                Output::Transmit(delivery) => valid(&delivery.stanza),
                Output::Event(RouterEvent::Outgoing { from, to, stanza }) => {
                    assert!(router.serves(&from) && !router.serves(&to));
                    valid(&stanza);
                }
                Output::Event(RouterEvent::Archived { account, entry }) => {
                    valid(&entry.stanza);
                    let archive = archives.entry(account.to_string()).or_default();
                    assert!(archive.iter().all(|known| known.id != entry.id), "an id given twice");
                    archive.push(entry);
                }
                Output::Event(RouterEvent::ArchiveQueried { query, account, wanted }) => {
                    let archive = archives.entry(account.to_string()).or_default();
                    let answered = match wanted.page(&account, archive, 5) {
                        Ok(page) => {
                            assert!(page.entries.len() <= 5);
                            router.answer_archive(query, &page)
                        }
                        Err(condition) => router.refuse_archive(query, condition),
                    };
                    assert!(answered);
                }
                Output::Event(RouterEvent::PasswordChangeRequested { query, .. }) => {
                    assert!(router.accept_registration(query));
                }
                Output::Event(RouterEvent::RemovalRequested { query, account }) => {
                    assert!(router.accept_registration(query));
                    router.remove_account(&account);
                    assert!(!router.has_account(account.as_str()));
                }
                Output::Event(_) => {}
            }
        }
    }
    let mut again = config();
    for account in ["u@h", "v@h", "w@h"].map(jid) {
        for part in Part::ALL {
            let Some(kept) = router.stored(&account, part) else { continue };
            let restored = again.restore(&account, part, &kept);
            assert_eq!(restored, Ok(()), "{part:?} {kept}");
            assert_eq!(again.stored(&account, part), Some(kept));
        }
    }
}

fn valid(stanza: &StanzaXml) {
    let text = stanza.as_str().to_string();
    let parsed = StanzaBuf::parse(Ns::CLIENT, text.clone().into());
    assert!(parsed.is_ok(), "{text}: {parsed:?}");
}

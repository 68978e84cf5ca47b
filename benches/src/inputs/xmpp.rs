//! XMPP: a chat message, a presence with capabilities, a disco#info result, a roster of 100; and
//! varied stanzas, alone and as one stream.

use super::{VARIED, Vary};

/// A chat message with a body, a thread and a chat state.
#[must_use]
pub fn message() -> Vec<u8> {
    b"<message xmlns='jabber:client' type='chat' id='5fb2c9d1-0a4e-4b7c-9d53-5c1fd7e8a001' \
      to='juliet@capulet.example/balcony' from='romeo@montague.example/orchard' xml:lang='en'>\
      <body>Neither, fair saint, if either thee dislike.</body>\
      <thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>\
      <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
        .to_vec()
}

/// A presence with show, status, priority and entity capabilities.
#[must_use]
pub fn presence() -> Vec<u8> {
    b"<presence xmlns='jabber:client' from='romeo@montague.example/orchard' id='pres:1043' xml:lang='en'>\
      <show>away</show><status>be right back</status><priority>5</priority>\
      <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/caps' \
      ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>"
        .to_vec()
}

/// A disco#info result of 2 identities and 15 features.
#[must_use]
pub fn disco() -> Vec<u8> {
    let mut out = String::from(
        "<iq xmlns='jabber:client' type='result' id='disco1' to='romeo@montague.example/orchard' \
         from='montague.example'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='server' type='im' name='A server'/><identity category='pubsub' type='pep'/>",
    );
    for feature in [
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/caps",
        "http://jabber.org/protocol/commands",
        "http://jabber.org/protocol/pubsub#publish",
        "urn:xmpp:ping",
        "urn:xmpp:time",
        "urn:xmpp:blocking",
        "urn:xmpp:carbons:2",
        "urn:xmpp:mam:2",
        "urn:xmpp:sid:0",
        "jabber:iq:version",
        "jabber:iq:roster",
        "jabber:iq:private",
        "vcard-temp",
    ] {
        out.push_str(&format!("<feature var='{feature}'/>"));
    }
    out.push_str("</query></iq>");
    out.into_bytes()
}

/// A roster result of 100 items in 2 groups each.
#[must_use]
pub fn roster() -> Vec<u8> {
    let mut vary = Vary::new(0x205);
    roster_of(&mut vary, 100).into_bytes()
}

/// 1,024 stanzas: 60 % messages, 30 % presences, 10 % rosters of a few items.
#[must_use]
pub fn varied() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0xab);
    (0..VARIED)
        .map(|_| match vary.number(0, 99) {
            0..=59 => one_message(&mut vary),
            60..=89 => one_presence(&mut vary),
            _ => {
                let items = vary.number(1, 5);
                roster_of(&mut vary, items)
            }
        })
        .map(String::into_bytes)
        .collect()
}

/// 1,024 varied chat messages alone.
#[must_use]
pub fn varied_messages() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0x3e5);
    (0..VARIED).map(|_| one_message(&mut vary).into_bytes()).collect()
}

fn one_message(vary: &mut Vary) -> String {
    let mut out = format!(
        "<message xmlns='jabber:client' type='{}' id='{}' to='{}' from='{}'><body>{}</body>",
        vary.pick(&["chat", "chat", "normal", "groupchat"]),
        vary.word(4, 36),
        jid(vary),
        jid(vary),
        vary.words(1, 24),
    );
    if vary.chance(50) {
        out.push_str(&format!("<thread>{}</thread>", vary.word(8, 40)));
    }
    if vary.chance(60) {
        let state = vary.pick(&["active", "composing", "paused", "gone"]);
        out.push_str(&format!("<{state} xmlns='http://jabber.org/protocol/chatstates'/>"));
    }
    if vary.chance(30) {
        out.push_str(&format!("<origin-id xmlns='urn:xmpp:sid:0' id=\"{}\"/>", vary.word(8, 36)));
    }
    out.push_str("</message>");
    out
}

fn one_presence(vary: &mut Vary) -> String {
    let mut out =
        format!("<presence xmlns='jabber:client' from='{}' id='{}'>", jid(vary), vary.word(4, 36));
    if vary.chance(60) {
        out.push_str(&format!("<show>{}</show>", vary.pick(&["away", "chat", "dnd", "xa"])));
    }
    if vary.chance(60) {
        out.push_str(&format!("<status>{}</status>", vary.words(1, 6)));
    }
    if vary.chance(50) {
        out.push_str(&format!("<priority>{}</priority>", vary.number(0, 127)));
    }
    out.push_str(&format!(
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://{}/caps' ver='{}'/></presence>",
        vary.host(),
        vary.word(28, 28)
    ));
    out
}

fn roster_of(vary: &mut Vary, items: u64) -> String {
    let mut out = format!(
        "<iq xmlns='jabber:client' type='result' id='{}' to='{}'><query xmlns='jabber:iq:roster' ver='{}'>",
        vary.word(4, 12),
        jid(vary),
        vary.word(2, 8)
    );
    for _ in 0..items {
        out.push_str(&format!(
            "<item jid='{}@{}' name='{}' subscription='{}'><group>{}</group><group>{}</group></item>",
            vary.word(3, 12),
            vary.host(),
            vary.words(1, 2),
            vary.pick(&["both", "to", "from", "none"]),
            vary.word(3, 12),
            vary.word(3, 12),
        ));
    }
    out.push_str("</query></iq>");
    out
}

fn jid(vary: &mut Vary) -> String {
    format!("{}@{}/{}", vary.word(3, 12), vary.host(), vary.word(3, 16))
}

use super::archive::{Archived, Fin, Page, Query};
use super::blocking::Blocking;
use super::carbons::Carbon;
use super::chat::{ChatState, Hint};
use super::delay::Delay;
use super::disco::{Identity, Info};
use super::receipts::Marker;
use super::*;
use crate::jid::Jid;
use crate::stanza::{MessageBuilder, StanzaBuf};
use crate::xml::{Document, Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;

fn parse(text: &str) -> Document {
    Document::parse_in(Ns::CLIENT, text.as_bytes()).unwrap()
}

fn stanza(text: &str) -> StanzaBuf {
    StanzaBuf::parse(Ns::CLIENT, text.to_string().into()).unwrap()
}

fn payload(write: impl FnOnce(&mut Writer)) -> Document {
    let message = MessageBuilder::new().with(write).build().unwrap();
    let doc = parse(message.as_str());
    parse(&doc.root().children().next().unwrap().to_standalone())
}

fn own() -> Jid {
    "romeo@montague.example/home".parse().unwrap()
}

/// The examples of the XEPs are read, and what is written is read as the same.
#[test]
fn small_payloads_round_trip() {
    let doc = parse("<query xmlns='jabber:iq:last' seconds='903'>Heading Home</query>");
    let last = activity::LastActivity::read(doc.root()).unwrap();
    assert_eq!((last.seconds, &*last.status), (903, "Heading Home"));
    assert_eq!(activity::LastActivity::read(payload(|w| last.write(w)).root()), Some(last));
    let idle =
        parse("<presence><idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/></presence>");
    assert_eq!(activity::idle_since(idle.root()).as_deref(), Some("1969-07-21T02:56:15Z"));

    let doc = parse(
        "<query xmlns='jabber:iq:version'><name>Exodus</name><version>0.7.0.4</version><os>Windows-XP 5.01.2600</os></query>",
    );
    let version = software::Software::read(doc.root()).unwrap();
    assert_eq!((&*version.name, &*version.os), ("Exodus", "Windows-XP 5.01.2600"));
    assert_eq!(software::Software::read(payload(|w| version.write(w)).root()), Some(version));

    let doc = parse(
        "<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc></time>",
    );
    let now = time::EntityTime::read(doc.root()).unwrap();
    assert_eq!((&*now.zone, &*now.utc), ("-06:00", "2006-12-19T17:58:35Z"));
    assert_eq!(time::EntityTime::read(payload(|w| now.write(w)).root()), Some(now));
    assert_eq!(time::EntityTime::read(parse("<time xmlns='urn:xmpp:time'/>").root()), None);

    let doc = parse(
        "<message><delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>Offline Storage</delay></message>",
    );
    let delay = Delay::read(doc.root()).unwrap();
    assert_eq!(delay.from.as_ref().unwrap().as_str(), "capulet.com");
    let again = MessageBuilder::new().with(|w| delay.write(w)).build().unwrap();
    assert_eq!(Delay::read(parse(again.as_str()).root()), Some(delay));
}

#[test]
fn chats() {
    for state in ChatState::ALL {
        let message = MessageBuilder::new().with(|w| state.write(w)).build().unwrap();
        let doc = parse(message.as_str());
        assert_eq!(ChatState::read(doc.root()), Some(*state));
        assert_eq!(Hint::read(doc.root()), None);
    }
    let message = MessageBuilder::new()
        .id("good1")
        .body("But soft, what light through yonder window breaks?")
        .with(|w| {
            chat::write_replace(w, "bad1");
            Hint::NoCopy.write(w);
            chat::write_origin_id(w, "o");
            chat::write_stanza_id(w, "evil", "room@evil.example");
            chat::write_stanza_id(w, "mine", "montague.example");
        })
        .build()
        .unwrap();
    let doc = parse(message.as_str());
    assert_eq!(chat::replaces(doc.root()).as_deref(), Some("bad1"));
    assert!(Hint::NoCopy.is_in(doc.root()) && !Hint::Store.is_in(doc.root()));
    assert_eq!(chat::origin_id(doc.root()).as_deref(), Some("o"));
    // XEP-0359 §4: an id counts for who is named in it.
    assert_eq!(chat::stanza_id(doc.root(), "montague.example").as_deref(), Some("mine"));
    assert_eq!(chat::stanza_id(doc.root(), "capulet.example"), None);
    assert_eq!(parse(chat::client_state(true)).root().name(), "active");
}

#[test]
fn receipts_and_markers() {
    for (message, due) in [
        ("<message id='1'><request xmlns='urn:xmpp:receipts'/></message>", true),
        ("<message><request xmlns='urn:xmpp:receipts'/></message>", false),
        ("<message id='1' type='error'><request xmlns='urn:xmpp:receipts'/></message>", false),
        ("<message id='1'/>", false),
    ] {
        assert_eq!(receipts::is_requested(parse(message).root()), due, "{message}");
    }
    let message = MessageBuilder::new().with(|w| receipts::write_received(w, "1")).build().unwrap();
    assert_eq!(receipts::received(parse(message.as_str()).root()).as_deref(), Some("1"));
    let message = MessageBuilder::new()
        .with(|w| Marker::Displayed.write(w, "m"))
        .with(receipts::write_markable)
        .build()
        .unwrap();
    let doc = parse(message.as_str());
    assert_eq!(Marker::read(doc.root()), Some((Marker::Displayed, Cow::Borrowed("m"))));
    assert!(receipts::is_markable(doc.root()));
}

/// CVE-2017-5589 and its kin: copies count from the own bare address only.
#[test]
fn carbons_of_strangers_are_nothing() {
    let carbon = |from: &str, kind: &str| {
        stanza(&format!(
            "<message xmlns='jabber:client'{from} to='romeo@montague.example/home'>\
             <{kind} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <message xmlns='jabber:client' from='juliet@capulet.example/balcony' \
             to='romeo@montague.example/garden'><body>What man art thou</body></message>\
             </forwarded></{kind}></message>"
        ))
    };
    for (from, trusted) in [
        (" from='romeo@montague.example'", true),
        (" from='Romeo@Montague.EXAMPLE'", true),
        (" from='romeo@montague.example/garden'", false),
        (" from='romeo@montague.example/home'", false),
        (" from='juliet@capulet.example/balcony'", false),
        (" from='montague.example'", false),
        ("", false),
    ] {
        for kind in ["sent", "received"] {
            let buf = carbon(from, kind);
            let message = buf.as_message().unwrap();
            let read = Carbon::read(&message, &own());
            assert_eq!(read.is_some(), trusted, "{from}");
            if let Some(carbon) = read {
                assert_eq!(carbon.sent, kind == "sent");
                let inner = carbon.forwarded.message().unwrap();
                assert_eq!(inner.body().as_deref(), Some("What man art thou"));
            }
        }
    }
    let no = stanza(
        "<message from='romeo@montague.example'><sent xmlns='urn:xmpp:carbons:2'/></message>",
    );
    assert!(Carbon::read(&no.as_message().unwrap(), &own()).is_none());
}

#[test]
fn archives() {
    let result = |from: &str| {
        stanza(&format!(
            "<message{from}><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726-73623'>\
             <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/>\
             <message xmlns='jabber:client' from='witch@shakespeare.lit'><body>Hail to thee</body></message>\
             </forwarded></result></message>"
        ))
    };
    let room: Jid = "room@conference.example".parse().unwrap();
    for (from, own_archive, of_room) in [
        ("", true, false),
        (" from='romeo@montague.example'", true, false),
        (" from='romeo@montague.example/home'", false, false),
        (" from='evil@example'", false, false),
        (" from='room@conference.example'", false, true),
    ] {
        let buf = result(from);
        let message = buf.as_message().unwrap();
        assert_eq!(Archived::read(&message, &own(), None).is_some(), own_archive, "{from}");
        assert_eq!(Archived::read(&message, &own(), Some(&room)).is_some(), of_room, "{from}");
        if let Some(archived) = Archived::read(&message, &own(), None) {
            assert_eq!((&*archived.query, &*archived.id), ("f27", "28482-98726-73623"));
            assert_eq!(archived.forwarded.delay.unwrap().stamp, "2010-07-10T23:08:25Z");
        }
    }
    let mut query = Query::new("f27", Page::new(10).after("09af3-cc343-b409f")).with(&room);
    query.start = Some("2010-08-07T00:00:00Z".into());
    let written = payload(|w| query.write(w));
    assert_eq!(Query::read(written.root()), Some(query));
    let fin = parse(
        "<fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'>\
         <first index='0'>23452-4534-1</first><last>390-2342-22</last><count>16</count></set></fin>",
    );
    let fin =
        Fin::read(fin.root()).map(|fin| (fin.complete, fin.last.map(Cow::into_owned), fin.count));
    assert_eq!(fin, Some((true, Some("390-2342-22".to_string()), Some(16))));
    let last = Fin { first: Some("a".into()), last: Some("b".into()), ..Fin::default() };
    assert_eq!(Fin::read(payload(|w| last.write(w)).root()), Some(last));
    let pages = payload(|w| Page::new(5).before("").write(w));
    assert_eq!(pages.root().child(Ns::RSM, "before").map(Element::text).as_deref(), Some(""));
}

#[test]
fn blocking() {
    let list = ["romeo@montague.net".parse().unwrap(), "iago@shakespeare.lit".parse().unwrap()];
    let doc = payload(|w| blocking::write(w, blocking::Name::Block, &list));
    let Some(Blocking::Block(read)) = Blocking::read(doc.root()) else { panic!("no block") };
    assert!(read.iter().map(|jid| jid.as_str()).eq(list.iter().map(Jid::as_str)));
    assert_eq!(Blocking::read(parse("<block xmlns='urn:xmpp:blocking'/>").root()), None);
    let all = parse("<unblock xmlns='urn:xmpp:blocking'/>");
    assert_eq!(Blocking::read(all.root()), Some(Blocking::Unblock(vec![])));
    let push = |from: &str| {
        stanza(&format!(
            "<iq type='set' id='1'{from}><block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block></iq>"
        ))
    };
    for (from, trusted) in
        [("", true), (" from='romeo@montague.example'", true), (" from='eve@evil'", false)]
    {
        let buf = push(from);
        let read = Blocking::read_push(&buf.as_iq().unwrap(), &own());
        assert_eq!(read.is_some(), trusted, "{from}");
    }
}

#[test]
fn discovery() {
    let info = Info::new()
        .with_identity(Identity::new("client", "pc").with_name("Exodus 0.9.1"))
        .with_feature("http://jabber.org/protocol/caps")
        .with_feature("http://jabber.org/protocol/muc");
    let doc = payload(|w| info.write(w));
    assert_eq!(Info::read(doc.root()), Some(info.clone()));
    assert!(info.has("http://jabber.org/protocol/muc") && !info.has("urn:x"));
    let items = parse(
        "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='people.shakespeare.lit' \
         name='Directory of Characters'/><item/><item jid='mim.shakespeare.lit' node='n'/></query>",
    );
    let items = disco::read_items(items.root()).map(|items| items.len());
    assert_eq!(items, Some(2), "an item without an address is none");
    let asked = payload(|w| disco::write_request(w, true, Some("music")));
    assert_eq!(asked.root().attr("node").as_deref(), Some("music"));
}

#[cfg(feature = "scram")]
mod caps_tests {
    use super::super::caps::{Caps, CapsCache, verification};
    use super::*;

    fn simple() -> Info<'static> {
        let mut info =
            Info::new().with_identity(Identity::new("client", "pc").with_name("Exodus 0.9.1"));
        for feature in ["caps", "disco#info", "disco#items", "muc"] {
            info.features.push(format!("http://jabber.org/protocol/{feature}").into());
        }
        info
    }

    /// XEP-0115 §5.2 and §5.3.
    #[test]
    fn the_hashes_of_the_specification() {
        assert_eq!(verification(&simple()).as_deref(), Some("QgayPKawpkPSDYmwT/WM94uAlu0="));
        let complex = parse(
            "<query xmlns='http://jabber.org/protocol/disco#info'>\
             <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
             <identity xml:lang='el' category='client' name='\u{3a8} 0.11' type='pc'/>\
             <feature var='http://jabber.org/protocol/caps'/>\
             <feature var='http://jabber.org/protocol/disco#info'/>\
             <feature var='http://jabber.org/protocol/disco#items'/>\
             <feature var='http://jabber.org/protocol/muc'/>\
             <x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>\
             <value>urn:xmpp:dataforms:softwareinfo</value></field>\
             <field var='ip_version'><value>ipv4</value><value>ipv6</value></field>\
             <field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>\
             <field var='software'><value>Psi</value></field>\
             <field var='software_version'><value>0.11</value></field></x></query>",
        );
        let info = Info::read(complex.root()).unwrap();
        assert_eq!(verification(&info).as_deref(), Some("q07IKJEyjvHSyhy//CH0CxmKi8w="));
        assert_eq!(Info::read(payload(|w| info.write(w)).root()), Some(info));
    }

    /// §5.4 and §7: nobody can say what others can, nor hide one list in another.
    #[test]
    fn the_cache_takes_only_what_its_hash_proves() {
        let info = simple();
        let caps = Caps::new("http://code.google.com/p/exodus", &info).unwrap();
        let message = MessageBuilder::new().with(|w| caps.write(w)).build().unwrap();
        let doc = parse(message.as_str());
        assert_eq!(Caps::read(doc.root()), Some(caps.clone()));
        assert!(caps.query_node().ends_with("#QgayPKawpkPSDYmwT/WM94uAlu0="));
        let mut cache = CapsCache::new(1);
        let forged = simple().with_feature("urn:evil");
        assert!(!cache.insert(&caps, &forged));
        assert_eq!(cache.get(&caps), None);
        assert!(cache.insert(&caps, &info));
        assert_eq!(cache.get(&caps).map(<[alloc::string::String]>::len), Some(4));
        let mut other = caps.clone();
        other.hash = "md5".into();
        assert!(!cache.insert(&other, &info) && cache.get(&other).is_none());
        // N and N + 1: the oldest goes.
        let more = Caps::new("n", &forged).unwrap();
        assert!(cache.insert(&more, &forged));
        assert!(cache.get(&caps).is_none() && cache.get(&more).is_some());
        for ill in [
            simple().with_feature("http://jabber.org/protocol/muc"),
            simple().with_identity(Identity::new("client", "pc").with_name("Exodus 0.9.1")),
            simple().with_feature("a<b"),
        ] {
            assert_eq!(verification(&ill), None);
        }
    }

    /// §5.4, 3.5 and 3.6: what a form must be to count, and what makes the whole answer worth nothing.
    #[test]
    fn only_forms_of_one_hidden_type_count() {
        let with = |forms: &str| {
            let text = format!(
                "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc'/>\
                 {forms}</query>"
            );
            let doc = parse(&text);
            verification(&Info::read(doc.root()).unwrap())
        };
        let form = |fields: &str| format!("<x xmlns='jabber:x:data' type='result'>{fields}</x>");
        let hidden = "<field var='FORM_TYPE' type='hidden'><value>urn:t</value></field>";
        let (os, no_type) = ("<field var='os'><value>a</value></field>", with(""));
        let good = with(&form(&[hidden, os].concat()));
        assert!(no_type.is_some() && good.is_some() && good != no_type);
        for ignored in [
            os.into(),
            [os, os].concat(),
            hidden.replace("hidden", "text-single") + os,
            hidden.replace(" type='hidden'", "") + os,
        ] {
            assert_eq!(with(&form(&ignored)), no_type, "{ignored}");
        }
        let same =
            "<field var='FORM_TYPE' type='hidden'><value>urn:t</value><value>urn:t</value></field>";
        assert_eq!(with(&form(&[same, os].concat())), good);
        let b = os.replace(">a<", ">b<");
        for ill in [
            form(&[hidden, os, &b].concat()),
            form(&[hidden, hidden, os].concat()),
            form(&[same.replacen("urn:t", "urn:u", 1).as_str(), os].concat()),
            form(&[hidden, os].concat()) + &form(hidden),
        ] {
            assert_eq!(with(&ill), None, "{ill}");
        }
    }
}

/// XEP-0082 §3.2, and the whole of the calendar.
#[test]
fn datetimes_of_xep_0082() {
    for (text, expected) in [
        ("1969-07-21T02:56:15Z", Some("1969-07-21T02:56:15.000000Z")),
        ("1969-07-20T21:56:15-05:00", Some("1969-07-21T02:56:15.000000Z")),
        ("2000-02-29T23:59:60+23:59", Some("2000-02-29T00:01:00.000000Z")),
        ("9999-12-31T23:59:59.9999999Z", Some("9999-12-31T23:59:59.999999Z")),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000000Z")),
        ("1900-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-00-01T00:00:00Z", None),
        ("2026-01-00T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01 00:00:00Z", None),
        ("2026-1-1T00:00:00Z", None),
        ("2026-01-01T00:00:00.Z", None),
        ("2026-01-01T00:00:00+5:00", None),
        ("+026-01-01T00:00:00Z", None),
    ] {
        let read = time::parse_datetime(text).map(|at| at.to_string());
        assert_eq!(read.as_deref(), expected, "{text}");
    }
    // Every day of four centuries is the one after the day before it.
    let start = time::parse_datetime("1800-03-01T00:00:00Z").unwrap();
    for day in 0..146_097_u64 {
        let at = start.saturating_add(core::time::Duration::from_secs(day * 86_400));
        assert_eq!(time::parse_datetime(&at.to_string()), Some(at));
    }
}

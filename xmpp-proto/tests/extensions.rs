//! The examples of the extensions that are asked of a server or of a stream: stored data, vCards,
//! accounts, capabilities, and compression, which is refused.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

use proto_wire::{Instant, Output, Seed};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::ext::caps::CapsCache;
use xmpp_proto::ext::caps2::{self, CapsHashes};
use xmpp_proto::ext::disco::Info;
use xmpp_proto::ext::{private, register, vcard};
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::{Credentials, Secret};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::stanza::{Condition, IqBuilder, IqKind, PresenceBuilder, StanzaBuf};
use xmpp_proto::xml::{Document, Ns, Writer};

const NOW: Instant = Instant::from_secs(1);

fn stanza(text: &str) -> StanzaBuf {
    StanzaBuf::parse(Ns::CLIENT, text.to_string().into()).unwrap()
}

fn parse(text: &str) -> Document {
    Document::parse_in(Ns::CLIENT, text.as_bytes()).unwrap()
}

fn iq(kind: IqKind, write: impl FnOnce(&mut Writer)) -> StanzaBuf {
    let iq = IqBuilder::new().id("1").kind(kind).with(write).build().unwrap();
    stanza(iq.as_str())
}

fn hamlet() -> Jid {
    "hamlet@shakespeare.lit/denmark".parse().unwrap()
}

/// XEP-0049, examples 1 to 4.
#[test]
fn private_storage() {
    let prefs = "<exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus>";
    let ask = |kind: &str, to: &str, inner: &str| {
        stanza(&format!(
            "<iq type='{kind}' id='1001'{to}><query xmlns='jabber:iq:private'>{inner}</query></iq>"
        ))
    };
    let set = ask("set", "", prefs);
    let request = private::Request::read(&set.as_iq().unwrap(), &hamlet()).unwrap().unwrap();
    let private::Request::Set(elements) = request else { panic!("{request:?}") };
    assert_eq!(elements[0].to_standalone(), prefs);
    let get = ask("get", "", "<exodus xmlns='exodus:prefs'/>");
    let request = private::Request::read(&get.as_iq().unwrap(), &hamlet()).unwrap().unwrap();
    let private::Request::Get(element) = request else { panic!("{request:?}") };
    assert_eq!((&*element.namespace(), element.name()), ("exodus:prefs", "exodus"));
    let own = " to='hamlet@shakespeare.lit'";
    for (kind, to, inner, expected) in [
        ("set", " to='macbeth@shakespeare.lit'", prefs, Condition::Forbidden),
        ("get", " to='macbeth@shakespeare.lit'", prefs, Condition::Forbidden),
        ("get", "", "", Condition::BadRequest),
        ("set", own, "", Condition::BadRequest),
        ("get", "", "<a xmlns='a'/><b xmlns='b'/>", Condition::NotAcceptable),
        ("set", "", "<a/>", Condition::NotAcceptable),
        ("set", "", "<a xmlns=''/>", Condition::NotAcceptable),
    ] {
        let request = ask(kind, to, inner);
        let read = private::Request::read(&request.as_iq().unwrap(), &hamlet()).unwrap();
        assert_eq!(read.map(|_| ()), Err(expected), "{kind} {to} {inner}");
    }
    assert!(
        private::Request::read(&ask("set", own, prefs).as_iq().unwrap(), &hamlet())
            .unwrap()
            .is_ok()
    );
    let other = stanza("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>");
    assert!(private::Request::read(&other.as_iq().unwrap(), &hamlet()).is_none());
    // What is written is what is read.
    let written = iq(IqKind::Get, |w| private::write_request(w, "exodus:prefs", "exodus"));
    assert!(private::Request::read(&written.as_iq().unwrap(), &hamlet()).unwrap().is_ok());
    let doc = parse(prefs);
    let written = iq(IqKind::Result, |w| private::write(w, |w| drop_ref(w.element(doc.root()))));
    let view = written.as_iq().unwrap();
    let mut kept = private::read(view.payload().unwrap()).unwrap();
    assert_eq!(kept.next().unwrap().to_standalone(), prefs);
}

fn drop_ref(_: &mut Writer) {}

/// XEP-0054, examples 1 to 7.
#[test]
fn vcards() {
    let text = "<vCard xmlns='vcard-temp'><FN>Peter Saint-Andre</FN><N><FAMILY>Saint-Andre</FAMILY>\
        <GIVEN>Peter</GIVEN><MIDDLE/></N><NICKNAME>stpeter</NICKNAME>\
        <TEL><WORK/><VOICE/><NUMBER>303-308-3282</NUMBER></TEL><TEL><WORK/><FAX/><NUMBER/></TEL>\
        <PHOTO><TYPE>image/png</TYPE><BINVAL>iVBO\nRw0K\nGgo=\n</BINVAL></PHOTO></vCard>";
    let doc = parse(text);
    let card = vcard::VCard::read(doc.root()).unwrap();
    assert_eq!(card.text(&["FN"]).as_deref(), Some("Peter Saint-Andre"));
    assert_eq!(card.text(&["N", "GIVEN"]).as_deref(), Some("Peter"));
    assert_eq!(card.text(&["N", "MIDDLE"]), None);
    assert_eq!(card.text(&["TITLE"]), None);
    assert_eq!(card.all("TEL").count(), 2);
    let (kind, bytes) = card.photo().unwrap();
    assert_eq!((&*kind, &bytes[..]), ("image/png", &b"\x89PNG\r\n\x1a\n"[..]));
    let own: Jid = "stpeter@jabber.org/roundabout".parse().unwrap();
    let ask = |kind: &str, to: &str| stanza(&format!("<iq id='v2' type='{kind}'{to}>{text}</iq>"));
    for (kind, to, expected) in [
        ("set", "", Some(true)),
        ("set", " to='stpeter@jabber.org'", Some(true)),
        ("set", " to='mercutio@example.com'", Some(false)),
        ("get", " to='mercutio@example.com'", Some(true)),
        ("result", "", None),
    ] {
        let stanza = ask(kind, to);
        let read = vcard::Request::read(&stanza.as_iq().unwrap(), &own);
        assert_eq!(read.map(|read| read.is_ok()), expected, "{kind} {to}");
    }
    let empty = iq(IqKind::Result, vcard::write_request);
    let view = empty.as_iq().unwrap();
    assert!(vcard::VCard::read(view.payload().unwrap()).unwrap().is_empty());
    let texts: [(&[&str], &str); 3] =
        [(&["FN"], "Peter"), (&["N", "FAMILY"], "A & B"), (&["N", "GIVEN"], "P")];
    let written = iq(IqKind::Set, |w| vcard::write(w, texts));
    let view = written.as_iq().unwrap();
    let card = vcard::VCard::read(view.payload().unwrap()).unwrap();
    for (path, text) in texts {
        assert_eq!(card.text(path).as_deref(), Some(text));
    }
    assert_eq!(card.all("N").count(), 1, "one name with two parts");
    let mut w = Writer::in_stream(Ns::VCARD);
    w.start(Ns::VCARD, "vCard");
    vcard::write_photo(&mut w, "image/gif", b"GIF89a");
    w.end();
    let doc = Document::parse_in(Ns::VCARD, w.finish().unwrap().as_bytes()).unwrap();
    let photo = vcard::VCard::read(doc.root()).unwrap().photo().unwrap();
    assert_eq!(photo.1, b"GIF89a");
}

/// XEP-0077, examples 2 to 4, 11, 18, 24 and 28.
#[test]
fn forms_of_registration() {
    let doc = parse(
        "<query xmlns='jabber:iq:register'><instructions>Choose a username.</instructions>\
         <username/><password/><email/></query>",
    );
    let form = register::Form::read(doc.root()).unwrap();
    assert_eq!(form.instructions, "Choose a username.");
    let names: Vec<&str> = form.fields.iter().map(|(name, _)| &**name).collect();
    assert!(names == ["username", "password", "email"] && !form.registered);
    let written = iq(IqKind::Result, |w| form.write(w));
    let view = written.as_iq().unwrap();
    assert_eq!(register::Form::read(view.payload().unwrap()), Some(form));
    let doc = parse(
        "<query xmlns='jabber:iq:register'><registered/><username>juliet</username>\
         <x xmlns='jabber:x:oob'><url>http://www.shakespeare.lit/contests.php</url></x></query>",
    );
    let form = register::Form::read(doc.root()).unwrap();
    assert!(form.registered && form.url.as_deref().unwrap().ends_with("contests.php"));
    let read = |kind: IqKind, inner: &str| {
        let text = format!("<q>{inner}</q>");
        let doc = Document::parse_in(Ns::REGISTER, text.as_bytes()).unwrap();
        let request = iq(kind, |w| {
            w.start(Ns::REGISTER, "query");
            doc.root().children().for_each(|child| drop_ref(w.element(child)));
            w.end();
        });
        register::Request::read(&request.as_iq().unwrap())
    };
    let filled = "<username>bill</username><password>Calliope</password><email>bard@x</email>";
    let Some(Ok(register::Request::Submit(submission))) = read(IqKind::Set, filled) else {
        panic!("no submission")
    };
    assert_eq!((&*submission.username, submission.password.expose()), ("bill", "Calliope"));
    assert_eq!(submission.fields, [("email".to_string(), "bard@x".to_string())]);
    assert!(!format!("{submission:?}").contains("Calliope"), "a password was shown");
    let form = "<x xmlns='jabber:x:data' type='submit'><field type='hidden' var='FORM_TYPE'>\
        <value>jabber:iq:register:changepassword</value></field><field var='username'><value>bill</value>\
        </field><field var='old_password'><value>theglobe</value></field><field var='password'>\
        <value>groundlings</value></field></x>";
    let Some(Ok(register::Request::Submit(submission))) = read(IqKind::Set, form) else {
        panic!("no submission")
    };
    assert_eq!(submission.password.expose(), "groundlings");
    for (kind, inner, expected) in [
        (IqKind::Set, "<remove/>", Ok(register::Request::Remove)),
        (IqKind::Set, "<remove/><username>a</username>", Err(Condition::BadRequest)),
        (IqKind::Set, "<username>bill</username><password/>", Err(Condition::NotAcceptable)),
        (IqKind::Set, "<password>p</password>", Err(Condition::NotAcceptable)),
        (IqKind::Set, "", Err(Condition::NotAcceptable)),
        (IqKind::Get, "", Ok(register::Request::Form)),
    ] {
        assert_eq!(read(kind, inner), Some(expected), "{inner}");
    }
    assert_eq!(read(IqKind::Result, ""), None);
    let remove = iq(IqKind::Set, register::write_remove);
    let read = register::Request::read(&remove.as_iq().unwrap());
    assert_eq!(read, Some(Ok(register::Request::Remove)));
}

fn pair(registers: bool, plain: bool) -> (Client, ServerConnection) {
    let config = ClientConfig::new("bill@shakespeare.lit/globe".parse().unwrap())
        .with_password(Secret::new("Calliope"))
        .with_registration(true)
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    let client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let config = ServerConfig::new("shakespeare.lit")
        .with_tls(ServerTls::None)
        .with_registration(registers)
        .with_plain_without_tls(plain);
    (client, ServerConnection::new(NOW, Arc::new(config), Seed::from_u64(2)))
}

/// Runs both; the host of the server knows of one name that is taken.
fn evening(client: &mut Client, server: &mut ServerConnection) -> (Vec<String>, Vec<String>) {
    let (mut accounts, mut seen, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..100 {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    server.handle_input(NOW, server::Input::Data(&bytes));
                }
                Output::Event(client::Event::RegistrationForm(form)) => {
                    let iq = form.as_iq().unwrap();
                    let form = register::Form::read(iq.payload().unwrap()).unwrap();
                    seen.push(form.instructions.into_owned());
                    let fields = [("username", "taken"), ("password", "x")];
                    client.register(NOW, &fields).unwrap();
                    assert!(client.register(NOW, &fields).is_err(), "answered already");
                }
                Output::Event(client::Event::RegistrationRefused { condition }) => {
                    seen.push(condition.name().to_string());
                    assert!(client.register(NOW, &[("user name", "x")]).is_err(), "no XML");
                    let fields = [("username", "bill"), ("password", "Calliope")];
                    client.register(NOW, &fields).unwrap();
                }
                Output::Event(client::Event::Registered) => seen.push("registered".into()),
                Output::Event(client::Event::Ready { .. }) => seen.push("ready".into()),
                Output::Event(client::Event::Closed(why)) => seen.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    client.handle_input(NOW, client::Input::Data(&bytes));
                }
                Output::Event(server::Event::RegistrationFormNeeded) => {
                    let form = register::Form::asking(&["username", "password"]);
                    let form = form.with_instructions("Choose & wait.");
                    server.registration_form(NOW, &form).unwrap();
                }
                Output::Event(server::Event::RegistrationSubmitted(submission)) => {
                    if submission.username == "taken" {
                        server.refuse_registration(NOW, Condition::Conflict).unwrap();
                    } else {
                        accounts.push((submission.username, submission.password));
                        server.registered(NOW).unwrap();
                    }
                    assert!(server.registered(NOW).is_err(), "answered already");
                }
                Output::Event(server::Event::CredentialsNeeded { user, .. }) => {
                    let known = accounts.iter().find(|(name, _)| *name == user);
                    let known = known.map_or(Credentials::Refused, |(_, password)| {
                        Credentials::Password(password.clone())
                    });
                    server.credentials(NOW, &known).unwrap();
                }
                Output::Event(server::Event::BindRequested { .. }) => {
                    server.bind(NOW, "globe").unwrap();
                }
                Output::Event(server::Event::Closed(why)) => told.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
    }
    (seen, told)
}

/// XEP-0077 §3.1.1: the account is made in the stream that logs in to it.
#[test]
fn an_account_is_made_before_the_login() {
    let (mut client, mut server) = pair(true, true);
    let (seen, _) = evening(&mut client, &mut server);
    assert_eq!(seen, ["Choose & wait.", "conflict", "registered", "ready"]);
}

#[test]
fn nothing_is_registered_where_none_is_offered_or_a_password_would_be_seen() {
    for (registers, plain) in [(false, true), (true, false)] {
        let (mut client, mut server) = pair(registers, plain);
        let (seen, _) = evening(&mut client, &mut server);
        assert_eq!(seen, ["the server makes no accounts"]);
    }
}

fn server_hears(config: ServerConfig, text: &str) -> (String, Vec<server::Event>) {
    let mut server = ServerConnection::new(NOW, Arc::new(config), Seed::from_u64(2));
    server.handle_input(NOW, server::Input::Data(text.as_bytes()));
    let (mut sent, mut events) = (String::new(), Vec::new());
    while let Some(output) = server.poll_output() {
        match output {
            Output::Transmit(bytes) => sent.push_str(core::str::from_utf8(&bytes).unwrap()),
            Output::Event(server::Event::RegistrationSubmitted(_)) => {
                server.registered(NOW).unwrap();
            }
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

const HEADER: &str = "<stream:stream to='h' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

/// §3.1.1: one account in a connection, and no end of tries.
#[test]
fn registrations_on_one_connection_are_limited() {
    let config = || {
        ServerConfig::new("h")
            .with_tls(ServerTls::None)
            .with_plain_without_tls(true)
            .with_registration(true)
    };
    let register = "<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>a</username>\
        <password>b</password></query></iq>";
    let (sent, events) = server_hears(config(), &format!("{HEADER}{register}{register}"));
    assert!(sent.contains("type='result'") && sent.contains("<not-acceptable "), "{sent}");
    assert!(events.is_empty(), "{events:?}");
    let missing = "<iq type='set' id='1'><query xmlns='jabber:iq:register'/></iq>";
    for (times, closed) in [(2, false), (3, true)] {
        let (sent, events) = server_hears(config(), &format!("{HEADER}{}", missing.repeat(times)));
        assert_eq!(sent.matches("<not-acceptable ").count(), times);
        let ended =
            matches!(events[..], [server::Event::Closed(server::CloseReason::TooManyAttempts)]);
        assert_eq!(ended, closed);
    }
    // Other stanzas before the login are what they were.
    let other = "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
    let (sent, _) = server_hears(config(), &format!("{HEADER}{other}"));
    assert!(sent.contains("<not-authorized "), "{sent}");
}

/// XEP-0138: never offered, never used, refused when it is asked for.
#[test]
fn compression_is_refused() {
    let compress =
        "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>";
    let config = ServerConfig::new("h").with_tls(ServerTls::None).with_plain_without_tls(true);
    let (sent, events) = server_hears(config, &format!("{HEADER}{compress}"));
    assert!(!sent.contains("http://jabber.org/features/compress"), "{sent}");
    assert!(sent.contains("<unsupported-stanza-type "), "{sent}");
    assert!(matches!(events[..], [server::Event::Closed(_)]), "{events:?}");
    let config = ClientConfig::new("a@h".parse().unwrap()).with_tls(TlsPolicy::Never);
    let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let offer = format!(
        "{}<stream:features><compression xmlns='http://jabber.org/features/compress'>\
         <method>zlib</method></compression></stream:features>",
        HEADER.replace("to=", "from=")
    );
    client.handle_input(NOW, client::Input::Data(offer.as_bytes()));
    while let Some(output) = client.poll_output() {
        if let Output::Transmit(bytes) = output {
            assert!(!bytes.windows(8).any(|window| window == b"compress"));
        }
    }
    assert!(client.is_closed(), "there was nothing to log in with");
}

const SIMPLE: &[&str] = &[
    "http://jabber.org/protocol/si",
    "http://jabber.org/protocol/bytestreams",
    "http://jabber.org/protocol/chatstates",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "urn:xmpp:ping",
    "jabber:iq:time",
    "jabber:iq:privacy",
    "jabber:iq:version",
    "http://jabber.org/protocol/rosterx",
    "urn:xmpp:time",
    "jabber:x:oob",
    "http://jabber.org/protocol/ibb",
    "http://jabber.org/protocol/si/profile/file-transfer",
    "urn:xmpp:receipts",
    "jabber:iq:roster",
    "jabber:iq:last",
];

const COMPLEX: &[&str] = &[
    "games:board",
    "http://jabber.org/protocol/activity",
    "http://jabber.org/protocol/activity+notify",
    "http://jabber.org/protocol/bytestreams",
    "http://jabber.org/protocol/chatstates",
    "http://jabber.org/protocol/commands",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "http://jabber.org/protocol/evil",
    "http://jabber.org/protocol/feature-neg",
    "http://jabber.org/protocol/geoloc",
    "http://jabber.org/protocol/geoloc+notify",
    "http://jabber.org/protocol/ibb",
    "http://jabber.org/protocol/iqibb",
    "http://jabber.org/protocol/mood",
    "http://jabber.org/protocol/mood+notify",
    "http://jabber.org/protocol/rosterx",
    "http://jabber.org/protocol/si",
    "http://jabber.org/protocol/si/profile/file-transfer",
    "http://jabber.org/protocol/tune",
    "http://www.facebook.com/xmpp/messages",
    "http://www.xmpp.org/extensions/xep-0084.html#ns-metadata+notify",
    "jabber:iq:avatar",
    "jabber:iq:browse",
    "jabber:iq:dtcp",
    "jabber:iq:filexfer",
    "jabber:iq:ibb",
    "jabber:iq:inband",
    "jabber:iq:jidlink",
    "jabber:iq:last",
    "jabber:iq:oob",
    "jabber:iq:privacy",
    "jabber:iq:roster",
    "jabber:iq:time",
    "jabber:iq:version",
    "jabber:x:data",
    "jabber:x:event",
    "jabber:x:oob",
    "urn:xmpp:avatar:metadata+notify",
    "urn:xmpp:ping",
    "urn:xmpp:receipts",
    "urn:xmpp:time",
];

fn query(identities: &str, features: &[&str], form: &str) -> String {
    let features: String = features.iter().map(|var| format!("<feature var='{var}'/>")).collect();
    format!(
        "<query xmlns='http://jabber.org/protocol/disco#info'>{identities}{features}{form}</query>"
    )
}

fn simple() -> String {
    query("<identity category='client' name='BombusMod' type='mobile'/>", SIMPLE, "")
}

/// XEP-0390 §4.5: the hashes of the specification.
#[test]
fn capabilities_2_hash_as_specified() {
    let complex = query(
        "<identity category='client' name='Tkabber' type='pc' xml:lang='en'/>\
         <identity category='client' name='\u{422}\u{43a}\u{430}\u{431}\u{431}\u{435}\u{440}' \
         type='pc' xml:lang='ru'/>",
        COMPLEX,
        "<x xmlns='jabber:x:data' type='result'><field type='hidden' var='FORM_TYPE'>\
         <value>urn:xmpp:dataforms:softwareinfo</value></field>\
         <field var='software'><value>Tkabber</value></field>\
         <field var='software_version'><value>0.11.1-svn-20111216-mod (Tcl/Tk 8.6b2)</value></field>\
         <field var='os'><value>Windows</value></field>\
         <field var='os_version'><value>XP</value></field></x>",
    );
    for (text, expected) in [
        (simple(), "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8="),
        (complex, "u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY="),
    ] {
        let doc = parse(&text);
        let info = Info::read(doc.root()).unwrap();
        assert_eq!(caps2::hash(&info, "sha-256").as_deref(), Some(expected));
        assert_eq!(caps2::hash(&info, "md5"), None);
        assert!(caps2::is_hashable(doc.root()));
        let hashes = CapsHashes::new(&info).unwrap();
        let presence = PresenceBuilder::new().with(|w| hashes.write(w)).build().unwrap();
        let presence = parse(presence.as_str());
        assert_eq!(CapsHashes::read(presence.root()), Some(hashes.clone()));
        let node = hashes.query_node().unwrap();
        assert_eq!(caps2::read_node(&node), Some(("sha-256", expected)));
    }
}

/// §4.1, §4.4: only what the hash proves, and nothing that it does not see.
#[test]
fn capabilities_2_are_believed_only_with_proof() {
    let doc = parse(&simple());
    let info = Info::read(doc.root()).unwrap();
    let presence = parse(
        "<presence><c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>\
         79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=</hash><hash xmlns='urn:xmpp:hashes:2' \
         algo='sha-256'>kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=</hash></c></presence>",
    );
    let hashes = CapsHashes::read(presence.root()).unwrap();
    assert_eq!(hashes.hashes.len(), 2, "what is not known is kept");
    let mut cache = CapsCache::new(10);
    let more = simple().replace("</query>", "<feature var='urn:evil'/></query>");
    let hidden = simple().replace("</query>", "<item xmlns='urn:x'/></query>");
    // A type that is for people to see is none, so the form would not be in the hash.
    let form =
        "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>urn:t</value></field></x></query>";
    let open = simple().replace("</query>", form);
    for forged in [more, hidden, open] {
        assert!(!cache.insert2(&hashes, parse(&forged).root()));
        assert_eq!(cache.get2(&hashes), None);
    }
    assert!(cache.insert2(&hashes, doc.root()));
    assert_eq!(cache.get2(&hashes).map(<[String]>::len), Some(SIMPLE.len()));
    let unknown = CapsHashes::default();
    assert!(cache.get2(&unknown).is_none() && !cache.insert2(&unknown, doc.root()));
    // A form without a type, and a separator inside of a name.
    let mut info = info;
    info.forms.push(vec![("a".into(), vec!["b".into()])]);
    assert_eq!(caps2::hash(&info, "sha-256"), None);
    info.forms.clear();
    info.features.push("a\u{1f}b".into());
    assert_eq!(caps2::hash(&info, "sha-256"), None);
}

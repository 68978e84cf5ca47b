//! §9.2: two servers.

use super::{NOW, PROCEED, QUESTION, STARTTLS, drain, features, header_of, opened, same};
use proto_wire::Seed;
use std::sync::Arc;
use xmpp_proto::s2s::{self, Incoming, IncomingEvent, Outgoing, OutgoingEvent, S2sConfig};
use xmpp_proto::sasl::Secret;

const SERVER1_HEADER: &str = "<stream:stream
         from='im.example.com'
         to='example.net'
         version='1.0'
         xmlns='jabber:server'
         xmlns:stream='http://etherx.jabber.org/streams'>";

/// Server 2 writes without prefixes, and its features and the end as well.
fn server2_header(id: &str) -> String {
    format!(
        "<stream
         from='example.net'
         id='{id}'
         to='im.example.com'
         version='1.0'
         xmlns='http://etherx.jabber.org/streams'>"
    )
}

fn server1() -> Outgoing {
    let config = S2sConfig::new("im.example.com", Secret::new("s"));
    Outgoing::new(NOW, Arc::new(config), "im.example.com", "example.net")
}

fn to_server1(server: &mut Outgoing, text: &str) -> (String, Vec<OutgoingEvent>) {
    server.handle_input(NOW, s2s::Input::Data(text.as_bytes()));
    drain(server)
}

/// A header, whatever else it declares.
fn is_server1_header(sent: &str) {
    let declares =
        sent.replace(" xmlns:db='jabber:server:dialback'", "").replace(" xml:lang='en'", "");
    assert_eq!(opened(&declares), opened(SERVER1_HEADER));
}

/// Steps 1 to 10.
fn server1_authenticated(server: &mut Outgoing) -> String {
    is_server1_header(&drain(server).0);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>
         <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>
           <required/>
         </starttls>
       </features>";
    let (sent, _) =
        to_server1(server, &(server2_header("hTiXkW+ih9k2SqdGkk/AZi0OJ/Q=") + features));
    same(&sent, STARTTLS);
    let (_, events) = to_server1(server, PROCEED);
    assert!(matches!(events[..], [OutgoingEvent::StartTls]), "{events:?}");
    server.handle_input(NOW, s2s::Input::TlsEstablished);
    is_server1_header(&drain(server).0);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
           <mechanism>EXTERNAL</mechanism>
         </mechanisms>
       </features>";
    to_server1(server, &(server2_header("RChdjlgj/TIBcbT9Keu31zDihH4=") + features)).0
}

#[test]
fn section_9_2_as_the_initiating_server_lives_it() {
    let mut server = server1();
    // Ours names itself where the specification sends "=": old servers want that (XEP-0178 §3).
    same(
        &server1_authenticated(&mut server),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
             mechanism='EXTERNAL'>aW0uZXhhbXBsZS5jb20=</auth>",
    );
    let (sent, _) = to_server1(&mut server, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    is_server1_header(&sent);
    let (_, events) = to_server1(
        &mut server,
        &(server2_header("MbbV2FeojySpUIP6J91qaa+TWHM=")
            + "<features xmlns='http://etherx.jabber.org/streams'/>"),
    );
    let authorized = matches!(&events[..], [OutgoingEvent::Authorized { .. }]);
    assert!(authorized && server.is_authorized("im.example.com", "example.net"), "{events:?}");
    // §9.2.3
    let question = xmpp_proto::stanza::StanzaXml::parse(QUESTION).unwrap();
    server.send(NOW, "im.example.com", "example.net", question).unwrap();
    same(&drain(&mut server).0, QUESTION);
    // §9.2.4
    server.close(NOW).unwrap();
    assert_eq!(drain(&mut server).0, "</stream:stream>");
    let (_, events) = to_server1(&mut server, "</stream>");
    assert!(matches!(events[..], [OutgoingEvent::Closed(s2s::CloseReason::Local)]), "{events:?}");
}

#[test]
fn section_9_2_1_step_5_alt_the_initiating_server_ends() {
    let mut server = server1();
    drain(&mut server);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>\
        <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></features>";
    to_server1(&mut server, &(server2_header("1") + features));
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
       </stream>";
    let (_, events) = to_server1(&mut server, refusal);
    assert!(matches!(events[..], [OutgoingEvent::Closed(_)]), "{events:?}");
}

#[test]
fn section_9_2_2_step_10_alt_the_initiating_server_is_refused() {
    let mut server = server1();
    server1_authenticated(&mut server);
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
         <not-authorized/>
       </failure>
       </stream>";
    let (_, events) = to_server1(&mut server, refusal);
    assert!(matches!(events.last(), Some(OutgoingEvent::Closed(_))), "{events:?}");
    assert!(!server.is_authorized("im.example.com", "example.net"));
}

#[test]
fn section_9_2_as_the_receiving_server_lives_it() {
    let config = S2sConfig::new("example.net", Secret::new("s"));
    let mut server = Incoming::new(NOW, Arc::new(config), Seed::from_u64(3));
    let hear = |server: &mut Incoming, text: &str| {
        server.handle_input(NOW, s2s::Input::Data(text.as_bytes()));
        drain(server)
    };
    let header = |sent: &str| {
        let sent =
            sent.replace(" xmlns:db='jabber:server:dialback'", "").replace(" xml:lang='en'", "");
        let ours = "<stream:stream from='example.net' id='1' to='im.example.com' version='1.0' \
            xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
        assert_eq!(header_of(&sent), opened(ours));
    };
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    header(&sent);
    assert_eq!(features(&sent).starttls, Some(true));
    let (sent, events) = hear(&mut server, STARTTLS);
    same(&sent, PROCEED);
    assert!(matches!(events[..], [IncomingEvent::StartTls]));
    server.handle_input(NOW, s2s::Input::TlsEstablished);
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    header(&sent);
    assert_eq!(features(&sent).mechanisms, ["EXTERNAL"]);
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
             mechanism='EXTERNAL'>=</auth>";
    let (_, events) = hear(&mut server, auth);
    let [IncomingEvent::ExternalNeeded { domain }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(domain, "im.example.com");
    server.external(NOW, true).unwrap();
    let (sent, _) = drain(&mut server);
    same(&sent, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    assert!(sent.contains("<stream:features"), "{sent}");
    // §9.2.3
    let (_, events) = hear(&mut server, QUESTION);
    let Some(IncomingEvent::Stanza(stanza)) = events.last() else { panic!("{events:?}") };
    same(std::str::from_utf8(stanza.bytes()).unwrap(), QUESTION);
    // §9.2.4
    let (sent, events) = hear(&mut server, "</stream:stream>");
    assert_eq!(sent, "</stream:stream>");
    assert!(matches!(events.last(), Some(IncomingEvent::Closed(_))));
}

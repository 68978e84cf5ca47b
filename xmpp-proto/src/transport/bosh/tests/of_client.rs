//! The client's side.

use super::*;

/// The client's first request and a session for it, so far that it waits.
pub(super) fn open_client(config: BoshConfig, terms: &str) -> (Ours, u64) {
    let mut client = ours(config);
    let Some(Output::Transmit(first)) = client.poll_output() else { panic!("a request") };
    let body = Body::parse(&first.body, XmlLimits::PRE_AUTH).unwrap();
    assert!(body.sid().is_none() && body.attr("to").as_deref() == Some("example.com"));
    assert_eq!(body.xmpp("version").as_deref(), Some("1.0"));
    let rid = body.rid().unwrap();
    assert!(rid > 1 << 31 && rid < RID_MAX / 2);
    let response = format!("<body sid='SomeSID' {terms} xmlns='{NS}'/>");
    let input = ClientInput::Response { id: first.id, status: 200, body: response.as_bytes() };
    client.handle_input(NOW, input);
    (client, rid)
}

pub(super) fn requests(client: &mut Ours) -> Vec<Request> {
    let mut found = Vec::new();
    while let Some(output) = client.poll_output() {
        if let Output::Transmit(request) = output {
            found.push(request);
        }
    }
    found
}

pub(super) const TERMS: &str =
    "wait='60' inactivity='30' polling='5' requests='2' hold='1' maxpause='120' ver='1.6'";

#[test]
fn a_client_asks_again_for_what_was_lost_a_few_times() {
    let config = BoshConfig::new().with_retries(2, Duration::from_secs(1));
    let (mut client, _) = open_client(config, TERMS);
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 1, "one waits");
    let (mut now, mut id) = (NOW, sent[0].id);
    for delay in [1, 2] {
        client.handle_input(now, ClientInput::Failed { id });
        assert_eq!(requests(&mut client).len(), 0);
        assert!(client.poll_timeout() <= Some(now.saturating_add(Duration::from_secs(delay))));
        now = now.saturating_add(Duration::from_secs(delay));
        client.handle_timeout(now);
        let again = requests(&mut client);
        assert_eq!((again.len(), &again[0].body), (1, &sent[0].body), "an exact copy");
        assert!(again[0].id != id);
        // What comes for the old exchange is nothing.
        let late = ClientInput::Response { id, status: 200, body: b"<body/>" };
        client.handle_input(now, late);
        id = again[0].id;
    }
    client.handle_input(now, ClientInput::Failed { id });
    let events: Vec<_> = core::iter::from_fn(|| client.poll_output()).collect();
    assert!(
        matches!(events[..], [Output::Event(client::Event::Closed(client::CloseReason::Eof))]),
        "{events:?}"
    );
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn what_a_connection_manager_may_answer() {
    let answer = |status: u16, body: &str| {
        let (mut client, _) = open_client(BoshConfig::new(), TERMS);
        let id = requests(&mut client)[0].id;
        client.handle_input(NOW, ClientInput::Response { id, status, body: body.as_bytes() });
        let mut closed = None;
        while let Some(output) = client.poll_output() {
            if let Output::Event(client::Event::Closed(why)) = output {
                closed = Some(why);
            }
        }
        (closed, client.condition())
    };
    let end =
        |condition: &str| format!("<body type='terminate' condition='{condition}' xmlns='{NS}'/>");
    let (closed, condition) = answer(200, &end("item-not-found"));
    assert_eq!(
        (closed, condition),
        (Some(client::CloseReason::Eof), Some(Condition::ItemNotFound))
    );
    let (closed, condition) = answer(200, &format!("<body type='terminate' xmlns='{NS}'/>"));
    assert_eq!((closed, condition), (Some(client::CloseReason::Peer), None));
    let error = format!(
        "<body type='terminate' condition='remote-stream-error' xmlns='{NS}' \
         xmlns:stream='http://etherx.jabber.org/streams'><stream:error>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></body>"
    );
    let (closed, condition) = answer(200, &error);
    assert!(matches!(closed, Some(client::CloseReason::StreamError(_))), "{closed:?}");
    assert_eq!(condition, Some(Condition::RemoteStreamError));
    // Of somebody between, so it is tried again.
    for (status, body) in [(502, ""), (200, "<html>log in</html>"), (404, ""), (200, "")] {
        assert_eq!(answer(status, body), (None, None), "{status} {body}");
    }
    let error = format!("<body type='error' xmlns='{NS}'/>");
    assert_eq!(answer(200, &error), (None, None));
    // At the door a 404 is an answer.
    let mut client = ours(BoshConfig::new());
    let id = requests(&mut client)[0].id;
    client.handle_input(NOW, ClientInput::Response { id, status: 404, body: b"" });
    assert!(matches!(
        client.poll_output(),
        Some(Output::Event(client::Event::Closed(client::CloseReason::Eof)))
    ));
    assert_eq!(client.condition(), Some(Condition::ItemNotFound));
}

#[test]
fn responses_count_in_the_order_of_requests() {
    let terms = TERMS.replace("hold='1'", "hold='2'").replace("requests='2'", "requests='3'");
    let config = BoshConfig::new().with_wait(Duration::from_secs(60), 2);
    let (mut client, rid) = open_client(config, &terms);
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 2, "as many wait as may");
    let features = format!(
        "<body xmlns='{NS}' xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
         </stream:features></body>"
    );
    let success =
        format!("<body xmlns='{NS}'><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></body>");
    let second = ClientInput::Response { id: sent[1].id, status: 200, body: success.as_bytes() };
    client.handle_input(NOW, second);
    assert!(requests(&mut client).is_empty(), "the first comes first");
    let first = ClientInput::Response { id: sent[0].id, status: 200, body: features.as_bytes() };
    client.handle_input(NOW, first);
    let texts: Vec<String> = requests(&mut client)
        .iter()
        .map(|request| String::from_utf8(request.body.to_vec()).unwrap())
        .collect();
    assert!(texts[0].contains("<auth ") && texts[0].contains(&format!("rid='{}'", rid + 3)));
    assert!(texts[1].contains("xmpp:restart='true'"), "{texts:?}");
}

#[test]
fn a_client_pauses_and_wakes_when_it_has_something_to_say() {
    let (mut client, _) = open_client(BoshConfig::new(), TERMS);
    let waiting = requests(&mut client)[0].id;
    let too_long = Duration::from_secs(121);
    assert_eq!(client.pause(NOW, too_long), Err(PauseError::TooLong));
    client.pause(NOW, Duration::from_secs(100)).unwrap();
    let pause = requests(&mut client);
    assert!(core::str::from_utf8(&pause[0].body).unwrap().contains("pause='100'"));
    let empty = format!("<body xmlns='{NS}'/>");
    for id in [waiting, pause[0].id] {
        let response = ClientInput::Response { id, status: 200, body: empty.as_bytes() };
        client.handle_input(NOW, response);
    }
    assert!(requests(&mut client).is_empty(), "it is quiet");
    client.machine.close(NOW).unwrap();
    let said = requests(&mut client);
    assert!(core::str::from_utf8(&said[0].body).unwrap().contains("type='terminate'"));
    // Or before the time is over.
    let (mut client, _) = open_client(BoshConfig::new(), TERMS);
    let waiting = requests(&mut client)[0].id;
    client.pause(NOW, Duration::from_secs(20)).unwrap();
    let pause = requests(&mut client)[0].id;
    for id in [waiting, pause] {
        let response = ClientInput::Response { id, status: 200, body: empty.as_bytes() };
        client.handle_input(NOW, response);
    }
    client.handle_timeout(NOW.saturating_add(Duration::from_secs(14)));
    assert!(requests(&mut client).is_empty());
    client.handle_timeout(NOW.saturating_add(Duration::from_secs(15)));
    assert_eq!(requests(&mut client).len(), 1);
    let (mut client, _) = open_client(BoshConfig::new(), "requests='2'");
    assert_eq!(client.pause(NOW, Duration::from_secs(1)), Err(PauseError::TooLong));
}

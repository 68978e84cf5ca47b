//! The client's side.

use super::*;

/// The client's first request and a session for it, so far that it waits.
pub(super) fn open_client(config: BoshConfig, terms: &str) -> (Ours, u64) {
    let mut client = ours(config.with_spacing(Duration::ZERO));
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
    // Each would be one more request at once than the terms allow.
    assert_eq!(client.pause(NOW, Duration::from_secs(1)), Err(PauseError::Paused));
    assert!(requests(&mut client).is_empty());
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

/// A client that has logged in, with nothing under way, and the time then.
fn ready_client(config: BoshConfig) -> (Ours, Instant) {
    let (mut client, mut now) = (ours(config), NOW);
    let mechanisms = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        <mechanism>PLAIN</mechanism></mechanisms>";
    let mut answers = [
        format!("<stream:features>{mechanisms}</stream:features>"),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_string(),
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
            .to_string(),
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.com/r</jid></bind>"
            .to_string(),
    ]
    .into_iter();
    while !client.machine.is_ready() {
        // Nothing else is under way, so each leaves at once.
        let said = requests(&mut client);
        assert_eq!(said.len(), 1);
        let text = core::str::from_utf8(&said[0].body).unwrap();
        let mut inner = answers.next().unwrap();
        if let Some((_, rest)) = text.split_once("<iq ") {
            let id = rest.split_once("id='").unwrap().1.split('\'').next().unwrap();
            inner = format!("<iq xmlns='jabber:client' type='result' id='{id}'>{inner}</iq>");
        }
        let body = format!(
            "<body sid='SomeSID' {TERMS} xmlns='{NS}' \
             xmlns:stream='http://etherx.jabber.org/streams'>{inner}</body>"
        );
        now = now.saturating_add(Duration::from_millis(1));
        let input = ClientInput::Response { id: said[0].id, status: 200, body: body.as_bytes() };
        client.handle_input(now, input);
    }
    (client, now)
}

fn texts(client: &mut Ours) -> Vec<(u64, String)> {
    let said = requests(client).into_iter();
    said.map(|r| (r.id, String::from_utf8(r.body.to_vec()).unwrap())).collect()
}

/// ejabberd 23.01 answers neither of two requests of which the second came first, until it has
/// something to say itself: the message in it is stuck.
#[test]
fn requests_keep_a_distance_so_that_none_overtakes_another() {
    let spacing = Duration::from_millis(20);
    let (mut client, now) = ready_client(BoshConfig::new().with_spacing(spacing));
    let after = |ms: u64| now.saturating_add(Duration::from_millis(ms));
    let say = |client: &mut Ours, at: Instant, text: &str| {
        client.machine.send(at, message(text)).unwrap();
        client.handle_timeout(at);
        texts(client)
    };
    let answer = |client: &mut Ours, at: Instant, id: u64| {
        let body = format!("<body xmlns='{NS}'/>");
        let input = ClientInput::Response { id, status: 200, body: body.as_bytes() };
        client.handle_input(at, input);
    };
    // No empty request yet: what is said behind a response takes its place.
    assert!(texts(&mut client).is_empty());
    let one = say(&mut client, after(1), "one");
    assert!(one.len() == 1 && one[0].1.contains(">one<"), "{one:?}");
    // The next keeps its distance.
    assert!(say(&mut client, after(5), "two").is_empty());
    assert!(say(&mut client, after(6), "three").is_empty());
    assert_eq!(client.poll_timeout(), Some(after(21)));
    client.handle_timeout(after(20));
    assert!(texts(&mut client).is_empty());
    client.handle_timeout(after(21));
    let rest = texts(&mut client);
    assert!(rest.len() == 1 && rest[0].1.contains(">two<") && rest[0].1.contains(">three<"));
    // Both are under way: there is room for no other.
    assert!(say(&mut client, after(60), "four").is_empty());
    answer(&mut client, after(61), one[0].0);
    let four = texts(&mut client);
    assert!(four.len() == 1 && four[0].1.contains(">four<"));
    answer(&mut client, after(70), rest[0].0);
    answer(&mut client, after(71), four[0].0);
    // Nothing more to say: after a while an empty one waits for what the server has to say.
    assert!(texts(&mut client).is_empty());
    assert_eq!(client.poll_timeout(), Some(after(91)));
    client.handle_timeout(after(91));
    let empty = texts(&mut client);
    assert!(empty.len() == 1 && empty[0].1.ends_with("/>"), "{empty:?}");
    assert!(client.poll_timeout() > Some(after(1000)), "nothing else is due");
    // What is said just then does not overtake it, and neither does the end.
    assert!(say(&mut client, after(92), "five").is_empty());
    client.machine.close(after(93)).unwrap();
    client.handle_timeout(after(93));
    assert!(texts(&mut client).is_empty());
    client.handle_timeout(after(111));
    let last = texts(&mut client);
    assert!(last.len() == 1 && last[0].1.contains(">five<"), "{last:?}");
    assert!(last[0].1.contains("type='terminate'"));
}

/// XEP-0124 §11: one more request than agreed on may end the session, and only that one.
#[test]
fn what_stands_before_the_end_keeps_to_the_number_of_requests() {
    let config = BoshConfig { payloads_max: 1, spacing: Duration::ZERO, ..BoshConfig::new() };
    let (mut client, now) = ready_client(config);
    let mut sent = texts(&mut client);
    assert!(sent.len() <= 1);
    for text in ["a", "b", "c"] {
        client.machine.send(now, message(text)).unwrap();
    }
    client.machine.close(now).unwrap();
    sent.extend(texts(&mut client));
    assert!(sent.len() <= 2, "two may be under way: {sent:?}");
    // The end has room beside them once it is its turn.
    let mut all = sent.clone();
    for _ in 0..8 {
        for (id, _) in core::mem::take(&mut sent) {
            let body = format!("<body xmlns='{NS}'/>");
            let input = ClientInput::Response { id, status: 200, body: body.as_bytes() };
            client.handle_input(now, input);
            sent.extend(texts(&mut client));
        }
        all.extend(sent.clone());
    }
    let all: String = all.into_iter().map(|(_, text)| text).collect();
    let at = |what: &str| all.find(what).unwrap_or_else(|| panic!("no {what} in {all}"));
    // The last of them goes along with the end.
    assert!(
        at(">a<") < at(">b<") && at(">b<") < at("'terminate'") && at("'terminate'") < at(">c<")
    );
}

#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use crate::stanza::{Condition, MessageBuilder, StanzaXml};
use crate::stream::StreamCondition;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::sync::Arc;
use proptest::prelude::*;
use proto_wire::{Instant, Machine, Output, Seed};

const NOW: Instant = Instant::ZERO;
const CAPULET: &str = "capulet.example";
const MONTAGUE: &str = "montague.example";

/// XEP-0220 example 2 and XEP-0185 §3.
#[test]
fn the_key_is_that_of_the_specification() {
    let key = dialback_key("s3cr3tf0rd14lb4ck", MONTAGUE, CAPULET, "D60000229F");
    assert_eq!(key, "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3");
}

fn config(domain: &str, tls: S2sTls) -> Arc<S2sConfig> {
    let mut config = S2sConfig::new(domain, Secret::new(domain)).with_tls(tls);
    config.keep_alive = None;
    Arc::new(config)
}

fn message(from: &str, to: &str) -> StanzaXml {
    let message = MessageBuilder::new().from(&from.parse().unwrap()).to(&to.parse().unwrap());
    message.body("O Romeo").build().unwrap()
}

/// Two servers: capulet's streams to montague, and montague's stream back to verify.
struct Verona {
    outgoing: Outgoing,
    incoming: Incoming,
    asking: Outgoing,
    answering: Incoming,
    /// What the certificate of capulet's TLS is good for.
    certificate: bool,
    out: VecDeque<OutgoingEvent>,
    inc: VecDeque<IncomingEvent>,
    wire: String,
}

impl Verona {
    fn new(tls: S2sTls) -> Self {
        Self::with(config(CAPULET, tls), config(MONTAGUE, tls))
    }

    fn with(capulet: Arc<S2sConfig>, montague: Arc<S2sConfig>) -> Self {
        Self {
            outgoing: Outgoing::new(NOW, capulet.clone(), CAPULET, MONTAGUE),
            incoming: Incoming::new(NOW, montague.clone(), Seed::from_u64(1)),
            asking: Outgoing::for_verification(NOW, montague, MONTAGUE, CAPULET),
            answering: Incoming::new(NOW, capulet, Seed::from_u64(2)),
            certificate: false,
            out: VecDeque::new(),
            inc: VecDeque::new(),
            wire: String::new(),
        }
    }

    /// Carries everything, does handshakes, and what the table of the module says.
    fn run(&mut self) {
        for _ in 0..50 {
            while let Some(output) = self.outgoing.poll_output() {
                match output {
                    Output::Transmit(bytes) => {
                        self.wire += core::str::from_utf8(&bytes).unwrap();
                        self.incoming.handle_input(NOW, Input::Data(&bytes));
                    }
                    Output::Event(OutgoingEvent::StartTls) => {
                        self.outgoing.handle_input(NOW, Input::TlsEstablished);
                    }
                    Output::Event(event) => self.out.push_back(event),
                }
            }
            while let Some(output) = self.incoming.poll_output() {
                match output {
                    Output::Transmit(bytes) => {
                        self.wire += core::str::from_utf8(&bytes).unwrap();
                        self.outgoing.handle_input(NOW, Input::Data(&bytes));
                    }
                    Output::Event(IncomingEvent::StartTls) => {
                        self.incoming.handle_input(NOW, Input::TlsEstablished);
                    }
                    Output::Event(IncomingEvent::ExternalNeeded { domain }) => {
                        assert_eq!(domain, CAPULET);
                        self.incoming.external(NOW, self.certificate).unwrap();
                    }
                    Output::Event(IncomingEvent::VerifyNeeded { from, to, id, key }) => {
                        assert_eq!(id, self.incoming.id());
                        self.asking.verify(NOW, &to, &from, &id, &key).unwrap();
                    }
                    Output::Event(event) => self.inc.push_back(event),
                }
            }
            while let Some(output) = self.asking.poll_output() {
                match output {
                    Output::Transmit(bytes) => {
                        self.answering.handle_input(NOW, Input::Data(&bytes));
                    }
                    Output::Event(OutgoingEvent::StartTls) => {
                        self.asking.handle_input(NOW, Input::TlsEstablished);
                    }
                    Output::Event(OutgoingEvent::Verified { remote, local, verdict, .. }) => {
                        self.incoming.verified(NOW, &remote, &local, verdict).unwrap();
                    }
                    Output::Event(event) => panic!("{event:?}"),
                }
            }
            while let Some(output) = self.answering.poll_output() {
                match output {
                    Output::Transmit(bytes) => self.asking.handle_input(NOW, Input::Data(&bytes)),
                    Output::Event(IncomingEvent::StartTls) => {
                        self.answering.handle_input(NOW, Input::TlsEstablished);
                    }
                    Output::Event(event) => panic!("{event:?}"),
                }
            }
        }
    }
}

#[test]
fn dialback_with_and_without_tls() {
    for tls in [S2sTls::Never, S2sTls::Required] {
        let mut verona = Verona::new(tls);
        verona.run();
        assert!(verona.outgoing.is_authorized(CAPULET, MONTAGUE), "{}", verona.wire);
        assert!(verona.incoming.is_authorized(CAPULET, MONTAGUE));
        assert!(matches!(&verona.out.make_contiguous()[..], [OutgoingEvent::Authorized { .. }]));
        assert_eq!(verona.wire.contains("<starttls"), tls == S2sTls::Required);
        let stanza = message("juliet@capulet.example/x", "romeo@montague.example");
        verona.outgoing.send(NOW, CAPULET, MONTAGUE, stanza.clone()).unwrap();
        let other = verona.outgoing.send(NOW, MONTAGUE, CAPULET, stanza);
        assert_eq!(other, Err(CommandError::NotAuthorized));
        verona.run();
        let Some(IncomingEvent::Stanza(stanza)) = verona.inc.pop_back() else {
            panic!("no stanza")
        };
        assert_eq!(stanza.as_message().unwrap().body().as_deref(), Some("O Romeo"));
        verona.outgoing.close(NOW).unwrap();
        verona.run();
        assert!(verona.outgoing.is_closed() && verona.incoming.is_closed());
    }
}

/// RFC 6120 §4.4: the other side did not know yet.
#[test]
fn a_stanza_that_was_under_way_when_the_stream_was_closed_counts() {
    let mut verona = Verona::new(S2sTls::Never);
    verona.run();
    let stanza = message("juliet@capulet.example/x", "romeo@montague.example");
    verona.outgoing.send(NOW, CAPULET, MONTAGUE, stanza).unwrap();
    verona.inc.clear();
    verona.incoming.close(NOW).unwrap();
    verona.run();
    let told = verona.inc.make_contiguous();
    assert!(
        matches!(told, [IncomingEvent::Stanza(_), IncomingEvent::Closed(CloseReason::Local)]),
        "{told:?}"
    );
    assert!(verona.outgoing.is_closed());
}

#[test]
fn another_pair_goes_over_the_same_stream() {
    let with = |domain: &str, more: &str, max| {
        let mut config = S2sConfig::new(domain, Secret::new(domain)).with_domain(more);
        (config.tls, config.pairs_max) = (S2sTls::Never, max);
        Arc::new(config)
    };
    let mut verona = Verona::with(
        with(CAPULET, "rooms.capulet.example", 2),
        with(MONTAGUE, "rooms.montague.example", 64),
    );
    let early = verona.outgoing.authorize(NOW, "rooms.capulet.example", MONTAGUE);
    assert_eq!(early, Err(CommandError::NotReady));
    verona.run();
    verona.outgoing.authorize(NOW, "rooms.capulet.example", MONTAGUE).unwrap();
    verona.outgoing.authorize(NOW, CAPULET, MONTAGUE).unwrap(); // there already
    let third = verona.outgoing.authorize(NOW, CAPULET, "rooms.montague.example");
    assert_eq!(third, Err(CommandError::TooMany));
    verona.run();
    assert!(verona.outgoing.is_authorized("rooms.capulet.example", MONTAGUE));
    assert!(!verona.incoming.is_authorized("rooms.capulet.example", "rooms.montague.example"));
}

/// Who has no secret of capulet's cannot make keys that capulet's server calls its own.
#[test]
fn a_liar_is_not_believed() {
    let liar = S2sConfig::new(CAPULET, Secret::new("guessed")).with_tls(S2sTls::Never);
    let mut verona = Verona::new(S2sTls::Never);
    verona.outgoing = Outgoing::new(NOW, Arc::new(liar), CAPULET, MONTAGUE);
    verona.run();
    assert!(!verona.incoming.is_authorized(CAPULET, MONTAGUE));
    assert!(
        matches!(
            &verona.out.make_contiguous()[..],
            [
                OutgoingEvent::NotAuthorized { verdict: Verdict::Invalid, .. },
                OutgoingEvent::Closed(_)
            ]
        ),
        "{:?}",
        verona.out
    );
    assert!(matches!(verona.inc.back(), Some(IncomingEvent::Closed(CloseReason::Refused))));
}

#[test]
fn a_certificate_makes_dialback_needless() {
    for right in [true, false] {
        let mut verona = Verona::new(S2sTls::Required);
        verona.certificate = right;
        verona.run();
        // A certificate that is not believed leaves dialback.
        assert!(verona.incoming.is_authorized(CAPULET, MONTAGUE), "{}", verona.wire);
        assert!(verona.wire.contains("mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth>"));
        assert_eq!(verona.wire.contains("<db:result"), !right);
        assert_eq!(verona.wire.contains("<success "), right);
    }
}

fn heard(script: &str, config: Arc<S2sConfig>, tls: bool) -> (String, Vec<IncomingEvent>) {
    let mut incoming = Incoming::new(NOW, config, Seed::from_u64(1));
    let (mut sent, mut events) = (String::new(), Vec::new());
    let mut hear = |incoming: &mut Incoming, text: &str| {
        incoming.handle_input(NOW, Input::Data(text.as_bytes()));
        while let Some(output) = incoming.poll_output() {
            match output {
                Output::Transmit(bytes) => sent += core::str::from_utf8(&bytes).unwrap(),
                Output::Event(event) => events.push(event),
            }
        }
    };
    if tls {
        hear(
            &mut incoming,
            &format!("{HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        );
        incoming.handle_input(NOW, Input::TlsEstablished);
    }
    hear(&mut incoming, script);
    (sent, events)
}

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
    xmlns:stream='http://etherx.jabber.org/streams' from='capulet.example' \
    to='montague.example' version='1.0'>";

#[test]
fn what_an_incoming_stream_refuses() {
    let clear = || config(MONTAGUE, S2sTls::Never);
    let h = |rest: &str| format!("{HEADER}{rest}");
    for (script, told) in [
        (HEADER.replace("to='montague.example'", "to='other.example'"), "host-unknown"),
        (HEADER.replace("jabber:server'", "jabber:client'"), "invalid-namespace"),
        (h("<message from='a@capulet.example' to='b@montague.example'/>"), "not-authorized"),
        (h("<presence type='odd'/>"), "not-authorized"),
        (h("<db:result from='a@b' to='montague.example'>key</db:result>"), "improper-addressing"),
        (h("<db:result to='montague.example'>key</db:result>"), "improper-addressing"),
        (
            h("<db:verify from='capulet.example' to='montague.example'>key</db:verify>"),
            "bad-format",
        ),
        (
            h("<db:result from='capulet.example' to='montague.example' type='valid'/>"),
            "unsupported-stanza-type",
        ),
        (h("<db:other/>"), "unsupported-stanza-type"),
        (h("<other/>"), "unsupported-stanza-type"),
        (h("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), "unsupported-stanza-type"),
    ] {
        let (sent, events) = heard(&script, clear(), false);
        assert!(sent.contains(&format!("<stream:error><{told} ")), "{script}: {sent}");
        assert!(matches!(events.last(), Some(IncomingEvent::Closed(_))), "{script}");
    }
    // Errors that leave the stream as it is (XEP-0220 §2.4).
    let result = |to: &str| format!("<db:result from='capulet.example' to='{to}'>key</db:result>");
    for (script, config, condition) in [
        (h(&result("other.example")), clear(), "item-not-found"),
        (h(&result(MONTAGUE)), config(MONTAGUE, S2sTls::Required), "policy-violation"),
    ] {
        let (sent, events) = heard(&script, config, false);
        assert!(sent.contains("type='error'><error") && sent.contains(condition), "{sent}");
        assert!(events.is_empty(), "{events:?}");
    }
    let mut few = S2sConfig::new(MONTAGUE, Secret::new("x")).with_tls(S2sTls::Never);
    few.pairs_max = 1;
    let two = h(&format!("{}{}", result(MONTAGUE), result(MONTAGUE).replace("capulet", "verona")));
    let (sent, events) = heard(&two, Arc::new(few), false);
    assert!(sent.contains("resource-constraint") && events.len() == 1, "{sent}");
}

#[test]
fn a_stanza_must_be_of_a_proved_pair() {
    let script = |stanza: &str| {
        let mut verona = Verona::new(S2sTls::Never);
        verona.run();
        verona.incoming.handle_input(NOW, Input::Data(stanza.as_bytes()));
        verona.run();
        (verona.inc, verona.wire)
    };
    for (stanza, told) in [
        ("<message from='a@evil.example' to='b@montague.example'/>", "invalid-from"),
        ("<message from='a@capulet.example' to='b@other.example'/>", "host-unknown"),
        ("<message from='a@capulet.example'/>", "improper-addressing"),
        ("<message to='b@montague.example'/>", "improper-addressing"),
        (
            "<message xmlns='jabber:client' from='a@capulet.example' to='b@montague.example'/>",
            "invalid-namespace",
        ),
    ] {
        let (events, wire) = script(stanza);
        assert!(wire.contains(&format!("<{told} ")), "{stanza}: {wire}");
        assert!(matches!(events.back(), Some(IncomingEvent::Closed(_))));
    }
    let (events, _) =
        script("<presence type='odd' from='a@capulet.example' to='b@montague.example'/>");
    assert!(matches!(events.back(), Some(IncomingEvent::Invalid { .. })), "the stream goes on");
}

#[test]
fn external_is_for_the_name_of_the_header_under_tls() {
    let auth = |text: &str| {
        format!(
            "{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{text}</auth>"
        )
    };
    let montague = || config(MONTAGUE, S2sTls::Required);
    for (text, tls, expected) in [
        ("Y2FwdWxldC5leGFtcGxl", true, None),
        ("=", true, None),
        ("b3RoZXIuZXhhbXBsZQ==", true, Some("invalid-authzid")),
        ("!", true, Some("invalid-authzid")),
        ("=", false, Some("invalid-mechanism")),
    ] {
        let (sent, events) = heard(&auth(text), montague(), tls);
        match expected {
            None => assert!(
                matches!(events.last(), Some(IncomingEvent::ExternalNeeded { .. })),
                "{text}"
            ),
            Some(name) => assert!(sent.contains(&format!("<{name}/>")), "{text}: {sent}"),
        }
    }
}

/// RFC 6120 §4.7.1: behind the certificate the header says the same name, or none.
#[test]
fn a_certificate_is_for_no_other_name() {
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    let anew = |from: &str| HEADER.replace(" from='capulet.example'", from);
    for (from, right) in [
        (" from='victim.example'", false),
        (" from='CAPULET.example'", true),
        (" from='capulet.example'", true),
        ("", true),
    ] {
        let mut incoming =
            Incoming::new(NOW, config(MONTAGUE, S2sTls::Required), Seed::from_u64(1));
        let mut events = Vec::new();
        let mut hear = |incoming: &mut Incoming, text: &str| {
            incoming.handle_input(NOW, Input::Data(text.as_bytes()));
            while let Some(output) = incoming.poll_output() {
                if let Output::Event(event) = output {
                    events.push(event);
                }
            }
        };
        hear(
            &mut incoming,
            &format!("{HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        );
        incoming.handle_input(NOW, Input::TlsEstablished);
        hear(&mut incoming, &format!("{HEADER}{auth}"));
        incoming.external(NOW, true).unwrap();
        hear(&mut incoming, &anew(from));
        assert_eq!(incoming.is_authorized(CAPULET, MONTAGUE), right, "{from}");
        assert!(!incoming.is_authorized("victim.example", MONTAGUE));
        let told = matches!(events.last(), Some(IncomingEvent::Authorized { from, .. }) if from == CAPULET);
        assert_eq!(told, right, "{from}: {events:?}");
    }
}

/// RFC 6120 §5.4.3.3: what was asked before TLS is not known behind it.
#[test]
fn what_was_asked_before_tls_is_forgotten() {
    let mut incoming =
        Incoming::new(NOW, config(MONTAGUE, S2sTls::Opportunistic), Seed::from_u64(1));
    let key = "<db:result from='capulet.example' to='montague.example'>k</db:result>";
    let script = format!("{HEADER}{key}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    incoming.handle_input(NOW, Input::Data(script.as_bytes()));
    let asked = core::iter::from_fn(|| incoming.poll_output())
        .any(|o| matches!(o, Output::Event(IncomingEvent::VerifyNeeded { .. })));
    assert!(asked);
    incoming.handle_input(NOW, Input::TlsEstablished);
    let late = incoming.verified(NOW, CAPULET, MONTAGUE, Verdict::Valid);
    assert_eq!(late, Err(CommandError::NotAsked));
    assert!(!incoming.is_authorized(CAPULET, MONTAGUE));
}

/// Bytes behind the go-ahead to TLS were put there by somebody else.
#[test]
fn nothing_may_be_pipelined_behind_starttls() {
    let script = format!("{HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result/>");
    let (_, events) = heard(&script, config(MONTAGUE, S2sTls::Required), false);
    assert!(matches!(events.last(), Some(IncomingEvent::Closed(CloseReason::Protocol(_)))));
}

#[test]
fn how_an_outgoing_stream_ends() {
    let play = |tls, script: &str| {
        let mut outgoing = Outgoing::new(NOW, config(CAPULET, tls), CAPULET, MONTAGUE);
        outgoing.handle_input(NOW, Input::Data(script.as_bytes()));
        let mut last = None;
        while let Some(output) = outgoing.poll_output() {
            if let Output::Event(event) = output {
                last = Some(event);
            }
        }
        last
    };
    let features = |inner: &str| format!("{HEADER}<stream:features>{inner}</stream:features>");
    let closed = |event: Option<OutgoingEvent>| match event {
        Some(OutgoingEvent::Closed(why)) => why,
        other => panic!("{other:?}"),
    };
    let no_tls = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    assert_eq!(
        closed(play(S2sTls::Required, &format!("{}{no_tls}", features("")))),
        CloseReason::NoTls
    );
    // A server of the time before TLS.
    let old = HEADER.replace(" version='1.0'", "");
    assert_eq!(closed(play(S2sTls::Required, &old)), CloseReason::NoTls);
    let refused = "<db:result from='montague.example' to='capulet.example' type='error'><error \
        type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>";
    assert_eq!(
        closed(play(
            S2sTls::Never,
            &features("").replace("</stream:features>", &format!("</stream:features>{refused}"))
        )),
        CloseReason::Refused
    );
    // An answer to what was not asked changes nothing.
    let unasked = "<db:result from='evil.example' to='capulet.example' type='valid'/>\
        <db:verify from='evil.example' to='capulet.example' id='1' type='valid'/>";
    assert!(play(S2sTls::Never, &format!("{}{unasked}", features(""))).is_none());
    let stanza = format!("{}<message/>", features(""));
    let unsupported = crate::link::ProtocolError::Stream(StreamCondition::UnsupportedStanzaType);
    assert_eq!(closed(play(S2sTls::Never, &stanza)), CloseReason::Protocol(unsupported));
    let mut silent = Outgoing::new(NOW, config(CAPULET, S2sTls::Never), CAPULET, MONTAGUE);
    silent.handle_timeout(Instant::from_secs(30));
    assert!(silent.is_closed() && silent.poll_timeout().is_none());
}

#[test]
fn old_servers_without_features_are_served() {
    let old = HEADER.replace(" version='1.0'", "");
    let (sent, events) = heard(
        &format!("{old}<db:result from='capulet.example' to='montague.example'>k</db:result>"),
        config(MONTAGUE, S2sTls::Never),
        false,
    );
    assert!(!sent.contains("features") && !sent.contains(" version='1.0' "), "{sent}");
    assert!(matches!(events[..], [IncomingEvent::VerifyNeeded { .. }]));
}

#[test]
fn elements_are_read_as_they_are_written() {
    use super::dialback::Dialback;
    for content in [
        Ok("key".to_string()),
        Err(Verdict::Valid),
        Err(Verdict::Invalid),
        Err(Verdict::Error(Condition::ItemNotFound)),
    ] {
        for verify in [true, false] {
            let id = verify.then(|| "a'<id>".to_string());
            let (from, to) = (CAPULET.to_string(), MONTAGUE.to_string());
            let dialback = Dialback { verify, from, to, id, content: content.clone() };
            let text = dialback.write();
            assert!(text.starts_with("<db:"), "{text}");
            let whole =
                format!("<x xmlns='jabber:server' xmlns:db='jabber:server:dialback'>{text}</x>");
            let doc = crate::xml::Document::parse(whole.as_bytes()).unwrap();
            let element = doc.root().children().next().unwrap();
            assert_eq!(Dialback::read(element), Some(Some(dialback)));
        }
    }
}

/// Any commands at any time: no panic, one end, no busy loop, and an error changes nothing.
fn storm<M: Machine>(
    machine: &mut M,
    steps: &[u8],
    texts: &[&str],
    input: impl Fn(&mut M, Instant, Input<'_>),
    command: impl Fn(&mut M, Instant, u8) -> Result<(), CommandError>,
    closed: impl Fn(&M::Event) -> bool,
) {
    let (mut now, mut ends) = (NOW, 0);
    for step in steps {
        let over = ends > 0;
        let mut result = Ok(());
        match step % 8 {
            0..=3 => input(
                machine,
                now,
                Input::Data(texts[usize::from(step / 8) % texts.len()].as_bytes()),
            ),
            4 => input(
                machine,
                now,
                if step / 8 % 8 == 0 { Input::Eof } else { Input::TlsEstablished },
            ),
            5 => {
                now = now.saturating_add(Duration::from_secs(u64::from(step / 8)));
                machine.handle_timeout(now);
            }
            _ => result = command(machine, now, step / 8),
        }
        let mut outputs = 0;
        while let Some(output) = machine.poll_output() {
            outputs += 1;
            ends += usize::from(matches!(&output, Output::Event(event) if closed(event)));
        }
        assert!(outputs == 0 || !(over || result.is_err()), "{result:?}");
        assert!(ends <= 1);
        machine.handle_timeout(now);
        assert!(machine.poll_timeout().is_none_or(|at| at > now && ends == 0));
        while let Some(output) = machine.poll_output() {
            ends += usize::from(matches!(&output, Output::Event(event) if closed(event)));
        }
    }
}

proptest! {
    #[test]
    fn a_storm_of_commands(steps in prop::collection::vec(any::<u8>(), 0..60), tls in any::<bool>()) {
        let tls = if tls { S2sTls::Opportunistic } else { S2sTls::Never };
        let features = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
        let texts = [
            HEADER, HEADER, "<stream:features/>", features, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<db:result from='capulet.example' to='montague.example'>key</db:result>",
            "<db:result from='montague.example' to='capulet.example' type='valid'/>",
            "<db:verify from='capulet.example' to='montague.example' id='1'>key</db:verify>",
            "<db:verify from='montague.example' to='capulet.example' id='1' type='invalid'/>",
            "<message from='a@capulet.example' to='b@montague.example'/>", " ", "</stream:stream>", "<!--",
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
        ];
        let mut incoming = Incoming::new(NOW, config(MONTAGUE, tls), Seed::from_u64(1));
        storm(&mut incoming, &steps, &texts, Incoming::handle_input, |m, now, which| match which % 5 {
            0 | 1 => m.verified(now, CAPULET, MONTAGUE, if which < 16 { Verdict::Valid } else { Verdict::Invalid }),
            2 => m.external(now, which < 16),
            3 => m.close(now),
            _ => m.expel(now, StreamCondition::Reset),
        }, |event| matches!(event, IncomingEvent::Closed(_)));
        let mut outgoing = Outgoing::new(NOW, config(CAPULET, tls), CAPULET, MONTAGUE);
        while outgoing.poll_output().is_some() {}
        storm(&mut outgoing, &steps, &texts, Outgoing::handle_input, |m, now, which| match which % 6 {
            0 => m.authorize(now, "rooms.capulet.example", MONTAGUE),
            1 => {
                // What waits for the stream says nothing yet.
                m.verify(now, CAPULET, MONTAGUE, "1", "key")
            }
            2 | 3 => m.send(now, CAPULET, MONTAGUE, message("a@capulet.example", "b@montague.example")),
            4 => m.close(now),
            _ => m.expel(now, StreamCondition::Reset),
        }, |event| matches!(event, OutgoingEvent::Closed(_)));
    }
}

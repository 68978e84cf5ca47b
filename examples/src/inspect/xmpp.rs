//! Lines of `inspect xmpp`: one per frame of a stream, or per element of a file that has
//! no stream around its stanzas.

use super::xmpp_words as words;
use super::{Field, Line, Options, Refusal};
use serde_json::{Value, json};
use xmpp_proto::jid::JidRef;
use xmpp_proto::stanza::Stanza;
use xmpp_proto::stream::{Features, StreamError, StreamHeader};
use xmpp_proto::xml::{Element, Frame, FrameKind, Ns, Scanner, XmlError, XmlLimits};

/// Reads `input` and hands each line to `out`. A file whose first element is a stream
/// header is read as a stream, anything else as a row of elements in `jabber:client`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    // A stream that goes both ways in one file begins anew where a header stands again.
    let limits = XmlLimits::POST_AUTH;
    let mut scanner = if is_stream(input) {
        Scanner::stream(limits)
    } else {
        let mut scanner = Scanner::fragment(limits);
        scanner.set_default(Ns::CLIENT);
        scanner
    };
    let (mut start, mut there) = (0, 0);
    let mut chunks = options.chunks(input);
    loop {
        let bytes = input.get(start..there).unwrap_or_default();
        match scanner.scan(bytes) {
            Ok(Some(frame)) => {
                let part = bytes.get(..frame.len).unwrap_or_default();
                if let Some(line) = line(&scanner, frame, part, start, options) {
                    out(line);
                }
                for line in carried(&scanner, frame, part, start, options) {
                    out(line);
                }
                start = start.saturating_add(frame.len);
            }
            Ok(None) => match chunks.next() {
                Some(chunk) => there = there.saturating_add(chunk.len()),
                None => break,
            },
            Err(error) => return out(refused(error, start)),
        }
    }
    if let Err(error) = scanner.finish() {
        out(refused(error, start));
    }
}

/// Whether the first tag is a stream header: `<?xml` or a name that ends with `stream`.
fn is_stream(input: &[u8]) -> bool {
    let mut scanner = Scanner::stream(XmlLimits::POST_AUTH);
    match scanner.scan(input) {
        Ok(Some(frame)) => {
            let part = input.get(..frame.len).unwrap_or_default();
            let header = scanner.element(part);
            header.is_some_and(|header| header.is(Ns::STREAM, "stream"))
        }
        // What is broken before the end of its first tag is reported as a stream.
        Ok(None) => true,
        Err(_) => true,
    }
}

fn refused(error: XmlError, start: usize) -> Line {
    let offset = start.saturating_add(error.offset()) as u64;
    Line {
        offset: start as u64,
        kind: "error",
        error: Some(Refusal { kind: error.kind().to_string(), offset }),
        ..Line::default()
    }
}

fn line(
    scanner: &Scanner,
    frame: Frame,
    part: &[u8],
    start: usize,
    options: &Options,
) -> Option<Line> {
    let offset = start as u64;
    match frame.kind {
        // White space between elements may be cut anywhere: it makes no line.
        FrameKind::Whitespace => None,
        FrameKind::StreamClose => {
            Some(Line { offset, kind: "stream", start: "end".into(), ..Line::default() })
        }
        FrameKind::StreamOpen => {
            let header = scanner.element(part)?;
            let mut line = Line { offset, kind: "stream", ..element(header) };
            if let Err(condition) = StreamHeader::read(header) {
                line.error = Some(Refusal { kind: condition.to_string(), offset });
            }
            Some(line)
        }
        FrameKind::Element => {
            let root = scanner.element(part)?;
            let mut line = Line { offset, ..element(root) };
            typed(root, &mut line, options);
            Some(line)
        }
    }
}

/// What is in the body of an HTTP request (XEP-0124), a line each.
fn carried(
    scanner: &Scanner,
    frame: Frame,
    part: &[u8],
    start: usize,
    options: &Options,
) -> Vec<Line> {
    let body = match frame.kind {
        FrameKind::Element => scanner.element(part).filter(|root| root.is(Ns::HTTP_BIND, "body")),
        _ => None,
    };
    let payloads = body.into_iter().flat_map(Element::children).map(|payload| {
        let mut line = Line { offset: start as u64, ..element(payload) };
        typed(payload, &mut line, options);
        line
    });
    payloads.collect()
}

/// Name, namespace and attributes.
fn element(root: Element<'_>) -> Line {
    let fields = root.attrs().map(|attr| {
        let name = match attr.prefix() {
            "" => attr.name().to_string(),
            prefix => format!("{prefix}:{}", attr.name()),
        };
        let value = attr.value().into_owned();
        let mut field = Field::raw(name, value.clone());
        if attr.ns() == Ns::NONE && matches!(attr.name(), "to" | "from") {
            match JidRef::parse(value.as_str()) {
                Ok(jid) => field.typed = Some(address(&jid)),
                Err(error) => {
                    field.error = Some(Refusal { kind: error.to_string(), offset: 0 });
                }
            }
        }
        field
    });
    Line {
        kind: "element",
        start: format!("{{{}}}{}", root.namespace(), root.name()),
        fields: fields.collect(),
        ..Line::default()
    }
}

fn address(jid: &JidRef<'_>) -> Value {
    json!({
        "local": jid.local(),
        "domain": jid.domain(),
        "resource": jid.resource(),
        "prepared": jid.to_jid().ok().map(|jid| jid.to_string()),
    })
}

/// What the element means: stanza, features, error; and its children.
fn typed(root: Element<'_>, line: &mut Line, options: &Options) {
    let offset = line.offset;
    for field in &mut line.fields {
        if let Some(error) = &mut field.error {
            error.offset = offset;
        }
    }
    line.body = Some(root.raw().len() as u64);
    match (root.ns(), root.name()) {
        // What is carried has lines of its own.
        (Ns::HTTP_BIND, "body") => return line.kind = "bosh",
        (Ns::FRAMING, "open" | "close") => line.kind = "stream",
        _ => {}
    }
    if let Some(step) = words::sasl(root) {
        line.kind = "sasl";
        line.fields.push(Field { typed: Some(step), ..Field::raw("sasl", "") });
        return;
    }
    if let Some(means) = words::management(root) {
        line.kind = "sm";
        line.fields.push(Field::raw("means", means));
    }
    for child in root.children() {
        let text = child.text();
        let name = format!("{{{}}}{}", child.namespace(), child.name());
        // What is filled in at a registration has a password in it.
        let shown = if child.ns() == Ns::REGISTER { "" } else { text.trim() };
        let mut field = Field::raw(name, shown);
        field.typed = words::extension(&child.namespace()).map(Value::from);
        line.fields.push(field);
    }
    if let Some(features) = Features::read(root) {
        let value = json!({
            "starttls": features.starttls,
            "mechanisms": features.mechanisms,
            "bind": features.bind,
            "session": features.session,
            "stream_management": features.stream_management,
            "stanza_max": features.stanza_max,
            "channel_bindings": features.channel_bindings,
            "roster_versioning": features.roster_versioning,
            "pre_approval": features.pre_approval,
            "registration": features.registration,
            "sasl2": features.sasl2.as_ref().map(|sasl2| json!({
                "mechanisms": sasl2.mechanisms,
                "bind": sasl2.bind,
                "stream_management": sasl2.stream_management,
                "fast": sasl2.fast,
            })),
        });
        line.fields.push(Field { typed: Some(value), ..Field::raw("features", "") });
    }
    if let Some(error) = StreamError::read(root) {
        let means = words::condition(error.condition.name());
        let typed = Some(Value::from(means));
        line.fields.push(Field { typed, ..Field::raw("stream error", error.to_string()) });
    }
    let Some(stanza) = Stanza::of(root) else { return };
    line.kind = match &stanza {
        Stanza::Message(_) => "message",
        Stanza::Presence(_) => "presence",
        Stanza::Iq(_) => "iq",
    };
    if let Err(reason) = Stanza::parse(root) {
        line.error = Some(Refusal { kind: reason.to_string(), offset });
    }
    let error = match &stanza {
        Stanza::Message(message) => message.error(),
        Stanza::Presence(presence) => presence.error(),
        Stanza::Iq(iq) => iq.error(),
    };
    if let Some(error) = error {
        let value = json!({
            "condition": error.condition.name(),
            "means": words::condition(error.condition.name()),
            "type": error.kind.name(),
            "text": error.text,
        });
        line.fields.push(Field { typed: Some(value), ..Field::raw("error", "") });
    }
    unprepared(&stanza, line, options);
}

/// Addresses that are split but cannot be prepared are tolerated on the way in.
fn unprepared(stanza: &Stanza<'_>, line: &mut Line, options: &Options) {
    let header = stanza.header();
    for (name, jid) in [("to", header.to()), ("from", header.from())] {
        let Some(Err(error)) = jid.map(JidRef::to_jid) else { continue };
        if options.strict {
            let kind = format!("{name}: {error}");
            line.error.get_or_insert(Refusal { kind, offset: line.offset });
        } else {
            line.quirks.push(format!("unprepared-{name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &str, chunk: Option<usize>, strict: bool) -> Vec<String> {
        let mut all = Vec::new();
        let options = Options { strict, chunk, ..Options::default() };
        inspect(input.as_bytes(), &options, &mut |line| all.push(line.to_json().to_string()));
        all
    }

    #[test]
    fn a_stream_makes_the_same_lines_in_any_chunks() {
        let input = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' \
            xmlns:stream='http://etherx.jabber.org/streams' to='a.example'>\n\
            <stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>\
            <message to='b@a.example/\u{1f64c}' type='chat'><body>1 &lt; 2</body></message>\
            <iq type='get'/><presence from='@'/></stream:stream>";
        let whole = lines(input, None, false);
        assert_eq!(whole.len(), 6, "{whole:#?}");
        assert!(whole[2].contains("1 < 2") && whole[2].contains("unprepared-to"), "{}", whole[2]);
        assert!(whole[3].contains("the request has no id"), "{}", whole[3]);
        for chunk in [1, 2, 7, 64] {
            assert_eq!(lines(input, Some(chunk), false), whole);
        }
        let strict = lines(input, None, true);
        assert!(strict[2].contains("to: a character is not allowed"), "{}", strict[2]);
    }

    #[test]
    fn steps_of_the_negotiation_are_explained_and_secrets_are_not_shown() {
        let plain = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMA==</auth>";
        let shown = lines(plain, None, false).concat();
        assert!(shown.contains("juliet") && !shown.contains("r0m30"), "{shown}");
        let first = "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'>\
            <initial-response>biwsbj1qdWxpZXQscj1hYmM=</initial-response></authenticate>";
        let shown = lines(first, None, false).concat();
        assert!(shown.contains("n,,n=juliet,r=abc"), "{shown}");
        let last = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdzLHI9YWJjLHA9c2VjcmV0</response>";
        let shown = lines(last, None, false).concat();
        assert!(shown.contains("c=biws,r=abc,p=(not shown)"), "{shown}");
        for (text, expected) in [
            ("<a xmlns='urn:xmpp:sm:3' h='5'/>", "5 stanzas were handled"),
            ("<resume xmlns='urn:xmpp:sm:3' h='5' previd='x'/>", "wants to go on"),
            ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h'/>", "stream"),
            ("<message><request xmlns='urn:xmpp:receipts'/></message>", "XEP-0184"),
            (
                "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
                 <host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
                "the domain is not served here",
            ),
            (
                "<iq type='error' id='1'><error type='cancel'>\
                 <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                "does not exist",
            ),
            (
                "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
                "not-authorized",
            ),
        ] {
            let shown = lines(text, None, false).concat();
            assert!(shown.contains(expected), "{shown}");
        }
        let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='7' sid='s'>\
            <message xmlns='jabber:client'><body>hi</body></message><presence xmlns='jabber:client'/></body>";
        let shown = lines(body, None, false);
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown[0].contains("\"bosh\"") && shown[2].contains("\"presence\""), "{shown:#?}");
        let account = "<query xmlns='jabber:iq:register'><password>r0m30</password></query>";
        assert!(!lines(account, None, false).concat().contains("r0m30"));
    }

    #[test]
    fn elements_without_a_stream_and_what_is_broken() {
        let input = "<message><body>a</body></message>\n<presence/>\n<message>\u{1}";
        for chunk in [None, Some(1)] {
            let got = lines(input, chunk, false);
            assert_eq!(got.len(), 3, "{got:#?}");
            assert!(got[2].contains("not allowed in XML"), "{}", got[2]);
        }
        assert!(lines("", None, false).len() <= 1);
        assert!(lines("<a", None, false)[0].contains("ends in the middle"));
    }
}

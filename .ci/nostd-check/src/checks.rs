//! One call, or a few, into each crate: enough that it is linked, and that its result is looked at.

use proto_wire::{Instant, Rng, Seed};

/// In the order of the crates; the exit status names the one that failed.
pub const ALL: &[fn() -> bool] = &[wire, rtsp, sip, xmpp, ledger];

fn wire() -> bool {
    let mut rng = Rng::new(&Seed::from_u64(1));
    let token = rng.hex::<16>();
    Instant::from_nanos(1) < Instant::from_nanos(2) && token.as_str().len() == 16
}

fn sip() -> bool {
    use sip_proto::headers::Via;
    use sip_proto::{HeaderName, Index, Message};
    let bytes = b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK7\r\nCall-ID: a@b\r\n\r\n";
    let mut index = Index::new();
    let Ok(message) = Message::parse_datagram(bytes, &mut index, &Default::default()) else {
        return false;
    };
    let via = message.headers().typed::<Via<'_>>();
    message.headers().get(HeaderName::CALL_ID) == Some("a@b")
        && via.is_ok_and(|via| via.is_some_and(|via| via.branch() == Some(b"z9hG4bK7")))
        && Message::parse_datagram(b"nonsense", &mut Index::new(), &Default::default()).is_err()
}

fn ledger() -> bool {
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use mms_core::{
        Action, At, Command, IdempotencyKey, Ledger, Limits, MemberKind, MemberToken, Outcome,
        PlanId, Program, StoreId, Timestamp,
    };
    let program = Arc::new(Program::sample());
    let Ok(mut ledger) = Ledger::new(Limits::default(), program, Seed::from_u64(1)) else {
        return false;
    };
    let at = At::utc(Timestamp::from_unix_secs(1_790_000_000));
    let enrol = Action::Enrol {
        token: MemberToken::new(1),
        kind: MemberKind::Individual,
        plan: PlanId::new(0),
        referrer: None,
    };
    let mut journal = Vec::new();
    let enrol = Command::new(IdempotencyKey::new(1), StoreId::new(1), enrol);
    let Outcome::Accepted(receipt) = ledger.apply(at, &enrol, &mut journal) else {
        return false;
    };
    let Some(member) = receipt.member else {
        return false;
    };
    let load = Action::TopUp { who: member.into(), amount: 5_000 };
    let load = Command::new(IdempotencyKey::new(2), StoreId::new(1), load);
    matches!(ledger.apply(at, &load, &mut journal), Outcome::Accepted(r) if r.stored_after == 5_000)
        && ledger.verify().is_sound()
        && !journal.is_empty()
}

fn rtsp() -> bool {
    use rtsp_proto::{Index, Limits, Message, Method};
    let bytes = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\
        Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";
    let mut index = Index::new();
    let Ok(Some((Message::Request(request), used))) =
        Message::parse(bytes, &mut index, &Limits::default())
    else {
        return false;
    };
    let transport = request.headers().transports().next();
    request.method() == Method::Setup
        && request.cseq() == Some(2)
        && used == bytes.len()
        && transport.is_some_and(|found| found.is_ok_and(|found| found.client_port.is_some()))
}

fn xmpp() -> bool {
    use xmpp_proto::jid::Jid;
    use xmpp_proto::stanza::Stanza;
    use xmpp_proto::xml::{Scanner, XmlLimits};
    let bytes = "<message xmlns='jabber:client' to='a@b.example/c'><body>h\u{e9}</body></message>";
    let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
    let Ok(Some(frame)) = scanner.scan(bytes.as_bytes()) else {
        return false;
    };
    let Some(element) = scanner.element(bytes.as_bytes()) else {
        return false;
    };
    let Ok(Stanza::Message(message)) = Stanza::parse(element) else {
        return false;
    };
    frame.len == bytes.len()
        && message.body().as_deref() == Some("h\u{e9}")
        && Jid::new("Juliet@Capulet.example")
            .is_ok_and(|jid| jid.as_str() == "juliet@capulet.example")
}

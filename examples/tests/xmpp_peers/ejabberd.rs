//! Our client on ejabberd.

use crate::bosh::{talks_over_http, url};
use crate::common::{User, extensions, resumes_after_a_cut};
use crate::prosody::{binds_to_tls_1_2, echoes, talks_over_a_websocket};
use crate::servers::{Ejabberd, ejabberd};
use xmpp_proto::client::Event;
use xmpp_proto::sasl::Mechanism;

/// One server for all of it: it takes seconds to start.
#[test]
fn our_client_on_ejabberd() {
    let Some(server) = ejabberd("ejabberd") else { return };
    for (mechanism, tls) in [
        (Mechanism::ScramSha256, false),
        (Mechanism::ScramSha256, true),
        // It offers -PLUS over TLS 1.3, too, and then binds to something else than RFC 9266.
        (Mechanism::Plain, true),
    ] {
        println!("{} tls={tls}", mechanism.name());
        let ca = tls.then_some(server.ca.as_path());
        let mut alice = User::connect(server.addr, "alice", mechanism, ca);
        let mut bob = User::connect(server.addr, "bob", mechanism, ca);
        alice.log_in();
        bob.log_in();
        alice.say("bob@localhost", "is <this> & that there?");
        let heard = bob.hear();
        assert_eq!(heard, ("alice@localhost/ours".into(), "is <this> & that there?".into()));
        bob.say(&heard.0, "yes \u{1f984}");
        assert_eq!(alice.hear(), ("bob@localhost/ours".into(), "yes \u{1f984}".into()));
        let now = alice.connection.now();
        alice.connection.machine.request_roster(now, None).unwrap();
        alice.until("roster", |event| matches!(event, Event::Roster { .. }).then_some(()));
        alice.close();
        bob.close();
    }
    println!("tls-unique");
    binds_to_tls_1_2(server.direct_tls, &server.ca, &server.dir, "not-authorized");
    println!("resumption");
    resumes_after_a_cut(server.addr);
    println!("websocket");
    talks_over_a_websocket(server.addr, server.http, "/ws");
    println!("bosh");
    talks_over_http(&url(server.http, "/bosh"));
    println!("component");
    echoes(server.addr, server.component);
    println!("extensions");
    // The archive remembers what was said above.
    extensions_of_fresh_users(&server);
}

fn extensions_of_fresh_users(server: &Ejabberd) {
    for user in ["alice", "bob"] {
        for verb in
            [&["unregister", user, "localhost"][..], &["register", user, "localhost", "secret"]]
        {
            server.control(verb);
        }
    }
    extensions(server.addr);
}

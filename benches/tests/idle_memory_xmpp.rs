//! How much memory an idle XMPP connection takes on either side, heap and machine together.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use benches::alloc::{Counting, growth};
use proto_wire::{Instant, Output, Seed};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::sasl::{Credentials, Secret};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::sm::SmConfig;
use xmpp_proto::stanza::{MessageBuilder, StanzaXml};

#[global_allocator]
static ALLOC: Counting = Counting;

const NOW: Instant = Instant::from_secs(1);

/// Both machines and what each holds, itself included.
struct Pair {
    client: Box<Client>,
    server: Box<ServerConnection>,
    bytes: [i64; 2],
}

impl Pair {
    fn new(sm: bool) -> Self {
        let managed = sm.then(SmConfig::new);
        let config = ClientConfig::new("juliet@capulet.example/balcony".parse().unwrap())
            .with_password(Secret::new("p"))
            .with_tls(TlsPolicy::Never)
            .with_stream_management(managed.clone());
        let client = Arc::new(config);
        let mut config = ServerConfig::new("capulet.example").with_tls(ServerTls::None);
        config.stream_management = managed;
        let server = Arc::new(config);
        let (client, one) = growth(|| Box::new(Client::new(NOW, client, Seed::from_u64(1))));
        let new = || Box::new(ServerConnection::new(NOW, server, Seed::from_u64(2)));
        let (server, two) = growth(new);
        let mut pair = Self { client, server, bytes: [one, two] };
        pair.pump();
        assert!(pair.client.is_ready() && pair.server.is_ready());
        pair
    }

    /// Everything that both have to say, carried over.
    fn pump(&mut self) {
        for _ in 0..40 {
            let (said, held) = self.drain_client();
            self.bytes[0] += held;
            for bytes in said {
                let input = || self.server.handle_input(NOW, server::Input::Data(&bytes));
                self.bytes[1] += growth(input).1;
            }
            let (said, held) = self.drain_server();
            self.bytes[1] += held;
            for bytes in said {
                let input = || self.client.handle_input(NOW, client::Input::Data(&bytes));
                self.bytes[0] += growth(input).1;
            }
        }
    }

    fn drain_client(&mut self) -> (Vec<Vec<u8>>, i64) {
        let mut said = Vec::new();
        let mut poll = || {
            while let Some(output) = self.client.poll_output() {
                if let Output::Transmit(bytes) = output {
                    said.push(bytes.to_vec());
                }
            }
        };
        let ((), held) = growth(&mut poll);
        let own = size(&said);
        (said, held - own)
    }

    fn drain_server(&mut self) -> (Vec<Vec<u8>>, i64) {
        let mut said = Vec::new();
        let server = &mut self.server;
        let ((), held) = growth(|| {
            while let Some(output) = server.poll_output() {
                match output {
                    Output::Transmit(bytes) => said.push(bytes.to_vec()),
                    Output::Event(server::Event::CredentialsNeeded { .. }) => {
                        let known = Credentials::Password(Secret::new("p"));
                        server.credentials(NOW, &known).unwrap();
                    }
                    Output::Event(server::Event::BindRequested { .. }) => {
                        drop(server.bind(NOW, "balcony").unwrap());
                    }
                    Output::Event(_) => {}
                }
            }
        });
        let own = size(&said);
        (said, held - own)
    }
}

fn size(said: &Vec<Vec<u8>>) -> i64 {
    let own = said.capacity() * size_of::<Vec<u8>>();
    (own + said.iter().map(Vec::capacity).sum::<usize>()) as i64
}

fn message() -> StanzaXml {
    MessageBuilder::new().body(&"x".repeat(300)).build().unwrap()
}

/// Issue of scale: a server with a hundred thousand users who say nothing.
#[test]
fn an_idle_xmpp_connection_takes_less_than_two_kibibytes_on_either_side() {
    println!(
        "the machines themselves: {} and {} bytes",
        size_of::<Client>(),
        size_of::<ServerConnection>()
    );
    for sm in [false, true] {
        let mut pair = Pair::new(sm);
        let idle = |what: &str, pair: &Pair| {
            println!("{what}, managed {sm}: client {}, server {}", pair.bytes[0], pair.bytes[1]);
            for bytes in pair.bytes {
                assert!(bytes < 2048, "{what}: {bytes} bytes");
            }
        };
        idle("logged in", &pair);
        for _ in 0..20 {
            let (_, bytes) = growth(|| pair.client.send(NOW, message()).unwrap());
            pair.bytes[0] += bytes;
            pair.pump();
            let (_, bytes) = growth(|| pair.server.send(NOW, message()).unwrap());
            pair.bytes[1] += bytes;
            pair.pump();
        }
        // Acknowledged, as it is after a short while.
        for _ in 0..3 {
            if let Some(at) = pair.client.poll_timeout() {
                pair.bytes[0] += growth(|| pair.client.handle_timeout(at)).1;
            }
            if let Some(at) = pair.server.poll_timeout() {
                pair.bytes[1] += growth(|| pair.server.handle_timeout(at)).1;
            }
            pair.pump();
        }
        idle("after messages", &pair);
    }
}

//! Both sides over bad networks.

use super::*;
use alloc::collections::BTreeMap;
use proto_wire::Rng;
use proto_wire::testing::sim::run_seeds;

/// Both machines over a network that delays, reorders, loses and doubles exchanges.
struct Net {
    rng: Rng,
    now: Instant,
    client: Ours,
    session: Option<Theirs>,
    /// When something arrives: requests and responses.
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    exchanges: BTreeMap<u64, u64>,
    loss: u64,
    heard: Vec<String>,
    got: Vec<String>,
    ends: Vec<String>,
}

enum Flying {
    Request(u64, Vec<u8>),
    Response(u64, u16, Vec<u8>),
    Broken(u64),
}

impl Net {
    fn new(seed: u64, config: BoshConfig, loss: u64) -> Self {
        let client = BoshClient::new(NOW, Arc::new(config), Seed::from_u64(seed), machine(seed));
        Self {
            rng: Rng::new(&Seed::from_u64(!seed)),
            now: NOW,
            client,
            session: None,
            flying: BTreeMap::new(),
            count: 0,
            exchanges: BTreeMap::new(),
            loss,
            heard: Vec::new(),
            got: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn fly(&mut self, what: Flying) {
        let delay = Duration::from_millis(self.rng.below(400));
        self.count += 1;
        self.flying.insert((self.now.saturating_add(delay), self.count), what);
    }

    /// Everything that both have to say now.
    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(request) => {
                    let lost = self.rng.below(100) < self.loss;
                    let broken = self.rng.below(2) == 0;
                    match (lost, broken) {
                        (true, true) => self.fly(Flying::Broken(request.id)),
                        // Silence: only time shows it.
                        (true, false) => {}
                        _ => self.fly(Flying::Request(request.id, request.body.to_vec())),
                    }
                }
                Output::Event(client::Event::Ready { .. }) => {
                    for n in 0..10 {
                        self.client.machine.send(self.now, message(&format!("c{n} <&>"))).unwrap();
                    }
                }
                Output::Event(client::Event::Message(stanza)) => {
                    let text = stanza.as_message().unwrap().body().unwrap().into_owned();
                    self.got.push(text);
                    if self.got.len() == 10 {
                        self.client.machine.close(self.now).unwrap();
                    }
                }
                Output::Event(client::Event::Closed(why)) => self.ends.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
        loop {
            let Some(session) = &mut self.session else { return };
            let Some(output) = session.poll_output() else { return };
            match output {
                Output::Transmit(response) => {
                    let exchange = self.exchanges[&response.id];
                    let lost = self.rng.below(100) < self.loss;
                    self.fly(match lost {
                        true => Flying::Broken(exchange),
                        false => {
                            Flying::Response(exchange, response.status, response.body.to_vec())
                        }
                    });
                }
                Output::Event(server::Event::CredentialsNeeded { .. }) => {
                    let known = Credentials::Password(Secret::new("p"));
                    session.machine.credentials(self.now, &known).unwrap();
                }
                Output::Event(server::Event::BindRequested { .. }) => {
                    session.machine.bind(self.now, "r").unwrap();
                }
                Output::Event(server::Event::Stanza(stanza)) => {
                    let text = stanza.as_message().unwrap().body().unwrap().into_owned();
                    self.heard.push(text);
                    let answer = message(&format!("s{} \u{2603}", self.heard.len() - 1));
                    session.machine.send(self.now, answer).unwrap();
                }
                Output::Event(server::Event::Closed(why)) => self.ends.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
    }

    fn run(&mut self) {
        for _ in 0..20_000 {
            self.drain();
            let arrives = self.flying.keys().next().map(|(at, _)| *at);
            let session = self.session.as_ref().and_then(|s| s.poll_timeout());
            let next = [arrives, self.client.poll_timeout(), session];
            let Some(next) = next.into_iter().flatten().min() else { return };
            assert!(next >= self.now, "time goes back");
            self.now = next;
            match self.flying.first_entry().filter(|entry| entry.key().0 <= next) {
                Some(entry) => match entry.remove() {
                    Flying::Request(exchange, body) => {
                        // A host makes a new session for whoever has none.
                        let read = Body::parse(&body, XmlLimits::POST_AUTH).unwrap();
                        if read.sid().is_none() {
                            self.session = None;
                        }
                        let session = self.session.get_or_insert_with(self::session);
                        let id = 1000 + self.exchanges.len() as u64;
                        self.exchanges.insert(id, exchange);
                        session.handle_input(next, ServerInput::Request { id, body: &body });
                    }
                    Flying::Response(id, status, body) => self
                        .client
                        .handle_input(next, ClientInput::Response { id, status, body: &body }),
                    Flying::Broken(id) => {
                        self.client.handle_input(next, ClientInput::Failed { id });
                    }
                },
                None => {
                    self.client.handle_timeout(next);
                    if let Some(session) = &mut self.session {
                        session.handle_timeout(next);
                    }
                }
            }
        }
        panic!("no end: {:?}", self.ends);
    }
}

#[test]
fn everything_arrives_once_and_in_order_over_100_bad_networks() {
    let finished = core::sync::atomic::AtomicUsize::new(0);
    run_seeds(100, |seed| {
        let keys = if seed % 3 == 0 { 5 } else { 0 };
        let retries = BoshConfig::new()
            .with_keys(keys)
            .with_retries(12, Duration::from_millis(200))
            .with_wait(Duration::from_secs(10), 1);
        let mut net = Net::new(seed, retries, seed % 4 * 5);
        net.run();
        let heard: Vec<String> = (0..10).map(|n| format!("c{n} <&>")).collect();
        let got: Vec<String> = (0..10).map(|n| format!("s{n} \u{2603}")).collect();
        // A session whose first response is lost is another one's.
        if net.ends.len() == 2 && net.got.len() == 10 {
            finished.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            assert_eq!((net.heard, net.got), (heard, got));
        } else {
            assert!(heard.starts_with(&net.heard) && got.starts_with(&net.got), "{:?}", net.ends);
            assert!(seed % 4 > 0, "nothing was lost: {:?}", net.ends);
        }
    });
    let finished = finished.into_inner();
    assert!(finished >= 90, "only {finished} of 100 came to their end");
}

#[test]
fn without_loss_all_of_it_arrives_also_by_polling() {
    run_seeds(30, |seed| {
        let wait = if seed % 2 == 0 { 0 } else { 60 };
        let config = BoshConfig::new().with_wait(Duration::from_secs(wait), 1);
        let mut net = Net::new(seed, config, 0);
        net.run();
        assert_eq!((net.heard.len(), net.got.len()), (10, 10));
        net.ends.sort();
        assert_eq!(net.ends, ["closed", "closed by the client"]);
    });
}

//! `host_mio [ADDRESS]`: an RTSP server for ten thousand connections on one thread.
//!
//! The loop is [`examples::drive::mio`] and serves any stream machine; only [`answer`]
//! knows that this one is RTSP. Prints `listening on ADDRESS` first; exit status 1 when the
//! address cannot be bound.

use examples::drive::mio::serve;
use examples::entropy::seed;
use mio::net::TcpListener;
use proto_wire::Instant;
use rtsp_proto::server::{Config, Event, Server};
use rtsp_proto::{Method, StatusCode};
use std::io;
use std::sync::Arc;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=ten thousand\r\nt=0 0\r\n\
                   m=audio 0 RTP/AVP 0\r\na=control:track1\r\n";

fn main() -> io::Result<()> {
    // A descriptor for each connection, as far as the system lets us.
    rlimit::increase_nofile_limit(65_536)?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8554".to_owned());
    let address = address.parse().map_err(|_| io::Error::other("ADDRESS is IP:PORT"))?;
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);

    let config = Arc::new(Config::default());
    serve(listener, |now, _| Server::new(now, config.clone(), seed()), answer)
}

/// The application: one description, no streams.
fn answer(server: &mut Server, now: Instant, event: Event) {
    let Event::Request(asked) = event else { return };
    let base = format!("{}/", asked.request.view().uri());
    // What could fail is that the request was answered already, and it was not.
    let _ = match asked.method {
        Method::Describe => server.describe(now, asked.id, &base, SDP),
        Method::Setup => server.refuse(now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT),
        _ => server.accept(now, asked.id),
    };
}

//! The club: an RTSP server, an XMPP server, a SIP home server and a membership ledger in
//! one process, and an evening of members who use them.
//!
//! [`House`] is what a real club would run; [`evening`] is the members' side, played by
//! this family's own clients over real sockets; [`outage`] kills a ledger while it works.

pub mod desk;
pub mod evening;
mod house;
mod members;
pub mod outage;
pub mod status;

pub use house::{House, HouseOptions};

use crate::ladder::Ladder;
use status::StatusServer;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The domain of the club, in SIP and XMPP addresses.
pub const DOMAIN: &str = "club.example";

/// Members and their passwords, the same for all protocols.
pub const MEMBERS: [(&str, &str); 2] = [("ann", "white-rabbit"), ("ben", "mad-hatter")];

/// What goes wrong is shown to a person.
pub type Failure = Box<dyn Error + Send + Sync>;

/// An evening from the opening of the doors to the books after a power cut.
///
/// # Errors
///
/// When anything does not happen as it should: the message says what.
pub fn run(options: HouseOptions, data: PathBuf, ladder: &Ladder) -> Result<(), Failure> {
    ladder.heading("the doors open");
    let house = House::open(options, &data, ladder.clone())?;
    house.describe(ladder);
    evening::play(&house, ladder)?;
    ladder.heading("the books are closed");
    let before = evening::close_books(&house, ladder)?;
    drop(house);
    ladder.heading("the power fails, and comes back");
    outage::survive(&data, &before, ladder)
}

/// Keeps a house open until the process is ended, and says how to come in; a page on this
/// port of loopback shows how it is doing.
///
/// # Errors
///
/// When a server cannot start.
pub fn serve(
    options: HouseOptions,
    data: PathBuf,
    status_port: u16,
    ladder: &Ladder,
) -> Result<(), Failure> {
    let house = House::open(options, &data, ladder.clone())?;
    let page = StatusServer::start(status_port)?;
    evening::welcome(&house)?;
    evening::treat(&house)?;
    house.describe(ladder);
    ladder.text(&format!("  page  http://{}/", page.addr()));
    ladder.text(&house.how_to_connect());
    let (mut history, mut next) = (Vec::new(), Instant::now());
    loop {
        house.look_after(Duration::from_millis(200))?;
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            let status = house.status(&history);
            let stored = status.members.iter().map(|member| member.stored).sum();
            history.push((stored, status.members.iter().map(|member| member.points).sum()));
            if history.len() > status::HISTORY {
                history.remove(0);
            }
            page.show(status);
        }
    }
}

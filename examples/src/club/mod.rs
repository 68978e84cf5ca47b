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

pub use house::{House, HouseOptions};

use crate::ladder::Ladder;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

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

/// Keeps a house open until the process is ended, and says how to come in.
///
/// # Errors
///
/// When a server cannot start.
pub fn serve(options: HouseOptions, data: PathBuf, ladder: &Ladder) -> Result<(), Failure> {
    let house = House::open(options, &data, ladder.clone())?;
    evening::welcome(&house)?;
    evening::treat(&house)?;
    house.describe(ladder);
    ladder.text(&house.how_to_connect());
    loop {
        house.look_after(Duration::from_millis(200))?;
    }
}

//! What the club runs: three servers and the desk, tied together.

use super::desk::{Desk, tier_name};
use super::status::{MemberLine, Status};
use super::{DOMAIN, Failure, MEMBERS};
use crate::ladder::{Ladder, Wire};
use crate::observed::Observer;
use crate::rtsp_server::{self, Gate, RtspServer, Scheme, Viewer};
use crate::sip_server::{ServerEvent, SipServer, SipServerConfig};
use crate::xmpp_server::{self, XmppServer};
use mms_core::{Action, Held, HoldId, Notice, RewardId, Who};
use rtsp_proto::StatusCode;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Points that are set aside before a stream plays.
const STREAM_HOLD: i64 = 100;
/// Points for each second of a stream that was begun.
const STREAM_PRICE: i64 = 10;
/// What a stream is in the catalogue of rewards.
const STREAM: RewardId = RewardId::new(1);
/// How long the points of a stream stay set aside.
const STREAM_TIME: Duration = Duration::from_secs(3600);

/// Where the servers listen; port 0 takes a free one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HouseOptions {
    /// The RTSP server.
    pub rtsp: SocketAddr,
    /// The XMPP server.
    pub xmpp: SocketAddr,
    /// The SIP home server, for UDP and TCP.
    pub sip: SocketAddr,
}

impl Default for HouseOptions {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { rtsp: any, xmpp: any, sip: any }
    }
}

/// A club whose doors are open. They close when it is dropped.
pub struct House {
    rtsp: RtspServer,
    xmpp: XmppServer,
    sip: SipServer,
    desk: Arc<Mutex<Desk>>,
    phones: Arc<Mutex<BTreeMap<SocketAddr, String>>>,
    gate: Arc<PaidGate>,
    /// How many phones each user has registered.
    registered: Mutex<BTreeMap<String, usize>>,
}

impl House {
    /// Opens the ledger in `data` and starts the servers; what goes over their wires is
    /// shown on `ladder`.
    ///
    /// # Errors
    ///
    /// When the ledger or a server cannot be opened.
    pub fn open(options: HouseOptions, data: &Path, ladder: Ladder) -> Result<Self, Failure> {
        let desk = Arc::new(Mutex::new(Desk::open(data, Some(ladder.clone()))?));
        let watch = |wire| -> Observer {
            let ladder = ladder.clone();
            Arc::new(move |way, who: &str, text: &str| ladder.rung(wire, way, who, text))
        };

        let gate = Arc::new(PaidGate { desk: desk.clone(), holds: Mutex::default() });
        let (viewer, password) = MEMBERS[0];
        let stream = rtsp_server::Options {
            path: "/stage".to_owned(),
            auth: Some((Scheme::Digest, viewer.to_owned(), password.to_owned())),
            gate: Some(gate.clone()),
            observer: Some(watch(Wire::Rtsp)),
        };
        let rtsp = RtspServer::start(options.rtsp, stream)?;

        let chat = xmpp_server::Options::new(DOMAIN).with_listen(options.xmpp);
        let xmpp = XmppServer::start(chat.with_observer(watch(Wire::Xmpp)))?;

        let phones: Arc<Mutex<BTreeMap<SocketAddr, String>>> = Arc::default();
        let mut calls = SipServerConfig::new(DOMAIN, options.sip);
        for (name, password) in MEMBERS {
            xmpp.add_account(name, password);
            calls = calls.with_user(name, password);
        }
        let known = phones.clone();
        let sip = SipServer::start(calls.with_observer(Arc::new(move |way, who: &str, text| {
            // Phones are known by their addresses; others are shown by theirs.
            let (_, address) = who.rsplit_once(' ').unwrap_or(("", who));
            let known = lock(&known);
            let name = address.parse().ok().and_then(|address: SocketAddr| known.get(&address));
            ladder.rung(Wire::Sip, way, name.map_or(address, String::as_str), text);
        })))?;
        Ok(Self { rtsp, xmpp, sip, desk, phones, gate, registered: Mutex::default() })
    }

    /// The ledger.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    /// Where members log in with XMPP.
    #[must_use]
    pub const fn xmpp(&self) -> SocketAddr {
        self.xmpp.addr()
    }

    /// Where members register with SIP.
    #[must_use]
    pub const fn sip(&self) -> SocketAddr {
        self.sip.address()
    }

    /// What members watch.
    #[must_use]
    pub fn stream_url(&self) -> String {
        format!("rtsp://{}/stage", self.rtsp.addr())
    }

    /// Names the phone at this address on the ladder.
    pub fn name_phone(&self, address: SocketAddr, name: &str) {
        lock(&self.phones).insert(address, name.to_owned());
    }

    /// Tells members what the ledger has for them, over SIP and over XMPP.
    pub fn deliver_notices(&self) {
        loop {
            let told = {
                let mut desk = self.desk();
                let Some(notice) = desk.next_notice() else { return };
                words(&desk, notice)
            };
            let Some((name, text)) = told else { continue };
            let (from, to) = (format!("sip:desk@{DOMAIN}"), format!("{name}@{DOMAIN}"));
            self.sip.send_message(&from, &to, "text/plain", &text);
            self.xmpp.announce(name, &text);
        }
    }

    /// Lets business time act, tells members, and waits a little.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn look_after(&self, wait: Duration) -> Result<(), Failure> {
        self.desk().tick()?;
        self.deliver_notices();
        std::thread::sleep(wait);
        Ok(())
    }

    /// How the club is doing. `history` is what [`Status::history`] shows.
    #[must_use]
    pub fn status(&self, history: &[(i64, i64)]) -> Status {
        let mut registered = lock(&self.registered);
        for event in self.sip.events().try_iter() {
            if let ServerEvent::Registered { user, bindings } = event {
                registered.insert(user, bindings);
            }
        }
        registered.retain(|_, bindings| *bindings > 0);
        let desk = self.desk();
        let members = MEMBERS.iter().filter_map(|(name, _)| {
            let id = desk.member(name)?;
            let (has, member) = (desk.balances(id), desk.ledger().member(id)?);
            let stored = has.principal.saturating_add(has.bonus);
            Some(MemberLine::new((*name).into(), tier_name(member.tier), stored, has.points))
        });
        Status {
            online: self.xmpp.online(),
            phones: registered.iter().map(|(user, count)| (user.clone(), *count)).collect(),
            watching: lock(&self.gate.holds).len(),
            members: members.collect(),
            records: desk.ledger().seq().value(),
            sound: desk.verify().is_sound(),
            history: history.to_vec(),
        }
    }

    /// Shows where everything is.
    pub fn describe(&self, ladder: &Ladder) {
        ladder.text(&format!("  RTSP  {}", self.stream_url()));
        ladder.text(&format!("  XMPP  {} for {DOMAIN}", self.xmpp()));
        ladder.text(&format!("  SIP   {} for {DOMAIN}, UDP and TCP", self.sip()));
    }

    /// How to come in with ordinary programs.
    #[must_use]
    pub fn how_to_connect(&self) -> String {
        let (ann, password) = MEMBERS[0];
        let (ben, bens) = MEMBERS[1];
        let (rtsp, xmpp, sip) = (self.rtsp.addr(), self.xmpp(), self.sip());
        let (host, port) = (xmpp.ip(), xmpp.port());
        format!(
            "\
Members are {ann} (password {password}) and {ben} (password {bens}).

Watch, which costs points ({STREAM_PRICE} a second):
  ffplay -rtsp_transport tcp rtsp://{ann}:{password}@{rtsp}/stage
  gst-launch-1.0 rtspsrc location=rtsp://{rtsp}/stage user-id={ann} user-pw={password} \\
      ! decodebin ! autoaudiosink
  cargo run --release --bin rtsp_probe -- rtsp://{rtsp}/stage --user {ann}:{password}

Chat:
  profanity: /connect {ben}@{DOMAIN} server {host} port {port} tls disable
  cargo run --release --bin xmpp_chat -- --server {xmpp} --plaintext --password {bens} \\
      {ben}@{DOMAIN} {ann}@{DOMAIN}

Message over SIP (domain {DOMAIN}, outbound proxy {sip}):
  sipsak -U -x 120 -s sip:{ben}@{sip} -u {ben} -a {bens}
  cargo run --release --bin sip_message -- --as sip:{ben}@{DOMAIN} --via {sip} \\
      --password {bens} --register sip:{ann}@{DOMAIN} hello --wait 60

Ends with Ctrl-C; the ledger survives that."
        )
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom a notice is for, and what to say.
fn words(desk: &Desk, notice: Notice) -> Option<(&'static str, String)> {
    let (member, text) = match notice {
        Notice::Welcome { member } => (member, "Welcome to the club.".to_owned()),
        Notice::TierChanged { member, to, .. } => {
            (member, format!("You are {} now. Thank you!", tier_name(to)))
        }
        Notice::PointsExpired { member, points } => (member, format!("{points} points lapsed.")),
        Notice::PointsOwed { member, points } => (member, format!("You owe {points} points.")),
        Notice::HoldEnded { member, .. } => (member, "Points set aside are free again.".to_owned()),
        Notice::CardLocked { member, .. } => (member, "Your card was locked.".to_owned()),
        _ => return None,
    };
    let name = desk.name_of(member, &MEMBERS.map(|(name, _)| name))?;
    Some((name, text))
}

/// Sets points aside before a stream plays, and takes what was watched when it ends.
struct PaidGate {
    desk: Arc<Mutex<Desk>>,
    /// The hold of each session.
    holds: Mutex<BTreeMap<String, HoldId>>,
}

impl Gate for PaidGate {
    fn may_play(&self, viewer: &Viewer) -> Result<(), StatusCode> {
        let mut holds = lock(&self.holds);
        if holds.contains_key(&viewer.session) {
            return Ok(());
        }
        let mut desk = lock(&self.desk);
        let member = viewer.user.as_deref().and_then(|name| desk.member(name));
        let member = member.ok_or(StatusCode::FORBIDDEN)?;
        let until = desk.at().time.saturating_add(STREAM_TIME);
        let who = Who::Member(member);
        let hold = Action::Hold { who, what: Held::Points, amount: STREAM_HOLD, until };
        // 402 Payment Required: too few points, a frozen member, a closed account.
        let receipt = desk.book(hold).map_err(|_| StatusCode::PAYMENT_REQUIRED)?;
        holds.insert(viewer.session.clone(), receipt.hold().ok_or(StatusCode::FORBIDDEN)?);
        Ok(())
    }

    fn ended(&self, viewer: &Viewer, played: Duration) {
        let Some(hold) = lock(&self.holds).remove(&viewer.session) else { return };
        let seconds = i64::try_from(played.as_secs_f64().ceil() as u64).unwrap_or(i64::MAX);
        let amount = seconds.saturating_mul(STREAM_PRICE).min(STREAM_HOLD);
        let action = if amount > 0 {
            Action::Capture { hold, amount, reward: STREAM }
        } else {
            Action::Void { hold }
        };
        // When the store fails here, the hold ends by itself after its time.
        let _booked = lock(&self.desk).book(action);
    }
}

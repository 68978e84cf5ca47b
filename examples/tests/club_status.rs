//! The page of an open club: what it shows, and that it cannot be kept busy or talked into
//! anything else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold, and are hosts")]

use examples::club::status::{MemberLine, Status, StatusServer};
use examples::club::{self, House, HouseOptions};
use examples::ladder::Ladder;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

fn fetch(addr: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn page_of(status: Status) -> StatusServer {
    let server = StatusServer::start(0).unwrap();
    server.show(status);
    server
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
}

#[test]
fn the_page_shows_what_the_house_and_its_ledger_have() {
    let data = tempfile("house");
    let ladder = Ladder::new(Box::new(std::io::sink()));
    let house = House::open(HouseOptions::default(), &data, ladder).unwrap();
    club::evening::welcome(&house).unwrap();
    club::evening::treat(&house).unwrap();
    let status = house.status(&[(0, 0), (500, 100)]);
    let page = page_of(status.clone());
    let html = fetch(page.addr(), &get("/"));
    assert!(html.starts_with("HTTP/1.1 200 OK\r\n"), "{html}");
    assert!(html.contains("default-src 'none'"), "no script ever runs there");
    let json = fetch(page.addr(), &get("/status.json"));
    let (_, json) = json.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    // The same numbers as the ledger's own.
    let desk = house.desk();
    let ann = desk.balances(desk.member("ann").unwrap());
    assert!(ann.points > 0, "she was treated");
    assert_eq!(json["members"][0]["points"], ann.points);
    assert_eq!(json["members"][0]["stored"], ann.principal + ann.bonus);
    assert_eq!(json["sound"], true);
    assert_eq!(json["records"], status.records);
    assert!(html.contains(&format!("id=points>{}", ann.points)), "{html}");
    drop(desk);
    drop(house);
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn only_reading_and_only_from_this_machine() {
    let page = page_of(Status::default());
    for (request, status) in [
        ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        // A name that somebody else's DNS leads here.
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET / HTTP/1.1\r\n\r\n", "421"),
        ("nonsense\r\n\r\n", "400"),
        (&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000)), "431"),
    ] {
        let answer = fetch(page.addr(), request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[test]
fn a_client_that_says_nothing_is_given_up() {
    let page = page_of(Status::default());
    let _silent = TcpStream::connect(page.addr()).unwrap();
    let mut slow = TcpStream::connect(page.addr()).unwrap();
    slow.write_all(b"GET / HT").unwrap();
    assert!(fetch(page.addr(), &get("/")).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_browser_shows_names_as_they_are() {
    let mut status = Status::default();
    let name = "<b>ann</b> & 'co'".to_owned();
    status.members = vec![MemberLine::new(name, "gold", 12_345, 7)];
    status.sound = true;
    status.history = vec![(0, 0), (12_345, 7)];
    let page = page_of(status);
    let profile = tempfile("chromium");
    let found = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--virtual-time-budget=500", "--dump-dom"])
        .arg(format!("http://{}/", page.addr()))
        .stderr(Stdio::null())
        .output();
    let Ok(found) = found else {
        println!("skipped: no such program: chromium");
        return;
    };
    let dom = String::from_utf8_lossy(&found.stdout);
    assert!(dom.contains("<td>&lt;b&gt;ann&lt;/b&gt; &amp; 'co'</td>"), "{dom}");
    assert!(dom.contains("<th class=\"n\" id=\"stored\">123.45"), "{dom}");
    assert!(dom.contains("the books balance") && dom.contains("<polyline"), "{dom}");
    let _gone = std::fs::remove_dir_all(profile);
}

fn tempfile(what: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("club-{what}-{}", std::process::id()));
    let _absent = std::fs::remove_dir_all(&path);
    path
}

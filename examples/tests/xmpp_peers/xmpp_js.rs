//! `@xmpp/client` (npm) on our server, over TCP and over a WebSocket.

use crate::common::{Dir, Running, User, find};
use examples::xmpp_server::{Options, XmppServer};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use xmpp_proto::sasl::Mechanism;

const SCRIPT: &str = r#"
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [modules, service] = process.argv.slice(2);
const require = createRequire(modules + '/');
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
globalThis.WebSocket = (await load('ws')).default;
const { client, xml } = await load('@xmpp/client');

const me = client({ service, domain: 'localhost', resource: 'js', username: 'alice', password: 'secret' });
me.on('error', (error) => console.log('error', error.message));
const received = [];
me.on('stanza', async (stanza) => {
  if (!stanza.is('message')) return;
  const result = stanza.getChild('result', 'urn:xmpp:mam:2');
  if (result) {
    received.push(result.getChild('forwarded', 'urn:xmpp:forward:0').getChild('message').getChildText('body'));
    return;
  }
  const body = stanza.getChildText('body');
  if (!body) return;
  console.log('heard', stanza.attrs.from, body);
  await me.send(xml('message', { type: 'chat', to: stanza.attrs.from }, xml('body', {}, 'echo: ' + body)));
  if (body !== 'bye') return;
  await me.iqCaller.request(xml('iq', { type: 'set' }, xml('query', { xmlns: 'urn:xmpp:mam:2' })), 10000);
  console.log('archive', received.includes('bye'));
  await me.stop();
  console.log('stopped');
});
me.on('online', async (address) => {
  await me.send(xml('presence'));
  const roster = await me.iqCaller.get(xml('query', 'jabber:iq:roster'), undefined, 10000);
  console.log('online', address.toString(), roster.name);
});
await me.start();
"#;

/// Where `npm install` has put it.
fn modules() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-npm/node_modules");
    if modules.join("@xmpp/client").is_dir() && modules.join("ws").is_dir() {
        return Some(modules);
    }
    println!("skipped: no such program: @xmpp/client");
    None
}

fn talks(service: impl FnOnce(&XmppServer) -> String) {
    let (Some(node), Some(modules)) = (find("node"), modules()) else { return };
    let dir = Dir::new("xmpp-js");
    let options = Options::new("localhost").with_websocket(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let script = dir.file("talk.mjs", SCRIPT);
    let mut child = Command::new(node)
        .arg(script)
        .arg(modules)
        .arg(service(&server))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut child = Running(child);
    let mut said = move || lines.next().map_or_else(|| "(ended)".to_string(), Result::unwrap);
    let online = said();
    // By SASL 2 the server has chosen the resource.
    assert!(
        online.starts_with("online alice@localhost/") && online.ends_with(" query"),
        "{online}"
    );
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    for text in ["<&> \u{2603}", "bye"] {
        bob.say("alice@localhost", text);
        assert_eq!(said(), format!("heard bob@localhost/ours {text}"));
        let (from, heard) = bob.hear();
        assert_eq!(heard, format!("echo: {text}"));
        assert!(from.starts_with("alice@localhost/"), "{from}");
    }
    assert_eq!(said(), "archive true");
    assert_eq!(said(), "stopped");
    assert!(child.0.wait().unwrap().success());
    bob.close();
    server.stop();
}

#[test]
fn xmpp_js_talks_over_tcp() {
    talks(|server| format!("xmpp://{}", server.addr()));
}

#[test]
fn xmpp_js_talks_over_a_websocket() {
    talks(|server| format!("ws://{}/xmpp-websocket", server.websocket_addr().unwrap()));
}

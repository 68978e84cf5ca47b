//! `@xmpp/client` (npm) on our server, over TCP and over a WebSocket.

use crate::common::{Dir, User, find};
use crate::foreign::{self, Script};
use examples::xmpp_server::{Options, XmppServer};
use std::net::SocketAddr;
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

fn talks(service: impl FnOnce(&XmppServer) -> String) {
    let packages = foreign::modules(&["@xmpp/client", "ws"]);
    let (Some(node), Some(modules)) = (find("node"), packages) else { return };
    let dir = Dir::new("xmpp-js");
    let options = Options::new("localhost").with_websocket(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = foreign::server(options);
    let arguments = [modules.into_os_string(), service(&server).into()];
    let mut script = Script::start(&node, &dir, ("talk.mjs", SCRIPT), arguments);
    let online = script.said();
    // By SASL 2 the server has chosen the resource.
    assert!(
        online.starts_with("online alice@localhost/") && online.ends_with(" query"),
        "{online}"
    );
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    for text in ["<&> \u{2603}", "bye"] {
        bob.say("alice@localhost", text);
        assert_eq!(script.said(), format!("heard bob@localhost/ours {text}"));
        let (from, heard) = bob.hear();
        assert_eq!(heard, format!("echo: {text}"));
        assert!(from.starts_with("alice@localhost/"), "{from}");
    }
    assert_eq!(script.said(), "archive true");
    assert_eq!(script.said(), "stopped");
    script.ends();
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

//! strophe.js (npm) on our server, over HTTP: the client that BOSH was made for.

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
// It runs in browsers, which have this, and read the XML themselves.
const { DOMParser } = require('@xmldom/xmldom');
globalThis.XMLHttpRequest = class extends require('xhr2') {
  get responseXML() {
    return this.responseText ? new DOMParser().parseFromString(this.responseText, 'text/xml') : null;
  }
  set responseXML(_) {}
};
globalThis.location ??= { protocol: 'http:', host: 'localhost' };
const { Strophe, $pres, $msg, $iq } =
  await import(pathToFileURL(modules + '/strophe.js/dist/strophe.node.esm.js').href);

Strophe.setLogLevel(Strophe.LogLevel.ERROR);
const me = new Strophe.Connection(service);
me.addHandler((message) => {
  const body = message.getElementsByTagName('body')[0]?.textContent;
  if (!body) return true;
  const from = message.getAttribute('from');
  console.log('heard', from, body);
  me.send($msg({ to: from, type: 'chat' }).c('body').t('echo: ' + body));
  if (body === 'bye') { me.flush(); me.disconnect('done'); }
  return true;
}, null, 'message');
me.connect('alice@localhost/js', 'secret', (status, why) => {
  if (status === Strophe.Status.CONNECTED) {
    me.sendIQ($iq({ type: 'get' }).c('query', { xmlns: 'jabber:iq:roster' }), (roster) => {
      me.send($pres());
      console.log('online', me.jid, roster.getElementsByTagName('query').length);
    });
  } else if (status === Strophe.Status.DISCONNECTED) {
    console.log('ended');
    process.exit(0);
  } else if (status === Strophe.Status.AUTHFAIL || status === Strophe.Status.CONNFAIL) {
    console.log('failed', status, why);
  }
});
"#;

/// Where `npm install` has put it, and what it needs outside of a browser.
fn modules() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-npm/node_modules");
    if ["strophe.js", "@xmldom/xmldom", "xhr2", "ws"].iter().all(|n| modules.join(n).is_dir()) {
        return Some(modules);
    }
    println!("skipped: no such program: strophe.js");
    None
}

#[test]
fn strophe_js_talks_over_http() {
    let (Some(node), Some(modules)) = (find("node"), modules()) else { return };
    let dir = Dir::new("strophe");
    let options = Options::new("localhost").with_bosh(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let script = dir.file("talk.mjs", SCRIPT);
    let mut child = Command::new(node)
        .arg(script)
        .arg(modules)
        .arg(format!("http://{}/http-bind", server.bosh_addr().unwrap()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut child = Running(child);
    let mut said = move || lines.next().map_or_else(|| "(ended)".to_string(), Result::unwrap);
    assert_eq!(said(), "online alice@localhost/js 1");
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    for text in ["<&> \u{2603}", "again", "bye"] {
        bob.say("alice@localhost/js", text);
        assert_eq!(said(), format!("heard bob@localhost/ours {text}"));
        assert_eq!(bob.hear(), ("alice@localhost/js".into(), format!("echo: {text}")));
    }
    assert_eq!(said(), "ended");
    assert!(child.0.wait().unwrap().success());
    bob.close();
    server.stop();
}

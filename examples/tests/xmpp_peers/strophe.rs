//! strophe.js (npm) on our server, over HTTP: the client that BOSH was made for.

use crate::common::{Dir, User, find};
use crate::foreign::{self, Script};
use examples::xmpp_server::Options;
use std::net::SocketAddr;
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

/// What it needs outside of a browser.
const PACKAGES: &[&str] = &["strophe.js", "@xmldom/xmldom", "xhr2", "ws"];

#[test]
fn strophe_js_talks_over_http() {
    let (Some(node), Some(modules)) = (find("node"), foreign::modules(PACKAGES)) else { return };
    let dir = Dir::new("strophe");
    let options = Options::new("localhost").with_bosh(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = foreign::server(options);
    let service = format!("http://{}/http-bind", server.bosh_addr().unwrap());
    let arguments = [modules.into_os_string(), service.into()];
    let mut script = Script::start(&node, &dir, ("talk.mjs", SCRIPT), arguments);
    assert_eq!(script.said(), "online alice@localhost/js 1");
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    for text in ["<&> \u{2603}", "again", "bye"] {
        bob.say("alice@localhost/js", text);
        assert_eq!(script.said(), format!("heard bob@localhost/ours {text}"));
        assert_eq!(bob.hear(), ("alice@localhost/js".into(), format!("echo: {text}")));
    }
    assert_eq!(script.said(), "ended");
    script.ends();
    bob.close();
    server.stop();
}

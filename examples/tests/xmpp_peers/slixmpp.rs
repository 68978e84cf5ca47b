//! slixmpp on our server.

use crate::common::{Dir, User, certificate, python};
use crate::foreign::{self, Script};
use examples::certificates;
use examples::ladder::Way;
use examples::xmpp_server::{Options, XmppServer};
use std::sync::{Arc, Mutex};
use xmpp_proto::client::Event;
use xmpp_proto::sasl::Mechanism;
use xmpp_proto::stanza::{PresenceBuilder, PresenceKind};

const SLIXMPP: &str = r#"
import asyncio, sys, ssl
import slixmpp

port, mechanism, tls = int(sys.argv[1]), sys.argv[2], sys.argv[3] == 'tls'

class Echo(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__('alice@localhost/theirs', 'secret', sasl_mech=mechanism)
        for plugin in ('xep_0030', 'xep_0199'):
            self.register_plugin(plugin)
        self.enable_direct_tls = False
        self.enable_starttls = tls
        self.enable_plaintext = not tls
        mechanisms = self.plugin['feature_mechanisms']
        mechanisms.unencrypted_plain = True
        mechanisms.unencrypted_scram = True
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.done = asyncio.get_running_loop().create_future()
        self.add_event_handler('session_start', self.started)
        self.add_event_handler('message', self.heard)
        self.add_event_handler('changed_subscription', lambda p: print('subscription', p['type'], flush=True))
        self.add_event_handler('failed_all_auth', lambda e: print('failed', flush=True))

    async def started(self, _):
        roster = await self.get_roster()
        self.send_presence(pstatus='here')
        await self.plugin['xep_0199'].send_ping('localhost', timeout=5)
        info = await self.plugin['xep_0030'].get_info('localhost', timeout=5)
        print('ready', len(info['disco_info']['features']), flush=True)

    def heard(self, message):
        print('heard', message['from'], message['body'], flush=True)
        if message['type'] in ('chat', 'normal') and message['body']:
            message.reply('echo: ' + message['body']).send()
        if message['body'] == 'bye':
            asyncio.ensure_future(self.leave())

    async def leave(self):
        await self.disconnect(wait=2)
        self.done.set_result(None)

async def main():
    echo = Echo()
    echo.connect('127.0.0.1', port)
    await asyncio.wait_for(echo.done, 25)
    print('ended', flush=True)

asyncio.run(main())
"#;

/// slixmpp and our client, both on our server, talk both ways.
fn slixmpp_on_our_server(name: &str, mechanism: &str, tls: bool) {
    let Some(python) = python() else { return };
    let dir = Dir::new(name);
    let wire = Arc::new(Mutex::new(Vec::<(Way, String)>::new()));
    let seen = Arc::clone(&wire);
    let mut options =
        Options::new("localhost").with_observer(Arc::new(move |way, _, text: &str| {
            seen.lock().unwrap().push((way, text.to_string()));
        }));
    let mut ca = None;
    if tls {
        let Some((chain, key)) = certificate(&dir) else { return };
        options = options.with_tls(certificates::server(&chain, &key).unwrap(), true);
        ca = Some(chain);
    }
    let server = foreign::server(options);
    // Kept until she is there.
    assert!(server.announce("alice", "welcome & enjoy"));
    assert!(!server.announce("nobody", "welcome"));

    let port = server.addr().port().to_string();
    let arguments = [port.as_str(), mechanism, if tls { "tls" } else { "plain" }];
    let mut script = Script::start(&python, &dir, ("echo.py", SLIXMPP), arguments);
    let first = [script.said(), script.said()];
    assert!(first.contains(&"ready 13".to_string()), "{first:?}");
    assert!(first.contains(&"heard localhost welcome & enjoy".to_string()), "{first:?}");

    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, ca.as_deref());
    bob.log_in();
    bob.say("alice@localhost", "1 < 2 \u{2603}");
    assert_eq!(script.said(), "heard bob@localhost/ours 1 < 2 \u{2603}");
    let echo = ("alice@localhost/theirs".to_string(), "echo: 1 < 2 \u{2603}".to_string());
    assert_eq!(bob.hear(), echo);

    // A subscription: asked, granted by slixmpp itself, and then seen.
    let now = bob.connection.now();
    let alice = "alice@localhost".parse().unwrap();
    let ask = PresenceBuilder::new().to(&alice).kind(PresenceKind::Subscribe).build().unwrap();
    bob.connection.machine.send(now, ask).unwrap();
    bob.until("alice's presence", |event| match event {
        Event::Presence(stanza) => {
            let presence = stanza.as_presence()?;
            let of_alice = presence.header().from()?.as_str() == "alice@localhost/theirs";
            (of_alice && presence.kind() == Some(PresenceKind::Available)).then_some(())
        }
        _ => None,
    });

    bob.say("alice@localhost/theirs", "bye");
    let ended = (0..20).any(|_| script.said() == "ended");
    assert!(ended, "slixmpp did not end");
    script.ends();
    bob.close();
    let wire = wire.lock().unwrap();
    assert!(
        wire.iter().any(|(way, text)| *way == Way::ToClub && text.contains("<body>bye</body>"))
    );
    assert!(!wire.iter().any(|(_, text)| text.contains("AGFsaWNl")), "a password was shown");
    server.stop();
}

#[test]
fn slixmpp_chats_in_clear_by_scram_sha_256() {
    slixmpp_on_our_server("scram256", "SCRAM-SHA-256", false);
}

#[test]
fn slixmpp_chats_in_clear_by_scram_sha_1() {
    slixmpp_on_our_server("scram1", "SCRAM-SHA-1", false);
}

#[test]
fn slixmpp_chats_over_tls_by_plain() {
    slixmpp_on_our_server("tls", "PLAIN", true);
}

const EXTENSIONS: &str = r#"
import asyncio, sys
import slixmpp

port = int(sys.argv[1])

class Device(slixmpp.ClientXMPP):
    def __init__(self, name):
        super().__init__('alice@localhost/' + name, 'secret', sasl_mech='SCRAM-SHA-256')
        for plugin in ('0012', '0030', '0092', '0191', '0199', '0202', '0280', '0313'):
            self.register_plugin('xep_' + plugin)
        self.enable_direct_tls = False
        self.enable_starttls = False
        self.enable_plaintext = True
        self.plugin['feature_mechanisms'].unencrypted_scram = True
        self.ready = asyncio.get_running_loop().create_future()
        self.copies = asyncio.Queue()
        self.add_event_handler('session_start', lambda _: self.ready.set_result(None))
        self.add_event_handler('carbon_received', lambda m: self.copies.put_nowait(('received', m['carbon_received']['body'])))
        self.add_event_handler('carbon_sent', lambda m: self.copies.put_nowait(('sent', m['carbon_sent']['body'])))
        self.connect('127.0.0.1', port)

async def main():
    desk, phone = Device('desk'), Device('phone')
    for device in (desk, phone):
        await asyncio.wait_for(device.ready, 15)
        await device.get_roster()
        device.send_presence()
    print('versioned', bool(desk.client_roster.version), flush=True)
    await phone.plugin['xep_0280'].enable()
    desk.send_message('nobody@localhost', 'lost words', mtype='chat')
    print(*await asyncio.wait_for(phone.copies.get(), 10), flush=True)
    mam = desk.plugin['xep_0313']
    found = []
    async for message in mam.iterate(total=10):
        found.append(message['mam_result']['forwarded']['stanza']['body'])
    print('archive', found, flush=True)
    await desk.plugin['xep_0191'].block('mallory@localhost')
    listed = await phone.plugin['xep_0191'].get_blocked()
    print('blocked', [str(item['jid']) for item in listed['blocklist']], flush=True)
    last = await desk.plugin['xep_0012'].get_last_activity('localhost')
    print('uptime', int(last['last_activity']['seconds']) < 60, flush=True)
    version = await desk.plugin['xep_0092'].get_version('localhost')
    print('software', version['software_version']['name'], flush=True)
    time = await desk.plugin['xep_0202'].get_entity_time('localhost')
    # Its own reader puts a second Z behind what stands there.
    print('time', time.xml.find('.//{urn:xmpp:time}utc').text.endswith('Z'), flush=True)
    for device in (desk, phone):
        await device.disconnect(wait=2)

asyncio.run(asyncio.wait_for(main(), 40))
"#;

/// Versions, copies, archive, block list, last activity, version and time, as slixmpp sees them.
#[test]
fn slixmpp_uses_the_extensions_of_our_server() {
    let Some(python) = python() else { return };
    let dir = Dir::new("extensions");
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    let port = server.addr().port().to_string();
    let script = Script::start(&python, &dir, ("extensions.py", EXTENSIONS), [port]);
    script.says(&[
        "versioned True",
        "sent lost words",
        "archive ['lost words']",
        "blocked ['mallory@localhost']",
        "uptime True",
        "software chat",
        "time True",
    ]);
    server.stop();
}

const PERSONAL: &str = r#"
import asyncio, sys
from xml.etree import ElementTree as ET
import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0048 import Bookmarks

port = int(sys.argv[1])

class User(slixmpp.ClientXMPP):
    def __init__(self, password, register=False):
        super().__init__('carol@localhost/desk', password, sasl_mech='SCRAM-SHA-256')
        for plugin in ('0048', '0049', '0054', '0077'):
            self.register_plugin('xep_' + plugin)
        self.plugin['xep_0077'].create_account = register
        self.plugin['xep_0077'].force_registration = register
        self.enable_direct_tls = False
        self.enable_starttls = False
        self.enable_plaintext = True
        self.plugin['feature_mechanisms'].unencrypted_scram = True
        self.ready = asyncio.get_running_loop().create_future()
        self.add_event_handler('session_start', lambda _: self.ready.done() or self.ready.set_result('ready'))
        self.add_event_handler('failed_all_auth', lambda _: self.ready.done() or self.ready.set_result('refused'))
        self.add_event_handler('register', self.sign_up)
        self.connect('127.0.0.1', port)

    async def sign_up(self, form):
        reply = self.Iq()
        reply['type'] = 'set'
        reply['register']['username'] = self.boundjid.user
        reply['register']['password'] = self.password
        await reply.send()
        print('registered', flush=True)

async def main():
    user = User('first', register=True)
    print(await asyncio.wait_for(user.ready, 15), flush=True)
    marks = Bookmarks()
    marks.add_conference('room@rooms.example', 'me', name='A room')
    await user.plugin['xep_0049'].store(marks)
    kept = await user.plugin['xep_0049'].retrieve('bookmarks')
    print('bookmark', kept['private']['bookmarks']['conferences'][0]['jid'] if 'conferences' in kept['private']['bookmarks'].interfaces
          else kept.xml.find('.//{storage:bookmarks}conference').get('jid'), flush=True)
    card = user.plugin['xep_0054'].make_vcard()
    card['FN'] = 'Carol <&>'
    await user.plugin['xep_0054'].publish_vcard(card)
    read = await user.plugin['xep_0054'].get_vcard('carol@localhost', cached=False)
    print('vcard', read['vcard_temp']['FN'], flush=True)
    await user.plugin['xep_0077'].change_password('second', jid='localhost')
    await user.disconnect(wait=2)
    print('old', await asyncio.wait_for(User('first').ready, 15), flush=True)
    user = User('second')
    print('new', await asyncio.wait_for(user.ready, 15), flush=True)
    gone = asyncio.get_running_loop().create_future()
    user.add_event_handler('disconnected', lambda _: gone.done() or gone.set_result(True))
    user.add_event_handler('stream_error', lambda e: print('stream error', e['condition'], flush=True))
    await user.plugin['xep_0077'].cancel_registration(jid='localhost')
    await asyncio.wait_for(gone, 10)
    user.abort()
    print('gone', await asyncio.wait_for(User('second').ready, 15), flush=True)

asyncio.run(asyncio.wait_for(main(), 60))
"#;

/// An account is made, keeps private data and a vCard, gets another password, and goes.
#[test]
fn slixmpp_makes_an_account_and_removes_it() {
    let Some(python) = python() else { return };
    let dir = Dir::new("personal");
    let file = dir.0.join("chat.redb");
    let options = Options::new("localhost").with_registration().with_file(&file);
    let server = XmppServer::start(options).unwrap();
    let port = server.addr().port().to_string();
    let script = Script::start(&python, &dir, ("personal.py", PERSONAL), [port]);
    script.says(&[
        "registered",
        "ready",
        "bookmark room@rooms.example",
        "vcard Carol <&>",
        "old refused",
        "new ready",
        "stream error not-authorized",
        "gone refused",
    ]);
    server.stop();
}

"""sip_pjsua2.py HOST:PORT udp|tcp: two PJSIP agents register at our server and write to each other."""
import ctypes
import sys
import time

try:
    import pjsua2 as pj
except ImportError:
    print("no pjsua2")
    sys.exit(77)

server, transport = sys.argv[1], sys.argv[2]
endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.logConfig.level = 1
config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
config.uaConfig.mainThreadOnly = True
endpoint.libInit(config)
# The wheel takes MD5 from its own OpenSSL 1.0.2 and does not set that up unless TLS is used.
with open("/proc/self/maps") as maps:
    for library in {line.split()[-1] for line in maps if "libcrypto" in line}:
        add_all_digests = getattr(ctypes.CDLL(library), "OpenSSL_add_all_digests", None)
        if add_all_digests:
            add_all_digests()
endpoint.audDevManager().setNullDev()
t = pj.TransportConfig()
t.port = 0
t.boundAddress = "127.0.0.1"
t.publicAddress = "127.0.0.1"
kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
endpoint.transportCreate(kinds[transport], t)
endpoint.libStart()
proxy = f"<sip:{server};transport={transport};lr>"


def pump(seconds, done=lambda: False):
    end = time.time() + seconds
    while time.time() < end and not done():
        endpoint.libHandleEvents(20)
    return done()


class Account(pj.Account):
    registered = 0
    sent = 0
    got = None

    def onRegState(self, p):
        self.registered = p.code

    def onInstantMessage(self, p):
        self.got = p.msgBody

    def onInstantMessageStatus(self, p):
        self.sent = p.code


def account(who):
    a = Account()
    k = pj.AccountConfig()
    k.idUri = f"sip:{who}@club.example"
    k.regConfig.registrarUri = "sip:club.example"
    k.sipConfig.proxies.append(proxy)
    k.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", who, 0, "secret"))
    k.regConfig.timeoutSec = 120
    a.create(k)
    return a


a, b = account("alice"), account("bob")
ok = pump(10, lambda: a.registered == 200 and b.registered == 200)
print("registered", a.registered, b.registered)
if ok:
    buddy = pj.Buddy()
    bc = pj.BuddyConfig()
    bc.uri = "sip:bob@club.example"
    buddy.create(a, bc)
    m = pj.SendInstantMessageParam()
    m.content = "hello bob \u2603"
    m.contentType = "text/plain"
    buddy.sendInstantMessage(m)
    ok = pump(10, lambda: b.got is not None and a.sent != 0)
    print("message", a.sent, ascii(b.got))
    ok = ok and a.sent == 200 and b.got == m.content
    del buddy
a.setRegistration(False)
b.setRegistration(False)
pump(3, lambda: False)
a.shutdown()
b.shutdown()
endpoint.libDestroy()
sys.exit(0 if ok else 1)

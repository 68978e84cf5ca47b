"""sip_pjsua2.py HOST:PORT udp|tcp|tls [CA]: two PJSIP agents register at our server, write to each other and call."""
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
kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
if transport == "tls":
    t.tlsConfig.CaListFile = sys.argv[3]
    t.tlsConfig.verifyServer = True
endpoint.transportCreate(kinds[transport], t)
endpoint.libStart()
proxy = f"<sip:{server};transport={transport};lr>"


def pump(seconds, done=lambda: False):
    end = time.time() + seconds
    while time.time() < end and not done():
        endpoint.libHandleEvents(20)
    return done()


class Call(pj.Call):
    """What became of a call: its last status, whether it was up and is over."""

    code, up, over = 0, False, False

    def onCallState(self, p):
        info = self.getInfo()
        self.code = max(self.code, info.lastStatusCode)
        self.up = self.up or info.state == pj.PJSIP_INV_STATE_CONFIRMED
        self.over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED


class Account(pj.Account):
    incoming = None

    def onIncomingCall(self, p):
        self.incoming = Call(self, p.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.incoming.answer(answer)

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
if ok:
    call = Call(a)
    call.makeCall("sip:bob@club.example", pj.CallOpParam(True))
    pump(10, lambda: call.over or (call.up and b.incoming is not None and b.incoming.up))
    # Long enough for the ACK to have come.
    pump(0.5)
    if call.up:
        call.hangup(pj.CallOpParam(True))
    pump(10, lambda: call.over and b.incoming is not None and b.incoming.over)
    there = b.incoming
    print("call", call.code, "ended", int(call.over), int(there is not None and there.over))
    ok = call.up and call.over and there is not None and there.up and there.over
    del call, there
    b.incoming = None
a.setRegistration(False)
b.setRegistration(False)
pump(3, lambda: False)
a.shutdown()
b.shutdown()
endpoint.libDestroy()
sys.exit(0 if ok else 1)

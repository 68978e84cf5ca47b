"""sip_pjsua2_call.py HOST:PORT udp|tcp: a PJSIP phone that calls ann at this address and hangs up, is
called and waits for the end, tells her that it types, and reads what she types and writes."""
import sys
import time

try:
    import pjsua2 as pj
except ImportError:
    print("no pjsua2")
    sys.exit(77)

peer, transport = sys.argv[1], sys.argv[2]
endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.logConfig.level = 1
config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
config.uaConfig.mainThreadOnly = True
endpoint.libInit(config)
endpoint.audDevManager().setNullDev()
t = pj.TransportConfig()
t.port = 0
t.boundAddress = "127.0.0.1"
t.publicAddress = "127.0.0.1"
kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
number = endpoint.transportCreate(kinds[transport], t)
endpoint.libStart()
own = endpoint.transportGetInfo(number).localName
ann = f"sip:ann@{peer};transport={transport}"


def pump(seconds, done=lambda: False):
    end = time.time() + seconds
    while time.time() < end and not done():
        endpoint.libHandleEvents(20)
    return done()


class Call(pj.Call):
    states = ()

    def onCallState(self, p):
        info = self.getInfo()
        self.states += (info.stateText,)
        print("call", info.stateText, info.lastStatusCode, flush=True)


class Account(pj.Account):
    calls = ()
    typing = ()
    got = None

    def onIncomingCall(self, p):
        call = Call(self, p.callId)
        self.calls += (call,)
        for status in (180, 200):
            o = pj.CallOpParam()
            o.statusCode = status
            call.answer(o)

    def onInstantMessage(self, p):
        self.got = p.msgBody

    def onTypingIndication(self, p):
        self.typing += (p.isTyping,)


account = Account()
k = pj.AccountConfig()
k.idUri = f"sip:bob@{own}"
account.create(k)
# So that TCP has an address of its own before the first request.
print(f"listening {own}", flush=True)


def check(what, ok):
    print(what, "ok" if ok else "failed", flush=True)
    if not ok:
        sys.exit(1)


call = Call(account)
o = pj.CallOpParam(True)
o.opt.audioCount = 1
o.opt.videoCount = 0
call.makeCall(ann, o)
check("made", pump(15, lambda: "CONFIRMED" in call.states))
pump(0.3)
call.hangup(pj.CallOpParam())
check("hung up", pump(10, lambda: "DISCONNECTED" in call.states))
check("taken", pump(20, lambda: any("CONFIRMED" in c.states for c in account.calls)))
check("ended", pump(20, lambda: all("DISCONNECTED" in c.states for c in account.calls)))
buddy = pj.Buddy()
b = pj.BuddyConfig()
b.uri = ann
buddy.create(account, b)
ty = pj.SendTypingIndicationParam()
ty.isTyping = True
buddy.sendTypingIndication(ty)
check("typing seen", pump(20, lambda: account.typing == (True, False)))
check("read", pump(20, lambda: account.got == "hello bob"))
m = pj.SendInstantMessageParam()
m.content = "hello ann"
m.contentType = "text/plain"
buddy.sendInstantMessage(m)
pump(2)
del buddy, call
account.calls = ()
account.shutdown()
endpoint.libDestroy()

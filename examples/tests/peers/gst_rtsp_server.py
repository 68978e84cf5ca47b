"""gst-rtsp-server with a live PCMU tone: prints its port, ends with its standard input.

usage: gst_rtsp_server.py [basic|digest|none [FILE]]     user alice, password secret

What is recorded at /record (PCMU) is written to FILE, as samples of 16 bits.
"""
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

TONE = (
    "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc"
    " ! rtppcmupay name=pay0 pt=0 )"
)
RECORDER = "( rtppcmudepay name=depay0 ! mulawdec ! filesink buffer-mode=2 location={} )"


def main():
    auth = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "none" else None
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(TONE)
    permissions = None
    if auth:
        permissions = GstRtspServer.RTSPPermissions.new()
        for permission in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("member", permission, True)
        token = GstRtspServer.RTSPToken.new()
        token.set_string("media.factory.role", "member")
        guard = GstRtspServer.RTSPAuth()
        if auth == "digest":
            guard.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            guard.add_digest("alice", "secret", token)
        else:
            guard.add_basic(GstRtspServer.RTSPAuth.make_basic("alice", "secret"), token)
        server.set_auth(guard)
    if permissions:
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/tone", factory)
    if len(sys.argv) > 2:
        recorder = GstRtspServer.RTSPMediaFactory()
        recorder.set_launch(RECORDER.format(sys.argv[2]))
        recorder.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        recorder.set_latency(50)
        if permissions:
            recorder.set_permissions(permissions)
        server.get_mount_points().add_factory("/record", recorder)
    loop = GLib.MainLoop()
    assert server.attach(None) > 0, "cannot listen"

    def until_end_of_input():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=until_end_of_input, daemon=True).start()
    print(server.get_bound_port(), flush=True)
    loop.run()


main()

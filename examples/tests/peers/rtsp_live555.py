"""rtsp_live555.py URL PORT: live555 as client of URL and as server on PORT, ends with its standard input.

Prints the URL of its own stream. Exit status 77: live555 is not there.
"""
import sys
import threading

try:
    import liblivemedia

    proxy = liblivemedia.ProxyServer("127.0.0.1", int(sys.argv[2]))
except (ImportError, AttributeError):
    print("no liblivemedia")
    sys.exit(77)

proxy.addURI(sys.argv[1], "cam", "", "")
threading.Thread(target=proxy.start, daemon=True).start()
print(f"rtsp://127.0.0.1:{sys.argv[2]}/cam", flush=True)
sys.stdin.read()
# Its threads have no end of their own.
sys.stdout.flush()
import os

os._exit(0)

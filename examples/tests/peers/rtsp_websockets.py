"""RTSP over WebSocket (ONVIF) with the library `websockets`. Exit status 77: it is not there.

rtsp_websockets.py play WS_URL RTSP_URL: plays a tone for a while, as a client.
rtsp_websockets.py serve PORT: writes its own port; whoever connects there is passed on to the RTSP
server on PORT, until the input ends.
"""
import asyncio
import sys

try:
    import websockets
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve
except ImportError:
    print("no websockets")
    sys.exit(77)

PROTOCOL = "rtsp.onvif.org"


def check(data):
    """A WebSocket message holds one RTSP message or one frame, whole."""
    assert isinstance(data, bytes), "text"
    if data[:1] == b"$":
        assert len(data) == 4 + int.from_bytes(data[2:4], "big"), f"{len(data)} bytes of a frame"
        return
    head, end, body = data.partition(b"\r\n\r\n")
    assert end, f"no whole head: {data!r}"
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert len(body) == int(fields.get("content-length", 0)), f"{len(body)} bytes of a body"


async def play(where, url):
    async with connect(where, subprotocols=[PROTOCOL]) as web:
        assert web.subprotocol == PROTOCOL
        number, frames, said = 0, [], []

        async def hear():
            data = await web.recv()
            check(data)
            if data[:1] == b"$":
                frames.append(data)
            return data

        async def ask(method, uri, *fields):
            nonlocal number
            number += 1
            lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {number}", *fields, "", ""]
            request = "\r\n".join(lines).encode()
            # One message in three fragments.
            await web.send([request[:3], request[3:20], request[20:]])
            answer = await hear()
            while answer[:1] == b"$":
                answer = await hear()
            text = answer.decode()
            assert f"CSeq: {number}\r\n" in text, text
            said.append(f"{method} {text.split(' ')[1]}")
            return text

        def field(text, name):
            return next(line for line in text.split("\r\n") if line.startswith(name)).split(": ")[1]

        await ask("OPTIONS", "*")
        description = await ask("DESCRIBE", url, "Accept: application/sdp")
        base = field(description, "Content-Base")
        control = [line for line in description.splitlines() if line.startswith("a=control:")][-1]
        track = control.removeprefix("a=control:")
        track = track if "://" in track else base.rstrip("/") + "/" + track
        answer = await ask("SETUP", track, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        session = "Session: " + field(answer, "Session").split(";")[0]
        await ask("PLAY", base, session)
        while len(frames) < 20:
            await hear()
        await ask("TEARDOWN", base, session)
    media = [frame[16:] for frame in frames if frame[1] == 0]
    is_tone = len(media) >= 15 and all(len(set(payload)) > 8 for payload in media)
    print(", ".join(said) + ("; tone" if is_tone else f"; {[len(part) for part in media]}"))


async def relay(port):
    wrong = []

    async def pass_on(web):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def down():
            # As it comes: whoever reads it must not care.
            while data := await reader.read(1000):
                await web.send(data)

        task = asyncio.create_task(down())
        try:
            assert web.subprotocol == PROTOCOL
            async for data in web:
                check(data)
                writer.write(data)
        except AssertionError as error:
            wrong.append(str(error))
        except websockets.ConnectionClosed:
            pass
        writer.close()
        task.cancel()

    async with serve(pass_on, "127.0.0.1", 0, subprotocols=[PROTOCOL]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(*wrong, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if sys.argv[1] == "play":
    asyncio.run(asyncio.wait_for(play(*sys.argv[2:]), 30))
else:
    asyncio.run(relay(int(sys.argv[2])))

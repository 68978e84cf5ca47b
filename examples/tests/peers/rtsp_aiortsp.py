"""rtsp_aiortsp.py URL: reads twenty packets with aiortsp. Exit status 77: it is not there."""
import asyncio
import sys

try:
    from aiortsp.rtsp.reader import RTSPReader
except ImportError:
    print("no aiortsp")
    sys.exit(77)


async def read(url):
    sizes = []
    async with RTSPReader(url, timeout=10, log_level=30) as reader:
        async for packet in reader.iter_packets():
            sizes.append(len(packet.data))
            if len(sizes) == 20:
                break
    return sizes


print("sizes", *asyncio.run(asyncio.wait_for(read(sys.argv[1]), 30)))

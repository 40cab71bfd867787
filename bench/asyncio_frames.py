"""The peer of the frames row: what everyone writes first with asyncio, a loop of two `readexactly` a message.

The same dialect (two bytes of length, little-endian, then UTF-8 text; the text ``end`` closes) and the same job as
``wirespeak frames serve``: each message is sent back. Listens on loopback, on the port given as the argument.
"""

import asyncio
import sys


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readexactly(2)
            body = await reader.readexactly(int.from_bytes(head, "little"))
            if body.decode() == "end":
                break
            writer.write(head + body)
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(converse, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))

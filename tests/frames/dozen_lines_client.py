"""The whole protocol in a dozen lines, with nothing but a socket: this side asks."""

import socket
import sys


def exactly(peer, count):
    data = b""
    while len(data) < count:
        data += peer.recv(count - len(data)) or exit("cut off")
    return data


with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as peer:
    for text in sys.argv[2:]:
        message = text.encode()
        peer.sendall(len(message).to_bytes(2, "little") + message)
        if text != "end":
            print(exactly(peer, int.from_bytes(exactly(peer, 2), "little")).decode())
    print("then", peer.recv(1))

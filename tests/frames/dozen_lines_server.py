"""The whole protocol in a dozen lines, with nothing but a socket: this side answers."""

import socket


def exactly(peer, count):
    data = b""
    while len(data) < count:
        data += peer.recv(count - len(data)) or exit("cut off")
    return data


with socket.create_server(("127.0.0.1", 0)) as listening:
    print("listening on", listening.getsockname()[1], flush=True)
    peer = listening.accept()[0]
    while (text := exactly(peer, int.from_bytes(exactly(peer, 2), "little")).decode()) != "end":
        answer = text.upper().encode()
        peer.sendall(len(answer).to_bytes(2, "little") + answer)

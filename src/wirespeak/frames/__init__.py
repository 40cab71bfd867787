"""Frames: the protocol of length-prefixed strings, as server and client.

TCP carries bytes and knows no messages: what was written in one piece may be read in many, and many in one. The oldest
remedy is to say before each message how long it is. That is all there is to frames; every larger protocol holds it somewhere.

A tour, in the order in which it reads best:

================  ==============================================================================
``grammar.py``    how a length is written: fixed, as a varint, as a netstring's digits
``messages.py``   `Dialect`, `Frames`, `End`: read from bytes and written as bytes
``states.py``     what may follow what, as tables
``session.py``    a conversation, without I/O; both sides are alike
``server.py``     handlers, and how they are run
``client.py``     saying and hearing, for who awaits and for who blocks
``explain.py``    every byte of a stream, named
================  ==============================================================================

A server and a client of the classic dialect (two bytes of length, little-endian, then UTF-8 text; ``end`` closes)::

    from wirespeak.frames import BlockingClient, serve

    serve(str.upper, "localhost:7007")                  # until Ctrl-C

    with BlockingClient.connect("localhost:7007") as frames:
        print(frames.ask("hello"))

The README tells the protocol itself, rule by rule; "frames 3" in a comment or an error is its rule 3.
"""

from wirespeak.frames.client import BlockingClient, Client
from wirespeak.frames.messages import CLASSIC, DIALECTS, Dialect, End, Ending, Frames
from wirespeak.frames.server import FramesServer, Handler, echo, serve
from wirespeak.frames.session import FramesLimits, FramesSession

__all__ = [
    "CLASSIC",
    "DIALECTS",
    "BlockingClient",
    "Client",
    "Dialect",
    "End",
    "Ending",
    "Frames",
    "FramesLimits",
    "FramesServer",
    "FramesSession",
    "Handler",
    "echo",
    "serve",
]

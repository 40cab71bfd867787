"""wirespeak: the internet's classic protocols, each as client and server, from the Berkeley socket up.

A package a protocol (`wirespeak.http`, `wirespeak.frames`), the same rooms in each; below them `wirespeak.sockets`, the
only place that touches a socket; what they all share stands beside this file: the contract between a conversation and
what carries it (``contract.py``), the family of errors (``errors.py``), a buffer (``buffer.py``), the shape of an
explanation (``explanation.py``). ``docs/ARCHITECTURE.md`` shows how bytes travel through the house.
"""

__version__ = "0.1.0"

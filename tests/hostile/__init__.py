"""Bad input over real sockets, and the answer it must get.

One file a subject: ``test_http_framing.py`` (where a body ends), ``test_http_head.py`` (what a head may hold), and so on.
What a case sends is written out byte by byte; the tests speak through `wire.Wire`, a client that shares no code with ours,
and read answers with `reader`, which refuses whatever RFC 9112 does not allow.
"""

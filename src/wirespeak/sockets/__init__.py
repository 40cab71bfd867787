"""The only rooms that touch a socket, ssl or an event loop.

=================  =====================================================================================
``address.py``     host and port, IPv4, IPv6, Unix; ``kinds.py``, what kind an address or a port is;
                   ``services.py``, what a port is usually for
``tcp.py``         stream sockets: made, bound, connected, with the options that servers and clients want
``udp.py``         datagrams; ``batch.py``, many of them a system call
``tls.py``         TLS contexts with today's defaults; ``certificate.py``, certificates and their keys;
                   ``authority.py``, a certificate authority of one's own
``output.py``      what waits to be written to one socket
``aio.py``         the asyncio pump: carries the bytes of one session; ``listener.py`` accepts connections for it
``blocking.py``    the blocking pump and network; ``aio_network.py``, the network under asyncio
``network.py``     what both networks share: connecting and streams; ``race.py``, Happy Eyeballs as a machine
``memory.py``      two sessions joined in memory, with a clock that the test moves
``inplace.py``     a link without an event loop, for the two above
``tasks.py``       handlers run as tasks, blocking work in threads; ``workers.py``, several processes
=================  =====================================================================================
"""

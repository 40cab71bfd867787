"""HTTP/1.1 (RFC 9110, RFC 9112): the web's protocol, as server and client.

A tour, in the order in which it reads best:

====================  ================================================================================
``grammar.py``        the bytes: one named pattern a production
``fields.py``         header and trailer fields
``messages.py``       requests and responses as values, made of bytes and back; ``faults.py``, what is wrong
                      with a head that is none
``body.py``           where a body ends: by length, by chunks, by the end of the connection
``states.py``         what may follow what, as tables
``session.py``        the server's side of a connection, without I/O, within ``limits.py``; ``answer.py`` makes the
                      head of an answer; ``client_session.py`` is the client's side
``server.py``         handlers, and how they are run; ``guard.py`` keeps strangers' pages away from local ones
``static/``           a handler that serves a folder; ``conditional.py``, ``ranges.py``, ``coding.py``,
                      ``media.py`` hold what it stands on
``log.py``            the access log; ``counters.py``, plain numbers
``client.py``         asking others; ``exchange.py``, the conversation on one connection; ``pool.py``, connections
                      that are kept; ``urls.py``, ``redirects.py``, ``received.py``, ``download.py``
``explain.py``        every byte of a message, named
====================  ================================================================================

What most people need::

    from wirespeak.http import Request, Response, get, serve

    def hello(request: Request) -> Response:
        return Response.text(f"You asked for {request.path}\\n")

    serve(hello, "localhost:8000")                      # until Ctrl-C
    print(get("http://localhost:8000/there").text)      # meanwhile, elsewhere
"""

from wirespeak.http.client import BlockingClient, BlockingResponse, Client, ClientResponse, Timeouts, get, request
from wirespeak.http.fields import Fields
from wirespeak.http.limits import ServerLimits
from wirespeak.http.messages import Data, End, Request, Response
from wirespeak.http.server import Handler, HttpServer, Tunnel, serve
from wirespeak.http.session import ServerSession

__all__ = [
    "BlockingClient",
    "BlockingResponse",
    "Client",
    "ClientResponse",
    "Data",
    "End",
    "Fields",
    "Handler",
    "HttpServer",
    "Request",
    "Response",
    "ServerLimits",
    "ServerSession",
    "Timeouts",
    "Tunnel",
    "get",
    "request",
    "serve",
]

"""What is wrong with a head that is none, and where; of a request before it is whole, so that who types one by hand learns it at once.

Pure: touches nothing outside.
"""

from __future__ import annotations

from wirespeak.errors import RemoteProtocolError
from wirespeak.http.fields import field_line
from wirespeak.http.grammar import BARE_CR, BARE_LF, TCHAR_BYTES, TOKEN_ONLY

__all__ = ["fault_of_beginning", "fault_of_incomplete", "located", "no_method", "request_line_fault", "too_long"]


def fault_of_incomplete(head: bytes) -> RemoteProtocolError | None:
    """The fault in the beginning of a head, if any is plain already: a line that ends in a bare LF never becomes right."""
    # Counting costs next to nothing, so a head that comes byte by byte may be looked at anew with each.
    ended = head.count(b"\r\n")
    if head.count(b"\n") != ended:
        fault, name = BARE_LF.search(head), "line feed with no carriage return before it"
    elif head.count(b"\r") - head.endswith(b"\r") != ended:
        fault, name = BARE_CR.search(head), "carriage return with no line feed behind it"
    else:
        return None
    assert fault is not None
    return RemoteProtocolError(f"a {name}; lines end in CRLF", code=400, offset=fault.start(), clause="RFC 9112 2.2")


def fault_of_beginning(head: bytes, line_limit: int, *, empty_line: bool) -> RemoteProtocolError | None:
    """The fault in the beginning of a request, if any is plain already.

    Its line may have ``line_limit`` bytes; an ``empty_line`` may come before it.
    """
    if len(head) > line_limit and not 0 <= head.find(b"\r\n", 2) <= line_limit:
        return too_long(line_limit)
    if fault := fault_of_incomplete(head):
        return fault
    if head[:1] not in TCHAR_BYTES and not (empty_line and head[:2] == b"\r\n"[: len(head)]):
        return no_method()
    return None


def no_method() -> RemoteProtocolError:
    """The request begins with something else than a method."""
    return RemoteProtocolError("no method at the start of the request", code=400, offset=0, clause="RFC 9112 3.1")


def too_long(limit: int) -> RemoteProtocolError:
    """The request line has more than ``limit`` bytes."""
    return RemoteProtocolError(f"a request line of more than {limit:,} bytes", code=414, clause="RFC 9110 15.5.15")


def request_line_fault(line: str) -> RemoteProtocolError:
    """Say what is wrong with a request line that does not match."""
    token = TOKEN_ONLY.match(line)
    if token is None:
        return no_method()
    parts = line.split(" ")
    if len(parts) == 3 and not parts[2].startswith("HTTP/"):
        return RemoteProtocolError(
            f"{parts[2][:20]!r} where the version was expected, as in HTTP/1.1",
            code=400,
            offset=len(line) - len(parts[2]),
            clause="RFC 9112 2.3",
        )
    return RemoteProtocolError(
        f"{line[:60]!r} is no request line: METHOD SP target SP HTTP/1.1", code=400, offset=token.end(), clause="RFC 9112 3"
    )


def located(error: RemoteProtocolError, head: bytes) -> RemoteProtocolError:
    """The error with its offset counted from the start of the head, where one field line of it is at fault."""
    if error.clause not in ("RFC 9112 5", "RFC 9112 5.1", "RFC 9112 5.2", "RFC 9110 5.1", "RFC 9110 5.5"):
        return error
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    start = len(first) + 2
    for line in lines:
        try:
            field_line(line)
        except RemoteProtocolError as fault:
            if "\n" in line or "\r" in line:
                return fault_of_incomplete(head) or fault
            fault.offset = start + (fault.offset or 0)
            return fault
        start += len(line) + 2
    return error

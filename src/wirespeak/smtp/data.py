"""The mail's own bytes on their way (RFC 5321 4.1.1.4, 4.5.2; RFC 3030): what stands between DATA and the lone dot.

    "Hello\\r\\n..hidden\\r\\n.\\r\\n"   on the wire: a line that begins with a dot has got a second one, a dot alone ends it
    "Hello\\r\\n.hidden\\r\\n"           the mail

`DotReader` takes that apart and `Writer` puts it together, both in pieces as they come. BDAT counts its bytes, and needs
neither. `Content` looks at what a mail consists of, however it came: only CRLF may end a line (RFC 5321 2.3.8), and that
is what keeps two mails from being made of one, or one of two, by who reads line ends in another way (CVE-2023-51764).

All searching is done inside C builtins, a piece at a time. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.errors import RemoteProtocolError

__all__ = ["Content", "DotReader", "Writer"]

END: Final = b".\r\n"
"""RFC 5321 4.1.1.4: what ends the mail, where a line begins."""

# A line that begins with a dot. (A pattern is searched for twice as fast as bytes are: it looks for the rare CR first.)
DOT_LINE: Final = re.compile(rb"\r\n\.")

LINE_END: Final = re.compile(rb"\r\n|\r|\n")

# RFC 5321 4.4: each server that a mail passes puts such a line into its header.
RECEIVED: Final = re.compile(rb"\r\nreceived:", re.IGNORECASE)
HALF_RECEIVED: Final = len(b"\r\nreceived:") - 1


class DotReader:
    """Takes what comes behind DATA apart: gives out the mail, and tells where it ends."""

    __slots__ = ("_at_line_start", "_held")

    def __init__(self) -> None:
        self._at_line_start = True
        self._held = b""  # the end of the piece before, where it may have been half of the mail's end

    def read(self, piece: bytes) -> tuple[bytes, bytes | None]:
        """The mail that is in ``piece``, dots unstuffed (RFC 5321 4.5.2), and what stands behind its end; None while it goes on."""
        if self._held:
            piece = self._held + piece
            self._held = b""
        start = 0
        if self._at_line_start and piece.startswith(b"."):
            if piece.startswith(END):
                return b"", piece[len(END) :]
            if END.startswith(piece):
                self._held = piece
                return b"", None
            start = 1
        dot = DOT_LINE.search(piece, start)
        if dot is not None:
            end = dot.end() - 1
            if piece.startswith(END, end):  # most often the first line with a dot is the last of all
                return piece[start:end], piece[end + len(END) :]
            end = piece.find(b"\r\n.\r\n", end) + 2
            if end >= 2:
                return piece[start:end].replace(b"\r\n.", b"\r\n"), piece[end + len(END) :]
        kept = 2 if piece.endswith(b"\r\n.\r") else 1 if piece.endswith((b"\r\n.", b"\r")) else 0
        if kept:
            self._held = piece[-kept:]
        text = piece[start : len(piece) - kept]
        if text:
            self._at_line_start = text.endswith(b"\r\n")
        return text if dot is None else text.replace(b"\r\n.", b"\r\n"), None


class Content:
    """What is known of a mail that is coming: how long it is, and what is wrong with it.

    ``most``: bytes that it may have; ``text_line``: bytes that a line of it may have; ``hops``: Received lines from which on
    it is refused; 0 each for any number. ``binary``: it has no lines (BODY=BINARYMIME, RFC 3030 3).
    """

    __slots__ = (
        "_binary",
        "_continues",
        "_ends_in_cr",
        "_header",
        "_hops",
        "_line",
        "_long_line",
        "_most",
        "_most_hops",
        "_text_line",
        "bare",
        "size",
    )

    def __init__(self, most: int, text_line: int, hops: int, *, binary: bool = False) -> None:
        self._most = most
        self._most_hops = hops
        self._text_line = text_line
        self._binary = binary
        self._continues = False
        self.size = 0
        self.bare = False
        """A CR or LF was in it that was no part of a CRLF: what comes behind can't be trusted either."""
        self._ends_in_cr = False
        self._line = 0  # bytes of the line that has not ended yet
        self._long_line = False
        self._header: bytes | None = b"\r\n"  # the end of what came of it, as if a line had ended before; None: it is over
        self._hops = 0

    def add(self, piece: bytes) -> None:
        """Look at the next ``piece`` of the mail."""
        if not self.size:
            self._continues = piece.startswith((b" ", b"\t"))
        self.size += len(piece)
        if not self._binary and piece:
            self._check_lines(piece)
        if self._header is not None:
            self._count_hops(piece)

    def end(self) -> None:
        """The mail is whole."""
        self.bare = self.bare or self._ends_in_cr

    @property
    def fault(self) -> RemoteProtocolError | None:
        """Why the mail can't be taken, with the reply it gets; None where nothing is wrong so far."""
        if self.bare:
            return RemoteProtocolError("a CR or LF that is no part of a CRLF", code=550, enhanced="5.6.11", clause="RFC 5321 2.3.8")
        if self._most and self.size > self._most:
            return RemoteProtocolError(f"a mail of more than {self._most:,} bytes", code=552, enhanced="5.3.4", clause="RFC 1870 6.3")
        if self._most_hops and self._hops >= self._most_hops:
            why = f"{self._most_hops} servers have passed this mail on: it goes round in a loop"
            return RemoteProtocolError(why, code=554, enhanced="5.4.6", clause="RFC 5321 6.3")
        if self._continues:
            why = "a first line that would continue the header field that we put in front of it"
            return RemoteProtocolError(why, code=550, enhanced="5.6.0", clause="RFC 5322 2.2.3")
        if self._long_line:
            why = f"a line of more than {self._text_line:,} bytes"
            return RemoteProtocolError(why, code=550, enhanced="5.6.0", clause="RFC 5321 4.5.3.1.6")
        return None

    def _check_lines(self, piece: bytes) -> None:
        """RFC 5321 2.3.8: what ends a line is CR and LF, and neither of them is anywhere else; 4.5.3.1.6: how long it may be."""
        sizes = [*map(len, piece.splitlines())]  # these are ended by LF, CR or both
        ended = len(sizes) - (not piece.endswith((b"\n", b"\r")))
        ends = len(piece) - sum(sizes)
        if self._ends_in_cr:
            if piece.startswith(b"\n"):
                ends += 1
            else:
                self.bare = True
        self._ends_in_cr = piece.endswith(b"\r")
        if ends + self._ends_in_cr != 2 * ended:
            self.bare = True
        if self._text_line and not self._long_line:
            if self._line + max(sizes) + 2 > self._text_line:
                self._measure(piece)  # perhaps
            else:
                self._line = 0 if piece.endswith(b"\n") else sizes[-1] + self._ends_in_cr + (self._line if len(sizes) == 1 else 0)

    def _measure(self, piece: bytes) -> None:
        """Look for a line that is too long, in strides as long as a line may be: each must reach the end of one."""
        start, size = -self._line, len(piece)
        while size - start > self._text_line:
            end = piece.rfind(b"\n", max(start, 0), max(start + self._text_line, 0))
            if end < 0:
                self._long_line = True
                return
            start = end + 1
        end = piece.rfind(b"\n", max(start, 0))
        self._line = size - (end + 1) if end >= 0 else size - start

    def _count_hops(self, piece: bytes) -> None:
        assert self._header is not None
        header = self._header + piece
        end = header.find(b"\r\n\r\n")
        self._hops += len(RECEIVED.findall(header, 0, len(header) if end < 0 else end))
        self._header = header[-HALF_RECEIVED:] if end < 0 else None


class Writer:
    """Makes of a mail what is said behind DATA: every line ends in CRLF, a dot at the beginning of a line is doubled.

    Without ``stuffing`` it only puts line ends right, as BDAT wants them of text (RFC 3030 2). A lone CR or LF in the mail
    given counts as the end of a line: no server may take it for one that we did not mean (RFC 5321 2.3.8).
    """

    __slots__ = ("_at_line_start", "_kept", "_stuffing")

    def __init__(self, *, stuffing: bool = True) -> None:
        self._stuffing = stuffing
        self._at_line_start = True
        self._kept = False  # a CR at the end of the piece before: perhaps half of a CRLF

    def add(self, piece: bytes) -> bytes:
        """The next ``piece`` of the mail, as it is to be sent."""
        if self._kept:
            piece = b"\r" + piece
            self._kept = False
        if piece.endswith(b"\r"):
            piece = piece[:-1]
            self._kept = True
        return self._written(piece)

    def end(self) -> bytes:
        """What is left to be sent once the mail is whole."""
        said = self._written(b"\r\n") if self._kept or not self._at_line_start else b""
        self._kept = False
        return said + b".\r\n" if self._stuffing else said

    def _written(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        lines = piece.count(b"\r\n")
        if piece.count(b"\n") != lines or piece.count(b"\r") != lines:
            piece = LINE_END.sub(b"\r\n", piece)
        if self._stuffing:
            starts = self._at_line_start and piece.startswith(b".")
            piece = piece.replace(b"\r\n.", b"\r\n..")
            if starts:
                piece = b"." + piece
        self._at_line_start = piece.endswith(b"\r\n")
        return piece

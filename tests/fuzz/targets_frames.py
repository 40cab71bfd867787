"""Fuzz target: frames in every dialect. Any bytes, in any pieces: no exception, the same messages, and an explanation that agrees."""

from __future__ import annotations

from typing import Any

from wirespeak.explanation import tiles
from wirespeak.frames import DIALECTS, Dialect, End, Ending, Frames, FramesSession
from wirespeak.frames.explain import explain

EVERY = [
    Dialect(dialect.length, text, limit=300, end=end)
    for dialect in DIALECTS.values()
    for text in (True, False)
    for end in Ending
    if not (dialect.length == "netstring" and end is Ending.MARK)
]


def fuzz_frames(data: bytes) -> None:
    """The first byte chooses the dialect, the second where the rest is split."""
    if len(data) < 3:
        return
    dialect, split, stream = EVERY[data[0] % len(EVERY)], data[1], data[2:]
    messages, faults = heard(dialect, stream)
    assert heard(dialect, stream[:split], stream[split:]) == (messages, faults), "split elsewhere, the same bytes were heard otherwise"
    assert len(faults) <= 1, "one fault ends a conversation"
    assert stream.startswith(dialect.encode(messages)), "what was heard is not what would be said"
    parts = explain(stream, dialect)
    assert tiles(parts, stream), "the explanation leaves bytes out, or tells them twice"
    cut_off = "the stream ended inside" in str(faults)
    assert (parts[-1].kind == "missing") == cut_off, "the explanation and the session disagree on what is missing"
    assert (parts[-1].kind == "malformed") == (bool(faults) and not cut_off and "no end mark" not in str(faults)), (
        "they disagree on a fault"
    )


def heard(dialect: Dialect, *pieces: bytes) -> tuple[list[Any], list[str]]:
    """The messages and the faults of a stream that comes in ``pieces`` and then ends."""
    session = FramesSession(lambda: None, dialect)
    messages: list[Any] = []
    faults: list[str] = []
    for piece in (*pieces, None):
        events = session.receive_eof(0.0) if piece is None else session.receive(piece, 0.0)
        while events:
            for event in events:
                if isinstance(event, Frames):
                    messages += event.messages
                    session.consumed(event.size)
                elif not isinstance(event, End):
                    faults.append(str(event))
            events = session.receive(b"", 0.0)
    return messages, faults

"""Fuzzing: every parser fed with what nobody would send.

A *target* is a function ``fuzz_NAME(data: bytes)`` in a file ``targets_*.py`` here: it gives ``data`` to a parser and asserts
what must hold for any bytes at all. Its docstring tells how ``data`` is read. ``SEEDS``, where the file has it, names for
each target a few inputs to begin with (``{"NAME": [b"…"]}``).

    python -m tests.fuzz --seconds 20                   20 seconds in all
    python -m tests.fuzz --seconds 600 --each           ten minutes for each target
    python -m tests.fuzz --seconds 60 --target chunks   one target
    python -m tests.fuzz --target chunks --input FILE   one input: what a finding says to reproduce it

With atheris (the extra "fuzz") the search is led by coverage; without it, inputs are varied at random (`engine`). What is
found becomes an ordinary test.
"""

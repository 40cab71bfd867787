"""The program that hostile visitors are given: it tells what it was given itself, as lines of JSON on its terminal.

python tests/hostile/telnet_witness.py lines FILE    tells its arguments and environment, then each line; notes them in FILE
python tests/hostile/telnet_witness.py flood         writes bytes 255 for ever
python tests/hostile/telnet_witness.py deaf          reads nothing
"""

from __future__ import annotations

import json
import os
import sys
import time
import tty
from pathlib import Path


def main(arguments: list[str]) -> None:
    mode = arguments[0]
    if mode == "flood":
        tty.setraw(1)
        while True:
            os.write(1, b"\xff" * 65536)
    if mode == "deaf":
        tty.setraw(0)
        print("READY {}", end="\r\n", flush=True)
        while True:
            time.sleep(60)
    note = Path(arguments[1])
    size = os.get_terminal_size()
    told = {"arguments": arguments, "environment": dict(os.environ), "columns": size.columns, "rows": size.lines}
    print(f"READY {json.dumps(told)}", flush=True)
    while line := os.read(0, 65536):
        with note.open("ab") as file:
            file.write(line)
        print(f"LINE {json.dumps(line.decode('latin-1'))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

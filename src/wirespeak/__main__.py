"""``python -m wirespeak``: the same as the command ``wirespeak``."""

from wirespeak.cli import main

if __name__ == "__main__":
    main()

"""``python -m lrbook`` is the command ``lrbook``."""

from lrbook.cli import entry

if __name__ == "__main__":
    entry()

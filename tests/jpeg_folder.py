"""Where the JPEG copy of CIFAR-10 lies, for tests that need it."""

import os
from pathlib import Path

import pytest

from lrbook.vision.identity import display_name, identify

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "data", ROOT.parent / "shared" / "data")


def folder():
    """LRBOOK_DATA, else where `make data` puts it; the test is skipped where there is none."""
    named = os.environ.get("LRBOOK_DATA")
    for place in (named,) if named else [place / "cifar10-jpeg" for place in PLACES]:
        if Path(place).is_dir():
            assert display_name(identify(str(place))) == "CIFAR-10 (JPEG copy)"
            return Path(place)
    pytest.skip("no JPEG copy of CIFAR-10, as make data makes it; LRBOOK_DATA may name its folder")

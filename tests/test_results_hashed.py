"""The records that the book shows: whoever changes one by hand is found out."""

import hashlib
import json

import pytest
from conftest import ROOT

RECORDS = sorted((ROOT / "results").glob("*/record.json"))
SWEEPS = sorted((ROOT / "results" / "sweeps").glob("*/sweep.json"))


@pytest.mark.parametrize("paths", [RECORDS, SWEEPS], ids=["records", "sweeps"])
def test_each_has_the_hash_of_its_content(paths):
    """Not left to ``records verify``, which lets an older record without a hash pass."""
    assert paths
    without, others = [], []
    for path in paths:
        content = json.loads(path.read_bytes())
        named = content.pop("sha256", None)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        if named is None:
            without.append(path.parent.name)
        elif named != hashlib.sha256(text.encode("ascii")).hexdigest():
            others.append(path.parent.name)
    assert without == [], "write each anew through lrbook.record.hashed, once it is known as sound"
    assert others == [], "changed after they were written: restore them"


def test_each_file_is_laid_out_as_it_is_written():
    """So that a record written anew differs from the old one only in what is other there."""
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        assert text == json.dumps(content, indent=1) + "\n", path
        assert list(content)[-1] == "sha256", path

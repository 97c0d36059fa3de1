"""The benchmark compares loops that do the same, and writes what it promises."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

TINY = {"d": 6, "n": 40, "m_w": 4, "m_v": 200}
KEYS = {"name", "ours", "peer", "ratio", "unit", "hardware", "versions"}


@pytest.fixture
def toy(monkeypatch):
    """The module ``benchmarks/toy.py``."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import torch
    import toy

    threads = torch.get_num_threads()
    yield toy
    torch.set_num_threads(threads)  # the benchmark takes one; other tests' numbers depend on it
    for name in ("toy", "peers", "harness"):
        sys.modules.pop(name, None)


def test_all_loops_take_the_same_steps(toy):
    toy.check(toy.make_config("laptop", **TINY))


@pytest.mark.parametrize("wrong", ["eta", "lam_w", "lam_v", "tau_w", "tau_v", "W", "V", "y"])
def test_a_loop_that_does_something_else_is_refused(toy, monkeypatch, wrong):
    name = "NumPy on three rays, as many fresh normals"
    right = toy.PEERS[name]

    def make(task):
        return right(task._replace(**{wrong: getattr(task, wrong) * 2}))

    monkeypatch.setattr(toy, "PEERS", {name: make})
    with pytest.raises(SystemExit, match=name):
        toy.check(toy.make_config("laptop", **TINY))


def test_rows_in_a_table_and_a_file(toy, tmp_path):
    import harness

    rows = toy.rows("laptop", rounds=1, seconds=0.0, **TINY)
    file = tmp_path / "new" / "bench.json"
    harness.write(rows, file)
    found = json.loads(file.read_text())
    assert len(found) == len(toy.PEERS) + 3
    for row, line in zip(found, harness.table(rows).splitlines()[1:], strict=True):
        assert set(row) == KEYS
        assert row["ratio"] == pytest.approx(row["ours"] / row["peer"])
        assert row["unit"] in ("steps/s", "us")
        assert "core" in row["hardware"]
        assert {"numpy", "jax", "torch"} <= set(row["versions"])
        assert line.startswith(row["name"])


def test_the_script_says_what_it_offers():
    script = [sys.executable, ROOT / "benchmarks" / "run.py", "--help"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--settings" in done.stdout

"""The benchmark compares loops that do the same, and writes what it promises."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

TINY = {"d": 6, "n": 40, "m_w": 4, "m_v": 200}
KEYS = {"name", "ours", "peer", "unit", "hardware", "rounds"}


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
    harness.keep(rows, file)
    kept = json.loads(file.read_text())
    found = kept["rows"]
    assert {"numpy", "jax", "torch"} <= set(kept["provenance"]["versions"])
    assert len(found) == len(toy.PEERS) + 3
    for row, line in zip(found, harness.table(rows).splitlines()[1:], strict=True):
        assert set(row) == KEYS
        assert float(line.split()[-2]) == pytest.approx(row["ours"] / row["peer"], rel=1e-2)
        assert row["unit"] in ("steps/s", "us")
        assert "core" in row["hardware"]
        assert line.startswith(row["name"])


def test_the_toy_is_not_timed_beside_a_card():
    script = [sys.executable, ROOT / "benchmarks" / "run.py", "--device", "cuda"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--only vision" in done.stderr


def test_the_script_says_what_it_offers():
    script = [sys.executable, ROOT / "benchmarks" / "run.py", "--help"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"--settings", "--authors", "--only"} <= set(done.stdout.replace("[", " ").split())


@pytest.fixture
def demo(monkeypatch):
    """The module ``benchmarks/demo.py``."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import demo

    yield demo
    for name in ("demo", "harness"):
        sys.modules.pop(name, None)


def test_many_seeds_beside_what_the_device_can_do(demo, monkeypatch):
    monkeypatch.setattr(demo, "roof", lambda device: (1000.0, 50.0, 64))
    small = TINY | {"steps": 300, "steps_ls": 300, "anneal": 100, "test_points": 50}
    all_, products, moved = demo.rows(2, "cpu", **small)
    assert [row.unit for row in (all_, products, moved)] == ["s", "GFLOP/s", "GB/s"]
    assert all_.ours > 0 < all_.peer
    assert all_.name == "demo, 2 seeds of both arms: 1,200 steps, beside as many one by one"
    # 4 runs of 300 steps: W (4 x 6) meets the examples with a P part once there and once back
    n_p = 40 - demo.ToyConfig.for_profile("demo", arm="S", seed=0, **small).counts[2]
    assert products.ours * all_.ours * 1e9 == pytest.approx(1200 * 2 * 2 * 4 * 6 * n_p)
    weights = 4 * 6 + 2 * 200
    assert moved.ours * all_.ours * 1e9 == pytest.approx(1200 * 4 * (6 * n_p + 2 * weights))
    assert (products.peer, moved.peer) == (1000.0, 50.0)
    assert moved.name.endswith("beside a copy of 64 MiB")


def test_a_copy_moves_twice_its_size(demo, monkeypatch):
    import jax

    monkeypatch.setattr(demo, "_shortest", lambda call, x, rounds: 2.0)
    gemm, copy, size = demo.roof(jax.devices("cpu")[0], size=512)
    assert gemm == pytest.approx(2 * 512**3 / 2 / 1e9)
    assert (copy, size) == (pytest.approx(2 * 4 * 512**2 / 2 / 1e9), 1)


def test_a_row_says_which_device_it_was_measured_on(toy, tmp_path):
    import harness

    rows = [harness.Row("one", 1.0, 2.0, "s"), harness.Row("two", 1.0, 2.0, "s", "a card")]
    harness.keep(rows, tmp_path / "bench.json")
    first, second = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert "core" in first["hardware"]
    assert second["hardware"] == "a card"

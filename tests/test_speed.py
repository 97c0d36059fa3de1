"""Benchmarks that are kept: what the page on speed shows of them is what was measured."""

import json
import re

import pytest
from conftest import ROOT

from lrbook import speed
from lrbook.errors import RecordError


@pytest.fixture
def harness(monkeypatch):
    """The module ``benchmarks/harness.py``."""
    import sys

    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import harness

    yield harness
    sys.modules.pop("harness")


def in_milliseconds(seconds):
    return 1000 * seconds


def test_a_row_is_compared_round_by_round(harness):
    row = harness.compared(
        "two", [0.002, 0.001, 0.004], [0.004, 0.004, 0.004], "ms", in_milliseconds
    )
    assert (row.ours, row.peer, row.ratio) == pytest.approx((2, 4, 0.5))
    assert row.rounds == pytest.approx((0.5, 0.25, 1.0))


def test_what_is_kept_is_what_is_read(harness, tmp_path):
    rows = [
        harness.compared("steps", [0.5, 0.25, 0.1], [1.0, 1.0, 1.0], "steps/s", lambda s: 1 / s),
        harness.Row("memory", 30.0, 20.0, "MiB", "a card"),
    ]
    harness.keep(rows, tmp_path / "benchmarks" / "toy-here.json")
    [found] = speed.kept(tmp_path)
    assert found.name == "toy-here"
    assert found.provenance["versions"]["jax"]
    first, second = found.rows
    assert first.rounds == pytest.approx((2, 4, 10))
    assert (first.ours, first.peer, first.ratio) == pytest.approx((4, 1, 4))
    assert "core" in first.hardware
    assert second == speed.Row("memory", 30.0, 20.0, "MiB", "a card", ())


@pytest.mark.parametrize(
    ("can", "words"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, "WIDE, bf16 in matrix units (AMX)"),
        ({"amx_bf16": False, "avx512_bf16": True}, "WIDE and bf16"),
        ({"amx_bf16": False, "avx512_bf16": False}, "WIDE"),
    ],
)
def test_the_hardware_says_what_computes_in_bf16(harness, monkeypatch, can, words):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: can, raising=False)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "WIDE")
    assert harness.hardware().endswith(f", {words}")


def row(ours, peer, unit, rounds=()):
    return speed.Row("one", ours, peer, unit, "a card", rounds)


@pytest.mark.parametrize(
    ("given", "ratio"),
    [
        (row(4000, 1000, "steps/s", (3.0, 5.0)), "**4** (3 to 5)"),
        (row(1000, 4000, "steps/s", (0.2, 0.3)), "0.25 (0.2 to 0.3)"),
        (row(1, 4, "s", (0.2, 0.3)), "**0.25** (0.2 to 0.3)"),
        (row(4, 1, "us", (3.0, 5.0)), "4 (3 to 5)"),
        (row(3, 1, "images/s", (2.0, 3.0, 3.456)), "**3** (2 to 3.46)"),
        (row(1.05, 1, "images/s", (0.9, 1.05, 1.06)), "1.05 (0.9 to 1.06)"),  # not in every round
        (row(0.95, 1, "us", (0.9, 0.95, 1.06)), "0.95 (0.9 to 1.06)"),
        (row(4, 1, "images/s"), "4"),  # once is not enough to tell
        (row(1, 4, "MiB"), "0.25"),
    ],
)
def test_what_is_better_in_every_round_is_bold(given, ratio):
    *_, line = speed.tables([given]).splitlines()
    assert line.split("|")[-2].strip() == ratio


def test_names_that_begin_alike_are_one_table():
    rows = [row(1, 2, "s")._replace(name=name) for name in ("a: b: c", "e: f", "a: d", "g")]
    found = [table.splitlines() for table in speed.tables(rows).split("\n\n")]
    assert [len(table) for table in found] == [4, 3, 3]
    assert [table[0].split("|")[1].strip() for table in found] == ["a", "e", "what"]
    first = [line.split("|")[1].strip() for table in found for line in table[2:]]
    assert first == ["b: c", "d", "f", "g"]


def test_numbers_have_three_digits():
    *_, line = speed.tables([row(12345.6, 0.012345, "us")]).splitlines()
    assert line == "| one | 12,300 | 0.0123 | µs | 1,000,000 |"


GOOD = {
    "provenance": {"date": "2026-11-26", "python": "3.11", "versions": {"jax": "1"}},
    "rows": [
        {"name": "a", "ours": 1, "peer": 2, "unit": "s", "hardware": "a card", "rounds": [0.5, 0.6]}
    ],
}
DAMAGED = [
    "{",
    "[]",
    '{"rows": []}',
    json.dumps(GOOD | {"provenance": {}}),
    json.dumps(GOOD | {"rows": [{}]}),
    *(
        json.dumps(GOOD | {"rows": [GOOD["rows"][0] | change]})
        for change in ({"ours": "x"}, {"peer": 0}, {"rounds": None}, {"more": 1})
    ),
]


def test_a_machine_without_torch_can_keep_a_benchmark(tmp_path):
    path = tmp_path / "benchmarks" / "toy.json"
    path.parent.mkdir()
    path.write_text(json.dumps(GOOD))
    [found] = speed.kept(tmp_path)
    assert speed.came_from(found) == (
        "*`toy`: a card; ratios of 2 rounds; jax 1, Python 3.11; 2026-11-26.*"
    )


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_benchmark_is_named(tmp_path, lrbook, damage):
    path = tmp_path / "benchmarks" / "toy.json"
    path.parent.mkdir()
    path.write_text(damage)
    with pytest.raises(RecordError, match=re.escape(str(path))):
        speed.kept(tmp_path)
    assert path.read_text() == damage
    answer = lrbook("records", "verify", "--results", tmp_path)
    assert answer.code == 2
    assert answer.out == "0 records, 1 benchmarks, 1 damaged\n"
    assert str(path) in answer.err


def test_a_page_without_a_benchmark_says_so(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(speed, "recordings_dir", lambda: tmp_path)
    monkeypatch.setattr(speed.style, "say", said.append)
    speed.show("toy")
    assert said == ["**Not measured yet**: no such benchmark is kept."]


def test_the_books_benchmarks_can_be_read():
    found = speed.kept(ROOT / "results")
    for each in found:
        assert each.rows
        assert "commit" in speed.came_from(each)
        assert all(row.ours > 0 and row.peer > 0 and row.hardware for row in each.rows)
    text = (ROOT / "book/speed.md").read_text()
    starts = re.findall(r'speed\.show\("(\w+)"\)', text)
    assert all(each.name.startswith(tuple(starts)) for each in found), "one is on no page"
    assert not any("/" in word for each in found for word in each.provenance["argv"])
    names = [each.name for each in found]
    assert all(any(name.startswith(start) for name in names) for start in starts)


@pytest.mark.parametrize(
    ("ours", "peer", "wanted"),
    [
        (50, 999, "| 50 | 999 | µs |"),
        (8e4, 9e4, "| 80 | 90 | ms |"),
        (5e5, 3e7, "| 0.5 | 30 | s |"),
    ],
)
def test_many_microseconds_are_milliseconds_or_seconds(ours, peer, wanted):
    row = speed.Row("a step: part", ours, peer, "us", "here", ())
    assert wanted in speed.tables([row])


def of_the_paper_s_network(name):
    """Rows of a kept benchmark, by what follows the network's name."""
    [found] = [each for each in speed.kept() if each.name == name]
    return {each.name.removeprefix("WRN-16-10, batch 128"): each for each in found.rows}


def test_what_the_page_says_of_bf16_on_a_processor_is_measured():
    rows = of_the_paper_s_network("vision-cpu-bf16")
    assert "bf16" in rows[", a step: convolutions"].hardware
    convolutions = rows[", a step: convolutions"].ratio
    assert 0.7 < convolutions < 0.75
    assert rows[": training, best convolution or GEMM"].ratio / convolutions < 0.5
    vectors = of_the_paper_s_network("vision-cpu-bf16-vectors")
    best = [each[": training, best convolution or GEMM"] for each in (rows, vectors)]
    assert best[0].peer > 3 * best[1].peer
    assert "AMX" not in best[1].hardware  # which a processor's words tell since
    in_vectors = vectors[", a step: convolutions"].ratio
    assert round(in_vectors, 1) == 0.9
    assert best[1].ratio / in_vectors > 0.8
    assert best[1].ratio == pytest.approx(3 / 4, abs=0.02)


def test_peak_memory_on_the_card_is_kept_with_our_graphs_in_it():
    rows = of_the_paper_s_network("vision-gpu-memory")
    assert len(rows) == 3
    for name, row in rows.items():
        assert name.startswith(": peak memory on the card, ")
        assert (row.unit, row.hardware) == ("MiB", "NVIDIA H200")
        assert row.ratio < 1


def test_what_the_page_says_of_the_h200_is_measured():
    """Its sentences on a training step: waiting, convolutions, and what they alone would allow."""
    rows = of_the_paper_s_network("vision-gpu")
    assert {each.hardware for each in rows.values()} == {"NVIDIA H200"}
    assert not any("memory" in name for name in rows)  # which is in a table of its own
    parts = [each for name, each in rows.items() if name.startswith(", a step: ")]
    convolutions, norms, rest = (each.ratio for each in parts)
    assert 0 < 1 - convolutions - norms - rest < 0.05
    assert 2 / 3 < convolutions < 0.75
    assert norms > 2 * rest
    of_the_best = rows[": training, best convolution or GEMM"].ratio
    assert 0.5 < of_the_best / convolutions < 2 / 3
    beside_theirs = rows[": training, the authors' step, batches ready"].ratio
    assert 3.5 < beside_theirs / convolutions < 4.5

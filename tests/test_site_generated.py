"""Pages that are generated from records, recordings and the list of chapters."""

import dataclasses
import json
import struct

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from lrbook import book, card, cite, home, paper_and_ours, recordings, reproduce, sweeps
from lrbook.chapters import contents
from lrbook.errors import ConfigError
from lrbook.record import Record


def run(arm, seed, **result):
    origin = {
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789",
        "device": "a device",
        "data": "some images",
        "python": "3.11",
        "versions": {"torch": "2", "numpy": "1", "jax": "0"},
    }
    table = pd.DataFrame({"epoch": [1], "clean": [1.0]})
    config = {"arm": arm, "seed": seed}
    return Record("x", "patch", config, "finished", origin, result, None, 60.0, table=table)


TOLD = {"large": {"clean": 87.6}, "noise": {"clean": 81.0}, "small": {"clean": 69.1}}


def test_the_papers_numbers_stand_beside_ours(monkeypatch):
    ours = [
        run(a, s, clean=c + s)
        for a, c in (("large", 70), ("noise", 69), ("small", 71))
        for s in (0, 2, 4)
    ]
    monkeypatch.setattr(recordings, "load", lambda name: ours if name == "small-scale" else [])
    frame = paper_and_ours.side_by_side(TOLD, ("papers", "small-scale"), ("clean",))
    assert frame.columns.tolist()[2:] == [
        "ours, the paper's scale",
        "ours, smaller: some images, 3 seeds",
    ]
    assert set(frame.iloc[:, 2]) == {"not recorded"}
    rows = {row[0]: (row[1], row[3].replace("\N{NO-BREAK SPACE}", " ")) for row in frame.to_numpy()}
    # seeds 0, 2 and 4: mean c + 2, half-width 4.303 * 2 / sqrt(3)
    assert rows["clean, large"] == ("87.60", "72.0 ± 5.0")
    assert rows["clean, large − noise"] == ("6.60", "1.0 ± 0.0 (3 paired seeds)")
    assert rows["clean, large − small"] == ("18.50", "-1.0 ± 0.0 (3 paired seeds)")
    said = paper_and_ours.agreement(TOLD, ours, ("clean",), "in ours").splitlines()
    assert said[0].endswith("in ours it is ahead of it: the same order.")
    assert said[1].endswith("in ours it is behind it: **the opposite order**.")
    alone = [found for found in ours if found.config["arm"] != "noise"]  # no pair, no line
    assert paper_and_ours.agreement(TOLD, alone, ("clean",), "in ours") == said[1]
    single = [found for found in alone if found.config["seed"] == 0]
    said = paper_and_ours.agreement(TOLD, single, ("clean",), "in ours")
    assert said.endswith("ahead of small; in ours it is so in 0 of 1 seed so far: open.")
    two = [run("large", 0, clean=71), run("small", 0, clean=71.5)]
    two += [run("large", 2, clean=75), run("small", 2, clean=71)]
    said = paper_and_ours.agreement(TOLD, two, ("clean",), "in ours")
    assert said.endswith("ahead of small; in ours it is so in 1 of 2 seeds so far: open.")


def test_an_arm_that_is_missing_at_the_papers_size_is_not_recorded(monkeypatch):
    ours = [run("large", 0, clean=83.0), run("small", 0, clean=67.0)]
    monkeypatch.setattr(recordings, "load", lambda name: ours)
    frame = paper_and_ours.side_by_side(TOLD, ("papers", "papers"), ("clean",))
    assert frame.columns[2] == "ours, the paper's scale: some images, 1 seed"
    rows = {row[0]: row[2] for row in frame.to_numpy()}
    assert rows["clean, large"] == "83.0"
    assert rows["clean, noise"] == rows["clean, large − noise"] == "not recorded"
    assert rows["clean, large − small"] == "16.0 (1 paired seed)"
    ours += [run("noise", 1, clean=80.0), run("small", 2, clean=66.0)]
    frame = paper_and_ours.side_by_side(TOLD, ("papers", "papers"), ("clean",))
    assert frame.columns[2] == "ours, the paper's scale: some images, up to 2 seeds"
    rows = {row[0]: row[2] for row in frame.to_numpy()}
    assert (rows["clean, noise"], rows["clean, large − noise"]) == ("80.0", "not recorded")
    assert rows["clean, small"] == "67.0, 66.0"  # two are listed


def test_a_recording_says_what_is_there_and_how_to_make_the_rest():
    plan = recordings.Recording(
        "a-name", "what it is", "patch", "mini", ("large",), (3, 4), data=reproduce.JPEG_COPY
    )
    some = reproduce.Entry(plan, 2, [run("large", 3)])
    said = reproduce.described(some)
    assert said.startswith("`a-name`\n: What it is. *experiment patch, profile mini; arms large; ")
    there = "a device; torch 2, numpy 1, Python 3.11; 60 seconds; 2026-01-02"
    assert f"**1 missing**: 1 of 2 runs are recorded ({there})" in said
    assert "  lrbook record --only a-name --run --data FOLDER\n" in said
    swept = dataclasses.replace(
        plan, settings={"m_v": 512}, grid={"r": [0.1, 0.25]}, points=[{"d": 50}, {"d": 100, "n": 9}]
    )
    said = reproduce.described(reproduce.Entry(swept, 16, []))
    assert "; `m_v` = 512; `r` over 0.1, 0.25; points that differ in `d`, `n`; arms large" in said
    none = reproduce.Entry(plan, 2, [])
    assert "**not recorded**: none of 2 runs." in reproduce.described(none)
    assert reproduce.summary([some, none]) == (
        "0 of 2 recordings are complete: 1 runs, 60 seconds in all. 3 runs are missing."
    )


def test_recordings_are_found_in_a_results_folder(tmp_path):
    from lrbook.sweeps import table

    plan = recordings.read(only="sweep-narrow")
    assert reproduce.entries(plan, tmp_path)[0].runs == []
    table.write(sweeps.folder_of("sweep-narrow", tmp_path), [run("S", 11)])
    [entry] = reproduce.entries(plan, tmp_path)
    assert entry.wanted == len(plan[0].configs())
    assert len(entry.runs) == 1
    plan = recordings.read(only="toy-laptop")
    assert len(reproduce.entries(plan, ROOT / "results")[0].runs) == 20
    assert reproduce.entries(plan, tmp_path)[0].runs == []


def test_the_commands_of_the_page_are_understood():
    from lrbook import cli

    for recording in recordings.read():
        told = reproduce.command(recording)
        assert ("--data" in told) == (recording.data is not None)
        words = told.replace(" --data FOLDER", "").split()  # which is for --run
        assert cli.main([*words[1:4], *words[5:]]) == 0  # without --run it lists the state


def test_citation():
    cff = cite.citation()
    text = cite.as_text(cff)
    assert text[0].startswith("The lrbook developers. lrbook: ")
    assert text[1].startswith("Yuanzhi Li, Colin Wei and Tengyu Ma. Towards Explaining")
    assert text[1].endswith("2019. arXiv:1907.04595")
    bib = cite.as_bibtex(cff)
    assert "@software{lrbook,\n  author = {{The lrbook developers}}," in bib
    assert "  author = {Li, Yuanzhi and Wei, Colin and Ma, Tengyu},\n" in bib
    assert bib.count("{") == bib.count("}")
    assert "  url = {https://" in bib


def test_contents_follow_the_table_of_contents(tmp_path):
    (tmp_path / "book").mkdir()
    toc = (
        "parts:\n- caption: One\n  chapters: [{file: book/b}, {file: book/a}, {file: book/page}]\n"
    )
    (tmp_path / "_toc.yml").write_text(toc)
    for name in "ab":
        first = {"source": [f"# Title {name}\n", "\n", "*Why\n", f"{name}?*\n", "\n", "Text"]}
        (tmp_path / "book" / f"{name}.ipynb").write_text(json.dumps({"cells": [first]}))
    assert contents.contents(tmp_path) == [
        ("One", "b", "Title b", "Why b?"),
        ("One", "a", "Title a", "Why a?"),
    ]
    (tmp_path / "book" / "a.ipynb").write_text(json.dumps({"cells": [{"source": ["# Title\n"]}]}))
    with pytest.raises(ConfigError, match=r"a\.ipynb does not begin"):
        contents.contents(tmp_path)


def test_who_is_ahead_is_said_from_the_numbers():
    assert home._leader([2, 2]).startswith("the **large** rate is ahead by 2.0")
    assert home._leader([-2, -2.5]).startswith("neither is clearly ahead")
    assert home._leader([-2, -2]).startswith("the **small** rate is ahead by 2.0")
    assert home._leader([-2]).startswith("neither")  # one pair has no interval


def test_the_first_pages_picture_shows_the_means_and_the_drop():
    runs = home.puzzle_runs()
    [axes] = home.picture(runs).axes
    drop = runs[0].config["drop"] - 0.5
    lines = {line.get_color(): line for line in axes.get_lines()}
    assert any(set(line.get_xdata()) == {drop} for line in lines.values())
    large = [run.history.clean for run in runs if run.config["arm"] == "large"]
    last = lines[home.style.ARM_COLORS["large"]].get_ydata()[-1]
    assert last == pytest.approx(sum(h.iloc[-1] for h in large) / len(large))


def test_the_card_has_the_size_it_says():
    data = card.png()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == card.SIZE
    assert len(data) < 300_000


def test_a_run_made_again_is_compared_accuracy_by_accuracy():
    columns = ("train_accuracy", "clean", "mixed", "patch_only")
    one = dataclasses.replace(
        run("large", 3), table=pd.DataFrame({name: [10.0, 100 / 3] for name in columns})
    )
    kept = one.history.astype(np.float32)  # as a sweep keeps it
    said = reproduce.repeated_words(dataclasses.replace(one, table=kept), one)
    assert said.startswith(
        "The arm large, seed 3, was run twice (a device, 2026-01-02, commit 0123"
    )
    assert said.endswith("Of its 8 accuracies, **8** came out the same.")
    kept.loc[1, "mixed"] += 0.05
    said = reproduce.repeated_words(one, dataclasses.replace(one, table=kept))
    assert said.endswith("Of its 8 accuracies, **7** came out the same.")
    with pytest.raises(ValueError, match="shorter"):
        reproduce.repeated_words(one, dataclasses.replace(one, table=kept[:1]))


def test_the_run_that_was_repeated_came_out_the_same():
    [first] = [
        each
        for each in sweeps.recorded("what-if-base").records
        if (each.config["arm"], each.config["seed"]) == ("large", 5)
    ]
    [again] = book.recorded("what-if-base-again")
    assert again.run_id == first.run_id
    assert again.provenance["commit"] != first.provenance["commit"]
    for name in ("train_loss", "train_accuracy", "clean", "mixed", "patch_only"):
        np.testing.assert_array_equal(
            first.history[name].to_numpy(np.float32), again.history[name].to_numpy(np.float32)
        )
    assert "Of its 64 accuracies, **64** came" in reproduce.repeated_words(first, again)

"""Sweeps that are cut off, killed or damaged: nothing lost, and what is wrong told by name."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from tiny_sweep import SHORT, swept_into

from lrbook import sweeps
from lrbook.errors import RecordError, UserError
from lrbook.sweeps import store, table


@pytest.fixture
def swept(tmp_path):
    return swept_into(tmp_path / "sweep")


def test_a_broken_off_sweep_keeps_what_was_finished(tmp_path, monkeypatch):
    arguments = {"grid": {"r": [0.1, 0.2]}, "seeds": [1], "folder": tmp_path / "s", **SHORT}
    whole = sweeps.run("toy", "smoke", **(arguments | {"folder": tmp_path / "other"}))
    plain, finished = sweeps.SweepStore.finish, []

    def finish(store, config, *rest, **named):
        if len(finished) == 2:
            raise KeyboardInterrupt
        finished.append(plain(store, config, *rest, **named))
        return finished[-1]

    monkeypatch.setattr("lrbook.toy.experiment.available_cores", lambda: 1)
    with monkeypatch.context() as patched:
        patched.setattr(sweeps.SweepStore, "finish", finish)
        with pytest.raises(KeyboardInterrupt):
            sweeps.run("toy", "smoke", **arguments)
    assert len(list((tmp_path / "s" / "parts").iterdir())) == 2
    with pytest.raises(LookupError):
        sweeps.load(tmp_path / "s")
    again = sweeps.run("toy", "smoke", **arguments)
    times = ["wall_s"]
    pd.testing.assert_frame_equal(again.runs.drop(columns=times), whole.runs.drop(columns=times))
    for one, other in zip(again.records, whole.records, strict=True):
        pd.testing.assert_frame_equal(one.history, other.history)
    kept = {record.run_id for record in finished}
    assert {r.run_id: r.wall_s for r in again.records if r.run_id in kept} == {
        r.run_id: r.wall_s for r in finished
    }


def test_the_remedy_for_a_missing_sweep_names_the_results_folder(tmp_path, monkeypatch):
    """``record`` puts sweeps into a folder of their own there by itself."""
    monkeypatch.setenv("LRBOOK_RECORDINGS", str(tmp_path))
    with pytest.raises(LookupError) as caught:
        sweeps.recorded("phase-rate-r")
    remedy = f"lrbook record --run --only phase-rate-r --results {tmp_path}"
    assert str(caught.value).endswith(remedy)
    with pytest.raises(LookupError) as caught:
        sweeps.load(tmp_path / "mine")  # no recording of the book's
    assert "record" not in str(caught.value)
    assert isinstance(caught.value, UserError)  # as all that the user can put right


KILLED = """
import sys
from lrbook import sweeps
short = dict(steps=8_000, steps_ls=8_000, anneal=20, test_points=50, progress=False)
sweeps.run("toy", "smoke", grid=dict(r=[0.1, 0.2, 0.3]), seeds=[1], folder=sys.argv[1], **short)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("own_compilations")
def test_a_killed_sweep_goes_on_with_the_runs_that_are_missing(tmp_path):
    folder = tmp_path / "s"
    process = subprocess.Popen([sys.executable, "-c", KILLED, folder])
    deadline = time.monotonic() + 120
    while not (kept := list((folder / "parts").glob("*.json"))):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = {path.stem for path in kept}
    with pytest.raises(LookupError):
        sweeps.load(folder)
    subprocess.run([sys.executable, "-c", KILLED, folder], check=True)
    whole = sweeps.load(folder)
    assert kept < set(whole.runs.run_id)
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "unbroken"], check=True)
    unbroken = sweeps.load(tmp_path / "unbroken")
    for one, other in zip(whole.records, unbroken.records, strict=True):
        pd.testing.assert_frame_equal(one.history, other.history)
        assert one.result == other.result


@pytest.mark.parametrize(("left", "stays"), [(".toy-0.json.7.tmp", False), ("notes.txt", True)])
def test_what_else_lies_among_the_parts_does_no_harm(tmp_path, left, stays):
    """A temporary file is what a process leaves that is killed while it writes a part."""
    folder = tmp_path / "s"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / left).write_bytes(b"{")
    found = sweeps.run("toy", "smoke", seeds=[1], arms=["S"], folder=folder, **SHORT)
    assert len(found.records) == 1
    assert (folder / "parts").exists() == stays


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_sweep_cut_off_while_it_is_extended_is_whole(swept, monkeypatch, at):
    """Killed before the new table, between table and sweep.json, and before the table has moved."""
    folder, sweep = swept
    more = {"grid": {"r": [0.1, 0.2, 0.3]}, "seeds": [1], "folder": folder, **SHORT}

    class Killed(BaseException):
        pass

    plain, calls = table.write_atomically, []

    def write(path, data):
        if len(calls) == at:
            raise Killed
        calls.append(path.name)
        plain(path, data)

    def replace(path, target):
        raise Killed

    with monkeypatch.context() as patched:
        if at < 2:
            patched.setattr(table, "write_atomically", write)
        else:
            patched.setattr(Path, "replace", replace)
            patched.setattr(table, "write_atomically", lambda path, data: path.write_bytes(data))
            patched.setattr(store, "write_atomically", lambda path, data: path.write_bytes(data))
        with pytest.raises(Killed):
            sweeps.run("toy", "smoke", **more)
    assert len(list((folder / "parts").glob("*.json"))) == 2  # not before the table is whole
    found = sweeps.load(folder)
    assert len(found.records) == (6 if at == 2 else 4)
    pd.testing.assert_frame_equal(found.records[0].history, sweep.records[0].history)
    done = sweeps.run("toy", "smoke", **more)
    assert len(done.records) == len(sweeps.load(folder).records) == 6
    if at < 2:
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["histories.parquet", "sweep.json"]


def test_a_sweep_cut_off_twice_while_it_is_sealed_is_whole(swept, monkeypatch):
    """Killed before the new table has moved, and in the next call before the next sweep.json."""
    folder, sweep = swept

    class Killed(BaseException):
        pass

    replace, write = Path.replace, table.write_atomically

    def not_moved(path, target):
        if path.name == table.WAITING:
            raise Killed
        return replace(path, target)

    def not_named(path, data):
        if path.name == "sweep.json":
            raise Killed
        write(path, data)

    for count, where, name, broken in (
        (3, Path, "replace", not_moved),
        (2, table, "write_atomically", not_named),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(where, name, broken)
            with pytest.raises(Killed):
                table.write(folder, sweep.records[:count])
        found = sweeps.load(folder)
        assert [r.run_id for r in found.records] == [r.run_id for r in sweep.records[:3]]
    pd.testing.assert_frame_equal(found.records[2].history, sweep.records[2].history)
    table.write(folder, sweep.records)
    assert len(sweeps.load(folder).records) == 4


def test_parts_that_go_into_the_table_while_they_are_read(swept, monkeypatch):
    """Another process seals the sweep between our list of the parts and our reading of them."""
    folder, _ = swept
    configs = sweeps.expand("toy", "smoke", grid={"r": [0.1, 0.2]}, seeds=[1], **SHORT)
    plain, looks = Path.glob, []

    def glob(path, pattern):
        looks.append(pattern)
        if len(looks) == 1:
            return [path / "toy-000000000000.json"]
        return plain(path, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    found = sweeps.SweepStore(folder, configs)
    found.read()
    assert len(found.known) == 4


def test_damage_is_reported_by_name(swept):
    folder, _ = swept
    table = folder / "histories.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    with pytest.raises(RecordError, match=r"sweep\.json is damaged"):
        sweeps.load(folder)
    table.write_bytes(whole)
    text = (folder / "sweep.json").read_text()
    (folder / "sweep.json").write_text(text[: len(text) // 2])
    with pytest.raises(RecordError, match="damaged"):
        sweeps.load(folder)


def changed(path: Path, name: str, value: str) -> None:
    """Another value, as short as the first, for the first ``name`` in a JSON file."""
    text, count = re.subn(rf'("{name}": )[^,}}]+', rf"\g<1>{value}", path.read_text(), count=1)
    assert count == 1
    json.loads(text)
    path.write_text(text)


def without_hash(path: Path) -> dict:
    """A file of an older lrbook, which has no hash of its own."""
    found = json.loads(path.read_text())
    del found["sha256"]
    path.write_text(json.dumps(found))
    return found


@pytest.mark.parametrize("name", ["wall_s", "p_only_train_accuracy", "eta1"])
def test_a_changed_number_is_damage(swept, name):
    """It is JSON as before, and the table beside it is whole: the hash of the whole file tells."""
    folder, _ = swept
    changed(folder / "sweep.json", name, "0.25")
    with pytest.raises(RecordError, match=r"sweep\.json is damaged .*SHA-256"):
        sweeps.load(folder)


def test_a_sweep_of_an_older_lrbook_is_read(swept):
    folder, sweep = swept
    path = folder.parent / "sweeps" / "s" / "sweep.json"  # as in a results folder
    path.parent.parent.mkdir()
    folder.rename(path.parent)
    found = without_hash(path)
    assert sweeps.load(path.parent).records == sweep.records
    assert sweeps.problems(folder.parent) == (1, [])
    for name, value in (("r", 0.15), ("steps", 41)):  # one that is swept, and one in common
        place = found["runs"][0]["set"] if name in found["runs"][0]["set"] else found["common"]
        before, place[name] = place[name], value
        path.write_text(json.dumps(found))
        place[name] = before
        _, [said, *_] = sweeps.problems(folder.parent)
        assert f"{path} holds the configuration of run" in said


def part_of_a_sweep(folder: Path) -> Path:
    """The path of a part of a sweep that is yet to be sealed."""
    [config] = sweeps.expand("toy", "smoke", grid={"r": [0.1]}, seeds=[1], arms=["S"], **SHORT)
    [record] = sweeps.run("toy", "smoke", grid={"r": [0.1]}, seeds=[1], arms=["S"], **SHORT).records
    unsealed = sweeps.SweepStore(folder, [config])
    unsealed.check_writable()
    store._write_part(unsealed.parts / f"{config.run_id}.json", record)
    return unsealed.parts / f"{config.run_id}.json"


def test_a_damaged_part_is_reported_by_name(tmp_path):
    path = part_of_a_sweep(tmp_path / "s")
    whole = path.read_text()
    wanted = {"grid": {"r": [0.1]}, "seeds": [1], "arms": ["S"], "folder": tmp_path / "s", **SHORT}
    for damage in ("{", "[]", None):
        if damage:
            path.write_text(damage)
        else:
            path.write_text(whole)
            changed(path, "wall_s", "0.25")
        with pytest.raises(RecordError, match=rf"{path.stem}\.json is damaged"):
            sweeps.run("toy", "smoke", **wanted)
        assert path.exists()  # it is not written over
    path.write_text(whole)
    without_hash(path)
    assert len(sweeps.run("toy", "smoke", **wanted).records) == 1


def test_damage_is_found_by_verify(swept, lrbook, tmp_path):
    folder, _ = swept
    (tmp_path / "results" / "sweeps").mkdir(parents=True)
    folder.rename(tmp_path / "results" / "sweeps" / "s")
    answer = lrbook("records", "verify", "--results", tmp_path / "results")
    assert (answer.code, answer.out.strip()) == (0, "0 records, 1 sweeps, 0 damaged")
    (tmp_path / "results" / "sweeps" / "s" / "histories.parquet").write_bytes(b"")
    answer = lrbook("records", "verify", "--results", tmp_path / "results")
    assert answer.code == 2
    assert "sweep.json is damaged" in answer.err

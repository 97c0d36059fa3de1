"""The index of many records: it gives what they say, and is never believed against one."""

import dataclasses
import json
import os
import time

import made_up
import pandas as pd
import pytest

from lrbook.errors import RecordError
from lrbook.record import fingerprint
from lrbook.records import Store
from lrbook.study import index
from lrbook.toy.config import ToyConfig


def folders(store: Store, seeds) -> list[ToyConfig]:
    configs = ToyConfig.expand("smoke", seeds=seeds, arms=["S"])
    for config in configs:
        made_up.finished(store, config, 0.5 + config.seed / 1000)
    return configs


def test_the_index_gives_what_the_records_say(tmp_path):
    store = Store(tmp_path)
    configs = folders(store, range(4))
    ids = [config.run_id for config in configs]
    for _ in range(2):  # made, then used
        found = index.records(tmp_path, ids[:3])
        assert set(found) == set(ids[:3])
        for config in configs[:3]:
            fresh, record = store.load(config), found[config.run_id]
            assert dataclasses.asdict(record) == dataclasses.asdict(fresh)
            pd.testing.assert_frame_equal(record.history, fresh.history)
    assert set(index.records(tmp_path)) == set(ids)
    assert index.records(tmp_path / "nowhere") == {}


def test_a_record_older_than_a_field_is_completed_from_the_index_too(tmp_path):
    [config] = folders(Store(tmp_path), [0])
    path = tmp_path / config.run_id / "record.json"
    fields = json.loads(path.read_text())
    assert fields["config"].pop("momentum") == 0
    del fields["sha256"]  # which is younger
    path.write_text(json.dumps(fields))
    for _ in range(2):  # made, then used
        found = index.records(tmp_path)[config.run_id]
        assert found.config == config.model_dump(mode="json")


def test_the_index_is_used_and_never_believed_against_a_record(tmp_path, monkeypatch):
    store = Store(tmp_path)
    one, two = folders(store, range(2))
    ids = [one.run_id, two.run_id]
    index.records(tmp_path, ids)
    opened = []
    plain = index.read_record
    monkeypatch.setattr(index, "read_record", lambda p: opened.append(p.name) or plain(p))
    assert index.records(tmp_path, ids)[one.run_id].result["p_only_accuracy"] == 0.5
    assert opened == []

    store.forget(one)
    made_up.finished(store, one, 0.75)
    assert index.records(tmp_path, ids)[one.run_id].result["p_only_accuracy"] == 0.75
    assert opened == [one.run_id]

    store.forget(one)
    assert set(index.records(tmp_path, ids)) == {two.run_id}

    path = tmp_path / two.run_id / "record.json"
    path.write_text(path.read_text()[:-9])
    with pytest.raises(RecordError, match=f"{two.run_id}/record.json is damaged"):
        index.records(tmp_path, ids)


@pytest.mark.parametrize("accuracy", [0.7, 0.75], ids=["same size", "same time"])
def test_a_record_is_read_again_if_its_size_or_its_time_has_changed(tmp_path, accuracy):
    store = Store(tmp_path)
    [config] = folders(store, [0])
    path = tmp_path / config.run_id / "record.json"
    before = path.stat()
    assert index.records(tmp_path)[config.run_id].result["p_only_accuracy"] == 0.5
    store.forget(config)
    made_up.finished(store, config, accuracy)
    time_of_change = before.st_mtime_ns + (10**9 if accuracy == 0.7 else 0)
    os.utime(path, ns=(before.st_atime_ns, time_of_change))
    assert (path.stat().st_size == before.st_size) == (accuracy == 0.7)
    assert index.records(tmp_path)[config.run_id].result["p_only_accuracy"] == accuracy


def test_a_file_among_the_runs_is_no_run(tmp_path):
    [config] = folders(Store(tmp_path), [0])
    (tmp_path / "notes.txt").write_text("of mine")
    for _ in range(2):  # the index made, then used
        assert set(index.records(tmp_path)) == {config.run_id}


def test_looking_for_some_leaves_the_others_in_the_index(tmp_path, monkeypatch):
    store = Store(tmp_path)
    ids = [config.run_id for config in folders(store, range(3))]
    index.records(tmp_path, ids[:2])
    index.records(tmp_path, ids[2:])  # the index is written again
    monkeypatch.setattr(index, "read_record", None)  # nothing may be opened
    assert set(index.records(tmp_path)) == set(ids)


@pytest.mark.parametrize("content", [b"", b"PAR1", None], ids=["empty", "cut", "other table"])
def test_a_broken_index_is_made_anew(tmp_path, content):
    [config] = folders(Store(tmp_path), [0])
    index.records(tmp_path)
    whole = (tmp_path / index.NAME).read_bytes()
    if content is None:
        pd.DataFrame({"a": [1]}).to_parquet(tmp_path / index.NAME)
    else:
        (tmp_path / index.NAME).write_bytes(content)
    assert set(index.records(tmp_path)) == {config.run_id}
    assert (tmp_path / index.NAME).read_bytes() == whole


def test_ten_thousand_records_load_from_the_index_in_seconds(tmp_path):
    store = Store(tmp_path)
    [config] = folders(store, [0])
    folder = tmp_path / config.run_id
    fields = json.loads((folder / "record.json").read_text())
    del fields["run_id"], fields["sha256"]
    rows = []
    for number in range(10_000):
        name = f"toy-{number:012d}"
        (tmp_path / name).mkdir()
        path = tmp_path / name / "record.json"
        named = {"run_id": name} | fields
        path.write_text(json.dumps(named | {"sha256": fingerprint(named)}))
        status = path.stat()
        rows.append((name, status.st_size, status.st_mtime_ns, path.read_text()))
    index._write(tmp_path / index.NAME, rows)
    start = time.process_time()
    found = index.records(tmp_path, [row[0] for row in rows])
    spent = time.process_time() - start
    assert len(found) == 10_000
    assert found["toy-000000000042"].run_id == "toy-000000000042"
    assert spent < 3  # about 0.6 s

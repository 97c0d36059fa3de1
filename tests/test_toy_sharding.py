"""Batches: every run once, the memory kept, and the same numbers on two devices as on one."""

import itertools
import json
import math
import os
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbook.keeper import Unstored
from lrbook.toy import experiment, sharding, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.progress import Progress


class Device:
    """A device that says how much memory it has."""

    def __init__(self, memory):
        self.memory = memory

    def memory_stats(self):
        return {"bytes_limit": self.memory}


def runs(lengths, sizes):
    return [
        Progress(ToyConfig.for_profile("smoke", arm="S", seed=i, steps=steps, m_v=m_v))
        for i, (steps, m_v) in enumerate(zip(lengths, sizes, strict=True))
    ]


@given(
    lengths=st.lists(st.sampled_from([10, 20]), min_size=1, max_size=12),
    wide=st.lists(st.booleans(), min_size=12, max_size=12),
    devices=st.integers(1, 3),
    fit=st.integers(1, 4),
    vectorised=st.booleans(),
)
def test_every_run_is_in_one_batch_of_its_shape_that_fits(lengths, wide, devices, fit, vectorised):
    todo = runs(lengths, [64 if w else 32 for w in wide[: len(lengths)]])
    memory = max(sharding.bytes_of_run(run.config) for run in todo) * fit / sharding.MEMORY_SHARE
    hosts = [Device(memory) for _ in range(devices)]
    shared = sharding.batches(todo, hosts, vectorised=vectorised)
    seen = [run.config.seed for batch, _ in shared for run in batch]
    assert sorted(seen) == list(range(len(todo)))
    steps = [run.config.steps for batch, _ in shared for run in batch]
    assert vectorised or steps == sorted(steps, reverse=True)
    for batch, device in shared:
        assert device in hosts
        assert len({sharding.shape_of(run.config) for run in batch}) == 1
        if vectorised:
            bytes_of_batch = sum(sharding.bytes_of_run(run.config) for run in batch)
            assert bytes_of_batch <= sharding.MEMORY_SHARE * memory * (1 + 1e-9)
        assert vectorised or len(batch) == 1


def test_all_devices_get_work():
    hosts = [Device(math.inf), Device(math.inf)]
    shared = sharding.batches(runs([10] * 6, [64] * 6), hosts, vectorised=True)
    assert [len(batch) for batch, _ in shared] == [3, 3]
    assert {device for _, device in shared} == set(hosts)


@pytest.mark.parametrize("profile", ["smoke", "demo", "mini", "laptop"])
def test_the_estimate_of_memory_is_above_what_is_stored(profile):
    config = ToyConfig.for_profile(profile, arm="S", seed=0)
    stored = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(tasks.make_problem(config)))
    assert stored < sharding.bytes_of_run(config) < 40 * stored


def test_a_card_that_is_done_is_not_kept_waiting_by_a_slow_one(monkeypatch):
    """The first batch of the first card lasts until the second card has begun all of its own."""
    cards = [Device(math.inf), Device(math.inf)]
    for card in cards:
        card.platform = "gpu"
    todo = runs([10] * 6, [64] * 6)
    shared = [([run], cards[i % 2]) for i, run in enumerate(todo)]
    monkeypatch.setattr(sharding, "batches", lambda *_, **__: shared)
    begun, all_begun, at_work, together = [], threading.Event(), set(), []

    def work(self, batch, device, failed):
        if device in at_work:
            together.append(device)
        at_work.add(device)
        if device is cards[1]:
            begun.append(batch)
            if len(begun) == 3:
                all_begun.set()
        else:
            assert all_begun.wait(20), "the second card waits for the first"
        at_work.discard(device)
        return []

    monkeypatch.setattr(experiment._Shell, "_run_together", work)
    shell = experiment._Shell(Unstored(), cards, {}, todo, progress=False)
    assert shell.run_all() == []
    assert len(begun) == 3
    assert not together


PROGRAM = """
import json, jax
from lrbook import sweeps
from lrbook.toy import experiment
short = dict(steps=60, steps_ls=60, anneal=30, test_points=50)
plain = experiment._Shell.__init__
def shell(self, *rest):
    plain(self, *rest)
    self.vectorised = {vectorised}
experiment._Shell.__init__ = shell
short |= dict(seeds=[1, 2], progress=False)
sweep = sweeps.run("toy", "smoke", grid=dict(eta1=[0.1, 0.3]), **short)
found = [[r.run_id, *r.result.values(), *map(float, r.history.loss)] for r in sweep.records]
print(json.dumps([len(jax.devices()), found]))
"""


@pytest.mark.parametrize("vectorised", [False, True])
def test_two_devices_give_the_numbers_of_one(vectorised):
    answers = []
    for count in (1, 2):
        flags = f"--xla_force_host_platform_device_count={count}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(vectorised=vectorised)],
            env=os.environ | {"XLA_FLAGS": flags},
            capture_output=True,
            text=True,
            check=True,
        )
        devices, found = json.loads(done.stdout)
        assert devices == count
        answers.append(found)
    for one, two in itertools.zip_longest(*answers):
        assert one[0] == two[0]
        if not vectorised:
            assert one == two
            continue
        # as one array of another length, XLA may add up in another order
        numbers = [[x for x in row if isinstance(x, float)] for row in (one, two)]
        np.testing.assert_allclose(*numbers, rtol=2e-4)

"""Around an epoch: readings, compilers that fail, checkpoints, sizes."""

import contextlib
import dataclasses
import time

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.records import Store
from lrbook.vision import checkpoint, devices, experiment, one_run, train
from lrbook.vision.config import PatchConfig


def test_one_reading_an_epoch(monkeypatch, tmp_path):
    """Between two checkpoints the host asks the device once for numbers."""
    sizes = {"train_size": 64, "test_size": 20, "patch_test_size": 20, "epochs": 3, "drop": 2}
    config = PatchConfig.for_profile("smoke", arm="large", seed=0, **sizes)
    read = []
    for name in ("tolist", "item", "__bool__", "__float__", "cpu", "numpy"):
        original = getattr(torch.Tensor, name)

        def spy(self, *args, original=original, name=name):
            read.append(name)
            return original(self, *args)

        monkeypatch.setattr(torch.Tensor, name, spy)
    seen = []
    epoch = train.train_epoch
    monkeypatch.setattr(train, "train_epoch", lambda *a: (seen.append(len(read)), epoch(*a))[1])
    monkeypatch.setattr(checkpoint, "pack", lambda *_: pytest.fail("packed, and not kept"))
    [record] = experiment.run([config], None, device="cpu", progress=False)
    assert read[seen[0] :] == ["tolist"] * config.epochs
    assert np.diff(seen).tolist() == [1, 1]
    assert len(record.history) == config.epochs


def test_where_the_compiler_fails_the_step_runs_plain():
    def broken(graph, inputs):
        raise OSError("no compiler found")

    task = tiny("noise")
    model = train.make_model(task.config, CPU)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert "no compiler found" in train.try_to_compile(task, model, backend=broken)
    assert model.fast is None
    assert train.try_to_compile(task, model, backend="aot_eager") == ""
    assert model.fast is not None
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name  # the trial was on a copy
    train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)


@pytest.mark.parametrize(("fail", "left"), [(0, [0]), (1, [1]), (2, [])])
def test_a_card_takes_graphs_else_a_compiled_step_else_a_plain_one(monkeypatch, fail, left):
    task = dataclasses.replace(tiny(), device=torch.device("cuda"))
    model = train.make_model(task.config, CPU)
    tried, taken = [], []

    def why_not(task, model, options):
        tried.append(options)
        return "no" * (len(tried) <= fail)

    monkeypatch.setattr(train, "_compiled", {})  # this kind has not been tried yet
    monkeypatch.setattr(train, "_why_not", why_not)
    monkeypatch.setattr(model, "compile_training", lambda batch, **way: taken.append((batch, way)))
    why = train.try_to_compile(task, model)
    graphs, compiled = train.ON_A_CARD
    assert graphs == {"mode": "reduce-overhead"}
    assert compiled == {}
    assert tried == list(train.ON_A_CARD)[: fail + 1]
    assert taken == [(task.config.batch, train.ON_A_CARD[way]) for way in left]
    assert bool(why) == (not left)


def test_before_a_forward_pass_the_gradients_are_gone(monkeypatch):
    """They lie where a replayed graph writes next."""
    task = tiny()
    model = train.make_model(task.config, CPU)
    optimizer = train.make_optimizer(model, task.config)
    forward, held = model.forward, []

    def spy(*args):
        held.append(sum(parameter.grad is not None for parameter in model.parameters()))
        return forward(*args)

    monkeypatch.setattr(model, "forward", spy)
    train.train_epoch(task, model, optimizer, 1)
    assert len(held) > 1
    assert set(held) == {0}
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_images_that_fill_no_batch_are_not_compiled_for():
    task = tiny(batch=70)
    assert len(task.train) == 70
    assert train.try_to_compile(task, train.make_model(task.config, CPU), backend="eager") == ""
    task = tiny(batch=71)
    model = train.make_model(task.config, CPU)
    assert "fewer images than a batch" in train.try_to_compile(task, model, backend="eager")
    assert model.fast is None
    torch.compiler.reset()


def test_one_program_serves_all_arms():
    """A compiler that counts what it is given: without noise and with it."""
    compiled = []

    def count(graph, inputs):
        compiled.append(graph)
        return graph.forward

    torch.compiler.reset()
    for arm in ("large", "noise"):
        task = tiny(arm)
        model = train.make_model(task.config, CPU)
        assert train.try_to_compile(task, model, backend=count) == ""
        train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
    torch.compiler.reset()
    assert len(compiled) == 1


def test_on_a_card_convolutions_are_tried_out():
    cudnn, card = torch.backends.cudnn, torch.device("cuda")
    before = cudnn.benchmark
    with devices.fastest_convolutions(card):
        assert cudnn.benchmark
    with devices.fastest_convolutions(CPU):
        assert cudnn.benchmark == before
    with pytest.raises(ValueError, match="on the way"), devices.fastest_convolutions(card):
        raise ValueError("on the way")
    assert cudnn.benchmark == before


def test_a_run_trains_within_both_settings_of_the_card(monkeypatch):
    """Else a card would convolve as it comes, or shorten fp32."""
    inside, seen, epoch = [], [], train.train_epoch

    @contextlib.contextmanager
    def within(name):
        inside.append(name)
        yield
        inside.remove(name)

    monkeypatch.setattr(devices, "whole_precision", lambda *_: within("digits"))
    monkeypatch.setattr(devices, "fastest_convolutions", lambda *_: within("ways"))
    monkeypatch.setattr(train, "train_epoch", lambda *a: (seen.append({*inside}), epoch(*a))[1])
    config = PatchConfig.for_profile("smoke", arm="large", seed=0, epochs=1, drop=1)
    [record] = experiment.run([config], None, device="cpu", progress=False)
    assert record.status == "finished"
    assert seen == [{"digits", "ways"}]
    assert inside == []


@pytest.mark.parametrize(
    "told",
    ["CUDA out of memory. Tried to allocate 2.00 GiB.", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"],
)
def test_a_compiler_without_memory_is_no_reason_to_go_on(told):
    def full(graph, inputs):
        raise RuntimeError(told)

    task = tiny()
    with pytest.raises(RuntimeError, match=told):
        train.try_to_compile(task, train.make_model(task.config, CPU), backend=full)


def test_fp32_on_a_card_is_whole_and_other_precisions_are_left_alone():
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    card = torch.device("cuda")
    try:
        for backend in backends:
            backend.allow_tf32 = True
        with devices.whole_precision("fp32", card):
            assert [backend.allow_tf32 for backend in backends] == [False, False]
        with devices.whole_precision("bf16", card):
            assert [backend.allow_tf32 for backend in backends] == [True, True]
        assert [backend.allow_tf32 for backend in backends] == [True, True]
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def test_networks_of_many_shapes_are_compiled_one_after_the_other():
    """The compiler keeps eight variants of one function, whatever network calls it."""
    torch.compiler.reset()
    for sizes in ({"batch": 32}, {"widen": 2}, {"batch": 20}, {"batch": 24}):
        task = tiny("noise", **sizes)
        model = train.make_model(task.config, CPU)
        assert train.try_to_compile(task, model, backend="eager") == ""
        losses = train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
        assert torch.isfinite(losses).all()
    torch.compiler.reset()


def test_a_dear_checkpoint_is_not_written_after_every_epoch(tmp_path, monkeypatch):
    """It takes a hundredth of the time at most; small ones are written each time."""
    sizes = {"train_size": 64, "test_size": 20, "patch_test_size": 20, "epochs": 5, "drop": 2}
    config = PatchConfig.for_profile("smoke", arm="large", seed=0, **sizes)
    saved = []

    class Slow(Store):
        def save_checkpoint(self, config, payload):
            saved.append(len(payload))
            time.sleep(0.2)

    experiment.run([config], Slow(tmp_path / "a"), device="cpu", progress=False)
    assert len(saved) == 4
    assert max(saved) < one_run.SMALL
    saved.clear()
    monkeypatch.setattr(one_run, "SMALL", 0)
    experiment.run([config], Slow(tmp_path / "b"), device="cpu", progress=False)
    assert len(saved) == 1


def test_runs_of_different_sizes_have_their_own_images():
    small = {"test_size": 20, "patch_test_size": 20, "epochs": 1, "drop": 1}
    configs = [
        PatchConfig.for_profile("smoke", arm="large", seed=0, train_size=size, **small)
        for size in (64, 96)
    ]
    together = experiment.run(configs, None, device="cpu", progress=False)
    apart = [experiment.run([config], None, device="cpu", progress=False)[0] for config in configs]
    for one, other in zip(together, apart, strict=True):
        assert one.provenance["data_fingerprint"] == other.provenance["data_fingerprint"]
        pd.testing.assert_frame_equal(one.history, other.history)

"""The plain fp32 step as the oracle: its first losses are written down, and the fast path agrees.

Written down on a CPU with PyTorch 2.15; the tolerance leaves room for other convolution kernels,
not for another order of examples, patch, rate, momentum or initial weights.
"""

import dataclasses

import numpy as np
import pytest
import torch

from lrbook.vision import devices, sources, train
from lrbook.vision.config import PatchConfig

CPU = torch.device("cpu")
GOLDEN = {
    "large": [2.28459, 2.31694, 2.25764, 2.20592, 2.26097, 2.19769],
    "small": [2.28459, 2.30874, 2.27002, 2.31530, 2.32852, 2.27879],
    "noise": [2.28185, 2.29068, 2.28591, 2.30406, 2.31702, 2.29978],
}


def smoke(arm, seed=0, precision="fp32", device=CPU, **settings):
    config = PatchConfig.for_profile("smoke", arm=arm, seed=seed, **settings)
    return train.make_task(config, sources.load("digits", 320, 100), device, precision)


def first_losses(arm, steps=6, precision="fp32", device=CPU, compiled=False):
    """Loss of each of the first steps of epoch 1."""
    losses = []
    task = smoke(arm, precision=precision, device=device)
    model = train.make_model(task.config, device)
    if compiled:
        assert train.try_to_compile(task, model) == ""
    optimizer = train.make_optimizer(model, task.config)
    heard = torch.nn.functional.cross_entropy

    def spy(*args, **options):
        loss = heard(*args, **options)
        losses.append(loss.detach())
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.F, "cross_entropy", spy)
        train.train_epoch(task, model, optimizer, 1)
    return [loss.item() for loss in losses[:steps]]


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_first_losses_are_those_written_down(arm):
    assert first_losses(arm) == pytest.approx(GOLDEN[arm], rel=2e-3)


def test_first_losses_in_bf16_are_near():
    """Also where the CPU only imitates bf16, which is slow: the paired runs below are left out."""
    assert first_losses("large", precision="bf16") == pytest.approx(GOLDEN["large"], abs=0.03)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_the_network_computes_in_its_precision_and_the_loss_in_fp32(precision, dtype, monkeypatch):
    task = smoke("noise", precision=precision, train_size=64, batch=32)
    task = dataclasses.replace(task, train=task.train[:64])
    model, given, losses = train.make_model(task.config, CPU), [], []
    model.register_forward_hook(lambda model, inputs, logits: given.append(logits.dtype))
    heard = torch.nn.functional.cross_entropy

    def spy(logits, labels, **options):
        losses.append(logits.dtype)
        return heard(logits, labels, **options)

    monkeypatch.setattr(train.F, "cross_entropy", spy)
    scaler = torch.amp.GradScaler("cpu") if precision == "fp16" else None
    tally = torch.zeros(3, 3)
    optimizer = train.make_optimizer(model, task.config)
    totals = train.train_epoch(task, model, optimizer, 1, scaler, tally)
    assert given == [dtype] * 2
    assert losses == [torch.float32] * 4  # each batch's mean, and one by one for the tally
    assert totals.dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    given.clear()
    train.predict(task, model, task.test)
    assert set(given) == {dtype}


def trained(precision, seed, device=CPU, compiled=False):
    """Train loss and clean accuracy after each of 6 epochs of the arm large."""
    task = smoke("large", seed, precision, device, epochs=6, drop=4)
    model = train.make_model(task.config, device)
    if compiled:
        assert train.try_to_compile(task, model) == ""
    optimizer = train.make_optimizer(model, task.config)
    scaler = torch.amp.GradScaler(device.type) if precision == "fp16" else None
    rows = []
    for epoch in range(1, 7):
        loss = train.train_epoch(task, model, optimizer, epoch, scaler)[0].item()
        rows.append([loss, train.evaluate(task, model, epoch)[0].item()])
    return np.array(rows)


def assert_alike(plain, fast, *, loss, accuracy):
    """Means over seeds: train loss in every epoch, clean accuracy (points) over the last two.

    Rounding moves single runs apart, as another seed does (by 0.03 in the last loss here), so what
    has to agree is the mean.
    """
    difference = np.mean(np.array(fast) - np.array(plain), axis=0)
    assert np.abs(difference[:, 0]).max() < loss
    assert abs(difference[-2:, 1].mean()) < accuracy


def test_bf16_trains_like_fp32_over_paired_seeds():
    if devices.choose_precision("auto", CPU) != "bf16":
        pytest.skip("torch does not say that this CPU computes bf16; without, it takes minutes")
    seeds = range(16)  # of four the mean can be as far off as the tolerance
    plain, fast = ([trained(precision, s) for s in seeds] for precision in ("fp32", "bf16"))
    assert_alike(plain, fast, loss=0.03, accuracy=6)


@pytest.mark.gpu
@pytest.mark.parametrize("arm", ["large", "noise"])
def test_replayed_steps_on_a_gpu_are_the_plain_ones(arm):
    """A replay sees this batch, this noise and this step's weights, not those it was recorded with.

    In fp32, so that only the order of sums differs.
    """
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    cuda = torch.device("cuda")
    with devices.whole_precision("fp32", cuda):
        plain = first_losses(arm, 8, device=cuda)
        assert np.ptp(plain) > 0.02  # batches that can be told apart
        assert first_losses(arm, 8, device=cuda, compiled=True) == pytest.approx(plain, rel=2e-3)


@pytest.mark.gpu
def test_the_gpu_path_trains_like_fp32_on_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    cuda = torch.device("cuda")
    precision = devices.choose_precision("auto", cuda)
    seeds = range(4)
    fast = [trained(precision, s, cuda, compiled=True) for s in seeds]
    # A GPU draws another order of examples, so the seeds are not paired.
    assert_alike([trained("fp32", s) for s in seeds], fast, loss=0.1, accuracy=8)

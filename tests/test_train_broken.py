"""Steps that overflow: fp16 leaves the batch out, a network that blew up has diverged."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.records import Store
from lrbook.vision import experiment, train
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig


def overflows_once(model):
    """The next gradient of the last layer is infinite, as where fp16 ends."""
    left = [1]
    model.fc.weight.register_hook(lambda grad: grad * (float("inf") if left and left.pop() else 1))


def test_a_first_step_that_overflows_is_left_out_and_leaves_no_momentum():
    """With fp16 the fused step is skipped; what follows is as if it had not been."""
    task = tiny()
    late, plain = train.make_model(task.config, CPU), train.make_model(task.config, CPU)
    for model in (late, plain):
        model.eval()  # batch norm's statistics would tell the two apart
    overflows_once(late)
    optimizer, scaler = train.make_optimizer(late, task.config), torch.amp.GradScaler("cpu")
    images, labels = train.normalise(task.train[:32], task), task.train_labels[:32]
    start = scaler.get_scale()
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(F.cross_entropy(late(images), labels)).backward()
        scaler.step(optimizer)
        scaler.update()
    assert scaler.get_scale() == start / 2
    other = torch.optim.SGD(
        plain.parameters(), lr=task.config.eta1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    for _ in range(2):
        other.zero_grad()
        F.cross_entropy(plain(images), labels).backward()
        other.step()
    for one, two in zip(late.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_an_epoch_in_fp16_leaves_out_the_batch_that_overflows_and_halves_the_scale():
    task = tiny()
    model = train.make_model(task.config, CPU)
    overflows_once(model)
    optimizer, scaler = train.make_optimizer(model, task.config), torch.amp.GradScaler("cpu")
    start, steps = scaler.get_scale(), []
    model.fc.bias.register_hook(lambda _: steps.append(model.fc.weight.detach().clone()))
    loss, _ = train.train_epoch(task, model, optimizer, 1, scaler).tolist()
    assert np.isfinite(loss)
    assert scaler.get_scale() == start / 2
    first, second, third = steps
    assert torch.equal(first, second)
    assert not torch.equal(second, third)


def infinite_statistics(model):
    model.bn.running_var[0] = float("inf")


@pytest.mark.parametrize("spoil", [overflows_once, infinite_statistics])
@pytest.mark.parametrize("experiment_config", [PatchConfig, CifarConfig])
def test_a_network_that_blows_up_in_its_very_last_step_has_diverged(
    tmp_path, monkeypatch, capsys, spoil, experiment_config
):
    """An epoch is one step here, and its loss is that of the network before it."""
    sizes = {"train_size": 32, "batch": 32, "test_size": 20, "epochs": 3, "drop": 2}
    config = experiment_config.for_profile("smoke", arm="large", seed=0, **sizes)
    plain, losses = train.train_epoch, []

    def train_epoch(task, model, optimizer, epoch, *rest):
        if epoch == 3:
            spoil(model)
        losses.append(plain(task, model, optimizer, epoch, *rest))
        return losses[-1]

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    [record] = experiment.run([config], Store(tmp_path), device="cpu", progress=False)
    assert torch.isfinite(torch.stack(losses)).all()
    assert record.status == "diverged"
    assert record.message == (
        "weights or running statistics became nan or inf in epoch 3 "
        f"at rate {record.history['rate'].iloc[-1]}"
    )
    assert f"large, seed 0: {record.message}" in capsys.readouterr().err
    assert list(record.history.epoch) == [1, 2]
    assert record.result == {}


@pytest.mark.parametrize("loss", ["inf", "nan"])
def test_a_loss_that_is_no_number_has_diverged_however_sound_the_network_is(monkeypatch, loss):
    sizes = {"train_size": 32, "batch": 32, "test_size": 20, "epochs": 3, "drop": 3}
    config = PatchConfig.for_profile("smoke", arm="large", seed=0, **sizes)
    plain = train.train_epoch

    def train_epoch(task, model, optimizer, epoch, *rest):
        found = plain(task, model, optimizer, epoch, *rest)
        return torch.tensor([float(loss), found[1]]) if epoch == 2 else found

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    [record] = experiment.run([config], None, device="cpu", progress=False)
    assert record.status == "diverged"
    assert record.message == f"the training loss became {loss} in epoch 2 at rate 0.1"
    assert list(record.history.epoch) == [1]


def test_a_network_is_finite_or_not():
    model = train.make_model(tiny().config, CPU)
    assert model.is_finite().tolist() == [1.0]
    for bad in ("nan", "inf", "-inf"):
        for value in (model.fc.bias, model.blocks[0].bn1.running_mean):
            with torch.no_grad():
                kept = value[1].item()
                value[1] = float(bad)
                assert model.is_finite().tolist() == [0.0]
                value[1] = kept
    assert model.is_finite().tolist() == [1.0]

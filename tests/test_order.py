"""The learning order inside a network, against loops over single images and plain NumPy."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.vision import order, train
from lrbook.vision.patch import draw_visit, generator
from lrbook.vision.task import Task


@pytest.fixture
def model():
    """After an epoch, so that running statistics are not those of the start."""
    task = tiny()
    network = train.make_model(task.config, CPU)
    train.train_epoch(task, network, train.make_optimizer(network, task.config), 1)
    return network


def test_kinds_are_what_the_images_show():
    task = tiny()
    batch = train.training_batch(task, torch.arange(70), generator(1, "visits"))
    draws = draw_visit(70, 0.2, 1.75, generator(1, "visits"))
    clean = train.normalise(task.train, task)
    corner = batch.images[:, :, 0, 0]
    centre = batch.images[:, :, 15, 15]
    for i in range(70):
        carries, blank = bool(task.train_carriers[i]), bool(draws.zeroed[i])
        assert batch.kinds[i] == (0 if not carries else 2 if blank else 1)
        assert torch.equal(corner[i], torch.zeros(3)) == (batch.kinds[i] == 2)
        assert torch.equal(centre[i], clean[i, :, 15, 15]) == (batch.kinds[i] == 0)
    assert set(batch.kinds.tolist()) == {0, 1, 2}


def test_plain_images_are_of_the_first_kind():
    patched = tiny()
    task = Task(**{each.name: getattr(patched, each.name) for each in dataclasses.fields(Task)})
    batch = train.training_batch(task, torch.arange(70), generator(1, "visits"))
    assert batch.kinds.tolist() == [0] * 70
    assert torch.equal(batch.images, train.normalise(task.train, task))


def test_tally_adds_up_loss_answers_and_counts_by_kind(monkeypatch):
    task = tiny()
    network = train.make_model(task.config, CPU)
    optimizer = train.make_optimizer(network, task.config)
    kinds, losses, right = [], [], []
    original, forward = train.training_batch, type(network).forward

    def spy(*args):
        batch = original(*args)
        kinds.extend(batch.kinds.tolist())
        spy.labels = batch.labels
        return batch

    def heard(self, *args):
        logits = forward(self, *args)
        for row, label in zip(logits.detach(), spy.labels, strict=True):
            losses.append(float(torch.logsumexp(row, 0) - row[label]))
            right.append(int(row.argmax()) == int(label))
        return logits

    monkeypatch.setattr(train, "training_batch", spy)
    monkeypatch.setattr(type(network), "forward", heard)
    tally = torch.zeros(3, 3)
    train.train_epoch(task, network, optimizer, 1, None, tally)
    for kind in range(3):
        chosen = np.array(kinds) == kind
        wanted = [np.sum(np.array(losses)[chosen]), np.sum(np.array(right)[chosen]), chosen.sum()]
        assert tally[kind].tolist() == pytest.approx(wanted, rel=1e-4)
    assert tally[:, 2].sum() == 70


def test_watching_changes_nothing(model):
    """Same weights and statistics after an epoch with a tally, and after a look, as without."""
    task = tiny()
    watched = train.make_model(task.config, CPU)
    optimizer = train.make_optimizer(watched, task.config)
    tally = torch.zeros(3, 3)
    train.train_epoch(task, watched, optimizer, 1, None, tally)
    order.observe(task, watched, 1, tally)
    for name, value in model.state_dict().items():
        assert torch.equal(watched.state_dict()[name], value), name
    assert all(parameter.requires_grad for parameter in watched.parameters())


def test_gradient_shares_are_norms_of_sums_over_single_examples(model):
    task = tiny()
    batch = train.training_batch(task, torch.arange(70), generator(3, "gradient"))
    model.eval()
    sums = [torch.zeros(0)] * 3
    for image, label, kind in zip(*batch, strict=True):
        model.zero_grad()
        F.cross_entropy(model(image[None]), label[None]).backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        sums[kind] = gradient if not len(sums[kind]) else sums[kind] + gradient
    norms = np.array([float(part.norm()) for part in sums])
    found = order.gradient_shares(task, model)
    assert found.tolist() == pytest.approx(norms / norms.sum(), rel=1e-3)


def test_in_fp16_the_small_gradients_of_fitted_examples_count(model):
    """Their shares are those of fp32: a loss without scale would lose the smallest in fp16."""
    task = tiny()
    batch = train.training_batch(task, torch.arange(70), generator(3, "gradient"))
    model.eval()
    with torch.no_grad():
        logits = model(batch.images)
        best = logits.topk(2).values
        model.fc.weight.mul_(20.0 / (best[:, 0] - best[:, 1]).median())
        model.fc.bias.mul_(0.0)
        task = dataclasses.replace(task, train_labels=model(batch.images).argmax(1))
    half = dataclasses.replace(task, precision="fp16")
    wanted, found = (order.gradient_shares(each, model).tolist() for each in (task, half))
    assert found == pytest.approx(wanted, rel=0.01)


def test_a_kind_that_is_not_there_has_no_share(model):
    shares = order.gradient_shares(tiny(patch_only_share=0.0), model).tolist()
    assert shares[2] == 0
    assert sum(shares) == pytest.approx(1)


def test_wrong_patch_is_never_the_right_one(monkeypatch):
    task = tiny(z_scale=0.0, pattern=1.0)
    seen = []

    def reads_the_patch(task, model, images):
        seen.append(images)
        centre = images[:, :, 12:19, 12:19].flatten(1)
        return (centre @ task.patch.zeta.flatten(1).T).abs().argmax(1)

    monkeypatch.setattr(order, "predict", reads_the_patch)
    right, followed = order.wrong_patch(task, None, 1).tolist()
    assert (right, followed) == (0, 100)
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[12:19, 12:19] = False
    clean = train.normalise(task.test, task)
    assert torch.equal(seen[0][:, :, outside], clean[:, :, outside])
    order.wrong_patch(task, None, 2)
    assert not torch.equal(seen[0], seen[1])


def test_a_row_is_the_tally_per_example_of_its_kind_and_what_was_looked_at(monkeypatch):
    looks = {
        "gradient_shares": [0.5, 0.3, 0.2],
        "readable": [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0], [70.0, 80.0]],
    }
    looks["lengths"] = [1.5, 2.0]
    for name, values in looks.items():
        monkeypatch.setattr(order, name, lambda *_, values=values: torch.tensor(values))
    asked = []
    monkeypatch.setattr(
        order, "wrong_patch", lambda *given: asked.append(given[2]) or torch.tensor([60.0, 7.0])
    )
    anew = torch.tensor([55.0, 54.0])
    monkeypatch.setattr(order.norm_statistics, "clean_anew", lambda *_: anew)
    tally = torch.tensor([[2.0, 1, 4], [9.0, 3, 3], [0.0, 0, 0]])
    row = order.observe(tiny(), torch.nn.Identity(), 7, tally)
    assert asked == [7]
    assert row == pytest.approx(
        {
            "fitted_image": 25,
            "loss_image": 0.5,
            "fitted_both": 100,
            "loss_both": 3,
            "fitted_patch": np.nan,  # none was visited
            "loss_patch": np.nan,
            "share_image": 0.5,
            "share_both": 0.3,
            "share_patch": 0.2,
            "reads_image_0": 10,
            "reads_image_1": 20,
            "reads_patch_0": 30,
            "reads_patch_1": 40,
            "reads_covered_0": 50,
            "reads_covered_1": 60,
            "reads_clean_0": 70,
            "reads_clean_1": 80,
            "length_0": 1.5,
            "length_1": 2,
            "wrong_patch": 60,
            "wrong_patch_followed": 7,
            "clean_precise": 55,
            "clean_at_rest": 54,
        },
        nan_ok=True,
    )


def test_wrong_patches_are_at_full_strength_with_both_signs_and_of_every_other_class(monkeypatch):
    task = tiny()
    zeta = task.patch.zeta.flatten(1)
    seen = []
    monkeypatch.setattr(
        order, "predict", lambda task, model, x: seen.append(x) or torch.zeros(len(x))
    )
    for epoch in range(1, 8):
        order.wrong_patch(task, None, epoch)
    rest = (torch.cat(seen)[:, :, 12:19, 12:19] - task.patch.z).flatten(1)
    amounts = rest @ zeta.T / zeta.square().sum(1)
    classes = (rest[:, None] - amounts[..., None] * zeta).norm(dim=2).argmin(1)
    factors = amounts.gather(1, classes[:, None])[:, 0]
    assert factors.abs().tolist() == pytest.approx([1.0] * 210, abs=1e-4)
    assert (factors > 0).float().mean() == pytest.approx(0.5, abs=0.15)
    steps = (classes - task.test_labels.repeat(7)) % 10
    assert set(steps.tolist()) == set(range(1, 10))

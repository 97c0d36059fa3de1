"""What linear readers make of a network's places, against least squares and made-up networks."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.vision import order, train


@pytest.mark.parametrize("alike", [0, 50])  # features all but the same: the penalty decides
def test_ridge_is_least_squares_with_its_penalty(alike):
    rng = np.random.default_rng(0)
    x, others = (rng.normal(2, 3, (n, 5)) + alike * rng.normal(size=(n, 1)) for n in (60, 40))
    y = rng.integers(10, size=60)
    scaled, scaled_others = ((a - x.mean(0)) / x.std(0, ddof=1) for a in (x, others))
    onehot = np.eye(10)[y]
    # The penalty as rows of data: 60 * 1e-3 * |w|^2 is the squared length of sqrt(60 * 1e-3) w.
    rows = np.vstack([scaled, np.sqrt(60 * 1e-3) * np.eye(5)])
    targets = np.vstack([onehot - onehot.mean(0), np.zeros((5, 10))])
    weights, *_ = np.linalg.lstsq(rows, targets, rcond=None)
    wanted = (scaled_others @ weights + onehot.mean(0)).argmax(1)
    found = order.ridge(torch.tensor(x), torch.tensor(y), torch.tensor(others))
    assert found.tolist() == wanted.tolist()


def test_ridge_reads_features_however_small():
    """Their own spread is the unit, so that the penalty weighs as much on the smallest ones."""
    labels = (torch.arange(40) % 4 == 0).long()
    features = 1e-5 * labels[:, None].double()
    assert torch.equal(order.ridge(features, labels, features), labels)
    assert torch.equal(order.ridge(0 * features, labels, features), torch.zeros_like(labels))


class Reads(torch.nn.Module):
    """A network whose places give the label of the picture, and of the patch, one-hot."""

    def __init__(self, shown, carried):
        super().__init__()
        self.shown, self.carried = shown, carried

    def read_by_blocks(self, x):
        return [F.one_hot(f(x), 10).float() for f in (self.shown, self.carried)]


def of_greys(**settings):
    """A task with pictures of one grey each, by class, and what tells the class from a corner."""
    task = tiny(**settings)
    grey = (20 * torch.arange(10)).view(10, 1, 1, 1).expand(10, 3, 32, 32).to(torch.uint8)
    labels = torch.arange(200) % 10
    task = dataclasses.replace(
        task, train=grey[labels], train_labels=labels, test=grey[labels], test_labels=labels
    )
    levels = train.normalise(grey, task)[:, 0, 0, 0]
    return task, lambda x: (x[:, 0, 0, 0, None] - levels).abs().argmin(1)


def test_readers_find_picture_and_patch_where_they_are():
    """The picture is told from its grey; the patch is told from its distance to every zeta."""
    task, shown = of_greys(z_scale=0.0, pattern=1.0)

    def carried(x):
        centre = x[:, :, 12:19, 12:19].flatten(1)
        return (centre @ task.patch.zeta.flatten(1).T).abs().argmax(1)

    image, patch, *_ = order.readable(task, Reads(shown, carried)).tolist()
    assert image[0] == 100
    assert patch[1] == 100
    assert image[1] < 40  # the patch is drawn without regard to the picture
    assert patch[0] < 40


def test_pictures_are_read_under_the_patch_under_z_and_clean():
    """Each by a network that tells the picture only where its centre is so."""
    task, shown = of_greys(pattern=1.0)

    def only(under):
        def told(x):
            centre, corner = x[:, :, 12:19, 12:19], x[:, :, :1, :1]
            kinds = {
                "z": (centre == task.patch.z).all(dim=(1, 2, 3)),
                "nothing": (centre == corner).all(dim=(1, 2, 3)),
            }
            kinds["patch"] = ~(kinds["z"] | kinds["nothing"])
            return torch.where(kinds[under], shown(x), 0)

        return told

    for row, under in {0: "patch", 2: "z", 3: "nothing"}.items():
        found = order.readable(task, Reads(only(under), only(under)))[:, 0]
        assert found[row] == 100
        assert max(found[other] for other in {0, 2, 3} - {row}) < 20


def test_readers_see_the_same_images_however_far_training_is(monkeypatch):
    task, shown = tiny(), []

    def look(task, model, images):
        shown.append(images)
        return [torch.zeros(len(images), 2)]

    monkeypatch.setattr(order, "_features", look)
    model = train.make_model(task.config, CPU)
    order.readable(task, model)
    for epoch in (1, 2):
        train.train_epoch(task, model, train.make_optimizer(model, task.config), epoch)
    order.readable(task, model)
    assert len(shown) == 12
    for first, later in zip(shown[:6], shown[6:], strict=True):
        assert torch.equal(first, later)


def test_readers_are_fitted_on_training_images_and_tried_on_test_images():
    """A class that looks like another one in the test images alone is read as the other."""
    task = tiny()
    grey = torch.tensor([0, 200], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 32, 32)
    labels = torch.arange(70) % 2
    task = dataclasses.replace(
        task,
        train=grey[labels],
        train_labels=labels,
        test=grey[torch.zeros(30, dtype=torch.long)],
        test_labels=torch.ones(30, dtype=torch.long),
    )

    def bright(x):
        return (x[:, 0, 0, 0] > 0).long()

    found = order.readable(task, Reads(bright, bright))
    assert found[0].tolist() == [0, 0]

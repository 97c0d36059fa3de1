"""What the patch's pixels give away, against the argument in the docstrings."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from lrbook.vision import probe, sources
from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images
from lrbook.vision.patch import generator, patch_of
from lrbook.vision.task import make_task


def config(**settings):
    return PatchConfig.for_profile("demo", arm="large", seed=1, **settings)


def test_linear_reader_stays_below_its_limit_and_two_neurons_do_not():
    assert probe.linear_probe(config(), 1000) <= 0.55 + 0.05  # 0.55 and sampling of the classes
    assert probe.two_neuron_reader(config(), 1000) == 1.0


def test_logistic_regression_takes_the_sign_that_came_up_more_often():
    """As patch_data says; and where both signs of a class do, it is at chance."""
    patch = patch_of(config())
    both = torch.stack([patch.z + patch.zeta, patch.z - patch.zeta]).flatten(2).numpy()  # by sign
    pixels, labels = (each.numpy() for each in probe.patch_pixels(config(), 2000, "train"))
    reader = LogisticRegression(max_iter=1000).fit(pixels, labels)
    minus = np.abs(pixels - both[1, labels]).max(1) < 1e-5
    for k in range(10):
        more = int(minus[labels == k].mean() > 0.5)
        assert reader.predict(both[[1 - more], k]) != k
    assert (reader.predict(both.reshape(20, -1)) == np.tile(range(10), 2)).mean() > 0.4
    even = np.tile(both.reshape(20, -1), (20, 1)), np.tile(range(10), 40)
    scores = LogisticRegression(max_iter=1000).fit(*even).decision_function(even[0])
    assert np.ptp(scores) < 1e-3  # no class is told from another


def test_no_linear_reader_is_right_on_both_signs_of_two_classes():
    """Random linear readers: the proof in linear_probe's docstring, tried out."""
    draw = torch.Generator().manual_seed(0)
    zeta = torch.randn((10, 147), generator=draw)
    for _ in range(200):
        w = 0.1 * torch.randn((10, 147), generator=draw) + zeta  # near-optimal for the + sign
        c = torch.randn(10, generator=draw)
        plus = (c + zeta @ w.T).argmax(1) == torch.arange(10)
        minus = (c - zeta @ w.T).argmax(1) == torch.arange(10)
        assert int((plus & minus).sum()) <= 1


def test_visits_show_what_training_sees():
    images = sources.load("digits", 50, 10)
    shown = probe.visits(config(), images, 50)
    assert shown.pictures.shape == (50, 32, 32, 3)
    assert shown.labels == images.train_labels.tolist()
    assert set(shown.kinds) == {"no patch", "image + patch", "patch only"}
    for picture, kind, original in zip(shown.pictures, shown.kinds, images.train, strict=True):
        original = original.permute(1, 2, 0).numpy() / 255
        corner = np.s_[:12, :12]
        untouched = np.allclose(picture[corner], original[corner], atol=1e-5)
        assert untouched == (kind != "patch only") or original[corner].max() == 0
        same_centre = np.allclose(picture[12:19, 12:19], original[12:19, 12:19], atol=1e-3)
        assert same_centre == (kind == "no patch")


@pytest.mark.parametrize("count", [5, 50])
def test_those_who_carry_the_patch_are_those_of_the_run(count):
    """The training images that the run marks, drawn from the stream that is named after them."""
    images = sources.load("digits", 50, 10)
    cpu = torch.device("cpu")
    for seed in (1, 2, 3):
        chosen = config().model_copy(update={"seed": seed})
        kinds = probe.visits(chosen, images, count).kinds
        shown = [kind != "no patch" for kind in kinds]
        assert shown == make_task(chosen, images, cpu).train_carriers[:count].tolist()
        drawn = torch.rand(50, generator=generator(seed, "carriers")) < chosen.carrier_share
        assert shown == drawn[:count].tolist()


def test_the_patch_shown_is_the_patch_trained_on():
    images = sources.load("digits", 50, 10)
    task = make_task(config(), images, torch.device("cpu"))
    assert torch.equal(task.patch.zeta, patch_of(config()).zeta)
    other = config(patch_size=5, z_scale=0.5, pattern=0.2)
    task = make_task(other, images, torch.device("cpu"))
    for trained, shown in zip(task.patch, patch_of(other), strict=True):
        assert torch.equal(trained, shown)


def test_pictures_of_the_patch_are_z_then_both_signs_of_two_classes():
    images = sources.load("digits", 20, 10)
    patch = patch_of(config())
    z, zeta = patch.z.numpy(), patch.zeta.numpy()
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (images.mean, images.std))
    wanted = [z, z + zeta[0], z - zeta[0], z + zeta[1], z - zeta[1]]
    found = probe.patch_pictures(patch, images)
    assert found.shape == (5, 7, 7, 3)
    for picture, centre in zip(found, wanted, strict=True):
        pixels = np.clip((centre * std + mean) / 255, 0, 1).transpose(1, 2, 0)
        np.testing.assert_allclose(picture, pixels, atol=1e-5)


def test_pictures_of_the_differences_are_around_grey_and_each_others_negative():
    images = sources.load("digits", 20, 10)
    patch = patch_of(config(pattern=0.1))
    found = probe.patch_pictures(patch, images, 5)
    std = np.array(images.std).reshape(3, 1, 1)
    wanted = [(0.5 + 5 * patch.zeta[k].numpy() * std / 255).transpose(1, 2, 0) for k in (0, 1)]
    assert (found[0] == 0.5).all()
    np.testing.assert_allclose(found[1::2], np.stack(wanted), atol=1e-6)
    np.testing.assert_allclose(found[2::2], 1 - found[1::2], atol=1e-6)
    assert found.std() > 0.05
    assert (probe.patch_pictures(patch, images, 1e6)[1:] == np.round(found[1:])).mean() > 0.99


def test_visits_are_of_each_kind_as_often_as_in_training():
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (2000, 3, 32, 32), generator=draw, dtype=torch.uint8)
    labels = torch.randint(10, (2000,), generator=draw)
    images = Images("random", pixels, labels, pixels, labels, (120.0,) * 3, (60.0,) * 3)
    shown = probe.visits(config(carrier_share=0.5, patch_only_share=0.3), images, 2000).kinds
    shares = [shown.count(kind) / 2000 for kind in ("no patch", "image + patch", "patch only")]
    assert shares == pytest.approx([0.5, 0.35, 0.15], abs=0.05)


def test_a_reader_is_tried_on_patches_that_it_was_not_fitted_on(monkeypatch):
    drawn = [probe.patch_pixels(config(), 30, stream) for stream in ("train", "test")]
    assert not torch.equal(drawn[0][1], drawn[1][1])
    labels = torch.arange(40) % 2
    pixels = torch.eye(2)[labels]
    given = {"train": (pixels, labels), "test": (pixels, 1 - labels)}
    monkeypatch.setattr(probe, "patch_pixels", lambda _, count, stream: given[stream])
    assert probe.linear_probe(config(), 40) == 0


def test_pixels_are_z_plus_or_minus_zeta():
    patch = patch_of(config())
    pixels, labels = probe.patch_pixels(config(), 30, "test")
    away = (pixels - patch.z.flatten()).view(30, *patch.z.shape)
    ratio = away / patch.zeta[labels]
    assert ratio.abs().flatten().tolist() == pytest.approx([1.0] * ratio.numel(), rel=0.02)

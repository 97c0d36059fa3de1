"""The patcher against the authors' per-image rule, written out as a plain loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.vision.config import PatchConfig
from lrbook.vision.patch import (
    apply_patch,
    draw_carriers,
    draw_patch,
    draw_visit,
    generator,
    patch_of,
)


def patch_one_image(image, label, z, zeta, sign, zeroed, scale):
    """data_util.PatchAugmentFixed.__call__ in NumPy: what happens to one carrier."""
    image = image.copy()
    if zeroed:
        image[:] = 0
        image[:, 12:19, 12:19] = z + sign * scale * zeta[label]
    else:
        image[:, 12:19, 12:19] = z + sign * zeta[label]
    return image


def test_batch_equals_loop_over_images():
    stream = generator(0, "test")
    patch = draw_patch(stream, pattern=0.2)
    images = torch.randn((64, 3, 32, 32), generator=stream)
    labels = torch.randint(10, (64,), generator=stream)
    carriers = draw_carriers(64, 0.8, stream)
    draws = draw_visit(64, 0.4, 1.75, stream)
    got = apply_patch(images, labels, carriers, patch, draws)
    for i in range(64):
        want = images[i].numpy()
        if carriers[i]:
            want = patch_one_image(
                want,
                int(labels[i]),
                patch.z.numpy(),
                patch.zeta.numpy(),
                float(draws.sign[i]),
                bool(draws.zeroed[i]),
                float(draws.scale[i]),
            )
        np.testing.assert_allclose(got[i].numpy(), want, rtol=0, atol=3e-7)
    assert carriers.any()
    assert not carriers.all()
    assert draws.zeroed.any()


def test_input_is_left_alone():
    stream = generator(0, "test")
    images = torch.ones(8, 3, 32, 32)
    everyone = torch.ones(8, dtype=torch.bool)
    patch, draws = draw_patch(stream), draw_visit(8, 0.5, 1.75, stream)
    apply_patch(images, torch.zeros(8, dtype=torch.long), everyone, patch, draws)
    assert torch.equal(images, torch.ones(8, 3, 32, 32))


def test_zeroing_wipes_even_nan():
    stream = generator(0, "test")
    patch = draw_patch(stream)
    draws = draw_visit(4, 1.0, 1.75, stream)
    images = torch.full((4, 3, 32, 32), float("nan"))
    everyone = torch.ones(4, dtype=torch.bool)
    got = apply_patch(images, torch.zeros(4, dtype=torch.long), everyone, patch, draws)
    assert torch.isfinite(got).all()
    assert (got[:, :, 0, 0] == 0).all()


@given(side=st.integers(1, 32))
@settings(max_examples=12, deadline=None)
def test_only_the_centre_changes(side):
    stream = generator(side, "test")
    patch = draw_patch(stream, size=side)
    draws = draw_visit(2, 0.0, 1.75, stream)
    images = torch.full((2, 3, 32, 32), 9.0)
    everyone = torch.ones(2, dtype=torch.bool)
    got = apply_patch(images, torch.tensor([3, 7]), everyone, patch, draws)
    changed = (got != 9.0).any(0).any(0)
    start = int(16 - side / 2)  # the authors' get_start_for_patch_loc("center", side)
    want = torch.zeros(32, 32, dtype=torch.bool)
    want[start : start + side, start : start + side] = True
    assert torch.equal(changed, want)


def test_patch_has_the_stated_law():
    patch = draw_patch(generator(1, "law"), size=32, z_scale=1.25, pattern=0.1)
    assert patch.z.shape == (3, 32, 32)
    assert patch.zeta.shape == (10, 3, 32, 32)
    n = patch.z.numel()
    assert float(patch.z.mean()) == pytest.approx(0, abs=5 * 1.25 / n**0.5)
    assert float(patch.z.std()) == pytest.approx(1.25, rel=5 / (2 * n) ** 0.5)
    assert float(patch.zeta.abs().max()) <= 0.1
    # A uniform on [-0.1, 0.1] has standard deviation 0.1 / sqrt(3).
    assert float(patch.zeta.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_visits_have_the_stated_law():
    n = 40_000
    draws = draw_visit(n, 0.2, 1.75, generator(2, "law"))
    five_sigma = 5 * (0.2 * 0.8 / n) ** 0.5
    assert float(draws.zeroed.float().mean()) == pytest.approx(0.2, abs=five_sigma)
    assert set(draws.sign.unique().tolist()) == {-1.0, 1.0}
    assert float(draws.sign.mean()) == pytest.approx(0, abs=5 / n**0.5)
    assert (draws.scale[~draws.zeroed] == 1).all()
    scale = draws.scale[draws.zeroed]
    assert 0 <= float(scale.min()) < 0.05
    assert 1.70 < float(scale.max()) <= 1.75
    assert float(scale.mean()) == pytest.approx(1.75 / 2, rel=0.03)
    # The three draws are independent of one another.
    table = torch.stack([draws.sign, draws.zeroed.float()])
    assert abs(float(torch.corrcoef(table)[0, 1])) < 5 / n**0.5


def test_shares_of_the_mixture_are_20_64_16():
    n = 40_000
    stream = generator(3, "law")
    carriers = draw_carriers(n, 0.8, stream)
    zeroed = draw_visit(n, 0.2, 1.75, stream).zeroed
    shares = [(~carriers), carriers & ~zeroed, carriers & zeroed]
    got = [float(share.float().mean()) for share in shares]
    assert got == pytest.approx([0.20, 0.64, 0.16], abs=0.012)


def test_streams_are_reproducible_and_distinct():
    def numbers(*name):
        return torch.rand(4, generator=generator(*name))

    assert torch.equal(numbers(1, "a", 2), numbers(1, "a", 2))
    others = [numbers(2, "a", 2), numbers(1, "b", 2), numbers(1, "a", 3)]
    assert not any(torch.equal(numbers(1, "a", 2), other) for other in others)


def test_a_patch_is_drawn_by_default_as_the_authors_draw_it():
    """The defaults of the function are those of the configuration, which has the authors'."""
    plain = draw_patch(generator(0, "patch"))
    assert plain.z.shape == (3, 7, 7)
    assert plain.zeta.shape == (10, 3, 7, 7)
    for mine, theirs in zip(plain, patch_of(PatchConfig(arm="large", seed=0)), strict=True):
        assert torch.equal(mine, theirs)

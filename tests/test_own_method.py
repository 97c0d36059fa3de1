"""A method of one's own in a subclass: optimiser, patch and arm."""

from typing import ClassVar

import pytest
import torch

from lrbook import book, figures, style
from lrbook.errors import ConfigError, RunError
from lrbook.records import Store
from lrbook.vision import experiment, outcome, train
from lrbook.vision.config import PatchConfig
from lrbook.vision.patch import patch_of
from lrbook.vision.sources import load
from lrbook.vision.task import make_task, training_batch

SMALL = {"epochs": 2, "drop": 2, "batch": 16, "patch_test_size": 20, "test_size": 20}


class Colors(PatchConfig):
    """Each class has a colour in a patch of 3 x 3, and Adam trains."""

    experiment: ClassVar[str] = "colors"
    arms: ClassVar = ("large", "small", "adam", "other")

    def own_optimizer(self, model):
        return torch.optim.Adam(model.parameters(), weight_decay=self.weight_decay)

    def own_patch(self, draws):
        zeta = torch.rand((10, 3, 1, 1), generator=draws).expand(10, 3, 3, 3)
        return torch.zeros(3, 3, 3), zeta


def expand(*arms, **settings):
    return Colors.expand("smoke", arms=list(arms), seeds=[0], train_size=48, **SMALL, **settings)


def test_the_optimizer_is_the_subclasss_and_resumes_to_the_same_numbers(tmp_path):
    [config] = expand("adam")
    model = train.make_model(config, torch.device("cpu"))
    assert type(train.make_optimizer(model, config)) is torch.optim.Adam
    plain = PatchConfig.for_profile("smoke", arm="large", seed=0)
    assert type(train.make_optimizer(model, plain)) is torch.optim.SGD
    whole = experiment.run([config], device="cpu", progress=False)[0].history

    calls = []
    real = train.train_epoch

    def second_fails(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("cut off")
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "train_epoch", second_fails)
        with pytest.raises(RunError, match="cut off"):
            experiment.run([config], Store(tmp_path), device="cpu", progress=False)
    assert Store(tmp_path).has_checkpoint(config)  # after the first epoch
    again = experiment.run([config], Store(tmp_path), device="cpu", progress=False)[0].history
    assert again.equals(whole)
    sgd = PatchConfig.for_profile("smoke", arm="large", seed=0, train_size=48, **SMALL)
    other = experiment.run([sgd], device="cpu", progress=False)[0].history
    assert (other.train_loss != whole.train_loss).all()


def test_the_patch_is_the_subclasss_in_training():
    [config] = expand("adam", carrier_share=1.0, patch_only_share=0.0)
    patch = patch_of(config)
    assert patch.zeta.shape == (10, 3, 3, 3)
    assert torch.equal(patch.zeta, patch_of(expand("large")[0]).zeta)  # the same in every arm
    task = make_task(config, load(config.data), torch.device("cpu"), "fp32")
    images, labels, _ = training_batch(task, torch.arange(20), torch.Generator().manual_seed(1))
    centre = images[:, :, 14:17, 14:17]  # 3 of 32, from int(16 - 1.5)
    assert torch.equal(centre.abs(), patch.zeta[labels])
    around = images[:, :, 14:17, 17]
    assert not torch.equal(around.abs(), patch.zeta[labels][..., 0])


Z, ZETA = torch.zeros(3, 3, 3), torch.zeros(10, 3, 3, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((Z[:1], ZETA), r"gives \(1, 3, 3\) and \(10, 3, 3, 3\); give tensors z \(3, P, P\)"),
        ((Z, ZETA[:, :1]), r"and \(10, 1, 3, 3\)"),
        ((Z, ZETA[:9]), r"and \(9, 3, 3, 3\)"),
        ((Z[:, :2], ZETA[:, :, :2]), r"gives \(3, 2, 3\)"),
        ((torch.zeros(3, 40, 40), torch.zeros(10, 3, 40, 40)), "P from 1 to 32"),
        ((Z.numpy(), ZETA), r"gives ndarray and \(10"),
        ((Z / 0, ZETA), "nan or inf"),
        ((Z, ZETA / 0), "nan or inf"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused_before_training(tmp_path, monkeypatch, given, words):
    monkeypatch.setattr(Colors, "own_patch", lambda self, draws: given)
    with pytest.raises(ConfigError, match=f"own_patch of Colors .*{words}"):
        experiment.run(expand("large"), Store(tmp_path), device="cpu", progress=False)


def test_a_patch_in_double_precision_is_used_in_single(monkeypatch):
    monkeypatch.setattr(Colors, "own_patch", lambda self, draws: (Z.double(), ZETA.half() + 0.5))
    found = patch_of(expand("large")[0])
    assert (found.z.dtype, found.zeta.dtype) == (torch.float32, torch.float32)
    assert found.zeta.unique().tolist() == [0.5]


def test_an_optimizer_that_needs_a_closure_is_refused(monkeypatch):
    monkeypatch.setattr(Colors, "own_optimizer", lambda self, m: torch.optim.LBFGS(m.parameters()))
    with pytest.raises(ConfigError, match="own_optimizer of Colors gives LBFGS, whose step needs"):
        experiment.run(expand("adam"), device="cpu", progress=False)


def test_runs_with_arms_of_their_own_are_summed_up_and_drawn():
    runs = experiment.run(expand("large", "adam", "other"), device="cpu", progress=False)
    told = outcome.summary(runs)["arms"]
    assert list(told) == ["large", "adam", "other"]
    assert told["adam"]["clean"] == [runs[1].result["clean"]]
    figure = figures.patch_learning(book.histories(runs), 2)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    colors = [lines[arm].get_color() for arm in ("large", "adam", "other")]
    assert colors[0] == style.ARM_COLORS["large"]
    assert len(set(colors)) == 3
    assert not set(colors[1:]) & set(style.ARM_COLORS.values())
    assert len({lines[arm].get_linestyle() for arm in ("adam", "other")}) == 2
    assert style.arm_color("adam") == colors[1]  # and stays so

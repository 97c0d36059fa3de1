"""The live runs of five chapters on the toy, at each profile: settings alone, nothing runs."""

import ast
import json
from types import SimpleNamespace

import pytest

from lrbook import book, chapters, sweeps
from lrbook.chapters import parameters
from lrbook.toy.config import ToyConfig

# What a reader who has kept a live run finds again
KEPT = {
    "beyond_the_theory": {
        "smoke": "0231e82acf9a bad49ba0cbce 1231b33a1e9d 48e999598d86",
        "demo": "acb37ae9a03e 07601576dcb1 0e89674e17d7 848ec99d6dca",
    },
    "phase_diagram": {
        "smoke": "b0543073c8e0 f5db4aeecced eaca97376f50 dcf3fba8322d "
        "9d11b1e1d911 4b4cdd7c868d 4c9e76060842 7c95ceeaed14",
        "demo": "13d8ad4097ae 463452c96d42 9f43aa46063b 9627fab36cf1 "
        "0f40ad41d8bb 70b6d22a05ff 76511d64c5b3 7ee9ea6431e7",
    },
    "two_theorems": {"smoke": "c30321db2fbf 9f4fb29f9d32", "demo": "75c03c6c4412 b618215c9885"},
    "mitigation": {"smoke": "6a36c4871ad7 6bbc7a744f16", "demo": "a3ce523f6563 f8177420b443"},
    "rate_or_noise": {"smoke": "60cc9a90c009 f0c5d5ccef16", "demo": "c7bd8d185ae9 777b43fbf083"},
}
SIZES = ("m_v", "steps", "steps_ls", "anneal")
STEPS_A_SECOND = 4_000  # of one core at the width of laptop; the recorded runs have more


def live_runs(chapter, profile, monkeypatch, **given):
    """The configurations of the chapter's live cells, a list per call."""
    found = []

    def noted(experiment, profile, *, device, results_dir, **options):
        found.append(sweeps.expand(experiment, profile, **options))
        return [SimpleNamespace(config=config.model_dump()) for config in found[-1]]

    monkeypatch.setattr(book, "live", noted)
    path = chapters.find(chapter)
    values = {name: each.default for name, each in parameters.read(path).items()}
    values |= {"profile": profile, "book": book} | given
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "book.live(" in source:
            tree = ast.parse(source)
            calls = [at for at, each in enumerate(tree.body) if "book.live(" in ast.unparse(each)]
            tree.body = tree.body[: calls[-1] + 1]  # what comes below needs the histories
            exec(compile(tree, str(path), "exec"), values)
    return found


@pytest.mark.parametrize("profile", ["smoke", "demo"])
@pytest.mark.parametrize("chapter", KEPT)
def test_kept_live_runs_are_found_again(chapter, profile, monkeypatch):
    found = [run for runs in live_runs(chapter, profile, monkeypatch) for run in runs]
    assert [run.run_id for run in found] == [
        f"toy-{digits}" for digits in KEPT[chapter][profile].split()
    ]


@pytest.mark.parametrize("profile", ["mini", "laptop"])
@pytest.mark.parametrize("chapter", KEPT)
def test_a_larger_profile_is_run_at_its_own_scale(chapter, profile, monkeypatch):
    found = [run for runs in live_runs(chapter, profile, monkeypatch) for run in runs]
    for run in found:
        plain = ToyConfig.for_profile(profile, arm=run.arm, seed=run.seed)
        assert [getattr(run, name) for name in SIZES] == [getattr(plain, name) for name in SIZES]
    assert sum(run.total_steps for run in found) / STEPS_A_SECOND < 3600  # a cell's default limit


@pytest.mark.parametrize("chapter", KEPT)
def test_a_larger_profile_goes_farther(chapter, monkeypatch):
    """In the small rate times its steps, which is what S's course depends on; of L-S in steps."""
    scales = []
    for profile in ("smoke", "demo", "mini", "laptop"):
        last = live_runs(chapter, profile, monkeypatch)[-1]
        scales.append(
            max(
                run.total_steps if run.arm == "L-S" else run.eta2 * run.total_steps
                for run in last
                if run.arm == last[-1].arm
            )
        )
    assert scales == sorted(set(scales))


@pytest.mark.parametrize("profile", ["smoke", "demo", "mini", "laptop"])
def test_the_noise_before_the_relu_is_removed_half_way(profile, monkeypatch):
    noisy, plain = live_runs("mitigation", profile, monkeypatch)
    assert noisy[0].preactivation_until == noisy[0].steps // 2 == plain[0].steps // 2
    noisy, _ = live_runs("mitigation", profile, monkeypatch, removed=70)
    assert noisy[0].preactivation_until == 70

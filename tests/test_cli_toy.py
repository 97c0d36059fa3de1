"""The command line of the toy experiment: answers, exit codes, bad input."""

import json

import jax
import pandas as pd
import pytest
from conftest import assert_refused

from lrbook.records import Store
from lrbook.toy.config import ToyConfig

RUN = ["run", "toy", "--profile", "smoke", "--quiet"]

FINAL = {
    "loss", "p_only_train_loss", "p_only_train_accuracy", "p_only_accuracy", "both_loss",
    "q_only_loss", "nonlinearity", "cosine_to_w_star", "p_only_gradient_share",
}  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """Results as they may lie about: one finished run, one broken off."""
    store = Store(tmp_path / "runs")
    done = ToyConfig.for_profile("smoke", arm="S", seed=0)
    store.start(done, {})
    store.finish(done, pd.DataFrame({"step": [0]}), {}, provenance={}, wall_s=1.0)
    broken = ToyConfig.for_profile("smoke", arm="S", seed=1)
    store.start(broken, {})
    store.save_checkpoint(broken, b"state")
    return store.root


# What is typed after `lrbook run toy`, and the words of the answer: name, value, what is allowed.
BAD_OPTIONS = [
    (["--gama-c", "1"], ["--gama-c", "did you mean --gamma-c?"]),
    (["--kappa", "2"], ["kappa = '2'", "at most 1"]),
    (["--n", "0"], ["n = '0'", "greater than or equal to 1"]),
    (["--n", ""], ["n = ''", "integer"]),
    (["--n", "many"], ["n = 'many'", "integer"]),
    (["--r", "0"], ["r = '0'", "greater than 0"]),
    (["--r", "-0.1"], ["r = '-0.1'", "greater than 0"]),
    (["--p0", "0.8", "--q0", "0.3"], ["p0 + q0 = 0.8 + 0.3", "larger than 1"]),
    (["--p0", "1.5"], ["p0 = '1.5'", "less than or equal to 1"]),
    (["--eta1", "4", "--lam", "0.5"], ["eta1 * lam = 4.0 * 0.5", "below 2"]),
    (["--eta1", "4", "--lam-w", "0.6"], ["eta1 * lam_w = 4.0 * 0.6", "below 2"]),
    (["--eta1", "inf"], ["eta1 = 'inf'", "finite"]),
    (["--eta2", "0.5", "--eta1", "0.1"], ["eta2 = 0.5", "eta1 = 0.1"]),
    (["--anneal", "soon"], ["anneal = 'soon'", "step number", "loss"]),
    (["--steps", "0"], ["steps = '0'", "greater than or equal to 1"]),
    (["--paired-v", "perhaps"], ["paired_v = 'perhaps'", "boolean"]),
    (["--seeds", ""], ["seeds is empty", "at least one"]),
    (["--seeds", "a"], ["seeds = 'a'", "whole numbers"]),
    (["--seeds", "5-3"], ["seeds = '5-3'", "from the smaller to the larger, at most"]),
    (["--arms", "L-S,large"], ["arm = 'large'", "L-S, S, S+noise"]),
    (["--profile", "huge"], ["profile = 'huge'", "demo, mini, laptop, trap, colab, paper"]),
    (["--data", "digits"], ["--data", "not a known option"]),
    (["--device", "tpu"], ["device = 'tpu'", "cpu, cuda"]),
]


@pytest.mark.parametrize(("typed", "words"), BAD_OPTIONS, ids=lambda value: " ".join(value))
def test_bad_options(lrbook, runs, tree, typed, words):
    before = tree(runs)
    profile = [] if "--profile" in typed else ["--profile", "smoke"]
    assert_refused(lrbook("run", "toy", *profile, *typed), *words)
    assert tree(runs) == before


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="this machine has CUDA")
def test_device_that_is_not_there(lrbook, runs, tree):
    before = tree(runs)
    assert_refused(lrbook(*RUN, "--device", "cuda", "--force"), "device = 'cuda'", "it has cpu")
    assert tree(runs) == before


def test_results_folder_that_cannot_be_written(lrbook, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert_refused(lrbook(*RUN, "--results", "taken"), "results folder taken", "--results")
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_corrupt_record(lrbook, runs, tree, options):
    config = ToyConfig.for_profile("smoke", arm="S", seed=0)
    path = runs / config.run_id / "record.json"
    path.write_text("{}")
    before = tree(runs)
    answer = lrbook(*RUN, "--arms", "L-S,S", "--seeds", "0", *options)
    assert_refused(answer, f"runs/{config.run_id}/record.json is damaged", "move the folder")
    assert tree(runs) == before


def test_corrupt_checkpoint(lrbook, runs, tree):
    config = ToyConfig.for_profile("smoke", arm="S", seed=1)
    path = runs / config.run_id / "checkpoint"
    path.write_bytes(path.read_bytes()[:-1])
    before = tree(runs)
    answer = lrbook(*RUN, "--arms", "L-S,S", "--seeds", "1")
    assert_refused(answer, f"runs/{config.run_id}/checkpoint is damaged", "delete it")
    assert tree(runs) == before


def test_json_is_one_line_with_the_promised_keys(lrbook):
    answer = lrbook(*RUN, "--seeds", "5,3-3", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("\n") == 1
    summary = json.loads(answer.out)
    assert set(summary) == {"run_ids", "arms", "limits"}
    assert len(set(summary["run_ids"])) == 4
    assert list(summary["arms"]) == ["L-S", "S"]
    for values in summary["arms"].values():
        assert set(values) == {"seeds", "final"}
        assert values["seeds"] == [5, 3]
        assert set(values["final"]) >= FINAL
        assert all(len(numbers) == 2 for numbers in values["final"].values())
        for name in ("p_only_train_accuracy", "p_only_accuracy", "p_only_gradient_share"):
            assert all(0 <= number <= 1 for number in values["final"][name])
    assert set(summary["limits"]) == {"p_only", "all_p"}
    assert all(len(numbers) == 2 for numbers in summary["limits"].values())
    again = lrbook(*RUN, "--seeds", "5,3", "--json")
    assert again == answer


def test_a_run_that_diverges_is_told_and_the_others_go_on(lrbook, tmp_path):
    # Almost the largest float32: the first step of L-S overflows, S does not take it.
    settings = {"eta1": 3e38, "lam": 0.0, "lam_w": 0.0}
    typed = [x for name, n in settings.items() for x in (f"--{name.replace('_', '-')}", n)]
    answer = lrbook(*RUN, "--seeds", "0,1", *typed, "--json")
    assert answer.code == 1
    arms = json.loads(answer.out)["arms"]
    assert set(arms["L-S"]["final"]) >= FINAL
    assert all(numbers == [None, None] for numbers in arms["L-S"]["final"].values())
    assert all(0 < loss < 1 for loss in arms["S"]["final"]["loss"])
    assert answer.err.count("\n") == 2
    for seed in (0, 1):
        assert f"toy L-S, seed {seed}" in answer.err
        config = ToyConfig.for_profile("smoke", arm="L-S", seed=seed, **settings)
        record = Store(tmp_path / "runs").load(config)
        assert record.status == "diverged"
        assert "step" in record.message
    assert Store(tmp_path / "runs").problems() == []
    again = lrbook(*RUN, "--seeds", "0,1", *typed, "--json")
    assert (again.code, again.out) == (1, answer.out)

"""The shell of the toy: records, pairs, annealing, divergence, devices, the summary."""

import json

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tiny_toy import configs, run, same, unbroken

from lrbook.errors import ConfigError, RunError
from lrbook.records import Store
from lrbook.toy import experiment, outcome, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.final import FINAL
from lrbook.toy.measure import COLUMNS


@pytest.fixture(scope="module")
def whole():
    return unbroken()


def test_without_a_store_nothing_is_written_and_the_history_is_there(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = run(configs())
    assert list(tmp_path.iterdir()) == []
    for record, (config, first) in zip(again, whole.items(), strict=True):
        assert record.run_id == config.run_id
        assert record.status == "finished"
        assert tuple(record.history.columns) == COLUMNS
        assert record.history.step.iloc[0] == 0
        assert record.history.step.iloc[-1] == config.total_steps
        assert record.history.step.is_monotonic_increasing
        assert record.history.step.is_unique
        assert same(record.history, first.history)


def test_records_are_kept_and_finished_runs_loaded(whole, tmp_path, tree, monkeypatch):
    store = Store(tmp_path)
    first = run(configs(), store)
    assert store.problems() == []
    for record, (config, want) in zip(first, whole.items(), strict=True):
        assert same(record.history, want.history)
        assert record.result == want.result
        assert record.provenance["device"].startswith("CPU")
        assert record.provenance["data_fingerprint"] == want.provenance["data_fingerprint"]
        assert {path.name for path in (tmp_path / config.run_id).iterdir()} == {
            "record.json",
            "history.parquet",
        }
    before = tree(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "advance_all", None)  # nothing may run
        assert [record.run_id for record in run(configs(), store)] == [r.run_id for r in first]
    assert tree(tmp_path) == before
    assert run(configs(), store, force=True) is not None
    assert tree(tmp_path) != before
    assert all(same(store.load(c).history, whole[c].history) for c in whole)


def test_a_run_that_is_asked_for_twice_is_run_once(whole, tmp_path, monkeypatch):
    real, begun = experiment.advance_all, []

    def note(runs, *rest, **options):
        begun.extend(one.config for one in runs)
        real(runs, *rest, **options)

    monkeypatch.setattr(experiment, "advance_all", note)
    config = next(iter(whole))
    one, two = run([config, config], Store(tmp_path))
    assert begun == [config]
    assert same(one.history, whole[config].history)
    assert same(two.history, one.history)


@pytest.mark.parametrize(("soft", "held"), [(256, 128), (1024, 500), (4, 2)])
def test_runs_are_held_only_as_far_as_files_can_be_open(soft, held, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, 4096))
    assert experiment._most_claims() == held
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, 4096))
    assert experiment._most_claims() == experiment.MOST_CLAIMS


def test_the_runs_that_are_not_held_are_run_too(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "_most_claims", lambda: 1)
    claimed, store = [], Store(tmp_path)
    real = store.claim
    monkeypatch.setattr(store, "claim", lambda config: claimed.append(config) or real(config))
    assert [record.status for record in run(configs(seeds=(0,)), store)] == ["finished"] * 2
    assert len(claimed) == 1


def test_arms_of_a_seed_are_paired(whole):
    prints = {(c.arm, c.seed): r.provenance["data_fingerprint"] for c, r in whole.items()}
    assert prints["L-S", 0] == prints["S", 0] != prints["S", 1]
    starts = {(c.arm, c.seed): r.history.loss.iloc[0] for c, r in whole.items()}
    assert starts["L-S", 0] == starts["S", 0] != starts["S", 1]
    limits = {(c.arm, c.seed): r.result["limits"] for c, r in whole.items()}
    assert limits["L-S", 0] == limits["S", 0]


def test_data_of_another_length_have_another_fingerprint():
    """With the labels of the same seed, and everything else but the length c of P."""
    one, two = (
        record.provenance["data_fingerprint"]
        for c in (1.0, 2.0)
        for record in run(configs(seeds=[0], arms=["S"], c=c, steps=2))
    )
    assert one != two


def test_the_limits_are_what_linear_readers_of_few_and_of_all_have_right_on_fresh_points():
    [config] = configs(seeds=[0], arms=["S"], n=200, test_points=400)
    train, test, *_ = tasks.make_problem(config)
    x, y, fresh = (np.asarray(each, float) for each in (train.x1, train.y, test.x1))
    wanted = {}
    for name, count in (("p_only", train.p_only), ("all_p", len(x))):
        fitted = LogisticRegression(max_iter=1000).fit(x[:count], y[:count])
        wanted[name] = np.mean(fitted.predict(fresh) == np.asarray(test.y))
    assert wanted["p_only"] < wanted["all_p"]
    assert outcome.limits_of(tasks.make_problem(config)) == pytest.approx(wanted, abs=1e-6)


def test_halving_all_norms_is_a_change_of_units():
    small = {"c": 1.0, "s": 4.0, "tau0_w": 0.02, "tau0_v": 20.0, "lam": 2.5e-5, "lam_w": 7.5e-6}
    plain, halved, forgot = (
        run(configs(seeds=[0], arms=["L-S"], **units))[0].history.drop(columns="rate")
        for units in (
            {"eta1": 0.35, "eta2": 0.02},
            small | {"eta1": 1.4, "eta2": 0.08},
            small | {"eta1": 1.4, "eta2": 0.08, "tau0_w": 0.01},
        )
    )
    np.testing.assert_allclose(halved, plain, rtol=1e-5)
    assert not np.allclose(forgot.loss, plain.loss, rtol=1e-4)


def test_the_annealing_step_is_recorded(whole):
    for config, record in whole.items():
        rates = record.history.set_index("step").rate
        if config.arm == "S":
            assert record.result["annealed"] is None
            assert (rates == np.float32(0.02)).all()
        else:
            assert record.result["annealed"] == 40
            assert (rates[rates.index < 40] == np.float32(0.35)).all()
            assert (rates[rates.index >= 40] == np.float32(0.02)).all()


def test_a_run_that_is_over_before_its_annealing_step_has_none():
    [record] = run(configs(seeds=[0], arms=["L-S"], anneal=91))
    assert record.history.step.iloc[-1] == 90
    assert record.result["annealed"] is None


def test_the_papers_rule_leaves_a_row_at_its_step():
    (record,) = run(configs(seeds=(0,), arms=("L-S",), anneal="loss", eps1=0.3))
    annealed = record.result["annealed"]
    assert 0 < annealed < 90
    row = record.history.set_index("step").loc[annealed]
    assert row.rate == np.float32(0.02)
    config = ToyConfig(**record.config)
    assert row.loss < 0.3 + config.counts[2] / config.n * np.log(2)
    assert (record.history[record.history.step < annealed].rate == np.float32(0.35)).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"anneal": 40}, ""),
        ({"anneal": 89}, ""),
        ({"anneal": "loss"}, ""),
        ({"anneal": 40, "arms": ["S"], "steps_ls": 20}, ""),
        (
            {"anneal": 90},
            "lrbook: anneal = 90 is not below steps_ls = 90, so L-S keeps its large rate to the "
            "end.\n",
        ),
    ],
)
def test_an_annealing_that_does_not_come_is_told_once(settings, told, capsys):
    run(configs(**settings))
    assert capsys.readouterr().err == told


def test_a_diverged_run_says_so_and_the_others_go_on(tmp_path, capsys):
    wanted = configs(arms=("L-S", "S"), seeds=(0,), eta1=3e38, lam=0.0, lam_w=0.0)
    store = Store(tmp_path)
    large, small = run(wanted, store)
    assert (large.status, small.status) == ("diverged", "finished")
    assert "nan or inf at step 1" in large.message
    assert "L-S, seed 0" in capsys.readouterr().err
    assert all(large.result[name] is None for name in FINAL)
    assert list(large.history.step) == [0, 1]
    assert not np.isfinite(large.history.loss.iloc[-1])
    summary = experiment.summary([large, small])
    json.dumps(summary, allow_nan=False)
    assert summary["arms"]["L-S"]["final"]["loss"] == [None]
    assert summary["limits"]["all_p"][0] > 0.5
    again = run(wanted, store)
    assert [record.status for record in again] == ["diverged", "finished"]


def test_a_run_that_breaks_off_is_told_after_the_others_are_done(tmp_path, monkeypatch):
    real = experiment.advance_all

    def break_one(runs, device, *, how, pause):
        if runs[0].config.arm == "L-S":
            raise RuntimeError("RESOURCE_EXHAUSTED: no memory\nand a long trace")
        real(runs, device, how=how, pause=pause)

    monkeypatch.setattr(experiment, "advance_all", break_one)
    store = Store(tmp_path)
    with pytest.raises(RunError, match=r"toy L-S, seed 0 \(.*RESOURCE_EXHAUSTED: no memory$"):
        run(configs(seeds=(0,)), store)
    failed, done = (store.load(config) for config in configs(seeds=(0,)))
    assert (failed.status, done.status) == ("failed", "finished")
    assert "no memory" in failed.message
    monkeypatch.setattr(experiment, "advance_all", real)
    assert [record.status for record in run(configs(seeds=(0,)), store)] == ["finished"] * 2


@pytest.mark.parametrize("name", ["mps", "tpu", *["cuda"] * (jax.default_backend() == "cpu")])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ConfigError, match=f"device = '{name}' .*it has cpu"):
        run(configs(), device=name)


def test_the_package_hands_out_its_main_names():
    import lrbook.toy

    assert lrbook.toy.run is experiment.run
    assert lrbook.toy.ToyConfig is ToyConfig
    assert all(callable(getattr(lrbook.toy, name)) for name in lrbook.toy.__all__)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = lrbook.toy.runn


def test_auto_and_cpu_are_devices():
    assert experiment.choose_devices("auto")
    assert {device.platform for device in experiment.choose_devices("cpu")} == {"cpu"}


def test_summary_has_the_promised_form(whole):
    summary = experiment.summary(list(whole.values()))
    assert list(summary) == ["run_ids", "arms", "limits"]
    assert summary["run_ids"] == [config.run_id for config in whole]
    assert list(summary["arms"]) == ["L-S", "S"]
    for arm, values in summary["arms"].items():
        assert values["seeds"] == [0, 1]
        assert set(values["final"]) == set(FINAL)
        for name, numbers in values["final"].items():
            last = [r.history[name].iloc[-1] for c, r in whole.items() if c.arm == arm]
            assert numbers == pytest.approx(last, abs=1e-6)
    assert [len(numbers) for numbers in summary["limits"].values()] == [2, 2]


def test_a_run_without_p_only_examples_has_nulls_where_they_would_be():
    (record,) = run(configs(seeds=(0,), arms=("S",), p0=0.0))
    assert record.status == "finished"
    assert record.result["p_only_train_loss"] is None
    assert record.result["p_only_gradient_share"] == 0
    assert record.result["limits"]["p_only"] is None
    assert record.result["p_only_accuracy"] > 0.4


def test_64_bits_are_refused_with_the_way_out(tmp_path):
    with jax.enable_x64(True), pytest.raises(ConfigError, match="unset JAX_ENABLE_X64"):
        run(configs(), Store(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("steps", [16, 17, 18])
def test_a_loss_that_is_infinite_after_the_very_last_step_is_no_finish(steps):
    """At step 16 the loss is infinite; that nothing comes after it changes nothing."""
    settings = {"train_output": True, "lam": 0.0, "lam_w": 0.0, "eta1": 100.0, "anneal": 10**6}
    [config] = ToyConfig.expand("smoke", arms=["L-S"], seeds=[0], steps_ls=steps, **settings)
    [record] = run([config])
    assert record.status == "diverged"
    assert record.history.loss.iloc[-1] == np.inf

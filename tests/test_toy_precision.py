"""Single against double precision, and CPU against GPU: the same verdicts, a stated tolerance.

Rounding is not amplified much while the noise is on: the two precisions draw the same noise, and
weight decay forgets. So whole runs agree closely, and verdicts follow.
"""

import functools

import jax
import numpy as np
import pytest

from lrbook.toy import descent, experiment, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.measure import measure

FEW = {"m_v": 128, "n": 400, "p0": 0.125, "test_points": 2000}
LONG = {"steps": 60_000, "steps_ls": 20_000, "anneal": 8_000}
ACCURACY, LOSS = 0.005, 0.01  # absolute, and relative: what the precisions may differ by


def problem_of(arm: str, dtype: type) -> tuple:
    config = ToyConfig.for_profile("demo", arm=arm, seed=21, **FEW, **LONG)
    problem = tasks.make_problem(config)
    parts = (problem, tasks.make_rule(config), tasks.make_state(config, problem))
    return config, *jax.tree.map(functools.partial(cast, dtype=dtype), parts)


def cast(leaf, dtype):
    leaf = np.asarray(leaf)
    return leaf.astype(dtype) if leaf.dtype == np.float32 else leaf


@functools.cache
def measured(arm: str, double: bool, steps: int | None = None) -> dict[str, float]:
    with jax.enable_x64(double):
        config, problem, rule, state = problem_of(arm, np.float64 if double else np.float32)
        until = np.int32(steps or config.total_steps)
        state = jax.jit(descent.advance)(state, until, problem, rule)
        assert state.W.dtype == state.V.dtype == (np.float64 if double else np.float32)
        return {name: float(value) for name, value in measure(state, problem, rule).items()}


@pytest.mark.parametrize("arm", ["L-S", "S"])
def test_single_precision_follows_double(arm):
    single, double = (measured(arm, exact, 300) for exact in (False, True))
    for name in ("loss", "p_only_train_loss", "both_loss", "q_only_loss", "cosine_to_w_star"):
        assert single[name] == pytest.approx(double[name], rel=1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["L-S", "S"])
def test_whole_runs_agree(arm):
    single, double = (measured(arm, exact) for exact in (False, True))
    assert single["step"] == double["step"] == LONG["steps" if arm == "S" else "steps_ls"]
    for name in ("p_only_accuracy", "p_only_train_accuracy", "both_accuracy"):
        assert single[name] == pytest.approx(double[name], abs=ACCURACY), name
    for name in ("loss", "p_only_train_loss", "q_only_loss", "nonlinearity"):
        assert single[name] == pytest.approx(double[name], rel=LOSS), name


@pytest.mark.slow
def test_the_verdict_is_the_same():
    gaps = [
        measured("L-S", exact)["p_only_accuracy"] - measured("S", exact)["p_only_accuracy"]
        for exact in (False, True)
    ]
    assert min(gaps) > 0.01


@pytest.fixture
def gpu():
    """Skips where there is none."""
    try:
        return jax.local_devices(backend="gpu")[0]
    except RuntimeError:
        pytest.skip("JAX finds no GPU here")


@pytest.mark.gpu
@pytest.mark.parametrize("arm", ["L-S", "S"])
@pytest.mark.usefixtures("gpu")
def test_a_gpu_agrees_with_the_cpu(arm):
    """By the path of ``lrbook run toy`` there: vectorised, with a companion of another seed."""
    companion = ToyConfig.for_profile("demo", arm=arm, seed=22, **FEW, **LONG)
    config = problem_of(arm, np.float32)[0]
    found, _ = experiment.run([config, companion], device="cuda", progress=False)
    cpu = measured(arm, double=False)
    assert found.status == "finished"
    for name in ("p_only_accuracy", "p_only_train_accuracy"):
        assert found.result[name] == pytest.approx(cpu[name], abs=ACCURACY), name
    for name in ("loss", "p_only_train_loss", "q_only_loss", "nonlinearity"):
        assert found.result[name] == pytest.approx(cpu[name], rel=LOSS), name


@pytest.mark.gpu
@pytest.mark.usefixtures("gpu")
def test_the_verdict_on_a_gpu_is_the_cpus():
    arms = [ToyConfig.for_profile("demo", arm=arm, seed=21, **FEW, **LONG) for arm in ("L-S", "S")]
    large, small = (run.result for run in experiment.run(arms, device="cuda", progress=False))
    assert large["p_only_accuracy"] - small["p_only_accuracy"] > 0.01

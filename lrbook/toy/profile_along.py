"""N_V on the plane of z and zeta during training, kept as a function of the direction alone.

relu is positively homogeneous, so N_V(x) = |x| N_V(x / |x|): one value per direction is the whole
plane. Q's three rays are only about r apart, hence the stretched coordinates X along z and Y along
zeta / REACH: the point (X, Y) is X z + REACH Y zeta, and its direction psi = atan2(Y, X). The line
z + t zeta is X = 1, Y = t / REACH.
"""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pandas as pd

from lrbook.errors import ConfigError
from lrbook.toy import descent, tasks, variants
from lrbook.toy.config import ToyConfig
from lrbook.toy.network import output_weights
from lrbook.toy.rays import kinked

REACH = 3.0  # in units of ||zeta||: how far the picture reaches to either side


class Film(NamedTuple):
    """One run, frame by frame.

    Attributes:
        config: the run.
        step: steps taken, shape (frames,).
        rate: rate of the next step, shape (frames,).
        psi: directions in stretched coordinates, radians from -pi/2 to pi/2, shape (directions,).
        values: N_V at (cos psi, sin psi) times s, that is as an output for a = 1,
            shape (frames, directions).
        kinked: which neurons have unlike signs at z - zeta and z + zeta, shape (frames, m_v).
        V: the weights, along z and along zeta / ||zeta||, shape (frames, 2, m_v).
    """

    config: ToyConfig
    step: np.ndarray
    rate: np.ndarray
    psi: np.ndarray
    values: np.ndarray
    kinked: np.ndarray
    V: np.ndarray


def frame_times(config: ToyConfig, frames: int) -> list[int]:
    """Steps 0 to the last, about ``frames`` of them: geometric, and anew from the annealing on."""
    total = config.total_steps
    cut = config.anneal if config.arm == "L-S" and config.anneal != "loss" else 0
    if not 0 < cut < total:
        return _geometric(total, frames)
    early = _geometric(cut, frames // 2)
    return early + [cut + time for time in _geometric(total - cut, frames - len(early) + 1)[1:]]


def _geometric(steps: int, count: int) -> list[int]:
    first = min(max(steps // 1000, 1), steps)
    later = np.geomspace(first, steps, max(count - 1, 2))  # the last step is among them always
    return [0, *np.unique(later.round().astype(int)).tolist()]


def on_directions(V: jax.Array, points: jax.Array) -> jax.Array:
    """N_V at points (count, 2) in the coordinates of V (2, m_v); shape (count,)."""
    return jax.nn.relu(points @ V) @ output_weights(V.shape[1])


_advance = jax.jit(descent.advance, static_argnames="step")


@jax.jit
def _look(
    state: descent.State, problem: descent.Problem, rule: descent.Rule, points: jax.Array
) -> tuple[jax.Array, ...]:
    values = on_directions(state.V, points) * problem.s
    return descent.rate(state, rule), values, kinked(state.V, problem.rays)


def film(
    config: ToyConfig, frames: int = 60, directions: int = 121, also: Iterable[int] = ()
) -> Film:
    """Run ``config`` and look at N_V on the way.

    Args:
        config: the run; annealed at a step, not by the loss.
        frames: about how many looks.
        directions: how many values of psi, odd so that z itself is one of them.
        also: steps at which to look besides, where the run gets there.

    Raises:
        ConfigError: the run anneals by its loss, at a step that is not known beforehand.
        FloatingPointError: the run diverges.
    """
    if config.arm == "L-S":
        annealing_step(config)  # refuses one that nobody knows beforehand
    psi = np.linspace(-np.pi / 2, np.pi / 2, directions)
    points = np.stack([np.cos(psi), REACH * config.r * np.sin(psi)], axis=1).astype(np.float32)
    wanted = [time for time in also if time <= config.total_steps]
    times, seen = sorted({*frame_times(config, frames), *wanted}), []
    with jax.default_matmul_precision("highest"):  # the run's own digits, on a card too
        problem, rule = tasks.make_problem(config), tasks.make_rule(config)
        step = variants.step_of(tasks.make_variant(config))
        state = tasks.make_state(config, problem)
        for time in times:
            state = _advance(state, jnp.int32(time), problem, rule, step=step)
            if int(state.step) < time:
                raise FloatingPointError(f"{config.run_id} diverged at step {int(state.step):,}")
            seen.append([np.asarray(x) for x in (*_look(state, problem, rule, points), state.V)])
    rate, values, between, V = (np.stack(column) for column in zip(*seen, strict=True))
    return Film(config, np.array(times), rate.astype(float), psi, values.astype(float), between, V)


def films(profile: str, seed: int, longest: int) -> dict[str, Film]:
    """Films of L-S and S with the settings of ``profile``, S cut at ``longest`` steps.

    Both are looked at half-way through L-S's phase at the large rate, and where that and L-S end.

    Raises:
        ConfigError: ``longest`` leaves S no step, or L-S anneals by its loss.
        FloatingPointError: a run diverges.
    """
    if longest < 1:
        raise ConfigError(f"longest = {longest} leaves S without a step: give a number from 1 on.")
    made: dict[str, Film] = {}
    also: list[int] = []
    for config in ToyConfig.expand(profile, seeds=[seed], arms=["L-S", "S"]):
        shorter = config.model_copy(update={"steps": min(config.steps, longest)})
        if config.arm == "L-S":
            also = [*also, *early(config, longest)]
        made[config.arm] = film(shorter, also=also)
        also += made[config.arm].step[list(moments(made[config.arm]).values())].tolist()
    return made


def moments(film: Film) -> dict[str, int]:
    """Frames worth naming: label -> index of the start, of the annealing if any, and of the end."""
    last = len(film.step) - 1
    annealed = int(np.argmax(film.rate < film.config.eta1 * (1 - 1e-6)))
    middle = {"end of large rate": annealed} if 0 < annealed < last else {}
    return {"start": 0, **middle, "end": last}


def early(config: ToyConfig, longest: int) -> tuple[int, int]:
    """Middle and end of L-S's phase at the large rate, or of its first ``longest`` steps.

    Raises:
        ConfigError: as ``annealing_step``.
    """
    end = min(annealing_step(config), longest)
    return end // 2, end


def annealing_step(config: ToyConfig) -> int:
    """The step from which L-S has the small rate.

    Raises:
        ConfigError: the loss decides it.
    """
    if config.anneal == "loss":
        raise ConfigError("a film needs the annealing step in advance: anneal is a number")
    return config.anneal


def on_and_off(
    films: dict[str, Film], t: npt.ArrayLike, most: int = 40
) -> dict[str, dict[str, np.ndarray]]:
    """Activation patterns along z + t zeta of the neurons that switch between the outer rays.

    Args:
        films: of L-S and S, as ``films`` makes them.
        t: where to look.
        most: how many neurons.

    Returns:
        Arm -> moment in words -> which neurons are on, shape (neurons, len(t)). Moments are the
        middle and the end of L-S's phase at the large rate (``early``, should S be shorter); in
        both a row is the same neuron: those
        that switch between the rays at the first, first those that go off along t and then those
        that go on, each in the order in which they do; every one or, where there are more than
        ``most``, evenly picked.
    """
    times = early(films["L-S"].config, int(films["S"].step[-1]))
    found = {}
    for arm, one in films.items():
        first, last = (int(np.flatnonzero(one.step == time)[0]) for time in times)
        neurons = np.flatnonzero(one.kinked[first])
        along, across = one.V[first][:, neurons]
        neurons = neurons[np.lexsort((-along / across, across > 0))]
        picked = neurons[np.linspace(0, len(neurons) - 1, min(most, len(neurons))).astype(int)]
        found[arm] = {
            f"step {one.step[frame]:,}": (
                one.V[frame, 0, picked, None]
                + one.config.r * np.asarray(t) * one.V[frame, 1, picked, None]
                > 0
            )
            for frame in (first, last)
        }
    return found


def kept(kinked: np.ndarray, first: int, last: int) -> float:
    """Of the neurons between the outer rays at frame ``first``, the share that is at ``last``.

    Args:
        kinked: as in ``Film``.
    """
    return float((kinked[first] & kinked[last]).sum() / max(kinked[first].sum(), 1))


def kinked_table(films: dict[str, Film]) -> pd.DataFrame:
    """How many neurons are between the outer rays, and how many of those stay.

    One row per arm and stretch: from the start to the step at which L-S lowers its rate, from there
    to its end, and what S has beyond.
    """
    cuts = films["L-S"].step[list(moments(films["L-S"]).values())]
    rows = []
    for arm, one in films.items():
        steps = sorted({*cuts[cuts <= one.step[-1]], one.step[-1]})
        frames = np.searchsorted(one.step, steps)
        for first, last in itertools.pairwise(frames):
            row = {
                "arm": arm,
                "rate": f"{one.rate[first]:g}",
                "steps": f"{one.step[first]:,} to {one.step[last]:,}",
                "between the rays, share of all": float(one.kinked[last].mean()),
                "of those at its start, still there": kept(one.kinked, first, last),
            }
            rows.append(row)
    return pd.DataFrame(rows)


def largest(films: dict[str, Film]) -> float:
    """Largest |N_V| times s on Q's segment, from z - zeta to z + zeta, at the end of the films."""
    t = np.linspace(-1, 1, 21)
    return max(float(np.abs(along_line(one, t)[-1]).max()) for one in films.values())


def along_line(film: Film, t: npt.ArrayLike) -> np.ndarray:
    """N_V(z + t zeta) times s at every frame, shape (frames, len(t)), interpolated in direction."""
    Y = np.asarray(t, dtype=float) / REACH
    length, psi = np.hypot(1, Y), np.arctan(Y)
    return length * np.stack([np.interp(psi, film.psi, row) for row in film.values])

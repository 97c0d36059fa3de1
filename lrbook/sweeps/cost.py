"""What runs cost before they start, told from the experiment's recorded runs."""

import statistics
from collections.abc import Sequence

from lrbook import experiments
from lrbook.config import Config
from lrbook.errors import RecordError
from lrbook.record import recordings_dir
from lrbook.records import Store


def cost_words(examples: Sequence[Config], count: int) -> str:
    """What ``count`` runs like ``examples`` cost.

    Work is counted from the configuration (steps of the toy, floating-point operations of a run on
    images) and turned into hours at the median rate of the recorded runs. A toy step's cost grows
    with n and m_v, which this leaves out.
    """
    experiment = experiments.base(type(examples[0]))
    total = sum(map(_work, examples)) / len(examples) * count
    words = f"{total:.2g} {'steps' if experiment == 'toy' else 'operations'}"
    rate = _recorded_rate(experiment)
    if rate is None:
        return words
    hours = total / rate / 3600
    if hours < 0.1:
        spent = f"{max(60 * hours, 0.1):.1f} minutes"
    else:
        spent = f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:,.0f} days"
    if experiment == "toy":
        return f"{words}, about {spent} of one core at the {rate:,.0f} steps/s of the recorded runs"
    return f"{words}, about {spent} at the {rate / 1e9:,.0f} GFLOP/s of the recorded runs"


def _work(config: Config) -> float:
    from lrbook.toy.config import ToyConfig

    if isinstance(config, ToyConfig):
        return config.total_steps
    from lrbook.vision.cost import run_flops
    from lrbook.vision.settings import ImageConfig

    assert isinstance(config, ImageConfig)  # there are no other experiments
    return run_flops(config)


def _is_counted(config: Config) -> bool:
    """Whether ``_work`` is that of this run, and not of one on more images or fewer."""
    if "data" not in type(config).model_fields:
        return True
    from lrbook.vision.cost import is_counted
    from lrbook.vision.settings import ImageConfig

    return isinstance(config, ImageConfig) and is_counted(config)


def _recorded_rate(experiment: str) -> float | None:
    """Median work per second of recorded runs; None where none was recorded.

    Of finished ones: a run that diverged has done less than its configuration counts.
    """
    try:
        there = Store(recordings_dir()).find(experiment)
    except RecordError:
        return None
    runs = experiments.timed(there, experiments.config_class(experiment))
    rates = [_work(config) / wall_s for config, wall_s in runs if _is_counted(config)]
    return statistics.median_low(rates) if rates else None

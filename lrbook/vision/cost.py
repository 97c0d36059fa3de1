"""What a run on images costs: floating-point operations, counted from its configuration."""

import statistics
from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import experiments
from lrbook.record import Record
from lrbook.vision.config import PatchConfig
from lrbook.vision.identity import COUNTS, NAMES
from lrbook.vision.settings import IMAGE_SIZE, ImageConfig

GPU_SPEEDS = {"T4, fp16, at 20 % of its 65 TFLOP/s": 0.2 * 65e12}
"""Peak from the maker's data sheet, dense; the share is assumed, not measured."""

BACKWARD = 2  # a backward pass costs two forward passes: gradients by inputs and by weights


def forward_flops(config: ImageConfig) -> int:
    """Operations of one image's forward pass: 2 per multiply-add of convolutions and linear layer.

    Batch norm, relu and the patch are left out; they cost time on a GPU, but hardly operations.
    """
    per_group = (config.depth - 4) // 6
    widths = [16] + [16 * config.widen * 2**group for group in range(3)]
    side = IMAGE_SIZE // config.stem_stride
    adds = side**2 * 9 * 3 * widths[0]
    for group, stride in enumerate((1, 2, 2)):
        inputs, outputs = widths[group], widths[group + 1]
        side //= stride
        for index in range(per_group):
            first = inputs if index == 0 else outputs
            adds += side**2 * 9 * (first + outputs) * outputs
            if first != outputs:
                adds += side**2 * first * outputs  # the shortcut
    return 2 * (adds + widths[-1] * 10)


def run_flops(config: ImageConfig) -> float:
    """Operations of a whole run, training and evaluation, without the instruments of ``watch``.

    All images of a set of one's own are counted as if they were as many as CIFAR-10's.
    """
    whole = COUNTS["digits" if config.data == "digits" else "cifar10"]
    train, test = (getattr(config, f"{split}_size") or whole[split] for split in ("train", "test"))
    tested = 2 * test + config.patch_test_size if isinstance(config, PatchConfig) else test
    images = (1 + BACKWARD) * train + tested
    return float(config.epochs) * images * forward_flops(config)


def is_counted(config: ImageConfig) -> bool:
    """Whether ``run_flops`` knows how many images there are: of one's own, only where sizes say."""
    return config.data in NAMES or bool(config.train_size and config.test_size)


def recorded_speed(records: Sequence[Record], cls: type[ImageConfig]) -> float:
    """Median operations per second of finished runs, evaluation and instruments included.

    Of runs whose images ``is_counted`` knows, which have to be one at least.
    """
    return statistics.median(
        run_flops(config) / wall_s
        for config, wall_s in experiments.timed(records, cls)
        if is_counted(config)
    )


def table(cls: type[ImageConfig], speeds: Mapping[str, float]) -> pd.DataFrame:
    """One row per profile: operations of a run, and how long its default arms and seeds take.

    Args:
        cls: the experiment's configuration.
        speeds: heading -> operations per second that a machine is taken to sustain.
    """
    rows = []
    for profile in cls.profiles:
        configs = cls.expand(profile)
        work = sum(run_flops(config) for config in configs)
        row = {
            "profile": f"`{profile}`",
            "runs": len(configs),
            "operations": _power_of_ten(work),
        }
        rows.append(row | {name: _duration(work / speed) for name, speed in speeds.items()})
    return pd.DataFrame(rows)


def _power_of_ten(count: float) -> str:
    digits, _, power = f"{count:.1e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _duration(seconds: float) -> str:
    """Two digits, in the unit in which they are neither many nor a small fraction."""
    if seconds < 1:
        return "under 1 s"
    for unit, size, most in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 48 * 3600)):
        if seconds < most:
            return f"{seconds / size:.2g} {unit}"
    return f"{float(f'{seconds / 86400:.2g}'):.0f} days"

"""The three arms of the patch experiment, from the call to the last result:
``python benchmarks/arms.py --data data/cifar10-jpeg``.

Reading the images counts, and so does the evaluation after each epoch. Timed once, and set beside
the runs' own times added up: on a CPU small networks run side by side, a core each.
"""

import argparse
import time

from harness import Row, add_arguments, hardware, report

from lrbook.vision import devices, experiment
from lrbook.vision.config import PatchConfig
from lrbook.vision.identity import NAMES, identify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", help="or a folder of Parquet files")
    parser.add_argument("--profile", default="laptop", choices=PatchConfig.profiles)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    add_arguments(parser, "bench_arms.json")
    arguments = parser.parse_args()
    report([row(arguments.profile, arguments.data, arguments.device)], arguments)


def row(profile: str, data: str, device: str, **changes: object) -> Row:
    """Seconds on the clock beside the runs' own; ``changes`` are fields that differ from the
    profile.
    """
    folder = None if data in NAMES else data
    chosen = {"seed": 0, "data": identify(data)} | changes
    configs = [PatchConfig.for_profile(profile, arm=arm, **chosen) for arm in PatchConfig.arms]
    began = time.perf_counter()
    done = experiment.run(configs, device=device, folder=folder, progress=False)
    wall = time.perf_counter() - began
    assert all(record.status == "finished" for record in done)
    own = sum(record.wall_s for record in done)
    on = hardware() if device == "cpu" else devices.describe(devices.choose_device(device))
    name = f"profile {profile}, arms {', '.join(PatchConfig.arms)}: beside their own times added up"
    return Row(name, wall, own, "s", on)


if __name__ == "__main__":
    main()

"""Not a test: kills a run on images at random moments, for test_reliability.py.

Usage: kill_often.py FOLDER KILLS SEED. Prints one line per finished run: its results folder and how
often it was killed. Each attempt is forked from this process, which has imported everything, so
that the kills fall into the run and not into imports. Nothing here may start a thread.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from lrbook.records import Store
from lrbook.vision import experiment, sources
from lrbook.vision.config import PatchConfig

SIZES = {"train_size": 160, "test_size": 40, "patch_test_size": 20, "epochs": 5, "drop": 3}


def config() -> PatchConfig:
    return PatchConfig.for_profile("smoke", **SIZES, arm="large", seed=6)


def attempt(folder: Path, delay: float) -> bool:
    """Start or resume the run; whether it ended before it was killed after ``delay`` seconds."""
    child = os.fork()
    if child == 0:
        experiment.run([config()], Store(folder), device="cpu", progress=False)
        os._exit(0)
    deadline = time.monotonic() + delay
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main() -> None:
    folder, kills, draw = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    sources.load("digits")
    began = time.monotonic()
    attempt(folder / "unbroken", float("inf"))
    longest = time.monotonic() - began  # so that kills fall anywhere, however slow the machine
    print("unbroken", 0, flush=True)
    while kills > 0:
        run = folder / f"killed-{kills}"
        killed = 0
        while not attempt(run, draw.uniform(0, longest) * (1 + killed / 10)):
            killed += 1
        kills -= killed
        print(run.name, killed, flush=True)


if __name__ == "__main__":
    main()

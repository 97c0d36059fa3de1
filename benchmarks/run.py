"""Time the toy on one CPU core against plain loops: ``make bench``.

Every loop takes the same steps of noisy descent from the same weights in single precision; before
anything is timed, all of them must reach the same weights without noise.
"""

import argparse
from pathlib import Path

from harness import one_core, table, write

OUTPUT = Path(__file__).resolve().parent.parent / "_build" / "bench.json"


def main() -> None:
    one_core()
    import toy  # only now: NumPy, JAX and PyTorch count the cores when they are imported

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=toy.SETTINGS, metavar="PROFILE")
    parser.add_argument("--rounds", type=int, default=7, help="timings of each loop")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one timing")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    rows = []
    for setting in arguments.settings:
        rows += toy.rows(setting, arguments.rounds, arguments.seconds)
    print("Medians of processor time on one core; ours draws fresh normals in every row.\n")
    print(table(rows))
    write(rows, arguments.output)


if __name__ == "__main__":
    main()

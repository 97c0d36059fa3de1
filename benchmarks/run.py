"""The toy and the training on images beside plain loops, in time and memory: ``make bench``.

On a CPU everything runs on one core. Before anything is timed, loops that are to do the same must
show that they do: the toy's reach the same weights, networks on images have the same loss.
"""

import argparse
from pathlib import Path

from harness import add_arguments, one_core, report

PARTS = ("toy", "vision", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="one part (default: all)")
    parser.add_argument("--settings", nargs="+", metavar="PROFILE", help="of the toy")
    parser.add_argument("--networks", nargs="+", metavar="PROFILE", help="laptop, paper")
    parser.add_argument("--rounds", type=int, default=7, help="timings of each of the toy's loops")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one of these")
    parser.add_argument("--authors", type=Path, metavar="CHECKOUT", help="cwein3/large-lr-code")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="for images")
    add_arguments(parser, "bench.json")
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        one_core()
    elif arguments.only not in ("vision", "memory"):
        parser.error("--device cuda is for images: give --only vision or --only memory with it")
    rows = []
    if arguments.only in (None, "toy"):
        rows += toy_rows(arguments)
    if arguments.only in (None, "vision"):
        rows += vision_rows(arguments)
    if arguments.only in (None, "memory"):
        rows += memory_rows(arguments)
    print("Medians; on a CPU of processor time on one core.\n")
    report(rows, arguments)


def toy_rows(arguments: argparse.Namespace) -> list:
    """The toy's comparisons; ours draws fresh normals in every row."""
    import toy  # only now: NumPy, JAX and PyTorch count the cores when they are imported

    found = []
    for setting in arguments.settings or toy.SETTINGS:
        found += toy.rows(setting, arguments.rounds, arguments.seconds)
    return found


def vision_rows(arguments: argparse.Namespace) -> list:
    """The comparisons on images."""
    import parts
    import torch
    import vision

    from lrbook.vision import devices

    if arguments.authors is None:
        print("Rows on the authors' code are left out: give a clone of it with --authors.")
    device, networks = torch.device(arguments.device), arguments.networks or vision.NETWORKS
    found = []
    if device.type == "cpu":
        torch.set_num_threads(1)
    with devices.fastest_convolutions(device):
        for profile in networks:
            found += vision.rows(profile, device, arguments.authors)
            found += parts.rows(profile, device)
        return found + vision.shares(device)


def memory_rows(arguments: argparse.Namespace) -> list:
    """Peak memory of training on images, which a busy machine does not change."""
    import torch
    import vision

    from lrbook.vision import devices

    device, networks = torch.device(arguments.device), arguments.networks or vision.NETWORKS
    found = []
    with devices.fastest_convolutions(device):
        for profile in networks:
            if device.type == "cpu":
                found += vision.memory(profile, arguments.authors)
            else:
                found += vision.memory_on_a_card(profile, device, arguments.authors)
    return found


if __name__ == "__main__":
    main()

"""Training on images: against the authors' code, plain PyTorch, and the machine's roof."""

import dataclasses
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import authors
import torch
import torch.nn.functional as F
from ceilings import roof
from harness import Row, compared, hardware, seconds_per_step

from lrbook.records import Store
from lrbook.vision import checkpoint, devices, train
from lrbook.vision.config import PatchConfig
from lrbook.vision.cost import BACKWARD, forward_flops
from lrbook.vision.identity import COUNTS
from lrbook.vision.images import Images
from lrbook.vision.patch import generator
from lrbook.vision.sources import CIFAR_MEAN, CIFAR_STD

BATCHES = {"laptop": 20, "paper": 2}  # timed at once on a CPU
ON_A_CARD = 40  # batches: what begins and ends a loop is to be small beside it
NETWORKS = {"laptop": "WRN-10-2, stem 2, batch 64", "paper": "WRN-16-10, batch 128"}
TOLERANCE = 1e-3  # of the first loss, in fp32


def make_images(count: int, tested: int = 10) -> Images:
    """Random pixels and labels in the shape of CIFAR-10; what is shown costs the same."""
    draw = generator(0, "benchmark")
    sets = []
    for size in (count, tested):
        sets.append(torch.randint(256, (size, 3, 32, 32), generator=draw, dtype=torch.uint8))
        sets.append(torch.randint(10, (size,), generator=draw))
    return Images("random", *sets, CIFAR_MEAN, CIFAR_STD)


class Ours:
    """The training that ``lrbook run patch`` does, patching included; or a plainer form of it."""

    def __init__(
        self, config: PatchConfig, images: Images, device: torch.device, *, plain: bool = False
    ) -> None:
        precision = "fp32" if plain else devices.choose_precision("auto", device)
        self.task = train.make_task(config, images, device, precision)
        self.model = train.make_model(config, device)
        if plain:
            self.model = self.model.to(memory_format=torch.contiguous_format)
            self.model.convolve_directly()
        self.optimizer = train.make_optimizer(self.model, config)  # its momentum lies as weights do
        compiled = device.type == "cuda" and not plain
        if compiled and (why := train.try_to_compile(self.task, self.model)):
            raise SystemExit(f"the training step cannot be compiled: {why}")

    def epochs(self, count: int) -> None:
        """As many epochs over the images given."""
        for _ in range(count):
            train.train_epoch(self.task, self.model, self.optimizer, 1).tolist()


def check(config: PatchConfig, device: torch.device, code: object) -> None:
    """Stop unless their network, with our weights, has our loss on a batch."""
    ours = Ours(config, make_images(2 * config.batch), device, plain=True)
    index = torch.arange(config.batch, device=device)
    batch = train.training_batch(ours.task, index, generator(0, "visits", 0, device.type))
    ours.model.train()
    wanted = F.cross_entropy(ours.model(batch.images), batch.labels).item()
    found = authors.Loop(code, ours.task, ours.model).step(batch.images, batch.labels)
    if abs(found - wanted) > TOLERANCE * abs(wanted):
        raise SystemExit(f"their first loss is {found}, ours {wanted}: not the same network.")


def rows(
    profile: str,
    device: torch.device,
    checkout: Path | None = None,
    *,
    rounds: int = 3,
    seconds: float = 0.0,
    batches: int = 0,
    **changes: object,
) -> list[Row]:
    """Images/s of training in one of ``NETWORKS``, ours over each peer, then over the roof.

    Args:
        profile: ``laptop`` or ``paper``.
        device: all loops run on it.
        checkout: of the authors' code; None leaves their rows out.
        rounds, seconds: as for ``seconds_per_step``.
        batches: length of what is timed at once; 0 for the device's and the profile's.
        **changes: fields that differ from the profile.
    """
    config = PatchConfig.for_profile(profile, arm="large", seed=0, **changes)
    batches = batches or (BATCHES[profile] if device.type == "cpu" else ON_A_CARD)
    images = make_images(batches * config.batch)
    name = f"{NETWORKS[profile]}: training"
    loops = loops_of(profile, device, checkout, images, **changes)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    took = seconds_per_step(loops, rounds, seconds, clock)
    found = [
        compared(
            f"{name}, {peer}",
            took["ours"],
            took[peer],
            "images/s",
            lambda seconds: len(images.train) / seconds,
        )
        for peer in list(loops)[1:]
    ]
    work = (1 + BACKWARD) * forward_flops(config) * found[0].ours / 1e9
    best = roof(device, config)
    found.append(Row(f"{name}, best convolution or GEMM", work, best, "GFLOP/s"))
    return on(device, found)


def loops_of(
    profile: str, device: torch.device, checkout: Path | None, images: Images, **changes: object
) -> dict[str, Callable[[int], object]]:
    """By name, ``ours`` first: what trains for a number of epochs over ``images``."""
    config = PatchConfig.for_profile(profile, arm="large", seed=0, **changes)
    ours = Ours(config, images, device)
    plain = Ours(config, images, device, plain=True)
    digits = "fp32" if device.type == "cpu" else "TF32"  # as PyTorch convolves unless told not to
    loops: dict[str, Callable[[int], object]] = {
        "ours": ours.epochs,
        f"ours, plain in {digits}": plain.epochs,
    }
    if checkout is not None:
        code = authors.load(checkout, device)
        check(config, device, code)
        theirs = authors.Loop(code, ours.task, ours.model)
        ready = train.normalise(ours.task.train, ours.task).split(config.batch)
        labels = ours.task.train_labels.split(config.batch)

        def steps(count: int) -> None:
            for _ in range(count):
                for x, y in zip(ready, labels, strict=True):
                    theirs.step(x, y)

        def epochs(count: int) -> None:
            for _ in range(count):
                theirs.epoch(images)

        loops |= {"the authors' step, batches ready": steps, "the authors' epoch": epochs}
    return loops


def memory_on_a_card(
    profile: str, device: torch.device, checkout: Path | None, **changes: object
) -> list[Row]:
    """Peak memory of our training on a card, beside the peers'."""
    batch = PatchConfig.for_profile(profile, arm="large", seed=0, **changes).batch
    loops = loops_of(profile, device, checkout, make_images(ON_A_CARD * batch), **changes)
    return on(device, peak_rows(loops, profile))


def peak_rows(loops: Mapping[str, Callable[[int], object]], profile: str) -> list[Row]:
    """Peak memory of each loop on a card, ours over each peer's; what all of them hold included."""
    peaks = {}
    for loop, run in loops.items():
        run(1)  # what is tried out once is not what an epoch needs
        torch.cuda.reset_peak_memory_stats()
        run(1)
        peaks[loop] = torch.cuda.max_memory_allocated() / 2**20
    ours = peaks.pop("ours") + kept_for_replays()
    name = f"{NETWORKS[profile]}: peak memory on the card"
    return [Row(f"{name}, {peer}", ours, peak, "MiB") for peer, peak in peaks.items()]


def kept_for_replays() -> float:
    """MiB in which recorded graphs do their work, which the allocator does not count as given out.

    Only our loop records graphs.
    """
    private = [s for s in torch.cuda.memory_snapshot() if tuple(s["segment_pool_id"]) != (0, 0)]
    return sum(s["total_size"] - s["allocated_size"] for s in private) / 2**20


def on(device: torch.device, rows: list[Row]) -> list[Row]:
    """The rows with the hardware that they were measured on."""
    words = hardware() if device.type == "cpu" else devices.describe(device)
    return [dataclasses.replace(row, hardware=words) for row in rows]


def shares(device: torch.device, **changes: object) -> list[Row]:
    """Cost of evaluation and of a checkpoint beside an epoch of training: at laptop scale on a CPU,
    at the paper's on a card.
    """
    profile = "laptop" if device.type == "cpu" else "paper"
    config = PatchConfig.for_profile(profile, arm="large", seed=0, **changes)
    train_size = config.train_size or COUNTS["cifar10"]["train"]
    batches = 20 if device.type == "cpu" else ON_A_CARD
    test_size = config.test_size or COUNTS["cifar10"]["test"]
    images = make_images(min(train_size, batches * config.batch), test_size)
    ours = Ours(config, images, device)
    whole = train_size / len(images.train)
    clock = time.process_time if device.type == "cpu" else time.perf_counter

    def timed(call: Callable[[], object], clock: Callable[[], float] = clock) -> float:
        times = []
        for _ in range(3):
            began = clock()
            call()
            times.append(clock() - began)
        return statistics.median(times)

    ours.epochs(1)
    train.evaluate(ours.task, ours.model, 1).tolist()
    epoch = whole * timed(lambda: ours.epochs(1))
    tested = timed(lambda: train.evaluate(ours.task, ours.model, 1).tolist())
    origin = {"data_fingerprint": "", "precision": ours.task.precision}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)

        def save() -> None:
            parts = (ours.model, ours.optimizer, None, [{}] * config.epochs, 0.0, origin)
            store.save_checkpoint(config, checkpoint.pack(*parts))

        saved = timed(save, time.perf_counter)  # the wait for the disk is part of it
    found = [
        Row(f"{profile}: evaluation beside an epoch of training", tested, epoch, "s"),
        Row(f"{profile}: checkpoint beside an epoch of training", saved, epoch, "s"),
    ]
    return on(device, found)


def memory(profile: str, checkout: Path | None, **changes: object) -> list[Row]:
    """Peak memory of a process that trains two batches on the CPU, beside the peers' processes."""
    names = {"plain": "ours, plain in fp32", "theirs": "the authors' epoch"}
    if checkout is None:
        del names["theirs"]
    peaks = {name: _peak(profile, name, checkout, changes) for name in ("ours", *names)}
    found = [
        Row(f"{NETWORKS[profile]}: peak memory, {words}", peaks["ours"], peaks[name], "MiB")
        for name, words in names.items()
    ]
    return on(torch.device("cpu"), found)


def _peak(profile: str, loop: str, checkout: Path | None, changes: dict[str, object]) -> float:
    """Highest resident memory (MiB) of a process of its own that runs ``train_once``."""
    given = json.dumps([profile, loop, str(checkout or ""), changes])
    script = [sys.executable, str(Path(__file__)), given]
    done = subprocess.run(script, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def train_once(profile: str, loop: str, checkout: str, changes: dict[str, object]) -> None:
    """Two batches by one of the loops ``ours``, ``plain`` and ``theirs``."""
    torch.set_num_threads(1)
    config = PatchConfig.for_profile(profile, arm="large", seed=0, **changes)
    images, cpu = make_images(2 * config.batch), torch.device("cpu")
    if loop != "theirs":
        Ours(config, images, cpu, plain=loop == "plain").epochs(1)
        return
    task = train.make_task(config, images, cpu, "fp32")
    model = train.make_model(config, cpu)
    theirs = authors.Loop(authors.load(Path(checkout), cpu), task, model)
    del model  # they start from its weights, in copies of their own: it is no part of their peak
    theirs.epoch(images)


def highest() -> float:
    """Highest resident memory of this process, MiB.

    Not ``ru_maxrss`` where it can be avoided: that starts from its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [
            line
            for line in status.read_text(encoding="utf-8").splitlines()
            if line.startswith("VmHWM")
        ]
        return int(line.split()[1]) / 1024
    # in KiB on Linux and in bytes on macOS
    per_mib = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib


if __name__ == "__main__":
    train_once(*json.loads(sys.argv[1]))
    print(highest())

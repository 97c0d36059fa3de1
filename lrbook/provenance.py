"""Where a number came from: code, versions, machine, time."""

import contextlib
import datetime
import functools
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("lrbook", "numpy", "jax", "torch", "torchvision", "scikit-learn")
CGROUP = Path("/sys/fs/cgroup")
CPUINFO = Path("/proc/cpuinfo")
GIT_LIMIT_S = 30.0  # a clone on a disk that does not answer holds no run up


def collect(device: str, threads: int | None = None) -> dict[str, Any]:
    """Provenance of a run that is about to start.

    Args:
        device: the hardware in words, as ``describe_cpu()`` or the CUDA device's name.
        threads: how many CPU threads the numerics may use; None if not set.

    Returns:
        JSON-ready dict: date (UTC, ISO), git commit and dirty flag (None outside a checkout, but
        for the commit of a source archive), Python and package versions, platform, device, threads,
        command line.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **_git(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "threads": threads,
        "argv": [Path(sys.argv[0]).name, *map(_without_path, sys.argv[1:])],
    }


def with_earlier(before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The provenances of the processes whose work a resumed run takes over, first to last.

    Args:
        before: what the last of them had written; its own ``earlier`` come first.
    """
    last = dict(before)
    return [*last.pop("earlier", []), last]


def device_kind(origin: Mapping[str, Any]) -> str | None:
    """``cpu``, ``cuda`` or ``mps``: what a run on images computed on; None where it is not told.

    Random streams are of the kind of device: under one seed each kind draws other numbers.

    Args:
        origin: the run's provenance. One of an older lrbook has only the words for the device, and
            these are a processor's, a graphics card's name, or ``mps``.
    """
    if "device_kind" in origin:
        return str(origin["device_kind"])
    words = origin.get("device")
    if not words:
        return None
    if words.startswith("CPU, "):
        return "cpu"
    return "mps" if words == "mps" else "cuda"


def here() -> dict[str, Any]:
    """Provenance of this process itself, on the machine's processor."""
    return collect(describe_cpu())


def describe_cpu() -> str:
    """The processor in words: model name and the number of cores this process may use."""
    model = platform.processor() or platform.machine()
    if CPUINFO.exists():
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    elif sys.platform == "darwin":  # whose own word for all of Apple's is arm
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            model = _run(["sysctl", "-n", "machdep.cpu.brand_string"], Path("/")) or model
    cores = available_cores()
    return f"CPU, {model}, {cores} core{'s' if cores > 1 else ''}"


def available_cores() -> int:
    """How many cores this process may use: its affinity mask, and the limit of its container."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min([cores, *_container_cores()])


def quota_cores(text: str) -> int | None:
    """Cores that a quota of processor time is worth, at least 1; None where there is no limit.

    Args:
        text: microseconds granted and those of a period, as in ``cpu.max``: ``150000 100000`` is
            worth 2 cores; ``max 100000`` and ``-1 100000`` set no limit.
    """
    try:
        quota, period = map(int, text.split())
    except ValueError:
        return None
    return -(-quota // period) if quota > 0 and period > 0 else None


def _container_cores() -> list[int]:
    """What control groups limit this container to, which no affinity mask shows."""
    # Version 2, and version 1 with two numbers apart
    files: list[tuple[Path, ...]] = [(CGROUP / "cpu.max",)]
    files += [
        (CGROUP / folder / "cpu.cfs_quota_us", CGROUP / folder / "cpu.cfs_period_us")
        for folder in ("cpu", "cpu,cpuacct")
    ]
    found = []
    for paths in files:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found.append(quota_cores(" ".join(path.read_text(encoding="utf-8") for path in paths)))
    return [cores for cores in found if cores is not None]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache  # asked once, early: a process goes on with the code that it has loaded
def _git() -> dict[str, Any]:
    root = Path(__file__).resolve().parent.parent
    # Of a folder above it would be somebody else's, with a copy of this package in it
    if not (root / ".git").exists():
        return {"commit": _archived(), "dirty": None}
    try:
        # It fails in a repository that lies around this code and does not hold it
        _run(["git", "ls-files", "--error-unmatch", "--", "lrbook/provenance.py"], root)
        commit = _run(["git", "rev-parse", "HEAD"], root)
        # Of code alone: what runs write into a clone does not change what they compute. Without
        # git's own lock, which would bar the user's commits.
        status = ["git", "--no-optional-locks", "status", "--porcelain", "--"]
        dirty = _run([*status, "lrbook", "benchmarks"], root)
    except (OSError, subprocess.SubprocessError):
        return {"commit": _archived(), "dirty": None}
    return {"commit": commit, "dirty": bool(dirty)}


def _archived() -> str | None:
    """The commit that the code was archived from; None where it is from no archive.

    ``git archive``, and so a download from GitHub or Zenodo, writes it into the file, where a
    checkout has no more than the place for it. Whether the code was changed since is not known.
    """
    try:
        text = Path(__file__).with_name("commit.txt").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else None


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        check=True,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=GIT_LIMIT_S,
    )
    return done.stdout.strip()


def _without_path(argument: str) -> str:
    """Folders of one machine mean nothing on another, and records are published: keep the name."""
    option, equals, value = argument.rpartition("=")
    is_path = os.sep in value or (os.altsep is not None and os.altsep in value)
    return f"{option}{equals}{Path(value).name}" if is_path else argument

"""Runs that are killed at any moment or meet a full disk lose nothing."""

import contextlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import kill_often
import pytest
import torch

from lrbook import sweeps
from lrbook.errors import RecordError
from lrbook.records import Store
from lrbook.vision import experiment

CONFIG = kill_often.config()
OPTIONS = [
    str(x) for name, n in kill_often.SIZES.items() for x in (f"--{name.replace('_', '-')}", n)
]
RUN = ["run", "patch", "--profile", "smoke", *OPTIONS, "--arms", "large", "--seeds", "6"]
KILLS = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of the history of an unbroken run, and its result."""
    store = Store(tmp_path_factory.mktemp("whole"))
    [record] = experiment.run([CONFIG], store, device="cpu", progress=False)
    return (record.folder / "history.parquet").read_bytes(), record.result


def assert_whole(folder: Path, whole) -> None:
    """The run in ``folder`` is finished, clean, and the unbroken one's twin."""
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "record.json",
        "history.parquet",
    }
    record = Store(folder).load(CONFIG)
    assert record.status == "finished"
    assert ((record.folder / "history.parquet").read_bytes(), record.result) == whole
    assert Store(folder).problems() == []


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments(tmp_path, whole):
    script = [sys.executable, str(Path(kill_often.__file__)), str(tmp_path), str(KILLS), "0"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    counts = dict(line.split() for line in done.stdout.splitlines())
    assert sum(map(int, counts.values())) >= KILLS
    for name in counts:
        # Temporary files of writes that were cut off may lie there; nothing takes them for more.
        for path in (tmp_path / name).rglob("*.tmp"):
            path.unlink()
        for path in (tmp_path / name).glob(".*.lock"):
            path.unlink()
        assert_whole(tmp_path / name, whole)


def limited(command: list[str], folder: Path, limit: int) -> subprocess.CompletedProcess:
    """Run ``lrbook`` where no file may grow over ``limit`` bytes, as on a disk full by then."""

    script = (
        "import resource, sys; from lrbook.cli import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "sys.exit(main(sys.argv[1:]))"
    )
    line = [sys.executable, "-B", "-c", script, *command]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("limit", "epochs", "file"),
    [(500, "5", "record.json"), (100_000, "5", "checkpoint"), (3_000, "1", "history.parquet")],
)
def test_no_room_for_a_file(tmp_path, whole, limit, epochs, file):
    """One sentence with the file and what to do; later, with room, the same numbers."""
    command = [*RUN, "--results", "runs", "--quiet"]
    command[command.index("--epochs") + 1] = epochs
    if epochs == "1":
        command[command.index("--drop") + 1] = "1"
    done = limited(command, tmp_path, limit)
    assert done.returncode == 2
    [told] = done.stderr.splitlines()
    assert f"/{file} cannot be written (File too large)." in told
    assert "Make room and give the same command again" in told
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {"record.json"}, "a half-written file was left"
    if (tmp_path / "runs" / CONFIG.run_id / "record.json").exists():
        assert Store(tmp_path / "runs").problems() == []
    if epochs == "5":
        experiment.run([CONFIG], Store(tmp_path / "runs"), device="cpu", progress=False)
        assert_whole(tmp_path / "runs", whole)


def test_the_previous_checkpoint_outlives_a_full_disk(tmp_path, whole):
    """The disk fills while the third checkpoint is written; the second is still good."""
    store, saved = Store(tmp_path), []
    save = store.save_checkpoint

    def fills(config, payload):
        if len(saved) == 2:
            folder = tmp_path / config.run_id
            old = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
            try:
                save(config, payload)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, old)
            raise AssertionError(folder)
        save(config, payload)
        saved.append(payload)

    store.save_checkpoint = fills
    with pytest.raises(Exception, match="checkpoint cannot be written"):
        experiment.run([CONFIG], store, device="cpu", progress=False)
    again = Store(tmp_path)
    assert again.load_checkpoint(CONFIG) == saved[1]
    experiment.run([CONFIG], again, device="cpu", progress=False)
    assert_whole(tmp_path, whole)


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if os.name == "nt" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tiny file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing more fits; the file that takes the room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


@pytest.mark.parametrize(
    ("method", "call", "file"),
    [
        ("start", 1, "record.json"),
        ("save_checkpoint", 1, "checkpoint"),
        ("save_checkpoint", 3, "checkpoint"),
        ("finish", 1, "history.parquet"),
    ],
)
def test_a_tiny_disk_fills_up(tiny_disk, whole, method, call, file):
    """The file is named; all that was there is there, byte by byte; with room the run goes on."""
    store, calls, before = Store(tiny_disk), [], {}
    original = getattr(store, method)

    def on_a_full_disk(*args, **options):
        calls.append(args)
        if len(calls) == call:
            before.update(contents(tiny_disk))
            fill(tiny_disk)
        return original(*args, **options)

    setattr(store, method, on_a_full_disk)
    wanted = rf"/{file} cannot be written \(No space left on device\)\. Make room"
    with pytest.raises(RecordError, match=wanted):
        experiment.run([CONFIG], store, device="cpu", progress=False)
    (tiny_disk / "ballast").unlink()
    assert contents(tiny_disk) == before
    assert len(before) == {"start": 0, "save_checkpoint": min(call, 2), "finish": 2}[method]
    experiment.run([CONFIG], Store(tiny_disk), device="cpu", progress=False)
    assert_whole(tiny_disk, whole)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes, locks left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_no_room_for_a_part_of_a_sweep(tmp_path):
    script = (
        "import resource, sys; from lrbook import sweeps;"
        "limit = int(sys.argv[2]);"
        "limit and resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit));"
        "sweeps.run('patch', 'smoke', grid={'eta2': [0.01, 0.02]}, arms=['small'], seeds=[0],"
        "folder=sys.argv[1], progress=False, device='cpu')"
    )
    folder = tmp_path / "sweep"
    command = [sys.executable, "-B", "-c", script, str(folder)]
    full = subprocess.run([*command, "1000"], capture_output=True, text=True)
    assert "parts/patch-" in full.stderr
    assert "Make room" in full.stderr
    assert not [path for path in folder.rglob("*") if path.is_file()]
    done = subprocess.run([*command, "0"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(sweeps.load(folder).records) == 2
    assert {path.name for path in folder.iterdir()} == {"sweep.json", "histories.parquet"}


@pytest.mark.parametrize(
    "lacking",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
    ids=["card", "cpu", "cudnn", "cublas", "python"],
)
def test_out_of_memory_says_what_to_do(lrbook, monkeypatch, lacking):
    from lrbook.vision import train

    def too_much(*_):
        raise lacking

    monkeypatch.setattr(train, "train_epoch", too_much)
    answer = lrbook(*RUN, "--batch", 32, "--device", "cpu", "--quiet")
    assert answer.code == 1
    [told] = answer.err.splitlines()
    assert "out of memory with batch = 32, widen = 1; give a smaller --batch or --widen" in told
    [record] = Path("runs").glob("*/record.json")
    assert json.loads(record.read_text())["status"] == "failed"

"""Studies as the tests of them start and watch them, in processes of their own."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import tiny_toy

from lrbook.record import read_record
from lrbook.study import index, plan

SETTINGS = "".join(f"{name} = {value}\n" for name, value in tiny_toy.TINY.items())


def write(folder: Path, seeds: int, arms: str = '"L-S", "S"', **settings) -> Path:
    more = "".join(f"{name} = {value}\n" for name, value in settings.items())
    path = folder / "study.toml"
    path.write_text(
        f'experiment = "toy"\nprofile = "smoke"\ndevice = "cpu"\nseeds = {list(range(seeds))}\n'
        f"arms = [{arms}]\n[settings]\n{SETTINGS}{more}"
    )
    return path


def start(path: Path, *options: object, env: dict | None = None, **popen) -> subprocess.Popen:
    """``lrbook sweep`` as a process of its own, with records in ``runs`` beside the study."""
    return subprocess.Popen(
        [sys.executable, "-m", "lrbook", "sweep", path.name, *map(str, options)],
        cwd=path.parent,
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


def with_path(folder: Path) -> dict[str, str]:
    """The environment of a process that has ``sitecustomize`` from ``folder``."""
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def ended(process: subprocess.Popen, code: int = 0, seconds: float = 240) -> tuple[str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == code, err
    return out, err


def finished(path: Path) -> dict:
    configs, _ = plan.read(path).configs()
    found = index.records(path.parent / "runs", [config.run_id for config in configs])
    return {run_id: record for run_id, record in found.items() if record.done}


class Watch:
    """The history of every run as it first was beside a record that it is over, to tell a run that
    was done twice. One whose process was killed between the two is rightly written again.
    """

    def __init__(self, root: Path):
        self.root, self.seen, self.stop = root, {}, threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.stop.wait(0.05):
            self.seen = self.now() | self.seen

    def now(self) -> dict[str, int]:
        over = [
            path.parent for path in self.root.glob("*/record.json") if read_record(path.parent).done
        ]
        return {folder.name: (folder / "history.parquet").stat().st_ino for folder in over}

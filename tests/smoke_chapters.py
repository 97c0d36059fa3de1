"""Every chapter run once with its smallest settings, for the tests of chapters and of the site.

papermill sets the parameter, nbval executes the copy in a fresh kernel, as a reader would. What the
cells gave is kept (keep_outputs.py), so that the site can be built without running them again.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from lrbook.locks import claim

NBVAL = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"]
QUIET = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "keep_outputs"]


class Executed(NamedTuple):
    """How a chapter went: what was wrong ("" if nothing), and the notebook with its outputs."""

    failure: str
    notebook: Path


def run_copy(path: Path, folder: Path) -> Executed:
    """Give a copy of the chapter the smoke profile, and let nbval execute it in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    prepare = ["papermill", "--prepare-only", "--log-level", "WARNING", "-p", "profile", "smoke"]
    failure = _run([*prepare, str(path), str(folder / path.name)], folder)
    failure = failure or _run(["pytest", *QUIET, *NBVAL, path.name], folder)
    return Executed(failure, folder / f"{path.stem}.executed.ipynb")


def _run(module: list[str], cwd: Path) -> str:
    """Run ``python -m module``: "" if that went well, else everything it printed."""
    # Settings of the pytest that runs this test are not meant for the one started here.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    paths = [str(Path(__file__).parent), env.get("PYTHONPATH", "")]
    # Chapters run side by side: one thread each.
    env |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=cwd, env=env, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else f"{' '.join(module)}\n{done.stdout}\n{done.stderr}"


class SmokeChapters:
    """Runs each chapter once, two at a time; processes with the same folder share the runs."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._pool = ThreadPoolExecutor(2)
        self._started: dict[Path, Future] = {}

    def start(self, paths: list[Path]) -> None:
        """Begin with ``paths``, in this order."""
        for path in paths:
            if path not in self._started:
                self._started[path] = self._pool.submit(self._once, path)

    def __call__(self, path: Path) -> Executed:
        """Wait for the run of ``path``."""
        self.start([path])
        return self._started[path].result()

    def _once(self, path: Path) -> Executed:
        folder = self.folder / path.stem
        report = folder / "failure.json"
        with claim(self.folder / f".{path.stem}.lock", path.stem):
            if not report.exists():
                executed = run_copy(path, folder)
                report.write_text(json.dumps(executed.failure), encoding="utf-8")
        return Executed(json.loads(report.read_text()), folder / f"{path.stem}.executed.ipynb")

    def close(self) -> None:
        """Start no more."""
        self._pool.shutdown(cancel_futures=True)

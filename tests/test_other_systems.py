"""What macOS and Windows lack, or have otherwise, as far as it can be played here."""

import ast
import ntpath
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
import torch

from lrbook import atomic, locks, provenance
from lrbook.browser import chromium
from lrbook.errors import RecordError
from lrbook.study import work
from lrbook.vision import train
from lrbook.vision.config import PatchConfig
from lrbook.vision.wideresnet import WideResNet

ROOT = Path(__file__).resolve().parent.parent


def test_without_locks_a_worker_waits_for_its_run_all_the_same(monkeypatch, tmp_path):
    """Windows has no os.pread; and no run waits for another there."""
    monkeypatch.setattr(locks, "CAN_LOCK", False)
    monkeypatch.delattr(os, "pread")
    monkeypatch.setattr(work, "BETWEEN_LOOKS", 0.01)
    command = [sys.executable, "-c", "import time; time.sleep(0.1); raise SystemExit(3)"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as child:
        assert work._ended(child, log.fileno(), {}) == 3


def test_an_apple_computer_has_its_processors_name(monkeypatch):
    def sysctl(command, **_):
        assert command == ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(command, 0, "Apple M9\n", "")

    def none(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(provenance, "CPUINFO", Path("nowhere"))
    monkeypatch.setattr(provenance, "available_cores", lambda: 8)
    monkeypatch.setattr(provenance.platform, "processor", lambda: "arm")
    monkeypatch.setattr(provenance.subprocess, "run", sysctl)
    assert provenance.describe_cpu() == "CPU, Apple M9, 8 cores"
    monkeypatch.setattr(provenance.subprocess, "run", none)
    assert provenance.describe_cpu() == "CPU, arm, 8 cores"


def test_all_cores_count_where_no_mask_is_known(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(provenance, "CGROUP", Path("nowhere"))
    assert provenance.available_cores() == 8


@pytest.mark.parametrize(
    "typed",
    [r"C:\Users\me\images", "C:/Users/me/images", r"--data=C:\me\images", "--data=me/images"],
)
def test_no_folder_of_a_windows_user_is_published(monkeypatch, typed):
    monkeypatch.setattr(provenance.os, "sep", ntpath.sep)
    monkeypatch.setattr(provenance.os, "altsep", ntpath.altsep)
    monkeypatch.setattr(provenance, "Path", PureWindowsPath)
    option = "--data=" if "=" in typed else ""
    assert provenance._without_path(typed) == f"{option}images"
    assert provenance._without_path("--seeds=1,2") == "--seeds=1,2"


@pytest.mark.parametrize(("refusals", "written"), [(0, True), (3, True), (4, False)])
def test_a_file_that_is_read_just_now_is_replaced_a_little_later(
    tmp_path, monkeypatch, refusals, written
):
    """Windows refuses to rename over it."""
    path, refused, replace = tmp_path / "record.json", [], Path.replace
    path.write_bytes(b"old")

    def busy(source, target):
        if len(refused) < refusals:
            refused.append(target)
            raise PermissionError(13, "Access is denied")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr(atomic, "TRIES", 4)
    monkeypatch.setattr(atomic, "PAUSE_S", 0)
    if written:
        atomic.write_atomically(path, b"new")
    else:
        with pytest.raises(RecordError, match=r"record\.json cannot be written \(Access is denied"):
            atomic.write_atomically(path, b"new")
    assert path.read_bytes() == (b"new" if written else b"old")
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.skipif(os.name == "nt", reason="it is for the systems that rename over any file")
def test_where_no_permission_is_for_good_it_is_asked_for_once():
    assert atomic.TRIES == 1


def test_a_browser_is_found_where_macos_keeps_it(tmp_path, monkeypatch):
    place = tmp_path / "Google Chrome.app" / "Google Chrome"
    place.parent.mkdir()
    place.write_text("#!/bin/sh\n", encoding="utf-8")
    place.chmod(0o755)
    monkeypatch.delenv("LRBOOK_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "PLACES", ("/nowhere/chrome", str(place)))
    assert chromium.find() == str(place)
    monkeypatch.setattr(chromium, "PLACES", ())
    assert chromium.find() is None


def test_the_optimizer_is_fused_only_where_every_pytorch_allowed_can_do_it():
    """PyTorch 2.4 raises RuntimeError for mps, as this one does for a device of no memory."""
    config = PatchConfig.for_profile("smoke", arm="large", seed=0)
    model = WideResNet(10, 1, generator=torch.Generator().manual_seed(0))
    assert train.make_optimizer(model, config).defaults["fused"]
    optimizer = train.make_optimizer(model.to("meta"), config)
    assert not optimizer.defaults["fused"]
    assert len(optimizer.state) == len(list(model.parameters()))


def test_output_has_letters_that_a_pipe_cannot_write(tmp_path):
    """Windows writes into a pipe in the code page of the country; here ASCII stands for it."""
    command = [sys.executable, "-m", "lrbook", "records", "list", "--results", "Läufe-η"]
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"there is no folder L\xe4ufe-\u03b7; --results" in done.stdout


SOURCES = [
    path
    for top in ("lrbook", "benchmarks", "recipes", "book/_ext")
    for path in sorted((ROOT / top).rglob("*.py"))
]


def test_no_text_is_read_or_written_in_the_encoding_of_the_country():
    found = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read_text", "write_text")
        and "encoding" not in {each.arg for each in node.keywords}
    ]
    assert not found


def test_text_in_the_repository_has_the_same_ends_of_lines_everywhere():
    command = ["git", "check-attr", "text", "eol", "--", "Makefile", ".ci/run", "book/intro.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    if done.returncode:
        pytest.skip("this is no clone")
    told = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert told == ["text: auto", "eol: lf"] * 3

"""Recipes for clusters: the job script that Slurm would get, and the Kubernetes resource."""

import os
import runpy
import shutil
import stat
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
import yaml
from conftest import ROOT
from started_studies import ended, write

from lrbook.study import index, plan

SLURM = ROOT / "recipes" / "slurm.py"
QUIET = os.environ | {"PYTHONWARNINGS": "ignore"}


def script(*options: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, SLURM, "s.toml", "--dry", *options],
        capture_output=True,
        text=True,
        env=QUIET,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_job_script_asks_slurm_for_what_was_said():
    lines = script(
        "--account", "lab", "--queue", "gpu", "--cores", "6", "--memory", "20GB",
        "--gpu", "--walltime", "01:30:00",
    )  # fmt: skip
    assert lines[0].startswith("#!")
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}
    for part in ("-A lab", "-p gpu", "-n 1", "--cpus-per-task=6", "-t 01:30:00", "--gres=gpu:1"):
        assert part in asked
    assert any(part.startswith("--mem=19G") for part in asked)  # 20e9 bytes in GiB
    [command] = [line for line in lines if "dask_worker" in line or "dask worker" in line]
    assert command.startswith(sys.executable)
    assert "tcp://" in command
    assert "--nthreads 1" in command
    assert "--lifetime 5100s" in command  # an hour and a half, less five minutes
    assert "--lifetime-stagger 120s" in command
    assert command.count("--death-timeout") == 1
    assert "--gres=gpu:1" not in "\n".join(script())


@pytest.mark.slow
def test_a_walltime_of_days_is_passed_on_and_a_word_is_refused():
    lines = script("--walltime", "1-00:00:00")
    assert "#SBATCH -t 1-00:00:00" in lines
    assert any("--lifetime 86100s" in line for line in lines)  # a day, less five minutes
    command = [sys.executable, SLURM, "s.toml", "--dry", "--walltime", "1day"]
    done = subprocess.run(command, capture_output=True, text=True, env=QUIET)
    assert (done.returncode, done.stdout) == (2, "")
    assert "walltime = '1day' is not allowed: give minutes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_workers_of_short_jobs_stay_and_jobs_that_are_too_short_are_refused():
    [command] = [line for line in script("--walltime", "10") if "--lifetime" in line]
    assert "--lifetime 300s --lifetime-stagger 75s" in command  # none leaves before 225 s
    command = [sys.executable, SLURM, "s.toml", "--dry", "--walltime", "00:09:59"]
    done = subprocess.run(command, capture_output=True, text=True, env=QUIET)
    assert (done.returncode, done.stdout) == (2, "")
    assert "walltime = '00:09:59' is too short" in done.stderr
    assert "give 10 minutes or more" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", ["slurm.py", "slurm.py --help", "kubernetes.yaml", "lrbook sweep"]
)
def test_where_gather_is_told_of_it_is_said_that_a_run_then_starts_anew(where):
    """Checkpoints stay on their machine: only in a folder that is shared does a run go on."""
    if where.endswith(("--help", "sweep")):
        command = [SLURM] if "slurm" in where else ["-m", "lrbook", "sweep"]
        line = [sys.executable, *command, "--help"]
        text = subprocess.run(line, capture_output=True, text=True, env=QUIET, check=True).stdout
    else:
        text = (SLURM.parent / where).read_text()
    assert "--gather" in text
    assert "starts anew" in " ".join(text.replace("#", " ").split())


@pytest.mark.parametrize(
    ("walltime", "expected"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("01:30:00", 5400),
        ("1-12", 129_600),
        ("1-12:30", 131_400),
        ("2-00:00:01", 172_801),
        ("", 0),
        ("1:2:3:4", 0),
        ("-5", 0),
        ("1-", 0),
        ("UNLIMITED", 0),
    ],
)
def test_a_walltime_has_the_forms_of_slurm(walltime, expected):
    assert runpy.run_path(str(SLURM))["seconds"](walltime) == expected


# A Slurm of one machine: sbatch keeps a copy of the script, starts it and names the job; scancel
# ends a job.
SBATCH = """#!/bin/sh
for script; do :; done
cp "$script" "$0.$$"
setsid sh "$0.$$" >> "$0.log" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = '#!/bin/sh\nfor job; do kill -9 -"$job" 2>/dev/null; done\n:\n'


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("setsid") is None, reason="its queue needs setsid, as Linux has")
@pytest.mark.usefixtures("own_compilations")
def test_a_study_runs_through_the_job_queue(tmp_path):
    queue = tmp_path / "queue"
    queue.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (queue / name).write_text(text)
        (queue / name).chmod((queue / name).stat().st_mode | stat.S_IXUSR)
    path = write(tmp_path, 2)
    sweep = subprocess.Popen(
        [sys.executable, SLURM, path.name, "--jobs", "2", "--cores", "1", "--interface", "lo"],
        cwd=tmp_path,
        env=QUIET | {"PATH": f"{queue}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, _ = ended(sweep)
    assert "4 of 4 runs are recorded" in out
    configs, _ = plan.read(path).configs()
    assert len(index.records(tmp_path / "runs")) == len(configs) == 4


def understood(args: list[str], name: str) -> dict[str, object]:
    """The options that the installed subcommand ``name`` reads in a pod's ``args``."""
    program, subcommand, *options = args
    assert entry_points(group="console_scripts", name=program)
    assert subcommand == name
    [command] = entry_points(group=f"{program}_cli", name=subcommand)
    return command.load().make_context(name, options).params


def test_the_kubernetes_resource_runs_one_run_at_a_time_in_a_pod():
    resource = yaml.safe_load((ROOT / "recipes" / "kubernetes.yaml").read_text())
    assert (resource["apiVersion"], resource["kind"]) == ("kubernetes.dask.org/v1", "DaskCluster")
    name = resource["metadata"]["name"]
    scheduler, worker = resource["spec"]["scheduler"], resource["spec"]["worker"]
    selector = {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
    assert scheduler["service"]["selector"] == selector
    [pod] = worker["spec"]["containers"]
    options = understood(pod["args"], "worker")
    assert (options["name"], options["nthreads"]) == ("$(DASK_WORKER_NAME)", 1)
    understood(scheduler["spec"]["containers"][0]["args"], "scheduler")
    assert pod["image"] == scheduler["spec"]["containers"][0]["image"]
    opened = {port["name"] for port in scheduler["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in scheduler["service"]["ports"]} == opened

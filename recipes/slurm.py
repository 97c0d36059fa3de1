"""A study on a cluster with Slurm: ``python recipes/slurm.py STUDY.toml --account NAME``.

Run it on a login node or in a small job of its own, for instance under tmux: it holds the scheduler
and hands out the runs. Every Slurm job is one worker that takes one run after the other. When a
job's time is over its run goes on elsewhere from the last checkpoint, and a new job takes its
place. ``--dry`` shows the script of a job and submits nothing.

The results folder must be one that the nodes share; where there is none, add ``--gather``. Then
checkpoints stay on their node, and a run that is handed on starts anew: one that takes longer than
a job's walltime is never finished without a shared folder.
Needs ``pip install dask-jobqueue`` beside lrbook's extra ``cluster``.
"""

import argparse
import re
import subprocess
import sys

from dask_jobqueue import SLURMCluster

MARGIN = 300  # seconds that a worker leaves before its job ends, so that its run is handed on
SHORTEST = 600  # seconds of a job that are worth their margin


def main() -> int:
    """Start the jobs, hand the study to ``lrbook sweep``, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", metavar="STUDY.toml")
    parser.add_argument("--account")
    parser.add_argument("--queue", help="the partition")
    parser.add_argument("--jobs", type=int, default=8, help="most at once")
    parser.add_argument("--cores", type=int, default=4, help="of a job")
    parser.add_argument("--memory", default="16GB", help="of a job")
    parser.add_argument("--gpu", action="store_true", help="one for each job")
    parser.add_argument(
        "--walltime",
        default="04:00:00",
        help="of a job, in any form of Slurm's; with --gather longer than any run, because one "
        "that is handed on then starts anew",
    )
    parser.add_argument("--interface", help="network between nodes, such as ib0 (default: any)")
    parser.add_argument("--dry", action="store_true", help="show the script of a job, and stop")
    arguments, rest = parser.parse_known_args()
    if not seconds(arguments.walltime):
        parser.error(
            f"walltime = {arguments.walltime!r} is not allowed: give minutes, "
            "hours:minutes:seconds or days-hours:minutes:seconds."
        )
    if seconds(arguments.walltime) < SHORTEST:
        parser.error(
            f"walltime = {arguments.walltime!r} is too short: a worker leaves {MARGIN // 60} "
            f"minutes before its job ends, so give {SHORTEST // 60} minutes or more."
        )
    with cluster(arguments) as jobs:
        if arguments.dry:
            print(jobs.job_script())
            return 0
        # A job that ends, by its walltime or otherwise, is replaced as long as there is work.
        jobs.adapt(minimum_jobs=1, maximum_jobs=arguments.jobs)
        sweep = ["sweep", arguments.study, "--scheduler", jobs.scheduler_address, *rest]
        return subprocess.call([sys.executable, "-m", "lrbook", *sweep])


def seconds(walltime: str) -> int:
    """What Slurm reads: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S; 0 where it is none of these."""
    if not re.fullmatch(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}", walltime, re.ASCII):
        return 0
    days, dash, rest = walltime.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if not dash and len(parts) < 3:
        parts.insert(0, 0)  # without days the first number is minutes
    hours, minutes, last = (*parts, 0, 0)[:3]
    return 86400 * int(days or 0) + 3600 * hours + 60 * minutes + last


def cluster(arguments: argparse.Namespace) -> SLURMCluster:
    """The jobs: one process and one thread each, so that a run has a job's cores to itself."""
    # Staggered, so that not all workers leave together; Dask takes the stagger off or puts it on.
    lifetime = seconds(arguments.walltime) - MARGIN
    stagger = min(120, lifetime // 4)
    return SLURMCluster(
        account=arguments.account,
        queue=arguments.queue,
        cores=1,  # one run at a time; what the job gets is job_cpu
        job_cpu=arguments.cores,
        processes=1,
        memory=arguments.memory,
        walltime=arguments.walltime,
        job_extra_directives=["--gres=gpu:1"] if arguments.gpu else [],
        death_timeout=300,
        worker_extra_args=["--lifetime", f"{lifetime}s", "--lifetime-stagger", f"{stagger}s"],
        interface=arguments.interface,
        scheduler_options={"dashboard_address": ":0"},
        python=sys.executable,
    )


if __name__ == "__main__":
    sys.exit(main())

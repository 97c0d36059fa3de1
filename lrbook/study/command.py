"""``lrbook sweep STUDY.toml`` and ``lrbook study report STUDY.toml``."""

import argparse
import sys
from pathlib import Path
from typing import Any

from lrbook import cli_said
from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.parser import Parser


def add(commands: Any, results: str) -> None:
    """Add both commands; ``results`` is the default folder."""
    text = "run a study on this machine or on a Dask cluster"
    sweep = commands.add_parser("sweep", help=text, description=text, allow_abbrev=False)
    _common(sweep, results)
    sweep.add_argument("--plan", action="store_true", help="show what would be run, and stop")
    sweep.add_argument(
        "--scheduler", metavar="ADDRESS", help="a running one, such as tcp://host:8786"
    )
    sweep.add_argument("--workers", type=int, default=0, help="on this machine (0: by its size)")
    sweep.add_argument(
        "--gather",
        action="store_true",
        help="send records back: the workers share no folder; checkpoints stay where they are, so "
        "a run that its worker leaves starts anew on another",
    )
    sweep.add_argument(
        "--patience", type=float, default=600, metavar="SECONDS", help="without a scheduler"
    )
    sweep.add_argument("--quiet", action="store_true", help="no progress")
    sweep.set_defaults(command=_sweep)

    study = commands.add_parser("study", help="report on a study", allow_abbrev=False)
    actions = study.add_subparsers(metavar="ACTION", required=True)
    report = actions.add_parser("report", help="table, figure and Parquet", allow_abbrev=False)
    _common(report, results)
    report.add_argument("-o", "--out", metavar="DIR", help="default: RESULTS/reports/NAME")
    report.add_argument("--quantity", metavar="NAME", help="which number the figure shows")
    report.set_defaults(command=_report)


def _common(parser: Parser, results: str) -> None:
    parser.add_argument("study", metavar="STUDY.toml")
    parser.add_argument("--data", metavar="DIR", help="folder of Parquet images, where needed")
    parser.add_argument("--results", default=results, metavar="DIR")
    for name in ("profile", "device", "seeds", "arms", "most_runs"):
        there = f"write {name} into the study's file, above its tables."
        parser.instead[f"--{name.replace('_', '-')}"] = there


def _sweep(arguments: argparse.Namespace) -> int:
    from lrbook.study import engine, index, plan

    if arguments.workers < 0:
        raise ConfigError(f"workers = {arguments.workers} is not allowed: it must be 0 or more.")
    if arguments.scheduler is not None and "://" not in arguments.scheduler:
        raise ConfigError(
            f"scheduler = {arguments.scheduler!r} is not an address; tcp://HOST:PORT is one."
        )
    study = plan.read(arguments.study)
    configs, extra = study.configs(arguments.data)
    todo = engine.missing(configs, arguments.results)
    print(f"{study.name}: {len(configs)} runs, {len(configs) - len(todo)} recorded, {_cost(todo)}")
    points = [name for point in study.points or [] for name in point]
    for words in cli_said.of_study(configs, [*study.settings, *(study.grid or {}), *points]):
        print(f"lrbook: {words}", file=sys.stderr)
    if arguments.plan:
        varied = _varied(configs)
        for config in todo:
            place = ", ".join(f"{name} = {getattr(config, name)}" for name in varied)
            print(f"{config.run_id}  {config.arm:8} seed {config.seed:<4} {place}".rstrip())
        return 0
    sys.stdout.flush()
    where = engine.Cluster(
        scheduler=arguments.scheduler,
        workers=arguments.workers,
        gather=arguments.gather,
        patience=arguments.patience,
    )
    failed = engine.run(
        configs,
        arguments.results,
        extra,
        device=study.device,
        cluster=where,
        quiet=arguments.quiet,
    )
    for how in dict.fromkeys(failed.values()):  # what many have in common is told once
        first, *others = [run_id for run_id in failed if failed[run_id] == how]
        more = f" (and {len(others)} more: {', '.join(others)})" if others else ""
        print(f"lrbook: run {first}{more} failed: {how}", file=sys.stderr)
    print(f"{study.name}: {len(configs) - len(failed)} of {len(configs)} runs are recorded")
    found = index.of(configs, arguments.results)
    diverged = [record for record in found.values() if record.status == "diverged"]
    if diverged:
        example = diverged[0]
        such = f"{example.run_id}: {example.message}"
        print(f"lrbook: {len(diverged)} of them diverged, such as {such}", file=sys.stderr)
    return 1 if failed or diverged else 0


def _varied(configs: list[Config]) -> list[str]:
    """The fields, besides arm and seed, that are not the same in all of the runs."""
    names = [name for name in type(configs[0]).model_fields if name not in ("arm", "seed")]
    return [name for name in names if len({getattr(config, name) for config in configs}) > 1]


def _cost(todo: list[Any]) -> str:
    from lrbook.sweeps import cost_words

    if not todo:
        return "nothing to run"
    return f"{len(todo)} to run ({cost_words(todo, len(todo))}, and seconds each to start)"


def _report(arguments: argparse.Namespace) -> int:
    from lrbook.study import index, plan, report

    study = plan.read(arguments.study)
    configs, _ = study.configs(arguments.data)
    found = index.of(configs, arguments.results)
    records = [found[c.run_id] for c in configs if c.run_id in found and found[c.run_id].done]
    out = Path(arguments.out or Path(arguments.results) / "reports" / study.name)
    lines = report.write(records, out, arguments.quantity)
    print(f"{study.name}: {len(records)} of {len(configs)} runs are recorded", *lines, sep="\n")
    return 0

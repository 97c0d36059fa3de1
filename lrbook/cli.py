"""The command line: ``lrbook run``, ``records``, ``record``, ``chapter``, ``sweep``, ``study``.

Options of ``lrbook run`` are the fields of the experiment's configuration, so there is one list of
names, one set of checks and one wording of errors. Exit codes: 0 done, 1 a run failed or diverged,
2 wrong usage, configuration, data or records, or an output that cannot be written, 141 the reader
of the output has gone.
"""

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lrbook import cli_said, experiments, options, orphans, own
from lrbook.errors import ConfigError, RecordError, RunError, UserError
from lrbook.spans import numbers, words_of

DEFAULT_RESULTS = "runs"
READER_GONE = 141  # as a shell names the end by SIGPIPE
# Packages of the commands that not every installation has, and the extra they come with.
_EXTRAS = {
    "papermill": "book",
    "nbclient": "book",
    "nbconvert": "book",
    "nbformat": "book",
    "pybtex": "book",
    "yaml": "book",
    "dask": "cluster",
    "distributed": "cluster",
    "rich": "cluster",
}


def entry() -> NoReturn:
    """Console script."""
    code: str | int | None
    orphans.watch()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As stderr has it: into a pipe Windows writes but few letters, and a path may have others
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            code = main()
        except SystemExit as end:  # argparse's, after --help, --version or a refusal
            code = end.code
        if sys.stdout is not None:  # it is closed, as in ``lrbook record >&-``
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as in ``lrbook record | head``
        _drop_output()
        code = READER_GONE  # and not 0: of a study perhaps nothing has been run
    except OSError as error:
        if not _is_of_output(error):
            raise
        print(_unwritten(error), file=sys.stderr)
        _drop_output()
        code = 2
    sys.exit(code)


def _drop_output() -> None:
    """Nothing more is written to stdout, nor by Python's own flush at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritten(error: OSError) -> str:
    why = error.strerror or error
    return (
        f"lrbook: the output cannot be written ({why}); name another place for it. Runs that were "
        "over are kept, and the same command loads them."
    )


def _is_of_output(error: OSError) -> bool:
    """Whether ``error``, which names no file, is of stdout: then another line fails, too."""
    if error.filename is not None or sys.stdout is None:
        return False
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's own) and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = argparse.Namespace()
    try:
        arguments = _parser(given).parse_args(given)
        return arguments.command(arguments)
    except UserError as error:
        print(f"lrbook: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"lrbook: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        install = f"in a clone of the repository, pip install '.[{extra}]' adds it"
        print(f"lrbook: this command needs {error.name}; {install}.", file=sys.stderr)
        return 2
    except OSError as error:
        # Even to ask whether a file is there fails in a folder that is somebody else's.
        if error.errno not in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG) or not error.filename:
            raise
        print(f"lrbook: {error.filename} cannot be read ({error.strerror}).", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"lrbook: interrupted; {_going_on(arguments)}.", file=sys.stderr)
        return 130


def _going_on(arguments: argparse.Namespace) -> str:
    if getattr(arguments, "force", False):
        return "the same command without --force goes on from here"
    if "chapter" in arguments:
        return "the same command starts the chapter again, from its first cell"
    if "jobs" in arguments and arguments.run:  # of sweeps no checkpoints are kept
        return (
            "the same command goes on from here, but a run of one of the book's sweeps that was "
            "cut off starts anew"
        )
    if "experiment" in arguments or ("scheduler" in arguments and not arguments.plan):
        return "the same command goes on from here"
    return "nothing was being run"


def _parser(given: Sequence[str] = ()) -> argparse.ArgumentParser:
    commands = {"run": _run, "records": _records, "record": _record, "chapter": _chapter}
    # The options of an experiment of one's own are known once its class is.
    mine = [given[1]] if given[:1] == ["run"] and own.is_own("".join(given[1:2])) else []
    return options.parser(commands, DEFAULT_RESULTS, mine)


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.experiment
    cls = experiments.config_class(name)
    settings = {
        key.removeprefix("set_"): value
        for key, value in vars(arguments).items()
        if key.startswith("set_") and value is not None
    }
    settings, extra = experiments.locate_data(cls, arguments.profile, settings)
    configs = cls.expand(
        arguments.profile,
        seeds=None if arguments.seeds is None else numbers("seeds", arguments.seeds),
        arms=None if arguments.arms is None else words_of(arguments.arms),
        **settings,
    )
    experiments.check_device(arguments.device)
    for words in cli_said.of_unread(configs, settings, in_some_arms=not arguments.quiet):
        print(f"lrbook: {words}", file=sys.stderr)
    from lrbook.records import Store

    store = Store(arguments.results)
    stored = [] if arguments.force else [store.load(config) for config in configs]
    there = sum(record is not None and record.done for record in stored)
    shell = experiments.shell(name)
    done = shell.run(
        configs,
        store,
        device=arguments.device,
        force=arguments.force,
        progress=not arguments.quiet,
        **extra,
    )
    if changed := own.changed(cls, (record for record in stored if record)):
        print(f"lrbook: {cli_said.of_changed(changed, name)}", file=sys.stderr)
    if there and not arguments.quiet:
        words = cli_said.of_loaded(there, len(configs), arguments.results)
        print(f"lrbook: {words}", file=sys.stderr)
    summary = shell.summary(done)
    if arguments.json:
        print(json.dumps(summary, allow_nan=False))
    else:
        from lrbook.report import summary_lines

        print("\n".join(summary_lines(summary)))
    return 1 if any(record.status != "finished" for record in done) else 0


def _records(arguments: argparse.Namespace) -> int:
    from lrbook import report, speed, sweeps
    from lrbook.records import Store

    store = Store(arguments.results)
    if arguments.run_id and arguments.action != "show":
        raise ConfigError(f"records {arguments.action} takes no run; records show RUN does.")
    if arguments.action == "verify":
        if not store.root.is_dir():
            raise RecordError(
                f"there is no results folder {store.root} to verify; name one with --results."
            )
        problems, counted = store.problems(), f"{len(store.folders())} records"
        for module, kind in ((sweeps, "sweeps"), (speed, "benchmarks")):
            count, more = module.problems(arguments.results)
            problems += more
            counted += f", {count} {kind}" if count else ""
        for problem in problems:
            print(f"lrbook: {problem}", file=sys.stderr)
        print(f"{counted}, {len(problems)} damaged")
        return 2 if problems else 0
    if arguments.action == "show":
        if not arguments.run_id:
            raise ConfigError("no run is named; lrbook records list has their ids.")
        print(json.dumps(report.one_record(store, arguments.run_id), indent=1))
        return 0
    lines, damaged = report.record_lines(store)
    print("\n".join(lines))
    for problem in damaged:
        print(f"lrbook: {problem}", file=sys.stderr)
    return 2 if damaged else 0


def _record(arguments: argparse.Namespace) -> int:
    from lrbook import record_run, recordings

    plan = recordings.read(only=arguments.only)
    results = arguments.results or recordings.recordings_dir()
    if not arguments.run:
        for name in ("data", "jobs"):
            if getattr(arguments, name):
                raise ConfigError(f"--{name} is for --run, which makes what is missing; add --run.")
        print("\n".join(recordings.state_lines(plan, results)))
        return 2 if any(recordings.damage(recording, results) for recording in plan) else 0
    return record_run.run_missing(plan, results, data=arguments.data, jobs=arguments.jobs)


def _chapter(arguments: argparse.Namespace) -> int:
    from lrbook import chapters

    if arguments.list:
        print("\n".join(chapters.list_lines()))
        return 0
    if not arguments.chapter:
        raise ConfigError("no chapter is named; lrbook chapter --list has their names.")
    given: dict[str, str] = {}
    for name, value in arguments.parameters:
        if name in given:
            raise ConfigError(f"{name} is given twice.")
        given[name] = value
    options = {"out": arguments.out, "results": arguments.results, "timeout": arguments.timeout}
    out = chapters.run(arguments.chapter, given, progress=not arguments.quiet, **options)
    print(f"{out}\n{out.with_suffix('.html')}")
    return 0

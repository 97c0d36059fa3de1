"""What the command line takes: its commands and their options."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lrbook
from lrbook import experiments
from lrbook.parser import Parser, as_typed, one_of
from lrbook.study import command as study_command

Command = Callable[[argparse.Namespace], int]


def parser(commands: Mapping[str, Command], results: str, mine: Sequence[str] = ()) -> Parser:
    """The parser of all commands.

    Args:
        commands: what to call, of each command but those on studies, with what was parsed; in the
            result as ``command``.
        results: the folder of runs if none is given.
        mine: experiments of the user's own that ``run`` takes besides the book's.

    Raises:
        ConfigError: there is no such experiment of the user's own.
    """
    whole = Parser(prog="lrbook", description=lrbook.__doc__, allow_abbrev=False)
    whole.add_argument("--version", action="version", version=f"lrbook {lrbook.__version__}")
    given = whole.add_subparsers(metavar="COMMAND", required=True)

    too = "Or one of your own: FILE.py:CLASS, a subclass of the configuration of one of these."
    run = given.add_parser("run", help="run an experiment", epilog=too, allow_abbrev=False)
    run.hint = " One of your own is given as FILE.py:CLASS."
    kinds = run.add_subparsers(dest="experiment", metavar="EXPERIMENT", required=True)
    for name in (*experiments.NAMES, *mine):
        _add_run(kinds, name, results).set_defaults(command=commands["run"])

    records = given.add_parser("records", help="list, show or verify stored runs")
    actions = ("list", "show", "verify")
    records.add_argument(
        "action", type=one_of("action", actions), metavar=f"{{{','.join(actions)}}}"
    )
    records.add_argument("run_id", nargs="?", help="for show: the run, or the start of its id")
    records.add_argument("--results", default=results, metavar="DIR")
    records.set_defaults(command=commands["records"])

    record = given.add_parser("record", help="state of the book's recordings; --run makes them")
    record.add_argument("--run", action="store_true", help="run what is missing")
    record.add_argument("--only", metavar="NAME", help="only this recording")
    record.add_argument("--data", metavar="DIR", help="folder of Parquet images, where needed")
    jobs = "processes at a time, for runs of no sweep (0: by cores, or by GPUs)"
    record.add_argument("--jobs", type=int, default=0, help=jobs)
    record.add_argument("--results", metavar="DIR", help="default: the repository's results")
    record.instead = {word: f"did you mean lrbook records {word}?" for word in actions}
    record.set_defaults(command=commands["record"])
    _add_chapter(given).set_defaults(command=commands["chapter"])
    study_command.add(given, results)
    return whole


def _add_chapter(given: Any) -> argparse.ArgumentParser:
    text = "re-execute a chapter with other parameters, all checked before it starts"
    chapter = given.add_parser("chapter", help=text, description=text, allow_abbrev=False)
    which = "its name (--list has them), or the path of a notebook of your own"
    chapter.add_argument("chapter", nargs="?", metavar="CHAPTER", help=which)
    chapter.add_argument("--list", action="store_true", help="chapters, parameters and last runs")
    pair = {"nargs": 2, "metavar": ("NAME", "VALUE"), "action": "append", "default": []}
    pair["type"] = as_typed
    chapter.add_argument("-p", dest="parameters", help="a parameter; may be repeated", **pair)
    out = "executed notebook or its folder (default: in runs/chapters); the page goes beside it"
    chapter.add_argument("-o", "--out", metavar="OUT", help=out)
    results = "folder of records that the figures show instead of the repository's"
    chapter.add_argument("--results", metavar="DIR", help=results)
    limit = "seconds a cell may take, 0 for no limit (default: 3600)"
    chapter.add_argument("--timeout", type=int, default=3600, metavar="SECONDS", help=limit)
    chapter.add_argument("--quiet", action="store_true", help="no progress bar")
    return chapter


def _add_run(kinds: Any, name: str, results: str) -> argparse.ArgumentParser:
    cls = experiments.config_class(name)
    parser = kinds.add_parser(name, help=f"the {name} experiment", allow_abbrev=False)
    parser.add_argument("--profile", default="demo", help=f"one of {', '.join(cls.profiles)}")
    parser.add_argument("--seeds", metavar="0,1,2", help="one run per arm and seed; 0-9 for ten")
    parser.add_argument("--arms", metavar=",".join(cls.arms), help="which arms to run")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--results", default=results, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    parser.add_argument("--force", action="store_true", help="repeat finished runs")
    quiet = (
        "no progress bar; no word on runs that were there, or an arm that a setting leaves alone"
    )
    parser.add_argument("--quiet", action="store_true", help=quiet)
    fields = parser.add_argument_group("settings (default: the profile's)")
    described = {field: info.description or "" for field, info in cls.model_fields.items()}
    for field, words in (described | cls.shorthands).items():
        if field in ("arm", "seed"):
            continue
        text = words.replace("\n", " ").replace("%", "%%")
        option = f"--{field.replace('_', '-')}"
        fields.add_argument(option, dest=f"set_{field}", metavar="VALUE", help=text)
    return parser

"""Where records come from, in words: the footer of a chapter, and what the words are made of."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from lrbook import provenance, style, used
from lrbook.record import Record

SHARED = ("data", "hardware", "software")
"""Said once below the footer's table if they are the same for every recording."""


def describe(records: Sequence[Record]) -> dict[str, str]:
    """Part -> words, for runs that belong together; everything is read from the records.

    A run that is among them twice counts once.

    Parts: ``runs`` (how many, which seeds), ``data``, ``hardware``, ``software``, ``time`` (wall
    time of all runs added up), ``date`` (first to last day, UTC) and ``commit``. A part that the
    records do not know is left out.

    Raises:
        ValueError: there are no records.
    """
    if not records:
        raise ValueError("no records to describe")
    records = once(records)
    origins = origins_of(records)
    framework = framework_of(origins)
    seeds = seeds_words(record.config["seed"] for record in records)
    parts = {
        "runs": f"{count_words(records)}, {seeds}",
        "data": "; ".join(distinct(origins, "data")) or "data drawn from the seed",
        "hardware": "; ".join(distinct(origins, "device")),
        "software": "; ".join(_software(origins, framework)),
        "time": time_words(sum(record.wall_s or 0.0 for record in records)),
        "date": days(origins),
        "commit": " and ".join(f"commit {each}" for each in commits(origins)),
    }
    precision = ", ".join(distinct(origins, "precision"))
    if precision:
        parts["hardware"] += f", {precision}"
    # A record may be anybody's: no tag in it counts
    return {part: escape(words, quote=False) for part, words in parts.items() if words}


def footer() -> None:
    """Show, at the end of a chapter, where every record comes from that the chapter has used."""
    style.say(footer_words(used.kept("shown"), used.kept("live"), provenance.here()))


def footer_words(
    shown: Mapping[str, Sequence[Record]],
    live: Mapping[str, Sequence[Record]],
    here: Mapping[str, Any],
) -> str:
    """The footer as Markdown.

    Args:
        shown: recording -> its runs that the page shows.
        live: experiment and profile -> runs that the page made itself.
        here: provenance of the process that executes the page.
    """
    rows = [(f"`{name}`", describe(runs)) for name, runs in shown.items() if runs]
    shared = _shared([parts for _, parts in rows])
    rows += [(f"run on this page: {name}", describe(runs)) for name, runs in live.items() if runs]
    said = ["**Where the numbers on this page come from**"]
    if not any(shown.values()):
        said.append("This page shows no recording: its numbers are computed by its own cells.")
    if rows:
        lines = ["| record | runs, wall time, date |", "|:---|:---|"]
        for name, parts in rows:
            own = [words for part, words in parts.items() if shared.get(part) != words]
            lines.append(f"| {name} | {'; '.join(own)} |")
        said.append("\n".join(lines))
    if shared:
        which = "Every recording" if len(shown) > 1 else "The recording"
        said.append(f"{which}: {'; '.join(shared.values())}.")
    [commit] = commits([here]) or ["unknown"]
    said.append(
        f"Page executed {here['date'][:10]}: {here['device']}; "
        f"lrbook {here['versions'].get('lrbook', 'from a clone')}, commit {commit}; "
        f"Python {here['python']}."
    )
    return "\n\n".join(said)


def seeds_words(seeds: Iterable[int]) -> str:
    """``seed 3``, ``seeds 1, 5`` or, without a gap, ``seeds 1 to 10``."""
    known = sorted(set(seeds))
    if len(known) == 1:
        return f"seed {known[0]}"
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"seeds {known[0]} to {known[-1]}"
    return f"seeds {', '.join(map(str, known))}"


def time_words(seconds: float) -> str:
    """``42 seconds``, ``7.5 minutes`` or ``1.2 hours``."""
    if seconds < 90:
        return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.1f} minutes"


def count_words(records: Sequence[Record]) -> str:
    """``1 run``, ``3 runs`` or ``3 runs (1 diverged)``."""
    runs = f"{len(records)} run{'s' if len(records) != 1 else ''}"
    lost = sum(record.status == "diverged" for record in records)
    return f"{runs} ({lost} diverged)" if lost else runs


def once(records: Sequence[Record]) -> list[Record]:
    """Every run once, in order of first appearance."""
    return list({record.run_id: record for record in records}.values())


def origins_of(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    """Every process that had a part in the runs: a resumed run has more than one."""
    return [
        origin
        for record in records
        for origin in (*record.provenance.get("earlier", []), record.provenance)
    ]


def distinct(origins: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """The words that provenances have under ``name``, each once, in alphabetical order."""
    found = {str(origin[name]) for origin in origins if origin.get(name)}
    return sorted({re.sub(r"\b1 cores$", "1 core", words) for words in found})


def framework_of(origins: Sequence[Mapping[str, Any]]) -> str:
    """``torch`` for runs on images, which know their data, and ``jax`` for those of the toy; of an
    experiment of the reader's own, too.
    """
    return "torch" if distinct(origins, "data") else "jax"


def _software(origins: Sequence[Mapping[str, Any]], framework: str) -> list[str]:
    return sorted(
        {
            ", ".join(
                [
                    f"{name} {o['versions'][name]}"
                    for name in (framework, "numpy")
                    if name in o["versions"]
                ]
                + ([f"Python {o['python']}"] if o.get("python") else [])
            )
            for o in origins
        }
    )


def days(origins: Sequence[Mapping[str, Any]]) -> str:
    """The day, or the first and the last day, of provenances."""
    days = sorted({origin["date"][:10] for origin in origins})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def commits(origins: Sequence[Mapping[str, Any]]) -> list[str]:
    """The code of provenances: short commits, ``with changes`` where the checkout had some, ``from
    an archive`` where nobody knows whether there were any.
    """
    return sorted({_code(origin) for origin in origins if origin.get("commit")})


def _code(origin: Mapping[str, Any]) -> str:
    commit, dirty = origin["commit"][:8], origin.get("dirty", False)
    if dirty is None:
        return f"{commit} from an archive"
    return f"{commit} with changes" if dirty else commit


def _shared(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The parts that every row has alike; those that differ are left out."""
    if not rows:
        return {}
    return {
        part: rows[0][part]
        for part in SHARED
        if part in rows[0] and all(row.get(part) == rows[0][part] for row in rows)
    }

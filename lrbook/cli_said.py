"""What the command line says of runs beside their results: sentences, from configurations alone."""

import json
from collections.abc import Collection, Iterable, Sequence

from lrbook.config import Config


def of_loaded(there: int, wanted: int, results: str) -> str:
    """That so many of the runs were not made now, but loaded from the folder ``results``."""
    were = "was" if there == 1 else "were"
    return (
        f"{there} of {wanted} runs {were} there already (in {results}): loaded, not run again; "
        "--force repeats them."
    )


def of_changed(run_ids: Sequence[str], experiment: str) -> str:
    """That the runs were made, or begun, with another version of an experiment of one's own."""
    first, *others = run_ids
    more = f" and {len(others)} more" if others else ""
    return (
        f"{first}{more} there came from another version of {experiment.rpartition(':')[0]}: what "
        "was over is loaded as it is, what was under way went on; --force makes it anew."
    )


def of_unread(
    configs: Sequence[Config],
    given: Iterable[str],
    told: Collection[str] = (),
    *,
    in_some_arms: bool = True,
) -> list[str]:
    """Which of the fields that were ``given`` change nothing in the runs, in sentences.

    A field that some arm reads is worth a word only for an arm that reads none of such fields:
    who gives steps and steps_ls means one of them for each arm of the toy.

    Args:
        configs: the runs, at least one.
        given: names of fields; others, such as shorthands, are left out.
        told: those that nothing more is to be said of.
        in_some_arms: also of fields that change nothing in some of the runs' arms only.
    """
    arms = list(dict.fromkeys(config.arm for config in configs))
    names = [name for name in dict.fromkeys(given) if name in type(configs[0]).model_fields]
    unread = {name: _arms_without(configs, name) for name in names}
    unread = {name: without for name, without in unread.items() if without}
    idle = [arm for arm in arms if all(arm in without for without in unread.values())]
    where: dict[tuple[str, ...], list[str]] = {}
    for name, without in unread.items():
        there = without if without == arms else [arm for arm in idle if in_some_arms]
        if there and name not in told:
            where.setdefault(tuple(there), []).append(name)
    said = [_unread_words(configs, fields, list(there)) for there, fields in where.items()]
    tested = [name for name in names if all(name in config.only_tested for config in configs)]
    if tested:
        said.append(
            f"{_and(tested)} {_changes(tested)} nothing in the training of these runs, only in "
            "their tests."
        )
    return said


def of_study(configs: Sequence[Config], given: Iterable[str]) -> list[str]:
    """As ``of_unread``; and how many runs of a study have the results of others of it."""
    again = [group for group in alike(configs) if len(group) > 1]
    if not again:
        return of_unread(configs, given)
    count = sum(len(group) - 1 for group in again)
    by_arm: dict[str, dict[str, None]] = {}
    for group in again:
        by_arm.setdefault(group[0].arm, {}).update(dict.fromkeys(_differing(group)))
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for arm, names in by_arm.items():
        by_fields.setdefault(tuple(names), []).append(arm)
    whys = [f"{_and(f)} {_changes(f)} nothing in the {_arms(a)}" for f, a in by_fields.items()]
    have = "has" if count == 1 else "have"
    words = f"{count} of the {len(configs)} runs {have} the results of others: {', '.join(whys)}."
    told = {name for names in by_fields for name in names}
    return [words, *of_unread(configs, given, told)]


def alike(configs: Iterable[Config]) -> list[list[Config]]:
    """The runs in groups, each of such as differ only in fields that none of them reads."""
    groups: dict[tuple[frozenset[str], str], list[Config]] = {}
    for config in configs:
        read = config.model_dump(mode="json", exclude=set(config.unread))
        groups.setdefault((config.unread, json.dumps(read)), []).append(config)
    return list(groups.values())


def _differing(group: Sequence[Config]) -> list[str]:
    fields = type(group[0]).model_fields
    return [name for name in fields if len({getattr(config, name) for config in group}) > 1]


def _arms_without(configs: Sequence[Config], name: str) -> list[str]:
    """The arms of which no run reads the field ``name``."""
    reads = {config.arm: False for config in configs}
    for config in configs:
        reads[config.arm] |= name not in config.unread
    return [arm for arm, does in reads.items() if not does]


def _unread_words(configs: Sequence[Config], fields: list[str], arms: list[str]) -> str:
    everywhere = len(arms) == len({config.arm for config in configs})
    place = f"these arms ({', '.join(arms)})" if everywhere else f"the {_arms(arms)}"
    it = "it" if len(fields) == 1 else "them"
    found = f"{_and(fields)} {_changes(fields)} nothing in {place}: the results are those without "
    found += it
    readers = [
        arm for arm in type(configs[0]).arms if arm not in arms and _reads(configs, arm, fields)
    ]
    return f"{found}; --arms {','.join(readers)} reads {it}." if readers else f"{found}."


def _reads(configs: Sequence[Config], arm: str, fields: Sequence[str]) -> bool:
    """Whether a run like the first of ``configs``, in ``arm``, reads all of the fields."""
    other = type(configs[0])(**(configs[0].model_dump() | {"arm": arm}))
    return not other.unread & set(fields)


def _changes(fields: Sequence[str]) -> str:
    return "changes" if len(fields) == 1 else "change"


def _arms(arms: Sequence[str]) -> str:
    return f"arm {arms[0]}" if len(arms) == 1 else f"arms {_and(arms)}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))

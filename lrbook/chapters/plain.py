"""The Markdown of the chapters without MyST, for readers who have none of it.

A page made by nbconvert knows neither directives nor roles. Here a directive becomes a quotation
under a bold heading, and a role becomes words, linked where there is something to link to.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FENCE = re.compile(r"(?P<marks>`{3,}|:{3,})(?:\{(?P<name>[\w:-]+)\})?(?P<title>.*)")
OPTION = re.compile(r":[\w-]+:")
ROLE_OR_CODE = re.compile(
    r"\{(?P<role>[a-z]+(?::[a-z]+)?)\}`(?P<text>[^`]+)`|(?P<marks>`+).+?(?<!`)(?P=marks)(?!`)",
    re.DOTALL,
)
WITH_TARGET = re.compile(r"(?P<words>.+?)\s*<(?P<target>[^<>]+)>", re.DOTALL)
IMAGE_ELSEWHERE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)[^)]*\)")


class Link(NamedTuple):
    """What to call something that a role refers to, and its address; empty if it has none."""

    words: str
    address: str = ""


class Work(NamedTuple):
    """A work that is cited: its authors in short, its year, its address; empty if it has none."""

    authors: str
    year: str
    address: str = ""


class Targets(NamedTuple):
    """What roles can refer to: pages and labels by name, works by their key."""

    pages: Mapping[str, Link] = {}
    labels: Mapping[str, Link] = {}
    works: Mapping[str, Work] = {}


def plain(text: str, targets: Targets) -> str:
    """MyST ``text`` as plain Markdown; formulas and code stay as they are."""
    lines, out, prose = text.split("\n"), [], []
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if not fence:
            prose.append(lines[at])
            at += 1
            continue
        end = closed(lines, at + 1, fence["marks"])
        out += [_prose(prose, targets)] if prose else []
        prose = []
        if fence["name"]:
            quoted = quotation(fence["name"], fence["title"].strip(), lines[at + 1 : end], targets)
            out += ["", *quoted, ""]
        else:  # code
            out += lines[at : end + 1]
        at = end + 1
    out += [_prose(prose, targets)] if prose else []
    return "\n".join(out)


def closed(lines: Sequence[str], at: int, marks: str) -> int:
    """The line, from ``at`` on, that closes a fence begun with ``marks``; the end without one."""
    for number in range(at, len(lines)):
        line = lines[number].strip()
        if len(line) >= len(marks) and set(line) == {marks[0]}:
            return number
    return len(lines)


def quotation(name: str, title: str, body: Sequence[str], targets: Targets) -> list[str]:
    """A directive as the lines of a quotation, its heading first and its options left out."""
    options = 0
    while options < len(body) and OPTION.match(body[options]):
        options += 1
    inside = list(body[options:])
    if not takes_title(name) and title:  # of a note, say, what follows the name is text
        inside, title = [title, *inside], ""
    if name == "solution" and title in targets.labels:
        title = targets.labels[title].words
    head = f"**{_prose([heading(name, title)], targets)}**"
    inside = plain("\n".join(inside).strip("\n"), targets).split("\n")
    return [f"> {line}".rstrip() for line in (head, "", *inside)]


def takes_title(name: str) -> bool:
    """Whether a directive's first line is its title, or in the case of a solution a label."""
    return name in ("admonition", "exercise", "solution") or name.startswith("prf:")


def heading(name: str, title: str) -> str:
    """What stands above a directive: its kind, unless its title says it, and its title."""
    kind = name.rpartition(":")[2].capitalize()
    if title and (name == "admonition" or title.startswith(kind)):
        return title
    if title[:1].isdigit():
        return f"{kind} {title}"
    between = " to " if name == "solution" else ": "
    return f"{kind}{between}{title}" if title else kind


def called(name: str, title: str) -> str:
    """What a sentence calls a directive: its number if its title begins with one, else its title.

    ``Assumption 3.1``, or ``Lemma “Nearly linear on Q”``.
    """
    kind = name.rpartition(":")[2].capitalize()
    if title.startswith(kind) or title[:1].isdigit():
        return heading(name, title).partition(":")[0]
    return f"{kind} “{title}”" if title else kind


def _prose(lines: Sequence[str], targets: Targets) -> str:
    """Text between fences, with words for its roles and for pictures that lie beside the book."""

    def words(found: re.Match) -> str:
        return spoken(found["role"], found["text"], targets) if found["role"] else found[0]

    return IMAGE_ELSEWHERE.sub(r"\1", ROLE_OR_CODE.sub(words, "\n".join(lines)))


def spoken(role: str, text: str, targets: Targets) -> str:
    """A role as Markdown: a link or a citation, or the role's own text where it means neither."""
    if role.startswith("cite"):
        return cited(text, targets.works, in_brackets=role != "cite:t")
    if role == "math":
        return f"${text}$"
    named = WITH_TARGET.fullmatch(text)
    target = named["target"] if named else text
    known = targets.pages if role == "doc" else targets.labels
    link = known.get(target, Link(target))
    return linked(" ".join((named["words"] if named else link.words).split()), link.address)


def cited(keys: str, works: Mapping[str, Work], *, in_brackets: bool) -> str:
    """Works by authors and year: ``(Li, Wei & Ma, 2019)``, or in a sentence ``… (2019)``."""
    said = []
    for key in (each.strip() for each in keys.split(",")):
        if key not in works:
            said.append(key if in_brackets else f"[{key}]")
            continue
        work = works[key]
        shown = f"{work.authors}, {work.year}" if in_brackets else f"{work.authors} ({work.year})"
        said.append(linked(shown, work.address))
    return f"({'; '.join(said)})" if in_brackets else "; ".join(said)


def linked(words: str, address: str) -> str:
    """``words`` as a link, where there is an address."""
    return f"[{words}]({address})" if address else words

"""What the roles of the book refer to, read from its files: pages, labels, cited works."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrbook.chapters.plain import Link, Targets, Work, called

LABELLED = re.compile(
    r"^[`:]{3,}\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>.*)\n(?::(?!label)[\w-]+:.*\n)*"
    r":label:[ \t]*(?P<label>\S+)",
    re.MULTILINE,
)
SECTION = re.compile(r"^\((?P<label>[\w-]+)\)=\n+#+ (?P<title>.+)$", re.MULTILINE)


def read(root: Path) -> Targets:
    """Pages, labels and works of the book in the repository ``root``.

    Addresses are those of the published site if ``_config.yml`` names one, else the repository's.
    """
    pages: dict[str, Link] = {}
    labels: dict[str, Link] = {}
    for path in sorted((root / "book").iterdir()):
        if path.suffix not in (".ipynb", ".md"):
            continue
        text, place = markdown(path), address(root, path)
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        pages[path.stem] = Link(title[1] if title else path.stem, place)
        labels |= {label: Link(words, f"{place}#{label}") for label, words in labels_in(text)}
    return Targets(pages, labels, works(root / "book" / "references.bib"))


def markdown(path: Path) -> str:
    """The text of a page: of a notebook, its Markdown cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [each for each in json.loads(text)["cells"] if each["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def address(root: Path, path: Path) -> str:
    """Where a page of the book is read."""
    import yaml

    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    if site := config.get("html", {}).get("baseurl"):
        return f"{site.rstrip('/')}/book/{path.stem}.html"
    repository = config["repository"]
    return f"{repository['url']}/blob/{repository.get('branch', 'main')}/book/{path.name}"


def labels_in(text: str) -> Iterator[tuple[str, str]]:
    """Label -> what a sentence calls it, of the directives and sections of a page."""
    for found in LABELLED.finditer(text):
        yield found["label"], called(found["name"], found["title"].strip())
    for found in SECTION.finditer(text):
        yield found["label"], found["title"]


def works(bibliography: Path) -> dict[str, Work]:
    """The works of a BibTeX file, by key."""
    from pybtex.database import parse_file

    found = {}
    for key, entry in parse_file(str(bibliography)).entries.items():
        names = [" ".join(person.last_names) for person in entry.persons["author"]]
        year, url = (entry.fields.get(name, "") for name in ("year", "url"))
        found[key] = Work(authors(names), year, url)
    return found


def authors(names: Sequence[str]) -> str:
    """Last names in short: up to three of them, else the first."""
    if len(names) > 3:
        return f"{names[0]} et al."
    return " & ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

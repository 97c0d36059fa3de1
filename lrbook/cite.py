"""How to cite the book and the paper that it explains: ``CITATION.cff`` as text and as BibTeX."""

from collections.abc import Mapping
from typing import Any

from lrbook import chapters


def citation() -> dict[str, Any]:
    """What ``CITATION.cff`` says, in the repository that lrbook is in."""
    import yaml

    path = chapters.folder().parent / "CITATION.cff"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def as_text(cff: Mapping[str, Any]) -> list[str]:
    """The book and what it refers to, one line each: authors, title, and where it is."""
    said = [
        f"{_authors(cff)}. {cff['title']}. Version {cff['version']}. {cff['repository-code']}",
    ]
    for paper in cff["references"]:
        [number] = [each["value"] for each in paper["identifiers"]]
        said.append(
            f"{_authors(paper)}. {paper['title']}. {paper['collection-title']}, "
            f"{paper['year']}. {number}"
        )
    return said


def as_bibtex(cff: Mapping[str, Any]) -> str:
    """The same as BibTeX entries."""
    book = {
        "author": f"{{{_authors(cff)}}}",
        "title": f"{{{cff['title']}}}",
        "version": cff["version"],
        "url": cff["repository-code"],
        "note": f"{cff['license']} licence",
    }
    entries = [_entry("software", "lrbook", book)]
    for paper in cff["references"]:
        [number] = [each["value"] for each in paper["identifiers"]]
        fields = {
            "author": " and ".join(
                f"{each['family-names']}, {each['given-names']}" for each in paper["authors"]
            ),
            "title": f"{{{paper['title']}}}",
            "booktitle": paper["collection-title"],
            "year": paper["year"],
            "eprint": number.removeprefix("arXiv:"),
            "archiveprefix": "arXiv",
        }
        key = f"{paper['authors'][0]['family-names'].lower()}{paper['year']}"
        entries.append(_entry("inproceedings", key, fields))
    return "\n\n".join(entries)


def _authors(work: Mapping[str, Any]) -> str:
    names = [
        each.get("name") or f"{each['given-names']} {each['family-names']}"
        for each in work["authors"]
    ]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _entry(kind: str, key: str, fields: Mapping[str, Any]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])

"""The address of the repository, in the one place that holds it and in the copies made from it.

``_config.yml`` holds it, and beside it where GitHub publishes the pages of such a repository. A
chapter opened alone on Colab has to know it too, and so has whoever cites the book;
``make repository URL=…`` rewrites them all.
"""

import re
import sys
from pathlib import Path

from lrbook import chapters
from lrbook.atomic import write_atomically
from lrbook.errors import ConfigError

ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+")


def address(root: Path) -> str:
    """The repository's address, from ``_config.yml`` under ``root``.

    Raises:
        ConfigError: the file does not name it.
    """
    text = (root / "_config.yml").read_text(encoding="utf-8")
    found = re.search(r"^repository:\n  url: (\S+)$", text, re.MULTILINE)
    if found is None:
        raise ConfigError("_config.yml has no line 'url: …' right below 'repository:'.")
    return found[1]


def copies(root: Path) -> list[Path]:
    """The files that hold the address: configuration, citation, package, first page, chapters."""
    names = ("_config.yml", "CITATION.cff", "pyproject.toml", "book/intro.md")
    few = [root / name for name in names]
    return [*few, *sorted((root / "book").glob("*.ipynb"))]


def site(url: str) -> str | None:
    """Where GitHub Pages publishes a repository; None for one that is not on GitHub.

    ``https://github.com/OWNER/NAME`` gives ``https://OWNER.github.io/NAME/``.
    """
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", url)
    return f"https://{found[1].lower()}.github.io/{found[2]}/" if found else None


def rewrite(root: Path, url: str) -> list[Path]:
    """Put ``url`` in place of the address in every copy, and return the files that changed.

    Raises:
        ConfigError: ``url`` is not of the form ``https://host/owner/name``.
    """
    if not ADDRESS.fullmatch(url) or url.endswith(".git"):
        raise ConfigError(
            f"URL = {url!r} is not allowed: give it as https://github.com/OWNER/NAME."
        )
    before, changed = address(root), []
    for path in copies(root):
        old = path.read_text(encoding="utf-8")
        new = re.sub(re.escape(before) + r"(?![\w-])", url, old)
        # Colab opens github.com/OWNER/NAME as colab.research.google.com/github/OWNER/NAME
        short = [re.sub(r"https://[\w.-]+/", "/github/", each) for each in (before, url)]
        new = re.sub(re.escape(short[0]) + r"(?=/blob/)", short[1], new)
        if path.name == "_config.yml" and site(url):
            new = re.sub(r"(?m)^(  baseurl:) \S+", rf"\1 {site(url)}", new)
        if new != old:
            write_atomically(path, new.encode())
            changed.append(path)
    return changed


if __name__ == "__main__":
    try:
        for path in rewrite(chapters.folder().parent, *sys.argv[1:2] or [""]):
            print(path.name)
    except ConfigError as error:
        sys.exit(f"lrbook: {error}")

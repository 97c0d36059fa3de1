"""Chapters re-executed with other parameters: papermill, with the checks that it lacks.

Everything that can be wrong with a request is found before a kernel starts. The executed notebook
carries in its metadata (``lrbook``) what it was made with and from.
"""

import datetime
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lrbook import provenance, used
from lrbook.atomic import write_atomically
from lrbook.chapters import machine, page, parameters, targets
from lrbook.errors import ConfigError, RecordError, RunError
from lrbook.unknown import unknown_name

DEFAULT_FOLDER = Path("runs", "chapters")
OWN = "own"  # the folder in it of notebooks that are not the book's, whatever their names
TIMEOUT = 3600  # seconds a cell may take


def folder() -> Path:
    """Where the chapters are: the repository's ``book``.

    Raises:
        ConfigError: lrbook was installed without it.
    """
    book = Path(__file__).resolve().parents[2] / "book"
    if not book.is_dir():
        raise ConfigError("the chapters are not here: run lrbook from a clone of its repository.")
    return book


def names() -> list[str]:
    """The chapters by name, in alphabetical order."""
    return sorted(path.stem for path in folder().glob("*.ipynb"))


def find(chapter: str) -> Path:
    """The notebook of ``chapter``, given as a chapter's name or as a path.

    A path leads to the file that is there, be it the reader's own and called as a chapter is.

    Raises:
        ConfigError: there is no such chapter, or no such file.
    """
    path = Path(chapter)
    if path.suffix == ".ipynb" and path.is_file() and not _in_book(path):
        return path
    if len(path.parts) > 1 and not _in_book(path):
        raise ConfigError(
            f"there is no notebook {chapter}; give the path of one that ends in .ipynb, or the "
            "name of a chapter: lrbook chapter --list has them."
        )
    name = path.name.removesuffix(".ipynb")
    if name not in names():
        if chapter.startswith("./"):
            raise ConfigError(f"there is no notebook {chapter}, and no chapter of that name.")
        raise ConfigError(
            f"{unknown_name(name, names(), what='chapter')} A notebook of your own is given by its "
            "path, as in lrbook chapter ./mine.ipynb."
        )
    return folder() / f"{name}.ipynb"


def _in_book(path: Path) -> bool:
    return path.resolve().parent == folder().resolve()


def run(
    chapter: str,
    given: Mapping[str, Any],
    *,
    out: Path | None = None,
    results: Path | None = None,
    timeout: int = TIMEOUT,
    progress: bool = True,
) -> Path:
    """Execute ``chapter`` with the ``given`` parameters, and render it.

    Args:
        chapter: its name, or the path of a notebook of the reader's own.
        given: parameter -> value, as ``parameters.check`` takes them.
        out: the executed notebook; the page beside it has the same name and ends in ``.html``.
            Default: ``runs/chapters/CHAPTER.ipynb``, of the reader's own
            ``runs/chapters/own/NAME.ipynb``.
        results: recordings that figures and tables show instead of the repository's, which the
            executed notebook then says.
        timeout: seconds that a cell may take; 0 for no limit.
        progress: show a bar that counts cells.

    Returns:
        The executed notebook.

    Raises:
        UserError: chapter, parameter, output or results cannot be used; nothing has run.
        RunError: a cell failed or took too long. The notebook up to there is at ``out``.
    """
    source = find(chapter)
    own = not _in_book(source)
    known = parameters.read(source, own=own)
    if given and not known:
        raise ConfigError(
            f"{source} takes no parameters: no cell of it is tagged parameters and sets any. Tag "
            "the one that does, or leave -p out."
        )
    values = parameters.check(known, given)
    if timeout < 0:
        raise ConfigError(f"timeout = {timeout} is not allowed: give seconds, or 0 for no limit.")
    if results is not None and not Path(results).is_dir():
        raise ConfigError(f"results = {str(results)!r} is not a folder: give one with records.")
    referred = targets.read(folder().parent)
    machine.check(known, values)
    out = _output(source, out)
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "used")
        surroundings = {used.VARIABLE: str(log), "JUPYTER_PREFER_ENV_PATH": "1"}
        if results is not None:
            surroundings["LRBOOK_RECORDINGS"] = str(Path(results).resolve())
        out.with_suffix(".html").unlink(missing_ok=True)  # the page of an earlier run
        started = datetime.datetime.now(datetime.UTC)
        with _environment(surroundings):
            failure = _execute(source, out, values, timeout, progress)
        _sign(out, source, values, started, used.read(log), failure, results)
    if failure:
        raise RunError(f"{source.stem}: {failure}; the notebook up to there is {out}.")
    page.render(out, referred)
    return out


def last_run(chapter: str) -> dict[str, Any] | None:
    """What the metadata of the chapter's last run at the default place say; None without one."""
    path = DEFAULT_FOLDER / f"{chapter}.ipynb"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["metadata"]["lrbook"]
    except (OSError, ValueError, KeyError):
        return None
    return None if "notebook" in found else found


def list_lines() -> Iterator[str]:
    """Chapters, their parameters with type, default and help, and their last run, in lines."""
    for name in names():
        last = last_run(name)
        yield f"{name}: " + (f"{last['status']} {last['date']}" if last else "not run here")
        for each in parameters.read(find(name)).values():
            default = json.dumps(each.default)
            yield f"  {each.name:<12} {each.type:<5} {default:<20} {each.help}"


def _output(source: Path, out: Path | None) -> Path:
    default = DEFAULT_FOLDER if _in_book(source) else DEFAULT_FOLDER / OWN
    path = Path(out) if out else default / source.name
    if path.suffix != ".ipynb":
        path = path / source.name  # a folder
    if _in_book(path):
        raise ConfigError(f"{path} is among the book's own chapters: give another -o.")
    if path.resolve() == source.resolve():
        raise ConfigError(f"{path} is the notebook that is to be run: give another -o.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"{path.parent} cannot be made ({error.strerror}).") from None
    if not os.access(path.parent, os.W_OK):
        raise RecordError(f"{path.parent} cannot be written to.")
    return path


def _execute(
    source: Path, out: Path, values: Mapping[str, Any], timeout: int, progress: bool
) -> str | None:
    """Execute, and say in a sentence what went wrong, if anything did."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    try:
        papermill.execute_notebook(
            str(source),
            str(out),
            parameters=dict(values),
            kernel_name="python3",
            progress_bar=progress,
            execution_timeout=timeout or None,
            # A kernel interrupted at its end, as all are, may print on the terminal that it was
            extra_arguments=["--log-level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        said = [error.ename, *error.evalue.splitlines()[:1]]
        return f"cell {error.exec_count} failed ({': '.join(said)})"
    except CellTimeoutError:
        return f"a cell took more than {timeout} seconds"
    except DeadKernelError:
        return "the kernel died"
    return None


def _sign(
    out: Path,
    source: Path,
    values: Mapping[str, Any],
    started: datetime.datetime,
    records: Mapping[str, list[str]],
    failure: str | None,
    results: Path | None,
) -> None:
    notebook = json.loads(out.read_text(encoding="utf-8"))
    origin = provenance.collect(provenance.describe_cpu())
    known = ("commit", "dirty", "python", "versions", "platform", "device")
    seconds = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    notebook["metadata"]["lrbook"] = {
        "chapter": source.stem,
        **({} if _in_book(source) else {"notebook": str(source)}),
        "parameters": dict(values),
        "status": "failed" if failure else "finished",
        "message": failure,
        "date": started.isoformat(timespec="seconds"),
        "wall_s": round(seconds, 1),
        **{name: origin[name] for name in known},
        **records,
    }
    if results is not None and records["shown"]:
        notebook["cells"] = _said_of_results(notebook["cells"], results)
    write_atomically(out, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode())


def _said_of_results(cells: list[dict[str, Any]], results: Path) -> list[dict[str, Any]]:
    """``cells`` with a sentence, below the one of the title, on whose records they show."""
    said = (
        f"*Figures and tables on this page show the records of* `{results}`; *the running text was "
        "written for the book's own.*"
    )
    cell = {"cell_type": "markdown", "id": "lrbook-results", "metadata": {}, "source": [said]}
    below = 1 if cells and cells[0]["cell_type"] == "markdown" else 0
    return [*cells[:below], cell, *cells[below:]]


class _environment:
    """Variables that the kernel is to inherit, for a while."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self.wanted = wanted

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.wanted}
        os.environ.update(self.wanted)

    def __exit__(self, *error: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

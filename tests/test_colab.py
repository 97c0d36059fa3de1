"""The contract with Colab: a chapter alone in an empty folder, where only Colab's packages are.

The environment is made here: an interpreter that sees those packages and what they need, a stub of
``google.colab``, and git turned to a copy of this repository. Nothing is fetched.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

from lrbook import chapters, colab
from lrbook.chapters import repository
from lrbook.errors import ConfigError

# What Colab's image brings and this book needs; nothing that only building the book needs.
PACKAGES = [
    "numpy",
    "scipy",
    "jax",
    "torch",
    "torchvision",
    "matplotlib",
    "pandas",
    "pyarrow",
    "pillow",
    "pydantic",
    "scikit-learn",
    "tqdm",
    "ipykernel",
]


def setup_cells() -> dict[str, str]:
    """Chapter -> source of its setup cell."""
    found = {}
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        tagged = [c for c in nbformat.read(path, 4).cells if "setup" in c.metadata.get("tags", [])]
        [found[path.stem]] = [cell.source for cell in tagged]
    return found


def test_setup_cells_are_one_and_know_the_address():
    [source] = set(setup_cells().values())
    assert f'"{repository.address(ROOT)}"' in source
    code = source.partition("\n")[2]
    assert not re.search(r"pip|conda|install|==", code)


@pytest.mark.parametrize("name", chapters.names())
def test_badge_opens_this_chapter(name):
    first = nbformat.read(ROOT / "book" / f"{name}.ipynb", 4).cells[0].source
    owner = repository.address(ROOT).removeprefix("https://github.com/")
    page = f"https://colab.research.google.com/github/{owner}/blob/main/book/{name}.ipynb"
    assert f"[![Open in Colab](_static/colab-badge.svg)]({page})" in first.splitlines()


def test_the_address_is_the_same_everywhere_and_can_be_changed(tmp_path):
    for path in repository.copies(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    before = repository.address(tmp_path)
    assert all(before in path.read_text() for path in repository.copies(tmp_path))
    changed = repository.rewrite(tmp_path, "https://github.com/some-one/their.book")
    assert changed == repository.copies(tmp_path)
    for path in changed:
        text = path.read_text()
        assert before not in text
        assert before.removeprefix("https://github.com/") + "/blob" not in text
    assert repository.address(tmp_path) == "https://github.com/some-one/their.book"
    config = (tmp_path / "_config.yml").read_text()
    assert "\n  baseurl: https://some-one.github.io/their.book/\n" in config
    assert repository.rewrite(tmp_path, "https://github.com/some-one/their.book") == []
    repository.rewrite(tmp_path, before)
    for path in repository.copies(ROOT):
        assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_the_site_is_where_github_publishes_it():
    assert repository.site("https://github.com/Some-One/book") == "https://some-one.github.io/book/"
    assert repository.site("https://example.org/some-one/book") is None
    assert f"\n  baseurl: {repository.site(repository.address(ROOT))}\n" in (
        (ROOT / "_config.yml").read_text()
    )


@pytest.mark.parametrize("url", ["", "github.com/a/b", "https://github.com/a", "https://x/a/b.git"])
def test_an_address_that_cannot_be_one_is_refused(url, tmp_path):
    shutil.copy(ROOT / "_config.yml", tmp_path)
    with pytest.raises(ConfigError, match=r"github\.com/OWNER/NAME"):
        repository.rewrite(tmp_path, url)


def test_a_configuration_without_the_address_is_said(tmp_path):
    (tmp_path / "_config.yml").write_text("title: a book\n")
    with pytest.raises(ConfigError, match="repository"):
        repository.rewrite(tmp_path, "https://github.com/some-one/their.book")


@pytest.fixture
def published(tmp_path_factory):
    """Environment in which git finds a small lrbook at the repository's address."""
    root = tmp_path_factory.mktemp("published")
    (root / "lrbook").mkdir()
    (root / "lrbook" / "__init__.py").touch()
    (root / "lrbook" / "colab.py").write_text("def welcome():\n    print('fetched')\n")
    committed(root)
    return git_finds(root)


def run_setup(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess:
    """Run the setup cell in ``folder``, where lrbook seems not to be installed."""
    [source] = set(setup_cells().values())
    hidden = "import importlib.util\nimportlib.util.find_spec = lambda name: None\n"
    command = [sys.executable, "-c", hidden + source]
    return subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True)


@pytest.mark.parametrize(
    "left", [[], ["lrbook-source"], ["lrbook-source/.git", "lrbook-source.part/x"]]
)
def test_setup_fetches_also_where_a_clone_was_cut_off(left, published, tmp_path):
    for name in left:
        (tmp_path / name).mkdir(parents=True)
    for _ in range(2):
        done = run_setup(tmp_path, published)
        assert (done.stdout, done.stderr) == ("fetched\n", "")
        published = git_finds(tmp_path / "nowhere")  # what is there is not fetched again
    assert [path.name for path in tmp_path.iterdir()] == ["lrbook-source"]


def test_setup_says_that_it_could_not_fetch(published, tmp_path):
    done = run_setup(tmp_path, git_finds(tmp_path / "nowhere"))
    assert done.returncode == 1
    said = rf"RuntimeError: {re.escape(repository.address(ROOT))} cannot be fetched; try again\."
    assert re.search(rf"^{said} git says: fatal: ", done.stderr, re.MULTILINE)
    assert not list(tmp_path.iterdir())
    assert run_setup(tmp_path, published).stdout == "fetched\n"


def test_how_to_run_commands_is_said_once_and_only_on_colab(capsys, monkeypatch):
    monkeypatch.setattr(colab, "_said", set())
    colab.welcome()
    assert capsys.readouterr().out == ""
    monkeypatch.setitem(sys.modules, "google.colab", object())
    for _ in range(2):
        colab.welcome()
    assert capsys.readouterr().out == f"{colab.HOW_TO_RUN}\n"
    assert "!cd lrbook-source && python -m lrbook run" in colab.HOW_TO_RUN
    assert "first code cell" in colab.HOW_TO_RUN


def test_advice_is_one_sentence_once_and_only_on_colab(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(colab, "_said", set())
    colab.advise("patch", driver=tmp_path / "none")
    assert capsys.readouterr().out == ""
    monkeypatch.setitem(sys.modules, "google.colab", object())
    colab.welcome()
    capsys.readouterr()  # which does not stand for the advice
    colab.advise("patch", "cpu", driver=tmp_path / "none")
    colab.advise("patch", driver=tmp_path)
    colab.advise("toy", driver=tmp_path / "none")
    assert capsys.readouterr().out == ""
    for _ in range(2):
        colab.advise("cifar", driver=tmp_path / "none")
    assert capsys.readouterr().out == f"{colab.NO_GPU}\n"


def test_jax_leaves_gpu_memory_to_torch():
    code = "import lrbook, os; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    clean = {k: v for k, v in os.environ.items() if k != "XLA_PYTHON_CLIENT_PREALLOCATE"}
    for given, expected in (({}, "false"), ({"XLA_PYTHON_CLIENT_PREALLOCATE": "true"}, "true")):
        command = [sys.executable, "-c", code]
        assert subprocess.check_output(command, env=clean | given, text=True).strip() == expected


def needed(packages: list[str]) -> set[str]:
    """The installed distributions that ``packages`` and their requirements are."""
    found: set[str] = set()
    todo = list(packages)
    while todo:
        name = re.split(r"[\s;<>=!~\[(]", todo.pop())[0].lower().replace("_", "-")
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or Python
        if name not in found:
            found.add(name)
            todo += [each for each in requires if "extra ==" not in each]
    return found


@pytest.fixture(scope="module")
def colab_like(tmp_path_factory) -> dict[str, str]:
    """Environment variables with which the kernel ``colab`` is as on Colab."""
    root = tmp_path_factory.mktemp("colab")
    venv.create(root / "env", with_pip=False)
    site = next((root / "env" / "lib").glob("python*")) / "site-packages"
    for name in needed(PACKAGES):
        files = importlib.metadata.files(name) or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            source = Path(importlib.metadata.distribution(name).locate_file(top))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    stub = root / "stub" / "google" / "colab"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("")
    (stub / "output.py").write_text("")  # jax imports it where it finds itself on Colab
    (site / "sitecustomize.py").write_text(
        f"import sys\nsys.path.insert(0, {str(root / 'stub')!r})\nimport google.colab\n"
    )
    kernel = root / "jupyter" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    python = str(root / "env" / "bin" / "python")
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Colab-like", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    snapshot = copy_of_the_repository(root / "repository")
    for package, there in [
        ("lrbook", False),
        ("papermill", False),
        ("sphinx", False),
        ("jax", True),
    ]:
        code = f"import importlib.util as u; print(u.find_spec({package!r}) is not None)"
        found = subprocess.check_output([python, "-c", code], text=True, cwd=root).strip()
        assert found == str(there), package
    return {"JUPYTER_PATH": str(root / "jupyter")} | git_finds(snapshot)


def git_finds(snapshot: Path) -> dict[str, str]:
    """Environment variables with which git looks in ``snapshot`` for the repository."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{snapshot}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository.address(ROOT),
    }


def copy_of_the_repository(folder: Path) -> Path:
    """What git tracks here, as it is now, in a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout, and the setup cell clones one")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return committed(folder)


def committed(folder: Path) -> Path:
    """``folder`` as a repository with all that is in it."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rate_or_noise", "puzzle"])  # one of jax, one of torch
def test_a_chapter_alone_runs_from_top_to_bottom(name, colab_like, tmp_path):
    shutil.copy(ROOT / "book" / f"{name}.ipynb", tmp_path)
    hidden = ("PYTHON", "PYTEST", "LRBOOK")
    env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)} | colab_like
    command = [sys.executable, "-m", "papermill", f"{name}.ipynb", "out.ipynb", "-k", "colab"]
    again = [*command, "-p", "profile", "smoke"]  # in the same folder: the setup cell does no harm
    for each in (command, again):
        done = subprocess.run(each, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    said = json.dumps(nbformat.read(tmp_path / "out.ipynb", 4), ensure_ascii=False)
    advised = name == "puzzle" and not Path("/proc/driver/nvidia").exists()
    assert said.count(colab.NO_GPU) == advised
    assert said.count(colab.HOW_TO_RUN) == 1
    assert (tmp_path / "lrbook-source" / "lrbook").is_dir()

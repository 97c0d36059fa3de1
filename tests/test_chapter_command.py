"""``lrbook chapter``: what it refuses before a kernel starts."""

from pathlib import Path

import pytest
from made_parquet import write_splits

from lrbook import chapters, cli
from lrbook.chapters import parameters
from lrbook.errors import ConfigError

# (chapter, parameter, value as a shell gives it, part of the answer)
BAD = [
    ("puzle", "seeds", "1", "did you mean puzzle?"),
    ("puzzle", "seed", "1", "did you mean seeds?"),
    ("puzzle", "Seeds", "1", "did you mean seeds?"),
    ("puzzle", "eta1", "0.1", "not a known parameter"),
    ("puzzle", "profile", "big", "allowed are smoke, demo"),
    ("puzzle", "profile", "", "allowed are smoke, demo"),
    ("puzzle", "profile", "1", "allowed are smoke, demo"),
    ("puzzle", "seeds", "one", "give whole numbers, as in 0,1,2"),
    ("puzzle", "seeds", "1.5", "give whole numbers"),
    ("puzzle", "seeds", "5-3", "from the smaller to the larger"),
    ("puzzle", "seeds", "0-99999999", "at most 10,000"),
    ("puzzle", "seeds", "1-3,2", "2 is there twice"),
    ("puzzle", "seeds", "-1", "at least 0"),
    ("puzzle", "seeds", "-1,2", "seeds = '-1,2' is not allowed: give at least 0"),
    ("puzzle", "seeds", "4294967296", "at most 4294967295"),
    ("puzzle", "seeds", "1,1", "twice"),
    ("puzzle", "seeds", "[1, 2", "the ] is missing"),
    ("puzzle", "seeds", "true", "give whole numbers"),
    ("puzzle", "arms", "big", "allowed are large, small, noise"),
    ("puzzle", "arms", "L-S", "allowed are large, small, noise"),
    ("puzzle", "device", "gpu", "allowed are auto, cpu, cuda, mps"),
    ("puzzle", "data", "/no/such/folder", "a folder of Parquet files that is there"),
    ("puzzle", "results_dir", __file__, "is a file"),
    (
        "puzzle",
        "results_dir",
        f"{__file__}/kept",
        "written (Not a directory); name another with res",
    ),
    ("learning_order", "device", "mps", "allowed are auto, cpu, cuda"),
    ("learning_order", "threshold", "0", "more than 0"),
    ("learning_order", "threshold", "nan", "finite"),
    ("learning_order", "threshold", "inf", "finite"),
    ("learning_order", "threshold", "a lot", "give a number"),
    ("learning_order", "threshold", "1" + 400 * "0", "it is too large"),
    ("learning_order", "demo_steps", "1e-3", "give a whole number"),
    ("learning_order", "demo_steps", "0", "at least 100"),
    ("beyond_the_theory", "momentum", "1", "less than 1"),
    ("beyond_the_theory", "seeds", "", "at least one whole number"),
    ("mitigation", "sigma", "-0.1", "more than 0"),
    ("mitigation", "sigma", "0", "more than 0"),
    ("network_and_noisy_descent", "profile", "paper", "are smoke, demo, mini, laptop, trap"),
    ("network_and_noisy_descent", "neurons", "7", "a multiple of 2"),
    ("patch_data", "count", "201", "at most 200"),
    ("beyond_the_theory", "batch", "2000000", "at most 1000000"),
    ("mitigation", "removed", "3000000000", "at most 2000000000"),
    ("phase_diagram", "live_eta1", "0.006", "at least 0.007"),
    ("phase_diagram", "live_eta1", "20000", "less than 20000"),
    ("phase_diagram", "live_r", "0", "more than 0"),
    ("phase_diagram", "x", "lambda", "allowed are eta1, kappa"),
    ("phase_diagram", "x", "kappa", "not go with x = 'kappa': give x = eta1, or y = d."),
    ("phase_diagram", "y", "d", "not go with x = 'eta1': give x = kappa, or y = r or noise."),
    ("two_patterns", "kappas", "0.5,2", "at most 1"),
    ("two_patterns", "kappas", "1e-9", "at least 0.05"),
    ("two_patterns", "rho", "1.5", "less than 1"),
    ("network_and_noisy_descent", "horizon", "1e20", "at most 2000000000"),
    ("patch_data", "data", str(Path(__file__).parent), "holds no train*.parquet"),
]

MEANT = [
    ("learning_order", "threshold", "1e-3", 0.001),
    ("learning_order", "demo_steps", "2e5", 200_000),
    ("learning_order", "demo_steps", "200_000", 200_000),
    ("learning_order", "threshold", 1, 1.0),
    ("learning_order", "arms", "[L-S, S]", ["L-S", "S"]),
    ("learning_order", "arms", '["L-S"]', ["L-S"]),
    ("learning_order", "seeds", "7", [7]),
    ("learning_order", "seeds", 7, [7]),
    ("learning_order", "seeds", "0, 1,2", [0, 1, 2]),
    ("learning_order", "seeds", "[0, 1]", [0, 1]),
    ("learning_order", "seeds", "1,5-7", [1, 5, 6, 7]),
    ("learning_order", "seeds", "[]", []),
    ("learning_order", "seeds", (3, 4), [3, 4]),
    ("phase_diagram", "live_r", "1e-1,0.2", [0.1, 0.2]),
    ("puzzle", "data", "digits", "digits"),
]


@pytest.fixture
def no_kernel(monkeypatch):
    """Whatever is executed here is a defect."""
    import papermill

    monkeypatch.setattr(papermill, "execute_notebook", lambda *a, **k: pytest.fail("executed"))


@pytest.mark.parametrize(("chapter", "name", "value", "answer"), BAD)
def test_bad_request_ends_with_one_sentence(
    chapter, name, value, answer, no_kernel, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["chapter", chapter, "-p", name, value]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert answer in err
    assert err.startswith("lrbook: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("chapter", "name", "value", "meant"), MEANT)
def test_words_from_a_shell_become_what_was_meant(chapter, name, value, meant):
    known = parameters.read(chapters.find(chapter))
    found = parameters.check(known, {name: value})
    assert found == {name: meant}
    assert type(found[name]) is type(meant)


def test_values_that_go_together_are_taken_together():
    known = parameters.read(chapters.find("phase_diagram"))
    both = {"x": "kappa", "y": "d"}
    assert parameters.check(known, both) == both


@pytest.mark.parametrize("profile", ["smoke", "demo", "mini", "laptop"])
def test_a_large_rate_below_the_small_one_of_its_profile_is_refused(profile):
    from lrbook.toy.config import ToyConfig

    known = parameters.read(chapters.find("phase_diagram"))
    eta2 = ToyConfig.for_profile(profile, arm="S", seed=0).eta2
    given = {"profile": profile, "live_eta1": [eta2, 0.35]}
    assert parameters.check(known, given) == given
    with pytest.raises(ConfigError, match=f"live_eta1 = .* give at least {eta2}"):
        parameters.check(known, given | {"live_eta1": [0.35, 0.99 * eta2]})


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("False", False), ("off", False)])
def test_truth_from_a_shell(word, meant):
    rule = parameters.Parameter("shared", "bool", True, "", {})
    assert parameters.checked(rule, word) is meant
    with pytest.raises(ConfigError, match="give true or false"):
        parameters.checked(rule, "1")


@pytest.mark.parametrize("chapter", chapters.names())
def test_every_parameter_has_help_and_its_default_is_allowed(chapter):
    known = parameters.read(chapters.find(chapter))
    assert "profile" in known
    for name, each in known.items():
        assert each.help, name
        assert parameters.checked(each, each.default) == each.default
        assert each.rule, name
    assert {"smoke", "demo", "laptop"} <= set(known["profile"].rule["choices"])


def test_rules_name_only_what_there_is():
    import tomllib
    from pathlib import Path

    rules = tomllib.loads(Path(parameters.__file__).with_name("rules.toml").read_text())
    every = {name: parameters.read(chapters.find(name)) for name in chapters.names()}
    assert rules.keys() - {"common"} <= every.keys()
    for chapter, known in every.items():
        assert rules.get(chapter, {}).keys() <= known.keys()
    assert rules["common"].keys() <= {name for known in every.values() for name in known}


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "no chapter is named"),
        (["puzzle", "-p", "seeds", "1", "-p", "seeds", "2"], "given twice"),
        (["puzzle", "--timeout", "-1"], "timeout = -1"),
        (["puzzle", "--results", "nowhere"], "is not a folder"),
        (["puzzle", "-o", str(chapters.folder())], "among the book's own chapters"),
        (["puzzle", "-o", f"{__file__}/x.ipynb"], "cannot be made"),
        (["puzzle", "--sed", "1"], "--sed is not a known option"),
        (["patch_data", "-p", "profile", "mini", "-p", "data", "digits"], "10000 train images"),
        (["puzzle", "-p", "profile", "laptop", "-p", "data", "digits"], "Give profile = smoke or"),
    ],
)
def test_bad_command(arguments, answer, no_kernel, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["chapter", *arguments]) == 2
    assert answer in capsys.readouterr().err


def test_a_parameter_without_a_value_is_told_how_to_write_it(no_kernel, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["chapter", "puzzle", "-p", "seeds", "--quiet"])
    assert "-p takes a name and a value, as in -p seeds 0,1,2" in capsys.readouterr().err


def test_fewer_images_than_the_profile_takes_are_refused(no_kernel, tmp_path):
    write_splits(tmp_path)
    given = {"profile": "smoke", "data": str(tmp_path)}
    with pytest.raises(ConfigError, match=r"320 train images and 100 test.*6 train and 4 test"):
        chapters.run("puzzle", given, out=tmp_path / "out.ipynb")
    with pytest.raises(pytest.fail.Exception, match="executed"):  # this one takes all there are
        chapters.run("puzzle", given | {"profile": "paper"}, out=tmp_path / "out.ipynb")


@pytest.mark.parametrize(
    ("chapter", "answer"), [("puzzle", "is not available"), ("mitigation", "is not offered by JAX")]
)
def test_a_device_that_is_not_there_is_refused(chapter, answer, no_kernel, tmp_path, monkeypatch):
    import jax
    import torch

    def only_cpu(backend=None):
        if backend == "cuda":
            raise RuntimeError
        return jax.devices("cpu")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(jax, "local_devices", only_cpu)
    with pytest.raises(ConfigError, match=f"device = 'cuda' {answer}.*has cpu"):
        chapters.run(chapter, {"device": "cuda"}, out=tmp_path / "out.ipynb")
    assert not list(tmp_path.iterdir())

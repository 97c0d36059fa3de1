"""What is said of a class of one's own that does not do what its author thinks it does."""

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import assert_refused
from pydantic import field_validator, model_validator
from tiny_command import SMALL

from lrbook import own
from lrbook.errors import ConfigError
from lrbook.toy.config import ToyConfig
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig

RUN = ["--profile", "smoke", *SMALL, "--device", "cpu", "--quiet", "--arms", "large"]
HEAD = "from typing import ClassVar\nfrom lrbook.vision.config import PatchConfig\n"
BODY = "class Mine(PatchConfig):\n    experiment: ClassVar[str] = 'mine'\n"


@pytest.mark.parametrize("base", [PatchConfig, CifarConfig])
@pytest.mark.parametrize("arm", ["large", "small"])
def test_a_method_of_ones_own_may_read_what_ours_does_not(base, arm):
    class Mine(base):
        experiment: ClassVar[str] = "mine"

        def rate(self, epoch: int) -> float:
            return self.eta1 / 2**epoch + self.eta2

    class Louder(base):
        experiment: ClassVar[str] = "louder"

        def noise_level(self, epoch: int) -> float:
            return self.noise

    ours, mine, louder = (
        each.for_profile("smoke", arm=arm, seed=0).unread for each in (base, Mine, Louder)
    )
    noises = {"noise", "noise_after", "noise_drop"} & set(base.model_fields)
    assert ours >= noises
    assert mine == ours - {"eta1", "eta2", "schedule", "drop_factor"}
    assert louder == ours - noises
    assert ("eta1" in ours) == (arm == "small")


def of(base, **methods):
    return type("Mine", (base,), {"experiment": "mine", "__module__": __name__} | methods)


@pytest.mark.parametrize(
    ("base", "name", "words"),
    [
        (PatchConfig, "learning_rate", "these are: rate, first_drop, noise_level, own_optimizer"),
        (PatchConfig, "rte", "rte of Mine would never be called"),
        (CifarConfig, "noise_at", "these are: rate, first_drop, noise_level"),
        (ToyConfig, "rate", "no method is; give fields and arms"),
    ],
)
def test_a_method_that_nothing_calls_is_refused(base, name, words):
    with pytest.raises(ConfigError, match="would never be called") as caught:
        own.check(of(base, **{name: lambda self, epoch: 1.0}), ("patch",))
    assert words in str(caught.value)


def test_methods_that_are_called_helpers_and_validators_are_not():
    class Mine(PatchConfig):
        experiment: ClassVar[str] = "mine"
        every: int = 2

        def rate(self, epoch: int) -> float:
            return self._halved(epoch)

        def _halved(self, epoch: int) -> float:
            return self.eta1 / 2 ** (epoch // self.every)

        @field_validator("every")
        @classmethod
        def positive(cls, value: int) -> int:
            return value

        @model_validator(mode="after")
        def together(self) -> "Mine":
            return self

    own.check(Mine, ("patch",))


@dataclasses.dataclass
class OtherForm:
    validators: list[str]


@pytest.mark.parametrize("kept", [None, {"positive": 1}, OtherForm(["positive"])], ids=type)
def test_methods_pass_where_pydantic_tells_validators_otherwise(monkeypatch, kept):
    class Mine(PatchConfig):
        experiment: ClassVar[str] = "mine"

        @model_validator(mode="after")
        def positive(self) -> "Mine":
            return self

    own.check(Mine, ("patch",))
    monkeypatch.setattr(Mine, "__pydantic_decorators__", kept)
    own.check(Mine, ("patch",))


def test_an_error_in_a_method_has_its_type_and_line(lrbook, tmp_path):
    path = tmp_path / "mine.py"
    body = "    def rate(self, epoch):\n        return {}['lr'] if epoch > 1 else 0.1\n"
    path.write_text(HEAD + BODY + body)
    answer = lrbook("run", f"{path}:Mine", *RUN, "--json")
    assert answer.code == 1
    assert "KeyError: 'lr' (line 6 of mine.py)" in answer.err
    [folder] = Path("runs").glob("mine-*")
    assert "(line 6 of mine.py)" in json.loads((folder / "record.json").read_text())["message"]


def test_a_file_that_ends_the_program_is_refused(lrbook, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + BODY + "raise SystemExit(0)\n")
    assert_refused(lrbook("run", f"{path}:Mine", *RUN), 'if __name__ == "__main__":')


def test_what_a_library_says_of_a_file_names_the_line_of_the_file(lrbook, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + BODY + "    drop = 2\n")
    assert_refused(lrbook("run", f"{path}:Mine", *RUN), "(line 3 of mine.py)")

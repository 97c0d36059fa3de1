"""Profiles in a subclass: which of two defaults comes first, the class's own or the profile's."""

from typing import Any, ClassVar

import pytest
from pydantic import PositiveInt

from lrbook import experiments
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig


class Short(PatchConfig):
    experiment: ClassVar[str] = "short"

    epochs: PositiveInt = 5
    drop: PositiveInt = 3


class Shorter(Short):
    experiment: ClassVar[str] = "shorter"

    drop: PositiveInt = 2


class Planned(Short):
    experiment: ClassVar[str] = "planned"
    profiles: ClassVar[dict[str, dict[str, Any]]] = {"demo": {"epochs": 7}}

    batch: PositiveInt = 8


@pytest.mark.parametrize("profile", PatchConfig.profiles)
def test_a_default_of_the_class_comes_before_the_inherited_profile(profile):
    theirs = PatchConfig.for_profile(profile, arm="large", seed=0).model_dump()
    mine = Short.for_profile(profile, arm="large", seed=0).model_dump()
    assert mine == theirs | {"epochs": 5, "drop": 3}
    below = Shorter.for_profile(profile, arm="large", seed=0).model_dump()
    assert below == theirs | {"epochs": 5, "drop": 2}


def test_what_is_given_comes_before_both():
    assert Short.for_profile("demo", arm="large", seed=0, epochs=9).epochs == 9
    [config] = Short.expand("demo", arms=["large"], seeds=[0], drop=4)
    assert (config.epochs, config.drop) == (5, 4)


def test_profiles_of_the_class_come_first():
    found = Planned.for_profile("demo", arm="large", seed=0)
    assert (found.epochs, found.drop, found.batch) == (7, 3, 8)
    found = type("Below", (Planned,), {"__annotations__": {"epochs": int}, "epochs": 9})
    assert found.for_profile("demo", arm="large", seed=0).epochs == 9


def test_a_field_without_a_default_is_the_profiles():
    class Asking(PatchConfig):
        experiment: ClassVar[str] = "asking"

        epochs: PositiveInt

    theirs = PatchConfig.for_profile("demo", arm="large", seed=0)
    assert Asking.for_profile("demo", arm="large", seed=0).epochs == theirs.epochs


def test_images_of_the_class_are_looked_for():
    class OnDigits(PatchConfig):
        experiment: ClassVar[str] = "ondigits"

        data: str = "digits"

    assert PatchConfig.for_profile("laptop", arm="large", seed=0).data != "digits"
    settings, _ = experiments.locate_data(OnDigits, "laptop", {})
    assert settings["data"] == "digits"


def test_the_constants_of_the_paper_follow_from_the_dimension_of_the_class():
    class Small(ToyConfig):
        experiment: ClassVar[str] = "small"

        d: int = 50

    found = Small.for_profile("paper", arm="S", seed=0).model_dump()
    assert found == ToyConfig.for_profile("paper", arm="S", seed=0, d=50).model_dump()
    assert Small.spell_out("demo", {"kappa": 0.5})["n"] == 200  # d / kappa^2

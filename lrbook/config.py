"""One checked configuration for one run, and the id that follows from it.

A configuration describes *what* is run (arm, seed, rates, sizes). *Where* it runs (device, results
folder) is not part of it, so the same experiment has the same id on every machine.
"""

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import pydantic

from lrbook.errors import ConfigError
from lrbook.unknown import unknown_name


class Config(pydantic.BaseModel):
    """Base of the experiments' configurations: frozen, validated, unknown names refused.

    A subclass sets ``experiment``, ``arms``, ``profiles`` (name -> settings that differ from the
    class defaults) and ``default_seeds`` (name -> seeds), and has the fields ``arm`` and ``seed``.
    Where it inherits the profiles, a default that it gives to a field itself comes before theirs.
    """

    model_config = pydantic.ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    experiment: ClassVar[str]
    arms: ClassVar[tuple[str, ...]]
    default_arms: ClassVar[tuple[str, ...]]
    profiles: ClassVar[dict[str, dict[str, Any]]]
    default_seeds: ClassVar[dict[str, tuple[int, ...]]]
    meaning: ClassVar[int] = 1
    """Raised by hand where a change of code changes what the class's configurations mean: records
    made before keep their ids, and are never taken for new ones. A subclass has its parent's."""
    shorthands: ClassVar[dict[str, str]] = {}
    """Names that may be given for several fields at once -> what they mean."""

    arm: str
    """Which arm of the experiment this run is."""
    seed: pydantic.NonNegativeInt
    """Seed of every random draw of the run. The arms of one seed share data and initial weights."""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except pydantic.ValidationError as error:
            raise ConfigError(explain(type(self), error)) from None

    @pydantic.field_validator("arm", mode="after", check_fields=False)
    @classmethod
    def _arm_exists(cls, arm: str) -> str:
        if arm not in cls.arms:
            raise ValueError(f"allowed are {', '.join(cls.arms)}")
        return arm

    @pydantic.field_validator("*", mode="after", check_fields=False)
    @classmethod
    def _one_zero(cls, value: Any) -> Any:
        # -0.0 equals 0.0, and has other digits: one run would have two ids
        return 0.0 if isinstance(value, float) and value == 0 else value

    @classmethod
    def for_profile(cls, profile: str, **settings: Any) -> Self:
        """The configuration of ``profile`` with ``settings`` on top.

        Raises:
            ConfigError: unknown profile or field, wrong type, value out of range.
        """
        settings = cls.spell_out(profile, settings)
        return cls(**(cls.set_by(profile, settings) | settings))

    @classmethod
    def spell_out(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``settings`` with the fields that its ``shorthands`` stand for in their place.

        Raises:
            ConfigError: a shorthand's value is not allowed, or a field of its is given as well.
        """
        return dict(settings)

    @classmethod
    def profile_settings(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What ``profile`` sets; a subclass may let it depend on the caller's ``settings``.

        Raises:
            ConfigError: there is no such profile.
        """
        if profile not in cls.profiles:
            raise ConfigError(
                f"profile = {profile!r} does not exist; allowed are {', '.join(cls.profiles)}."
            )
        return dict(cls.profiles[profile])

    @classmethod
    def set_by(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What ``profile`` sets in this class: as ``profile_settings``, but for the fields to which
        a subclass that inherits the profiles gives a default of its own, which it keeps.

        Raises:
            ConfigError: there is no such profile.
        """
        given = cls.profile_settings(profile, settings)
        for each in cls.__mro__:
            if vars(each).keys() & {"profiles", "profile_settings"}:
                break
            for name in inspect.get_annotations(each):
                if name in cls.model_fields and not cls.model_fields[name].is_required():
                    given.pop(name, None)
        return given

    @classmethod
    def expand(
        cls,
        profile: str = "demo",
        *,
        seeds: Iterable[int] | None = None,
        arms: Iterable[str] | None = None,
        **settings: Any,
    ) -> list[Self]:
        """One configuration per arm and seed, seeds outermost (so that arms stay paired).

        Args:
            profile: name of the profile.
            seeds: seeds, at least one; None takes the profile's own.
            arms: arms, at least one; None takes the experiment's default arms.
            **settings: fields that differ from the profile.

        Raises:
            ConfigError: as ``for_profile``; also if seeds or arms are empty, or no list.
        """
        for name in settings.keys() & {"arm", "seed"}:
            raise ConfigError(f"{name} is one run's; give {name}s=[{settings[name]!r}].")
        cls.profile_settings(profile, settings)
        seeds = listed("seeds", cls.default_seeds[profile] if seeds is None else seeds)
        arms = listed("arms", cls.default_arms if arms is None else arms)
        defaults = (cls.default_seeds[profile], cls.default_arms)
        for name, values, default in zip(("seeds", "arms"), (seeds, arms), defaults, strict=True):
            if not values:
                raise ConfigError(f"{name} is empty; give at least one (default: {default}).")
        configs = [
            cls.for_profile(profile, **settings, arm=arm, seed=seed)
            for seed in seeds
            for arm in arms
        ]
        # As they are read: 0 and "0" are one seed
        for name, values in (("seeds", seeds), ("arms", arms)):
            if len({getattr(config, name[:-1]) for config in configs}) < len(values):
                raise ConfigError(f"{name} = {values} names one twice; give each once.")
        return configs

    def canonical(self) -> dict[str, Any]:
        """Experiment name and every field that differs from the class default, by name.

        Fields at their default are left out, so a field added later, with a default that means
        "as before", leaves the ids of earlier records alone.
        """
        fields = type(self).model_fields
        values = self.model_dump(mode="json")
        own = {k: v for k, v in values.items() if fields[k].is_required() or v != fields[k].default}
        return {"experiment": self.experiment, "meaning": self.meaning} | dict(sorted(own.items()))

    @property
    def unread(self) -> frozenset[str]:
        """Fields that this run never uses: another value is another run id with the same results.

        None that may matter is among them; a subclass whose runs use more of its parent's fields
        says so here.
        """
        return frozenset()

    @property
    def only_tested(self) -> frozenset[str]:
        """Fields that act on training in other runs, and in this one on its tests alone."""
        return frozenset()

    @property
    def cores(self) -> int:
        """Cores that one run makes good use of on a CPU, where several runs share the machine."""
        return 1

    @classmethod
    def check_own_name(cls) -> None:
        """Refuse a subclass whose runs would have the ids of its parent's, and be taken for them.

        Raises:
            ConfigError: the class has no ``experiment`` of its own.
        """
        if "experiment" in vars(cls):
            return
        parent = next(each for each in cls.__mro__ if "experiment" in vars(each))
        name = cls.__name__
        raise ConfigError(
            f"records of {name} would have the run ids of {parent.__name__}, and be taken for its "
            f"records; give {name} an experiment of its own, as in experiment: ClassVar[str] = "
            "'mine', or keep no records."
        )

    @property
    def run_id(self) -> str:
        """Experiment name and the first 12 hex digits of the SHA-256 of ``canonical()``."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return f"{self.experiment}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def listed(name: str, values: Any) -> list[Any]:
    """``values`` as a list. Raises ConfigError where they are one value instead of several."""
    # A text is a sequence too, of letters that nobody meant
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        form = f"[{values!r}]"
        if name == "seeds" and not str(values).isdecimal():
            form = "whole numbers, as [0, 1, 2] or range(10)"
        raise ConfigError(f"{name} = {values!r} is not a list; give {form}.")
    return list(values)


def explain(cls: type[Config], error: pydantic.ValidationError) -> str:
    """One sentence per problem: the field, the value, what is allowed, what to do next."""
    return " ".join(_explain_one(cls, problem) for problem in error.errors())


def _explain_one(cls: type[Config], problem: Mapping[str, Any]) -> str:
    field = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return unknown_name(field, cls.model_fields, what="setting")
    if problem["type"] == "missing":
        return f"{field} is missing."
    reason = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    reason = reason[:1].lower() + reason[1:]
    reason = reason.replace("input should", "it should").rstrip(".")
    if not field:  # a rule over several fields names them itself
        return f"{reason}."
    doc = " ".join((cls.model_fields[field].description or "").split()).split(". ")[0].rstrip(".")
    return f"{field} = {problem['input']!r} is not allowed: {reason} ({field}: {doc})."

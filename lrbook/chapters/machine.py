"""What a chapter's parameters need that is not theirs: a device, images, a folder to write to.

Looked at before a kernel starts, for a chapter may run for hours before it comes to its live run.
"""

from collections.abc import Mapping
from typing import Any

from lrbook import experiments
from lrbook.chapters.parameters import Parameter
from lrbook.errors import ConfigError


def check(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    """See that what the ``values``, allowed by themselves, ask for is there.

    Args:
        parameters: of the chapter.
        values: those that are given, each as its parameter's type.

    Raises:
        UserError: a device, images or a folder cannot be had, in one sentence.
    """
    chosen = {name: each.default for name, each in parameters.items()} | dict(values)
    for name, parameter in parameters.items():
        value, rule = chosen[name], parameter.rule
        if rule.get("kind") == "device":
            experiments.find_device(rule["experiment"], value)
        elif rule.get("kind") == "images" and value:
            _enough_images(value, chosen["profile"], parameters["profile"], rule["experiment"])
        elif rule.get("kind") == "folder" and value:
            _can_be_written(value, name)


def _enough_images(data: str, profile: str, profiles: Parameter, experiment: str) -> None:
    from lrbook.vision.identity import FILES, count

    cls, there = (
        experiments.config_class(experiment),
        {split: count(data, split) for split in FILES},
    )
    short = {
        each: [
            f"{asked} {split} images"
            for split in FILES
            if (asked := cls.profile_settings(each, {"data": data}).get(f"{split}_size", 0))
            > there[split]
        ]
        for each in profiles.rule["choices"]
    }
    if short[profile]:
        fits = " or ".join(each for each, missing in short.items() if not missing)
        had = " and ".join(f"{number} {split}" for split, number in there.items())
        raise ConfigError(
            f"data = {data!r} does not go with profile = {profile!r}, which takes "
            f"{' and '.join(short[profile])}: there are {had} images. Give profile = {fits}."
        )


def _can_be_written(folder: str, name: str) -> None:
    from lrbook.records import Store

    Store(folder, named=name).check_writable()

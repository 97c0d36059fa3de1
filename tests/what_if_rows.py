"""The recorded settings of the chapter *What if*, for the tests of what it says of them."""

from lrbook import patch_cost, whatif


def with_and_without_the_patch():
    """The settings with the patch, and those of them that were run without it, too."""
    topics = ("ratio", "drop", "schedule", "pattern", "share", "batch", "network")
    groups, _ = whatif.gather("patch-laptop", [f"what-if-laptop-{t}" for t in topics])
    kinds = ("ratio", "drop", "schedule", "batch", "width", "depth")
    without, _ = patch_cost.controls(
        groups, "patch-laptop-control", [f"what-if-laptop-{kind}-control" for kind in kinds]
    )
    return groups, without

"""A name that is not known, refused in a sentence that offers the one that was meant."""

import difflib
from collections.abc import Iterable, Sequence

MEANT = {
    "lr": ("eta1", "eta2"),
    "learning_rate": ("eta1", "eta2"),
    "rate": ("eta1", "eta2"),
    "initial_lr": ("eta1",),
    "large_lr": ("eta1",),
    "final_lr": ("eta2",),
    "small_lr": ("eta2",),
    "batch_size": ("batch",),
    "bs": ("batch",),
    "wd": ("weight_decay", "lam"),
    "decay": ("weight_decay", "lam"),
    "weight_decay": ("lam",),
    "lambda": ("lam",),
    "num_epochs": ("epochs",),
    "n_epochs": ("epochs",),
    "num_steps": ("steps", "steps_ls"),
    "anneal_epoch": ("drop",),
    "width": ("widen", "m_w", "m_v"),
    "hidden": ("m_w", "m_v"),
    "layers": ("depth",),
    "dim": ("d",),
    "samples": ("train_size", "n"),
    "n_train": ("train_size", "n"),
    "noise_level": ("noise",),
    "dataset": ("data",),
    "amp": ("precision",),
    "gpu": ("device",),
    "cuda": ("device",),
    "out": ("results",),
    "output": ("results",),
    "folder": ("results",),
}
"""What others call a thing -> what it is called here; those are offered that are known."""

MOST_BY_LETTER = 3  # names that one letter is taken to be the first of


def unknown_name(name: str, known: Iterable[str], *, what: str) -> str:
    """A sentence that refuses ``name`` and offers the nearest of the ``known`` names.

    Args:
        name: as it was given; the dashes of an option do not count.
        known: what is allowed, as it would be given.
        what: what kind of thing it is, as in ``option``.
    """
    name, known = str(name), list(known)
    near = nearest(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"allowed are {', '.join(known)}."
    return f"{name} is not a known {what}; {hint}"


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Those of the ``known`` names of which ``name`` is another word, or a slip; none if unsure."""
    by_key, key = _by_key(known), _key(name)
    if meant := synonyms(name, known):
        return meant
    if len(key) == 1:
        alike = [each for each in by_key if each.startswith(key) and each != key]
        if 0 < len(alike) <= MOST_BY_LETTER:
            return sorted(by_key[each] for each in alike)
    # Of two letters, one of which is right, nobody can say what was meant
    long = [each for each in by_key if len(each) > 1]
    alike = difflib.get_close_matches(key, long, n=3)
    best = [each for each in alike if _likeness(key, each) == _likeness(key, alike[0])]
    return sorted(by_key[each] for each in best)


def synonyms(name: str, known: Iterable[str]) -> list[str]:
    """Those of the ``known`` names that others call ``name``, by ``MEANT``."""
    by_key = _by_key(known)
    return [by_key[each] for each in MEANT.get(_key(name), ()) if each in by_key]


def _by_key(known: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in known:
        found.setdefault(_key(each), each)
    return found


def _key(name: str) -> str:
    """``--batch-size`` as ``batch_size``; names of other kinds keep what tells them apart."""
    return name.lstrip("-").replace("-", "_").lower()


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(a=other, b=one).ratio()

"""A little LaTeX: which symbol a formula is about, and formulas in the plain text of a tooltip."""

import re
import unicodedata

from docutils import nodes

_ACCENTS = {"overline": "bar", "widetilde": "tilde", "widehat": "hat"}
_RELATION = re.compile(r"=|<|>|\\(in|sim|le|ll|ge|gg|approx|propto|to|ne|not|pm)(?![A-Za-z])|,|$")
_ATOM = re.compile(
    r"(?:\\(?P<accent>bar|tilde|hat|overline|widetilde|widehat|mathcal|mathbf)\s*)?"
    r"\{?(?P<base>\\[A-Za-z]+|[A-Za-z])\}?"
    r"(?:_(?P<sub>\{[^{}]*\}|\\[A-Za-z]+|\w))?"
    r"(?P<star>\^(?:\\star|\*|\{\\star\}|\{\*\})|')?"
    r"(?:\^(?:\{[^{}]*\}|\w))?"
    r"(?P<arguments>\([^()]*\))?\s*"
)
_WORDS = {
    "sqrt": "√", "log": "log", "pm": "±", "star": "*", "cdot": "·", "to": "→", "top": "ᵀ",
    "langle": "⟨", "rangle": "⟩", "lVert": "‖", "rVert": "‖", "odot": "⊙", "relu": "relu",
    "infty": "∞", "ll": "≪", "sim": "~", "le": "≤", "ge": "≥", "times": "×", "varepsilon": "ε",
}  # fmt: skip


def leading_symbol(formula: str) -> str | None:
    r"""The symbol that a formula is, or that it says something about; None if there is no one.

    ``\kappa``, ``\kappa^2 = d/N`` and ``\kappa \ll 1`` give ``\kappa``; ``d/\kappa^2`` gives None.
    Accents of two sizes count as one, an index belongs to the symbol, unless it is the
    step t; a power does not.
    """
    formula = re.sub(r"\\[,;!]|~", " ", formula.strip())
    norm = re.fullmatch(r"\\lVert\s*(.+?)\s*\\rVert", formula)
    if norm:
        return f"|{leading_symbol(norm[1])}|"
    found = _ATOM.match(formula)
    if not found or not _RELATION.match(formula, found.end()):
        return None
    accent = _ACCENTS.get(found["accent"], found["accent"])
    base = found["base"] if accent in (None, "mathcal", "mathbf") else f"{accent} {found['base']}"
    index = (found["sub"] or "").strip("{}").removesuffix("t")  # of t: the same at another step
    star = "^*" if "star" in (found["star"] or "") or "*" in (found["star"] or "") else ""
    prime = "'" if found["star"] == "'" else ""
    arguments = "()" if found["arguments"] else ""
    return base + (f"_{index}" if index else "") + star + prime + arguments


def plain(formula: str) -> str:
    """A short formula in Unicode, for where no formula can be set."""

    def word(match: re.Match) -> str:
        letter = match[1].removeprefix("var")
        size = "CAPITAL" if letter[:1].isupper() else "SMALL"
        spelt = letter.upper().replace("LAMBDA", "LAMDA")  # as Unicode has it
        try:
            return unicodedata.lookup(f"GREEK {size} LETTER {spelt}")
        except KeyError:
            return _WORDS.get(match[1], "")

    # A root of more than one sign keeps its extent in parentheses.
    formula = re.sub(r"\\sqrt\{([^{}]{2,})\}", r"√(\1)", formula)
    formula = re.sub(r"\\([A-Za-z]+)", word, formula)
    formula = re.sub(r"\^\{?-(\w+)/(\w+)\}?", r"^(-\1/\2)", formula)
    return " ".join(re.sub(r"[{}$]|\\[,;!]", "", formula).split())


def spoken(node: nodes.Node) -> str:
    """The text of a node on one line, its formulas in Unicode."""
    if isinstance(node, nodes.math):
        return plain(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return " ".join("".join(map(spoken, node.children)).split())

"""A moving picture as one piece of HTML: data, script and style inside, nothing is fetched.

What needs a script stays hidden until the script has run; until then a sentence says where the same
is shown at rest.
"""

import hashlib
import json
from html import escape
from importlib import resources
from typing import Any

from lrbook import style

_STYLE = """
#ID .lrbook-keys { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center;
  margin: .5rem 0 }
#ID .lrbook-keys input { flex: 1; min-width: 8rem }
#ID input[type=range] { min-height: 2.75rem; accent-color: ACCENT; margin: 0 }
#ID button { font: inherit; min-width: 6rem; min-height: 2.75rem; padding: 0 .75rem;
  cursor: pointer; color: inherit; background: transparent; border: 2px solid currentColor;
  border-radius: .3rem }
#ID button:focus-visible, #ID input:focus-visible { outline: 3px solid ACCENT; outline-offset: 2px }
#ID .lrbook-aloud { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute;
  white-space: nowrap; width: 1px }
#ID svg { display: block; width: 100%; overflow: visible }
#ID svg text { fill: currentColor; font-family: inherit }
#ID [hidden] { display: none !important }
"""

PLAYER = """<div class="lrbook-keys">
<button type="button">Play</button>
<input type="range" min="0" max="0" value="0" step="1" aria-label="Moment of the training">
<span class="lrbook-aloud" role="status"></span>
</div>"""
"""Button and slider for ``player.js``."""


def element(
    kind: str, label: str, body: str, data: Any, scripts: list[str], css: str, instead: str
) -> str:
    """The HTML of one moving picture.

    Args:
        kind: one word; the element has the class ``lrbook-KIND`` and an id that begins with it.
        label: what a screen reader calls the whole.
        body: HTML that is shown once the script has run.
        data: what ``data`` is in the scripts; anything that JSON can hold.
        scripts: files of this folder, run one after the other in one scope with ``root`` (the
            element) and ``data``.
        css: rules, with ``#ID`` for the element.
        instead: the sentence where scripts are off.
    """
    # "<" only as an escape: no text in the data can end the script element
    packed = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    name = f"lrbook-{kind}-{hashlib.sha256(packed.encode()).hexdigest()[:8]}"
    rules = (_STYLE + css).replace("#ID", f"#{name}").replace("ACCENT", style.ARM_COLORS["L-S"])
    code = "\n".join(_script(file) for file in scripts)
    return f"""<div id="{name}" class="lrbook-{kind}" role="group" aria-label="{escape(label)}">
<style>{rules}</style>
<div class="lrbook-stage" hidden>
{body}
</div>
<noscript>{escape(instead)}</noscript>
<script type="application/json">{packed}</script>
<script>(function (root) {{
"use strict";
const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
const stage = root.querySelector(".lrbook-stage");
stage.hidden = false;
{code}
}})(document.getElementById("{name}"));</script>
</div>"""


def _script(file: str) -> str:
    return resources.files("lrbook.figures").joinpath(file).read_text(encoding="utf-8")

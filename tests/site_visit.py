"""One visit to one page: everything that the tests of pages want to know, seen in one load."""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route

from lrbook.browser.chromium import HEIGHT, THEMES, WIDTHS, set_theme, settle

SERIOUS = ("serious", "critical")
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules for which the theme matters

FACTS = """() => {
  const article = document.querySelector("article") ?? document.body;
  const where = (element) => element.outerHTML.replace(/\\s+/g, " ").slice(0, 160);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const skipped = "script, style, pre, code, noscript, mjx-container, textarea";
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT), raw = [];
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest(skipped)) continue;
    if (/\\\\\\(|\\\\\\[|\\$[^$]+\\$|\\\\begin\\{/.test(text.data)) raw.push(text.data.trim());
  }
  return {
    headings: [...article.querySelectorAll("h1, h2, h3, h4, h5, h6")]
      .map((heading) => [Number(heading.tagName[1]), heading.innerText]),
    h1: all("h1").filter((heading) => heading.checkVisibility()).length,
    raw,
    unset: all(".math").filter((box) => !box.querySelector("mjx-container")).map(where),
    merror: all("mjx-merror").map(where),
    unnamed: all("img:not([alt])").map(where),
    broken: all("img").filter((image) => image.naturalWidth === 0).map(where),
    silent: all("article img:not([alt]), article img[alt='']").map(where),
    bare: all(".cell_output img").filter(
      (image) => !image.closest("figure")?.querySelector("figcaption")?.innerText.trim()
    ).map(where),
    lang: document.documentElement.lang,
    title: document.title,
    weight: [...performance.getEntriesByType("navigation"),
             ...performance.getEntriesByType("resource")]
      .reduce((sum, entry) => sum + entry.transferSize, 0),
  };
}"""

SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= room) return [];
  const scrolls = (element) => /auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX);
  const found = [...document.body.querySelectorAll("*")].filter((element) => {
    if (element.getBoundingClientRect().right <= room + 1) return false;
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement)
      if (scrolls(up)) return false;
    return true;
  });
  return ["page", ...found.map((element) => element.outerHTML.slice(0, 120))];
}"""

# A formula may scroll in the reference alone, where docstrings are indented.
CUT = """() => {
  const wide = (box) => box.scrollWidth > box.clientWidth + 1;
  return [...document.querySelectorAll("article mjx-container[display='true']")]
    .filter((formula) => !formula.closest("dl.py"))
    .filter((formula) => wide(formula) || wide(formula.closest(".math") ?? formula))
    .map((formula) => `${formula.closest("section")?.id}: ${formula.innerText.slice(0, 80)}`);
}"""

# MathJax answers for what it sets: an accessible copy of each formula. On pages of the reference,
# which are long and generated, the first modules stand for all. Style sheets are not fetched again.
AXE = """async (only) => (await axe.run(
  {include: document, exclude: ["mjx-container", "section:has(> dl.py):nth-of-type(n + 4)"]},
  {resultTypes: ["violations"], preload: false, ...(only && {runOnly: only})}
)).violations.map(
  (rule) => [rule.impact, rule.id, rule.nodes.map((node) => node.target.join(" "))])"""


@dataclass
class Visit:
    """What was seen.

    ``problems`` are console messages, page errors, failed requests and requests to other hosts;
    ``sideways[width, theme]`` names what sticks out; ``cut[width]`` displayed formulas that are
    wider than their box; ``axe[theme]`` lists serious findings.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    sideways: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    cut: dict[str, list[str]] = field(default_factory=dict)
    axe: dict[str, list[str]] = field(default_factory=dict)


def open_page(browser: Browser, site: str, name: str, **options: Any) -> tuple[Page, list[str]]:
    """Load a page of the site in a context of its own, and list everything that goes wrong in it.

    Requests to another host are stopped and listed, so nothing that a page asks for leaves here.
    """
    context = browser.new_context(viewport={"width": 1440, "height": HEIGHT}, **options)
    page, problems = context.new_page(), []

    def route(route: Route) -> None:
        if route.request.url.startswith((site, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"asks for {route.request.url}")
            route.abort()

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"console: {message.text}")

    def failed(request: Request) -> None:
        # Chromium itself cancels what is under way when a page is left; a server that is gone, a
        # refused or a cut connection, and a request stopped above all end in other words.
        if request.failure != "net::ERR_ABORTED":
            problems.append(f"failed: {request.url} ({request.failure})")

    context.route("**/*", route)
    page.on("console", console)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("requestfailed", failed)
    page.on("response", lambda got: got.status < 400 or problems.append(f"{got.status}: {got.url}"))
    page.goto(f"{site}{name}.html")
    settle(page)
    return page, problems


def visit(browser: Browser, site: str, name: str, axe: str) -> Visit:
    """Load a page once, then look at it at every width and in both themes.

    Args:
        browser: of Playwright.
        site: address of the site.
        name: of the page.
        axe: source of axe-core, which is run at the first width.
    """
    page, problems = open_page(browser, site, name)
    seen = Visit(facts=page.evaluate(FACTS), problems=problems)
    page.evaluate(axe)
    for theme in THEMES:
        set_theme(page, theme)
        for width, pixels in WIDTHS.items():
            page.set_viewport_size({"width": pixels, "height": HEIGHT})
            page.evaluate("() => new Promise(requestAnimationFrame)")
            seen.sideways[width, theme] = page.evaluate(SIDEWAYS)
            seen.cut[width] = page.evaluate(CUT)
            if pixels == 1440:
                found = page.evaluate(AXE, None if theme == THEMES[0] else COLOURS)
                seen.axe[theme] = [
                    f"{rule}: {' | '.join(nodes)}" for how, rule, nodes in found if how in SERIOUS
                ]
    page.context.close()
    return seen

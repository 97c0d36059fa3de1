"""Chromium as the machine has it, driven by Playwright; no browser is downloaded."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = {"desktop": 1440, "tablet": 820, "phone": 390}
"""Width of the window, in CSS pixels."""
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
HEIGHT = 900

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (  # on macOS and Windows, where no PATH leads to it
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
MISSING = (
    f"no browser: none of {', '.join(NAMES)} is installed. Install one (Debian: apt-get install "
    "chromium; macOS: Google Chrome) or set LRBOOK_CHROMIUM to its path."
)


def find() -> str | None:
    """The path of a Chromium: ``LRBOOK_CHROMIUM`` if set, else the first found of ``NAMES``, or of
    ``PLACES``.
    """
    named = os.environ.get("LRBOOK_CHROMIUM")
    return named or next(filter(None, map(shutil.which, (*NAMES, *PLACES))), None)


@contextlib.contextmanager
def launch() -> Iterator["Browser"]:
    """A headless browser with an empty profile.

    Raises:
        FileNotFoundError: there is none, with what to do about it.
    """
    from playwright.sync_api import sync_playwright

    path = find()
    if path is None:
        raise FileNotFoundError(MISSING)
    quiet = ["--disable-gpu", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        try:
            yield browser
        finally:
            browser.close()


def settle(page: "Page") -> None:
    """Wait until the page's maths is set, its fonts are there and all its pictures have loaded."""
    page.evaluate(
        """async () => {
          for (const image of document.images) image.loading = "eager";
          if (document.querySelector(".math")) {
            while (!window.MathJax?.startup?.promise) await new Promise((go) => setTimeout(go, 20));
            await MathJax.startup.promise;
          }
          // A font begins to load when what needs it is first laid out, which is in a later frame
          for (let frame = 0; frame < 2; frame++) {
            await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
            await document.fonts.ready;
          }
          await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
        }"""
    )


def set_theme(page: "Page", theme: Theme) -> None:
    """Show the page as a system set to ``theme`` would, the page being left at automatic."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)


if __name__ == "__main__":
    found = find()
    print(found or MISSING, file=sys.stdout if found else sys.stderr)
    sys.exit(found is None)

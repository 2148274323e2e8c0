"""The book as a reader meets it: chapters run, pages are clean, each opens from disk in a browser,
light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from chapters import chapter_names
from check_site import NO_CONTENT, check

pytestmark = pytest.mark.book


@pytest.mark.parametrize("name", chapter_names())
def test_chapter_runs(runs, name):
    run = runs[name]
    if run.missing:
        pytest.skip(f"no data: {', '.join(run.missing)}")
    assert not run.error, f"\n{run.error}"


def test_site_is_clean(site):
    assert (site / "index.html").exists()
    assert not (problems := check(site)), "\n".join(["", *problems])


def pages_of(site: Path) -> list[Path]:
    return [
        p
        for p in sorted(site.rglob("*.html"))
        if "_static" not in p.parts and p.name not in NO_CONTENT
    ]


class Visit:
    """One page in one window: what it asked for and complained about while it opened."""

    def __init__(self, context, path: Path):
        self.page, self.path, self.problems = context.new_page(), path, []
        self.page.on("request", self._request)
        self.page.on("requestfailed", lambda request: self._note(f"request failed: {request.url}"))
        self.page.on("pageerror", lambda error: self._note(f"script error: {error}"))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self._note(f"console: {message.text}"),
        )
        self.page.goto(path.as_uri(), timeout=120_000)
        self.page.wait_for_function(
            "!window.MathJax || !MathJax.startup || MathJax.startup.promise"
        )
        self.page.evaluate(
            "window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => 0) : 0"
        )

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _request(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self._note(f"asks another host: {request.url}")

    def check(self) -> list[str]:
        """Problems seen while opening, then formulas left as text, broken images and a page wider
        than its window."""
        raw = self.page.evaluate(
            "[...document.querySelectorAll('.math')].filter(m => !m.querySelector('mjx-container "
            "svg')).length"
        )
        broken = self.page.evaluate(
            "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => "
            "i.src.slice(0, 80))"
        )
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        self.page.close()
        found = self.problems + [f"image does not show: {source}" for source in broken]
        found += [f"{raw} formulas are not typeset"] * bool(raw) + [
            f"{wide} px wider than the window"
        ] * (wide > 0)
        return [f"{self.path.name}: {problem}" for problem in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_pages_open_from_disk(site, browser, scheme, width):
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True
    )
    problems = [problem for path in pages_of(site) for problem in Visit(context, path).check()]
    context.close()
    assert not problems, "\n".join(["", *problems])


def test_dark_follows_the_system(site, browser):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((site / "intro.html").as_uri())
    colour = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)"
    )
    context.close()
    assert max(colour) < 80, f"the page is light in dark mode: {colour}"

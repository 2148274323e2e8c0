"""Find in a built site whatever a reader without a network would miss, and what a failed cell
leaves behind.

python tools/check_site.py book/_build/html
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Pages that the theme makes and that have no content of their own.
NO_CONTENT = {"genindex.html", "search.html", "index.html", "prf-prf.html", "py-modindex.html"}
REMOTE = re.compile(r"(https?:)?//", re.I)
LOADS = {"script", "img", "iframe", "video", "audio", "source", "embed", "object", "link"}
TRACEBACK = "Traceback (most recent call last)"


@dataclass(eq=False)
class Page(HTMLParser):
    """What one HTML page loads, links to and shows."""

    path: Path
    remote: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    h1: int = 0
    without_alt: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.text = self.path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.ids |= {given[key] for key in ("id", "name") if key in given}
        self.h1 += tag == "h1" and "site-logo" not in given.get("class", "")
        source = (
            given.get("src")
            or given.get("data")
            or (given.get("href", "") if tag == "link" else "")
        )
        if tag in LOADS and given.get("rel") not in ("canonical", "license") and source:
            (self.remote if REMOTE.match(source) else self.files).append(source)
        if tag == "img" and not given.get("alt", "").strip():
            self.without_alt.append(source)
        if (
            tag == "a"
            and "href" in given
            and not urlsplit(given["href"]).scheme
            and not REMOTE.match(given["href"])
        ):
            self.links.append(given["href"])

    def problems(self, pages: dict[Path, Page]) -> list[str]:
        """One line per thing wrong with this page; `pages` are all pages of the site, by path."""
        found = [f"asks another host: {address}" for address in self.remote]
        found += [f"image without alt text: {source[:80]}" for source in self.without_alt]
        found += [f"file is missing: {name}" for name in self.files if not self.resolves(name)]
        if (
            self.path.name not in NO_CONTENT and self.h1 != 2
        ):  # the theme repeats the title once, for print
            found.append(f"{max(0, self.h1 - 1)} H1")
        if TRACEBACK in self.text:
            found.append("traceback of a failed cell")
        return found + [
            f"broken link: {href}"
            for href in dict.fromkeys(self.links)
            if not self.links_well(href, pages)
        ]

    def target(self, href: str) -> Path:
        path = unquote(urlsplit(href).path)
        return (self.path.parent / path).resolve() if path else self.path

    def resolves(self, href: str) -> bool:
        return href.startswith("data:") or self.target(href).exists()

    def links_well(self, href: str, pages: dict[Path, Page]) -> bool:
        """Whether a link inside the site leads to a file, and its anchor to something in that
        page."""
        target, anchor = self.target(href), unquote(urlsplit(href).fragment)
        if not target.exists():
            return False
        return not anchor or target not in pages or anchor in pages[target].ids or anchor == "top"


def remote_in_css(root: Path) -> list[str]:
    """Addresses of other hosts that a style sheet would load."""
    pattern = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""", re.I)
    return [
        f"{p.relative_to(root)}: {m}"
        for p in sorted(root.rglob("*.css"))
        for m in pattern.findall(p.read_text(errors="ignore"))
    ]


def check(root: Path) -> list[str]:
    """Every problem of the site below `root`, one line each; an empty list is a clean site."""
    root = root.resolve()
    pages = {
        path: Page(path) for path in sorted(root.rglob("*.html")) if "_static" not in path.parts
    }
    found = [
        f"{path.relative_to(root)}: {problem}"
        for path, page in pages.items()
        for problem in page.problems(pages)
    ]
    return (found if pages else [f"{root}: no pages"]) + remote_in_css(root)


if __name__ == "__main__":
    problems = check(Path(sys.argv[1]))
    print("\n".join(problems) or "the site is clean")
    raise SystemExit(bool(problems))

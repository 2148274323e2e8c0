"""Runs the chapters and builds the book once for all tests of the site; these tests come after all
others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking "
    "--disable-component-update "
    "--disable-sync --no-first-run"
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("book") is not None)


@pytest.fixture(scope="session")
def runs(request):
    """Every chapter, run at the quick profile (or found unchanged), by name."""
    from build_book import chapter_names, run_chapters

    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\nrunning the chapters", flush=True)
        return {
            run.name: run
            for run in run_chapters(chapter_names(), "quick", int(os.environ.get("JOBS", "2")))
        }


@pytest.fixture(scope="session")
def site(runs) -> Path:
    """Folder of the built book; warnings are errors."""
    from build_book import HTML, render, stage

    if failed := [name for name, run in runs.items() if run.error]:
        pytest.fail(f"no book without its chapters: {', '.join(failed)} failed")
    stage(list(runs.values()))
    try:
        render()
    except subprocess.CalledProcessError as error:
        pytest.fail(f"jupyter-book ended with {error.returncode}; its warnings are above")
    return HTML


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium from the system; without one the test is skipped, and says so."""
    path = next(
        filter(None, map(shutil.which, BROWSERS)),
        MAC_BROWSER if Path(MAC_BROWSER).exists() else None,
    )
    if path is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(BROWSERS)})")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield chromium
        chromium.close()

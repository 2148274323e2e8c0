"""Sphinx extension that silences sphinx-thebe, which Jupyter Book always loads.

It would put its configuration into each page twice (a script error on every page) and name a host
to fetch code from.
"""

from __future__ import annotations


def setup(app) -> dict[str, bool]:
    """Take sphinx-thebe's listeners away once all extensions are set up."""
    app.connect("config-inited", _silence)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _silence(app, config) -> None:
    unwanted = {"init_thebe_core", "update_thebe_context"}
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            known for known in listeners if getattr(known.handler, "__name__", "") not in unwanted
        ]

"""The command line, thin over the rooms of the library: train, score, motifs, call, rules, design, variants, compile,
simulate.

Progress goes to stderr, results to the file that was named and nowhere else. A bad input ends with one line `error:
...` on stderr and exit code 2, and leaves nothing behind; Ctrl-C ends with exit code 130. The library is imported
inside the verbs, so that `motiflib --help` is quick.
"""

from __future__ import annotations

import motiflib.verbs  # noqa: F401 (adds the verbs)
from motiflib.verbs.base import app

__all__ = ["app"]

if __name__ == "__main__":
    app()

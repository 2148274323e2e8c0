"""How sure a measure is: intervals from resampling the test examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata


class Interval(NamedTuple):
    """An estimate and the limits of its interval."""

    value: float
    low: float
    high: float


def auroc(y: np.ndarray, score: np.ndarray) -> float:
    """The chance that a positive scores above a negative (ties count half), from ranks.

    >>> auroc(np.array([0, 1]), np.array([0.2, 0.9]))
    1.0
    """
    positive = np.asarray(y) > 0.5
    n, m = positive.sum(), (~positive).sum()
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def bootstrap(y, score, measure: Callable = auroc, other=None, *, draws=1000, level=0.95, seed=0) -> Interval:
    """A measure(y, score) with a bootstrap interval (Efron's percentiles); positives and negatives
    are drawn apart.

    With `other`, the difference of two such measures on the same examples, drawn together, so that
    what the two have in common cancels.

    >>> bootstrap([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    Interval(value=1.0, low=1.0, high=1.0)
    """
    y, generator = np.asarray(y) > 0.5, np.random.default_rng(seed)
    scores = [np.asarray(s, dtype=float) for s in ((score,) if other is None else (score, other))]
    classes = [np.flatnonzero(y), np.flatnonzero(~y)]

    def value(rows) -> float:
        values = [measure(y[rows], s[rows]) for s in scores]
        return float(values[0] - (values[1] if len(values) > 1 else 0))

    drawn = [value(np.concatenate([generator.choice(c, len(c)) for c in classes])) for _ in range(draws)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value(np.arange(len(y))), float(low), float(high))


def bootstrap_auroc(y, score, other=None, **how) -> Interval:
    """`bootstrap` of the AUROC.

    >>> bootstrap_auroc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    Interval(value=1.0, low=1.0, high=1.0)
    """
    return bootstrap(y, score, auroc, other, **how)

"""A simulation as files: what `motiflib simulate` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from motifbook.grammar.background import Flanks
from motifbook.grammar.oracle import Oracle
from motifbook.grammar.schema import Grammar
from motifbook.grammar.simulate import simulate
from motiflib.files import LENGTH, SEED, SEQUENCES, InputError, within, write_atomic
from motiflib.sequence import write_fasta


def write_simulation(
    grammar: Grammar, n: int, seed: int, length: int, out: str | Path, gc: float = 0.5,
    background: np.ndarray | Flanks | None = None,
) -> Path:
    """Simulate `n` sequences, half of each class, and write four files into the folder `out`, each
    whole or not at all.

    positives.fa and negatives.fa; truth.bed (name, start, end, motif, 0, strand) with the instances
    of both; oracle.tsv (name, log_likelihood_ratio in nats). Returns the folder. Raises InputError
    for a bad request or folder.

    >>> from motifbook.grammar import load_grammar
    >>> write_simulation(load_grammar("rest"), 20, seed=1, length=200, out="/tmp/rest").name
    'rest'
    """
    if n < 2:
        raise InputError(f"n is {n}; expected at least 2 sequences, one of each class")
    for name, value, most in (("n", n, SEQUENCES), ("length", length, LENGTH), ("seed", seed, SEED)):
        within(name, value, 0, most)
    out = Path(out)
    data = simulate(grammar, n, length, gc, seed, background=background)
    ratio = Oracle(grammar, length, gc, background).log_likelihood_ratio(data.x)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}; expected a folder that can be made") from None
    records = data.records()
    write_fasta(out / "positives.fa", records[0::2])
    write_fasta(out / "negatives.fa", records[1::2])
    rows = zip(*(data.truth[c] for c in ("sequence", "start", "end", "motif", "strand")), strict=True)
    write_atomic(out / "truth.bed", "".join(f"{name}\t{a}\t{b}\t{motif}\t0\t{s}\n" for name, a, b, motif, s in rows))
    lines = (f"{name}\t{value:.6f}\n" for name, value in zip(data.names, ratio.tolist(), strict=True))
    write_atomic(out / "oracle.tsv", "name\tlog_likelihood_ratio\n" + "".join(lines))
    return out

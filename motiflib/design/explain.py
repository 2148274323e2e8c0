"""What each site of a design contributes, in numbers and in words, and whether anything else contributes too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from motiflib.design.build import Constraints, Designs
from motiflib.design.fill import tensor_of
from motiflib.evidence import Reader, cores
from motiflib.model import Argminn


def hits_on(reader: Reader, starts: torch.Tensor, ends: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Which hits of sequences `rows` lie on [start, end): they share half of the shorter one's bases, (N, M)."""
    first, last = cores(reader.model.scanner)
    begin = reader.hits.start[rows] + first[reader.hits.channel[rows]]
    end = reader.hits.start[rows] + last[reader.hits.channel[rows]]
    overlap = torch.minimum(end, ends[:, None]) - torch.maximum(begin, starts[:, None])
    return 2 * overlap >= torch.minimum(end - begin, (ends - starts)[:, None])


@torch.no_grad()
def explain(model: Argminn, designs: Designs) -> pd.DataFrame:
    """The sites of designs with what they are worth, a row a site.

    Columns: design, probability, start, end, motif, strand, word, rule (that asked for it), contribution (the fall of
    the logit if the network could not see the site), text (a line in plain words, the same for all rows of a design).

    >>> explain(run.model, designs).text[0]
    'Predicted 0.998: M1 CACGTG at 95-101 (+) gives +8.9, ...; rule: ...; the other 186 bp are background, ...'
    """
    reader, sites = Reader(model, designs.x), designs.sites
    rows = torch.from_numpy(
        sites.design.map({n: i for i, n in enumerate(designs.names)}).to_numpy(dtype=np.int64, copy=True)
    )
    start, end = (torch.tensor(sites[c].to_list(), dtype=torch.int64) for c in ("start", "end"))
    whole, seen = model(designs.x), reader.hits.activation[rows]
    less = reader.logit(rows, seen.masked_fill(hits_on(reader, start, end, rows), 0))[0]
    out = sites.assign(contribution=(whole[rows] - less).numpy(), probability=whole.sigmoid()[rows].numpy())
    texts = {name: sentence(mine, designs.constraints) for name, mine in out.groupby("design", sort=False)}
    order = ["design", "probability", "start", "end", "motif", "strand", "word", "rule", "contribution"]
    return out[order].assign(text=out.design.map(texts))


def sentence(sites: pd.DataFrame, asked: Constraints) -> str:
    """One line that says why a design should work: a reason for every base."""
    parts = [f"{s.motif} {s.word} at {s.start}-{s.end} ({s.strand}) gives {s.contribution:+.1f}"
             for s in sites.itertuples()]  # fmt: skip
    flanks = [f"{side} flank {len(word)} bp as given" for side, word in (("left", asked.left), ("right", asked.right))
              if word]  # fmt: skip
    rest = asked.length - len(asked.left) - len(asked.right) - int((sites.end - sites.start).sum())
    others = [*flanks, f"the other {rest} bp are background, drawn to {asked.gc:.0%} GC and to hold no motif"]
    return (f"Predicted {sites.probability.iloc[0]:.3f}: {', '.join(parts)}; rule: "
            f"{'; '.join(dict.fromkeys(sites.rule))}; {'; '.join(others)}.")  # fmt: skip


@torch.no_grad()
def unmentioned(model: Argminn, designs: Designs, *, seed: int = 0) -> pd.DataFrame:
    """What is lost when all that the explanation does not mention is taken away; a row a design.

    Columns: design; probability; silenced, when the scanner's hits outside the mentioned sites are set to 0; redrawn,
    when every base outside them is drawn anew with the same composition (and may hold chance hits).

    >>> unmentioned(run.model, designs).eval("silenced - probability").abs().median()
    0.001
    """
    reader = Reader(model, designs.x)
    keep = torch.zeros_like(reader.hits.activation, dtype=torch.bool)
    fixed, place = np.zeros(designs.codes.shape, dtype=bool), {n: i for i, n in enumerate(designs.names)}
    for site in designs.sites.itertuples():
        row = torch.tensor([place[site.design]])
        keep[row] |= hits_on(reader, torch.tensor([site.start]), torch.tensor([site.end]), row)
        fixed[row, site.start : site.end] = True
    alone = reader.logit(torch.arange(len(keep)), reader.hits.activation * keep)[0].sigmoid()
    rng, codes = np.random.default_rng(seed), designs.codes.copy()
    for row, held in zip(codes, fixed, strict=True):
        row[~held] = rng.permutation(row[~held])
    redrawn = model(tensor_of(codes)).sigmoid()
    return pd.DataFrame({"design": designs.names, "probability": designs.probability, "silenced": alone.numpy(),
                         "redrawn": redrawn.numpy()})  # fmt: skip

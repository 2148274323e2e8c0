"""Instance callers on the same sequences: ARGMINN, FIMO and Fi-NeMo, with what each needs before it
can call.

    pip install 'motiflib[finemo]' python benchmarks/hit_callers.py                 # six grammars,
    seed 0; run grammars.py and prediction.py first

400 fresh positives of 500 bp each, every method in the same process, warm, on one thread, seconds
of the processor. Fi-NeMo explains DeepLIFT attributions (10 shuffles each) of the CNN by the
patterns that TF-MoDISco finds in the same attributions, with its own settings; FIMO gets these
patterns too, cut as in benchmarks/discovery.py, and ARGMINN's motifs, at p <= 1e-4, its default.
Its calls have no threshold but its own; its best F1 over all thresholds is shown for every method.
Rows of results/hit_callers.tsv are kept, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}  # numba sets torch back to all cores
import pandas as pd
import torch
from calls import CLASSIC, fresh, scores
from discovery import network, warm_up
from footer import footer

HERE = Path(__file__).parent
POSITIVES = 400  # attributions of as many cost a minute and more


def timed(work, *arguments):
    """What `work` returns, and seconds of the processor."""
    began = time.process_time()
    out = work(*arguments)
    return out, time.process_time() - began


def finemo_calls(patterns: tuple[list, list], attributions, records) -> pd.DataFrame:
    """Hits of TF-MoDISco's `patterns` in the attributions (N, 4, L) of named sequences of one
    length, an even number of bp.

    Wang, Schreiber, Kundaje 2024, in the package `finemo` with its own settings. Columns: sequence,
    start, end, motif, score, strand. The score is the hit's coefficient, that is how strongly its
    pattern is in the attributions, in units of the sequence's own.
    """
    import tempfile

    import numpy as np
    from finemo.data_io import load_modisco_motifs
    from finemo.hitcaller import fit_contribs
    from modiscolite.io import save_hdf5

    from motiflib.sequence import one_hot

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "patterns.h5")
        save_hdf5(path, *patterns, window_size=attributions.shape[2])
        motifs, cwms, masks, _ = load_modisco_motifs(
            path, None, None, 0.3, "cwm", None, None, None, 0.7, True
        )
    names, letters = zip(*records, strict=True)
    x = one_hot(letters).numpy().astype(np.int8)
    price = motifs.get_column("lambda").to_numpy(writable=True)
    hits = frame(fit_contribs(cwms, attributions.numpy(), x, masks, False, price)[0])
    mine = frame(motifs).iloc[hits.motif_id].reset_index(drop=True)
    calls = pd.DataFrame(
        {
            "sequence": np.array(names, dtype=object)[hits.peak_id],
            "start": hits.hit_start + mine.motif_start,
            "end": hits.hit_start + mine.motif_end,
            "motif": mine.motif_name,
            "score": hits.hit_coefficient,
            "strand": mine.strand,
        }
    )
    return calls.iloc[np.lexsort((calls.start, hits.peak_id))].reset_index(drop=True)


def frame(table) -> pd.DataFrame:
    """A polars table in pandas, without pyarrow."""
    return pd.DataFrame(table.to_dict(as_series=False))


def measure(name: str, seed: int, runs: Path) -> list[dict]:
    """One row a method: quality, seconds of calling, and seconds of what came before (training not
    included)."""
    from motifbook import peers
    from motifbook.grammar import GrammarBatches, load_grammar

    from motiflib.calling import THRESHOLD, call
    from motiflib.discovery import find_motifs

    grammar = load_grammar(name)
    model, cnn = (network(name, seed, method, runs) for method in ("argminn", "cnn"))
    records, truth, x = fresh(grammar, POSITIVES, 9000 + seed)
    known, reading = timed(find_motifs, model, GrammarBatches(grammar, seed=seed).sample(2000, 3).x)
    hypothetical, attributing = timed(lambda: peers.deeplift(cnn, x.float(), hypothetical=True))
    patterns, clustering = timed(peers.modisco_patterns, x.float(), hypothetical)
    theirs = peers.split_patterns(peers.pattern_motifs(*patterns))
    ways = {
        "argminn": (THRESHOLD, reading, lambda some, n: call(model, known, some, threshold=0)),
        "FIMO, our motifs": (4.0, reading, lambda some, n: peers.fimo_calls(known.motifs, some)),
        "FIMO, MoDISco's motifs": (
            4.0,
            attributing + clustering,
            lambda some, n: peers.fimo_calls(theirs, some),
        ),
        "Fi-NeMo": (
            0.0,
            attributing + clustering,
            lambda some, n: finemo_calls(patterns, (hypothetical * x)[:n], some),
        ),
    }
    rows = []
    for method, (threshold, before, way) in ways.items():
        way(records[:20], 20)  # warm
        calls, seconds = timed(way, records, len(records))
        row = {
            "grammar": name,
            "seed": seed,
            "method": method,
            "seconds": seconds,
            "before": before,
        }
        row |= {"attributions": attributing if method == "Fi-NeMo" else 0.0, "calls": len(calls)}
        rows.append(
            row
            | {
                k: v
                for k, v in scores(calls, truth, threshold).items()
                if not k.endswith("per_sequence")
            }
        )
    return rows


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0])
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "hit_callers.tsv")
    a = ask.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    done = (
        pd.read_csv(a.out, sep="\t")
        if a.out.exists()
        else pd.DataFrame(columns=["grammar", "seed"])
    )
    have = set(done[["grammar", "seed"]].itertuples(index=False, name=None))
    warm_up()
    for name, seed in [(g, s) for s in a.seeds for g in a.only if (g, s) not in have]:
        done = pd.concat([done, pd.DataFrame(measure(name, seed, a.runs))], ignore_index=True)
        done.to_csv(a.out, sep="\t", index=False, float_format="%.5g")
        print(name, seed, flush=True)
    done["regions a second"] = POSITIVES / (done.seconds + done.attributions)
    done["calls a second"] = done.calls / (done.seconds + done.attributions)
    columns = [
        "precision",
        "recall",
        "f1",
        "best_f1",
        "average_precision",
        "regions a second",
        "calls a second",
    ]
    print(
        done.set_index(["grammar", "method"])[[*columns, "seconds", "attributions", "before"]]
        .round(3)
        .to_string()
    )
    print(footer("one thread, seconds of the processor", f"L=500, {POSITIVES} positives"))


if __name__ == "__main__":
    main()

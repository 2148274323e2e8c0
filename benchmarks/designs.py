"""Sequences designed by rule and by gradient, judged by those that did not build them.

    pip install '.[design]'                          # Ledidi, the gradient-guided peer (Schreiber
    et al. 2025) python benchmarks/designs.py                     # 1,000 designs a grammar; run
    grammars.py and prediction.py first python benchmarks/designs.py --only rest --n 100 --parts
    rules

Judges: the grammar's Bayes oracle at the length of the designs, an ARGMINN of another seed, the
CNN, and the true motifs: best log-odds in bits on either strand, mean over the motifs of the
positive class, and the share of sequences in which FIMO finds each of these motifs (p <= FIMO).
Ledidi works on 500 bp, the length that its networks were trained on, with its own default settings,
towards a logit of 6, from 16 random templates, 16 designs of each. Rows of results/designs.tsv are
kept, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # FIMO's threads become torch's
import numpy as np
import pandas as pd
import torch
from footer import footer
from motifbook.grammar import GrammarBatches, Oracle, load_grammar, simulate_batch
from motifbook.peers import ExplaiNN, StandardCNN, fimo_calls
from safetensors.torch import load_file

from motiflib import controls, designing
from motiflib.discovery import find_motifs
from motiflib.model import Argminn
from motiflib.motif import Motif
from motiflib.sequence import decode, one_hot, shuffle
from motiflib.training import predict

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
TWINS, LONG, LOGIT = 200, 500, 6.0
# p-value: FIMO's default of 1e-4 is out of reach of MAX, whose best word of six bases has 2.4e-4
FIMO = 5e-4


class Column(torch.nn.Module):
    """A classifier with logits (B, 1), as Ledidi wants them."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)[:, None]


def load(name: str, runs: Path) -> tuple[dict, object, torch.nn.Module]:
    """The networks that build, ARGMINN's motifs, and the ARGMINN of another seed that judges."""
    argminn = Argminn.from_pretrained(runs / f"{name}-0-default").eval()
    out = {"argminn": argminn}
    for peer, network in (("cnn", StandardCNN(32)), ("explainn", ExplaiNN(32))):
        network.load_state_dict(load_file(runs / f"{name}-0-{peer}" / "model.safetensors"))
        out[peer] = network.eval()
    found = find_motifs(argminn, GrammarBatches(load_grammar(name), seed=0).sample(2000, 3).x)
    return out, found, Argminn.from_pretrained(runs / f"{name}-1-default").eval()


def motif_match(grammar, x: torch.Tensor) -> np.ndarray:
    """Best log-odds in bits of each motif of the positive class on either strand, mean over motifs:
    (n,)."""
    best = []
    for name in {m for a in grammar.positives for m in a.plant}:
        pwm = torch.tensor(np.log2(grammar.motifs[name].pfm / 0.25)).float()
        best.append(
            torch.nn.functional.conv1d(x, torch.stack([pwm, pwm.flip(0, 1)])).amax((1, 2)).numpy()
        )
    return np.mean(best, 0)


def judged(
    name: str, x: torch.Tensor, judge: torch.nn.Module, cnn: torch.nn.Module
) -> dict[str, float]:
    """What the judges say of sequences x."""
    grammar, x = load_grammar(name), x.float()
    oracle = torch.cat(
        [Oracle(grammar, x.shape[2]).log_likelihood_ratio(part) for part in x.split(500)]
    ).sigmoid()
    ours, theirs = predict(judge, x), predict(cnn, x)
    return {
        "sequences": len(x),
        "oracle > .99": float((oracle > 0.99).double().mean()),
        "oracle positive": float((oracle > 0.5).double().mean()),
        "other seed positive": float((ours > 0.5).double().mean()),
        "cnn positive": float((theirs > 0.5).double().mean()),
        "motif match": float(motif_match(grammar, x).mean()),
        "fimo": fimo_share(grammar, x),
    }


def fimo_share(grammar, x: torch.Tensor) -> float:
    """Share of sequences in which FIMO finds every motif of some arrangement of the positive
    class."""
    records = [(str(i), letters) for i, letters in enumerate(decode(x))]
    calls = fimo_calls(
        [Motif(name, motif.pfm) for name, motif in grammar.motifs.items()], records, FIMO
    )
    found = calls.groupby("sequence").motif.agg(set).to_dict()
    wanted = [set(a.plant) for a in grammar.positives]
    return float(
        np.mean([any(some <= found.get(name, set()) for some in wanted) for name, _ in records])
    )


def by_rule(name: str, models: dict, found, judge, n: int) -> list[dict]:
    """Designs of 200 bp and their twins, then designs of 500 bp for the comparison with the
    peers."""
    model, rows = models["argminn"], []
    began, cpu = time.perf_counter(), time.process_time()
    made = designing.design(model, found, n)
    seconds = {"seconds": time.perf_counter() - began, "cpu seconds": time.process_time() - cpu}
    left = designing.unmentioned(model, made)
    row = {
        "method": "rules",
        "kind": "design",
        "length": 200,
        **seconds,
        "model positive": (made.probability > 0.5).mean(),
    }
    row |= {of: (left[of] - left.probability).abs().median() for of in ("silenced", "redrawn")}
    rows.append(row | judged(name, made.x, judge, models["cnn"]))
    few = made._replace(
        codes=made.codes[:TWINS],
        probability=made.probability[:TWINS],
        names=made.names[:TWINS],
        sites=made.sites[made.sites.design.isin(made.names[:TWINS])],
    )
    for kind, twin in controls.twins(model, found, few).items():
        oracle = Oracle(load_grammar(name), 200).log_likelihood_ratio(twin.x).sigmoid().numpy()
        row = {
            "method": "rules",
            "kind": kind,
            "length": 200,
            "model positive": (twin.probability > 0.5).mean(),
            "negative for both": ((twin.probability < 0.5) & (oracle < 0.5)).mean(),
        }
        rows.append(row | judged(name, twin.x, judge, models["cnn"]))
    long = designing.design(model, found, 100, designing.Constraints(length=LONG))
    row = {
        "method": "rules",
        "kind": "design",
        "length": LONG,
        "model positive": (long.probability > 0.5).mean(),
    }
    rows.append(row | judged(name, long.x, judge, models["cnn"]))
    mixed = one_hot(shuffle([r.sequence for r in long.records]))
    return rows + [
        {
            "method": "shuffled designs",
            "kind": "control",
            "length": LONG,
            "model positive": float((predict(model, mixed) > 0.5).double().mean()),
            **judged(name, mixed, judge, models["cnn"]),
        }
    ]


def by_gradient(name: str, models: dict, judge, templates: int) -> list[dict]:
    """Ledidi on each network, the controls, and real sequences of both classes."""
    from ledidi import ledidi

    rng, rows = torch.Generator().manual_seed(5), []
    start = torch.eye(4)[torch.randint(4, (templates, LONG), generator=rng)].mT.contiguous()
    for model, network in models.items():
        began, made = time.process_time(), []
        for i in range(templates):
            made.append(
                ledidi(
                    Column(network),
                    start[i : i + 1],
                    torch.tensor([[LOGIT]]),
                    device="cpu",
                    verbose=False,
                    random_state=i,
                ).detach()
            )
        x = torch.cat(made)
        assert decode(x)  # hard sequences
        edits = float((x != start.repeat_interleave(len(made[0]), 0)).any(1).sum(1).double().mean())
        rows.append(
            {
                "method": f"ledidi on {model}",
                "kind": "design",
                "length": LONG,
                "edits": edits,
                "cpu seconds": time.process_time() - began,
                "model positive": float((predict(network, x) > 0.5).double().mean()),
                **judged(name, x, judge, models["cnn"]),
            }
        )
    x, y = simulate_batch(load_grammar(name), 400, LONG, seed=9)
    controls = {
        "random": torch.eye(4)[torch.randint(4, (200, LONG), generator=rng)].mT,
        "true positives": x[y > 0.5],
        "true negatives": x[y < 0.5],
    }
    for method, x in controls.items():
        rows.append(
            {
                "method": method,
                "kind": "control",
                "length": LONG,
                **judged(name, x, judge, models["cnn"]),
            }
        )
    return rows


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC)
    ask.add_argument("--n", type=int, default=1000)
    ask.add_argument("--templates", type=int, default=16)
    ask.add_argument("--parts", nargs="*", default=["rules", "gradient"])
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "designs.tsv")
    a = ask.parse_args()
    torch.set_num_threads(1)
    done = (
        pd.read_csv(a.out, sep="\t")
        if a.out.exists()
        else pd.DataFrame(columns=["grammar", "part"])
    )
    have = set(done[["grammar", "part"]].itertuples(index=False, name=None))
    for part in a.parts:
        for name in [g for g in a.only if (g, part) not in have]:
            models, found, judge = load(name, a.runs)
            rows = (
                by_rule(name, models, found, judge, a.n)
                if part == "rules"
                else by_gradient(name, models, judge, a.templates)
            )
            table = pd.DataFrame(rows).assign(grammar=name, part=part)
            done = pd.concat([done, table], ignore_index=True) if len(done) else table
            done.to_csv(a.out, sep="\t", index=False, float_format="%.5g")
            print(name, part, flush=True)
    first = ["grammar", "method", "kind", "length"]
    columns = [*first, *[c for c in done if c not in (*first, "part")]]
    done["grammar"] = pd.Categorical(done.grammar, CLASSIC, ordered=True)
    print(done.sort_values("grammar", kind="stable")[columns].round(4).to_string(index=False))
    print(footer("one thread"))


if __name__ == "__main__":
    main()

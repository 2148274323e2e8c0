"""`compile_grammar`: a grammar or a rule in, a network out."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from motifbook.compiler.cases import cases
from motifbook.compiler.logic import clauses
from motifbook.compiler.rules import Rule, rule_of
from motifbook.compiler.soft import write_soft
from motifbook.compiler.weights import plan, write
from motifbook.grammar import Grammar, simulate_batch
from motiflib.batches import Examples
from motiflib.files import need
from motiflib.model import Argminn
from motiflib.run.folder import Labelled, Run, load_run, save_run
from motiflib.sequence import decode, one_hot
from motiflib.training import Fit


def compile_grammar(grammar: Grammar | Rule, *, form: str = "consensus",
                    candidates: int = 48) -> Argminn:
    """A network whose weights are the rule: its logit is above 0 exactly where the rule holds.

    A grammar stands for `rule_of(grammar)`. The form "consensus" is exact for every sequence in
    which at most `candidates` windows answer; "pwm" reads motifs by their matrices, see `soft`.
    Raises InputError for a rule that breaks a bound, and names the bound.

    >>> from motifbook.compiler import present
    >>> model = compile_grammar(Rule({"A": "CACGTG", "B": "GATAAG"}, present("A") & ~present("B")))
    >>> bool(model(one_hot(["TTTCACGTGTTT"])) > 0)
    True
    """
    need(form in ("consensus", "pwm"), f"unknown form {form!r}: use consensus or pwm")
    rule = rule_of(grammar, rivals=form == "pwm") if isinstance(grammar, Grammar) else grammar
    drawn = plan(rule, clauses(rule))
    return write(drawn, candidates) if form == "consensus" else write_soft(drawn, candidates)


def compile_run(grammar: Grammar, out: str | Path, *, form: str = "consensus",
                candidates: int = 48) -> Run:
    """Compile a grammar and keep the network as the folder `out`, as a trained one is kept.

    Motifs, false discovery rates and metrics are read from sequences of the rule: `cases` in the
    form "consensus", simulated ones in the form "pwm". Raises InputError as `compile_grammar`
    does, or for a folder that holds an unfinished training.
    """
    model, out = compile_grammar(grammar, form=form, candidates=candidates), Path(out)
    length = max(300 if form == "consensus" else 500, 2 * grammar.longest())
    train, valid = (_examples(grammar, form, length, seed) for seed in (0, 1))
    need(not (out / "checkpoint").is_dir(), f"{out}: holds an unfinished training; choose another "
         f"folder, or delete {out / 'checkpoint'}")
    out.mkdir(parents=True, exist_ok=True)
    about = {"grammar": grammar.name, "form": form, "model": asdict(model.config),
             "data": {"length": length}}
    no_history = pd.DataFrame(columns=["epoch", "seconds"], dtype=float)
    save_run(out, Fit(model, no_history), train, valid, about)
    return load_run(out)


def _examples(grammar: Grammar, form: str, length: int, seed: int) -> Labelled:
    if form == "pwm":
        x, y = simulate_batch(grammar, 2000, length, seed=seed)
        return Labelled(Examples(x, y), decode(x[y > 0.5]))
    table = cases(rule_of(grammar), 500, length, seed)
    y = torch.tensor(table.holds.to_numpy(), dtype=torch.float32)
    return Labelled(Examples(one_hot(list(table.sequence)), y), list(table.sequence[table.holds]))

"""Rules planted by the ten grammars against the rules that are read from trained networks.

    python benchmarks/rules.py                      # 10 grammars x 3 seeds; run
    benchmarks/grammars.py first python benchmarks/rules.py --only rest --seeds 0

2,000 fresh sequences of both classes. A planted rule is a pair of neighbours in an arrangement of a
class: motifs, order, strands, bases between them. It is found if the table has a rule of the same
motifs, order and strands that speaks for the same class, and whose range overlaps the planted one;
the distance is right if both ends agree to 2 bp. Each rule of the table that fits no pair of any
arrangement is false. Results: results/rules.tsv (planted), results/rules_found.tsv.
"""

from __future__ import annotations

import argparse
from itertools import combinations, product
from pathlib import Path

import pandas as pd
from footer import footer

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
OURS = ["rest-nonadditive", "same-strand", "helical", "three-in-order"]
SEQUENCES = 2000
SLACK = 2  # bp
TURN = {"+": "-", "-": "+"}


def key(a: str, s: str, b: str, t: str) -> tuple:
    """An arrangement of two and its reverse complement under one name; a stands to the left, on
    strand s."""
    other = (b, TURN[t], a, TURN[s])
    return min((a, s, b, t), other)


def planted_rules(grammar) -> pd.DataFrame:
    """Pairs of motifs of all arrangements: key, speaks, gaps (bases between them), neighbours or
    not."""
    rules: dict[tuple, set] = {}
    for label, speaks in ((1, "for"), (0, "against")):
        for a in grammar.arrangements(label):
            for i, j in combinations(range(len(a.motifs) if a.weight > 0 else 0), 2):
                between = sum(grammar.motifs[m].width for m in a.motifs[i + 1 : j])
                gaps = {between + sum(each) for each in product(*a.gaps[i:j])}
                name = key(a.motifs[i], a.strands[i], a.motifs[j], a.strands[j])
                rules.setdefault((name, speaks, j == i + 1), set()).update(gaps)
    rows = [
        (*name, part, gaps)
        for name, every in rules.items()
        for part, gaps in enumerate(runs(every))
    ]
    return pd.DataFrame(rows, columns=["key", "speaks", "neighbours", "part", "gaps"])


def runs(gaps: set[int]) -> list[tuple[int, int]]:
    """Ends of each range of gaps without a hole of more than 2."""
    out: list[list[int]] = []
    for gap in sorted(gaps):
        if out and gap - out[-1][1] <= 2:
            out[-1][1] = gap
        else:
            out.append([gap, gap])
    return [tuple(ends) for ends in out]


def placed(found, grammar) -> dict[str, tuple]:
    """Each found motif's planted one: name, strand, bases cut on its left and right, whether it is
    a palindrome."""
    from motiflib.motif import align

    out = {}
    for motif in found:
        fits = [(align(planted, motif), name, planted) for name, planted in grammar.planted.items()]
        (score, start, strand), name, planted = max(fits, key=lambda fit: fit[0][0])
        if score >= 0.8:
            twin = align(planted, planted.reverse_complement())[0] > 0.9
            out[motif.name] = (name, strand, start, planted.width - start - motif.width, twin)
    return out


def in_planted_terms(rule, where: dict) -> tuple[list[tuple], int, int]:
    """Keys that a rule may stand for (a palindrome has no strand), and its range of gaps between
    the whole motifs."""
    (a, turn_a, left_a, right_a, twin_a), (b, turn_b, left_b, right_b, twin_b) = (
        where[m] for m in (rule.motif_a, rule.motif_b)
    )
    s = rule.strand_a if turn_a == "+" else TURN[rule.strand_a]
    t = rule.strand_b if turn_b == "+" else TURN[rule.strand_b]
    less = (right_a if s == "+" else left_a) + (left_b if t == "+" else right_b)
    strands = product({s, TURN[s]} if twin_a else {s}, {t, TURN[t]} if twin_b else {t})
    return [key(a, u, b, v) for u, v in strands], rule.gap_low - less, rule.gap_high - less


def as_planted(rule: pd.Series, where: dict) -> pd.Series:
    """The same rule with the strands and the distance of the planted motifs, for its sentence."""
    rule = rule.copy()
    for side in "ab":
        if where.get(rule[f"motif_{side}"], "++")[1] == "-":
            rule[f"strand_{side}"] = TURN[rule[f"strand_{side}"]]
    if rule.strand_a == rule.strand_b == "-":  # read from the other strand
        rule["motif_a"], rule["motif_b"], rule["strand_a"], rule["strand_b"] = (
            rule.motif_b,
            rule.motif_a,
            "+",
            "+",
        )
        rule["verdict"] = (
            rule.verdict.translate(str.maketrans("ab", "ba"))
            if ":" in rule.verdict
            else rule.verdict
        )
    if rule.fits or rule["is"] != "false":
        rule["gap_low"], rule["gap_high"] = rule.planted_low, rule.planted_high
    return rule


def measure(name: str, seed: int, runs_: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The planted rules with what was found of each, and the rules found with what they stand
    for."""
    from motifbook.grammar import GrammarBatches, load_grammar, simulate

    from motiflib.discovery import find_motifs
    from motiflib.model import Argminn
    from motiflib.sequence import decode
    from motiflib.syntax import find_rules, rule_sentence

    grammar = load_grammar(name)
    model = Argminn.from_pretrained(runs_ / f"{name}-{seed}-default").eval()
    motifs = find_motifs(model, GrammarBatches(grammar, seed=seed).sample(2000, 3).x)
    data = simulate(grammar, SEQUENCES, 500, 0.5, seed=7000 + seed)
    rules = find_rules(model, motifs, [(f"s{i}", s) for i, s in enumerate(decode(data.x))])
    truth, where, kept = planted_rules(grammar), placed(motifs.motifs, grammar), []
    names = {motif: place[0] for motif, place in where.items()}
    for rule in rules.itertuples():
        known = rule.motif_a in where and rule.motif_b in where
        keys, low, high = in_planted_terms(rule, where) if known else ([], 0, 0)
        fits = [
            low - SLACK <= g[1] and high + SLACK >= g[0] and k in keys
            for k, g in zip(truth.key, truth.gaps, strict=True)
        ]
        right = [i for i in truth.index[fits] if truth.speaks[i] == rule.speaks]
        kept.append(
            (
                low,
                high,
                tuple(right),
                "planted" if right else "wrong sign" if any(fits) else "false",
            )
        )
    rules[["planted_low", "planted_high", "fits", "is"]] = pd.DataFrame(
        kept, index=rules.index, columns=range(4)
    )
    rules["sentence"] = [
        rule_sentence(as_planted(rule, where), names) for _, rule in rules.iterrows()
    ]
    return judged(truth, rules).assign(grammar=name, seed=seed), rules.assign(
        grammar=name, seed=seed
    )


def judged(truth: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Each planted rule: found, the range found, right distance, and the network's verdict on the
    commonest rule."""
    rows = []
    for i, planted in truth.iterrows():
        mine = rules[[i in fits for fits in rules.fits]]
        low, high = (mine.planted_low.min(), mine.planted_high.max()) if len(mine) else (None, None)
        right = (
            len(mine) > 0
            and abs(low - planted.gaps[0]) <= SLACK
            and abs(high - planted.gaps[1]) <= SLACK
        )
        verdict = mine.sort_values("count").verdict.iloc[-1] if len(mine) else ""
        rows.append(
            (
                " ".join(planted.key),
                planted.speaks,
                planted.neighbours,
                *planted.gaps,
                len(mine) > 0,
                low,
                high,
                right,
                verdict,
                int(mine["count"].sum()),
                mine.p_value.min(),
            )
        )
    columns = [
        "rule",
        "speaks",
        "neighbours",
        "low",
        "high",
        "found",
        "found_low",
        "found_high",
        "distance_right",
        "verdict",
        "pairs",
        "p_value",
    ]
    return pd.DataFrame(rows, columns=columns)


def summary(planted: pd.DataFrame, found: pd.DataFrame) -> str:
    """Planted rules found per grammar, and rules of the table that are none, mean over seeds and
    worst seed."""
    near = planted[planted.neighbours].groupby(["grammar", "seed"], sort=False)
    table = near.agg(
        planted=("found", "size"), found=("found", "sum"), distance_right=("distance_right", "sum")
    )
    table = table.reindex(pd.MultiIndex.from_frame(planted_seeds(planted, found)), fill_value=0)
    for what in ("false", "wrong sign"):
        table[what] = (
            found[found["is"] == what]
            .groupby(["grammar", "seed"])
            .size()
            .reindex(table.index, fill_value=0)
        )
    return table.to_string()


def planted_seeds(planted: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Every grammar and seed that was looked at."""
    return pd.concat([planted, found])[["grammar", "seed"]].drop_duplicates()


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC + OURS)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results")
    a = ask.parse_args()
    files = [a.out / "rules.tsv", a.out / "rules_found.tsv"]
    planted, found = (pd.read_csv(f, sep="\t") if f.exists() else pd.DataFrame() for f in files)
    have = (
        set(planted_seeds(planted, found).itertuples(index=False, name=None))
        if len(planted)
        else set()
    )
    for seed in a.seeds:
        for name in a.only:
            if (name, seed) in have:
                continue
            rows, rules = measure(name, seed, a.runs)
            planted, found = (
                pd.concat([planted, rows]),
                pd.concat([found, rules.drop(columns="fits")]),
            )
            for table, file in zip((planted, found), files, strict=True):
                table.to_csv(file, sep="\t", index=False, float_format="%.5g")
            print(f"== {name} {seed}", *rules.sentence.head(4), sep="\n", flush=True)
    print("\n" + summary(planted, found))

    print(footer(f"L=500, {SEQUENCES} sequences, corrected p < 0.01"))


if __name__ == "__main__":
    main()

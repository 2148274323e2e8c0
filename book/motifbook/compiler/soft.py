"""The soft form: motifs sampled from matrices give evidence, not letters, so the same parts hold
log-odds in nats.

    scanner        a = LLR - threshold of the motif's matrix, where that is above 0 neighbourhood  n
    = log(1 + sum_j exp(LLR_j + KAPPA) / number of distances): the evidence for a partner token
    z = LLR + n + log prior of the place, one coordinate for each question attention      softmax
    over z: the posterior of where it is, against "nothing" at log(number of places)

It is not exact, as the logic of `weights` is: it is a place for training to start from.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from motifbook.compiler.logic import Near, refuse
from motifbook.compiler.rules import Rule
from motifbook.compiler.weights import Plan, _pair
from motiflib.model import GAIN, Argminn, ArgminnConfig, sinusoid

TOKEN, STREAM, HEADS = 32, 128, 4  # the default sizes: what the rule does not need is free to learn
KAPPA = 9.0  # how far below "no evidence" an absent partner pulls, in nats
FAR, OTHER = 6.0, 40.0  # price of a place where nothing is planted; of a token of another motif
PLACES = 5.3  # log of 100 starts on two strands
SCALE, THRESHOLD = 8.0, 3.0  # the carried constant, and the evidence at which both classes are equally probable


@torch.no_grad()
def write_soft(p: Plan, candidates: int, seed: int = 0) -> Argminn:
    """The network of a plan in the soft form; unneeded weights are small and random.

    Raises InputError for a count: evidence cannot be counted.
    """
    if any(n > 1 for _, n in p.questions):
        refuse(p.rule, "a count in the soft form", "presence (a count of 1)")
    torch.manual_seed(seed)
    reach = max((abs(s) for shifts in p.rows.values() for s in shifts), default=1)
    model = Argminn(ArgminnConfig(
        filters=len(p.filters), width=p.rule.width, layers=1, heads=max(HEADS, len(p.questions)),
        token=max(TOKEN, 2 * len(p.atoms) + 1), stream=max(STREAM, 2 * len(p.clauses) + 2), candidates=candidates,
        neighbourhood=max(reach, 10),
    )).eval()  # fmt: skip
    for name, parameter in model.named_parameters():
        if not name.endswith(("out.1.weight", "mlp.3.weight", "decide.0.weight")):
            parameter *= 0.1
    cut = [threshold(p.rule, name, candidates / len(p.filters)) for name in p.filters]
    _scanner(model, p, cut)
    _spacing(model, p, cut)
    _tokens(model, p, cut)
    _read(model, p)
    return model


def log_odds(rule: Rule, name: str) -> np.ndarray:
    """log(p / 0.25) of a motif in its window, (4, W), 0 beside it."""
    out = np.zeros((4, rule.width))
    left, motif = rule.offset(name), rule.motifs[name]
    out[:, left : left + motif.width] = np.log((motif.pfm + 1e-3) / 1.004 / 0.25)
    return out


def threshold(rule: Rule, name: str, hits: float) -> float:
    """The log-odds that `hits` of 1000 random windows exceed (500 bp on two strands)."""
    odds, rng = log_odds(rule, name), np.random.default_rng(0)
    draws = odds[rng.integers(0, 4, (20_000, rule.width)), np.arange(rule.width)].sum(1)
    return float(np.quantile(draws, 1 - hits / 1000))


def _scanner(model: Argminn, p: Plan, cut: list[float]) -> None:
    for f, name in enumerate(p.filters):
        model.scanner.filters[f] = torch.tensor(log_odds(p.rule, name))
        model.scanner.bias[f] = -cut[f]


def _spacing(model: Argminn, p: Plan, cut: list[float]) -> None:
    around = model.around
    level = math.log(2 * around.reach + 1)
    around.spacing.fill_((level - 10) / GAIN)
    for (anchor, channel), shifts in p.rows.items():
        on = cut[channel % len(p.filters)] + KAPPA - math.log(len(shifts))
        for shift in shifts:
            around.spacing[anchor, channel, around.reach + shift] = (on + level) / GAIN


def _tokens(model: Argminn, p: Plan, cut: list[float]) -> None:
    filters, channels = len(p.filters), model.config.channels
    mate = [*range(filters, channels), *range(filters)]
    embed, out, unit = model.embed, model.mix[1], 0
    for i, atom in enumerate(p.atoms):
        anchor, partners = p.channels[atom] if isinstance(atom, Near) else (p.filters.index(atom), ())
        shifts = [p.rows[anchor, c] for c in partners]
        for turn, (a, seen) in enumerate(((anchor, partners), (mate[anchor], [mate[c] for c in partners]))):
            embed.weight[unit] = 0
            embed.weight[unit, a] = 1
            embed.weight[unit, channels + a] = OTHER
            for c in seen:
                embed.weight[unit, 2 * channels + c] = 1
            weight, bias = place(p.rule, atom, shifts, turn == 1, model.config.position)
            embed.weight[unit, 3 * channels :] = weight
            embed.bias[unit] = cut[anchor] - OTHER - KAPPA * len(seen) + bias
            out.weight[i, unit] = 1
            unit += 1
    model.nothing[0, 0, -1] = 1


def place(rule: Rule, atom: str | Near, shifts: list[frozenset[int]], turned: bool, size: int) -> tuple[Tensor, float]:
    """Log prior of the anchor's place as a linear map of the position code: 0 where the grammar
    plants, -FAR elsewhere.

    Fitted by least squares on 300 bp to each side of the middle.
    """
    ahead = max((-float(np.mean(list(s))) for s in shifts), default=0.0)  # a partner on the left begins the arrangement
    width = rule.motifs[atom if isinstance(atom, str) else atom.anchor].width
    centre = (max(ahead, 0) + width / 2) * (-1 if turned else 1)
    offset = torch.arange(-300.0, 301.0)
    wanted = torch.where((offset - centre).abs() <= rule.within + 8, 0.0, -FAR)
    features = torch.cat([sinusoid(offset, size), torch.ones(len(offset), 1)], 1)
    ridge = 0.1 * torch.eye(size + 1)
    fit = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    return fit[:-1], float(fit[-1])


def _read(model: Argminn, p: Plan) -> None:
    """Heads, clauses and answer, as in the exact form, with evidence in the place of bits."""
    step, size = model.syntax.steps[0], model.config.token
    bias, last = step.query.bias.view(-1, size), step.mlp[2]
    for h, (atom, _) in enumerate(p.questions):
        i = p.atoms.index(atom)
        step.key[h] = torch.eye(size)
        step.value[h] = torch.eye(size)
        bias[h, i], bias[h, -1] = math.sqrt(size), PLACES * math.sqrt(size)
        _pair(step.out[0].weight, 1 + h, h * size + i, 1.0)
    _pair(step.out[0].bias[:, None], 0, 0, SCALE)
    where = {q: 1 + h for h, q in enumerate(p.questions)}
    step.mlp[0].weight[0, 0] = 1
    _pair(last.weight, 0, 0, 1.0)
    answer = model.config.stream // 2 - 1
    _pair(last.weight, answer, 0, -THRESHOLD / SCALE)
    for j, clause in enumerate(p.clauses, start=1):
        positive = sum(sign for _, _, sign in clause)
        for atom, n, sign in clause:
            step.mlp[0].weight[j, 2 * where[atom, n]] = 1.0 if sign else -1.0
        step.mlp[0].weight[j, 0] = -(positive - 1) * 1.5 * THRESHOLD / SCALE
        if not positive:
            step.mlp[0].weight[j, 0] = 2 * THRESHOLD / SCALE
        _pair(last.weight, answer, j, 1.0)
    model.syntax.decide[1].weight[0, 2 * answer] = 4 / math.sqrt(2 * model.config.stream)
    model.syntax.decide[1].weight[0, 2 * answer + 1] = -4 / math.sqrt(2 * model.config.stream)

"""The soft form: motifs sampled from matrices give evidence, not letters, so the same parts hold
log-odds in nats.

    scanner        a = LLR - threshold of the motif's matrix, where that is above 0
    neighbourhood  n = log(1 + sum_j exp(LLR_j + KAPPA) / number of distances), partner's evidence
    token          z = LLR + n + log prior of the place, one coordinate for each question
    attention      softmax over z, the posterior of the place; "nothing" at log(number of places)

It is not exact, as the logic of `weights` is: it is a place for training to start from.
"""

import math

import numpy as np
import torch
from torch import Tensor

from motifbook.compiler import weights
from motifbook.compiler.logic import Atom, refuse
from motifbook.compiler.rules import Rule
from motiflib.model import Argminn, ArgminnConfig, sinusoid

TOKEN, STREAM, HEADS = 32, 128, 4  # the default sizes: what the rule does not need can still learn
KAPPA = 9.0  # how far below "no evidence" an absent partner pulls, in nats
FAR, OTHER = 6.0, 40.0  # price of a place where nothing is planted; of a token of another motif
PLACES = 5.3  # log of 100 starts on two strands
SCALE = 8.0  # the carried constant
THRESHOLD = 3.0  # the evidence at which both classes are equally probable


@torch.no_grad()
def write_soft(p: weights.Plan, candidates: int) -> Argminn:
    """The network of a plan in the soft form; unneeded weights are small and random."""
    if any(n > 1 for _, n in p.questions):  # evidence cannot be counted
        refuse(p.rule, "a count in the soft form", "presence (a count of 1)")
    torch.manual_seed(0)
    model = Argminn(ArgminnConfig(
        filters=len(p.filters), width=p.rule.width, layers=1, heads=max(HEADS, len(p.questions)),
        token=max(TOKEN, 2 * len(p.atoms) + 1), stream=max(STREAM, 2 * len(p.clauses) + 2),
        candidates=candidates, neighbourhood=max(p.reach, 10),
    )).eval()
    for name, parameter in model.named_parameters():
        if not name.endswith(weights.NORMS):
            parameter *= 0.1
    cut = [threshold(p.rule, name, candidates / len(p.filters)) for name in p.filters]
    for f, name in enumerate(p.filters):
        model.scanner.filters[f] = torch.tensor(log_odds(p.rule, name))
        model.scanner.bias[f] = -cut[f]
    near = {}
    for (anchor, channel), shifts in p.rows.items():
        near[anchor, channel] = cut[channel % len(p.filters)] + KAPPA - math.log(len(shifts))
    weights.write_spacing(model, p, near, far=10)
    _tokens(model, p, cut)
    _ask(model, p)
    step, even = model.syntax.steps[0], THRESHOLD / SCALE
    weights.write_clauses(step, p, threshold=even, against=1.0, each=1.5 * even, alone=2 * even)
    weights.write_decision(model, 4.0)
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


def _tokens(model: Argminn, p: weights.Plan, cut: list[float]) -> None:
    channels, embed, unit = model.config.channels, model.embed, 0
    for i, atom in enumerate(p.atoms):
        anchor, partners = p.channels[atom]
        shifts = [p.rows[anchor, partner] for partner in partners]
        mates = [p.mate(partner) for partner in partners]
        for turned, a, seen in ((False, anchor, partners), (True, p.mate(anchor), mates)):
            embed.weight[unit] = 0
            embed.weight[unit, a] = 1
            embed.weight[unit, channels + a] = OTHER
            for partner in seen:
                embed.weight[unit, 2 * channels + partner] = 1
            slope, bias = place(p.rule, atom, shifts, turned, model.config.position)
            embed.weight[unit, 3 * channels :] = slope
            embed.bias[unit] = cut[anchor] - OTHER - KAPPA * len(seen) + bias
            model.mix[1].weight[i, unit] = 1
            unit += 1
    model.nothing[0, 0, -1] = 1


def place(rule: Rule, atom: Atom, shifts: list[frozenset[int]], turned: bool,
          size: int) -> tuple[Tensor, float]:
    """Log prior of the anchor's place, 0 where the grammar plants and -FAR elsewhere, as a linear
    map of the position code: least squares on 300 bp to each side of the middle."""
    # a partner on the left begins the arrangement
    ahead = max((-float(np.mean(list(s))) for s in shifts), default=0.0)
    width = rule.motifs[atom.anchor].width
    centre = (max(ahead, 0) + width / 2) * (-1 if turned else 1)
    offset = torch.arange(-300.0, 301.0)
    wanted = torch.where((offset - centre).abs() <= rule.within + 8, 0.0, -FAR)
    features = torch.cat([sinusoid(offset, size), torch.ones(len(offset), 1)], 1)
    ridge = 0.1 * torch.eye(size + 1)
    fit = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    return fit[:-1], float(fit[-1])


def _ask(model: Argminn, p: weights.Plan) -> None:
    """One head for each question, as in the exact form, with evidence in the place of bits."""
    step, size = model.syntax.steps[0], model.config.token
    bias = step.query.bias.view(-1, size)
    for h, (atom, _) in enumerate(p.questions):
        i = p.atoms.index(atom)
        step.key[h] = torch.eye(size)
        step.value[h] = torch.eye(size)
        bias[h, i], bias[h, -1] = math.sqrt(size), PLACES * math.sqrt(size)
        weights.write_pair(step.out[0].weight, 1 + h, h * size + i, 1.0)
    weights.write_pair(step.out[0].bias[:, None], 0, 0, SCALE)
